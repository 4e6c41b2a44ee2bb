"""Lists of which some is copied by the core, and the rest is not.

Each of the two sees only its own matches. What both may write to, or read, is this machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from pathvein._remote.copying.overlaps import Place, overlaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from upath import UPath


def between(
    places: Sequence[tuple[str | UPath, str | UPath]], *, overwrite: bool
) -> tuple[list[tuple[int, int]], dict[int, str]]:
    """What cannot be copied as it is asked for, as far as this machine is concerned.

    Returns:
        Matches that are left out, each with the one that has the same destination; and those
        that are refused, with the reason.
    """
    found = overlaps(
        [
            (_place(source, f"source {number}"), _place(destination, f"destination {number}"))
            for number, (source, destination) in enumerate(places)
        ]
    )
    # What exists and is not overwritten is skipped as such.
    refused = {
        number: reason
        for number, reason in found.refused.items()
        if overwrite or not os.path.lexists(str(places[number][1]))
    }
    return found.conflicts, refused


def _place(path: str | UPath, number: str) -> Place:
    if not isinstance(path, str) or "\0" in path:
        # It is compared with others by who copies it.
        return Place((number,), ())
    return Place(("file",), tuple(filter(None, os.path.realpath(path).split(os.sep))))
