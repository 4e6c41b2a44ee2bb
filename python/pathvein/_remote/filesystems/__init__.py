"""What is special about each kind of fsspec file system: one adapter, one file.

An adapter knows how its file system is listed, what its `ls` hides, whether it has links, how
many requests or connections it stands, what its errors mean, and how to clone it without a cache
of listings. To add one, write a subclass of :class:`FileSystem` and add its line to `_ADAPTERS`.
"""

from __future__ import annotations

from importlib import import_module

from pathvein._remote.filesystems.generic import FileSystem

__all__ = ["FileSystem", "adapter_class"]

#: The adapter of a module, or of a package, whose class lists.
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


def adapter_class(kind: type) -> type[FileSystem]:
    """The adapter for a class of file systems: by the module of its `ls`.

    A subclass that lists in its own way gets :class:`FileSystem`, whatever it calls itself: what
    is known of the base class may not hold for it.
    """
    for cls in kind.__mro__:
        if "ls" in vars(cls) or "_ls" in vars(cls):
            module = str(cls.__module__)
            found = _ADAPTERS.get(module) or _ADAPTERS.get(module.partition(".")[0])
            if found is None:
                break
            room, _, name = found.partition(":")
            adapter: type[FileSystem] = getattr(import_module(f"pathvein._remote.{room}"), name)
            return adapter
    return FileSystem
