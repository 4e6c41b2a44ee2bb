"""The adapters of the file systems of fsspec, one file for each kind.

An adapter knows how its file system is listed, which entries its `ls` hides, whether it has links,
how many requests or connections it supports, what its errors mean, and how to clone it without a
cache of listings. To add one, write a subclass of :class:`FileSystem`, or for an object store of
:class:`pathvein._remote.stores.base.ObjectStore`, and a line in `_ADAPTERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pathvein._remote.filesystems.generic import FileSystem
from pathvein._remote.names import join

__all__ = ["FileSystem", "adapter_class", "is_wrapper", "open_adapter", "unwrapped_file_system"]

#: Adapters by the module, or the package, of the class that defines `ls`: the module in
#: `pathvein._remote`, and the class.
_ADAPTERS = {
    "adlfs": "stores.azure:AzureStore",
    "fsspec.archive": "filesystems.memory:InMemory",
    "fsspec.implementations.ftp": "filesystems.ftp:Ftp",
    "fsspec.implementations.gist": "filesystems.generic:ThreadSafe",
    "fsspec.implementations.github": "filesystems.generic:ThreadSafe",
    "fsspec.implementations.http": "filesystems.http:Http",
    "fsspec.implementations.local": "filesystems.local:Local",
    "fsspec.implementations.memory": "filesystems.memory:InMemory",
    "fsspec.implementations.reference": "filesystems.memory:References",
    "fsspec.implementations.sftp": "filesystems.sftp:Sftp",
    "fsspec.implementations.webhdfs": "filesystems.generic:ThreadSafe",
    "gcsfs": "stores.gcs:GcsStore",
    "s3fs": "stores.s3:S3Store",
    "sshfs": "filesystems.sshfs:Sshfs",
    "webdav4": "filesystems.webdav:WebDav",
}
_WEB = frozenset({"http", "https"})
#: Modules of file systems that wrap another one, which is listed in their place.
_WRAPPERS = frozenset(
    f"fsspec.implementations.{name}" for name in ("asyn_wrapper", "cached", "dirfs")
)


def open_adapter(
    fs: Any, path: str, *, name: str, url: Callable[[str], str], concurrency: int | None
) -> FileSystem:
    """The adapter for the source at a path of a file system. See `FileSystem` for the arguments.

    Raises `ValueError` if the file system works only on an event loop of its caller's.
    """
    fs, path = unwrapped_file_system(fs, path)
    adapter = adapter_class(type(fs)).variant(fs, path)
    fs, private = adapter.clone(fs, concurrency or adapter.concurrency)
    if not adapter.immediate and getattr(fs, "asynchronous", False):
        raise ValueError(
            f"{url('')!r} is of a file system with asynchronous=True, which only its caller's own "
            "event loop can use, and another with its options cannot be made"
        )
    return adapter(fs, path, name=name, url=url, concurrency=concurrency, private=private)


def is_wrapper(kind: type[Any]) -> bool:
    """Whether it is a class of file systems that wrap another one."""
    return not _WRAPPERS.isdisjoint(cls.__module__ for cls in kind.__mro__)


def unwrapped_file_system(fs: Any, path: str) -> tuple[Any, str]:
    """The file system behind all wrappers, and the path on it."""
    if not is_wrapper(type(fs)):
        return fs, path
    # Slow to import, so only if there is a wrapper.
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
    from fsspec.implementations.cached import CachingFileSystem
    from fsspec.implementations.dirfs import DirFileSystem

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


def adapter_class(kind: type[Any]) -> type[FileSystem]:
    """The adapter for a class of file systems, by the module of its `ls`.

    A subclass with an `ls` of its own gets :class:`FileSystem`, whatever its protocol: it may
    differ from its base class in anything. But what is listed by HTTP are pages in any case.
    """
    found = None
    for cls in kind.__mro__:
        if "ls" in vars(cls) or "_ls" in vars(cls):
            module = str(cls.__module__)
            found = _ADAPTERS.get(module) or _ADAPTERS.get(module.partition(".")[0])
            break
    protocols = getattr(kind, "protocol", ())
    if found is None and not _WEB.isdisjoint(
        [protocols] if isinstance(protocols, str) else protocols
    ):
        found = _ADAPTERS["fsspec.implementations.http"]
    if found is None:
        return FileSystem
    module, _, name = found.partition(":")
    adapter: type[FileSystem] = getattr(import_module(f"pathvein._remote.{module}"), name)
    return adapter
