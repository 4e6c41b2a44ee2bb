"""A pattern while it is being drawn: lines that can be changed, and asked of trees in memory."""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pathvein_core import PatternMatcher

if TYPE_CHECKING:
    from pathvein import FileStructurePattern
    from pathvein._learning.tree import Node

    P = TypeVar("P", bound=FileStructurePattern)

__all__ = ["DirectoryLine", "Drawing", "FileLine", "Name"]


@dataclass(frozen=True)
class Name:
    """A name test: globs, or one regular expression."""

    globs: tuple[str, ...] = ()
    #: In the syntax that Python and Rust share.
    regex: str | None = None

    @cached_property
    def _matcher(self) -> PatternMatcher | re.Pattern[str]:
        return PatternMatcher(self.globs) if self.regex is None else re.compile(self.regex)

    def matches(self, name: str) -> bool:
        if isinstance(self._matcher, PatternMatcher):
            return self._matcher.matches(name)
        return self._matcher.fullmatch(name) is not None

    def count(self, names: Iterable[str]) -> int:
        """How many of the names pass."""
        if isinstance(self._matcher, PatternMatcher):
            return self._matcher.match_many(names).bit_count()
        return sum(map(self.matches, names))

    def form(self) -> Any:
        """It as an argument of a pattern."""
        if self.regex is not None:
            from pathvein_core import Regex

            return Regex(self.regex)
        return self.globs[0] if len(self.globs) == 1 else self.globs


@dataclass
class FileLine:
    """How many files must pass a name test. None at all: forbidden; any number: optional."""

    name: Name
    min: int = 1
    max: int | None = None

    def count(self, node: Node, most: int | None = None) -> int:
        """How many files pass."""
        return self.name.count(node.files)


@dataclass
class DirectoryLine:
    """How many sub-directories must match one of some drawings."""

    drawings: list[Drawing]
    min: int = 1
    max: int | None = None

    def count(self, node: Node, most: int | None = None) -> int:
        """How many sub-directories match; it is done with the last of so many."""
        matching = (
            child
            for child in node.children()
            if any(drawing.matches(child) for drawing in self.drawings)
        )
        return sum(1 for _ in islice(matching, most))


@dataclass
class Drawing:
    """A pattern of a directory."""

    name: Name
    files: list[FileLine] = field(default_factory=list)
    directories: list[DirectoryLine] = field(default_factory=list)
    closed: bool = False

    def matches(self, node: Node) -> bool:
        """Whether a directory matches, as far as it has been read into memory."""
        return (
            self.name.matches(node.name)
            and all(_holds(line, node) for line in self.files)
            and all(_holds(line, node) for line in self.directories)
            and (not self.closed or self.knows(node))
        )

    def named(self, parent: Node) -> Iterator[Node]:
        """The sub-directories of a directory that have the name."""
        return (child for child in parent.children() if self.name.matches(child.name))

    def knows(self, node: Node) -> bool:
        """Whether the directory has no entries but those that lines name."""
        return not (self.unknown_files(node.files) or self.unknown_directories(node.directories))

    def unknown_files(self, names: Iterable[str]) -> list[str]:
        """The names that no required or optional file has."""
        tests = [line.name for line in self.files if line.max != 0]
        return [name for name in names if not any(test.matches(name) for test in tests)]

    def unknown_directories(self, names: Iterable[str]) -> list[str]:
        """The names that no required or optional directory has."""
        lines = [line for line in self.directories if line.max != 0]
        tests = [drawing.name for line in lines for drawing in line.drawings]
        return [name for name in names if not any(test.matches(name) for test in tests)]

    def copy(self) -> Drawing:
        """One that can be changed by itself."""
        return copy.deepcopy(self)

    def lists(self) -> Iterator[list[FileLine] | list[DirectoryLine]]:
        """All lists of lines, in the nested drawings too, these first."""
        for line in self.directories:
            for drawing in line.drawings:
                yield from drawing.lists()
        yield self.files
        yield self.directories

    def pattern(self, kind: type[P]) -> P:
        """It as a pattern."""
        from pathvein_core import Directories, Files

        lists: dict[str, list[Any]] = defaultdict(list)
        for line in self.files:
            kept, form = _list_of(line), line.name.form()
            if not kept:
                form = Files(form, line.min, line.max)
            lists[f"{kept}files"].append(form)
        for nested in self.directories:
            kept = _list_of(nested)
            patterns = [drawing.pattern(kind) for drawing in nested.drawings]
            counted = [Directories(patterns, nested.min, nested.max)]
            lists[f"{kept}directories"] += patterns if kept else counted
        return kind(self.name.form(), closed=self.closed, **lists)


def _list_of(line: FileLine | DirectoryLine) -> str:
    """What the name of the pattern's list begins with that takes such a line."""
    if line.max == 0:
        return "forbidden_"
    return "optional_" if line.min == 0 and line.max is None else ""


def _holds(line: FileLine | DirectoryLine, node: Node) -> bool:
    if line.min == 0 and line.max is None:
        return True
    number = line.count(node, line.min if line.max is None else line.max + 1)
    return line.min <= number and (line.max is None or number <= line.max)
