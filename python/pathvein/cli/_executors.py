"""Where a command scans: in this process, in others that it starts, or on a Dask cluster."""

from __future__ import annotations

import functools
from contextlib import contextmanager

from click.exceptions import Exit

from pathvein._arguments import MAX_THREADS
from pathvein.cli._click import Failure, click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import ProcessPoolExecutor
    from typing import Any, TypeVar

    from pathvein._types import Executor

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["executor_options"]

#: Seconds to wait for a scheduler to answer.
_TIMEOUT = 10


def executor_options(function: F) -> F:
    """Give a command the options of where it scans. It gets the ``executor`` that they ask for."""

    @functools.wraps(function)
    def run(*args: Any, workers: int | None, dask: str | None, **options: Any) -> Any:
        if workers is not None and dask is not None:
            raise click.UsageError("--workers and --dask exclude each other")
        if workers is not None:
            opened = _processes(workers)
        elif dask is not None:
            opened = _cluster(dask)
        else:
            return function(*args, **options, executor=None)
        try:
            with opened as executor:
                return function(*args, **options, executor=executor)
        except (Exit, click.Abort):
            # They end a command as they are, and are RuntimeErrors as well.
            raise
        except RuntimeError as error:
            # All workers have ended, or have another version.
            raise Failure(f"the workers: {error}") from error

    for option in (_DASK, _WORKERS):
        run = option(run)
    return run  # type: ignore[return-value]


_WORKERS = click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1, max=MAX_THREADS),
    help="Scan in so many processes; --threads is for each of them then. Default: in this one.",
)
_DASK = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Scan on the Dask cluster whose scheduler is at this address, tcp://HOST:8786. Its "
    "workers must see SOURCE and have this version of pathvein.",
)


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    methods = multiprocessing.get_all_start_methods()
    # No fork of this process, which has threads. What they all need is imported once.
    how = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        how.set_forkserver_preload(["pathvein._tasks.local", __name__])
    pool = ProcessPoolExecutor(workers, mp_context=how, initializer=_become_worker)
    try:
        yield pool
    finally:
        _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """End its processes. Whatever one still does, nobody wants to know."""
    for process in list((pool._processes or {}).values()):
        process.terminate()
    pool.shutdown(cancel_futures=True)


def _become_worker() -> None:
    """In a worker: Ctrl-C is for the command, and when that is gone there is nothing to do."""
    import multiprocessing
    import os
    import signal
    import threading
    from multiprocessing import connection

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError as error:
        hint = f"{error.name} is missing: pip install 'pathvein[dask]'"
        raise Failure(f"--dask: {hint}") from error
    new: Any = Client
    try:
        client = new(address, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Failure(f"--dask: there is no scheduler at {address}: {error}") from error
    with client:
        if not client.nthreads():
            raise Failure(f"--dask: the scheduler at {address} has no workers")
        yield client
