"""Patterns as plain data, and the three answers of the reference: yes, no, cannot be told.

docs/semantics.md line by line, with nothing of pathvein in it. `Node` is a directory as far as it
could be read; whoever reads one, from a disk or from a value, makes nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Re:
    """A regular expression, held against the whole name."""

    text: str


#: A glob, a regular expression, or several of these, of which one is enough.
NameTest = str | Re | tuple["str | Re", ...]


@dataclass(frozen=True)
class Counted:
    """How many must pass a name test, or match a pattern or one of several."""

    what: NameTest | Pat | tuple[Pat, ...]
    min: int = 1
    max: int | None = None


class Pat(NamedTuple):
    """A pattern as plain data; equal when all of it is equal.

    What is said in its shortest form is equal if it means the same: `either` and `counted` make
    such forms.
    """

    #: A name test, or none.
    name: Any = "*"
    #: Name tests, or these `Counted`.
    files: tuple[Any, ...] = ()
    #: Patterns, tuples of patterns of which one is enough, or these `Counted`.
    dirs: tuple[Any, ...] = ()
    optional_files: tuple[NameTest, ...] = ()
    optional_dirs: tuple[Pat, ...] = ()
    forbidden_files: tuple[NameTest, ...] = ()
    forbidden_dirs: tuple[Pat, ...] = ()
    closed: bool = False


def is_plain(pattern: Pat) -> bool:
    """Whether it could be said before there were counts, alternatives and things forbidden."""
    return (
        (pattern.name is None or isinstance(pattern.name, str))
        and all(isinstance(test, str) for test in pattern.files + pattern.optional_files)
        and all(isinstance(sub, Pat) and is_plain(sub) for sub in pattern.dirs)
        and all(is_plain(sub) for sub in pattern.optional_dirs)
        and not (pattern.forbidden_files or pattern.forbidden_dirs or pattern.closed)
    )


def either(tests: Iterable[str | Re]) -> NameTest:
    """A name test in its shortest form."""
    several = tuple(tests)
    return several[0] if len(several) == 1 else several


def counted(what: Any, min_: int, max_: int | None) -> Any:
    """A requirement in its shortest form."""
    return what if (min_, max_) == (1, None) else Counted(what, min_, max_)


class FileRequirement(NamedTuple):
    """An item of ``files``, written out."""

    test: NameTest
    min: int
    max: int | None


class DirectoryRequirement(NamedTuple):
    """An item of ``dirs``, written out."""

    alternatives: tuple[Pat, ...]
    min: int
    max: int | None


def file_requirements(pattern: Pat) -> list[FileRequirement]:
    """What is asked of files; a forbidden one is one of which there may be none.

    What any number of files satisfies is not asked.
    """
    found = []
    for item in pattern.files:
        whole = item if isinstance(item, Counted) else Counted(item)
        test: Any = whole.what
        if whole.min > 0 or whole.max is not None:
            found.append(FileRequirement(test, whole.min, whole.max))
    return found + [FileRequirement(test, 0, 0) for test in pattern.forbidden_files]


def directory_requirements(pattern: Pat) -> list[DirectoryRequirement]:
    """What is asked of sub-directories; a forbidden one is one of which there may be none.

    What any number of them satisfies is not asked.
    """
    found = []
    for item in pattern.dirs:
        whole = item if isinstance(item, Counted) else Counted(item)
        if whole.min > 0 or whole.max is not None:
            found.append(DirectoryRequirement(_several(whole.what), whole.min, whole.max))
    return found + [DirectoryRequirement((sub,), 0, 0) for sub in pattern.forbidden_dirs]


def _several(what: Any) -> tuple[Pat, ...]:
    # A pattern is a tuple, too.
    return (what,) if isinstance(what, Pat) else what


# Names -------------------------------------------------------------------------------------


def passes(name: str, test: NameTest) -> bool:
    """Whether a name passes a test. One that is not UTF-8 passes no regular expression."""
    if isinstance(test, tuple):
        return any(passes(name, one) for one in test)
    if isinstance(test, str):
        return fnmatchcase(name, test)
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return re.fullmatch(test.text, name) is not None


def name_matches(name: str, pattern: Pat) -> bool:
    """Rule 1: the directory name is empty, or null, or a test that the name passes."""
    tests = pattern.name if isinstance(pattern.name, tuple) else (pattern.name,)
    return any(not test or passes(name, test) for test in tests)


def belonging_tests(pattern: Pat) -> list[NameTest]:
    """The name tests of what belongs to a match: forbidden items and numbers add nothing."""
    return [_uncounted(item) for item in pattern.files] + list(pattern.optional_files)


def belonging_dirs(pattern: Pat) -> list[Pat]:
    """The patterns of the sub-directories that belong to a match."""
    asked = [sub for item in pattern.dirs for sub in _several(_uncounted(item))]
    return asked + list(pattern.optional_dirs)


def _uncounted(item: Any) -> Any:
    return item.what if isinstance(item, Counted) else item


# Directories -------------------------------------------------------------------------------


@dataclass(eq=False)
class Node:
    """One directory of the visited tree, entered or only listed."""

    path: str
    name: str
    depth: int
    #: How many links the way to it leads through.
    links: int = 0
    #: Whether it was listed, be it in part. Only what was can be a match.
    entered: bool = False
    #: Whether its listing failed or broke off.
    broke_off: bool = False
    #: Files of which it could not be told whether they are any.
    untold: set[str] = field(default_factory=set)
    #: Whether it is a link that is not followed.
    not_followed: bool = False
    dirs: list[Node] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    #: What was answered before: the same is asked over and over.
    answers: dict[tuple[Callable[[Node, Pat], bool], Pat], bool] = field(default_factory=dict)


def asks_inside(pattern: Pat) -> bool:
    """Whether anything but the name has to be known to decide."""
    return pattern.closed or bool(file_requirements(pattern) or directory_requirements(pattern))


def asks_for(pattern: Pat, name: str) -> bool:
    """Whether what an entry of that name is may matter to the pattern."""
    return (
        pattern.closed
        or any(passes(name, item.test) for item in file_requirements(pattern))
        or any(name_matches(name, sub) for sub in asked_below(pattern))
    )


def asked_below(pattern: Pat) -> list[Pat]:
    """The patterns that sub-directories are held against."""
    return [sub for item in directory_requirements(pattern) for sub in item.alternatives]


def is_whole(node: Node, pattern: Pat) -> bool:
    """Whether all of a listing is known that the pattern asks for."""
    return not node.broke_off and not any(asks_for(pattern, name) for name in node.untold)


def remembered(decide: Callable[[Node, Pat], bool]) -> Callable[[Node, Pat], bool]:
    """An answer about those whose name passes, no otherwise; each is found once."""

    def answer(node: Node, pattern: Pat) -> bool:
        key = (decide, pattern)
        if key not in node.answers:
            node.answers[key] = name_matches(node.name, pattern) and decide(node, pattern)
        return node.answers[key]

    return answer


@remembered
def matches(node: Node, pattern: Pat) -> bool:
    """Whether the directory matches for certain."""
    whole = is_whole(node, pattern)
    return (
        _has_files(node, pattern, whole)
        and all(
            _count(node, item, matches) >= item.min
            and (item.max is None or (whole and _count(node, item, may_match) <= item.max))
            for item in directory_requirements(pattern)
        )
        and (not pattern.closed or (whole and _has_nothing_else(node, pattern)))
    )


@remembered
def may_match(node: Node, pattern: Pat) -> bool:
    """Whether it matches or might, if all of it had been read."""
    if not is_whole(node, pattern):
        return True
    return (
        _has_files(node, pattern, True)
        and all(
            _count(node, item, may_match) >= item.min
            and (item.max is None or _count(node, item, matches) <= item.max)
            for item in directory_requirements(pattern)
        )
        and (not pattern.closed or _has_nothing_else(node, pattern))
    )


@remembered
def would_match(node: Node, pattern: Pat) -> bool:
    """Whether it matches if each link that is not followed has what a minimum asks of it."""
    if node.not_followed:
        return True
    whole = is_whole(node, pattern)
    return (
        _has_files(node, pattern, whole)
        and all(
            _count(node, item, would_match) >= item.min
            and (item.max is None or (whole and _count(node, item, may_match) <= item.max))
            for item in directory_requirements(pattern)
        )
        and (not pattern.closed or (whole and _has_nothing_else(node, pattern)))
    )


def _has_files(node: Node, pattern: Pat, whole: bool) -> bool:
    for item in file_requirements(pattern):
        count = len({name for name in node.files if passes(name, item.test)})
        if count < item.min or (item.max is not None and not (whole and count <= item.max)):
            return False
    return True


def _count(node: Node, item: DirectoryRequirement, answer: Callable[[Node, Pat], bool]) -> int:
    return sum(any(answer(child, sub) for sub in item.alternatives) for child in node.dirs)


def _has_nothing_else(node: Node, pattern: Pat) -> bool:
    tests, subs = belonging_tests(pattern), belonging_dirs(pattern)
    return all(any(passes(name, test) for test in tests) for name in node.files) and all(
        any(name_matches(child.name, sub) for sub in subs) for child in node.dirs
    )


def collect(
    node: Node,
    patterns: list[Pat],
    max_depth: int | None,
    answer: Callable[[Node, Pat], bool] = matches,
) -> set[tuple[str, Pat]]:
    """All (path, pattern) below a node; only what was entered can be a match."""
    found: set[tuple[str, Pat]] = set()
    if node.entered and (max_depth is None or node.depth <= max_depth):
        found |= {(node.path, pattern) for pattern in patterns if answer(node, pattern)}
    for child in node.dirs:
        found |= collect(child, patterns, max_depth, answer)
    return found


def outermost(found: set[tuple[str, Pat]]) -> set[tuple[str, Pat]]:
    """Those matches above which nothing matches any of the patterns."""
    paths = {path for path, _ in found}
    return {(path, pat) for path, pat in found if not any(_is_above(a, path) for a in paths)}


def _is_above(ancestor: str, path: str) -> bool:
    return ancestor != path and path.startswith(ancestor.rstrip("/") + "/" if ancestor else "")
