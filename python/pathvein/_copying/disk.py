"""Where directories of this machine are, so that the same one is found to be the same."""

from __future__ import annotations

import os
from collections.abc import Callable

from pathvein._copying.names import fold_of
from pathvein._copying.overlaps import Place
from pathvein._listing import is_link


def plain(path: str, *, windows: bool = os.name == "nt") -> str:
    r"""A path as people write it: ``\\?\C:\lab`` is ``C:\lab``, where it may be written so, too."""
    if windows and path.startswith("\\\\?\\"):
        if path[4:8].upper() == "UNC\\":
            return f"\\\\{path[8:]}"
        if path[5:6] == ":":
            return path[4:]
    return path


def _is_link(path: str) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return is_link(status)


def _absolute(path: str) -> str:
    """Without slashes and ``.`` at its end."""
    if not os.path.isabs(path):
        path = os.path.join(os.getcwd(), path)
    head, name = os.path.split(path)
    while head != path and name in ("", "."):
        path = head
        head, name = os.path.split(path)
    return path


def broken_link(path: str, *, follows: bool) -> str | None:
    """The link above a path that leads to nothing, so that nobody knows where the path is.

    With `follows` it may be the path itself.
    """
    path = _absolute(path)
    if not follows:
        path = os.path.dirname(path)
    while not os.path.exists(path):
        if _is_link(path):
            return path
        above = os.path.dirname(path)
        if above == path:
            break
        path = above
    return None


def leads_to_nothing(link: str) -> str:
    """What is said of a destination behind such a link."""
    return f"the link {link!r} leads to nothing: mount or make what it leads to"


class Disk:
    """Makes places of paths, without links. They are equal where names are one on the disk."""

    def __init__(self) -> None:
        #: For each directory what makes names in it equal. Each is asked once.
        self._folds: dict[str, Callable[[str], str] | None] = {}
        #: Directories, and what they are without links.
        self._resolved: dict[str, str] = {}

    def resolved(self, path: str, *, follows: bool = True) -> str:
        """An absolute path without links; without `follows` its last name may be one."""
        path = _absolute(path)
        head, name = os.path.split(path)
        if os.name == "nt":
            # A name has other spellings, which are told of what is there.
            is_asked = follows or not _is_link(path)
        else:
            is_asked = follows and os.path.islink(path)
        if name in ("", "..") or is_asked:
            return os.path.realpath(path)
        if head not in self._resolved:
            self._resolved[head] = os.path.realpath(head)
        return os.path.join(self._resolved[head], name)

    def place(self, path: str, *, follows: bool = True) -> Place:
        """Where it is, or would be; without `follows` a link at its end is the place itself."""
        return self.place_of(self.resolved(path, follows=follows))

    def place_of(self, resolved: str) -> Place:
        """The place of a path that is absolute and without links."""
        drive, rest = os.path.splitdrive(plain(resolved))
        above, components = drive + os.sep, []
        for name in filter(None, rest.split(os.sep)):
            if above not in self._folds:
                self._folds[above] = fold_of(above)
            fold = self._folds[above]
            components.append(name if fold is None else fold(name))
            above = os.path.join(above, name)
        # Where there are no drives, this is the place of a local end as it has always been.
        return Place(("file", *filter(None, [os.path.normcase(drive)])), tuple(components))
