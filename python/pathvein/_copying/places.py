"""Where sources and destinations are: paths of this machine, as `str`, or UPaths."""

from __future__ import annotations

import errno
import os
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

        try:
            made = path if _arguments.is_upath(path) else make_upath(path, storage_options)
        except ValueError as error:
            # Such as that of a URL of which there is no file system.
            raise ValueError(
                f"{argument} must be a path or a URL, not {path!r}: {error}"
            ) from error
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
) -> list[tuple[str | UPath, str | UPath] | OSError]:
    """Where each source and destination is. Checks the patterns, too.

    The arguments are named in what is raised. An error stands for a match that came from a store
    and has a name there that nothing on this machine can have: one key is no reason to copy none.
    And for one with a relative path, where there is no working directory any more.
    """
    places: list[tuple[str | UPath, str | UPath] | OSError] = []
    for index, (source, destination, pattern) in enumerate(inputs):
        if not isinstance(pattern, pathvein_core.FileStructurePattern):
            name = f"{argument}[{index}].pattern"
            raise _arguments.wrong_type(name, "a FileStructurePattern", pattern)
        at = place_of(f"{argument}[{index}].source", source, storage_options)
        try:
            to = place_of(destination_argument.format(index), destination, storage_options)
        except ValueError as error:
            if isinstance(at, str) or not (text := _unusable(destination)):
                raise
            reason = "no file of this machine can have the name of the key"
            failed = OSError(errno.EINVAL, reason, text)
            failed.__cause__ = error
            places.append(failed)
        else:
            places.append(lost(at, to) or (at, to))
    ends = [end for two in places for end in (two if isinstance(two, tuple) else ())]
    # What is an error most often came from a store.
    if storage_options and len(ends) == 2 * len(places) > 0 and _are_local(ends):
        raise ValueError("storage_options are for URLs and UPaths, and there are only paths")
    return places


def lost(source: str | UPath, destination: str | UPath) -> OSError | None:
    """Why nobody can tell where these are: where the working directory is unknown."""
    for end in (source, destination):
        if isinstance(end, str) and not os.path.isabs(end):
            try:
                os.getcwd()
            except OSError as error:
                # It was removed, say.
                reason = f"it is relative to the working directory: {error.strerror}"
                return OSError(error.errno, reason, end)
    return None


def _are_local(ends: Sequence[str | UPath]) -> bool:
    return all(isinstance(end, str) for end in ends)


def _unusable(path: object) -> str:
    """A local path that no file can have, as text; empty for all else."""
    if not isinstance(path, str | os.PathLike):
        return ""
    text: str = os.fsdecode(path)
    try:
        return text if b"\0" in os.fsencode(text) else ""
    except UnicodeEncodeError:
        return text


def existing(destinations: Mapping[int, str | UPath]) -> set[int]:
    """The numbers of the destinations that are there."""
    found: set[int] = set()
    elsewhere: dict[int, UPath] = {}
    for number, path in destinations.items():
        if not isinstance(path, str):
            elsewhere[number] = path
        elif os.path.lexists(path):
            found.add(number)
    if elsewhere:
        from pathvein._remote import copying

        found.update(copying.existing(elsewhere))
    return found


def joiner(
    destination: object, storage_options: Mapping[str, Any] | None
) -> Callable[[object], Path | UPath]:
    """What makes the destination of a source in a directory."""
    place = place_of("destination", destination, storage_options)
    parent: Any = destination
    if not isinstance(destination, Path) and not _arguments.is_upath(destination):
        parent = Path(place) if isinstance(place, str) else place
    return lambda source: parent / name_of(source)


def name_of(source: Any, *, path: Any = os.path) -> str:
    """A source's name, of a `str` too; `path` is the `os.path` whose rules hold."""
    if _arguments.is_upath(source):
        from pathvein._remote.source import source_name

        return source_name(source)
    if isinstance(name := getattr(source, "name", None), str):
        return name
    text: str = os.fsdecode(source) if isinstance(source, os.PathLike) else str(source)
    if path.altsep is not None:
        text = path.splitdrive(text)[1].replace(path.sep, "/")
    return text.rstrip("/").rpartition("/")[2]
