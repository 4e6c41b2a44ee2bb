"""Sends the requests that list all keys of a source: asyncio around `pathvein._keys.planner`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pathvein._keys.planner import Failure, KeyTaker, Page, Planner, Request
from pathvein._remote_errors import is_unknown, os_error
from pathvein._retry import BadAnswer, Gate, Tally, persist, trouble


class Store(Protocol):
    """A store's listing call."""

    #: Most keys in a page.
    page_size: int
    #: Whether a listing can start after any key. Otherwise only at a prefix.
    can_start: bool
    #: Whether it can be listed flat: its keys are sorted.
    flat: bool

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """One request; see :class:`pathvein._keys.planner.Request`.

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
        counts: Tally,
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
        self._limit = Gate(concurrency)
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

        def send() -> Awaitable[Page]:
            prefix, after, end, token, delimiter, _ = request
            return self._store.page(prefix, after, end, token, delimiter=delimiter)

        planner = self._planner
        error: Exception
        try:
            page = await persist(send, self._limit, self._counts)
        except (Unfit, FlatDenied):
            raise
        except Exception as failure:
            error = failure
            kind = _kind(error)
            if not planner.has_begun:
                if kind == "denied" and not is_unknown(error):
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


def _kind(error: Exception) -> Failure:
    if isinstance(error, TooLarge):
        return "too large"
    if isinstance(os_error(error, "", ""), PermissionError):
        return "denied"
    return "transient" if trouble(error) else "refused"
