"""Scans and checks of keys: of paths that another program listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from pathvein_core import Stats

from pathvein import _arguments, _types
from pathvein.checking import CheckIterator, CheckResult
from pathvein.lib import ScanIterator, ScanResult
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._keys.batches import Batch
    from pathvein.lib import Opened

__all__ = ["check_keys", "icheck_keys", "iscan_keys", "scan_keys"]


def scan_keys(
    keys: Iterable[str | bytes],
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    source: str | os.PathLike[str] | _types.UPath | None = None,
    in_order: bool = False,
    implied: bool = False,
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> set[ScanResult[_types.Any]]:
    """Find every directory that matches a pattern in a tree that is given as keys.

    Keys are paths that another program has listed: of an object store, of an archive, of a file
    system as by ``find`` and ``lfs find``. Nothing is read but the keys. What is found is what
    :func:`pathvein.scan` would have found in such a tree.

    A key is a path relative to the source, with ``/`` between components. One that ends in ``/`` is
    a directory, any other a file; the directories above are there, too. Leading ``./`` are taken
    off, and ``.`` is the source. A ``/`` in front says that the source is the root: all keys have
    one, or none has. (Not in a store, where a key with a ``/`` in front has an empty component.)

    Args:
        keys: An iterable of `str` or `bytes`, or a column of them: an Arrow array or chunked array,
            a pandas or polars series, or what else has Arrow's interface; of its keys no Python
            objects are made. Text stands for bytes as in `os.fsencode`. Equal keys are one.
        patterns: One pattern or several. Of equal ones the first is reported.
        source: What results are below: a path, a URL or a UPath. It is not looked at: neither
            does it need to exist, nor are its links resolved. `None`: results are
            `PurePosixPath` objects as the keys say, and the source has no name.
        in_order: The keys come in the order of their bytes, as those of S3 and Google do, and the
            output of ``LC_ALL=C sort``. They need not be sorted then, and results come while they
            are read.
        implied: A key that others lie below is a directory and no file, as ``find`` prints
            directories. An empty one is not known from a file, unless its key ends in ``/``.
        exclude, max_depth, outermost: As for :func:`pathvein.scan`.
        memory_limit: How much memory is used to sort: bytes, or a text such as ``"1GB"``. Up to
            five million keys and 1 GiB, or this if it is less, are sorted in memory, more on disk,
            which needs the extra ``inventory``. `None`: on disk DuckDB uses four fifths of what
            the machine has.
        temporary_directory: Where keys are sorted on disk, in a folder that is removed at the end.
            `None`: where `tempfile` puts its files.
        storage_options: Options for the file system of a URL or a UPath, as fsspec takes them.
        on_error: As for :func:`pathvein.scan`: of keys that are no paths, as they have a component
            that is empty, ``.`` or ``..``.
        progress: As for :func:`pathvein.scan`. ``stats.keys`` are the keys read so far.

    Returns:
        The set of all matches.

    Raises:
        ValueError: With `in_order`, a key is out of order: the message has it, the one before and
            their numbers. Or a key is null, some keys have a ``/`` in front and others not, or an
            argument has a wrong value.
        TypeError: A key is neither `str` nor `bytes`, or an argument is of the wrong type.
        ImportError: What a URL needs, or DuckDB to sort on disk, is not installed.
        Exception: What the iterable raises.

    Example:
        >>> from pathvein import FileStructurePattern, scan_keys
        >>> run = FileStructurePattern("run_*", files=["*.csv"])
        >>> [result.source for result in scan_keys(["lab/run_1/a.csv", "lab/run_2/b.txt"], run)]
        [PurePosixPath('lab/run_1')]
    """
    with iscan_keys(**locals()) as stream:
        return set(chain.from_iterable(stream.batches()))


def iscan_keys(
    keys: Iterable[str | bytes],
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    source: str | os.PathLike[str] | _types.UPath | None = None,
    in_order: bool = False,
    implied: bool = False,
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> ScanIterator[_types.Any]:
    """Find directories as :func:`scan_keys` does, and yield each match as it is found.

    The arguments are those of :func:`scan_keys`. Keys are taken as results are asked for; what is
    wrong with them is raised by the iteration. Keys that are sorted on disk are taken by a thread.

    Returns:
        An iterator as that of :func:`pathvein.iscan`.

    Example:
        >>> from pathvein import FileStructurePattern, iscan_keys
        >>> keys = ["run_1/a.csv", "run_2/a.csv"]
        >>> run = FileStructurePattern("run_*", files=["*.csv"])
        >>> with iscan_keys(keys, run, in_order=True) as results:
        ...     print(next(results).source)
        run_1
    """
    arguments = locals()
    from pathvein._results import plain
    from pathvein.lib import scan_stream

    stream: ScanIterator[_types.Any] = scan_stream(plain, open_keys(**arguments))
    return stream


def check_keys(
    keys: Iterable[str | bytes],
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    source: str | os.PathLike[str] | _types.UPath | None = None,
    in_order: bool = False,
    implied: bool = False,
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
    near: int | None = None,
) -> list[CheckResult[_types.Any]]:
    """Tell which directories of a tree that is given as keys are complete, and what others lack.

    Args:
        near: As for :func:`pathvein.check`.
        keys, patterns, source, in_order, implied, exclude, max_depth, outermost, memory_limit,
        temporary_directory, storage_options, on_error, progress: As for :func:`scan_keys`.

    Returns:
        The results, as :func:`pathvein.check` has them.

    Raises:
        ValueError, TypeError, ImportError, Exception: As :func:`scan_keys` does.

    Example:
        >>> from pathvein import FileStructurePattern, check_keys
        >>> run = FileStructurePattern("run_*", files=["config.json"])
        >>> [result] = check_keys(["run_1/Config.json"], run)
        >>> print(result)
        run_1: config.json (Config.json differs in case)
    """
    with icheck_keys(**locals()) as stream:
        return list(chain.from_iterable(stream.batches()))


def icheck_keys(
    keys: Iterable[str | bytes],
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    source: str | os.PathLike[str] | _types.UPath | None = None,
    in_order: bool = False,
    implied: bool = False,
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    outermost: bool = False,
    memory_limit: int | str | None = None,
    temporary_directory: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
    near: int | None = None,
) -> CheckIterator[_types.Any]:
    """Check directories as :func:`check_keys` does, and yield each result as it is found.

    The arguments are those of :func:`check_keys`, and keys are taken as by :func:`iscan_keys`.

    Returns:
        An iterator as that of :func:`pathvein.icheck`.

    Example:
        >>> from pathvein import FileStructurePattern, icheck_keys
        >>> run = FileStructurePattern("run_*", files=["config.json"])
        >>> with icheck_keys(["run_1/config.json", "run_2/a.csv"], run) as results:
        ...     [str(result.source) for result in results if not result.complete]
        ['run_2']
    """
    arguments = locals()
    from pathvein._checking.starting import check_stream

    near = _arguments.check(near=arguments.pop("near"))["near"]
    return check_stream(near, open_keys(kind="check", **arguments))


def open_keys(
    keys: object,
    *,
    source: object,
    in_order: object,
    implied: object,
    memory_limit: int | str | None,
    temporary_directory: str | os.PathLike[str] | None,
    storage_options: Mapping[str, _types.Any] | None,
    kind: str | None = None,
    as_text: bool = False,
    **arguments: _types.Any,
) -> Opened:
    """What `open_producer` returns of a scan of keys, or of a check.

    `as_text`: paths are texts, the way the keys came.
    """
    checked = _arguments.check(**arguments)
    for name, value in (("in_order", in_order), ("implied", implied)):
        if not isinstance(value, bool):
            raise _arguments.wrong_type(name, "bool", value)
    if memory_limit is not None:
        _arguments.memory_in_bytes(memory_limit)
    if temporary_directory is not None:
        _arguments.decoded("temporary_directory", temporary_directory, "str or os.PathLike")
    from pathvein_core import KeySorter, KeyStream

    from pathvein._keys.batches import batches_of
    from pathvein._keys.places import key_source
    from pathvein._keys.producer import KeyProducer
    from pathvein._keys.sorting import sorted_on_the_way

    place = key_source(source, storage_options)
    batches: Iterator[Batch | None]
    sorter = None
    if in_order:
        batches = batches_of(keys)
    else:
        sorter = KeySorter(place.front)
        batches = sorted_on_the_way(batches_of(keys), sorter, memory_limit, temporary_directory)
    stream = KeyStream(
        checked["patterns"],
        place.name,
        checked["max_depth"],
        checked["exclude"],
        front=place.front if in_order else "",
        implied=bool(implied),
        outermost=checked["outermost"],
        check=kind == "check",
    )
    make_path = place.text if as_text else place.path
    producer = KeyProducer(place, stream, batches, sorter, make_path)
    return place.shown or "the keys", producer, checked, None, False
