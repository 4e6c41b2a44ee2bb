"""What was not read may be there: no error makes a match of what asks for something not to be."""

from __future__ import annotations

import errno
import ftplib
import io
import random
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

pytest.importorskip("fsspec")

import fsspec
from fsspec import AbstractFileSystem
from pathvein_core import Directories, Files
from upath import UPath

import check_reference
import pathvein
import pats
import reference
from cloud import below
from compare import items, make_pattern
from pathvein import FileStructurePattern as P
from pats import Pat, Re, counted, either
from reference import Tree

pytestmark = pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented")


class FailingFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Lists what is in `trees`: a `Tree`, or the entries, an exception where they end."""

    protocol = "failing"
    trees: ClassVar[dict[str, Any]] = {}
    cachable = False

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        path = self._strip_protocol(path).strip("/")
        node: Any = self.trees
        for name in path.split("/"):
            node = node.dirs if isinstance(node, Tree) else node
            if callable(node):
                break
            if name not in node:
                raise FileNotFoundError(path)
            node = node[name]
        if callable(node):
            node = node(path)
        elif isinstance(node, dict):
            node = node[""]
        entries = node if isinstance(node, list) else list(entries_of(node, path))
        for entry in entries:
            if isinstance(entry, Exception):
                raise entry
            yield entry

    def info(self, path: str, **options: Any) -> Any:
        if path.endswith("link"):
            raise PermissionError(errno.EACCES, "denied", path)
        return {"name": path, "type": "directory", "size": 0}


def entries_of(tree: Tree, path: str) -> Iterator[Any]:
    if not tree.listed:
        yield PermissionError(errno.EACCES, "denied", path)
    for name in tree.files:
        yield {"name": f"{path}/{name}", "type": "file", "size": 0}
    for name in tree.dirs:
        yield {"name": f"{path}/{name}", "type": "directory", "size": 0}
    if tree.broke_off:
        yield ConnectionResetError(errno.ECONNRESET, "lost", path)


@pytest.fixture(autouse=True)
def _failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from pathvein._remote import retry

    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.0)
    fsspec.register_implementation("failing", FailingFileSystem, clobber=True)
    yield
    FailingFileSystem.trees.clear()


def source_of(tree: Any) -> UPath:
    FailingFileSystem.trees["src"] = tree
    source: UPath = UPath("failing://src")
    return source


def scan(source: Any, *patterns: P, **options: Any) -> tuple[list[tuple[str, int]], list[OSError]]:
    """What is found, each with the number of its pattern, and the error items."""
    errors: list[OSError] = []
    results = pathvein.scan(source, list(patterns), on_error=errors.append, **options)
    numbers = {id(pattern): number for number, pattern in enumerate(patterns)}
    found = [(below(result.source, source), numbers[id(result.pattern)]) for result in results]
    items(errors)  # each tells what was being done with what
    return sorted(found), errors


# Each kind of error, and each kind of absence ---------------------------------------------------

DEEP = P("a", forbidden_directories=[P("b", directories=[P("c", files=["bad"])])])
ABSENT = {
    "forbidden file": P("run_*", forbidden_files=["bad"]),
    "forbidden directory": P("run_*", forbidden_directories=[P("bad")]),
    "forbidden below": P("run_*", forbidden_directories=[P("a", files=["bad"])]),
    "most files": P("run_*", [Files("*", min=0, max=9)]),
    "most directories": P("run_*", directories=[Directories(P("*"), min=0, max=9)]),
    "nothing else": P("run_*", optional_files=["*"], optional_directories=[P("*")], closed=True),
}


def told(kind: str | None, name: str, directory: str = "src/run_1") -> dict[str, Any]:
    return {"name": f"{directory}/{name}", "type": kind, "size": 0}


#: What is listed of a directory, and the number of the error item.
FAULTS: dict[str, tuple[list[Any], int]] = {
    "denied": ([PermissionError(errno.EACCES, "denied")], errno.EACCES),
    "broken off": ([told("file", "f"), ValueError("no listing")], errno.EIO),
    "of no kind": ([told("file", "f"), told(None, "x")], errno.EIO),
    "of unknown kind": ([told("file", "f"), told("unknown", "x")], errno.EIO),
    "a link that cannot be followed": ([told("link", "link")], errno.EACCES),
    "a name that is none": ([told("file", "f"), told("file", "./bad")], errno.EINVAL),
}


@pytest.mark.parametrize("absent", ABSENT)
@pytest.mark.parametrize("fault", FAULTS)
def test_of_what_is_not_whole_nothing_is_known_not_to_be_there(fault: str, absent: str) -> None:
    entries, code = FAULTS[fault]
    top = {
        "": [told("directory", "run_1", "src"), told("directory", "run_2", "src")],
        "run_1": entries,
        "run_2": [told("file", "f", "src/run_2")],
    }
    found, errors = scan(source_of(top), ABSENT[absent])
    assert found == [("run_2", 0)]
    assert [error.errno for error in errors] == [code]
    # What asks only for what is there is as certain as ever.
    least = P("run_*", [Files("*", min=0)]) if fault == "denied" else P("run_*", ["*"])
    found, _ = scan(source_of(top), least)
    assert found == [("run_1", 0), ("run_2", 0)][fault == "denied" :]


def test_the_mode_tells_what_has_no_type() -> None:
    # What sshfs says of a fifo.
    fifo = told("unknown", "fifo") | {"permissions": stat.S_IFIFO | 0o644}
    top = {"": [told("directory", "run_1", "src")], "run_1": [fifo]}
    found, errors = scan(source_of(top), P("run_*", ["fifo"], forbidden_files=["bad"]))
    assert (found, errors) == ([("run_1", 0)], [])


@pytest.mark.parametrize("fault", ["listed", "broke_off"])
def test_an_error_three_levels_below_a_forbidden_pattern(fault: str) -> None:
    faulty = Tree(files=("x",), broke_off=True) if fault == "broke_off" else Tree(listed=False)
    trees = {False: Tree(files=("x",)), True: faulty}
    for is_faulty, inner in trees.items():
        tree = Tree({"a": Tree({"b": Tree({"c": inner})})})
        found, errors = scan(source_of(tree), DEEP)
        assert found == ([] if is_faulty else [("a", 0)])
        assert len(errors) == is_faulty
        # Of a pattern that does not ask for it, nothing is hidden.
        other = P("a", forbidden_directories=[P("b", directories=[P("d", files=["bad"])])])
        assert scan(source_of(tree), other)[0] == [("a", 0)]


def test_one_is_uncertain_and_the_others_are_enough() -> None:
    tree = Tree({"x1": Tree(listed=False), "x2": Tree(files=("f",)), "x3": Tree(files=("f",))})
    few = P("src", directories=[Directories(P("x*", ["f"]), min=2, max=3)])
    fewer = P("src", directories=[Directories(P("x*", ["f"]), min=2, max=2)])
    more = P("src", directories=[Directories(P("x*", ["f"]), min=3)])
    assert scan(source_of(tree), few, fewer, more)[0] == [("", 0)]


# Random trees -------------------------------------------------------------------------------------

NAMES = ["a", "b", "ab", "a.x", "b.x"]
GLOBS = ["a", "b", "a*", "*", "*.x", "[!a]*", "?", "none"]


def random_tree(source: random.Random, depth: int) -> Tree:
    files = source.sample(NAMES, source.choice([0, 1, 1, 2, 3]))
    dirs = source.sample(NAMES, source.choice([0, 1, 2, 3]) if depth else 0)
    # What is a directory and a file at once may be in stores alone.
    return Tree({name: random_tree(source, depth - 1) for name in dirs}, tuple(files))


def damaged(tree: Tree, source: random.Random, depth: int = 0) -> Tree:
    """The same with listings that fail and others that break off behind some entry."""
    dirs = {name: damaged(inside, source, depth + 1) for name, inside in tree.dirs.items()}
    chance = source.random()
    if chance < 0.12 and depth:
        return Tree(listed=False)
    names = [*tree.files, *dirs]
    if chance < 0.3 and names:
        kept = names[: source.randint(1, len(names))]
        files = tuple(name for name in kept[: len(tree.files)])
        dirs = {name: dirs[name] for name in kept[len(tree.files) :]}
        return Tree(dirs, files, broke_off=True)
    return Tree(dirs, tree.files)


def random_pattern(source: random.Random, depth: int) -> Pat:
    def test() -> Any:
        one: Any = source.choice([*GLOBS, Re("[ab]+"), Re(".*x")])
        return source.choice([one, either((one, source.choice(GLOBS)))])

    def count() -> tuple[int, int | None]:
        return source.choice([(1, None), (1, None), (2, None), (0, 1), (1, 1), (0, 2), (1, 2)])

    def subs(most: int) -> list[Pat]:
        number = source.randint(0, most) if depth else 0
        return [random_pattern(source, depth - 1) for _ in range(number)]

    def requirement(sub: Pat) -> Any:
        what = source.choice([sub, sub, (sub, random_pattern(source, depth - 1))])
        return counted(what, *count())

    return Pat(
        source.choice([*GLOBS, None, "*", "*"]),
        tuple(counted(test(), *count()) for _ in range(source.randint(0, 1))),
        tuple(requirement(sub) for sub in subs(1)),
        tuple(test() for _ in range(source.randint(0, 1))),
        tuple(subs(1)),
        tuple(test() for _ in range(source.choice([0, 0, 0, 1]))),
        tuple(subs(1)),
        source.random() < 0.15,
    )


def test_random_trees_with_errors() -> None:
    """Scans and `pattern.matches`, by the reference; and no error makes a match."""
    counts = {"found": 0, "hidden": 0, "unknown": 0, "no": 0}
    for seed in range(600):
        source = random.Random(seed)
        tree = random_tree(source, 3)
        pieces = damaged(tree, source)
        distinct = list(dict.fromkeys(random_pattern(source, 2) for _ in range(6)))
        patterns = [make_pattern(pat) for pat in distinct]
        top = source_of(pieces)
        found, errors = scan(top, *patterns)
        note = f"seed {seed}: {pieces}"
        assert {(rel, distinct[n]) for rel, n in found} == reference.scan_tree(
            pieces, "src", distinct
        ), note
        whole = reference.scan_tree(tree, "src", distinct)
        assert {(rel, distinct[n]) for rel, n in found} <= whole, note
        assert errors or len(found) == len(whole)
        counts["found"] += len(found)
        counts["hidden"] += len(whole) - len(found)

        # The listing of the directory itself is given, and taken as it is.
        given = pieces._replace(broke_off=False)
        node = reference._value_node(given, "", "src", 0, [])
        for pat, pattern in zip(distinct, patterns, strict=True):
            row = (top, list(given.dirs), list(given.files))
            if pats.matches(node, pat):
                assert pattern.matches(row) is True, (note, pat)
            elif not check_reference.might_match(node, pat):
                assert pattern.matches(row) is False, (note, pat)
                counts["no"] += 1
            else:
                with pytest.raises(OSError, match=r"denied|lost"):
                    pattern.matches(row)
                counts["unknown"] += 1
    assert min(counts.values()) > 40, counts


# Links that are not entered ---------------------------------------------------------------------


def test_a_loop_is_certain(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/loop").symlink_to("../a")
    url = f"dir::file://{tmp_path}"
    empty = P("a", forbidden_directories=[P("loop", directories=[P("loop")])])
    errors: list[OSError] = []
    found = pathvein.scan(url, empty, follow_links=True, on_error=errors.append)
    assert [result.source.name for result in found] == ["a"]
    assert [error.errno for error in errors] == [errno.ELOOP]


def test_the_41st_link_is_not_entered_and_may_lead_to_anything() -> None:
    from pathvein._remote.directories import MAX_LINKS

    # On a file system that cannot resolve links.
    source = source_of(lambda path: [told("link", "next", path)])
    clean = P("*", forbidden_directories=[P("next", files=["x"])])
    found, errors = scan(source, clean, follow_links=True)
    assert [error.errno for error in errors] == [errno.ELOOP]
    assert len(found) == MAX_LINKS  # the source, and all links but the last that is entered


# Archives -----------------------------------------------------------------------------------------


def tar_of(names: list[str]) -> bytearray:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return bytearray(file.getvalue())


def test_a_tar_that_is_damaged_in_its_middle(tmp_path: Path) -> None:
    """`tarfile` ends in silence at what is no member."""
    clean = P("run_*", ["f"], forbidden_files=["FAILED"])
    path = tmp_path / "x.tar"
    members = tar_of(["run_1/f", "run_2/f", "run_1/FAILED"])
    for content, expected in [
        (members, ["run_2"]),
        (members[:1024] + b"\1" * 512 + members[1536:], []),
        (members[: 1024 + 100], []),
        # Not everybody writes the end.
        (tar_of(["run_1/f", "run_2/f"])[:1024], ["run_1", "run_2"]),
    ]:
        path.write_bytes(content)
        errors: list[OSError] = []
        source = UPath(f"tar://::file://{path}")
        found = pathvein.scan(source, [clean, P("run_*", ["f"])], on_error=errors.append)
        assert sorted(r.source.name for r in found if r.pattern == clean) == expected
        assert {r.source.name for r in found} == {"run_1", "run_2"}
        is_damaged = not expected
        assert [error.errno for error in errors] == [errno.EIO] * is_damaged
        assert clean.matches((source / "run_1", [], ["f"]))  # as the listing is given
        above = P("*", directories=[clean])
        if is_damaged:
            with pytest.raises(OSError, match="damaged"):
                above.matches((source, ["run_1"], []))
            with pytest.raises(OSError, match="damaged"):
                pathvein.shuffle_to({pathvein.ScanResult(source / "run_1", clean)}, tmp_path / "to")


# FTP and SFTP -----------------------------------------------------------------------------------


class FtpOf:
    """A connection to a server that knows `MLSD` or not."""

    def __init__(self, lines: list[str], answer: str = "226 done", mlsd: Any = None) -> None:
        self._lines, self._answer, self._mlsd = lines, answer, mlsd

    def mlsd(self, path: str) -> Any:
        if self._mlsd is None:
            raise ftplib.error_perm("500 what?")
        return self._mlsd

    def retrlines(self, command: str, callback: Any) -> str:
        assert command == "LIST /src"
        if self._answer[0] == "5":
            raise ftplib.error_perm(self._answer)
        for line in self._lines:
            callback(line)
        return self._answer


def ftp_listing(connection: FtpOf) -> Any:
    from pathvein._remote.filesystems.ftp import Ftp
    from pathvein._remote.loop import run_on_loop

    fs = SimpleNamespace(ftp=connection, _strip_protocol=str, async_impl=False)
    adapter = Ftp(fs, "/src", name="src")
    adapter.shares_connection = True
    try:
        return run_on_loop(adapter.loop, adapter.list(""))
    finally:
        adapter.close()


LINE = "-rw-r--r--   1 ftp  ftp   5 Jan 01 10:00 a file"


def test_ftp_without_mlsd() -> None:
    listing = ftp_listing(FtpOf(["total 8", LINE, "drwxr-xr-x 2 ftp ftp 5 Jan 01 10:00 data"]))
    assert (listing.dirnames, listing.filenames) == (["data"], ["a file"])
    assert listing.is_whole
    # What a link leads to is not told.
    listing = ftp_listing(FtpOf([LINE, "lrwxrwxrwx 1 ftp ftp 5 Jan 01 10:00 link -> data"]))
    assert listing.filenames == ["a file", "link"]
    assert not listing.is_whole
    # Of another kind of server.
    dos = "01-16-02  11:14AM       <DIR>          data"
    listing = ftp_listing(FtpOf([LINE, dos]))
    assert listing.filenames == ["a file"]
    assert dos in str(listing.failure)
    for answer in ("550 Permission denied.", "226 Transfer done (but failed to open directory)."):
        with pytest.raises(PermissionError):
            ftp_listing(FtpOf([], answer))


def test_ftp_that_does_not_tell_what_an_entry_is() -> None:
    for facts in ({}, {"type": "OS.unix=slink:/x"}):
        listing = ftp_listing(FtpOf([], mlsd=[("f", {"type": "file"}), ("x", facts)]))
        assert listing.filenames == ["f", "x"]
        assert [error.filename for error in listing.errors] == ["x"]
    assert ftp_listing(FtpOf([], mlsd=[("f", {"type": "file"})])).is_whole


def test_sftp_that_does_not_tell_what_an_entry_is() -> None:
    from pathvein._remote.filesystems.sftp import Sftp
    from pathvein._remote.loop import run_on_loop

    for mode in (None, 0o644):
        entries = [SimpleNamespace(filename="x", st_mode=mode, st_size=1, st_mtime=1)]
        ftp = SimpleNamespace(listdir_iter=lambda path, read_aheads, told=entries: iter(told))
        fs = SimpleNamespace(ftp=ftp, _strip_protocol=str, async_impl=False)
        adapter = Sftp(fs, "/src", name="src")
        adapter.shares_connection = True
        try:
            listing = run_on_loop(adapter.loop, adapter.list(""))
        finally:
            adapter.close()
        assert listing.filenames == ["x"]
        assert not listing.is_whole
