"""The command line on a terminal, in a pipe that closes, and interrupted."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_process import ENVIRONMENT, run, start, terminal
from servers.list_stub import ListStub

#: The command, which says when it is about to begin.
START_PROBE = [
    sys.executable,
    "-c",
    "import pathvein.cli; print('ready', flush=True); pathvein.cli.main()",
]


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Processes inherit that interrupts are ignored, as they are in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A pattern that only the top of the endless tree matches."""
    file = tmp_path / "top.json"
    file.write_text('{"directory_name": "d0"}')
    return file


@pytest.fixture
def anything(tmp_path: Path) -> Path:
    file = tmp_path / "anything.json"
    file.write_text("{}")
    return file


def odd_directory(tmp_path: Path) -> Path:
    path = bytes(tmp_path.resolve()) + b"/odd\x1b[31m\r\n\t\x7f\xc2\x85\xff\xc3\xa9"
    os.mkdir(path)
    return Path(os.fsdecode(path))


SHOWN = rb"odd\x1b[31m\r\n\t\x7f\u0085\xff" + "é".encode()


def test_names_do_nothing_to_a_terminal(tmp_path: Path, anything: Path) -> None:
    odd = odd_directory(tmp_path)
    with terminal() as tty:
        with start("scan", odd, "-p", anything, stdout=tty.end) as process:
            assert process.wait(30) == 0
        line = tty.read_rest()
    assert line == bytes(odd.parent) + b"/" + SHOWN + b"\r\n"


def test_json_on_a_terminal(tmp_path: Path, anything: Path) -> None:
    odd = odd_directory(tmp_path)
    with terminal() as tty:
        with start("scan", odd, "-p", anything, "--json", stdout=tty.end) as process:
            assert process.wait(30) == 0
        line = tty.read_rest()
    assert line.endswith(b"\r\n")
    assert re.fullmatch(rb"[ -~]*", line[:-2])
    assert json.loads(line)["path"] == str(odd)


def test_errors_do_nothing_to_a_terminal(tmp_path: Path, anything: Path) -> None:
    odd = odd_directory(tmp_path)
    (odd / "up").symlink_to(".")
    with terminal() as tty:
        with start("scan", odd, "-p", anything, "--follow-links", stderr=tty.end) as process:
            process.communicate(timeout=30)
            assert process.returncode == 1
        said = tty.read_rest()
    shown = bytes(odd.parent) + b"/" + SHOWN
    assert said.startswith(b"Error: " + shown + b"/up: ")
    assert said.endswith(b")\r\n")
    # Bytes that are no text are lost from a reason, but no control character gets through.
    assert not re.search("[\0-\x1f\x7f-\x9f]", said[:-2].decode())


def test_short_scan_has_no_progress_line(tmp_path: Path, anything: Path) -> None:
    (tmp_path / "tree").mkdir()
    with terminal() as tty:
        with start("scan", tmp_path / "tree", "-p", anything, stderr=tty.end) as process:
            process.communicate(timeout=30)
        assert tty.read_rest() == b""


PROGRESS = re.compile(
    rb"\r(\d+) s: ([\d,]+) director(?:y|ies), ([\d,]+) entries, 1 match(?: *)(?=\r|$)"
)


def number(text: bytes) -> int:
    return int(text.replace(b",", b""))


def test_progress_line(endless: Path, top: Path) -> None:
    started = time.monotonic()
    with (
        terminal() as tty,
        start("scan", endless, "-p", top, "--follow-links", stderr=tty.end) as process,
    ):
        tty.read_until(lambda output: b"1 s: " in output)
        assert time.monotonic() - started >= 1
        said = tty.read_until(lambda output: b"3 s: " in output)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        said = tty.read_rest()
    assert process.returncode == 130
    assert out == bytes(endless) + b"\n"
    steps = PROGRESS.findall(said)
    assert int(steps[0][0]) == 1
    assert len(steps) >= 4
    assert len(steps) <= 40
    for column in range(3):
        counts = [number(step[column]) for step in steps]
        assert counts == sorted(counts)
    assert number(steps[-1][1]) > number(steps[0][1]) > 0
    # Nothing is left of it, and it takes no more than to write over it.
    assert b"\n" not in said
    assert b"\x1b" not in said
    last = said.split(b"\r")
    assert last[-1] == b""
    assert last[-2].strip(b" ") == b""
    # Two more, for the ^C that the terminal shows where it was pressed there.
    assert len(last[-2]) >= len(last[-3].rstrip(b" ")) + 2 > 2


def test_what_takes_long_to_open_is_named(stub: ListStub, anything: Path) -> None:
    """The first page of a store is awaited before there is progress to tell."""
    pytest.importorskip("s3fs")
    bucket = stub.bucket(["lab/run/f"], latency=2)
    settings = [f"{name}={json.dumps(value)}" for name, value in bucket.options.items()]
    options = [part for setting in settings for part in ("-o", setting)]
    with (
        terminal() as tty,
        start("scan", f"{bucket.url}/lab", "-p", anything, *options, stderr=tty.end) as process,
    ):
        tty.read_until(lambda output: b"opening s3://" in output)
        out, _ = process.communicate(timeout=30)
        said = tty.read_rest()
    assert process.returncode == 0
    assert out.count(b"\n") == 2
    # Nothing is left of it.
    assert b"\n" not in said
    assert said.split(b"\r")[-2].strip(b" ") == b""


def test_a_dumb_terminal_has_no_progress_line(
    endless: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "TERM", "dumb")
    with terminal() as tty:
        with start("scan", endless, "-p", top, "--follow-links", stderr=tty.end) as process:
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert (process.returncode, tty.read_rest()) == (130, b"")


@pytest.mark.parametrize("columns", [1, 20])
def test_progress_line_on_a_narrow_terminal(endless: Path, top: Path, columns: int) -> None:
    with terminal() as tty:
        termios.tcsetwinsize(tty.end, (5, columns))
        with start("scan", endless, "-p", top, "--follow-links", stderr=tty.end) as process:
            if columns > 1:
                tty.read_until(lambda output: b"2 s: " in output)
            else:
                time.sleep(1.5)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        said = tty.read_rest()
    assert process.returncode == 130
    assert b"\n" not in said
    assert max(len(line) for line in said.split(b"\r")) == columns - 1


def test_progress_line_makes_way_for_results(endless: Path, tmp_path: Path) -> None:
    """Both on one terminal: each path has a line to itself."""
    pattern = tmp_path / "p.json"
    pattern.write_text('{"directory_name": "y", "directories": [{"directory_name": "y"}]}')
    with (
        terminal() as tty,
        start(
            "scan",
            endless,
            "-p",
            pattern,
            "--follow-links",
            "--threads",
            "1",
            stdout=tty.end,
            stderr=tty.end,
        ) as process,
    ):
        # A progress line, and paths after it.
        tty.read_until(lambda output: re.search(rb"(?s) s: (?:.*?\n){20}", output))
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            tty.read_rest()
        assert process.returncode == 130
        said = tty.read_rest()
    for line in said.split(b"\n")[:-1]:
        *before, path, end = line.split(b"\r")
        assert end == b""
        assert path.startswith(bytes(endless))
        for overwritten, after in zip(before, [*before[1:], path], strict=False):
            assert len(after) >= len(overwritten.rstrip(b" ")) or after == path


def test_no_progress_where_there_is_no_terminal(endless: Path, top: Path) -> None:
    with start("scan", endless, "-p", top, "--follow-links") as process:
        assert process.stdout
        assert process.stdout.readline() == bytes(endless) + b"\n"
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert (out, said) == (b"", b"")
    assert process.returncode == 130


def test_results_come_as_they_are_found_and_an_interrupt_is_quiet(endless: Path, top: Path) -> None:
    with start("scan", endless, "-p", top, "--follow-links") as process:
        assert process.stdout
        assert process.stdout.readline() == bytes(endless) + b"\n"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, said = process.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert (out, said) == (b"", b"")
    assert process.returncode == 130


def test_interrupt_while_nobody_reads(endless: Path, top: Path) -> None:
    """What could not be written does not keep the interpreter from ending."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    with start("scan", endless, "-p", top, "--follow-links", "-vv", stdout=writer) as process:
        assert process.stderr
        assert b"top.json" in process.stderr.readline()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b""
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc tells the threads")
@pytest.mark.parametrize("threads", ["1", "5"])
def test_threads(endless: Path, top: Path, threads: str) -> None:
    with start("scan", endless, "-p", top, "--follow-links", "--threads", threads) as process:
        assert process.stdout
        process.stdout.readline()
        names: list[str] = []
        # A thread takes its name once it runs.
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            tasks = Path(f"/proc/{process.pid}/task").glob("*/comm")
            names = [task.read_text() for task in tasks]
            if sum(name.startswith("pathvein") for name in names) == int(threads):
                break
    assert sum(name.startswith("pathvein") for name in names) == int(threads)


def test_interrupt_while_a_pattern_is_awaited(tmp_path: Path) -> None:
    with (
        terminal() as tty,
        subprocess.Popen(
            [*START_PROBE, "scan", tmp_path, "-p", "-"],
            stdin=tty.end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out, said) == (130, b"", b"")


@pytest.mark.parametrize("option", ["--json", "--null", "-v"])
def test_pipe_that_closes(endless: Path, anything: Path, option: str) -> None:
    with start("scan", endless, "-p", anything, "--follow-links", option) as process:
        assert process.stdout
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


def test_help_into_a_pipe_that_closes() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with start("scan", "--help", stdout=writer) as process:
        os.close(writer)
        _, said = process.communicate(timeout=30)
    assert said == b""
    assert process.returncode in (1, 141)


def test_nothing_is_escaped_in_a_pipe(tmp_path: Path, anything: Path) -> None:
    odd = odd_directory(tmp_path)
    assert run("scan", odd, "-p", anything).stdout == bytes(odd) + b"\n"
