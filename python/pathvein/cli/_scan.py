"""The command ``pathvein scan``."""

from __future__ import annotations

import itertools

from pathvein import Stats
from pathvein._arguments import is_url
from pathvein._stream import sum_of
from pathvein.cli._click import (
    DONE_WITH_ERRORS,
    NOT_DONE,
    SETTINGS,
    Command,
    click,
)
from pathvein.cli._executors import executor_options
from pathvein.cli._inventories import inventory_options
from pathvein.cli._keys import failing_keys, key_options, keys_of
from pathvein.cli._log import log_to_file
from pathvein.cli._options import (
    complete,
    pattern_options,
    quiet_option,
    scan_options,
    verbose_option,
)
from pathvein.cli._output import Messages, Results
from pathvein.cli._patterns import load
from pathvein.cli._scanning import (
    open_scan,
    place,
    refuse_files,
    say_hidden,
    say_matched,
    say_patterns,
    say_stats,
    start_scan,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pathvein.cli._inventories import Inventory
    from pathvein.cli._patterns import Named

__all__ = ["scan"]


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("sources", metavar="SOURCE...", nargs=-1, shell_complete=complete)
@pattern_options
@scan_options()
@executor_options
@key_options
@inventory_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Write one object a line, {"path": ..., "pattern": ...}, for each pattern that a '
    "directory matches. Where the bytes of a name are not the UTF-8 of its text, they are there "
    "in base64, too: path_bytes, pattern_bytes.",
)
@click.option(
    "--sort",
    is_flag=True,
    help="Print at the end, sorted: by path, a directory before what is below it, then by the "
    "file of the pattern.",
)
@click.option("-0", "--null", is_flag=True, help="End each path with a NUL, not a newline.")
@verbose_option(
    "how much was looked at; -vv: also what the patterns are and how often each matched"
)
@quiet_option
@click.pass_context
def scan(
    context: click.Context,
    /,
    sources: tuple[str, ...],
    pattern_files: tuple[str, ...],
    expressions: tuple[str, ...],
    sort: bool,
    options: dict[str, Any],
    as_json: bool,
    null: bool,
    verbose: int,
    quiet: bool,
    from_lines: tuple[str, ...],
    from_nul: tuple[str, ...],
    in_order: bool,
    inventory: Inventory | None,
    **scan_options: Any,
) -> None:
    """Print every directory at or below a SOURCE that matches a pattern.

    A SOURCE is a directory, or a URL (s3://bucket/lab, memory://, zip::lab.zip). What begins
    with / or ./ is a path, and so is a name with :: in it that exists. Several are scanned one
    after the other, and each as if it were alone: where they overlap, paths come again.

    Instead, --from and --from0 take paths that another program has listed:
    find . -print0 | pathvein scan --from0 - -p run.json

    --inventory takes the inventory that a bucket's provider has made of it.

    One path a line, absolute, in no particular order within a SOURCE unless --sort is given, and
    each once however many of the patterns it matches. On a terminal control characters are
    shown escaped; elsewhere a path is its bytes as they are.

    Exit status: 0 done; 1 done, but a SOURCE or something below could not be read (standard
    error says what), which may hide matches; 2 not done.

    If the variable PATHVEIN_LOG_FILE names a file, errors and warnings are appended to it.
    """
    if as_json and null:
        raise click.UsageError("--json and --null exclude each other", context)
    keys = keys_of(context, sources, from_lines, from_nul, in_order, inventory, scan_options)
    messages = Messages(quiet=quiet)
    context.with_resource(failing_keys(keys))
    context.with_resource(messages.saying_warnings())
    log_to_file(context, messages)
    total, scanned = Stats(), False
    try:
        refuse_files(sources)
        patterns = load(context, pattern_files, expressions)
        say_patterns(messages, patterns, verbose)
        matched = [0] * len(patterns)
        names = [named.name for named in patterns]
        order = _Order(patterns)
        scan_options["patterns"] = [named.pattern for named in patterns]
        has_url = any(map(is_url, sources))
        start = keys.start_scan if keys else start_scan
        for source in sources or ("",):
            # It knows what was written already, of this source.
            results = Results(messages, names, as_json=as_json, null=null)
            # Beside a URL, a path is not refused for them.
            scan_options["storage_options"] = None if has_url and not is_url(source) else options
            stream = open_scan(messages, source, total, scan_options, start=start)
            if stream is None:
                total = sum_of(total, Stats(errors=1))
                continue
            scanned = True
            with stream:
                for batch in stream.batches():
                    found = [(str(path), index) for path, index in batch]
                    for _, index in found:
                        matched[index] += 1
                    if sort:
                        order.add(results, found)
                    else:
                        results.write(found)
            total = sum_of(total, stream.stats)
        order.write()
        say_hidden(messages, total)
        if verbose and scanned:
            say_stats(messages, total)
        if verbose > 1 and scanned:
            say_matched(messages, patterns, matched)
    finally:
        messages.clear()
    if not scanned:
        context.exit(NOT_DONE)
    context.exit(DONE_WITH_ERRORS if total.errors else 0)


class _Order:
    """Results of all sources, to be written in order."""

    def __init__(self, patterns: list[Named]) -> None:
        self._ranks = [named.rank for named in patterns]
        self._found: list[tuple[list[str], tuple[str, int], str, int, Results]] = []

    def add(self, results: Results, batch: list[tuple[str, int]]) -> None:
        """Keep results of a source."""
        for path, index in batch:
            self._found.append((place(path), self._ranks[index], path, index, results))

    def write(self) -> None:
        """Write them, sorted."""
        self._found.sort(key=lambda found: found[:2])
        # Nearly all of a source come one after the other.
        for results, found in itertools.groupby(self._found, lambda found: found[-1]):
            results.write([(path, index) for _, _, path, index, _ in found])
