"""The local file system, behind a wrapper such as `dir::`, and for `walk_python`."""

from __future__ import annotations

import os
from collections.abc import Callable

from pathvein._listing import Listing, list_local
from pathvein._remote.filesystems.generic import FileSystem
from pathvein._remote.names import join


class Local(FileSystem):
    """The local file system, listed by `os.scandir`."""

    immediate = True
    resolves_links = True

    async def real_path(self, rel: str) -> str | None:
        return os.path.realpath(self.path(rel))

    async def list(self, rel: str, skip: Callable[[str], bool] | None = None) -> Listing:
        path = self.path(rel)
        try:
            listing = list_local(path, skip)
        except OSError as error:
            error.filename = self.url(rel)
            raise
        for problem in listing.errors:
            name = "" if problem.filename == path else os.path.basename(problem.filename)
            problem.filename = self.url(join(rel, name) if name else rel)
        return listing
