"""A private file system object that lists afresh, and leaves the user's as it was.

fsspec keeps listings for the whole process and without end. A file system that does so is
replaced, for listing only, by a clone without that cache. Whether a class keeps one is read off
its methods: they name ``dircache``. Where a clone cannot be made faithfully (an option is an open
file or another file system) or at all, a shallow copy with a cache of its own takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem, mirror_sync_methods
from fsspec.dircache import DirCache


def keeps_listings(fs: Any) -> bool:
    """Whether the file system may answer from listings that it has kept."""
    if len(getattr(fs, "dircache", None) or ()):
        return True
    for cls in type(fs).__mro__:
        if cls in (AbstractFileSystem, AsyncFileSystem, object):
            continue
        for value in vars(cls).values():
            value = getattr(value, "__wrapped__", value)
            code = getattr(getattr(value, "__func__", value), "__code__", None)
            if code is not None and _uses(code, "dircache"):
                return True
    return False


def _uses(code: CodeType, name: str) -> bool:
    if name in code.co_names:
        return True
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return any(_uses(const, name) for const in inner)


def refresh_options(fs: Any) -> dict[str, Any]:
    """What tells `ls` not to answer from the cache, for a file system that cannot be cloned."""
    for method in (getattr(type(fs), "_ls", None), getattr(type(fs), "ls", None)):
        names = getattr(getattr(method, "__code__", None), "co_varnames", ())
        for option in ("refresh", "invalidate_cache"):
            if option in names:
                return {option: True}
    return {}


def without_cache(fs: Any, changes: Mapping[str, Any]) -> tuple[Any, bool]:
    """A file system without a cache of listings, and whether it is a clone.

    `changes` are options in which a clone differs from the user's.
    """
    # Made for an event loop of the caller's, which does not run while the caller waits.
    elsewhere = bool(getattr(fs, "asynchronous", False))
    if not (keeps_listings(fs) or elsewhere):
        return fs, False
    options = {"use_listings_cache": False, **changes}
    if elsewhere:
        options |= {"asynchronous": False, "loop": None}
    values = [*fs.storage_args, *fs.storage_options.values()]
    if not any(hasattr(value, "read") or isinstance(value, AbstractFileSystem) for value in values):
        try:
            clone = made_again(fs, options)
        except MemoryError:
            raise
        except Exception:
            clone = fs
        if clone is not fs and type(clone) is type(fs):
            return clone, True
    if elsewhere or hasattr(type(fs), "__del__"):
        # A copy would use the other loop's connection, or close it at its end.
        return fs, False
    twin = shallow_copy(fs)
    for name, value in vars(fs).items():
        if getattr(value, "__wrapped__", None):
            # A method that is bound to the original.
            delattr(twin, name)
    twin.dircache = DirCache(use_listings_cache=False)
    if getattr(fs, "async_impl", False) and fs.mirror_sync_methods:
        mirror_sync_methods(twin)
    return twin, True


def shallow_copy(fs: Any) -> Any:
    """A shallow copy. (`copy.copy` gives a cached instance itself.)"""
    twin = object.__new__(type(fs))
    twin.__dict__.update(vars(fs))
    return twin


def made_again(
    fs: Any, options: Mapping[str, Any] | None = None, defaults: Mapping[str, Any] | None = None
) -> Any:
    """Another file system object of the same options, with a connection of its own.

    `options` take the place of its own, `defaults` do where it has none.
    """
    merged = {**(defaults or {}), **fs.storage_options, **(options or {})}
    return type(fs)(*fs.storage_args, **{**merged, "skip_instance_cache": True})
