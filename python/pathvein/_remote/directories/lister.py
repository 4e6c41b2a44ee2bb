"""Lists directories, many at a time.

Who walks submits directories and takes their listings, in any order. Each is listed by a coroutine
on fsspec's event loop, never in the caller's thread, so that the caller can be interrupted. What
is at hand (in memory, or local) is listed at once by who takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from pathvein._listing import Listing, noted
from pathvein._remote.loop import (
    CANCEL_TIMEOUT,
    WAIT_SLICE,
    check_process,
    check_thread,
    run_at_once,
    unwrapped,
)
from pathvein._remote.names import join

if TYPE_CHECKING:
    from pathvein._remote.filesystems import FileSystem
    from pathvein._remote.source import RemoteSource

#: As many links as Linux follows in one path.
MAX_LINKS = 40

#: Tells by its path relative to the source, and by whether it is a directory, if an entry is left
#: out.
Excluded = Callable[[str, bool], bool]


class Directory(NamedTuple):
    """A directory that a walk has reached, with the way that led there."""

    #: The path relative to the source, `""` for the source itself.
    rel: str
    #: The directory above on the way, `None` for the source.
    parent: Directory | None
    #: The path without links, where links are followed and the file system can tell.
    real: str | None
    #: Number of links on the way.
    links: int


class Job(NamedTuple):
    """A directory to list."""

    #: The caller's number for it.
    number: int
    #: The directory, or the one above if `name` is given.
    directory: Directory
    name: str | None = None
    is_link: bool = False


class Done(NamedTuple):
    """A directory that was listed, or the error that kept it from being listed."""

    job: Job
    #: `None` if the directory could not be entered.
    directory: Directory | None
    listing: Listing | None
    error: BaseException | None


def source_directory(source: RemoteSource, *, follow_links: bool) -> Directory:
    """The source as a directory: where a walk begins."""
    adapter, real = source.adapter, None
    if follow_links and adapter.resolves_links:
        try:
            real = source.wait(adapter.real_path(""))
        except Exception as error:
            raise adapter.errors.os_error(error, source.url(), "resolving the source") from error
    return Directory("", None, real, 0)


class DirectoryLister:
    """Lists what is submitted, the latest first. For one thread, but for `close`."""

    def __init__(self, source: RemoteSource, excluded: Excluded | None) -> None:
        self._adapter = source.adapter
        self._excluded = excluded
        self._stack: list[Job] = []
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._futures: set[Future[None]] = set()
        #: Jobs that were begun and not taken; coroutines that run.
        self._in_flight = self._running = 0
        self._closed = False
        self._ended = threading.Event()
        # Nothing is started once it is closed. A signal's handler may close it as well.
        self._lock = threading.RLock()
        self._process = os.getpid()
        if not self._adapter.at_hand:
            check_thread(self._adapter.loop)

    @property
    def busy(self) -> bool:
        """Whether something is still to be taken."""
        return not self._closed and (bool(self._stack) or self._in_flight > 0)

    def submit(self, job: Job) -> None:
        """Have a directory listed."""
        self._stack.append(job)

    def take(self, seconds: float) -> list[Done]:
        """What has been listed since; waits at most so many seconds for something."""
        if not self.busy:
            return []
        if self._adapter.at_hand:
            return [run_at_once(self._list(self._stack.pop()))]
        check_process(self._process)
        self._start_jobs()
        deadline = time.monotonic() + seconds
        done: list[Done] = []
        while self._in_flight and not self._closed:
            left = 0.0 if done else max(deadline - time.monotonic(), 0.0)
            try:
                # On some systems signals do not end a wait.
                done.append(self._done.get(left > 0, min(left, WAIT_SLICE)))
            except queue.Empty:
                if done or time.monotonic() >= deadline:
                    break
            else:
                self._in_flight -= 1
        return [] if self._closed else done

    def close(self) -> None:
        """Cancel what is in flight, and wait a moment for it to end."""
        if os.getpid() != self._process:
            # A fork has no coroutines to stop, and the lock may have been held.
            self._closed = True
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._adapter.close()
            futures = self._futures.copy()
            for future in futures:
                future.cancel()
            if futures:
                loop = self._adapter.loop
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._note_end)
                    check_thread(loop)
                    self._ended.wait(CANCEL_TIMEOUT)

    def _start_jobs(self) -> None:
        with self._lock:
            if self._closed:
                return
            while self._stack and self._in_flight < self._adapter.most_requests:
                self._in_flight += 1
                self._start(self._stack.pop())

    def _start(self, job: Job) -> None:
        future = asyncio.run_coroutine_threadsafe(self._run(job), self._adapter.loop)
        self._futures.add(future)
        future.add_done_callback(functools.partial(self._finished, job))

    def _finished(self, job: Job, future: Future[None]) -> None:
        self._futures.discard(future)
        if future.cancelled() and not self._closed:
            # Cancelled by somebody else. Without this the caller would wait for ever.
            self._done.put(Done(job, None, None, RuntimeError("listing was cancelled")))

    # On the loop

    async def _run(self, job: Job) -> None:
        self._running += 1
        try:
            self._done.put(await self._list(job))
        finally:
            self._running -= 1
            self._note_end()

    def _note_end(self) -> None:
        if self._closed and not self._running:
            self._ended.set()

    async def _list(self, job: Job) -> Done:
        directory = None
        try:
            if job.name is None:
                directory = job.directory
            else:
                directory = await enter(self._adapter, job.directory, job.name, is_link=job.is_link)
            listing = await list_directory(self._adapter, directory.rel, self._excluded)
            return Done(job, directory, listing, None)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            return Done(job, directory, None, unwrapped(error))


async def list_directory(
    adapter: FileSystem, rel: str, excluded: Excluded | None = None
) -> Listing:
    """List one directory without what is `excluded`. Raises what `FileSystem.list` raises."""
    if excluded is None:
        return await adapter.list(rel)
    prefix = f"{rel}/" if rel else ""
    listing = await adapter.list(rel, lambda name: excluded(prefix + name, False))
    dirnames, filenames = listing.dirnames, listing.filenames
    listing.dirnames = [name for name in dirnames if not excluded(prefix + name, True)]
    listing.filenames = [name for name in filenames if not excluded(prefix + name, False)]
    listing.links.intersection_update(listing.dirnames)
    return listing


async def enter(
    adapter: FileSystem, directory: Directory, name: str, *, is_link: bool
) -> Directory:
    """The sub-directory `name`; `is_link` if the listing has it among its links.

    A link to a directory on the way raises `OSError` (`ELOOP`), and so does the 41st link of a
    way, which ends loops where the file system cannot resolve links.
    """
    rel = join(directory.rel, name)
    if not is_link:
        real = None if directory.real is None else join(directory.real, name)
        return Directory(rel, directory, real, directory.links)
    url, doing = adapter.url(rel), "following the link"
    try:
        real = await adapter.real_path(rel)
    except MemoryError:
        raise
    except Exception as error:
        raise adapter.errors.os_error(error, url, doing) from error
    ancestor: Directory | None = directory
    while real is not None and ancestor is not None:
        if ancestor.real == real:
            message = f"the link leads back to {adapter.url(ancestor.rel)!r}"
            raise noted(OSError(errno.ELOOP, message, url), doing)
        ancestor = ancestor.parent
    if directory.links >= MAX_LINKS:
        raise noted(OSError(errno.ELOOP, os.strerror(errno.ELOOP), url), doing)
    return Directory(rel, directory, real, directory.links + 1)
