"""The command ``pathvein report``."""

from __future__ import annotations

import errno
import io
import os
import re

from pathvein._arguments import is_url
from pathvein.cli._checking import Checks
from pathvein.cli._click import (
    DONE_WITH_ERRORS,
    NOT_DONE,
    SETTINGS,
    Command,
    Failure,
    click,
    failure,
)
from pathvein.cli._log import log_to_file
from pathvein.cli._options import (
    complete,
    pattern_options,
    quiet_option,
    scan_options,
    verbose_option,
)
from pathvein.cli._output import Messages, Output
from pathvein.cli._patterns import load
from pathvein.cli._scanning import (
    refuse_files,
    say_hidden,
    say_matched,
    say_patterns,
    say_stats,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pathvein import CheckReport

__all__ = ["report"]

#: How many errors a report has, as those of an iterator.
_MOST_ERRORS = 10_000
#: The options of a check that say what was looked at: a report tells of these.
_TOLD = (
    "exclude",
    "max_depth",
    "follow_links",
    "one_file_system",
    "outermost",
    "trust_link_counts",
)


def _output(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    # Elsewhere -o is an option of the file system.
    if value and re.fullmatch(r"\w+=(?!.*\.html?$).*", value, re.DOTALL):
        raise click.BadParameter("it is KEY=VALUE: here -o is the page, and --option is for that")
    return value


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, shell_complete=complete)
@pattern_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    callback=_output,
    shell_complete=complete,
    help="Write a page to this file, which is replaced; - is standard output.",
)
@click.option(
    "--csv",
    "csv_output",
    metavar="FILE",
    shell_complete=complete,
    help="Write a table to this file, as CSV, which is replaced; - is standard output.",
)
@scan_options(writes=True)
@verbose_option(
    "how much was looked at; -vv: also what the patterns are and how often each is complete"
)
@quiet_option
@click.pass_context
def report(
    context: click.Context,
    /,
    sources: tuple[str, ...],
    pattern_files: tuple[str, ...],
    expressions: tuple[str, ...],
    output: str | None,
    csv_output: str | None,
    options: dict[str, Any],
    verbose: int,
    quiet: bool,
    **scan_options: Any,
) -> None:
    """Write a page that shows which directories are complete, and what the others lack.

    Looked at is what check looks at. The page is one HTML file that needs nothing else, neither a
    network nor a server: directories by requirements, to be sorted and filtered. The table has a
    line for each directory, and a column for each requirement.

    Files are written at the end, each at once: what was there before stays until then, and if
    that fails. At the end standard error says how many directories there were.

    Exit status: 0 all are complete; 1 some are not, or something could not be read; 2 not done.

    If the variable PATHVEIN_LOG_FILE names a file, errors and warnings are appended to it.
    """
    from pathvein.reporting import CheckReport

    if output is None and csv_output is None:
        raise click.UsageError("Missing option '--output' / '-o' or '--csv'", context)
    if output is not None and csv_output is not None and _is_same(output, csv_output):
        raise click.UsageError("--output and --csv are the same", context)
    messages = Messages(quiet=quiet)
    context.with_resource(messages.saying_warnings())
    log_to_file(context, messages)
    try:
        refuse_files(sources)
        patterns = load(context, pattern_files, expressions)
        say_patterns(messages, patterns, verbose)
        _refuse_what_cannot_be_written(output, csv_output)
        errors: list[OSError] = []

        def keep(error: OSError) -> None:
            if len(errors) < _MOST_ERRORS:
                errors.append(error)

        checks = Checks(messages, patterns, scan_options, options, keep)
        told = {name: _told(scan_options[name]) for name in _TOLD if _is_given(scan_options[name])}
        made = CheckReport(
            source=[_shown(source) for source in sources],
            patterns=[named.pattern for named in patterns],
            options=told,
        )
        for batch in checks.batches(sources):
            made.extend(checked.result for checked in batch)
        made.extend((), errors=errors, stats=checks.stats)
        if checks.opened:
            _write(messages, made, output, csv_output)
            say_hidden(messages, checks.stats)
            messages.inform(str(checks.counts))
            if verbose:
                say_stats(messages, checks.stats)
            if verbose > 1:
                say_matched(messages, patterns, checks.matched)
    finally:
        messages.clear()
    if not checks.opened:
        context.exit(NOT_DONE)
    passed = checks.counts.complete == checks.counts.candidates and not checks.stats.errors
    context.exit(0 if passed else DONE_WITH_ERRORS)


def _is_given(value: object) -> bool:
    # 0 is given.
    return value is not None and value is not False and value != ()


def _told(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value


def _shown(source: str) -> str:
    """Where was looked, for those who were not there."""
    return source if is_url(source) else os.path.realpath(source)


def _is_same(output: str, csv_output: str) -> bool:
    return os.path.realpath(output) == os.path.realpath(csv_output)


def _refuse_what_cannot_be_written(output: str | None, csv_output: str | None) -> None:
    """Not after a long scan."""
    from pathvein import CheckReport

    for file in (output, csv_output):
        if file is None or file == "-":
            continue
        number = _why_not(file)
        if number:
            raise failure(file or repr(file), OSError(number, os.strerror(number), file))
    if output is not None:
        try:
            CheckReport().to_html(io.StringIO())
        except ImportError as error:
            raise Failure(str(error)) from error


def _why_not(file: str) -> int:
    """The number of the error that writing a file would be, as far as can be seen; else 0."""
    above = os.path.dirname(os.path.realpath(file))
    if os.path.isdir(file):
        return errno.EISDIR
    if not file or not os.path.isdir(above):
        return errno.ENOENT
    if os.path.exists(file) and not os.path.isfile(file):
        return 0  # a pipe or a device
    return 0 if os.access(above, os.W_OK) else errno.EACCES


def _write(
    messages: Messages, made: CheckReport, output: str | None, csv_output: str | None
) -> None:
    for file, write in ((output, made.to_html), (csv_output, made.to_csv)):
        if file == "-":
            text = io.StringIO()
            write(text)
            Output(messages).write_file(text.getvalue())
        elif file is not None:
            try:
                write(file)
            except OSError as error:
                raise failure(file, error) from error
