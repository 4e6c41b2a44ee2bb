"""Azure: List Blobs, through the container client of adlfs, which cannot start after a key.

A directory may be a blob without a slash whose metadata marks it as one: here, a directory marker.

In a hierarchical namespace keys are not in the order of their bytes (`a/b` comes before `a-b`), so
it is listed with delimiters. The request for the kind of namespace may be denied to users who may
list. Then the first page of keys decides.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from heapq import merge
from typing import Any

from pathvein._remote.errors import ErrorMeanings, FlatDenied
from pathvein._remote.keys.ranges import parent
from pathvein._remote.keys.requests import Page
from pathvein._remote.stores.base import Info, ObjectStore


class AzureStore(ObjectStore):
    """A container, or a prefix in it."""

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
        #: Whether the namespace is known to be flat, so that keys are in the order of their bytes.
        self._sorted = False

    @classmethod
    async def bucket_names(cls, fs: Any, token: Any) -> tuple[list[str], Any]:
        """Not by `ls`, which reads its result back from the cache."""
        containers = fs.service_client.list_containers()
        return [container.name async for container in containers], None

    @functools.cached_property
    def _client(self) -> Any:
        # It must be made on the event loop, and the adapter is not.
        return self.fs.service_client.get_container_client(self._bucket)

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        if delimiter or self._sorted:
            return await self._page(prefix, token, delimiter=delimiter)
        # At the same time, to save a round trip.
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
        """Whether directories exist by themselves; `None` if that is unknown."""
        self.counts.requests += 1
        try:
            answer = await self._client.get_account_information(retry_total=0)
        except MemoryError:
            raise
        except Exception:
            # It is denied to anonymous users, and to users who may only list.
            return None
        enabled: bool | None = answer.get("is_hns_enabled")
        return enabled

    async def _page(self, prefix: str, token: Any, *, delimiter: bool) -> Page:
        base = self._prefix
        list_blobs = self._client.walk_blobs if delimiter else self._client.list_blobs
        # Directory markers of earlier pages. A marker may sort after keys that its blob, which has
        # no slash, sorts before.
        continuation, markers = token or (None, [])
        pages = list_blobs(
            name_starts_with=base + prefix or None,
            include=["metadata"],
            results_per_page=self.page_size,
            retry_total=0,
        ).by_page(continuation_token=continuation)
        cut = len(base)
        keys: list[str] = []
        prefixes: list[str] = []
        markers = list(markers)
        last = ""
        infos: dict[str, Info] | None = {} if self.with_infos else None
        async for blob in await anext(pages):
            name: str = blob.name[cut:]
            last = max(last, name)
            if hasattr(blob, "prefix"):
                prefixes.append(name)
            elif is_directory(blob.metadata or {}):
                markers.append(f"{name}/")
            else:
                keys.append(name)
                if infos is not None:
                    infos[name] = blob_info(blob)
        is_first = continuation is None
        continuation = pages.continuation_token or None
        is_last = continuation is None
        # The keys of later pages sort after the last name. A marker that does so, too, is kept for
        # them. Its blob's name is then a prefix of the last name, so only few markers are kept.
        ready = sorted(name for name in markers if is_last or name <= last)
        later = [name for name in markers if not is_last and name > last]
        # If the page of the store is not sorted, neither is the result, and the lister sees that.
        if delimiter:
            prefixes = list(merge(prefixes, ready))
        else:
            keys = list(merge(keys, ready))
        if is_first and is_last:
            # The only page: its order does not matter.
            keys.sort()
            prefixes.sort()
        return Page(
            list(dict.fromkeys(keys)),
            list(dict.fromkeys(prefixes)),
            None if is_last else (continuation, later),
            infos,
        )


def blob_info(blob: Any) -> Info:
    """What the store tells of a blob."""
    modified, md5 = blob.last_modified, blob.content_settings.content_md5
    return Info(
        blob.size,
        None if modified is None else int(modified.timestamp()) * 1_000_000_000,
        blob.etag,
        bytes(md5).hex() if md5 else None,
    )


def is_directory(metadata: dict[str, str]) -> bool:
    """Whether a blob's metadata marks it as a directory."""
    marks = {name.lower(): value for name, value in metadata.items()}
    # adlfs has a mark of its own, which takes precedence.
    own = marks.get("is_directory")
    return own == "true" or (own != "false" and marks.get("hdi_isfolder") == "true")


def has_virtual_directory(keys: Sequence[str]) -> bool:
    """Whether a directory has no blob before its entries, so that the namespace is flat."""
    directories = {key for key in keys if key.endswith("/")}
    return any(parent(key) not in directories for key in keys if parent(key))
