"""Keys in order: sorted in memory while they are few, else on disk with DuckDB."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pathvein_core import KeySorter

from pathvein._arguments import memory_in_bytes
from pathvein._keys.batches import BATCH_SIZE, pass_array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._keys.batches import Batch
    from pathvein._types import Any

__all__ = ["sorted_on_the_way"]

#: What is sorted in memory.
_MOST_KEYS = 5_000_000
_MOST_BYTES = 1 << 30


def sorted_on_the_way(
    batches: Iterator[Batch],
    sorter: KeySorter,
    memory_limit: int | str | None,
    temporary_directory: str | os.PathLike[str] | None,
) -> Iterator[Batch | None]:
    """The same keys in order, as batches for a `KeyStream`. `None`: there are none yet."""
    most_bytes = _MOST_BYTES
    if memory_limit is not None:
        most_bytes = min(most_bytes, memory_in_bytes(memory_limit))
    for batch in batches:
        batch(sorter)
        if len(sorter) > _MOST_KEYS or sorter.size() > most_bytes:
            yield from _on_disk(batches, sorter, memory_limit, temporary_directory)
            return
        yield None
    sorter.sort()
    for first in range(0, len(sorter), BATCH_SIZE):
        yield lambda taker, first=first: taker.sorted(sorter, first, BATCH_SIZE)  # type: ignore[misc]


def _on_disk(
    batches: Iterator[Batch],
    sorter: KeySorter,
    memory_limit: int | str | None,
    temporary_directory: str | os.PathLike[str] | None,
) -> Iterator[Batch]:
    """The same of keys of which some are in the sorter, and the others too many for it."""
    try:
        from pathvein._inventories.sorting import sorted_batches
    except ImportError as error:
        if error.name not in ("duckdb", "pyarrow"):
            raise
        text = f"{error}, if they are not in order (in_order, --in-order)"
        raise ImportError(text, name=error.name) from error

    def arrays() -> Iterator[Any]:
        yield from _taken(sorter)
        for batch in batches:
            batch(sorter)
            if len(sorter) >= BATCH_SIZE:
                yield from _taken(sorter)
        yield from _taken(sorter)

    with sorted_batches(
        arrays(), memory_limit=memory_limit, temporary_directory=temporary_directory
    ) as sorted_arrays:
        for array in sorted_arrays:
            yield lambda taker, array=array: pass_array(taker, array)  # type: ignore[misc]


def _taken(sorter: KeySorter) -> Iterator[Any]:
    """The keys of a sorter as arrays, without what stands in front of them."""
    import pyarrow

    count = len(sorter)
    for first in range(0, count, BATCH_SIZE):
        offsets, values = map(pyarrow.py_buffer, sorter.copy(first, BATCH_SIZE))
        length = min(BATCH_SIZE, count - first)
        buffers = [None, offsets, values]
        yield pyarrow.Array.from_buffers(pyarrow.large_binary(), length, buffers)
    sorter.clear()
