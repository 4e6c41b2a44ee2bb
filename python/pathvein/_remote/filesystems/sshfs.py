"""SFTP, through sshfs, which is asynchronous and registers itself for the protocol `sftp`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from pathvein._remote.errors import ErrorMeanings
from pathvein._remote.filesystems.generic import FileSystem, made_again

T = TypeVar("T")


class Sshfs(FileSystem):
    """All requests share one connection, which is made again if it is lost."""

    errors = ErrorMeanings(
        disconnected="ChannelOpenError ConnectionLost SFTPConnectionLost SFTPNoConnection".split(),
    )
    concurrency = 64
    resolves_links = True

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._is_lost = False
        self._reconnecting = asyncio.Lock()

    async def send(
        self, request: Callable[[], Awaitable[T]], timeout_factor: float | None = None
    ) -> T:
        async def send_once() -> T:
            async with self.connected():
                return await request()

        return await super().send(send_once, timeout_factor)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """The file system object, whose connection is made again if it was lost."""
        if self._is_lost:
            async with self._reconnecting:
                if self._is_lost:
                    self.fs = await asyncio.to_thread(made_again, self.fs)
                    self._is_lost = False
        fs = self.fs
        try:
            yield fs
        except Exception as error:
            # Another request may already have made a new connection.
            if fs is self.fs:
                self._is_lost = self.errors.transient(error) == "disconnected"
            raise

    async def real_path(self, rel: str) -> str | None:
        path = self.path(rel)

        async def realpath() -> str:
            async with self.fs._pool.get() as channel:
                return str(await channel.realpath(path))

        return await self.send(realpath)
