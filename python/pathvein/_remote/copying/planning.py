"""What belongs to a match, with sizes, before anything of it is written.

What belongs is decided by the core's `Selection`, which is fed with listings. A match on this
machine is planned by the core alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pathvein_core import Selection

from pathvein._listing import is_gone
from pathvein._remote.copying.files.base import Level
from pathvein._remote.names import join
from pathvein._remote.stores.base import Info

if TYPE_CHECKING:
    from pathvein_core import FileStructurePattern

    from pathvein._remote.copying.files import Files

#: Whether an entry is excluded, by its path relative to the match, and whether it is a directory.
Excluded = Callable[[str, bool], bool]

LINK_TO_DIRECTORY = "link to a directory"


class PlannedFile(NamedTuple):
    """A file that belongs to a match."""

    #: Relative to the match.
    path: str
    info: Info


@dataclass
class MatchPlan:
    """What is copied of a match. All paths are relative to it."""

    #: Without the match itself, each after the one that it is in.
    directories: list[str] = field(default_factory=list)
    files: list[PlannedFile] = field(default_factory=list)
    #: What is left out although it belongs, with the reason.
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many bytes it has, as far as that is known."""
        return sum(file.info.size or 0 for file in self.files)


async def plan_match(
    files: Files, path: str, pattern: FileStructurePattern, excluded: Excluded | None
) -> MatchPlan:
    """Plan a match by listing it. Raises the `OSError` of what cannot be listed."""
    selection = Selection(pattern)
    #: The directories that may belong, by their numbers, each with the prefix of what is in it.
    listed: dict[int, tuple[str, Level]] = {}

    async def list_below(number: int, prefix: str) -> None:
        try:
            level = await files.list_level(join(path, prefix.removesuffix("/")) if prefix else path)
        except OSError as error:
            if prefix and is_gone(error):
                selection.absent(number)
                return
            raise
        await take(number, prefix, level)

    async def take(number: int, prefix: str, level: Level) -> None:
        """Pass a listing to the selection, and list below it what is not listed yet."""
        ready = [(number, prefix, level)]
        missing = []
        while ready:
            number, prefix, level = ready.pop()
            if excluded is not None:
                level = _without(level, prefix, excluded)
            listed[number] = prefix, level
            directories = [(name, True) for name in level.dirs]
            directories += [(name, False) for name in level.links if name not in level.dirs]
            wanted = selection.listed(number, directories, [*level.files, *level.special])
            for index, below in wanted:
                name = directories[index][0]
                child = level.dirs[name]
                if child is None:
                    missing.append(list_below(below, f"{prefix}{name}/"))
                else:
                    ready.append((below, f"{prefix}{name}/", child))
        await all_of(missing)

    await list_below(0, "")
    selected = selection.finish()
    plan = MatchPlan()
    for number, (prefix, level) in listed.items():
        if not selected.has_directory(number):
            continue
        if prefix:
            plan.directories.append(prefix[:-1])
        if level.has_content:
            plan.skipped.append((prefix, "object with the name of a directory"))
        names = [*level.files, *level.special]
        for index in selected.files(number, names):
            name = names[index]
            if name in level.files:
                plan.files.append(PlannedFile(prefix + name, level.files[name]))
            else:
                plan.skipped.append((prefix + name, level.special[name]))
        for name in level.links:
            if selected.names_directory(number, name):
                plan.skipped.append((prefix + name, LINK_TO_DIRECTORY))
    # Of a tree that is listed in any order, its plan is always the same.
    plan.directories.sort(key=lambda rel: rel.split("/"))
    plan.files.sort(key=lambda file: file.path)
    plan.skipped.sort()
    return plan


def _without(level: Level, prefix: str, excluded: Excluded) -> Level:
    """The listing of a directory without what is excluded."""

    def kept(name: str, is_directory: bool) -> bool:
        return not excluded(prefix + name, is_directory)

    return Level(
        {name: below for name, below in level.dirs.items() if kept(name, True)},
        {name: info for name, info in level.files.items() if kept(name, False)},
        {name for name in level.links if kept(name, True)},
        {name: why for name, why in level.special.items() if kept(name, False)},
        level.has_content,
    )


async def all_of(work: Iterable[Awaitable[None]]) -> None:
    """Wait for all; if one fails, cancel the others, and raise its error."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
