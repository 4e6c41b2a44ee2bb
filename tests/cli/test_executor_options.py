"""``--workers`` and ``--dask``: where scan and check run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli_process
from cli_process import failure, lines, run
from pathvein.cli import cli

pytestmark = pytest.mark.unix("sends the signals of Unix")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    lab = tmp_path / "lab"
    for number in range(30):
        run = lab / f"week_{number % 3}" / f"run_{number}"
        run.mkdir(parents=True)
        if number % 2:
            (run / "a.csv").touch()
    return lab


PATTERN = ["-e", "run_*/{*.csv}"]


@pytest.mark.parametrize("command", ["scan", "check"])
def test_workers_print_what_one_process_does(lab: Path, command: str) -> None:
    call = [command, *PATTERN, "-v", str(lab), str(lab / "week_1"), str(lab / "nothing")]
    expected = run(*call)
    found = run(*call, "--workers", "2", "--threads", "2")
    assert lines(found.stdout) == lines(expected.stdout) != []
    assert found.returncode == expected.returncode == 1

    def said(result: subprocess.CompletedProcess[bytes]) -> list[str]:
        return [line.rpartition(",")[0] or line for line in result.stderr.decode().splitlines()]

    assert said(found) == said(expected)


def test_ctrl_c_ends_the_workers_at_once(endless: Path) -> None:
    command = [*cli_process.COMMAND, "scan", "--workers", "2", "--follow-links", *PATTERN]
    options: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = subprocess.Popen([*command, endless], start_new_session=True, **options)
    try:
        workers: list[str] = []
        deadline = time.monotonic() + 60
        while len(workers) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            workers = _busy(child.pid)
        assert len(workers) >= 2
        # As a terminal does: to all of them.
        os.killpg(child.pid, signal.SIGINT)
        started = time.monotonic()
        _, err = child.communicate(timeout=60)
        assert time.monotonic() - started < 20
    finally:
        child.kill()
    assert child.returncode == 130
    assert b"Traceback" not in err
    _wait_for_end(workers)


def test_a_command_that_is_killed_leaves_no_workers(endless: Path) -> None:
    command = [*cli_process.COMMAND, "scan", "--workers", "2", "--follow-links", *PATTERN]
    child = subprocess.Popen([*command, endless], stdout=subprocess.DEVNULL)
    workers: list[str] = []
    deadline = time.monotonic() + 60
    while len(workers) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
        workers = _busy(child.pid)
    child.kill()
    child.wait()
    assert len(workers) >= 2
    _wait_for_end(workers)


def _busy(parent: int) -> list[str]:
    """The processes below one that have used some processor time, by number and start."""
    found, ids = [], {parent}
    for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parts[2])):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in ids:
            ids.add(int(stat.parts[2]))
            if int(fields[11]) + int(fields[12]) > 20:
                found.append(f"{stat.parts[2]} {fields[19]}")
    return found


def _wait_for_end(processes: list[str]) -> None:
    deadline = time.monotonic() + 30
    for process in processes:
        number, start = process.split()
        while time.monotonic() < deadline:
            try:
                fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                break
            if fields[19] != start or fields[0] == "Z":
                break
            time.sleep(0.05)
        else:
            raise AssertionError(f"process {number} is still there")


def test_both_exclude_each_other(lab: Path) -> None:
    said = failure("scan", *PATTERN, "--workers", "2", "--dask", "tcp://127.0.0.1:1", lab)
    assert said == "--workers and --dask exclude each other (see pathvein scan --help)"
    assert "0 is not in the range" in failure("check", *PATTERN, "--workers", "0", lab)


def test_dask_that_is_not_installed(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = CliRunner().invoke(cli, ["scan", *PATTERN, "--dask", "tcp://127.0.0.1:1", str(lab)])
    assert result.exit_code == 2
    assert "pip install 'pathvein[dask]'" in result.output


def test_a_scheduler_that_is_not_there(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    from pathvein.cli import _executors

    monkeypatch.setattr(_executors, "_TIMEOUT", 0.2)
    result = CliRunner().invoke(cli, ["scan", *PATTERN, "--dask", "tcp://127.0.0.1:1", str(lab)])
    assert result.exit_code == 2
    assert result.output.startswith("Error: --dask: there is no scheduler at tcp://127.0.0.1:1")
