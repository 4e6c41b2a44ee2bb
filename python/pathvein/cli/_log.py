"""The log of the command line: ``PATHVEIN_LOG_FILE``, and -vvv."""

from __future__ import annotations

import contextlib
import os

from pathvein.cli._click import Failure
from pathvein.cli._output import describe, safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from io import TextIOWrapper

    from click import Context

    from pathvein.cli._output import Messages

__all__ = ["log_to_file", "log_to_messages"]

_VARIABLE = "PATHVEIN_LOG_FILE"
#: Of what the command line says itself.
_OWN = "pathvein.cli"


def log_to_file(context: Context, messages: Messages) -> None:
    """Append the log to the file that ``PATHVEIN_LOG_FILE`` names, if it is set."""
    path = os.environ.get(_VARIABLE)
    if not path:
        return
    import logging

    class Formatter(logging.Formatter):
        """One line a record, whatever names hold, and no passwords."""

        def format(self, record: logging.LogRecord) -> str:
            return safe(super().format(record))

    class File(logging.FileHandler):
        """A file that cannot be written to is told of once."""

        broken = False

        def _open(self) -> TextIOWrapper:
            # A fifo that nobody reads is an error, and is not waited for.
            stream = open(  # noqa: SIM115  (logging closes it)
                self.baseFilename, "a", encoding="utf-8", errors=self.errors, opener=_at_once
            )
            if hasattr(os, "O_NONBLOCK"):
                os.set_blocking(stream.fileno(), True)
            return stream

        def emit(self, record: logging.LogRecord) -> None:
            # It stays attached: logging is going through its handlers, and would skip the next.
            if not self.broken:
                super().emit(record)

        def handleError(self, record: logging.LogRecord) -> None:
            import sys

            self.broken = True
            error = sys.exc_info()[1]
            reason = describe(error) if isinstance(error, Exception) else str(error)
            messages.say(f"Error: {_VARIABLE}: {path}: {reason}")

    logger = logging.getLogger("pathvein")
    try:
        file = File(path, encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError) as error:
        reason = describe(error)
        # The path is made absolute by logging.
        name = "" if path in reason else f"{path}: "
        raise Failure(f"{_VARIABLE}: {name}{reason}") from error
    file.setFormatter(Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    _attach(context, logger, file, logging.DEBUG)
    messages.log = logging.getLogger(_OWN)


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def log_to_messages(context: Context, messages: Messages, *, verbose: bool) -> None:
    """Say what is logged, if `verbose`. Errors are said as they are in any case."""
    import logging

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if verbose and record.levelno < logging.ERROR and record.name != _OWN:
                messages.say(f"{record.levelname}: {record.getMessage()}")

    # Without any handler, logging would write errors to standard error itself.
    _attach(context, logging.getLogger("pathvein"), Said(), logging.DEBUG if verbose else None)


def _attach(
    context: Context, logger: logging.Logger, handler: logging.Handler, level: int | None
) -> None:
    """Add a handler while the command runs."""
    before = logger.level
    logger.addHandler(handler)
    if level is not None:
        logger.setLevel(level)

    def detach() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)
        # What could not be written was told of.
        with contextlib.suppress(OSError):
            handler.close()

    context.call_on_close(detach)
