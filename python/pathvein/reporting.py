"""Reports: what a check found, counted, as a table, as JSON and as a page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from pathvein_core import Stats, __version__

from pathvein import _arguments, _types
from pathvein._stream import sum_of
from pathvein._visible import without_passwords
from pathvein.checking import CheckResult
from pathvein.lib import ScanResult
from pathvein.pattern import FileStructurePattern

# What makes the forms of a report is imported where it is used.

__all__ = [
    "CheckReport",
    "PatternCounts",
    "RequirementCounts",
    "to_arrow",
    "to_pandas",
    "to_polars",
]


class PatternCounts(_types.NamedTuple):
    """How many candidates of a pattern are complete. The last three add up to the first."""

    #: The pattern.
    pattern: FileStructurePattern
    #: Directories that were looked at for it.
    candidates: int
    #: Nothing is missing.
    complete: int
    #: Something is missing.
    incomplete: int
    #: Nothing is known to be missing, but something cannot be told.
    unknown: int


class RequirementCounts(_types.NamedTuple):
    """How many candidates of a pattern meet one of its requirements.

    ``met``, ``missing`` and ``unknown`` add up to the pattern's candidates.
    """

    #: The pattern.
    pattern: FileStructurePattern
    #: As in :class:`Missing`: ``files[1]``.
    place: str
    #: The requirement as pattern text.
    requirement: str
    #: Candidates that meet it.
    met: int
    #: Candidates that do not.
    missing: int
    #: Of the missing: those to which something came close, or of which there are too few.
    near: int
    #: Candidates of which it cannot be told.
    unknown: int


class CheckReport:
    """What a check found: counted, as a table, as JSON lines, as a page.

    It takes all results at once, and keeps of each its path, its pattern and, where it is not
    complete, the JSON of what it lacks. What many have in common (the parent, and what they lack)
    is kept once. 100,000 results take some 10 MB if most are complete, and 100 MB if each lacks
    something else.

    Args:
        results: The :class:`CheckResult` of a check, or made by hand: a list, a generator, or
            what :func:`icheck` returns. Of the latter the source, the patterns, the errors and
            the counts are taken, too.
        source: Where was looked: what is shown as such, one or several.
        patterns: One pattern or several, of which there may be no results. Those of results that
            are not among them come after them.
        errors: What went wrong.
        stats: The counts of the check.
        started: When the check started, with a time zone. `None`: now.
        options: With which options was checked, by name: what is shown as such.

    Raises:
        TypeError: An argument is of the wrong type, or something in `results` is no
            :class:`CheckResult`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pathvein import CheckReport, FileStructurePattern, icheck
        >>> pattern = FileStructurePattern.from_text("run_*/{config.json, *.csv}")
        >>> with tempfile.TemporaryDirectory() as lab:
        ...     for name in ("run_1", "run_2"):
        ...         (Path(lab) / name).mkdir()
        ...         (Path(lab) / name / "config.json").touch()
        ...     (Path(lab) / "run_1" / "1.csv").touch()
        ...     report = CheckReport(icheck(lab, pattern))
        >>> report
        <CheckReport: 2 candidates, 1 complete, 1 incomplete, 0 unknown>
        >>> [(counts.requirement, counts.missing) for counts in report.by_requirement]
        [('config.json', 0), ('*.csv', 1)]
    """

    def __init__(
        self,
        results: Iterable[CheckResult[_types.Any]] = (),
        *,
        source: object | Iterable[object] | None = None,
        patterns: FileStructurePattern | Iterable[FileStructurePattern] | None = None,
        errors: Iterable[OSError] = (),
        stats: Stats | None = None,
        started: _types.datetime | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        from datetime import datetime

        from pathvein._reporting.rows import Rows

        #: When the check started.
        self.started = datetime.now().astimezone() if started is None else started
        #: The version of pathvein that made the report.
        self.version = __version__
        #: The options of the check that were given.
        self.options = dict(options or {})
        #: Where was looked; of URLs, without passwords.
        self.sources: list[str] = []
        #: What went wrong: of each check the first 10,000.
        self.errors: list[OSError] = []
        #: The counts of all checks; all 0 where nobody told them.
        self.stats = Stats()
        self._rows = Rows()
        self.extend(results, source=source, patterns=patterns, errors=errors, stats=stats)

    def extend(
        self,
        results: Iterable[CheckResult[_types.Any]],
        *,
        source: object | Iterable[object] | None = None,
        patterns: FileStructurePattern | Iterable[FileStructurePattern] | None = None,
        errors: Iterable[OSError] = (),
        stats: Stats | None = None,
    ) -> None:
        """Add the results of a further check. The arguments are those of the class.

        Example:
            >>> from pathvein import CheckReport, FileStructurePattern, icheck
            >>> pattern, report = FileStructurePattern(files=["*.md"]), CheckReport()
            >>> for source in (".", "/usr/local"):
            ...     report.extend(icheck(source, pattern, max_depth=0))
            >>> report.sources[1]
            '/usr/local'
        """
        if source is None and hasattr(results, "source"):
            # A report is read elsewhere, and where that was depends on the working directory.
            source = results.source
            if isinstance(source, str) and not _arguments.is_url(source):
                source = os.path.realpath(source)
        if patterns is None:
            patterns = getattr(results, "patterns", None)
        if patterns is not None:
            for pattern in _arguments.check(patterns=patterns)["patterns"]:
                self._rows.add_pattern(pattern)
        add = self._rows.add
        for result in results:
            if not isinstance(result, CheckResult):
                raise _arguments.wrong_type("results", "an iterable of CheckResult", result)
            add(result)
        # What an iterator knows at its end.
        self.errors += [*getattr(results, "errors", ()), *errors]
        more = getattr(results, "stats", None) if stats is None else stats
        self.stats = self.stats if more is None else sum_of(self.stats, more)
        self.sources += _sources(source)

    @property
    def candidates(self) -> int:
        """How many results there are."""
        return len(self._rows)

    @property
    def complete(self) -> int:
        """How many of them lack nothing."""
        return sum(counts.complete for counts in self.by_pattern)

    @property
    def incomplete(self) -> int:
        """How many of them lack something."""
        return sum(counts.incomplete for counts in self.by_pattern)

    @property
    def unknown(self) -> int:
        """How many of them lack nothing that is known, but of which not all could be told."""
        return sum(counts.unknown for counts in self.by_pattern)

    @property
    def by_pattern(self) -> list[PatternCounts]:
        """The counts of each pattern, in the order in which the patterns were given or came."""
        patterns = self._rows.patterns
        counts = [[0, 0, 0] for _ in patterns]
        for lacks in self._rows.lacks:
            state = 0 if lacks.is_complete else 2 if lacks.is_unknown else 1
            counts[lacks.pattern][state] += lacks.rows
        return [
            PatternCounts(reported.pattern, sum(each), *each)
            for reported, each in zip(patterns, counts, strict=True)
        ]

    @property
    def by_requirement(self) -> list[RequirementCounts]:
        """The counts of each requirement of each pattern, in the order of the pattern.

        The name is not among them, as every candidate passes it.
        """
        from pathvein._reporting.rows import NEAR, UNKNOWN

        patterns = self._rows.patterns
        counts = [[[0, 0, 0] for _ in reported.items] for reported in patterns]
        candidates = [0] * len(patterns)
        for lacks in self._rows.lacks:
            candidates[lacks.pattern] += lacks.rows
            for number, state in lacks.states:
                count = counts[lacks.pattern][number]
                if state == UNKNOWN:
                    count[2] += lacks.rows
                else:
                    count[0] += lacks.rows
                    count[1] += lacks.rows * (state == NEAR)
        return [
            RequirementCounts(
                reported.pattern,
                *item,
                candidates[index] - missing - unknown,
                missing,
                near,
                unknown,
            )
            for index, reported in enumerate(patterns)
            for item, (missing, near, unknown) in zip(reported.items, counts[index], strict=True)
        ]

    def to_arrow(self) -> _types.pyarrow.Table:
        """All results as a table of Arrow, in the order in which they came.

        Columns, in each of the three frames:

        - ``path`` (the URL of what is remote), ``name``, ``parent``: text;
        - ``pattern``: its text, on one line;
        - ``complete``: a bool;
        - ``missing``, ``unknown``, ``near``: lists of the requirements, as pattern text; those
          that are near are missing, too, but something came close;
        - ``lacks``: the line that ``pathvein check`` writes, empty if it is complete.

        Without results there are the same columns, of the same types. Frames hold text only: a
        byte of a name that is no text is ``\\xff`` there, as on a terminal. The JSON lines have
        names exactly.

        Raises:
            ImportError: pyarrow is not installed, which the extra ``arrow`` does.
        """
        from pathvein._reporting.frames import as_arrow, check_columns

        return as_arrow(lambda: check_columns(self._rows))

    def to_pandas(self) -> _types.pandas.DataFrame:
        """All results as a frame of pandas, with the columns of :meth:`to_arrow`.

        Raises:
            ImportError: pandas is not installed, which the extra ``pandas`` does.
        """
        from pathvein._reporting.frames import as_pandas, check_columns

        return as_pandas(lambda: check_columns(self._rows))

    def to_polars(self) -> _types.polars.DataFrame:
        """All results as a frame of polars, with the columns of :meth:`to_arrow`.

        Raises:
            ImportError: polars is not installed, which the extra ``polars`` does.
        """
        from pathvein._reporting.frames import as_polars, check_columns

        return as_polars(lambda: check_columns(self._rows))

    def to_json_lines(self, file: str | os.PathLike[str] | _types.IO[str]) -> None:
        """Write one JSON object a line for each result, as ``pathvein check --json`` does.

        ``{"path", "pattern", "complete", "missing", "unknown"}``: what is missing, and what is
        unknown, as lists of ``{"place", "requirement", "found", "count", "closest"}``. A byte of
        a name that is no text is written as ``\\udcXX``, which `json.loads` reads back.

        Args:
            file: A path, or a file that is open for text. A file under the path is replaced once
                all is written.

        Raises:
            OSError: It cannot be written.

        Example:
            >>> import sys
            >>> from pathlib import Path
            >>> from pathvein import CheckReport, CheckResult, FileStructurePattern
            >>> run = CheckResult(Path("/lab/x"), FileStructurePattern("x"), True, (), ())
            >>> CheckReport([run]).to_json_lines(sys.stdout)
            {"path": "/lab/x", "pattern": "x/", "complete": true, "missing": [], "unknown": []}
        """
        from pathvein._reporting.written import json_lines, opened

        with opened(file) as stream:
            stream.writelines(json_lines(self._rows))

    def to_csv(self, file: str | os.PathLike[str] | _types.IO[str]) -> None:
        """Write a table as CSV, in UTF-8: a heading, and a line for each result.

        The columns ``path``, ``name``, ``parent``, ``pattern``, ``complete`` (``true``,
        ``false``), ``lacks``, and one for each requirement of the patterns, with its text as
        heading and ``met``, ``missing``, ``near`` (missing, but something came close) or
        ``unknown`` in it; nothing where the result is of another pattern. Text that a spreadsheet
        would take for a formula, as it begins with ``=``, ``+``, ``-`` or ``@``, has a ``'`` in
        front. Names that are no text are as in :meth:`to_arrow`.

        Args:
            file: As in :meth:`to_json_lines`.

        Raises:
            OSError: It cannot be written.
        """
        from pathvein._reporting.written import csv_lines, opened

        with opened(file) as stream:
            stream.writelines(csv_lines(self._rows))

    def to_html(self, file: str | os.PathLike[str] | _types.IO[str]) -> None:
        """Write a page to look at: one file that needs nothing else. It holds no passwords of URLs.

        Args:
            file: As in :meth:`to_json_lines`.

        Raises:
            ImportError: Jinja2 is not installed, which the extra ``report`` does.
            OSError: It cannot be written.
        """
        from pathvein import _page
        from pathvein._reporting.written import opened

        with opened(file) as stream:
            _page.write(self, stream)

    def __repr__(self) -> str:
        return (
            f"<CheckReport: {self.candidates:,} candidates, {self.complete:,} complete, "
            f"{self.incomplete:,} incomplete, {self.unknown:,} unknown>"
        )


def to_arrow(results: Iterable[ScanResult[_types.Any]]) -> _types.pyarrow.Table:
    """The results of a scan as a table of Arrow, in their order.

    The columns, in each of the three frames, are text: ``path`` (the URL of what is remote),
    ``name``, ``parent``, and ``pattern`` (its text, on one line). Without results there are the
    same columns, of the same types. Frames hold text only: a byte of a name that is no text is
    ``\\xff`` there, as on a terminal.

    Args:
        results: A set, a list, a generator, or what :func:`iscan` returns. (The results of a
            check go into a :class:`CheckReport`, which has frames, too.)

    Raises:
        ImportError: pyarrow is not installed, which the extra ``arrow`` does.
        TypeError: Something in `results` is no :class:`ScanResult`.

    Example:
        >>> from pathlib import Path
        >>> from pathvein import FileStructurePattern, ScanResult, to_arrow
        >>> run = ScanResult(Path("/lab/run_1"), FileStructurePattern("run_*"))
        >>> to_arrow([run]).to_pylist()
        [{'path': '/lab/run_1', 'name': 'run_1', 'parent': '/lab', 'pattern': 'run_*/'}]
    """
    from pathvein._reporting.frames import as_arrow, scan_columns

    return as_arrow(lambda: scan_columns(results))


def to_pandas(results: Iterable[ScanResult[_types.Any]]) -> _types.pandas.DataFrame:
    """The results of a scan as a frame of pandas, with the columns of :func:`to_arrow`.

    Args:
        results: As in :func:`to_arrow`.

    Raises:
        ImportError: pandas is not installed, which the extra ``pandas`` does.
        TypeError: Something in `results` is no :class:`ScanResult`.
    """
    from pathvein._reporting.frames import as_pandas, scan_columns

    return as_pandas(lambda: scan_columns(results))


def to_polars(results: Iterable[ScanResult[_types.Any]]) -> _types.polars.DataFrame:
    """The results of a scan as a frame of polars, with the columns of :func:`to_arrow`.

    Args:
        results: As in :func:`to_arrow`.

    Raises:
        ImportError: polars is not installed, which the extra ``polars`` does.
        TypeError: Something in `results` is no :class:`ScanResult`.
    """
    from pathvein._reporting.frames import as_polars, scan_columns

    return as_polars(lambda: scan_columns(results))


def _sources(source: object | Iterable[object] | None) -> list[str]:
    if source is None:
        return []
    is_one = isinstance(source, str | bytes | os.PathLike) or _arguments.is_upath(source)
    if is_one or not isinstance(source, Iterable):
        source = [source]
    texts = (os.fsdecode(each) if isinstance(each, bytes) else str(each) for each in source)
    return [without_passwords(text) for text in texts]
