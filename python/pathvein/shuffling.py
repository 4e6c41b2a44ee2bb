"""Copies of directories that match, of what belongs to the match."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping

from pathvein import _arguments, _types, lib
from pathvein._copying.results import (
    ShuffleError,
    ShuffleInput,
    ShuffleProgress,
    ShuffleResult,
    ShuffleWarning,
    failed_text,
)
from pathvein._errors import warn
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict, Unpack, overload

    from pathvein._copying.options import CopyOptions
    from pathvein._tasks.executors import Workforce

    class _Options(TypedDict, total=False):
        """The options of :func:`shuffle` that are only given by name.

        The first overload of each function is without them. So a ``dict[str, bool]`` may be
        unpacked into its arguments: for type checkers that gives a bool to all there are.
        """

        on_error: _types.Literal["raise", "warn", "ignore"] | Callable[[OSError], object]
        on_conflict: _types.Literal["skip", "raise"]
        links: _types.Literal["follow", "keep"]
        fsync: bool
        progress: Callable[[ShuffleProgress], object] | None
        concurrency: int | None
        executor: _types.Executor | None
        storage_options: Mapping[str, _types.Any] | None

    #: What can be copied from or to.
    _Place = str | os.PathLike[str] | _types.UPath


__all__ = [
    "ShuffleError",
    "ShuffleInput",
    "ShuffleProgress",
    "ShuffleResult",
    "ShuffleWarning",
    "shuffle",
    "shuffle_to",
    "shuffle_with",
]


if TYPE_CHECKING:

    @overload
    def shuffle(
        shuffle_def: Iterable[tuple[_types.S, _types.D, FileStructurePattern]],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
    ) -> list[ShuffleResult[_types.S, _types.D]]: ...
    @overload
    def shuffle(
        shuffle_def: Iterable[tuple[_types.S, _types.D, FileStructurePattern]],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
        **options: Unpack[_Options],
    ) -> list[ShuffleResult[_types.S, _types.D]]: ...
    @overload
    def shuffle(
        shuffle_def: Iterable[tuple[_Place, _Place, FileStructurePattern]],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
        **options: Unpack[_Options],
    ) -> list[ShuffleResult[_types.Any, _types.Any]]: ...


def shuffle(
    shuffle_def: Iterable[tuple[_types.Any, _types.Any, FileStructurePattern]],
    overwrite: bool = False,
    dryrun: bool = False,
    use_threading: bool | None = None,
    max_workers: int | None = None,
    *,
    on_error: _types.Literal["raise", "warn", "ignore"] | Callable[[OSError], object] = "raise",
    on_conflict: _types.Literal["skip", "raise"] = "skip",
    links: _types.Literal["follow", "keep"] = "follow",
    fsync: bool = False,
    progress: Callable[[ShuffleProgress], object] | None = None,
    concurrency: int | None = None,
    executor: _types.Executor | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
) -> list[ShuffleResult[_types.Any, _types.Any]]:
    """Copy directories, of each what belongs to the match.

    That is: in the directory, the files that pass a required or optional name test; and in each
    sub-directory, for each required or optional pattern that it matches, what belongs to that.
    Whether the directory itself matches is not looked at.

    Where nothing was before, a directory of this machine is there whole or not at all. In a
    store that holds for each object.

    Args:
        shuffle_def: What to copy: any iterable of :class:`ShuffleInput` or tuples of a source, a
            destination and a pattern. The source is copied to the destination itself, not into
            it. Each may be a path, a URL or a UPath, as the source of :func:`scan` is.
        overwrite: Copy into destinations that exist: files are replaced one by one, and what is
            not in the source stays. Without it, such a match is skipped.
        dryrun: Find out what would be copied, and change nothing.
        use_threading: `False`: one worker, whatever `max_workers` says.
        max_workers: How many workers copy, side by side. `None`: as many as there are
            processors, and for remote files `concurrency`.
        on_error: What to do about a match that cannot be copied; the others are copied all the
            same. ``"raise"``: raise one :class:`ShuffleError` at the end; ``"warn"``: one
            :class:`ShuffleWarning` at the end; ``"ignore"``: nothing; a callable: call it with
            each `OSError`, in the calling thread. If it raises, no more is copied.
        on_conflict: What to do about several matches with one destination, unless that exists and
            all are skipped. ``"skip"``: copy the first by source, and of one source that with the
            first pattern by its JSON, as results sort; ``"raise"``: raise a
            :class:`ShuffleError` before anything is copied.
        links: What becomes of links to files. ``"follow"``: their content is copied; ``"keep"``:
            those that lead to what is copied, too, stay links. Links to directories are skipped.
        fsync: Wait until the disk has stored what is copied, so that a loss of power leaves no
            half file either.
        progress: Called in the calling thread with the :class:`ShuffleProgress` so far, at most
            ten times a second and once at the end. If it raises, no more is copied.
        concurrency: The most remote files under way at the same time. `None`: 32, or fewer if
            the file system supports no more.
        executor: Copies in the workers of this executor, as :func:`scan` scans there: they must
            see the sources and the destinations. `max_workers` are then those of each of its
            workers; `None`: 1. To stop takes until running tasks have ended what they have begun.
            `progress` tells what was copied when a task is done. `None`: copies in this process.
        storage_options: Options for the file systems of URLs, as fsspec takes them. A UPath has
            its own.

    Returns:
        What was copied, in the order of the input. What was skipped, since its destination
        exists or is that of another, is not in it: logger ``pathvein.lib`` tells of each.

    Raises:
        ShuffleError: Matches could not be copied, and `on_error` is ``"raise"``. It is an
            `OSError`; its ``results`` is what this would have returned.
        TypeError: An argument is of the wrong type; the message names it.
        ValueError: An argument has a wrong value.
        ImportError: There is a URL and what it needs is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, ShuffleInput, shuffle
        >>> with tempfile.TemporaryDirectory() as lab:
        ...     (Path(lab) / "run_1").mkdir()
        ...     _ = (Path(lab) / "run_1" / "a.csv").write_text("1,2")
        ...     pattern = FileStructurePattern("run_*", files=["*.csv"])
        ...     [result] = shuffle([ShuffleInput(Path(lab) / "run_1", Path(lab) / "old", pattern)])
        ...     (Path(lab) / "old" / "a.csv").read_text(), result.files, result.bytes
        ('1,2', 1, 3)
    """
    how = _how(**locals())
    return _shuffle(_inputs(shuffle_def), **how)


if TYPE_CHECKING:

    @overload
    def shuffle_to(
        matches: Iterable[lib.ScanResult[_types.S]],
        destination: _types.D,
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
    ) -> list[ShuffleResult[_types.S, _types.D]]: ...
    @overload
    def shuffle_to(
        matches: Iterable[lib.ScanResult[_types.S]],
        destination: _types.D,
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
        **options: Unpack[_Options],
    ) -> list[ShuffleResult[_types.S, _types.D]]: ...
    @overload
    def shuffle_to(
        matches: Iterable[lib.ScanResult[_types.S]],
        destination: str | os.PathLike[str],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
        **options: Unpack[_Options],
    ) -> list[ShuffleResult[_types.S, _types.Path | _types.UPath]]: ...


def shuffle_to(
    matches: Iterable[lib.ScanResult[_types.Any]],
    destination: str | os.PathLike[str] | _types.UPath,
    overwrite: bool = False,
    dryrun: bool = False,
    use_threading: bool | None = None,
    max_workers: int | None = None,
    *,
    on_error: _types.Literal["raise", "warn", "ignore"] | Callable[[OSError], object] = "raise",
    on_conflict: _types.Literal["skip", "raise"] = "skip",
    links: _types.Literal["follow", "keep"] = "follow",
    fsync: bool = False,
    progress: Callable[[ShuffleProgress], object] | None = None,
    concurrency: int | None = None,
    executor: _types.Executor | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
) -> list[ShuffleResult[_types.Any, _types.Any]]:
    """Copy matches into one directory, each to ``destination / match.source.name``.

    The other arguments are those of :func:`shuffle`, and so are the exceptions.

    Args:
        matches: Any iterable of :class:`ScanResult`, such as :func:`scan` returns.
        destination: A directory, which need not exist: a path, a URL or a UPath.

    Returns:
        What was copied, in the order of the matches. The ``destination`` of each is of the
        kind that was passed; of a `str` a `Path`, or a UPath if it is a URL.

    Example:
        >>> from pathvein import FileStructurePattern, scan, shuffle_to
        >>> matches = scan(".", FileStructurePattern("run_*", files=["no such file"]))
        >>> shuffle_to(matches, "sorted")
        []
    """
    how = _how(**locals())
    from pathvein._copying.places import joiner

    below = joiner(destination, storage_options)
    inputs = [(source, below(source), pattern) for _, source, pattern in _matches(matches)]
    return _shuffle(inputs, "matches", "destination", **how)


if TYPE_CHECKING:

    @overload
    def shuffle_with(
        matches: Iterable[lib.ScanResult[_types.S]],
        destination_fn: Callable[[lib.ScanResult[_types.S]], _types.D],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
    ) -> list[ShuffleResult[_types.S, _types.D]]: ...
    @overload
    def shuffle_with(
        matches: Iterable[lib.ScanResult[_types.S]],
        destination_fn: Callable[[lib.ScanResult[_types.S]], _types.D],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
        **options: Unpack[_Options],
    ) -> list[ShuffleResult[_types.S, _types.D]]: ...
    @overload
    def shuffle_with(
        matches: Iterable[lib.ScanResult[_types.S]],
        destination_fn: Callable[[lib.ScanResult[_types.S]], _Place],
        overwrite: bool = False,
        dryrun: bool = False,
        use_threading: bool | None = None,
        max_workers: int | None = None,
        **options: Unpack[_Options],
    ) -> list[ShuffleResult[_types.S, _types.Any]]: ...


def shuffle_with(
    matches: Iterable[lib.ScanResult[_types.Any]],
    destination_fn: Callable[[lib.ScanResult[_types.Any]], _types.Any],
    overwrite: bool = False,
    dryrun: bool = False,
    use_threading: bool | None = None,
    max_workers: int | None = None,
    *,
    on_error: _types.Literal["raise", "warn", "ignore"] | Callable[[OSError], object] = "raise",
    on_conflict: _types.Literal["skip", "raise"] = "skip",
    links: _types.Literal["follow", "keep"] = "follow",
    fsync: bool = False,
    progress: Callable[[ShuffleProgress], object] | None = None,
    concurrency: int | None = None,
    executor: _types.Executor | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
) -> list[ShuffleResult[_types.Any, _types.Any]]:
    """Copy matches, each to where a function says.

    The other arguments are those of :func:`shuffle`, and so are the exceptions.

    Args:
        matches: Any iterable of :class:`ScanResult`, such as :func:`scan` returns.
        destination_fn: Called with each match before anything is copied. It returns a path, a
            URL or a UPath. What it raises is raised.

    Returns:
        What was copied, in the order of the matches. The ``destination`` of each is the object
        that the function returned.

    Example:
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, scan, shuffle_with
        >>> matches = scan(".", FileStructurePattern("run_*", files=["no such file"]))
        >>> shuffle_with(matches, lambda match: Path("sorted") / match.source.parent.name)
        []
    """
    how = _how(**locals())
    if not callable(destination_fn):
        raise _arguments.wrong_type("destination_fn", "a callable", destination_fn)
    call = _arguments.without_stop_iteration(destination_fn)
    inputs = [(source, call(match), pattern) for match, source, pattern in _matches(matches)]
    return _shuffle(inputs, "matches", "destination_fn(matches[{}])", **how)


def _how(**arguments: _types.Any) -> dict[str, _types.Any]:
    """The arguments of :func:`_shuffle` that say how, of those of the public functions."""
    from pathvein._copying.options import CopyOptions

    checked = _arguments.check(**arguments)
    workers = 1 if checked["use_threading"] is False else checked["max_workers"]
    options = CopyOptions(
        overwrite=checked["overwrite"],
        dryrun=checked["dryrun"],
        threads=workers,
        concurrency=checked["concurrency"] if workers is None else workers,
        fsync=checked["fsync"],
        links=checked["links"],
    )
    how = {name: checked[name] for name in ("on_error", "on_conflict", "progress")}
    storage_options = _arguments.check_storage_options(arguments["storage_options"])
    how |= {
        "options": options,
        "storage_options": storage_options,
        "workforce": checked["executor"],
    }
    return how


def _shuffle(
    inputs: list[tuple[_types.Any, _types.Any, _types.Any]],
    *arguments: str,
    options: CopyOptions,
    on_error: str | Callable[[OSError], object],
    on_conflict: str,
    progress: Callable[[ShuffleProgress], object] | None,
    storage_options: Mapping[str, _types.Any] | None,
    workforce: Workforce | None,
) -> list[ShuffleResult[_types.Any, _types.Any]]:
    from pathvein._copying.places import places_of
    from pathvein._copying.running import Copying

    places = places_of(inputs, storage_options, *arguments)
    by_kind: dict[str, dict[int, ShuffleResult[_types.Any, _types.Any]]] = {}
    with Copying(inputs, places, options, on_conflict, progress, workforce=workforce) as copying:
        for kind, number, result, _ in copying.outcomes():
            by_kind.setdefault(kind, {})[number] = result
            if callable(on_error):
                for error in result.errors if kind == "failed" else ():
                    _arguments.without_stop_iteration(on_error)(error)
    copied, failed = (
        [result for _, result in sorted(by_kind.get(kind, {}).items())]
        for kind in ("copied", "failed")
    )
    if failed and on_error in ("raise", "warn"):
        text = failed_text(failed, len(inputs))
        if on_error == "raise":
            raise ShuffleError(text, copied, failed) from failed[0].errors[0]
        warn(text, ShuffleWarning)
    return copied


def copy_one(
    pattern: FileStructurePattern,
    source: object,
    destination: object,
    overwrite: bool,
    dryrun: bool,
    max_workers: int | None = None,
) -> None:
    """Copy one directory, for the methods of a pattern."""
    from pathvein._copying.options import CopyOptions
    from pathvein._copying.places import lost, place_of
    from pathvein._copying.running import Copying

    checked = _arguments.check(overwrite=overwrite, dryrun=dryrun, max_workers=max_workers)
    workers = checked.pop("max_workers")
    options = CopyOptions(**checked, threads=workers, concurrency=workers)
    ends = place_of("source", source), place_of("destination", destination)
    places = [lost(*ends) or ends]
    with Copying([(source, destination, pattern)], places, options, logged=False) as copying:
        [(kind, _, result, _)] = copying.outcomes()
    if kind == "exists":
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(destination))
    if len(result.errors) == 1:
        raise result.errors[0]
    if result.errors:
        raise ShuffleError(failed_text([result], 1), failed=[result]) from result.errors[0]


@_arguments.without_stop_iteration
def _inputs(shuffle_def: object) -> list[tuple[_types.Any, _types.Any, _types.Any]]:
    expected = "an iterable of ShuffleInput or tuples (source, destination, pattern)"
    if isinstance(shuffle_def, str) or not isinstance(shuffle_def, Iterable):
        raise _arguments.wrong_type("shuffle_def", expected, shuffle_def)
    inputs = []
    for index, item in enumerate(shuffle_def):
        found = () if isinstance(item, str) or not isinstance(item, Iterable) else tuple(item)
        if len(found) != 3:
            expected = "a ShuffleInput or a tuple (source, destination, pattern)"
            raise _arguments.wrong_type(f"shuffle_def[{index}]", expected, item)
        inputs.append(found)
    return inputs


@_arguments.without_stop_iteration
def _matches(matches: object) -> list[tuple[_types.Any, _types.Any, _types.Any]]:
    """The matches, each with its source and its pattern."""
    if isinstance(matches, str) or not isinstance(matches, Iterable):
        raise _arguments.wrong_type("matches", "an iterable of ScanResult", matches)
    found = []
    for index, match in enumerate(matches):
        # Anything that has these will do, as it did for 0.9.
        if not hasattr(match, "source") or not hasattr(match, "pattern"):
            raise _arguments.wrong_type(f"matches[{index}]", "a ScanResult", match)
        found.append((match, match.source, match.pattern))
    return found
