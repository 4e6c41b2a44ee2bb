"""Flat listing: all keys of an object store, in pages, many requests at a time.

`planner` decides what is asked for, `lister` asks, `scan` makes results of the keys.
"""
