"""Starting a scan or a check by tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathvein._tasks.engine import TaskProducer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathvein._remote.source import RemoteSource
    from pathvein._tasks.division import Division
    from pathvein._tasks.executors import Workforce
    from pathvein.pattern import FileStructurePattern


def open_tasks(
    workforce: Workforce,
    opened: str | RemoteSource,
    patterns: list[FileStructurePattern],
    options: dict[str, Any],
    storage_options: Mapping[str, Any] | None,
) -> TaskProducer:
    """The producer of a scan or check by tasks.

    Args:
        opened: The path of a local source, or the source opened for listing.
        options: Those of `pathvein_core.Scan`, and for a remote source of `open_scan`, with
            ``check=True`` for a check.
    """
    division: Division
    if isinstance(opened, str):
        from pathvein._tasks import local

        division, plan = local.open_division(opened, patterns, options)
    else:
        from pathvein._tasks import stores

        try:
            division, plan = stores.open_division(opened, patterns, options, storage_options)
        except BaseException:
            opened.adapter.close()
            raise
    return TaskProducer(division, plan, workforce)
