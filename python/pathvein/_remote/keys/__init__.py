"""Flat listing: all keys of an object store, in pages, many requests at a time.

`planner` decides which requests are sent. `lister` sends them, and passes the keys to the core.
"""
