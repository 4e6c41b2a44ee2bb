"""Listing directories of anything that a UPath can name.

This module is imported only when a source is a URL or a UPath, so that
``import pathvein`` needs neither fsspec nor universal-pathlib.

A :class:`RemoteSource` lists one directory per call and classifies its entries as
docs/semantics.md says. How a directory is read depends on the file system:

* ``memory``, ``zip``, ``tar`` and other archives: all keys are at hand, but their ``ls``
  hides what is below a name that is a file as well, so the tree is built from the keys, once
  for each source object.
* a local file system (below ``dir::``, ``simplecache::`` and the like): ``os.scandir``.
* Azure and Google Cloud: the request that ``ls`` makes, sent without it. adlfs hides what is
  below a directory marker, or below a name that is a blob as well; gcsfs drops prefixes that
  end in a double slash.
* all others: one ``ls(detail=True)`` per directory, and nothing per entry, except one
  ``info`` per symbolic link.

Listings are never taken from a cache, nor left in one. A file system that keeps a listings
cache is replaced, for listing only, by a private clone without one; any other is used as it
is. Whether a class keeps one is read off its methods: they name ``dircache``. Where
constructing a clone is not faithful (an option is an open file or another file system) or
fails, a shallow copy with a cache of its own takes its place. Results are always made from
the user's own path.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

try:
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]
    from fsspec.archive import AbstractArchiveFileSystem  # type: ignore[import-untyped]
    from fsspec.asyn import (  # type: ignore[import-untyped]
        AsyncFileSystem,
        mirror_sync_methods,
        sync,
    )
    from fsspec.dircache import DirCache  # type: ignore[import-untyped]
    from fsspec.implementations.cached import (  # type: ignore[import-untyped]
        CachingFileSystem,
    )
    from fsspec.implementations.dirfs import DirFileSystem  # type: ignore[import-untyped]
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
    from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
    from upath import UPath
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

__all__ = ["Listing", "Place", "RemoteSource", "is_url", "open_source", "walk_remote"]

_LOCAL_PROTOCOLS = frozenset({"", "file", "local"})
_HTTP_PROTOCOLS = frozenset({"http", "https"})
# File systems that answer from what they hold in memory: there is nothing to be stale.
_IN_MEMORY_PROTOCOLS = frozenset({"data", "memory", "reference"})
_EXTRAS = {"s3fs": "s3", "gcsfs": "gcs", "adlfs": "azure"}
# As many links as Linux follows in one path.
_MAX_LINKS = 40
_BAD_COMPONENTS = frozenset({"", ".", ".."})


@dataclass(slots=True)
class Listing:
    """The entries of one directory, in no particular order."""

    #: Directories, and links that lead to one.
    dirnames: list[str] = field(default_factory=list)
    #: Everything else. A name may be here and in `dirnames`.
    filenames: list[str] = field(default_factory=list)
    #: Those of `dirnames` that are links.
    links: set[str] = field(default_factory=set)
    #: What could not be read or addressed, each with a `filename`.
    errors: list[OSError] = field(default_factory=list)


class Place(NamedTuple):
    """A directory that a walk has reached, with the way that led there."""

    #: The path relative to the source, `""` for the source itself.
    rel: str
    #: The directory above on the visited path, `None` for the source.
    parent: Place | None
    #: The path without links, where links are followed and the file system can tell.
    real: str | None
    #: Number of links on the way.
    links: int


def is_url(source: str) -> bool:
    """Whether `source` is a URL, by the rule that any other string is a local path."""
    return "://" in source or "::" in source


def open_source(
    source: str | UPath, storage_options: Mapping[str, Any] | None = None
) -> RemoteSource | str:
    """Opens a URL or a UPath for listing; for one that is local returns its path instead.

    `storage_options` are added to those that a UPath carries already. Nothing is listed yet;
    an archive is opened, though. Relative components are resolved.

    Raises `ImportError` if the file system's package is missing, `ValueError` if the protocol
    is unknown, an `OSError` if the file system cannot be reached or the archive cannot be read.
    """
    path = _upath(source, storage_options)
    if path.protocol in _LOCAL_PROTOCOLS:
        return path.path
    return RemoteSource(path, resolve=True)


def _upath(source: str | UPath, storage_options: Mapping[str, Any] | None = None) -> UPath:
    if isinstance(source, UPath) and not storage_options:
        return source
    try:
        path: UPath = UPath(source, **(storage_options or {}))
        return path
    except ImportError as error:
        raise _missing_backend(str(source), error) from error


def _missing_backend(url: str, error: ImportError) -> ImportError:
    text = f"{error.name or ''} {error}"
    extra = next((extra for package, extra in _EXTRAS.items() if package in text), None)
    hint = f"pip install 'pathvein[{extra}]'" if extra else str(error)
    return ImportError(f"the file system package for {url!r} is missing: {hint}", name=error.name)


class RemoteSource:
    """The source of one scan or walk, and the lister of the directories below it.

    A local UPath is welcome. The object belongs to one scan: an archive's or a memory file
    system's keys are read once.
    """

    def __init__(self, path: UPath, *, resolve: bool = False) -> None:
        #: The user's path; every result is made from it.
        self.root = path
        url = str(path)
        try:
            # Reading `.fs` also makes every path derived from the root share that object.
            user_fs: Any = path.fs
            if resolve:
                self.root = _resolved(path, user_fs)
            where = self.root.path
        except (MemoryError, TypeError, ValueError):
            raise
        except ImportError as error:
            raise _missing_backend(url, error) from error
        except Exception as error:
            raise _os_error(error, url, "opening the file system") from error
        self._path = where
        self._url = str(self.root)
        self._http = path.protocol in _HTTP_PROTOCOLS
        fs, base = _unwrap(user_fs, where)
        #: The file system that listings come from.
        self.fs: Any = fs
        self._options: dict[str, Any] = {}
        #: The source's path there, without a trailing slash unless it is the root.
        self._base = base.rstrip("/") or base[:1]
        # Web servers tell directories by the slash, and redirect those who leave it out.
        self._slash = "/" if self._http and base.endswith("/") else ""
        self._private = False
        self._tree: _Node | None = None
        self._local = _lists_like(fs, LocalFileSystem)
        self._flat = not self._local and _holds_all_keys(fs)
        if not self._local and not self._flat:
            self.fs, self._private = _without_cache(fs)
            if self.fs is fs and _keeps_listings(fs):
                self._options = _refresh_options(fs)

    def __repr__(self) -> str:
        return f"RemoteSource({self.root!r})"

    @property
    def name(self) -> str:
        """The source's name: empty for the root of a file system, bucket or archive."""
        name: str = self.root.name
        if not name and self._http:
            name = self._path.partition("://")[2].rstrip("/").partition("/")[2]
            name = name.rpartition("/")[2]
        return name

    def url(self, rel: str = "") -> str:
        """The URL of an entry, for messages: unlike a path it can hold any key."""
        if not rel:
            return self._url
        head, chain, rest = self._url, "", ""
        if not (self._path and head.endswith(self._path)):
            head, chain, rest = head.partition("::")
        return f"{_join(head, rel)}{chain}{rest}"

    def path(self, rel: str = "") -> UPath:
        """The user's path, extended by `rel`: of its class and with its options.

        Raises `OSError` (`EINVAL`) if universal-pathlib cannot express the name.
        """
        if not rel:
            return self.root
        # `http:/x` would be taken for a URL.
        components = rel.split("/") if ":" in rel else [rel]
        try:
            path = self.root.joinpath(*components)
        except (NotImplementedError, ValueError) as error:
            raise _unaddressable(self.url(rel), str(error)) from error
        expected = _join(self._path, rel)
        # The path of a bucket may end with a slash.
        if path.path.removesuffix("/") != expected and path.protocol not in _LOCAL_PROTOCOLS:
            raise _unaddressable(self.url(rel), "it changes when it is made a path")
        return path

    def top(self, *, follow_links: bool = False) -> Place:
        """Where a walk begins."""
        real = None
        if follow_links:
            try:
                real = _real_path(self.fs, self._base)
            except Exception as error:
                raise _os_error(error, self._url, "resolving the source") from error
        return Place("", None, real, 0)

    def enter(self, place: Place, name: str, *, is_link: bool = False) -> Place:
        """The directory `name` of `place`; `is_link` if the listing has it in `links`.

        Entering a link that leads to a directory on the visited path raises `OSError`
        (`ELOOP`). Where the file system cannot resolve paths, so does the 41st link in a row
        of directories.
        """
        rel = _join(place.rel, name)
        if not is_link:
            real = None if place.real is None else _join(place.real, name)
            return Place(rel, place, real, place.links)
        url = self.url(rel)
        doing = "following the link"
        if self._flat:
            error = OSError(errno.EOPNOTSUPP, "links in archives are not followed", url)
            raise _noted(error, doing)
        try:
            real = _real_path(self.fs, self._where(rel))
        except MemoryError:
            raise
        except Exception as cause:
            raise _os_error(cause, url, doing) from cause
        ancestor: Place | None = place
        while real is not None and ancestor is not None:
            if ancestor.real == real:
                message = f"the link leads back to {self.url(ancestor.rel)!r}"
                raise _noted(OSError(errno.ELOOP, message, url), doing)
            ancestor = ancestor.parent
        if place.links >= _MAX_LINKS:
            raise _noted(OSError(errno.ELOOP, os.strerror(errno.ELOOP), url), doing)
        return Place(rel, place, real, place.links + 1)

    def list(self, rel: str = "") -> Listing:
        """Lists one directory, by its path relative to the source, with one request.

        Raises `FileNotFoundError` if it does not exist (any more), another `OSError` if it
        cannot be read at all; for the source itself also `NotADirectoryError`. `filename` is
        the URL. Whatever goes wrong with a part of the listing is in its `errors`.
        """
        if self._local:
            return self._list_local(rel)
        if self._flat:
            return self._list_keys(rel)
        return self._list_fs(rel)

    def _where(self, rel: str) -> str:
        return _join(self._base, rel) if rel else self._base

    def _list_local(self, rel: str) -> Listing:
        listing = Listing()
        try:
            entries = os.scandir(self._where(rel))
        except OSError as error:
            raise _os_error(error, self.url(rel), "opening the directory") from error
        with entries:
            while True:
                try:
                    entry = next(entries, None)
                except OSError as error:
                    url = self.url(rel)
                    listing.errors.append(_os_error(error, url, "reading the directory"))
                    break
                if entry is None:
                    break
                is_dir = False
                try:
                    is_dir = entry.is_dir()
                    if is_dir and entry.is_symlink():
                        listing.links.add(entry.name)
                except OSError as error:
                    if not _is_broken_link(error):
                        url = self.url(_join(rel, entry.name))
                        listing.errors.append(_os_error(error, url, "following the link"))
                (listing.dirnames if is_dir else listing.filenames).append(entry.name)
        return listing

    def _list_keys(self, rel: str) -> Listing:
        if self._tree is None:
            try:
                self._tree = _grow(self.fs, self._base.strip("/"))
            except MemoryError:
                raise
            except Exception as error:
                raise _os_error(error, self._url, "reading the directory") from error
        node: _Node | None = self._tree
        for component in rel.split("/") if rel else ():
            node = node.dirs.get(component) if node is not None else None
        if node is None:
            raise _missing(self.url(rel))
        links = node.links - node.dirs.keys()
        listing = Listing([*node.dirs, *links], list(node.files), links)
        for component in node.bad:
            listing.errors.append(self._bad_component(rel, component))
        return listing

    def _list_fs(self, rel: str) -> Listing:
        url = self.url(rel)
        where = self._where(rel)
        where += "/" if self._http and rel else self._slash
        builder = _Builder(where, self._http)
        listing = builder.listing
        try:
            if _is_from(self.fs, "adlfs") and builder.where:
                _list_azure(self.fs, builder)
            elif _is_from(self.fs, "gcsfs") and builder.where:
                _list_gcs(self.fs, builder)
            else:
                for entry in self._ls(where):
                    builder.add(entry)
        except MemoryError:
            raise
        except Exception as error:
            failure = _os_error(error, url, "reading the directory")
            if not builder.entries:
                if not rel and isinstance(failure, FileNotFoundError):
                    self._check_source(failure)
                raise failure from error
            failure.__cause__ = error
            listing.errors.append(failure)
        else:
            if builder.is_file and builder.entries == 1:
                # The entry itself: what some file systems answer for a file.
                raise _noted(_not_a_directory(url), "opening the directory")
            if not builder.entries and not rel:
                self._check_source(None)
        for component in builder.bad:
            listing.errors.append(self._bad_component(rel, component))
        for name in builder.linked:
            self._resolve_link(listing, rel, name)
        return listing

    def _ls(self, where: str) -> Iterable[Mapping[str, Any]]:
        try:
            entries: Iterable[Mapping[str, Any]] = self.fs.ls(where, detail=True, **self._options)
        except KeyError:
            # Some read a listing back from the cache that they have just put it in.
            cache = getattr(self.fs, "dircache", None)
            if not self._private or not isinstance(cache, DirCache) or cache.use_listings_cache:
                raise
            cache.use_listings_cache = True
            try:
                entries = self.fs.ls(where, detail=True, **self._options)
            finally:
                cache.use_listings_cache = False
                cache.clear()
        return entries

    def _check_source(self, missing: FileNotFoundError | None) -> None:
        """Tells missing, file and empty apart, once, for a source that lists nothing.

        Returns if it may be an empty directory, or if nothing better than `missing` is known.
        """
        if not self.root.name and not self._http:
            return
        try:
            info = self.fs.info(self._base)
        except MemoryError:
            raise
        except Exception as error:
            failure = _os_error(error, self._url, "opening the directory")
            if missing is None and isinstance(failure, FileNotFoundError | PermissionError):
                raise failure from error
            return
        is_file = _kind(info) == "file"
        if self._http:
            # Everything is a file there; only a page can list something.
            is_file = is_file and info.get("mimetype") not in (None, "text/html")
        if is_file:
            raise _noted(_not_a_directory(self._url), "opening the directory")

    def _resolve_link(self, listing: Listing, rel: str, name: str) -> None:
        child = _join(rel, name)
        kind = "file"
        try:
            kind = _kind(self.fs.info(self._where(child)))
        except MemoryError:
            raise
        except Exception as error:
            if not (isinstance(error, OSError) and _is_broken_link(error)):
                failure = _os_error(error, self.url(child), "following the link")
                failure.__cause__ = error
                listing.errors.append(failure)
        if kind != "directory":
            listing.filenames.append(name)
        elif name not in listing.dirnames:
            listing.links.add(name)
            listing.dirnames.append(name)

    def _bad_component(self, rel: str, component: str) -> OSError:
        what = f"a component {component!r}" if component else "an empty component"
        # An empty component shows as the doubled slash that it is.
        url = self.url(_join(rel, component) if component else f"{_join(rel, '')}/")
        return _unaddressable(url, f"the key has {what}")


def walk_remote(
    source: RemoteSource,
    *,
    max_depth: int | None = None,
    follow_links: bool = False,
    excluded: Callable[[str, bool], bool] | None = None,
    on_error: Callable[[OSError], object] = lambda error: None,
) -> Iterator[tuple[UPath, list[str], list[str]]]:
    """Walks `source`, giving each directory as its path, directory names and file names.

    Directories come before those below them. Names removed from the list of directory names
    in place are not entered. `excluded` is given each entry's relative path and whether it is
    a directory; what it holds for is neither listed nor entered. `max_depth` 0 gives the
    source alone. Links are entered only with `follow_links`, loops never.

    The source's own failure is raised, each other one handed to `on_error`. A directory that
    is gone when it is opened is left out.
    """
    stack = [source.top(follow_links=follow_links)]
    while stack:
        place = stack.pop()
        try:
            listing = source.list(place.rel)
            path = source.path(place.rel)
        except OSError as error:
            if place.parent is None:
                raise
            if not isinstance(error, FileNotFoundError):
                on_error(error)
            continue
        for problem in listing.errors:
            on_error(problem)
        dirnames, filenames = listing.dirnames, listing.filenames
        if excluded is not None:
            prefix = f"{place.rel}/" if place.rel else ""
            dirnames = [name for name in dirnames if not excluded(prefix + name, True)]
            filenames = [name for name in filenames if not excluded(prefix + name, False)]
        yield path, dirnames, filenames
        depth = place.rel.count("/") + 1 if place.rel else 0
        if max_depth is not None and depth >= max_depth:
            continue
        for name in reversed(dirnames):
            is_link = name in listing.links
            if is_link and not follow_links:
                continue
            try:
                stack.append(source.enter(place, name, is_link=is_link))
            except OSError as error:
                on_error(error)


# Entries of one `ls`


class _Builder:
    """Sorts the entries of one listing, whatever the file system threw in."""

    def __init__(self, where: str, http: bool) -> None:
        self.listing = Listing()
        #: The directory, without slashes around it.
        self.where = where.strip("/")
        #: Entries that are inside the directory or stand for it.
        self.entries = 0
        #: Whether there was an entry of the directory's own name that is a file.
        self.is_file = False
        self.bad: dict[str, None] = {}
        self.linked: list[str] = []
        self._http = http
        self._prefix = f"{self.where}/" if self.where else ""
        self._dirs: set[str] = set()
        self._files: set[str] = set()

    def add_prefix(self, bucket: str, prefix: str) -> None:
        """Adds a common prefix as an object store tells it: with the slash at its end."""
        self.add({"name": f"{bucket}/{prefix.removesuffix('/')}", "type": "directory"})

    def add(self, entry: Mapping[str, Any]) -> None:
        name: str = entry["name"]
        kind = _kind(entry)
        # File systems differ in whether names begin with a slash. Only one is taken off: any
        # other is an empty component.
        name = name.removeprefix("/")
        if name == self.where:
            self.entries += 1
            self.is_file |= kind != "directory"
            return
        if not name.startswith(self._prefix):
            return
        name = name[len(self._prefix) :]
        if self._http and (not name or name[0] in "?#"):
            # Links of an index page to itself: other orders, anchors.
            return
        self.entries += 1
        if not name and kind != "directory":
            # The marker of the directory itself.
            return
        is_dir = kind == "directory" or name.endswith("/")
        first, *rest = name.removesuffix("/").split("/")
        if first in _BAD_COMPONENTS:
            self.bad[first] = None
        elif rest or is_dir:
            if first not in self._dirs:
                self._dirs.add(first)
                self.listing.dirnames.append(first)
        elif first not in self._files:
            self._files.add(first)
            if kind == "link":
                self.linked.append(first)
            else:
                self.listing.filenames.append(first)


def _is_from(fs: Any, package: str) -> bool:
    return any(cls.__module__.partition(".")[0] == package for cls in type(fs).__mro__)


def _list_azure(fs: Any, builder: _Builder) -> None:
    container, _, key = builder.where.partition("/")

    async def run() -> None:
        prefix = f"{key}/" if key else None
        async with fs.service_client.get_container_client(container=container) as client:
            async for blob in client.walk_blobs(name_starts_with=prefix, include=["metadata"]):
                if hasattr(blob, "prefix"):
                    builder.add_prefix(container, blob.name)
                    continue
                metadata = {name.lower(): value for name, value in (blob.metadata or {}).items()}
                # With a hierarchical namespace a directory is a blob as well.
                is_dir = metadata.get("hdi_isfolder") == "true"
                kind = "directory" if is_dir else "file"
                builder.add({"name": f"{container}/{blob.name}", "type": kind})

    sync(fs.loop, run)


def _list_gcs(fs: Any, builder: _Builder) -> None:
    bucket = builder.where.partition("/")[0]
    items, prefixes = sync(fs.loop, fs._do_list_objects, builder.where)
    for prefix in prefixes:
        builder.add_prefix(bucket, prefix)
    for item in items:
        builder.add({"name": item["name"], "type": "file"})


def _kind(entry: Mapping[str, Any]) -> str:
    kind = str(entry.get("type")).lower()
    if kind in ("directory", "dir"):
        return "directory"
    return "link" if kind in ("link", "symlink") else "file"


# File systems that have all their keys at hand


class _Node:
    """A directory of a tree built from keys."""

    __slots__ = ("bad", "dirs", "files", "links")

    def __init__(self) -> None:
        self.dirs: dict[str, _Node] = {}
        self.files: set[str] = set()
        self.links: set[str] = set()
        self.bad: dict[str, None] = {}


class _Key(NamedTuple):
    name: str
    is_dir: bool
    # Where a symbolic link leads to.
    target: str | None = None


def _lists_like(fs: Any, cls: type[Any]) -> bool:
    """Whether `fs` is a `cls` whose `ls` no subclass has changed."""
    return isinstance(fs, cls) and getattr(type(fs), "ls", None) is cls.__dict__["ls"]


def _holds_all_keys(fs: Any) -> bool:
    return _lists_like(fs, MemoryFileSystem) or _lists_like(fs, AbstractArchiveFileSystem)


def _keys(fs: Any) -> Iterator[_Key]:
    if isinstance(fs, MemoryFileSystem):
        for name in tuple(fs.pseudo_dirs):
            yield _Key(name.removeprefix("/"), True)
        for name in tuple(fs.store):
            yield _Key(name.removeprefix("/"), False)
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
            yield _Key(name, _kind(info) == "directory")


def _grow(fs: Any, base: str) -> _Node:
    """The tree of all keys below `base`."""
    top = _Node()
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
            if component in _BAD_COMPONENTS:
                node.bad[component] = None
                break
            node = node.dirs.setdefault(component, _Node())
        else:
            if last in _BAD_COMPONENTS:
                node.bad[last] = None
            elif is_dir or name.endswith("/"):
                node.dirs.setdefault(last, _Node())
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
        for _ in range(_MAX_LINKS):
            if target not in targets:
                break
            target = targets[target]
        if target in directories:
            found.add(name)
    return found


# Choosing the file system object to list with


def _unwrap(fs: Any, path: str) -> tuple[Any, str]:
    """The file system below those that only rename or cache files, and the path there."""
    while True:
        if _lists_like(fs, DirFileSystem):
            path = _join(fs.path, path.strip("/")) if path.strip("/") else fs.path
            fs = fs.fs
        elif isinstance(fs, CachingFileSystem):
            fs = fs.fs
            path = fs._strip_protocol(path)
        else:
            return fs, path


def _keeps_listings(fs: Any) -> bool:
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


def _without_cache(fs: Any) -> tuple[Any, bool]:
    """A file system that lists afresh and leaves the user's as it was, and if it is a copy."""
    protocols = fs.protocol if isinstance(fs.protocol, tuple | list) else (fs.protocol,)
    if not _IN_MEMORY_PROTOCOLS.isdisjoint(protocols) or not _keeps_listings(fs):
        return fs, False
    options = {**fs.storage_options, "skip_instance_cache": True, "use_listings_cache": False}
    values = [*fs.storage_args, *options.values()]
    if not any(hasattr(value, "read") or isinstance(value, AbstractFileSystem) for value in values):
        try:
            clone = type(fs)(*fs.storage_args, **options)
        except MemoryError:
            raise
        except Exception:
            clone = fs
        if clone is not fs and type(clone) is type(fs):
            return clone, True
    if hasattr(type(fs), "__del__"):
        # A copy would take the connection down with it.
        return fs, False
    copy = object.__new__(type(fs))
    bound = {name for name, value in vars(fs).items() if getattr(value, "__wrapped__", None)}
    copy.__dict__.update({name: value for name, value in vars(fs).items() if name not in bound})
    copy.dircache = DirCache(use_listings_cache=False)
    if getattr(fs, "async_impl", False) and fs.mirror_sync_methods:
        mirror_sync_methods(copy)
    return copy, True


def _refresh_options(fs: Any) -> dict[str, Any]:
    """What tells `ls` not to answer from the cache, where nothing better is possible."""
    for method in (getattr(type(fs), "_ls", None), getattr(type(fs), "ls", None)):
        names = getattr(getattr(method, "__code__", None), "co_varnames", ())
        for option in ("refresh", "invalidate_cache"):
            if option in names:
                return {option: True}
    return {}


def _resolved(path: UPath, fs: Any) -> UPath:
    """The source without `.` and `..` components and, where the server can tell, links."""
    if path.protocol in _HTTP_PROTOCOLS:
        return path
    if not {".", ".."}.isdisjoint(path.path.split("/")):
        path = path.resolve()
    if isinstance(fs, LocalFileSystem):
        return path
    real = _real_path(fs, path.path)
    return path if real in (None, path.path) else path.with_segments(real)


def _real_path(fs: Any, path: str) -> str | None:
    """The path without links, or `None` if the file system cannot tell."""
    if isinstance(fs, LocalFileSystem):
        return os.path.realpath(path)
    normalize = getattr(getattr(fs, "ftp", None), "normalize", None)  # paramiko
    return None if normalize is None else str(normalize(path))


def _join(base: str, rel: str) -> str:
    return f"{base}{rel}" if not base or base.endswith("/") else f"{base}/{rel}"


# Errors

# In the order in which they are tried: subclasses first.
_ERRNO_OF_CLASS: tuple[tuple[type[OSError], int], ...] = (
    (FileNotFoundError, errno.ENOENT),
    (NotADirectoryError, errno.ENOTDIR),
    (IsADirectoryError, errno.EISDIR),
    (PermissionError, errno.EACCES),
    (FileExistsError, errno.EEXIST),
    (TimeoutError, errno.ETIMEDOUT),
    (ConnectionRefusedError, errno.ECONNREFUSED),
    (ConnectionAbortedError, errno.ECONNABORTED),
    (BrokenPipeError, errno.EPIPE),
    (ConnectionError, errno.ECONNRESET),
)
_ERRNO_OF_STATUS = {
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.ENOENT,
    407: errno.EACCES,
    408: errno.ETIMEDOUT,
    410: errno.ENOENT,
    429: errno.EBUSY,
    503: errno.EBUSY,
    504: errno.ETIMEDOUT,
}
_DENIED = re.compile(
    r"access.?denied|authenticat|authoriz|credential|forbidden|permission|^530\b", re.IGNORECASE
)


def _os_error(error: Exception, filename: str, doing: str) -> OSError:
    """`error` as the `OSError` that fits, with `filename`. The caller chains the two."""
    code = _errno(error)
    message = error.strerror if isinstance(error, OSError) else None
    if not isinstance(message, str) or not message:
        kind = next((cls for cls, _ in _ERRNO_OF_CLASS if type(error) is cls), None)
        # Some cloud libraries append the whole response.
        text = next(iter(str(error).splitlines()), "")
        message = os.strerror(code) if kind else f"{type(error).__name__}: {text}"
    return _noted(OSError(code, message, filename), doing)


def _errno(error: Exception) -> int:
    if isinstance(error, OSError):
        if isinstance(error.errno, int) and error.errno > 0:
            return error.errno
        for cls, code in _ERRNO_OF_CLASS:
            if isinstance(error, cls):
                return code
    status = _http_status(error)
    if status is not None:
        return _ERRNO_OF_STATUS.get(status, errno.EIO)
    if _DENIED.search(type(error).__name__) or _DENIED.search(str(error)):
        return errno.EACCES
    if "timeout" in type(error).__name__.lower():
        return errno.ETIMEDOUT
    return errno.EIO


def _http_status(error: Exception) -> int | None:
    """The HTTP status that an error of some cloud library carries, wherever it keeps it."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        candidates = [response.get("ResponseMetadata", {}).get("HTTPStatusCode")]
    else:
        candidates = [getattr(error, name, None) for name in ("status", "status_code", "code")]
        candidates += [getattr(response, name, None) for name in ("status", "status_code")]
    for candidate in candidates:
        try:
            if candidate is not None and 400 <= int(candidate) < 600:
                return int(candidate)
        except (TypeError, ValueError):
            continue
    return None


def _is_broken_link(error: OSError) -> bool:
    return _errno(error) in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def _missing(filename: str) -> OSError:
    error = OSError(errno.ENOENT, os.strerror(errno.ENOENT), filename)
    return _noted(error, "opening the directory")


def _not_a_directory(filename: str) -> OSError:
    return OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), filename)


def _unaddressable(filename: str, why: str) -> OSError:
    message = f"the key cannot be addressed as a path: {why}"
    return _noted(OSError(errno.EINVAL, message, filename), "reading the directory")


def _noted(error: OSError, doing: str) -> OSError:
    error.add_note(f"while {doing}")
    return error
