"""Checks: which directories are complete, and what the others lack."""

from __future__ import annotations

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

__all__ = ["CheckResult", "Closest", "Finding", "Missing"]


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
    count: int
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


class Finding(_types.NamedTuple):
    """What became of one requirement of a pattern."""

    place: str
    requirement: Requirement
    #: ``"met"``, ``"missing"``, ``"unknown"``; ``"absent"`` for something optional that is not there.
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
