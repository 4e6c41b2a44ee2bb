"""What copies matches in the worker of an executor."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pathvein_core import Stats

from pathvein._copying import here
from pathvein._copying.alike import Alike, same_directory
from pathvein._copying.disk import Disk
from pathvein._copying.mixed import on_this_machine
from pathvein._copying.options import CopyOptions, Match
from pathvein._copying.running import open_local
from pathvein._copying.tasks import Item
from pathvein._listing import noted
from pathvein._tasks.work import sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathvein._copying.options import Outcome
    from pathvein._tasks.plan import Parts

#: How many matches wait for each other's files where an end is remote, at first.
_REMOTE_MATCHES = 32
#: Seconds to wait for outcomes: a match takes as long as it takes.
_NO_TIMEOUT = 3600.0


def _refused(match: Match, reason: str) -> Outcome:
    error = noted(OSError(errno.EINVAL, reason, str(match.destination)), "comparing the matches")
    return match.number, "failed", 0, 0, [], [error], []


def open_worker(parts: Parts) -> CopyWorker:
    """What the tasks of a plan run in."""
    return CopyWorker(parts)


class CopyWorker:
    """See `pathvein._tasks.work.Worker`."""

    def __init__(self, parts: Parts) -> None:
        self._patterns = parts.patterns
        self._remote = parts.options["remote"]
        how = CopyOptions(*parts.options["how"])
        # The executor has as many workers as there is to do at a time.
        self._how = how if self._remote else how._replace(threads=how.threads or 1)
        self._at_once = how.concurrency or _REMOTE_MATCHES if self._remote else how.threads or 1

    def run(
        self, description: bytes, seconds: float | None, directories: int | None
    ) -> tuple[bytes, list[OSError], Stats]:
        """Copy groups of matches until the budget is out, and tell how many are left."""
        groups = [[Item(*item) for item in group] for group in pickle.loads(description)]
        end = None if seconds is None else time.monotonic() + seconds
        outcomes: list[Outcome] = []
        done, size = 0, self._at_once
        # A match is not left half copied: what was begun is ended.
        while done < len(groups):
            # A copy takes some time to start, so small matches are copied several at a time.
            most = size if directories is None else max(1, min(size, directories - done))
            piece = groups[done : done + most]
            begun = time.monotonic()
            outcomes += self._copy([item for group in piece for item in group])
            done += len(piece)
            now = time.monotonic()
            if end is not None:
                if now >= end:
                    break
                size = 2 * size if now - begun < (end - now) / 4 else max(size // 2, 1)
            if directories is not None and done >= directories:
                break
        told = [(*one, list(map(sent, errors)), replaced) for *one, errors, replaced in outcomes]
        return pickle.dumps((told, len(groups) - done)), [], Stats()

    def close(self) -> None:
        """Nothing is kept open between two tasks."""

    def _copy(self, items: Sequence[Item]) -> list[Outcome]:
        matches = [self._match(index, item) for index, item in enumerate(items)]
        outcomes = self._producer_outcomes(matches, self._how)
        if not self._how.dryrun:
            outcomes = self._with_those_of_before(items, matches, outcomes)
        return [(items[outcome[0]].number, *outcome[1:]) for outcome in outcomes]

    def _match(self, index: int, item: Item) -> Match:
        return Match(index, item.source, item.destination, self._patterns[item.pattern])

    def _producer_outcomes(self, matches: list[Match], how: CopyOptions) -> list[Outcome]:
        open_copy: Any = open_local
        if self._remote:
            from pathvein._remote.copying import open_copy
        outcomes: list[Outcome] = []
        with closing(open_copy(matches, how)) as producer:
            ended = False
            while not ended:
                found, ended = producer.next_batch(_NO_TIMEOUT)
                outcomes += found
            # The caller does not know of these: here the disk may tell more than it did before.
            for number, first in producer.conflicts():
                other = matches[first]
                reason = f"it is also the destination of {other.source}, as {other.destination}"
                told = _refused(matches[number], f"{reason}: give another destination")
                outcomes = [told if one[0] == number else one for one in outcomes]
        return outcomes

    def _with_those_of_before(
        self, items: Sequence[Item], matches: Sequence[Match], outcomes: list[Outcome]
    ) -> list[Outcome]:
        """The outcomes, with what became of destinations that only a task can have made.

        It ran before, or runs at the same time, here or elsewhere, and nobody has heard of its
        end. So what is there, and is what would be copied, counts as copied. What is overwritten
        is copied again.
        """
        indices = [
            index for index, kind, *_ in outcomes if kind == "exists" and not items[index].was_there
        ]
        if not indices:
            return outcomes
        found = self._twins([matches[index] for index in indices])
        indices = [index for index in indices if index not in found]
        again: list[int] = []
        if self._how.overwrite:
            again = indices
        elif self._remote:
            from pathvein._remote.copying.again import of_before

            whole, again = of_before([matches[index] for index in indices], self._how)
            found.update((outcome[0], outcome) for outcome in whole)
        else:
            for index in indices:
                if (copied := self._whole(matches[index])) is not None:
                    found[index] = copied
        if again:
            renumbered = [matches[index]._replace(number=n) for n, index in enumerate(again)]
            how = self._how._replace(overwrite=True)
            for outcome in self._producer_outcomes(renumbered, how):
                index = again[outcome[0]]
                found[index] = (index, *outcome[1:])
        return [found.get(outcome[0], outcome) for outcome in outcomes]

    def _twins(self, matches: Sequence[Match]) -> dict[int, Outcome]:
        """Of matches whose destinations are there, those whose are another's as well."""
        disk, paths = Disk(), {}
        for match in matches:
            path = on_this_machine(match.destination, disk, follows=self._remote)
            if path is not None:
                paths[match.number] = path
        alike = Alike(paths, overwrite=True)
        found: dict[int, Outcome] = {}
        by_number = {match.number: match for match in matches}
        for number in alike.paths:
            if earlier := [other for other in alike.same(number) if other < number]:
                other = by_number[earlier[0]]
                reason = same_directory(str(other.destination), str(other.source))
                found[number] = _refused(by_number[number], reason)
        return found

    def _whole(self, match: Match) -> Outcome | None:
        """What is told of a match if all that belongs to it is at its destination."""
        source, destination = str(match.source), str(match.destination)
        try:
            plan = here.Plan(source, match.pattern, links=self._how.links)
            for directory in plan.directories:
                if not stat.S_ISDIR(os.lstat(os.path.join(destination, directory)).st_mode):
                    return None
            files = plan.files()
            for path, size in files:
                found = os.lstat(os.path.join(destination, path))
                is_file = stat.S_ISREG(found.st_mode) and found.st_size == size
                if not (is_file or stat.S_ISLNK(found.st_mode)):
                    return None
        except OSError:
            return None
        return (
            match.number,
            "copied",
            len(files),
            sum(size for _, size in files),
            plan.skipped,
            [],
            [],
        )
