"""The tree changes under the scan: nothing hangs, leads outside, or matches what never was.

Another process changes the tree as fast as it can while scans run in a loop, until they have
met both states, or all of them, and have run often enough; the loops are bounded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import cli_process
import pathvein
from pathvein import FileStructurePattern as P
from pathvein import iscan, scan, walk_parallel
from trees import Dir, File, Link, Make, is_counting, tree

pytestmark = pytest.mark.linux("exchanges with renameat2")

#: ``exchange(a, b)`` makes each of two entries the other, in one step.
EXCHANGE = """
    import ctypes, os, random, sys
    libc = ctypes.CDLL(None, use_errno=True)
    def exchange(a, b):
        if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2):
            raise OSError(ctypes.get_errno(), "renameat2", a, None, b)
    print("started", flush=True)
"""


@contextmanager
def churning(code: str, *args: Path | str) -> Iterator[None]:
    """Another process that runs the code's ``step()`` until it is stopped, or its parent ends."""
    program = textwrap.dedent(EXCHANGE) + textwrap.dedent(code)
    program += "\nparent = os.getppid()\nwhile os.getppid() == parent: step()\n"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        assert child.stdout.readline() == b"started\n"
        yield
        if child.poll() is not None:
            pytest.fail(f"nothing changes any more: {child.stderr.read().decode()}")
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def rounds(least: int, seen: set[Any], states: set[Any]) -> Iterator[int]:
    """At least so many rounds, and until all the states have been seen."""
    for number in range(20_000):
        if number >= least and seen >= states:
            return
        yield number
    pytest.fail(f"only {seen} of {states} were ever met: there was no race")


# A directory and a link to somewhere else --------------------------------------------------

INSIDE = ("d/in", "d/sub/in", "d/sub/deep/in", "e/in", "e/sub/in")
OUTSIDE = ("d/secret", "d/sub/secret", "d/sub/deep/secret", "d/sub/f")
SWAP = """
    def step():
        exchange(sys.argv[1], sys.argv[2])
"""


@pytest.fixture
def swapped(make_fast: Make) -> Path:
    """``src/d`` is a directory, and ``spare`` a link to another one outside, of the same form."""
    spec = Dir(
        {
            "src": tree(*INSIDE),
            "outside": tree(*OUTSIDE),
            "spare": Link(to="outside/d", absolute=True),
        }
    )
    spec.entries["spare_sub"] = Link(to="outside/d/sub", absolute=True)
    return make_fast(spec)


# While the link is there, it may hide a match.
@pytest.mark.filterwarnings("ignore:.*may be hidden:pathvein.ScanWarning")
@pytest.mark.parametrize("where", ["d", "d/sub"])
def test_no_step_outside_without_following_links(swapped: Path, where: str) -> None:
    source = swapped / "src"
    secret = P("*", ["secret"])
    inside = P("*", ["in"])
    patterns = [secret, inside, P("*", [], [secret])]
    always = {source / "e", source / "e/sub"}
    seen: set[Any] = set()
    inner = source / where
    spare = swapped / ("spare" if where == "d" else "spare_sub")
    with churning(SWAP, inner, spare):
        for number in rounds(150, seen, {True, False}):
            found = scan(source, patterns, on_error="raise", threads=1 + number % 4)
            assert {result.pattern for result in found} == {inside}
            paths = {result.source for result in found}
            assert (
                always
                <= paths
                <= always | {source / "d", source / "d/sub"} | {source / "d/sub/deep"}
            )
            seen.add(inner in paths)
            for path, dirs, files in walk_parallel(source, on_error="raise"):
                assert path == str(source) or path.startswith(f"{source}/")
                assert not {"secret", "f"} & set(files), (path, dirs, files)


def test_halves_of_two_directories_are_no_match(swapped: Path) -> None:
    """Links followed: either is there, with all that lies in it, but never some of each."""
    source = swapped / "src"
    halves = [
        P("d", ["in", "secret"]),
        P("d", ["in"], [P("sub", ["secret"])]),
        P("d", ["secret"], [P("sub", ["in"])]),
        P("d", ["secret"], [P("sub", [], [P("deep", ["in"])])]),
        P("d", ["in"], [P("sub", [], [P("deep", ["secret"])])]),
        P("d", [], [P("sub", ["f", "in"])]),
    ]
    whole = [P("d", [name], [P("sub", [name], [P("deep", [name])])]) for name in ("in", "secret")]
    seen: set[Any] = set()
    with churning(SWAP, source / "d", swapped / "spare"):
        for number in rounds(150, seen, {"in", "secret"}):
            options: dict[str, Any] = {"follow_links": True, "threads": 1 + number % 4}
            found = scan(source, halves + whole, on_error="raise", **options)
            assert not [result for result in found if result.pattern in halves]
            assert {result.source for result in found} <= {source / "d"}
            seen |= {result.pattern.directories[0].files[0] for result in found}


# Few descriptors: what is not held is opened again -----------------------------------------

FEW = """
    import resource, sys
    import pathvein
    from pathvein import FileStructurePattern as P
    source, follow = sys.argv[1], sys.argv[2] == "follow"
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    def half(one, other):
        return P("x", [one], [P("sub", [other])])
    wrong = [half("a", "b"), half("b", "a"), P("x", ["a", "b"])]
    right = {half("a", "a"): "a", half("b", "b"): "b"}
    seen, least = set(), 60
    for number in range(3000):
        found = pathvein.scan(source, [*wrong, *right], on_error="raise", threads=1 + number % 2,
                              follow_links=follow)
        for result in found:
            assert result.pattern not in wrong, result
            assert str(result.source).startswith(source + "/c/c"), result
            seen.add(right[result.pattern])
        if number >= least and seen >= set(sys.argv[3]):
            break
    print("".join(sorted(seen)))
"""


@pytest.mark.parametrize("follow", [False, True])
def test_what_is_opened_again_is_the_same_directory(make_fast: Make, follow: bool) -> None:
    """Far below, where directories are not held open, a directory is exchanged for another.

    Or, as far as links are not followed, for a link to another, whose inside is not there then.
    """
    comb = "/".join(["c"] * 40)
    # Beside each level's way down some that wait for their turn, so that it has to stay open.
    leaves = [f"{'c/' * level}l{level}_{number}/g" for level in range(40) for number in range(6)]
    wide = [f"w{number}/" for number in range(60)]
    spec = Dir({"src": tree(*leaves, *(f"{comb}/x/{p}" for p in ("a", "sub/a", *wide)))})
    spec.entries["other"] = tree("b", "sub/b", *wide)
    spec.entries["link"] = Link(to="other", absolute=True)
    top = make_fast(spec)
    with churning(SWAP, top / "src" / comb / "x", top / "link"):
        check_few(top, follow)
    # Whichever it is now, two directories from here on.
    x = top / "src" / comb / "x"
    if x.is_symlink():
        os.rename(top / "link", top / "real")
        x.unlink()
        os.rename(top / "real", x)
    with churning(SWAP, x, top / "other"):
        check_few(top, follow, both=True)


def check_few(top: Path, follow: bool, both: bool = False) -> None:
    to_see = "ab" if follow or both else "a"
    code = textwrap.dedent(FEW)
    args = [str(top / "src"), "follow" if follow else "no", to_see]
    done = cli_process.run_python(code, *args, cwd=top)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert done.stdout.decode().strip() == to_see


# Everything at once ------------------------------------------------------------------------

CHAOS = """
    source, outside, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    chance = random.Random(seed)
    def place():
        depth = chance.randrange(4)
        return "/".join([source, *(chance.choice("abc") for _ in range(depth))])
    def step():
        path = f"{place()}/{chance.choice('abc')}"
        try:
            what = chance.randrange(9)
            if what <= 2: os.mkdir(path)
            elif what == 3: os.rmdir(path)
            elif what == 4: os.rename(path, f"{place()}/{chance.choice('abc')}")
            elif what == 5: os.symlink(chance.choice([outside, "..", ".", source, "a"]), path)
            elif what == 6: os.unlink(path)
            elif what == 7: exchange(path, f"{place()}/{chance.choice('abc')}")
            else: os.mkfifo(path)
        except OSError:
            pass
"""


@pytest.mark.parametrize("follow", [False, True])
def test_a_tree_in_turmoil(make_fast: Make, tmp_path: Path, follow: bool) -> None:
    """Created, removed, renamed, exchanged, linked at random: what stays is found, always."""
    keep = tree(*(f"k{n}/kept" for n in range(20)), *(f"k{n}/sub/kept" for n in range(20)))
    keep.entries.update((name, Dir()) for name in "abc")
    # No name that the other process moves: it goes through the links to outside, too.
    outside = Dir({"secret": File(), "x": tree("secret", "y/secret")})
    top = make_fast(Dir({"src": keep, "outside": outside}))
    source = top / "src"
    stays = P("k*", ["kept"], [P("sub", ["kept"])])
    never = [P("*", ["never"]), P("k*", ["secret"]), P("*", ["kept"], [P("sub", ["secret"])])]
    secret, churned = P("*", ["secret"]), P("[abc]")
    (tmp_path / "p.json").write_text(json.dumps(json.loads(stays.to_json())))
    expected = {source / f"k{number}" for number in range(20)}
    seen: set[Any] = set()
    with churning(CHAOS, source, top / "outside", "7"):
        for number in rounds(60, seen, {"a/a", "b/c"}):
            errors: list[OSError] = []
            options: dict[str, Any] = {"follow_links": follow, "on_error": errors.append}
            # Links to the source itself: what lies below them is as deep as one likes to go.
            options |= {"max_depth": 4, "threads": 1 + number % 3}
            found = scan(source, [stays, secret, churned, *never], **options)
            kinds: dict[P, set[Path]] = {}
            for result in found:
                kinds.setdefault(result.pattern, set()).add(Path(str(result.source)))
            assert all(path.is_relative_to(source) for paths in kinds.values() for path in paths)
            assert kinds.get(stays, set()) >= expected
            if not follow:
                assert kinds[stays] == expected
                assert secret not in kinds
            assert not kinds.keys() & set(never)
            seen |= {os.path.relpath(path, source) for path in kinds.get(churned, ())}
            # A loop is the one thing that may go wrong here; what has gone is no error.
            assert all(
                (follow and "loop" in str(error.strerror).lower()) or error.errno == 40
                for error in errors
            ), errors
            for path, _, files in walk_parallel(source, 4, follow, on_error="ignore"):
                assert path == str(source) or path.startswith(f"{source}/")
                assert follow or "secret" not in files
            if number % 30 == 0:
                flags = ["--follow-links"] if follow else []
                depth = ["--max-depth", "1"]
                done = cli_process.run("scan", source, "-p", tmp_path / "p.json", *depth, *flags)
                assert done.returncode in ((0, 1) if follow else (0,)), done.stderr
                assert set(done.stdout.splitlines()) >= {os.fsencode(path) for path in expected}


def test_directories_that_come_and_go_where_none_are_looked_for(make_fast: Make) -> None:
    """What stays is found beside them, also where only link counts are asked for."""
    spec = tree(*(f"d{n}/{leaf}/" for n in range(30) for leaf in ("stays", "leaf", "e/stays")))
    top = make_fast(Dir({"src": spec, "other": Dir({"comes": Dir()})}))
    source = top / "src"
    code = """
        source, other = sys.argv[1:]
        chance = random.Random(7)
        def step():
            # Each in turn has no directory, and then one; or one, and then two.
            where = chance.choice(["leaf", "e", "stays"])
            place = f"{source}/d{chance.randrange(2, 30)}/{where}/comes"
            os.rename(f"{other}/comes", place)
            exchange(f"{source}/d0/leaf", f"{source}/d1/leaf")
            os.rename(place, f"{other}/comes")
    """
    stays, comes = P("stays"), P("comes")
    expected = {source / f"d{n}{way}/stays" for n in range(30) for way in ("", "/e")}
    seen: set[Any] = set()
    skipped = 0
    with churning(code, source, top / "other"):
        for number in rounds(100, seen, {True, False}):
            with iscan(source, [stays, comes], on_error="raise", threads=1 + number % 2) as stream:
                found = list(stream)
            assert {result.source for result in found if result.pattern == stays} == expected
            seen.add(len(found) > len(expected))
            skipped += stream.stats.skipped
    if is_counting(source):
        assert skipped > 100


def test_the_source_itself_goes_and_comes(make_fast: Make) -> None:
    """An error that says so, or an answer: the whole tree, or what was left of it."""
    top = make_fast(Dir({"src": tree(*(f"d{n}/f" for n in range(30)))}))
    code = """
        def step():
            os.rename(sys.argv[1], sys.argv[2])
            os.rename(sys.argv[2], sys.argv[1])
    """
    seen: set[Any] = set()
    everything = {top / f"src/d{number}" for number in range(30)}
    with churning(code, top / "src", top / "aside"):
        for _ in rounds(200, seen, {"found", "missing"}):
            try:
                with iscan(top / "src", P("d*", ["f"]), on_error="raise") as stream:
                    # Open is open: a source that is renamed is still the same directory.
                    assert {result.source for result in stream} == everything
                    seen.add("found")
            except FileNotFoundError as error:
                seen.add("missing" if error.filename else "missing without a name")
    assert pathvein.scan(top, P("d*", ["f"]))
