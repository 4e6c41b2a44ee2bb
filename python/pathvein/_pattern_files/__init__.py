"""Reading pattern files: JSON, pattern text, TOML and YAML, one module each.

This one reads the bytes, chooses the form by the file's ending and its first character, and puts
the name of the file into errors.
"""

from __future__ import annotations

import errno
import os

import pathvein_core

from pathvein import _arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from pathvein import _types
    from pathvein._pattern_files.parts import P, Part

__all__ = ["ENDINGS", "decode", "load_all", "load_one", "parse", "raise_named", "read"]

#: The endings of pattern files, and their forms. A file with any other is JSON or text.
ENDINGS = {".json": "json", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}


def load_one(cls: type[P], path: str | os.PathLike[str] | _types.UPath) -> P:
    """The one pattern of a file."""
    patterns = load_all(cls, path)
    if len(patterns) > 1:
        raise ValueError(
            f"{_shown(path)}: the file holds {len(patterns)} patterns, and one is asked for: "
            "pathvein.load_patterns returns them all"
        )
    return patterns[0]


def load_all(cls: type[P], path: str | os.PathLike[str] | _types.UPath) -> list[P]:
    """The patterns of a file, of which there is at least one."""
    shown, data = read("path", path)
    try:
        return [pattern for pattern, _ in parse(cls, decode(data), shown)]
    except ValueError as error:
        raise_named(shown, error)


def read(argument: str, path: str | os.PathLike[str] | _types.UPath) -> tuple[str, bytes]:
    """The name of a file, local or remote, and what is in it.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It cannot be read.
    """
    file: str | _types.UPath
    if _arguments.is_url_or_upath(path):
        from pathvein._remote import make_upath

        file = make_upath(path)
    else:
        file = _arguments.decoded(argument, path, "str, os.PathLike or UPath")
    shown = str(file)
    try:
        # A `str` is local. pathlib would have to be imported.
        with open(file, "rb") if isinstance(file, str) else file.open("rb") as opened:
            return shown, opened.read()
    except FileNotFoundError as error:
        # Not every file system names the file.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown) from error


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 or UTF-32 as they can be told by a mark or by NULs.

    Raises:
        ValueError: It is none of these.
    """
    import json

    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is no text in {encoding}: {error}") from error


def parse(cls: type[P], text: str, name: str = "") -> list[Part[P]]:
    """The patterns of a text, in the form that the ending of `name` or its beginning says.

    Raises:
        ValueError: The text is wrong: a `json.JSONDecodeError`, a `PatternTextError` or `Wrong`.
    """
    form = ENDINGS.get(os.path.splitext(name)[1].lower())
    if form is None:
        form = "json" if text.lstrip(" \t\r\n")[:1] == "{" else "text"
    if form == "json":
        from pathvein._pattern_files.json import parse as parse_form
    elif form == "toml":
        from pathvein._pattern_files.toml import parse as parse_form
    elif form == "yaml":
        from pathvein._pattern_files.yaml import parse as parse_form
    else:
        from pathvein._pattern_files.text import parse as parse_form
    return parse_form(cls, text)


def raise_named(shown: str, error: ValueError) -> NoReturn:
    """Raise an error of a file again, of the same class, with the name of the file in front."""
    import json

    if isinstance(error, json.JSONDecodeError):
        raise json.JSONDecodeError(f"{shown}: {error.msg}", error.doc, error.pos) from None
    if isinstance(error, pathvein_core.PatternTextError):
        error.args = (f"{shown}: {error}",)
        raise error from None
    raise ValueError(f"{shown}: {error}") from None


def _shown(path: object) -> str:
    return str(path) if _arguments.is_url_or_upath(path) else os.fsdecode(path)  # type: ignore[arg-type]
