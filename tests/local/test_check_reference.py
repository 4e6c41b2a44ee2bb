"""The reference of checks, held against itself and against answers written down by hand."""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given

import check_reference
import check_strategies
import reference
from check_reference import check_tree
from making_true import Home, assert_exact
from pats import Counted, Pat
from profiles import share
from reference import Tree
from strategies import Case
from trees import as_value


def d(*files: str, broke_off: bool = False, **dirs: Tree) -> Tree:
    return Tree(dirs, files, broke_off)


LOST = Tree(listed=False)
X = Pat("*", ("x",))


@pytest.mark.parametrize(
    ("tree", "pat", "answer"),
    [
        (d("one"), Pat("d", ("one", "two")), "missing files[1]"),
        (d("a"), Pat("d", ("a", Counted("b", 0))), "complete"),
        (d("one"), Pat("*", ("one", "two")), "missing files[1]"),
        # A pattern for any name is not looked for where nothing of it is there.
        (d("c"), Pat("*", ("a", "b")), None),
        (d("c"), Pat(("no", "*"), ("a", "b")), None),
        (d("one"), Pat("?", ("two",)), "missing files[0]"),
        (d("c"), Pat("e", ("c",)), None),
        (d("c"), Pat("*", forbidden_files=("c",)), "missing forbidden_files[0] (c)"),
        (d("c"), Pat("*", ("a", Counted("c", 0))), None),
        # Numbers, and what should not be there.
        (d("a", "b"), Pat("d", (Counted("*", 3),)), "missing files[0] (a b)"),
        (d("a", "b"), Pat("d", (Counted("*", 0, 1),)), "missing files[0] (a b)"),
        (d("a", "b"), Pat("d", ("a",), closed=True), "missing closed (b)"),
        # What would be so in any case is missing, though not all was read.
        (d("a", "b", broke_off=True), Pat("d", (Counted("*", 0, 1),)), "missing files[0] (a b)"),
        (d("a", broke_off=True), Pat("d", forbidden_files=("a",)),
         "missing forbidden_files[0] (a)"),
        (d("a", broke_off=True), Pat("d", closed=True), "missing closed (a)"),
        (d("a", broke_off=True), Pat("d", (Counted("*", 2),)), "unknown files[0] (a) unreadable ."),
        (d("a", broke_off=True), Pat("d", (Counted("*", 0, 1),)), "unknown files[0] (a)"),
        (d("one", broke_off=True), Pat("d", ("two",)), "unknown files[0] unreadable ."),
        (d(broke_off=True), Pat("d", closed=True), "unknown closed"),
        # Below.
        (d(a=LOST), Pat("d", (), (X,)),
         "unknown directories[0] unreadable a [unknown files[0]]"),
        (d(a=LOST), Pat("d", (), (Pat("a"),)), "complete"),
        (d(a=d("y", broke_off=True)), Pat("d", (), (Pat("a", (), (), (), (), ("y",)),)),
         "missing directories[0] name a [missing forbidden_files[0] (y)]"),
        # The scan counts what is uncertain, be it known that it is none.
        (d(a=d("y", broke_off=True)), Pat("d", forbidden_dirs=(Pat("a", (), (), (), (), ("y",)),)),
         "unknown forbidden_directories[0]"),
        (d(a=d("x"), b=d()), Pat("d", (), (Counted(X, 2),)),
         "missing directories[0] (a) name b [missing files[0]]"),
        # The closest: fewest, then first.
        (d(a=d(), b=d("one"), c=d("two")), Pat("d", (), (Pat("?", ("one", "two")),)),
         "missing directories[0] name b [missing files[1]]"),
        (d(a=d(), b=d()), Pat("d", (), ((Pat("b", ("x",)), Pat("a", ("y",))),)),
         "missing directories[0] name a [missing files[0]]"),
        # Names that are near.
        (d("A"), Pat("d", ("a",)), "missing files[0] case A"),
        (d("e\u0301"), Pat("d", ("\u00e9",)), "missing files[0] normal form e\u0301"),
        (d("confg"), Pat("d", ("config",)), "missing files[0] edit confg"),
        (d("ocnfig"), Pat("d", ("config",)), "missing files[0] edit ocnfig"),
        (d("ab", "A"), Pat("d", ("a",)), "missing files[0] case A"),
        (d(s=d("abc")), Pat("d", ("a*c",)), "missing files[0] below s/abc"),
        (d(abc=d()), Pat("d", ("abc",)), "missing files[0] directory abc"),
        (d("abc"), Pat("d", (), (Pat("abc"),)), "missing directories[0] file abc"),
        (d(s=d(abc=d())), Pat("d", (), (Pat("abc"),)), "missing directories[0] below s/abc"),
        (d(ABC=d()), Pat("d", (), (Pat("abc"),)), "missing directories[0] case ABC"),
    ],
)  # fmt: skip
def test_one_directory(tree: Tree, pat: Pat, answer: str | None) -> None:
    found = [this for this in check_tree(tree, "d", [pat], max_depth=0) if this.path == ""]
    assert [shown(this) for this in found] == ([] if answer is None else [answer])


def shown(this: check_reference.Checked) -> str:
    return _words(this.missing, this.unknown) or "complete"


def _words(missing: Any, unknown: Any) -> str:
    words = []
    for lacks, state in ((missing, "missing"), (unknown, "unknown")):
        for lack in lacks:
            words += [state, lack.place]
            words += [f"({' '.join(lack.found)})"] if lack.found else []
            words += [lack.reason, lack.path] if lack.reason else []
            if inside := _words(lack.missing, lack.unknown):
                words.append(f"[{inside}]")
    return " ".join(words)


TRIALS = {"few": 30, "quick": 50, "ci": 120, "nightly": 1_000, "long": 50_000}[
    os.environ.get("HYPOTHESIS_PROFILE", "ci")
]


def places_by_reference(tree: Tree, path: str, pattern: Pat) -> tuple[str, ...] | None:
    """What the reference calls missing of a directory of a tree."""
    name = path.rpartition("/")[2] or "src"
    node = reference.value_node(Home.of(tree).at(path).tree(), name)
    if not check_reference.is_candidate(node, pattern):
        return None
    return tuple(lack.place for lack in check_reference.checked(node, None, pattern).missing)


def test_what_the_reference_calls_missing_is_exact() -> None:
    came: Counter[str] = Counter()
    for seed in range(TRIALS):
        random = Random(seed)
        tree = check_strategies.random_tree(random)
        patterns = [check_strategies.random_pattern(random) for _ in range(2)]
        for this in check_tree(tree, "src", patterns):
            if this.missing:
                try:
                    result = assert_exact(
                        tree, this.path, this.pattern, this.missing, places_by_reference
                    )
                    came[result] += 1
                except BaseException as error:
                    error.add_note(f"seed {seed}: {this.path!r}, {this.pattern}")
                    raise
    # It is of no use if most of them cannot be made.
    assert came["made"] > came["no name"] + came["no way"] > 0, came


@share(0.5)
@given(check_strategies.cases())
def test_what_is_complete_is_what_a_scan_finds(case: Case) -> None:
    tree = as_value(case.world).dirs["src"]
    found = check_tree(tree, "src", case.patterns, exclude=case.exclude, max_depth=case.max_depth)
    assert {(this.path, this.pattern) for this in found if this.is_complete} == reference.scan_tree(
        tree, "src", case.patterns, exclude=case.exclude, max_depth=case.max_depth
    )
