"""Directories that need not be opened: what is found is the same whether they are or not.

The naive reference opens everything. `test_filesystems` runs some of these tests on other file
systems.
"""

from __future__ import annotations

import collections
import errno
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pathvein_core
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import cli_process
import fuse
import reference
import strategies
from compare import expected_rows, items, make_patterns
from pathvein import FileStructurePattern as P
from profiles import share
from reference import Item
from trees import (
    Dir,
    File,
    Link,
    Make,
    built,
    is_counting,
    public_base,
    run_unprivileged,
    tree,
)

pytestmark = pytest.mark.linux("link counts as Linux tells them")


class Ran(NamedTuple):
    """What the core's scan gave."""

    found: list[Any]
    errors: list[Item]
    stats: pathvein_core.Stats

    @property
    def seen(self) -> int:
        """How many directories it knows of."""
        return self.stats.directories + self.stats.skipped

    @property
    def names(self) -> list[str]:
        return sorted(os.path.basename(path) for path, *_ in self.found)


def run(source: Path | str, *patterns: P, **options: Any) -> Ran:
    """Scan, with the arguments of the core."""
    scan = pathvein_core.Scan(source, patterns, **options)
    found, errors, done = [], [], False
    while not done:
        batch, wrong, done = scan.next_batch(60)
        found += batch
        errors += wrong
    return Ran(sorted(found, key=lambda row: row[:2]), items(errors), scan.stats())


def both(source: Path | str, *patterns: P, **options: Any) -> tuple[Ran, Ran]:
    """Skipping, and not."""
    return run(source, *patterns, **options), run(source, *patterns, leaf_skip=False, **options)


# Random trees ------------------------------------------------------------------------------


@st.composite
def cases(draw: Any, unreadable: bool = False) -> strategies.Case:
    """A tree with itself in it some times, so that a worker has met enough of each kind."""
    case: strategies.Case = draw(strategies.cases(unreadable=unreadable))
    source = case.world.entries["src"]
    assert isinstance(source, Dir)
    more = Dir(dict.fromkeys(map(str, range(20)), Dir(dict(source.entries), source.mode)))
    case.world.entries["src"] = Dir({**source.entries, "more": more})
    return replace(case, follow_links=False, threads=draw(st.sampled_from([1, 1, 2])))


def compare(case: strategies.Case, skipped: list[int]) -> None:
    """All ways to scan the tree, with and without; notes how many were skipped."""
    with built(case.world, fast=True) as top:
        source = top / "src"
        patterns = make_patterns(case.patterns)
        options = {**case.options, "threads": case.threads}
        options["exclude"] = pathvein_core.ExcludeRules(case.exclude)
        for how in "check", "outermost", None:
            options |= {how: True} if how else {}
            some, every = both(source, *patterns, **options)
            trusting = run(source, *patterns, trust_link_counts=True, **options)
            note(f"{how}: {some} {trusting} {every}")
            assert some.found == trusting.found == every.found
            assert every.stats.skipped == 0
            for ran in some, trusting:
                skipped.append(ran.stats.skipped)
                assert not collections.Counter(ran.errors) - collections.Counter(every.errors)
                assert ran.stats.hidden_by_links <= every.stats.hidden_by_links
                assert ran.stats.entries <= every.stats.entries
                if not every.errors and how is None and case.max_depth is None:
                    assert ran.seen == every.stats.directories
            if how:
                del options[how]
        answer = reference.scan(source, case.patterns, **case.options)
        assert some.found == expected_rows(answer.found, case.patterns)


def test_random_trees() -> None:
    skipped: list[int] = []

    @share(0.25)
    @given(cases())
    def compare_all(case: strategies.Case) -> None:
        compare(case, skipped)

    compare_all()
    # A few examples need not have any.
    if is_counting(public_base(fast=True)) and len(skipped) > 100:
        assert any(skipped)


def compare_unprivileged() -> None:
    @share(0.12)
    @given(cases(unreadable=True))
    def compare_all(case: strategies.Case) -> None:
        compare(case, [])

    compare_all()


def test_random_trees_with_unreadable_directories() -> None:
    run_unprivileged(compare_unprivileged)


# What is skipped ---------------------------------------------------------------------------

#: Of each branch's three directories two have no directory in them.
BRANCHES = 60
WOOD = tree(*(f"b{n}/{leaf}" for n in range(BRANCHES) for leaf in ("x/y/f", "empty/")))


def test_what_is_skipped_is_told_by_the_file_system(make_fast: Make) -> None:
    """Its kind, not what it says of a single directory."""
    source = make_fast(WOOD)
    some, every = both(source, P("b7"), threads=1)
    assert some.names == every.names == ["b7"]
    assert every.stats.directories == 1 + 4 * BRANCHES
    assert every.stats.skipped == 0
    assert some.seen == every.stats.directories
    if is_counting(source):
        # All but a few, with which it begins.
        assert some.stats.skipped > 2 * BRANCHES - 10
    else:
        assert some.stats.skipped == 0


def test_what_a_pattern_asks_to_look_into_is_not_skipped(make_fast: Make) -> None:
    source = make_fast(WOOD)
    for pattern, names in [
        (P("*", ["f"]), ["y"] * BRANCHES),
        (P("empty", [], forbidden_files=["f"]), ["empty"] * BRANCHES),
        (P("y", optional_files=["f"], closed=True), ["y"] * BRANCHES),
    ]:
        some, every = both(source, pattern, threads=1)
        assert some.names == every.names == names
        asked = BRANCHES * sum(pattern.directory_name in (name, "*") for name in ("y", "empty"))
        assert some.stats.skipped <= 2 * BRANCHES - asked


def test_links_that_are_followed_are_all_looked_for(make_fast: Make) -> None:
    wood = Dir({**WOOD.entries, "b7": Dir({"leaf": Dir({"link": Link(to="b8")})})})
    source = make_fast(wood)
    some, every = both(source, P("link"), follow_links=True, threads=1)
    assert some.names == every.names == ["link"]
    assert some.stats.skipped == 0


@pytest.mark.parametrize("linked", [range(300), range(3, 300, 4)])
def test_that_links_hide_matches_is_told_where_they_are_a_habit(
    make_fast: Make, linked: range
) -> None:
    """Those that ask for directories alone may be skipped, but not where they have such links."""
    source = make_fast(
        Dir(
            {
                "data": tree("f"),
                **{
                    f"run_{n}": Dir({"data": Link(to="data")} if n in linked else {})
                    for n in range(300)
                },
            }
        )
    )
    pattern = P("run_*", [], [P("data", ["f"])])
    some, every = both(source, pattern, threads=1)
    assert some.names == every.names == []
    assert some.stats.hidden_by_links == every.stats.hidden_by_links == len(linked)


def test_candidates_that_ask_for_directories_alone(make_fast: Make) -> None:
    source = make_fast(tree(*(f"run_{n}/f" for n in range(300)), "run_x/data/f"))
    some, every = both(source, P("run_*", [], [P("data", ["f"])]), threads=1)
    assert some.names == every.names == ["run_x"]
    assert not is_counting(source) or some.stats.skipped > 200
    # Of these it may be too many, and nobody has looked.
    some, every = both(source, P("run_*", [], [], forbidden_directories=[P("data")]), threads=1)
    assert some.names == every.names
    assert len(some.names) == 300


def asked_for_unreadable(source: Path) -> tuple[Ran, Ran, Ran]:
    """A scan that asks for nothing in them, one that opens them all the same, and one that asks."""
    return (*both(source, P("b7"), threads=1), run(source, P("leaf", ["f"]), threads=1))


def test_a_directory_that_nobody_looks_into_is_no_error(make_fast: Make) -> None:
    branch = Dir({"leaf": Dir({"f": File()}, 0), "inner": tree("deep/f")})
    source = make_fast(Dir({f"b{n}": branch for n in range(50)}))
    some, every, asking = run_unprivileged(asked_for_unreadable, source)
    leaves = [Item(f"{source}/b{n}/leaf", errno.EACCES) for n in range(50)]
    assert every.errors == asking.errors == sorted(leaves)
    assert some.names == every.names == ["b7"]
    if is_counting(source):
        assert len(some.errors) < 10
        assert set(some.errors) < set(leaves)
        assert some.stats.skipped > 90


# A large directory -------------------------------------------------------------------------

LARGE = 20_000


def test_a_large_directory_is_read_no_further_than_it_matters(make_fast: Make) -> None:
    """What is asked for comes first; its sub-directories come first in one, and last in another."""
    files, below = [f"f{n:05}" for n in range(LARGE)], ["sub1", "sub2"]
    sources = [make_fast(Dir({"big": Dir()})) for _ in range(2)]
    for source, names in zip(sources, ([*below, *files], [*files, *below]), strict=True):
        for name in names:
            path = source / "big" / name
            path.mkdir() if name in below else path.touch()
    # What has changed just now may still do so.
    time.sleep(3.1)
    ends = []
    for source in sources:
        listed = os.listdir(source / "big")
        first = next(name for name in listed if name in files)
        ends.append(max(map(listed.index, below)))
        for pattern in P("big", [first]), P("big", [first], [P("sub1"), P("sub2")]):
            some, every = both(source, pattern, threads=1)
            assert some.names == every.names == ["big"]
            assert every.stats.entries == LARGE + 3
            assert some.seen == every.stats.directories
            # (Where directories are asked for, a link of such a name may be further on.)
            if is_counting(source) and ends[-1] < LARGE / 2 and not pattern.directories:
                assert some.stats.entries < LARGE / 4
        # As long as something may come that is asked for, it is read.
        for pattern in P("big", [first, "no"]), P("big", [first], forbidden_files=["no"]):
            some, every = both(source, pattern, threads=1)
            assert some.names == every.names
            assert some.stats.entries == every.stats.entries
    if is_counting(sources[0]) and sources[0].is_relative_to("/dev/shm"):
        assert min(ends) < LARGE / 2 < max(ends)


# System calls ------------------------------------------------------------------------------

CALLS = """
    import os, sys, pathvein_core
    scan = pathvein_core.Scan(sys.argv[1], [pathvein_core.FileStructurePattern("no")],
        threads=1, leaf_skip=sys.argv[2] == "skip")
    done = False
    while not done: _, _, done = scan.next_batch(60)
"""


#: What is done with what is open, but for what a debug build does to see that it is.
HANDLES = "close,fstat,fstatfs,getdents64"


def calls(source: Path, how: str, out: Path) -> collections.Counter[str]:
    """How often a scan of the source makes each system call."""
    traced: list[Any] = ["strace", "-f", "-qq", "-o", out, "-e", f"trace=file,{HANDLES}"]
    traced += [sys.executable, "-c", textwrap.dedent(CALLS), source, how]
    done = subprocess.run(traced, capture_output=True, text=True, timeout=60)
    if done.returncode:
        pytest.skip(f"strace cannot be used here: {done.stderr}")
    return collections.Counter(re.findall(r"^\d+ +(\w+)\(", out.read_text(), re.MULTILINE))


def test_what_a_leaf_costs(make_fast: Make, tmp_path: Path) -> None:
    """Counted are the calls for a tree with so many leaves more."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    few, many = (make_fast(tree(*(f"{n}/f" for n in range(count)))) for count in (100, 400))
    if not is_counting(few):
        pytest.skip("what is temporary here is on no file system whose link counts are known")
    cost = {}
    for how in "skip", "open":
        one, other = (calls(source, how, tmp_path / "calls") for source in (few, many))
        more = {name: round((other[name] - one[name]) / 300, 1) for name in other}
        cost[how] = {name: number for name, number in more.items() if number}
    assert cost["skip"] == {"statx": 1}
    assert cost["open"] == {"openat": 1, "getdents64": 2, "close": 1}


FORBIDDEN = """
    import ctypes, json, struct, sys, pathvein_core
    def ran(leaf_skip):
        scan = pathvein_core.Scan(sys.argv[1], [pathvein_core.FileStructurePattern("b*")],
            leaf_skip=leaf_skip)
        found, errors, done = [], [], False
        while not done:
            batch, wrong, done = scan.next_batch(60)
            found += batch
            errors += map(str, wrong)
        return len(found), errors, scan.stats().skipped
    # A filter that loads the number of the call, and lets all pass but this one.
    load, equal, give, allow = 0x20, 0x15, 0x06, 0x7FFF0000
    call, fail = int(sys.argv[2]), 0x50000 | int(sys.argv[3])
    rules = [(load, 0, 0, 0), (equal, 0, 1, call), (give, 0, 0, fail), (give, 0, 0, allow)]
    code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    kept = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    assert not libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, program, 0, 0):
        sys.exit(77)
    print(json.dumps([ran(True), ran(False)]))
"""


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_where_statx_is_forbidden_all_is_opened(make_fast: Make, number: int) -> None:
    """As by the sandbox of a container that does not know the call."""
    statx = {"x86_64": 332, "aarch64": 291}.get(platform.machine())
    if statx is None:
        pytest.skip(f"the number of statx on {platform.machine()} is not known to this test")
    code = textwrap.dedent(FORBIDDEN)
    source = make_fast(WOOD)
    done = cli_process.run_python(code, source, str(statx), str(number), cwd=source)
    if done.returncode == 77:
        pytest.skip("there are no filters of system calls here")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == [[BRANCHES, [], 0]] * 2


# FUSE --------------------------------------------------------------------------------------

COUNTED = """
import json, os, subprocess, sys, tempfile
sys.path[:] = {path!r}
import test_leaf_skip as t
patterns = t.P("d1"), t.P("run_7", ["config.json"])
def told(ran):
    return len(ran.found), ran.stats.directories, ran.stats.skipped
ways = {{}}, {{"leaf_skip": False}}, {{"trust_link_counts": True}}
answers = [told(t.run(sys.argv[1], *patterns, threads=1, **how)) for how in ways]
# In a directory of another file system, whose link counts are known.
with tempfile.TemporaryDirectory(dir=t.public_base(fast=True)) as top:
    os.mkdir(top + "/inside")
    subprocess.run(["mount", "--bind", sys.argv[1], top + "/inside"], check=True)
    answers.append(told(t.run(top, *patterns, threads=1)))
    subprocess.run(["umount", "-l", top + "/inside"], check=True)
print(json.dumps(answers))
"""


@pytest.mark.parametrize("mode", ["plain", "counted"])
def test_link_counts_of_a_server_are_not_trusted_unless_told(mode: str) -> None:
    code = COUNTED.format(path=[str(Path(__file__).parent), *sys.path])
    usual, unskipping, trusting, inside = fuse.run(mode, code, wide=20, deep=3)
    # 15 directories with 20 runs each, of which one is asked for.
    assert usual == unskipping == [7 + 15, 15 * 21, 0]
    assert inside == [7 + 15, 15 * 21 + 1, 0]
    found, directories, skipped = trusting
    if mode == "counted":
        assert found == 7 + 15
        assert directories + skipped == 15 * 21
        assert skipped > 250
    else:
        # It says 2 of everything: who trusts that looks only into what has a name asked for.
        assert (found, directories) == (3 + 4, 1 + 3 + 4)


# Mount points ------------------------------------------------------------------------------


def test_mount_points_inside(tmp_path: Path) -> None:
    """What is mounted counts, whatever is below it; each with its own file system."""
    command: list[Any] = [
        "unshare",
        "-m",
        "--propagation",
        "private",
        sys.executable,
        __file__,
        tmp_path,
    ]
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": path}
    )
    if done.returncode == CANNOT or "unshare failed" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr


CANNOT = 77


def main(work: Path) -> int:
    """In the namespace: mount, and scan."""

    def mounted(kind: str, at: str, *options: str) -> Path:
        (work / at).mkdir(parents=True, exist_ok=True)
        command: list[Any] = ["mount", *(["-t", kind] if kind else []), *options, work / at]
        if subprocess.run(command).returncode:
            sys.exit(CANNOT)
        return work / at

    def filled(top: Path, *names: str) -> None:
        for name in names:
            (top / name).mkdir(parents=True)

    source = mounted("tmpfs", "src", "tmpfs")
    filled(source, *(f"plain/{n}" for n in range(30)), "hidden/in/run_hidden", "bound/in/run_bound")
    # Over an empty directory, and over one that is not.
    filled(mounted("tmpfs", "src/empty", "tmpfs"), "in/run_empty")
    mounted("tmpfs", "src/hidden", "tmpfs")
    # Of the same device, and of one whose link counts are none.
    mounted("", "src/again", "--bind", os.fspath(source / "bound"))
    filled(work / "lower1", "both/in/run_lower1")
    filled(work / "lower2", "both/other/run_lower2")
    layers = f"lowerdir={work}/lower1:{work}/lower2"
    mounted("overlay", "src/overlay", "overlay", "-o", layers)
    here = ["run_bound", "run_bound"]
    for one_file_system, below in [
        (False, sorted([*here, "run_empty", "run_lower1", "run_lower2"])),
        # A bind mount is on the same device.
        (True, here),
    ]:
        some, every = both(source, P("run_*"), threads=1, one_file_system=one_file_system)
        assert some.names == every.names == below, (some, every)
        assert some.errors == every.errors == []
        assert some.seen == every.stats.directories, (some, every)
        assert some.stats.skipped >= 30, some
        # It is there by name, whether it is entered or not.
        some, every = both(source, P("src", [], [P("hidden")]), one_file_system=one_file_system)
        assert some.names == every.names == ["src"]
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
