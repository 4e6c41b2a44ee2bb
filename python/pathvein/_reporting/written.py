"""Reports as text: JSON lines and CSV, and the files that they are written to."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import stat

from pathvein._arguments import wrong_type
from pathvein._reporting.rows import MET
from pathvein._visible import encodable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from pathvein._reporting.rows import Rows

__all__ = ["csv_lines", "json_lines", "opened"]

#: With these a spreadsheet takes a cell for a formula, and computes it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_lines(rows: Rows) -> Iterator[str]:
    """The JSON of each result, in the order of the results."""
    patterns = [json.dumps(reported.text) for reported in rows.patterns]
    for row in rows:
        lacks = row.lacks
        complete = json.dumps(lacks.is_complete)
        yield (
            f'{{"path": {json.dumps(row.path)}, "pattern": {patterns[lacks.pattern]}, '
            f'"complete": {complete}, {lacks.json()}}}\n'
        )


def csv_lines(rows: Rows) -> Iterator[str]:
    """A heading, and a line for each result, in their order.

    Requirements of several patterns that have the same text share a column. One whose text is the
    heading of another column is quoted, as it may be in pattern text.
    """
    heading = ["path", "name", "parent", "pattern", "complete", "lacks"]
    texts = dict.fromkeys(item.text for pattern in rows.patterns for item in pattern.items)
    numbers = {text: number for number, text in enumerate(texts)}
    yield _csv_line([*heading, *(f'"{text}"' if text in heading else text for text in texts)])
    # What rows have in common is made once.
    common: dict[int, tuple[str, list[str]]] = {}
    for path, name, parent, lacks in rows:
        if lacks.number not in common:
            pattern = rows.patterns[lacks.pattern]
            cells = [""] * len(texts)
            for item in pattern.items:
                cells[numbers[item.text]] = MET
            for number, state in lacks.states:
                cells[numbers[pattern.items[number].text]] = state
            common[lacks.number] = pattern.text, cells
        text, cells = common[lacks.number]
        complete = "true" if lacks.is_complete else "false"
        yield _csv_line([path, name, parent, text, complete, lacks.text, *cells])


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    # Up to Python 3.12 only what has a character of the end of lines is put in quotation marks, and
    # readers take a lone carriage return for one.
    csv.writer(line, lineterminator="\r\n").writerow(map(_cell, cells))
    return f"{line.getvalue()[:-2]}\n"


def _cell(text: str) -> str:
    return encodable(f"'{text}" if text.startswith(_FORMULA) else text)


@contextlib.contextmanager
def opened(file: str | os.PathLike[str] | IO[str]) -> Iterator[IO[str]]:
    """A file to write text to, by its path, or one that is open already.

    What is there under the path stays until all is written, and stays if that fails: it is written
    to a file beside it, which then takes its place. A pipe or a device is written to as it is, and
    of a link that which it leads to is replaced.

    Raises:
        OSError: It cannot be written. It names the path.
        TypeError: It is neither.
    """
    if not isinstance(file, str | os.PathLike):
        if not hasattr(file, "write"):
            raise wrong_type("file", "a path or a file that is open for text", file)
        yield file
        return
    try:
        mode = os.stat(file).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        # A directory, too: that it is one is the error of opening it. By the path as it was given,
        # as /dev/stdout leads to a pipe that has none.
        with open(file, "w", encoding="utf-8", newline="\n") as stream:
            yield stream
        return
    path = os.path.realpath(file)
    beside = os.path.join(os.path.dirname(path), f".pathvein-{os.urandom(6).hex()}.tmp")
    try:
        stream = open(beside, "x", encoding="utf-8", newline="\n")  # noqa: SIM115  (closed below)
    except OSError as error:
        error.filename = os.fspath(file)
        raise
    try:
        with stream:
            if mode is not None:
                os.chmod(beside, stat.S_IMODE(mode))
            yield stream
        os.replace(beside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        if isinstance(error, OSError) and error.filename in (None, beside):
            error.filename, error.filename2 = os.fspath(file), None
        raise
