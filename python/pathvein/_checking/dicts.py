"""Results of checks as JSON has them: dictionaries, lists, texts and numbers.

Nothing here goes down by recursion: patterns nest up to 128 levels deep.
"""

from __future__ import annotations

from collections.abc import Sequence

from pathvein._checking.texts import pattern_text, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._types import Any
    from pathvein.checking import CheckResult, Closest, Explanation, Finding, Missing

__all__ = ["closest_dict", "explanation_dict", "missing_dicts", "result_dict"]

#: How many requirements are written of one result. (A pattern that holds another twice, and that
#: another twice, would take all memory.)
_MOST = 10_000


def result_dict(result: CheckResult[Any]) -> dict[str, Any]:
    """A result: its path, its pattern's text, and what is missing."""
    return {
        "path": str(result.source),
        "pattern": pattern_text(result.pattern),
        "complete": result.complete,
        "missing": missing_dicts(result.missing),
        "unknown": missing_dicts(result.unknown),
    }


def missing_dicts(missing: Sequence[Missing]) -> list[dict[str, Any]]:
    """What is missing, or cannot be told.

    Each has ``place``, ``requirement`` (its text), ``found``, ``count`` and ``closest``, which is
    null if nothing came close. ``cut`` is true, and else not there, where what a sub-directory
    lacks is left out, since it would be too much.
    """
    top: list[dict[str, Any]] = []
    left: list[tuple[Sequence[Missing], list[dict[str, Any]]]] = [(missing, top)]
    room = _MOST
    for items, into in left:
        for item in items:
            closest = item.closest
            told = _told(item, closest)
            into.append(told)
            if closest is None or closest.pattern is None:
                continue
            room -= len(closest.missing) + len(closest.unknown)
            if room < 0:
                told["cut"] = True
                continue
            inside: tuple[list[Any], list[Any]] = [], []
            told["closest"] |= {"missing": inside[0], "unknown": inside[1]}
            left += (closest.missing, inside[0]), (closest.unknown, inside[1])
    return top


def _told(item: Missing | Finding, closest: Closest | None) -> dict[str, Any]:
    return {
        "place": item.place,
        "requirement": text_of(item.place, item.requirement),
        "found": list(closest.found) if closest else [],
        "count": closest.count if closest else 0,
        "closest": closest_dict(closest),
    }


def closest_dict(closest: Closest | None) -> dict[str, Any] | None:
    """What came closest, without what that lacks; `None` if nothing did."""
    if closest is None or closest.path is None:
        return None
    told: dict[str, Any] = {"reason": closest.reason, "path": closest.path}
    if closest.pattern is not None:
        told |= {"pattern": pattern_text(closest.pattern), "empty": closest.is_empty}
    return told


def explanation_dict(explanation: Explanation[Any]) -> dict[str, Any]:
    """An explanation: its path, its pattern's text, all findings, and the errors as texts."""
    top: list[dict[str, Any]] = []
    left: list[tuple[Sequence[Finding], list[dict[str, Any]]]] = [(explanation.findings, top)]
    room = _MOST
    for findings, into in left:
        for finding in findings:
            told = {"state": finding.state, **_told(finding, finding.closest), "inside": []}
            into.append(told)
            room -= len(finding.inside)
            if room >= 0:
                left.append((finding.inside, told["inside"]))
            else:
                told["cut"] = True
    return {
        "path": str(explanation.source),
        "pattern": pattern_text(explanation.pattern),
        "complete": explanation.complete,
        "findings": top,
        "errors": [str(error) for error in explanation.errors],
    }
