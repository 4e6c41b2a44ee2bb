"""The scheduler of flat listings, against a store in memory with small pages and odd keys."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fsspec")

from pathvein_core import ExcludeRules, KeyScan, KeyWalk

import reference
from compare import make_patterns
from pathvein._remote import retry
from pathvein._remote.errors import GENERIC, BadAnswer, Disordered, FlatDenied
from pathvein._remote.keys.lister import KeyLister
from pathvein._remote.keys.ranges import common_directory, parent
from pathvein._remote.keys.requests import Page
from pathvein._remote.retry import ConcurrencyLimit, RequestCounts, send
from profiles import rounds, share


class Denied(Exception):
    status = 403


class Slow(Exception):
    status = 503


@dataclass
class MemoryStore:
    """Keys, told as the object stores do."""

    keys: Sequence[str]
    page_size: int = 3
    can_start: bool = True
    errors = GENERIC
    flat: bool = True
    #: Tells a prefix that begins like the key after which to begin, as some do.
    repeats: bool = False
    inclusive: bool = False
    seed: int = 0
    #: What part of the requests fails, and what with.
    faults: float = 0.0
    denied: tuple[str, ...] = ()
    log: list[tuple[str, str, bool]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self.keys = sorted(set(self.keys))
        self.random = random.Random(self.seed)

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        assert self.can_start or not after or token is not None or not prefix or after >= prefix
        self.log.append((prefix, after, delimiter))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            for _ in range(self.random.randrange(2, 9)):
                await asyncio.sleep(0)
        finally:
            self.in_flight -= 1
        if self.random.random() < self.faults:
            raise self.random.choice([Slow(), ConnectionResetError(), BadAnswer()])
        if any(prefix.startswith(denied) for denied in self.denied):
            raise Denied
        return self._page(prefix, after, token, delimiter)

    def _page(self, prefix: str, after: str, token: Any, delimiter: bool) -> Page:
        position = token if token is not None else (after if self.can_start else "")
        keys: list[str] = []
        prefixes: list[str] = []
        find = bisect_left if self.inclusive and token is None else bisect_right
        index = find(self.keys, position) if position else 0
        last = position
        while index < len(self.keys):
            key = self.keys[index]
            if not key.startswith(prefix):
                index += 1
                continue
            if len(keys) + len(prefixes) == self.page_size:
                return Page(keys, prefixes, last)
            slash = key.find("/", len(prefix)) if delimiter else -1
            if slash < 0:
                keys.append(key)
                last = key
                index += 1
                continue
            common = key[: slash + 1]
            last = common + "\U0010ffff" * 3
            index = bisect_right(self.keys, last)
            if self.repeats or token is not None or not position.startswith(common):
                prefixes.append(common)
        return Page(keys, prefixes, None)


Failures = list[tuple[Exception, str, str, str | None]]


def listed(
    store: MemoryStore, scan: KeyScan | KeyWalk, concurrency: int = 4
) -> tuple[list[Any], list[str], Failures, RequestCounts]:
    """What comes of a listing: what was found, bad keys, failures, counts."""
    found: list[Any] = []
    bad: list[str] = []
    failures: Failures = []
    counts = RequestCounts()

    def on_page(any_key: bool) -> None:
        new, odd = scan.take()
        found.extend(new)
        bad.extend(odd)

    async def wait_for_space() -> None:
        pass

    async def run() -> None:
        await KeyLister(
            store,
            scan,
            concurrency=concurrency,
            counts=counts,
            wait_for_space=wait_for_space,
            on_page=on_page,
            on_error=lambda *failure: failures.append(failure),
        ).run()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert store.most_in_flight <= concurrency
    assert counts.requests == len(store.log)
    return found, bad, failures, counts


def in_one_go(keys: Sequence[str], scan: KeyScan | KeyWalk) -> tuple[list[Any], list[str]]:
    """What all keys at once come to."""
    whole = scan.whole()
    scan.keys(whole, sorted(set(keys)))
    scan.end(whole)
    return scan.take()


def tidy(walk: list[Any]) -> list[tuple[str, list[str], list[str]]]:
    return sorted((rel, sorted(dirs), sorted(files)) for rel, dirs, files in walk)


COMPONENTS = ["a", "b", "a0", "a-", "a.", "b!", "é", "\U0001f600", "z", "0"]
ODD = [*COMPONENTS, "", ".", ".."]


def keys_of(components: list[str]) -> st.SearchStrategy[list[str]]:
    key = st.lists(st.sampled_from(components), min_size=1, max_size=5).map("/".join)
    marker = key.map(lambda text: f"{text}/")
    many = st.builds(
        lambda top, count: [f"{top}/k{number:03}/f" for number in range(count)],
        key,
        st.integers(1, 40),
    )
    lists = st.lists(
        st.one_of(key.map(lambda k: [k]), marker.map(lambda k: [k]), many), max_size=25
    )
    # The source's own marker is no key.
    return lists.map(lambda some: [key for group in some for key in group if key])


stores = st.fixed_dictionaries(
    {
        "page_size": st.integers(1, 7),
        "can_start": st.booleans(),
        "repeats": st.booleans(),
        "inclusive": st.booleans(),
        "seed": st.integers(0, 1000),
    }
)
limits = st.fixed_dictionaries(
    {
        "max_depth": st.sampled_from([None, None, 0, 1, 2]),
        "exclude": st.sampled_from([[], ["a"], ["a/"], ["/b/a"], ["k00*"], ["**/a0/*"]]).map(
            ExcludeRules
        ),
    }
)


@given(keys_of(ODD), stores, limits, st.integers(1, 9))
def test_a_walk_is_that_of_all_keys_at_once(
    keys: list[str], options: dict[str, Any], limit: dict[str, Any], concurrency: int
) -> None:
    store = MemoryStore(keys, **options)
    expected, expected_bad = in_one_go(keys, KeyWalk(**limit))
    found, bad, failures, _ = listed(store, KeyWalk(**limit), concurrency)
    assert not failures
    assert tidy(found) == tidy(expected)
    # Which key of several stands for a bad component may differ.
    assert {parent(key) for key in bad} >= {parent(key) for key in expected_bad} or bad


@share(0.7)
@given(keys_of(COMPONENTS), stores, st.integers(1, 9), st.data())
def test_a_scan_is_that_of_the_reference(
    keys: list[str], options: dict[str, Any], concurrency: int, data: st.DataObject
) -> None:
    tree = reference.Tree({}, ())
    for key in keys:
        tree = planted(tree, key)
    names = st.sampled_from(["*", "a*", "b", "k00?", "f", "nothing"])
    pats = data.draw(
        st.lists(
            st.builds(
                lambda name, files, dirs: reference.Pat(name, files, dirs),
                names,
                st.lists(names, max_size=2).map(tuple),
                st.lists(names.map(lambda name: reference.Pat(name, ("f",))), max_size=1).map(
                    tuple
                ),
            ),
            min_size=1,
            max_size=3,
        )
    )
    pats = list(dict.fromkeys(pats))
    depth = data.draw(st.sampled_from([None, 0, 1, 3]))
    expected = reference.scan_tree(tree, "src", pats, max_depth=depth)
    scan = KeyScan(make_patterns(pats), "src", depth)
    found, bad, failures, _ = listed(MemoryStore(keys, **options), scan, concurrency)
    assert not failures
    assert not bad
    assert len(set(found)) == len(found)
    assert {(rel, pats[index]) for rel, index in found} == expected


def planted(tree: reference.Tree, key: str) -> reference.Tree:
    """The tree with one key more."""
    first, slash, rest = key.partition("/")
    if not slash:
        return tree._replace(files=(*tree.files, first)) if first else tree
    below = planted(tree.dirs.get(first, reference.Tree({}, ())), rest)
    return tree._replace(dirs={**tree.dirs, first: below})


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.0)


@share(0.5)
@given(keys_of(COMPONENTS), stores, st.integers(1, 9))
def test_faults_that_pass_change_nothing(
    keys: list[str], options: dict[str, Any], concurrency: int
) -> None:
    expected, _ = in_one_go(keys, KeyWalk())
    store = MemoryStore(keys, faults=0.2, **options)
    try:
        found, _, failures, counts = listed(store, KeyWalk(), concurrency)
    except (Slow, ConnectionResetError, BadAnswer):
        return  # The first request had all its tries in vain.
    if not failures:
        assert tidy(found) == tidy(expected)
    assert (counts.retries > 0) >= bool(failures)


@share(0.5)
@given(keys_of(COMPONENTS), stores, st.integers(1, 9), st.sampled_from([0.5, 0.8]))
def test_what_is_lost_to_faults_is_told(
    keys: list[str], options: dict[str, Any], concurrency: int, faults: float
) -> None:
    expected, _ = in_one_go(keys, KeyWalk())
    try:
        found, _, failures, _ = listed(
            MemoryStore(keys, faults=faults, **options), KeyWalk(), concurrency
        )
    except (Slow, ConnectionResetError, BadAnswer):
        return

    def all_keys(walk: list[Any]) -> set[str]:
        return {f"{rel}/{name}".lstrip("/") for rel, _, files in walk for name in files}

    lost = all_keys(expected) - all_keys(found)
    for key in lost:
        assert any(
            key.startswith(prefix) and after < key and (end is None or key < end)
            for _, prefix, after, end in failures
        ), key


# Requests


def requests(
    keys: Sequence[str], page_size: int = 100, concurrency: int = 16, **options: Any
) -> int:
    store = MemoryStore(keys, page_size=page_size, **options)
    expected, _ = in_one_go(keys, KeyWalk())
    found, _, failures, _ = listed(store, KeyWalk(), concurrency)
    assert not failures
    assert tidy(found) == tidy(expected)
    return len(store.log)


@pytest.mark.parametrize("can_start", [True, False])
def test_nothing_beyond_a_level_is_lost_when_it_is_cut(can_start: bool) -> None:
    """Of what a probe of one directory shows, the last is not the last of the range."""
    for count, each, page_size in itertools.product((12, 40), (1, 4), (2, 3, 5)):
        keys = [f"a/k{i:03}/f{j}" for i in range(count) for j in range(each)] + ["zfile"]
        expected, _ = in_one_go(keys, KeyWalk())
        for seed in range(8):
            store = MemoryStore(keys, page_size=page_size, seed=seed, can_start=can_start)
            found, _, failures, _ = listed(store, KeyWalk(), 6)
            assert (failures, tidy(found)) == ([], tidy(expected))


def test_what_fits_into_a_page_is_one_request() -> None:
    assert requests([f"d{number % 7}/f{number}" for number in range(100)]) == 1
    assert requests([]) == 1


def test_groups_are_listed_side_by_side() -> None:
    keys = [f"g{g:02}/d{d:02}/f{f}" for g in range(20) for d in range(10) for f in range(10)]
    store = MemoryStore(keys, page_size=100)
    listed(store, KeyWalk(), 16)
    assert store.most_in_flight > 8
    assert len(store.log) <= 60


def test_one_large_directory_is_not_probed_for_ever() -> None:
    assert requests([f"f{number:05}" for number in range(2000)]) <= 30


def test_a_deep_chain_is_not_probed_at_every_level() -> None:
    keys = []
    prefix = ""
    for _ in range(40):
        keys += [f"{prefix}f{number:02}" for number in range(50)]
        prefix += "d/"
    assert requests(keys) <= 40


def test_a_subtree_that_holds_most_is_cut_again() -> None:
    keys = [f"g{g:02}/d/f{f}" for g in range(20) for f in range(5)]
    keys += [f"g07/e{d:02}/f{f:03}" for d in range(40) for f in range(50)]
    store = MemoryStore(keys, page_size=100)
    listed(store, KeyWalk(), 16)
    assert store.most_in_flight > 4
    assert len(store.log) <= 70


def test_excluded_subtrees_are_jumped_over() -> None:
    keys = [f"{top}/{number:05}" for top in "abc" for number in range(2000)]
    # Names that sort right before and right after what is jumped over.
    store = MemoryStore([*keys, "a./f", "a0/f", "d/f"], page_size=100)
    found, _, _, _ = listed(store, KeyWalk(exclude=ExcludeRules(["a", "b", "c"])), 4)
    kept = ["a.", "a0", "d"]
    assert tidy(found) == [("", kept, []), *((name, [], ["f"]) for name in kept)]
    assert len(store.log) <= 8


def test_what_is_too_deep_is_not_read() -> None:
    keys = [f"d{d:03}/{number:04}" for d in range(50) for number in range(300)]
    store = MemoryStore(keys, page_size=100)
    found, _, _, _ = listed(store, KeyWalk(max_depth=0), 4)
    assert len(found) == 1
    assert len(found[0][1]) == 50
    assert len(store.log) <= 5


@pytest.mark.parametrize(
    "limit", [{"max_depth": 0}, {"exclude": ExcludeRules(["d*/"])}], ids=["too deep", "excluded"]
)
@pytest.mark.parametrize("size", [5, 40, 90])
def test_many_directories_that_are_not_wanted_are_not_read(limit: Any, size: int) -> None:
    """Each is smaller than a page: to jump over one at a time would save nothing."""
    keys = [f"d{d:03}/{number:04}" for d in range(200) for number in range(size)]
    store = MemoryStore([*keys, "e"], page_size=100)
    [(_, dirs, files)], _, _, _ = listed(store, KeyWalk(**limit), 16)
    assert (len(dirs), files) == (200 if "max_depth" in limit else 0, ["e"])
    assert len(store.log) <= 5


def test_a_store_that_begins_only_at_prefixes_is_cut_by_them() -> None:
    keys = [f"g{g:02}/f{f:03}" for g in range(10) for f in range(400)]
    store = MemoryStore(keys, page_size=100, can_start=False)
    expected, _ = in_one_go(keys, KeyWalk())
    found, _, _, _ = listed(store, KeyWalk(), 16)
    assert tidy(found) == tidy(expected)
    assert store.most_in_flight > 4


# What goes wrong


def test_a_source_that_is_denied_flat() -> None:
    with pytest.raises(FlatDenied):
        listed(MemoryStore(["a"], denied=("",)), KeyWalk())


def test_prefixes_that_may_not_be_listed_by_themselves() -> None:
    keys = [f"g{g:02}/f{f:03}" for g in range(20) for f in range(300)]
    store = MemoryStore(keys, page_size=100, denied=tuple(f"g{g:02}" for g in range(20)))
    expected, _ = in_one_go(keys, KeyWalk())
    found, _, failures, _ = listed(store, KeyWalk(), 16)
    assert not failures
    assert tidy(found) == tidy(expected)
    assert any(prefix for prefix, _, _ in store.log)


class Shuffled(MemoryStore):
    def _page(self, prefix: str, after: str, token: Any, delimiter: bool) -> Page:
        page = super()._page(prefix, after, token, delimiter)
        return page._replace(keys=page.keys[::-1])


def test_a_store_that_does_not_sort() -> None:
    with pytest.raises(Disordered):
        listed(Shuffled(["a", "b", "c"]), KeyWalk())


class Late(MemoryStore):
    """Sorts the first page only."""

    def _page(self, prefix: str, after: str, token: Any, delimiter: bool) -> Page:
        page = super()._page(prefix, after, token, delimiter)
        return page if not (token or after) else page._replace(keys=["a", *page.keys[1:]])


def test_a_store_that_does_not_go_on_sorting_is_an_error_item() -> None:
    keys = [f"f{number}" for number in range(9)]
    _, _, failures, _ = listed(Late(keys), KeyWalk())
    assert "in order" in str(failures[0][0])


class Stuck(MemoryStore):
    def _page(self, prefix: str, after: str, token: Any, delimiter: bool) -> Page:
        if (token is not None or after) and not delimiter:
            return Page([], [], token or "more")
        return super()._page(prefix, after, token, delimiter)


def test_a_store_that_does_not_go_on_is_an_error_item() -> None:
    found, _, failures, _ = listed(Stuck([f"f{n}" for n in range(20)]), KeyWalk())
    assert [rel for rel, _, _ in found] == [""]
    assert len(failures) == 1


# The retry layer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Slow(), "throttled"),
        (Denied(), None),
        (FileNotFoundError(), None),
        (PermissionError(), None),
        (ConnectionResetError(), "disconnected"),
        (BadAnswer(), "disconnected"),
        (TimeoutError(), "timeout"),
        (ValueError(), None),
    ],
)
def test_transient_errors(error: Exception, kind: str | None) -> None:
    assert GENERIC.transient(error) == kind


def tried(errors: list[Exception], most: int = 8) -> tuple[int, ConcurrencyLimit, Exception | None]:
    """How many tries it takes when these errors come first."""
    counts = RequestCounts()
    left = list(errors)

    async def run() -> tuple[ConcurrencyLimit, Exception | None]:
        limit = ConcurrencyLimit(most)

        async def request() -> None:
            if left:
                raise left.pop(0)

        try:
            await send(request, limit, counts, GENERIC)
        except Exception as error:
            return limit, error
        return limit, None

    limit, error = asyncio.run(run())
    assert counts.retries == counts.requests - 1
    return counts.requests, limit, error


def test_requests_are_sent_again_but_not_for_ever() -> None:
    assert tried([])[0] == 1
    assert tried([ConnectionResetError()])[0] == 2
    number, _, error = tried([ConnectionResetError()] * 50)
    assert number == 6
    assert isinstance(error, ConnectionResetError)
    assert error.__notes__ == ["after 6 tries"]
    number, _, error = tried([Denied()])
    assert number == 1
    assert isinstance(error, Denied)


def test_fewer_requests_after_slow_down_and_more_again() -> None:
    _, limit, _ = tried([Slow()], 8)
    assert limit.limit == 4
    for _ in range(100):
        limit.succeeded()
    assert limit.limit == 8


def test_a_request_that_is_never_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "TIMEOUT", 0.01)
    counts = RequestCounts()

    async def never() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(send(never, ConcurrencyLimit(1), counts, GENERIC))
    assert counts.requests == 3


def test_of_several_failures_at_once_one_is_raised_and_none_reported() -> None:
    reported: list[Any] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: reported.append(said))
        scan = KeyWalk(None, ExcludeRules([]))
        both = asyncio.Event()
        asked = waiting = 0

        async def wait_for_space() -> None:
            nonlocal asked, waiting
            asked += 1
            if asked > 9:
                waiting += 1
                if waiting == 2:
                    both.set()
                await both.wait()
                raise KeyError

        store = MemoryStore([f"d{n:02}/f{m}" for n in range(40) for m in range(5)])
        with pytest.raises(KeyError):
            await KeyLister(
                store,
                scan,
                concurrency=4,
                counts=RequestCounts(),
                wait_for_space=wait_for_space,
                on_page=lambda any_key: None,
                on_error=lambda *failure: None,
            ).run()

    asyncio.run(asyncio.wait_for(run(), 60))
    gc.collect()
    assert not reported


@pytest.mark.parametrize("how", ["too late", "cancelled"])
def test_what_comes_of_a_request_that_was_given_up_is_nobodys_error(how: str) -> None:
    """asyncio would report it, on the terminal if nothing else is told."""
    reported = []

    async def changed_by_its_end() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionResetError from None

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: reported.append(said))
        request = asyncio.create_task(
            retry._within(0.01 if how == "too late" else 60, changed_by_its_end())
        )
        if how == "cancelled":
            await asyncio.sleep(0.01)
            request.cancel()
        with pytest.raises(TimeoutError if how == "too late" else asyncio.CancelledError):
            await request
        await asyncio.sleep(0.01)

    asyncio.run(run())
    gc.collect()
    assert not reported


def test_the_limit_holds_back_and_lets_in() -> None:
    async def run() -> int:
        limit = ConcurrencyLimit(3)
        inside = most = 0

        async def visit() -> None:
            nonlocal inside, most
            async with limit:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        tasks = [asyncio.create_task(visit()) for _ in range(30)]
        await asyncio.sleep(0)
        for task in tasks[5:15]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return most

    assert asyncio.run(run()) == 3


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [("a/b", "a/c", "a/"), ("a", "b", ""), ("a/b/c", "a/b/c", "a/b/"), ("ab/c", "a/c", "")],
)
def test_common_directory(one: str, other: str, common: str) -> None:
    assert common_directory(one, other) == common


@pytest.mark.parametrize("can_start", [True, False])
@pytest.mark.parametrize("tail", [["zfile"], ["b/f", "zfile"], [f"z{n:02}" for n in range(30)]])
def test_what_comes_after_a_level_that_was_cut_is_listed(tail: list[str], can_start: bool) -> None:
    keys = [f"a/k{n:03}/f{m}" for n in range(20) for m in range(4)] + tail
    expected, _ = in_one_go(keys, KeyWalk())
    for seed in range(40):
        store = MemoryStore(keys, page_size=3, can_start=can_start, seed=seed)
        found, _, failures, _ = listed(store, KeyWalk(), 6)
        assert not failures
        assert tidy(found) == tidy(expected), seed


def grown(source: random.Random, prefix: str = "", depth: int = 0) -> list[str]:
    """Keys of a bushy tree, with files beside, before and after its directories."""
    keys: list[str] = []
    for _ in range(source.choice([0, 1, 2, 5, 12])):
        name = f"{prefix}{source.choice('abmz')}{source.randrange(20)}"
        kind = source.random()
        if kind < 0.35:
            keys.append(name)
        elif kind < 0.42:
            keys.append(f"{name}/")
        elif depth < 4:
            keys += grown(source, f"{name}/", depth + 1)
    if source.random() < 0.3:
        many, rest = source.choice(["k", "a", "zz"]), source.choice(["", "/f", "/g/h"])
        keys += [f"{prefix}{many}{n:03}{rest}" for n in range(source.randrange(60))]
    return keys


@pytest.mark.parametrize("can_start", [True, False])
def test_large_trees_are_listed_whole(can_start: bool) -> None:
    for seed in range(rounds(40)):
        source = random.Random(seed)
        keys = grown(source)
        expected, _ = in_one_go(keys, KeyWalk())
        store = MemoryStore(
            keys, page_size=source.randint(1, 8), can_start=can_start, inclusive=True, seed=seed
        )
        found, _, failures, _ = listed(store, KeyWalk(), source.randint(1, 12))
        assert not failures
        assert tidy(found) == tidy(expected), seed


class Unprobed(MemoryStore):
    """Answers no probe."""

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        if delimiter:
            self.log.append((prefix, after, delimiter))
            await asyncio.get_running_loop().create_future()
        return await super().page(prefix, after, end, token, delimiter=delimiter)


def test_probes_that_are_not_answered_hold_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "TIMEOUT", 2)
    keys = [f"d{n:03}/f{m}" for n in range(40) for m in range(3)]
    expected, _ = in_one_go(keys, KeyWalk())
    store = Unprobed(keys, page_size=5)
    found, _, failures, counts = listed(store, KeyWalk())
    assert not failures
    assert tidy(found) == tidy(expected)
    assert any(delimiter for _, _, delimiter in store.log)
    # None was given up and sent again.
    assert counts.retries == 0
