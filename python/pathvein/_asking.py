"""What is asked of a file system: how it is asked, counted, and asked again.

What a listing needs is told in steps (`Steps`), each of which yields an `Ask` and is sent the
answer, so that one description serves where the answer is waited for and where it is awaited.

Part of `pathvein._remote`.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import stat
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from fsspec.dircache import DirCache

from pathvein._background import run_on
from pathvein._keys.lister import Store
from pathvein._keys.planner import MAX_EMPTY_PAGES
from pathvein._remote_entries import Entries
from pathvein._remote_fs import (
    again,
    join,
    keeps_listings,
    protocols,
    real_path,
    real_path_async,
    refresh_options,
)
from pathvein._retry import BadAnswer, Gate, Tally, persist, persist_blocking, trouble
from pathvein._stores import package

#: Parts of a directory that are asked for together over SFTP. A part is some hundred entries.
_READ_AHEADS = 8
#: How many times as long as a page of keys a whole directory may take.
_PATIENCE = 10


class Ask(NamedTuple):
    """Something to ask of a file system: `list`, `info` or `real`, and of which path."""

    what: str
    where: str
    #: Takes the entries of a listing.
    entries: Entries | None = None


#: Makes a file system object with a connection of its own.
Connect = Callable[..., Any]
#: What asks, and is sent the answers.
Steps = Generator[Ask, Any, Any]


class Asker:
    """Asks one file system object."""

    def __init__(
        self,
        fs: Any,
        tally: Tally,
        *,
        store: Store | None = None,
        base: str = "",
        at_hand: bool = False,
        private: bool = False,
        concurrency: int,
    ) -> None:
        """
        Args:
            fs: The file system object.
            tally: Where what is asked is counted.
            store: What lists it by the store's own call, if anything does, and
            base: the path that this lists below.
            at_hand: Whether nothing that it is asked takes a request.
            private: Whether the object is nobody else's.
            concurrency: How many requests may be under way.
        """
        #: The file system object.
        self.fs = fs
        #: Whether it is asked by coroutines, on the loop of the file system.
        self.asynchronous = not at_hand and (
            store is not None
            or (bool(getattr(fs, "async_impl", False)) and hasattr(type(fs), "_ls"))
        )
        #: How many requests may be under way.
        self.gate = Gate(concurrency)
        self._tally = tally
        self._base = base
        self._store = store
        self._private = private
        self._reading_back = 0
        self._options = {} if private or not keeps_listings(fs) else refresh_options(fs)
        self._stopped = threading.Event()
        self._connect: Connect | None = None
        #: Whether the connection has failed.
        self._lost = False
        names = protocols(fs)
        own = package(fs)
        self._mending = asyncio.Lock()
        self._ssh = own == "sshfs"
        self._webdav = own == "webdav4"
        self._ftp = own == "fsspec" and "ftp" in names
        self._sftp = own == "fsspec" and "sftp" in names and hasattr(fs, "ftp")

    def connected(self, connect: Connect, stopped: threading.Event) -> Asker:
        """The same for one thread, with what `connect` makes for it to ask.

        It is made again, with `lost=True`, when the connection has failed. Once it is
        `stopped`, nothing is asked for any more.
        """
        twin = copy.copy(self)
        twin.fs = connect()
        twin._connect = connect
        twin._stopped = stopped
        return twin

    def answer(self, steps: Steps) -> Any:
        """Takes the steps, waiting for each answer."""
        if self.asynchronous:
            return run_on(self.fs.loop, self.answer_async(steps))
        try:
            ask = next(steps)
            while True:
                try:
                    answer = self._ask(ask)
                except Exception as error:
                    ask = steps.throw(error)
                else:
                    ask = steps.send(answer)
        except StopIteration as end:
            return end.value

    async def answer_async(self, steps: Steps) -> Any:
        """Takes the steps, on the loop of an asynchronous file system."""
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

    # Waiting

    def _ask(self, ask: Ask) -> Any:
        return persist_blocking(
            lambda: self._ask_once(ask),
            self.gate,
            self._tally,
            self._stopped,
        )

    def _ask_once(self, ask: Ask) -> Any:
        if self._lost and self._connect is not None:
            self.fs = self._connect(lost=True)
            self._lost = False
        try:
            return self._answered(ask)
        except Exception as error:
            self._lost = trouble(error) in ("broken", "silent")
            raise

    def _answered(self, ask: Ask) -> Any:
        # webdav4 puts paths into URLs as they are.
        where = quote(ask.where) if self._webdav else ask.where
        if ask.what == "info":
            return self.fs.info(where)
        if ask.what == "real":
            return real_path(self.fs, where)
        if self._ftp:
            entries = _list_ftp(self.fs, where)
            if entries is not None:
                return entries
        if self._sftp:
            return self._list_sftp(where)
        return self._ls(where)

    def _list_sftp(self, where: str) -> list[dict[str, Any]]:
        """What `ls` asks for, without asking for fifty parts of each directory at once."""
        entries = []
        for entry in self.fs.ftp.listdir_iter(where, read_aheads=_READ_AHEADS):
            if self._stopped.is_set():
                raise InterruptedError(errno.EINTR, "the scan has ended")
            kind = _sftp_type(entry.st_mode or 0)
            entries.append({"name": join(where, entry.filename), "type": kind})
        return entries

    def _ls(self, where: str) -> Iterable[Mapping[str, Any]]:
        try:
            entries: Iterable[Mapping[str, Any]] = self.fs.ls(where, detail=True, **self._options)
        except KeyError:
            with self._cache_read_back():
                entries = self.fs.ls(where, detail=True, **self._options)
        return entries

    # Awaiting

    async def _ask_async(self, ask: Ask) -> Any:
        if self._store is not None and ask.entries is not None:
            await self._list_store(self._store, ask.where, ask.entries)
            return ()
        return await persist(
            lambda: self._ask_once_async(ask), self.gate, self._tally, patience=_PATIENCE
        )

    async def _ask_once_async(self, ask: Ask) -> Any:
        if self._lost:
            async with self._mending:
                if self._lost:
                    self.fs = await asyncio.to_thread(again, self.fs)
                    self._lost = False
        fs = self.fs
        try:
            return await self._answered_async(ask)
        except Exception as error:
            # All others share the connection: one of them may have made another meanwhile.
            if self._ssh and fs is self.fs:
                self._lost = trouble(error) == "broken"
            raise

    async def _answered_async(self, ask: Ask) -> Any:
        if ask.what == "info":
            return await self.fs._info(ask.where)
        if ask.what == "real":
            return await real_path_async(self.fs, ask.where)
        return await self._ls_async(ask.where)

    async def _list_store(self, store: Store, where: str, entries: Entries) -> None:
        """Lists a directory page by page, by the store's own call."""
        prefix = join(where, "")[len(join(self._base, "")) :]
        token = None
        vain, names = 0, 0
        while True:
            page = await persist(
                lambda: store.page(prefix, "", None, token, delimiter=True),  # noqa: B023
                self.gate,
                self._tally,
            )
            for name in page.prefixes:
                entries.add({"name": join(self._base, name), "type": "directory"})
            for name in page.keys:
                entries.add({"name": join(self._base, name), "type": "file"})
            if page.token is None:
                return
            # Empty pages happen; those that lead to themselves do not.
            vain = 0 if entries.names > names else vain + 1
            names = entries.names
            if vain and (page.token == token or vain >= MAX_EMPTY_PAGES):
                raise BadAnswer("the store says that there is more, and does not tell it")
            token = page.token

    async def _ls_async(self, where: str) -> Any:
        try:
            return await self.fs._ls(where, detail=True, **self._options)
        except KeyError:
            with self._cache_read_back():
                return await self.fs._ls(where, detail=True, **self._options)

    @contextlib.contextmanager
    def _cache_read_back(self) -> Iterator[None]:
        """For those that read a listing back from the cache that they have just put it in."""
        cache = getattr(self.fs, "dircache", None)
        if not self._private or not isinstance(cache, DirCache):
            raise
        # Several may do so at a time.
        if cache.use_listings_cache and not self._reading_back:
            raise
        self._reading_back += 1
        cache.use_listings_cache = True
        try:
            yield
        finally:
            self._reading_back -= 1
            if not self._reading_back:
                cache.use_listings_cache = False
                cache.clear()


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


def _sftp_type(mode: int) -> str:
    return "directory" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "file"
