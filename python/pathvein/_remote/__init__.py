"""All that fsspec has to do with: scanning, walking and matching what is not on a local disk.

This package is imported only when a source is a URL or a UPath, so that ``import pathvein`` needs
neither fsspec nor universal-pathlib. The functions here are its door. Behind it:

* `source`: the root of a scan, its URLs, the UPaths of results;
* `filesystems`: an adapter for each kind of file system, `stores`: those of object stores;
* `directories`: listing directory by directory, `keys`: listing flat, by pages of keys;
* `retry`, `errors`, `loop`, `names`: what these share.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

try:
    try:
        import fsspec  # noqa: F401
    except (OSError, TypeError, ValueError) as error:
        # It reads its configuration when it is imported, and does not name what is wrong there.
        raise ValueError(
            "fsspec cannot take its configuration (~/.config/fsspec, FSSPEC_... variables): "
            f"{error}"
        ) from error
    import upath  # noqa: F401
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

from pathvein_core import ExcludeRules, FileStructurePattern, KeyScan, KeyWalk

from pathvein._errors import ScanWarning, frames_inside
from pathvein._listing import Listing
from pathvein._remote.directories import DirectoryProducer, list_directory, walk_directories
from pathvein._remote.keys.lister import Disordered, FlatDenied, KeyProducer, Store, Unfit
from pathvein._remote.loop import WAIT_SLICE
from pathvein._remote.source import (
    RemoteSource,
    local_path,
    local_upath,
    make_upath,
    source_name,
)
from pathvein._remote.stores.base import ObjectStore

if TYPE_CHECKING:
    from upath import UPath

    from pathvein._stream import Producer

__all__ = [
    "RemoteDirectory",
    "local_path",
    "make_upath",
    "open_local",
    "open_scan",
    "open_source",
    "walk",
]


def open_source(
    source: str | UPath,
    storage_options: Mapping[str, Any] | None = None,
    concurrency: int | None = None,
    lister: str = "auto",
) -> RemoteSource | str:
    """Open a URL or a UPath for listing; for one that is local give its path instead.

    `storage_options` are added to those that a UPath carries already. Nothing is listed yet; an
    archive is opened, though. Relative components are resolved.

    Raises `ImportError` if the file system's package is missing, `ValueError` if the protocol is
    unknown, an `OSError` if the file system cannot be reached or the archive cannot be read.
    """
    path = make_upath(source, storage_options)
    local = local_path(path)
    if local is not None:
        return local
    return RemoteSource(path, resolve=True, concurrency=concurrency, lister=lister)


def open_local(path: str) -> RemoteSource:
    """Open a local path for listing."""
    return RemoteSource(local_upath(path))


def open_scan(
    source: RemoteSource,
    patterns: list[FileStructurePattern],
    *,
    exclude: ExcludeRules,
    max_depth: int | None,
    follow_links: bool,
) -> Producer:
    """The producer of a scan: matches as UPath and the pattern's position.

    Raises the `OSError` of a source that cannot be listed.
    """
    producer, reason = _open_flat(
        source, lambda: KeyScan(patterns, source.name, max_depth, exclude)
    )
    if producer is None:
        producer = DirectoryProducer(
            source, patterns, exclude=exclude, max_depth=max_depth, follow_links=follow_links
        )
    if reason is not None:
        _warn(source, reason)
    return producer


def walk(
    source: RemoteSource,
    *,
    exclude: ExcludeRules,
    max_depth: int | None,
    follow_links: bool,
    on_error: Callable[[OSError], object],
) -> Iterator[tuple[UPath, list[str], list[str]]]:
    """Walk a source, flat if that can be: each directory, its directories' names, its files'."""
    producer, reason = _open_flat(source, lambda: KeyWalk(max_depth, exclude))
    if producer is None:
        for listed in walk_directories(
            source,
            max_depth=max_depth,
            follow_links=follow_links,
            excluded=exclude.is_excluded if exclude else None,
            on_error=on_error,
        ):
            if reason is not None:
                _warn(source, reason)
                reason = None
            yield listed
        return
    with contextlib.closing(producer):
        if reason is not None:
            _warn(source, reason)
        ended = False
        while not ended:
            found, errors, ended = producer.next_batch(WAIT_SLICE)
            for error in errors:
                on_error(error)
            yield from found


class RemoteDirectory:
    """A remote directory whose names are given, to be matched against a pattern."""

    def __init__(self, path: UPath, listing: Listing) -> None:
        self._path = path
        self._links: set[str] | None = None
        self._source: RemoteSource | None = None
        self.name = source_name(path)
        self.listing = listing

    def is_link(self, name: str) -> bool:
        """Whether a name is a link. Only a listing tells."""
        if self._links is None:
            self._links = set()
            if self._opened().adapter.may_have_links:
                with contextlib.suppress(OSError):  # the directory need not exist
                    self._links = self.list("").links
        return name in self._links

    def list(self, rel: str) -> Listing:
        """List a directory below, by its relative path."""
        source = self._opened()
        return source.wait(list_directory(source.adapter, rel))

    def close(self) -> None:
        """Give back what was opened."""
        if self._source is not None:
            self._source.adapter.close()

    def _opened(self) -> RemoteSource:
        # Only when it is needed: opening may take a connection.
        if self._source is None:
            self._source = RemoteSource(self._path)
        return self._source


# Listing flat, by obstore or not


def _open_flat(
    source: RemoteSource, keys: Callable[[], KeyScan | KeyWalk]
) -> tuple[Producer | None, str | None]:
    """What lists a source flat, or `None` if it is to be listed by directories.

    Also what is to be said once the source is listed: why that is not by obstore, though it was
    to be.
    """
    adapter, reason = source.adapter, None
    store = adapter if isinstance(adapter, ObjectStore) and adapter.flat else None
    try:
        if source.lister == "obstore":
            other = _obstore(store)
            if store is None or isinstance(other, str):
                _warn(source, str(other))
            else:
                try:
                    fallback = store, functools.partial(_warn, source)
                    return KeyProducer(source, other, keys, fallback=fallback), None
                except Unfit as unfit:
                    _warn(source, str(unfit))
                except Disordered:
                    _warn(source, "its keys are not sorted")
                    raise
                except FlatDenied:
                    # If listing by directories is denied as well, that is raised, and no warning.
                    reason = "it is denied a flat listing"
        if store is not None:
            return KeyProducer(source, store, keys), reason
    except (FlatDenied, Disordered):
        pass
    return None, reason


def _obstore(store: ObjectStore | None) -> Store | str:
    """The store by way of obstore, or the reason why that cannot be."""
    if store is None:
        return "it lists only S3, Google Cloud and Azure, and sorted"
    try:
        from pathvein._remote.stores.obstore import open_obstore
    except ImportError as error:
        message = "lister='obstore' needs obstore: pip install 'pathvein[obstore]'"
        raise ImportError(message, name=error.name) from error
    try:
        return open_obstore(store)
    except Unfit as reason:
        return str(reason)


def _warn(source: RemoteSource, reason: str) -> None:
    message = f"{source.url()!r} is listed by its own file system and not by obstore: {reason}"
    warnings.warn(message, ScanWarning, stacklevel=frames_inside())
