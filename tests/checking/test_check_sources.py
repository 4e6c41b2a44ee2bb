"""Checks and explanations on stores: listed flat and by directories."""

from __future__ import annotations

from typing import Any

import pytest

from pathvein import FileStructurePattern as P
from pathvein import check, explain, scan
from pathvein._checking.texts import lacks
from pathvein._remote import directories
from reference import Tree
from servers.store import Store
from trees import in_memory

pytestmark = [
    pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented"),
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
]

RUN = P.from_text("run_*/{config.json, 2+ *.csv, no FAILED, data/{*.parquet}}")
TABLES = ("a.csv", "b.csv")
VALUE = Tree(
    {
        "run_1": Tree({"data": Tree({}, ("x.parquet",))}, ("config.json", *TABLES)),
        "run_2": Tree({"data": Tree()}, ("Config.json", "a.csv")),
        "run_3": Tree(
            {"old": Tree({"data": Tree({}, ("x.parquet",))})}, ("config.json", *TABLES, "FAILED")
        ),
        "other": Tree({}, ("config.json",)),
    }
)
LINES = {
    "run_1": "",
    "run_2": "config.json (Config.json differs in case), 2+ *.csv (1 there), "
    "data/*.parquet (data/ is empty)",
    "run_3": "data/{*.parquet} (old/data is one level down), no FAILED (there: FAILED)",
}

STORES = [
    "memory",
    "zip",
    "s3-stub",
    "gcs",
    "azure",
    "sftp-paramiko",
    "webdav",
    "s3-stub by obstore",
]


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_stores(store: Store) -> None:
    with store.tree(VALUE) as place:
        results = check(place.upath, RUN, on_error="raise")
        assert {result.source.name: lacks(result) for result in results} == LINES
        found = {(result.source, result.pattern) for result in results if result.complete}
        assert found == set(scan(place.upath, RUN))
        for result in results:
            explanation = explain(result.source, RUN, on_error="raise")
            assert bool(explanation) is result.complete
            assert explanation.source == result.source
            assert (explanation.missing, explanation.unknown) == (result.missing, result.unknown)
        with pytest.raises(FileNotFoundError) as missing:
            explain(place.upath / "no_such", RUN)
        assert "no_such" in str(missing.value.filename)
        with pytest.raises(OSError, match=r"config\.json"):
            explain(place.upath / "other" / "config.json", RUN)


@pytest.mark.parametrize("store", ["s3-stub"], indirect=True)
def test_urls(store: Store) -> None:
    with store.tree(VALUE) as place:
        results = check(place.url, RUN, storage_options=place.options, near=2)
        assert [result.source.name for result in results] == ["run_3"]
        url = f"{place.url}/run_1"
        assert explain(url, RUN, storage_options=place.options, concurrency=2)
        assert not explain(url, RUN, storage_options=place.options, exclude="data")


def test_what_is_only_looked_at_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories that nothing depends on are listed for near misses: their errors are none."""
    listed = directories.list_directory

    async def list_directory(adapter: Any, rel: str, *rest: Any) -> Any:
        if rel in ("old", "data"):
            raise PermissionError(13, "Permission denied", rel)
        return await listed(adapter, rel, *rest)

    monkeypatch.setattr(directories, "list_directory", list_directory)
    with in_memory(VALUE) as source:
        explanation = explain(source / "run_3", RUN, on_error="raise")
        assert lacks(explanation) == "data/{*.parquet}, no FAILED (there: FAILED)"
        with pytest.raises(PermissionError):
            explain(source / "run_1", RUN, on_error="raise")
