"""Results of checks that nobody found: any state of any requirement, names that hurt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import strategies
from pathvein import Directories, Files, FileStructurePattern, Regex
from pathvein._checking.texts import requirement_at
from pathvein.checking import CheckResult, Closest, Missing

_DATA = FileStructurePattern("data", files=["*.parquet", "=1+1"])
#: Of each kind of requirement some, and some that share their text with others.
PATTERNS = [
    FileStructurePattern(),
    FileStructurePattern("run_*", files=["config.json", "path", Files("*.csv", min=3, max=5)]),
    FileStructurePattern(
        ("sub-*", "ses-*"),
        files=["config.json", ("*.nii", Regex(r"v\d+"))],
        directories=[_DATA, Directories((_DATA, FileStructurePattern("raw")), min=2, max=2)],
        forbidden_files=["FAILED"],
        forbidden_directories=[FileStructurePattern("tmp_\udcff")],
        closed=True,
    ),
]
_REASONS = ["case", "normal form", "edit", "below", "above", "directory", "file", "link"]
_REASONS += ["not entered", "unreadable"]

names = st.one_of(strategies.disk_names, st.sampled_from(["<script>", "=1+1", "-", "\u202eab"]))


def places(pattern: FileStructurePattern) -> list[str]:
    """Where it says what a candidate may lack, in the order of the pattern."""
    kinds = ["files", "directories", "forbidden_files", "forbidden_directories"]
    listed = [f"{kind}[{i}]" for kind in kinds for i in range(len(getattr(pattern, kind)))]
    return listed + ["closed"] * pattern.closed


@st.composite
def _lacks(
    draw: Any, pattern: FileStructurePattern, depth: int
) -> tuple[tuple[Missing, ...], tuple[Missing, ...]]:
    found: dict[str, list[Missing]] = {"met": [], "missing": [], "unknown": []}
    for place in places(pattern):
        state = draw(st.sampled_from(["met", "met", "missing", "unknown"]))
        asked = requirement_at(pattern, place)
        closest = draw(st.none() | _closests(place, asked, depth)) if state != "met" else None
        found[state].append(Missing(place, asked, closest))
    return tuple(found["missing"]), tuple(found["unknown"])


@st.composite
def _closests(draw: Any, place: str, asked: Any, depth: int) -> Closest:
    there = tuple(draw(st.lists(names, max_size=3, unique=True)))
    count = len(there) + draw(st.sampled_from([0, 0, 5]))
    if place.startswith(("forbidden", "closed")):
        return Closest(None, None, there, count, None, (), (), False)
    reason = draw(st.none() | st.sampled_from(_REASONS))
    path = draw(names) if reason else None
    if depth and place.startswith("directories") and draw(st.booleans()):
        one = getattr(asked, "directory", asked)
        against = one[0] if isinstance(one, tuple) else one
        missing, unknown = draw(_lacks(against, depth - 1))
        return Closest("name", draw(names), there, count, against, missing, unknown, False)
    return Closest(reason, path, there, count, None, (), (), False)


@st.composite
def _results(draw: Any) -> CheckResult[Path]:
    path = Path("/", *draw(st.lists(names, max_size=3)))
    pattern = draw(st.sampled_from(PATTERNS))
    missing, unknown = draw(_lacks(pattern, 2))
    return CheckResult(path, pattern, not (missing or unknown), missing, unknown)


#: Some of them again, as many directories lack the same.
results = st.lists(_results(), max_size=6).flatmap(
    lambda some: st.lists(st.sampled_from(some), max_size=8) if some else st.just(some)
)
