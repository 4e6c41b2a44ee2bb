"""What is known of a store: which of the things that stores do differently it does.

All is believed of a store until one of its answers shows otherwise. What processes that list parts
of one store have found out is put together by :meth:`Traits.learn`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from pathvein._remote.keys.ranges import LAST, KeyRange, just_after
from pathvein._remote.keys.requests import Page, Request, Streamed


class BadPromise(Exception):
    """Neither a start after the last key nor a token leads on."""

    reason = "the store says that there is more, and lists it neither after a key nor by token"


@dataclass(slots=True, eq=False)
class Traits:
    """What is known of a store. The planner asks, and tells it each page of keys."""

    #: Whether a listing can start after any key. Otherwise only at a prefix.
    can_start: bool
    #: Whether a page of keys was taken.
    has_begun: bool = False
    #: Whether a range may be asked for by a longer prefix than the source's.
    may_narrow: bool = True
    #: Whether unwanted levels may be listed with a delimiter.
    may_delimit: bool = True
    #: Whether a listing may start after what need not be a key.
    may_invent: bool = True
    #: Whether a listing has started after a key, and after what need not be one.
    has_started: bool = False
    has_invented: bool = False
    #: Whether no token has led back to what had come.
    may_go_by_token: bool = True
    #: Whether a token has led on. Where nothing else can, it is taken for granted.
    has_led_on: bool = False
    #: Most keys in a page that was not the last.
    largest_page: int = 0
    #: How many probes have failed in a row.
    failed_probes: int = 0
    #: Levels that cannot be listed with a delimiter.
    too_large: set[str] = field(default_factory=set)
    #: What its lister has found out for itself; see `ObstoreStore.facts`.
    facts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.has_led_on |= not self.can_start

    @property
    def anywhere(self) -> bool:
        """Whether a listing may start anywhere."""
        return self.can_start and self.may_invent

    def can_invent(self, range_: KeyRange) -> bool:
        """Whether the listing of a range may start after what need not be a key."""
        return self.anywhere and not range_.distrusts

    def learn(self, other: Traits) -> None:
        """Take what another process has found out, that began with what was known here."""
        self.can_start &= other.can_start
        self.has_begun |= other.has_begun
        self.may_narrow &= other.may_narrow
        self.may_delimit &= other.may_delimit
        self.may_go_by_token &= other.may_go_by_token
        self.has_started |= other.has_started
        self.has_invented |= other.has_invented
        self.has_led_on |= other.has_led_on
        # (Where it was done, a range that was given nothing had nothing.)
        self.may_invent = self.has_invented or (self.may_invent and other.may_invent)
        self.largest_page = max(self.largest_page, other.largest_page)
        self.failed_probes = other.failed_probes
        self.too_large |= other.too_large
        self.facts |= other.facts

    def leads_back(self, range_: KeyRange, request: Request, page: Page) -> bool:
        """Whether a token brings what was there already, after nothing came behind the last key."""
        in_vain = request.token is not None and request[:3] != range_.asked and self.can_start
        return in_vain and not request.delimiter and "" < last_name(page) <= range_.last

    def believes(self, range_: KeyRange, request: Request, page: Page) -> bool:
        """Whether a page is what was asked for; if not, the range is asked otherwise."""
        after, keys, has_invented = request.after, page.keys, self.has_invented
        known, range_.known = range_.known, ""
        is_proof, range_.is_proof = range_.is_proof, False
        if request.token is not None:
            leads_back = isinstance(page, Streamed) and page.keys and last_name(page) < range_.start
            if leads_back and self.can_start:
                # Perhaps a start after the key does better.
                self.may_go_by_token = range_.by_token = False
                return False
            # Perhaps nothing had come after the key, or the start was ignored.
            in_vain = request[:3] != range_.asked
            if in_vain and self.can_start:
                self.can_start = self.has_started
            if last_name(page) >= min(range_.start, just_after(range_.last)):
                self.has_led_on = True
            elif (
                page.token is None
                and (in_vain or after)
                and not (self.has_led_on or self.has_started)
            ):
                raise BadPromise
            return True
        if not after:
            range_.first = next(iter(keys), "")
            return True
        if request.delimiter and range_.start == f"{after}0":
            # The directory that was skipped, or what is behind it, if it is gone or far behind.
            begin = min([*keys[:1], *page.prefixes[:1]], default="")
            if begin > after or (has_invented and not begin):
                # If the level begins there, nobody can tell whether it was started after that.
                begins_before = range_.first.startswith(request.prefix) and range_.first < after
                self.has_started |= begins_before
                return True
            self.may_delimit, range_.delimited = False, None
            return False
        exists = after == range_.last
        if is_proof:
            # The last key comes after it, if it is still there, and those behind; the first does
            # not, as it would if the start were ignored.
            if keys and keys[0] >= after > range_.first:
                self.has_started = self.has_invented = True
                return page.token is None and range_.delimited is None
            self.may_invent = False
            range_.by_token = range_.token is not None
            return False
        if not request.delimiter and keys and keys[0] < after.removesuffix("/"):
            if keys[0] != range_.first:
                raise ValueError(f"{keys[0]!r} comes after {after!r}")
            # The start was ignored.
            if exists:
                self.can_start = False
            else:
                self.distrust(range_)
            return exists
        if last_name(page) >= range_.start:
            if known and not has_invented:
                first = bisect_left(keys, range_.start)
                if not keys[first].startswith(known):
                    return self.distrust(range_)
            self.has_started = True
            # A directory's prefix may be a key.
            self.has_invented = has_invented or after.endswith(LAST)
            return True
        if exists and last_name(page) > after:
            # All that is left is of no use.
            self.has_started = True
            return True
        if page.token is not None:
            return True
        if exists:
            # Nothing, although there was to be more: perhaps the token brings it.
            if range_.token is None:
                self.can_start = self.has_started
                return self.has_started
            range_.by_token = self.has_started
            range_.is_proof = not self.has_started
            return False
        if known or not range_.last:
            return self.distrust(range_)
        range_.is_proof = not has_invented
        return has_invented

    def distrust(self, range_: KeyRange) -> bool:
        range_.distrusts = True
        self.may_invent = self.has_invented
        return False


def last_name(page: Page) -> str:
    """The last name of a page."""
    return max([*page.keys[-1:], *page.prefixes[-1:]], default="")
