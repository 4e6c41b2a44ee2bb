"""The page says the same numbers as the report: of its data, before any browser."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import given
from upath import UPath

import made_up_checks
from pathvein import CheckReport
from pathvein.checking import CheckResult

#: As the page has them.
STATES = ["met", "missing", "near", "unknown"]


def data_of(report: CheckReport) -> dict[str, Any]:
    html = io.StringIO()
    report.to_html(html)
    html.getvalue().encode()  # it can be written
    [text] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', html.getvalue(), re.DOTALL
    )
    data: dict[str, Any] = json.loads(text)
    return data


@given(results=made_up_checks.results)
def test_numbers_of_the_page(results: list[CheckResult[Path]]) -> None:
    report = CheckReport(results, patterns=made_up_checks.PATTERNS)
    data = data_of(report)
    requirements = {(each.pattern, each.place): each for each in report.by_requirement}
    assert len(data["patterns"]) == len(report.by_pattern)
    for shown, counts in zip(data["patterns"], report.by_pattern, strict=True):
        outline = data["outlines"][shown["outline"]]
        assert len(shown["lacks"]) == counts.candidates
        cells: Counter[tuple[int, str]] = Counter()
        complete = 0
        for number in accumulate(shown["lacks"]):  # each relative to the one before
            flat = data["lacks"][number]
            complete += not flat
            cells.update((flat[i], STATES[flat[i + 1]]) for i in range(0, len(flat), 3))
        assert complete == counts.complete
        for item, place in enumerate(outline["places"]):
            told = requirements.pop((counts.pattern, place))
            assert outline["texts"][item] == told.requirement
            assert cells[item, "missing"] + cells[item, "near"] == told.missing
            assert cells[item, "near"] == told.near
            assert cells[item, "unknown"] == told.unknown
    assert not requirements


def test_an_archive_may_be_called_as_what_is_in_it() -> None:
    """Its runs are in one directory all the same."""
    archive = "file:///lab/run_1.zip"
    pattern = made_up_checks.PATTERNS[0]
    results = [
        CheckResult(UPath(f"zip://{name}::{archive}"), pattern, True, (), ())
        for name in ("run_1", "run_2")
    ]
    [shown] = data_of(CheckReport(results))["patterns"]
    assert shown["directories"]["rest"] == ["zip://"]
    assert shown["behind"] == {"0": f"::{archive}"}
    assert shown["counts"] == [2]


def test_a_page_holds_no_passwords() -> None:
    """Though paths, and what went wrong, may."""
    url = "http://me:secret@127.0.0.1/lab"
    pattern = made_up_checks.PATTERNS[0]
    results = [CheckResult(UPath(f"{url}/run_1"), pattern, True, (), ())]
    errors = [OSError(5, f"{url} is gone", url), OSError(f"{url} is gone")]
    html = io.StringIO()
    CheckReport(results, source=url, errors=errors).to_html(html)
    assert "secret" not in html.getvalue()
    assert html.getvalue().count("me:***@127.0.0.1") == 5
