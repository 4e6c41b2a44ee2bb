"""S3: ListObjectsV2, through a client of s3fs.

botocore makes a dictionary of each key, and a `datetime` of each time stamp: four to six times
the work of finding the keys. So before it parses an answer, the keys are picked out, where the
answer is what it always is; anything else is left to botocore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus
from xml.sax.saxutils import unescape

import botocore.handlers

from pathvein._keys.planner import Page
from pathvein._retry import BadAnswer

_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_PREFIX = re.compile(rb"<CommonPrefixes>\s*<Prefix>([^<]*)</Prefix>\s*</CommonPrefixes>")
_TRUNCATED = re.compile(rb"<(?:\w+:)?IsTruncated>\s*(true|false)\s*</")
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_HEAD = re.compile(rb"\s*(?:<\?xml[^>]*\?>)?\s*<ListBucketResult[\s>]")
#: References that are not among `_ENTITIES`, nor among those that all know.
_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#13|#10|#9);)")
_ENTITIES = {"&quot;": '"', "&apos;": "'", "&#13;": "\r", "&#10;": "\n", "&#9;": "\t"}
_DIRECTORY_BUCKET = "--x-s3"


def clone_options(fs: Any, concurrency: int) -> Mapping[str, Any]:
    """As many connections as requests, no repeats, and the user's session: making one is slow."""
    config = dict(getattr(fs, "config_kwargs", None) or {})
    pool = config.get("max_pool_connections", 10)
    config["max_pool_connections"] = max(pool, concurrency)
    config["retries"] = {"total_max_attempts": 1, "mode": "standard"}
    options: dict[str, Any] = {"config_kwargs": config}
    session = getattr(fs, "session", None)
    if session is not None:
        options["session"] = session
    return options


class S3Store:
    """The keys below one prefix of a bucket."""

    page_size = 1000
    can_start = True

    def __init__(self, fs: Any, base: str, *, private: bool) -> None:
        self._fs = fs
        self._private = private
        self._hooked: Any = None
        self._bucket, key, _ = fs.split_path(base)
        self._prefix = f"{key.rstrip('/')}/" if key else ""
        #: Directory buckets sort nothing and begin only at a prefix.
        self.flat = not self._bucket.endswith(_DIRECTORY_BUCKET)

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._keys.lister.Store`."""
        fs, base = self._fs, self._prefix
        await fs.set_session()
        client = await fs.get_s3(self._bucket)
        # Not on a client that others use, too.
        if self._private and client is not self._hooked:
            self._hook(client)
            self._hooked = client
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": base + prefix}
        if delimiter:
            request["Delimiter"] = "/"
        if token is not None:
            request["ContinuationToken"] = token
        elif after:
            request["StartAfter"] = base + after
        method = client.list_objects_v2
        answer = await method(**fs._get_s3_method_kwargs(method, **request))
        if "pathvein" in answer:
            keys, prefixes, token = answer["pathvein"]
        else:
            try:
                keys = [entry["Key"] for entry in answer.get("Contents", ())]
                prefixes = [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())]
            except (KeyError, TypeError) as error:
                raise BadAnswer("the answer lists something without a name") from error
            more = answer.get("IsTruncated" if self._hooked is None else "pathvein_more")
            token = answer.get("NextContinuationToken") if more else None
            if more is None or (more and not token):
                raise BadAnswer("the answer is no whole listing")
        if not base:
            return Page(keys, prefixes, token)
        for names in (keys, prefixes):
            if names and not (names[0].startswith(base) and names[-1].startswith(base)):
                raise BadAnswer("the answer lists something else")
        cut = len(base)
        return Page([key[cut:] for key in keys], [name[cut:] for name in prefixes], token)

    def _hook(self, client: Any) -> None:
        events = client.meta.events
        events.register("before-parse.s3.ListObjectsV2", pick_names)
        # It parses the whole answer to see if it is an error after all. `page` sees that, too.
        handler = getattr(botocore.handlers, "_handle_200_error", None)
        if handler is not None:
            events.unregister("before-parse.s3.*", handler)


def pick_names(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Takes the names out of an answer, and leaves the parser nothing to do.

    If anything is not as it always is, the parser is left to do it, and to say what is wrong.
    (The stores of several buckets may share a client: then nothing is left for the second.)
    """
    body: bytes = response_dict["body"]
    truncated = _TRUNCATED.search(body)
    if response_dict["status_code"] != 200 or not truncated:
        return
    more = truncated[1] == b"true"
    # The parser knows but one way to write it, and takes all others for "false".
    customized_response_dict["pathvein_more"] = more
    token = _TOKEN.search(body) if more else None
    if not _HEAD.match(body) or not is_whole(body) or (more and token is None):
        return
    names = _KEY.findall(body)
    prefixes = _PREFIX.findall(body)
    # The same elements written in another way would not be found, and so be missing.
    if (
        len(names) != body.count(b"<Contents")
        or len(prefixes) != body.count(b"<CommonPrefixes")
        or b"xmlns:" in body
        or b"<!" in body
        or _REFERENCE.search(b"".join(names))
        or _REFERENCE.search(b"".join(prefixes))
    ):
        return
    encoded = b"<EncodingType>url</EncodingType>" in body
    customized_response_dict["pathvein"] = (
        _names(names, encoded),
        _names(prefixes, encoded),
        None if token is None else unescape(token[1].decode(), _ENTITIES),
    )
    response_dict["body"] = b""


def is_whole(body: bytes) -> bool:
    """Whether an answer has its end, and as many elements closed as begun."""
    return (
        body.rstrip().endswith(b"</ListBucketResult>")
        and body.count(b"</ListBucketResult>") == 1
        and body.count(b"<Contents>") == body.count(b"</Contents>")
    )


def _names(found: list[bytes], encoded: bool) -> list[str]:
    text = b"\n".join(found)
    special = b"&" in text or (encoded and (b"%" in text or b"+" in text))
    if special or text.count(b"\n") >= max(len(found), 1):
        return [_name(name, encoded) for name in found]
    return text.decode().split("\n") if found else []


def _name(text: bytes, encoded: bool) -> str:
    name = text.decode()
    if "&" in name:
        name = unescape(name, _ENTITIES)
    if encoded and ("%" in name or "+" in name):
        name = unquote_plus(name, errors="surrogateescape")
    return name
