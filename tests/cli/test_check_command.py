"""``pathvein check``: what it writes in which form, what it says, and its exit status."""

from __future__ import annotations

import base64
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner

import pathvein.cli
from cli_process import (
    COMMAND,
    ENVIRONMENT,
    Arg,
    failure,
    interruptible,
    lines,
    run,
    run_python,
    terminal,
)
from pathvein import FileStructurePattern, check
from pathvein._checking.dicts import result_dict
from trees import Dir, File, Make, run_unprivileged

RUN = "run_*/{config.json, 3+ *.csv, no FAILED, data/{*.parquet}}"


def make_run(path: Path, *more: str) -> Path:
    for name in ("config.json", "1.csv", "2.csv", "3.csv", "data/x.parquet", *more):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return path


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Three runs: a complete one, one that lacks two things, and one that lacks one."""
    lab = tmp_path.resolve() / "lab"
    make_run(lab / "run_001")
    (make_run(lab / "run_007") / "3.csv").unlink()
    (lab / "run_007/data/x.parquet").unlink()
    make_run(lab / "old/run_002", "FAILED")
    return lab


LACKS_TWO = b"3+ *.csv (2 there), data/*.parquet (data/ is empty)"
LACKS_ONE = b"no FAILED (there: FAILED)"
SUMMARY = b"3 candidates: 1 complete, 2 not\n"


# Lines.


def test_a_line_for_each_that_is_not_complete(lab: Path) -> None:
    result = run("check", "lab", "-e", RUN, cwd=lab.parent)
    assert lines(result.stdout) == [
        b"lab/old/run_002: " + LACKS_ONE,
        b"lab/run_007: " + LACKS_TWO,
    ]
    assert (result.returncode, result.stderr) == (1, SUMMARY)


def test_all_are_complete(lab: Path) -> None:
    result = run("check", "lab/run_001", "-e", RUN, cwd=lab.parent)
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == b"1 candidate: 1 complete\n"


def test_complete_ones_if_they_are_asked_for(lab: Path) -> None:
    result = run("check", "lab", "-e", RUN, "--all", "--sort", cwd=lab.parent)
    assert result.stdout.splitlines() == [
        b"lab/old/run_002: " + LACKS_ONE,
        b"lab/run_001: complete",
        b"lab/run_007: " + LACKS_TWO,
    ]
    assert (result.returncode, result.stderr) == (1, SUMMARY)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("lab/", "lab/run_007"),
        ("./lab", "./lab/run_007"),
        ("lab/../lab", "lab/../lab/run_007"),
        ("link", "link/run_007"),
        ("lab/run_007", "lab/run_007"),
        ("lab/run_007//", "lab/run_007"),
    ],
)
def test_paths_are_named_as_the_source_was_given(lab: Path, source: str, name: str) -> None:
    (lab.parent / "link").symlink_to("lab")
    result = run("check", source, "-e", RUN, "--exclude", "old", cwd=lab.parent)
    assert result.stdout == os.fsencode(name) + b": " + LACKS_TWO + b"\n"


def test_paths_below_where_one_is(lab: Path) -> None:
    args = ["-e", RUN, "--exclude", "old"]
    assert run("check", ".", *args, cwd=lab).stdout.startswith(b"./run_007: ")
    assert run("check", "..", *args, cwd=lab).stdout.startswith(b"../lab/run_007: ")
    assert run("check", ".", *args, cwd=lab / "run_007").stdout.startswith(b".: ")
    assert run("check", lab, *args, cwd=lab).stdout.startswith(bytes(lab / "run_007") + b": ")


def test_archive(lab: Path) -> None:
    pytest.importorskip("upath")
    shutil.make_archive(str(lab.parent / "x"), "zip", lab)
    result = run("check", "zip::x.zip", "-e", RUN, "--exclude", "old", cwd=lab.parent)
    assert result.stdout == b"zip://run_007::x.zip: " + LACKS_TWO + b"\n"


def test_an_option_is_for_the_urls_among_the_sources(lab: Path) -> None:
    pytest.importorskip("upath")
    archive = shutil.make_archive(str(lab.parent / "x"), "zip", lab)
    args = ["-e", RUN, "--exclude", "old", "-o", f"fo={archive}"]
    result = run("check", "run_007", "zip://", *args, cwd=lab)
    assert result.stderr == b"3 candidates: 1 complete, 2 not\n"
    assert [line.partition(b": ")[0] for line in result.stdout.splitlines()] == [
        *(b"run_007", b"zip://run_007"),
    ]


def test_several_patterns_are_told_apart(lab: Path, tmp_path: Path) -> None:
    """By the name that they ask for, and where that is the same by where they are from."""
    args = ["check", "lab", "--exclude", "old", "--sort"]
    result = run(*args, "-e", RUN, "-e", "data/{*.parquet}", cwd=tmp_path)
    assert result.stdout.splitlines() == [
        b"lab/run_007 [run_*/]: " + LACKS_TWO,
        b"lab/run_007/data [data/]: *.parquet",
    ]
    (tmp_path / "all.txt").write_text("run_*/\n    4+ *.csv\nrun_*/\n    LICENSE\n")
    result = run(*args, "-p", "all.txt", "-e", "run_*/{README}", cwd=tmp_path)
    assert result.stdout.splitlines() == [
        b"lab/run_001 [all.txt[0]]: 4+ *.csv (3 there)",
        b"lab/run_001 [all.txt[1]]: LICENSE",
        b"lab/run_001 [run_*/{README}]: README",
        b"lab/run_007 [all.txt[0]]: 4+ *.csv (2 there)",
        b"lab/run_007 [all.txt[1]]: LICENSE",
        b"lab/run_007 [run_*/{README}]: README",
    ]
    assert result.stderr == b"6 candidates: 0 complete, 6 not\n"


ODD = "run_\x1b[31m\n%,:\udcff\x85<&\"']]>\ufffe"


def test_odd_names_are_one_line(lab: Path) -> None:
    """In a pipe, too: a line holds a name and words, and no program could tell them apart."""
    os.mkdir(lab / ODD)
    result = run("check", lab, "-e", "run_*/{LICENSE}", "--exclude", "run_0*", "--exclude", "old")
    [line] = result.stdout.decode().splitlines()
    assert line == f"{lab}/run_\\x1b[31m\\n%,:\\xff\\u0085<&\"']]>\ufffe: LICENSE"


def test_several_sources(lab: Path) -> None:
    args = ["run_007", "old", "run_007", "-e", RUN, "-vv"]
    result = run("check", *args, cwd=lab)
    assert [line.partition(b":")[0] for line in result.stdout.splitlines()] == [
        *(b"run_007", b"old/run_002", b"run_007"),
    ]
    pattern, summary, stats, matched = result.stderr.decode().splitlines()
    assert pattern.startswith(f"{RUN}: {{")
    assert summary == "3 candidates: 0 complete, 3 not"
    assert stats.startswith("0 matches, 7 directories, ")
    assert matched == f"{RUN}: 0 matches"


def test_sorted(lab: Path) -> None:
    for name in "run_1!", "run_1/run_0":
        (lab / "x" / name).mkdir(parents=True)
    args = ["lab/x", "lab/old", "-e", RUN, "--sort"]
    found = run("check", *args, cwd=lab.parent).stdout.splitlines()
    assert [line.partition(b":")[0] for line in found] == [
        *(b"lab/old/run_002", b"lab/x/run_1", b"lab/x/run_1/run_0", b"lab/x/run_1!"),
    ]


# How many.


def test_only_those_that_lack_little(lab: Path) -> None:
    result = run("check", "lab", "-e", RUN, "--near", "1", cwd=lab.parent)
    assert result.stdout == b"lab/old/run_002: " + LACKS_ONE + b"\n"
    assert result.returncode == 1
    assert result.stderr == SUMMARY[:-1] + b" (1 of them not shown)\n"
    assert run("check", "lab", "-e", RUN, "--near", "2", cwd=lab.parent).stderr == SUMMARY
    result = run("check", "lab", "-e", RUN, "--near", "1", "--all", "--sort", cwd=lab.parent)
    assert result.stdout.splitlines()[1:] == [b"lab/run_001: complete"]
    # What is not shown is no less incomplete.
    result = run("check", "lab/run_007", "-e", RUN, "--near", "1", cwd=lab.parent)
    assert (result.returncode, result.stdout) == (1, b"")


def test_fewer_than_there_should_be(lab: Path) -> None:
    for least, status in ("0", 0), ("1", 0), ("2", 1):
        result = run("check", lab / "run_001", "-e", RUN, "--min", least)
        assert (result.returncode, result.stdout) == (status, b"")
    assert result.stderr == (b"1 candidate: 1 complete\nError: 1 complete, and --min asks for 2\n")
    assert run("check", lab, "-e", RUN, "--min", "1").returncode == 1
    result = run("check", lab / "run_001", "-e", RUN, "--min", "2", "-q")
    assert result.stderr == b"Error: 1 complete, and --min asks for 2\n"


def test_nothing_to_check(lab: Path) -> None:
    result = run("check", lab, "-e", "ran_*/")
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == (
        b"0 candidates: nothing was checked, which is a failure with --min 1\n"
    )
    result = run("check", lab, "-e", "ran_*/", "--min", "1")
    assert result.returncode == 1
    assert b"with --min" not in result.stderr


# What cannot be read.


def test_source_that_cannot_be_opened(lab: Path) -> None:
    assert failure("check", "gone", "-e", RUN, cwd=lab).startswith("gone: No such file")
    result = run("check", "gone", "run_001", "-e", RUN, cwd=lab)
    assert (result.returncode, result.stdout) == (1, b"")
    error, summary = result.stderr.decode().splitlines()
    assert error.startswith("Error: gone: No such file or directory")
    assert summary == "1 candidate: 1 complete"
    assert "-p missing" in failure("check", lab / "run_001/config.json", "-e", RUN)
    (lab / "a.json").write_text("{}")
    (lab / "b.json").write_text("{}")
    assert "-p missing" in failure("check", ".", "-p", "a.json", "b.json", cwd=lab)


def test_an_error_elsewhere(lab: Path) -> None:
    """Of which nobody can tell what it hides."""
    (lab / "run_001/more").mkdir()
    (lab / "run_001/more/up").symlink_to("..")
    result = run("check", lab / "run_001", "-e", RUN, "--follow-links")
    assert (result.returncode, result.stdout) == (1, b"")
    error, summary = result.stderr.decode().splitlines()
    assert error.startswith(f"Error: {lab}/run_001/more/up: ")
    assert summary == "1 candidate: 1 complete"


# In the child, while nothing keeps them from being read.
for _module in "cli._check", "cli._check_forms", "cli._checking", "_checking.starting":
    importlib.import_module(f"pathvein.{_module}")
importlib.import_module("difflib")  # click asks for it
_cli = pathvein.cli.cli


def _checked_as_nobody(args: list[str]) -> tuple[int, str, str]:
    result = CliRunner().invoke(_cli, ["check", *args])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def closed(make: Make) -> Path:
    """Two runs. Of one, a directory cannot be read; of the other, more than that is wrong."""
    files = {name: File() for name in ("config.json", "1.csv", "2.csv", "3.csv")}
    data = Dir({"x.parquet": File()}, mode=0)
    return make(
        Dir(
            {
                "run_1": Dir({**files, "data": data}),
                "run_2": Dir({"config.json": File(), "data": data}),
            }
        )
    )


def test_what_could_not_be_read(closed: Path) -> None:
    status, out, said = run_unprivileged(_checked_as_nobody, [str(closed), "-e", RUN, "--sort"])
    first, second = out.splitlines()
    assert first.startswith(f"{closed}/run_1: data/")
    assert "unknown" in first
    assert second.startswith(f"{closed}/run_2: 3+ *.csv, data/")
    *errors, summary = said.splitlines()
    assert sorted(error.partition(": Perm")[0] for error in errors) == [
        f"Error: {closed}/run_1/data",
        f"Error: {closed}/run_2/data",
    ]
    assert summary == "2 candidates: 0 complete, 1 not, 1 could not be read"
    assert status == 1
    # What cannot be told is not near.
    near = run_unprivileged(_checked_as_nobody, [str(closed), "-e", RUN, "--near", "1"])
    assert near[1] == second + "\n"


# Forms for programs.


def test_json(lab: Path) -> None:
    pattern = FileStructurePattern.from_text(RUN)
    expected = {str(result.source): result_dict(result) for result in check(lab, pattern)}
    result = run("check", "lab", "-e", RUN, "--json", "--all", cwd=lab.parent)
    told = {line["path"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert told == {path: {**one, "pattern_name": RUN} for path, one in expected.items()}
    assert len(told) == 3
    assert (result.returncode, result.stderr) == (1, SUMMARY)
    result = run("check", "lab", "-e", RUN, "--format", "json", cwd=lab.parent)
    assert [json.loads(line)["complete"] for line in result.stdout.splitlines()] == [False] * 2


def test_bytes_in_json_are_for_names_that_are_not_utf8(lab: Path) -> None:
    os.mkdir(lab / ODD)
    (lab / "\udcfe.txt").write_text("run_*/\n    LICENSE\n")
    result = run("check", ".", "-p", "\udcfe.txt", "--json", cwd=lab)
    told = {line["path"]: line for line in map(json.loads, result.stdout.splitlines())}
    odd = told.pop(f"{lab}/{ODD}")
    assert base64.b64decode(odd["path_bytes"]) == os.fsencode(f"{lab}/{ODD}")
    assert base64.b64decode(odd["pattern_name_bytes"]) == b"\xfe.txt"
    assert len(told) == 3
    assert not any("path_bytes" in other for other in told.values())


def test_annotations_for_github(lab: Path) -> None:
    args = ["--format", "github", "--sort"]
    result = run("check", "./lab", "-e", RUN, *args, "--all", cwd=lab.parent)
    assert result.stdout.splitlines() == [
        b"::error file=lab/old/run_002,title=./lab/old/run_002 is not complete::" + LACKS_ONE,
        b"::notice file=lab/run_001,title=./lab/run_001 is complete::complete",
        b"::error file=lab/run_007,title=./lab/run_007 is not complete::" + LACKS_TWO,
    ]
    assert (result.returncode, result.stderr) == (1, SUMMARY)
    several = ["-e", "run_*/{1 a}", "-e", "*_007/{b}", "-e", "*7/{c}"]
    result = run("check", "run_007", *several, *args, cwd=lab)
    assert sorted(result.stdout.splitlines()) == [
        b"::error file=run_007,title=run_007 is not complete [*7/]::c",
        b"::error file=run_007,title=run_007 is not complete [*_007/]::b",
        b"::error file=run_007,title=run_007 is not complete [run_*/]::1 a",
    ]


def test_odd_names_in_annotations(lab: Path) -> None:
    """What ends a value there is escaped: the file's name is its own, text is on one line."""
    os.mkdir(lab / ODD)
    (lab / ODD / "100%,\r::x").touch()
    args = ["--format", "github", "--exclude", "old", "--exclude", "run_00*"]
    result = run("check", ".", "-e", "run_*/{nothing else}", *args, cwd=lab)
    assert result.stdout.decode(errors="surrogateescape") == (
        "::error file=run_\x1b[31m%0A%25%2C%3A\udcff\x85<&\"']]>\ufffe,title="
        "./run_\\x1b[31m\\n%25%2C%3A\\xff\\u0085<&\"']]>\ufffe is not complete::"
        "nothing else (there: 100%25,\\r::x)\n"
    )


def test_errors_are_annotations_for_github(closed: Path, lab: Path) -> None:
    args = [str(closed), "-e", RUN, "--format", "github", "--sort", "--exclude", "run_2"]
    _, out, said = run_unprivileged(_checked_as_nobody, args)
    error, candidate = out.splitlines()
    assert error.startswith(f"::error file={closed}/run_1/data,title=could not be read::{closed}")
    assert candidate.startswith(f"::error file={closed}/run_1,title={closed}/run_1 could not be ")
    assert said.startswith(f"Error: {closed}/run_1/data: ")
    result = run("check", "gone", "run_001", "-e", RUN, "--format", "github", cwd=lab)
    assert result.stdout.startswith(b"::error file=gone,title=could not be read::gone: No such")


def cases(suite: ElementTree.Element) -> dict[str, tuple[str, ...]]:
    """What a suite says of each case."""
    return {
        str(case.get("name")): tuple(
            part for one in case for part in (one.tag, str(one.get("message")))
        )
        for case in suite
    }


def numbers(element: ElementTree.Element) -> list[int]:
    return [int(element.get(name) or -1) for name in ("tests", "failures", "errors")]


def test_junit(lab: Path) -> None:
    args = ["check", "lab", "-e", RUN, "-e", "data/{*.parquet}", "--format", "junit"]
    result = run(*args, "--sort", cwd=lab.parent)
    assert (result.returncode, result.stderr) == (1, b"6 candidates: 3 complete, 3 not\n")
    root = ElementTree.fromstring(result.stdout)
    assert (root.tag, numbers(root)) == ("testsuites", [6, 3, 0])
    assert float(root.get("time") or -1) >= 0
    runs, data = root
    assert (runs.tag, runs.get("name"), numbers(runs)) == ("testsuite", RUN, [3, 2, 0])
    assert (data.get("name"), numbers(data)) == ("data/{*.parquet}", [3, 1, 0])
    assert cases(runs) == {
        "lab/old/run_002": ("failure", LACKS_ONE.decode()),
        "lab/run_001": (),
        "lab/run_007": ("failure", LACKS_TWO.decode()),
    }
    assert cases(data)["lab/run_007/data"] == ("failure", "*.parquet")
    assert {case.get("classname") for case in runs} == {"run_*/"}
    [failed] = runs[0]
    assert (failed.get("type"), failed.text) == ("missing", LACKS_ONE.decode())
    assert {element.tag for element in root.iter()} == {
        *("testsuites", "testsuite", "testcase", "failure"),
    }


def test_junit_of_what_could_not_be_read(closed: Path) -> None:
    args = [str(closed), "-e", RUN, "--format", "junit"]
    root = ElementTree.fromstring(run_unprivileged(_checked_as_nobody, args)[1])
    assert numbers(root) == [4, 1, 3]
    runs, reading = root
    told = cases(runs)
    assert told[f"{closed}/run_1"][0] == "error"
    assert told[f"{closed}/run_2"][0] == "failure"
    assert {name: kind for name, (kind, _) in cases(reading).items()} == {
        f"{closed}/run_1/data": "error",
        f"{closed}/run_2/data": "error",
    }


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_junit_is_xml_whatever_names_hold(
    lab: Path, locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    odd = os.fsencode(ODD) + "\u00e9\U0001f9ea\uffff".encode()
    os.mkdir(os.path.join(bytes(lab), odd))
    open(os.path.join(bytes(lab), odd, b"LICENCE\x02\xc3\xa9"), "x").close()
    pattern = "run_*/{nothing else}"
    args = ["check", ".", "-e", pattern, "--format", "junit", "--exclude", "run_0*"]
    result = run(*args, cwd=lab)
    assert result.stdout.isascii()
    [suite] = ElementTree.fromstring(result.stdout)
    assert numbers(suite) == [1, 1, 0]
    [name] = cases(suite)
    assert name.startswith("./run_\\x1b[31m\\n%,:\\xff")
    # In the other locale, what is no ASCII is no text.
    if locale != "C":
        assert name.startswith("./run_\\x1b[31m\\n%,:\\xff\\u0085<&\"']]>\\ufffe")
        assert name.endswith("\u00e9\U0001f9ea\\uffff")
        assert cases(suite)[name] == ("failure", "nothing else (there: LICENCE\\x02\u00e9)")


def test_junit_without_candidates(lab: Path) -> None:
    root = ElementTree.fromstring(run("check", lab, "-e", "ran_*/", "--format", "junit").stdout)
    assert numbers(root) == [0, 0, 0]
    # Nothing is written for what is not done.
    assert failure("check", "gone", "-e", RUN, "--format", "junit", cwd=lab)


def test_paths_for_xargs(lab: Path) -> None:
    odd = os.fsencode(lab / ODD)
    os.mkdir(odd)
    args = ["-e", "run_*/{LICENSE}", "-e", "*_*/{README}", "--exclude", "old"]
    # Several patterns and several sources say the same.
    result = run("check", lab, lab, *args, "-0")
    assert sorted(result.stdout.split(b"\0")) == sorted(
        [b"", bytes(lab / "run_001"), bytes(lab / "run_007"), odd]
    )


# Use.


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--near", "0"], "--near"),
        (["--min", "-1"], "--min"),
        (["--format", "xml"], "--format"),
        (["--json", "-0"], "--format, --json and --null exclude each other"),
        (["--format", "junit", "--json"], "exclude each other"),
        (["--null", "--format", "text"], "exclude each other"),
        (["-qv"], "--quiet and --verbose"),
        (["-p", "nope.json"], "nope.json"),
        (["-e", "run_*/{"], "-e: this brace is not closed"),
    ],
)
def test_wrong_use(lab: Path, args: list[Arg], said: str) -> None:
    result = run("check", lab, "-e", RUN, *args)
    assert (result.returncode, result.stdout) == (2, b"")
    assert said in result.stderr.decode().splitlines()[0]


def test_one_form_that_is_asked_for_twice(lab: Path) -> None:
    result = run("check", lab / "run_007", "-e", RUN, "--json", "--format", "json")
    assert json.loads(result.stdout)["path"] == str(lab / "run_007")


def test_no_source_and_no_pattern(lab: Path) -> None:
    assert "Missing argument 'SOURCE...'" in failure("check", "-e", RUN)
    assert "Missing option '--pattern'" in failure("check", lab)


def test_options_of_a_scan(lab: Path) -> None:
    def count(*options: Arg) -> int:
        result = run("check", lab, "-e", "run_*/{config.json}", *options)
        return int(result.stderr.split()[0])

    (lab / "link").mkdir()
    (lab / "link/run_9").symlink_to("../run_007")
    assert count() == 3
    assert count("--exclude", "old") == 2
    assert count("--max-depth", "1") == 2
    assert count("--follow-links") == 4
    assert count("--threads", "1", "--one-file-system", "--lister", "auto") == 3
    assert count("--trust-link-counts") == 3
    (lab / "run_001/run_010").mkdir()
    assert count() == 4
    assert count("--outermost") == 3
    said = failure("check", lab, "-e", RUN, "-o", "anon=true")
    assert "storage_options are for URLs" in said


def test_who_is_quiet_is_told_what_is_wrong(lab: Path) -> None:
    result = run("check", "lab", "gone", "-q", "-e", RUN, cwd=lab.parent)
    assert result.stdout.count(b"\n") == 2
    assert result.stderr.startswith(b"Error: gone: ")
    assert result.stderr.count(b"\n") == 1


def test_log_file(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = lab.parent / "log"
    monkeypatch.setitem(ENVIRONMENT, "PATHVEIN_LOG_FILE", str(log))
    run("check", "gone", lab, "-e", RUN, "--min", "2", cwd=lab)
    first, second = log.read_text().splitlines()
    assert " ERROR pathvein.cli: gone: No such file" in first
    assert second.endswith(" ERROR pathvein.cli: 1 complete, and --min asks for 2")


def test_a_check_imports_no_more_than_it_needs(lab: Path) -> None:
    code = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
import pathvein.cli
pathvein.cli.main()
"""
    result = run_python(code, "check", lab, "-e", RUN, cwd=lab)
    modules = set(result.stderr.decode().split())
    assert "pathvein.cli._check" in modules
    assert modules.isdisjoint({"rich", "rich_click", "upath", "fsspec", "asyncio", "xml"})
    assert modules.isdisjoint({"pathvein._remote", "pathvein._checking.drawing", "dataclasses"})


# On a terminal, in a pipe that closes, and interrupted.


def test_names_do_nothing_to_a_terminal(lab: Path) -> None:
    os.mkdir(lab / ODD)
    for form in "text", "json", "github", "junit":
        with terminal() as tty:
            subprocess.run(
                [*COMMAND, "check", lab, "-e", "run_*/{LICENSE}", "--format", form, "-q"],
                env=ENVIRONMENT,
                stdout=tty.end,
                timeout=60,
            )
            said = tty.read_rest()
        assert b"run_" in said
        assert b"\x1b" not in said
        assert "\x85" not in said.decode(errors="replace")


def test_progress_line_and_interrupt(endless: Path) -> None:
    code = "import pathvein.cli; pathvein.cli.main()"
    command: list[Arg] = [
        sys.executable,
        "-c",
        code,
        "check",
        endless,
        "-e",
        "d0/{f}",
        "--follow-links",
    ]
    for more in [], ["-q"]:
        with terminal() as tty:
            with subprocess.Popen(
                [*command, *more],
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=tty.end,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            ) as process:
                try:
                    if more:
                        time.sleep(2)
                    else:
                        tty.read_until(lambda output: b"/s), 1 of 1 complete, " in output)
                    process.send_signal(signal.SIGINT)
                    out, _ = process.communicate(timeout=30)
                finally:
                    process.kill()
            said = tty.read_rest()
        assert (process.returncode, out) == (130, b"")
        assert b"\n" not in said
        assert (said == b"") == bool(more)


def test_interrupt_leaves_no_part_of_xml(endless: Path) -> None:
    command = [*COMMAND, "check", endless, "-e", "d0/{f}", "--follow-links", "--format", "junit"]
    with interruptible(command) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 130


def test_pipe_that_closes(endless: Path) -> None:
    command = [*COMMAND, "check", endless, "-e", "*/{LICENSE, f}", "--follow-links"]
    with interruptible(command) as process:
        assert process.stdout
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


def test_output_that_cannot_be_written(lab: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is missing")
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*COMMAND, "check", lab, "-e", RUN, "-q"],
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert result.returncode == 2
    assert result.stderr == b"Error: standard output: No space left on device\n"
