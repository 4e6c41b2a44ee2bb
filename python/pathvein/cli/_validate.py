"""The command ``pathvein validate``."""

from __future__ import annotations

from functools import partial

from pathvein import FileStructurePattern
from pathvein._pattern_files import parse
from pathvein._pattern_files.parts import explained
from pathvein.cli._click import (
    DONE_WITH_ERRORS,
    SETTINGS,
    Command,
    click,
    failure,
)
from pathvein.cli._options import complete, expression_option
from pathvein.cli._output import Messages, Output, safe, shown_excerpt
from pathvein.cli._patterns import parse_file, shown_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pathvein._pattern_files.parts import Part, Position

    Reader = Callable[[], list[Part[FileStructurePattern]]]

__all__ = ["validate"]


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("pattern_files", metavar="FILE...", nargs=-1, shell_complete=complete)
@expression_option("to check")
@click.pass_context
def validate(
    context: click.Context, /, pattern_files: tuple[str, ...], expressions: tuple[str, ...]
) -> None:
    """Say what is wrong with the patterns of files.

    A FILE is JSON, pattern text, TOML or YAML; - is standard input, as JSON or text.

    Each finding is a line, FILE:LINE:COLUMN and what is wrong there; of TOML that is none, line
    and column are not known. An "error" is why a file cannot be used. Of a pattern that can be
    used, "never" is why it matches nothing, and "idle" what adds nothing to it.

    Exit status: 0 nothing is wrong, and nothing is printed; 1 something is, or a FILE cannot be
    read; 2 not done.
    """
    if not pattern_files and not expressions:
        raise click.UsageError("Missing argument 'FILE...'", context)
    messages = Messages()
    context.with_resource(messages.saying_warnings())
    wrong = False
    output = Output(messages)
    for name, read in _readers(pattern_files, expressions):
        try:
            found = _findings(name, read)
        except (ImportError, OSError) as error:
            messages.error(failure(name, error).message)
            wrong = True
        else:
            output.write(found)
            wrong |= bool(found)
    context.exit(DONE_WITH_ERRORS if wrong else 0)


def _readers(files: tuple[str, ...], expressions: tuple[str, ...]) -> Iterator[tuple[str, Reader]]:
    for file in dict.fromkeys(files):
        yield shown_file(file), partial(parse_file, file)
    for text in dict.fromkeys(expressions):
        yield "-e", partial(parse, FileStructurePattern, text)


def _findings(name: str, read: Reader) -> list[str]:
    """What is wrong with the patterns of a file, as lines to write."""
    try:
        parts = read()
    except ValueError as error:
        wrong = explained(error)
        found = [f"{name}{_at(wrong.position)}: error: {wrong.message}"]
        if wrong.excerpt:
            found += shown_excerpt(*wrong.excerpt)
        return [safe(line) for line in found]
    found = []
    for index, (pattern, positions) in enumerate(parts):
        numbered = name if len(parts) == 1 else f"{name}[{index}]"
        # As they stand in the file: the findings themselves come by kinds of items.
        findings = [(positions(finding[0]), finding) for finding in pattern.validate()]
        findings.sort(key=lambda each: each[0] or ())
        for position, (place, message, severity) in findings:
            where = f"{name}{_at(position)}" if position else numbered
            found.append(safe(f"{where}: {severity}: {place}: {message}"))
    return found


def _at(position: Position | None) -> str:
    return f":{position[0]}:{position[1]}" if position else ""
