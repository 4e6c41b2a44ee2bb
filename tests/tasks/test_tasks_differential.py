"""Random trees, patterns and options: an executor that does what it likes gives what one process
gives."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from hypothesis import given, note
from hypothesis import strategies as st

import check_strategies
import pathvein
import strategies
from compare import items, make_patterns
from executors import Unruly
from profiles import share
from strategies import Case
from trees import built, run_unprivileged


class Given(NamedTuple):
    """What a scan or a check gave."""

    results: list[Any]
    errors: list[Any]
    stats: pathvein.Stats

    @property
    def counts(self) -> tuple[int, ...]:
        """What does not depend on who scans."""
        stats = self.stats
        listed = stats.directories + stats.skipped
        return (listed, stats.matches, stats.errors, stats.hidden_by_links)


def given_by(kind: Any, source: Any, patterns: list[Any], **options: Any) -> Given:
    """What `iscan` or `icheck` gives, in an order of its own."""
    with kind(source, patterns, on_error="ignore", **options) as stream:
        results = list(stream)
    places = {id(pattern): index for index, pattern in enumerate(patterns)}
    results.sort(key=lambda result: (str(result.source), places[id(result.pattern)]))
    return Given(results, items(stream.errors), stream.stats)


def compare(kind: Any, case: Case, outermost: bool, seed: int) -> None:
    """One process and an executor, which get the same."""
    patterns = make_patterns(case.patterns)
    options = {**case.options, "outermost": outermost, "threads": case.threads}
    with built(case.world, fast=True) as top:
        source = top / "src"
        one = given_by(kind, source, patterns, **options)
        with Unruly(Random(seed)) as executor:
            many = given_by(kind, source, patterns, executor=executor, **options)
    note(f"one process: {one}\nan executor: {many}")
    if outermost:
        # What is entered depends on what is found first, and so do its errors. A directory that is
        # not complete is not looked at below one that is.
        results = [
            [(this.source, this.pattern) for this in given.results if getattr(this, "complete", 1)]
            for given in (one, many)
        ]
        assert results[0] == results[1]
        return
    assert many.results == one.results
    assert [type(this.source) for this in many.results] == [
        type(this.source) for this in one.results
    ]
    assert many.errors == one.errors
    assert many.counts == one.counts


seeds = st.integers(0, 2**32)


@share(0.4)
@given(strategies.cases(), st.booleans(), seeds)
def test_scan(case: Any, outermost: bool, seed: int) -> None:
    compare(pathvein.iscan, case, outermost, seed)


@share(0.3)
@given(check_strategies.cases(), st.booleans(), seeds)
def test_check(case: Any, outermost: bool, seed: int) -> None:
    compare(pathvein.icheck, case, outermost, seed)


@share(0.15)
@given(strategies.cases(unreadable=True), st.booleans(), seeds)
def compare_scans(case: Case, outermost: bool, seed: int) -> None:
    compare(pathvein.iscan, case, outermost, seed)


@share(0.15)
@given(check_strategies.cases(unreadable=True), st.booleans(), seeds)
def compare_checks(case: Case, outermost: bool, seed: int) -> None:
    compare(pathvein.icheck, case, outermost, seed)


def test_scan_with_unreadable_directories() -> None:
    run_unprivileged(compare_scans)


def test_check_with_unreadable_directories() -> None:
    run_unprivileged(compare_checks)
