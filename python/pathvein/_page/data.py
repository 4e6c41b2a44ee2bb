"""What a page shows, as JSON that is small however many runs there are.

Most runs share their directory and what they lack: each is written once and referred to by its
number. Of paths, which are sorted, only the end is written that differs from the path before. What
is long in spite of that, as many runs lack much or have long names, is compressed. The script reads
it back (``data.js``).
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections.abc import Iterable
from operator import itemgetter

from pathvein._checking.texts import limits, requirement_at
from pathvein._reporting.rows import MET, MISSING, NEAR, UNKNOWN, ReportedPattern, around
from pathvein._visible import without_passwords
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._reporting.rows import Lacks, Row
    from pathvein._types import Any
    from pathvein.reporting import CheckReport

__all__ = ["page_json"]

#: The numbers of the states in the data.
_STATES = {state: number for number, state in enumerate((MET, MISSING, NEAR, UNKNOWN))}
#: JSON that is longer is compressed. What is short can be read, and looked for, in the file itself.
_LONG = 200_000
#: How many errors are shown. That there are more is told.
_MOST_ERRORS = 1_000
#: What stands in the way in a page: ``<`` could end the script, surrogates have no UTF-8, and
#: of the others it is not said everywhere that they come through.
_UNSAFE = re.compile("[<\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")


def page_json(report: CheckReport) -> str:
    """The data of a page, to be put into a ``script`` element: JSON, or that as gzip in Base64."""
    text = json.dumps(_Data(report).told, ensure_ascii=False, separators=(",", ":"))
    text = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    if len(text) <= _LONG:
        return text
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


class _Outline:
    """The requirements of a pattern that something was held against."""

    def __init__(self, text: str, reported: ReportedPattern | None) -> None:
        items = reported.items if reported else []
        self.text = text
        self.places = [item.place for item in items]
        self.texts = [item.text for item in items]
        #: How many are asked for at least, by place; nothing where the pattern is not known.
        self.least: dict[str, int] = {}
        if reported:
            self.least = {
                place: limits(requirement_at(reported.pattern, place))[0]
                for place in self.places
                if place.startswith(("files", "directories"))
            }

    def number(self, place: str, requirement: str) -> int:
        """The number of a requirement, which may be one that was not known of."""
        if place not in self.places:
            self.places.append(place)
            self.texts.append(requirement)
        return self.places.index(place)


class _Data:
    """Collects the data of a report."""

    def __init__(self, report: CheckReport) -> None:
        self._details: dict[str, int] = {}
        self._outlines: dict[str, int] = {}
        self._outline_list: list[_Outline] = []
        #: Of the lacks of the report, by their numbers, those of the data.
        self._lacks_numbers: dict[int, int] = {}
        self._lacks: list[list[int]] = []
        self._last_detail = 0
        rows = report._rows
        by_pattern: list[list[Row]] = [[] for _ in rows.patterns]
        for row in rows:
            by_pattern[row.lacks.pattern].append(row)
        errors = report.errors[:_MOST_ERRORS]
        self.told = {
            "facts": _facts(report),
            "patterns": [
                {
                    "outline": self._reported(reported),
                    "text": reported.text
                    if _is_short(reported.text)
                    else reported.pattern.to_text(),
                    **self._runs(reported, runs),
                }
                for reported, runs in zip(rows.patterns, by_pattern, strict=True)
            ],
            "lacks": self._lacks,
            "details": [json.loads(text) for text in self._details],
            "outlines": [
                {"text": outline.text, "places": outline.places, "texts": outline.texts}
                for outline in self._outline_list
            ],
            "errors": [_error(error) for error in errors],
            "error_count": max(len(report.errors), report.stats.errors),
        }

    def _runs(self, reported: ReportedPattern, rows: list[Row]) -> dict[str, Any]:
        """Runs by columns, in the order of their paths; directories with how many runs they hold.

        What a run lacks has a number, in the order of the runs, and is told relative to that of
        the run before: where all lack something else, it is 1.
        """
        runs = sorted(((*_split(row), row.lacks) for row in rows), key=itemgetter(0, 1, 2))
        directories: dict[tuple[str, str], int] = {}
        numbers = []
        for before, behind, _, lacks in runs:
            directories[before, behind] = directories.get((before, behind), 0) + 1
            if lacks.number not in self._lacks_numbers:
                self._lacks_numbers[lacks.number] = len(self._lacks)
                self._lacks.append(self._flat(reported, lacks))
            numbers.append(self._lacks_numbers[lacks.number])
        behinds = {str(number): behind for number, (_, behind) in enumerate(directories) if behind}
        return {
            "directories": _front_coded(before for before, _ in directories),
            "behind": behinds,
            "counts": list(directories.values()),
            "names": _front_coded(name for _, _, name, _ in runs),
            "lacks": [number - last for number, last in zip(numbers, [0, *numbers], strict=False)],
        }

    def _flat(self, reported: ReportedPattern, lacks: Lacks) -> list[int]:
        """What runs lack: of each item its number, its state, and the number of its detail.

        The last is relative to the detail before, which mostly is the one before.
        """
        outline = self._outline_list[self._reported(reported)]
        states = {reported.items[number].place: state for number, state in lacks.states}
        flat = []
        for item in (*lacks.missing, *lacks.unknown):
            place, detail = item["place"], self._detail(item)
            number = outline.number(place, item["requirement"])
            flat += [number, _STATES[states[place]], detail - self._last_detail]
            self._last_detail = detail
        return flat

    def _reported(self, reported: ReportedPattern) -> int:
        """The outline of a pattern of the report: what all its candidates are asked for."""
        key = f"\0{reported.text}"
        if key not in self._outlines:
            self._add(key, reported.text, reported)
        return self._outlines[key]

    def _nested(self, text: str) -> int:
        """The outline of a pattern that a sub-directory was held against."""
        if text not in self._outlines:
            nested = None if _is_short(text) else FileStructurePattern.from_text(text)
            self._add(text, text, ReportedPattern(nested) if nested else None)
        return self._outlines[text]

    def _add(self, key: str, text: str, reported: ReportedPattern | None) -> None:
        self._outlines[key] = len(self._outline_list)
        self._outline_list.append(_Outline(text, reported))

    def _detail(self, item: dict[str, Any]) -> int:
        """What is there of an item that is not met, and what came closest: with all inside."""
        # Without recursion, as patterns nest up to 128 levels: what is inside comes first.
        left = [(item, False)]
        numbers: dict[int, int] = {}
        while left:
            one, is_inside_known = left.pop()
            closest = one["closest"] or {}
            inside = [*closest.get("missing", ()), *closest.get("unknown", ())]
            if inside and not is_inside_known:
                left.append((one, True))
                left += ((each, False) for each in inside)
                continue
            told: list[Any] = [one["found"], one["count"]]
            if closest:
                told += closest["reason"], closest["path"]
            if "pattern" in closest and not one.get("cut"):
                outline = self._nested(closest["pattern"])
                flat: list[int] = []
                for key in ("missing", "unknown"):
                    for each in closest.get(key, ()):
                        at = self._outline_list[outline].number(each["place"], each["requirement"])
                        flat += at, self._state(each, key, outline), numbers[id(each)]
                told += outline, flat, int(closest["empty"])
            if told == [one["found"], len(one["found"])]:
                del told[1]  # what goes without saying
            numbers[id(one)] = self._details.setdefault(json.dumps(told), len(self._details))
        return numbers[id(item)]

    def _state(self, item: dict[str, Any], key: str, outline: int) -> int:
        """The state of an item of a sub-directory: as that of a candidate's."""
        if key == "unknown":
            return _STATES[UNKNOWN]
        least = self._outline_list[outline].least.get(item["place"], 0)
        is_near = item["closest"] is not None or 0 < item["count"] < least
        return _STATES[NEAR if is_near else MISSING]


def _is_short(text: str) -> bool:
    """Whether the text of a pattern may be shortened, as that of a huge one is."""
    return text.endswith("{...}")


def _split(row: Row) -> tuple[str, str, str]:
    """A path: what is in front of the name, what is behind it (of archives), and the name."""
    path = without_passwords(row.path)
    if row.name not in path:
        return path, "", ""
    before, behind = around(path, row.name)
    return before, behind, row.name


def _front_coded(texts: Iterable[str]) -> dict[str, Any]:
    """Of each text what it adds to the beginning that it shares with the one before.

    How long that is, is in UTF-16 units, as JavaScript counts.
    """
    keep, rest = [], []
    last = ""
    for text in texts:
        same = os.path.commonprefix((last, text))  # noqa: RUF071  (of characters it shall be)
        keep.append(len(same.encode("utf-16-le", "surrogatepass")) // 2)
        rest.append(text[len(same) :])
        last = text
    return {"keep": keep, "rest": rest}


def _facts(report: CheckReport) -> list[tuple[str, list[str]]]:
    """When was checked, what, and how."""
    directories = report.stats.directories + report.stats.skipped
    facts = [
        ("Checked", [report.started.isoformat(" ", "seconds")]),
        ("From", report.sources),
        ("Options", [f"{key}={value}" for key, value in report.options.items()]),
        ("Read", [f"{directories:,} directories"] if directories else []),
        ("By", [f"pathvein {report.version}"]),
    ]
    return [fact for fact in facts if fact[1]]


def _error(error: OSError) -> tuple[str, str]:
    """Where an error was, and what it was."""
    filename = error.filename
    if filename is None:
        return "", without_passwords(str(error))
    message = error.strerror or type(error).__name__
    return without_passwords(os.fsdecode(filename)), without_passwords(message)
