"""Pattern files in TOML: the keys of a pattern, or tables ``[[pattern]]`` of several."""

from __future__ import annotations

import re
import tomllib

from pathvein._pattern_files.parts import RegexBudget, Wrong, from_values, join, unknown, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pathvein._pattern_files.parts import P, Part

__all__ = ["parse"]

#: The key of several patterns, which is none of a pattern.
_SEVERAL = "pattern"
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def parse(cls: type[P], text: str) -> list[Part[P]]:
    """The patterns of a text, of which there is at least one.

    Raises:
        Wrong: It is no TOML, or no pattern.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), text) from None
    except RecursionError:
        raise Wrong("it nests too deep") from None
    except ValueError as error:
        raise Wrong(str(error)) from None  # a number with too many digits
    values.pop("$schema", None)
    if not values:
        raise Wrong('the file is empty: any directory is directory_name = "*"')
    tables = values.get(_SEVERAL)
    if tables is None:
        return [(_pattern(cls, values, "", RegexBudget()), unknown)]
    if not isinstance(tables, list) or not tables or not _are_tables(tables):
        raise Wrong(f"expected tables, each below a line [[{_SEVERAL}]]", place=_SEVERAL)
    for key in values:
        if key != _SEVERAL:
            raise Wrong(f"it belongs into one of the tables [[{_SEVERAL}]]", place=key)
    regexes = RegexBudget()
    return [
        (_pattern(cls, table, f"{_SEVERAL}[{index}]", regexes), unknown)
        for index, table in enumerate(tables)
    ]


def _are_tables(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _pattern(cls: type[P], values: dict[str, Any], prefix: str, regexes: RegexBudget) -> P:
    _check(values, prefix)
    try:
        return from_values(cls, values, regexes)
    except ValueError as error:
        raise wrong(error, unknown, prefix) from None


def _check(values: dict[str, Any], prefix: str) -> None:
    """Refuse what JSON has no word for: dates, times, and with them all that is no name."""
    rest: list[tuple[str, Any]] = [(prefix, values)]
    while rest:
        place, value = rest.pop()
        if isinstance(value, dict):
            rest.extend((join(place, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            rest.extend((f"{place}[{i}]", value[i]) for i in reversed(range(len(value))))
        elif not isinstance(value, str | int):
            kind = "number" if isinstance(value, float) else "date or time"
            raise Wrong(
                f"a {kind}, {value}, is neither a name nor a count: a name is written in quotes",
                place=place,
            )


def _syntax(message: str, text: str) -> Wrong:
    found = _AT.search(message)
    if not found:
        return Wrong(message)
    if found[1]:
        position = int(found[1]), int(found[2])
    else:
        position = text.count("\n") + 1, len(text) - text.rfind("\n")
    message = message[: found.start()]
    return Wrong(message[:1].lower() + message[1:], position)
