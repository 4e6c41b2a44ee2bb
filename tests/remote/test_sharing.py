"""Listings that several processes share: the planners by themselves, without a store.

Ranges are lent, listed up to random budgets, and what is left comes back in random order.
"""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathvein._remote.keys.planner import Planner
from pathvein._remote.keys.ranges import KeyRange
from pathvein._remote.keys.requests import Lost, Page, Request, Streamed
from pathvein._remote.keys.sharing import Borrowed, Shares, packed
from pathvein._remote.keys.traits import Traits
from servers.quirks import HARMLESS, Quirky
from test_planner import (
    SHAPES,
    Store,
    Taker,
    is_lost,
    key_sets,
    many_keys,
    quirky_cases,
    quirky_page,
)

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "bench"))
import listing_simulation as simulation
from sharing_simulation import simulate_shared


@dataclass
class Sharing:
    """A listing by several workers, with whatever a random source chooses."""

    taker: Taker
    answer: Callable[[Request], Page]
    source: random.Random
    page_size: int
    can_start: bool = True
    workers: int = 3
    concurrency: int = 4
    #: How many pages a task may ask for.
    budgets: Sequence[int] = (1, 2, 5, 30)
    #: What part of the tasks is given up.
    given_up: float = 0.0
    requests: int = 0
    tasks: int = 0
    lost: list[Lost] = field(default_factory=list)

    def run(self) -> None:
        shares = Shares(self.taker, page_size=self.page_size, can_start=self.can_start)
        running: list[tuple[list[KeyRange], bytes]] = []
        while not shares.is_done:
            while len(running) < self.workers and shares.waiting:
                lent = shares.lend(self.source.choice([0.01, 0.2, 0.5, 1.0]))
                assert lent
                running.append((lent, pickle.dumps(([*map(packed, lent)], shares.traits))))
            assert shares.waiting == 0 or len(running) == self.workers
            assert running, "keys are left, and nobody lists them"
            self.tasks += 1
            assert self.tasks < 20_000
            lent, task = running.pop(self.source.randrange(len(running)))
            if self.source.random() < self.given_up:
                self.lost += [shares.lose(range_) for range_ in lent]
                continue
            rests, traits = pickle.loads(self._work(*pickle.loads(task)))
            shares.traits.learn(traits)
            for range_, rest in zip(lent, rests, strict=True):
                shares.returned(range_, rest, [left.number for left in rest.ranges])
        assert not running

    def _work(self, ranges: list[KeyRange], traits: Traits) -> bytes:
        """What a worker does."""
        borrowed = [*map(Borrowed, ranges)]
        planner = Planner(self.taker, page_size=self.page_size, traits=traits, ranges=ranges)
        in_flight: list[Request] = []
        pages, budget = 0, self.source.choice(self.budgets)
        while not planner.is_done:
            while len(in_flight) < self.concurrency:
                if pages >= budget:
                    planner.stop()
                if (request := planner.next_request()) is None:
                    break
                pages += 1
                in_flight.append(request)
            if not in_flight:
                break
            request = in_flight.pop(self.source.randrange(len(in_flight)))
            self.requests += 1
            page = self.answer(request)
            if request.delimiter or page.keys == sorted(page.keys):
                outcome = planner.answered(request, page)
            else:
                outcome = planner.failed(request, "unsorted")
            self.lost += [] if outcome is None else [outcome]
        rests = [one.rest() for one in borrowed]
        return pickle.dumps(
            ([one._replace(ranges=[*map(packed, one.ranges)]) for one in rests], traits)
        )


@given(
    keys=key_sets(),
    page_size=st.integers(1, 6),
    can_start=st.booleans(),
    inclusive=st.booleans(),
    short=st.sampled_from([0.0, 0.0, 0.4]),
    given_up=st.sampled_from([0.0, 0.0, 0.1]),
    unwanted=st.lists(st.sampled_from(["a/", "b/a/", "z/", "a/k01/", "0/"]), max_size=2),
    concurrency=st.sampled_from([1, 4, 40]),
    seed=st.integers(0, 999),
)
def test_each_key_is_taken_once(
    keys: list[str],
    page_size: int,
    can_start: bool,
    inclusive: bool,
    short: float,
    given_up: float,
    unwanted: list[str],
    concurrency: int,
    seed: int,
) -> None:
    source = random.Random(seed)
    store = Store(keys, page_size, source)
    store.can_start, store.inclusive, store.short = can_start, inclusive, short
    taker = Taker(unwanted)
    sharing = Sharing(
        *(taker, store.page, source, page_size, can_start),
        concurrency=concurrency,
        given_up=given_up,
    )
    sharing.run()
    assert sharing.lost == [] or given_up
    assert len(taker.taken) == len(set(taker.taken))
    missing = set(store.keys) - set(taker.taken) - set(taker.prefixes)
    missing = {key for key in missing if not key.startswith(tuple(unwanted))}
    assert all(is_lost(key, sharing.lost) and taker.knows_of(key) for key in missing), missing
    assert taker.open == {}


class Stream:
    """A token that only the process that got it can use."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __reduce__(self) -> Any:
        raise TypeError("it cannot be sent")


@pytest.mark.parametrize("can_start", [True, False])
def test_tokens_that_cannot_be_sent(can_start: bool) -> None:
    """What goes on by nothing else is listed to its end where it was begun."""
    for seed in range(12):
        source = random.Random(seed)
        store = Store(many_keys(source), 10, source)
        store.can_start = can_start

        def answer(request: Request, store: Store = store) -> Page:
            if isinstance(request.token, Stream):
                request = request._replace(token=request.token.of)
            keys, prefixes, token, _ = store.page(request)
            return Streamed(keys, prefixes, None if token is None else Stream(token))

        taker = Taker()
        sharing = Sharing(taker, answer, source, 10, can_start, budgets=(1, 20))
        sharing.run()
        assert sorted(taker.taken) == store.keys
        assert not sharing.lost


#: (Two at a time are the planner's own tests.)
FEW_QUIRKS = [case for case in quirky_cases() if len(case.values[1]) < 2]


@pytest.mark.parametrize(("flavour", "quirks"), FEW_QUIRKS)
def test_quirks_lose_no_key(flavour: str, quirks: tuple[str, ...]) -> None:
    """All keys, or what is lost; and about as many requests as one process sends."""
    for shape, seed, unwanted in (
        ("groups", 0, ()),
        ("groups", 1, tuple(f"g{g}/" for g in range(3, 12))),
        ("one directory", 0, ()),
        ("many directories", 0, ("run_0040/",)),
        ("names", 2, ("g03/", "g07/")),
    ):
        keys, source = SHAPES[shape], random.Random(seed)
        store, taker = Quirky(keys, quirks, page_size=10), Taker(unwanted)

        def answer(request: Request, store: Quirky = store) -> Page:
            return quirky_page(flavour, store, request)

        can_start = flavour != "azure"
        sharing = Sharing(taker, answer, source, 10, can_start, budgets=(4, 10, 40))
        sharing.run()
        pages = len(keys) / 10 * (2 if "empty pages" in quirks else 1)
        assert sharing.requests <= 2 * pages + 20
        assert len(taker.taken) == len(set(taker.taken))
        assert set(taker.taken) <= set(keys)
        missing = [key for key in keys if not key.startswith(unwanted or "/")]
        assert sharing.lost or not {*missing} - {*taker.taken, *taker.prefixes}
        assert not sharing.lost or set(quirks) - HARMLESS


def test_four_processes_take_few_more_requests_and_a_third_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In simulated time, each request as long as every other."""
    latency = simulation.equal_latency
    monkeypatch.setattr("sharing_simulation.random_latency", latency)
    files = simulation.Files(80, "f%02d")
    keys = simulation.Repeated(80, simulation.Repeated(50, files, "run_%02d/"), "g%04d/")
    one = simulation.simulate(keys, 8, page_size=100, latency=latency)
    four = simulate_shared(keys, 4, 8, page_size=100)
    assert four.requests <= 1.1 * one.requests
    assert one.simulated / four.seconds >= 3.2
    assert four.idle <= 0.1
