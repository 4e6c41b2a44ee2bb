"""System calls on files, as Windows and the others have them.

What lies below a match or a destination is reached by the `extended` path of that, and named in
errors by the path that the caller knows.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from pathvein._listing import is_link, noted

T = TypeVar("T")

WINDOWS = os.name == "nt"

#: What Windows says of a file that another program has open: ERROR_SHARING_VIOLATION,
#: ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE; and of some, ERROR_ACCESS_DENIED.
_OPEN = frozenset({32, 33, 1224})
_BUSY = _OPEN | {5}
#: ERROR_PRIVILEGE_NOT_HELD
_NO_PRIVILEGE = 1314
#: What is said of a lock that somebody else has.
_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})

#: Seconds to try again: programs that look at every new file, such as virus scanners, soon let go.
PATIENCE = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2

_NOT_FOLLOWED = getattr(os, "O_NOFOLLOW", 0)
_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_CLOEXEC", 0)


# Errors ---------------------------------------------------------------------------------------


def is_busy(error: OSError) -> bool:
    """Whether another program may have it open, and let go of it soon."""
    return getattr(error, "winerror", None) in _BUSY


def advice(error: OSError) -> str | None:
    """What can be done about an error that its text does not explain."""
    code = getattr(error, "winerror", None)
    if code in _OPEN:
        return "another program has it open: close it there, and copy again"
    if code == _NO_PRIVILEGE:
        return (
            "links take the developer mode of Windows, or an administrator: turn it on, or copy "
            'with links="follow"'
        )
    return None


@contextlib.contextmanager
def doing(what: str, path: str) -> Iterator[None]:
    """Errors within it are those of a path, with a note of what was being done."""
    try:
        yield
    except OSError as error:
        if not getattr(error, "__notes__", None):
            error.filename, error.filename2 = path, None
            noted(error, what)
            if (text := advice(error)) is not None:
                error.add_note(text)
        raise


def refused(path: str, reason: str, doing: str = "comparing the matches") -> OSError:
    """The error of what is not done, though the system might."""
    return noted(OSError(errno.EINVAL, reason, path), doing)


def patiently(act: Callable[[], T], *, seconds: float | None = None) -> T:
    """Try again for a while as long as another program may have it open."""
    end, pause = time.monotonic() + (seconds or PATIENCE), _FIRST_PAUSE
    while True:
        try:
            return act()
        except OSError as error:
            if not is_busy(error) or time.monotonic() >= end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


# Paths ----------------------------------------------------------------------------------------


def extended(path: str, *, windows: bool = WINDOWS) -> str:
    r"""An absolute path in the form that may be longer than 260 characters: ``\\?\C:\lab``.

    Nothing of it is interpreted then, so that it must have no ``.``, ``..`` and slashes.
    """
    if not windows or path.startswith(("\\\\?\\", "\\\\.\\")):
        return path
    return f"\\\\?\\UNC{path[1:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"


def below(top: str, rel: str) -> str:
    """A path below another, by its components with a slash between them."""
    return os.path.join(top, *rel.split("/")) if rel else top


def looked_at(path: str) -> os.stat_result | None:
    """What is there, links not followed; `None` for nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


# Files ----------------------------------------------------------------------------------------


def open_to_read(path: str, *, follow: bool) -> int:
    """Open a regular file. Anything else is refused, and not waited for."""
    flags = os.O_RDONLY | _PLAIN | getattr(os, "O_NONBLOCK", 0)
    if not follow and not _NOT_FOLLOWED and is_link(os.lstat(path)):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    fd = os.open(path, flags if follow else flags | _NOT_FOLLOWED)
    if not stat.S_ISREG(mode := os.fstat(fd).st_mode):
        os.close(fd)
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
        raise OSError(code, os.strerror(code), path)
    return fd


def open_new(path: str) -> int:
    """Make a file, and open it for writing."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOT_FOLLOWED | _PLAIN, 0o666)


def write_all(fd: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def copy_metadata(original: os.stat_result, path: str) -> None:
    """Give a copy the times of its original, and its mode: on Windows if it may be written to."""
    os.utime(path, ns=(original.st_atime_ns, original.st_mtime_ns))
    # Where there are owners the copy may have another, so no program runs as that.
    with contextlib.suppress(PermissionError):
        os.chmod(path, stat.S_IMODE(original.st_mode) & 0o777)


def rename_new(old: str, new: str, *, seconds: float) -> None:
    """Rename a directory to a name that nothing has. Raises `FileExistsError` if something does."""

    def rename() -> None:
        if WINDOWS:
            os.rename(old, new)
            return
        # It would replace an empty directory, so one is made that it may.
        os.mkdir(new)
        try:
            os.rename(old, new)
        except OSError:
            with contextlib.suppress(OSError):
                os.rmdir(new)
            raise

    patiently(rename, seconds=seconds)


def replace(old: str, new: str) -> bool:
    """Give a file the name of another, which it replaces. Whether there was one."""
    there = looked_at(new)
    if there is not None and stat.S_ISDIR(there.st_mode) and not is_link(there):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), new)
    # Windows replaces nothing that is read-only, where other systems do not ask.
    read_only = WINDOWS and there is not None and not there.st_mode & stat.S_IWRITE
    if read_only:
        os.chmod(new, stat.S_IWRITE)
    try:
        patiently(lambda: os.replace(old, new))
    except OSError:
        if read_only:
            with contextlib.suppress(OSError):
                os.chmod(new, stat.S_IREAD)
        raise
    return there is not None


# Removing -------------------------------------------------------------------------------------


def remove_tree(path: str) -> bool:
    """Remove a directory and all that is in it, but nothing behind a link. Whether it is gone.

    What is no directory itself is left as it is.
    """
    with contextlib.suppress(OSError):
        there = looked_at(path)
        if there is None:
            return True
        if is_link(there) or not stat.S_ISDIR(there.st_mode):
            return False
        os.chmod(path, stat.S_IRWXU)
    try:
        with os.scandir(path) as found:
            entries = list(found)
    except OSError:
        entries = []
    for entry in entries:
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and not is_link(status):
                remove_tree(entry.path)
            else:
                remove_file(entry.path, status)
    with contextlib.suppress(OSError):
        patiently(lambda: os.rmdir(path))
    return not os.path.lexists(path)


def remove_file(path: str, status: os.stat_result) -> None:
    """Remove a file or a link, also one that may not be written to."""
    if WINDOWS and not status.st_mode & stat.S_IWRITE:
        os.chmod(path, stat.S_IWRITE)
    # Links to directories, and junctions, are removed as directories there.
    is_directory = WINDOWS and bool(
        getattr(status, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_DIRECTORY
    )
    patiently(lambda: (os.rmdir if is_directory else os.unlink)(path))


# Locks ----------------------------------------------------------------------------------------


def lock(fd: int) -> bool:
    """Lock a file for this process, until it is closed. Whether nobody else has it locked.

    Raises `OSError` where there are no locks.
    """
    try:
        if WINDOWS:
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True
