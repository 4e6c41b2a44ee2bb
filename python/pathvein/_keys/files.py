"""Keys in files and pipes: one a line, or each ended by a NUL."""

from __future__ import annotations

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
#: Bytes of a path, far above what any system allows.
_LONGEST = 1 << 20


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
    r"""The keys of a file, each ended by `end`, in lists as they come. An empty one is none.

    A line may end in CR LF, too. Raises `OSError` with the file's name if it cannot be read, or
    breaks off; and `ValueError` with it if its keys end in something else than `end`.
    """
    by_lines = end == b"\n"
    rest, ended = b"", False
    while data := _read(file, name):
        if by_lines and b"\0" in data:
            raise ValueError(f"{name}: it has a NUL, which no path has: read it with --from0")
        data = rest + data
        keys = data.split(end)
        rest = keys.pop()
        ended = ended or bool(keys)
        if len(rest) > _LONGEST:
            break
        if by_lines and b"\r" in data:
            keys = [key.removesuffix(b"\r") for key in keys]
        yield list(filter(None, keys))
    if not (ended or by_lines) and b"\n" in rest:
        raise ValueError(f"{name}: it has lines and no NUL: read it with --from")
    if len(rest) > _LONGEST:
        raise ValueError(f"{name}: it is no list of paths: one has more than {_LONGEST:,} bytes")
    if rest := rest.removesuffix(b"\r") if by_lines else rest:
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
        if error.errno is None:
            # That of a decompressor is a text alone.
            raise OSError(errno.EIO, f"it is damaged: {error}", name) from error
        if error.filename is None:
            error.filename = name
        raise
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # of Python 3.14
            raise
        raise OSError(errno.EIO, f"it is damaged: {error}", name) from error
