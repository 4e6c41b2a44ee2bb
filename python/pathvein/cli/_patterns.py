"""The patterns that a command is given: files, standard input, and text on the command line."""

from __future__ import annotations

import errno
import os
import sys

from pathvein import FileStructurePattern
from pathvein._pattern_files import decode, parse, read
from pathvein.cli._click import click, failure
from pathvein.cli._streams import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from pathvein._pattern_files.parts import Part
else:
    from pathvein._types import NamedTuple

__all__ = ["Named", "load", "parse_file", "shown_file"]


class Named(NamedTuple):
    """A pattern, and where it is from."""

    #: The file, or the text of `-e`; with the number of the pattern if there are several.
    name: str
    pattern: FileStructurePattern
    #: What the name begins with, and the number, to sort by.
    rank: tuple[str, int]


def load(
    context: click.Context, files: tuple[str, ...], expressions: tuple[str, ...]
) -> list[Named]:
    """The distinct patterns, of which there is at least one.

    Raises:
        Failure: A file or a text holds no pattern.
        click.UsageError: There are neither files nor texts.
    """
    if not files and not expressions:
        raise click.UsageError(
            "Missing option '--pattern' / '-p' or '--expression' / '-e'", context
        )
    patterns: dict[FileStructurePattern, Named] = {}
    for file in dict.fromkeys(files):
        try:
            parts = parse_file(file)
        except Exception as error:
            raise failure(shown_file(file), error) from error
        for index, (pattern, _) in enumerate(parts):
            name = file if len(parts) == 1 else f"{file}[{index}]"
            patterns.setdefault(pattern, Named(name, pattern, (file, index)))
    for text in dict.fromkeys(expressions):
        try:
            parts = parse(FileStructurePattern, text)
        except ValueError as error:
            raise failure("-e", error) from error
        for index, (pattern, _) in enumerate(parts):
            name = text if len(parts) == 1 else f"{text}[{index}]"
            patterns.setdefault(pattern, Named(name, pattern, (text, index)))
    return list(patterns.values())


def parse_file(file: str) -> list[Part[FileStructurePattern]]:
    """The patterns of a file; of standard input, for ``-``.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds no pattern. The message does not name it.
    """
    if file == "-":
        if sys.stdin is None:
            raise ValueError("it is closed")
        return parse(FileStructurePattern, decode(read_all(sys.stdin)))
    if not file:
        # An empty path would be the current directory.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file)
    shown, data = read("file", file)
    return parse(FileStructurePattern, decode(data), shown)


def shown_file(file: str) -> str:
    """The name of a file in messages."""
    return "standard input" if file == "-" else file
