"""The contestants that are Python, one a process: see `contestants.Contestant`.

Run as a script, by whichever interpreter has what it measures, so it imports nothing of the
driver's; and only what it measures, so that its memory is that one's.

    python served.py NAME ARGUMENT...
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Does a round: see `rounds`.
Do = Callable[[Callable[[], object]], tuple[Mapping[str, float], object]]


def rounds(
    do: Do,
    before: Callable[[], object] = int,
    after: Callable[[], dict[str, int]] = dict,
) -> None:
    """Call `do` for each line on standard input, and print what it used.

    It takes a function to call at the first result, and returns what it counted and the result.
    The result is kept until the next round, as a caller's would be. `before` and `after` are not
    timed; what `after` counts is printed, too.
    """
    result: object = None
    print("ready", flush=True)
    for _ in sys.stdin:
        result = None
        before()
        used, result = _round(do)
        print(json.dumps(used | after()), flush=True)
    del result


def _round(do: Do) -> tuple[dict[str, float | None], object]:
    first: list[float] = []
    cpu = _cpu()
    start = time.perf_counter()
    counted, result = do(lambda: first.append(time.perf_counter() - start))
    seconds = time.perf_counter() - start
    used = {"seconds": seconds, "cpu": _cpu() - cpu}
    return {**used, "first": first[0] if first else None, **counted}, result


def _cpu() -> float:
    """The processor time of this process, and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def load(path: str) -> list[Any]:
    """The patterns in a file, one on each line."""
    from pathvein import FileStructurePattern

    with open(path) as file:
        return [FileStructurePattern.from_json(line) for line in file]


def scan(source: str, patterns: str, threads: str) -> Do:
    """pathvein.scan"""
    import pathvein

    loaded, number = load(patterns), int(threads)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = pathvein.scan(source, loaded, threads=number)
        return {"matches": len(found)}, found

    return do


def iscan(source: str, patterns: str, threads: str) -> Do:
    """pathvein.iscan, of which nothing is kept."""
    import pathvein

    loaded, number = load(patterns), int(threads)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        count = 0
        stream = pathvein.iscan(source, loaded, threads=number)
        for _ in stream:
            if not count:
                first()
            count += 1
        return {"matches": count}, None

    return do


def check(source: str, patterns: str, threads: str) -> Do:
    """pathvein.check"""
    import pathvein

    loaded, number = load(patterns), int(threads)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = pathvein.check(source, loaded, threads=number)
        return {"matches": sum(result.complete for result in found)}, found

    return do


def icheck(source: str, patterns: str, threads: str) -> Do:
    """pathvein.icheck, of which nothing is kept."""
    import pathvein

    loaded, number = load(patterns), int(threads)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        count = complete = 0
        for result in pathvein.icheck(source, loaded, threads=number):
            if not count:
                first()
            count += 1
            complete += result.complete
        return {"matches": complete, "candidates": count}, None

    return do


def old(source: str, patterns: str) -> Do:
    """pathvein 0.9.0's scan."""
    from pathlib import Path

    import pathvein

    loaded, path = load(patterns), Path(source)  # the patterns as text in text

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


def rglob(source: str, patterns: str) -> Do:
    """Path.rglob for the name, and a look into each directory that has it, as scripts do it."""
    from pathlib import Path

    def complete(run: Path) -> bool:
        return (
            (run / "config.json").is_file()
            and any(run.glob("*.csv"))
            and any((run / "data").glob("*.parquet"))
            and any((run / "data" / "raw").glob("*.bin"))
        )

    _expect_run(patterns)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = [run for run in Path(source).rglob("run_*") if complete(run)]
        return {"matches": len(found)}, found

    return do


def globbed(source: str, patterns: str) -> Do:
    """The same with glob.iglob and its `**`."""
    import glob

    _expect_run(patterns)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        found = [
            run
            for run in glob.iglob("**/run_*/", root_dir=source, recursive=True)
            if os.path.isfile(os.path.join(source, run, "config.json"))
            and all(
                next(glob.iglob(wanted, root_dir=os.path.join(source, run)), None)
                for wanted in ("*.csv", "data/*.parquet", "data/raw/*.bin")
            )
        ]
        return {"matches": len(found)}, found

    return do


def _expect_run(patterns: str) -> None:
    """What is written out in code above is this pattern."""
    raw = {"directory_name": "raw", "files": ["*.bin"]}
    data = {"directory_name": "data", "files": ["*.parquet"], "directories": [raw]}
    run = {"directory_name": "run_*", "files": ["config.json", "*.csv"], "directories": [data]}
    with open(patterns) as file:
        assert json.load(file) == run


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

    (pattern,) = load(patterns)

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


# Copying: what is copied is removed again before it is the next one's turn.

#: What does a round, what comes before it, what after it.
Copying = tuple[Do, Callable[[], object], Callable[[], dict[str, int]]]


def _copying(destination: str, do: Do) -> Copying:
    def before() -> None:
        _forget()
        os.sync()

    def after() -> dict[str, int]:
        files = sum(len(files) for _, _, files in os.walk(destination))
        subprocess.run(["rm", "-rf", "--", destination], check=True)
        return {"files": files}

    return do, before, after


def command(destination: str, *words: str) -> Copying:
    """A program that makes the destination."""

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        subprocess.run(words, check=True)
        return {}, None

    return _copying(destination, do)


def copytree(destination: str, source: str) -> Copying:
    """shutil.copytree"""
    import shutil

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        return {}, shutil.copytree(source, destination)

    return _copying(destination, do)


def _matches(source: Any, pattern: Any, names: list[str]) -> list[Any]:
    """The source itself, if the pattern says what is in it, else what is in the source."""
    from pathvein import ScanResult

    if pattern.optional_directories:
        return [ScanResult(source, pattern)]
    return [ScanResult(source / name, pattern) for name in names]


def shuffle(destination: str, source: str, patterns: str, threads: str) -> Copying:
    """pathvein.shuffle_to, with this many workers."""
    from pathlib import Path

    import pathvein

    (pattern,), number = load(patterns), int(threads)
    matches = _matches(Path(source), pattern, sorted(os.listdir(source)))

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        return {}, pathvein.shuffle_to(matches, Path(destination), max_workers=number)

    return _copying(destination, do)


def old_shuffle(destination: str, source: str, patterns: str) -> Copying:
    """pathvein 0.9.0's shuffle_to."""
    from pathlib import Path

    from pathvein import lib

    (pattern,) = load(patterns)
    matches = _matches(Path(source), pattern, sorted(os.listdir(source)))

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        return {}, lib.shuffle_to(matches, Path(destination))

    return _copying(destination, do)


def fetch(destination: str, port: str, patterns: str, concurrency: str, number: str) -> Copying:
    """pathvein.shuffle_to from the store of `object_stub`, to a directory or to that store."""
    from pathlib import Path

    from upath import UPath

    import pathvein

    options = {"endpoint_url": f"http://127.0.0.1:{port}", "key": "x", "secret": "x"}
    (pattern,), numbers = load(patterns), itertools.count()
    names = [f"match_{n:04}" for n in range(-(-int(number) // 20))]
    matches = _matches(UPath("s3://lab/source", **options), pattern, names)

    def place() -> Any:
        if "://" in destination:  # A new one each time: what was there need not be removed.
            return UPath(f"{destination}{next(numbers)}", **options)
        return Path(destination)

    def do(first: Callable[[], object]) -> tuple[dict[str, int], object]:
        results = pathvein.shuffle_to(matches, place(), concurrency=int(concurrency))
        return {"files": sum(result.files for result in results)}, results

    _, before, after = _copying(destination, do)
    return do, before, dict if "://" in destination else after


if __name__ == "__main__":
    made = globals()[sys.argv[1]](*sys.argv[2:])
    rounds(*(made if isinstance(made, tuple) else (made, _forget)))
