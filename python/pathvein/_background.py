"""Work on the event loop of a file system, for a caller in another thread.

fsspec runs what is asynchronous on a loop in a thread of its own. Its `sync` leaves a coroutine
running when the waiting caller is interrupted; here the caller waits in slices, and what runs is
cancelled when the caller goes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds that a waiting caller sleeps before it looks for signals.
SLICE = 0.05
#: Seconds that the end of cancelled work is waited for.
FAREWELL = 0.15
#: Results waiting to be taken after which nothing more is asked for.
_MOST_WAITING = 4096


class Background:
    """A coroutine that runs elsewhere, and what it has brought so far."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[Background], Coroutine[Any, Any, None]],
    ) -> None:
        check_thread(loop)
        self._loop = loop
        self._changed = threading.Condition()
        self._found: list[Any] = []
        self._errors: list[OSError] = []
        self._begun = False
        self._closed = False
        self._taken = asyncio.Event()
        self._over = threading.Event()
        self._future: concurrent.futures.Future[None] = asyncio.run_coroutine_threadsafe(
            self._run(work), loop
        )
        self._future.add_done_callback(lambda _: self._notify())

    # In the loop

    async def _run(self, work: Callable[[Background], Coroutine[Any, Any, None]]) -> None:
        try:
            await work(self)
        finally:
            self._over.set()

    def put(self, found: list[Any], errors: list[OSError]) -> None:
        """Results for the caller."""
        with self._changed:
            first = not self._begun
            self._begun = True
            if not (first or found or errors):
                return
            self._found += found
            self._errors += errors
            self._changed.notify_all()

    async def room(self) -> None:
        """Waits until the caller has taken most of what there is."""
        while len(self._found) + len(self._errors) >= _MOST_WAITING:
            self._taken.clear()
            # It may have been taken meanwhile.
            if len(self._found) + len(self._errors) >= _MOST_WAITING:
                await self._taken.wait()

    # In the caller's thread

    def wait_for_begin(self) -> None:
        """Waits for the first `put`, or the end. Raises what ended it."""
        with self._changed:
            while not (self._begun or self._future.done()):
                self._changed.wait(SLICE)
        if self._future.done():
            self._future.result()

    def take(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """What there is; waits at most so long for something. Whether that was all.

        Raises what ended the work.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                # In this order: what is put before the end is there at the end.
                ended = self._future.done()
                found, errors = self._found, self._errors
                left = deadline - time.monotonic()
                if found or errors or ended or left <= 0:
                    self._found, self._errors = [], []
                    break
                self._changed.wait(min(left, SLICE))
        if found or errors:
            self._loop.call_soon_threadsafe(self._taken.set)
        if ended and not (found or errors):
            if not self._future.cancelled():
                self._future.result()
            elif not self._closed:
                # Whoever it was: not all has been listed.
                raise RuntimeError("the listing was cancelled from elsewhere")
        return found, errors, ended and not (found or errors)

    def close(self) -> None:
        """Cancels the work, and waits a little for it to end."""
        self._closed = True
        if self._future.done():
            return
        self._future.cancel()
        self._over.wait(FAREWELL)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def run_on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Waits for what runs on a loop in another thread; cancels it if that is interrupted."""
    over = threading.Event()
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    task: asyncio.Task[T] | None = None

    def begin() -> None:
        nonlocal task
        task = loop.create_task(work)
        task.add_done_callback(tell)

    def tell(task: asyncio.Task[T]) -> None:
        over.set()
        if future.cancelled():
            return
        with contextlib.suppress(concurrent.futures.InvalidStateError):  # it is just given up
            if task.cancelled():
                future.cancel()
            elif error := task.exception():
                future.set_exception(error)
            else:
                future.set_result(task.result())

    def give_up() -> None:
        if task is not None:
            task.cancel()
        else:  # `begin` would have come before this
            work.close()
            over.set()

    try:
        check_thread(loop)
    except BaseException:
        work.close()
        raise
    try:
        # An interrupt may strike inside of this call when the loop has the work already: it
        # is not to be closed from here then.
        loop.call_soon_threadsafe(begin)
        while not future.done():
            # In slices: on some systems signals do not end a wait.
            concurrent.futures.wait([future], SLICE)
        return future.result()
    except BaseException:
        if future.cancel():
            loop.call_soon_threadsafe(give_up)
            over.wait(FAREWELL)
        raise


def check_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Raises `RuntimeError` in the thread of the loop: it would wait for itself."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is loop:
        raise RuntimeError("listing cannot be waited for inside the event loop that it runs on")
