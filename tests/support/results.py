"""Results of checks as they are, made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pathvein import FileStructurePattern as P
from pathvein._checking.texts import requirement_at
from pathvein.checking import CheckResult, Closest, Explanation, Finding, Missing


def closest(
    reason: str | None = None,
    path: str | None = None,
    *found: str,
    count: int | None = None,
    inside: tuple[P, tuple[Missing, ...], tuple[Missing, ...]] | None = None,
    is_empty: bool = False,
) -> Closest:
    """What is there, or came closest; `inside` is a pattern, what is missing, and the unknown."""
    pattern, missing, unknown = inside or (None, (), ())
    number = len(found) if count is None else count
    return Closest(reason, path, found, number, pattern, missing, unknown, is_empty)


def missing(pattern: P, place: str, what: Closest | None = None) -> Missing:
    """What a pattern asks for at a place."""
    return Missing(place, requirement_at(pattern, place), what)


def within(pattern: P, place: str, path: str, *inside: Missing, is_empty: bool = False) -> Missing:
    """A directory requirement, and what the closest sub-directory lacks."""
    asked: Any = requirement_at(pattern, place)
    below = inside_of(asked)
    return missing(
        pattern, place, closest("name", path, inside=(below, inside, ()), is_empty=is_empty)
    )


def inside_of(requirement: Any) -> P:
    """The pattern of a directory requirement that has one."""
    pattern: P = requirement if isinstance(requirement, P) else requirement.directory
    return pattern


def result(pattern: P, *lacking: Missing, unknown: tuple[Missing, ...] = ()) -> CheckResult[Path]:
    """A result of the directory ``lab/run_7``."""
    return CheckResult(Path("lab/run_7"), pattern, not (lacking or unknown), lacking, unknown)


def finding(
    pattern: P, place: str, state: str, what: Closest | None = None, *inside: Finding
) -> Finding:
    """What became of a requirement."""
    return Finding(place, requirement_at(pattern, place), state, what or closest(), inside)


def explanation(pattern: P, *findings: Finding, errors: tuple[OSError, ...] = ()) -> Any:
    """An explanation of the directory ``lab/run_7``."""
    return Explanation(Path("lab/run_7"), pattern, findings, errors)
