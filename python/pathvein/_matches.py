"""Matching a single directory against a pattern, listing below it only where that decides."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Protocol

from pathvein_core import FileStructurePattern, ListingScan

from pathvein import _arguments
from pathvein._listing import Listing, is_gone, list_local


class Directory(Protocol):
    """A directory whose names are given, and what is below it."""

    name: str
    listing: Listing

    def is_link(self, name: str) -> bool:
        """Whether one of the given directories is a link."""

    def list(self, rel: str) -> Listing:
        """List a directory below; `rel` is its path from here."""


def matches(
    pattern: FileStructurePattern, path: object, dirnames: list[str], filenames: list[str]
) -> bool:
    """Whether a directory of these names matches.

    Raises the `OSError` of a directory that cannot be read if it decides between yes and no.
    """
    with _opened(path, Listing(dirnames, filenames)) as directory:
        # First, a directory that cannot be read is taken to hold all that is asked for. If the
        # answer is no even so, it is no.
        possible, errors = _search(pattern, directory, assume=True)
        if not possible or not errors:
            return possible
        certain, _ = _search(pattern, directory, assume=False)
        if not certain:
            raise errors[0]
        return True


@contextlib.contextmanager
def _opened(path: object, listing: Listing) -> Iterator[Directory]:
    if _arguments.is_upath(path) or (isinstance(path, str) and _arguments.is_url(path)):
        from pathvein._remote import RemoteDirectory, local_path, make_upath

        upath = make_upath(path)
        local = local_path(upath)
        if local is None:
            with contextlib.closing(RemoteDirectory(upath, listing)) as directory:
                yield directory
        else:
            yield _LocalDirectory(local, listing)
        return
    if not isinstance(path, str | os.PathLike):
        found = type(path).__name__
        raise TypeError(f"walk_args[0] must be str, os.PathLike or UPath, not {found}")
    yield _LocalDirectory(os.fsdecode(path), listing)


class _LocalDirectory:
    def __init__(self, path: str, listing: Listing) -> None:
        from pathlib import PurePath

        self.path = path
        self.name = PurePath(path).name
        self.listing = listing

    def is_link(self, name: str) -> bool:
        return os.path.islink(os.path.join(self.path, name))

    def list(self, rel: str) -> Listing:
        return list_local(os.path.join(self.path, rel))


def _search(
    pattern: FileStructurePattern, directory: Directory, *, assume: bool
) -> tuple[bool, list[OSError]]:
    """Whether the directory matches; what cannot be read satisfies all, or nothing."""
    scan = ListingScan([pattern], 0)
    errors: list[OSError] = []
    stack: list[tuple[int, str]] = []

    def listed(wanted: int, rel: str, listing: Listing) -> None:
        prefix = f"{rel}/" if rel else ""
        directories = [(name, name not in listing.links) for name in listing.dirnames]
        below = scan.listed(wanted, None, directories, listing.filenames)
        stack.extend((number, prefix + listing.dirnames[index]) for index, number in below)

    listed(scan.source(directory.name), "", directory.listing)
    while not (found := scan.take_matches()) and stack:
        wanted, rel = stack.pop()
        try:
            if "/" not in rel and directory.is_link(rel):
                scan.not_listed(wanted)
                continue
            listing = directory.list(rel)
        except OSError as error:
            if is_gone(error):
                scan.absent(wanted)
                continue
            errors.append(error)
            if assume:
                scan.assumed(wanted)
            else:
                scan.not_listed(wanted)
            continue
        if listing.failure is not None:
            errors.append(listing.failure)
            if assume:
                scan.assumed(wanted)
                continue
        listed(wanted, rel, listing)
    return bool(found), errors
