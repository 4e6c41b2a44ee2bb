"""What the planner of a flat listing asks for, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from pathvein._remote.keys.ranges import KeyRange

#: Why a request failed: `refused` is what will fail again, `transient` what has failed too often,
#: `astray` lists something else.
Failure = Literal["denied", "refused", "too large", "transient", "unsorted", "astray"]


class Page(NamedTuple):
    """What one request brought. All names are relative to the source."""

    #: Ascending; with a delimiter those that have none after the prefix.
    keys: Sequence[str]
    #: Ascending, each with its slash at the end.
    prefixes: Sequence[str]
    #: The continuation token of the next page; `None` if this was the last.
    token: Any
    #: What the store tells of each key, where that was asked for (`ObjectStore.with_infos`).
    infos: Mapping[str, Any] | None = None


class Streamed(Page):
    """A page of a listing that had better go on by token, if it began at a key that exists."""

    __slots__ = ()


class Request(NamedTuple):
    """A page to ask for: of the keys that begin with the prefix."""

    prefix: str
    #: Keys up to this, and from `end` on, are of no use; they may be listed. Empty if the store
    #: cannot start after a key.
    after: str
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
    def break_off(self, range_id: int, /) -> None: ...
    def distrust(self) -> None: ...


@dataclass(slots=True, eq=False)
class Probe:
    """A search for the child prefixes of a level that are ahead of a range."""

    range: KeyRange
    level: str
    start: str
    end: str | None
    token: Any = None
    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    pages: int = 0
    #: Whether the level is listed from its beginning.
    whole: bool = False
