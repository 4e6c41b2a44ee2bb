"""The S3 stub itself: what it lists is what S3 would list, page by page."""

from __future__ import annotations

import contextlib
import http.client
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import share
from servers.list_stub import Fault, ListStub, Radix, StubBucket

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Refused(Exception):
    """The status that is no 200."""


def ask(bucket: StubBucket, **query: Any) -> ET.Element:
    text = urlencode({"list-type": 2, **{k.replace("_", "-"): v for k, v in query.items()}})
    connection = http.client.HTTPConnection(bucket.endpoint.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", f"/{quote(bucket.name)}?{text}")
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:
        raise Refused(answer.status)
    return ET.fromstring(body)


def told(page: ET.Element, tag: str) -> list[str]:
    url = page.findtext(NAMESPACE + "EncodingType") == "url"
    texts = [element.text or "" for element in page.iterfind(tag.replace("{}", NAMESPACE))]
    return [unquote_plus(text) for text in texts] if url else texts


def listing(bucket: StubBucket, **query: Any) -> tuple[list[str], list[str], int]:
    """Keys, common prefixes and pages of a whole listing."""
    keys, prefixes, pages = [], [], 1
    page = ask(bucket, **query)
    while True:
        entries = told(page, "{}Contents/{}Key") + told(page, "{}CommonPrefixes/{}Prefix")
        assert len(entries) <= int(query.get("max_keys", 1000))
        assert int(page.findtext(NAMESPACE + "KeyCount") or -1) == len(entries)
        keys += told(page, "{}Contents/{}Key")
        prefixes += told(page, "{}CommonPrefixes/{}Prefix")
        token = page.findtext(NAMESPACE + "NextContinuationToken")
        assert page.findtext(NAMESPACE + "IsTruncated") == ("true" if token else "false")
        if not token:
            return keys, prefixes, pages
        pages += 1
        page = ask(bucket, **query, continuation_token=token)


def expected(keys: set[str], prefix: str, delimiter: str, after: str) -> tuple[set[str], set[str]]:
    plain, common = set(), set()
    for key in keys:
        if not key.startswith(prefix) or key <= after:
            continue
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if not found:
            plain.add(key)
        # What begins like the start-after has been told already.
        elif not after.startswith(prefix + head + found):
            common.add(prefix + head + found)
    return plain, common


NAMES = st.text("a/b+&\u00e9\U0001f600", min_size=1, max_size=6)


@share(1)
@given(
    keys=st.sets(NAMES, max_size=20),
    prefix=st.just("") | NAMES,
    delimiter=st.sampled_from(["", "/", "b"]),
    after=st.just("") | NAMES,
    most=st.integers(1, 5),
)
def test_it_lists_as_s3_does(
    stub: ListStub, keys: set[str], prefix: str, delimiter: str, after: str, most: int
) -> None:
    bucket = stub.bucket(keys, name="random")
    query = {"prefix": prefix, "delimiter": delimiter, "start_after": after, "max_keys": most}
    some, common, pages = listing(bucket, **query, encoding_type="url")
    plain, prefixes = expected(keys, prefix, delimiter, after)
    assert some == sorted(plain)
    assert common == sorted(prefixes)
    # Both count, and no page is left half empty.
    assert pages == max(1, -(-(len(plain) + len(prefixes)) // most))
    assert listing(bucket, **query)[:2] == (some, common)


def test_keys_by_a_formula(stub: ListStub) -> None:
    keys = Radix([("g%02d", 20), ("d%02d", 30), ("f%d", 9)])
    assert list(keys) == sorted(set(keys))
    assert len(keys) == 20 * 30 * 9
    by_formula, by_list = stub.bucket(keys), stub.bucket(list(keys))
    for query in ({}, {"delimiter": "/"}, {"prefix": "g07/", "start_after": "g07/d11/f3"}):
        assert listing(by_formula, **query) == listing(by_list, **query)
    millions = stub.bucket(Radix([("g%02d", 100), ("d%03d", 1000), ("f%02d", 20)]))
    page = ask(millions, start_after="g99/d999/f18")
    assert told(page, "{}Contents/{}Key") == ["g99/d999/f19"]
    assert len(listing(millions, prefix="g42/", delimiter="/")[1]) == 1000


def test_a_directory_bucket_has_no_order(stub: ListStub) -> None:
    keys = {f"d{i % 7}/f{i}" for i in range(100)}
    bucket = stub.bucket(keys, unordered=True, page_limit=10)
    some, _, pages = listing(bucket)
    assert set(some) == keys
    assert some != sorted(some)
    assert pages == 10
    assert set(listing(bucket, delimiter="/")[1]) == {f"d{i}/" for i in range(7)}
    for query in ({"start_after": "d3"}, {"prefix": "d"}, {"delimiter": "x"}):
        with pytest.raises(Refused, match="400"):
            ask(bucket, **query)


def test_faults_strike_whom_they_are_meant_for(stub: ListStub) -> None:
    bucket = stub.bucket(
        ["a/b", "c"],
        faults=[
            Fault("denied", prefix="a/"),
            Fault("slowdown", every=3, outside="a/"),
            Fault("error500", flat=False),
        ],
    )

    def status(**query: Any) -> int:
        try:
            ask(bucket, **query)
        except Refused as refused:
            return int(refused.args[0])
        return 200

    assert [status() for _ in range(7)] == [200, 200, 503, 200, 200, 503, 200]
    assert status(prefix="a/b") == 403
    assert status(delimiter="/") == 500
    assert [request.fault for request in bucket.requests()] == (
        ["", "", "slowdown", "", "", "slowdown", "", "denied", "error500"]
    )


def test_pages_that_are_short_or_empty_lose_nothing(stub: ListStub) -> None:
    keys = [f"k{i:04}" for i in range(2500)]
    short = stub.bucket(keys, faults=[Fault("short", every=2), Fault("empty", every=3)])
    some, _, pages = listing(short)
    assert some == keys
    assert pages > 3


def test_keys_change_when_they_are_told_to(stub: ListStub) -> None:
    bucket = stub.bucket(["b"], changes=[(2, ["a", "c"], ["b"])])
    assert listing(bucket)[0] == ["b"]
    assert listing(bucket)[0] == ["a", "c"]


def test_whose_key_is_not_known_is_not_let_in(stub: ListStub) -> None:
    bucket = stub.bucket(["a"], allowed=["x"])
    with pytest.raises(Refused, match="403"):
        ask(bucket)
