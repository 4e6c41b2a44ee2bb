"""What runs in a worker: one task, with what is kept for the next.

A task and its answer consist of what every pickler takes, and of nothing that depends on the
version of pathvein until that is compared.
"""

from __future__ import annotations

import builtins
import importlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pathvein_core

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


#: For how many plans an idle process keeps what their tasks run in, and for how many seconds.
_PLANS_KEPT = 4
_SECONDS_KEPT = 60.0


class Task:
    """What is submitted: `run(task)`. Its `repr` shows no description and no options.

    It is no tuple: Dask would look for tasks of its own in one.
    """

    __slots__ = ("description", "directories", "plan", "seconds")

    def __init__(
        self,
        plan: Plan,
        description: bytes,
        seconds: float | None = None,
        directories: int | None = None,
    ) -> None:
        self.plan = plan
        self.description = description
        #: The budget. `None`: no limit.
        self.seconds = seconds
        self.directories = directories

    def __reduce__(self) -> tuple[Any, ...]:
        return Task, (self.plan, self.description, self.seconds, self.directories)

    def __repr__(self) -> str:
        return f"<Task of {self.plan!r}>"


#: An exception, so that it can be sent: the name of a class of `builtins`, arguments, notes.
SentError = tuple[str, tuple[Any, ...], tuple[str, ...]]


class Answer(NamedTuple):
    """What came of a task. It is sent as a plain tuple."""

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


def run(task: Task) -> tuple[Any, ...]:
    """Run a task. This is the function that is submitted; what goes wrong is in its answer."""
    version = pathvein_core.__version__
    if task.plan.version != version:
        return (version,)
    started = time.monotonic()
    try:
        worker = _kept.take(task.plan)
        try:
            outcome, errors, stats = worker.run(task.description, task.seconds, task.directories)
        except BaseException:
            # Whatever state that has left it in.
            worker.close()
            raise
        _kept.give(task.plan, worker)
    except Exception as error:
        took = time.monotonic() - started
        return tuple(Answer(version, took=took, failure=sent(error)))
    counts: Any = stats.__reduce__()[1]
    took = time.monotonic() - started
    return tuple(Answer(version, outcome, tuple(map(sent, errors)), counts, took))


def sent(error: BaseException) -> SentError:
    """An exception as it travels. Of a class that is not built in, the nearest that is."""
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
    args: tuple[Any, ...] = error.args
    if isinstance(error, OSError) and error.errno is not None:
        # The class comes of the number.
        name, args = "OSError", (error.errno, error.strerror, error.filename)
    simple = tuple(arg if type(arg) in _SIMPLE else str(arg) for arg in args)
    return name, simple, tuple(getattr(error, "__notes__", ()))


_SIMPLE = (str, bytes, int, float, bool, type(None))


def received(error: SentError) -> BaseException:
    """An exception that was sent."""
    name, args, notes = error
    made: BaseException
    try:
        made = getattr(builtins, name)(*args)
    except Exception:
        # Its constructor asks for more than simple values.
        made = RuntimeError(f"{name}: {', '.join(map(str, args))}")
    for note in notes:
        made.add_note(note)
    return made


class _Kept:
    """What tasks of the last few plans ran in, for the next of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Those that run nothing, by the plan, the latest last, and when they were given back.
        self._idle: dict[bytes, tuple[float, list[Worker]]] = {}

    def take(self, plan: Plan) -> Worker:
        """One that runs nothing, or a new one. What was unused for long is closed."""
        oldest = time.monotonic() - _SECONDS_KEPT
        with self._lock:
            _, mine = self._idle.get(plan.digest, (0.0, []))
            found = mine.pop() if mine else None
            old = [digest for digest, (at, _) in self._idle.items() if at < oldest]
            closed = [worker for digest in old for worker in self._idle.pop(digest)[1]]
        for worker in closed:
            worker.close()
        if found is None:
            parts = plan.parts()
            found = importlib.import_module(parts.module).open_worker(parts)
        return found

    def give(self, plan: Plan, worker: Worker) -> None:
        """Keep it."""
        closed: list[Worker] = []
        with self._lock:
            _, workers = self._idle.pop(plan.digest, (0.0, []))
            workers.append(worker)
            self._idle[plan.digest] = time.monotonic(), workers
            if len(self._idle) > _PLANS_KEPT:
                _, closed = self._idle.pop(next(iter(self._idle)))
        for unused in closed:
            unused.close()


def _start_empty() -> None:
    """A fork must not use what its parent has open, nor a lock that a thread there may hold."""
    global _kept
    _kept = _Kept()


_kept = _Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_empty)
