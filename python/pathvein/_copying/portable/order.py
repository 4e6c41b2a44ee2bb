"""Which matches are not copied, and which come after others, by where they are: no match is read.

See `pathvein._copying.overlaps`, which knows destinations alone. Here what is written into the
source of another match is, too, since both are on this machine.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from pathvein._copying.disk import Disk, broken_link, leads_to_nothing
from pathvein._copying.overlaps import Place, overlaps
from pathvein._listing import noted

_CIRCULAR = "directories are to be copied into each other: copy one after the other"
_EMPTY = "the path of the destination is empty"


@dataclass
class Order:
    """What is known of the matches before anything is written. All are numbers of matches."""

    conflicts: list[tuple[int, int]] = field(default_factory=list)
    #: Those that are not copied, with the error.
    refused: dict[int, OSError] = field(default_factory=dict)
    #: The others, by groups that have nothing to do with each other, each in its order.
    groups: list[list[int]] = field(default_factory=list)


def order_of(ends: Sequence[tuple[str, str]], *, overwrite: bool) -> Order:
    """Compares all sources and destinations."""
    disk = Disk()
    places = [(disk.place(source), disk.place(to)) for source, to in ends]
    by_source = sorted(range(len(ends)), key=lambda number: (places[number][0], number))
    found = overlaps(places, by_source)
    order = Order(found.conflicts)

    def is_kept(number: int) -> bool:
        return not overwrite and os.path.lexists(ends[number][1])

    def refuse(number: int, reason: str) -> None:
        error = OSError(errno.EINVAL, reason, ends[number][1])
        order.refused[number] = noted(error, "comparing the matches")

    for number, reason in found.refused.items():
        if not is_kept(number):
            refuse(number, reason)
    for number, (_, destination) in enumerate(ends):
        if not destination:
            refuse(number, _EMPTY)
        elif (link := broken_link(destination, follows=False)) is not None:
            refuse(number, leads_to_nothing(link))
    left_out = {number for number, _ in found.conflicts} | order.refused.keys()
    copied = [number for number in range(len(ends)) if number not in left_out]
    before = _before(places, copied, is_kept)
    _group(order, copied, before, refuse)
    return order


def _before(
    places: Sequence[tuple[Place, Place]], copied: Sequence[int], is_kept: Callable[[int], bool]
) -> dict[int, set[int]]:
    """For each match those that are copied before it.

    What lies in the destination of another comes after that, and what is written into the source
    of another after that was read.
    """
    at: dict[Place, set[int]] = {}
    for number in copied:
        for place in places[number]:
            at.setdefault(place, set()).add(number)
    before: dict[int, set[int]] = {}
    for number in copied:
        destination = places[number][1]
        earlier = {
            other
            for place in destination.and_above()
            if place != destination
            for other in at.get(place, ())
        }
        before[number] = set() if earlier and is_kept(number) else earlier
    return before


def _group(
    order: Order,
    copied: Sequence[int],
    before: dict[int, set[int]],
    refuse: Callable[[int, str], None],
) -> None:
    near: dict[int, set[int]] = {number: set(before[number]) for number in copied}
    for number, earlier in before.items():
        for other in earlier:
            near[other].add(number)
    seen: set[int] = set()
    for start in copied:
        if start in seen:
            continue
        group, waiting = [], [start]
        seen.add(start)
        while waiting:
            number = waiting.pop()
            group.append(number)
            waiting += near[number] - seen
            seen |= near[number]
        group.sort()
        try:
            sorter = TopologicalSorter({number: before[number] for number in group})
            order.groups.append(list(sorter.static_order()))
        except CycleError:
            for number in group:
                refuse(number, _CIRCULAR)
