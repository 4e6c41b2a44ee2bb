"""Listing directories of anything that a UPath can name.

This module is imported only when a source is a URL or a UPath, so that
``import pathvein`` needs neither fsspec nor universal-pathlib.

A :class:`RemoteSource` lists one directory per call and classifies its entries as
docs/semantics.md says. How a directory is read depends on the file system:

* ``memory``, ``zip``, ``tar`` and other archives: all keys are at hand, but their ``ls``
  hides what is below a name that is a file as well, so the tree is built from the keys, once
  for each source object.
* a local file system (below ``dir::``, ``simplecache::`` and the like): ``os.scandir``.
* S3, Azure, Google Cloud: the store's own listing call (`pathvein._stores`). Their ``ls`` costs
  more time, hides what is below a directory marker or below a name that is a blob as well
  (adlfs), or drops prefixes that end in a double slash (gcsfs).
* FTP: the request that ``ls`` makes, sent without it, as that shows a directory that is denied
  as empty.
* all others: one ``ls(detail=True)`` per directory, and nothing per entry, except one
  ``info`` per symbolic link.

What is asked of a file system is asked in steps (`_Ask`), so that one description serves where
the answer is waited for and where it is awaited. Stores are better listed flat, by
`pathvein._key_feed`; `RemoteSource.store` is what that needs.

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
import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

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
        real_path_async,
        refresh_options,
        unwrap,
        without_cache,
    )
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

from pathvein._background import check_thread
from pathvein._flat import Store, Unfit
from pathvein._listing import Listing, list_local, noted
from pathvein._remote_errors import (
    is_broken_link,
    missing,
    not_a_directory,
    os_error,
    unaddressable,
)
from pathvein._retry import BadAnswer, Gate, Tally, persist
from pathvein._stores import clone_options, open_store, package

__all__ = [
    "Place",
    "RemoteDirectory",
    "RemoteSource",
    "local_path",
    "make_upath",
    "open_source",
]

_LOCAL_PROTOCOLS = frozenset({"", "file", "local"})
_HTTP_PROTOCOLS = frozenset({"http", "https"})
_PROTOCOLS_WITHOUT_LINKS = _HTTP_PROTOCOLS | {
    *("abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "s3", "s3a")
}
#: Requests under way at most, if nothing else is asked for. Listing a directory by SFTP takes
#: four in a row.
CONCURRENCY = 32
_SSH_CONCURRENCY = 64
#: Parts of a directory that are asked for together over SFTP. A part is some hundred entries.
_READ_AHEADS = 8
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


class _Ask(NamedTuple):
    """Something to ask of a file system: `list`, `info` or `real`, and of which path."""

    what: str
    where: str
    #: Takes the entries of a listing.
    builder: _Builder | None = None


#: What asks, and is sent the answers.
_Steps = Generator[_Ask, Any, Any]


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
            raise _missing_backend(url, error) from error
        except Exception as error:
            raise os_error(error, url, "opening the file system") from error
        #: What the caller wants to be listed with.
        self.lister = lister
        #: Most requests under way.
        self.concurrency = concurrency or (
            _SSH_CONCURRENCY if path.protocol in ("ssh", "sftp") else CONCURRENCY
        )
        #: What was asked of the file system.
        self.tally = Tally()
        self._gate = Gate(self.concurrency)
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
        #: What lists it flat, if anything does.
        self.store: Store | None = None
        if not self._local and not self._flat:
            self.fs, self._private = without_cache(fs, clone_options(fs, self.concurrency))
            if self.fs is fs and keeps_listings(fs):
                self._options = refresh_options(fs)
            self.store = open_store(self.fs, self._base, private=self._private)

    def __repr__(self) -> str:
        return f"RemoteSource({self.root!r})"

    def with_fs(self, fs: Any) -> RemoteSource:
        """The same source, listed by another file system object."""
        twin = copy.copy(self)
        twin.fs = fs
        return twin

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
        entered: Place = _answer(self._enter(place, name, is_link), self._ask)
        return entered

    async def enter_async(self, place: Place, name: str, *, is_link: bool = False) -> Place:
        """What `enter` does, for those that run on the loop of an asynchronous file system."""
        entered: Place = await self._answer_async(self._enter(place, name, is_link))
        return entered

    def _enter(self, place: Place, name: str, is_link: bool) -> _Steps:
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
            real = yield _Ask("real", self._where(rel))
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
        if self.at_hand:
            return False
        return self.store is not None or (
            bool(getattr(self.fs, "async_impl", False)) and hasattr(type(self.fs), "_ls")
        )

    def list(self, rel: str = "", excluded: Excluded | None = None) -> Listing:
        """Lists one directory, by its path relative to the source.

        What is `excluded` is left out, and if it is so whatever it is, nothing is asked about
        it.

        Raises `FileNotFoundError` if it does not exist (any more), another `OSError` if it
        cannot be read at all; for the source itself also `NotADirectoryError`. `filename` is
        the URL. Whatever goes wrong with a part of the listing is in its `errors`.
        """
        if self.asynchronous:
            check_thread(self.fs.loop)
            listing: Listing = sync(self.fs.loop, self.list_async, rel, excluded)
        else:
            listing = _answer(self._list(rel, excluded), self._ask)
        return listing

    async def list_async(self, rel: str = "", excluded: Excluded | None = None) -> Listing:
        """What `list` does, for those that run on the loop of an asynchronous file system."""
        listing: Listing = await self._answer_async(self._list(rel, excluded))
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
            return open_obstore(self.fs, package(self.fs), self._base)
        except Unfit as reason:
            return str(reason)

    def check_source(self) -> None:
        """Tells missing, file and empty apart, once, for a source that lists nothing.

        Returns if it may be an empty directory.
        """
        if self.asynchronous:
            sync(self.fs.loop, self._answer_async, self._check_source(None))
        else:
            _answer(self._check_source(None), self._ask)

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

    def _list(self, rel: str, excluded: Excluded | None) -> _Steps:
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

    def _list_fs(self, rel: str, skip: Callable[[str], bool] | None) -> _Steps:
        url = self.url(rel)
        where = self._where(rel)
        where += "/" if self._http and rel else self._slash
        builder = _Builder(where, self._http)
        listing = builder.listing
        try:
            for entry in (yield _Ask("list", where, builder)):
                builder.add(entry)
        except MemoryError:
            raise
        except Exception as error:
            failure = os_error(error, url, "reading the directory")
            if not builder.entries:
                if not rel and isinstance(failure, FileNotFoundError):
                    yield from self._check_source(failure)
                raise failure from error
            failure.__cause__ = error
            listing.failure = failure
            listing.errors.append(failure)
        else:
            if builder.is_file and builder.entries == 1:
                # The entry itself: what some file systems answer for a file.
                raise noted(not_a_directory(url), "opening the directory")
            if not builder.entries and not rel:
                yield from self._check_source(None)
        for component in builder.bad:
            listing.errors.append(self._bad_component(rel, component))
        for name in builder.linked:
            if skip is None or not skip(name):
                yield from self._resolve_link(listing, rel, name)
        return listing

    def _ask(self, ask: _Ask) -> Any:
        """What a file system that is not asynchronous answers."""
        self.tally.requests += 1
        # webdav4 puts paths into URLs as they are.
        where = quote(ask.where) if package(self.fs) == "webdav4" else ask.where
        if ask.what == "info":
            return self.fs.info(where)
        if ask.what == "real":
            return real_path(self.fs, where)
        if package(self.fs) == "fsspec" and "ftp" in protocols(self.fs):
            entries = _list_ftp(self.fs, where)
            if entries is not None:
                return entries
        if (
            package(self.fs) == "fsspec"
            and hasattr(self.fs, "ftp")
            and "sftp" in protocols(self.fs)
        ):
            return _list_sftp(self.fs, where)
        return self._ls(where)

    async def _ask_async(self, ask: _Ask) -> Any:
        """What an asynchronous file system answers."""
        if ask.what == "info":
            return await persist(lambda: self.fs._info(ask.where), self._gate, self.tally)
        if ask.what == "real":
            return await real_path_async(self.fs, ask.where)
        if self.store is not None and ask.builder is not None:
            await self._list_store(self.store, ask.where, ask.builder)
            return ()
        return await persist(lambda: self._ls_async(ask.where), self._gate, self.tally)

    async def _answer_async(self, steps: _Steps) -> Any:
        try:
            ask = next(steps)
            while True:
                try:
                    answer = await self._ask_async(ask)
                except Exception as error:
                    ask = steps.throw(error)
                else:
                    ask = steps.send(answer)
        except StopIteration as end:
            return end.value

    async def _list_store(self, store: Store, where: str, builder: _Builder) -> None:
        """Lists a directory page by page, by the store's own call."""
        prefix = join(where, "")[len(join(self._base, "")) :]
        token = None
        while True:
            page = await persist(
                lambda: store.page(prefix, "", None, token, delimiter=True),  # noqa: B023
                self._gate,
                self.tally,
            )
            for name in page.prefixes:
                builder.add({"name": join(self._base, name), "type": "directory"})
            for name in page.keys:
                builder.add({"name": join(self._base, name), "type": "file"})
            if page.token is None:
                return
            if page.token == token and not (page.keys or page.prefixes):
                raise BadAnswer("the store says that there is more, and does not tell it")
            token = page.token

    async def _ls_async(self, where: str) -> Any:
        try:
            return await self.fs._ls(where, detail=True, **self._options)
        except KeyError:
            with self._cache_read_back():
                return await self.fs._ls(where, detail=True, **self._options)

    def _ls(self, where: str) -> Iterable[Mapping[str, Any]]:
        try:
            entries: Iterable[Mapping[str, Any]] = self.fs.ls(where, detail=True, **self._options)
        except KeyError:
            with self._cache_read_back():
                entries = self.fs.ls(where, detail=True, **self._options)
        return entries

    @contextlib.contextmanager
    def _cache_read_back(self) -> Iterator[None]:
        """For those that read a listing back from the cache that they have just put it in."""
        cache = getattr(self.fs, "dircache", None)
        if not self._private or not isinstance(cache, DirCache) or cache.use_listings_cache:
            raise
        cache.use_listings_cache = True
        try:
            yield
        finally:
            cache.use_listings_cache = False
            cache.clear()

    def _check_source(self, missing: FileNotFoundError | None) -> _Steps:
        """Returns also if nothing better than `missing` is known."""
        if not self.root.name and not self._http:
            return
        try:
            info = yield _Ask("info", self._base)
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

    def _resolve_link(self, listing: Listing, rel: str, name: str) -> _Steps:
        child = join(rel, name)
        kind = "file"
        try:
            kind = entry_type((yield _Ask("info", self._where(child))))
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


def _answer(steps: _Steps, ask: Callable[[_Ask], Any]) -> Any:
    """Takes the steps, waiting for each answer."""
    try:
        question = next(steps)
        while True:
            try:
                answer = ask(question)
            except Exception as error:
                question = steps.throw(error)
            else:
                question = steps.send(answer)
    except StopIteration as end:
        return end.value


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


def _list_ftp(fs: Any, where: str) -> list[dict[str, Any]] | None:
    """The entries, or `None` if the server does not know the command."""
    from ftplib import error_perm

    try:
        return [
            {"name": join(where.strip("/"), name), "type": facts.get("type")}
            for name, facts in fs.ftp.mlsd(where or "/")
            if facts.get("type") not in ("cdir", "pdir")
        ]
    except error_perm as error:
        if str(error)[:3] in ("500", "502"):
            return None
        raise


def _list_sftp(fs: Any, where: str) -> Iterator[dict[str, Any]]:
    """What `ls` asks for, without asking for fifty parts of each directory at once."""
    for entry in fs.ftp.listdir_iter(where, read_aheads=_READ_AHEADS):
        mode = entry.st_mode or 0
        kind = "directory" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "file"
        yield {"name": join(where, entry.filename), "type": kind}
