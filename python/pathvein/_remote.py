"""Listing directories of anything that a UPath can name.

This module is imported only when a source is a URL or a UPath, so that
``import pathvein`` needs neither fsspec nor universal-pathlib.

A :class:`RemoteSource` lists one directory per call and classifies its entries as
docs/semantics.md says. How a directory is read depends on the file system:

* ``memory``, ``zip``, ``tar`` and other archives: all keys are at hand, but their ``ls``
  hides what is below a name that is a file as well, so the tree is built from the keys, once
  for each source object.
* a local file system (below ``dir::``, ``simplecache::`` and the like): ``os.scandir``.
* Azure, Google Cloud, FTP: the request that ``ls`` makes, sent without it. adlfs hides what is
  below a directory marker, or below a name that is a blob as well; gcsfs drops prefixes that
  end in a double slash; fsspec's FTP shows a directory that is denied as empty.
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

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

try:
    from fsspec.asyn import sync
    from fsspec.dircache import DirCache
    from fsspec.implementations.local import LocalFileSystem
    from upath import UPath

    from pathvein._remote_fs import (
        BAD_COMPONENTS,
        MAX_LINKS,
        Node,
        entry_type,
        grow,
        holds_all_keys,
        join,
        keeps_listings,
        lists_like,
        protocols,
        real_path,
        refresh_options,
        unwrap,
        without_cache,
    )
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

from pathvein._listing import Listing, is_gone, list_local, noted
from pathvein._remote_errors import (
    is_broken_link,
    missing,
    not_a_directory,
    os_error,
    unaddressable,
)

__all__ = [
    "Place",
    "RemoteDirectory",
    "RemoteSource",
    "local_path",
    "make_upath",
    "open_source",
    "walk_remote",
]

_LOCAL_PROTOCOLS = frozenset({"", "file", "local"})
_HTTP_PROTOCOLS = frozenset({"http", "https"})
_PROTOCOLS_WITHOUT_LINKS = _HTTP_PROTOCOLS | {
    *("abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "s3", "s3a")
}
_EXTRAS = {"s3fs": "s3", "gcsfs": "gcs", "adlfs": "azure"}


#: Tells, by its path relative to the source and whether it is a directory, if an entry is left
#: out.
Excluded = Callable[[str, bool], bool]


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


def open_source(
    source: str | UPath, storage_options: Mapping[str, Any] | None = None
) -> RemoteSource | str:
    """Opens a URL or a UPath for listing; for one that is local returns its path instead.

    `storage_options` are added to those that a UPath carries already. Nothing is listed yet;
    an archive is opened, though. Relative components are resolved.

    Raises `ImportError` if the file system's package is missing, `ValueError` if the protocol
    is unknown, an `OSError` if the file system cannot be reached or the archive cannot be read.
    """
    path = make_upath(source, storage_options)
    local = local_path(path)
    return RemoteSource(path, resolve=True) if local is None else local


def local_path(path: UPath) -> str | None:
    """The path on this machine that a UPath stands for, if it does."""
    return path.path if path.protocol in _LOCAL_PROTOCOLS else None


def make_upath(source: str | UPath, storage_options: Mapping[str, Any] | None = None) -> UPath:
    """The UPath of a URL, or of a UPath with more options."""
    if isinstance(source, UPath) and not storage_options:
        return source
    try:
        path: UPath = UPath(source, **(storage_options or {}))
    except ImportError as error:
        raise _missing_backend(str(source), error) from error
    if isinstance(source, str) and "://" not in source and path.protocol in _LOCAL_PROTOCOLS:
        raise ValueError(
            f"{source!r} is a URL, as it has '::', but of no known protocol: "
            "for a local path of that name, give a pathlib.Path"
        )
    return path


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
            raise os_error(error, url, "opening the file system") from error
        self._path = where
        self._url = str(self.root)
        self._http = path.protocol in _HTTP_PROTOCOLS
        fs, base = unwrap(user_fs, where)
        #: The file system that listings come from.
        self.fs: Any = fs
        self._options: dict[str, Any] = {}
        #: The source's path there, without a trailing slash unless it is the root.
        self._base = base.rstrip("/") or base[:1]
        # Web servers tell directories by the slash, and redirect those who leave it out.
        self._slash = "/" if self._http and base.endswith("/") else ""
        self._private = False
        self._tree: Node | None = None
        self._local = lists_like(fs, LocalFileSystem)
        self._flat = not self._local and holds_all_keys(fs)
        if not self._local and not self._flat:
            self.fs, self._private = without_cache(fs)
            if self.fs is fs and keeps_listings(fs):
                self._options = refresh_options(fs)

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

    @property
    def may_have_links(self) -> bool:
        """Whether a listing may have links: not in an object store, nor on a web server."""
        return _PROTOCOLS_WITHOUT_LINKS.isdisjoint(protocols(self.fs))

    def url(self, rel: str = "") -> str:
        """The URL of an entry, for messages: unlike a path it can hold any key."""
        if not rel:
            return self._url
        head, chain, rest = self._url, "", ""
        if not (self._path and head.endswith(self._path)):
            head, chain, rest = head.partition("::")
        return f"{join(head, rel)}{chain}{rest}"

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
            raise unaddressable(self.url(rel), str(error)) from error
        expected = join(self._path, rel)
        # The path of a bucket may end with a slash.
        if path.path.removesuffix("/") != expected and path.protocol not in _LOCAL_PROTOCOLS:
            raise unaddressable(self.url(rel), "it changes when it is made a path")
        return path

    def top(self, *, follow_links: bool = False) -> Place:
        """Where a walk begins."""
        real = None
        if follow_links:
            try:
                real = real_path(self.fs, self._base)
            except Exception as error:
                raise os_error(error, self._url, "resolving the source") from error
        return Place("", None, real, 0)

    def enter(self, place: Place, name: str, *, is_link: bool = False) -> Place:
        """The directory `name` of `place`; `is_link` if the listing has it in `links`.

        Entering a link that leads to a directory on the visited path raises `OSError`
        (`ELOOP`). Where the file system cannot resolve paths, so does the 41st link in a row
        of directories.
        """
        rel = join(place.rel, name)
        if not is_link:
            real = None if place.real is None else join(place.real, name)
            return Place(rel, place, real, place.links)
        url = self.url(rel)
        doing = "following the link"
        if self._flat:
            error = OSError(errno.EOPNOTSUPP, "links in archives are not followed", url)
            raise noted(error, doing)
        try:
            real = real_path(self.fs, self._where(rel))
        except MemoryError:
            raise
        except Exception as cause:
            raise os_error(cause, url, doing) from cause
        ancestor: Place | None = place
        while real is not None and ancestor is not None:
            if ancestor.real == real:
                message = f"the link leads back to {self.url(ancestor.rel)!r}"
                raise noted(OSError(errno.ELOOP, message, url), doing)
            ancestor = ancestor.parent
        if place.links >= MAX_LINKS:
            raise noted(OSError(errno.ELOOP, os.strerror(errno.ELOOP), url), doing)
        return Place(rel, place, real, place.links + 1)

    def list(self, rel: str = "", excluded: Excluded | None = None) -> Listing:
        """Lists one directory, by its path relative to the source, with one request.

        What is `excluded` is left out, and if it is so whatever it is, nothing is asked about
        it.

        Raises `FileNotFoundError` if it does not exist (any more), another `OSError` if it
        cannot be read at all; for the source itself also `NotADirectoryError`. `filename` is
        the URL. Whatever goes wrong with a part of the listing is in its `errors`.
        """
        prefix = f"{rel}/" if rel else ""
        skip = None if excluded is None else lambda name: excluded(prefix + name, False)
        if self._local:
            listing = self._list_local(rel, skip)
        elif self._flat:
            listing = self._list_keys(rel)
        else:
            listing = self._list_fs(rel, skip)
        if excluded is not None:
            dirnames, filenames = listing.dirnames, listing.filenames
            listing.dirnames = [name for name in dirnames if not excluded(prefix + name, True)]
            listing.filenames = [name for name in filenames if not excluded(prefix + name, False)]
            listing.links.intersection_update(listing.dirnames)
        return listing

    def _where(self, rel: str) -> str:
        return join(self._base, rel) if rel else self._base

    def _list_local(self, rel: str, skip: Callable[[str], bool] | None) -> Listing:
        where = self._where(rel)
        try:
            listing = list_local(where, skip)
        except OSError as error:
            error.filename = self.url(rel)
            raise
        for problem in listing.errors:
            name = "" if problem.filename == where else os.path.basename(problem.filename)
            problem.filename = self.url(join(rel, name) if name else rel)
        return listing

    def _list_keys(self, rel: str) -> Listing:
        if self._tree is None:
            try:
                self._tree = grow(self.fs, self._base.strip("/"))
            except MemoryError:
                raise
            except Exception as error:
                raise os_error(error, self._url, "reading the directory") from error
        node: Node | None = self._tree
        for component in rel.split("/") if rel else ():
            node = node.dirs.get(component) if node is not None else None
        if node is None:
            raise missing(self.url(rel))
        links = node.links - node.dirs.keys()
        listing = Listing([*node.dirs, *links], list(node.files), links)
        for component in node.bad:
            listing.errors.append(self._bad_component(rel, component))
        return listing

    def _list_fs(self, rel: str, skip: Callable[[str], bool] | None) -> Listing:
        url = self.url(rel)
        where = self._where(rel)
        where += "/" if self._http and rel else self._slash
        builder = _Builder(where, self._http)
        listing = builder.listing
        try:
            if not self._list_natively(where, builder):
                for entry in self._ls(where):
                    builder.add(entry)
        except MemoryError:
            raise
        except Exception as error:
            failure = os_error(error, url, "reading the directory")
            if not builder.entries:
                if not rel and isinstance(failure, FileNotFoundError):
                    self._check_source(failure)
                raise failure from error
            failure.__cause__ = error
            listing.failure = failure
            listing.errors.append(failure)
        else:
            if builder.is_file and builder.entries == 1:
                # The entry itself: what some file systems answer for a file.
                raise noted(not_a_directory(url), "opening the directory")
            if not builder.entries and not rel:
                self._check_source(None)
        for component in builder.bad:
            listing.errors.append(self._bad_component(rel, component))
        for name in builder.linked:
            if skip is None or not skip(name):
                self._resolve_link(listing, rel, name)
        return listing

    def _list_natively(self, where: str, builder: _Builder) -> bool:
        """Lists without `ls` where that cannot be trusted; `False` if this is no such case."""
        package = _package(self.fs)
        if package == "adlfs" and builder.where:
            _list_azure(self.fs, builder)
        elif package == "gcsfs" and builder.where:
            _list_gcs(self.fs, builder)
        elif package == "fsspec" and "ftp" in protocols(self.fs):
            return _list_ftp(self.fs, where, builder)
        else:
            return False
        return True

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
            failure = os_error(error, self._url, "opening the directory")
            if missing is None and isinstance(failure, FileNotFoundError | PermissionError):
                raise failure from error
            return
        is_file = entry_type(info) == "file"
        if self._http:
            # Everything is a file there; only a page can list something.
            is_file = is_file and info.get("mimetype") not in (None, "text/html")
        if is_file:
            raise noted(not_a_directory(self._url), "opening the directory")

    def _resolve_link(self, listing: Listing, rel: str, name: str) -> None:
        child = join(rel, name)
        kind = "file"
        try:
            kind = entry_type(self.fs.info(self._where(child)))
        except MemoryError:
            raise
        except Exception as error:
            if not (isinstance(error, OSError) and is_broken_link(error)):
                failure = os_error(error, self.url(child), "following the link")
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
        url = self.url(join(rel, component) if component else f"{join(rel, '')}/")
        return unaddressable(url, f"the key has {what}")


def _resolved(path: UPath, fs: Any) -> UPath:
    """The source without `.` and `..` components and, where the server can tell, links."""
    if path.protocol in _HTTP_PROTOCOLS:
        return path
    if not {".", ".."}.isdisjoint(path.path.split("/")):
        path = path.resolve()
    if isinstance(fs, LocalFileSystem):
        return path
    real = real_path(fs, path.path)
    return path if real in (None, path.path) else path.with_segments(real)


class RemoteDirectory:
    """A remote directory whose names are given, to be held against a pattern."""

    def __init__(self, path: UPath, listing: Listing) -> None:
        self._source = RemoteSource(path)
        self._links: set[str] | None = None
        self.name = self._source.name
        self.listing = listing

    def is_link(self, name: str) -> bool:
        """Whether a name is a link: only a listing tells, so there is one if there are links."""
        if self._links is None:
            self._links = set()
            if self._source.may_have_links:
                with contextlib.suppress(OSError):  # the directory need not exist
                    self._links = self._source.list().links
        return name in self._links

    def list(self, rel: str) -> Listing:
        """See `RemoteSource.list`."""
        return self._source.list(rel)


def walk_remote(
    source: RemoteSource,
    *,
    max_depth: int | None = None,
    follow_links: bool = False,
    excluded: Excluded | None = None,
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
            listing = source.list(place.rel, excluded)
            path = source.path(place.rel)
        except OSError as error:
            if place.parent is None:
                raise
            if not is_gone(error):
                on_error(error)
            continue
        for problem in listing.errors:
            on_error(problem)
        dirnames = listing.dirnames
        yield path, dirnames, listing.filenames
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
        kind = entry_type(entry)
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
        if first in BAD_COMPONENTS:
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


def _package(fs: Any) -> str:
    """The package whose `ls` the file system has."""
    for cls in type(fs).__mro__:
        if "ls" in vars(cls) or "_ls" in vars(cls):
            return str(cls.__module__).partition(".")[0]
    return ""


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


def _list_ftp(fs: Any, where: str, builder: _Builder) -> bool:
    from ftplib import error_perm

    try:
        for name, facts in fs.ftp.mlsd(where or "/"):
            if facts.get("type") not in ("cdir", "pdir"):
                builder.add({"name": join(builder.where, name), "type": facts.get("type")})
    except error_perm as error:
        if str(error)[:3] in ("500", "502"):
            return False  # The server does not know this command.
        raise
    return True
