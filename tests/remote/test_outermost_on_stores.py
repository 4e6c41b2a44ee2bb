"""The outermost matches on stores, listed flat and by directories: random trees, and requests."""

from __future__ import annotations

import asyncio
import random
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from pathvein_core import KeyScan

import flat_random
import pathvein
import reference
from cloud import Case, cases, rows
from compare import expected_rows, make_patterns
from flat_random import OddStore, Whims
from pathvein import FileStructurePattern, Stats, iscan
from profiles import share
from reference import Tree
from servers.store import Store
from trees import in_memory

pytestmark = [
    pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented"),
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
]


def outermost(found: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those above which nothing matches; the source is ``""``."""
    matched = {path for path, _ in found}

    def is_outermost(path: str) -> bool:
        above = {"" if str(p) == "." else str(p) for p in PurePosixPath(path).parents}
        return not (above - {path}) & matched

    return [(path, pattern) for path, pattern in found if is_outermost(path)]


STORES = ["memory", "s3-stub", "zip"]


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_random_trees(store: Store) -> None:
    @share(store.share)
    @given(cases(store, twins=False))
    def run(case: Case) -> None:
        answer = reference.scan_tree(case.value, "src", case.patterns, **case.options)
        expected = outermost(expected_rows(answer, case.patterns))
        patterns = make_patterns(case.patterns)
        with store.tree(case.value) as place:
            options: dict[str, Any] = {**case.options, "on_error": "raise", "outermost": True}
            found = pathvein.scan(place.upath, patterns, **options)
            assert rows(found, place.upath, patterns) == expected

    run()


def test_random_keys_of_odd_stores() -> None:
    """Whatever is skipped, and in whatever order ranges are listed."""
    for seed in range(150):
        source = random.Random(seed)
        keys = [
            key
            for key in flat_random.random_keys(source)
            if not {*key.rstrip("/").split("/")} & {*flat_random.BAD}
        ]
        make = source.choice([flat_random.random_patterns, flat_random.patterns_that_say_more])
        patterns, depth = make(source), source.choice([None, None, 0, 1, 2])
        limit = source.choice([1, 3, 10])
        whims = Whims(limit=limit, page_size=limit, can_start=source.random() < 0.8)
        store = OddStore(keys, whims, random.Random(seed))
        every, _ = flat_random.in_one_go(keys, KeyScan(patterns, "src", depth))
        scan = KeyScan(patterns, "src", depth, outermost=True)
        found, _, failures = asyncio.run(flat_random.listed(store, scan, source.choice([1, 6])))
        assert not failures, seed
        assert sorted(found) == sorted(outermost(every)), seed


def many(directories: int) -> Tree:
    """Projects with many directories, each of which is one, too."""
    inner = Tree(files=("pyproject.toml",), dirs={"src": Tree(files=("x.py",))})
    dirs = {f"d{number:03}": inner for number in range(directories)}
    whole = Tree(files=("pyproject.toml",), dirs={**dirs, "src": Tree(files=("x.py",))})
    return Tree(dirs={f"p{number}": whole for number in range(4)})


PATTERNS = [
    FileStructurePattern("*", files=["pyproject.toml"]),
    FileStructurePattern("*", files=["pyproject.toml"], directories=["src"]),
    FileStructurePattern("*", directories=[FileStructurePattern("src", files=["*.py"])]),
]


def counts(source: Any, pattern: FileStructurePattern, **options: Any) -> tuple[int, Stats]:
    with iscan(source, pattern, on_error="raise", **options) as stream:
        return len(list(stream)), stream.stats


@pytest.mark.parametrize("pattern", PATTERNS)
def test_which_directories_are_listed(pattern: FileStructurePattern) -> None:
    with in_memory(many(50)) as source:
        found, stats = counts(source, pattern, outermost=True)
        # The source, four projects, and in each `src`.
        assert (found, stats.directories <= 9) == (4, True)


# (The file that the third asks for is the last key of its project.)
@pytest.mark.parametrize("pattern", PATTERNS[:2])
def test_which_keys_are_listed(pattern: FileStructurePattern) -> None:
    keys = [
        f"p{number}/{key}"
        for number in range(4)
        for key in ["pyproject.toml", "src/x.py"]
        + [f"src/d{n:04}/{key}" for n in range(1500) for key in ["pyproject.toml", "src/x.py"]]
    ]
    stores = []
    for options in ({}, {"outermost": True}):
        scan = KeyScan([pattern], "lab", **options)  # type: ignore[arg-type]
        store = OddStore(sorted(keys), Whims(limit=100, page_size=100))
        found, _, failures = asyncio.run(flat_random.listed(store, scan, 1))
        assert not failures
        stores.append((len(found), store.requests))
    (_, every), (count, few) = stores
    assert count == 4
    assert few < every / 4
