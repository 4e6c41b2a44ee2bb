"""File systems that only rename, cache or wrap another one, which is listed in their place."""

from __future__ import annotations

from typing import Any

from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.implementations.cached import CachingFileSystem
from fsspec.implementations.dirfs import DirFileSystem

from pathvein._remote.names import join


def unwrap(fs: Any, path: str) -> tuple[Any, str]:
    """The file system behind all wrappers, and the path on it."""
    while True:
        if isinstance(fs, DirFileSystem) and type(fs).ls is DirFileSystem.ls:
            path = join(fs.path, path.strip("/")) if path.strip("/") else fs.path
            fs = fs.fs
        elif isinstance(fs, CachingFileSystem):
            fs = fs.fs
            path = fs._strip_protocol(path)
        elif isinstance(fs, AsyncFileSystemWrapper):
            # It uses several threads, which the file system behind it may not support.
            fs = fs.sync_fs
        else:
            return fs, path
