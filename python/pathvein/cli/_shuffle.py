"""The command ``pathvein shuffle``."""

from __future__ import annotations

import os

from pathvein import ShuffleError, Stats
from pathvein._arguments import is_url
from pathvein.cli._click import (
    DONE_WITH_ERRORS,
    NOT_DONE,
    SETTINGS,
    Command,
    Failure,
    click,
    failure,
)
from pathvein.cli._log import log_to_file, log_to_messages
from pathvein.cli._options import (
    complete,
    pattern_options,
    quiet_option,
    scan_options,
    verbose_option,
)
from pathvein.cli._output import Messages, Output, count, describe
from pathvein.cli._patterns import load
from pathvein.cli._scanning import (
    MISSING_OPTION,
    open_scan,
    say_hidden,
    say_matched,
    say_patterns,
    say_stats,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from pathvein import FileStructurePattern, ShuffleResult
    from pathvein._copying.options import CopyOptions
    from pathvein._copying.running import Copying
    from pathvein.cli._patterns import Named

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["shuffle"]


def _negation(name: str) -> Callable[[F], F]:
    """The option that 0.9 had to switch another off, which is the default."""
    return click.option(f"--no-{name}", name, flag_value=False, hidden=True)


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("source", shell_complete=complete)
@click.argument("destination", shell_complete=complete)
@pattern_options
@click.option(
    "--overwrite",
    is_flag=True,
    help="Copy into directories that exist. Files there are replaced, others stay. Without it, "
    "what exists is skipped.",
)
@click.option("--dryrun", is_flag=True, help="Say what would be copied, and change nothing.")
@_negation("overwrite")
@_negation("dryrun")
@click.option(
    "--links",
    type=click.Choice(["follow", "keep"]),
    default="follow",
    help="What becomes of links to files: follow copies their content, keep makes a link of "
    "those that lead to what is copied, too. Default: follow.",
)
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "raise"]),
    default="skip",
    help="What to do about several directories of one name: skip copies the first by its path, "
    "raise copies nothing at all. Of a directory that matches several patterns, that of the "
    "first by its JSON is copied. Default: skip.",
)
@click.option(
    "--fsync", is_flag=True, help="Wait until the disk has stored what is copied. Slower."
)
@scan_options(copies=True)
@verbose_option(
    "how much was looked at and copied; -vv: also what the patterns are and how often each "
    "matched; -vvv: also what is logged"
)
@quiet_option
@click.pass_context
def shuffle(
    context: click.Context,
    /,
    source: str,
    destination: str,
    pattern_files: tuple[str, ...],
    expressions: tuple[str, ...],
    overwrite: bool,
    dryrun: bool,
    links: str,
    on_conflict: str,
    fsync: bool,
    options: dict[str, Any],
    verbose: int,
    quiet: bool,
    **scan_options: Any,
) -> None:
    """Copy every directory at or below SOURCE that matches a pattern.

    Each is copied into DESTINATION, under its own name. Either may be a URL (s3://bucket/lab).
    Of a directory is copied what the pattern names: files that it requires or calls optional,
    and of sub-directories the same. On this machine a directory that is new is there whole or
    not at all; in a store that holds for each file.

    What lies in DESTINATION is not copied again if that is a directory below SOURCE.

    First what will be copied is listed, then SOURCE -> DESTINATION is written for each that is.
    Standard error says what is skipped, and what is left out and why: links to directories,
    broken links and special files.

    Exit status: 0 done, though what exists was skipped; 1 done, but something could not be read
    or copied (standard error says what); 2 not done.

    If the variable PATHVEIN_LOG_FILE names a file, the log is appended to it.
    """
    messages = Messages(quiet=quiet)
    context.with_resource(messages.saying_warnings())
    log_to_file(context, messages)
    log_to_messages(context, messages, verbose=verbose > 2)
    # Beside a URL, a path is not refused for them.
    of_source = None if is_url(destination) and not is_url(source) else options
    try:
        if not is_url(destination) and os.path.isfile(destination):
            raise Failure(f"{destination}: Not a directory{MISSING_OPTION}")
        place, below = _joiner(destination, options)
        patterns = load(context, pattern_files, expressions)
        say_patterns(messages, patterns, verbose)
        output = Output(messages)
        found = _find(messages, source, patterns, {**scan_options, "storage_options": of_source})
        if found is None:
            context.exit(NOT_DONE)
        matches, stats, base = found
        say_hidden(messages, stats)
        matches, copies = _outside(matches, base, place)
        # Several patterns may match one directory.
        paths = dict.fromkeys(str(path) for path, _ in matches)
        output.write(["This operation will copy the following directories:", *paths])
        copy_options = _copy_options(scan_options, base)._replace(
            overwrite=overwrite, dryrun=dryrun, links=links, fsync=fsync
        )
        names = {named.pattern: named.name for named in patterns}
        copying = _copying(
            messages, matches, below, copy_options, names=names, on_conflict=on_conflict
        )
        failed = _copy(messages, output, copying, dryrun=dryrun, verbose=verbose)
        if verbose:
            if copies:
                messages.say(f"{count(copies, 'match')} in DESTINATION left out")
            say_stats(messages, stats)
        if verbose > 1:
            indices = [pattern for _, pattern in matches]
            say_matched(messages, patterns, [indices.count(named.pattern) for named in patterns])
    finally:
        messages.clear()
    context.exit(DONE_WITH_ERRORS if failed or stats.errors else 0)


def _find(
    messages: Messages,
    source: str,
    patterns: list[Named],
    options: dict[str, Any],
) -> tuple[list[tuple[Any, FileStructurePattern]], Stats, str] | None:
    """The matches, sorted; the counts of the scan; and what exclude rules are relative to.

    `None` if the source cannot be opened, which is told.
    """
    options["patterns"] = [named.pattern for named in patterns]
    stream = open_scan(messages, source, Stats(), options)
    if stream is None:
        return None
    with stream:
        found = [match for batch in stream.batches() for match in batch]
    found.sort(key=lambda match: (str(match[0]), match[1]))
    base = stream._source
    if not found or isinstance(found[0][0], str):
        base = os.path.realpath(base)
    return [(path, patterns[index].pattern) for path, index in found], stream.stats, base


def _copy_options(scan_options: dict[str, Any], base: str) -> CopyOptions:
    """How to copy, as far as the options of the scan say it."""
    from pathvein_core import ExcludeRules

    from pathvein._copying.options import CopyOptions

    exclude = scan_options["exclude"]
    return CopyOptions(
        threads=scan_options["threads"],
        concurrency=scan_options["concurrency"],
        exclude=ExcludeRules(exclude) if exclude else None,
        exclude_base=base if exclude else None,
        one_file_system=scan_options["one_file_system"],
        lister=scan_options["lister"],
    )


def _outside(
    matches: list[tuple[Any, FileStructurePattern]], base: str, destination: object
) -> tuple[list[tuple[Any, FileStructurePattern]], int]:
    """The matches but those in a destination below the source, and how many these are.

    They are what was copied before, or would be copied onto itself.
    """
    if not matches or not isinstance(matches[0][0], str) or not isinstance(destination, str):
        return matches, 0
    top = os.path.join(os.path.realpath(destination), "")
    if top == os.path.join(base, "") or not top.startswith(os.path.join(base, "")):
        return matches, 0
    outside = [
        match
        for match in matches
        if not os.path.join(os.path.realpath(match[0]), "").startswith(top)
    ]
    return outside, len(matches) - len(outside)


def _joiner(
    destination: str, storage_options: dict[str, Any]
) -> tuple[object, Callable[[object], Any]]:
    """Where the destination is, and what makes that of each match."""
    from pathvein._copying.places import joiner, place_of

    try:
        place = place_of("destination", destination, storage_options)
        return place, joiner(destination, storage_options)
    except Exception as error:
        raise failure(destination, error) from error


def _copying(
    messages: Messages,
    matches: list[tuple[Any, FileStructurePattern]],
    below: Callable[[object], Any],
    options: CopyOptions,
    *,
    names: dict[FileStructurePattern, str],
    on_conflict: str,
) -> Copying:
    from pathvein._copying.places import places_of
    from pathvein._copying.running import Copying

    inputs = [(path, below(path), pattern) for path, pattern in matches]
    places = places_of(inputs, None, "matches", "destination")
    progress = messages.copying if messages.shows_progress else None
    return Copying(inputs, places, options, on_conflict, progress, name_pattern=names.__getitem__)


def _copy(
    messages: Messages, output: Output, copying: Copying, *, dryrun: bool, verbose: int
) -> int:
    """Copy, and tell what becomes of each match. How many could not be copied."""
    counts = {"copied": 0, "exists": 0, "conflict": 0, "failed": 0}
    files = size = 0
    try:
        with copying:
            for outcome in copying.outcomes():
                kind, result = outcome.kind, outcome.result
                counts[kind] += 1
                if kind == "copied":
                    output.write([f"{result.source} -> {result.destination}"])
                    files, size = files + result.files, size + result.bytes
                elif kind == "failed":
                    _say_errors(messages, result)
                elif kind == "exists":
                    messages.inform(outcome.text)
                else:
                    messages.say(outcome.text)
                for path, reason in result.skipped:
                    messages.record(f"Left out: {os.path.join(str(result.source), path)}: {reason}")
    except ShuffleError as error:
        # Nothing was begun.
        for result in error.failed:
            _say_errors(messages, result)
        raise Failure("nothing was copied") from error
    except (ImportError, OSError, ValueError) as error:
        # What opens DESTINATION is missing, or no threads can be started.
        raise Failure(describe(error)) from error
    messages.clear()
    output.write([f"Copied {counts['copied']} directories"])
    if dryrun:
        messages.inform("This was a dry run: nothing was copied")
    if verbose:
        skipped = counts["exists"] + counts["conflict"]
        copied = "would be copied" if dryrun else "copied"
        text = f"{count(counts['copied'], 'directory')} {copied}, {count(files, 'file')}, "
        text += f"{count(size, 'byte')}, {skipped:,} skipped, {counts['failed']:,} not copied"
        messages.say(text)
    return counts["failed"]


def _say_errors(messages: Messages, result: ShuffleResult[Any, Any]) -> None:
    for error in result.errors:
        messages.error(f"{result.source} -> {result.destination}: {describe(error)}")
