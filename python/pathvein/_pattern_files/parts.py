"""What the forms of pattern files have in common: places, positions and errors."""

from __future__ import annotations

import json
import re

import pathvein_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from pathvein import FileStructurePattern

    T = TypeVar("T")
    P = TypeVar("P", bound=FileStructurePattern)
    #: A line and a column, both from 1.
    Position = tuple[int, int]
    #: The position of a place in a pattern, such as ``"directories[0].files"``; `None` if the
    #: form does not tell.
    Positions = Callable[[str], Position | None]
    #: A pattern of a file, and where its parts are.
    Part = tuple[P, Positions]

__all__ = [
    "RegexBudget",
    "Wrong",
    "explained",
    "from_values",
    "join",
    "line_and_column",
    "nearest",
    "unknown",
    "wrong",
]

#: A place in front of a message. Long ones are shortened in their middle.
_PLACE = re.compile(r"((?:[.\w$]|\[\d+\])+): ")
_LAST_STEP = re.compile(r"(?:\.?[\w$]+|\[\d+\])$")
#: A regular expression in JSON as it is written, where quotes inside of a string are escaped.
_REGEX = re.compile(r'\{"regex": ("(?:[^"\\]|\\.)*+")')
_UNKNOWN_KEY = re.compile(r'unknown key ("(?:[^"\\]|\\.)*")')


class Wrong(ValueError):
    """A file that holds no pattern: what is wrong, and where as far as that is known."""

    def __init__(
        self,
        message: str,
        position: Position | None = None,
        place: str = "",
        excerpt: Sequence[str] = (),
    ) -> None:
        self.message = f"{place}: {message}" if place else message
        self.position = position
        #: A line and a caret, of the text inside of a string.
        self.excerpt = excerpt
        where = f": line {position[0]} column {position[1]}" if position else ""
        super().__init__("\n".join((f"{self.message}{where}", *excerpt)))


def explained(error: ValueError) -> Wrong:
    """What reading a file raised, taken apart."""
    if isinstance(error, Wrong):
        return error
    if isinstance(error, json.JSONDecodeError):
        return Wrong(error.msg, (error.lineno, error.colno))
    message, *excerpt = str(error).split("\n")
    if not isinstance(error, pathvein_core.PatternTextError):
        return Wrong(message, None, "", excerpt)
    position = error.line, error.column
    message = message.removesuffix(f": line {position[0]} column {position[1]}")
    return Wrong(message, position, "", excerpt)


def wrong(error: ValueError, positions: Positions, prefix: str = "") -> Wrong:
    """What the core says of a pattern's JSON, with the position that its place has in a file."""
    told = explained(error)
    found = _PLACE.match(told.message)
    place = found[1] if found else ""
    message = told.message[found.end() :] if found else told.message
    key = _UNKNOWN_KEY.match(message)
    position = positions(join(place, json.loads(key[1])) if key else place)
    return Wrong(message, position, join(prefix, place) if place else prefix, told.excerpt)


def join(place: str, key: str) -> str:
    """The place of a key's value in the object at a place."""
    return f"{place}.{key}" if place and key else place or key


def nearest(found: dict[str, T], place: str) -> T | None:
    """What is known of a place, else of what it is in."""
    while place not in found:
        shorter = _LAST_STEP.sub("", place)
        if shorter == place:
            return None
        place = shorter
    return found[place]


def unknown(place: str) -> Position | None:
    """The positions of a form that does not tell them."""
    return None


def line_and_column(text: str, offset: int) -> Position:
    """Where an offset is."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class RegexBudget:
    """What the regular expressions of a file may take: as much as those of one pattern.

    A file of some kilobytes could have thousands of patterns, each with as much as it may have.
    """

    def __init__(self) -> None:
        self._counted: set[str] = set()
        self._core = pathvein_core.FileStructurePattern()

    def from_json(self, cls: type[P], text: str) -> P:
        """The next pattern of the file, by its JSON; a `ValueError` if it takes too much."""
        pattern = cls.from_json(text)
        new = set(_REGEX.findall(pattern.to_json())) - self._counted
        self._counted |= new
        try:
            self._core.add_files([pathvein_core.Regex(json.loads(text)) for text in new], True)
        except ValueError:
            raise ValueError(
                "its regular expressions are too large, with those of the patterns before it: "
                "together they may take 16 MiB, of which even a short one takes 16 KiB"
            ) from None
        return pattern


def from_values(cls: type[P], values: dict[str, Any], regexes: RegexBudget) -> P:
    """A pattern from what its JSON would be read as: so all forms are checked as JSON is.

    Raises:
        ValueError: It is no pattern; the message begins with the place.
    """
    try:
        return regexes.from_json(cls, json.dumps(values))
    except RecursionError:
        raise ValueError("it nests too deep") from None
