"""The root of S3, Google Cloud or Azure: its buckets, and what is in each.

It is listed one directory at a time, each in its bucket by the store's own call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pathvein._keys.lister import Store
from pathvein._keys.planner import Page


class RootStore:
    """All buckets of a store. `open_bucket` makes what lists one."""

    page_size = 1000
    can_start = False
    flat = False

    def __init__(self, fs: Any, package: str, open_bucket: Callable[[str], Store]) -> None:
        self._fs = fs
        self._package = package
        self._open_bucket = open_bucket
        self._stores: dict[str, Store] = {}

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._keys.lister.Store`. Only with a delimiter, and from the beginning."""
        bucket, _, rest = prefix.partition("/")
        if not bucket:
            names, token = await self._buckets(token)
            return Page([], [f"{name}/" for name in names], token)
        if bucket not in self._stores:
            self._stores[bucket] = self._open_bucket(bucket)
        page = await self._stores[bucket].page(rest, after, end, token, delimiter=delimiter)
        keys, prefixes = (
            [f"{bucket}/{name}" for name in names] for names in (page.keys, page.prefixes)
        )
        return Page(keys, prefixes, page.token)

    async def _buckets(self, token: Any) -> tuple[list[str], Any]:
        """Names, and what to ask for more with."""
        fs = self._fs
        if self._package == "s3fs":
            # Its `ls` shows none, if listing them is denied.
            await fs.set_session()
            client = await fs.get_s3()
            method = client.list_buckets
            begin = {} if token is None else {"ContinuationToken": token}
            answer = await method(**fs._get_s3_method_kwargs(method, **begin))
            names = [bucket["Name"] for bucket in answer["Buckets"]]
            # Amazon tells all at once, unless it is asked not to; others need not.
            return names, answer.get("ContinuationToken") or None
        if self._package == "adlfs":
            # Its `ls` reads them back from the cache.
            containers = fs.service_client.list_containers()
            return [container.name async for container in containers], None
        return [entry["name"].rstrip("/") for entry in await fs._ls("", detail=True)], None
