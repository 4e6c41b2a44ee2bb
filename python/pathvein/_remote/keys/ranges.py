"""The order of keys, and a part of them that is listed on its own.

A *position* is the first key that may come next: `just_after` a key, or the `successor` of all
keys that begin with a prefix. It can be compared with keys and with other positions. A store is
given a key to start after (`before` a position); what it lists before the position is left out.
A directory's prefix ends with a slash. A level is named by its prefix, the source by "".

How many keys a range has left is estimated by the children of one level, whose prefixes a probe
has found. How large a child is, is the mean of those that were listed to their end. Ranges that
were cut at a level share it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: The last code point.
LAST = "\U0010ffff"
#: Sorts after every key: none is longer than 1,024 bytes, or characters.
END = LAST * 1025
#: How many keys a range may have of which nothing is known.
UNKNOWN = float("inf")
#: How many cuts a page allows for, as long as nobody knows how large a child is.
FIRST_CUTS = 3


def just_after(key: str) -> str:
    """The first key that sorts after a key."""
    return f"{key}\0"


def just_before(key: str) -> str:
    """What sorts a little before a key, and is hardly one."""
    return f"{key[:-1]}!" if key[-1:] > "!" else key[:-1]


def successor(prefix: str) -> str:
    """The first key that sorts after all those that begin with a directory's prefix."""
    return f"{prefix[:-1]}0"


def behind(entry: str) -> str:
    """The first key that sorts after an entry of a level, and after all in it."""
    return successor(entry) if entry.endswith("/") else just_after(entry)


def past(level: str) -> str:
    """The position after all keys of a level."""
    return successor(level) if level else END


def before(position: str) -> str:
    """A key to start after, so that all keys from a position on are listed.

    Few others are listed, too: those that begin with a prefix and U+10FFFF.
    """
    return f"{position[:-1]}/{LAST}" if position.endswith("0") else position[:-1]


def parent(directory: str) -> str:
    """The directory above."""
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


def in_any_order(keys: Sequence[str], prefixes: Sequence[str]) -> bool:
    """Whether a level is in the order of its bytes, and of UTF-16, by which some stores sort.

    A cut between two names that the store orders otherwise would end a range too early.
    """
    if prefixes != sorted(prefixes) or keys != sorted(keys):
        return False
    entries = sorted([*keys, *prefixes])
    return entries == sorted(entries, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


def can_travel(token: Any) -> bool:
    """Whether another process can go on with a listing by a continuation token."""
    if isinstance(token, list | tuple):
        return all(map(can_travel, token))
    return token is None or isinstance(token, str)


@dataclass(slots=True, eq=False)
class Level:
    """The children of one prefix, as a probe found them. Ranges that were cut there share it."""

    prefix: str = ""
    #: All child prefixes before this position are known.
    known: str = ""
    #: Children that were listed to their end, and their keys. As long as there are none: how large
    #: a child may be, and how many cuts are left, as each page allows for more.
    children: int = 0
    keys: int = 0
    guess: int = 1
    cuts_left: int = 0

    @property
    def child_size(self) -> float:
        """How many keys a child may have. (One that is large does not make others seem large.)"""
        return max(self.keys / self.children, 1) if self.children else self.guess


@dataclass(slots=True, eq=False)
class KeyRange:
    """A part of the keys: those from `start` on, before `end`."""

    number: int
    prefix: str
    #: Keys before this were handed over, or are of no use. (The source's own marker is no key.)
    start: str = "\0"
    end: str | None = None
    #: The listing that was begun last: its prefix, after which key, before which.
    asked: tuple[str, str, str | None] = ("", "", None)
    #: The listing that gave the last page, and its token; whether to go on by that.
    token: tuple[str, str, str | None, Any] | None = None
    by_token: bool = False
    #: Whether nothing else than that may lead on.
    needs_token: bool = False
    #: Whether the listing that was begun last began at its beginning, or after a key that came.
    at_key: bool = False
    #: The first key of the prefix, and the last one before `start` that came.
    first: str = ""
    last: str = ""
    #: The ranges before and behind that have not ended, and whether what comes right before it is
    #: still listed and what its last key will be.
    previous: KeyRange | None = None
    next: KeyRange | None = None
    follows: bool = False
    is_waiting: bool = False
    #: With what the first key begins, as a probe has found it.
    known: str = ""
    #: Whether it is asked for something known, after what need not be a key.
    is_proof: bool = False
    #: Whether it starts only after keys that came.
    distrusts: bool = False
    #: The level that is listed with a delimiter, as long as nothing there is wanted.
    delimited: str | None = None
    level: Level = field(default_factory=Level)
    #: The child prefixes of the level that are ahead, and its keys among them.
    cuts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    #: Levels above, each up to the position before which its child prefixes were looked for.
    probed: dict[str, str] = field(default_factory=dict)
    #: Those of them where there were files only, so far.
    in_vain: set[str] = field(default_factory=set)
    #: How many keys were listed, and how many of these in the child that is being listed.
    keys: int = 0
    child_keys: int = 0
    pages: int = 0
    #: The last page.
    page: Sequence[str] = ()
    empty_probes: int = 0
    #: No probe before so many pages; none at all while there is one.
    next_probe: float = 1
    #: The last name that was listed, and how many pages have brought none after it.
    furthest: str = ""
    empty_pages: int = 0
    #: How many listings were begun since it last got ahead.
    begun: int = 0

    @property
    def bound(self) -> str:
        return END if self.end is None else self.end

    @property
    def position(self) -> str:
        """What to start after, which need not be a key."""
        return before(self.start)

    @property
    def proof_start(self) -> str:
        """What to start after so that the last key that came must come again."""
        before_last = (key for key in reversed(self.page[-2:]) if key < self.last)
        start = f"{next(before_last, self.first)}!"
        return start if start < self.last else just_before(self.last)

    @property
    def is_over(self) -> bool:
        return self.start >= self.bound

    @property
    def is_bound(self) -> bool:
        """Whether only the process that has begun to list it can go on."""
        return self.needs_token and self.token is not None and not can_travel(self.token[3])

    def insert_after(self, range_: KeyRange) -> None:
        """Put it between a range, of which it follows, and the next."""
        self.previous, self.next, self.follows = range_, range_.next, True
        if range_.next is not None:
            range_.next.previous = self
        range_.next = self

    def unlink(self) -> None:
        """Take it out of the ranges that have not ended."""
        if self.previous is not None:
            self.previous.next = self.next
        if self.next is not None:
            self.next.previous = self.previous
        self.previous = self.next = None

    @property
    def child_left(self) -> float:
        """How many keys the child that is being listed may still have.

        One that is larger than others may be as much larger again.
        """
        return abs(self.level.child_size - self.child_keys)

    @property
    def all_known(self) -> bool:
        """Whether no child prefixes are ahead but for `cuts`."""
        return self.level.known >= self.bound

    @property
    def left(self) -> float:
        """How many keys it may have left, as far as its child prefixes are known."""
        if not self.cuts and not self.all_known:
            return UNKNOWN
        return self.child_left + self.level.child_size * len(self.cuts)

    def take(self, keys: Sequence[str]) -> None:
        """Its next keys were handed over."""
        self.page = keys
        self.keys += len(keys)
        self.child_keys += len(keys)
        self.level.cuts_left += FIRST_CUTS
        position = just_after(keys[-1])
        begun = bisect_left(self.cuts, position)
        if begun:
            in_last = len(keys) - bisect_left(keys, self.cuts[begun - 1])
            self.level.children += begun
            self.level.keys += self.child_keys - in_last
            self.child_keys = in_last
            del self.cuts[:begun]
        self.skip_to(position)

    def came(self, key: str) -> None:
        """A key of its own, or one before `start`, was listed."""
        if key > self.last:
            self.last, self.begun = key, 0

    def skip_to(self, start: str) -> None:
        """Nothing before `start` is to come any more."""
        if start > self.start:
            self.start, self.begun = start, 0
        if self.cuts and self.cuts[0] < self.start:
            # What was not listed to its end says nothing about the size of children.
            del self.cuts[: bisect_left(self.cuts, self.start)]
            self.child_keys = 0

    def begin_level(self, prefix: str, known: str, cuts: list[str]) -> None:
        """Child prefixes are known from here on. The last page is a sample of their size."""
        page = self.page
        index, end = bisect_left(page, prefix), bisect_left(page, past(prefix))
        begins = []
        while index < end:
            entry = child(page[index], prefix)
            if entry.endswith("/"):
                begins.append(index)
            index = bisect_left(page, behind(entry), index + 1)
        self.cuts = cuts
        self.child_keys = self.keys
        self.level = Level(prefix, min(known, past(prefix)), guess=max(self.keys, 1))
        self.level.cuts_left = FIRST_CUTS
        if len(begins) > 1:
            self.level.children = len(begins) - 1
            self.level.keys = begins[-1] - begins[0]
            self.child_keys = end - begins[-1]

    def old(self, names: Sequence[str]) -> int:
        """How many of the first names of a page are before its position."""
        if not names or names[0] >= self.start:
            return 0
        if behind(self.furthest) < self.start:
            # Begun before that: some stores begin at the key to start after, or at a directory's
            # name for its prefix; see `before`, too.
            return bisect_left(names, self.start)
        # Some list the last key again (a prefix may be there twice). All else must be in order.
        return int(self.start in (just_after(names[0]), behind(names[0])))
