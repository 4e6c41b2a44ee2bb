"""S3, by implementations that know nothing of each other."""

from __future__ import annotations

import contextlib
import functools
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

from reference import Tree

from .list_stub import ListStub
from .process import INSTALLED, Missing, Process, Web, accepts, free_port
from .store import KeyStore, Place, Store, content_of, keys_of


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


class GoFakes3(_S3):
    """A Go program."""

    name = "s3-gofakes3"

    def command(self) -> tuple[list[str], dict[str, str]]:
        where = ["-host", f"127.0.0.1:{self.port}", "-backend", "memory", "-quiet"]
        return [_built("gofakes3"), *where], {}


class VersityGw(Store):
    """A gateway to a directory, in Go: no name may be file and directory."""

    name = "s3-versitygw"
    share = 0.05

    def start(self) -> None:
        program = _built("versitygw")
        self.port = port = free_port()
        self._numbers = iter(range(1 << 30))
        # Not in memory: it needs extended attributes.
        self._served = tempfile.TemporaryDirectory()
        self._process = Process(
            [program, "--port", f"127.0.0.1:{port}", "--quiet", "posix", self._served.name],
            lambda: accepts(port),
            env={"ROOT_ACCESS_KEY": "x", "ROOT_SECRET_KEY": "ssssssss"},
        )

    def stop(self) -> None:
        self._process.stop()
        self._served.cleanup()

    @functools.cached_property
    def _client(self) -> Any:
        import botocore.session

        return botocore.session.get_session().create_client(
            "s3",
            "us-east-1",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="x",
            aws_secret_access_key="ssssssss",
        )

    @contextlib.contextmanager
    def tree(self, value: Tree) -> Iterator[Place]:
        bucket = f"pathvein-{next(self._numbers)}"
        self._client.create_bucket(Bucket=bucket)
        for key in ["src-/x", "src.txt", "src0/x", "sr/x", *keys_of(value, "src/")]:
            self._client.put_object(Bucket=bucket, Key=key, Body=content_of(key))
        endpoint = f"http://127.0.0.1:{self.port}"
        options = {"endpoint_url": endpoint, "key": "x", "secret": "ssssssss"}
        yield Place(f"s3://{bucket}/src", options)


def _built(name: str) -> str:
    program = INSTALLED / name / name
    if not program.exists():
        raise Missing("Go (https://go.dev/dl), then scripts/servers")
    return str(program)
