"""Running the command line and other children as processes, with or without a terminal."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "pathvein"]
#: Without what somebody may have set to see the tests' own output at once.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}

Arg = str | bytes | os.PathLike[str]


def run(
    *args: Arg, cwd: Path | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run ``pathvein`` to its end, its output in pipes."""
    command = [*COMMAND, *args]
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, input=stdin, capture_output=True, timeout=60
    )


def lines(output: bytes) -> list[bytes]:
    """The lines of an output, sorted."""
    assert output == b"" or output.endswith(b"\n")
    return sorted(output.splitlines())


def failure(*args: Arg, cwd: Path | None = None) -> str:
    """The one line that is said of what keeps ``pathvein`` from doing anything."""
    result = run(*args, cwd=cwd)
    assert result.stdout == b""
    said = result.stderr.decode()
    assert result.returncode == 2, said
    assert said.startswith("Error: ")
    assert said.endswith("\n")
    assert said.count("\n") == 1
    return said[len("Error: ") : -1]


def run_python(code: str, *args: Arg, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run Python code to its end, its output in pipes."""
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, timeout=60)


class Terminal:
    """A terminal, and what was written to it so far."""

    def __init__(self) -> None:
        pty = pytest.importorskip("pty", reason="unix: terminals")
        self._controller, self.end = pty.openpty()
        self.output = b""

    def resize(self, lines: int, columns: int) -> None:
        """Give it another size."""
        import termios

        termios.tcsetwinsize(self.end, (lines, columns))

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self._controller, keys)

    def read_until(self, enough: Callable[[bytes], object], seconds: float = 30) -> bytes:
        """Read until the output will do."""
        deadline = time.monotonic() + seconds
        while not enough(self.output):
            left = deadline - time.monotonic()
            assert left > 0, f"not what was waited for: {self.output!r}"
            self._read(left)
        return self.output

    def read_soon(self) -> None:
        """Read what there is, or what comes within a moment."""
        self._read(0.05)

    def read_rest(self) -> bytes:
        """Read what there is, once the process has ended."""
        while self._read(0):
            pass
        return self.output

    def _read(self, seconds: float) -> bool:
        if not select.select([self._controller], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._controller, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.output += data
        return bool(data)

    def close(self) -> None:
        """Close both ends."""
        for end in self._controller, self.end:
            os.close(end)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal for a while."""
    opened = Terminal()
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def start(
    *args: Arg, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``pathvein`` for a while; it is killed in the end if it still runs."""
    with subprocess.Popen(
        [*COMMAND, *args],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def interruptible(command: list[Any]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that SIGINT interrupts, even if whoever runs the tests ignores it.

    Its output is in pipes; it is killed in the end if it still runs.
    """
    with subprocess.Popen(
        command,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            yield process
        finally:
            process.kill()
