"""How many threads: what a scan finds, beside fixed numbers, warm and where it has to wait."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from . import fuse, patterns
from .contestants import HEADINGS, Contestant, Measured, measure
from .entrants import (
    a_process,
    by_name,
    faster,
    in_words,
    listing,
    rows_of,
    run_pattern,
    the_core,
    the_floor,
    without,
)
from .places import PATHVEIN, file_system, lister
from .report import Bar, Table
from .settings import Settings

_FIXED = [1, 2, 4, 8, 16, 32, 64]
_OWN = f"core's scan, {in_words(None)}"
#: How many threads those get that can be told, beside their defaults.
_MANY = 16
_DROP = Path("/proc/sys/vm/drop_caches")


def warm(settings: Settings) -> Table:
    """warm, with 1 to 64 threads and with as many as the scan finds right"""
    tree, looked_for = settings.trees.get("lab", settings.runs), run_pattern(settings)
    usual = f"core's scan, {in_words(settings.threads)}"
    contestants = [
        _divided_by(the_core(tree, looked_for, number), usual)
        for number in [*sorted({*_FIXED, settings.threads}), None]
    ]
    measured = measure(contestants, settings.rounds)
    bars = []
    for name, limit in [(_OWN, 1.02), (f"core's scan, {in_words(64)}", 1.05)]:
        one = by_name(measured)[name]
        what = f"warm: {name}: of {in_words(settings.threads)}"
        bars.append(Bar(what, one.ratio, limit, cpu=one.cpu_ratio))
    headings = [heading.replace("floor", in_words(settings.threads)) for heading in HEADINGS]
    return Table("Threads, warm", headings, rows_of(measured), [_found(measured)], bars)


def cold(settings: Settings) -> Table:
    """with the caches dropped, beside fd, bfs and find; as root"""
    title, runs = "Cold", settings.runs
    tree, looked_for = settings.trees.get("lab", runs), run_pattern(settings)
    if why := _cannot_drop(tree):
        return Table(title, HEADINGS, [], [f"LEFT OUT: {why}."])
    contestants = [the_floor(tree, settings.threads)]
    floor = contestants[0].name
    contestants += [
        _divided_by(the_core(tree, looked_for, number), floor) for number in [*_FIXED, None]
    ]
    pattern = patterns.write(settings.scratch / "run.json", [patterns.run()])
    empty = settings.scratch / "empty"
    empty.mkdir(exist_ok=True)
    contestants.append(
        a_process(
            settings,
            "pathvein scan",
            [PATHVEIN, "scan", tree, "-p", pattern],
            floor,
            counts="matches",
            warm_up=[PATHVEIN, "scan", empty, "-p", pattern],
        )
    )
    missing = []
    for name in ["fd", "bfs", "find"]:
        program = lister(name, download=settings.download)
        if not program:
            missing.append(name)
            continue
        contestants.append(listing(settings, name, program, tree, floor))
        if options := _many_threads(name, program):
            how = f", {in_words(_MANY)}"
            contestants.append(
                listing(settings, name, program, tree, floor, options=options, how=how)
            )
    rounds = min(settings.rounds, 5)
    measured = measure(contestants, rounds, warm=False, before=_drop_caches)
    bars = [_of_the_best("cold", measured, 1.15)]
    for name in by_name(measured):
        if name in ("fd", "bfs", "find"):
            bars.append(_cold_bar(measured, name, 3))
        elif name == f"fd, {in_words(_MANY)}":
            bars.append(_cold_bar(measured, name, 1))
    notes = [_found(measured), *without(missing)]
    return Table(title, HEADINGS, rows_of(measured), notes, bars)


def _cold_bar(measured: Sequence[Measured], name: str, limit: float) -> Bar:
    return Bar(f"cold: pathvein scan: faster than {name}", faster(measured, name), limit, True)


def _cannot_drop(tree: Path) -> str:
    """Why the tree cannot be made cold; empty if it can."""
    if (kind := file_system(tree)) in ("tmpfs", "ramfs"):
        return f"the trees are on a {kind}, which is never cold"
    try:
        _DROP.write_text("3")
    except OSError as error:
        return f"caches cannot be dropped here: {error}"
    return ""


def _drop_caches(contestant: Contestant) -> None:
    """Only the tree is to be cold: the contestant's program has run before."""
    os.sync()
    _DROP.write_text("3")
    if contestant.warm_up:
        command = [str(word) for word in contestant.warm_up]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _many_threads(name: str, program: str) -> list[str]:
    """The options for many threads, if it has such."""
    if name == "fd":
        return ["--threads", str(_MANY)]
    # Those before version 3 have but one.
    if name == "bfs":
        trial = subprocess.run([program, f"-j{_MANY}", "-quit"], capture_output=True)
        return [] if trial.returncode else [f"-j{_MANY}"]
    return []


def waiting(settings: Settings) -> Table:
    """on FUSE file systems that wait, in parallel or not, or have to move a head; as root"""
    title, headings = "Where it has to wait", [h.replace("floor", "own") for h in HEADINGS]
    looked_for = run_pattern(settings)
    rows: list[Sequence[str]] = []
    notes: list[str] = []
    bars: list[Bar] = []
    for mode, runs, microseconds in [
        ("parallel", settings.runs // 15, 1000),
        # One at a time.
        ("head", settings.runs // 150, 500),
        ("single", settings.runs // 150, 1000),
    ]:
        try:
            with fuse.mounted(mode, "lab", max(2, runs), microseconds=microseconds) as mount:
                contestants = [
                    _divided_by(the_core(mount.tree, looked_for, number), _OWN)
                    for number in [*_FIXED, None]
                ]
                measured = measure(
                    contestants,
                    min(settings.rounds, 3),
                    warm=False,
                    before=partial(_forget, mount),
                )
        except fuse.CannotMount as error:
            return Table(title, headings, [], [f"LEFT OUT: no FUSE here: {error}."])
        rows += rows_of(measured, f"{mode}: ")
        notes.append(f"{mode}: {_found(measured)}")
        bars.append(_of_the_best(mode, measured, 1.2))
    return Table(title, headings, rows, notes, bars)


def trusted(settings: Settings) -> Table:
    """trust_link_counts, on a FUSE file system whose operations take 1 ms; as root"""
    title = "Link counts that are trusted, 1 ms an operation"
    looked_for = run_pattern(settings)
    operations: dict[str, dict[str, int]] = {}
    try:
        size = max(20, settings.runs // 30)
        with fuse.mounted("parallel", "archive", size, links="true") as mount:
            contestants = []
            for number in [settings.threads, None]:
                usual = the_core(mount.tree, looked_for, number)
                contestants.append(_divided_by(usual, ""))
                trusting = the_core(
                    mount.tree,
                    looked_for,
                    number,
                    options=["--trust-link-counts"],
                    how=", trusting",
                )
                contestants.append(_divided_by(trusting, usual.name))
            measured = measure(
                contestants,
                min(settings.rounds, 3),
                warm=False,
                before=partial(_forget, mount),
                after=lambda one: operations.update({one.name: mount.cold()}),
            )
    except fuse.CannotMount as error:
        return Table(title, HEADINGS, [], [f"LEFT OUT: no FUSE here: {error}."])
    rows: list[Sequence[str]] = []
    for one in measured:
        counts = operations[one.contestant.name]
        usual_counts = operations[one.contestant.floor or one.contestant.name]
        ratio = counts["operations"] / usual_counts["operations"]
        kinds = [str(counts[kind]) for kind in ["operations", "lookups", "opendirs", "readdirs"]]
        share = [f"{ratio:.2f}", f"{one.ratio:.2f}"] if one.ratios else ["", ""]
        rows.append([one.contestant.name, f"{median(one.seconds) * 1e3:.0f}", *kinds, *share])
    headings = ["", "median ms", "operations", "lookups", "opendirs", "readdirs"]
    headings += ["of the operations", "of the time"]
    return Table(title, headings, rows, [_found(measured)])


def _forget(mount: fuse.Mounted, contestant: Contestant) -> None:
    mount.cold()


def _divided_by(contestant: Contestant, floor: str) -> Contestant:
    return replace(contestant, floor="" if floor == contestant.name else floor)


def _of_the_best(where: str, measured: Sequence[Measured], limit: float) -> Bar:
    """What the scan finds, against the best of the fixed numbers."""
    named = by_name(measured)
    fixed = [named[f"core's scan, {in_words(number)}"] for number in _FIXED]
    best = min(fixed, key=lambda one: median(one.seconds))
    rounds = zip(named[_OWN].seconds, best.seconds, strict=False)
    ratio = median(own / others for own, others in rounds)
    return Bar(f"{where}: {_OWN}: of {best.contestant.name}", ratio, limit)


def _found(measured: Sequence[Measured]) -> str:
    return f"The scan's own choice: at most {by_name(measured)[_OWN].threads} threads."
