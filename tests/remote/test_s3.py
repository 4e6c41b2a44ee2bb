"""What is read out of S3's answers, and obstore in place of s3fs, against moto."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("s3fs")

import botocore.handlers
import botocore.parsers
import botocore.session
from botocore.parsers import ResponseParserError

from cloud import walked
from pathvein import FileStructurePattern as P
from pathvein import ScanWarning, iscan, scan, walk_python
from pathvein._remote import open_source
from pathvein._remote.errors import BadAnswer
from pathvein._remote.stores import s3
from pathvein._remote.stores.base import Buckets, ObjectStore
from profiles import share

# Answers


def answer(
    *keys: str, prefixes: tuple[str, ...] = (), token: str | None = None, encoding: bool = False
) -> bytes:
    parts = ["<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/'>"]
    parts.append(f"<IsTruncated>{'false' if token is None else 'true'}</IsTruncated>")
    if encoding:
        parts.append("<EncodingType>url</EncodingType>")
    if token is not None:
        parts.append(f"<NextContinuationToken>{escape(token)}</NextContinuationToken>")
    parts += [
        f"<Contents><Key>{escape(key)}</Key><Size>0</Size><Owner><ID>x</ID></Owner></Contents>"
        for key in keys
    ]
    parts += [
        f"<CommonPrefixes>\n<Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in prefixes
    ]
    return "".join([*parts, "</ListBucketResult>\n"]).encode()


def picked(body: bytes, status: int = 200) -> Any:
    response = {"status_code": status, "body": body}
    told: dict[str, Any] = {}
    s3.pick_names(response, told)
    if "pathvein" in told:
        assert response["body"] == b""
    else:
        assert response["body"] == body
    return told.get("pathvein")


def test_names_are_picked_out() -> None:
    assert picked(answer()) == ([], [], None)
    assert picked(answer("a")) == (["a"], [], None)
    assert picked(answer("a", "b/c", prefixes=("d/",), token="1+/=")) == (
        ["a", "b/c"],
        ["d/"],
        "1+/=",
    )
    assert picked(answer("a&b", "c<d", "e\nf", "g+h", "é%20")) == (
        ["a&b", "c<d", "e\nf", "g+h", "é%20"],
        [],
        None,
    )
    assert picked(answer("a+b", "c%2Bd", "%C3%A9", "e%0Af", "g", encoding=True)) == (
        ["a b", "c+d", "é", "e\nf", "g"],
        [],
        None,
    )
    assert picked(answer("a", "b", encoding=True)) == (["a", "b"], [], None)


class AnswerOf:
    """As much of s3fs and of its client as one page takes: botocore's parser and its hooks."""

    def __init__(self, body: bytes) -> None:
        from botocore.hooks import HierarchicalEmitter

        self.body = body
        self.meta = SimpleNamespace(events=HierarchicalEmitter())

    async def set_session(self) -> None:
        pass

    async def get_s3(self, bucket: str) -> AnswerOf:
        return self

    def split_path(self, path: str) -> tuple[str, str, None]:
        return path, "", None

    def _get_s3_method_kwargs(self, method: Any, **request: Any) -> Any:
        return request

    async def list_objects_v2(self, **request: Any) -> Any:
        response: dict[str, Any] = {"status_code": 200, "headers": {}, "body": self.body}
        told: dict[str, Any] = {}
        self.meta.events.emit(
            "before-parse.s3.ListObjectsV2", response_dict=response, customized_response_dict=told
        )
        return parsed(response["body"]) | told


def parsed(body: bytes) -> dict[str, Any]:
    """What botocore makes of an answer."""
    answer: dict[str, Any] = PARSER.parse(
        {"status_code": 200, "headers": {}, "body": body}, OPERATION.output_shape
    )
    context = {"encoding_type_auto_set": True}
    botocore.handlers.decode_list_object_v2(answer, context)
    return answer


OPERATION = botocore.session.Session().get_service_model("s3").operation_model("ListObjectsV2")
PARSER = botocore.parsers.create_parser("rest-xml")


def page(body: bytes, *, with_infos: bool) -> Any:
    """The page that is made of an answer."""
    store = s3.S3Store(AnswerOf(body), "b", private=True)
    store.with_infos = with_infos
    return asyncio.run(store.page("", "", None, None, delimiter=False))


def told(body: bytes) -> Any:
    """The names and the token of a page."""
    return tuple(page(body, with_infos=False)[:3])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Something/>",
        b"<html></html>",
        answer("a")[:-2],
        answer("a")[:-30],
        answer("a", "b").replace(b"</Contents>", b"", 1),
        answer("a", "b").replace(b"<Contents>", b"", 1),
        answer("a").replace(b"<IsTruncated>false</IsTruncated>", b""),
        answer("a", token="x").replace(b">true<", b">TRUE<"),
        answer("a", token="x").replace(b">true<", b">1<"),
        answer("a", token="x").replace(b"NextContinuationToken", b"Other"),
        answer("a", token=""),
        answer("a", token="x").replace(b">x</Next", b"/><Next"),
        answer("a").replace(b"<Key>a", b"<Key>a & b"),
        answer("a").replace(b"<Key>a", b"<Key>a&nbsp;b"),
        answer("a").replace(b"<Key>a", b"<Key>\xff"),
        b"junk" + answer("a"),
        answer("a").replace(b"<Contents>", b"<Contents/><Contents>"),
        answer("a").replace(b"<Contents>", b"<Contents></Contents><Contents>"),
        answer("a").replace(b"<Contents>", b"<CommonPrefixes/><Contents>"),
        b"<Error><Code>SlowDown</Code></Error>",
        answer("a") + b"<Error><Code>InternalError</Code></Error></ListBucketResult>",
    ],
)
def test_what_is_no_whole_listing_is_none(body: bytes) -> None:
    with pytest.raises((BadAnswer, ResponseParserError, UnicodeDecodeError)):
        told(body)


@pytest.mark.parametrize(
    "body",
    [
        answer("a").replace(b"<Key>a</Key>", b"<Key><![CDATA[a]]></Key>"),
        answer("a").replace(b"<Key>", b"<Key x='1'>"),
        answer("a").replace(b"<Key>", b"<Key >"),
        answer("a").replace(b"<Contents>", b"<Contents >"),
        answer("a").replace(b"Contents>", b"Contents >"),
        answer("a").replace(b"IsTruncated>", b"IsTruncated >"),
        answer("%61").replace(b"<Contents>", b"<EncodingType >url</EncodingType ><Contents>"),
        answer("a").replace(b"<Contents>", b"<Contents xmlns='x'>"),
        answer("a").replace(b"<Contents>", b"<!-- <Contents><Key>b</Key></Contents> --><Contents>"),
        answer("a").replace(b"</ListBucketResult>", b"</ListBucketResult><!-- end -->"),
        answer("a").replace(b"</ListBucketResult>", b"</ListBucketResult >"),
        answer("a").replace(b"xmlns=", b"xmlns:s=").replace(b"</", b"</s:").replace(b"<L", b"<s:L")
        .replace(b"<I", b"<s:I").replace(b"<C", b"<s:C").replace(b"<K", b"<s:K")
        .replace(b"<S", b"<s:S").replace(b"<O", b"<s:O"),
        answer("a").replace(b"<Key>a", b"<Key>&#97;"),
        answer("a").replace(b"xmlns=", b"xmlns:s=").replace(b"Contents>", b"s:Contents>")
        .replace(b"Key>", b"s:Key>"),
        answer("a").replace(b"<Key>a", b"<Key>&#x61;"),
    ],
)  # fmt: skip
def test_what_is_written_in_another_way_is_left_to_botocore(body: bytes) -> None:
    assert picked(body) is None
    assert told(body) == (["a"], [], None)


def test_what_is_no_answer_is_left_to_botocore() -> None:
    assert picked(b"<Error/>", 503) is None
    assert picked(answer("a"), 206) is None


def test_a_truncated_answer_is_one_however_it_is_written() -> None:
    """botocore takes what is not just "true" for "false"."""
    body = answer("a", token="x").replace(b">true<", b">\n true <")
    assert told(body) == (["a"], [], "x")
    body = body.replace(b"<Key>a", b"<Key>&#97;")
    assert picked(body) is None
    assert parsed(body)["IsTruncated"] is False
    assert told(body) == (["a"], [], "x")


def test_keys_that_are_no_utf8_stay_apart() -> None:
    body = answer("%FF", "a%FEb", "%C3%A9", encoding=True)
    assert told(body) == (["\udcff", "a\udcfeb", "é"], [], None)


#: Parts of keys that somebody could take for something else. (A bare carriage return is a line
#: feed to a parser, and nobody sends it so.)
PARTS = st.sampled_from(
    [
        *("ab/+%&<>'\"\n\t ;:#\u00e9\u2028\x85\U0001f600"),
        *("%20", "&amp;", "&#13;", "]]>", "</Key>", "<Contents>", "<CommonPrefixes>", "<!--"),
        *("true", "s:Contents>"),
    ]
)
texts = st.lists(PARTS, max_size=5).map("".join)


@st.composite
def documents(draw: Any) -> bytes:
    """Answers as one server or another would write them."""
    encoded = draw(st.booleans())
    space = draw(st.sampled_from(["", "", "\n  ", " "]))
    named = draw(st.sampled_from(["", "", "", "s:"]))
    gap = st.sampled_from(["", "", "", " ", "\n"])
    more = draw(st.booleans())

    def text(value: str) -> str:
        if encoded:
            value = quote_plus(value, safe=draw(st.sampled_from(["", "/*"])))
        how = draw(st.integers(0, 6))
        if how == 0 and "]]>" not in value:
            return f"<![CDATA[{value}]]>"
        if how == 1:
            return "".join(f"&#{ord(char)};" for char in value)
        quotes = {'"': "&quot;", "'": "&apos;", "\n": "&#10;", "\t": "&#9;"}
        return escape(value, quotes if how == 2 else {})

    def element(name: str, inner: str) -> str:
        if not inner and draw(st.booleans()):
            return f"{space}<{named}{name}/>"
        tag = f"{named}{name}{draw(gap)}"
        return f"{space}<{tag}>{inner}</{tag}>"

    def contents(key: str) -> str:
        size = draw(st.sampled_from(["0", "17", "5368709121"]))
        parts = [element("Key", text(key)), element("Size", size)]
        times = [
            "2026-01-02T03:04:05.678Z",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.678+02:00",
        ]
        if draw(st.integers(0, 4)):
            parts.append(element("LastModified", draw(st.sampled_from(times))))
            etag = draw(st.sampled_from(["&quot;x&quot;", "x", '"x"', "&#34;x&#34;"]))
            parts.append(element("ETag", etag))
        parts.append(element("Owner", element("ID", "k") + element("DisplayName", text(key))))
        return element("Contents", "".join(draw(st.permutations(parts))) + space)

    parts = [element("Name", "b"), element("Prefix", text(draw(texts)))]
    parts.append(element("IsTruncated", "true" if more else "false"))
    if encoded:
        parts.append(element("EncodingType", "url"))
    if more:
        parts.append(element("NextContinuationToken", escape("t" + draw(texts))))
    parts += [contents(key) for key in draw(st.lists(texts, max_size=4))]
    parts += [
        element("CommonPrefixes", element("Prefix", text(name)) + space)
        for name in draw(st.lists(texts, max_size=3))
    ]
    if draw(st.integers(0, 5)) == 0:
        parts.append("<!-- <Contents><Key>x</Key></Contents> -->")
    head = draw(st.sampled_from(["", "<?xml version='1.0' encoding='UTF-8'?>\n"]))
    start = "xmlns:s='x'" if named else "xmlns='x'"
    inner = "".join(parts) + space
    return f"{head}<{named}ListBucketResult {start}>{inner}</{named}ListBucketResult>\n".encode()


@share(3)
@given(documents())
def test_whatever_is_picked_out_is_what_botocore_reads(body: bytes) -> None:
    answer = parsed(body)
    keys = [entry["Key"] for entry in answer.get("Contents", ())]
    prefixes = [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())]
    token = answer["NextContinuationToken"] if answer["IsTruncated"] else None
    assert picked(body) in (None, (keys, prefixes, token))
    assert told(body) == (keys, prefixes, token)
    entries = {entry["Key"]: s3._info(entry) for entry in answer.get("Contents", ())}
    assert tuple(page(body, with_infos=True)) == (keys, prefixes, token, entries)


def test_the_users_options_stay_as_they_are() -> None:
    import s3fs

    config = {"max_pool_connections": 50, "retries": {"max_attempts": 7}, "region_name": "x"}
    fs = s3fs.S3FileSystem(key="k", secret="s", config_kwargs=config, skip_instance_cache=True)
    clone, private = s3.S3Store.clone(fs, 32)
    assert private
    assert clone.config_kwargs["max_pool_connections"] == 50
    assert clone.config_kwargs["region_name"] == "x"
    assert clone.config_kwargs["retries"] == {"total_max_attempts": 1, "mode": "standard"}
    assert fs.config_kwargs == config
    assert config["retries"] == {"max_attempts": 7}


def test_the_list_of_buckets_is_asked_for_as_a_bucket_is() -> None:
    """With a connection for each request, and with one layer of retries; all are counted."""
    import s3fs

    fs = s3fs.S3FileSystem(key="k", secret="s", skip_instance_cache=True)
    root = s3.S3Store.variant(fs, "")
    clone, private = root.clone(fs, 32)
    assert private
    assert clone.config_kwargs["retries"] == {"total_max_attempts": 1, "mode": "standard"}
    assert clone.config_kwargs["max_pool_connections"] == 32
    adapter = root(clone, "")
    assert isinstance(adapter, Buckets)
    assert adapter.bucket_store("b").counts is adapter.counts


# obstore, and what both list on moto


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("obstore")
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


Bucket = Callable[..., tuple[str, dict[str, Any]]]


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    client = client_of({"endpoint_url": endpoint})

    def make(*keys: str, empty: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
        name = f"b{uuid.uuid4().hex}"
        client.create_bucket(Bucket=name)
        for key in keys:
            client.put_object(Bucket=name, Key=key, Body=b"" if key.endswith("/") else b"x")
        for key in empty:
            client.put_object(Bucket=name, Key=key, Body=b"")
        return f"s3://{name}", {"endpoint_url": endpoint, "key": "x", "secret": "x"}

    return make


def both_ways(url: str, options: dict[str, Any], **more: Any) -> tuple[Any, list[str]]:
    """What a walk by obstore gives, which is what one by s3fs gives; and the reasons."""

    def listed(lister: Any) -> Any:
        walk = walk_python(url, storage_options=options, on_error="ignore", lister=lister, **more)
        return sorted((path.path, sorted(dirs), sorted(files)) for path, dirs, files in walk)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = listed("obstore")
    reasons = [str(one.message) for one in caught if one.category is ScanWarning]
    assert found == listed("fsspec")
    return found, reasons


def test_obstore_lists_the_same(bucket: Bucket) -> None:
    url, options = bucket(
        "a/b/c", "a/b", "a", "d.txt", "é ü/#%+", "e/", "f/", "f/g", empty=("h/i",)
    )
    found, reasons = both_ways(url, options)
    assert not reasons
    assert len(found) == 7
    assert not both_ways(f"{url}/a", options)[1]
    found, _ = both_ways(f"{url}/e", options)
    assert [entry[1:] for entry in found] == [([], [])]


def client_of(options: dict[str, Any]) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=options["endpoint_url"],
        aws_access_key_id="x",
        aws_secret_access_key="x",
        region_name="us-east-1",
    )


@pytest.mark.parametrize("lister", ["fsspec", "obstore"])
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_a_bucket_with_versions(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, lister: Any, used: bool
) -> None:
    """What there is now, once; neither older versions nor what was deleted."""
    from upath import UPath

    from pathvein._remote.stores.obstore import ObstoreStore

    monkeypatch.setattr(ObstoreStore, "page_size", 2)
    url, options = bucket()
    name = url.removeprefix("s3://")
    client = client_of(options)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(3):
        for key in ("run/a", "run/b", "gone/a", "d/e/f", "back/a"):
            client.put_object(Bucket=name, Key=key, Body=b"x")
    for key in ("run/b", "gone/a", "back/a"):
        client.delete_object(Bucket=name, Key=key)
    client.put_object(Bucket=name, Key="back/a", Body=b"x")
    source = UPath(url, version_aware=True, **options)
    if used:
        source.fs.ls(f"{name}/run", versions=True)
    assert walked(source, on_error="raise", lister=lister) == [
        ("", ["back", "d", "run"], []),
        ("back", [], ["a"]),
        ("d", ["e"], []),
        ("d/e", [], ["f"]),
        ("run", [], ["a"]),
    ]
    [result] = scan(source, P("run", files=["a"]), lister=lister)
    found: Any = result.source
    assert found.fs.version_aware
    assert (found / "a").read_bytes() == b"x"
    assert P("*", directories=[P("run", files=["a"])]).matches((source, ["run"], []))
    assert not P("*", directories=[P("run", files=["b"])]).matches((source, ["run"], []))


@pytest.mark.parametrize("lister", ["fsspec", "obstore"])
def test_the_users_session_is_used_and_left_as_it_was(bucket: Bucket, lister: Any) -> None:
    """Its clients parse whole answers, before and after; so does a new one."""
    import s3fs
    from upath import UPath

    url, options = bucket("run/a")
    source = UPath(url, **options)
    fs = source.fs
    path = f"{url.removeprefix('s3://')}/run"
    [before] = fs.ls(path, detail=True)
    assert before["size"] == 1
    session = fs.session
    assert scan(source, P("run"), lister=lister)
    assert fs.session is session
    fs.invalidate_cache()
    other = s3fs.S3FileSystem(**options, session=session, skip_instance_cache=True)
    for again in (fs, other):
        assert again.ls(path, detail=True) == [before]
    assert fs.retries == s3fs.S3FileSystem.retries
    assert fs.config_kwargs == {}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (("d//e", "a"), "no path"),
        (("/abs/f", "b/c"), "begin with a slash"),
        (("/abs", "abs", "b"), "begin with a slash"),
        (("!a", "/-x", "b"), "begin with a slash"),
        # What is told first is another's marker.
        (("/a", "a-", "a/"), "begin with a slash"),
        (("x/../y", "x/z"), "no path"),
    ],
)
def test_keys_that_obstore_cannot_tell(bucket: Bucket, keys: tuple[str, ...], reason: str) -> None:
    _, [told] = both_ways(*bucket(*keys))
    assert reason in told


def test_an_obstore_that_is_too_old(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore

    monkeypatch.setattr(obstore, "__version__", "0.9.2")
    _, [told] = both_ways(*bucket("a", "b/c"))
    assert "obstore 0.9.2" in told
    assert "it takes 0.10" in told


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_file_and_the_marker_of_a_directory_of_one_name(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Both are told by one name, on one page or on several."""
    from pathvein._remote.stores.obstore import ObstoreStore

    monkeypatch.setattr(ObstoreStore, "page_size", size)
    keys = ["m", "m-", "m-x", "m.", "m/", "m/-", "m/-/", "n/", "n-", "o", "o/", "o0"]
    for some in (keys, ["p", *keys[1:], "p/"]):
        _, reasons = both_ways(*bucket(*some))
        assert not reasons
        _, reasons = both_ways(*bucket(*keys[1:], empty=("m", "q")))
        assert not reasons


def test_a_file_of_a_directorys_name_where_only_a_level_is_listed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of what is excluded has its siblings asked for, and these are not listed again."""
    from pathvein._remote.stores.obstore import ObstoreStore

    monkeypatch.setattr(ObstoreStore, "page_size", 5)
    keys = [f"s/a0/{number:02}" for number in range(12)]
    place = bucket(*keys, "s/m/x", "s/n/", "s/z", empty=("s/", "s/l", "s/m", "s/n"))
    found, reasons = both_ways(*place, exclude=["a0/"])
    assert not reasons
    files = {path.rpartition("/")[2]: files for path, _, files in found}
    assert files["s"] == ["l", "m", "n", "z"]


def test_a_page_after_a_marker_that_fails(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is begun again the marker has lost its slash: what comes between is known."""
    from pathvein._remote import retry
    from pathvein._remote.stores.obstore import Answer, ObstoreStore

    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.001)
    asked = ObstoreStore._response
    for count in (2, 5, 8, 10, 12):
        number = 0

        async def fails_once(self: ObstoreStore, answer: Any, at: int = count) -> Any:
            nonlocal number
            number += 1
            told = await asked(self, answer)
            if number == at:
                raise Answer(503, "slow down")
            return told

        monkeypatch.setattr(ObstoreStore, "_response", fails_once)
        monkeypatch.setattr(ObstoreStore, "page_size", 1)
        _, reasons = both_ways(*bucket("m", "m-", "m-x", "m.", "m/", "m0", "n-", "n-/", "n/"))
        assert not reasons


def test_what_begins_at_a_marker_passes_over_what_sorts_before_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much that is: a path has no slash at its end to begin after."""
    from pathvein._remote.stores.obstore import ObstoreStore, open_obstore

    monkeypatch.setattr(ObstoreStore, "page_size", 2)
    url, options = bucket("m-1", "m-2", "m-3", "m.1", "m/", "m/f", "m0")
    source = open_source(url, options, None, "obstore")
    assert not isinstance(source, str)
    other = open_obstore(cast("ObjectStore", source.adapter))
    page = asyncio.run(other.page("", "m/", None, None, delimiter=False))
    assert page.keys == ["m/f"]
    page = asyncio.run(other.page("", "m/", None, page.token, delimiter=False))
    assert page.keys == ["m0"]


def test_many_empty_objects_are_left_to_the_file_system(bucket: Bucket) -> None:
    _, [reason] = both_ways(*bucket("f", empty=tuple(f"e/{number}" for number in range(80))))
    assert "empty objects" in reason


def test_a_page_of_obstore_that_fails_is_asked_for_again(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathvein._remote.stores.obstore import Answer, ObstoreStore

    exists = ObstoreStore._exists
    failed = []

    async def fails_once(self: ObstoreStore, key: str) -> bool:
        if key not in failed:
            failed.append(key)
            raise Answer(503, "slow down")
        return await exists(self, key)

    monkeypatch.setattr(ObstoreStore, "_exists", fails_once)
    monkeypatch.setattr(ObstoreStore, "page_size", 2)
    # All in one directory, so that one page follows the other.
    _, reasons = both_ways(*bucket("a", "b", "d", "e", "f", empty=("c", "g")))
    assert not reasons
    assert {"c", "g"} <= set(failed)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"s3_additional_kwargs": {"x": "y"}}, "s3_additional_kwargs"),
        ({"client_kwargs": {"verify": False}}, "verify"),
        ({"config_kwargs": {"proxies": {"http": "x"}}}, "proxies"),
    ],
)
def test_options_that_obstore_does_not_know(
    bucket: Bucket, more: dict[str, Any], reason: str
) -> None:
    url, options = bucket("run/a")
    with (
        pytest.warns(ScanWarning, match=reason),
        contextlib.suppress(OSError),  # some of them lead nowhere
    ):
        scan(url, P("run"), storage_options={**options, **more}, lister="obstore")


def test_obstore_and_sources_that_are_none(bucket: Bucket) -> None:
    url, options = bucket("a/b")
    for source in (f"{url}/none", f"{url}-none"):
        with pytest.raises(FileNotFoundError):
            scan(source, P("a"), storage_options=options, lister="obstore")


def test_results_and_counts_of_obstore(bucket: Bucket) -> None:
    url, options = bucket("run/a", "other/b")
    with iscan(url, P("run", files=["a"]), storage_options=options, lister="obstore") as stream:
        [result] = stream
    assert type(result.source).__name__ == "S3Path"
    assert (result.source / "a").read_bytes() == b"x"
    assert stream.stats.keys == 2
    assert stream.stats.requests >= 1


def test_obstore_for_what_it_does_not_list() -> None:
    with (
        pytest.warns(ScanWarning, match="lists only S3") as caught,
        pytest.raises(FileNotFoundError),
    ):
        scan("memory://none", P("a"), lister="obstore")
    assert [warning.filename for warning in caught] == [__file__]
