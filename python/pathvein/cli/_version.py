"""What ``pathvein --version`` writes: the version, and what else a report of a bug needs."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys

from pathvein import __version__

__all__ = ["versions"]

#: What is asked after: the halves of pathvein, and whatever lists, copies or shows for it.
_DISTRIBUTIONS = (
    *("pathvein", "pathvein-core", "click", "rich", "rich-click"),
    *("fsspec", "universal-pathlib", "s3fs", "gcsfs", "adlfs", "paramiko", "obstore"),
    *("distributed", "duckdb", "pyarrow", "Jinja2", "PyYAML"),
)
_METADATA = re.compile(r"([^-]+)-([^-]+)(?:-[^-]+)?\.(?:dist|egg)-info")


def versions() -> str:
    """The version in the first line, as ever; below it the machine and what is installed."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        python += " without the GIL"
    found = _installed()
    parts = [f"{name} {found[key]}" for name in _DISTRIBUTIONS if (key := _key(name)) in found]
    return "\n".join(
        [
            f"pathvein, version {__version__}",
            f"{python}, {platform.platform()}",
            ", ".join(parts),
        ]
    )


def _installed() -> dict[str, str]:
    """Versions by names, from where distributions are installed.

    By the names of their directories: to import `importlib.metadata` takes as long as all else.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder or os.curdir):
                if match := _METADATA.fullmatch(name):
                    # What comes first is what is imported.
                    found.setdefault(_key(match[1]), match[2])
    return found


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
