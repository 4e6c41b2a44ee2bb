"""The command ``pathvein check``."""

from __future__ import annotations

from pathvein.cli._checking import Checks
from pathvein.cli._click import DONE_WITH_ERRORS, NOT_DONE, SETTINGS, Command, click
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
from pathvein.cli._output import Messages
from pathvein.cli._patterns import load
from pathvein.cli._scanning import (
    place,
    refuse_files,
    say_hidden,
    say_matched,
    say_patterns,
    say_stats,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pathvein.cli._checking import Checked
    from pathvein.cli._inventories import Inventory

__all__ = ["check"]


def _format(
    context: click.Context, parameter: click.Parameter, value: str | bool | None
) -> str | bool | None:
    """Refuse several forms at once, whichever of their options is read last."""
    given = context.meta.setdefault(f"{__name__}.forms", {})
    if value:
        given[parameter.name] = parameter.name if value is True else value
    forms = {"json" if form == "as_json" else form for form in given.values()}
    if len(forms) > 1:
        raise click.UsageError("--format, --json and --null exclude each other", context)
    return value


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("sources", metavar="SOURCE...", nargs=-1, shell_complete=complete)
@pattern_options
@click.option("--all", "show_all", is_flag=True, help="Show complete directories, too.")
@click.option(
    "--near",
    metavar="K",
    type=click.IntRange(min=1),
    help="Of those that are not complete, show only those that lack at most K things.",
)
@click.option(
    "--min",
    "least",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="Fail, too, if fewer than N directories are complete, as where there are none at all.",
)
@scan_options()
@executor_options
@key_options
@inventory_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "junit"]),
    callback=_format,
    help="What to write. text: a line each. json: an object a line. github: annotations, for "
    "GitHub Actions. junit: XML, as CI servers read it, always with those that are complete. "
    "Default: text.",
)
@click.option(
    "--json", "as_json", is_flag=True, callback=_format, help="The same as --format json."
)
@click.option(
    "-0",
    "--null",
    is_flag=True,
    callback=_format,
    help="Write only paths, each once and ended by a NUL, for xargs -0.",
)
@click.option(
    "--sort",
    is_flag=True,
    help="Write at the end, sorted: by path, a directory before what is below it, then by the "
    "file of the pattern.",
)
@verbose_option(
    "how much was looked at; -vv: also what the patterns are and how often each is complete"
)
@quiet_option
@click.pass_context
def check(
    context: click.Context,
    /,
    sources: tuple[str, ...],
    pattern_files: tuple[str, ...],
    expressions: tuple[str, ...],
    show_all: bool,
    near: int | None,
    least: int,
    options: dict[str, Any],
    form: str | None,
    as_json: bool,
    null: bool,
    sort: bool,
    verbose: int,
    quiet: bool,
    from_lines: tuple[str, ...],
    from_nul: tuple[str, ...],
    in_order: bool,
    inventory: Inventory | None,
    **scan_options: Any,
) -> None:
    """Tell which directories are not complete, and what they lack.

    Looked at is every directory at or below a SOURCE whose name fits that of a pattern; where
    any name would, every one that has something of what the pattern requires. A SOURCE is what
    it is for scan.

    One line each, as they are found: the path, named as its SOURCE was given, and what is missing
    there, with what came closest to it. Control characters are shown escaped. At the end standard
    error says how many there were.

    Exit status: 0 all are complete; 1 some are not, or fewer than --min asks for, or something
    could not be read; 2 not done.

    If the variable PATHVEIN_LOG_FILE names a file, errors and warnings are appended to it.
    """
    from pathvein.cli._check_forms import FORMS

    keys = keys_of(context, sources, from_lines, from_nul, in_order, inventory, scan_options)
    messages = Messages(quiet=quiet)
    context.with_resource(failing_keys(keys))
    context.with_resource(messages.saying_warnings())
    log_to_file(context, messages)
    try:
        refuse_files(sources)
        patterns = load(context, pattern_files, expressions)
        say_patterns(messages, patterns, verbose)
        kind = "null" if null else "json" if as_json else form or "text"
        writer = FORMS[kind](messages, patterns)
        checks = Checks(messages, patterns, scan_options, options, writer.error, keys)

        def is_shown(checked: Checked) -> bool:
            result = checked.result
            if result.complete:
                return show_all or kind == "junit"
            return near is None or 1 <= len(result.missing) <= near

        sorted_later: list[Checked] = []
        hidden = 0
        for batch in checks.batches(sources):
            shown = list(filter(is_shown, batch))
            hidden += sum(not checked.result.complete for checked in batch)
            hidden -= sum(not checked.result.complete for checked in shown)
            if sort:
                sorted_later += shown
            else:
                writer.write(shown)
        sorted_later.sort(key=lambda checked: (place(checked.path), checked.named.rank))
        writer.write(sorted_later)
        if checks.opened:
            writer.end()
        say_hidden(messages, checks.stats)
        counts = checks.counts
        if checks.opened:
            more = f" ({hidden:,} of them not shown)" if hidden else ""
            if not counts.candidates and not least:
                more = ", which is a failure with --min 1"
            messages.inform(f"{counts}{more}")
        if verbose and checks.opened:
            say_stats(messages, checks.stats)
        if verbose > 1 and checks.opened:
            say_matched(messages, patterns, checks.matched)
        if checks.opened and counts.complete < least:
            messages.error(f"{counts.complete:,} complete, and --min asks for {least:,}")
    finally:
        messages.clear()
    if not checks.opened:
        context.exit(NOT_DONE)
    passed = counts.complete == counts.candidates >= least and not checks.stats.errors
    context.exit(0 if passed else DONE_WITH_ERRORS)
