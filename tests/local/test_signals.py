"""Ctrl-C ends whatever runs, inside a huge directory as well as between results.

The tree has no end: what ends before it is killed was ended by the signal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli_process
from trees import Dir, Link, build, public_base, remove

pytestmark = pytest.mark.unix("sends the signals of Unix")

ENTRIES = 100_000


@pytest.fixture(scope="module")
def huge() -> Iterator[Path]:
    """2**20 ways to one directory of 100,000 entries: a scan is nearly always inside of it."""
    base = Path(tempfile.mkdtemp(prefix="pathvein-", dir=public_base(fast=True))).resolve()
    try:
        spec = Dir({"huge": Dir()})
        for level in range(20):
            to = f"d{level + 1}" if level < 19 else "huge"
            spec.entries[f"d{level}"] = Dir({name: Link(to=to) for name in "xy"})
            spec.entries[f"d{level}"].entries["z"] = Link(to="huge")  # type: ignore[union-attr]
        build(base / "top", spec)
        here = os.open(base / "top/huge", os.O_RDONLY)
        for number in range(ENTRIES):
            os.mknod(f"n{number}", dir_fd=here)
        os.close(here)
        yield base / "top/d0"
    finally:
        remove(base)


PROGRAM = """
    import os, sys, pathvein
    from pathvein import FileStructurePattern as P
    source, how = sys.argv[1:]
    nothing = P("no", ["no"])
    def tell(stats):
        if stats.directories > 3: print("running", flush=True)
    def run():
        options = {"follow_links": True, "progress": tell}
        if how == "scan":
            pathvein.scan(source, nothing, **options)
        elif how == "scan many patterns":
            pathvein.scan(source, [P("*", [f"n{n}", "no"]) for n in range(500)], **options)
        elif how == "iscan":
            for result in pathvein.iscan(source, nothing, **options): pass
        elif how == "iscan matches":
            for result in pathvein.iscan(source, P("*", ["n7"]), **options): pass
        else:
            pathvein.walk_parallel(source, None, True, progress=tell)
    try:
        run()
    except KeyboardInterrupt:
        print("interrupted", len(os.listdir("/proc/self/task")), flush=True)
"""


def interrupted(command: list[Any], begun: bytes) -> tuple[int, list[bytes], bytes]:
    """Run until a line begins so, interrupt it, give how it ended: the other lines with it."""
    with cli_process.interruptible(command) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith(begun)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    lines = [line for line in out.splitlines(keepends=True) if not line.startswith(begun)]
    return child.returncode, lines, err


HOW = ["scan", "scan many patterns", "iscan", "iscan matches", "walk"]


@pytest.mark.parametrize("how", HOW)
def test_an_interrupt_ends_it(huge: Path, how: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), huge, how]
    status, lines, err = interrupted(command, b"running\n")
    assert (status, err) == (0, b"")
    assert lines == [b"interrupted 1\n"], "workers are left"


def test_the_command_line(huge: Path, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"directory_name": "[xyz]", "files": ["n7"]}))
    command: list[Any] = [
        *cli_process.COMMAND,
        "scan",
        huge,
        "-p",
        tmp_path / "p.json",
        "--follow-links",
    ]
    # The first result has come, and every other takes another 100,000 entries.
    status, _, err = interrupted(command, os.fsencode(huge))
    assert (status, b"Traceback" in err) == (130, False), err


def test_a_signal_that_is_handled_ends_nothing(huge: Path) -> None:
    """The handler runs during the scan, and what it raises comes out of it."""
    program = """
        import signal, sys, pathvein
        from pathvein import FileStructurePattern as P
        calls = []
        class Enough(Exception): pass
        def handler(number, frame):
            calls.append(number)
            if len(calls) > 5: raise Enough
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            pathvein.scan(sys.argv[1], P("no", ["no"]), follow_links=True)
        except Enough:
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(len(calls))
    """
    done = cli_process.run_python(textwrap.dedent(program), huge, cwd=huge)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"6\n", b"")
