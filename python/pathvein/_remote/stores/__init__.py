"""Object stores, each asked for pages of keys by its own listing call.

The `ls` of their file systems costs more time, and hides keys: what is below a directory marker
or below a name that is a blob as well (adlfs), prefixes that end in a double slash (gcsfs). The
adapters here are chosen by `pathvein._remote.filesystems`.
"""
