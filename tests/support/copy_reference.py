"""What belongs to a match, slow and obvious: the oracle of the tests of copying.

`belonging` reads a real tree, `belonging_keys` the keys of a store. Neither knows anything of
pathvein; what matches is asked of `reference`, which does not either. `snapshot` takes down all
that can be told of a tree, so that what must not change can be compared afterwards.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pats
import reference
from reference import Pat, Tree


@dataclass
class Belonging:
    """What belongs to a match, by paths relative to it; the match itself is ``""``."""

    directories: set[str] = field(default_factory=lambda: {""})
    #: Regular files, and links to regular files.
    files: set[str] = field(default_factory=set)
    #: What passes a glob, or is matched by a sub-pattern, and cannot be copied: links to
    #: directories, broken links, fifos, sockets.
    skipped: set[str] = field(default_factory=set)
    #: Links to directories that only have the name of a sub-pattern: may be told or not.
    may_be_skipped: set[str] = field(default_factory=set)

    def add(self, other: Belonging) -> None:
        """Several sub-patterns: the union."""
        self.directories |= other.directories
        self.files |= other.files
        self.skipped |= other.skipped
        self.may_be_skipped |= other.may_be_skipped


def belonging(source: str, pattern: Pat, relative: str = "") -> Belonging:
    """What belongs to the match `source` of `pattern`, which is not asked whether it matches."""
    found = Belonging({relative})
    listing = reference.read_listing(source)
    for name in listing.files:
        if any(pats.passes(name, test) for test in pats.belonging_tests(pattern)):
            path = os.path.join(source, name)
            (found.files if leads_to_file(path) else found.skipped).add(_join(relative, name))
    for name, is_link in listing.dirs.items():
        path, below = os.path.join(source, name), _join(relative, name)
        for sub in pats.belonging_dirs(pattern):
            if is_link:
                if reference.name_matches(name, sub):
                    found.may_be_skipped.add(below)
                if reference.matches(path, [], [], sub):
                    found.skipped.add(below)
                continue
            inside = reference.read_listing(path)
            if reference.matches(path, list(inside.dirs), inside.files, sub):
                found.add(belonging(path, sub, below))
    return found


def belonging_keys(tree: Tree, name: str, pattern: Pat, relative: str = "") -> Belonging:
    """The same of a tree that is a value: what the keys of a store make."""
    found = Belonging({relative})
    for file in tree.files:
        if any(pats.passes(file, test) for test in pats.belonging_tests(pattern)):
            found.files.add(_join(relative, file))
    for child, inside in tree.dirs.items():
        for sub in pats.belonging_dirs(pattern):
            if reference.matches_tree(inside, child, sub):
                found.add(belonging_keys(inside, child, sub, _join(relative, child)))
    return found


def leads_to_file(path: str) -> bool:
    """Whether it is a regular file or a link to one."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return False


def _join(relative: str, name: str) -> str:
    return f"{relative}/{name}" if relative else name


# Whether a link is kept --------------------------------------------------------------------


def must_be_kept(source: str, relative: str, all_of_it: Belonging) -> bool:
    """Whether ``links="keep"`` leaves no choice: straight to a file that is copied itself."""
    text = os.readlink(os.path.join(source, relative))
    if text.startswith("/"):
        return False
    parts = os.path.dirname(relative).split("/") if "/" in relative else []
    for part in text.split("/"):
        if part == ".." and not parts:
            return False  # It leaves the match, and may come back by a name that it has here only.
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
        if os.path.islink(os.path.join(source, *parts)):
            return False
    target = "/".join(parts)
    return not text.endswith("/") and target in all_of_it.files


def may_be_kept(source: str, relative: str, destination: str) -> bool:
    """Whether the link leads to the same file in the copy as it does in the source."""
    there = os.path.realpath(os.path.join(source, relative))
    here = os.path.realpath(os.path.join(destination, relative))
    top, copy = os.path.realpath(source), os.path.realpath(destination)
    return (
        there.startswith(top + "/")
        and here.startswith(copy + "/")
        and os.path.relpath(there, top) == os.path.relpath(here, copy)
        and os.path.isfile(here)
    )


# What is there -----------------------------------------------------------------------------


class Seen(NamedTuple):
    """All that can be told of an entry, but when it was read."""

    mode: int
    owner: tuple[int, int]
    #: Nanoseconds.
    mtime: int
    #: Of a regular file: size and checksum; of a link: its text.
    content: tuple[int, str] | str | None
    xattrs: Mapping[str, bytes]

    @property
    def is_directory(self) -> bool:
        """Whether it is."""
        return stat.S_ISDIR(self.mode)

    def simple(self) -> Seen:
        """What every copier copies of it."""
        is_link = stat.S_ISLNK(self.mode)
        kept = stat.S_IFMT(self.mode) | (0 if is_link else self.mode & 0o777)
        mtime = 0 if is_link else self.mtime
        return self._replace(mode=kept, owner=(0, 0), mtime=mtime, xattrs={})


def see(path: str, follow: bool = False) -> Seen:
    """One entry, as it is."""
    status = os.stat(path, follow_symlinks=follow)
    content: tuple[int, str] | str | None = None
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = (status.st_size, hashlib.file_digest(file, "sha256").hexdigest())
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    xattrs = {}
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        names = (name for name in os.listxattr(path) if name.startswith("user."))
        xattrs = {name: os.getxattr(path, name) for name in names}
    owner = (status.st_uid, status.st_gid)
    return Seen(status.st_mode, owner, status.st_mtime_ns, content, xattrs)


def snapshot(top: str, relative: str = "") -> dict[str, Seen]:
    """Everything below, and the top itself as ``""``."""
    found = {relative: see(os.path.join(top, relative) if relative else top)}
    if found[relative].is_directory:
        with os.scandir(os.path.join(top, relative)) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            found |= snapshot(top, _join(relative, name))
    return found


#: `differences` has one of its own of this name.
_see = see


# Whether a copy is one ---------------------------------------------------------------------


def differences(
    source: str,
    destination: str,
    expected: Belonging,
    *,
    keep: bool = False,
    merged: bool = False,
    simply: bool = False,
) -> list[str]:
    """What the copy has or lacks that it should not, in words; none if it is right.

    `merged`: it went into a directory that was there. What it had besides may be there, and its
    directories may have kept what they were. `simply`: of files and directories only kinds,
    contents, times and permissions are copied, and of links only what they say.
    """

    def see(path: str, follow: bool = False) -> Seen:
        seen = _see(path, follow)
        return seen.simple() if simply else seen

    if not os.path.isdir(destination) or os.path.islink(destination):
        return [f"no directory: {destination!r}"]
    found, wrong = snapshot(destination), []
    if simply:
        found = {relative: seen.simple() for relative, seen in found.items()}
    for relative in sorted(expected.directories | expected.files):
        seen = found.pop(relative, None)
        original = os.path.join(source, relative) if relative else source
        if seen is None:
            wrong.append(f"missing: {relative!r}")
        elif relative in expected.directories:
            same = seen.is_directory if merged else seen == see(original)
            if not same:
                wrong.append(f"directory {relative!r}: {seen} instead of {see(original)}")
        elif stat.S_ISLNK(seen.mode):
            if not keep or not os.path.islink(original):
                wrong.append(f"a link: {relative!r}")
            elif seen != see(original) or not may_be_kept(source, relative, destination):
                wrong.append(f"link {relative!r}: {seen} instead of {see(original)}")
        elif seen != see(original, follow=True):
            wrong.append(f"file {relative!r}: {seen} instead of {see(original, follow=True)}")
        elif keep and os.path.islink(original) and must_be_kept(source, relative, expected):
            wrong.append(f"not kept: {relative!r}")
    if not merged:
        wrong += [f"too much: {relative!r}" for relative in found]
    return wrong


#: What the tests take for a leftover: staging, or a file beside its place.
LEFTOVER = ".pathvein-"


def leftovers(top: str) -> list[str]:
    """Whatever below has the name of something that was not finished."""
    return [
        os.path.join(here, name)
        for here, directories, files in os.walk(top)
        for name in directories + files
        if name.startswith(".") and LEFTOVER in name
    ]
