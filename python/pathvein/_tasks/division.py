"""What the engine asks of the caller's side of a scan by tasks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from pathvein._types import Any

    class Division(Protocol):
        """What of a tree, or of a store's keys, is waiting, and what came of the rest.

        All methods are called by one thread at a time. A task has a number, which is never used
        again. It is waiting, or taken by `next_task` and in flight, until `take` or `give_up`.
        """

        @property
        def waiting(self) -> int:
            """How much could be given to tasks of their own: roots of sub-trees, ranges of keys.

            It need not be exact, but is 0 only if `next_task` would give nothing.
            """

        def next_task(self, most: int) -> tuple[int, bytes] | None:
            """The next task and its description, or `None` if nothing is waiting.

            Args:
                most: How much of what is waiting it may take at most; at least 1.
            """

        def take(self, task: int, outcome: bytes) -> None:
            """Take what came of a task that is in flight. The engine calls this once a task.

            Raises `ValueError` if the outcome is none of this task.
            """

        def give_up(self, task: int) -> list[str]:
            """A task that is in flight cannot be done: what it was to read counts as not read.

            Returns the path or URL of each root, for errors.
            """

        def found(self) -> list[Any]:
            """The results since the last call, as a producer's `next_batch` gives them."""

        def errors(self) -> list[OSError]:
            """Errors of the caller's own since the last call, such as names that are no path."""

        @property
        def matches(self) -> int:
            """How many of the results so far are matches."""

        @property
        def hidden_by_links(self) -> int:
            """As in :class:`~pathvein.Stats`."""

        @property
        def counts(self) -> tuple[int, int, int]:
            """Directories, entries and keys that are counted here and not by tasks."""

        def close(self) -> None:
            """Nothing more is asked of it. It may be called by any thread, and twice."""
