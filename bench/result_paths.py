"""What a UPath of a result costs, of each kind of store. See `scripts/bench-cloud --part paths`.

Processor time of one path, as `joinpath` makes it and as results are made. Nothing is connected
to. The least of several rounds, in which the two take turns.
"""

from __future__ import annotations

import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from pathvein._remote.result_paths import ResultPaths

RESULTS = 2000


def roots(folder: str) -> Iterator[tuple[str, Any]]:
    """A UPath of each kind whose package is here, and what it is."""
    from upath import UPath

    with zipfile.ZipFile(f"{folder}/x.zip", "w") as zipped:
        zipped.writestr("top/f", "")
    tarfile.open(f"{folder}/x.tar", "w").close()
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "S3": ("s3://bucket/some/prefix", {"anon": True}),
        "Google Cloud": ("gs://bucket/some/prefix", {"token": "anon"}),
        "Azure": ("az://container/some/prefix", {"account_name": "nobody"}),
        "SFTP": ("sftp://localhost/some/directory", {}),
        "HTTP": ("http://localhost/some/directory/", {}),
        "memory": ("memory://some/directory", {}),
        "zip": (f"zip://top::file://{folder}/x.zip", {}),
        "tar": (f"tar://top::file://{folder}/x.tar", {}),
        "cached S3": ("simplecache::s3://bucket/some/prefix", {}),
    }
    for kind, (url, options) in kinds.items():
        try:
            root: Any = UPath(url, **options)
        except ImportError as missing:
            print(f"| {kind} | cannot run: {missing} | | |")
            continue
        # What opening a source leaves. Nothing here asks the file system for anything.
        root._fs_cached = object()
        yield kind, root


def microseconds(make: Callable[[str], object], names: list[str]) -> float:
    """Processor time of a path."""
    started = time.process_time()
    for name in names:
        make(name)
    return (time.process_time() - started) / len(names) * 1e6


def measure_paths(times: int) -> None:
    """The table of kinds."""
    warnings.simplefilter("ignore")
    plain = [f"sub-{n:05} 100%/2026-11-29T10:00:{n % 60:02}.a" for n in range(RESULTS)]
    marks = [f"sub #{n:05}/ab:{n % 7}?x" for n in range(RESULTS)]
    print("\n| a result's UPath, µs of CPU | wanted | joinpath | filled | names with # : ? |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for kind, root in roots(folder):
            joined, filled, marked = [], [], []
            for _ in range(max(3, times)):
                paths = ResultPaths(root, lambda rel: rel)
                for name in plain[:50]:
                    paths.make(name)
                joined.append(microseconds(root.joinpath, plain[:300]))
                filled.append(microseconds(paths.make, plain))
                marked.append(microseconds(paths.make, marks))
            print(
                f"| {kind} | 8 | {min(joined):.1f} | {min(filled):.1f} | {min(marked):.1f} |",
                flush=True,
            )
