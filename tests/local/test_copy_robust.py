"""Copies that are killed, interrupted, out of space, or watched by somebody who means harm.

Whatever happens: nothing half-written bears a final name, nothing is lost or changed at the
source, nothing leads outside, and the next run completes what is missing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli_process
import fuse
import kill_copies
import pathvein
import trees
from copy_reference import LEFTOVER, belonging, differences, leftovers, snapshot
from pathvein import FileStructurePattern, ScanResult, ShuffleError
from reference import Pat
from test_races import churning, rounds
from trees import Dir, File, Link, Make, run_unprivileged

pytestmark = pytest.mark.linux("kill, mounts and races of Linux")

EVERYTHING = FileStructurePattern("*", ["*"])


def content(top: Path) -> dict[str, Any]:
    """Paths of files below, with what is in them; of directories with None."""
    return {path: seen.content for path, seen in snapshot(os.fspath(top)).items()}


@pytest.fixture
def fast(make_fast: Make) -> Path:
    """A directory in memory, where copying is quick and there is much of it."""
    return make_fast(Dir())


# Killed and interrupted ----------------------------------------------------------------------


def test_killed_at_random_moments() -> None:
    assert kill_copies.kill(20, seed=12) >= 5, "hardly any was in the middle of it"


def many_links(fast: Path, number: int = 20_000) -> Path:
    """A match that takes a while: one file under many names."""
    source = fast / "source" / "match"
    source.mkdir(parents=True)
    (source / "f0").write_bytes(b"x" * 20_000)
    here = os.open(source, os.O_RDONLY)
    for n in range(1, number):
        os.link("f0", f"f{n}", src_dir_fd=here, dst_dir_fd=here)
    os.close(here)
    (fast / "source" / "pattern.json").write_text('{"directory_name": "match", "files": ["f*"]}')
    (fast / "copies").mkdir()
    return source


INTERRUPTED = """
    import os, sys, pathlib, time, pathvein
    source, copies, how = sys.argv[1:]
    source, copies = pathlib.Path(source), pathlib.Path(copies)
    pattern = pathvein.FileStructurePattern("match", ["f*"])
    try:
        if how == "copy":
            pattern.copy(source, copies / "match")
        elif how == "threaded_copy":
            pattern.threaded_copy(source, copies / "match")
        else:
            merge = how == "merge"
            pathvein.shuffle_to([pathvein.ScanResult(source, pattern)], copies, overwrite=merge)
        print("it was not interrupted", flush=True)
    except KeyboardInterrupt:
        # The last threads of a pool may still be about to end.
        end = time.monotonic() + 20
        while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end:
            time.sleep(0.01)
        print("interrupted", len(os.listdir("/proc/self/task")), flush=True)
"""


@pytest.mark.parametrize("how", ["shuffle", "merge", "copy", "threaded_copy", "command"])
def test_an_interrupt_leaves_nothing_behind(fast: Path, how: str) -> None:
    source, copies = many_links(fast), fast / "copies"
    command: list[Any] = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), source, copies, how]
    if how == "command":
        pattern = fast / "source/pattern.json"
        command = [*cli_process.COMMAND, "shuffle", fast / "source", copies, "-p", pattern]
    if how == "merge":
        (copies / "match").mkdir()
    with cli_process.interruptible(command) as child:
        # Some have been copied, be it to where they are built or to where they belong.
        deadline = time.monotonic() + 60
        while child.poll() is None and sum(len(f) for _, _, f in os.walk(copies)) < 100:
            assert time.monotonic() < deadline
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    if how == "command":
        assert (child.returncode, b"Traceback" in err) == (130, False), err
    else:
        assert (child.returncode, out, err) == (0, b"interrupted 1\n", b"")
    assert leftovers(os.fspath(copies)) == []
    if how == "merge":
        there = content(copies / "match")
        assert 0 < len(there) < 20_000
        assert set(there.values()) == {None, (20_000, content(source)["f0"][1])}
    else:
        assert os.listdir(copies) == []
    pattern_object = FileStructurePattern("match", ["f*"])
    again = [ScanResult(source, pattern_object)]
    (result,) = pathvein.shuffle_to(again, copies, overwrite=how == "merge")
    assert result.files == len(os.listdir(copies / "match")) == 20_000


def a_leftover(fast: Path) -> str:
    """What a killed copy of ``source/match`` leaves in ``copies``: its name; it is removed."""
    source, copies = many_links(fast, 5000), fast / "copies"
    code = textwrap.dedent(INTERRUPTED)
    with cli_process.interruptible([sys.executable, "-c", code, source, copies, "copy"]) as child:
        deadline = time.monotonic() + 60
        while child.poll() is None and not leftovers(os.fspath(copies)):
            assert time.monotonic() < deadline
        child.kill()
        child.communicate()
    (left,) = leftovers(os.fspath(copies))
    trees.remove(left)
    return os.path.basename(left)


def test_what_looks_like_a_leftover_leads_nowhere(fast: Path) -> None:
    """It may be a link, or hold links; what belongs to somebody else is left alone."""
    name = a_leftover(fast)
    copies, outside = fast / "copies", fast / "outside"
    (outside / "d").mkdir(parents=True)
    (outside / "f").write_text("canary")
    (outside / "d/f").write_text("canary")
    small = fast / "small/match"
    small.mkdir(parents=True)
    (small / "f").write_text("x")
    others = [
        name.replace(".match.", ".other."),  # of another copy
        name.replace(".match.", ".match"),  # of no copy at all
        f"{name}.txt",
        name[1:],
    ]
    for kind in ("link", "directory with links", "directory within itself"):
        for other in others:
            (copies / other).mkdir()
            (copies / other / "f").write_text("somebody's")
        if kind == "link":
            (copies / name).symlink_to(outside)
        else:
            (copies / name / "sub").mkdir(parents=True)
            (copies / name / "sub/out").symlink_to(outside)
            (copies / name / "d").symlink_to(outside / "d")
            (copies / name / "up").symlink_to("..")
        before = snapshot(os.fspath(outside))
        (result,) = pathvein.shuffle_to([ScanResult(small, EVERYTHING)], copies)
        assert result.files == 1
        assert snapshot(os.fspath(outside)) == before
        for other in others:
            assert (copies / other / "f").read_text() == "somebody's"
        left = {"match", *others} | ({name} if kind == "link" else set())
        assert {"match", *others} <= set(os.listdir(copies)) <= left
        trees.remove(copies)
        copies.mkdir()


# Two at once ---------------------------------------------------------------------------------

AT_ONCE = """
    import json, logging, sys, pathlib, pathvein
    source, copies, overwrite = sys.argv[1:]
    errors = []
    class Keep(logging.Handler):
        def emit(self, record):
            errors.append(record.getMessage())
    logging.getLogger("pathvein.lib").addHandler(Keep(logging.ERROR))
    found = pathvein.scan(source, pathvein.FileStructurePattern("m*", ["*"]))
    print("ready", flush=True)
    sys.stdin.readline()
    done = pathvein.shuffle_to(found, pathlib.Path(copies), overwrite=overwrite == "True")
    print(json.dumps([[result.source.name for result in done], errors]))
"""


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_processes_to_one_destination(fast: Path, overwrite: bool) -> None:
    names = {f"m{number}" for number in range(60)}
    for who in ("one", "two"):
        for name in names:
            (fast / who / name).mkdir(parents=True)
            for file in range(8):
                (fast / who / name / f"f{file}").write_text(f"{who} {name} {file}" * 500)
    shared = 0
    for _ in range(3):
        copies = fast / "copies"
        command = [sys.executable, "-c", textwrap.dedent(AT_ONCE)]
        with contextlib.ExitStack() as stack:
            children: dict[str, Any] = {}
            for who in ("one", "two"):
                arguments = [str(fast / who), str(copies), str(overwrite)]
                pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                child = subprocess.Popen([*command, *arguments], **pipes)
                children[who] = stack.enter_context(child)
                stack.callback(child.kill)
            for child in children.values():
                assert child.stdout.readline() == b"ready\n"
            for child in children.values():
                child.stdin.write(b"\n")
                child.stdin.flush()
            told = {who: child.communicate(timeout=60)[0] for who, child in children.items()}
        copied = {who: set(json.loads(told[who])[0]) for who in told}
        errors = [error for who in told for error in json.loads(told[who])[1]]
        assert copied["one"] | copied["two"] == names
        assert set(os.listdir(copies)) == names
        assert leftovers(os.fspath(copies)) == []
        for name in names:
            there = content(copies / name)
            sources = {who: content(fast / who / name) for who in copied}
            if overwrite:  # Merged: each file is whole, and from one of them.
                assert set(there) == set(sources["one"])
                for path, what in there.items():
                    assert what in (sources["one"][path], sources["two"][path])
            else:
                (who,) = (who for who in copied if name in copied[who])
                assert there == sources[who]
        if not overwrite:
            assert len(errors) == len(names)
            assert all(error.startswith("Destination folder already exists") for error in errors)
        shared += bool(copied["one"]) and bool(copied["two"])
        trees.remove(copies)
    assert shared, "they were never at work at the same time"


# File systems that are full, read-only or broken ---------------------------------------------

CANNOT = 77


def in_small_file_system(function: str, kind: str, tmp_path: Path) -> None:
    """Call one of the functions below with a directory that is a file system of 4 MB."""
    tools = ["unshare", "mount", *(["mkfs.ext4"] if kind == "ext4" else [])]
    why = next((f"{tool} is not installed" for tool in tools if shutil.which(tool) is None), "")
    if not why:
        command = ["unshare", "-m", "--propagation", "private", sys.executable, __file__]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [*command, function, kind, os.fspath(tmp_path)],
            capture_output=True,
            text=True,
            timeout=150,
            env=environment,
        )
        unshared = "unshare failed" not in done.stderr
        if unshared and done.returncode != CANNOT:
            assert done.returncode == 0, done.stdout + done.stderr
            return
        why = done.stderr.strip()
    if os.environ.get("CI") == "true" and os.geteuid() == 0 and kind == "tmpfs":
        pytest.fail(f"root can mount one: {why}")
    pytest.skip(f"no file system of our own: {why}")


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
@pytest.mark.parametrize("function", ["fill_up", "fill_up_merging", "read_only"])
def test_small_file_systems(function: str, kind: str, tmp_path: Path) -> None:
    in_small_file_system(function, kind, tmp_path)


def mount_small(kind: str, work: Path) -> Path:
    """Mount it."""
    place = work / "small"
    place.mkdir()
    command: list[Any] = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place]
    if kind == "ext4":
        with open(work / "image", "wb") as image:
            image.truncate(4 << 20)
        options = ["-q", "-b", "1024", "-O", "^has_journal", "-m", "0"]
        subprocess.run(["mkfs.ext4", *options, str(work / "image")], check=True)
        command = ["mount", "-o", "loop", work / "image", place]
    if subprocess.run(command).returncode:
        sys.exit(CANNOT)
    return place


SIX = Pat("m*", ("f*",), (), (), (Pat("sub", ("*",)),))


def six_matches(work: Path) -> dict[str, Path]:
    """Half a megabyte each."""
    for number in range(6):
        match = work / "source" / f"m{number}"
        (match / "sub").mkdir(parents=True)
        for file in range(9):
            (match / f"f{file}").write_bytes(os.urandom(50_000))
        (match / "sub" / "f").write_bytes(os.urandom(50_000))
    return {f"m{number}": work / "source" / f"m{number}" for number in range(6)}


def found(matches: dict[str, Path]) -> list[ScanResult[Path]]:
    from compare import make_pattern

    return [ScanResult(path, make_pattern(SIX)) for path in matches.values()]


def is_whole(source: Path, copy: Path, merged: bool = False) -> bool:
    right = belonging(os.fspath(source), SIX)
    return not differences(os.fspath(source), os.fspath(copy), right, merged=merged)


def fill_up(place: Path, work: Path) -> None:
    """Some fit. The others fail, each by itself, and leave nothing; with room they are copied."""
    matches = six_matches(work)
    before = snapshot(os.fspath(work / "source"))
    (place / "filler").write_bytes(bytes(2_000_000))
    copies = place / "copies"
    for threads in (1, 2):
        with pytest.raises(ShuffleError) as caught:
            pathvein.shuffle_to(found(matches), copies, max_workers=threads)
        copied = {result.source.name for result in caught.value.results}
        failed = {result.source.name for result in caught.value.failed}
        assert copied | failed == set(matches)
        assert not copied & failed
        assert failed
        for result in caught.value.failed:
            assert result.errors
            for error in result.errors:
                assert error.errno == errno.ENOSPC, error
                assert error.filename, error
        assert all(is_whole(matches[name], copies / name) for name in copied)
        assert set(os.listdir(copies) if copied else []) == copied
        trees.remove(copies) if copies.exists() else None
    with contextlib.suppress(ShuffleError):
        pathvein.shuffle_to(found(matches), copies)
    (place / "filler").unlink()
    pathvein.shuffle_to(found(matches), copies)
    assert all(is_whole(source, copies / name) for name, source in matches.items())
    assert set(os.listdir(copies)) == set(matches)
    assert snapshot(os.fspath(work / "source")) == before


def fill_up_merging(place: Path, work: Path) -> None:
    """Each file is the old one or the new one; what there was of others is still there."""
    matches = six_matches(work)
    copies = place / "copies"
    for name in matches:
        (copies / name / "sub").mkdir(parents=True)
        for file in ("f0", "f5", "more", "sub/f"):
            (copies / name / file).write_text("old")
    (place / "filler").write_bytes(bytes(1_800_000))
    old = content(copies)
    with pytest.raises(ShuffleError) as caught:
        pathvein.shuffle_to(found(matches), copies, overwrite=True)
    for result in caught.value.failed:
        assert all(error.errno == errno.ENOSPC for error in result.errors)
    there, wanted = content(copies), content(work / "source")
    assert set(old) <= set(there) <= set(old) | set(wanted)
    for path, what in there.items():
        assert what in (old.get(path), wanted.get(path)), f"{path} is half-written"
    assert leftovers(os.fspath(copies)) == []
    (place / "filler").unlink()
    pathvein.shuffle_to(found(matches), copies, overwrite=True)
    assert all(is_whole(source, copies / name, merged=True) for name, source in matches.items())
    assert leftovers(os.fspath(copies)) == []


def read_only(place: Path, work: Path) -> None:
    """Every match fails and says so; a destination that is there is still only skipped."""
    matches = six_matches(work)
    (place / "copies/m1").mkdir(parents=True)
    (place / "copies/m1/old").write_text("old")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    before = snapshot(os.fspath(place))
    for overwrite in (False, True):
        with pytest.raises(ShuffleError) as caught:
            pathvein.shuffle_to(found(matches), place / "copies", overwrite=overwrite)
        assert caught.value.results == []
        failed = {result.source.name for result in caught.value.failed}
        assert failed == set(matches) - (set() if overwrite else {"m1"})
        errors = [error for result in caught.value.failed for error in result.errors]
        assert {error.errno for error in errors} == {errno.EROFS}
        assert snapshot(os.fspath(place)) == before


def test_what_permissions_forbid() -> None:
    run_unprivileged(forbidden)


def forbidden() -> None:
    """As somebody whom permissions bind."""
    with tempfile.TemporaryDirectory(dir=trees.public_base()) as folder:
        base = Path(folder).resolve()
        for name in ("a", "b", "c", "d"):
            (base / "source" / name / "sub").mkdir(parents=True)
            (base / "source" / name / "f").write_text(name)
        os.chmod(base / "source/b/f", 0)
        os.chmod(base / "source/c/sub", 0)
        pattern = FileStructurePattern("*", ["f"], [], [], [FileStructurePattern("s*", ["x"])])
        pattern.add_directory(FileStructurePattern("sub"), is_optional=True)
        matches = [ScanResult(base / "source" / name, pattern) for name in ("a", "b", "c", "d")]
        # A file that cannot be read, and a directory of which nobody can tell what belongs.
        with pytest.raises(ShuffleError) as caught:
            pathvein.shuffle_to(matches, base / "copies")
        failed = {result.source.name: result.errors for result in caught.value.failed}
        assert set(failed) == {"b", "c"}
        for name, path in [("b", "source/b/f"), ("c", "source/c/sub")]:
            assert [error.filename for error in failed[name]] == [str(base / path)]
            assert isinstance(failed[name][0], PermissionError)
        assert sorted(os.listdir(base / "copies")) == ["a", "d"]
        with pytest.raises(OSError, match="Permission denied"):
            pattern.copy(base / "source/b", base / "copies/b")
        assert sorted(os.listdir(base / "copies")) == ["a", "d"]

        # Places where nothing can be made.
        (base / "closed").mkdir(0o555)
        for place in (base / "closed", base / "closed/deeper/still"):
            with pytest.raises(ShuffleError) as caught:
                pathvein.shuffle_to(matches[:1], place)
            (error,) = caught.value.failed[0].errors
            assert isinstance(error, PermissionError)
            assert os.listdir(base / "closed") == []
        (base / "merge/a").mkdir(parents=True)
        (base / "merge/a/f").write_text("old")
        os.chmod(base / "merge/a", 0o555)
        with pytest.raises(ShuffleError):
            pathvein.shuffle_to(matches[:1], base / "merge", overwrite=True)
        assert content(base / "merge/a")["f"][0] == 3
        os.chmod(base / "merge/a", 0o755)
        pathvein.shuffle_to(matches[:1], base / "merge", overwrite=True)
        assert (base / "merge/a/f").read_text() == "a"
        assert not is_dirty(base / "merge")
        for path in ("closed", "source/c/sub"):
            os.chmod(base / path, 0o755)


def is_dirty(top: Path) -> bool:
    return any(LEFTOVER in name for _, names, files in os.walk(top) for name in names + files)


TORN = """
import json, os, pathlib, sys, tempfile, pathvein
top = pathlib.Path(sys.argv[1])
pattern = pathvein.FileStructurePattern("*", ["*"])
told = {}
with tempfile.TemporaryDirectory() as folder:
    for overwrite in (False, True):
        copies = pathlib.Path(folder, str(overwrite))
        matches = [pathvein.ScanResult(top / name, pattern) for name in ("a", "b", "c")]
        if overwrite:
            (copies / "b").mkdir(parents=True)
            (copies / "b/torn").write_text("old")
        try:
            pathvein.shuffle_to(matches, copies, overwrite=overwrite)
        except pathvein.ShuffleError as error:
            failed = [[r.source.name, [[e.errno, e.filename] for e in r.errors]]
                for r in error.failed]
            done = sorted(result.source.name for result in error.results)
            there = sorted(os.path.relpath(os.path.join(d, f), copies)
                for d, dirs, files in os.walk(copies) for f in dirs + files)
            size = os.path.getsize(copies / "b/torn") if overwrite else None
            told[str(overwrite)] = [done, failed, there, size]
print(json.dumps({"top": str(top), "told": told}))
"""


def test_a_source_that_cannot_be_read_to_its_end() -> None:
    answer = fuse.run("torn", TORN)
    top, told = answer["top"], answer["told"]
    failed = [["b", [[errno.EIO, f"{top}/b/torn"]]]]
    assert told["False"] == [["a", "c"], failed, ["a", "a/f", "c", "c/f"], None]
    done, failed_merging, there, size = told["True"]
    assert (done, failed_merging, size) == (["a", "c"], failed, 3)
    assert set(there) == {*told["False"][2], "b", "b/torn"}


# Trees that change under the copy ------------------------------------------------------------

SWAP = """
    def step():
        exchange(sys.argv[1], sys.argv[2])
"""
HOSTILE = FileStructurePattern("*", ["in"], [], ["secret"])
HOSTILE.add_directory(FileStructurePattern("sub", [], [], ["in", "secret"]), is_optional=True)
TOP = FileStructurePattern("*", ["in"])
TOP.add_directory(HOSTILE, is_optional=True)


@pytest.fixture
def hostile(make_fast: Make) -> Path:
    """``src/d`` is a directory; ``spare`` and ``spare_sub`` lead to the like of it outside."""
    spec = Dir(
        {
            "src": Dir({"in": File(), "d": Dir({"in": File(), "sub": Dir({"in": File()})})}),
            "outside": Dir(
                {
                    "in": File(),
                    "secret": File(),
                    "sub": Dir({"in": File(), "secret": File()}),
                }
            ),
            "spare": Link(to="outside", absolute=True),
            "spare_sub": Link(to="outside/sub", absolute=True),
            "copies": Dir(),
        }
    )
    top = make_fast(spec)
    for here, _, files in os.walk(top):
        for name in files:
            text = "outside" if "/outside" in here else "inside"
            Path(here, name).write_text(text)
    return top


def contents(top: Path) -> set[str]:
    """What stands in the files below. No link is followed, whatever is exchanged meanwhile."""
    found = set()
    for _, _, files, directory in os.fwalk(top, follow_symlinks=False):
        for name in files:
            with contextlib.suppress(OSError):
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
                with open(handle) as file:
                    found.add(file.read())
    return found


@pytest.mark.parametrize("where", ["d", "d/sub"])
def test_no_step_outside_of_the_source(hostile: Path, where: str) -> None:
    seen: set[Any] = set()
    spare = hostile / ("spare" if where == "d" else "spare_sub")
    before = snapshot(os.fspath(hostile / "outside"))
    with churning(SWAP, hostile / "src" / where, spare):
        for number in rounds(150, seen, {True, False}):
            place = hostile / "copies" / str(number)
            with contextlib.suppress(ShuffleError):
                pathvein.shuffle([(hostile / "src", place, TOP)], max_workers=1 + number % 3)
            assert "outside" not in contents(hostile / "copies")
            assert not list((hostile / "copies").rglob("secret"))
            seen.add((place / where / "in").exists())
            trees.remove(place) if place.exists() else None
            assert os.listdir(hostile / "copies") == []
    assert snapshot(os.fspath(hostile / "outside")) == before


def test_halves_of_two_sources_are_no_copy(hostile: Path) -> None:
    """The source itself is exchanged, and a link may be given: all of the one or of the other."""
    whole = {"inside": {"in", "sub/in"}, "outside": {"in", "secret", "sub/in", "sub/secret"}}
    seen: set[Any] = set()
    pattern = FileStructurePattern("*", ["*"])
    pattern.add_directory(FileStructurePattern("*", ["*"]), is_optional=True)
    place = hostile / "copies/match"
    with churning(SWAP, hostile / "src/d", hostile / "spare"):
        for number in rounds(200, seen, {"inside", "outside"}):
            with contextlib.suppress(ShuffleError):
                pathvein.shuffle([(hostile / "src/d", place, pattern)], max_workers=1 + number % 3)
                (text,) = contents(place)
                assert {str(p.relative_to(place)) for p in place.rglob("*")} == (
                    whole[text] | {"sub"}
                )
                seen.add(text)
                trees.remove(place)
            assert os.listdir(hostile / "copies") == []


@pytest.mark.parametrize("where", ["d", "d/sub"])
def test_no_step_outside_of_the_destination(hostile: Path, where: str) -> None:
    """What is merged into is exchanged for a link to elsewhere."""
    seen: set[Any] = set()
    spare = hostile / ("spare" if where == "d" else "spare_sub")
    place = hostile / "copies/match"
    before = snapshot(os.fspath(hostile / "outside"))
    (place / "d/sub").mkdir(parents=True)
    with churning(SWAP, place / where, spare):
        for number in rounds(150, seen, {"copied", "refused"}):
            (hostile / "src/d/in").write_text(f"inside {number}")
            try:
                pathvein.shuffle([(hostile / "src", place, TOP)], overwrite=True)
                seen.add("copied")
            except ShuffleError:
                seen.add("refused")
            assert snapshot(os.fspath(hostile / "outside")) == before


STAGED = """
    where, spare, below = sys.argv[1:]
    def step():
        for name in os.listdir(where):
            if name.startswith(".match."):
                staged = os.path.join(where, name, below) if below else os.path.join(where, name)
                try:
                    exchange(staged, spare)
                except OSError:
                    pass
"""


@pytest.mark.parametrize("below", ["", "d", "d/sub"])
def test_no_step_outside_of_what_is_being_built(hostile: Path, below: str) -> None:
    """Somebody waits for it to appear, and puts a link there."""
    copies = hostile / "copies"
    before = snapshot(os.fspath(hostile / "outside"))
    for number in range(150):
        (hostile / "src/d" / f"in{number}").write_text("inside")
    pattern = FileStructurePattern("*", ["in"])
    pattern.add_directory(
        FileStructurePattern("d", ["in*"]).add_directory(FileStructurePattern("sub", ["in"]))
    )
    spare = hostile / "spare"
    seen: set[Any] = set()
    for _ in rounds(6, seen, {"disturbed"}):
        with churning(STAGED, copies, spare, below), contextlib.suppress(ShuffleError):
            pathvein.shuffle([(hostile / "src", copies / "match", pattern)])
        # From here on nobody exchanges anything, so that the test itself is not led outside.
        assert snapshot(os.fspath(hostile / "outside")) == before
        assert "outside" not in contents(copies)
        # It has what was being built, and that has the link.
        if not spare.is_symlink():
            seen.add("disturbed")
            trees.remove(spare)
            spare.symlink_to(hostile / "outside")
        for path in copies.iterdir():
            path.unlink() if path.is_symlink() else trees.remove(path)


@contextlib.contextmanager
def one_file(fast: Path, size: int) -> Iterator[tuple[Path, Path]]:
    """A match with a file that is changed, and one that is not; where to copy it to."""
    source = fast / "source"
    source.mkdir()
    (source / "same").write_text("same")
    (source / "f").write_bytes(b"x" * size)
    (fast / "copies").mkdir()
    yield source, fast / "copies/match"


def outcome(source: Path, place: Path) -> OSError | None:
    """Copy it; gives why not."""
    try:
        pathvein.shuffle([(source, place, EVERYTHING)])
    except ShuffleError as error:
        ((failed,),) = [result.errors for result in error.failed]
        assert isinstance(failed, OSError)
        assert failed.filename
        assert not os.path.lexists(place)
        assert os.listdir(place.parent) == []
        return failed
    assert leftovers(os.fspath(place.parent)) == []
    return None


def test_a_file_that_grows(fast: Path) -> None:
    """Copied as it was at one moment, or not at all."""
    code = """
        import time
        def step():
            os.truncate(sys.argv[1], 1 << 20)
            with open(sys.argv[1], "ab") as file:
                for _ in range(200):
                    file.write(b"y" * 5000)
                    file.flush()
    """
    failed = 0
    with one_file(fast, 1 << 20) as (source, place), churning(code, source / "f"):
        for number in range(1000):
            if number >= 20 and failed:
                break
            if error := outcome(source, place):
                assert error.filename == os.fspath(source / "f")
                failed += 1
                continue
            copied = (place / "f").read_bytes()
            assert copied == b"x" * (1 << 20) + b"y" * (len(copied) - (1 << 20))
            assert (place / "same").read_text() == "same"
            trees.remove(place)
    assert failed, "it never grew while it was copied"


def test_a_file_that_comes_and_goes(fast: Path) -> None:
    code = """
        def step():
            os.rename(sys.argv[1], sys.argv[2])
            os.rename(sys.argv[2], sys.argv[1])
    """
    seen: set[Any] = set()
    aside = fast / "aside"
    with one_file(fast, 100) as (source, place), churning(code, source / "f", aside):
        for _ in rounds(50, seen, {"copied", "without"}):
            if error := outcome(source, place):
                assert (error.errno, error.filename) == (errno.ENOENT, os.fspath(source / "f"))
                continue
            there = {path.name: path.stat().st_size for path in place.iterdir()}
            assert there in ({"same": 4, "f": 100}, {"same": 4})
            seen.add("copied" if "f" in there else "without")
            trees.remove(place)


def test_a_file_that_becomes_a_fifo_hangs_nothing(fast: Path) -> None:
    seen: set[Any] = set()
    os.mkfifo(fast / "fifo")
    with one_file(fast, 100) as (source, place), churning(SWAP, source / "f", fast / "fifo"):
        for _ in rounds(100, seen, {"copied", "without"}):
            if outcome(source, place):
                continue
            there = {path.name: path.stat().st_size for path in place.iterdir()}
            assert there in ({"same": 4, "f": 100}, {"same": 4})
            assert all(path.is_file() for path in place.iterdir())
            seen.add("copied" if "f" in there else "without")
            trees.remove(place)


def test_what_is_no_file_is_skipped_and_told(fast: Path) -> None:
    spec = Dir(
        {
            "match": Dir(
                {
                    "f": File(),
                    "fifo": trees.Fifo(),
                    "socket": trees.Socket(),
                    "to fifo": Link(raw="fifo"),
                    "broken": Link(raw="nowhere"),
                    "loop": Link(raw="loop"),
                    "null": Link(raw="/dev/null"),
                    "directory": Link(raw="."),
                    "not asked for": trees.Fifo(),
                }
            )
        }
    )
    trees.build(fast / "source", spec)
    pattern = FileStructurePattern("*", ["[!n]*"], [], ["null"])
    pattern.add_directory(FileStructurePattern("d*"), is_optional=True)
    for links in ("follow", "keep"):
        (result,) = pathvein.shuffle([(fast / "source/match", fast / links, pattern)], links=links)
        assert result.files == 1
        reasons = {os.path.basename(path): str(reason) for path, reason in result.skipped}
        assert sorted(reasons) == sorted(
            ["fifo", "socket", "to fifo", "broken", "loop", "null", "directory"]
        )
        assert "fifo" in reasons["fifo"]
        assert "socket" in reasons["socket"]
        assert "directory" in reasons["directory"]
        assert os.listdir(fast / links) == ["f"]


def test_another_process_stays_out_of_the_way_of_what_is_being_built(fast: Path) -> None:
    """A copy of the same removes what a dead one left, and not what a live one is at."""
    source, copies = many_links(fast, 5000), fast / "copies"
    code = textwrap.dedent(INTERRUPTED)
    with cli_process.interruptible([sys.executable, "-c", code, source, copies, "copy"]) as child:
        deadline = time.monotonic() + 60
        # Before there is a file in it, it may not be locked yet; its maker would make another.
        while child.poll() is None and not any(files for _, _, files in os.walk(copies)):
            assert time.monotonic() < deadline
        os.kill(child.pid, signal.SIGSTOP)
        (building,) = leftovers(os.fspath(copies))
        small = fast / "small/match"
        small.mkdir(parents=True)
        (small / "f").write_text("x")
        pathvein.shuffle_to([ScanResult(small, EVERYTHING)], copies)
        assert os.path.isdir(building)
        os.kill(child.pid, signal.SIGCONT)
        _, err = child.communicate(timeout=60)
    assert b"FileExistsError" in err
    assert os.listdir(copies) == ["match"]
    assert os.listdir(copies / "match") == ["f"]


if __name__ == "__main__":
    name, kind, folder = sys.argv[1:]
    globals()[name](mount_small(kind, Path(folder)), Path(folder))
