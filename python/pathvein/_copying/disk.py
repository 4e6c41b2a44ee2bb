"""Where directories of this machine are, so that the same one is found to be the same."""

from __future__ import annotations

import os
from collections.abc import Callable

from pathvein._copying.names import fold_of
from pathvein._copying.overlaps import Place


class Disk:
    """Makes places of paths, without links. They are equal where names are one on the disk."""

    def __init__(self) -> None:
        #: For each directory what makes names in it equal. Each is asked once.
        self._folds: dict[str, Callable[[str], str] | None] = {}

    def place(self, path: str) -> Place:
        """Where it is, or would be."""
        drive, rest = os.path.splitdrive(os.path.realpath(path))
        above, components = drive + os.sep, []
        for name in filter(None, rest.split(os.sep)):
            if above not in self._folds:
                self._folds[above] = fold_of(above)
            fold = self._folds[above]
            components.append(name if fold is None else fold(name))
            above = os.path.join(above, name)
        # Where there are no drives, this is the place of a local end as it has always been.
        return Place(("file", *filter(None, [os.path.normcase(drive)])), tuple(components))
