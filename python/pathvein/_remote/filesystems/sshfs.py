"""SFTP, through sshfs, which is asynchronous and takes the protocol's name from paramiko's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pathvein._remote.errors import ErrorMeanings
from pathvein._remote.filesystems.generic import FileSystem, made_again


class Sshfs(FileSystem):
    """Requests share one connection, which is made again when it is lost."""

    errors = ErrorMeanings(
        disconnected=(
            *("ChannelOpenError", "ConnectionLost", "SFTPConnectionLost", "SFTPNoConnection"),
        ),
    )
    concurrency = 64
    resolves_links = True

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._is_lost = False
        self._reconnecting = asyncio.Lock()

    async def send(self, request: Callable[[], Any]) -> Any:

        async def send_once() -> Any:
            if self._is_lost:
                async with self._reconnecting:
                    if self._is_lost:
                        self.fs = await asyncio.to_thread(made_again, self.fs)
                        self._is_lost = False
            fs = self.fs
            try:
                return await request()
            except Exception as error:
                # Another request may have made the connection again meanwhile.
                if fs is self.fs:
                    self._is_lost = self.errors.transient(error) == "disconnected"
                raise

        return await super().send(send_once)

    async def real_path(self, rel: str) -> str | None:
        path = self.path(rel)

        async def ask() -> str:
            async with self.fs._pool.get() as channel:
                return str(await channel.realpath(path))

        answer: str = await self.send(ask)
        return answer
