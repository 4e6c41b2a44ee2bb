"""Decides which requests list all keys of a source, and what their answers mean.

A store hands out its keys sorted, page by page. One page after another takes the fewest requests
and the longest time. To list in parallel, the keys are cut into ranges:

* A :class:`KeyRange` is a part of the keys. It is listed by one request at a time.
* If more requests may be sent than there are ranges, the range that has most keys left gets help.
  Where child prefixes are known to be ahead of it, it is cut at one of them, in halves.
* Where none is known, a :class:`Probe` looks for some: one request with a delimiter, at a level
  above, that begins after the directory in which the range is. The range is listed meanwhile.
  After a probe that found nothing it waits for some pages before the next.
* A range goes on after the last key that came, which exists. By token it goes on where a listing
  cannot start after a key, or a start brought nothing, and where the store's pages say so.
* A start after what need not be a key (at a cut, behind what is skipped) is where stores err. What
  the cut was made of must come; where nothing comes, a key that is known must do so first. If it
  does not, the range is listed from the last key that came before it, once that is known.
* Keys that the taker does not want (excluded, or too deep) are skipped. Where a whole page was
  spent on them, the level is listed with a delimiter, up to the first directory that is wanted.

Invariants:

* Each key of the source that has not been handed to the taker belongs to exactly one open range.
* The keys of a range are handed over in order, each once.
* A range is in flight (one request), or ready (in `_ready`), or waits until the range before it
  has ended, or has ended. It ends once: if keys of it are lost, the taker is told so, since of
  what may be among these nobody can say that it is not there.
* A listing that is begun again and again without getting ahead is given up, so each range ends.
* Each open range is in flight, ready or waiting. What is kept grows with these, and not with the
  number of keys.

This module does no I/O and knows neither a store nor an event loop. `lister` sends the requests.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence

from pathvein._remote.keys.ranges import (
    END,
    UNKNOWN,
    KeyRange,
    before,
    behind,
    common_directory,
    in_any_order,
    just_after,
    parent,
    past,
    successor,
)
from pathvein._remote.keys.requests import Failure, KeyTaker, Lost, Page, Probe, Request, Streamed
from pathvein._remote.keys.traits import BadPromise, Traits, last_name

#: How many pages in a row may bring nothing new.
MAX_EMPTY_PAGES = 1000
#: How many listings of a range may be begun in a row without getting ahead.
_MAX_BEGUN = 10
#: How many probes may fail in a row before no more are sent.
_MAX_FAILED_PROBES = 3
#: In how many pages a level must be listed where a listing cannot start after a key.
_PROBE_PAGES = 3
#: How many pages a range waits at most after a probe that found nothing: one in 24 is 4%.
_LONGEST_WAIT = 24
#: At how many points of a page the taker is asked whether it wants what comes.
_CHECKS_PER_PAGE = 8


class Planner:
    """One listing of all keys below a source.

    Ask for as many requests as may be in flight by `next_request`, and hand over what comes of
    each, in any order, to `answered` or `failed`.
    """

    def __init__(
        self,
        taker: KeyTaker,
        *,
        page_size: int,
        can_start: bool = True,
        traits: Traits | None = None,
        ranges: Sequence[KeyRange] | None = None,
        grain: int = 2,
    ) -> None:
        """
        Args:
            page_size: Most keys in a page.
            can_start: Whether a listing can start after any key. Otherwise only at a prefix.
            traits: What is known of the store instead; it is kept up to date.
            ranges: What is to be listed instead of all keys; see `sharing`.
            grain: How many pages a range must have left at least to be cut. Each cut costs about
                half a request, as no page ends there.
        """
        self._taker = taker
        self._max_page = page_size
        self._grain = grain
        self.traits = traits or Traits(can_start)
        begin = [KeyRange(taker.whole(), "")] if ranges is None else ranges
        self._open = set(begin)
        self._ready: deque[KeyRange | Probe] = deque(begin)
        #: How many keys each range could be helped with.
        self._values: dict[KeyRange, float] = {}
        for range_ in begin:
            self._rank(range_)
        #: Whether only requests are sent for what nobody else can go on with.
        self._is_stopped = False

    @property
    def is_done(self) -> bool:
        """Whether all keys are listed. Probes that are in flight then are of no use."""
        return not self._open

    def next_request(self) -> Request | None:
        """The next request; `None` if there is nothing to ask for until one is answered."""
        while not self.is_done:
            target: KeyRange | Probe | None
            if self._is_stopped:
                target = self._next_to_finish()
            else:
                target = self._ready.popleft() if self._ready else self._help()
            if target is None:
                break
            if isinstance(target, Probe):
                if target.token is None:
                    target.whole = not self.traits.anywhere
                after = "" if target.whole else before(target.start)
                return Request(target.level, after, target.end, target.token, True, target)
            if target.by_token and target.token is not None:
                return Request(*target.token, target.delimited is not None, target)
            if not self.traits.anywhere:
                target.delimited = None
            if self._must_wait(target):
                target.is_waiting = True
                continue
            level = None if target.is_proof else target.delimited
            prefix = target.prefix if level is None else level
            after = self._start_of(target)
            if level is not None and target.start.endswith("0"):
                # At the directory that was skipped, which must come again.
                after = target.start[:-1]
            # (A prefix may be a key, and all that has come so far.)
            is_ahead = after > prefix or after == target.last
            target.asked = prefix, after if is_ahead else "", target.end
            target.at_key = target.asked[1] in ("", target.last)
            target.furthest, target.empty_pages = "", 0
            target.begun += 1
            return Request(*target.asked, None, level is not None, target)
        return None

    def _must_wait(self, range_: KeyRange) -> bool:
        """Whether a range can be listed only once the last key before it is known."""
        unknown = range_.follows and not range_.last and range_.position != range_.prefix
        return unknown and not self.traits.can_invent(range_)

    # Ending before the end

    @property
    def pieces(self) -> int:
        """How many ranges there are, and could be made of them with what is known now."""
        return len(self._open) + sum(len(range_.cuts) for range_ in self._values)

    def stop(self) -> None:
        """Ask for no more than what nobody else can go on with.

        Once all requests are answered, others can go on with the ranges that have not ended.
        """
        self._is_stopped = True
        for range_ in [*self._values]:
            # Of what must be listed to its end, as little as is possible.
            if range_.is_bound and range_.cuts and self._value(range_):
                new = self._cut(range_, 0)
                if new.is_over:
                    self._drop(range_, new)
                else:
                    self._open.add(new)
                    self._ready.append(new)

    def _next_to_finish(self) -> KeyRange | None:
        bound = (one for one in self._ready if isinstance(one, KeyRange) and one.is_bound)
        target = next(bound, None)
        if target is not None:
            self._ready.remove(target)
        return target

    def _start_of(self, range_: KeyRange) -> str:
        """After what the listing of a range is to start."""
        if not self.traits.can_start:
            return ""
        if range_.is_proof:
            return range_.proof_start
        # (A few keys that come after the position may be of no use.)
        return max(range_.position, range_.last) if self.traits.can_invent(range_) else range_.last

    def answered(self, request: Request, page: Page) -> Lost | None:
        """Takes a page, whose names must be in order. Tells if the rest of its range is lost."""
        target = request.target
        if request.delimiter and not _is_level(request.prefix, page):
            return self.failed(request, "astray")
        if isinstance(target, Probe):
            self._take_probe(target, page)
            return None
        if page.token is not None:
            self.traits.largest_page = max(self.traits.largest_page, len(page.keys))
        if self.traits.leads_back(target, request, page):
            if request.end == target.asked[2]:
                return self._lose(target, BadPromise.reason)
            # What there was to be more of is behind a cut that was made since.
            self._go_on(target, False)
            return None
        try:
            is_believed = self.traits.believes(target, request, page)
            more = not is_believed or self._take(target, request, page)
        except BadPromise:
            return self._lose(target, BadPromise.reason)
        except ValueError as error:
            return self._lose_order(target, str(error))
        self.traits.has_begun |= is_believed
        if more and self._is_stuck(target, request, page):
            return self._lose(target, "the store says that there is more, and never lists it")
        self._go_on(target, more)
        return None

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
            self.traits.may_delimit = False
            target.delimited = None
        elif failure == "denied" and target.prefix and self.traits.can_start:
            # Some may list the source and not a prefix by itself.
            self.traits.may_narrow = False
            target.prefix = ""
        elif failure != "refused" or request.token is None or not self.traits.can_start:
            return self._lose(target)
        # Also if the token was refused: the listing goes on after the last key.
        target.token, target.by_token = None, False
        self._go_on(target, True)
        return None

    def _lose(self, range_: KeyRange, reason: str | None = None) -> Lost:
        """Ends a range, whose other keys are not listed."""
        self._end(range_, self._taker.break_off)
        return Lost(range_.prefix, before(range_.start), range_.end, reason)

    def _lose_order(self, range_: KeyRange, what: str) -> Lost:
        # What is missing may be anywhere.
        self._taker.distrust()
        self._end(range_, self._taker.break_off)
        return Lost("", "", None, f"the store does not list its keys in order: {what}")

    def _go_on(self, range_: KeyRange, more: bool) -> None:
        """Makes a range ready for its next request, or ends it."""
        if more:
            self._ready.append(range_)
            self._rank(range_)
        else:
            self._end(range_, self._taker.end)

    def _end(self, range_: KeyRange, tell: Callable[[int], None]) -> None:
        """Ends a range, and tells the taker so."""
        self._open.remove(range_)
        tell(range_.number)
        following = range_.next
        range_.unlink()
        if following is not None:
            self._follow(following, range_.last)
        self._rank(range_)

    def _follow(self, range_: KeyRange, last: str) -> None:
        """All that comes right before a range has ended, with this last key."""
        range_.follows = False
        range_.last = max(range_.last, last)
        if range_.is_waiting:
            range_.is_waiting = False
            self._ready.append(range_)

    @property
    def _page_size(self) -> int:
        """Most keys in a page: some stores give fewer than they say."""
        return min(self._max_page, self.traits.largest_page or self._max_page)

    # Pages of a range

    def _take(self, range_: KeyRange, request: Request, page: Page) -> bool:
        """Hands over a page. Whether the range has more."""
        range_.pages += 1
        range_.token = None if page.token is None else (*request[:3], page.token)
        # Where nothing comes after the key, only the token leads on.
        led_on = self.traits.can_start and last_name(page) > max(
            request.after, range_.start if request.delimiter else ""
        )
        is_sound = self.traits.may_go_by_token and range_.at_key and request[:3] == range_.asked
        by_token = isinstance(page, Streamed) and self.traits.has_started and is_sound
        range_.by_token = page.token is not None and (by_token or not led_on)
        range_.needs_token = range_.by_token and not led_on
        if range_.delimited is not None:
            return self._take_level(range_, page, range_.delimited)
        keys = page.keys
        old = range_.old(keys)
        if old:
            keys = keys[old:]
        more = page.token is not None
        if range_.end is not None and keys and keys[-1] >= range_.end:
            keys = keys[: bisect_left(keys, range_.end)]
            more = False
        elif page.keys:
            range_.came(page.keys[-1])
        if not keys:
            return more
        range_.came(keys[-1])
        none_wanted = self._hand_over(range_, keys)
        range_.take(keys)
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
        if unwanted is not None and self.traits.can_invent(range_):
            range_.token, range_.by_token = None, False
            range_.skip_to(successor(unwanted))
            if self.traits.may_delimit and none_wanted:
                # A whole page was spent. The directories beside may be unwanted, too.
                range_.delimited = parent(unwanted)
        return not range_.is_over

    def _take_level(self, range_: KeyRange, page: Page, level: str) -> bool:
        """Hands over a level's keys and prefixes, up to the first prefix that is wanted."""
        entries = sorted({*page.keys, *page.prefixes})
        del entries[: range_.old(entries)]
        for index, entry in enumerate(entries):
            if entry >= range_.bound:
                return False
            if not entry.endswith("/"):
                self._taker.keys(range_.number, [entry])
            elif self._taker.prefix(range_.number, entry):
                # From here on it is listed flat. The other entries are what a probe would find.
                range_.delimited = range_.token = None
                range_.by_token = False
                range_.skip_to(just_after(entry))
                range_.known = entry
                self._learn(range_, level, entries[index + 1 :], _reached(page, range_.end))
                return True
            range_.skip_to(behind(entry))
        if page.token is None:
            # All keys that begin with the level are listed.
            range_.delimited = None
            range_.skip_to(past(level))
        return not range_.is_over

    def _is_stuck(self, range_: KeyRange, request: Request, page: Page) -> bool:
        """Whether too many pages in a row have brought nothing new."""
        last = last_name(page)
        if last > range_.furthest:
            range_.furthest, range_.empty_pages = last, 0
        else:
            # Empty pages happen. One that leads to itself, or is not empty, counts for more.
            itself = request.token is not None and page.token == request.token
            range_.empty_pages += 100 if itself or last else 1
        return range_.empty_pages >= MAX_EMPTY_PAGES or range_.begun > _MAX_BEGUN

    # Help

    def _value(self, range_: KeyRange) -> float:
        """How many keys a range has left, if it can be cut or a probe may find where, else 0."""
        level, left, least = range_.level, range_.left, self._grain * self._page_size
        if range_ not in self._open or left < least:
            return 0
        if not range_.cuts:
            may_probe = range_.pages >= range_.next_probe and self._probe_level(range_) is not None
            # Of an unknown number: as many as there were.
            return min(left, max(range_.keys, least)) if may_probe else 0
        if range_.delimited == level.prefix or not (level.children or level.cuts_left):
            # (A level that is listed with a delimiter is done soon.)
            return 0
        if self.traits.anywhere:
            return left if self.traits.has_started else 0
        whole = range_.bound <= past(level.prefix) and range_.all_known
        return left if whole and level.child_size >= self._page_size else 0

    def _rank(self, range_: KeyRange) -> None:
        """A range has changed."""
        value = self._value(range_)
        if value:
            self._values[range_] = value
        else:
            self._values.pop(range_, None)

    def _help(self) -> KeyRange | Probe | None:
        """A part of the range that has most left, or a probe that may find where to cut it."""
        while self._values:
            best = max(self._values, key=self._values.__getitem__)
            value = self._values[best]
            self._rank(best)
            if self._values.get(best, 0) < value:
                # It was out of date: ranges of one level share what is known of it.
                continue
            if not best.cuts:
                found = self._probe_level(best)
                assert found is not None
                best.next_probe = UNKNOWN
                self._rank(best)
                return Probe(best, *found, best.end)
            new = self._cut(best)
            self._rank(best)
            if not new.is_over:
                self._open.add(new)
                self._rank(new)
                return new
            self._drop(best, new)
        return None

    def _drop(self, range_: KeyRange, new: KeyRange) -> None:
        """Ends what was cut off a range and holds nothing that is wanted."""
        new.unlink()
        self._taker.end(new.number)

    def _cut(self, range_: KeyRange, index: int | None = None) -> KeyRange:
        """Cuts a range at one of the prefixes ahead; what is behind is a new range."""
        level = range_.level
        if index is None and not self.traits.anywhere:
            # Where a listing cannot start after a key, only whole prefixes can be asked for.
            index = len(range_.cuts) - 1
        if index is None:
            # Both parts may be as large.
            half = (range_.left / 2 - range_.child_left) / level.child_size
            index = min(max(int(half + 0.5), 0), len(range_.cuts) - 1)
        at = range_.cuts[index]
        number = self._taker.split(range_.number, at)
        new = KeyRange(number, range_.prefix, just_after(at), range_.end, level=level)
        new.insert_after(range_)
        new.first = range_.first
        new.probed = {name: end for name, end in range_.probed.items() if at.startswith(name)}
        new.cuts = range_.cuts[index + 1 :]
        first_file = bisect_left(range_.files, at)
        new.files = range_.files[first_file:]
        range_.end = at
        del range_.cuts[index:]
        del range_.files[first_file:]
        level.cuts_left = max(level.cuts_left - 1, 0)
        wanted = self._taker.prefix(number, at)
        new.known = at if wanted else ""
        if not new.cuts and new.all_known:
            # One directory. What is beside it is known, and need not be listed.
            if successor(at) < new.bound:
                rest = self._taker.split(number, successor(at))
                self._taker.keys(rest, new.files)
                self._taker.end(rest)
                new.end = successor(at)
            new.files = []
            if self.traits.may_narrow:
                new.prefix = at
        if not wanted:
            new.skip_to(successor(at))
        return new

    # Probes

    def _probe_level(self, range_: KeyRange) -> tuple[str, str] | None:
        """Where to look for prefixes: the level, and the position to start from."""
        start = range_.start
        if self.traits.failed_probes >= _MAX_FAILED_PROBES:
            return None
        inside = [start[: index + 1] for index, letter in enumerate(start) if letter == "/"]
        levels = []
        # At each level, after the directory in which the range is.
        for level, after in zip(["", *inside], [*map(successor, inside), start], strict=True):
            if level == range_.delimited:
                break
            after = max(after, range_.probed.get(level, ""))
            if after < min(range_.bound, past(level)) and level not in self.traits.too_large:
                levels.append((level, after))
        levels = [one for one in levels if one[0] not in range_.in_vain] or levels
        if range_.empty_probes % 2 and range_.page:
            # The top had nothing. Next is the level at which the last page changed directories.
            common = common_directory(range_.page[0], range_.page[-1])
            levels = [one for one in levels if len(one[0]) >= len(common)] or levels
        return levels[0] if levels else None

    def _take_probe(self, probe: Probe, page: Page) -> None:
        probe.keys += page.keys
        probe.prefixes += page.prefixes
        probe.token = page.token
        probe.pages += 1
        range_ = probe.range
        if probe.whole:
            # Only all of a level is of use: the next probe would begin at the first entry again.
            if page.token is not None and probe.pages < _PROBE_PAGES:
                self._ready.appendleft(probe)
                return
            if page.token is not None or not in_any_order(probe.keys, probe.prefixes):
                self._fail_probe(probe, "unsorted" if page.token is None else "too large")
                return
        self.traits.failed_probes = 0
        if range_ not in self._open:
            return
        entries = sorted({*probe.keys, *probe.prefixes})
        reached = max(probe.start, _reached(page, probe.end))
        if self._learn(range_, probe.level, entries, reached):
            range_.empty_probes, range_.next_probe = 0, range_.pages
            self._rank(range_)
        else:
            self._wait(range_, not_at_all=page.token is None and not range_.empty_probes)

    def _fail_probe(self, probe: Probe, failure: Failure) -> None:
        if failure == "too large":
            self.traits.too_large.add(probe.level)
        else:
            # The range is listed in any case: if something is wrong, that will show it.
            self.traits.failed_probes += 1
        self._wait(probe.range)

    def _wait(self, range_: KeyRange, *, not_at_all: bool = False) -> None:
        """No other probe of a range for a number of pages, after one that found nothing."""
        range_.empty_probes += 1
        pages = 0 if not_at_all else min(3 * 2 ** (range_.empty_probes - 1), _LONGEST_WAIT)
        range_.next_probe = range_.pages + pages
        self._rank(range_)

    def _learn(self, range_: KeyRange, level: str, entries: list[str], reached: str) -> bool:
        """Takes note of the children of a level that are ahead. Whether there are any."""
        probed = range_.probed
        probed[level] = max(probed.get(level, ""), reached)
        range_.probed = {name: end for name, end in probed.items() if range_.start.startswith(name)}
        range_.in_vain &= range_.probed.keys()
        if range_.cuts:
            return True
        ahead = entries[bisect_left(entries, range_.start) : bisect_left(entries, range_.bound)]
        cuts = [entry for entry in ahead if entry.endswith("/")]
        if not cuts:
            range_.in_vain.add(level)
            return False
        range_.files = [entry for entry in ahead if not entry.endswith("/")]
        range_.begin_level(level, reached, cuts)
        return True


def _reached(page: Page, end: str | None) -> str:
    """The position up to which a page shows all there is of a level."""
    if page.token is None:
        return END if end is None else end
    # (A key that ends with a slash is the level's own marker.)
    return max([*map(just_after, page.keys[-1:]), *map(behind, page.prefixes[-1:])], default="")


def _is_level(prefix: str, page: Page) -> bool:
    """Whether a page with a delimiter lists a level, in order."""
    names = [*page.keys[:1], *page.keys[-1:], *page.prefixes]
    return (
        all(name.startswith(prefix) for name in names)
        and prefix not in page.prefixes
        and page.keys == sorted(page.keys)
        and page.prefixes == sorted(page.prefixes)
    )
