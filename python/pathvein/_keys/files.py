"""Keys in files and pipes: one a line, or each ended by a NUL."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import zlib
from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from pathvein._types import Any

__all__ = ["keys_in", "open_file"]

_READ_SIZE = 1 << 18


def open_file(path: str) -> IO[bytes]:
    """Open a file of keys, one that ends in ``.gz`` or ``.zst`` for what it holds."""
    if path.endswith(".zst"):
        return _open_zstd(path)
    if path.endswith(".gz"):
        import gzip

        unpacked: Any = gzip.GzipFile(path)
        return unpacked  # type: ignore[no-any-return]
    return open(path, "rb", buffering=0)


def _open_zstd(path: str) -> IO[bytes]:
    stream: Any
    if sys.version_info >= (3, 14):
        from compression import zstd

        stream = zstd.open(path)
        return stream  # type: ignore[no-any-return]
    os.stat(path)  # its errors name the file
    try:
        import pyarrow
    except ImportError as error:
        text = "to read .zst takes Python 3.14 or pyarrow: pip install 'pathvein[inventory]'"
        raise ImportError(text, name="pyarrow") from error
    stream = pyarrow.input_stream(path, compression="zstd")
    return stream  # type: ignore[no-any-return]


def keys_in(file: IO[bytes], name: str, end: bytes) -> Iterator[list[bytes]]:
    """The keys of a file, each ended by `end`, in lists as they come. An empty one is none.

    Raises `OSError` with the file's name if it cannot be read, or breaks off.
    """
    rest = b""
    while data := _read(file, name):
        keys = (rest + data).split(end)
        rest = keys.pop()
        yield list(filter(None, keys))
    if rest:
        yield [rest]


def _read(file: IO[bytes], name: str) -> bytes:
    try:
        data: bytes | None = file.read(_READ_SIZE)
        while data is None:
            # The pipe is set not to wait.
            import select

            select.select([file], [], [])
            data = file.read(_READ_SIZE)
        return data
    except EOFError as error:
        raise OSError(errno.EIO, f"it breaks off: {error}", name) from error
    except zlib.error as error:
        raise OSError(errno.EIO, f"it is damaged: {error}", name) from error
    except OSError as error:
        with contextlib.suppress(AttributeError):
            error.filename = error.filename or name
        if error.errno is None:
            # That of a decompressor is a text alone.
            raise OSError(errno.EIO, f"it is damaged: {error}", name) from error
        raise
