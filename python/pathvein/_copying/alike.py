"""Destinations on this machine that may be one though they are spelled differently.

Where names are one is known before anything is written if something is there already. Else it is
found out once the first is there, so such matches are copied one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pathvein._copying.names import fold_elsewhere, is_one_path


class Alike:
    """Finds such destinations among paths, each with its number.

    Args:
        paths: Absolute, without links. None is there by a name that is known to be another's.
        overwrite: Whether destinations that exist are written to, so that of two that are one
            neither may be.
    """

    def __init__(self, paths: Mapping[int, str], *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._groups: dict[tuple[str, ...], dict[int, str]] = {}
        for number, path in paths.items():
            self._groups.setdefault(_key(path), {})[number] = path

    def same(self, number: int, path: str) -> list[int]:
        """Those of the others that may be this one's destination."""
        group = self._groups[_key(path)]
        return [
            other
            for other, there in group.items()
            if other != number and self._may_be_one(path, there)
        ]

    def above(self, path: str) -> list[int]:
        """Those whose destination may lie above this one."""
        key = _key(path)
        lengths = range(1, len(key))
        return [number for length in lengths for number in self._groups.get(key[:length], ())]

    def _may_be_one(self, one: str, other: str) -> bool:
        if os.path.lexists(one) or os.path.lexists(other):
            return self._overwrite and is_one_path(one, other)
        return True


def same_directory(other: str, source: str) -> str:
    """What is said of a destination that was found to be that of another match."""
    return (
        f"this directory is {other!r} as well, to which {source!r} was copied: give another "
        "destination"
    )


def _key(path: str) -> tuple[str, ...]:
    """The same for all paths that some file system takes for one."""
    names = fold_elsewhere(path).split(os.sep)
    return tuple(name.rstrip(". ") or name for name in names)
