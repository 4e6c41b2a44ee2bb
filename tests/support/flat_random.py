"""Random listings of random keys from a store that does whatever a store may do.

`trial(seed)` lists them with the scheduler, tells them to the core in one go, and compares.
`python tests/support/flat_random.py [FIRST_SEED] [SECONDS]` does so until the time is over.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pathvein_core import ExcludeRules, KeyScan, KeyWalk

from pathvein import Directories, Files, FileStructurePattern, Regex
from pathvein._remote import retry
from pathvein._remote.errors import BadAnswer, FlatDenied
from pathvein._remote.keys.lister import KeyLister
from pathvein._remote.keys.requests import Page
from pathvein._remote.retry import RequestCounts
from pathvein._remote.stores.s3 import S3Store

LAST = "\U0010ffff"
NAMES = [*"abmz0", "a-", "a.", "a0", "a!", "-", "é", "\uffff", "\U00010000", LAST, LAST * 2]
BAD = ["", ".", ".."]


class Refused(Exception):
    """An answer with a status."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(status, code)
        self.status = status
        self.error_code = code


@dataclass(frozen=True)
class Token:
    """Where a page ended, and of which listing."""

    position: str
    listing: tuple[Any, ...]
    serial: int


@dataclass
class Whims:
    """What a store does that others do not."""

    #: Most entries in a page; the store claims `page_size`.
    limit: int = 10
    page_size: int = 10
    can_start: bool = True
    #: Begins at a key and not after it.
    inclusive: bool = False
    #: Tells the prefix again that begins like the key after which to begin.
    repeats: bool = False
    #: Tells the last entry of a page again on the next.
    echoes: bool = False
    #: Leaves out what is of no use.
    heeds_end: bool = False
    #: What part of the places are where pages without anything come before there is something.
    empty: float = 0.0
    #: What part of the requests fails, but not when sent again; and of the tokens is refused.
    faults: float = 0.0
    expires: float = 0.0
    #: Requests by a prefix that begins so are denied, as are those with a delimiter.
    denied: str | None = None
    levels_denied: bool = False
    #: Pages with a key of this part are an error for ever.
    broken: tuple[str, str] | None = None


@dataclass
class OddStore:
    """The keys, told as a store would that has these whims."""

    keys: Sequence[str]
    whims: Whims = field(default_factory=Whims)
    random: random.Random = field(default_factory=lambda: random.Random(0))
    #: Keys that come and go.
    unsteady: Sequence[str] = ()
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    closed: bool = False
    #: What was asked for and may not be. (Whatever is raised is taken for trouble.)
    wrongs: list[str] = field(default_factory=list)
    refused: set[Token] = field(default_factory=set)
    empties: dict[Any, int] = field(default_factory=dict)
    flat = True
    errors = S3Store.errors

    def __post_init__(self) -> None:
        self.page_size = self.whims.page_size
        self.can_start = self.whims.can_start
        self.now = sorted({*self.keys, *self.unsteady})

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        if self.closed:
            self.wrongs.append("a request after the end")
        if not (self.can_start or after in ("", prefix)):
            self.wrongs.append("it cannot begin there")
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            for _ in range(self.random.choice([0, 1, 4, 9])):
                await asyncio.sleep(0)
            return self._answer(prefix, after, end, token, delimiter)
        finally:
            self.in_flight -= 1

    def _answer(
        self, prefix: str, after: str, end: str | None, token: Any, delimiter: bool
    ) -> Page:
        whims, chance = self.whims, self.random.random
        if self.unsteady and chance() < 0.5:
            self.now = sorted({*self.keys, *(k for k in self.unsteady if chance() < 0.5)})
        if chance() < whims.faults:
            raise self.random.choice([Refused(503), ConnectionResetError(), BadAnswer()])
        if whims.denied is not None and prefix and prefix.startswith(whims.denied):
            raise Refused(403)
        if delimiter and whims.levels_denied:
            raise Refused(403)
        listing = (prefix, after, end, delimiter)
        if token is not None:
            if token.listing != listing:
                self.wrongs.append("what is asked for changed on the way")
            # (If one that led nowhere were refused, that would go on for ever.)
            led_on = token.serial == 0 and token.position > after and after[-1:] != LAST
            if token in self.refused or (led_on and chance() < whims.expires):
                self.refused.add(token)
                raise Refused(400, "InvalidArgument")
        position = token.position if token else (after if whims.can_start else "")
        serial = token.serial if token else 0
        bound = end if end is not None and whims.heeds_end else None
        page = self._page(prefix, position, bound, delimiter, again=token is not None)
        if serial < 2 and random.Random(f"{position}{listing}").random() < whims.empty:
            # As long as it is asked for anew the same comes again.
            return Page([], [], Token(position, listing, serial + 1))
        keys, prefixes, last = page
        if whims.broken and any(whims.broken[0] <= key < whims.broken[1] for key in keys):
            raise Refused(403)
        return Page(keys, prefixes, None if last is None else Token(last, listing, 0))

    def _page(
        self, prefix: str, position: str, bound: str | None, delimiter: bool, *, again: bool
    ) -> tuple[list[str], list[str], str | None]:
        keys: list[str] = []
        prefixes: list[str] = []
        whims = self.whims
        find = bisect_left if (whims.echoes if again else whims.inclusive) else bisect_right
        index = max(find(self.now, position) if position else 0, bisect_left(self.now, prefix))
        last = position
        most = whims.limit + (again and whims.echoes)
        while index < len(self.now):
            key = self.now[index]
            if not key.startswith(prefix) or (bound is not None and key >= bound):
                break
            if len(keys) + len(prefixes) == most:
                return keys, prefixes, last
            slash = key.find("/", len(prefix)) if delimiter else -1
            if slash < 0:
                keys.append(key)
                last = key
                index += 1
                continue
            common = key[: slash + 1]
            last = f"{common}{LAST * 9}"
            while index < len(self.now) and self.now[index].startswith(common):
                index += 1
            if (whims.echoes if again else whims.repeats) or not position.startswith(common):
                prefixes.append(common)
        return keys, prefixes, None


# Keys -------------------------------------------------------------------------------------


def random_keys(source: random.Random) -> list[str]:
    names = source.sample(NAMES, source.randint(2, 6))
    if source.random() < 0.15:
        names.append(source.choice(BAD))
    keys: set[str] = set()

    def grow(prefix: str, depth: int) -> None:
        for _ in range(source.choice([0, 1, 2, 3, 6])):
            name = source.choice(names) + source.choice(["", "", source.choice(names), "1"])
            kind = source.random()
            if kind < 0.3:
                keys.add(f"{prefix}{name}")
            elif kind < 0.4:
                keys.add(f"{prefix}{name}/")
            elif depth < 5:
                grow(f"{prefix}{name}/", depth + 1)
        shape = source.random()
        if shape < 0.35:
            many = source.choice([*names, "k"])
            rests = source.sample(["", "/f", "/g/h", "/", "/x/f", f"/{LAST}"], source.randint(1, 3))
            for number in range(source.choice([5, 20, 60])):
                keys.update(f"{prefix}{many}{number:02}{rest}" for rest in rests)
        elif shape < 0.4:
            chain = prefix
            for _ in range(source.choice([5, 15])):
                chain += f"{source.choice(names)}/"
                keys.update(f"{chain}f{number}" for number in range(source.randrange(6)))

    grow("", 0)
    keys.discard("")
    return sorted(keys)


def random_patterns(source: random.Random) -> list[FileStructurePattern]:
    globs = ["*", "a*", "k*", "f", "k0?", LAST, "[!a]*", "x"]
    return [
        FileStructurePattern(
            source.choice(globs),
            files=source.choices(globs, k=source.choice([0, 1, 1, 2])),
            directories=[
                FileStructurePattern(source.choice(globs), files=source.choices(globs, k=1))
                for _ in range(source.choice([0, 0, 1]))
            ],
        )
        for _ in range(source.randint(1, 3))
    ]


def patterns_that_say_more(source: random.Random) -> list[FileStructurePattern]:
    """The same, with numbers, alternatives, and things that must not be there."""
    globs: list[Any] = [
        "*",
        "a*",
        "k*",
        "f",
        "k0?",
        LAST,
        "[!a]*",
        "x",
        Regex(".[0-9]*"),
        ("a*", "f"),
    ]

    def pattern(depth: int) -> FileStructurePattern:
        def some(most: int) -> list[Any]:
            return source.choices(globs, k=source.randint(0, most))

        def below() -> list[FileStructurePattern]:
            return [pattern(depth - 1)] if depth and source.random() < 0.4 else []

        least = source.choice([0, 1, 2])
        most = source.choice([None, least, least + 1])
        return FileStructurePattern(
            source.choice(globs),
            files=[Files(name, least, most) for name in some(1)],
            directories=[Directories(sub, least, most) for sub in below()],
            optional_files=some(2),
            optional_directories=["*"] if source.random() < 0.5 else [],
            forbidden_files=some(1) if source.random() < 0.3 else [],
            forbidden_directories=below(),
            closed=source.random() < 0.3,
        )

    return [pattern(2) for _ in range(source.randint(1, 3))]


# Comparing --------------------------------------------------------------------------------


def facts(found: Iterable[Any], *, walk: bool) -> list[tuple[Any, ...]]:
    """Each single thing that was told."""
    if not walk:
        return [tuple(match) for match in found]
    told: list[tuple[Any, ...]] = []
    for rel, dirs, files in found:
        told.append((rel,))
        told += [(rel, name, "directory") for name in dirs]
        told += [(rel, name, "file") for name in files]
    return told


def bad_place(key: str) -> str:
    """Up to the first component that is none."""
    parts = key.split("/")
    for index, part in enumerate(parts[:-1] if not parts[-1] else parts):
        if part in BAD:
            return "/".join(parts[: index + 1])
    raise AssertionError(f"{key!r} is a path")


def in_one_go(keys: Sequence[str], scan: KeyScan | KeyWalk) -> tuple[list[Any], list[str]]:
    scan.keys(scan.whole(), sorted(set(keys)))
    scan.end(scan.whole())
    return scan.take()


def missed(key: str, failures: Sequence[Any]) -> bool:
    """Whether some error item is about a key."""
    return any(
        key.startswith(prefix) and key > after and (end is None or key < end)
        for _, prefix, after, end in failures
    )


async def listed(
    store: OddStore, scan: KeyScan | KeyWalk, concurrency: int, end: asyncio.Event | None = None
) -> tuple[list[Any], list[str], list[Any]]:
    """What comes of a listing, which `end` ends: what was found, bad keys, failures."""
    found: list[Any] = []
    bad: list[str] = []
    failures: list[Any] = []
    counts = RequestCounts()
    others = asyncio.all_tasks()

    def on_page(any_key: bool) -> None:
        new, odd = scan.take()
        found.extend(new)
        bad.extend(odd)

    async def wait_for_space() -> None:
        if store.random.random() < 0.1:
            await asyncio.sleep(0)

    listing = KeyLister(
        store,
        scan,
        concurrency=concurrency,
        counts=counts,
        wait_for_space=wait_for_space,
        on_page=on_page,
        on_error=lambda *failure: failures.append(failure),
    )
    run = asyncio.create_task(listing.run())
    try:
        if end is None:
            await asyncio.wait_for(run, 60)
        else:
            await end.wait()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
    finally:
        store.closed = True
        # Whatever was left running would show itself now.
        for _ in range(9):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() <= others, "a task is left"
    assert not store.wrongs, store.wrongs
    # (Some are cancelled before they are sent.)
    assert counts.requests == store.requests or (end and counts.requests > store.requests)
    assert store.most_in_flight <= concurrency
    return found, bad, failures


class Trial:
    """One listing, all of whose choices come of its seed."""

    def __init__(self, seed: int) -> None:
        source = self.source = random.Random(seed)
        keys = random_keys(source)
        self.walk = source.random() < 0.6
        self.depth = source.choice([None, None, 0, 1, 2])
        names = [part for key in keys for part in key.split("/") if part not in BAD] or ["a"]
        rules = [source.choice(names) for _ in range(source.choice([0, 0, 1, 3]))]
        self.exclude = [r + source.choice(["", "/"]) for r in rules] + source.choice(
            [[], [], ["k0*"], ["k*1"], ["/a*/*"]]
        )
        self.patterns = random_patterns(source)
        more = random.Random(seed + 2)
        #: Whether patterns ask for something not to be there.
        self.denies = more.random() < 0.5
        if self.denies:
            self.patterns = patterns_that_say_more(more)
        self.concurrency = source.choice([1, 2, 3, 6, 12, 32])
        limit = source.choice([1, 2, 3, 5, 8, 30])
        part = random.Random(seed + 1)
        broken = None
        if keys and part.random() < 0.2:
            first = part.randrange(len(keys))
            broken = keys[first], keys[min(first + part.choice([1, 5, 50]), len(keys) - 1)]
        unsteady: list[str] = []
        if keys and part.random() < 0.2 and not self.denies:
            unsteady = [f"{key}{part.choice(['', '1', '/f', '/a/f'])}" for key in keys]
            unsteady = [k for k in part.sample(unsteady, len(unsteady) // 3) if k not in keys]
        self.whims = Whims(
            limit=limit,
            page_size=max(limit, source.choice([1, 1, limit, limit * 4])),
            can_start=source.random() < 0.7,
            inclusive=source.random() < 0.5,
            repeats=source.random() < 0.5,
            echoes=part.random() < 0.2,
            heeds_end=source.random() < 0.5,
            empty=source.choice([0, 0, 0.2, 0.6]),
            faults=source.choice([0, 0, 0.1, 0.6]),
            expires=part.choice([0, 0, 0.2]),
            denied=part.choice([None, None, None, "", part.choice(keys or [""])[:3]]),
            levels_denied=part.random() < 0.1,
            broken=broken,
        )
        self.store = OddStore(keys, self.whims, source, unsteady)

    def scan(self) -> KeyScan | KeyWalk:
        exclude = ExcludeRules(self.exclude)
        if self.walk:
            return KeyWalk(self.depth, exclude)
        return KeyScan(self.patterns, "src", self.depth, exclude)

    def run(self) -> str:
        """How it went; raises `AssertionError` if anything is not as it should be."""
        store = self.store
        try:
            found, bad, failures = asyncio.run(listed(store, self.scan(), self.concurrency))
        except (Refused, ConnectionResetError, BadAnswer, FlatDenied):
            assert store.requests <= 9, "the first request failed, and others followed"
            return "nothing"
        told = facts(found, walk=self.walk)
        assert len(told) == len(set(told)), "told twice"
        kept = [key for key in store.keys if not missed(key, failures)]
        least, least_bad = in_one_go(kept, self.scan())
        most, most_bad = in_one_go([*store.keys, *store.unsteady], self.scan())
        lost = set(facts(least, walk=self.walk)) - set(told)
        if self.denies and not self.walk and failures:
            # Of what was not read nobody knows that it is not there.
            lost = set()
        invented = set(told) - set(facts(most, walk=self.walk))
        assert not lost, f"lost: {sorted(lost)[:9]}"
        assert not invented, f"invented: {sorted(invented)[:9]}"
        assert {*map(bad_place, least_bad)} <= {*map(bad_place, bad)} <= {*map(bad_place, most_bad)}
        whims = self.whims
        reasons = whims.faults or whims.broken or (whims.expires and not whims.can_start)
        if not reasons and (whims.can_start or whims.denied is None):
            assert not failures, failures
        return "part" if failures else "all"


def trial(seed: int) -> str:
    """See the module."""
    return Trial(seed).run()


def main() -> None:
    retry._FIRST_DELAY = 0.0
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    end = time.monotonic() + (float(sys.argv[2]) if len(sys.argv) > 2 else 60)
    how: dict[str, int] = {}
    failed = 0
    while time.monotonic() < end and failed < 20:
        try:
            result = trial(seed)
        except Exception as error:
            result = "FAILED"
            failed += 1
            print(seed, type(error).__name__, str(error)[:300], flush=True)
        how[result] = how.get(result, 0) + 1
        seed += 1
    print(seed, how)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
