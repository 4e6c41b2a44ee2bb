"""Scans and walks of a store that is listed flat: asyncio around the planner.

A `KeyLister` sends the planner's requests and hands the keys to the core's `KeyScan` or `KeyWalk`.
All of that runs on the event loop. The caller only takes results from the `KeyProducer`, which
makes paths of them.
"""

from __future__ import annotations

import asyncio
import errno
import os
from array import array
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from pathvein_core import KeyScan, KeyWalk, Stats

from pathvein._listing import noted
from pathvein._remote.errors import BadAnswer, ErrorMeanings
from pathvein._remote.keys.planner import Failure, KeyTaker, Page, Planner, Request
from pathvein._remote.loop import BackgroundTask, check_process
from pathvein._remote.names import bad_key
from pathvein._remote.retry import ConcurrencyLimit, RequestCounts, send

if TYPE_CHECKING:
    from pathvein._remote.source import RemoteSource


class Store(Protocol):
    """A store's listing call."""

    #: Most keys in a page.
    page_size: int
    #: Whether a listing can start after any key. Otherwise only at a prefix.
    can_start: bool
    #: Whether it can be listed flat: its keys are sorted.
    flat: bool
    #: What its errors mean.
    errors: ErrorMeanings

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """One request; see :class:`pathvein._remote.keys.planner.Request`.

        With a delimiter it raises `TooLarge` if the level cannot be listed.
        """


class Unfit(Exception):
    """The store cannot be listed in this way; the text says why."""


class FlatDenied(Exception):
    """The source may not be listed flat, or not wholly; perhaps it can be with a delimiter."""


class TooLarge(Exception):
    """A level cannot be listed in pages, and is too large to be listed in one go."""


class Disordered(Exception):
    """The first page shows that the store does not sort its keys."""


class KeyLister:
    """One listing of all keys below a source."""

    def __init__(
        self,
        store: Store,
        taker: KeyTaker,
        *,
        concurrency: int,
        counts: RequestCounts,
        wait_for_space: Callable[[], Awaitable[None]],
        on_page: Callable[[bool], None],
        on_error: Callable[[Exception, str, str, str | None], None],
    ) -> None:
        """
        Args:
            concurrency: Most requests in flight.
            counts: Where requests are counted.
            wait_for_space: Waits until there is space for more results.
            on_page: Called after the taker was given something, with whether the store has
                listed any key at all.
            on_error: Called with what could not be listed: the error, the prefix, after which
                key, and before which.
        """
        self._store = store
        self._planner = Planner(taker, page_size=store.page_size, can_start=store.can_start)
        self._concurrency = concurrency
        self._limit = ConcurrencyLimit(concurrency)
        self._counts = counts
        self._wait_for_space = wait_for_space
        self._on_page = on_page
        self._on_error = on_error
        self._any_key = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None

    async def run(self) -> None:
        """Lists it all.

        Raises what the first request raised, `FlatDenied` or `Disordered` in its place. Later
        errors go to `on_error`.
        """
        self._send_requests()
        try:
            await self._ended.wait()
        finally:
            # From here on nothing is sent.
            self._ended.set()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._error is not None:
            raise self._error

    def _send_requests(self) -> None:
        """Sends as many requests as there are, and may be in flight."""
        limit = min(self._concurrency, self._limit.limit)
        while len(self._tasks) < limit:
            request = self._planner.next_request()
            if request is None:
                break
            task = asyncio.get_running_loop().create_task(self._list_page(request))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if self._planner.is_done:
            # Probes that are in flight are not waited for.
            self._ended.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._ended.is_set():
            # asyncio reports an exception that nobody has looked at.
            _ = task.cancelled() or task.exception()
            return
        try:
            if task.cancelled():
                # Not by this class. What the request was to list is missing.
                raise RuntimeError("a request was cancelled from elsewhere")
            task.result()
            self._send_requests()
        except BaseException as error:
            self._error = error
            self._ended.set()

    async def _list_page(self, request: Request) -> None:
        await self._wait_for_space()

        def ask() -> Awaitable[Page]:
            prefix, after, end, token, delimiter, _ = request
            return self._store.page(prefix, after, end, token, delimiter=delimiter)

        planner = self._planner
        error: Exception
        try:
            page = await send(ask, self._limit, self._counts, self._store.errors)
        except (Unfit, FlatDenied):
            raise
        except Exception as failure:
            error = failure
            kind = _kind(error, self._store.errors)
            if not planner.has_begun:
                if kind == "denied" and not self._store.errors.is_refused(error):
                    raise FlatDenied from error
                raise
            lost = planner.failed(request, kind)
        else:
            self._any_key = self._any_key or bool(page.keys or page.prefixes)
            if request.delimiter or page.keys == sorted(page.keys):
                lost = planner.answered(request, page)
            else:
                lost = planner.failed(request, "unsorted")
            if lost is not None:
                error = BadAnswer(lost.reason)
                if not planner.has_begun:
                    raise Disordered from error
        if lost is not None:
            self._on_error(error, lost.prefix, lost.after, lost.end)
        self._on_page(self._any_key)


def _kind(error: Exception, errors: ErrorMeanings) -> Failure:
    if isinstance(error, TooLarge):
        return "too large"
    if isinstance(errors.os_error(error, "", ""), PermissionError):
        return "denied"
    return "transient" if errors.transient(error) else "refused"


class KeyProducer:
    """The producer of a scan, or of a walk, whose source is listed flat."""

    def __init__(
        self,
        source: RemoteSource,
        store: Store,
        make_keys: Callable[[], KeyScan | KeyWalk],
        *,
        fallback: tuple[Store, Callable[[str], None]] | None = None,
    ) -> None:
        """
        Args:
            source: What to list.
            store: What lists it.
            make_keys: Makes what takes the keys, once for each store.
            fallback: Another store, which lists anew if the first raises `Unfit` on the way, and
                what is called before that with the reason. No result comes twice.

        Raises the `OSError` of a source that cannot be listed; `Unfit`, `FlatDenied` or
        `Disordered` if it can perhaps be listed in another way. `next_batch` may raise `Unfit`.
        """
        self._source = source
        self._make_keys = make_keys
        self._fallback = fallback
        self._found = self._error_count = 0
        #: Hashes of the results, to save memory: those to remember, those to leave out.
        self._remembered = array("q")
        self._left_out: frozenset[int] = frozenset()
        self._process = os.getpid()
        self._closed = False
        self._start(store)

    def _start(self, store: Store) -> None:
        self._keys = self._make_keys()
        work = _Work(self._source, store, self._keys)
        self._task = BackgroundTask(self._source.adapter.loop, work.run)
        try:
            try:
                self._task.wait_for_begin()
            except (Unfit, FlatDenied, Disordered, MemoryError):
                raise
            except Exception as error:
                url = self._source.url()
                raise store.errors.os_error(error, url, "reading the directory") from error
            if not work.exists:
                self._source.wait(self._source.adapter.check_source())
        except BaseException:
            self.close()
            raise

    def _restart(self, reason: Unfit) -> None:
        if self._fallback is None:
            raise reason
        store, warn = self._fallback
        self._fallback = None
        self._task.close()
        self._left_out = frozenset(self._remembered)
        warn(str(reason))
        try:
            self._start(store)
        except (FlatDenied, Disordered) as error:
            # The first store could list it flat, up to the keys that it cannot list.
            failure = OSError(errno.EIO, "it cannot be listed flat", self._source.url())
            raise noted(failure, "listing it again without obstore") from error

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """See :class:`pathvein._stream.Producer`."""
        if self._closed:
            return [], [], True
        check_process(self._process)
        try:
            items, errors, ended = self._task.take(seconds)
        except Unfit as reason:
            self._restart(reason)
            return [], [], False
        found = []
        for item in items:
            if self._fallback is not None or self._left_out:
                # A path, and in a scan the position of a pattern.
                result = hash(item[:2] if isinstance(self._keys, KeyScan) else item[0])
                if result in self._left_out:
                    continue
                if self._fallback is not None:
                    self._remembered.append(result)
            try:
                found.append((self._source.path(item[0]), *item[1:]))
            except OSError as error:
                errors.append(error)
        self._found += len(found)
        self._error_count += len(errors)
        return found, errors, ended

    def stats(self) -> Stats:
        """See :class:`pathvein._stream.Producer`."""
        directories, entries, keys = self._keys.counts()
        counts = self._source.adapter.counts
        return Stats(
            directories=directories,
            entries=entries,
            matches=self._found if isinstance(self._keys, KeyScan) else 0,
            errors=self._error_count,
            requests=counts.requests,
            keys=keys,
            retries=counts.retries,
        )

    def close(self) -> None:
        """See :class:`pathvein._stream.Producer`."""
        if not self._closed:
            self._closed = True
            if os.getpid() == self._process:
                self._task.close()

    def __del__(self) -> None:
        if hasattr(self, "_task"):
            self.close()


class _Work:
    """What runs on the loop. It does not refer to the producer, so that this can be dropped."""

    def __init__(self, source: RemoteSource, store: Store, keys: KeyScan | KeyWalk) -> None:
        self._source = source
        self._store = store
        self._keys = keys
        self._task: BackgroundTask
        #: Whether there was a key.
        self.exists = False

    async def run(self, task: BackgroundTask) -> None:
        """List it all."""
        self._task = task
        adapter = self._source.adapter
        await KeyLister(
            self._store,
            self._keys,
            concurrency=adapter.most_requests,
            counts=adapter.counts,
            wait_for_space=task.wait_for_space,
            on_page=self._on_page,
            on_error=self._on_error,
        ).run()

    def _on_page(self, any_key: bool) -> None:
        self.exists = any_key
        found, bad = self._keys.take()
        # The first pages may be empty. Only a key, or the end, shows whether the source exists.
        if any_key or found or bad:
            self._task.put(found, [bad_key(self._source.url, key) for key in bad])

    def _on_error(self, error: Exception, prefix: str, after: str, end: str | None) -> None:
        url = self._source.url(prefix)
        failure = self._store.errors.os_error(error, url, "reading the directory")
        failure.__cause__ = error
        if after > prefix:
            noted(failure, f"listing the keys after {after.rstrip(chr(0x10FFFF))!r}")
        if end is not None:
            noted(failure, f"listing the keys before {end!r}")
        self._task.put([], [failure])
