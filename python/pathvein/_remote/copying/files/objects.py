"""Objects of a store: what those of S3, Google Cloud and Azure have in common.

An object is put in one request, or as an upload of several parts that is completed or aborted.
There is never half an object. A directory is nothing but a prefix.
"""

from __future__ import annotations

import abc
import asyncio
import errno
import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar, cast

from pathvein._copying.names import not_utf8, path_component
from pathvein._listing import noted
from pathvein._remote.copying.files.base import (
    IN_FLIGHT,
    PIECE,
    READ_AHEAD,
    Files,
    Kind,
    Level,
    Pieces,
    Reading,
    failure,
    quietly,
    to_the_end,
)
from pathvein._remote.errors import BadAnswer, FlatDenied, error_code, http_status
from pathvein._remote.keys.requests import Page
from pathvein._remote.stores.base import Info, ObjectStore

T = TypeVar("T")

_PUT_OFF = frozenset(["RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"])
#: Most parts that all stores take, with some to spare.
_MOST_PARTS = 9000
#: Most parts of one upload that are sent side by side.
_SIDE_BY_SIDE = 4


class ObjectFiles(Files, abc.ABC):
    """The objects of all buckets that one file system object can reach."""

    has_directories = False
    #: Whether the parts of an upload may be sent side by side.
    parts_in_any_order: ClassVar[bool] = True

    def __init__(self, adapter: ObjectStore, url: Callable[[str], str]) -> None:
        super().__init__(adapter, url)
        self.can_rename = False
        self._buckets: dict[str, ObjectStore] = {}

    def problem(self, name: str) -> str | None:
        return path_component(name) or not_utf8(name)

    def bucket(self, path: str) -> tuple[ObjectStore, str]:
        """The adapter of a path's bucket, and the key in it."""
        name, key = self.split(path)
        if name not in self._buckets:
            own = cast("ObjectStore", self.adapter)
            store = type(own)(
                own.fs,
                name,
                name=name,
                url=lambda rel: self.url(f"{name}/{rel}" if rel else name),
                concurrency=own.most_requests,
                counts=own.counts,
                private=own._private,
            )
            store.with_infos = True
            store.limit = own.limit
            self._buckets[name] = store
        return self._buckets[name], key

    def split(self, path: str) -> tuple[str, str]:
        """The bucket and the key of a path."""
        name, _, key = path.partition("/")
        return name, key

    async def send(self, request: Callable[[], Awaitable[T]]) -> T:
        """Send one request, with retries."""
        return await self.adapter.send(request)

    async def send_to_the_end(self, request: Callable[[], Awaitable[T]]) -> T:
        """Send a request that makes an object. If this is cancelled, its end is awaited first.

        Otherwise the object might come after it was removed again.
        """
        task = asyncio.ensure_future(self.send(request))
        await to_the_end(task, seconds=IN_FLIGHT)
        return task.result()

    # Listing

    async def list_level(self, path: str) -> Level:
        """Everything below, if one page holds it; else one level."""
        store, key = self.bucket(path)
        prefix = f"{key}/" if key else ""
        try:
            level = await self._list(store, prefix)
        except MemoryError:
            raise
        except Exception as error:
            raise self.os_error(error, path, "reading the directory") from error
        if level is None:
            message = os.strerror(errno.ENOENT)
            raise noted(
                FileNotFoundError(errno.ENOENT, message, self.url(path)), "opening the directory"
            )
        return level

    async def _list(self, store: ObjectStore, prefix: str) -> Level | None:
        try:
            page = await self._page(store, prefix, None, delimiter=False)
            if page.token is None:
                return _tree(prefix, [page])
        except FlatDenied:
            pass
        except Exception as error:
            if not isinstance(self.errors.os_error(error, "", ""), PermissionError):
                raise
            # Perhaps only levels may be listed.
        pages = []
        token = None
        while True:
            page = await self._page(store, prefix, token, delimiter=True)
            pages.append(page)
            if page.token is None:
                return _tree(prefix, pages)
            if page.token == token:
                raise BadAnswer("the store says that there is more, and does not list it")
            token = page.token

    async def _page(self, store: ObjectStore, prefix: str, token: Any, *, delimiter: bool) -> Page:
        return await store.send(
            lambda: store.page(prefix, "", None, token, delimiter=delimiter), timeout_factor=1
        )

    async def kind(self, path: str) -> Kind | None:
        """`"directory"` if there is anything below, `"file"` if there is such a key alone."""
        store, key = self.bucket(path)
        if not key:
            page = await self._first_page(store, "", path)
            return "directory" if page.keys or page.prefixes else None
        page, is_object = await asyncio.gather(
            self._first_page(store, f"{key}/", path), self._exists(path)
        )
        if page.keys or page.prefixes:
            return "directory"
        return "file" if is_object else None

    async def _first_page(self, store: ObjectStore, prefix: str, path: str) -> Page:
        try:
            return await self._page(store, prefix, None, delimiter=True)
        except Exception as error:
            raise self.os_error(error, path, "looking at the destination") from error

    async def _exists(self, path: str) -> bool:
        try:
            await self.send(lambda: self.head(path))
        except Exception as error:
            found = self.os_error(error, path, "looking at the destination")
            if isinstance(found, FileNotFoundError):
                return False
            raise found from error
        return True

    # Reading

    def read(self, path: str, info: Info) -> Reading:
        told = [] if info.md5 is None else [info.md5]
        return Reading(self._pieces(path, info, told), told)

    async def _pieces(self, path: str, info: Info, told: list[str]) -> Pieces:
        size = info.size
        if size is None or size <= PIECE:
            # Also if it is empty: it may be gone.
            data, md5 = await self._get(path, None, None, None)
            told += [md5] if md5 else []
            yield data
            return
        tasks: deque[asyncio.Task[tuple[bytes, str | None]]] = deque()
        taken: deque[int] = deque()
        piece = piece_size(size)
        offset = 0
        try:
            while offset < size or tasks:
                while offset < size:
                    length = min(piece, size - offset)
                    extra = length if tasks else 0
                    if not READ_AHEAD.take(extra):
                        break
                    taken.append(extra)
                    get = self._get(path, offset, length, info.etag)
                    tasks.append(asyncio.create_task(get))
                    offset += length
                data, md5 = await tasks[0]
                tasks.popleft()
                told += [md5] if md5 else []
                yield data
                READ_AHEAD.give_back(taken.popleft())
        finally:
            for task in tasks:
                task.cancel()
            READ_AHEAD.give_back(sum(taken))

    async def _get(
        self, path: str, offset: int | None, length: int | None, etag: str | None
    ) -> tuple[bytes, str | None]:
        try:
            return await self.send(lambda: self.get(path, offset, length, etag))
        except Exception as error:
            if http_status(error) in (412, 416):
                raise failure(
                    "it was changed while it was copied", self.url(path), "reading the file"
                ) from error
            raise

    # Writing

    async def write(
        self, path: str, size: int | None, pieces: Pieces, *, new: bool = False
    ) -> str | None:
        first = await anext(pieces, b"")
        second = await anext(pieces, None)
        if second is None:
            return await self.make(path, lambda: self.put(path, first, new=new), new=new)
        return await self._upload(path, first, second, pieces, new)

    async def make(self, path: str, request: Callable[[], Awaitable[T]], *, new: bool) -> T | None:
        """Send a request that makes an object. Raises `FileExistsError` if it was to be new."""
        may_be_there = False

        async def send() -> T:
            nonlocal may_be_there
            try:
                return await request()
            except BaseException as error:
                may_be_there = may_be_there or not (_is_refused(error) or _is_put_off(error))
                raise

        try:
            return await self.send_to_the_end(send)
        except Exception as error:
            if not (new and _is_refused(error) and await self._exists(path)):
                raise
            if may_be_there:
                # The answer to an earlier try was lost: it was put, and is compared afterwards.
                return None
            message = "it exists, and did not when the copy began"
            raise noted(
                FileExistsError(errno.EEXIST, message, self.url(path)), "writing the file"
            ) from error

    async def _upload(
        self, path: str, first: bytes, second: bytes, rest: Pieces, new: bool
    ) -> str | None:
        upload = await self.send(lambda: self.begin_upload(path, new=new))
        parts: list[Any] = []
        tasks: deque[asyncio.Task[Any]] = deque()
        taken: deque[int] = deque()

        async def oldest() -> None:
            parts.append(await tasks[0])
            tasks.popleft()
            READ_AHEAD.give_back(taken.popleft())

        async def part(number: int, offset: int, data: bytes, is_last: bool) -> Any:
            return await self.send(
                lambda: self.put_part(path, upload, number, offset, data, is_last=is_last)
            )

        try:
            number = offset = 0
            data: bytes | None = first
            following: bytes | None = second
            while data is not None:
                extra = 0
                while tasks:
                    extra = len(data)
                    may = self.parts_in_any_order and len(tasks) < _SIDE_BY_SIDE
                    if may and READ_AHEAD.take(extra):
                        break
                    extra = 0
                    await oldest()
                taken.append(extra)
                sent = part(number, offset, data, following is None)
                tasks.append(asyncio.create_task(sent))
                number += 1
                offset += len(data)
                data = following
                following = await anext(rest, None) if data is not None else None
            while tasks:
                await oldest()
            complete = self.complete_upload
            return await self.make(path, lambda: complete(path, upload, parts, new=new), new=new)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            READ_AHEAD.give_back(sum(taken))
            await quietly(self.send(lambda: self.abort_upload(path, upload)))
            raise

    async def make_directory(self, path: str) -> None:
        """Put an empty object that stands for a directory."""
        await self.send(lambda: self.put(f"{path}/", b"", new=False))

    async def make_parents(self, path: str) -> list[str]:
        return []

    async def remove(self, path: str) -> None:
        await self.send(lambda: self.delete(path))

    async def remove_directory(self, path: str) -> None:
        await self.send(lambda: self.delete(f"{path}/"))

    # What stores do, each in one request, without retries

    @abc.abstractmethod
    async def head(self, path: str) -> None:
        """Raises an error if there is no such object."""

    @abc.abstractmethod
    async def get(
        self, path: str, offset: int | None, length: int | None, etag: str | None
    ) -> tuple[bytes, str | None]:
        """Bytes of an object, or all of it, and the MD5 of all of it if that is told.

        With `etag`, fails with status 412 if it is not that of the object any more.
        """

    @abc.abstractmethod
    async def put(self, path: str, data: bytes, *, new: bool) -> str | None:
        """Put an object, and return its MD5 if that is told.

        With `new` it fails with status 409 or 412, or with `FileExistsError`, if there is one.
        """

    @abc.abstractmethod
    async def delete(self, path: str) -> None:
        """Delete an object."""

    @abc.abstractmethod
    async def begin_upload(self, path: str, *, new: bool) -> Any:
        """Begin an upload of parts. It, or to complete it, fails as `put` does."""

    @abc.abstractmethod
    async def put_part(
        self, path: str, upload: Any, number: int, offset: int, data: bytes, *, is_last: bool
    ) -> Any:
        """Send one part, the first of which is 0, and return what `complete_upload` needs."""

    @abc.abstractmethod
    async def complete_upload(
        self, path: str, upload: Any, parts: list[Any], *, new: bool
    ) -> str | None:
        """Make an object of all parts, and return its MD5 if that is told."""

    @abc.abstractmethod
    async def abort_upload(self, path: str, upload: Any) -> None:
        """Drop an upload and its parts."""


def _is_refused(error: BaseException) -> bool:
    """Whether a store tells that there is an object by now."""
    return isinstance(error, FileExistsError) or http_status(error) in (409, 412)


def _is_put_off(error: BaseException) -> bool:
    """Whether a store tells to send a request later, of which it then has done nothing."""
    return http_status(error) == 429 or error_code(error) in _PUT_OFF


def piece_size(size: int) -> int:
    """The size of the pieces of an object, so that there are not too many."""
    return max(PIECE, -(-size // _MOST_PARTS // 2**18) * 2**18)


def _tree(prefix: str, pages: list[Page]) -> Level | None:
    """The tree of pages of keys; `None` if there is no key at all."""
    top = Level()
    cut = len(prefix)
    exists = False
    for page in pages:
        for key in page.keys:
            exists = True
            rel = key[cut:]
            *parents, name = rel.split("/")
            level = top
            for parent in parents:
                below = level.dirs.get(parent)
                if below is None:
                    below = level.dirs[parent] = Level()
                level = below
            info = (page.infos or {}).get(key) or Info(None if name else 0)
            if name:
                level.files[name] = info
            else:
                # It stands for the directory.
                level.has_content = bool(info.size)
        for key in page.prefixes:
            exists = True
            top.dirs.setdefault(key[cut:].removesuffix("/"), None)
    return top if exists else None
