"""Scans: the search of a tree for directories that match."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import chain

import pathvein_core
from pathvein_core import Stats

from pathvein import _arguments, _types
from pathvein._errors import ScanWarning
from pathvein._stream import Stream
from pathvein.pattern import FileStructurePattern
from pathvein.shuffling import (
    ShuffleError,
    ShuffleInput,
    ShuffleProgress,
    ShuffleResult,
    ShuffleWarning,
    shuffle,
    shuffle_to,
    shuffle_with,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import TypedDict, Unpack, overload

    from pathvein._results import Make
    from pathvein._stream import Producer

    _Patterns = FileStructurePattern | Iterable[FileStructurePattern]
    #: What :func:`open_producer` returns.
    Opened = tuple[str, Producer, dict[str, _types.Any], Callable[[str], _types.UPath] | None, bool]

    class _Options(TypedDict, total=False):
        """The options of :func:`scan` and :func:`iscan`.

        For their overloads, in which the kind of the source decides that of the results.
        """

        exclude: str | Iterable[str]
        max_depth: int | None
        follow_links: bool
        one_file_system: bool
        outermost: bool
        threads: int | None
        trust_link_counts: bool
        storage_options: Mapping[str, _types.Any] | None
        concurrency: int | None
        executor: _types.Executor | None
        lister: _types.Literal["auto", "fsspec", "obstore"]
        on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object]
        progress: Callable[[Stats], object] | None

    logger: logging.Logger


__all__ = [
    "ScanIterator",
    "ScanResult",
    "ScanWarning",
    "ShuffleError",
    "ShuffleInput",
    "ShuffleProgress",
    "ShuffleResult",
    "ShuffleWarning",
    "Stats",
    "assess",
    "iscan",
    "scan",
    "shuffle",
    "shuffle_to",
    "shuffle_with",
]


class ScanResult(_types.NamedTuple, _types.Generic["_types.S_co"]):
    """A directory that matches a pattern."""

    #: The directory: absolute, with the source's links resolved. A UPath if it is remote or the
    #: source was given as one, else a `Path`.
    source: _types.S_co
    #: The object that was passed in.
    pattern: FileStructurePattern


class ScanIterator(Stream[ScanResult["_types.S"]], _types.Generic["_types.S"]):
    """A running scan, as :func:`iscan` returns it."""


if TYPE_CHECKING:

    @overload
    def scan(
        source: os.PathLike[str], patterns: _Patterns, **options: Unpack[_Options]
    ) -> set[ScanResult[_types.Path]]: ...
    @overload
    def scan(
        source: str, patterns: _Patterns, **options: Unpack[_Options]
    ) -> set[ScanResult[_types.Path | _types.UPath]]: ...
    @overload
    def scan(
        source: _types.UPath, patterns: _Patterns, **options: Unpack[_Options]
    ) -> set[ScanResult[_types.UPath]]: ...


def scan(
    source: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    follow_links: bool = False,
    one_file_system: bool = False,
    outermost: bool = False,
    threads: int | None = None,
    trust_link_counts: bool = False,
    storage_options: Mapping[str, _types.Any] | None = None,
    concurrency: int | None = None,
    executor: _types.Executor | None = None,
    lister: _types.Literal["auto", "fsspec", "obstore"] = "auto",
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> set[ScanResult[_types.Any]]:
    """Find every directory at or below a source that matches a pattern.

    What the others lack is told by :func:`pathvein.check`.

    Args:
        source: Where to look. A `str` with ``://`` or ``::`` is a URL, unless it begins with
            ``/``, ``./`` or ``../``, or has no ``://`` and exists. Any other `str` and any
            `os.PathLike` is a local path. A UPath is either.
        patterns: One pattern or several. Later changes to them have no effect. Of equal ones
            the first is reported.
        exclude: One path glob or several, relative to the source. Entries that match are left
            out: neither entered nor listed. ``*`` does not cross a ``/``, ``**`` does,
            ``{a,b}`` is either. A trailing ``/`` restricts a glob to directories. A glob with
            no other ``/`` is matched against the name at any depth. A leading ``/`` anchors it
            at the source.
        max_depth: How deep a match may start; 0 is the source alone. `None`: no limit.
        follow_links: Enter links to directories. A link to one of the directories above it is
            an error, and not entered.
        one_file_system: Stay on the source's file system. Has no effect on remote sources.
        outermost: Find only matches above which, up to the source, nothing matches any of the
            patterns. Below a directory that is known to match, only what other patterns ask
            for is entered. An error that hides a match shows those below it, which are true
            as well.
        threads: The most threads for a local source. `None`: found while it runs, by what comes
            of more and of fewer (``stats.threads``).
        trust_link_counts: Take the link count of a local directory for two and the number of
            directories in it on every file system, and not only on those that are known to keep
            it so. For mounts whose server does, as some network file systems do: directories
            that nothing asks to look into need not be opened then (``stats.skipped``). Where a
            count says less than there is, matches are not found. Has no effect on remote
            sources.
        storage_options: Options for the file system of a URL or UPath, as fsspec takes them.
        concurrency: The most requests in flight for a remote source. `None`: 32, or fewer if
            the file system supports no more.
        executor: What scans, in place of this process: a `concurrent.futures.Executor` whose
            workers can open the source, such as a `ProcessPoolExecutor` or those of MPI and loky,
            or a Dask client. It is given tasks of a few seconds at most, and stays open. With it
            `threads` and `concurrency` are for each task, and `threads` is 1 at first.
            A task that is lost with its worker is given to another, twice at most; then its
            directories are errors. Of `storage_options` workers get those that were given here, and
            find all other credentials where they run. `None`: this process scans.
        lister: What lists S3, Google Cloud and Azure: ``"fsspec"``, the source's own file
            system, or ``"obstore"`` (installed by the extra ``obstore``) with the same
            credentials. If obstore cannot use them, or cannot list the source reliably, a
            :class:`ScanWarning` says why and the source's own file system lists it. ``"auto"``
            is ``"fsspec"``.
        on_error: What to do about an error below the source. ``"warn"``: one
            :class:`ScanWarning` at the end; ``"raise"``: raise the first error; ``"ignore"``:
            nothing; a callable: call it with each `OSError`. A callable runs in the calling
            thread. If it raises, the scan ends with that exception, else the scan goes on.
            With ``"warn"`` and ``"raise"`` the :class:`ScanWarning` also tells how many matches
            may be hidden by links that are not followed (``stats.hidden_by_links``).
        progress: Called in the calling thread with the :class:`Stats` so far, at most ten times
            a second. If it raises, the scan ends with that exception.

    Returns:
        The set of all matches. Errors elsewhere may hide matches, but never make a false one.

    Raises:
        OSError: The source does not exist (`FileNotFoundError`), is no directory
            (`NotADirectoryError`) or cannot be read (`PermissionError`).
        TypeError: An argument is of the wrong type; the message names it.
        ValueError: An argument has a wrong value, such as an exclude rule that is no glob.
        ImportError: The source is a URL and what it needs is not installed.
        RuntimeError: The workers of the executor have no pathvein, or another version of it.
        concurrent.futures.BrokenExecutor: The executor is broken for good.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, scan
        >>> with tempfile.TemporaryDirectory() as lab:
        ...     (Path(lab) / "run_1").mkdir()
        ...     _ = (Path(lab) / "run_1" / "a.csv").write_text("")
        ...     pattern = FileStructurePattern("run_*", files=["*.csv"])
        ...     [result.source.name for result in scan(lab, pattern)]
        ['run_1']
    """
    with iscan(**locals()) as stream:
        return set(chain.from_iterable(stream.batches()))


if TYPE_CHECKING:

    @overload
    def iscan(
        source: os.PathLike[str], patterns: _Patterns, **options: Unpack[_Options]
    ) -> ScanIterator[_types.Path]: ...
    @overload
    def iscan(
        source: str, patterns: _Patterns, **options: Unpack[_Options]
    ) -> ScanIterator[_types.Path | _types.UPath]: ...
    @overload
    def iscan(
        source: _types.UPath, patterns: _Patterns, **options: Unpack[_Options]
    ) -> ScanIterator[_types.UPath]: ...


def iscan(
    source: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    exclude: str | Iterable[str] = (),
    max_depth: int | None = None,
    follow_links: bool = False,
    one_file_system: bool = False,
    outermost: bool = False,
    threads: int | None = None,
    trust_link_counts: bool = False,
    storage_options: Mapping[str, _types.Any] | None = None,
    concurrency: int | None = None,
    executor: _types.Executor | None = None,
    lister: _types.Literal["auto", "fsspec", "obstore"] = "auto",
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> ScanIterator[_types.Any]:
    """Find directories as :func:`scan` does, and yield each match as it is found.

    The arguments are those of :func:`scan`, and the call raises the same exceptions. Each match
    comes once, in no particular order.

    Returns:
        An iterator that is also a context manager. ``close()``, leaving the ``with`` block, or
        deleting the iterator stops the workers; any thread may close it, which ends the wait of
        others. That takes a few milliseconds, and no longer than 0.2 seconds where the operating
        system does not let a worker go, as on a mount whose server does not answer: then its
        thread is left behind, and ends when it can. ``errors`` is the list of the first 10,000
        `OSError` so far, ``stats`` the :class:`Stats` so far.

    Example:
        >>> from pathvein import FileStructurePattern, iscan
        >>> with iscan(".", FileStructurePattern(files=["*"])) as results:
        ...     first = next(results, None)
    """
    arguments = locals()
    from pathvein._results import make_results

    stream: ScanIterator[_types.Any] = start_scan(make_results, **arguments)
    return stream


if TYPE_CHECKING:

    @overload
    def assess(
        file: os.PathLike[str],
        patterns: _Patterns,
        *,
        storage_options: Mapping[str, _types.Any] | None = ...,
    ) -> Generator[ScanResult[_types.Path], None, None]: ...
    @overload
    def assess(
        file: str,
        patterns: _Patterns,
        *,
        storage_options: Mapping[str, _types.Any] | None = ...,
    ) -> Generator[ScanResult[_types.Path | _types.UPath], None, None]: ...
    @overload
    def assess(
        file: _types.UPath,
        patterns: _Patterns,
        *,
        storage_options: Mapping[str, _types.Any] | None = ...,
    ) -> Generator[ScanResult[_types.UPath], None, None]: ...


def assess(
    file: str | os.PathLike[str] | _types.UPath,
    patterns: FileStructurePattern | Iterable[FileStructurePattern],
    *,
    storage_options: Mapping[str, _types.Any] | None = None,
) -> Generator[ScanResult[_types.Any], None, None]:
    """Find the matches that a file belongs to.

    These are the directories above the file that match a pattern, as :func:`scan` would find
    them, and with which the file would be copied: it lies in the directory and passes a name test
    of ``files`` or ``optional_files``, or lies in a sub-directory that matches a pattern of
    ``directories`` or ``optional_directories`` and belongs to that in turn.

    The arguments are checked, and the patterns taken, at the call; reading begins with the first
    result that is asked for. Nothing is listed unless the names of the file's path fit, no
    directory twice, and none that no answer depends on. Links in the path of the file are
    resolved, and no others followed. The file may itself be a link.

    Args:
        file: A path, a URL (a `str` with ``://`` or ``::``) or a UPath, as the source of
            :func:`scan`.
        patterns: One pattern or several. Of equal ones the first is reported.
        storage_options: Options for the file system of a URL or UPath, as fsspec takes them.

    Returns:
        A generator. Each directory comes once for each pattern, as absolute as those of
        :func:`scan`; for each pattern the nearest to the file first. A directory as `file` has
        none.

    Raises:
        FileNotFoundError: There is no such file, and a pattern has a place for one of its name.
        OSError: A directory cannot be read, and whether there is a result depends on it; raised
            after all results that are certain.
        TypeError: An argument is of the wrong type; the message names it.
        ValueError: An argument has a wrong value.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, assess
        >>> data = FileStructurePattern("data", files=["*.parquet"])
        >>> run = FileStructurePattern("run_*", directories=[data])
        >>> with tempfile.TemporaryDirectory() as lab:
        ...     file = Path(lab) / "run_1" / "data" / "a.parquet"
        ...     file.parent.mkdir(parents=True)
        ...     file.touch()
        ...     [result.source.name for result in assess(file, [run, data])]
        ['run_1', 'data']
    """
    from pathvein._assess import find

    unique = _arguments.check(patterns=patterns)["patterns"]
    path = _arguments.path_or_upath("file", file, storage_options)
    return (ScanResult(above, unique[index]) for above, index in find(path, file, unique))


def start_scan(make_results: Make[_types.Any] | None, /, **arguments: _types.Any) -> _types.Any:
    """Start a scan as :func:`iscan` does, whose arguments these are.

    Nothing is imported once the workers run, since they may leave no file to open. So what makes
    results of local matches is given. Without it matches stay pairs of a path, local ones as
    `str`, and the index of the pattern.
    """
    return scan_stream(make_results, open_producer(**arguments))


def scan_stream(make_results: Make[_types.Any] | None, opened: Opened) -> _types.Any:
    """The stream of a scan that was opened."""
    name, producer, options, make_upath, is_text = opened
    unique = options["patterns"]

    def convert(found: list[_types.Any]) -> list[_types.Any]:
        if make_results is None:
            return found
        if make_upath is not None:
            found = [(make_upath(path), index) for path, index in found]
        elif is_text:
            return make_results(ScanResult, found, unique)
        return [ScanResult(path, unique[index]) for path, index in found]

    return ScanIterator(name, producer, convert, options["on_error"], options["progress"])


def open_producer(
    source: object,
    *,
    storage_options: Mapping[str, _types.Any] | None,
    kind: str | None = None,
    argument: str = "source",
    **arguments: _types.Any,
) -> Opened:
    """Start the producer of a scan, or of another kind: of a ``"check"``, or to ``"explain"``.

    Args:
        argument: The name of the source's argument.

    Returns:
        The source's name; the producer; the checked arguments; what makes a UPath of the path of a
        local result, if the source was given as one; and whether paths are texts.
    """
    checked = _arguments.check(**arguments)
    kept = ("patterns", "executor", "on_error", "progress")
    options = {name: value for name, value in checked.items() if name not in kept}
    if kind:
        options[kind] = True
    opened = _arguments.open_source(source, storage_options, options, argument)
    workforce = checked.get("executor")
    make_upath: Callable[[str], _types.UPath] | None = None
    producer: Producer
    if isinstance(opened, str):
        name = opened
        if _arguments.is_upath(source):
            from pathvein._remote import local_upath

            make_upath = local_upath
        if workforce is None:
            producer = pathvein_core.Scan(opened, checked["patterns"], **options)
    else:
        from pathvein._remote import open_scan

        name = opened.url()
        # They have no effect on remote sources.
        for local in "one_file_system", "threads", "trust_link_counts":
            options.pop(local, None)
        if workforce is None:
            producer = open_scan(opened, checked["patterns"], **options)
    if workforce is not None:
        from pathvein._tasks.starting import open_tasks

        producer = open_tasks(workforce, opened, checked["patterns"], options, storage_options)
    return name, producer, checked, make_upath, isinstance(opened, str)


if not TYPE_CHECKING:

    def __getattr__(name):
        if name == "logger":
            # As in 0.9. It is rarely asked for, and logging takes long to import.
            import logging

            return logging.getLogger(__name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
