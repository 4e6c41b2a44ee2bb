"""Stores that only list, and do so in a way of their own: what servers other than Amazon's do.

    with Recorder(Quirky(keys, {"skips after a start"})) as server: ...

One listing serves S3, Google (by JSON to gcsfs, by XML to obstore) and Azure: they differ in how a
request is put, and in how a page is told.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from .recorder import Answer, Asked

LAST = "\U0010ffff"

#: Each quirk and those whose it is. Those of Azure cannot start after a key.
QUIRKS = {
    # The token that follows a start after what is no key skips one key (MinIO).
    "skips after a start": "s3 gcs",
    # Nothing is listed after what is no key (s3ninja).
    "nothing after no key": "s3 gcs",
    # Nothing is listed after anything.
    "nothing after a start": "s3 gcs",
    # A start is ignored (s3mock, and emulators of Google's), or only one at what is no key.
    "ignores a start": "s3 gcs",
    "ignores what is no key": "s3 gcs",
    # The key to start after comes again.
    "starts at the key": "s3",
    # Google's begins at the key, and here after it; one that is begun with is begun with each time.
    "starts behind the key": "gcs",
    "start beats token": "gcs",
    # Where to end is too early by what begins with it, or of no effect.
    "ignores the end": "gcs",
    # Nothing is listed from a start that is before the prefix (SeaweedFS).
    "nothing from before the prefix": "s3 gcs",
    # A prefix lists its neighbours (SeaweedFS): the slash at its end is lost.
    "neighbours": "s3 gcs azure",
    # A number of keys that is asked for and is less than 1,000 ends the listing (SeaweedFS).
    "a number of keys ends it": "s3 gcs azure",
    # In no order, from the first page on or later (Storj).
    "unsorted": "s3 gcs azure",
    "unsorted later": "s3 gcs azure",
    # In the order of UTF-16.
    "utf-16": "azure",
    # A token leads to the first page again (old Ceph).
    "token without effect": "s3 gcs azure",
    # More is said to come, and no token is given (gateways that know version 1 of the call).
    "no token": "s3",
    # Common prefixes of what has been deleted (SeaweedFS).
    "ghosts": "s3 gcs azure",
    # Each page but the first comes after an empty one.
    "empty pages": "s3 gcs azure",
}

#: Which quirks must not cost an answer, as their store can be listed all the same.
HARMLESS = {
    *("skips after a start", "nothing after no key", "ignores a start", "ignores what is no key"),
    *("starts at the key", "starts behind the key", "start beats token", "ignores the end"),
    *("nothing from before the prefix", "ghosts", "empty pages", "nothing after a start"),
}


@dataclass
class Query:
    """What is asked, in whichever way."""

    prefix: str
    delimiter: str
    start: str
    token: str | None
    #: How many keys are asked for.
    number: int | None
    end: str = ""
    #: Whether the key to start with is to come, too.
    inclusive: bool = False


@dataclass
class Listed:
    """A page."""

    keys: list[str]
    prefixes: list[str]
    token: str | None


class Quirky:
    """Answers the requests of a `Recorder`."""

    def __init__(
        self, keys: Iterable[str], quirks: Collection[str] = (), *, page_size: int = 1000
    ) -> None:
        assert QUIRKS.keys() >= set(quirks), quirks
        self.quirks = frozenset(quirks)
        self.page_size = page_size
        self.known = frozenset(keys)
        order = self._order
        self.keys = sorted(self.known, key=order)
        if "unsorted later" in quirks:
            begin = 5 * page_size
            self.keys[begin:] = sorted(self.keys[begin:], key=_scrambled)
        self.ghosts = [f"{key}-ghost/x" for key in self.keys if key.endswith("0/config.json")]
        self._cache: dict[tuple[str, str], list[str]] = {}
        #: How many pages were asked for.
        self.listings = 0

    @property
    def _order(self) -> Callable[[str], Any]:
        if "unsorted" in self.quirks:
            return _scrambled
        return _utf16 if "utf-16" in self.quirks else str

    # Dialects

    def __call__(self, asked: Asked) -> Answer:
        path, query = urlsplit(asked.url).path, asked.query
        if path.endswith("/storageLayout"):
            return 200, _JSON, b"{}"
        if query.get("restype") == "account" or query.get("comp") == "properties":
            return 403, _XML, b"<Error><Code>AuthorizationFailure</Code></Error>"
        asks = (query.get("prefix", ""), query.get("delimiter", ""))
        if path.endswith("/o"):
            start, token, number = "startOffset", "pageToken", "maxResults"
            tell, inclusive = _google, "starts behind the key" not in self.quirks
        elif query.get("comp") == "list":
            start, token, number = "startFrom", "marker", "maxresults"
            tell, inclusive = _azure, True
        elif "list-type" in query:
            start, token, number = "start-after", "continuation-token", "max-keys"
            tell, inclusive = _amazon, "starts at the key" in self.quirks
        else:
            found = unquote(path).lstrip("/").partition("/")[2] in self.known
            return (200 if found else 404), _XML, b""
        self.listings += 1
        page = self.page(
            Query(
                *asks,
                query.get(start, ""),
                _position(query[token]) if query.get(token) else None,
                int(query[number]) if number in query else None,
                query.get("endOffset", ""),
                inclusive,
            )
        )
        more = page.token is not None
        token_told = _token(page.token) if page.token is not None else ""
        if "no token" in self.quirks:
            token_told = ""
        return tell(page, more, token_told)

    # The listing

    def page(self, query: Query) -> Listed:
        """A page, with all that is wrong about it."""
        quirks = self.quirks
        start, token = query.start, query.token
        if "ignores a start" in quirks or (
            "ignores what is no key" in quirks and not self._is(start)
        ):
            start = ""
        if "token without effect" in quirks or (start and "start beats token" in quirks):
            token = None
        known = self._is(start)
        if start and token is None:
            if "nothing after a start" in quirks or (
                "nothing after no key" in quirks and not known
            ):
                return Listed([], [], None)
            if "nothing from before the prefix" in quirks and start < query.prefix:
                return Listed([], [], None)
        prefix = query.prefix.rstrip("/") if "neighbours" in quirks else query.prefix
        most = min(self.page_size, query.number or self.page_size)
        if token is not None and token.startswith("\0"):
            # An empty page came before.
            token = token[1:]
        elif token is not None and "empty pages" in quirks:
            return Listed([], [], f"\0{token}")
        key = (prefix, query.delimiter)
        if key not in self._cache:
            self._cache[key] = self._entries(*key)
        entries = self._cache[key]
        if query.end and "ignores the end" not in quirks:
            entries = [entry for entry in entries if entry < query.end]
        index = 0
        if token is not None:
            index = int(token)
        elif start:
            # What is not in order is listed in an order of its own.
            at_least = query.inclusive

            def comes(name: str) -> bool:
                if query.delimiter and name.endswith("/") and start.startswith(name):
                    return at_least
                return name > start or (at_least and name == start)

            if "unsorted" in str(quirks) or "utf-16" in quirks:
                entries = [name for name in entries if comes(name)]
            else:
                # (All that come are behind all that do not.)
                index = bisect_left(entries, True, key=comes)
        page = entries[index : index + most]
        following = index + len(page)
        more = following < len(entries)
        if (
            query.number is not None
            and query.number < 1000
            and "a number of keys ends it" in quirks
        ):
            more = False
        if "skips after a start" in quirks and start and not known and query.token is None:
            following += 1
        marked = query.delimiter
        keys = [
            name for name in page if not (marked and name.endswith("/") and name not in self.known)
        ]
        prefixes = [name for name in page if name not in keys] if marked else []
        return Listed(keys, prefixes, str(following) if more else None)

    def _is(self, start: str) -> bool:
        return start in self.known

    def _entries(self, prefix: str, delimiter: str) -> list[str]:
        keys = [key for key in self.keys if key.startswith(prefix)]
        if not delimiter:
            return keys
        if "ghosts" in self.quirks:
            keys += [ghost for ghost in self.ghosts if ghost.startswith(prefix)]
            keys.sort(key=self._order)
        found: dict[str, None] = {}
        for key in keys:
            head, slash, _ = key[len(prefix) :].partition(delimiter)
            found[prefix + head + slash] = None
        return list(found)


def _scrambled(key: str) -> Any:
    return hashlib.md5(key.encode()).digest()


def _utf16(key: str) -> Any:
    return key.encode("utf-16-be")


def _token(position: str) -> str:
    return "t" + base64.urlsafe_b64encode(position.encode()).decode()


def _position(token: str) -> str:
    return base64.urlsafe_b64decode(token[1:]).decode()


_XML = {"Content-Type": "application/xml"}
_JSON = {"Content-Type": "application/json"}


def _amazon(page: Listed, more: bool, token: str) -> Answer:
    text = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    if token:
        text += f"<NextContinuationToken>{token}</NextContinuationToken>"
    facts = "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag><Size>1</Size>"
    text += "".join(f"<Contents><Key>{escape(key)}</Key>{facts}</Contents>" for key in page.keys)
    text += "".join(
        f"<CommonPrefixes><Prefix>{escape(p)}</Prefix></CommonPrefixes>" for p in page.prefixes
    )
    return 200, _XML, f"<ListBucketResult>{text}</ListBucketResult>".encode()


def _google(page: Listed, more: bool, token: str) -> Answer:
    facts = {"size": "1", "updated": "2026-01-01T00:00:00Z"}
    told = {"items": [{"name": key, **facts} for key in page.keys], "prefixes": page.prefixes}
    return 200, _JSON, json.dumps({**told, **({"nextPageToken": token} if token else {})}).encode()


def _azure(page: Listed, more: bool, token: str) -> Answer:
    facts = (
        "<Properties><Content-Length>1</Content-Length><Content-Type>text/plain</Content-Type>"
        "<Etag>e</Etag><BlobType>BlockBlob</BlobType>"
        "<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified></Properties>"
    )
    text = "".join(f"<Blob><Name>{escape(key)}</Name>{facts}</Blob>" for key in page.keys)
    text += "".join(f"<BlobPrefix><Name>{escape(p)}</Name></BlobPrefix>" for p in page.prefixes)
    text = f"<Blobs>{text}</Blobs><NextMarker>{token}</NextMarker>"
    return 200, _XML, f"<EnumerationResults>{text}</EnumerationResults>".encode()
