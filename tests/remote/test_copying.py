"""Copying from, to and between stores: each kind of store, against its server."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

pytest.importorskip("upath")

from copies import copied, files_on_disk, on_disk, opened, written
from pathvein import FileStructurePattern as P
from pathvein._remote import retry
from pathvein._remote.copying import transfers
from pathvein._remote.copying.files.objects import ObjectFiles
from servers.store import DiskStore, KeyStore, Store
from servers.wire import Wire

STORES = ["memory", "s3-moto", "gcs", "azure", "sftp-paramiko", "sftp-sshfs"]
#: Those whose directories are nothing but prefixes.
FLAT = ["s3-moto", "gcs", "azure"]

PATTERN = P(
    "*",
    files=["*.txt"],
    directories=[P("data*", files=["*.bin"], optional_directories=[P("deep", ["*"])])],
    optional_files=["maybe"],
    optional_directories=[P("empty")],
)
PATTERN_OF_FILES = P("*", ["*"])
#: What belongs to the match.
FILES = {
    "a.txt": b"first",
    "none.txt": b"",
    "maybe": b"?",
    "data1/x.bin": bytes(range(256)) * 400,
    "data1/deep/\u00e9 b+&%": b"odd",
    "data2/y.bin": b"y",
}
#: What does not.
OTHERS = {"a.csv": b"no", "data1/x.tmp": b"no", "data3/x.tmp": b"no", "more/deep/x": b"no"}


@pytest.fixture
def place(store: Store) -> Iterator[Any]:
    """A directory of the store, as a UPath, that nothing is in."""
    with contextlib.ExitStack() as stack:
        if isinstance(store, KeyStore):
            yield store.keys([]).upath / f"top-{uuid.uuid4().hex[:8]}"
            return
        assert isinstance(store, DiskStore)
        top = store.served / uuid.uuid4().hex
        top.mkdir()
        os.chmod(top, 0o777)
        yield store.place(top).upath
        stack.pop_all()


def put(top: Any, files: dict[str, bytes]) -> Any:
    """Put files below a UPath by its own file system; a `/` at the end makes a directory."""
    for rel, content in files.items():
        path = f"{top.path.rstrip('/')}/{rel}"
        if not rel.endswith("/"):
            if "/" in rel or top.protocol in ("sftp", "ssh"):
                top.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            top.fs.pipe_file(path, content)
        elif top.protocol in ("memory", "sftp", "ssh"):
            top.fs.makedirs(path.rstrip("/"), exist_ok=True)
    return top


def names(top: Any) -> list[str]:
    """All files at or below a UPath, by a file system without a cache."""
    fs = top.fs
    if top.protocol in ("s3", "gs", "az"):
        fs = type(fs)(**{**fs.storage_options, "use_listings_cache": False})
    with contextlib.suppress(FileNotFoundError):
        return sorted(fs.find(top.path, withdirs=False))
    return []


def content(top: Any) -> dict[str, bytes]:
    """The files below a UPath, as pathvein itself copies them to memory."""
    from fsspec.implementations.memory import MemoryFileSystem
    from upath import UPath

    name = f"/content-{uuid.uuid4().hex}"
    everything = P("*", optional_files=["*"])
    for _ in range(4):
        everything = P("*", optional_files=["*"], optional_directories=[everything])
    [done] = copied([(top, UPath(f"memory:/{name}"), everything)])
    assert (done.kind, done.errors) == ("copied", [])
    store = MemoryFileSystem.store
    keys = [key for key in store if key.startswith(f"{name}/")]
    return {key[len(name) + 1 :]: store.pop(key).getvalue() for key in keys}


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_there_and_back(place: Any, tmp_path: Path) -> None:
    """Up, from one place of the store to another, and down: what belongs, and nothing else."""
    source = written(tmp_path / "src", {**FILES, **OTHERS, "empty/": b"", "data3/": b""})
    size = sum(map(len, FILES.values()))
    [up] = copied([(str(source), place / "up", PATTERN)])
    assert up == ("copied", 6, size, [], [], [])
    assert content(place / "up") == FILES
    [within] = copied([(place / "up", place / "twin", PATTERN)])
    assert within == ("copied", 6, size, [], [], [])
    [down] = copied([(place / "twin", str(tmp_path / "down"), PATTERN)])
    assert down == ("copied", 6, size, [], [], [])
    # The empty directories have come along: in stores, as empty objects that stand for them.
    there = on_disk(tmp_path / "down")
    assert files_on_disk(tmp_path / "down") == FILES
    assert sorted(rel for rel, found in there.items() if found is None) == [
        *("data1", "data1/deep", "data2", "empty"),
    ]
    assert sorted(os.listdir(tmp_path)) == ["down", "src"]


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_large_files(place: Any, tmp_path: Path) -> None:
    """In several parts, the last of which is smaller, and exactly one part."""
    part = 5 * 2**20
    files = {"large": os.urandom(2 * part + 17), "exact": os.urandom(2 * part), "one": b"1" * part}
    source = written(tmp_path / "src", files)
    pattern = P("*", ["*"])
    ways = [
        (str(source), place / "up"),
        (place / "up", place / "twin"),
        (place / "twin", str(tmp_path / "down")),
    ]
    for way in ways:
        [done] = copied([(*way, pattern)])
        assert (done.kind, done.errors) == ("copied", [])
    assert files_on_disk(tmp_path / "down") == files


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_what_is_there_stays(place: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a.txt": b"new", "data/x.bin": b"new"})
    put(place, {"dst/other": b"old"})
    [done] = copied([(str(source), place / "dst", PATTERN)])
    assert done == ("exists", 0, 0, [], [], [])
    assert content(place / "dst") == {"other": b"old"}
    # A file is something, too.
    put(place, {"file": b"old"})
    assert copied([(str(source), place / "file", PATTERN)])[0].kind == "exists"
    # And what begins alike is something else.
    put(place, {"dst2-/x": b"old", "dst2.x": b"old"})
    assert copied([(str(source), place / "dst2", PATTERN)])[0].kind == "copied"


# fake-gcs-server does not know the condition.
@pytest.mark.parametrize("store", ["s3-moto", "azure"], indirect=True)
@pytest.mark.parametrize("size", [1, 11 * 2**20])
def test_what_is_there_by_then_stays(
    store: Any, place: Any, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not there when the destination was looked at."""
    source = written(tmp_path / "src", {"a.bin": b"x" * size, "b.bin": b"x"})
    pattern = P("*", ["*"])
    assert copied([(str(source), place / "src", pattern)])[0].kind == "copied"
    put(place, {"up/a.bin": b"old", "within/a.bin": b"old", "late/b.bin": b"old"})

    async def nothing(self: Any, path: str) -> None:
        return None

    monkeypatch.setattr(ObjectFiles, "kind", nothing)
    matches = [
        (str(source), place / "up", pattern),
        (place / "src", place / "within", pattern),
        (str(source), place / "late", pattern),
    ]
    up, within, late = copied(matches)
    assert (up.kind, late.kind) == ("exists", "failed")
    assert isinstance(late.errors[0], FileExistsError)
    assert content(place / "up") == {"a.bin": b"old"}
    assert content(place / "late") == {"b.bin": b"old"}
    if store.name == "azure":  # moto does not look at the condition of a copy
        assert within.kind == "exists"
        assert content(place / "within") == {"a.bin": b"old"}


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_overwriting_replaces_and_adds(place: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a.txt": b"new", "data/x.bin": b"new", "data/y.bin": b"y"})
    put(place, {"dst/other": b"old", "dst/a.txt": b"older", "dst/data/x.bin": b"old"})
    [done] = copied([(str(source), place / "dst", PATTERN)], overwrite=True)
    assert done == ("copied", 3, 7, [], [], [])
    want = {"other": b"old", "a.txt": b"new", "data/x.bin": b"new", "data/y.bin": b"y"}
    assert content(place / "dst") == want
    [done] = copied([(str(source), place / "fresh", PATTERN)], overwrite=True)
    assert done.kind == "copied"
    assert [name for name in names(place) if "pathvein-" in name.rpartition("/")[2]] == []


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_to_another_store(place: Any) -> None:
    from upath import UPath

    memory = UPath(f"memory://other-{uuid.uuid4().hex}")
    put(memory, {f"src/{rel}": data for rel, data in FILES.items()})
    assert copied([(memory / "src", place / "up", PATTERN)])[0].kind == "copied"
    assert copied([(place / "up", memory / "back", PATTERN)])[0].kind == "copied"
    assert content(memory / "back") == FILES


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_nothing_is_written_in_a_dry_run(place: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", FILES)
    put(place, {"src/a.txt": b"1", "src/data/x.bin": b"22", "taken/x": b""})
    before = names(place)
    matches = [
        (str(source), place / "up", PATTERN),
        (place / "src", str(tmp_path / "down"), PATTERN),
        (str(source), place / "taken", PATTERN),
    ]
    up, down, taken = copied(matches, dryrun=True)
    assert up == ("copied", 6, sum(map(len, FILES.values())), [], [], [])
    assert down == ("copied", 2, 3, [], [], [])
    assert taken.kind == "exists"
    assert names(place) == before
    assert os.listdir(tmp_path) == ["src"]


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_a_source_that_does_not_exist(place: Any, tmp_path: Path) -> None:
    put(place, {"there/a.txt": b"1"})
    matches = [
        (place / "not", str(tmp_path / "not"), PATTERN),
        (str(tmp_path / "nor"), place / "nor", PATTERN),
        (place / "there", str(tmp_path / "there"), PATTERN),
    ]
    missing, local, there = copied(matches)
    for done, url in ((missing, str(place / "not")), (local, str(tmp_path / "nor"))):
        [error] = done.errors
        assert done.kind == "failed"
        assert isinstance(error, FileNotFoundError)
        assert error.filename == url
    assert there.kind == "copied"
    assert os.listdir(tmp_path) == ["there"]
    assert not any("/nor" in name for name in names(place))


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_the_users_cache_does_not_hide_what_was_written(place: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a.txt": b"1", "data/x.bin": b"2"})
    put(place, {"dst/data/old": b""})
    fs, path = place.fs, f"{place.path.rstrip('/')}/dst"
    assert len(fs.ls(path)) == len(fs.ls(f"{path}/data")) == 1
    copied([(str(source), place / "dst", PATTERN)], overwrite=True)
    assert len(fs.ls(path)) == len(fs.ls(f"{path}/data")) == 2
    assert place.fs is fs


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_many_matches_and_what_they_share(place: Any, tmp_path: Path) -> None:
    """One destination twice, one in that of another, and twenty beside."""
    pattern = P("*", ["*"])
    sources = [written(tmp_path / f"src{n:02}", {"f": b"%d" % n}) for n in range(20)]
    matches = [(str(source), place / source.name, pattern) for source in sources]
    matches += [
        (str(sources[1]), place / "one", pattern),
        (str(sources[0]), place / "one", pattern),
        (str(sources[2]), place / "outer/inner", pattern),
        (str(sources[3]), place / "outer", pattern),
    ]
    producer = opened(matches)
    assert producer.conflicts() == [(20, 21)]
    assert names(place) == []
    producer.close()
    done = copied(matches)
    assert [d.kind for d in done[:20]] == ["copied"] * 20
    assert [d.kind for d in done[20:]] == ["conflict", *["copied"] * 3]
    assert content(place / "one") == {"f": b"0"}
    assert content(place / "outer") == {"f": b"3", "inner/f": b"2"}


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_overlaps_are_refused_before_anything_is_written(place: Any) -> None:
    put(place, {"src/a.txt": b"1", "src/data/x.bin": b"2"})
    before = names(place)
    matches = [
        (place / "src", place / "src/new", PATTERN),
        (place / "src", place / "src", PATTERN),
        (place / "src", place, PATTERN),
    ]
    inside, same, above = copied(matches)
    assert inside.kind == "failed"
    assert "copied into itself" in str(inside.errors[0])
    assert (same.kind, above.kind) == ("exists", "exists")
    assert [done.kind for done in copied(matches, overwrite=True)] == ["failed"] * 3
    assert names(place) == before


# Keys that are no paths ----------------------------------------------------------------------


@pytest.mark.parametrize("store", FLAT, indirect=True)
def test_keys_that_lead_elsewhere_fail_before_anything_is_written(
    store: Any, tmp_path: Path
) -> None:
    keys = ["a/../../x", "b//x", "c/./x", "d/ok", "e/x/..", "f/t", "f/t/x"]
    top = store.keys([f"top/{key}" for key in keys]).upath / "top"
    # Some servers put names right: then there is no such directory, or nothing bad in it.
    bad = [name for name in "abcef" if store.name != "azure" or name in "bf"]
    pattern = P("*", optional_files=["*"])
    for _ in range(2):
        pattern = P("*", optional_files=["*"], optional_directories=[pattern])
    matches = [(top / name, str(tmp_path / "out" / name), pattern) for name in [*bad, "d"]]
    *failed, fine = copied(matches)
    for name, done in zip(bad, failed, strict=True):
        assert (name, done.kind) == (name, "failed")
        assert {error.errno for error in done.errors} == {errno.EINVAL}
        assert all(e.filename.startswith(str(top / name)) for e in done.errors)
    assert fine.kind == "copied"
    assert files_on_disk(tmp_path) == {"out/d/ok": b"x"}


@pytest.mark.parametrize("store", FLAT, indirect=True)
def test_keys_that_lead_elsewhere_and_do_not_belong_are_no_matter(
    store: Any, tmp_path: Path
) -> None:
    top = store.keys(["src/ok.txt", "src/no//x", "src//x", "src/no/x"]).upath / "src"
    [done] = copied([(top, str(tmp_path / "out"), P("*", ["*.txt"]))])
    assert (done.kind, done.errors) == ("copied", [])
    assert os.listdir(tmp_path / "out") == ["ok.txt"]


@pytest.mark.parametrize("store", FLAT, indirect=True)
def test_names_of_files_and_directories_may_be_the_same_in_stores(
    store: Any, tmp_path: Path
) -> None:
    top = store.keys(["src/t", "src/t/x", "src/m/"]).upath
    pattern = P("*", ["*"], optional_directories=[P("*", ["*"])])
    [done] = copied([(top / "src", top / "dst", pattern)])
    assert (done.kind, done.files) == ("copied", 2)
    # Down it would be both.
    [done] = copied([(top / "dst", str(tmp_path / "out"), pattern)])
    assert done.kind == "failed"
    assert "file and of a directory" in str(done.errors[0])
    [done] = copied([(top / "dst", str(tmp_path / "out"), P("*", ["*"]))])
    assert files_on_disk(tmp_path / "out") == {"t": b"x"}


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_names_that_are_not_utf_8_cannot_be_sent(place: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a.txt": b"1", "data/ok.bin": b"2"})
    (source / os.fsdecode(b"\xff.txt")).write_bytes(b"3")
    [done] = copied([(str(source), place / "dst", PATTERN)])
    assert done.kind == "failed"
    assert "UTF-8" in str(done.errors[0])
    assert names(place / "dst") == []


# Links and special files ----------------------------------------------------------------------


@pytest.mark.parametrize("store", ["sftp-paramiko", "sftp-sshfs"], indirect=True)
def test_links_and_special_files_of_servers(store: Any, tmp_path: Path) -> None:
    from trees import Dir, Fifo, File, Link, Socket

    spec = Dir(
        {
            "elsewhere": Dir({"x": File()}),
            "src": Dir(
                {
                    "file": File(),
                    "link": Link(to="src/file"),
                    "broken": Link(raw="nowhere"),
                    "fifo": Fifo(),
                    "socket": Socket(),
                    "dir": Link(to="elsewhere"),
                    "other": Link(to="elsewhere"),
                }
            ),
        }
    )
    pattern = P("*", ["*"], optional_directories=[P("dir", ["*"])])
    with store.spec(spec) as (top, place):
        (top / "src" / "file").write_bytes(b"content")
        [done] = copied([(place.upath, str(tmp_path / "out"), pattern)])
    assert (done.kind, done.errors) == ("copied", [])
    assert sorted(done.skipped) == [
        ("broken", "broken link"),
        ("dir", "link to a directory"),
        ("fifo", "fifo"),
        ("socket", "socket"),
    ]
    assert on_disk(tmp_path / "out") == {"file": b"content", "link": b"content"}


# Directories of servers -----------------------------------------------------------------------


@pytest.mark.parametrize("store", ["sftp-paramiko", "sftp-sshfs"], indirect=True)
def test_a_link_at_a_server_is_not_written_through(store: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a.txt": b"new", "data/x.bin": b"new"})
    top = store.served / uuid.uuid4().hex
    for name in ("", "outside", "dst"):
        (top / name).mkdir()
        os.chmod(top / name, 0o777)
    (top / "outside" / "a.txt").write_bytes(b"old")
    (top / "link").symlink_to("outside")
    (top / "dst" / "data").symlink_to("../outside")
    (top / "files").mkdir()
    os.chmod(top / "files", 0o777)
    (top / "files" / "a.txt").symlink_to("../outside/a.txt")
    place = store.place(top).upath
    before = on_disk(top / "outside")
    for name in ("link", "dst", "files"):
        [done] = copied([(str(source), place / name, PATTERN)], overwrite=True)
        assert (name, done.kind) == (name, "failed")
        assert "link" in str(done.errors[0])
    assert on_disk(top / "outside") == before
    [done] = copied([(str(source), place / "link", PATTERN)])
    assert done.kind == "exists"
    assert not [name for name in os.listdir(top / "files") if name.startswith(".")]


@pytest.mark.parametrize("store", ["sftp-paramiko", "sftp-sshfs"], indirect=True)
def test_a_match_appears_whole_or_not_at_all(store: Any, tmp_path: Path) -> None:
    """A file of the source is gone when it is its turn."""
    source = written(tmp_path / "src", {f"f{n}.txt": b"x" for n in range(20)})
    top = store.served / uuid.uuid4().hex
    top.mkdir()
    os.chmod(top, 0o777)

    place = store.place(top).upath
    with pytest.MonkeyPatch.context() as patch:
        from pathvein._remote.copying import sources

        read = sources.LocalMatch._read

        def vanishing(self: Any, file: Any, length: int) -> Any:
            if file.path == "f7.txt":
                (source / "f7.txt").unlink()
            return read(self, file, length)

        patch.setattr(sources.LocalMatch, "_read", vanishing)
        [done] = copied([(str(source), place / "made/dst", P("*", ["*"]))])
    [error] = done.errors
    assert done.kind == "failed"
    assert isinstance(error, FileNotFoundError)
    assert error.filename == str(source / "f7.txt")
    assert on_disk(top) == {}


@pytest.mark.parametrize("store", ["sftp-paramiko", "sftp-sshfs"], indirect=True)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
# paramiko sends requests ahead in a thread of its own, which then ends with an exception.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_connection_that_is_cut(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, in the middle of a file: it is made again. For good: the match fails."""
    # Long enough that a busy machine has seen that the connection is gone before the last try.
    monkeypatch.setattr(transfers, "_FIRST_DELAY", 0.1)
    monkeypatch.setattr(retry, "_LONGEST_DELAY", 0.1)
    files = {"small.txt": b"x", "large.txt": os.urandom(8 * 2**20)}
    source = written(tmp_path / "src", files)
    top = store.served / uuid.uuid4().hex
    top.mkdir()
    os.chmod(top, 0o777)
    written(top / "src", files)
    with Wire(store.port) as wire:
        place = wire.place(store.place(top)).upath
        assert place.fs
        wire.after(3 * 2**20, wire.cut)
        [down] = copied([(place / "src", str(tmp_path / "down"), PATTERN_OF_FILES)])
        assert (down.kind, down.errors) == ("copied", [])
        assert (down.files, down.bytes) == (2, 8 * 2**20 + 1)
    with Wire(store.port) as wire:
        place = wire.place(store.place(top)).upath
        assert place.fs
        # What the server says while a file is sent to it is little.
        wire.after(10_000, wire.cut)
        [up] = copied([(str(source), place / "up", PATTERN_OF_FILES)])
        assert (up.kind, up.errors) == ("copied", [])
    with Wire(store.port) as wire:
        place = wire.place(store.place(top)).upath
        assert place.fs
        wire.after(3 * 2**20, wire.end)
        [lost] = copied([(place / "src", str(tmp_path / "lost"), PATTERN_OF_FILES)])
        assert lost.kind == "failed"
        assert lost.errors[0].filename in [str(place / "src" / name) for name in files]
    assert files_on_disk(tmp_path / "down") == files_on_disk(top / "up") == files
    assert sorted(os.listdir(tmp_path)) == ["down", "src"]


@pytest.mark.parametrize("store", ["sftp-paramiko"], indirect=True)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_connection_that_is_gone_is_no_end_of_a_file(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As paramiko takes it where it finds that when it asks, and not when it waits."""
    import paramiko

    files = {"f.bin": os.urandom(100_000)}
    top = store.served / uuid.uuid4().hex
    written(top / "src", files)
    readv, calls = paramiko.SFTPFile.readv, itertools.count()

    def read(file: Any, chunks: Any, *arguments: Any) -> Any:
        if next(calls) == 0:
            file.sftp.get_channel().close()
            return iter([b"short"])
        return readv(file, chunks, *arguments)

    monkeypatch.setattr(paramiko.SFTPFile, "readv", read)
    source = store.place(top).upath / "src"
    [down] = copied([(source, str(tmp_path / "down"), PATTERN_OF_FILES)])
    assert (down.kind, down.errors) == ("copied", [])
    assert files_on_disk(tmp_path / "down") == files
    assert next(calls) > 1


# Local ends that are UPaths, and what is excluded ---------------------------------------------


@pytest.mark.filterwarnings("ignore:UPath 'dir' filesystem:UserWarning")
def test_urls_of_this_machine_are_local(tmp_path: Path) -> None:
    from upath import UPath

    source = written(tmp_path / "src", FILES)
    memory = UPath(f"memory://urls-{uuid.uuid4().hex}")
    assert copied([(UPath(f"file://{source}"), memory / "dst", PATTERN)])[0].kind == "copied"
    down = UPath(f"dir://::file://{tmp_path}") / "down"
    assert copied([(memory / "dst", down, PATTERN)])[0].kind == "copied"
    assert files_on_disk(tmp_path / "down") == FILES
    # The same place, however it is written.
    matches = [(memory / "dst", down, PATTERN), (memory / "dst", str(tmp_path / "down"), PATTERN)]
    producer = opened(matches)
    assert producer.conflicts() == [(1, 0)]
    producer.close()


@pytest.mark.parametrize("to_store", [True, False])
def test_what_is_excluded_is_absent(to_store: bool, tmp_path: Path) -> None:
    from pathvein_core import ExcludeRules
    from upath import UPath

    memory = UPath(f"memory://excluded-{uuid.uuid4().hex}")
    files = {"a.txt": b"1", "b.txt": b"2", "data1/x.bin": b"3", "data2/x.bin": b"4"}
    source: Any = put(memory / "top", {f"src/{rel}": data for rel, data in files.items()})
    destination: Any = str(tmp_path / "out")
    if to_store:
        source = written(tmp_path / "top", {f"src/{rel}": data for rel, data in files.items()})
        destination = memory / "out"
    start = source / "src" if not to_store else str(source / "src")
    rules = ExcludeRules(["/src/b.txt", "data2/"])
    [done] = copied([(start, destination, PATTERN)], exclude=rules, exclude_base=str(source))
    assert (done.kind, done.files) == ("copied", 2)
    there = content(destination) if to_store else files_on_disk(tmp_path / "out")
    assert there == {"a.txt": b"1", "data1/x.bin": b"3"}


# Archives -------------------------------------------------------------------------------------


def test_an_archive_is_a_source(tmp_path: Path) -> None:
    from upath import UPath

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for rel, data in {**FILES, **OTHERS}.items():
            archive.writestr(f"src/{rel}", data)
        archive.writestr("bad/../x.txt", b"1")
    url = f"zip://src::file://{tmp_path}/a.zip"
    memory = UPath(f"memory://zip-{uuid.uuid4().hex}")
    matches = [
        (UPath(url), str(tmp_path / "out"), PATTERN),
        (UPath(url), memory / "dst", PATTERN),
        (UPath(url), UPath(url).parent / "new", PATTERN),
    ]
    local, remote, into = copied(matches)
    assert (local.kind, remote.kind, into.kind) == ("copied", "copied", "failed")
    assert files_on_disk(tmp_path / "out") == content(memory / "dst") == FILES


@pytest.mark.parametrize("store", FLAT, indirect=True)
def test_listings_above_that_the_user_has_show_the_destination(place: Any, tmp_path: Path) -> None:
    (place / "other" / "file").write_bytes(b"")
    assert [path.name for path in place.iterdir()] == ["other"]
    source = written(tmp_path / "match", {"file": b"content"})
    (done,) = copied([(str(source), place / "new", PATTERN_OF_FILES)])
    assert done.kind == "copied"
    assert sorted(path.name for path in place.iterdir()) == ["new", "other"]


@pytest.mark.parametrize("store", ["sftp-paramiko"], indirect=True)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_sftp_holds_no_more_than_it_reads_ahead(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that is read faster than it is asked for in advance."""
    from paramiko.sftp_file import SFTPFile

    content = os.urandom(2**20) * 24 + b"end"
    top = written(store.served / uuid.uuid4().hex, {"file": content})
    held: list[int] = []
    request = SFTPFile._prefetch_thread

    def slow(file: Any, chunks: Any, most: Any) -> None:
        request(file, chunks[:1], most)
        time.sleep(0.05)  # all that was asked for has come: it takes that for the end
        request(file, chunks[1:], most)

    def close(file: Any, original: Any = SFTPFile.close) -> None:
        held.append(sum(map(len, file._prefetch_data.values())))
        original(file)

    monkeypatch.setattr(SFTPFile, "_prefetch_thread", slow)
    monkeypatch.setattr(SFTPFile, "close", close)
    (done,) = copied([(store.place(top).upath, tmp_path / "copy", PATTERN_OF_FILES)])
    assert done.kind == "copied"
    assert (tmp_path / "copy/file").read_bytes() == content
    assert held
    assert max(held) <= 6 * 2**20


@pytest.mark.parametrize("store", ["sftp-paramiko"], indirect=True)
def test_a_thread_that_is_about_to_make_a_file_is_awaited(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from paramiko import SFTPClient

    source = written(tmp_path / "src", {f"f{n}.txt": b"x" for n in range(4)})
    top = store.served / uuid.uuid4().hex
    top.mkdir()
    os.chmod(top, 0o777)

    def late(client: Any, path: str, mode: str = "r", original: Any = SFTPClient.open) -> Any:
        if "w" in mode and path.endswith("f0.txt"):
            raise PermissionError(13, "no", path)
        time.sleep(0.3)
        return original(client, path, mode)

    def slow(client: Any, path: str, original: Any = SFTPClient.rmdir) -> None:
        time.sleep(0.5)
        original(client, path)

    monkeypatch.setattr(SFTPClient, "open", late)
    monkeypatch.setattr(SFTPClient, "rmdir", slow)
    [done] = copied([(str(source), store.place(top).upath / "dst", P("*", ["*"]))])
    assert done.kind == "failed"
    time.sleep(0.5)
    assert on_disk(top) == {}


@pytest.mark.parametrize("dryrun", [False, True])
def test_what_cannot_be_written_to_says_so(tmp_path: Path, dryrun: bool) -> None:
    from upath import UPath

    source = written(tmp_path / "src", {"f": b"x"})
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("there/f", "")
    before = archive.read_bytes()
    url = f"zip://new::{archive}"
    [done] = copied([(str(source), UPath(url), P("*", ["*"]))], dryrun=dryrun)
    assert done.kind == "failed"
    assert done.errors[0].errno == errno.EROFS
    assert done.errors[0].filename == url
    assert "cannot be written to" in str(done.errors[0])
    assert archive.read_bytes() == before


@pytest.mark.parametrize("store", ["http"], indirect=True)
def test_http_cannot_be_written_to(store: Any, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"f": b"x"})
    top = written(store.served / uuid.uuid4().hex, {"f": b"x"})
    place = store.place(top).upath / "new"
    [done] = copied([(str(source), place, P("*", ["*"]))])
    assert done.kind == "failed"
    assert done.errors[0].errno == errno.EROFS
    assert done.errors[0].filename == str(place)


def test_a_match_whose_name_no_path_can_have_does_not_stop_the_others(tmp_path: Path) -> None:
    from upath import UPath

    from pathvein import ShuffleError, scan, shuffle_to

    top = UPath(f"memory://nul-{uuid.uuid4().hex}")
    for name in ("good", "n\0ul"):
        top.fs.pipe_file(f"{top.path}/{name}/f", b"x")
    matches = scan(top, P("*", ["f"]))
    assert len(matches) == 2
    local = written(tmp_path / "also", {"f": b"y"})
    both: list[Any] = [*matches, *scan(local, P("*", ["f"]))]
    with pytest.raises(ShuffleError) as caught:
        shuffle_to(both, tmp_path / "out")
    assert sorted(result.source.name for result in caught.value.results) == ["also", "good"]
    [failed] = caught.value.failed
    assert failed.source.name == "n\0ul"
    assert failed.errors[0].errno == errno.EINVAL
    assert "name of the key" in str(failed.errors[0])
    assert files_on_disk(tmp_path / "out") == {"good/f": b"x", "also/f": b"y"}


@pytest.mark.parametrize("store", ["http"], indirect=True)
def test_a_large_file_of_a_server_that_knows_no_ranges(store: Any, tmp_path: Path) -> None:
    content = os.urandom(2**20) * 12 + b"end"
    top = written(store.served / uuid.uuid4().hex, {"f": content})
    [done] = copied([(store.place(top).upath, tmp_path / "copy", P("*", ["*"]))])
    assert (done.kind, done.errors) == ("copied", [])
    assert (tmp_path / "copy/f").read_bytes() == content


@pytest.mark.filterwarnings("ignore:UPath:UserWarning")
def test_many_large_files_between_asynchronous_file_systems(tmp_path: Path) -> None:
    """None waits for a thread that another has."""
    from fsspec.asyn import AsyncFileSystem
    from upath import UPath

    class Plain(AsyncFileSystem):  # type: ignore[misc]
        cachable = False
        root_marker = "/"

        async def _ls(self, path: str, detail: bool = True, **options: Any) -> Any:
            return [await self._info(entry.path) for entry in os.scandir(path)]

        async def _info(self, path: str, **options: Any) -> Any:
            kind = "directory" if os.path.isdir(path) else "file"
            return {"name": path, "type": kind, "size": os.stat(path).st_size}

        async def _mkdir(self, path: str, **options: Any) -> None:
            os.mkdir(path)

        def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            return open(path, mode)

    for name in ("plainone", "plaintwo"):
        kind = type(name, (Plain,), {"protocol": name})
        fsspec.register_implementation(name, kind, clobber=True)
    large = os.urandom(2**20) * 16
    source = written(tmp_path / "src", {f"f{n}": large for n in range(12)})
    ends = UPath(f"plainone://{source}"), UPath(f"plaintwo://{tmp_path}/dst")
    [done] = copied([(*ends, P("*", ["*"]))])
    assert (done.kind, done.errors) == ("copied", [])
    assert files_on_disk(tmp_path / "dst") == files_on_disk(source)


@pytest.mark.parametrize("store", ["sftp-paramiko"], indirect=True)
def test_what_is_written_again_leaves_nothing_beside_it(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `overwrite` each file is written beside its place first."""
    from paramiko import SFTPClient

    monkeypatch.setattr(transfers, "_FIRST_DELAY", 0.01)
    source = written(tmp_path / "src", {"f": b"new"})
    top = written(store.served / uuid.uuid4().hex, {"dst/f": b"old"})
    for path in (top, top / "dst", top / "dst/f"):
        os.chmod(path, 0o777)
    cut: list[str] = []

    def opened(client: Any, path: str, mode: str = "r", original: Any = SFTPClient.open) -> Any:
        file = original(client, path, mode)
        if "w" in mode and not cut:
            cut.append(path)
            raise ConnectionResetError(errno.ECONNRESET, "cut")
        return file

    monkeypatch.setattr(SFTPClient, "open", opened)
    [done] = copied([(str(source), store.place(top).upath / "dst", P("*", ["*"]))], overwrite=True)
    assert (done.kind, done.errors) == ("copied", [])
    assert cut
    assert on_disk(top) == {"dst": None, "dst/f": b"new"}


def test_memory_is_not_gone_through_for_each_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from upath import UPath

    from pathvein._remote.filesystems import memory

    top = UPath(f"memory://many-{uuid.uuid4().hex}")
    for number in range(20):
        top.fs.pipe_file(f"{top.path}/m{number % 4}/d{number}/f", b"x")
    built: list[Any] = []
    build = memory._build_tree

    def counted(*args: Any) -> Any:
        built.append(args)
        return build(*args)

    monkeypatch.setattr(memory, "_build_tree", counted)
    pattern = P("*", [], optional_directories=[P("*", ["f"])])
    done = copied([(top / f"m{n}", tmp_path / f"m{n}", pattern) for n in range(4)])
    assert [(one.kind, one.files) for one in done] == [("copied", 5)] * 4
    assert len(built) == 1
