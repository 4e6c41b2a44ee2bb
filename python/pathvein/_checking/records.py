"""Results made of the core's raw findings.

A raw finding is a tuple: the number of the requirement in its pattern, the answer, names that
count, how many there are, the reason and the path of what came closest, and of a sub-directory
what became of it: the number of the alternative, whether it is empty, and its findings. The core
gives what occurs in several places as one object, and here one object is made of it: a pattern
that holds another twice, and that another twice, would take all memory otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from pathvein._checking.texts import alternatives
from pathvein.checking import Closest, Finding, Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._types import Any
    from pathvein.checking import Requirement
    from pathvein.pattern import FileStructurePattern

    #: See the module's documentation.
    Inside = tuple[int, bool, tuple["Raw", ...]]
    Raw = tuple[int, int, tuple[str, ...], int, str | None, str | None, Inside | None]
    #: What is made of the findings of one directory: all, the missing, and the unknown.
    Made = tuple[tuple[Finding, ...], tuple[Missing, ...], tuple[Missing, ...]]

__all__ = ["Records", "missing_of"]

_STATES = ("met", "missing", "unknown", "absent")
_MISSING, _UNKNOWN = 1, 2
_LISTS = (
    "files",
    "directories",
    "optional_files",
    "optional_directories",
    "forbidden_files",
    "forbidden_directories",
)
#: How many of what is missing are kept to be used again, of one pattern.
_MOST_KNOWN = 4096
_NONE: Made = ((), (), ())
_new = tuple.__new__


class Records:
    """Makes results for the patterns of one check, as they are when it is made."""

    def __init__(self, patterns: Sequence[FileStructurePattern]) -> None:
        self._tables: dict[FileStructurePattern, _Table] = {}
        self._tops = [_Table(pattern) for pattern in patterns]

    def lacks(
        self, index: int, findings: Sequence[Raw]
    ) -> tuple[tuple[Missing, ...], tuple[Missing, ...]]:
        """What is missing and what is unknown, of a directory and one of the patterns.

        Most directories lack the same, of which one object is made.
        """
        table = self._tops[index]
        known = table.known
        missing: list[Missing] = []
        unknown: list[Missing] = []
        for raw in findings:
            # To hash what is deep may take as long as to write it out as a tree.
            is_shallow = raw[6] is None or all(below[6] is None for below in raw[6][2])
            made = known.get(raw) if is_shallow else None
            if made is None:
                made = self._missing(index, raw)
                if is_shallow:
                    if len(known) >= _MOST_KNOWN:
                        known.clear()
                    known[raw] = made
            (missing if raw[1] == _MISSING else unknown).append(made)
        return tuple(missing), tuple(unknown)

    def _missing(self, index: int, raw: Raw) -> Missing:
        if raw[6] is None:
            return self._tops[index].missing(raw, _closest(raw, None, _NONE))
        _, missing, unknown = self.told(index, (raw,))
        [made] = missing or unknown
        return made

    def told(self, index: int, findings: tuple[Raw, ...]) -> Made:
        """What became of the requirements of one of the patterns in a directory."""
        made: dict[tuple[int, int], Made] = {}
        # Not by recursion, since patterns nest deep: what is inside comes before what it is in.
        top = self._tops[index]
        left = [(top, findings)]
        while left:
            table, raws = left[-1]
            key = id(table), id(raws)
            if key not in made:
                inside = [
                    (self._table_of(table, raw[0], raw[6][0]), raw[6][2])
                    for raw in raws
                    if raw[6] is not None
                ]
                waiting = [one for one in inside if (id(one[0]), id(one[1])) not in made]
                if waiting:
                    left += waiting
                    continue
                made[key] = self._made(table, raws, made)
            left.pop()
        return made[id(top), id(findings)]

    def _made(
        self, table: _Table, raws: tuple[Raw, ...], made: dict[tuple[int, int], Made]
    ) -> Made:
        findings, missing, unknown = [], [], []
        for raw in raws:
            inside, pattern = _NONE, None
            if raw[6] is not None:
                below = self._table_of(table, raw[0], raw[6][0])
                inside, pattern = made[id(below), id(raw[6][2])], below.pattern
            closest = _closest(raw, pattern, inside)
            findings.append(
                Finding(
                    table.places[raw[0]],
                    table.requirements[raw[0]],
                    _STATES[raw[1]],
                    closest,
                    inside[0],
                )
            )
            if raw[1] == _MISSING:
                missing.append(table.missing(raw, closest))
            elif raw[1] == _UNKNOWN:
                unknown.append(table.missing(raw, closest))
        return tuple(findings), tuple(missing), tuple(unknown)

    def _table_of(self, table: _Table, item: int, alternative: int) -> _Table:
        """The table of a pattern that is asked for; one for all that are equal."""
        pattern = alternatives(table.requirements[item])[alternative]
        found = self._tables.get(pattern)
        if found is None:
            found = self._tables[pattern] = _Table(pattern)
        return found


class _Table:
    """The requirements of a pattern by their numbers, in the order of the pattern's JSON."""

    def __init__(self, pattern: FileStructurePattern) -> None:
        self.pattern = pattern
        self.places = ["directory_name"]
        self.requirements: list[Any] = [pattern.directory_name]
        for kind in _LISTS:
            items = getattr(pattern, kind)
            self.places += [f"{kind}[{index}]" for index in range(len(items))]
            self.requirements += items
        if pattern.closed:
            self.places.append("closed")
            self.requirements.append(True)
        #: What was made of raw findings.
        self.known: dict[Raw, Missing] = {}

    def missing(self, raw: Raw, closest: Closest) -> Missing:
        """What is missing by a finding."""
        return _missing(self.places[raw[0]], self.requirements[raw[0]], closest)


def _closest(raw: Raw, pattern: FileStructurePattern | None, inside: Made) -> Closest:
    is_empty = raw[6] is not None and raw[6][1]
    # Half as long as to call the class.
    values = (raw[4], raw[5], raw[2], raw[3], pattern, inside[1], inside[2], is_empty)
    return _new(Closest, values)


def _missing(place: str, requirement: Requirement, closest: Closest) -> Missing:
    is_there = closest.path is not None or closest.count
    return _new(Missing, (place, requirement, closest if is_there else None))


def missing_of(finding: Finding) -> Missing:
    """What a requirement that does not hold is among the missing."""
    return _missing(finding.place, finding.requirement, finding.closest)
