"""The bar that a copy draws on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from pathvein.cli._output import columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein import ShuffleProgress

__all__ = ["Bar"]


class Bar:
    """How far a copy is: bytes as a bar, and files, with the rate."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        kinds = (DownloadColumn, TransferSpeedColumn, TimeRemainingColumn)
        # It is drawn when something has changed, by the thread that writes all else. It must stay
        # on one line, or not all of it would be erased.
        self._progress = Progress(
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            *(kind(table_column=Column(no_wrap=True)) for kind in kinds),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        self._task = self._progress.add_task("")

    def draw(self, progress: ShuffleProgress) -> None:
        """Draw it, over what was drawn."""
        # While matches are planned and copied at once, there may be more than is known.
        total = max(progress.bytes, progress.bytes_planned)
        files = f"{progress.files:,}/{max(progress.files, progress.files_planned):,} files"
        # With room for the ^C that a terminal shows after it.
        self._console.width = max(columns() - 2, 1)
        self._progress.start()
        self._progress.update(
            self._task, description=files, completed=progress.bytes, total=total, refresh=True
        )

    def clear(self) -> None:
        """Erase it."""
        self._progress.stop()
