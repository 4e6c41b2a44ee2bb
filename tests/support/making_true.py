"""Does what a check asks for: makes what is missing, removes what should not be there.

Not every pattern can be made true by this. No entry is called ``a/b``; what one requirement asks
for, another may forbid. `Unmakeable` says the first; of the second only patterns with a limit
(`has_limits`) are capable, and `make_true` tries several ways.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import check_reference
import near_reference
import pats
import reference
from check_reference import Item, Lack, items_of
from pats import NameTest, Pat, Re, passes

#: How many ways are tried.
TRIES = 8


class Unmakeable(Exception):
    """There are not enough names that pass a test."""


@dataclass
class Home:
    """A directory that can be changed."""

    dirs: dict[str, Home] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    @staticmethod
    def of(tree: reference.Tree) -> Home:
        return Home({name: Home.of(sub) for name, sub in tree.dirs.items()}, set(tree.files))

    def tree(self) -> reference.Tree:
        dirs = {name: sub.tree() for name, sub in self.dirs.items()}
        return reference.Tree(dirs, tuple(sorted(self.files)))

    def at(self, path: str) -> Home:
        here = self
        for name in filter(None, path.split("/")):
            here = here.dirs[name]
        return here


def has_limits(pattern: Pat) -> bool:
    """Whether anything in it asks for something not to be there."""
    return any(item.max is not None or item.key == "closed" for item in items_of(pattern)) or any(
        has_limits(sub) for sub in pats.asked_below(pattern)
    )


def make_true(home: Home, name: str, pattern: Pat, lacks: tuple[Lack, ...]) -> int | None:
    """Do all that is asked for, so that nothing else is missing then; which way did it, if any.

    Raises:
        Unmakeable: Nothing can be called what is asked for.
    """
    before, unmakeable = home.tree(), None
    for seed in range(TRIES):
        here = Home.of(before)
        try:
            do_what_is_asked(here, lacks, Random(seed))
        except Unmakeable as error:
            unmakeable = error
            continue
        if reference.matches_tree(here.tree(), name, pattern):
            home.dirs, home.files = here.dirs, here.files
            return seed
        unmakeable = None
    if unmakeable is not None:
        raise unmakeable
    return None


def do_what_is_asked(home: Home, lacks: tuple[Lack, ...], random: Random) -> None:
    """Do it, whatever else that breaks."""
    for lack in lacks:
        item = lack.item
        if item.key == "directory_name":
            raise Unmakeable(item.place)
        if item.key == "closed" or len(lack.found) >= item.min:
            # All that should not be there, or so many as are too many.
            most = item.max or 0
            for name in random.sample(lack.found, len(lack.found) - most):
                if item.key == "closed" or item.is_of_directories:
                    home.dirs.pop(name, None)
                if item.key == "closed" or not item.is_of_directories:
                    home.files.discard(name)
        elif item.is_of_directories:
            _make_directories(home, lack, random)
        else:
            names = _free_names(item.what, home, random)
            home.files |= set(_take(names, item.min - len(lack.found)))


def _make_directories(home: Home, lack: Lack, random: Random) -> None:
    left = lack.item.min - len(lack.found)
    done = set(lack.found)
    if lack.alternative is not None and lack.reason == "name":
        # The closest one, by what is said of it.
        assert lack.path is not None
        if lack.path in home.dirs:  # Another requirement may have had it removed.
            do_what_is_asked(home.dirs[lack.path], lack.missing, random)
        done.add(lack.path)
        left -= 1
    for name in sorted(home.dirs):
        for sub in lack.item.what:
            if left and name not in done and pats.name_matches(name, sub):
                do_what_is_asked(home.dirs[name], _lacks(home.dirs[name], name, sub), random)
                done.add(name)
                left -= 1
    for sub in random.sample(lack.item.what, len(lack.item.what)):
        for name in _free_names(near_reference.test_of(sub), home, random)[:left]:
            home.dirs[name] = Home()
            do_what_is_asked(home.dirs[name], _lacks(Home(), name, sub), random)
            left -= 1
    if left:
        raise Unmakeable(lack.place)


def _lacks(home: Home, name: str, pattern: Pat) -> tuple[Lack, ...]:
    node = reference.value_node(home.tree(), name)
    return check_reference.checked(node, None, pattern).missing


def _take(names: list[str], count: int) -> list[str]:
    if len(names) < count:
        raise Unmakeable
    return names[:count]


#: The places of what is missing of the directory at a path in a tree; `None`: no candidate.
PlacesOf = Callable[[reference.Tree, str, Pat], "tuple[str, ...] | None"]


def assert_exact(
    tree: reference.Tree,
    path: str,
    pattern: Pat,
    lacks: tuple[Lack, ...],
    places_of: PlacesOf,
) -> str:
    """What is missing is exact: all that it asks for makes it complete, and nothing less does.

    Gives what came of it: "made"; "no name", as no entry can be called what is asked for; "no
    way", as what one requirement asks for another forbids.
    """
    name = path.rpartition("/")[2] or "src"
    whole = Home.of(tree)
    try:
        way = make_true(whole.at(path), name, pattern, lacks)
    except Unmakeable:
        return "no name"
    if way is None:
        assert has_limits(pattern), f"{pattern} cannot be made true"
        return "no way"
    places = places_of(whole.tree(), path, pattern)
    assert places == (), f"{lacks} made, and then {places}"
    for lack in lacks:
        others = tuple(other for other in lacks if other is not lack)
        before, part = Home.of(tree).at(path), Home.of(tree)
        try:
            do_what_is_asked(part.at(path), others, Random(way))
        except Unmakeable:
            continue  # It would have been another alternative.
        if not is_touched(lack, before, part.at(path)):
            places = places_of(part.tree(), path, pattern)
            holds = places is not None and lack.place not in places
            assert not holds, f"{others} made, and {lack.place} holds: {places}"
    return "made"


# Names -------------------------------------------------------------------------------------


def _free_names(test: NameTest, home: Home, random: Random) -> list[str]:
    """Names that pass and that no entry has, in any order."""
    names = [n for n in names_for(test) if n not in home.dirs and n not in home.files]
    return random.sample(names, len(names))


_SHORT = ["".join(letters) for n in (1, 2, 3) for letters in itertools.product("ab.x1q", repeat=n)]


def names_for(test: NameTest) -> list[str]:
    """Some names that a file can have and that pass."""
    found = [*_SHORT]
    for one in near_reference.alternatives(test):
        if isinstance(one, Re):
            for digits, letters in (("1", "q"), ("2", "ab"), ("37", "z")):
                text = one.text.replace("(?s:.*)", letters)
                text = text.replace("\\d", digits).replace("[a-z]", letters).replace("\\", "")
                found += [text, text.rstrip("+*"), text.replace("+", ""), *text.split("|")]
        else:
            found += _expanded(one)
    return sorted({name for name in found if _is_a_name(name) and passes(name, test)})


def _expanded(glob: str) -> list[str]:
    """The glob with its special characters replaced, most of which pass it."""
    found = []
    for run, letter in itertools.product(("", "q", "b.q", "qb"), "aq"):
        name, at = "", 0
        while at < len(glob):
            end = glob.find("]", at + 2 + (glob[at + 1 : at + 2] == "!")) if glob[at] == "[" else -1
            if end > 0:
                inside = glob[at + 1 : end]
                name += (
                    next((c for c in "qab0" if c not in inside), "q")
                    if inside[0] == "!"
                    else inside[0]
                )
                at = end
            else:
                name += {"*": run, "?": letter}.get(glob[at], glob[at])
            at += 1
        found.append(name)
    return found


def _is_a_name(name: str) -> bool:
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        return False
    # What is no UTF-8 together is another name when it is read.
    return (
        name not in ("", ".", "..")
        and not {"/", "\0"} & set(name)
        and len(raw) < 256
        and os.fsdecode(raw) == name
    )


# What was told -----------------------------------------------------------------------------


def as_lacks(missing: Any, pattern: Pat) -> tuple[Lack, ...]:
    """What pathvein calls missing, in the reference's form."""
    items = {item.place: item for item in items_of(pattern)}
    return tuple(_as_lack(this, items[this.place]) for this in missing)


def _as_lack(this: Any, item: Item) -> Lack:
    closest = this.closest
    if closest is None:
        return Lack(item, ())
    if closest.pattern is None:
        return Lack(item, closest.found, closest.reason, closest.path)
    against = check_reference.plain(closest.pattern)
    return Lack(
        item,
        closest.found,
        closest.reason,
        closest.path,
        item.what.index(against),
        as_lacks(closest.missing, against),
        as_lacks(closest.unknown, against),
        closest.is_empty,
    )


def is_touched(lack: Lack, before: Home, after: Home) -> bool:
    """Whether what was changed may have to do with a requirement."""
    changed = before.files ^ after.files
    changed |= {
        name
        for name in before.dirs.keys() | after.dirs.keys()
        if before.dirs.get(name) != after.dirs.get(name)
    }
    if lack.item.key == "closed":
        return bool(changed & set(lack.found))
    tests = (
        [near_reference.test_of(sub) for sub in lack.item.what]
        if lack.item.is_of_directories
        else [lack.item.what]
    )
    return any(passes(name, test) for name in changed for test in tests)
