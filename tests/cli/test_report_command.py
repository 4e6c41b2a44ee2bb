"""``pathvein report``: a page and a table, each whole or not there."""

from __future__ import annotations

import csv
import io
import os
import signal
from pathlib import Path

import pytest

import trees
from cli_process import COMMAND, Arg, failure, interruptible, run, run_python
from pathvein import CheckReport, FileStructurePattern, check

TEXT = "run_*/{config.json, *.csv}"
PATTERN = FileStructurePattern.from_text(TEXT)


@pytest.fixture
def lab(make: trees.Make) -> Path:
    """Three runs, one of them complete."""
    paths = ["run_1/config.json", "run_1/1.csv", "run_2/Config.json", "run_2/1.csv", "run_3/x"]
    return make(trees.tree(*paths)).resolve()


def rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode(), newline="")))


def states(table: bytes) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["config.json"], row["*.csv"]) for row in rows(table)}


STATES = {"run_1": ("met", "met"), "run_2": ("near", "met"), "run_3": ("missing", "missing")}


def test_a_page_and_a_table(lab: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    done = run("report", lab, "-e", TEXT, "-o", page, "--csv", table)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"3 candidates: 1 complete, 2 not\n"
    assert states(table.read_bytes()) == STATES
    expected = io.StringIO()
    CheckReport(check(lab, PATTERN)).to_csv(expected)
    lines = table.read_text().splitlines()
    assert sorted(lines) == sorted(expected.getvalue().splitlines())
    html = page.read_text("utf-8")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert "Config.json" in html
    assert str(lab) in html
    assert sorted(os.listdir(tmp_path)) == ["page.html", "table.csv"]


def test_all_are_complete(lab: Path, tmp_path: Path) -> None:
    done = run("report", lab, "-e", "run_*/", "-o", tmp_path / "page.html", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "page.html").exists()


def test_standard_output(lab: Path) -> None:
    done = run("report", lab, "-e", TEXT, "-o", "-")
    assert done.returncode == 1
    assert done.stdout.startswith(b"<!doctype html>")
    assert done.stdout.rstrip().endswith(b"</html>")
    done = run("report", lab, "-e", TEXT, "--csv", "-", "-q")
    assert states(done.stdout) == STATES
    assert done.stderr == b""


def test_a_pipe_that_has_a_path(lab: Path) -> None:
    """As ``>(gzip > page.gz)`` gives the shell's commands one."""
    done = run("report", lab, "-e", TEXT, "-o", "/dev/stdout", "-q")
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(b"<!doctype html>")


def test_several_sources_and_patterns(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(PATTERN.to_json())
    arguments: list[Arg] = ["-p", tmp_path / "p.json", "-e", "run_1/{x, *.csv}"]
    done = run("report", lab / "run_1", lab / "run_2", *arguments, "--csv", "-")
    assert done.stderr == b"3 candidates: 1 complete, 2 not\n"
    found = [(row["name"], row["config.json"], row["*.csv"], row["x"]) for row in rows(done.stdout)]
    assert sorted(found) == [
        ("run_1", "", "met", "missing"),
        ("run_1", "met", "met", ""),
        ("run_2", "near", "met", ""),
    ]


def test_options_are_those_of_the_check(lab: Path, tmp_path: Path) -> None:
    options = ["--exclude", "run_2", "--exclude", "x", "--max-depth", "1", "--threads", "1"]
    page = tmp_path / "page.html"
    done = run("report", lab, "-e", TEXT, *options, "--csv", "-", "-o", page)
    assert set(states(done.stdout)) == {"run_1", "run_3"}
    html = page.read_text("utf-8")
    assert "exclude=run_2, x" in html
    assert "max_depth=1" in html
    assert "threads" not in html.partition('"facts"')[2].partition("]]")[0]
    done = run("report", lab, "-e", TEXT, "--max-depth", "0", "--csv", "-", "-o", page)
    assert states(done.stdout) == {}
    assert "max_depth=0" in page.read_text("utf-8")
    assert done.returncode == 0


def test_names_that_are_no_text(make: trees.Make) -> None:
    top = make(trees.tree("run_\udcff/=1", "run_<script>/x"))
    done = run("report", top, "-e", TEXT, "--csv", "-", "-q")
    assert set(states(done.stdout)) == {"run_\\xff", "run_<script>"}
    done = run("report", top, "-e", TEXT, "-o", "-", "-q")
    done.stdout.decode()
    assert b"run_<script>" not in done.stdout


def test_an_error_does_not_hide(lab: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run("report", lab / "run_1", lab / "none", "-e", TEXT, "-o", page)
    assert done.returncode == 1
    said = done.stderr.decode().splitlines()
    assert said[0].startswith(f"Error: {lab / 'none'}: No such file or directory")
    assert said[1:] == ["1 candidate: 1 complete"]
    assert f'"{lab / "none"}"' in page.read_text("utf-8")


def test_where_nothing_can_be_read_nothing_is_written(lab: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")
    message = failure("report", lab / "none", "-e", TEXT, "-o", page)
    assert message.startswith(f"{lab / 'none'}: No such file or directory")
    assert page.read_text() == "old"
    assert os.listdir(tmp_path) == ["page.html"]


def test_passwords_are_not_shown(lab: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    # Nothing listens there.
    done = run("report", lab, "http://me:secret@127.0.0.1:1/x", "-e", TEXT, "-o", page)
    assert done.returncode == 1
    assert b"secret" not in done.stderr
    html = page.read_text("utf-8")
    assert html.count('"http://me:***@127.0.0.1:1/x"') == 2  # the source, and the error
    assert "secret" not in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--output' / '-o' or '--csv' (see pathvein report --help)"),
        (["-o", "-", "--csv", "-"], "--output and --csv are the same (see pathvein report --help)"),
        (
            ["-o", "x", "--csv", "./x"],
            "--output and --csv are the same (see pathvein report --help)",
        ),
        (["-o", "no/page.html"], "no/page.html: No such file or directory"),
        (["--csv", "no/table.csv"], "no/table.csv: No such file or directory"),
        (["-o", "."], ".: Is a directory"),
        (["-o", ""], "'': No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_told_first(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    """Not after a long scan: the source is not looked at."""
    assert failure("report", "none", "-e", TEXT, *arguments, cwd=tmp_path) == message


def test_an_option_of_the_file_system_is_no_page(lab: Path, tmp_path: Path) -> None:
    message = failure("report", lab, "-e", TEXT, "-o", "anon=true", cwd=tmp_path)
    assert "--option is for that" in message
    done = run("report", lab, "-e", TEXT, "-o", "a=b.html", "-q", cwd=tmp_path)
    assert done.returncode == 1
    assert os.listdir(tmp_path) == ["a=b.html"]
    message = failure("report", lab, "-e", TEXT, "-o", "x", "--option", "anon=1", cwd=tmp_path)
    assert "storage_options are for URLs" in message


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['jinja2'] = None; from pathvein.cli import main; main()"
    done = run_python(code, "report", "none", "-e", TEXT, "-o", "-", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"pip install 'pathvein[report]'" in done.stderr
    assert done.stderr.count(b"\n") == 1
    done = run_python(code, "report", ".", "-e", TEXT, "--csv", "-", "-q", cwd=tmp_path)
    assert done.returncode == 0


def test_an_interrupt_leaves_no_half_page(endless: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")
    files = ["-o", page, "--csv", tmp_path / "table.csv"]
    arguments = [tmp_path / "none", endless, "--follow-links", "-e", "d*/{none}", *files]
    with interruptible([*COMMAND, "report", *arguments]) as process:
        assert process.stderr
        # Then comes the next source, which has no end.
        line = process.stderr.readline()
        assert b"No such file" in line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert out == b""
    # An interrupt while a line is written may write it again.
    assert err in (b"", line)
    assert page.read_text() == "old"
    assert os.listdir(tmp_path) == ["page.html"]
