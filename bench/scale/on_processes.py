"""A contestant of `driver.contestants`: scans of one tree, here or on processes that were
started before.

    python on_processes.py SOURCE PATTERNS THREADS WORKERS [BUDGET]

`WORKERS` is 0 for a scan in this process, else so many processes have `THREADS` threads each.
`BUDGET` is that of every task, in seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# It is run by its path, and the processes load it, too.
sys.path.insert(0, str(Path(__file__).parents[1]))

import pathvein
from driver.served import load, rounds
from pathvein._tasks import engine
from scale.watched import Watched


def _cpu(processes: Iterable[int]) -> float:
    """The processor time of processes that run, in seconds."""
    ticks = 0
    for pid in processes:
        # The name, in parentheses, may have blanks in it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main(source: str, patterns: str, threads: str, workers: str, budget: str = "") -> None:
    """Do the rounds."""
    loaded, number = load(patterns), int(workers)
    if budget:
        # Nobody else needs to choose it, so there is no argument for it.
        engine.LONGEST = engine.SHORTEST = float(budget)
    if not number:

        def here(first: Callable[[], object]) -> tuple[dict[str, float], object]:
            found = pathvein.scan(source, loaded, threads=int(threads))
            return {"matches": len(found)}, found

        rounds(here)
        return

    with ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn")) as pool:
        # Each is there, and has loaded what it takes, before anything is measured.
        processes: set[int] = set()
        while len(processes) < number:
            processes.update(pool.map(_ready, range(4 * number)))

        def there(first: Callable[[], object]) -> tuple[dict[str, float], object]:
            watched = Watched(pool, number)
            cpu, start = _cpu({os.getpid(), *processes}), time.monotonic()
            results = pathvein.scan(source, loaded, threads=int(threads), executor=watched)
            end = time.monotonic()
            used = _cpu({os.getpid(), *processes}) - cpu
            idle, tasks = watched.idle(start, end), len(watched.tasks)
            return {"matches": len(results), "cpu": used, "idle": idle, "tasks": tasks}, results

        rounds(there)


def _ready(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


if __name__ == "__main__":
    main(*sys.argv[1:])
