"""Where a manifest lies, and the files that it names: on this machine or in a store."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.implementations.local import LocalFileSystem

from pathvein import _arguments
from pathvein._listing import noted
from pathvein._remote.errors import GENERIC
from pathvein._remote.source import errors_of, make_upath

if TYPE_CHECKING:
    from pathvein._inventories.manifest import InventoryFile

T = TypeVar("T")

__all__ = ["Place"]

#: Bytes of one request, and of one step of a checksum.
_PIECE = 8 << 20
#: Files that are fetched or verified ahead.
_AHEAD = 4


class Place:
    """The file system of a manifest."""

    def __init__(self, manifest: object, storage_options: Mapping[str, Any] | None) -> None:
        """Raises what is wrong with the argument, or the `OSError` of opening the file system."""
        self._fs: Any
        #: What errors mean.
        self._meanings = GENERIC
        if _arguments.is_url_or_upath(manifest):
            upath = make_upath(manifest, storage_options)
            self._meanings = errors_of(upath)
            self._fs = self._calling(str(upath), lambda: upath.fs, "opening the file system")
            #: The manifest's path in it.
            self.manifest: str = upath.path
        else:
            path = _arguments.path_text("manifest", manifest, "a str, an os.PathLike or a UPath")
            self.manifest = os.path.abspath(path).replace(os.sep, "/")
            self._fs = LocalFileSystem()
        #: Whether its files lie on this machine.
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def url(self, path: str) -> str:
        """What a file is called in messages: its path on this machine, or its URL."""
        return path if self.is_local else str(self._fs.unstrip_protocol(path))

    def _calling(self, url: str, call: Callable[[], T], doing: str = "reading the file") -> T:
        """What `call` returns. What it raises is made an `OSError` that has the URL."""
        try:
            return call()
        except (ImportError, MemoryError, InterruptedError):
            raise
        except Exception as error:
            raise self._meanings.os_error(error, url, doing) from error

    def read(self, path: str) -> bytes:
        """The content of a small file."""

        def content() -> bytes:
            with self._fs.open(path, "rb") as file:
                read: bytes = file.read()
            return read

        return self._calling(self.url(path), content)

    def locate(self, keys: Sequence[str]) -> list[str]:
        """The paths of files that the manifest names by their keys.

        These are keys of the bucket that the provider wrote to. The manifest may have been
        copied with them, to a directory or another bucket: then as much of the keys as there is
        tells where they are, as seen from the manifest.
        """
        if not keys:
            return []
        above = self.manifest.split("/")[:-1]
        # The bucket itself is the farthest. On a disk what is near comes first.
        depths = range(1, len(above) + 1)
        tops = ["/".join(above[:depth]) for depth in depths]
        if self.is_local:
            tops.reverse()
        # If the first is missing, the last tells where it should be.
        for tried in dict.fromkeys((keys[0], keys[-1])):
            parts = tried.split("/")
            for dropped, top in itertools.product(range(len(parts)), tops):
                path = f"{top}/{'/'.join(parts[dropped:])}"
                if self._calling(self.url(path), lambda path=path: self._fs.exists(path)):  # type: ignore[misc]
                    return [f"{top}/{'/'.join(key.split('/')[dropped:])}" for key in keys]
        # Reading the first will tell that it is not there.
        top = above[0] if above[0] else "/".join(above)
        return [f"{top}/{key}" for key in keys]

    def fetched(
        self, files: Sequence[InventoryFile], folder: str, stopped: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        """Each file's path on this machine, once it is verified, and its name in messages.

        What comes from a store lies in `folder`, and only until the next is asked for. Raises the
        `OSError` of a file that is missing, of another size or of another checksum, or
        `InterruptedError` once `stopped`.
        """
        paths = self.locate([file.key for file in files])
        # The clients of other stores may not be used in several threads.
        ahead = _AHEAD if self.is_local or getattr(self._fs, "async_impl", False) else 1
        waiting: deque[Future[str]] = deque()
        ended = threading.Event()

        def check() -> None:
            if stopped() or ended.is_set():
                raise InterruptedError(errno.EINTR, "the scan has ended")

        upcoming = iter(enumerate(zip(files, paths, strict=True)))
        with ThreadPoolExecutor(ahead, thread_name_prefix="pathvein-fetching") as pool:
            try:
                for path in paths:
                    for number, (file, next_path) in itertools.islice(
                        upcoming, ahead - len(waiting)
                    ):
                        copy = None if self.is_local else os.path.join(folder, f"file-{number}")
                        waiting.append(pool.submit(self._fetch, file, next_path, copy, check))
                    fetched = waiting.popleft().result()
                    yield fetched, self.url(path)
                    if not self.is_local:
                        os.remove(fetched)
            finally:
                ended.set()
                pool.shutdown(cancel_futures=True)

    def _fetch(
        self, file: InventoryFile, path: str, copy: str | None, check: Callable[[], None]
    ) -> str:
        """Read a file through, into a copy if there is to be one."""
        url = self.url(path)
        digest = hashlib.md5(usedforsecurity=False) if file.md5 is not None else None
        size = 0

        def read_through() -> None:
            nonlocal size
            if copy is None and digest is None:
                size = os.path.getsize(path)
                return
            with contextlib.ExitStack() as opened:
                options = {} if self.is_local else {"block_size": _PIECE}
                source = opened.enter_context(self._fs.open(path, "rb", **options))
                target = opened.enter_context(open(copy, "wb")) if copy is not None else None
                while piece := source.read(_PIECE):
                    check()
                    size += len(piece)
                    if digest is not None:
                        digest.update(piece)
                    if target is not None:
                        target.write(piece)

        self._calling(url, read_through)
        if file.size is not None and size != file.size:
            text = f"it has {size:,} bytes, and the manifest says {file.size:,}: it is not whole"
            raise noted(OSError(errno.EIO, text, url), "reading the inventory")
        if digest is not None and digest.hexdigest() != file.md5:
            text = f"its MD5 is {digest.hexdigest()}, and the manifest says {file.md5}"
            raise noted(OSError(errno.EIO, text, url), "reading the inventory")
        return path if copy is None else copy
