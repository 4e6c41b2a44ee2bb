"""The output of the command line, in which any character of a name is shown safely."""

from __future__ import annotations

import collections
import contextlib
import errno
import json
import os
import sys
import threading
import time
import warnings

from pathvein._visible import visible, width, without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import IO

    from pathvein import ShuffleProgress, Stats
    from pathvein.cli._bar import Bar


def safe(text: str) -> str:
    """Visible text without the passwords of URLs."""
    return visible(without_passwords(text))


def describe(error: Exception) -> str:
    """An error in one line: the file, the reason and the operation that failed."""
    if not isinstance(error, OSError):
        # The text of other classes is often no sentence: that of a KeyError is a repr.
        plain = isinstance(error, ValueError | ImportError)
        return str(error) if plain else f"{type(error).__name__}: {error}"
    reason = error.strerror
    if not reason:
        # Not raised by the operating system, but by a file system of fsspec.
        missing = isinstance(error, FileNotFoundError)
        reason = "No such file or directory" if missing else str(error) or type(error).__name__
    if error.filename is None:
        return reason
    notes = getattr(error, "__notes__", ())
    doing = f" ({'; '.join(notes)})" if notes else ""
    return f"{os.fsdecode(error.filename) or repr('')}: {reason}{doing}"


def lines(error: Exception) -> list[str]:
    """An error in one line, and below it, of pattern text, the line that is wrong and a caret."""
    message, *excerpt = describe(error).split("\n")
    if len(excerpt) != 2 or excerpt[1].strip() != "^":
        return ["\n".join((message, *excerpt))]
    return [message, *shown_excerpt(*excerpt)]


def shown_excerpt(line: str, caret: str) -> list[str]:
    """A line that is wrong, and a caret below it, as they are shown."""
    before = visible(line[: len(caret) - 1])
    return [f"    {line}", f"    {' ' * width(before)}^"]


class OutputFailed(Exception):
    """Standard output cannot be written to; the cause is the `OSError`."""


def _is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def abandon(stream: IO[str] | None) -> None:
    """Discard what a stream has buffered, so that flushing it at the end cannot fail."""
    if stream is None:
        return
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except OSError:
        pass  # the stream has no file descriptor


def columns(stream: IO[str] | None = None) -> int:
    """The maximal length of a line on standard error, or another stream."""
    try:
        columns = os.get_terminal_size((stream or sys.stderr).fileno()).columns
    except OSError:
        columns = 0
    # Some terminals report 0. One column stays free: a full line wraps on some terminals.
    return (columns or 80) - 1


class Messages:
    """Standard error: messages, and on a terminal the progress of a scan."""

    #: Seconds before the first progress line.
    PROGRESS_DELAY = 1.0
    #: Seconds over which directories a second are counted: what is told is how it goes now.
    _RATE_WINDOW = 3.0

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet`: only errors and warnings are said."""
        self.quiet = quiet
        #: Whether progress is shown. Nothing can be written over on a dumb terminal.
        self.shows_progress = (
            not quiet and _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        )
        #: Where errors and warnings go, too.
        self.log: logging.Logger | None = None
        self._started = time.monotonic()
        #: Directories at some seconds from the start on.
        self._samples = collections.deque([(0.0, 0)])
        # A line of progress may be written by a thread of its own.
        self._lock = threading.RLock()
        self._width = 0
        self._bar: Bar | None = None
        self._bar_due: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        """Write one line, without the passwords of URLs."""
        with self._lock:
            self.clear()
            self._write(f"{safe(text)}\n")

    def inform(self, text: str) -> None:
        """Say what is no more than good to know."""
        if not self.quiet:
            self.say(text)

    def record(self, text: str) -> None:
        """Say what is good to know, and may be asked for later."""
        self.inform(text)
        if self.log:
            self.log.info("%s", text)

    def error(self, text: str) -> None:
        """Say what is wrong."""
        self.say(f"Error: {text}")
        if self.log:
            self.log.error("%s", text)

    def warn(self, text: str, *, hint: bool = False) -> None:
        """Say what may be wrong; `hint`: what could be done otherwise, though nothing is wrong."""
        if not (hint and self.quiet):
            self.say(f"Warning: {text}")
        if self.log:
            self.log.warning("%s", text)

    @contextlib.contextmanager
    def opening(self, source: str) -> Iterator[None]:
        """While a source is opened: says so on a terminal after a while."""
        with self.working(lambda: f"opening {source}"):
            yield

    @contextlib.contextmanager
    def working(self, doing: Callable[[], str]) -> Iterator[None]:
        """While something is done that tells no progress itself: says on a terminal what.

        `doing` is called by another thread, after the first second and then twice a second.
        """
        if not self.shows_progress:
            yield
            return
        done = threading.Event()

        def show() -> None:
            seconds = self.PROGRESS_DELAY
            while not done.wait(seconds):
                self._show(f"{self.elapsed:.0f} s: {safe(doing())}")
                seconds = 0.5

        thread = threading.Thread(target=show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()  # it may be writing
            self.clear()

    @contextlib.contextmanager
    def saying_warnings(self) -> Iterator[None]:
        """Writes Python warnings as messages, without file name and line number."""
        with warnings.catch_warnings():
            warnings.showwarning = lambda warning, *_: self.warn(str(warning))
            yield

    def progress(self, stats: Stats, found: str | None = None) -> None:
        """Write the progress line over the previous one, but not in the first second.

        `found` tells what was found, if that is more than matches. What is told last may not fit.
        """
        elapsed = self.elapsed
        pace = self.pace(stats.directories + stats.skipped)
        if elapsed < self.PROGRESS_DELAY:
            return
        text = f"{elapsed:.0f} s: {pace}, {found or count(stats.matches, 'match')}"
        if stats.errors:
            text += f", {count(stats.errors, 'error')}"
        text += f", {count(stats.entries, 'entry')}"
        if stats.requests or stats.keys:
            text += f", {remote_counts(stats)}"
        self._show(text)

    def pace(self, directories: int) -> str:
        """How many directories there are so far, and how many a second of late."""
        elapsed, samples = self.elapsed, self._samples
        samples.append((elapsed, directories))
        while len(samples) > 2 and samples[1][0] <= elapsed - self._RATE_WINDOW:
            samples.popleft()
        since, before = samples[0]
        rate = (directories - before) / max(elapsed - since, 1e-9)
        return f"{count(directories, 'directory')} ({rate:,.0f}/s)"

    def copying(self, progress: ShuffleProgress) -> None:
        """Draw the bar of a copy, but not in its first second."""
        now = time.monotonic()
        if self._bar_due is None:
            self._bar_due = now + self.PROGRESS_DELAY
        if now < self._bar_due:
            return
        if self._bar is None:
            from pathvein.cli._bar import Bar

            self._bar = Bar()
        try:
            self._bar.draw(progress)
        except OSError:
            abandon(sys.stderr)

    def _show(self, text: str) -> None:
        """Write a line that replaces the last one."""
        # With room for the ^C that a terminal shows after it.
        room = max(columns() - 2, 0)
        text = text[:room]
        while width(text) > room:
            text = text[:-1]
        with self._lock:
            before, self._width = self._width, width(text)
            # What would stay of a longer line is erased.
            self._write(f"\r{text}{'':{max(min(before, room) - self._width, 0)}}")

    def clear(self) -> None:
        """Erase the progress line, or the bar."""
        if self._bar is not None:
            try:
                self._bar.clear()
            except OSError:
                abandon(sys.stderr)
        with self._lock:
            if self._width:
                # The ^C, too.
                self._write(f"\r{'':<{min(self._width + 2, columns())}}\r")
                self._width = 0

    def _write(self, text: str) -> None:
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            # Standard error is closed. The results do not depend on it.
            abandon(sys.stderr)


class Output:
    """Standard output: lines."""

    def __init__(self, messages: Messages, end: str = "\n") -> None:
        if sys.stdout is None:
            raise OutputFailed("it is closed")
        self._stream = sys.stdout
        self._messages = messages
        self._end = end
        #: Whether it is one.
        self.terminal = _is_terminal(sys.stdout)

    def write(self, lines: list[str], *, styled: bool = False) -> None:
        """Write and flush lines, on a terminal with visible characters only.

        Args:
            styled: They are made for a terminal, and hold what makes its colours.

        Raises:
            OutputFailed: They cannot be written.
        """
        if not lines:
            return
        if self.terminal:
            self._messages.clear()
            if not styled:
                lines = [visible(line) for line in lines]
        self._write(_raw(lines, self._end))

    def write_file(self, text: str) -> None:
        """Write and flush what would be a file otherwise: in UTF-8, and as it is.

        Raises:
            OutputFailed: It cannot be written.
        """
        self._messages.clear()
        self._write(text.encode())

    def _write(self, data: bytes) -> None:
        try:
            _write(self._stream.buffer, data)
        except OSError as error:
            abandon(self._stream)
            raise OutputFailed(describe(error)) from error


class Results:
    """Standard output: the results."""

    def __init__(
        self, messages: Messages, names: Sequence[str], *, as_json: bool, null: bool
    ) -> None:
        """Of one source; `names` are the names of the patterns."""
        self._output = Output(messages, "\0" if null else "\n")
        self._names = names
        self._json = as_json
        #: Paths that were written. With one pattern, no path comes twice.
        self._seen: set[str] | None = set() if len(names) > 1 else None

    def write(self, batch: Iterable[tuple[str, int]]) -> None:
        """Write and flush results: pairs of a path and the index of its pattern.

        Raises:
            OutputFailed: They cannot be written.
        """
        if self._json:
            lines = [
                json.dumps({**named("path", path), **named("pattern", self._names[index])})
                for path, index in batch
            ]
        else:
            lines = self._paths(batch)
        self._output.write(lines)

    def _paths(self, batch: Iterable[tuple[str, int]]) -> list[str]:
        paths = [path for path, _ in batch]
        if self._seen is not None:
            paths = [path for path in dict.fromkeys(paths) if path not in self._seen]
            self._seen.update(paths)
        return paths


def _write(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        # An unbuffered stream (PYTHONUNBUFFERED) may write only a part, or nothing.
        written: int | None = stream.write(rest)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        rest = rest[written:]
    stream.flush()


def named(key: str, name: str) -> dict[str, str]:
    """A name, and its bytes if its text does not tell them to whoever takes it for UTF-8."""
    raw = _raw([name], "")
    if raw == name.encode(errors="replace"):
        return {key: name}
    import base64

    return {key: name, f"{key}_bytes": base64.b64encode(raw).decode()}


def _raw(lines: list[str], end: str) -> bytes:
    try:
        return os.fsencode(end.join([*lines, ""]))
    except UnicodeEncodeError:
        if len(lines) > 1:
            return b"".join(_raw([line], end) for line in lines)
        # A key of a store, whose lone surrogates no local file system can encode.
        return (lines[0] + end).encode("utf-8", "surrogatepass")


_PLURALS = {"directory": "directories", "entry": "entries", "match": "matches"}


def count(number: int, noun: str, rest: str = "") -> str:
    """``"1 entry"``, ``"1,234 entries"``."""
    noun = noun if number == 1 else _PLURALS.get(noun, f"{noun}s")
    return f"{number:,} {noun}{rest}"


def remote_counts(stats: Stats) -> str:
    """The counts of requests and keys of a remote scan, or of keys that another has listed."""
    text = count(stats.requests, "request") if stats.requests else ""
    if stats.retries:
        text += f" ({stats.retries:,} of them again)"
    if stats.keys:
        text += f"{', ' if text else ''}{count(stats.keys, 'key')}"
    return text
