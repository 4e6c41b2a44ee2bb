"""The stores that the documentation's examples speak to, on this machine.

A page names buckets and hosts as its readers have them. Where it can, what it shows runs as it
stands: the environment says where the store is. Hosts that nobody has get a stand-in.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

#: What is in each store below `lab`: two runs, in six keys.
LAB = [f"run_{number}/{name}" for number in (1, 2) for name in ("a.csv", "b.csv", "config.json")]
#: The stores that each page speaks to.
PAGES = {
    "copying.md": ["s3-moto"],
    "start.md": ["s3-moto"],
    "stores.md": ["s3-moto", "gcs", "azure", "sftp-paramiko", "ftp", "webdav", "http"],
}
#: The pages that find the `LAB` in the stores; others fill a bucket themselves.
_FILLED = {"stores.md"}
#: The bucket that a page calls its own, of the stores that have buckets.
_BUCKETS = {"s3-moto": "my-bucket", "gcs": "my-bucket", "azure": "my-container"}
#: The URLs of those that serve directories.
_SERVERS = {
    "sftp-paramiko": "sftp://files.example.org",
    "ftp": "ftp://files.example.org",
    "webdav": "webdav+http://files.example.org",
    "http": "http://files.example.org",
}
_SFTP_OPTIONS = '"username": "me", "key_filename": "/home/me/.ssh/id_ed25519"'
S3_ENDPOINT = "http://minio.example.org:9000"
#: The profile that docs/stores.md shows.
PROFILE = """\
[profile minio]
endpoint_url = {}
region = us-east-1
aws_access_key_id = minio
aws_secret_access_key = minio123
"""
#: Instances that pages have made. To collect them would end their connections while others run.
_kept: list[object] = []


@contextmanager
def opened(
    page: str, started: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mapping[str, str]]:
    """The stores of a page, as its environment has them, and the stand-ins for its hosts."""
    stand_ins: dict[str, str] = {}
    with ExitStack() as stack:
        for name in PAGES[page]:
            server = started(name)
            if bucket := _BUCKETS.get(name):
                with monkeypatch.context() as patched:
                    patched.setattr(server, "new_bucket", lambda bucket=bucket: bucket)
                    server.keys([f"lab/{key}" for key in LAB] if page in _FILLED else [])
                stand_ins |= _bucket(name, server, monkeypatch)
            else:
                served = server.served / "lab"
                for key in LAB:
                    (served / key).parent.mkdir(parents=True, exist_ok=True)
                    (served / key).touch()
                for path in [served, *served.rglob("*")]:
                    path.chmod(0o755)
                stack.callback(shutil.rmtree, served)
                place = server.place(served)
                stand_ins[f"{_SERVERS[name]}/lab"] = place.url.rstrip("/")
                if name == "sftp-paramiko":
                    stand_ins[_SFTP_OPTIONS] = repr(place.options).strip("{}")
        yield stand_ins


def _bucket(name: str, server: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    if name == "s3-moto":
        import s3fs

        endpoint = f"http://127.0.0.1:{server.port}"
        config = Path("aws-config").absolute()
        config.write_text(PROFILE.format(endpoint))
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        # Options alone do not tell these from instances for other endpoints.
        _kept.append(s3fs.S3FileSystem._cache)
        monkeypatch.setattr(s3fs.S3FileSystem, "_cache", {})
        return {S3_ENDPOINT: endpoint}
    if name == "gcs":
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
        monkeypatch.setenv("NO_GCE_CHECK", "true")
    if name == "azure":
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", server.connection_string)
    return {}
