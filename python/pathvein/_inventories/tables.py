"""The rows of an inventory's files: CSV, ORC and Parquet."""

from __future__ import annotations

import errno
import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import pyarrow
import pyarrow.compute

from pathvein._inventories.manifest import normal
from pathvein._listing import noted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathvein._inventories.manifest import Columns, CsvForm, Inventory

    Choice = Callable[[list[str]], dict[str, str]]

__all__ = ["as_text", "current_keys", "decoded", "rows_of"]

#: Rows in a batch.
_BATCH_SIZE = 1 << 17
#: Bytes of CSV in a batch.
_CSV_BLOCK = 8 << 20
_GZIP = b"\x1f\x8b"
_ESCAPES = re.compile(rb"%[0-9A-Fa-f]{2}").findall


def rows_of(path: str, url: str, inventory: Inventory) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a file on this machine, of those columns that mean something, by normal names.

    Raises the `OSError` of a file that cannot be read to its end as what it should be.
    """
    wanted = inventory.columns.names()
    key = inventory.columns.key
    rows = {"csv": _csv_rows, "orc": _orc_rows, "parquet": _parquet_rows}[inventory.format]

    def chosen(names: list[str]) -> dict[str, str]:
        """The columns to read, by their names in the file, and their normal names."""
        found = {name: normal(name) for name in names if normal(name) in wanted}
        if key not in found.values():
            raise ValueError(f"there is no column {key!r} among {', '.join(names)}")
        return found

    try:
        for batch in rows(path, chosen, inventory.csv):
            keys = batch.column(key)
            if keys.null_count:
                raise pyarrow.ArrowInvalid("a key is null")
            yield batch
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        text = str(error).partition("\n")[0]
        what = {"csv": "CSV", "orc": "ORC", "parquet": "Parquet"}[inventory.format]
        raise _unreadable(url, f"it cannot be read as {what} to its end: {text}") from error


def _parquet_rows(path: str, choose: Choice, form: CsvForm) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        chosen = choose(file.schema_arrow.names)
        for batch in file.iter_batches(_BATCH_SIZE, columns=list(chosen)):
            yield batch.rename_columns([chosen[name] for name in batch.schema.names])


def _orc_rows(path: str, choose: Choice, form: CsvForm) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow.orc

    file = pyarrow.orc.ORCFile(path)
    chosen = choose(file.schema.names)
    for stripe in range(file.nstripes):
        batch = file.read_stripe(stripe, columns=list(chosen))
        yield batch.rename_columns([chosen[name] for name in batch.schema.names])


def _csv_rows(path: str, choose: Choice, form: CsvForm) -> Iterator[pyarrow.RecordBatch]:
    from pyarrow import csv

    with open(path, "rb") as file:
        start = file.read(2)
    if not start and form.names is not None:
        return
    compression = "gzip" if start == _GZIP else None
    if form.names is not None:
        names = list(form.names)
    else:
        with pyarrow.input_stream(path, compression=compression) as stream:
            names = _header(stream, form)
    chosen = choose(names)
    with pyarrow.input_stream(path, compression=compression) as stream:
        try:
            reader = csv.open_csv(
                stream,
                csv.ReadOptions(
                    column_names=None if form.names is None else names,
                    block_size=_CSV_BLOCK,
                ),
                csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
                csv.ConvertOptions(
                    include_columns=list(chosen),
                    column_types=dict.fromkeys(chosen, pyarrow.binary()),
                    check_utf8=False,
                ),
            )
        except pyarrow.ArrowInvalid as error:
            # What was compressed may be empty.
            if form.names is not None and str(error) == "Empty CSV file":
                return
            raise
        for batch in reader:
            yield batch.rename_columns([chosen[name] for name in batch.schema.names])


def _header(stream: Any, form: CsvForm) -> list[str]:
    """The names in the first row."""
    from pyarrow import csv

    reader = csv.open_csv(
        stream,
        csv.ReadOptions(block_size=_CSV_BLOCK),
        csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
        csv.ConvertOptions(check_utf8=False),
    )
    names: list[str] = reader.schema.names
    return names


def current_keys(batch: pyarrow.RecordBatch, columns: Columns) -> pyarrow.Array:
    """The keys, as bytes, of the rows that stand for what is in the bucket now."""
    compute = pyarrow.compute
    table = dict(zip(batch.schema.names, batch.columns, strict=True))
    keys = table[columns.key].cast(pyarrow.binary())
    if columns.is_directory in table:
        is_directory = compute.fill_null(_truths(table[columns.is_directory]), False)
        marked = compute.binary_join_element_wise(keys, b"/", b"")
        keys = compute.if_else(is_directory, marked, keys)
    conditions = [_is_empty(table[name]) for name in columns.must_be_empty if name in table]
    if columns.is_current in table:
        has_no_version = _is_empty(table[columns.version]) if columns.version in table else True
        current = _truths(table[columns.is_current])
        conditions.append(compute.if_else(compute.is_null(current), has_no_version, current))
    if columns.is_deleted in table:
        deleted = compute.fill_null(_truths(table[columns.is_deleted]), False)
        conditions.append(compute.invert(deleted))
    if not conditions:
        return keys
    return keys.filter(functools.reduce(compute.and_, conditions))


def _truths(column: pyarrow.Array) -> pyarrow.Array:
    """A column as truths; null where it is empty."""
    compute = pyarrow.compute
    if pyarrow.types.is_boolean(column.type) or pyarrow.types.is_null(column.type):
        return column.cast(pyarrow.bool_())
    text = compute.ascii_lower(column.cast(pyarrow.string()))
    nothing = pyarrow.scalar(None, pyarrow.bool_())
    return compute.if_else(compute.equal(text, ""), nothing, compute.equal(text, "true"))


def _is_empty(column: pyarrow.Array) -> pyarrow.Array:
    """Where a column has no value, or no text."""
    compute = pyarrow.compute
    empty = compute.is_null(column)
    kind = column.type
    if pyarrow.types.is_binary(kind) or pyarrow.types.is_string(kind):
        text = compute.fill_null(column.cast(pyarrow.binary()), b"")
        empty = compute.equal(compute.binary_length(text), 0)
    return empty


def decoded(keys: pyarrow.Array) -> pyarrow.Array:
    """The keys that are URL-encoded, with ``+`` for a blank, as bytes.

    All keys of a batch are decoded as one text, by replacing each escape that occurs.
    """
    compute = pyarrow.compute
    if not len(keys):
        return keys
    ends = pyarrow.array([0, len(keys)], pyarrow.int32())
    joined = compute.binary_join(pyarrow.ListArray.from_arrays(ends, keys), b"\n")
    text: bytes = joined[0].as_py()
    escapes = _ESCAPES(text)
    if len(escapes) != text.count(b"%") or text.count(b"\n") != len(keys) - 1:
        # Written by something else. What is no escape stands for itself.
        singly = [unquote_to_bytes(key.replace(b"+", b" ")) for key in keys.to_pylist()]
        return pyarrow.array(singly, pyarrow.binary())
    text = text.replace(b"+", b" ")
    kinds = set(escapes)
    newlines = {kind for kind in kinds if kind.upper() == b"%0A"}
    for kind in kinds - newlines - {b"%25"}:
        text = text.replace(kind, unquote_to_bytes(kind))
    if newlines:
        # It ends a key here, so it comes in once they are apart, and before there may be new `%`.
        lines = text.split(b"\n")
        for kind in newlines:
            lines = [line.replace(kind, b"\n") for line in lines]
        return pyarrow.array([line.replace(b"%25", b"%") for line in lines], pyarrow.binary())
    # The last, so that nothing takes what it makes for an escape.
    text = text.replace(b"%25", b"%")
    whole = pyarrow.array([text], pyarrow.large_binary())
    return compute.split_pattern(whole, b"\n").flatten().cast(pyarrow.binary())


def as_text(keys: pyarrow.Array, url: str) -> pyarrow.Array:
    """Keys of a file as text, which they are in all of these stores. Raises `OSError`."""
    try:
        return keys.cast(pyarrow.string())
    except pyarrow.ArrowInvalid as error:
        raise _unreadable(url, "a key is no UTF-8") from error


def _unreadable(url: str, text: str) -> OSError:
    return noted(OSError(errno.EIO, text, url), "reading the inventory")
