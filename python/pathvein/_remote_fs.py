"""What the lister has to know of fsspec's file systems: which to ask, and how.

Part of `pathvein._remote`, and like it imported only for URLs and UPaths.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import os
import posixpath
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any, NamedTuple

from fsspec import AbstractFileSystem
from fsspec.archive import AbstractArchiveFileSystem
from fsspec.asyn import AsyncFileSystem, mirror_sync_methods
from fsspec.dircache import DirCache
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.implementations.cached import CachingFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.implementations.reference import ReferenceFileSystem

from pathvein import _retry
from pathvein._background import run_on
from pathvein._stores import package

# As many links as Linux follows in one path.
MAX_LINKS = 40
BAD_COMPONENTS = frozenset({"", ".", ".."})
# Not asynchronous, and known to stand several threads at a time.
_THREAD_SAFE_PROTOCOLS = frozenset({"webdav", "dav", "webhdfs", "webHDFS", "github", "gist"})
# File systems that answer from what they hold in memory: there is nothing to be stale.
_IN_MEMORY_PROTOCOLS = frozenset({"data", "memory", "reference"})


def entry_type(entry: Mapping[str, Any]) -> str:
    kind = str(entry.get("type")).lower()
    if kind in ("directory", "dir"):
        return "directory"
    return "link" if kind in ("link", "symlink") else "file"


def protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


# Choosing the file system object to list with


def unwrap(fs: Any, path: str) -> tuple[Any, str]:
    """The file system below those that only rename, cache or wrap, and the path there."""
    while True:
        if lists_like(fs, DirFileSystem):
            path = join(fs.path, path.strip("/")) if path.strip("/") else fs.path
            fs = fs.fs
        elif isinstance(fs, CachingFileSystem):
            fs = fs.fs
            path = fs._strip_protocol(path)
        elif isinstance(fs, AsyncFileSystemWrapper):
            # Its coroutines are threads, which what is below need not stand.
            fs = fs.sync_fs
        else:
            return fs, path


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
            if code is not None and _names(code, "dircache"):
                return True
    return False


def _names(code: CodeType, name: str) -> bool:
    if name in code.co_names:
        return True
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return any(_names(const, name) for const in inner)


def without_cache(fs: Any, changes: Mapping[str, Any] | None = None) -> tuple[Any, bool]:
    """A file system that lists afresh and leaves the user's as it was, and if it is a clone.

    `changes` are options in which a clone differs from the user's.
    """
    elsewhere = bool(getattr(fs, "asynchronous", False))
    if not _IN_MEMORY_PROTOCOLS.isdisjoint(protocols(fs)):
        return fs, False
    if not (keeps_listings(fs) or elsewhere):
        return fs, False
    options = {**fs.storage_options, "skip_instance_cache": True, "use_listings_cache": False}
    values = [*fs.storage_args, *options.values()]
    options |= changes or {}
    if elsewhere:
        # Meant for the caller's own loop, which does not run while the caller waits.
        options |= {"asynchronous": False, "loop": None}
    if not any(hasattr(value, "read") or isinstance(value, AbstractFileSystem) for value in values):
        try:
            clone = type(fs)(*fs.storage_args, **options)
        except MemoryError:
            raise
        except Exception:
            clone = fs
        if clone is not fs and type(clone) is type(fs):
            return clone, True
    if elsewhere or hasattr(type(fs), "__del__"):
        # A copy would use the other loop's connection, or take it down with it.
        return fs, False
    twin = _twin(fs)
    for name, value in vars(fs).items():
        if getattr(value, "__wrapped__", None):
            # A method, bound to the other.
            delattr(twin, name)
    twin.dircache = DirCache(use_listings_cache=False)
    if getattr(fs, "async_impl", False) and fs.mirror_sync_methods:
        mirror_sync_methods(twin)
    return twin, True


def listing_threads(fs: Any) -> int:
    """How many threads may list with a file system that is not asynchronous, at most."""
    names = protocols(fs)
    if package(fs) not in ("fsspec", "webdav4"):
        # Another may have taken the name of the protocol.
        return 1
    if "sftp" in names or "ssh" in names:
        # sshd lets ten sessions into one connection, and the user's is one.
        return 9 if hasattr(getattr(fs, "client", None), "open_sftp") else 1
    if "ftp" in names:
        return 4 if hasattr(fs, "ftp") else 1
    if _THREAD_SAFE_PROTOCOLS.isdisjoint(names):
        return 1
    return 16


@contextlib.contextmanager
def own_connection(fs: Any, *, lost: bool = False) -> Iterator[Any]:
    """A file system for one thread alone, where threads cannot share a connection.

    `lost`: not on a connection that there is, as that has failed.

    Raises what kept it from being made.
    """
    if hasattr(getattr(fs, "client", None), "open_sftp"):
        transport = None if lost else fs.client.get_transport()
        if transport is not None and transport.is_active():
            # Another channel of the same connection: no new login.
            fs, another = _twin(fs), None
            with contextlib.suppress(OSError):
                # Else a request waits until the one before has been acknowledged: 40 ms or so.
                transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            # The user's stays as it is.
            limits = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
            fs = another = again(fs, dict.fromkeys(limits, _retry.TIMEOUT))
            transport = fs.client.get_transport()
            fs.ftp.close()
        channel = None
        try:
            channel = fs.ftp = _open_sftp(transport)
            yield fs
        finally:
            with contextlib.suppress(Exception):
                if channel is not None:
                    channel.close()
                if another is not None:
                    another.client.close()
    elif "ftp" in protocols(fs):
        yield again(fs)
    elif hasattr(getattr(fs, "client", None), "with_retry"):
        # webdav4 would send requests again by itself.
        fs = _twin(fs)
        fs.client = copy.copy(fs.client)
        fs.client.with_retry = lambda request: request()
        yield fs
    else:
        yield fs


def _twin(fs: Any) -> Any:
    """A shallow copy. (`copy.copy` gives the very object, if it is a cached instance.)"""
    twin = object.__new__(type(fs))
    twin.__dict__.update(vars(fs))
    return twin


def again(fs: Any, defaults: Mapping[str, Any] | None = None) -> Any:
    """Another file system object of the same options, with another connection."""
    options = {**(defaults or {}), **fs.storage_options, "skip_instance_cache": True}
    return type(fs)(*fs.storage_args, **options)


def _open_sftp(transport: Any) -> Any:
    """A channel of a connection, on which nothing is waited for for ever."""
    from paramiko import SFTPClient

    channel = transport.open_session(timeout=_retry.TIMEOUT)
    try:
        channel.settimeout(_retry.TIMEOUT)
        channel.invoke_subsystem("sftp")
        return SFTPClient(channel)
    except BaseException:
        channel.close()
        raise


def refresh_options(fs: Any) -> dict[str, Any]:
    """What tells `ls` not to answer from the cache, where nothing better is possible."""
    for method in (getattr(type(fs), "_ls", None), getattr(type(fs), "ls", None)):
        names = getattr(getattr(method, "__code__", None), "co_varnames", ())
        for option in ("refresh", "invalidate_cache"):
            if option in names:
                return {option: True}
    return {}


def real_path(fs: Any, path: str) -> str | None:
    """The path without links, or `None` if the file system cannot tell."""
    if isinstance(fs, LocalFileSystem):
        return os.path.realpath(path)
    normalize = getattr(getattr(fs, "ftp", None), "normalize", None)  # paramiko
    if normalize is not None:
        return str(normalize(path))
    if _ssh_pool(fs) is not None:
        return run_on(fs.loop, real_path_async(fs, path))
    return None


async def real_path_async(fs: Any, path: str) -> str | None:
    """The same, for those that run on the loop of an asynchronous file system."""
    pool = _ssh_pool(fs)
    if pool is None:
        return None
    async with pool.get() as channel:
        return str(await channel.realpath(path))


def _ssh_pool(fs: Any) -> Any:
    """The connections of sshfs."""
    return getattr(fs, "_pool", None) if "ssh" in protocols(fs) else None


def join(base: str, rel: str) -> str:
    return f"{base}{rel}" if not base or base.endswith("/") else f"{base}/{rel}"


# File systems that have all their keys at hand


class Node:
    """A directory of a tree built from keys."""

    __slots__ = ("bad", "dirs", "files", "links")

    def __init__(self) -> None:
        self.dirs: dict[str, Node] = {}
        self.files: set[str] = set()
        self.links: set[str] = set()
        self.bad: dict[str, None] = {}


class _Key(NamedTuple):
    name: str
    is_dir: bool
    # Where a symbolic link leads to.
    target: str | None = None


def lists_like(fs: Any, cls: type[Any]) -> bool:
    """Whether `fs` is a `cls` whose `ls` no subclass has changed."""
    return isinstance(fs, cls) and getattr(type(fs), "ls", None) is cls.__dict__["ls"]


def holds_all_keys(fs: Any) -> bool:
    return (
        lists_like(fs, MemoryFileSystem)
        or lists_like(fs, AbstractArchiveFileSystem)
        # Unless they are read as they are needed, from files of tables.
        or (lists_like(fs, ReferenceFileSystem) and isinstance(fs.references, dict))
    )


def _keys(fs: Any) -> Iterator[_Key]:
    if isinstance(fs, MemoryFileSystem):
        for name in tuple(fs.pseudo_dirs):
            yield _Key(name.removeprefix("/"), True)
        for name in tuple(fs.store):
            yield _Key(name.removeprefix("/"), False)
    elif isinstance(fs, ReferenceFileSystem):
        for name in tuple(fs.references):
            yield _Key(name, False)
    elif hasattr(fs, "zip"):
        for info in fs.zip.infolist():
            target = None
            if stat.S_ISLNK(info.external_attr >> 16):
                target = fs.zip.read(info).decode("utf-8", "surrogateescape")
            yield _Key(info.filename, info.is_dir(), target)
    elif hasattr(fs, "tar"):
        for member in fs.tar.getmembers():
            # fsspec addresses members of tar archives with runs of slashes as one.
            name = re.sub("/+", "/", member.name)
            yield _Key(name, member.isdir(), member.linkname if member.issym() else None)
    else:
        fs._get_dirs()
        for name, info in fs.dir_cache.items():
            yield _Key(name, entry_type(info) == "directory")


def grow(fs: Any, base: str) -> Node:
    """The tree of all keys below `base`."""
    top = Node()
    prefix = f"{base}/" if base else ""
    exists = not base
    is_file = False
    keys = list(_keys(fs))
    linked_dirs = _links_to_directories(keys)
    for name, is_dir, _ in keys:
        if name in (base, prefix):
            if is_dir or name.endswith("/"):
                exists = True
            else:
                is_file = True
            continue
        if not name.startswith(prefix):
            continue
        exists = True
        node = top
        *parents, last = name[len(prefix) :].removesuffix("/").split("/")
        for component in parents:
            if component in BAD_COMPONENTS:
                node.bad[component] = None
                break
            node = node.dirs.setdefault(component, Node())
        else:
            if last in BAD_COMPONENTS:
                node.bad[last] = None
            elif is_dir or name.endswith("/"):
                node.dirs.setdefault(last, Node())
            elif name in linked_dirs:
                node.links.add(last)
            else:
                node.files.add(last)
    if not exists:
        code = errno.ENOTDIR if is_file else errno.ENOENT
        raise OSError(code, os.strerror(code))
    return top


def _links_to_directories(keys: list[_Key]) -> set[str]:
    """Those links of an archive that lead to one of its directories."""
    targets = {
        key.name: posixpath.normpath(posixpath.join(posixpath.dirname(key.name), key.target))
        for key in keys
        if key.target is not None
    }
    if not targets:
        return set()
    directories = {"."}
    for name, is_dir, _ in keys:
        parent = name.rstrip("/") if is_dir else posixpath.dirname(name)
        while parent and parent not in directories:
            directories.add(parent)
            parent = posixpath.dirname(parent)
    found = set()
    for name, target in targets.items():
        for _ in range(MAX_LINKS):
            if target not in targets:
                break
            target = targets[target]
        if target in directories:
            found.add(name)
    return found
