"""The copying itself, and what is logged of it."""

from __future__ import annotations

import errno
import logging
import os
import time
from contextlib import ExitStack, closing
from typing import Any, Literal, NamedTuple

import pathvein_core

from pathvein._copying.options import CopyOptions, Match
from pathvein._copying.places import name_of
from pathvein._copying.results import ShuffleError, ShuffleProgress, ShuffleResult, failure_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from upath import UPath

    from pathvein._copying.options import Outcome, Producer

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
    #: What the log says of a match that is skipped.
    text: str = ""


class Copying:
    """Copies matches; a context manager that ends the work.

    Args:
        inputs: What the caller passed: source, destination and pattern.
        places: Where each source and destination is.
        options: How to copy.
        on_conflict: ``"skip"``, or ``"raise"``: copy nothing if two have one destination.
        progress: Called at most ten times a second, and once at the end.
        logged: Whether the log tells of it.
    """

    def __init__(
        self,
        inputs: Sequence[tuple[Any, Any, Any]],
        places: Sequence[tuple[str | UPath, str | UPath]],
        options: CopyOptions,
        on_conflict: str = "skip",
        progress: Callable[[ShuffleProgress], object] | None = None,
        *,
        logged: bool = True,
    ) -> None:
        self._inputs = inputs
        self._places = places
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
        conflicts, refused = self._between()
        left_out = {number for number, _ in conflicts}.union(refused)
        for open_producer, numbers in self._routes(left_out):
            matches = [
                Match(index, *self._places[number], self._inputs[number][2])
                for index, number in enumerate(numbers)
            ]
            producer = open_producer(matches, self._options)
            self._opened.enter_context(closing(producer))
            self._producers.append((producer, numbers))
            conflicts += [(numbers[index], numbers[first]) for index, first in producer.conflicts()]
        yield from self._conflicts(conflicts)
        for number, reason in refused.items():
            destination = str(self._inputs[number][1])
            errors: list[OSError] = [OSError(errno.EINVAL, reason, destination)]
            yield self._result(number, (0, "failed", 0, 0, [], errors, []))
        for producer, numbers in self._producers:
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

    def _remote(self) -> set[int]:
        """The numbers of the matches that the core cannot copy."""
        return {
            number
            for number, places in enumerate(self._places)
            if not all(isinstance(place, str) for place in places)
        }

    def _between(self) -> tuple[list[tuple[int, int]], dict[int, str]]:
        """What two producers would both write to: see `between`."""
        if not 0 < len(self._remote()) < len(self._places):
            return [], {}
        from pathvein._copying.mixed import between

        return between(self._places, overwrite=self._options.overwrite)

    def _routes(
        self, left_out: set[int]
    ) -> Iterator[tuple[Callable[[list[Match], CopyOptions], Producer], list[int]]]:
        """What opens a producer, each with the numbers of its matches."""
        remote = self._remote()
        numbers = [n for n in range(len(self._places)) if n not in left_out]
        if local := [number for number in numbers if number not in remote]:
            yield _open_local, local
        if not remote.isdisjoint(numbers):
            from pathvein._remote.copying import open_copy

            yield open_copy, [number for number in numbers if number in remote]

    def _conflicts(self, conflicts: list[tuple[int, int]]) -> Iterator[Happened]:
        results = []
        for number, first in sorted(conflicts):
            source, destination, pattern = self._inputs[number]
            result = ShuffleResult(source, destination, pattern)
            reason = f"it is also the destination of {self._inputs[first][0]}"
            result.errors.append(FileExistsError(errno.EEXIST, reason, str(destination)))
            results.append((number, first, result))
        if results and self._on_conflict == "raise":
            failed = [result for _, _, result in results]
            raise ShuffleError(failure_text(failed, len(self._inputs)), failed=failed)
        for number, first, result in results:
            place = self._places[number][1]
            if not self._options.overwrite and isinstance(place, str) and os.path.lexists(place):
                # None of them is copied.
                yield self._result(number, (0, "exists", 0, 0, [], [], []))
                continue
            if self._places[number][0] == self._places[first][0]:
                text = self._log(
                    logging.ERROR,
                    "Several patterns match %s. Copying to %s what belongs to the first of them",
                    result.source,
                    result.destination,
                )
            else:
                text = self._log(
                    logging.ERROR,
                    "Several directories have one destination: %s. Copying: %s. Skipping: %s",
                    result.destination,
                    self._inputs[first][0],
                    result.source,
                )
            yield Happened("conflict", number, result, text)

    def _result(self, number: int, outcome: Outcome) -> Happened:
        result = ShuffleResult(*self._inputs[number])
        kind: Any
        _, kind, result.files, result.bytes, result.skipped, result.errors, replaced = outcome
        result.replaced = replaced
        text = ""
        if kind == "copied":
            self._log(logging.DEBUG, "%s copied to %s", result.source, result.destination)
        elif kind == "exists":
            text = self._log(
                logging.ERROR,
                "Destination folder already exists: %s. Skipping: %s",
                result.destination,
                name_of(result.source),
            )
        elif replaced:
            few = ", ".join(replaced[:3])
            more = f" and {len(replaced) - 3} more" if len(replaced) > 3 else ""
            result.errors[0].add_note(f"after these were replaced at the destination: {few}{more}")
        return Happened(kind, number, result, text)

    def _log(self, level: int, template: str, *arguments: object) -> str:
        if self._logged:
            _logger.log(level, template, *arguments)
        return template % arguments

    def _report(self, *, at_end: bool) -> None:
        now = time.monotonic()
        if self._progress is None or (now < self._progress_due and not at_end):
            return
        self._progress_due = now + _PROGRESS_INTERVAL
        counts = [producer.progress() for producer, _ in self._producers]
        self._progress(ShuffleProgress(*map(sum, zip((0, 0, 0, 0), *counts, strict=True))))


def _open_local(matches: list[Match], options: CopyOptions) -> Producer:
    copy: Producer = pathvein_core.Copy(
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
