"""The commands and their options."""

from __future__ import annotations

import errno
import json
import os
import re
import sys

from pathvein_core import ExcludeRules

import pathvein
from pathvein import FileStructurePattern, Stats
from pathvein._arguments import MAX_REQUESTS, MAX_THREADS, is_url
from pathvein._errors import hidden_by_links_text
from pathvein.cli import with_help
from pathvein.cli._output import (
    Messages,
    OutputFailed,
    Results,
    abandon,
    count,
    describe,
    remote_counts,
)
from pathvein.cli._streams import patient, read_all
from pathvein.lib import start_scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from click.shell_completion import CompletionItem

    from pathvein._stream import Stream

if TYPE_CHECKING or with_help:
    import rich_click as click
    from rich_click import RichCommand as Command
    from rich_click import RichGroup as Group

    # By default `rich_click` joins paragraphs.
    _LAYOUT = {"rich_help_config": {"text_paragraph_linebreaks": "\n\n"}}
else:
    import click
    from click import Command, Group

    _LAYOUT = {}

__all__ = ["cli"]

_DONE_WITH_ERRORS = 1
_NOT_DONE = 2
_INTERRUPTED = 128 + 2  # SIGINT
_PIPE_CLOSED = 128 + 13  # SIGPIPE

#: Options of file systems that are text even if they look like numbers.
_TEXT = frozenset(
    {
        *("account_key", "account_name", "client_id", "client_secret", "key", "passphrase"),
        *("passwd", "password", "project", "sas_token", "secret", "tenant_id", "token"),
        *("user", "username"),
    }
)
_MISSING_OPTION = " (is -p missing in front of it?)"
#: What is counted.
_COUNTS = [name for name in vars(Stats) if not name.startswith("_")]
_SETTINGS = {"help_option_names": ["-h", "--help"], **_LAYOUT}


class _Failure(click.ClickException):
    """The error of a command that cannot do anything: no source, a bad pattern."""

    exit_code = _NOT_DONE


class _Command(Command):
    """A command whose errors of use all know it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            # click does not tell of which command an option lacks its argument.
            error.ctx = error.ctx or ctx
            raise


class _Commands(Group):
    """A group that prints each error in one line, and does not wrap names."""

    command_class = _Command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """See `click.Command.main`."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        sys.stdout, sys.stderr = patient(sys.stdout), patient(sys.stderr)
        status: Any
        try:
            try:
                # The exit status of a command; None for help and version.
                status = super().main(args, prog_name, complete_var, False, **extra)
            except SystemExit as end:
                # After completion, and after the help that is shown if nothing is asked for.
                status = end.code
            if sys.stdout is None:
                raise OSError(errno.EBADF, "it is closed")
            sys.stdout.flush()
        except (click.Abort, KeyboardInterrupt):
            abandon(sys.stdout)
            status = _INTERRUPTED
        except click.ClickException as error:
            Messages().say(f"Error: {_error_message(error)}")
            status = error.exit_code
        except BrokenPipeError:
            abandon(sys.stdout)
            status = _PIPE_CLOSED
        except OSError as error:
            if error.filename is not None:
                raise
            # It could not be written: no other OSError comes here without a name.
            abandon(sys.stdout)
            Messages().say(f"Error: standard output: {describe(error)}")
            status = _NOT_DONE
        sys.exit(status)


def _error_message(error: click.ClickException) -> str:
    message = error.format_message()
    if not isinstance(error, click.UsageError):
        return message
    # click writes these as sentences, some on several lines.
    message = re.sub(r"(?<!\.)\.$", "", message.replace("\n", " "))
    command = error.ctx.command_path if error.ctx else "pathvein"
    return f"{message} (see {command} --help)"


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(pathvein.__version__, prog_name="pathvein")
def cli() -> None:
    """Find directories by their structure."""


def _exclude_rules(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        ExcludeRules(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _storage_options(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for text in value:
        name, equals, setting = text.partition("=")
        # The text may be a secret, so no message quotes it.
        if not equals:
            raise click.BadParameter("it is not KEY=VALUE, as it has no =")
        if not name:
            raise click.BadParameter("it is not KEY=VALUE, as it begins with =")
        if name in options:
            raise click.BadParameter(f"{name!r} is given twice")
        options[name] = _storage_option(name, setting)
    return options


def _storage_option(name: str, setting: str) -> Any:
    try:
        value = json.loads(setting, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return {"True": True, "False": False, "None": None}.get(setting, setting)
    if name in _TEXT and isinstance(value, int | float) and not isinstance(value, bool):
        return setting
    return value


def _no_json(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Leaves it to the shell to offer directories for SOURCE, and any files for FILE."""
    from click.shell_completion import CompletionItem

    kind = "dir" if parameter.name == "sources" else "file"
    # What is no text could not be written.
    return [CompletionItem(incomplete.encode(errors="replace").decode(), type=kind)]


@cli.command(context_settings=_SETTINGS)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, shell_complete=_complete)
@click.option(
    "-p",
    "--pattern",
    "pattern_files",
    metavar="FILE",
    multiple=True,
    required=True,
    shell_complete=_complete,
    help="A pattern to look for, as JSON; - is standard input. May be given several times.",
)
@click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    callback=_exclude_rules,
    help="Leave out what matches: *.tmp and .git/ at any depth, /raw/old or raw/**/old from "
    "SOURCE on, {a,b} either. May be given several times.",
)
@click.option(
    "--max-depth",
    metavar="N",
    type=click.IntRange(min=0),
    help="How deep a match may start; 0 is SOURCE alone.",
)
@click.option("--follow-links", is_flag=True, help="Enter links to directories.")
@click.option(
    "--one-file-system", is_flag=True, help="Do not enter directories on other file systems."
)
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1, max=MAX_THREADS),
    help="Threads for a local SOURCE. Default: as many as there are processors.",
)
@click.option(
    "-o",
    "--option",
    "options",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_storage_options,
    help="An option for the file system of a URL, as fsspec takes it: anon=true, "
    "endpoint_url=..., profile=... A value that is JSON (true, 5, an object) is taken as such, "
    "but for the number of a key or password. "
    "May be given several times.",
)
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(min=1, max=MAX_REQUESTS),
    help="Requests under way at the same time, at most, for a URL. Default: 32.",
)
@click.option(
    "--lister",
    type=click.Choice(["auto", "fsspec", "obstore"]),
    default="auto",
    help="What lists s3://, gs:// and az:// URLs. Default: auto.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Write one object a line, {"path": ..., "pattern": ...}, for each pattern that a '
    "directory matches. Where the bytes of a name are not the UTF-8 of its text, they are there "
    "in base64, too: path_bytes, pattern_bytes.",
)
@click.option("-0", "--null", is_flag=True, help="End each path with a NUL, not a newline.")
@click.option(
    "-v",
    "--verbose",
    count=True,
    metavar="",
    help="Say at the end how much was looked at; -vv: also what the patterns are and how often "
    "each matched. On standard error.",
)
@click.pass_context
def scan(
    context: click.Context,
    /,
    sources: tuple[str, ...],
    pattern_files: tuple[str, ...],
    options: dict[str, Any],
    as_json: bool,
    null: bool,
    verbose: int,
    **scan_options: Any,
) -> None:
    """Print every directory at or below a SOURCE that matches a pattern.

    A SOURCE is a directory, or a URL (s3://bucket/lab, memory://, zip::lab.zip). What begins
    with / or ./ is a path, and so is a name with :: in it that exists. Several are scanned one
    after the other, and each as if it were alone: where they overlap, paths come again.

    One path a line, absolute, in no particular order within a SOURCE, and each once however
    many of the patterns it matches. On a terminal control characters are shown escaped;
    elsewhere a path is its bytes as they are.

    Exit status: 0 done; 1 done, but a SOURCE or something below could not be read (standard
    error says what), which may hide matches; 2 not done.
    """
    if as_json and null:
        raise click.UsageError("--json and --null exclude each other", context)
    messages = Messages()
    context.with_resource(messages.saying_warnings())
    total, scanned = Stats(), False
    try:
        _refuse_files(sources)
        patterns = _load_patterns(pattern_files)
        _say_patterns(messages, patterns, verbose)
        matched = [0] * len(patterns)
        scan_options["patterns"] = [pattern for _, pattern in patterns]
        has_url = any(map(is_url, sources))
        for source in sources:
            # It knows what was written already, of this source.
            results = Results(messages, [name for name, _ in patterns], as_json=as_json, null=null)
            # Beside a URL, a path is not refused for them.
            scan_options["storage_options"] = None if has_url and not is_url(source) else options
            stream = _open(messages, source, total, scan_options)
            if stream is None:
                total = _sum(total, Stats(errors=1))
                continue
            scanned = True
            with stream:
                for batch in stream.batches():
                    found = [(str(path), index) for path, index in batch]
                    for _, index in found:
                        matched[index] += 1
                    results.write(found)
            total = _sum(total, stream.stats)
        if hidden := total.hidden_by_links:
            text = hidden_by_links_text(count(hidden, "match"), "--follow-links")
            messages.say(f"Warning: {text}")
        if verbose and scanned:
            _say_stats(messages, total)
        if verbose > 1 and scanned:
            for (name, _), matches in zip(patterns, matched, strict=True):
                messages.say(f"{name}: {count(matches, 'match')}")
    except KeyboardInterrupt:
        abandon(sys.stdout)
        context.exit(_INTERRUPTED)
    except OutputFailed as error:
        if isinstance(error.__cause__, BrokenPipeError):
            context.exit(_PIPE_CLOSED)
        raise _Failure(f"standard output: {error}") from error
    finally:
        messages.clear()
    if not scanned:
        context.exit(_NOT_DONE)
    context.exit(_DONE_WITH_ERRORS if total.errors else 0)


def _open(
    messages: Messages, source: str, before: Stats, scan_options: dict[str, Any]
) -> Stream[tuple[object, int]] | None:
    """Begin to scan a source, after others with these counts.

    `None` if it cannot be opened, which is told.
    """

    def progress(stats: Stats) -> None:
        messages.progress(_sum(before, stats))

    try:
        with messages.opening(source):
            # The paths as text, without conversion to `Path`.
            stream: Stream[tuple[object, int]] = start_scan(
                None,
                source=source,
                **scan_options,
                on_error=lambda error: messages.say(f"Error: {describe(error)}"),
                progress=progress if messages.terminal else None,
            )
            return stream
    except Exception as error:
        is_none = isinstance(error, NotADirectoryError)
        hint = _MISSING_OPTION if is_none and (is_url(source) or os.path.isfile(source)) else ""
        messages.say(f"Error: {_failure(source, error)}{hint}")
        return None


def _refuse_files(sources: tuple[str, ...]) -> None:
    """A shell makes ``-p *.json`` into one pattern and further sources.

    So this is looked for first, and not after a long scan for that one pattern. Other sources
    are not looked at before their turn, since their mounts may not answer.
    """
    for source in sources:
        if len(sources) > 1 and source.lower().endswith(".json") and os.path.isfile(source):
            raise _Failure(f"{source}: Not a directory{_MISSING_OPTION}")


def _failure(name: str, error: Exception) -> _Failure:
    """The failure to read a source or a file, with its name in the message."""
    message = describe(error)
    return _Failure(message if message.startswith(name) else f"{name}: {message}")


def _load_patterns(files: tuple[str, ...]) -> list[tuple[str, FileStructurePattern]]:
    """The distinct patterns, each with the name of its file."""
    patterns: dict[FileStructurePattern, str] = {}
    for file in dict.fromkeys(files):
        try:
            pattern = _read_pattern() if file == "-" else _load_pattern(file)
        except Exception as error:
            raise _failure("standard input" if file == "-" else file, error) from error
        patterns.setdefault(pattern, file)
    return [(name, pattern) for pattern, name in patterns.items()]


def _load_pattern(file: str) -> FileStructurePattern:
    if not file:
        # An empty path would be the current directory.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file)
    return FileStructurePattern.load_json(file)


def _read_pattern() -> FileStructurePattern:
    if sys.stdin is None:
        raise ValueError("it is closed")
    data = read_all(sys.stdin)
    return FileStructurePattern.from_json(data.decode(json.detect_encoding(data), "surrogatepass"))


def _say_patterns(
    messages: Messages, patterns: list[tuple[str, FileStructurePattern]], verbose: int
) -> None:
    for name, pattern in patterns:
        if verbose > 1:
            messages.say(f"{name}: {pattern.to_json()}")
        for place, message, severity in pattern.validate():
            # A pattern that can never match is reported even without --verbose.
            if severity == "never" or verbose:
                messages.say(f"Warning: {name}: {place}: {message}")


def _sum(*stats: Stats) -> Stats:
    return Stats(**{name: sum(getattr(each, name) for each in stats) for name in _COUNTS})


def _say_stats(messages: Messages, stats: Stats) -> None:
    text = f"{count(stats.matches, 'match')}, {count(stats.directories, 'directory')}, "
    text += f"{count(stats.entries, 'entry')}, {count(stats.errors, 'error')}, "
    text += count(stats.links_not_followed, "link", " not followed")
    if stats.requests:
        text += f", {remote_counts(stats)}"
    messages.say(f"{text}, {messages.elapsed:.2f} s")
