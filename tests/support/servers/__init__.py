"""Stores for the tests: one module each that starts a server, fills it, and stops it.

All servers listen on 127.0.0.1 only, on ports that were free, and end with the test run.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .azure import Azurite
from .gcs import FakeGcs
from .local import Memory, Tar, Zip
from .s3 import GoFakes3, MiniStack, Moto, Stub, VersityGw
from .sftp import Paramiko, Sshfs
from .store import KeyStore, Store
from .web import Ftp, Http, WebDav

STORES: dict[str, type[Store]] = {
    cls.name: cls
    for cls in (
        *(Stub, Moto, MiniStack, GoFakes3, VersityGw, FakeGcs, Azurite, Paramiko, Sshfs),
        *(WebDav, Http, Ftp, Memory, Zip, Tar),
    )
}
#: Those that hold any key.
KEY_STORES = [name for name, cls in STORES.items() if issubclass(cls, KeyStore)]
#: The same, listed by another library: see the fixture `store`.
BY_OBSTORE = [f"{name} by obstore" for name in ("s3-ministack", "gcs", "s3-gofakes3", "azure")]


class Servers:
    """Starts stores when they are first asked for, and all that will be asked for along."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(8, "start a server")
        self._started: dict[str, Future[Store]] = {}

    def start(self, names: Any) -> None:
        """Begin to start them, side by side."""
        for name in names:
            if name not in self._started:
                self._started[name] = self._pool.submit(_start, STORES[name]())

    def get(self, name: str) -> Any:
        """The store, once it answers; raises `Missing`, or why it did not start."""
        self.start([name])
        return self._started[name].result()

    def stop(self) -> None:
        """Stop all."""
        self._pool.shutdown(wait=True)
        for future in self._started.values():
            if future.exception() is None:
                future.result().stop()


def _start(store: Store) -> Store:
    store.start()
    return store
