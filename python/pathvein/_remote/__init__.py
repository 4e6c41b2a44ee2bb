"""Remote sources: scanning, walking and matching on the file systems of fsspec.

This package is imported only for URLs and UPaths, and by `walk_python`, so that
``import pathvein`` needs neither fsspec nor universal-pathlib. The functions in this file are its
interface. Its modules:

* `source`: the root of a scan, its URLs, the UPaths of results;
* `filesystems`: an adapter for each kind of file system; `stores`: those of object stores;
* `directories`: listing directory by directory; `keys`: listing flat, by pages of keys;
* `retry`, `errors`, `loop`, `names`: shared by these.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

try:
    try:
        import fsspec  # noqa: F401
    except (OSError, TypeError, ValueError) as error:
        # fsspec reads its configuration when it is imported. Its errors do not name the file.
        raise ValueError(
            "fsspec cannot take its configuration (~/.config/fsspec, FSSPEC_... variables): "
            f"{error}"
        ) from error
    from upath import UPath
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

from pathvein_core import ExcludeRules, FileStructurePattern, KeyScan, KeyWalk

from pathvein._errors import warn
from pathvein._listing import Listing
from pathvein._remote.directories import DirectoryProducer, list_directory, walk_directories
from pathvein._remote.keys.lister import Disordered, FlatDenied, KeyProducer, Store, Unfit
from pathvein._remote.loop import WAIT_SLICE
from pathvein._remote.source import RemoteSource, local_path, make_upath, source_name
from pathvein._remote.stores.base import ObjectStore

if TYPE_CHECKING:
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
    """Open a URL or a UPath for listing. For one that is local, return its path.

    `storage_options` are added to those of a UPath. An archive is opened; nothing is listed yet.
    Relative components are resolved.

    Raises `ImportError` if the file system's package is missing, `ValueError` if the protocol is
    unknown, an `OSError` if the file system cannot be reached or the archive cannot be read.
    """
    path = make_upath(source, storage_options)
    local = local_path(path)
    if local is not None:
        return local
    return RemoteSource(path, resolve=True, concurrency=concurrency, lister=lister)


def open_local(path: str) -> RemoteSource:
    """Open a local path, which may look like a URL, for listing."""
    return RemoteSource(UPath(PurePath(path)))


def open_scan(
    source: RemoteSource,
    patterns: list[FileStructurePattern],
    *,
    exclude: ExcludeRules,
    max_depth: int | None,
    follow_links: bool,
) -> Producer:
    """The producer of a scan. Its results are pairs of a UPath and the index of its pattern.

    Raises the `OSError` of a source that cannot be listed.
    """
    keys = functools.partial(KeyScan, patterns, source.name, max_depth, exclude)
    producer, reason = _open_flat(source, keys)
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
    """Walk a source, flat if possible: each directory, its directories' and files' names."""
    producer, reason = _open_flat(source, functools.partial(KeyWalk, max_depth, exclude))
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
    """A remote directory whose listing is given, and the listings below it."""

    def __init__(self, path: UPath, listing: Listing) -> None:
        self._path = path
        self.name = source_name(path)
        self.listing = listing

    def is_link(self, name: str) -> bool:
        """Whether one of the given directories is a link, by a listing of this directory."""
        return name in self._links

    def list(self, rel: str) -> Listing:
        """List a directory below; `rel` is its path relative to this one."""
        return self._source.wait(list_directory(self._source.adapter, rel))

    def close(self) -> None:
        """Close the file system if it was opened."""
        if "_source" in vars(self):
            self._source.adapter.close()

    @functools.cached_property
    def _source(self) -> RemoteSource:
        # Only when it is needed: opening may make a connection.
        source = RemoteSource(self._path)
        # A connection of its own would cost a login for each call.
        source.adapter.shares_connection = True
        return source

    @functools.cached_property
    def _links(self) -> set[str]:
        if self._source.adapter.may_have_links:
            with contextlib.suppress(OSError):  # the directory need not exist
                return self.list("").links
        return set()


# Flat listing, by obstore or by the file system


def _open_flat(
    source: RemoteSource, keys: Callable[[], KeyScan | KeyWalk]
) -> tuple[Producer | None, str | None]:
    """The producer that lists a source flat; `None` if it must be listed by directories.

    Also the reason, if any, why the source is not listed by obstore although the caller chose
    it. The caller warns of it once the source is listed.
    """
    adapter = source.adapter
    reason = None
    if not isinstance(adapter, ObjectStore) or not adapter.flat:
        if source.lister == "obstore":
            _warn(source, "it lists only S3, Google Cloud and Azure, and sorted")
        return None, None
    try:
        if source.lister == "obstore":
            try:
                by_obstore = _open_obstore(adapter)
                fallback = adapter, functools.partial(_warn, source)
                return KeyProducer(source, by_obstore, keys, fallback=fallback), None
            except Unfit as unfit:
                _warn(source, str(unfit))
            except Disordered:
                _warn(source, "its keys are not sorted")
                raise
            except FlatDenied:
                # If listing by directories is denied as well, that is raised without a warning.
                reason = "it is denied a flat listing"
        return KeyProducer(source, adapter, keys), reason
    except (FlatDenied, Disordered):
        return None, reason


def _open_obstore(store: ObjectStore) -> Store:
    """The store, listed by obstore. Raises `Unfit` with the reason if it cannot be."""
    try:
        from pathvein._remote.stores.obstore import open_obstore
    except ImportError as error:
        message = "lister='obstore' needs obstore: pip install 'pathvein[obstore]'"
        raise ImportError(message, name=error.name) from error
    return open_obstore(store)


def _warn(source: RemoteSource, reason: str) -> None:
    warn(f"{source.url()!r} is listed by its own file system and not by obstore: {reason}")
