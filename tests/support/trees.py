"""Trees for the tests: described by values, built on disk or in ``memory://``, removed again.

A tree is a ``Dir`` of named entries. Names are what ``os.fsdecode`` gives, so every byte but
``/`` and NUL can be in one. ``Link(to="a/b")`` leads to that path of the same built tree, which
holds what is scanned beside what lies outside it; ``Link(raw=...)`` is taken as it is.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import reference


@dataclass(frozen=True)
class File:
    """A regular file."""


@dataclass(frozen=True)
class Fifo:
    """A named pipe: opening it would block."""


@dataclass(frozen=True)
class Socket:
    """A socket that nobody listens on."""


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    to: str | None = None
    raw: str | None = None
    absolute: bool = False


@dataclass(frozen=True)
class Dir:
    """A directory; ``mode`` is set last, so 0 makes it unreadable for who is not root."""

    entries: dict[str, Entry] = field(default_factory=dict)
    mode: int | None = None

    def __hash__(self) -> int:
        return id(self)


Entry = File | Fifo | Socket | Link | Dir


def tree(*paths: str) -> Dir:
    """A tree of files and directories (``"a/b/"``) from their paths."""
    top = Dir()
    for path in paths:
        here = top
        *parents, name = path.rstrip("/").split("/")
        for parent in parents:
            here = here.entries.setdefault(parent, Dir())  # type: ignore[assignment]
        if path.endswith("/"):
            here.entries.setdefault(name, Dir())
        else:
            here.entries[name] = File()
    return top


def build(top: Path, spec: Dir) -> Path:
    """Make the tree at ``top``, a path that is free or an empty directory."""
    modes: list[tuple[str, int]] = []
    os.makedirs(top, exist_ok=True)
    to_do = [(os.fspath(top), spec)]
    while to_do:
        here, directory = to_do.pop()
        if directory.mode is not None:
            _takes_unix("chmod", "directories that are closed")
            modes.append((here, directory.mode))
        to_do += _fill(os.fspath(top), here, directory)
    for path, mode in reversed(modes):
        os.chmod(path, mode)
    return top


def _fill(top: str, here: str, spec: Dir) -> list[tuple[str, Dir]]:
    """Make the entries of one directory; gives the directories that are to be filled."""
    below = []
    for name, entry in spec.entries.items():
        path = os.path.join(here, name)
        if isinstance(entry, Dir):
            os.mkdir(path)
            below.append((path, entry))
        elif isinstance(entry, File):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        elif isinstance(entry, Fifo):
            _takes_unix("mkfifo", "fifos")
            os.mkfifo(path)
        elif isinstance(entry, Socket):
            if sys.platform != "linux":
                pytest.skip("linux: makes sockets that nobody listens on")
            os.mknod(path, stat.S_IFSOCK | 0o600)
        else:
            try:
                os.symlink(target_of(entry, top, here), path)
            except OSError as error:
                if getattr(error, "winerror", None) == 1314:
                    pytest.skip("links take the developer mode of Windows")
                raise
    return below


def _takes_unix(function: str, what: str) -> None:
    """Skip a test whose tree has what Windows does not."""
    if os.name == "nt" or not hasattr(os, function):
        pytest.skip(f"unix: {what}")


def is_root() -> bool:
    """Whether permissions do not bind this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def target_of(link: Link, top: str, here: str) -> str:
    """Where a link in the directory `here` of the tree at `top` leads to."""
    if link.raw is not None:
        return link.raw
    target = os.path.join(top, link.to or "")
    return target if link.absolute else os.path.relpath(target, here)


def build_chain(top: Path, names: Iterable[str], *, comb: bool = False) -> None:
    """Directories within each other, and a file ``end`` in the last, however long the path.

    ``comb``: with a directory ``leaf`` that holds a file ``f`` beside each of them.
    """
    os.mkdir(top)
    here = os.open(top, os.O_RDONLY)
    try:
        for name in names:
            os.mkdir(name, dir_fd=here)
            if comb:
                os.mkdir("leaf", dir_fd=here)
                os.close(os.open("leaf/f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
            here, above = os.open(name, os.O_RDONLY, dir_fd=here), here
            os.close(above)
        os.close(os.open("end", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)


def remove_deep(top: str | Path) -> None:
    """Remove a tree of any depth with one handle and no recursion."""
    way: list[str] = []
    here = os.open(top, os.O_RDONLY)
    try:
        while True:
            below = _remove_files(here)
            if below is not None:
                way.append(below)
                flags = os.O_RDONLY | os.O_NOFOLLOW
                here, above = os.open(below, flags, dir_fd=here), here
                os.close(above)
            elif way:
                here, below_fd = os.open("..", os.O_RDONLY, dir_fd=here), here
                os.close(below_fd)
                os.rmdir(way.pop(), dir_fd=here)
            else:
                break
    finally:
        os.close(here)
    os.rmdir(top)


def _remove_files(here: int) -> str | None:
    """Empty a directory down to the first sub-directory, whose name this gives."""
    with os.scandir(here) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                return entry.name
            os.unlink(entry.name, dir_fd=here)
    return None


def remove(top: str | Path) -> None:
    """Remove a tree, unreadable, very deep and very long ones included."""
    try:
        shutil.rmtree(top)
    except (OSError, RecursionError):
        subprocess.run(["chmod", "-R", "u+rwX", "--", top], check=False)
        subprocess.run(["rm", "-rf", "--", top], check=True)


def public_base(fast: bool = False) -> str:
    """A directory for temporary files that every user can reach, unlike pytest's own.

    ``fast`` prefers memory to a disk: making and removing thousands of trees is most of what
    a random test does.
    """
    candidates = [tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"]
    for candidate in sorted(candidates, key="/dev/shm".__ne__) if fast else candidates:
        path = os.path.realpath(candidate)
        if not os.path.isdir(path) or not os.stat(path).st_mode & stat.S_IWOTH:
            continue
        chain = [path, *map(os.fspath, Path(path).parents)]
        if all(os.stat(part).st_mode & stat.S_IXOTH for part in chain):
            return path
    raise RuntimeError("no temporary directory is open to all users")


@contextlib.contextmanager
def built(spec: Dir, fast: bool = False) -> Iterator[Path]:
    """The tree in a new directory that every user can reach, removed afterwards."""
    base = tempfile.mkdtemp(prefix="pathvein-", dir=public_base(fast))
    os.chmod(base, 0o755)
    try:
        yield build(Path(base).resolve() / "top", spec)
    finally:
        remove(base)


#: File systems whose directories' link counts are two and their directories, as ``stat -f`` names
#: them.
COUNTING = {"ext2/ext3", "f2fs", "tmpfs", "xfs"}


def is_counting(path: str | Path) -> bool:
    """Whether it lies on one of those."""
    command = ["stat", "-f", "-c", "%T", path]
    return subprocess.check_output(command, text=True).strip() in COUNTING


#: The ``make`` fixture: builds a tree and gives its path.
Make = Callable[[Dir], Path]


# Trees as plain values, for memory:// ------------------------------------------------------


def as_value(spec: Dir) -> reference.Tree:
    """The tree without what a store cannot hold: links, fifos and sockets are left out."""
    dirs = {name: as_value(e) for name, e in spec.entries.items() if isinstance(e, Dir)}
    files = tuple(name for name, e in spec.entries.items() if isinstance(e, File))
    return reference.Tree(dirs, files)


_numbers = itertools.count()


@contextlib.contextmanager
def in_memory(value: reference.Tree, name: str = "src") -> Iterator[Any]:
    """The tree in fsspec's ``memory://``, which all of a process shares; gives its UPath."""
    from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
    from upath import UPath

    fs = MemoryFileSystem()
    top = f"/pathvein-{os.getpid()}-{next(_numbers)}"
    source = f"{top}/{name}" if name else top

    def put(path: str, here: reference.Tree) -> None:
        fs.pseudo_dirs.append(path)
        for file in here.files:
            fs.store[f"{path}/{file}"] = MemoryFile(fs, f"{path}/{file}", b"")
        for directory, below in here.dirs.items():
            put(f"{path}/{directory}", below)

    put(source, value)
    try:
        yield UPath(f"memory:/{source}")
    finally:
        for key in [key for key in fs.store if key.startswith(top + "/")]:
            del fs.store[key]
        fs.pseudo_dirs[:] = [d for d in fs.pseudo_dirs if d != top and not d.startswith(top + "/")]


# A user whom permissions bind --------------------------------------------------------------

NOBODY = 65534


class ChildFailed(AssertionError):
    """What went wrong in the child process, as the text of its traceback."""


def run_unprivileged(function: Callable[..., Any], *args: Any, timeout: float = 120) -> Any:
    """``function(*args)`` in a new process of a user whom permissions bind; gives its result.

    The function is one of a test module, arguments and result can be pickled. The child starts
    as who we are, imports everything, and only then drops its rights, so that neither the
    environment nor the checkout need be readable by anybody else. It is a new process and not a
    fork, since a scan before may have left threads.
    """
    _takes_unix("setuid", "users and permissions")
    module = sys.modules[function.__module__]
    request = pickle.dumps(
        (
            sys.path,
            os.path.dirname(os.path.abspath(module.__file__ or ".")),
            module.__name__,
            function.__name__,
            args,
        )
    )
    receiver, sender = os.pipe()
    try:
        child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), str(sender)],
            stdin=subprocess.PIPE,
            pass_fds=(sender,),
            cwd="/",
        )
    finally:
        os.close(sender)
    assert child.stdin is not None
    with os.fdopen(receiver, "rb") as pipe:
        try:
            # The answer fits a pipe's buffer or is read after the end; requests are small.
            child.stdin.write(request)
            child.stdin.close()
            answer = _read_all(pipe, timeout)
        except BaseException:
            child.kill()
            child.wait()
            raise
    status = child.wait()
    if not answer:
        raise ChildFailed(f"the child process ended with status {status} and without an answer")
    ok, value = pickle.loads(answer)
    if not ok:
        raise ChildFailed(value)
    return value


def _read_all(pipe: Any, timeout: float) -> bytes:
    import select
    import time

    deadline = time.monotonic() + timeout
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise ChildFailed(f"the child process was not done after {timeout} seconds")
        part = os.read(pipe.fileno(), 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def drop_rights() -> None:
    """Become a user whom permissions bind, and make sure that they do."""
    if is_root():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    with built(Dir({"closed": Dir({}, mode=0)})) as top:
        try:
            os.listdir(top / "closed")
        except PermissionError:
            pass
        else:
            raise AssertionError("a closed directory can still be read: the rights are not gone")


def _child(sender: int) -> None:
    import traceback

    sys.path[:], folder, module_name, name, args = pickle.loads(sys.stdin.buffer.read())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # What the module gets when it imports this file by name is a second copy: both are whole.
    function = getattr(importlib.import_module(module_name), name)
    _warm_up()
    try:
        drop_rights()
        answer = (True, function(*args))
    except BaseException:
        answer = (False, traceback.format_exc())
    with os.fdopen(sender, "wb") as pipe:
        pickle.dump(answer, pipe)


def _warm_up() -> None:
    """Do what makes Python and pathvein import what they import late, codecs included."""
    import json  # noqa: F401
    import traceback
    import warnings

    import pathvein

    for codec in ("utf-8", "utf-16-le", "utf-32-le", "utf-32-be", "ascii", "latin-1", "idna"):
        "".encode(codec)
    traceback.format_stack()
    spec = Dir({"a": Dir({"b": File()}), "loop": Link(raw="."), "c\udcff": Dir()})
    with built(spec) as top, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pattern = pathvein.FileStructurePattern("\udcff", ["b"])
        pathvein.scan(top, [pattern], follow_links=True)
        list(pathvein.iscan(top, pattern, follow_links=True))
        pathvein.walk_parallel(top)
        pattern.matches((str(top), ["a"], []))
        with contextlib.suppress(OSError):
            pathvein.scan(top / "missing", [pattern])


if __name__ == "__main__":
    _child(int(sys.argv[1]))
