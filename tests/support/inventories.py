"""Inventories as the three providers write them, of keys that a test gives.

Fields of manifests, columns, encodings and the places of files are those of the providers'
documentation; docs/inventories.md says which page has what, and what is written nowhere.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow
import pyarrow.orc
import pyarrow.parquet

#: Each provider and format.
FORMS = (
    ("s3", "csv"),
    ("s3", "orc"),
    ("s3", "parquet"),
    ("gcs", "csv"),
    ("gcs", "parquet"),
    ("azure", "csv"),
    ("azure", "parquet"),
)
DATE = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
PROTOCOLS = {"s3": "s3", "gcs": "gs", "azure": "az"}
#: Keys of every odd kind. Some are no paths, one is a file and a directory, two a marker.
ODD_KEYS = (
    *("100%/a%20b.csv", "100%/%25.csv", "%/%41", "%0A/%250A", "a+b/c d.csv", "a b/c+d.csv"),
    *('quo"te/x.csv', "quo'te/x.csv", '"/"".csv', "new\nline/x.csv", "cr\r\nlf/\n", "tab\t/x.csv"),
    *("comma,semi;/x.csv", "back\\slash/x.csv", " /x.csv", "blank /x.csv", "~/x.csv"),
    *("\U0001d11e/\U0001f600.csv", "\u00e9/x.csv", "e\u0301/x.csv", "\u65e5\u672c/x.csv"),
    *("\uffff/x.csv", "#?&=/x.csv", "null", "true/NULL", "NA/x.csv", "x.csv", "run-1/x.csv"),
    *("twin", "twin/x.csv", "marker/", "marker/inner/", "run/x.csv", "run.1/x.csv"),
    *("double//x.csv", "dot/./x.csv", "data/run_1/b.csv"),
)
#: A version or delete marker that is not the latest, an object that was deleted: none may count.
GONE_KEYS = ("gone/x.csv", "run/gone.csv", "100%/gone.csv")


@dataclass(frozen=True)
class Written:
    """An inventory on this machine."""

    manifest: Path
    files: tuple[Path, ...]
    #: The file with the manifest's checksum.
    checksum: Path | None
    #: What its keys are below.
    url: str


#: A column: its name, its type in Arrow, and what it holds for a row.
Column = tuple[str, Any, Callable[["Row"], Any]]


@dataclass(frozen=True)
class Row:
    """An object, or a version of one."""

    key: str
    bucket: str
    latest: bool = True
    #: Whether it stands for a deletion, or was deleted.
    deleted: bool = False


_MILLIS = pyarrow.timestamp("ms")
_TIME = DATE.replace(tzinfo=None)
_TEXT = pyarrow.string()
_TRUTH = pyarrow.bool_()

#: By the names of CSV. Those of ORC and Parquet follow from them.
_S3_COLUMNS: tuple[Column, ...] = (
    ("Bucket", _TEXT, lambda row: row.bucket),
    ("Key", _TEXT, lambda row: row.key),
    ("VersionId", _TEXT, lambda row: "" if row.latest else "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"),
    ("IsLatest", _TRUTH, lambda row: row.latest),
    ("IsDeleteMarker", _TRUTH, lambda row: row.deleted),
    ("Size", pyarrow.int64(), lambda row: None if row.deleted else 7),
    ("LastModifiedDate", _MILLIS, lambda row: _TIME),
    ("ETag", _TEXT, lambda row: "098f6bcd4621d373cade4e832627b4f6"),
)
_GCS_COLUMNS: tuple[Column, ...] = (
    ("project", _TEXT, lambda row: "1234"),
    ("bucket", _TEXT, lambda row: row.bucket),
    ("name", _TEXT, lambda row: row.key),
    ("size", pyarrow.int64(), lambda row: 7),
    ("timeDeleted", _MILLIS, lambda row: _TIME if row.deleted or not row.latest else None),
    ("generation", pyarrow.int64(), lambda row: 1733054400000000),
)
_AZURE_COLUMNS: tuple[Column, ...] = (
    ("Name", _TEXT, lambda row: f"{row.bucket}/{row.key.removesuffix('/')}"),
    ("Last-Modified", _MILLIS, lambda row: _TIME),
    ("Content-Length", pyarrow.int64(), lambda row: 7),
    ("hdi_isfolder", _TRUTH, lambda row: True if row.key.endswith("/") else None),
    ("Snapshot", _TEXT, lambda row: None),
    ("VersionId", _TEXT, lambda row: "2026-11-28T00:00:00.0000000Z"),
    ("IsCurrentVersion", _TRUTH, lambda row: row.latest or None),
    ("Deleted", _TRUTH, lambda row: row.deleted or None),
)


def with_gone(keys: Iterable[str], bucket: str) -> list[Row]:
    """The rows of keys, some with older versions too, and of what was deleted."""
    rows = [Row(key, bucket) for key in keys]
    rows += [Row(row.key, bucket, latest=False) for row in rows[::3]]
    rows += [Row(key, bucket, deleted=True) for key in GONE_KEYS]
    return rows + [Row(key, bucket, latest=False) for key in GONE_KEYS]


def write(
    form: tuple[str, str],
    top: Path,
    rows: Sequence[Row],
    *,
    bucket: str = "lab-bucket",
    files: int = 3,
    header: bool = True,
    delimiter: str = ",",
) -> Written:
    """Write an inventory as if `top` were the bucket that they are written to.

    Args:
        rows: What it lists, in any order.
        header: Whether CSV of Google Cloud has one.
        delimiter: That of its CSV.
    """
    provider, kind = form
    parts = [list(rows[number::files]) for number in range(files)]
    if provider == "s3":
        return _write_s3(kind, top, parts, bucket)
    if provider == "gcs":
        return _write_gcs(kind, top, parts, bucket, header=header, delimiter=delimiter)
    return _write_azure(kind, top, parts)


def _write_s3(kind: str, top: Path, parts: list[list[Row]], bucket: str) -> Written:
    config = f"inventories/{bucket}/nightly"
    columns = [(_snake(name), kind, value) for name, kind, value in _S3_COLUMNS]
    ending = {"csv": "csv.gz", "orc": "orc", "parquet": "parquet"}[kind]
    schema = {
        "csv": ", ".join(name for name, _, _ in _S3_COLUMNS),
        "orc": "struct<bucket:string,key:string,version_id:string,is_latest:boolean,"
        "is_delete_marker:boolean,size:bigint,last_modified_date:timestamp,e_tag:string>",
        "parquet": "message s3.inventory {  required binary bucket (UTF8);  required binary key "
        "(UTF8);  optional binary version_id (UTF8);  optional boolean is_latest;  optional "
        "boolean is_delete_marker;  optional int64 size;  optional int64 last_modified_date "
        "(TIMESTAMP_MILLIS);  optional binary e_tag (UTF8);}",
    }[kind]
    listed, paths = [], []
    for number, rows in enumerate(parts):
        key = f"{config}/data/939c6d46-85a9-4ba8-87bd-9db705a579{number:02d}.{ending}"
        if kind == "csv":
            content = gzip.compress(_csv(_S3_COLUMNS, rows, encode_key="Key", quote_all=True))
        else:
            content = _columnar(kind, columns, rows)
        paths.append(_put(top / key, content))
        digest = hashlib.md5(content).hexdigest()
        listed.append({"key": key, "size": len(content), "MD5checksum": digest})
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": "arn:aws:s3:::inventory-bucket",
        "version": "2016-11-30",
        "creationTimestamp": str(int(DATE.timestamp() * 1000)),
        "fileFormat": {"csv": "CSV", "orc": "ORC", "parquet": "Parquet"}[kind],
        "fileSchema": schema,
        "files": listed,
    }
    path = top / config / "2026-11-28T01-00Z" / "manifest.json"
    return _finish(path, manifest, paths, path.with_name("manifest.checksum"), f"s3://{bucket}")


def _write_gcs(
    kind: str, top: Path, parts: list[list[Row]], bucket: str, *, header: bool, delimiter: str
) -> Written:
    directory = top / "inventory_reports"
    stem = "fc95c52f-157a-494f-af4a-d4a53a69ba66_2026-11-28T01:00"
    paths = []
    for number, rows in enumerate(parts):
        if kind == "csv":
            content = _csv(_GCS_COLUMNS, rows, header=header, delimiter=delimiter)
        else:
            content = _columnar(kind, _GCS_COLUMNS, rows)
        paths.append(_put(directory / f"{stem}_{number}.{kind}", content))
    options = {"recordSeparator": "\n", "delimiter": delimiter, "headerRequired": header}
    manifest = {
        "report_config": {
            "name": "projects/1234/locations/us/reportConfigs/fc95c52f-157a-494f-af4a-d4a53a69ba66",
            "objectMetadataReportOptions": {
                "metadataFields": [name for name, _, _ in _GCS_COLUMNS],
                "storageFilters": {"bucket": bucket},
                "storageDestinationOptions": {
                    "bucket": "inventory-bucket",
                    "destinationPath": "inventory_reports",
                },
            },
            **({"csvOptions": options} if kind == "csv" else {"parquetOptions": {}}),
        },
        "records_processed": str(sum(map(len, parts))),
        "snapshot_time": "2026-11-28T01:00:00Z",
        "shard_count": len(parts),
        "report_shards_file_names": [path.name for path in paths],
    }
    return _finish(directory / f"{stem}_manifest.json", manifest, paths, None, f"gs://{bucket}")


def _write_azure(kind: str, top: Path, parts: list[list[Row]]) -> Written:
    directory = "2026/11/28/01-00-00/Rule_1"
    paths, listed = [], []
    for number, rows in enumerate(parts):
        blob = f"{directory}/Rule_1_1000000_{number}.{kind}"
        if kind == "csv":
            content = _csv(_AZURE_COLUMNS, rows, header=True)
        else:
            content = _columnar(kind, _AZURE_COLUMNS, rows)
        paths.append(_put(top / blob, content))
        listed.append({"blob": blob, "size": len(content)})
    manifest = {
        "destinationContainer": "inventory-destination-container",
        "endpoint": "https://testaccount.blob.core.windows.net",
        "files": listed,
        "inventoryCompletionTime": "2026-11-28T01:35:56Z",
        "inventoryStartTime": "2026-11-28T01:00:00Z",
        "ruleDefinition": {
            "filters": {
                "blobTypes": ["blockBlob"],
                "includeBlobVersions": True,
                "includeDeleted": True,
                "includeSnapshots": True,
            },
            "format": kind,
            "objectType": "blob",
            "schedule": "daily",
            "schemaFields": [name for name, _, _ in _AZURE_COLUMNS],
        },
        "ruleName": "Rule_1",
        "status": "Succeeded",
        "summary": {"objectCount": sum(map(len, parts)), "totalObjectSize": 7},
        "version": "1.0",
    }
    path = top / directory / "Rule_1-manifest.json"
    return _finish(path, manifest, paths, path.with_name("Rule_1-manifest.checksum"), "az:/")


def _finish(
    path: Path, manifest: dict[str, Any], files: list[Path], checksum: Path | None, url: str
) -> Written:
    written = Written(path, tuple(files), checksum, url)
    rewrite(written, manifest)
    return written


def rewrite(written: Written, manifest: dict[str, Any], *, in_base64: bool = False) -> None:
    """Write the manifest, and its checksum."""
    content = json.dumps(manifest, indent=2).encode()
    _put(written.manifest, content)
    if written.checksum is not None:
        digest = hashlib.md5(content)
        encoded = base64.b64encode(digest.digest()).decode()
        _put(written.checksum, (encoded if in_base64 else digest.hexdigest()).encode())


def _put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _csv(
    columns: Sequence[Column],
    rows: list[Row],
    *,
    header: bool = False,
    delimiter: str = ",",
    encode_key: str = "",
    quote_all: bool = False,
) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    if header:
        writer.writerow([name for name, _, _ in columns])
    for row in rows:
        line = []
        for name, kind, value in columns:
            told = value(row)
            if name == encode_key:
                told = quote_plus(told, safe="/")
            elif kind == _TRUTH and told is not None:
                told = str(told).lower()
            elif kind == _MILLIS and told is not None:
                told = f"{told:%Y-%m-%dT%H:%M:%S.000Z}"
            line.append("" if told is None else told)
        writer.writerow(line)
    return text.getvalue().encode()


def _columnar(kind: str, columns: Sequence[Column], rows: list[Row]) -> bytes:
    table = pyarrow.table(
        {name: pyarrow.array([value(row) for row in rows], kind) for name, kind, value in columns}
    )
    sink = pyarrow.BufferOutputStream()
    if kind == "orc":
        pyarrow.orc.write_table(table, sink, compression="zlib")
    else:
        pyarrow.parquet.write_table(table, sink, compression="snappy")
    return bytes(sink.getvalue())


def _snake(name: str) -> str:
    """``IsLatest`` as ORC and Parquet have it; ``ETag`` is ``e_tag``."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
