"""check, icheck and explain on a disk: what the reference tells, in every detail."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import check_reference
import check_strategies
import pathvein
import reference
from check_compare import compare_results, told
from compare import by_index, make_pattern, make_patterns
from making_true import as_lacks, assert_exact
from profiles import share
from reference import Pat, Tree
from servers.store import as_spec
from strategies import Case
from trees import Dir, File, Link, Make, built, run_unprivileged, tree


def complete_rows(results: Any, patterns: list[Any]) -> list[tuple[str, int]]:
    """What is complete, as the results of a scan are compared."""
    found = [pathvein.ScanResult(r.source, r.pattern) for r in results if r.complete]
    return by_index(found, patterns)


def compare_check(case: Case, outermost: bool, near: int | None) -> None:
    """check and icheck against the reference, and what is complete against scan."""
    with built(case.world, fast=True) as top:
        source = top / "src"
        expected = check_reference.check_disk(source, case.patterns, **case.options)
        if outermost:
            expected = check_reference.outermost(expected)
        note(f"reference: {[told(this) for this in expected]}")
        patterns = make_patterns(case.patterns)
        options = {**case.options, "outermost": outermost, "on_error": "ignore"}
        found = pathvein.scan(source, patterns, **options)
        with pathvein.icheck(source, patterns, threads=case.threads, **options) as stream:
            results = list(stream)
        note(f"pathvein: {results}")
        # Below what is covered, and at the greatest depth, nothing is looked for.
        in_order = not outermost and case.max_depth is None
        compare_results(results, expected, case.patterns, patterns, in_order=in_order)
        assert complete_rows(results, patterns) == by_index(found, patterns)
        assert stream.stats.matches == len(found)
        few = pathvein.check(source, patterns, near=near, **options)
        asked = [this for this in expected if near is None or 1 <= len(this.missing) <= near]
        compare_results(few, asked, case.patterns, patterns, in_order=in_order)


@share(0.6)
@given(check_strategies.cases(), st.booleans(), st.sampled_from([None, 1, 2]))
def test_check(case: Any, outermost: bool, near: Any) -> None:
    compare_check(case, outermost, near)


@share(0.3)
@given(check_strategies.cases(unreadable=True), st.booleans())
def compare_unprivileged(case: Case, outermost: bool) -> None:
    compare_check(case, outermost, None)


def test_check_with_unreadable_directories() -> None:
    run_unprivileged(compare_unprivileged)


# Explanations ------------------------------------------------------------------------------


def states(findings: Any) -> dict[str, str]:
    """What became of each requirement that decides."""
    return {this.place: this.state for this in findings if not this.place.startswith("optional")}


def compare_explanations(case: Case) -> None:
    """explain of each directory against scan, the reference, and what check tells of it."""
    with built(case.world, fast=True) as top:
        source = top / "src"
        patterns = list(zip(case.patterns, make_patterns(case.patterns), strict=True))
        checked = {
            (os.fspath(result.source), id(result.pattern)): result
            for _, pattern in patterns
            for result in pathvein.check(source, pattern, on_error="ignore")
        }
        closed: list[OSError] = []
        for path, _, _ in os.walk(source, onerror=closed.append):
            for pat, pattern in patterns:
                explanation = pathvein.explain(path, pattern, on_error="ignore")
                found = pathvein.scan(path, pattern, max_depth=0, on_error="ignore")
                assert bool(explanation) is explanation.complete is (len(found) == 1)
                # It is read whatever its name.
                node = reference.read(path, [pat._replace(name="*")], max_depth=0)
                expected = {
                    item.place: check_reference.state(node, pat, item)
                    for item in check_reference.items_of(pat)
                }
                assert states(explanation.findings) == expected, (path, pat)
                result = checked.get((path, id(pattern)))
                if result is not None:
                    for some in ("missing", "unknown"):
                        here, there = getattr(explanation, some), getattr(result, some)
                        assert [m.place for m in here] == [m.place for m in there]
                        assert [found_of(m) for m in here] == [found_of(m) for m in there]

        for error in closed:
            with pytest.raises(PermissionError) as caught:
                pathvein.explain(error.filename, patterns[0][1])
            assert caught.value.filename == error.filename


def found_of(missing: Any) -> Any:
    """What is told of a requirement but for what is near: a check may look one level up."""
    closest = missing.closest
    if closest is None:
        return ((), 0, None)
    inside = (closest.path, closest.pattern) if closest.pattern is not None else None
    return (closest.found, closest.count, inside)


@share(0.3)
@given(check_strategies.cases())
def test_explain(case: Any) -> None:
    compare_explanations(case)


@share(0.15)
@given(check_strategies.cases(unreadable=True))
def explain_unprivileged(case: Case) -> None:
    compare_explanations(case)


def test_explain_with_unreadable_directories() -> None:
    run_unprivileged(explain_unprivileged)


# What is missing is exact ------------------------------------------------------------------

TRIALS = {"few": 15, "quick": 20, "ci": 40, "nightly": 400, "long": 20_000}[
    os.environ.get("HYPOTHESIS_PROFILE", "ci")
]


def places_of(value: Tree, path: str, pat: Pat) -> tuple[str, ...] | None:
    """The places of what check calls missing of a directory of the tree."""
    pattern = make_pattern(pat)
    with built(Dir({"src": as_spec(value)}), fast=True) as top:
        for result in pathvein.check(top / "src", pattern, on_error="raise"):
            if result.source == top / "src" / path:
                return tuple(missing.place for missing in result.missing)
    return None


def test_what_is_missing_is_exact() -> None:
    """Made, it makes the directory complete; all of it but one thing does not."""
    came: Counter[str] = Counter()
    first = Random().randrange(10**9) if TRIALS > 1000 else 0
    for seed in range(first, first + TRIALS):
        random = Random(seed)
        value = check_strategies.random_tree(random)
        pats = [check_strategies.random_pattern(random) for _ in range(2)]
        patterns = make_patterns(pats)
        with built(Dir({"src": as_spec(value)}), fast=True) as top:
            results = pathvein.check(top / "src", patterns, on_error="raise")
        for result in sorted(results, key=lambda result: str(result.source)):
            assert not result.unknown
            if result.missing:
                pat = pats[[pattern is result.pattern for pattern in patterns].index(True)]
                path = os.path.relpath(result.source, top / "src")
                path = "" if path == "." else path
                lacks = as_lacks(result.missing, pat)
                try:
                    came[assert_exact(value, path, pat, lacks, places_of)] += 1
                except BaseException as error:
                    error.add_note(f"seed {seed}: {path!r}, {pat}: {result}")
                    raise
    # It is of no use if most of them cannot be made.
    assert came["made"] > came["no name"] + came["no way"], came


def test_random_trees_in_bulk() -> None:
    """Plainer trees than those of Hypothesis, and more is near in them."""
    for seed in range(TRIALS * 2):
        random = Random(seed)
        value = check_strategies.random_tree(random)
        pats = [check_strategies.random_pattern(random) for _ in range(3)]
        with built(Dir({"src": as_spec(value)}), fast=True) as top:
            patterns = make_patterns(pats)
            results = pathvein.check(top / "src", patterns, on_error="raise")
            expected = check_reference.check_disk(top / "src", pats)
            try:
                compare_results(results, expected, pats, patterns)
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise


# What is there of the rest -----------------------------------------------------------------


def test_links_and_mount_points_that_are_not_entered(make: Make) -> None:
    world = Dir(
        {
            "src": Dir({"run_1": Dir({"data": Link(to="out"), "up": Link(to="src")})}),
            "out": Dir({"x": File()}),
        }
    )
    source = make(world) / "src"
    asked = pathvein.FileStructurePattern.from_text("run_*/{data/{x}, up/{y}}")
    [result] = pathvein.check(source, asked, on_error="ignore")
    assert near(result) == [("directories[0]", "link", "data"), ("directories[1]", "link", "up")]
    [result] = pathvein.check(source, asked, follow_links=True, on_error="ignore")
    assert near(result) == [("directories[1]", "not entered", "up")]


def near(result: Any) -> list[tuple[str, str | None, str | None]]:
    """What came closest to what is missing."""
    return [
        (m.place, m.closest and m.closest.reason, m.closest and m.closest.path)
        for m in result.missing
    ]


def test_nothing_is_told_from_above_the_source(make: Make) -> None:
    top = make(tree("a.csv", "run_1/b.txt"))
    asked = pathvein.FileStructurePattern("run_*", files=["a.csv"])
    [result] = pathvein.check(top, asked)
    assert near(result) == [("files[0]", "above", "../a.csv")]
    [result] = pathvein.check(top / "run_1", asked)
    assert near(result) == [("files[0]", None, None)]


def test_a_candidate_that_cannot_be_read_is_an_error_item_only() -> None:
    run_unprivileged(check_closed_directory)


def check_closed_directory() -> None:
    with built(Dir({"run_1": Dir({"a": File()}, mode=0), "run_2": Dir({"a": File()})})) as top:
        errors: list[OSError] = []
        asked = pathvein.FileStructurePattern("run_*", files=["a"])
        [result] = pathvein.check(top, asked, on_error=errors.append)
        assert (result.source, result.complete) == (top / "run_2", True)
        [error] = errors
        assert Path(error.filename) == top / "run_1"
        assert stat.S_IMODE(os.stat(top / "run_1").st_mode) == 0


@pytest.mark.parametrize("near", [0, -1, 1.5, "1"])
def test_near_takes_numbers_from_one(make: Make, near: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="near"):
        pathvein.check(make(Dir()), pathvein.FileStructurePattern(), near=near)
