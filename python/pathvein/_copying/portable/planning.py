"""What belongs to a match on this machine, with sizes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pathvein_core import ExcludeRules, FileStructurePattern, Selection

from pathvein._copying.disk import plain
from pathvein._copying.portable.system import (
    below,
    doing,
    extended,
    open_to_read,
    refused,
)
from pathvein._keys.names import BAD_COMPONENTS
from pathvein._listing import is_gone, is_link

_SPECIAL = {
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}
_LINK_TO_DIRECTORY, _MOUNT_POINT, _BROKEN = "link to a directory", "mount point", "broken link"


class PlannedFile(NamedTuple):
    """A file that is copied."""

    #: Relative to the match.
    rel: str
    size: int
    is_link: bool = False
    #: What a link says that is copied as a link.
    text: str | None = None


@dataclass
class _Level:
    """The entries of a directory, as far as they are not excluded."""

    dirs: list[str] = field(default_factory=list)
    #: Directories that are not entered, each with the reason.
    closed: dict[str, str] = field(default_factory=dict)
    files: dict[str, PlannedFile] = field(default_factory=dict)
    #: What is neither.
    special: dict[str, str] = field(default_factory=dict)
    #: What could not be looked at. It is an error if it belongs.
    unknown: dict[str, OSError] = field(default_factory=dict)


class Plan:
    """What is copied of a match: see the core's class of this name."""

    def __init__(
        self,
        source: str | os.PathLike[str],
        pattern: FileStructurePattern,
        *,
        links: str = "follow",
        exclude: ExcludeRules | None = None,
        exclude_base: str | os.PathLike[str] | None = None,
        one_file_system: bool = False,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        if links not in ("follow", "keep"):
            raise ValueError(f"links must be 'follow' or 'keep', not {links!r}")
        self._source = os.fsdecode(source)
        with doing("opening the directory", self._source):
            if not self._source:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "")
            #: Where it is reached.
            self.top = extended(os.path.abspath(self._source))
            status = os.stat(self.top)
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._source)
        self._device = status.st_dev if one_file_system else None
        self._exclude = exclude
        self._prefix = _path_below(self._source, exclude_base) if exclude else ""
        self._is_stopped = is_stopped
        self._directories: list[str] = []
        self._skipped: list[tuple[str, str]] = []
        self._files: dict[str, PlannedFile] = {}
        self._make(pattern)
        if links == "keep":
            self._keep_links()

    @property
    def directories(self) -> list[str]:
        """Each after its parent; the first is the match itself."""
        return self._directories

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """What would belong and is not copied, each as path and reason."""
        return self._skipped

    @property
    def planned(self) -> list[PlannedFile]:
        """The files."""
        return list(self._files.values())

    def files(self) -> list[tuple[str, int]]:
        """The files, each as path and size."""
        return [(file.rel, file.size) for file in self._files.values()]

    @property
    def bytes(self) -> int:
        """How large the files are together."""
        return sum(file.size for file in self._files.values())

    def path(self, rel: str) -> str:
        """The path of an entry, as the caller knows it."""
        return below(self._source, rel)

    def open(self, rel: str | os.PathLike[str]) -> int:
        """Open a file for reading, and return its descriptor."""
        rel = os.fspath(rel)
        if not BAD_COMPONENTS.isdisjoint(rel.split("/")) or "\0" in rel:
            told = os.path.join(self._source, rel)
            raise refused(told, os.strerror(errno.EINVAL), "opening the file")
        with doing("opening the file", self.path(rel)):
            planned = self._files.get(rel)
            follow = planned is not None and planned.is_link
            self._check_above(rel)
            return open_to_read(below(self.top, rel), follow=follow)

    def _check_above(self, rel: str) -> None:
        """Refuse what is behind a link by now, as far as that can be seen by a look."""
        at = self.top
        for component in rel.split("/")[:-1]:
            at = os.path.join(at, component)
            if is_link(os.lstat(at)):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), at)

    def _make(self, pattern: FileStructurePattern) -> None:
        selection = Selection(pattern)
        levels: dict[int, tuple[str, _Level]] = {}
        waiting = [(0, "")]
        while waiting and not self._is_stopped():
            number, rel = waiting.pop()
            level = self._list(rel)
            levels[number] = rel, level
            directories = [(name, True) for name in level.dirs]
            directories += [(name, False) for name in level.closed]
            others = [*level.files, *level.special, *level.unknown]
            for index, child in selection.listed(number, directories, others):
                waiting.append((child, _joined(rel, level.dirs[index])))
        selected = selection.finish()
        for number, (rel, level) in sorted(levels.items(), key=lambda item: item[1][0].split("/")):
            if not selected.has_directory(number):
                continue
            self._directories.append(rel)
            for name, reason in level.closed.items():
                if selected.names_directory(number, name):
                    self._skipped.append((_joined(rel, name), reason))
            unknown = list(level.unknown)
            for name, error in level.unknown.items():
                if selected.names_directory(number, name):
                    raise error
            for index in selected.files(number, unknown):
                raise level.unknown[unknown[index]]
            names = [*level.files, *level.special]
            for index in selected.files(number, names):
                name = names[index]
                if name in level.files:
                    self._files[level.files[name].rel] = level.files[name]
                else:
                    self._skipped.append((_joined(rel, name), level.special[name]))

    def _list(self, rel: str) -> _Level:
        level = _Level()
        with doing("reading the directory", self.path(rel)), os.scandir(below(self.top, rel)) as it:
            for entry in it:
                self._add(level, rel, entry)
        return level

    def _add(self, level: _Level, rel: str, entry: os.DirEntry[str]) -> None:
        name = entry.name
        path = _joined(rel, name)
        if self._is_excluded(path, False):
            return
        try:
            with doing("reading the metadata", self.path(path)):
                status = entry.stat(follow_symlinks=False)
            if is_link(status):
                self._add_link(level, path, entry)
                return
        except OSError as error:
            level.unknown.setdefault(name, error)
            return
        if not stat.S_ISDIR(status.st_mode):
            self._add_file(level, name, PlannedFile(path, status.st_size), status)
        elif not self._is_excluded(path, True):
            if self._device is not None and self._device_of(entry, status) != self._device:
                level.closed[name] = _MOUNT_POINT
            elif name not in level.dirs:
                # There are file systems that list an entry twice.
                level.dirs.append(name)

    def _add_link(self, level: _Level, path: str, entry: os.DirEntry[str]) -> None:
        try:
            with doing("following the link", self.path(path)):
                status = os.stat(entry.path)
        except OSError as error:
            if not is_gone(error):
                raise
            level.special[entry.name] = _BROKEN
            return
        if not stat.S_ISDIR(status.st_mode):
            self._add_file(level, entry.name, PlannedFile(path, status.st_size, True), status)
        elif not self._is_excluded(path, True):
            level.closed[entry.name] = _LINK_TO_DIRECTORY

    def _add_file(
        self, level: _Level, name: str, file: PlannedFile, status: os.stat_result
    ) -> None:
        if stat.S_ISREG(status.st_mode):
            level.files[name] = file
        else:
            level.special[name] = _SPECIAL.get(stat.S_IFMT(status.st_mode), "device")

    def _device_of(self, entry: os.DirEntry[str], status: os.stat_result) -> int:
        # On Windows a listing does not tell it.
        return status.st_dev or os.lstat(entry.path).st_dev

    def _is_excluded(self, path: str, is_directory: bool) -> bool:
        return self._exclude is not None and self._exclude.is_excluded(
            self._prefix + path, is_directory
        )

    def _keep_links(self) -> None:
        """Keep the links that lead, through directories of the plan, to a file of the plan."""
        directories = set(self._directories)
        for rel, file in self._files.items():
            if not file.is_link:
                continue
            with doing("following the link", self.path(rel)):
                text = os.readlink(below(self.top, rel))
            target = _target(rel, text, directories)
            if target in self._files:
                self._files[rel] = file._replace(size=0, text=text)


def _target(rel: str, text: str, directories: set[str]) -> str | None:
    """Where a link's text leads within a match, through these directories alone."""
    if os.path.isabs(text) or os.path.splitdrive(text)[0]:
        return None
    if os.altsep is not None or os.sep != "/":
        text = text.replace(os.sep, "/")
    if text.startswith("/"):
        return None
    *above, name = [part for part in text.split("/") if part not in ("", ".")] or [".."]
    at = rel.split("/")[:-1]
    for part in above:
        if part == "..":
            if not at:
                return None
            at.pop()
        elif "/".join([*at, part]) in directories:
            at.append(part)
        else:
            return None
    return None if name == ".." or text.endswith("/") else "/".join([*at, name])


def _path_below(source: str, base: str | os.PathLike[str] | None) -> str:
    """The path of a source below a directory, with a slash at its end; empty if it is not in it."""
    if base is None:
        return ""
    top = os.fsdecode(base)
    for this, above in (
        (os.path.abspath(source), os.path.abspath(top)),
        (os.path.realpath(source), os.path.realpath(top)),
    ):
        this, above = plain(this), plain(above)
        if os.path.normcase(this).startswith(os.path.join(os.path.normcase(above), "")):
            parts = this[len(os.path.join(above, "")) :].split(os.sep)
            return "/".join([*parts, ""])
    return ""


def _joined(rel: str, name: str) -> str:
    return f"{rel}/{name}" if rel else name
