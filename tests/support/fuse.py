"""A FUSE file system whose listings are awkward: a server in one file, without a library.

It is mounted in a mount namespace of its own, and what uses it runs in another process. `run`
runs Python code with the mount point as its argument, and gives what that prints as JSON;
`call` calls a function of a test module with a `Mount`, which serves any number of trees. A
`Caller` calls any number of them with a file system that can be written to: `fuse_folding`.

Quirks, each after what real servers do:

- ``plain``: nothing special.
- ``page``: a page of a listing is given once; going back to 0 does not bring it back
  (azure-storage-fuse #1221).
- ``einval``: the same, but going back is an error (mountpoint-s3 #819).
- ``again``: going back to 0 lists all entries twice (mergerfs #877).
- ``dup``: entries are listed twice (libfuse #1062).
- ``newino``: each look-up gives another inode number (altmount #841, kubo #11429).
- ``newino-link``: the same, with a link to a directory above.
- ``oneino``: all have one inode number.
- ``untyped``: listings do not tell what an entry is.
- ``undotted``: listings have neither ``.`` nor ``..``.
- ``broken``: a listing fails after its first page, unless that holds all; with ``gone`` or
  ``ended`` as if the directory did not exist any more, or belonged to a process that has ended.
- ``short``: a listing ends after its first page, for comparison.
- ``unknown``: what is known of a directory below the source cannot be asked for (EIO).
- ``counted``: a directory's link count is two and the directories in it. Otherwise it is two of
  everything, as of a server that does not count.
- ``eio``: what a directory's mode forbids is an error of the device, and not of permissions.
- ``torn``: a file of the name ``torn`` is said to have 1 MiB, and only its first half can be read;
  all other files are empty.
- ``hang``: whatever asks for ``slow`` waits for two seconds, and there is then a file
  ``asked-for-slow`` beside the mount point.

A directory whose mode has no ``r`` cannot be opened, and in one whose mode has no ``x`` nothing
can be looked up, whoever asks.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import json
import multiprocessing
import os
import select
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import pytest

from trees import Dir, Entry, Fifo, File, Link, Socket, is_root, target_of

CANNOT = 77
MODES = {Dir: stat.S_IFDIR | 0o755, File: stat.S_IFREG | 0o644, Link: stat.S_IFLNK | 0o777}
MODES |= {Fifo: stat.S_IFIFO | 0o644, Socket: stat.S_IFSOCK | 0o644}


class CannotMount(Exception):
    """Why there is none."""


def run(mode: str, code: str, *, wide: int = 300, deep: int = 0) -> Any:
    """Run the code with the file system's mount point as `sys.argv[1]`; gives what it prints."""
    return json.loads(_run(mode, code, wide, deep, 120))


def call(function: Callable[[Mount], Any], timeout: float) -> None:
    """Call a function of a test module in a process that has a mount."""
    module = sys.modules[function.__module__]
    paths = [os.path.dirname(os.path.abspath(module.__file__ or ".")), *sys.path]
    code = f"""
import importlib, sys
sys.path[:] = {paths!r}
import fuse
mount = fuse.Mount(sys.argv[1], int(sys.argv[2]))
getattr(importlib.import_module({module.__name__!r}), {function.__name__!r})(mount)
"""
    _run("plain", code, 0, 0, timeout)


class Caller:
    """Calls functions of test modules in a process that has a file system of `fuse_folding`."""

    #: Seconds that a call may take.
    TIMEOUT = 150

    def __init__(self, quirks: str) -> None:
        if not os.path.exists("/dev/fuse"):
            _cannot("there is no /dev/fuse")
        code = f"""
import importlib, json, sys, traceback
sys.path[:] = {[p for p in sys.path if p]!r}
for line in sys.stdin:
    place, module, function, arguments = json.loads(line)
    sys.path.insert(0, place)
    try:
        getattr(importlib.import_module(module), function)(sys.argv[1], *arguments)
        answer = None
    except BaseException:
        answer = traceback.format_exc()
    print(json.dumps(answer), flush=True)
"""
        #: Why there is no such file system; and how it has ended.
        self._why = self._end = ""
        command = [sys.executable, os.path.abspath(__file__), f"folding+{quirks}", "0", "0"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        # It ends with its input, and in any case.
        self._process = subprocess.Popen(
            [*command, "3600", code], **pipes, stderr=self._errors, text=True
        )

    def __call__(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call one with the mount point and these arguments."""
        if self._why:
            _cannot(self._why)
        if self._end:
            pytest.fail(self._end)
        module = sys.modules[function.__module__]
        place = os.path.dirname(os.path.abspath(module.__file__ or "."))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            call = [place, module.__name__, function.__name__, arguments]
            self._process.stdin.write(json.dumps(call) + "\n")
            self._process.stdin.flush()
        # It says one line for each call.
        in_time = select.select([self._process.stdout], [], [], self.TIMEOUT)[0]
        if in_time and (answer := self._process.stdout.readline()):
            if problem := json.loads(answer):
                pytest.fail(problem)
            return
        if not in_time:
            # It unmounts what it has mounted.
            self._process.send_signal(signal.SIGINT)
        self._process.communicate()
        self._errors.seek(0)
        error = self._errors.read()
        if self._process.returncode == CANNOT:
            self._why = error.strip()
            _cannot(self._why)
        how = "it has ended" if in_time else f"it took longer than {self.TIMEOUT} s"
        self._end = f"{how}: {error}"
        pytest.fail(self._end)

    def close(self) -> None:
        """End it."""
        with self._errors, self._process, contextlib.suppress(BrokenPipeError):
            if not self._why and not self._end:
                self._process.communicate()


def _run(mode: str, code: str, wide: int, deep: int, timeout: float) -> str:
    """What the code prints, or else the test is skipped, and says why."""
    if not os.path.exists("/dev/fuse"):
        _cannot("there is no /dev/fuse")
    arguments = [mode, str(wide), str(deep), str(timeout), code]
    command = [sys.executable, os.path.abspath(__file__), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout + 20)
    if done.returncode == CANNOT:
        _cannot(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _cannot(why: str) -> NoReturn:
    if os.environ.get("CI") == "true" and is_expected():
        pytest.fail(f"FUSE is part of this machine's kernel: {why}")
    pytest.skip(f"no FUSE here: {why}")


def is_expected() -> bool:
    """Whether a file system can usually be mounted where this runs: the kernel has FUSE."""
    try:
        kinds = Path("/proc/filesystems").read_text().split()
    except OSError:
        return False
    may_mount = is_root() or _may_make_namespaces()
    return "fuse" in kinds and may_mount and os.access("/dev/fuse", os.R_OK | os.W_OK)


def _may_make_namespaces() -> bool:
    """Whether whoever is not root may be so in a namespace of users of their own."""
    forbidden = {
        "/proc/sys/user/max_user_namespaces": "0",
        "/proc/sys/kernel/unprivileged_userns_clone": "0",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
    }
    return not any(
        os.path.exists(path) and Path(path).read_text().strip() == value
        for path, value in forbidden.items()
    )


class Mount:
    """The mounted file system, in the process that uses it."""

    def __init__(self, top: str, control: int) -> None:
        self._top = top
        self._control = Connection(control)
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def served(self, tree: Dir, quirks: frozenset[str], page: int) -> Iterator[Path]:
        """The tree, served with these quirks, at most so many entries at a time (0: as fit)."""
        name = str(next(self._numbers))
        self._send(name, (tree, quirks, page))
        try:
            yield Path(self._top, name)
        finally:
            self._send(name, None)

    def _send(self, name: str, volume: Any) -> None:
        self._control.send((name, volume))
        self._control.recv()


def tree_of(mode: str, wide: int, deep: int) -> Dir:
    """The tree of `run`."""
    run = Dir({"config.json": File()})
    if mode == "newino-link":
        return Dir({"a": Dir({"b": Dir({"up": Link(raw="../../a")})}), "run_0": run})
    if mode == "hang":
        return Dir({"slow": File()})
    if mode == "torn":
        torn = {"a": "f", "b": "torn", "c": "f"}
        return Dir({directory: Dir({name: File()}) for directory, name in torn.items()})
    runs: dict[str, Entry] = {f"run_{number}": run for number in range(wide)}
    here = Dir(runs)
    for _ in range(deep):
        here = Dir({"d0": here, "d1": here, **runs})
    return here


# The server --------------------------------------------------------------------------------

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, BATCH_FORGET = 25, 26, 27, 28, 29, 34, 42


TORN_SIZE = 1 << 20


@dataclass(slots=True)
class Node:
    """An entry that was looked up."""

    entry: Entry
    #: The path of its tree's top, and its own below that.
    top: str
    path: tuple[str, ...]
    quirks: frozenset[str]
    #: How many entries the server lists at a time; 0: as fit.
    page: int
    inode: int
    #: The numbers of the entries in it that were looked up.
    below: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> int:
        """How long the kernel may remember names and attributes."""
        return 0 if self.quirks & {"newino", "unknown"} else 60

    @property
    def size(self) -> int:
        """How many bytes it is said to have."""
        return TORN_SIZE if "torn" in self.quirks and self.path[-1:] == ("torn",) else 0

    def read(self, offset: int, size: int) -> bytes:
        """Some of them."""
        if offset >= TORN_SIZE // 2 and self.size:
            raise OSError(errno.EIO, "the rest is lost")
        return bytes(min(size, max(0, self.size - offset)))

    def check(self, right: int) -> None:
        """Raise an `OSError` if the mode forbids to read (4) or to search (1) the directory."""
        mode = self.entry.mode if isinstance(self.entry, Dir) else None
        if mode is not None and not mode & right:
            number = errno.EIO if "eio" in self.quirks else errno.EACCES
            raise OSError(number, "not allowed")


class Listing:
    """An open directory."""

    def __init__(self, node: Node) -> None:
        assert isinstance(node.entry, Dir)
        self.quirks = node.quirks
        self.page = node.page
        dots = [] if "undotted" in self.quirks else [".", ".."]
        self.names = [(name, 4) for name in dots]
        for name, entry in node.entry.entries.items():
            number = 0 if "untyped" in self.quirks else stat.S_IFMT(MODES[type(entry)]) >> 12
            self.names += [(name, number)] * (2 if "dup" in self.quirks else 1)
        #: How far it was read.
        self.place = 0

    def read(self, offset: int, size: int) -> bytes:
        """Some entries, from this offset."""
        quirks, names = self.quirks, self.names
        if "again" in quirks and offset == 0 and self.place:
            self.names = names = names * 2
        if "einval" in quirks and offset != self.place:
            raise OSError(errno.EINVAL, "cannot go back")
        at = self.place if quirks & {"page", "einval"} else offset
        if at and at < len(names) and quirks & {"broken", "short"}:
            if "short" in quirks:
                return b""
            number = errno.ENOENT if "gone" in quirks else errno.EIO
            raise OSError(errno.ESRCH if "ended" in quirks else number, "the rest is lost")
        out, left = b"", self.page or len(names)
        while at < len(names) and left:
            name, number = os.fsencode(names[at][0]), names[at][1]
            entry = struct.pack("<QQII", 1, at + 1, len(name), number)
            entry += name + bytes(-len(name) % 8)
            if len(out) + len(entry) > size:
                break
            out, at = out + entry, at + 1
            left -= name not in (b".", b"..")
        self.place = at
        return out


class Server:
    """Answers the kernel's requests, one after the other."""

    def __init__(self, fd: int, top: str, mode: str, tree: Dir) -> None:
        self.asked = os.path.join(os.path.dirname(top), "asked-for-slow")
        self.fd = fd
        self.next_node, self.next_inode = itertools.count(2), itertools.count(1000)
        self.next_handle = itertools.count()
        quirks = frozenset(mode.removesuffix("-link").split("+"))
        self.nodes = {1: Node(tree, top, (), quirks, 0, next(self.next_inode))}
        self.open: dict[int, Listing] = {}

    def serve(self, control: Connection) -> None:
        """Answer requests, and take trees to serve, until the file system is unmounted."""
        sources: list[Any] = [self.fd, control]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if control in ready:
                try:
                    self.take_volume(*control.recv())
                    control.send(None)
                except (EOFError, OSError):
                    sources.remove(control)  # Who uses the file system has ended.
            if self.fd in ready and not self.answer_next():
                return

    def take_volume(self, name: str, volume: tuple[Dir, frozenset[str], int] | None) -> None:
        """Serve a tree in the root, or serve it no more."""
        root = self.nodes[1]
        if volume is None:
            self.forget(root.below.pop(name))
            return
        tree, quirks, page = volume
        number = root.below[name] = next(self.next_node)
        top = os.path.join(root.top, name)
        self.nodes[number] = Node(tree, top, (), quirks, page, next(self.next_inode))

    def forget(self, number: int) -> None:
        for below in self.nodes.pop(number).below.values():
            self.forget(below)

    def answer_next(self) -> bool:
        """Answer one request. False at the end."""
        try:
            data = os.read(self.fd, 1 << 17)
        except OSError as error:
            return error.errno != errno.ENODEV
        length, code, unique, node = struct.unpack_from("<IIQQ", data)
        if code in (FORGET, BATCH_FORGET):
            return True
        try:
            number, out = 0, self.answer(code, node, data[40:length])
        except OSError as error:
            number, out = error.errno or errno.EIO, b""
        with contextlib.suppress(OSError):  # The request was interrupted.
            os.write(self.fd, struct.pack("<IiQ", 16 + len(out), -number, unique) + out)
        return True

    def answer(self, code: int, number: int, body: bytes) -> bytes:
        if code == INIT:
            head = struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 12, 10, 65536, 1, 32, 0, 0)
            return head + bytes(28)
        if code == RELEASEDIR:
            self.open.pop(struct.unpack_from("<Q", body)[0], None)
            return b""
        if code == STATFS:
            return struct.pack("<QQQQQIIIIIIIIII", 0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 7)
        if code == OPEN:
            return struct.pack("<QII", 0, 0, 0)
        if code in (RELEASE, FLUSH, ACCESS):
            return b""
        node = self.nodes.get(number)
        if node is None:
            raise OSError(errno.ESTALE, "served no more")
        if code == LOOKUP:
            return self.look_up(node, os.fsdecode(body[:-1]))
        if code == GETATTR:
            if "unknown" in node.quirks and isinstance(node.entry, Dir) and len(node.path) > 1:
                raise OSError(errno.EIO, "nobody knows")
            return struct.pack("<QII", node.seconds, 0, 0) + attributes(node)
        if code == READLINK:
            assert isinstance(node.entry, Link)
            here = os.path.join(node.top, *node.path[:-1])
            return os.fsencode(target_of(node.entry, node.top, here))
        if code == READ:
            return node.read(*struct.unpack_from("<8xQI", body))
        if code == OPENDIR:
            node.check(4)
            handle = next(self.next_handle)
            self.open[handle] = Listing(node)
            return struct.pack("<QII", handle, 0, 0)
        if code == READDIR:
            handle, offset, size = struct.unpack_from("<QQI", body)
            return self.open[handle].read(offset, size)
        raise OSError(errno.ENOSYS, "not served")

    def look_up(self, parent: Node, name: str) -> bytes:
        if name == "slow":
            # For who must not ask.
            Path(self.asked).touch()
            time.sleep(2)
        parent.check(1)
        number = parent.below.get(name)
        if number is None:
            assert isinstance(parent.entry, Dir)
            entry = parent.entry.entries.get(name)
            if entry is None:
                raise OSError(errno.ENOENT, "no such entry")
            number = parent.below[name] = next(self.next_node)
            path, inode = (*parent.path, name), next(self.next_inode)
            self.nodes[number] = Node(entry, parent.top, path, parent.quirks, parent.page, inode)
        node = self.nodes[number]
        if "newino" in node.quirks:
            node.inode = next(self.next_inode)
        head = struct.pack("<QQQQII", number, 0, node.seconds, node.seconds, 0, 0)
        return head + attributes(node)


def attributes(node: Node) -> bytes:
    """Inode number, mode, number of links, size of a block."""
    mode, inode = MODES[type(node.entry)], 1 if "oneino" in node.quirks else node.inode
    head = inode, node.size, node.size // 512
    links = 2
    if "counted" in node.quirks and isinstance(node.entry, Dir):
        links += sum(isinstance(below, Dir) for below in node.entry.entries.values())
    return struct.pack("<QQQQQQIIIIIIIIII", *head, *[0] * 6, mode, links, 0, 0, 0, 4096, 0)


# In the namespace --------------------------------------------------------------------------


def cannot(what: str) -> NoReturn:
    print(f"{what}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
    sys.exit(CANNOT)


def _server(fd: int, top: str, mode: str, wide: int, deep: int) -> Server:
    if mode.startswith("folding+"):
        import fuse_folding

        return fuse_folding.Server(fd, frozenset(mode.split("+")))
    return Server(fd, top, mode, tree_of(mode, wide, deep))


def main(mode: str, wide: str, deep: str, timeout: str, code: str) -> int:
    """Mount the file system, serve it, and run the code."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, new_users = 0x20000, 0x10000000
    private_and_below = ctypes.c_ulong(0x40000 | 0x4000)
    with tempfile.TemporaryDirectory(prefix="pathvein-") as work:
        top = os.path.join(os.path.realpath(work), "mnt")
        os.mkdir(top)
        user, group = os.geteuid(), os.getegid()
        if libc.unshare(new_mounts if user == 0 else new_mounts | new_users):
            cannot("unshare")
        if user:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
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
        control, server_control = multiprocessing.Pipe()
        server = os.fork()
        if not server:
            try:
                control.close()
                _server(fd, top, mode, int(wide), int(deep)).serve(server_control)
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        os.close(fd)
        server_control.close()
        command = [sys.executable, "-c", code, top, str(control.fileno())]
        try:
            handles = (control.fileno(),)
            return subprocess.run(command, pass_fds=handles, timeout=float(timeout)).returncode
        finally:
            detach = 2
            libc.umount2(os.fsencode(top), detach)
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
