"""The producer of a scan by tasks: it submits them, and takes what comes of them.

It knows nothing of trees and stores: see `Division`. A task gets a budget, and hands back what it
has not begun by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathvein_core import Stats

if TYPE_CHECKING:
    from pathvein._tasks.division import Division
    from pathvein._tasks.executors import Workforce
    from pathvein._tasks.plan import Plan


class TaskProducer:
    """A `Producer` of `_stream.py`: the results of a division whose tasks an executor runs."""

    def __init__(self, division: Division, plan: Plan, workforce: Workforce) -> None:
        """Submits the first task and waits for it: an error of the source is raised here."""

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        raise NotImplementedError

    def stats(self) -> Stats:
        raise NotImplementedError

    def close(self) -> None:
        """Cancel the tasks that are not begun. The others end at their budget."""
