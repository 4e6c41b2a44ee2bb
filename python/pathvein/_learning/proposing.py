"""The first drawing: what directories that are right have in common."""

from __future__ import annotations

from collections.abc import Sequence

from pathvein._learning.drawing import DirectoryLine, Drawing, FileLine, Name
from pathvein._learning.names import is_junk, is_opaque, kinds, one_glob
from pathvein._learning.tree import Node

__all__ = ["draw", "propose"]

#: As many levels of directories are drawn at most,
_MOST_LEVELS = 5
#: and of these no more than have so many lines together.
_MOST_LINES = 30
#: As many directories that share a line are looked into, of all that are learned from.
_MOST_LOOKED_INTO = 10_000


def propose(rights: Sequence[Node]) -> Drawing:
    """The drawing of some directories, which all match it: as deep as it stays short."""
    drawing = Drawing(Name((one_glob(right.name for right in rights),)))
    level = [(drawing, list(rights))]
    lines = 0
    for _ in range(_MOST_LEVELS):
        # Level by level, so that of a large tree no more is read than one level too many.
        below = [nested for each, nodes in level for nested in _fill(each, nodes)]
        lines += sum(len(each.files) + len(each.directories) for each, _ in level)
        if lines > _MOST_LINES and level[0][0] is not drawing:
            for each, _ in level:
                each.files, each.directories = [], []
            break
        level = below
    return drawing


def draw(rights: Sequence[Node], name: Name) -> Drawing:
    """The drawing of what is in some directories themselves; of those in them only the names.

    `name` is a name test that all of them pass.
    """
    drawing = Drawing(name)
    _fill(drawing, rights)
    return drawing


def _fill(drawing: Drawing, rights: Sequence[Node]) -> list[tuple[Drawing, list[Node]]]:
    """Draw what is in some directories, at least one, and say what can be drawn in them."""
    required, optional = kinds(_names([right.files for right in rights]))
    for glob in required:
        line = FileLine(Name((glob,)))
        line.min = min(map(line.count, rights))
        drawing.files.append(line)
    drawing.files += [FileLine(Name((glob,)), min=0) for glob in optional]
    inside = []
    required, optional = kinds(_names([right.directories for right in rights]))
    if not required and _are_alike(rights):
        required, optional = ["*"], []
    for glob in [*required, *optional]:
        nested = Drawing(Name((glob,)))
        members = _members(rights, nested.name)
        # Only those that are looked into are known to match what is drawn of them.
        least = min(map(len, members)) if glob in required else 0
        drawing.directories.append(DirectoryLine([nested], least))
        if not is_opaque(glob):
            inside.append((nested, [child for each in members for child in each]))
    return inside


def _are_alike(rights: Sequence[Node]) -> bool:
    """Whether all sub-directories have something in common, such as packages, but no name."""
    members = _members(rights, Name(("*",)))
    children = [child for each in members for child in each]
    if not all(members) or any(is_opaque(child.name) for child in children):
        return False
    of_files = [child.files for child in children]
    return bool(
        kinds(_names(of_files))[0] or kinds(_names([child.directories for child in children]))[0]
    )


def _names(listings: Sequence[frozenset[str] | dict[str, Node]]) -> list[frozenset[str]]:
    return [frozenset(name for name in names if not is_junk(name)) for names in listings]


def _members(rights: Sequence[Node], test: Name) -> list[list[Node]]:
    """Of each directory the sub-directories that pass a name test; of very many the first."""

    def passes(child: Node) -> bool:
        return not is_junk(child.name) and test.matches(child.name)

    members = [list(filter(passes, right.children())) for right in rights]
    if sum(map(len, members)) > _MOST_LOOKED_INTO:
        most = max(_MOST_LOOKED_INTO // len(rights), 1)
        return [children[:most] for children in members]
    return members
