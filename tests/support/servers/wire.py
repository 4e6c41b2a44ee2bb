"""A wire to a server of this machine that can be cut, and fall silent."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from .store import Place


class Wire:
    """Passes on what comes at its own port, both ways.

    `answer` may answer a request in the server's stead, and ends the connection with it.
    """

    def __init__(
        self,
        port: int,
        *,
        answer: Callable[[bytes], bytes | None] = lambda request: None,
    ) -> None:
        self._server = port
        self._answer = answer
        #: How many bytes the server may still say, and what happens then.
        self._left: float = float("inf")
        self._then: Callable[[], None] = self.cut
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self._silent = threading.Event()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def place(self, place: Place) -> Place:
        """What the server holds, by way of this wire."""
        server, wire = f":{self._server}", f":{self.port}"
        options = {
            name: value.replace(server, wire) if isinstance(value, str) else value
            for name, value in place.options.items()
        }
        if "port" in options:
            options["port"] = self.port
        return dataclasses.replace(place, url=place.url.replace(server, wire), options=options)

    def after(self, count: int, then: Callable[[], None]) -> None:
        """Does something when the server has said so many bytes from now on."""
        with self._lock:
            self._left, self._then = count, then

    def cut(self) -> None:
        """Ends all connections. Others can be made."""
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def end(self) -> None:
        """Ends all connections, and lets no other be made."""
        with contextlib.suppress(OSError):
            # One that is only closed still waits.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def fall_silent(self) -> None:
        """From now on nothing that the server says gets through."""
        self._silent.set()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self.end()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                return
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._ends += [client, server]
            for source, sink, down in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, down), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        try:
            while said := source.recv(65536):
                if down:
                    with self._lock:
                        self._left -= len(said)
                        reached = self._left < 0
                        if reached:
                            self._left = float("inf")
                    if reached:
                        self._then()
                    if self._silent.is_set():
                        # Longer than any test waits.
                        self._closed.wait(300)
                        break
                elif (told := self._answer(said)) is not None:
                    source.sendall(told)
                    break
                sink.sendall(said)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
