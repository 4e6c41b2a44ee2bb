"""Inventories: what scanning one takes beside sorting its keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from driver import patterns
from driver.contestants import HEADINGS, Contestant, measure, row
from driver.places import PYTHON
from driver.report import Bar, Table

from .settings import Settings

_SCRIPT = Path(__file__).with_name("on_inventory.py")
_KEYS, _FILES = 20_000_000, 40
#: Keys of a run.
_RUN = 100
_SORT, _SCAN = "DuckDB sorts the keys", "scan_inventory"


def inventories(settings: Settings) -> Table:
    """keys shuffled over 40 Parquet files of an inventory: a scan beside DuckDB's sorting alone"""
    keys = settings.size(_KEYS, _FILES * _RUN)
    top = settings.trees.filled("inventory", keys, lambda top: _write(top, keys))
    manifest = top / _MANIFEST
    looked_for = patterns.write(settings.scratch / "data.jsonl", [_PATTERN])
    # The bar's gigabyte, and as much less as there are fewer keys: it never fits.
    memory = f"{max(settings.size(1000), 100)}MB"

    def contestant(what: str, name: str, floor: str = "") -> Contestant:
        command = [PYTHON, _SCRIPT, what, manifest, looked_for, memory]
        return Contestant(name, command, floor, counts="keys")

    measured = measure(
        [contestant("sort", _SORT), contestant("scan", _SCAN, _SORT)], settings.rounds
    )
    headings = [heading.replace("floor", _SORT) for heading in HEADINGS]
    bar = Bar(
        f"inventory: of what {_SORT} takes", measured[1].ratio, 1.5, cpu=measured[1].cpu_ratio
    )
    title = f"{keys:,} keys in {_FILES} files, {memory} of memory"
    return Table(title, headings, [row(one) for one in measured], [], [bar])


_PATTERN = {
    "directory_name": "run_*",
    "directories": [{"directory_name": "data", "files": ["*.parquet"]}],
}
_MANIFEST = "inventories/lab/nightly/2026-11-28T01-00Z/manifest.json"


def _write(top: Path, count: int) -> None:
    """An inventory of S3 in Parquet."""
    import numpy
    import pyarrow
    import pyarrow.parquet

    data = top / "inventories/lab/nightly/data"
    data.mkdir(parents=True)
    (top / _MANIFEST).parent.mkdir()
    shuffled = numpy.random.default_rng(7).permutation(count)
    files = []
    for number in range(_FILES):
        part = shuffled[number::_FILES]
        keys = [_key(place) for place in part.tolist()]
        columns = {
            "bucket": pyarrow.array(["lab"] * len(keys)),
            "key": pyarrow.array(keys),
            "is_latest": pyarrow.array([True] * len(keys)),
            "is_delete_marker": pyarrow.array([False] * len(keys)),
            "size": pyarrow.array(part),
        }
        path = data / f"{number:04}.parquet"
        pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="snappy")
        content = path.read_bytes()
        digest = hashlib.md5(content).hexdigest()
        key = str(path.relative_to(top))
        files.append({"key": key, "size": len(content), "MD5checksum": digest})
    manifest = {
        "sourceBucket": "lab",
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "creationTimestamp": "1795827600000",
        "fileFormat": "Parquet",
        "fileSchema": "message s3.inventory {}",
        "files": files,
    }
    content = json.dumps(manifest).encode()
    (top / _MANIFEST).write_bytes(content)
    checksum = (top / _MANIFEST).with_name("manifest.checksum")
    checksum.write_text(hashlib.md5(content).hexdigest())


def _key(place: int) -> str:
    run, file = divmod(place, _RUN)
    return f"lab/project_{run // 1000:03}/run_{run:06}/data/part-{file:04}.parquet"
