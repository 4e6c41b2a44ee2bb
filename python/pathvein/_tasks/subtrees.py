"""Sub-trees as tasks: the caller's side for trees that are read directory by directory.

A task's description is a `Subtree` of the core, as bytes, and its outcome one of its
`SubtreeOutcome`s: what a worker's `SubtreeScan.run` or `ListingScan.hand_back` makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathvein_core import DividedScan

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathvein.pattern import FileStructurePattern


class SubtreeDivision:
    """A `Division` into sub-trees, for local trees and for stores that are not listed flat."""

    def __init__(
        self,
        patterns: list[FileStructurePattern],
        name: str,
        path: Callable[[str], Any] | None,
        *,
        base: str | None = None,
        max_depth: int | None,
        outermost: bool,
        check: bool,
    ) -> None:
        """
        Args:
            name: The source's name.
            path: Makes the path of a result, and the text of an error's path, of a path relative
                to the source. Where it raises `OSError`, that is an error below the source.
                `None`: they are texts.
            base: The absolute path of a local source, with which texts begin.
        """
        self._scan = DividedScan(
            patterns, name, max_depth, base=base, outermost=outermost, check=check
        )
        self._path = path
        self._checks = check
        #: What is waiting, each with how many directories it stands for; the last comes first.
        #: So the tree is read depth-first, and few of its directories are open at a time.
        self._stack: list[tuple[int, int]] = [(self._scan.source(), 1)]
        self._waiting = 1
        self._errors: list[OSError] = []
        self.matches = 0

    @property
    def waiting(self) -> int:
        return self._waiting

    @property
    def hidden_by_links(self) -> int:
        return self._scan.hidden_by_links()

    @property
    def counts(self) -> tuple[int, int, int]:
        return 0, 0, 0

    def next_task(self, most: int) -> tuple[int, bytes] | None:
        while self._stack:
            number, count = self._stack.pop()
            self._waiting -= count
            if count > most:
                rest = self._scan.split(number, most)
                if rest is not None:
                    self._stack.append((rest, count - most))
                    self._waiting += count - most
            # It may have ceased to be wanted: a directory above may match by now, and only the
            # outermost are looked for.
            if self._scan.is_wanted(number):
                description = self._scan.subtree(number)
                assert description is not None
                return number, description
        return None

    def take(self, task: int, outcome: bytes) -> None:
        for number, count in self._scan.scanned(task, outcome):
            self._stack.append((number, count))
            self._waiting += count

    def give_up(self, task: int) -> list[str]:
        paths = self._scan.not_scanned(task)
        return paths if self._path is None else [str(self._path(path)) for path in paths]

    def found(self) -> list[Any]:
        found: list[Any]
        found = self._scan.take_checked() if self._checks else self._scan.take_matches()
        if self._path is not None:
            found = self._with_paths(found)
        # Of a check, where nothing is told of it.
        self.matches += sum(not told[-1] for told in found) if self._checks else len(found)
        return found

    def _with_paths(self, found: list[Any]) -> list[Any]:
        assert self._path is not None
        made: list[Any] = []
        for rel, *told in found:
            try:
                made.append((self._path(rel), *told))
            except OSError as error:
                self._errors.append(error)
        return made

    def errors(self) -> list[OSError]:
        errors, self._errors = self._errors, []
        return errors

    def close(self) -> None:
        """There is nothing to close."""
