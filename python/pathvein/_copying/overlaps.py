"""Which matches cannot be copied as they are asked for, by where they are and nothing else.

What decides is here, and nothing is asked of a file system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where a directory is: on which file system, and the components of its path there."""

    file_system: tuple[str, ...]
    path: tuple[str, ...]

    def is_within(self, other: Place) -> bool:
        """Whether it is the other directory, or below it."""
        return self.file_system == other.file_system and self.path[: len(other.path)] == other.path

    def and_above(self) -> Iterator[Place]:
        """The directory, and those above it."""
        for length in range(len(self.path), -1, -1):
            yield Place(self.file_system, self.path[:length])


@dataclass
class Overlaps:
    """What is known of the matches before anything is written. All are numbers of matches."""

    #: Those that are left out, each with the one that is copied to the same destination.
    conflicts: list[tuple[int, int]] = field(default_factory=list)
    #: Those that must not be copied unless their destination exists already and is left as it is.
    refused: dict[int, str] = field(default_factory=dict)
    #: Those that wait for others, whose destination theirs is below.
    after: dict[int, list[int]] = field(default_factory=dict)


def overlaps(
    places: Sequence[tuple[Place, Place] | None], order: Iterable[int] | None = None
) -> Overlaps:
    """Compares sources and destinations; `None` is a match of which they are not known.

    Of those with one destination the first by source is copied, of equal ones the first; or the
    first in `order`, in which all numbers are. What is refused stands in nobody's way.
    """
    found = Overlaps()
    known = {number: ends for number, ends in enumerate(places) if ends is not None}
    by_destination: dict[Place, list[int]] = {}
    others: set[Place] = set()
    for number in sorted(known, key=lambda n: (known[n][0], n)) if order is None else order:
        if number not in known:
            continue
        source, destination = known[number]
        if destination.is_within(source):
            found.refused[number] = (
                "a directory cannot be copied into itself: give a destination outside of the source"
            )
        else:
            by_destination.setdefault(destination, []).append(number)
        # Nothing is to be had from what is its own destination, so that may be written over.
        if destination != source:
            others.add(source)
    for source in others:
        for above in source.and_above():
            for number in by_destination.pop(above, ()):
                found.refused[number] = (
                    "a directory that is to be copied lies in this destination: give another "
                    "destination"
                )
    for destination, (first, *rest) in by_destination.items():
        found.conflicts += [(number, first) for number in rest]
        holders = (by_destination.get(place, (first,))[0] for place in destination.and_above())
        if outer := [number for number in holders if number != first]:
            found.after[first] = outer
    found.conflicts.sort()
    return found
