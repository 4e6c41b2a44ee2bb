"""The rows of a report: one for each result of a check, kept compactly.

Most results of a check share their parent and what they lack. So a row is a name and two numbers:
that of its *place* (what stands in front of the name, and behind it in the URL of an archive) and
that of its *lacks* (a pattern, and what is missing and unknown of it). What is lacking is kept as
its JSON, which does not change if somebody changes a pattern.
"""

from __future__ import annotations

import json
from array import array

from pathvein import _types
from pathvein._checking.dicts import missing_dicts
from pathvein._checking.texts import lacks as lacks_text
from pathvein._checking.texts import limits, pattern_text, requirement_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pathvein._types import Any
    from pathvein.checking import CheckResult, Missing
    from pathvein.pattern import FileStructurePattern

__all__ = ["Item", "Lacks", "ReportedPattern", "Row", "Rows", "around"]

#: The states of an item in a row. *Near* is missing, too, but something came close to it.
MET, MISSING, NEAR, UNKNOWN = "met", "missing", "near", "unknown"


class Item(_types.NamedTuple):
    """A requirement of a pattern's top level, but for its name, which every candidate passes."""

    #: As in :class:`Missing`: ``files[1]``.
    place: str
    #: The requirement as pattern text.
    text: str


class ReportedPattern:
    """A pattern of a report."""

    def __init__(self, pattern: FileStructurePattern) -> None:
        self.pattern = pattern
        #: On one line.
        self.text = pattern_text(pattern)
        #: In the order of the pattern.
        self.items = [Item(place, requirement_text(pattern, place)) for place in _places(pattern)]
        self._numbers = {item.place: number for number, item in enumerate(self.items)}

    def number(self, place: str) -> int:
        """The number of the item at a place.

        One that is not expected becomes the last: results may be made by hand, and that of
        `explain` for one directory may lack its name.
        """
        number = self._numbers.setdefault(place, len(self.items))
        if number == len(self.items):
            self.items.append(Item(place, requirement_text(self.pattern, place)))
        return number


class Lacks:
    """What rows have in common: their pattern, and what they lack of it."""

    __slots__ = ("_missing", "_unknown", "number", "pattern", "rows", "states", "text")

    def __init__(
        self,
        number: int,
        pattern: int,
        states: tuple[tuple[int, str], ...],
        text: str,
        missing: str,
        unknown: str,
    ) -> None:
        #: Its index in :attr:`Rows.lacks`.
        self.number = number
        #: The index of the pattern in :attr:`Rows.patterns`.
        self.pattern = pattern
        #: The number and the state of each item that is not met.
        self.states = states
        #: The line that the command writes: ``3+ *.csv (2 there), no FAILED``.
        self.text = text
        #: How many rows have it.
        self.rows = 0
        self._missing = missing
        self._unknown = unknown

    @property
    def missing(self) -> list[dict[str, Any]]:
        """What is missing, as in the JSON of a result."""
        return _loads(self._missing)

    @property
    def unknown(self) -> list[dict[str, Any]]:
        """What cannot be told, as in the JSON of a result."""
        return _loads(self._unknown)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing or unknown."""
        return not self.states

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known to be missing, but something cannot be told."""
        return bool(self.states) and all(state == UNKNOWN for _, state in self.states)

    def json(self) -> str:
        """The end of the JSON of a result: what is missing and unknown."""
        return f'"missing": {self._missing}, "unknown": {self._unknown}'


class Row(_types.NamedTuple):
    """A result of a check."""

    #: The path, or the URL.
    path: str
    #: Empty for the root of a file system, bucket or archive.
    name: str
    #: The directory that it is in.
    parent: str
    lacks: Lacks


class _Place(_types.NamedTuple):
    before: str
    behind: str
    parent: str


class Rows:
    """All rows of a report, in the order in which they came."""

    def __init__(self) -> None:
        #: In the order in which they were given or came; of equal ones the first.
        self.patterns: list[ReportedPattern] = []
        #: The distinct ones; those of complete rows, too, one for each pattern that has any.
        self.lacks: list[Lacks] = []
        self._names: list[str] = []
        self._row_places = array("L")
        self._row_lacks = array("L")
        self._places: list[_Place] = []
        self._place_numbers: dict[tuple[str, str], int] = {}
        self._lacks_numbers: dict[tuple[int, str, str], int] = {}
        self._states: dict[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]] = {}
        # By identity, which is quick, and by equality. A pattern that is kept keeps its id.
        self._by_id: dict[int, int] = {}
        self._by_value: dict[FileStructurePattern, int] = {}
        self._kept: list[FileStructurePattern] = []

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Row]:
        for name, place, lacks in zip(self._names, self._row_places, self._row_lacks, strict=True):
            before, behind, parent = self._places[place]
            yield Row(f"{before}{name}{behind}", name, parent, self.lacks[lacks])

    def add_pattern(self, pattern: FileStructurePattern) -> int:
        """The index of a pattern, which is kept if it is new."""
        index = self._by_id.get(id(pattern))
        if index is None:
            index = self._by_value.setdefault(pattern, len(self.patterns))
            if index == len(self.patterns):
                self.patterns.append(ReportedPattern(pattern))
            self._by_id[id(pattern)] = index
            self._kept.append(pattern)
        return index

    def add(self, result: CheckResult[Any]) -> None:
        """Keep a result."""
        lacks = self._lacks_of(result)
        lacks.rows += 1
        self._row_lacks.append(lacks.number)
        self._row_places.append(self._place(result.source))

    def _place(self, source: Any) -> int:
        path, name = str(source), source.name
        before, behind = around(path, name)
        self._names.append(name)
        key = (before, behind)
        number = self._place_numbers.get(key)
        if number is None:
            number = self._place_numbers[key] = len(self._places)
            self._places.append(_Place(before, behind, str(source.parent)))
        return number

    def _lacks_of(self, result: CheckResult[Any]) -> Lacks:
        index = self.add_pattern(result.pattern)
        pattern = self.patterns[index]
        missing = _dumps(result.missing)
        unknown = _dumps(result.unknown)
        key = (index, missing, unknown)
        number = self._lacks_numbers.get(key)
        if number is not None:
            return self.lacks[number]
        states = [
            (pattern.number(each.place), NEAR if _is_near(each) else MISSING)
            for each in result.missing
        ]
        states += [(pattern.number(each.place), UNKNOWN) for each in result.unknown]
        ordered = tuple(sorted(states))
        # Few of them differ, even if the names that came close all do.
        ordered = self._states.setdefault(ordered, ordered)
        text = lacks_text((result.missing, result.unknown))
        lacks = Lacks(len(self.lacks), index, ordered, text, missing, unknown)
        self._lacks_numbers[key] = lacks.number
        self.lacks.append(lacks)
        return lacks


def around(path: str, name: str) -> tuple[str, str]:
    """What stands in front of the name of a path, and what behind it.

    Behind it is, in the URL of an archive's directory, where the archive is, which may well be
    called as what is in it: ``zip://run_1::file:///lab/run_1.zip``.
    """
    if not name:
        return path, ""
    if "://" in path:
        head, chain, rest = path.partition("::")
        if chain and head.endswith(name):
            return head.removesuffix(name), chain + rest
    before, _, behind = path.rpartition(name)
    return before, behind


def _places(pattern: FileStructurePattern) -> Iterator[str]:
    for key in ("files", "directories", "forbidden_files", "forbidden_directories"):
        for index in range(len(getattr(pattern, key))):
            yield f"{key}[{index}]"
    if pattern.closed:
        yield "closed"


def _is_near(missing: Missing) -> bool:
    """Whether something came close to what is missing, or is there, but not often enough."""
    closest = missing.closest
    if closest is None:
        return False
    if closest.reason is not None:
        return True
    # Of what should not be there, one is too many.
    return 0 < closest.count < limits(missing.requirement)[0]


def _dumps(missing: tuple[Missing, ...]) -> str:
    return json.dumps(missing_dicts(missing)) if missing else "[]"


def _loads(text: str) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(text)
    return value
