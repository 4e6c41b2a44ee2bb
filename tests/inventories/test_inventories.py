"""Scans and checks of inventories give what the bucket's own listing gives."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathvein_core import ExcludeRules, KeyScan

import inventories
import pathvein
from cloud import below
from inventories import DATE, FORMS, ODD_KEYS, PROTOCOLS, Row, Written
from pathvein import FileStructurePattern as P
from profiles import share
from servers.list_stub import ListStub

PATTERNS = [
    P(files=["*.csv"]),
    P("run*", files=["x.csv"], forbidden_files=["gone*"]),
    P("data", directories=[P("run_*")]),
    P("marker", directories=["inner"]),
]
BUCKET = "lab-bucket"

each_form = pytest.mark.parametrize("form", FORMS, ids="-".join)


@pytest.fixture
def written(form: tuple[str, str], tmp_path: Path) -> Written:
    """An inventory of the odd keys."""
    rows = inventories.with_gone(ODD_KEYS, BUCKET)
    return inventories.write(form, tmp_path / "inventories", rows)


def told(results: Any) -> list[tuple[str, int]]:
    """The paths below the bucket, and which pattern."""
    numbers = {id(pattern): number for number, pattern in enumerate(PATTERNS)}
    found = []
    for result in results:
        _, _, path = str(result.source).partition("://")
        bucket, _, rel = path.partition("/")
        assert bucket == BUCKET
        found.append((rel, numbers[id(result.pattern)]))
    return sorted(found)


@functools.cache
def _listed(endpoint: str) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    stub = ListStub()
    stub.endpoint = endpoint
    bucket = stub.bucket(ODD_KEYS, name=BUCKET)
    options = bucket.options
    results = pathvein.scan(bucket.url, PATTERNS, storage_options=options, on_error="ignore")
    return told(results), told(
        result
        for result in pathvein.check(
            bucket.url, PATTERNS, storage_options=options, on_error="ignore"
        )
        if not result.complete
    )


@each_form
def test_the_answer_is_that_of_the_bucket(
    form: tuple[str, str], written: Written, stub: ListStub, tmp_path: Path
) -> None:
    matches, incomplete = _listed(stub.endpoint)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    errors: list[OSError] = []
    with pathvein.iscan_inventory(
        str(written.manifest), PATTERNS, on_error=errors.append, temporary_directory=temporary
    ) as results:
        assert results.stats.inventory_date == DATE
        found = list(results)
        stats = results.stats
    # adlfs makes another path of these two.
    lost = {f"{written.url}/{BUCKET}/new\nline", f"{written.url}/{BUCKET}/tab\t"}
    lost = lost if form[0] == "azure" else set()
    names = {rel.rpartition("/")[2] for rel in lost}
    assert told(found) == [match for match in matches if match[0] not in names]
    assert {str(result.source.protocol) for result in found} == {PROTOCOLS[form[0]]}
    top = f"{PROTOCOLS[form[0]]}://{BUCKET}"
    assert {error.filename for error in errors} == {f"{top}/dot/.", f"{top}/double//"} | lost
    assert stats.keys == len(ODD_KEYS)
    assert (stats.matches, stats.errors) == (len(found), len(errors))
    assert stats.inventory_date == DATE
    checked = pathvein.check_inventory(written.manifest, PATTERNS, on_error="ignore")
    assert told(one for one in checked if not one.complete) == [
        match for match in incomplete if match[0] not in names
    ]
    assert told(one for one in checked if one.complete) == told(found)
    assert os.listdir(temporary) == []


def test_results_equal_those_of_the_bucket(stub: ListStub, tmp_path: Path) -> None:
    bucket = stub.bucket(ODD_KEYS)
    rows = inventories.with_gone(ODD_KEYS, bucket.name)
    written = inventories.write(("s3", "csv"), tmp_path, rows, bucket=bucket.name)
    options: dict[str, Any] = {"storage_options": bucket.options, "on_error": "ignore"}
    expected = pathvein.scan(bucket.url, PATTERNS, **options)
    assert expected
    assert pathvein.scan_inventory(written.manifest, PATTERNS, **options) == expected
    bucket.forget()
    pathvein.scan_inventory(written.manifest, PATTERNS, **options)
    assert bucket.requests() == []


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[str]:
    """The URL of a place for inventories in memory."""
    fs = fsspec.filesystem("memory")
    fs.pipe("/inventory-bucket/other", b"")
    yield "memory://inventory-bucket"
    fs.rm("/inventory-bucket", recursive=True)


@each_form
def test_a_manifest_in_a_store(
    form: tuple[str, str], written: Written, remote: str, tmp_path: Path
) -> None:
    fs = fsspec.filesystem("memory")
    top = tmp_path / "inventories"
    fs.put(str(top), "/inventory-bucket/inner", recursive=True)
    url = f"{remote}/inner/{written.manifest.relative_to(top)}"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    there = pathvein.scan_inventory(
        url, PATTERNS, on_error="ignore", temporary_directory=str(temporary)
    )
    here = pathvein.scan_inventory(written.manifest, PATTERNS, on_error="ignore")
    assert told(there) == told(here)
    assert os.listdir(temporary) == []


@each_form
def test_files_that_were_copied_beside_the_manifest(written: Written, tmp_path: Path) -> None:
    expected = told(pathvein.scan_inventory(written.manifest, PATTERNS, on_error="ignore"))
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in written.files:
        file.rename(copied / file.name)
    manifest = written.manifest.rename(copied / written.manifest.name)
    if written.checksum is not None:
        written.checksum.rename(copied / written.checksum.name)
    found = pathvein.scan_inventory(manifest, PATTERNS, on_error="ignore")
    assert told(found) == expected


names = st.sampled_from(
    ["a", "b", "run", "run-", "a.b", "%", "+", " ", "\n", '"', "\U0001d11e", "x"]
)
keys = st.lists(names, min_size=1, max_size=4).map("/".join)


@given(
    form=st.sampled_from(FORMS),
    listed=st.sets(keys, min_size=1, max_size=25),
    prefix=st.sampled_from(["", "a", "run", "a/b", "+"]),
    options=st.fixed_dictionaries(
        {
            "exclude": st.sampled_from([(), "b", "/a/x", "run*/"]),
            "max_depth": st.sampled_from([None, 0, 1]),
            "outermost": st.booleans(),
        }
    ),
    files=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
@share(1 / 8)
def test_random_inventories(
    tmp_path_factory: pytest.TempPathFactory,
    form: tuple[str, str],
    listed: set[str],
    prefix: str,
    options: dict[str, Any],
    files: int,
    order: Any,
) -> None:
    patterns = [P(files=["x"]), P("run*"), P(directories=["run"]), P("a", forbidden_files=["b"])]
    top = tmp_path_factory.mktemp("random")
    rows = inventories.with_gone(sorted(listed), BUCKET)
    order.shuffle(rows)
    written = inventories.write(form, top, rows, files=files)
    relative = [
        key.removeprefix(f"{prefix}/") if prefix else key
        for key in listed
        if not prefix or key.startswith(f"{prefix}/")
    ]
    scan = KeyScan(
        patterns,
        prefix.rpartition("/")[2],
        options["max_depth"],
        ExcludeRules(options["exclude"]),
        outermost=options["outermost"],
    )
    scan.keys(scan.whole(), sorted(relative))
    scan.end(scan.whole())
    expected, _ = scan.take()
    asked = f"{BUCKET}/{prefix}".rstrip("/") if form[0] == "azure" else prefix

    def run() -> Any:
        return pathvein.scan_inventory(
            written.manifest, patterns, prefix=asked, on_error=lost.append, **options
        )

    lost: list[OSError] = []
    if prefix and not relative:
        with pytest.raises(FileNotFoundError) as caught:
            run()
        assert caught.value.filename == f"{PROTOCOLS[form[0]]}://{BUCKET}/{prefix}"
        return
    results = run()
    top_path = (
        next(iter(results)).source.with_segments(f"{PROTOCOLS[form[0]]}://{BUCKET}/{prefix}")
        if results
        else None
    )
    found = sorted(
        (below(result.source, top_path), patterns.index(result.pattern)) for result in results
    )
    # Of some names adlfs makes another path.
    unaddressable = {error.filename.partition(f"{BUCKET}/")[2] for error in lost}
    assert not unaddressable or form[0] == "azure"
    kept = [
        match
        for match in expected
        if "/".join(filter(None, (prefix, match[0]))) not in unaddressable
    ]
    assert found == sorted(kept)


def test_an_inventory_of_an_account_has_several_sources(tmp_path: Path) -> None:
    rows = [
        *(Row(key, "lab") for key in ("x.csv", "run/x.csv")),
        *(Row(key, "lab-2") for key in ("run/x.csv", "a/run/x.csv")),
        *(Row(key, "lab0") for key in ("other/y",)),
        *(Row(key, "$web") for key in ("x.csv",)),
    ]
    manifest = inventories.write(("azure", "parquet"), tmp_path, rows[::-1]).manifest

    def found(**options: Any) -> list[str]:
        pattern = P(files=["x.csv"])
        with pathvein.iscan_inventory(manifest, pattern, **options) as results:
            paths = sorted(str(result.source).rstrip("/") for result in results)
            assert results.stats.directories == 9 or options
        return paths

    assert found() == [
        *("az://$web", "az://lab", "az://lab-2/a/run", "az://lab-2/run", "az://lab/run"),
    ]
    # Each is a source of its own.
    assert found(max_depth=0) == ["az://$web", "az://lab"]
    assert found(outermost=True, exclude="/run") == ["az://$web", "az://lab", "az://lab-2/a/run"]
    assert found(prefix="lab-2") == ["az://lab-2/a/run", "az://lab-2/run"]
    assert found(prefix="lab-2/a/") == ["az://lab-2/a/run"]


@pytest.mark.parametrize(("header", "delimiter"), [(False, ","), (True, ";"), (False, "\t")])
def test_csv_as_it_is_asked_for(header: bool, delimiter: str, tmp_path: Path) -> None:
    rows = inventories.with_gone(ODD_KEYS, BUCKET)
    options: dict[str, Any] = {"header": header, "delimiter": delimiter}
    usual = inventories.write(("gcs", "csv"), tmp_path / "usual", rows)
    other = inventories.write(("gcs", "csv"), tmp_path / "other", rows, **options)
    expected = pathvein.scan_inventory(usual.manifest, PATTERNS, on_error="ignore")
    assert expected
    assert pathvein.scan_inventory(other.manifest, PATTERNS, on_error="ignore") == expected


@each_form
def test_files_without_rows(form: tuple[str, str], tmp_path: Path) -> None:
    written = inventories.write(form, tmp_path, [Row("run/x.csv", BUCKET)], files=3)
    assert len(pathvein.scan_inventory(written.manifest, PATTERNS[1])) == 1
    empty = inventories.write(form, tmp_path / "empty", [], files=1)
    assert pathvein.scan_inventory(empty.manifest, P(files=["*"])) == set()


def test_progress_tells_the_date_and_keys_that_are_read(tmp_path: Path) -> None:
    rows = [Row(f"run_{number:04d}/x.csv", BUCKET) for number in range(5000)]
    manifest = inventories.write(("s3", "parquet"), tmp_path, rows).manifest
    seen: list[pathvein.Stats] = []
    pathvein.scan_inventory(manifest, PATTERNS, progress=seen.append, memory_limit="64MB")
    assert seen[-1].keys == 5000
    assert {stats.inventory_date for stats in seen} == {DATE}
    pathvein.check_inventory(manifest, PATTERNS, progress=seen.append)
    assert seen[-1].inventory_date == DATE
