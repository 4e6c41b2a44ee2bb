"""What the command line writes, and how names that hold anything at all are shown."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
import threading
import time
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import IO

    from pathvein import Stats

#: Control characters (C0, DEL, C1; those that break a line or turn the direction of writing),
#: and what stands for bytes that are no text.
_UNSHOWABLE = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
#: The password of a URL.
_PASSWORD = re.compile(r"(\w://[^/\s:@]*):[^/\s]*@")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """Text that does nothing to a terminal, and is one line.

    A control character becomes an escape such as ``\\n``, ``\\x1b`` or ``\\u0085``, a byte that
    is no text ``\\xff``.
    """
    return _UNSHOWABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return rf"\x{code - 0xDC00:02x}"
    return _SHORT.get(char) or (rf"\x{code:02x}" if code < 0x80 else rf"\u{code:04x}")


def describe(error: Exception) -> str:
    """An error in one line: the culprit, the reason and what was being done."""
    if not isinstance(error, OSError):
        # The text of others is often no sentence: a KeyError's is a mere repr.
        plain = isinstance(error, ValueError | ImportError)
        return str(error) if plain else f"{type(error).__name__}: {error}"
    reason = error.strerror
    if not reason:
        # Raised by a file system that is none of the operating system's.
        missing = isinstance(error, FileNotFoundError)
        reason = "No such file or directory" if missing else str(error) or type(error).__name__
    if error.filename is None:
        return reason
    notes = getattr(error, "__notes__", ())
    doing = f" ({'; '.join(notes)})" if notes else ""
    return f"{os.fsdecode(error.filename) or repr('')}: {reason}{doing}"


class OutputFailed(Exception):
    """Standard output cannot be written to; the cause is the `OSError`."""


def _is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def abandon(stream: IO[str] | None) -> None:
    """Let what a stream still holds come to nothing, at the interpreter's end at the latest."""
    if stream is None:
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except OSError:
        pass  # it is no stream of the operating system


def _columns() -> int:
    """How long a line on standard error may be."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    # A terminal may not know. One is left free: a full line makes some go to the next.
    return (columns or 80) - 1


class Messages:
    """Standard error: what is told, and on a terminal how far a scan has come."""

    #: Seconds before there is a progress line.
    PATIENCE = 1.0

    def __init__(self) -> None:
        self.terminal = _is_terminal(sys.stderr)
        self._started = time.monotonic()
        self._width = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        """Write one line, without the passwords of URLs."""
        self.clear()
        text = visible(_PASSWORD.sub(r"\1:***@", text))
        self._write(f"{text}\n")

    @contextlib.contextmanager
    def opening(self, source: str) -> Iterator[None]:
        """Says on a terminal, as progress is not told yet, what it is that takes so long."""
        if not self.terminal:
            yield
            return

        def tell() -> None:
            text = visible(_PASSWORD.sub(r"\1:***@", f"opening {source}"))[: _columns()]
            self._width = len(text)
            self._write(f"\r{text}")

        timer = threading.Timer(self.PATIENCE, tell)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # It may be about to write.
            timer.join()
            self.clear()

    @contextlib.contextmanager
    def saying_warnings(self) -> Iterator[None]:
        """Says warnings as all else, without a place in the code."""
        with warnings.catch_warnings():
            warnings.showwarning = lambda warning, *_: self.say(f"Warning: {warning}")
            yield

    def progress(self, stats: Stats) -> None:
        """Write the progress line over the one before, if it is time for one."""
        elapsed = self.elapsed
        if elapsed < self.PATIENCE:
            return
        text = f"{elapsed:.0f} s: {count(stats.directories, 'directory')}, "
        text += f"{count(stats.entries, 'entry')}, {count(stats.matches, 'match')}"
        if stats.errors:
            text += f", {count(stats.errors, 'error')}"
        if stats.requests:
            text += f", {remote_counts(stats)}"
        text = text[: _columns()]
        # It never gets shorter, as the counts do not.
        self._write(f"\r{text}")
        self._width = len(text)

    def clear(self) -> None:
        """Take the progress line away."""
        if self._width:
            # And what a terminal may have shown after it of a key pressed: ^C.
            self._write(f"\r{'':<{min(self._width + 2, _columns())}}\r")
            self._width = 0

    def _write(self, text: str) -> None:
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            # Nobody listens; the results do not depend on it.
            abandon(sys.stderr)


class Results:
    """Standard output: the results."""

    def __init__(
        self, messages: Messages, names: Sequence[str], *, as_json: bool, null: bool
    ) -> None:
        """`names` are what to call the patterns."""
        if sys.stdout is None:
            raise OutputFailed("it is closed")
        self._stream = sys.stdout
        self._messages = messages
        self._names = names
        self._json = as_json
        self._end = "\0" if null else "\n"
        self._terminal = _is_terminal(sys.stdout)
        #: Paths that were written, where one may come with several patterns.
        self._seen: set[str] | None = set() if len(names) > 1 else None

    def write(self, batch: Iterable[tuple[str, int]]) -> None:
        """Write what was found, paths and positions of patterns, and see that it gets through.

        Raises:
            OutputFailed: It does not.
        """
        if self._json:
            lines = [
                json.dumps({"path": path, "pattern": self._names[index]}) for path, index in batch
            ]
        else:
            lines = self._paths(batch)
        if not lines:
            return
        if self._terminal:
            self._messages.clear()
        try:
            _write(self._stream.buffer, _raw(lines, self._end))
        except OSError as error:
            abandon(self._stream)
            raise OutputFailed(describe(error)) from error

    def _paths(self, batch: Iterable[tuple[str, int]]) -> list[str]:
        paths = [path for path, _ in batch]
        if self._seen is not None:
            paths = [path for path in dict.fromkeys(paths) if path not in self._seen]
            self._seen.update(paths)
        return [visible(path) for path in paths] if self._terminal else paths


def _write(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        # Unbuffered (PYTHONUNBUFFERED), it may take a part only, or nothing at all.
        written: int | None = stream.write(rest)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        rest = rest[written:]
    stream.flush()


def _raw(lines: list[str], end: str) -> bytes:
    try:
        return os.fsencode(end.join([*lines, ""]))
    except UnicodeEncodeError:
        if len(lines) > 1:
            return b"".join(_raw([line], end) for line in lines)
        # A key of a store, which no local file system has to be able to name.
        return (lines[0] + end).encode("utf-8", "surrogatepass")


_PLURALS = {"directory": "directories", "entry": "entries", "match": "matches"}


def count(number: int, noun: str, rest: str = "") -> str:
    """``"1 entry"``, ``"1,234 entries"``."""
    noun = noun if number == 1 else _PLURALS.get(noun, f"{noun}s")
    return f"{number:,} {noun}{rest}"


def remote_counts(stats: Stats) -> str:
    """What a remote scan took."""
    text = count(stats.requests, "request")
    if stats.retries:
        text += f" ({stats.retries:,} of them again)"
    if stats.keys:
        text += f", {count(stats.keys, 'key')}"
    return text
