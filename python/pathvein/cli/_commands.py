"""The command ``pathvein``, which consists of others."""

from __future__ import annotations

import errno
import re
import sys

from pathvein.cli._click import INTERRUPTED, NOT_DONE, PIPE_CLOSED, SETTINGS, Failure, Group, click
from pathvein.cli._output import Messages, OutputFailed, abandon, describe
from pathvein.cli._streams import patient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["cli"]


#: The commands. Each is a function of that name in a module of its own.
_COMMANDS = ("check", "convert", "explain", "init", "report", "scan", "shuffle", "validate")


class _Commands(Group):
    """A group that prints each error in one line, and does not wrap names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group.list_commands`."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group.get_command`. Only the command that is run is imported."""
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = getattr(import_module(f"pathvein.cli._{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Group.invoke`. A command that is interrupted or cannot write ends here."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # click would write an empty line.
            abandon(sys.stdout)
            ctx.exit(INTERRUPTED)
        except OutputFailed as error:
            if isinstance(error.__cause__, BrokenPipeError):
                ctx.exit(PIPE_CLOSED)
            raise Failure(f"standard output: {error}") from error

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
            status = INTERRUPTED
        except click.ClickException as error:
            messages = Messages()
            messages.error(_error_message(error))
            for line in getattr(error, "excerpt", ()):
                messages.say(line)
            status = error.exit_code
        except BrokenPipeError:
            abandon(sys.stdout)
            status = PIPE_CLOSED
        except OSError as error:
            if error.filename is not None:
                raise
            # It could not be written: no other OSError comes here without a name.
            abandon(sys.stdout)
            Messages().error(f"standard output: {describe(error)}")
            status = NOT_DONE
        sys.exit(status)


def _error_message(error: click.ClickException) -> str:
    message = error.format_message()
    if not isinstance(error, click.UsageError):
        return message
    # click writes these as sentences, some on several lines.
    message = re.sub(r"(?<!\.)\.$", "", re.sub(r"\s*\n\s*", " ", message))
    command = error.ctx.command_path if error.ctx else "pathvein"
    return f"{message} (see {command} --help)"


def _version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not context.resilient_parsing:
        from pathvein.cli._version import versions

        click.echo(versions())
        context.exit()


@click.group(cls=_Commands, context_settings=SETTINGS)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the versions of pathvein and of what it runs on, and exit.",
)
def cli() -> None:
    """Find directories by their structure, and copy them."""
