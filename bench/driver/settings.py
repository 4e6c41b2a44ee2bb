"""What the arguments say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .places import Trees


@dataclass(frozen=True)
class Settings:
    """See `scripts/bench --help`."""

    trees: Trees
    #: For all else; removed at the end.
    scratch: Path
    rounds: int
    #: Laboratory runs in the default tree.
    runs: int
    #: Entries of the large directories.
    entries: int
    #: Of the chain.
    depth: int
    #: A tree of the machine's own.
    own: Path
    #: Files of 4 KB to copy, the size of the large file, and files for the memory of a copy.
    files: int
    megabytes: int
    many: int
    #: Objects to copy from a store.
    objects: int
    #: What those take that use all processors.
    threads: int
    #: Whether those take part that have to be installed.
    download: bool
