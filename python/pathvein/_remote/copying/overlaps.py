"""Which matches cannot be copied as they are asked for, by where they are and nothing else.

What decides is here, and nothing is asked of a file system.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def overlaps(places: Sequence[tuple[Place, Place] | None]) -> Overlaps:
    """Compares sources and destinations; `None` is a match of which they are not known.

    Of those with one destination the first by source is copied, of equal ones the first.
    """
    found = Overlaps()
    first: dict[Place, int] = {}
    known = [(number, *ends) for number, ends in enumerate(places) if ends is not None]
    for number, _, destination in sorted(known, key=lambda match: (match[1], match[0])):
        if destination in first:
            found.conflicts.append((number, first[destination]))
        else:
            first[destination] = number
    found.conflicts.sort()
    for number, source, destination in known:
        if first[destination] == number and destination.is_within(source):
            found.refused[number] = (
                "the destination is the source itself: choose another"
                if destination == source
                else "the destination is inside the source: choose one elsewhere"
            )
        for above in source.and_above():
            other = first.get(above)
            if other is not None:
                found.refused.setdefault(
                    other,
                    "it would be written over a directory that is to be copied: choose a "
                    "destination that holds no source",
                )
    for destination, number in first.items():
        outer = [first[place] for place in destination.and_above() if place in first]
        if others := [other for other in outer if other != number]:
            found.after[number] = others
    return found
