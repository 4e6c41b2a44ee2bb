"""Lists of which some is copied by the core, and the rest is not.

Each of the two sees only its own matches. What both may write to, or read, is this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from pathvein._copying.disk import Disk
from pathvein._copying.overlaps import Place, overlaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from upath import UPath


class Between(NamedTuple):
    """What is known of matches over both."""

    #: Matches that are left out, each with the one that has the same destination.
    conflicts: list[tuple[int, int]]
    #: Those that are refused, with the reason.
    refused: dict[int, str]
    #: Of the others, those of one step after those of the step before: what lies in the
    #: destination of another comes after it. In one step the core comes first.
    steps: list[list[int]]


def between(
    places: Mapping[int, tuple[str | UPath, str | UPath]], remote: set[int], *, overwrite: bool
) -> Between:
    """What cannot be copied as it is asked for, as far as this machine is concerned.

    Args:
        places: Sources and destinations by number; of those with one destination the first is
            copied.
        remote: The numbers of what is not copied by the core.
        overwrite: Whether destinations that exist are written to. Else they are skipped as such.
    """
    numbers, disk = list(places), Disk()
    ends = [
        (
            _place(disk, source, f"source {number}"),
            _place(disk, destination, f"destination {number}"),
        )
        for number, (source, destination) in places.items()
    ]
    found = overlaps(ends, range(len(ends)))
    refused = {
        numbers[index]: reason
        for index, reason in found.refused.items()
        if overwrite or not os.path.lexists(str(places[numbers[index]][1]))
    }
    conflicts = [(numbers[index], numbers[first]) for index, first in found.conflicts]
    left_out = refused.keys() | {number for number, _ in conflicts}
    step: dict[int, int] = {}
    for index in sorted(range(len(ends)), key=lambda index: len(ends[index][1].path)):
        number = numbers[index]
        outer = [numbers[other] for other in found.after.get(index, ())]
        step[number] = max(
            (step[other] + (other in remote and number not in remote) for other in outer),
            default=0,
        )
    steps: list[list[int]] = [[] for _ in range(max(step.values(), default=0) + 1)]
    for number in numbers:
        if number not in left_out:
            steps[step[number]].append(number)
    return Between(conflicts, refused, steps)


def _place(disk: Disk, path: str | UPath, number: str) -> Place:
    if not isinstance(path, str) or "\0" in path:
        # It is compared with others by who copies it.
        return Place((number,), ())
    return disk.place(path)
