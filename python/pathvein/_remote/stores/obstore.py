"""S3, Google Cloud and Azure through obstore, which lists with less work than Python can.

It is a library for objects, not for keys, and makes a path of every key: a marker loses its
slash, a leading slash is gone, and an empty component fails the whole listing. What is ambiguous
is asked for separately, within limits. Beyond these `Unfit` is raised, and the file system itself
has to list.
"""

from __future__ import annotations

import asyncio
import atexit
import re
import time
from operator import lt
from typing import Any

import arro3.core  # noqa: F401  (obstore's tables are made of it)
import obstore
from obstore.exceptions import BaseError, InvalidPathError

from pathvein._remote.errors import BadAnswer, ErrorMeanings
from pathvein._remote.keys.lister import TooLarge, Unfit
from pathvein._remote.keys.planner import Page
from pathvein._remote.keys.positions import LAST
from pathvein._remote.stores.base import ObjectStore
from pathvein._remote.stores.obstore_options import open_store

_STATUS = re.compile(r"status code: ([1-5]\d\d)|status: ([1-5]\d\d)", re.IGNORECASE)
_NOT_TOLD = "it does not tell empty objects from the markers of directories"
#: Names that a request brings at most.
_FULL_PAGE = 1000
#: Requests to tell empty objects from markers, for one source.
_MOST_CHECKS = 64
#: Seconds that a listing with a delimiter may take: it cannot be had by pages.
_PATIENCE = 3.0


class _ThreadsAtExit:
    """Lets obstore's threads finish before the interpreter ends.

    A thread of obstore still releases Python objects shortly after an answer was handed over. If
    there is no interpreter any more, the process aborts.
    """

    SECONDS = 0.1

    def __init__(self) -> None:
        self._last = 0.0
        atexit.register(self._wait)

    def answered(self) -> None:
        """An answer was handed over just now, or will not be waited for."""
        self._last = time.monotonic()

    def _wait(self) -> None:
        time.sleep(max(self._last + self.SECONDS - time.monotonic(), 0.0))


_threads_at_exit = _ThreadsAtExit()


class Answer(Exception):
    """The store's answer was an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        code = re.search(r"<Code>(\w+)</Code>", text)
        self.error_code = code[1] if code else None


class _Stream:
    """A listing that is read page by page."""

    def __init__(self, last: str) -> None:
        #: What obstore pages through; `None` if it is to be begun.
        self.pages: Any = None
        #: The last key that it listed.
        self.last = last
        #: Whether it may begin with keys that were listed before.
        self.skips = False


class ObstoreStore:
    """The keys below one prefix of a bucket."""

    page_size = _FULL_PAGE
    flat = True

    def __init__(self, adapter: ObjectStore) -> None:
        """Raises `Unfit` if the file system's credentials or options cannot be taken over."""
        bucket, _, key = adapter.base.strip("/").partition("/")
        self._prefix = f"{key}/" if key else ""
        self.can_start = adapter.can_start
        self.errors: ErrorMeanings = adapter.errors
        self._store, self._credentials = open_store(adapter, bucket)
        self._counts = adapter.counts
        kind = type(adapter).__name__
        #: Whether an empty object can be distinguished from a marker.
        self._can_check = kind != "AzureStore"
        self._checks = 0
        #: What knows whether directories exist by themselves; `None` once that is known.
        self._namespace: Any = None if kind == "S3Store" else adapter

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """The token is the stream, and where it is."""
        if delimiter:
            return await self._level(prefix)
        if self._namespace is None:
            return await self._page(prefix, after, token)
        page: Page
        hierarchical, page = await asyncio.gather(
            self._namespace.hierarchical(), self._page(prefix, after, token)
        )
        if hierarchical:
            raise Unfit("its namespace is hierarchical")
        # A directory would be an empty object, so there is none; and then there is none above a
        # file, either.
        if hierarchical is None and page.token and not any("/" in key for key in page.keys):
            raise Unfit("it cannot be told if its namespace is hierarchical")
        self._namespace = None
        return page

    async def _page(self, prefix: str, after: str, token: Any) -> Page:
        stream: _Stream = token or _Stream(after)
        # One that has failed ends, as if there were nothing more: it is begun anew.
        if stream.pages is None:
            stream.pages = obstore.list(
                self._store,
                (self._prefix + prefix).rstrip("/") or None,
                offset=self._prefix + _path_before(stream.last) if stream.last else None,
                chunk_size=self.page_size,
                # Columns: a dictionary of each key costs twice as much as all the rest.
                return_arrow=True,
            )
            stream.skips = stream.last.endswith("/")
        cut = len(self._prefix)
        try:
            batch = await self._asked(_next_of(stream.pages))
            keys: list[str] = batch["path"].to_pylist() if batch else []
            sizes: list[int] = batch["size"].to_pylist() if batch else []
            if cut:
                keys = [key[cut:] for key in keys]
            if keys and not (self._prefix or prefix or after or token):
                await self._check_slashes(keys)
            # All pages but the last are full.
            is_last = len(keys) < self.page_size
            if stream.skips:
                known = sum(stream.last[:-1] <= key < stream.last for key in keys)
                del keys[:known], sizes[:known]
            keys = await self._with_markers(stream.last, keys, sizes)
        except BaseException:
            # Whoever asks again gets this page, not the next.
            stream.pages = None
            raise
        if keys:
            stream.last = keys[-1]
            stream.skips = False
        return Page(keys, [], None if is_last else stream)

    async def _check_slashes(self, keys: list[str]) -> None:
        """Raises `Unfit` if a key of the bucket begins with a slash, which is gone from it.

        Such keys sort before all that begin with a digit or a letter, so they are on the first
        page of the bucket.
        """
        if min(keys) < "0":
            # Others sort before them, too.
            self._counts.requests += 1
            try:
                known = "/" not in (await self._level("")).prefixes
            except TooLarge as error:
                raise Unfit("the bucket's top is too large to be looked through") from error
        else:
            # They would be the first, and the first would not be there without its slash, or there
            # twice in a row. Of a marker there may be others between the two, and if there are,
            # they sort before it.
            first, others = keys[0], keys[1:2]
            known = others != [first] and (
                await self._exists(first)
                or (not (others and others[0] < f"{first}/") and await self._is_marker(first))
            )
        if not known:
            raise Unfit("a key may begin with a slash")

    async def _is_marker(self, key: str) -> bool:
        self._counts.requests += 1
        inside = obstore.list(self._store, self._prefix + key, chunk_size=1)
        found = await self._asked(_next_of(inside))
        return bool(found) and found[0]["path"] == self._prefix + key

    async def _level(self, prefix: str) -> Page:
        path = (self._prefix + prefix).rstrip("/") or None
        listing = obstore.list_with_delimiter_async(self._store, path)
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._asked(listing)
        except TimeoutError as error:
            # Trying again would take as long.
            raise TooLarge(f"{prefix or 'the source'!r} has too many entries") from error
        names = len(answer["common_prefixes"]) + len(answer["objects"])
        # obstore asks for one page after another. The first is counted already.
        self._counts.requests += max(names - 1, 0) // _FULL_PAGE
        cut = len(self._prefix)
        prefixes = sorted(f"{name[cut:]}/" for name in answer["common_prefixes"])
        # All markers but the level's own are among the prefixes; on Azure some are empty objects.
        objects = [meta for meta in answer["objects"] if f"{meta['path'][cut:]}/" != prefix]
        if not self._can_check and not all(meta["size"] for meta in objects):
            raise Unfit(_NOT_TOLD)
        keys = sorted(meta["path"][cut:] for meta in objects if len(meta["path"]) > cut)
        return Page(keys, prefixes, None)

    async def _with_markers(self, before: str, keys: list[str], sizes: list[int]) -> list[str]:
        """The keys, with the slashes of those that are markers.

        `before` is the key before them. Where a name is no greater, its slash shows.
        """
        if 0 not in sizes and all(map(lt, [before, *keys], keys)):
            return keys
        checked = []
        for key, size in zip(keys, sizes, strict=True):
            marker = f"{key}/"
            if key and key <= before < marker:
                key = marker
            elif key and not size:
                self._checks += 1
                if not self._can_check or self._checks > _MOST_CHECKS:
                    raise Unfit(_NOT_TOLD)
                # The file would come first, and there is none before it.
                if not await self._exists(key):
                    key = marker
            checked.append(key)
            before = key
        return checked

    async def _exists(self, key: str) -> bool:
        self._counts.requests += 1
        try:
            await self._asked(obstore.head_async(self._store, self._prefix + key))
        except FileNotFoundError:
            return False
        return True

    async def _asked(self, answer: Any) -> Any:
        """An answer; what obstore raises says what it is about only in its text."""
        if self._credentials is not None:
            self._credentials.failure = None
        try:
            return await answer
        except InvalidPathError as error:
            raise Unfit(f"a key is no path to it: {_first_line(error)}") from error
        except FileNotFoundError:
            raise
        except BaseError as error:
            text = str(error)
            if "invalid path" in text or "InvalidPath" in text:
                raise Unfit(f"a key is no path to it: {_first_line(error)}") from error
            if self._credentials is not None and self._credentials.failure is not None:
                raise self._credentials.failure from None
            if "redirect" in _first_line(error) or "<Region>" in text:
                raise Unfit("the bucket is in another region") from error
            status = _STATUS.search(text)
            if status is not None:
                raise Answer(int(status[1] or status[2]), text) from error
            if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
                raise PermissionError(_first_line(error)) from error
            raise BadAnswer(_first_line(error)) from error
        finally:
            _threads_at_exit.answered()


def _path_before(key: str) -> str:
    """A path after which a listing can begin to tell all keys after this one.

    A path loses the slash of a marker. Between `a` and `a/` there may be any number of keys; what
    is before `a/` and after this is next to none.
    """
    return f"{key[:-1]}.{LAST}" if key.endswith("/") else key


async def _next_of(stream: Any) -> Any:
    try:
        return await stream.__anext__()
    except StopAsyncIteration:
        return ()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def open_obstore(adapter: ObjectStore) -> ObstoreStore:
    """The store of an adapter by way of obstore. Raises `Unfit` with the reason if it cannot."""
    try:
        return ObstoreStore(adapter)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"the options cannot be taken over: {_first_line(error)}") from error
