"""Objects of S3, through the client of s3fs.

The file system's own methods send a HEAD before a GET or a copy. What that tells is known from the
listing.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from pathvein._remote.copying.files.base import quietly
from pathvein._remote.copying.files.objects import ObjectFiles
from pathvein._remote.errors import error_code, http_status
from pathvein._remote.stores.base import Info

_MD5 = re.compile(r"[0-9a-f]{32}")
#: Most bytes that are copied by one request, and bytes of a part of what is larger.
_MOST_COPIED = 5 * 2**30
_COPIED_PART = 2**30
#: Most parts of one object that are copied side by side.
_SIDE_BY_SIDE = 8
_MAX_KEY = 1024


class S3Files(ObjectFiles):
    """Objects of S3 and of stores with its API."""

    #: Whether the store may know the condition that there is no object yet.
    _can_refuse = True

    def identity(self) -> tuple[str, ...]:
        fs = self.adapter.fs
        endpoint = fs.endpoint_url or (fs.client_kwargs or {}).get("endpoint_url") or ""
        return "s3", str(endpoint).rstrip("/")

    def split(self, path: str) -> tuple[str, str]:
        if path.startswith("arn:"):
            # The name of an access point has a slash.
            bucket, key, _ = self.adapter.fs.split_path(path)
            return bucket, key
        return super().split(path)

    async def _call(self, method: str, path: str, **request: Any) -> Any:
        fs = self.adapter.fs
        store, key = self.bucket(path)
        bucket: str = store._bucket
        await fs.set_session()
        function = getattr(await fs.get_s3(bucket), method)
        # With what the user has told to be added to each request.
        options = fs._get_s3_method_kwargs(function, Bucket=bucket, Key=key, **request)
        return await function(**options)

    def _md5(self, path: str, response: Any) -> str | None:
        """The MD5 that a response tells.

        The ETag is one if the object was put in one request, and is not encrypted with a key of
        the user's. That of a directory bucket is none.
        """
        etag = str(response.get("ETag", "")).strip('"')
        encrypted = response.get("ServerSideEncryption", "AES256") != "AES256"
        if encrypted or response.get("SSECustomerAlgorithm") or not _MD5.fullmatch(etag):
            return None
        return etag if self.bucket(path)[0].flat else None

    async def head(self, path: str) -> None:
        await self._call("head_object", path)

    async def get(
        self, path: str, offset: int | None, length: int | None, etag: str | None
    ) -> tuple[bytes, str | None]:
        request = {}
        if offset is not None and length is not None:
            request["Range"] = f"bytes={offset}-{offset + length - 1}"
        if etag is not None:
            request["IfMatch"] = etag
        response = await self._call("get_object", path, **request)
        async with response["Body"] as body:
            data = await body.read()
        return data, self._md5(path, response)

    async def _make(self, method: str, path: str, *, new: bool, **request: Any) -> Any:
        """Send a request that makes an object, which is to be new if the store can tell."""
        if not new or not self._can_refuse:
            return await self._call(method, path, **request)
        try:
            return await self._call(method, path, **request, IfNoneMatch="*")
        except Exception as error:
            if http_status(error) != 501 and error_code(error) != "NotImplemented":
                raise
            # It does not know the condition. Not all do.
            self._can_refuse = False
            return await self._call(method, path, **request)

    async def put(self, path: str, data: bytes, *, new: bool) -> str | None:
        return self._md5(path, await self._make("put_object", path, new=new, Body=data))

    async def delete(self, path: str) -> None:
        await self._call("delete_object", path)

    async def begin_upload(self, path: str, *, new: bool) -> str:
        response = await self._call("create_multipart_upload", path)
        return str(response["UploadId"])

    async def put_part(
        self, path: str, upload: Any, number: int, offset: int, data: bytes, *, is_last: bool
    ) -> dict[str, Any]:
        response = await self._call(
            "upload_part", path, UploadId=upload, PartNumber=number + 1, Body=data
        )
        return _part(number, response)

    async def complete_upload(
        self, path: str, upload: Any, parts: list[Any], *, new: bool
    ) -> str | None:
        request = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
        await self._make("complete_multipart_upload", path, new=new, **request)
        return None

    async def abort_upload(self, path: str, upload: Any) -> None:
        await self._call("abort_multipart_upload", path, UploadId=upload)

    async def copy_within(
        self, source: str, destination: str, info: Info, *, new: bool = False
    ) -> bool:
        """Copy it on the server, in parts where it is too large for one request."""
        store, key = self.bucket(source)
        where = {"CopySource": {"Bucket": store._bucket, "Key": key}}
        if info.etag is not None:
            where["CopySourceIfMatch"] = info.etag  # type: ignore[assignment]
        if info.size is None or info.size <= _MOST_COPIED:
            await self.make(
                destination,
                lambda: self._make("copy_object", destination, new=new, **where),
                new=new,
            )
            return True
        upload = await self.send(lambda: self.begin_upload(destination, new=new))
        side_by_side = asyncio.Semaphore(_SIDE_BY_SIDE)

        async def part(number: int, offset: int, end: int) -> dict[str, Any]:
            request = {
                **where,
                "UploadId": upload,
                "PartNumber": number + 1,
                "CopySourceRange": f"bytes={offset}-{end - 1}",
            }
            async with side_by_side:
                response = await self.send(
                    lambda: self._call("upload_part_copy", destination, **request)
                )
            return _part(number, response["CopyPartResult"])

        offsets = range(0, info.size, _COPIED_PART)
        tasks = [
            asyncio.create_task(part(number, offset, min(offset + _COPIED_PART, info.size)))
            for number, offset in enumerate(offsets)
        ]
        try:
            parts = await asyncio.gather(*tasks)
            complete = self.complete_upload
            await self.make(
                destination, lambda: complete(destination, upload, parts, new=new), new=new
            )
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await quietly(self.send(lambda: self.abort_upload(destination, upload)))
            raise
        return True

    def problem_of_path(self, path: str) -> str | None:
        """Why there can be no object at a path."""
        if len(self.bucket(path)[1].encode(errors="replace")) > _MAX_KEY:
            return f"its key is longer than {_MAX_KEY} bytes"
        return None


def _part(number: int, response: Any) -> dict[str, Any]:
    checksums = {name: told for name, told in response.items() if name.startswith("ChecksumCRC")}
    return {"PartNumber": number + 1, "ETag": response["ETag"], **checksums}
