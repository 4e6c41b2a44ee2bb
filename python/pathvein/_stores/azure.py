"""Azure: List Blobs, through the container client of adlfs.

A listing can begin only at a prefix, not after a key. A directory may be a blob with a mark in
its metadata, without a slash at its end: it is told here as the marker that it stands for.
"""

from __future__ import annotations

from typing import Any

from pathvein._flat import Page


class AzureStore:
    """The blobs below one prefix of a container."""

    page_size = 5000
    can_start = False
    flat = True

    def __init__(self, fs: Any, base: str) -> None:
        self._fs = fs
        self._container, _, key = base.partition("/")
        self._prefix = f"{key}/" if key else ""
        self._client: Any = None

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._flat.Store`."""
        base = self._prefix
        if self._client is None:
            self._client = self._fs.service_client.get_container_client(self._container)
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
        async for blob in await anext(pages):
            name: str = blob.name[cut:]
            if hasattr(blob, "prefix"):
                prefixes.append(name)
            elif _is_directory(blob):
                markers.append(f"{name}/")
            else:
                keys.append(name)
        marker = pages.continuation_token or None
        later: list[str] = []
        last = keys[-1] if keys else ""
        for name in sorted(markers):
            if delimiter:
                prefixes.append(name)
            elif marker is None or name <= last:
                keys.append(name)
            else:
                later.append(name)
        keys, prefixes = sorted(set(keys)), sorted(set(prefixes))
        return Page(keys, prefixes, None if marker is None else (marker, later))


def _is_directory(blob: Any) -> bool:
    metadata = getattr(blob, "metadata", None) or {}
    return any(
        name.lower() == "hdi_isfolder" and value == "true" for name, value in metadata.items()
    )
