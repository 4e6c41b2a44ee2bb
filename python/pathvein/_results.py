"""Construction of results, the most expensive part of a scan in Python.

`Path` parses its argument, though the paths of the core are normalized already. So paths are
made here by setting the slots that parsing would set. These are private to pathlib. Hence
:func:`_holds`: unless every probe gets the same state as a `Path` that is made as usual, all
paths are made as usual. (docs/architecture.md has the measurement. Half of the saving is the hash,
which the set of results needs.)
"""

from __future__ import annotations

from pathlib import Path
from sys import intern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from pathvein._types import Any

    R = TypeVar("R", bound=tuple[Any, Any])
    #: Makes results of the given class from pairs of a path and the index of its pattern. The
    #: paths are absolute, and have neither empty nor `.` components.
    Make = Callable[[type[R], Iterable[tuple[str, int]], Sequence[Any]], list[R]]

_CLASS: Any = type(Path())
_PROBES = ("/", "/a", "/a/b.tar.gz", "/a/..b/c.", "/ /\n/\udcff", "/é/" + "x" * 255)


def plain(result: type[R], found: Iterable[tuple[str, int]], patterns: Sequence[Any]) -> list[R]:
    """Make results with `Path`."""
    new = tuple.__new__
    return [new(result, (Path(text), patterns[index])) for text, index in found]


def _by_text(result: type[R], found: Iterable[tuple[str, int]], patterns: Sequence[Any]) -> list[R]:
    """CPython 3.12 or later: a path is parsed when its parts are first needed."""
    new, new_path, path_class = tuple.__new__, object.__new__, _CLASS
    results = []
    for text, index in found:
        path = new_path(path_class)
        path._raw_paths = [text]
        path._str = text
        path._hash = hash(text)
        results.append(new(result, (path, patterns[index])))
    return results


def _by_parts(
    result: type[R], found: Iterable[tuple[str, int]], patterns: Sequence[Any]
) -> list[R]:
    """CPython 3.11: a path stores its parts. Each parent is split once for a batch."""
    new, new_path, path_class = tuple.__new__, object.__new__, _CLASS
    results = []
    parents: dict[str, list[str]] = {}
    for text, index in found:
        parent, _, name = text.rpartition("/")
        parts = parents.get(parent)
        if parts is None:
            parts = parents[parent] = ["/", *map(intern, parent.split("/")[1:])]
        path = new_path(path_class)
        path._drv = ""
        path._root = "/"
        # Concatenation makes a list without spare capacity, unlike unpacking.
        path._parts = parts = parts + [intern(name)] if name else parts.copy()  # noqa: RUF005
        path._hash = hash(tuple(parts))
        results.append(new(result, (path, patterns[index])))
    return results


def _state(path: Any) -> dict[str, Any]:
    """The slots of a path that have a value."""
    slots = [slot for kind in type(path).__mro__ for slot in getattr(kind, "__slots__", ())]
    return {slot: getattr(path, slot) for slot in slots if hasattr(path, slot)}


def _holds(make: Make[Any]) -> bool:
    """Whether `make` makes the paths that `Path` makes, in this version of CPython."""
    try:
        made = make(tuple, [(text, 0) for text in _PROBES], [None])
        for text, (path, _) in zip(_PROBES, made, strict=True):
            usual = Path(text)
            least = _state(usual)
            hash(usual), str(usual), usual.parts
            most, state = _state(usual), _state(path)
            if not (
                type(path) is type(usual)
                and least.items() <= state.items() <= most.items()
                and all(type(state[slot]) is type(most[slot]) for slot in state)
                and (path, hash(path), str(path)) == (usual, hash(usual), text)
                and path.parts == usual.parts
                and path.__reduce__() == usual.__reduce__()
            ):
                return False
    except Exception:
        # pathlib has changed.
        return False
    return True


#: Makes results, in the fastest way that is correct.
make_results: Make[Any] = next(filter(_holds, (_by_text, _by_parts)), plain)
