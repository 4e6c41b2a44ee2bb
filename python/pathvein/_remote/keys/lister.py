"""Scans and walks of a store that is listed flat: the planner's requests, sent by asyncio.

A `KeyLister` passes the keys to the core's `KeyScan` or `KeyWalk`, on the event loop. The caller
takes results from the `KeyProducer`, which makes paths of them.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from pathvein_core import KeyScan, KeyWalk, Stats

from pathvein._errors import warn
from pathvein._listing import noted
from pathvein._remote.directories import is_match
from pathvein._remote.errors import BadAnswer, Disordered, FlatDenied, TooLarge, Unfit
from pathvein._remote.keys.planner import Planner
from pathvein._remote.keys.ranges import KeyRange
from pathvein._remote.keys.requests import Failure, KeyTaker, Page, Request
from pathvein._remote.keys.traits import Traits
from pathvein._remote.loop import BackgroundTask, check_process
from pathvein._remote.names import bad_key
from pathvein._remote.retry import ConcurrencyLimit, RequestCounts, send

if TYPE_CHECKING:
    from pathvein._remote.errors import ErrorMeanings
    from pathvein._remote.source import RemoteSource
    from pathvein._remote.stores.base import ObjectStore


class Store(Protocol):
    """The listing request of a store."""

    #: Most keys in a page.
    page_size: int
    #: Whether a listing can start after any key. Otherwise it can start only at a prefix.
    can_start: bool
    #: The meanings of its errors.
    errors: ErrorMeanings

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """One request; see :class:`pathvein._remote.keys.planner.Request` for the arguments.

        With a delimiter it raises `TooLarge` if the level cannot be listed.
        """


class Budget(NamedTuple):
    """When the listing of a part of the keys ends early: no more is asked for then."""

    #: After so many seconds; not before `LEAST_ROUNDS` requests could be answered in a row.
    seconds: float | None = None
    #: After so many requests.
    pages: int | None = None
    #: As soon as it could be divided into so many ranges.
    pieces: int | None = None


_NO_LIMIT = Budget()
#: How many times the time that a request takes a budget is at least. While those that are in
#: flight at its end are awaited, half of the requests that could be sent are not.
LEAST_ROUNDS = 20
#: The same for the first part, which is to be divided as soon as it is known where.
FIRST_ROUNDS = 6
#: How many pages a range of a part has at least to be cut. Each part is cut as often as a whole.
GRAIN_OF_PARTS = 3


@dataclass(eq=False)
class KeyLister:
    """One listing of all keys below a source, or of some ranges of them."""

    store: Store
    taker: KeyTaker
    concurrency: int
    counts: RequestCounts
    #: Waits while too many results are not yet taken.
    wait_for_space: Callable[[], Awaitable[None]]
    #: Called after each page, with whether any page had a key.
    on_page: Callable[[bool], None]
    #: Called with an error and the keys that it hides: their prefix, the key after which they
    #: begin, and the key before which they end.
    on_error: Callable[[Exception, str, str, str | None], None]
    #: Of a part of the keys: what is known of the store, and the ranges. What is not listed when
    #: the budget is out is left in the planner.
    traits: Traits | None = None
    ranges: Sequence[KeyRange] | None = None
    budget: Budget = _NO_LIMIT

    def __post_init__(self) -> None:
        self.planner = Planner(
            self.taker,
            page_size=self.store.page_size,
            can_start=self.store.can_start,
            traits=self.traits,
            ranges=self.ranges,
            grain=2 if self.ranges is None else GRAIN_OF_PARTS,
        )
        self._is_first = not self.planner.traits.has_begun
        #: How many requests were begun, how many ended, and how long these took together.
        self._begun = self._answered = 0
        self._seconds = 0.0
        self._limit = ConcurrencyLimit(self.concurrency)
        #: Whether any page had a key.
        self.any_key = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None

    async def run(self) -> None:
        """List all keys.

        If the first request fails, raises its exception, `FlatDenied` or `Disordered`. Later
        errors go to `on_error`.
        """
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._send_requests()
        try:
            await self._ended.wait()
        finally:
            self._ended.set()  # nothing is sent any more
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._error is not None:
            raise self._error

    def _send_requests(self) -> None:
        """Send the planner's requests, up to the limit."""
        planner = self.planner
        while len(self._tasks) < self._limit.limit:
            if self._is_spent():
                planner.stop()
            request = planner.next_request()
            if request is None:
                break
            self._begun += 1
            task = self._loop.create_task(self._list_page(request))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        is_part = self.ranges is not None
        if planner.is_done or (is_part and not self._tasks):
            # Probes in flight are not awaited.
            self._ended.set()

    def _is_spent(self) -> bool:
        """Whether the budget is."""
        seconds, pages, pieces = self.budget
        if self._is_first and not self.any_key:
            return False  # nobody knows if it can be listed, or exists
        if pages is not None and self._begun >= pages:
            return True
        if pieces is not None and self.planner.pieces >= pieces:
            return True
        if seconds is None:
            return False
        rounds = FIRST_ROUNDS if self._is_first else LEAST_ROUNDS
        least = rounds * self._seconds / self._answered if self._answered else 0.0
        return self._loop.time() - self._started >= max(seconds, least)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._ended.is_set():
            # asyncio logs exceptions that are never retrieved.
            _ = task.cancelled() or task.exception()
            return
        try:
            if task.cancelled():
                # Not by this class. The keys of the request are missing.
                raise RuntimeError("a request was cancelled from elsewhere")
            task.result()
            self._send_requests()
        except BaseException as error:
            self._error = error
            self._ended.set()

    async def _list_page(self, request: Request) -> None:
        await self.wait_for_space()

        def send_once() -> Awaitable[Page]:
            prefix, after, end, token, delimiter, _ = request
            return self.store.page(prefix, after, end, token, delimiter=delimiter)

        planner, errors = self.planner, self.store.errors
        error: Exception
        begun = self._loop.time()
        try:
            page = await send(send_once, self._limit, self.counts, errors)
            self._seconds += self._loop.time() - begun
            self._answered += 1
        except (Unfit, FlatDenied):
            raise
        except Exception as failure:
            error = failure
            kind = _kind(error, errors)
            if not planner.traits.has_begun:
                if kind == "denied" and not errors.is_refused(error):
                    raise FlatDenied from error
                raise
            lost = planner.failed(request, kind)
        else:
            self.any_key = self.any_key or bool(page.keys or page.prefixes)
            if request.delimiter or page.keys == sorted(page.keys):
                lost = planner.answered(request, page)
            else:
                lost = planner.failed(request, "unsorted")
            if lost is not None:
                error = BadAnswer(lost.reason)
                if not planner.traits.has_begun:
                    raise Disordered from error
        if lost is not None:
            self.on_error(error, lost.prefix, lost.after, lost.end)
        self.on_page(self.any_key)


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
            make_keys: Makes the `KeyScan` or `KeyWalk`, once for each store.
            fallback: A store that lists the source again, without repeating results, if the first
                raises `Unfit` later; and a function that is called before with the reason.

        Raises the `OSError` of a source that cannot be listed; `Unfit`, `FlatDenied` or
        `Disordered` if it can perhaps be listed in another way.
        """
        self._source = source
        self._make_keys = make_keys
        self._fallback = fallback
        self._found = self._error_count = 0
        #: Hashes of the results so far, and of those that the fallback must not repeat.
        self._hashes = array("q")
        self._known: frozenset[int] = frozenset()
        self._process = os.getpid()
        self._closed = False
        self._start(store)

    def _start(self, store: Store) -> None:
        keys = self._keys = self._make_keys()
        source = self._source
        self._task = BackgroundTask(
            source.adapter.loop, lambda task: _list_keys(task, source, store, keys)
        )
        try:
            self._task.wait_for_begin()
        except BaseException:
            self.close()
            raise

    def _restart(self, reason: Unfit) -> None:
        if self._fallback is None:
            raise reason
        store, warn = self._fallback
        self._fallback = None
        self._task.close()
        self._known = frozenset(self._hashes)
        warn(str(reason))
        try:
            if not self._closed:
                self._start(store)
            if self._closed:
                # Closed meanwhile, by another thread or by what takes the warning.
                self._task.close()
        except (FlatDenied, Disordered) as error:
            # Unexpected: the first store could list it flat.
            failure = OSError(errno.EIO, "it cannot be listed flat", self._source.url())
            raise noted(failure, "listing it again without obstore") from error

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
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
            if self._fallback is not None or self._known:
                # A result is identified by its path, and in a scan by the index of its pattern.
                result = hash(item[:2] if isinstance(self._keys, KeyScan) else item[0])
                if result in self._known:
                    continue
                if self._fallback is not None:
                    self._hashes.append(result)
            try:
                found.append((self._source.path(item[0]), *item[1:]))
                self._found += is_match(item[1:])
            except OSError as error:
                errors.append(error)
        self._error_count += len(errors)
        return found, errors, ended

    def stats(self) -> Stats:
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
        was_closed, self._closed = self._closed, True
        if not was_closed and os.getpid() == self._process:
            self._task.close()

    def __del__(self) -> None:
        if hasattr(self, "_task"):
            self.close()


async def _list_keys(
    task: BackgroundTask, source: RemoteSource, store: Store, keys: KeyScan | KeyWalk
) -> None:
    """The work on the loop. It has no reference to the producer, so that this can be deleted."""
    exists = False
    failures: list[OSError] = []

    def pass_on() -> None:
        found, bad = keys.take()
        task.put(found, [*failures, *(bad_key(source.url, key) for key in bad)])
        failures.clear()

    def on_page(any_key: bool) -> None:
        nonlocal exists
        exists = any_key
        # Pages may be empty. Only a key, or `check_source`, shows whether the source exists.
        if exists:
            pass_on()

    def on_error(*lost: Any) -> None:
        failures.append(lost_keys(source, store, *lost))  # `on_page` follows

    lister = KeyLister(
        store,
        keys,
        concurrency=source.adapter.most_requests,
        counts=source.adapter.counts,
        wait_for_space=task.wait_for_space,
        on_page=on_page,
        on_error=on_error,
    )
    try:
        await lister.run()
    except (Unfit, FlatDenied, Disordered, MemoryError):
        raise
    except Exception as error:
        if exists:
            raise
        raise store.errors.os_error(error, source.url(), "reading the directory") from error
    if not exists:
        await source.adapter.check_source()
        pass_on()


def lost_keys(
    source: RemoteSource, store: Store, error: Exception, prefix: str, after: str, end: str | None
) -> OSError:
    """The error item of keys that are not listed; see `KeyLister.on_error`."""
    failure = store.errors.os_error(error, source.url(prefix), "reading the directory")
    if after > prefix:
        noted(failure, f"listing the keys after {after.rstrip(chr(0x10FFFF))!r}")
    if end is not None:
        noted(failure, f"listing the keys before {end!r}")
    return failure


# By obstore or by the file system


def open_flat(
    source: RemoteSource, keys: Callable[[], KeyScan | KeyWalk]
) -> tuple[KeyProducer | None, str | None]:
    """The producer that lists a source flat; `None` if it must be listed by directories.

    Also the reason, if any, why the source is not listed by obstore although the caller chose
    it. The caller warns of it once the source is listed.
    """
    adapter = cast("ObjectStore", source.adapter)
    reason = None
    try:
        if source.lister == "obstore":
            try:
                by_obstore = open_obstore_lister(adapter)
                fallback = adapter, functools.partial(warn_not_by_obstore, source)
                return KeyProducer(source, by_obstore, keys, fallback=fallback), None
            except Unfit as unfit:
                warn_not_by_obstore(source, str(unfit))
            except Disordered:
                warn_not_by_obstore(source, "its keys are not sorted")
                raise
            except FlatDenied:
                # If listing by directories is denied as well, that is raised without a warning.
                reason = "it is denied a flat listing"
        return KeyProducer(source, adapter, keys), reason
    except (FlatDenied, Disordered):
        return None, reason


def open_obstore_lister(store: ObjectStore) -> Store:
    """The store, listed by obstore. Raises `Unfit` with the reason if it cannot be."""
    try:
        from pathvein._remote.stores.obstore import open_obstore
    except ImportError as error:
        message = "lister='obstore' needs obstore: pip install 'pathvein[obstore]'"
        raise ImportError(message, name=error.name) from error
    return open_obstore(store)


def warn_not_by_obstore(source: RemoteSource, reason: str) -> None:
    """Warn that a source is listed otherwise than the caller chose."""
    message = f"{source.url()!r} is listed by its own file system and not by obstore: {reason}"
    warn(message)
