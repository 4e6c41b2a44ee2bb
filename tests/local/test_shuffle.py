"""shuffle, shuffle_to, shuffle_with and a pattern's copy: arguments, results, errors, log."""

import logging
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pathvein
import portable
from pathvein import (
    FileStructurePattern,
    ScanResult,
    ShuffleError,
    ShuffleInput,
    ShuffleProgress,
    ShuffleResult,
    ShuffleWarning,
    scan,
    shuffle,
    shuffle_to,
    shuffle_with,
)
from pathvein._copying import here

#: For calls that a type checker refuses.
ANY: Any = pathvein
RUN = FileStructurePattern("run_*", files=["*.csv"], optional_files=["notes.txt"])


@pytest.fixture(autouse=True, params=portable.COPIERS)
def copier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it by the core, and by what copies on Windows."""
    portable.use(monkeypatch, request.param)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A laboratory with two runs, in which there is more than belongs to them."""
    lab = tmp_path.resolve() / "lab"
    for run in "run_1", "run_2":
        (lab / run / "cache").mkdir(parents=True)
        (lab / run / "a.csv").write_text(f"of {run}")
        (lab / run / "a.tmp").write_text("no")
        (lab / run / "cache/x.csv").write_text("no")
    (lab / "run_1/notes.txt").write_text("notes")
    return lab


@pytest.fixture
def out(lab: Path) -> Path:
    """Where copies go; it does not exist."""
    return lab.parent / "out"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """The log lines of copying so far, each with its level."""
    caplog.set_level(logging.DEBUG, "pathvein")

    def lines() -> list[tuple[str, str]]:
        records = [record for record in caplog.records if record.name.startswith("pathvein")]
        assert {record.name for record in records} <= {"pathvein.lib"}
        return [(record.levelname, record.getMessage()) for record in records]

    return lines


def inputs(lab: Path, out: Path, *names: str) -> list[Any]:
    return [ShuffleInput(lab / name, out / name, RUN) for name in names]


def files(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


# What is copied, and what is returned.


def test_what_belongs_is_copied_to_the_destination_itself(lab: Path, out: Path) -> None:
    [result] = shuffle([(lab / "run_1", out / "deep/copy", RUN)])
    assert files(out) == ["deep", "deep/copy", "deep/copy/a.csv", "deep/copy/notes.txt"]
    assert (out / "deep/copy/a.csv").read_text() == "of run_1"
    assert (result.files, result.bytes, result.skipped, result.errors) == (2, 13, [], [])


def test_results_are_the_objects_that_were_passed(lab: Path, out: Path) -> None:
    given = inputs(lab, out, "run_2", "run_1")
    results = shuffle(given)
    assert results == [tuple(each) for each in given]
    for result, each in zip(results, given, strict=True):
        assert type(result) is ShuffleResult
        assert all(a is b for a, b in zip(result, each, strict=True))


def test_any_iterable_is_taken_once(lab: Path, out: Path) -> None:
    taken = []

    def items() -> Iterator[Any]:
        for each in inputs(lab, out, "run_1", "run_2"):
            taken.append(each)
            yield each

    assert shuffle(items()) == taken
    assert len(taken) == 2
    assert ANY.shuffle([list(each) for each in inputs(lab, out / "2", "run_1")])
    assert shuffle([]) == []


def test_calls_as_of_0_9(lab: Path, out: Path) -> None:
    """By position, of a set of results, and with a `Path`."""
    matches = scan(lab, [RUN])
    first = shuffle_to(matches, out, False, True)
    assert not out.exists()
    again = shuffle_to(matches, out, False, False, None, 2)
    assert sorted(first) == sorted(again)
    assert {result.destination for result in again} == {out / "run_1", out / "run_2"}
    assert shuffle_with(matches, lambda match: out / match.source.name, False, False) == []
    assert len(shuffle_with(matches, lambda match: out / match.source.name, True)) == 2
    assert len(shuffle(again, True, False)) == 2


def test_what_0_9_took(lab: Path, out: Path) -> None:
    """Anything that is true or false, and any three objects."""
    [given] = inputs(lab, out, "run_1")
    assert ANY.shuffle([list(given)], 0, 1) == [given]
    assert not out.exists()
    assert ANY.shuffle([iter(given)], None, None, 0) == [given]
    assert ANY.shuffle([dict.fromkeys(given)], overwrite=[], use_threading=2) == []
    assert ANY.shuffle(iter([given]), overwrite=1) == [given]


@pytest.mark.parametrize("make", [str, os.fsencode])
def test_kinds_of_local_paths(lab: Path, out: Path, make: Callable[[Path], Any]) -> None:
    class Somewhere:
        def __init__(self, path: Path) -> None:
            self._path = make(path)

        def __fspath__(self) -> Any:
            return self._path

    source, destination = Somewhere(lab / "run_1"), Somewhere(out)
    [result] = shuffle([(source, destination, RUN)])
    assert result.source is source
    assert files(out) == ["a.csv", "notes.txt"]


def test_local_urls_and_upaths(lab: Path, out: Path) -> None:
    upath = pytest.importorskip("upath").UPath
    run = upath((lab / "run_1").as_uri())
    [result] = shuffle([(run, (out / "url").as_uri(), RUN)])
    assert result == (run, (out / "url").as_uri(), RUN)
    [result] = shuffle_to([ScanResult(run, RUN)], upath(str(out)))
    assert result.destination == upath(str(out / "run_1"))
    assert files(out / "run_1") == files(out / "url") == ["a.csv", "notes.txt"]


def test_relative_paths_and_tildes_are_paths(
    lab: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(lab)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shuffle([(Path("run_1"), Path("~"), RUN), ("run_2", "../out/2", RUN)])
    assert files(lab / "~") == ["a.csv", "notes.txt"]
    assert files(lab / "../out") == ["2", "2/a.csv"]


@pytest.mark.parametrize("make", [str, Path])
def test_shuffle_to_makes_paths(lab: Path, out: Path, make: Callable[[Path], Any]) -> None:
    results = shuffle_to([ScanResult(lab / "run_1", RUN)], make(out))
    assert results == [(lab / "run_1", out / "run_1", RUN)]
    assert isinstance(results[0].destination, Path)
    # The name of a text is the last component, too.
    text = ANY.ScanResult(f"{lab}/run_2/", RUN)
    assert shuffle_to([text], make(out))[0].destination == out / "run_2"

    class Somewhere:
        def __fspath__(self) -> str:
            return f"{lab}/run_2"

    somewhere = ANY.ScanResult(Somewhere(), RUN)
    assert shuffle_to([somewhere], make(out / "2"))[0].destination == out / "2/run_2"


def test_shuffle_with_asks_before_anything_is_copied(lab: Path, out: Path) -> None:
    matches = sorted(scan(lab, RUN))
    asked = []

    def destination(match: ScanResult) -> str:
        asked.append(match)
        if len(asked) == 2:
            raise LookupError("no place")
        return str(out / "x")

    with pytest.raises(LookupError, match="no place"):
        shuffle_with(matches, destination)
    assert asked == matches
    assert not out.exists()
    results = shuffle_with(matches, lambda match: f"{out}/{match.source.name[-1]}")
    assert [result.destination for result in results] == [f"{out}/1", f"{out}/2"]
    assert files(out) == ["1", "1/a.csv", "1/notes.txt", "2", "2/a.csv"]


def test_stop_iteration_is_no_end(lab: Path, out: Path) -> None:
    def stop(*_: object) -> Any:
        raise StopIteration

    missing = [(lab / "gone", out / "gone", RUN)]
    for call in (
        lambda: shuffle_with(scan(lab, RUN), stop),
        lambda: shuffle(inputs(lab, out, "run_1"), True, progress=stop),
        lambda: shuffle(missing, on_error=stop),
    ):
        with pytest.raises(RuntimeError):
            call()


def test_result_is_a_tuple_of_three_with_attributes() -> None:
    result = ShuffleResult(Path("a"), Path("b"), RUN)
    for equal in ((Path("a"), Path("b"), RUN), ShuffleInput(*result)):
        assert (result, hash(result)) == (equal, hash(equal))
    assert [*result.skipped, *result.errors, *result.replaced] == []
    for attribute in (result.skipped, result.errors, result.replaced):
        assert isinstance(attribute, list)
    result.files, result.bytes = 1, 2
    result.skipped.append(("link", "a link to a directory"))
    result.errors.append(OSError(28, "No space left on device", "b"))
    copy = pickle.loads(pickle.dumps(result))
    assert (copy, hash(copy)) == (result, hash(result))
    assert (copy.files, copy.bytes, copy.skipped) == (1, 2, result.skipped)
    assert repr(copy.errors) == repr(result.errors)
    replaced = result._replace(source=Path("c"))
    assert replaced == (Path("c"), Path("b"), RUN)
    assert (replaced.files, replaced.bytes, replaced.errors) == (1, 2, result.errors)
    assert ShuffleResult._fields == ShuffleInput._fields == ("source", "destination", "pattern")
    assert ShuffleResult.__match_args__ == ShuffleInput._fields
    assert repr(result).startswith("ShuffleResult(source=")


# What is skipped.


def test_what_exists_is_skipped(
    lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]]
) -> None:
    (out / "run_1").mkdir(parents=True)
    (out / "run_1/a.csv").write_text("old")
    assert shuffle(inputs(lab, out, "run_1", "run_2"), False, False, False) == [
        (lab / "run_2", out / "run_2", RUN)
    ]
    assert files(out / "run_1") == ["a.csv"]
    assert (out / "run_1/a.csv").read_text() == "old"
    assert sorted(log()[:2]) == [
        ("DEBUG", f"{lab / 'run_2'} copied to {out / 'run_2'}"),
        ("ERROR", f"Destination folder already exists: {out / 'run_1'}. Skipping: run_1"),
    ]
    assert log()[2:] == [("INFO", "Copied 1 directories")]


def test_overwriting(lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]]) -> None:
    (out / "run_1").mkdir(parents=True)
    (out / "run_1/a.csv").write_text("old")
    (out / "run_1/more").write_text("old")
    [result] = shuffle(inputs(lab, out, "run_1"), overwrite=True)
    assert (result.files, result.replaced) == (2, [])
    assert files(out / "run_1") == ["a.csv", "more", "notes.txt"]
    assert (out / "run_1/a.csv").read_text() == "of run_1"
    assert [level for level, _ in log()] == ["DEBUG", "INFO"]


def test_dry_run_says_the_same_and_touches_nothing(
    lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]], caplog: pytest.LogCaptureFixture
) -> None:
    (out / "run_1").mkdir(parents=True)
    deep: list[Any] = [ShuffleInput(lab / "run_2", out / "deep/run_2", RUN)]
    before = files(lab.parent)
    given = inputs(lab, out, "run_1") + deep + deep
    [result] = shuffle(given, dryrun=True, use_threading=False)
    assert (result, result.files, result.bytes) == (deep[0], 1, 8)
    assert files(lab.parent) == before
    said = log()
    caplog.clear()
    assert shuffle(given, use_threading=False) == [result]
    assert log() == said
    assert {level for level, _ in said} == {"ERROR", "DEBUG", "INFO"}


def test_one_destination(lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]]) -> None:
    given = [(lab / name, out / "x", RUN) for name in ("run_2", "run_1")]
    with pytest.raises(ShuffleError) as caught:
        shuffle(given, on_conflict="raise", on_error="ignore")
    assert not out.exists()
    assert log() == []
    [failed] = caught.value.failed
    assert (failed, caught.value.results) == (given[0], [])
    [error] = failed.errors
    assert isinstance(error, FileExistsError)
    assert error.filename == caught.value.filename == str(out / "x")
    assert str(caught.value).startswith("nothing was copied, as several have one destination: ")
    assert str(lab / "run_1") in str(error)

    assert shuffle(given) == [given[1]]
    assert log() == [
        (
            "ERROR",
            f"Several directories have one destination: {out / 'x'}. "
            f"Copying: {lab / 'run_1'}. Skipping: {lab / 'run_2'}",
        ),
        ("DEBUG", f"{lab / 'run_1'} copied to {out / 'x'}"),
        ("INFO", "Copied 1 directories"),
    ]
    # Once it is there, none is copied, and so nothing is decided.
    assert shuffle(given, on_conflict="raise") == []
    assert sorted(log()[3:]) == [
        ("ERROR", f"Destination folder already exists: {out / 'x'}. Skipping: run_1"),
        ("ERROR", f"Destination folder already exists: {out / 'x'}. Skipping: run_2"),
        ("INFO", "Copied 0 directories"),
    ]


ALL = FileStructurePattern("run_*", files=["*"])


def test_several_patterns_of_one_directory(
    lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]]
) -> None:
    """Which is copied does not depend on their order."""
    first, other = sorted([RUN, ALL])
    for number, patterns in enumerate([(RUN, ALL), (ALL, RUN)]):
        to = out / f"{number}"
        given = [(lab / "run_1", to, pattern) for pattern in patterns]
        before = len(log())
        assert [result.pattern for result in shuffle(given)] == [first]
        assert log()[before] == (
            "ERROR",
            f"Several patterns match {lab / 'run_1'}. Copying to {to} what belongs to "
            f"{first.to_json()}. Skipping: {other.to_json()}",
        )
    with pytest.raises(ShuffleError, match="match it: one of them can be copied there") as caught:
        shuffle([(lab / "run_1", out / "x", each) for each in (ALL, RUN)], on_conflict="raise")
    assert first.to_json() in str(caught.value)
    assert not (out / "x").exists()
    twice = [(lab / "run_1", out / "x", RUN)] * 2
    assert shuffle(twice) == twice[:1]
    assert log()[-3][1].startswith("Given more than once: ")


@pytest.mark.parametrize("store", [False, True])
def test_what_is_refused_stands_in_nobodys_way(lab: Path, store: bool) -> None:
    """A run that finds the copies of the one before, too, copies all else."""
    top: Any = lab
    if store:
        top = pytest.importorskip("upath").UPath(f"memory://{lab.parent.name}-refused")
        for run in "run_1", "run_2":
            (top / run).mkdir(parents=True)
            (top / run / "a.csv").write_text(f"of {run}")
    assert len(shuffle_to(scan(top, RUN), top / "sorted")) == 2
    (top / "run_2/a.csv").write_text("new")
    matches = sorted(scan(top, RUN), key=lambda match: str(match.source))
    assert len(matches) == 4
    with pytest.raises(ShuffleError, match="cannot be copied into itself") as caught:
        shuffle_to(matches, top / "sorted", overwrite=True)
    error = caught.value
    assert [str(r.source) for r in error.results] == [str(top / "run_1"), str(top / "run_2")]
    assert {str(r.source) for r in error.failed} == {str(top / f"sorted/run_{n}") for n in "12"}
    assert (top / "sorted/run_2/a.csv").read_text() == "new"


def test_log_is_left_to_the_caller(lab: Path, out: Path) -> None:
    loggers = [logging.getLogger(name) for name in (None, "pathvein", "pathvein.lib")]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    shuffle(inputs(lab, out, "run_1"))
    assert before == [(logger.level, logger.handlers, logger.propagate) for logger in loggers]


def test_records_have_the_objects(lab: Path, out: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Handlers may read them."""
    caplog.set_level(logging.DEBUG, "pathvein.lib")
    [given] = inputs(lab, out, "run_1")
    shuffle([given])
    debug, info = caplog.records
    assert debug.args == (given.source, given.destination)
    assert (info.msg, info.args) == ("Copied %s directories", (1,))


def test_some_local_and_some_remote(
    lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]]
) -> None:
    """What two engines would write to is found over both."""
    upath = pytest.importorskip("upath").UPath
    store = upath(f"memory://{lab.parent.name}")
    (store / "run_1").mkdir(parents=True)
    (store / "run_1/s.csv").write_text("stored")
    given: list[Any] = [
        (store / "run_1", out / "run_1", RUN),
        (lab / "run_1", f"{out}/../out/run_1", RUN),
        (lab / "run_2", store / "run_2", RUN),
        (lab / "gone", out / "gone", RUN),
        (store / "run_1", str(out / "s"), RUN),
    ]
    errors: list[OSError] = []
    reports: list[ShuffleProgress] = []
    results = shuffle(given, on_error=errors.append, progress=reports.append)
    assert results == [given[1], given[2], given[4]]
    assert reports[-1] == (4, 27, 4, 27)
    assert [error.filename for error in errors] == [str(lab / "gone")]
    assert log()[0][1].startswith("Several directories have one destination: ")
    assert files(out) == ["run_1", "run_1/a.csv", "run_1/notes.txt", "s", "s/s.csv"]
    assert (store / "run_2/a.csv").read_text() == "of run_2"


def test_of_local_and_remote_the_first_by_source_is_copied(lab: Path, out: Path) -> None:
    upath = pytest.importorskip("upath").UPath
    store = upath(f"memory://{lab.parent.name}-first")
    for run in "run_1", "run_2":
        (store / run).mkdir(parents=True)
        (store / run / "s.csv").write_text("stored")
    given: list[Any] = [
        (store / "run_2", out / "x", RUN),
        (store / "run_1", out / "x", RUN),
        (lab / "run_1", out / "y", RUN),
    ]
    assert shuffle(given) == given[1:]
    given = [(store / "run_1", out / "z", RUN), (lab / "run_1", f"{out}/z", RUN)]
    assert shuffle(given) == given[1:]
    assert shuffle(given[::-1], overwrite=True) == given[1:]


@pytest.mark.parametrize("dryrun", [True, False])
def test_what_is_below_another_destination_comes_after_it(
    lab: Path, out: Path, dryrun: bool
) -> None:
    """Of whichever kind the two are."""
    upath = pytest.importorskip("upath").UPath
    store = upath(f"memory://{lab.parent.name}-below{dryrun}")
    (store / "run_1").mkdir(parents=True)
    (store / "run_1/s.csv").write_text("stored")
    given: list[Any] = [
        (lab / "run_2", out / "a/b/c/d", RUN),
        (store / "run_1", out / "a/b/c", RUN),
        (lab / "run_1", out / "a/b", RUN),
        (store / "run_1", out / "a", RUN),
        (lab / "run_2", out, RUN),
    ]
    assert shuffle(given, dryrun=dryrun) == given
    if not dryrun:
        assert files(out) == [
            *("a", "a.csv", "a/b", "a/b/a.csv", "a/b/c", "a/b/c/d", "a/b/c/d/a.csv"),
            *("a/b/c/s.csv", "a/b/notes.txt", "a/s.csv"),
        ]
    else:
        assert not out.exists()


def test_one_destination_in_a_store_that_exists(
    lab: Path, log: Callable[[], list[tuple[str, str]]]
) -> None:
    """It is told as on this machine."""
    upath = pytest.importorskip("upath").UPath
    store = upath(f"memory://{lab.parent.name}-exists")
    given: list[Any] = [(lab / name, store / "x", RUN) for name in ("run_1", "run_2")]
    assert shuffle(given) == given[:1]
    before = len(log())
    assert shuffle(given, on_conflict="raise") == []
    assert sorted(log()[before:-1]) == [
        ("ERROR", f"Destination folder already exists: {store / 'x'}. Skipping: run_1"),
        ("ERROR", f"Destination folder already exists: {store / 'x'}. Skipping: run_2"),
    ]
    with pytest.raises(ShuffleError, match="nothing was copied"):
        shuffle(given, overwrite=True, on_conflict="raise")


@pytest.mark.parametrize("name", ["run_\0", "run_\ud800"])
def test_key_that_no_file_can_have_is_an_error_of_its_match(
    lab: Path, out: Path, name: str
) -> None:
    """The others are copied, however the destination is made of the name."""
    upath = pytest.importorskip("upath").UPath
    from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

    fs = MemoryFileSystem()
    top = f"/{lab.parent.name}-hostile"
    for run in name, "run_1":
        key = f"{top}/{run}/a.csv"
        fs.store[key] = MemoryFile(fs, key, b"stored")
    matches = scan(f"memory:/{top}", RUN)
    assert len(matches) == 2
    calls: list[Callable[[Path], object]] = [
        lambda to: shuffle_to(matches, to),
        lambda to: shuffle_to(matches, str(to)),
        lambda to: shuffle_with(matches, lambda match: to / match.source.name),
        lambda to: shuffle([(m.source, to / m.source.name, RUN) for m in matches]),
    ]
    for number, call in enumerate(calls):
        to = out / str(number)
        with pytest.raises(ShuffleError, match="1 of 2 directories") as caught:
            call(to)
        [error] = caught.value.exceptions
        assert (error.errno, error.filename) == (22, f"{to}/{name}")
        assert files(to) == ["run_1", "run_1/a.csv"]
    # In a store, a name may be what it likes.
    assert upath(f"memory:/{top}").joinpath(name, "a.csv").read_text() == "stored"


@pytest.mark.parametrize("exists", [False, True])
def test_source_of_another_is_not_written_to(lab: Path, out: Path, exists: bool) -> None:
    upath = pytest.importorskip("upath").UPath
    store = upath(f"memory://{lab.parent.name}{exists}")
    (store / "run_1").mkdir(parents=True)
    (store / "run_1/s.csv").write_text("stored")
    given: list[Any] = [(store / "run_1", lab, RUN), (lab / "run_1", out, RUN)]
    before = files(lab)
    if exists:
        assert shuffle(given) == [given[1]]
    else:
        with pytest.raises(ShuffleError) as caught:
            shuffle(given, overwrite=True)
        [error] = caught.value.exceptions
        assert (error.errno, error.filename) == (22, str(lab))
        assert caught.value.results == [given[1]]
    assert files(lab) == before


# What cannot be copied.


def test_errors_are_raised_at_the_end(
    lab: Path, out: Path, log: Callable[[], list[tuple[str, str]]]
) -> None:
    given = inputs(lab, out, "gone", "run_1", "lost", "run_2")
    with pytest.raises(ShuffleError) as caught:
        shuffle(given)
    error = caught.value
    assert isinstance(error, OSError)
    assert error.results == [given[1], given[3]]
    assert error.failed == [given[0], given[2]]
    assert files(out) == ["run_1", "run_1/a.csv", "run_1/notes.txt", "run_2", "run_2/a.csv"]
    for result, reason in zip(error.failed, error.exceptions, strict=True):
        assert result.errors == [reason]
        assert isinstance(reason, FileNotFoundError)
        assert reason.filename == str(result.source)
        assert reason.__notes__
    assert str(error).startswith(f"2 of 4 directories could not be copied: {lab / 'gone'} -> ")
    assert str(error.exceptions[1]) in str(error)
    assert error.__cause__ is error.exceptions[0]
    assert log()[-1] == ("INFO", "Copied 2 directories")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.results, copy.failed) == (str(error), error.results, error.failed)


def test_error_of_one_has_its_number(lab: Path, out: Path) -> None:
    with pytest.raises(ShuffleError) as caught:
        shuffle(inputs(lab, out, "gone"))
    assert caught.value.errno == pickle.loads(pickle.dumps(caught.value)).errno == 2


def test_long_lists_of_errors_are_cut(lab: Path, out: Path) -> None:
    with pytest.raises(ShuffleError, match=r"5 of 5 .*gone_2.*; and 2 more$") as caught:
        shuffle(inputs(lab, out, *(f"gone_{i}" for i in range(5))))
    assert "gone_3" not in str(caught.value)


def test_errors_as_a_warning(lab: Path, out: Path) -> None:
    given = inputs(lab, out, "gone", "run_1")
    with pytest.warns(ShuffleWarning, match="1 of 2 directories") as caught:
        assert shuffle(given, on_error="warn") == [given[1]]
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]


def test_errors_that_are_ignored(lab: Path, out: Path) -> None:
    given = inputs(lab, out, "gone", "run_1")
    assert shuffle(given, on_error="ignore") == [given[1]]


def test_errors_for_a_callable(lab: Path, out: Path) -> None:
    given = inputs(lab, out, "gone", "run_1", "lost")
    errors: list[OSError] = []
    assert shuffle(given, on_error=errors.append) == [given[1]]
    assert sorted(error.filename for error in errors) == [str(lab / "gone"), str(lab / "lost")]


def test_callable_that_raises_ends_it(lab: Path, out: Path) -> None:
    def refuse(error: OSError) -> None:
        raise LookupError from error

    with pytest.raises(LookupError):
        shuffle(inputs(lab, out, "gone", "run_1"), on_error=refuse, use_threading=False)
    assert not list(out.glob(".*")) if out.exists() else True


# How.


def test_progress(lab: Path, out: Path) -> None:
    reports: list[ShuffleProgress] = []
    shuffle(inputs(lab, out, "run_1", "run_2"), progress=reports.append)
    assert reports[-1] == (3, 21, 3, 21)
    assert reports[-1].files_planned == 3
    assert reports == sorted(reports)
    reports.clear()
    shuffle([], progress=reports.append)
    assert reports == [(0, 0, 0, 0)]


def test_progress_that_raises_ends_it(lab: Path, out: Path) -> None:
    def refuse(progress: ShuffleProgress) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        shuffle(inputs(lab, out, "run_1"), progress=refuse)


@pytest.mark.parametrize(
    ("options", "threads"),
    [
        ({}, None),
        ({"use_threading": True}, None),
        ({"use_threading": False, "max_workers": 5}, 1),
        ({"use_threading": True, "max_workers": 5}, 5),
        ({"max_workers": 3, "concurrency": 7}, 3),
        ({"concurrency": 7}, None),
    ],
)
def test_how_many_workers(
    lab: Path,
    out: Path,
    options: dict[str, Any],
    threads: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    engine = here.Copy

    def copy(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs)
        return engine(*args, **kwargs)

    monkeypatch.setattr(here, "Copy", copy)
    shuffle(inputs(lab, out, "run_1"), links="keep", fsync=True, **options)
    [kwargs] = asked
    assert (kwargs["threads"], kwargs["links"], kwargs["fsync"]) == (threads, "keep", True)
    assert not kwargs["totals"]


ANY_RUN: Any = RUN
go: Any = shuffle
to: Any = shuffle_to
by: Any = shuffle_with
GOOD = [(Path("a"), Path("b"), RUN)]


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: go(GOOD, False, "no"), TypeError, "dryrun must be bool"),
        (
            lambda: go(GOOD, max_workers=0),
            ValueError,
            "max_workers must be at least 1",
        ),
        (
            lambda: go(GOOD, max_workers="2"),
            TypeError,
            "max_workers must be int or None",
        ),
        (lambda: go(GOOD, on_error="stop"), ValueError, "on_error must be"),
        (lambda: go(GOOD, on_conflict="warn"), ValueError, "on_conflict must be"),
        (lambda: go(GOOD, links=True), TypeError, "links must be"),
        (
            lambda: go(GOOD, links="copy"),
            ValueError,
            'links must be "follow" or "keep"',
        ),
        (lambda: go(GOOD, fsync=None), TypeError, "fsync must be bool"),
        (lambda: go(GOOD, progress=1), TypeError, "progress must be a callable"),
        (
            lambda: go(GOOD, concurrency=9999),
            ValueError,
            "concurrency must be at most",
        ),
        (lambda: go(GOOD, storage_options=[]), TypeError, "storage_options must be"),
        (
            lambda: go(GOOD, storage_options={"a": 1}),
            ValueError,
            "storage_options are for",
        ),
        (lambda: go("abc"), TypeError, "shuffle_def must be an iterable"),
        (lambda: go(None), TypeError, "shuffle_def must be an iterable"),
        (
            lambda: go([*GOOD, (1, 2)]),
            TypeError,
            r"shuffle_def\[1\] must be a ShuffleInput",
        ),
        (lambda: go(["abc"]), TypeError, r"shuffle_def\[0\] must be a ShuffleInput"),
        (lambda: go([7]), TypeError, r"shuffle_def\[0\] must be a ShuffleInput"),
        (
            lambda: go([(1, "b", RUN)]),
            TypeError,
            r"shuffle_def\[0\].source must be str",
        ),
        (
            lambda: go([("a", 1, RUN)]),
            TypeError,
            r"shuffle_def\[0\].destination must be",
        ),
        (
            lambda: go([("a", "b", "*")]),
            TypeError,
            r"shuffle_def\[0\].pattern must be",
        ),
        (lambda: go([("", "b", RUN)]), ValueError, r"\[0\].source must not be empty"),
        (
            lambda: go([("a", "", RUN)]),
            ValueError,
            r"\[0\].destination must not be empty",
        ),
        (lambda: go([("a\0", "b", RUN)]), ValueError, r"\[0\].source must be a path"),
        (lambda: go([("a", "b\0", RUN)]), ValueError, r"\[0\].destination must be a path"),
        (lambda: go([("\ud800", "b", RUN)]), ValueError, r"def\[0\].source must .* encoded"),
        (lambda: go([*GOOD, ("a", "\ud800", RUN)]), ValueError, r"def\[1\].destination must"),
        (lambda: to([], "b\ud800"), ValueError, "destination must be a path"),
        (
            lambda: by([ANY.ScanResult(Path("a"), RUN)], lambda _: "b\0"),
            ValueError,
            r"destination_fn\(matches\[0\]\) must be a path",
        ),
        (
            lambda: go([*GOOD, ("a", "nonesuch://c", RUN)]),
            ValueError,
            r"shuffle_def\[1\].destination must be a path or a URL, not 'nonesuch://c'",
        ),
        (
            lambda: go([("a", "a-b://c", RUN)]),
            ValueError,
            r"destination must be a path or a",
        ),
        (lambda: to(GOOD, "b"), TypeError, r"matches\[0\] must be a ScanResult"),
        (lambda: to(5, "b"), TypeError, "matches must be an iterable"),
        (lambda: to([], ""), ValueError, "destination must not be empty"),
        (lambda: to([], b"b"), TypeError, "destination must be str"),
        (
            lambda: to([ANY.ScanResult(1, RUN)], "b"),
            TypeError,
            r"matches\[0\].source must",
        ),
        (lambda: by([], "b"), TypeError, "destination_fn must be a callable"),
        (
            lambda: by([ANY.ScanResult(Path("a"), RUN)], lambda _: None),
            TypeError,
            r"destination_fn\(matches\[0\]\) must be str",
        ),
        (lambda: ANY_RUN.copy("", "b"), ValueError, "source must not be empty"),
        (lambda: ANY_RUN.copy("a", None), TypeError, "destination must be str"),
        (lambda: ANY_RUN.threaded_copy("a", "b", max_workers=0), ValueError, "max_workers must be"),
    ],
)
def test_wrong_arguments(
    call: Callable[[], object], kind: type[Exception], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(here, "Copy")
    with pytest.raises(kind, match=text):
        call()


# A pattern's methods.


@pytest.mark.parametrize("name", ["copy", "threaded_copy"])
def test_copy_of_one(
    lab: Path, out: Path, name: str, log: Callable[[], list[tuple[str, str]]]
) -> None:
    copy = getattr(RUN, name)
    assert copy(lab / "run_1", out / "x", dryrun=True) is None
    assert not out.exists()
    assert copy(lab / "run_1", out / "x") is None
    assert files(out / "x") == ["a.csv", "notes.txt"]
    for dryrun in (False, True):
        with pytest.raises(FileExistsError) as caught:
            copy(lab / "run_2", out / "x", False, dryrun)
        assert caught.value.filename == str(out / "x")
    assert copy(lab / "run_2", out / "x", True) is None
    assert (out / "x/a.csv").read_text() == "of run_2"
    with pytest.raises(FileNotFoundError) as missing:
        copy(lab / "gone", out / "y")
    assert missing.value.filename == str(lab / "gone")
    assert log() == []


def test_several_errors_of_one(lab: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        """An engine that fails for two reasons, after it replaced four files."""

        def __init__(self, *_: object, **options: object) -> None:
            pass

        def conflicts(self) -> list[tuple[int, int]]:
            return []

        def next_batch(self, seconds: float) -> tuple[list[Any], bool]:
            errors = [PermissionError(13, "no", name) for name in "ab"]
            return [(0, "failed", 4, 9, [], errors, list("wxyz"))], True

        def close(self) -> None:
            pass

    monkeypatch.setattr(here, "Copy", Failing)
    with pytest.raises(ShuffleError) as caught:
        RUN.copy(lab / "run_1", out)
    [failed] = caught.value.failed
    assert (failed.files, failed.bytes, failed.replaced) == (4, 9, list("wxyz"))
    assert [error.filename for error in caught.value.exceptions] == ["a", "b"]
    assert failed.errors[0].__notes__ == [
        "after these were replaced at the destination: w, x, y and 1 more"
    ]
    error = caught.value
    assert (error.errno, error.strerror, error.filename) == (13, "no", None)
    assert "(after these were replaced at the destination: w, x, y and 1 more)" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_names_are_everywhere() -> None:
    from pathvein import lib, pattern

    for name in ("shuffle", "shuffle_to", "shuffle_with", "ShuffleInput", "ShuffleResult"):
        assert getattr(lib, name) is getattr(pathvein, name)
    assert ShuffleInput.__module__ == ShuffleResult.__module__ == "pathvein.lib"
    for module in lib, pattern:
        assert module.logger is logging.getLogger(module.__name__)
        with pytest.raises(AttributeError, match="no attribute 'loggers'"):
            _ = module.loggers
    for name in ("copy", "threaded_copy"):
        assert hasattr(pattern.FileStructurePattern, name)
