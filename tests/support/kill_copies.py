"""Copies that are killed at random moments: what is left then, and what the next run makes of it.

    python kill_copies.py [TIMES [SEED]]

Nothing half-written may bear a final name, the source must be as it was, and the same copy, run
again, must complete what is missing and remove what is left over.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import copy_reference
import trees
from copy_reference import LEFTOVER, belonging, differences, leftovers, snapshot
from reference import Pat

MATCHES = 40
PATTERN = Pat("m*", ("a", "large"), (Pat("sub", ("*",)),), (), (Pat("empty"),))
PROGRAM = """
import sys
import pathvein, kill_copies
base, overwrite, fsync = sys.argv[1], sys.argv[2] == "True", sys.argv[3] == "True"
wanted = kill_copies.matches(base)
print("ready", flush=True)
pathvein.shuffle_to(wanted, kill_copies.Path(base) / "copies", overwrite=overwrite, fsync=fsync)
print("done", flush=True)
"""


def lay_out(base: Path) -> None:
    """The matches: small files, a directory below, one that stays empty, and two large files."""
    random = Random(1)
    for number in range(MATCHES):
        match = base / "source" / f"m{number}"
        (match / "sub").mkdir(parents=True)
        (match / "empty").mkdir()
        (match / "a").write_bytes(random.randbytes(3000))
        for name in ("b", "c", "d"):
            (match / "sub" / name).write_bytes(random.randbytes(20_000))
        if number % 20 == 7:
            (match / "large").write_bytes(random.randbytes(1 << 22))
    (base / "copies").mkdir()


def matches(base: str | Path) -> list[Any]:
    """What a scan of the source finds."""
    import pathvein
    from compare import make_pattern

    pattern = make_pattern(PATTERN)
    names = [f"m{number}" for number in range(MATCHES)]
    return [pathvein.ScanResult(Path(base) / "source" / name, pattern) for name in names]


def lay_out_old(base: Path) -> None:
    """Copies of long ago, to be overwritten: other content, and a file besides."""
    for number in range(MATCHES):
        match = base / "copies" / f"m{number}"
        (match / "sub").mkdir(parents=True)
        for name in ("a", "sub/b", "sub/more"):
            (match / name).write_text("old")
        if number % 20 == 7:
            (match / "large").write_bytes(bytes(1 << 20))


def kill_one(base: Path, random: Random, *, overwrite: bool, fsync: bool) -> bool:
    """Copy, kill it when one of the matches has been begun, see what is left, and copy again.

    Gives whether the copy was in the middle: something was still to be done.
    """
    copies = base / "copies"
    trees.remove(copies)
    copies.mkdir()
    if overwrite:
        lay_out_old(base)
    source = snapshot(os.fspath(base / "source"))
    old = snapshot(os.fspath(copies))
    expected = {
        match.source.name: belonging(os.fspath(match.source), PATTERN) for match in matches(base)
    }
    run_and_kill(base, random, overwrite=overwrite, fsync=fsync)

    assert snapshot(os.fspath(base / "source")) == source, "the source was changed"
    new = snapshot(os.fspath(copies))
    done = {name for name in expected if is_whole(base, name, expected[name], overwrite)}
    for name in os.listdir(copies):
        assert name in expected or LEFTOVER in name, f"nobody asked for {name}"
    if overwrite:
        for path, seen in new.items():
            name, _, relative = path.partition("/")
            if relative and not seen.is_directory and LEFTOVER not in path:
                whole = (
                    copy_reference.see(os.fspath(base / "source" / path))
                    if (relative in expected[name].files)
                    else None
                )
                assert seen in (whole, old.get(path)), f"{path} is half-written"
        assert {path for path in old if path not in new} == set(), "something is lost"
    else:
        assert done == set(expected) & set(os.listdir(copies)), "a match is half there"

    import pathvein

    results = pathvein.shuffle_to(matches(base), copies, overwrite=overwrite, fsync=fsync)
    names = {result.source.name for result in results}
    assert names == (set(expected) if overwrite else set(expected) - done)
    for name, right in expected.items():
        assert is_whole(base, name, right, overwrite), f"{name} was not completed"
    assert leftovers(os.fspath(copies)) == []
    assert set(os.listdir(copies)) == set(expected)
    return 0 < len(done) < len(expected) or bool(leftover_names(new))


def leftover_names(seen: dict[str, Any]) -> list[str]:
    return [path for path in seen if LEFTOVER in path]


def is_whole(base: Path, name: str, expected: copy_reference.Belonging, merged: bool) -> bool:
    source, copy = os.fspath(base / "source" / name), os.fspath(base / "copies" / name)
    return not differences(source, copy, expected, merged=merged)


def run_and_kill(base: Path, random: Random, *, overwrite: bool, fsync: bool) -> None:
    """Kill it soon after one of the matches, drawn at random, was begun or changed."""
    chosen = f"m{random.randrange(MATCHES)}"
    watched = base / "copies" / chosen / "a"
    before = os.stat(watched).st_ino if overwrite else None

    def is_begun() -> bool:
        if overwrite:
            return os.stat(watched).st_ino != before
        return any(
            name == chosen or name.startswith(f".{chosen}.") for name in os.listdir(base / "copies")
        )

    command = [sys.executable, "-c", PROGRAM, os.fspath(base), str(overwrite), str(fsync)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            deadline = time.monotonic() + 60
            while not is_begun() and child.poll() is None:
                assert time.monotonic() < deadline, "it does not copy"
            time.sleep(random.choice([0, 0, 0.0005, 0.002, 0.005]))
        finally:
            child.kill()


def kill(times: int, seed: int) -> int:
    """So many times, each another way. Gives how often it was in the middle of it."""
    random = Random(seed)
    in_the_middle = 0
    with tempfile.TemporaryDirectory(dir=trees.public_base(fast=True)) as folder:
        base = Path(folder).resolve()
        lay_out(base)
        for number in range(times):
            fsync = number % 5 == 4
            in_the_middle += kill_one(base, random, overwrite=number % 2 == 1, fsync=fsync)
    return in_the_middle


def main(times: str = "200", seed: str = "") -> None:
    """Tell how it went; a failure is an exception."""
    number = int(seed or SystemRandom().randrange(1 << 32))
    print(f"Seed {number}", flush=True)
    logging.disable()  # what is skipped, since it was there already
    middle = kill(int(times), number)
    print(f"Killed {times} times, {middle} times in the middle: nothing half-written, nothing lost")


if __name__ == "__main__":
    main(*sys.argv[1:])
