"""Google Cloud Storage: objects.list of the JSON API, through gcsfs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pathvein._keys.lister import FlatDenied
from pathvein._keys.planner import Page
from pathvein._retry import BadAnswer, Tally, trouble

_FIELDS = "items(name),prefixes,nextPageToken"


class GcsStore:
    """The keys below one prefix of a bucket."""

    page_size = 1000
    can_start = True
    flat = True

    def __init__(self, fs: Any, base: str, tally: Tally) -> None:
        self._fs = fs
        self._tally = tally
        self._bucket, _, key = base.partition("/")
        self._prefix = f"{key}/" if key else ""
        # Without the decorator that repeats requests.
        method = type(fs)._request
        self._request = getattr(method, "__wrapped__", method)
        #: Whether directories exist by themselves; `None` if not known yet.
        self._hierarchical: bool | None = None

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._keys.lister.Store`."""
        if self._hierarchical is None and delimiter:
            self._hierarchical = await self.hierarchical()
        base = self._prefix
        query: dict[str, Any] = {"prefix": base + prefix, "fields": _FIELDS}
        query["maxResults"] = self.page_size
        if delimiter:
            query["delimiter"] = "/"
            if self._hierarchical:
                query["includeFoldersAsPrefixes"] = "true"
        if after:
            # It begins at this key: the caller knows what it has been told.
            query["startOffset"] = base + after
        if end is not None and base + end > base + prefix:
            query["endOffset"] = base + end
        if token is not None:
            query["pageToken"] = token
        if self._hierarchical is None:
            # Both at once, not to wait twice.
            self._hierarchical, answer = await asyncio.gather(
                self.hierarchical(), self._get("b/{}/o", **query)
            )
        else:
            answer = await self._get("b/{}/o", **query)
        if self._hierarchical and not delimiter:
            # Folders without objects are told only with a delimiter.
            raise FlatDenied
        keys = sorted(item["name"] for item in answer.get("items", ()))
        prefixes = sorted(answer.get("prefixes", ()))
        for names in (keys, prefixes):
            if names and not (names[0].startswith(base) and names[-1].startswith(base)):
                raise BadAnswer("the answer lists something else")
        cut = len(base)
        return Page(
            [key[cut:] for key in keys],
            [name[cut:] for name in prefixes],
            answer.get("nextPageToken"),
        )

    async def hierarchical(self) -> bool:
        """Whether directories exist by themselves."""
        self._tally.requests += 1
        try:
            answer = await self._get("b/{}/storageLayout", fields="hierarchicalNamespace")
        except Exception as error:
            if trouble(error):
                raise
            # It is unknown to what only resembles the store. Whoever may list may ask.
            return False
        return bool((answer.get("hierarchicalNamespace") or {}).get("enabled"))

    async def _get(self, path: str, **query: Any) -> dict[str, Any]:
        *_, content = await self._request(self._fs, "GET", path, self._bucket, **query)
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise BadAnswer("the answer is no object")
        return answer
