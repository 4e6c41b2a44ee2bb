"""Manifests of Amazon S3 Inventory.

Their fields and the columns of the files are those of "Locating your inventory list" and "Amazon
S3 Inventory list" in the Amazon S3 User Guide.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pathvein._inventories.manifest import Columns, CsvForm, Inventory, InventoryFile

__all__ = ["inventory_of", "is_manifest"]

_COLUMNS = Columns("key", is_current="islatest", version="versionid", is_deleted="isdeletemarker")
_FORMATS = ("csv", "orc", "parquet")


def is_manifest(manifest: dict[str, Any]) -> bool:
    """Whether it is one of S3 Inventory."""
    return "sourceBucket" in manifest and "fileSchema" in manifest


def inventory_of(manifest: dict[str, Any]) -> Inventory:
    """What the manifest says. Raises the error of what is wrong."""
    form = manifest["fileFormat"].lower()
    if form not in _FORMATS:
        raise ValueError(f"fileFormat is {manifest['fileFormat']!r}, not CSV, ORC or Parquet")
    csv = CsvForm()
    if form == "csv":
        # Only these have the columns there alone, and only in these keys are URL-encoded.
        names = tuple(name.strip() for name in manifest["fileSchema"].split(","))
        csv = CsvForm(names, url_encoded=True)
    files = tuple(
        InventoryFile(file["key"], int(file["size"]), file["MD5checksum"].lower())
        for file in manifest["files"]
    )
    # In the documentation one bucket is told by its name, the other by its ARN.
    bucket = manifest["sourceBucket"].rpartition(":")[2]
    time = int(manifest["creationTimestamp"]) / 1000
    date = datetime.fromtimestamp(time, UTC)
    return Inventory(f"s3://{bucket}", date, form, files, _COLUMNS, csv, has_checksum=True)
