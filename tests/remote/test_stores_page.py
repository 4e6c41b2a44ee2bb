"""What docs/stores.md says of requests, and of errors."""

from __future__ import annotations

import functools
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import pathvein
from pathvein import FileStructurePattern as P
from servers import recorder
from servers.list_stub import ListStub, Radix
from servers.process import free_port
from servers.recorder import Asked, Recorder

pytest.importorskip("s3fs")

TEXT = (Path(__file__).parents[2] / "docs" / "stores.md").read_text(encoding="utf-8")
#: The buckets of its table, by the first cell, and the options of the scan.
GROUPS = [("g%02d", 20), ("d%03d", 100), ("f%02d", 10)]
BUCKETS: dict[str, tuple[Any, dict[str, Any]]] = {
    "999 keys, 10 directories": ([f"d{n % 9}/f{n}" for n in range(999)], {}),
    "20,000 keys, 2,021 directories": (Radix(GROUPS), {}),
    "the same, `concurrency=1`": (Radix(GROUPS), {"concurrency": 1}),
    "20,000 keys in one directory": (Radix([("f%05d", 20000)]), {}),
    "200,000 keys, 10,051 directories": (
        Radix([("g%02d", 50), ("d%03d", 200), ("f%02d", 20)]),
        {},
    ),
    "100 directories in a directory bucket": (
        Radix([("g%02d", 5), ("d%03d", 20), ("f%02d", 2)]),
        {},
    ),
}


def rows(first_cell: str) -> list[list[str]]:
    table = TEXT.partition(f"| {first_cell} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def _refused(code: str, _: Asked) -> recorder.Answer:
    return recorder.s3_error(403, code)


def test_requests_are_those_of_the_table(stub: ListStub) -> None:
    shown = rows("bucket")
    assert [row[0] for row in shown] == list(BUCKETS)
    for name, pages, requests, directories in shown:
        keys, options = BUCKETS[name]
        unordered = "directory bucket" in name
        where: dict[str, Any] = (
            {"name": "b--use1-az1--x-s3", "unordered": True} if unordered else {}
        )
        # As slow as when the table was made, so that as much is cut.
        bucket = stub.bucket(keys, latency=0.0 if unordered else 0.05, **where)
        with pathvein.iscan(
            bucket.url, P("d*", files=["f*1"]), storage_options=bucket.options, **options
        ) as results:
            assert sum(1 for _ in results) > 0 or name.startswith("20,000 keys in one")
        sent, told = results.stats.requests, int(requests.replace(",", ""))
        if unordered or options or told == 1:
            assert sent == told, name
        else:
            # What more there are depends on which answers come first.
            assert -(-len(keys) // 1000) == int(pages) <= sent <= told * 3 + 10, name
        if "in one" not in name:
            assert results.stats.directories == int(directories.replace(",", "")), name


def test_messages_are_those_of_the_table(
    stub: ListStub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_clients: None
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def message(url: str, **options: Any) -> str:
        with pytest.raises(OSError, match="s3://") as caught:
            pathvein.scan(url, P("*"), storage_options=options)
        return str(caught.value)

    bucket = stub.bucket(["a/f"])
    options = bucket.options
    told = {
        "NoCredentialsError": message(bucket.url, endpoint_url=stub.endpoint),
        "NoSuchBucket": message("s3://none", **options),
        "No such file or directory": message(f"{bucket.url}/b", **options),
        "EndpointConnectionError": message(
            bucket.url, **options | {"endpoint_url": f"http://127.0.0.1:{free_port()}"}
        ),
    }
    for code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"):
        with Recorder(functools.partial(_refused, code)) as server:
            told[code] = message("s3://b", **options | {"endpoint_url": server.endpoint})
    from pathvein._remote.source import missing_backend

    told["pip install 'pathvein[s3]'"] = str(
        missing_backend(bucket.url, ImportError("Install s3fs to access S3", name="s3fs"))
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pytest.importorskip("obstore")
        strange = stub.bucket(["a//b", "a/f"])
        pathvein.scan(strange.url, P("*"), lister="obstore", storage_options=strange.options)
    told["is listed by its own file system and not by obstore"] = " ".join(
        str(warning.message) for warning in caught
    )
    shown = {code for row in rows("it says") for code in re.findall(r"`([^`]+)`", row[0])}
    assert shown == told.keys()
    for expected, text in told.items():
        assert expected in text, text
