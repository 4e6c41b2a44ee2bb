"""The command line.

It needs the extra ``cli``. What needs it is imported only when it is used, so that a missing
extra is one clear line and not a traceback.
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

#: Whether help is to be expected. If not, click will do: rich-click, which is click but for the
#: looks of its help, takes another third of the time that click takes to start.
with_help = True


def main() -> NoReturn:
    """The command ``pathvein``."""
    global with_help
    # What is imported is no garbage, nor is what is left at the end worth looking for: to look
    # through all of it each time takes a seventh of a short scan.
    gc.disable()
    with_help = sys.argv[1:2] != ["scan"] or any(map(_may_ask_for_help, sys.argv))
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
