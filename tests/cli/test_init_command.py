"""``pathvein init``: its arguments, its output and its exit status."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli_process import ENVIRONMENT, run, terminal
from pathvein import FileStructurePattern


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Two right directories, one that has a file too many, and a copy of the first."""
    for path in (
        "run_1/config.json",
        "run_2/config.json",
        "run_3/config.json",
        "run_3/FAILED",
        "copy/run_1/config.json",
        "-run/config.json",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


def test_it_prints_a_pattern(lab: Path) -> None:
    got = run("init", "run_1", "run_2", cwd=lab)
    assert (got.returncode, got.stderr) == (0, b"")
    assert got.stdout == b"run_*/\n    config.json\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["run_1", "run_2", "--not", "run_3", "-run"],
        ["run_1", "run_2", "--not", "run_3", "--", "-run"],
        ["run_1", "run_2", "--not=run_3", "--not", "./-run"],
        ["run_1", "run_2", "--not", "run_3", "--not", "./-run"],
        ["--not=./-run", "run_3", "--not", "./-run"],
    ],
    ids=" ".join,
)
def test_all_behind_not_are_wrong(lab: Path, arguments: list[str]) -> None:
    got = run("init", *arguments, cwd=lab)
    if arguments[-1] == "-run" and "--" not in arguments:
        # It may as well be an option.
        assert got.returncode == 2
        assert b"No such option" in got.stderr
    elif arguments[0] == "run_1":
        assert (got.returncode, got.stderr) == (0, b"")
        assert got.stdout == b"run_*/\n    config.json\n    no FAILED\n"
    else:
        assert got.returncode == 2
        assert b"Missing argument 'DIR...'" in got.stderr
        assert b"behind --not are the wrong ones" in got.stderr


def test_right_ones_that_look_like_options(lab: Path) -> None:
    got = run("init", "--", "-run", "--not", cwd=lab)
    assert got.returncode == 2
    assert got.stderr == b"Error: --not: No such file or directory (while opening the directory)\n"
    got = run("init", "--", "-run", cwd=lab)
    assert got.stdout == b"-run/\n    config.json\n"


def test_wrong_ones_that_match_are_told(lab: Path) -> None:
    got = run("init", "run_1", "--not", "copy/run_1", "run_3", cwd=lab)
    assert got.returncode == 1
    assert got.stdout == b"run_1/\n    config.json\n    no FAILED\n"
    expected = "Warning: copy/run_1: it matches, too: names do not tell it from the right ones\n"
    assert got.stderr.decode() == expected


def test_what_cannot_be_read(lab: Path) -> None:
    got = run("init", "run_1", "missing", cwd=lab)
    assert (got.returncode, got.stdout) == (2, b"")
    assert b"Error: missing: No such file or directory" in got.stderr
    got = run("init", cwd=lab)
    assert got.returncode == 2
    assert b"Missing argument 'DIR...'" in got.stderr


def test_urls_have_options(lab: Path) -> None:
    got = run("init", "run_1", "memory://nowhere", "-o", "anon=true", "--not", "run_3", cwd=lab)
    assert got.returncode == 2
    assert b"Error: memory://nowhere" in got.stderr
    got = run("init", "run_1", "-o", "anon=true", cwd=lab)
    assert got.returncode == 2
    assert b"storage_options are for URLs" in got.stderr


def test_output_is_a_file_of_patterns(lab: Path) -> None:
    (lab / "pattern.txt").write_bytes(
        run("init", "run_1", "run_2", "--not", "run_3", cwd=lab).stdout
    )
    found = run("scan", ".", "-p", "pattern.txt", cwd=lab).stdout.decode().splitlines()
    assert sorted(Path(path).relative_to(lab).as_posix() for path in found) == [
        "copy/run_1",
        "run_1",
        "run_2",
    ]
    assert FileStructurePattern.load(lab / "pattern.txt").forbidden_files == ["FAILED"]


def test_what_takes_long_says_how_far_it_is(lab: Path) -> None:
    """On a terminal, and not to who is quiet."""
    code = """
import time
import pathvein.cli
from pathvein._learning import tree
listed = tree.list_local
def list_local(path):
    time.sleep(0.7)
    return listed(path)
tree.list_local = list_local
pathvein.cli.main()
"""
    for options in [], ["--quiet"]:
        with terminal() as tty:
            done = subprocess.run(
                [sys.executable, "-c", code, "init", "run_1", "run_2", "copy/run_1", *options],
                cwd=lab,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=tty.end,
                timeout=60,
            )
            said = tty.read_rest()
        assert done.returncode == 0
        assert b"config.json" in done.stdout
        if options:
            assert said == b""
        else:
            assert re.search(rb"\r[1-9] s: [1-9] director(y|ies) \([\d,]+/s\)", said)
            # Nothing is left of it.
            assert said.split(b"\r")[-1] == b""
            assert said.split(b"\r")[-2].strip(b" ") == b""
            assert b"\n" not in said
