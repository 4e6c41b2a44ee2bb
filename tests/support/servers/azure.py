"""Azure Blob Storage: Azurite, a node program."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from urllib.parse import quote

from .process import INSTALLED, Missing, Process, Web, accepts, free_port
from .store import KeyStore, Place, content_of

ACCOUNT = "devstoreaccount1"
#: The development account's key, which is public and the same everywhere.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite(KeyStore):
    name = "azure"
    share = 0.1

    def start(self) -> None:
        node = shutil.which("node")
        main = INSTALLED / "azurite/node_modules/azurite/dist/src/blob/main.js"
        if node is None or not main.exists() or find_spec("azure.storage.blob") is None:
            raise Missing("node and npm, then scripts/servers; pip install adlfs")
        self.port = port = free_port()
        options = [
            "--inMemoryPersistence",
            "--disableTelemetry",
            "--skipApiVersionCheck",
            "--silent",
        ]
        self._process = Process(
            [node, str(main), "--blobHost", "127.0.0.1", "--blobPort", str(port), *options],
            lambda: accepts(port),
        )
        from azure.storage.blob import (
            AccountSasPermissions,
            ResourceTypes,
            generate_account_sas,
        )

        self.connection_string = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )
        # One signature for all requests, so that they can be made by hand: the package's own
        # client puts `.` and `..` in names right, and what it signs is then not what it sends.
        self.signature = generate_account_sas(
            ACCOUNT,
            KEY,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
            datetime.now(UTC) + timedelta(days=1),
        )
        self.web = Web(port, {"x-ms-version": "2024-11-04"})

    def stop(self) -> None:
        self.web.close()
        self._process.stop()

    def can_hold(self, name: str) -> bool:
        # Backslashes are made slashes. A line feed, and an empty query or fragment (a # or ? at
        # the end, ?#), are lost in adlfs's paths: see `test_names_that_adlfs_loses`.
        lost = set(name) & set("\\\n") or name[-1] in "#?" or "?#" in name
        return super().can_hold(name) and not lost

    def keys(self, keys: Iterable[str]) -> Place:
        container = self.new_bucket()
        self.web.ask("PUT", f"/{ACCOUNT}/{container}?restype=container&{self.signature}")
        place = Place(f"az://{container}", {"connection_string": self.connection_string})
        for key in keys:
            self.put(place, key)
        return place

    def put(self, place: Place, key: str) -> None:
        self._put(place, key, {})

    def put_folder(self, place: Place, key: str) -> None:
        """A blob that stands for a directory, as Data Lake and Hadoop make them."""
        self._put(place, key, {"x-ms-meta-hdi_isfolder": "true"})

    def _put(self, place: Place, key: str, headers: dict[str, str]) -> None:
        target = f"/{ACCOUNT}/{place.url.removeprefix('az://')}/{quote(key)}?{self.signature}"
        body = content_of("" if headers else key)
        self.web.ask("PUT", target, body, {"x-ms-blob-type": "BlockBlob", **headers})
