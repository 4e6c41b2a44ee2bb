"""The policy for errors below a source."""

from __future__ import annotations

import sys
from collections.abc import Callable

#: How many errors a warning lists.
_ERRORS_LISTED = 3


class ScanWarning(UserWarning):
    """A part of a source could not be read, or the source is not listed by the chosen lister."""


class ErrorLog:
    """The errors of one scan or walk, handled as the chosen policy says."""

    def __init__(self, source: str, policy: str | Callable[[OSError], object]) -> None:
        self.errors: list[OSError] = []
        self._source = source
        self._policy = policy

    def add(self, error: OSError) -> None:
        """Handle an error. Raises it if that is the policy."""
        self.errors.append(error)
        if callable(self._policy):
            self._policy(error)
        elif self._policy == "raise":
            raise error

    def warn(self) -> None:
        """At the end of the scan: warn of the errors, if that is the policy."""
        if self.errors and self._policy == "warn":
            import warnings

            warnings.warn(self._summary(), ScanWarning, stacklevel=frames_inside())

    def _summary(self) -> str:
        count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
        listed = "; ".join(str(error) for error in self.errors[:_ERRORS_LISTED])
        rest = len(self.errors) - _ERRORS_LISTED
        more = f"; and {rest} more" if rest > 0 else ""
        return f"{count} below {self._source!r}, which may hide results: {listed}{more}"


def frames_inside() -> int:
    """The stack level of the first caller outside this package, seen from the caller."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("pathvein."):
        frame = frame.f_back
        level += 1
    return level
