"""The command ``pathvein init``."""

from __future__ import annotations

from pathvein.cli._click import (
    DONE_WITH_ERRORS,
    SETTINGS,
    Command,
    Failure,
    click,
)
from pathvein.cli._options import complete, quiet_option, storage_option
from pathvein.cli._output import Messages, Output, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["init"]

_NOT = "--not"


class _Init(Command):
    """A command of which `--not` stands once in front of several directories."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`, which knows only of options that take one value."""
        return super().parse_args(ctx, _one_each(args))


def _one_each(args: list[str]) -> list[str]:
    """The arguments with `--not=` in front of each directory behind `--not`."""
    given: list[str] = []
    behind = value = names_only = False
    for arg in args:
        if value:
            given.append(arg)
            value = False
        elif arg == _NOT and not names_only:
            behind = True
        elif arg == "--" and not names_only:
            names_only = True
            if not behind:
                given.append(arg)
        elif arg.startswith("-") and arg != "-" and not names_only:
            behind |= arg.startswith(f"{_NOT}=")
            given.append(arg)
            value = arg in ("-o", "--option")
        else:
            given.append(f"{_NOT}={arg}" if behind else arg)
    return given


@click.command(cls=_Init, context_settings=SETTINGS)
@click.argument("examples", metavar="DIR...", nargs=-1, shell_complete=complete)
@click.option(
    _NOT,
    "counterexamples",
    metavar="DIR...",
    multiple=True,
    shell_complete=complete,
    help="All directories behind this are wrong ones, which the pattern is not to match.",
)
@storage_option
@quiet_option
@click.pass_context
def init(
    context: click.Context,
    /,
    examples: tuple[str, ...],
    counterexamples: tuple[str, ...],
    options: dict[str, Any],
    quiet: bool,
) -> None:
    """Propose a pattern, as text, from directories that are right.

    It matches each DIR, by what all of them have in common: the same names, or names that differ
    in a part (run_*, *.csv). What only some of them have is optional, what only wrong ones have
    is forbidden. Two or three directories say more than one.

    Standard error says which of the wrong ones it matches all the same, since no names tell them
    from the right ones, or only a long list of names would.

    Exit status: 0 done; 1 done, but some of the wrong ones match; 2 not done: a directory cannot
    be read.
    """
    if not examples:
        hint = ": what is behind --not are the wrong ones" if counterexamples else ""
        raise click.UsageError(f"Missing argument 'DIR...'{hint}", context)
    from pathvein import FileStructurePattern
    from pathvein._learning import learn

    messages = Messages(quiet=quiet)
    context.with_resource(messages.saying_warnings())
    directories = 0

    def read(more: int) -> None:
        nonlocal directories
        directories += more

    try:
        with messages.working(lambda: messages.pace(directories)):
            pattern, alike = learn(FileStructurePattern, examples, counterexamples, options, read)
        Output(messages).write(pattern.to_text().split("\n"))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise Failure(describe(error)) from error
    for path in alike:
        messages.warn(f"{path}: it matches, too: names do not tell it from the right ones")
    context.exit(DONE_WITH_ERRORS if alike else 0)
