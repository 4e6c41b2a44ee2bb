"""An S3 on 127.0.0.1 that answers late, and counts what it was asked.

    python object_stub.py SECONDS OBJECTS BYTES

It prints its port, and ends when its standard input does. One bucket, ``lab``, holds that many
objects, twenty under each of ``source/match_NNNN/``. It lists, gets, heads, puts, copies and
deletes; anything else is an error. ``GET /`` resets the counts and tells what they were, as JSON.
Nothing but the standard library is imported in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections import Counter
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
PAGE = 1000


class Store:
    """The objects, and who asks for them."""

    def __init__(self, latency: float, number: int, size: int) -> None:
        self.latency = latency
        self.data = bytes(range(256)) * (size // 256 + 1)
        self.objects = {
            f"source/match_{n // 20:04}/object_{n % 20:02}": self.data[:size] for n in range(number)
        }
        self.counts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (field := await reader.readline()) != b"\r\n":
                    name, _, value = field.decode().partition(":")
                    headers[name.lower()] = value.strip()
                if headers.get("expect"):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await read_body(reader, headers)
                if target != "/":
                    await asyncio.sleep(self.latency)
                status, extra, answer = self.answer(method, target, headers, body)
                head = {"Content-Length": str(len(answer)), "Date": DATE, **extra}
                lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in head.items()), "", ""]
                writer.write("\r\n".join(lines).encode())
                if method != "HEAD":
                    writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[str, dict[str, str], bytes]:
        """Status, headers, body."""
        path, _, query_text = target.partition("?")
        if path == "/":
            told, self.counts = json.dumps(self.counts).encode(), Counter()
            return "200 OK", {}, told
        query = dict(parse_qsl(query_text, keep_blank_values=True))
        key = unquote(path).partition("/")[2].partition("/")[2]
        if method == "GET" and not key:
            self.counts["LIST"] += 1
            return "200 OK", {"Content-Type": "application/xml"}, self.listing(query)
        if method == "PUT" and key and not query.keys() - {"x-id"}:
            if source := headers.get("x-amz-copy-source"):
                self.counts["COPY"] += 1
                self.objects[key] = self.objects[unquote(source).lstrip("/").partition("/")[2]]
                tag = etag(self.objects[key])
                xml = f"<CopyObjectResult><ETag>{escape(tag)}</ETag></CopyObjectResult>"
                return "200 OK", {"Content-Type": "application/xml"}, xml.encode()
            self.counts["PUT"] += 1
            self.objects[key] = body
            return "200 OK", {"ETag": etag(body)}, b""
        if method in ("GET", "HEAD") and key:
            self.counts[method] += 1
            return self.get(method, key, headers)
        if method == "DELETE":
            self.counts["DELETE"] += 1
            self.objects.pop(key, None)
            return "204 No Content", {}, b""
        self.counts[f"{method} {'&'.join(query)}"] += 1
        return "501 Not Implemented", {}, b""

    def get(
        self, method: str, key: str, headers: dict[str, str]
    ) -> tuple[str, dict[str, str], bytes]:
        """An object, or a range of it; of HEAD only the length counts."""
        data = self.objects.get(key)
        if data is None:
            return (
                "404 Not Found",
                {},
                b"" if method == "HEAD" else b"<Error><Code>NoSuchKey</Code></Error>",
            )
        extra = {"ETag": etag(data), "Last-Modified": DATE, "Accept-Ranges": "bytes"}
        if (wanted := headers.get("range")) and method == "GET":
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(data) - 1, len(data) - 1)
            extra["Content-Range"] = f"bytes {first}-{end}/{len(data)}"
            return "206 Partial Content", extra, data[int(first) : end + 1]
        return "200 OK", extra, data

    def listing(self, query: dict[str, str]) -> bytes:
        """A page of ListObjectsV2."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        limit = int(query.get("max-keys", PAGE))
        parts: list[str] = []
        last, number, truncated = "", 0, False
        for key in sorted(self.objects):
            if not key.startswith(prefix):
                continue
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            item = key if at < 0 else key[: at + 1]
            if item <= after or item == last:
                continue
            if number == limit:
                truncated = True
                break
            last, number = item, number + 1
            if at < 0:
                data = self.objects[key]
                parts.append(
                    f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
                    f"<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                    f"<ETag>{escape(etag(data))}</ETag></Contents>"
                )
            else:
                parts.append(f"<CommonPrefixes><Prefix>{escape(item)}</Prefix></CommonPrefixes>")
        more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if truncated else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>'
            f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>{more}"
            f"<KeyCount>{number}</KeyCount>{''.join(parts)}</ListBucketResult>"
        ).encode()


_etags: dict[bytes, str] = {}


def etag(data: bytes) -> str:
    """The MD5 in quotes; most objects are one."""
    if data not in _etags:
        _etags[data] = f'"{hashlib.md5(data).hexdigest()}"'
    return _etags[data]


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """What was sent, whichever way it was put into pieces."""
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    if "aws-chunked" in headers.get("content-encoding", ""):
        parts: list[bytes] = []
        at = 0
        while True:
            end = body.index(b"\r\n", at)
            size = int(body[at:end].split(b";")[0], 16)
            if not size:
                return b"".join(parts)
            parts.append(body[end + 2 : end + 2 + size])
            at = end + 4 + size
    return body


async def main(latency: str, number: str, size: str) -> None:
    """Serve until standard input ends."""
    store = Store(float(latency), int(number), int(size))
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # whoever is still connected


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
