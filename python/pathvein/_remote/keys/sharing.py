"""A listing that other processes do in parts: which ranges of keys are lent, and what is left.

The caller holds the `Shares`, a planner that sends no requests. It lends ranges, cut by the same
rules, and takes back what is left of them. Where they are listed a :class:`Planner` begins with
them, and with what is known of the store. What a range knows travels with it: child prefixes that
were found, what was said of its last key. So nobody looks for that again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pathvein._remote.keys.planner import Planner
from pathvein._remote.keys.ranges import UNKNOWN, KeyRange, can_travel
from pathvein._remote.keys.requests import KeyTaker, Lost

#: How many pages a task has at least, and how many ranges or children at which these can be cut:
#: it can use several requests then, and spends few on ends of ranges. (Less if less is left.)
_LEAST_PAGES, _LEAST_PIECES = 20, 8
#: By how much a range must be larger than a task to be cut for it.
_CUT_ABOVE = 1.5


class Rest(NamedTuple):
    """What is left of a range that was lent."""

    #: In order.
    ranges: list[KeyRange]
    #: Whether what comes right before its end is among them; else the last key that came.
    is_open: bool
    last: str


class Borrowed:
    """A range that was lent, where it is listed."""

    def __init__(self, range_: KeyRange) -> None:
        self.range = range_
        # It stands for what is behind, of which the last key before it matters.
        self._tail = KeyRange(-1, "")
        self._tail.insert_after(range_)

    def rest(self) -> Rest:
        """What is left of it, once no request is in flight."""
        left: list[KeyRange] = []
        range_ = self._tail.previous
        while range_ is not None:
            left.append(range_)
            range_ = range_.previous
        return Rest(left[::-1], self._tail.follows, self._tail.last)


def packed(range_: KeyRange) -> KeyRange:
    """A copy that can be sent: of the ranges beside it it knows nothing."""
    copy = replace(range_, previous=None, next=None, page=(), is_waiting=False)
    if copy.token is not None and not can_travel(copy.token[3]):
        # It goes on after the last key.
        copy.token, copy.by_token = None, False
    # A search for child prefixes that was not ended is begun again.
    copy.next_probe = min(copy.next_probe, copy.pages)
    return copy


class Shares(Planner):
    """The ranges of a listing that others do, each by one at a time."""

    def __init__(self, taker: KeyTaker, *, page_size: int, can_start: bool) -> None:
        #: Those that are lent.
        self._lent: set[KeyRange] = set()
        super().__init__(taker, page_size=page_size, can_start=can_start)

    @property
    def waiting(self) -> int:
        """How many ranges could be lent, if they were cut wherever that is known to pay.

        It is 0 if none can be lent before one has come back.
        """
        ready = self._lendable()
        return len(ready) + sum(
            max(min(len(one.cuts), int(one.left / (2 * self._page_size))), 0)
            for one in ready
            if one.cuts and one.left < UNKNOWN and self._value(one)
        )

    def lend(self, share: float) -> list[KeyRange]:
        """Lend about so much of what is waiting, as far as it is known how much that is.

        It is twice as much at most, so that a task has enough to do. At least one range; none
        only if nothing is waiting.
        """
        ready = self._lendable()
        share = min(2 * share, 1.0)
        size = sum(map(self._size, ready))
        enough = max(share * size / 2, min(_LEAST_PAGES * self._page_size, share * size))
        while max(map(self._size, ready), default=0.0) > _CUT_ABOVE * enough:
            new = self._help()
            if new is None:
                break
            self._ready.append(new)
            ready = self._lendable()
        pieces = min(_LEAST_PIECES, share * sum(1 + len(range_.cuts) for range_ in ready))
        lent: list[KeyRange] = []
        for range_ in ready:
            if lent and enough < self._size(range_) / 2 and pieces <= 0:
                break
            enough -= self._size(range_)
            pieces -= 1 + len(range_.cuts)
            lent.append(range_)
            self._ready.remove(range_)
            self._lent.add(range_)
            self._rank(range_)
        return lent

    def returned(self, range_: KeyRange, rest: Rest, numbers: Sequence[int]) -> None:
        """Take back a range that was lent. The taker knows what is left of it by these numbers."""
        self._lent.remove(range_)
        before = range_
        for piece, number in zip(rest.ranges, numbers, strict=True):
            follows = piece.follows
            piece.number = number
            piece.insert_after(before)
            piece.follows = follows
            self._open.add(piece)
            self._ready.append(piece)
            self._rank(piece)
            before = piece
        if rest.ranges and not range_.follows:
            # What is before it has ended meanwhile.
            first = rest.ranges[0]
            first.follows, first.last = False, max(first.last, range_.last)
        following = before.next
        if not rest.is_open and following is not None:
            self._follow(following, max(rest.last, range_.last))
        self._open.remove(range_)
        range_.unlink()

    def lose(self, range_: KeyRange) -> Lost:
        """A range that was lent cannot be listed."""
        self._lent.remove(range_)
        return self._lose(range_)

    def _lendable(self) -> list[KeyRange]:
        """What can be lent now, in order. The others wait for the range before."""
        ready = [range_ for range_ in self._ready if isinstance(range_, KeyRange)]
        for range_ in ready:
            if self._must_wait(range_):
                range_.is_waiting = True
                self._ready.remove(range_)
        return sorted((one for one in ready if not one.is_waiting), key=lambda one: one.start)

    def _size(self, range_: KeyRange) -> float:
        left = range_.left
        return left if left < UNKNOWN else max(range_.keys, 2 * self._page_size)

    def _value(self, range_: KeyRange) -> float:
        # No search is begun here, and what is lent is another's.
        return super()._value(range_) if range_.cuts and range_ not in self._lent else 0
