"""Checks what is to be released: the files in each archive, their metadata, tags and sizes.

``python scripts/check_dist.py dist`` is about what scripts/package built on one machine;
with ``--release`` no wheel may be missing of all that a release has.
"""

import fnmatch
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

# What there is a wheel of pathvein-core for: every CPython from 3.11 on; the free-threaded ones,
# of which 3.14 has a wheel of its own, and from 3.15 on one is for all again.
INTERPRETERS = ["cp311-abi3", "cp314-cp314t", "cp315-abi3.abi3t"]
# And every system, by globs over the tag.
PLATFORMS = [
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    "manylinux2014_aarch64.manylinux_2_17_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_*_x86_64",
    "macosx_*_arm64",
    "win_amd64",
    "win_arm64",
]
#: Of a wheel, in bytes.
LARGEST = 3_000_000

LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"]
# What each archive has to hold, beside the licences, by globs over its names.
WHEEL = [
    "pathvein_core/__init__.py",
    "pathvein_core/__init__.pyi",
    "pathvein_core/py.typed",
    "pathvein_core/pathvein_core.*",
]
EXPECTED = {
    "pathvein_core-*.tar.gz": [
        "*/PKG-INFO",
        "*/needs_rust.py",
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
    if path.suffix == ".whl" and (size := path.stat().st_size) > LARGEST:
        problems.append(f"has {size:,} bytes, and may have {LARGEST:,}")
    return [f"{path}: {problem}" for problem in problems]


def audit(path: Path) -> list[str]:
    """What is wrong with the tag of a wheel for Linux: it asks for more of the system than it
    says.
    """
    # Not by one of the older names, which do not tell the version of the libc.
    claimed = re.search(r"[-.]((?:many|musl)linux)_(\d+)_(\d+)_(\w+)$", path.stem)
    if not claimed:
        return []
    command = [sys.executable, "-m", "auditwheel", "show", "--json", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    told = json.loads(done.stdout or '{"error": "nothing"}')
    tag = told.get("overall_tag") or told["error"]
    needed = re.fullmatch(r"((?:many|musl)linux)_(\d+)_(\d+)_(\w+)", tag)
    if (
        needed
        and (needed[1], needed[4]) == (claimed[1], claimed[4])
        and (int(needed[2]), int(needed[3])) <= (int(claimed[2]), int(claimed[3]))
    ):
        return []
    return [f"{path}: auditwheel says {tag}"]


def main(dist: Path, release: bool) -> list[str]:
    """What is wrong in all of dist."""
    problems = []
    unknown = set(dist.iterdir())
    for glob, globs in EXPECTED.items():
        paths = list(dist.glob(glob))
        # The crate is not built by whoever publishes it: cargo packs and uploads it at once.
        if len(paths) != 1 and not (release and not paths and glob.endswith(".crate")):
            problems.append(f"{dist}: {len(paths)} files {glob}")
        for path in paths:
            problems += check(path, globs)
            unknown.discard(path)

    of_platforms = {
        f"pathvein_core-*-{interpreter}-{platform}.whl"
        for interpreter in INTERPRETERS
        for platform in PLATFORMS
    }
    if release:
        for glob in sorted(of_platforms):
            if len(paths := list(dist.glob(glob))) != 1:
                problems.append(f"{dist}: {len(paths)} files {glob}")
    else:
        # Of this system, whatever it is, and for the Python that is here.
        of_platforms = {f"pathvein_core-*-{interpreter}-*.whl" for interpreter in INTERPRETERS}
        if not list(dist.glob("pathvein_core-*.whl")):
            problems.append(f"{dist}: no wheel of pathvein-core")
    for path in sorted({path for glob in of_platforms for path in dist.glob(glob)}):
        problems += check(path, WHEEL) + audit(path)
        unknown.discard(path)

    versions = {re.split(r"-(?:core-)?", path.name)[1] for path in dist.iterdir()}
    versions = {version.removesuffix(".tar.gz").removesuffix(".crate") for version in versions}
    if len(versions) > 1:
        problems.append(f"{dist}: several versions, {', '.join(sorted(versions))}")
    return problems + [f"{path}: not expected" for path in sorted(unknown)]


if __name__ == "__main__":
    directory, *rest = sys.argv[1:] or ["?"]
    if not Path(directory).is_dir() or rest not in ([], ["--release"]):
        sys.exit("usage: python scripts/check_dist.py DIRECTORY [--release]")
    if failures := main(Path(directory), bool(rest)):
        sys.exit("\n".join(failures))
