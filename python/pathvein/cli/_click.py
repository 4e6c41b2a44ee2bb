"""click, or rich-click where help may be shown; and what the commands are made of."""

from __future__ import annotations

from pathvein.cli import with_help
from pathvein.cli._output import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

if TYPE_CHECKING or with_help:
    import rich_click as click
    from rich_click import RichCommand as _BaseCommand
    from rich_click import RichGroup as Group

    # By default `rich_click` joins paragraphs.
    _LAYOUT = {"rich_help_config": {"text_paragraph_linebreaks": "\n\n"}}
else:
    import click
    from click import Command as _BaseCommand
    from click import Group

    _LAYOUT = {}

__all__ = [
    "DONE_WITH_ERRORS",
    "INTERRUPTED",
    "NOT_DONE",
    "PIPE_CLOSED",
    "SETTINGS",
    "Command",
    "Failure",
    "Group",
    "click",
    "failure",
]

DONE_WITH_ERRORS = 1
NOT_DONE = 2
INTERRUPTED = 128 + 2  # SIGINT
PIPE_CLOSED = 128 + 13  # SIGPIPE

SETTINGS = {"help_option_names": ["-h", "--help"], **_LAYOUT}


class Failure(click.ClickException):
    """The error of a command that cannot do anything: no source, a bad pattern."""

    exit_code = NOT_DONE
    #: What is shown below the message: a line of a file, and a caret.
    excerpt: Sequence[str] = ()


def failure(name: str, error: Exception) -> Failure:
    """The failure to read a source or a file, with its name in the message."""
    message, *excerpt = lines(error)
    failed = Failure(message if message.startswith(name) else f"{name}: {message}")
    failed.excerpt = excerpt
    return failed


class Command(_BaseCommand):
    """A command whose errors of use all know it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            # click does not tell of which command an option lacks its argument.
            error.ctx = error.ctx or ctx
            raise
