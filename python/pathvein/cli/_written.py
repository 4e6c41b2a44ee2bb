"""Patterns as the text of a file, in each form that can be written."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pathvein import FileStructurePattern

__all__ = ["WRITERS"]

_COLUMNS = 80
_TABLES = ("directories", "optional_directories", "forbidden_directories")
_ESCAPES = {
    '"': r"\"",
    "\\": r"\\",
    "\b": r"\b",
    "\t": r"\t",
    "\n": r"\n",
    "\f": r"\f",
    "\r": r"\r",
}


def _text(patterns: list[FileStructurePattern]) -> str:
    return "\n".join(f"{pattern.to_text()}\n" for pattern in patterns)


def _json(patterns: list[FileStructurePattern]) -> str:
    return "".join(f"{_pretty(_values(pattern), 0)}\n" for pattern in patterns)


def _pretty(value: Any, indent: int) -> str:
    """A value as JSON, on one line where it fits."""
    if isinstance(value, dict):
        begin, end = "{}"
        items = [f"{json.dumps(key)}: {_pretty(item, indent + 2)}" for key, item in value.items()]
    elif isinstance(value, list):
        begin, end = "[]"
        items = [_pretty(item, indent + 2) for item in value]
    else:
        return json.dumps(value)
    return _joined(begin, items, end, indent)


def _joined(begin: str, items: list[str], end: str, indent: int) -> str:
    """The items of a list or object, on one line if they are short."""
    if sum(len(item) + 2 for item in items) + indent <= _COLUMNS and "\n" not in "".join(items):
        return f"{begin}{', '.join(items)}{end}"
    before = " " * (indent + 2)
    return f"{begin}\n{before}" + f",\n{before}".join(items) + f"\n{' ' * indent}{end}"


def _toml(patterns: list[FileStructurePattern]) -> str:
    if len(patterns) == 1:
        lines = list(_table("", _values(patterns[0])))
    else:
        lines = [
            line
            for pattern in patterns
            for line in ("", "[[pattern]]", *_table("pattern", _values(pattern)))
        ]
    text = "\n".join(lines).strip("\n") + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("TOML cannot say bytes that are no text: write JSON or text") from None
    return text


def _values(pattern: FileStructurePattern) -> dict[str, Any]:
    """What the JSON of a pattern says, without lists that are empty."""
    values: dict[str, Any] = json.loads(pattern.to_json(), object_hook=_without_empty)
    return values


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != []}


def _table(path: str, values: dict[str, Any]) -> Iterator[str]:
    """The lines of a table: what is one line first, then the tables in it."""
    nested = []
    for key, value in values.items():
        if key in _TABLES and all(isinstance(item, dict) for item in value):
            nested.append((f"{path}.{key}" if path else key, value))
        elif key == "directory_name" and value is None:
            yield f'{key} = "*"'
        else:
            yield f"{key} = {_entry(value)}"
    for key, tables in nested:
        for table in tables:
            yield from ("", f"[[{key}]]", *_table(key, table))


def _entry(value: Any) -> str:
    """The value of a key. A list may have a line for each item, which what is in it may not."""
    if isinstance(value, list):
        return _joined("[", [_inline(item) for item in value], "]", 0)
    return _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        # A null can be a name only, and means any.
        items = (f"{key} = {_inline('*' if v is None else v)}" for key, v in value.items())
        return f"{{ {', '.join(items)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str):
        return f'"{"".join(map(_character, value))}"'
    return json.dumps(value)


def _character(char: str) -> str:
    if char < " " or char == "\x7f" or char in _ESCAPES:
        return _ESCAPES.get(char, f"\\u{ord(char):04x}")
    return char


#: What writes patterns in a form, by its name. Each raises a `ValueError` if it cannot.
WRITERS: dict[str, Callable[[list[FileStructurePattern]], str]] = {
    "text": _text,
    "json": _json,
    "toml": _toml,
}
