"""The planner of flat listings by itself: no store, no event loop, thousands of requests in flight.

Small key sets with page sizes of a few keys check that each key is handed over once and in order,
whatever the order of the answers. Simulated listings of many keys check how many requests it takes
and how long workers have nothing to do.
"""

from __future__ import annotations

import ast
import itertools
import random
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathvein._remote.keys import planner as planner_module
from pathvein._remote.keys import ranges as ranges_module
from pathvein._remote.keys import requests as requests_module
from pathvein._remote.keys import traits as traits_module
from pathvein._remote.keys.planner import MAX_EMPTY_PAGES, Planner
from pathvein._remote.keys.ranges import (
    LAST,
    KeyRange,
    common_directory,
    just_after,
    parent,
    successor,
)
from pathvein._remote.keys.requests import Failure, Lost, Page, Request, Streamed
from servers.quirks import HARMLESS, QUIRKS, Query, Quirky

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "bench"))
import listing_simulation as simulation
from listing_simulation import equal_latency, random_latency, simulate


def test_it_does_no_io() -> None:
    modules = set()
    pure = (planner_module, ranges_module, requests_module, traits_module)
    for module in pure:
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {name.name for name in node.names}
            if isinstance(node, ast.ImportFrom):
                modules.add(str(node.module))
    assert modules <= {
        *("__future__", "bisect", "collections", "collections.abc", "dataclasses", "typing"),
        *(module.__name__ for module in pure),
    }


# Every key once


class Taker:
    """Takes keys, and insists on what the planner promises."""

    def __init__(self, unwanted: Sequence[str] = ()) -> None:
        #: Prefixes of directories inside which nothing is wanted.
        self.unwanted = unwanted
        #: Of each range the position before which all is known, and its end.
        self.open: dict[int, tuple[str, str | None]] = {0: ("", None)}
        self.last: dict[int, str] = {0: ""}
        self.taken: list[str] = []
        self.prefixes: list[str] = []
        self.ends = 0
        self.splits = 0
        #: Of each range that broke off, its position and its end.
        self.broken_off: list[tuple[str, str | None]] = []
        self.is_distrusted = False

    def whole(self) -> int:
        return 0

    def _check(self, range_id: int, key: str) -> None:
        start, end = self.open[range_id]
        if not (key >= start and (end is None or key < end)):
            raise ValueError(f"{key!r} is out of order")

    def split(self, range_id: int, at: str) -> int:
        self._check(range_id, at)
        self.splits += 1
        self.open[self.splits] = (at, self.open[range_id][1])
        self.open[range_id] = (self.open[range_id][0], at)
        self.last[self.splits] = self.last[range_id]
        return self.splits

    def keys(self, range_id: int, keys: Sequence[str]) -> None:
        for key in keys:
            self._check(range_id, key)
            self.open[range_id] = (just_after(key), self.open[range_id][1])
            self.last[range_id] = key
        self.taken += keys

    def prefix(self, range_id: int, prefix: str) -> bool:
        self._check(range_id, prefix)
        self.open[range_id] = (prefix, self.open[range_id][1])
        self.last[range_id] = prefix
        self.prefixes.append(prefix)
        return not prefix.startswith(tuple(self.unwanted))

    def skip(self, range_id: int) -> str | None:
        key = self.last[range_id]
        return next((name for name in self.unwanted if key.startswith(name)), None)

    def end(self, range_id: int) -> None:
        del self.open[range_id]
        self.ends += 1

    def break_off(self, range_id: int) -> None:
        self.broken_off.append(self.open[range_id])
        self.end(range_id)

    def distrust(self) -> None:
        self.is_distrusted = True

    def knows_of(self, key: str) -> bool:
        """Whether it was told that a key may be missing."""
        return self.is_distrusted or any(
            key >= start and (end is None or key < end) for start, end in self.broken_off
        )


class Store:
    """Lists keys, with pages that may be short, empty or begin with what was listed."""

    def __init__(self, keys: Sequence[str], page_size: int, source: random.Random) -> None:
        self.keys = sorted(set(keys))
        self.page_size = page_size
        self.source = source
        self.can_start = True
        #: What part of the pages is short, or empty.
        self.short = 0.0
        #: Whether it lists the key to start after, and a prefix that begins like it.
        self.inclusive = False

    def page(self, request: Request) -> Page:
        prefix, delimiter = request.prefix, request.delimiter
        position = request.after if request.token is None else request.token
        assert self.can_start or request.after in ("", prefix), "it cannot start there"
        find = bisect_left if self.inclusive and request.token is None else bisect_right
        index = find(self.keys, position) if position else 0
        index = max(index, bisect_left(self.keys, prefix))
        most = self.page_size
        if self.source.random() < self.short:
            most = self.source.randint(0, most)
        keys: list[str] = []
        prefixes: list[str] = []
        last = position or prefix
        while index < len(self.keys) and self.keys[index].startswith(prefix):
            if len(keys) + len(prefixes) >= most:
                return Page(keys, prefixes, last)
            last = self.keys[index]
            slash = last.find("/", len(prefix)) if delimiter else -1
            if slash < 0:
                keys.append(last)
                index += 1
                continue
            common = last[: slash + 1]
            last = common + LAST * 3
            index = bisect_right(self.keys, last)
            if self.inclusive or not position.startswith(common):
                prefixes.append(common)
        return Page(keys, prefixes, None)


def listed(
    store: Store,
    taker: Taker,
    concurrency: int,
    failures: float = 0.0,
    kinds: Sequence[Failure] = ("denied", "refused", "transient", "too large"),
) -> list[Lost]:
    """Lists all keys; requests are answered in random order, and some fail."""
    source = store.source
    planner = Planner(taker, page_size=store.page_size, can_start=store.can_start)
    in_flight: list[Request] = []
    lost: list[Lost] = []
    in_flight_of: set[Any] = set()
    for _ in range(100_000):
        if planner.is_done:
            break
        while len(in_flight) < concurrency and (request := planner.next_request()) is not None:
            assert request.target not in in_flight_of, "two requests for one range"
            in_flight_of.add(request.target)
            in_flight.append(request)
        assert in_flight, "keys are left, and nothing is asked for"
        request = in_flight.pop(source.randrange(len(in_flight)))
        in_flight_of.remove(request.target)
        before = taker.ends
        if planner.traits.has_begun and source.random() < failures:
            outcome = planner.failed(request, source.choice(kinds))
        else:
            outcome = planner.answered(request, store.page(request))
        if outcome is not None:
            assert isinstance(request.target, KeyRange)
            assert taker.ends == before + 1
            lost.append(outcome)
    assert planner.is_done
    assert planner.next_request() is None
    assert taker.open == {}
    assert taker.ends == taker.splits + 1
    assert len(taker.broken_off) == len(lost)
    # What is still in flight are probes, and changes nothing.
    for request in in_flight:
        assert not isinstance(request.target, KeyRange)
        assert planner.answered(request, store.page(request)) is None
    assert planner.next_request() is None
    return lost


def is_lost(key: str, lost: Sequence[Lost]) -> bool:
    return any(
        key.startswith(one.prefix) and key > one.after and (one.end is None or key < one.end)
        for one in lost
    )


COMPONENTS = ["a", "b", "a0", "a-", "z", "0", "é", LAST]


@st.composite
def key_sets(draw: Any) -> list[str]:
    paths = st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=4).map("/".join)
    keys: list[str] = draw(st.lists(paths, max_size=20))
    for top in draw(st.lists(paths, max_size=3)):
        rest = draw(st.sampled_from(["", "/f", "/g/h", "/"]))
        keys += [f"{top}/k{n:02}{rest}" for n in range(draw(st.integers(1, 60)))]
    return keys


@given(
    keys=key_sets(),
    page_size=st.integers(1, 6),
    concurrency=st.sampled_from([1, 2, 7, 40, 3000]),
    can_start=st.booleans(),
    inclusive=st.booleans(),
    short=st.sampled_from([0.0, 0.0, 0.4]),
    failures=st.sampled_from([0.0, 0.0, 0.1, 0.4]),
    unwanted=st.lists(st.sampled_from(["a/", "b/a/", "z/", "a/k01/", "0/"]), max_size=2),
    seed=st.integers(0, 999),
)
def test_each_key_is_taken_once(
    keys: list[str],
    page_size: int,
    concurrency: int,
    can_start: bool,
    inclusive: bool,
    short: float,
    failures: float,
    unwanted: list[str],
    seed: int,
) -> None:
    store = Store(keys, page_size, random.Random(seed))
    store.can_start, store.inclusive, store.short = can_start, inclusive, short
    taker = Taker(unwanted)
    lost = listed(store, taker, concurrency, failures)
    assert lost == [] or failures
    assert len(taker.taken) == len(set(taker.taken))
    assert set(taker.taken) <= set(store.keys)
    # A prefix that was taken, and is a key, need not be taken once more.
    missing = set(store.keys) - set(taker.taken) - set(taker.prefixes)
    missing = {key for key in missing if not key.startswith(tuple(unwanted))}
    assert all(is_lost(key, lost) and taker.knows_of(key) for key in missing), missing


def many_keys(source: random.Random) -> list[str]:
    """Thousands of keys in a tree of random shape."""
    keys: list[str] = []

    def grow(prefix: str, count: int) -> None:
        if count < 30 or (prefix and source.random() < 0.2):
            keys.extend(f"{prefix}{source.choice('amz')}{n:05}" for n in range(count))
            return
        weights = [source.paretovariate(0.8) for _ in range(source.choice([2, 5, 30]))]
        for number, weight in enumerate(weights):
            grow(f"{prefix}d{number:02}/", int(count * weight / sum(weights)))
            # Files beside directories: before, between and behind them.
            keys.extend(f"{prefix}{name}{number}" for name in ("a", f"d{number:02}-", "z"))

    grow("", 6000)
    return keys


@pytest.mark.parametrize("can_start", [True, False])
@pytest.mark.parametrize("failures", [0.0, 0.02])
def test_thousands_of_requests_in_flight(can_start: bool, failures: float) -> None:
    splits = 0
    for seed in range(12):
        source = random.Random(seed)
        store = Store(many_keys(source), source.choice([1, 2, 10]), source)
        store.can_start = can_start
        store.short = 0.05
        taker = Taker()
        lost = listed(store, taker, 5000, failures)
        assert len(taker.taken) == len(set(taker.taken))
        missing = set(store.keys) - set(taker.taken)
        assert all(is_lost(key, lost) and taker.knows_of(key) for key in missing)
        assert failures or not missing
        splits += taker.splits
    assert splits > (1000 if can_start else 100) / (10 if failures else 1)


# What goes wrong


def asked(planner: Planner) -> Request:
    request = planner.next_request()
    assert request is not None
    return request


def test_a_failure_that_will_last_loses_what_is_left_of_the_range() -> None:
    taker = Taker()
    planner = Planner(taker, page_size=2, can_start=True)
    assert planner.answered(asked(planner), Page(["a", "b"], [], "more")) is None
    request = asked(planner)
    assert (request.after, request.token) == ("b", None)
    assert planner.failed(request, "transient") == Lost("", "b", None)
    assert planner.is_done
    assert taker.open == {}
    assert taker.broken_off == [(just_after("b"), None)]


def test_a_token_that_is_refused_is_replaced_by_the_last_key() -> None:
    planner = Planner(Taker(), page_size=2, can_start=True)
    planner.answered(asked(planner), Page(["a", "b"], [], "more"))
    # After the key nothing comes; then the token is used.
    planner.answered(asked(planner), Page([], [], "other"))
    request = next(one for one in (asked(planner), asked(planner)) if not one.delimiter)
    assert request.token == "other"
    assert planner.failed(request, "refused") is None
    requests = [asked(planner)]
    [request] = requests
    assert (request.after, request.token) == ("b", None)
    assert planner.failed(request, "refused") == Lost("", "b", None)


def test_a_listing_that_is_begun_again_and_again_ends() -> None:
    """After the key nothing comes yet, and each token is refused."""
    planner = Planner(Taker(), page_size=2, can_start=True)
    planner.answered(asked(planner), Page(["a", "b"], [], "more"))
    lost = None
    for number in range(60):
        request = asked(planner)
        if request.delimiter:
            planner.failed(request, "refused")
        elif request.token is None:
            lost = planner.answered(request, Page([], [], number))
        else:
            lost = planner.failed(request, "refused")
        if lost is not None:
            break
    assert lost is not None
    assert "never lists it" in str(lost.reason)
    assert planner.is_done


def test_a_prefix_that_is_denied_is_asked_for_as_a_part_of_the_source() -> None:
    keys = [f"g{n:02}/{m:02}" for n in range(20) for m in range(30)]
    store = Store(keys, 10, random.Random(0))
    taker = Taker()
    planner = Planner(taker, page_size=10, can_start=True)
    denied = 0
    while not planner.is_done:
        requests: list[Request] = []
        while len(requests) < 8 and (request := planner.next_request()) is not None:
            requests.append(request)
        for request in requests:
            if request.prefix and not request.delimiter:
                denied += 1
                # Those that were in flight when the first was denied.
                assert denied <= 8
                assert planner.failed(request, "denied") is None
            else:
                assert planner.answered(request, store.page(request)) is None
    assert sorted(taker.taken) == keys
    assert denied


def test_pages_out_of_order_lose_everything() -> None:
    for can_start in (True, False):
        taker = Taker()
        planner = Planner(taker, page_size=2, can_start=can_start)
        # A listing that ignores a start begins with the first key again; this one does not.
        planner.answered(asked(planner), Page(["m", "n"], [], "more"))
        lost = planner.answered(asked(planner), Page(["a", "b"], [], "more"))
        assert lost is not None
        assert lost[:3] == ("", "", None)
        assert "in order" in str(lost.reason)
        # What is missing may be in any directory.
        assert taker.is_distrusted
    planner = Planner(Taker(), page_size=2, can_start=True)
    lost = planner.failed(asked(planner), "unsorted")
    assert lost is not None
    assert not planner.traits.has_begun


def test_pages_that_bring_nothing_end() -> None:
    few = MAX_EMPTY_PAGES // 100 + 2
    cases: list[tuple[list[str], str | None, int]] = [
        ([], "same", few),
        ([], None, MAX_EMPTY_PAGES + 2),
        # Always the first page again, but the token is another.
        (["a"], None, few),
    ]
    for keys, token, most in cases:
        planner = Planner(Taker(), page_size=2, can_start=False)
        for number in range(most):
            lost = planner.answered(asked(planner), Page(keys, [], token or number))
            if lost is not None:
                break
        assert lost is not None
        assert "never lists it" in str(lost.reason)
        assert planner.is_done


def test_failed_probes_are_few() -> None:
    keys = [f"d{n:03}/{m}" for n in range(200) for m in range(10)]
    store = Store(keys, 10, random.Random(0))
    planner = Planner(Taker(), page_size=10, can_start=True)
    probes = 0
    while not planner.is_done:
        requests: list[Any] = []
        while (request := planner.next_request()) is not None:
            requests.append(request)
        for request in requests:
            if request.delimiter:
                probes += 1
                planner.failed(request, "refused")
            else:
                planner.answered(request, store.page(request))
    assert probes == 3


def test_the_first_request_is_one_and_nothing_is_asked_beside_it() -> None:
    planner = Planner(Taker(), page_size=10, can_start=True)
    request = asked(planner)
    assert request[:5] == ("", "", None, None, False)
    assert planner.next_request() is None
    assert planner.answered(request, Page(["a"], [], None)) is None
    assert planner.is_done


def test_a_probe_starts_after_the_directory_that_is_listed() -> None:
    planner = Planner(Taker(), page_size=2, can_start=True)
    planner.answered(asked(planner), Page(["b/1", "b/2"], [], "more"))
    assert asked(planner)[:5] == ("", "b/2", None, None, False)
    assert asked(planner)[:5] == ("", f"b/{LAST}", None, None, True)
    assert planner.next_request() is None


def test_a_probe_that_comes_late_does_not_mix_up_two_levels() -> None:
    planner = Planner(Taker(["b/0/"]), page_size=2, can_start=True)
    planner.answered(asked(planner), Page(["b/0/1", "b/0/2"], [], "more"))
    level, probe = asked(planner), asked(planner)
    assert (level.prefix, level.delimiter) == ("b/", True)
    assert (probe.prefix, probe.after) == ("", f"b/{LAST}")
    range_ = level.target
    assert isinstance(range_, KeyRange)
    planner.answered(level, Page([], ["b/0/", "b/1/", "b/2/", "b/3/"], None))
    below = range_.level
    assert (below.prefix, below.known) == ("b/", "b0")
    planner.answered(asked(planner), Page(["b/1/x", "b/3/x"], [], "more"))
    assert (range_.cuts, below.children) == ([], 2)
    planner.answered(probe, Page([], ["c/", "d/", "e/"], None))
    assert range_.cuts == ["c/", "d/", "e/"]
    # Directories of the one level say nothing about those of the other.
    assert (range_.level.prefix, range_.level.children) == ("", 0)
    assert (below.prefix, below.known, below.children) == ("b/", "b0", 2)


# Few requests, and no idle workers


def bucket(size: int, *, first: bool, directories: bool) -> Any:
    """50 prefixes, of which one holds half of all keys."""
    small, half = size // 98, size // 2

    def inside(count: int) -> Any:
        files = simulation.Files
        if not directories:
            return files(count)
        return simulation.Repeated(max(count // 10, 1), files(10), "d%06d/")

    large = 0 if first else 25
    return simulation.Tree({f"g{n:02}": inside(half if n == large else small) for n in range(50)})


@pytest.mark.parametrize("directories", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("size", [10_000, 20_000, 50_000])
def test_a_bucket_of_which_one_prefix_holds_half(size: int, first: bool, directories: bool) -> None:
    """One large child does not make its siblings seem large."""
    keys = bucket(size, first=first, directories=directories)
    for seed in range(4):
        latency = random_latency if seed else equal_latency
        outcome = simulate(keys, 32, seed=seed, latency=latency)
        assert outcome.requests <= 2 * outcome.pages
        assert outcome.bound <= 1


SMALL = {
    # Requests at most.
    "20 groups": (simulation.Repeated(20, simulation.Files(1000)), 30),
    "one directory": (simulation.Files(20_000), 24),
    "2,000 directories": (
        simulation.Tree({"top": simulation.Repeated(2000, simulation.Files(10))}),
        33,
    ),
    "one page": (simulation.Files(999), 1),
    "two pages": (simulation.Files(1001), 3),
    "200,000 keys": (
        simulation.Repeated(50, simulation.Repeated(200, simulation.Files(20))),
        265,
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_buckets(name: str) -> None:
    keys, most = SMALL[name]
    for seed in range(4):
        latency = random_latency if seed else equal_latency
        assert simulate(keys, 32, seed=seed, latency=latency).requests <= most


def small_pages(shape: str, size: int) -> Any:
    """A shape for pages of ten keys. (A directory of files cannot be cut.)"""
    if shape == "power law":
        return simulation.power_law(size, leaf=200)
    if shape == "skewed":
        # A directory of files in the large half is 1% of what one of 30 workers lists.
        inside = simulation.Repeated(size // 200, simulation.Files(100), "d%06d/")
        few = simulation.Repeated(size // 98 // 100, simulation.Files(100), "d%06d/")
        return simulation.Tree({f"g{n:02}": inside if n == 25 else few for n in range(50)})
    return simulation.SHAPES[shape](size)


@pytest.mark.parametrize("shape", simulation.SHAPES)
def test_a_thousand_pages_for_each_request_in_flight(shape: str) -> None:
    """As a billion keys are with 1,000 in flight; here the pages are of ten keys."""
    outcome = simulate(small_pages(shape, 250_000), 25, page_size=10)
    assert outcome.bound <= 1
    assert outcome.worst_idle <= 0.05
    # The fewest requests possible are the pages.
    assert outcome.requests <= 1.2 * outcome.pages


@pytest.mark.parametrize("shape", simulation.SHAPES)
def test_a_thousand_requests_in_flight(shape: str) -> None:
    outcome = simulate(small_pages(shape, 100_000), 1000, page_size=10)
    assert outcome.bound <= 1


def test_a_level_of_files_is_not_searched_again_and_again() -> None:
    """Of the top only files are ahead, page by page; the directories are further below."""
    below = simulation.Repeated(60, simulation.Repeated(40, simulation.Files(20)))
    keys = simulation.Tree({"d": simulation.Tree({"d": below}, simulation.Files(60))})
    outcome = simulate(keys, 10, page_size=10)
    assert outcome.bound <= 1
    assert outcome.mean_idle <= 0.15


def test_one_at_a_time_is_one_request_a_page() -> None:
    outcome = simulate(simulation.uniform(1_000_000), 1)
    assert outcome.requests == outcome.pages
    assert outcome.cuts == outcome.probes == 0


def test_a_thousand_workers_have_work_soon() -> None:
    """A probe's prefixes are cut into as many ranges as there are idle workers."""
    inside = simulation.Repeated(100, simulation.Files(1000))
    store = simulation.Store(simulation.Repeated(1000, inside))
    planner = Planner(simulation.Counter(), page_size=1000, can_start=True)
    in_flight: list[Request] = []
    for _ in range(8):
        while len(in_flight) < 1000 and (request := planner.next_request()) is not None:
            in_flight.append(request)
        sent = in_flight
        in_flight = []
        for request in sent:
            planner.answered(request, store.page(request))
    assert len(sent) == 1000


def test_memory_does_not_grow_with_the_keys() -> None:
    memory = []
    for depth in (2, 3):
        keys: Any = simulation.Files(100)
        for _ in range(depth):
            keys = simulation.Repeated(10, keys)
        memory.append(simulate(keys, 20, page_size=20, measure_memory=True).memory)
    # In MB; ten times as many keys.
    assert memory[1] < 1.3 * memory[0] + 0.05


# Positions


@given(st.text("ab/0.", min_size=1, max_size=6), st.text("ab/0.", min_size=1, max_size=6))
def test_positions(key: str, other: str) -> None:
    assert (other >= just_after(key)) == (other > key)
    directory = f"{key}/"
    if other >= directory:
        assert (other < successor(directory)) == other.startswith(directory)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [("a/b", "a/c", "a/"), ("a", "b", ""), ("a/b/c", "a/b/c", "a/b/"), ("ab/c", "a/c", "")],
)
def test_common_directory(one: str, other: str, common: str) -> None:
    assert common_directory(one, other) == common


def test_parent() -> None:
    assert [parent(name) for name in ("a/b/", "a/", "")] == ["a/", "", ""]


def test_no_cut_between_names_that_the_store_orders_otherwise() -> None:
    """By UTF-16 U+10000 is before U+FFFF: a range that ends between them would end too early."""
    for late, is_cut in (("\uffff", False), ("z", True)):
        planner = Planner(Taker(), page_size=2, can_start=False)
        planner.answered(asked(planner), Page(["a/0", "a/1"], [], "more"))
        [probe] = [one for one in (asked(planner), asked(planner)) if one.delimiter]
        planner.answered(probe, Page([late], ["a/", "b/", "c/", "\U00010000/"], None))
        request = planner.next_request()
        assert (request is not None and request.prefix == "\U00010000/") is is_cut


def cut(has_started: bool = True) -> tuple[Taker, Planner, list[Request]]:
    """A listing of `a/` to `f/` in two ranges, and what was asked for: the first range first."""
    taker = Taker()
    planner = Planner(taker, page_size=2, can_start=True)
    planner.answered(asked(planner), Page(["a/1", "a/2"], [], "more"))
    first, probe = asked(planner), asked(planner)
    if has_started:
        planner.answered(first, Page(["a/3", "a/4"], [], "more"))
        first = asked(planner)
    planner.answered(probe, Page([], ["b/", "c/", "d/", "e/", "f/"], None))
    requests = [first]
    while (request := planner.next_request()) is not None:
        requests.append(request)
    return taker, planner, requests


def test_nothing_is_cut_before_a_listing_has_started_after_a_key() -> None:
    for has_started in (False, True):
        _, _, requests = cut(has_started)
        assert (len(requests) > 1) is has_started


@pytest.mark.parametrize("keys", [["x/1"], []])
def test_a_range_that_does_not_bring_what_is_known_starts_after_the_last_key(
    keys: list[str],
) -> None:
    """Others came, or nothing: the store lists too little after what is no key."""
    taker, planner, (first, last, *between) = cut()
    # It was cut at a directory, so something in there exists.
    assert last.after == "e/"
    planner.answered(last, Page(keys, [], None))
    assert not {*keys} & {*taker.taken}
    # It waits for the range before it.
    for request in (first, *reversed(between)):
        assert planner.next_request() is None
        planner.answered(request, Page([f"{request.prefix or 'b/'}1"], [], None))
    assert asked(planner).after == "d/1"


def test_a_listing_that_began_at_a_key_goes_on_by_token_if_the_store_says_so() -> None:
    planner = Planner(Taker(), page_size=9, can_start=True)
    planner.answered(asked(planner), Streamed(["a", "b"], [], "one"))
    request = asked(planner)
    # A start after a key is tried once.
    assert (request.after, request.token) == ("b", None)
    planner.answered(request, Streamed(["c", "d"], [], "two"))
    request = asked(planner)
    assert (request.after, request.token) == ("b", "two")
    # It leads back: the key does better, from now on.
    assert planner.answered(request, Streamed(["c", "d"], [], "three")) is None
    for after, keys in (("d", ["e"]), ("e", ["f"])):
        request = asked(planner)
        assert (request.after, request.token) == (after, None)
        planner.answered(request, Streamed(keys, [], "more"))


# Stores that are not Amazon's

SHAPES = {
    "groups": [
        *(f"g{g}/run_{r:02}/f{f}.csv" for g in range(12) for r in range(10) for f in range(4)),
        *(f"g{g}/run_{r:02}/config.json" for g in range(12) for r in range(0, 10, 2)),
        *(f"g{g}/notes" for g in range(12)),
        # The order of UTF-16 is another.
        *("g5/\ufffd", "\ufffd/run_0/config.json", "z\ufffd"),
        *(f"z\U00010000/run_{r:02}/config.json" for r in range(30)),
    ],
    "one directory": [*(f"run_00/f{f:04}" for f in range(300)), "run_01/config.json"],
    "many directories": [f"run_{r:04}/{f}" for r in range(150) for f in ("config.json", "x")],
    # Files and markers that have the name of a directory.
    "names": [
        *(f"g{g:02}/r{r:02}/f{f}" for g in range(12) for r in range(8) for f in range(4)),
        *(f"g{g:02}" for g in range(0, 12, 2)),
        *(f"g{g:02}/" for g in range(0, 12, 3)),
    ],
}
FLAVOURS = ["s3", "s3 by obstore", "gcs", "gcs by obstore", "azure"]


def quirky_cases() -> list[Any]:
    return [
        pytest.param(flavour, quirks, id=f"{flavour}-{'+'.join(quirks)}")
        for flavour in FLAVOURS
        for number in range(3)
        for quirks in itertools.combinations(
            [name for name, kinds in QUIRKS.items() if flavour.split()[0] in kinds.split()], number
        )
    ]


def quirky_page(flavour: str, store: Quirky, request: Request) -> Page:
    """What a store answers.

    Google's begins at the key to start after, and is told where to end, but not by obstore.
    """
    is_google = flavour == "gcs"
    query = Query(
        request.prefix,
        "/" if request.delimiter else "",
        request.after,
        request.token,
        1000,
        (request.end or "") if is_google else "",
        "starts behind the key" not in store.quirks
        if is_google
        else "starts at the key" in store.quirks,
    )
    page = store.page(query)
    kind = Streamed if "obstore" in flavour and not request.delimiter else Page
    return kind(page.keys, page.prefixes, page.token)


@pytest.mark.parametrize(("flavour", "quirks"), quirky_cases())
def test_quirks_end_in_about_two_requests_a_page(flavour: str, quirks: tuple[str, ...]) -> None:
    """All keys, or what is lost."""
    most = tuple(f"g{g}/" for g in range(3, 12))
    for shape, concurrency, seed, unwanted in (
        *(("groups", 32, 0, ()), ("groups", 32, 1, most), ("groups", 4, 2, most)),
        *(("groups", 32, 3, ()), ("groups", 1, 0, ()), ("one directory", 32, 0, ())),
        *(("many directories", 32, 0, ()), ("many directories", 3, 1, ("run_0040/",))),
        *(
            ("names", 32, 0, ("g00/",)),
            ("names", 4, 1, ("g11/",)),
            ("names", 1, 2, ("g03/", "g07/")),
        ),
    ):
        keys = SHAPES[shape]
        store = Quirky(keys, quirks, page_size=10)
        taker, source = Taker(unwanted), random.Random(seed)
        planner = Planner(taker, page_size=10, can_start=flavour != "azure")
        pages = len(keys) / 10 * (2 if "empty pages" in quirks else 1)
        in_flight: list[Request] = []
        lost: list[Lost] = []
        requests = 0
        while not planner.is_done:
            while len(in_flight) < concurrency and (request := planner.next_request()) is not None:
                in_flight.append(request)
            request = in_flight.pop(source.randrange(len(in_flight)))
            requests += 1
            assert requests <= 2 * pages + 10
            page = quirky_page(flavour, store, request)
            if request.delimiter or page.keys == sorted(page.keys):
                outcome = planner.answered(request, page)
            else:
                outcome = planner.failed(request, "unsorted")
            if outcome is not None:
                lost.append(outcome)
        assert len(taker.taken) == len(set(taker.taken))
        assert set(taker.taken) <= set(keys)
        missing = [key for key in keys if not key.startswith(unwanted or "/")]
        # (A marker may be told as a prefix.)
        assert lost or not {*missing} - {*taker.taken, *taker.prefixes}
        assert not lost or set(quirks) - HARMLESS


def test_a_level_s_own_marker_is_not_its_end() -> None:
    """A probe may list it, where a listing begins with the directories above its start."""
    page = Page(["g/"], ["g/00/", "g/01/"], "more")
    assert planner_module._reached(page, None) == successor("g/01/")
    assert planner_module._reached(Page(["g/a", "g/c"], ["g/b/"], "more"), None) == just_after(
        "g/c"
    )


@pytest.mark.parametrize("deleted", [1, 2, 10])
@pytest.mark.parametrize("unwanted", [(), ("x/",)])
@pytest.mark.parametrize("flavour", ["s3", "s3 by obstore", "gcs"])
def test_keys_that_are_deleted_behind_the_first_page(
    flavour: str, unwanted: tuple[str, ...], deleted: int
) -> None:
    """The store had more to come, and has not: it is not to blame."""
    keys = [*(f"f{number:04}" for number in range(20)), *(f"x/{n}" for n in range(60) if unwanted)]
    taker, last = Taker(unwanted), 20 - deleted
    planner = Planner(taker, page_size=10, can_start=True)
    store = Quirky(keys[:20] if unwanted else keys, (), page_size=10)
    requests = 0
    while not planner.is_done:
        request = planner.next_request()
        assert request is not None
        if requests == 1:
            store = Quirky([*keys[:last], *keys[20:]], (), page_size=10)
        requests += 1
        page = quirky_page(flavour, store, request)
        assert planner.answered(request, page) is None
    assert taker.taken[:last] == keys[:last]
    assert requests <= 12


@pytest.mark.parametrize("quirk", [name for name in sorted(HARMLESS) if "s3" in QUIRKS[name]])
@pytest.mark.parametrize("flavour", ["s3", "s3 by obstore"])
def test_names_that_are_files_and_directories(flavour: str, quirk: str) -> None:
    """What stands where a listing is to start may be a key or not; nothing is lost either way."""
    for seed in range(150):
        source = random.Random(seed)
        groups, runs, files = (source.choice(counts) for counts in ((3, 6, 20), (1, 4, 12), (2, 6)))
        tops = [f"g{group:02}" for group in range(groups)]
        below = [
            f"{top}/r{run:02}/f{f}" for top in tops for run in range(runs) for f in range(files)
        ]
        names = [source.choice((top, f"{top}/")) for top in tops if source.random() < 0.6]
        keys = sorted({*below, *names})
        unwanted = tuple({f"{source.choice(tops)}/" for _ in range(source.choice((1, 2, 4)))})
        store = Quirky(keys, (quirk,), page_size=source.choice((5, 10, 20)))
        taker = Taker(unwanted)
        planner = Planner(taker, page_size=store.page_size, can_start=True)
        concurrency, in_flight, lost = source.choice((1, 2, 8, 32)), list[Request](), list[Lost]()
        while not planner.is_done:
            while len(in_flight) < concurrency and (request := planner.next_request()) is not None:
                in_flight.append(request)
            request = in_flight.pop(source.randrange(len(in_flight)))
            outcome = planner.answered(request, quirky_page(flavour, store, request))
            lost += [] if outcome is None else [outcome]
        told = {*taker.taken, *taker.prefixes}
        missing = {key for key in keys if not key.startswith(unwanted)} - told
        assert lost or not missing, (seed, unwanted, sorted(missing)[:3])


@pytest.mark.parametrize("page_size", [20, 24])
@pytest.mark.parametrize("count", [25, 100])
def test_a_start_after_a_file_of_a_directory_s_name(page_size: int, count: int) -> None:
    """It is one after a key, and tells nothing of starts after what is none."""
    tops = ("g00", "g02", "g03")
    keys = sorted(["g00", "g02", *(f"{top}/run_{n:03}" for top in tops for n in range(count))])
    store = Quirky(keys, ("nothing after no key",), page_size=page_size)
    taker = Taker(("g00/",))
    planner = Planner(taker, page_size=page_size, can_start=True)
    while (request := planner.next_request()) is not None:
        assert planner.answered(request, quirky_page("s3", store, request)) is None
    assert {key for key in keys if not key.startswith("g00/")} <= {*taker.taken}
