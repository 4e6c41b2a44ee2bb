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
jumped over; and where a whole page was spent on it, its siblings are asked for with a delimiter,
up to the first that is wanted.

A place among the keys is the first key that may come there (`just_after` a key, `successor` of
all that begins with a prefix), so it can be compared with keys and with other places. Stores are
told a key after which to begin (`_before` a place); what they tell before the place is left out.

This module knows no store, and of the scan only that it is told keys.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pathvein._remote_errors import is_unknown, os_error
from pathvein._retry import BadAnswer, Gate, Tally, persist, trouble

#: The last code point.
LAST = "\U0010ffff"
#: Sorts after every key: none is longer than 1,024 bytes, or characters.
_END = LAST * 1025
#: How often in a row a page may bring nothing new.
VAIN_PAGES = 1000
#: How many probes may fail in a row before no more are sent.
_FAILED_PROBES = 3
#: At how many places of a page it is looked at whether anything is wanted there.
_LOOKS = 8


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
            after: Only keys after this.
            end: Keys from this on are of no use; they may be told.
            token: Where the page before ended. All else is then as it was for that page.
            delimiter: Tell one level only. Raises `TooLarge` if that cannot be.
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


class TooLarge(Exception):
    """A level cannot be told in pages, and is too large to be told in one go."""


class Disordered(Exception):
    """The first page shows that the store does not sort its keys."""


@dataclass(slots=True, eq=False)
class _Range:
    """A part of the keys: those from `start` on, below `end`."""

    number: int
    #: What all of them begin with.
    prefix: str
    #: What is before has been told, or is of no use. (The source's own marker is none.)
    start: str = "\0"
    end: str | None = None
    token: Any = None
    #: After which key, and before which, the listing that the token continues was begun.
    asked: tuple[str, str | None] = ("", None)
    #: The level whose child prefixes `cuts` are, and its keys among them: all below `known`.
    level: str = ""
    cuts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    known: str = ""
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
    #: The level at which it is listed with a delimiter, as long as nothing there is wanted.
    at_level: str | None = None
    #: The last page.
    page: list[str] = field(default_factory=list)

    @property
    def bound(self) -> str:
        return _END if self.end is None else self.end

    @property
    def is_over(self) -> bool:
        return self.start >= self.bound

    @property
    def all_known(self) -> bool:
        """Whether all child prefixes of its level that are ahead are among `cuts`."""
        return self.known >= min(self.bound, _past(self.level))

    @property
    def child_size(self) -> float:
        return self.seen_keys / max(self.seen_children, 1)

    @property
    def promise(self) -> float:
        """How many keys the known children ahead may have, with the one it is in."""
        return self.child_size * (len(self.cuts) + 1)

    def move(self, start: str) -> None:
        """What is before `start` is done with."""
        self.start = max(self.start, start)
        del self.cuts[: bisect_left(self.cuts, self.start)]


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
        self._running: list[_Range] = []
        self._tasks: set[asyncio.Task[None]] = set()
        #: Those of the tasks that list a range. Without any it is all listed, probes or not.
        self._listing: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._defect: BaseException | None = None
        self._begun = False
        #: Whether the store has told any key at all.
        self._found = False
        #: Most keys that a page has brought, as far as one was cut off.
        self._largest_page = 0
        #: Level by level, up to where its child prefixes are known to some range.
        self._known: dict[str, str] = {}
        self._failed_probes = 0
        #: Whether ranges may be asked for by a longer prefix than the source's.
        self._narrow = True
        #: Whether levels may be listed with a delimiter.
        self._by_level = store.can_start

    async def run(self) -> None:
        """List it all.

        Raises what the first request raised, `FlatDenied` or `Disordered` in its place; what
        goes wrong later is handed on.
        """
        self._start(_Range(self._scan.whole(), ""))
        try:
            await self._ended.wait()
        finally:
            # From here on nobody begins anything.
            self._ended.set()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._defect is not None:
            raise self._defect

    # Who does what

    def _start(self, job: _Range | Coroutine[Any, Any, None]) -> None:
        work = self._list(job) if isinstance(job, _Range) else job
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        if isinstance(job, _Range):
            self._listing.add(task)
        task.add_done_callback(self._done)

    def _dispatch(self) -> None:
        """Gives work to as many as may be under way."""
        most = min(self._concurrency, self._gate.limit)
        while not self._ended.is_set() and len(self._tasks) < most:
            new = self._cut_off()
            job = new or self._probe_somewhere()
            if job is None:
                break
            self._start(job)
        if not self._listing:
            self._ended.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._listing.discard(task)
        if self._ended.is_set():
            # What failed along with what ended it: looked at, or asyncio reports it.
            _ = task.cancelled() or task.exception()
            return
        try:
            if task.cancelled():
                # By whom? What it was to list is missing.
                raise RuntimeError("a request was cancelled from elsewhere")
            task.result()
            self._dispatch()
        except BaseException as error:
            self._defect = error
            self._ended.set()

    def _request(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Coroutine[Any, Any, Page]:
        def request() -> Coroutine[Any, Any, Page]:
            return self._store.page(prefix, after, end, token, delimiter=delimiter)

        return persist(request, self._gate, self._tally)

    @property
    def _page_size(self) -> int:
        """Most keys in a page: some stores give fewer than they are asked for."""
        return min(self._store.page_size, self._largest_page or self._store.page_size)

    # One range

    async def _list(self, range_: _Range) -> None:
        self._running.append(range_)
        vain, furthest = 0, ""
        try:
            while True:
                await self._room()
                level, token = range_.at_level, range_.token
                asked = _before(range_.start), range_.end
                if token is None and asked != range_.asked:
                    range_.asked, furthest = asked, ""
                prefix = range_.prefix if level is None else level
                try:
                    page = await self._request(
                        prefix, *range_.asked, token, delimiter=level is not None
                    )
                except (Unfit, FlatDenied):
                    raise
                except Exception as error:
                    if self._try_otherwise(range_, error):
                        continue
                    self._give_up(range_, error)
                    return
                last = max([*page.keys[-1:], *page.prefixes[-1:]], default="")
                self._found = self._found or bool(page.keys or page.prefixes)
                if page.token is not None:
                    self._largest_page = max(self._largest_page, len(page.keys))
                try:
                    more = self._take(range_, page, level)
                except ValueError as error:
                    if not self._begun:
                        raise Disordered from error
                    message = f"the store does not tell its keys in order: {error}"
                    # Wherever they were to be: what is missing may be anywhere.
                    range_.prefix, range_.start, range_.end = "", "", None
                    self._give_up(range_, BadAnswer(message))
                    return
                self._begun = True
                self._told(any_key=self._found)
                if not more:
                    self._scan.end(range_.number)
                    self._told(any_key=self._found)
                    return
                # Empty pages happen; those that lead to themselves count for more.
                stuck = 100 if token is not None and page.token == token else 1
                vain = 0 if last > furthest else vain + stuck
                furthest = max(last, furthest)
                if vain >= VAIN_PAGES:
                    message = "the store says that there is more, and never tells it"
                    self._give_up(range_, BadAnswer(message))
                    return
                self._dispatch()
        finally:
            self._running.remove(range_)

    def _try_otherwise(self, range_: _Range, error: Exception) -> bool:
        """Whether the range is to be asked for again, in another way."""
        if range_.at_level is not None:
            # Whoever may list the source need not be let list its levels, and some are too large.
            self._by_level = False
            range_.at_level = range_.token = None
            return True
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
        # Nor need they be let list a prefix by itself.
        if range_.prefix and self._store.can_start:
            self._narrow = False
            range_.prefix, range_.token = "", None
            return True
        return False

    def _give_up(self, range_: _Range, error: Exception) -> None:
        if not self._begun:
            raise error
        self._failed(error, range_.prefix, _before(range_.start), range_.end)
        self._scan.end(range_.number)
        self._told(any_key=self._found)

    def _take(self, range_: _Range, page: Page, level: str | None) -> bool:
        """Tells the scan a page. Whether the range has more."""
        range_.pages += 1
        if level is not None:
            return self._take_level(range_, page, level)
        keys = page.keys
        if keys != sorted(keys):
            raise ValueError("a page is not sorted")
        del keys[: _old(keys, range_)]
        more = page.token is not None
        if range_.end is not None and keys and keys[-1] >= range_.end:
            del keys[bisect_left(keys, range_.end) :]
            more = False
        range_.token = page.token
        if not keys:
            return more
        barren = self._tell(range_, keys)
        ahead = len(range_.cuts)
        range_.move(just_after(keys[-1]))
        range_.page = keys
        range_.read += len(keys)
        range_.seen_keys += len(keys)
        range_.seen_children += ahead - len(range_.cuts)
        return more and self._jump(range_, barren)

    def _tell(self, range_: _Range, keys: list[str]) -> bool:
        """Tells the scan keys. Whether all were in directories of one level that are not wanted."""
        levels: set[str | None] = set()
        step = max(len(keys) // _LOOKS, 1)
        for begin in range(0, len(keys), step):
            self._scan.keys(range_.number, keys[begin : begin + step])
            unwanted = self._scan.skip(range_.number)
            levels.add(None if unwanted is None else parent(unwanted))
            if None in levels or len(levels) > 1:
                self._scan.keys(range_.number, keys[begin + step :])
                return False
        return True

    def _jump(self, range_: _Range, barren: bool) -> bool:
        """Passes over what is not wanted. Whether the range has more."""
        unwanted = self._scan.skip(range_.number)
        if unwanted is not None and self._store.can_start:
            range_.token = None
            range_.move(successor(unwanted))
            if self._by_level and barren:
                # A whole page of it: its siblings may be the same.
                range_.at_level = parent(unwanted)
        return not range_.is_over

    def _take_level(self, range_: _Range, page: Page, level: str) -> bool:
        """Tells the scan one level's keys and prefixes, up to the first that is wanted."""
        entries = sorted({*page.keys, *page.prefixes})
        del entries[: _old(entries, range_)]
        range_.token = page.token
        for index, entry in enumerate(entries):
            if entry >= range_.bound:
                return False
            if not entry.endswith("/"):
                self._scan.keys(range_.number, [entry])
            elif self._scan.prefix(range_.number, entry):
                # The rest is as good as what a probe finds.
                range_.at_level = range_.token = None
                range_.move(just_after(entry))
                self._learn(range_, level, entries[index + 1 :], _reached(page, range_.end))
                return True
            range_.move(_behind(entry))
        if page.token is None:
            # All that begins with the level has been told.
            range_.at_level = None
            range_.move(_past(level))
        return not range_.is_over

    # Cutting

    def _cut_off(self) -> _Range | None:
        """A new range from what promises most, if anything promises more than two pages."""
        while True:
            # (A level that is listed is done with soon.)
            candidates = [r for r in self._running if r.cuts and r.at_level != r.level]
            best = max(candidates, key=lambda r: r.promise, default=None)
            if best is None or best.promise < 2 * self._page_size:
                return None
            if self._store.can_start:
                # At least the child that it is in stays.
                middle = len(best.cuts) // 2
            else:
                # Only whole prefixes can be asked for. (All that are ahead are known.)
                middle = len(best.cuts) - 1
                if best.child_size < self._page_size or best.bound > _past(best.level):
                    return None
            new = self._cut(best, middle)
            if not new.is_over:
                return new
            self._scan.end(new.number)

    def _cut(self, range_: _Range, index: int) -> _Range:
        """Cuts a range at one of the prefixes ahead; what is behind is a new one."""
        at = range_.cuts[index]
        level = range_.level
        all_known = range_.all_known
        number = self._scan.split(range_.number, at)
        size = range_.child_size
        new = _Range(number, range_.prefix, just_after(at), range_.end, level=level)
        new.known = range_.known
        new.cuts = range_.cuts[index + 1 :]
        first_file = bisect_left(range_.files, at)
        new.files = range_.files[first_file:]
        new.seen_keys, new.seen_children = size, 1
        new.expected = new.promise if all_known else float("inf")
        range_.end = at
        del range_.cuts[index:]
        del range_.files[first_file:]
        range_.expected = range_.read + range_.promise
        wanted = self._scan.prefix(number, at)
        # (Of what is beyond the level, nothing is known.)
        if not new.cuts and all_known and new.bound <= _past(level):
            # One directory: what is beside it is known, and need not be listed.
            behind = successor(at)
            if behind < new.bound:
                rest = self._scan.split(number, behind)
                self._scan.keys(rest, new.files)
                self._scan.end(rest)
                new.end = behind
            new.files = []
            if self._narrow:
                new.prefix = at
        if not wanted:
            new.move(successor(at))
        return new

    # Probing

    def _probe_somewhere(self) -> Coroutine[Any, Any, None] | None:
        if self._failed_probes >= _FAILED_PROBES:
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
        _, range_, level, start = best
        range_.probing = True
        return self._probe(range_, level, start)

    def _probe_value(self, range_: _Range) -> float:
        return max(range_.expected - range_.read, float(range_.read))

    def _probe_level(self, range_: _Range) -> tuple[str, str] | None:
        """Where to look for prefixes: the level, and from where on."""
        if range_.probing or range_.cuts or range_.pages < 1 or range_.pages < range_.rests_until:
            return None
        if range_.pages < 2 and range_.expected - range_.read < 2 * self._page_size:
            return None
        levels = []
        slash = -1
        while True:
            level = range_.start[: slash + 1]
            slash = range_.start.find("/", slash + 1)
            # Past the directory in which the range is.
            start = range_.start if slash < 0 else successor(range_.start[: slash + 1])
            start = max(start, self._known.get(level, ""))
            if level == range_.at_level:
                break
            if start < min(range_.bound, _past(level)):
                levels.append((level, start))
            if slash < 0:
                break
        if not levels:
            return None
        if range_.vain_probes % 2 and range_.page:
            # The top had nothing: now where the last page was not all in one directory.
            common = common_directory(range_.page[0], range_.page[-1])
            for level, start in levels:
                if len(level) >= len(common):
                    return level, start
        return levels[0]

    async def _probe(self, range_: _Range, level: str, start: str) -> None:
        can_start = self._store.can_start
        after, end = _before(start) if can_start else "", range_.end
        seen = Page([], [], None)
        try:
            for _ in range(1 if can_start else 3):
                page = await self._request(level, after, end, seen.token, delimiter=True)
                seen = Page(seen.keys + page.keys, seen.prefixes + page.prefixes, page.token)
                if seen.token is None:
                    break
            if not (can_start or _in_any_order(seen)):
                raise BadAnswer("the store tells them in another order than that of keys")
        except Unfit:
            raise
        except TooLarge:
            # Nor would it be the next time.
            self._known[level] = _END
            self._rest(range_)
            return
        except Exception:
            # The range is listed in any case: if something is wrong, that will tell.
            self._failed_probes += 1
            self._rest(range_)
            return
        finally:
            range_.probing = False
        self._failed_probes = 0
        if seen.token is not None and not can_start:
            # All or nothing: it would have to begin at the first again.
            self._rest(range_)
            return
        reached = max(start, _reached(seen, end))
        self._known = {
            level: known
            for level, known in self._known.items()
            if any(other.start.startswith(level) for other in self._running)
        }
        self._known[level] = max(self._known.get(level, ""), reached)
        if self._learn(range_, level, sorted({*seen.keys, *seen.prefixes}), reached):
            range_.vain_probes = 0
        else:
            self._rest(range_)
            if seen.token is None and range_.vain_probes == 1:
                # What is known now can tell at once where else to look.
                range_.rests_until = range_.pages

    def _learn(self, range_: _Range, level: str, entries: list[str], reached: str) -> bool:
        """Takes note of the children of a level that are ahead; whether there are any."""
        if range_.cuts:
            return True
        ahead = [entry for entry in entries if range_.start <= entry < range_.bound]
        range_.cuts = [entry for entry in ahead if entry.endswith("/")]
        if not range_.cuts:
            return False
        range_.level, range_.known = level, reached
        range_.files = [entry for entry in ahead if not entry.endswith("/")]
        self._estimate(range_)
        return True

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


def _in_any_order(page: Page) -> bool:
    """Whether a level is in the order of its bytes, and of UTF-16, by which some stores sort.

    Who cuts there and is wrong stops too early: a key that it does not expect ends a range.
    """
    keys, prefixes, _ = page
    if prefixes != sorted(prefixes) or keys != sorted(keys):
        return False
    entries = sorted([*keys, *prefixes])
    return entries == sorted(entries, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


# Places


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
    """A string after which a listing can begin to tell all keys from `start` on.

    Few others come after it: those that begin with a prefix and U+10FFFF.
    """
    return f"{start[:-1]}/{LAST}" if start.endswith("0") else start[:-1]


def _old(names: list[str], range_: _Range) -> int:
    """How many of the first names that a page brings are before a range's place."""
    if _before(range_.start) == range_.asked[0]:
        # Nothing has come of what was asked for yet. Some begin at a key and not after it, or at
        # a directory's name for its prefix; see `_before`, too.
        return bisect_left(names, range_.start)
    # Some tell the last key again (prefixes may be told twice). All else has to be in order.
    return int(bool(names) and just_after(names[0]) == range_.start)


def _reached(page: Page, end: str | None) -> str:
    """Up to where a page shows what there is of a level."""
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
