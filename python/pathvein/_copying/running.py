"""The copying itself, and what is logged of it."""

from __future__ import annotations

import errno
import logging
import os
import time
from contextlib import ExitStack, closing
from typing import Any, Literal, NamedTuple

from pathvein_core import FileStructurePattern

from pathvein._copying import here
from pathvein._copying.options import CopyOptions, Match
from pathvein._copying.places import existing, name_of
from pathvein._copying.results import ShuffleError, ShuffleProgress, ShuffleResult, failure_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Self

    from upath import UPath

    from pathvein._copying.mixed import Between
    from pathvein._copying.options import Outcome, Producer
    from pathvein._tasks.executors import Workforce

#: The name that it has had since 0.9, whose log lines are kept as well.
_logger = logging.getLogger("pathvein.lib")

Kind = Literal["copied", "exists", "conflict", "failed"]

#: Seconds between two calls of `progress`.
_PROGRESS_INTERVAL = 0.1
#: Seconds to wait for outcomes if no progress is reported.
_BATCH_TIMEOUT = 3600.0


class Happened(NamedTuple):
    """What became of a match."""

    kind: Kind
    #: Where it stands in the input.
    number: int
    result: ShuffleResult[Any, Any]
    #: What the log says of a match that is skipped: a template and its arguments.
    said: tuple[Any, ...] = ("",)

    @property
    def text(self) -> str:
        """What the log says of a match that is skipped."""
        template, *arguments = self.said
        text: str = template % tuple(arguments)
        return text


class Copying:
    """Copies matches; a context manager that ends the work.

    Args:
        inputs: What the caller passed: source, destination and pattern.
        places: Where each source and destination is, or why it cannot be.
        options: How to copy.
        on_conflict: ``"skip"``, or ``"raise"``: copy nothing if two have one destination.
        progress: Called at most ten times a second, and once at the end.
        logged: Whether the log tells of it.
        name_pattern: What patterns are called where one directory matches several.
        workforce: What copies. `None`: this process.
    """

    def __init__(
        self,
        inputs: Sequence[tuple[Any, Any, Any]],
        places: Sequence[tuple[str | UPath, str | UPath] | OSError],
        options: CopyOptions,
        on_conflict: str = "skip",
        progress: Callable[[ShuffleProgress], object] | None = None,
        *,
        logged: bool = True,
        name_pattern: Callable[[Any], str] = FileStructurePattern.to_json,
        workforce: Workforce | None = None,
    ) -> None:
        self._inputs = inputs
        self._unusable = {n: place for n, place in enumerate(places) if isinstance(place, OSError)}
        usable = ((n, place) for n, place in enumerate(places) if not isinstance(place, OSError))
        #: The others. Of those with one destination the first is copied.
        self._places = dict(sorted(usable, key=self._preference))
        self._name_pattern = name_pattern
        self._workforce = workforce
        self._options = options._replace(totals=progress is not None)
        self._on_conflict = on_conflict
        self._progress = progress
        self._logged = logged
        self._progress_due = time.monotonic() + _PROGRESS_INTERVAL
        self._opened = ExitStack()
        #: Each with the numbers of its matches.
        self._producers: list[tuple[Producer, list[int]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the work, and remove what is not complete."""
        self._opened.close()

    def outcomes(self) -> Iterator[Happened]:
        """What became of each match, as soon as that is known.

        Those that are left out for another with their destination come first, before anything
        is written.
        """
        copied = 0
        between = self._between()
        conflicts, refused = ([], {}) if between is None else between[:2]
        steps = [list(self._places)] if between is None else between.steps
        for open_producer, numbers in self._routes(steps):
            matches = [
                Match(index, *self._places[number], self._inputs[number][2])
                for index, number in enumerate(numbers)
            ]
            producer = self._open(open_producer, matches)
            self._opened.enter_context(closing(producer))
            self._producers.append((producer, numbers))
            conflicts += [(numbers[index], numbers[first]) for index, first in producer.conflicts()]
        yield from self._conflicts(sorted(conflicts))
        errors: dict[int, OSError] = dict(self._unusable)
        for number, reason in refused.items():
            errors[number] = OSError(errno.EINVAL, reason, str(self._inputs[number][1]))
        for number, error in sorted(errors.items()):
            yield self._result(number, (0, "failed", 0, 0, [], [error], []))
        for producer, numbers in self._producers:
            if (taken := self._taken(between, numbers[0])) is not None:
                yield self._result(numbers[0], (0, "failed", 0, 0, [], [taken], []))
                continue
            ended = False
            while not ended:
                timeout = _BATCH_TIMEOUT if self._progress is None else _PROGRESS_INTERVAL
                found, ended = producer.next_batch(timeout)
                for outcome in found:
                    if outcome[1] != "conflict":
                        copied += outcome[1] == "copied"
                        yield self._result(numbers[outcome[0]], outcome)
                self._report(at_end=False)
        self._report(at_end=True)
        self._log(logging.INFO, "Copied %s directories", copied)

    def _preference(self, item: tuple[int, tuple[str | UPath, str | UPath]]) -> tuple[Any, ...]:
        """By source, as results are sorted: whatever the order of the input."""
        number, (source, _) = item
        text = os.path.normpath(source) if isinstance(source, str) else str(source).rstrip("/")
        return text.replace(os.sep, "/").split("/"), self._inputs[number][2], number

    def _remote(self) -> set[int]:
        """The numbers of the matches that the core cannot copy."""
        return {
            number
            for number, places in self._places.items()
            if not all(isinstance(place, str) for place in places)
        }

    def _between(self) -> Between | None:
        """What two producers would both write to, and in which steps they copy."""
        remote = self._remote()
        if not 0 < len(remote) < len(self._places):
            return None
        from pathvein._copying.mixed import between

        return between(self._places, remote, overwrite=self._options.overwrite)

    def _taken(self, between: Between | None, number: int) -> OSError | None:
        """The error for a match whose destination turned out to be that of another."""
        if between is None or (other := between.twin(number)) is None:
            return None
        from pathvein._copying.alike import same_directory

        source, there = map(str, self._places[other])
        return OSError(errno.EINVAL, same_directory(there, source), str(self._places[number][1]))

    def _routes(
        self, steps: list[list[int]]
    ) -> Iterator[tuple[Callable[[list[Match], CopyOptions], Producer], list[int]]]:
        """What opens a producer, each with the numbers of its matches."""
        remote = self._remote()
        for numbers in steps:
            if local := [number for number in numbers if number not in remote]:
                yield open_local, local
            if not remote.isdisjoint(numbers):
                from pathvein._remote.copying import open_copy

                yield open_copy, [number for number in numbers if number in remote]

    def _open(
        self, here: Callable[[list[Match], CopyOptions], Producer], matches: list[Match]
    ) -> Producer:
        if self._workforce is None:
            return here(matches, self._options)
        from pathvein._copying.tasks import TaskCopy

        remote = here is not open_local
        return TaskCopy(here, matches, self._options, self._workforce, remote=remote)

    def _conflicts(self, conflicts: list[tuple[int, int]]) -> Iterator[Happened]:
        """What becomes of those that are left out. If that is an error, it is raised."""
        there = self._existing(number for number, _ in conflicts)
        if self._on_conflict == "raise":
            failed = [self._left_out(*both) for both in conflicts if both[0] not in there]
            if failed:
                text = "nothing was copied, as several have one destination"
                raise ShuffleError(failure_text(failed, text), failed=failed)
        for number, first in conflicts:
            if number in there:
                # None of them is copied.
                yield self._result(number, (0, "exists", 0, 0, [], [], []))
                continue
            source, destination, pattern = self._inputs[number]
            other, other_destination, other_pattern = self._inputs[first]
            said: tuple[Any, ...]
            if self._places[number][0] != self._places[first][0]:
                said = (
                    "Several directories have one destination: %s. Copying: %s. Skipping: %s",
                    *(self._both(destination, other_destination), other, source),
                )
            elif pattern == other_pattern:
                said = ("Given more than once: %s. Copying it to %s once", source, destination)
            else:
                said = (
                    "Several patterns match %s. Copying to %s what belongs to %s. Skipping: %s",
                    *(source, destination),
                    *(self._name_pattern(each) for each in (other_pattern, pattern)),
                )
            self._log(logging.ERROR, *said)
            yield Happened("conflict", number, ShuffleResult(source, destination, pattern), said)

    def _left_out(self, number: int, first: int) -> ShuffleResult[Any, Any]:
        """A match that is left out, with that as its error."""
        result = ShuffleResult(*self._inputs[number])
        other, destination, pattern = self._inputs[first]
        reason = f"it is also the destination of {other}"
        if str(destination) != str(result.destination):
            reason += f", as {destination}"
        if self._places[number][0] == self._places[first][0] and pattern != result.pattern:
            one, this = self._name_pattern(pattern), self._name_pattern(result.pattern)
            reason = f"{one} and {this} match it: one of them can be copied there"
        result.errors.append(FileExistsError(errno.EEXIST, reason, str(result.destination)))
        return result

    @staticmethod
    def _both(destination: object, other: object) -> str:
        """One destination, as two matches have it: it may be spelled in two ways."""
        return f"{destination}" if str(destination) == str(other) else f"{destination}, {other}"

    def _existing(self, numbers: Iterable[int]) -> set[int]:
        """Those of the matches whose destination exists and is left as it is."""
        if self._options.overwrite:
            return set()
        return existing({number: self._places[number][1] for number in numbers})

    def _result(self, number: int, outcome: Outcome) -> Happened:
        result = ShuffleResult(*self._inputs[number])
        kind: Any
        _, kind, result.files, result.bytes, result.skipped, result.errors, replaced = outcome
        result.replaced = replaced
        said: tuple[Any, ...] = ("",)
        if kind == "copied":
            self._log(logging.DEBUG, "%s copied to %s", result.source, result.destination)
        elif kind == "exists":
            said = (
                "Destination folder already exists: %s. Skipping: %s",
                *(result.destination, name_of(result.source)),
            )
            self._log(logging.ERROR, *said)
        elif replaced:
            few = ", ".join(replaced[:3])
            more = f" and {len(replaced) - 3} more" if len(replaced) > 3 else ""
            result.errors[0].add_note(f"after these were replaced at the destination: {few}{more}")
        return Happened(kind, number, result, said)

    def _log(self, level: int, template: str, *arguments: object) -> None:
        if self._logged and _logger.isEnabledFor(level):
            _logger.log(level, template, *arguments)

    def _report(self, *, at_end: bool) -> None:
        now = time.monotonic()
        if self._progress is None or (now < self._progress_due and not at_end):
            return
        self._progress_due = now + _PROGRESS_INTERVAL
        counts = [producer.progress() for producer, _ in self._producers]
        self._progress(ShuffleProgress(*map(sum, zip((0, 0, 0, 0), *counts, strict=True))))


def open_local(matches: list[Match], options: CopyOptions) -> Producer:
    """The producer that copies matches within this machine."""
    copy: Producer = here.Copy(
        [(str(match.source), str(match.destination), match.pattern) for match in matches],
        overwrite=options.overwrite,
        dryrun=options.dryrun,
        threads=options.threads,
        fsync=options.fsync,
        links=options.links,
        exclude=options.exclude,
        exclude_base=options.exclude_base,
        one_file_system=options.one_file_system,
        totals=options.totals,
    )
    return copy
