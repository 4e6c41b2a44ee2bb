"""Executors in this process, for tests: one that does what real ones may do to tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from random import Random
from typing import Any

import pathvein_core

from pathvein._tasks.work import Task


class Immediate(Executor):
    """Runs what is submitted at once."""

    _max_workers = 2

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class WorkerLost(Exception):
    """What a future of `Unruly` raises if the worker is lost."""


class Losing(Immediate):
    """Runs tasks of one directory at most, and never one that `loses` tells of."""

    def __init__(self, loses: Callable[[str, list[str]], bool]) -> None:
        self._loses = loses

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        [task] = args
        if self._loses(*pathvein_core.read_subtree(task.description)):
            future: Future[Any] = Future()
            future.set_exception(WorkerLost())
            return future
        return super().submit(function, Task(task.plan, task.description, None, 1))


class Unruly(Executor):
    """Runs tasks in random order, some twice, some late, some not before they are sent again.

    A task gets a random budget, down to one directory. At most `most_lost` of those that are equal
    are lost, before or after they ran.
    """

    def __init__(self, random: Random, *, most_lost: int = 2) -> None:
        self._random = random
        self._most_lost = most_lost
        self._max_workers = random.choice([1, 2, 4])
        self._lost: dict[bytes, int] = {}
        self._waiting: list[tuple[Future[Any], Callable[..., Any], Task]] = []
        self._change = threading.Condition()
        self._ends = False
        #: How many ran.
        self.count = 0
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        [task] = args
        future: Future[Any] = Future()
        with self._change:
            assert not self._ends
            self._waiting.append((future, function, task))
            self._change.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._change:
            self._ends = True
            self._change.notify()
        self._thread.join(60)

    def _work(self) -> None:
        random = self._random
        late: list[tuple[Future[Any], Any]] = []
        while True:
            with self._change:
                while not (self._waiting or late or self._ends):
                    self._change.wait()
                if self._ends:
                    return
                some = self._waiting
                taken = some.pop(random.randrange(len(some))) if some else None
            if taken is None or (late and random.random() < 0.3):
                future, result = late.pop(random.randrange(len(late)))
                future.set_result(result)
            if taken is None:
                continue
            future, function, task = taken
            if not future.set_running_or_notify_cancel():
                continue
            directories = random.choice([1, 1, 2, 3, 10, None])
            task = Task(task.plan, task.description, None, directories)
            fate = random.choice(["plain"] * 4 + ["twice", "late", "lost", "lost after"])
            lost = self._lost.get(task.description, 0)
            if fate.startswith("lost") and lost < self._most_lost:
                self._lost[task.description] = lost + 1
                if fate == "lost after":
                    function(task)
                future.set_exception(WorkerLost(fate))
                continue
            self.count += 1
            result = function(task)
            if fate == "twice":
                result = function(task)
            if fate == "late":
                late.append((future, result))
            else:
                future.set_result(result)
