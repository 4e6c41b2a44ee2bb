"""Lists of which some is copied by the core, and the rest is not.

Each of the two sees only its own matches. What both may write to, or read, is this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from pathvein._copying.alike import Alike
from pathvein._copying.disk import Disk
from pathvein._copying.names import is_one_path, no_path
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
    #: Those that have a step of their own, each with those before it that may turn out to have been
    #: copied to its destination.
    alike: dict[int, list[int]]
    #: Destinations on this machine.
    paths: dict[int, str]

    def twin(self, number: int) -> int | None:
        """The match that was copied to this one's destination, so that this is not to be."""
        here = self.paths.get(number, "")
        others = self.alike.get(number, ())
        return next((other for other in others if is_one_path(here, self.paths[other])), None)


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
    # The core does not follow a link that is a destination.
    here = {
        number: (on_this_machine(source, disk), on_this_machine(to, disk, number in remote))
        for number, (source, to) in places.items()
    }
    ends = [
        (
            _place(disk, source, f"source {number}"),
            _place(disk, destination, f"destination {number}"),
        )
        for number, (source, destination) in here.items()
    ]
    found = overlaps(ends, range(len(ends)))
    refused = {
        numbers[index]: reason
        for index, reason in found.refused.items()
        if overwrite or not os.path.lexists(here[numbers[index]][1] or "")
    }
    conflicts = [(numbers[index], numbers[first]) for index, first in found.conflicts]
    left_out = refused.keys() | {number for number, _ in conflicts}
    paths = {
        number: destination
        for number, (_, destination) in here.items()
        if number not in left_out and destination is not None
    }
    found_alike = Alike(paths, overwrite=overwrite)
    alike: dict[int, list[int]] = {}
    step: dict[int, int] = {}
    for index in sorted(range(len(ends)), key=lambda index: len(ends[index][1].path)):
        number = numbers[index]
        outer = {numbers[other] for other in found.after.get(index, ())}
        if number in paths:
            same = found_alike.same(number)
            outer.update(found_alike.above(number))
            if len({other in remote for other in (number, *same)}) > 1:
                # The two do not know of each other.
                earlier = [other for other in same if other in step]
                outer.update(earlier)
                if earlier:
                    alike[number] = earlier
        step[number] = max(
            (
                step[other]
                + (
                    (other in remote and number not in remote)
                    or not alike.keys().isdisjoint((number, other))
                )
                for other in outer
            ),
            default=0,
        )
    steps: list[list[int]] = [[] for _ in range(max(step.values(), default=0) + 1)]
    for number in numbers:
        if number not in left_out and number not in alike:
            steps[step[number]].append(number)
    for number in sorted(alike, key=step.__getitem__, reverse=True):
        steps.insert(step[number] + 1, [number])
    return Between(conflicts, refused, steps, alike, paths)


def on_this_machine(path: str | UPath, disk: Disk, follows: bool = True) -> str | None:
    """Its path here, without links; `None` if it is elsewhere, or cannot be anywhere.

    Without `follows` its last name may be a link.
    """
    if isinstance(path, str):
        found: str | None = path
    else:
        from pathvein._remote.copying.ends import path_here

        found = path_here(path)
    if found is None or no_path(found) is not None:
        # It is compared with others by who copies it.
        return None
    return disk.resolved(found, follows=follows)


def _place(disk: Disk, path: str | None, number: str) -> Place:
    return Place((number,), ()) if path is None else disk.place_of(path)
