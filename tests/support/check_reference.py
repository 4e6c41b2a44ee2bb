"""The oracle of checks: SPEC "Checking" line by line, slow and obvious.

`check_tree` checks a tree that is a value, `check_disk` a real one, and `check_directory` a real
one against pathvein's own patterns, with the types of `pathvein.checking`. Which requirements
hold is exact, and so is the closest sub-directory. Of what is near in any other way there may be
several: `untruth` tells why a claim is not true of the tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import near_reference as near
import pats
import reference
from pats import Counted, Node, Pat, name_matches, passes
from pats import matches as matches_for_certain


class Item(NamedTuple):
    """One requirement of a pattern's top level."""

    #: The key of the pattern's JSON that it stands under.
    key: str
    #: Its number there; `None` for the name and for ``closed``.
    number: int | None
    #: A name test for files, the alternatives for directories, nothing for the rest.
    what: Any
    min: int
    max: int | None

    @property
    def place(self) -> str:
        return self.key if self.number is None else f"{self.key}[{self.number}]"

    @property
    def is_of_directories(self) -> bool:
        return self.key.endswith("directories")


class Lack(NamedTuple):
    """A requirement that does not hold, or of which it cannot be told, and what is there."""

    item: Item
    #: What passes, matches, or should not be there: all names, sorted.
    found: tuple[str, ...]
    #: What came closest: why, and where, relative to the directory.
    reason: str | None = None
    path: str | None = None
    #: The number of the alternative that the closest sub-directory was held against.
    alternative: int | None = None
    missing: tuple[Lack, ...] = ()
    unknown: tuple[Lack, ...] = ()
    is_empty: bool = False

    @property
    def place(self) -> str:
        return self.item.place


class Checked(NamedTuple):
    """What became of a candidate."""

    path: str
    pattern: Pat
    missing: tuple[Lack, ...]
    unknown: tuple[Lack, ...]
    #: What was read of it, and of the directory that it was listed in.
    node: Node
    above: Node | None

    @property
    def is_complete(self) -> bool:
        return not self.missing and not self.unknown


def items_of(pattern: Pat) -> list[Item]:
    """All that a pattern requires at its top level, in the order of its JSON."""
    name = Item("directory_name", None, near.test_of(pattern), 1, None)
    found = [name]
    for key, items in (("files", pattern.files), ("directories", pattern.dirs)):
        for index, item in enumerate(items):
            whole = item if isinstance(item, Counted) else Counted(item)
            what: Any = whole.what
            if key == "directories":
                what = (what,) if isinstance(what, Pat) else what
            found.append(Item(key, index, what, whole.min, whole.max))
    for index, test in enumerate(pattern.forbidden_files):
        found.append(Item("forbidden_files", index, test, 0, 0))
    for index, sub in enumerate(pattern.forbidden_dirs):
        found.append(Item("forbidden_directories", index, (sub,), 0, 0))
    return found + ([Item("closed", None, None, 0, None)] if pattern.closed else [])


# The three answers -------------------------------------------------------------------------


def state(node: Node, pattern: Pat, item: Item) -> str:
    """Whether a requirement holds there: "met", "missing" or "unknown".

    What is met is met by the rules of a scan, so that what is complete is what a scan finds. What
    is missing would be so if everything had been read.
    """
    if _holds(node, pattern, item):
        return "met"
    return "unknown" if _might_hold(node, pattern, item) else "missing"


def _holds(node: Node, pattern: Pat, item: Item) -> bool:
    is_whole = pats.is_whole(node, pattern)
    if item.key == "directory_name":
        return name_matches(node.name, pattern)
    if item.key == "closed":
        return is_whole and not _offenders(node, pattern)
    count = len(counting(node, item))
    if item.max is None:
        return count >= item.min
    if item.is_of_directories:
        most = sum(any(pats.may_match(child, sub) for sub in item.what) for child in node.dirs)
    else:
        most = count
    return count >= item.min and is_whole and most <= item.max


def counting(node: Node, item: Item) -> set[str]:
    """The names of what counts for certain."""
    if item.is_of_directories:
        return {
            child.name
            for child in node.dirs
            if any(matches_for_certain(child, sub) for sub in item.what)
        }
    return {name for name in node.files if passes(name, item.what)}


def _might_hold(node: Node, pattern: Pat, item: Item) -> bool:
    """Whether it holds, or would if what was not read is as it would have to be."""
    if item.key == "directory_name":
        return name_matches(node.name, pattern)
    if item.key == "closed":
        return not _certain_offenders(node, pattern)
    untold = {name for name in node.untold if _may_count(name, item)}
    certain = counting(node, item)
    if item.is_of_directories:
        possible = {
            child.name for child in node.dirs if any(might_match(child, p) for p in item.what)
        }
        most = len(possible | untold)
    else:
        # Files of which it cannot be told whether they are any may be none.
        most, certain = len(certain), certain - untold
    enough = node.broke_off or most >= item.min
    return enough and (item.max is None or len(certain) <= item.max)


def _may_count(name: str, item: Item) -> bool:
    if item.is_of_directories:
        return any(name_matches(name, sub) for sub in item.what)
    return passes(name, item.what)


@pats.remembered
def might_match(node: Node, pattern: Pat) -> bool:
    """Whether nothing that was read keeps the directory from matching."""
    return all(_might_hold(node, pattern, item) for item in items_of(pattern))


@pats.remembered
def surely_matches(node: Node, pattern: Pat) -> bool:
    """Whether it matches, whatever was not read is. A scan may be less sure.

    It is where something below is known not to match in spite of an error.
    """
    whole = pats.is_whole(node, pattern)
    for item in items_of(pattern):
        if not item.is_of_directories:
            if not _holds(node, pattern, item):
                return False
            continue
        least = sum(any(surely_matches(c, sub) for sub in item.what) for c in node.dirs)
        most = sum(any(might_match(c, sub) for sub in item.what) for c in node.dirs)
        if least < item.min or not (item.max is None or (whole and most <= item.max)):
            return False
    return True


def _offenders(node: Node, pattern: Pat) -> set[str]:
    """What a closed directory should not hold."""
    tests, subs = pats.belonging_tests(pattern), pats.belonging_dirs(pattern)
    files = {name for name in node.files if not any(passes(name, test) for test in tests)}
    return files | {c.name for c in node.dirs if not any(name_matches(c.name, s) for s in subs)}


def _certain_offenders(node: Node, pattern: Pat) -> set[str]:
    """The same without what is taken for a file and may be a directory that is allowed."""
    subs, known = pats.belonging_dirs(pattern), {child.name for child in node.dirs}
    doubtful = {name for name in node.untold - known if any(name_matches(name, s) for s in subs)}
    return _offenders(node, pattern) - doubtful


# Candidates --------------------------------------------------------------------------------


def is_candidate(node: Node, pattern: Pat) -> bool:
    """Whether a check tells of the directory and the pattern, if it was visited."""
    if not near.takes_any_name(pattern):
        return name_matches(node.name, pattern)
    asked = [item for item in items_of(pattern) if item.number is not None and item.min > 0]
    return not asked or any(state(node, pattern, item) == "met" for item in asked)


def check_node(root: Node, patterns: list[Pat], max_depth: int | None = None) -> list[Checked]:
    """What a check tells of the directories at and below a node, those above first."""
    found = []
    for above, node in _walked(root, None):
        if node.entered and (max_depth is None or node.depth <= max_depth):
            for pattern in dict.fromkeys(patterns):
                if is_candidate(node, pattern):
                    found.append(checked(node, above, pattern))
    return found


def _walked(node: Node, above: Node | None) -> Iterator[tuple[Node | None, Node]]:
    yield above, node
    for child in sorted(node.dirs, key=lambda child: child.name):
        yield from _walked(child, node)


def checked(node: Node, above: Node | None, pattern: Pat) -> Checked:
    """What became of a directory; `above` is the one that it was listed in."""
    missing, unknown = _lacks(node, above, pattern)
    return Checked(node.path, pattern, missing, unknown, node, above)


def _lacks(
    node: Node, above: Node | None, pattern: Pat
) -> tuple[tuple[Lack, ...], tuple[Lack, ...]]:
    states = {item: state(node, pattern, item) for item in items_of(pattern)}
    missing, unknown = (
        tuple(_lack(node, above, pattern, item) for item in states if states[item] == which)
        for which in ("missing", "unknown")
    )
    return missing, unknown


def outermost(found: list[Checked]) -> list[Checked]:
    """Those above which nothing is complete."""
    covering = {this.path for this in found if this.is_complete}
    return [this for this in found if not any(_is_above(path, this.path) for path in covering)]


def _is_above(ancestor: str, path: str) -> bool:
    return ancestor != path and path.startswith(ancestor.rstrip("/") + "/" if ancestor else "")


# What came closest -------------------------------------------------------------------------


def _lack(node: Node, above: Node | None, pattern: Pat, item: Item) -> Lack:
    if item.key == "directory_name":
        return Lack(item, ())
    if item.key == "closed":
        return Lack(item, tuple(sorted(_certain_offenders(node, pattern))))
    found = tuple(sorted(counting(node, item)))
    if len(found) >= item.min:
        return Lack(item, found)  # There are too many, or there may be.
    if item.is_of_directories and (sub := closest_directory(node, item)) is not None:
        child, alternative, missing, unknown = sub
        return Lack(
            item,
            found,
            _reason(child),
            child.name,
            alternative,
            missing,
            unknown,
            child.entered and not (child.broke_off or child.files or child.dirs),
        )
    # In what was not entered nothing is looked for.
    reason, path = (_nearest(node, above, item) if node.entered else None) or (None, None)
    return Lack(item, found, reason, path)


def closest_directory(
    node: Node, item: Item
) -> tuple[Node, int, tuple[Lack, ...], tuple[Lack, ...]] | None:
    """The sub-directory that passes a name and lacks the fewest, of equal ones the first by name.

    With it the number of the alternative that it was held against, and what it lacks.
    """
    found = []
    for child in node.dirs:
        if any(matches_for_certain(child, sub) for sub in item.what):
            continue  # It counts.
        for number, sub in enumerate(item.what):
            if name_matches(child.name, sub):
                missing, unknown = _lacks(child, node, sub)
                found.append((len(missing), child.name, number, child, missing, unknown))
    if not found:
        return None
    _, _, number, child, missing, unknown = min(found, key=lambda sub: sub[:3])
    return child, number, missing, unknown


def _reason(child: Node) -> str:
    """What a sub-directory is that passes a name and does not match."""
    if child.not_followed:
        return "link"
    if child.entered:
        return "name"
    return "unreadable" if child.broke_off else "not entered"


def _nearest(node: Node, above: Node | None, item: Item) -> tuple[str, str] | None:
    """What is near in the first way of them all; of equal ones the first by name."""
    ways: list[tuple[str, str] | None] = [
        near.nearest_name(_own_names(node, item), _tests(item)),
        _one_level_down(node, item),
        _one_level_up(node, above, item),
    ]
    ways.insert(1 if item.is_of_directories else 3, _other_kind(node, item))
    ways.append(("unreadable", ".") if node.broke_off else None)
    return next((way for way in ways if way is not None), None)


def _tests(item: Item) -> list[pats.NameTest]:
    """The name tests that an entry may come near: none where any entry would pass."""
    tests = [near.test_of(sub) for sub in item.what] if item.is_of_directories else [item.what]
    return [] if any(near.takes_any(test) for test in tests) else tests


def _own_names(node: Node, item: Item) -> list[str]:
    return [child.name for child in node.dirs] if item.is_of_directories else node.files


def _passing(names: Iterable[str], item: Item) -> list[str]:
    return sorted(name for name in names if any(passes(name, test) for test in _tests(item)))


def _one_level_down(node: Node, item: Item) -> tuple[str, str] | None:
    if item.is_of_directories and _passing(_own_names(node, item), item):
        return None  # Those that count are in the right place.
    paths = [
        f"{child.name}/{name}"
        for child in node.dirs
        for name in _passing(_own_names(child, item), item)
    ]
    return ("below", min(paths)) if paths else None


def _one_level_up(node: Node, above: Node | None, item: Item) -> tuple[str, str] | None:
    names = _passing(_own_names(above, item), item) if above is not None else []
    # What is looked for in a directory is not that directory.
    names = [name for name in names if name != node.name]
    return ("above", f"../{names[0]}") if names else None


def _other_kind(node: Node, item: Item) -> tuple[str, str] | None:
    if item.is_of_directories:
        names, reason = _passing(node.files, item), "file"
    else:
        names, reason = _passing((child.name for child in node.dirs), item), "directory"
    return (reason, names[0]) if names else None


# Whether a claim is true -------------------------------------------------------------------


def untruth(
    node: Node, above: Node | None, item: Item, reason: str | None, path: str | None
) -> str | None:
    """Why it is not true that an entry came close to a requirement for this reason; `None`: it is.

    Which of several is told is not asked, but for sub-directories that pass the name:
    `closest_directory` says which.
    """
    if reason is None or path is None:
        return None if reason is path is None else "a reason and a path belong together"
    if reason == "unreadable" and path == ".":
        return None if node.broke_off else "all of it was read"
    home: Node | None = node
    *way, name = path.split("/")
    for step in way:
        home = above if step == ".." else _child(home, step) if home is not None else None
    if len(way) != (reason in ("above", "below")) or (way == [".."]) != (reason == "above"):
        return f"{path!r} is not where {reason!r} says"
    if home is None:
        return f"nothing leads to {path!r}"
    child = _child(home, name)
    is_directory = reason in ("link", "not entered", "name", "directory") or (
        item.is_of_directories and reason != "file"
    )
    if child is None if is_directory else name not in home.files:
        return f"there is no {path!r} of that kind"
    tests = [near.test_of(sub) for sub in item.what] if item.is_of_directories else [item.what]
    if reason in near.NEAR_NAMES:
        is_true = any(near.NEAR_NAMES[reason](name, test) for test in tests)
    elif reason in ("link", "not entered", "unreadable", "name"):
        is_true = child is not None and _reason(child) == reason
        is_true &= any(name_matches(name, sub) for sub in item.what)
    else:
        is_true = any(passes(name, test) for test in tests)
    return None if is_true else f"{path!r} is not {reason!r}"


def _child(node: Node, name: str) -> Node | None:
    return next((child for child in node.dirs if child.name == name), None)


# Trees -------------------------------------------------------------------------------------


def check_tree(
    tree: reference.Tree,
    name: str,
    patterns: list[Pat],
    *,
    exclude: str | list[str] = (),  # type: ignore[assignment]
    max_depth: int | None = None,
) -> list[Checked]:
    """The answer of a check of a value, paths relative to its top, which is ``""``."""
    return check_node(reference.value_node(tree, name, exclude), patterns, max_depth)


def check_disk(
    source: str | os.PathLike[str], patterns: list[Pat], **options: Any
) -> list[Checked]:
    """The answer of a check of a real tree, with the options of `reference.scan`."""
    root = reference.read(source, patterns, **options)
    return check_node(root, patterns, options.get("max_depth"))


# pathvein's own types ----------------------------------------------------------------------


def check_directory(source: str | os.PathLike[str], patterns: Any, **options: Any) -> list[Any]:
    """The `CheckResult` of each candidate of a local directory, those above first.

    Takes one pattern or several, and ``exclude``, ``max_depth``, ``follow_links``,
    ``one_file_system``, ``outermost`` and ``near`` as `pathvein.check` does.
    """
    from pathvein import FileStructurePattern
    from pathvein.checking import CheckResult

    several = [patterns] if isinstance(patterns, FileStructurePattern) else list(patterns)
    objects: dict[Pat, Any] = {}
    for pattern in several:
        objects.setdefault(plain(pattern), pattern)
    only_outermost, most = options.pop("outermost", False), options.pop("near", None)
    found = check_disk(source, list(objects), **options)
    results = []
    for this in outermost(found) if only_outermost else found:
        if most is None or 1 <= len(this.missing) <= most:
            pattern = objects[this.pattern]
            missing, unknown = (
                tuple(_missing(lack, pattern) for lack in lacks)
                for lacks in (this.missing, this.unknown)
            )
            path = Path(this.path)
            results.append(CheckResult(path, pattern, this.is_complete, missing, unknown))
    return results


def _missing(lack: Lack, pattern: Any) -> Any:
    from pathvein.checking import Closest, Missing

    asked = getattr(pattern, lack.item.key)
    requirement = asked if lack.item.number is None else asked[lack.item.number]
    if not lack.found and lack.reason is None:
        return Missing(lack.place, requirement, None)
    against = None
    if lack.alternative is not None:
        what = getattr(requirement, "directory", requirement)
        against = what[lack.alternative] if isinstance(what, tuple) else what
    missing, unknown = (
        tuple(_missing(inner, against) for inner in inside)
        for inside in (lack.missing, lack.unknown)
    )
    closest = Closest(
        lack.reason,
        lack.path,
        lack.found[:10],
        len(lack.found),
        against,
        missing,
        unknown,
        lack.is_empty,
    )
    return Missing(lack.place, requirement, closest)


def plain(pattern: Any) -> Pat:
    """The pattern as plain data."""
    return Pat(
        _plain_test(pattern.directory_name),
        tuple(_plain_files(item) for item in pattern.files),
        tuple(_plain_directories(item) for item in pattern.directories),
        tuple(_plain_test(test) for test in pattern.optional_files),
        tuple(plain(sub) for sub in pattern.optional_directories),
        tuple(_plain_test(test) for test in pattern.forbidden_files),
        tuple(plain(sub) for sub in pattern.forbidden_directories),
        pattern.closed,
    )


def _plain_test(test: Any) -> Any:
    if isinstance(test, tuple):
        return tuple(_plain_test(one) for one in test)
    return pats.Re(test.pattern) if hasattr(test, "pattern") else test


def _plain_files(item: Any) -> Any:
    if hasattr(item, "min"):
        return Counted(_plain_test(item.name), item.min, item.max)
    return _plain_test(item)


def _plain_directories(item: Any) -> Any:
    if hasattr(item, "min"):
        return Counted(_plain_directories(item.directory), item.min, item.max)
    return tuple(plain(sub) for sub in item) if isinstance(item, tuple) else plain(item)
