"""What the commands share that check directories."""

from __future__ import annotations

import os

from pathvein import Stats
from pathvein._arguments import is_url
from pathvein._stream import sum_of
from pathvein.cli._scanning import open_scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NamedTuple

    from pathvein.checking import CheckResult
    from pathvein.cli._inventories import Inventory
    from pathvein.cli._keys import Keys
    from pathvein.cli._output import Messages
    from pathvein.cli._patterns import Named
else:
    from pathvein._types import NamedTuple

#: What is too long to tell patterns apart in each line.
_LONG = 40

__all__ = ["Checked", "Checks", "Counts", "labels", "shown_path"]


class Counts:
    """How many candidates are complete, and how many are not."""

    def __init__(self) -> None:
        self.complete = 0
        #: Something is missing.
        self.incomplete = 0
        #: Nothing is known to be missing, but something could not be read.
        self.unknown = 0

    @property
    def candidates(self) -> int:
        """All of them."""
        return self.complete + self.incomplete + self.unknown

    def add(self, result: CheckResult[Any]) -> None:
        """Count a candidate."""
        if result.complete:
            self.complete += 1
        elif result.missing:
            self.incomplete += 1
        else:
            self.unknown += 1

    def __str__(self) -> str:
        """``1,204 candidates: 1,187 complete, 15 not, 2 could not be read``."""
        from pathvein._checking.texts import summary

        return summary(self.complete, self.incomplete, self.unknown)


class Checked(NamedTuple):
    """A result, and what it is called."""

    #: The directory, named as its source was given.
    path: str
    named: Named
    result: CheckResult[Any]


class Checks:
    """Checks of several sources, one after the other, and what came of them.

    Args:
        options: Those of `icheck`, without `storage_options`.
        storage_options: Those of URLs. Beside a URL, a path is not refused for them.
        on_error: Is called with each error, which is told in any case.
        keys: What is checked instead of sources.
    """

    def __init__(
        self,
        messages: Messages,
        patterns: list[Named],
        options: dict[str, Any],
        storage_options: dict[str, Any],
        on_error: Callable[[OSError], object] | None = None,
        keys: Keys | Inventory | None = None,
    ) -> None:
        self._keys = keys
        self._messages = messages
        self._patterns = patterns
        self._options = options
        self._storage_options = storage_options
        self._on_error = on_error
        #: The counts of all scans; a source that cannot be opened is an error.
        self.stats = Stats()
        #: Whether any source could be opened.
        self.opened = False
        self.counts = Counts()
        #: The complete ones of each pattern.
        self.matched = [0] * len(patterns)

    def batches(self, sources: Iterable[str]) -> Iterator[list[Checked]]:
        """All results as they are found, in batches. They are counted already."""
        from pathvein.checking import icheck

        keys = self._keys
        sources = list(sources) or ([""] if keys else [])
        has_url = any(map(is_url, sources))
        numbers = {named.pattern: index for index, named in enumerate(self._patterns)}
        options = {**self._options, "patterns": list(numbers)}
        for source in sources:
            of_source = not has_url or is_url(source)
            options["storage_options"] = self._storage_options if of_source else None
            stream = open_scan(
                self._messages,
                source,
                self.stats,
                options,
                start=keys.start_check if keys else icheck,
                found=self._found,
                on_error=self._on_error,
            )
            if stream is None:
                self.stats = sum_of(self.stats, Stats(errors=1))
                continue
            self.opened = True
            # Paths of keys are named so already.
            name = str if keys else shown_path(source)
            with stream:
                for batch in stream.batches():
                    checked = []
                    for result in batch:
                        number = numbers[result.pattern]
                        self.counts.add(result)
                        self.matched[number] += result.complete
                        named = self._patterns[number]
                        checked.append(Checked(name(str(result.source)), named, result))
                    yield checked
            self.stats = sum_of(self.stats, stream.stats)

    def _found(self) -> str:
        """What the line of progress tells."""
        return f"{self.counts.complete:,} of {self.counts.candidates:,} complete"


def shown_path(source: str) -> Callable[[str], str]:
    """Names the directories at and below a source as the source was given.

    With the source ``lab``, ``/home/me/lab/run_1`` is ``lab/run_1``. What lies below a URL has
    its own.
    """
    if is_url(source):
        return lambda path: path
    top = os.path.realpath(source)
    above = os.path.join(top, "")
    given = source.rstrip(os.sep) or os.sep

    def name(path: str) -> str:
        if path.startswith(above):
            return os.path.join(given, path[len(above) :])
        return given if path == top else path

    return name


def labels(patterns: list[Named]) -> dict[str, str]:
    """What tells patterns apart, by their names.

    That is what a pattern asks of the name, ``run_*/``, and where another asks the same, or that
    is long, the file or text that it is from.
    """
    from pathvein._checking.texts import head

    heads = [head("directories", named.pattern) for named in patterns]
    return {
        named.name: first if heads.count(first) == 1 and len(first) <= _LONG else named.name
        for named, first in zip(patterns, heads, strict=True)
    }
