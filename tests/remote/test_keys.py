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


def test_of_keys_that_may_be_missing_nothing_is_known_not_to_be_there() -> None:
    clean = FileStructurePattern("run_*", ["f"], forbidden_files=["FAILED"])
    found = FileStructurePattern("run_*", ["f"])
    keys = ["run_1/f", "run_2/f", "run_3/f"]

    def scan(tell: str, *, before: bool = False) -> set[tuple[str, int]]:
        scan = KeyScan([clean, found], "lab")
        whole = scan.whole()
        if before:
            scan.distrust()
        scan.keys(whole, keys)
        matches = scan.take()[0]
        if tell == "distrust":
            scan.distrust()
            scan.end(whole)
        elif tell == "break off":
            scan.break_off(whole)
        else:
            scan.end(whole)
        return {*matches, *scan.take()[0]}

    all_found = {(f"run_{n}", 1) for n in (1, 2, 3)}
    assert scan("end") == all_found | {(f"run_{n}", 0) for n in (1, 2, 3)}
    assert scan("break off") == all_found | {("run_1", 0), ("run_2", 0)}
    assert scan("distrust") == all_found | {("run_1", 0), ("run_2", 0)}
    assert scan("end", before=True) == all_found


@pytest.mark.parametrize("key", ["run_1//FAILED", "run_1/./FAILED", "run_1/../FAILED", "run_1//"])
def test_a_key_that_is_no_path_may_be_what_is_not_to_be_there(key: str) -> None:
    clean = FileStructurePattern("run_*", ["f"], forbidden_files=["FAILED"])
    scan = told(KeyScan([clean], "lab"), *sorted([key, "run_1/f", "run_2/f"]))
    assert scan.take() == ([("run_2", 0)], [key])


def test_a_walk_takes_no_notice() -> None:
    walk = KeyWalk()
    whole = walk.whole()
    walk.keys(whole, ["a/b"])
    walk.distrust()
    walk.break_off(whole)
    assert walk.take()[0] == [("a", [], ["b"]), ("", ["a"], [])]
