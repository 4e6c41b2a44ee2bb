"""Local trees: two processes beside one, and what a budget and an uneven tree cost them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from driver import patterns
from driver.contestants import HEADINGS, Contestant, Measured, measure, row
from driver.places import PROGRAM, PYTHON
from driver.report import Bar, Table

from .settings import Settings

_SCRIPT = Path(__file__).with_name("on_processes.py")
#: As a million directories: four a run, and those of the campaigns.
_RUNS = 249_500
_ONE, _TWO = "one process, 1 thread", "one process, 2 threads"
_PROCESSES = "two processes of 1 thread"
_SHORT = f"{_PROCESSES}, budget 50 ms"


def trees(settings: Settings) -> Table:
    """a tree of a million directories: two processes of one thread beside one process"""
    tree = settings.trees.get("lab", settings.size(_RUNS, 100))
    looked_for = patterns.write(settings.scratch / "run.jsonl", [patterns.run()])
    measured = measure(
        [
            _contestant(_TWO, tree, looked_for, 2, 0),
            _contestant(_ONE, tree, looked_for, 1, 0),
            _contestant(_PROCESSES, tree, looked_for, 1, 2),
            _contestant(_SHORT, tree, looked_for, 1, 2, 0.05),
        ],
        settings.rounds,
    )
    named = {one.contestant.name: one for one in measured}
    faster = median(
        one / both for one, both in zip(named[_ONE].seconds, named[_PROCESSES].seconds, strict=True)
    )
    bars = [
        Bar(f"{name}: of {_TWO}", named[name].ratio, limit, cpu=named[name].cpu_ratio)
        for name, limit in [(_PROCESSES, 1.15), (_SHORT, 1.3)]
    ]
    bars.append(Bar(f"{_PROCESSES}: faster than {_ONE}", faster, 1.7, at_least=True))
    return Table("A tree of a million directories", *_rows(measured), bars)


def skewed(settings: Settings) -> Table:
    """the same, nine tenths of it in one sub-tree: how idle the workers are"""
    runs = settings.size(_RUNS, 100)

    def make(root: Path) -> None:
        for name, size in [("small", runs // 10), ("large", runs - runs // 10)]:
            subprocess.run([PROGRAM, "tree", "lab", root / name, str(size)], check=True)

    tree = settings.trees.filled("skewed", runs, make)
    looked_for = patterns.write(settings.scratch / "run.jsonl", [patterns.run()])
    contestants = [
        _contestant(_TWO, tree, looked_for, 2, 0),
        _contestant(_PROCESSES, tree, looked_for, 1, 2),
    ]
    measured = measure(contestants, settings.rounds)
    idle = median(measured[1].others["idle"])
    bar = Bar("skewed tree: the most that a worker is idle", idle * 100, 10, unit=" %")
    return Table("Nine tenths in one sub-tree", *_rows(measured), [bar])


def _contestant(
    name: str, tree: Path, looked_for: Path, threads: int, workers: int, budget: float | None = None
) -> Contestant:
    command: list[object] = [PYTHON, _SCRIPT, tree, looked_for, threads, workers]
    command += [] if budget is None else [budget]
    floor, others = "" if name == _TWO else _TWO, ["idle", "tasks"] if workers else []
    return Contestant(name, command, floor, counts="matches", others=others)


def _rows(measured: Sequence[Measured]) -> tuple[list[str], list[Sequence[str]], list[str]]:
    headings = [heading.replace("floor", _TWO) for heading in HEADINGS]
    notes = [
        f"{one.contestant.name}: {median(one.others['tasks']):.0f} tasks; the worker that was idle "
        f"most was so for {median(one.others['idle']):.1%} of the time."
        for one in measured
        if one.others
    ]
    return [*headings], [row(one) for one in measured], notes
