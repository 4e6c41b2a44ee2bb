"""SFTP through sshfs: coroutines, on the channels of its pool."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pathvein._listing import is_gone
from pathvein._remote.copying.files.base import PIECE, Files, Kind, Pieces, Reading
from pathvein._remote.copying.files.sftp import kind_of
from pathvein._remote.stores.base import Info

if TYPE_CHECKING:
    from pathvein._remote.filesystems.sshfs import Sshfs

T = TypeVar("T")


class SshfsFiles(Files):
    """Files on a server."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.can_rename = True

    def identity(self) -> tuple[str, ...]:
        options = self.adapter.fs.storage_options
        host = options.get("host") or next(iter(self.adapter.fs.storage_args), "")
        return "sftp", str(host), str(options.get("port", 22))

    async def _send(self, request: Callable[[Any], Awaitable[T]]) -> T:
        async def send() -> T:
            async with self.adapter.fs._pool.get() as channel:
                return await request(channel)

        return await self.adapter.send(send)

    async def kind(self, path: str) -> Kind | None:
        try:
            told = await self._send(lambda channel: channel.lstat(path))
        except Exception as error:
            failure = self.os_error(error, path, "looking at the destination")
            if is_gone(failure):
                return None
            raise failure from error
        return kind_of(told.permissions or 0)

    @contextlib.asynccontextmanager
    async def _opened(self, path: str, mode: str) -> AsyncIterator[Any]:
        connected = cast("Sshfs", self.adapter).connected()
        async with connected as fs, fs._pool.get() as channel, channel.open(path, mode) as file:
            yield file

    def read(self, path: str, info: Info) -> Reading:
        return Reading(self._pieces(path))

    async def _pieces(self, path: str) -> Pieces:
        async with self._opened(path, "rb") as file:
            while piece := await file.read(PIECE):
                yield piece

    async def write(
        self, path: str, size: int | None, pieces: Pieces, *, new: bool = False
    ) -> str | None:
        async with self._opened(path, "wb") as file:
            async for piece in pieces:
                await file.write(piece)
        return None

    async def make_directory(self, path: str) -> None:
        try:
            await self._send(lambda channel: channel.mkdir(path))
        except Exception:
            # The protocol has no error for what exists.
            if await self.kind(path) != "directory":
                raise

    async def remove(self, path: str) -> None:
        await self._send(lambda channel: channel.unlink(path))

    async def remove_directory(self, path: str) -> None:
        await self._send(lambda channel: channel.rmdir(path))

    async def rename(self, old: str, new: str, *, replace: bool) -> None:
        if replace:
            await self._send(lambda channel: channel.posix_rename(old, new))
            return
        try:
            await self._send(lambda channel: channel.rename(old, new))
        except Exception as error:
            if await self.kind(new) is None:
                raise
            message = "the destination exists"
            raise FileExistsError(errno.EEXIST, message, self.url(new)) from error

    async def set_mtime(self, path: str, mtime_ns: int) -> None:
        times = (mtime_ns, mtime_ns)
        await self._send(lambda channel: channel.utime(path, ns=times))
