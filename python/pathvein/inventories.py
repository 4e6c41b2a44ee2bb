"""Scans and checks of inventories: the listings of a bucket that its provider makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from pathvein_core import Stats

from pathvein import _arguments, _types
from pathvein.checking import CheckIterator, CheckResult
from pathvein.lib import ScanIterator, ScanResult
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein.lib import Opened

__all__ = [
    "check_inventory",
    "icheck_inventory",
    "iscan_inventory",
    "scan_inventory",
]


def scan_inventory(
    manifest: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    prefix: str = "",
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> set[ScanResult[_types.UPath]]:
    """Find every directory of a bucket that matches a pattern, by an inventory of the bucket.

    No request is sent to the bucket. What is found is what :func:`pathvein.scan` would have found
    in the bucket at the time of the inventory: the current versions of its objects, without
    delete markers and deleted objects. It needs the extra ``inventory``.

    Nothing is found before all keys are read and sorted, so that a fault in the inventory gives
    an error, and never fewer results.

    Args:
        manifest: The manifest of the inventory, which names its files: a path, a URL or a UPath.
            Amazon S3 Inventory (CSV, ORC, Parquet), inventory reports of Google Cloud Storage
            (CSV, Parquet) and Azure blob inventory (CSV, Parquet) are told apart by it. The
            files may have been copied together with it.
        patterns: One pattern or several. Of equal ones the first is reported.
        prefix: The directory in the bucket that is scanned, such as ``"lab/2026"``; empty: the
            whole bucket. An inventory of Azure is one of an account: there it begins with a
            container, ``"container/lab"``, and each container is scanned if it is empty.
        exclude, max_depth, outermost: As for :func:`pathvein.scan`.
        memory_limit: How much memory is used to sort: bytes, or a text such as ``"1GB"``. `None`:
            four fifths of what the machine has.
        temporary_directory: Where the keys are sorted that do not fit in memory, and files lie
            that come from a store, in a folder that is removed at the end. `None`: where
            `tempfile` puts its files.
        storage_options: Options for the file system of the manifest, if it is a URL or a UPath,
            and for that of the results, as fsspec takes them.
        on_error: As for :func:`pathvein.scan`: of keys that are no paths. Faults of the inventory
            are always raised.
        progress: As for :func:`pathvein.scan`. ``stats.keys`` are the keys read so far, and
            ``stats.inventory_date`` is the inventory's date.

    Returns:
        The set of all matches, as UPaths of the bucket.

    Raises:
        OSError: A file of the inventory does not exist (`FileNotFoundError`), cannot be read, has
            another size or checksum than its manifest says, or breaks off; `filename` names it.
            Or no key lies below `prefix`.
        ValueError: It is no manifest of an inventory, or an argument has a wrong value.
        TypeError: An argument is of the wrong type; the message names it.
        MemoryError: The memory limit is too small to sort.
        ImportError: DuckDB, pyarrow or what a URL needs is not installed.

    Example:
        >>> from pathvein import FileStructurePattern, scan_inventory
        >>> scan_inventory("no/manifest.json", FileStructurePattern(files=["*.csv"]))
        Traceback (most recent call last):
            ...
        FileNotFoundError: [Errno 2] No such file or directory: '...no/manifest.json'
    """
    with iscan_inventory(**locals()) as stream:
        return set(chain.from_iterable(stream.batches()))


def iscan_inventory(
    manifest: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    prefix: str = "",
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> ScanIterator[_types.UPath]:
    """Find directories as :func:`scan_inventory` does, and yield each match as it is found.

    The arguments are those of :func:`scan_inventory`. The manifest is read by the call, the files
    in a thread; what is wrong with these is raised by the iteration.

    Returns:
        An iterator as that of :func:`pathvein.iscan`. Its ``stats.inventory_date`` is when
        the provider began to list the bucket, a `datetime` in UTC: what came later is not in the
        inventory.

    Example:
        >>> from pathvein import FileStructurePattern, iscan_inventory
        >>> def report(manifest):
        ...     with iscan_inventory(manifest, FileStructurePattern(files=["*.csv"])) as results:
        ...         print("as of", results.stats.inventory_date)
        ...         for result in results:
        ...             print(result.source)
    """
    arguments = locals()
    from pathvein._results import plain
    from pathvein.lib import scan_stream

    # The paths are made by the producer.
    stream: ScanIterator[_types.UPath]
    stream = scan_stream(plain, open_inventory(**arguments))
    return stream


def check_inventory(
    manifest: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    prefix: str = "",
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
    near: int | None = None,
) -> list[CheckResult[_types.UPath]]:
    """Tell which directories of a bucket are complete, and what others lack, by an inventory.

    Args:
        near: As for :func:`pathvein.check`.
        manifest, patterns, prefix, exclude, max_depth, outermost, memory_limit,
        temporary_directory, storage_options, on_error, progress: As for :func:`scan_inventory`.

    Returns:
        The results, as :func:`pathvein.check` has them.

    Raises:
        OSError, ValueError, TypeError, MemoryError, ImportError: As :func:`scan_inventory` does.

    Example:
        >>> from pathvein import FileStructurePattern, check_inventory
        >>> def incomplete(manifest):
        ...     run = FileStructurePattern("run_*", files=["config.json", "*.csv"])
        ...     return [result for result in check_inventory(manifest, run) if not result.complete]
    """
    with icheck_inventory(**locals()) as stream:
        return list(chain.from_iterable(stream.batches()))


def icheck_inventory(
    manifest: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    prefix: str = "",
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
    near: int | None = None,
) -> CheckIterator[_types.UPath]:
    """Check directories as :func:`check_inventory` does, and yield each result as it is found.

    Returns:
        An iterator as that of :func:`pathvein.icheck`, with ``stats.inventory_date`` as that of
        :func:`iscan_inventory`.

    Example:
        >>> from pathvein import FileStructurePattern, icheck_inventory
        >>> def first_incomplete(manifest):
        ...     run = FileStructurePattern("run_*", files=["config.json"])
        ...     with icheck_inventory(manifest, run) as results:
        ...         return next((result for result in results if not result.complete), None)
    """
    arguments = locals()
    from pathvein._checking.starting import check_stream

    near = _arguments.check(near=arguments.pop("near"))["near"]
    return check_stream(near, open_inventory(kind="check", **arguments))


def open_inventory(
    manifest: object,
    *,
    prefix: object,
    memory_limit: int | str | None,
    temporary_directory: str | os.PathLike[str] | None,
    storage_options: Mapping[str, _types.Any] | None,
    kind: str | None = None,
    **arguments: _types.Any,
) -> Opened:
    """What `open_producer` returns of a scan, or of a check."""
    checked = _arguments.check(**arguments)
    if not isinstance(prefix, str):
        raise _arguments.wrong_type("prefix", "str", prefix)
    prefix = prefix.strip("/")
    if not {"", ".", ".."}.isdisjoint(prefix.split("/")) and prefix:
        raise ValueError(f"prefix must be the path of a directory in the bucket, not {prefix!r}")
    _arguments.check_storage_options(storage_options)
    try:
        from pathvein import _inventories
    except ImportError as error:
        if error.name in ("duckdb", "pyarrow"):
            raise ImportError(
                "inventories need DuckDB and pyarrow: pip install 'pathvein[inventory]'",
                name=error.name,
            ) from error
        raise
    kept = ("patterns", "on_error", "progress")
    options = {name: value for name, value in checked.items() if name not in kept}
    if kind:
        options[kind] = True
    producer = _inventories.open_inventory(
        manifest,
        prefix,
        checked["patterns"],
        **options,
        memory_limit=memory_limit,
        temporary_directory=temporary_directory,
        storage_options=storage_options,
    )
    return producer.url, producer, checked, None, False
