"""Manifests of inventories: what they say, whoever wrote them."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathvein._inventories.place import Place

__all__ = ["Columns", "CsvForm", "Inventory", "InventoryFile", "normal", "parsed", "read_manifest"]


@dataclass(frozen=True)
class InventoryFile:
    """A file of keys."""

    #: Its key in the bucket of the inventories.
    key: str
    #: Its bytes, and their MD5 in hexadecimal digits, if the manifest tells them.
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Columns:
    """What the columns mean, by their normal names. Those that are not there say nothing."""

    #: The key.
    key: str
    #: Where this is false, the row is an older version. Where it has no value, it is one if it has
    #: a `version`.
    is_current: str = ""
    version: str = ""
    #: Where this is true, the row is left out.
    is_deleted: str = ""
    #: Where one of these has a value, the row is left out.
    must_be_empty: tuple[str, ...] = ()
    #: Where this is true, the key is a directory.
    is_directory: str = ""

    def names(self) -> set[str]:
        """All of them."""
        names = {self.key, self.is_current, self.version, self.is_deleted, self.is_directory}
        return (names | set(self.must_be_empty)) - {""}


@dataclass(frozen=True)
class CsvForm:
    """How CSV is written."""

    #: The columns' names; `None`: the first row of each file has them.
    names: tuple[str, ...] | None = None
    delimiter: str = ","
    #: Whether keys are URL-encoded.
    url_encoded: bool = False


@dataclass(frozen=True)
class Inventory:
    """What a manifest says."""

    #: The URL of the bucket. `None`: each key begins with its container.
    bucket_url: str | None
    #: When the provider began to list it.
    date: datetime
    #: ``"csv"``, ``"orc"`` or ``"parquet"``.
    format: str
    files: tuple[InventoryFile, ...]
    columns: Columns
    csv: CsvForm = field(default=CsvForm())
    #: How many rows there are in all files, if the manifest tells that.
    rows: int | None = None
    #: Whether a file with the checksum of the manifest lies beside it.
    has_checksum: bool = False
    #: What the protocol of URLs of containers is, if `bucket_url` is `None`.
    protocol: str = ""

    def __post_init__(self) -> None:
        if self.date < datetime.fromtimestamp(0, UTC):
            raise ValueError(f"its date is before 1970: {self.date}")


def normal(name: str) -> str:
    """The normal name of a column: providers write the same one as IsLatest and is_latest."""
    return name.strip().lower().replace("_", "").replace("-", "")


def time_of(text: object) -> datetime:
    """The time that a manifest has as text. Raises `ValueError`."""
    if not isinstance(text, str):
        raise ValueError(f"no time: {text!r}")
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def read_manifest(place: Place) -> Inventory:
    """Read a manifest, and verify its checksum.

    Raises the `OSError` of a file that cannot be read or has another checksum; `ValueError` if
    it is no manifest of an inventory that can be read.
    """
    content = place.read(place.manifest)
    inventory = parsed(content, place.url(place.manifest))
    if inventory.has_checksum:
        path = place.manifest.removesuffix(".json") + ".checksum"
        _verify(content, place.read(path), place.url(place.manifest))
    return inventory


def parsed(content: bytes, url: str) -> Inventory:
    """What a manifest says. Raises `ValueError`, which names the manifest."""
    from pathvein._inventories import azure, gcs, s3

    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise ValueError(f"{url!r} is no manifest of an inventory: {error}") from error
    if isinstance(manifest, dict):
        provider: Any
        for provider in s3, gcs, azure:
            if provider.is_manifest(manifest):
                try:
                    inventory: Inventory = provider.inventory_of(manifest)
                except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
                    what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
                    raise ValueError(f"the manifest {url!r} cannot be used: {what}") from error
                return inventory
    raise ValueError(
        f"{url!r} is no manifest of S3 Inventory, of a Storage Insights inventory report or of "
        "Azure blob inventory"
    )


def _verify(content: bytes, checksum: bytes, url: str) -> None:
    import base64
    import hashlib

    digest = hashlib.md5(content, usedforsecurity=False)
    told = checksum.decode("ascii", "replace").strip().strip('"')
    if told.lower() != digest.hexdigest() and told != base64.b64encode(digest.digest()).decode():
        raise OSError(
            errno.EIO,
            f"its MD5 is {digest.hexdigest()}, and the checksum beside it {told!r}: it was "
            "changed, or is not whole",
            url,
        )
