"""One directory's entries, and how a local directory is listed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(slots=True)
class Listing:
    """The entries of one directory, in no particular order."""

    #: Directories, and links that lead to one.
    dirnames: list[str] = field(default_factory=list)
    #: Everything else. A name may be here and in `dirnames`.
    filenames: list[str] = field(default_factory=list)
    #: Those of `dirnames` that are links.
    links: set[str] = field(default_factory=set)
    #: What could not be read or addressed, each with a `filename`.
    errors: list[OSError] = field(default_factory=list)
    #: What ended the listing before its end, one of `errors`.
    failure: OSError | None = None


def noted(error: OSError, doing: str) -> OSError:
    """The error, with a note of what was being done."""
    error.add_note(f"while {doing}")
    return error


def is_gone(error: OSError) -> bool:
    """Whether an error says that a path leads nowhere (any more).

    A link that does so is a file; a directory that was listed is gone, or something else took
    its place.
    """
    return error.errno in _GONE or isinstance(error, FileNotFoundError | NotADirectoryError)


def list_local(path: str, skip: Callable[[str], bool] | None = None) -> Listing:
    """List a local directory, without the names that `skip` holds for.

    Raises the `OSError` of a directory that cannot be read; what goes wrong later is in the
    listing's `errors`.
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
                    # Some file systems open what they cannot read.
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
                if is_dir and entry.is_symlink():
                    listing.links.add(entry.name)
            except OSError as error:
                if not is_gone(error):
                    listing.errors.append(noted(error, "following the link"))
            (listing.dirnames if is_dir else listing.filenames).append(entry.name)
    return listing
