"""An S3 that only lists: exact, cheap, slow on purpose, and broken in any way one asks for.

It answers ListObjectsV2 from a sorted list of keys, or from a formula, so that millions of them
cost nothing. Each request is answered so many seconds after it came, any number at a time. It
keeps a log of all requests. And it goes wrong by rules (`Fault`).

    with ListStub() as stub:
        bucket = stub.bucket(["a/b", "c"], latency=0.05, faults=[Fault("slowdown", every=3)])
        pathvein.scan(bucket.url, patterns, storage_options=bucket.options)
        bucket.requests()

It is a process of its own, so that its work does not hold up what is measured, and ends when
whoever started it does. Nothing but the standard library is imported in it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, overload
from urllib.parse import parse_qsl, quote, quote_plus, unquote
from xml.sax.saxutils import escape

PAGE = 1000
#: What is worth keeping of rendered answers, in bytes.
CACHE = 64 << 20


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and with which requests: those that all conditions given hold for."""

    #: One of `ANSWERS`, or a change of what is listed: `cut` sends half the page and closes,
    #: `truncated` half of it as if it were all, `hang` nothing ever, `empty` and `short` a page
    #: with no keys, or half of them, that says there are more.
    kind: str
    #: Every Nth of those that the other conditions hold for.
    every: int | None = None
    #: Only the first so many.
    first: int | None = None
    #: Not the first so many.
    after: int = 0
    #: Only where the prefix asked for begins with this.
    prefix: str | None = None
    #: Only where it does not.
    outside: str | None = None
    #: Only flat listings, or only those with a delimiter.
    flat: bool | None = None
    #: Only requests that continue (True) or begin (False) a listing.
    continued: bool | None = None


#: Status, code and message of the faults that are an S3 error.
ANSWERS = {
    "slowdown": (503, "SlowDown", "Please reduce your request rate."),
    "error500": (500, "InternalError", "We encountered an internal error. Please try again."),
    "unavailable": (503, "ServiceUnavailable", "Service is unable to handle request."),
    "denied": (403, "AccessDenied", "Access Denied"),
    "expired": (400, "ExpiredToken", "The provided token has expired."),
    "wrong_key": (403, "InvalidAccessKeyId", "The AWS Access Key Id does not exist."),
    "wrong_secret": (403, "SignatureDoesNotMatch", "The request signature does not match."),
    "bad_token": (400, "InvalidArgument", "The continuation token provided is incorrect"),
    "missing": (404, "NoSuchBucket", "The specified bucket does not exist"),
}
#: Bodies sent with status 200 that are no listing.
NONSENSE = {
    "malformed": b"<?xml version='1.0'?><ListBucketResult><Contents></ListBucketResult>",
    "no_xml": b"<html><body><h1>Log in to the hotel's network</h1><br></body>",
    "other_xml": b"<?xml version='1.0'?><Something/>",
    "nothing": b"",
}
KINDS = {*ANSWERS, *NONSENSE, "cut", "truncated", "hang", "empty", "short"}


@dataclass(frozen=True)
class Request:
    """One request as the log tells it."""

    #: `list`, or the method and path of another one.
    what: str
    #: When it came, by `time.monotonic`, which all processes share.
    at: float
    prefix: str = ""
    delimiter: str = ""
    start_after: str = ""
    continued: bool = False
    #: Whose key signed it; "" if it was anonymous.
    signed_by: str = ""
    requester_pays: bool = False
    #: The fault that struck it.
    fault: str = ""
    keys: int = 0
    prefixes: int = 0


# Keys -------------------------------------------------------------------------------------


class Radix(Sequence[str]):
    """Keys by a formula: `Radix([("g%02d", 20), ("f%03d", 50)])` is g00/f000 ... g19/f049.

    Numbers must be padded, so that their order is that of the keys.
    """

    def __init__(self, levels: Sequence[Sequence[Any]]) -> None:
        self._levels = [(str(pattern), int(count)) for pattern, count in levels]
        self._length = 1
        for _, count in self._levels:
            self._length *= count

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._key(i) for i in range(*index.indices(self._length))]
        if not 0 <= index < self._length:
            raise IndexError(index)
        return self._key(index)

    def _key(self, index: int) -> str:
        parts = []
        for pattern, count in reversed(self._levels):
            index, digit = divmod(index, count)
            parts.append(pattern % digit)
        return "/".join(reversed(parts))


def _past(prefix: str) -> str:
    """The least string above all that begin with the prefix, as far as keys go."""
    while prefix and prefix[-1] == "\U0010ffff":
        prefix = prefix[:-1]
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else ""


@dataclass
class _Page:
    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    #: Where the next page begins; None if this is the last.
    token: str | None = None


def _page(
    keys: Sequence[str],
    prefix: str,
    delimiter: str,
    after: str,
    most: int,
    *,
    repeats: bool,
) -> _Page:
    """The first keys, and common prefixes, above `after`, as S3 orders and counts them.

    `repeats`: a common prefix that begins like `after` is told (again). Real stores differ.
    """
    low = bisect_left(keys, prefix) if prefix else 0
    past = _past(prefix)
    high = bisect_left(keys, past, low) if past else len(keys)
    if after:
        low = max(low, bisect_right(keys, after))
        if delimiter and not repeats and after.startswith(prefix):
            cut = after.find(delimiter, len(prefix))
            if cut >= 0:
                low = max(low, bisect_left(keys, _past(after[: cut + len(delimiter)]), low))
    page = _Page()
    if not delimiter:
        page.keys = list(keys[low : min(high, low + most)])
        if low + most < high and page.keys:
            page.token = page.keys[-1]
        return page
    last = after
    while low < high:
        if len(page.keys) + len(page.prefixes) == most:
            page.token = last or None
            break
        key = keys[low]
        cut = key.find(delimiter, len(prefix))
        if cut < 0:
            page.keys.append(key)
            last = key
            low += 1
        else:
            common = key[: cut + len(delimiter)]
            page.prefixes.append(common)
            # No key is above this one and begins with the prefix.
            last = common + "\U0010ffff"
            low = bisect_left(keys, _past(common), low)
    return page


def _unordered_page(
    keys: Sequence[str], prefix: str, delimiter: str, token: str, most: int
) -> _Page:
    """A page of a directory bucket, whose order tells nothing."""
    found: dict[str, bool] = {}
    for key in keys:
        if key.startswith(prefix):
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            found[key if cut < 0 else key[: cut + len(delimiter)]] = cut >= 0
    order = sorted(found, key=lambda key: hashlib.md5(key.encode()).digest())
    begin = int(token or 0)
    some = order[begin : begin + most]
    more = begin + most < len(order)
    return _Page(
        [key for key in some if not found[key]],
        [key for key in some if found[key]],
        str(begin + most) if more else None,
    )


def _token(position: str) -> str:
    """A continuation token that nobody takes for a key."""
    return "1" + base64.b64encode(b"\0" + position.encode("utf-8", "surrogatepass")).decode()


def _position(token: str) -> str:
    return base64.b64decode(token[1:])[1:].decode("utf-8", "surrogatepass")


# The server -------------------------------------------------------------------------------


@dataclass
class _Bucket:
    keys: Sequence[str]
    latency: float
    faults: list[Fault]
    unordered: bool
    repeats: bool
    page_limit: int
    #: (at which list request, keys to add, keys to remove).
    changes: list[tuple[int, list[str], list[str]]]
    #: The keys that are let in; None lets all in.
    allowed: list[str] | None
    log: list[Request] = field(default_factory=list)
    lists: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    struck: list[int] = field(default_factory=list)
    rendered: OrderedDict[Any, bytes] = field(default_factory=OrderedDict)
    rendered_size: int = 0

    def fault(self, query: dict[str, str]) -> str:
        """What goes wrong with a request; each rule counts those that it is about."""
        prefix = query.get("prefix", "")
        hit = ""
        for number, rule in enumerate(self.faults):
            if rule.prefix is not None and not prefix.startswith(rule.prefix):
                continue
            if rule.outside is not None and prefix.startswith(rule.outside):
                continue
            if rule.flat is not None and rule.flat == bool(query.get("delimiter")):
                continue
            if rule.continued is not None and rule.continued != ("continuation-token" in query):
                continue
            self.struck[number] += 1
            count = self.struck[number] - rule.after
            if count < 1 or (rule.first is not None and count > rule.first):
                continue
            if rule.every is None or count % rule.every == 0:
                hit = hit or rule.kind
        return hit

    def change(self) -> None:
        for at, add, remove in self.changes:
            if at == self.lists:
                self.keys = sorted((set(self.keys) | set(add)) - set(remove))
                self.rendered.clear()
                self.rendered_size = 0


_CONTENTS = (
    "</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)
#: A marker is empty.
_MARKER = f"/{_CONTENTS}".replace("<Size>1<", "<Size>0<")


def _rendered(names: list[str], before: str, after: str, *, url: bool) -> str:
    if not names:
        return ""
    if url:
        names = [quote_plus(name, safe="/*") for name in names]
    text = "\0".join(names)
    if not url:
        text = escape(text, {"\r": "&#13;", "\n": "&#10;"})
    text = before + text.replace("\0", after + before) + after
    return text.replace(f"/{_CONTENTS}", _MARKER)


def _listing(name: str, bucket: _Bucket, query: dict[str, str], fault: str) -> tuple[bytes, _Page]:
    url = query.get("encoding-type") == "url"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token = query.get("continuation-token")
    asked = min(int(query.get("max-keys", PAGE)), PAGE)
    most = max(min(asked, bucket.page_limit), 1)
    if fault == "short":
        most = max(most // 2, 1)
    if bucket.unordered:
        page = _unordered_page(bucket.keys, prefix, delimiter, _position(token or "1AA=="), most)
    else:
        after = query.get("start-after", "") if token is None else _position(token)
        page = _page(
            bucket.keys,
            prefix,
            delimiter,
            after,
            most,
            repeats=bucket.repeats and token is None,
        )
        if fault == "empty":
            page = _Page(token=after)

    def encoded(text: str) -> str:
        return _rendered([text], "", "", url=url)

    parts = [
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
        f"<Name>{name}</Name><Prefix>{encoded(prefix)}</Prefix>"
    ]
    if token is not None:
        parts.append(f"<ContinuationToken>{token}</ContinuationToken>")
    elif "start-after" in query:
        parts.append(f"<StartAfter>{encoded(query['start-after'])}</StartAfter>")
    if delimiter:
        parts.append(f"<Delimiter>{encoded(delimiter)}</Delimiter>")
    if url:
        parts.append("<EncodingType>url</EncodingType>")
    parts.append(
        f"<KeyCount>{len(page.keys) + len(page.prefixes)}</KeyCount><MaxKeys>{asked}</MaxKeys>"
        f"<IsTruncated>{'false' if page.token is None else 'true'}</IsTruncated>"
    )
    if page.token is not None:
        parts.append(f"<NextContinuationToken>{_token(page.token)}</NextContinuationToken>")
    parts.append(_rendered(page.keys, "<Contents><Key>", _CONTENTS, url=url))
    parts.append(
        _rendered(page.prefixes, "<CommonPrefixes><Prefix>", "</Prefix></CommonPrefixes>", url=url)
    )
    parts.append("</ListBucketResult>")
    return "".join(parts).encode("utf-8", "surrogatepass"), page


def _error(status: int, code: str, message: str, resource: str) -> tuple[int, bytes]:
    body = (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code>"
        f"<Message>{message}</Message><Resource>{escape(resource)}</Resource>"
        "<RequestId>0</RequestId></Error>"
    )
    return status, body.encode()


class _Connection(asyncio.Protocol):
    """One connection: requests come one after the other, each is answered when its time comes."""

    def __init__(self, buckets: dict[str, _Bucket]) -> None:
        self._buckets = buckets
        self._received = bytearray()
        self._busy = False
        self._open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._next()

    def _next(self) -> None:
        if self._busy:
            return
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        self._busy = True
        method, target, _ = first.split(" ", 2)
        path, _, text = target.partition("?")
        query = dict(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))
        self._handle(method, unquote(path), query, headers, body)

    def _handle(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> None:
        name, _, key = path.removeprefix("/").partition("/")
        if name == "-":
            self._send(200, *_control(self._buckets, method, key, body), "application/json")
            return
        bucket = self._buckets.get(name)
        if bucket is None:
            self._send(*_error(*ANSWERS["missing"], path), body_wanted=method != "HEAD")
            return
        signed_by = ""
        if "credential=" in (authorization := headers.get("authorization", "").lower()):
            begin = authorization.index("credential=") + len("credential=")
            signed_by = headers["authorization"][begin:].partition("/")[0]
        request: dict[str, Any] = {
            "at": time.monotonic(),
            "signed_by": signed_by,
            "requester_pays": headers.get("x-amz-request-payer") == "requester",
        }
        bucket.in_flight += 1
        bucket.most_in_flight = max(bucket.most_in_flight, bucket.in_flight)
        send: Callable[[], None] | None
        if bucket.allowed is not None and signed_by not in bucket.allowed:
            bucket.log.append(Request(f"{method} {path}", fault="wrong_key", **request))
            status, answer = _error(*ANSWERS["wrong_key"], path)
            send = self._later(status, answer, method)
        elif method == "GET" and not key and "list-type" in query:
            send = self._list(name, bucket, query, request)
        else:
            bucket.log.append(Request(f"{method} {path}", **request))
            status, answer = _other(method, bucket, name, key, query)
            send = self._later(status, answer, method)

        def done() -> None:
            bucket.in_flight -= 1
            if self._open and send is not None:
                send()

        asyncio.get_running_loop().call_later(bucket.latency, done)

    def _later(self, status: int, body: bytes, method: str = "GET") -> Callable[[], None]:
        return lambda: self._send(status, body, body_wanted=method != "HEAD")

    def _list(
        self, name: str, bucket: _Bucket, query: dict[str, str], request: dict[str, Any]
    ) -> Callable[[], None] | None:
        bucket.lists += 1
        bucket.change()
        fault = bucket.fault(query)
        request |= {
            "what": "list",
            "prefix": query.get("prefix", ""),
            "delimiter": query.get("delimiter", ""),
            "start_after": query.get("start-after", ""),
            "continued": "continuation-token" in query,
            "fault": fault,
        }
        if not fault and bucket.unordered and (why := _refused(query)):
            fault, request["fault"] = "refused", why
            status, body = _error(400, "InvalidRequest", why, name)
        elif fault in ANSWERS:
            status, body = _error(*ANSWERS[fault], name)
        elif fault in NONSENSE:
            status, body = 200, NONSENSE[fault]
        else:
            status = 200
            body, request["keys"], request["prefixes"] = _cached(name, bucket, query, fault)
        bucket.log.append(Request(**request))
        if fault == "hang":
            return None
        if fault == "truncated":
            body = body[: len(body) // 2]
        if fault == "cut":
            return lambda: self._cut(body)
        return self._later(status, body)

    def _head(self, status: int, length: int, kind: str) -> bytes:
        return (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {length}\r\nx-amz-bucket-region: us-east-1\r\n\r\n"
        ).encode()

    def _send(
        self, status: int, body: bytes, kind: str = "application/xml", *, body_wanted: bool = True
    ) -> None:
        head = self._head(status, len(body), kind)
        self._transport.write(head + body if body_wanted else head)
        self._busy = False
        self._next()

    def _cut(self, body: bytes) -> None:
        self._transport.write(self._head(200, len(body), "application/xml"))
        self._transport.write(body[: len(body) // 2])
        self._transport.close()


def _cached(
    name: str, bucket: _Bucket, query: dict[str, str], fault: str
) -> tuple[bytes, int, int]:
    known: tuple[Any, ...] = (fault in ("empty", "short") and fault, *sorted(query.items()))
    body = bucket.rendered.get(known)
    if body is None:
        body, page = _listing(name, bucket, query, fault)
        # The counts go along in front, so that one cache does for both.
        counts = len(page.keys).to_bytes(4, "big") + len(page.prefixes).to_bytes(4, "big")
        bucket.rendered[known] = counts + body
        bucket.rendered_size += len(body)
        while bucket.rendered_size > CACHE:
            bucket.rendered_size -= len(bucket.rendered.popitem(last=False)[1])
        return body, len(page.keys), len(page.prefixes)
    return body[8:], int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")


def _refused(query: dict[str, str]) -> str:
    """Why a directory bucket does not answer this."""
    if "start-after" in query:
        return "StartAfter is not supported by directory buckets"
    if query.get("delimiter", "/") not in ("", "/"):
        return "the only delimiter of directory buckets is /"
    if not query.get("prefix", "").endswith("/") and query.get("prefix"):
        return "a prefix in a directory bucket ends with the delimiter"
    return ""


def _other(
    method: str, bucket: _Bucket, name: str, key: str, query: dict[str, str]
) -> tuple[int, bytes]:
    """Requests that are no listing: those that clients make before one."""
    if method == "GET" and "session" in query:
        return 200, (
            b"<CreateSessionResult><Credentials><SessionToken>t</SessionToken>"
            b"<SecretAccessKey>s</SecretAccessKey><AccessKeyId>x</AccessKeyId>"
            b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>"
        )
    if method == "GET" and not key and "location" in query:
        return 200, b"<LocationConstraint/>"
    if method == "HEAD" and not key:
        return 200, b""
    at = bisect_left(bucket.keys, key)
    if method in ("GET", "HEAD") and key and (at < len(bucket.keys) and bucket.keys[at] == key):
        return 200, b""
    if method in ("GET", "HEAD"):
        return _error(404, "NoSuchKey", "The specified key does not exist.", f"{name}/{key}")
    return _error(405, "MethodNotAllowed", "This store only lists.", f"{name}/{key}")


def _control(buckets: dict[str, _Bucket], method: str, name: str, body: bytes) -> tuple[bytes]:
    """The side door: PUT makes a bucket anew, GET tells its log, POST empties the log."""
    if method == "PUT":
        made = json.loads(body)
        keys: Sequence[str] = Radix(made["radix"]) if "radix" in made else sorted(made["keys"])
        faults = [Fault(**fault) for fault in made["faults"]]
        buckets[name] = _Bucket(
            keys=keys,
            latency=made["latency"],
            faults=faults,
            unordered=made["unordered"],
            repeats=made["repeats"],
            page_limit=made["page_limit"],
            changes=[(at, add, remove) for at, add, remove in made["changes"]],
            allowed=made["allowed"],
            struck=[0] * len(faults),
        )
        return (b"{}",)
    bucket = buckets[name]
    if method == "POST":
        bucket.log, bucket.lists, bucket.most_in_flight = [], 0, 0
        return (b"{}",)
    told = {"log": [asdict(r) for r in bucket.log], "most_in_flight": bucket.most_in_flight}
    return (json.dumps(told).encode(),)


async def _serve() -> None:
    buckets: dict[str, _Bucket] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(buckets), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Whoever started this holds the other end, and lets go of it at the latest when it dies.
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


# Its handle -------------------------------------------------------------------------------


@dataclass(frozen=True)
class StubBucket:
    """A bucket of the stub."""

    name: str
    endpoint: str

    @property
    def url(self) -> str:
        """Its URL for fsspec."""
        return f"s3://{self.name}"

    @property
    def options(self) -> dict[str, Any]:
        """The storage options that lead to it."""
        return {"endpoint_url": self.endpoint, "key": "x", "secret": "x"}

    def requests(self) -> list[Request]:
        """All requests for it so far, in the order in which they came."""
        return [Request(**entry) for entry in self._told()["log"]]

    def most_in_flight(self) -> int:
        """The greatest number of requests that waited for their answers at a time."""
        return int(self._told()["most_in_flight"])

    def forget(self) -> None:
        """Begin a new log."""
        _call("POST", f"{self.endpoint}/-/{self.name}")

    def _told(self) -> Any:
        return json.loads(_call("GET", f"{self.endpoint}/-/{self.name}"))


def _call(method: str, url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, method=method)
    # Not by way of a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return bytes(answer.read())


class ListStub:
    """The stub, running while it is entered."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def __enter__(self) -> ListStub:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def bucket(
        self,
        keys: Iterable[str] | Radix,
        *,
        name: str | None = None,
        latency: float = 0.0,
        faults: Iterable[Fault] = (),
        unordered: bool = False,
        repeats: bool = False,
        page_limit: int = PAGE,
        changes: Iterable[tuple[int, list[str], list[str]]] = (),
        allowed: list[str] | None = None,
    ) -> StubBucket:
        """A new bucket, or one that takes the place of an older one of the name.

        Args:
            keys: The keys, in any order, or their formula.
            name: Its name, else a new one. A directory bucket's ends in ``--x-s3``.
            latency: Seconds between each request and its answer.
            faults: What goes wrong; of several that strike a request, the first counts.
            unordered: Lists as a directory bucket does.
            repeats: A common prefix that begins like the start-after is told, too.
            page_limit: No page has more keys and prefixes, whatever is asked for.
            changes: (number of a list request, keys to add, keys to remove) just before it.
            allowed: Whose keys are let in; None: everybody.
        """
        faults = list(faults)
        unknown = {fault.kind for fault in faults} - KINDS
        assert not unknown, unknown
        name = name or f"bucket-{next(self._numbers)}"
        made: dict[str, Any] = {
            "latency": latency,
            "faults": [asdict(fault) for fault in faults],
            "unordered": unordered,
            "repeats": repeats,
            "page_limit": page_limit,
            "changes": list(changes),
            "allowed": allowed,
        }
        if isinstance(keys, Radix):
            made["radix"] = keys._levels
        else:
            made["keys"] = list(keys)
        _call("PUT", f"{self.endpoint}/-/{quote(name)}", json.dumps(made).encode())
        return StubBucket(name, self.endpoint)


if __name__ == "__main__":
    asyncio.run(_serve())
