"""Checks of the arguments that the public functions share.

Each check names the argument in its message, and returns the converted value.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Iterable, Mapping

from pathvein_core import ExcludeRules, FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeGuard, TypeVar

    from upath import UPath

    from pathvein._remote.source import RemoteSource
    from pathvein._tasks.executors import Workforce
    from pathvein._types import Any

    F = TypeVar("F", bound=Callable[..., Any])

#: Most threads, and most requests in flight, that a caller may ask for.
MAX_THREADS = MAX_REQUESTS = 1024
_PATHS = "str, os.PathLike or UPath"
_LISTERS = ("auto", "fsspec", "obstore")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNITS |= {f"{unit}i": 1 << 10 * power for power, unit in enumerate("kmgt", 1)}
_MEMORY = r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?\s*"


def wrong_type(argument: str, expected: str, found: object) -> TypeError:
    """The error of an argument that is not what is expected."""
    return TypeError(f"{argument} must be {expected}, not {type(found).__name__}")


def is_url(source: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether a `str` is a URL; any other is a path.

    No URL begins as a path does, whatever stands in it. ``zip::x.zip`` is one, unless there is a
    file or directory of that name. On Windows one letter is a drive, and no scheme.
    """
    if source.startswith(("/", "./", "../")):
        return False
    if windows and (source.startswith(("\\", ".\\", "..\\")) or source[1:2] == ":"):
        return False
    return "://" in source or ("::" in source and not os.path.lexists(source))


def is_upath(source: object) -> TypeGuard[UPath]:
    """Whether `source` is a UPath. This does not import universal-pathlib."""
    upath = sys.modules.get("upath")
    return upath is not None and isinstance(source, upath.UPath)


def is_url_or_upath(source: object) -> TypeGuard[str | UPath]:
    """Whether `source` is a UPath, or a `str` that is a URL."""
    return is_upath(source) or (isinstance(source, str) and is_url(source))


def decoded(argument: str, path: object, expected: str) -> str:
    """A local path as `str`."""
    if not isinstance(path, str | os.PathLike):
        raise wrong_type(argument, expected, path)
    decoded: str = os.fsdecode(path)
    return decoded


def without_stop_iteration(function: F) -> F:
    """Make a StopIteration of the caller's own objects a RuntimeError.

    It would end an iteration that the call is part of, as if that were complete.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except StopIteration as error:
            raise RuntimeError("an argument raised StopIteration") from error

    return call  # type: ignore[return-value]


@without_stop_iteration
def path_or_upath(
    argument: str, path: object, storage_options: Mapping[str, Any] | None = None
) -> Path | UPath:
    """The UPath of a URL, or a UPath with additional options, else the `Path`."""
    check_storage_options(storage_options)
    if is_url_or_upath(path):
        from pathvein._remote import make_upath

        return make_upath(path, storage_options)
    from pathlib import Path

    text = path_text(argument, path, _PATHS)
    _refuse_options(argument, text, storage_options)
    return path if isinstance(path, Path) else Path(text)


@without_stop_iteration
def local_top(argument: str, source: object) -> str:
    """The path of an argument that must be local."""
    if is_upath(source):
        from pathvein._remote import local_path

        local = local_path(source)
        if local is None:
            raise TypeError(f"{argument} must be a local path, not {source!r}: use walk_python")
        return local
    return path_text(argument, source, "str or os.PathLike")


def path_text(argument: str, source: object, expected: str) -> str:
    """A local path that can be one."""
    path = decoded(argument, source, expected)
    if "\0" in path:
        raise ValueError(f"{argument} must be a path, without null characters: {path!r}")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        text = f"{argument} must be a path, and {path!r} cannot be encoded: {error.reason}"
        raise ValueError(text) from error
    return path


@without_stop_iteration
def open_source(
    source: object,
    storage_options: Mapping[str, Any] | None,
    options: dict[str, Any],
    argument: str = "source",
) -> str | RemoteSource:
    """The source's path if it is local, else the source opened for listing.

    `concurrency` and `lister` are taken out of the checked options.
    """
    concurrency, lister = options.pop("concurrency"), options.pop("lister", "auto")
    check_storage_options(storage_options)
    if is_url_or_upath(source):
        from pathvein import _remote

        opened = _remote.open_source(source, storage_options, concurrency, lister)
        if not isinstance(opened, str):
            options["exclude"].check_source(opened.adapter.base, opened.holds)
        return opened
    path = path_text(argument, source, _PATHS)
    _refuse_options(argument, path, storage_options)
    return path


def check_storage_options(value: object) -> Mapping[str, Any] | None:
    """A mapping, or None."""
    if value is not None and not isinstance(value, Mapping):
        raise wrong_type("storage_options", "a mapping or None", value)
    return value


def _refuse_options(argument: str, path: str, storage_options: Mapping[str, Any] | None) -> None:
    if storage_options:
        text = f"storage_options are for URLs and UPaths, and {argument} is a path: {path!r}"
        raise ValueError(text)


@without_stop_iteration
def check(**arguments: Any) -> dict[str, Any]:
    """The arguments of a public function that have a check, by their names, converted."""
    return {name: _CHECKS[name](name, arguments[name]) for name in arguments if name in _CHECKS}


def _patterns(argument: str, patterns: object) -> list[FileStructurePattern]:
    """The distinct patterns."""
    if isinstance(patterns, FileStructurePattern):
        return [patterns]
    expected = "a FileStructurePattern or an iterable of them"
    if isinstance(patterns, str) or not isinstance(patterns, Iterable):
        raise wrong_type(argument, expected, patterns)
    unique: dict[FileStructurePattern, None] = {}
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, FileStructurePattern):
            raise wrong_type(f"{argument}[{index}]", "a FileStructurePattern", pattern)
        unique.setdefault(pattern)
    return list(unique)


def _count(argument: str, value: object, least: int = 0, most: int | None = None) -> int | None:
    """An int of at least `least` and at most `most`, or None."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise wrong_type(argument, "int or None", value)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise wrong_type(argument, "int or None", value) from error
    if number < least:
        raise ValueError(f"{argument} must be at least {least}, not {number}")
    if most is not None and number > most:
        raise ValueError(f"{argument} must be at most {most}, not {number}")
    # No tree is deeper, and a larger number does not fit into the core's type.
    return min(number, sys.maxsize)


def _choice(argument: str, value: object, choices: tuple[str, ...], expected: str) -> str:
    """One of the given words."""
    if not isinstance(value, str):
        raise wrong_type(argument, expected, value)
    if value not in choices:
        raise ValueError(f"{argument} must be {expected}, not {value!r}")
    return value


def _lister(argument: str, value: object) -> str:
    return _choice(argument, value, _LISTERS, " or ".join(f'"{name}"' for name in _LISTERS))


def _flag(argument: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(argument, "bool", value)
    return value


def _truth(argument: str, value: object) -> bool:
    """What is true or false, as 0.9 took it. Not a text: ``"no"`` would be true."""
    if isinstance(value, str | bytes):
        raise wrong_type(argument, "bool", value)
    return bool(value)


def _error_policy(argument: str, value: object) -> str | Callable[[OSError], object]:
    if callable(value):
        return value
    expected = '"warn", "raise", "ignore" or a callable'
    return _choice(argument, value, ("warn", "raise", "ignore"), expected)


def _progress(argument: str, value: object) -> object:
    if value is not None and not callable(value):
        raise wrong_type(argument, "a callable or None", value)
    return value


def _executor(argument: str, value: object) -> Workforce | None:
    """What runs tasks, if there is an executor: only then is anything of that imported."""
    if value is None:
        return None
    from pathvein._tasks.executors import Workforce

    return Workforce(value, argument)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "concurrency": lambda name, value: _count(name, value, 1, MAX_REQUESTS),
    "dryrun": _truth,
    "exclude": lambda _, value: ExcludeRules(value),
    "executor": _executor,
    "follow_links": _flag,
    "outermost": _flag,
    "fsync": _flag,
    "links": lambda name, value: _choice(name, value, ("follow", "keep"), '"follow" or "keep"'),
    "lister": _lister,
    "max_depth": _count,
    "max_workers": lambda name, value: _count(name, value, 1, MAX_THREADS),
    "near": lambda name, value: _count(name, value, 1),
    "on_conflict": lambda name, value: _choice(name, value, ("skip", "raise"), '"skip" or "raise"'),
    "on_error": _error_policy,
    "one_file_system": _flag,
    "overwrite": _truth,
    "patterns": _patterns,
    "progress": _progress,
    "threads": lambda name, value: _count(name, value, 1, MAX_THREADS),
    "trust_link_counts": _flag,
    "use_threading": lambda name, value: None if value is None else _truth(name, value),
}


def memory_in_bytes(value: int | str) -> int:
    """The bytes of a memory limit: a number, or a text such as ``"1GB"`` or ``"512MiB"``.

    Raises `TypeError` or `ValueError`.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong_type("memory_limit", "int, str or None", value)
    if isinstance(value, str):
        import re

        match = re.fullmatch(_MEMORY, value, re.IGNORECASE)
        if match is None:
            raise ValueError(f'memory_limit must be like "1GB" or "512MiB", not {value!r}')
        value = int(float(match[1]) * _UNITS[match[2].lower()])
    if value <= 0:
        raise ValueError(f"memory_limit must be above 0, not {value}")
    return value
