"""Scans and checks of local trees on an executor: what they give, and what may go wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pathvein_core
import pytest
from upath import UPath

import pathvein
from executors import Immediate, Losing, Unruly, WorkerLost
from pathvein import FileStructurePattern
from pathvein._tasks.local import open_division, open_worker
from trees import Dir, File, Make

RUN = FileStructurePattern("run_*", ["*.csv"], [FileStructurePattern("data", ["*.parquet"])])
LAB = Dir(
    {
        f"day_{day}": Dir(
            {
                f"run_{number}": Dir(
                    {"a.csv": File(), "data": Dir({"b.parquet": File()} if number % 2 else {})}
                )
                for number in range(6)
            }
        )
        for day in range(4)
    }
)


@pytest.fixture
def executor() -> Iterator[Unruly]:
    with Unruly(Random(1)) as unruly:
        yield unruly


@pytest.mark.parametrize("as_upath", [False, True])
def test_paths_are_those_of_one_process(
    make: Make, executor: Unruly, as_upath: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make(Dir({"lab": LAB}))
    (top / "link").symlink_to("lab")
    monkeypatch.chdir(top)
    for path in "link", "./lab/../lab", str(top / "lab"):
        source: Any = UPath(path) if as_upath else path
        one = pathvein.scan(source, [RUN])
        many = pathvein.scan(source, [RUN], executor=executor)
        assert len(many) == 12
        assert many == one
        assert {type(found.source) for found in many} == {type(found.source) for found in one}
        assert all(found.pattern is RUN for found in many)


def test_threads_do(make: Make) -> None:
    source = make(LAB)
    with ThreadPoolExecutor(3) as pool:
        assert len(pathvein.scan(source, [RUN], executor=pool)) == 12
        checked = pathvein.check(source, [RUN], executor=pool)
        # It is left as it was.
        assert pool.submit(int, "3").result() == 3
    key = lambda this: this.source  # noqa: E731
    assert sorted(checked, key=key) == sorted(pathvein.check(source, [RUN]), key=key)


def test_errors_of_the_source_are_those_of_one_process(
    make: Make, executor: Unruly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make(Dir({"file": File()})))
    for source in "none", "file":
        with pytest.raises(OSError, match=source) as one:
            pathvein.iscan(source, [RUN])
        with pytest.raises(OSError, match=source) as many:
            pathvein.iscan(source, [RUN], executor=executor)
        assert type(many.value) is type(one.value)
        assert many.value.filename == one.value.filename == source
    with pytest.raises(ValueError, match="exclude"):
        pathvein.scan(".", [RUN], exclude=[os.getcwd()], executor=executor)
    assert not executor.count


def test_what_is_no_executor() -> None:
    calls: list[Any] = [pathvein.scan, pathvein.iscan, pathvein.check, pathvein.icheck]
    for call in calls:
        with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor"):
            call(".", [RUN], executor=3)


def test_callables(make: Make, executor: Unruly) -> None:
    source = make(LAB)
    (source / "loop").symlink_to(".")
    options: Any = {"follow_links": True, "executor": executor}
    errors: list[OSError] = []
    seen: list[pathvein.Stats] = []
    with pathvein.iscan(
        source, [RUN], on_error=errors.append, progress=seen.append, **options
    ) as stream:
        assert len(list(stream)) == 12
    [error] = errors
    assert (error.errno, error.filename) == (errno.ELOOP, str(source / "loop"))
    assert (stream.stats.errors, stream.stats.matches) == (1, 12)
    assert 0 < seen[-1].directories <= stream.stats.directories

    def failing(_: object) -> None:
        raise KeyError

    for name in "on_error", "progress":
        with pytest.raises(KeyError):
            pathvein.scan(source, [RUN], **{**options, name: failing})
    with pytest.raises(OSError, match="loop"):
        pathvein.scan(source, [RUN], on_error="raise", **options)
    with pytest.warns(pathvein.ScanWarning, match="1 error below"):
        pathvein.scan(source, [RUN], **options)
    with pathvein.iscan(source, [RUN], on_error="ignore", **options) as closed:
        next(closed)
    assert list(closed) == []


def test_what_is_lost_with_its_workers_counts_as_not_read(make: Make) -> None:
    source = make(LAB)
    unspoilt = FileStructurePattern(
        "day_*", forbidden_directories=[FileStructurePattern("run_3", ["spoilt"])]
    )
    assert len(pathvein.scan(source, [unspoilt])) == 4
    errors: list[OSError] = []
    executor = Losing(lambda path, names: path == "day_2" and "run_3" in names)
    found = pathvein.scan(source, [unspoilt, RUN], executor=executor, on_error=errors.append)
    lost = {error.filename for error in errors}
    assert str(source / "day_2" / "run_3") in lost
    assert all(error.errno == errno.EIO for error in errors)
    assert all(isinstance(error.__cause__, WorkerLost) for error in errors)
    # Nobody can tell that it is not spoilt.
    names = {(str(this.source), this.pattern is unspoilt) for this in found}
    assert names == {
        (str(this.source), this.pattern is unspoilt)
        for this in pathvein.scan(source, [unspoilt, RUN])
        if str(this.source) not in {*lost, str(source / "day_2")}
    }


def test_a_source_that_is_lost(make: Make) -> None:
    """There is no answer then, and none that is empty."""
    source = make(LAB)
    for call in pathvein.scan, pathvein.check:
        with pytest.raises(OSError, match="Input/output") as raised:
            call(source, [RUN], executor=Losing(lambda *_: True), on_error="ignore")
        assert raised.value.filename == str(source)
        assert isinstance(raised.value.__cause__, WorkerLost)


def test_bytes_that_are_none(make: Make) -> None:
    source = make(LAB)
    whole = pathvein_core.DividedScan([RUN], "lab")
    part = pathvein_core.SubtreeScan(source, [RUN])
    subtree = whole.subtree(whole.source())
    assert subtree is not None
    for wrong in b"", b"\xff" * 20, subtree + b"\0":
        with pytest.raises(ValueError, match="no sub-tree"):
            part.run(wrong)
        with pytest.raises(ValueError, match="no sub-tree"):
            pathvein_core.read_subtree(wrong)
        with pytest.raises(ValueError, match="no outcome"):
            whole.scanned(whole.source(), wrong)
    with pytest.raises(ValueError, match="seconds"):
        part.run(subtree, seconds=-1)
    outcome, _, _ = part.run(subtree)
    other = pathvein_core.DividedScan([FileStructurePattern("*", ["*"] * 99)], "lab")
    assert whole.scanned(whole.source() + 1, outcome) == []
    assert whole.scanned(whole.source(), outcome) == []
    assert len(whole.take_matches()) == 12
    # Twice.
    assert whole.scanned(whole.source(), outcome) == []
    assert not whole.take_matches()
    assert other.subtree(other.source()) is not None


def test_nothing_of_it_is_imported_without_an_executor() -> None:
    code = """if True:
        import sys, pathvein
        pathvein.scan(".", pathvein.FileStructurePattern("no"), executor=None)
        pathvein.check(".", pathvein.FileStructurePattern("no"), executor=None)
        heavy = {"concurrent.futures", "distributed", "mpi4py", "pathvein._tasks", "pickle"}
        print(heavy & set(sys.modules))
    """
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"


def test_a_fork_cannot_go_on(make: Make) -> None:
    stream = pathvein.iscan(make(LAB), [RUN], executor=Immediate())
    next(stream)
    pid = os.fork()
    if pid == 0:
        try:
            list(stream)
        except RuntimeError:
            stream.close()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(list(stream)) == 11


def test_path_of_a_source_that_a_root_directory_is() -> None:
    for source in "/", Path("/"):
        [found] = pathvein.scan(
            source, FileStructurePattern("*"), max_depth=0, executor=Immediate(), outermost=True
        )
        assert found.source == Path("/")


def test_what_a_match_above_covers_is_no_task_any_more(make: Make) -> None:
    lab = Dir({"data": Dir({"a.csv": File()}), **{f"other_{n}": Dir({}) for n in range(20)}})
    source = str(make(lab))
    patterns = [FileStructurePattern("*", [], [FileStructurePattern("data", ["*.csv"])])]
    options = {"max_depth": None, "outermost": True}
    division, plan = open_division(source, patterns, options)
    worker = open_worker(plan.parts())
    tasks = []
    # The first lists the source, the second the one directory that decides about it.
    while (task := division.next_task(1)) is not None:
        number, description = task
        tasks.append(pathvein_core.read_subtree(description))
        division.take(number, worker.run(description, None, 1)[0])
    assert tasks == [("", []), ("", ["data"])]
    assert division.waiting == 0
    assert division.found() == [(source, 0)]
