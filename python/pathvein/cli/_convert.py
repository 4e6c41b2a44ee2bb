"""The command ``pathvein convert``."""

from __future__ import annotations

from pathvein.cli._click import (
    SETTINGS,
    Command,
    Failure,
    click,
    failure,
)
from pathvein.cli._options import complete, expression_option
from pathvein.cli._output import Messages, Output
from pathvein.cli._patterns import load
from pathvein.cli._written import WRITERS

__all__ = ["convert"]


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("pattern_file", metavar="[FILE]", required=False, shell_complete=complete)
@expression_option("to write")
@click.option(
    "--to",
    "form",
    type=click.Choice(list(WRITERS)),
    required=True,
    help="The form to write: text is pattern text, as a person draws a tree.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=complete,
    help="Write to this file, which is replaced. Default: standard output.",
)
@click.pass_context
def convert(
    context: click.Context,
    /,
    pattern_file: str | None,
    expressions: tuple[str, ...],
    form: str,
    output: str | None,
) -> None:
    """Write the patterns of FILE in another form.

    FILE is JSON, pattern text, TOML or YAML; - is standard input, as JSON or text. All patterns
    are written, in their order, and equal ones once. Comments are not. What is written reads back
    equal, but that text has one word for any name, and TOML none for null: both write *.

    Exit status: 0 done; 2 not done.
    """
    messages = Messages()
    context.with_resource(messages.saying_warnings())
    if pattern_file is None and not expressions:
        raise click.UsageError("Missing argument 'FILE' or option '--expression' / '-e'", context)
    named = load(context, () if pattern_file is None else (pattern_file,), expressions)
    try:
        text = WRITERS[form]([each.pattern for each in named])
    except ValueError as error:
        raise Failure(str(error)) from error
    try:
        if output is None:
            Output(messages).write(text.removesuffix("\n").split("\n"))
        else:
            with open(output, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise failure(str(output), error) from error
    context.exit(0)
