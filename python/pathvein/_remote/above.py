"""The directories above a remote file, for `assess`."""

from __future__ import annotations

from typing import Any

from upath import UPath

from pathvein._listing import Listing, is_gone
from pathvein._remote.directories import list_directory
from pathvein._remote.filesystems.generic import entry_type
from pathvein._remote.source import RemoteSource, source_name


class RemotePlace:
    """The directories above a remote file; see `pathvein._assess.Place`."""

    def __init__(self, file: UPath) -> None:
        self._file = file
        self.shown = str(file)
        self._above: list[UPath] = []
        self._top = 0
        self._source: RemoteSource | None = None
        self.may_be_links = True

    def names(self) -> list[str]:
        source = RemoteSource(self._file.parent, resolve=True)
        source.adapter.close()
        self.may_be_links = source.adapter.may_have_links and not source.is_resolved
        above: list[Any] = [*reversed(source.root.parents), source.root]
        self._above = above
        return [*map(source_name, above), self._file.name]

    def open(self, level: int) -> None:
        self._top = level
        self._source = RemoteSource(self._above[level])
        # A connection of its own would cost a login for each call.
        self._source.adapter.shares_connection = True

    def list(self, level: int, rel: str) -> Listing:
        return self._opened.wait(list_directory(self._opened.adapter, self._rel(level, rel)))

    def is_file(self) -> bool | None:
        source = self._opened
        if source.adapter.immediate or not source.adapter.tells_kinds:
            return None
        path = source.adapter.path(self._rel(len(self._above) - 1, self._file.name))
        try:
            kind = entry_type(source.wait(source.adapter.call("info", path)))
        except MemoryError:
            raise
        except Exception as error:
            failure = source.adapter.errors.os_error(error, self.shown, "looking at the file")
            if is_gone(failure):
                raise failure from error
            return None  # who may list need not be allowed to ask
        # A directory may be a file as well, and a link lead to either.
        return True if kind == "file" else None

    def result(self, level: int) -> UPath:
        return self._above[level]

    def close(self) -> None:
        if self._source is not None:
            self._source.adapter.close()

    @property
    def _opened(self) -> RemoteSource:
        assert self._source is not None
        return self._source

    def _rel(self, level: int, rel: str) -> str:
        """A path relative to the directory that was opened."""
        names = [path.name for path in self._above[self._top + 1 : level + 1]]
        return "/".join([*names, rel] if rel else names)
