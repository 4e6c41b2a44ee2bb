"""Scans and walks of a source that is listed directory by directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pathvein_core import ExcludeRules, FileStructurePattern, ListingScan, Stats

from pathvein._listing import Listing, is_gone
from pathvein._remote.directories.lister import (
    Directory,
    DirectoryLister,
    Done,
    Excluded,
    Job,
    source_directory,
)
from pathvein._remote.loop import WAIT_SLICE

if TYPE_CHECKING:
    from upath import UPath

    from pathvein._remote.source import RemoteSource


class DirectoryProducer:
    """The producer of a scan: the core says which directories it needs."""

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
        self._lister = DirectoryLister(source, exclude.is_excluded if exclude else None)
        # The source is listed at once: if that fails, the scan does not even begin.
        top = source_directory(source, follow_links=follow_links)
        self._lister.submit(Job(self._scan.source(source.name), top))
        try:
            while not (listed := self._lister.take(WAIT_SLICE)):
                pass
            [done] = listed
            if done.listing is None:
                assert done.error is not None
                raise done.error
            self._listed(done.job.number, top, done.listing)
            self._take_matches()
        except BaseException:
            self.close()
            raise

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """See :class:`pathvein._stream.Producer`."""
        deadline = time.monotonic() + seconds
        while self._lister.busy and not (self._found or self._errors):
            for done in self._lister.take(min(WAIT_SLICE, max(deadline - time.monotonic(), 0))):
                self._visited(done)
            if time.monotonic() >= deadline:
                break
        found, self._found = self._found, []
        errors, self._errors = self._errors, []
        return found, errors, not self._lister.busy

    def stats(self) -> Stats:
        """See :class:`pathvein._stream.Producer`."""
        counts = self._source.adapter.counts
        return Stats(
            directories=self._directories,
            entries=self._entries,
            matches=self._matches,
            errors=self._error_count,
            links_not_followed=self._links,
            requests=counts.requests,
            retries=counts.retries,
        )

    def close(self) -> None:
        """See :class:`pathvein._stream.Producer`."""
        self._lister.close()

    def __del__(self) -> None:
        if hasattr(self, "_lister"):
            self.close()

    def _failed(self, error: OSError) -> None:
        self._error_count += 1
        self._errors.append(error)

    def _visited(self, done: Done) -> None:
        number, error = done.job.number, done.error
        if done.directory is not None and done.listing is not None:
            self._listed(number, done.directory, done.listing)
        elif not isinstance(error, OSError):
            assert error is not None
            raise error
        elif done.directory is not None and is_gone(error):
            self._scan.absent(number)
        else:
            self._failed(error)
            self._scan.not_listed(number)
        self._take_matches()

    def _listed(self, number: int, directory: Directory, listing: Listing) -> None:
        dirnames, filenames = listing.dirnames, listing.filenames
        self._directories += 1
        self._entries += len(dirnames) + len(filenames)
        for error in listing.errors:
            self._failed(error)
        links = listing.links
        if not self._follow_links:
            self._links += len(links.intersection(dirnames))
        enterable = [(name, self._follow_links or name not in links) for name in dirnames]
        for index, wanted in self._scan.listed(number, directory.rel, enterable, filenames):
            name = dirnames[index]
            self._lister.submit(Job(wanted, directory, name, name in links))

    def _take_matches(self) -> None:
        for rel, pattern in self._scan.take_matches():
            try:
                path = self._source.path(rel)
            except OSError as error:
                self._failed(error)
            else:
                self._matches += 1
                self._found.append((path, pattern))


def walk_directories(
    source: RemoteSource,
    *,
    max_depth: int | None = None,
    follow_links: bool = False,
    excluded: Excluded | None = None,
    on_error: Callable[[OSError], object] = lambda error: None,
) -> Iterator[tuple[UPath, list[str], list[str]]]:
    """Walk a source: each directory's path, its directories' names, its files' names.

    Directories come before those below them. Names that are removed from the list of directories
    are not entered. `excluded` is given each entry's relative path and whether it is a directory;
    what it holds for is neither listed nor entered. `max_depth` 0 gives the source alone. Links
    are entered only with `follow_links`, loops never.

    The source's own failure is raised, each other one handed to `on_error`. A directory that is
    gone when it is opened is left out.
    """
    lister = DirectoryLister(source, excluded)
    lister.submit(Job(0, source_directory(source, follow_links=follow_links)))
    try:
        while lister.busy:
            for done in lister.take(WAIT_SLICE):
                directory, listing, error = done.directory, done.listing, done.error
                path = None
                if directory is not None and listing is not None:
                    try:
                        path = source.path(directory.rel)
                    except OSError as unaddressable:
                        error = unaddressable
                if directory is None or listing is None or path is None:
                    assert error is not None
                    if not isinstance(error, OSError) or done.job.number == 0:
                        raise error
                    if directory is None or not is_gone(error):
                        on_error(error)
                    continue
                for problem in listing.errors:
                    on_error(problem)
                dirnames = listing.dirnames
                yield path, dirnames, listing.filenames
                depth = directory.rel.count("/") + 1 if directory.rel else 0
                if max_depth is not None and depth >= max_depth:
                    continue
                for name in reversed(dirnames):
                    is_link = name in listing.links
                    if follow_links or not is_link:
                        lister.submit(Job(1, directory, name, is_link))
    finally:
        lister.close()
