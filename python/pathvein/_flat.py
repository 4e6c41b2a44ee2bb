"""Listing a whole tree of keys with few requests: pages of keys, not of directories.

A store's keys are a sorted list, handed out page by page, and a page names where the next one
begins: one after the other, that is the fewest requests, and the longest time. To list in
parallel the list must be cut, and where to is not known beforehand.

A *range* is a part of the keys that is listed page by page. As long as fewer requests are under
way than may be, ranges are cut:

* at child prefixes that are known to be ahead, in halves, if what is ahead promises more than
  two pages;
* where none are known, a *probe* is sent: one request with a delimiter that begins after the
  directory in which the range is, at a level above. The prefixes found are where to cut.

A probe may be in vain (in a deep chain, or in one large directory, nothing is beside the way),
so after one that was, a range rests for twice as many pages each time.

What is not wanted (`skip` of the core's scan: excluded, or deeper than any match could need) is
jumped over; and where a whole page was spent on it, its siblings are asked for with a delimiter.

This module knows no store, and of the scan only that it is told keys.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pathvein._remote_errors import is_unknown, os_error
from pathvein._retry import BadAnswer, Gate, Tally, persist, trouble

#: Nothing that begins with a prefix sorts after the prefix and this, as far as keys go.
LAST = "\U0010ffff"
#: Sorts after every key.
_END = LAST * 4
#: How often one page after the other may be empty.
_EMPTY_PAGES = 1000


class Page(NamedTuple):
    """What one request brought. All names are relative to the source."""

    #: Ascending; with a delimiter those that have none after the prefix.
    keys: list[str]
    #: Ascending, each with its slash at the end.
    prefixes: list[str]
    #: What to ask for the next page with; `None` if this was the last.
    token: Any


class Store(Protocol):
    """A store's listing call."""

    #: Most keys in a page.
    page_size: int
    #: Whether a listing can begin after any key. Otherwise only at a prefix.
    can_start: bool
    #: Whether it can be listed flat: its keys are sorted.
    flat: bool

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """One request.

        Args:
            prefix: Only keys that begin with this.
            after: Only keys after this; with a token that was so from the first page on.
            end: Keys from this on are of no use; they may be told.
            token: Where the page before ended.
            delimiter: Tell one level only.
        """


class KeyTaker(Protocol):
    """What is told the keys: the core's `KeyScan` or `KeyWalk`."""

    def whole(self) -> int: ...
    def split(self, number: int, at: str, /) -> int: ...
    def keys(self, number: int, keys: list[str], /) -> None: ...
    def prefix(self, number: int, prefix: str, /) -> bool: ...
    def skip(self, number: int, /) -> str | None: ...
    def end(self, number: int, /) -> None: ...


class Unfit(Exception):
    """This way of listing does not do for the source; the text says why."""


class FlatDenied(Exception):
    """The source may not be listed flat, or not wholly; perhaps it can be with a delimiter."""


class Disordered(Exception):
    """The first page shows that the store does not sort its keys."""


@dataclass(slots=True, eq=False)
class _Range:
    """A part of the keys: those after `after` that begin with `prefix`, below `end`."""

    number: int
    prefix: str
    after: str = ""
    end: str | None = None
    token: Any = None
    #: The level whose child prefixes `cuts` are, and its keys among them.
    level: str = ""
    cuts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    #: Keys and children of the level that were seen: how large a child may be.
    seen_keys: float = 0
    seen_children: float = 0
    #: How many keys it was taken to have when it was cut off.
    expected: float = float("inf")
    read: int = 0
    pages: int = 0
    probing: bool = False
    vain_probes: int = 0
    rests_until: int = 0
    #: The level at which it is listed with a delimiter, as nothing below is wanted.
    at_level: str | None = None
    #: The last page.
    page: list[str] = field(default_factory=list)

    @property
    def bound(self) -> str:
        past = _past(self.prefix)
        return past if self.end is None else min(self.end, past)

    @property
    def child_size(self) -> float:
        return self.seen_keys / max(self.seen_children, 1)

    @property
    def promise(self) -> float:
        """How many keys the known children ahead may have, with the one it is in."""
        return self.child_size * (len(self.cuts) + 1)


class FlatListing:
    """One listing of all keys below a source."""

    def __init__(
        self,
        store: Store,
        scan: KeyTaker,
        *,
        concurrency: int,
        tally: Tally,
        room: Callable[[], Coroutine[Any, Any, None]],
        told: Callable[..., None],
        failed: Callable[[Exception, str, str, str | None], None],
    ) -> None:
        """
        Args:
            concurrency: Most requests under way.
            tally: Where requests are counted.
            room: Waits until there is room for more results.
            told: Called after the scan was told something, with `any_key`: whether the store
                has told any key at all.
            failed: Called with what could not be listed: the error, the prefix, after which
                key, and before which.
        """
        self._store = store
        self._scan = scan
        self._concurrency = concurrency
        self._gate = Gate(concurrency)
        self._tally = tally
        self._room = room
        self._told = told
        self._failed = failed
        self._waiting: list[_Range] = []
        self._running: list[_Range] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._defect: BaseException | None = None
        self._begun = False
        #: Whether the store has told any key at all.
        self._found = False
        #: Level by level, up to which key its child prefixes are known.
        self._known: dict[str, str] = {}
        self._may_probe = True
        #: Whether ranges may be asked for by a longer prefix than the source's.
        self._narrow = True

    async def run(self) -> None:
        """List it all.

        Raises what the first request raised, `FlatDenied` or `Disordered` in its place; what
        goes wrong later is handed on.
        """
        top = _Range(self._scan.whole(), "")
        self._waiting.append(top)
        self._dispatch()
        try:
            await self._ended.wait()
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._defect is not None:
            raise self._defect

    # Who does what

    def _dispatch(self) -> None:
        """Gives work to as many as may be under way."""
        while not self._ended.is_set() and len(self._tasks) < min(
            self._concurrency, self._gate.limit
        ):
            job = self._job()
            if job is None:
                break
            task = asyncio.get_running_loop().create_task(job)
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if not self._tasks and not self._waiting:
            self._ended.set()

    def _job(self) -> Coroutine[Any, Any, None] | None:
        if self._waiting:
            range_ = self._waiting.pop()
        else:
            cut = self._cut_off()
            if cut is None:
                return self._probe_somewhere()
            range_ = cut
        self._running.append(range_)
        return self._list(range_)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._defect = self._defect or error
            self._ended.set()
        else:
            self._dispatch()

    def _request(self, range_: _Range, prefix: str, after: str, token: Any, delimiter: bool) -> Any:
        store, end = self._store, range_.end
        return persist(
            lambda: store.page(prefix, after, end, token, delimiter=delimiter),
            self._gate,
            self._tally,
        )

    # One range

    async def _list(self, range_: _Range) -> None:
        empty = 0
        try:
            while True:
                await self._room()
                level = range_.at_level
                token = range_.token
                try:
                    page: Page = await self._request(
                        range_,
                        range_.prefix if level is None else level,
                        range_.after,
                        token,
                        level is not None,
                    )
                except (Unfit, FlatDenied):
                    raise
                except Exception as error:
                    if self._try_otherwise(range_, error):
                        continue
                    self._give_up(range_, error)
                    return
                self._found = self._found or bool(page.keys or page.prefixes)
                if page.keys or page.prefixes or page.token is None:
                    empty = 0
                else:
                    # Empty pages happen; those that lead to themselves count for more.
                    empty += 100 if page.token == token else 1
                if empty >= _EMPTY_PAGES:
                    stuck = BadAnswer("the store says that there is more, and never tells it")
                    self._give_up(range_, stuck)
                    return
                try:
                    more = self._take(range_, page, level)
                except ValueError as error:
                    if not self._begun:
                        raise Disordered from error
                    message = f"the store does not tell its keys in order: {error}"
                    self._give_up(range_, BadAnswer(message))
                    return
                self._begun = True
                self._told(any_key=self._found)
                if not more:
                    self._scan.end(range_.number)
                    self._told(any_key=self._found)
                    return
                self._dispatch()
        finally:
            self._running.remove(range_)

    def _try_otherwise(self, range_: _Range, error: Exception) -> bool:
        """Whether the range is to be asked for again, in another way."""
        if not isinstance(os_error(error, "", ""), PermissionError):
            if not self._begun:
                raise error
            if range_.token is None or not self._store.can_start or trouble(error):
                return False
            # What was to lead on has expired, or is refused: on from the last key.
            range_.token = None
            return True
        if not self._begun:
            if is_unknown(error):
                raise error
            raise FlatDenied from error
        if range_.prefix and self._store.can_start and range_.at_level is None:
            # Whoever may list the source need not be let list a prefix of it by itself.
            self._narrow = False
            range_.end = None if range_.bound == _END else range_.bound
            range_.prefix, range_.token = "", None
            return True
        return False

    def _give_up(self, range_: _Range, error: Exception) -> None:
        if not self._begun:
            raise error
        self._failed(error, range_.prefix, range_.after, range_.end)
        self._scan.end(range_.number)
        self._told(any_key=self._found)

    def _take(self, range_: _Range, page: Page, level: str | None) -> bool:
        """Tells the scan a page. Whether the range has more."""
        if level is not None:
            return self._take_level(range_, page, level)
        keys = page.keys
        if keys != sorted(keys):
            raise ValueError("a page is not sorted")
        if range_.token is None:
            # Some begin at a key and not after it, or at a directory's name for its prefix.
            del keys[: bisect_right(keys, range_.after)]
        more = page.token is not None
        if range_.end is not None and keys and keys[-1] >= range_.end:
            del keys[bisect_left(keys, range_.end) :]
            more = False
        range_.token = page.token
        if keys:
            self._scan.keys(range_.number, keys)
            range_.page = keys
            range_.after = keys[-1]
            range_.read += len(keys)
            passed = bisect_right(range_.cuts, range_.after)
            del range_.cuts[:passed]
            range_.seen_keys += len(keys)
            range_.seen_children += passed
        range_.pages += 1
        return more and self._jump(range_)

    def _jump(self, range_: _Range) -> bool:
        """Passes over what is not wanted. Whether the range has more."""
        unwanted = self._scan.skip(range_.number)
        if unwanted is None or not self._store.can_start:
            return True
        range_.after = max(range_.after, unwanted + LAST)
        range_.token = None
        if range_.page and range_.page[0].startswith(unwanted):
            # A whole page of it: its siblings may be the same.
            range_.at_level = parent(unwanted)
        return self._passed(range_)

    def _passed(self, range_: _Range) -> bool:
        del range_.cuts[: bisect_right(range_.cuts, range_.after)]
        if range_.after >= range_.bound:
            return False
        prefix = range_.prefix
        return not prefix or range_.after < prefix + LAST

    def _take_level(self, range_: _Range, page: Page, level: str) -> bool:
        """Tells the scan one level's keys and prefixes; those wanted become ranges."""
        keys: list[str] = []
        entries = sorted([*page.keys, *page.prefixes])
        del entries[: bisect_right(entries, range_.after)]
        for entry in entries:
            if entry >= range_.bound:
                break
            if not entry.endswith("/"):
                keys.append(entry)
                continue
            if entry == level:
                continue
            self._scan.keys(range_.number, keys)
            keys = []
            # What the range is now is the prefix; the rest goes on as another.
            behind = successor(entry)
            if self._scan.prefix(range_.number, entry):
                rest = self._split(range_, behind)
                self._waiting.append(
                    _Range(range_.number, entry if self._narrow else "", entry, behind)
                )
                range_.number = rest
            range_.after = entry + LAST
        else:
            self._scan.keys(range_.number, keys)
            if keys:
                range_.after = keys[-1]
            range_.token = page.token
            if page.token is None:
                # All that begins with the level has been told.
                range_.at_level = None
                range_.after = max(range_.after, level + LAST) if level else _END
            return self._passed(range_)
        self._scan.keys(range_.number, keys)
        return False

    def _split(self, range_: _Range, at: str) -> int:
        return self._scan.split(range_.number, at)

    # Cutting

    def _cut_off(self) -> _Range | None:
        """A new range from what promises most, if anything promises more than two pages."""
        two_pages = 2 * self._store.page_size
        candidates = [r for r in self._running if r.cuts and r.at_level is None]
        best = max(candidates, key=lambda r: r.promise, default=None)
        if best is None or best.promise < two_pages:
            return None
        if self._store.can_start:
            # At least the child that it is in stays.
            middle = len(best.cuts) // 2
        else:
            # Only whole prefixes can be asked for.
            middle = len(best.cuts) - 1
            if best.child_size < self._store.page_size or not self._is_known(best):
                return None
            if best.bound > _past(best.level):
                return None
        return self._cut(best, middle)

    def _is_known(self, range_: _Range) -> bool:
        """Whether all child prefixes of its level that are ahead are known."""
        return self._known.get(range_.level, "") >= min(range_.bound, _past(range_.level))

    def _cut(self, range_: _Range, index: int) -> _Range:
        """Cuts a range at one of the prefixes ahead; what is behind is a new one."""
        at = range_.cuts[index]
        level = range_.level
        known = self._is_known(range_)
        number = self._scan.split(range_.number, at)
        size = range_.child_size
        new = _Range(number, range_.prefix, at, range_.end, level=level)
        new.cuts = range_.cuts[index + 1 :]
        first_file = bisect_left(range_.files, at)
        new.files = range_.files[first_file:]
        new.seen_keys, new.seen_children = size, 1
        new.expected = new.promise if known else float("inf")
        range_.end = at
        del range_.cuts[index:]
        del range_.files[first_file:]
        range_.expected = range_.read + range_.promise
        wanted = self._scan.prefix(number, at)
        # (Of what is beyond the level, nothing is known.)
        if not new.cuts and known and new.bound <= _past(level):
            # One directory: what is beside it is known, and need not be listed.
            behind = successor(at)
            if new.files or new.bound < _past(level):
                rest = self._scan.split(number, behind) if behind < new.bound else None
                if rest is not None:
                    self._scan.keys(rest, [f for f in new.files if f < new.bound])
                    self._scan.end(rest)
                    new.end = behind
            new.files = []
            if self._narrow:
                new.prefix = at
        if not wanted:
            new.after = at + LAST
        return new

    # Probing

    def _probe_somewhere(self) -> Coroutine[Any, Any, None] | None:
        if not self._may_probe:
            return None
        best: tuple[float, _Range, str, str] | None = None
        for range_ in self._running:
            if best is not None and self._probe_value(range_) <= best[0]:
                continue
            found = self._probe_level(range_)
            if found is not None:
                best = (self._probe_value(range_), range_, *found)
        if best is None:
            return None
        _, range_, level, after = best
        range_.probing = True
        return self._probe(range_, level, after)

    def _probe_value(self, range_: _Range) -> float:
        return max(range_.expected - range_.read, float(range_.read))

    def _probe_level(self, range_: _Range) -> tuple[str, str] | None:
        """Where to look for prefixes: the level, and after which key."""
        if range_.probing or range_.cuts or range_.pages < 1 or range_.pages < range_.rests_until:
            return None
        if range_.token is None or range_.at_level is not None:
            return None
        if range_.pages < 2 and range_.expected - range_.read < 2 * self._store.page_size:
            return None
        levels = []
        slash = -1
        while True:
            level = range_.after[: slash + 1]
            slash = range_.after.find("/", slash + 1)
            # Past the directory in which the range is.
            after = range_.after if slash < 0 else range_.after[: slash + 1] + LAST
            known = self._known.get(level, "")
            bound = min(range_.bound, _past(level))
            if max(after, known) < bound and (slash < 0 or successor(after[:-1]) < bound):
                levels.append((level, max(after, known)))
            if slash < 0:
                break
        if not levels:
            return None
        if range_.vain_probes % 2 and range_.page:
            # The top had nothing: now where the last page was not all in one directory.
            common = common_directory(range_.page[0], range_.page[-1])
            for level, after in levels:
                if level >= common:
                    return level, after
        return levels[0]

    async def _probe(self, range_: _Range, level: str, after: str) -> None:
        pages = 1 if self._store.can_start else 3
        keys: list[str] = []
        prefixes: list[str] = []
        token = None
        start = after if self._store.can_start else ""
        try:
            for _ in range(pages):
                page: Page = await self._request(range_, level, start, token, True)
                keys += page.keys
                prefixes += page.prefixes
                token = page.token
                if token is None:
                    break
            if not (self._store.can_start or _in_any_order(keys, prefixes)):
                raise BadAnswer("the store tells them in another order than that of keys")
        except Unfit:
            raise
        except Exception:
            # The range is listed in any case: if something is wrong, that will tell.
            self._rest(range_)
            self._may_probe = range_.vain_probes < 3
            return
        finally:
            range_.probing = False
        if token is None:
            self._known[level] = _END
        elif self._store.can_start:
            told = [*keys[-1:], *(prefix + LAST for prefix in prefixes[-1:])]
            self._known[level] = max([*told, after])
        else:
            prefixes = []
        if range_ not in self._running:
            return
        ahead = [p for p in prefixes if range_.after < p < range_.bound and p > after]
        if not ahead:
            self._rest(range_)
            if token is None and range_.vain_probes == 1:
                # What is known now can tell at once where else to look.
                range_.rests_until = range_.pages
        elif range_.cuts or range_.at_level is not None:
            return
        else:
            range_.vain_probes = 0
            range_.level = level
            range_.cuts = ahead
            range_.files = [k for k in keys if range_.after < k < range_.bound and k > after]
            self._estimate(range_)
        self._dispatch()

    def _estimate(self, range_: _Range) -> None:
        """How large a child of the level is, by the last page."""
        level = range_.level
        inside = [key for key in range_.page if key.startswith(level)]
        children = len({child(key, level) for key in inside if "/" in key[len(level) :]})
        if children > 1:
            range_.seen_keys, range_.seen_children = len(inside), children
        else:
            # All it has read may be of one child, and it is not at its end.
            range_.seen_keys, range_.seen_children = range_.read, 1

    def _rest(self, range_: _Range) -> None:
        range_.vain_probes += 1
        range_.rests_until = range_.pages + 2 ** (range_.vain_probes - 1)


def _in_any_order(keys: list[str], prefixes: list[str]) -> bool:
    """Whether a level is in the order of its bytes, and of UTF-16, by which some stores sort.

    Who cuts there and is wrong stops too early: a key that it does not expect ends a range.
    """
    if prefixes != sorted(prefixes) or keys != sorted(keys):
        return False
    entries = sorted([*keys, *prefixes])
    return entries == sorted(entries, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


def successor(prefix: str) -> str:
    """The first key that sorts after all those that begin with a prefix."""
    return f"{prefix[:-1]}0"


def _past(level: str) -> str:
    return successor(level) if level else _END


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
