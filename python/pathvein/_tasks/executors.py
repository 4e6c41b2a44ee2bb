"""What executors have in common, and where they differ. None of their packages is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


class Workforce:
    """An executor that the caller gave. It is never shut down here."""

    def __init__(self, executor: object, argument: str = "executor") -> None:
        """Takes a `concurrent.futures.Executor`, or what has a `get_executor` (Dask's client).

        Raises `TypeError` for anything else, which says what is taken.
        """
        self.executor: Executor

    @property
    def workers(self) -> int:
        """How many tasks run at a time: as many as the executor says, else as processors."""
        raise NotImplementedError

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Submit a call. A failure of the executor (shut down, broken) is raised."""
        raise NotImplementedError


def is_fatal(error: BaseException) -> bool:
    """Whether a future's error would come again: something cannot be pickled or imported there.

    Others, as that a worker died or that its host was lost, may not.
    """
    raise NotImplementedError
