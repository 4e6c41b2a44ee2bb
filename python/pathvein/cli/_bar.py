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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein import ShuffleProgress

__all__ = ["Bar"]


class Bar:
    """How far a copy is: bytes as a bar, and files, with the rate."""

    def __init__(self) -> None:
        # It is drawn when something has changed, by the thread that writes all else.
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.description}"),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("")

    def draw(self, progress: ShuffleProgress) -> None:
        """Draw it, over what was drawn."""
        # While matches are planned and copied at once, there may be more than is known.
        total = max(progress.bytes, progress.bytes_planned)
        files = f"{progress.files:,}/{max(progress.files, progress.files_planned):,} files"
        self._progress.start()
        self._progress.update(
            self._task, description=files, completed=progress.bytes, total=total, refresh=True
        )

    def clear(self) -> None:
        """Erase it."""
        self._progress.stop()
