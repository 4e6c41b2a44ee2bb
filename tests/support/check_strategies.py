"""Trees in which something is missing, or is almost there.

Those of Hypothesis hurt more; what is made of one number is made quickly, and more of it can be
made true.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

import strategies
from pats import Pat, Re, counted
from reference import Tree
from strategies import Case
from trees import Dir, Entry, File


@st.composite
def cases(draw: Any, unreadable: bool = False) -> Case:
    """Random trees and patterns near them, and then much is changed in the trees."""
    case: Case = draw(strategies.cases(unreadable=unreadable))
    source = case.world.entries["src"]
    assert isinstance(source, Dir)
    changed = draw(disturbed(source))
    return replace(case, world=replace(case.world, entries={**case.world.entries, "src": changed}))


@st.composite
def disturbed(draw: Any, spec: Dir) -> Dir:
    """A copy of the tree in which entries are gone, misnamed, misplaced, or of the other kind."""
    copy = _copied(spec)
    homes = strategies.directories_of(copy)
    for _ in range(draw(st.integers(0, 4))):
        home = draw(st.sampled_from(homes))
        if not home.entries:
            continue
        name = draw(st.sampled_from(sorted(home.entries)))
        entry = home.entries.pop(name)
        what = draw(st.sampled_from(["gone", "gone", "misnamed", "down", "up", "other"]))
        if what == "misnamed":
            home.entries.setdefault(draw(near_names(name)), entry)
        elif what == "down":
            below = [sub for sub in home.entries.values() if isinstance(sub, Dir)]
            sub = draw(st.sampled_from(below)) if below else Dir()
            sub.entries.setdefault(name, entry)
            if not below:
                home.entries.setdefault("old", sub)
        elif what == "up":
            above = [one for one in homes if home in list(one.entries.values())]
            (above or [home])[0].entries.setdefault(name, entry)
        elif what == "other":
            other: Entry = File() if isinstance(entry, Dir) else Dir({"a": File()})
            home.entries.setdefault(name, other)
    return copy


def _copied(spec: Dir) -> Dir:
    entries = {n: _copied(e) if isinstance(e, Dir) else e for n, e in spec.entries.items()}
    return Dir(entries, spec.mode)


def near_names(name: str) -> st.SearchStrategy[str]:
    """Names that are almost the same, or the same."""
    other = [name.swapcase(), name.upper(), name[1:], name[:-1], name[1:2] + name[:1] + name[2:]]
    other += [name + "x", "x" + name[1:], "\u00e9", "e\u0301"]
    fit = [o for o in other if o not in ("", ".", "..") and len(o.encode(errors="replace")) < 256]
    return st.sampled_from([*fit, "x"])


# From one number ---------------------------------------------------------------------------

_NAMES = ["a", "b", "ab", "A", "a.txt", "b.txt", "run_1", "run_2", "Run_3", "data", "\u00e9"]
_NAMES += ["e\u0301", "notes.md"]
_TESTS = [*_NAMES, "*", "*.txt", "a*", "?", "[ab]*", "*_?", "[!a]*", "*_*", "*.*"]
_EXPRESSIONS = ["a", r"run_\d+", r"[a-z]+\.txt", "a|b"]


def random_tree(random: Random, depth: int = 3, faults: float = 0.0) -> Tree:
    """A tree of some names; a part of its directories cannot be read, or not to the end."""
    if random.random() < faults:
        return Tree(listed=False)
    names = random.sample(_NAMES, random.choice([0, 1, 2, 3, 4, 6]))
    dirs = {n: random_tree(random, depth - 1, faults) for n in names if depth and _maybe(random, 2)}
    files = tuple(n for n in names if n not in dirs)
    return Tree(dirs, files, broke_off=random.random() < faults)


def random_pattern(random: Random, depth: int = 2) -> Pat:
    """A pattern that asks for a few of these names."""
    dirs: list[Any] = []
    for _ in range(random.choice([0, 0, 1, 2]) if depth else 0):
        what: Any = random_pattern(random, depth - 1)
        if _maybe(random, 6):
            what = (what, random_pattern(random, depth - 1))
        dirs.append(counted(what, *_counts(random)))
    files = random.choice([0, 1, 1, 2, 3])
    is_closed = _maybe(random, 12)
    return Pat(
        random.choice(["*", None, "run_*", "?", _test(random), _test(random)]),
        tuple(counted(_test(random), *_counts(random)) for _ in range(files)),
        tuple(dirs),
        ("*.txt",) if is_closed else (),
        (Pat("run_*"),) if is_closed else (),
        (_test(random),) if _maybe(random, 8) else (),
        (random_pattern(random, depth - 1),) if depth and _maybe(random, 8) else (),
        is_closed,
    )


def _test(random: Random) -> Any:
    if _maybe(random, 8):
        return Re(random.choice(_EXPRESSIONS))
    if _maybe(random, 8):
        return tuple(random.sample(_TESTS, 2))
    return random.choice(_TESTS)


def _counts(random: Random) -> tuple[int, int | None]:
    if not _maybe(random, 3):
        return 1, None
    # There are not two of most names.
    least = random.choice([0, 0, 1, 1, 1, 2])
    return least, random.choice([None, least, least + 1])


def _maybe(random: Random, times: int) -> bool:
    return random.randrange(times) == 0
