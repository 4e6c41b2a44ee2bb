"""An S3 that holds objects, keeps what it was asked, and goes wrong as it is told to.

For what no server tells: which requests are sent, and what becomes of uploads that are not
completed. `fault` is asked first, and may answer in place of the store.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from .recorder import Answer, Asked, Recorder, s3_error
from .store import Place

_XML = {"Content-Type": "application/xml"}


class S3Objects(Recorder):
    """The server, running while it is entered."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        #: The content of each object, by bucket and key.
        self.objects: dict[str, bytes] = {}
        #: Uploads that are neither completed nor aborted.
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.fault: Callable[[Asked], Answer | None] = lambda asked: None
        self._numbers = itertools.count()

    def place(self, path: str) -> Place:
        """Where a user finds a bucket, or a prefix in it."""
        options = {"endpoint_url": self.endpoint, "key": "x", "secret": "x"}
        return Place(f"s3://{path}", options)

    def what(self) -> dict[str, int]:
        """How often was asked for what."""
        counts: dict[str, int] = {}
        for asked in self.asked:
            name = what(asked)
            counts[name] = counts.get(name, 0) + 1
        return counts

    def _answer(self, asked: Asked) -> Answer:
        if (fault := self.fault(asked)) is not None:
            return fault
        makes = what(asked) in ("put", "copy", "complete")
        if makes and "if-none-match" in asked.headers and path_of(asked) in self.objects:
            return s3_error(412, "PreconditionFailed")
        answer: Answer = getattr(self, f"_{what(asked)}")(asked, path_of(asked))
        return answer

    def _list(self, asked: Asked, bucket: str) -> Answer:
        prefix, delimiter = asked.query["prefix"], asked.query.get("delimiter")
        after = asked.query.get("continuation-token", "")
        cut = len(bucket) + 1
        entries: dict[str, int | None] = {}
        for path, content in self.objects.items():
            key = path[cut:]
            if not path.startswith(f"{bucket}/") or not key.startswith(prefix):
                continue
            rest = key[len(prefix) :]
            if delimiter and "/" in rest:
                entries[prefix + rest.partition("/")[0] + "/"] = None
            else:
                entries[key] = len(content)
        names = sorted(name for name in entries if name > after)
        page, more = names[:1000], len(names) > 1000
        told = ""
        for name in page:
            size = entries[name]
            if size is None:
                told += f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
                continue
            etag = hashlib.md5(self.objects[f"{bucket}/{name}"]).hexdigest()
            told += (
                f"<Contents><Key>{escape(name)}</Key>"
                "<LastModified>2026-01-02T03:04:05.678Z</LastModified>"
                f"<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Contents>"
            )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        text = f"<ListBucketResult>{truncated}{token}{told}</ListBucketResult>"
        return 200, _XML, text.encode()

    def _get(self, asked: Asked, path: str) -> Answer:
        if path not in self.objects:
            return s3_error(404, "NoSuchKey")
        content = self.objects[path]
        headers = {"ETag": _etag(content)}
        if asked.headers.get("if-match", headers["ETag"]) != headers["ETag"]:
            return s3_error(412, "PreconditionFailed")
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", "")):
            return 206, headers, content[int(found[1]) : int(found[2]) + 1]
        return 200, headers, content

    _head = _get

    def _put(self, asked: Asked, path: str) -> Answer:
        self.objects[path] = asked.body
        return 200, {"ETag": _etag(asked.body)}, b""

    def _copy(self, asked: Asked, path: str) -> Answer:
        content = self._source(asked)
        if content is None:
            return s3_error(404, "NoSuchKey")
        self.objects[path] = content
        text = f"<CopyObjectResult><ETag>{_etag(content)}</ETag></CopyObjectResult>"
        return 200, _XML, text.encode()

    def _source(self, asked: Asked) -> bytes | None:
        return self.objects.get(unquote(asked.headers["x-amz-copy-source"]).removeprefix("/"))

    def _delete(self, asked: Asked, path: str) -> Answer:
        self.objects.pop(path, None)
        return 204, {}, b""

    def _begin(self, asked: Asked, path: str) -> Answer:
        upload = f"upload-{next(self._numbers)}"
        self.uploads[upload] = {}
        text = (
            f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
            "</InitiateMultipartUploadResult>"
        )
        return 200, _XML, text.encode()

    def _part(self, asked: Asked, path: str) -> Answer:
        if asked.query["uploadId"] not in self.uploads:
            return s3_error(404, "NoSuchUpload")
        self.uploads[asked.query["uploadId"]][int(asked.query["partNumber"])] = asked.body
        return 200, {"ETag": _etag(asked.body)}, b""

    def _copy_part(self, asked: Asked, path: str) -> Answer:
        content = self._source(asked)
        assert content is not None
        first, _, last = asked.headers["x-amz-copy-source-range"][6:].partition("-")
        part = content[int(first) : int(last) + 1]
        self.uploads[asked.query["uploadId"]][int(asked.query["partNumber"])] = part
        text = f"<CopyPartResult><ETag>{_etag(part)}</ETag></CopyPartResult>"
        return 200, _XML, text.encode()

    def _complete(self, asked: Asked, path: str) -> Answer:
        parts = self.uploads.pop(asked.query["uploadId"])
        told = [int(n) for n in re.findall(rb"<PartNumber>(\d+)</PartNumber>", asked.body)]
        assert told == sorted(parts)
        self.objects[path] = b"".join(parts[number] for number in told)
        text = (
            "<CompleteMultipartUploadResult><ETag>&quot;x-1&quot;</ETag>"
            "</CompleteMultipartUploadResult>"
        )
        return 200, _XML, text.encode()

    def _abort(self, asked: Asked, path: str) -> Answer:
        self.uploads.pop(asked.query["uploadId"], None)
        return 204, {}, b""


def path_of(asked: Asked) -> str:
    """The bucket and key that is asked for."""
    return unquote(urlsplit(asked.url).path).removeprefix("/")


def what(asked: Asked) -> str:
    """What is asked for, in one word."""
    query = asked.query
    copies = "x-amz-copy-source" in asked.headers
    words: dict[str, Any] = {
        "GET": "list" if "list-type" in query else "get",
        "HEAD": "head",
        "PUT": ("copy_part" if copies else "part")
        if "uploadId" in query
        else ("copy" if copies else "put"),
        "POST": "begin" if "uploads" in query else "complete",
        "DELETE": "abort" if "uploadId" in query else "delete",
    }
    word: str = words[asked.method]
    return word


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'
