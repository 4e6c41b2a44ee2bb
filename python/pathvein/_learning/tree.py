"""Directories to learn from, which are read as far as somebody asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pathvein import _arguments
from pathvein._listing import Listing, list_local

if TYPE_CHECKING:
    from pathlib import Path

    from upath import UPath

__all__ = ["Node", "open_tree"]


class Node:
    """A directory, and the directories below it. It is listed when it is first asked."""

    def __init__(self, name: str, read: Callable[[str], Listing] | None, rel: str = "") -> None:
        """`read` lists a directory by its path below the top; what is not entered has none."""
        self.name = name
        self._read = read
        self._rel = rel

    def __repr__(self) -> str:
        return f"Node({self.name!r}, {self._rel!r})"

    @cached_property
    def _listing(self) -> Listing:
        if self._read is None:
            return Listing()
        listing = self._read(self._rel)
        # Nothing can be learned from half of a directory.
        for error in [listing.failure, *listing.errors]:
            if error is not None:
                raise error
        return listing

    @cached_property
    def files(self) -> frozenset[str]:
        return frozenset(self._listing.filenames)

    @cached_property
    def directories(self) -> dict[str, Node]:
        """The sub-directories by their names, in order. Links are not entered."""
        listing = self._listing
        return {
            name: Node(
                name,
                None if name in listing.links else self._read,
                f"{self._rel}/{name}" if self._rel else name,
            )
            for name in sorted(listing.dirnames)
        }

    def children(self) -> Iterable[Node]:
        return self.directories.values()


def open_tree(
    argument: str,
    path: object,
    storage_options: Mapping[str, Any] | None,
    told: Callable[[int], object] = lambda more: None,
) -> tuple[Path | UPath, Node]:
    """The directory at a path or URL, under the name that a scan gives it, and its path.

    Its own listing is read: its failure is raised at once. `told` is called with 1 for each
    directory that was read.

    Raises the `OSError` that fits, or `ImportError` if a package is missing.
    """
    place = _arguments.path_or_upath(argument, path, storage_options)
    if not _arguments.is_upath(place):
        top = _open_local(str(place), told)
    else:
        from pathvein._remote import local_path

        local = local_path(place)
        top = _open_remote(place, told) if local is None else _open_local(local, told)
    _ = top.files
    return place, top


def _open_local(path: str, told: Callable[[int], object]) -> Node:
    def read(rel: str) -> Listing:
        listing = list_local(os.path.join(path, rel) if rel else path)
        told(1)
        return listing

    return Node(os.path.basename(os.path.realpath(path)), read)


def _open_remote(path: UPath, told: Callable[[int], object]) -> Node:
    from pathvein._remote.directories import list_directory
    from pathvein._remote.source import RemoteSource

    source = RemoteSource(path, resolve=True)
    # A connection of its own for each directory would cost a login.
    source.adapter.shares_connection = True

    def read(rel: str) -> Listing:
        listing = source.wait(list_directory(source.adapter, rel))
        told(1)
        return listing

    return Node(source.name, read)
