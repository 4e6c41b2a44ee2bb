"""Information about the Rust core."""

from __future__ import annotations

import pathvein_core

__all__ = ["BackendInfo", "get_backend_info"]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class BackendInfo(TypedDict):
        """The result of :func:`get_backend_info`."""

        has_rust: bool
        backend: str
        features: list[str]
else:
    BackendInfo = dict


def get_backend_info() -> BackendInfo:
    """Describe the backend.

    Returns:
        ``has_rust``, always true; ``backend``, always ``"rust"``; and ``features``, the names
        of what the backend does: ``"match"`` (name globs), ``"scan"`` and ``"walk"`` (local
        trees, in parallel), ``"copy"`` (from and to local directories; not on Windows, where
        Python copies), ``"listing"`` (matching trees that are listed from Python).

    Example:
        >>> get_backend_info()["backend"]
        'rust'
    """
    features = ["listing", "match", "scan", "walk"]
    if hasattr(pathvein_core, "Copy"):
        features.insert(0, "copy")
    return {"has_rust": True, "backend": "rust", "features": features}
