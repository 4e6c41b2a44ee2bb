"""Objects of Google Cloud Storage, through the requests of gcsfs without its retries."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pathvein._remote.copying.files.objects import ObjectFiles
from pathvein._remote.stores.base import Info
from pathvein._remote.stores.gcs import object_info

_OBJECT = "b/{}/o/{}"


class GcsFiles(ObjectFiles):
    """Objects of Google Cloud Storage."""

    parts_in_any_order = False

    def identity(self) -> tuple[str, ...]:
        return "gcs", self.adapter.fs._location

    async def _call(
        self, method: str, url: str, *names: str, **options: Any
    ) -> tuple[Mapping[str, str], bytes]:
        function = type(self.adapter.fs)._request
        function = getattr(function, "__wrapped__", function)
        _, headers, _, content = await function(self.adapter.fs, method, url, *names, **options)
        return headers, content

    def _names(self, path: str) -> tuple[str, str]:
        store, key = self.bucket(path)
        return store._bucket, key

    def _upload_url(self, path: str) -> str:
        bucket, key = self._names(path)
        location = self.adapter.fs._location
        return f"{location}/upload/storage/v1/b/{quote(bucket)}/o?name={quote(key, safe='')}"

    async def head(self, path: str) -> None:
        await self._call("GET", _OBJECT, *self._names(path), fields="name")

    async def get(
        self, path: str, offset: int | None, length: int | None, etag: str | None
    ) -> tuple[bytes, str | None]:
        bucket, key = self._names(path)
        url = f"{self.adapter.fs._location}/download/storage/v1/b/{quote(bucket)}"
        headers = {}
        if offset is not None and length is not None:
            headers["Range"] = f"bytes={offset}-{offset + length - 1}"
        options = {} if etag is None else {"ifGenerationMatch": etag}
        url += f"/o/{quote(key, safe='')}"
        _, content = await self._call("GET", url, headers=headers, alt="media", **options)
        # The MD5 is known from the listing.
        return content, None

    async def put(self, path: str, data: bytes, *, new: bool) -> str | None:
        headers = {"Content-Type": "application/octet-stream"}
        url = self._upload_url(path)
        # aiohttp warns of large bodies that are bytes.
        body = io.BytesIO(data)
        _, content = await self._call(
            "POST", url, uploadType="media", headers=headers, data=body, **_condition(new)
        )
        return object_info(json.loads(content)).md5

    async def delete(self, path: str) -> None:
        await self._call("DELETE", _OBJECT, *self._names(path))

    async def begin_upload(self, path: str, *, new: bool) -> str:
        headers, _ = await self._call(
            "POST",
            self._upload_url(path),
            uploadType="resumable",
            json={"name": self._names(path)[1]},
            headers={"X-Upload-Content-Type": "application/octet-stream"},
            **_condition(new),
        )
        return headers["Location"]

    async def put_part(
        self, path: str, upload: Any, number: int, offset: int, data: bytes, *, is_last: bool
    ) -> bytes:
        end = offset + len(data)
        view = memoryview(data)
        while True:
            total = end if is_last else "*"
            span = {"Content-Range": f"bytes {offset}-{end - 1}/{total}"}
            headers, content = await self._call("PUT", upload, headers=span, data=io.BytesIO(view))
            # It may take less than was sent. Whatever it tells after the last part is the end.
            stored = int(headers["Range"].rpartition("-")[2]) + 1 if "Range" in headers else end
            if stored >= end or (is_last and content):
                return content
            view = view[stored - offset :]
            offset = stored

    async def complete_upload(
        self, path: str, upload: Any, parts: list[Any], *, new: bool
    ) -> str | None:
        """It was completed by the last part."""
        return object_info(json.loads(parts[-1])).md5

    async def abort_upload(self, path: str, upload: Any) -> None:
        # Also where the store does not know it any more.
        with contextlib.suppress(OSError):
            await self._call("DELETE", upload)

    async def copy_within(
        self, source: str, destination: str, info: Info, *, new: bool = False
    ) -> bool:
        """Copy it on the server, which may take several requests where it is large."""
        names = (*self._names(source), *self._names(destination))
        token = _condition(new)
        if info.etag is not None:
            token["ifSourceGenerationMatch"] = info.etag

        async def rewrite() -> dict[str, Any]:
            headers = {"Content-Type": "application/json"}
            url = "b/{}/o/{}/rewriteTo/b/{}/o/{}"
            _, content = await self._call("POST", url, *names, headers=headers, **token)
            answer: dict[str, Any] = json.loads(content)
            return answer

        while answer := await self.make(destination, rewrite, new=new):
            if answer["done"]:
                break
            token["rewriteToken"] = answer["rewriteToken"]
        return True


def _condition(new: bool) -> dict[str, str]:
    """That there is no object yet."""
    return {"ifGenerationMatch": "0"} if new else {}
