"""Copying: what the functions of :mod:`pathvein.shuffling` share.

* `results`: what they take, return and raise;
* `options`: how matches are copied;
* `places`: where a path, a URL or a UPath is;
* `running`: the copying itself, and what is logged of it.

The core copies from this machine to this machine, `pathvein._remote.copying` all else.
"""
