"""The source of one match: its plan, and the content of its files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pathvein._copying import here
from pathvein._listing import noted
from pathvein._remote.copying.files.base import (
    PIECE,
    Pieces,
    Reading,
    check_size,
    failure,
)
from pathvein._remote.copying.files.objects import piece_size
from pathvein._remote.copying.planning import Excluded, MatchPlan, PlannedFile, plan_match
from pathvein._remote.names import join
from pathvein._remote.stores.base import Info

if TYPE_CHECKING:
    from pathvein_core import ExcludeRules, FileStructurePattern

    from pathvein._remote.copying.files import Files
    from pathvein._remote.copying.threads import LocalThreads


class RemoteMatch:
    """A match on a file system of fsspec."""

    def __init__(
        self, files: Files, path: str, pattern: FileStructurePattern, excluded: Excluded | None
    ) -> None:
        self.files: Files | None = files
        self._files = files
        self._path = path
        self._pattern = pattern
        self._excluded = excluded

    def path(self, rel: str) -> str:
        """The path of a file on the file system."""
        return join(self._path, rel) if rel else self._path

    def url(self, rel: str) -> str:
        """The URL of a file, for messages."""
        return self._files.url(self.path(rel))

    async def plan(self) -> MatchPlan:
        """What belongs to it. Raises `OSError`."""
        return await plan_match(self._files, self._path, self._pattern, self._excluded)

    def read(self, file: PlannedFile) -> Reading:
        """Read a file."""
        return self._files.read(self.path(file.path), file.info)

    def os_error(self, error: Exception, rel: str) -> OSError:
        """The `OSError` of a file that could not be read."""
        return _with_url(error, self.url(rel)) or self._files.os_error(
            error, self.path(rel), "reading the file"
        )

    def close(self) -> None:
        """Nothing is held open."""


class LocalMatch:
    """A match on this machine, which the core plans."""

    files: Files | None = None

    def __init__(
        self,
        path: str,
        pattern: FileStructurePattern,
        threads: LocalThreads,
        *,
        exclude: ExcludeRules | None,
        exclude_base: str | None,
        one_file_system: bool,
    ) -> None:
        self._path = path
        self._pattern = pattern
        self._threads = threads
        self._exclude = exclude
        self._exclude_base = exclude_base
        self._one_file_system = one_file_system
        self._plan: Any = None

    def path(self, rel: str) -> str:
        """The path of a file."""
        return os.path.join(self._path, rel) if rel else self._path

    url = path

    async def plan(self) -> MatchPlan:
        """What belongs to it. Raises `OSError`."""

        def plan() -> MatchPlan:
            # No store keeps links: their content is copied.
            planned = here.Plan(
                self._path,
                self._pattern,
                exclude=self._exclude,
                exclude_base=self._exclude_base,
                one_file_system=self._one_file_system,
            )
            self._plan = planned
            files = [PlannedFile(rel, Info(size)) for rel, size in sorted(planned.files())]
            return MatchPlan(planned.directories[1:], files, list(planned.skipped))

        return await self._threads.run(plan)

    def read(self, file: PlannedFile) -> Reading:
        """Read a file, which must not change meanwhile."""
        return Reading(self._pieces(file))

    async def _pieces(self, file: PlannedFile) -> Pieces:
        size = file.info.size or 0
        if size <= PIECE:
            # In one go, since a thread takes longer than a small file.
            for piece in await self._threads.run(lambda: list(self._read(file, PIECE))):
                yield piece
            return
        pieces = self._read(file, piece_size(size))
        try:
            while piece := await self._threads.run(lambda: next(pieces, b"")):
                yield piece
        finally:
            with contextlib.suppress(ValueError):  # a thread is still in it, and will close it
                pieces.close()

    def _read(self, file: PlannedFile, length: int) -> Generator[bytes, None, None]:
        fd = self._plan.open(file.path)
        try:
            before = os.fstat(fd)
            size = 0
            while True:
                piece = os.read(fd, length)
                while piece and len(piece) < length:
                    more = os.read(fd, length - len(piece))
                    if not more:
                        break
                    piece += more
                if not piece:
                    break
                size += len(piece)
                yield piece
            after = os.fstat(fd)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                message = "it was changed while it was copied"
                raise failure(message, self.path(file.path), "reading the file")
            if after.st_size:
                # Files of /proc have content without a size.
                check_size(after.st_size, size, self.path(file.path))
        finally:
            os.close(fd)

    def os_error(self, error: Exception, rel: str) -> OSError:
        """The `OSError` of a file that could not be read."""
        if isinstance(error, OSError):
            if error.filename is None:
                error.filename = self.path(rel)
            return error
        return noted(OSError(5, str(error), self.path(rel)), "reading the file")

    def close(self) -> None:
        """Close the directories that the plan holds open."""
        self._plan = None


def _with_url(error: Exception, url: str) -> OSError | None:
    """The error itself, if it names its file already."""
    return error if isinstance(error, OSError) and error.filename == url else None
