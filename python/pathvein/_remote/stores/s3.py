"""S3: ListObjectsV2, through a client of s3fs.

botocore makes a dictionary of each key, and a `datetime` of each time stamp. That takes most of
the time of a listing. So the core extracts the names from a response before botocore parses it, if
the response is in the usual form. botocore parses any other response.
"""

from __future__ import annotations

import platform
import re
from datetime import datetime
from typing import Any

import botocore
import botocore.handlers
from pathvein_core import read_list_page

from pathvein._remote.errors import BadAnswer
from pathvein._remote.filesystems.generic import without_cache
from pathvein._remote.keys.requests import Page
from pathvein._remote.stores.base import Info, ObjectStore

_SIZE = re.compile(rb"<Size>(\d+)</Size>")
_TIME = re.compile(rb"<LastModified>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)</LastModified>")
_ETAG = re.compile(rb"<ETag>([^<&]*(?:&quot;[^<&]*)*)</ETag>")
_TRUNCATED = re.compile(rb"<(?:\w+:)?IsTruncated\s*>\s*(true|false)\s*</")
USER_AGENT = f"Botocore/{botocore.__version__} Python/{platform.python_version()}"
_DIRECTORY_BUCKET = "--x-s3"


class S3Store(ObjectStore):
    """A bucket, or a prefix in it."""

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        #: The client whose responses are read by `pick_names`.
        self._hooked: Any = None
        self._bucket, key, _ = fs.split_path(self.base.strip("/"))
        self._prefix = f"{key.rstrip('/')}/" if key else ""
        #: Directory buckets do not sort keys, and list only from the start of a prefix.
        self.flat = not self._bucket.endswith(_DIRECTORY_BUCKET)

    @classmethod
    def clone(cls, fs: Any, concurrency: int) -> tuple[Any, bool]:
        """With a connection for each request in flight, and without botocore's retries."""
        config = dict(getattr(fs, "config_kwargs", None) or {})
        pool = config.get("max_pool_connections", 10)
        config["max_pool_connections"] = max(pool, concurrency)
        config["retries"] = {"total_max_attempts": 1, "mode": "standard"}
        # botocore would put together a longer one twice for each request: a tenth of its CPU time.
        config.setdefault("user_agent", USER_AGENT)
        options: dict[str, Any] = {"config_kwargs": config}
        session = getattr(fs, "session", None)
        if session is not None:
            options["session"] = session  # a new one takes long to make
        return without_cache(fs, options)

    @classmethod
    async def bucket_names(cls, fs: Any, token: Any) -> tuple[list[str], Any]:
        """Not by `ls`, which returns none if listing them is denied."""
        await fs.set_session()
        method = (await fs.get_s3()).list_buckets
        request = {} if token is None else {"ContinuationToken": token}
        response = await method(**fs._get_s3_method_kwargs(method, **request))
        # Amazon returns all in one page by default. Other stores may not.
        names = [bucket["Name"] for bucket in response["Buckets"]]
        return names, response.get("ContinuationToken") or None

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        fs, base = self.fs, self._prefix
        await fs.set_session()
        client = await fs.get_s3(self._bucket)
        # A client that is not private is used for other requests as well.
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
        response = await method(**fs._get_s3_method_kwargs(method, **request))
        infos = None
        if "pathvein" in response:
            keys, prefixes, token = response["pathvein"]
            if self.with_infos:
                infos = dict(zip(keys, response["pathvein_infos"], strict=True))
        else:
            try:
                keys = [entry["Key"] for entry in response.get("Contents", ())]
                prefixes = [entry["Prefix"] for entry in response.get("CommonPrefixes", ())]
                if self.with_infos:
                    infos = {entry["Key"]: _info(entry) for entry in response.get("Contents", ())}
            except (KeyError, TypeError) as error:
                raise BadAnswer("the answer lists something without a name") from error
            more = response.get("IsTruncated" if self._hooked is None else "pathvein_more")
            token = response.get("NextContinuationToken") if more else None
            if more is None or (more and not token):
                raise BadAnswer("the answer is no whole listing")
        return self._relative(keys, prefixes, token, infos)

    def _hook(self, client: Any) -> None:
        events = client.meta.events
        pick = pick_infos if self.with_infos else pick_names
        events.register("before-parse.s3.ListObjectsV2", pick)
        # It parses each response to find errors with status 200. `page` finds these as well.
        handler = getattr(botocore.handlers, "_handle_200_error", None)
        if handler is not None:
            events.unregister("before-parse.s3.*", handler)


def _info(entry: dict[str, Any]) -> Info:
    modified = entry.get("LastModified")
    mtime_ns = None if modified is None else round(modified.timestamp() * 1000) * 1_000_000
    # What the ETag is made of depends on the encryption, of which a listing tells nothing.
    return Info(entry.get("Size"), mtime_ns, entry.get("ETag"))


def pick_names(
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    *,
    count: int | None = None,
    **_: object,
) -> None:
    """Extract the names from a response, and leave the parser an empty body.

    A response in an unusual form is left to the parser, which also raises its errors; so is one
    that has not `count` keys, if that is given. If several stores share a client, this is called
    twice for one response. The second call finds an empty body and does nothing.
    """
    body: bytes = response_dict["body"]
    if response_dict["status_code"] != 200:
        return
    page = read_list_page(body)
    if page is not None and count in (None, len(page[0])):
        customized_response_dict["pathvein"] = page
        response_dict["body"] = b""
    elif (truncated := _TRUNCATED.search(body)) is not None:
        # The parser reads every other spelling as "false".
        customized_response_dict["pathvein_more"] = truncated[1] == b"true"


def pick_infos(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """As `pick_names`, with what is told of each key."""
    body: bytes = response_dict["body"]
    told = _SIZE.findall(body), _TIME.findall(body), _ETAG.findall(body)
    count = len(told[0])
    if any(len(values) != count for values in told):
        count = -1  # something is missing, or written in another way
    pick_names(response_dict, customized_response_dict, count=count)
    if "pathvein" in customized_response_dict:
        customized_response_dict.setdefault(
            "pathvein_infos",
            [
                Info(int(size), _nanoseconds(time.decode()), etag.decode().replace("&quot;", '"'))
                for size, time, etag in zip(*told, strict=True)
            ],
        )


def _nanoseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000) * 1_000_000
