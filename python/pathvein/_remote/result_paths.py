"""The UPaths of results: the user's path joined with a path relative to it.

`joinpath` parses the user's path again for each of them, which takes 30 to 80 µs. All that it
arrives at is the state of the user's path, with another path in it. So where trials show that
nothing else comes of it, that state is filled in; everywhere else, `joinpath` is called. The
state is private to universal-pathlib: nothing here is taken for granted, and a version or a class
that works otherwise fails the trials.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from upath import UPath

from pathvein._remote.names import join, unaddressable

#: What is tried. Between them: every character of `_PLAIN_NAMES` that is no letter or digit, other
#: marks that a parser may care for, what Unicode would normalize, a name too long for most disks.
TRIALS = (
    "a",
    "A1/.b/c.D",
    "x y/_.,=+@~()%41%2f&'!$-z/~/..a/-9",
    'a. / b/%41%2f+&amp;/#x?y=1/\\/[z]/{*}"<|>`^;',
    "10:00:00.",
    "a:b/-:-",
    "\u00e9e\u0301\ufb01\u212b\u0130\u3000/" + "L" * 300,
)
_UNMARKED = r"[\w.,=+@~()%&'!$ /-]*+"
#: Paths in which no parser of the packages below finds anything but names. Those of times, too.
_PLAIN_NAMES = re.compile(rf"{_UNMARKED}(?:(?<=\d):(?=\d){_UNMARKED})*+(?<=[\w).-])").fullmatch
#: The packages whose `_strip_protocol` was read for that.
_READ_PACKAGES = frozenset({"adlfs", "fsspec", "gcsfs", "s3fs", "upath"})
#: What may be taken for a protocol (`ab::`, `ab:/`, `data:,`), if a component begins with it.
_MAY_BE_PROTOCOL = re.compile(r":[:/]|:$|data:").search
#: What may be taken for the scheme of a URL, and be written in small letters, at the start of one.
_MAY_BE_SCHEME = re.compile(r"[\0- ]*[A-Za-z][^/:]*:").match
#: What takes part in `joinpath`. A class that defines one of these itself may do anything there.
_MAKERS = {
    *("_chain", "_chain_parser", "_fs_cached", "_raw_urlpaths", "_relative_base"),
    *("__getattr__", "__getattribute__", "__init__", "__new__", "__setattr__", "__vfspath__"),
    *("_parse_storage_options", "_protocol", "_storage_options", "_transform_init_args"),
    *("joinpath", "parser", "path", "protocol", "storage_options", "with_segments"),
}


class ResultPaths:
    """Makes the UPaths of the entries below a UPath."""

    def __init__(self, root: UPath, url: Callable[[str], str], *, local: bool = False) -> None:
        """`url` gives the URL of an entry, for messages; `local`: the paths are of this machine."""
        self._root = root
        self._root_path: str = root.path
        self._url = url
        self._local = local
        #: How many more to join before the trials, so that these never take most of the time.
        self._before_trials = len(TRIALS)
        self._filled: _FilledPaths | None = None

    def make(self, rel: str) -> UPath:
        """The UPath of an entry: equal to `joinpath`, of the same class, with the same options.

        `rel` consists of names: no component of it is empty, `.` or `..`.
        Raises `OSError` (`EINVAL`) if universal-pathlib cannot express the name.
        """
        filled = self._filled
        if filled is not None:
            if filled.plain_will_do and _PLAIN_NAMES(rel):
                return filled.make(rel)
            path = filled.make_checked(rel) or self._join(rel)
        else:
            path = self._join(rel)
            self._before_trials -= 1
            if self._before_trials == 0:
                self._filled = filled_paths(self._root)
        # A bucket's path may end with a slash.
        if not self._local and path.path.removesuffix("/") != join(self._root_path, rel):
            raise unaddressable(self._url(rel), "it changes when it is made a path")
        return path

    def _join(self, rel: str) -> UPath:
        try:
            return _joined(self._root, rel)
        except (NotImplementedError, ValueError) as error:
            raise unaddressable(self._url(rel), str(error)) from error


class _FilledPaths:
    """Makes UPaths by filling their slots, after the example of one that was joined."""

    def __init__(self, root: UPath, example: UPath, rel: str) -> None:
        """`example` is `root` joined with `rel`. Raises anything if it is unlike what is known."""
        state = _state_of(example)
        self._class = type(example)
        self._chain_parser = state["_chain_parser"]
        #: `None` if nobody has asked the root for its file system.
        self._fs = getattr(root, "_fs_cached", None)
        self._base = state["_relative_base"]
        self._first = state["_raw_urlpaths"][0]
        chain = state["_chain"]
        self._chain: Any = type(chain)
        self._index: int = chain._index
        segments, at = chain._segments, chain._path_index
        self._before, self._after = segments[:at], segments[at + 1 :]
        path, self._protocol, self._options = segments[at]
        self._segment: Any = type(segments[at])
        if not path.endswith(rel):
            raise ValueError(f"{path!r} does not end with {rel!r}")
        self._prefix: str = path[: len(path) - len(rel)]
        self._strip: Callable[[str], str] = root.parser.strip_protocol
        #: Whether paths of plain names need no check. With nothing before it, a name may be a host.
        self.plain_will_do = self._prefix != "" and _was_read(root.parser)

    def make(self, rel: str) -> UPath:
        """The UPath of an entry."""
        path: Any = object.__new__(self._class)
        path._chain = self._chain(
            *self._before,
            self._segment(self._prefix + rel, self._protocol, self._options),
            *self._after,
            index=self._index,
        )
        path._chain_parser = self._chain_parser
        if self._fs is not None:
            path._fs_cached = self._fs
        path._raw_urlpaths = (self._first, rel) if ":" not in rel else (self._first, *_split(rel))
        path._relative_base = self._base
        return path  # type: ignore[no-any-return]

    def make_checked(self, rel: str) -> UPath | None:
        """The UPath of an entry, or `None` where `joinpath` may make another, or none."""
        if ":" in rel and (_MAY_BE_PROTOCOL(rel) or (not self._prefix and _MAY_BE_SCHEME(rel))):
            return None
        try:
            if self._strip(self._prefix + rel) != self._prefix + rel:
                return None
        except (NotImplementedError, ValueError):
            return None
        return self.make(rel)


def filled_paths(root: UPath) -> _FilledPaths | None:
    """Makes the UPaths below `root` faster than `joinpath`; `None` if that makes others."""
    try:
        if not _is_made_as_usual(type(root)):
            return None
        filled = _FilledPaths(root, _joined(root, TRIALS[0]), TRIALS[0])
        for rel in TRIALS:
            made: Any = filled.make_checked(rel)
            if made is not None:
                joined: Any = _joined(root, rel)
                if (
                    type(made) is not type(joined)
                    or getattr(made, "_fs_cached", None) is not getattr(joined, "_fs_cached", None)
                    or _states(made) != _states(joined)
                ):
                    return None
            if _PLAIN_NAMES(rel) and (made is None or made.path != join(root.path, rel)):
                filled.plain_will_do = False
    except MemoryError:
        raise
    except Exception:
        # A state of another form, or a class that does not take usual names.
        return None
    return filled


def _split(rel: str) -> list[str]:
    """What is given to `joinpath`. In one piece, `http:/x` would be read as a URL."""
    return rel.split("/") if ":" in rel else [rel]


def _joined(root: UPath, rel: str) -> UPath:
    return root.joinpath(*_split(rel))


def _state_of(thing: object) -> dict[str, Any]:
    """The slots of an object that are set. Raises `TypeError` if it has other attributes."""
    state: Any = object.__getstate__(thing)
    attributes, slots = state
    if attributes:
        raise TypeError(f"{type(thing).__name__} has attributes of its own")
    return dict(slots)


def _states(path: UPath) -> tuple[dict[str, Any], type, dict[str, Any]]:
    """The state of a UPath, and that of its chain."""
    state = _state_of(path)
    chain = state.pop("_chain")
    return state, type(chain), _state_of(chain)


def _is_made_as_usual(cls: type) -> bool:
    """Whether nothing but universal-pathlib's own code takes part in making such UPaths."""
    return type(cls) is type(UPath) and not any(
        not _MAKERS.isdisjoint(vars(base))
        for base in cls.__mro__
        if base is not object and base.__module__.partition(".")[0] not in ("upath", "pathlib_abc")
    )


def _was_read(parser: Any) -> bool:
    """Whether it is known what the parser of a file system looks for in a path."""
    strip = getattr(getattr(parser, "_spec", None), "_strip_protocol", None)
    module: str = getattr(strip, "__module__", None) or ""
    return module.partition(".")[0] in _READ_PACKAGES
