"""A FUSE file system whose listings are awkward: a server in one file, without a library.

``run(mode, code)`` mounts it in a mount namespace of its own, runs Python code in another process
with the mount point as its argument, and gives what that prints as JSON. Modes, each after what
real servers do:

- ``plain``: nothing special.
- ``page``: a page of a listing is given once; going back to 0 does not bring it back
  (azure-storage-fuse #1221).
- ``einval``: the same, but going back is an error (mountpoint-s3 #819).
- ``again``: going back to 0 lists all entries twice (mergerfs #877).
- ``dup``: entries are listed twice (libfuse #1062).
- ``newino``: each look-up gives another inode number (altmount #841, kubo #11429).
- ``newino-link``: the same, with a link to a directory above.
- ``broken``: a listing fails after its first page.
- ``hang``: whatever asks for ``slow`` waits for two seconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

#: An entry's name, and what it is: a directory, a file, or a link to somewhere.
Entry = tuple[str, "bool | str"]

CANNOT = 77
DIRECTORY, FILE, LINK = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777


class CannotMount(Exception):
    """Why there is none."""


def run(mode: str, code: str, *, wide: int = 300, deep: int = 0) -> Any:
    """Run the code with the file system's mount point as `sys.argv[1]`; gives what it prints."""
    missing = not os.path.exists("/dev/fuse")
    if missing:
        raise CannotMount("there is no /dev/fuse")
    done = subprocess.run(
        [sys.executable, __file__, mode, str(wide), str(deep), code],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode == CANNOT:
        raise CannotMount(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def is_expected() -> bool:
    """Whether a file system can usually be mounted where this runs: the kernel has FUSE."""
    try:
        kinds = Path("/proc/filesystems").read_text().split()
    except OSError:
        return False
    return "fuse" in kinds and os.geteuid() == 0


# The tree ----------------------------------------------------------------------------------


def entries_of(mode: str, wide: int, deep: int) -> Callable[[tuple[str, ...]], list[Entry]]:
    """What the directory of a path lists."""

    def entries(path: tuple[str, ...]) -> list[Entry]:
        name = path[-1] if path else ""
        if name.startswith("run_"):
            return [("config.json", False)]
        if mode == "newino-link":
            if name == "b":
                return [("up", "../../a")]
            return [("a", True), ("run_0", True)] if not path else [("b", True)]
        more: list[Entry] = []
        if len(path) < deep:
            more = [(f"d{number}", True) for number in range(2)]
        return more + [(f"run_{number}", True) for number in range(wide)]

    return entries


# The server --------------------------------------------------------------------------------

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, BATCH_FORGET = 25, 26, 27, 28, 29, 34, 42


class Server:
    """Answers the kernel's requests, one after the other."""

    def __init__(self, fd: int, mode: str, entries: Callable[[tuple[str, ...]], list[Entry]]):
        self.fd = fd
        self.mode = mode
        self.entries = entries
        self.paths: dict[int, tuple[str, ...]] = {1: ()}
        self.nodes: dict[tuple[str, ...], int] = {(): 1}
        self.inodes: dict[int, int] = {}
        self.next_node, self.next_inode = itertools.count(2), itertools.count(1000)
        #: Of each open directory, how far it was read, and its entries.
        self.open: list[tuple[int, list[Entry]]] = []
        #: How long the kernel may remember names and attributes.
        self.seconds = 0 if mode.startswith("newino") else 60

    def kind(self, path: tuple[str, ...]) -> bool | str | None:
        return True if not path else dict(self.entries(path[:-1])).get(path[-1])

    def attributes(self, node: int) -> bytes:
        kind = self.kind(self.paths[node])
        mode = LINK if isinstance(kind, str) else DIRECTORY if kind else FILE
        inode = self.inodes.setdefault(node, next(self.next_inode))
        return struct.pack("<QQQQQQIIIIIIIIII", inode, *[0] * 8, mode, 2, 0, 0, 0, 4096, 0)

    def serve(self) -> None:
        while True:
            try:
                data = os.read(self.fd, 1 << 17)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                continue
            length, code, unique, node = struct.unpack_from("<IIQQ", data)
            if code in (FORGET, BATCH_FORGET):
                continue
            try:
                number, out = 0, self.answer(code, node, data[40:length])
            except OSError as error:
                number, out = error.errno or errno.EIO, b""
            with contextlib.suppress(OSError):  # The request was interrupted.
                os.write(self.fd, struct.pack("<IiQ", 16 + len(out), -number, unique) + out)

    def answer(self, code: int, node: int, body: bytes) -> bytes:
        if code == INIT:
            head = struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 12, 10, 65536, 1, 32, 0, 0)
            return head + bytes(28)
        if code == LOOKUP:
            return self.look_up(node, os.fsdecode(body[:-1]))
        if code == GETATTR:
            return struct.pack("<QII", self.seconds, 0, 0) + self.attributes(node)
        if code == READLINK:
            return str(self.kind(self.paths[node])).encode()
        if code == OPENDIR:
            dots: list[Entry] = [(".", True), ("..", True)]
            self.open.append((0, dots + self.entries(self.paths[node])))
            return struct.pack("<QII", len(self.open) - 1, 0, 0)
        if code == READDIR:
            return self.read(*struct.unpack_from("<QQI", body))
        if code == STATFS:
            return struct.pack("<QQQQQIIIIIIIII", 0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 6)
        if code in (OPEN, READ, RELEASE, FLUSH, RELEASEDIR, ACCESS):
            return b""
        raise OSError(errno.ENOSYS, "not served")

    def look_up(self, parent: int, name: str) -> bytes:
        if name == "slow":
            time.sleep(2)
        path = (*self.paths[parent], name)
        if self.kind(path) is None:
            raise OSError(errno.ENOENT, "no such entry")
        node = self.nodes.get(path)
        if node is None:
            node = self.nodes[path] = next(self.next_node)
            self.paths[node] = path
        if self.mode.startswith("newino"):
            self.inodes.pop(node, None)
        head = struct.pack("<QQQQII", node, 0, self.seconds, self.seconds, 0, 0)
        return head + self.attributes(node)

    def read(self, handle: int, offset: int, size: int) -> bytes:
        place, names = self.open[handle]
        if self.mode == "again" and offset == 0 and place:
            names = names * 2
        if self.mode == "einval" and offset != place:
            raise OSError(errno.EINVAL, "cannot go back")
        if self.mode == "broken" and offset:
            raise OSError(errno.EIO, "the rest is lost")
        all_names = [entry for entry in names for _ in "12"] if self.mode == "dup" else names
        at = place if self.mode in ("page", "einval") else offset
        out = b""
        while at < len(all_names):
            name, kind = os.fsencode(all_names[at][0]), all_names[at][1]
            number = 10 if isinstance(kind, str) else 4 if kind else 8
            entry = struct.pack("<QQII", 1, at + 1, len(name), number)
            entry += name + bytes(-len(name) % 8)
            if len(out) + len(entry) > size:
                break
            out, at = out + entry, at + 1
        self.open[handle] = (at, names)
        return out


# In the namespace --------------------------------------------------------------------------


def cannot(what: str) -> NoReturn:
    print(f"{what}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
    sys.exit(CANNOT)


def main(mode: str, wide: str, deep: str, code: str) -> int:
    """Mount the file system, serve it, and run the code."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, private_and_below = 0x20000, ctypes.c_ulong(0x40000 | 0x4000)
    with tempfile.TemporaryDirectory(prefix="pathvein-") as work:
        top = os.path.join(work, "mnt")
        os.mkdir(top)
        if libc.unshare(new_mounts):
            cannot("unshare")
        if libc.mount(b"none", b"/", None, private_and_below, None):
            cannot("making the mounts private")
        try:
            fd = os.open("/dev/fuse", os.O_RDWR)
        except OSError as error:
            print(error, file=sys.stderr)
            return CANNOT
        options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        kind = b"fuse.awkward"
        if libc.mount(b"awkward", os.fsencode(top), kind, ctypes.c_ulong(0), options):
            cannot("mount")
        server = os.fork()
        if not server:
            Server(fd, mode, entries_of(mode, int(wide), int(deep))).serve()
            os._exit(0)
        os.close(fd)
        try:
            return subprocess.run([sys.executable, "-c", code, top], timeout=100).returncode
        finally:
            detach = 2
            libc.umount2(os.fsencode(top), detach)
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
