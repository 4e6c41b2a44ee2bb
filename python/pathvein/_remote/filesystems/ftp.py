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

    The adapter sends the command of `ls` itself: `ls` lists a denied directory as an empty one.
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
            # The server does not know the command: `ls` has another, in place of this request.
            self._knows_mlsd = False
            self.counts.requests -= 1
        return await super().ls(path)


def _mlsd(fs: Any, path: str) -> list[dict[str, Any]] | None:
    """The entries of a directory, or `None` if the server does not know the command."""
    from ftplib import error_perm

    try:
        return [
            {"name": join(path.strip("/"), name), "type": facts.get("type")}
            for name, facts in fs.ftp.mlsd(path or "/")
            if facts.get("type") not in ("cdir", "pdir")
        ]
    except error_perm as error:
        if str(error)[:3] in ("500", "502"):
            return None
        raise
