"""Scans and walks of a source that is listed directory by directory, many at a time.

The scan or walk submits directories to the `DirectoryLister` and takes their listings, in any
order. They are listed by coroutines on fsspec's event loop, so that the caller can be interrupted.
If that takes no request (in memory, or local), `take` lists one in the caller's thread.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pathvein_core import ExcludeRules, FileStructurePattern, ListingScan, Stats

from pathvein._listing import Listing, is_gone, noted
from pathvein._remote.loop import WAIT_SLICE, BackgroundTask, check_process, run_at_once, unwrapped
from pathvein._remote.names import join

if TYPE_CHECKING:
    from upath import UPath

    from pathvein._remote.filesystems import FileSystem
    from pathvein._remote.source import RemoteSource

#: The most links that Linux follows in one path.
MAX_LINKS = 40

#: Whether an entry is excluded, by its path relative to the source, and whether it is a directory.
Excluded = Callable[[str, bool], bool]


class Directory(NamedTuple):
    """A directory that a walk has reached, with the directories and links that led to it."""

    #: The path relative to the source, `""` for the source itself.
    rel: str
    #: The directory above, `None` for the source.
    parent: Directory | None
    #: The path with all links resolved, if links are followed and the file system knows it.
    real: str | None
    #: How many links of the path were followed.
    links: int


class Job(NamedTuple):
    """A directory to list: `directory`, or its sub-directory `name`. The number is the caller's."""

    number: int
    directory: Directory
    name: str | None = None
    is_link: bool = False
    #: Whether it comes before those that are not.
    urgent: bool = False


class NotWanted(Exception):
    """A directory was not listed, since nobody asks for it any more."""


class Done(NamedTuple):
    """The listing of a directory (`None` if it could not be entered), or what prevented it."""

    job: Job
    directory: Directory | None
    result: Listing | BaseException
    #: Whether it is known to lead back to a directory above. Such a link is never entered.
    is_loop: bool = False


class _Loop(Exception):
    """A link that leads back to a directory above."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


def source_directory(source: RemoteSource, *, follow_links: bool) -> Directory:
    """The source as a directory."""
    try:
        real = source.real_path() if follow_links else None
    except Exception as error:
        errors = source.adapter.errors
        raise errors.os_error(error, source.url(), "resolving the source") from error
    return Directory("", None, real, 0)


class DirectoryLister:
    """Lists submitted directories, the latest first, and of all the urgent ones.

    Only `close` may be called from another thread.
    """

    def __init__(
        self,
        source: RemoteSource,
        excluded: Excluded | None,
        is_wanted: Callable[[int], bool] | None = None,
    ) -> None:
        """
        Args:
            is_wanted: Asked with a directory's number before it is listed, in any thread. If it
                says no, the directory is left out.
        """
        self._adapter = source.adapter
        self._excluded = excluded
        self._is_wanted = is_wanted
        #: How many directories are submitted and not taken.
        self._unfinished = 0
        self._closed = False
        self._process = os.getpid()
        self._stack: list[Job] = []
        self._urgent: list[Job] = []
        if not self._adapter.immediate:
            self._waiting = asyncio.Semaphore(0)
            # Nobody may want the results that are not listed yet.
            most = self._adapter.most_requests
            self._task = BackgroundTask(self._adapter.loop, self._run, most_waiting=most)

    @property
    def busy(self) -> bool:
        """Whether a submitted directory is not yet taken."""
        return not self._closed and self._unfinished > 0

    def submit(self, job: Job) -> None:
        """Put a directory into the queue."""
        self._unfinished += 1
        if self._adapter.immediate:
            self._put(job)
        else:
            self._adapter.loop.call_soon_threadsafe(self._put_on_loop, job)

    def _put(self, job: Job) -> None:
        (self._urgent if job.urgent else self._stack).append(job)

    def _next(self) -> Job:
        return (self._urgent or self._stack).pop()

    def take(self, seconds: float) -> list[Done]:
        """The directories listed since the last call. Waits at most `seconds` for the first."""
        if not self.busy:
            return []
        if self._adapter.immediate:
            done = [run_at_once(self._list(self._next()))]
        else:
            check_process(self._process)
            done, _, _ = self._task.take(seconds)
        self._unfinished -= len(done)
        return [] if self._closed else done

    def end(self) -> None:
        """Cancel the requests in flight, and wait a moment for them to end."""
        self._closed = True
        # A forked process has no requests in flight.
        if not self._adapter.immediate and os.getpid() == self._process:
            self._task.close()

    def close(self) -> None:
        """End it, and close the source."""
        self.end()
        if not self._adapter.immediate and os.getpid() == self._process:
            self._adapter.close()

    # On the loop

    def _put_on_loop(self, job: Job) -> None:
        self._put(job)
        self._waiting.release()

    async def _run(self, task: BackgroundTask) -> None:
        """List submitted directories until this task is cancelled."""

        async def work() -> None:
            while True:
                await task.wait_for_space()
                await self._waiting.acquire()
                task.put([await self._list(self._next())], [])

        workers = [asyncio.create_task(work()) for _ in range(self._adapter.most_requests)]
        try:
            # No worker returns, so one that is done has failed or was cancelled.
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _list(self, job: Job) -> Done:
        directory = None
        if self._is_wanted is not None and not self._is_wanted(job.number):
            return Done(job, None, NotWanted())
        try:
            if job.name is None:
                directory = job.directory
            else:
                directory = await enter(self._adapter, job.directory, job.name, is_link=job.is_link)
            listing = await list_directory(self._adapter, directory.rel, self._excluded)
            return Done(job, directory, listing)
        except asyncio.CancelledError:
            raise
        except _Loop as loop:
            return Done(job, None, loop.error, is_loop=True)
        except BaseException as error:
            return Done(job, directory, unwrapped(error))


async def list_directory(
    adapter: FileSystem, rel: str, excluded: Excluded | None = None
) -> Listing:
    """List one directory without its excluded entries. Raises what `FileSystem.list` raises."""
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

    A link to one of the directories above raises `_Loop`. The 41st link of a path, which ends
    loops on file systems that cannot resolve links, raises `OSError` (`ELOOP`).
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
            raise _Loop(noted(OSError(errno.ELOOP, message, url), doing))
        ancestor = ancestor.parent
    if directory.links >= MAX_LINKS:
        raise noted(OSError(errno.ELOOP, os.strerror(errno.ELOOP), url), doing)
    return Directory(rel, directory, real, directory.links + 1)


def is_match(told: Sequence[Any]) -> bool:
    """Whether what is told of a directory is that it matches: of a check, that nothing is found.

    It is the index of the pattern, and of a check the findings.
    """
    return len(told) == 1 or not told[1]


class DirectoryProducer:
    """The producer of a scan. The core decides which directories are listed."""

    def __init__(
        self,
        source: RemoteSource,
        patterns: Sequence[FileStructurePattern],
        *,
        exclude: ExcludeRules,
        max_depth: int | None,
        follow_links: bool,
        outermost: bool = False,
        check: bool = False,
        explain: bool = False,
    ) -> None:
        self._source = source
        self._follow_links = follow_links
        self._outermost = outermost
        self._checks, self._explains = check or explain, explain
        #: Directories that no answer depends on. They are only looked at for what came close, and
        #: nobody is told if they cannot be read.
        self._aside: set[int] = set()
        self._scan = ListingScan(
            patterns, max_depth, outermost=outermost, check=check, explain=explain
        )
        self._directories = self._entries = self._matches = self._links = self._error_count = 0
        self._errors: list[OSError] = []
        self._found: list[tuple[Any, ...]] = []
        excluded = exclude.is_excluded if exclude else None
        self._lister = DirectoryLister(source, excluded, self._is_wanted())
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _is_wanted(self) -> Callable[[int], bool] | None:
        """What is asked before a directory is listed."""
        return self._scan.is_wanted if self._outermost else None

    def _begin(self) -> None:
        top = source_directory(self._source, follow_links=self._follow_links)
        self._list_source(self._scan.source(self._source.name), top)

    def _list_source(self, number: int, top: Directory) -> None:
        """List the source at once, and raise its failure."""
        self._lister.submit(Job(number, top))
        while not (listed := self._lister.take(WAIT_SLICE)):
            pass
        [done] = listed
        if not isinstance(done.result, Listing):
            raise done.result
        self._take(done)

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        deadline = time.monotonic() + seconds
        while self._lister.busy and not (self._found or self._errors):
            for done in self._lister.take(min(WAIT_SLICE, max(deadline - time.monotonic(), 0))):
                self._take(done)
            if time.monotonic() >= deadline:
                break
        found, self._found = self._found, []
        errors, self._errors = self._errors, []
        return found, errors, not self._lister.busy

    def stats(self) -> Stats:
        counts = self._source.adapter.counts
        return Stats(
            directories=self._directories,
            entries=self._entries,
            matches=self._matches,
            errors=self._error_count,
            links_not_followed=self._links,
            requests=counts.requests,
            retries=counts.retries,
            hidden_by_links=self._scan.hidden_by_links(),
        )

    def close(self) -> None:
        self._lister.close()

    def __del__(self) -> None:
        if hasattr(self, "_lister"):
            self.close()

    def _failed(self, error: OSError) -> None:
        self._error_count += 1
        self._errors.append(error)

    def _take(self, done: Done) -> None:
        number, directory, result = done.job.number, done.directory, done.result
        if isinstance(result, Listing):
            assert directory is not None
            self._take_listing(number, directory, result)
        elif isinstance(result, NotWanted):
            pass  # the scan knows it
        elif not isinstance(result, OSError):
            raise result
        elif directory is not None and is_gone(result):
            self._scan.absent(number)
        else:
            if number not in self._aside:
                self._failed(result)
            if done.is_loop:
                self._scan.not_entered(number)
            else:
                self._scan.not_listed(number)
        self._take_found()

    def _take_found(self) -> None:
        found: list[Any] = self._scan.take_checked() if self._checks else self._scan.take_matches()
        for rel, *told in found:
            try:
                self._found.append((self._source.path(rel), *told))
                self._matches += is_match(told)
            except OSError as error:
                self._failed(error)

    def _tag(self, rel: str) -> str:
        """What the scan tells of a directory by."""
        return rel

    def _take_listing(self, number: int, directory: Directory, listing: Listing) -> None:
        dirnames, filenames = listing.dirnames, listing.filenames
        self._directories += 1
        self._entries += len(dirnames) + len(filenames)
        for error in () if number in self._aside else listing.errors:
            self._failed(error)
        links = listing.links
        if not self._follow_links:
            self._links += len(links.intersection(dirnames))
        enterable = [(name, self._follow_links or name not in links) for name in dirnames]
        tag = self._tag(directory.rel)
        below = self._scan.listed(number, tag, enterable, filenames, whole=listing.is_whole)
        for index, wanted in below:
            name = dirnames[index]
            if self._explains and not self._scan.feeds_another(wanted):
                self._aside.add(wanted)
            urgent = self._outermost and self._scan.feeds_another(wanted)
            self._lister.submit(Job(wanted, directory, name, name in links, urgent))


def walk_directories(
    source: RemoteSource,
    *,
    max_depth: int | None = None,
    follow_links: bool = False,
    excluded: Excluded | None = None,
    on_error: Callable[[OSError], object] = lambda error: None,
) -> Iterator[tuple[UPath, list[str], list[str]]]:
    """Walk a source: each directory's path, its directories' names, its files' names.

    Directories come before those below them. Names that are removed from the list of directories
    are not entered. `max_depth` 0 lists the source alone. An error of the source itself is raised,
    any other is passed to `on_error`. A directory that is gone when it is opened is left out.
    """
    top = source_directory(source, follow_links=follow_links)
    lister = DirectoryLister(source, excluded)
    try:
        lister.submit(Job(0, top))
        while lister.busy:
            for done in lister.take(WAIT_SLICE):
                directory, listing = done.directory, done.result
                try:
                    if not isinstance(listing, Listing):
                        raise listing
                    assert directory is not None
                    path = source.path(directory.rel)
                except OSError as error:
                    if done.job.number == 0:
                        raise
                    if directory is None or not is_gone(error):
                        on_error(error)
                    continue
                for problem in listing.errors:
                    on_error(problem)
                dirnames = listing.dirnames
                yield path, dirnames, listing.filenames
                depth = directory.rel.count("/") + 1 if directory.rel else 0
                if max_depth is not None and depth >= max_depth:
                    continue
                for name in reversed(dirnames):
                    is_link = name in listing.links
                    if follow_links or not is_link:
                        lister.submit(Job(1, directory, name, is_link))
    finally:
        lister.close()
