"""The copying of matches, side by side, by threads.

A task never waits for another. Those that copy files of one match take them from one list, and
the last one that finds nothing left completes the match, and begins the next of its group.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pathvein_core import ExcludeRules, FileStructurePattern

from pathvein._copying.names import bad_destination, bad_names, fold_of, local_name
from pathvein._copying.portable.order import order_of
from pathvein._copying.portable.planning import Plan, PlannedFile
from pathvein._copying.portable.staging import Staging
from pathvein._copying.portable.system import below, copy_metadata, doing, refused, write_all

if TYPE_CHECKING:
    from pathvein._copying.options import Outcome

#: Bytes that are read at a time.
_PIECE = 1 << 20
#: Seconds after which a waiting thread looks for signals: Windows does not wake it for them.
_SIGNAL_INTERVAL = 0.1
#: Seconds in which outcomes gather, and how many do.
_GATHER_TIME, _BATCH = 0.005, 512
#: How many names that cannot be at the destination are told of one match.
_MOST_PROBLEMS = 10


class _StoppedError(Exception):
    """The copy was closed."""


class Copy:
    """A copy of matches: see the core's class of this name."""

    def __init__(
        self,
        matches: Sequence[
            tuple[str | os.PathLike[str], str | os.PathLike[str], FileStructurePattern]
        ],
        *,
        overwrite: bool = False,
        dryrun: bool = False,
        threads: int | None = None,
        fsync: bool = False,
        links: str = "follow",
        exclude: ExcludeRules | None = None,
        exclude_base: str | os.PathLike[str] | None = None,
        one_file_system: bool = False,
        totals: bool = False,
    ) -> None:
        if links not in ("follow", "keep"):
            raise ValueError(f"links must be 'follow' or 'keep', not {links!r}")
        self.matches = [(os.fsdecode(a), os.fsdecode(b), pattern) for a, b, pattern in matches]
        self.overwrite, self.dryrun, self.fsync = overwrite, dryrun, fsync
        self._plan_options: dict[str, Any] = {
            "links": links,
            "exclude": exclude,
            "exclude_base": exclude_base,
            "one_file_system": one_file_system,
        }
        self._totals = totals
        self.threads = threads or _processors()
        self._order = order_of([match[:2] for match in self.matches], overwrite=overwrite)
        self._pool: ThreadPoolExecutor | None = None
        self._stopped = threading.Event()
        self._outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        #: How many matches have an outcome that was not taken yet.
        self._left = len(self.matches)
        self._guard = threading.Lock()
        self._files = self._bytes = self._files_planned = self._bytes_planned = 0

    def conflicts(self) -> list[tuple[int, int]]:
        """Matches that are left out, each with the one that has the same destination."""
        return list(self._order.conflicts)

    def divide(self) -> tuple[list[list[int]], list[Outcome]]:
        """Groups of matches that can be copied apart, and what becomes of the others."""
        if self._pool is not None or self._stopped.is_set():
            return [], []
        return [list(group) for group in self._order.groups], list(self._left_out())

    def start(self) -> None:
        """Start to copy, unless that was done."""
        if self._pool is not None or self._stopped.is_set():
            return
        self._pool = ThreadPoolExecutor(self.threads, "pathvein-copy")
        for outcome in self._left_out():
            self._outcomes.put(outcome)
        if self._totals:
            self._add_totals()
        else:
            self._start_groups()

    def next_batch(self, seconds: float) -> tuple[list[Outcome], bool]:
        """Outcomes, and whether these were the last; waits at most `seconds`."""
        self.start()
        if self._stopped.is_set():
            return [], True
        end = time.monotonic() + seconds
        batch: list[Outcome] = []
        while self._left and len(batch) < _BATCH:
            wait = _GATHER_TIME if batch else min(end - time.monotonic(), _SIGNAL_INTERVAL)
            try:
                found = self._outcomes.get(timeout=max(wait, 0))
            except queue.Empty:
                if batch or time.monotonic() >= end:
                    break
                continue
            if isinstance(found, BaseException):
                raise found
            self._left -= 1
            batch.append(found)
        return batch, not self._left

    def progress(self) -> tuple[int, int, int, int]:
        """Files and bytes so far, and in all."""
        with self._guard:
            return self._files, self._bytes, self._files_planned, self._bytes_planned

    def close(self) -> None:
        """Stop, and wait until what is not whole is removed."""
        self._stopped.set()
        if self._pool is not None:
            self._pool.shutdown()

    # Below, all is called by the threads, or before there are any.

    def check_stopped(self) -> None:
        """Raises an exception if it was closed."""
        if self._stopped.is_set():
            raise _StoppedError

    def count(self, *, files: int = 0, size: int = 0) -> None:
        """Count what was copied."""
        with self._guard:
            self._files += files
            self._bytes += size

    def put(self, outcome: Outcome) -> None:
        """Tell what became of a match."""
        self._outcomes.put(outcome)

    def submit(self, act: Callable[[], None]) -> bool:
        """Let a thread do something. Whether one will; what goes wrong is raised to who waits."""

        def run() -> None:
            try:
                act()
            except _StoppedError:
                pass
            except BaseException as error:
                self._outcomes.put(error)

        if self._pool is None or self._stopped.is_set():
            return False
        try:
            self._pool.submit(run)
        except RuntimeError:
            if not self._stopped.is_set():
                raise
            return False
        return True

    def plan(self, number: int) -> Plan:
        """What belongs to a match. Raises `OSError`."""
        source, _, pattern = self.matches[number]
        plan = Plan(source, pattern, **self._plan_options, is_stopped=self._stopped.is_set)
        self.check_stopped()
        return plan

    def is_kept(self, number: int) -> bool:
        """Whether the destination is there, and is left as it is."""
        return not self.overwrite and os.path.lexists(self.matches[number][1])

    def _left_out(self) -> Iterator[Outcome]:
        for number, _ in self._order.conflicts:
            yield number, "conflict", 0, 0, [], [], []
        for number, error in self._order.refused.items():
            yield number, "failed", 0, 0, [], [error], []

    def _start_groups(self) -> None:
        for group in self._order.groups:
            self.submit(lambda group=group: self.copy_from(group, 0))  # type: ignore[misc]

    def _add_totals(self) -> None:
        """Plan all matches before the first is copied. What goes wrong is told when it is."""
        numbers = [number for group in self._order.groups for number in group]
        left = len(numbers)
        if not numbers:
            return

        def plan(number: int) -> None:
            nonlocal left
            try:
                if not self.is_kept(number):
                    self.count_planned(self.plan(number))
            except OSError:
                pass
            finally:
                with self._guard:
                    left -= 1
                    is_last = left == 0
                if is_last:
                    self._start_groups()

        for number in numbers:
            self.submit(lambda number=number: plan(number))  # type: ignore[misc]

    def count_planned(self, plan: Plan) -> None:
        """Count what is to be copied."""
        with self._guard:
            self._files_planned += len(plan.planned)
            self._bytes_planned += plan.bytes

    def copy_from(self, group: Sequence[int], position: int) -> None:
        """Copy the matches of a group from one on, as far as no others have to end first."""
        for index in range(position, len(group)):
            self.check_stopped()
            number = group[index]
            outcome = self._begin(number, lambda index=index: self.copy_from(group, index + 1))  # type: ignore[misc]
            if outcome is None:
                # The rest follows it.
                return
            self.put(outcome)

    def _begin(self, number: int, then: Callable[[], None]) -> Outcome | None:
        """Begin to copy a match. Its outcome, if that was the end of it; else `then` is called."""
        _, destination, _ = self.matches[number]
        plan = staging = None
        try:
            if self.is_kept(number):
                return number, "exists", 0, 0, [], [], []
            plan = self.plan(number)
            if not self._totals:
                self.count_planned(plan)
            if errors := list(_problems(plan, destination)):
                return number, "failed", 0, 0, plan.skipped, errors[:_MOST_PROBLEMS], []
            if self.dryrun:
                return number, "copied", len(plan.planned), plan.bytes, plan.skipped, [], []
            staging = Staging(destination, overwrite=self.overwrite, fsync=self.fsync)
            _Job(self, number, plan, staging, then).start()
            return None
        except FileExistsError as error:
            if staging is None and not self.overwrite and self.is_kept(number):
                return number, "exists", 0, 0, [], [], []
            return _failed(number, plan, [error])
        except OSError as error:
            return _failed(number, plan, [error])


def _failed(number: int, plan: Plan | None, errors: list[OSError]) -> Outcome:
    return number, "failed", 0, 0, plan.skipped if plan else [], errors, []


class _Job:
    """A match that is being copied."""

    def __init__(
        self, copy: Copy, number: int, plan: Plan, staging: Staging, then: Callable[[], None]
    ) -> None:
        self._copy = copy
        self._number = number
        self._plan = plan
        self._staging = staging
        self._then = then
        self._waiting = iter(plan.planned)
        self._guard = threading.Lock()
        self._pending = 1
        self._errors: list[OSError] = []
        self._files = self._bytes = 0
        #: Something went wrong that is no error of a file, and is raised to who waits.
        self._is_broken = False

    def start(self) -> None:
        """Make the directories, and copy all files by as many tasks as are of use."""
        try:
            for rel in self._plan.directories[1:]:
                self._copy.check_stopped()
                self._staging.make_directory(rel)
        except OSError as error:
            self._errors.append(error)
        except BaseException:
            self._staging.abandon()
            raise
        tasks = 0 if self._errors else min(self._copy.threads, len(self._plan.planned))
        for _ in range(tasks - 1):
            with self._guard:
                self._pending += 1
            if not self._copy.submit(self._run):
                with self._guard:
                    self._pending -= 1
        self._run()

    def _run(self) -> None:
        """Copy files until none is left. The last such task completes the match."""
        try:
            while not self._errors and (file := self._next()) is not None:
                try:
                    self._copy_file(file)
                except OSError as error:
                    self._errors.append(error)
        except BaseException:
            self._is_broken = True
            raise
        finally:
            with self._guard:
                self._pending -= 1
                is_last = self._pending == 0
            if is_last:
                self._finish()
        if is_last:
            # Not from here, as there may be any number of matches within each other.
            self._copy.submit(self._then)

    def _next(self) -> PlannedFile | None:
        self._copy.check_stopped()
        with self._guard:
            return next(self._waiting, None)

    def _copy_file(self, file: PlannedFile) -> None:
        staging, plan = self._staging, self._plan
        if file.text is not None:
            staging.link(file.rel, file.text)
            staging.finish(file.rel, None)
            size = 0
        else:
            source = plan.open(file.rel)
            try:
                size, original = self._copy_content(source, file)
            finally:
                os.close(source)
            staging.finish(file.rel, None, original)
        with self._guard:
            self._files += 1
            self._bytes += size
        self._copy.count(files=1)

    def _copy_content(self, source: int, file: PlannedFile) -> tuple[int, os.stat_result]:
        path, told = self._plan.path(file.rel), self._staging.path(file.rel)
        before = os.fstat(source)
        target = self._staging.create(file.rel)
        size = 0
        try:
            while True:
                self._copy.check_stopped()
                with doing("reading the file", path):
                    piece = os.read(source, _PIECE)
                if not piece:
                    break
                with doing("writing the file", told):
                    write_all(target, piece)
                size += len(piece)
                self._copy.count(size=len(piece))
        finally:
            os.close(target)
        after = os.fstat(source)
        # Files of /proc have content without a size.
        is_same = before.st_size in (size, 0) and (before.st_size, before.st_mtime_ns) == (
            *(after.st_size, after.st_mtime_ns),
        )
        if not is_same:
            with doing("reading the file", path):
                raise OSError(errno.EBUSY, "it changed while it was copied", path)
        return size, before

    def _finish(self) -> None:
        """All is done that will be."""
        staging, plan, errors = self._staging, self._plan, self._errors
        left: list[str] = []
        exists = False
        try:
            if self._copy._stopped.is_set() or self._is_broken:
                staging.abandon()
                return
            if not errors:
                self._finish_directories()
                staging.commit()
        except FileExistsError as error:
            exists = not staging.is_merged and error.filename == self._copy.matches[self._number][1]
            if not exists:
                errors.append(error)
        except OSError as error:
            errors.append(error)
        if errors:
            left = staging.abandon()
        if left:
            errors[0].add_note(f"this could not be removed, and may be left there: {left[0]}")
        number, skipped = self._number, plan.skipped
        if exists:
            self._copy.put((number, "exists", 0, 0, skipped, [], []))
        elif errors:
            self._copy.put((number, "failed", 0, 0, skipped, errors, staging.replaced))
        else:
            self._copy.put((number, "copied", self._files, self._bytes, skipped, [], []))

    def _finish_directories(self) -> None:
        """Give the directories the times of their originals, the innermost first."""
        for rel in reversed(self._plan.directories):
            with doing("reading the metadata", self._plan.path(rel)):
                original = os.stat(below(self._plan.top, rel))
            with doing("setting owner, mode and times", self._staging.path(rel)):
                copy_metadata(original, self._staging.place(rel))


def _problems(plan: Plan, destination: str) -> Iterator[OSError]:
    """Why the destination cannot have what belongs to a match, before anything is written."""
    if (reason := bad_destination(destination)) is not None:
        yield refused(destination, reason, "planning the copy")
        return
    place = os.path.abspath(destination)
    fold = fold_of(place if os.path.isdir(place) else os.path.dirname(place))
    files = [file.rel for file in plan.planned]
    for rel, reason in bad_names(plan.directories[1:], files, local_name, twins=False, fold=fold):
        message = f"the destination cannot have a file of this name: {reason}"
        yield refused(plan.path(rel), message, "planning the copy")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
