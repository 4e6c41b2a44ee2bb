"""The places that hold the version, and how to write another into all of them.

``scripts/set-version VERSION``
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Releases only: cargo and Python write candidates differently.
VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_LOCKED = r'(?m)^name = "pathvein-(?:core|py)"\nversion = "(.+)"$'
#: Files, and a regular expression for each kind of place in one; its group is the version.
PLACES = {
    "Cargo.toml": [
        r'(?m)^version = "(.+)"$',
        r'(?m)^pathvein-core = .*version = "=([^"]+)"',
    ],
    "Cargo.lock": [_LOCKED],
    "fuzz/Cargo.lock": [_LOCKED],
    "bench/Cargo.lock": [_LOCKED],
    "crates/py/pyproject.toml": [r'(?m)^version = "(.+)"$'],
    "python/pyproject.toml": [r'(?m)^version = "(.+)"$', r'"pathvein-core==([^"]+)"'],
    # What the hook for pre-commit installs, and how it is shown.
    "pyproject.toml": [r'(?m)^version = "(.+)"$', r'"pathvein\[cli,yaml\]==([^"]+)"'],
    "examples/checking/gate/pre-commit-config.yaml": [r"(?m)^    rev: v(.+)$"],
    "docs/checking.md": [r"(?m)^    rev: v(\d.+)$"],
    "docs/releasing.md": [r"(?m)^ *\$ version=(.+)$"],
    "CITATION.cff": [r'(?m)^version: "?([^"\n]+)"?$'],
}


def versions(root: Path) -> list[tuple[str, str]]:
    """Each file, and a version that it holds; raises `ValueError` if a place is not there."""
    found = []
    for name, places in PLACES.items():
        text = (root / name).read_text(encoding="utf-8")
        for place in places:
            here = re.findall(place, text)
            if not here:
                raise ValueError(f"{name} has no place {place!r}")
            found += [(name, version) for version in here]
    return found


def set_version(root: Path, version: str) -> None:
    """Write `version` into all places, or into none. Raises `ValueError` or `OSError`."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version such as 0.10.1")
    versions(root)
    new = {}
    for name, places in PLACES.items():
        text = (root / name).read_text(encoding="utf-8")
        for place in places:
            text = re.sub(place, lambda found: _replaced(found, version), text)
        new[name] = text.encode()
    _write_all(root, new)


def _write_all(root: Path, new: dict[str, bytes]) -> None:
    """Write all files, or none: beside their places first, so that there is room for each."""
    beside = {name: root / f"{name}.new" for name in new}
    old = {name: (root / name).read_bytes() for name in new}
    placed: list[str] = []
    try:
        for name, text in new.items():
            beside[name].write_bytes(text)
        for name in new:
            os.replace(beside[name], root / name)
            placed.append(name)
    except BaseException:
        for name in placed:
            (root / name).write_bytes(old[name])
        for path in beside.values():
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _replaced(found: re.Match[str], version: str) -> str:
    start, end = found.span(1)
    text, begin = found.string, found.start()
    return text[begin:start] + version + text[end : found.end()]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {(__doc__ or '').split('``')[1]}")
    try:
        set_version(ROOT, sys.argv[1])
    except (ValueError, OSError) as error:
        sys.exit(str(error))
