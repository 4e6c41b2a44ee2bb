"""What the caller of a scan by tasks spends itself: made-up tasks, and an executor that answers at
once.

As a program it measures, in a process of its own: `python callers_cost.py TASKS`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driver.report import Table

    from .settings import Settings

#: As many as the bar says.
TASKS = 100_000
#: One in so many is split, and what it leaves once more.
_SPLIT = 8
#: What a task is said to take, in seconds: of tasks so long, so many workers' fill a caller.
_USUAL_TASK = 2.0


def callers_cost(settings: Settings) -> Table:
    """what the caller spends on a task, and the memory that it takes for a hundred thousand"""
    from driver.places import PYTHON
    from driver.report import Bar, Table

    tasks = settings.size(TASKS, 1000)
    answers = []
    for _ in range(settings.rounds):
        command = [str(PYTHON), __file__, str(tasks)]
        answers.append(json.loads(subprocess.run(command, check=True, stdout=-1).stdout))
    best = min(answers, key=lambda answer: float(answer["cpu"]))
    cost, memory = 1e6 * best["cpu"] / best["tasks"], best["memory"] / 1e6
    workers = _USUAL_TASK / (cost / 1e6)
    row = [f"{best['tasks']:,}", f"{best['split']:,}", f"{cost:.1f}", f"{memory:.1f}"]
    return Table(
        "The caller's own cost",
        ["tasks", "of them split", "µs of CPU a task", "MB at the end, beyond those at the start"],
        [row],
        [f"Tasks of {_USUAL_TASK:g} s: {workers:,.0f} workers keep one caller busy."],
        [Bar("the caller's own cost", cost, 30, unit=" µs"), Bar("its memory", memory, 20)],
    )


class _AtOnce(Executor):
    """Answers at once. What the answers cost is not the caller's."""

    _max_workers = 4

    def __init__(self, tasks: int) -> None:
        #: As many as there have to be first, so that all are so many.
        self.first = tasks * _SPLIT // (_SPLIT + 2)
        self.tasks = self.split = 0
        self.cpu = 0.0
        self.memory = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        start = time.thread_time()
        future: Future[Any] = Future()
        answer = self._answer(args[0].description)
        self.cpu += time.thread_time() - start
        future.set_result(answer)
        return future

    def _answer(self, description: bytes) -> tuple[Any, ...]:
        import pathvein_core
        from pathvein_core import ListingScan, Stats, read_subtree

        scan = ListingScan(_PATTERNS)
        roots = scan.at(description, "made up", "")
        self.tasks += 1
        path, names = read_subtree(description)
        if not names:
            below = [
                (f"{'split' if n % _SPLIT == 0 else 'd'}-{n:06}", True) for n in range(self.first)
            ]
            scan.listed(roots[0][1], "", below, [])
        elif names[0].startswith("split"):
            # A directory is left in it, and another one in that.
            self.split += 1
            below = [("split-more" if path == "" else "more", True)]
            scan.listed(roots[0][1], names[0], below, ["a.csv"])
        else:
            scan.listed(roots[0][1], names[0], [], ["a.csv", "b.csv", "c.txt"])
        if self.tasks == 2:
            self.memory = _memory()
        counts = Stats(directories=1, entries=3).__reduce__()[1]
        return pathvein_core.__version__, scan.hand_back(), (), counts, 0.01, None


_PATTERNS: list[Any] = []


def _memory() -> int:
    """What this process has in memory, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main(tasks: str) -> None:
    """Measure, and print what was measured as JSON."""
    import pathvein
    from pathvein._tasks import engine

    # A directory is a task, however many there are.
    engine._FIRST_ROOTS = engine._LEAST_ROOTS = engine._MOST_ROOTS = 1
    _PATTERNS.append(pathvein.FileStructurePattern("*", ["*.csv"]))
    executor = _AtOnce(int(tasks))
    start = time.process_time()
    found = 0
    with pathvein.iscan(os.curdir, _PATTERNS, executor=executor) as stream:
        for _ in stream:
            found += 1
    cpu = time.process_time() - start - executor.cpu
    assert found == executor.tasks - 1
    memory = _memory() - executor.memory
    answer = {"tasks": executor.tasks, "split": executor.split, "cpu": cpu, "memory": memory}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
