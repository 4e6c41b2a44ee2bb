"""Web servers whose index pages are listed."""

from __future__ import annotations

from typing import Any

from pathvein._listing import noted
from pathvein._remote.errors import not_a_directory
from pathvein._remote.filesystems.generic import Entries, FileSystem


class Http(FileSystem):
    """An entry is a link of an index page. Names end with a slash if they are directories."""

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        # Servers tell a directory by its slash, and redirect who leaves it out. The user's own
        # URL is asked for as it is.
        self._slash = "/" if base.endswith("/") else ""
        super().__init__(fs, base, **options)

    @staticmethod
    def source_name(path: Any) -> str:
        """A UPath of a server has no name where its URL ends with a slash."""
        if path.name:
            return str(path.name)
        below_host: str = path.path.partition("://")[2].rstrip("/").partition("/")[2]
        return below_host.rpartition("/")[2]

    @property
    def may_have_links(self) -> bool:
        return False

    def path(self, rel: str) -> str:
        return f"{super().path(rel)}{'/' if rel else self._slash}"

    def entries(self, path: str) -> Entries:
        return Entries(path, is_web_page=True)

    async def check_source(self, *, missing: bool = False) -> None:
        """Everything is a file to a server, but only a page lists something."""
        info = await self._source_info(missing)
        if info is None or info.get("type") != "file":
            return
        if info.get("mimetype") not in (None, "text/html"):
            raise noted(not_a_directory(self.url("")), "opening the directory")
