"""SFTP through paramiko: blocking requests, each thread with a channel of its own."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from typing import Any

from pathvein._listing import is_gone
from pathvein._remote.copying.files.base import (
    PIECE,
    Files,
    Kind,
    Pieces,
    Reading,
    read_pieces,
)
from pathvein._remote.stores.base import Info

#: Requests for parts of one file that are in flight.
_REQUESTS = 64


class SftpFiles(Files):
    """Files on a server."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.can_rename = True

    def identity(self) -> tuple[str, ...]:
        fs = self.adapter.fs
        return "sftp", str(fs.host), str(fs.ssh_kwargs.get("port", 22))

    async def kind(self, path: str) -> Kind | None:
        try:
            told = await self.adapter.run(lambda fs: fs.ftp.lstat(path))
        except Exception as error:
            failure = self.os_error(error, path, "looking at the destination")
            if is_gone(failure):
                return None
            raise failure from error
        return kind_of(told.st_mode or 0)

    def read(self, path: str, info: Info) -> Reading:
        def read(fs: Any) -> Generator[bytes, None, None]:
            with fs.ftp.open(path, "rb") as file:
                size = info.size or 0
                for offset in range(0, size, PIECE):
                    # A plain read takes a round trip for each 32 KB. What is asked for in advance
                    # is held until it is read, so that must not be the whole file.
                    length = min(PIECE, size - offset)
                    (piece,) = file.readv([(offset, length)], _REQUESTS)
                    # A read that overtakes what is asked for in advance leaves that there for ever.
                    file._prefetch_data.clear()
                    yield piece
                    if len(piece) < length:
                        # paramiko takes a connection that is gone for the end of the file, too.
                        if fs.ftp.get_channel().closed:
                            raise ConnectionResetError(
                                errno.ECONNRESET, os.strerror(errno.ECONNRESET), path
                            )
                        return
                # There is more if the file has grown.
                file.seek(size)
                yield from read_pieces(file)

        return Reading(self._pieces_of_thread(read))

    async def write(
        self, path: str, size: int | None, pieces: Pieces, *, new: bool = False
    ) -> str | None:
        def write(fs: Any, feed: Generator[bytes, None, None]) -> None:
            with fs.ftp.open(path, "wb") as file:
                file.set_pipelined(True)
                for piece in feed:
                    file.write(piece)

        await self._into_thread(write, pieces)
        return None

    async def make_directory(self, path: str) -> None:
        try:
            await self.adapter.run(lambda fs: fs.ftp.mkdir(path))
        except OSError:
            # The protocol has no error for what exists.
            if await self.kind(path) != "directory":
                raise

    async def remove(self, path: str) -> None:
        await self.adapter.run(lambda fs: fs.ftp.remove(path))

    async def remove_directory(self, path: str) -> None:
        await self.adapter.run(lambda fs: fs.ftp.rmdir(path))

    async def rename(self, old: str, new: str, *, replace: bool) -> None:
        if replace:
            await self.adapter.run(lambda fs: fs.ftp.posix_rename(old, new))
            return
        try:
            await self.adapter.run(lambda fs: fs.ftp.rename(old, new))
        except OSError as error:
            if await self.kind(new) is None:
                raise
            message = "the destination exists"
            raise FileExistsError(errno.EEXIST, message, self.url(new)) from error

    async def set_mtime(self, path: str, mtime_ns: int) -> None:
        seconds = mtime_ns / 1e9
        await self.adapter.run(lambda fs: fs.ftp.utime(path, (seconds, seconds)))


def kind_of(mode: int) -> Kind:
    """What a mode says; special files are files."""
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "file"
