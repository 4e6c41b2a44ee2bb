"""Writes what docs/command-line.md says of each command, out of the command's own help.

    command_line.py          brings the page up to date
    command_line.py --check  only says whether it is

The help stands between comments that name the command. Examples are written by hand, below it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from pathvein.cli import cli

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
_MADE = re.compile(r"(<!-- pathvein (\w+) -->\n).*?(<!-- /pathvein \2 -->\n)", re.DOTALL)
#: What is code in the text of help, which is written for terminals.
_CODE = re.compile(
    r"""
    \bfind\ \S+\ -.*$                                   # a command, at the end
    | (?<!\w)'[^']+'(?!\w) | \{"[^}]*\}                  # what is in quotes, JSON
    | (?<![\w-])--?[a-zA-Z][\w-]* | (?<!\S)-(?=\ is)     # options, standard input
    | (?<![^\s(]) (?:
        \w+:(?://[^\s,;)]*|:\w\S*) | ::                      # URLs
        | [^\s(]*[*{]\S* | /\w\S*/\w+ | \.\w+/?           # globs, paths, suffixes
        | [a-z_]+=\S+ | [A-Z]+_\S+                       # settings, variables
    ) (?<![.,;:)])
    """,
    re.VERBOSE,
)


def main() -> None:
    """The command."""
    before = PAGE.read_text(encoding="utf-8")
    after = made(before)
    if sys.argv[1:] == ["--check"]:
        if after != before:
            sys.exit(f"{PAGE.name} is not what {Path(__file__).name} makes")
    elif after != before:
        PAGE.write_text(after, encoding="utf-8")


def made(page: str) -> str:
    """The page with the help of each command as it is now."""
    context = click.Context(cli, info_name="pathvein")
    commands = cli.list_commands(context)
    named = [match[2] for match in _MADE.finditer(page)]
    if named != commands:
        raise ValueError(f"the page has {named}, and the commands are {commands}")
    helps = {}
    for name in commands:
        command = cli.get_command(context, name)
        assert command is not None
        asked = command.make_context(name, [], parent=context, resilient_parsing=True)
        helps[name] = "\n".join(_help(asked))
    return _MADE.sub(lambda match: f"{match[1]}\n{helps[match[2]]}{match[3]}", page)


def _help(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"`{' '.join([context.command_path, *command.collect_usage_pieces(context)])}`\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield f"{_markdown(paragraph)}\n"
    yield "Options:\n"
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield f"- {_option(parameter, context)}"
    yield ""


def _option(option: click.Option, context: click.Context) -> str:
    value = ""
    if not option.is_flag and not option.count:
        value = f" {option.make_metavar(context)}"
        if isinstance(option.type, click.Choice):
            value = f" {'|'.join(map(str, option.type.choices))}"
    names = ", ".join(f"`{name}{value}`" for name in sorted(option.opts, key=len))
    limits = ""
    if isinstance(option.type, click.IntRange) and not option.count:
        low, high = option.type.min, option.type.max
        limits = f" ({low} to {high})" if high is not None else f" ({low} or more)"
    text = _markdown(option.help or "")
    shown = isinstance(option.default, str | int) and not option.is_flag and not option.count
    if shown and "Default:" not in text:
        text += f" Default: `{option.default}`."
    return f"{names}{limits}: {text}"


def _markdown(text: str) -> str:
    """The text of help in one line, with code as such."""
    text = " ".join(text.split())
    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_escaped(text[end : code.start()]), f"`{code[0]}`"]
        end = code.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return re.sub(r"[\\`*_<>\[\]]", r"\\\g<0>", text)


if __name__ == "__main__":
    main()
