"""A store that takes 50 ms for each request, listed by one process and by several.

As a program it measures one scan, in a process of its own: `python stores.py TASK`, where the task
is JSON. The store is the stub of the tests, another process.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driver.report import Table

    from .settings import Settings

_REPOSITORY = Path(__file__).resolve().parents[2]
LATENCY = 0.05
#: Requests in flight in each process, and processes.
REQUESTS, WORKERS = 8, 4
#: Directories in the source, directories in each, files in these: 320,000 keys; and how many of
#: them are on a page. Pages are small, so that processes wait for the store and not for a
#: processor: there are fewer of these than of processes, and the stub takes its part.
_SHAPE = 80, 50, 80
_PAGE = 100


def stores(settings: Settings) -> Table:
    """a store at 50 ms, by four processes with eight requests each and by one with eight"""
    from driver.places import PYTHON
    from driver.report import Bar, Table

    sys.path.insert(0, str(_REPOSITORY / "tests/support"))
    from servers.list_stub import ListStub, Radix

    groups = settings.size(_SHAPE[0], 10)
    keys = Radix([("g%04d", groups), ("run_%02d", _SHAPE[1]), ("f%02d.csv", _SHAPE[2])])
    answers: dict[int, list[dict[str, float]]] = {0: [], WORKERS: []}
    with ListStub() as stub:
        bucket = stub.bucket(keys, latency=LATENCY, page_limit=_PAGE)
        for _ in range(settings.rounds):
            for workers, mine in answers.items():
                task = {"url": bucket.url, "options": bucket.options, "workers": workers}
                command = [str(PYTHON), __file__, json.dumps(task)]
                mine.append(json.loads(subprocess.run(command, check=True, stdout=-1).stdout))
    assert len({told["matches"] for mine in answers.values() for told in mine}) == 1
    best = {
        workers: min(mine, key=lambda told: told["seconds"]) for workers, mine in answers.items()
    }
    rows: list[Sequence[str]] = [
        [
            f"{workers} processes" if workers else "one process",
            f"{told['requests']:,.0f}",
            f"{told['seconds']:.2f}",
            f"{told['cpu']:.1f}",
        ]
        for workers, told in best.items()
    ]
    one, shared = best[0], best[WORKERS]
    return Table(
        f"A store at {1000 * LATENCY:.0f} ms, {len(keys):,} keys, {REQUESTS} requests a process",
        ["by", "requests", "s", "CPU s"],
        rows,
        [f"No fewer than {-(-len(keys) // _PAGE):,} requests are possible."],
        [
            # As a share of the time of one, which is to be small.
            Bar("time by four, of that by one", shared["seconds"] / one["seconds"], 1 / 3.3),
            Bar("requests by four, of those by one", shared["requests"] / one["requests"], 1.1),
        ],
    )


def measure(task: dict[str, Any]) -> dict[str, float]:
    """One scan."""
    import fsspec
    import upath  # noqa: F401

    import pathvein
    import pathvein._remote

    fsspec.get_filesystem_class("s3")
    pattern = pathvein.FileStructurePattern("run_*7", files=["*1.csv"])
    options = {"storage_options": task["options"], "concurrency": REQUESTS}
    if not task["workers"]:
        return _scanned(task["url"], pattern, options)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(task["workers"], mp_context=context) as pool:
        # Each has loaded what it takes before anything is measured.
        ready: set[int] = set()
        while len(ready) < task["workers"]:
            ready.update(pool.map(_ready, [task] * (4 * task["workers"])))
        return _scanned(task["url"], pattern, {**options, "executor": pool})


def _scanned(url: str, pattern: Any, options: dict[str, Any]) -> dict[str, float]:
    import pathvein

    started, cpu = time.monotonic(), time.process_time()
    with pathvein.iscan(url, pattern, **options) as stream:
        matches = sum(1 for _ in stream)
    return {
        "seconds": time.monotonic() - started,
        # That of this process alone.
        "cpu": time.process_time() - cpu,
        "matches": matches,
        "requests": stream.stats.requests,
    }


def _ready(task: dict[str, Any]) -> int:
    """Load what a scan takes, and connect to nothing."""
    import os

    import fsspec
    import s3fs

    import pathvein._tasks.stores  # noqa: F401

    # botocore reads its descriptions of services once in a process.
    s3fs.S3FileSystem(**task["options"], skip_instance_cache=True).connect()
    fsspec.asyn.get_loop()
    time.sleep(0.05)
    return os.getpid()


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
