"""Between the reference's values and pathvein's: patterns one way, answers the other."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pathvein
from pats import Counted, Pat, Re, is_plain
from reference import Item


def make_pattern(pat: Pat) -> pathvein.FileStructurePattern:
    """The same pattern as the library's object."""
    also: dict[str, Any] = {
        "forbidden_files": list(map(_name_test, pat.forbidden_files)),
        "forbidden_directories": list(map(make_pattern, pat.forbidden_dirs)),
        "closed": pat.closed,
    }
    return pathvein.FileStructurePattern(
        _name_test(pat.name),
        list(map(_files, pat.files)),
        list(map(_directories, pat.dirs)),
        list(map(_name_test, pat.optional_files)),
        list(map(make_pattern, pat.optional_dirs)),
        # What old patterns say is said as it ever was.
        **({} if is_plain(pat) else also),
    )


def _name_test(test: Any) -> Any:
    if isinstance(test, tuple):
        return tuple(map(_name_test, test))
    return pathvein.Regex(test.text) if isinstance(test, Re) else test


def _files(item: Any) -> Any:
    if isinstance(item, Counted):
        return pathvein.Files(_name_test(item.what), item.min, item.max)
    return _name_test(item)


def _directories(item: Any) -> Any:
    if isinstance(item, Counted):
        return pathvein.Directories(_directories(item.what), item.min, item.max)
    # A pattern is a tuple, too.
    return make_pattern(item) if isinstance(item, Pat) else tuple(map(make_pattern, item))


def make_patterns(pats: list[Pat]) -> list[pathvein.FileStructurePattern]:
    """One object each, equal ones included."""
    return [make_pattern(pat) for pat in pats]


def first_of(pats: list[Pat]) -> dict[Pat, int]:
    """Where each pattern stands for the first time: that object is in the results."""
    return {pat: index for index, pat in reversed(list(enumerate(pats)))}


def by_index(results: Any, patterns: list[Any]) -> list[tuple[str, int]]:
    """(path, which of the very objects that were passed), sorted, nothing merged."""
    index = {id(pattern): i for i, pattern in enumerate(patterns)}
    rows = []
    for result in results:
        assert type(result) is pathvein.ScanResult
        source, pattern = result
        assert isinstance(source, Path)
        rows.append((os.fspath(source), index[id(pattern)]))
    return sorted(rows)


def expected_rows(found: set[tuple[str, Pat]], pats: list[Pat]) -> list[tuple[str, int]]:
    """The reference's answer in the same form."""
    first = first_of(pats)
    return sorted((path, first[pat]) for path, pat in found)


def items(errors: Any) -> list[Item]:
    """Error items in the reference's form."""
    rows = []
    for error in errors:
        assert isinstance(error, OSError)
        assert isinstance(error.filename, str), error
        assert isinstance(error.errno, int), error
        assert error.strerror, error
        assert getattr(error, "__notes__", None), f"no note says what was being done: {error!r}"
        rows.append(Item(error.filename, error.errno))
    return sorted(rows)


def quiet(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call and check that it does not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args, **kwargs)
