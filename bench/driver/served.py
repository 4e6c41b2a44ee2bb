"""The contestants that are Python, one a process: see `contestants.Contestant`.

Run as a script, by whichever interpreter has what it measures, so it imports nothing of the
driver's; and only what it measures, so that its memory is that one's.

    python served.py NAME ARGUMENT...
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

#: Does a round: see `_rounds`.
Do = Callable[[Callable[[], object]], tuple[dict[str, int], object]]


def _rounds(do: Do, before: Callable[[], object] = int) -> None:
    """Call `do` for each line on standard input, and print what it used.

    It takes a function to call at the first result, and returns what it counted and the result.
    The result is kept until the next round, as a caller's would be. `before` is not timed.
    """
    result: object = None
    print("ready", flush=True)
    for _ in sys.stdin:
        result = None
        before()
        used, result = _round(do)
        print(json.dumps(used), flush=True)
    del result


def _round(do: Do) -> tuple[dict[str, float | None], object]:
    first: list[float] = []
    cpu = time.process_time()
    start = time.perf_counter()
    counted, result = do(lambda: first.append(time.perf_counter() - start))
    seconds = time.perf_counter() - start
    used = {"seconds": seconds, "cpu": time.process_time() - cpu}
    return {**used, "first": first[0] if first else None, **counted}, result


def _load(path: str) -> list[Any]:
    from pathvein import FileStructurePattern

    with open(path) as file:
        return [FileStructurePattern.from_json(line) for line in file]


def scan(source: str, patterns: str, threads: str) -> Do:
    """pathvein.scan"""
    import pathvein

    loaded, number = _load(patterns), int(threads)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = pathvein.scan(source, loaded, threads=number)
        return {"matches": len(found)}, found

    return do


def iscan(source: str, patterns: str, threads: str) -> Do:
    """pathvein.iscan, of which nothing is kept."""
    import pathvein

    loaded, number = _load(patterns), int(threads)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        count = 0
        stream = pathvein.iscan(source, loaded, threads=number)
        for _ in stream:
            if not count:
                first()
            count += 1
        return {"matches": count}, None

    return do


def old(source: str, patterns: str) -> Do:
    """pathvein 0.9.0's scan."""
    from pathlib import Path

    import pathvein

    loaded, path = _load(patterns), Path(source)  # the patterns as text in text

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = pathvein.scan(path, loaded)
        return {"matches": len(found)}, found

    return do


def _forget() -> None:
    """0.9.0 keeps every listing as long as the process lives."""
    if listings := sys.modules.get("pathvein._path_utils"):
        listings.iterdir.cache_clear()


def walk(source: str, patterns: str) -> Do:
    """os.walk and fnmatch, as anybody would write it who reads each directory once."""
    import fnmatch
    import os

    with open(patterns) as file:
        (pattern,) = [json.loads(line) for line in file]

    nodes: list[tuple[str, list[str], list[int]]] = []  # the sub-patterns before what they are in

    def number(node: dict[str, Any]) -> int:
        below = [number(sub) for sub in node.get("directories", [])]
        nodes.append((node.get("directory_name", "*"), node.get("files", []), below))
        return len(nodes) - 1

    root = number(pattern)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = []
        satisfied: dict[str, list[int]] = {}  # of the directories whose parents are still to come
        for path, directories, files in os.walk(source, topdown=False):
            inside = [satisfied.pop(os.path.join(path, name), ()) for name in directories]
            name = os.path.basename(path)
            here = [
                index
                for index, (glob, wanted, below) in enumerate(nodes)
                if fnmatch.fnmatchcase(name, glob)
                and all(any(sub in sats for sats in inside) for sub in below)
                and all(fnmatch.filter(files, file) for file in wanted)
            ]
            if here:
                satisfied[path] = here
                if root in here:
                    found.append(path)
        return {"matches": len(found)}, found

    return do


def scandir(source: str) -> Do:
    """scandir-rs, which lists and no more."""
    import scandir_rs  # type: ignore[import-not-found, unused-ignore]

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        listed = scandir_rs.Walk(source, skip_hidden=False).collect()
        return {}, listed

    return do


def plain_set(patterns: str, paths: str) -> Do:
    """The set that a scan returns, built in plain Python."""
    from pathlib import Path

    from pathvein import ScanResult

    (pattern,) = _load(patterns)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        with open(paths) as file:
            found = {ScanResult(Path(line[:-1]), pattern) for line in file}
        return {"matches": len(found)}, found

    return do


def _names(made: str) -> tuple[list[str], list[str]]:
    with open(made) as file:
        given = json.load(file)
    return given["globs"], given["names"]


def _repeat(names: list[str]) -> int:
    # So that a round takes long enough to be timed.
    return max(1, 2000 // len(names))


def matcher(made: str) -> Do:
    """pathvein.PatternMatcher.match_many"""
    from pathvein import PatternMatcher

    globs, names = _names(made)
    set_of_globs = PatternMatcher(globs)
    repeat = _repeat(names)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        for _ in itertools.repeat(None, repeat):
            mask = set_of_globs.match_many(names)
        return {"hits": mask.bit_count()}, None

    return do


def fnmatch_filter(made: str) -> Do:
    """A loop over fnmatch.filter, without putting together what matched."""
    import fnmatch

    globs, names = _names(made)
    hits = {name for glob in globs for name in fnmatch.filter(names, glob)}
    count = sum(name in hits for name in names)
    repeat = _repeat(names)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        for _ in itertools.repeat(None, repeat):
            for glob in globs:
                fnmatch.filter(names, glob)
        return {"hits": count}, None

    return do


_rounds(globals()[sys.argv[1]](*sys.argv[2:]), _forget)
