"""Reports: what they count is what the results say, whoever made them."""

from __future__ import annotations

import datetime
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import check_reference
import made_up_checks
import profiles
import strategies
import trees
from compare import make_patterns
from pathvein import (
    CheckReport,
    Files,
    FileStructurePattern,
    Stats,
    __version__,
    check,
    icheck,
)
from pathvein._checking.dicts import result_dict
from pathvein._checking.texts import lacks, requirement_at, requirement_text
from pathvein.checking import CheckResult, Closest, Missing

P = FileStructurePattern
RUN = P.from_text("run_*/{config.json, 3+ *.csv, no FAILED, nothing else}")


def result(
    name: str, missing: tuple[Missing, ...] = (), unknown: tuple[Missing, ...] = ()
) -> CheckResult[Path]:
    return CheckResult(Path("/lab") / name, RUN, not (missing or unknown), missing, unknown)


def lacking(place: str, *, reason: str | None = None, count: int = 0) -> Missing:
    closest = Closest(reason, "Config.json", ("x",), count, None, (), (), False)
    asked = requirement_at(RUN, place)
    return Missing(place, asked, closest if reason or count else None)


def json_of(report: CheckReport) -> list[Any]:
    text = io.StringIO()
    report.to_json_lines(text)
    return [json.loads(line) for line in text.getvalue().splitlines()]


def near_texts(result: CheckResult[Any]) -> list[str]:
    """What is missing, and nearly there: the rule, from the objects."""
    near = []
    for missing in result.missing:
        least = getattr(missing.requirement, "min", 1)
        is_counted = missing.place.partition("[")[0] in ("files", "directories")
        closest = missing.closest
        if closest and (closest.reason or (is_counted and 0 < closest.count < least)):
            near.append(requirement_text(result.pattern, missing.place))
    return near


def assert_counts(report: CheckReport, results: list[CheckResult[Any]]) -> None:
    """The counts of a report are those of the results, and of its JSON lines."""
    lines = json_of(report)
    assert lines == [json.loads(json.dumps(result_dict(one))) for one in results]
    assert [line["path"] for line in lines] == [str(one.source) for one in results]

    assert report.candidates == len(results)
    assert report.complete == sum(line["complete"] for line in lines)
    assert report.incomplete == sum(bool(line["missing"]) for line in lines)
    assert report.candidates == report.complete + report.incomplete + report.unknown

    of_patterns = Counter((one.pattern, bool(one.missing), bool(one.unknown)) for one in results)
    for counts in report.by_pattern:
        of = {state: of_patterns[(counts.pattern, *state)] for state in STATES}
        assert counts.complete == of[False, False]
        assert counts.incomplete == of[True, False] + of[True, True]
        assert counts.unknown == of[False, True]
        assert counts.candidates == sum(of.values())
    assert {counts.pattern for counts in report.by_pattern} >= {one.pattern for one in results}

    places: Counter[Any] = Counter()
    near: Counter[Any] = Counter()
    for one in results:
        for state in ("missing", "unknown"):
            places.update((one.pattern, state, each.place) for each in getattr(one, state))
        near.update((one.pattern, text) for text in set(near_texts(one)))
    candidates = {counts.pattern: counts.candidates for counts in report.by_pattern}
    for requirement in report.by_requirement:
        pattern, place, text, met, missing, close, unknown = requirement
        assert text == requirement_text(pattern, place)
        assert missing == places.pop((pattern, "missing", place), 0)
        assert unknown == places.pop((pattern, "unknown", place), 0)
        assert met == candidates[pattern] - missing - unknown
        assert close <= missing
        assert close == near[pattern, text]
    assert not places


STATES = [(is_missing, is_unknown) for is_missing in (False, True) for is_unknown in (False, True)]


@given(results=made_up_checks.results)
def test_counts_are_those_of_the_results(results: list[CheckResult[Path]]) -> None:
    assert_counts(CheckReport(results), results)
    assert_counts(CheckReport(iter(results), patterns=made_up_checks.PATTERNS), results)


@profiles.share(0.5)
@given(case=strategies.cases())
def test_counts_are_those_of_the_reference(case: strategies.Case) -> None:
    patterns = make_patterns(case.patterns)
    with trees.built(case.world, fast=True) as top:
        results = check_reference.check_directory(top / "src", patterns, **case.options)
    # What is alike has one text, and the reference has as many items.
    report = CheckReport(results, patterns=patterns)
    distinct = list(dict.fromkeys(patterns))
    assert [counts.pattern for counts in report.by_pattern] == distinct
    for pattern in distinct:
        places = [each.place for each in report.by_requirement if each.pattern is pattern]
        items = check_reference.items_of(check_reference.plain(pattern))
        assert places == [item.place for item in items if item.place != "directory_name"]
    lines = json_of(report)
    assert lines == [json.loads(json.dumps(result_dict(one))) for one in results]
    assert report.complete == sum(one.complete for one in results)
    for counts in report.by_requirement:
        own = [one for one in results if one.pattern == counts.pattern]
        assert counts.missing == sum(
            any(each.place == counts.place for each in one.missing) for one in own
        )
        assert counts.unknown == sum(
            any(each.place == counts.place for each in one.unknown) for one in own
        )


def test_counts() -> None:
    report = CheckReport(
        [
            result("run_1"),
            result("run_2"),
            result("run_3", (lacking("files[0]", reason="case"),)),
            result("run_4", (lacking("files[0]"), lacking("files[1]", count=2))),
            result("run_5", (lacking("forbidden_files[0]", count=1), lacking("closed", count=1))),
            result("run_6", (lacking("files[0]"),), (lacking("files[1]"),)),
            result("run_7", (), (lacking("files[1]", count=2), lacking("closed"))),
        ]
    )
    assert repr(report) == "<CheckReport: 7 candidates, 2 complete, 4 incomplete, 1 unknown>"
    assert report.by_pattern == [(RUN, 7, 2, 4, 1)]
    assert report.by_requirement == [
        # met, missing, near, unknown
        (RUN, "files[0]", "config.json", 4, 3, 1, 0),
        (RUN, "files[1]", "3+ *.csv", 4, 1, 1, 2),
        (RUN, "forbidden_files[0]", "no FAILED", 6, 1, 0, 0),
        (RUN, "closed", "nothing else", 5, 1, 0, 1),
    ]


def test_a_requirement_of_which_there_are_too_many_is_not_near() -> None:
    pattern = P(files=["a", Files("*.csv", min=1, max=2)])
    asked = pattern.files[1]
    missing = Missing("files[1]", asked, Closest(None, None, ("1.csv",), 3, None, (), (), False))
    report = CheckReport([CheckResult(Path("/lab"), pattern, False, (missing,), ())])
    assert [(each.missing, each.near) for each in report.by_requirement] == [(0, 0), (1, 0)]


def test_a_name_that_is_missing_is_counted() -> None:
    """No check tells of one, but `explain` does, and results may be made of it."""
    missing = Missing("directory_name", "run_*", None)
    report = CheckReport([result("run_1"), result("other", (missing,))])
    assert report.incomplete == 1
    assert report.by_requirement[-1] == (RUN, "directory_name", "run_*/", 1, 1, 0, 0)


def test_patterns_of_which_there_are_no_results_count_nothing() -> None:
    other = P("x", files=["a"])
    report = CheckReport([result("run_1")], patterns=[other, P("x", files=["a"])])
    assert [counts.pattern for counts in report.by_pattern] == [other, RUN]
    assert report.by_pattern[0] == (other, 0, 0, 0, 0)
    assert report.by_requirement[0] == (other, "files[0]", "a", 0, 0, 0, 0)
    assert CheckReport(patterns=other).candidates == 0


def test_equal_patterns_are_one() -> None:
    again = P.from_text(RUN.to_text())
    other = CheckResult(Path("/lab/run_2"), again, True, (), ())
    report = CheckReport([result("run_1"), other], patterns=[P("x"), again])
    assert [counts[1] for counts in report.by_pattern] == [0, 2]
    assert report.by_pattern[1].pattern is again


def test_nothing() -> None:
    report = CheckReport()
    assert repr(report) == "<CheckReport: 0 candidates, 0 complete, 0 incomplete, 0 unknown>"
    assert (report.by_pattern, report.by_requirement) == ([], [])
    assert (report.sources, report.errors, report.options) == ([], [], {})
    assert report.stats == Stats()


class Running:
    """What a running check has, which knows more at its end."""

    def __init__(self, results: list[CheckResult[Path]]) -> None:
        self.source = "/lab"
        self.patterns = [P("other"), RUN]
        self.errors: list[OSError] = []
        self.stats = Stats()
        self._results = results

    def __iter__(self) -> Iterator[CheckResult[Path]]:
        yield from self._results
        self.errors = [PermissionError(13, "Permission denied", "/lab/x")]
        self.stats = Stats(directories=3, errors=1)


def test_what_a_check_knows_at_its_end_is_taken_then() -> None:
    report = CheckReport(Running([result("run_1")]))
    assert report.sources == ["/lab"]
    assert [counts.pattern for counts in report.by_pattern] == [P("other"), RUN]
    assert [error.filename for error in report.errors] == ["/lab/x"]
    assert report.stats == Stats(directories=3, errors=1)


def test_counts_of_what_came_one_after_the_other() -> None:
    report = CheckReport()
    for threads in 3, 4, 2:
        report.extend([], stats=Stats(directories=5, skipped=2, threads=threads))
    assert report.stats == Stats(directories=15, skipped=6, threads=4)


def test_of_a_real_check(make: trees.Make, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = trees.tree("run_1/config.json", "run_2/Config.json", "run_3/x")
    spec.entries["loop"] = trees.Link(to="")
    top = make(spec).resolve()
    monkeypatch.chdir(top)
    options: dict[str, Any] = {"follow_links": True, "on_error": "ignore"}
    pattern = P("run_*", files=["config.json"])
    running = icheck(".", [pattern, P("other")], **options)
    report = CheckReport(running)
    assert report.sources == [str(top)]
    assert [error.filename for error in report.errors] == [str(top / "loop")]
    assert report.stats == running.stats
    assert report.stats.errors == 1
    assert [tuple(counts)[1:] for counts in report.by_pattern] == [(3, 1, 2, 0), (0, 0, 0, 0)]
    assert [tuple(counts)[1:] for counts in report.by_requirement] == [
        ("files[0]", "config.json", 1, 2, 1, 0)
    ]
    results = check(top, pattern, **options)
    assert sorted(map(str, json_of(report))) == sorted(map(str, json_of(CheckReport(results))))


def test_a_relative_source_is_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is read elsewhere."""
    monkeypatch.chdir(tmp_path)
    running = Running([])
    running.source = "lab"
    assert CheckReport(running).sources == [str(tmp_path.resolve() / "lab")]
    running.source = "memory://lab"
    assert CheckReport(running).sources == ["memory://lab"]


def test_checks_of_several_sources_add_up() -> None:
    report = CheckReport(Running([result("run_1")]), options={"max_depth": 3})
    report.extend(Running([result("run_2", (lacking("files[0]"),))]), source=Path("/other"))
    report.extend([], source=["the freezer", "memory://lab"], errors=[OSError("x")])
    assert report.sources == ["/lab", "/other", "the freezer", "memory://lab"]
    assert report.stats == Stats(directories=6, errors=2)
    assert len(report.errors) == 3
    assert (report.complete, report.incomplete) == (1, 1)
    assert report.options == {"max_depth": 3}
    assert report.version == __version__


def test_when_it_started() -> None:
    then = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)
    assert CheckReport(started=then).started is then
    before = datetime.datetime.now(datetime.UTC)

    at_first_result: list[datetime.datetime] = []

    def slow() -> Iterator[CheckResult[Path]]:
        at_first_result.append(datetime.datetime.now(datetime.UTC))
        yield result("run_1")

    started = CheckReport(slow()).started
    assert before <= started <= at_first_result[0]
    assert started.tzinfo is not None


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(TypeError, match="results must be an iterable of CheckResult, not str"):
        CheckReport(["/lab/run_1"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="patterns must be a FileStructurePattern or an iterable"):
        CheckReport(patterns="run_*")  # type: ignore[arg-type]


def test_changing_a_pattern_later_changes_nothing() -> None:
    pattern = P("run_*", files=["a"])
    missing = (Missing("files[0]", "a", None),)
    report = CheckReport([CheckResult(Path("/lab/run_1"), pattern, False, missing, ())])
    before = json_of(report), [each.requirement for each in report.by_requirement]
    pattern.files = ["b", "c"]
    assert (json_of(report), [each.requirement for each in report.by_requirement]) == before


def test_what_many_have_in_common_is_kept_once() -> None:
    def many() -> Iterator[CheckResult[Path]]:
        for number in range(10_000):
            missing = (lacking("files[0]", reason="case"),) if number % 2 else ()
            yield result(f"plate_{number // 1000}/run_{number}", missing)

    rows = CheckReport(many())._rows
    assert len(rows) == 10_000
    assert [kept.rows for kept in rows.lacks] == [5_000, 5_000]
    assert len(rows._places) == 10
    assert rows.lacks[1].text == lacks(((lacking("files[0]", reason="case"),), ()))
