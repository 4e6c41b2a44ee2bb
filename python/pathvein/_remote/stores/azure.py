"""Azure: List Blobs, through the container client of adlfs.

A listing can begin only at a prefix, not after a key. A directory may be a blob without a slash
at its end that is marked in its metadata. It is listed here as a directory marker.

In a hierarchical namespace keys are not in the order of their bytes (`a/b` comes before `a-b`), so
it is listed with delimiters. Users who may list may not be allowed to ask whether a namespace is
hierarchical. Then the first page of keys shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from heapq import merge
from typing import Any

from pathvein._remote.errors import ErrorMeanings
from pathvein._remote.keys.lister import FlatDenied
from pathvein._remote.keys.planner import Page
from pathvein._remote.keys.positions import parent
from pathvein._remote.stores.base import ObjectStore


class AzureStore(ObjectStore):
    """The blobs below one prefix of a container."""

    errors = ErrorMeanings(
        denied=("AuthorizationFailure",),
        refused=("AuthenticationFailed",),
        throttled=("ServerBusy",),
        disconnected=("ServiceRequestError", "ServiceResponseError"),
        timeout=("ServiceResponseTimeoutError",),
    )
    page_size = 5000
    can_start = False

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._known_client: Any = None
        #: Whether it is known that keys are in the order of their bytes.
        self._sorted = False

    @classmethod
    async def bucket_names(cls, fs: Any, token: Any) -> tuple[list[str], Any]:
        """`ls` would read them back from the cache."""
        containers = fs.service_client.list_containers()
        return [container.name async for container in containers], None

    @property
    def _client(self) -> Any:
        # It is made on the event loop, which does not run when the adapter is made.
        if self._known_client is None:
            self._known_client = self.fs.service_client.get_container_client(self._bucket)
        return self._known_client

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        if delimiter or self._sorted:
            return await self._page(prefix, token, delimiter=delimiter)
        # Both at once, which takes the time of one.
        page: Page
        hierarchical, page = await asyncio.gather(
            self.hierarchical(), self._page(prefix, token, delimiter=False)
        )
        if hierarchical is None and page.token is not None:
            hierarchical = not has_virtual_directory(page.keys)
        if hierarchical:
            raise FlatDenied
        self._sorted = True
        return page

    async def hierarchical(self) -> bool | None:
        """Whether directories exist by themselves; `None` if that cannot be told."""
        self.counts.requests += 1
        try:
            answer = await self._client.get_account_information(retry_total=0)
        except MemoryError:
            raise
        except Exception:
            # It is denied to anonymous users, and to those who may only list.
            return None
        told: bool | None = answer.get("is_hns_enabled")
        return told

    async def _page(self, prefix: str, token: Any, *, delimiter: bool) -> Page:
        base = self._prefix
        list_blobs = self._client.walk_blobs if delimiter else self._client.list_blobs
        # Markers of directories that sort behind what their blobs come before.
        marker, held = token or (None, ())
        pages = list_blobs(
            name_starts_with=base + prefix or None,
            include=["metadata"],
            results_per_page=self.page_size,
            retry_total=0,
        ).by_page(continuation_token=marker)
        cut = len(base)
        keys: list[str] = []
        prefixes: list[str] = []
        markers = list(held)
        last = ""
        async for blob in await anext(pages):
            name: str = blob.name[cut:]
            last = max(last, name)
            if hasattr(blob, "prefix"):
                prefixes.append(name)
            elif is_directory(blob.metadata or {}):
                markers.append(f"{name}/")
            else:
                keys.append(name)
        is_first = marker is None
        marker = pages.continuation_token or None
        # What is yet to be told sorts after the last name. So the last name begins like each blob
        # whose marker is to wait, and no more of them wait than it has characters.
        ready = sorted(name for name in markers if marker is None or name <= last)
        later = [name for name in markers if marker is not None and name > last]
        # If the store's own are not sorted, then what comes of it is not, and whoever takes it
        # sees that.
        if delimiter:
            prefixes = list(merge(prefixes, ready))
        else:
            keys = list(merge(keys, ready))
        if is_first and marker is None:
            # All there is: what order it came in does not matter.
            keys.sort()
            prefixes.sort()
        return Page(
            list(dict.fromkeys(keys)),
            list(dict.fromkeys(prefixes)),
            None if marker is None else (marker, later),
        )


def is_directory(metadata: dict[str, str]) -> bool:
    """Whether a blob's metadata says that it stands for a directory."""
    marks = {name.lower(): value for name, value in metadata.items()}
    # adlfs has a mark of its own, which comes before that of all others.
    own = marks.get("is_directory")
    return own == "true" or (own != "false" and marks.get("hdi_isfolder") == "true")


def has_virtual_directory(keys: Sequence[str]) -> bool:
    """Whether the first of all keys show a directory that exists by its keys alone.

    In a hierarchical namespace each directory is a blob, and comes before all that is in it.
    """
    directories = {key for key in keys if key.endswith("/")}
    return any(parent(key) not in directories for key in keys if parent(key))
