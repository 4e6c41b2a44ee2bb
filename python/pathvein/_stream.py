"""The base of a running scan and a running walk.

A *producer* finds results: the core's own in a local tree, a Python class elsewhere. A
:class:`Stream` takes them in batches, and handles errors, progress and the end.
"""

from __future__ import annotations

import os
import time
from _thread import RLock  # `threading` is slow to import, and cannot be at interpreter shutdown
from collections.abc import Callable, Iterator
from weakref import WeakSet

from pathvein_core import Stats

from pathvein import _types
from pathvein._errors import ErrorLog
from pathvein._types import T

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from pathvein._types import Any

    class Producer(Protocol):
        """Finds results."""

        def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
            """Results, errors, and whether these were the last; waits at most `seconds`."""

        def stats(self) -> Stats:
            """The counts so far."""

        def close(self) -> None:
            """Stop the work."""


#: Seconds between two calls of `progress`.
_PROGRESS_INTERVAL = 0.1
#: Seconds to wait for a batch if no progress is reported.
_BATCH_TIMEOUT = 3600.0


#: What is counted.
COUNTS = [name for name in vars(Stats) if not name.startswith("_") and name != "inventory_date"]


def sum_of(*stats: Stats) -> Stats:
    """The counts of several runs together, of which one came after the other.

    The date is that of all inventories among them, if they have the same.
    """
    sums = {name: sum(getattr(each, name) for each in stats) for name in COUNTS}
    # Those were never at work together.
    sums["threads"] = max((each.threads for each in stats), default=0)
    dates = {each.inventory_date for each in stats} - {None}
    return Stats(**sums, inventory_date=dates.pop() if len(dates) == 1 else None)


#: Those that a fork of this process would inherit.
_streams: WeakSet[Stream[Any]] = WeakSet()


def _after_fork() -> None:
    for stream in list(_streams):
        stream._inherit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Stream(_types.Generic[T]):
    """An iterator over results as they are found, and a context manager that closes it."""

    def __init__(
        self,
        source: str,
        producer: Producer,
        convert: Callable[[list[Any]], list[T]],
        on_error: str | Callable[[OSError], object],
        progress: Callable[[Stats], object] | None,
    ) -> None:
        self._source = source
        self._producer = producer
        self._convert = convert
        self._log = ErrorLog(source, on_error)
        self._progress = progress
        self._progress_due = time.monotonic() + _PROGRESS_INTERVAL
        self._reported = False
        #: Results that are found and not yet taken, in reverse order.
        self._ready: list[T] = []
        # One thread at a time takes a batch. It is reentrant because `on_error` and `progress`
        # may take results themselves.
        self._lock = RLock()
        self._more = True
        self._closed = False
        self._inherited = False
        _streams.add(self)

    def _inherit(self) -> None:
        """Of a copy that a fork made: only its parent has workers, and what they found."""
        self._ready.clear()
        self._lock = RLock()  # a thread that is only there may hold the other
        # What was cleared would be missing, even if nothing more was to come.
        self._inherited = self._more = not self._closed

    @property
    def errors(self) -> list[OSError]:
        """The errors so far, each an `OSError` with `filename` and a note: the first 10,000."""
        return list(self._log.errors)

    @property
    def stats(self) -> Stats:
        """The counts so far."""
        return self._producer.stats()

    def close(self) -> None:
        """Stop the workers and end the iteration. Results that are not yet taken are lost."""
        if not self._closed:
            self._stop()
            self._log.warn(self.stats.hidden_by_links)

    def __iter__(self) -> _types.Self:
        return self

    def __next__(self) -> T:
        while True:
            # `pop` is atomic, so this needs neither the lock nor a test before it.
            try:
                return self._ready.pop()
            except IndexError:
                pass
            with self._lock:
                if self._ready:
                    continue  # another thread has taken a batch
                if not self._more:
                    self.close()
                    raise StopIteration
                self._take_batch()

    def batches(self) -> Iterator[list[T]]:
        """All results, in batches. Nobody asks for the errors."""
        self._log.keep_few()
        while self._more:
            with self._lock:
                self._take_batch()
                batch = self._ready.copy()
                self._ready.clear()
            yield batch
        self.close()

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if exc is None:
            self.close()
        else:
            # No warning in addition to the exception.
            self._stop()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "running"
        return f"<{type(self).__name__} of {self._source!r}, {state}: {self.stats!r}>"

    def _take_batch(self) -> None:
        timeout = _BATCH_TIMEOUT if self._progress is None else _PROGRESS_INTERVAL
        try:
            if self._inherited:
                raise RuntimeError("this iterator was started in another process: start one here")
            found, errors, ended = self._producer.next_batch(timeout)
            self._more = self._more and not ended
            # Stored before any callable runs, which may take the next result, or close this.
            results = self._convert(found)
            results.reverse()
            self._ready.extend(results)
            for error in errors:
                self._log.add(error)
            self._report()
        except BaseException as error:
            self._stop()
            if isinstance(error, StopIteration):
                # It would end the iteration as if these were all results.
                raise RuntimeError("on_error or progress raised StopIteration") from error
            raise

    def _report(self) -> None:
        if self._progress is None:
            return
        now = time.monotonic()
        # A scan that ends before its first report is reported at its end.
        if now >= self._progress_due or not (self._more or self._reported):
            self._progress_due = now + _PROGRESS_INTERVAL
            self._reported = True
            self._progress(self._producer.stats())

    def _stop(self) -> None:
        self._closed = True
        self._more = False
        self._ready.clear()
        self._producer.close()
