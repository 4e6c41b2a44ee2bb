"""Work on fsspec's event loop for a caller in another thread, and threads for blocking requests.

All listing runs on the event loop that fsspec keeps in a thread of its own. The caller waits in
slices, so that signals are handled, and the coroutine is cancelled if it leaves; `fsspec.asyn.sync`
would leave it running. Requests of a synchronous file system run in threads.
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


class LoopThreadError(RuntimeError):
    """The caller is in the thread of the event loop, which would wait for itself."""


class BackgroundTask:
    """A coroutine on the loop, and the results that the caller has not yet taken.

    The loop and the caller share only queues of the `queue.SimpleQueue` kind. An interrupt in the
    caller's thread may come inside any lock that is written in Python, `threading.Condition` among
    them. The lock would stay taken, and the loop of the whole process would wait for it for ever.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[BackgroundTask], Coroutine[Any, Any, None]],
        *,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        """`work` makes the coroutine. The loop is another thread's."""
        check_thread(loop)
        self._loop = loop
        self._work: Callable[[BackgroundTask], Coroutine[Any, Any, None]] | None = work
        self._task: asyncio.Task[None] | None = None
        #: How many results may wait for the caller before `wait_for_space` waits.
        self._most_waiting = most_waiting
        #: Results and errors. `None` wakes the caller: the work has ended, or was closed.
        self._queue: queue.SimpleQueue[tuple[list[Any], list[OSError]] | None]
        self._queue = queue.SimpleQueue()
        #: How many results and errors were put, and taken. Each is written by one thread.
        self._put = self._took = 0
        self._space = asyncio.Event()
        #: What the caller has waited for and not returned yet.
        self._received: list[tuple[list[Any], list[OSError]]] = []
        #: The exception that ended the work, other than the cancellation by `close`.
        self._failure: BaseException | None = None
        self._closed = self._ended = False
        self._end: queue.SimpleQueue[None] = queue.SimpleQueue()
        try:
            loop.call_soon_threadsafe(self._begin)
        except BaseException:
            # An interrupt may come after the loop has started the work.
            self.close()
            raise

    # On the loop

    def _begin(self) -> None:
        if self._closed:
            self._note_end()
        else:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        work, self._work = self._work, None
        try:
            assert work is not None
            await work(self)
        except asyncio.CancelledError:
            # Without this, the results so far would look like all results.
            self._failure = RuntimeError("the listing was cancelled from elsewhere")
        except BaseException as error:
            # Not in a future: an interrupt would end the loop, and a `TimeoutError` would be
            # replaced by one without filename.
            self._failure = unwrapped(error)
        finally:
            self._note_end()

    def _note_end(self) -> None:
        self._ended = True
        self._queue.put(None)
        self._end.put(None)

    def put(self, results: list[Any], errors: list[OSError]) -> None:
        """Pass results to the caller. The first call, even with none, ends `wait_for_begin`."""
        self._put += len(results) + len(errors)
        self._queue.put((results, errors))

    async def wait_for_space(self) -> None:
        """Wait while too many results are not yet taken."""
        while self._put - self._took >= self._most_waiting:
            self._space.clear()
            # The caller may have taken them just before the event was cleared.
            if self._put - self._took >= self._most_waiting:
                await self._space.wait()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self._ended:
            self._note_end()

    # In the caller's thread

    def _receive(self, seconds: float) -> None:
        """Wait at most `seconds` for something to be put, or the end; receive all there is."""
        deadline = time.monotonic() + seconds
        while not self._received:
            # Read before the queue: after the end no more are put.
            ended = self._ended or self._closed
            left = deadline - time.monotonic()
            try:
                # On some systems a signal does not end the wait.
                item = self._queue.get(not ended and left > 0, max(min(left, WAIT_SLICE), 0))
            except queue.Empty:
                if ended or left <= 0:
                    return
            else:
                if item is not None:
                    self._received.append(item)
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._queue.get_nowait()
                if item is not None:
                    self._received.append(item)

    def wait_for_begin(self) -> None:
        """Wait for the first `put`, or the end. Raises the exception that ended the work."""
        self._receive(float("inf"))
        if not self._received and self._failure is not None and not self._closed:
            raise self._failure

    def take(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """The results so far, the errors, and whether these were the last.

        Waits at most `seconds` for the first. Raises the exception that ended the work.
        """
        self._receive(seconds)
        received, self._received = self._received, []
        results = [result for batch, _ in received for result in batch]
        errors = [error for _, batch in received for error in batch]
        if results or errors:
            self._took += len(results) + len(errors)
            self._loop.call_soon_threadsafe(self._space.set)
            return results, errors, False
        if not (self._ended or self._closed) or not self._queue.empty():
            return [], [], False
        if self._failure is not None and not self._closed:
            raise self._failure
        return [], [], True

    def close(self) -> None:
        """Cancel the work, and wait a moment for it to end."""
        was_closed, self._closed = self._closed, True
        if was_closed or self._ended:
            return
        # For another thread that waits for results.
        self._queue.put(None)
        with contextlib.suppress(RuntimeError, queue.Empty):  # the loop is closed, or its thread
            self._loop.call_soon_threadsafe(self._cancel)
            check_thread(self._loop)
            self._end.get(timeout=CANCEL_TIMEOUT)


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
    """Raises `LoopThreadError` in the loop's own thread."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is loop:
        raise LoopThreadError("listing cannot be waited for inside the event loop that it runs on")


def check_process(process: int) -> None:
    """Raises `RuntimeError` in a forked process, which does not have the listing threads."""
    if os.getpid() != process:
        raise RuntimeError("a running scan cannot be taken into another process")


_QueuedRequest = tuple[Callable[[Any], Any], concurrent.futures.Future[Any]]

#: Makes a file system object for one thread, told whether the existing connection is lost.
Connect = Callable[[bool], contextlib.AbstractContextManager[Any]]


class RequestThreads:
    """Daemon threads for blocking requests, each with a file system object of its own.

    A `ThreadPoolExecutor` would not do: the interpreter waits for its threads at exit, even if a
    request is never answered.
    """

    def __init__(
        self, fs: Any, most: int, connect: Connect, is_lost: Callable[[BaseException], bool]
    ) -> None:
        """`fs` is for the first thread if `connect` fails. `is_lost` knows lost connections."""
        #: Whether no more requests may be sent.
        self.is_closed = False
        self._fs = fs
        self._most = most
        self._connect = connect
        self._is_lost = is_lost
        #: `None` ends the threads: each passes it on.
        self._requests: queue.SimpleQueue[_QueuedRequest | None] = queue.SimpleQueue()
        # Of the loop and the threads. `close` takes neither: it may be called by the garbage
        # collector, in the middle of anything.
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads = 0
        #: How many threads have a file system object.
        self._connected = 0

    async def run(self, request: Callable[[Any], T]) -> T:
        """Call `request` with a file system object in a thread, and await its result."""
        if self.is_closed:
            raise scan_ended()
        if not self._idle.acquire(blocking=False):
            self._start_thread()
        # The exception is part of the result: a future cannot hold each.
        future: concurrent.futures.Future[tuple[Any, BaseException | None]]
        future = concurrent.futures.Future()
        self._requests.put((request, future))
        answer, error = await asyncio.wrap_future(future)
        if error is not None:
            raise error
        result: T = answer
        return result

    def close(self) -> None:
        """End the threads, each after the request that it waits for."""
        self.is_closed = True
        self._requests.put(None)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name="pathvein-listing", daemon=True)
        with self._lock:
            if self._threads >= self._most:
                return
            self._threads += 1
        try:
            thread.start()
        except RuntimeError:
            # The system allows no more threads. Go on with those that exist.
            with self._lock:
                self._threads = self._most = self._threads - 1
            if not self._most:
                raise

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
                if future.set_running_or_notify_cancel():
                    answer: Any = None
                    error: BaseException | None = None
                    try:
                        if self.is_closed:
                            raise scan_ended()
                        if lost:
                            connection.close()
                            fs = connection.enter_context(self._connect(True))
                            lost = False
                        answer = request(fs)
                    except StopIteration as stop:
                        # A coroutine cannot raise it.
                        error = RuntimeError(f"the file system raised {stop!r}")
                        error.__cause__ = stop
                    except Exception as failure:
                        error = failure
                        lost = lost or self._is_lost(failure)
                    except BaseException as failure:
                        error = Escaped()
                        error.__cause__ = failure
                    future.set_result((answer, error))
                    del answer, error
                del item, request, future
                self._idle.release()
            self._requests.put(None)


def scan_ended() -> InterruptedError:
    """The error of a request that would be sent after the scan was closed."""
    return InterruptedError(errno.EINTR, "the scan has ended")
