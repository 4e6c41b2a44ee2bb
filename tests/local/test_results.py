"""Results: what is made fast is what `Path` and `ScanResult` would have made."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pathvein import FileStructurePattern as P
from pathvein import ScanResult, _results, iscan, scan
from trees import Dir, Make, tree

PATTERNS = [P("a"), P("b")]
TEXTS = [
    "/",
    "/a",
    "/lab/run_1",
    "/lab/run_1/data.tar.gz",
    "/lab/run_1/..hidden.",
    "/lab/...",
    "/lab/ ",
    "/lab/new\nline\ttab",
    "/lab/caf\u00e9/\U0001f9ec",
    "/lab/\udcff\udc80",
    "/lab\\with\\backslashes/C:",
    "/" + "/".join(["deep"] * 2000),
    "/lab/" + "x" * 255,
    *(f"/lab/run_{i}" for i in range(50)),
]
FOUND = [(text, index % 2) for index, text in enumerate(TEXTS)]


def pathlib_makes_paths_by(slot: str) -> bool:
    return hasattr(Path, slot)


def ways() -> list[Any]:
    by_text = pytest.mark.skipif(not pathlib_makes_paths_by("_raw_paths"), reason="3.12 on")
    by_parts = pytest.mark.skipif(not pathlib_makes_paths_by("_parts"), reason="up to 3.11")
    return [
        pytest.param(_results.plain, id="plain"),
        pytest.param(_results._by_text, id="text", marks=by_text),
        pytest.param(_results._by_parts, id="parts", marks=by_parts),
    ]


def test_results_are_made_fast_here() -> None:
    """A Python that it does not work with costs speed only; one that is tested is to be known."""
    posix = sys.implementation.name == "cpython" and os.name == "posix"
    assert (_results.make_results is not _results.plain) == posix


@pytest.mark.parametrize("make", ways())
def test_results_are_what_they_would_be(make: Any) -> None:
    results = make(ScanResult, FOUND, PATTERNS)
    assert len(results) == len(FOUND)
    for (text, index), result in zip(FOUND, results, strict=True):
        usual = ScanResult(Path(text), PATTERNS[index])
        assert type(result) is ScanResult
        assert result.pattern is PATTERNS[index]
        assert type(result.source) is type(usual.source)
        # Each question is asked of a path of its own: answers are kept in the path.
        questions: list[Any] = [hash, str, repr, os.fspath, os.fsencode, lambda p: p.parts]
        for ask in questions:
            [(path, _)] = make(ScanResult, [(text, index)], PATTERNS)
            assert ask(path) == ask(usual.source)
        for attribute in (
            "name",
            "stem",
            "suffix",
            "suffixes",
            "parent",
            "root",
            "anchor",
            "drive",
        ):
            [(path, _)] = make(ScanResult, [(text, index)], PATTERNS)
            assert getattr(path, attribute) == getattr(Path(text), attribute)
        assert result == usual
        assert hash(result) == hash(usual)
        assert repr(result) == repr(usual)
        assert result._asdict() == {"source": Path(text), "pattern": PATTERNS[index]}
        assert {result} == {usual}


@pytest.mark.parametrize("make", ways())
@pytest.mark.parametrize("text", ["/", "/a", "/lab/run_1/\udcff"])
def test_paths_go_on_as_paths_do(make: Any, text: str) -> None:
    def path() -> Any:
        return make(ScanResult, [(text, 0)], PATTERNS)[0].source

    usual = Path(text)
    for again in (copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p)), Path):
        assert again(path()) == usual
        assert hash(again(path())) == hash(usual)
        assert str(again(path())) == text
    below = path() / "b" / "c.txt"
    assert (str(below), below.parts) == (str(usual / "b" / "c.txt"), (usual / "b/c.txt").parts)
    assert below.relative_to(path()) == Path("b/c.txt")
    assert path().joinpath("/other") == Path("/other")
    assert "/x" / path() == usual
    assert list(path().parents) == list(usual.parents)
    assert path().is_absolute()
    assert path() < below
    assert path().as_uri() == usual.as_uri()
    assert path().match("*") == usual.match("*")
    if usual.name:
        assert path().with_name("z") == usual.with_name("z")
        assert path().with_suffix(".z") == usual.with_suffix(".z")
    # Nothing that one path is asked for changes another, or the parts that they share.
    first, second = (result.source for result in make(ScanResult, [("/p/q", 0)] * 2, PATTERNS))
    assert first.parent.parts == second.parent.parts == ("/", "p")
    assert (first / "r").parts == ("/", "p", "q", "r")
    assert second.parts == ("/", "p", "q")


def test_results_survive_pickling(make: Make) -> None:
    top = make(tree("a/f", "b/f"))
    results = scan(top, P("?", ["f"]))
    assert pickle.loads(pickle.dumps(results)) == results
    assert copy.deepcopy(results) == results
    assert {result.source for result in results} == {Path(top, "a"), Path(top, "b")}


def test_a_path_that_is_the_root_of_the_file_system() -> None:
    [result] = scan("/", P(), max_depth=0)
    assert (result.source, hash(result.source), result.source.name) == (
        Path("/"),
        hash(Path("/")),
        "",
    )


#: How pathlib might be in another version: it works, and otherwise than is taken for granted.
OTHERS = [
    "PurePath.__hash__ = lambda self: hash(self.parts)",
    "PurePath.__str__ = lambda self: '//' + '/'.join(self.parts)",
    "PurePath.__eq__ = lambda self, other: self is other",
]
if hasattr(Path, "_raw_paths"):
    OTHERS += [
        "init = PurePath.__init__\n"
        "PurePath.__init__ = lambda self, *args: (init(self, *args), self.parts)[0]",
        "PurePath.__init__ = lambda self, *args: setattr(self, '_raw_paths', [*args, ''])",
    ]
if hasattr(Path, "_parts"):
    OTHERS += [
        "usual = PurePath._parse_args.__func__\n"
        "def parse(cls, args):\n"
        "    drive, root, parts = usual(cls, args)\n"
        "    return drive, root, tuple(parts)\n"
        "PurePath._parse_args = classmethod(parse)",
    ]


@pytest.mark.parametrize("change", OTHERS)
def test_where_pathlib_is_another_paths_are_made_as_usual(change: str) -> None:
    code = f"""
from pathlib import PurePath
{change}
from pathvein import _results
assert _results.make_results is _results.plain
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_usual_way_gives_the_same_scan(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    top = make(tree(*(f"d{i % 7}/e{i}/f" for i in range(100))))
    patterns = [P("d*", [], [P("e*", ["f"])]), P("e*")]
    fast = scan(top, patterns)
    monkeypatch.setattr(_results, "make_results", _results.plain)
    assert scan(top, patterns) == fast
    assert set(iscan(top, patterns)) == fast
    assert len(fast) == 107


@pytest.mark.parametrize("make", ways())
def test_memory_is_no_more_than_that_of_plain_results(make: Any) -> None:
    import gc
    import tracemalloc

    # Pathlib interns them. The table of all that is interned may double in size at any one.
    names = [sys.intern(f"run_{i:05}") for i in range(5000)]

    def size(make: Any) -> int:
        found = [(f"/lab/group_{i // 100}/{name}", 0) for i, name in enumerate(names)]
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        results: set[Any] = set()
        for begin in range(0, len(found), 100):
            results.update(make(ScanResult, found[begin : begin + 100], PATTERNS))
        del found
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(results) == 5000
        return after - before

    assert size(make) <= 1.1 * size(_results.plain)


@pytest.mark.parametrize("source", ["local", "memory"])
def test_results_sort_by_path_and_then_by_json(make: Make, source: str) -> None:
    top: Any = make(Dir({"b": Dir(), "a": Dir()}))
    if source == "memory":
        upath = pytest.importorskip("upath")
        top = upath.UPath("memory://sorted")
        for name in "ab":
            (top / name).mkdir(parents=True, exist_ok=True)
    found = scan(top, [P("[ab]"), P("?"), P(None), P("a", [])])
    rows = sorted(found)
    assert rows == sorted(found, key=lambda row: (str(row.source), row.pattern.to_json()))
    assert len(rows) == 8
    with pytest.raises(TypeError):
        sorted([P(), 1])  # type: ignore[type-var]
