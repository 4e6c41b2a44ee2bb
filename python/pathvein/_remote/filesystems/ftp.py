"""FTP, through ftplib."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pathvein._remote.errors import ErrorMeanings
from pathvein._remote.filesystems.generic import FileSystem, made_again
from pathvein._remote.names import join

#: Connections that most servers allow one user.
_CONNECTIONS = 4


class Ftp(FileSystem):
    """A connection for each thread, which is made again if it is lost.

    The adapter sends the commands of `ls` itself: `ls` lists a denied directory as an empty one,
    and leaves out what it cannot read.
    """

    errors = ErrorMeanings(
        # The text of ftplib's errors is the reply, which begins with a number.
        disconnected_text=r"42[156]\b",
        texts=(
            (errno.ENOENT, r"^(?:501|550)\b.*\bno such (?:file|dir|path)"),
            (errno.EACCES, r"^530\b"),
        ),
    )
    threads = _CONNECTIONS

    _knows_mlsd = True

    @contextlib.contextmanager
    def connection(self, lost: bool) -> Iterator[Any]:
        yield made_again(self.fs)

    def close(self) -> None:
        super().close()
        if self._private:
            # The clone is logged in, too. Servers limit how many connections a user has.
            with contextlib.suppress(Exception):
                self.fs.ftp.close()

    async def ls(self, path: str) -> Iterable[Mapping[str, Any] | Exception]:
        if self._knows_mlsd:
            listed = await self.run(lambda fs: _mlsd(fs, path))
            if listed is not None:
                return listed
            # The server does not know the command. The other takes the place of this request.
            self._knows_mlsd = False
            self.counts.requests -= 1
        return await self.run(lambda fs: _list(fs, path))


def _mlsd(fs: Any, path: str) -> list[dict[str, Any]] | None:
    """The entries of a directory, or `None` if the server does not know the command."""
    from ftplib import error_perm

    try:
        return [
            {"name": join(path.strip("/"), name), "type": _mlsd_type(facts)}
            for name, facts in fs.ftp.mlsd(path or "/")
            if facts.get("type") not in ("cdir", "pdir")
        ]
    except error_perm as error:
        if str(error)[:3] in ("500", "502"):
            return None
        raise


def _mlsd_type(facts: Mapping[str, str]) -> str | None:
    """What an entry is; `None` if that is not told, as of links that some servers tell as such."""
    kind = facts.get("type", "").lower()
    return None if "link" in kind else kind or None


def _list(fs: Any, path: str) -> list[Mapping[str, Any] | Exception]:
    """The entries of a directory by the older command, whose lines are those of ``ls -l``."""
    from ftplib import error_perm

    lines: list[str] = []
    answer = fs.ftp.retrlines(f"LIST {path or '/'}", lines.append)
    if "fail" in answer.lower():
        # vsftpd: "226 Transfer done (but failed to open directory)."
        raise error_perm(f"550 permission denied: {answer}")
    entries: list[Mapping[str, Any] | Exception] = []
    unread = None
    for line in lines:
        fields = line.split(maxsplit=8)
        if len(fields) == 9:
            mode, name = fields[0], fields[8]
            if mode[0] == "l":
                name = name.partition(" -> ")[0]
            kind = {"d": "directory", "l": None}.get(mode[0], "file")
            if name not in (".", ".."):
                entries.append({"name": join(path.strip("/"), name), "type": kind})
        elif line.strip() and fields[0] != "total":
            unread = unread or line
    if unread is not None:
        entries.append(ValueError(f"the server lists what cannot be read: {unread!r}"))
    return entries
