"""S3, by two implementations that know nothing of each other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from urllib.parse import quote

from .list_stub import ListStub
from .process import INSTALLED, Missing, Process, Web, accepts, free_port
from .store import KeyStore, Place, content_of


class _S3(KeyStore):
    def start(self) -> None:
        self.port = free_port()
        command, env = self.command()
        self._process = Process(command, lambda: accepts(self.port), env=env)
        # Not signed by anybody, but it tells which service and whose account is meant.
        scope = "20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        self.web = Web(self.port, {"Authorization": f"AWS4-HMAC-SHA256 Credential=x/{scope}"})

    def stop(self) -> None:
        self.web.close()
        self._process.stop()

    # s3fs takes a tenth of a second to make a client.
    share = 0.05

    def command(self) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def keys(self, keys: Iterable[str]) -> Place:
        bucket = self.new_bucket()
        self.web.ask("PUT", f"/{bucket}")
        options = {"endpoint_url": f"http://127.0.0.1:{self.port}", "key": "x", "secret": "x"}
        place = Place(f"s3://{bucket}", options)
        for key in keys:
            self.put(place, key)
        return place

    def put(self, place: Place, key: str) -> None:
        target = f"/{place.url.removeprefix('s3://')}/{quote(key)}"
        self.web.ask("PUT", target, content_of(key))


class Moto(_S3):
    """Every LIST looks at all keys of the bucket: for small ones."""

    name = "s3-moto"

    def can_hold(self, name: str) -> bool:
        # It looks for keys in its URLs with a regular expression that ends at a line.
        return super().can_hold(name) and "\n" not in name

    def command(self) -> tuple[list[str], dict[str, str]]:
        if find_spec("moto") is None:
            raise Missing("pip install 'moto[server,s3]'")
        where = ["-H", "127.0.0.1", "-p", str(self.port)]
        return [sys.executable, "-m", "moto.server", *where], {}


class Stub(KeyStore):
    """The one that only lists: exact by construction, with pages of any size."""

    name = "s3-stub"
    share = 0.05

    def start(self) -> None:
        self.stub = ListStub().__enter__()

    def stop(self) -> None:
        self.stub.__exit__(None, None, None)

    def keys(self, keys: Iterable[str]) -> Place:
        # Small pages, so that any tree takes several.
        bucket = self.stub.bucket(keys, page_limit=3, repeats=next(self._numbers) % 2 == 0)
        return Place(bucket.url, bucket.options)


class MiniStack(_S3):
    """Of those that the registries offer, the one that was exact on every key and listing."""

    name = "s3-ministack"

    def command(self) -> tuple[list[str], dict[str, str]]:
        env = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "SERVICES": "s3"}
        program = INSTALLED / "ministack/bin/ministack"
        if not program.exists():
            raise Missing("scripts/servers")
        return [str(program)], {**env, "LOG_LEVEL": "ERROR"}
