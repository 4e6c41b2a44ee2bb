"""The options ``--from`` and ``--from0``: keys from a file or a pipe instead of a source."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from pathvein.cli._click import Failure, click, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from pathvein._stream import Stream
    from pathvein.cli._inventories import Inventory
    from pathvein.lib import Opened

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["FIND", "OF_SOURCES", "Keys", "failing_keys", "key_options", "keys_of"]

#: What prints directories with a slash, so that empty ones are not taken for files.
FIND = r"find LAB -type d -printf '%p/\0' -o -printf '%p\0'"
#: Options that have no effect on keys, by the values that they have if they are not given.
OF_SOURCES = {
    "follow_links": False,
    "one_file_system": False,
    "threads": None,
    "trust_link_counts": False,
    "concurrency": None,
    "lister": "auto",
    "executor": None,
}


def key_options(function: F) -> F:
    """Give a command the options of keys."""
    lines = click.option(
        "--from",
        "from_lines",
        metavar="FILE",
        multiple=True,
        help="Read nothing but the paths in FILE, one a line, as find prints them; - is standard "
        "input, and .gz and .zst are unpacked. A path that others lie below, or that ends in /, is "
        "a directory. Results are below SOURCE, if there is one, else written the way the paths "
        "came. May be given several times: all are one tree. Names that have a newline, or "
        "end in CR, need --from0.",
    )
    nul = click.option(
        "--from0",
        "from_nul",
        metavar="FILE",
        multiple=True,
        help="The same of paths that end with a NUL. So that empty directories are not taken for "
        f"files: {FIND}",
    )
    order = click.option(
        "--in-order",
        is_flag=True,
        help="The paths of --from are in the order of their bytes, as of LC_ALL=C sort: results "
        "come while they are read.",
    )
    return lines(nul(order(function)))


class Keys:
    """The keys that a command is given, and how a scan or a check of them is started."""

    def __init__(self, files: list[tuple[str, bytes]], *, in_order: bool) -> None:
        """Files by their names, each with what ends a key. Raises `Failure`."""
        self._in_order = in_order
        self._opened = []
        for path, end in files:
            name = "standard input" if path == "-" else path
            try:
                file = _standard_input() if path == "-" else _open(path)
            except (OSError, ImportError) as error:
                raise failure(name, error) from error
            self._opened.append((file, name, end))

    def _lists(self) -> Iterator[list[bytes]]:
        from pathvein._keys.files import keys_in

        for file, name, end in self._opened:
            with file:
                yield from keys_in(file, name, end)

    def open(self, source: str, kind: str | None = None, **arguments: Any) -> Opened:
        """What `open_producer` returns of a scan, or of a check. Paths are texts."""
        from pathvein._keys.batches import Lists
        from pathvein.keys import open_keys

        for name in OF_SOURCES:
            arguments.pop(name, None)
        return open_keys(
            Lists(self._lists()),
            source=source or None,
            in_order=self._in_order,
            implied=True,
            memory_limit=None,
            temporary_directory=None,
            kind=kind,
            as_text=True,
            **arguments,
        )

    def start_scan(self, *, source: str, **arguments: Any) -> Stream[Any]:
        """Begin a scan whose results are pairs of a path and the index of its pattern."""
        from pathvein.lib import scan_stream

        stream: Stream[Any] = scan_stream(None, self.open(source, **arguments))
        return stream

    def start_check(self, *, source: str, **arguments: Any) -> Stream[Any]:
        """Begin a check whose results have texts as paths."""
        from pathvein._checking.starting import check_stream

        opened = self.open(source, "check", **arguments)
        return check_stream(None, opened)


def _open(name: str) -> Any:
    from pathvein._keys.files import open_file

    return open_file(name)


def _standard_input() -> Any:
    if sys.stdin is None:
        raise OSError("it is closed")
    try:
        return io.FileIO(os.dup(sys.stdin.fileno()))
    except io.UnsupportedOperation:
        return sys.stdin.buffer  # it has no file


def keys_of(
    context: click.Context,
    sources: tuple[str, ...],
    from_lines: tuple[str, ...],
    from_nul: tuple[str, ...],
    in_order: bool,
    inventory: Inventory | None,
    scan_options: dict[str, Any],
) -> Keys | Inventory | None:
    """The keys, or the inventory, that a command is given; `None` if it is given sources."""
    files = [(name, b"\n") for name in from_lines] + [(name, b"\0") for name in from_nul]
    if in_order and not files:
        raise click.UsageError("--in-order is for --from and --from0", context)
    if not (files or inventory):
        if not sources:
            [argument] = [each for each in context.command.params if each.name == "sources"]
            raise click.MissingParameter(ctx=context, param=argument)
        return None
    if inventory is not None and (files or sources):
        other = "--from" if files else "a SOURCE"
        raise click.UsageError(f"--inventory and {other} exclude each other", context)
    if len(sources) > 1:
        raise click.UsageError("--from takes one SOURCE at most", context)
    for name, usual in OF_SOURCES.items():
        if scan_options[name] != usual:
            # An executor is what --workers and --dask ask for.
            option = "--workers" if name == "executor" else f"--{name.replace('_', '-')}"
            what = "paths of --from" if files else "an --inventory"
            raise click.UsageError(f"{option} has no effect on {what}", context)
    if inventory is not None:
        return inventory
    if [name for name, _ in files].count("-") > 1:
        raise click.UsageError("standard input can be read once", context)
    return Keys(files, in_order=in_order)


@contextlib.contextmanager
def failing_keys(keys: Keys | Inventory | None) -> Iterator[None]:
    """While keys are read: what is wrong with them is the failure of the command."""
    if keys is None:
        yield
        return
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise failure(str(error.filename), error) from error
    except (ValueError, MemoryError, ImportError) as error:
        raise Failure(str(error)) from error
