"""The producer of a scan by tasks: it submits them, and takes what comes of them.

It knows nothing of trees and stores: see `Division`. A task gets a budget, and hands back what it
has not begun by then.
"""

from __future__ import annotations

import errno
import os
import queue
import time
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, NamedTuple

import pathvein_core
from pathvein_core import Stats

from pathvein._listing import noted
from pathvein._stream import COUNTS
from pathvein._tasks.executors import Workforce, is_fatal
from pathvein._tasks.work import Answer, Task, received, run

if TYPE_CHECKING:
    from pathvein._tasks.division import Division
    from pathvein._tasks.plan import Plan

#: How many tasks there are for each worker: one that runs, and one that follows it while the
#: caller is busy with results.
_TASKS_A_WORKER = 2
#: How often a task is submitted at most.
_TRIES = 3
#: The shortest and the longest budget, in seconds. The first costs about a tenth by what a task
#: costs besides; the second is what is lost with a worker.
SHORTEST, LONGEST = 0.02, 2.0
#: How many directories a task lists at most, or pages of keys. So what it gives back has a bound,
#: too, however fast the disk.
_MOST_DIRECTORIES = 500_000
#: The longest while workers wait for what others hand back.
_LONGEST_IF_FEW = 0.05
#: Which part of the time so far a budget is, and while workers wait. For so long a worker may
#: have nothing to do until another hands something back.
_SHARE, _SHARE_IF_FEW = 0.1, 0.05
#: How many roots a task has at first, at least and at most, if there are enough.
_FIRST_ROOTS, _LEAST_ROOTS, _MOST_ROOTS = 256, 16, 16384
#: Seconds between two looks for signals, and for whether another thread has closed it.
_WAIT_SLICE = 0.05


def _counts_of(stats: Stats) -> tuple[int, ...]:
    counts: tuple[int, ...] = stats.__reduce__()[1]  # type: ignore[assignment]
    return counts


_NONE = _counts_of(Stats())
#: Each count is its place among them.
_NUMBERED = Stats(*range(len(COUNTS)))
_INDICES = {name: getattr(_NUMBERED, name) for name in COUNTS}
#: Those are not summed.
_THREADS = _INDICES["threads"]


def _sum(some: tuple[int, ...], more: tuple[int, ...]) -> tuple[int, ...]:
    """The counts of tasks together; of their threads, those of the one that had the most."""
    counts = [one + other for one, other in zip(some, more, strict=True)]
    counts[_THREADS] = max(some[_THREADS], more[_THREADS])
    return tuple(counts)


#: What a division may count itself.
_COUNTED = "directories", "entries", "keys"


class _Flight(NamedTuple):
    """A task that is submitted."""

    task: Task
    future: Future[Any]
    tries: int
    #: How many roots it was allowed, and whether it took as many.
    most: int
    is_full: bool


class TaskProducer:
    """A `Producer` of `_stream.py`: the results of a division whose tasks an executor runs."""

    def __init__(
        self, division: Division, plan: Plan, workforce: Workforce, *, has_source: bool = True
    ) -> None:
        """
        Args:
            has_source: The first task reads the source, without which there is nothing. It is
                waited for, and its error is raised here.
        """
        self._division = division
        self._plan = plan
        self._workforce = workforce
        self._process = os.getpid()
        self._flights: dict[int, _Flight] = {}
        #: What is done: the number of the task, and its future.
        self._done: queue.SimpleQueue[tuple[int, Future[Any]]] = queue.SimpleQueue()
        self._closed = False
        self._started = time.monotonic()
        self._roots = _FIRST_ROOTS
        self._counts = _NONE
        self._errors: list[OSError] = []
        self._error_count = 0
        #: Whether the task that reads the source is done.
        self._has_begun = not has_source
        try:
            self._submit_more()
            while not self._has_begun and self._flights:
                self._wait(_WAIT_SLICE)
        except BaseException:
            self.close()
            raise

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        if os.getpid() != self._process:
            raise RuntimeError("a running scan cannot be taken into another process")
        deadline = time.monotonic() + seconds
        while True:
            self._submit_more()
            found = [] if self._closed else self._division.found()
            self._failed(self._division.errors())
            errors, self._errors = self._errors, []
            ended = self._closed or not self._flights
            left = deadline - time.monotonic()
            if found or errors or ended or left <= 0:
                return found, errors, ended
            self._wait(min(left, _WAIT_SLICE))

    def stats(self) -> Stats:
        counts: dict[str, Any] = {name: self._counts[at] for name, at in _INDICES.items()}
        for name, count in zip(_COUNTED, self._division.counts, strict=True):
            counts[name] += count
        # What a task has found may still be held back, or not count in the end.
        counts["matches"] = self._division.matches
        counts["hidden_by_links"] = self._division.hidden_by_links
        counts["errors"] = self._error_count
        return Stats(**counts)

    def close(self) -> None:
        """Cancel the tasks that are not begun. The others end at their budget."""
        if self._closed:
            return
        self._closed = True
        # A forked process has none, and there a thread that is gone may hold the futures' locks.
        if os.getpid() == self._process:
            for flight in self._flights.copy().values():
                flight.future.cancel()
        self._division.close()

    def __del__(self) -> None:
        if hasattr(self, "_has_begun"):
            self.close()

    def _submit_more(self) -> None:
        """Submit what is waiting, until there is enough for the workers to do."""
        workers = self._workforce.workers
        while not self._closed and len(self._flights) < _TASKS_A_WORKER * workers:
            waiting = self._division.waiting
            # Less and less as less is left, so that all end together.
            most = min(self._roots, -(-waiting // (_TASKS_A_WORKER * workers))) or 1
            taken = self._division.next_task(most)
            if taken is None:
                return
            number, description = taken
            budget = self._budget(is_enough=waiting >= _TASKS_A_WORKER * workers)
            task = Task(self._plan, description, budget, _MOST_DIRECTORIES)
            self._submit(number, task, 1, most, most == self._roots)

    def _budget(self, *, is_enough: bool) -> float:
        """How long a task may take: the longer, the more time has gone into the scan."""
        so_far = time.monotonic() - self._started if self._has_begun else 0.0
        if is_enough:
            return min(max(_SHARE * so_far, SHORTEST), LONGEST)
        return min(max(_SHARE_IF_FEW * so_far, SHORTEST), _LONGEST_IF_FEW, LONGEST)

    def _submit(self, number: int, task: Task, tries: int, most: int, is_full: bool) -> None:
        put = self._done.put
        future = self._workforce.submit(run, task)
        self._flights[number] = _Flight(task, future, tries, most, is_full)
        # It may be called at once, or by any thread.
        future.add_done_callback(lambda future: put((number, future)))
        if self._closed:
            future.cancel()

    def _wait(self, seconds: float) -> None:
        """Take what is done. Waits for the first at most so long."""
        try:
            number, future = self._done.get(timeout=seconds)
            while not self._closed:
                self._take(number, future)
                number, future = self._done.get_nowait()
        except queue.Empty:
            pass

    def _take(self, number: int, future: Future[Any]) -> None:
        flight = self._flights.get(number)
        if flight is None or flight.future is not future:
            return  # told twice
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            if is_fatal(error):
                raise self._from_workers(error)
            self._try_again(number, flight, error)
            return
        version, *told = future.result()
        if version != self._plan.version:
            raise RuntimeError(
                f"the workers have another version of pathvein: {version}, and here it is "
                f"{self._plan.version} ({self._workforce.describe()})"
            )
        answer = Answer(version, *told)
        if answer.failure is not None:
            failure = received(answer.failure)
            if not self._has_begun or not isinstance(failure, OSError | MemoryError):
                raise self._from_workers(failure)
            self._try_again(number, flight, failure)
            return
        del self._flights[number]
        self._division.take(number, answer.outcome)
        self._counts = _sum(self._counts, answer.counts)
        self._failed(received(error) for error in answer.errors)
        self._adapt(flight, answer.took)
        self._begin()

    def _adapt(self, flight: _Flight, took: float) -> None:
        """How many roots a task has: so many that they fill its budget."""
        budget = flight.task.seconds
        if budget is None or not flight.is_full or flight.most != self._roots:
            return
        if took < budget / 2:
            self._roots = min(2 * self._roots, _MOST_ROOTS)
        elif took >= budget:
            self._roots = max(self._roots // 2, _LEAST_ROOTS)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._started = time.monotonic()

    def _try_again(self, number: int, flight: _Flight, error: BaseException) -> None:
        if flight.tries < _TRIES:
            # What is broken for good says so when it is asked again.
            self._submit(number, flight.task, flight.tries + 1, flight.most, False)
            return
        del self._flights[number]
        kind = type(error)
        for path in self._division.give_up(number):
            lost = OSError(errno.EIO, os.strerror(errno.EIO), path)
            lost.__cause__ = error
            noted(lost, "scanning a sub-tree")
            lost.add_note(f"{_TRIES} workers failed, the last with {kind.__name__}: {error}")
            if not self._has_begun:
                # It is the source: without it there is no answer, not an empty one.
                raise lost
            self._failed([lost])

    def _failed(self, errors: Any) -> None:
        for error in errors:
            self._error_count += 1
            self._errors.append(error)

    def _from_workers(self, error: BaseException) -> BaseException:
        here, executor = pathvein_core.__version__, self._workforce.describe()
        name = error.name or "" if isinstance(error, ImportError) else ""
        if name.partition(".")[0] in ("pathvein", "pathvein_core"):
            # A version before there were tasks cannot tell which one it is.
            text = f"the workers have no pathvein, or not the version that is here, {here}"
            made = RuntimeError(f"{text}: {error} ({executor})")
            made.__cause__ = error
            return made
        error.add_note(f"in a worker of {executor} (here pathvein {here})")
        return error
