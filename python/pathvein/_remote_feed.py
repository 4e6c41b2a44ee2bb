"""Scans and walks of what is listed from Python.

A store that can be is listed flat (`pathvein._keys.scan`); anything else one directory per
request, several at a time (`pathvein._workers`): the core says which directories it needs.
"""

from __future__ import annotations

import errno
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pathvein_core import ExcludeRules, FileStructurePattern, KeyScan, KeyWalk, ListingScan, Stats

from pathvein._background import SLICE
from pathvein._errors import ScanWarning, frames_inside
from pathvein._keys.lister import Disordered, FlatDenied, Store, Unfit
from pathvein._keys.scan import KeyFeed
from pathvein._listing import Listing, is_gone, noted
from pathvein._workers import Done, Job, open_workers

if TYPE_CHECKING:
    from upath import UPath

    from pathvein._remote import Excluded, Place, RemoteSource
    from pathvein._stream import Feed

#: A directory's path, its directories' names, its files' names.
Directory = tuple["UPath", list[str], list[str]]


def open_scan(
    source: RemoteSource,
    patterns: list[FileStructurePattern],
    *,
    exclude: ExcludeRules,
    max_depth: int | None,
    follow_links: bool,
) -> Feed:
    """The feed of a scan: matches as UPath and the pattern's position.

    Raises the `OSError` of a source that cannot be listed.
    """

    def match(found: tuple[str, int]) -> tuple[UPath, int]:
        return source.path(found[0]), found[1]

    feed, reason = _open_flat(
        source, lambda: KeyScan(patterns, source.name, max_depth, exclude), match
    )
    if feed is None:
        feed = RemoteFeed(
            source, patterns, exclude=exclude, max_depth=max_depth, follow_links=follow_links
        )
    if reason is not None:
        _warn(source, reason)
    return feed


def walk(
    source: RemoteSource,
    *,
    exclude: ExcludeRules,
    max_depth: int | None,
    follow_links: bool,
    on_error: Callable[[OSError], object],
) -> Iterator[Directory]:
    """Walks a source, flat if that can be."""

    def directory(found: tuple[str, list[str], list[str]]) -> Directory:
        return source.path(found[0]), found[1], found[2]

    feed, reason = _open_flat(source, lambda: KeyWalk(max_depth, exclude), directory)
    if feed is None:
        for listed in walk_remote(
            source,
            max_depth=max_depth,
            follow_links=follow_links,
            excluded=exclude.is_excluded if exclude else None,
            on_error=on_error,
        ):
            if reason is not None:
                _warn(source, reason)
                reason = None
            yield listed
        return
    try:
        if reason is not None:
            _warn(source, reason)
        ended = False
        while not ended:
            found, errors, ended = feed.next_batch(SLICE)
            for error in errors:
                on_error(error)
            yield from found
    finally:
        feed.close()


def _open_flat(
    source: RemoteSource, keys: Callable[[], KeyScan | KeyWalk], convert: Callable[[Any], Any]
) -> tuple[Feed | None, str | None]:
    """What lists a source flat, if that can be.

    And what is to be told once it is listed: why that is not by obstore, though it should be.
    """
    reason = None
    try:
        if source.lister == "obstore":
            other = source.open_obstore()
            if isinstance(other, str):
                _warn(source, other)
            else:
                try:
                    return _TwoWays(source, other, keys, convert), None
                except Unfit as unfit:
                    _warn(source, str(unfit))
                except Disordered:
                    _warn(source, "its keys are not sorted")
                    raise
                except FlatDenied:
                    # Perhaps nobody is let in: then that is the error, and no warning.
                    reason = "it is denied a flat listing"
        if source.store is not None and source.store.flat:
            return KeyFeed(source, source.store, keys(), convert), reason
    except (FlatDenied, Disordered):
        pass
    return None, reason


def _warn(source: RemoteSource, reason: str) -> None:
    message = f"{source.url()!r} is listed by its own file system and not by obstore: {reason}"
    warnings.warn(message, ScanWarning, stacklevel=frames_inside())


class _TwoWays:
    """A feed that begins with obstore, and begins again if that turns out not to do."""

    def __init__(
        self,
        source: RemoteSource,
        store: Store,
        keys: Callable[[], KeyScan | KeyWalk],
        convert: Callable[[Any], Any],
    ) -> None:
        self._source = source
        self._keys = keys
        self._convert = convert
        self._feed = KeyFeed(source, store, keys(), convert, may_restart=True)
        self._first = True

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """See :class:`pathvein._stream.Feed`."""
        try:
            return self._feed.next_batch(seconds)
        except Unfit as reason:
            store = self._source.store
            if not self._first or store is None:
                raise
            self._first = False
            self._feed.close()
            _warn(self._source, str(reason))
            try:
                self._feed = KeyFeed(
                    self._source, store, self._keys(), self._convert, before=self._feed
                )
            except (FlatDenied, Disordered) as error:
                # obstore could list it flat, to the keys that break it.
                failure = OSError(errno.EIO, "it cannot be listed flat", self._source.url())
                raise noted(failure, "listing it again without obstore") from error
            return [], [], False

    def stats(self) -> Stats:
        """See :class:`pathvein._stream.Feed`."""
        return self._feed.stats()

    def close(self) -> None:
        """See :class:`pathvein._stream.Feed`."""
        self._feed.close()


class RemoteFeed:
    """The feed of a scan whose source is listed one directory at a time."""

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
        self._workers = open_workers(source, exclude.is_excluded if exclude else None)
        # The source is listed at once: if that fails, the scan does not even begin.
        top = Job(self._scan.source(source.name), source.top(follow_links=follow_links))
        self._workers.submit(top)
        try:
            while not (listed := self._workers.take(SLICE)):
                pass
            [done] = listed
            if done.listing is None:
                assert done.error is not None
                raise done.error
            self._listed(done.job.number, top.place, done.listing)
            self._take_matches()
        except BaseException:
            self.close()
            raise

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """See :class:`pathvein._stream.Feed`."""
        deadline = time.monotonic() + seconds
        while self._workers.busy and not (self._found or self._errors):
            for done in self._workers.take(min(SLICE, max(deadline - time.monotonic(), 0))):
                self._visited(done)
            if time.monotonic() >= deadline:
                break
        found, self._found = self._found, []
        errors, self._errors = self._errors, []
        return found, errors, not self._workers.busy

    def stats(self) -> Stats:
        """See :class:`pathvein._stream.Feed`."""
        return Stats(
            directories=self._directories,
            entries=self._entries,
            matches=self._matches,
            errors=self._error_count,
            links_not_followed=self._links,
            requests=self._source.tally.requests,
            retries=self._source.tally.retries,
        )

    def close(self) -> None:
        """See :class:`pathvein._stream.Feed`."""
        self._workers.close()

    def __del__(self) -> None:
        if hasattr(self, "_workers"):
            self.close()

    def _failed(self, error: OSError) -> None:
        self._error_count += 1
        self._errors.append(error)

    def _visited(self, done: Done) -> None:
        number, error = done.job.number, done.error
        if done.place is not None and done.listing is not None:
            self._listed(number, done.place, done.listing)
        elif not isinstance(error, OSError):
            assert error is not None
            raise error
        elif done.place is not None and is_gone(error):
            self._scan.absent(number)
        else:
            self._failed(error)
            self._scan.not_listed(number)
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
            self._workers.submit(Job(wanted, place, name, name in links))

    def _take_matches(self) -> None:
        for rel, pattern in self._scan.take_matches():
            try:
                path = self._source.path(rel)
            except OSError as error:
                self._failed(error)
            else:
                self._matches += 1
                self._found.append((path, pattern))


def walk_remote(
    source: RemoteSource,
    *,
    max_depth: int | None = None,
    follow_links: bool = False,
    excluded: Excluded | None = None,
    on_error: Callable[[OSError], object] = lambda error: None,
) -> Iterator[Directory]:
    """Walks a source one directory per request, several at a time.

    Directories come before those below them. Names removed from the list of directory names
    in place are not entered. `excluded` is given each entry's relative path and whether it is
    a directory; what it holds for is neither listed nor entered. `max_depth` 0 gives the
    source alone. Links are entered only with `follow_links`, loops never.

    The source's own failure is raised, each other one handed to `on_error`. A directory that
    is gone when it is opened is left out.
    """
    workers = open_workers(source, excluded)
    workers.submit(Job(0, source.top(follow_links=follow_links)))
    try:
        while workers.busy:
            for done in workers.take(SLICE):
                place, listing, error = done.place, done.listing, done.error
                path = None
                if place is not None and listing is not None:
                    try:
                        path = source.path(place.rel)
                    except OSError as unaddressable:
                        error = unaddressable
                if place is None or listing is None or path is None:
                    assert error is not None
                    if not isinstance(error, OSError) or done.job.number == 0:
                        raise error
                    if place is None or not is_gone(error):
                        on_error(error)
                    continue
                for problem in listing.errors:
                    on_error(problem)
                dirnames = listing.dirnames
                yield path, dirnames, listing.filenames
                if max_depth is not None and _depth(place) >= max_depth:
                    continue
                for name in reversed(dirnames):
                    is_link = name in listing.links
                    if follow_links or not is_link:
                        workers.submit(Job(1, place, name, is_link))
    finally:
        workers.close()


def _depth(place: Place) -> int:
    return place.rel.count("/") + 1 if place.rel else 0
