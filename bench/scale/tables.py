"""The tables by name: a line for each, with what `--help` says of it in its docstring."""

from __future__ import annotations

from collections.abc import Callable

from driver.report import Table

from . import callers_cost, inventories, keys, stores, trees
from .settings import Settings

#: In the order in which they are measured.
ALL: dict[str, Callable[[Settings], Table]] = {
    "trees": trees.trees,
    "skewed": trees.skewed,
    "inventories": inventories.inventories,
    "callers-cost": callers_cost.callers_cost,
    "stores": stores.stores,
    "keys": keys.keys,
}
