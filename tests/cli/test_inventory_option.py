"""The option ``--inventory`` of the commands `scan` and `check`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import inventories
import pathvein
from pathvein.cli import cli

KEYS = ["lab/run_1/a.csv", "lab/run_2/b.csv", "lab/run_3/notes.txt", "other/run_4/a b.csv"]
RUN = ["-e", "run_*/{*.csv}"]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rows = inventories.with_gone(KEYS, "bucket")
    return inventories.write(("s3", "csv"), tmp_path / "a", rows, bucket="bucket").manifest


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_scan(manifest: Path, tmp_path: Path) -> None:
    result = run("scan", "--inventory", manifest, *RUN, "--sort", "-v")
    assert result.stdout.splitlines() == [
        *("s3://bucket/lab/run_1", "s3://bucket/lab/run_2", "s3://bucket/other/run_4"),
    ]
    assert "inventory of 2026-11-28 01:00:00 UTC\n3 matches, " in result.stderr
    assert ", 0 links not followed, 4 keys, " in result.stderr
    assert result.exit_code == 0
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = ["--prefix", "other", "--memory-limit", "100MB"]
    options += ["--temporary-directory", str(temporary)]
    result = run("scan", "--inventory", manifest, *options, *RUN)
    assert (result.stdout, result.stderr) == ("s3://bucket/other/run_4\n", "")
    assert os.listdir(temporary) == []


def test_check(manifest: Path) -> None:
    result = run("check", "--inventory", manifest, "--prefix", "lab", *RUN)
    assert result.stdout == "s3://bucket/lab/run_3: *.csv\n"
    assert result.exit_code == 1


def test_faults_end_the_command(manifest: Path) -> None:
    for file in manifest.parents[1].glob("data/*"):
        file.write_bytes(file.read_bytes()[:-1])
    result = run("scan", "--inventory", manifest, *RUN)
    assert (result.stdout, result.exit_code) == ("", 2)
    assert "it is not whole" in result.stderr
    assert str(manifest.parents[1] / "data") in result.stderr
    manifest.unlink()
    result = run("scan", "--inventory", manifest, *RUN)
    assert (result.stdout, result.exit_code) == ("", 2)
    assert f"{manifest}: No such file or directory" in result.stderr


def test_without_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in [name for name in sys.modules if name.startswith("pathvein._inventories")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(pathvein, "_inventories", raising=False)
    for options in ([], ["--memory-limit", "1GB"]):
        result = run("scan", "--inventory", "m", *options, *RUN)
        assert result.exit_code == 2
        assert "pip install 'pathvein[inventory]'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--inventory", "m", "lab"], "--inventory and a SOURCE exclude each other"),
        (["--inventory", "m", "--from", "-"], "--inventory and --from exclude each other"),
        (["--inventory", "m", "--threads", "2"], "--threads has no effect on an --inventory"),
        (["--prefix", "lab", "lab"], "--prefix is for --inventory"),
        (["--memory-limit", "1GB", "lab"], "--memory-limit is for --inventory"),
        (["--inventory", "m", "--memory-limit", "much"], "memory_limit must be like"),
    ],
)
@pytest.mark.parametrize("command", ["scan", "check"])
def test_what_does_not_go_together(command: str, arguments: list[str], said: str) -> None:
    result = run(command, *arguments, *RUN)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
