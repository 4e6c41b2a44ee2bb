"""Copies that an executor makes: the caller's side. What runs in the workers is `task_worker`.

What is in the way of what is known here, before anything is written. A task is some groups of
matches: those of one group have to do with each other, and are copied in one order.
"""

from __future__ import annotations

import errno
import os
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from pathvein._copying.places import existing
from pathvein._listing import noted
from pathvein._tasks.engine import TaskProducer
from pathvein._tasks.plan import Plan
from pathvein._tasks.work import received

if TYPE_CHECKING:
    from upath import UPath

    from pathvein._copying.options import CopyOptions, Match, Outcome, Producer
    from pathvein._tasks.executors import Workforce

_WORKER = "pathvein._copying.task_worker"


class Item(NamedTuple):
    """A match, as it travels."""

    number: int
    source: str | UPath
    destination: str | UPath
    #: The number of its pattern, of those of the plan.
    pattern: int
    #: Whether the destination was there before anything was copied. If it was not, and a worker
    #: finds it, it may be of a worker that did this before and was lost.
    was_there: bool


class TaskCopy:
    """A `Producer` whose matches are copied by the workers of an executor.

    Args:
        here: What would copy them in this process. It says what is in the way of what.
        remote: Whether it is the one for stores.
    """

    def __init__(
        self,
        here: Callable[[list[Match], CopyOptions], Producer],
        matches: Sequence[Match],
        options: CopyOptions,
        workforce: Workforce,
        *,
        remote: bool,
    ) -> None:
        self._matches = [_absolute(match) for match in matches]
        self._options = options._replace(totals=False)
        self._workforce = workforce
        self._remote = remote
        producer = here(self._matches, options)
        try:
            self._conflicts = producer.conflicts()
            self._groups, self._left_out = producer.divide()
        finally:
            producer.close()
        self._files = self._bytes = self._files_planned = self._bytes_planned = 0
        #: What is to be done, one after the other: `True` is a dry run.
        self._phases = deque([True, False] if options.totals and not options.dryrun else [False])
        #: The patterns, each with its number.
        self._numbers: dict[Any, int] = {}
        self._items: list[list[Item]] | None = None
        self._running: TaskProducer | None = None
        self._division: _Division | None = None
        self._closed = False

    def conflicts(self) -> list[tuple[int, int]]:
        """Matches that are left out, each with the one that has the same destination."""
        return self._conflicts

    def divide(self) -> tuple[list[list[int]], list[Outcome]]:
        """They are divided already."""
        return self._groups, self._left_out

    def next_batch(self, seconds: float) -> tuple[list[Outcome], bool]:
        """Outcomes, and whether these were the last; waits at most `seconds`."""
        if self._closed:
            return [], True
        if self._items is None:
            return self._look(), not self._groups
        if self._division is None:
            if not self._phases:
                return [], True
            self._division = _Division(self._items)
            self._running = self._start(self._division, dryrun=self._phases[0])
        assert self._running is not None
        found, errors, ended = self._running.next_batch(seconds)
        found += map(self._division.lost, errors)
        dryrun = self._options.dryrun
        planning = self._phases[0]
        if ended:
            self._running.close()
            self._division = self._running = None
            self._phases.popleft()
        for outcome in found:
            _, kind, files, size, *_ = outcome
            if kind != "copied":
                continue
            if planning or dryrun:
                self._files_planned += files
                self._bytes_planned += size
            # As in one process: what is on this machine counts when it is copied.
            if not planning and (self._remote or not dryrun):
                self._files += files
                self._bytes += size
        # What goes wrong with a plan is told when it is copied.
        return ([] if planning else found), not self._phases

    def progress(self) -> tuple[int, int, int, int]:
        """Files and bytes so far, and in all. Those of a task count when it is done."""
        return self._files, self._bytes, self._files_planned, self._bytes_planned

    def close(self) -> None:
        """Cancel the tasks that are not begun. The others end at their budget."""
        self._closed = True
        if self._running is not None:
            self._running.close()

    def _look(self) -> list[Outcome]:
        """What is known before anything is copied: what is there, and what cannot be copied."""
        there: set[int] = set()
        if not self._options.overwrite:
            there = existing({match.number: match.destination for match in self._matches})
        self._items = [
            [self._item(self._matches[index], there) for index in group] for group in self._groups
        ]
        return [
            (outcome[0], "exists", 0, 0, [], [], []) if outcome[0] in there else outcome
            for outcome in self._left_out
            if outcome[1] != "conflict"
        ]

    def _item(self, match: Match, there: set[int]) -> Item:
        pattern = self._numbers.setdefault(match.pattern, len(self._numbers))
        was_there = match.number in there
        return Item(match.number, match.source, match.destination, pattern, was_there)

    def _start(self, division: _Division, *, dryrun: bool) -> TaskProducer:
        how = self._options._replace(dryrun=dryrun or self._options.dryrun)
        options = {"how": tuple(how), "remote": self._remote}
        plan = Plan.of(_WORKER, "", list(self._numbers), options)
        return TaskProducer(division, plan, self._workforce, has_source=False)


class _Division:
    """Groups of matches as tasks: see `pathvein._tasks.division.Division`."""

    matches = hidden_by_links = 0
    counts = 0, 0, 0

    def __init__(self, groups: Sequence[list[Item]]) -> None:
        self._waiting = deque(groups)
        self._in_flight: dict[int, list[list[Item]]] = {}
        self._next = 0
        self._found: list[Outcome] = []
        #: The matches of tasks that could not be done, in the order in which they were told.
        self._lost: deque[Item] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def next_task(self, most: int) -> tuple[int, bytes] | None:
        if not self._waiting:
            return None
        groups = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._next += 1
        self._in_flight[self._next] = groups
        return self._next, pickle.dumps([[tuple(item) for item in group] for group in groups])

    def take(self, task: int, outcome: bytes) -> None:
        groups = self._in_flight[task]
        found, left = pickle.loads(outcome)
        done = islice(groups, len(groups) - left)
        if {one[0] for one in found} != {item.number for group in done for item in group}:
            raise ValueError("the outcome is that of another task")
        del self._in_flight[task]
        self._waiting.extendleft(reversed(groups[len(groups) - left :]))
        self._found += (
            (*told, [received(error) for error in errors], replaced)
            for *told, errors, replaced in found
        )

    def give_up(self, task: int) -> list[str]:
        lost = [item for group in self._in_flight.pop(task) for item in group]
        self._lost += lost
        return [str(item.source) for item in lost]

    def lost(self, error: OSError) -> Outcome:
        """The outcome of a match that was given up, of the error that the engine has for it."""
        told = noted(OSError(errno.EIO, os.strerror(errno.EIO), error.filename), "copying a match")
        told.__cause__ = error.__cause__
        # The first says what a scan does.
        for note in getattr(error, "__notes__", [])[1:]:
            told.add_note(note)
        return self._lost.popleft().number, "failed", 0, 0, [], [told], []

    def found(self) -> list[Outcome]:
        found, self._found = self._found, []
        return found

    def errors(self) -> list[OSError]:
        return []

    def close(self) -> None:
        self._waiting.clear()


def _absolute(match: Match) -> Match:
    """A worker may be in another directory."""

    def absolute(path: str | UPath) -> str | UPath:
        # On Windows, a path that is absolute may lack the drive.
        if not isinstance(path, str) or (os.name != "nt" and os.path.isabs(path)):
            return path
        # As it is: what `..` leads to depends on links.
        return os.path.join(os.getcwd(), path)

    return match._replace(source=absolute(match.source), destination=absolute(match.destination))
