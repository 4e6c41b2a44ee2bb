"""Listing directories of anything that a UPath can name.

This module is imported only when a source is a URL or a UPath, so that
``import pathvein`` needs neither fsspec nor universal-pathlib.

A :class:`RemoteSource` lists one directory per call and classifies its entries as
docs/semantics.md says. How a directory is read depends on the file system:

* ``memory``, ``reference``, ``zip``, ``tar`` and other archives: all keys are at hand, but their
  ``ls`` hides what is below a name that is a file as well, so the tree is built from the keys,
  once for each source object.
* a local file system (below ``dir::``, ``simplecache::`` and the like): ``os.scandir``.
* S3, Azure, Google Cloud: the store's own listing call (`pathvein._stores`). Their ``ls`` costs
  more time, hides what is below a directory marker or below a name that is a blob as well
  (adlfs), or drops prefixes that end in a double slash (gcsfs).
* FTP: the request that ``ls`` makes, sent without it, as that shows a directory that is denied
  as empty.
* all others: one ``ls(detail=True)`` per directory, and nothing per entry, except one
  ``info`` per symbolic link.

What is asked of a file system is told in steps, which `pathvein._asking` takes. Stores are better
listed flat, by `pathvein._keys.scan`; `RemoteSource.store` is what that needs.

Listings are never taken from a cache, nor left in one. A file system that keeps a listings
cache is replaced, for listing only, by a private clone without one; any other is used as it
is. Whether a class keeps one is read off its methods: they name ``dircache``. Where
constructing a clone is not faithful (an option is an open file or another file system) or
fails, a shallow copy with a cache of its own takes its place. Results are always made from
the user's own path.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import functools
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# First, as it says what is to be done if fsspec is missing.
from pathvein._upaths import is_local, local_path, make_upath, missing_backend

# isort: split
from fsspec.implementations.local import LocalFileSystem
from upath import UPath

from pathvein._asking import Ask, Asker, Connect, Steps
from pathvein._keys.lister import Store, Unfit
from pathvein._listing import Listing, list_local, noted
from pathvein._remote_entries import Entries
from pathvein._remote_errors import (
    is_broken_link,
    missing,
    not_a_directory,
    os_error,
    unaddressable,
)
from pathvein._remote_fs import (
    BAD_COMPONENTS,
    MAX_LINKS,
    Node,
    entry_type,
    grow,
    holds_all_keys,
    join,
    lists_like,
    protocols,
    real_path,
    unwrap,
    without_cache,
)
from pathvein._retry import Tally
from pathvein._stores import clone_options, open_store, package

_HTTP_PROTOCOLS = frozenset({"http", "https"})
_PROTOCOLS_WITHOUT_LINKS = _HTTP_PROTOCOLS | {
    *("abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "s3", "s3a")
}
#: Requests under way at most, if nothing else is asked for. Listing a directory by SFTP takes
#: four in a row.
CONCURRENCY = 32
_SSH_CONCURRENCY = 64

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
    source: str | UPath,
    storage_options: Mapping[str, Any] | None = None,
    concurrency: int | None = None,
    lister: str = "auto",
) -> RemoteSource | str:
    """Opens a URL or a UPath for listing; for one that is local returns its path instead.

    `storage_options` are added to those that a UPath carries already. Nothing is listed yet;
    an archive is opened, though. Relative components are resolved.

    Raises `ImportError` if the file system's package is missing, `ValueError` if the protocol
    is unknown, an `OSError` if the file system cannot be reached or the archive cannot be read.
    """
    path = make_upath(source, storage_options)
    local = local_path(path)
    if local is not None:
        return local
    return RemoteSource(path, resolve=True, concurrency=concurrency, lister=lister)


class RemoteSource:
    """The source of one scan or walk, and the lister of the directories below it.

    A local UPath is welcome. The object belongs to one scan: an archive's or a memory file
    system's keys are read once.
    """

    def __init__(
        self,
        path: UPath,
        *,
        resolve: bool = False,
        concurrency: int | None = None,
        lister: str = "auto",
    ) -> None:
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
            raise missing_backend(url, error) from error
        except Exception as error:
            raise os_error(error, url, "opening the file system") from error
        #: What the caller wants to be listed with.
        self.lister = lister
        #: Most requests under way.
        self.concurrency = concurrency or (
            _SSH_CONCURRENCY if path.protocol in ("ssh", "sftp") else CONCURRENCY
        )
        self._path = where
        self._url = str(self.root)
        self._http = path.protocol in _HTTP_PROTOCOLS
        fs, base = unwrap(user_fs, where)
        #: The source's path there, without a trailing slash unless it is the root.
        self._base = base.rstrip("/") or base[:1]
        # Web servers tell directories by the slash, and redirect those who leave it out.
        self._slash = "/" if self._http and base.endswith("/") else ""
        self._tree: Node | None = None
        self._local = lists_like(fs, LocalFileSystem)
        self._flat = not self._local and holds_all_keys(fs)
        #: What was asked of the file system.
        self.tally = Tally()
        #: What lists it flat, if anything does.
        self.store: Store | None = None
        private = False
        if not self.at_hand:
            fs, private = without_cache(fs, clone_options(fs, self.concurrency))
            self.store = open_store(fs, self._base, self.tally, private=private)
            if getattr(fs, "asynchronous", False):
                raise ValueError(
                    f"{url!r} is of a file system with asynchronous=True, which only its caller's "
                    "own event loop can use, and another with its options cannot be made"
                )
        self._asker = Asker(
            fs,
            self.tally,
            store=self.store,
            base=self._base,
            at_hand=self.at_hand,
            private=private,
            concurrency=self.concurrency,
        )

    def __repr__(self) -> str:
        return f"RemoteSource({self.root!r})"

    def connected(self, connect: Connect, stopped: threading.Event) -> RemoteSource:
        """The same source for one thread, with a file system object of its own.

        See :meth:`pathvein._asking.Asker.connected`.
        """
        twin = copy.copy(self)
        twin._asker = self._asker.connected(connect, stopped)
        return twin

    @property
    def fs(self) -> Any:
        """The file system that listings come from."""
        return self._asker.fs

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return self._asker.gate.limit

    @property
    def name(self) -> str:
        """The source's name: empty for the root of a file system, bucket or archive."""
        return _name(self.root)

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
        if path.path.removesuffix("/") != expected and not is_local(path):
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
        entered: Place = self._asker.answer(self._enter(place, name, is_link))
        return entered

    async def enter_async(self, place: Place, name: str, *, is_link: bool = False) -> Place:
        """What `enter` does, for those that run on the loop of an asynchronous file system."""
        entered: Place = await self._asker.answer_async(self._enter(place, name, is_link))
        return entered

    def _enter(self, place: Place, name: str, is_link: bool) -> Steps:
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
            real = yield Ask("real", self._where(rel))
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

    @property
    def at_hand(self) -> bool:
        """Whether listing needs no request."""
        return self._local or self._flat

    @property
    def asynchronous(self) -> bool:
        """Whether it is listed by coroutines, on the loop of the file system."""
        return self._asker.asynchronous

    def list(self, rel: str = "", excluded: Excluded | None = None) -> Listing:
        """Lists one directory, by its path relative to the source.

        What is `excluded` is left out, and if it is so whatever it is, nothing is asked about
        it.

        Raises `FileNotFoundError` if it does not exist (any more), another `OSError` if it
        cannot be read at all; for the source itself also `NotADirectoryError`. `filename` is
        the URL. Whatever goes wrong with a part of the listing is in its `errors`.
        """
        listing: Listing = self._asker.answer(self._list(rel, excluded))
        return listing

    async def list_async(self, rel: str = "", excluded: Excluded | None = None) -> Listing:
        """What `list` does, for those that run on the loop of an asynchronous file system."""
        listing: Listing = await self._asker.answer_async(self._list(rel, excluded))
        return listing

    def open_obstore(self) -> Store | str:
        """What lists it by way of obstore, or the reason why that cannot be.

        Raises `ImportError` if obstore is missing.
        """
        if self.store is None or not self.store.flat:
            return "it lists only S3, Google Cloud and Azure, and sorted"
        try:
            from pathvein._stores.obstore import open_obstore
        except ImportError as error:
            hint = "pip install 'pathvein[obstore]'"
            message = f"lister='obstore' needs obstore: {hint}"
            raise ImportError(message, name=error.name) from error
        try:
            return open_obstore(self.fs, package(self.fs), self._base, self.tally)
        except Unfit as reason:
            return str(reason)

    def check_source(self) -> None:
        """Tells missing, file and empty apart, once, for a source that lists nothing.

        Returns if it may be an empty directory.
        """
        self._asker.answer(self._check_source(None))

    def bad_key(self, key: str) -> OSError:
        """The error item for a key of which some component is none."""
        components = key.split("/")
        # The last of a marker is empty, and none.
        last = len(components) - 1
        bad = next(
            (
                index
                for index, component in enumerate(components)
                if component in BAD_COMPONENTS and (component or index < last)
            ),
            last,
        )
        return self._bad_component("/".join(components[:bad]), components[bad])

    def _list(self, rel: str, excluded: Excluded | None) -> Steps:
        prefix = f"{rel}/" if rel else ""
        skip = None if excluded is None else lambda name: excluded(prefix + name, False)
        if self._local:
            listing = self._list_local(rel, skip)
        elif self._flat:
            listing = self._list_keys(rel)
        else:
            listing = yield from self._list_fs(rel, skip)
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

    def _list_fs(self, rel: str, skip: Callable[[str], bool] | None) -> Steps:
        url = self.url(rel)
        where = self._where(rel)
        where += "/" if self._http and rel else self._slash
        entries = Entries(where, self._http, None if self._http else self.fs._strip_protocol)
        listing = entries.listing
        try:
            for entry in (yield Ask("list", where, entries)):
                entries.add(entry)
        except MemoryError:
            raise
        except Exception as error:
            failure = os_error(error, url, "reading the directory")
            if not entries.count:
                if not rel and isinstance(failure, FileNotFoundError):
                    yield from self._check_source(failure)
                raise failure from error
            failure.__cause__ = error
            listing.failure = failure
            listing.errors.append(failure)
        else:
            if entries.is_file and entries.count == 1:
                # The entry itself: what some file systems answer for a file.
                raise noted(not_a_directory(url), "opening the directory")
            if not entries.count and not rel:
                yield from self._check_source(None)
            if not entries.count and entries.stray is not None and not self._http:
                # It may well be what is in it, told in a way that nobody understands.
                message = f"the file system lists what is elsewhere, such as {entries.stray!r}"
                raise noted(OSError(errno.EIO, message, url), "reading the directory")
        for component in entries.bad:
            listing.errors.append(self._bad_component(rel, component))
        for name in entries.linked:
            if skip is None or not skip(name):
                yield from self._resolve_link(listing, rel, name)
        return listing

    def _check_source(self, missing: FileNotFoundError | None) -> Steps:
        """Returns also if nothing better than `missing` is known."""
        if not self.root.name and not self._http:
            return
        try:
            info = yield Ask("info", self._base)
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

    def _resolve_link(self, listing: Listing, rel: str, name: str) -> Steps:
        child = join(rel, name)
        kind = "file"
        try:
            kind = entry_type((yield Ask("info", self._where(child))))
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


def _name(path: UPath) -> str:
    name: str = path.name
    if not name and path.protocol in _HTTP_PROTOCOLS:
        name = path.path.partition("://")[2].rstrip("/").partition("/")[2]
        name = name.rpartition("/")[2]
    return name


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
        self._path = path
        self._links: set[str] | None = None
        self.name = _name(path)
        self.listing = listing

    @functools.cached_property
    def _source(self) -> RemoteSource:
        # Not before it is needed: it may take a connection.
        return RemoteSource(self._path)

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
