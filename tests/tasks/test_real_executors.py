"""Executors as they are: processes of their own, some of which die.

That tasks are divided, lost and found is tested in this process; here, that they travel.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pathvein_core
import pytest

import pathvein
import readme_snippets
import real_workers
from pathvein import FileStructurePattern, Stats, check, iscan, scan, shuffle_to
from pathvein._tasks import engine

SCALING = Path(__file__).parents[2] / "docs" / "scaling.md"
DATA = FileStructurePattern("data", files=["*.bin"])
RUN = FileStructurePattern("run_*", files=["*.csv"], directories=[DATA])
ANY = FileStructurePattern("week_*", optional_directories=[RUN])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred directories, half of the runs complete, and names that are no UTF-8."""
    lab = tmp_path_factory.mktemp("lab").resolve()
    for number in range(40):
        run = lab / f"week_{number // 10}" / f"run_{number}"
        (run / "data").mkdir(parents=True)
        (run / "a.csv").write_text("1,2")
        if number % 2:
            (run / "data/x.bin").write_text("x")
    if sys.platform == "linux":
        odd = os.fsencode(lab) + b"/run_\xff/data"
        os.makedirs(odd)
        for name in odd + b"/x.bin", odd + b"/../\xe9.csv":
            os.close(os.open(name, os.O_CREAT))
    return lab


@pytest.fixture(autouse=True)
def short_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a tree that takes minutes: a task ends long before its sub-tree does."""
    monkeypatch.setattr(engine, "SHORTEST", 1e-4)
    monkeypatch.setattr(engine, "LONGEST", 1e-4)


def processes(method: str, *initializer: Any) -> ProcessPoolExecutor:
    first, *rest = initializer or (None,)
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(2, context, initializer=first, initargs=tuple(rest))


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    """A client of two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    quiet = {"dashboard_address": ":0", "silence_logs": 50}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", **quiet
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(params=["threads", "spawn", "forkserver", "loky", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of each kind."""
    kind = request.param
    with ExitStack() as stack:
        if kind == "dask":
            yield request.getfixturevalue("dask")
        elif kind == "loky":
            loky = pytest.importorskip("loky")
            yield stack.enter_context(loky.ProcessPoolExecutor(2))
        elif kind == "threads":
            yield stack.enter_context(ThreadPoolExecutor(2))
        else:
            yield stack.enter_context(processes(kind))


def counts(stats: Stats) -> tuple[int, ...]:
    return stats.matches, stats.directories, stats.entries, stats.errors


def test_the_answer_is_that_of_one_process(executor: Any, lab: Path, tmp_path: Path) -> None:
    with iscan(lab, [RUN, ANY], executor=executor) as stream, iscan(lab, [RUN, ANY]) as here:
        found = set(stream)
        assert found == set(here)
    assert len(found) == 24 + (sys.platform == "linux")
    assert counts(stream.stats) == counts(here.stats)
    assert sorted(check(lab, RUN, executor=executor)) == sorted(check(lab, RUN))
    runs = [match for match in found if match.pattern == RUN]
    # Names that differ, so that all find their places.
    copied = shuffle_to(runs, tmp_path / "out", executor=executor)
    assert copied == [(m.source, tmp_path / "out" / m.source.name, RUN) for m in runs]
    assert {each.files for each in copied} == {2}
    # It is the caller's.
    submit = executor.submit(pow, 2, 5)
    assert submit.result(30) == 32


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_pool_that_a_dead_worker_breaks(method: str, lab: Path, tmp_path: Path) -> None:
    deadly = real_workers.be_deadly, str(tmp_path / "dead")
    with processes(method, *deadly) as pool, pytest.raises(BrokenExecutor) as raised:
        scan(lab, RUN, executor=pool)
    assert "abruptly" in str(raised.value)
    with processes(method, *deadly) as pool:
        assert scan(lab, RUN, executor=pool) == scan(lab, RUN)


def test_dask_replaces_a_dead_worker(dask: Any, lab: Path, tmp_path: Path) -> None:
    dask.run(real_workers.be_deadly, str(tmp_path / "dead"))
    errors: list[OSError] = []
    assert scan(lab, RUN, executor=dask, on_error=errors.append) == scan(lab, RUN)
    assert (tmp_path / "dead").exists()
    assert errors == []
    dask.run(real_workers.be_deadly, str(tmp_path / "dead too"))
    runs = scan(lab, RUN)
    assert len(shuffle_to(runs, tmp_path / "out", executor=dask)) == len(runs)
    assert (tmp_path / "dead too").exists()
    assert not list((tmp_path / "out").glob(".*"))


def test_workers_of_another_version(dask: Any, lab: Path) -> None:
    dask.run(real_workers.be_of_version, "0.9.9")
    try:
        with pytest.raises(RuntimeError, match=r"0\.9\.9.*" + re.escape(pathvein.__version__)):
            scan(lab, RUN, executor=dask.get_executor())
    finally:
        dask.run(real_workers.be_of_version, pathvein_core.__version__)


def test_dask_workers_without_pathvein(dask: Any, lab: Path) -> None:
    """They are others', too: none of them ends of it."""
    workers = set(dask.nthreads())
    dask.run(real_workers.be_without_pathvein)
    try:
        with pytest.raises(RuntimeError, match=r"workers have no pathvein.*dist") as raised:
            scan(lab, RUN, executor=dask)
    finally:
        dask.run(real_workers.be_with_pathvein)
    assert pathvein.__version__ in str(raised.value)
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)
    assert set(dask.nthreads()) == workers


def test_dask_at_the_shell(dask: Any, lab: Path) -> None:
    pytest.importorskip("rich_click")
    from click.testing import CliRunner

    from pathvein.cli import cli

    call = ["scan", "-e", "run_*/{*.csv, data/{*.bin}}", str(lab)]
    found = CliRunner().invoke(cli, [*call, "--dask", dask.scheduler.address])
    expected = CliRunner().invoke(cli, call)
    assert sorted(found.stdout_bytes.splitlines()) == sorted(expected.stdout_bytes.splitlines())
    assert (found.exit_code, expected.exit_code) == (0, 0)


def test_mpi(lab: Path, tmp_path: Path) -> None:
    """The script of the documentation, by an MPI that PyPI has."""
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=os.path.dirname(sys.executable)) or shutil.which(
        "mpiexec"
    )
    if mpiexec is None:
        # With the group `test` there is one, on Linux.
        assert os.environ.get("CI") != "true", "mpiexec is missing"
        pytest.skip("there is no MPI here: install the group `test` on Linux")
    shown = readme_snippets.blocks(SCALING.read_text())
    script = tmp_path / "scan_lab.py"
    [text] = [block.text for block in shown if block.file == script.name]
    script.write_text(text)
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script), str(lab)]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    runs = scan(lab, FileStructurePattern("run_*", files=["*.csv"]))
    assert len(runs) > 40
    assert sorted(done.stdout.splitlines()) == sorted(os.fsencode(run.source) for run in runs)
