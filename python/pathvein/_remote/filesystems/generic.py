"""The adapter of any file system, and the base of all others: one `ls` for each directory.

fsspec caches listings for the whole process and without limit. A file system that does so is
replaced, for listing only, by a clone without the cache. A class is assumed to have a cache if
its methods use ``dircache``. Where a clone cannot be made, or would not be the same (an option is
an open file or another file system), it is replaced by a shallow copy with a cache of its own.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import stat
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem, get_loop, mirror_sync_methods
from fsspec.dircache import DirCache

from pathvein._listing import Listing, is_gone, noted
from pathvein._remote.errors import GENERIC, ErrorMeanings, cannot_open
from pathvein._remote.loop import RequestThreads, scan_ended
from pathvein._remote.names import BAD_COMPONENTS, bad_component, join
from pathvein._remote.retry import ConcurrencyLimit, RequestCounts, send

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

#: The time-out of listing a whole directory, as a multiple of that of a page of keys.
_TIMEOUT_FACTOR = 10


class FileSystem:
    """The adapter of one kind of file system."""

    errors: ErrorMeanings = GENERIC
    #: Whether listing takes no request. Its coroutines then never suspend.
    immediate: ClassVar[bool] = False
    #: Whether it is in the memory of this process, where no other one sees it.
    in_process: bool = False
    #: Whether its keys can be listed in pages, in order (see `pathvein._remote.keys`).
    flat: bool = False
    #: Whether a listing may contain links.
    may_have_links: bool = True
    #: Whether it can resolve the links in a path.
    resolves_links: ClassVar[bool] = False
    #: Whether `info` tells a directory from a file.
    tells_kinds: ClassVar[bool] = True
    #: Most requests in flight, if the caller does not set a limit.
    concurrency: ClassVar[int] = 32
    #: Most threads that may use a synchronous file system.
    threads: int = 1

    def __init__(
        self,
        fs: Any,
        base: str,
        *,
        name: str = "",
        url: Callable[[str], str] = str,
        concurrency: int | None = None,
        counts: RequestCounts | None = None,
        private: bool = False,
    ) -> None:
        #: The file system object of fsspec, and whether only this adapter uses it.
        self.fs, self._private = fs, private
        #: The source's path, without a trailing slash unless it is the root.
        self.base = base.rstrip("/") or base[:1]
        #: The source's name: empty for the root of a file system, bucket or archive.
        self.name = name
        #: Makes a URL, for messages, of a path relative to the source.
        self.url = url
        self.counts = counts or RequestCounts()
        self._is_async = bool(getattr(fs, "async_impl", False)) and hasattr(type(fs), "_ls")
        requests = concurrency or self.concurrency
        #: Most requests in flight.
        self.most_requests = requests if self._is_async else min(requests, self.threads)
        self.limit = ConcurrencyLimit(self.most_requests)
        #: Whether threads use the object itself, and make no connection of their own.
        self.shares_connection = False
        #: Whether listings also have what is told of each file: sizes and times, for copying.
        self.with_infos = False
        self._ls_options = {} if private or not keeps_listings(fs) else refresh_options(fs)
        self._reading_back = 0
        self._is_closed = False

    # What adapters override

    @classmethod
    def variant(cls, fs: Any, base: str) -> type[FileSystem]:
        """The adapter for an object and a path, if a kind of file system has several."""
        return cls

    @classmethod
    def clone(cls, fs: Any, concurrency: int) -> tuple[Any, bool]:
        """A file system object that caches no listings, and whether only the adapter uses it."""
        return (fs, False) if cls.immediate else without_cache(fs, {})

    @contextlib.contextmanager
    def connection(self, lost: bool) -> Iterator[Any]:
        """A file system object for one thread; `lost` says that the existing connection failed.

        Raises any exception if it cannot be made.
        """
        yield self.fs

    async def real_path(self, rel: str) -> str | None:
        """The path of an entry with all links resolved, or `None` if it is unknown."""
        return None

    async def read(self, path: str, entries: Entries) -> None:
        """Add the entries of one directory to `entries`. Those before a failure are kept."""
        for entry in await self.ls(path):
            if isinstance(entry, Exception):
                raise entry
            entries.add(entry)

    async def ls(self, path: str) -> Iterable[Mapping[str, Any] | Exception]:
        """The entries of one directory, and an exception where they end too early."""
        try:
            return await self._ls(path)
        except KeyError:
            with self._listings_cache():
                return await self._ls(path)

    async def _ls(self, path: str) -> Iterable[Mapping[str, Any] | Exception]:
        options = {"detail": True, **self._ls_options}
        if self._is_async:
            listed: Iterable[Mapping[str, Any]] = await self.call("ls", path, **options)
            return listed
        return await self.run(lambda fs: drained(fs.ls(self.request_path(path), **options)))

    # Requests

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that its requests run on."""
        loop: asyncio.AbstractEventLoop = self.fs.loop if self._is_async else get_loop()
        return loop

    @functools.cached_property
    def _threads(self) -> RequestThreads:
        def connect(lost: bool) -> contextlib.AbstractContextManager[Any]:
            if self.shares_connection and not lost:
                return contextlib.nullcontext(self.fs)
            return self.connection(lost)

        def is_lost(error: BaseException) -> bool:
            return self.errors.transient(error) in ("disconnected", "timeout")

        if self._is_closed:
            raise scan_ended()
        most = 1 if self.shares_connection else self.most_requests
        return RequestThreads(self.fs, most, connect, is_lost)

    def check_open(self) -> None:
        """Raises `InterruptedError` if the adapter was closed. For threads."""
        if self._is_closed:
            raise scan_ended()

    def release(self) -> None:
        """End the threads, and with them their connections. Others are started when needed."""
        threads = vars(self).pop("_threads", None)
        if threads is not None:
            threads.close()

    def close(self) -> None:
        """End the threads, and send no more requests from threads."""
        self._is_closed = True
        self.release()

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """Call a method of the file system that takes a path."""
        if self._is_async:
            return await self.send(lambda: getattr(self.fs, f"_{method}")(path, **options))
        return await self.run(lambda fs: getattr(fs, method)(self.request_path(path), **options))

    async def send(
        self, request: Callable[[], Awaitable[T]], timeout_factor: float | None = None
    ) -> T:
        """Send a request on the loop, by default with the time-out of a whole directory."""
        factor = timeout_factor or _TIMEOUT_FACTOR
        return await send(request, self.limit, self.counts, self.errors, timeout_factor=factor)

    async def run(self, request: Callable[[Any], T]) -> T:
        """Send a blocking request in a thread, which passes it the file system object.

        A thread cannot be cancelled, so only the file system's own time-outs apply.
        """
        threads = self._threads
        return await send(
            lambda: threads.run(request), self.limit, self.counts, self.errors, timeout_factor=None
        )

    @contextlib.contextmanager
    def _listings_cache(self) -> Iterator[None]:
        """Turn the cache on for a while: some `ls` read the listing back that they have cached."""
        cache = getattr(self.fs, "dircache", None)
        if not self._private or not isinstance(cache, DirCache):
            raise
        if cache.use_listings_cache and not self._reading_back:
            raise
        # Several listings may do so at the same time.
        self._reading_back += 1
        cache.use_listings_cache = True
        try:
            yield
        finally:
            self._reading_back -= 1
            if not self._reading_back:
                cache.use_listings_cache = False
                cache.clear()

    # Listing

    def path(self, rel: str) -> str:
        """The path of an entry on the file system."""
        return join(self.base, rel) if rel else self.base

    def request_path(self, path: str) -> str:
        """A path as a synchronous file system takes it in a request."""
        return path

    def entries(self, path: str) -> Entries:
        """The collector for the entries of a directory."""
        return Entries(path, self.fs._strip_protocol)

    async def list(self, rel: str, skip: Callable[[str], bool] | None = None) -> Listing:
        """List one directory, by its path relative to the source.

        No request is sent for names for which `skip` is true. They may be in the listing.

        Raises `FileNotFoundError` if it does not exist (any more), another `OSError` if it cannot
        be read at all; for the source also `NotADirectoryError`. `filename` is the URL. Errors of
        a part of the listing are in its `errors`.
        """
        url, path = self.url(rel), self.path(rel)
        entries = self.entries(path)
        listing = entries.listing
        if self.with_infos:
            listing.infos = {}
        try:
            await self.read(path, entries)
        except MemoryError:
            raise
        except Exception as error:
            failure = self.errors.os_error(error, url, "reading the directory")
            if not entries.count:
                if not rel and isinstance(failure, FileNotFoundError):
                    await self.check_source(missing=True)
                raise failure from error
            listing.failure = failure
            listing.errors.append(failure)
        else:
            await self._check_entries(entries, rel)
        for component in entries.bad:
            listing.errors.append(bad_component(self.url, rel, component))
        if entries.untold is not None:
            listing.errors.append(_untold(self.url(join(rel, entries.untold))))
        for name in entries.links:
            if skip is None or not skip(name):
                await self._resolve_link(listing, rel, name)
        return listing

    async def _check_entries(self, entries: Entries, rel: str) -> None:
        """Raises an `OSError` if they are not those of a directory."""
        if entries.count == 1 and entries.is_file:
            # Some file systems list a file as itself.
            raise cannot_open(errno.ENOTDIR, self.url(rel))
        if entries.count:
            return
        if not rel:
            await self.check_source()
        if entries.outside is not None:
            # They may be the entries of this directory under paths of an unknown form.
            message = f"the file system lists what is elsewhere, such as {entries.outside!r}"
            raise noted(OSError(errno.EIO, message, self.url(rel)), "reading the directory")

    async def check_source(self, *, missing: bool = False) -> None:
        """Raises an `OSError` if a source without entries does not exist or is a file.

        If `ls` has found it `missing`, raises only if it is a file.
        """
        if not self.name:
            return
        info = await self._source_info(missing)
        if info is not None and entry_type(info) == "file":
            raise cannot_open(errno.ENOTDIR, self.url(""))

    async def _source_info(self, missing: bool) -> Mapping[str, Any] | None:
        try:
            info: Mapping[str, Any] = await self.call("info", self.base)
        except MemoryError:
            raise
        except Exception as error:
            failure = self.errors.os_error(error, self.url(""), "opening the directory")
            if not missing and isinstance(failure, FileNotFoundError | PermissionError):
                raise failure from error
            return None
        return info

    async def _resolve_link(self, listing: Listing, rel: str, name: str) -> None:
        child = join(rel, name)
        kind = "file"
        try:
            info = await self.call("info", self.path(child))
            kind = entry_type(info)
            if not kind:
                listing.errors.append(_untold(self.url(child)))
            if listing.infos is not None:
                listing.infos[name] = info
        except MemoryError:
            raise
        except Exception as error:
            if not (isinstance(error, OSError) and is_gone(self.errors.os_error(error, "", ""))):
                failure = self.errors.os_error(error, self.url(child), "following the link")
                listing.errors.append(failure)
        if kind != "directory":
            listing.filenames.append(name)
        elif name not in listing.dirnames:
            listing.links.add(name)
            listing.dirnames.append(name)


class ThreadSafe(FileSystem):
    """A synchronous file system that several threads may use at the same time."""

    threads = 16


# The entries of a listing


def _untold(url: str) -> OSError:
    """The error item of an entry that may be a file, a directory or a link to either."""
    message = "the file system does not tell what it is"
    return noted(OSError(errno.EIO, message, url), "reading the directory")


def drained(listed: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any] | Exception]:
    """The entries of an `ls` that may send requests while it is iterated over.

    An exception takes the place of the entries that it prevented.
    """
    entries: list[Mapping[str, Any] | Exception] = []
    try:
        for entry in listed:
            entries.append(entry)
    except Exception as error:
        entries.append(error)
    return entries


def entry_type(entry: Mapping[str, Any]) -> str:
    """``"directory"``, ``"link"``, ``"file"``, or ``""`` if that is not told."""
    kind = str(entry.get("type") or "").lower()
    if kind in ("", "unknown"):
        # sshfs calls fifos and sockets unknown, of which the mode tells that they are no directory.
        mode = entry.get("permissions")
        return "file" if isinstance(mode, int) and stat.S_IFMT(mode) else ""
    if kind in ("directory", "dir"):
        return "directory"
    return "link" if kind in ("link", "symlink") else "file"


class Entries:
    """Collects the entries of one directory: its directories, files, links and bad names."""

    def __init__(
        self,
        path: str,
        strip_protocol: Callable[[str], str] | None = None,
        *,
        is_web_page: bool = False,
    ) -> None:
        """`strip_protocol` removes the protocol of a name, which some file systems leave there.

        `is_web_page` says that the entries are the links of an index page.
        """
        self.listing = Listing()
        #: The directory's path, without slashes around it.
        self.path = path.strip("/")
        #: How many entries are inside the directory, or are the directory itself.
        self.count = 0
        #: Whether there is an entry of the directory's own path that is a file.
        self.is_file = False
        #: Components that cannot be part of a path, each once.
        self.bad: dict[str, None] = {}
        #: Links, which may lead to files or to directories.
        self.links: list[str] = []
        #: An entry of which it is not told what it is. It counts as a file.
        self.untold: str | None = None
        #: A path that is not inside the directory.
        self.outside: str | None = None
        self._strip_protocol = strip_protocol
        self._is_web_page = is_web_page
        self._prefix = f"{self.path}/" if self.path else ""
        self._dirs: set[str] = set()
        self._files: set[str] = set()

    @property
    def names(self) -> int:
        """How many distinct names there are."""
        return len(self._dirs) + len(self._files) + len(self.bad)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add an entry of `ls(detail=True)`."""
        name: str = entry["name"]
        kind = entry_type(entry)
        strip = self._strip_protocol
        if strip is not None and "://" in name and not name.startswith(self._prefix):
            name = strip(name) + "/" * name.endswith("/")
        # Some file systems begin names with a slash. A second slash is an empty component.
        name = name.removeprefix("/")
        if name == self.path:
            self.count += 1
            self.is_file |= kind != "directory"
            return
        if not name.startswith(self._prefix):
            # An index page has links to anywhere.
            if not self._is_web_page:
                self.outside = name
            return
        name = name[len(self._prefix) :]
        if self._is_web_page and (not name or name[0] in "?#"):
            # A link of the page to itself: another sort order, an anchor.
            return
        self.count += 1
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
            if self.listing.infos is not None:
                self.listing.infos[first] = entry
            if not kind and self.untold is None:
                self.untold = first
            if kind == "link":
                self.links.append(first)
            else:
                self.listing.filenames.append(first)


# Clones without a cache of listings


def keeps_listings(fs: Any) -> bool:
    """Whether the file system may have a cache of listings."""
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
    """The option with which `ls` does not read the cache, for a file system without a clone."""
    for method in (getattr(type(fs), "_ls", None), getattr(type(fs), "ls", None)):
        names = getattr(getattr(method, "__code__", None), "co_varnames", ())
        for option in ("refresh", "invalidate_cache"):
            if option in names:
                return {option: True}
    return {}


def without_cache(fs: Any, changes: Mapping[str, Any]) -> tuple[Any, bool]:
    """A file system without a cache of listings, and whether it is a clone.

    `changes` are the options in which a clone differs from the user's object.
    """
    # It uses an event loop of the caller's, which does not run while the caller waits.
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
        # A copy would use the connection of the other loop, or close the user's when it is deleted.
        return fs, False
    twin = shallow_copy(fs)
    for name, value in vars(fs).items():
        if getattr(value, "__wrapped__", None):
            # A method that is bound to the original object.
            delattr(twin, name)
    twin.dircache = DirCache(use_listings_cache=False)
    if getattr(fs, "async_impl", False) and fs.mirror_sync_methods:
        mirror_sync_methods(twin)
    return twin, True


def shallow_copy(fs: Any) -> Any:
    """A shallow copy. (`copy.copy` returns a cached instance itself.)"""
    twin = object.__new__(type(fs))
    twin.__dict__.update(vars(fs))
    return twin


def made_again(
    fs: Any, options: Mapping[str, Any] | None = None, defaults: Mapping[str, Any] | None = None
) -> Any:
    """A new file system object with the same options, and a connection of its own.

    `options` override the object's, which override `defaults`.
    """
    merged = {**(defaults or {}), **fs.storage_options, **(options or {})}
    return type(fs)(*fs.storage_args, **{**merged, "skip_instance_cache": True})
