"""Which names of a match its destination cannot hold.

It is asked before anything of the match is written. A key of a store may have components that no
path has, and a path on this machine may lead out of the destination.
"""

from __future__ import annotations

import contextlib
import os
import re
import string
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from pathvein._keys.names import BAD_COMPONENTS

#: Most bytes in one name, on nearly every file system; on Windows most of its characters.
MAX_NAME = 255
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{device}{digit}" for device in ("com", "lpt") for digit in "123456789¹²³"]
)
_WINDOWS_CHARACTERS = frozenset('<>:"|?*\\')
#: Gives ASCII letters the other case, which whatever ignores case takes for the same.
_SWAPPED = str.maketrans(string.ascii_letters, string.ascii_uppercase + string.ascii_lowercase)


def path_component(name: str) -> str | None:
    """Why a name cannot be a component of any path."""
    if name in BAD_COMPONENTS:
        return f"{name!r} is no name of a file" if name else "a component is empty"
    if "/" in name:
        return "it has a slash"
    if "\0" in name:
        return "it has a null character"
    return None


def local_name(name: str, *, windows: bool = os.name == "nt") -> str | None:
    """Why a name cannot be that of a file on this machine."""
    problem = path_component(name)
    if problem is not None:
        return problem
    if windows:
        if bad := _WINDOWS_CHARACTERS.intersection(name):
            return f"it has {min(bad)!r}, which Windows does not allow"
        if any(character < " " for character in name):
            return "it has a control character, which Windows does not allow"
        if name[-1] in ". ":
            return "Windows does not keep a dot or a blank at its end"
        if name.partition(".")[0].rstrip(" ").lower() in _WINDOWS_DEVICES:
            return "it is the name of a device on Windows"
        unit, length = "characters of UTF-16", len(name.encode("utf-16-le", "surrogatepass")) // 2
    else:
        try:
            unit, length = "bytes", len(os.fsencode(name))
        except UnicodeEncodeError:
            return "it cannot be encoded"
    return f"it is longer than {MAX_NAME} {unit}" if length > MAX_NAME else None


def no_path(text: str) -> str | None:
    """Why nothing on this machine can have a path."""
    if "\0" in text:
        return "it has a null character, which no path can have"
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return "it cannot be encoded, so no path can be it"
    return None


def bad_destination(path: str, *, windows: bool = os.name == "nt") -> str | None:
    """Why a path cannot be a destination on this machine, by its components.

    Windows would take another name for such a component, without a word: ``run.`` is ``run``,
    ``aux.txt`` is a device, and ``run:1`` is a stream of the file ``run``.
    """
    if not windows:
        return None
    # Not by `ntpath.splitdrive`, which takes any character for a drive.
    rest = re.sub(r"^(?:[\\/]{2}[?.][\\/](?:UNC[\\/])?|[A-Za-z]:)+", "", path)
    for component in filter(None, re.split(r"[\\/]", rest)):
        if component not in (".", "..") and (reason := local_name(component, windows=True)):
            return f"it has the name {component!r}: {reason}. Give another name"
    return None


def remote_name(name: str) -> str | None:
    """Why a name cannot be that of a file on another machine."""
    return path_component(name) or not_utf8(name)


def not_utf8(name: str) -> str | None:
    """Why a name cannot be sent: the protocols of stores know nothing but UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    return None


def bad_names(
    directories: Iterable[str],
    files: Iterable[str],
    problem: Callable[[str], str | None],
    *,
    twins: bool,
    fold: Callable[[str], str] | None,
) -> Iterator[tuple[str, str]]:
    """What cannot be at the destination, each path with the reason.

    Args:
        directories: Paths relative to the match, without the match itself.
        files: The same.
        problem: Why one component cannot be there.
        twins: Whether a name may be that of a file and of a directory.
        fold: Gives equal texts for names that are one there: see `fold_of`.
    """
    known: dict[str, str | None] = {}
    #: What each path is there, and how it was written.
    seen: dict[str, tuple[str, str]] = {}
    for paths, kind in ((directories, "directory"), (files, "file")):
        for path in paths:
            for component in path.split("/"):
                if component not in known:
                    known[component] = problem(component)
                if (reason := known[component]) is not None:
                    yield path, reason
                    break
            else:
                if twins and fold is None:
                    continue
                key = path if fold is None else fold(path)
                other, other_kind = seen.setdefault(key, (path, kind))
                if other != path:
                    yield (
                        path,
                        (
                            f"it differs only in case or normal form from {other!r}, which is one "
                            "name there: rename one of them"
                        ),
                    )
                elif other_kind != kind:
                    yield path, "it is the name of a file and of a directory"


def fold_of(directory: str, *, system: str = sys.platform) -> Callable[[str], str] | None:
    """What makes names equal that are one in a directory, or where it would be made.

    `None` where each is its own. What is not found out by this is found when a file is made that
    exists already.
    """
    if not ignores_case(directory, system=system):
        return None
    return fold_on_windows if system == "win32" else fold_elsewhere


def fold_on_windows(text: str) -> str:
    """As NTFS and its like compare: character by character, and in any normal form."""
    return "".join(upper if len(upper := char.upper()) == 1 else char for char in text)


def fold_elsewhere(text: str) -> str:
    """As APFS, and ext4 with its option `casefold`, compare."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


def ignores_case(directory: str, *, system: str = sys.platform) -> bool:
    """Whether names that differ only in case are one in a directory, or where it would be made.

    It is told by an entry that exists, without writing anything. On Windows nobody is asked:
    hardly any directory there is one in which they are two, and an error is better than a loss.
    """
    if system == "win32":
        return True
    device = None
    while True:
        with contextlib.suppress(OSError):
            here = os.stat(directory).st_dev
            if device not in (None, here):
                break
            device = here
            if (told := _told_by_entries(directory)) is not None:
                return told
        # Nothing in it tells, and most likely it is as where it lies.
        parent = os.path.dirname(directory)
        if parent == directory:
            break
        directory = parent
    return system == "darwin"


def _told_by_entries(directory: str) -> bool | None:
    """Whether case is ignored there, as one of the entries tells; `None` if none does."""
    with os.scandir(directory) as entries:
        for entry in entries:
            other = entry.name.translate(_SWAPPED)
            if other == entry.name:
                continue
            if os.path.lexists(os.path.join(directory, other)):
                return other not in os.listdir(directory)
            # Unless it is gone.
            if os.path.lexists(entry.path):
                return False
    return None


def is_one(directory: str, one: str, other: str) -> bool:
    """Whether two names in a directory are one entry of it."""
    return Asked().is_one(directory, one, other) is True


class Asked:
    """Asks whether names are one, and lists no directory twice for it."""

    def __init__(self) -> None:
        #: The names in directories; `None` for those that cannot be listed.
        self._listed: dict[str, frozenset[str] | None] = {}

    def is_one(self, directory: str, one: str, other: str) -> bool | None:
        """Whether two names in a directory are one entry of it; `None` if neither is there.

        Not by inode numbers: there are file systems that number a file by its spelling, and some
        that give all files one number. But what is found under a name and is not listed under it is
        listed under another.
        """
        there = [os.path.lexists(os.path.join(directory, name)) for name in (one, other)]
        if there != [True, True]:
            return False if any(there) else None
        if directory not in self._listed:
            try:
                self._listed[directory] = frozenset(os.listdir(directory))
            except OSError:
                self._listed[directory] = None
        listed = self._listed[directory]
        if listed is None:
            # One that may be entered and not listed is most likely as what lies around it.
            return ignores_case(directory)
        return not {one, other} <= listed

    def is_one_path(self, one: str, other: str) -> bool | None:
        """Whether two paths lead to one thing: they do not if that is so of any of their names.

        `None` if that cannot be told as long as nothing is there.
        """
        drive, rest = os.path.splitdrive(one)
        other_rest = os.path.splitdrive(other)[1]
        above = drive + os.sep
        for name, other_name in zip(rest.split(os.sep), other_rest.split(os.sep), strict=True):
            if name != other_name:
                found = self.is_one(above, name, other_name)
                if not found:
                    return found
            above = os.path.join(above, name)
        return True


def is_one_path(one: str, other: str) -> bool:
    """Whether two paths, which are equal when folded, lead to one thing."""
    return Asked().is_one_path(one, other) is True
