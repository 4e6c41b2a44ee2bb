"""The entries of one `ls`, whatever the file system threw in, as a listing.

Part of `pathvein._remote`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pathvein._listing import Listing
from pathvein._remote_fs import BAD_COMPONENTS, entry_type


class Entries:
    """Sorts the entries of one directory as they come."""

    def __init__(self, where: str, http: bool, strip: Callable[[str], str] | None = None) -> None:
        """`strip` takes the protocol off a name, for those that leave it on."""
        self.listing = Listing()
        #: The directory, without slashes around it.
        self.where = where.strip("/")
        #: Entries that are inside the directory or stand for it.
        self.count = 0
        #: Whether there was an entry of the directory's own name that is a file.
        self.is_file = False
        #: Components that are none.
        self.bad: dict[str, None] = {}
        #: Links, which may lead to files or directories.
        self.linked: list[str] = []
        #: A name that is elsewhere.
        self.stray: str | None = None
        self._http = http
        self._strip = strip
        self._prefix = f"{self.where}/" if self.where else ""
        self._dirs: set[str] = set()
        self._files: set[str] = set()

    @property
    def names(self) -> int:
        """How many different names there are."""
        return len(self._dirs) + len(self._files) + len(self.bad)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Takes an entry as `ls(detail=True)` has it."""
        name: str = entry["name"]
        kind = entry_type(entry)
        if self._strip is not None and "://" in name and not name.startswith(self._prefix):
            name = self._strip(name) + "/" * name.endswith("/")
        # File systems differ in whether names begin with a slash. Only one is taken off: any
        # other is an empty component.
        name = name.removeprefix("/")
        if name == self.where:
            self.count += 1
            self.is_file |= kind != "directory"
            return
        if not name.startswith(self._prefix):
            self.stray = name
            return
        name = name[len(self._prefix) :]
        if self._http and (not name or name[0] in "?#"):
            # Links of an index page to itself: other orders, anchors.
            return
        self.count += 1
        if not name and kind != "directory":
            # The marker of the directory itself.
            return
        is_dir = kind == "directory" or name.endswith("/")
        first, *rest = name.removesuffix("/").split("/")
        if first in BAD_COMPONENTS:
            self.bad[first] = None
        elif rest or is_dir:
            if first not in self._dirs:
                self._dirs.add(first)
                self.listing.dirnames.append(first)
        elif first not in self._files:
            self._files.add(first)
            if kind == "link":
                self.linked.append(first)
            else:
                self.listing.filenames.append(first)
