"""Simulates flat listings that several processes share; see `listing_simulation`.

Each process sends so many requests at a time. The tasks are divided as the engine of
`pathvein._tasks` does, and cost something besides.
"""

from __future__ import annotations

import argparse
import heapq
import pickle
import random
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from listing_simulation import SHAPES, Counter, Store, random_latency, simulate
from pathvein._remote.keys.lister import FIRST_ROUNDS, GRAIN_OF_PARTS, LEAST_ROUNDS
from pathvein._remote.keys.planner import Planner
from pathvein._remote.keys.ranges import KeyRange
from pathvein._remote.keys.requests import Request
from pathvein._remote.keys.sharing import Borrowed, Shares, packed
from pathvein._tasks.keys import FIRST_PIECES

#: What a task costs besides: seconds until its first request, and until the next one begins.
TASK_COST = 0.005


@dataclass
class Process:
    """One that lists, and what it is at."""

    lent: list[KeyRange] = field(default_factory=list)
    borrowed: list[Borrowed] = field(default_factory=list)
    planner: Planner | None = None
    started: float = 0.0
    budget: float = 0.0
    is_first: bool = False
    in_flight: int = 0
    answered: int = 0
    took: float = 0.0
    idle_since: float = 0.0
    idle: float = 0.0


@dataclass
class Shared:
    """What a listing took."""

    requests: int
    tasks: int
    seconds: float
    #: The share of the time in which the processes had no task, on average.
    idle: float


def simulate_shared(
    keys: Any, processes: int, concurrency: int, *, seed: int = 0, page_size: int = 1000
) -> Shared:
    """Lists the keys by so many processes."""
    source, store, taker = random.Random(seed), Store(keys, page_size), Counter()
    shares = Shares(taker, page_size=page_size, can_start=True)
    queue: deque[tuple[list[KeyRange], bytes, float]] = deque()
    workers = [Process() for _ in range(processes)]
    #: When something happens: a request is answered, or (None) a process may begin a task.
    events: list[tuple[float, int, Process, Request | None, float]] = []
    now, begun, requests, tasks, running, sequence = 0.0, None, 0, 0, 0, 0

    def send(worker: Process) -> None:
        nonlocal requests
        planner = worker.planner
        assert planner is not None
        while worker.in_flight < concurrency:
            rounds = FIRST_ROUNDS if worker.is_first else LEAST_ROUNDS
            least = rounds * worker.took / max(worker.answered, 1)
            over = now - worker.started >= max(worker.budget, least)
            if planner.traits.has_begun and (
                over or (worker.is_first and planner.pieces >= FIRST_PIECES)
            ):
                planner.stop()
            request = planner.next_request()
            if request is None:
                break
            requests += 1
            worker.in_flight += 1
            took = random_latency(source)
            heapq.heappush(events, (now + took, requests, worker, request, took))

    while not shares.is_done:
        while len(queue) + running < 2 * processes and shares.waiting:
            waiting = shares.waiting
            most = min(256, -(-waiting // (2 * processes)))
            so_far = 0.0 if begun is None else now - begun
            few = waiting < 2 * processes
            budget = min(max(0.05 * so_far, 0.02), 0.1) if few else min(max(0.1 * so_far, 0.02), 2)
            lent = shares.lend(most / waiting)
            sent = pickle.dumps(([*map(packed, lent)], shares.traits))
            queue.append((lent, sent, budget))
            tasks += 1
        for worker in workers:
            if worker.planner is None and queue:
                worker.lent, sent, worker.budget = queue.popleft()
                ranges, traits = pickle.loads(sent)
                worker.borrowed = [*map(Borrowed, ranges)]
                worker.is_first = not traits.has_begun
                worker.planner = Planner(
                    taker, page_size=page_size, traits=traits, ranges=ranges, grain=GRAIN_OF_PARTS
                )
                worker.started = now + TASK_COST
                worker.idle += now - worker.idle_since
                worker.in_flight = worker.answered = 0
                worker.took = 0.0
                running += 1
                sequence -= 1
                heapq.heappush(events, (worker.started, sequence, worker, None, 0.0))
        now, _, worker, request, took = heapq.heappop(events)
        planner = worker.planner
        if planner is None:
            continue
        if request is not None:
            worker.in_flight -= 1
            worker.answered += 1
            worker.took += took
            planner.answered(request, store.page(request))
        send(worker)
        if worker.in_flight == 0 or planner.is_done:
            # (Probes that are in flight are not awaited.)
            events[:] = [event for event in events if event[2] is not worker]
            heapq.heapify(events)
            shares.traits.learn(planner.traits)
            for range_, one in zip(worker.lent, worker.borrowed, strict=True):
                rest = one.rest()
                copies = [*map(packed, rest.ranges)]
                numbers = [copy.number for copy in copies]
                shares.returned(range_, rest._replace(ranges=copies), numbers)
            worker.planner, worker.idle_since = None, now
            running -= 1
            begun = now if begun is None else begun
    assert taker.count == keys.size, (taker.count, keys.size)
    for worker in workers:
        worker.idle += now - worker.idle_since
    idle = sum(worker.idle for worker in workers) / processes / now
    return Shared(requests, tasks, now, idle)


def main() -> None:
    """Simulates what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=2 * 10**6)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--shape", action="append", choices=list(SHAPES))
    arguments = parser.parse_args()
    print("| shape | pages | one: requests | s | shared: requests | tasks | s | idle | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for shape in arguments.shape or SHAPES:
        keys = SHAPES[shape](arguments.keys)
        one = simulate(keys, arguments.in_flight)
        shared = simulate_shared(keys, arguments.processes, arguments.in_flight)
        print(
            f"| {shape} | {one.pages:,} | {one.requests:,} | {one.simulated:.2f} "
            f"| {shared.requests:,} ({shared.requests / one.requests:.2f}) | {shared.tasks} "
            f"| {shared.seconds:.2f} | {shared.idle:.1%} | {one.simulated / shared.seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
