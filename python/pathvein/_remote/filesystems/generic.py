"""The adapter of any file system, which is the base of all others: one `ls` for each directory.

An asynchronous file system is asked on its own loop. A synchronous one is asked in threads, as
many as it is known to stand: one, if nothing is known.
"""

from __future__ import annotations

import contextlib
import errno
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fsspec.asyn import get_loop
from fsspec.dircache import DirCache

from pathvein._listing import Listing, is_gone, noted
from pathvein._remote.errors import GENERIC, ErrorMeanings, not_a_directory
from pathvein._remote.filesystems.clones import keeps_listings, refresh_options, without_cache
from pathvein._remote.filesystems.entries import Entries, entry_type
from pathvein._remote.filesystems.threads import RequestThreads
from pathvein._remote.names import bad_component, join
from pathvein._remote.retry import ConcurrencyLimit, RequestCounts, send

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

#: How many times as long as a page of keys a whole directory may take.
_TIMEOUT_FACTOR = 10


class FileSystem:
    """How one kind of file system is listed."""

    #: What its errors mean.
    errors: ErrorMeanings = GENERIC
    #: Whether listing takes no request: nothing is waited for then.
    at_hand: ClassVar[bool] = False
    #: Whether its keys can be listed in pages, in order (see `pathvein._remote.keys`).
    flat: bool = False
    #: Whether it can tell the path of an entry with all links resolved.
    resolves_links: ClassVar[bool] = False
    #: Requests in flight, if the caller does not say how many.
    concurrency: ClassVar[int] = 32
    #: Threads that a synchronous file system stands.
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
        """
        Args:
            fs: The file system object of fsspec.
            base: The source's path on it.
            name: The source's name: empty for the root of a file system, bucket or archive.
            url: Makes a URL, for messages, of a path relative to the source.
            concurrency: How many requests may be in flight.
            counts: Where requests are counted.
            private: Whether the object is nobody else's.
        """
        self.fs = fs
        #: Without a slash at its end, unless it is the root.
        self.base = base.rstrip("/") or base[:1]
        self.name = name
        self.url = url
        self.counts = counts or RequestCounts()
        self._private = private
        self._is_async = bool(getattr(fs, "async_impl", False)) and hasattr(type(fs), "_ls")
        #: Most requests in flight.
        self.most_requests = concurrency or self.concurrency
        if not self._is_async:
            self.most_requests = min(self.most_requests, self.threads)
        self.limit = ConcurrencyLimit(self.most_requests)
        self._ls_options = {} if private or not keeps_listings(fs) else refresh_options(fs)
        self._reading_back = 0

    # What an adapter may say otherwise

    @classmethod
    def variant(cls, fs: Any, base: str) -> type[FileSystem]:
        """The adapter for this very object and path, where a kind of file systems has several."""
        return cls

    @staticmethod
    def source_name(path: Any) -> str:
        """The name of a source, a UPath."""
        name: str = path.name
        return name

    @classmethod
    def clone(cls, fs: Any, concurrency: int) -> tuple[Any, bool]:
        """A file system object that keeps no listings, and whether it is nobody else's."""
        return without_cache(fs, {})

    @property
    def may_have_links(self) -> bool:
        """Whether a listing may have links."""
        return True

    @contextlib.contextmanager
    def connection(self, lost: bool) -> Iterator[Any]:
        """A file system object for one thread; `lost`: the connection that there is has failed.

        Raises what kept it from being made.
        """
        yield self.fs

    async def real_path(self, rel: str) -> str | None:
        """The path of an entry with all links resolved, or `None` if that is not known."""
        return None

    async def read(self, path: str, entries: Entries) -> None:
        """Read the entries of one directory; those before a failure are kept."""
        for entry in await self.ls(path):
            entries.add(entry)

    async def ls(self, path: str) -> Iterable[Mapping[str, Any]]:
        """The entries of one directory."""
        listed: Iterable[Mapping[str, Any]]
        try:
            listed = await self.call("ls", path, detail=True, **self._ls_options)
        except KeyError:
            with self._listings_cache():
                listed = await self.call("ls", path, detail=True, **self._ls_options)
        return listed

    # Asking

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it is asked on."""
        loop: asyncio.AbstractEventLoop = self.fs.loop if self._is_async else get_loop()
        return loop

    @functools.cached_property
    def _threads(self) -> RequestThreads:
        def is_lost(error: BaseException) -> bool:
            return self.errors.transient(error) in ("disconnected", "timeout")

        return RequestThreads(self.fs, self.most_requests, self.connection, is_lost)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is to be asked any more."""
        return self._threads.closed.is_set()

    def close(self) -> None:
        """Give back what it has opened."""
        if "_threads" in vars(self):
            self._threads.close()

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """Call a method of the file system that takes a path."""
        if self._is_async:
            return await self.send(lambda: getattr(self.fs, f"_{method}")(path, **options))
        return await self.run(lambda fs: getattr(fs, method)(path, **options))

    async def send(self, request: Callable[[], Any]) -> Any:
        """Send a request of an asynchronous file system."""
        return await send(
            request, self.limit, self.counts, self.errors, timeout_factor=_TIMEOUT_FACTOR
        )

    async def run(self, request: Callable[[Any], T]) -> T:
        """Send a request of a synchronous file system, from a thread that gives it the object.

        How long it may take is up to the file system: a thread cannot be cancelled.
        """
        return await send(
            lambda: self._threads.run(request),
            self.limit,
            self.counts,
            self.errors,
            timeout_factor=None,
        )

    @contextlib.contextmanager
    def _listings_cache(self) -> Iterator[None]:
        """Keeps listings for a while: some read one back from where they have just put it."""
        cache = getattr(self.fs, "dircache", None)
        if not self._private or not isinstance(cache, DirCache):
            raise
        if cache.use_listings_cache and not self._reading_back:
            raise
        # Several may do so at a time.
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

    def entries(self, path: str) -> Entries:
        """What the entries of a directory are sorted by."""
        return Entries(path, self.fs._strip_protocol)

    async def list(self, rel: str, skip: Callable[[str], bool] | None = None) -> Listing:
        """List one directory, by its path relative to the source.

        Nothing is asked about names that `skip` holds for; they may be in the listing.

        Raises `FileNotFoundError` if it does not exist (any more), another `OSError` if it cannot
        be read at all; for the source also `NotADirectoryError`. `filename` is the URL. What goes
        wrong with a part of the listing is in its `errors`.
        """
        url, path = self.url(rel), self.path(rel)
        entries = self.entries(path)
        listing = entries.listing
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
            failure.__cause__ = error
            listing.failure = failure
            listing.errors.append(failure)
        else:
            await self._check_entries(entries, rel)
        for component in entries.bad:
            listing.errors.append(bad_component(self.url, rel, component))
        for name in entries.links:
            if skip is None or not skip(name):
                await self._resolve_link(listing, rel, name)
        return listing

    async def _check_entries(self, entries: Entries, rel: str) -> None:
        """Raises an `OSError` if the entries are not those of a directory."""
        if entries.count == 1 and entries.is_file:
            # Some file systems answer for a file with the file itself.
            raise noted(not_a_directory(self.url(rel)), "opening the directory")
        if entries.count:
            return
        if not rel:
            await self.check_source()
        if entries.outside is not None:
            # They may be the entries of this directory, named in a way that is not understood.
            message = f"the file system lists what is elsewhere, such as {entries.outside!r}"
            raise noted(OSError(errno.EIO, message, self.url(rel)), "reading the directory")

    async def check_source(self, *, missing: bool = False) -> None:
        """Tell missing, file and empty apart, for a source that lists nothing.

        Returns if it may be an empty directory, or is `missing` and nothing better is known.
        """
        if not self.name:
            return
        info = await self._source_info(missing)
        if info is not None and entry_type(info) == "file":
            raise noted(not_a_directory(self.url("")), "opening the directory")

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
            kind = entry_type(await self.call("info", self.path(child)))
        except MemoryError:
            raise
        except Exception as error:
            if not (isinstance(error, OSError) and is_gone(self.errors.os_error(error, "", ""))):
                failure = self.errors.os_error(error, self.url(child), "following the link")
                failure.__cause__ = error
                listing.errors.append(failure)
        if kind != "directory":
            listing.filenames.append(name)
        elif name not in listing.dirnames:
            listing.links.add(name)
            listing.dirnames.append(name)


class ThreadSafe(FileSystem):
    """A synchronous file system that is known to stand several threads at a time."""

    threads = 16
