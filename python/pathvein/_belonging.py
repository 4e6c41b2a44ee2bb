"""Which directories a file may belong to, by names alone.

A file belongs to a directory of a pattern if it lies in it and passes a name test of the
pattern's files, or if it belongs to a sub-directory of one of the pattern's directories; required
and optional count alike. What is forbidden, and how many there must be, adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pathvein_core import FileStructurePattern, PatternMatcher

if TYPE_CHECKING:
    from pathlib import Path

    from upath import UPath

#: Components of a path that are no entry of the directory before.
_NO_ENTRIES = frozenset({"", ".", ".."})


class Node:
    """A pattern as it was when this was made."""

    __slots__ = ("_files", "_name", "below", "own", "pattern")

    def __init__(self, pattern: FileStructurePattern, below: list[Node]) -> None:
        self.pattern = pattern
        #: What the directory's own listing decides of it: the same without anything below.
        self.own = FileStructurePattern(
            pattern.directory_name, pattern.files, forbidden_files=pattern.forbidden_files
        )
        #: The distinct patterns of its directories.
        self.below = below
        self._files = PatternMatcher(pattern.all_files)
        name = pattern.directory_name
        tests = name if isinstance(name, tuple) else (name,)
        # An empty glob means any name.
        self._name = PatternMatcher(tests) if all(tests) else None

    def takes_name(self, name: str) -> bool:
        """Whether a directory of this name may match; that of a root is empty."""
        return self._name is None or self._name.matches(name)

    def takes_file(self, name: str) -> bool:
        """Whether a file of this name belongs to a match that it lies in."""
        return self._files.matches(name)


def asks_inside(pattern: FileStructurePattern) -> bool:
    """Whether anything but its name has to be known of a directory to tell if it matches."""
    return bool(
        pattern.files
        or pattern.directories
        or pattern.forbidden_files
        or pattern.forbidden_directories
        or pattern.closed
    )


def compiled(patterns: Iterable[FileStructurePattern]) -> list[Node]:
    """The patterns as nodes. Equal ones are one node, also inside others.

    Written out, a pattern of 128 levels may have 2^127 places.
    """
    nodes: dict[FileStructurePattern, Node] = {}

    def node_of(pattern: FileStructurePattern) -> Node:
        node = nodes.get(pattern)
        if node is None:
            below = [node_of(directory) for directory in pattern.all_directories]
            node = nodes[pattern] = Node(pattern, below)
        return node

    # No later change of a pattern may have an effect.
    return [node_of(pattern.__copy__()) for pattern in patterns]


class Way:
    """The names of the directories above a file, from the top, and that of the file.

    A directory's *level* is its place among them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        #: The level of the directory that the file lies in.
        self.last = len(names) - 2
        self._fitting: dict[tuple[Node, int], bool] = {}

    def below(self, node: Node, level: int) -> Iterator[Node]:
        """The patterns that the next directory may match so that the file belongs to it."""
        name = self.names[level + 1]
        if name not in _NO_ENTRIES:
            for below in node.below:
                if below.takes_name(name) and self.fits(below, level + 1):
                    yield below

    def fits(self, node: Node, level: int) -> bool:
        """Whether the file would belong to this directory, whose own name is not looked at."""
        key = node, level
        fits = self._fitting.get(key)
        if fits is None:
            if level == self.last:
                name = self.names[-1]
                fits = name not in _NO_ENTRIES and node.takes_file(name)
            else:
                fits = next(self.below(node, level), None) is not None
            self._fitting[key] = fits
        return fits


def parents_of(
    pattern: FileStructurePattern, file: Path | UPath, between: Sequence[str]
) -> Iterator[Path | UPath]:
    """The directories above `file` that it may belong to, but for their own names.

    `between` are globs of directories that lie between these and that of the pattern.
    """
    chain: list[Any] = [*reversed(file.parents), file]
    way = Way([path.name for path in chain])
    [node] = compiled([pattern])
    globs = [PatternMatcher(glob) for glob in between]
    for level in range(len(chain) - 1 - len(globs)):
        inner = level + len(globs)
        names = way.names[level + 1 : inner + 1]
        if all(
            name not in _NO_ENTRIES and glob.matches(name)
            for glob, name in zip(globs, names, strict=True)
        ) and way.fits(node, inner):
            yield chain[level]
