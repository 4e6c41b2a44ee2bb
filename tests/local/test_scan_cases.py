"""A named case for each promise of docs/semantics.md about a scan."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pickle
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pathvein_core
import pytest

import pathvein
import reference
from compare import make_pattern
from pathvein import FileStructurePattern, ScanResult, ScanWarning, iscan, scan
from reference import Pat
from trees import Dir, Fifo, File, Link, Make, Socket, built, tree

P = FileStructurePattern


def found(source: Any, patterns: Any, **options: Any) -> Any:
    """Paths below the source, "." for itself, sorted; any error is raised."""
    options.setdefault("on_error", "raise")
    top = Path(source).resolve()
    results = scan(source, patterns, **options)
    with iscan(source, patterns, **options) as stream:
        assert set(stream) == results
    return sorted(os.path.relpath(str(result.source), top) for result in results)


# Listing -----------------------------------------------------------------------------------


class Opened:
    """Counts how often each directory is opened, as Linux itself sees it (inotify)."""

    IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x40000000, 0o4000

    def __init__(self, top: Any) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(self.IN_NONBLOCK)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self.paths: dict[int, str] = {}
        for dirpath, _, _ in os.walk(top):
            watch = self.libc.inotify_add_watch(self.fd, os.fsencode(dirpath), self.IN_OPEN)
            if watch < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", dirpath)
            self.paths[watch] = os.path.relpath(dirpath, top)
        self.take()

    def take(self) -> Any:
        """The counts since the last call, by path below the top."""
        counts: Counter[str] = Counter()
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return counts
            while data:
                watch, mask, _, length = struct.unpack_from("iIII", data)
                assert not mask & 0x4000, "the queue of events ran over"
                # An event with a name is the parent's view of the same opening.
                if mask & self.IN_ISDIR and not length:
                    counts[self.paths[watch]] += 1
                data = data[16 + length :]


@pytest.fixture
def opened() -> Any:
    if not sys.platform.startswith("linux"):
        pytest.skip("counting is done with inotify")
    watchers: list[Opened] = []

    def watch(top: Any) -> Any:
        watchers.append(Opened(top))
        return watchers[-1]

    yield watch
    for watcher in watchers:
        os.close(watcher.fd)


NESTED = P("run*", ["*.txt"], [P("raw", ["*.fq"], [P("deep")]), P("*", ["x"])])


def test_each_directory_is_opened_once(make: Make, opened: Any) -> None:
    paths = [f"s{i}/run{j}/{rest}" for i in range(5) for j in range(4) for rest in ("a.txt", "e/")]
    top = make(tree(*paths, "s0/run0/raw/a.fq", "s0/run0/raw/deep/", "s0/run0/y/x"))
    os.symlink("run0", top / "s0/link")
    counter = opened(top)
    everything = [NESTED, P("*"), P("e"), P("s*", [], [NESTED])]
    for threads in (1, 4):
        results = scan(top, everything, threads=threads)
        counts = counter.take()
        assert (top / "s0/run0", NESTED) in results
        assert set(counts) == set(counter.paths.values())
        assert set(counts.values()) == {1}
        with iscan(top, everything, threads=threads) as stream:
            assert set(stream) == results
            assert stream.stats.directories == len(counter.paths)
        assert set(counter.take().values()) == {1}
    pathvein.walk_parallel(top)
    assert set(counter.take().values()) == {1}


def test_deep_and_no_deeper(make: Make, opened: Any) -> None:
    top = make(tree("a/b/c/d/f", "a/x/y/f", "a/b/e/f"))
    counter = opened(top)
    assert found(top, P("*", [], [P("b", [], [P("c", ["f"])])]), max_depth=1) == []
    assert set(counter.take()) == {".", "a", "a/b", "a/b/c"}
    assert found(top, P("*", [], [P("b", [], [P("c")])]), max_depth=1) == ["a"]
    assert set(counter.take()) == {".", "a", "a/b"}
    assert found(top, P("*", [], [P("b")]), max_depth=1) == ["a"]
    assert set(counter.take()) == {".", "a"}
    optional = P("*", [], [P("b")], [], [P("x", ["f"])])
    assert found(top, optional, max_depth=1) == ["a"]
    assert set(counter.take()) == {".", "a"}
    assert found(top, P("*"), max_depth=0) == ["."]
    assert set(counter.take()) == {"."}


def test_matches_reads_only_where_something_is_asked(make: Make, opened: Any) -> None:
    top = make(tree("a/b/c/f", "a/x/y/f"))
    counter = opened(top)
    listing: Any = (str(top), ["a"], [])
    assert P("*", [], [P("a")]).matches(listing)
    assert not P("no", [], [P("a", [], [P("b")])]).matches(listing)
    assert counter.take() == {}
    assert P("*", [], [P("a", [], [P("b")])]).matches(listing)
    assert counter.take() == {"a": 1}


def test_excluded_directories_are_not_opened(make: Make, opened: Any) -> None:
    top = make(tree("a/b/f", "c/f"))
    counter = opened(top)
    assert found(top, P(""), exclude="a") == [".", "c"]
    assert set(counter.take()) == {".", "c"}


def test_fifos_and_sockets_are_files_and_never_opened(make: Make) -> None:
    top = make(
        Dir({"fifo": Fifo(), "sock": Socket(), "broken": Link(raw="no"), "l": Link(raw="l")})
    )
    assert found(top, P("*", ["fifo", "sock", "broken", "l"])) == ["."]
    assert found(top, P("*", [], [P("fifo")])) == []


def test_an_empty_directory_matches(make: Make) -> None:
    top = make(tree("empty/"))
    assert found(top, P("empty")) == ["empty"]
    assert found(top / "empty", P()) == ["."]
    assert found(top / "empty", P("*", ["*"])) == []


def test_hidden_entries_count(make: Make) -> None:
    top = make(tree(".git/.config", ".a/"))
    assert found(top, P("*", ["*"])) == [".git"]
    assert found(top, P("?git", [".c*"])) == [".git"]
    assert found(top, P("*", [], [P("*a")])) == ["."]


def test_a_changed_tree_gives_a_changed_answer(make: Make) -> None:
    top = make(tree("a/"))
    pattern = P("a", ["f"])
    assert found(top, pattern) == []
    (top / "a/f").touch()
    assert found(top, pattern) == ["a"]
    (top / "a/f").unlink()
    assert found(top, pattern) == []


# Names -------------------------------------------------------------------------------------


def test_names_that_are_not_unicode_come_back_whole(make: Make) -> None:
    raw = [bytes([b]) for b in range(1, 256) if b not in b"/."]
    raw += [b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"x" * 255, b"\xff" * 255, b"a\n.", b"-"]
    names = sorted({os.fsdecode(name) for name in raw})
    top = make(Dir({name: Dir({name: File()}) for name in names}))
    everything = P("*", ["*"])
    assert {r.source.name for r in scan(top, everything)} == set(names)
    assert {os.fsencode(r.source.name) for r in scan(top, everything)} == set(raw)
    for name in names:
        if not set(name) & set("*?["):
            assert found(top, P(name, [name])) == [name]
    assert found(top, P("?", ["?"])) == sorted(name for name in names if len(name) == 1)
    assert {d for d, _, _ in pathvein.walk_parallel(top)} == {d for d, _, _ in os.walk(top)}


def test_a_glob_with_a_slash_matches_no_entry(make: Make) -> None:
    top = make(tree("a/b/f"))
    assert found(top, P("a/b")) == []
    assert found(top, P("*", ["b/f"])) == []
    assert found(top, P("*", [], [P("a/b")])) == []


def test_case_braces_and_backslashes_are_themselves(make: Make) -> None:
    top = make(tree("A/f.TXT", "{a,b}/x", "a\\b/x", "a/"))
    assert found(top, P("a")) == ["a"]
    assert found(top, P("*", ["*.txt"])) == []
    assert found(top, P("{a,b}")) == ["{a,b}"]
    assert found(top, P("a\\b")) == ["a\\b"]


@pytest.mark.parametrize("name", ["*", "", None])
def test_the_root_of_the_file_system_has_no_name(name: Any) -> None:
    root = Path("/")
    assert scan("/", P(name), max_depth=0) == {ScanResult(root, P(name))}
    assert scan("/", [P("?*"), P("/"), P("?")], max_depth=0) == set()


@pytest.mark.parametrize("inside", ["..", "."])
def test_the_name_is_that_of_the_resolved_path(
    make: Make, monkeypatch: pytest.MonkeyPatch, inside: Any
) -> None:
    top = make(tree("a/b/f"))
    monkeypatch.chdir(top / "a/b")
    expected = (top / "a/b" / inside).resolve()
    results = scan(inside, [P(expected.name), P(".."), P(".")])
    assert results == {ScanResult(expected, P(expected.name))}


def test_a_source_that_is_a_link_is_resolved(make: Make) -> None:
    top = make(Dir({"real": Dir({"f": File()}), "link": Link(to="real"), "two": Link(to="link")}))
    for source in (top / "link", top / "two", f"{top}/two/", top / "link/../two"):
        assert scan(source, [P("real", ["f"]), P("link"), P("two")]) == {
            ScanResult(top / "real", P("real", ["f"]))
        }


@pytest.mark.parametrize("kind", [str, Path, lambda p: str(p) + "/", lambda p: os.path.relpath(p)])
def test_kinds_of_sources(make: Make, kind: Any) -> None:
    top = make(tree("a/f"))
    results = scan(kind(top), P("a", ["f"]))
    assert results == {ScanResult(top / "a", P("a", ["f"]))}
    for result in results:
        assert isinstance(result.source, Path)
        assert type(result.source) is type(Path())


def test_any_path_like_is_a_source(make: Make) -> None:
    top = make(tree("a/f"))

    class Here:
        def __fspath__(self) -> Any:
            return str(top)

    assert len(scan(Here(), P("a"))) == 1


@pytest.mark.parametrize("form", ["{}", "file://{}", "local://{}"])
def test_a_local_upath_is_local(make: Make, form: Any) -> None:
    """Its results are paths, which equal those of a `Path`, and UPaths all the same."""
    upath = pytest.importorskip("upath")
    top = make(tree("a/f", "a::b/f", "a:/b#c?d%20/f", "\udcff/f"))
    text = form.format(top)
    assert scan(text, P("a")) == {ScanResult(top / "a", P("a"))}
    source = upath.UPath(text, auto_mkdir=False) if "://" in text else upath.UPath(text)
    results = scan(source, P(files=["f"]))
    assert results == set(iscan(source, P(files=["f"]))) == scan(top, P(files=["f"]))
    assert len(results) == 4
    for result in results:
        assert isinstance(result.source, upath.UPath)
        assert isinstance(result.source, Path)
        assert (result.source / "f").exists()


# Entering ----------------------------------------------------------------------------------


def linked_world() -> Any:
    return Dir(
        {
            "src": Dir(
                {
                    "d": Dir({"f": File(), "self": Link(to="src/d")}),
                    "one": Link(to="src/d"),
                    "two": Link(to="src/d", absolute=True),
                    "out": Link(to="out"),
                }
            ),
            "out": Dir({"g": File()}),
        }
    )


def test_links_are_listed_and_not_entered(make: Make) -> None:
    source = make(linked_world()) / "src"
    assert found(source, P("*")) == [".", "d"]
    assert found(source, P("*", [], [P("one"), P("out")])) == ["."]
    with pytest.warns(ScanWarning, match="1 match below .* may be hidden"):
        assert found(source, P("*", [], [P("out", ["g"])])) == []
    assert found(source, P("*", ["one"])) == []
    for pattern, results, links in [(P(), 2, 0), (P("*", [], [P("*")]), 2, 4)]:
        with iscan(source, pattern) as stream:
            assert len(list(stream)) == results
            assert stream.stats.links_not_followed == links


def dataset() -> Dir:
    """Of three sessions, one has its data behind a link."""
    anat = Dir({"t1.nii": File()})
    return Dir(
        {
            "real": anat,
            "ds": Dir(
                {
                    "ses-1": Dir({"anat": Link(to="real")}),
                    "ses-2": Dir({"anat": anat}),
                    "ses-3": Dir({"func": Dir()}),
                }
            ),
        }
    )


ANAT = P("ses-*", [], [P("anat", ["*.nii"])])
HIDDEN = (
    "1 match below {} may be hidden: required directories are there as links, which are followed "
    "only with follow_links=True"
)


@pytest.mark.parametrize("kind", ["path", "upath"])
def test_matches_that_links_hide_are_told(make: Make, kind: str) -> None:
    top = make(dataset())
    source: Any = top / "ds"
    if kind == "upath":
        source = pytest.importorskip("upath").UPath(f"local://{source}")
    shown = re.escape(HIDDEN.format(repr(str(top / "ds"))))
    for policy in ("warn", "raise"):
        with pytest.warns(ScanWarning, match=f"^{shown}$") as warned:
            assert names(scan(source, [ANAT, P("real")], on_error=policy)) == ["ses-2"]
        assert len(warned) == 1
        stream = iscan(source, ANAT, on_error=policy)
        with pytest.warns(ScanWarning, match=f"^{shown}$") as warned:
            assert names(stream) == ["ses-2"]
        assert len(warned) == 1
        assert (stream.stats.hidden_by_links, stream.stats.errors) == (1, 0)
    errors: list[OSError] = []
    for quiet in ("ignore", errors.append):
        with iscan(source, ANAT, on_error=quiet) as stream:
            assert names(stream) == ["ses-2"]
        assert (stream.stats.hidden_by_links, errors) == (1, [])
    with iscan(source, ANAT, follow_links=True, on_error="ignore") as stream:
        assert names(stream) == ["ses-1", "ses-2"]
    assert stream.stats.hidden_by_links == 0


def test_one_warning_tells_of_errors_and_of_links(make: Make) -> None:
    closed = Link(raw="a" * 300)
    top = make(Dir({"real": Dir(), "ds": Dir({"anat": Link(to="real"), "anat2": closed})}))
    with pytest.warns(ScanWarning) as warned:
        assert scan(top / "ds", P("*", [], [P("anat*", ["*.nii"])])) == set()
    [warning] = warned
    assert re.match(
        r"1 error below .*anat2'\. 1 match below .* may be hidden: ", str(warning.message)
    )


def names(results: Any) -> list[str]:
    return sorted(result.source.name for result in results)


def test_followed_links_are_visits_of_their_own(make: Make) -> None:
    source = make(linked_world()) / "src"
    errors: list[OSError] = []
    results = scan(source, P("*", ["?"]), follow_links=True, on_error=errors.append)
    assert sorted(r.source.name for r in results) == ["d", "one", "out", "two"]
    assert all(r.source.parent == source for r in results)
    assert [e.errno for e in errors] == [errno.ELOOP] * 3
    assert sorted(e.filename for e in errors) == [f"{source}/{n}/self" for n in ("d", "one", "two")]


def test_loops_end_and_are_told(make: Make) -> None:
    spec = Dir({"src": Dir({"a": Dir({"b": Dir({"up": Link(to="src"), "dot": Link(raw=".")})})})})
    top = make(spec)
    errors: list[OSError] = []
    nested = P("a", [], [P("b", [], [P("up"), P("dot")])])
    asks_inside = P("b", [], [P("up", [], [P("a")])])
    results = scan(top / "src", [nested, asks_inside], follow_links=True, on_error=errors.append)
    assert results == {ScanResult(top / "src/a", nested)}
    assert sorted(e.filename for e in errors) == [f"{top}/src/a/b/dot", f"{top}/src/a/b/up"]
    assert {e.errno for e in errors} == {errno.ELOOP}


def test_a_loop_through_the_outside_ends(make: Make) -> None:
    top = make(Dir({"src": Dir({"up": Link(to="")})}))
    errors: list[OSError] = []
    results = scan(top / "src", P("*"), follow_links=True, on_error=errors.append)
    assert {os.path.relpath(str(r.source), top / "src") for r in results} == {".", "up", "up/src"}
    assert [e.filename for e in errors] == [f"{top}/src/up/src/up"]


def test_a_long_chain_of_links_is_a_file(make: Make) -> None:
    spec = Dir({"d": Dir(), "l0": Link(to="d")})
    for i in range(60):
        spec.entries[f"l{i + 1}"] = Link(raw=f"l{i}")
    top = make(spec)
    assert found(top, P("*", ["l60"], [P("l3")])) == ["."]
    assert found(top, P("*", ["l3"])) == []


def test_a_scan_that_follows_links_in_a_web_of_them(make: Make) -> None:
    spec = Dir({n: Dir({m: Link(to=m) for m in "abcd" if m != n}) for n in "abcd"})
    top = make(spec)
    answer = reference.scan(top, [Pat()], follow_links=True)
    errors: list[OSError] = []
    assert len(scan(top, P(), follow_links=True, on_error=errors.append)) == len(answer.found)
    assert sorted(e.filename for e in errors) == [item.path for item in answer.errors]


@pytest.fixture
def mounted(make: Make) -> Any:
    """A tree with another file system at ``mnt`` in it, and its parts."""
    top = make(tree("mnt/", "d/f"))
    command = ["mount", "-t", "tmpfs", "tmpfs", str(top / "mnt")]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        pytest.skip(f"mount cannot be run: {error}")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    try:
        (top / "mnt/in").mkdir()
        (top / "mnt/in/f").touch()
        os.symlink("mnt/in", top / "link")
        yield top
    finally:
        subprocess.run(["umount", str(top / "mnt")], check=True)


def test_a_mount_point_is_listed_and_not_entered(mounted: Any) -> None:
    has_f = P("*", ["f"])
    assert found(mounted, has_f) == ["d", "mnt/in"]
    assert found(mounted, has_f, one_file_system=True) == ["d"]
    assert found(mounted, P("mnt"), one_file_system=True) == []
    assert found(mounted, P("*", [], [P("mnt")]), one_file_system=True) == ["."]
    assert found(mounted, P("*", [], [P("mnt", [], [P("in")])]), one_file_system=True) == []
    assert found(mounted / "mnt", has_f, one_file_system=True) == ["in"]
    options: dict[str, Any] = {"follow_links": True}
    assert found(mounted, has_f, **options) == ["d", "link", "mnt/in"]
    assert found(mounted, has_f, one_file_system=True, **options) == ["d"]


def test_one_file_system_on_a_machine_that_has_more() -> None:
    if not os.path.ismount("/dev/shm") or os.stat("/dev").st_dev == os.stat("/dev/shm").st_dev:
        pytest.skip("/dev/shm is no file system of its own")
    here: dict[str, Any] = {"max_depth": 1, "on_error": "ignore"}
    assert scan("/dev", P("shm"), **here)
    assert not scan("/dev", P("shm"), one_file_system=True, **here)
    assert scan("/dev", P("dev", [], [P("shm")]), one_file_system=True, **here)


def test_a_directory_that_vanished_is_absent(make: Make) -> None:
    """Directories go while they are scanned: no error, and what stays is always found."""
    top = make(tree(*(f"keep{i}/f" for i in range(30))))
    script = (
        "import os, sys\n"
        "while os.path.exists(sys.argv[1]):\n"
        "    for i in range(60):\n"
        "        try:\n"
        "            os.makedirs(f'{sys.argv[1]}/go{i}/x/y')\n"
        "            os.removedirs(f'{sys.argv[1]}/go{i}/x/y')\n"
        "        except OSError:\n"
        "            pass\n"
    )
    churn = subprocess.Popen([sys.executable, "-c", script, str(top)])
    try:
        for _ in range(150):
            results = scan(top, P("keep*", ["f"]), on_error="raise", threads=2)
            assert len(results) == 30
    finally:
        churn.kill()
        churn.wait()


def test_paths_longer_than_the_system_takes(make: Make) -> None:
    """Either the answer is whole, or what is missing is an error: nothing is lost in silence."""
    top = make(Dir())
    name, levels = "n" * 200, 40
    here = os.open(top, os.O_RDONLY)
    try:
        for _ in range(levels):
            os.mkdir(name, dir_fd=here)
            here, above = os.open(name, os.O_RDONLY, dir_fd=here), here
            os.close(above)
    finally:
        os.close(here)
    errors: list[OSError] = []
    results = scan(top, P(name), on_error=errors.append)
    assert len(results) == levels or [e.errno for e in errors] == [errno.ENAMETOOLONG]
    assert len(results) >= 4000 // 201 - 1


FEW_FILES = """
import resource, sys, pathvein
resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
pattern = pathvein.FileStructurePattern("*", [], [pathvein.FileStructurePattern("d", ["f"])])
print(len(pathvein.scan(sys.argv[1], pattern, on_error="raise", threads=4)))
print(len(pathvein.walk_parallel(sys.argv[1])))
"""


def test_a_process_that_may_open_few_files(make: Make) -> None:
    """Directories are not all held open: neither depth nor breadth uses up the limit."""
    deep = "/".join(["d"] * 150)
    top = make(tree(*(f"{i}/{deep}/f" for i in range(4)), *(f"w{i}/d/f" for i in range(300))))
    command = [sys.executable, "-c", FEW_FILES, str(top)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["304", str(1 + 4 * 151 + 600)]


def test_a_deep_tree(make: Make) -> None:
    top = make(tree("/".join(["d"] * 1500) + "/f"))
    assert len(scan(top, P("d"), on_error="raise")) == 1500
    assert len(scan(top, P("d", ["f"]), on_error="raise", threads=1)) == 1
    assert len(pathvein.walk_parallel(top)) == 1501


# Exclude -----------------------------------------------------------------------------------


def test_excluded_entries_satisfy_nothing(make: Make) -> None:
    top = make(tree("a/f", "b/f", "f"))
    assert found(top, P("*", ["f"]), exclude=["a"]) == [".", "b"]
    assert found(top, P("*", ["f"]), exclude=["/f"]) == ["a", "b"]
    assert found(top, P("*", ["f"]), exclude=["f"]) == []
    assert found(top, P("*", ["f"]), exclude=["f/"]) == [".", "a", "b"]
    assert found(top, P("*", [], [P("a")]), exclude=["a/"]) == []
    assert found(top, P("*", [], [P("a")]), exclude=("b", "/f")) == ["."]
    assert found(top, P("*", [], [P("a")]), exclude=iter(["b"])) == ["."]


def test_the_source_is_never_excluded(make: Make) -> None:
    top = make(tree("top/f"))
    for rule in ("top", "/top", "*", "**", "top/"):
        assert found(top, P("top"), exclude=rule, max_depth=0) == ["."]


def test_one_string_is_one_rule(make: Make) -> None:
    top = make(tree("a/", "b/", "ab/"))
    assert found(top, P("?*"), exclude="ab") == [".", "a", "b"]
    assert found(top, P("?*"), exclude=["a", "b"]) == [".", "ab"]


def test_a_rule_for_directories_takes_links_to_them(make: Make) -> None:
    spec = Dir(
        {"d": Dir(), "f": File(), "ld": Link(to="d"), "lf": Link(to="f"), "lb": Link(raw="x")}
    )
    top = make(spec)
    assert found(top, P("*", ["f", "lf", "lb"]), exclude="*/") == ["."]
    assert found(top, P("*", [], [P("ld")]), exclude="*/") == []
    assert found(top, P("*", [], [P("ld")]), exclude="/l?/") == []
    assert found(top, P("*", [], [P("ld")]), exclude="d/") == ["."]


def test_rules_match_names_that_end_in_a_dot_or_are_not_unicode(make: Make) -> None:
    names = ["a.", "..b", "\udcff", "x\udc80.txt", "a\nb", "\u65e5\u672c", "[", "{a,b}"]
    top = make(Dir({name: Dir() for name in names}))
    everything = sorted([".", *names])
    for rule, gone in [
        ("a.", "a."),
        ("*.", "a."),
        ("**/a.", "a."),
        ("/a.", "a."),
        ("..b", "..b"),
        ("x*.txt", "x\udc80.txt"),
        ("a*b", "a\nb"),
        ("a?b", "a\nb"),
        ("\u65e5*", "\u65e5\u672c"),
        ("\\[", "["),
        ("[[]", "["),
        ("\\{a,b\\}", "{a,b}"),
    ]:
        left = [name for name in everything if name != gone]
        assert found(top, P(), exclude=rule) == left, rule
    assert found(top, P(), exclude="*") == ["."]
    assert found(top, P(), exclude="**") == ["."]


@pytest.mark.parametrize("rule", ["[", "a{b", "[z-a]", "a/[b", "{a"])
def test_a_bad_rule_is_named(make: Make, rule: Any) -> None:
    top = make(tree("a/"))
    for call in (scan, iscan):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call(top, P(), exclude=["fine", rule])
        assert rule in str(caught.value)


def test_a_rule_that_is_no_unicode_is_no_crash(make: Make) -> None:
    top = make(Dir({"\udcff": Dir(), "a": Dir()}))
    with contextlib.suppress(ValueError):
        assert found(top, P(), exclude=["\udcff"]) == [".", "a"]


# Matching ----------------------------------------------------------------------------------


def test_one_entry_may_satisfy_several_requirements(make: Make) -> None:
    top = make(tree("a.txt", "d/x"))
    assert found(top, P("*", ["*.txt", "a*", "a.txt"]), max_depth=0) == ["."]
    assert found(top, P("*", [], [P("d"), P("?"), P("*", ["x"])])) == ["."]


def test_requirements_of_a_sub_directory_hold_of_one_and_the_same(make: Make) -> None:
    top = make(tree("p/a/x", "p/b/y", "q/a/x", "q/a/y"))
    assert found(top, P("?", [], [P("*", ["x", "y"])])) == ["q"]
    assert found(top, P("?", [], [P("*", ["x"]), P("*", ["y"])])) == ["p", "q"]
    assert found(top, P("?", [], [P("a"), P("*", ["y"])])) == ["p", "q"]


def test_optional_never_decides(make: Make) -> None:
    top = make(tree("a/f"))
    nothing = P("no", ["no"], [P("no")])
    assert found(top, P("a", ["f"], [], ["no"], [nothing])) == ["a"]
    assert found(top, P("b", [], [], ["f"])) == []


def test_required_directories_look_inside(make: Make) -> None:
    top = make(tree("a/b/c/d/e", "x/b/c/d/"))
    deep = P("?", [], [P("b", [], [P("c", [], [P("d", ["e"])])])])
    assert found(top, deep) == ["a"]
    assert found(top, deep, max_depth=1) == ["a"]
    assert found(top, deep, max_depth=0) == []
    assert found(top, P("?", [], [P("b", [], [P("c", [], [P("d")])])])) == ["a", "x"]


def test_a_pattern_that_occurs_within_itself(make: Make) -> None:
    top = make(tree("a/a/a/a/"))
    leaf = P("a")
    two = P("a", [], [leaf])
    three = P("a", [], [two])
    results = scan(top, [leaf, two, three])
    assert Counter(id(r.pattern) for r in results) == {id(leaf): 4, id(two): 3, id(three): 2}


def test_more_patterns_than_bits_in_a_word(make: Make) -> None:
    top = make(tree(*(f"d{i}/s{i}/f{i}" for i in range(150))))
    patterns = [P(f"d{i}", [], [P(f"s{i}", [f"f{i}"])]) for i in range(150)]
    patterns += [P("d*", [], [P("s*", [f"f{i}"])]) for i in range(0, 150, 7)]
    patterns += [P("*", [], [P(f"d{i}") for i in range(150)]), P("*", [], [P("d150")])]
    expected = {ScanResult(top / f"d{i}", patterns[i]) for i in range(150)}
    expected |= {
        ScanResult(top / f"d{i}", p) for i, p in zip(range(0, 150, 7), patterns[150:], strict=False)
    }
    expected.add(ScanResult(top, patterns[-2]))
    assert scan(top, patterns) == expected


def test_a_directory_of_many_entries(make: Make) -> None:
    spec = Dir()
    spec.entries.update({f"f{i}": File() for i in range(20000)})
    spec.entries.update({f"d{i}": Dir() for i in range(3000)})
    top = make(spec)
    assert found(top, P("*", ["f0", "f19999", "f777"], [P("d0"), P("d2999")])) == ["."]
    assert len(scan(top, P("d*"))) == 3000
    assert found(top, P("*", ["f20000"])) == []


# The call ----------------------------------------------------------------------------------


def test_results_are_named_tuples_with_the_very_object(make: Make) -> None:
    top = make(tree("a/f"))
    pattern = P("a")
    results = scan(top, pattern)
    assert type(results) is set
    (result,) = results
    assert result.pattern is pattern
    assert result.source == top / "a"
    source, second = result
    assert (source, second) == result == (top / "a", pattern)
    assert result[0] is source or result[0] == source
    assert hash(result) == hash((top / "a", P("a")))
    assert ScanResult._fields == ("source", "pattern")
    assert pickle.loads(pickle.dumps(result)) == result
    assert result == ScanResult(source=top / "a", pattern=P("a"))


def test_equal_patterns_are_one_and_the_first_stands_for_all(make: Make) -> None:
    top = make(tree("a/"))
    first, second, other = P("a"), P("a"), P("a", [], [], ["x"])
    for call in (scan, iscan):
        rows = list(call(top, [first, second, other, first]))
        assert sorted(map(id, (r.pattern for r in rows))) == sorted([id(first), id(other)])
    # They mean the same and are unequal.
    same = [P("*"), P(""), P(None)]
    assert len(scan(top, same, max_depth=0)) == 3


def test_patterns_are_one_or_an_iterable(make: Make) -> None:
    top = make(tree("a/", "b/"))
    a, b = P("a"), P("b")
    both = {ScanResult(top / "a", a), ScanResult(top / "b", b)}
    for patterns in ([a, b], (a, b), {a, b}, iter([a, b]), {a: 1, b: 2}, (p for p in (a, b))):
        assert scan(top, patterns) == both
    assert scan(top, a) == {ScanResult(top / "a", a)}


def test_a_subclass_of_the_pattern_is_handed_back(make: Make) -> None:
    top = make(tree("a/"))

    class Mine(FileStructurePattern):
        pass

    pattern = Mine("a")
    (result,) = scan(top, [pattern])
    assert result.pattern is pattern


def test_changing_a_pattern_after_the_call_changes_nothing(make: Make) -> None:
    top = make(tree(*(f"d{i}/a" for i in range(300))))
    pattern = P("d*", ["a"])
    kept = [pattern]
    with iscan(top, kept) as stream:
        pattern.add_file("no-such-file")
        kept.append(P("*"))
        rows = list(stream)
    assert len(rows) == 300
    assert all(row.pattern is pattern for row in rows)
    assert scan(top, pattern) == set()


def test_no_patterns_is_an_empty_result_after_the_source_is_checked(make: Make) -> None:
    top = make(tree("a/f"))
    assert scan(top, []) == set()
    assert list(iscan(top, [])) == []
    with pytest.raises(FileNotFoundError):
        scan(top / "missing", [])
    with pytest.raises(NotADirectoryError):
        scan(top / "a/f", [])
    with pytest.raises(FileNotFoundError):
        list(iscan(top / "missing", []))


def test_max_depth_bounds_where_a_match_starts(make: Make) -> None:
    top = make(tree("1/2/3/4/"))
    for depth in range(6):
        names = [".", "1", "1/2", "1/2/3", "1/2/3/4"]
        assert found(top, P(), max_depth=depth) == names[: depth + 1]
    assert found(top, P(), max_depth=2**40) == names
    assert found(top, P(), max_depth=None) == names


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 64])
def test_threads_change_nothing(make: Make, threads: Any) -> None:
    top = make(tree(*(f"{i % 7}/{i % 11}/{i}/f" for i in range(300))))
    results = scan(top, [P("*", ["f"]), P("3", [], [P("*", [], [P("1?")])])], threads=threads)
    assert results == scan(top, [P("*", ["f"]), P("3", [], [P("*", [], [P("1?")])])], threads=1)
    assert len(results) == 301


def test_the_reference_agrees_on_the_interpreter_itself() -> None:
    """A real tree: the Python installation."""
    source = Path(os.__file__).parent
    pats = [
        Pat("*", ("__init__.py",)),
        Pat("*", ("*.py",), (Pat("__pycache__"),)),
        Pat("*", (), (Pat("test*", ("__init__.py",)),)),
        Pat("e*", ("__init__.py",), (Pat("*", ("*.py",)),)),
    ]
    answer = reference.scan(source, pats, exclude=["site-packages/"], max_depth=4)
    patterns = [make_pattern(pat) for pat in pats]
    results = scan(source, patterns, exclude=["site-packages/"], max_depth=4, on_error="ignore")
    found_rows = {(str(r.source), pats[patterns.index(r.pattern)]) for r in results}
    assert found_rows == answer.found
    assert len(found_rows) > 10


# pattern.matches ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path, lambda p: f"{p}/"])
def test_matches_takes_the_lists_as_they_are(make: Make, kind: Any) -> None:
    top = make(tree("d/f", "d/e/"))
    here = kind(top)
    asks = P("top", [], [P("d", ["f"], [P("e")])])
    assert asks.matches((here, ["d"], [])) is True
    assert asks.matches((here, [], [])) is False
    assert P("top", ["no"], [P("gone")]).matches((here, ["gone"], ["no"])) is True
    assert P("top", [], [P("gone", ["f"])]).matches((here, ["gone"], [])) is False
    assert P("*", [], [P("d", ["f"])]).matches((here, ["d"], []), 3) is True
    assert asks.matches((here, ("d",), ())) is True


def test_matches_does_not_need_the_directory() -> None:
    listing: Any = ("/no/such/place", ["raw"], ["a.txt"])
    assert P("place", ["*.txt"], [P("raw")]).matches(listing)
    assert not P("such", ["*.txt"]).matches(listing)
    assert not P("place", [], [P("raw", ["x"])]).matches(listing)
    assert P("place", ["*.txt"]).matches(("place", [], ["a.txt"]))


def test_matches_follows_no_links(make: Make) -> None:
    source = make(linked_world()) / "src"
    listing: Any = (str(source), ["d", "one", "two", "out"], [])
    assert P("src", [], [P("d", ["f"])]).matches(listing)
    assert P("src", [], [P("out")]).matches(listing)
    assert not P("src", [], [P("out", ["g"])]).matches(listing)
    assert not P("src", [], [P("one", ["f"])]).matches(listing)
    assert not P("src", [], [P("d", [], [P("self", ["f"])])]).matches(listing)


def test_matches_of_a_relative_path_reads_from_here(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make(tree("a/d/f"))
    monkeypatch.chdir(top)
    assert P("a", [], [P("d", ["f"])]).matches(("a", ["d"], []))
    assert P("a", [], [P("d", ["f"])]).matches(("./a/", ["d"], []))
    assert P("a", [], [P("d", ["f"])]).matches((Path("a"), ["d"], []))


# Walks -------------------------------------------------------------------------------------


def test_the_walk_is_a_stream(endless: Path) -> None:
    stream = pathvein.iwalk_parallel(endless, follow_links=True)
    dirpath, dirnames, filenames = next(iter(stream))
    assert dirpath.startswith(str(endless))
    assert (sorted(dirnames), filenames) == (["x", "y"], ["f"])
    if hasattr(stream, "close"):
        stream.close()


def test_the_oracle_of_these_cases_is_alive() -> None:
    with built(tree("a/f")) as top:
        assert reference.scan(top, [Pat("a", ("f",))]).found == {(f"{top}/a", Pat("a", ("f",)))}


def test_backend_info() -> None:
    info = pathvein.get_backend_info()
    assert info["has_rust"] is True
    assert info["backend"] == "rust"
    assert isinstance(info["features"], list)
    assert all(isinstance(feature, str) for feature in info["features"])


def test_a_core_without_a_copier_does_not_claim_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pathvein_core, "Copy", None, raising=False)
    assert "copy" in pathvein.get_backend_info()["features"]
    monkeypatch.delattr(pathvein_core, "Copy")
    assert "copy" not in pathvein.get_backend_info()["features"]


def test_old_import_places() -> None:
    from pathvein.lib import ScanResult as old_result
    from pathvein.lib import scan as old_scan
    from pathvein.pattern import FileStructurePattern as old_pattern

    assert old_scan is scan
    assert old_result is ScanResult
    assert old_pattern is FileStructurePattern


def test_importing_is_light() -> None:
    heavy = "fsspec upath typer rich click"
    code = f"import sys, pathvein; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("/build/", {"a", "a/build", "b"}),
        ("a/build/", {"a", "b", "build"}),
        ("/build", {"a", "a/build", "b"}),
        ("build/", {"a", "b"}),
    ],
)
def test_one_rule_for_directories(make: Make, rule: str, left: set[str]) -> None:
    """Rules that look at the path, or only at directories, each as the only rule."""
    top = make(tree("a/build/", "build/", "b/"))
    (top / "b" / "build").write_text("")
    results = scan(top, FileStructurePattern("?*"), exclude=rule)
    found = {os.path.relpath(str(result.source), top) for result in results}
    assert found == left | {"."}
