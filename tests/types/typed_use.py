"""What type checkers must say of code that uses pathvein. `test_types.py` runs them on it.

It is never run. Where a line must be an error, its comment is needed by mypy, and by pyright: both
tell of one that is not.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, assert_type

from upath import UPath

from pathvein import (
    CheckIterator,
    CheckReport,
    CheckResult,
    Directories,
    Explanation,
    Files,
    FileStructurePattern,
    Finding,
    Missing,
    PatternCounts,
    PatternMatcher,
    Regex,
    RequirementCounts,
    ScanIterator,
    ScanResult,
    ShuffleInput,
    ShuffleResult,
    assess,
    check,
    explain,
    icheck,
    iscan,
    scan,
    shuffle,
    shuffle_to,
    shuffle_with,
    to_polars,
)

patterns = [FileStructurePattern("run_*", files=["*.csv"])]


# Code as it was written for 0.9 -------------------------------------------------------------


def dest(match: ScanResult) -> Path:
    return Path("/x") / match.source.name


def by_day(matches: set[ScanResult]) -> dict[str, list[Path]]:
    days: dict[str, list[Path]] = {}
    for match in matches:
        days.setdefault(match.source.as_posix(), []).append(match.source)
    return days


for r in scan(Path("."), patterns):
    r.source.as_posix()
    p: Path = r.source
    dest(r)
by_day(scan(source=Path(".").resolve(), patterns=(p for p in patterns)))
for copied in shuffle_with(scan(Path("."), patterns), dest, overwrite=True):
    q: Path = copied.destination
for copied in shuffle_to(matches=scan(Path("."), patterns), destination=Path("/x"), dryrun=True):
    q = copied.source
shuffle_def = {ShuffleInput(m.source, dest(m), m.pattern) for m in scan(Path("."), patterns)}
listed: list[ShuffleResult] = shuffle(shuffle_def, False, True)
mapped = set(  # noqa: C417  (as the README of 0.9 has it)
    map(
        lambda scan_result: ShuffleInput(
            scan_result.source, dest(scan_result), scan_result.pattern
        ),
        scan(Path("."), patterns),
    )
)
listed = shuffle(shuffle_def=mapped, overwrite=False, dryrun=False)
options = {"overwrite": True, "dryrun": False}
listed = shuffle(mapped, **options)
listed = shuffle_to(scan(Path("."), patterns), Path("/x"), **options)
listed = shuffle_with(scan(Path("."), patterns), dest, **options)
patterns[0].copy(Path("/x"), Path("/y"), **options)
patterns[0].threaded_copy(Path("/x"), Path("/y"), **options)
chosen: Callable[[Iterable[ScanResult], Path, bool, bool], list[ShuffleResult]] = shuffle_to


def candidates(file: Path) -> Generator[ScanResult, None, None]:
    return assess(file, patterns)


candidates(Path("/x")).close()
assess(Path("/x"), patterns).close()
source, pattern = ScanResult(Path("/x"), patterns[0])
assert_type(source, Path)
assert_type(pattern, FileStructurePattern)


# The kind of the source decides that of the results -----------------------------------------


def kinds(path: Path, text: str, upath: UPath, either: Path | UPath, any_of: str | Path) -> None:
    assert_type(scan(path, patterns), set[ScanResult[Path]])
    assert_type(scan(text, patterns), set[ScanResult[Path | UPath]])
    assert_type(scan(upath, patterns[0]), set[ScanResult[UPath]])
    assert_type(iscan(path, patterns), ScanIterator[Path])
    assert_type(iscan(text, patterns), ScanIterator[Path | UPath])
    assert_type(iscan(upath, patterns), ScanIterator[UPath])
    assert_type(next(iscan(path, patterns)).source, Path)
    assert_type(next(iscan(text, patterns)).source, Path | UPath)
    assert_type(next(iscan(upath, patterns)).source, UPath)
    with iscan(path, patterns, max_depth=3, on_error="raise") as stream:
        for result in stream:
            assert_type(result.source, Path)
        assert_type(stream.errors, list[OSError])
    for found in scan(either, patterns, exclude="*.tmp"):
        assert_type(found.source, Path | UPath)
    assert_type(scan(path, patterns, executor=ThreadPoolExecutor()), set[ScanResult[Path]])
    scan(path, patterns, executor=ThreadPoolExecutor)  # type: ignore[call-overload]
    for each in scan(any_of, patterns, storage_options={"anon": True}):
        assert_type(each.source, Path | UPath)
    # Of nothing but a str is it unknown.
    wrong: Path = next(iscan(text, patterns)).source  # type: ignore[assignment]
    print(wrong)
    scan(path, patterns, max_depht=3)  # type: ignore[call-overload]
    scan(3, patterns)  # type: ignore[call-overload]


# A bare `ScanResult` has a `Path`; one with a `Path` will do where either is taken -----------


def bare(result: ScanResult, results: Iterable[ScanResult], running: ScanIterator) -> None:
    assert_type(result, ScanResult[Path])
    assert_type(running, ScanIterator[Path])
    assert_type([each.source for each in results], list[Path])


def takes_either(results: Iterable[ScanResult[Path | UPath]]) -> list[str]:
    return [result.source.name for result in results]


def made_of(path: Path, upath: UPath) -> None:
    takes_either(scan(path, patterns))
    takes_either(scan(upath, patterns))
    takes_either(iscan("s3://bucket", patterns))
    assert_type(ScanResult(path, patterns[0]), ScanResult[Path])
    assert_type(ScanResult(upath, patterns[0]), ScanResult[UPath])
    assert_type(ScanResult(path, patterns[0])._replace(source=path), ScanResult[Path])
    bare(ScanResult(upath, patterns[0]), [], iscan(path, patterns))  # type: ignore[arg-type]
    ScanResult("text", patterns[0])  # type: ignore[type-var]


# Parents are of the kind of the file --------------------------------------------------------


def parents(path: Path, text: str, upath: UPath) -> None:
    assert_type(patterns[0].parents_of(path), set[Path])
    assert_type(patterns[0].parents_of(path, Path("run_*")), set[Path])
    assert_type(patterns[0].parents_of(text, parent="run_*"), set[Path | UPath])
    assert_type(patterns[0].parents_of(upath), set[UPath])


# So are the matches that a file belongs to, and what is copied ------------------------------


def assessed(path: Path, text: str, upath: UPath) -> None:
    assert_type(assess(path, patterns), Generator[ScanResult[Path], None, None])
    assert_type(assess(text, patterns[0]), Generator[ScanResult[Path | UPath], None, None])
    remote = assess(upath, patterns, storage_options={})
    assert_type(remote, Generator[ScanResult[UPath], None, None])
    for result in assess(path, patterns):
        by_day({result})


def away(match: ScanResult) -> UPath:
    return UPath("s3://bucket") / match.source.name


def shuffled(path: Path, upath: UPath, found: set[ScanResult[Path]]) -> None:
    assert_type(shuffle_to(found, path), list[ShuffleResult[Path, Path]])
    assert_type(shuffle_to(found, upath), list[ShuffleResult[Path, UPath]])
    assert_type(shuffle_to(found, "s3://bucket"), list[ShuffleResult[Path, Path | UPath]])
    assert_type(shuffle_to(scan(upath, patterns), path), list[ShuffleResult[UPath, Path]])
    assert_type(shuffle_with(found, dest), list[ShuffleResult[Path, Path]])
    assert_type(shuffle_with(found, away), list[ShuffleResult[Path, UPath]])
    shuffle_with(found, lambda match: upath / match.source.name)
    inputs = [ShuffleInput(path, upath, patterns[0])]
    assert_type(inputs, list[ShuffleInput[Path, UPath]])
    for result in shuffle(inputs, on_error="warn", links="keep"):
        assert_type(result, ShuffleResult[Path, UPath])
        assert_type(result.source, Path)
        assert_type(result.destination, UPath)
        assert_type(result.errors, list[OSError])
    shuffle_to(assess(path, patterns), path)


# What is missing ----------------------------------------------------------------------------


def checked(path: Path, text: str, upath: UPath, either: Path | UPath) -> None:
    assert_type(check(path, patterns), list[CheckResult[Path]])
    assert_type(check(text, patterns[0], near=2), list[CheckResult[Path | UPath]])
    assert_type(check(upath, patterns, outermost=True), list[CheckResult[UPath]])
    assert_type(icheck(path, patterns), CheckIterator[Path])
    assert_type(icheck(text, patterns), CheckIterator[Path | UPath])
    assert_type(icheck(upath, patterns), CheckIterator[UPath])
    for found in check(either, patterns, exclude="*.tmp", near=1):
        assert_type(found.source, Path | UPath)
        assert_type(found.pattern, FileStructurePattern)
        assert_type(found.missing, tuple[Missing, ...])
        for missing in (*found.missing, *found.unknown):
            assert_type(missing.place, str)
            if missing.closest is not None:
                assert_type(missing.closest.reason, str | None)
                assert_type(missing.closest.count, int)
                assert_type(missing.closest.missing, tuple[Missing, ...])
    with icheck(path, patterns, on_error="raise") as results:
        assert_type(results.source, str)
        assert_type(results.patterns, tuple[FileStructurePattern, ...])
        assert_type(next(results), CheckResult[Path])
        assert_type(results.errors, list[OSError])
    takes_any_result(check(path, patterns))
    takes_any_result(icheck("s3://bucket", patterns))
    check(path, patterns, nearly=3)  # type: ignore[call-overload]
    check(3, patterns)  # type: ignore[call-overload]


def takes_any_result(results: Iterable[CheckResult[Path | UPath]]) -> list[str]:
    return [result.source.name for result in results if not result.complete]


def reported(path: Path, text: str, upath: UPath) -> None:
    report = CheckReport(icheck(path, patterns))
    report.extend(check(text, patterns), source=text, errors=[OSError()])
    report.extend(icheck(upath, patterns), patterns=patterns[0])
    assert_type(report.by_pattern, list[PatternCounts])
    assert_type(report.by_requirement, list[RequirementCounts])
    assert_type(report.by_requirement[0].requirement, str)
    with open(path, "w", encoding="utf-8") as file:
        report.to_json_lines(file)
        report.to_csv(path)
        report.to_html(text)
    to_polars(scan(text, patterns)).height.bit_length()
    to_polars(iscan(upath, patterns))
    to_polars(check(path, patterns))  # type: ignore[arg-type]
    CheckReport(scan(path, patterns))  # type: ignore[arg-type]


def explained(path: Path, text: str, upath: UPath) -> None:
    assert_type(explain(path, patterns[0]), Explanation[Path])
    assert_type(explain(text, patterns[0]), Explanation[Path | UPath])
    explanation = explain(upath, patterns[0], follow_links=True)
    assert_type(explanation, Explanation[UPath])
    assert_type(explanation.source, UPath)
    assert_type(explanation.missing, tuple[Missing, ...])
    assert_type(explanation.findings, tuple[Finding, ...])
    assert_type(explanation.findings[0].inside, tuple[Finding, ...])
    assert_type(explanation.to_dict(), dict[str, Any])
    explain(path, patterns)  # type: ignore[call-overload]


# Requirements -------------------------------------------------------------------------------

run = FileStructurePattern(
    Regex(r"run_\d+"),
    ["a", ("*.nii", "*.nii.gz"), ["b", Regex("c")], Regex("d"), Files("*.csv", min=3, max=9)],
    ["data", patterns[0], (patterns[0], "b"), [patterns[0], patterns[0]], Directories("c", 2)],
    optional_files=["a", ("b", Regex("c"))],
    optional_directories=["data", patterns[0]],
    forbidden_files=[Regex("a"), ["b", "c"]],
    forbidden_directories=["data", patterns[0]],
    closed=True,
)
run.files = ["a", Files("b", 2)]
run.forbidden_directories = ["a/b"]
run.add_file(("a", "b")).add_files([Files("a", 2)]).add_directory(("a", run))
FileStructurePattern(optional_files=[Files("a")])  # type: ignore[list-item]
FileStructurePattern(forbidden_directories=[Directories("a")])  # type: ignore[list-item]
FileStructurePattern(Files("a"))  # type: ignore[arg-type]
Files("a").min = 3  # type: ignore[misc]
assert_type(run.closed, bool)
assert_type(Files("a", max=2).max, int | None)
assert_type(Regex("a").pattern, str)
for item in run.files:
    # Code that knows of globs only is accepted as before.
    assert_type(item, str | Any)
    item.upper()
    if isinstance(item, Files):
        assert_type(item.min, int)
run.directories[0].files[0].upper()
PatternMatcher(["a", Regex("b")]).matches("c")
PatternMatcher(run.all_files).matches("c")
