"""Manifests of Azure Storage blob inventory.

Their fields and the columns are those of "Azure Storage blob inventory" in Microsoft's
documentation. An inventory is that of an account, and its names begin with the container.
"""

from __future__ import annotations

from typing import Any

from pathvein._inventories.manifest import Columns, Inventory, InventoryFile, time_of

__all__ = ["inventory_of", "is_manifest"]

_COLUMNS = Columns(
    "name",
    is_current="iscurrentversion",
    version="versionid",
    is_deleted="deleted",
    must_be_empty=("snapshot",),
    is_directory="hdiisfolder",
)


def is_manifest(manifest: dict[str, Any]) -> bool:
    """Whether it is one of blob inventory."""
    return "destinationContainer" in manifest and "ruleDefinition" in manifest


def inventory_of(manifest: dict[str, Any]) -> Inventory:
    """What the manifest says. Raises the error of what is wrong."""
    rule = manifest["ruleDefinition"]
    if manifest["status"] != "Succeeded":
        raise ValueError(f"its status is {manifest['status']!r}, not 'Succeeded'")
    if rule["objectType"] != "blob":
        raise ValueError(f"it lists objects of the type {rule['objectType']!r}, not 'blob'")
    form = rule["format"].lower()
    if form not in ("csv", "parquet"):
        raise ValueError(f"format is {rule['format']!r}, not 'csv' or 'parquet'")
    return Inventory(
        None,
        time_of(manifest["inventoryStartTime"]),
        form,
        tuple(InventoryFile(file["blob"], int(file["size"])) for file in manifest["files"]),
        _COLUMNS,
        rows=int(manifest["summary"]["objectCount"]),
        has_checksum=True,
        protocol="az",
    )
