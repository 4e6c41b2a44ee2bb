"""The root of S3, Google Cloud or Azure, whose directories are its buckets.

It is listed directory by directory, each bucket by the adapter of the store.
"""

from __future__ import annotations

from typing import Any

from pathvein._remote.keys.planner import Page
from pathvein._remote.stores.base import ObjectStore


class Buckets(ObjectStore):
    """All buckets of a store and their keys, listed with a delimiter."""

    can_start = False
    flat = False
    #: The adapter of one bucket.
    store: type[ObjectStore]

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._options = options
        self._stores: dict[str, ObjectStore] = {}

    def bucket_store(self, bucket: str) -> ObjectStore:
        """The adapter of a bucket."""
        if bucket not in self._stores:
            options = {**self._options, "counts": self.counts}
            self._stores[bucket] = self.store(self.fs, bucket, **options)
        return self._stores[bucket]

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        bucket, _, rest = prefix.partition("/")
        if not bucket:
            names, token = await self.store.bucket_names(self.fs, token)
            return Page([], [f"{name}/" for name in names], token)
        store = self.bucket_store(bucket)
        page = await store.page(rest, after, end, token, delimiter=delimiter)
        keys, prefixes = (
            [f"{bucket}/{name}" for name in names] for names in (page.keys, page.prefixes)
        )
        return Page(keys, prefixes, page.token)


def buckets_of(store: type[ObjectStore]) -> type[Buckets]:
    """The adapter of the root of a store."""
    same = {"clone": store.clone, "errors": store.errors}
    return type("Buckets", (Buckets,), {"store": store, **same})
