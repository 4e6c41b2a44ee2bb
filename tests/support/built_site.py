"""The site, built once for a run of the tests, and put on a port as GitHub Pages would."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import built_once

ROOT = Path(__file__).parents[2]
#: Versions as `scripts/docs --deploy` lists them: the site, and one that is only named.
VERSIONS = [
    {"version": "0.10", "title": "0.10", "aliases": ["latest"]},
    {"version": "0.9", "title": "0.9", "aliases": []},
]


def build(directory: Path) -> Path:
    """The site in a directory, built by the first of the workers that ask for it."""
    with built_once.locked(directory):
        site = directory / "pathvein" / "0.10"
        if not site.exists():
            built = directory / "built"
            shutil.rmtree(built, ignore_errors=True)
            command = ["-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(built)]
            done = subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=170,
            )
            assert done.returncode == 0, done.stdout
            assert done.stdout == ""
            site.parent.mkdir()
            (site.parent / "versions.json").write_text(json.dumps(VERSIONS))
            shutil.copy(built / "404.html", site.parent)
            built.rename(site)
    return site


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """As GitHub Pages: the page for what is not there, whatever was asked for."""
        if code != 404:
            return super().send_error(code, message, explain)
        page = Path(self.directory, "pathvein", "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
        return None


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of the site while it is served."""
    handler = functools.partial(_Handler, directory=str(site.parents[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/pathvein/{site.name}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
