"""Keys: paths as text or bytes, from an object store, an inventory, or a program such as `find`.

Its modules:

* `names`: paths of entries, and keys that cannot be paths;
* `batches`: keys from any iterable, and from the columns of Arrow, pandas and polars;
* `sorting`: keys in order, in memory or on disk;
* `places`: the source of keys, and what their paths are;
* `producer`: the producer of a scan;
* `files`: keys in files and pipes.
"""
