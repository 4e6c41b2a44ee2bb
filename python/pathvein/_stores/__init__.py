"""Stores whose own listing call is known: one request each, for `pathvein._keys`.

Each module has a class with `page` (see :class:`pathvein._keys.lister.Store`), made of a file
system and of the source's path on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pathvein._keys.lister import Store
from pathvein._retry import Tally

__all__ = ["clone_options", "open_store", "package"]


def package(fs: Any) -> str:
    """The package whose listing the file system has."""
    for cls in type(fs).__mro__:
        if "ls" in vars(cls) or "_ls" in vars(cls):
            return str(cls.__module__).partition(".")[0]
    return ""


def clone_options(fs: Any, concurrency: int) -> Mapping[str, Any]:
    """What a clone of the file system is to be made with to list well."""
    if package(fs) == "s3fs":
        from pathvein._stores import s3

        return s3.clone_options(fs, concurrency)
    return {}


def open_store(fs: Any, base: str, tally: Tally, *, private: bool) -> Store | None:
    """The store that a path of a file system leads to; `None` if it is no store known here.

    Args:
        fs: The file system object.
        base: The path on it.
        tally: Where the requests are counted that a page takes beside its own.
        private: Whether the object is nobody else's.
    """
    base = base.strip("/")
    name = package(fs)
    if not base:
        if name not in ("adlfs", "gcsfs", "s3fs"):
            return None
        from pathvein._stores.root import RootStore

        def open_bucket(bucket: str) -> Store:
            store = open_store(fs, bucket, tally, private=private)
            assert store is not None
            return store

        return RootStore(fs, name, open_bucket)
    if name == "s3fs":
        from pathvein._stores.s3 import S3Store

        return S3Store(fs, base, private=private)
    if name == "gcsfs":
        from pathvein._stores.gcs import GcsStore

        return GcsStore(fs, base, tally)
    if name == "adlfs":
        from pathvein._stores.azure import AzureStore

        return AzureStore(fs, base, tally)
    return None
