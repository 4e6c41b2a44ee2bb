"""Pattern files in pattern text, as a person draws a tree."""

from __future__ import annotations

from pathvein._pattern_files.parts import line_and_column, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._pattern_files.parts import P, Part, Position, Positions

__all__ = ["parse"]


def parse(cls: type[P], text: str) -> list[Part[P]]:
    """The patterns of a text, of which there is at least one.

    Raises:
        PatternTextError: It is no pattern text.
    """
    patterns = cls._all_from_text(text)
    # They are looked for once one is asked.
    offsets: list[dict[str, int]] = []

    def positions(index: int) -> Positions:
        def position(place: str) -> Position | None:
            if not offsets:
                offsets.extend(map(dict, cls._places_in_text(text)))
            offset = nearest(offsets[index], place)
            return None if offset is None else line_and_column(text, offset)

        return position

    return [(pattern, positions(index)) for index, pattern in enumerate(patterns)]
