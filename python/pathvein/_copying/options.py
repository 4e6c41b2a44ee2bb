"""How matches are copied, as all that copies is told it."""

from __future__ import annotations

from typing import NamedTuple

from pathvein_core import ExcludeRules, FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from upath import UPath

    class Producer(Protocol):
        """Copies matches: `pathvein_core.Copy`, and the one of `_remote.copying`.

        An outcome is a tuple: the index of the match; ``"copied"``, ``"exists"`` (the destination,
        which was not to be overwritten), ``"conflict"`` or ``"failed"``; files, bytes; what was
        left out (path, reason); errors; and the files that were replaced before it failed.
        """

        def conflicts(self) -> list[tuple[int, int]]:
            """Matches that are not copied, each with the one that has the same destination.

            Nothing is written before the first `next_batch`.
            """

        def divide(self) -> tuple[list[list[int]], list[Outcome]]:
            """Groups of matches that can be copied apart, each in its order, by their indices.

            And the outcomes of those that are in none, as nothing copies them. Nothing is written,
            and `next_batch` is not called after it.
            """

        def next_batch(self, seconds: float) -> tuple[list[Outcome], bool]:
            """Outcomes, and whether these were the last; waits at most `seconds`."""

        def progress(self) -> tuple[int, int, int, int]:
            """Files and bytes so far, and in all: the latter grow while matches are planned."""

        def close(self) -> None:
            """Stop the work, and remove what is not complete."""


#: See `Producer`.
Outcome = tuple[int, str, int, int, list[tuple[str, str]], list[OSError], list[str]]


class Match(NamedTuple):
    """A match to copy, and where."""

    #: Its number, by which outcomes name it: where it stands in the list.
    number: int
    #: A path of this machine, or a UPath elsewhere.
    source: str | UPath
    destination: str | UPath
    pattern: FileStructurePattern


class CopyOptions(NamedTuple):
    """How matches are copied."""

    overwrite: bool = False
    dryrun: bool = False
    #: Workers on this machine. `None`: as many as there are processors.
    threads: int | None = None
    #: Files under way at a time where an end is remote. `None`: what the file system supports.
    concurrency: int | None = None
    fsync: bool = False
    #: What becomes of links to files: ``"follow"`` or ``"keep"``.
    links: str = "follow"
    #: What belongs to no match, relative to `exclude_base`: a path, or the URL of a source.
    exclude: ExcludeRules | None = None
    exclude_base: str | None = None
    #: Whether mount points in local matches are skipped.
    one_file_system: bool = False
    #: What lists stores, as for a scan.
    lister: str = "auto"
    #: Whether all matches are planned first, so that progress tells totals.
    totals: bool = False
