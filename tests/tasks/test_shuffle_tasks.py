"""Copies by tasks: what one process does, whatever an executor does to the tasks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

import pathvein
from executors import Immediate, Unruly
from pathvein import (
    FileStructurePattern,
    ShuffleError,
    ShuffleInput,
    ShuffleProgress,
    scan,
    shuffle,
    shuffle_to,
    shuffle_with,
)
from pathvein._copying import task_worker

#: For calls that a type checker refuses.
ANY: Any = pathvein
DATA = FileStructurePattern("data", files=["*.bin"])
RUN = FileStructurePattern("run_*", files=["*.csv"], optional_directories=[DATA])
LOGS = FileStructurePattern("run_*", files=["*.log"])


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Twenty runs, each of another size, and one that is a file."""
    lab = tmp_path.resolve() / "lab"
    for number in range(20):
        run = lab / f"run_{number:02}"
        (run / "data").mkdir(parents=True)
        for name in "a.csv", "a.log", "data/x.bin", "data/x.tmp":
            (run / name).write_text(name * number)
        (run / "link.csv").symlink_to("a.csv")
    (lab / "run_file").write_text("no directory")
    return lab


def inputs(lab: Path, out: Path) -> list[ShuffleInput[Any, Any]]:
    """Plain ones, and all that stands in the way of something."""
    runs = [lab / f"run_{number:02}" for number in range(20)]
    given = [(run, out / run.name, RUN) for run in runs[:12]]
    given += [(runs[12], out / "run_03", RUN), (runs[13], out / "run_04/data", RUN)]
    given += [(runs[14], out / "run_04", LOGS), (runs[15], runs[15] / "inside", RUN)]
    given += [(runs[16], out / "deep/er", RUN), (runs[17], out / "deep", RUN)]
    given += [(runs[18], out / "there", RUN), (lab / "run_file", out / "file", RUN)]
    given += [(lab / "nothing", out / "nothing", RUN), (runs[19], runs[18] / "new", LOGS)]
    return [ShuffleInput(*each) for each in given]


def tree(top: Path) -> dict[str, str | None]:
    """What is in it: the content of files, and `None` for directories."""
    return {
        str(path.relative_to(top)): path.read_text() if path.is_file() else None
        for path in top.rglob("*")
    }


def told(call: Callable[[], list[Any]], top: Path) -> tuple[Any, Any]:
    """What a call returns and raises, all paths relative to a directory."""
    failed: list[Any] = []
    try:
        results = call()
    except ShuffleError as error:
        results, failed = error.results, error.failed

    def row(result: Any) -> Any:
        paths = [os.path.relpath(path, top) for path in (result.source, result.destination)]
        errors = [
            (type(error), error.errno, os.path.relpath(error.filename, top))
            for error in result.errors
        ]
        return (*paths, result.pattern, result.files, result.bytes, result.skipped, errors)

    return [row(result) for result in results], [row(result) for result in failed]


@contextmanager
def unruly(seed: int | None) -> Iterator[Unruly | None]:
    """An executor, but without a seed none."""
    if seed is None:
        yield None
        return
    executor = Unruly(Random(seed))
    try:
        yield executor
    finally:
        executor.shutdown()


@pytest.mark.parametrize("options", [{}, {"overwrite": True}, {"dryrun": True}, {"links": "keep"}])
def test_as_one_process_copies(
    lab: Path, tmp_path: Path, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The tree, what is returned, raised and logged, and the last that `progress` is told."""
    caplog.set_level("DEBUG", "pathvein.lib")
    expected: Any = None
    for seed in [None, *range(5)]:
        out = tmp_path / f"out-{seed}"
        (out / "there").mkdir(parents=True)
        (out / "there/a.csv").write_text("old")
        progress: list[ShuffleProgress] = []
        caplog.clear()
        with unruly(seed) as executor:
            more = {**options, "executor": executor, "progress": progress.append}
            found = told(partial(shuffle, inputs(lab, out), **more), out)
        new = lab / "run_18/new"
        logged = sorted(record.getMessage().replace(str(out), "") for record in caplog.records)
        whole = found, tree(out), tree(new), logged, progress[-1]
        expected = expected or whole
        assert whole == expected, seed
        for path in new.glob("*"):
            path.unlink()
        if new.exists():
            new.rmdir()
    (results, failed), made, *_ = expected
    assert len(results) > 10
    assert len(failed) == 3
    assert not any(".pathvein-" in name for name in made)


def test_what_is_in_the_way_is_known_before_a_task_is_submitted(lab: Path, tmp_path: Path) -> None:
    class None_(Immediate):
        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            raise AssertionError("something was copied")

    two = [(lab / "run_01", tmp_path / "x", RUN), (lab / "run_02", tmp_path / "x", RUN)]
    with pytest.raises(ShuffleError, match="nothing was copied"):
        shuffle(two, on_conflict="raise", executor=None_())
    same = [(lab / "run_01", lab / "run_01", RUN)]
    assert shuffle(same, executor=Immediate()) == []
    with pytest.raises(ShuffleError, match="into itself"):
        shuffle([(lab / "run_01", lab / "run_01/x", RUN)], executor=None_())


def test_all_three_functions(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With relative paths: a worker may be in another directory."""
    monkeypatch.chdir(tmp_path)

    class Elsewhere(Immediate):
        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            with monkeypatch.context() as elsewhere:
                elsewhere.chdir("/")
                return super().submit(function, *args, **kwargs)

    matches = scan("lab", RUN)
    assert len(matches) == 20
    first = shuffle_to(matches, "to", executor=Elsewhere())
    second = shuffle_with(matches, lambda m: f"with/{m.source.name}", executor=Elsewhere())
    third = shuffle([("lab/run_01", "plain", RUN)], executor=Elsewhere())
    assert [len(each) for each in (first, second, third)] == [20, 20, 1]
    assert tree(Path("to")) == tree(Path("with"))
    assert tree(Path("plain")) == tree(Path("to/run_01"))


def test_a_match_that_no_worker_could_copy_is_one_that_failed(lab: Path, tmp_path: Path) -> None:
    class Lossy(Immediate):
        """No task with this run in it comes back; what is in it is copied all the same."""

        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(function, *args, **kwargs)
            if b"run_07" in args[0].description:
                future = Future()
                future.set_exception(ConnectionError("gone"))
            return future

    matches = scan(lab, RUN)
    with pytest.raises(ShuffleError) as raised:
        shuffle_to(matches, tmp_path / "out", executor=Lossy())
    failed = {result.source.name for result in raised.value.failed}
    assert "run_07" in failed
    assert len(raised.value.results) == 20 - len(failed) > 0
    error = raised.value.exceptions[0]
    assert error.errno == errno.EIO
    assert "scanning" not in str(error.__notes__)
    assert "gone" in str(error.__notes__)


@pytest.mark.parametrize("there", ["whole", "half", "other"])
def test_only_what_a_lost_worker_has_copied_counts_as_copied(
    lab: Path, tmp_path: Path, there: str
) -> None:
    """A destination that comes up between the look at it and the task."""
    out = tmp_path / "out"

    class Before(Immediate):
        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            (out / "data").mkdir(parents=True, exist_ok=True)
            if there != "half":
                (out / "a.csv").write_text("a.csv")
                (out / "link.csv").write_text("a.csv" if there == "whole" else "a")
            (out / "data/x.bin").write_text("data/x.bin")
            return super().submit(function, *args, **kwargs)

    results = shuffle([(lab / "run_01", out, RUN)], executor=Before())
    # What is only in part there is of somebody else: nothing of a match appears before all.
    assert [(each.files, each.bytes) for each in results] == ([(3, 20)] if there == "whole" else [])


def test_what_is_overwritten_and_comes_up_while_it_is_copied(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same task runs elsewhere, and puts its copy there first."""
    out, copy = tmp_path / "out", task_worker.CopyWorker._producer_outcomes
    calls: list[Any] = []

    def second(worker: Any, matches: Any, how: Any) -> Any:
        calls.append(matches)
        outcomes = copy(worker, matches, how)
        if len(calls) > 1:
            return outcomes
        (out / "a.csv").write_text("of another")
        return [(outcome[0], "exists", 0, 0, [], [], []) for outcome in outcomes]

    monkeypatch.setattr(task_worker.CopyWorker, "_producer_outcomes", second)
    results = shuffle([(lab / "run_01", out, RUN)], executor=Immediate(), overwrite=True)
    assert [(each.files, each.bytes) for each in results] == [(3, 20)]
    assert (out / "a.csv").read_text() == "a.csv"
    assert len(calls) == 2


def test_what_the_caller_raises_ends_it(lab: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(_: object) -> None:
        raise Stop

    with ThreadPoolExecutor(2) as pool:
        runs = [(lab / "nothing", tmp_path / "out/nothing", RUN)]
        runs += [(lab / f"run_{n:02}", tmp_path / f"out/{n}", RUN) for n in range(20)]
        with pytest.raises(Stop):
            shuffle(runs, on_error=stop, executor=pool)
        assert pool.submit(int).result() == 0
    assert not any(".pathvein-" in name for name in tree(tmp_path))


def test_what_is_no_executor(lab: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="executor must be"):
        ANY.shuffle_to(scan(lab, RUN), tmp_path / "out", executor=4)
    assert not (tmp_path / "out").exists()
