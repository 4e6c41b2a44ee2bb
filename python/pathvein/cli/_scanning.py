"""What commands do with scans, and say of them."""

from __future__ import annotations

import os

from pathvein import Stats, lib
from pathvein._arguments import is_url
from pathvein._errors import hidden_by_links_text
from pathvein._pattern_files import ENDINGS
from pathvein._stream import sum_of
from pathvein.cli._click import Failure, failure
from pathvein.cli._output import Messages, count, describe, remote_counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pathvein._stream import Stream
    from pathvein.cli._patterns import Named

__all__ = [
    "MISSING_OPTION",
    "open_scan",
    "place",
    "refuse_files",
    "say_hidden",
    "say_matched",
    "say_patterns",
    "say_stats",
    "start_scan",
]

MISSING_OPTION = " (is -p missing in front of it?)"


def refuse_files(sources: tuple[str, ...]) -> None:
    """A shell makes ``-p *.json`` into one pattern file and further sources.

    So this is looked for first, and not after a long scan for that one pattern. Other sources
    are not looked at before their turn, since their mounts may not answer.
    """
    for source in sources:
        is_named_so = source.lower().endswith((*ENDINGS, ".txt"))
        if len(sources) > 1 and is_named_so and os.path.isfile(source):
            raise Failure(f"{source}: Not a directory{MISSING_OPTION}")


def start_scan(**arguments: Any) -> Stream[tuple[object, int]]:
    """Begin a scan whose local results are text, which takes no time to make."""
    stream: Stream[tuple[object, int]] = lib.start_scan(None, **arguments)
    return stream


def open_scan(
    messages: Messages,
    source: str,
    before: Stats,
    scan_options: dict[str, Any],
    *,
    start: Callable[..., Stream[Any]] = start_scan,
    found: Callable[[], str | None] = lambda: None,
    on_error: Callable[[OSError], object] | None = None,
) -> Stream[Any] | None:
    """Begin to scan a source, after others with these counts.

    `None` if it cannot be opened, which is told.

    Args:
        start: What begins, with the arguments of `iscan`. By default results are pairs of a path
            and the index of its pattern.
        found: Tells in the line of progress what was found, if that is more than matches.
        on_error: Is called with each error, which is told in any case.
    """

    def progress(stats: Stats) -> None:
        messages.progress(sum_of(before, stats), found())

    def tell(error: OSError) -> None:
        messages.error(describe(error))
        if on_error is not None:
            on_error(error)

    try:
        with messages.opening(source):
            return start(
                source=source,
                **scan_options,
                on_error=tell,
                progress=progress if messages.shows_progress else None,
            )
    except Exception as error:
        is_none = isinstance(error, NotADirectoryError)
        hint = MISSING_OPTION if is_none and (is_url(source) or os.path.isfile(source)) else ""
        messages.error(f"{failure(source, error)}{hint}")
        if on_error is not None and isinstance(error, OSError):
            on_error(error)
        return None


def place(path: str) -> list[str]:
    """What paths are sorted by: components, so that what is below a directory comes next."""
    return path.replace(os.sep, "/").split("/")


def say_patterns(messages: Messages, patterns: list[Named], verbose: int) -> None:
    for name, pattern, _ in patterns:
        if verbose > 1:
            messages.say(f"{name}: {pattern.to_json()}")
        for place, message, severity in pattern.validate():
            # A pattern that can never match is reported even without --verbose.
            if severity == "never" or verbose:
                messages.warn(f"{name}: {place}: {message}")


def say_hidden(messages: Messages, stats: Stats) -> None:
    """Say how many matches may be hidden by links, if there are any."""
    if hidden := stats.hidden_by_links:
        text = hidden_by_links_text(count(hidden, "match"), "--follow-links")
        messages.warn(text, hint=True)


def say_matched(messages: Messages, patterns: list[Named], matched: list[int]) -> None:
    """Say how often each pattern matched."""
    for named, matches in zip(patterns, matched, strict=True):
        messages.say(f"{named.name}: {count(matches, 'match')}")


def say_stats(messages: Messages, stats: Stats) -> None:
    if stats.inventory_date is not None:
        messages.say(f"inventory of {stats.inventory_date:%Y-%m-%d %H:%M:%S %Z}")
    # Whoever counts directories counts all; of entries there are only those that were listed.
    unopened = f" ({stats.skipped:,} not opened)" if stats.skipped else ""
    directories = count(stats.directories + stats.skipped, "directory", unopened)
    text = f"{count(stats.matches, 'match')}, {directories}, "
    text += f"{count(stats.entries, 'entry')}, {count(stats.errors, 'error')}, "
    text += count(stats.links_not_followed, "link", " not followed")
    if stats.requests or stats.keys:
        text += f", {remote_counts(stats)}"
    messages.say(f"{text}, {messages.elapsed:.2f} s")
