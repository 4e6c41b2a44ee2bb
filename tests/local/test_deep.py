"""Trees deeper than a path may be long, few descriptors, small stacks, patterns deep and many."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli_process
from compare import make_pattern
from pathvein import FileStructurePattern as P
from pathvein import iscan, scan, walk_parallel
from reference import Pat
from trees import Dir, Make, build_chain, public_base, remove_deep, tree

LEVELS = 10_000
#: Every so many levels a directory has a name of its own, so that not all match.
STEP = 1000
NAMES = [f"m{level}" if level % STEP == 0 else "d" for level in range(LEVELS)]
#: Where the directories lie whose name is their own, relative to the top.
MARKED = ["/".join(NAMES[: level + 1]) for level in range(0, LEVELS, STEP)]
END = "/".join(NAMES)

needs_limits = pytest.mark.unix("sets the limits of Unix")


@pytest.fixture(scope="module", params=["chain", "comb"])
def deep(request: pytest.FixtureRequest) -> Iterator[Path]:
    """10,000 directories within each other; a comb has a leaf beside each of them."""
    base = Path(tempfile.mkdtemp(prefix="pathvein-", dir=public_base(fast=True))).resolve()
    try:
        build_chain(base / "top", NAMES, comb=request.param == "comb")
        yield base / "top"
    finally:
        remove_deep(base)
        assert not base.exists()


def below(top: Path, found: set[str]) -> set[str]:
    return {os.path.relpath(path, top) for path in found}


def patterns() -> list[P]:
    """What lies at the very end, what lies all along, and what looks into the next ones."""
    return [P("*", ["end"]), P("m*", [], [P("d", [], [P("d")])])]


EXPECTED = {END, *MARKED}


@pytest.mark.parametrize("follow", [False, True])
def test_scan(deep: Path, follow: bool) -> None:
    found = scan(deep, patterns(), on_error="raise", follow_links=follow)
    assert below(deep, {str(result.source) for result in found}) == EXPECTED
    assert len(str(max(found, key=lambda result: len(str(result.source))).source)) > 4 * 4096


def test_iscan(deep: Path) -> None:
    with iscan(deep, patterns(), on_error="raise") as stream:
        rows = [str(result.source) for result in stream]
        assert stream.stats.directories >= LEVELS + 1
    assert len(rows) == len(EXPECTED)
    assert below(deep, set(rows)) == EXPECTED


def test_exclude_and_max_depth(deep: Path) -> None:
    found = scan(deep, patterns(), exclude="m5000", on_error="raise")
    assert below(deep, {str(r.source) for r in found}) == {p for p in MARKED if "m5000" not in p}
    found = scan(deep, patterns(), max_depth=5000, on_error="raise")
    assert below(deep, {str(r.source) for r in found}) == set(MARKED[:5])


def test_walk(deep: Path) -> None:
    rows = {path: (dirs, files) for path, dirs, files in walk_parallel(deep, on_error="raise")}
    path = str(deep)
    for level, name in enumerate(NAMES):
        dirs, files = rows.pop(path)
        leaf = ["leaf"] if "leaf" in dirs else []
        assert (sorted(dirs), files) == (sorted([name, *leaf]), []), level
        if leaf:
            assert rows.pop(f"{path}/leaf") == ([], ["f"])
        path += f"/{name}"
    assert rows == {path: ([], ["end"])}


def test_command_line(deep: Path, tmp_path: Path) -> None:
    pattern = tmp_path / "pattern.json"
    pattern.write_text(json.dumps({"files": ["end"]}))
    done = cli_process.run("scan", deep, "-p", pattern)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == os.fsencode(f"{deep}/{END}\n")


FEW = """
    import resource, sys
    import pathvein
    from pathvein import FileStructurePattern as P
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    found = pathvein.scan(sys.argv[1], P("*", ["end"]), on_error="raise", threads=4)
    print(*(result.source for result in found))
    last = pathvein.iscan(sys.argv[1], P("*", [], [P("*", ["end"])]), on_error="raise")
    print(*(result.source for result in last))
    print(sum(1 for _ in pathvein.iwalk_parallel(sys.argv[1], on_error="raise")))
"""


@needs_limits
@pytest.mark.parametrize("kind", ["chain", "comb"])
def test_few_descriptors(tmp_path: Path, kind: str) -> None:
    """Shallower than the rest: what cannot be held open takes as many steps as it lies deep."""
    names = NAMES[: 2 * STEP]
    build_chain(tmp_path / "top", names, comb=kind == "comb")
    try:
        done = cli_process.run_python(textwrap.dedent(FEW), tmp_path / "top", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b"")
        end, last, count = done.stdout.decode().split("\n")[:3]
        assert end == str(tmp_path / "top") + "/" + "/".join(names)
        assert last == os.path.dirname(end)
        assert int(count) == (2 if kind == "comb" else 1) * len(names) + 1
    finally:
        remove_deep(tmp_path / "top")


SMALL_STACK = """
    import sys, threading
    import pathvein
    from pathvein import FileStructurePattern as P
    # Python needs more for itself from 3.14 on.
    threading.stack_size(32768 if sys.version_info < (3, 14) else 131072)
    def work():
        pattern = P("*", ["end"])
        print(*(r.source for r in pathvein.scan(sys.argv[1], pattern, on_error="raise")))
        print(*(r.source for r in pathvein.iscan(sys.argv[1], pattern, on_error="raise")))
        print(sum(1 for _ in pathvein.iwalk_parallel(sys.argv[1], on_error="raise")))
        with pathvein.iwalk_parallel(sys.argv[1]) as walk:
            next(walk)  # the rest is dropped, deep as it is
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


@needs_limits
def test_a_small_stack(deep: Path) -> None:
    """In the calling thread; the workers' stacks are the library's own."""
    done = cli_process.run_python(textwrap.dedent(SMALL_STACK), deep, cwd=deep.parent)
    assert (done.returncode, done.stderr) == (0, b"")
    one, two, count = done.stdout.decode().split("\n")[:3]
    assert one == two == f"{deep}/{END}"
    assert int(count) in (LEVELS + 1, 2 * LEVELS + 1)


@needs_limits
def test_small_stacks_for_all_threads(deep: Path, tmp_path: Path) -> None:
    """``ulimit -s`` and ``RUST_MIN_STACK``, which bind the main thread and the workers."""
    pattern = tmp_path / "pattern.json"
    pattern.write_text(json.dumps({"files": ["end"]}))
    command = ["sh", "-c", 'ulimit -s 512 && exec "$@"', "sh", *cli_process.COMMAND]
    done = subprocess.run(
        [*command, "scan", deep, "-p", pattern, "--threads", "4"],
        env={**cli_process.ENVIRONMENT, "RUST_MIN_STACK": "131072"},
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == os.fsencode(f"{deep}/{END}\n")


# Patterns ----------------------------------------------------------------------------------


def nested(levels: int, innermost: Pat) -> Pat:
    for level in reversed(range(levels - 1)):
        innermost = Pat(f"n{level}", dirs=(innermost,))
    return innermost


def test_a_pattern_as_deep_as_may_be(make_fast: Make) -> None:
    pattern = make_pattern(nested(128, Pat("n127", files=("f",))))
    path = "/".join(f"n{level}" for level in range(128))
    whole = make_fast(tree(f"x/{path}/f", f"y/{path}/g"))
    assert [r.source for r in scan(whole, pattern, on_error="raise")] == [whole / "x/n0"]
    assert [r.source for r in iscan(whole, pattern, threads=1)] == [whole / "x/n0"]
    assert pattern.matches((str(whole / "x/n0"), ["n1"], []))
    assert not pattern.matches((str(whole / "y/n0"), ["n1"], []))
    assert scan(whole, pattern, max_depth=2)
    assert not scan(whole, pattern, max_depth=1)
    again = P.from_json(pattern.to_json())
    assert again == pattern
    assert scan(whole, again) == scan(whole, pattern)
    with pytest.raises(ValueError, match="128"):
        P("n", directories=[pattern])


def test_the_command_line_takes_it(make_fast: Make, tmp_path: Path) -> None:
    pattern = make_pattern(nested(128, Pat("n127", files=("f",))))
    (tmp_path / "pattern.json").write_text(pattern.to_json())
    path = "/".join(f"n{level}" for level in range(128))
    top = make_fast(tree(f"x/{path}/f", f"y/{path}/g"))
    done = cli_process.run("scan", top, "-p", tmp_path / "pattern.json")
    assert (done.returncode, done.stdout) == (0, os.fsencode(f"{top}/x/n0\n"))


def test_five_thousand_patterns(make_fast: Make) -> None:
    """Each matches the one directory that has its file, found by name, by suffix and within."""
    count = 5000
    spec = Dir()
    for number in range(0, count, 10):
        spec.entries[f"run{number}x"] = tree(f"a{number}.{number}", "sub/f")
    top = make_fast(spec)
    many = [
        P(f"run{n}*", [f"*.{n}"], [P("s?b", ["f"])] if n % 20 else [P("s?b", [f"no{n}"])])
        for n in range(count)
    ]
    expected = {(str(top / f"run{n}x"), n) for n in range(10, count, 20)}
    index = {id(pattern): n for n, pattern in enumerate(many)}
    for answer in scan(top, many, on_error="raise"), set(iscan(top, many, on_error="raise")):
        assert {(str(result.source), index[id(result.pattern)]) for result in answer} == expected
