"""Listing and walking UPaths: memory, archives, local, and a file system full of traps."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

pytest.importorskip("upath")

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from pathvein_core import ExcludeRules
from upath import UPath

import pathvein
from pathvein import FileStructurePattern as P
from pathvein import ScanWarning, Stats, iscan
from pathvein._arguments import is_url
from pathvein._listing import Listing
from pathvein._remote import open_source, retry
from pathvein._remote.directories import DirectoryProducer, list_directory, walk_directories
from pathvein._remote.errors import GENERIC
from pathvein._remote.source import RemoteSource

pytestmark = pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented")

Tree = dict[str, tuple[list[str], list[str]]]


def listed(listing: Listing) -> tuple[list[str], list[str]]:
    """Both lists, sorted; sorting shows duplicates."""
    return sorted(listing.dirnames), sorted(listing.filenames)


def opened(source: str | UPath, **options: Any) -> RemoteSource:
    result = open_source(source, options)
    assert isinstance(result, RemoteSource)
    return result


def listing_of(source: RemoteSource, rel: str = "") -> Listing:
    return source.wait(list_directory(source.adapter, rel))


def walked(source: RemoteSource, **options: Any) -> tuple[Tree, list[OSError]]:
    errors: list[OSError] = []
    tree: Tree = {}
    for path, dirnames, filenames in walk_directories(source, on_error=errors.append, **options):
        assert type(path) is type(source.root)
        rel = path.path.rstrip("/").removeprefix(source.root.path.rstrip("/")).strip("/")
        assert rel not in tree
        tree[rel] = (sorted(dirnames), sorted(filenames))
    return tree, errors


def codes(errors: list[OSError]) -> list[int | None]:
    return [error.errno for error in errors]


# Local or remote


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://b", True),
        ("zip::file:///x.zip", True),
        ("simplecache::s3://b", True),
        ("zip::/x.zip", True),
        ("a::b", True),
        ("a:b", False),
        ("C:/a", False),
        ("/a//b", False),
        ("/a::b", False),
        ("./s3://b", False),
        ("../zip::x.zip", False),
        (".s3://b", True),
        ("x::\0", True),
        ("x::\ud800", True),
    ],
)
def test_is_url(text: str, expected: bool) -> None:
    assert is_url(text) is expected


@pytest.mark.unix("colons in names")
def test_a_name_with_colons_that_exists_is_no_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For scans, walks, patterns and `matches` alike; a broken link exists, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a::b" / "run").mkdir(parents=True)
    (tmp_path / "a::b" / "run" / "f").touch()
    (tmp_path / "zip::x").symlink_to("nowhere")
    (tmp_path / "p::q").write_text(P("run", directories=[], files=["f"]).to_json())
    assert not is_url("a::b")
    assert not is_url("zip::x")
    assert is_url("zip::y")
    pattern = P.load_json("p::q")
    expected = {tmp_path.resolve() / "a::b" / "run"}
    assert {found.source for found in pathvein.scan("a::b", pattern)} == expected
    for walk in os.walk, pathvein.walk_parallel, pathvein.walk_python:
        matching = [listed for listed in walk("a::b") if pattern.matches(listed)]
        assert [str(top) for top, _, _ in matching] in (["a::b/run"], [f"{tmp_path}/a::b/run"])
    for missing in "no::x", "n::x":
        with pytest.raises(ValueError, match=f"for a local path write './{missing}'"):
            pathvein.scan(missing, pattern)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("file:///x", "/x"),
        ("local:///x", "/x"),
        # fsspec takes percent signs as they are.
        ("file:///x%20y", "/x%20y"),
        (UPath("/x"), "/x"),
        (UPath("file:///x"), "/x"),
        (UPath("/x", protocol="file"), "/x"),
        (UPath("/\udcff"), "/\udcff"),
        (UPath("file:///\udcff"), "/\udcff"),
    ],
)
@pytest.mark.unix("POSIX paths")
def test_local_sources(source: str | UPath, path: str) -> None:
    assert open_source(source) == path


def test_unknown_protocol() -> None:
    with pytest.raises(ValueError, match="nonesuch"):
        open_source("nonesuch://x")


def test_storage_options_are_added_to_those_of_a_upath() -> None:
    source = opened(UPath("memory://a", global_store=False), skip_instance_cache=True)
    assert source.root.storage_options["global_store"] is False
    assert source.root.storage_options["skip_instance_cache"] is True


def test_import_is_lazy_and_a_missing_package_is_named() -> None:
    code = (
        "import sys\n"
        "sys.modules['upath'] = None\n"
        "try:\n    import pathvein._remote\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'pathvein[cloud]'" in done.stdout


@pytest.mark.parametrize(
    ("message", "extra"),
    [("Install s3fs to access S3", "s3"), ("Please install gcsfs", "gcs"), ("No adlfs", "azure")],
)
def test_a_missing_backend_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, message: str, extra: str
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ImportError(message)

    monkeypatch.setattr(MemoryFileSystem, "__init__", fail)
    with pytest.raises(ImportError, match=rf"pathvein\[{extra}\]"):
        open_source("memory://x", {"skip_instance_cache": True})


# Memory


@pytest.fixture
def memory() -> Iterator[Any]:
    """A store of its own, which `UPath("memory://...")` sees."""
    store, pseudo_dirs = MemoryFileSystem.store, MemoryFileSystem.pseudo_dirs
    MemoryFileSystem.store, MemoryFileSystem.pseudo_dirs = {}, [""]
    yield fsspec.filesystem("memory")
    MemoryFileSystem.store, MemoryFileSystem.pseudo_dirs = store, pseudo_dirs


def fill(memory: Any, *keys: str) -> None:
    for key in keys:
        memory.pipe("/placeholder", b"x")
        memory.store[key] = memory.store.pop("/placeholder")


def test_memory_tree(memory: Any) -> None:
    memory.pipe({"/r/f": b"", "/r/d/g": b"", "/r/d/.h": b"", "/rr/x": b"", "/other": b""})
    memory.mkdir("/r/empty")
    memory.makedirs("/r/deep/er")
    source = opened("memory://r")
    assert source.name == "r"
    tree, errors = walked(source)
    assert not errors
    assert tree == {
        "": (["d", "deep", "empty"], ["f"]),
        "d": ([], [".h", "g"]),
        "deep": (["er"], []),
        "deep/er": ([], []),
        "empty": ([], []),
    }


def test_memory_root(memory: Any) -> None:
    for url in ("memory://", "memory:///"):
        assert walked(opened(url)) == ({"": ([], [])}, [])
    memory.pipe({"/a/b": b"", "/c": b""})
    for url in ("memory://", "memory:///"):
        source = opened(url)
        assert source.name == ""
        assert walked(source) == ({"": (["a"], ["c"]), "a": ([], ["b"])}, [])
        assert source.path("a/b") == UPath("memory://a/b")


def test_memory_name_that_is_file_and_directory(memory: Any) -> None:
    memory.pipe("/r/a/b/c", b"")
    memory.pipe("/r/a", b"")
    assert walked(opened("memory://r"))[0] == {
        "": (["a"], ["a"]),
        "a": (["b"], []),
        "a/b": ([], ["c"]),
    }
    # As a source too.
    assert listed(listing_of(opened("memory://r/a"))) == (["b"], [])


def test_memory_keys_that_are_no_paths(memory: Any) -> None:
    fill(memory, "/r/x//y", "/r/x//z", "/r/x/ok", "/r/./k", "/r/../k", "/r/m/", "/r/n//")
    tree, errors = walked(opened("memory://r"))
    assert tree == {
        "": (["m", "n", "x"], []),
        "m": ([], []),
        "n": ([], []),
        "x": ([], ["ok"]),
    }
    assert set(codes(errors)) == {errno.EINVAL}
    assert sorted(error.filename for error in errors) == [
        "memory://r/.",
        "memory://r/..",
        "memory://r/n//",
        "memory://r/x//",
    ]
    assert all("cannot be addressed as a path" in str(error) for error in errors)


@pytest.mark.parametrize(
    "name",
    [
        "a::b",
        "http:",
        "data:x",
        "a?b",
        "a#b",
        "a%20b",
        "a\\b",
        "a\nb",
        " a ",
        "~",
        "*",
        "\udcff",
        "é",
        "...",
    ],
)
def test_memory_names_survive(memory: Any, name: str) -> None:
    fill(memory, f"/r/{name}/{name}")
    tree, errors = walked(opened("memory://r"))
    assert (tree, errors) == ({"": ([name], []), name: ([], [name])}, [])
    result = opened("memory://r").path(f"{name}/{name}")
    assert result.name == name
    assert result.exists()


def test_memory_missing_file_and_empty(memory: Any) -> None:
    memory.pipe("/r/f", b"")
    memory.mkdir("/r/d")
    for url, expected in [
        ("memory://none", FileNotFoundError),
        ("memory://r/non", FileNotFoundError),
        ("memory://r/f", NotADirectoryError),
        ("memory://r/f/x", FileNotFoundError),
    ]:
        with pytest.raises(expected) as caught:
            listing_of(opened(url))
        assert caught.value.filename == url
    assert listed(listing_of(opened("memory://r/d"))) == ([], [])
    with pytest.raises(FileNotFoundError):
        listing_of(opened("memory://r"), "d/none")


def test_memory_is_read_anew_by_each_source(memory: Any) -> None:
    memory.pipe("/r/f", b"")
    assert listed(listing_of(opened("memory://r"))) == ([], ["f"])
    memory.pipe("/r/g", b"")
    assert listed(listing_of(opened("memory://r"))) == ([], ["f", "g"])


def test_private_memory_store_is_the_users_own() -> None:
    root = UPath("memory://r", global_store=False, skip_instance_cache=True)
    root.fs.pipe("/r/f", b"x")
    source = opened(root)
    assert source.adapter.fs is root.fs
    assert listed(listing_of(source)) == ([], ["f"])
    assert source.path("f").read_bytes() == b"x"


def test_relative_components_of_the_source_are_resolved(memory: Any) -> None:
    memory.pipe("/r/f", b"")
    source = opened("memory://x/../r/./")
    assert (source.name, source.root) == ("r", UPath("memory://r"))
    assert listed(listing_of(source)) == ([], ["f"])


# Archives

NAMES = ["sub/a.txt", "sub/e/", "../evil", "/abs/f", "b\\c", "d//e", "f/./g", "h/i", "h", "d/k"]
TREE: Tree = {
    "": (["d", "f", "h", "sub"], ["b\\c", "h"]),
    "d": ([], ["k"]),
    "f": ([], []),
    "h": ([], ["i"]),
    "sub": (["e"], ["a.txt"]),
    "sub/e": ([], []),
}


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            archive.writestr(name, b"x")
    return path


@pytest.fixture
def tarred(tmp_path: Path) -> Path:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name in NAMES:
            member = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO())
        for name, target in [("to_sub", "sub"), ("to_file", "b\\c"), ("sub/up", "../to_sub")]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for name, target in [("broken", "none"), ("loop", "loop"), ("out", "/tmp")]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return path


def test_zip(zipped: Path) -> None:
    source = opened(f"zip://::file://{zipped}")
    assert source.name == ""
    tree, errors = walked(source)
    assert tree == TREE
    assert set(codes(errors)) == {errno.EINVAL}
    assert sorted(error.filename for error in errors) == sorted(
        f"zip://{rel}::file://{zipped}" for rel in ("..", "/", "d//", "f/.")
    )
    assert source.path("sub/a.txt").read_bytes() == b"x"


def test_zip_below_its_root(zipped: Path) -> None:
    source = opened(f"zip://sub::file://{zipped}")
    assert source.name == "sub"
    assert walked(source) == ({"": (["e"], ["a.txt"]), "e": ([], [])}, [])
    with pytest.raises(FileNotFoundError) as caught:
        listing_of(opened(f"zip://none::file://{zipped}"))
    assert caught.value.filename == f"zip://none::file://{zipped}"
    with pytest.raises(NotADirectoryError):
        listing_of(opened(f"zip://sub/a.txt::file://{zipped}"))
    with pytest.raises(FileNotFoundError):
        listing_of(opened(f"zip://su::file://{zipped}"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("zip::{file}", ["", "d"]),
        ("zip::file://{file}", ["", "d"]),
        ("zip://::{file}", ["", "d"]),
        ("zip://d::{file}", [""]),
        ("zip::memory://arc/x.zip", ["", "d"]),
        ("zip::simplecache::memory://arc/x.zip", ["", "d"]),
        ("simplecache::zip://d::{file}", [""]),
        ("dir::memory://arc/top", ["", "d"]),
        ("dir://d::memory://arc/top", [""]),
        ("simplecache::memory://arc/top", ["", "d"]),
        ("filecache::memory://arc/top/d", [""]),
    ],
)
def test_chains(memory: Any, tmp_path: Path, url: str, expected: list[str]) -> None:
    """Without a path in it, an archive's root is meant, as with fsspec; results are there."""
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("f", "d/f", "e/g"):
            archive.writestr(name, b"x")
    memory.pipe({"/arc/x.zip": file.read_bytes(), "/arc/top/f": b"", "/arc/top/d/f": b""})
    memory.pipe("/arc/top/e/g", b"")
    root = opened(url.format(file=file)).root
    with iscan(url.format(file=file), P("*", files=["f"]), on_error="raise") as stream:
        found = [cast("UPath", result.source) for result in stream]
    tops = root.path.rstrip("/")
    assert sorted(path.path.removeprefix(tops).strip("/") for path in found) == expected
    assert all(type(path) is type(root) and (path / "f").exists() for path in found)


@pytest.mark.unix("colons in names")
def test_local_paths_that_look_like_urls(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/lab/other", b"")
    monkeypatch.chdir(tmp_path)
    for name in ("memory:/lab", "a::b", "zip::x"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "f").touch()
        for path in (Path(name), UPath(Path(name))):
            [(top, _, files)] = pathvein.walk_python(path)
            assert files == ["f"]
            assert top.samefile(tmp_path / name)


def test_zip_from_an_open_file(zipped: Path) -> None:
    with zipped.open("rb") as file:
        root = UPath("sub", protocol="zip", fo=file)
        source = opened(root)
        assert source.adapter.fs is root.fs
        assert listed(listing_of(source)) == (["e"], ["a.txt"])
        assert source.path("a.txt").read_bytes() == b"x"


def test_zip_links(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("d/f", b"")
        for name, target in [("to_d", "d"), ("to_f", "d/f")]:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, target)
    listing = listing_of(opened(f"zip://::file://{path}"))
    assert listed(listing) == (["d", "to_d"], ["to_f"])
    assert listing.links == {"to_d"}


def test_tar(tarred: Path) -> None:
    source = opened(f"tar://::file://{tarred}")
    tree, errors = walked(source)
    expected = {rel: (list(dirs), list(files)) for rel, (dirs, files) in TREE.items()}
    expected[""][0].append("to_sub")
    expected[""][1].extend(["broken", "loop", "out", "to_file"])
    expected[""][1].sort()
    # fsspec makes one slash of two in the names of members.
    expected["d"][1].insert(0, "e")
    expected["sub"][0].append("up")
    assert tree == expected
    assert sorted(error.filename for error in errors) == sorted(
        f"tar://{rel}::file://{tarred}" for rel in ("..", "/", "f/.")
    )


def test_an_archive_of_the_working_directory(tmp_path: Path) -> None:
    """`tar cf x.tar .` writes `./` before each name."""
    (tmp_path / "src/run").mkdir(parents=True)
    (tmp_path / "src/run/f").write_text("x")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "src", ".")
        assert archive.getnames()[0] == "."
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as other:
        other.writestr("./run/f", "x")
    for kind in ("tar", "zip"):
        tree, errors = walked(opened(f"{kind}://::file://{tmp_path}/x.{kind}"))
        assert tree == {"": (["run"], []), "run": ([], ["f"])}
        assert not errors


def test_links_in_archives_are_never_entered(tarred: Path) -> None:
    tree, errors = walked(opened(f"tar://sub::file://{tarred}"), follow_links=True)
    assert tree == {"": (["e", "up"], ["a.txt"]), "e": ([], [])}
    assert codes(errors) == [errno.EOPNOTSUPP]


def test_broken_archives(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"no archive")
    for protocol in ("zip", "tar"):
        with pytest.raises(OSError, match="bad") as caught:
            open_source(f"{protocol}://::file://{tmp_path}/bad")
        assert caught.value.filename
        assert caught.value.__cause__ is not None
        with pytest.raises(FileNotFoundError) as missing:
            open_source(f"{protocol}://x::file://{tmp_path}/none")
        assert missing.value.filename == f"{protocol}://x::file://{tmp_path}/none"


# References

REFERENCES: dict[str, Any] = dict.fromkeys(
    [".zgroup", "v/0", "v/0/1", "e/", "vv/f", "x//y", "d/./z", "d/w", "v/0.0"], "x"
)


@pytest.mark.parametrize("way", ["dict", "file", "asynchronous"])
def test_references(tmp_path: Path, way: str) -> None:
    """Their keys are at hand, and their own `ls` loses what is behind a doubled slash."""
    options: dict[str, Any] = {"fo": REFERENCES}
    if way == "file":
        file = tmp_path / "references.json"
        file.write_text(json.dumps({"version": 1, "refs": REFERENCES}))
        options = {"fo": str(file)}
    if way == "asynchronous":
        options["asynchronous"] = True
    root = UPath("reference://", skip_instance_cache=True, **options)
    source = opened(root)
    assert source.adapter.fs is root.fs
    assert source.adapter.immediate
    tree, errors = walked(source)
    assert tree == {
        "": (["d", "e", "v", "vv", "x"], [".zgroup"]),
        "d": ([], ["w"]),
        "e": ([], []),
        "v": (["0"], ["0", "0.0"]),
        "v/0": ([], ["1"]),
        "vv": ([], ["f"]),
        "x": ([], []),
    }
    assert sorted(error.filename for error in errors) == ["reference://d/.", "reference://x//"]
    # Nothing was written to it.
    assert not root.fs.dircache
    below = opened(UPath("reference://v", **options))
    assert walked(below)[0] == {"": (["0"], ["0", "0.0"]), "0": ([], ["1"])}
    with iscan(below.root, P("0", files=["1"]), on_error="raise") as stream:
        [result] = stream
    assert stream.stats == Stats(directories=2, entries=4, matches=1)
    assert type(result.source) is type(root)
    for missing in ("w", "vv/f/g"):
        with pytest.raises(FileNotFoundError):
            listing_of(opened(UPath(f"reference://{missing}", **options)))
    with pytest.raises(NotADirectoryError):
        listing_of(opened(UPath("reference://vv/f", **options)))


def test_references_that_are_read_as_needed_are_asked() -> None:
    """Those of tables (parquet) are no dictionary; their `ls` is."""
    from collections import UserDict

    root = UPath("reference://", fo={"d/f": "x", "g": "x"}, skip_instance_cache=True)
    root.fs.references = UserDict(root.fs.references)
    source = opened(root)
    assert not source.adapter.immediate
    assert walked(source)[0] == {"": (["d"], ["g"]), "d": ([], ["f"])}


# Local directories, as they are and below other file systems


@pytest.fixture
def local(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "d" / "e").mkdir(parents=True)
    (root / "f").touch()
    (root / "d" / "g").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "o").touch()
    for name, target in [
        ("to_d", "d"),
        ("to_f", "f"),
        ("to_outside", "../outside"),
        ("broken", "none"),
        ("through_file", "f/x"),
        ("self", "self"),
        ("d/up", ".."),
    ]:
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    (root / os.fsdecode(b"\xff")).touch()
    return root


def sources_of(local: Path) -> list[RemoteSource]:
    fs = fsspec.filesystem("file")
    return [
        RemoteSource(UPath(local)),
        RemoteSource(UPath(f"file://{local}")),
        RemoteSource(UPath("", protocol="dir", fs=fs, path=str(local))),
        RemoteSource(UPath("root", protocol="dir", fs=fs, path=str(local.parent))),
        opened(f"simplecache::file://{local}"),
    ]


@pytest.mark.unix("links and fifos")
def test_local_tree(local: Path) -> None:
    for source in sources_of(local):
        listing = listing_of(source)
        assert listed(listing) == (
            ["d", "to_d", "to_outside"],
            ["broken", "f", "fifo", "self", "through_file", "to_f", "\udcff"],
        )
        assert listing.links == {"to_d", "to_outside"}
        tree, errors = walked(source)
        assert set(tree) == {"", "d", "d/e"}
        assert tree["d"] == (["e", "up"], ["g"])
        assert not errors


@pytest.mark.unix("links and fifos")
def test_local_links_followed(local: Path) -> None:
    for source in sources_of(local):
        tree, errors = walked(source, follow_links=True)
        assert set(tree) == {"", "d", "d/e", "to_d", "to_d/e", "to_outside"}
        assert tree["to_outside"] == ([], ["o"])
        # `d/up` leads back, on both ways to it.
        assert codes(errors) == [errno.ELOOP] * 2
        assert all("leads back to" in str(error) for error in errors)


@pytest.mark.unix("links and fifos")
def test_local_walk_is_that_of_os_walk(local: Path) -> None:
    expected = {
        (dirpath, tuple(sorted(dirnames)), tuple(sorted(filenames)))
        for dirpath, dirnames, filenames in os.walk(local)
    }
    walk = walk_directories(RemoteSource(UPath(local)))
    assert {(str(p), tuple(sorted(d)), tuple(sorted(f))) for p, d, f in walk} == expected


def test_local_errors(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for name, expected in [("none", FileNotFoundError), ("f", NotADirectoryError)]:
        with pytest.raises(expected) as caught:
            next(walk_directories(RemoteSource(UPath(tmp_path / name))))
        assert caught.value.filename == str(tmp_path / name)


# A file system that does everything that some file system does


class TrapFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Answers from `tables[table]`: a list of entries, an exception, or a callable."""

    protocol: str | tuple[str, ...] = "trap"
    tables: ClassVar[dict[str, dict[str, Any]]] = {}
    infos: ClassVar[dict[str, Any]] = {}
    calls: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, table: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.table = table

    def ls(self, path: str, detail: bool = False, **options: Any) -> Any:
        assert detail
        self.calls.append(("ls", path))
        answer = self.tables[self.table].get(path, FileNotFoundError(path))
        answer = answer() if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def info(self, path: str, **options: Any) -> Any:
        self.calls.append(("info", path))
        answer = self.infos.get(path, FileNotFoundError(path))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def isdir(self, path: str) -> bool:
        raise AssertionError("isdir")

    def isfile(self, path: str) -> bool:
        raise AssertionError("isfile")


class CachingFileSystem(TrapFileSystem):
    """Keeps listings, as the cloud file systems do."""

    protocol = "caching"

    def __init__(self, table: str = "", handle: object = None, **options: Any) -> None:
        super().__init__(table, **options)
        self.handle = handle

    def ls(self, path: str, detail: bool = False, **options: Any) -> Any:
        if path not in self.dircache:
            self.dircache[path] = super().ls(path, detail)
            if path == "root/keyerror":
                return self.dircache[path]
            return super().ls(path, detail) if path == "root/twice" else self._last(path)
        return self.dircache[path]

    def _last(self, path: str) -> Any:
        answer = self.tables[self.table][path]
        return answer() if callable(answer) else answer


class Unclonable(CachingFileSystem):
    protocol = "unclonable"

    def __init__(self, table: str = "", **options: Any) -> None:
        if "use_listings_cache" in options:
            raise TypeError("unexpected option")
        super().__init__(table, **options)


def entry(name: str, kind: str = "file") -> dict[str, Any]:
    return {"name": name, "type": kind, "size": 0}


def directory(name: str) -> dict[str, Any]:
    return entry(name, "directory")


@pytest.fixture
def trap(request: pytest.FixtureRequest) -> Iterator[Callable[..., UPath]]:
    for cls in (TrapFileSystem, CachingFileSystem, Unclonable):
        fsspec.register_implementation(cls.protocol, cls, clobber=True)
        cls.clear_instance_cache()
    TrapFileSystem.calls.clear()
    TrapFileSystem.infos.clear()

    def make(
        table: dict[str, Any], protocol: str = "trap", path: str = "root", **options: Any
    ) -> UPath:
        TrapFileSystem.tables[request.node.name] = table
        root: UPath = UPath(f"{protocol}://{path}", table=request.node.name, **options)
        return root

    yield make
    TrapFileSystem.tables.clear()


Trap = Callable[..., UPath]


def test_one_request_a_directory(trap: Trap) -> None:
    table: dict[str, Any] = {"root": [directory(f"root/d{i}") for i in range(3)]}
    for i in range(3):
        table[f"root/d{i}"] = [directory(f"root/d{i}/e"), entry(f"root/d{i}/f")]
        table[f"root/d{i}/e"] = [entry(f"root/d{i}/e/g{j}") for j in range(50)]
    root = trap(table)
    tree, errors = walked(opened(root))
    assert (len(tree), errors) == (7, [])
    assert sorted(TrapFileSystem.calls) == sorted(("ls", path) for path in table)
    # And nothing is kept from one source to the next.
    walked(opened(root))
    assert len(TrapFileSystem.calls) == 2 * len(table)


def test_max_depth_bounds_the_requests(trap: Trap) -> None:
    root = trap({"root": [directory("root/a")], "root/a": [directory("root/a/b")]})
    assert walked(opened(root), max_depth=0)[0] == {"": (["a"], [])}
    assert TrapFileSystem.calls == [("ls", "root")]
    assert set(walked(opened(root), max_depth=1)[0]) == {"", "a"}


def test_every_trap_in_one_listing(trap: Trap) -> None:
    root = trap(
        {
            "root": [
                entry("root/both"),
                directory("root/both"),
                entry("root/twice"),
                entry("root/twice"),
                directory("root/twice_d"),
                directory("root/twice_d/"),
                directory("root"),
                entry("root/"),
                entry("root/marker/"),
                entry("root2/sibling"),
                directory("root10"),
                entry("elsewhere/x"),
                entry("roo"),
                directory("root/."),
                directory("root/.."),
                directory("root//"),
                entry("root/deep/er/file"),
                entry("root/fifo", "other"),
                entry("root/.hidden"),
                {"name": "root/typeless"},
            ]
        }
    )
    listing = listing_of(opened(root))
    assert listed(listing) == (
        ["both", "deep", "marker", "twice_d"],
        [".hidden", "both", "fifo", "twice", "typeless"],
    )
    assert codes(listing.errors) == [errno.EINVAL] * 3 + [errno.EIO]
    assert listing.errors.pop().filename == "trap://root/typeless"
    assert [error.filename for error in listing.errors] == [
        "trap://root/.",
        "trap://root/..",
        "trap://root//",
    ]
    assert not listing.links


@pytest.mark.parametrize("prefix", ["", "/"])
def test_names_with_and_without_a_leading_slash(trap: Trap, prefix: str) -> None:
    root = trap({"root": [directory(f"{prefix}root/d")], "root/d": [entry(f"{prefix}root/d/f")]})
    assert walked(opened(root))[0] == {"": (["d"], []), "d": ([], ["f"])}


def test_double_slash_prefix_does_not_recurse(trap: Trap) -> None:
    # The key `root/x//y`, as s3fs tells it.
    root = trap({"root": [directory("root/x")], "root/x": [directory("root/x/")]})
    tree, errors = walked(opened(root))
    assert tree == {"": (["x"], []), "x": ([], [])}
    assert codes(errors) == [errno.EINVAL]
    assert "empty component" in str(errors[0])


def test_names_that_are_all_elsewhere_are_no_empty_directory(trap: Trap) -> None:
    """They may well be what is in it, told in a way that nobody understands."""
    table = {
        "root": [directory("root/bare"), directory("root/other"), directory("root/ok")],
        "root/bare": [entry("f"), entry("g")],
        "root/other": [entry("root\\other\\f")],
        "root/ok": [entry("root/ok/f"), entry("root/ok2/f")],
    }
    tree, errors = walked(opened(trap(table)))
    assert (set(tree), tree["ok"]) == ({"", "ok"}, ([], ["f"]))
    assert sorted((error.errno, error.filename) for error in errors) == [
        (errno.EIO, "trap://root/bare"),
        (errno.EIO, "trap://root/other"),
    ]
    assert "such as" in str(errors[0])
    # At the source, after it has been seen that there is one.
    for infos, expected in [({}, FileNotFoundError), ({"root": directory("root")}, OSError)]:
        TrapFileSystem.infos.clear()
        TrapFileSystem.infos.update(infos)
        with pytest.raises(expected):
            listing_of(opened(trap({"root": [entry("f")]})))


def test_names_that_keep_their_protocol(trap: Trap) -> None:
    table = {
        "root": [directory("trap://root/d"), directory("trap://root/e/"), entry("trap://root/f")],
        "root/d": [entry("trap://root/d/g")],
        "root/e": [],
    }
    tree, errors = walked(opened(trap(table)))
    assert tree == {"": (["d", "e"], ["f"]), "d": ([], ["g"]), "e": ([], [])}
    assert not errors


def test_source_that_is_missing_a_file_or_empty(trap: Trap) -> None:
    table = {
        "gone": FileNotFoundError("gone"),
        "nothing": [],
        "file": [entry("file")],
        "silent_file": [],
        "late_file": FileNotFoundError(),
        "empty": [],
        "marked": [entry("marked/")],
        "named": [directory("named")],
        "denied": PermissionError("no"),
    }
    for path, kind in [("silent_file", "file"), ("late_file", "file"), ("empty", "directory")]:
        TrapFileSystem.infos[path] = entry(path, kind)
    for path, expected in [
        ("gone", FileNotFoundError),
        ("nothing", FileNotFoundError),
        ("file", NotADirectoryError),
        ("silent_file", NotADirectoryError),
        ("late_file", NotADirectoryError),
        ("denied", PermissionError),
    ]:
        with pytest.raises(expected) as caught:
            listing_of(opened(trap(table, path=path)))
        assert caught.value.filename == f"trap://{path}"
    for path in ("empty", "marked", "named"):
        assert listed(listing_of(opened(trap(table, path=path)))) == ([], [])


def test_file_where_a_directory_was_listed_is_a_directory_that_is_gone(trap: Trap) -> None:
    root = trap({"root": [directory("root/a")], "root/a": [entry("root/a")]})
    tree, errors = walked(opened(root))
    assert tree == {"": (["a"], [])}
    assert errors == []


def test_vanished_directory_is_absent_without_an_error(trap: Trap) -> None:
    source = opened(trap({"root": [directory("root/gone"), directory("root/d")], "root/d": []}))
    tree, errors = walked(source)
    assert (set(tree), errors) == ({"", "d"}, [])
    with pytest.raises(FileNotFoundError):
        listing_of(opened(source.root), "gone")


class CloudError(Exception):
    """As botocore's: the status is in a response."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}\n<xml>the whole response</xml>")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


class WebError(Exception):
    def __init__(self, status: int | str) -> None:
        super().__init__("web")
        self.code = status


class AuthenticationError(Exception):
    pass


class ReadTimeoutError(Exception):
    pass


class ConnectorError(OSError):
    """As aiohttp's, whose text says what host it is about."""

    host = "h"

    def __str__(self) -> str:
        return f"Cannot connect to host {self.host} [{self.strerror}]"


def test_errors_say_what_helps(trap: Trap) -> None:
    for failure, said in [
        (ValueError("It failed:\n  a bad name\nmore"), "ValueError: It failed: a bad name"),
        (ValueError("one\ntwo"), "ValueError: one"),
        (ConnectorError(errno.EIO, "not known"), "Cannot connect to host h [not known]"),
    ]:
        with pytest.raises(OSError, match="root") as caught:
            listing_of(opened(trap({"root": failure})))
        assert caught.value.strerror == said


@pytest.mark.parametrize(
    ("failure", "cls", "code"),
    [
        (CloudError(403), PermissionError, errno.EACCES),
        (CloudError(429), OSError, errno.EBUSY),
        (CloudError(500), OSError, errno.EIO),
        (WebError("401"), PermissionError, errno.EACCES),
        (WebError("weird"), OSError, errno.EIO),
        (AuthenticationError("no"), PermissionError, errno.EACCES),
        (OSError("Forbidden: https://x"), PermissionError, errno.EACCES),
        (PermissionError(errno.EPERM, "no"), PermissionError, errno.EPERM),
        (PermissionError("no"), PermissionError, errno.EACCES),
        (ReadTimeoutError(), TimeoutError, errno.ETIMEDOUT),
        (ConnectionResetError("x"), ConnectionError, errno.ECONNRESET),
        (zipfile.BadZipFile("bad"), OSError, errno.EIO),
        (RuntimeError("strange"), OSError, errno.EIO),
        (RecursionError(), OSError, errno.EIO),
    ],
)
def test_exceptions_become_os_errors(
    trap: Trap, failure: Exception, cls: type[OSError], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_LONGEST_DELAY", 0.01)
    table = {"root": [directory("root/bad"), directory("root/ok")], "root/ok": []}
    tree, errors = walked(opened(trap({**table, "root/bad": failure})))
    assert set(tree) == {"", "ok"}
    [error] = errors
    assert isinstance(error, cls)
    assert error.errno == code
    assert error.filename == "trap://root/bad"
    assert error.__cause__ is failure
    assert "\n" not in str(error)
    # The same at the source is raised.
    with pytest.raises(cls) as caught:
        listing_of(opened(trap({"root": failure})))
    assert caught.value.filename == "trap://root"


@pytest.mark.parametrize("failure", [NotImplementedError("no"), RecursionError("no")])
def test_a_file_system_that_cannot_be_opened(failure: Exception) -> None:
    class Closed(TrapFileSystem):
        protocol = "closed"

        def __init__(self, **options: Any) -> None:
            raise failure

    fsspec.register_implementation("closed", Closed, clobber=True)
    with pytest.raises(OSError, match="no") as caught:
        open_source("closed://root")
    assert caught.value.filename == "closed://root"


class Coded(Exception):
    """As botocore's, of whatever class of file systems."""

    def __init__(self, code: str) -> None:
        self.response = {"ResponseMetadata": {"HTTPStatusCode": 400}, "Error": {"Code": code}}


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_codes_of_s3_mean_the_same_anywhere(trap: Trap, code: str) -> None:
    with pytest.raises(PermissionError):
        listing_of(opened(trap({"root": Coded(code)})))
    assert GENERIC.is_refused(Coded(code))
    assert GENERIC.transient(Coded("Throttling")) == "throttled"


def test_what_is_connected_to_tells_what_an_error_means() -> None:
    import ftplib

    class Refusing(TrapFileSystem):
        __module__ = "fsspec.implementations.ftp"
        protocol = "refusing"

        def __init__(self, **options: Any) -> None:
            raise ftplib.error_perm("530 Login incorrect.")

        def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
            return []

    fsspec.register_implementation("refusing", Refusing, clobber=True)
    for url in ("refusing://h/x", "simplecache::refusing://h/x"):
        with pytest.raises(PermissionError):
            open_source(url)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError, SystemExit])
def test_what_is_no_listing_error_passes(trap: Trap, stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        listing_of(opened(trap({"root": stop()})))


def test_listing_that_fails_part_way(trap: Trap) -> None:
    def partly() -> Iterator[dict[str, Any]]:
        yield entry("root/d/f")
        yield directory("root/d/e")
        raise CloudError(500)

    root = trap({"root": [directory("root/d")], "root/d": partly, "root/d/e": []})
    tree, errors = walked(opened(root))
    assert tree == {"": (["d"], []), "d": (["e"], ["f"]), "d/e": ([], [])}
    assert [(error.errno, error.filename) for error in errors] == [(errno.EIO, "trap://root/d")]
    assert isinstance(errors[0].__cause__, CloudError)


def test_listing_that_fails_after_a_link(trap: Trap) -> None:
    """What was read counts, also if it is neither a file nor a directory yet."""

    def partly() -> Iterator[dict[str, Any]]:
        yield entry("root/d/l", "link")
        raise CloudError(500)

    tree, errors = walked(opened(trap({"root": [directory("root/d")], "root/d": partly})))
    assert tree == {"": (["d"], []), "d": ([], ["l"])}
    assert [(error.errno, error.filename) for error in errors] == [(errno.EIO, "trap://root/d")]


def test_links(trap: Trap) -> None:
    names = ["to_d", "to_f", "broken", "denied", "loop"]
    root = trap(
        {
            "root": [entry(f"root/{name}", "link") for name in names],
            "root/to_d": [entry("root/to_d/f"), entry("root/to_d/again", "link")],
        }
    )
    TrapFileSystem.infos.update(
        {
            "root/to_d": directory("root/to_d"),
            "root/to_f": entry("root/to_f"),
            "root/denied": PermissionError("no"),
            "root/loop": OSError(errno.ELOOP, "loop"),
            "root/to_d/again": FileNotFoundError(),
        }
    )
    listing = listing_of(opened(root))
    assert listed(listing) == (["to_d"], ["broken", "denied", "loop", "to_f"])
    assert listing.links == {"to_d"}
    assert [(error.errno, error.filename) for error in listing.errors] == [
        (errno.EACCES, "trap://root/denied")
    ]
    assert set(walked(opened(root))[0]) == {""}
    tree, _ = walked(opened(root), follow_links=True)
    assert tree["to_d"] == ([], ["again", "f"])


def test_endless_links_end(trap: Trap) -> None:
    class Endless(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return [entry(f"{path}/l", "link")]

    class EndlessInfos(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return directory(path)

    root = trap(Endless())
    infos, TrapFileSystem.infos = TrapFileSystem.infos, EndlessInfos()
    # The 41st link is there by its name, and is not a match.
    patterns = [P("l"), P("*", [], [P("l")]), P("*", [], [P("l", [], [P()])])]
    told: list[OSError] = []
    try:
        tree, errors = walked(opened(root), follow_links=True)
        found = pathvein.scan(root, patterns, follow_links=True, on_error=told.append)
    finally:
        TrapFileSystem.infos = infos
    assert len(tree) == 41
    assert codes(errors) == codes(told) == [errno.ELOOP]
    assert Counter(patterns.index(pattern) for _, pattern in found) == {0: 40, 1: 41, 2: 40}


def test_very_deep_tree(trap: Trap) -> None:
    class Deep(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return [directory(f"{path}/d")] if len(path) < 4000 else []

    assert len(list(walk_directories(opened(trap(Deep()))))) > 1900


def test_excluded_is_neither_listed_nor_entered(trap: Trap) -> None:
    root = trap(
        {
            "root": [directory("root/d"), entry("root/d"), directory("root/e")],
            "root/e": [entry("root/e/d"), entry("root/e/f")],
        }
    )
    seen: list[tuple[str, bool]] = []

    def excluded(rel: str, is_dir: bool) -> bool:
        seen.append((rel, is_dir))
        return (rel, is_dir) in {("d", True), ("e/f", False)}

    tree, errors = walked(opened(root), excluded=excluded)
    assert (tree, errors) == ({"": (["e"], ["d"]), "e": ([], ["d"])}, [])
    assert sorted(seen) == sorted(
        [("d", True), ("e", True), ("d", False), ("e/d", False), ("e/f", False)]
    )


def test_names_removed_by_the_caller_are_not_entered(trap: Trap) -> None:
    root = trap({"root": [directory("root/d"), directory("root/e")], "root/e": []})
    paths = []
    for path, dirnames, _ in walk_directories(opened(root)):
        paths.append(path.name)
        if "d" in dirnames:
            dirnames.remove("d")
    assert paths == ["root", "e"]
    assert ("ls", "root/d") not in TrapFileSystem.calls


# Listings caches


class Handle:
    def read(self) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("protocol", "options"),
    [("caching", {}), ("caching", {"handle": Handle()}), ("unclonable", {})],
)
def test_a_stale_cache_is_neither_used_nor_changed(
    trap: Trap, protocol: str, options: dict[str, Any]
) -> None:
    table: dict[str, Any] = {"root": [entry("root/old"), directory("root/d")], "root/d": []}
    root = trap(table, protocol, **options)
    root.fs.ls("root", detail=True)
    table["root"] = [entry("root/new"), directory("root/d")]
    assert [item["name"] for item in root.fs.ls("root", detail=True)] == ["root/old", "root/d"]
    before = dict(root.fs.dircache)
    source = opened(root)
    assert source.adapter.fs is not root.fs
    assert walked(source)[0] == {"": (["d"], ["new"]), "d": ([], [])}
    assert dict(root.fs.dircache) == before
    assert root.fs.dircache.use_listings_cache
    # Results are of the user's own file system.
    assert source.path("new").fs is root.fs
    assert source.path("new").storage_options == root.storage_options
    table["root"] = []
    TrapFileSystem.infos["root"] = directory("root")
    assert walked(opened(root))[0] == {"": ([], [])}


def test_a_file_system_that_reads_its_cache_back(trap: Trap) -> None:
    table = {"root": [directory("root/keyerror")], "root/keyerror": [entry("root/keyerror/f")]}
    source = opened(trap(table, "caching"))
    assert walked(source)[0]["keyerror"] == ([], ["f"])
    assert not len(source.adapter.fs.dircache)


def test_a_file_system_without_a_cache_is_used_as_it_is(trap: Trap) -> None:
    root = trap({"root": []})
    assert opened(root).adapter.fs is root.fs


def test_file_systems_below_others_are_listed_directly(trap: Trap) -> None:
    table: dict[str, Any] = {"root/sub": [entry("root/sub/old")]}
    inner = trap(table, "caching").fs
    inner.ls("root/sub", detail=True)
    table["root/sub"] = [entry("root/sub/new")]
    root = UPath("sub", protocol="dir", fs=inner, path="root")
    source = opened(root)
    assert source.name == "sub"
    assert listed(listing_of(source)) == ([], ["new"])
    assert source.path("new").path == "sub/new"
    assert [item["name"] for item in inner.dircache["root/sub"]] == ["root/sub/old"]


def test_dir_over_memory(memory: Any) -> None:
    memory.pipe({"/base/x/y/z": b"", "/base/x/y": b"", "/base2/q": b""})
    assert walked(opened(UPath("", protocol="dir", fs=memory, path="/base")))[0] == {
        "": (["x"], []),
        "x": (["y"], ["y"]),
        "x/y": ([], ["z"]),
    }
    source = opened(UPath("x", protocol="dir", fs=memory, path="/base"))
    assert listed(listing_of(source)) == (["y"], ["y"])
    with pytest.raises(FileNotFoundError):
        listing_of(opened(UPath("none", protocol="dir", fs=memory, path="/base")))


def test_a_subclass_that_lists_otherwise_is_asked(memory: Any) -> None:
    class Own(MemoryFileSystem):  # type: ignore[misc]
        protocol = "ownmemory"

        def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
            return [entry("/r/own")]

    fsspec.register_implementation("ownmemory", Own, clobber=True)
    source = opened(UPath("/r", protocol="ownmemory"))
    assert listed(listing_of(source)) == ([], ["own"])


# HTTP, without a server


class PageFileSystem(TrapFileSystem):
    """It lists in its own way. What HTTP gives are pages in any case."""

    protocol = ("http", "https")

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path


def test_web_pages(monkeypatch: pytest.MonkeyPatch, trap: Trap) -> None:
    trap(
        {
            "http://h/a/": [
                entry("http://h/a/f%20g"),
                directory("http://h/a/d/"),
                directory("http://h/a/"),
                entry("http://h/a/?C=N;O=D"),
                entry("http://h/a/#top"),
            ],
            "http://h/a/d/": [entry("http://h/a/d/x")],
        }
    )
    [name] = TrapFileSystem.tables
    fs = PageFileSystem(name, skip_instance_cache=True)
    root = UPath("http://h/a/")
    monkeypatch.setattr(type(root), "fs", fs)
    source = opened(root)
    assert source.name == "a"
    errors: list[OSError] = []
    walk = list(walk_directories(source, on_error=errors.append))
    assert [(str(p), d, f) for p, d, f in walk] == [
        ("http://h/a/", ["d"], ["f%20g"]),
        ("http://h/a/d", [], ["x"]),
    ]
    assert not errors
    assert RemoteSource(UPath("http://h/")).name == ""


@pytest.mark.parametrize(
    "failure", [FileNotFoundError("x"), NotADirectoryError("x"), OSError(errno.ELOOP, "x")]
)
def test_a_directory_that_leads_nowhere_any_more_is_absent(trap: Trap, failure: OSError) -> None:
    tree, errors = walked(opened(trap({"root": [directory("root/d")], "root/d": failure})))
    assert (tree, errors) == ({"": (["d"], [])}, [])
    results = list(iscan(trap({"root": [directory("root/d")], "root/d": failure}), P("d")))
    assert results == []


def test_stats_of_a_remote_scan() -> None:
    MemoryFileSystem.store.clear()
    MemoryFileSystem().pipe({"/top/run_1/a": b"", "/top/run_1/b": b"", "/top/run_2/a": b""})
    stream = iscan("memory://top", P("run_*", files=["b"]))
    assert [result.source.name for result in stream] == ["run_1"]
    assert stream.stats == Stats(directories=3, entries=5, matches=1)


def test_links_of_a_remote_scan_are_counted(trap: Trap) -> None:
    top = trap({"root": [directory("root/d"), entry("root/l", "link")], "root/d": []})
    TrapFileSystem.infos["root/l"] = directory("root/l")
    stream = iscan(top, P("d"))
    assert len(list(stream)) == 1
    assert stream.stats == Stats(2, 2, 1, links_not_followed=1, requests=3)


def test_matches_that_links_hide_in_a_remote_scan(trap: Trap) -> None:
    top = trap({"root": [directory("root/d")], "root/d": [entry("root/d/l", "link")]})
    TrapFileSystem.infos["root/d/l"] = directory("root/d/l")
    pattern = P("d", directories=[P("l", files=["f"])])
    stream = iscan(top, pattern)
    with pytest.warns(ScanWarning, match="^1 match below 'trap:.*root' may be hidden: "):
        assert list(stream) == []
    assert (stream.stats.links_not_followed, stream.stats.hidden_by_links) == (1, 1)
    # Not if the name is enough, or something else is missing.
    stream = iscan(top, [P("d", directories=[P("l")]), P("d", directories=[P("m", files=["f"])])])
    assert len(list(stream)) == 1
    assert stream.stats.hidden_by_links == 0


def test_a_remote_scan_reports_progress_and_is_closed() -> None:
    MemoryFileSystem.store.clear()
    MemoryFileSystem().pipe({f"/top/d{i}/f": b"" for i in range(50)})
    producer = DirectoryProducer(
        cast("RemoteSource", open_source("memory://top")),
        [P("nothing")],
        exclude=ExcludeRules(),
        max_depth=None,
        follow_links=False,
    )
    # No patience at all: one directory at a time.
    assert producer.next_batch(0) == ([], [], False)
    assert producer.stats().directories == 2
    producer.close()
    assert producer.next_batch(10) == ([], [], True)
    assert producer.stats().directories == 2
