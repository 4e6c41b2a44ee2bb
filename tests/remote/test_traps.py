"""Keys and trees that have fooled listers, on every store that can hold them."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

import pathvein
import reference
from cloud import URL_NAMES, below, rows, tree_of, walked
from compare import items
from pathvein import FileStructurePattern as P
from servers import BY_OBSTORE, KEY_STORES, STORES
from servers.list_stub import ListStub
from servers.store import DiskStore, KeyStore, Place, Store
from trees import Dir, File, Link, tree

pytestmark = [
    pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented"),
    # Many of the keys break obstore. What comes of it must be right all the same.
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
]

on_key_stores = pytest.mark.parametrize("store", [*KEY_STORES, *BY_OBSTORE], indirect=True)
on_all_stores = pytest.mark.parametrize("store", STORES, indirect=True)
on_sftp = pytest.mark.parametrize("store", ["sftp-paramiko", "sftp-sshfs"], indirect=True)


def found(source: Any, *patterns: P, **options: Any) -> list[str]:
    """Where a scan finds anything, below the source."""
    options = {"on_error": "raise", **options}
    return sorted(
        path for path, _ in rows(pathvein.scan(source, patterns, **options), source, list(patterns))
    )


def walked_with_errors(source: Any, **options: Any) -> tuple[Any, list[tuple[str, int]]]:
    errors: list[OSError] = []
    listings = walked(source, on_error=errors.append, **options)
    return listings, sorted({(item.path, item.errno) for item in items(errors)})


# Directories --------------------------------------------------------------------------------


@on_key_stores
def test_markers_and_empty_directories(store: KeyStore) -> None:
    """A marker makes its directory exist, even if empty, and is no file."""
    place = store.keys(["src/", "src/empty/", "src/full/", "src/full/f", "src/deep/er/", "x"])
    source = place.below("src").upath
    assert walked(source) == [
        ("", ["deep", "empty", "full"], []),
        ("deep", ["er"], []),
        ("deep/er", [], []),
        ("empty", [], []),
        ("full", [], ["f"]),
    ]
    assert found(source, P("empty"), P("er")) == ["deep/er", "empty"]
    assert found(source, P("*", files=["*"])) == ["full"]


@on_key_stores
def test_a_source_that_is_only_a_marker(store: KeyStore) -> None:
    source = store.keys(["src/", "other"]).below("src").upath
    assert walked(source) == [("", [], [])]
    assert found(source, P("src")) == [""]


@on_key_stores
def test_a_name_that_is_file_and_directory(store: KeyStore) -> None:
    """It counts as both, with its marker and without, and as a source."""
    keys = ["src/a", "src/a/b", "src/a/b/c", "src/m", "src/m/", "src/d", "src/d/x", "src/d.txt"]
    place = store.keys(keys)
    source = place.below("src").upath
    assert walked(source) == [
        ("", ["a", "d", "m"], ["a", "d", "d.txt", "m"]),
        ("a", ["b"], ["b"]),
        ("a/b", [], ["c"]),
        ("d", [], ["x"]),
        ("m", [], []),
    ]
    both = P("*", files=["a"], directories=[P("a", files=["b"], directories=[P("b", files=["c"])])])
    assert found(source, both) == [""]
    assert found(place.below("src/a").upath, P("a", files=["b"])) == [""]
    assert found(source, P("a"), P("m"), exclude=["a/"]) == ["m"]


@on_key_stores
def test_siblings_whose_names_begin_alike(store: KeyStore) -> None:
    """`d1` holds nothing of `d10`, nor of what sorts between it and its slash."""
    others = ["d1-", "d1.", "d1.x", "d1 ", "d1!", "d10", "d100", "d1a", "d", "D1", "d2"]
    keys = ["d1/f", "d1/sub/g", *(f"{name}/{name}" for name in others), "d1.txt", "d1-x"]
    place = store.keys([f"src/{key}" for key in keys])
    listings = walked(place.below("src").upath)
    assert listings == reference.walk_tree(tree_of(keys))
    assert listings[0] == ("", sorted(["d1", *others]), ["d1-x", "d1.txt"])
    assert walked(place.below("src/d1").upath) == [("", ["sub"], ["f"]), ("sub", [], ["g"])]
    source = place.below("src").upath
    assert found(source, P("*"), exclude="d1") == sorted(["", *others])
    assert found(source, P("*"), exclude="d1/**") == sorted(["", "d1", *others])
    assert found(source, P("d1", files=["f"]), max_depth=1) == ["d1"]


@on_all_stores
def test_names_that_urls_take_for_something_else(store: Store) -> None:
    names = [name for name in URL_NAMES if store.can_hold(name)]
    below_them = {name: reference.Tree({}, (name,)) for name in names}
    value = reference.Tree(below_them, ("f", *("f" + name for name in names)))
    with store.tree(value) as place:
        source = place.upath
        assert walked(source) == reference.walk_tree(value)
        pattern = P("*", files=["*"])
        results = list(pathvein.iscan(source, pattern, max_depth=1, on_error="raise"))
        assert sorted(below(r.source, source) for r in results) == sorted(["", *names])
        for result in results[:3]:
            # Not only of the right name: it leads there.
            listing = next(iter(pathvein.walk_python(result.source)))
            assert (below(result.source, source) or "f") in listing[2]


@on_key_stores
def test_keys_that_cannot_be_paths(store: KeyStore) -> None:
    """Each is an error item, its ancestors exist, nothing hangs or is entered."""
    keys = ["src/x//y", "src/x//z", "src//z", "src/./k", "src/../k", "src/d/../../k", "src/d/./e/f"]
    keys += ["src/ok/f", "src/n//", "src/.../f", "src/..a/f", "/lead/f", "./dot", "../up", "//two"]
    place = store.keys(keys)
    listings, errors = walked_with_errors(place.below("src").upath)
    assert listings == [
        ("", ["...", "..a", "d", "n", "ok", "x"], []),
        ("...", [], ["f"]),
        ("..a", [], ["f"]),
        ("d", [], []),
        ("n", [], []),
        ("ok", [], ["f"]),
        ("x", [], []),
    ]
    url = place.url + "/src"
    bad = ["/", "/.", "/..", "/d/.", "/d/..", "/n//", "/x//"]
    assert {code for _, code in errors} == {errno.EINVAL}
    assert {name.removeprefix(url) for name, _ in errors} == {"//", *bad[1:]}

    listings, errors = walked_with_errors(place.upath)
    assert listings[0] == ("", ["src"], [])
    told = {name.removeprefix(place.url) for name, _ in errors}
    assert {"//", "/.", "/.."} <= told
    assert len(errors) == 3 + len(bad)

    source = place.below("src").upath
    assert found(source, P("ok", files=["f"]), on_error="ignore") == ["ok"]
    assert found(source, P("k"), P("lead"), P("up"), P("e"), on_error="ignore") == []
    with pytest.raises(OSError, match="cannot be addressed as a path"):
        pathvein.scan(source, P("ok"), on_error="raise")
    # What is excluded need not be told.
    assert found(place.below("src/ok").upath, P("ok")) == [""]


@pytest.mark.parametrize("store", ["azure"], indirect=True)
def test_names_that_adlfs_loses(store: KeyStore) -> None:
    """A directory that no path can be made of is an error item; what is not is there."""
    place = store.keys(["src/a\nb/f", "src/a\nb/sub/g", "src/c/f", "src/d#/f"])
    listings, errors = walked_with_errors(place.below("src").upath)
    assert listings == [("", ["a\nb", "c", "d#"], []), ("c", [], ["f"])]
    url = f"{place.url}/src"
    assert {(f"{url}/a\nb", errno.EINVAL), (f"{url}/d#", errno.EINVAL)} <= set(errors)
    # Whether what is below them is told, too, is nobody's business.
    assert all(name.startswith((f"{url}/a\nb", f"{url}/d#")) for name, _ in errors)


@pytest.mark.parametrize("store", ["webdav"], indirect=True)
def test_names_that_webdav4_gets_wrong(store: DiskStore) -> None:
    """They are listed, or there is an error item."""
    with store.spec(Dir({"src": tree("a%20b/f", "c#d/f", "e?f/f", "ok/f")})) as (_, place):
        listings, errors = walked_with_errors(place.upath)
        listed = {row[0] for row in listings}
        told = {name.rpartition("/")[2] for name, _ in errors}
        assert listed >= {"", "ok"}
        assert listed | told >= {"a%20b", "c#d", "e?f"}


# Pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "store", [*KEY_STORES, *BY_OBSTORE[:3]], indirect=True
)  # Azurite takes its time to be filled; see test_azure.
def test_more_than_one_page(store: KeyStore) -> None:
    """Pages hold 1,000 keys, or prefixes: directories that lie across a page's end are whole."""
    keys = [f"a/f{i:04}" for i in range(990)]
    keys += [f"b{i:03}/x{j}" for i in range(40) for j in range(3)]
    keys += ["c/d/e/f", "z"]
    place = store.keys([f"src/{key}" for key in keys])
    source = place.below("src").upath
    value = tree_of(keys)
    assert walked(source) == reference.walk_tree(value)
    patterns = [P("a", files=["f0000", "f0989"]), P("b*", files=["x0", "x1", "x2"]), P("d")]
    assert found(source, *patterns) == sorted(["a", *(f"b{i:03}" for i in range(40)), "c/d"])


@pytest.mark.parametrize("store", ["s3-stub", "s3-ministack"], indirect=True)
def test_a_last_page_that_is_full(store: KeyStore) -> None:
    place = store.keys([f"src/d{i:03}/f{j}" for i in range(100) for j in range(10)])
    assert len(found(place.below("src").upath, P("d*", files=[f"f{j}" for j in range(10)]))) == 100


# Sources ------------------------------------------------------------------------------------


@on_all_stores
def test_a_source_that_does_not_exist(store: Store) -> None:
    with store.tree(reference.Tree({"a": reference.Tree({}, ("f",))}, ("file",))) as place:
        url, below_archive, rest = place.url.partition("::")
        for missing in (f"{url.rstrip('/')}_", f"{url.rstrip('/')}/none/at/all"):
            missing += below_archive + rest
            with pytest.raises(FileNotFoundError) as caught:
                pathvein.scan(missing, P("*"), storage_options=place.options)
            assert caught.value.filename is not None
            assert "src" in caught.value.filename


# The fake of Google's has no word for it in the protocol that obstore speaks.
@pytest.mark.parametrize(
    "store",
    [*KEY_STORES, *(name for name in BY_OBSTORE if name != "gcs by obstore")],
    indirect=True,
)
def test_a_bucket_that_does_not_exist(store: KeyStore) -> None:
    place = store.keys(["a/b"])
    missing = Place(f"{place.url}-not-there", place.options)
    for source in (missing, missing.below("a")):
        with pytest.raises(FileNotFoundError) as caught:
            pathvein.scan(source.upath, P("*"))
        assert caught.value.filename.rstrip("/") == str(source.upath).rstrip("/")
        with pytest.raises(FileNotFoundError):
            next(iter(pathvein.walk_python(source.upath)))


@on_all_stores
def test_a_source_that_is_a_file(store: Store) -> None:
    with store.tree(reference.Tree({}, ("file",))) as place:
        url, chain, rest = place.url.partition("::")
        file = f"{url.rstrip('/')}/file{chain}{rest}"
        with pytest.raises(NotADirectoryError) as caught:
            pathvein.scan(file, P("*"), storage_options=place.options)
        assert "file" in caught.value.filename


# In memory, what stands for a bucket is a directory.
@pytest.mark.parametrize("store", [k for k in KEY_STORES if k != "memory"], indirect=True)
def test_the_root_of_a_bucket_has_no_name(store: KeyStore) -> None:
    source = store.keys(["f", "d/f"]).upath
    assert found(source, P("*", files=["f"])) == ["", "d"]
    assert found(source, P("?*", files=["f"])) == ["d"]
    assert found(source, P("", files=["f"])) == ["", "d"]


@pytest.mark.parametrize("store", ["s3-moto", "s3-ministack", "gcs", "azure"], indirect=True)
def test_the_root_of_a_store_holds_its_buckets(store: KeyStore) -> None:
    """Each is a directory, and what is in it is listed as it is when it is the source."""
    place = store.keys(["f", "d/f", "d/a", "d/a/b", "x//y"])
    other = store.keys(["d/f"])
    protocol, name = place.url.split("://")
    root = Place(f"{protocol}://", place.options)
    source = root.upath
    [(_, buckets, files)] = walked(source, max_depth=0)
    assert {name, other.url.split("://")[1]} <= set(buckets)
    assert files == []
    # Other tests have left buckets, too.
    exclude = [f"/{bucket}" for bucket in buckets if bucket != name]
    pattern = P(name, files=["f"], directories=[P("d", files=["a"])])
    results = pathvein.scan(source, pattern, max_depth=1, exclude=exclude)
    assert [(below(r.source, source), type(r.source)) for r in results] == [(name, type(source))]
    listings, told = walked_with_errors(source, exclude=exclude)
    assert [row for row in listings if row[0]] == [
        (name, ["d", "x"], ["f"]),
        (f"{name}/d", ["a"], ["a", "f"]),
        (f"{name}/d/a", [], ["b"]),
        (f"{name}/x", [], []),
    ]
    assert [path.removeprefix(f"{protocol}://") for path, _ in told] == [f"{name}/x//"]


def test_the_root_of_a_store_that_may_not_be_listed(stub: ListStub) -> None:
    """s3fs shows no buckets then, as if there were none."""
    pytest.importorskip("s3fs")
    bucket = stub.bucket(["f"])
    options = {"endpoint_url": bucket.endpoint, "anon": True}
    with pytest.raises(FileNotFoundError, match="ListBuckets") as caught:
        pathvein.scan("s3://", P("*"), storage_options=options)
    assert caught.value.filename == "s3://"


@pytest.mark.parametrize("store", ["azure"], indirect=True)
def test_wrong_credentials_on_azure(store: KeyStore) -> None:
    place = store.keys(["src/f"])
    wrong = place.options["connection_string"].replace("AccountKey=Eby8", "AccountKey=AAAA")
    for source in (place, place.below("src")):
        with pytest.raises(PermissionError) as caught:
            pathvein.scan(source.url, P("*"), storage_options={"connection_string": wrong})
        assert caught.value.filename.rstrip("/") == source.url.rstrip("/")


# SFTP ---------------------------------------------------------------------------------------


@on_sftp
def test_a_directory_that_is_denied(store: DiskStore) -> None:
    world = Dir(
        {"src": Dir({"shut": Dir({"x": File()}, mode=0), "d": tree("f"), "b": tree("c/f")})}
    )
    with store.spec(world) as (top, place):
        denied = f"{place.upath}/shut"
        listings, errors = walked_with_errors(place.upath)
        assert [row[0] for row in listings] == ["", "b", "b/c", "d"]
        assert errors == [(denied, errno.EACCES)]
        assert found(place.upath, P("*", files=["f"]), P("shut"), on_error="ignore") == ["b/c", "d"]
        with pytest.raises(PermissionError) as caught:
            pathvein.scan(place.upath, P("d"), on_error="raise")
        assert caught.value.filename == denied
        with pytest.raises(PermissionError):
            pathvein.scan(f"{place.url}/shut", P("*"), storage_options=place.options)
        # It can satisfy what asks for nothing inside; what asks decides, and is told.
        row: tuple[Any, list[str], list[str]] = (place.upath, ["shut", "d"], [])
        assert P("*", directories=[P("shut")]).matches(row)
        assert not P("*", directories=[P("shut"), P("none")]).matches(row)
        with pytest.raises(PermissionError):
            P("*", directories=[P("shut", files=["x"])]).matches(row)
        assert (top / "src/shut").stat().st_mode & 0o777 == 0


@pytest.mark.parametrize(
    "store",
    [
        "sftp-paramiko",
        "sftp-sshfs",
    ],
    indirect=True,
)
def test_links(store: DiskStore) -> None:
    world = Dir({"src": tree("d/f"), "out": tree("o")})
    source = world.entries["src"]
    assert isinstance(source, Dir)
    for name, target in [("to_d", "src/d"), ("to_out", "out"), ("to_f", "src/d/f")]:
        source.entries[name] = Link(to=target)
    source.entries["broken"] = Link(raw="nowhere")
    source.entries["loop"] = Link(raw=".")
    with store.spec(world) as (top, place):
        for follow in (False, True):
            answer = reference.scan(top / "src", [], follow_links=follow)
            listings, errors = walked_with_errors(place.upath, follow_links=follow)
            expected = [
                (os.path.relpath(path, top / "src").removeprefix("."), sorted(dirs), sorted(files))
                for path, dirs, files in pathvein.walk_parallel(
                    top / "src", follow_links=follow, on_error="ignore"
                )
            ]
            assert listings == sorted(expected)
            codes = [code for _, code in errors]
            assert codes == [item.errno for item in answer.errors]


@on_sftp
def test_a_name_that_is_no_utf8(store: DiskStore) -> None:
    """It is there, as on the disk, or it is an error item; the rest is there in any case."""
    with store.spec(Dir({"src": tree("ok/f", "b\udcffd/f", "e\udcff")})) as (_, place):
        try:
            listings, errors = walked_with_errors(place.upath)
        except OSError as error:
            assert error.filename == str(place.upath)  # noqa: PT017
            return
        assert errors or "b\udcffd" in {row[0] for row in listings}


# The user's own ------------------------------------------------------------------------------


CACHING = ["s3-moto", "s3-ministack", "gcs", "azure", "webdav", "http", "sftp-sshfs", "ftp"]


@pytest.mark.parametrize("store", [*CACHING, *BY_OBSTORE], indirect=True)
def test_the_users_file_system_is_left_as_it_was(store: Store) -> None:
    value = reference.Tree({"d": reference.Tree({}, ("f",))}, ("g",))
    with store.tree(value) as place:
        source = place.upath
        fs = source.fs
        fs.ls(source.path)
        options = dict(fs.storage_options)
        cache = dict(getattr(fs, "dircache", None) or {})
        loop = getattr(fs, "loop", None)
        results = pathvein.scan(source, P("d", files=["f"]), on_error="raise")
        assert walked(source) == reference.walk_tree(value)
        assert len(results) == 1
        assert source.fs is fs
        assert dict(fs.storage_options) == options == {**options}
        assert dict(getattr(fs, "dircache", None) or {}) == cache
        assert getattr(fs, "loop", None) is loop
        assert source.storage_options == place.upath.storage_options
        result: Any
        (result,) = results
        assert type(result.source) is type(source)
        assert result.source.storage_options == source.storage_options
        assert result.source.exists()
        # It still works.
        fs.ls(source.path)


@pytest.mark.parametrize("store", ["s3-moto", "s3-ministack", "gcs", "azure"], indirect=True)
def test_listings_that_were_kept_are_not_believed(store: KeyStore) -> None:
    place = store.keys(["src/old/f"])
    source = place.below("src").upath
    source.fs.find(source.path, withdirs=True)
    source.fs.ls(source.path)
    kept = dict(source.fs.dircache)
    store.put(place, "src/new/f")
    assert found(source, P("*", files=["f"])) == ["new", "old"]
    assert P("*", directories=[P("new", files=["f"])]).matches((source, ["new"], []))
    assert dict(source.fs.dircache) == kept


@pytest.mark.parametrize("store", ["zip", "tar"], indirect=True)
def test_an_archive_that_is_open_is_read_through_that(store: Any, tmp_path: Path) -> None:
    from upath import UPath

    path = tmp_path / "archive"
    store.write(path, ["src/d/f", "src/e/", "src//x"])
    with path.open("rb") as file:
        source = UPath("src", protocol=store.name, fo=file)
        assert found(source, P("d", files=["f"]), P("e"), on_error="ignore") == ["d", "e"]
        assert not file.closed
        (result,) = pathvein.scan(source, P("d"), on_error="ignore")
        assert (result.source / "f").read_bytes() == b""
