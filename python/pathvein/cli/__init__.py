"""The command line.

It needs the extra ``cli``. What needs it is imported only when it is used, so that a missing
extra is one clear line and not a traceback.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pathvein.cli._commands import cli

__all__ = ["cli", "main"]

_EXTRA = ("rich_click", "click", "rich")


def main() -> NoReturn:
    """The command ``pathvein``."""
    try:
        from pathvein.cli._commands import cli

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
    sys.exit()


def __getattr__(name: str) -> Any:
    if name == "cli":
        from pathvein.cli._commands import cli

        return cli
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
