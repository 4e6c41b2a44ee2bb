"""The command line: what it writes, and what it says to what is wrong."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import pathvein
from cli_process import COMMAND, ENVIRONMENT, Arg, failure, lines, run, run_python
from pathvein import cli as cli_module
from servers.list_stub import ListStub
from trees import Make, tree

RUN = {"directory_name": "run_*", "files": ["*.csv"]}


def write_pattern(path: Path, pattern: object) -> Path:
    path.write_text(json.dumps(pattern))
    return path


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A laboratory: two runs, one of them deep, and a directory that is none."""
    lab = tmp_path.resolve() / "lab"
    for directory, file in ("run_1", "a.csv"), ("old/2025/run_2", "b.csv"), ("run_3", "c.txt"):
        (lab / directory).mkdir(parents=True)
        (lab / directory / file).touch()
    return lab


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    return write_pattern(tmp_path / "run.json", RUN)


# What it writes.


def test_paths(lab: Path, pattern: Path) -> None:
    result = run("scan", lab, "-p", pattern)
    assert lines(result.stdout) == [bytes(lab / "old/2025/run_2"), bytes(lab / "run_1")]
    assert result.stderr == b""
    assert result.returncode == 0


def test_nothing_found_is_no_failure(lab: Path, tmp_path: Path) -> None:
    result = run("scan", lab, "-p", write_pattern(tmp_path / "p.json", {"files": ["nope"]}))
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_relative_source_and_link_give_absolute_paths(lab: Path, pattern: Path) -> None:
    (lab.parent / "link").symlink_to("lab/old")
    result = run("scan", "link", "-p", "run.json", cwd=lab.parent)
    assert lines(result.stdout) == [bytes(lab / "old/2025/run_2")]


def test_json(lab: Path, pattern: Path) -> None:
    result = run("scan", "lab", "-p", "./run.json", "--json", cwd=lab.parent)
    assert lines(result.stdout) == [
        json.dumps({"path": str(lab / name), "pattern": "./run.json"}).encode()
        for name in ("old/2025/run_2", "run_1")
    ]


def test_null(lab: Path, pattern: Path) -> None:
    result = run("scan", lab, "-p", pattern, "-0")
    assert sorted(result.stdout.split(b"\0")) == [
        b"",
        bytes(lab / "old/2025/run_2"),
        bytes(lab / "run_1"),
    ]
    assert run("scan", lab, "-p", pattern, "--null").stdout.count(b"\0") == 2


def test_json_and_null_exclude_each_other(lab: Path, pattern: Path) -> None:
    assert "--json and --null" in failure("scan", lab, "-p", pattern, "-0", "--json")


def test_directory_that_matches_twice(lab: Path, tmp_path: Path) -> None:
    one = write_pattern(tmp_path / "one.json", {"directory_name": "run_1"})
    two = write_pattern(tmp_path / "two.json", {"directory_name": "*_1"})
    assert run("scan", lab, "-p", one, "-p", two).stdout == bytes(lab / "run_1") + b"\n"
    found = lines(run("scan", lab, "-p", one, "-p", two, "--json").stdout)
    path = str(lab / "run_1")
    assert [json.loads(line) for line in found] == [
        {"path": path, "pattern": str(one)},
        {"path": path, "pattern": str(two)},
    ]


def test_equal_patterns_are_one(lab: Path, tmp_path: Path) -> None:
    names = []
    for name, text in ("b.json", '{"files": ["a.csv"]}'), ("a.json", '{ "files":["a.csv"] }'):
        (tmp_path / name).write_text(text)
        names += ["-p", name]
    found = run("scan", "lab", *names, "-p", "b.json", "--json", cwd=tmp_path).stdout
    assert json.loads(found) == {"path": str(lab / "run_1"), "pattern": "b.json"}


ODD = b"run_\x1b[31m\n\xff\xc2\x85\x7f\xc3\xa9"


def test_odd_names(lab: Path, pattern: Path) -> None:
    path = os.path.join(bytes(lab), ODD)
    os.mkdir(path)
    open(path + b"/x.csv", "x").close()
    exclude = ["--exclude", "run_1", "--exclude", "old"]
    assert run("scan", lab, "-p", pattern, *exclude).stdout == path + b"\n"
    assert run("scan", lab, "-p", pattern, *exclude, "-0").stdout == path + b"\0"
    found = run("scan", lab, "-p", pattern, *exclude, "--json").stdout
    assert found == (
        b'{"path": "%s/run_\\u001b[31m\\n\\udcff\\u0085\\u007f\\u00e9", "path_bytes": "%s", '
        b'"pattern": "%s"}\n' % (bytes(lab), base64.b64encode(path), bytes(pattern))
    )
    assert os.fsencode(json.loads(found)["path"]) == path


def test_bytes_in_json_are_for_names_that_are_not_utf8(lab: Path) -> None:
    """Of the source, of what is below, of the pattern's file; and for these alone."""
    names = [b"\xff", b"\xc3\xa9", b"\xe9?", "\U0001f600".encode(), b"\xed\xa0\x80"]
    for name in names:
        os.makedirs(os.path.join(bytes(lab), name, b"run_\xfe"))
        with open(os.path.join(bytes(lab), name + b".json"), "w") as file:
            json.dump({"directory_name": "run_*"}, file)
    for name in names:
        source = os.path.join(bytes(lab), name)
        [line] = lines(run("scan", source, "-p", name + b".json", "--json", cwd=lab).stdout)
        found = json.loads(line)
        assert base64.b64decode(found["path_bytes"]) == source + b"/run_\xfe"
        is_text = name.decode(errors="ignore").encode() == name
        assert ("pattern_bytes" in found) is not is_text
        if not is_text:
            assert base64.b64decode(found["pattern_bytes"]) == name + b".json"
        assert os.fsencode(found["pattern"]) == name + b".json"


def test_odd_source_and_pattern_file(lab: Path) -> None:
    top = os.path.join(bytes(lab), ODD)
    os.mkdir(top)
    file = os.path.join(bytes(lab), b"\xfe.json")
    with open(file, "w") as stream:
        stream.write("{}")
    assert run("scan", top, "-p", file).stdout == top + b"\n"
    assert (
        b'"pattern": "%s/\\udcfe.json"' % bytes(lab)
        in run("scan", top, "-p", file, "--json").stdout
    )


def test_source_that_looks_like_an_option(lab: Path, pattern: Path) -> None:
    (lab / "run_1").rename(lab / "--json")
    everything = write_pattern(lab.parent / "p.json", {})
    result = run("scan", "-p", everything, "--", "--json", cwd=lab)
    assert result.stdout == bytes(lab / "--json") + b"\n"


# Several sources.


def test_sources_one_after_the_other(lab: Path, pattern: Path, tmp_path: Path) -> None:
    other = tmp_path.resolve() / "other"
    (other / "run_9").mkdir(parents=True)
    (other / "run_9" / "a.csv").touch()
    two = write_pattern(tmp_path / "two.json", {"directory_name": "run_?", "files": ["a.csv"]})
    args: list[Arg] = ["scan", "other", "lab/run_1", "other", "-p", "run.json"]
    expected = [other / "run_9", lab / "run_1", other / "run_9"]
    for more in [], ["-p", str(two)]:
        result = run(*args, *more, cwd=tmp_path)
        assert result.stdout.splitlines() == [bytes(path) for path in expected]
        assert (result.returncode, result.stderr) == (0, b"")
    found = run(*args, "-p", two, "--json", cwd=tmp_path).stdout.splitlines()
    assert sorted(map(json.loads, found), key=repr) == sorted(
        ({"path": str(path), "pattern": p} for path in expected for p in ("run.json", str(two))),
        key=repr,
    )
    assert [json.loads(line)["path"] for line in found[::2]] == list(map(str, expected))
    # A path that is above another is scanned wholly, too.
    result = run("scan", lab, lab / "old", "-p", pattern, "-v")
    assert result.stdout.splitlines()[-1] == bytes(lab / "old/2025/run_2")
    assert result.stdout.count(b"run_2\n") == 2
    assert result.stderr.startswith(b"3 matches, 9 directories, 11 entries, 0 errors, 0 links")


def test_sources_that_cannot_be_opened(lab: Path, pattern: Path) -> None:
    result = run("scan", "no\n", lab, "gone", lab / "old", "-p", pattern, "-vv", cwd=lab)
    assert result.returncode == 1
    assert result.stdout.count(b"\n") == 3
    _, first, second, counts, matches = result.stderr.decode().splitlines()
    assert first.startswith(r"Error: no\n: No such file or directory")
    assert second.startswith("Error: gone: No such file or directory")
    assert counts.startswith("3 matches, 9 directories, 11 entries, 2 errors, ")
    assert matches == f"{pattern}: 3 matches"
    result = run("scan", "no", "gone", "-p", pattern, "-v", cwd=lab)
    assert (result.returncode, result.stdout) == (2, b"")
    assert [line.split(":")[1] for line in result.stderr.decode().splitlines()] == [" no", " gone"]


def test_sources_of_which_one_has_errors(lab: Path, pattern: Path) -> None:
    (lab / "old" / "up").symlink_to(".")
    for sources in ["run_1", "old"], ["old", "run_1"]:
        result = run("scan", *sources, "-p", pattern, "--follow-links", cwd=lab)
        assert result.returncode == 1
        assert sorted(result.stdout.splitlines()) == [
            bytes(lab / "old/2025/run_2"),
            bytes(lab / "run_1"),
        ]


def test_rule_that_is_wrong_for_one_of_the_sources(lab: Path, pattern: Path) -> None:
    result = run("scan", "old", "run_1", "-p", pattern, "--exclude", lab / "old" / "2025", cwd=lab)
    assert result.returncode == 1
    assert result.stdout == bytes(lab / "run_1") + b"\n"
    assert result.stderr.startswith(b"Error: old: exclude rule")


def test_what_a_shell_makes_of_a_star(lab: Path, pattern: Path, tmp_path: Path) -> None:
    """``-p *.json`` is one pattern and further sources: nothing is scanned for that one."""
    for name in "b.json", "c.json":
        write_pattern(tmp_path / name, {})
    for args in (
        ["lab", "-p", "run.json", "b.json", "c.json"],
        ["-p", "run.json", "b.json", "c.json", "lab"],
        ["nope", "b.json", "c.json", "-p", "-"],
    ):
        said = failure("scan", *args, cwd=tmp_path)
        assert said == "b.json: Not a directory (is -p missing in front of it?)"
    # What is inside a file is another matter.
    assert "-p" not in failure("scan", "b.json/x", "-p", pattern, cwd=tmp_path)


def test_paths_and_urls(lab: Path, pattern: Path) -> None:
    pytest.importorskip("upath")
    shutil.make_archive(str(lab / "x"), "zip", lab, "run_1")
    sources = ["run_1", "zip::x.zip", "zip://run_1"]
    result = run("scan", *sources, "-p", pattern, cwd=lab)
    assert result.returncode == 1  # the last lacks its archive
    assert result.stdout.splitlines() == [bytes(lab / "run_1"), b"zip://run_1::x.zip"]
    # An option is for the URLs among them.
    result = run("scan", "run_1", "zip://", "-p", pattern, "-o", f"fo={lab}/x.zip", cwd=lab)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.splitlines() == [bytes(lab / "run_1"), b"zip://run_1"]
    said = failure("scan", f"zip://run_1/a.csv::{lab}/x.zip", "-p", pattern)
    assert said.endswith(" (is -p missing in front of it?)")


def test_paths_with_colons(lab: Path, pattern: Path) -> None:
    """What exists, or begins as a path does, is one."""
    pytest.importorskip("upath")
    shutil.make_archive(str(lab / "x"), "zip", lab, "run_1")
    found = [bytes(lab / "a::b" / "run_1")]
    (lab / "a::b").mkdir()
    (lab / "run_1").rename(lab / "a::b" / "run_1")
    pattern.rename(lab / "q::r.json")
    paths = "a::b", "./a::b", "../lab/a::b", str(lab / "a::b"), "a::b/run_1", f"file://{lab}/a::b"
    for source in paths:
        result = run("scan", source, "-p", "q::r.json", cwd=lab)
        assert (result.stdout.splitlines(), result.stderr) == (found, b"")
    assert run("scan", "zip::x.zip", "-p", "q::r.json", cwd=lab).stdout == b"zip://run_1::x.zip\n"
    said = failure("scan", "./zip::x.zip", "-p", "q::r.json", cwd=lab)
    assert said.startswith("./zip::x.zip: No such file or directory")
    said = failure("scan", "./memory://", "-p", "q::r.json", cwd=lab)
    assert said.startswith("./memory://: No such file or directory")
    said = failure("scan", "no::where", "-p", "q::r.json", cwd=lab)
    assert said.endswith("for a local path write './no::where'")


def test_remote_source(tmp_path: Path) -> None:
    pytest.importorskip("upath")
    write_pattern(tmp_path / "run.json", RUN)
    code = """
import fsspec, pathvein.cli
fsspec.filesystem("memory").pipe({"/lab/run_1/a.csv": b"", "/lab/run_2/b.txt": b""})
pathvein.cli.main()
"""
    result = run_python(code, "scan", "memory://lab", "-p", "run.json", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, b"memory://lab/run_1\n")
    result = run_python(code, "scan", "memory://lab", "-p", "run.json", "--json", cwd=tmp_path)
    assert json.loads(result.stdout) == {"path": "memory://lab/run_1", "pattern": "run.json"}


# Options.


def test_exclude(lab: Path, pattern: Path) -> None:
    result = run("scan", lab, "-p", pattern, "--exclude", "old/")
    assert result.stdout == bytes(lab / "run_1") + b"\n"
    result = run("scan", lab, "-p", pattern, "--exclude", "*.txt", "--exclude", "/run_1")
    assert result.stdout == bytes(lab / "old/2025/run_2") + b"\n"


def test_max_depth(lab: Path, pattern: Path) -> None:
    assert run("scan", lab, "-p", pattern, "--max-depth", "0").stdout == b""
    found = run("scan", lab, "-p", pattern, "--max-depth", "2").stdout
    assert found == bytes(lab / "run_1") + b"\n"
    assert len(lines(run("scan", lab, "-p", pattern, "--max-depth", str(10**30)).stdout)) == 2


def test_matches_that_links_hide_are_told(lab: Path, tmp_path: Path) -> None:
    """A required directory that is there as a link is the likeliest surprise."""
    for session in "ses-1", "ses-2":
        (lab / session).mkdir()
        (lab / session / "run").symlink_to("../run_1")
    with_run = {"directory_name": "ses-*", "directories": [{**RUN, "directory_name": "run"}]}
    sessions = write_pattern(tmp_path / "p.json", with_run)
    result = run("scan", lab, "-p", sessions)
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == (
        b"Warning: 2 matches may be hidden: required directories are there as links, which are "
        b"followed only with --follow-links\n"
    )
    assert run("scan", lab, "-p", sessions, "--quiet").stderr == b""
    result = run("scan", lab, "-p", sessions, "--follow-links")
    assert lines(result.stdout) == [bytes(lab / "ses-1"), bytes(lab / "ses-2")]
    assert result.stderr == b""


def test_follow_links(lab: Path, pattern: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "link").symlink_to(lab / "old")
    assert run("scan", other, "-p", pattern).stdout == b""
    found = run("scan", other, "-p", pattern, "--follow-links").stdout
    assert found == bytes(other.resolve() / "link/2025/run_2") + b"\n"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is the other file system")
def test_one_file_system(tmp_path: Path) -> None:
    other = write_pattern(tmp_path / "p.json", {"directory_name": "self", "files": ["status"]})
    args: list[Arg] = ["scan", "/", "-p", other, "--max-depth", "2", "--follow-links"]
    # Everything of the root but /proc is out of the way.
    args += ["--exclude", "/[!p]*", "--exclude", "/p[!r]*", "--exclude", "/proc/[!s]*"]
    assert run(*args).stdout == b"/proc/self\n"
    assert run(*args, "--one-file-system").stdout == b""


def test_trust_link_counts(lab: Path, pattern: Path) -> None:
    for command in "scan", "check", "report", "shuffle":
        assert b"--trust-link-counts" in run(command, "--help").stdout
    assert len(lines(run("scan", lab, "-p", pattern, "--trust-link-counts").stdout)) == 2
    # All that it looks at, it looks into.
    assert b"No such option" in run("explain", lab, "-p", pattern, "--trust-link-counts").stderr


def test_what_is_not_opened_is_told(make_fast: Make) -> None:
    source = make_fast(tree(*(f"{n}/f" for n in range(100)), "run_1/"))
    said = run("scan", source, "-e", "run_1/", "-v").stderr.decode()
    told = re.match(r"1 match, 102 directories(?: \((\d+) not opened\))?, ", said)
    assert told, said
    # On which file systems that is so, others test.
    assert not told[1] or 0 < int(told[1]) <= 101


def test_threads(lab: Path, pattern: Path) -> None:
    assert len(lines(run("scan", lab, "-p", pattern, "--threads", "1").stdout)) == 2


def test_pattern_from_standard_input(lab: Path) -> None:
    result = run("scan", lab, "-p", "-", "--json", stdin=json.dumps(RUN).encode("utf-16"))
    assert [json.loads(line)["pattern"] for line in lines(result.stdout)] == ["-", "-"]


def test_standard_input_is_read_once(lab: Path) -> None:
    result = run("scan", lab, "-p", "-", "-p", "-", stdin=json.dumps(RUN).encode())
    assert len(lines(result.stdout)) == 2


def test_verbose(lab: Path, pattern: Path) -> None:
    result = run("scan", lab, "-p", pattern, "-v")
    assert len(lines(result.stdout)) == 2
    said = result.stderr.decode()
    start = "2 matches, 6 directories, 8 entries, 0 errors, 0 links not followed, "
    assert said.startswith(start)
    assert said.endswith(" s\n")
    assert 0 <= float(said[len(start) : -3]) < 60


def test_more_verbose(lab: Path, pattern: Path, tmp_path: Path) -> None:
    other = write_pattern(tmp_path / "other.json", {"directory_name": "run_3"})
    result = run("scan", lab, "-p", pattern, "-p", other, "-vv")
    said = result.stderr.decode().splitlines()
    assert said[0].startswith(f'{pattern}: {{"directory_name": "run_*", "files": ["*.csv"]')
    assert said[1].startswith(f'{other}: {{"directory_name": "run_3"')
    assert said[2].startswith("3 matches, ")
    assert said[3:] == [f"{pattern}: 2 matches", f"{other}: 1 match"]


def test_pattern_that_cannot_match(lab: Path, tmp_path: Path) -> None:
    file = write_pattern(tmp_path / "p.json", {"files": ["a/b", "x", "x"]})
    result = run("scan", lab, "-p", file)
    assert result.returncode == 0
    [said] = result.stderr.decode().splitlines()
    assert said.startswith(f"Warning: {file}: files[0]: ")
    said, idle, _ = run("scan", lab, "-p", file, "-v").stderr.decode().splitlines()
    assert idle.startswith(f"Warning: {file}: files[2]: ")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(option: str) -> None:
    result = run("scan", option)
    assert (result.returncode, result.stderr) == (0, b"")
    for name in b"--exclude", b"--max-depth", b"--follow-links", b"--one-file-system", b"--json":
        assert name in result.stdout
    assert b"Exit status" in result.stdout
    assert b"scan" in run(option).stdout


def test_version() -> None:
    """Scripts read the first line; a report of a bug needs the others, too."""
    import platform
    from importlib.metadata import version

    import pathvein

    told = run("--version")
    assert (told.returncode, told.stderr) == (0, b"")
    first, machine, installed = told.stdout.decode().splitlines()
    assert first == f"pathvein, version {pathvein.__version__}"
    assert machine.startswith(f"CPython {platform.python_version()}")
    assert machine.endswith(f", {platform.platform()}")
    parts = dict(part.split() for part in installed.split(", "))
    for name in ("pathvein", "pathvein-core", "click", "rich", "fsspec", "universal-pathlib"):
        assert parts[name] == version(name)
    for name, number in parts.items():
        assert number == version(name)


def test_version_of_what_is_imported(tmp_path: Path) -> None:
    """What is first on the path, and however its directory spells its name."""
    (tmp_path / "FSSPEC-1.2.3.dist-info").mkdir()
    (tmp_path / "universal_pathlib-4.5.egg-info").mkdir()
    code = "import sys; sys.path.insert(0, sys.argv.pop()); from pathvein.cli import main; main()"
    told = run_python(code, "--version", tmp_path, cwd=tmp_path).stdout.decode()
    assert "fsspec 1.2.3, universal-pathlib 4.5," in told


# What is wrong.


def test_errors_below_the_source(lab: Path, pattern: Path) -> None:
    (lab / "run_1" / "up\n\x1b").symlink_to("..")
    (lab / "run_3" / "up").symlink_to("..")
    result = run("scan", lab, "-p", pattern, "--follow-links", "-v")
    assert result.returncode == 1
    assert len(lines(result.stdout)) == 2
    *errors, stats = result.stderr.decode().splitlines()
    reason = f"{os.strerror(40)} (the link leads back to {lab})"
    assert sorted(errors) == [
        rf"Error: {lab}/run_1/up\n\x1b: {reason}",
        f"Error: {lab}/run_3/up: {reason}",
    ]
    assert "2 errors" in stats
    # Only links that a pattern asks for are looked at.
    assert run("scan", lab, "-p", pattern, "-v").stderr.count(b"0 links not followed") == 1
    asking = pattern.with_name("asking.json")
    write_pattern(asking, {"directory_name": "*", "directories": [{"directory_name": "up*"}]})
    assert run("scan", lab, "-p", asking, "-v").stderr.count(b"2 links not followed") == 1


def test_missing_source(pattern: Path, tmp_path: Path) -> None:
    said = failure("scan", "nope", "-p", pattern, cwd=tmp_path)
    assert said.startswith("nope: No such file or directory")
    said = failure("scan", b"no\xff\n\x1b", "-p", pattern, cwd=tmp_path)
    assert said.startswith(r"no\xff\n\x1b: No such file or directory")
    assert failure("scan", "", "-p", pattern).startswith("'': No such file or directory")


def test_file_as_source(pattern: Path) -> None:
    assert failure("scan", pattern, "-p", pattern).startswith(f"{pattern}: Not a directory")


def test_missing_remote_source(pattern: Path) -> None:
    pytest.importorskip("upath")
    said = failure("scan", "memory://nope", "-p", pattern)
    assert said.startswith("memory://nope: No such file or directory")
    assert failure("scan", "nope://x", "-p", pattern).startswith("nope://x: ")
    said = failure("scan", "memory://", "-p", "memory://nope.json")
    assert said == "memory://nope.json: No such file or directory"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "p.json: expected a value: line 1 column 1 (char 0)"),
        (
            b'{"files":\n ["a",]}',
            "p.json: no comma may stand before ']': line 2 column 6 (char 15)",
        ),
        (b"[]", "p.json: expected an object, found a list"),
        (b'{"files": ["a", 3]}', "p.json: files[1]: expected a string, "),
        (b'{"directories": [{"x\\n": 1}]}', r"p.json: directories[0]"),
        (b"\xff", "p.json: "),
    ],
)
def test_bad_pattern(lab: Path, tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "p.json").write_bytes(text)
    assert failure("scan", lab, "-p", "p.json", cwd=tmp_path).startswith(said)


def test_bad_pattern_from_standard_input(lab: Path) -> None:
    result = run("scan", lab, "-p", "-", stdin=b"\xff")
    assert result.returncode == 2
    assert result.stderr.startswith(b"Error: standard input: ")
    assert result.stderr.count(b"\n") == 1


def test_standard_input_that_is_closed(lab: Path) -> None:
    code = "import sys; sys.stdin = None; import pathvein.cli as c; c.main()"
    result = run_python(code, "scan", lab, "-p", "-", cwd=lab)
    assert (result.returncode, result.stderr) == (2, b"Error: standard input: it is closed\n")


def test_pattern_file_that_cannot_be_read(lab: Path, tmp_path: Path) -> None:
    said = failure("scan", lab, "-p", "nope.json", cwd=tmp_path)
    assert said == "nope.json: No such file or directory"
    assert failure("scan", lab, "-p", tmp_path) == f"{tmp_path}: Is a directory"
    assert failure("scan", lab, "-p", "") == "'': No such file or directory"
    assert failure("scan", lab, "-p", b"\xff\n") == r"\xff\n: No such file or directory"


def test_bad_pattern_is_found_before_anything_is_written(lab: Path, pattern: Path) -> None:
    assert failure("scan", lab, "-p", pattern, "-p", "nope").startswith("nope: ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--threads", "0"], "--threads"),
        (["--threads", "1025"], "--threads"),
        (["--threads", "many"], "--threads"),
        (["--concurrency", "0"], "--concurrency"),
        (["--lister", "ls"], "--lister"),
        (["-o", "anon"], "--option"),
        (["-o", "=x"], "--option"),
        (["-o", "a=1", "-o", "a=2"], "--option"),
        (["--max-depth", "-1"], "--max-depth"),
        (["--max-depth", "1.5"], "--max-depth"),
        (["--exclude", "["], "--exclude"),
        (["--exclude", ""], "--exclude"),
        (["--exclude", b"\xff"], "--exclude"),
        (["--nope"], "--nope"),
        (["-p"], "-p"),
        (["--threads"], "--threads"),
        (["-vo"], "-o"),
        (["--json=x"], "--json"),
        (["-0Z"], "-Z"),
        (["-vq"], "--quiet and --verbose"),
        (["-q", "-v"], "--quiet and --verbose"),
    ],
)
def test_wrong_use(lab: Path, pattern: Path, args: list[Arg], said: str) -> None:
    message = failure("scan", lab, "-p", pattern, *args)
    assert said in message
    assert message.endswith(" (see pathvein scan --help)")


def test_wrong_use_of_no_command() -> None:
    for args in ["--nope"], ["nope"], ["sc\nan"]:
        assert failure(*args).endswith(" (see pathvein --help)")


def test_options_of_the_file_system(lab: Path, pattern: Path) -> None:
    shutil.make_archive(str(lab / "x"), "zip", lab, "run_1")
    result = run("scan", "zip://", "-p", pattern, "-o", f"fo={lab}/x.zip", "--concurrency", "2")
    assert result.stdout == b"zip://run_1\n"
    assert result.returncode == 0
    said = failure("scan", lab, "-p", pattern, "-o", "a=1")
    assert "storage_options are for URLs" in said


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_whose_members_begin_with_a_dot(lab: Path, pattern: Path, kind: str) -> None:
    """As of `tar cf x.tar .`: on the command line and in Python alike."""
    file = lab.parent / f"x.{kind}"
    if kind == "tar":
        with tarfile.open(file, "w") as tar:
            tar.add(lab, ".")
            assert "./run_1" in tar.getnames()
    else:
        with zipfile.ZipFile(file, "w") as archive:
            for path in lab.rglob("*.*"):
                archive.writestr(f"./{path.relative_to(lab)}", "")
            assert "./run_1/a.csv" in archive.namelist()
    found = [f"{kind}://{name}::file://{file}" for name in ("old/2025/run_2", "run_1")]
    source = f"{kind}://::file://{file}"
    result = run("scan", source, "-p", pattern)
    assert lines(result.stdout) == [url.encode() for url in found]
    assert (result.returncode, result.stderr) == (0, b"")
    matches = pathvein.scan(source, pathvein.FileStructurePattern.load_json(pattern))
    assert sorted(str(match.source) for match in matches) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=", ""),
        ("a=b=c", "b=c"),
        ("a=5", 5),
        ("a=-2.5", -2.5),
        ("a=007", "007"),
        ("a=true", True),
        ("a=True", True),
        ("a=no", "no"),
        ("a=null", None),
        ("a=None", None),
        ('a="5"', "5"),
        ('a={"b": [1]}', {"b": [1]}),
        ("a={b}", "{b}"),
        ("a=NaN", "NaN"),
        ("a=-Infinity", "-Infinity"),
        ("key=123", "123"),
        ("secret=1e5", "1e5"),
        ("password=0", "0"),
        ('key="123"', "123"),
        ("token=null", None),
        ('token={"a": 1}', {"a": 1}),
        ("anon=1", 1),
        ("a=" + "[" * 100_000, "[" * 100_000),
        ("a=" + "9" * 5000, "9" * 5000),
    ],
)
def test_what_an_option_means(text: str, value: object) -> None:
    from click import Context

    from pathvein.cli import _options, _scan

    command, parameter = _scan.scan, _scan.scan.params[0]
    context = Context(command)
    options = _options._storage_options(context, parameter, (text,))
    [(name, found)] = options.items()
    assert name == text.partition("=")[0]
    assert (type(found), found) == (type(value), value)


def test_secrets_are_not_repeated(lab: Path, pattern: Path) -> None:
    pytest.importorskip("upath")
    for source, options in [
        ("s3://b", ["hidden"]),
        ("s3://b", ["=hidden"]),
        ("s3://b", ["key=hidden", "key=hidden"]),
        ("zip://x::ftp://me:hidden@127.0.0.1:1/x", []),
        ("ftp://me:hidden@127.0.0.1:1/x", []),
        ("nonesuch://me:hid@den@127.0.0.1:1/x", []),
    ]:
        args = [arg for option in options for arg in ("-o", option)]
        said = failure("scan", source, "-p", pattern, *args)
        assert "hid" not in said
        assert "den" not in said
        if not options:
            assert "me:***@127.0.0.1" in said


def test_configuration_of_fsspec(
    lab: Path, pattern: Path, tmp_path: Path, stub: ListStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment and by files, as for whatever else uses fsspec."""
    pytest.importorskip("s3fs")
    bucket = stub.bucket(["lab/run_1/a.csv", "lab/run_2/b.csv"])
    expected = sorted(f"{bucket.url}/lab/run_{i}".encode() for i in (1, 2))
    home = tmp_path / "home"
    (home / ".config/fsspec").mkdir(parents=True)
    file = home / ".config/fsspec/conf.json"
    file.write_text(json.dumps({"s3": bucket.options}))
    variables = {f"FSSPEC_S3_{name.upper()}": value for name, value in bucket.options.items()}
    for environment in ({"HOME": str(home)}, {"HOME": str(tmp_path), **variables}):
        with monkeypatch.context() as change:
            for name, value in environment.items():
                change.setitem(ENVIRONMENT, name, value)
            result = run("scan", f"{bucket.url}/lab", "-p", pattern, "-v")
        assert sorted(lines(result.stdout)) == expected
        assert b"1 request, 2 keys" in result.stderr


@pytest.mark.parametrize("text", ["{bad", '["x"]'])
def test_configuration_of_fsspec_that_is_none(
    pattern: Path, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("upath")
    (tmp_path / ".config/fsspec").mkdir(parents=True)
    (tmp_path / ".config/fsspec/conf.json").write_text(text)
    monkeypatch.setitem(ENVIRONMENT, "HOME", str(tmp_path))
    assert "fsspec cannot take its configuration" in failure("scan", "memory://", "-p", pattern)


def test_no_source_and_no_pattern(lab: Path, pattern: Path) -> None:
    assert "SOURCE" in failure("scan", "-p", pattern)
    assert "--pattern" in failure("scan", lab)
    assert "nope" in failure("nope")
    assert run().returncode == 2


#: What prints text of its own, and the environment that asks for it.
PRINTING: list[tuple[list[str], dict[str, str]]] = [
    (["--help"], {}),
    (["scan", "--help"], {}),
    (["--version"], {}),
    ([], {}),
    ([], {"_PATHVEIN_COMPLETE": "bash_source"}),
    ([], {"_PATHVEIN_COMPLETE": "fish_source"}),
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist")
@pytest.mark.parametrize(("args", "environment"), PRINTING)
def test_text_that_cannot_be_written(
    args: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    for where, reason in ("/dev/full", "No space left on device"), ("&-", "it is closed"):
        command = ["sh", "-c", f'exec "$@" >{where}', "sh", *COMMAND, *args]
        result = subprocess.run(command, env=ENVIRONMENT, stderr=subprocess.PIPE, timeout=60)
        assert result.stderr.decode() == f"Error: standard output: {reason}\n"
        assert result.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist")
def test_output_that_cannot_be_written(lab: Path, pattern: Path) -> None:
    code = "import sys, os; os.dup2(os.open('/dev/full', 1), 1); import pathvein.cli as c; c.main()"
    result = run_python(code, "scan", lab, "-p", pattern, cwd=lab)
    assert result.returncode == 2
    assert result.stderr == b"Error: standard output: No space left on device\n"
    code = "import sys; sys.stdout = None; import pathvein.cli as c; c.main()"
    result = run_python(code, "scan", lab, "-p", pattern, cwd=lab)
    assert result.returncode == 2
    assert result.stderr == b"Error: standard output: it is closed\n"


def test_output_that_is_taken_in_parts(lab: Path, pattern: Path, tmp_path: Path) -> None:
    code = """
import io, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))
sys.stdout = io.TextIOWrapper(open("out", "wb", buffering=0), write_through=True)
import pathvein.cli
pathvein.cli.main()
"""
    result = run_python(code, "scan", lab, "-p", pattern, cwd=tmp_path)
    assert (tmp_path / "out").read_bytes() == bytes(lab)[:9]
    assert result.returncode == 2
    assert result.stderr == b"Error: standard output: File too large\n"


def test_messages_that_nobody_reads(lab: Path, pattern: Path) -> None:
    (lab / "up").symlink_to(".")
    code = "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 2); "
    args: list[Arg] = ["scan", lab, "-p", pattern, "--follow-links", "-v"]
    for how in code, "import sys; sys.stderr = None; ":
        result = run_python(how + "import pathvein.cli as c; c.main()", *args, cwd=lab)
        assert result.returncode == 1
        assert len(lines(result.stdout)) == 2


# How it is installed and started.


@pytest.mark.parametrize("module", ["rich_click", "click", "rich_click.decorators"])
def test_missing_extra(module: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; import pathvein.cli as c; c.main()"
    result = run_python(code, "scan", ".", "-p", "nope", "--help", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(b"Error: ")
    assert result.stderr.endswith(b"pip install 'pathvein[cli]'\n")
    assert result.stderr.count(b"\n") == 1


def test_interrupt_before_there_is_a_scan(tmp_path: Path) -> None:
    code = """
import pathvein.cli, pathvein.cli._options
def interrupt(rules):
    raise KeyboardInterrupt
pathvein.cli._options.ExcludeRules = interrupt
pathvein.cli.main()
"""
    result = run_python(code, "scan", ".", "-p", "nope", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr.strip()) == (130, b"", b"")


def test_missing_module_that_is_no_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['errno'] = None; import pathvein.cli as c; c.main()"
    assert b"Traceback" in run_python(code, "scan", ".", "-p", "nope", cwd=tmp_path).stderr


def test_missing_cloud_extra(lab: Path, pattern: Path) -> None:
    code = "import sys; sys.modules['upath'] = None; import pathvein.cli as c; c.main()"
    cases: list[list[Arg]] = [
        ["memory://lab", "-p", pattern],
        [lab, "-p", "memory://lab/run.json"],
    ]
    for args in cases:
        result = run_python(code, "scan", *args, cwd=lab)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.startswith(b"Error: memory://lab")
        assert result.stderr.endswith(b"pip install 'pathvein[cloud]'\n")
        assert result.stderr.count(b"\n") == 1


def test_a_scan_imports_no_more_than_it_needs(lab: Path, pattern: Path) -> None:
    code = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
import pathvein.cli
pathvein.cli.main()
"""
    result = run_python(code, "scan", lab, "-p", pattern, cwd=lab)
    modules = set(result.stderr.decode().split())
    assert "pathvein.cli._commands" in modules
    assert modules.isdisjoint({"rich", "upath", "fsspec", "asyncio", "pathvein._remote"})
    # Nor what only the looks of the help are for, or objects that are written as text anyway.
    assert modules.isdisjoint({"rich_click", "pathlib", "dataclasses"})


@pytest.mark.parametrize("args", [["--help"], ["scan", "--help"], ["scan", ".", "-0h"]])
def test_help_looks_as_rich_click_has_it(args: list[str], tmp_path: Path) -> None:
    result = run_python("import pathvein.cli as c; c.main()", *args, cwd=tmp_path)
    assert result.returncode == 0
    assert "\u256d\u2500 Options".encode() in result.stdout


def test_what_does_not_ask_for_help(lab: Path, pattern: Path) -> None:
    """A name with an h in it, or a pattern's, does not matter to the answer."""
    cases: list[list[Arg]] = [["-p", pattern, "--threads", "1"], ["-vp", pattern], ["-0p", pattern]]
    for args in cases:
        result = run_python("import pathvein.cli as c; c.main()", "scan", lab, *args, cwd=lab)
        assert result.returncode == 0
        assert result.stdout.count(b"run_") == 2


def test_group_in_process(lab: Path, pattern: Path) -> None:
    """Its errors are not wrapped into a panel there, either."""
    runner = CliRunner()
    result = runner.invoke(cli_module.cli, ["scan", str(lab), "-p", str(pattern)])
    assert result.exit_code == 0
    assert len(lines(result.stdout_bytes)) == 2
    missing = "/" + "nope" * 50
    result = runner.invoke(cli_module.cli, ["scan", missing, "-p", str(pattern)])
    assert result.exit_code == 2
    assert f"Error: {missing}: No such file" in result.stderr


def test_installed_command(lab: Path, pattern: Path) -> None:
    from importlib.metadata import entry_points

    [entry] = entry_points(group="console_scripts", name="pathvein")
    assert entry.load() is cli_module.main
    assert Path(sys.executable).with_name("pathvein").exists()


def test_garbage_is_collected_while_a_command_runs(lab: Path, pattern: Path) -> None:
    """Only the imports go without; a long scan must not gather what others left lying."""
    code = """
import gc, pathvein.cli, pathvein.lib
start = pathvein.lib.start_scan
def spy(*args, **options):
    print(gc.isenabled())
    return start(*args, **options)
pathvein.lib.start_scan = spy
pathvein.cli.main()
"""
    result = run_python(code, "scan", lab, "-p", pattern, cwd=lab)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"True" in result.stdout.splitlines()


def test_a_warning_is_told_like_all_else(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    file = tmp_path / "any.json"
    file.write_text("{}")
    done = run("scan", "memory://", "-p", file, "--lister", "obstore", cwd=tmp_path)
    assert done.returncode == 0
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("Warning: 'memory:")
    assert "it lists only S3" in line


@pytest.mark.parametrize(("message", "shown"), [("None named ..", ".. (see"), ("No.", "No (see")])
def test_a_message_keeps_its_last_dots(message: str, shown: str) -> None:
    click = pytest.importorskip("click")
    from pathvein.cli._commands import _error_message

    assert shown in _error_message(click.UsageError(message))


def test_who_is_quiet_says_errors(lab: Path, pattern: Path) -> None:
    (lab / "old" / "up").symlink_to(".")
    never = write_pattern(lab.parent / "never.json", {"files": ["a/b"]})
    args: list[Arg] = ["scan", lab, "gone", "-p", pattern, "-p", never, "--follow-links", "-q"]
    result = run(*args)
    assert (result.returncode, result.stdout.count(b"\n")) == (1, 2)
    [warning, loop, gone] = result.stderr.decode().splitlines()
    assert warning.startswith(f"Warning: {never}: files[0]: ")
    assert loop.startswith(f"Error: {lab / 'old' / 'up'}: ")
    assert gone.startswith("Error: gone: ")


def test_directories_a_second_are_those_of_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that who looks sees when nothing moves any more."""
    from pathvein.cli._output import Messages

    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    messages = Messages()
    told = []
    for step in range(100):
        now = step / 10
        # 1,000 a second, until a mount hangs.
        told.append(messages.pace(min(step * 100, 5_000)))
    assert told[1] == "100 directories (1,000/s)"
    assert told[50] == "5,000 directories (1,000/s)"
    assert told[65] == "5,000 directories (500/s)"
    assert told[80:] == ["5,000 directories (0/s)"] * 20
