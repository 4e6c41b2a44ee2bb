"""Scans of stores that are not Amazon's: what is found, and what would be right."""

from __future__ import annotations

import warnings
from typing import Any

from upath import UPath

import reference
from cloud import rows, tree_of
from compare import expected_rows
from pathvein import FileStructurePattern, Stats, iscan
from reference import Pat
from servers.azure import KEY
from servers.quirks import Quirky
from servers.recorder import Recorder

PAGE = 10
GROUPS = [
    *(f"g{g}/run_{r:02}/f{f}.csv" for g in range(24) for r in range(10) for f in range(4)),
    *(f"g{g}/run_{r:02}/config.json" for g in range(24) for r in range(0, 10, 2)),
    *(f"g{g}/notes" for g in range(24)),
    # The order of UTF-16 is another.
    *("g5/\ufffd", "\ufffd/run_0/config.json", "z\ufffd"),
    *(f"z\U00010000/run_{r:02}/config.json" for r in range(30)),
]


def options_of(kind: str, endpoint: str) -> dict[str, Any]:
    if kind == "azure":
        where = f"AccountName=acc;AccountKey={KEY};BlobEndpoint={endpoint}/acc"
        return {"connection_string": where}
    if kind == "gcs":
        return {"endpoint_url": endpoint, "token": "anon", "project": "t"}
    return {"endpoint_url": endpoint, "key": "x", "secret": "x"}


def scanned(
    kind: str,
    lister: Any,
    keys: list[str],
    quirks: tuple[str, ...],
    page_size: int = PAGE,
    **options: Any,
) -> tuple[list[tuple[str, int]], list[OSError], Stats | None, Quirky]:
    """What is found, error items, counts, and the store."""
    store = Quirky([f"data/{key}" for key in keys], quirks, page_size=page_size)
    pattern = FileStructurePattern("run_*", files=["config.json"])
    errors: list[OSError] = []
    with Recorder(store) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        protocol = {"s3": "s3", "gcs": "gs", "azure": "az"}[kind]
        url = f"{protocol}://bucket/data"
        source = UPath(url, **options_of(kind, server.endpoint), skip_instance_cache=True)
        try:
            with iscan(source, pattern, lister=lister, on_error=errors.append, **options) as found:
                return rows(found, source, [pattern]), errors, found.stats, store
        except OSError as error:
            return [], [error], None, store


def expected(keys: list[str], **options: Any) -> list[tuple[str, int]]:
    pattern = Pat("run_*", ("config.json",))
    answer = reference.scan_tree(tree_of(keys), "data", [pattern], **options)
    return expected_rows(answer, [pattern])
