"""Where a match is, and where it is to be: a file system and a path on it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from fsspec import get_filesystem_class
from fsspec.implementations.local import LocalFileSystem
from upath import UPath

from pathvein._copying.disk import Disk, broken_link, leads_to_nothing
from pathvein._copying.names import no_path
from pathvein._copying.overlaps import Place
from pathvein._listing import noted
from pathvein._remote.copying.files import Files, files_of
from pathvein._remote.copying.files.base import failure
from pathvein._remote.filesystems import (
    adapter_class,
    is_wrapper,
    open_adapter,
    unwrapped_file_system,
)
from pathvein._remote.loop import LoopThreadError
from pathvein._remote.names import join
from pathvein._remote.source import errors_of, local_path, missing_backend
from pathvein._remote.stores.base import ObjectStore


class End(NamedTuple):
    """A directory: the source or the destination of a match."""

    #: `None`: on this machine.
    files: Files | None
    #: Its path on the file system, without a slash at the end.
    path: str
    place: Place


def path_here(path: UPath) -> str | None:
    """The path on this machine, behind all wrappers; `None` if it is elsewhere."""
    try:
        # Nothing else may be one, and to ask it makes a connection.
        kind = get_filesystem_class(path.protocol)
        if not (issubclass(kind, LocalFileSystem) or is_wrapper(kind)):
            return None
        fs, inner = _unwrapped(path)
    except (LoopThreadError, MemoryError):
        raise
    except Exception:
        return None  # It is told where it is to be copied.
    return str(inner) if isinstance(fs, LocalFileSystem) else None


def _unwrapped(path: UPath) -> tuple[Any, str]:
    if not {".", ".."}.isdisjoint(path.path.split("/")):
        try:
            path = path.resolve()
        except TypeError as error:
            # universal-pathlib cannot resolve those of fsspec's DirFileSystem.
            reason = "what '.' and '..' in its path lead to cannot be told: write it without them"
            raise OSError(errno.EINVAL, reason) from error
    return unwrapped_file_system(path.fs, path.path)


class Ends:
    """Opens ends. What is on one file system object of the user's shares one `Files`."""

    def __init__(self, concurrency: int | None) -> None:
        self._concurrency = concurrency
        self._disk = Disk()
        #: By the `id` of the user's object, which is kept, too.
        self._opened: dict[int, tuple[Any, Files]] = {}

    def all_files(self) -> list[Files]:
        """All that were opened."""
        return [files for _, files in self._opened.values()]

    def open(self, path: str | os.PathLike[str] | UPath) -> End:
        """Open an end. Nothing is asked of it, but a connection may be made.

        Raises `ImportError` if a package is missing, or the `OSError` that fits.
        """
        if not isinstance(path, UPath):
            return self._local_end(os.fspath(path))
        local = local_path(path)
        if local is not None:
            return self._local_end(local)
        url = str(path)
        try:
            fs, inner = _unwrapped(path)
            if isinstance(fs, LocalFileSystem):
                return self._local_end(inner)
            files = self._files(fs, inner, path)
        except (LoopThreadError, MemoryError, TypeError, ValueError):
            raise
        except ImportError as error:
            raise missing_backend(url, error) from error
        except Exception as error:
            raise errors_of(path).os_error(error, url, "opening the file system") from error
        inner = inner.rstrip("/")
        components = inner.strip("/").split("/") if inner.strip("/") else []
        if files.has_directories:
            components = [component for component in components if component]
        return End(files, inner, Place(files.identity(), tuple(components)))

    def _local_end(self, path: str) -> End:
        if (reason := no_path(path)) is not None:
            raise noted(OSError(errno.EINVAL, reason, path), "planning the copy")
        if (link := broken_link(path, follows=True)) is not None:
            error = OSError(errno.ENOENT, leads_to_nothing(link), path)
            raise noted(error, "planning the copy")
        resolved = self._disk.resolved(path)
        return End(None, resolved, self._disk.place_of(resolved))

    def _files(self, fs: Any, inner: str, path: UPath) -> Files:
        found = self._opened.get(id(fs))
        if found is not None:
            return found[1]
        url = _url_maker(str(path), path.path)
        top = "/" if inner.startswith("/") else ""
        if issubclass(adapter_class(type(fs)), ObjectStore):
            # There is an adapter for each bucket, and the one for all of them lists only these.
            top = inner.strip("/").partition("/")[0]
            if not top:
                raise failure("it is no bucket, and in none", url(inner), "opening it")
        adapter = open_adapter(
            fs,
            top,
            name="",
            url=lambda rel: url(join(top, rel) if rel else top),
            concurrency=self._concurrency,
        )
        files = files_of(adapter, url)
        self._opened[id(fs)] = fs, files
        return files


def _url_maker(url: str, path: str) -> Callable[[str], str]:
    """Makes URLs of paths on a file system, in the form that one of them has."""
    head, chain, rest = (url, "", "") if url.endswith(path) else url.partition("::")
    prefix = head.removesuffix(path) if path and head.endswith(path) else ""
    return lambda path: f"{prefix}{path}{chain}{rest}"
