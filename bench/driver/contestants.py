"""Those that are measured: each a process that does a round whenever it is told to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

#: Rounds of those that are marked as slow, at most.
SLOW_ROUNDS = 3
_MEGABYTE = 1e6


class Broken(Exception):
    """Something did not work, or two contestants disagree."""


@dataclass(frozen=True)
class Contestant:
    """A command that prints a line when it is ready, and then a line of JSON for each line on
    its standard input."""

    name: str
    command: Sequence[object]
    #: The name of the one that its times are divided by.
    floor: str = ""
    #: So slow that a few rounds must do.
    slow: bool = False
    #: Where a command run by `pathvein-bench run` leaves what it prints.
    output: Path | None = None
    #: What must come out, by what it counts (`matches`, `entries`, `files`). Of all that
    #: count the same thing, the numbers must be equal.
    counts: str = ""
    #: What it counts beyond the others: the source itself.
    beyond: int = 0
    #: A command that makes the program of a process warm, where caches are dropped and only
    #: the tree is to be cold.
    warm_up: Sequence[object] = ()
    #: What else it tells of a round, to be kept.
    others: Sequence[str] = ()


@dataclass
class Measured:
    """What came out, round by round."""

    contestant: Contestant
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    #: Resident bytes before a round, and at most during it.
    idle: int = 0
    peak: int = 0
    count: int | None = None
    #: The most threads that a scan of the core's had.
    threads: int = 0
    #: Each round's time divided by the floor's in the same round.
    ratios: list[float] = field(default_factory=list)
    cpu_ratios: list[float] = field(default_factory=list)
    #: What else it tells of its rounds, by name.
    others: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """The median of the ratios; 0 without a floor."""
        return median(self.ratios) if self.ratios else 0.0

    @property
    def cpu_ratio(self) -> float | None:
        """The median of those of processor time."""
        return median(self.cpu_ratios) if self.cpu_ratios else None


class _Served:
    def __init__(self, contestant: Contestant) -> None:
        self.measured = Measured(contestant)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [str(word) for word in contestant.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

        # Without this, what it has loaded would count as a round's memory.
        assert self.process.stdout
        if not self.process.stdout.readline():
            raise Broken(f"{contestant.name} ended with status {self.process.wait()}")

    def round(self) -> dict[str, Any]:
        """Do one, and tell what it printed."""
        contestant = self.measured.contestant
        pipe_in, pipe_out = self.process.stdin, self.process.stdout
        assert pipe_in
        assert pipe_out
        if contestant.output is None:
            self.measured.idle = self._memory("VmRSS")
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # forget the peak
        try:
            pipe_in.write("\n")
            pipe_in.flush()
            line = pipe_out.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Broken(f"{contestant.name} ended with status {self.process.wait()}")
        result: dict[str, Any] = json.loads(line)
        if contestant.output is None:
            result["peak"] = self._memory("VmHWM")
        elif contestant.counts and self.measured.count is None:
            with contestant.output.open("rb") as printed:
                result[contestant.counts] = sum(1 for _ in printed)
        return result

    def _memory(self, what: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024
        raise Broken(f"{self.measured.contestant.name} has ended")

    def end(self) -> None:
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


@contextmanager
def _serving(contestants: Iterable[Contestant]) -> Iterator[list[_Served]]:
    with ExitStack() as stack:
        served = []
        for contestant in contestants:
            one = _Served(contestant)
            stack.callback(one.end)
            served.append(one)
        yield served


def measure(
    contestants: Sequence[Contestant],
    rounds: int,
    warm: bool = True,
    *,
    before: Callable[[Contestant], object] = lambda _: None,
    after: Callable[[Contestant], object] = lambda _: None,
) -> list[Measured]:
    """Let them all do a round, one after the other, and again; a first time for nothing.

    Who comes first changes from round to round. The ratios are of times of the same round, so
    that what slows the machine down for a while slows both. `before` and `after` are called
    around each round of each.
    """
    with _serving(contestants) as served:
        for number in range(-1 if warm else 0, rounds):
            taking_part = [
                one
                for one in served
                if not one.measured.contestant.slow or number < min(rounds, SLOW_ROUNDS)
            ]
            turn = number % len(taking_part)
            results = {}
            for one in taking_part[turn:] + taking_part[:turn]:
                if warm and number < 0 and one.measured.contestant.slow:
                    continue
                before(one.measured.contestant)
                results[one.measured.contestant.name] = result = one.round()
                after(one.measured.contestant)
                _note(one.measured, result, warming=number < 0)
            if number >= 0:
                for one in taking_part:
                    _compare(one.measured, results)
    measured = [one.measured for one in served]
    check(measured)
    return measured


def _note(measured: Measured, result: dict[str, Any], *, warming: bool) -> None:
    contestant = measured.contestant
    if contestant.counts and contestant.counts in result and measured.count is None:
        measured.count = result[contestant.counts] - contestant.beyond
    measured.peak = max(measured.peak, result["peak"])
    measured.threads = max(measured.threads, result.get("threads", 0))
    if not warming:
        measured.seconds.append(result["seconds"])
        measured.cpu.append(result["cpu"])
        if result.get("first") is not None:
            measured.first.append(result["first"])
        for name in contestant.others:
            measured.others.setdefault(name, []).append(result[name])


def _compare(measured: Measured, results: dict[str, dict[str, Any]]) -> None:
    floor = results.get(measured.contestant.floor)
    if floor is not None:
        result = results[measured.contestant.name]
        measured.ratios.append(result["seconds"] / floor["seconds"])
        if floor["cpu"]:
            measured.cpu_ratios.append(result["cpu"] / floor["cpu"])


def check(measured: Iterable[Measured]) -> None:
    """See that those that count the same thing count the same."""
    counts: dict[str, dict[int | None, list[str]]] = {}
    for one in measured:
        if one.contestant.counts:
            by_count = counts.setdefault(one.contestant.counts, {})
            by_count.setdefault(one.count, []).append(one.contestant.name)
    for what, by_count in counts.items():
        if len(by_count) > 1:
            raise Broken(f"they do not agree on the number of {what}: {by_count}")


#: The columns of a table of contestants.
HEADINGS = [
    "",
    "median ms",
    "min",
    "max",
    "x floor",
    "x floor cpu",
    "first ms",
    "peak MB",
    "counts",
]


def row(one: Measured) -> list[str]:
    """A contestant as a row of such a table."""
    return [
        one.contestant.name,
        f"{median(one.seconds) * 1e3:.1f}",
        f"{min(one.seconds) * 1e3:.1f}",
        f"{max(one.seconds) * 1e3:.1f}",
        f"{one.ratio:.2f}" if one.ratios else "",
        f"{one.cpu_ratio:.2f}" if one.cpu_ratio else "",
        f"{median(one.first) * 1e3:.2f}" if one.first else "",
        f"{one.peak / _MEGABYTE:.1f}",
        f"{one.count} {one.contestant.counts}" if one.contestant.counts else "",
    ]
