"""The binding of `KeyScan` and `KeyWalk`: scans and walks of keys told in sorted order.

What it answers is held against the naive reference in Rust (crates/core/tests/random.rs) and,
through real listings, by the tests of remote stores.
"""

from __future__ import annotations

from typing import TypeVar

import pytest
from pathvein_core import ExcludeRules, FileStructurePattern, KeyScan, KeyWalk

RUN = FileStructurePattern("run_*", directories=[FileStructurePattern("data", files=["*.parquet"])])

K = TypeVar("K", KeyScan, KeyWalk)


def told(keyed: K, *keys: str) -> K:
    """Everything told in one range."""
    keyed.keys(keyed.whole(), list(keys))
    keyed.end(keyed.whole())
    return keyed


def test_a_match_comes_as_soon_as_its_directory_is_behind() -> None:
    scan = KeyScan([RUN], "lab")
    whole = scan.whole()
    scan.keys(whole, ["run_1/data/a.parquet"])
    assert scan.take() == ([], [])
    scan.keys(whole, ["run_10/x"])
    assert scan.take() == ([("run_1", 0)], [])
    scan.end(whole)
    assert scan.take() == ([], [])
    assert scan.counts() == (4, 5, 2)


def test_a_directory_told_in_two_ranges_is_one() -> None:
    scan = KeyScan([RUN], "lab")
    whole = scan.whole()
    rest = scan.split(whole, "run_1/data/m")
    scan.keys(rest, ["run_1/data/z.parquet", "zoo"])
    scan.end(rest)
    assert scan.take() == ([], [])
    scan.keys(whole, ["run_1/a.txt", "run_1/data/a.txt"])
    scan.end(whole)
    assert scan.take() == ([("run_1", 0)], [])


def test_the_source_is_a_candidate_and_markers_are_no_files() -> None:
    anything = FileStructurePattern("lab", files=["*"])
    assert told(KeyScan([anything], "lab"), "", "a/", "b").take() == ([("", 0)], [])
    assert told(KeyScan([anything], "lab"), "", "a/").take() == ([], [])
    assert told(KeyWalk(), "", "a/").take()[0] == [("a", [], []), ("", ["a"], [])]


def test_file_and_directory_of_one_name() -> None:
    assert told(KeyWalk(), "a", "a/b").take()[0] == [("a", [], ["b"]), ("", ["a"], ["a"])]


def test_keys_that_are_no_path_are_told_once_for_each_directory() -> None:
    keys = ["/x", "a//b", "a//c", "a/./d", "a/..", "a/b"]
    walked, bad = told(KeyWalk(), *sorted(keys)).take()
    assert walked == [("a", [], ["b"]), ("", ["a"], [])]
    assert bad == ["/x", "a/..", "a/./d", "a//b"]


def test_what_is_not_wanted_may_be_left_out() -> None:
    scan = KeyScan([RUN], "lab", None, ExcludeRules(["raw/"]))
    whole = scan.whole()
    scan.keys(whole, ["raw/2020/a.csv"])
    assert scan.skip(whole) == "raw/"
    assert scan.prefix(whole, "run_1/")
    assert scan.skip(whole) is None
    shallow = KeyScan([FileStructurePattern("*", files=["*.csv"])], "lab", 0)
    assert not shallow.prefix(shallow.whole(), "a/")
    assert shallow.skip(shallow.whole()) == "a/"


def test_what_cannot_be_is_a_value_error_and_nothing_of_it_counts() -> None:
    walk = KeyWalk()
    whole = walk.whole()
    rest = walk.split(whole, "m")
    for keys in (["b", "a"], ["b", "b"], ["a", "m"], ["\udc80"]):
        with pytest.raises(ValueError, match=r"out of order|surrogates"):
            walk.keys(whole, keys)
    with pytest.raises(ValueError, match='"a"'):
        walk.keys(rest, ["a"])
    walk.keys(whole, ["c"])
    for at in ("", "c", "m", "z"):
        with pytest.raises(ValueError, match="cut"):
            walk.split(whole, at)
    with pytest.raises(ValueError, match="slash"):
        walk.prefix(whole, "d")
    walk.end(whole)
    walk.end(whole)
    with pytest.raises(ValueError, match="ended"):
        walk.keys(whole, ["d"])
    walk.end(rest)
    assert walk.take() == ([("", [], ["c"])], [])
    assert walk.counts() == (1, 1, 1)
