"""Learning a pattern from directories that are right, and from some that are wrong.

`names.py` finds what names have in common, `proposing.py` draws what the right directories have in
common by it, and `telling.py` adds lines that the wrong ones do not satisfy. All of them work on
names in memory (`tree.py`). What comes out is held against the directories by a scan.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pathvein import _arguments
from pathvein._learning.proposing import propose
from pathvein._learning.telling import exclude
from pathvein._learning.tree import Node, open_tree
from pathvein.lib import iscan

if TYPE_CHECKING:
    from pathlib import Path

    from upath import UPath

    from pathvein import Stats
    from pathvein.pattern import FileStructurePattern

    P = TypeVar("P", bound=FileStructurePattern)

__all__ = ["learn"]


def learn(
    kind: type[P],
    examples: object,
    counterexamples: object,
    storage_options: Mapping[str, Any] | None = None,
    read: Callable[[int], object] = lambda more: None,
) -> tuple[P, list[Path | UPath]]:
    """A pattern, and those of the counterexamples that match it all the same.

    See `FileStructurePattern.learn`. `read` is told how many more directories were read.
    """
    named = [
        (f"{argument}[{index}]", path)
        for argument, paths in (("examples", examples), ("counterexamples", counterexamples))
        for index, path in enumerate(_paths(argument, paths))
    ]
    has_url = any(_arguments.is_url_or_upath(path) for _, path in named)
    rights: list[tuple[Path | UPath, Node]] = []
    wrongs: list[tuple[Path | UPath, Node]] = []
    for argument, path in named:
        # Beside a URL, a path is not refused for them.
        of_url = not has_url or _arguments.is_url_or_upath(path)
        opened = open_tree(argument, path, storage_options if of_url else None, read)
        (rights if argument.startswith("examples") else wrongs).append(opened)
    if not rights:
        raise ValueError("examples must be at least one directory")
    drawing = propose([node for _, node in rights])
    exclude(drawing, [node for _, node in rights], [node for _, node in wrongs])
    pattern = drawing.pattern(kind)
    for path, _ in rights:
        if not _matches(path, pattern, read):
            raise RuntimeError(f"{path}: it has changed while it was being read")
    return pattern, [path for path, _ in wrongs if _matches(path, pattern, read)]


def _paths(argument: str, paths: object) -> Iterable[object]:
    if isinstance(paths, str | os.PathLike) or _arguments.is_upath(paths):
        return [paths]
    if isinstance(paths, bytes) or not isinstance(paths, Iterable):
        raise _arguments.wrong_type(argument, "a path or an iterable of paths", paths)
    return paths


def _matches(
    path: Path | UPath, pattern: FileStructurePattern, read: Callable[[int], object]
) -> bool:
    """Whether the directory matches. Raises an error that may be why it does not."""
    before = 0

    def progress(stats: Stats) -> None:
        nonlocal before
        read(stats.directories - before)
        before = stats.directories

    with iscan(path, pattern, max_depth=0, on_error="ignore", progress=progress) as found:
        matched = any(True for _ in found)
    if not matched and found.errors:
        raise found.errors[0]
    return matched
