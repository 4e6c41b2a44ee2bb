"""Copies from and to stores by the workers of an executor."""

from __future__ import annotations

import uuid
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("upath")

from copies import files_on_disk, written
from executors import Immediate, Unruly
from pathvein import FileStructurePattern as P
from pathvein import shuffle
from servers.store import KeyStore, Store

PATTERN = P("*", files=["*.txt"], optional_directories=[P("data", ["*.bin"])])
FILES = {"a.txt": b"first", "b.txt": b"", "data/x.bin": b"x" * 70_000}


@pytest.fixture
def place(store: Store) -> Any:
    """A directory of the store, as a UPath, that nothing is in."""
    assert isinstance(store, KeyStore)
    return store.keys([]).upath / f"top-{uuid.uuid4().hex[:8]}"


def there(top: Any) -> dict[str, bytes]:
    """What is below a UPath, by a file system without a cache."""
    fs = type(top.fs)(**{**top.fs.storage_options, "use_listings_cache": False})
    below = top.path.rstrip("/")
    return {path[len(below) :].lstrip("/"): fs.cat_file(path) for path in fs.find(below)}


@pytest.mark.parametrize("store", ["memory", "s3-moto"], indirect=True)
def test_there_and_back(place: Any, tmp_path: Path) -> None:
    """In and out, also into each other, by tasks that run twice, late, or are lost."""
    source = written(tmp_path / "src", {**FILES, "no": b""})
    executor = Unruly(Random(3))
    try:
        names = [f"run_{number}" for number in range(6)]
        up = [(source, place / name, PATTERN) for name in names]
        up += [(source, place / "run_3/data/deep", PATTERN), (place, place / "run_1/new", PATTERN)]
        copied = shuffle(up, executor=executor, on_error="ignore")
        assert copied == up[:7]
        assert {each.files for each in copied} == {3}
        down = [(place / name, tmp_path / "down" / name, PATTERN) for name in names]
        assert shuffle(down, executor=executor) == down
    finally:
        executor.shutdown()
    for name in names:
        assert files_on_disk(tmp_path / "down" / name) == FILES


@pytest.mark.parametrize("found", ["whole", "half", "other", "more"])
@pytest.mark.parametrize("store", ["s3-moto"], indirect=True)
def test_only_what_a_lost_worker_has_copied_counts(place: Any, tmp_path: Path, found: str) -> None:
    """A destination at which something comes up between the look at it and the task."""
    source = written(tmp_path / "src", FILES)
    put = {
        "whole": {**FILES, "other": b"?"},
        "half": {"a.txt": b"first", "other": b"?"},
        "other": {"a.txt": b"of somebody else"},
        "more": {"a.txt": b"first", "c.txt": b"of somebody else"},
    }[found]

    class Before(Immediate):
        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            for rel, content in put.items():
                place.fs.pipe_file(f"{place.path}/{rel}", content)
            return super().submit(function, *args, **kwargs)

    results = shuffle([(source, place, PATTERN)], executor=Before())
    is_ours = found in ("whole", "half")
    assert [(each.files, each.bytes) for each in results] == ([(3, 70_005)] if is_ours else [])
    assert there(place) == (put | FILES if is_ours else put)
