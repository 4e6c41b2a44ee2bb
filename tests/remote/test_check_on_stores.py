"""check and explain on stores, listed flat and by directories: what the reference tells."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import check_reference
import check_strategies
import pathvein
from check_compare import compare_results, told
from cloud import Case, below, cases, rows
from compare import make_patterns
from profiles import share
from reference import Tree
from servers.list_stub import Fault, ListStub
from servers.store import Store, keys_of
from trees import as_value

pytestmark = [
    pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented"),
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
]


@st.composite
def check_cases(draw: Any, store: Store) -> Case:
    """Much is changed in a tree that the store can hold."""
    case: Case = draw(cases(store, twins=False))
    value = as_value(draw(check_strategies.disturbed(case.spec)))
    return case._replace(value=value) if can_hold(store, value) else case


def can_hold(store: Store, value: Tree) -> bool:
    names = [*value.files, *value.dirs]
    return all(store.can_hold(name) for name in names) and all(
        can_hold(store, sub) for sub in value.dirs.values()
    )


def compare(place: Any, case: Case, outermost: bool, in_order: bool) -> None:
    source, patterns = place.upath, make_patterns(case.patterns)
    expected = check_reference.check_tree(case.value, "src", case.patterns, **case.options)
    if outermost:
        expected = check_reference.outermost(expected)
    note(f"reference: {[told(this) for this in expected]}")
    options: dict[str, Any] = {**case.options, "outermost": outermost, "on_error": "raise"}
    results = pathvein.check(source, patterns, **options)
    note(f"pathvein: {results}")
    compare_results(
        results,
        expected,
        case.patterns,
        patterns,
        lambda path: below(path, source),
        in_order=in_order,
    )
    found = pathvein.scan(source, patterns, **options)
    complete = [pathvein.ScanResult(r.source, r.pattern) for r in results if r.complete]
    assert rows(complete, source, patterns) == rows(found, source, patterns)


def compare_explanations(place: Any, case: Case) -> None:
    """explain of some directories, which are their own sources."""
    for rel, value in walk(case.value)[:3]:
        source = place.below(rel).upath if rel else place.upath
        for pat, pattern in zip(case.patterns, make_patterns(case.patterns), strict=True):
            name = rel.rpartition("/")[2] or "src"
            checked = check_reference.check_tree(value, name, [pat], max_depth=0)
            explanation = pathvein.explain(source, pattern, on_error="raise")
            found = pathvein.scan(source, pattern, max_depth=0, on_error="raise")
            assert bool(explanation) is (len(found) == 1)
            for this in checked:
                places = [lack.place for lack in this.missing]
                assert [missing.place for missing in explanation.missing] == places


def walk(value: Tree, rel: str = "") -> list[tuple[str, Tree]]:
    found = [(rel, value)]
    for name, sub in value.dirs.items():
        found += walk(sub, f"{rel}/{name}" if rel else name)
    return found


@pytest.mark.parametrize("store", ["memory", "s3-stub", "zip"], indirect=True)
def test_check(store: Store) -> None:
    @share(store.share)
    @given(check_cases(store), st.booleans())
    def run(case: Case, outermost: bool) -> None:
        with store.tree(case.value) as place:
            # Below what is covered, nothing is looked for.
            compare(place, case, outermost, store.name != "s3-stub" and not outermost)

    run()


@pytest.mark.parametrize("store", ["memory", "s3-stub"], indirect=True)
def test_explain(store: Store) -> None:
    @share(store.share / 4)
    @given(check_cases(store))
    def run(case: Case) -> None:
        with store.tree(case.value) as place:
            compare_explanations(place, case)

    run()


def test_directories_that_may_not_be_listed(stub: ListStub) -> None:
    """What is there is told, what is not read is unknown, and nothing is called missing for it."""
    for seed in range(12):
        random = Random(seed)
        value = check_strategies.random_tree(random)
        pats = [check_strategies.random_pattern(random) for _ in range(2)]
        denied = [rel for rel, sub in walk(value) if rel and (sub.files or sub.dirs)]
        denied = random.sample(denied, min(len(denied), random.choice([1, 2])))
        faults = [Fault("denied", prefix=f"src/{rel}/") for rel in denied]
        # (Of the whole bucket no listing is let through, so that each is listed by itself.)
        faults.append(Fault("denied", flat=True))
        bucket = stub.bucket(keys_of(value, "src/"), faults=faults)
        source = f"{bucket.url}/src"
        options: dict[str, Any] = {"storage_options": bucket.options, "on_error": "ignore"}
        patterns = make_patterns(pats)
        results = pathvein.check(source, patterns, **options)
        expected = check_reference.check_tree(without(value, denied), "src", pats)
        compare_results(
            results,
            expected,
            pats,
            patterns,
            lambda path: str(path.path).partition("/src")[2].strip("/"),
            in_order=False,
        )
        everything = check_reference.check_tree(value, "src", pats)
        missing = {(this.path, this.pattern): this.missing for this in everything}
        for this in expected:
            places = {lack.place for lack in missing.get((this.path, this.pattern), ())}
            assert {lack.place for lack in this.missing} <= places


def without(value: Tree, denied: list[str], rel: str = "") -> Tree:
    """The tree as far as it can be read."""
    if any(rel == one or rel.startswith(f"{one}/") for one in denied):
        return Tree(listed=False)
    dirs = {
        name: without(sub, denied, f"{rel}/{name}" if rel else name)
        for name, sub in value.dirs.items()
    }
    return Tree(dirs, value.files)
