"""Results made of the core's raw findings."""

from __future__ import annotations

from pathvein.checking import Finding, Missing

__all__ = ["missing_of"]


def missing_of(finding: Finding) -> Missing:
    """What a requirement that does not hold is among the missing."""
    closest = finding.closest
    is_there = closest.reason is not None or closest.count
    return Missing(finding.place, finding.requirement, closest if is_there else None)
