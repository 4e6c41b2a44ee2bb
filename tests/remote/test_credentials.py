"""Who asks, and where: credentials, endpoints and what else the options say, by both listers.

A server that keeps what it was asked tells what none of the others does.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import pathvein
from pathvein import FileStructurePattern as P
from pathvein import ScanWarning
from servers import recorder
from servers.azure import KEY as AZURE_KEY
from servers.recorder import Asked, Recorder

pytest.importorskip("s3fs")
pytest.importorskip("gcsfs")
pytest.importorskip("adlfs")
pytest.importorskip("obstore")

KEYS = ("run/a", "run/b")
by_both = pytest.mark.parametrize("lister", ["fsspec", "obstore"])
KINDS: dict[str, Callable[..., recorder.Answer]] = {
    "s3": recorder.s3,
    "gs": recorder.gcs,
    "az": recorder.azure,
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials but those of the test."""
    import os

    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def answer(asked: Asked) -> recorder.Answer:
    """A listing in the words of whoever asks; all else is denied."""
    path, query = urlsplit(asked.url).path, asked.query
    if asked.method == "HEAD":
        return 200, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": "e"}, b""
    if query.get("comp") == "list":
        return recorder.azure(*KEYS)
    if path.startswith("/storage/v1/") and path.endswith("/o"):
        return recorder.gcs(*KEYS)
    if "list-type" in query:
        # Google's, too: obstore speaks to it as to S3.
        return recorder.s3(*KEYS)
    return recorder.s3_error(403, "AccessDenied")


@pytest.fixture
def server(s3_clients: None) -> Iterator[Recorder]:
    with Recorder(answer) as running:
        yield running


def scanned(url: str, lister: Any, **options: Any) -> list[str]:
    """The reasons of warnings; it must have found what there is."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = pathvein.scan(
            url, P("run", files=["a", "b"]), storage_options=options, lister=lister
        )
    assert [result.source.name for result in results] == ["run"]
    return [str(one.message) for one in caught if one.category is ScanWarning]


def is_signed(asked: Asked, key: str, secret: str, token: str | None = None) -> bool:
    """Whether the request is signed with this, by the reckoning of botocore."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    authorization = asked.headers["authorization"]
    scheme, _, rest = authorization.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    who, _, region, _, _ = parts["Credential"].split("/")
    signed = {name: asked.headers[name] for name in parts["SignedHeaders"].split(";")}
    auth = S3SigV4Auth(Credentials(key, secret, token), "s3", region)
    request = AWSRequest(asked.method, asked.url, signed)
    request.context["timestamp"] = signed["x-amz-date"]
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    return (
        (scheme, who) == ("AWS4-HMAC-SHA256", key)
        and asked.headers.get("x-amz-security-token") == token
        and auth.signature(to_sign, request) == parts["Signature"]
    )


def all_signed(server: Recorder, *credentials: str) -> bool:
    assert server.listings()
    return all(is_signed(asked, *credentials) for asked in server.listings())


# S3 ------------------------------------------------------------------------------------------


@by_both
@pytest.mark.parametrize(
    "options",
    [
        {"key": "k", "secret": "s"},
        {"key": "k", "secret": "s", "token": "t/+="},
        {"client_kwargs": {"aws_access_key_id": "k", "aws_secret_access_key": "s"}},
    ],
)
def test_keys_that_are_given(server: Recorder, lister: Any, options: dict[str, Any]) -> None:
    assert not scanned("s3://b", lister, endpoint_url=server.endpoint, **options)
    assert all_signed(server, "k", "s", *([options["token"]] if "token" in options else []))
    assert not any(is_signed(asked, "k", "other") for asked in server.listings())


@by_both
def test_keys_that_are_given_are_not_mixed_with_the_environments(
    server: Recorder, lister: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "environment")
    for name in ("AWS_SKIP_SIGNATURE", "AWS_REQUEST_PAYER", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"):
        monkeypatch.setenv(name, "true")
    assert not scanned("s3://b", lister, endpoint_url=server.endpoint, key="k", secret="s")
    assert all_signed(server, "k", "s")
    assert not any("x-amz-request-payer" in asked.headers for asked in server.asked)


@by_both
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_keys_of_the_environment(
    server: Recorder, lister: Any, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a file system that has been used, and has a session."""
    from upath import UPath

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    if used:
        path = UPath("s3://b", endpoint_url=server.endpoint)
        assert path.fs.ls("b")
        server.asked.clear()
    assert not scanned("s3://b", lister, endpoint_url=server.endpoint)
    assert all_signed(server, "k", "s", "t")


@by_both
def test_a_profile_with_keys_and_an_endpoint(server: Recorder, lister: Any, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id=x\naws_secret_access_key=x\n"
        "[p]\naws_access_key_id=k\naws_secret_access_key=s\naws_session_token=t\n"
    )
    (tmp_path / "config").write_text(f"[profile p]\nregion=r-1\nendpoint_url={server.endpoint}\n")
    assert not scanned("s3://b", lister, profile="p")
    assert all_signed(server, "k", "s", "t")
    assert all("/r-1/s3/" in asked.headers["authorization"] for asked in server.listings())


@by_both
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_of_the_environment(
    server: Recorder, lister: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, server.endpoint)
    assert not scanned("s3://b", lister, key="k", secret="s")
    assert all_signed(server, "k", "s")


def test_an_endpoint_that_only_obstore_knows(
    server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    from pathvein._remote.errors import Unfit
    from pathvein._remote.stores.obstore import ObstoreStore
    from pathvein._remote.stores.s3 import S3Store

    monkeypatch.setenv("AWS_ENDPOINT", server.endpoint)
    client = {"region_name": "us-east-1"}
    fs = s3fs.S3FileSystem(key="k", secret="s", client_kwargs=client, skip_instance_cache=True)
    with pytest.raises(Unfit, match="AWS_ENDPOINT"):
        ObstoreStore(S3Store(fs, "b"))


@by_both
def test_credentials_that_are_renewed(
    server: Recorder, lister: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a session that was passed in; each page is signed with those of its time."""
    from aiobotocore.credentials import (  # type: ignore[import-untyped]
        AioRefreshableCredentials,
    )
    from aiobotocore.session import AioSession  # type: ignore[import-untyped]

    from pathvein._remote.stores import obstore_options as by_obstore

    renewed = 0

    async def renew() -> dict[str, str]:
        nonlocal renewed
        renewed += 1
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
        names = {"access_key": "k", "secret_key": "s", "token": "t"}
        return {
            **{name: f"{value}{renewed}" for name, value in names.items()},
            "expiry_time": soon.isoformat(),
        }

    session = AioSession()
    old = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    session._credentials = AioRefreshableCredentials(
        access_key="k0", secret_key="s0", token="t0", expiry_time=old, refresh_using=renew,
        method="test",
    )  # fmt: skip
    monkeypatch.setattr(by_obstore, "_CREDENTIALS_LAST", 0.0)

    def pages(asked: Asked) -> recorder.Answer:
        status, headers, body = answer(asked)
        if asked.lists and not asked.query.keys() & {"continuation-token", "start-after"}:
            body = body.replace(b">false<", b">true<").replace(
                b"<Contents>", b"<NextContinuationToken>x</NextContinuationToken><Contents>", 1
            )
            body = body.replace(b"run/", b"a/")
        return status, headers, body

    server.answer = pages
    scanned("s3://b", lister, endpoint_url=server.endpoint, session=session)
    listings = server.listings()
    assert len(listings) >= 2
    numbers = []
    for asked in listings:
        number = int(asked.headers["x-amz-security-token"].removeprefix("t"))
        assert is_signed(asked, f"k{number}", f"s{number}", f"t{number}")
        numbers.append(number)
    # (A page and a probe are asked for at once.)
    assert len(numbers) == len(set(numbers))
    assert numbers[0] >= 1


@by_both
def test_no_credentials_at_all(server: Recorder, lister: Any) -> None:
    for _ in range(2):
        with pytest.raises(PermissionError, match="redentials") as caught:
            pathvein.scan(
                "s3://b/x", P("*"), storage_options={"endpoint_url": server.endpoint}, lister=lister
            )
        assert caught.value.filename == "s3://b/x"
    assert not server.asked


def test_buckets_that_are_told_in_parts(server: Recorder) -> None:
    parts = {"": ("b1", "more"), "more": ("b2", "last"), "last": ("b3", "")}

    def told(asked: Asked) -> recorder.Answer:
        if urlsplit(asked.url).path != "/":
            return recorder.s3("f")
        bucket, more = parts[asked.query.get("continuation-token", "")]
        text = (
            "<ListAllMyBucketsResult><Buckets>"
            f"<Bucket><Name>{bucket}</Name></Bucket></Buckets>"
            f"<ContinuationToken>{more}</ContinuationToken></ListAllMyBucketsResult>"
        )
        return 200, {"Content-Type": "application/xml"}, text.encode()

    server.answer = told
    options = {"endpoint_url": server.endpoint, "key": "x", "secret": "x"}
    results = pathvein.scan("s3://", P("b*", files=["f"]), storage_options=options)
    assert sorted(str(result.source) for result in results) == ["s3://b1/", "s3://b2/", "s3://b3/"]


@by_both
def test_requester_pays(server: Recorder, lister: Any) -> None:
    options = {"endpoint_url": server.endpoint, "key": "k", "secret": "s"}
    scanned("s3://b", lister, **options)
    assert not any("x-amz-request-payer" in asked.headers for asked in server.asked)
    server.asked.clear()
    assert not scanned("s3://b", lister, requester_pays=True, **options)
    assert all(asked.headers["x-amz-request-payer"] == "requester" for asked in server.asked)
    assert all_signed(server, "k", "s")


def test_a_bucket_in_another_region(server: Recorder) -> None:
    """botocore knows where to go; obstore does not."""

    def elsewhere(asked: Asked) -> recorder.Answer:
        if "/r-2/" in asked.headers.get("authorization", ""):
            return answer(asked)
        status, headers, _ = recorder.s3_error(400, "")
        body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>r-2</Region></Error>"
        return status, {**headers, "x-amz-bucket-region": "r-2"}, body

    def moved(asked: Asked) -> recorder.Answer:
        told = elsewhere(asked)
        if told[0] == 200:
            return told
        return 301, told[1], b"<Error><Code>PermanentRedirect</Code></Error>"

    for server.answer in (elsewhere, moved):
        options = {"endpoint_url": server.endpoint, "key": "k", "secret": "s"}
        client = {"region_name": "r-1"}
        [reason] = scanned("s3://b", "obstore", client_kwargs=client, **options)
        assert "another region" in reason


# Anonymous, on all three -----------------------------------------------------------------------


def anonymous(kind: str, endpoint: str) -> dict[str, Any]:
    if kind == "az":
        return {"connection_string": f"AccountName=acc;BlobEndpoint={endpoint}/acc;"}
    if kind == "gs":
        return {"endpoint_url": endpoint, "token": "anon"}
    return {"endpoint_url": endpoint, "anon": True}


@by_both
@pytest.mark.parametrize("kind", KINDS)
def test_anonymous_access(
    server: Recorder, lister: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment has."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert not scanned(f"{kind}://b", lister, **anonymous(kind, server.endpoint))
    assert server.listings()
    for asked in server.asked:
        assert "authorization" not in asked.headers
        assert "sig" not in asked.query


# Google ----------------------------------------------------------------------------------------


def google(token: str | None, **options: Any) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials(token, **options)  # type: ignore[no-untyped-call]


@by_both
def test_a_bearer_token(server: Recorder, lister: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert not scanned("gs://b", lister, endpoint_url=server.endpoint, token=google("T"))
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer T"}


@by_both
def test_a_token_that_is_renewed(server: Recorder, lister: Any) -> None:
    from google.oauth2.credentials import Credentials

    class Renewed(Credentials):
        def refresh(self, request: Any) -> None:
            self.token = "new"
            self.expiry = datetime.datetime.now() + datetime.timedelta(days=1)

    expiry = datetime.datetime(2026, 1, 1)
    old = Renewed("old", expiry=expiry)  # type: ignore[no-untyped-call]
    assert not scanned("gs://b", lister, endpoint_url=server.endpoint, token=old)
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer new"}


def test_obstore_has_a_token_renewed(server: Recorder) -> None:
    """By itself, long after gcsfs has asked for anything."""
    import gcsfs  # type: ignore[import-untyped]

    from pathvein._remote.stores.gcs import GcsStore
    from pathvein._remote.stores.obstore import ObstoreStore

    token = google("old", expiry=datetime.datetime(2026, 1, 1))
    token.refresh = lambda _: setattr(token, "token", "new")
    fs = gcsfs.GCSFileSystem(endpoint_url=server.endpoint, token=token, skip_instance_cache=True)
    credentials = ObstoreStore(GcsStore(fs, "b"))._credentials
    assert credentials is not None
    assert asyncio.run(credentials())["token"] == "new"


@by_both
def test_an_emulator_of_the_environment(
    server: Recorder, lister: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
    assert not scanned("gs://b", lister, token="anon", skip_instance_cache=True)
    assert server.listings()


@by_both
@pytest.mark.parametrize(
    ("options", "header", "query", "reason"),
    [
        ({"token": "T", "requester_pays": "payer"}, "", "payer", "requester_pays"),
        ({"token": "T", "requester_pays": True, "project": "p"}, "", "p", "requester_pays"),
        ({"quota": "q"}, "q", "", "bill"),
    ],
)
def test_who_pays_at_google(
    server: Recorder, lister: Any, options: dict[str, Any], header: str, query: str, reason: str
) -> None:
    """obstore does not know how to say it."""
    token = google("T", quota_project_id=options.get("quota"))
    more = {name: value for name, value in options.items() if name != "quota"}
    reasons = scanned("gs://b", lister, **{**more, "endpoint_url": server.endpoint, "token": token})
    assert [reason in text for text in reasons] == [True] * (lister == "obstore")
    for asked in server.asked:
        assert asked.headers.get("x-goog-user-project", "") == header
        assert asked.query.get("userProject", "") == query


def test_folders_of_google_are_not_left_to_obstore(server: Recorder) -> None:
    """It lists objects only: an empty folder would be lost."""

    def hierarchical(asked: Asked) -> recorder.Answer:
        path, query = urlsplit(asked.url).path, asked.query
        told: dict[str, Any] = {"hierarchicalNamespace": {"enabled": True}}
        if path.endswith("/o"):
            folders = ["empty/", "run/"] if not query.get("prefix") else []
            told = {"prefixes": folders} if folders else {}
            if query.get("prefix") == "run/":
                told = {"items": [{"name": key} for key in KEYS]}
        elif "storageLayout" not in path:
            return answer(asked)
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    server.answer = hierarchical
    options = {"endpoint_url": server.endpoint, "token": "anon"}
    with pytest.warns(ScanWarning, match="hierarchical"):
        results = pathvein.scan("gs://b", P("*"), storage_options=options, lister="obstore")
    assert sorted(result.source.name for result in results) == ["", "empty", "run"]


# Azure -----------------------------------------------------------------------------------------


@by_both
def test_a_shared_signature(server: Recorder, lister: Any) -> None:
    where = f"BlobEndpoint={server.endpoint}/acc;SharedAccessSignature=sv=2021&sig=a%2Bb%3D"
    assert not scanned("az://c", lister, connection_string=where)
    assert server.listings()
    for asked in server.asked:
        assert asked.query["sig"] == "a+b="
        assert "authorization" not in asked.headers


@by_both
def test_an_account_key_is_not_mixed_with_the_environments(
    server: Recorder, lister: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_TOKEN", "T")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sig=x")
    monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")
    where = f"AccountName=acc;AccountKey={AZURE_KEY};BlobEndpoint={server.endpoint}/acc"
    assert not scanned("az://c", lister, connection_string=where)
    for asked in server.asked:
        assert asked.headers["authorization"].startswith("SharedKey acc:")
        assert "sig" not in asked.query


def test_what_obstore_is_told_of_an_account() -> None:
    """The host, be it named by the account, by a suffix or by the user."""
    import adlfs  # type: ignore[import-untyped]

    from pathvein._remote.errors import Unfit
    from pathvein._remote.stores.azure import AzureStore
    from pathvein._remote.stores.obstore import ObstoreStore

    def store(**options: Any) -> Any:
        options = {"skip_instance_cache": True, **options}
        return ObstoreStore(AzureStore(adlfs.AzureBlobFileSystem(**options), "c"))._store

    suffix = f"AccountName=acc;AccountKey={AZURE_KEY};EndpointSuffix=core.example.net"
    for expected, options in {
        "https://acc.blob.core.windows.net": {"account_name": "acc", "account_key": AZURE_KEY},
        "https://acc.blob.core.example.net": {"connection_string": suffix},
        "https://here.example.net": {
            "account_name": "acc", "sas_token": "sig=x", "account_host": "here.example.net"
        },
    }.items():  # fmt: skip
        config = store(**options).config
        assert config["endpoint"] == expected
        assert config["account_name"] == "acc"
    with pytest.raises(Unfit, match="location mode"):
        store(account_name="acc", account_key=AZURE_KEY, location_mode="secondary")
    with pytest.raises(Unfit, match="DefaultAzureCredential"):
        store(account_name="acc", anon=False)


# No entry ----------------------------------------------------------------------------------------


def somebody(kind: str, endpoint: str) -> dict[str, Any]:
    if kind == "az":
        where = f"AccountName=acc;AccountKey={AZURE_KEY};BlobEndpoint={endpoint}/acc"
        return {"connection_string": where}
    if kind == "gs":
        return {"endpoint_url": endpoint, "token": google("T")}
    return {"endpoint_url": endpoint, "key": "k", "secret": "s"}


@by_both
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("s3", 400, "ExpiredToken"),
        ("s3", 403, "InvalidAccessKeyId"),
        ("s3", 403, "SignatureDoesNotMatch"),
        ("s3", 403, "RequestTimeTooSkewed"),
        ("s3", 403, "AccessDenied"),
        ("gs", 401, "AuthenticationRequired"),
        ("gs", 403, "AccessDenied"),
        ("az", 403, "AuthenticationFailed"),
        ("az", 401, "NoAuthenticationInformation"),
    ],
)
def test_credentials_that_are_refused(
    server: Recorder, lister: Any, kind: str, status: int, code: str
) -> None:
    """A PermissionError that names the source, for one request."""
    server.answer = lambda asked: recorder.s3_error(status, code)
    options = somebody(kind, server.endpoint)
    with pytest.raises(PermissionError) as caught:
        pathvein.scan(f"{kind}://b/src", P("*"), storage_options=options, lister=lister)
    assert caught.value.filename == f"{kind}://b/src"
    # What is denied flat may be allowed with a delimiter, or to the file system; strangers need
    # not ask.
    ways = 2 + (lister == "obstore")
    assert len(server.listings()) == (ways if code == "AccessDenied" else 1)
    # And whether it is hierarchical.
    assert len(server.asked) - len(server.listings()) <= (kind != "s3") * ways


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_obstore_is_denied(server: Recorder, kind: str) -> None:
    """The file system lists it, and it is told why."""

    def choosy(asked: Asked) -> recorder.Answer:
        if "python" not in asked.headers.get("user-agent", "").lower():
            return recorder.s3_error(403, "AccessDenied")
        return answer(asked)

    server.answer = choosy
    [reason] = scanned(f"{kind}://b", "obstore", **anonymous(kind, server.endpoint))
    assert "denied" in reason


def test_obstore_where_nothing_may_be_listed_flat(server: Recorder) -> None:
    """It is listed by levels then, which obstore does not do, and that is told."""

    def choosy(asked: Asked) -> recorder.Answer:
        if not asked.query.get("delimiter"):
            return recorder.s3_error(403, "AccessDenied")
        # The recorder knows no levels: what is below shows these.
        return recorder.s3(*(key for key in KEYS if key.startswith(asked.query["prefix"])))

    server.answer = choosy
    [reason] = scanned("s3://b", "obstore", **anonymous("s3", server.endpoint))
    assert "denied a flat listing" in reason
