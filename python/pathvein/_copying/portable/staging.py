"""Where a copy is built: in a directory ``.NAME.pathvein-RANDOM``.

What is new is built beside its destination, and that directory is renamed. If the destination is
there and may be changed, it is built in the destination, and each file that is whole is renamed
to its place.

A file beside it, of the same name with ``.lock``, is locked as long as it is built. So what has
such a name and is not locked was left by a process that is gone, and is removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterable
from typing import NamedTuple

from pathvein._copying.names import MAX_NAME, bad_destination, fold_elsewhere, is_one
from pathvein._copying.portable.system import (
    below,
    copy_metadata,
    doing,
    extended,
    lock,
    looked_at,
    open_new,
    refused,
    remove_file,
    remove_tree,
    rename_new,
    replace,
)
from pathvein._keys.names import BAD_COMPONENTS
from pathvein._listing import is_link

_INFIX = ".pathvein-"
_LOCK = ".lock"
_RANDOM_DIGITS = 16
_LEFTOVER = re.compile(
    rf"\.(?P<name>.+){re.escape(_INFIX)}[0-9a-f]{{{_RANDOM_DIGITS}}}{re.escape(_LOCK)}", re.DOTALL
)
#: Characters of the name that are kept, of which each may have four bytes.
_KEPT = (MAX_NAME - 1 - len(_INFIX) - _RANDOM_DIGITS - len(_LOCK)) // 4
#: How often a parent is made again that somebody removed.
_ATTEMPTS = 100
#: Seconds in which a directory is given its name. Windows renames none in which a file is open,
#: and every new file is opened by virus scanners.
_COMMIT_PATIENCE = 10.0

_LINK_IN_THE_WAY = (
    "a link is where a directory goes, and no link is followed: remove it, or give what it leads "
    "to as the destination"
)
_LINK_AS_DESTINATION = "the destination is a link, and no link is followed: give what it leads to"


class _Identity(NamedTuple):
    device: int
    number: int


class Staging:
    """A directory that is built from what the caller puts into it: see the core's class."""

    def __init__(
        self, destination: str | os.PathLike[str], *, overwrite: bool = False, fsync: bool = False
    ) -> None:
        self._given = os.fsdecode(destination)
        self._fsync = fsync
        #: The files of the destination that were replaced so far.
        self.replaced: list[str] = []
        #: Directories above the destination that were made for it.
        self._made: list[str] = []
        self._unfinished: set[str] = set()
        #: The directories that were made, relative to the destination, for `fsync`.
        self._touched: set[str] = {""}
        #: The files that were put into a directory that was there.
        self._placed: dict[_Identity, str] = {}
        #: The names that were put into each directory, by what they are when folded.
        self._seen: dict[tuple[str, str], list[str]] = {}
        self._guard = threading.Lock()
        self._lock_fd: int | None = None
        self._ended = False
        #: What could not be removed.
        self._left: list[str] = []
        with doing("comparing the matches", self._given):
            if not self._given:
                raise refused("", "the path of the destination is empty")
            if (reason := bad_destination(self._given)) is not None:
                raise refused(self._given, reason)
            above, name = os.path.split(os.path.abspath(self._given))
            #: Where it is reached: without links above it.
            self._path = extended(os.path.join(os.path.realpath(above), name))
        try:
            with doing("making the directory", self._given):
                self._begin(name, overwrite)
        except BaseException:
            self._remove_made()
            raise

    def _begin(self, name: str, overwrite: bool) -> None:
        there = looked_at(self._path)
        self.is_merged = there is not None
        if there is not None:
            if not overwrite:
                raise _exists(self._given)
            if is_link(there):
                raise refused(self._given, _LINK_AS_DESTINATION)
            if not stat.S_ISDIR(there.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._given)
        parent = self._path if self.is_merged else os.path.dirname(self._path)
        for _ in range(_ATTEMPTS):
            if not self.is_merged:
                self._make_parents(parent)
            remove_leftovers(parent, name)
            try:
                self._make(parent, name)
                return
            except FileNotFoundError:
                # Another match may have made the parent, and removed it when it failed.
                continue
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._given)

    def _make(self, parent: str, name: str) -> None:
        while True:
            random = secrets.token_hex(_RANDOM_DIGITS // 2)
            self.top = os.path.join(parent, f".{_kept(name)}{_INFIX}{random}")
            self._lock = self.top + _LOCK
            fd = open_new(self._lock)
            try:
                is_locked = lock(fd)
            except OSError:
                # There are no locks here. So nobody takes it for something that was left, either.
                is_locked = True
            if is_locked:
                break
            # Whoever looks for leftovers has it at this moment, and then removes it.
            os.close(fd)
        self._lock_fd = fd
        try:
            os.mkdir(self.top)
        except BaseException:
            self._unlock()
            raise

    def _make_parents(self, path: str) -> None:
        missing = []
        while looked_at(path) is None and os.path.dirname(path) != path:
            missing.append(path)
            path = os.path.dirname(path)
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
                self._made.append(path)

    def path(self, rel: str) -> str:
        """The path of an entry of the destination, as the caller knows it."""
        return below(self._given, rel)

    def make_directory(self, rel: str) -> None:
        """Make a directory, and those above it. One that is there is left as it is."""
        self._make_below(self._components(rel))

    def _make_below(self, components: list[str]) -> None:
        """Make a directory where it is built, and, if the destination is there, in that."""
        for top in (self.top, self._path) if self.is_merged else (self.top,):
            for length in range(1, len(components) + 1):
                rel = "/".join(components[:length])
                is_known = rel in self._touched
                if top == self.top and is_known:
                    continue
                with doing("making the directory", self.path(rel)):
                    is_new = _make_directory(below(top, rel), self.path(rel))
                    if is_known:
                        continue
                    with self._guard:
                        twins = self._twins(rel)
                    self._check_name(rel, below(top, rel), () if is_new else twins)
        self._touched.update("/".join(components[:n]) for n in range(1, len(components) + 1))

    def create(self, rel: str) -> int:
        """Make a file, and return a descriptor that is open for writing."""
        twins = self._make_new(rel)
        with doing("making the file", self.path(rel)):
            try:
                fd = open_new(below(self.top, rel))
            except FileExistsError:
                self._check_name(rel, below(self.top, rel), twins)
                raise
        self._unfinished.add(rel)
        return fd

    def link(self, rel: str, text: str) -> None:
        """Make a link, which is then finished as a file is."""
        twins = self._make_new(rel)
        with doing("making the link", self.path(rel)):
            try:
                os.symlink(text, below(self.top, rel))
            except FileExistsError:
                self._check_name(rel, below(self.top, rel), twins)
                raise
        self._unfinished.add(rel)

    def _make_new(self, rel: str) -> list[str]:
        """Make the directories above a file. Returns the names that it may be the same as."""
        components = self._components(rel)
        if rel in self._unfinished:
            raise _exists(self.path(rel), "making the file")
        self._make_below(components[:-1])
        with self._guard:
            return self._twins(rel)

    def _twins(self, rel: str) -> list[str]:
        """The names in its directory that one may be the same as, which is noted, too."""
        above, _, name = rel.rpartition("/")
        seen = self._seen.setdefault((above, fold_elsewhere(name)), [])
        if name not in seen:
            seen.append(name)
        return [other for other in seen if other != name]

    def _check_name(self, rel: str, path: str, twins: Iterable[str]) -> None:
        """Refuse a name that is there, if it is another of this copy for the file system."""
        directory, name = os.path.split(path)
        for other in twins:
            if is_one(directory, name, other):
                raise self._same_name(rel, other)

    def _same_name(self, rel: str, other: str) -> OSError:
        return FileExistsError(
            errno.EEXIST,
            f"it would replace {other!r}, which is one name there: rename one of them",
            self.path(rel),
        )

    def place(self, rel: str) -> str:
        """Where a directory is before the match is committed."""
        return below(self._path if self.is_merged else self.top, rel)

    def finish(
        self, rel: str, mtime_ns: int | None, original: os.stat_result | None = None
    ) -> None:
        """A file is written. If the destination was there, it then takes its place.

        With `original` it gets the times and the mode of that.
        """
        if rel not in self._unfinished:
            raise refused(self.path(rel), "no such file is being written", "writing the file")
        self._unfinished.discard(rel)
        path = below(self.top, rel)
        try:
            if self._fsync and not os.path.islink(path):
                with doing("flushing to the disk", self.path(rel)):
                    _flush(path)
            with doing("setting owner, mode and times", self.path(rel)):
                if mtime_ns is not None:
                    os.utime(path, ns=(mtime_ns, mtime_ns))
                if original is not None:
                    copy_metadata(original, path)
            if self.is_merged:
                with doing("giving it its final name", self.path(rel)):
                    self._place(rel, path)
        except OSError:
            with contextlib.suppress(OSError):
                remove_file(path, os.lstat(path))
            raise

    def _place(self, rel: str, path: str) -> None:
        final = below(self._path, rel)
        with self._guard:
            there = looked_at(final)
            if there is not None:
                self._check_name(rel, final, self._twins(rel))
                # Names that nobody here knows to be the same; but not by identities alone, as
                # some file systems tell the same of all.
                twin = self._placed.get(_identity(there))
                if twin is not None and not (_is_listed(final) and _is_listed(self.place(twin))):
                    raise self._same_name(rel, twin)
            if replace(path, final):
                self.replaced.append(self.path(rel))
            self._placed[_identity(os.lstat(final))] = rel

    def commit(self) -> None:
        """Give the directory its final name. What was built is removed if that fails."""
        if self._ended:
            raise refused(self._given, "this copy has ended", "giving it its final name")
        try:
            if self._unfinished:
                text = "a file of this copy is not finished"
                raise refused(self._given, text, "giving it its final name")
            self._flush_directories()
            if not self.is_merged:
                with doing("giving it its final name", self._given):
                    self._rename()
                self._made.clear()
        except BaseException:
            self.abandon()
            raise
        self._ended = True
        self._unlock(is_gone=not self.is_merged or remove_tree(self.top))

    def _rename(self) -> None:
        if os.path.lexists(self._path):
            raise _exists(self._given)
        try:
            rename_new(self.top, self._path, seconds=_COMMIT_PATIENCE)
        except OSError as error:
            if os.path.lexists(self._path):
                # Whatever the system says, somebody was faster.
                raise _exists(self._given) from error
            raise
        if self._fsync:
            _flush_directory(os.path.dirname(self._path))

    def abandon(self) -> list[str]:
        """Remove what was built so far, and return what could not be. What was replaced stays."""
        if self._ended:
            return self._left
        self._ended = True
        self._unfinished.clear()
        is_gone = remove_tree(self.top)
        self._unlock(is_gone=is_gone)
        self._remove_made()
        if not is_gone:
            name = os.path.basename(self.top)
            above = self._given if self.is_merged else os.path.dirname(self._given)
            self._left = [os.path.join(above, name)]
        return self._left

    def __del__(self) -> None:
        if not getattr(self, "_ended", True) and self._lock_fd is not None:
            self.abandon()

    def _remove_made(self) -> None:
        for path in reversed(self._made):
            try:
                os.rmdir(path)
            except OSError:
                return

    def _unlock(self, *, is_gone: bool = True) -> None:
        """Let go of the lock. Its file stays with what is not gone, for a later copy to find."""
        fd, self._lock_fd = self._lock_fd, None
        if fd is not None:
            os.close(fd)
            if not is_gone:
                return
            with contextlib.suppress(OSError):
                os.unlink(self._lock)

    def _flush_directories(self) -> None:
        if self._fsync:
            for rel in self._touched:
                with doing("flushing to the disk", self.path(rel)):
                    _flush_directory(self.place(rel))

    def _components(self, rel: str) -> list[str]:
        components = rel.split("/")
        if self._ended:
            raise refused(self._given, "this copy has ended", "making the file")
        if not BAD_COMPONENTS.isdisjoint(components) or "\0" in rel:
            reason = (
                "a path of a copy must be relative, without empty components, `.`, `..` and NUL"
            )
            raise refused(rel, reason, "making the file")
        return components


def _make_directory(path: str, told: str) -> bool:
    """Make a directory. Whether it was not there before."""
    try:
        os.mkdir(path)
        return True
    except FileExistsError:
        there = os.lstat(path)
        if is_link(there):
            raise refused(told, _LINK_IN_THE_WAY, "making the directory") from None
        if not stat.S_ISDIR(there.st_mode):
            raise
        return False


def _is_listed(path: str) -> bool:
    directory, name = os.path.split(path)
    return name in os.listdir(directory)


def _identity(status: os.stat_result) -> _Identity:
    return _Identity(status.st_dev, status.st_ino)


def _exists(path: str, doing: str = "making the directory") -> FileExistsError:
    error = FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    error.add_note(f"while {doing}")
    return error


def _kept(name: str) -> str:
    """As much of the name of a destination as a temporary name has of it."""
    # The root of a drive has none.
    return name[:_KEPT] or "copy"


def remove_leftovers(parent: str, name: str) -> None:
    """Remove what processes that are gone have left of copies to a name."""
    try:
        with os.scandir(parent) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(_LOCK)]
    except OSError:
        return
    for found in names:
        match = _LEFTOVER.fullmatch(found)
        if match is None or match["name"] != _kept(name):
            continue
        path = os.path.join(parent, found)
        with contextlib.suppress(OSError):
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                is_left = lock(fd) and remove_tree(path.removesuffix(_LOCK))
            finally:
                os.close(fd)
            if is_left:
                os.unlink(path)


def _flush(path: str) -> None:
    # Windows flushes only what is open for writing.
    fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _flush_directory(path: str) -> None:
    # Windows has no call for that.
    if os.name != "nt":
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
