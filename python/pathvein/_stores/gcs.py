"""Google Cloud Storage: objects.list of the JSON API, through gcsfs."""

from __future__ import annotations

import json
from typing import Any

from pathvein._flat import Page
from pathvein._retry import BadAnswer

_FIELDS = "items(name),prefixes,nextPageToken"


class GcsStore:
    """The keys below one prefix of a bucket."""

    page_size = 1000
    can_start = True
    flat = True

    def __init__(self, fs: Any, base: str) -> None:
        self._fs = fs
        self._bucket, _, key = base.partition("/")
        self._prefix = f"{key}/" if key else ""
        # Without the decorator that repeats requests.
        method = type(fs)._request
        self._request = getattr(method, "__wrapped__", method)

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._flat.Store`."""
        base = self._prefix
        query: dict[str, Any] = {"prefix": base + prefix, "fields": _FIELDS}
        query["maxResults"] = self.page_size
        if delimiter:
            query["delimiter"] = "/"
        if after:
            # It begins at this key: the caller knows what it has been told.
            query["startOffset"] = base + after
        if end is not None and base + end > base + prefix:
            query["endOffset"] = base + end
        if token is not None:
            query["pageToken"] = token
        *_, content = await self._request(self._fs, "GET", "b/{}/o", self._bucket, **query)
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise BadAnswer("the answer is no listing")
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
