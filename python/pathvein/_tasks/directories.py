"""Sub-trees as tasks, for stores that are listed directory by directory: the worker's side.

The caller's is `subtrees`, as for local trees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pathvein_core import read_subtree

from pathvein._listing import is_gone
from pathvein._remote.directories import (
    Directory,
    DirectoryProducer,
    Done,
    Job,
    NotWanted,
    enter,
    list_directory,
    source_directory,
)
from pathvein._remote.loop import WAIT_SLICE

if TYPE_CHECKING:
    from pathvein._remote.source import RemoteSource
    from pathvein.pattern import FileStructurePattern

#: How many times the time that a listing takes a budget is at least.
_LEAST_ROUNDS = 10


def list_directories(
    source: RemoteSource,
    patterns: list[FileStructurePattern],
    options: Mapping[str, Any],
    subtree: bytes,
    seconds: float | None,
    directories: int | None,
    errors: list[OSError],
) -> tuple[bytes, tuple[int, int, int]]:
    """Scan a sub-tree up to the end of a budget.

    Returns the outcome, and how many directories and entries there were, and links that were not
    followed. Raises the `OSError` of a source that cannot be listed.
    """
    budget = _Budget(seconds, directories)
    return _SubtreeScan(source, patterns, options, subtree, budget).run(errors)


class _Budget:
    """Tells before each directory whether it is to be listed still. One always is."""

    def __init__(self, seconds: float | None, directories: int | None) -> None:
        self._seconds, self._directories = seconds, directories
        self._started = time.monotonic()
        self._begun = 0
        #: How many are listed.
        self.ended = 0

    def allows(self) -> bool:
        """Whether another one may be begun."""
        if self._begun and self._is_spent():
            return False
        self._begun += 1
        return True

    def _is_spent(self) -> bool:
        if self._directories is not None and self._begun >= self._directories:
            return True
        if self._seconds is None:
            return False
        so_far = time.monotonic() - self._started
        # At least some after each other, of those that are listed at the same time.
        rounds = self.ended / max(self._begun - self.ended, 1)
        return so_far >= self._seconds and rounds >= _LEAST_ROUNDS


class _SubtreeScan(DirectoryProducer):
    """A scan that begins with a sub-tree and hands back what it does not list."""

    def __init__(
        self,
        source: RemoteSource,
        patterns: list[FileStructurePattern],
        options: Mapping[str, Any],
        subtree: bytes,
        budget: _Budget,
    ) -> None:
        self._subtree, self._budget = subtree, budget
        #: The path of the directory in which the roots are.
        self._above = ""
        super().__init__(
            source,
            patterns,
            exclude=options["exclude"],
            max_depth=options["max_depth"],
            follow_links=options["follow_links"],
            outermost=options["outermost"],
            check=options["check"],
        )

    def run(self, errors: list[OSError]) -> tuple[bytes, tuple[int, int, int]]:
        """List what the budget allows."""
        try:
            while self._lister.busy:
                for done in self._lister.take(WAIT_SLICE):
                    self._take(done)
        finally:
            self.close()
        errors += self._errors
        counts = self._directories, self._entries, self._links
        return self._scan.hand_back(), counts

    def close(self) -> None:
        self._lister.end()  # the source stays open for the next task

    def _is_wanted(self) -> Callable[[int], bool]:
        def is_wanted(number: int) -> bool:
            if self._outermost and not self._scan.is_wanted(number):
                return False
            return self._budget.allows()

        return is_wanted

    def _take(self, done: Done) -> None:
        if not isinstance(done.result, NotWanted):
            self._budget.ended += 1
        super()._take(done)

    def _take_found(self) -> None:
        pass  # it is handed back

    def _tag(self, rel: str) -> str:
        return rel[len(self._above) + 1 :] if self._above else rel

    def _begin(self) -> None:
        source = self._source
        self._above, names = read_subtree(self._subtree)
        roots = self._scan.at(self._subtree, source.name, "")
        if not names:
            top = source_directory(source, follow_links=self._follow_links)
            for _, number in roots:
                self._list_source(number, top)
            return
        links: set[str] = set()
        try:
            if self._follow_links and source.adapter.may_have_links:
                above, links = source.wait(self._way())
            else:
                above = Directory(self._above, None, None, 0)
        except OSError as error:
            self._lose(roots, error)
            return
        # The latest is listed first: so those that are left are the last.
        for index, number in reversed(roots):
            name = names[index]
            urgent = self._outermost and self._scan.feeds_another(number)
            self._lister.submit(Job(number, above, name, name in links, urgent))

    async def _way(self) -> tuple[Directory, set[str]]:
        """The directory in which the roots are, and which of its entries are links."""
        adapter = self._source.adapter
        real = await adapter.real_path("") if adapter.resolves_links else None
        directory = Directory("", None, real, 0)
        links = (await list_directory(adapter, "")).links
        for name in self._above.split("/") if self._above else ():
            directory = await enter(adapter, directory, name, is_link=name in links)
            links = (await list_directory(adapter, directory.rel)).links
        return directory, links

    def _lose(self, roots: list[tuple[int, int]], error: OSError) -> None:
        """The directory in which the roots are cannot be reached any more."""
        gone = is_gone(error)
        if not gone:
            self._failed(error)
        for _, number in roots:
            if gone:
                self._scan.absent(number)
            else:
                self._scan.not_listed(number)
