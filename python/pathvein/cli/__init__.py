"""The command line.

It needs the extra ``cli``. The modules of the extra are imported only when they are used, so
that a missing extra is reported in one line, without a traceback.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from pathvein.cli._commands import cli

__all__ = ["cli", "main"]

_EXTRA = ("rich_click", "click", "rich")

#: What may run without it.
_COMMANDS = frozenset(
    ("--version", "check", "convert", "explain", "init", "report", "scan", "shuffle", "validate")
)

#: Whether help may be shown. Otherwise click is imported and not rich-click, which differs only
#: in the layout of help and takes a third longer to import.
with_help = True


def main() -> NoReturn:
    """The command ``pathvein``."""
    global with_help
    # Imported modules are no garbage, and garbage that is left at the end need not be freed. To
    # collect garbage there takes a seventh of the time of a short scan.
    gc.disable()
    with_help = not _COMMANDS.intersection(sys.argv[1:2]) or any(map(_may_ask_for_help, sys.argv))
    try:
        from pathvein.cli._commands import cli

        gc.freeze()
        gc.enable()
        cli(prog_name="pathvein")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        hint = f"Error: {error.name} is missing: pip install 'pathvein[cli]'"
        if sys.stderr:
            print(hint, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()
    sys.exit()


def _may_ask_for_help(argument: str) -> bool:
    return argument == "--help" or (argument[:1] == "-" != argument[1:2] and "h" in argument)


def __getattr__(name: str) -> Any:
    if name == "cli":
        from pathvein.cli._commands import cli

        return cli
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
