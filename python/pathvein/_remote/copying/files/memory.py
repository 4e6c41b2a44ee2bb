"""Files in memory: fsspec's own store, which all of a process shares. Nothing takes a request.

All matches are planned from the tree that the adapter makes of the whole store at the first
listing: to make one for each directory takes as long as all files times all directories. What has
changed since then is found when it is read, and nothing is copied that this copy has written.
"""

from __future__ import annotations

import errno
import os

from pathvein._remote.copying.files.base import PIECE, Files, Kind, Pieces, Reading
from pathvein._remote.stores.base import Info


class MemoryFiles(Files):
    """`memory://`. A file is put whole."""

    listed_afterwards = False

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.can_rename = False
        self.slots = None

    def identity(self) -> tuple[str, ...]:
        return ("memory",)

    async def kind(self, path: str) -> Kind | None:
        fs = self.adapter.fs
        if path in fs.store:
            return "file"
        below = f"{path}/"
        names = (*fs.pseudo_dirs, *fs.store)
        is_directory = any(name == path or name.startswith(below) for name in names)
        return "directory" if is_directory or not path else None

    def read(self, path: str, info: Info) -> Reading:
        return Reading(self._pieces(path))

    async def _pieces(self, path: str) -> Pieces:
        file = self.adapter.fs.store.get(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.url(path))
        content = file.getvalue()
        for offset in range(0, len(content), PIECE):
            yield content[offset : offset + PIECE]

    async def write(
        self, path: str, size: int | None, pieces: Pieces, *, new: bool = False
    ) -> str | None:
        content = b"".join([piece async for piece in pieces])
        self.adapter.fs.pipe_file(path, content)
        return None

    async def make_directory(self, path: str) -> None:
        if await self.kind(path) != "directory":
            self.adapter.fs.mkdir(path, create_parents=False)

    async def remove(self, path: str) -> None:
        self.adapter.fs.rm_file(path)

    async def remove_directory(self, path: str) -> None:
        self.adapter.fs.rmdir(path)
