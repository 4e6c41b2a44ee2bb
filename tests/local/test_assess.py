"""`assess`: the matches that a file belongs to."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathvein
import pats
import reference
import strategies
from compare import by_index, first_of, make_patterns
from pathvein import FileStructurePattern as P
from pathvein import ScanResult, assess, scan
from pathvein._listing import list_local
from profiles import share
from reference import Pat, Tree
from trees import Dir, File, Link, Make, as_value, built, in_memory, run_unprivileged, tree

# A reference --------------------------------------------------------------------------------


def entries(path: str) -> tuple[list[str], list[str]]:
    """The directories of a directory that are no links, and the names of its other entries but
    links to directories."""
    names = os.listdir(path)
    inner = [name for name in names if os.path.isdir(os.path.join(path, name))]
    real = [name for name in inner if not os.path.islink(os.path.join(path, name))]
    return real, [name for name in names if name not in inner]


def matches(path: str, pat: Pat) -> bool:
    """Whether a directory matches."""
    listing = reference.read_listing(path)
    return reference.matches(path, list(listing.dirs), listing.files, pat)


def belonging(path: str, pat: Pat) -> Iterator[str]:
    """The files that belong to a match, by their paths."""
    dirs, files = entries(path)
    for file in files:
        if any(pats.passes(file, test) for test in pats.belonging_tests(pat)):
            yield os.path.join(path, file)
    for name in dirs:
        below = os.path.join(path, name)
        for sub in pats.belonging_dirs(pat):
            if matches(below, sub):
                yield from belonging(below, sub)


def files_of(top: str) -> Iterator[str]:
    """Every file of a tree."""
    for here, dirs, files in os.walk(top):
        yield from (os.path.join(here, name) for name in files)
        yield from (os.path.join(here, n) for n in dirs if os.path.islink(os.path.join(here, n)))


@st.composite
def loosened(draw: Any, pat: Pat) -> Pat:
    """The pattern with some requirements made optional, and some that are both."""
    dirs, optional_dirs = [], list(pat.optional_dirs)
    for sub in pat.dirs:
        if not isinstance(sub, Pat):
            # A number, or one of several: there is no such thing among what is optional.
            dirs.append(sub)
            continue
        inner = draw(loosened(sub))
        kind = draw(st.sampled_from(["required", "optional", "optional", "both"]))
        if kind != "optional":
            dirs.append(inner)
        if kind != "required":
            optional_dirs.append(inner)
    files, optional_files = list(pat.files), list(pat.optional_files)
    if draw(st.booleans()):
        files, optional_files = [], pats.belonging_tests(pat)
    if draw(st.integers(0, 3)) == 0:
        optional_files.append("*")
    if draw(st.integers(0, 3)) == 0:
        # So that directories whose names fit do not always match.
        files.append(draw(st.sampled_from(["*", "a*", "*.txt", "no"])))
    return pat._replace(
        files=tuple(files),
        dirs=tuple(dirs),
        optional_files=tuple(optional_files),
        optional_dirs=tuple(optional_dirs),
    )


@st.composite
def loose_cases(draw: Any) -> tuple[Dir, list[Pat]]:
    case = draw(strategies.cases())
    return case.world, [draw(loosened(pat)) for pat in case.patterns]


def assessed(file: Any, patterns: Any) -> list[tuple[str, int]]:
    """The results, without those above the tree: anything may be there."""
    return by_index(assess(file, patterns), patterns)


@share(0.6)
@given(loose_cases())
def test_every_file_of_every_tree(case: tuple[Dir, list[Pat]]) -> None:
    world, drawn = case
    # So deep that no pattern leads out of what is built.
    spec = Dir({"1": Dir({"2": Dir({"3": Dir({"4": world})})})})
    patterns, first = make_patterns(drawn), first_of(drawn)
    with built(spec, fast=True) as top:
        source = os.path.realpath(top)
        expected: dict[str, set[tuple[str, int]]] = {}
        for here, _, _ in os.walk(source):
            for pat in first:
                if matches(here, pat):
                    for file in belonging(here, pat):
                        expected.setdefault(file, set()).add((here, first[pat]))
        for file in files_of(source):
            assert assessed(file, patterns) == sorted(expected.pop(file, [])), file
        assert not expected


@share(0.4)
@given(
    strategies.directories(strategies.memory_names, special=False).flatmap(
        lambda spec: st.tuples(
            st.just(spec),
            strategies.named_patterns(spec, spec, "src").flatmap(
                lambda drawn: st.tuples(*map(loosened, drawn)).map(list)
            ),
        )
    )
)
def test_every_file_in_memory(case: tuple[Dir, list[Pat]]) -> None:
    """As on a disk, where the same tree is told by the reference."""
    spec, drawn = case
    patterns, first = make_patterns(drawn), first_of(drawn)
    with built(Dir({"src": spec}), fast=True) as top, in_memory(as_value(spec)) as source:
        local = os.path.join(os.path.realpath(top), "src")
        for file in files_of(local):
            expected = [
                (os.path.relpath(here, local), first[pat])
                for here, _, _ in os.walk(local)
                for pat in first
                if matches(here, pat) and file in belonging(here, pat)
            ]
            remote = source.joinpath(*os.path.relpath(file, local).split("/"))
            found = list(assess(remote, patterns))
            assert all(type(result.source) is type(source) for result in found)
            index = {id(pattern): number for number, pattern in enumerate(patterns)}
            rows = [
                (os.path.relpath(result.source.path, source.path), index[id(result.pattern)])
                for result in found
                if result.source.path.startswith(source.path)
            ]
            assert sorted(rows) == sorted(expected)


# Cases --------------------------------------------------------------------------------------

DATA = P("data", files=["*.parquet"])
RUN = P(
    "run_*",
    files=["config.json"],
    directories=[DATA],
    optional_files=["*.csv"],
    optional_directories=[P("logs", optional_files=["*"])],
)
LAB = P("lab", optional_directories=[RUN])
SPEC = tree(
    "lab/run_1/config.json",
    "lab/run_1/a.csv",
    "lab/run_1/notes.txt",
    "lab/run_1/data/a.parquet",
    "lab/run_1/data/x.tmp",
    "lab/run_1/logs/deep/l",
    "lab/run_1/logs/l",
    "lab/run_2/a.csv",
    "lab/run_2/data/a.parquet",
)


def rows(file: Any, patterns: Any = (RUN, DATA, LAB)) -> list[tuple[str, str | None]]:
    return [(r.source.name, r.pattern.directory_name) for r in assess(file, patterns)]


def test_whatever_the_level(make: Make) -> None:
    top = make(SPEC)
    run, data, lab = ("run_1", "run_*"), ("data", "data"), ("lab", "lab")
    assert rows(top / "lab/run_1/data/a.parquet") == [run, data, lab]
    assert rows(top / "lab/run_1/config.json") == [run, lab]
    assert rows(top / "lab/run_1/a.csv") == [run, lab]
    assert rows(top / "lab/run_1/logs/l") == [run, lab]
    # Nothing has a place for these.
    for name in ("notes.txt", "data/x.tmp", "logs/deep/l"):
        assert rows(top / "lab/run_1" / name) == []
    # run_2 is incomplete: its data is a match, and what is optional in lab must be whole, too.
    assert rows(top / "lab/run_2/data/a.parquet") == [("data", "data")]
    assert rows(top / "lab/run_2/a.csv") == []


def test_results_are_those_of_scan(make: Make) -> None:
    top = make(SPEC)
    again = P.from_json(RUN.to_json())
    [result] = assess(top / "lab/run_1/a.csv", [RUN, again])
    assert result.pattern is RUN
    assert {result} == scan(top, RUN)
    assert type(result) is ScanResult
    assert type(result.source) is type(Path())
    assert list(assess(str(top / "lab/run_1/a.csv"), iter([RUN, again, RUN]))) == [result]


def test_the_nearest_come_first(make: Make) -> None:
    top = make(tree("x/x/x/f"))
    nested = P("x", ["f"])
    pattern = P("x", optional_directories=[nested, P("x", optional_directories=[nested])])
    found = [(len(r.source.parts), r.pattern.files) for r in assess(top / "x/x/x/f", pattern)]
    levels = len(top.parts)
    assert found == [(levels + 2, ()), (levels + 1, ())]


def test_paths_are_as_the_scan_has_them(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Dir({**SPEC.entries, "way": Link(to="lab/run_1"), "d": Link(to="lab/run_1/data")})
    top = make(spec)
    expected = [top / "lab/run_1", top / "lab/run_1/data"]
    monkeypatch.chdir(top / "lab/run_1/data")
    for file in (
        top / "way/data/a.parquet",
        top / "d/a.parquet",
        "a.parquet",
        Path("../data/./a.parquet"),
        "../../../d/../data/a.parquet",
    ):
        assert [r.source for r in assess(file, [RUN, DATA])] == expected
    # A relative path is taken as it is at the call.
    results = assess("a.parquet", [RUN, DATA])
    monkeypatch.chdir("/")
    assert [r.source for r in results] == expected


def test_the_root_of_the_file_system() -> None:
    """Its name is empty."""
    file = Path(sys.executable).resolve()
    *names, last = file.parts[1:-1]
    pattern = P(last, optional_files=[file.name])
    for name in reversed(names):
        pattern = P(name, optional_directories=[pattern])
    for top_name, found in ((None, [Path("/")]), ("*", [Path("/")]), ("?*", []), ("/", [])):
        top = P(top_name, optional_directories=[pattern])
        assert [result.source for result in assess(file, top)] == found


def test_files_of_all_kinds(make: Make) -> None:
    top = make(
        Dir(
            {
                "d": Dir({"f": File(), "sub": Dir({"x": File()})}),
                "m": Dir(
                    {
                        "to-file": Link(to="d/f"),
                        "to-directory": Link(to="d"),
                        "broken": Link(raw="nowhere"),
                        "loop": Link(raw="loop"),
                        "sub": Dir({"x": File()}),
                    }
                ),
            }
        )
    )
    pattern = P("m", optional_files=["*"])
    for name in ("to-file", "broken", "loop"):
        assert rows(top / "m" / name, pattern) == [("m", "m")]
    for name in ("to-directory", "sub"):
        assert rows(top / "m" / name, pattern) == []


def test_links_below_a_match_are_not_followed(make: Make) -> None:
    spec = Dir({**SPEC.entries, "other": Dir({"run_3": Dir()})})
    other = spec.entries["other"]
    assert isinstance(other, Dir)
    other.entries["run_3"] = Dir({"config.json": File(), "data": Link(to="lab/run_1/data")})
    top = make(spec)
    assert rows(top / "other/run_3/config.json") == []
    # Through the link the file is where the link leads to.
    assert rows(top / "other/run_3/data/a.parquet", RUN) == [("run_1", "run_*")]


def test_a_file_that_does_not_exist(make: Make) -> None:
    top = make(SPEC)
    for name in ("lab/run_1/data/b.parquet", "lab/run_1/no/data/b.parquet"):
        results = assess(str(top / name), [RUN, DATA])
        with pytest.raises(FileNotFoundError) as caught:
            next(results)
        assert caught.value.filename == str(top / name)
        assert caught.value.__notes__ == ["while looking at the file"]
    # No pattern has a place for it.
    assert rows(top / "lab/run_1/data/b.txt") == []
    with pytest.raises(NotADirectoryError):
        rows(top / "lab/run_1/config.json/data/b.parquet")


def test_paths_without_a_name(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make(SPEC))
    for file in ("", ".", "..", "/", "lab/..", "/.."):
        assert rows(file, P(optional_files=["*"])) == []


def test_arguments(make: Make) -> None:
    top = make(SPEC)
    for call, message in (
        (lambda: assess(3, RUN), r"^file must be str, os\.PathLike or UPath, not int"),  # type: ignore[call-overload]
        (lambda: assess(top, "run"), "^patterns must be"),  # type: ignore[arg-type]
        (lambda: assess(top, [RUN, 3]), r"^patterns\[1\] must be"),  # type: ignore[list-item]
        (lambda: assess(top, RUN, storage_options=3), "^storage_options must be"),  # type: ignore[call-overload]
    ):
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(ValueError, match="file must be a path, without null characters"):
        assess("a\0b", RUN)
    with pytest.raises(ValueError, match=r"^file must be a path, and 's/\\ud800' cannot be enc"):
        assess("s/\ud800", RUN)
    with pytest.raises(ValueError, match=r"^source must be a path, and '\\ud800' cannot be enc"):
        scan("\ud800", RUN)
    with pytest.raises(ValueError, match=r"^storage_options are for .*, and file is a path"):
        assess(top, RUN, storage_options={"anon": True})
    assert list(assess(top / "lab/run_1/a.csv", [])) == []


def test_patterns_are_taken_at_the_call(make: Make) -> None:
    top = make(SPEC)
    pattern = P("run_*", optional_files=["*.csv"])
    results = assess(top / "lab/run_1/a.csv", pattern)
    pattern.set_directory_name("no").add_file("no")
    assert [result.pattern is pattern for result in results] == [True]
    # Reading begins later: the file comes into being in between.
    results = assess(top / "lab/run_1/b.csv", P("run_*", ["b.csv"]))
    (top / "lab/run_1/b.csv").touch()
    assert len(list(results)) == 1


def test_a_local_upath(make: Make) -> None:
    upath = pytest.importorskip("upath")
    top = make(SPEC)
    for form in ("{}", "file://{}"):
        file = upath.UPath(form.format(top / "lab/run_1/a.csv"))
        [result] = assess(file, RUN)
        assert isinstance(result.source, upath.UPath)
        assert result == next(assess(top / "lab/run_1/a.csv", RUN))
    [result] = assess(f"file://{top}/lab/run_1/a.csv", RUN)
    assert result.source == top / "lab/run_1"


def test_the_number_of_levels(make: Make) -> None:
    top = make(tree("d/" * 130 + "f"))
    pattern = P("d", optional_files=["f"])
    for _ in range(127):
        pattern = P("d", directories=[pattern])
    found = list(assess(top / ("d/" * 130 + "f"), pattern))
    assert [len(result.source.parts) - len(top.parts) for result in found] == [3]


# What is read -------------------------------------------------------------------------------


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each directory is listed, by the last of its path."""
    counts: Counter[str] = Counter()

    def counting(path: str) -> Any:
        counts[os.path.basename(path.rstrip("/"))] += 1
        return list_local(path)

    monkeypatch.setattr("pathvein._assess.list_local", counting)
    return counts


def test_nothing_is_listed_if_no_name_fits(make: Make, listed: Counter[str]) -> None:
    top = make(SPEC)
    for name in ("lab/run_1/notes.txt", "lab/run_1/data/x.tmp", "nowhere/x"):
        assert rows(top / name) == []
    assert listed == {}


def test_nothing_is_listed_of_which_nothing_is_asked(make: Make, listed: Counter[str]) -> None:
    top = make(SPEC)
    pattern = P("lab", optional_directories=[P("run_*", optional_files=["*"])])
    assert rows(top / "lab/run_1/a.csv", pattern) == [("lab", "lab")]
    assert listed == {}
    # Something is asked of run_1 alone.
    pattern = P("lab", optional_directories=[P("run_*", ["*.json"], optional_files=["*"])])
    assert rows(top / "lab/run_1/a.csv", pattern) == [("lab", "lab")]
    assert listed == {"run_1": 1}


def test_each_directory_is_listed_once(make: Make, listed: Counter[str]) -> None:
    top = make(SPEC)
    assert len(rows(top / "lab/run_1/data/a.parquet")) == 3
    assert listed == {"run_1": 1, "data": 1}
    listed.clear()
    many = [P("run_*", ["config.json"], [DATA], [str(number)], [LAB]) for number in range(20)]
    assert len(rows(top / "lab/run_1/config.json", [*many, RUN, LAB])) == 22
    assert listed == {"run_1": 1, "data": 1}


def test_a_match_that_fails_is_looked_at_no_further(make: Make, listed: Counter[str]) -> None:
    top = make(SPEC)
    pattern = P("lab", files=["no"], directories=[P("run_*", directories=[DATA])])
    assert rows(top / "lab/run_1/data/a.parquet", pattern) == []
    assert listed == {"lab": 1}


def test_what_may_be_many_is_listed_last(make: Make, listed: Counter[str]) -> None:
    others = [f"run_1/other{number}/x" for number in range(5)]
    top = make(tree("run_1/data/a", *others))
    any_with = [P("*", files=["no"])]
    # The way to the file fails at `data`.
    pattern = P("run_*", directories=any_with, optional_directories=[P("data", ["no"], [], ["a"])])
    assert rows(top / "run_1/data/a", pattern) == []
    assert listed == {"data": 1}
    # So do the files of run_1, before all that is below.
    listed.clear()
    data = P("data", directories=any_with, optional_files=["a"])
    pattern = P("run_*", ["no"], any_with, optional_directories=[data])
    assert rows(top / "run_1/data/a", pattern) == []
    assert listed == {"run_1": 1}
    # The way holds, and what is below decides.
    listed.clear()
    pattern = P("run_*", directories=any_with, optional_directories=[P("data", ["a"])])
    assert rows(top / "run_1/data/a", pattern) == []
    assert listed == {"run_1": 1, "data": 1, **{f"other{number}": 1 for number in range(5)}}


# What cannot be read ------------------------------------------------------------------------


def unreadable_in_child(top: str) -> list[Any]:
    said: list[Any] = []
    for file, patterns in (
        # The mode of `locked` decides about the run, and of nothing else.
        ("run_1/a.csv", [P("run_1", ["a.csv"])]),
        ("run_1/a.csv", [P("run_1", directories=[P("locked", ["x"])], optional_files=["*"])]),
        (
            "run_1/a.csv",
            [
                P("run_1", directories=[P("locked", ["x"])], optional_files=["*"]),
                P("run_1", ["a.csv"]),
            ],
        ),
        ("run_1/a.csv", [P("run_1", ["no"], [P("locked", ["x"])], ["*"])]),
        ("run_1/a.csv", [P("run_1", [], [P("[lo]*", ["x"])], ["*"])]),
        # It may be searched, and not read.
        ("search/f", [P("search", optional_files=["f"])]),
        ("search/f", [P("search", files=["f"])]),
        ("search/f", [P("top", files=["no"], directories=[P("search", files=["f"])])]),
        ("search/f", [P("top", optional_directories=[P("search", files=["f"])])]),
        ("locked/x", [P("locked", files=["x"])]),
    ):
        found: list[Any] = []
        try:
            for result in assess(os.path.join(top, file), patterns):
                found.append(result.source.name)
        except OSError as error:
            # No `relpath`: the path has no slash at its end.
            found.append((error.errno, error.filename.removeprefix(f"{top}/")))
        said.append(found)
    return said


def test_unreadable_directories(make: Make) -> None:
    locked = Dir({"x": File()}, mode=0)
    search = Dir({"f": File()}, mode=0o111)
    top = make(
        Dir(
            {
                "run_1": Dir({"a.csv": File(), "locked": locked, "other": Dir({"x": File()})}),
                "search": search,
                "locked": locked,
            }
        )
    )
    denied = (errno.EACCES, "run_1/locked")
    unread = (errno.EACCES, "search")
    assert run_unprivileged(unreadable_in_child, str(top)) == [
        ["run_1"],
        [denied],
        ["run_1", denied],
        [],
        ["run_1"],
        ["search"],
        [unread],
        [],
        [unread],
        [(errno.EACCES, "locked/x")],
    ]


def test_listings_that_break_off(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read counts; if more would decide, the failure is raised."""
    top = make(SPEC)
    failure = OSError(errno.EIO, "broken", "run_1")

    def breaking(path: str) -> Any:
        listing = list_local(path)
        listing.filenames.remove("config.json")
        listing.failure = failure
        return listing

    monkeypatch.setattr("pathvein._assess.list_local", breaking)
    assert rows(top / "lab/run_1/a.csv", P("run_1", ["a.csv"])) == [("run_1", "run_1")]
    with pytest.raises(OSError, match="broken") as caught:
        rows(top / "lab/run_1/a.csv", P("run_1", ["config.json"], optional_files=["a.csv"]))
    assert caught.value is failure


def test_a_directory_that_goes_meanwhile(make: Make) -> None:
    top = make(SPEC)
    first, second = P("lab", optional_directories=[P("run_*", optional_files=["*.csv"])]), RUN
    results = assess(top / "lab/run_1/a.csv", [first, second])
    assert next(results).pattern is first
    shutil.rmtree(top / "lab/run_1")
    assert list(results) == []


# Remote -------------------------------------------------------------------------------------


def test_in_memory(make: Make) -> None:
    value = Tree(
        {
            "run_1": Tree(
                {"data": Tree({}, ("a.parquet",)), "twin": Tree({}, ("x",)), "empty": Tree()},
                ("config.json", "twin", "a.csv"),
            )
        }
    )
    with in_memory(value, "lab") as lab:
        run = lab / "run_1"
        assert [r.source for r in assess(run / "data/a.parquet", [RUN, DATA, LAB])] == [
            run,
            run / "data",
            lab,
        ]
        assert [r.source for r in assess(str(run / "a.csv"), RUN)] == [run]
        # A file that is a directory as well; a directory that is none.
        twin = P("run_1", optional_files=["twin", "empty", "data"])
        assert [r.source for r in assess(run / "twin", twin)] == [run]
        assert list(assess(run / "empty", twin)) == []
        assert list(assess(run / "data", twin)) == []
        results = assess(run / "b.csv", RUN)
        with pytest.raises(FileNotFoundError) as caught:
            next(results)
        assert caught.value.filename == str(run / "b.csv")
        assert list(assess(run / "b.txt", RUN)) == []
        # The top of the store has no name.
        levels = lab.path.count("/")
        pattern = P("lab", optional_directories=[P("run_1", optional_files=["*"])])
        for _ in range(levels):
            pattern = P(None, optional_directories=[pattern])
        assert [r.source.path for r in assess(run / "a.csv", pattern)] == ["/"]
        assert list(assess(run / "a.csv", P("?*", optional_directories=[pattern]))) == []


def test_that_it_is_all_there() -> None:
    assert pathvein.assess is pathvein.lib.assess
