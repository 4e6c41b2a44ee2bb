"""SFTP, through paramiko."""

from __future__ import annotations

import contextlib
import socket
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pathvein._remote import retry
from pathvein._remote.errors import ErrorMeanings
from pathvein._remote.filesystems.generic import FileSystem, made_again, shallow_copy
from pathvein._remote.names import join

#: sshd allows ten sessions in one connection, and the user's is one of them.
_CHANNELS = 9
#: Requests in flight for one directory. fsspec sends fifty; each answer has about a hundred
#: entries.
_READ_AHEADS = 8
_KINDS = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


class Sftp(FileSystem):
    """A channel for each thread, in the user's connection until that is lost."""

    errors = ErrorMeanings(
        disconnected=("NoValidConnectionsError", "SSHException"),
        disconnected_text=r"socket is closed",
    )
    concurrency = 64
    resolves_links = True

    def __init__(self, fs: Any, base: str, **options: Any) -> None:
        self.threads = _CHANNELS if hasattr(getattr(fs, "client", None), "open_sftp") else 1
        super().__init__(fs, base, **options)

    @contextlib.contextmanager
    def connection(self, lost: bool) -> Iterator[Any]:
        """A channel in the user's connection, or in a new one if that is lost."""
        fs = self.fs
        if self.threads == 1:
            yield fs
            return
        own_client = None
        transport = None if lost else fs.client.get_transport()
        if transport is not None and transport.is_active():
            fs = shallow_copy(fs)
            with contextlib.suppress(OSError):
                # Otherwise a request waits for the acknowledgement of the last one, some 40 ms.
                transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            timeouts = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
            fs = made_again(fs, defaults=dict.fromkeys(timeouts, retry.TIMEOUT))
            own_client = fs.client
            transport = own_client.get_transport()
            fs.ftp.close()
        channel = None
        try:
            channel = fs.ftp = _open_channel(transport)
            yield fs
        finally:
            with contextlib.suppress(Exception):
                if channel is not None:
                    channel.close()
                if own_client is not None:
                    own_client.close()

    async def real_path(self, rel: str) -> str | None:
        path = self.path(rel)
        if not hasattr(self.fs.ftp, "normalize"):
            return None
        return str(await self.run(lambda fs: fs.ftp.normalize(path)))

    async def ls(self, path: str) -> Iterable[Mapping[str, Any] | Exception]:
        return await self.run(lambda fs: self._listdir(fs, path))

    def _listdir(self, fs: Any, path: str) -> list[dict[str, Any]]:
        entries = []
        for entry in fs.ftp.listdir_iter(path, read_aheads=_READ_AHEADS):
            self.check_open()
            mode = entry.st_mode or 0
            # A server need not tell what an entry is.
            kind = _KINDS.get(stat.S_IFMT(mode), "file") if stat.S_IFMT(mode) else None
            told: dict[str, Any] = {"name": join(path, entry.filename), "type": kind}
            if self.with_infos:
                told |= {"size": entry.st_size, "mtime": entry.st_mtime, "permissions": mode}
            entries.append(told)
        return entries


def _open_channel(transport: Any) -> Any:
    """An SFTP channel in a connection, with time-outs."""
    from paramiko import SFTPClient

    channel = transport.open_session(timeout=retry.TIMEOUT)
    try:
        channel.settimeout(retry.TIMEOUT)
        channel.invoke_subsystem("sftp")
        return SFTPClient(channel)
    except BaseException:
        channel.close()
        raise
