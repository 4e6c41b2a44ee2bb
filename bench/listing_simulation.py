"""Simulates flat listings: the planner, and a store that exists only as arithmetic.

Keys are computed from their number, so a billion of them need no memory. Requests are answered
after random times (lognormal, 50 ms on average) in simulated time. A worker sends one request at
a time; the next request goes to the worker that has been idle longest. See
`scripts/simulate-listing`.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import sys
import time
import tracemalloc
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "python"))

# (As they are in this checkout.)
from pathvein._remote.keys.planner import Planner  # noqa: E402
from pathvein._remote.keys.ranges import (  # noqa: E402
    LAST,
    KeyRange,
    child,
)
from pathvein._remote.keys.requests import Page, Request  # noqa: E402

MEAN_LATENCY = 0.05


# Keys ---------------------------------------------------------------------------------------


class Files:
    """Files in one directory."""

    def __init__(self, count: int, pattern: str = "f%09d") -> None:
        self.size = count
        self._pattern = pattern
        self._stem, width = pattern.split("%0")
        self._width = int(width[:-1])

    def key(self, index: int) -> str:
        return self._pattern % index

    def leaf(self, index: int) -> tuple[str, Files, int]:
        """The directory that a key is in, the files there, and which of them it is."""
        return "", self, index

    def rank(self, key: str) -> int:
        """How many keys sort before a key."""
        digits = key[len(self._stem) : len(self._stem) + self._width]
        if key.startswith(self._stem) and digits.isdecimal() and len(digits) == self._width:
            number = int(digits)
            exact = len(key) == len(self._stem) + self._width
            return min(number + (not exact), self.size)
        return bisect_left(range(self.size), key, key=self.key)


class Repeated:
    """Directories that all hold the same."""

    def __init__(self, count: int, inside: Any, pattern: str = "d%04d/") -> None:
        self._names = Files(count, pattern.rstrip("/"))
        self._inside = inside
        self.size: int = count * inside.size

    def key(self, index: int) -> str:
        directory, files, number = self.leaf(index)
        return directory + files.key(number)

    def leaf(self, index: int) -> tuple[str, Files, int]:
        number, rest = divmod(index, self._inside.size)
        below, files, which = self._inside.leaf(rest)
        return f"{self._names.key(number)}/{below}", files, which

    def rank(self, key: str) -> int:
        name, slash, rest = key.partition("/")
        number = self._names.rank(name)
        size: int = self._inside.size
        if number < self._names.size and self._names.key(number) == name:
            # Without a slash it sorts before all that is inside.
            return number * size + (self._inside.rank(rest) if slash else 0)
        return number * size


class Tree:
    """Directories that hold different things, and perhaps something else behind them."""

    def __init__(self, inside: dict[str, Any], behind: Any = None) -> None:
        self._names = sorted(f"{name}/" for name in inside)
        self._inside = [inside[name[:-1]] for name in self._names]
        self._begins: list[int] = [0, *itertools.accumulate(one.size for one in self._inside)]
        self._behind = behind
        self.size: int = self._begins[-1] + (behind.size if behind else 0)

    def key(self, index: int) -> str:
        directory, files, number = self.leaf(index)
        return directory + files.key(number)

    def leaf(self, index: int) -> tuple[str, Files, int]:
        here: Any = self
        way = []
        while isinstance(here, Tree):
            begins = here._begins
            if index >= begins[-1]:
                index -= begins[-1]
                here = here._behind
            else:
                number = bisect_right(begins, index) - 1
                way.append(here._names[number])
                index -= begins[number]
                here = here._inside[number]
        below, files, number = here.leaf(index)
        way.append(below)
        return "".join(way), files, number

    def rank(self, key: str) -> int:
        number = bisect_right(self._names, key) - 1
        if number >= 0 and key.startswith(self._names[number]):
            rest = key[len(self._names[number]) :]
            inside: int = self._inside[number].rank(rest)
            return self._begins[number] + inside
        behind: int = self._behind.rank(key) if self._behind is not None else 0
        return self._begins[number + 1] + behind


class Keys(Sequence[str]):
    """Some of the keys, in order; none is built before it is asked for."""

    def __init__(self, of: Any, low: int, high: int) -> None:
        self._of, self._low, self._high = of, low, high

    def __len__(self) -> int:
        return self._high - self._low

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Keys: ...
    def __getitem__(self, index: int | slice) -> str | Keys:
        if isinstance(index, slice):
            begin, end, _ = index.indices(len(self))
            return Keys(self._of, self._low + begin, self._low + max(begin, end))
        index += len(self) if index < 0 else 0
        if not 0 <= index < len(self):
            raise IndexError(index)
        return str(self._of.key(self._low + index))


# The store ----------------------------------------------------------------------------------


def past(prefix: str) -> str:
    """Sorts after all keys that begin with a prefix."""
    return prefix + LAST * 3


@dataclass
class Store:
    """The keys, listed as an object store does."""

    keys: Any
    page_size: int = 1000

    def page(self, request: Request) -> Page:
        keys, prefix = self.keys, request.prefix
        after = request.after if request.token is None else request.token
        low = keys.rank(after + "\0") if after else 0
        if after < prefix:
            low = max(low, keys.rank(prefix))
        high = keys.rank(past(prefix)) if prefix else keys.size
        if request.delimiter:
            return self._level(prefix, low, high)
        last = min(low + self.page_size, high)
        page = Keys(keys, low, max(low, last))
        return Page(page, (), page[-1] if last < high else None)

    def _level(self, prefix: str, low: int, high: int) -> Page:
        files: list[str] = []
        prefixes: list[str] = []
        entry = ""
        while low < high:
            if len(files) + len(prefixes) == self.page_size:
                return Page(files, prefixes, past(entry) if entry.endswith("/") else entry)
            directory, inside, first = self.keys.leaf(low)
            if directory == prefix:
                more = min(
                    inside.size - first, high - low, self.page_size - len(files) - len(prefixes)
                )
                files += [prefix + inside.key(number) for number in range(first, first + more)]
                low += more
                entry = files[-1]
            else:
                entry = child(directory, prefix)
                prefixes.append(entry)
                low = self.keys.rank(past(entry))
        return Page(files, prefixes, None)


class Counter:
    """Takes keys, and only counts them."""

    def __init__(self) -> None:
        self.count = 0
        self.ranges = 1

    def whole(self) -> int:
        return 0

    def split(self, range_id: int, at: str) -> int:
        self.ranges += 1
        return self.ranges

    def keys(self, range_id: int, keys: Sequence[str]) -> None:
        self.count += len(keys)

    def prefix(self, range_id: int, prefix: str) -> bool:
        return True

    def skip(self, range_id: int) -> str | None:
        return None

    def end(self, range_id: int) -> None:
        pass

    def break_off(self, range_id: int) -> None:
        pass

    def distrust(self) -> None:
        pass


# The simulation -----------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a listing took."""

    keys: int
    pages: int
    requests: int
    probes: int
    cuts: int
    #: The share of the time in which a worker had no request, on average and at worst.
    mean_idle: float
    worst_idle: float
    simulated: float
    real: float
    #: In MB, 0 if not measured.
    memory: float = 0.0

    @property
    def bound(self) -> float:
        """Requests, as a share of those that are allowed."""
        return self.requests / (1.05 * self.pages + 3 * self.cuts)


def equal_latency(source: random.Random) -> float:
    return MEAN_LATENCY


def random_latency(source: random.Random) -> float:
    """Lognormal: one in a hundred takes three times as long as usual."""
    return source.lognormvariate(0, 0.5) * MEAN_LATENCY / 1.133


def simulate(
    keys: Any,
    concurrency: int,
    *,
    seed: int = 0,
    page_size: int = 1000,
    latency: Callable[[random.Random], float] = random_latency,
    measure_memory: bool = False,
) -> Outcome:
    """Lists the keys with so many requests in flight."""
    source = random.Random(seed)
    store = Store(keys, page_size)
    taker = Counter()
    started = time.perf_counter()
    if measure_memory:
        tracemalloc.start()
    planner = Planner(taker, page_size=page_size, can_start=True)
    now = 0.0
    requests = probes = 0
    ranges: set[int] = set()
    #: When each request is answered, and who has sent it.
    flights: list[tuple[float, int, int, Request]] = []
    idle = deque(range(concurrency))
    idle_since = [0.0] * concurrency
    idle_time = [0.0] * concurrency
    while not planner.is_done:
        while idle and (request := planner.next_request()) is not None:
            worker = idle.popleft()
            idle_time[worker] += now - idle_since[worker]
            requests += 1
            if isinstance(request.target, KeyRange):
                ranges.add(request.target.number)
            else:
                probes += 1
            heapq.heappush(flights, (now + latency(source), requests, worker, request))
        now, _, worker, request = heapq.heappop(flights)
        idle.append(worker)
        idle_since[worker] = now
        planner.answered(request, store.page(request))
    memory = 0.0
    if measure_memory:
        memory = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    for worker in idle:
        idle_time[worker] += now - idle_since[worker]
    assert taker.count == keys.size, (taker.count, keys.size)
    return Outcome(
        keys=keys.size,
        pages=-(-keys.size // page_size),
        requests=requests,
        probes=probes,
        cuts=len(ranges) - 1,
        mean_idle=sum(idle_time) / concurrency / now,
        worst_idle=max(idle_time) / now,
        simulated=now,
        real=time.perf_counter() - started,
        memory=memory,
    )


# Shapes -------------------------------------------------------------------------------------


def uniform(size: int) -> Any:
    """As many directories in the source as in each, as files in each of these."""
    side = round(size ** (1 / 3))
    return Repeated(side, Repeated(side, Files(side)))


def skewed(size: int, *, flat: bool = False) -> Any:
    """50 prefixes, of which one holds half of all keys."""
    small, half = size // 98, size // 2

    def inside(count: int) -> Any:
        files = max(round(count ** (1 / 2)), 1) if not flat else count
        return Files(count) if flat else Repeated(max(count // files, 1), Files(files), "d%06d/")

    return Tree({f"g{n:02}": inside(half if n == 25 else small) for n in range(50)})


def power_law(size: int, seed: int = 0, leaf: int = 20_000) -> Any:
    """Nested directories whose sizes follow a power law; none holds many files itself."""
    source = random.Random(seed)

    def grow(count: int) -> Any:
        if count <= leaf and (count < 100 or source.random() < 0.7):
            return Files(count)
        width = source.choice([2, 5, 20, 80])
        weights = [source.paretovariate(0.8) for _ in range(width)]
        total = sum(weights)
        sizes = [int(count * weight / total) for weight in weights]
        inside = {f"d{n:03}": grow(part) for n, part in enumerate(sizes) if part}
        return Tree(inside, Files(max(count - sum(sizes), 1)))

    return grow(size)


def chain(size: int, depth: int = 40) -> Any:
    """Directories in each other; each has 200 others beside, of 25 directories."""
    part = max(size // depth // 5000, 1)
    beside = Repeated(200, Repeated(25, Files(part)), "e%03d/")
    tree: Any = beside
    for _ in range(depth - 1):
        tree = Tree({"d": tree}, beside)
    return tree


SHAPES: dict[str, Callable[[int], Any]] = {
    "uniform": uniform,
    "skewed": skewed,
    "power law": power_law,
    "chain": chain,
}


def rows(outcomes: Iterator[tuple[str, int, Outcome]]) -> None:
    print("| shape | keys | in flight | pages | requests | probes | cuts | of the bound ", end="")
    print("| idle: mean | worst | MB | simulated s | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for shape, concurrency, one in outcomes:
        print(
            f"| {shape} | {one.keys:,} | {concurrency:,} | {one.pages:,} | {one.requests:,} "
            f"| {one.probes:,} | {one.cuts:,} | {one.bound:.2f} | {one.mean_idle:.1%} "
            f"| {one.worst_idle:.1%} | {f'{one.memory:.1f}' if one.memory else ''} "
            f"| {one.simulated:,.1f} | {one.real:.1f} |",
            flush=True,
        )


def main() -> None:
    """Simulates what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=10**7)
    parser.add_argument("--in-flight", type=int, action="append")
    parser.add_argument("--shape", action="append", choices=list(SHAPES))
    parser.add_argument("--memory", action="store_true", help="measure it, which takes longer")
    arguments = parser.parse_args()

    def outcomes() -> Iterator[tuple[str, int, Outcome]]:
        for shape in arguments.shape or SHAPES:
            keys = SHAPES[shape](arguments.keys)
            for concurrency in arguments.in_flight or [1, 32, 1000]:
                yield (
                    shape,
                    concurrency,
                    simulate(keys, concurrency, measure_memory=arguments.memory),
                )

    rows(outcomes())


if __name__ == "__main__":
    main()
