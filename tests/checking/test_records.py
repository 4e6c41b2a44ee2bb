"""Results made of the core's raw findings."""

from __future__ import annotations

from typing import Any

from pathvein import Directories, FileStructurePattern
from pathvein import FileStructurePattern as P
from pathvein._checking.records import Records, missing_of
from pathvein.checking import Closest, Finding, Missing

DATA = P("data", ["*.parquet"], optional_files=["x"], closed=True)
OTHER = P("other")
RUN = P(
    "run_*",
    ["a", "b"],
    [Directories((OTHER, DATA), min=2), DATA],
    ["c"],
    [P("d")],
    ["e"],
    [P("f")],
    closed=True,
)
PLACES = [
    "directory_name",
    "files[0]",
    "files[1]",
    "directories[0]",
    "directories[1]",
    "optional_files[0]",
    "optional_directories[0]",
    "forbidden_files[0]",
    "forbidden_directories[0]",
    "closed",
]


def raw(
    item: int, answer: int, *found: str, near: tuple[str, str] | None = None, inside: Any = None
) -> Any:
    """A raw finding."""
    return (item, answer, found, len(found), *(near or (None, None)), inside)


def test_places() -> None:
    findings = tuple(raw(item, 1) for item in range(len(PLACES)))
    missing, unknown = Records([OTHER, RUN]).lacks(1, findings)
    assert [item.place for item in missing] == PLACES
    assert [item.requirement for item in missing] == [
        "run_*",
        "a",
        "b",
        Directories((OTHER, DATA), min=2),
        DATA,
        "c",
        P("d"),
        "e",
        P("f"),
        True,
    ]
    assert all(item.closest is None for item in missing)
    assert unknown == ()


def test_answers() -> None:
    findings = (raw(1, 1, near=("case", "A")), raw(2, 2, "b"), raw(9, 1, "x", "y"))
    missing, unknown = Records([RUN]).lacks(0, findings)
    assert missing == (
        Missing("files[0]", "a", Closest("case", "A", (), 0, None, (), (), False)),
        Missing("closed", True, Closest(None, None, ("x", "y"), 2, None, (), (), False)),
    )
    assert unknown == (
        Missing("files[1]", "b", Closest(None, None, ("b",), 1, None, (), (), False)),
    )


def test_what_is_inside() -> None:
    below = (raw(1, 1), raw(3, 2, near=("unreadable", ".")))
    findings = (raw(3, 1, near=("name", "data"), inside=(1, True, below)),)
    [missing], unknown = Records([RUN]).lacks(0, findings)
    assert missing.closest == Closest(
        "name",
        "data",
        (),
        0,
        DATA,
        (Missing("files[0]", "*.parquet", None),),
        (Missing("closed", True, Closest("unreadable", ".", (), 0, None, (), (), False)),),
        True,
    )
    assert unknown == ()


def test_findings() -> None:
    below = (raw(0, 0, "data"), raw(1, 0, "x.parquet"), raw(2, 3))
    findings = (
        raw(0, 0, "run_1"),
        raw(4, 0, "data", near=("name", "data"), inside=(0, False, below)),
    )
    told, missing, unknown = Records([RUN]).told(0, findings)
    assert missing == unknown == ()
    assert [(found.place, found.state) for found in told] == [
        ("directory_name", "met"),
        ("directories[1]", "met"),
    ]
    assert [(found.place, found.state) for found in told[1].inside] == [
        ("directory_name", "met"),
        ("files[0]", "met"),
        ("optional_files[0]", "absent"),
    ]
    assert told[1].inside[1] == Finding(
        "files[0]",
        "*.parquet",
        "met",
        Closest(None, None, ("x.parquet",), 1, None, (), (), False),
        (),
    )
    assert missing_of(told[1].inside[1]).closest is not None


def test_the_same_is_one_object() -> None:
    records = Records([RUN])
    [first], _ = records.lacks(0, (raw(1, 1, near=("case", "A")),))
    [second], _ = records.lacks(0, (raw(1, 1, near=("case", "".join("A"))),))
    [third], _ = records.lacks(0, (raw(1, 1, near=("case", "B")),))
    assert first is second
    assert first is not third


def test_patterns_are_taken_as_they_are() -> None:
    pattern = P("a", ["b"])
    records = Records([pattern])
    pattern.files = ["c"]
    assert records.lacks(0, (raw(1, 1),))[0][0].requirement == "b"


def test_many_levels_that_are_shared() -> None:
    """What the core gives as one object becomes one, without recursion."""
    pattern = P("d", ["x"])
    findings: tuple[Any, ...] = (raw(1, 1),)
    for _ in range(127):
        pattern = P("d", ["x"], [pattern, pattern])
        inside = (0, False, findings)
        near = ("name", "d")
        findings = (raw(2, 1, near=near, inside=inside), raw(3, 1, near=near, inside=inside))
    missing, _ = Records([pattern]).lacks(0, findings)
    depth = 0
    while missing[0].place != "files[0]":
        closest = missing[0].closest
        assert closest is not None
        assert isinstance(closest.pattern, FileStructurePattern)
        missing, depth = closest.missing, depth + 1
    assert depth == 127
