"""Work on fsspec's event loop for a caller in another thread, and threads for blocking requests.

All listing is asynchronous and runs on the event loop that fsspec keeps in a thread of its own.
`fsspec.asyn.sync` leaves a coroutine running when the caller is interrupted. Here the caller
waits in slices, so that signals are handled, and the coroutine is cancelled if the caller leaves.
Requests of a synchronous file system run in threads, and the loop awaits them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import errno
import os
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds that a waiting caller sleeps until signals are handled.
WAIT_SLICE = 0.05
#: Seconds to wait for cancelled work to end.
CANCEL_TIMEOUT = 0.15
#: How many results may wait for the caller before no more requests are sent.
_MOST_WAITING = 4096


class BackgroundTask:
    """A coroutine on the loop, and the results that the caller has not yet taken."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[BackgroundTask], Coroutine[Any, Any, None]],
    ) -> None:
        check_thread(loop)
        self._loop = loop
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._changed = threading.Condition()
        self._results: list[Any] = []
        self._errors: list[OSError] = []
        self._begun = False
        self._closed = False
        self._taken = asyncio.Event()
        #: The exception that ended the work, other than the cancellation by `close`.
        self._failure: BaseException | None = None
        self._ended = threading.Event()
        try:
            loop.call_soon_threadsafe(self._begin)
        except BaseException:
            # An interrupt may come after the loop has started the work.
            self.close()
            raise

    # On the loop

    def _begin(self) -> None:
        if not self._closed:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._work(self)
        except asyncio.CancelledError:
            # Without this, the results so far would look like all results.
            self._failure = RuntimeError("the listing was cancelled from elsewhere")
        except BaseException as error:
            # Not in a future: an interrupt would end the loop, and a `TimeoutError` would be
            # replaced by one without filename.
            self._failure = unwrapped(error)
        finally:
            self._ended.set()
            with self._changed:
                self._changed.notify_all()

    def put(self, results: list[Any], errors: list[OSError]) -> None:
        """Pass results to the caller. The first call, even with none, ends `wait_for_begin`."""
        with self._changed:
            self._begun = True
            self._results += results
            self._errors += errors
            self._changed.notify_all()

    async def wait_for_space(self) -> None:
        """Wait while too many results are not yet taken."""
        while self._is_full():
            self._taken.clear()
            # The caller may have taken them just before the event was cleared.
            if self._is_full():
                await self._taken.wait()

    def _is_full(self) -> bool:
        return len(self._results) + len(self._errors) >= _MOST_WAITING

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self._ended.set()

    # In the caller's thread

    def wait_for_begin(self) -> None:
        """Wait for the first `put`, or the end. Raises the exception that ended the work."""
        with self._changed:
            while not (self._begun or self._ended.is_set()):
                self._changed.wait(WAIT_SLICE)
        if self._ended.is_set() and self._failure is not None:
            raise self._failure

    def take(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """The results so far, the errors, and whether these were the last.

        Waits at most `seconds` for the first. Raises the exception that ended the work.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                # Read before the results: after the end no more are put.
                ended = self._ended.is_set() or self._closed
                results, errors = self._results, self._errors
                left = deadline - time.monotonic()
                if results or errors or ended or left <= 0:
                    self._results, self._errors = [], []
                    break
                # On some systems a signal does not end the wait.
                self._changed.wait(min(left, WAIT_SLICE))
        if results or errors:
            self._loop.call_soon_threadsafe(self._taken.set)
            return results, errors, False
        if ended and not self._closed and self._failure is not None:
            raise self._failure
        return [], [], ended

    def close(self) -> None:
        """Cancel the work, and wait a moment for it to end."""
        self._closed = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            if not self._ended.is_set():
                self._loop.call_soon_threadsafe(self._cancel)
                check_thread(self._loop)
                self._ended.wait(CANCEL_TIMEOUT)


def run_on_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Wait for a coroutine on a loop in another thread; cancel it if the wait is interrupted."""

    async def run(task: BackgroundTask) -> None:
        task.put([await work], [])

    try:
        check_thread(loop)
    except BaseException:
        work.close()
        raise
    with contextlib.closing(BackgroundTask(loop, run)) as task:
        results: list[T] = []
        while not results:
            results, _, _ = task.take(WAIT_SLICE)
        return results[0]


class Escaped(BaseException):
    """Wraps an exception, as its cause, that would otherwise end the event loop."""


def unwrapped(error: BaseException) -> BaseException:
    """The cause of an `Escaped`; any other exception unchanged."""
    return error.__cause__ or error if isinstance(error, Escaped) else error


def run_at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a coroutine that was not to wait did")


def check_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Raises `RuntimeError` in the loop's own thread: it would wait for itself."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is loop:
        raise RuntimeError("listing cannot be waited for inside the event loop that it runs on")


def check_process(process: int) -> None:
    """Raises `RuntimeError` in a forked process, which does not have the listing threads."""
    if os.getpid() != process:
        raise RuntimeError("a running scan cannot be taken into another process")


_QueuedRequest = tuple[Callable[[Any], Any], concurrent.futures.Future[Any]]

#: Makes a file system object for one thread. Its argument is whether the existing connection is
#: lost.
Connect = Callable[[bool], contextlib.AbstractContextManager[Any]]


class RequestThreads:
    """Daemon threads for blocking requests, each with a file system object of the adapter.

    They are started when they are needed, and end after `close`. A `ThreadPoolExecutor` would not
    do: the interpreter waits for its threads at exit, even if a request is never answered.
    """

    def __init__(
        self, fs: Any, most: int, connect: Connect, is_lost: Callable[[BaseException], bool]
    ) -> None:
        """
        Args:
            fs: The object for the first thread, if `connect` fails.
            most: The most threads.
            connect: Makes a thread's own file system object.
            is_lost: Whether an error says that the connection is lost.
        """
        #: Set when no more requests may be sent.
        self.closed = threading.Event()
        self._fs = fs
        self._most = most
        self._connect = connect
        self._is_lost = is_lost
        self._requests: queue.SimpleQueue[_QueuedRequest | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads = 0
        #: How many threads have a file system object.
        self._connected = 0

    async def run(self, request: Callable[[Any], T]) -> T:
        """Call `request` with a file system object in a thread, and await its result."""
        if self.closed.is_set():
            raise scan_ended()
        if not self._idle.acquire(blocking=False):
            self._start_thread()
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._requests.put((request, future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the threads, each after the request that it waits for."""
        with self._lock:
            self.closed.set()
            for _ in range(self._threads):
                self._requests.put(None)

    def _start_thread(self) -> None:
        with self._lock:
            if self._threads >= self._most or self.closed.is_set():
                return
            thread = threading.Thread(target=self._serve, name="pathvein-listing", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The system allows no more threads. Go on with those that exist.
                if not self._threads:
                    raise
                self._most = self._threads
            else:
                self._threads += 1

    def _serve(self) -> None:
        with contextlib.ExitStack() as connection:
            try:
                fs = connection.enter_context(self._connect(False))
            except BaseException:
                with self._lock:
                    if self._connected:
                        # The server allows no more connections. Go on with those that exist.
                        self._threads = self._most = self._threads - 1
                        return
                    self._connected += 1
                fs = self._fs
            else:
                with self._lock:
                    self._connected += 1
            lost = False
            while (item := self._requests.get()) is not None:
                request, future = item
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    if self.closed.is_set():
                        raise scan_ended()
                    if lost:
                        connection.close()
                        fs = connection.enter_context(self._connect(True))
                        lost = False
                    answer = request(fs)
                except Exception as error:
                    lost = lost or self._is_lost(error)
                    future.set_exception(error)
                except BaseException as error:
                    escaped = Escaped()
                    escaped.__cause__ = error
                    future.set_exception(escaped)
                else:
                    future.set_result(answer)
                del item, request, future
                self._idle.release()


def scan_ended() -> InterruptedError:
    """The error of a request that would be sent after the scan was closed."""
    return InterruptedError(errno.EINTR, "the scan has ended")
