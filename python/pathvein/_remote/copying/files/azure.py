"""Blobs of Azure, through the client of adlfs. (Its own paths lose some names.)"""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

from pathvein._remote.copying.files.base import failure, quietly
from pathvein._remote.copying.files.objects import ObjectFiles
from pathvein._remote.stores.base import Info

#: Seconds between two questions whether a copy is complete.
_COPY_INTERVAL = 1.0


class AzureFiles(ObjectFiles):
    """Blobs of one account."""

    def identity(self) -> tuple[str, ...]:
        return "azure", str(self.adapter.fs.service_client.url).partition("?")[0].rstrip("/")

    def problem(self, name: str) -> str | None:
        problem = super().problem(name)
        if problem is None and "\\" in name:
            return "it has a backslash, which Azure takes for a slash"
        return problem

    def _client(self, path: str) -> Any:
        store, key = self.bucket(path)
        return self.adapter.fs.service_client.get_blob_client(store._bucket, key)

    async def head(self, path: str) -> None:
        await self._client(path).get_blob_properties(retry_total=0)

    async def get(
        self, path: str, offset: int | None, length: int | None, etag: str | None
    ) -> tuple[bytes, str | None]:
        options = {}
        if etag is not None:
            from azure.core import MatchConditions

            options = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        download = await self._client(path).download_blob(offset, length, retry_total=0, **options)
        # The MD5 is known from the listing.
        return await download.readall(), None

    async def put(self, path: str, data: bytes, *, new: bool) -> str | None:
        answer = await self._client(path).upload_blob(
            data, length=len(data), overwrite=not new, retry_total=0, raw_request_hook=_as_stream
        )
        md5 = answer.get("content_md5")
        return bytes(md5).hex() if md5 else None

    async def delete(self, path: str) -> None:
        await self._client(path).delete_blob(retry_total=0)

    async def begin_upload(self, path: str, *, new: bool) -> None:
        """Blocks that are not committed are no blob."""

    async def put_part(
        self, path: str, upload: Any, number: int, offset: int, data: bytes, *, is_last: bool
    ) -> str:
        block = base64.b64encode(b"%08d" % number).decode()
        await self._client(path).stage_block(
            block, data, length=len(data), retry_total=0, raw_request_hook=_as_stream
        )
        return block

    async def complete_upload(
        self, path: str, upload: Any, parts: list[Any], *, new: bool
    ) -> str | None:
        from azure.storage.blob import BlobBlock

        blocks = [BlobBlock(block) for block in parts]
        await self._client(path).commit_block_list(blocks, retry_total=0, **_condition(new))
        return None

    async def abort_upload(self, path: str, upload: Any) -> None:
        """The store drops blocks that are not committed after a week; none can be dropped."""

    async def copy_within(
        self, source: str, destination: str, info: Info, *, new: bool = False
    ) -> bool:
        """Copy it on the server, and wait until that is done."""
        from azure.core import MatchConditions

        client = self._client(destination)
        options = {}
        if info.etag is not None:
            condition = MatchConditions.IfNotModified
            options = {"source_etag": info.etag, "source_match_condition": condition}
        url = self._client(source).url
        answer = await self.make(
            destination,
            lambda: client.start_copy_from_url(url, retry_total=0, **options, **_condition(new)),
            new=new,
        )
        if answer is None:
            return True
        status = answer["copy_status"]
        try:
            while status == "pending":
                await asyncio.sleep(_COPY_INTERVAL)
                told = await self.send(lambda: client.get_blob_properties(retry_total=0))
                status = told.copy.status
        except BaseException:
            # What is there so far is an empty blob.
            stop = self.send(lambda: client.abort_copy(answer["copy_id"], retry_total=0))
            await quietly(stop)
            raise
        if status != "success":
            raise failure(f"the copy ended as {status!r}", self.url(source), "copying the file")
        return True


def _condition(new: bool) -> dict[str, Any]:
    """That there is no blob yet."""
    if not new:
        return {}
    from azure.core import MatchConditions

    return {"match_condition": MatchConditions.IfMissing}


def _as_stream(request: Any) -> None:
    """Send a body as a stream: aiohttp warns of a large one that is bytes."""
    if isinstance(request.http_request.data, bytes):
        request.http_request.data = io.BytesIO(request.http_request.data)
