"""Walks: the listing of every directory of a tree."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

import pathvein_core
from pathvein_core import Stats

from pathvein import _arguments, _types
from pathvein._errors import ErrorLog
from pathvein._stream import Stream

__all__ = ["WalkIterator", "iwalk_parallel", "walk_parallel", "walk_python"]


class WalkIterator(Stream[tuple[str, list[str], list[str]]]):
    """A running walk, as :func:`iwalk_parallel` returns it."""


def walk_parallel(
    path: str | os.PathLike[str],
    max_depth: int | None = None,
    follow_links: bool = False,
    *,
    exclude: str | Iterable[str] = (),
    one_file_system: bool = False,
    threads: int | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> list[tuple[str, list[str], list[str]]]:
    """List every directory of a local tree, in parallel.

    Args:
        path: The top of the tree.
        max_depth: The depth of the deepest directories to list; 0 is the top alone. `None`: no
            limit.
        follow_links: Enter links to directories. A link to one of the directories above it is
            an error, and not entered.
        exclude, one_file_system, threads, on_error, progress: As for :func:`pathvein.scan`.

    Returns:
        The tuples of `os.walk`, in no particular order. Each has a directory's path, which begins
        with `path` as given, its directories' names and its other entries' names.

    Raises:
        OSError: The top does not exist, is no directory or cannot be read.
        TypeError: An argument is of the wrong type; the message names it.
        ValueError: An argument has a wrong value, such as an exclude rule that is no glob.

    Example:
        >>> import tempfile
        >>> from pathvein import walk_parallel
        >>> with tempfile.TemporaryDirectory() as top:
        ...     walk_parallel(top) == [(top, [], [])]
        True
    """
    with iwalk_parallel(**locals()) as stream:
        return [listing for batch in stream.batches() for listing in batch]


def iwalk_parallel(
    path: str | os.PathLike[str],
    max_depth: int | None = None,
    follow_links: bool = False,
    *,
    exclude: str | Iterable[str] = (),
    one_file_system: bool = False,
    threads: int | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
    progress: Callable[[Stats], object] | None = None,
) -> WalkIterator:
    """List directories as :func:`walk_parallel` does, and yield each as it is read.

    For trees that do not fit in memory. The arguments are those of :func:`walk_parallel`, and
    the call raises the same exceptions.

    Returns:
        An iterator with the same methods and attributes as that of :func:`pathvein.iscan`.

    Example:
        >>> from pathvein import iwalk_parallel
        >>> with iwalk_parallel(".", max_depth=0) as listings:
        ...     [path for path, dirnames, filenames in listings]
        ['.']
    """
    top = _arguments.local_top("path", path)
    options = _arguments.check(**locals())
    on_error, progress = options.pop("on_error"), options.pop("progress")
    producer = pathvein_core.Walk(top, **options)
    return WalkIterator(top, producer, list, on_error, progress)


def walk_python(
    source: str | os.PathLike[str] | _types.UPath,
    *,
    max_depth: int | None = None,
    follow_links: bool = False,
    exclude: str | Iterable[str] = (),
    storage_options: Mapping[str, _types.Any] | None = None,
    concurrency: int | None = None,
    lister: _types.Literal["auto", "fsspec", "obstore"] = "auto",
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
) -> Iterator[tuple[_types.UPath, list[str], list[str]]]:
    """List every directory of any file system that a UPath supports.

    S3, Google Cloud and Azure are listed flat, by pages of keys. Any other file system is
    listed by one call for each directory, and none for each entry. The file system's cache of
    listings is neither read nor written.

    Args:
        source: The top of the tree: a URL, a UPath, or a local path.
        max_depth, follow_links, exclude: As for :func:`walk_parallel`.
        storage_options: Options for the file system, as fsspec takes them.
        concurrency, lister: As for :func:`pathvein.scan`.
        on_error: As for :func:`pathvein.scan`.

    Returns:
        An iterator over each directory's UPath, its directories' names and its files' names. If
        a store has a file and a directory of the same name, the name is in both lists.

        On S3, Google Cloud and Azure directories come in no particular order, mostly children
        before parents: use `exclude` and `max_depth` to leave directories out. On any other
        file system parents come before children, and names that are removed from the list of
        directories are not entered.

    Raises:
        OSError: The source does not exist, is no directory or cannot be read. It is raised by
            the first `next`.
        ImportError: What the source needs is not installed; also for a local path.

    Example:
        >>> from pathvein import walk_python
        >>> [(str(path), files) for path, _, files in walk_python("memory://nothing-here")]
        Traceback (most recent call last):
            ...
        FileNotFoundError: [Errno 2] No such file or directory: 'memory://nothing-here'
    """
    options = _arguments.check(**locals())
    errors = ErrorLog(str(source), options.pop("on_error"))
    errors.keep_few()
    opened = _arguments.open_source(source, storage_options, options)
    from pathvein._remote import open_local, walk

    if isinstance(opened, str):
        options["exclude"].check_source(opened)
        top = open_local(opened)
    else:
        top = opened

    def listings() -> Iterator[tuple[_types.UPath, list[str], list[str]]]:
        yield from walk(top, **options, on_error=errors.add)
        errors.warn()

    return listings()
