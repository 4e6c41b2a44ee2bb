"""What is at destinations that were empty before, and that only a task can have filled.

A task that copies may run twice: its worker was lost, or the engine lost sight of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fsspec.asyn import get_loop, sync

from pathvein._remote.copying.ends import End, Ends
from pathvein._remote.copying.planning import all_of
from pathvein._remote.copying.sources import LocalMatch, RemoteMatch
from pathvein._remote.copying.threads import LocalThreads

if TYPE_CHECKING:
    from pathvein._copying.options import CopyOptions, Match, Outcome


def of_before(matches: Sequence[Match], options: CopyOptions) -> tuple[list[Outcome], list[int]]:
    """Compares what belongs to matches with what is at their destinations, by names and sizes.

    Returns:
        The outcomes of those that are there whole, and the numbers of those of which a part is in
        a store, where nothing makes a match appear at once, and nothing else that belongs to it.
    """
    ends, threads = Ends(options.concurrency), LocalThreads()
    whole: list[Outcome] = []
    partly: list[int] = []

    def at(end: End, match: Match) -> RemoteMatch | LocalMatch:
        if end.files is not None:
            return RemoteMatch(end.files, end.path, match.pattern, None)
        nothing = {"exclude": None, "exclude_base": None}
        return LocalMatch(end.path, match.pattern, threads, **nothing, one_file_system=False)

    async def look(match: Match) -> None:
        # Who cannot be asked is told of as before.
        with contextlib.suppress(OSError):
            source, destination = ends.open(match.source), ends.open(match.destination)
            planned = await at(source, match).plan()
            wanted = {file.path: file.info.size for file in planned.files}
            there = await at(destination, match).plan()
            found = {file.path: file.info.size for file in there.files}
            if wanted.items() <= found.items():
                counts = len(wanted), planned.size
                whole.append((match.number, "copied", *counts, planned.skipped, [], []))
                return
            files = destination.files
            is_store = files is not None and not files.has_directories
            if is_store and found and found.items() <= wanted.items():
                partly.append(match.number)

    async def run() -> None:
        try:
            await all_of(map(look, matches))
        finally:
            threads.close()
            for files in ends.all_files():
                files.close()

    sync(get_loop(), run)
    return whole, partly
