"""Blocking work with files of this machine, in threads that do not keep the process alive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from pathvein._remote.copying.files.base import to_the_end
from pathvein._remote.loop import RequestThreads

T = TypeVar("T")

#: A disk that takes long is no reason to stop the event loop; a fast one needs few.
_THREADS = 4


class LocalThreads:
    """Threads for reading and writing files of this machine."""

    def __init__(self) -> None:
        self._threads = RequestThreads(
            None, _THREADS, lambda lost: contextlib.nullcontext(), lambda error: False
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work, and await its result. If this is cancelled, the work still ends first.

        So nothing is written any more to what is then closed and removed.
        """
        task = asyncio.ensure_future(self._threads.run(lambda _: work()))
        await to_the_end(task)
        return task.result()

    def close(self) -> None:
        """End the threads, once their work is done."""
        self._threads.close()
