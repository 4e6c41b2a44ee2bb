"""The options that commands share, and what completes arguments."""

from __future__ import annotations

import json

from pathvein_core import ExcludeRules

from pathvein._arguments import MAX_REQUESTS, MAX_THREADS
from pathvein.cli._click import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    from click.shell_completion import CompletionItem

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "complete",
    "pattern_options",
    "quiet_option",
    "scan_options",
    "storage_option",
    "verbose_option",
]

#: Parameters that are files of patterns, or what is written to.
_FILES = ("pattern_file", "pattern_files", "output")

#: Options of file systems that are text even if they look like numbers.
_TEXT = frozenset(
    {
        *("account_key", "account_name", "client_id", "client_secret", "key", "passphrase"),
        *("passwd", "password", "project", "sas_token", "secret", "tenant_id", "token"),
        *("user", "username"),
    }
)


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


def complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Leaves it to the shell to offer directories for arguments, and any files for FILE."""
    from click.shell_completion import CompletionItem

    kind = "file" if parameter.name in _FILES else "dir"
    # What is no text could not be written.
    return [CompletionItem(incomplete.encode(errors="replace").decode(), type=kind)]


def expression_option(what: str) -> Callable[[F], F]:
    """The option for patterns as arguments, which are there for something."""
    return click.option(
        "-e",
        "--expression",
        "expressions",
        metavar="TEXT",
        multiple=True,
        help=f"A pattern {what}, as text: 'run_*/{{config.json, 3+ *.csv, no FAILED}}'. "
        "May be given several times.",
    )


def pattern_options(function: F) -> F:
    """Give a command the options of the patterns to look for."""
    option = click.option(
        "-p",
        "--pattern",
        "pattern_files",
        metavar="FILE",
        multiple=True,
        shell_complete=complete,
        help="A file of patterns to look for: JSON, pattern text, TOML or YAML; - is standard "
        "input, as JSON or text. May be given several times.",
    )
    return option(expression_option("to look for")(function))


def _storage_option_as(*names: str) -> Callable[[F], F]:
    return click.option(
        *names,
        "options",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_storage_options,
        help="An option for the file system of a URL, as fsspec takes it: anon=true, "
        "endpoint_url=..., profile=... A value that is JSON (true, 5, an object) is taken as "
        "such, but for the number of a key or password. "
        "May be given several times.",
    )


storage_option = _storage_option_as("-o", "--option")


def _quiet(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    # Whichever of the two comes last finds the other.
    if value and context.params.get("verbose"):
        raise click.UsageError(_QUIET_AND_VERBOSE, context)
    return value


def _verbose(context: click.Context, parameter: click.Parameter, value: int) -> int:
    if value and context.params.get("quiet"):
        raise click.UsageError(_QUIET_AND_VERBOSE, context)
    return value


_QUIET_AND_VERBOSE = "--quiet and --verbose exclude each other"

quiet_option = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    callback=_quiet,
    help="Say only errors and warnings on standard error: no progress, no summary, no hints.",
)


def verbose_option(what: str) -> Callable[[F], F]:
    """The option to say more at the end."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        metavar="",
        callback=_verbose,
        help=f"Say at the end {what}. On standard error.",
    )


def scan_options(
    *, copies: bool = False, one_directory: bool = False, writes: bool = False
) -> Callable[[F], F]:
    """Give a command the options of a scan.

    Args:
        copies: They are those of a command whose matches are copied.
        one_directory: They are those of a command that looks at one directory.
        writes: They are those of a command whose -o is the file that it writes.
    """
    and_copied = ", also of those that copy" if copies else ""
    to_copy = "; to copy, as many as there are processors" if copies else ""
    files = ", and files copied from or to URLs," if copies else ""
    options = _scan_options(and_copied, to_copy, files)
    if writes:
        options["options"] = _storage_option_as("--option")
    if one_directory:
        for name in "max_depth", "outermost", "lister", "trust_link_counts":
            del options[name]

    def decorate(function: F) -> F:
        for option in reversed(options.values()):
            function = option(function)
        return function

    return decorate


def _scan_options(threads: str, usual: str, requests: str) -> dict[str, Callable[[F], F]]:
    """The options of a scan by their names. The arguments are parts of the help."""
    return {
        "exclude": click.option(
            "--exclude",
            metavar="GLOB",
            multiple=True,
            callback=_exclude_rules,
            help="Leave out what matches: *.tmp and .git/ at any depth, /raw/old or raw/**/old "
            "from SOURCE on, {a,b} either. May be given several times.",
        ),
        "max_depth": click.option(
            "--max-depth",
            metavar="N",
            type=click.IntRange(min=0),
            help="How deep a match may start; 0 is SOURCE alone.",
        ),
        "follow_links": click.option(
            "--follow-links", is_flag=True, help="Enter links to directories."
        ),
        "one_file_system": click.option(
            "--one-file-system",
            is_flag=True,
            help="Do not enter directories on other file systems.",
        ),
        "outermost": click.option(
            "--outermost",
            is_flag=True,
            help="Leave out matches that lie in a directory that matches, and do not look there.",
        ),
        "threads": click.option(
            "--threads",
            metavar="N",
            type=click.IntRange(min=1, max=MAX_THREADS),
            help=f"The most threads for what is on this machine{threads}. Default: found while it "
            f"runs, by what comes of more and of fewer{usual}.",
        ),
        "trust_link_counts": click.option(
            "--trust-link-counts",
            is_flag=True,
            help="Take a directory's link count for two and its directories on any file system, "
            "such as a network's that keeps it so: one of which nothing is asked need not be "
            "opened then. Where a count says less, matches are not found.",
        ),
        "options": storage_option,
        "concurrency": click.option(
            "--concurrency",
            metavar="N",
            type=click.IntRange(min=1, max=MAX_REQUESTS),
            help=f"Requests{requests} under way at the same time, at most, for a URL. Default: 32.",
        ),
        "lister": click.option(
            "--lister",
            type=click.Choice(["auto", "fsspec", "obstore"]),
            default="auto",
            help="What lists s3://, gs:// and az:// URLs. Default: auto.",
        ),
    }
