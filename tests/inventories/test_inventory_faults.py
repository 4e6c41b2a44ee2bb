"""A fault in an inventory is an error that names it, and never fewer keys."""

from __future__ import annotations

import gc
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import inventories
import pathvein
from inventories import FORMS, Row, Written
from pathvein import FileStructurePattern as P

BUCKET = "lab-bucket"
PATTERN = P(files=["x.csv"])
ROWS = [Row(f"run_{number:04d}/x.csv", BUCKET) for number in range(1000)]

each_form = pytest.mark.parametrize("form", FORMS, ids="-".join)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    path = tmp_path / "temporary"
    path.mkdir()
    return path


@pytest.fixture
def written(form: tuple[str, str], tmp_path: Path) -> Written:
    return inventories.write(form, tmp_path / "inventories", ROWS)


def raised(written: Written, temporary: Path) -> OSError:
    """What a scan raises; it leaves nothing behind."""
    found: list[Any] = []
    with pytest.raises(OSError) as caught:  # noqa: PT011  # each test says which
        found += pathvein.iscan_inventory(written.manifest, PATTERN, temporary_directory=temporary)
    assert found == []
    assert os.listdir(temporary) == []
    return caught.value


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _without_its_last_line(path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".gz":
        lines = gzip.decompress(content).splitlines(keepends=True)
        path.write_bytes(gzip.compress(b"".join(lines[:-1])))
    elif path.suffix == ".csv":
        path.write_bytes(b"".join(content.splitlines(keepends=True)[:-1]))
    else:
        path.write_bytes(content[:-1])


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@each_form
@pytest.mark.parametrize("number", [0, 2])
def test_a_file_that_is_missing(written: Written, temporary: Path, number: int) -> None:
    written.files[number].unlink()
    error = raised(written, temporary)
    assert isinstance(error, FileNotFoundError)
    assert error.filename == str(written.files[number])


@each_form
@pytest.mark.parametrize("cut", [_cut, _without_its_last_line])
def test_a_file_that_is_cut(
    form: tuple[str, str], written: Written, temporary: Path, cut: Callable[[Path], None]
) -> None:
    file = written.files[1]
    cut(file)
    error = raised(written, temporary)
    # Lines that are missing show in no size that Google Cloud tells, but in the number of rows.
    by_rows = form == ("gcs", "csv") and cut is _without_its_last_line
    assert error.filename == str(written.manifest if by_rows else file)


@pytest.mark.parametrize("form", [form for form in FORMS if form[0] == "s3"], ids="-".join)
def test_a_file_of_another_checksum(written: Written, temporary: Path) -> None:
    _changed(written.files[2])
    error = raised(written, temporary)
    assert error.filename == str(written.files[2])
    assert "MD5" in str(error)


@pytest.mark.parametrize("form", [("azure", "csv"), ("gcs", "csv")], ids="-".join)
def test_fewer_rows_than_the_manifest_tells(
    form: tuple[str, str], written: Written, temporary: Path
) -> None:
    manifest = json.loads(written.manifest.read_text())
    if form[0] == "azure":
        manifest["summary"]["objectCount"] += 1
    else:
        manifest["records_processed"] = "1001"
    inventories.rewrite(written, manifest)
    error = raised(written, temporary)
    assert error.filename == str(written.manifest)
    assert "1,000 rows" in str(error)


@pytest.mark.parametrize("form", [("s3", "orc"), ("azure", "csv")], ids="-".join)
def test_the_checksum_of_the_manifest(written: Written, temporary: Path) -> None:
    manifest = json.loads(written.manifest.read_text())
    assert written.checksum is not None
    inventories.rewrite(written, manifest, in_base64=True)
    assert len(pathvein.scan_inventory(written.manifest, PATTERN)) == len(ROWS)
    written.manifest.write_text(json.dumps(manifest))
    assert raised(written, temporary).filename == str(written.manifest)
    written.checksum.unlink()
    assert raised(written, temporary).filename == str(written.checksum)


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        for name in path[:-1]:
            manifest = manifest[name]
        manifest[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("provider", "change", "said"),
    [
        ("s3", lambda manifest: manifest.clear(), "no manifest of"),
        ("s3", lambda manifest: manifest.pop("files"), "has no 'files'"),
        ("s3", _set("fileFormat", to="Avro"), "'Avro'"),
        ("s3", _set("creationTimestamp", to="today"), "today"),
        ("s3", _set("creationTimestamp", to="9" * 40), "cannot be used"),
        ("s3", _set("creationTimestamp", to="-1"), "before 1970"),
        ("s3", _set("files", to=[{"key": "a"}]), "has no 'size'"),
        ("gcs", _set("shard_count", to=7), "shard_count is 7"),
        ("gcs", _set("snapshot_time", to={}), "no time"),
        ("gcs", _set("snapshot_time", to="9999-12-31T23:59:59-01:00"), "cannot be used"),
        ("gcs", _set("report_config", to={}), "object_metadata_report_options"),
        ("azure", _set("status", to="Pending"), "'Pending'"),
        ("azure", _set("ruleDefinition", "objectType", to="container"), "'container'"),
        ("azure", _set("ruleDefinition", "format", to="orc"), "'orc'"),
    ],
)
def test_a_manifest_that_cannot_be_used(
    provider: str, change: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    written = inventories.write((provider, "csv"), tmp_path, ROWS[:3])
    manifest = json.loads(written.manifest.read_text())
    change(manifest)
    inventories.rewrite(written, manifest)
    with pytest.raises(ValueError, match=said) as caught:
        pathvein.scan_inventory(written.manifest, PATTERN)
    assert str(written.manifest) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe\xfd", b"null"])
def test_what_is_no_manifest(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no manifest of"):
        pathvein.scan_inventory(path, PATTERN)


@pytest.mark.parametrize("provider", ["s3", "gcs", "azure"])
def test_a_file_without_the_column_of_keys(provider: str, tmp_path: Path, temporary: Path) -> None:
    other = {"s3": "azure", "gcs": "s3", "azure": "s3"}[provider]
    written = inventories.write((provider, "parquet"), tmp_path / "a", ROWS)
    taken = inventories.write((other, "parquet"), tmp_path / "b", ROWS)
    content = taken.files[0].read_bytes()
    written.files[0].write_bytes(content)
    manifest = json.loads(written.manifest.read_text())
    if "files" in manifest:
        import hashlib

        manifest["files"][0]["size"] = len(content)
        manifest["files"][0]["MD5checksum"] = hashlib.md5(content).hexdigest()
        inventories.rewrite(written, manifest)
    assert raised(written, temporary).filename == str(written.files[0])


@each_form
def test_columns_without_that_of_keys(
    form: tuple[str, str], tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_S3_COLUMNS", "_GCS_COLUMNS", "_AZURE_COLUMNS"):
        columns = getattr(inventories, name)
        kept = [column for column in columns if column[0] not in ("Key", "name", "Name")]
        monkeypatch.setattr(inventories, name, kept)
    error = raised(inventories.write(form, tmp_path, ROWS), temporary)
    assert "there is no column '" in str(error)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"prefix": 7}, TypeError, "prefix must be str"),
        ({"prefix": "a//b"}, ValueError, "prefix must be"),
        ({"prefix": "a/../b"}, ValueError, "prefix must be"),
        ({"memory_limit": "much"}, ValueError, "memory_limit must be like"),
        ({"memory_limit": 0}, ValueError, "memory_limit must be above"),
        ({"memory_limit": 1.5}, TypeError, "memory_limit must be int"),
        ({"max_depth": -1}, ValueError, "max_depth"),
        ({"storage_options": 7}, TypeError, "storage_options"),
        ({"temporary_directory": "/nowhere/at/all"}, FileNotFoundError, "/nowhere/at/all"),
    ],
)
def test_wrong_arguments(
    options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    manifest = inventories.write(("s3", "csv"), tmp_path, ROWS[:3]).manifest
    with pytest.raises(error, match=said):
        pathvein.iscan_inventory(manifest, PATTERN, **options)
    if "max_depth" not in options:
        return
    with pytest.raises(TypeError, match="manifest must be"):
        pathvein.scan_inventory(7, PATTERN)  # type: ignore[arg-type]


def test_too_little_memory(tmp_path: Path, temporary: Path) -> None:
    written = inventories.write(("s3", "parquet"), tmp_path, ROWS)
    with pytest.raises(MemoryError, match="memory limit"):
        pathvein.scan_inventory(
            written.manifest, PATTERN, memory_limit="100kB", temporary_directory=temporary
        )
    assert os.listdir(temporary) == []


def test_closed_and_deleted_in_the_middle(tmp_path: Path, temporary: Path) -> None:
    written = inventories.write(("s3", "csv"), tmp_path, ROWS)
    stream = pathvein.iscan_inventory(written.manifest, PATTERN, temporary_directory=temporary)
    stream.close()
    assert list(stream) == []
    assert os.listdir(temporary) == []
    stream = pathvein.iscan_inventory(written.manifest, PATTERN, temporary_directory=temporary)
    next(stream)
    del stream
    gc.collect()
    assert os.listdir(temporary) == []
    assert not any("inventory" in thread.name for thread in threading.enumerate())


INTERRUPTED = """
import sys, time
import pyarrow
from pathvein._inventories import tables
whole = tables.rows_of
def slow(*arguments):
    for batch in whole(*arguments):
        yield batch
        print("reading", flush=True)
        for _ in range(1200):
            time.sleep(0.05)
            if stop.is_set():
                return
import pathvein._inventories.scanning as scanning
scanning.rows_of = slow
start = scanning._Reading.__init__
def noted(self, *arguments):
    global stop
    start(self, *arguments)
    stop = self._stop
import threading
stop = threading.Event()
scanning._Reading.__init__ = noted
import pathvein
pattern = pathvein.FileStructurePattern()
pathvein.scan_inventory(sys.argv[1], pattern, temporary_directory=sys.argv[2])
"""


def test_ctrl_c_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    written = inventories.write(("s3", "csv"), tmp_path, ROWS)
    command = [sys.executable, "-c", INTERRUPTED, str(written.manifest), str(temporary)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        assert os.listdir(temporary) != []
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert os.listdir(temporary) == []
