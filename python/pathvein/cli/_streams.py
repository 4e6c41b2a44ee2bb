"""Standard streams that wait for a pipe or terminal that is not ready.

Whether it is waited for (``O_NONBLOCK``) is a property of the open file, which other processes
share: any of them may change it, at any time.
"""

from __future__ import annotations

import io
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any


class _Patient(io.FileIO):
    """A file that is not closed with this object."""

    def __init__(self, stream: IO[str], mode: str) -> None:
        super().__init__(stream.fileno(), mode, closefd=False)
        self._stream = stream  # it closes the file when it is deleted

    def write(self, data: Any) -> int:
        while (written := super().write(data)) is None:
            self._wait("POLLOUT")
        return written

    def readall(self) -> bytes:
        parts: list[bytes] = []
        while (part := self.read(65536)) != b"":
            if part is None:
                self._wait("POLLIN")
            else:
                parts.append(part)
        return b"".join(parts)

    def _wait(self, event: str) -> None:
        import select

        poll = select.poll()
        poll.register(self, getattr(select, event))
        poll.poll()


def patient(stream: Any) -> Any:
    """A text stream that writes to the same file; the stream itself if there is no file."""
    if os.name == "nt" or not isinstance(stream, io.TextIOWrapper):
        return stream
    try:
        stream.flush()
        raw = _Patient(stream, "wb")
    except (OSError, ValueError):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def read_all(stream: Any) -> bytes:
    """What a stream that nobody has read from holds."""
    try:
        return _Patient(stream, "rb").readall()
    except io.UnsupportedOperation:
        data: bytes = stream.buffer.read()  # it has no file
        return data
