"""The command ``pathvein explain``."""

from __future__ import annotations

import json
import os
import sys

from pathvein._arguments import is_url
from pathvein.cli._checking import labels, shown_path
from pathvein.cli._click import DONE_WITH_ERRORS, NOT_DONE, SETTINGS, Command, click, failure
from pathvein.cli._log import log_to_file
from pathvein.cli._options import complete, pattern_options, quiet_option, scan_options
from pathvein.cli._output import Messages, Output, columns, describe, named
from pathvein.cli._patterns import load
from pathvein.cli._scanning import MISSING_OPTION, refuse_files, say_patterns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pathvein.checking import Explanation
    from pathvein.cli._patterns import Named

__all__ = ["explain"]

#: The columns of a tree that is not written to a terminal.
_COLUMNS = 80
#: More than that no eye follows.
_MOST_COLUMNS = 120


@click.command(cls=Command, context_settings=SETTINGS)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=complete)
@pattern_options
@scan_options(one_directory=True)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Write one object a line for each PATH and pattern.",
)
@quiet_option
@click.pass_context
def explain(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    pattern_files: tuple[str, ...],
    expressions: tuple[str, ...],
    options: dict[str, Any],
    as_json: bool,
    quiet: bool,
    **scan_options: Any,
) -> None:
    """Tell why a directory matches a pattern or does not.

    A PATH is a directory, or a URL. It is held against each of the patterns, whatever its name.

    For each a tree is written that is like the pattern: what is met and by what, what is missing,
    and what came closest to it: the same name in another case, one edit away, in the wrong
    directory, a link that is not followed.

    Exit status: 0 each PATH matches each pattern; 1 not so, or something could not be read;
    2 not done.

    If the variable PATHVEIN_LOG_FILE names a file, errors and warnings are appended to it.
    """
    messages = Messages(quiet=quiet)
    context.with_resource(messages.saying_warnings())
    log_to_file(context, messages)
    refuse_files(paths)
    patterns = load(context, pattern_files, expressions)
    say_patterns(messages, patterns, 0)
    trees = _Trees(messages, patterns, as_json=as_json)
    has_url = any(map(is_url, paths))
    passed, opened = True, False
    for path in paths:
        # Beside a URL, a path is not refused for them.
        scan_options["storage_options"] = None if has_url and not is_url(path) else options
        for pattern in patterns:
            explanation = _explanation(messages, path, pattern, scan_options)
            if explanation is None:
                passed = False
                break
            opened = True
            passed &= explanation.complete and not explanation.errors
            trees.write(path, pattern, explanation)
    if not opened:
        context.exit(NOT_DONE)
    context.exit(0 if passed else DONE_WITH_ERRORS)


def _explanation(
    messages: Messages, path: str, named: Named, options: dict[str, Any]
) -> Explanation[Any] | None:
    """The explanation of a directory; `None` if it cannot be opened, which is told."""
    from pathvein.checking import explain

    told: list[Exception] = []

    def tell(error: OSError) -> None:
        messages.error(describe(error))
        told.append(error)

    try:
        with messages.working(lambda: f"reading {path}"):
            return explain(
                path,
                named.pattern,
                **options,
                on_error=tell,
            )
    except Exception as error:
        if any(error is one for one in told):
            return None
        is_none = isinstance(error, NotADirectoryError)
        hint = MISSING_OPTION if is_none and (is_url(path) or os.path.isfile(path)) else ""
        messages.error(f"{failure(path, error)}{hint}")
        return None


class _Trees:
    """Explanations, as they are written."""

    def __init__(self, messages: Messages, patterns: list[Named], *, as_json: bool) -> None:
        self._output = Output(messages)
        self._labels = labels(patterns)
        self._json = as_json
        self._is_first = True

    def write(self, path: str, pattern: Named, explanation: Explanation[Any]) -> None:
        """Write an explanation."""
        if self._json:
            told = explanation.to_dict()
            told |= named("path", told["path"])
            self._output.write([json.dumps({**told, **named("pattern_name", pattern.name)})])
            return
        shown = shown_path(path)(str(explanation.source))
        explanation.source = shown
        if len(self._labels) > 1:
            explanation.source += f" [{self._labels[pattern.name]}]"
        # Standard error has told them.
        explanation.errors.clear()
        lines = self._tree(explanation)
        self._output.write(lines if self._is_first else ["", *lines], styled=True)
        self._is_first = False

    def _tree(self, explanation: Explanation[Any]) -> list[str]:
        """The tree, whose names are shown safely, as lines."""
        from pathvein._checking.drawing import drawn

        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        ascii_only = not encoding.lower().startswith("utf")
        if not self._output.terminal:
            return drawn(explanation, _COLUMNS, ascii_only=ascii_only).split("\n")
        from rich.console import Console

        # It knows of NO_COLOR and of what the terminal can show, but of a dumb one not its size.
        console = Console(width=min(columns(sys.stdout), _MOST_COLUMNS), height=25)
        with console.capture() as capture:
            console.print(explanation)
        return capture.get().removesuffix("\n").split("\n")
