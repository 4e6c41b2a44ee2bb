"""The command line on a terminal, in a pipe that closes, and interrupted."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("termios", reason="unix: terminals")

import fcntl

from cli_process import COMMAND, ENVIRONMENT, Arg, run, start, terminal
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
    rb"\r(\d+) s: ([\d,]+) director(?:y|ies) \(([\d,]+)/s\), 1 match, ([\d,]+) entries"
    rb"(?: *)(?=\r|$)"
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
    for column in 0, 1, 3:
        counts = [number(step[column]) for step in steps]
        assert counts == sorted(counts)
    assert number(steps[-1][1]) > number(steps[0][1]) > 0
    # The first is that of the whole first second, or somewhat more.
    assert number(steps[0][1]) / 2 < number(steps[0][2]) <= number(steps[0][1])
    # Nothing is left of it, and it takes no more than to write over it.
    assert b"\n" not in said
    assert b"\x1b" not in said
    last = said.split(b"\r")
    assert last[-1] == b""
    assert last[-2].strip(b" ") == b""
    # Two more, for the ^C that the terminal shows where it was pressed there.
    assert len(last[-2]) >= len(last[-3].rstrip(b" ")) + 2 > 2


def test_progress_is_that_of_all_sources(endless: Path, top: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    for name in "a/d0", "b/d0":
        (first / name).mkdir(parents=True)
    with (
        terminal() as tty,
        start("scan", first, endless, "-p", top, "--follow-links", stderr=tty.end) as process,
    ):
        tty.read_until(lambda output: b"/s), 3 matches, " in output)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.splitlines()[2:] == [bytes(endless)]


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
        tty.resize(5, columns)
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
    # There is room for the ^C, which would go on in the next line.
    assert max(len(line.rstrip(b" ")) for line in said.split(b"\r")) == max(columns - 3, 0)


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


def test_no_progress_if_quiet(endless: Path, top: Path) -> None:
    with terminal() as tty:
        with start("scan", endless, "-q", "-p", top, "--follow-links", stderr=tty.end) as process:
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)
        assert (process.returncode, tty.read_rest()) == (130, b"")
    assert out == bytes(endless) + b"\n"


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


@pytest.mark.linux("/proc tells the threads")
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


# Pipes that do not wait.


def full_pipe() -> tuple[int, int]:
    """A pipe of one page that is full, and whose writers are not waited for."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\0")
    return reader, writer


def what_comes(process: subprocess.Popen[bytes], reader: int) -> bytes:
    """All that a process writes into the full pipe, which is read once it has had to wait."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    with open(reader, "rb") as file:
        return file.read().lstrip(b"\0")


def many(tmp_path: Path) -> Path:
    """A source of 300 directories, with a loop in each."""
    for number in range(300):
        (tmp_path / "src" / f"{number:_>60}").mkdir(parents=True)
        (tmp_path / "src" / f"{number:_>60}" / "up").symlink_to(".")
    return tmp_path / "src"


@pytest.mark.linux("Linux sets the size of a pipe")
@pytest.mark.parametrize("buffering", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["", "unbuffered"])
@pytest.mark.parametrize(
    "args",
    [["scan", "src", "-p", "anything.json"], ["scan", "-h"], ["--version"], []],
    ids=lambda args: " ".join(args),
)
def test_output_into_a_pipe_that_does_not_wait(
    args: list[str],
    buffering: dict[str, str],
    tmp_path: Path,
    anything: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many(tmp_path)
    monkeypatch.chdir(tmp_path)
    expected = run(*args)
    for name, value in buffering.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    reader, writer = full_pipe()
    with start(*args, stdout=writer) as process:
        os.close(writer)
        output = what_comes(process, reader)
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == expected.returncode
    assert sorted(output.splitlines()) == sorted(expected.stdout.splitlines())


@pytest.mark.linux("Linux sets the size of a pipe")
def test_completion_into_a_pipe_that_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "_PATHVEIN_COMPLETE", "zsh_source")
    reader, writer = full_pipe()
    with start(stdout=writer) as process:
        os.close(writer)
        assert what_comes(process, reader) == run().stdout != b""


@pytest.mark.linux("Linux sets the size of a pipe")
def test_messages_into_a_pipe_that_does_not_wait(tmp_path: Path, anything: Path) -> None:
    args: list[Arg] = ["scan", many(tmp_path), "-p", anything, "--follow-links"]
    reader, writer = full_pipe()
    with start(*args, stdout=subprocess.DEVNULL, stderr=writer) as process:
        os.close(writer)
        said = what_comes(process, reader)
    assert sorted(said.splitlines()) == sorted(run(*args).stderr.splitlines())
    assert said.count(b"Error: ") == 300


@pytest.mark.linux("Linux sets the size of a pipe")
def test_pipe_that_does_not_wait_and_closes(tmp_path: Path, anything: Path) -> None:
    reader, writer = full_pipe()
    with start("scan", many(tmp_path), "-p", anything, stdout=writer) as process:
        os.close(writer)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        os.close(reader)
        assert process.wait(30) == 141
        assert process.stderr
        assert process.stderr.read() == b""


@pytest.mark.linux("Linux sets the size of a pipe")
@pytest.mark.parametrize("args", [["scan", "src", "-p", "anything.json"], ["--help"]])
def test_interrupt_while_a_pipe_is_full(
    args: list[str], tmp_path: Path, anything: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once is enough, whatever could not be written."""
    code = "import sys, pathvein.cli as c; print('ready', file=sys.stderr, flush=True); c.main()"
    many(tmp_path)
    monkeypatch.chdir(tmp_path)
    for blocking in False, True:
        reader, writer = full_pipe()
        os.set_blocking(writer, blocking)
        command = [sys.executable, "-c", code, *args]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=writer, stderr=pipe) as process:
            try:
                assert process.stderr
                assert process.stderr.readline() == b"ready\n"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 130
            finally:
                process.kill()
        os.close(reader)
        os.close(writer)


def test_pattern_from_a_pipe_that_does_not_wait(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    command: list[Arg] = [*COMMAND, "scan", tmp_path, "-p", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=reader, stdout=pipe, stderr=pipe) as it:
        os.close(reader)
        for part in b'{"directory_name":', b' "*"}':
            with contextlib.suppress(subprocess.TimeoutExpired):
                it.wait(0.5)
            with contextlib.suppress(BrokenPipeError):
                os.write(writer, part)
        os.close(writer)
        assert it.communicate(timeout=30) == (bytes(tmp_path.resolve()) + b"\n", b"")


# Completion.


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (b"scan\nla", b"dir,la"),
        (b"scan\n", b"dir,"),
        (b"scan\na\nb\n-v\nla", b"dir,la"),
        (b"scan\n-p\nx.json\nla", b"dir,la"),
        (b"scan\n-p\nla", b"file,la"),
        (b"scan\nlab\n--pattern\n", b"file,"),
        (b"scan\n\xff", b"dir,?"),
        (b"scan\n--lister\nob", b"plain,obstore"),
        (b"check\nla", b"dir,la"),
        (b"check\nlab\n-p\nla", b"file,la"),
        (b"check\n--format\nj", b"plain,json\nplain,junit"),
        (b"explain\nla\nlab", b"dir,lab"),
        (b"shuffle\nla", b"dir,la"),
        (b"shuffle\nlab\nou", b"dir,ou"),
        (b"shuffle\nlab\nout\n-p\nru", b"file,ru"),
        (b"shuffle\n--links\nk", b"plain,keep"),
        (b"shu", b"plain,shuffle"),
        (b"validate\nru", b"file,ru"),
        (b"validate\na\n-e\nx\nru", b"file,ru"),
        (b"convert\nru", b"file,ru"),
        (b"convert\na\n--to\nto", b"plain,toml"),
        (b"convert\na\n--to\ntext\n-o\nru", b"file,ru"),
        (b"conv", b"plain,convert"),
        (b"ch", b"plain,check"),
    ],
)
def test_what_is_offered(words: bytes, offered: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "_PATHVEIN_COMPLETE", "bash_complete")
    monkeypatch.setitem(ENVIRONMENT, "COMP_WORDS", "pathvein\n" + os.fsdecode(words))
    monkeypatch.setitem(ENVIRONMENT, "COMP_CWORD", str(words.count(b"\n") + 1))
    result = run()
    assert (result.stdout, result.stderr) == (offered + b"\n", b"")


def test_completion_in_bash(tmp_path: Path) -> None:
    """Directories where a SOURCE is asked for, files where a pattern is."""
    if not (bash := shutil.which("bash")):
        pytest.skip("bash is missing")
    for name in "one_directory/below", "two":
        (tmp_path / name).mkdir(parents=True)
    for name in "one_file", "two/pattern.json":
        (tmp_path / name).touch()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**ENVIRONMENT, "PATH": path, "TERM": "xterm", "INPUTRC": os.devnull}
    with (
        terminal() as tty,
        subprocess.Popen(
            [bash, "--norc", "--noprofile", "-i"],
            cwd=tmp_path,
            env=environment,
            stdin=tty.end,
            stdout=tty.end,
            stderr=tty.end,
            start_new_session=True,
        ) as shell,
    ):
        try:
            tty.send(b'eval "$(_PATHVEIN_COMPLETE=bash_source pathvein)"; echo rea""dy\n')
            tty.read_until(lambda output: b"ready" in output)
            tty.send(b"pathvein scan on\t")
            tty.read_until(lambda output: output.endswith(b"scan one_directory/"))
            tty.send(b" -p two/p\t")
            tty.read_until(lambda output: b" -p two/pattern.json" in output)
        finally:
            shell.kill()
