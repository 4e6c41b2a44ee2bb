"""Listing directory by directory: one request, or a few, for each."""
