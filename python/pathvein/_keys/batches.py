"""Keys from any iterable, and from the columns of Arrow, pandas and polars.

A batch is a function that passes keys to a `KeyStream` or a `KeySorter`. Columns stay in Arrow's
memory: there is no Python object for a key.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from pathvein._arguments import wrong_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein_core import KeySorter, KeyStream

    from pathvein._types import Any

    Batch = Callable[[KeyStream | KeySorter], None]

__all__ = ["BATCH_SIZE", "Lists", "batches_of", "pass_array"]

#: Keys in a batch: enough that a batch costs nothing beside them, few enough that they stay in the
#: processor's cache.
BATCH_SIZE = 1 << 14
#: Seconds that a batch may take to come, before smaller ones are taken. Results do not wait for a
#: pipe that has few keys now and then.
_BATCH_TIME = 0.02
_EXPECTED = "an iterable of str or bytes, or a column of them"


class Lists:
    """Keys that come in lists, each as soon as it is there."""

    def __init__(self, lists: Iterator[list[Any]]) -> None:
        self.lists = lists


def batches_of(keys: object) -> Iterator[Batch]:
    """The batches of an argument. Raises `TypeError` if it is neither an iterable nor a column."""
    if isinstance(keys, Lists):
        return (_of_list(batch) for batch in keys.lists)
    column = _column(keys)
    if column is not None:
        return _of_column(column)
    if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
        raise wrong_type("keys", _EXPECTED, keys)
    return _of_objects(iter(keys))


def _of_objects(keys: Iterator[str | bytes]) -> Iterator[Batch]:
    size = 1
    while True:
        began = time.monotonic()
        batch = list(itertools.islice(keys, size))
        if not batch:
            return
        if time.monotonic() - began > _BATCH_TIME:
            size = max(size // 2, 1)
        else:
            size = min(size * 2, BATCH_SIZE)
        yield _of_list(batch)


def _of_list(batch: list[str | bytes]) -> Batch:
    return lambda taker: taker.keys(batch)


def _column(keys: Any) -> Any:
    """A column as a `pyarrow.ChunkedArray`; `None` if it is none.

    A column of Python's objects is none: these are taken as those of a list are.
    """
    pyarrow: Any = sys.modules.get("pyarrow")
    pandas: Any = sys.modules.get("pandas")
    polars: Any = sys.modules.get("polars")
    if polars is not None and isinstance(keys, polars.Series) and keys.dtype == polars.Object:
        return None  # what Arrow gets of it are addresses
    if pyarrow is not None and isinstance(keys, pyarrow.Array | pyarrow.ChunkedArray):
        return pyarrow.chunked_array([keys]) if isinstance(keys, pyarrow.Array) else keys
    if pandas is not None and isinstance(keys, pandas.Series | pandas.Index):
        if not pandas.api.types.is_extension_array_dtype(keys.dtype):
            return None
        pyarrow = import_module("pyarrow")
        array = pyarrow.array(keys.array, from_pandas=True)
        return pyarrow.chunked_array([array]) if isinstance(array, pyarrow.Array) else array
    if hasattr(keys, "__arrow_c_stream__") or hasattr(keys, "__arrow_c_array__"):
        try:
            pyarrow = import_module("pyarrow")
        except ImportError:
            return None  # it may be iterable
        if hasattr(keys, "__arrow_c_stream__"):
            try:
                return pyarrow.chunked_array(keys)
            except OSError:
                if polars is None or not isinstance(keys, polars.Series):
                    raise
                # Categories, as old versions of polars give them.
                return pyarrow.chunked_array([keys.to_arrow()])
        return pyarrow.chunked_array([pyarrow.array(keys)])
    return None


def _of_column(column: Any) -> Iterator[Batch]:
    if column.null_count:
        raise ValueError("a key is null")
    import pyarrow

    for chunk in column.iterchunks():
        values = None
        if pyarrow.types.is_dictionary(chunk.type):
            values, chunk = _without_views(chunk.dictionary), chunk.indices
        for first in range(0, len(chunk), BATCH_SIZE):
            array = chunk.slice(first, BATCH_SIZE)
            if values is not None:
                array = values.take(array)
            yield lambda taker, array=array: pass_array(taker, array)  # type: ignore[misc]


def _without_views(array: Any) -> Any:
    """The array, with its values in one piece."""
    import pyarrow

    if pyarrow.types.is_string_view(array.type) or pyarrow.types.is_binary_view(array.type):
        is_text = pyarrow.types.is_string_view(array.type)
        kind = pyarrow.large_string() if is_text else pyarrow.large_binary()
        try:
            return array.cast(kind)
        except pyarrow.ArrowNotImplementedError:  # before pyarrow 18
            return pyarrow.array(array.to_pylist(), kind)
    if pyarrow.types.is_fixed_size_binary(array.type):
        return array.cast(pyarrow.binary())
    return array


def pass_array(taker: KeyStream | KeySorter, array: Any) -> None:
    """Pass the keys of a `pyarrow.Array` without nulls.

    Raises `TypeError` if it is neither one of text nor of bytes.
    """
    import pyarrow

    types = pyarrow.types
    array = _without_views(array)
    wide = types.is_large_string(array.type) or types.is_large_binary(array.type)
    if not (wide or types.is_string(array.type) or types.is_binary(array.type)):
        raise TypeError(f"keys must be a column of text or bytes, not of {array.type}")
    if array.null_count:
        raise ValueError("a key is null")
    if not len(array):
        return
    is_bytes = types.is_large_binary(array.type) or types.is_binary(array.type)
    if is_bytes and sys.getfilesystemencoding() != "utf-8":
        taker.keys(array.to_pylist())  # they are text in another encoding
        return
    width = 8 if wide else 4
    _, offsets, values = array.buffers()
    begin = array.offset * width
    ends = memoryview(offsets).cast("B")[begin : begin + (len(array) + 1) * width]
    first = int.from_bytes(ends[:width], sys.byteorder)
    last = int.from_bytes(ends[-width:], sys.byteorder)
    text = memoryview(values).cast("B")[first:last] if values is not None else b""
    taker.arrow(ends, text, wide=wide)
