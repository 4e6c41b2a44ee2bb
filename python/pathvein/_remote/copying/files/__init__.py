"""Reading and writing the files of each kind of file system, one file for each kind."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from fsspec.implementations.memory import MemoryFileSystem

from pathvein._remote.copying.files.base import Files
from pathvein._remote.filesystems import FileSystem

__all__ = ["Files", "files_of"]

#: By the class of the adapter that lists the file system.
_KINDS = {
    "AzureStore": "azure:AzureFiles",
    "GcsStore": "gcs:GcsFiles",
    "S3Store": "s3:S3Files",
    "Sftp": "sftp:SftpFiles",
    "Sshfs": "sshfs:SshfsFiles",
}


def files_of(adapter: FileSystem, url: Callable[[str], str]) -> Files:
    """The files that an adapter's file system has; `url` makes URLs of paths."""
    kind = _KINDS.get(type(adapter).__name__, "base:Files")
    if isinstance(adapter.fs, MemoryFileSystem):
        kind = "memory:MemoryFiles"
    module, _, name = kind.partition(":")
    files: type[Files] = getattr(import_module(f"pathvein._remote.copying.files.{module}"), name)
    return files(adapter, url)
