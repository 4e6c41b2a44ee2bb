"""A contestant of `driver.contestants`: an inventory, sorted by DuckDB alone, or scanned.

python on_inventory.py sort|scan MANIFEST PATTERNS MEMORY
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# It is run by its path.
sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb

import pathvein
from driver.served import load, rounds


def main(what: str, manifest: str, patterns: str, memory: str) -> None:
    """Do the rounds."""
    loaded = load(patterns)
    told = json.loads(Path(manifest).read_text())
    top = manifest.removesuffix("inventories/lab/nightly/2026-11-28T01-00Z/manifest.json")
    files = [f"{top}{file['key']}" for file in told["files"]]

    def sort(first: Callable[[], object]) -> tuple[dict[str, float], object]:
        with tempfile.TemporaryDirectory() as folder:
            connection = duckdb.connect(
                config={"memory_limit": memory, "temp_directory": folder},
            )
            keys = connection.sql(f"SELECT key FROM read_parquet({files!r}) ORDER BY key")
            count = sum(len(batch) for batch in keys.to_arrow_reader(1 << 17))
            connection.close()
        return {"keys": count}, None

    def scan(first: Callable[[], object]) -> tuple[dict[str, float], object]:
        with pathvein.iscan_inventory(manifest, loaded, memory_limit=memory) as results:
            found = set(results)
            keys = results.stats.keys
        return {"keys": keys, "matches": len(found)}, found

    rounds({"sort": sort, "scan": scan}[what])


if __name__ == "__main__":
    main(*sys.argv[1:])
