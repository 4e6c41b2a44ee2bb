"""Pattern files in JSON: one object after another, each a pattern."""

from __future__ import annotations

import json
import re

from pathvein._pattern_files.parts import RegexBudget, join, line_and_column, nearest, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._pattern_files.parts import P, Part, Position, Positions

__all__ = ["parse"]

_STRING = r'"(?:[^"\\]|\\.)*+"'
_BRACES = re.compile(rf"{_STRING}|[{{}}]", re.DOTALL)
_TOKENS = re.compile(rf'{_STRING}|[][{{}}:,]|[^][{{}}:,\s"]+', re.DOTALL)


def parse(cls: type[P], text: str) -> list[Part[P]]:
    """The patterns of a text, of which there is at least one.

    Raises:
        json.JSONDecodeError: It is no JSON.
        Wrong: It is JSON, but no pattern.
    """
    parts: list[Part[P]] = []
    regexes = RegexBudget()
    for start, end in _objects(text):
        chunk = text[start:end]
        positions = _positions(text, start, end)
        try:
            pattern = regexes.from_json(cls, chunk)
        except json.JSONDecodeError as error:
            if error.doc != chunk:
                raise  # it is in the JSON text inside of a string, and counts from there
            raise json.JSONDecodeError(error.msg, text, start + error.pos) from None
        except ValueError as error:
            raise wrong(error, positions) from None
        parts.append((pattern, positions))
    return parts


def _objects(text: str) -> list[tuple[int, int]]:
    """Where each object begins and ends. What is no object is left to whoever reads it."""
    found, start, depth = [], 0, 0
    for token in _BRACES.finditer(text):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0 and token[0] == "}":
            found.append((start, token.end()))
            start = token.end()
    if not found or text[start:].strip():
        found.append((start, len(text)))
    return found


def _positions(text: str, start: int, end: int) -> Positions:
    """Where the values of an object are, which is looked for once it is asked."""
    offsets: dict[str, int] = {}

    def position(place: str) -> Position | None:
        if not offsets:
            offsets.update(_offsets(text, start, end))
        offset = nearest(offsets, place)
        return None if offset is None else line_and_column(text, offset)

    return position


def _offsets(text: str, start: int, end: int) -> dict[str, int]:
    """Where the values of a JSON text are, by their places."""
    found: dict[str, int] = {}
    # Of each list and object around: its place, and the number of the next item or the last key.
    around: list[tuple[str, int | str | None]] = []
    expects_key = False
    for token in _TOKENS.finditer(text, start, end):
        kind = token[0][0]
        if kind in "]}":
            del around[-1:]
        elif kind == ",":
            if around:
                place, step = around[-1]
                expects_key = not isinstance(step, int)
                if isinstance(step, int):
                    around[-1] = place, step + 1
        elif expects_key and kind == '"':
            around[-1] = around[-1][0], json.loads(token[0], strict=False)
            expects_key = False
        elif kind != ":":
            place = ""
            if around:
                place, step = around[-1]
                place = f"{place}[{step}]" if isinstance(step, int) else join(place, str(step))
            found[place] = token.start()
            if kind in "[{":
                around.append((place, 0 if kind == "[" else None))
                expects_key = kind == "{"
    return found
