"""Inventories: the listings of a bucket that its provider makes.

This package is imported only for them, as it needs what the extra ``inventory`` installs.
"""
