"""Telling the wrong directories from the right ones, by lines that all the right ones satisfy.

Some line tells a directory from all the right ones if

- something is in it that is in none of them, or in all of them and not in it;
- each of them has a file (or each a directory) that it lacks: one of these must be there;
- it has a file (or a directory) that the first lacks, one that the second lacks, and so on: not
  all of these may be there;
- or its name is another.

A directory counts as lacking here if the two that have its name can be told apart themselves. No
other line could tell more. What is tried first is what a person would see first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from pathvein._learning.drawing import DirectoryLine, Drawing, FileLine, Name
from pathvein._learning.names import (
    escaped,
    globs_for,
    is_junk,
    is_literal,
    kinds,
    one_glob,
    only_digits,
)
from pathvein._learning.proposing import draw
from pathvein._learning.tree import Node

__all__ = ["exclude"]

T = TypeVar("T")

#: A number up to which a count says something about directories, and is not a chance.
_MOST_COUNTED = 20
#: Lines that forbid what only wrong directories have, even if they are not needed.
_MOST_FORBIDDEN = 4
#: Lines that forbid something, in all.
_MOST_NEEDED = 12
#: Names of the wrong ones that are tried by themselves, those first that most have.
_MOST_LITERAL = 100
#: Names of one line, at first and in the end.
_FEW_NAMES, _MOST_NAMES = 3, 12
#: Times that a directory is held against another to forbid what is inside.
_MOST_HELD = 100_000
#: Directories of one line that are looked into for what is wrong with some of them.
_MOST_LOOKED_INTO = 2_000
#: Drawings that are tried for one wrong directory in one way, and for all.
_MOST_TRIED, _MOST_TRIED_IN_ALL = 1_000, 50_000
#: As deep is looked; patterns can nest as deep as 128 levels.
_MOST_LEVELS = 100


def exclude(drawing: Drawing, rights: Sequence[Node], wrongs: Sequence[Node]) -> None:
    """Change a drawing that all the right directories match: they still do, the wrong ones not.

    As far as that is possible, and does not take more names than somebody would read.
    """
    _Teller().exclude(drawing, rights, wrongs)


class _Given(NamedTuple):
    """A wrong directory that matches a drawing, which is to be changed so that it does not."""

    drawing: Drawing
    rights: Sequence[Node]
    wrong: Node
    #: How deep it may nest.
    levels: int


class _Teller:
    def __init__(self) -> None:
        #: 0: what a person would see; 1: also a choice of few names; 2: also long ones, and names
        #: that say nothing about a structure.
        self._effort = 0
        self._left = 0
        self._left_in_all = _MOST_TRIED_IN_ALL
        # By the nodes' identities: all of them live as long as the trees that they are in.
        self._known: dict[object, Drawing | None] = {}

    def exclude(self, drawing: Drawing, rights: Sequence[Node], wrongs: Sequence[Node]) -> None:
        for self._effort in (0, 1, 2):
            if not (wrongs := self._exclude(drawing, rights, wrongs, _MOST_LEVELS)):
                break

    def _exclude(
        self,
        drawing: Drawing,
        rights: Sequence[Node],
        wrongs: Sequence[Node],
        levels: int,
        *,
        told: bool = False,
    ) -> list[Node]:
        """The wrong directories that match in the end.

        What is missing in the wrong ones is looked for in the end only if it was `told` already.
        """
        self._forbid(drawing, rights, wrongs)
        ways: list[Callable[[_Given], bool]] = [
            self._count,
            self._look_inside,
            self._narrow_the_name,
            self._forbid_by_what_is_inside,
        ]
        if self._effort == 2 or not told:
            ways.insert(1, self._name_what_is_missing)
        if self._effort > 0:
            ways += [self._name_either, self._count_either, self._name_the_right_ones]
        if self._effort == 2:
            ways.insert(0, self._count_all)
        left = list(filter(drawing.matches, wrongs))
        for way in ways:
            changed = False
            for wrong in left:
                if changed and not drawing.matches(wrong):
                    continue
                if levels == _MOST_LEVELS:
                    self._left = min(_MOST_TRIED, self._left_in_all)
                    self._left_in_all -= self._left
                changed |= way(_Given(drawing, rights, wrong, levels))
                if levels == _MOST_LEVELS:
                    self._left_in_all += max(self._left, 0)
            if changed:
                left = list(filter(drawing.matches, left))
        return left

    # What only the wrong ones have

    def _forbid(self, drawing: Drawing, rights: Sequence[Node], wrongs: Sequence[Node]) -> None:
        if not any(right.files or right.directories for right in rights):
            # They are empty: that says it all.
            drawing.closed = drawing.closed or any(map(drawing.matches, wrongs))
            return
        names = {right.name for right in rights}
        # Also of those whose name alone tells them, if it is of the same kind.
        named = [
            wrong
            for wrong in wrongs
            if drawing.name.matches(wrong.name) or one_glob(sorted({*names, wrong.name})) != "*"
        ]
        kinds_of_extras, literal = self._extras(drawing, rights, named)
        if self._effort < 2 and len(kinds_of_extras) <= _MOST_FORBIDDEN:
            for line in kinds_of_extras:
                _add(drawing, line)
        elif self._effort < 2 and all(map(drawing.knows, rights)):
            drawing.closed = True
        candidates = [*kinds_of_extras, *literal]
        for _ in range(_MOST_NEEDED if candidates else 0):
            named = list(filter(drawing.matches, named))
            counts = [sum(map(bool, map(line.count, named))) for line in candidates]
            if not any(counts):
                break
            _add(drawing, candidates[counts.index(max(counts))])

    def _extras(
        self, drawing: Drawing, rights: Sequence[Node], wrongs: Sequence[Node]
    ) -> tuple[list[FileLine | DirectoryLine], list[FileLine | DirectoryLine]]:
        """Lines that forbid what only wrong directories have: by kinds, and one by one."""
        by_kind: list[FileLine | DirectoryLine] = []
        one_by_one: list[FileLine | DirectoryLine] = []
        unknowns = (drawing.unknown_files, drawing.unknown_directories)
        for (one, of), unknown in zip(_KINDS, unknowns, strict=True):
            of_rights = set().union(*map(of, rights))
            extras = [frozenset(of(wrong)) - of_rights for wrong in wrongs]
            if self._effort < 2:
                extras = [frozenset(unknown(self._telling(names))) for names in extras]
            if not any(extras):
                continue
            required, optional = kinds(extras)
            globs = [glob for glob in (*required, *optional) if not Name((glob,)).count(of_rights)]
            by_kind += (one((glob,), 0, 0) for glob in globs)
            counts = Counter(name for names in extras for name in names)
            names = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_LITERAL]
            one_by_one += (one((escaped(name),), 0, 0) for name in names)
        return by_kind, one_by_one

    # The ways to tell one wrong directory. Each says whether it has changed the drawing.

    def _count(self, given: _Given) -> bool:
        """It has another number of something that there is a line for."""
        drawing = given.drawing
        lines: list[FileLine | DirectoryLine] = [*drawing.files, *drawing.directories]
        return any(line.max != 0 and self._limit(line, given) for line in lines)

    def _count_all(self, given: _Given) -> bool:
        """It has another number of entries."""
        drawing = given.drawing
        names = [line.name for line in drawing.files if line.max != 0]
        tests = [
            each.name for line in drawing.directories for each in line.drawings if line.max != 0
        ]
        for (one, _), known in zip(_KINDS, (names, tests), strict=True):
            # Where nothing else may be there, `*` would allow anything.
            globs = [glob for name in known for glob in name.globs] if drawing.closed else ["*"]
            line = one(tuple(dict.fromkeys(globs)), 0)
            if self._limit(line, given):
                _add(drawing, line)
                return True
        return False

    def _limit(self, line: FileLine | DirectoryLine, given: _Given) -> bool:
        """Whether the number of a line could be made one that tells."""
        number, numbers = line.count(given.wrong), list(map(line.count, given.rights))
        least, most = min(numbers), max(numbers)
        if number < least:
            line.min = least
        elif number > most and (self._effort == 2 or most <= _MOST_COUNTED):
            line.max = most
        else:
            return False
        return True

    def _name_what_is_missing(self, given: _Given) -> bool:
        """All the right ones have something of a name, and the wrong one not."""
        for one, of in _KINDS:
            common = set.intersection(*(set(of(right)) for right in given.rights))
            missing = self._telling(common.difference(of(given.wrong)))
            if missing:
                _add(given.drawing, one((escaped(min(missing, key=lambda n: (len(n), n))),)))
                return True
        return False

    def _look_inside(self, given: _Given) -> bool:
        """What a line asks for is there, but something is wrong with it."""
        drawing, rights, wrong, levels = given
        if levels == 0:
            return False
        for line in drawing.directories:
            if line.min == 0 or len(line.drawings) > 1:
                continue
            [nested] = line.drawings
            number = sum(len(node.directories) for node in (*rights, wrong))
            if number > _MOST_LOOKED_INTO or not self._may_try():
                continue
            found = list(filter(nested.matches, wrong.children()))
            good = [c for right in rights for c in filter(nested.matches, right.children())]
            is_drawn = nested.files or nested.directories
            narrower = nested.copy() if is_drawn else draw(good, nested.name)
            self._exclude(narrower, good, found, levels - 1)
            if sum(map(narrower.matches, found)) >= line.min:
                continue
            if not is_drawn:
                told = [child for child in found if not narrower.matches(child)]
                _shortened(narrower, good, told)
            if line.max is None and not drawing.closed:
                line.drawings = [narrower]
            else:
                # What the line itself says stays true of what it was said of.
                drawing.directories.append(DirectoryLine([narrower], line.min))
            return True
        return False

    def _narrow_the_name(self, given: _Given) -> bool:
        """The names of the right ones are all of a few kinds, or have digits somewhere."""
        drawing, rights, wrong, _ = given
        names = sorted({right.name for right in rights})
        glob = one_glob(names)
        tests = [Name(regex=text) for text in only_digits(glob, names)]
        if glob == "*":
            tests = [Name(tuple(globs_for(names)))]
        for test in tests:
            if not test.matches(wrong.name) and len(test.globs) <= _FEW_NAMES:
                drawing.name = test
                return True
        return False

    def _forbid_by_what_is_inside(self, given: _Given) -> bool:
        """Below is something that is nowhere below the right ones, for the same kind of name."""
        drawing, rights, wrong, levels = given
        for line in list(drawing.directories):
            for like in line.drawings if line.max != 0 else ():
                good = [child for right in rights for child in like.named(right)]
                found = list(like.named(wrong))
                # Those first that are not as the line says.
                found.sort(key=like.matches)
                if self._forbid_one_of(drawing, found, good, like, levels):
                    return True
        for name, child in wrong.directories.items():
            good = [right.directories[name] for right in rights if name in right.directories]
            like = Drawing(Name((escaped(name),)))
            if self._forbid_one_of(drawing, [child], good, like, levels):
                return True
        return False

    def _forbid_one_of(
        self,
        drawing: Drawing,
        found: Sequence[Node],
        good: Sequence[Node],
        like: Drawing,
        levels: int,
    ) -> bool:
        """Whether one of the found directories is told from the good ones, and so forbidden."""
        if not good or levels == 0:
            return False
        for child in found[: max(_MOST_HELD // len(good), 1)]:
            inside = self._told([child], good, like.name, levels, like)
            if inside is not None:
                drawing.directories.append(DirectoryLine([inside], 0, 0))
                return True
        return False

    def _name_either(self, given: _Given) -> bool:
        """Each of the right ones has something that the wrong one lacks."""
        drawing, rights, wrong, levels = given
        for one, of in _KINDS:
            lacked = [self._telling(set(of(right)).difference(of(wrong))) for right in rights]
            names = _cover(list(_by_name(lacked).items()), len(rights), self._most_names)
            if names:
                _add(drawing, one(tuple(map(escaped, names))))
                return True
        choices: list[tuple[Drawing, set[int]]] = []
        for name, having in _by_name([right.directories for right in rights]).items():
            test = Name((escaped(name),))
            other = wrong.directories.get(name)
            if other is None:
                choices.append((Drawing(test), having))
                continue
            inside = [rights[index].directories[name] for index in having]
            told = self._told(inside, [other], test, levels)
            if told is not None:
                choices.append((told, having))
            elif len(having) > 1:
                for index, child in zip(having, inside, strict=True):
                    told = self._told([child], [other], test, levels)
                    if told is not None:
                        choices.append((told, {index}))
        chosen = _cover(choices, len(rights), self._most_names)
        if chosen:
            drawing.directories.append(DirectoryLine(chosen))
        return bool(chosen)

    def _count_either(self, given: _Given) -> bool:
        """The wrong one has something that this right one lacks, and something that that lacks."""
        drawing, rights, wrong, levels = given
        every = set(range(len(rights)))
        for one, of in _KINDS:
            choices = [
                (name, {index for index in every if name not in of(rights[index])})
                for name in self._telling(of(wrong))
            ]
            names = _cover(choices, len(rights), self._most_names)
            if names:
                _add(drawing, one(tuple(map(escaped, names)), 0, len(names) - 1))
                return True
        inside: list[tuple[Drawing, set[int]]] = []
        for name, child in wrong.directories.items():
            test = Name((escaped(name),))
            others = {i: r.directories[name] for i, r in enumerate(rights) if name in r.directories}
            told = [i for i, other in others.items() if self._told([child], [other], test, levels)]
            lacking = every - others.keys()
            if told:
                drawn = self._told([child], [others[index] for index in told], test, levels)
                if drawn is not None:
                    inside.append((drawn, lacking | set(told)))
                    continue
            if lacking:
                inside.append((Drawing(test), lacking))
        chosen = _cover(inside, len(rights), self._most_names)
        if chosen:
            drawing.directories.append(DirectoryLine(chosen, 0, len(chosen) - 1))
        return bool(chosen)

    def _name_the_right_ones(self, given: _Given) -> bool:
        """Nothing but the names themselves."""
        names = sorted({right.name for right in given.rights})
        if given.wrong.name in names or len(names) > self._most_names:
            return False
        given.drawing.name = Name(tuple(map(escaped, names)))
        return True

    # What these ways share

    @property
    def _most_names(self) -> int:
        return _MOST_NAMES if self._effort == 2 else _FEW_NAMES

    def _telling(self, names: Iterable[str]) -> set[str]:
        """The names that may be used."""
        return {name for name in names if self._effort == 2 or not is_junk(name)}

    def _told(
        self,
        rights: Sequence[Node],
        wrongs: Sequence[Node],
        name: Name,
        levels: int,
        like: Drawing | None = None,
    ) -> Drawing | None:
        """A short drawing that the first directories match and the second do not, if there is one.

        `name` is a name test that all of them pass. What `like` has names for is not taken for a
        difference, but in the end.
        """
        key = (*map(id, rights), None, *map(id, wrongs), name, self._effort)
        if key not in self._known:
            if levels == 0 or not self._may_try():
                return None
            self._known[key] = None
            if any(self._is_same(right, wrong) for right in rights for wrong in wrongs):
                return None
            if self._effort == 2:
                drawing = draw(rights, name)
            else:
                drawing = self._unlike(like or Drawing(name), rights, name)
            if not self._exclude(drawing, rights, wrongs, levels - 1, told=True):
                self._known[key] = _shortened(drawing, rights, wrongs)
        found = self._known[key]
        return None if found is None else found.copy()

    def _unlike(self, like: Drawing, rights: Sequence[Node], name: Name) -> Drawing:
        """What directories have in common, but for what a drawing has names for.

        Its globs are there as well, as optional lines: the names of such things say nothing, and
        their number may.
        """
        drawing = Drawing(name)
        drawing.files = [
            FileLine(line.name, 0)
            for line in like.files
            if line.max != 0 and not all(map(is_literal, line.name.globs))
        ]
        drawing.directories = [
            DirectoryLine([Drawing(each.name)], 0)
            for line in like.directories
            for each in line.drawings
            if line.max != 0 and not all(map(is_literal, each.name.globs))
        ]
        unknowns = (like.unknown_files, like.unknown_directories)
        for (one, of), unknown in zip(_KINDS, unknowns, strict=True):
            common = self._telling(set.intersection(*(set(of(right)) for right in rights)))
            for each in sorted(unknown(common))[:_MOST_LITERAL]:
                _add(drawing, one((escaped(each),)))
        return drawing

    def _is_same(self, one: Node, other: Node) -> bool:
        """Whether two directories are certain to be the same in all names."""
        return (
            one.name == other.name
            and one.files == other.files
            and one.directories.keys() == other.directories.keys()
            and all(
                self._may_try() and self._is_same(child, other.directories[name])
                for name, child in one.directories.items()
            )
        )

    def _may_try(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _files(node: Node) -> frozenset[str]:
    return node.files


def _directories(node: Node) -> Mapping[str, Node]:
    return node.directories


def _file_line(globs: tuple[str, ...], least: int = 1, most: int | None = None) -> FileLine:
    return FileLine(Name(globs), least, most)


def _directory_line(
    globs: tuple[str, ...], least: int = 1, most: int | None = None
) -> DirectoryLine:
    return DirectoryLine([Drawing(Name(globs))], least, most)


_KINDS: tuple[
    tuple[Callable[..., FileLine | DirectoryLine], Callable[[Node], Collection[str]]], ...
] = ((_file_line, _files), (_directory_line, _directories))


def _add(drawing: Drawing, line: FileLine | DirectoryLine) -> None:
    """Add a line, or to another that says something about the same."""
    lines: list[Any] = drawing.files if isinstance(line, FileLine) else drawing.directories
    for other in lines:
        if replace(other, min=line.min, max=line.max) == line:
            other.min = max(other.min, line.min)
            other.max = min((n for n in (other.max, line.max) if n is not None), default=None)
            return
    if line.max != 0:
        # What is required need not be called optional as well.
        globs = _names_alone(line)
        for other in list(lines):
            names = _names_alone(other)
            if other.min == 0 and other.max is None and names and names <= globs:
                lines.remove(other)
    lines.append(line)


def _names_alone(line: FileLine | DirectoryLine) -> set[str]:
    """The globs of a line that asks for nothing but names; none if it asks for something inside."""
    if isinstance(line, FileLine):
        return set(line.name.globs)
    if any(each != Drawing(each.name) for each in line.drawings):
        return set()
    return {glob for each in line.drawings for glob in each.name.globs}


def _by_name(listings: Sequence[Iterable[str]]) -> dict[str, set[int]]:
    """Which of some directories have a name, in the order of the names."""
    found: dict[str, set[int]] = defaultdict(set)
    for index, names in enumerate(listings):
        for name in names:
            found[name].add(index)
    return dict(sorted(found.items()))


def _cover(choices: Sequence[tuple[T, set[int]]], total: int, most: int) -> list[T]:
    """At most so many choices that are good for all of the numbers below `total`; else none."""
    chosen: list[T] = []
    left = set(range(total))
    while left and choices and len(chosen) < most:
        choice, good_for = max(choices, key=lambda each: len(each[1] & left))
        if not good_for & left:
            break
        chosen.append(choice)
        left -= good_for
    return [] if left else chosen


def _shortened(drawing: Drawing, rights: Sequence[Node], wrongs: Sequence[Node]) -> Drawing:
    """Without the lines that are not needed to tell the first directories from the second."""
    for lines in list(drawing.lists()):
        for line in list(lines):
            index = next(index for index, each in enumerate(lines) if each is line)
            del lines[index]
            # Inside of what is forbidden, fewer lines forbid more.
            if any(map(drawing.matches, wrongs)) or not all(map(drawing.matches, rights)):
                lines.insert(index, line)  # type: ignore[arg-type]
    return drawing
