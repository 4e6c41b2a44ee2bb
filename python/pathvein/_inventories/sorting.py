"""Keys sorted on disk, with DuckDB, in as much memory as it is given."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

try:
    import duckdb
    import pyarrow
except ImportError as error:
    raise ImportError(
        "to sort keys on disk takes DuckDB and pyarrow: pip install 'pathvein[inventory]'",
        name=error.name,
    ) from error

from pathvein._arguments import memory_in_bytes

if TYPE_CHECKING:
    from pathvein._types import Self

__all__ = ["SortedBatches", "sorted_batches"]

#: The keys in a batch that comes out: large enough that a batch costs nothing beside its keys.
_BATCH_SIZE = 1 << 17
#: What each of DuckDB's threads needs to sort, so that it does not run out of memory itself.
_BYTES_PER_THREAD = 128 << 20


def sorted_batches(
    batches: Iterable[pyarrow.Array],
    *,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
) -> SortedBatches:
    """Sort keys by their bytes.

    What does not fit in memory goes to a folder of its own, which is removed at the end of the
    iteration, when it is closed or deleted, and after any error.

    Args:
        batches: Arrow arrays of text or bytes, of any size, without nulls. All are taken before
            the first comes out, in another thread. If the first is text, so must be the others;
            it is sorted faster.
        memory_limit: What DuckDB may use: bytes, or a text such as ``"1GB"``. `None`: four fifths
            of the memory.
        temporary_directory: The directory that the folder is made in. `None`: that of `tempfile`.

    Returns:
        An iterator over arrays of type ``binary``, in order. Equal keys come as often as they
        came.

    Raises:
        MemoryError: The limit is too small.
        OSError: The folder cannot be made or written.
        ValueError: A key is null, or is no text where the first is.
        Exception: What `batches` raises.

    Example:
        >>> import pyarrow
        >>> [array.to_pylist() for array in sorted_batches([pyarrow.array(["b", "a"])])]
        [[b'a', b'b']]
    """
    return SortedBatches(batches, memory_limit, temporary_directory)


class SortedBatches(Iterator[pyarrow.Array]):
    """An iterator over sorted keys, and a context manager that closes it."""

    def __init__(
        self,
        batches: Iterable[pyarrow.Array],
        memory_limit: int | str | None,
        temporary_directory: str | os.PathLike[str] | None,
    ) -> None:
        config: dict[str, Any] = {"preserve_insertion_order": False}
        if memory_limit is not None:
            limit = memory_in_bytes(memory_limit)
            config["memory_limit"] = f"{limit}B"
            threads = os.cpu_count() or 1
            config["threads"] = max(1, min(threads, limit // _BYTES_PER_THREAD))
        self._batches = iter(batches)
        #: What `batches` has raised: DuckDB would tell only its text.
        self._failure: BaseException | None = None
        self._reader: Any = None
        self._connection: Any = None
        self._interrupted = False
        self._folder = tempfile.TemporaryDirectory(
            prefix="pathvein-", dir=temporary_directory, ignore_cleanup_errors=True
        )
        try:
            config["temp_directory"] = self._folder.name
            self._connection = duckdb.connect(":memory:", config=config)
        except BaseException:
            self.close()
            raise

    def _taken(self, first: pyarrow.Array, kind: pyarrow.DataType) -> Iterator[pyarrow.RecordBatch]:
        try:
            for array in itertools.chain([first], self._batches):
                if self._interrupted:
                    return
                if array.null_count:
                    raise ValueError("a key is null")
                yield pyarrow.record_batch([array.cast(kind)], names=["key"])
        except BaseException as error:
            self._failure = error
            raise

    def _start(self) -> None:
        first = next(self._batches, None)
        if first is None:
            raise StopIteration
        # DuckDB's order is that of the bytes for both, and it needs a third less time for text.
        is_text = pyarrow.types.is_string(first.type) or pyarrow.types.is_large_string(first.type)
        kind = pyarrow.string() if is_text else pyarrow.binary()
        schema = pyarrow.schema([("key", kind)])
        keys = pyarrow.RecordBatchReader.from_batches(schema, self._taken(first, kind))
        self._connection.register("keys", keys)
        sort = self._connection.sql("SELECT key FROM keys ORDER BY key")
        # The name before DuckDB 1.5.
        read = getattr(sort, "to_arrow_reader", None) or sort.fetch_arrow_reader
        self._reader = read(_BATCH_SIZE)

    def __next__(self) -> pyarrow.Array:
        if self._connection is None:
            raise StopIteration
        try:
            if self._reader is None:
                self._start()
            return self._reader.read_next_batch().column(0).cast(pyarrow.binary())
        except StopIteration:
            self.close()
            if self._interrupted:
                raise InterruptedError(errno.EINTR, "the sorting was interrupted") from None
            raise
        except BaseException as error:
            folder = self._folder.name
            self.close()
            raise self._meaning(error, folder) from error

    def _meaning(self, error: BaseException, folder: str) -> BaseException:
        """What to raise for an error of DuckDB or Arrow."""
        failure, self._failure = self._failure, None
        text = str(error).partition("\n")[0]  # DuckDB goes on with advice on its settings
        if failure is not None:
            return failure
        if self._interrupted:
            return InterruptedError(errno.EINTR, "the sorting was interrupted")
        if type(error) is RuntimeError and text == "Query interrupted":
            # While it works in the main thread DuckDB looks for signals. What the handler of
            # Ctrl-C raises it drops.
            return KeyboardInterrupt()
        if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in text:
            return MemoryError(f"the memory limit is too small to sort the keys: {text}")
        if isinstance(error, duckdb.IOException) or "IO Error" in text:
            code = errno.ENOSPC if "No space left" in text else errno.EIO
            return OSError(code, f"{os.strerror(code)}: {text}", folder)
        return error

    def interrupt(self) -> None:
        """End the wait for the next keys in another thread, with an `InterruptedError`."""
        self._interrupted = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(duckdb.Error):  # it may have been closed meanwhile
                connection.interrupt()

    def close(self) -> None:
        """Remove what is on disk. The iteration ends. Not while another thread waits for keys."""
        reader, self._reader = self._reader, None
        connection, self._connection = self._connection, None
        try:
            if reader is not None:
                reader.close()
            if connection is not None:
                connection.close()
        finally:
            del reader
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        # The constructor may have raised before there was a folder.
        if "_folder" in vars(self):
            self.close()
