"""The adapters of object stores, which send the listing request of the store themselves.

The `ls` of their file systems takes more time, and hides keys: those below a directory marker, or
below a name that is also a blob (adlfs), and prefixes that end in a double slash (gcsfs).
`pathvein._remote.filesystems` chooses the adapter.
"""
