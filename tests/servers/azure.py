"""Azure Blob Storage: Azurite, a node program."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib.util import find_spec

from .process import INSTALLED, Missing, Process, accepts, free_port
from .store import KeyStore, Place

ACCOUNT = "devstoreaccount1"
#: The development account's key, which is public and the same everywhere.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite(KeyStore):
    name = "azure"

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
        from azure.storage.blob import BlobServiceClient

        self.connection_string = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )
        self.client = BlobServiceClient.from_connection_string(self.connection_string)

    def stop(self) -> None:
        self.client.close()
        self._process.stop()

    def can_hold(self, name: str) -> bool:
        # A blob's name must not end with a dot, nor any of its components.
        return super().can_hold(name) and not name.endswith(".")

    def keys(self, keys: Iterable[str]) -> Place:
        container = self.client.create_container(self.new_bucket())
        for key in keys:
            container.upload_blob(key, b"")
        url = f"az://{container.container_name}"
        return Place(url, {"connection_string": self.connection_string})
