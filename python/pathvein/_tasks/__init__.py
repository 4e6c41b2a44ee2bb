"""Scans and checks by tasks, which an executor runs in other processes.

This package is imported only where an ``executor=`` is given. Its modules:

* `starting`: what `scan` and `check` call;
* `engine`: the producer of a :class:`~pathvein._stream.Stream`: it submits tasks and takes what
  comes of them, and knows nothing of trees;
* `division`: what the engine asks of the caller's side of a scan, which knows what of a tree is
  waiting: `subtrees` for directories, `stores` for ranges of keys;
* `executors`: what executors have in common, and where they differ;
* `plan`: what all tasks of a scan need, made once and sent with each;
* `work`: what runs in the worker, and what it sends back; `local`: that for local trees, and
  `stores` for others.
"""
