"""Reports on runs that are made up, for the tests of the page and its pictures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from pathvein import FileStructurePattern
from pathvein.checking import CheckResult, Closest, Missing
from pathvein.reporting import CheckReport

#: What a run of a laboratory is asked for.
RUN = FileStructurePattern.from_text(
    "run_*/{config.json, 3+ *.csv, README* | *.md, data/{*.parquet, index.json, no *.part},"
    " no FAILED}"
)
SAMPLE = FileStructurePattern.from_text("sample_*/{*.fastq.gz, checksums.md5, nothing else}")
_DATA = RUN.directories[0]


def near(reason: str, path: str) -> Closest:
    """Something that came close to a file."""
    return Closest(reason, path, (), 0, None, (), (), False)


def found(*names: str, count: int | None = None) -> Closest:
    """What is there, though not enough of it or not allowed."""
    return Closest(None, None, names, len(names) if count is None else count, None, (), (), False)


def lacking(pattern: FileStructurePattern, place: str, closest: Closest | None = None) -> Missing:
    """A requirement of a pattern that does not hold."""
    kind, _, index = place.partition("[")
    requirement = getattr(pattern, kind)
    return Missing(place, requirement[int(index[:-1])] if index else requirement, closest)


def run_result(path: Path, draw: random.Random, incomplete: float) -> CheckResult[Path]:
    """A run that may lack something."""
    if draw.random() >= incomplete:
        return CheckResult(path, RUN, True, (), ())
    missing, unknown = [], []
    if draw.random() < 0.4:
        closest = draw.choice(
            (None, near("case", "Config.json"), near("below", "old/config.json"), None)
        )
        missing.append(lacking(RUN, "files[0]", closest))
    if draw.random() < 0.4:
        names = [f"{draw.choice('abc')}{number}.csv" for number in range(draw.randrange(3))]
        missing.append(lacking(RUN, "files[1]", found(*names) if names else None))
    if draw.random() < 0.1:
        missing.append(lacking(RUN, "files[2]", near("edit", "READM")))
    if draw.random() < 0.4:
        inside = draw.choice(
            (
                (lacking(_DATA, "files[0]"), lacking(_DATA, "files[1]")),
                (lacking(_DATA, "files[1]", near("case", "Index.json")),),
                (lacking(_DATA, "forbidden_files[0]", found("x.part", "y.part", count=7)),),
            )
        )
        closest = Closest("name", "data", (), 0, _DATA, inside, (), len(inside) == 2)
        missing.append(lacking(RUN, "directories[0]", closest))
    if not missing and draw.random() < 0.5:
        missing.append(lacking(RUN, "forbidden_files[0]", found("FAILED")))
    if not missing:
        unknown.append(lacking(RUN, "directories[0]", near("unreadable", "data")))
    return CheckResult(path, RUN, False, tuple(missing), tuple(unknown))


def runs(count: int, incomplete: float = 0.3, seed: int = 1) -> Iterator[CheckResult[Path]]:
    """Runs in directories of up to a hundred, some of which lack something."""
    draw = random.Random(seed)
    for number in range(count):
        year, group = 2019 + number // 10_000, number // 100
        parent = Path(f"/data/laboratory/{year}/campaign-{group:04}")
        yield run_result(parent / f"run_{number:06}", draw, incomplete)


def complete(count: int) -> Iterator[CheckResult[Path]]:
    """Runs that lack nothing, all in one directory."""
    for number in range(count):
        yield CheckResult(Path(f"/data/run_{number:06}"), RUN, True, (), ())


def different(count: int) -> Iterator[CheckResult[Path]]:
    """Runs that lack something, with names that no other has."""
    for number, run in enumerate(complete(count)):
        missing = lacking(RUN, "files[1]", found(f"{number}_a.csv", f"{number}_b.csv"))
        yield run._replace(complete=False, missing=(missing,))


def hopeless(count: int) -> Iterator[CheckResult[Path]]:
    """Runs of which each lacks almost all, and other names came close to it each time."""
    for number, run in enumerate(complete(count)):
        missing = (
            lacking(RUN, "files[0]", near("edit", f"{number}config.json")),
            lacking(RUN, "files[1]", found(f"{number}_a.csv", f"{number}_b.csv")),
            lacking(RUN, "files[2]", near("below", f"old_{number}/README")),
            lacking(RUN, "forbidden_files[0]", found("FAILED")),
        )
        yield run._replace(complete=False, missing=missing)


def samples(count: int) -> Iterator[CheckResult[Path]]:
    """Results of a second pattern."""
    for number in range(count):
        path = Path(f"/data/sequencing/sample_{number}")
        if number % 3:
            yield CheckResult(path, SAMPLE, True, (), ())
        else:
            closest = found("core.1", "core.2")
            yield CheckResult(path, SAMPLE, False, (lacking(SAMPLE, "closed", closest),), ())


def report(count: int, incomplete: float = 0.3, second: int = 0) -> CheckReport:
    """A report on runs, and on samples after them."""
    made = CheckReport(
        runs(count, incomplete),
        source="/data/laboratory",
        patterns=RUN,
        errors=[PermissionError(13, "Permission denied", "/data/laboratory/2019/private")],
    )
    if second:
        made.extend(samples(second), source="/data/sequencing", patterns=SAMPLE)
    return made
