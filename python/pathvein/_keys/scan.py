"""Scans and walks of stores that are listed flat: pages of keys, handed to the core.

A :class:`KeyFeed` lists a store (`pathvein._stores`) with a `KeyLister`, which hands the keys to
the core's `KeyScan` or `KeyWalk`. All of that runs on the loop of the file system. The caller only
takes what was found, and makes paths of it.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pathvein_core import KeyScan, KeyWalk, Stats

from pathvein._background import Background
from pathvein._keys.lister import Disordered, FlatDenied, KeyLister, Store, Unfit
from pathvein._listing import noted
from pathvein._remote_errors import os_error
from pathvein._retry import Tally

if TYPE_CHECKING:
    from pathvein._remote import RemoteSource


class KeyFeed:
    """The feed of a scan, or of a walk, whose source is listed flat.

    `convert` makes a result of what the core found, and raises the `OSError` if it cannot. A feed
    that `may_restart` remembers its results. Another feed that is made with it as `before` leaves
    these out, and goes on counting.

    Raises the `OSError` of a source that cannot be listed; `Unfit`, `FlatDenied` or `Disordered`
    if it can perhaps be listed in another way. `next_batch` may raise `Unfit`, too.
    """

    def __init__(
        self,
        source: RemoteSource,
        store: Store,
        keys: KeyScan | KeyWalk,
        convert: Callable[[Any], Any],
        *,
        may_restart: bool = False,
        before: KeyFeed | None = None,
    ) -> None:
        self._keys = keys
        self._convert = convert
        self._counts = source.tally
        self._found: int = before._found if before else 0
        self._error_count: int = before._error_count if before else 0
        #: Hashes of the results, to save memory.
        self._remembered = array("q") if may_restart else None
        self._left_out = frozenset((before and before._remembered) or ())
        self._is_scan = isinstance(keys, KeyScan)
        self._process = os.getpid()
        self._closed = False
        work = _Work(source, store, keys, self._counts)
        self._background = Background(source.fs.loop, work.run)
        try:
            try:
                self._background.wait_for_begin()
            except (Unfit, FlatDenied, Disordered, MemoryError):
                raise
            except Exception as error:
                raise os_error(error, source.url(), "reading the directory") from error
            if not work.exists:
                source.check_source()
        except BaseException:
            self.close()
            raise

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """See :class:`pathvein._stream.Feed`."""
        if self._closed:
            return [], [], True
        if os.getpid() != self._process:
            raise RuntimeError("a running scan cannot be taken into another process")
        items, errors, ended = self._background.take(seconds)
        found = []
        for item in items:
            if self._remembered is not None or self._left_out:
                # A path, and in a scan the position of a pattern.
                known = hash(item[:2] if self._is_scan else item[0])
                if known in self._left_out:
                    continue
                if self._remembered is not None:
                    self._remembered.append(known)
            try:
                found.append(self._convert(item))
            except OSError as error:
                errors.append(error)
        self._found += len(found)
        self._error_count += len(errors)
        return found, errors, ended

    def stats(self) -> Stats:
        """See :class:`pathvein._stream.Feed`."""
        directories, entries, keys = self._keys.counts()
        return Stats(
            directories=directories,
            entries=entries,
            matches=self._found if self._is_scan else 0,
            errors=self._error_count,
            requests=self._counts.requests,
            keys=keys,
            retries=self._counts.retries,
        )

    def close(self) -> None:
        """See :class:`pathvein._stream.Feed`."""
        if not self._closed:
            self._closed = True
            if os.getpid() == self._process:
                self._background.close()

    def __del__(self) -> None:
        if hasattr(self, "_background"):
            self.close()


class _Work:
    """What runs on the loop. It does not know the feed, so that a feed that is dropped ends."""

    def __init__(
        self, source: RemoteSource, store: Store, keys: KeyScan | KeyWalk, counts: Tally
    ) -> None:
        self._source = source
        self._store = store
        self._keys = keys
        self._counts = counts
        self._background: Background
        #: Whether there was a key.
        self.exists = False

    async def run(self, background: Background) -> None:
        """Lists it all."""
        self._background = background
        await KeyLister(
            self._store,
            self._keys,
            concurrency=self._source.concurrency,
            counts=self._counts,
            wait_for_space=background.room,
            on_page=self._on_page,
            on_error=self._on_error,
        ).run()

    def _on_page(self, any_key: bool) -> None:
        self.exists = any_key
        found, bad = self._keys.take()
        # The first pages may be empty. Only a key, or the end, shows whether the source exists.
        if any_key or found or bad:
            self._background.put(found, [self._source.bad_key(key) for key in bad])

    def _on_error(self, error: Exception, prefix: str, after: str, end: str | None) -> None:
        failure = os_error(error, self._source.url(prefix), "reading the directory")
        failure.__cause__ = error
        if after > prefix:
            noted(failure, f"listing the keys after {after.rstrip(chr(0x10FFFF))!r}")
        if end is not None:
            noted(failure, f"listing the keys before {end!r}")
        self._background.put([], [failure])
