"""The entries that a file system tells of one directory, sorted into a listing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pathvein._listing import Listing
from pathvein._remote.names import BAD_COMPONENTS


def entry_type(entry: Mapping[str, Any]) -> str:
    """``"directory"``, ``"link"`` or ``"file"``."""
    kind = str(entry.get("type")).lower()
    if kind in ("directory", "dir"):
        return "directory"
    return "link" if kind in ("link", "symlink") else "file"


class Entries:
    """Sorts the entries of one directory as they come."""

    def __init__(
        self,
        path: str,
        strip_protocol: Callable[[str], str] | None = None,
        *,
        is_web_page: bool = False,
    ) -> None:
        """
        Args:
            path: The directory's path on the file system.
            strip_protocol: Takes the protocol off a name, for file systems that leave it on.
            is_web_page: Whether the entries are the links of an index page.
        """
        self.listing = Listing()
        #: The directory's path, without slashes around it.
        self.path = path.strip("/")
        #: How many entries are inside the directory or stand for it.
        self.count = 0
        #: Whether there is an entry of the directory's own path that is a file.
        self.is_file = False
        #: Components that cannot be part of a path, each once.
        self.bad: dict[str, None] = {}
        #: Links, which may lead to files or to directories.
        self.links: list[str] = []
        #: A path that is not inside the directory.
        self.outside: str | None = None
        self._strip_protocol = strip_protocol
        self._is_web_page = is_web_page
        self._prefix = f"{self.path}/" if self.path else ""
        self._dirs: set[str] = set()
        self._files: set[str] = set()

    @property
    def names(self) -> int:
        """How many different names there are."""
        return len(self._dirs) + len(self._files) + len(self.bad)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take an entry as `ls(detail=True)` has it."""
        name: str = entry["name"]
        kind = entry_type(entry)
        strip = self._strip_protocol
        if strip is not None and "://" in name and not name.startswith(self._prefix):
            name = strip(name) + "/" * name.endswith("/")
        # Some file systems begin names with a slash. A second one is an empty component.
        name = name.removeprefix("/")
        if name == self.path:
            self.count += 1
            self.is_file |= kind != "directory"
            return
        if not name.startswith(self._prefix):
            # An index page has links to anywhere.
            if not self._is_web_page:
                self.outside = name
            return
        name = name[len(self._prefix) :]
        if self._is_web_page and (not name or name[0] in "?#"):
            # A link of the page to itself: another order, an anchor.
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
                self.links.append(first)
            else:
                self.listing.filenames.append(first)
