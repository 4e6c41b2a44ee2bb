"""S3, Google Cloud and Azure through obstore, which reads the answers in threads of its own.

obstore makes a path of each key: it removes the slash of a marker and a leading slash, and an empty
component fails the whole listing. Ambiguous keys are checked by further requests, up to a limit.
Beyond that `Unfit` is raised, and the file system itself lists the source.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import time
from dataclasses import dataclass
from operator import lt
from typing import TYPE_CHECKING, Any

import arro3.core  # noqa: F401  (for the tables that obstore returns)
import obstore
from obstore.exceptions import BaseError, InvalidPathError

from pathvein._remote.errors import BadAnswer, ErrorMeanings, TooLarge, Unfit
from pathvein._remote.keys.ranges import LAST
from pathvein._remote.keys.requests import Page, Streamed
from pathvein._remote.stores.obstore_options import open_store

if TYPE_CHECKING:
    from pathvein._remote.stores.base import ObjectStore

_STATUS = re.compile(r"status code: ([1-5]\d\d)|status: ([1-5]\d\d)", re.IGNORECASE)
_AMBIGUOUS = "it does not tell empty objects from the markers of directories"
_NO_TOKENS = "it cannot be told if the store lists all: perhaps it does not say how to go on"
#: Before, what is no ASCII was encoded twice in the key that a listing starts after.
_OLDEST = (0, 10)
#: Most requests to distinguish empty objects from markers, for one source.
_MOST_CHECKS = 64
#: Seconds that a listing with a delimiter may take: obstore does not return it in pages.
_LEVEL_TIMEOUT = 3.0
#: Seconds that obstore's threads get to finish before the interpreter exits.
_EXIT_DELAY = 0.1
#: When the last response was returned or abandoned.
_last_response = 0.0
#: The process in which obstore's threads were started: one that is forked later has none.
_process: int | None = None


@atexit.register
def _wait_for_threads() -> None:
    """Wait at exit for obstore's threads, which release Python objects after their response.

    If the interpreter has exited by then, the process aborts.
    """
    time.sleep(max(_last_response + _EXIT_DELAY - time.monotonic(), 0.0))


class Answer(Exception):
    """The store's response was an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        code = re.search(r"<Code>(\w+)</Code>", text)
        self.error_code = code[1] if code else None


@dataclass
class _Stream:
    """A listing that is read page by page."""

    #: The last key of the last page.
    last: str
    #: obstore's iterator of pages; `None` if the listing must be started.
    pages: Any = None
    #: Whether the next page may begin with keys up to `last`.
    skips: bool = False
    #: A page that was read to see if there is one.
    ahead: Any = None
    #: Whether it has brought a page.
    has_begun: bool = False


class ObstoreStore:
    """A bucket, or a prefix in it: a :class:`pathvein._remote.keys.lister.Store`."""

    page_size = 1000

    def __init__(self, adapter: ObjectStore) -> None:
        """Raises `Unfit` if obstore cannot use the file system's credentials or options, is too
        old, or has been in use when this process was forked.
        """
        if _process not in (None, os.getpid()):
            raise Unfit("it cannot be used in a process that was forked after its first use")
        if tuple(map(int, obstore.__version__.split(".")[:2])) < _OLDEST:
            version = obstore.__version__
            raise Unfit(f"obstore {version} begins at other keys than it is told: it takes 0.10")
        bucket, _, key = adapter.base.strip("/").partition("/")
        self._prefix = f"{key}/" if key else ""
        self.can_start = adapter.can_start
        self.errors: ErrorMeanings = adapter.errors
        self._store, self._credentials = open_store(adapter, bucket)
        self._counts = adapter.counts
        kind = type(adapter).__name__
        #: Whether a request can distinguish an empty object from a marker.
        self._can_check = kind != "AzureStore"
        self._checks = 0
        #: Whether the store is known to give tokens, as Amazon's does. obstore ends a listing at a
        #: page without one, even if the store says that there is more. Where a listing cannot
        #: start after a key, nothing could be checked.
        is_amazons = kind == "S3Store" and "endpoint" not in self._store.config
        self._gives_tokens = is_amazons or not self.can_start
        #: A listing of the source that gave a full page, as long as that is not known. (No page of
        #: these stores has more than 1,000 keys: what follows came by token.)
        self._first: _Stream | None = None
        #: The request that tells, and the last key before it.
        self._proof: asyncio.Future[None] | None = None
        self._proven = ""
        #: Whether a token has led back: obstore would list a long level again and again.
        self._leads_back = False
        #: What checks if the namespace is hierarchical; `None` if it is known to be flat.
        self._namespace: Any = None if kind == "S3Store" else adapter

    @property
    def facts(self) -> set[str]:
        """What it has found out of the store, for others that list other parts of it."""
        facts = {
            "gives tokens": self._gives_tokens,
            "leads back": self._leads_back,
            "is flat": self._namespace is None,
        }
        return {name for name, is_known in facts.items() if is_known}

    def believe(self, facts: set[str]) -> None:
        """Take what another has found out."""
        self._gives_tokens |= "gives tokens" in facts
        self._leads_back |= "leads back" in facts
        if "is flat" in facts:
            self._namespace = None

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See :class:`pathvein._remote.keys.lister.Store`. The token is a `_Stream`."""
        if delimiter:
            return await self._level(prefix, token)
        page: Page
        if self._namespace is None:
            if self._first is token:
                self._first = None
            # At the same time, to save a round trip.
            _, page = await asyncio.gather(self._prove(), self._page(prefix, after, token))
            if self._gives_tokens:
                return Streamed(*page)
            if self._proof is not None and page.keys and page.keys[-1] > self._proven:
                raise Unfit(_NO_TOKENS)
            return page
        hierarchical, page = await asyncio.gather(
            self._namespace.hierarchical(), self._page(prefix, after, token)
        )
        if hierarchical:
            raise Unfit("its namespace is hierarchical")
        # In a hierarchical namespace a directory is an empty object, and would have raised `Unfit`.
        # So a key with a slash, whose directory is no object, shows that the namespace is flat.
        if hierarchical is None and page.token and not any("/" in key for key in page.keys):
            raise Unfit("it cannot be told if its namespace is hierarchical")
        self._namespace = None
        return page

    async def _page(self, prefix: str, after: str, token: Any) -> Page:
        stream: _Stream = token or _Stream(after)
        # After a failure it is started anew: obstore's iterator would end as if it were complete.
        if stream.pages is None:
            if token is not None and self.can_start:
                raise Answer(400, "the listing has broken off")  # it is known how to start it anew
            stream.pages = obstore.list(
                self._store,
                (self._prefix + prefix).rstrip("/") or None,
                offset=self._prefix + _path_before(stream.last) if stream.last else None,
                chunk_size=self.page_size,
                # Columns: to make a dictionary of each key takes twice the time of all the rest.
                return_arrow=True,
            )
            stream.skips = stream.last.endswith("/")
        cut = len(self._prefix)
        try:
            batch = stream.ahead or await self._response(_next_of(stream.pages))
            stream.ahead = None
            keys: list[str] = batch["path"].to_pylist() if batch else []
            sizes: list[int] = batch["size"].to_pylist() if batch else []
            if cut:
                self._check_inside(keys[:1] + keys[-1:])
                keys = [key[cut:] for key in keys]
            if keys and not (self._prefix or prefix or after or token):
                await self._check_slashes(keys)
            self._gives_tokens |= stream.has_begun and bool(keys)
            stream.has_begun = True
            is_last = len(keys) < self.page_size
            if stream.skips:
                known = sum(stream.last[:-1] <= key < stream.last for key in keys)
                del keys[:known], sizes[:known]
            keys = await self._with_markers(stream.last, keys, sizes)
            if not self._gives_tokens:
                if not is_last:
                    # (All keys behind are to follow, and not those of a prefix alone.)
                    if not prefix and self._proof is None:
                        self._first = stream
                elif len(keys) > 1:
                    await self._check_end(prefix, *keys[-2:])
        except BaseException:
            # A retry must return this page, not the next.
            stream.pages = None
            raise
        if keys:
            stream.last = keys[-1]
            stream.skips = False
        page = Streamed if self._gives_tokens else Page
        return page(keys, [], None if is_last else stream)

    async def _prove(self) -> None:
        """Waits until it is known if a listing goes on after a full page, where that can be."""
        first, self._first = self._first, None
        if first is not None:
            self._proven = first.last
            self._proof = asyncio.ensure_future(self._goes_on(first))
        proof = self._proof
        if proof is not None:
            # Who waits may be cancelled; the proof is for all.
            await asyncio.wait([proof])
            if proof.exception() is not None:
                self._proof = None
                proof.result()

    async def _goes_on(self, stream: _Stream) -> None:
        self._counts.requests += 1
        try:
            stream.ahead = await self._response(_next_of(stream.pages))
        except BaseException:
            stream.pages = None
            raise
        self._gives_tokens |= bool(stream.ahead)
        if stream.ahead:
            path = stream.ahead["path"][0].as_py()[len(self._prefix) :]
            self._leads_back |= path <= self._proven.rstrip("/")

    async def _check_end(self, prefix: str, last_but_one: str, last: str) -> None:
        """Raises `Unfit` if more than the last key comes after the one before it."""
        self._counts.requests += 1
        rest = obstore.list(
            self._store,
            (self._prefix + prefix).rstrip("/") or None,
            offset=self._prefix + _path_before(last_but_one),
            chunk_size=self.page_size,
        )
        found = [meta["path"] for meta in await self._response(_next_of(rest))]
        paths = [(self._prefix + key).rstrip("/") for key in (last_but_one, last)]
        # (Some begin at the key to start after.)
        if found not in (paths, paths[1:]):
            raise Unfit(_NO_TOKENS)

    def _check_inside(self, paths: list[str]) -> None:
        if not all(f"{path}/".startswith(self._prefix) for path in paths):
            raise BadAnswer("the answer lists something else")

    async def _check_slashes(self, keys: list[str]) -> None:
        """Raises `Unfit` if a key of the bucket may begin with a slash, which obstore removes.

        Such keys sort before digits and letters, so they are on the first page of the bucket.
        """
        if min(keys) < "0":
            # Other keys may sort before them. The top of the bucket shows the slash as a prefix.
            self._counts.requests += 1
            try:
                top = await self._level("")
                if top.token is not None and max([*top.keys, *top.prefixes]) < "/":
                    raise Unfit(_NO_TOKENS)
                known = "/" not in top.prefixes
            except TooLarge as error:
                raise Unfit("the bucket's top is too large to be looked through") from error
        else:
            # They would come first. So the first key has no slash if it exists without one, as an
            # object or as a marker, and is not listed twice: with its slash and without. Between
            # such a pair there may be other keys if one is a marker. They sort before the marker.
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
        found = await self._response(_next_of(inside))
        return bool(found) and found[0]["path"] == self._prefix + key

    async def _level(self, prefix: str, token: Any = None) -> Page:
        path = (self._prefix + prefix).rstrip("/") or None
        listing = asyncio.ensure_future(
            self._response(obstore.list_with_delimiter_async(self._store, path))
        )
        try:
            async with asyncio.timeout(_LEVEL_TIMEOUT):
                await self._prove()
                if self._leads_back:
                    raise TooLarge("the store's tokens lead back")
                level = await listing
        except TimeoutError as error:
            # A retry would take as long.
            raise TooLarge(f"{prefix or 'the source'!r} has too many entries") from error
        finally:
            listing.cancel()
        names = len(level["common_prefixes"]) + len(level["objects"])
        # obstore has requested one page after another. The first is counted already.
        self._counts.requests += max(names - 1, 0) // self.page_size
        self._gives_tokens |= names > self.page_size
        if token is not None and not self._gives_tokens:
            raise TooLarge(f"it is not known if {prefix or 'the source'!r} has more entries")
        cut = len(self._prefix)
        self._check_inside(
            [*level["common_prefixes"], *(meta["path"] for meta in level["objects"])]
        )
        prefixes = sorted(f"{name[cut:]}/" for name in level["common_prefixes"])
        # All markers but that of the level are prefixes. On Azure some are empty objects.
        objects = [meta for meta in level["objects"] if f"{meta['path'][cut:]}/" != prefix]
        if not self._can_check and not all(meta["size"] for meta in objects):
            raise Unfit(_AMBIGUOUS)
        keys = sorted(meta["path"][cut:] for meta in objects if len(meta["path"]) > cut)
        return Page(keys, prefixes, None if self._gives_tokens else "perhaps")

    async def _with_markers(self, before: str, keys: list[str], sizes: list[int]) -> list[str]:
        """The keys after `before`, with the slash of those that are markers."""
        if 0 not in sizes and all(map(lt, [before, *keys], keys)):
            return keys
        checked = []
        for key, size in zip(keys, sizes, strict=True):
            marker = f"{key}/"
            if key and key <= before < marker:
                key = marker  # as it is not greater than the key before it
            elif key and not size:
                self._checks += 1
                if not self._can_check or self._checks > _MOST_CHECKS:
                    raise Unfit(_AMBIGUOUS)
                # If both existed, the object would be listed before the marker.
                if not await self._exists(key):
                    key = marker
            checked.append(key)
            before = key
        return checked

    async def _exists(self, key: str) -> bool:
        self._counts.requests += 1
        try:
            await self._response(obstore.head_async(self._store, self._prefix + key))
        except FileNotFoundError:
            return False
        return True

    async def _response(self, request: Any) -> Any:
        """Await a request. Errors of obstore are recognized by their text."""
        global _last_response, _process
        _process = _process or os.getpid()
        if self._credentials is not None:
            self._credentials.failure = None
        try:
            return await request
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
            _last_response = time.monotonic()


def _path_before(key: str) -> str:
    """A path to start after, so that all keys after `key` are listed.

    obstore removes the slash of a marker, and there may be many keys between `a` and `a/`. Between
    the path and `a/` there are hardly any.
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
    """The store of an adapter, listed by obstore. Raises `Unfit` with the reason if it cannot."""
    try:
        return ObstoreStore(adapter)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"the options cannot be taken over: {_first_line(error)}") from error
