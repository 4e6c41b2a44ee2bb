"""The small tables of docs/benchmarks.md: pathvein beside what else does the work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import median

from . import patterns
from .contestants import Contestant, Measured, measure
from .entrants import a_process, from_python, listing, run_pattern, without
from .places import LISTERS, PATHVEIN, PYTHON, SERVED, environment, file_system, lister
from .report import Table
from .settings import Settings

_HEADINGS = ["", "of pathvein's time", "of its processor time", "median s", "finds"]


def processes(settings: Settings) -> Table:
    """for docs/benchmarks.md: commands, from their start to their end"""
    tree = settings.trees.get("lab", settings.runs)
    rows, missing = _commands(settings, tree, LISTERS)
    small = settings.trees.get("lab", 24)
    few, _ = _commands(settings, small, ["find", "fd"])
    rows += [[f"98 directories: {name}", *cells] for name, *cells in few]
    return Table("Commands", _HEADINGS, rows, [*without(missing), _where(settings, tree)])


def _commands(
    settings: Settings, tree: Path, names: Collection[str]
) -> tuple[list[Sequence[str]], list[str]]:
    pattern = patterns.write(settings.scratch / "run.json", [patterns.run()])
    first = "pathvein scan"
    command = [PATHVEIN, "scan", tree, "-p", pattern]
    contestants = [a_process(settings, first, command, first, counts="matches")]
    missing = []
    for name in names:
        if program := lister(name, download=settings.download):
            contestants.append(listing(settings, name, program, tree, first))
        else:
            missing.append(name)
    if settings.download and len(names) == len(LISTERS):
        old = patterns.write(settings.scratch / "old.json", [patterns.as_text(patterns.run())])
        command = [environment("pathvein-0.9.0") / "pathvein", "scan", tree, "-p", old]
        contestants.append(
            a_process(settings, "pathvein 0.9.0", command, first, counts="matches", slow=True)
        )
    return _rows(measure(contestants, settings.rounds)), missing


def calls(settings: Settings) -> Table:
    """for docs/benchmarks.md: calls in Python"""
    tree, looked_for = settings.trees.get("lab", settings.runs), run_pattern(settings)
    first = "Python scan"
    ours = from_python("scan", tree, looked_for, settings.threads)
    contestants = [Contestant(first, ours.command, first, counts="matches")]
    one = from_python("scan", tree, looked_for, 1)
    contestants.append(Contestant(f"{first}, threads=1", one.command, first, counts="matches"))
    for name, function in [
        ("os.walk, fnmatch", "walk"),
        ("Path.rglob", "rglob"),
        ("glob.iglob", "globbed"),
    ]:
        command = [PYTHON, SERVED, function, tree, looked_for]
        contestants.append(Contestant(name, command, first, True, counts="matches"))
    if settings.download:
        old = patterns.write(settings.scratch / "old.jsonl", [patterns.as_text(patterns.run())])
        command = [environment("pathvein-0.9.0") / "python", SERVED, "old", tree, old]
        contestants.append(Contestant("0.9.0's scan", command, first, True, counts="matches"))
    measured = measure(contestants, settings.rounds)
    return Table("Calls", _HEADINGS, _rows(measured), [_where(settings, tree)])


def _rows(measured: Sequence[Measured]) -> list[Sequence[str]]:
    return [
        [
            one.contestant.name,
            f"{one.ratio:.2g}",
            f"{one.cpu_ratio:.2g}" if one.cpu_ratio else "",
            f"{median(one.seconds):.3f}",
            f"{one.count:,} {one.contestant.counts}" if one.count is not None else "",
        ]
        for one in measured
    ]


def _where(settings: Settings, tree: Path) -> str:
    return f"{settings.runs:,} runs on {file_system(tree)}, {settings.rounds} rounds."
