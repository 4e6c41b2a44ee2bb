"""Names that are two to us and one to the file system, such as ``A.csv`` and ``a.csv``.

Whichever way a file system numbers its files: nothing takes the place of something else that is
copied, and what is not copied for that reason is told, with both names.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fuse
import portable
from copies import on_disk, written
from copy_reference import leftovers
from executors import Immediate
from pathvein import FileStructurePattern, ShuffleError, shuffle
from pathvein._copying import here
from pathvein._copying.names import ignores_case

pytestmark = pytest.mark.linux("FUSE")

#: How the file systems number and spell what they hold: see `fuse_folding`.
QUIRKS = ["one", "apart", "apart+kept", "apart+shouting"]
BELOW = FileStructurePattern("*", optional_files=["*"])
ALL = FileStructurePattern("*", optional_files=["*"], optional_directories=[BELOW])
LINK = "a link to b.csv"
E_NFC, E_NFD = "\u00e9.csv", "e\u0301.csv"
#: The next number of a directory on a file system.
_numbers = itertools.count()


@pytest.fixture(scope="module", params=QUIRKS)
def folding(request: pytest.FixtureRequest) -> Iterator[fuse.Caller]:
    yield from mounted(request.param)


@pytest.fixture(scope="module", params=["exact+apart", "exact+same"])
def exact(request: pytest.FixtureRequest) -> Iterator[fuse.Caller]:
    yield from mounted(request.param)


@pytest.fixture(scope="module")
def dots() -> Iterator[fuse.Caller]:
    yield from mounted("one+dots")


@pytest.fixture(scope="module", params=["one", "apart"])
def empty(request: pytest.FixtureRequest) -> Iterator[fuse.Caller]:
    yield from mounted(request.param)


def mounted(quirks: str) -> Iterator[fuse.Caller]:
    caller = fuse.Caller(quirks)
    yield caller
    caller.close()


@pytest.fixture(params=portable.COPIERS)
def copier(request: pytest.FixtureRequest) -> str:
    copier: str = request.param
    return copier


# What is called with a mount point -----------------------------------------------------------


class Lab:
    """A directory on the file system, and one on the disk for sources."""

    def __init__(self, top: Path, sources: Path) -> None:
        self.top, self.sources = top, sources

    def source(self, files: dict[str, str | None], name: str = "s") -> Path:
        """A directory of files, and of links to ``b.csv`` (`None`)."""
        made = self.sources / name
        made.mkdir()
        for rel, text in files.items():
            path = made / rel
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to("b.csv") if text is None else path.write_text(text)
        return made

    def there(self, name: str, files: dict[str, str]) -> Path:
        """A directory on the file system."""
        (self.top / name).mkdir(parents=True)
        return written(self.top / name, {rel: text.encode() for rel, text in files.items()})


def with_lab(function: Callable[..., None]) -> Callable[..., None]:
    """Makes a function of a `Lab` one of a mount point and a copier."""

    @functools.wraps(function)
    def call(mount: str, copier: str, *arguments: Any) -> None:
        top = Path(mount, f"lab {next(_numbers)}")
        top.mkdir()
        with tempfile.TemporaryDirectory() as sources, portable.used(copier):
            function(Lab(top, Path(sources)), *arguments)
        assert leftovers(os.fspath(top)) == []

    return call


def with_empty_disk(function: Callable[..., None]) -> Callable[..., None]:
    """The same where the directory is all of a file system that has nothing else."""

    @functools.wraps(function)
    def call(mount: str, copier: str, *arguments: Any) -> None:
        top = Path(mount)
        assert os.listdir(top) == []
        with tempfile.TemporaryDirectory() as sources, portable.used(copier):
            try:
                function(Lab(top, Path(sources)), *arguments)
            finally:
                # It has no say in what the test has found. Of two names that are one the second is
                # gone with the first.
                for name in os.listdir(top):
                    shutil.rmtree(top / name, ignore_errors=True)

    return call


def texts(top: Path) -> dict[str, str]:
    """The files below a directory, with what is in them, and links, with what they say."""
    paths = [Path(here, name) for here, _, names in os.walk(top) for name in names]
    return {path.relative_to(top).as_posix(): text(path) for path in paths}


def text(path: Path) -> str:
    return LINK if path.is_symlink() and os.readlink(path) == "b.csv" else path.read_text()


def told(error: BaseException) -> str:
    """The error, with names as they are."""
    return str(error).replace("\\u{301}", "\u0301")


#: Each with the names that are to be told; of three it may be any two.
FILES: dict[str, tuple[dict[str, str | None], tuple[str, ...]]] = {
    "files": ({"A.csv": "upper", "a.csv": "lower", "b.csv": "b"}, ("A.csv", "a.csv")),
    "a link and a file": ({"A.csv": "upper", "a.csv": None, "b.csv": "b"}, ("A.csv", "a.csv")),
    "a file and a link": ({"A.csv": None, "a.csv": "lower", "b.csv": "b"}, ("A.csv", "a.csv")),
    "links": ({"A.csv": None, "a.csv": None, "b.csv": "b"}, ("A.csv", "a.csv")),
    "normal forms": ({E_NFC: "composed", E_NFD: "decomposed"}, (E_NFC, E_NFD)),
    "files below": ({"sub/A.csv": "upper", "sub/a.csv": "lower"}, ("A.csv", "a.csv")),
    "directories": ({"Sub/x": "upper", "sub/y": "lower"}, ("Sub", "sub")),
    "directories with one file": ({"Sub/x": "upper", "sub/x": "lower"}, ("Sub", "sub")),
    "a file and a directory": ({"Sub": "upper", "sub/x": "lower"}, ("Sub", "sub")),
    "a directory and a file": ({"Sub/x": "upper", "sub": "lower"}, ("Sub", "sub")),
    "three": ({"AB": "1", "Ab": "2", "ab": "3"}, ("AB", "Ab", "ab")),
}


#: What is in the way before a merge, as it is called.
THERE: dict[str, Callable[[str, str], dict[str, str]]] = {
    "nothing": lambda one, other: {},
    "the one": lambda one, other: {one: "old"},
    "the other": lambda one, other: {other: "old"},
    "below the one": lambda one, other: {f"{one}/x": "old"},
    "below the other": lambda one, other: {f"{other}/x": "old"},
}
MERGES = [
    *((kind, "nothing") for kind in FILES),
    *((kind, there) for kind in list(FILES)[:5] for there in ("the one", "the other")),
    *(
        (kind, f"below the {there}")
        for kind in ("directories", "directories with one file")
        for there in ("one", "other")
    ),
]


def is_told(caught: ShuffleError, names: tuple[str, ...]) -> None:
    """One line says which names are one there."""
    text = told(caught)
    assert "rename one of them" in text
    found = [name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    assert len(found) >= 2, text


@with_lab
def copied_to_what_is_new(lab: Lab, kind: str) -> None:
    files, names = FILES[kind]
    with pytest.raises(ShuffleError) as caught:
        shuffle([(lab.source(files), lab.top / "new", ALL)], links="keep")
    is_told(caught.value, names)
    assert os.listdir(lab.top) == []


@with_lab
def merged(lab: Lab, kind: str, before: str) -> None:
    files, names = FILES[kind]
    old = {"kept": "kept", **THERE[before](*names[:2])}
    place = lab.there("there", old)
    with pytest.raises(ShuffleError) as caught:
        shuffle([(lab.source(files), place, ALL)], overwrite=True, links="keep")
    assert caught.value.results == []
    is_told(caught.value, names)
    # What was there stays, unless something took its place, whole, and that of nothing else.
    there = texts(place)
    assert {rel.lower() for rel in there} >= {rel.lower() for rel in old}
    assert set(there.values()) <= {text or LINK for text in files.values()} | {"old", "kept"}
    [failed] = caught.value.failed
    assert len(set(failed.replaced)) == len(failed.replaced)


@with_lab
def one_over_another_spelling(lab: Lab) -> None:
    """Nothing is in its way: so it takes the place of what is there."""
    place = lab.there("there", {"A.CSV": "old", "SUB/X": "old", "SUB/kept": "kept"})
    source = lab.source({"a.csv": "new", "sub/x": "new"})
    [result] = shuffle([(source, place, ALL)], overwrite=True)
    assert result.files == 2
    there = {name.lower(): text for name, text in texts(place).items()}
    assert there == {"a.csv": "new", "sub/x": "new", "sub/kept": "kept"}


class Told(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self) -> Told:
        logging.getLogger("pathvein.lib").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("pathvein.lib").removeHandler(self)


DESTINATIONS = {
    "side by side": ("RunTrue", "rUNTrue"),
    "in directories": ("Lab/run", "lab/run"),
    "both": ("Lab/Run", "lab/run"),
}


def two_matches(lab: Lab, names: tuple[str, ...]) -> list[tuple[Path, Path, Any]]:
    return [
        (
            lab.source({"f": f"of {number}", f"only {number}": "x"}, f"s{number}"),
            lab.top / name,
            ALL,
        )
        for number, name in enumerate(names)
    ]


@with_lab
def two_destinations(lab: Lab, kind: str, overwrite: bool, before: bool) -> None:
    names = DESTINATIONS[kind]
    inputs = two_matches(lab, names)
    if before:
        lab.there(names[1], {"kept": "kept"})
    with Told() as told:
        done = shuffle(inputs, overwrite=overwrite)
    there = {name.lower(): text for name, text in texts(inputs[0][1]).items()}
    if before and not overwrite:
        assert (done, there) == ([], {"kept": "kept"})
        return
    assert [result.source for result in done] == [inputs[0][0]]
    assert there == {"f": "of 0", "only 0": "x"} | ({"kept": "kept"} if before else {})
    [line] = told.lines
    assert line.startswith("Several directories have one destination: ")
    for source, destination, _ in inputs:
        assert str(source) in line
        assert str(destination) in line


@with_lab
def two_destinations_raise(lab: Lab, kind: str, overwrite: bool) -> None:
    inputs = two_matches(lab, DESTINATIONS[kind])
    with pytest.raises(ShuffleError, match="nothing was copied") as caught:
        shuffle(inputs, overwrite=overwrite, on_conflict="raise")
    for name in DESTINATIONS[kind]:
        assert str(lab.top / name) in str(caught.value)
    assert os.listdir(lab.top) == []


@with_lab
def beside_each_other(lab: Lab) -> None:
    """In one directory, which is spelled in two ways."""
    inputs = two_matches(lab, ("Lab/a", "lab/b"))
    assert len(shuffle(inputs)) == 2
    assert {name.lower() for name in texts(lab.top / "lab")} == {
        *("a/f", "a/only 0", "b/f", "b/only 1"),
    }


@with_lab
def into_the_source(lab: Lab, source: str, destination: str) -> None:
    lab.there("Run/Sub", {"x": "x"})
    lab.there("Run/more", {"y": "y"})
    before = on_disk(lab.top)
    with pytest.raises(ShuffleError, match=r"into itself|lies in this destination"):
        shuffle([(lab.top / source, lab.top / destination, ALL)], overwrite=True)
    assert on_disk(lab.top) == before


@with_lab
def built_piece_by_piece(lab: Lab, one: str, other: str, is_there: bool) -> None:
    """By who does not know before what will come, as of a store."""
    place = lab.there("there", {"kept": "kept"}) if is_there else lab.top / "new"
    building = here.Staging(os.fspath(place), overwrite=is_there)

    def put(rel: str) -> None:
        with os.fdopen(building.create(rel), "w") as file:
            file.write(rel)
        building.finish(rel, None)

    put(one)
    with pytest.raises(OSError, match="rename one of them") as caught:
        put(other)
    names = {part for parts in zip(one.split("/"), other.split("/"), strict=True) for part in parts}
    assert all(name in str(caught.value) for name in names if len(name) > 1), str(caught.value)
    building.abandon()
    if is_there:
        there = {name.lower(): text for name, text in texts(place).items()}
        assert there == {"kept": "kept", one.lower(): one}
    else:
        assert os.listdir(lab.top) == []


@with_lab
def from_a_store(lab: Lab, overwrite: bool) -> None:
    from upath import UPath

    source = UPath(f"memory://one name {os.path.basename(lab.top)}/run")
    for name in ("A.csv", "a.csv"):
        (source / name).write_text(name)
    place = lab.there("there", {"kept": "kept"}) if overwrite else lab.top / "new"
    with pytest.raises(ShuffleError, match="rename one of them") as caught:
        shuffle([(source, place, ALL)], overwrite=overwrite)
    is_told(caught.value, ("A.csv", "a.csv"))
    if overwrite:
        there = {name.lower(): content for name, content in texts(place).items()}
        assert there.pop("kept") == "kept"
        assert there in ({}, {"a.csv": "A.csv"}, {"a.csv": "a.csv"})
    else:
        assert os.listdir(lab.top) == []
    one = FileStructurePattern("*", ["A.csv"])
    with pytest.raises(ShuffleError, match="nothing was copied"):
        shuffle([(source, lab.top / name, one) for name in ("Two", "two")], on_conflict="raise")


@with_lab
def is_told_by_what_is_there(lab: Lab, ignores: bool) -> None:
    (lab.top / "name").mkdir()
    (lab.top / "name/1").mkdir()
    for place in (lab.top, lab.top / "name", lab.top / "name/1", lab.top / "not/there"):
        assert ignores_case(os.fspath(place)) is ignores


@with_lab
def all_is_copied(lab: Lab) -> None:
    """Where names are two, both are there, at first and again."""
    both = {kind: files for kind, (files, _) in FILES.items()}
    for number, (kind, files) in enumerate(both.items()):
        source = lab.source(files, f"s {number}")
        for before in (False, True):
            place = lab.there(f"there {number}", {}) if before else lab.top / f"new {number}"
            for _ in range(3 if before else 1):
                [result] = shuffle([(source, place, ALL)], overwrite=before, links="keep")
                assert result.files == len(files)
                assert texts(place) == {rel: text or LINK for rel, text in files.items()}, kind
    for number, names in enumerate(DESTINATIONS.values()):
        inputs = [
            (source, lab.top / f"to {number}" / name, ALL)
            for (source, _, _), name in zip(
                two_matches(Lab(lab.top, Path(tempfile.mkdtemp(dir=lab.sources))), names),
                names,
                strict=True,
            )
        ]
        for overwrite in (False, True, True):
            assert len(shuffle(inputs, overwrite=overwrite, on_conflict="raise")) == 2
            for index, (_, place, _) in enumerate(inputs):
                assert texts(place) == {"f": f"of {index}", f"only {index}": "x"}


@with_lab
def names_that_only_it_takes_for_one(lab: Lab) -> None:
    """``x`` and ``x.``: nobody asks about these, and the number of the file tells."""
    source = lab.source({"x": "x", "x.": "dot"})
    for place in (lab.top / "new", lab.there("there", {})):
        with pytest.raises(ShuffleError) as caught:
            shuffle([(source, place, ALL)], overwrite=True)
        [error] = caught.value.exceptions
        assert error.filename in {str(place / name) for name in ("x", "x.")}
        assert set(texts(place).values() if place.exists() else ()) <= {"x", "dot"}


@with_lab
def destinations_that_only_it_takes_for_one(
    lab: Lab,
    names: tuple[str, str],
    overwrite: bool,
    is_there: bool,
    stored: tuple[int, ...],
    by_tasks: bool,
) -> None:
    inputs = from_stores(two_matches(lab, names), stored)
    if is_there:
        lab.there(names[0], {})
    with pytest.raises(ShuffleError, match="give another destination") as caught:
        shuffle(inputs, overwrite=overwrite, executor=Immediate() if by_tasks else None)
    [failed], [copied] = caught.value.failed, caught.value.results
    assert str(copied.destination) in str(caught.value)
    assert str(failed.destination) in str(caught.value)
    index = [source for source, *_ in inputs].index(copied.source)
    assert texts(lab.top / names[0]) == {"f": f"of {index}", f"only {index}": "x"}


def from_stores(
    inputs: list[tuple[Path, Path, Any]], stored: tuple[int, ...]
) -> list[tuple[Any, Path, Any]]:
    """The same, some of them from a store."""
    from upath import UPath

    made: list[tuple[Any, Path, Any]] = list(inputs)
    for number in stored:
        source, destination, pattern = inputs[number]
        store = UPath(f"memory://from a store/{next(_numbers)}/s{number}")
        for name, content in texts(source).items():
            (store / name).write_text(content)
        made[number] = store, destination, pattern
    return made


@with_empty_disk
def on_an_empty_disk(lab: Lab, overwrite: bool, stored: tuple[int, ...]) -> None:
    """Nothing tells there whether names are one: it is found out once the first is there."""
    inputs = from_stores(two_matches(lab, ("New", "new")), stored)
    with pytest.raises(ShuffleError, match="give another destination") as caught:
        shuffle(inputs, overwrite=overwrite, on_conflict="raise")
    [failed], [copied] = caught.value.failed, caught.value.results
    for result in (failed, copied):
        assert str(result.destination) in str(caught.value)
    index = [source for source, *_ in inputs].index(copied.source)
    assert texts(lab.top / "new") == {"f": f"of {index}", f"only {index}": "x"}


@with_empty_disk
def one_in_another_on_an_empty_disk(
    lab: Lab, overwrite: bool, stored: tuple[int, ...], by_tasks: bool
) -> None:
    """The inner one is not to be first: the other would exist then."""
    inputs = two_matches(lab, ("new/a/b", "NEW/a", "other", "New"))
    executor = Immediate() if by_tasks else None
    done = shuffle(from_stores(inputs, stored), overwrite=overwrite, executor=executor)
    assert len(done) == 4
    for number, (_, destination, _) in enumerate(inputs):
        assert texts(destination)["f"] == f"of {number}"


@with_empty_disk
def by_links_on_an_empty_disk(lab: Lab, kind: str, overwrite: bool) -> None:
    """The core keeps a link that is a destination, other copiers follow it."""
    inputs = two_matches(lab, ("New", "new"))
    link = lab.sources / "link"
    if kind == "a link above":
        link.symlink_to(lab.top / "1")
        (lab.top / "1").mkdir()
        inputs[0] = inputs[0][0], Path(f"{link}/../New"), ALL
    else:
        link.symlink_to(lab.top / "new")
        inputs[1] = inputs[1][0], link, ALL
    with pytest.raises(ShuffleError, match="give another destination") as caught:
        shuffle(from_stores(inputs, (1,)), overwrite=overwrite)
    [failed], [copied] = caught.value.failed, caught.value.results
    assert (copied.source, failed.destination) == (inputs[0][0], inputs[1][1])
    assert texts(lab.top / "new") == {"f": "of 0", "only 0": "x"}


class Twice(Immediate):
    """Nobody hears of the end of a task at first: it is sent once more."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        function(*args, **kwargs)
        return super().submit(function, *args, **kwargs)


def by_tasks_that_run_twice(
    lab: Lab,
    names: tuple[str, str],
    stored: tuple[int, ...],
    wrapped: tuple[int, ...],
    overwrite: bool,
) -> None:
    from upath import UPath

    inputs: list[tuple[Any, Any, Any]] = list(two_matches(lab, names))
    # All that tells is content.
    (inputs[1][0] / "only 1").rename(inputs[1][0] / "only 0")
    inputs = list(from_stores(inputs, stored))
    for number in wrapped:
        source, to, pattern = inputs[number]
        inputs[number] = source, UPath(f"simplecache::file://{to}"), pattern
    with pytest.raises(ShuffleError, match="give another destination") as caught:
        shuffle(inputs, overwrite=overwrite, executor=Twice())
    [failed], [copied] = caught.value.failed, caught.value.results
    index = [to for _, to, _ in inputs].index(copied.destination)
    assert failed.destination == inputs[1 - index][1]
    assert texts(lab.top / names[0]) == {"f": f"of {index}", "only 0": "x"}


@with_empty_disk
def by_tasks_that_run_twice_on_an_empty_disk(lab: Lab, *arguments: Any) -> None:
    by_tasks_that_run_twice(lab, *arguments)


@with_lab
def by_tasks_that_run_twice_beside_others(lab: Lab, *arguments: Any) -> None:
    by_tasks_that_run_twice(lab, *arguments)


@with_empty_disk
def on_an_empty_disk_by_tasks(lab: Lab, overwrite: bool) -> None:
    """A worker knows more than who has sent it, once another match is there: it has to tell."""
    inputs = two_matches(lab, ("Azed", "New", "new"))
    with pytest.raises(ShuffleError, match="give another destination") as caught:
        shuffle(inputs, overwrite=overwrite, executor=Immediate())
    [failed], copied = caught.value.failed, caught.value.results
    assert {result.source for result in (failed, *copied)} == {source for source, *_ in inputs}
    for source, destination, _ in inputs[1:]:
        assert str(destination) in str(caught.value)
        assert str(source) in str(caught.value) or source == failed.source


# Tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_nothing_is_made_of_a_match_with_two_names_that_are_one(
    folding: fuse.Caller, copier: str, kind: str
) -> None:
    folding(copied_to_what_is_new, copier, kind)


@pytest.mark.parametrize(("kind", "before"), MERGES)
def test_nothing_is_lost_where_a_directory_is_merged_into(
    folding: fuse.Caller, copier: str, kind: str, before: str
) -> None:
    folding(merged, copier, kind, before)


def test_a_file_takes_the_place_of_one_that_is_spelled_differently(
    folding: fuse.Caller, copier: str
) -> None:
    folding(one_over_another_spelling, copier)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_of_two_destinations_that_are_one_the_first_is_copied(
    folding: fuse.Caller, copier: str, kind: str, overwrite: bool, before: bool
) -> None:
    folding(two_destinations, copier, kind, overwrite, before)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_two_destinations_that_are_one_raise_if_asked(
    folding: fuse.Caller, copier: str, kind: str, overwrite: bool
) -> None:
    folding(two_destinations_raise, copier, kind, overwrite)


def test_destinations_beside_each_other(folding: fuse.Caller, copier: str) -> None:
    folding(beside_each_other, copier)


@pytest.mark.parametrize(
    ("source", "destination"), [("Run", "run"), ("Run/Sub", "run"), ("Run", "run/new")]
)
def test_a_destination_that_is_the_source_by_another_name(
    folding: fuse.Caller, copier: str, source: str, destination: str
) -> None:
    folding(into_the_source, copier, source, destination)


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize(
    ("one", "other"), [("A.csv", "a.csv"), ("Data/x", "data/y"), ("Data/x", "data/x")]
)
def test_what_is_built_piece_by_piece(
    folding: fuse.Caller, copier: str, one: str, other: str, is_there: bool
) -> None:
    folding(built_piece_by_piece, copier, one, other, is_there)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_comes_from_a_store(folding: fuse.Caller, copier: str, overwrite: bool) -> None:
    folding(from_a_store, copier, overwrite)


def test_what_is_there_tells_that_case_does_not_count(folding: fuse.Caller) -> None:
    folding(is_told_by_what_is_there, portable.COPIERS[0], True)


def test_what_is_there_tells_that_case_counts(exact: fuse.Caller) -> None:
    exact(is_told_by_what_is_there, portable.COPIERS[0], False)


def test_where_they_are_two_all_is_copied(exact: fuse.Caller, copier: str) -> None:
    exact(all_is_copied, copier)


def test_names_that_nobody_takes_for_one(dots: fuse.Caller, copier: str) -> None:
    dots(names_that_only_it_takes_for_one, copier)


@pytest.mark.parametrize("by_tasks", [False, True])
@pytest.mark.parametrize("stored", [(), (0, 1), (0,), (1,)])
@pytest.mark.parametrize(("overwrite", "is_there"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("names", [("run", "run."), ("run/...", "run/....")])
def test_destinations_that_nobody_takes_for_one(
    dots: fuse.Caller,
    names: tuple[str, str],
    overwrite: bool,
    is_there: bool,
    stored: tuple[int, ...],
    by_tasks: bool,
) -> None:
    arguments = names, overwrite, is_there, stored, by_tasks
    dots(destinations_that_only_it_takes_for_one, portable.COPIERS[0], *arguments)


@pytest.mark.parametrize("stored", [(), (0, 1), (0,), (1,)])
@pytest.mark.parametrize("overwrite", [False, True])
def test_on_an_empty_disk(empty: fuse.Caller, overwrite: bool, stored: tuple[int, ...]) -> None:
    empty(on_an_empty_disk, portable.COPIERS[0], overwrite, stored)


@pytest.mark.parametrize("by_tasks", [False, True])
@pytest.mark.parametrize("stored", [(), (0, 1, 2, 3), (0,), (1,), (3,), (1, 2), (0, 3)])
@pytest.mark.parametrize("overwrite", [False, True])
def test_one_in_another_on_an_empty_disk(
    empty: fuse.Caller, overwrite: bool, stored: tuple[int, ...], by_tasks: bool
) -> None:
    arguments = overwrite, stored, by_tasks
    empty(one_in_another_on_an_empty_disk, portable.COPIERS[0], *arguments)


@pytest.mark.parametrize("overwrite", [False, True])
def test_on_an_empty_disk_by_tasks(empty: fuse.Caller, overwrite: bool) -> None:
    empty(on_an_empty_disk_by_tasks, portable.COPIERS[0], overwrite)


def test_what_is_built_of_names_that_nobody_takes_for_one(dots: fuse.Caller) -> None:
    dots(built_piece_by_piece, portable.COPIERS[0], "x", "x.", True)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["a link above", "a link"])
def test_links_to_an_empty_disk(empty: fuse.Caller, kind: str, overwrite: bool) -> None:
    empty(by_links_on_an_empty_disk, portable.COPIERS[0], kind, overwrite)


#: Of two matches those that come from a store, and those whose destinations are wrapped.
RUN_TWICE = [((), ()), ((0, 1), ()), ((0, 1), (0, 1)), ((0, 1), (1,)), ((1,), (1,))]


@pytest.mark.filterwarnings("ignore:UPath 'simplecache'")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("stored", "wrapped"), RUN_TWICE)
@pytest.mark.parametrize("names", [("New", "new"), (E_NFC, E_NFC.upper())])
def test_by_tasks_that_run_twice_on_an_empty_disk(
    empty: fuse.Caller,
    names: tuple[str, str],
    stored: tuple[int, ...],
    wrapped: tuple[int, ...],
    overwrite: bool,
) -> None:
    arguments = portable.COPIERS[0], names, stored, wrapped, overwrite
    empty(by_tasks_that_run_twice_on_an_empty_disk, *arguments)


@pytest.mark.filterwarnings("ignore:UPath 'simplecache'")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("stored", "wrapped"), RUN_TWICE)
def test_by_tasks_that_run_twice_to_names_that_nobody_takes_for_one(
    dots: fuse.Caller, stored: tuple[int, ...], wrapped: tuple[int, ...], overwrite: bool
) -> None:
    arguments = portable.COPIERS[0], ("run", "run."), stored, wrapped, overwrite
    dots(by_tasks_that_run_twice_beside_others, *arguments)
