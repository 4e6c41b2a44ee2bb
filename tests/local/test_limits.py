"""Too few descriptors, closed and vanishing directories: a part of the answer, and errors.

What is found is true, and what is missing is told: an answer is whole or has errors.
"""

from __future__ import annotations

import errno
import os
import shutil
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import cli_process
import pathvein
import reference
from compare import by_index, expected_rows, items, make_patterns
from pathvein import FileStructurePattern as P
from pathvein import iscan, iwalk_parallel
from reference import Pat
from trees import Dir, Entry, File, Link, Make, built, run_unprivileged, tree

needs_limits = pytest.mark.unix("sets the limits of Unix")


@pytest.fixture
def top(make_fast: Make) -> Path:
    """400 directories that match, deep and wide."""
    deep = "/".join(["d"] * 40)
    return make_fast(tree(f"{deep}/f", *(f"w{i % 6}/x{i % 5}/m{i}/f" for i in range(399))))


EXHAUSTED = """
    import errno, os, resource, sys
    import pathvein
    from pathvein import FileStructurePattern as P
    source = sys.argv[1]
    pattern = P("*", ["f"])
    whole = pathvein.scan(source, pattern, on_error="raise", follow_links=True)
    listed = sorted(map(repr, pathvein.walk_parallel(source, on_error="raise")))
    assert len(whole) == 400
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    def attempt(call):
        errors = []
        try:
            return list(call(errors.append)), errors
        except OSError as error:
            return [], [error]

    taken, partial, refused, complete = [], 0, 0, 0
    try:
        while True: taken.append(os.open("/", os.O_RDONLY))
    except OSError as error:
        assert error.errno == errno.EMFILE
    for free in range(0, 40, 3):
        for threads in 1, 4:
            options = {"threads": threads, "follow_links": free % 2 == 1}
            for kind in "scan", "iscan", "walk":
                if kind == "walk":
                    call = lambda log: pathvein.walk_parallel(source, on_error=log, **options)
                else:
                    call = lambda log: getattr(pathvein, kind)(
                        source, pattern, on_error=log, **options)
                found, errors = attempt(call)
                if kind == "walk":
                    answer, expected = sorted(map(repr, found)), listed
                    if not errors: assert answer == expected, (free, threads)
                else:
                    assert set(found) <= whole
                    if not errors: assert set(found) == whole, (free, threads, kind)
                for error in errors:
                    assert error.errno == errno.EMFILE, error
                    assert error.filename and error.filename.startswith(source), error
                partial += bool(errors and found)
                refused += bool(errors and not found)
                complete += not errors
        os.close(taken.pop())
    assert refused and complete, (partial, refused, complete)
    for fd in taken: os.close(fd)
    assert pathvein.scan(source, pattern, on_error="raise") == whole
    print("done")
"""


@needs_limits
def test_no_descriptors_left(top: Path) -> None:
    """From none to forty that are free, then all again."""
    done = cli_process.run_python(textwrap.dedent(EXHAUSTED), top, cwd=top)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"done\n", b"")


LOWERED = """
    import errno, os, resource, sys
    import pathvein
    from pathvein import FileStructurePattern as P
    source, lower, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pattern = P("*", ["f"])
    whole = pathvein.scan(source, pattern, on_error="raise")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pathvein.iscan(source, pattern, threads=threads, on_error="ignore") as stream:
        found = [next(stream)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
        try:
            found += stream
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert set(found) <= whole and len(set(found)) == len(found)
        assert stream.errors or set(found) == whole
        assert {e.errno for e in stream.errors} <= {errno.EMFILE}
    assert pathvein.scan(source, pattern, on_error="raise") == whole
    print("done")
"""


@needs_limits
def test_the_limit_is_lowered_on_the_way(make_fast: Make) -> None:
    """More matches than wait to be taken: the scan cannot have ended when it happens.

    Each limit in a process of its own, all at once: a scan waits a second for descriptors.
    """
    source = make_fast(tree(*(f"w{i}/x{i % 5}/m{i}/f" for i in range(1400))))

    def run(lower: int, threads: int) -> tuple[int, bytes, bytes]:
        limits = str(lower), str(threads)
        done = cli_process.run_python(textwrap.dedent(LOWERED), source, *limits, cwd=source)
        return done.returncode, done.stdout, done.stderr

    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(run, lower, threads) for lower in (3, 5, 8, 12) for threads in (1, 3)]
    assert [run.result() for run in runs] == [(0, b"done\n", b"")] * 8


# Closed directories ------------------------------------------------------------------------


def closed_in_every_way() -> None:
    inner: dict[str, Entry] = {
        "f": File(),
        "d": Dir({"f": File()}),
        "l": Link(raw="d"),
        "lost": Link(raw="no"),
    }
    modes = {f"m{mode:03o}": Dir(dict(inner), mode=mode) for mode in (0, 0o111, 0o444, 0o555)}
    with built(Dir({**modes, "open": Dir({**inner, "in": Dir(dict(inner), mode=0o444)})})) as top:
        pats = [Pat("*", ("f",)), Pat("*", (), (Pat("d"),)), Pat("*", (), (Pat("d", ("f",)),))]
        pats += [Pat("m*"), Pat("*", ("l",)), Pat("*", ("lost",)), Pat("*", (), (Pat("m000"),))]
        for follow in (False, True):
            answer = reference.scan(top, pats, follow_links=follow)
            assert {item.errno for item in answer.errors} == {errno.EACCES}
            patterns = make_patterns(pats)
            for threads in (1, 4):
                errors: list[OSError] = []
                found = pathvein.scan(
                    top, patterns, follow_links=follow, threads=threads, on_error=errors.append
                )
                assert by_index(found, patterns) == expected_rows(answer.found, pats)
                assert items(errors) == answer.errors


def test_directories_closed_in_every_way() -> None:
    """Neither listed nor searched, searched but not listed, listed but not searched."""
    run_unprivileged(closed_in_every_way)


# Directories that vanish -------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("what", ["all", "below", "renamed"])
def test_the_tree_goes_while_nobody_takes_results(make_fast: Make, what: str, threads: int) -> None:
    """More results than wait to be taken: the scan is half-way when its tree is gone."""
    top = make_fast(tree(*(f"src/w{i % 40}/m{i}/sub/f" for i in range(1500))))
    source = top / "src"
    everything = {source / f"w{i % 40}/m{i}" for i in range(1500)}
    stream = iscan(source, P("m*", [], [P("sub", ["f"])]), threads=threads, on_error="raise")
    walk = iwalk_parallel(source, threads=threads, on_error="raise")
    found, listed = [next(stream).source], [next(walk)]
    if what == "all":
        shutil.rmtree(source)
    elif what == "below":
        for entry in source.iterdir():
            shutil.rmtree(entry)
    else:
        os.rename(source, top / "elsewhere")
    found += [result.source for result in stream]
    listed += walk
    assert set(found) <= everything
    assert len(set(found)) == len(found)
    assert len({path for path, _, _ in listed}) == len(listed)
    if what == "renamed":  # Open is open: the directories are the same.
        assert set(found) == everything
        assert len(listed) == 1 + 40 + 2 * 1500
    assert not stream.errors
    assert not walk.errors
