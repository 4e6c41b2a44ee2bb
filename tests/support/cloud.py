"""What the tests on stores share: trees that these can hold, and answers in one form."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

import pathvein
import strategies
from reference import Pat, Tree
from trees import Dir, as_value

#: Names that URLs, XML or shells would take for something else.
URL_NAMES = [
    *("a+b", "a%20b", "%", "%2F", "a&b", "&amp;", "a#b", "#", "a?b", "a=b", "a;b", "a:b", "a@b"),
    *("~", "~a", "$a", "a'b", 'a"b', "<a>", "a|b", "a b", "d1", "d10", "d1-", "d1.x", "-a"),
    *("\u00e9", "\u65e5\u672c", "\U0001f600", "\uff0f", "\ufffd"),
]


class Case(NamedTuple):
    """A tree, patterns near it, and options that every kind of source takes."""

    spec: Dir
    #: The same as a value; here a name may be file and directory.
    value: Tree
    patterns: list[Pat]
    options: dict[str, Any]


def _twins(draw: Any, value: Tree) -> Tree:
    """Some directories' names are those of files, too."""
    dirs = {name: _twins(draw, below) for name, below in value.dirs.items()}
    twins = [name for name in dirs if draw(st.integers(0, 3)) == 0]
    return Tree(dirs, (*value.files, *twins))


@st.composite
def cases(draw: Any, store: Any, *, twins: bool) -> Case:
    """A scan of a tree that the store can hold."""
    names = st.one_of(
        strategies.plain_names,
        st.sampled_from([*strategies.ODD_NAMES, *URL_NAMES]),
        st.sampled_from(URL_NAMES),
    ).filter(lambda name: name not in (".", "..") and store.can_hold(name))
    spec = draw(strategies.directories(names, special=False))
    # S3's keys have at most 1,024 bytes.
    assume(all(len(os.fsencode(path)) < 900 for path in strategies.paths_of(spec)))
    patterns = draw(strategies.named_patterns(spec, spec, "src"))
    exclude = draw(strategies.exclude_rules(spec))
    depth = draw(st.sampled_from([None, None, 0, 1, 2]))
    value = as_value(spec)
    if twins:
        value = _twins(draw, value)
    return Case(spec, value, patterns, {"exclude": exclude, "max_depth": depth})


def below(path: Any, source: Any) -> str:
    """A UPath's place below another."""
    assert type(path) is type(source)
    top = source.path.rstrip("/")
    assert path.path.startswith(top)
    rest: str = path.path[len(top) :]
    assert not top or not rest.strip("/") or rest.startswith("/"), (path.path, top)
    return rest.strip("/")


def rows(results: Any, source: Any, patterns: list[Any]) -> list[tuple[str, int]]:
    """(path below the source, which of the very objects that were passed), sorted."""
    index = {id(pattern): i for i, pattern in enumerate(patterns)}
    found = []
    for result in results:
        assert type(result) is pathvein.ScanResult
        found.append((below(result.source, source), index[id(result.pattern)]))
    return sorted(found)


def walked(source: Any, **options: Any) -> list[tuple[str, list[str], list[str]]]:
    """What `walk_python` gives, in the reference's form."""
    return sorted(
        (below(path, source), sorted(dirnames), sorted(filenames))
        for path, dirnames, filenames in pathvein.walk_python(source, **options)
    )


def tree_of(keys: list[str]) -> Tree:
    """The tree that keys make: what cannot be a path is not there, its ancestors are."""
    top: dict[str, Any] = {"dirs": {}, "files": set()}
    for key in keys:
        here = top
        *parents, name = key.split("/")
        for parent in parents:
            if parent in ("", ".", ".."):
                break
            here = here["dirs"].setdefault(parent, {"dirs": {}, "files": set()})
        else:
            if name not in ("", ".", ".."):
                here["files"].add(name)

    def frozen(node: dict[str, Any]) -> Tree:
        dirs = {name: frozen(child) for name, child in node["dirs"].items()}
        return Tree(dirs, tuple(sorted(node["files"])))

    return frozen(top)


def at(value: Tree, rel: str) -> Tree:
    """The directory at a path of the tree."""
    for name in filter(None, rel.split("/")):
        value = value.dirs[name]
    return value
