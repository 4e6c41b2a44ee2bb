"""Ranges of keys as tasks, for stores that are listed flat.

A task has some ranges, each with what the planner knows of it (`pathvein._remote.keys.sharing`).
The worker lists them with a `KeyScan` for each, which gives back what it has found, and the state
of the directories that may have keys elsewhere.
"""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pathvein_core import KeyScan

from pathvein._remote.errors import Disordered, FlatDenied, Unfit
from pathvein._remote.keys.lister import Budget, KeyLister, lost_keys, open_obstore_lister
from pathvein._remote.keys.ranges import KeyRange, common_directory
from pathvein._remote.keys.sharing import Borrowed, Rest, Shares, packed
from pathvein._remote.loop import run_on_loop

if TYPE_CHECKING:
    from pathvein._remote.keys.traits import Traits
    from pathvein._remote.source import RemoteSource
    from pathvein.pattern import FileStructurePattern

#: In how many ranges the source must be divisible until the first task ends.
FIRST_PIECES = 48


class NotFlat(Exception):
    """The source cannot be listed flat. The reason is told if it is to be a warning."""


class NotByObstore(Exception):
    """The source cannot be listed by obstore, for this reason."""


# The caller's side


class KeyDivision:
    """The ranges of keys of a source, and what came of those that are listed."""

    def __init__(
        self,
        source: RemoteSource,
        patterns: list[FileStructurePattern],
        options: Mapping[str, Any],
        lister: str,
    ) -> None:
        self._url = source.url
        #: What lists it: obstore, or the file system.
        self.lister = lister
        self._scan = KeyScan(
            patterns,
            source.name,
            options["max_depth"],
            options["exclude"],
            outermost=options["outermost"],
            check=options["check"],
        )
        adapter: Any = source.adapter
        self._shares = Shares(self._scan, page_size=adapter.page_size, can_start=adapter.can_start)
        self._tasks: dict[int, list[KeyRange]] = {}
        self._numbers = itertools.count()

    @property
    def waiting(self) -> int:
        """See `Division`."""
        return self._shares.waiting

    def next_task(self, most: int) -> tuple[int, bytes] | None:
        """See `Division`."""
        waiting = self._shares.waiting
        if not waiting:
            return None
        number = next(self._numbers)
        self._tasks[number] = lent = self._shares.lend(min(most / waiting, 1.0))
        spans = [self._scan.left(range_.number) for range_ in lent]
        task = self.lister, [*map(packed, lent)], spans, self._shares.traits
        return number, pickle.dumps(task)

    def take(self, task: int, outcome: bytes) -> None:
        """See `Division`."""
        lent = self._tasks[task]
        try:
            traits, parts = pickle.loads(outcome)
            told = [(Rest(*rest), bytes(told)) for rest, told in parts]
            if len(told) != len(lent):
                raise ValueError("another task's")
        except Exception as error:
            raise ValueError("this is no outcome of this task") from error
        del self._tasks[task]
        self._shares.traits.learn(traits)
        for range_, (rest, part) in zip(lent, told, strict=True):
            self._shares.returned(range_, rest, self._scan.take_part(range_.number, part))

    def give_up(self, task: int) -> list[str]:
        """See `Division`."""
        urls: dict[str, None] = {}
        for range_ in self._tasks.pop(task):
            self._shares.lose(range_)
            urls[self._url(common_directory(range_.start, range_.end or "").rstrip("/"))] = None
        return list(urls)

    @property
    def counts(self) -> tuple[int, int, int]:
        """See `Division`: a directory may have keys in several parts."""
        return self._scan.counts()

    def found(self) -> tuple[list[Any], list[str]]:
        """The results since the last call, and the keys that are no path."""
        return self._scan.take()


# The worker's side


class _Taker:
    """Several parts of a scan as one taker of keys: ranges are numbered through."""

    def __init__(self) -> None:
        self._ranges: list[tuple[KeyScan, int]] = []

    def add(self, scan: KeyScan, range_id: int) -> int:
        """A range of one of the parts."""
        self._ranges.append((scan, range_id))
        return len(self._ranges) - 1

    def whole(self) -> int:
        raise NotImplementedError

    def split(self, range_id: int, at: str) -> int:
        scan, inner = self._ranges[range_id]
        return self.add(scan, scan.split(inner, at))

    def keys(self, range_id: int, keys: Sequence[str]) -> None:
        scan, inner = self._ranges[range_id]
        scan.keys(inner, keys)

    def prefix(self, range_id: int, prefix: str) -> bool:
        scan, inner = self._ranges[range_id]
        return scan.prefix(inner, prefix)

    def skip(self, range_id: int) -> str | None:
        scan, inner = self._ranges[range_id]
        return scan.skip(inner)

    def end(self, range_id: int) -> None:
        scan, inner = self._ranges[range_id]
        scan.end(inner)

    def break_off(self, range_id: int) -> None:
        scan, inner = self._ranges[range_id]
        scan.break_off(inner)

    def distrust(self) -> None:
        for scan, _ in self._ranges:
            scan.distrust()


async def _always_space() -> None:
    pass


class KeyWorker:
    """Lists ranges of keys, by obstore or by the file system."""

    def __init__(
        self,
        source: RemoteSource,
        patterns: list[FileStructurePattern],
        options: Mapping[str, Any],
        lister: str,
    ) -> None:
        self._source, self._patterns, self._options = source, patterns, options
        self._is_obstore = lister == "obstore"
        self._store: Any = None

    def run(
        self,
        ranges: list[KeyRange],
        spans: list[tuple[bytes, bytes | None]],
        traits: Traits,
        seconds: float | None,
        pages: int | None,
        errors: list[OSError],
    ) -> bytes:
        """List ranges up to the end of a budget. The spans are those of the caller's scan.

        Raises `NotFlat` or `NotByObstore` if they must be listed otherwise, and the `OSError` of
        a source that cannot be listed.
        """
        source, options = self._source, self._options
        taker, parts = _Taker(), []
        for range_, span in zip(ranges, spans, strict=True):
            scan = KeyScan.part(
                self._patterns,
                source.name,
                options["max_depth"],
                options["exclude"],
                *span,
                outermost=options["outermost"],
                check=options["check"],
            )
            range_.number = taker.add(scan, scan.whole())
            parts.append((Borrowed(range_), scan))
        # Nobody knows yet if it exists.
        is_first = not traits.has_begun
        budget = Budget(seconds, pages, FIRST_PIECES if is_first else None)
        any_key = self._list(taker, ranges, traits, budget, errors)
        if is_first and not any_key:
            source.wait(source.adapter.check_source())
        told = []
        for borrowed, scan in parts:
            left, *behind = borrowed.rest()
            told.append((([*map(packed, left)], *behind), scan.hand_back()))
        return pickle.dumps((traits, told))

    def _list(
        self,
        taker: _Taker,
        ranges: list[KeyRange],
        traits: Traits,
        budget: Budget,
        errors: list[OSError],
    ) -> bool:
        """Whether there was any key."""
        source = self._source
        adapter: Any = source.adapter
        lister = None
        try:
            if self._store is None:
                self._store = open_obstore_lister(adapter) if self._is_obstore else adapter
            store = self._store
            if self._is_obstore:
                store.believe(traits.facts)
            lister = KeyLister(
                store,
                taker,
                concurrency=adapter.most_requests,
                counts=adapter.counts,
                wait_for_space=_always_space,
                on_page=lambda any_key: None,
                on_error=lambda *lost: errors.append(lost_keys(source, store, *lost)),
                traits=traits,
                ranges=ranges,
                budget=budget,
            )
            run_on_loop(adapter.loop, lister.run())
            if self._is_obstore:
                traits.facts |= store.facts
        except Unfit as unfit:
            raise NotByObstore(str(unfit)) from unfit
        except Disordered as error:
            reason = "its keys are not sorted" if self._is_obstore else ""
            raise NotFlat(reason) from error
        except FlatDenied as error:
            if self._is_obstore:
                # Perhaps the file system is not.
                raise NotByObstore("it is denied a flat listing") from error
            raise NotFlat from error
        except MemoryError:
            raise
        except Exception as error:
            if lister is None or lister.any_key or traits.has_begun:
                raise
            errors_of = adapter.errors
            raise errors_of.os_error(error, source.url(), "reading the directory") from error
        return lister.any_key
