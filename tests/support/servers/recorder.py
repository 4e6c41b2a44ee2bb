"""A store of one listing that keeps what it was asked, and by whom.

For what no server tells: which headers are sent, and signed with what.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request; the names of headers are in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def lists(self) -> bool:
        """Whether it asks for a listing."""
        path, query = urlsplit(self.url).path, self.query
        return "list-type" in query or query.get("comp") == "list" or path.endswith("/o")


#: Status, headers and body.
Answer = tuple[int, dict[str, str], bytes]


class Recorder:
    """The server, running while it is entered."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.asked: list[Asked] = []
        self.answer = answer

    def __enter__(self) -> Self:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are written apart.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                url = f"http://{headers['host']}{self.path}"
                body = self.rfile.read(int(headers.get("content-length", 0)))
                asked = Asked(self.command, url, headers, body)
                recorder.asked.append(asked)
                status, more, body = recorder.answer(asked)
                self.send_response(status)
                for name, value in {**more, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                # Who closes the connection wants no answer any more.
                with contextlib.suppress(ConnectionError):
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            # All requests of a scan at once.
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def listings(self) -> list[Asked]:
        """Those that asked for a listing."""
        return [asked for asked in self.asked if asked.lists]


def s3(*keys: str) -> Answer:
    """A listing as S3 tells it."""
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        "<ETag>e</ETag><Size>1</Size></Contents>"
        for key in keys
    )
    text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    return 200, {"Content-Type": "application/xml"}, text.encode()


def gcs(*keys: str) -> Answer:
    """A listing as Google Cloud Storage tells it, to gcsfs or to obstore."""
    items = [{"name": key, "size": "1", "updated": "2026-01-01T00:00:00Z"} for key in keys]
    body = json.dumps({"kind": "storage#objects", "items": items}).encode()
    return 200, {"Content-Type": "application/json"}, body


def azure(*keys: str) -> Answer:
    """A listing as Azure tells it."""
    entries = "".join(
        f"<Blob><Name>{key}</Name><Properties><Content-Length>1</Content-Length>"
        "<Content-Type>text/plain</Content-Type><Etag>e</Etag><BlobType>BlockBlob</BlobType>"
        "<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified></Properties></Blob>"
        for key in keys
    )
    text = f"<EnumerationResults><Blobs>{entries}</Blobs><NextMarker/></EnumerationResults>"
    return 200, {"Content-Type": "application/xml"}, text.encode()


def s3_error(status: int, code: str) -> Answer:
    """An error of S3, and of Azure."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return status, {"Content-Type": "application/xml", "x-ms-error-code": code}, body
