"""Matching of a single directory. Directories below are listed only if the answer needs it."""

from __future__ import annotations

import contextlib
import os
from pathlib import PurePath
from typing import TYPE_CHECKING

from pathvein_core import FileStructurePattern, ListingScan

from pathvein import _arguments
from pathvein._listing import Listing, is_gone, list_local

if TYPE_CHECKING:
    from typing import Protocol

    from pathvein._remote import RemoteDirectory

    class Directory(Protocol):
        """A directory whose listing is there, and the listings below it."""

        name: str
        listing: Listing

        def is_link(self, name: str) -> bool:
            """Whether one of its directories, which is not among the listing's links, is one."""

        def list(self, rel: str) -> Listing:
            """List a directory below; `rel` is its path relative to this one."""


def matches(
    pattern: FileStructurePattern, path: object, dirnames: list[str], filenames: list[str]
) -> bool:
    """Whether a directory with these entries matches.

    Raises the `OSError` of a directory that cannot be read if the answer depends on it.
    """
    with contextlib.closing(_open(path, Listing(dirnames, filenames))) as directory:
        return decide(pattern, directory)


def decide(pattern: FileStructurePattern, directory: Directory) -> bool:
    """Whether a directory matches, by its listing and those below it.

    Raises the `OSError` of a directory that cannot be read if the answer depends on it.
    """
    scan = ListingScan([pattern], 0, telling_unknown=True)
    errors: list[OSError] = []
    stack: list[tuple[int, str]] = []

    def listed(wanted: int, rel: str, listing: Listing) -> None:
        errors.extend(listing.errors)
        if listing.failure is not None:
            errors.append(listing.failure)
        prefix = f"{rel}/" if rel else ""
        directories = [(name, name not in listing.links) for name in listing.dirnames]
        is_whole = listing.is_whole
        below = scan.listed(wanted, None, directories, listing.filenames, whole=is_whole)
        stack.extend((number, prefix + listing.dirnames[index]) for index, number in below)

    listed(scan.source(directory.name), "", directory.listing)
    while not (found := scan.take_matches()) and stack:
        wanted, rel = stack.pop()
        try:
            if "/" not in rel and directory.is_link(rel):
                scan.not_entered(wanted)
                continue
            listing = directory.list(rel)
        except OSError as error:
            if is_gone(error):
                scan.absent(wanted)
            else:
                errors.append(error)
                scan.not_listed(wanted)
        else:
            listed(wanted, rel, listing)
    if not found and scan.take_unknown():
        raise errors[0]
    return bool(found)


def _open(path: object, listing: Listing) -> _LocalDirectory | RemoteDirectory:
    if _arguments.is_url_or_upath(path):
        from pathvein._remote import RemoteDirectory, local_path, make_upath

        upath = make_upath(path)
        local = local_path(upath)
        return RemoteDirectory(upath, listing) if local is None else _LocalDirectory(local, listing)
    local = _arguments.decoded("walk_args[0]", path, "str, os.PathLike or UPath")
    return _LocalDirectory(local, listing)


class _LocalDirectory:
    """A local directory whose listing is given; see `RemoteDirectory`."""

    def __init__(self, path: str, listing: Listing) -> None:
        self.path = path
        self.name = PurePath(path).name
        self.listing = listing

    def is_link(self, name: str) -> bool:
        return os.path.islink(os.path.join(self.path, name))

    def list(self, rel: str) -> Listing:
        return list_local(os.path.join(self.path, rel))

    def close(self) -> None:
        """There is nothing to close."""
