"""The source of keys, and what the paths below it are."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from pathvein import _arguments
from pathvein._keys.names import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._types import Any

__all__ = ["KeySource", "key_source"]


class KeySource:
    """What keys are below."""

    def __init__(
        self,
        shown: str,
        name: str,
        front: str,
        make: Callable[[str], Any],
        url: Callable[[str], str],
        *,
        may_be_root: bool = True,
    ) -> None:
        """`may_be_root`: whether keys may begin with a slash."""
        #: The source as it was given, for messages; empty if it was not.
        self.shown = shown
        #: Its name, which patterns may ask for.
        self.name = name
        #: What may stand in front of keys, as a `KeyStream` takes it.
        self.front = front
        self._may_be_root = may_be_root
        self._make = make
        self._url = url
        #: What the keys have in front: `/`, `.` or nothing.
        self.found = ""

    def begins_with(self, found: str) -> None:
        """Take what the keys have in front. Raises `ValueError` if that is of another source."""
        self.found = found
        if found == "/" and not self._may_be_root:
            raise ValueError(
                f"the keys begin with /, so their source is the root and not {self.shown!r}: "
                "leave the source out"
            )

    def path(self, rel: str) -> Any:
        """The path of a directory, as results have it. Raises `OSError` if it cannot have one."""
        return self._make(rel)

    def text(self, rel: str) -> str:
        """The path as text, the way the keys came."""
        return self._url(rel)


def key_source(source: object, storage_options: Mapping[str, Any] | None) -> KeySource:
    """The source of keys. Nothing is read from it."""
    _arguments.check_storage_options(storage_options)
    if source is None:
        return _as_keys_say()
    if _arguments.is_url_or_upath(source):
        return _remote(source, storage_options)
    from pathlib import Path

    text = _arguments.path_text("source", source, "str, os.PathLike, UPath or None")
    if storage_options:
        raise ValueError(f"storage_options are for URLs and UPaths, and source is a path: {text!r}")
    path = source if isinstance(source, Path) else Path(text)
    base = str(path)
    shown = text or "."

    def below(rel: str) -> str:
        return os.path.join(base, rel) if rel else base

    return KeySource(
        shown,
        os.path.basename(os.path.abspath(base)),
        "/",
        lambda rel: Path(below(rel)),
        lambda rel: os.path.join(shown, rel) if rel else shown,
        may_be_root=_is_root(base),
    )


def _is_root(path: str) -> bool:
    return not path.strip("/")


def _as_keys_say() -> KeySource:
    from pathlib import PurePosixPath

    def text(rel: str) -> str:
        return join(source.found, rel) if rel else source.found or "."

    source = KeySource("", "", "/", lambda rel: PurePosixPath(text(rel)), text)
    return source


def _remote(source: Any, storage_options: Mapping[str, Any] | None) -> KeySource:
    from pathvein._remote import make_upath
    from pathvein._remote.result_paths import ResultPaths
    from pathvein._remote.source import local_path, source_name

    root = make_upath(source, storage_options)
    path = local_path(root)
    local = path is not None

    def url(rel: str) -> str:
        return join(str(root), rel) if rel else str(root)

    paths = ResultPaths(root, url, local=local)
    front = "/" if local else "./"
    return KeySource(
        str(root),
        source_name(root),
        front,
        lambda rel: paths.make(rel) if rel else root,
        url,
        may_be_root=path is not None and _is_root(path),
    )
