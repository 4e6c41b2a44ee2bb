"""``--from`` and ``--from0``: paths from files and pipes at the command line."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from cli_process import COMMAND, ENVIRONMENT, failure, lines, run
from pathvein._keys.files import keys_in
from pathvein.cli._keys import FIND
from trees import Dir, build, tree

EXPRESSION = ("-e", "run_*/{*.csv, no old/}")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A tree with empty directories, and names that a shell would not print."""
    spec = tree("run_1/a.csv", "deep/run_2/a.csv", "run_old/a.csv", "run_old/old/x", "run_b/b.txt")
    odd = Dir({"a.csv": spec.entries["run_1"].entries["a.csv"]})  # type: ignore[union-attr]
    below = Dir(
        {"run_\n\udcff": odd, "run_%41": odd, "run_empty": Dir({"old": Dir(), "a.csv": Dir()})}
    )
    return build(tmp_path / "lab", Dir({**spec.entries, "odd": below}))


def printed(line: str, cwd: Path) -> bytes:
    return subprocess.check_output(line, shell=True, cwd=cwd)


@pytest.mark.parametrize("top", [".", "./", "lab", "absolute"])
def test_what_find_prints(lab: Path, top: str) -> None:
    cwd = lab if top.startswith(".") else lab.parent
    top = str(lab) if top == "absolute" else top
    expected = sorted(run("scan", "-0", lab, *EXPRESSION).stdout.split(b"\0"))
    keys = printed(FIND.replace("LAB", top), cwd)
    result = run("scan", "-0", "--from0", "-", *EXPRESSION, cwd=cwd, stdin=keys)
    assert (result.returncode, result.stderr) == (0, b"")
    found = result.stdout.split(b"\0")
    assert len(found) == 5
    # The way they came, they are paths from there.
    start = b"./" if top.startswith(".") else top.encode()
    assert all(path.startswith(start) for path in found if path)
    absolute = [
        bytes((cwd / path.decode(errors="surrogateescape")).resolve()) for path in found if path
    ]
    assert sorted([*absolute, b""]) == expected


def test_empty_directories_without_a_slash(lab: Path) -> None:
    found = run("scan", "--from0", "-", *EXPRESSION, stdin=printed("find . -print0", lab))
    assert b"./odd/run_empty\n" in found.stdout
    found = run("scan", "--from0", "-", *EXPRESSION, stdin=printed(FIND.replace("LAB", "."), lab))
    assert b"run_empty" not in found.stdout


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_files_of_lines(lab: Path, tmp_path: Path, ending: str) -> None:
    text = b"\n".join(sorted([b"run_1/a.csv", b"run_1", b"", b"other/run_9/x.csv"]))
    file = tmp_path / f"keys.txt{ending}"
    if ending == ".gz":
        file.write_bytes(gzip.compress(text))
    else:
        with pyarrow.output_stream(file, compression="zstd" if ending else None) as stream:
            stream.write(text)
    for order in ([], ["--in-order"]):
        result = run("scan", "--from", file, *EXPRESSION, *order)
        assert lines(result.stdout) == [b"other/run_9", b"run_1"], result.stderr
    result = run("scan", "lab", "--from", file, *EXPRESSION, "--sort", "--json")
    assert [json.loads(line)["path"] for line in result.stdout.splitlines()] == [
        *("lab/other/run_9", "lab/run_1")
    ]
    if ending:
        whole = file.read_bytes()
        for wrong, said in ((whole[:-9], ""), (b"other" * 9, "it is damaged: \\w+")):
            file.write_bytes(wrong)
            told = failure("scan", "--from", file, *EXPRESSION)
            assert re.search(f"{re.escape(str(file))}: {said}", told)
            assert "None" not in told


def test_lines_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    # The first CR is the last byte of a piece that is read.
    head = b"run_1/" + b"x" * ((1 << 18) - 11) + b".csv"
    file.write_bytes(b"".join(key + b"\r\n" for key in (head, b"", b"run_2/a.csv", b"run_3/")))
    file.write_bytes(file.read_bytes() + b"run_4/a.csv\r")
    result = run("scan", "--from", file, *EXPRESSION, "--sort")
    assert lines(result.stdout) == [b"run_1", b"run_2", b"run_4"], result.stderr


def test_what_a_decompressor_raises() -> None:
    """Also that of Python 3.14, whatever this one is."""

    class Damaged:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def read(self, size: int) -> bytes:
            raise self.error

    kinds: list[type[Exception]] = [OSError, EOFError, zlib.error]
    for kind in [*kinds, type("ZstdError", (Exception,), {})]:
        file: Any = Damaged(kind("as it says"))
        with pytest.raises(OSError, match=r"as it says: 'keys\.zst'") as caught:
            list(keys_in(file, "keys.zst", b"\0"))
        assert caught.value.filename == "keys.zst"
    other: Any = Damaged(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        list(keys_in(other, "keys", b"\0"))


def test_what_is_no_list_of_such_paths() -> None:
    for wrong, option, said in (
        (
            b"run_1\0run_1/a.csv\0",
            "--from",
            "it has a NUL, which no path has: read it with --from0",
        ),
        (b"run_1\nrun_1/a.csv\n", "--from0", "it has lines and no NUL: read it with --from"),
        (b"run_1/a.csv\n" * 10**6, "--from0", "it has lines and no NUL: read it with --from"),
        (b"x" * (1 << 21), "--from", "it is no list of paths"),
    ):
        result = run("scan", option, "-", *EXPRESSION, stdin=wrong)
        assert (result.returncode, result.stdout) == (2, b"")
        assert f"standard input: {said}" in result.stderr.decode()
    # The last may be without an end.
    assert run("scan", "--from0", "-", *EXPRESSION, stdin=b"run_1/a.csv").stdout == b"run_1\n"


def test_check(lab: Path) -> None:
    keys = printed(FIND.replace("LAB", "."), lab)
    expected = run("check", ".", *EXPRESSION, "--sort", cwd=lab)
    result = run("check", "--from0", "-", *EXPRESSION, "--sort", stdin=keys)
    assert result.returncode == expected.returncode == 1
    assert result.stdout == expected.stdout
    assert re.sub(rb", [\d.]+ s", b"", result.stderr) == re.sub(
        rb", [\d.]+ s", b"", expected.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["--from", "-", "--in-order"], b"b\na\n", 'key "a": out of order: it is number 2,'),
        (["--from", "-"], b"/b\na\n", 'key "a": number 2 has no / in front'),
        (["--from", "no/such"], b"", "no/such: No such file or directory"),
        (["--from", "-", "--from0", "-"], b"", "standard input can be read once"),
        (["--from", "-", "a", "b"], b"", "--from takes one SOURCE at most"),
        (["--from", "-", "--threads", "2"], b"", "--threads has no effect on paths of --from"),
        (["--in-order", "a"], b"", "--in-order is for --from and --from0"),
        (["--from", "-", "lab"], b"/a", "leave the source out"),
        ([], b"", "Missing argument 'SOURCE...'"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], stdin: bytes, said: str) -> None:
    for command in ("scan", "check"):
        result = run(command, *arguments, *EXPRESSION, stdin=stdin)
        assert result.returncode == 2
        assert said in result.stderr.decode()


def test_results_come_while_the_pipe_is_open(lab: Path) -> None:
    command = [*COMMAND, "scan", "--from", "-", "--in-order", *EXPRESSION]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"run_1/a.csv\nrun_2/a.csv\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"run_1\n"
        process.stdin.close()
        assert process.stdout.read() == b"run_2\n"


def test_help_tells_the_line() -> None:
    for command in ("scan", "check"):
        told = " ".join(run(command, "--help").stdout.decode().replace("│", " ").split())
        assert FIND in told
