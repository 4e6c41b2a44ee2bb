"""The source of a remote scan or walk: opening it, and its URLs.

Listing works on strings. Only results get a UPath (`result_paths.py`).
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec import get_filesystem_class
from pathvein_core import ExcludeRules, FileStructurePattern, KeyScan, KeyWalk
from upath import UPath

from pathvein._listing import Listing
from pathvein._remote.directories import DirectoryProducer, list_directory, walk_directories
from pathvein._remote.errors import GENERIC, ErrorMeanings
from pathvein._remote.filesystems import adapter_class, open_adapter
from pathvein._remote.keys.lister import KeyProducer, open_flat, warn_not_by_obstore
from pathvein._remote.loop import WAIT_SLICE, LoopThreadError, run_at_once, run_on_loop
from pathvein._remote.names import join
from pathvein._remote.result_paths import ResultPaths

if TYPE_CHECKING:
    from pathvein._stream import Producer

T = TypeVar("T")

_WEB_PROTOCOLS = frozenset({"http", "https"})
_LOCAL_PROTOCOLS = frozenset({"", "file", "local"})
#: Protocols that open the file that follows them in a chained URL as a tree of its own.
_CONTAINERS = frozenset({"dir", "libarchive", "reference", "tar", "zip"})
_EXTRAS = {"s3fs": "s3", "gcsfs": "gcs", "adlfs": "azure", "paramiko": "sftp"}


class RemoteSource:
    """The source of one scan or walk. It may be a local UPath."""

    def __init__(
        self,
        path: UPath,
        *,
        resolve: bool = False,
        concurrency: int | None = None,
        lister: str = "auto",
    ) -> None:
        """Open `path`; with `resolve` without `.`, `..` and, if the file system can, links.

        Raises `ImportError` if a package is missing, or the `OSError` that fits.
        """
        #: The user's path. Every result is derived from it.
        self.root = path
        #: Whether the root's path is known to lead through no links.
        self.is_resolved = False
        #: What the caller has chosen to list it with.
        self.lister = lister
        #: How many requests the caller allows to be in flight, if that was said.
        self.concurrency = concurrency
        url = str(path)
        try:
            # Paths that are derived from this one share the object that `.fs` gives.
            user_fs: Any = path.fs
            # Only a web server knows what its paths mean.
            may_resolve = resolve and path.protocol not in _WEB_PROTOCOLS
            if may_resolve and not {".", ".."}.isdisjoint(path.path.split("/")):
                self.root = path.resolve()
            self._root_path: str = self.root.path
            self._make_url = _url_maker(str(self.root), self._root_path)
            #: The adapter that lists it.
            self.adapter = open_adapter(
                user_fs,
                self._root_path,
                name=source_name(self.root),
                url=self._make_url,
                concurrency=concurrency,
            )
            if resolve:
                self._resolve_links()
        except (LoopThreadError, MemoryError, TypeError, ValueError):
            raise
        except ImportError as error:
            raise missing_backend(url, error) from error
        except Exception as error:
            errors = errors_of(path)
            raise errors.os_error(error, url, "opening the file system") from error

    def __repr__(self) -> str:
        return f"RemoteSource({self.root!r})"

    def _resolve_links(self) -> None:
        adapter = self.adapter
        # A wrapper may have other paths than the file system behind it.
        if adapter.immediate or adapter.base != (
            self._root_path.rstrip("/") or self._root_path[:1]
        ):
            return
        real = self.real_path()
        self.is_resolved = real is not None
        if real is not None and real != self._root_path:
            self.root = self.root.with_segments(real)
            self._root_path = self.root.path
            self._make_url = adapter.url = _url_maker(str(self.root), self._root_path)
            adapter.base, adapter.name = real, source_name(self.root)

    def real_path(self) -> str | None:
        """The root's path with all links resolved, or `None` if it is unknown."""
        adapter = self.adapter
        if not adapter.resolves_links:
            return None
        sent = adapter.counts.requests, adapter.counts.retries
        # The connection that the user has will do: a scan may not follow.
        adapter.shares_connection = True
        try:
            return self.wait(adapter.real_path(""))
        finally:
            adapter.release()
            adapter.shares_connection = False
            # Opening the source is not counted.
            adapter.counts.requests, adapter.counts.retries = sent

    @property
    def name(self) -> str:
        """The source's name: empty for the root of a file system, bucket or archive."""
        return self.adapter.name

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the adapter, and wait for its result."""
        if self.adapter.immediate:
            return run_at_once(work)
        return run_on_loop(self.adapter.loop, work)

    def url(self, rel: str = "") -> str:
        """The URL of an entry, for messages. Unlike a UPath, it can express any key."""
        return self._make_url(rel)

    def holds(self, rel: str) -> bool:
        """Whether there is something of that name."""
        try:
            return self.path(rel).exists()
        except OSError:
            # Who can tell.
            return True

    def path(self, rel: str = "") -> UPath:
        """The user's path joined with `rel`, of the same class and with the same options.

        Raises `OSError` (`EINVAL`) if universal-pathlib cannot express the name.
        """
        return self._result_paths.make(rel) if rel else self.root

    @functools.cached_property
    def _result_paths(self) -> ResultPaths:
        return ResultPaths(self.root, self._make_url, local=is_local(self.root))


def open_source(
    source: str | UPath,
    storage_options: Mapping[str, Any] | None = None,
    concurrency: int | None = None,
    lister: str = "auto",
) -> RemoteSource | str:
    """Open a URL or a UPath; nothing is listed yet. For one that is local, return its path.

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
    outermost: bool = False,
    check: bool = False,
    explain: bool = False,
) -> Producer:
    """The producer of a scan. Its results are pairs of a UPath and the index of its pattern.

    With `check`, or to `explain` the source, the core's findings follow.

    Raises the `OSError` of a source that cannot be listed.
    """
    keys = functools.partial(
        KeyScan, patterns, source.name, max_depth, exclude, outermost=outermost, check=check
    )
    # To explain takes a few directories of what may be many.
    flat, reason = (None, None) if explain else _open_flat(source, keys)
    producer = flat or DirectoryProducer(
        source,
        patterns,
        exclude=exclude,
        max_depth=max_depth,
        follow_links=follow_links,
        outermost=outermost,
        check=check,
        explain=explain,
    )
    if reason is not None:
        warn_not_by_obstore(source, reason)
    return producer


def _open_flat(
    source: RemoteSource, keys: Callable[[], KeyScan | KeyWalk]
) -> tuple[KeyProducer | None, str | None]:
    """See `open_flat`. `None` as well if the source is of a kind that is not listed flat."""
    if source.adapter.flat:
        return open_flat(source, keys)
    if source.lister == "obstore":
        warn_not_by_obstore(source, "it lists only S3, Google Cloud and Azure, and sorted")
    return None, None


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
                warn_not_by_obstore(source, reason)
                reason = None
            yield listed
        return
    with contextlib.closing(producer):
        if reason is not None:
            warn_not_by_obstore(source, reason)
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


def source_name(path: UPath) -> str:
    """The name of a source. Nothing is opened or imported for it."""
    name: str = path.name
    if not name and path.protocol in _WEB_PROTOCOLS:
        # The UPath of a URL that ends with a slash has no name.
        below_host: str = path.path.partition("://")[2].rstrip("/").partition("/")[2]
        name = below_host.rpartition("/")[2]
    return name


def errors_of(path: UPath) -> ErrorMeanings:
    """What the errors of opening mean: by the last protocol of a chain, which is connected to."""
    try:
        last = str(path).rpartition("::")[2]
        protocol = last.partition("://")[0] if "://" in last else path.protocol
        return adapter_class(get_filesystem_class(protocol)).errors
    except Exception:
        return GENERIC


def _url_maker(root: str, root_path: str) -> Callable[[str], str]:
    """Makes URLs of paths relative to a root. It refers to no object, as adapters keep it."""

    def url(rel: str) -> str:
        if not rel:
            return root
        head, chain, rest = root, "", ""
        if not (root_path and head.endswith(root_path)):
            head, chain, rest = head.partition("::")
        return f"{join(head, rel)}{chain}{rest}"

    return url


def is_local(path: UPath) -> bool:
    """Whether a UPath is a path on this machine."""
    return path.protocol in _LOCAL_PROTOCOLS


def local_path(path: UPath) -> str | None:
    """The path of a UPath on this machine, or `None` for any other."""
    return path.path if is_local(path) else None


def local_upath(path: str) -> UPath:
    """The UPath of a local path: one without a protocol, which is a `Path` and equals it."""
    return UPath(PurePath(path))


def make_upath(source: str | UPath, storage_options: Mapping[str, Any] | None = None) -> UPath:
    """The UPath of a URL, or a UPath with additional options."""
    if isinstance(source, UPath) and not storage_options:
        return source
    if isinstance(source, str):
        protocol, _, file = source.partition("://")
        if protocol in ("file", "local") and "::" in file and os.path.lexists(file):
            # fsspec would take it for a chain, however the path is written.
            return UPath(PurePath(file))
        head, chain, rest = source.partition("::")
        if chain and head in _CONTAINERS:
            # The root of the container, as in fsspec. `UPath` would take the path of the
            # container for a path inside it.
            source = f"{head}://::{rest}"
    may_be_path = isinstance(source, str) and "://" not in source
    hint = f"for a local path write {f'./{source}'!r}"
    # `UPath(source)` would not keep a subclass.
    cls = type(source) if isinstance(source, UPath) else UPath
    try:
        path: UPath = cls(source, **(storage_options or {}))
    except ImportError as error:
        raise missing_backend(str(source), error) from error
    except ValueError as error:
        if may_be_path:
            raise ValueError(f"{error}: {hint}") from error
        raise
    if may_be_path and is_local(path):
        raise ValueError(f"{source!r} does not exist, and is no URL either: {hint}")
    return path


def missing_backend(url: str, error: ImportError) -> ImportError:
    """An error that names the package to install for the file system of a URL."""
    text = f"{error.name or ''} {error}"
    extra = next((extra for package, extra in _EXTRAS.items() if package in text), None)
    hint = f"pip install 'pathvein[{extra}]'" if extra else str(error)
    return ImportError(f"the file system package for {url!r} is missing: {hint}", name=error.name)
