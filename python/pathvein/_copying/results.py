"""What copying takes, returns and raises."""

from __future__ import annotations

from collections.abc import Sequence

from pathvein import _types
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False

#: How many failures a message lists.
_LISTED = 3


class ShuffleInput(_types.NamedTuple, _types.Generic["_types.S_co", "_types.D_co"]):
    """A directory to copy, where to, and the pattern that says what of it."""

    #: What is copied.
    source: _types.S_co
    #: What it is copied to, and not into.
    destination: _types.D_co
    #: What of it is copied.
    pattern: FileStructurePattern


class _Shuffled(_types.NamedTuple, _types.Generic["_types.S_co", "_types.D_co"]):
    #: As in :class:`ShuffleInput`.
    source: _types.S_co
    #: As in :class:`ShuffleInput`.
    destination: _types.D_co
    #: As in :class:`ShuffleInput`.
    pattern: FileStructurePattern


class ShuffleResult(_Shuffled["_types.S_co", "_types.D_co"]):
    """A directory that was copied, or that a :class:`ShuffleError` tells of.

    A tuple of the three objects that were passed, by which alone it is equal to others. What
    else there is to tell are attributes.
    """

    #: How many files were copied; in a dry run, how many would be.
    files: int
    #: Their size.
    bytes: int
    #: What belongs to the match and is not copied: its path in the source, and why.
    skipped: list[tuple[str, str]]
    #: Why it was not copied: empty for what was.
    errors: list[OSError]
    #: Files at the destination that were replaced before it failed (with ``overwrite``).
    replaced: list[str]

    if not TYPE_CHECKING:

        def __new__(cls, source, destination, pattern):
            """See the class."""
            made = super().__new__(cls, source, destination, pattern)
            made.files = made.bytes = 0
            made.skipped, made.errors, made.replaced = [], [], []
            return made

        @classmethod
        def _make(cls, iterable):
            return cls(*iterable)

        def _replace(self, **changes):
            made = super()._replace(**changes)
            made.__dict__.update(self.__dict__)
            return made


# As in 0.9, whose pickles are read so. Annotations are evaluated there, too.
ShuffleInput.__module__ = ShuffleResult.__module__ = "pathvein.lib"


class ShuffleProgress(_types.NamedTuple):
    """How far copying is."""

    #: Files that were copied.
    files: int
    #: Their size.
    bytes: int
    #: All files that are to be copied, as far as they are known.
    files_planned: int
    #: Their size.
    bytes_planned: int


class ShuffleWarning(UserWarning):
    """Directories could not be copied."""


class ShuffleError(OSError):
    """Directories could not be copied. The others were.

    It is raised at the end, when all that could be copied is. Its ``errno``, ``strerror`` and
    ``filename`` are those of all its errors, where these agree.
    """

    #: What was copied, in the order of the input.
    results: list[ShuffleResult[_types.Any, _types.Any]]
    #: What was not, each with its ``errors``.
    failed: list[ShuffleResult[_types.Any, _types.Any]]

    def __init__(
        self,
        message: str,
        results: Sequence[ShuffleResult[_types.Any, _types.Any]] = (),
        failed: Sequence[ShuffleResult[_types.Any, _types.Any]] = (),
    ) -> None:
        super().__init__(message)
        self.results, self.failed = list(results), list(failed)
        # So that who asks for ENOSPC or the like finds it.
        for name in ("errno", "strerror", "filename"):
            values = {getattr(error, name) for error in self.exceptions}
            if len(values) == 1:
                setattr(self, name, *values)

    def __str__(self) -> str:
        # Not what an OSError makes of its attributes.
        return str(self.args[0])

    def __reduce__(self) -> tuple[_types.Any, ...]:
        return type(self), (*self.args, self.results, self.failed)

    @property
    def exceptions(self) -> tuple[OSError, ...]:
        """All errors of what failed."""
        return tuple(error for result in self.failed for error in result.errors)


def failed_text(failed: Sequence[ShuffleResult[_types.Any, _types.Any]], count: int) -> str:
    """What is said of the matches that failed, among so many."""
    directories = "1 directory" if count == 1 else f"{count} directories"
    return failure_text(failed, f"{len(failed)} of {directories} could not be copied")


def failure_text(failed: Sequence[ShuffleResult[_types.Any, _types.Any]], head: str) -> str:
    """The head, and the first of the matches, each with its first error."""
    listed = "; ".join(
        f"{result.source} -> {result.destination}: {'; '.join(map(_noted, result.errors[:1]))}"
        for result in failed[:_LISTED]
    )
    rest = len(failed) - _LISTED
    return f"{head}: {listed}" + (f"; and {rest} more" if rest > 0 else "")


def _noted(error: OSError) -> str:
    notes = getattr(error, "__notes__", ())
    return f"{error} ({'; '.join(notes)})" if notes else str(error)
