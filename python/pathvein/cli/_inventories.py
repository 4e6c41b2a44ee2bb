"""The option ``--inventory``: a bucket's inventory instead of a source."""

from __future__ import annotations

from pathvein._arguments import memory_in_bytes
from pathvein.cli._click import click
from pathvein.cli._keys import OF_SOURCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from pathvein._stream import Stream
    from pathvein.lib import Opened

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["Inventory", "inventory_options"]


class Inventory:
    """The inventory that a command is given, and how a scan or a check of it is started."""

    def __init__(
        self, manifest: str, prefix: str, memory_limit: str | None, directory: str | None
    ) -> None:
        self._options: dict[str, Any] = {
            "manifest": manifest,
            "prefix": prefix,
            "memory_limit": memory_limit,
            "temporary_directory": directory,
        }

    def open(self, kind: str | None = None, **arguments: Any) -> Opened:
        """What `open_producer` returns of a scan, or of a check."""
        from pathvein.inventories import open_inventory

        for name in OF_SOURCES:
            arguments.pop(name, None)
        return open_inventory(**self._options, kind=kind, **arguments)

    def start_scan(self, *, source: str, **arguments: Any) -> Stream[Any]:
        """Begin a scan whose results are pairs of a path and the index of its pattern."""
        from pathvein.lib import scan_stream

        stream: Stream[Any] = scan_stream(None, self.open(**arguments))
        return stream

    def start_check(self, *, source: str, **arguments: Any) -> Stream[Any]:
        """Begin a check."""
        from pathvein._checking.starting import check_stream

        return check_stream(None, self.open("check", **arguments))


def inventory_options(function: F) -> F:
    """Give a command the option of an inventory. It gets an `Inventory` or None."""
    prefix = _part(
        "--prefix",
        metavar="PREFIX",
        help="Of the inventory, only what lies below this directory of the bucket; in Azure's, it "
        "begins with the container.",
    )
    memory = _part(
        "--memory-limit",
        metavar="SIZE",
        help="How much memory may be used to sort the inventory's keys: 1GB, 512MiB. Default: "
        "four fifths of it.",
    )
    directory = _part(
        "--temporary-directory",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        help="Where they are sorted if they do not fit in memory. Default: that of the system.",
    )
    inventory = click.option(
        "--inventory",
        metavar="URL",
        callback=_inventory,
        help="Read nothing but an inventory of a bucket, whose manifest this is: a path or a URL. "
        "Of Amazon S3, Google Cloud Storage or Azure. Results are the bucket's URLs.",
    )
    # The last callback that is called finds what the others have noted.
    return inventory(prefix(memory(directory(function))))


def _part(name: str, **options: Any) -> Callable[[F], F]:
    """An option that is part of the inventory."""
    return click.option(name, expose_value=False, is_eager=True, callback=_note, **options)


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta.setdefault(__name__, {})[parameter.name] = (parameter.opts[0], value)


def _inventory(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Inventory | None:
    noted = context.meta.get(__name__, {})
    if value is None:
        for option, _ in noted.values():
            raise click.UsageError(f"{option} is for --inventory", context)
        return None
    told = {name: value for name, (_, value) in noted.items()}
    if "memory_limit" in told:
        try:
            memory_in_bytes(told["memory_limit"])
        except ValueError as error:
            raise click.BadParameter(str(error), context, param_hint="--memory-limit") from error
    return Inventory(
        value,
        told.get("prefix", ""),
        told.get("memory_limit"),
        told.get("temporary_directory"),
    )
