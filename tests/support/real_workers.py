"""What is done to the workers of real executors. They import this module themselves."""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType
from typing import Any

import pathvein_core

from pathvein._tasks import work


class _Deadly(work._Kept):
    """Once, for all that have this marker, the worker dies after a task that nobody hears of."""

    def __init__(self, marker: str) -> None:
        super().__init__()
        self._marker = marker

    def give(self, plan: Any, worker: Any) -> None:
        try:
            os.close(os.open(self._marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            super().give(plan, worker)
        else:
            os.kill(os.getpid(), signal.SIGKILL)


def be_deadly(marker: str) -> None:
    """Let one of all workers that this is called in die in the middle of a scan."""
    work._kept = _Deadly(marker)


def be_of_version(version: str) -> None:
    """Let the worker have another version of pathvein."""
    pathvein_core.__version__ = version


class _NotInstalled:
    """Finds no pathvein, whatever is installed."""

    def __init__(self) -> None:
        #: What was imported of it before.
        self.hidden: dict[str, ModuleType] = {}

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] == "pathvein":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


_not_installed = _NotInstalled()


def be_without_pathvein() -> None:
    """Let the worker have no pathvein, until `be_with_pathvein`."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "pathvein"]:
        _not_installed.hidden[name] = sys.modules.pop(name)
    sys.meta_path.insert(0, _not_installed)


def be_with_pathvein() -> None:
    """Let the worker have it again."""
    sys.meta_path.remove(_not_installed)
    sys.modules.update(_not_installed.hidden)
