"""Copies matches, many files at a time, where at least one end is not on this machine.

The work is done on the event loop of fsspec; the caller takes outcomes. It looks to the caller as
`pathvein_core.Copy` does, which copies on this machine.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import errno
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fsspec.asyn import get_loop, sync

from pathvein._copying.alike import Alike, same_directory
from pathvein._copying.names import is_one_path
from pathvein._copying.overlaps import overlaps
from pathvein._listing import noted
from pathvein._remote.copying.destinations import (
    Destination,
    LocalDestination,
    ObjectDestination,
    TreeDestination,
)
from pathvein._remote.copying.ends import End, Ends
from pathvein._remote.copying.files.base import quietly
from pathvein._remote.copying.planning import Excluded, MatchPlan, PlannedFile, all_of
from pathvein._remote.copying.sources import LocalMatch, RemoteMatch
from pathvein._remote.copying.threads import LocalThreads
from pathvein._remote.copying.transfers import copy_file
from pathvein._remote.loop import WAIT_SLICE, BackgroundTask, check_process

if TYPE_CHECKING:
    from upath import UPath

    from pathvein._copying.options import CopyOptions, Match, Outcome

#: Files under way at a time, if the caller does not say.
_CONCURRENCY = 32
#: Seconds that the end of the process waits for what is being removed again.
_CLEANUP_TIMEOUT = 5.0
#: Most errors of names that are told of one match.
_MOST_PROBLEMS = 10
#: Most names that are told of what could not be removed.
_MOST_LEFT = 3


def open_copy(matches: Sequence[Match], options: CopyOptions) -> RemoteCopy:
    """The producer that copies matches of which at least one end is not on this machine.

    Nothing is read or written before its first `next_batch`. Raises `ImportError` if the package
    of a file system is missing, and `ValueError` if an end cannot be used.
    """
    return RemoteCopy(matches, options)


def existing(destinations: Mapping[int, UPath]) -> set[int]:
    """The numbers of the destinations that are there.

    One of which that cannot be found out is none: whatever is copied to it will tell.
    """
    ends = Ends(None)
    opened: dict[int, End] = {}
    for number, path in destinations.items():
        with contextlib.suppress(OSError):
            opened[number] = ends.open(path)
    found: set[int] = set()
    slots = asyncio.Semaphore(_CONCURRENCY)

    async def look(number: int, end: End) -> None:
        async with slots:
            with contextlib.suppress(Exception):
                there = os.path.lexists(end.path) if end.files is None else None
                if there or (end.files and await end.files.kind(end.path) is not None):
                    found.add(number)

    async def run() -> None:
        try:
            await all_of(look(*item) for item in opened.items())
        finally:
            for files in ends.all_files():
                files.close()

    sync(get_loop(), run)
    return found


class RemoteCopy:
    """See `pathvein._copying.options.Producer`."""

    def __init__(self, matches: Sequence[Match], options: CopyOptions) -> None:
        self._work = _Copying(matches, options)
        self._task: BackgroundTask | None = None
        self._process = os.getpid()
        self._closed = False

    def conflicts(self) -> list[tuple[int, int]]:
        """Matches that are left out, each with the one that has the same destination."""
        return list(self._work.overlaps.conflicts)

    def divide(self) -> tuple[list[list[int]], list[Outcome]]:
        """Groups of matches that can be copied apart, and what became of those that are in none.

        It is called instead of `next_batch`.
        """
        return self._work.divide()

    def next_batch(self, seconds: float) -> tuple[list[Outcome], bool]:
        """Outcomes, and whether these were the last; waits at most `seconds` for the first."""
        if self._closed:
            return [], True
        check_process(self._process)
        if self._task is None:
            self._task = BackgroundTask(get_loop(), self._work.run)
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            outcomes, _, ended = self._task.take(min(WAIT_SLICE, max(left, 0)))
            if outcomes or ended or left <= 0:
                return outcomes, ended

    def progress(self) -> tuple[int, int, int, int]:
        """Files and bytes that were copied, and that are planned so far."""
        work = self._work
        return work.files, work.bytes, work.files_planned, work.bytes_planned

    def close(self) -> None:
        """Stop the work. What is not complete is removed, for which this waits only a moment."""
        was_closed, self._closed = self._closed, True
        if was_closed or os.getpid() != self._process:
            return
        if self._task is None:
            self._work.close_files()
        else:
            self._task.close()

    def __del__(self) -> None:
        if hasattr(self, "_closed"):
            self.close()


class _Copying:
    """The work on the loop. It has no reference to the producer, so that this can be deleted."""

    def __init__(self, matches: Sequence[Match], options: CopyOptions) -> None:
        self._matches = matches
        self._options = options
        self.files = self.bytes = self.files_planned = self.bytes_planned = 0
        self._ends = Ends(options.concurrency)
        #: The ends of each match, or why they cannot be opened.
        try:
            self._opened = [self._open(match) for match in matches]
        except BaseException:
            self.close_files()
            raise
        self.overlaps = overlaps(
            [
                None if isinstance(ends, OSError) else (ends[0].place, ends[1].place)
                for ends in self._opened
            ]
        )
        #: For matches those before them whose destinations may be theirs.
        self._alike: dict[int, list[int]] = {}
        self._find_alike()
        self._threads = LocalThreads()
        most = options.concurrency or _CONCURRENCY
        # A small match waits for one answer after the other, so more of them fill the time. What
        # is in flight is limited by the files and by the requests of each file system.
        self._match_slots = asyncio.Semaphore(2 * most)
        self._file_slots = asyncio.Semaphore(most)
        self._most = most
        #: Of the matches that were counted in advance, for the totals; and their plans.
        self._counted: set[int] = set()
        self._plans: dict[int, MatchPlan] = {}
        #: Set once a match is done.
        self._done = {match.number: asyncio.Event() for match in matches}

    def _open(self, match: Match) -> tuple[End, End] | OSError:
        try:
            return self._ends.open(match.source), self._ends.open(match.destination)
        except OSError as error:
            return error

    def _find_alike(self) -> None:
        left_out = {number for number, _ in self.overlaps.conflicts} | self.overlaps.refused.keys()
        paths = {
            match.number: ends[1].path
            for match, ends in zip(self._matches, self._opened, strict=True)
            if isinstance(ends, tuple) and ends[1].files is None and match.number not in left_out
        }
        alike = Alike(paths, overwrite=self._options.overwrite)
        for number in paths:
            # One after the other, so that the first is there when the next is looked at.
            if same := [other for other in alike.same(number) if other < number]:
                self._alike[number] = same
            if earlier := {*alike.above(number), *same}:
                after = self.overlaps.after.setdefault(number, [])
                after += earlier.difference(after)

    def _local(self, number: int) -> str:
        """The path of a destination on this machine."""
        ends = self._opened[number]
        assert isinstance(ends, tuple)
        return ends[1].path

    async def _check_alike(self, number: int, destination: Destination) -> None:
        """Raises an error if another match was copied to this one's destination."""
        for other in self._alike.get(number, ()):
            here, there = self._local(number), self._local(other)
            if await self._threads.run(lambda: is_one_path(here, there)):  # noqa: B023
                source = str(self._matches[other].source)
                raise _refused(same_directory(there, source), destination)

    def divide(self) -> tuple[list[list[int]], list[Outcome]]:
        """See `RemoteCopy.divide`."""
        left_out: list[Outcome] = []
        in_none = {number for number, _ in self.overlaps.conflicts}
        for match, ends in zip(self._matches, self._opened, strict=True):
            if isinstance(ends, OSError):
                left_out.append(_outcome(match, "failed", errors=[ends]))
            elif (reason := self.overlaps.refused.get(match.number)) is not None:
                error = _refused(reason, self._destination(match, ends[1]))
                left_out.append(_outcome(match, "failed", errors=[error]))
        in_none.update(number for number, *_ in left_out)
        #: Of each match, the group that it is in.
        groups = {n: [n] for n in range(len(self._matches)) if n not in in_none}
        for number, earlier in self.overlaps.after.items():
            for other in earlier:
                if not in_none.isdisjoint((number, other)) or groups[number] is groups[other]:
                    continue
                small, large = sorted((groups[number], groups[other]), key=len)
                large += small
                groups.update(dict.fromkeys(small, large))
        divided = list({id(group): group for group in groups.values()}.values())
        for group in divided:
            # What others come after has fewer names, or is the first of those that are alike.
            group.sort(key=lambda number: (self._depth(number), number))
        self.close_files()
        return divided, left_out

    def close_files(self) -> None:
        """Close what was opened, once nothing is copied any more."""
        for files in self._ends.all_files():
            files.close()

    def _depth(self, number: int) -> int:
        ends = self._opened[number]
        return 0 if isinstance(ends, OSError) else len(ends[1].place.path)

    async def run(self, task: BackgroundTask) -> None:
        """Copy all matches."""
        _unfinished.add(self)
        left_out = {number for number, _ in self.overlaps.conflicts}

        async def one(match: Match, ends: tuple[End, End] | OSError) -> None:
            try:
                for outer in self.overlaps.after.get(match.number, ()):
                    await self._done[outer].wait()
                async with self._match_slots:
                    if match.number in left_out:
                        outcome = _outcome(match, "conflict")
                    elif isinstance(ends, OSError):
                        outcome = _outcome(match, "failed", errors=[ends])
                    else:
                        outcome = await self._copy(match, *ends)
                task.put([outcome], [])
            finally:
                self._done[match.number].set()

        try:
            if self._options.totals:
                await all_of(
                    self._add_to_totals(match, *ends)
                    for match, ends in zip(self._matches, self._opened, strict=True)
                    if match.number not in left_out and not isinstance(ends, OSError)
                )
            await all_of(map(one, self._matches, self._opened))
        finally:
            self._threads.close()
            self.close_files()
            _unfinished.discard(self)

    async def _add_to_totals(self, match: Match, source_end: End, destination_end: End) -> None:
        """Plan a match before any is copied. What goes wrong is told when it is copied."""
        async with self._match_slots:
            source = self._source(match, source_end)
            try:
                if match.number in self.overlaps.refused:
                    return
                destination = self._destination(match, destination_end)
                if not self._options.overwrite and await destination.exists():
                    return
                plan = await source.plan()
            except MemoryError:
                raise
            except Exception:
                return
            finally:
                source.close()
        self._count(match, plan)
        if source.files is not None:
            # To list it once more takes requests. On this machine a plan holds directories open.
            self._plans[match.number] = plan

    def _count(self, match: Match, plan: MatchPlan) -> None:
        if match.number not in self._counted:
            self._counted.add(match.number)
            self.files_planned += len(plan.files)
            self.bytes_planned += plan.size

    async def _plan(self, match: Match, source: RemoteMatch | LocalMatch) -> MatchPlan:
        plan = self._plans.pop(match.number, None)
        return plan or await source.plan()

    async def _copy(self, match: Match, source_end: End, destination_end: End) -> Outcome:
        options = self._options
        source = self._source(match, source_end)
        destination = self._destination(match, destination_end)
        plan = MatchPlan()
        planning: asyncio.Future[MatchPlan] | None = None
        began = False
        left: list[str] = []

        async def abandon() -> None:
            if began:
                left.extend(await destination.abandon())

        def failed(error: OSError) -> Outcome:
            if left:
                few = ", ".join(left[:_MOST_LEFT])
                more = f" and {len(left) - _MOST_LEFT} more" if len(left) > _MOST_LEFT else ""
                error.add_note(f"these could not be removed, and may be left there: {few}{more}")
            return _outcome(match, "failed", plan, errors=[error], replaced=destination.replaced)

        try:
            await self._check_alike(match.number, destination)
            if not options.overwrite:
                if len(self._matches) < self._most:
                    # Other matches would not fill the time.
                    planning = asyncio.ensure_future(self._plan(match, source))
                if await destination.exists():
                    return _outcome(match, "exists")
            if (reason := self.overlaps.refused.get(match.number)) is not None:
                raise _refused(reason, destination)
            if (reason := destination.cannot_write()) is not None:
                raise noted(OSError(errno.EROFS, reason, destination.url("")), "planning the copy")
            plan = await (planning or self._plan(match, source))
            self._count(match, plan)
            if problems := list(destination.problems(plan)):
                errors = [_bad_name(source.url(rel), reason) for rel, reason in problems]
                return _outcome(match, "failed", plan, errors=errors[:_MOST_PROBLEMS])
            if options.dryrun:
                self.files += len(plan.files)
                self.bytes += plan.size
                return _outcome(match, "copied", plan, (len(plan.files), plan.size))
            began = True
            await destination.begin(plan)
            sizes = await self._copy_files(source, plan, destination)
            await destination.finish(sizes)
            return _outcome(match, "copied", plan, (len(sizes), sum(sizes.values())))
        except FileExistsError as error:
            await quietly(abandon())
            if not options.overwrite and error.filename in (destination.url(""), None):
                return _outcome(match, "exists", plan)
            return failed(error)
        except MemoryError:
            await quietly(abandon())
            raise
        except Exception as error:
            await quietly(abandon())
            if isinstance(error, OSError) and error.filename is not None:
                return failed(error)
            return failed(destination.os_error(error, ""))
        except BaseException:
            await quietly(abandon())
            raise
        finally:
            if planning is not None and not planning.done():
                planning.cancel()
            if planning is not None:
                # asyncio logs exceptions that are never retrieved.
                await asyncio.wait([planning])
                _ = planning.cancelled() or planning.exception()
            source.close()

    async def _copy_files(
        self, source: RemoteMatch | LocalMatch, plan: MatchPlan, destination: Destination
    ) -> dict[str, int]:
        """Copy all files of a match, and return their sizes."""
        sizes: dict[str, int] = {}
        files = iter(plan.files)
        slots = {id(f): f.slots for f in (source.files, destination.files) if f and f.slots}

        def progress(size: int) -> None:
            self.bytes += size

        async def copy(file: PlannedFile) -> None:
            async with contextlib.AsyncExitStack() as held:
                # Always in one order: no two files wait for each other.
                for _, slot in sorted(slots.items(), key=lambda item: item[0]):
                    await held.enter_async_context(slot)
                await held.enter_async_context(self._file_slots)
                sizes[file.path] = await copy_file(
                    source, file, destination, progress, self._threads
                )
            self.files += 1

        async def work() -> None:
            for file in files:
                await copy(file)

        if destination.first_alone and plan.files:
            try:
                await copy(next(files))
            except FileExistsError as error:
                code, message = errno.EEXIST, os.strerror(errno.EEXIST)
                raise FileExistsError(code, message, destination.url("")) from error
        await all_of(work() for _ in range(min(self._most, len(plan.files))))
        return sizes

    def _source(self, match: Match, end: End) -> RemoteMatch | LocalMatch:
        options = self._options
        if end.files is None:
            return LocalMatch(
                end.path,
                match.pattern,
                self._threads,
                exclude=options.exclude,
                exclude_base=options.exclude_base,
                one_file_system=options.one_file_system,
            )
        return RemoteMatch(end.files, end.path, match.pattern, self._excluded(match))

    def _excluded(self, match: Match) -> Excluded | None:
        rules, base = self._options.exclude, self._options.exclude_base
        if not rules or base is None:
            return None
        url = str(match.source)
        head, chain, rest = base.partition("::")
        if chain and url.endswith(chain + rest):
            # The container that both are in comes last.
            base, url = head, url.removesuffix(chain + rest)
        prefix = base if base.endswith("/") else f"{base}/"
        below = url.removeprefix(prefix) if url.startswith(prefix) else ""
        below = f"{below}/" if below else ""
        return lambda rel, is_directory: rules.is_excluded(below + rel, is_directory)

    def _destination(self, match: Match, end: End) -> Destination:
        overwrite = self._options.overwrite
        if end.files is None:
            fsync = self._options.fsync
            return LocalDestination(end.path, self._threads, overwrite=overwrite, fsync=fsync)
        kind = TreeDestination if end.files.has_directories else ObjectDestination
        user_fs: Any = match.destination.fs  # type: ignore[union-attr]
        return kind(end.files, end.path, overwrite=overwrite, user_fs=user_fs)


def _outcome(
    match: Match,
    kind: str,
    plan: MatchPlan | None = None,
    copied: tuple[int, int] = (0, 0),
    *,
    errors: Sequence[OSError] = (),
    replaced: Sequence[str] = (),
) -> Outcome:
    skipped = [] if plan is None else plan.skipped
    return match.number, kind, *copied, skipped, list(errors), list(replaced)


def _refused(reason: str, destination: Destination) -> OSError:
    return noted(OSError(errno.EINVAL, reason, destination.url("")), "comparing the matches")


def _bad_name(url: str, reason: str) -> OSError:
    message = f"the destination cannot have a file of this name: {reason}"
    return noted(OSError(errno.EINVAL, message, url), "planning the copy")


#: What is still under way, or is being removed again after it was closed.
_unfinished: set[_Copying] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unfinished.clear)


def _wait_for_cleanups() -> None:
    """Uploads are aborted, and what is not whole is removed, also if the process ends at once."""
    deadline = time.monotonic() + _CLEANUP_TIMEOUT
    while _unfinished and time.monotonic() < deadline:
        time.sleep(WAIT_SLICE)


# Before the executor that asyncio resolves names with is shut down, which is before `atexit`.
with contextlib.suppress(RuntimeError):  # this is imported while the process ends
    getattr(threading, "_register_atexit", atexit.register)(_wait_for_cleanups)
