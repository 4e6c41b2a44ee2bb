"""The policy for errors below a source."""

from __future__ import annotations

import sys
from collections.abc import Callable

#: How many errors a warning lists.
_ERRORS_LISTED = 3
#: How many errors are kept.
_ERRORS_KEPT = 10_000


class ScanWarning(UserWarning):
    """Something may be missing from the results, or the chosen lister does not list the source."""


class ErrorLog:
    """The errors of one scan or walk, handled as the chosen policy says."""

    def __init__(self, source: str, policy: str | Callable[[OSError], object]) -> None:
        #: The first ones.
        self.errors: list[OSError] = []
        #: How many there were.
        self.count = 0
        self._most = _ERRORS_KEPT
        self._source = source
        self._policy = policy

    def keep_few(self) -> None:
        """Keep only what the warning lists: nobody will ask for the errors."""
        self._most = _ERRORS_LISTED if self._policy == "warn" else 0

    def add(self, error: OSError) -> None:
        """Handle an error. Raises it if that is the policy."""
        self.count += 1
        if len(self.errors) < self._most:
            self.errors.append(error)
        if callable(self._policy):
            self._policy(error)
        elif self._policy == "raise":
            raise error

    def warn(self, hidden_by_links: int = 0) -> None:
        """At the end of the scan: one warning of all that may hide results.

        Of errors if that is the policy. That links hide matches is no error: who has errors
        raised is warned of it, too.
        """
        texts = []
        if self.count and self._policy == "warn":
            texts.append(self._summary())
        if hidden_by_links and self._policy in ("warn", "raise"):
            matches = "1 match" if hidden_by_links == 1 else f"{hidden_by_links} matches"
            matches += f" below {self._source!r}"
            texts.append(hidden_by_links_text(matches, "follow_links=True"))
        if texts:
            warn(". ".join(texts))

    def _summary(self) -> str:
        count = "1 error" if self.count == 1 else f"{self.count} errors"
        listed = "; ".join(str(error) for error in self.errors[:_ERRORS_LISTED])
        rest = self.count - _ERRORS_LISTED
        more = f"; and {rest} more" if rest > 0 else ""
        return f"{count} below {self._source!r}, which may hide results: {listed}{more}"


def hidden_by_links_text(matches: str, option: str) -> str:
    """What is told of so many matches; `option` would follow links."""
    return (
        f"{matches} may be hidden: required directories are there as links, which are followed "
        f"only with {option}"
    )


def warn(message: str, category: type[Warning] = ScanWarning) -> None:
    """Warn as of the line that called this package, however often it is told there.

    `warnings.warn` tells the same text once a line, and so would not tell of a second scan.
    """
    import warnings

    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("pathvein."):
        frame = frame.f_back
    module = frame.f_globals.get("__name__")
    file = frame.f_code.co_filename
    warnings.warn_explicit(message, category, file, frame.f_lineno, module, registry={})
