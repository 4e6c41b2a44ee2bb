"""Trees on a file system whose operations take time: see bench/src/mount.rs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .places import PROGRAM


class CannotMount(Exception):
    """Why there is none."""


@dataclass
class Mounted:
    """A mounted tree."""

    tree: Path
    _server: subprocess.Popen[str]

    def cold(self) -> dict[str, int]:
        """Make the kernel forget the tree, and tell how many operations there were since the last
        time."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        counts: dict[str, int] = json.loads(self._server.stdout.readline())
        return counts


@contextmanager
def mounted(
    mode: str, kind: str, size: int, *, microseconds: int = 1000, links: str = "one"
) -> Iterator[Mounted]:
    """A tree on such a file system; `CannotMount` where that is not possible."""
    if not os.path.exists("/dev/fuse"):
        raise CannotMount("there is no /dev/fuse")
    if os.geteuid():
        raise CannotMount("only root can mount")
    with tempfile.TemporaryDirectory(prefix="pathvein-mount-") as place:
        command = [PROGRAM, "mount", mode, kind, str(size), place]
        options = ["--delay", str(microseconds), "--links", links]
        # It ends when its standard input does, whatever becomes of this process. A session of
        # its own, as Ctrl-C must not end it before those that use what it has mounted.
        server = subprocess.Popen(
            [*map(str, command), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert server.stdin
        assert server.stdout
        assert server.stderr
        with server:
            if not server.stdout.readline():
                raise CannotMount(server.stderr.read().strip())
            try:
                yield Mounted(Path(place, "tree"), server)
            finally:
                server.stdin.close()
                server.wait()
