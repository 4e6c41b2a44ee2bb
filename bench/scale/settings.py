"""What the arguments say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from driver.places import Trees


@dataclass(frozen=True)
class Settings:
    """See `scripts/bench-scale --help`."""

    #: Makes trees when they are asked for: `trees.get("lab", runs)`.
    trees: Trees
    #: For all else; removed at the end.
    scratch: Path
    rounds: int
    #: What all sizes are multiplied by: 1, less with --quick and in the tests.
    part: float

    def size(self, full: int, least: int = 1) -> int:
        """So much of what the bar asks for, `least` at least."""
        return max(least, round(full * self.part))
