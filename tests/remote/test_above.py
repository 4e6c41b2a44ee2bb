"""`assess` on stores and servers: the same answers, by as few listings as a local one takes."""

from __future__ import annotations

from typing import Any

import pytest

from cloud import below
from pathvein import FileStructurePattern as P
from pathvein import assess
from pathvein._remote.filesystems.generic import FileSystem
from reference import Tree
from servers import KEY_STORES, STORES
from servers.store import DiskStore
from trees import Dir, Link, tree

pytestmark = pytest.mark.filterwarnings(
    "ignore:UPath '.*' filesystem not explicitly implemented",
)

DATA = P("data", files=["*.parquet"])
RUN = P("run_*", files=["config.json"], directories=[DATA], optional_files=["*.csv"])
SRC = P("src", optional_directories=[RUN])
SPEC = Tree(
    {
        "run_1": Tree(
            {"data": Tree({}, ("a.parquet", "x.tmp"))}, ("a.csv", "b.csv", "config.json")
        ),
        "run_2": Tree({"data": Tree({}, ("a.parquet",))}, ("a.csv",)),
    }
)
#: The files, and the directories of the matches that they belong to.
EXPECTED = {
    "run_1/data/a.parquet": ["run_1", "run_1/data", ""],
    "run_1/data/x.tmp": [],
    "run_1/config.json": ["run_1", ""],
    "run_1/b.csv": ["run_1", ""],
    "run_2/data/a.parquet": ["run_2/data"],
    "run_2/a.csv": [],
}


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the directories that are listed."""
    paths: list[str] = []
    usual = FileSystem.list

    async def listing(self: FileSystem, rel: str, *options: Any) -> Any:
        paths.append(self.path(rel))
        return await usual(self, rel, *options)

    monkeypatch.setattr(FileSystem, "list", listing)
    return paths


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_every_store(store: Any, listed: list[str]) -> None:
    with store.tree(SPEC) as place:
        source = place.upath
        for rel, expected in EXPECTED.items():
            file = source.joinpath(*rel.split("/"))
            listed.clear()
            found = list(assess(file, [RUN, DATA, SRC]))
            assert [below(result.source, source) for result in found] == expected
            assert len(listed) == len(set(listed))
            assert expected or not listed or rel.startswith("run_2")
            # Nothing is asked of `src`, unless whether `run_1` is a link in it.
            assert store.name in ("webdav", "ftp") or len(listed) <= 2
            for result in found:
                # It is of use as it is.
                assert result.source.storage_options == source.storage_options
                assert result.source.exists()
            url = str(file) if "::" in place.url else place.below(rel).url
            by_url = assess(url, [RUN, DATA, SRC], storage_options=place.options)
            assert [below(result.source, source) for result in by_url] == expected


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_what_is_no_file(store: Any) -> None:
    with store.tree(SPEC) as place:
        missing = place.upath / "run_1/no.csv"
        results = assess(missing, [RUN])
        with pytest.raises(FileNotFoundError) as caught:
            next(results)
        assert caught.value.filename == str(missing)
        assert list(assess(place.upath / "run_1/no.txt", [RUN])) == []
        assert list(assess(place.upath / "run_1/data", P("run_1", optional_files=["*"]))) == []


@pytest.mark.parametrize("store", KEY_STORES, indirect=True)
def test_a_file_that_is_a_directory_as_well(store: Any) -> None:
    pattern = P("src", optional_files=["a"], optional_directories=[P("a", optional_files=["*"])])
    with store.tree(Tree({"a": Tree({}, ("b",))}, ("a",))) as place:
        for rel in ("a", "a/b"):
            assert len(list(assess(place.upath.joinpath(*rel.split("/")), pattern))) == 1


@pytest.mark.parametrize("store", ["sftp-paramiko", "sftp-sshfs"], indirect=True)
def test_links(store: DiskStore) -> None:
    """Those on the way are resolved, and no others followed."""
    inside = tree("run_1/data/a.parquet", "run_1/config.json", "run_2/config.json")
    inside.entries["way"] = Link(to="src/run_1")
    run_2 = inside.entries["run_2"]
    assert isinstance(run_2, Dir)
    run_2.entries["data"] = Link(to="src/run_1/data")
    with store.spec(Dir({"src": inside})) as (_, place):
        source = place.upath
        for name in ("way", "run_1"):
            results = assess(source / name / "data/a.parquet", [RUN, DATA])
            assert [below(result.source, source) for result in results] == ["run_1", "run_1/data"]
        assert list(assess(source / "run_2/config.json", RUN)) == []
