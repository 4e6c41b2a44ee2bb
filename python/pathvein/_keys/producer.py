"""The producer of a scan of keys."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from pathvein_core import KeySorter, KeyStream, Stats

from pathvein._keys.names import bad_key, unaddressable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._keys.batches import Batch
    from pathvein._keys.places import KeySource
    from pathvein._types import Any

__all__ = ["KeyProducer"]


class KeyProducer:
    """Finds results in keys, in the caller's thread: keys may come from objects of the caller."""

    def __init__(
        self,
        source: KeySource,
        stream: KeyStream,
        batches: Iterator[Batch | None],
        sorter: KeySorter | None,
        make_path: Callable[[str], Any],
    ) -> None:
        """`sorter`: what the keys go through before they come, if they need be sorted."""
        self._source = source
        self._stream = stream
        self._batches = batches
        self._sorter = sorter
        self._make_path = make_path
        self._found = self._error_count = 0
        self._closed = False

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        deadline = time.monotonic() + seconds
        found: list[Any] = []
        errors: list[OSError] = []
        is_last = False
        while not (self._closed or found or errors or is_last or time.monotonic() > deadline):
            try:
                batch = next(self._batches)
            except StopIteration:
                is_last = True
                self._stream.end()
            else:
                if batch is None:
                    continue
                batch(self._stream)
            self._source.begins_with((self._sorter or self._stream).source())
            self._take(found, errors)
        return found, errors, is_last or self._closed

    def _take(self, found: list[Any], errors: list[OSError]) -> None:
        results, bad = self._stream.take()
        wrong = [self._bad(key) for key in bad]
        for rel, *rest in results:
            try:
                found.append((self._make_path(rel), *rest))
            except OSError as error:
                wrong.append(error)
            else:
                # A candidate of a check that lacks something is no match.
                self._found += len(rest) == 1 or not rest[1]
        self._error_count += len(wrong)
        errors += wrong

    def _bad(self, key: str) -> OSError:
        if key.startswith("../") and self._source.front == "/":
            reason = "it begins with '..': list the tree by an absolute path instead"
            return unaddressable(self._source.text(".."), reason)
        return bad_key(self._source.text, key)

    def stats(self) -> Stats:
        directories, entries, keys = self._stream.counts()
        return Stats(
            directories=directories,
            entries=entries,
            matches=self._found,
            errors=self._error_count,
            keys=max(keys, len(self._sorter or ())),
        )

    def close(self) -> None:
        self._closed = True
        close = getattr(self._batches, "close", None)
        if close is not None:
            # Another thread may wait for keys, and will see that it is closed.
            with contextlib.suppress(ValueError):
                close()
