"""Decides which requests list all keys of a source, and what their answers mean.

A store hands out its keys sorted, page by page. One page after another takes the fewest requests
and the longest time. To list in parallel, the keys are cut into ranges:

* A :class:`KeyRange` is a part of the keys. It is listed by one request at a time.
* A range is cut at a child prefix that is known to be ahead of it. The range that promises most
  is cut, in halves, as long as it promises more than two pages.
* Where no child prefix is known, a :class:`Probe` asks for some: one request with a delimiter, at
  a level above, that begins after the directory in which the range is. The range is listed
  meanwhile. A probe may find nothing (in one large directory, or in a deep chain nothing lies
  beside). After each such probe the range waits for twice as many pages as before.
* Keys that the taker does not want (excluded, or too deep) are skipped. Where a whole page was
  spent on them, the level is listed with a delimiter, up to the first directory that is wanted.

Invariants:

* Each key of the source that has not been handed to the taker belongs to exactly one open range.
* The keys of a range are handed over in order, each once.
* A range is in flight (one request), or ready (in `_ready`), or has ended. It ends once.
* What is kept grows with the number of open ranges, which is at most that of requests in flight
  and ready, and not with the number of keys.

A *position* is the first key that may come next: `just_after` a key, or the `successor` of all
keys that begin with a prefix. It can be compared with keys and with other positions. A store is
given a key to start after (`_before` a position); what it lists before the position is left out.

This module does no I/O and knows neither a store nor an event loop. `lister` sends the requests.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

#: The last code point.
LAST = "\U0010ffff"
#: Sorts after every key: none is longer than 1,024 bytes, or characters.
_END = LAST * 1025
#: How many keys a range may have whose end is not known.
_UNKNOWN = float("inf")
#: How many pages in a row may bring nothing new.
MAX_EMPTY_PAGES = 1000
#: How many probes may fail in a row before no more are sent.
_MAX_FAILED_PROBES = 3
#: How many cuts a page allows for, as long as nobody knows how large a child is.
_FIRST_CUTS = 8
#: At how many points of a page the taker is asked whether it wants what comes.
_CHECKS_PER_PAGE = 8

#: Why a request failed: `refused` is what will fail again, `transient` what has failed too often.
Failure = Literal["denied", "refused", "too large", "transient", "unsorted"]


class Page(NamedTuple):
    """What one request brought. All names are relative to the source."""

    #: Ascending; with a delimiter those that have none after the prefix.
    keys: Sequence[str]
    #: Ascending, each with its slash at the end.
    prefixes: Sequence[str]
    #: The continuation token of the next page; `None` if this was the last.
    token: Any


class Request(NamedTuple):
    """A page to ask for."""

    #: Only keys that begin with this.
    prefix: str
    #: Only keys after this.
    after: str
    #: Keys from this on are of no use; they may be listed.
    end: str | None
    #: The continuation token. All else is then as it was for the page before.
    token: Any
    #: Whether one level is asked for, and not all keys below the prefix.
    delimiter: bool
    target: KeyRange | Probe


class Lost(NamedTuple):
    """Keys that are not listed: the prefix, after which key, and before which."""

    prefix: str
    after: str
    end: str | None
    #: What is wrong with the store's answers; `None` if a request failed.
    reason: str | None = None


class KeyTaker(Protocol):
    """Takes the keys: the core's `KeyScan` or `KeyWalk`."""

    def whole(self) -> int: ...
    def split(self, range_id: int, at: str, /) -> int: ...
    def keys(self, range_id: int, keys: Sequence[str], /) -> None: ...
    def prefix(self, range_id: int, prefix: str, /) -> bool: ...
    def skip(self, range_id: int, /) -> str | None: ...
    def end(self, range_id: int, /) -> None: ...


@dataclass(slots=True, eq=False)
class _Level:
    """The children of one prefix. Ranges that were cut there share it."""

    prefix: str = ""
    #: All child prefixes before this position are known.
    known: str = ""
    #: Children that were listed to their end, and their keys.
    children: int = 0
    keys: int = 0
    #: How large a child may be, as long as none was.
    guess: int = 1
    #: How many cuts are left, as long as none was: each page allows for more.
    cuts_left: int = 0

    @property
    def child_size(self) -> float:
        """How many keys a child may have. (One that is large does not make others seem large.)"""
        return max(self.keys / self.children, 1) if self.children else self.guess


@dataclass(slots=True, eq=False)
class KeyRange:
    """A part of the keys: those from `start` on, before `end`."""

    number: int
    #: All of them begin with this.
    prefix: str
    #: Keys before this were handed over, or are of no use. (The source's own marker is no key.)
    start: str = "\0"
    end: str | None = None
    token: Any = None
    #: Where the listing that the token continues was begun, and where it was to end.
    asked: tuple[str, str | None] = ("", None)
    #: The level that is listed with a delimiter, as long as nothing there is wanted.
    delimited: str | None = None
    level: _Level = field(default_factory=_Level)
    #: The child prefixes of the level that are ahead, and its keys among them.
    cuts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    #: Levels above, each up to the position before which its child prefixes were looked for.
    probed: dict[str, str] = field(default_factory=dict)
    #: How many keys it was taken to have when it was cut.
    expected: float = _UNKNOWN
    #: How many keys were listed, and how many of these in the child that is being listed.
    keys: int = 0
    child_keys: int = 0
    pages: int = 0
    probing: bool = False
    empty_probes: int = 0
    #: No probe before so many pages.
    next_probe: int = 1
    #: The last page.
    page: Sequence[str] = ()
    #: The last name that was listed, and how many pages have brought none after it.
    furthest: str = ""
    empty_pages: int = 0
    has_ended: bool = False

    @property
    def bound(self) -> str:
        return _END if self.end is None else self.end

    @property
    def is_over(self) -> bool:
        return self.start >= self.bound

    @property
    def all_known(self) -> bool:
        """Whether all child prefixes of the level that are ahead are among `cuts`."""
        return self.level.known >= min(self.bound, _past(self.level.prefix))

    @property
    def child_left(self) -> float:
        """How many keys the child that is being listed may still have.

        One that is larger than others may be as much larger again.
        """
        return abs(self.level.child_size - self.child_keys)

    @property
    def promise(self) -> float:
        """How many keys the child prefixes ahead may hold, with the child that is being listed."""
        return self.child_left + self.level.child_size * len(self.cuts)

    @property
    def left(self) -> float:
        """How many keys may be left, by what was expected; as for `child_left`."""
        return abs(self.expected - self.keys)

    def begin_level(self, prefix: str) -> None:
        """Its children will be looked for. What was listed is a sample of their size."""
        self.level = _Level(prefix)
        self.child_keys = self.keys
        self.sample()

    def sample(self) -> None:
        """Counts the children of the level that end on the last page, and their keys."""
        page, prefix = self.page, self.level.prefix
        first = last = index = bisect_left(page, prefix)
        end = bisect_left(page, _past(prefix))
        children = -1
        while index < end:
            entry = child(page[index], prefix)
            if entry.endswith("/"):
                children += 1
                last = index
            index = bisect_left(page, _behind(entry), index + 1)
        if children > 0:
            self.level.children += children
            self.level.keys += last - first
            self.child_keys = end - last

    def take(self, keys: Sequence[str]) -> None:
        """Its next keys were handed over."""
        self.page = keys
        self.keys += len(keys)
        self.child_keys += len(keys)
        position = just_after(keys[-1])
        begun = bisect_left(self.cuts, position)
        if begun:
            in_last = len(keys) - bisect_left(keys, self.cuts[begun - 1])
            self.level.children += begun
            self.level.keys += self.child_keys - in_last
        self.skip_to(position)
        if begun:
            self.child_keys = in_last

    def skip_to(self, start: str) -> None:
        """Nothing before `start` is to come any more."""
        self.start = max(self.start, start)
        if self.cuts and self.cuts[0] < self.start:
            # What was not listed to its end says nothing about the size of children.
            del self.cuts[: bisect_left(self.cuts, self.start)]
            self.child_keys = 0


@dataclass(slots=True, eq=False)
class Probe:
    """A search for the child prefixes of a level that are ahead of a range."""

    range: KeyRange
    level: str
    start: str
    after: str
    end: str | None
    pages: list[Page] = field(default_factory=list)


class Planner:
    """One listing of all keys below a source.

    Ask for requests by `next_request`, as many as may be in flight, and hand over what comes of
    each, in any order, to `answered` or `failed`.
    """

    def __init__(self, taker: KeyTaker, *, page_size: int, can_start: bool) -> None:
        """
        Args:
            taker: What takes the keys.
            page_size: Most keys in a page.
            can_start: Whether a listing can start after any key. Otherwise only at a prefix.
        """
        self._taker = taker
        self._max_page = page_size
        self._can_start = can_start
        #: Whether a page of keys was taken.
        self.has_begun = False
        first = KeyRange(taker.whole(), "")
        self._open = {first}
        self._ready: deque[KeyRange | Probe] = deque([first])
        self._cuttable = _Ranking(self._cut_value)
        self._probeable = _Ranking(self._probe_value)
        #: Most keys in a page that was not the last.
        self._largest_page = 0
        self._failed_probes = 0
        #: Levels that cannot be listed with a delimiter.
        self._too_large: set[str] = set()
        #: Whether a range may be asked for by a longer prefix than the source's.
        self._may_narrow = True
        #: Whether unwanted levels may be listed with a delimiter.
        self._may_delimit = can_start

    @property
    def is_done(self) -> bool:
        """Whether all keys are listed. Probes that are in flight then are of no use."""
        return not self._open

    def next_request(self) -> Request | None:
        """The next request; `None` if there is nothing to ask for until one is answered."""
        if self.is_done:
            return None
        if self._ready:
            target = self._ready.popleft()
        else:
            found = self._cut_off() or self._start_probe()
            if found is None:
                return None
            target = found
        if isinstance(target, Probe):
            token = target.pages[-1].token if target.pages else None
            return Request(target.level, target.after, target.end, token, True, target)
        asked = _before(target.start), target.end
        if target.token is None and asked != target.asked:
            target.asked = asked
            target.furthest, target.empty_pages = "", 0
        level = target.delimited
        prefix = target.prefix if level is None else level
        return Request(prefix, *target.asked, target.token, level is not None, target)

    def answered(self, request: Request, page: Page) -> Lost | None:
        """Takes a page, whose names must be in order. Tells if the rest of its range is lost."""
        target = request.target
        if isinstance(target, Probe):
            self._take_probe(target, page)
            return None
        if page.token is not None:
            self._largest_page = max(self._largest_page, len(page.keys))
        lost = None
        try:
            more = self._take(target, page)
        except ValueError as error:
            return self._lose_order(target, str(error))
        self.has_begun = True
        if more and self._is_stuck(target, request, page):
            reason = "the store says that there is more, and never lists it"
            lost = Lost(target.prefix, _before(target.start), target.end, reason)
        self._go_on(target, more and lost is None)
        return lost

    def failed(self, request: Request, failure: Failure) -> Lost | None:
        """Takes a failure. Tells if the rest of the range is lost; else it is asked otherwise."""
        target = request.target
        if isinstance(target, Probe):
            self._fail_probe(target, failure)
            return None
        if failure == "unsorted":
            return self._lose_order(target, "a page is not sorted")
        if target.delimited is not None:
            # Some may list the source and not its levels, and some levels are too large.
            self._may_delimit = False
            target.delimited = None
        elif failure == "denied" and target.prefix and self._can_start:
            # Some may list the source and not a prefix by itself.
            self._may_narrow = False
            target.prefix = ""
        elif failure != "refused" or target.token is None or not self._can_start:
            self._go_on(target, False)
            return Lost(target.prefix, _before(target.start), target.end)
        # Also if the token was refused: the listing goes on after the last key.
        target.token = None
        self._go_on(target, True)
        return None

    def _lose_order(self, range_: KeyRange, what: str) -> Lost:
        # What is missing may be anywhere.
        self._go_on(range_, False)
        return Lost("", "", None, f"the store does not list its keys in order: {what}")

    def _go_on(self, range_: KeyRange, more: bool) -> None:
        """Makes a range ready for its next request, or ends it."""
        if more:
            self._ready.append(range_)
        else:
            range_.has_ended = True
            self._open.remove(range_)
            self._taker.end(range_.number)
        self._rank(range_)

    def _rank(self, range_: KeyRange) -> None:
        self._cuttable.update(range_)
        self._probeable.update(range_)

    @property
    def _page_size(self) -> int:
        """Most keys in a page: some stores give fewer than they say."""
        return min(self._max_page, self._largest_page or self._max_page)

    # Pages of a range

    def _take(self, range_: KeyRange, page: Page) -> bool:
        """Hands over a page. Whether the range has more."""
        range_.pages += 1
        if range_.delimited is not None:
            return self._take_level(range_, page, range_.delimited)
        keys = page.keys
        old = _old(keys, range_)
        if old:
            keys = keys[old:]
        more = page.token is not None
        if range_.end is not None and keys and keys[-1] >= range_.end:
            keys = keys[: bisect_left(keys, range_.end)]
            more = False
        range_.token = page.token
        if not keys:
            return more
        none_wanted = self._hand_over(range_, keys)
        range_.level.cuts_left += _FIRST_CUTS
        range_.take(keys)
        if range_.probing:
            range_.sample()
        return more and self._skip(range_, none_wanted)

    def _hand_over(self, range_: KeyRange, keys: Sequence[str]) -> bool:
        """Hands over keys. Whether all were in unwanted directories of one level."""
        levels: set[str | None] = set()
        step = max(len(keys) // _CHECKS_PER_PAGE, 1)
        for begin in range(0, len(keys), step):
            self._taker.keys(range_.number, keys[begin : begin + step])
            unwanted = self._taker.skip(range_.number)
            levels.add(None if unwanted is None else parent(unwanted))
            if None in levels or len(levels) > 1:
                self._taker.keys(range_.number, keys[begin + step :])
                return False
        return True

    def _skip(self, range_: KeyRange, none_wanted: bool) -> bool:
        """Skips what is not wanted. Whether the range has more."""
        unwanted = self._taker.skip(range_.number)
        if unwanted is not None and self._can_start:
            range_.token = None
            range_.skip_to(successor(unwanted))
            if self._may_delimit and none_wanted:
                # A whole page was spent. The directories beside may be unwanted, too.
                range_.delimited = parent(unwanted)
        return not range_.is_over

    def _take_level(self, range_: KeyRange, page: Page, level: str) -> bool:
        """Hands over a level's keys and prefixes, up to the first prefix that is wanted."""
        entries = sorted({*page.keys, *page.prefixes})
        del entries[: _old(entries, range_)]
        range_.token = page.token
        for index, entry in enumerate(entries):
            if entry >= range_.bound:
                return False
            if not entry.endswith("/"):
                self._taker.keys(range_.number, [entry])
            elif self._taker.prefix(range_.number, entry):
                # From here on it is listed flat. The other entries are what a probe would find.
                range_.delimited = range_.token = None
                range_.skip_to(just_after(entry))
                if not range_.cuts:
                    range_.begin_level(level)
                self._learn(range_, level, entries[index + 1 :], _reached(page, range_.end))
                return True
            range_.skip_to(_behind(entry))
        if page.token is None:
            # All keys that begin with the level are listed.
            range_.delimited = None
            range_.skip_to(_past(level))
        return not range_.is_over

    def _is_stuck(self, range_: KeyRange, request: Request, page: Page) -> bool:
        """Whether too many pages in a row have brought nothing new."""
        last = max([*page.keys[-1:], *page.prefixes[-1:]], default="")
        if last > range_.furthest:
            range_.furthest, range_.empty_pages = last, 0
        else:
            # Empty pages happen. One that leads to itself counts for more.
            itself = request.token is not None and page.token == request.token
            range_.empty_pages += 100 if itself else 1
        return range_.empty_pages >= MAX_EMPTY_PAGES

    # Cuts

    def _cut_value(self, range_: KeyRange) -> float:
        """What a range promises, if it is worth a cut, else 0."""
        # (A level that is listed with a delimiter is done soon.)
        if not range_.cuts or range_.has_ended or range_.delimited == range_.level.prefix:
            return 0
        if not self._can_start and (
            range_.level.child_size < self._page_size or range_.bound > _past(range_.level.prefix)
        ):
            return 0
        if not (range_.level.children or range_.level.cuts_left):
            return 0
        return range_.promise if range_.promise >= 2 * self._page_size else 0

    def _cut_off(self) -> KeyRange | None:
        """A new range, from the one that promises most."""
        while (best := self._cuttable.best()) is not None:
            # Where a listing cannot start after a key, only whole prefixes can be asked for.
            # (All that are ahead are known.)
            index = len(best.cuts) - 1
            if self._can_start:
                # Both parts may be as large.
                children_left = best.child_left / best.level.child_size
                index = min(max(int((index + 2 - children_left) / 2), 0), index)
            new = self._cut(best, index)
            self._rank(best)
            if not new.is_over:
                self._open.add(new)
                self._rank(new)
                return new
            self._taker.end(new.number)
        return None

    def _cut(self, range_: KeyRange, index: int) -> KeyRange:
        """Cuts a range at one of the prefixes ahead; what is behind is a new range."""
        at = range_.cuts[index]
        level = range_.level
        all_known = range_.all_known
        number = self._taker.split(range_.number, at)
        new = KeyRange(number, range_.prefix, just_after(at), range_.end, level=level)
        new.probed = {name: end for name, end in range_.probed.items() if at.startswith(name)}
        new.cuts = range_.cuts[index + 1 :]
        first_file = bisect_left(range_.files, at)
        new.files = range_.files[first_file:]
        if all_known:
            new.expected = new.promise
        range_.end = at
        del range_.cuts[index:]
        del range_.files[first_file:]
        # Nobody knows how large a child is that is much larger than others.
        level.cuts_left = max(level.cuts_left - 1, 0)
        is_large = range_.child_keys >= 2 * level.child_size
        range_.expected = _UNKNOWN if is_large else range_.keys + range_.promise
        wanted = self._taker.prefix(number, at)
        # (Of what is beyond the level nothing is known.)
        if not new.cuts and all_known and new.bound <= _past(level.prefix):
            # One directory. What is beside it is known, and need not be listed.
            behind = successor(at)
            if behind < new.bound:
                rest = self._taker.split(number, behind)
                self._taker.keys(rest, new.files)
                self._taker.end(rest)
                new.end = behind
            new.files = []
            if self._may_narrow:
                new.prefix = at
        if not wanted:
            new.skip_to(successor(at))
        return new

    # Probes

    def _probe_value(self, range_: KeyRange) -> float:
        """How much a range may have ahead, if a probe may find where to cut it, else 0."""
        if (
            range_.cuts
            or range_.probing
            or range_.has_ended
            or range_.pages < range_.next_probe
            or range_.left < 2 * self._page_size
            or self._probe_level(range_) is None
        ):
            return 0
        return range_.left

    def _probe_level(self, range_: KeyRange) -> tuple[str, str] | None:
        """Where to look for prefixes: the level, and the position to start from."""
        levels = []
        slash = -1
        while True:
            level = range_.start[: slash + 1]
            slash = range_.start.find("/", slash + 1)
            # After the directory in which the range is.
            start = range_.start if slash < 0 else successor(range_.start[: slash + 1])
            start = max(start, range_.probed.get(level, ""))
            if level == range_.delimited:
                break
            if start < min(range_.bound, _past(level)) and level not in self._too_large:
                levels.append((level, start))
            if slash < 0:
                break
        if not levels:
            return None
        if range_.empty_probes % 2 and range_.page:
            # The top had nothing. Next is the level at which the last page changed directories.
            common = common_directory(range_.page[0], range_.page[-1])
            for level, start in levels:
                if len(level) >= len(common):
                    return level, start
        return levels[0]

    def _start_probe(self) -> Probe | None:
        if self._failed_probes >= _MAX_FAILED_PROBES:
            return None
        best = self._probeable.best()
        if best is None or (found := self._probe_level(best)) is None:
            return None
        level, start = found
        best.probing = True
        self._rank(best)
        best.begin_level(level)
        return Probe(best, level, start, _before(start) if self._can_start else "", best.end)

    def _take_probe(self, probe: Probe, page: Page) -> None:
        probe.pages.append(page)
        if page.token is not None and not self._can_start and len(probe.pages) < 3:
            self._ready.appendleft(probe)
            return
        keys = [key for page in probe.pages for key in page.keys]
        prefixes = [prefix for page in probe.pages for prefix in page.prefixes]
        seen = Page(keys, prefixes, page.token)
        if not (self._can_start or _in_any_order(seen)):
            self._fail_probe(probe, "unsorted")
            return
        self._failed_probes = 0
        range_ = probe.range
        if range_.has_ended:
            return
        range_.probing = False
        if page.token is not None and not self._can_start:
            # Of no use: the next probe would have to begin at the first entry again.
            self._wait(range_)
            return
        reached = max(probe.start, _reached(seen, probe.end))
        if self._learn(range_, probe.level, sorted({*keys, *prefixes}), reached):
            range_.empty_probes = 0
            self._rank(range_)
        else:
            self._wait(range_, not_at_all=page.token is None and not range_.empty_probes)

    def _fail_probe(self, probe: Probe, failure: Failure) -> None:
        probe.range.probing = False
        if failure == "too large":
            self._too_large.add(probe.level)
        else:
            # The range is listed in any case: if something is wrong, that will show it.
            self._failed_probes += 1
        self._wait(probe.range)

    def _wait(self, range_: KeyRange, *, not_at_all: bool = False) -> None:
        """No other probe of a range for a number of pages, after one that found nothing."""
        range_.empty_probes += 1
        pages = 0 if not_at_all else 3 * 2 ** (range_.empty_probes - 1)
        range_.next_probe = range_.pages + pages
        self._rank(range_)

    def _learn(self, range_: KeyRange, level: str, entries: list[str], reached: str) -> bool:
        """Takes note of the children of a level that are ahead. Whether there are any."""
        probed = range_.probed
        probed[level] = max(probed.get(level, ""), reached)
        for name in [name for name in probed if not range_.start.startswith(name)]:
            del probed[name]
        if range_.cuts:
            return True
        ahead = entries[bisect_left(entries, range_.start) : bisect_left(entries, range_.bound)]
        range_.cuts = [entry for entry in ahead if entry.endswith("/")]
        if not range_.cuts:
            return False
        range_.files = [entry for entry in ahead if not entry.endswith("/")]
        if range_.level.prefix != level or range_.level.known:
            # Another level was listed meanwhile; other ranges may share what is known of it.
            range_.begin_level(level)
        range_.level.known = reached
        range_.level.guess = max(range_.keys, 1)
        range_.level.cuts_left = _FIRST_CUTS
        return True


class _Ranking:
    """Ranges by their value. Those of no value are left out."""

    def __init__(self, value: Callable[[KeyRange], float]) -> None:
        self._value = value
        self._entries: dict[KeyRange, tuple[float, int, KeyRange]] = {}
        self._sorted: list[tuple[float, int, KeyRange]] = []

    def update(self, range_: KeyRange) -> None:
        """A range has changed."""
        entry = self._entries.pop(range_, None)
        if entry is not None:
            del self._sorted[bisect_left(self._sorted, entry)]
        value = self._value(range_)
        if value:
            # (No two have the same number, so ranges are not compared.)
            entry = self._entries[range_] = (value, -range_.number, range_)
            insort(self._sorted, entry)

    def best(self) -> KeyRange | None:
        """The range of the highest value."""
        while self._sorted:
            range_ = self._sorted[-1][2]
            # Its value may be out of date: ranges of one level share what is known of it.
            self.update(range_)
            if self._sorted and self._sorted[-1][2] is range_:
                return range_
        return None


def _in_any_order(page: Page) -> bool:
    """Whether a level is in the order of its bytes, and of UTF-16, by which some stores sort.

    A cut between two names that the store orders otherwise would end a range too early.
    """
    keys, prefixes, _ = page
    if prefixes != sorted(prefixes) or keys != sorted(keys):
        return False
    entries = sorted([*keys, *prefixes])
    return entries == sorted(entries, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


# Positions


def just_after(key: str) -> str:
    """The first key that sorts after a key."""
    return f"{key}\0"


def successor(prefix: str) -> str:
    """The first key that sorts after all those that begin with a directory's prefix."""
    return f"{prefix[:-1]}0"


def _behind(entry: str) -> str:
    """The first key that sorts after an entry of a level, and after all in it."""
    return successor(entry) if entry.endswith("/") else just_after(entry)


def _past(level: str) -> str:
    return successor(level) if level else _END


def _before(start: str) -> str:
    """A key to start after, so that all keys from the position `start` on are listed.

    Few others are listed, too: those that begin with a prefix and U+10FFFF.
    """
    return f"{start[:-1]}/{LAST}" if start.endswith("0") else start[:-1]


def _old(names: Sequence[str], range_: KeyRange) -> int:
    """How many of the first names of a page are before a range's position."""
    if not names or names[0] >= range_.start:
        return 0
    if _before(range_.start) == range_.asked[0]:
        # The first page of a listing. Some stores begin at the key to start after, or at a
        # directory's name for its prefix; see `_before`, too.
        return bisect_left(names, range_.start)
    # Some list the last key again (a prefix may be there twice). All else must be in order.
    return int(just_after(names[0]) == range_.start)


def _reached(page: Page, end: str | None) -> str:
    """The position up to which a page shows all there is of a level."""
    if page.token is None:
        return _END if end is None else end
    return max([_behind(name) for name in (*page.keys[-1:], *page.prefixes[-1:])], default="")


def parent(directory: str) -> str:
    """The directory above, both with a slash at the end; "" is the source."""
    return directory[: directory.rfind("/", 0, -1) + 1]


def child(key: str, level: str) -> str:
    """The child of a level that a key is in: a prefix, or the key itself."""
    slash = key.find("/", len(level))
    return key if slash < 0 else key[: slash + 1]


def common_directory(one: str, other: str) -> str:
    """The deepest directory that both keys are in."""
    end = 0
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            break
        if a == "/":
            end = index + 1
    return one[:end]
