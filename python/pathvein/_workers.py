"""Listing directories many at a time, as the file system allows.

Whoever walks submits directories and takes their listings, in any order. What is listed at the
same time is up to the file system: on an asynchronous one coroutines, on its own loop; on
another threads, as many as it is known to stand, with a connection each where one cannot be
shared; an unknown one is asked one thing at a time. Never in the caller's thread, so that the
caller can be interrupted; but what is at hand is simply read.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from pathvein._background import FAREWELL, SLICE, check_thread
from pathvein._listing import Listing
from pathvein._remote_fs import listing_threads, own_connection

if TYPE_CHECKING:
    from pathvein._remote import Excluded, Place, RemoteSource


class Job(NamedTuple):
    """A directory to be listed."""

    #: The caller's.
    number: int
    #: The directory, or the one above if `name` is given.
    place: Place
    name: str | None = None
    is_link: bool = False


class Done(NamedTuple):
    """A directory that was listed, or what kept it from being."""

    job: Job
    #: Where it is, unless that is what failed.
    place: Place | None
    listing: Listing | None
    error: BaseException | None


class Workers:
    """List what is submitted, the latest first. This class lists in the thread that takes it.

    For one thread, but for `close`.
    """

    def __init__(self, source: RemoteSource, excluded: Excluded | None) -> None:
        self._source = source
        self._excluded = excluded
        self._stack: list[Job] = []
        self._under_way = 0
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._closed = False
        # Nothing is started once it is closed. A signal's handler may close it as well.
        self._lock = threading.RLock()
        self._process = os.getpid()

    @property
    def busy(self) -> bool:
        """Whether something is still to be taken."""
        return not self._closed and (bool(self._stack) or self._under_way > 0)

    def submit(self, job: Job) -> None:
        """Have a directory listed."""
        self._stack.append(job)

    def take(self, seconds: float) -> list[Done]:
        """What has been listed since; waits at most so long for something."""
        if not self._stack or self._closed:
            return []
        return [list_job(self._source, self._stack.pop(), self._excluded)]

    def close(self) -> None:
        """Stop."""
        if os.getpid() != self._process:
            # There is nothing here to be stopped, and a lock may have been held.
            self._closed = True
            return
        with self._lock:
            if not self._closed:
                self._closed = True
                self._stop()

    def _stop(self) -> None:
        """Stops what was started."""

    def _collect(self, seconds: float, start: Callable[[Job], None], most: int) -> list[Done]:
        if os.getpid() != self._process:
            # What lists was left behind.
            raise RuntimeError("a running scan cannot be taken into another process")
        with self._lock:
            while self._stack and self._under_way < most and not self._closed:
                self._under_way += 1
                start(self._stack.pop())
        deadline = time.monotonic() + seconds
        done: list[Done] = []
        while self._under_way and not self._closed:
            left = 0.0 if done else max(deadline - time.monotonic(), 0.0)
            try:
                # In slices: on some systems signals do not end a wait.
                done.append(self._done.get(left > 0, min(left, SLICE)))
            except queue.Empty:
                if done or time.monotonic() >= deadline:
                    break
            else:
                self._under_way -= 1
        return [] if self._closed else done


class _Coroutines(Workers):
    """On an asynchronous file system."""

    def __init__(self, source: RemoteSource, excluded: Excluded | None) -> None:
        super().__init__(source, excluded)
        check_thread(source.fs.loop)
        self._futures: set[Future[None]] = set()
        self._running = 0
        self._ended = threading.Event()

    def take(self, seconds: float) -> list[Done]:
        return self._collect(seconds, self._start, self._source.concurrency)

    def _stop(self) -> None:
        """Cancels what is under way, and waits a little for it to end."""
        futures = self._futures.copy()
        if not futures:
            return
        for future in futures:
            future.cancel()
        loop = self._source.fs.loop
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._look_if_ended)
            check_thread(loop)
            self._ended.wait(FAREWELL)

    def _start(self, job: Job) -> None:
        future = asyncio.run_coroutine_threadsafe(self._run(job), self._source.fs.loop)
        self._futures.add(future)
        future.add_done_callback(functools.partial(self._finished, job))

    def _finished(self, job: Job, future: Future[None]) -> None:
        self._futures.discard(future)
        if future.cancelled() and not self._closed:
            # By somebody else: whoever waits has to know.
            error = RuntimeError("listing was cancelled")
            self._done.put(Done(job, None, None, error))

    # In the loop

    async def _run(self, job: Job) -> None:
        self._running += 1
        try:
            self._done.put(await list_job_async(self._source, job, self._excluded))
        finally:
            self._running -= 1
            self._look_if_ended()

    def _look_if_ended(self) -> None:
        if self._closed and not self._running:
            self._ended.set()


class _Threads(Workers):
    """On a file system that is not asynchronous."""

    def __init__(self, source: RemoteSource, excluded: Excluded | None) -> None:
        super().__init__(source, excluded)
        self._most = min(source.concurrency, listing_threads(source.fs))
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._count = 0
        self._stopped = threading.Event()

    def take(self, seconds: float) -> list[Done]:
        return self._collect(seconds, self._start, min(self._most, self._source.limit))

    def _stop(self) -> None:
        self._stopped.set()
        for _ in range(self._count):
            self._jobs.put(None)

    def _start(self, job: Job) -> None:
        self._jobs.put(job)
        if self._count < min(self._most, self._under_way):
            # A daemon: a request that never ends must not keep the process from ending.
            first = self._count == 0
            work = threading.Thread(
                target=_serve,
                args=(self._source, self._excluded, self._jobs, self._done, self._stopped, first),
                name="pathvein-listing",
                daemon=True,
            )
            try:
                work.start()
            except RuntimeError:
                # No more threads than there are.
                if first:
                    raise
                self._most = self._count
            else:
                self._count += 1


def _serve(
    source: RemoteSource,
    excluded: Excluded | None,
    jobs: queue.SimpleQueue[Job | None],
    done: queue.SimpleQueue[Done],
    stopped: threading.Event,
    first: bool,
) -> None:
    """What a thread does. The first one lists as long as any does."""
    if stopped.is_set():
        return
    with contextlib.ExitStack() as connection:

        def connect(*, lost: bool = False) -> Any:
            connection.close()
            return connection.enter_context(own_connection(source.fs, lost=lost))

        try:
            own = source.connected(connect, stopped)
        except BaseException:
            # No more connections than there are. One is there: the file system's own.
            if not first:
                return
            own = source.connected(lambda *, lost=False: source.fs, stopped)
        _list_all(own, excluded, jobs, done)


def _list_all(
    source: RemoteSource,
    excluded: Excluded | None,
    jobs: queue.SimpleQueue[Job | None],
    done: queue.SimpleQueue[Done],
) -> None:
    while (job := jobs.get()) is not None:
        done.put(list_job(source, job, excluded))


def open_workers(source: RemoteSource, excluded: Excluded | None) -> Workers:
    """What lists below a source."""
    if source.at_hand:
        return Workers(source, excluded)
    return (_Coroutines if source.asynchronous else _Threads)(source, excluded)


def list_job(source: RemoteSource, job: Job, excluded: Excluded | None) -> Done:
    """List one directory; whatever goes wrong is told."""
    place = None
    try:
        if job.name is None:
            place = job.place
        else:
            place = source.enter(job.place, job.name, is_link=job.is_link)
        return Done(job, place, source.list(place.rel, excluded), None)
    except BaseException as error:
        return Done(job, place, None, error)


async def list_job_async(source: RemoteSource, job: Job, excluded: Excluded | None) -> Done:
    """List one directory on the loop of its file system; whatever goes wrong is told."""
    place = None
    try:
        if job.name is None:
            place = job.place
        else:
            place = await source.enter_async(job.place, job.name, is_link=job.is_link)
        return Done(job, place, await source.list_async(place.rel, excluded), None)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return Done(job, place, None, error)
