"""Google Cloud Storage: objects.list of the JSON API, through gcsfs."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import datetime
from typing import Any

from pathvein._remote.errors import BadAnswer, FlatDenied
from pathvein._remote.keys.requests import Page
from pathvein._remote.stores.base import Info, ObjectStore

_FIELDS = "items(name),prefixes,nextPageToken"
_FIELDS_WITH_INFOS = "items(name,size,updated,md5Hash,generation),prefixes,nextPageToken"


class GcsStore(ObjectStore):
    """A bucket, or a prefix in it."""

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        # Without the decorator that retries requests.
        method = type(fs)._request
        self._request = getattr(method, "__wrapped__", method)
        #: Whether the namespace is hierarchical; `None` if that is not known yet.
        self._hierarchical: bool | None = None

    @classmethod
    async def bucket_names(cls, fs: Any, token: Any) -> tuple[list[str], Any]:
        return [entry["name"].rstrip("/") for entry in await fs._ls("", detail=True)], None

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        if self._hierarchical is None and delimiter:
            self._hierarchical = await self.hierarchical()
        base = self._prefix
        fields = _FIELDS_WITH_INFOS if self.with_infos else _FIELDS
        query: dict[str, Any] = {"prefix": base + prefix, "fields": fields}
        query["maxResults"] = self.page_size
        if delimiter:
            query["delimiter"] = "/"
            if self._hierarchical:
                query["includeFoldersAsPrefixes"] = "true"
        if after:
            # The page begins with this key, not after it. The planner leaves it out.
            query["startOffset"] = base + after
        if end is not None and base + end > base + prefix:
            query["endOffset"] = base + end
        if token is not None:
            query["pageToken"] = token
        if self._hierarchical is None:
            # At the same time, to save a round trip.
            self._hierarchical, answer = await asyncio.gather(
                self.hierarchical(), self._get("b/{}/o", **query)
            )
        else:
            answer = await self._get("b/{}/o", **query)
        if self._hierarchical and not delimiter:
            # Folders without objects are listed only with a delimiter.
            raise FlatDenied
        keys = [item["name"] for item in answer.get("items", ())]
        prefixes = list(answer.get("prefixes", ()))
        infos = None
        if self.with_infos:
            infos = {item["name"]: object_info(item) for item in answer.get("items", ())}
        return self._relative(keys, prefixes, answer.get("nextPageToken"), infos)

    async def hierarchical(self) -> bool:
        """Whether directories exist by themselves."""
        self.counts.requests += 1
        try:
            answer = await self._get("b/{}/storageLayout", fields="hierarchicalNamespace")
        except Exception as error:
            if self.errors.transient(error):
                raise
            # Other stores with Google's API do not know the request. (It takes no other permission
            # than listing.)
            return False
        return bool((answer.get("hierarchicalNamespace") or {}).get("enabled"))

    async def _get(self, path: str, **query: Any) -> dict[str, Any]:
        *_, content = await self._request(self.fs, "GET", path, self._bucket, **query)
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise BadAnswer("the answer is no object")
        return answer


def object_info(item: dict[str, Any]) -> Info:
    """What the store tells of an object."""
    size, updated, md5 = item.get("size"), item.get("updated"), item.get("md5Hash")
    mtime_ns = None
    if updated is not None:
        mtime_ns = round(datetime.fromisoformat(updated).timestamp() * 1000) * 1_000_000
    return Info(
        None if size is None else int(size),
        mtime_ns,
        item.get("generation"),
        None if md5 is None else base64.b64decode(md5).hex(),
    )
