"""Scans of keys: forms of keys, their sources, and what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pandas
import pyarrow
import pytest
from upath import UPath

from pathvein import FileStructurePattern, Stats, check_keys, iscan_keys, scan_keys
from pathvein._keys import sorting

RUN = FileStructurePattern("run_*", files=["*.csv"])
#: Names of every odd kind.
ODD = [
    b"new\nline",
    b"caf\xe9",
    b"%41",
    b"quo'te\"",
    b" ",
    b"\xf0\x9f\x8e\x84",
    b"-",
    b"a+b",
    b"\\",
]


def sources(results: Any) -> set[Any]:
    return {result.source for result in results}


def test_names_of_every_odd_kind() -> None:
    keys = [b"run_%s/%s.csv" % (name, name) for name in ODD]
    found = sources(scan_keys(keys, RUN, source="lab"))
    assert {bytes(path) for path in found} == {b"lab/run_" + name for name in ODD}
    assert sources(scan_keys([key.decode(errors="surrogateescape") for key in keys], RUN)) == {
        PurePosixPath(path.relative_to("lab")) for path in found
    }


COLUMNS = {
    "list": lambda keys: keys,
    "generator": iter,
    "string": lambda keys: pyarrow.array(keys),
    "string_view": lambda keys: pyarrow.array(keys, pyarrow.string_view()),
    "large_string, cut": lambda keys: pyarrow.array(["x", *keys], pyarrow.large_string())[1:],
    "fixed": lambda keys: pyarrow.array([k.encode() for k in keys], pyarrow.binary(12)),
    "pandas objects": lambda keys: pandas.Series(keys, dtype=object),
    "pandas strings": lambda keys: pandas.Series(keys, dtype="string"),
    "pandas Arrow": lambda keys: pandas.Series(keys, dtype=pandas.ArrowDtype(pyarrow.string())),
    "pandas categories": lambda keys: pandas.Series(keys, dtype="category"),
    "pandas index": lambda keys: pandas.Index(keys),
    "polars": lambda keys: _polars().Series(keys),
    "polars objects": lambda keys: _polars().Series(keys, dtype=_polars().Object),
    "polars categories": lambda keys: _polars().Series(keys, dtype=_polars().Categorical),
}


def _polars() -> Any:
    """There is none for free-threaded CPython."""
    return pytest.importorskip("polars")


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("in_order", [False, True])
def test_columns(kind: str, in_order: bool) -> None:
    keys = ["run_1/é.csv", "run_2/é.txt", "run_3/é.csv"]
    found = scan_keys(COLUMNS[kind](keys), RUN, in_order=in_order)
    assert sources(found) == {PurePosixPath("run_1"), PurePosixPath("run_3")}


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        ("run_1", TypeError, "keys must be an iterable"),
        (5, TypeError, "keys must be an iterable"),
        ([5], TypeError, "a key must be str or bytes, not int"),
        (["\ud800"], UnicodeEncodeError, "surrogates"),
        (pyarrow.array([1]), TypeError, "not of int64"),
        (pyarrow.array(["a", None]), ValueError, "null"),
        (pandas.Series(["a", None], dtype="string"), ValueError, "null"),
        (pandas.Series(["a", None], dtype=object), TypeError, "a key must be"),
        (pyarrow.array(["a", None]).dictionary_encode(), ValueError, "null"),
        (["/a", "b"], ValueError, "number 2 has no / in front"),
        (["./a", "/b"], ValueError, "number 2 has a / in front"),
    ],
)
def test_what_are_no_keys(keys: Any, error: type[Exception], text: str) -> None:
    for in_order in (False, True):
        with pytest.raises(error, match=text):
            scan_keys(keys, RUN, in_order=in_order)


def test_null_of_polars_is_no_key() -> None:
    with pytest.raises(ValueError, match="null"):
        scan_keys(_polars().Series(["a", None]), RUN)


@pytest.mark.parametrize(
    ("front", "source", "top"),
    [
        ("", None, PurePosixPath()),
        ("./", None, PurePosixPath()),
        ("/", None, PurePosixPath("/")),
        ("", "lab", Path("lab")),
        ("./", Path("../lab"), Path("../lab")),
        ("/", "/", Path("/")),
        ("/", "file:///", UPath("file:///")),
        ("", "s3://bucket/lab", UPath("s3://bucket/lab")),
        ("./", UPath("memory://lab"), UPath("memory://lab")),
    ],
)
def test_sources(front: str, source: Any, top: Any) -> None:
    keys = [f"{front}run_1/a.csv", f"{front}b.csv"]
    any_name = FileStructurePattern(files=["*.csv"])
    found = sources(scan_keys(keys, any_name, source=source))
    assert found == {top, top / "run_1"}
    assert {type(path) for path in found} == {type(top)}


def test_the_name_of_the_source() -> None:
    lab = FileStructurePattern("lab", files=["*"])
    assert sources(scan_keys(["a"], lab, source="x/lab")) == {Path("x/lab")}
    assert sources(scan_keys(["a"], lab, source="s3://bucket/lab")) == {UPath("s3://bucket/lab")}
    assert scan_keys(["a"], lab) == set()


def test_a_source_that_keys_are_not_below() -> None:
    for source in ("lab", "file:///lab"):
        with pytest.raises(ValueError, match=f"their source is the root and not '{source}'"):
            scan_keys(["/a"], RUN, source=source)
    with pytest.raises(ValueError, match="storage_options are for URLs"):
        scan_keys([], RUN, source="lab", storage_options={"anon": True})


def test_keys_that_are_no_paths() -> None:
    keys = ["run_1//x", "run_1/a.csv", "run_1/b//y", "run_2/../a.csv", "run_3/."]
    none_left_out = FileStructurePattern("run_*", forbidden_files=["z"])
    with iscan_keys(keys, [RUN, none_left_out], source="lab", on_error="ignore") as results:
        assert sources(results) == {Path("lab/run_1")}
    assert [error.filename for error in results.errors] == [
        *("lab/run_1//", "lab/run_1/b//", "lab/run_2/..", "lab/run_3/.")
    ]
    assert "an empty component" in str(results.errors[0])
    with iscan_keys(["../lab/a", "../lab/b"], RUN, on_error="ignore") as results:
        assert list(results) == []
    [error] = results.errors
    assert error.filename == ".."
    assert "list the tree by an absolute path" in str(error)
    with iscan_keys(["/a"], RUN, source="s3://bucket", on_error="ignore") as results:
        assert list(results) == []
    assert [error.filename for error in results.errors] == ["s3://bucket//"]


def test_implied_directories() -> None:
    # In the order of bytes, "a-b" and "a.c" are between "a" and "a/x".
    keys = ["a", "a-b", "a-b/y", "a.c", "a/x", "a/x/z", "b"]
    closed = FileStructurePattern(
        directories=[FileStructurePattern("a"), FileStructurePattern("a-b")],
        files=["a.c", "b"],
        closed=True,
    )
    assert sources(scan_keys(keys, closed, in_order=True, implied=True)) == {PurePosixPath()}
    assert scan_keys(keys, closed, in_order=True) == set()
    # What is told last may be a directory still: it is a file only at the end.
    with iscan_keys(keys, closed, in_order=True, implied=True) as results:
        assert len(list(results)) == 1
    assert (results.stats.keys, results.stats.matches) == (7, 1)


def test_results_come_while_keys_are_read() -> None:
    taken = 0

    def keys() -> Iterator[str]:
        nonlocal taken
        for taken in range(10**6):
            yield f"run_{taken:07}/a.csv"

    with iscan_keys(keys(), RUN, in_order=True) as results:
        assert next(results).source == PurePosixPath("run_0000000")
        assert taken < 10**5


def test_what_the_iterable_raises() -> None:
    def keys() -> Iterator[str]:
        yield "a"
        raise OSError("broken")

    for in_order in (True, False):
        with pytest.raises(OSError, match="broken"):
            scan_keys(keys(), RUN, in_order=in_order)


def test_sorting_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sorting, "_MOST_KEYS", 1000)
    names = [f"./run_{number:05}" for number in range(20_000)]
    keys = [f"{name}/{end}.csv" for end in "ba" for name in names]
    seen: list[Stats] = []
    found = scan_keys(
        keys, RUN, memory_limit="200MB", temporary_directory=tmp_path, progress=seen.append
    )
    assert sources(found) == set(map(PurePosixPath, names))
    assert seen[-1].keys == len(keys)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "pathvein._inventories.sorting", raising=False)
    with pytest.raises(ImportError, match=r"pathvein\[inventory\]', if they are not in order"):
        scan_keys(keys, RUN)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"memory_limit": "much"}, ValueError, 'memory_limit must be like "1GB"'),
        ({"memory_limit": 1.5}, TypeError, "memory_limit must be int, str or None, not float"),
        ({"temporary_directory": 7}, TypeError, "temporary_directory must be str or os.PathLike"),
    ],
)
@pytest.mark.parametrize("in_order", [False, True])
def test_wrong_arguments(
    options: dict[str, Any], error: type[Exception], text: str, in_order: bool
) -> None:
    with pytest.raises(error, match=text):
        iscan_keys(["a"], RUN, in_order=in_order, **options)


def test_a_memory_limit_for_a_few_keys_needs_nothing_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "pathvein._inventories.sorting", raising=False)
    assert len(scan_keys(["run_1/a.csv"], RUN, memory_limit="1GB")) == 1


def test_checks() -> None:
    keys = [b"./run_1/a.CSV", b"./run_2/a.csv", b"./run_3/"]
    told = {str(result.source): result for result in check_keys(keys, RUN)}
    assert {name: result.complete for name, result in told.items()} == {
        "run_1": False,
        "run_2": True,
        "run_3": False,
    }
    assert str(told["run_1"]) == "run_1: *.csv (a.CSV differs in case)"
    assert [r.source for r in check_keys(keys, RUN, near=1)] == [
        *map(PurePosixPath, ("run_1", "run_3"))
    ]
