"""The destination of one match: what makes it appear whole where that can be, or be removed again.

A match on this machine, and on a file system that can rename, is built in a directory beside its
place. Stores have no such thing: there each object is whole, and the match is not.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import errno
import os
import posixpath
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pathvein._copying import here
from pathvein._copying.names import MAX_NAME, bad_names, fold_of, local_name
from pathvein._listing import is_gone, noted
from pathvein._remote.copying.files.base import Level, Pieces, failure
from pathvein._remote.copying.planning import all_of
from pathvein._remote.names import join
from pathvein._remote.stores.base import Info

if TYPE_CHECKING:
    from pathvein._remote.copying.files import Files
    from pathvein._remote.copying.planning import MatchPlan, PlannedFile
    from pathvein._remote.copying.threads import LocalThreads


class Destination(abc.ABC):
    """Where one match is copied to."""

    #: `None`: on this machine.
    files: Files | None = None
    #: Whether the first file is to be written before any other. Of several copies to one
    #: destination that begin at the same time, one alone can do so.
    first_alone = False

    def __init__(self, *, overwrite: bool) -> None:
        self.overwrite = overwrite
        #: The files that were replaced so far.
        self.replaced: list[str] = []

    @abc.abstractmethod
    def url(self, rel: str) -> str:
        """The path or URL of a file, for messages."""

    def cannot_write(self) -> str | None:
        """Why nothing can be written here, if that is known."""
        return None

    @abc.abstractmethod
    async def exists(self) -> bool:
        """Whether there is anything at the destination. Raises `OSError`."""

    @abc.abstractmethod
    def problems(self, plan: MatchPlan) -> Iterable[tuple[str, str]]:
        """The paths that cannot be here, with the reason."""

    @abc.abstractmethod
    async def begin(self, plan: MatchPlan) -> None:
        """Make the directories. Raises `FileExistsError` if something is there by now."""

    def target(self, rel: str) -> str:
        """The path on the file system that a file is written to."""
        raise NotImplementedError

    @abc.abstractmethod
    async def write(self, file: PlannedFile, pieces: Pieces) -> str | None:
        """Write a file, and return its MD5 if that is told. It may be called again."""

    async def copied(self, file: PlannedFile) -> None:
        """A file was copied to `target` without `write`."""
        raise NotImplementedError

    def not_written(self, rel: str) -> None:  # noqa: B027  (only stores need it)
        """What is there under this name is not from here, and is not to be removed."""

    @abc.abstractmethod
    async def finish(self, sizes: dict[str, int]) -> None:
        """Check the sizes of all files, and let the match appear.

        Raises `FileExistsError` if something is there by now.
        """

    @abc.abstractmethod
    async def abandon(self) -> Sequence[str]:
        """Remove what was written; returns the URLs of what could not be removed."""

    def os_error(self, error: Exception, rel: str) -> OSError:
        """The `OSError` of a file that could not be written."""
        if isinstance(error, OSError) and error.filename is not None:
            return error
        if self.files is None:
            code = getattr(error, "errno", None) or errno.EIO
            text = getattr(error, "strerror", None) or str(error)
            return noted(OSError(code, text, self.url(rel)), "writing the file")
        return self.files.errors.os_error(error, self.url(rel), "writing the file")


class LocalDestination(Destination):
    """On this machine, through the core's `Staging`."""

    def __init__(self, path: str, threads: LocalThreads, *, overwrite: bool, fsync: bool) -> None:
        super().__init__(overwrite=overwrite)
        self._path = path
        self._threads = threads
        self._fsync = fsync
        self._staging: Any = None
        #: Files that are being written, or whose writing has failed and may be tried again.
        self._open: dict[str, int] = {}

    def url(self, rel: str) -> str:
        return os.path.join(self._path, rel) if rel else self._path

    async def exists(self) -> bool:
        return await self._threads.run(lambda: os.path.lexists(self._path))

    def problems(self, plan: MatchPlan) -> Iterable[tuple[str, str]]:
        files = [file.path for file in plan.files]
        fold = fold_of(os.path.dirname(self._path))
        return bad_names(plan.directories, files, local_name, twins=False, fold=fold)

    async def begin(self, plan: MatchPlan) -> None:
        def begin() -> None:
            self._staging = here.Staging(self._path, overwrite=self.overwrite, fsync=self._fsync)
            for directory in plan.directories:
                self._staging.make_directory(directory)

        await self._threads.run(begin)

    async def write(self, file: PlannedFile, pieces: Pieces) -> str | None:
        first = await anext(pieces, b"")
        # Small files are written in one go.
        second = await anext(pieces, None)
        if second is None:
            await self._threads.run(lambda: self._write_small(file, first))
            return None
        fd = await self._threads.run(lambda: self._begin_file(file.path, first, second))
        async for piece in pieces:
            await self._threads.run(lambda: _write_all(fd, piece))  # noqa: B023
        await self._threads.run(lambda: self._end_file(file))
        return None

    def _write_small(self, file: PlannedFile, data: bytes) -> None:
        self._begin_file(file.path, data)
        self._end_file(file)

    def _begin_file(self, rel: str, *pieces: bytes) -> int:
        fd = self._open.get(rel)
        if fd is None:
            fd = self._open[rel] = int(self._staging.create(rel))
        else:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        for piece in pieces:
            _write_all(fd, piece)
        return fd

    def _end_file(self, file: PlannedFile) -> None:
        os.close(self._open.pop(file.path))
        self._staging.finish(file.path, file.info.mtime_ns)

    async def finish(self, sizes: dict[str, int]) -> None:
        # What a file system has taken it has: the sizes were counted while they were written.
        await self._threads.run(self._staging.commit)

    async def abandon(self) -> Sequence[str]:
        def abandon() -> None:
            while self._open:
                os.close(self._open.popitem()[1])
            if self._staging is not None:
                self.replaced = list(self._staging.replaced)
                self._staging.abandon()

        await self._threads.run(abandon)
        return ()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class _Remote(Destination):
    """On a file system of fsspec."""

    files: Files

    def __init__(self, files: Files, path: str, *, overwrite: bool, user_fs: Any) -> None:
        super().__init__(overwrite=overwrite)
        self.files = files
        self._path = path
        #: The user's own object, whose listings may be stale afterwards.
        self._user_fs = user_fs

    def url(self, rel: str) -> str:
        return self.files.url(join(self._path, rel) if rel else self._path)

    def cannot_write(self) -> str | None:
        return self.files.cannot_write()

    async def exists(self) -> bool:
        return await self.files.kind(self._path) is not None

    def problems(self, plan: MatchPlan) -> Iterable[tuple[str, str]]:
        files = [file.path for file in plan.files]
        twins = not self.files.has_directories
        yield from bad_names(plan.directories, files, self.files.problem, twins=twins, fold=None)
        for path in files:
            if problem := self.files.problem_of_path(join(self._path, path)):
                yield path, problem

    async def _check(self, root: str, sizes: dict[str, int]) -> None:
        """Raises an error if a listing of the destination does not show what was written."""
        if not self.files.listed_afterwards:
            return
        there = await _everything(self.files, root)
        for rel, size in sizes.items():
            info = there.get(rel)
            if info is None:
                problem = "it was written, and is not listed"
            elif info.size is not None and info.size != size:
                problem = f"{size} bytes were written, and {info.size} are listed"
            else:
                continue
            raise failure(problem, self.url(rel), "checking the destination")

    async def _remove(self, paths: Iterable[str]) -> list[str]:
        """Remove files; returns the URLs of those that are still there."""
        paths = list(paths)
        errors = await asyncio.gather(*map(self.files.remove, paths), return_exceptions=True)
        return [
            self.files.url(path)
            for path, error in zip(paths, errors, strict=True)
            if isinstance(error, Exception)
            and not is_gone(self.files.os_error(error, path, "removing the file"))
        ]

    def _forget_listings(self, rels: Iterable[str]) -> None:
        paths = {self._path, *(posixpath.dirname(join(self._path, rel)) for rel in rels)}
        for path in list(paths):
            # Not all file systems forget those of the directories above.
            while (path := posixpath.dirname(path)) not in paths:
                paths.add(path)
        for path in paths:
            with contextlib.suppress(Exception):
                self._user_fs.invalidate_cache(path)


class ObjectDestination(_Remote):
    """In a store. With `overwrite`, objects are put over those that are there."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.first_alone = not self.overwrite
        #: What was there before, and what was put.
        self._before: dict[str, Info] = {}
        self._put: dict[str, None] = {}
        self._markers: list[str] = []

    def target(self, rel: str) -> str:
        # If the answer is lost, it may be there all the same.
        self._put[rel] = None
        return join(self._path, rel)

    async def begin(self, plan: MatchPlan) -> None:
        if self.overwrite:
            with contextlib.suppress(FileNotFoundError):
                self._before = await _everything(self.files, self._path)
        holding = {posixpath.dirname(file.path) for file in plan.files}
        holding |= {posixpath.dirname(directory) for directory in plan.directories}
        self._markers = [rel for rel in plan.directories if rel not in holding]
        if not plan.files and not plan.directories and "/" in self._path:
            self._markers = [""]

    async def write(self, file: PlannedFile, pieces: Pieces) -> str | None:
        path = join(self._path, file.path)
        try:
            noted_pieces = self._noted(file.path, pieces)
            new = not self.overwrite
            return await self.files.write(path, file.info.size, noted_pieces, new=new)
        finally:
            if file.path in self._put:
                await self.copied(file)

    def not_written(self, rel: str) -> None:
        self._put.pop(rel, None)

    async def _noted(self, rel: str, pieces: Pieces) -> Pieces:
        async for piece in pieces:
            yield piece
        self._put[rel] = None

    async def copied(self, file: PlannedFile) -> None:
        if file.path in self._before and file.path not in self.replaced:
            self.replaced.append(file.path)

    async def finish(self, sizes: dict[str, int]) -> None:
        for rel in self._markers:
            path = join(self._path, rel) if rel else self._path
            await self.files.make_directory(path)
            self._put[f"{rel}/" if rel else ""] = None
        if sizes:
            await self._check(self._path, sizes)
        self._forget_listings(self._put)

    async def abandon(self) -> Sequence[str]:
        left: Sequence[str] = ()
        if not self.overwrite:
            paths = [join(self._path, rel) if rel else f"{self._path}/" for rel in self._put]
            left = await self._remove(paths)
        self._forget_listings(self._put)
        return left


class TreeDestination(_Remote):
    """On a file system with directories."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        #: Where the match is built; the destination itself if it is merged, or cannot be renamed.
        self._root = self._path
        self._merging = False
        #: Paths that were made, each directory before what is in it.
        self._directories: list[str] = []
        self._parents: list[str] = []
        self._written: dict[str, str] = {}

    async def begin(self, plan: MatchPlan) -> None:
        there = await self.files.kind(self._path)
        if there is not None and not self.overwrite:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.url(""))
        self._merging = there is not None
        if there is None:
            self._parents = await self.files.make_parents(self._path)
            if self.files.can_rename:
                self._root = beside(self._path)
        for rel in ("", *plan.directories):
            path = join(self._root, rel) if rel else self._root
            kind = await self.files.kind(path) if self._merging else None
            if kind is None:
                self._directories.append(path)
                await self._make_directory(path)
            elif kind != "directory":
                message = f"there is a {kind} in place of the directory"
                raise noted(
                    NotADirectoryError(errno.ENOTDIR, message, self.url(rel)),
                    "making the directory",
                )

    def target(self, rel: str) -> str:
        path = join(self._root, rel)
        if self._merging and self.files.can_rename:
            # If it is written again, what there is of it so far is written over.
            path = self._written.get(rel) or beside(path)
        self._written[rel] = path
        return path

    async def write(self, file: PlannedFile, pieces: Pieces) -> str | None:
        md5 = await self.files.write(self.target(file.path), file.info.size, pieces)
        await self.copied(file)
        return md5

    async def copied(self, file: PlannedFile) -> None:
        written = self._written[file.path]
        final = join(self._root, file.path)
        if file.info.mtime_ns is not None:
            # Not everybody may do so.
            with contextlib.suppress(Exception):
                await self.files.set_mtime(written, file.info.mtime_ns)
        if not self._merging:
            return
        kind = await self.files.kind(final) if written != final else "file"
        if kind in ("directory", "link"):
            message = f"there is a {kind} in place of the file"
            raise noted(OSError(errno.EEXIST, message, self.url(file.path)), "writing the file")
        if written != final:
            await self._rename(written, final, replace=True)
        if kind == "file":
            self.replaced.append(file.path)
        del self._written[file.path]

    async def finish(self, sizes: dict[str, int]) -> None:
        await self._check(self._root, sizes)
        if self._root != self._path:
            await self._rename(self._root, self._path, replace=False)
        self._forget_listings(sizes)

    async def _make_directory(self, path: str) -> None:
        try:
            await self.files.make_directory(path)
        except Exception:
            # If the answer was lost with the connection, the next request found it there: nobody
            # else knows the name of what is being built.
            if self._root == self._path or await self.files.kind(path) != "directory":
                raise

    async def _rename(self, path: str, to: str, *, replace: bool) -> None:
        try:
            await self.files.rename(path, to, replace=replace)
        except Exception:
            # Likewise.
            if await self.files.kind(path) is not None or await self.files.kind(to) is None:
                raise

    async def abandon(self) -> Sequence[str]:
        left = await self._remove(self._written.values())
        made = [] if self._merging else self._directories
        for path in reversed([*self._parents, *made]):
            with contextlib.suppress(Exception):
                await self.files.remove_directory(path)
        self._forget_listings(self._written)
        return left


def beside(path: str) -> str:
    """A path of a name that nothing else has, beside another."""
    parent, name = posixpath.split(path)
    ending = f".pathvein-{secrets.token_hex(8)}"
    while len(name.encode()) + len(ending) + 1 > MAX_NAME:
        name = name[:-1]
    return join(parent, f".{name}{ending}")


async def _everything(files: Files, path: str) -> dict[str, Info]:
    """All files below a directory, by their paths relative to it."""
    found: dict[str, Info] = {}

    async def take(prefix: str, level: Level) -> None:
        for name, info in level.files.items():
            found[prefix + name] = info
        missing = []
        for name, below in level.dirs.items():
            rel = f"{prefix}{name}"
            if below is None:
                missing.append(list_below(rel))
            else:
                await take(f"{rel}/", below)
        await all_of(missing)

    async def list_below(rel: str) -> None:
        await take(f"{rel}/", await files.list_level(join(path, rel)))

    await take("", await files.list_level(path))
    return found
