"""The entries of one directory, and the listing of a local one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESRCH})


@dataclass(slots=True)
class Listing:
    """The entries of one directory, in no particular order."""

    #: Directories, and links that lead to one.
    dirnames: list[str] = field(default_factory=list)
    #: All other entries. In a store, a name may be here and in `dirnames`.
    filenames: list[str] = field(default_factory=list)
    #: The links among `dirnames`.
    links: set[str] = field(default_factory=set)
    #: Errors of entries that could not be read or have no path, each with a `filename`.
    errors: list[OSError] = field(default_factory=list)
    #: The error that ended the listing early. It is in `errors`, too, unless it is one of the
    #: whole file system, which is told once.
    failure: OSError | None = None
    #: What the file system tells of each file, where that was asked for.
    infos: dict[str, Any] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the directory was read, and of each entry it is known what it is.

        Otherwise nobody can tell what is not there.
        """
        return not (self.errors or self.failure)


def noted(error: OSError, doing: str) -> OSError:
    """The error, with a note that names the failed operation."""
    error.add_note(f"while {doing}")
    return error


def is_gone(error: OSError) -> bool:
    """Whether an error says that a path does not exist, or is not a directory (any more).

    For a link this means that it is dangling and counts as a file; for a directory that was
    listed, that it was removed or replaced.
    """
    return error.errno in _GONE or isinstance(error, FileNotFoundError | NotADirectoryError)


#: What `os.stat_result.st_reparse_tag` says of a junction.
_JUNCTION = 0xA0000003


def is_junction(status: os.stat_result) -> bool:
    """Whether it is a junction, which is Windows' other link to a directory, and no directory.

    By what is known of itself: `os.path.isjunction` is there from 3.12 on, and asks once more.
    """
    return getattr(status, "st_reparse_tag", 0) == _JUNCTION


def is_link(status: os.stat_result) -> bool:
    """Whether it is a link or a junction, by what is known of itself."""
    return stat.S_ISLNK(status.st_mode) or is_junction(status)


def list_local(path: str, skip: Callable[[str], bool] | None = None) -> Listing:
    """List a local directory, without the names for which `skip` is true.

    Raises the `OSError` of a directory that cannot be read. Later errors are in the listing's
    `errors`.
    """
    listing = Listing()
    try:
        entries = os.scandir(path)
    except OSError as error:
        noted(error, "opening the directory")
        raise
    with entries:
        while True:
            try:
                entry = next(entries, None)
            except OSError as error:
                error.filename = path
                if not (listing.dirnames or listing.filenames):
                    # Some file systems open directories that they cannot read.
                    noted(error, "reading the directory")
                    raise
                listing.failure = noted(error, "reading the directory")
                listing.errors.append(error)
                break
            if entry is None:
                break
            if skip is not None and skip(entry.name):
                continue
            is_dir = False
            try:
                is_dir = entry.is_dir()
                if is_dir and (
                    entry.is_symlink()
                    or (os.name == "nt" and is_junction(entry.stat(follow_symlinks=False)))
                ):
                    listing.links.add(entry.name)
            except OSError as error:
                if not is_gone(error):
                    listing.errors.append(noted(error, "following the link"))
            (listing.dirnames if is_dir else listing.filenames).append(entry.name)
    # There are file systems that list an entry twice. It is visited once.
    listing.dirnames = list(dict.fromkeys(listing.dirnames))
    return listing
