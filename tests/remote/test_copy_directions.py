"""Copies between local trees, stores and servers, in each direction: what the reference says.

(Not named as the test of local copies is: pytest wants the names of test modules to differ.)
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

import pytest

import pathvein
import strategies
import trees
from compare import make_pattern
from copy_reference import Belonging, belonging_keys, leftovers
from pathvein import FileStructurePattern, ScanResult, ShuffleError
from profiles import long
from reference import Pat, Tree
from servers import Servers
from servers.process import Missing
from servers.store import DiskStore, KeyStore, Store

pytestmark = pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented")

#: Where something can be copied from and to; "local" is no server.
ENDS = ["local", "memory", "s3-moto", "gcs", "azure", "sftp-paramiko"]
#: Each is the source of two, and the destination of two, of those that are copied in all runs.
DIRECTIONS = [
    direction if (ENDS.index(a) - ENDS.index(b)) % 6 in (1, 3) else long(direction)
    for a in ENDS
    for b in ENDS
    if (direction := (a, b)) != ("local", "local")
]
NAMES = [
    "a",
    "b",
    "ab",
    "a.txt",
    "b.txt",
    "A",
    ".a",
    "a b",
    "[a]",
    "{b}",
    "é",
    "日本.txt",
    "*",
    "%41",
]
SIZES = [0, 1, 100, 5000, 300_000]

Contents = dict[str, bytes]


# Both ends -----------------------------------------------------------------------------------


@dataclass
class End:
    """A directory somewhere, which can be filled and looked into without pathvein."""

    #: As a user would pass it: a `Path` or a UPath.
    root: Any
    #: Whether it has directories, or only keys with slashes in them.
    has_directories: bool
    #: The same directory, where it is one of this machine.
    disk: Path | None = None

    def write(self, files: Contents, directories: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Put files there, and empty directories if there are such."""
        if self.disk is not None:
            for path in (*directories, *(os.path.dirname(file) for file in files)):
                make_open(self.disk, path)
            for file, data in files.items():
                (self.disk / file).write_bytes(data)
            return
        fs, top = self.root.fs, self.root.path.rstrip("/")
        for path in sorted(directories):
            if self.has_directories:
                fs.makedirs(f"{top}/{path}", exist_ok=True)
        for file, data in files.items():
            fs.pipe_file(f"{top}/{file}", data)

    def read(self) -> tuple[Contents, set[str]]:
        """All files below it, and all directories."""
        if self.disk is not None:
            paths = list(self.disk.rglob("*"))
            assert not any(path.is_symlink() for path in paths)
            files = {str(p.relative_to(self.disk)): p.read_bytes() for p in paths if p.is_file()}
            return files, {str(p.relative_to(self.disk)) for p in paths if p.is_dir()}
        fs, top = self.root.fs, self.root.path.rstrip("/")
        fs.invalidate_cache()
        files, directories = {}, set()
        for path, info in fs.find(top, withdirs=True, detail=True).items():
            relative = path.removeprefix(fs._strip_protocol(top)).strip("/")
            # A key with a slash at its end stands for a directory; adlfs takes the slash away.
            if info["type"] == "file" and not path.endswith("/"):
                try:
                    files[relative] = fs.cat_file(f"{top}/{relative}")
                    continue
                except FileNotFoundError:
                    assert info["size"] == 0
            directories.add(relative)
        if not self.has_directories:
            # Old versions of s3fs do not list all that keys imply.
            for path in (*files, *directories):
                directories.update(map(str, PurePosixPath(path).parents))
        return files, directories - {"", "."}


def make_open(top: Path, relative: str) -> None:
    """Directories that the server's user may write to."""
    here = top
    for name in relative.split("/"):
        here = here / name
        here.mkdir(exist_ok=True)
        here.chmod(0o777)


_numbers = itertools.count()


def end(servers: Servers, name: str, tmp_path: Path) -> End:
    """A new empty directory of that kind."""
    if name == "local":
        place = tmp_path / f"local{next(_numbers)}"
        place.mkdir()
        return End(place, True, place)
    try:
        store: Store = servers.get(name)
    except Missing as missing:
        message = f"{name} is missing; it takes: {missing}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    if isinstance(store, DiskStore):
        folder = f"copies{next(_numbers)}"
        make_open(store.served, folder)
        return End(store.place(store.served / folder).upath, True, store.served / folder)
    assert isinstance(store, KeyStore)
    return End(store.keys(["other/file"]).upath, name == "memory")


# What is copied ------------------------------------------------------------------------------


def grown(random: Random, depth: int = 2) -> tuple[dict[str, Any], list[str]]:
    """A tree as a value that can still be changed, and its files."""
    dirs: dict[str, Any] = {}
    files: list[str] = []
    names = random.sample(NAMES, random.randint(3, 7) if depth == 2 else random.randint(1, 4))
    for name in names:
        if depth and random.random() < 0.4:
            dirs[name] = grown(random, depth - 1)
        else:
            files.append(name)
    return dirs, files


def value(made: tuple[dict[str, Any], list[str]]) -> Tree:
    dirs, files = made
    return Tree({name: value(below) for name, below in dirs.items()}, tuple(files))


def near(random: Random, tree: Tree, name: str) -> Pat:
    """A pattern that takes most of what is there, some of it as optional."""
    globs: tuple[list[str], list[str]] = [], []
    subs: tuple[list[Pat], list[Pat]] = [], []
    for file in tree.files:
        if random.random() < 0.7:
            globs[random.random() < 0.5].append(random.choice(strategies._broken_up(file)))
    for child, below in tree.dirs.items():
        if random.random() < 0.8:
            subs[random.random() < 0.5].append(near(random, below, child))
    files, optional_files = map(tuple, globs)
    dirs, optional_dirs = map(tuple, subs)
    return Pat(random.choice(["*", None]), files, dirs, optional_files, optional_dirs)


def contents(tree: Tree, random: Random, prefix: str = "") -> Contents:
    files = {prefix + name: random.randbytes(random.choice(SIZES)) for name in tree.files}
    for name, below in tree.dirs.items():
        files |= contents(below, random, f"{prefix}{name}/")
    return files


def directories(tree: Tree, prefix: str = "") -> set[str]:
    found = {prefix + name for name in tree.dirs}
    for name, below in tree.dirs.items():
        found |= directories(below, f"{prefix}{name}/")
    return found


@dataclass
class Match:
    name: str
    pattern: Pat
    files: Contents
    expected: Belonging


def fill(source: End, random: Random) -> list[Match]:
    """Three matches in the source, beside others."""
    matches = []
    for name in ("one", "two", "three"):
        tree = value(grown(random))
        if not source.has_directories:
            tree = without_empty(tree)
        files = contents(tree, random)
        pattern = near(random, tree, name)
        source.write(
            {f"src/{name}/{path}": data for path, data in files.items()},
            {f"src/{name}", *(f"src/{name}/{path}" for path in directories(tree))},
        )
        if not files:  # Else there would be no such directory in some.
            source.write({f"src/{name}/nobody's": b""})
        matches.append(Match(name, pattern, files, belonging_keys(tree, name, pattern)))
    source.write({"src/one-/x": b"", "src/one.txt": b"", "src/on/x": b""})
    return matches


def without_empty(tree: Tree) -> Tree:
    """The tree as keys make it: what holds no file is not there."""
    kept = {name: without_empty(below) for name, below in tree.dirs.items()}
    return Tree({n: t for n, t in kept.items() if t.files or t.dirs}, tree.files)


def compare(target: End, matches: list[Match], besides: Contents) -> None:
    """What is at the destination is what belongs, and nothing else changed there."""
    files, made = target.read()
    wanted = dict(besides)
    for match in matches:
        wanted |= {f"copy/{match.name}/{path}": match.files[path] for path in match.expected.files}
    assert set(files) == set(wanted)
    assert files == wanted
    places = {
        f"copy/{m.name}/{path}".rstrip("/") for m in matches for path in m.expected.directories
    }
    parents = {os.path.dirname(path) for path in besides} - {""}
    assert made == places | {"copy"} | parents


@pytest.mark.parametrize(("source_name", "target_name"), DIRECTIONS)
def test_what_belongs_is_copied(
    servers: Servers, tmp_path: Path, source_name: str, target_name: str
) -> None:
    random = Random(f"{source_name} {target_name}")
    source = end(servers, source_name, tmp_path)
    target = end(servers, target_name, tmp_path)
    matches = fill(source, random)
    target.write({"copy-/x": b"1", "copy.txt": b"2"})
    besides = target.read()[0]
    before = source.read()
    found = [ScanResult(source.root / "src" / m.name, make_pattern(m.pattern)) for m in matches]

    planned = pathvein.shuffle_to(found, target.root / "copy", dryrun=True)
    assert target.read()[0] == besides
    results = pathvein.shuffle_to(iter(found), target.root / "copy")
    for told in (planned, results):
        for result, match in zip(told, matches, strict=True):
            assert result.source == source.root / "src" / match.name
            assert result.destination == target.root / "copy" / match.name
            assert type(result.source) is type(source.root)
            assert result.files == len(match.expected.files)
            assert result.bytes == sum(len(match.files[path]) for path in match.expected.files)
            assert (result.skipped, result.errors) == ([], [])
    compare(target, matches, besides)
    assert source.read() == before
    if source.disk and target.disk:
        for match in matches:
            for path in match.expected.files:
                old = source.disk / "src" / match.name / path
                new = target.disk / "copy" / match.name / path
                if target_name == "local":
                    assert int(old.stat().st_mtime) == int(new.stat().st_mtime)
    if target.disk:
        assert leftovers(os.fspath(target.disk)) == []

    # A second time nothing is touched; with overwrite what is old is replaced, what is more stays.
    assert pathvein.shuffle_to(found, target.root / "copy") == []
    compare(target, matches, besides)
    some = next(m for m in matches if m.expected.files)
    name = min(some.expected.files)
    some.files[name] = random.randbytes(len(some.files[name]) + 1)
    source.write({f"src/{some.name}/{name}": some.files[name]})
    target.write({f"copy/{some.name}/more": b"more"})
    besides[f"copy/{some.name}/more"] = b"more"
    again = pathvein.shuffle_to(found, target.root / "copy", overwrite=True)
    assert len(again) == 3
    files, _ = target.read()
    wanted = dict(besides)
    for match in matches:
        wanted |= {f"copy/{match.name}/{path}": match.files[path] for path in match.expected.files}
    assert files == wanted


@pytest.mark.parametrize("name", ENDS[1:])
def test_a_large_file_there_and_back(servers: Servers, tmp_path: Path, name: str) -> None:
    """Larger than what is sent at once: byte for byte, and with bounded memory elsewhere tested."""
    here, there = end(servers, "local", tmp_path), end(servers, name, tmp_path)
    data = Random(3).randbytes(11_000_000)
    here.write({"run/large": data, "run/small": b"x"})
    pattern = FileStructurePattern("*", ["*"])
    (result,) = pathvein.shuffle([(here.root / "run", there.root / "run", pattern)])
    assert (result.files, result.bytes) == (2, len(data) + 1)
    (result,) = pathvein.shuffle([(there.root / "run", here.root / "back", pattern)])
    assert result.bytes == len(data) + 1
    assert (here.root / "back/large").read_bytes() == data
    (result,) = pathvein.shuffle([(there.root / "run", there.root / "twin", pattern)])
    assert there.read()[0]["twin/large"] == data


# Keys that are no names ----------------------------------------------------------------------

HOSTILE = [
    "src/run/../../evil",
    "src/run/../evil",
    "src/run/./evil",
    "src/run//evil",
    "src/run/sub/../../../evil",
]


@pytest.mark.parametrize("key", HOSTILE)
@pytest.mark.parametrize("name", ["memory", "s3-moto"])
def test_keys_that_lead_outside(servers: Servers, tmp_path: Path, name: str, key: str) -> None:
    """Nothing is made outside; the match with such a key fails, the others are copied."""
    try:
        store = servers.get(name)
    except Missing as missing:
        pytest.skip(str(missing))
    keys = ["src/run/f", "src/run/sub/f", "src/fine/f", key]
    source = store.keys(keys).upath
    target = tmp_path / "deep/target"
    target.mkdir(parents=True)
    pattern = FileStructurePattern("*", [], [], ["*"])
    for _ in range(5):  # as deep as the longest key, so that each belongs
        above = FileStructurePattern("*", [], [], ["*"])
        pattern = above.add_directory(pattern, is_optional=True)
    found = [ScanResult(source / "src" / run, pattern) for run in ("run", "fine")]
    with pytest.raises(ShuffleError) as caught:
        pathvein.shuffle_to(found, target)
    assert [result.source.name for result in caught.value.failed] == ["run"]
    assert [result.source.name for result in caught.value.results] == ["fine"]
    there = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert there == ["deep", "deep/target", "deep/target/fine", "deep/target/fine/f"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 256])
def test_names_that_no_file_can_have(tmp_path: Path, servers: Servers, name: str) -> None:
    source = servers.get("memory").keys(["src/run/f", f"src/run/{name}", "src/fine/f"]).upath
    found = [
        ScanResult(source / "src" / run, FileStructurePattern("*", ["*"]))
        for run in ("run", "fine")
    ]
    with pytest.raises(ShuffleError) as caught:
        pathvein.shuffle_to(found, tmp_path / "to")
    assert [result.source.name for result in caught.value.failed] == ["run"]
    assert os.listdir(tmp_path / "to") == ["fine"]


def test_a_name_that_is_file_and_directory(tmp_path: Path, servers: Servers) -> None:
    """In a store it may be both, here it cannot: the match is not begun."""
    source = servers.get("memory").keys(["src/run/a", "src/run/a/b", "src/fine/f"]).upath
    pattern = FileStructurePattern("*", ["*"]).add_directory(
        FileStructurePattern("*", ["*"]), is_optional=True
    )
    found = [ScanResult(source / "src" / run, pattern) for run in ("run", "fine")]
    with pytest.raises(ShuffleError) as caught:
        pathvein.shuffle_to(found, tmp_path / "to")
    assert [result.source.name for result in caught.value.failed] == ["run"]
    assert os.listdir(tmp_path / "to") == ["fine"]


# What goes wrong on the way ------------------------------------------------------------------


class Lost:
    """An object that is listed, and cannot be read by whatever way."""

    size = 7
    created = modified = datetime.now(UTC)

    def __getattr__(self, name: str) -> Any:
        raise OSError(5, "lost")


def test_a_store_that_loses_an_object(tmp_path: Path, servers: Servers) -> None:
    """The match fails and is not there at all; its error names the object."""
    from fsspec.implementations.memory import MemoryFileSystem

    source = (
        servers.get("memory").keys([f"src/{run}/f{n}" for run in "abc" for n in range(5)]).upath
    )
    found = [ScanResult(source / "src" / run, FileStructurePattern("*", ["*"])) for run in "abc"]
    lost = next(key for key in MemoryFileSystem.store if key.endswith(f"{source.path}/src/b/f3"))
    whole = MemoryFileSystem.store[lost]
    MemoryFileSystem.store[lost] = Lost()
    with pytest.raises(ShuffleError) as caught:
        pathvein.shuffle_to(found, tmp_path / "to")
    MemoryFileSystem.store[lost] = whole
    (failed,) = caught.value.failed
    assert failed.source.name == "b"
    assert any("src/b/f3" in str(error.filename) for error in failed.errors)
    assert sorted(os.listdir(tmp_path / "to")) == ["a", "c"]
    assert leftovers(os.fspath(tmp_path)) == []
    (result,) = pathvein.shuffle_to(found, tmp_path / "to")
    assert result.source.name == "b"
    assert sorted(os.listdir(tmp_path / "to")) == ["a", "b", "c"]


def test_a_local_source_that_leads_outside(tmp_path: Path, servers: Servers) -> None:
    """To a store: links to directories are skipped, links to files are content, fifos are told."""
    trees.build(
        tmp_path / "src",
        trees.Dir(
            {
                "f": trees.File(),
                "link": trees.Link(raw="../canary"),
                "out": trees.Link(raw=".."),
                "fifo": trees.Fifo(),
                "broken": trees.Link(raw="nowhere"),
            }
        ),
    )
    (tmp_path / "canary").write_text("outside")
    pattern = FileStructurePattern("*", ["*"]).add_directory(
        FileStructurePattern("*"), is_optional=True
    )
    target = servers.get("memory").keys([]).upath
    (result,) = pathvein.shuffle([(tmp_path / "src", target / "copy", pattern)])
    assert sorted(os.path.basename(path) for path, _ in result.skipped) == ["broken", "fifo", "out"]
    assert result.files == 2
    assert (target / "copy/link").read_text() == "outside"
    assert sorted(path.name for path in (target / "copy").iterdir()) == ["f", "link"]
