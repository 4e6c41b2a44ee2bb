"""Checks what scripts/package built: the files in each archive, and their metadata.

``python scripts/check_dist.py dist [--free-threaded]``
"""

import fnmatch
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"]
# What each archive has to hold, beside the licences, by globs over its names.
CORE = ["*/__init__.py", "*/__init__.pyi", "*/py.typed"]
EXPECTED = {
    "pathvein_core-*-cp311-abi3-*.whl": [*CORE, "*/pathvein_core.abi3.so"],
    "pathvein_core-*.tar.gz": [
        "*/PKG-INFO",
        "*/crates/py/pathvein_core.pyi",
        "*/crates/core/src/lib.rs",
        "*/Cargo.lock",
    ],
    "pathvein-*-py3-none-any.whl": [
        "pathvein/__init__.py",
        "pathvein/_page/page.css",
        "pathvein/_page/page.html.jinja",
        "pathvein/_page/page.js",
        "pathvein/pattern.schema.json",
        "pathvein/py.typed",
    ],
    "pathvein-*.tar.gz": ["*/PKG-INFO", "*/pathvein/py.typed", "*/README.md"],
    "pathvein-core-*.crate": ["*/Cargo.toml", "*/README.md", "*/src/lib.rs"],
}
FREE_THREADED = {"pathvein_core-*-cp3??t-*.whl": [*CORE, "*/pathvein_core.*.so"]}


def contents(path: Path) -> dict[str, bytes]:
    """The regular files of an archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(path) as archive:
        return {
            member.name: file.read()
            for member in archive
            if member.isfile() and (file := archive.extractfile(member))
        }


def check(path: Path, globs: list[str]) -> list[str]:
    """What is wrong with one archive."""
    files = contents(path)
    problems = [
        f"holds no {glob}" for glob in globs if not any(fnmatch.fnmatchcase(f, glob) for f in files)
    ]
    for licence in LICENCES:
        # A link that leads out of the archive, or one packed as text, is no licence.
        found = [files[f] for f in files if f.rsplit("/", 1)[-1] == licence]
        if not any(len(text) > 1000 for text in found):
            problems.append(f"holds no {licence}")
    problems += [f"holds {f}" for f in files if "__pycache__" in f or f.endswith(".pyc")]
    for name, text in files.items():
        if name.endswith((".dist-info/METADATA", "/PKG-INFO")):
            metadata = Metadata.from_email(text, validate=True)
            if metadata.license_expression != "MIT OR Apache-2.0":
                problems.append(f"its licence is {metadata.license_expression}")
            if not metadata.description:
                problems.append("has no description")
    return [f"{path}: {problem}" for problem in problems]


def main(dist: Path, free_threaded: bool) -> list[str]:
    """What is wrong in all of dist."""
    problems = []
    unknown = set(dist.iterdir())
    for glob, globs in (EXPECTED | (FREE_THREADED if free_threaded else {})).items():
        paths = list(dist.glob(glob))
        if len(paths) != 1:
            problems.append(f"{dist}: {len(paths)} files {glob}")
        for path in paths:
            problems += check(path, globs)
            unknown.discard(path)
    return problems + [f"{path}: not expected" for path in sorted(unknown)]


if __name__ == "__main__":
    if failures := main(Path(sys.argv[1]), "--free-threaded" in sys.argv[2:]):
        sys.exit("\n".join(failures))
