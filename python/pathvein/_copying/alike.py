"""Destinations on this machine that may be one though they are spelled differently.

Where names are one is known before anything is written if something is there already. Else it is
found out once the first is there, so such matches are copied one after the other.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

from pathvein._copying.names import Asked, fold_elsewhere


class Alike:
    """Finds such destinations among paths, each with its number.

    Args:
        paths: Absolute, without links as they are written to.
        overwrite: Whether destinations that exist are written to, so that of two that are one
            neither may be.
    """

    def __init__(self, paths: Mapping[int, str], *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._asked = Asked()
        self._groups: dict[tuple[str, ...], dict[int, str]] = {}
        self._keys: dict[int, tuple[str, ...]] = {}
        for number, path in paths.items():
            key = self._keys[number] = tuple(map(_key, path.split(os.sep)))
            self._groups.setdefault(key, {})[number] = path
        self.paths = paths

    def same(self, number: int) -> list[int]:
        """Those of the others that may be this one's destination."""
        return self._alike(self.paths[number], self._keys[number])

    def above(self, number: int) -> list[int]:
        """Those whose destination may lie above this one."""
        key, names = self._keys[number], self.paths[number].split(os.sep)
        found = []
        for length in range(2, len(key)):
            if key[:length] in self._groups:
                found += self._alike(os.sep.join(names[:length]), key[:length])
        return found

    def _alike(self, path: str, key: tuple[str, ...]) -> list[int]:
        group = self._groups[key]
        if len(group) == 1 and path in group.values():
            return []
        return [other for other, there in group.items() if self._may_be_one(path, there)]

    def _may_be_one(self, one: str, other: str) -> bool:
        if one == other or (not self._overwrite and os.path.lexists(one)):
            return False
        return self._asked.is_one_path(one, other) is not False


def same_directory(other: str, source: str) -> str:
    """What is said of a destination that was found to be that of another match."""
    return (
        f"this directory is {other!r} as well, to which {source!r} was copied: give another "
        "destination"
    )


@functools.lru_cache(100_000)
def _key(name: str) -> str:
    """The same for all names that some file system takes for one."""
    return fold_elsewhere(name).rstrip(". ")
