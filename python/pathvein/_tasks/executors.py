"""What executors have in common, and where they differ. None of their packages is imported."""

from __future__ import annotations

import io
import os
import pickle
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from pickle import PickleError
from typing import TYPE_CHECKING, Any

from pathvein import _arguments

if TYPE_CHECKING:
    from concurrent.futures import Future

_EXPECTED = "a concurrent.futures.Executor, a Dask client or None"
#: Seconds for which it is taken that a cluster has as many workers as before.
_COUNT_HOLDS = 2.0
#: Of a future: what would be raised again wherever it ran. A function, an argument or a result
#: cannot be pickled, or what it refers to is not to be had in the worker.
_FATAL = (ImportError, AttributeError, TypeError, PickleError)


class Workforce:
    """An executor that the caller gave. It is never shut down here."""

    def __init__(self, executor: object, argument: str = "executor") -> None:
        """Takes a `concurrent.futures.Executor`, or what has a `get_executor`, as Dask's client.

        Raises `TypeError` for anything else, which says what is taken.
        """
        if not isinstance(executor, Executor | type) and hasattr(executor, "get_executor"):
            executor = executor.get_executor()
        if not isinstance(executor, Executor):
            raise _arguments.wrong_type(argument, _EXPECTED, executor)
        self.executor = executor
        # Dask's: its workers come and go.
        self._client: Any = getattr(executor, "_client", None)
        if getattr(self._client, "asynchronous", False):
            raise TypeError(f"{argument} is an asynchronous Dask client, which nobody can wait for")
        self._workers = 0
        self._count_due = 0.0

    @property
    def workers(self) -> int:
        """How many tasks run at a time: as many as the executor says, else as processors."""
        if not self._workers or (self._client is not None and time.monotonic() > self._count_due):
            self._workers = max(self._count(), 1)
            self._count_due = time.monotonic() + _COUNT_HOLDS
        return self._workers

    def _count(self) -> int:
        if self._client is not None:
            # One that is closed, or has lost its cluster, says so when something is submitted.
            is_there = getattr(self._client, "status", "running") == "running"
            return sum(self._client.nthreads().values()) if is_there else self._workers
        for name in ("num_workers", "_max_workers"):  # MPI's; the standard library's, loky's
            count = getattr(self.executor, name, None)
            if isinstance(count, int) and count > 0:
                return count
        return os.cpu_count() or 1

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Submit a call. A failure of the executor (shut down, broken) is raised."""
        if self._client is None:
            return self.executor.submit(function, *args)
        # Dask unpickles a call where it receives the message, and a worker that has no pathvein,
        # or one without this package, would end of that. So it gets one of the standard library.
        # What it holds is in no repr, as Dask logs the arguments of a call that fails.
        call = io.BytesIO(pickle.dumps(_Call(function, args)))
        # Without a key it would take two calls that are equal for one.
        options: Any = {"key": f"pathvein-{uuid.uuid4().hex}"}
        return self.executor.submit(pickle.load, call, **options)

    def describe(self) -> str:
        """The executor, for messages."""
        kind = type(self.executor)
        return f"{kind.__module__}.{kind.__qualname__}"


class _Call:
    """Becomes, unpickled, what the call returns."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._call = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def is_fatal(error: BaseException) -> bool:
    """Whether a future's error would come again: something cannot be pickled or imported there.

    Others, as that a worker died or that its host was lost, may not.
    """
    return isinstance(error, _FATAL)
