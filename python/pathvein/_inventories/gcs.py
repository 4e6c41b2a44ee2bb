"""Manifests of inventory reports of Google Cloud Storage's Storage Insights.

The columns are the "metadata fields" of the reference of report configurations, and so are the
names in ``report_config``. See docs/inventories.md for what is not documented.
"""

from __future__ import annotations

from typing import Any

from pathvein._inventories.manifest import Columns, CsvForm, Inventory, InventoryFile, time_of

__all__ = ["inventory_of", "is_manifest"]

#: A noncurrent version has the time at which it became that; a soft-deleted object, of that, too.
_COLUMNS = Columns("name", must_be_empty=("timedeleted", "softdeletetime"))


def is_manifest(manifest: dict[str, Any]) -> bool:
    """Whether it is one of an inventory report."""
    return "report_shards_file_names" in manifest


def inventory_of(manifest: dict[str, Any]) -> Inventory:
    """What the manifest says. Raises the error of what is wrong."""
    config = _snake_case(manifest["report_config"])
    options = config["object_metadata_report_options"]
    bucket = options["storage_filters"]["bucket"].rpartition("/")[2]
    shards = manifest["report_shards_file_names"]
    count = int(manifest["shard_count"])
    if count != len(shards):
        raise ValueError(f"shard_count is {count}, and there are {len(shards)} names of shards")
    form, csv = "parquet", CsvForm()
    if "parquet_options" not in config:
        form = "csv"
        told = config.get("csv_options") or {}
        has_header = told.get("header_required", False)
        names = None if has_header else tuple(options["metadata_fields"])
        csv = CsvForm(names, told.get("delimiter") or ",")
    return Inventory(
        f"gs://{bucket}",
        time_of(manifest["snapshot_time"]),
        form,
        # They lie beside the manifest.
        tuple(InventoryFile(name.rpartition("/")[2]) for name in shards),
        _COLUMNS,
        csv,
        rows=int(manifest["records_processed"]),
    )


def _snake_case(value: Any) -> Any:
    """The same with names as protobuf has them, and not as its JSON."""
    if isinstance(value, dict):
        return {_snake(name): _snake_case(inner) for name, inner in value.items()}
    return value


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
