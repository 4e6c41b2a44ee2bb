"""An executor that notes when its workers were busy."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple


class Busy(NamedTuple):
    """A task: which process ran it, from when to when by the machine's one clock."""

    pid: int
    start: float
    end: float


class Watched(Executor):
    """Passes everything on to an executor of processes of this machine.

    Args:
        executor: It runs the tasks.
        workers: How many it has, where those who ask look for it.
    """

    def __init__(self, executor: Executor, workers: int) -> None:
        self._executor = executor
        self._max_workers = workers
        #: What has run, in the order in which it ended.
        self.tasks: list[Busy] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As the executor would."""
        outer: Future[Any] = Future()
        inner = self._executor.submit(_timed, fn, args, kwargs)

        def cancelled(_: Future[Any]) -> None:
            if outer.cancelled():
                inner.cancel()

        def done(_: Future[Any]) -> None:
            if inner.cancelled() or not outer.set_running_or_notify_cancel():
                return
            if error := inner.exception():
                outer.set_exception(error)
                return
            busy, result = inner.result()
            self.tasks.append(busy)
            outer.set_result(result)

        outer.add_done_callback(cancelled)
        inner.add_done_callback(done)
        return outer

    def idle(self, start: float, end: float) -> float:
        """Of the worker that was idle most, the part of that time in which it was."""
        busy: dict[int, float] = defaultdict(float)
        for task in self.tasks:
            busy[task.pid] += max(0.0, min(task.end, end) - max(task.start, start))
        if len(busy) < self._max_workers:
            return 1.0
        return 1 - min(busy.values()) / (end - start)


def _timed(fn: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Busy, Any]:
    start = time.monotonic()
    result = fn(*args, **kwargs)
    return Busy(os.getpid(), start, time.monotonic()), result
