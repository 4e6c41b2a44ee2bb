"""WebDAV, plain HTTP with index pages, and FTP: each serves a directory of this machine."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path

from .process import Missing, Process, accepts, free_port
from .store import DiskStore, Place


class _Served(DiskStore):
    #: The packages that it takes, server and client.
    packages: tuple[str, ...] = ()

    def start(self) -> None:
        for package in self.packages:
            if find_spec(package) is None:
                raise Missing(f"pip install {package}")
        self.port = free_port()
        self._process = Process([sys.executable, *self.command()], lambda: accepts(self.port))

    def stop(self) -> None:
        self._process.stop()
        super().stop()

    def command(self) -> list[str]:
        raise NotImplementedError

    def rel(self, path: Path) -> str:
        return path.relative_to(self.served).as_posix()


class WebDav(_Served):
    name = "webdav"
    packages = ("wsgidav", "cheroot", "webdav4")
    share = 0.1

    def can_hold(self, name: str) -> bool:
        # webdav4 puts paths into URLs as they are: see `test_names_that_webdav4_gets_wrong`.
        return super().can_hold(name) and name.isprintable() and not set(name) & set("%#?")

    def command(self) -> list[str]:
        run = "from wsgidav.server.server_cli import run; run()"
        root = ["--root", str(self.served), "--auth", "anonymous"]
        return ["-c", run, "--host", "127.0.0.1", "--port", str(self.port), *root, "-q"]

    def place(self, path: Path) -> Place:
        return Place(f"webdav+http://127.0.0.1:{self.port}/{self.rel(path)}", {"base_url": ""})


class Http(_Served):
    """Names that are the same in a URL, since a web page shows URLs and not names."""

    name = "http"
    packages = ("aiohttp",)

    def command(self) -> list[str]:
        where = ["--bind", "127.0.0.1", "--directory", str(self.served)]
        return ["-m", "http.server", *where, str(self.port)]

    def can_hold(self, name: str) -> bool:
        return re.fullmatch(r"[A-Za-z0-9._~-]+", name) is not None

    def place(self, path: Path) -> Place:
        return Place(f"http://127.0.0.1:{self.port}/{self.rel(path)}/")


class Ftp(_Served):
    """Its commands are lines."""

    name = "ftp"
    packages = ("pyftpdlib",)

    def command(self) -> list[str]:
        where = ["-i", "127.0.0.1", "-p", str(self.port)]
        return ["-m", "pyftpdlib", *where, "-d", str(self.served)]

    def can_hold(self, name: str) -> bool:
        return super().can_hold(name) and not set(name) & set("\r\n") and name == name.strip()

    def place(self, path: Path) -> Place:
        return Place(f"ftp://127.0.0.1:{self.port}/{self.rel(path)}")
