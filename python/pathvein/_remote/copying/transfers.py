"""Copying one file, from any source to any destination."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from pathvein._listing import noted
from pathvein._remote.copying.files.base import Pieces, check_size

if TYPE_CHECKING:
    from pathvein._remote.copying.destinations import Destination
    from pathvein._remote.copying.planning import PlannedFile
    from pathvein._remote.copying.sources import LocalMatch, RemoteMatch
    from pathvein._remote.copying.threads import LocalThreads

#: Most times that a file is read whose content is not what its checksum says.
_DAMAGED_TRIES = 2
#: Most times that a file is read over a connection that fails on the way.
_TRIES = 4
_FIRST_DELAY = 0.2
#: Least bytes that are hashed in a thread, while the loop sends requests: less takes it longer.
_HASHED_IN_THREAD = 2**20


class Damaged(OSError):
    """The content is not what its checksum says."""


class SourceError(Exception):
    """Wraps what reading a file has raised, as its cause."""


async def copy_file(
    source: RemoteMatch | LocalMatch,
    file: PlannedFile,
    destination: Destination,
    progress: Callable[[int], None],
    threads: LocalThreads,
) -> int:
    """Copy a file, and return how many bytes it has.

    `progress` is called with how many bytes more were copied; with less than none if these must
    be copied again. Raises `OSError`.
    """
    tries = 0
    while True:
        tries += 1
        copied = 0

        def count(size: int) -> None:
            nonlocal copied
            copied += size
            progress(size)

        try:
            if source.files is not None and source.files is destination.files:
                within = source.files.copy_within
                target = destination.target(file.path)
                try:
                    new = not destination.overwrite
                    if await within(source.path(file.path), target, file.info, new=new):
                        count(file.info.size or 0)
                        await destination.copied(file)
                        return copied
                except Exception as error:
                    if _is_at(error, destination.url(file.path)):
                        raise
                    raise SourceError from error
            return await _stream(source, file, destination, count, threads)
        except SourceError as wrapper:
            cause = wrapper.__cause__
            assert isinstance(cause, Exception)
            failed = source.os_error(cause, file.path)
            retried = source.files
        except Exception as error:
            cause = error
            failed = destination.os_error(error, file.path)
            retried = destination.files
        progress(-copied)
        if isinstance(cause, Damaged):
            again = tries < _DAMAGED_TRIES
        else:
            # Object stores retry each request themselves.
            again = (
                retried is not None
                and retried.has_directories
                and retried.errors.transient(cause) is not None
                and tries < _TRIES
            )
        if isinstance(failed, FileExistsError):
            destination.not_written(file.path)
        if not again:
            if tries > 1:
                failed.add_note(f"after {tries} tries")
            raise failed from (None if failed is cause else cause)
        delay = _FIRST_DELAY * 2 ** (tries - 1)
        await asyncio.sleep(delay * random.uniform(0.5, 1))


async def _stream(
    source: RemoteMatch | LocalMatch,
    file: PlannedFile,
    destination: Destination,
    progress: Callable[[int], None],
    threads: LocalThreads,
) -> int:
    reading = source.read(file)
    # Only stores tell checksums.
    ends = (source.files, destination.files)
    hashed = any(files is not None and not files.has_directories for files in ends)
    md5 = hashlib.md5(usedforsecurity=False)
    size = 0

    async def checked() -> Pieces:
        nonlocal size
        try:
            async with aclosing(reading.pieces) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    if not hashed:
                        yield piece
                    elif len(piece) < _HASHED_IN_THREAD:
                        md5.update(piece)
                        yield piece
                    else:
                        # The loop sends requests meanwhile.
                        await threads.run(lambda: md5.update(piece))  # noqa: B023
                        yield piece
                    progress(len(piece))
            if source.files is not None:
                check_size(file.info.size, size, source.url(file.path))
            if reading.md5 is not None and hashed and reading.md5 != md5.hexdigest():
                raise _damaged(reading.md5, md5.hexdigest(), source.url(file.path))
        except Exception as error:
            raise SourceError from error

    async with aclosing(checked()) as pieces:
        told = await destination.write(file, pieces)
    if told is not None and told != md5.hexdigest():
        raise _damaged(told, md5.hexdigest(), destination.url(file.path))
    return size


def _is_at(error: Exception, url: str) -> bool:
    """Whether an error says that there is something else by now."""
    return isinstance(error, FileExistsError) and error.filename == url


def _damaged(told: str, read: str, url: str) -> OSError:
    message = f"its MD5 is {read}, and should be {told}"
    return noted(Damaged(errno.EIO, message, url), "checking the content")
