"""What takes long to make, and is made by the first of several workers that asks for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def base(factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The temporary directory that all workers of a run share; on Windows each has its own."""
    own = factory.getbasetemp()
    return own if worker_id == "master" or os.name == "nt" else own.parent


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Whoever else wants a directory waits, which is made if it is not there."""
    directory.mkdir(exist_ok=True)
    if os.name == "nt":
        yield
        return
    import fcntl

    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def file(
    factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[], bytes]
) -> Path:
    """A file of this name, which holds what ``make`` gives."""
    directory = base(factory, worker_id) / "built-once"
    with locked(directory):
        made = directory / name
        if not made.exists():
            # What was written in part is no file of this name.
            part = directory / f"{name}.part"
            part.write_bytes(make())
            part.rename(made)
    return made
