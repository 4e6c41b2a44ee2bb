"""Directories that need not be opened, and listings that need not be read to their ends."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from . import patterns
from .contestants import HEADINGS, Contestant, measure
from .entrants import (
    beside_listers,
    by_name,
    faster_bars,
    from_python,
    in_words,
    of_the_floor,
    rows_of,
    run_pattern,
    the_core,
    the_floor,
)
from .report import Bar, Table
from .settings import Settings

#: What opens every directory, to be compared with.
_NOT_SKIPPING = ", not skipping"


def _trees(settings: Settings) -> dict[str, int]:
    """Trees in which a few runs are among other things, and their sizes: see bench/src/tree.rs."""
    return {kind: max(1, settings.runs * of // 15_000) for kind, of in _SIZES.items()}


_SIZES = {"home": 80, "archive": 10_000, "python": 2500}


def _not_skipping(tree: Path, looked_for: Path, threads: int) -> Contestant:
    options = ["--no-leaf-skip"]
    return the_core(tree, looked_for, threads, options=options, how=_NOT_SKIPPING)


def named(settings: Settings) -> Table:
    """runs among other things: a home directory, an archive, a Python installation"""
    looked_for = run_pattern(settings)
    rows: list[Sequence[str]] = []
    bars = []
    for kind, size in _trees(settings).items():
        tree = settings.trees.get(kind, size)
        contestants = []
        for threads in sorted({1, settings.threads}):
            contestants.append(the_floor(tree, threads))
            contestants.append(the_core(tree, looked_for, threads))
            contestants.append(_not_skipping(tree, looked_for, threads))
            contestants.append(from_python("scan", tree, looked_for, threads))
        measured = measure(contestants, settings.rounds)
        rows += rows_of(measured, f"{kind}: ")
        bars += [
            of_the_floor(one, 0.75, f"{kind}: ")
            for one in measured
            if one.ratios and not one.contestant.name.endswith(_NOT_SKIPPING)
        ]
    return Table("Runs among other things", HEADINGS, rows, [], bars)


def others(settings: Settings) -> Table:
    """whole processes, where runs are among other things"""
    rows: list[Sequence[str]] = []
    notes: list[str] = []
    bars = []
    for kind, size in _trees(settings).items():
        measured, notes = beside_listers(settings, settings.trees.get(kind, size))
        rows += rows_of(measured, f"{kind}: ")
        bars += faster_bars(measured, 2.5, f", {kind}")
    return Table("Whole processes, runs among other things", HEADINGS, rows, notes, bars)


def early(settings: Settings) -> Table:
    """a directory of a million files, of which one is asked for, and comes early"""
    tree = settings.trees.get("files", settings.entries)
    with os.scandir(tree) as entries:
        first = next(entries).name
    # A directory that was changed only just now is read to its end.
    time.sleep(max(0.0, tree.stat().st_ctime + 3 - time.time()))
    wanted = [patterns.with_file(first)]
    looked_for = patterns.write(settings.scratch / "early.jsonl", wanted)
    contestants = [the_floor(tree, 1), the_core(tree, looked_for, 1)]
    contestants.append(_not_skipping(tree, looked_for, 1))
    contestants.append(from_python("scan", tree, looked_for, 1))
    measured = measure(contestants, settings.rounds)
    bars = [of_the_floor(by_name(measured)["core's scan, 1 thread"], 0.1, "early: ")]
    bars.append(of_the_floor(by_name(measured)["Python scan, 1 thread"], 0.1, "early: "))
    title = f"One of {settings.entries} files"
    return Table(title, HEADINGS, rows_of(measured), [], bars)


def leaves(settings: Settings) -> Table:
    """what it costs where nothing can be skipped; times are divided by those without it"""
    runs = patterns.write(settings.scratch / "runs-logs.jsonl", [patterns.run(), patterns.logs()])
    rows: list[Sequence[str]] = []
    bars = []
    for kind, size, looked_for, limit in [
        # Every leaf is asked for.
        ("lab", settings.runs, runs, 1.02),
        # There are none.
        ("chains", max(1, settings.runs * 600 // 15_000), run_pattern(settings), 1.03),
    ]:
        tree = settings.trees.get(kind, size)
        contestants = []
        for threads in sorted({1, settings.threads}):
            without = _not_skipping(tree, looked_for, threads)
            command = the_core(tree, looked_for, threads).command
            name = f"core's scan, {in_words(threads)}"
            contestants.append(without)
            contestants.append(Contestant(name, command, without.name, counts="matches"))
        measured = measure(contestants, settings.rounds)
        rows += rows_of(measured, f"{kind}: ")
        for one in measured:
            if one.ratios:
                what = f"{kind}: {one.contestant.name}: of not skipping"
                bars.append(Bar(what, one.ratio, limit, cpu=one.cpu_ratio))
    headings = [heading.replace("floor", "not skipping") for heading in HEADINGS]
    return Table("Where nothing can be skipped", headings, rows, [], bars)
