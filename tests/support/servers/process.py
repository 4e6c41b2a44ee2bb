"""Server processes that end when whoever started them does.

A server is started by a keeper, which is this file run as a script: it holds the reading end of a
pipe and ends the server once the other end is gone, be it closed or its process killed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pwd

ROOT = Path(__file__).resolve().parents[3]
#: Where `scripts/servers` puts what no Python package brings.
INSTALLED = ROOT / ".servers"


class Missing(Exception):
    """The server is not installed; says how to."""


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Process:
    """A running server."""

    def __init__(
        self,
        command: list[str],
        answers: Callable[[], bool],
        *,
        env: Mapping[str, str] | None = None,
        user: pwd.struct_passwd | None = None,
        seconds: float = 60,
    ) -> None:
        """Start it and wait until it answers; if it does not, raise with what it said."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `stop`)
        identity = f"{user.pw_uid}:{user.pw_gid}" if user else ""
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", __file__, identity, *command],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            env={**os.environ, **(env or {})},
        )
        deadline = time.monotonic() + seconds
        while not answers():
            if self._keeper.poll() is not None or time.monotonic() > deadline:
                self._said.seek(0)
                said = self._said.read().decode(errors="replace")[-4000:]
                self.stop()
                raise RuntimeError(f"{command[0]} does not answer; it said:\n{said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it and wait for that."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        try:
            self._keeper.wait(15)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        self._said.close()


class Web:
    """A connection to a server on this machine, by which it is filled: bare, and kept alive."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = dict(headers or {})

    def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of the answer, which has to be a good one. Targets go out as they are."""
        for attempt in (1, 2):
            try:
                self._connection.request(method, target, body, {**self._headers, **(headers or {})})
                answer = self._connection.getresponse()
                told = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                # It had been idle for too long.
                self._connection.close()
                if attempt == 2:
                    raise
        assert answer.status < 300, (method, target, answer.status, told[:500])
        return told

    def close(self) -> None:
        self._connection.close()


def _keep(identity: str, command: list[str]) -> None:
    # A Ctrl-C at the terminal is meant for the tests; they let go of the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    become: dict[str, Any] = {}
    if identity:
        user, group = map(int, identity.split(":"))
        become = {"user": user, "group": group, "extra_groups": []}
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/", **become
    )
    let_go = threading.Event()

    def watch() -> None:
        os.read(0, 1)
        let_go.set()

    threading.Thread(target=watch, daemon=True).start()
    while child.poll() is None and not let_go.wait(0.2):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)
    # Its children too.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    _keep(sys.argv[1], sys.argv[2:])
