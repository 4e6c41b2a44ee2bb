"""What runs in a worker: one task, with what is kept for the next.

A task and its answer consist of what every pickler takes, and of nothing that depends on the
version of pathvein until that is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pathvein._tasks.plan import Plan

if TYPE_CHECKING:
    from typing import Protocol

    from pathvein_core import Stats

    class Worker(Protocol):
        """What a plan's tasks run in: the store that it opens, the patterns that it compiles.

        `open_worker(parts)` of the plan's module makes one. It runs one task at a time, and is
        kept for the next task of the same plan; where an executor has threads, each has its own.
        """

        def run(
            self, description: bytes, seconds: float | None, directories: int | None
        ) -> tuple[bytes, list[OSError], Stats]:
            """Run a task to the end of its budget, and never less than one step of it.

            Args:
                description: What `Division.next_task` gave.
                seconds: How long it may take, about.
                directories: How many directories (pages of keys) it may list.

            Returns:
                The outcome for `Division.take`; the errors below the source; and what was counted
                by this task alone.

            Raises:
                OSError: The source could not be opened, or the task cannot be done for another
                    reason that may pass. It is tried again.
                ValueError: The description is none. That ends the scan, as do all others.
            """

        def close(self) -> None:
            """Close what it has opened."""


class Task(NamedTuple):
    """What is submitted: `run(task)`. Its `repr` shows no description and no options."""

    plan: Plan
    description: bytes
    #: The budget. `None`: no limit.
    seconds: float | None = None
    directories: int | None = None


#: An exception, so that it can be sent: the name of a class of `builtins`, arguments, notes.
SentError = tuple[str, tuple[Any, ...], tuple[str, ...]]


class Answer(NamedTuple):
    """What came of a task."""

    #: That of the worker's pathvein. If it is not the caller's, nothing else is told.
    version: str
    outcome: bytes = b""
    errors: tuple[SentError, ...] = ()
    #: The arguments of `Stats`.
    counts: tuple[int, ...] = ()
    #: Seconds that it took.
    took: float = 0.0
    #: Why it could not be done.
    failure: SentError | None = None


def run(task: Task) -> Answer:
    """Run a task. This is the function that is submitted; it raises nothing."""
    raise NotImplementedError
