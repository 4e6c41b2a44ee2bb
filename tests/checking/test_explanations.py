"""Explanations as trees: as text, in notebooks, and by Rich."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given

import pathvein
from pathvein import FileStructurePattern as P
from pathvein._checking.drawing import drawn
from pathvein._visible import width
from results import closest, explanation, finding, missing
from shown import plain, rich_text
from strategies import hard_text

RUN = P.from_text(
    "run_*/{config.json, 3+ *.csv, *.nii, data/{*.parquet, raw/{2+ *.bin}}, 2+ scan_*/{*.dcm}, "
    "no FAILED, optional notes.txt, nothing else}"
)
DATA = RUN.directories[0]
RAW = DATA.directories[0]
IMAGES = tuple(f"an_image_of_something_{index}.nii" for index in range(10))
FINDINGS = [
    finding(RUN, "directory_name", "met", closest(None, None, "run_7")),
    finding(RUN, "files[0]", "missing", closest("case", "Config.json")),
    finding(RUN, "files[1]", "missing", closest(None, None, "a.csv", "b.csv")),
    finding(RUN, "files[2]", "met", closest(None, None, *IMAGES, count=1012)),
    finding(
        RUN,
        "directories[0]",
        "missing",
        closest("name", "data", inside=(DATA, (missing(DATA, "directories[0]"),), ())),
        finding(DATA, "files[0]", "met", closest(None, None, "x.parquet")),
        finding(
            DATA,
            "directories[0]",
            "missing",
            closest("name", "raw", inside=(RAW, (missing(RAW, "files[0]"),), ()), is_empty=True),
            finding(RAW, "files[0]", "missing"),
        ),
    ),
    finding(RUN, "directories[1]", "unknown", closest("unreadable", "scan_2", "scan_1")),
    finding(RUN, "optional_files[0]", "absent"),
    finding(RUN, "forbidden_files[0]", "met"),
    finding(RUN, "closed", "missing", closest(None, None, "<b>.txt", "x\x1b\u202e\udcff")),
]
ERROR = PermissionError(13, "Permission denied", "lab/run_7/scan_2")
EXPLANATION = explanation(RUN, *FINDINGS, errors=(ERROR,))
DRAWN = r"""
✗ lab/run_7: not complete
├── ✓ run_*/: the name is run_7
├── ✗ config.json: Config.json differs in case
├── ✗ 3+ *.csv: 2 there: a.csv, b.csv
├── ✓ *.nii: an_image_of_something_0.nii, an_image_of_something_1.nii,
│     an_image_of_something_2.nii, an_image_of_something_3.nii,
│     an_image_of_something_4.nii, an_image_of_something_5.nii,
│     an_image_of_something_6.nii, an_image_of_something_7.nii,
│     an_image_of_something_8.nii, an_image_of_something_9.nii and 1,002 more
├── ✗ data/
│   ├── ✓ *.parquet: x.parquet
│   └── ✗ raw/: it is empty
│       └── ✗ 2+ *.bin
├── ? 2+ scan_*/{*.dcm}: 1 there: scan_1; scan_2 could not be read
├── · optional notes.txt
├── ✓ no FAILED
└── ✗ nothing else: <b>.txt, x\x1b\u202e\xff
! [Errno 13] Permission denied: 'lab/run_7/scan_2'
""".strip()


def test_text() -> None:
    assert str(EXPLANATION) == DRAWN
    assert repr(EXPLANATION) == "<Explanation of 'lab/run_7': not complete>"


def test_truth() -> None:
    assert not EXPLANATION
    assert [item.place for item in EXPLANATION.missing] == [
        "files[0]",
        "files[1]",
        "directories[0]",
        "closed",
    ]
    assert [item.place for item in EXPLANATION.unknown] == ["directories[1]"]
    assert not EXPLANATION.complete
    only_unknown = explanation(RUN, *FINDINGS[:1], FINDINGS[5])
    assert not only_unknown
    assert str(only_unknown).startswith("? lab/run_7: cannot be told\n")
    complete = explanation(RUN, *(found for found in FINDINGS if found.state in ("met", "absent")))
    assert complete
    assert complete.complete
    assert complete.missing == complete.unknown == ()
    assert str(complete).startswith("✓ lab/run_7: complete\n")


def test_ascii() -> None:
    shown = drawn(EXPLANATION, ascii_only=True)
    assert shown.isascii()
    assert "|-- x data/\n|   |-- + *.parquet: x.parquet\n|   `-- x raw/: it is empty" in shown
    assert "|-- - optional notes.txt" in shown


@pytest.mark.parametrize("columns", [30, 50, 80, 100])
def test_width(columns: int) -> None:
    shown = drawn(EXPLANATION, columns)
    assert max(map(width, shown.splitlines())) <= columns
    for image in IMAGES:
        assert image in shown.replace("\n│     ", "")


@pytest.mark.parametrize("length", range(70, 77))
def test_text_that_just_fits(length: int) -> None:
    name = f"{'x' * (length - 4)}.csv"
    pattern = P("run_*", files=[name])
    told = explanation(pattern, finding(pattern, "files[0]", "missing", closest("case", "a.CSV")))
    lines = drawn(told).split("\n")
    assert max(map(width, lines)) <= 80
    assert lines == [line.rstrip() for line in lines]


def test_blanks_of_names() -> None:
    pattern = P("run_*", files=["*.csv"])
    told = explanation(
        pattern, finding(pattern, "files[0]", "met", closest(None, None, " a.csv", "b  c.csv"))
    )
    assert drawn(told).endswith("*.csv:  a.csv, b  c.csv")


def test_a_root_has_no_name() -> None:
    [line, *_] = str(pathvein.explain("/", P("*"))).splitlines()[1:]
    assert line == "└── ✓ */: it has no name"


def test_html() -> None:
    shown = EXPLANATION._repr_html_()
    assert plain(shown) == drawn(EXPLANATION, 100)
    assert "&lt;b&gt;.txt" in shown
    assert set(re.findall(r"<(?!/)(\w+)", shown)) == {"pre", "span"}
    bundle = EXPLANATION._repr_mimebundle_()
    assert bundle == {"text/plain": DRAWN, "text/html": shown}
    # Each state has a sign of its own, and a colour.
    styles = {
        re.escape(sign): re.search(rf'"([^"]*)">{re.escape(sign)} <', shown) for sign in "✓✗?·"
    }
    assert len({found and found[1] for found in styles.values()}) == 4


def test_rich() -> None:
    pytest.importorskip("rich")
    assert rich_text(EXPLANATION) == drawn(EXPLANATION, 200) + "\n"
    assert (
        rich_text(EXPLANATION, ascii_only=True) == drawn(EXPLANATION, 200, ascii_only=True) + "\n"
    )
    assert "\x1b[1;31m✗" in rich_text(EXPLANATION, force_terminal=True, color_system="standard")
    markup = explanation(
        RUN, finding(RUN, "files[0]", "met", closest(None, None, "[bold]x[/bold]"))
    )
    assert "[bold]x[/bold]" in rich_text(markup)
    from rich.panel import Panel

    small = explanation(P("a"), finding(P("a"), "directory_name", "missing"))
    assert rich_text(Panel.fit(small)).splitlines()[0] == "╭───────────────────────────╮"


def test_dictionary() -> None:
    told = EXPLANATION.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["path"], told["complete"]) == ("lab/run_7", False)
    assert told["errors"] == [str(ERROR)]
    assert told["findings"][1] == {
        "state": "missing",
        "place": "files[0]",
        "requirement": "config.json",
        "found": [],
        "count": 0,
        "closest": {"reason": "case", "path": "Config.json"},
        "inside": [],
    }
    below = told["findings"][4]
    assert (below["closest"]["path"], below["closest"]["empty"]) == ("data", False)
    assert [one["state"] for one in below["inside"]] == ["met", "missing"]
    assert below["inside"][1]["inside"][0]["requirement"] == "2+ *.bin"


def test_many_levels() -> None:
    """Neither recursion, nor what is shared many times over, nor what is deeper than a line."""
    patterns = [P("d", ["x"])]
    for _ in range(126):
        patterns.append(P("d", ["x"], [patterns[-1], patterns[-1]]))
    one = all_of = finding(patterns[0], "files[0]", "missing", closest("edit", "z" * 255))
    for pattern in patterns[1:]:
        what = closest("name", "d", inside=(pattern.directories[0], (), ()))
        one = finding(pattern, "directories[0]", "missing", what, one)
        all_of = finding(pattern, "directories[0]", "missing", what, all_of, all_of)
    limit = sys.getrecursionlimit()
    depth, frame = 0, sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        depth += 1
    sys.setrecursionlimit(depth + 80)
    try:
        shown = str(explanation(patterns[-1], one))
        shared = str(explanation(patterns[-1], all_of))
        told = explanation(patterns[-1], one).to_dict()
        explanation(patterns[-1], all_of).to_dict()
    finally:
        sys.setrecursionlimit(limit)
    assert max(map(len, shown.splitlines())) == 80
    assert shown.count("✗ d/") == 126
    assert shown.count("z") == 255
    assert "and more, which is not shown" in shared
    findings = told["findings"]
    for _ in range(126):
        [found] = findings
        findings = found["inside"]
    assert findings[0]["closest"]["path"] == "z" * 255


def test_many_errors() -> None:
    errors = tuple(OSError(5, "Input/output error", f"lab/{index}") for index in range(1_012))
    shown = str(explanation(RUN, *FINDINGS, errors=errors))
    assert shown.endswith("! and 1,002 more errors")
    assert shown.count("Errno") == 10


@given(hard_text)
def test_odd_names(name: str) -> None:
    harmful = "\n\r\x1b\x07\x00\x85\u2028\u202e\u2066\u200f\ud800\udcff"
    name += harmful
    pattern: Any = P(name, [name], [P(name, [name])], closed=True)
    below = finding(pattern.directories[0], "files[0]", "missing", closest("edit", name))
    told = explanation(
        pattern,
        finding(pattern, "files[0]", "met", closest(None, None, name, name)),
        finding(pattern, "directories[0]", "missing", closest("name", name), below),
        errors=(OSError(5, f"the server says {name}", name),),
    )
    for shown in (str(told), plain(told._repr_html_())):
        assert not set(shown) & set(harmful) - {"\n"}
        assert len(shown.splitlines()) >= 4
        shown.encode()
    json.dumps(told.to_dict()).encode("ascii")
