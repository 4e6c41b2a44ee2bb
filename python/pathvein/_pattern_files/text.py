"""Pattern files in pattern text, as a person draws a tree."""

from __future__ import annotations

from pathvein._pattern_files.parts import unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._pattern_files.parts import P, Part

__all__ = ["parse"]


def parse(cls: type[P], text: str) -> list[Part[P]]:
    """The patterns of a text, of which there is at least one.

    Raises:
        PatternTextError: It is no pattern text.
    """
    return [(pattern, unknown) for pattern in cls._all_from_text(text)]
