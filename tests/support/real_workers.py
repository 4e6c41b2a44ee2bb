"""What is done to the workers of real executors. They import this module themselves."""

from __future__ import annotations

import os
import signal
from typing import Any

import pathvein_core

from pathvein._tasks import work


def be_deadly(marker: str) -> None:
    """Let one of all workers that this is called in die in the middle of its next task."""
    run = work.run

    def die_or_run(task: work.Task) -> Any:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return run(task)
        run(task)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it lives")

    # A task names its function, and is loaded with what has that name here.
    die_or_run.__module__, die_or_run.__qualname__ = run.__module__, run.__qualname__
    work.run = die_or_run


def be_of_version(version: str) -> None:
    """Let the worker have another version of pathvein."""
    pathvein_core.__version__ = version
