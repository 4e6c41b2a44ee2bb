"""Sub-trees as tasks: the caller's side for trees that are read directory by directory.

A task's description is a `Subtree` of the core, as bytes, and its outcome one of its `Outcome`s:
what `ListingScan.subtree(id)` gives, and what a worker's `SubtreeScan.run` or
`ListingScan.hand_back` makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathvein.pattern import FileStructurePattern


class SubtreeDivision:
    """A `Division` into sub-trees, for local trees and for stores that are not listed flat."""

    def __init__(
        self,
        patterns: list[FileStructurePattern],
        name: str,
        path: Callable[[str], Any],
        *,
        max_depth: int | None,
        outermost: bool,
        check: bool,
    ) -> None:
        """
        Args:
            name: The source's name.
            path: Makes the path of a result, and the text of an error's path, of a path relative
                to the source. Where it raises `OSError`, that is an error below the source.
        """
