"""``pathvein explain``: its trees, its JSON, and its exit status."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import pathvein.cli
from cli_process import COMMAND, ENVIRONMENT, Arg, failure, run, run_python, terminal
from pathvein import FileStructurePattern, explain
from trees import Dir, File, Make, run_unprivileged

RUN = "run_*/{config.json, 3+ *.csv, no FAILED, data/{*.parquet}}"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A complete run, and one that lacks three things."""
    lab = tmp_path.resolve() / "lab"
    for name in (
        *("run_1/config.json", "run_1/1.csv", "run_1/2.csv", "run_1/3.csv"),
        *("run_1/data/x.parquet", "run_7/Config.json", "run_7/1.csv", "run_7/2.csv"),
    ):
        (lab / name).parent.mkdir(parents=True, exist_ok=True)
        (lab / name).touch()
    (lab / "run_7/data").mkdir()
    return lab


def tree(text: str) -> list[str]:
    """The lines of a tree without what leads to them."""
    return [re.sub("^[│├└─|`+ -]*(?=[✓✗?·!x+-] )", "", line) for line in text.splitlines()]


def test_what_is_missing(lab: Path) -> None:
    result = run("explain", "lab/run_7", "-e", RUN, cwd=lab.parent)
    assert (result.returncode, result.stderr) == (1, b"")
    first, name, config, tables, data, *inside, failed = tree(result.stdout.decode())
    assert first == "✗ lab/run_7: not complete"
    assert name.startswith("✓ run_*/")
    assert config == "✗ config.json: Config.json differs in case"
    assert tables == "✗ 3+ *.csv: 2 there: 1.csv, 2.csv"
    assert data.startswith("✗ data/")
    assert "empty" in data
    assert "✗ *.parquet" in inside
    assert failed == "✓ no FAILED"


def test_all_is_there(lab: Path) -> None:
    result = run("explain", "run_1/", "-e", RUN, cwd=lab)
    assert (result.returncode, result.stderr) == (0, b"")
    lines = tree(result.stdout.decode())
    assert lines[0] == "✓ run_1: complete"
    assert {line[0] for line in lines} == {"✓"}


def test_several_are_one_after_the_other(lab: Path) -> None:
    result = run("explain", "run_7", "run_1", "-e", RUN, "-e", "*/{1.csv}", cwd=lab)
    assert result.returncode == 1
    heads = [part.partition("\n")[0] for part in result.stdout.decode().split("\n\n")]
    assert heads == [
        "✗ run_7 [run_*/]: not complete",
        "✓ run_7 [*/]: complete",
        "✓ run_1 [run_*/]: complete",
        "✓ run_1 [*/]: complete",
    ]


def test_json(lab: Path) -> None:
    pattern = FileStructurePattern.from_text(RUN)
    result = run("explain", "run_7", "run_1", "-e", RUN, "--json", cwd=lab)
    assert result.returncode == 1
    assert list(map(json.loads, result.stdout.splitlines())) == [
        {**explain(lab / name, pattern).to_dict(), "pattern_name": RUN}
        for name in ("run_7", "run_1")
    ]
    odd = lab / "run_\udcff"
    odd.mkdir()
    [told] = run("explain", odd, "-e", RUN, "--json").stdout.splitlines()
    assert json.loads(told)["path"] == str(odd)
    assert json.loads(told)["path_bytes"]


def test_what_is_not_done(lab: Path) -> None:
    assert failure("explain", "gone", "-e", RUN, cwd=lab).startswith("gone: No such file")
    assert "-p missing" in failure("explain", "run_1/1.csv", "-e", RUN, cwd=lab)
    result = run("explain", "gone", "run_1", "-e", RUN, "-e", "run_1/", cwd=lab)
    assert result.returncode == 1
    assert result.stdout.startswith("✓ run_1 ".encode())
    assert result.stderr.count(b"Error: ") == 1
    assert "Missing argument 'PATH...'" in failure("explain", "-e", RUN)
    assert "Missing option '--pattern'" in failure("explain", lab)


# In the child, while nothing keeps them from being read.
for _module in "cli._explain", "_checking.starting", "_checking.drawing", "_checking.dicts":
    importlib.import_module(f"pathvein.{_module}")
importlib.import_module("difflib")  # click asks for it
_cli = pathvein.cli.cli


def _explained_as_nobody(args: list[str]) -> tuple[int, str, str]:
    result = CliRunner().invoke(_cli, ["explain", *args])
    return result.exit_code, result.stdout, result.stderr


def test_what_could_not_be_read(make: Make) -> None:
    """It is told once: in JSON it is there, as programs do not read standard error."""
    files = {name: File() for name in ("config.json", "1.csv", "2.csv", "3.csv")}
    top = make(Dir({"run_1": Dir({**files, "data": Dir({"x.parquet": File()}, mode=0)})}))
    args = [str(top / "run_1"), "-e", RUN]
    status, out, said = run_unprivileged(_explained_as_nobody, args)
    assert status == 1
    lines = tree(out)
    assert lines[0] == f"? {top}/run_1: cannot be told"
    assert [line for line in lines[1:] if line[0] != "✓"] == [
        "? data/: data could not be read",
        "? *.parquet: not all could be read",
    ]
    assert said.startswith(f"Error: {top}/run_1/data: Permission denied")
    assert said.count("\n") == 1
    status, out, said = run_unprivileged(_explained_as_nobody, [*args, "--json", "-q"])
    assert [f"{top}/run_1/data" in error for error in json.loads(out)["errors"]] == [True]
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--max-depth", "1"], "--max-depth"),
        (["--concurrency", "0"], "--concurrency"),
        (["-o", "anon=true"], "storage_options are for URLs"),
        (["--exclude", "["], "--exclude"),
    ],
)
def test_wrong_use(lab: Path, args: list[Arg], said: str) -> None:
    assert said in failure("explain", lab / "run_1", "-e", RUN, *args)


def test_options_of_a_scan(lab: Path) -> None:
    (lab / "run_1/data").rename(lab / "elsewhere")
    (lab / "run_1/data").symlink_to("../elsewhere")
    args: list[Arg] = ["explain", lab / "run_1", "-e", RUN]
    assert b"is a link that is not followed" in run(*args).stdout
    assert run(*args).returncode == 1
    assert run(*args, "--follow-links", "--one-file-system").returncode == 0
    assert run(*args, "--follow-links", "--exclude", "*.parquet").returncode == 1


def test_log_file(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = lab.parent / "log"
    monkeypatch.setitem(ENVIRONMENT, "PATHVEIN_LOG_FILE", str(log))
    run("explain", "gone", "-e", RUN, cwd=lab)
    assert " ERROR pathvein.cli: gone: No such file" in log.read_text()


# Where it is written to.


def test_a_pipe_gets_80_columns_without_colours(lab: Path) -> None:
    long = "_".join(["run"] * 60)
    (lab / long).mkdir()
    out = run("explain", lab / long, "-e", "run_*/{" + "a" * 100 + ", *.csv}").stdout.decode()
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) == 80


ODD = "run_\x1b[31m\n\udcff\x85"


@pytest.mark.parametrize("columns", [60, 100, 300])
def test_a_terminal_gets_colours_and_its_own_width(lab: Path, columns: int) -> None:
    (lab / ODD).mkdir()
    for name in "12345":
        (lab / ODD / (name * 30)).touch()
    for variables in {}, {"NO_COLOR": "1"}, {"TERM": "dumb"}:
        with terminal() as tty:
            tty.resize(24, columns)
            done = subprocess.run(
                [*COMMAND, "explain", ODD, "-e", "run_*/{9+ *}"],
                cwd=lab,
                env={**ENVIRONMENT, "TERM": "xterm-256color", **variables},
                stdin=subprocess.DEVNULL,
                stdout=tty.end,
                stderr=subprocess.PIPE,
                timeout=60,
            )
            said = tty.read_rest()
        assert (done.returncode, done.stderr) == (1, b"")
        if variables.get("NO_COLOR"):
            # Faint and bold are no colours.
            assert not re.search(rb"\x1b\[[\d;]*3\dm", said)
        else:
            assert (b"\x1b[" in said) == (not variables)
        plain = re.sub("\x1b\\[[0-9;]*m", "", said.decode()).replace("\r\n", "\n")
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", plain)
        lines = plain.splitlines()
        assert lines[0] == r"✗ run_\x1b[31m\n\xff\u0085: not complete"
        # A line as long as a screen is wide cannot be followed.
        assert max(map(len, lines)) <= min(columns - 1, 120)
        assert max(map(len, lines)) > min(columns - 1, 120) - 35


def test_where_nothing_but_ascii_can_be_written(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    result = run("explain", "run_7", "-e", RUN, cwd=lab)
    assert result.returncode == 1
    assert result.stdout.isascii()
    assert result.stdout.startswith(b"x run_7: not complete\n|-- + run_*/")
    monkeypatch.delitem(ENVIRONMENT, "PYTHONCOERCECLOCALE")
    monkeypatch.delitem(ENVIRONMENT, "PYTHONUTF8")
    assert run("explain", "run_7", "-e", RUN, cwd=lab).returncode == 1


SLOW = """
import sys, time
import pathvein.cli
from pathvein import checking
def explain(*args, explain=checking.explain, **options):
    time.sleep(float(sys.argv.pop()))
    return explain(*args, **options)
checking.explain = explain
pathvein.cli.main()
"""


def slow(lab: Path, *args: str, stderr: int) -> subprocess.Popen[bytes]:
    """An explanation that takes as long as the last argument says."""
    return subprocess.Popen(
        [sys.executable, "-c", SLOW.replace("sys.argv.pop()", args[-1]), *args[:-1]],
        cwd=lab,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_what_takes_long_is_named(lab: Path) -> None:
    for option in [], ["-q"]:
        with (
            terminal() as tty,
            slow(lab, "explain", "run_1", "-e", RUN, *option, "2.5", stderr=tty.end) as process,
        ):
            out, _ = process.communicate(timeout=60)
            said = tty.read_rest()
        assert process.returncode == 0
        assert out.startswith("✓ run_1".encode())
        if option:
            assert said == b""
        else:
            # Where the machine is busy, a second may be left out.
            assert re.match(rb"\r[1-9] s: reading run_1(\r|$)", said)
            assert said.split(b"\r")[-1] == b""
            assert said.split(b"\r")[-2].strip(b" ") == b""


def test_interrupt(lab: Path) -> None:
    with (
        terminal() as tty,
        slow(lab, "explain", "run_1", "-e", RUN, "60", stderr=tty.end) as process,
    ):
        tty.read_until(lambda output: b"reading run_1" in output)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        said = tty.read_rest()
    assert (process.returncode, out) == (130, b"")
    assert b"\n" not in said


def test_pipe_that_closes(lab: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "explain", lab / "run_1", "-e", RUN],
        env=ENVIRONMENT,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_no_more_is_imported_than_is_needed(lab: Path) -> None:
    code = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
import pathvein.cli
pathvein.cli.main()
"""
    result = run_python(code, "explain", "run_1", "-e", RUN, cwd=lab)
    modules = set(result.stderr.decode().split())
    assert "pathvein.cli._explain" in modules
    assert modules.isdisjoint({"rich", "rich_click", "upath", "fsspec", "asyncio"})
