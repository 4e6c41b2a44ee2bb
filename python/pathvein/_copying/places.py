"""Where sources and destinations are: paths of this machine, as `str`, or UPaths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pathvein_core

from pathvein import _arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from upath import UPath


@_arguments.without_stop_iteration
def place_of(
    argument: str, path: object, storage_options: Mapping[str, Any] | None = None
) -> str | UPath:
    """Where an argument is.

    The options are those of a `str` that is a URL: a UPath has its own.
    """
    if _arguments.is_url_or_upath(path):
        from pathvein._remote import local_path, make_upath

        made = path if _arguments.is_upath(path) else make_upath(path, storage_options)
        local = local_path(made)
        if local is None:
            return made
        if isinstance(path, str) and not made.protocol:
            # A directory of that name would be made.
            hint = f"for a path write {f'./{path}'!r}"
            raise ValueError(f"{argument} must be a path or a URL, not {path!r}: {hint}")
        path = local
    text = _arguments.path_text(argument, path, "str, os.PathLike or UPath")
    if not text:
        raise ValueError(f"{argument} must not be empty")
    return text


def places_of(
    inputs: Sequence[tuple[Any, Any, Any]],
    storage_options: Mapping[str, Any] | None,
    argument: str = "shuffle_def",
    destination_argument: str = "shuffle_def[{}].destination",
) -> list[tuple[str | UPath, str | UPath]]:
    """Where each source and destination is. Checks the patterns, too.

    The arguments are named in what is raised.
    """
    places: list[tuple[str | UPath, str | UPath]] = []
    for index, (source, destination, pattern) in enumerate(inputs):
        if not isinstance(pattern, pathvein_core.FileStructurePattern):
            name = f"{argument}[{index}].pattern"
            raise _arguments.wrong_type(name, "a FileStructurePattern", pattern)
        place = place_of(f"{argument}[{index}].source", source, storage_options)
        if not isinstance(place, str) and "\0" in name_of(source) and isinstance(destination, Path):
            # It has its name from a key: this match fails, and the others are copied.
            places.append((place, str(destination)))
            continue
        places.append(
            (place, place_of(destination_argument.format(index), destination, storage_options))
        )
    if (
        storage_options
        and inputs
        and all(isinstance(place, str) for two in places for place in two)
    ):
        raise ValueError("storage_options are for URLs and UPaths, and there are only paths")
    return places


def joiner(
    destination: object, storage_options: Mapping[str, Any] | None
) -> Callable[[object], Path | UPath]:
    """What makes the destination of a source in a directory."""
    place = place_of("destination", destination, storage_options)
    parent: Any = destination
    if not isinstance(destination, Path) and not _arguments.is_upath(destination):
        parent = Path(place) if isinstance(place, str) else place
    return lambda source: parent / name_of(source)


def name_of(source: Any) -> str:
    """A source's name, of a `str` too."""
    if _arguments.is_upath(source):
        from pathvein._remote.source import source_name

        return source_name(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else str(source).rstrip("/").rpartition("/")[2]
