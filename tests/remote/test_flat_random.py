"""The scheduler of flat listings, against stores that do whatever a store may do."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

pytest.importorskip("fsspec")

from pathvein_core import ExcludeRules, KeyWalk

import flat_random
from flat_random import LAST, OddStore, Refused, Whims, facts, in_one_go, listed
from pathvein._remote import retry
from pathvein._remote.errors import BadAnswer
from pathvein._remote.keys.requests import Page
from pathvein._remote.retry import ConcurrencyLimit, RequestCounts, send
from pathvein._remote.stores.s3 import S3Store


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.0)


def walk(keys: list[str], concurrency: int = 6, **options: Any) -> tuple[OddStore, list[Any]]:
    """Lists keys, checks that all is told, gives the store and the error items.

    Options of the walk, the class of the store, and the store's whims.
    """
    limits = {"max_depth": options.pop("max_depth", None)}
    limits["exclude"] = ExcludeRules(options.pop("exclude", []))
    store = options.pop("store", OddStore)(keys, Whims(**options))
    found, _, failures = asyncio.run(listed(store, KeyWalk(**limits), concurrency))
    kept = [key for key in keys if not flat_random.missed(key, failures)]
    told = facts(found, walk=True)
    assert len(told) == len(set(told))
    assert set(told) >= set(facts(in_one_go(kept, KeyWalk(**limits))[0], walk=True))
    assert set(told) <= set(facts(in_one_go(keys, KeyWalk(**limits))[0], walk=True))
    return store, failures


TRIALS = {"few": 40, "quick": 60, "ci": 100, "nightly": 1_000, "long": 20_000}[
    os.environ.get("HYPOTHESIS_PROFILE", "ci")
]


def test_what_is_listed_is_what_is_there() -> None:
    first = random.randrange(10**9) if TRIALS > 1000 else 0
    how: dict[str, int] = {}
    for seed in range(first, first + TRIALS):
        try:
            result = flat_random.trial(seed)
        except BaseException as error:
            error.add_note(f"trial {seed}")
            raise
        how[result] = how.get(result, 0) + 1
    # It is of no use if most of them fail.
    assert how["all"] > how["part"] > how["nothing"] > 0


# Wrong answers once


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("concurrency", [1, 6])
def test_names_that_begin_with_the_last_code_point(limit: int, concurrency: int) -> None:
    names = [LAST, LAST * 2, LAST * 5, f"{LAST}a", "b"]
    keys = sorted("/".join(path) for n in (1, 2, 3) for path in itertools.product(names, repeat=n))
    for inclusive, heeds_end in itertools.product((True, False), repeat=2):
        options = {"limit": limit, "page_size": limit, "inclusive": inclusive}
        for exclude in ([], [LAST], [f"*/{LAST}/"], [f"{LAST}a/"]):
            _, failures = walk(keys, concurrency, exclude=exclude, heeds_end=heeds_end, **options)
            assert not failures
        for depth in (0, 1):
            _, failures = walk(keys, concurrency, max_depth=depth, **options)
            assert not failures


@pytest.mark.parametrize("empty", [0.3, 1.0])
def test_empty_pages_behind_what_is_jumped_over(empty: float) -> None:
    """The token of an empty page leads on: what was jumped over is not to be jumped over again."""
    keys = [f"a/{n:02}" for n in range(30)] + [f"b/{n:02}" for n in range(30)]
    store, failures = walk(keys, exclude=["a"], empty=empty)
    assert not failures
    assert store.requests < 40


class Endless(OddStore):
    """Tells one page of a level for ever."""

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        page = super()._answer(prefix, after, end, None, delimiter)
        return page._replace(token="more") if delimiter else page


def test_a_level_that_never_ends_is_an_error_item() -> None:
    keys = [f"{top}/{n:02}" for top in "abc" for n in range(30)]
    _, failures = walk(keys, exclude=["a", "b", "c"], store=Endless)
    assert failures


class Unsorted(OddStore):
    """A level's directories come after its files, page by page."""

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        if not delimiter:
            return super()._answer(prefix, after, end, token, delimiter)
        if token is None:
            return Page([], ["y/"], "more")
        return Page(["x", "z"], [], None)


def test_a_level_out_of_order_is_an_error_item() -> None:
    keys = [*(f"a/{n:02}" for n in range(30)), "x", "y/f", "z"]
    _, failures = walk(keys, exclude=["a", "y"], store=Unsorted)
    [(error, *where)] = failures
    assert "in order" in str(error)
    # Who knows what is missing.
    assert where == ["", "", None]


class OnceUnsorted(OddStore):
    """A page of its third range is out of order behind the range's end."""

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        page = super()._answer(prefix, after, end, token, delimiter)
        if end is not None and not delimiter and any(key >= end for key in page.keys):
            # The end of the range would be cut off, with the key that is missing before it.
            page = page._replace(keys=[*page.keys[1:], page.keys[0]])
        return page


def test_a_page_out_of_order_is_an_error_item_even_if_its_end_is_cut_off() -> None:
    keys = [f"d{n:02}/{m}" for n in range(20) for m in range(7)]
    _, failures = walk(keys, store=OnceUnsorted)
    assert failures
    assert all("not sorted" in str(error) for error, *_ in failures)


class Cancelling(OddStore):
    """Cancels what waits for the fourth answer, or what waits for all of them."""

    def _answer(self, *args: Any) -> Page:
        if self.requests == 4 and self.whims.denied == "the listing of a range":
            for task in asyncio.all_tasks():
                if "KeyLister._list_page" in repr(task):
                    task.cancel()
        if self.requests >= 4 and self.whims.denied == "the request":
            raise asyncio.CancelledError
        return super()._answer(*args)


def test_what_somebody_else_cancels_is_no_end() -> None:
    keys = [f"{n:03}" for n in range(100)]
    _, failures = walk(keys, store=Cancelling, denied="the request")
    assert failures
    with pytest.raises(RuntimeError, match="cancelled from elsewhere"):
        walk(keys, store=Cancelling, denied="the listing of a range")


class Defective:
    """Cannot be cut."""

    def __init__(self) -> None:
        self._walk = KeyWalk()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._walk, name)

    def split(self, number: int, at: str) -> int:
        raise ValueError("no")


def test_a_defect_ends_it() -> None:
    keys = [f"d{n:02}/{m}" for n in range(20) for m in range(20)]
    for seed in range(20):
        store = OddStore(keys, Whims(), random.Random(seed))
        with pytest.raises(ValueError, match="no"):
            asyncio.run(listed(store, cast(Any, Defective()), 6))


def test_a_listing_goes_on_as_it_was_begun() -> None:
    """Tokens are good for what they were given for; the store of these tests insists on it."""
    keys = [f"g{g}/d{d:02}/f{f}" for g in range(9) for d in range(20) for f in range(5)]
    store, failures = walk(keys, 12, heeds_end=True)
    assert not failures
    assert store.most_in_flight > 6


def test_the_last_name_told_again_is_the_same_name() -> None:
    keys = [f"d{n:02}/{m}" for n in range(20) for m in ("", "a", "b")]
    for exclude in ([], ["d0*/"], ["d*"]):
        _, failures = walk(keys, echoes=True, limit=2, page_size=2, exclude=exclude)
        assert not failures


def test_a_token_that_is_refused() -> None:
    keys = [f"d{n:02}/{m}" for n in range(20) for m in range(20)]
    for exclude in ([], ["d*"]):
        for expires in (0.2, 1.0):
            _, failures = walk(keys, expires=expires, exclude=exclude)
            assert not failures
    _, failures = walk(keys, expires=0.2, can_start=False)
    assert failures


class NoMore(OddStore):
    """Refuses to go on with a level."""

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        if delimiter and token is not None:
            raise Refused(400, "InvalidArgument")
        return super()._answer(prefix, after, end, token, delimiter)


def test_a_level_goes_on_from_the_last_that_was_told() -> None:
    keys = [f"d{n:02}/{m}" for n in range(50) for m in range(20)]
    _, failures = walk(keys, store=NoMore, exclude=["d*"])
    assert not failures


def test_what_is_missing_begins_right_after_what_is_known() -> None:
    """ "a0" is the first key after all that begins with "a/"."""
    keys = [*(f"a/{n:02}" for n in range(20)), "a0", "b"]
    _, [(_, prefix, after, end)] = walk(keys, exclude=["a"], broken=("a0", "b"))
    assert (prefix, after, end) == ("", f"a/{LAST}", None)


def test_levels_that_may_not_be_listed() -> None:
    keys = [f"{top}/{n:02}" for top in "abc" for n in range(40)]
    _, failures = walk(keys, levels_denied=True, exclude=["a", "b"])
    assert not failures


class NoPrefixes(OddStore):
    """Counts who asks for what is denied by itself."""

    denials = 0

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        if prefix and not delimiter:
            self.denials += 1
            raise Refused(403)
        return super()._answer(prefix, after, end, token, delimiter)


def test_prefixes_that_may_not_be_listed() -> None:
    keys = [f"g{g}/d{d:02}/f{f}" for g in range(9) for d in range(20) for f in range(5)]
    keys += [f"g{g}/file{n}" for g in range(9) for n in range(3)] + ["h", "i/j"]
    keys += [f"k{n:02}/{m:03}" for n in range(20) for m in range(100)]
    for seed in range(9):
        store = NoPrefixes(keys, Whims(), random.Random(seed))
        found, _, failures = asyncio.run(listed(store, KeyWalk(), 6))
        assert not failures
        everything = facts(in_one_go(keys, KeyWalk())[0], walk=True)
        assert set(facts(found, walk=True)) == set(everything)
        # Those that were under way when the first was refused.
        assert 1 <= store.denials <= 6


# Stopping


def test_nothing_is_asked_after_it_is_stopped() -> None:
    """Wherever it is: while requests are under way, answered, or repeated."""
    keys = [f"d{n:02}/{m}" for n in range(20) for m in range(20)]
    for steps in range(600):
        store = OddStore(keys, Whims(faults=0.1), random.Random(steps))

        async def run(store: OddStore = store, steps: int = steps) -> None:
            end = asyncio.Event()

            async def stop() -> None:
                for _ in range(steps % 60):
                    await asyncio.sleep(0)
                end.set()

            await asyncio.gather(listed(store, KeyWalk(), 6, end), stop())

        # (`listed` looks for tasks and requests that are left.)
        asyncio.run(run())


# Requests


def test_what_is_wanted_beside_what_is_not_is_listed_flat() -> None:
    keys = [f"a/{n:04}" for n in range(1500)]
    keys += [f"d{n:03}/{m}" for n in range(500) for m in range(5)]
    store, failures = walk(keys, 16, limit=100, page_size=100, exclude=["a"])
    assert not failures
    # 25 pages, not 500 directories.
    assert store.requests <= 70


@pytest.mark.parametrize("options", [{"exclude": [".git"]}, {"max_depth": 1}])
def test_jumps_are_made_side_by_side(options: dict[str, Any]) -> None:
    keys = [f"p{n:03}/.git/{m:03}" for n in range(200) for m in range(150)]
    keys += [f"p{n:03}/{name}" for n in range(200) for name in ("README", "src/a")]
    store, failures = walk(keys, 16, limit=100, page_size=100, **options)
    assert not failures
    assert store.most_in_flight >= 12
    assert store.requests <= 650


def test_small_directories_that_are_not_wanted_cost_nothing() -> None:
    keys = [f"p{n:03}/{name}" for n in range(600) for name in (".git/a", ".git/b", "x", "y/z")]
    store, failures = walk(keys, 4, limit=50, page_size=50, exclude=[".git"])
    assert not failures
    # 48 pages.
    assert store.requests <= 100


def test_directories_that_are_not_wanted_are_not_listed_when_they_are_cut_off() -> None:
    keys = [f"p{n:02}/{m:03}" for n in range(40) for m in range(200)]
    store, failures = walk(
        keys, 16, limit=100, page_size=100, exclude=[f"p{n:02}" for n in range(40) if n % 2]
    )
    assert not failures
    # 40 pages of those that are.
    assert store.requests <= 80


def test_pages_that_are_smaller_than_said() -> None:
    keys = [f"g{g}/d{d:02}/f{f}" for g in range(9) for d in range(20) for f in range(5)]
    store, failures = walk(keys, 12, limit=10, page_size=1000)
    assert not failures
    assert store.most_in_flight > 6


class NoLevels(OddStore):
    """Denies levels, and counts who asks for them."""

    denials = 0

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        if delimiter:
            self.denials += 1
            raise Refused(403)
        return super()._answer(prefix, after, end, token, delimiter)


def test_probes_that_fail_are_not_sent_for_ever() -> None:
    keys = [f"d{n:03}/{m}" for n in range(200) for m in range(10)]
    store, failures = walk(keys, store=NoLevels)
    assert not failures
    assert isinstance(store, NoLevels)
    assert 1 <= store.denials <= 3
    keys += [f"d{n:03}/.git/{m:02}" for n in range(200) for m in range(50)]
    store, failures = walk(keys, store=NoLevels, exclude=[".git"])
    assert not failures
    assert isinstance(store, NoLevels)
    assert 1 <= store.denials <= 9


class SomeLevels(NoLevels):
    """Denies two of three."""

    told = 0

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        if self.denials < 2 * (self.told + 1):
            return super()._answer(prefix, after, end, token, delimiter)
        self.told += delimiter
        return OddStore._answer(self, prefix, after, end, token, delimiter)


def test_probes_that_failed_once_do_not_keep_others_from_being_sent() -> None:
    keys = [f"d{n:03}/{m}" for n in range(200) for m in range(10)]
    store, _ = walk(keys, store=SomeLevels)
    assert isinstance(store, SomeLevels)
    assert store.told > 1


# The retry layer


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("code", sorted(S3Store.errors._throttled))
def test_what_is_denied_or_missing_is_not_tried_again(status: int, code: str) -> None:
    assert S3Store.errors.transient(Refused(status, code)) is None
    assert S3Store.errors.transient(Refused(400, code)) == "throttled"


def paused(monkeypatch: pytest.MonkeyPatch, errors: Callable[[], Exception]) -> list[float]:
    """The pauses between tries that all fail."""
    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.1)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def request() -> None:
        raise errors()

    async def run() -> None:
        with pytest.raises(type(errors())):
            await send(request, ConcurrencyLimit(1), RequestCounts(), S3Store.errors)

    monkeypatch.setattr("asyncio.sleep", sleep)
    asyncio.run(run())
    return pauses


def test_pauses_grow_and_are_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = paused(monkeypatch, lambda: Refused(503))
    assert len(pauses) == 8
    for number, pause in enumerate(pauses):
        most = min(0.1 * 2**number, 5.0)
        assert most / 2 <= pause <= most
    again = paused(monkeypatch, lambda: Refused(503))
    assert pauses != again
    assert len(paused(monkeypatch, BadAnswer)) == 5


class Throttled(OddStore):
    """Asks for patience once, then notes how many requests are under way."""

    asked = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.flights: list[int] = []

    def _answer(self, prefix: str, after: str, end: Any, token: Any, delimiter: bool) -> Page:
        if not self.asked and self.in_flight >= 10:
            self.asked = True
            raise Refused(503)
        if self.asked:
            self.flights.append(self.in_flight)
        return super()._answer(prefix, after, end, token, delimiter)


def test_fewer_requests_are_under_way_after_slow_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConcurrencyLimit, "succeeded", lambda limit: None)
    keys = [f"g{g:02}/d{d:02}/f{f}" for g in range(40) for d in range(20) for f in range(5)]
    store = Throttled(keys)
    asyncio.run(listed(store, KeyWalk(), 16))
    assert store.asked
    # Half as many, when those that were under way are answered.
    assert len(store.flights) > 64
    assert max(store.flights[32:]) <= 8 < max(store.flights[:16])


def test_one_slow_down_of_many_at_a_time_counts() -> None:
    async def run() -> list[int]:
        limit = ConcurrencyLimit(32)
        limits = []
        for _ in range(20):
            limit.throttled()
            limits.append(limit.limit)
        limit._throttled_until = 0
        limit.throttled()
        return [*limits, limit.limit]

    assert asyncio.run(run()) == [16] * 20 + [8]
