"""What is asked of Google Cloud Storage: requests without a server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("fsspec")

from pathvein._remote.errors import BadAnswer, FlatDenied
from pathvein._remote.stores.gcs import GcsStore


class Forbidden(Exception):
    code = 403


class FakeGcs:
    """Answers as gcsfs's own request does."""

    def __init__(self, layout: Any, answer: Any) -> None:
        self.layout = layout
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def _request(self, method: str, path: str, bucket: str, **query: Any) -> Any:
        assert (method, bucket) == ("GET", "b")
        told = self.layout if path == "b/{}/storageLayout" else self.answer
        if path == "b/{}/o":
            self.asked.append(query)
        if isinstance(told, Exception):
            raise told
        return 200, {}, None, json.dumps(told).encode()


def page(fs: FakeGcs, **options: Any) -> Any:
    query = {"prefix": "", "after": "", "end": None, "token": None, "delimiter": False, **options}
    return asyncio.run(GcsStore(fs, "b/src").page(**query))


LISTING = {"items": [{"name": "src/a"}, {"name": "src/d/"}], "nextPageToken": "t"}


@pytest.mark.parametrize("layout", [{}, Forbidden(), {"hierarchicalNamespace": {"enabled": False}}])
def test_a_page(layout: Any) -> None:
    fs = FakeGcs(layout, LISTING)
    assert page(fs, after="a", end="z", token="x")[:3] == (["a", "d/"], [], "t")
    [query] = fs.asked
    assert query["prefix"] == "src/"
    assert query["startOffset"] == "src/a"
    assert query["endOffset"] == "src/z"
    assert query["pageToken"] == "x"
    assert "delimiter" not in query


def test_folders_without_objects_are_told_only_with_a_delimiter() -> None:
    fs = FakeGcs({"hierarchicalNamespace": {"enabled": True}}, {"prefixes": ["src/e/"]})
    assert page(fs, delimiter=True)[:3] == ([], ["e/"], None)
    assert fs.asked[0]["includeFoldersAsPrefixes"] == "true"
    with pytest.raises(FlatDenied):
        page(fs)


def test_what_is_no_listing() -> None:
    with pytest.raises(BadAnswer):
        page(FakeGcs({}, ["src/a"]))
    with pytest.raises(BadAnswer):
        page(FakeGcs({}, {"items": [{"name": "other/a"}]}))
