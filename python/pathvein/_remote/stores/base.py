"""The base of the adapters of S3, Google Cloud and Azure, which list keys in pages."""

from __future__ import annotations

from typing import Any, NamedTuple

from pathvein._remote.errors import BadAnswer
from pathvein._remote.filesystems.generic import Entries, FileSystem
from pathvein._remote.keys.planner import MAX_EMPTY_PAGES
from pathvein._remote.keys.requests import Page
from pathvein._remote.names import join


class Info(NamedTuple):
    """What a listing tells of an object."""

    size: int | None
    #: When it was last modified, in nanoseconds since 1970.
    mtime_ns: int | None = None
    #: Changes with the content.
    etag: str | None = None
    #: The MD5 of its content, in hexadecimal digits, where the listing is certain to tell it.
    md5: str | None = None


class ObjectStore(FileSystem):
    """A bucket, or a prefix in it: a :class:`pathvein._remote.keys.lister.Store`."""

    page_size: int = 1000
    can_start: bool = True
    flat = True
    may_have_links = False

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._bucket, _, key = self.base.strip("/").partition("/")
        #: The prefix of all its keys.
        self._prefix = f"{key}/" if key else ""

    @classmethod
    def variant(cls, fs: Any, base: str) -> type[FileSystem]:
        """The root of a store lists only buckets."""
        if base.strip("/"):
            return cls
        same = {"clone": cls.clone, "errors": cls.errors}
        return type("Buckets", (Buckets,), {"store": cls, **same})

    @classmethod
    async def bucket_names(cls, fs: Any, token: Any) -> tuple[list[str], Any]:
        """One page of the names of all buckets, and the continuation token of the next."""
        raise NotImplementedError

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """Send one request, without retries, for a page whose names are relative to the source.

        See :class:`pathvein._remote.keys.planner.Request` for the arguments. Names must be in the
        order of their code points, unless `flat` is false. Raises `FlatDenied` if the store cannot
        be listed without a delimiter, `BadAnswer` if the response is no whole listing, and whatever
        the client library raises. `read` and retries need no other method, the root of the store
        needs `bucket_names`.
        """
        raise NotImplementedError

    async def read(self, path: str, entries: Entries) -> None:
        """Read it page by page."""
        prefix = join(path, "")[len(join(self.base, "")) :]
        token = None
        empty_pages, names = 0, 0
        while True:
            page = await self.send(
                lambda: self.page(prefix, "", None, token, delimiter=True),  # noqa: B023
                timeout_factor=1,
            )
            for name in page.prefixes:
                entries.add({"name": join(self.base, name), "type": "directory"})
            for name in page.keys:
                entries.add({"name": join(self.base, name), "type": "file"})
            if page.token is None:
                return
            # A page may be empty. But a faulty store may repeat one page for ever.
            empty_pages = 0 if entries.names > names else empty_pages + 1
            names = entries.names
            if empty_pages and (page.token == token or empty_pages >= MAX_EMPTY_PAGES):
                raise BadAnswer("the store says that there is more, and does not list it")
            token = page.token

    def _relative(
        self,
        keys: list[str],
        prefixes: list[str],
        token: Any,
        infos: dict[str, Info] | None = None,
    ) -> Page:
        """A page whose names are made relative to the source."""
        if not self._prefix:
            return Page(keys, prefixes, token, infos)
        for names in (keys, prefixes):
            if names and not (
                names[0].startswith(self._prefix) and names[-1].startswith(self._prefix)
            ):
                raise BadAnswer("the answer lists something else")
        cut = len(self._prefix)
        return Page(
            [key[cut:] for key in keys],
            [name[cut:] for name in prefixes],
            token,
            None if infos is None else {key[cut:]: info for key, info in infos.items()},
        )


class Buckets(ObjectStore):
    """The root of a store: its directories are the buckets. It is listed with a delimiter."""

    can_start = False
    flat = False
    #: The adapter of one bucket.
    store: type[ObjectStore]

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._options = options
        self._stores: dict[str, ObjectStore] = {}

    def bucket_store(self, bucket: str) -> ObjectStore:
        """The adapter of a bucket."""
        if bucket not in self._stores:
            options = {**self._options, "counts": self.counts}
            self._stores[bucket] = self.store(self.fs, bucket, **options)
        return self._stores[bucket]

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        bucket, _, rest = prefix.partition("/")
        if not bucket:
            names, token = await self.store.bucket_names(self.fs, token)
            return Page([], [f"{name}/" for name in names], token)
        store = self.bucket_store(bucket)
        page = await store.page(rest, after, end, token, delimiter=delimiter)
        keys, prefixes = (
            [f"{bucket}/{name}" for name in names] for names in (page.keys, page.prefixes)
        )
        return Page(keys, prefixes, page.token)
