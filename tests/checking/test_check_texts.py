"""What is missing as text for people, and as JSON."""

from __future__ import annotations

import json
import sys
from random import Random
from typing import Any

import pytest
from hypothesis import given

from check_strategies import random_pattern
from compare import make_pattern
from pathvein import Directories, Files, Regex
from pathvein import FileStructurePattern as P
from pathvein._checking.dicts import missing_dicts, result_dict
from pathvein._checking.texts import lacks, pattern_text, requirement_text
from pathvein.checking import Missing
from results import closest, missing, result, within
from strategies import hard_text

RUN = P.from_text(
    """
    run_*/
        config.json
        3+ *.csv
        1 README*
        *.nii | *.nii.gz
        optional notes.txt
        no FAILED
        data/
            *.parquet
            raw/
                2+ *.bin
        3+ scan_*/
            *.dcm
        optional plots/
            *.png
        no old/
        nothing else
    """
)
DATA = RUN.directories[0]
RAW = DATA.directories[0]
SCAN: P = RUN.directories[1].directory  # type: ignore[union-attr]

TEXTS = {
    "directory_name": "run_*/",
    "files[0]": "config.json",
    "files[1]": "3+ *.csv",
    "files[2]": "1 README*",
    "files[3]": "*.nii | *.nii.gz",
    "directories[0]": "data/{*.parquet, raw/{2+ *.bin}}",
    "directories[1]": "3+ scan_*/{*.dcm}",
    "optional_files[0]": "optional notes.txt",
    "optional_directories[0]": "optional plots/{*.png}",
    "forbidden_files[0]": "no FAILED",
    "forbidden_directories[0]": "no old/",
    "closed": "nothing else",
}


@pytest.mark.parametrize("place", TEXTS)
def test_requirements(place: str) -> None:
    assert requirement_text(RUN, place) == TEXTS[place]
    assert str(missing(RUN, place)) == TEXTS[place]


def test_requirements_of_other_kinds() -> None:
    pattern = P(
        None,
        [Regex(r"v\d{2}"), Files("a", 0, 2), "a, b", " x"],
        [(P("a", ["x"]), P("b", ["y"])), Directories((P("a"), P("b")), max=2)],
        forbidden_directories=[P(("a", "b"), ["x"])],
    )
    places = ["files[0]", "files[1]", "files[2]", "files[3]", "directories[0]", "directories[1]"]
    assert [requirement_text(pattern, place) for place in places] == [
        "regex:'v\\d{2}'",
        "0-2 a",
        '"a, b"',
        '" x"',
        "a/{x} | b/{y}",
        "1-2 a/{} | b/{}",
    ]
    assert requirement_text(pattern, "directory_name") == "*/"
    assert requirement_text(pattern, "forbidden_directories[0]") == "no a/ | b/{x}"


LINES = [
    ((missing(RUN, "files[1]", closest(None, None, "a.csv", "b.csv")),), "3+ *.csv (2 there)"),
    (
        (within(RUN, "directories[0]", "data", missing(DATA, "files[0]"), is_empty=True),),
        "data/*.parquet (data/ is empty)",
    ),
    ((missing(RUN, "directories[0]"),), "data/{*.parquet, raw/{2+ *.bin}}"),
    (
        (
            within(
                RUN,
                "directories[0]",
                "data",
                missing(DATA, "files[0]", closest("edit", "a.parquets")),
                within(
                    DATA, "directories[0]", "raw", missing(RAW, "files[0]", closest("x", "y", "1"))
                ),
            ),
        ),
        "data/{*.parquet (a.parquets is one edit away), raw/{2+ *.bin (1 there, y: x)}}",
    ),
    (
        (
            within(
                RUN,
                "directories[0]",
                "data",
                within(DATA, "directories[0]", "raw", missing(RAW, "files[0]"), is_empty=True),
            ),
        ),
        "data/raw/{2+ *.bin} (data/raw/ is empty)",
    ),
    (
        (
            within(
                RUN,
                "directories[0]",
                "data",
                missing(DATA, "files[0]"),
                missing(DATA, "directories[0]"),
                is_empty=True,
            ),
        ),
        "data/{*.parquet, raw/{2+ *.bin}} (data/ is empty)",
    ),
    (
        (
            missing(
                RUN,
                "directories[1]",
                closest(
                    "name", "scan_3", "a", "b", inside=(SCAN, (missing(SCAN, "files[0]"),), ())
                ),
            ),
        ),
        "3+ scan_*/{*.dcm} (2 there, scan_3/ lacks *.dcm)",
    ),
    (
        (missing(RUN, "files[2]", closest(None, None, *"abcd", count=12)),),
        "1 README* (there: a, b, c and 9 more)",
    ),
    (
        (missing(RUN, "forbidden_files[0]", closest(None, None, "FAILED")),),
        "no FAILED (there: FAILED)",
    ),
    ((missing(RUN, "closed", closest(None, None, "x", "y")),), "nothing else (there: x, y)"),
]


@pytest.mark.parametrize(("lacking", "line"), LINES, ids=[line for _, line in LINES])
def test_lines(lacking: tuple[Missing, ...], line: str) -> None:
    assert lacks(result(RUN, *lacking)) == lacks((lacking, ())) == line
    assert str(result(RUN, *lacking)) == f"lab/run_7: {line}"


REASONS = {
    "case": "Config.json differs in case",
    "normal form": "Config.json differs in Unicode normal form",
    "edit": "Config.json is one edit away",
    "below": "Config.json is one level down",
    "above": "Config.json is one level up",
    "directory": "Config.json is a directory",
    "file": "Config.json is a file",
    "link": "Config.json is a link that is not followed",
    "not entered": "Config.json is not entered",
    "unreadable": "Config.json could not be read",
}


@pytest.mark.parametrize("reason", REASONS)
def test_reasons(reason: str) -> None:
    lacking = missing(RUN, "files[0]", closest(reason, "Config.json"))
    assert lacks(result(RUN, lacking)) == f"config.json ({REASONS[reason]})"


def test_unknown() -> None:
    unknown = (
        missing(RUN, "files[0]", closest("unreadable", ".")),
        missing(RUN, "files[1]", closest(None, None, "a.csv")),
        missing(RUN, "forbidden_files[0]"),
        within(RUN, "directories[0]", "data", missing(DATA, "files[0]")),
    )
    assert lacks(result(RUN, missing(RUN, "files[3]"), unknown=unknown)) == (
        "*.nii | *.nii.gz, config.json (unknown: the directory could not be read), "
        "3+ *.csv (unknown: 1 there), no FAILED (unknown: not all could be read), "
        "data/*.parquet (unknown: not all could be read)"
    )


def test_alternatives() -> None:
    """What one of them lacks is not all that would do."""
    pattern = P("a", directories=[(P("anat", ["*.nii"]), P("func", ["*.tsv"]))])
    anat = P("anat", ["*.nii"])
    inside = (anat, (missing(anat, "files[0]"),), ())
    lacking = missing(pattern, "directories[0]", closest("name", "anat", inside=inside))
    assert lacks(result(pattern, lacking)) == "anat/{*.nii} | func/{*.tsv} (anat/ lacks *.nii)"


def test_complete() -> None:
    assert lacks(result(RUN)) == ""
    assert str(result(RUN)) == "lab/run_7: complete"


def test_many_levels() -> None:
    """Neither recursion nor what is shared many times over makes a text long, or long to make."""
    pattern = P("d", ["x"])
    for _ in range(126):
        pattern = P("d", ["x"], [pattern, pattern])
    assert pattern_text(pattern) == "d/{...}"
    assert requirement_text(pattern, "directories[1]") == "d/{...}"
    patterns = [pattern]
    while patterns[-1].directories:
        patterns.append(patterns[-1].directories[0])
    one = all_of = missing(patterns.pop(), "files[0]")
    for above in reversed(patterns):
        one = within(above, "directories[0]", "d", one)
        all_of = within(above, "directories[0]", "d", all_of, all_of)
    limit = sys.getrecursionlimit()
    depth, frame = 0, sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        depth += 1
    sys.setrecursionlimit(depth + 80)
    try:
        assert lacks(result(pattern, one)) == f"{'d/' * 126}x"
        assert len(lacks(result(pattern, all_of))) < 2_000
        told = result_dict(result(pattern, one))
        shared = result_dict(result(pattern, all_of))
    finally:
        sys.setrecursionlimit(limit)
    assert told["pattern"] == "d/{...}"
    for _ in range(126):
        [told] = told["missing"] if "place" not in told else told["closest"]["missing"]
    assert told["closest"]["missing"][0]["requirement"] == "x"
    assert 1_000 < json.dumps(shared).count('"place"') <= 10_001
    assert '"cut": true' in json.dumps(shared)


def test_json() -> None:
    lacking = (
        missing(RUN, "files[1]", closest(None, None, "a.csv", "b.csv")),
        within(RUN, "directories[0]", "data", missing(DATA, "files[0]"), is_empty=True),
        missing(RUN, "closed", closest(None, None, "\udcff", count=1)),
    )
    unknown = (missing(RUN, "files[0]"),)
    nothing = {"found": [], "count": 0, "closest": None}
    assert result_dict(result(RUN, *lacking, unknown=unknown)) == {
        "path": "lab/run_7",
        "pattern": pattern_text(RUN),
        "complete": False,
        "missing": [
            {
                "place": "files[1]",
                "requirement": "3+ *.csv",
                "found": ["a.csv", "b.csv"],
                "count": 2,
                "closest": None,
            },
            {
                "place": "directories[0]",
                "requirement": "data/{*.parquet, raw/{2+ *.bin}}",
                "found": [],
                "count": 0,
                "closest": {
                    "reason": "name",
                    "path": "data",
                    "pattern": "data/{*.parquet, raw/{2+ *.bin}}",
                    "empty": True,
                    "missing": [{"place": "files[0]", "requirement": "*.parquet", **nothing}],
                    "unknown": [],
                },
            },
            {
                "place": "closed",
                "requirement": "nothing else",
                "found": ["\udcff"],
                "count": 1,
                "closest": None,
            },
        ],
        "unknown": [{"place": "files[0]", "requirement": "config.json", **nothing}],
    }
    assert P.from_text(pattern_text(RUN)) == RUN


#: What would move a cursor, end a line, or change the direction of writing.
HARMFUL = "\n\r\x1b\x07\x00\x85\u2028\u202e\u2066\u200f\ud800\udcff"


@given(hard_text.map(lambda text: text + HARMFUL))
def test_odd_names(name: str) -> None:
    pattern = P(name, [name], [P(name, [name])], forbidden_files=[name], closed=True)
    lacking: list[Any] = [
        missing(pattern, "files[0]", closest("case", name)),
        within(pattern, "directories[0]", name, missing(pattern.directories[0], "files[0]")),
        missing(pattern, "closed", closest(None, None, name, name)),
    ]
    line = lacks((lacking, lacking))
    assert not set(line) & set(HARMFUL)
    line.encode()
    told = missing_dicts(lacking)
    assert told[0]["closest"]["path"] == name
    json.dumps(told).encode("ascii")


def test_text_on_one_line_reads_back() -> None:
    several = "x/\n    2+ a/{\n        b/{c/{1 d}, e} | f/{g}\n        h | i\n    } | j/{\n"
    several += "        k\n        l/\n            m\n            n\n    }\n    o"
    patterns = [make_pattern(random_pattern(Random(seed))) for seed in range(500)]
    for pattern in [P.from_text(several), *patterns]:
        # (In text, null is "*".)
        expected = P.from_text(pattern.to_text())
        text = pattern_text(pattern)
        assert "\n" not in text
        assert P.from_text(text) == expected
        for index, asked in enumerate(expected.directories):
            text = requirement_text(pattern, f"directories[{index}]")
            assert P.from_text(f"x/{{{text}}}").directories == (asked,)
