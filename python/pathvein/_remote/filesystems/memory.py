"""File systems with all keys in memory: `memory`, `zip`, `tar` and other archives, `reference`.

If a name is both a file and a directory, their `ls` hides the entries of the directory. So the
tree is built from the keys, once for each source. The user's own object is used: a clone of
`memory` has another store, and an archive in a file object cannot be opened again.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fsspec.implementations.memory import MemoryFileSystem
from fsspec.implementations.reference import ReferenceFileSystem

from pathvein._listing import Listing, noted
from pathvein._remote.errors import cannot_open
from pathvein._remote.filesystems.generic import FileSystem, entry_type
from pathvein._remote.names import BAD_COMPONENTS, bad_component


class InMemory(FileSystem):
    """A file system whose keys are available without a request."""

    immediate = True
    _tree: _Node | None = None
    #: Why more may be in the tree than is known, anywhere.
    _damage: OSError | None = None

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self.in_process = isinstance(fs, MemoryFileSystem)
        self.may_have_links = not self.in_process

    async def real_path(self, rel: str) -> str | None:
        raise OSError(errno.EOPNOTSUPP, "links in archives are not followed")

    async def list(self, rel: str, skip: Callable[[str], bool] | None = None) -> Listing:
        if self._tree is None:
            try:
                self._tree = _build_tree(self.fs, self.base.strip("/"))
                if _is_damaged(self.fs):
                    message = "the archive is damaged: what follows its last member is no other"
                    damage = OSError(errno.EIO, message, self.url(""))
                    self._damage = noted(damage, "reading the directory")
            except MemoryError:
                raise
            except Exception as error:
                raise self.errors.os_error(error, self.url(""), "reading the directory") from error
        node: _Node | None = self._tree
        for component in rel.split("/") if rel else ():
            node = node.dirs.get(component) if node is not None else None
        if node is None:
            raise cannot_open(errno.ENOENT, self.url(rel))
        links = node.links - node.dirs.keys()
        listing = Listing([*node.dirs, *links], list(node.files), links)
        if self.with_infos:
            listing.infos = {name: {"size": size} for name, size in node.files.items()}
        listing.errors += [bad_component(self.url, rel, component) for component in node.bad]
        listing.failure = self._damage
        if self._damage is not None and not rel:
            listing.errors.append(self._damage)
        return listing


class References(FileSystem):
    """References that are loaded from tables when they are needed."""

    @classmethod
    def variant(cls, fs: Any, base: str) -> type[FileSystem]:
        return InMemory if isinstance(fs.references, dict) else cls

    @classmethod
    def clone(cls, fs: Any, concurrency: int) -> tuple[Any, bool]:
        return fs, False


class _Node:
    """A directory of a tree that is built from keys."""

    __slots__ = ("bad", "dirs", "files", "links")

    def __init__(self) -> None:
        self.dirs: dict[str, _Node] = {}
        #: Each with its size, if that is known.
        self.files: dict[str, int | None] = {}
        #: Links to directories.
        self.links: set[str] = set()
        #: Components that cannot be part of a path, each once.
        self.bad: dict[str, None] = {}


class _Key(NamedTuple):
    name: str
    is_dir: bool
    #: The target of a symbolic link.
    target: str | None = None
    size: int | None = None


def _keys(fs: Any) -> Iterator[_Key]:
    if isinstance(fs, MemoryFileSystem):
        for name in tuple(fs.pseudo_dirs):
            yield _Key(name.removeprefix("/"), True)
        for name in tuple(fs.store):
            file = fs.store.get(name)
            size = getattr(file, "size", None)
            yield _Key(name.removeprefix("/"), False, size=size)
    elif isinstance(fs, ReferenceFileSystem):
        for name in tuple(fs.references):
            yield _Key(name, False)
    elif hasattr(fs, "zip"):
        for info in fs.zip.infolist():
            target = None
            if stat.S_ISLNK(info.external_attr >> 16):
                target = fs.zip.read(info).decode("utf-8", "surrogateescape")
            yield _Key(_member(info.filename), info.is_dir(), target, info.file_size)
    elif hasattr(fs, "tar"):
        # fsspec reads a run of slashes in the name of a member as one.
        for member in fs.tar.getmembers():
            yield _Key(
                _member(re.sub("/+", "/", member.name)),
                member.isdir(),
                member.linkname if member.issym() else None,
                member.size if member.isreg() else None,
            )
    else:
        fs._get_dirs()
        for name, info in fs.dir_cache.items():
            yield _Key(name, entry_type(info) == "directory")


def _is_damaged(fs: Any) -> bool:
    """Whether a tar ends where a member should be: `tarfile` passes over what it cannot read."""
    if not hasattr(fs, "tar"):
        return False
    # Of the end there are two blocks of zeros, but not everybody writes them.
    fs.tar.fileobj.seek(fs.tar.offset)
    return bool(fs.tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"))


def _member(name: str) -> str:
    """The key of an archive's member: `tar` writes `./` before each if it is told to pack `.`."""
    return re.sub(r"\A(\.(/|\Z))+", "", name)


def _build_tree(fs: Any, base: str) -> _Node:
    """The tree of all keys below `base`."""
    top = _Node()
    prefix = f"{base}/" if base else ""
    exists = not base
    is_file = False
    keys = list(_keys(fs))
    linked_dirs = _links_to_directories(keys)
    for name, is_dir, _, size in keys:
        if name == base and not is_dir:
            is_file = True
            continue
        if name != base and not name.startswith(prefix):
            continue
        exists = True
        if name in (base, prefix):
            continue
        node = top
        *parents, last = name[len(prefix) :].removesuffix("/").split("/")
        for component in parents:
            if component in BAD_COMPONENTS:
                node.bad[component] = None
                break
            node = node.dirs.setdefault(component, _Node())
        else:
            if last in BAD_COMPONENTS:
                node.bad[last] = None
            elif is_dir or name.endswith("/"):
                node.dirs.setdefault(last, _Node())
            elif name in linked_dirs:
                node.links.add(last)
            else:
                node.files[last] = size
    if not exists:
        code = errno.ENOTDIR if is_file else errno.ENOENT
        raise OSError(code, os.strerror(code))
    return top


def _links_to_directories(keys: list[_Key]) -> set[str]:
    """The links of an archive that lead to one of its directories."""
    targets = {
        key.name: posixpath.normpath(posixpath.join(posixpath.dirname(key.name), key.target))
        for key in keys
        if key.target is not None
    }
    if not targets:
        return set()
    directories = {"."}
    for name, is_dir, _, _ in keys:
        parent = name.rstrip("/") if is_dir else posixpath.dirname(name)
        while parent and parent not in directories:
            directories.add(parent)
            parent = posixpath.dirname(parent)
    found = set()
    for name, target in targets.items():
        # Linux follows at most 40 links in one path.
        for _ in range(40):
            target = targets.get(target, target)
        if target in directories:
            found.add(name)
    return found
