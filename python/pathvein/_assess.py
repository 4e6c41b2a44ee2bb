"""The directories above a file that match a pattern and to which the file belongs.

By the names of its path alone, most pairs of a directory and a pattern are out. For the others
directories are listed, each once, where an answer depends on them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pathvein_core import FileStructurePattern

from pathvein import _arguments
from pathvein._belonging import Node, Way, asks_inside, compiled
from pathvein._listing import Listing, is_gone, list_local, noted
from pathvein._matches import decide

if TYPE_CHECKING:
    from typing import Protocol

    from upath import UPath

    class Place(Protocol):
        """The directories above a file."""

        #: The file, for messages.
        shown: str
        #: Whether one may be a link in that above it.
        may_be_links: bool

        def names(self) -> Sequence[str]:
            """Their names, from the top, and the file's."""

        def open(self, level: int) -> None:
            """Open that directory: nothing above it is asked for."""

        def is_file(self) -> bool | None:
            """Whether the file is one, or `None` if its directory's listing has to tell.

            Raises `OSError` if there is nothing of its name.
            """

        def list(self, level: int, rel: str) -> Listing:
            """List the directory, or one below it. Raises `OSError` if it cannot be listed."""

        def result(self, level: int) -> Path | UPath:
            """The path of the directory as results have it."""

        def close(self) -> None:
            """Close the file system if it was opened."""


def find(
    file: Path | UPath, given: object, patterns: list[FileStructurePattern]
) -> Iterator[tuple[Path | UPath, int]]:
    """The directories to which `file` belongs, each with the index of its pattern.

    `given` is the file as it was passed. Nothing is read before the first is asked for.
    """
    return _found(_place(file, given), compiled(patterns))


def _found(place: Place, nodes: list[Node]) -> Iterator[tuple[Path | UPath, int]]:
    with contextlib.closing(place):
        way = Way(place.names())
        candidates = [
            (index, node, level)
            for index, node in enumerate(nodes)
            for level in range(way.last, -1, -1)
            if node.takes_name(way.names[level]) and way.fits(node, level)
        ]
        if not candidates:
            return
        place.open(min(level for _, _, level in candidates))
        answers = _Answers(place, way)
        if not answers.is_file():
            return
        undecided = None
        for index, node, level in candidates:
            answer = answers.both(node, level)
            if answer is True:
                yield place.result(level), index
            elif answer is not False:
                undecided = undecided or answer
        if undecided is not None:
            raise undecided


def _place(file: Path | UPath, given: object) -> Place:
    """Where a file lies. A local one's path is taken as it is now, if the directory changes."""
    if not _arguments.is_upath(file):
        assert isinstance(file, Path)
        return _Local(file.absolute(), str(file))
    from pathvein._remote import RemotePlace, local_path

    local = local_path(file)
    if local is None:
        return RemotePlace(file)
    return _Local(Path(local).absolute(), str(file), gives_upaths=_arguments.is_upath(given))


class _Local:
    """The directories above a local file."""

    may_be_links = False

    def __init__(self, path: Path, shown: str, *, gives_upaths: bool = False) -> None:
        self._path = path
        self.shown = shown
        self._gives_upaths = gives_upaths
        self._above: list[Path] = []

    def names(self) -> list[str]:
        parent = Path(os.path.realpath(self._path.parent))
        self._above = [*reversed(parent.parents), parent]
        return [path.name for path in (*self._above, self._path)]

    def open(self, level: int) -> None:
        """There is nothing to open."""

    def is_file(self) -> bool:
        try:
            mode = os.lstat(self._path).st_mode
        except OSError as error:
            error.filename = self.shown
            noted(error, "looking at the file")
            raise
        return not (stat.S_ISDIR(mode) or os.path.isdir(self._path))

    def list(self, level: int, rel: str) -> Listing:
        # `os.path.join` would end the path of the directory itself, in errors, with a slash.
        return list_local(str(self._above[level] / rel))

    def result(self, level: int) -> Path | UPath:
        path = self._above[level]
        if not self._gives_upaths:
            return path
        from pathvein._remote import local_upath

        return local_upath(str(path))

    def close(self) -> None:
        """There is nothing to close."""


class _Answers:
    """Answers about the directories above a file. One that is unknown is the `OSError` why."""

    def __init__(self, place: Place, way: Way) -> None:
        self._place = place
        self._way = way
        self._listings: dict[tuple[int, str], Listing | OSError] = {}
        self._matching: dict[tuple[FileStructurePattern, int], bool | OSError] = {}
        self._belonging: dict[tuple[Node, int], bool | OSError] = {}

    def is_file(self) -> bool:
        """Whether the file is one. Raises `OSError` if there is nothing of its name."""
        is_file = self._place.is_file()
        if is_file is not None:
            return is_file
        name = self._way.names[-1]
        listing = self.list(self._way.last, "")
        if name in listing.filenames or name in listing.dirnames:
            return name in listing.filenames
        if listing.failure is not None:
            raise listing.failure
        raise noted(
            FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._place.shown),
            "looking at the file",
        )

    def both(self, node: Node, level: int) -> bool | OSError:
        """Whether a directory of a fitting name matches, and the file belongs to it."""
        # What costs least comes first: one listing, then the few directories on the way, then
        # what the pattern requires below, which may be any number.
        if self._matches(node.own, level) is False:
            return False
        belongs = self._belongs(node, level)
        if belongs is False:
            return False
        matches = self._matches(node.pattern, level)
        return matches if belongs is True or matches is False else belongs

    def _belongs(self, node: Node, level: int) -> bool | OSError:
        """Whether the file belongs to a directory if that matches."""
        if level == self._way.last:
            return True
        key = node, level
        if key not in self._belonging:
            belongs: bool | OSError = False
            for below in self._way.below(node, level):
                answer = self._followed(level + 1) and self.both(below, level + 1)
                if answer is True:
                    belongs = True
                    break
                belongs = belongs or answer
            self._belonging[key] = belongs
        return self._belonging[key]

    def _followed(self, level: int) -> bool | OSError:
        """Whether that directory is no link in the one above it: those are not followed."""
        if not self._place.may_be_links:
            return True
        try:
            return self._way.names[level] not in self.list(level - 1, "").links
        except OSError as error:
            return error

    def _matches(self, pattern: FileStructurePattern, level: int) -> bool | OSError:
        if not asks_inside(pattern):
            return True
        key = pattern, level
        if key not in self._matching:
            self._matching[key] = self._decided(pattern, level)
        return self._matching[key]

    def _decided(self, pattern: FileStructurePattern, level: int) -> bool | OSError:
        directory = _Directory(self, level)
        try:
            directory.listing = self.list(level, "")
            return decide(pattern, directory)
        except OSError as error:
            return not is_gone(error) and error

    def list(self, level: int, rel: str) -> Listing:
        """The listing of a directory at or below that of the level; each is read once."""
        # By the deepest directory of the way that leads to it.
        names = rel.split("/") if rel else []
        while names and level < self._way.last and names[0] == self._way.names[level + 1]:
            del names[0]
            level += 1
        key = level, "/".join(names)
        if key not in self._listings:
            try:
                self._listings[key] = self._place.list(*key)
            except OSError as error:
                self._listings[key] = error
        listing = self._listings[key]
        if isinstance(listing, OSError):
            raise listing
        return listing


class _Directory:
    """A directory of the way, for :func:`pathvein._matches.decide`."""

    listing: Listing

    def __init__(self, answers: _Answers, level: int) -> None:
        self._answers = answers
        self._level = level
        self.name = answers._way.names[level]

    def is_link(self, name: str) -> bool:
        """Links are in the listing."""
        return False

    def list(self, rel: str) -> Listing:
        return self._answers.list(self._level, rel)
