"""Web servers, by their index pages."""

from __future__ import annotations

import errno
from typing import Any

from pathvein._remote.errors import cannot_open
from pathvein._remote.filesystems.generic import Entries, FileSystem


class Http(FileSystem):
    """The links of an index page are its entries. A directory's name ends with a slash."""

    may_have_links = False
    tells_kinds = False

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        # Servers redirect a request for a directory without its slash. The user's own URL is
        # requested unchanged.
        self._slash = "/" if base.endswith("/") else ""
        super().__init__(fs, base, **options)

    def path(self, rel: str) -> str:
        return f"{super().path(rel)}{'/' if rel else self._slash}"

    def entries(self, path: str) -> Entries:
        return Entries(path, is_web_page=True)

    async def check_source(self, *, missing: bool = False) -> None:
        """To fsspec everything on a web server is a file. Only an HTML page has entries."""
        info = await self._source_info(missing)
        if info and info.get("type") == "file" and info.get("mimetype") not in (None, "text/html"):
            raise cannot_open(errno.ENOTDIR, self.url(""))
