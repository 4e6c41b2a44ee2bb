"""Checks: which directories are complete, and what the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pathvein import _types
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein_core import Directories, Files, Regex

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
    )

__all__ = ["CheckResult", "Closest", "Explanation", "Finding", "Missing"]


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

    place: str
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
