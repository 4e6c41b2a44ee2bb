"""Scans of local trees by tasks: the caller's side, and what the tasks run in."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

from pathvein_core import SubtreeScan

from pathvein._tasks.plan import Plan
from pathvein._tasks.subtrees import SubtreeDivision

if TYPE_CHECKING:
    from pathvein_core import Stats

    from pathvein._tasks.plan import Parts
    from pathvein.pattern import FileStructurePattern


def open_division(
    source: str, patterns: list[FileStructurePattern], options: dict[str, Any]
) -> tuple[SubtreeDivision, Plan]:
    """The division of a local tree, and the plan of its tasks.

    The source is opened here, since only this process knows what its path means. Raises the
    `OSError` of one that cannot be.
    """
    path = SubtreeScan(source, patterns, **options).source()
    division = SubtreeDivision(
        patterns,
        os.path.basename(path),
        None,
        base=path,
        max_depth=options["max_depth"],
        outermost=options["outermost"],
        check=options.get("check", False),
    )
    return division, Plan.of(__name__, path, patterns, options)


def open_worker(parts: Parts) -> LocalWorker:
    """What the tasks of such a plan run in."""
    return LocalWorker(SubtreeScan(parts.source, parts.patterns, **parts.options))


class LocalWorker:
    """A `Worker` for sub-trees of a local tree."""

    def __init__(self, scan: SubtreeScan) -> None:
        self._scan = scan

    def run(
        self, description: bytes, seconds: float | None, directories: int | None
    ) -> tuple[bytes, list[OSError], Stats]:
        return self._scan.run(description, seconds=seconds, directories=directories)

    def close(self) -> None:
        """There is nothing to close."""
