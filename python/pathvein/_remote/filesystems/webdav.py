"""WebDAV, through webdav4."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pathvein._remote.filesystems.generic import ThreadSafe, shallow_copy


class WebDav(ThreadSafe):
    """The client is thread-safe. Its own retries are switched off."""

    @contextlib.contextmanager
    def connection(self, lost: bool) -> Iterator[Any]:
        fs = self.fs
        if hasattr(getattr(fs, "client", None), "with_retry"):
            fs = shallow_copy(fs)
            fs.client = copy.copy(fs.client)
            fs.client.with_retry = lambda request: request()
        yield fs

    def request_path(self, path: str) -> str:
        # The client puts paths into URLs without quoting them.
        return quote(path)
