"""An app with the commands and options of pathvein's, none of which does anything."""

from __future__ import annotations

from typing import Any

import rich_click as click

from pathvein.cli import cli


def source() -> str:
    """It as a Python script that imports rich_click and nothing else."""
    lines = [
        "import sys",
        "",
        "import rich_click as click",
        "",
        "",
        f"@click.group(context_settings={cli.context_settings!r})",
        '@click.version_option("0", prog_name="pathvein")',
        "def cli():",
        f"    {cli.help!r}",
    ]
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        lines += ["", "", f"@cli.command({name!r}, context_settings={command.context_settings!r})"]
        lines += [_decorator(parameter) for parameter in command.params]
        lines += ["def command(**values):", f"    {command.help!r}"]
    return "\n".join([*lines, "", "", "sys.exit(cli())", ""])


def _decorator(parameter: click.Parameter) -> str:
    declarations = [parameter.name, *parameter.opts, *parameter.secondary_opts]
    given: dict[str, Any] = {"required": parameter.required, "multiple": parameter.multiple}
    if isinstance(parameter, click.Argument):
        given = {"required": parameter.required, "nargs": parameter.nargs}
        given["metavar"] = parameter.metavar
        words = [f"{key}={value!r}" for key, value in given.items()]
        return f"@click.argument({', '.join([repr(parameter.name), *words])})"
    assert isinstance(parameter, click.Option)
    given |= {"help": parameter.help, "metavar": parameter.metavar}
    if parameter.is_flag:
        del given["multiple"], given["metavar"]
        given["is_flag"] = True
    elif parameter.count:
        del given["multiple"]
        given["count"] = True
    words = [repr(word) for word in declarations]
    words += [f"{key}={value!r}" for key, value in given.items() if value is not None]
    if isinstance(parameter.type, click.IntRange):
        words.append(f"type=click.IntRange({parameter.type.min!r}, {parameter.type.max!r})")
    if isinstance(parameter.type, click.Choice):
        words.append(f"type=click.Choice({list(parameter.type.choices)!r})")
    return f"@click.option({', '.join(words)})"
