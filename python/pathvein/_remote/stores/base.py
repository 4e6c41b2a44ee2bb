"""The adapter of an object store: what one page of keys is to S3, Google Cloud and Azure alike."""

from __future__ import annotations

from typing import Any

from pathvein._remote.errors import BadAnswer
from pathvein._remote.filesystems.generic import Entries, FileSystem
from pathvein._remote.keys.planner import MAX_EMPTY_PAGES, Page
from pathvein._remote.names import join
from pathvein._remote.retry import send


class ObjectStore(FileSystem):
    """A bucket, or what is below a prefix in it. Subclasses ask for a page."""

    #: Most keys in a page.
    page_size: int = 1000
    #: Whether a listing can begin after any key. Otherwise only at a prefix.
    can_start: bool = True
    flat = True

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        super().__init__(fs, base, **options)
        self._bucket, _, key = self.base.strip("/").partition("/")
        #: What all its keys begin with.
        self._prefix = f"{key}/" if key else ""

    @classmethod
    def variant(cls, fs: Any, base: str) -> type[FileSystem]:
        """The root of a store has only buckets."""
        if base.strip("/"):
            return cls
        from pathvein._remote.stores.buckets import buckets_of

        return buckets_of(cls)

    @property
    def may_have_links(self) -> bool:
        return False

    @classmethod
    async def bucket_names(cls, fs: Any, token: Any) -> tuple[list[str], Any]:
        """One page of the names of all buckets, and the continuation token of the next."""
        raise NotImplementedError

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """Send one request.

        Args:
            prefix: Only keys that begin with this.
            after: Only keys after this.
            end: Keys from this on are of no use; they may be in the page.
            token: The continuation token of the page before. All else is then as it was for that.
            delimiter: List one level only. Raises `TooLarge` if that cannot be.
        """
        raise NotImplementedError

    async def read(self, path: str, entries: Entries) -> None:
        """Page by page."""
        prefix = join(path, "")[len(join(self.base, "")) :]
        token = None
        empty_pages, names = 0, 0
        while True:
            page = await send(
                lambda: self.page(prefix, "", None, token, delimiter=True),  # noqa: B023
                self.limit,
                self.counts,
                self.errors,
            )
            for name in page.prefixes:
                entries.add({"name": join(self.base, name), "type": "directory"})
            for name in page.keys:
                entries.add({"name": join(self.base, name), "type": "file"})
            if page.token is None:
                return
            # A page may be empty. But a store may also lead to the same page again and again.
            empty_pages = 0 if entries.names > names else empty_pages + 1
            names = entries.names
            if empty_pages and (page.token == token or empty_pages >= MAX_EMPTY_PAGES):
                raise BadAnswer("the store says that there is more, and does not list it")
            token = page.token

    def _relative(self, keys: list[str], prefixes: list[str], token: Any) -> Page:
        """A page of names relative to the source, of names in the bucket."""
        if not self._prefix:
            return Page(keys, prefixes, token)
        for names in (keys, prefixes):
            if names and not (
                names[0].startswith(self._prefix) and names[-1].startswith(self._prefix)
            ):
                raise BadAnswer("the answer lists something else")
        cut = len(self._prefix)
        return Page([key[cut:] for key in keys], [name[cut:] for name in prefixes], token)
