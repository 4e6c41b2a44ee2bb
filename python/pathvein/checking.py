"""Checks: which directories are complete, and what the others lack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from pathvein_core import Directories, Files, Regex, Stats

from pathvein import _types
from pathvein._stream import Stream
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict, Unpack, overload

    from pathvein.lib import _Options, _Patterns

    class _CheckOptions(_Options, total=False):
        """The options of :func:`check` and :func:`icheck`, for their overloads."""

        near: int | None

    class _ExplainOptions(TypedDict, total=False):
        """The options of :func:`explain`."""

        exclude: str | Iterable[str]
        follow_links: bool
        one_file_system: bool
        threads: int | None
        storage_options: Mapping[str, _types.Any] | None
        concurrency: int | None
        on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object]


__all__ = [
    "CheckIterator",
    "CheckResult",
    "Closest",
    "Explanation",
    "Finding",
    "Missing",
    "check",
    "explain",
    "icheck",
]

#: A requirement as it stands in its pattern: a name test, a file requirement, a pattern or a
#: directory requirement; `True` for ``closed``.
Requirement = (
    str
    | Regex
    | tuple[str | Regex, ...]
    | Files
    | FileStructurePattern
    | tuple[FileStructurePattern, ...]
    | Directories
    | bool
    | None
)


class Closest(_types.NamedTuple):
    """What is there of something that is asked for, and what came closest to it."""

    #: What the entry at `path` is: ``"case"`` (the name in another case), ``"normal form"`` (in
    #: another Unicode normal form), ``"edit"`` (one edit away), ``"below"`` (one level down),
    #: ``"above"`` (one level up), ``"directory"`` (there, but a directory), ``"file"`` (there,
    #: but no directory), ``"link"`` (a link that is not followed), ``"not entered"`` (a mount
    #: point, a loop), ``"unreadable"``, ``"name"`` (a sub-directory that passes the name; what it
    #: lacks is in `missing` and `unknown`). `None`: nothing came close.
    reason: str | None
    #: The entry that came closest, relative to the directory that was checked, with ``/``
    #: between components: ``"old/config.json"``, ``"../config.json"``; ``"."`` is the directory
    #: itself. `None` if nothing came close.
    path: str | None
    #: Names that count, sorted, the first ten: of files that pass, of sub-directories that match;
    #: for what is forbidden and for ``closed``, of what should not be there.
    found: tuple[str, ...]
    #: How many there are in all.
    count: int  # type: ignore[assignment]  # tuples have a method of that name
    #: The pattern that the sub-directory at `path` was held against; `None` if there is none.
    pattern: FileStructurePattern | None
    #: What that sub-directory lacks.
    missing: tuple[Missing, ...]
    #: What of it cannot be told.
    unknown: tuple[Missing, ...]
    #: Whether that sub-directory has no entries at all.
    is_empty: bool


class Missing(_types.NamedTuple):
    """A requirement that does not hold, or of which it cannot be told."""

    #: Its place in the pattern, as ``files[1]``.
    place: str
    #: The requirement as it stands there.
    requirement: Requirement
    #: What is there of it; `None` if nothing is, and nothing came close.
    closest: Closest | None

    def __str__(self) -> str:
        """The requirement as pattern text, on one line: ``3+ *.csv``, ``nothing else``."""
        from pathvein._checking.texts import missing_text

        return missing_text(self)


class Finding(_types.NamedTuple):
    """What became of one requirement of a pattern."""

    #: As in :class:`Missing`.
    place: str
    #: As in :class:`Missing`.
    requirement: Requirement
    #: ``"met"``, ``"missing"``, ``"unknown"``; ``"absent"`` for something optional that is not
    #: there.
    state: str
    #: Always there: `found` and `count` tell what met it.
    closest: Closest
    #: For a directory requirement: all findings of the sub-directory at ``closest.path``.
    inside: tuple[Finding, ...]


class CheckResult(_types.NamedTuple, _types.Generic["_types.S_co"]):
    """A directory that was checked against a pattern."""

    #: The directory, as in :class:`ScanResult`.
    source: _types.S_co
    #: The object that was passed in.
    pattern: FileStructurePattern
    #: Whether it matches: nothing is missing or unknown.
    complete: bool
    #: What is missing, in the order of the pattern.
    missing: tuple[Missing, ...]
    #: What cannot be told, as something could not be read, in the order of the pattern.
    unknown: tuple[Missing, ...]

    def __str__(self) -> str:
        """One line: ``lab/run_007: 3+ *.csv (2 there), data/*.parquet (data/ is empty)``."""
        from pathvein._checking.texts import result_text

        return result_text(self)


class Explanation(_types.Generic["_types.S"]):
    """What became of each requirement of a pattern in one directory, as :func:`explain` tells.

    It is true if the directory is complete. Its `str` is a tree of 80 columns: ``✓`` is met, ``✗``
    missing, ``?`` cannot be told, ``·`` is optional and not there. Notebooks and Rich show the
    same in colours.
    """

    #: The directory, as in :class:`ScanResult`.
    source: _types.S
    #: The object that was passed in.
    pattern: FileStructurePattern
    #: All requirements, optional ones too, in the order of the pattern.
    findings: tuple[Finding, ...]
    #: What could not be read.
    errors: list[OSError]

    def __init__(
        self,
        source: _types.S,
        pattern: FileStructurePattern,
        findings: Iterable[Finding],
        errors: Iterable[OSError] = (),
    ) -> None:
        self.source = source
        self.pattern = pattern
        self.findings = tuple(findings)
        self.errors = list(errors)

    @property
    def complete(self) -> bool:
        """Whether the directory matches: nothing is missing or unknown."""
        return not (self.missing or self.unknown)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What is missing, as :class:`CheckResult` has it."""
        return self._in_state("missing")

    @property
    def unknown(self) -> tuple[Missing, ...]:
        """What cannot be told, as :class:`CheckResult` has it."""
        return self._in_state("unknown")

    def _in_state(self, state: str) -> tuple[Missing, ...]:
        from pathvein._checking.records import missing_of

        return tuple(missing_of(found) for found in self.findings if found.state == state)

    def to_dict(self) -> dict[str, _types.Any]:
        """The explanation as JSON has it.

        Example:
            >>> import pathvein
            >>> told = pathvein.explain(".", pathvein.FileStructurePattern(files=["run.json"]))
            >>> told.to_dict()["findings"][1]["requirement"]
            'run.json'
        """
        from pathvein._checking.dicts import explanation_dict

        return explanation_dict(self)

    def __bool__(self) -> bool:
        return self.complete

    def __repr__(self) -> str:
        from pathvein._checking.drawing import answer

        return f"<{type(self).__name__} of {str(self.source)!r}: {answer(self)}>"

    def __str__(self) -> str:
        from pathvein._checking.drawing import drawn

        return drawn(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from pathvein._checking.drawing import html_of

        return html_of(self)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, str]:
        """The same, and the tree as text for what shows no HTML. IPython picks."""
        return {"text/plain": str(self), "text/html": self._repr_html_()}

    def __rich_console__(self, console: _types.Any, options: _types.Any) -> Iterator[_types.Any]:
        """What Rich prints."""
        from pathvein._checking.drawing import rich_of

        yield rich_of(self, width=options.max_width, ascii_only=options.ascii_only)

    def __rich_measure__(self, console: _types.Any, options: _types.Any) -> _types.Any:
        """How wide that is."""
        from rich.measure import Measurement

        return Measurement.get(console, options, *self.__rich_console__(console, options))


class CheckIterator(Stream[CheckResult["_types.S"]], _types.Generic["_types.S"]):
    """A running check, as :func:`icheck` returns it."""

    #: What is checked: a path as it was given, or a URL.
    source: str
    #: The patterns, each once: the first of those that are equal.
    patterns: tuple[FileStructurePattern, ...]


if TYPE_CHECKING:

    @overload
    def check(
        source: os.PathLike[str], patterns: _Patterns, **options: Unpack[_CheckOptions]
    ) -> list[CheckResult[_types.Path]]: ...
    @overload
    def check(
        source: str, patterns: _Patterns, **options: Unpack[_CheckOptions]
    ) -> list[CheckResult[_types.Path | _types.UPath]]: ...
    @overload
    def check(
        source: _types.UPath, patterns: _Patterns, **options: Unpack[_CheckOptions]
    ) -> list[CheckResult[_types.UPath]]: ...


def check(
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
    near: int | None = None,
) -> list[CheckResult[_types.Any]]:
    """Tell which directories at or below a source are complete, and what the others lack.

    The tree is read once, as by :func:`pathvein.scan`. A candidate is a directory whose name passes
    the ``directory_name`` of a pattern. Where any name would pass, it is one that has something of
    what the pattern requires; every directory, if it requires nothing. With `outermost`, what lies
    below a complete directory is not reported.

    Args:
        source: Where to look, as :func:`pathvein.scan` takes it.
        patterns: One pattern or several. Of equal ones the first is reported.
        near: Return only candidates with so many requirements missing at most, and at least one.
        exclude, max_depth, follow_links, one_file_system, outermost, threads, trust_link_counts,
        storage_options, concurrency, executor, lister, on_error, progress: As :func:`pathvein.scan`
            takes them.

    Returns:
        A list of results in the order in which they were found, one for each candidate and
        pattern. Those that are complete are what :func:`pathvein.scan` finds.

    Raises:
        OSError, TypeError, ValueError, ImportError, RuntimeError: As :func:`pathvein.scan` does.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, check
        >>> run = FileStructurePattern("run_*", files=["config.json", "*.csv"])
        >>> with tempfile.TemporaryDirectory() as lab:
        ...     (Path(lab) / "run_1").mkdir()
        ...     _ = (Path(lab) / "run_1" / "Config.json").write_text("{}")
        ...     [result] = check(lab, run)
        >>> result.complete
        False
        >>> [str(missing) for missing in result.missing]
        ['config.json', '*.csv']
        >>> result.missing[0].closest.reason, result.missing[0].closest.path
        ('case', 'Config.json')
    """
    with icheck(**locals()) as stream:
        return list(chain.from_iterable(stream.batches()))


if TYPE_CHECKING:

    @overload
    def icheck(
        source: os.PathLike[str], patterns: _Patterns, **options: Unpack[_CheckOptions]
    ) -> CheckIterator[_types.Path]: ...
    @overload
    def icheck(
        source: str, patterns: _Patterns, **options: Unpack[_CheckOptions]
    ) -> CheckIterator[_types.Path | _types.UPath]: ...
    @overload
    def icheck(
        source: _types.UPath, patterns: _Patterns, **options: Unpack[_CheckOptions]
    ) -> CheckIterator[_types.UPath]: ...


def icheck(
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
    near: int | None = None,
) -> CheckIterator[_types.Any]:
    """Check directories as :func:`check` does, and yield each result as it is found.

    The arguments are those of :func:`check`, and the call raises the same exceptions. Each result
    comes once, in no particular order.

    Returns:
        An iterator that is also a context manager, as that of :func:`pathvein.iscan`. It has
        ``errors``, ``stats`` (in which the complete ones are the matches) and ``close()``. Its
        ``source`` is what is checked, as text, and ``patterns`` are the patterns.

    Example:
        >>> from pathvein import FileStructurePattern, icheck
        >>> with icheck(".", FileStructurePattern(files=["*.csv"])) as results:
        ...     incomplete = [result for result in results if not result.complete]
    """
    arguments = locals()
    from pathvein._checking.starting import start_check

    return start_check(arguments.pop("near"), **arguments)


if TYPE_CHECKING:

    @overload
    def explain(
        path: os.PathLike[str], pattern: FileStructurePattern, **options: Unpack[_ExplainOptions]
    ) -> Explanation[_types.Path]: ...
    @overload
    def explain(
        path: str, pattern: FileStructurePattern, **options: Unpack[_ExplainOptions]
    ) -> Explanation[_types.Path | _types.UPath]: ...
    @overload
    def explain(
        path: _types.UPath, pattern: FileStructurePattern, **options: Unpack[_ExplainOptions]
    ) -> Explanation[_types.UPath]: ...


def explain(
    path: str | os.PathLike[str] | _types.UPath,
    pattern: FileStructurePattern,
    *,
    exclude: str | Iterable[str] = (),
    follow_links: bool = False,
    one_file_system: bool = False,
    threads: int | None = None,
    storage_options: Mapping[str, _types.Any] | None = None,
    concurrency: int | None = None,
    on_error: _types.Literal["warn", "raise", "ignore"] | Callable[[OSError], object] = "warn",
) -> Explanation[_types.Any]:
    """Tell of each requirement of a pattern what became of it in one directory.

    Args:
        path: The directory: a path, a URL (a `str` with ``://`` or ``::``) or a UPath, as the
            source of :func:`pathvein.scan`. Its name may be any: that it does not pass
            ``directory_name`` is one of the findings.
        pattern: The pattern.
        exclude, follow_links, one_file_system, threads, storage_options, concurrency, on_error: As
            :func:`pathvein.scan` takes them.

    Returns:
        An :class:`Explanation`, which is true if and only if the directory matches. A store is
        listed directory by directory, as deep as the pattern asks.

    Raises:
        OSError: The directory does not exist (`FileNotFoundError`), is none
            (`NotADirectoryError`) or cannot be read (`PermissionError`).
        TypeError: An argument is of the wrong type, as several patterns are.
        ValueError: An argument has a wrong value.
        ImportError: It is a URL and what that needs is not installed.

    Example:
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, explain
        >>> Path("run_1").mkdir()
        >>> Path("run_1", "Config.json").touch()
        >>> Path("run_1", "a.csv").touch()
        >>> run = FileStructurePattern("run_*", files=["config.json", "*.csv"])
        >>> explanation = explain("run_1", run)
        >>> bool(explanation)
        False
        >>> print(*str(explanation).splitlines()[-3:], sep="\\n")
        ├── ✓ run_*/: the name is run_1
        ├── ✗ config.json: Config.json differs in case
        └── ✓ *.csv: a.csv
    """
    arguments = locals()
    from pathvein._checking.starting import run_explaining

    return run_explaining(**arguments)
