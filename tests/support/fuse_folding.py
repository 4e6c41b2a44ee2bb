"""A FUSE file system in memory that can be written to, and takes names that differ in case for one.

As real ones do, by choice:

- ``one``: a file has one inode number, whichever way its name is spelled (APFS, ext4, NTFS).
- ``apart``: it has one for each spelling, as a server has that numbers paths (exFAT by FUSE, and
  whatever libfuse serves without ``use_ino``).
- ``kept``: a file that takes the place of another keeps the spelling that that had (FAT).
- ``shouting``: names are listed in upper case (FAT without long names).
- ``dots``: dots at the end of a name do not count, either (SMB).
- ``exact``: names are one only if they are the same.
- ``same``: all files have one inode number (some shares).

It is mounted by `fuse`, which describes the rest.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import struct
import unicodedata
from dataclasses import dataclass, field

import fuse

SETATTR, SYMLINK, MKNOD, MKDIR, UNLINK, RMDIR, RENAME, WRITE = 4, 6, 8, 9, 10, 11, 12, 16
FSYNC, FSYNCDIR, CREATE, INTERRUPT, RENAME2 = 20, 30, 35, 36, 45
_NOREPLACE = 1
#: Which of the attributes are to be set.
_MODE, _UID, _GID, _SIZE, _ATIME, _MTIME, _ATIME_NOW, _MTIME_NOW = 1, 2, 4, 8, 16, 32, 128, 256
_NOT_CACHED = 1


@dataclass(slots=True)
class Inode:
    """A file, a directory or a link."""

    mode: int
    data: bytearray = field(default_factory=bytearray)
    #: Of a directory, by what the names are when folded: each as it is spelled, and what it is.
    entries: dict[str, tuple[str, Inode]] = field(default_factory=dict)
    uid: int = 0
    gid: int = 0
    #: Nanoseconds.
    atime: int = 0
    mtime: int = 0

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Server(fuse.Server):
    """Answers the kernel's requests, one after the other."""

    def __init__(self, fd: int, quirks: frozenset[str]) -> None:
        self.fd = fd
        self.quirks = quirks
        self.root = Inode(stat.S_IFDIR | 0o755)
        self.numbers = itertools.count(1)
        self.handles = itertools.count()
        #: Files as the kernel knows them, and the numbers of those. What it has forgotten stays.
        self.known: dict[int, Inode] = {}
        self.numbered: dict[tuple[Inode, str], int] = {}
        self.number(self.root, "")
        self.listings: dict[int, list[tuple[str, Inode]]] = {}

    def number(self, inode: Inode, spelling: str) -> int:
        """The number of a file that was looked up by a name."""
        key = inode, spelling if "apart" in self.quirks else ""
        if key not in self.numbered:
            self.numbered[key] = next(self.numbers)
            self.known[self.numbered[key]] = inode
        return self.numbered[key]

    def fold(self, name: str) -> str:
        """The same for names that are one."""
        if "exact" in self.quirks:
            return name
        if "dots" in self.quirks:
            name = name.rstrip(".")
        return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())

    def answer(self, code: int, number: int, body: bytes) -> bytes:
        if code in (fuse.INIT, fuse.STATFS, fuse.RELEASE, fuse.FLUSH, fuse.ACCESS):
            return super().answer(code, number, body)
        if code in (FSYNC, FSYNCDIR, fuse.RELEASEDIR):
            return b""
        if code == RENAME2:
            to, flags = struct.unpack_from("<QI", body)
            return self.rename(self.known[number], self.known[to], body[16:], flags)
        if code == RENAME:
            to = self.known[struct.unpack_from("<Q", body)[0]]
            return self.rename(self.known[number], to, body[8:], 0)
        inode = self.known[number]
        if code == fuse.LOOKUP:
            return self.entry(inode, names_of(body)[0])
        if code == fuse.GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(inode, number)
        if code == SETATTR:
            self.set_attributes(inode, body)
            return struct.pack("<QII", 0, 0, 0) + self.attributes(inode, number)
        if code == fuse.READLINK:
            return bytes(inode.data)
        if code == SYMLINK:
            name, text = names_of(body)
            return self.made(inode, name, Inode(stat.S_IFLNK | 0o777, bytearray(os.fsencode(text))))
        if code == MKDIR:
            mode = struct.unpack_from("<I", body)[0]
            return self.made(inode, names_of(body[8:])[0], Inode(stat.S_IFDIR | mode))
        if code == MKNOD:
            mode = struct.unpack_from("<I", body)[0]
            return self.made(inode, names_of(body[16:])[0], Inode(mode))
        if code == CREATE:
            mode = struct.unpack_from("<II", body)[1]
            made = self.made(inode, names_of(body[16:])[0], Inode(stat.S_IFREG | mode))
            return made + struct.pack("<QII", 0, _NOT_CACHED, 0)
        if code in (UNLINK, RMDIR):
            self.remove(inode, names_of(body)[0], code == RMDIR)
            return b""
        if code == fuse.OPEN:
            return struct.pack("<QII", 0, _NOT_CACHED, 0)
        if code == fuse.READ:
            offset, size = struct.unpack_from("<8xQI", body)
            return bytes(inode.data[offset : offset + size])
        if code == WRITE:
            offset, size = struct.unpack_from("<8xQI", body)
            inode.data.extend(bytes(max(0, offset - len(inode.data))))
            inode.data[offset : offset + size] = body[40 : 40 + size]
            return struct.pack("<II", size, 0)
        if code == fuse.OPENDIR:
            handle = next(self.handles)
            self.listings[handle] = list(inode.entries.values())
            return struct.pack("<QII", handle, 0, 0)
        if code == fuse.READDIR:
            return self.listed(*struct.unpack_from("<QQI", body))
        raise OSError(errno.ENOSYS, "not served")

    def listed(self, handle: int, offset: int, size: int) -> bytes:
        out = b""
        for at, (spelling, inode) in enumerate(self.listings[handle][offset:], offset + 1):
            name = os.fsencode(spelling.upper() if "shouting" in self.quirks else spelling)
            entry = struct.pack("<QQII", 1, at, len(name), stat.S_IFMT(inode.mode) >> 12)
            entry += name + bytes(-len(name) % 8)
            if len(out) + len(entry) > size:
                break
            out += entry
        return out

    def entry(self, directory: Inode, name: str) -> bytes:
        found = directory.entries.get(self.fold(name))
        if found is None:
            raise OSError(errno.ENOENT, "no such entry")
        number = self.number(found[1], name)
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self.attributes(found[1], number)

    def made(self, directory: Inode, name: str, inode: Inode) -> bytes:
        if self.fold(name) in directory.entries:
            raise OSError(errno.EEXIST, "it is there")
        directory.entries[self.fold(name)] = name, inode
        return self.entry(directory, name)

    def remove(self, directory: Inode, name: str, is_directory: bool) -> None:
        found = directory.entries.get(self.fold(name))
        if found is None:
            raise OSError(errno.ENOENT, "no such entry")
        if stat.S_ISDIR(found[1].mode) != is_directory:
            raise OSError(errno.ENOTDIR if is_directory else errno.EISDIR, "of another kind")
        if found[1].entries:
            raise OSError(errno.ENOTEMPTY, "not empty")
        del directory.entries[self.fold(name)]

    def rename(self, old: Inode, new: Inode, names: bytes, flags: int) -> bytes:
        name, to = names_of(names)
        found = old.entries.get(self.fold(name))
        if found is None:
            raise OSError(errno.ENOENT, "no such entry")
        inode, spelling = found[1], to
        if there := new.entries.get(self.fold(to)):
            if flags & _NOREPLACE:
                raise OSError(errno.EEXIST, "it is there")
            if there[1] is not inode:
                self.remove(new, to, stat.S_ISDIR(inode.mode))
            spelling = there[0] if "kept" in self.quirks else to
        del old.entries[self.fold(name)]
        new.entries[self.fold(to)] = spelling, inode
        if number := self.numbered.pop((inode, name), None):
            # Who has it open goes on knowing it by this number.
            self.numbered[inode, to] = number
        return b""

    def set_attributes(self, inode: Inode, body: bytes) -> None:
        valid, _, _, size, _, atime, mtime, _, atime_ns, mtime_ns, _, mode, _, uid, gid = (
            struct.unpack_from("<IIQQQQQQIIIIIII", body)
        )
        if valid & _MODE:
            inode.mode = stat.S_IFMT(inode.mode) | stat.S_IMODE(mode)
        if valid & _UID:
            inode.uid = uid
        if valid & _GID:
            inode.gid = gid
        if valid & _SIZE:
            del inode.data[size:]
            inode.data.extend(bytes(size - len(inode.data)))
        if valid & _ATIME and not valid & _ATIME_NOW:
            inode.atime = atime * 10**9 + atime_ns
        if valid & _MTIME and not valid & _MTIME_NOW:
            inode.mtime = mtime * 10**9 + mtime_ns

    def attributes(self, inode: Inode, number: int) -> bytes:
        times = divmod(inode.atime, 10**9), divmod(inode.mtime, 10**9)
        (atime, atime_ns), (mtime, mtime_ns) = times
        size = len(inode.data)
        if "same" in self.quirks:
            number = 1
        head = number, size, -(-size // 512), atime, mtime, mtime, atime_ns, mtime_ns, mtime_ns
        links = 2 if stat.S_ISDIR(inode.mode) else 1
        rest = inode.mode, links, inode.uid, inode.gid, 0, 4096, 0
        return struct.pack("<QQQQQQIIIIIIIIII", *head, *rest)


def names_of(body: bytes) -> list[str]:
    return [os.fsdecode(name) for name in body.split(b"\0")[:-1]]
