"""UPaths of URLs and paths, and which of them are local.

What lists remote sources needs fsspec and universal-pathlib; this module tells if they are
missing. Like all that needs them it is imported only for URLs and UPaths.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

try:
    try:
        import fsspec  # noqa: F401
    except (OSError, TypeError, ValueError) as error:
        # It reads its files and variables when it is imported, and does not say which it was.
        raise ValueError(
            "fsspec cannot take its configuration (~/.config/fsspec, FSSPEC_... variables): "
            f"{error}"
        ) from error
    from upath import UPath
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

_LOCAL_PROTOCOLS = frozenset({"", "file", "local"})
#: What has a tree of its own in what comes after it in a chain.
_CONTAINERS = frozenset({"dir", "libarchive", "reference", "tar", "zip"})
_EXTRAS = {"s3fs": "s3", "gcsfs": "gcs", "adlfs": "azure"}


def is_local(path: UPath) -> bool:
    """Whether a UPath is one on this machine."""
    return path.protocol in _LOCAL_PROTOCOLS


def local_path(path: UPath) -> str | None:
    """The path on this machine that a UPath stands for, if it does."""
    return path.path if is_local(path) else None


def make_upath(source: str | UPath, storage_options: Mapping[str, Any] | None = None) -> UPath:
    """The UPath of a URL, or of a UPath with more options."""
    if isinstance(source, UPath) and not storage_options:
        return source
    if isinstance(source, str):
        head, chain, rest = source.partition("::")
        if chain and head in _CONTAINERS:
            # Its root is meant, as with fsspec. `UPath` takes the path in it to be that to it.
            source = f"{head}://::{rest}"
    # `UPath` would make one of its own class of it.
    cls = type(source) if isinstance(source, UPath) else UPath
    try:
        path: UPath = cls(source, **(storage_options or {}))
    except ImportError as error:
        raise missing_backend(str(source), error) from error
    if isinstance(source, str) and "://" not in source and is_local(path):
        raise ValueError(
            f"{source!r} is a URL, as it has '::', but of no known protocol: "
            "for a local path of that name, give a pathlib.Path"
        )
    return path


def local_upath(path: str) -> UPath:
    """The UPath of a local path, whatever it looks like."""
    upath: UPath = UPath(pathlib.PurePath(path))
    return upath


def missing_backend(url: str, error: ImportError) -> ImportError:
    """An error that says what to install for the file system of a URL."""
    text = f"{error.name or ''} {error}"
    extra = next((extra for package, extra in _EXTRAS.items() if package in text), None)
    hint = f"pip install 'pathvein[{extra}]'" if extra else str(error)
    return ImportError(f"the file system package for {url!r} is missing: {hint}", name=error.name)
