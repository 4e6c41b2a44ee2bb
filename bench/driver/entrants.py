"""The contestants that several tables have, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from . import patterns
from .contestants import Contestant, Measured, measure, row
from .places import LISTERS, PATHVEIN, PROGRAM, PYTHON, SERVED, environment, lister
from .report import Bar
from .settings import Settings


def the_floor(tree: Path, threads: int) -> Contestant:
    """The bare loop that lists everything."""
    command = [PROGRAM, "floor", "--serve", "--threads", str(threads), tree]
    return Contestant(f"floor, {in_words(threads)}", command, counts="entries")


def the_core(
    tree: Path,
    looked_for: Path,
    threads: int | None,
    what: str = "scan",
    floor: str = "floor",
    *,
    options: Sequence[str] = (),
    how: str = "",
) -> Contestant:
    """The core's scan or check, without Python; `how` names what the options do."""
    number = ["--threads", str(threads)] if threads else []
    command = [PROGRAM, what, "--serve", *number, *options, "--patterns", looked_for, tree]
    name, floor = f"core's {what}, {in_words(threads)}{how}", f"{floor}, {in_words(threads)}"
    return Contestant(name, command, floor, counts="matches")


def from_python(
    function: str, tree: Path, looked_for: Path, threads: int, floor: str = "floor"
) -> Contestant:
    """One of `served.py`."""
    name, floor = f"Python {function}, {in_words(threads)}", f"{floor}, {in_words(threads)}"
    command = [PYTHON, SERVED, function, tree, looked_for, str(threads)]
    return Contestant(name, command, floor, counts="matches")


def in_words(threads: int | None) -> str:
    """So many threads; `None`: as many as the scan itself finds right."""
    if threads is None:
        return "its own choice"
    return f"{threads} thread{'s' if threads > 1 else ''}"


def a_process(
    settings: Settings,
    name: str,
    command: Sequence[object],
    floor: str = "",
    *,
    counts: str = "",
    beyond: int = 0,
    slow: bool = False,
    warm_up: Sequence[object] = (),
) -> Contestant:
    """A whole process, from before it is started until it has ended."""
    output = settings.scratch / f"output-{name.replace(' ', '-')}"
    runner = [PROGRAM, "run", "--serve", "--output", output, "--", *command]
    return Contestant(name, runner, floor, slow, output, counts, beyond, warm_up)


def rows_of(measured: Iterable[Measured], what: str = "") -> list[Sequence[str]]:
    """A row for each, `what` in front of its name."""
    return [[what + one.contestant.name, *row(one)[1:]] for one in measured]


def by_name(measured: Iterable[Measured]) -> dict[str, Measured]:
    """Each by its contestant's name."""
    return {one.contestant.name: one for one in measured}


def of_the_floor(one: Measured, limit: float, on: str = "") -> Bar:
    """At most so much of the floor."""
    return Bar(f"{on}{one.contestant.name}: of the floor", one.ratio, limit, cpu=one.cpu_ratio)


def run_pattern(settings: Settings) -> Path:
    """A file with the pattern of complete runs, as those are looked for that `served.py` does."""
    return patterns.write(settings.scratch / "run.jsonl", [patterns.run()])


def beside_listers(
    settings: Settings, tree: Path, *, old: bool = False
) -> tuple[list[Measured], list[str]]:
    """Whole processes that look for runs, beside others that only list; with notes."""
    threads = settings.threads
    pattern = patterns.write(settings.scratch / "run.json", [patterns.run()])
    floor = f"floor, {in_words(threads)}"
    command: list[object] = [PROGRAM, "floor", "--threads", str(threads), tree]
    contestants = [a_process(settings, floor, command)]
    command = [PATHVEIN, "scan", tree, "-p", pattern]
    contestants.append(a_process(settings, "pathvein scan", command, floor, counts="matches"))
    missing = []
    for name in LISTERS:
        program = lister(name, download=settings.download)
        if program:
            contestants.append(listing(settings, name, program, tree, floor))
        else:
            missing.append(name)
    if settings.download and old:
        before = patterns.write(settings.scratch / "old.json", [patterns.as_text(patterns.run())])
        command = [environment("pathvein-0.9.0") / "pathvein", "scan", tree, "-p", before]
        contestants.append(
            a_process(settings, "pathvein 0.9.0", command, floor, counts="matches", slow=True)
        )
    return measure(contestants, settings.rounds), without(missing)


def listing(
    settings: Settings,
    name: str,
    program: str,
    tree: Path,
    floor: str = "",
    *,
    options: Sequence[str] = (),
    how: str = "",
) -> Contestant:
    """One of the `LISTERS`, as a whole process."""
    _, always, counts, beyond = LISTERS[name]
    empty = settings.scratch / "empty"
    empty.mkdir(exist_ok=True)

    def command(place: Path) -> list[object]:
        # find and bfs take the tree first, the others last.
        return [program, *options, *always, place]

    return a_process(
        settings,
        name + how,
        command(tree),
        floor,
        counts=counts,
        beyond=beyond,
        warm_up=command(empty),
    )


def without(missing: Sequence[str]) -> list[str]:
    """The note that says who was not there."""
    return [f"Not on the PATH, so not measured: {', '.join(missing)}."] if missing else []


def faster(measured: Sequence[Measured], other: str) -> float:
    """How many times faster than this one `pathvein scan` was."""
    named = by_name(measured)
    rounds = zip(named[other].seconds, named["pathvein scan"].seconds, strict=False)
    return median(theirs / ours for theirs, ours in rounds)


def faster_bars(measured: Sequence[Measured], limit: float, on: str) -> list[Bar]:
    """At least so much faster than those that were there."""
    there = by_name(measured)
    return [
        Bar(f"pathvein scan: faster than {name}{on}", faster(measured, name), limit, True)
        for name in ["fd", "bfs", "find"]
        if name in there
    ]
