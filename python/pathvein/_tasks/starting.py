"""Starting a scan or a check by tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathvein._remote.source import RemoteSource
    from pathvein._stream import Producer
    from pathvein._tasks.executors import Workforce
    from pathvein.pattern import FileStructurePattern


def open_tasks(
    workforce: Workforce,
    opened: str | RemoteSource,
    patterns: list[FileStructurePattern],
    options: dict[str, Any],
    exclude: Any,
    storage_options: Mapping[str, Any] | None,
) -> Producer:
    """The producer of a scan or check by tasks.

    For a local path it is made here with `subtrees.SubtreeDivision` and the module `local`. For a
    remote source it is `stores.open_division(opened, patterns, options, storage_options)`, which
    gives the division and the plan.

    Args:
        opened: The path of a local source, or the source opened for listing.
        options: Those of `pathvein_core.Scan`, and for a remote source of `open_scan`, with
            ``check=True`` for a check. ``exclude`` is the caller's own, not compiled.
    """
    raise NotImplementedError
