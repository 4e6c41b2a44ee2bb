"""SFTP: OpenSSH's own sshd, as a user whom permissions bind."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from .process import INSTALLED, Missing, Process, accepts, free_port
from .store import DiskStore, Place

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {keys}/host
AuthorizedKeysFile {keys}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
MaxStartups 500
MaxSessions 500
LogLevel ERROR
"""


class _Sftp(DiskStore):
    package: str

    def start(self) -> None:
        sshd, env = _program()
        if find_spec(self.package) is None or find_spec("cryptography") is None:
            raise Missing(f"pip install {self.package}")
        # Not "nobody", whose account is locked for some.
        import pwd

        root = os.geteuid() == 0
        user = pwd.getpwnam("daemon") if root else pwd.getpwuid(os.geteuid())
        self.user_name = user.pw_name
        self.port = free_port()
        keys = self.served / "keys"
        keys.mkdir()
        _write_keys(keys)
        (keys / "config").write_text(CONFIG.format(port=self.port, keys=keys))
        if root:
            for path in (keys, *keys.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        self.key = keys / "mine"
        self._process = Process(
            [str(sshd), "-D", "-e", "-f", str(keys / "config")],
            lambda: accepts(self.port),
            env=env,
            user=user if root else None,
        )

    def stop(self) -> None:
        self._process.stop()
        super().stop()


class Paramiko(_Sftp):
    name = "sftp-paramiko"
    package = "paramiko"

    def start(self) -> None:
        super().start()
        import fsspec
        from fsspec.implementations.sftp import SFTPFileSystem

        # Where sshfs is installed, it takes this name, too.
        fsspec.register_implementation("sftp", SFTPFileSystem, clobber=True)

    def place(self, path: Path) -> Place:
        own = {"look_for_keys": False, "allow_agent": False, "key_filename": str(self.key)}
        return Place(
            f"sftp://127.0.0.1{path}", {"port": self.port, "username": self.user_name, **own}
        )


class Sshfs(_Sftp):
    name = "sftp-sshfs"
    package = "sshfs"
    #: Instances of earlier tests. To collect them would close them in whatever thread that is.
    _earlier: ClassVar[list[object]] = []

    def renew(self) -> None:
        """Each test has a connection of its own.

        One that all tests shared was silent once, for longer than a test may take; why was not
        found. (Forks of this process, which other tests make, have its epoll instance.)
        """
        from fsspec import get_filesystem_class

        kind = get_filesystem_class("ssh")
        self._earlier.extend(kind._cache.values())
        kind.clear_instance_cache()

    def place(self, path: Path) -> Place:
        own = {"client_keys": [str(self.key)], "known_hosts": None, "agent_path": None}
        return Place(
            f"ssh://127.0.0.1{path}", {"port": self.port, "username": self.user_name, **own}
        )


def _program() -> tuple[Path, dict[str, str]]:
    """sshd by its absolute path, which it asks for, and what it needs to be found."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found:
        return Path(found).resolve(), {}
    unpacked = INSTALLED / "sshd"
    program = unpacked / "usr/sbin/sshd"
    if not program.exists():
        raise Missing("an sshd, such as Debian's openssh-server; or scripts/servers")
    libraries = sorted({str(path.parent) for path in unpacked.rglob("lib*.so.*")})
    return program.resolve(), {"LD_LIBRARY_PATH": ":".join(libraries)}


def _write_keys(folder: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    for name in ("host", "mine"):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(private)
        if name == "mine":
            public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
            (folder / "authorized").write_bytes(public + b"\n")
