"""`parents_of`: which directories a file may belong to, by the names of its path alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import make_pattern
from pathvein import FileStructurePattern as P
from pats import NameTest, Pat, Re, belonging_dirs, belonging_tests, counted, passes
from profiles import share
from strategies import PLAIN_NAMES, hard_text, plain_names

DATA = P("data", files=["*.parquet"], optional_files=["*.txt"])
RUN = P(
    "run_*",
    files=["config.json"],
    directories=[DATA],
    optional_files=["*.csv"],
    optional_directories=[P("logs", optional_files=["*"])],
)
LAB = P("lab*", directories=[RUN])
ANY = P(files=["*"], directories=[P(files=["*"], directories=[P(files=["*"])])])


def parents(pattern: P, file: Any, *parent: Any) -> list[str]:
    found = pattern.parents_of(file, *parent)
    assert isinstance(found, set)
    return sorted(str(path) for path in found)


#: What 0.9.0 gives: recorded from it.
AS_BEFORE: list[tuple[P, str, str, list[str]]] = [
    (DATA, "/x/lab1/run_1/data/a.parquet", "", ["/x/lab1/run_1/data"]),
    (RUN, "/x/lab1/run_1/data/a.parquet", "", ["/x/lab1/run_1"]),
    (LAB, "/x/lab1/run_1/data/a.parquet", "", ["/x/lab1"]),
    (DATA, "/x/lab1/run_1/config.json", "", []),
    (RUN, "/x/lab1/run_1/config.json", "", ["/x/lab1/run_1"]),
    (LAB, "/x/lab1/run_1/config.json", "", ["/x/lab1"]),
    (RUN, "/x/run_1/b.csv", "", ["/x/run_1"]),
    (LAB, "/x/run_1/b.csv", "", ["/x"]),
    (RUN, "/x/lab1/run_1/logs/a.csv", "", ["/x/lab1/run_1", "/x/lab1/run_1/logs"]),
    (LAB, "/x/lab1/run_1/logs/a.csv", "", ["/x/lab1"]),
    (RUN, "/x/data/n.txt", "", ["/x"]),
    (LAB, "/x/data/n.txt", "", []),
    (DATA, "data/a.parquet", "", ["data"]),
    (RUN, "/a.csv", "", ["/"]),
    (RUN, "x/../a.csv", "", ["x/.."]),
    (DATA, "/x/.hidden/data/.parquet", "", ["/x/.hidden/data"]),
    (RUN, "/x/.hidden/data/.parquet", "", ["/x/.hidden"]),
    (DATA, "/x/run_1/data/A.PARQUET", "", []),
    (RUN, "/x/a b/run_[1]/data/a.parquet", "", ["/x/a b/run_[1]"]),
    (ANY, "/a/b/c/d.txt", "", ["/a", "/a/b", "/a/b/c"]),
    (ANY, "a/b/c/d.txt", "", ["a", "a/b", "a/b/c"]),
    (P(files=["[!a]*", "[z-a]"]), "/q/w/ba", "", ["/q/w"]),
    (P(files=["a[b"]), "/q/w/a[b", "", ["/q/w"]),
    (P(files=["a*"]), "/q/w/a\nb", "", ["/q/w"]),
    (P(files=["**"]), "/q/w/a", "", ["/q/w"]),
    (DATA, "/x/run_1/data/a.parquet", "run_*", []),
    (RUN, "/x/run_1/data/a.parquet", "run_*", ["/x"]),
    (DATA, "/x/run_1/data/a.parquet", "run_*/data", ["/x"]),
    (RUN, "/x/run_1/config.json", "/run_*", ["/x"]),
    (RUN, "/x/run_1/config.json", "*", ["/x"]),
    (RUN, "/x/run_1/config.json", "**", ["/x"]),
]


@pytest.mark.parametrize(("pattern", "file", "parent", "expected"), AS_BEFORE)
def test_as_before(pattern: P, file: str, parent: str, expected: list[str]) -> None:
    assert parents(pattern, Path(file), Path(parent)) == expected
    if not parent:
        assert parents(pattern, Path(file)) == expected


def test_what_was_wrong_before() -> None:
    # "data" may be the directory that we are in, and its parent is not named.
    assert parents(DATA, Path("a.parquet")) == ["."]
    assert parents(RUN, Path("data/a.parquet")) == ["."]
    # None raised TypeError, "" lost a level.
    for name in (None, "", "*"):
        assert parents(P("x", directories=[P(name, ["a"])]), Path("/q/w/a")) == ["/q"]
    # No name holds a slash.
    assert parents(P("x", files=["w/a"]), Path("/q/w/a")) == []
    assert parents(P("x", directories=[P("q/w", ["a"])]), Path("/q/w/a")) == []
    # `..` is no directory of the one before.
    assert parents(P("x", directories=[P("*", ["a"])]), Path("/q/../a")) == []
    assert parents(P("x", ["a"]), Path("/q/../a"), Path("*")) == []


def test_files_that_have_no_name() -> None:
    for file in ("", ".", "..", "/", "/..", "a/.."):
        assert parents(P(files=["*"]), file) == []


def test_a_pattern_that_is_shared_is_looked_at_once() -> None:
    """Written out, it has 2**60 places."""
    pattern = P("d", files=["f"])
    for _ in range(60):
        between = P("?", directories=[pattern])
        pattern = P("d", directories=[pattern], optional_directories=[between])
    for directories in (30, 61, 121, 130):
        # Each of 60 patterns leads one or two directories down.
        above = [n for n in range(directories + 1) if 60 <= directories - n <= 120]
        found = parents(pattern, "/d" * directories + "/f")  # pytest would write the pattern out
        assert found == ["/d" * n or "/" for n in above]


def test_a_pattern_of_all_levels() -> None:
    pattern = P("d", files=["f"])
    for _ in range(127):
        pattern = P("d", directories=[pattern])
    assert parents(pattern, "d/" * 200 + "f") == ["/".join(["d"] * 73)]


def test_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*args: Any, **options: Any) -> Any:
        raise AssertionError("it was read")

    for name in ("stat", "lstat", "scandir", "listdir", "readlink", "open", "getcwd"):
        monkeypatch.setattr(os, name, read)
    found = parents(RUN, Path("run_1/data/a.parquet")), parents(RUN, Path("/x/run_1/data/a.txt"))
    monkeypatch.undo()
    assert found == (["run_1"], ["/x/run_1"])


def test_kinds() -> None:
    upath = pytest.importorskip("upath")

    class Mine(type(Path())):  # type: ignore[misc]
        """A path of the caller's."""

    class Like:
        def __fspath__(self) -> str:
            return "/lab/data/a.parquet"

    for file in ("/lab/data/a.parquet", Path("/lab/data/a.parquet"), Like()):
        [found] = DATA.parents_of(file)
        assert type(found) is type(Path())
        assert found == Path("/lab/data")
    [found] = DATA.parents_of(Mine("/lab/data/a.parquet"))
    assert type(found) is Mine
    [found] = DATA.parents_of(PurePosixPath("/lab/data/a.parquet"))
    assert type(found) is type(Path())

    url = "memory://lab/run_1/data/a.parquet"
    for remote in (url, upath.UPath(url)):
        assert RUN.parents_of(remote) == {upath.UPath("memory://lab/run_1")}
        assert RUN.parents_of(remote, "*") == {upath.UPath("memory://lab")}
        assert RUN.parents_of(remote, "*/*/*") == set()
    [found] = DATA.parents_of(upath.UPath("s3://bucket/a.parquet", anon=True))
    assert (str(found), found.storage_options) == ("s3://bucket/", {"anon": True})
    # The empty component is no directory.
    assert ANY.parents_of("s3://lab//a") == {upath.UPath("s3://lab//a").parent}


@pytest.mark.parametrize("file", [None, 3, ["a"], object()])
def test_wrong_types(file: Any) -> None:
    with pytest.raises(TypeError, match=r"^file must be str, os\.PathLike or UPath, not"):
        DATA.parents_of(file)
    with pytest.raises(TypeError, match=r"^parent must be str or os\.PathLike, not"):
        DATA.parents_of("a", file)


# Against a reference ------------------------------------------------------------------------


def places(pat: Pat) -> Iterator[tuple[NameTest, ...]]:
    """Each file test of a pattern, behind the tests of the directories that lead to it."""
    for test in belonging_tests(pat):
        yield (test,)
    for sub in belonging_dirs(pat):
        for place in places(sub):
            yield (sub.name or "*", *place)


def naive(pat: Pat, file: PurePosixPath, between: tuple[str, ...]) -> set[Path]:
    parts = file.parts[1:] if file.is_absolute() else file.parts
    found = set()
    for place in places(pat):
        tests = (*between, *place)
        names = parts[-len(tests) :]
        pairs = zip(names, tests, strict=False)
        fits = len(names) == len(tests) and ".." not in names
        if fits and all(passes(*pair) for pair in pairs):
            found.add(Path(*file.parts[: len(file.parts) - len(tests)]))
    return found


globs = st.one_of(
    st.sampled_from([*PLAIN_NAMES, "*", "?", "a*", "*.txt", "[ab]", "[!a]*", ""]),
    st.sampled_from(["*", "a", "b"]),
    hard_text,
)
names = st.one_of(plain_names, plain_names, st.sampled_from(["..", ".a", "\udcff", "a\nb", "[a]"]))
tests = st.one_of(
    globs,
    globs,
    st.sampled_from([Re("[ab]+"), Re(".*[.]txt"), ("a", "*.txt"), (Re("b"), "ab")]),
)
#: What a file need not pass to belong.
counts = st.sampled_from([(1, None), (1, None), (0, 1), (2, None), (0, 0)])


def some(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=2).map(tuple)


def pats_of(subs: st.SearchStrategy[Any]) -> st.SearchStrategy[Pat]:
    """Patterns with such sub-patterns."""
    required = st.one_of(subs, st.tuples(subs, subs))
    return st.tuples(
        st.one_of(st.none(), tests),
        some(st.builds(lambda test, count: counted(test, *count), tests, counts)),
        some(st.builds(lambda sub, count: counted(sub, *count), required, counts)),
        some(tests),
        some(subs),
        some(tests),
        some(subs),
        st.booleans(),
    ).map(lambda parts: Pat(*parts))


leaves = st.tuples(st.one_of(st.none(), tests), some(tests)).map(lambda parts: Pat(*parts))
patterns = st.recursive(leaves, pats_of, max_leaves=6)


@share(0.5)
@given(
    patterns,
    st.booleans(),
    st.lists(names, min_size=1, max_size=5),
    st.lists(st.sampled_from(["*", "a", "?", "[ab]*"]), max_size=2).map(tuple),
)
def test_against_a_reference(
    pat: Pat, absolute: bool, parts: list[str], between: tuple[str, ...]
) -> None:
    file = PurePosixPath("/" if absolute else "", *parts)
    pattern = make_pattern(pat)
    assert pattern.parents_of(Path(file), Path(*between)) == naive(pat, file, between)
    assert pattern.parents_of(str(file)) == naive(pat, file, ())
