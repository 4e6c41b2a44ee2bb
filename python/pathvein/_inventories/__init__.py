"""Inventories: the listings of a bucket that its provider makes.

This package is imported only for them, as it needs what the extra ``inventory`` installs. Its
modules:

* `manifest`: what manifests say, and which provider's they are; `s3`, `gcs`, `azure`: each one's;
* `place`: the file system of a manifest, and fetching and verifying the files it names;
* `tables`: the rows of these, and which stand for what is there;
* `sorting`: sorting keys on disk;
* `scanning`: the producer of a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pathvein._inventories.sorting  # noqa: F401  # says what is to be installed
from pathvein._inventories.manifest import read_manifest
from pathvein._inventories.place import Place
from pathvein._inventories.scanning import InventoryProducer

__all__ = ["open_inventory"]


def open_inventory(
    manifest: object,
    prefix: str,
    patterns: Any,
    *,
    storage_options: Mapping[str, Any] | None,
    **options: Any,
) -> InventoryProducer:
    """Read a manifest, and start the producer of a scan or a check."""
    place = Place(manifest, storage_options)
    inventory = read_manifest(place)
    return InventoryProducer(
        place, inventory, prefix, patterns, storage_options=storage_options, **options
    )
