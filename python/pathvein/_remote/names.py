"""Paths of entries, and keys that cannot be paths: what needs no fsspec is in `pathvein._keys`."""

from __future__ import annotations

from pathvein._keys.names import BAD_COMPONENTS as BAD_COMPONENTS
from pathvein._keys.names import bad_component as bad_component
from pathvein._keys.names import bad_key as bad_key
from pathvein._keys.names import join as join
from pathvein._keys.names import unaddressable as unaddressable
