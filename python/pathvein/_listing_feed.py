"""Matching trees that are listed from Python: remote ones, and single directories.

The core says which directories it needs; they are listed here, depth first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from pathvein_core import ExcludeRules, FileStructurePattern, ListingScan, Stats

from pathvein._listing import Listing, is_gone

if TYPE_CHECKING:
    from pathvein._remote import Place, RemoteSource


class Directory(Protocol):
    """A directory whose names are given, and what is below it."""

    name: str
    listing: Listing

    def is_link(self, name: str) -> bool:
        """Whether one of the given directories is a link."""

    def list(self, rel: str) -> Listing:
        """List a directory below; `rel` is its path from here."""


class RemoteFeed:
    """The feed of a scan whose source is listed through fsspec."""

    def __init__(
        self,
        source: RemoteSource,
        patterns: list[FileStructurePattern],
        *,
        exclude: ExcludeRules,
        max_depth: int | None,
        follow_links: bool,
    ) -> None:
        self._source = source
        self._follow_links = follow_links
        self._scan = ListingScan(patterns, max_depth)
        self._directories = self._entries = self._matches = self._links = 0
        self._error_count = 0
        self._errors: list[OSError] = []
        self._found: list[tuple[Any, int]] = []
        # The source is listed at once: if that fails, the scan does not even begin.
        top = source.top(follow_links=follow_links)
        self._excluded = exclude.is_excluded if exclude else None
        listing = source.list(top.rel, self._excluded)
        self._stack: list[tuple[int, Place]] = []
        top_id = self._scan.source(source.name)
        self._listed(top_id, top, listing)
        self._take_matches()

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """See :class:`pathvein._stream.Feed`."""
        deadline = time.monotonic() + seconds
        while self._stack and not (self._found or self._errors):
            self._visit(*self._stack.pop())
            if time.monotonic() >= deadline:
                break
        found, self._found = self._found, []
        errors, self._errors = self._errors, []
        return found, errors, not self._stack

    def stats(self) -> Stats:
        """See :class:`pathvein._stream.Feed`."""
        return Stats(
            directories=self._directories,
            entries=self._entries,
            matches=self._matches,
            errors=self._error_count,
            links_not_followed=self._links,
        )

    def close(self) -> None:
        """See :class:`pathvein._stream.Feed`."""
        self._stack.clear()

    def _failed(self, error: OSError) -> None:
        self._error_count += 1
        self._errors.append(error)

    def _visit(self, directory: int, place: Place) -> None:
        try:
            listing = self._source.list(place.rel, self._excluded)
        except OSError as error:
            if is_gone(error):
                self._scan.absent(directory)
            else:
                self._failed(error)
                self._scan.not_listed(directory)
        else:
            self._listed(directory, place, listing)
        self._take_matches()

    def _listed(self, directory: int, place: Place, listing: Listing) -> None:
        dirnames, filenames = listing.dirnames, listing.filenames
        self._directories += 1
        self._entries += len(dirnames) + len(filenames)
        for error in listing.errors:
            self._failed(error)
        links = listing.links
        if not self._follow_links:
            self._links += len(links.intersection(dirnames))
        directories = [(name, self._follow_links or name not in links) for name in dirnames]
        for index, wanted in self._scan.listed(directory, place.rel, directories, filenames):
            name = dirnames[index]
            try:
                below = self._source.enter(place, name, is_link=name in links)
            except OSError as error:
                self._failed(error)
                self._scan.not_listed(wanted)
            else:
                self._stack.append((wanted, below))

    def _take_matches(self) -> None:
        for rel, pattern in self._scan.take_matches():
            try:
                path = self._source.path(rel)
            except OSError as error:
                self._failed(error)
            else:
                self._matches += 1
                self._found.append((path, pattern))


def matches(pattern: FileStructurePattern, directory: Directory) -> bool:
    """Whether one directory matches.

    Raises the `OSError` of a directory that cannot be read if it decides between yes and no.
    """
    # First, what cannot be read is taken to hold whatever is asked for. A no is then a no.
    possible, errors = _search(pattern, directory, assume=True)
    if not possible or not errors:
        return possible
    certain, _ = _search(pattern, directory, assume=False)
    if not certain:
        raise errors[0]
    return True


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
