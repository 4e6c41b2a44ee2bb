"""Copying: many small files, a large one, memory, and stores that are far away."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from . import patterns
from .contestants import Contestant, Measured, measure
from .places import PYTHON, SERVED, environment, on_path
from .report import Bar, Table
from .settings import Settings

STUB = Path(__file__).with_name("object_stub.py")
#: Seconds before each answer of the store.
LATENCY = 0.05
OBJECT_SIZE = 100_000
CONCURRENCY = 32
#: Of this program the times of all others are parts.
FLOOR = "cp -a"
_MEGABYTE = 1e6

#: A match that has files, and directories of files.
MATCH: patterns.Node = {"directory_name": "match_*", "files": ["*"]}
FOLDER: patterns.Node = {
    "directory_name": "folder",
    "optional_directories": [MATCH],
    "optional_files": ["*"],
}


def small_files(number: int) -> Iterator[tuple[str, bytes]]:
    """Files of 4 KB, twenty in a match."""
    random = Random(1)
    for n in range(number):
        yield f"match_{n // 20:04}/file_{n % 20:02}", random.randbytes(4096)


def large_file(megabytes: int) -> Iterator[tuple[str, bytes]]:
    """One file: the same megabyte again and again."""
    block = Random(2).randbytes(1 << 20)
    for _ in range(megabytes):
        yield "match_0000/file", block


def many_files(number: int) -> Iterator[tuple[str, bytes]]:
    """Files of a byte, a thousand in each match."""
    for n in range(number):
        yield f"match_{n // 1000:04}/file_{n % 1000:03}", b"x"


def write(files: Iterator[tuple[str, bytes]], top: Path) -> None:
    """Make them; what has the name of the last one is more of it."""
    made: set[str] = set()
    for name, data in files:
        parent = name.partition("/")[0]
        if parent not in made:
            (top / parent).mkdir(parents=True)
            made.add(parent)
        with open(top / name, "ab") as file:
            file.write(data)


def _served(name: str, function: str, *arguments: object) -> Contestant:
    return Contestant(name, [PYTHON, SERVED, function, *arguments], FLOOR, counts="files")


def _contestants(
    settings: Settings, source: Path, *, slow: bool = False
) -> tuple[list[Contestant], list[str]]:
    """All that can copy the tree, and those that are not here."""
    place = settings.trees.root / "copies"
    place.mkdir(exist_ok=True)
    pattern = patterns.write(settings.scratch / "match.jsonl", [MATCH])
    contestants = [_served(FLOOR, "command", place / "cp", "cp", "-a", source, place / "cp")]
    missing = []
    if rsync := on_path(["rsync"]):
        arguments = [rsync, "-a", f"{source}/", place / "rsync"]
        contestants.append(_served("rsync -a", "command", place / "rsync", *arguments))
    else:
        missing.append("rsync")
    contestants.append(_served("shutil.copytree", "copytree", place / "copytree", source))
    for threads in sorted({1, 2, settings.threads}):
        name = f"pathvein, {threads} worker{'s' if threads > 1 else ''}"
        arguments = [place / f"pathvein{threads}", source, pattern, threads]
        contestants.append(_served(name, "shuffle", *arguments))
    if settings.download:
        old = patterns.write(settings.scratch / "old-match.jsonl", [patterns.as_text(MATCH)])
        command = [environment("pathvein-0.9.0") / "python", SERVED, "old_shuffle"]
        command += [place / "old", source, old]
        contestants.append(Contestant("0.9.0", command, FLOOR, slow, counts="files"))
    notes = [f"Not on the PATH, so not measured: {', '.join(missing)}."] if missing else []
    return contestants, notes


def _row(what: str, one: Measured) -> list[str]:
    return [
        f"{what}: {one.contestant.name}",
        f"{median(one.seconds) * 1e3:.0f}",
        f"{min(one.seconds) * 1e3:.0f}",
        f"{max(one.seconds) * 1e3:.0f}",
        f"{one.ratio:.2f}",
        f"{one.cpu_ratio:.2f}" if one.cpu_ratio else "",
        f"{one.peak / _MEGABYTE:.0f}",
        f"{one.count} files",
    ]


def copies(settings: Settings) -> Table:
    """copying: small files, a large one, memory, a store that is 50 ms away"""
    rows: list[Sequence[str]] = []
    notes: list[str] = []
    bars: list[Bar] = []
    for what, number, make, limit in [
        (f"{settings.files} files of 4 KB", settings.files, small_files, 0.8),
        (f"a file of {settings.megabytes} MB", settings.megabytes, large_file, 1.05),
    ]:
        source = settings.trees.filled(make.__name__, number, partial(write, make(number)))
        contestants, missing = _contestants(settings, source, slow=True)
        measured = measure(contestants, settings.rounds)
        rows += [_row(what, one) for one in measured]
        notes = missing
        (two,) = (one for one in measured if one.contestant.name == "pathvein, 2 workers")
        bars.append(Bar(f"{what}, 2 workers: of cp -a", two.ratio, limit, cpu=two.cpu_ratio))
        settings.trees.drop(make.__name__, number)
    rows += _memory(settings, bars)
    rows += _stores(settings, bars, notes)
    (settings.trees.root / "copies").rmdir()
    headings = ["", "median ms", "min", "max", f"x {FLOOR}", "by cpu", "peak MB", "counts"]
    return Table("Copies", headings, rows, notes, bars)


def _memory(settings: Settings, bars: list[Bar]) -> Iterator[Sequence[str]]:
    """What a copy of many files takes, as one match and as many."""
    number = settings.many
    place = settings.trees.root / "copies"
    source = settings.trees.filled("many", number, partial(write, many_files(number)))
    for what, pattern in [("a match", FOLDER), ("1,000 a match", MATCH)]:
        looked_for = patterns.write(settings.scratch / "many.jsonl", [pattern])
        name = f"pathvein, {settings.threads} workers"
        arguments = [place / "many", source, looked_for, settings.threads]
        grown = 0.0
        for _ in range(2):
            (one,) = measure([_served(name, "shuffle", *arguments)], 1, warm=False)
            grown = max(grown, (one.peak - one.idle) / _MEGABYTE)
        yield [
            *_row(f"{number} files, {what}", one)[:4],
            "",
            "",
            f"+{grown:.1f}",
            f"{one.count} files",
        ]
        bars.append(Bar(f"{number} files, {what}: memory", grown, 16, unit=" MB"))
    settings.trees.drop("many", number)


@contextmanager
def _stub(objects: int) -> Iterator[str]:
    command = [str(PYTHON), str(STUB), str(LATENCY), str(objects), str(OBJECT_SIZE)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stub:
        assert stub.stdout
        assert stub.stdin
        yield stub.stdout.readline().strip()
        stub.stdin.close()


def _stores(settings: Settings, bars: list[Bar], notes: list[str]) -> Iterator[Sequence[str]]:
    """From a store, and within it: against the requests that cannot be done without."""
    place, objects = settings.trees.root / "copies" / "fetched", settings.objects
    with _stub(objects) as port:
        for what, pattern, matches in [
            ("a match", FOLDER, 1),
            ("20 a match", MATCH, -(-objects // 20)),
        ]:
            looked_for = patterns.write(settings.scratch / "objects.jsonl", [pattern])
            for way, destination in [("to local", place), ("within", "s3://lab/copy")]:
                name = f"{objects} objects, {what}, {way}"
                arguments = [destination, port, looked_for, CONCURRENCY, objects]
                command = [PYTHON, SERVED, "fetch", *arguments]
                (one,) = measure(
                    [Contestant(name, command, counts="files")], min(3, settings.rounds)
                )
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                    requests = json.load(answer)
                # One page of a listing for each match, and one request for each object.
                least = (objects + matches) / CONCURRENCY * LATENCY
                ratio = median(one.seconds) / least
                cpu = median(one.cpu)
                notes.append(
                    f"{name}: {requests} in all rounds; at least {least:.2f} s, of which it is at "
                    f"work for {cpu:.2f} s."
                )
                cells = _row("", one)
                yield [name, *cells[1:4], f"{ratio:.2f} x least", *cells[5:]]
                bars.append(Bar(f"{name}: of the round trips", ratio, 1.3))
