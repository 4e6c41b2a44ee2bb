"""Reading and writing the files of any file system, and the base of all others.

`Files` is one file system object of the user's, or a private clone of it, shared by all matches
that are on it. It knows nothing of matches. Paths are those of the file system, without a slash at
the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import inspect
import posixpath
import stat
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar

from fsspec import AbstractFileSystem
from fsspec.archive import AbstractArchiveFileSystem
from fsspec.spec import AbstractBufferedFile

from pathvein._copying.names import remote_name
from pathvein._listing import is_gone, noted
from pathvein._remote.loop import RequestThreads, scan_ended
from pathvein._remote.stores.base import Info

if TYPE_CHECKING:
    from pathvein._remote.filesystems import FileSystem

T = TypeVar("T")

#: Bytes of a file that are read and sent at a time: the least that S3 takes as a part of an upload.
PIECE = 5 * 2**20
#: Seconds to wait for a request in flight that makes a file, once the work is cancelled.
IN_FLIGHT = 10.0
#: Protocols without any request that writes, or file systems without the method for it.
_READ_ONLY = frozenset(["http", "https", "data", "git", "github", "gist", "reference"])
#: What is said of entries that are neither files nor directories, as of those on this machine.
_SPECIAL = {
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}

#: The pieces of a file's content, in order.
Pieces: TypeAlias = "AsyncGenerator[bytes, None]"
Kind = Literal["directory", "file", "link"]


@dataclass
class Level:
    """A directory as it was listed."""

    #: Directories; `None` if one is not listed yet.
    dirs: dict[str, Level | None] = field(default_factory=dict)
    files: dict[str, Info] = field(default_factory=dict)
    #: Links to directories.
    links: set[str] = field(default_factory=set)
    #: Files that are not copied, each with the reason.
    special: dict[str, str] = field(default_factory=dict)
    #: Whether the object that stands for the directory has content.
    has_content: bool = False


@dataclass
class Reading:
    """The content of a file."""

    pieces: Pieces
    #: What the file system tells of the MD5 of the content, as soon as it does.
    told: list[str] = field(default_factory=list)

    @property
    def md5(self) -> str | None:
        """The MD5 of the content in hexadecimal digits, if that is told."""
        return self.told[0] if self.told else None


class Budget:
    """How much may be read ahead, and sent side by side, by all files together.

    Each file may always have one piece: so none ever waits for another's.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Take some, unless there is not enough left."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """What was taken is not needed any more."""
        self._left += size


#: Of the whole process.
READ_AHEAD = Budget(64 * 2**20)


class Files:
    """Any file system, by what all of fsspec have in common."""

    #: Whether a directory exists by itself, and its name can be that of no file.
    has_directories: ClassVar[bool] = True
    #: Whether the sizes that were written are compared with those that are listed afterwards.
    listed_afterwards: ClassVar[bool] = True

    def __init__(self, adapter: FileSystem, url: Callable[[str], str]) -> None:
        """`adapter` is that of the root; `url` makes URLs of paths, for messages."""
        self.adapter = adapter
        adapter.with_infos = True
        self.errors = adapter.errors
        self.url = url
        #: Whether a file or a directory can be renamed in one step.
        kind = type(adapter.fs)
        self.can_rename = kind.mv is not AbstractFileSystem.mv or hasattr(kind, "_mv")
        #: How many of its files may be under way; `None` for as many as one likes. A file takes
        #: one of its threads for as long as it is read or written.
        self.slots: asyncio.Semaphore | None = None
        if not adapter._is_async:
            self.slots = asyncio.Semaphore(adapter.most_requests)

    def identity(self) -> tuple[str, ...]:
        """What is equal for two file systems that hold the same files."""
        fs = self.adapter.fs
        return type(fs).__module__, type(fs).__name__, str(fs._fs_token)

    def cannot_write(self) -> str | None:
        """Why nothing can be written, if that is known without asking."""
        fs = self.adapter.fs
        if isinstance(fs, AbstractArchiveFileSystem) and getattr(fs, "mode", "r") == "r":
            return "an archive that is opened for reading cannot be written to"
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        return f"{protocol}:// cannot be written to" if protocol in _READ_ONLY else None

    def problem(self, name: str) -> str | None:
        """Why a name cannot be that of one of its files."""
        return remote_name(name)

    def problem_of_path(self, path: str) -> str | None:
        """Why there can be no file at a path."""
        return None

    def os_error(self, error: Exception, path: str, doing: str) -> OSError:
        """The error, with the URL of a path."""
        return self.errors.os_error(error, self.url(path), doing)

    def close(self) -> None:
        """Close the file system, on the loop, once nothing is under way."""
        threads = vars(self).pop("_threads", None)
        if threads is not None:
            threads.close()
        self.adapter.close()

    # Listing

    async def list_level(self, path: str) -> Level:
        """List one directory, and perhaps those below it. Raises `OSError`."""
        rel = path.removeprefix(self.adapter.base).lstrip("/")
        listing = await self.adapter.list(rel)
        for error in (*listing.errors, listing.failure):
            if error is not None:
                # It is not known what the copy would lack.
                raise error
        assert listing.infos is not None
        level = Level(dict.fromkeys(listing.dirnames), links=listing.links)
        for name in level.links:
            del level.dirs[name]
        for name in listing.filenames:
            told = listing.infos.get(name, {})
            special = _special(told)
            if special is not None:
                level.special[name] = special
            else:
                level.files[name] = Info(told.get("size"), _mtime_ns(told))
        return level

    async def kind(self, path: str) -> Kind | None:
        """What is there, links not followed; `None` if there is nothing. Raises `OSError`."""
        try:
            info = await self.adapter.call("info", path)
        except Exception as error:
            failure = self.os_error(error, path, "looking at the destination")
            if is_gone(failure):
                return None
            raise failure from error
        told = str(info.get("type"))
        return "directory" if told == "directory" else "link" if told == "link" else "file"

    # Reading and writing

    def read(self, path: str, info: Info) -> Reading:
        """Read a file. What the pieces raise is any exception of the file system."""
        return Reading(self._pieces_of_thread(lambda fs: _read(fs, path)))

    async def write(
        self, path: str, size: int | None, pieces: Pieces, *, new: bool = False
    ) -> str | None:
        """Write a file, new or in place of another, and return its MD5 if that is told.

        If it fails, what was written so far is not there, or is removed if that can be done. With
        `new`, stores refuse to put an object in place of another, as far as they can. Raises any
        exception of the file system (`FileExistsError` then), and what `pieces` raises.
        """
        await self._into_thread(lambda fs, feed: _write(fs, path, feed), pieces)
        return None

    async def copy_within(
        self, source: str, destination: str, info: Info, *, new: bool = False
    ) -> bool:
        """Copy a file on the file system itself, if that is better than to read and write it.

        `new` is that of `write`. Returns whether it did. Here, in one thread: reading and writing
        would take one each, and might wait for each other.
        """
        if self.slots is None:
            return False

        closed = False

        def counted(fs: Any) -> Generator[bytes, None, None]:
            size = 0
            for piece in _read(fs, source):
                if closed:
                    raise scan_ended()
                size += len(piece)
                yield piece
            check_size(info.size, size, self.url(source))

        def copy(fs: Any) -> None:
            if closed:
                raise scan_ended()
            _write(fs, destination, counted(fs))

        task = asyncio.ensure_future(self._in_thread(copy))
        try:
            await asyncio.wait([task])
        finally:
            closed = True
            await _ended(task)
        task.result()
        return True

    # Changing the tree

    async def make_directory(self, path: str) -> None:
        """Make a directory, whose parent exists, if it does not exist."""
        with contextlib.suppress(FileExistsError):
            await self.adapter.call("mkdir", path, create_parents=False)

    async def make_parents(self, path: str) -> list[str]:
        """Make the directories above a path, and return those that did not exist."""
        made = []
        parent = posixpath.dirname(path)
        while parent.strip("/") and await self.kind(parent) is None:
            made.append(parent)
            parent = posixpath.dirname(parent)
        for directory in reversed(made):
            await self.make_directory(directory)
        return made[::-1]

    async def remove(self, path: str) -> None:
        """Remove a file."""
        await self.adapter.call("rm_file", path)

    async def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        await self.adapter.call("rmdir", path)

    async def rename(self, old: str, new: str, *, replace: bool) -> None:
        """Rename a file or a directory. Raises `FileExistsError` if `new` is not to be replaced."""
        if not replace and await self.kind(new) is not None:
            raise FileExistsError(errno.EEXIST, "the destination exists", self.url(new))
        if self.adapter._is_async and hasattr(self.adapter.fs, "_mv"):
            await self.adapter.send(lambda: self.adapter.fs._mv(old, new))
            return

        def move(fs: Any) -> None:
            # Some move directories in one step only if they are told to move what is in them.
            recursive = "recursive" in inspect.signature(fs.mv).parameters
            fs.mv(old, new, **({"recursive": True} if recursive else {}))

        await self._in_thread(move)

    async def set_mtime(self, path: str, mtime_ns: int) -> None:
        """Set a file's time of modification, if that can be done."""

    async def written(self, path: str) -> None:
        """Forget listings of the user's own object that do not have what was written."""
        self.adapter.fs.invalidate_cache(path)

    # Work in threads

    @functools.cached_property
    def _threads(self) -> RequestThreads:
        """Threads for an asynchronous file system, whose `open` is blocking all the same.

        As many as one likes may be under way, each with a thread that reads and one that writes:
        those that asyncio has are fewer, and files would wait for each other for ever.
        """
        fs = self.adapter.fs
        most = 2 * self.adapter.most_requests
        return RequestThreads(
            fs, most, lambda lost: contextlib.nullcontext(fs), lambda error: False
        )

    async def _in_thread(self, work: Callable[[Any], T]) -> T:
        """Blocking work with the file system object, without retries, in one of its threads."""
        if self.adapter._is_async:
            return await self._threads.run(work)
        # Not within the limit of requests: it lasts for as long as the other end takes.
        self.adapter.counts.requests += 1
        return await self.adapter._threads.run(work)

    async def _pieces_of_thread(
        self, work: Callable[[Any], Generator[bytes, None, None]]
    ) -> Pieces:
        """The pieces that an iterator yields in a thread, each once the one before it is used."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        room = threading.Semaphore(2)
        closed = False

        def produce(fs: Any) -> None:
            with contextlib.closing(work(fs)) as pieces:
                for piece in pieces:
                    room.acquire()
                    if closed:
                        raise scan_ended()
                    loop.call_soon_threadsafe(queue.put_nowait, piece)

        async def run() -> None:
            try:
                await self._in_thread(produce)
            except BaseException as error:
                queue.put_nowait(error)
            else:
                queue.put_nowait(None)

        task = asyncio.create_task(run())
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
                room.release()
        finally:
            closed = True
            room.release()
            room.release()
            task.cancel()

    async def _into_thread(
        self, work: Callable[[Any, Generator[bytes, None, None]], T], pieces: Pieces
    ) -> T:
        """Work in a thread that takes the pieces of an asynchronous iterator."""
        loop = asyncio.get_running_loop()
        # The thread is not taken before there is something to do: it would be lacking for reading.
        first = await anext(pieces, b"")
        current: asyncio.Task[bytes | None] | None = None
        closed = False

        def check_open() -> None:
            if closed:
                raise scan_ended()

        async def next_piece() -> bytes | None:
            nonlocal current
            check_open()
            current = asyncio.ensure_future(anext(pieces, None))
            return await current

        def feed() -> Generator[bytes, None, None]:
            piece: bytes | None = first
            while piece is not None:
                yield piece
                piece = asyncio.run_coroutine_threadsafe(next_piece(), loop).result()

        def run(fs: Any) -> T:
            check_open()
            return work(fs, feed())

        task = asyncio.ensure_future(self._in_thread(run))
        try:
            await asyncio.wait([task])
        finally:
            closed = True
            if current is not None and not current.done():
                current.cancel()
                await asyncio.wait([current])
            await _ended(task)
        return task.result()


def _special(told: Any) -> str | None:
    """Why an entry is not copied, by what a listing tells of it."""
    if told.get("type") == "link":
        # Otherwise it would be what it leads to.
        return "broken link"
    return _SPECIAL.get(stat.S_IFMT(told.get("permissions") or 0))


def _mtime_ns(told: Any) -> int | None:
    """The time of modification, as file systems tell it."""
    for key in ("mtime", "LastModified", "modified"):
        value = told.get(key)
        if isinstance(value, datetime):
            return round(value.timestamp() * 1_000_000) * 1000
        if isinstance(value, int | float):
            return round(value * 1_000_000) * 1000
    return None


def _read(fs: Any, path: str) -> Generator[bytes, None, None]:
    size = 0
    try:
        with fs.open(path, "rb") as file:
            for piece in read_pieces(file):
                size += len(piece)
                yield piece
        return
    except ValueError:
        if "http" not in fs.protocol:
            raise
    # The server answers no requests for ranges: it is read once more, as a stream.
    with fs.open(path, "rb", block_size=0) as file:
        seen = 0
        for piece in read_pieces(file):
            if seen >= size:
                yield piece
            seen += len(piece)


def read_pieces(file: Any) -> Generator[bytes, None, None]:
    """The content of an open file. All pieces but the last have one size."""
    while True:
        parts = []
        missing = PIECE
        while missing and (part := file.read(missing)):
            parts.append(part)
            missing -= len(part)
        if parts:
            yield parts[0] if len(parts) == 1 else b"".join(parts)
        if missing:
            return


def _write(fs: Any, path: str, pieces: Generator[bytes, None, None]) -> None:
    file = fs.open(path, "wb")
    try:
        for piece in pieces:
            file.write(piece)
    except BaseException:
        # To close it may make a file of what there is so far.
        if isinstance(file, AbstractBufferedFile):
            file.closed = True
        with contextlib.suppress(Exception):
            file.discard() if hasattr(file, "discard") else file.close()
        with contextlib.suppress(Exception):
            fs.rm_file(path)
        raise
    file.close()


async def to_the_end(task: asyncio.Future[Any], *, seconds: float = float("inf")) -> None:
    """Wait until a task is done, also if this is cancelled meanwhile; then raise that.

    The task is cancelled as well, so many seconds after this was.
    """
    cancelled: asyncio.CancelledError | None = None
    left = None
    while not task.done():
        try:
            await asyncio.wait([task], timeout=left)
            if left is not None:
                task.cancel()
                left = None
        except asyncio.CancelledError as error:
            cancelled = error
            left = None if seconds == float("inf") else seconds
    # asyncio logs exceptions that are never retrieved.
    _ = task.cancelled() or task.exception()
    if cancelled is not None:
        raise cancelled


async def _ended(task: asyncio.Future[Any]) -> None:
    """Wait for a thread that writes, also if this is cancelled, but not for ever.

    It may be about to make a file that is otherwise made after everything was removed again.
    """
    await to_the_end(asyncio.ensure_future(asyncio.wait([task], timeout=IN_FLIGHT)))
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        # asyncio logs exceptions that are never retrieved.
        task.exception()


async def quietly(work: Coroutine[Any, Any, object]) -> None:
    """Wait for work that cleans up, also if this is cancelled meanwhile. Its errors are dropped:

    it may fail in the same way as what it is called for, and that is what is told.
    """
    await to_the_end(asyncio.ensure_future(work))


def check_size(listed: int | None, size: int, url: str) -> None:
    """Raises an error if a file is not as large as it was when it was listed."""
    if listed is not None and size != listed:
        raise failure(
            f"it was changed: it had {listed} bytes when it was listed, and {size} when read",
            url,
            "reading the file",
        )


def failure(message: str, url: str, doing: str) -> OSError:
    """An error that no file system has raised."""
    return noted(OSError(errno.EIO, message, url), doing)
