"""Starting a check, and explaining one directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence

from pathvein import _arguments
from pathvein._checking.records import Records
from pathvein._results import make_results
from pathvein._stream import Stream
from pathvein.checking import CheckIterator, CheckResult, Explanation
from pathvein.lib import open_producer
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._checking.records import Raw
    from pathvein._types import Any, UPath
    from pathvein.checking import Finding
    from pathvein.lib import Opened

    #: A directory, the index of its pattern, and what is missing or cannot be told.
    Found = tuple[Any, int, tuple[Raw, ...]]

__all__ = ["check_stream", "run_explaining", "start_check"]


def start_check(near: int | None, /, **arguments: Any) -> CheckIterator[Any]:
    """Start a check as :func:`pathvein.icheck` does, whose arguments these are."""
    near = _arguments.check(near=near)["near"]
    return check_stream(near, open_producer(kind="check", **arguments))


def check_stream(near: int | None, opened: Opened) -> CheckIterator[Any]:
    """The stream of a check that was opened."""
    name, producer, options, make_upath, is_text = opened
    patterns = options["patterns"]
    records = Records(patterns)
    new = tuple.__new__  # half as long as to call the class

    def convert(found: list[Found]) -> list[CheckResult[Any]]:
        if near is not None:
            found = [one for one in found if 0 < _count_missing(one[2]) <= near]
        results: list[CheckResult[Any]] = []
        directories = _directories(found, patterns, make_upath, is_text)
        for (path, pattern), (_, index, findings) in zip(directories, found, strict=True):
            if findings:
                missing, unknown = records.lacks(index, findings)
                results.append(new(CheckResult, (path, pattern, False, missing, unknown)))
            else:
                results.append(new(CheckResult, (path, pattern, True, (), ())))
        return results

    stream: CheckIterator[Any]
    stream = CheckIterator(name, producer, convert, options["on_error"], options["progress"])
    stream.source, stream.patterns = name, tuple(patterns)
    return stream


def run_explaining(*, path: object, pattern: object, **arguments: Any) -> Explanation[Any]:
    """Explain a directory as :func:`pathvein.explain` does, whose arguments these are."""
    if not isinstance(pattern, FileStructurePattern):
        raise _arguments.wrong_type("pattern", "a FileStructurePattern", pattern)
    name, producer, options, make_upath, is_text = open_producer(
        path, kind="explain", argument="path", patterns=pattern, max_depth=0, **arguments
    )
    records = Records([pattern])

    def convert(found: list[Found]) -> list[tuple[Any, tuple[Finding, ...]]]:
        directories = _directories(found, [pattern], make_upath, is_text)
        return [
            (directory, records.told(0, findings)[0])
            for (directory, _), (_, _, findings) in zip(directories, found, strict=True)
        ]

    with Stream(name, producer, convert, options["on_error"], None) as stream:
        told = list(stream)
        if not told:
            # It could be opened and not be read, or it went away.
            gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            raise next(iter(stream.errors), gone)
        [(directory, findings)] = told
        return Explanation(directory, pattern, findings, stream.errors)


def _directories(
    found: list[Found],
    patterns: Sequence[FileStructurePattern],
    make_upath: Callable[[str], UPath] | None,
    is_text: bool,
) -> list[tuple[Any, FileStructurePattern]]:
    """The directories of what was found, as results have them, each with its pattern."""
    if make_upath is None and is_text:
        pairs = [(path, index) for path, index, _ in found]
        return make_results(tuple, pairs, patterns)
    if make_upath is not None:
        return [(make_upath(path), patterns[index]) for path, index, _ in found]
    return [(path, patterns[index]) for path, index, _ in found]


def _count_missing(findings: tuple[Raw, ...]) -> int:
    return sum(raw[1] == 1 for raw in findings)
