"""Threads in which a synchronous file system is asked.

`concurrent.futures.ThreadPoolExecutor` does not do: the interpreter waits for its threads at the
end, and a request that is never answered would keep the process from ending. Nor do its threads
have something of their own to give back, as these have connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from pathvein._remote.loop import Escaped

T = TypeVar("T")

#: Makes a file system object for one thread; `lost`: not of the connection that there is.
Connect = Callable[[bool], contextlib.AbstractContextManager[Any]]


class RequestThreads:
    """Daemon threads, each with a file system object of its own where the adapter makes one.

    They are started as they are needed, and end after `close`.
    """

    def __init__(
        self, fs: Any, most: int, connect: Connect, is_lost: Callable[[BaseException], bool]
    ) -> None:
        """
        Args:
            fs: The file system object to fall back to.
            most: How many threads there may be.
            connect: Makes a thread's own file system object.
            is_lost: Whether an error says that a connection is of no use any more.
        """
        #: Whether nothing is to be asked any more.
        self.closed = threading.Event()
        self._fs = fs
        self._most = most
        self._connect = connect
        self._is_lost = is_lost
        self._requests: queue.SimpleQueue[tuple[Callable[[Any], Any], Future[Any]] | None]
        self._requests = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads = 0
        #: How many threads have a file system object to ask.
        self._connected = 0

    async def run(self, request: Callable[[Any], T]) -> T:
        """The answer to a request, which is given a file system object."""
        if self.closed.is_set():
            raise _ended()
        if not self._idle.acquire(blocking=False):
            self._start_thread()
        future: Future[T] = Future()
        self._requests.put((request, future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end. One that waits for an answer ends after that."""
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
                # The system has no more threads. Those that there are do it all.
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
                        # There are no more connections. The other threads do it all.
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
                        raise _ended()
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


def _ended() -> InterruptedError:
    return InterruptedError(errno.EINTR, "the scan has ended")
