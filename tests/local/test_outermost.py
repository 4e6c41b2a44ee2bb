"""The outermost matches on local trees: against the reference, and what is looked at for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note

import pathvein
import reference
import strategies
from compare import by_index, expected_rows, make_patterns
from pathvein import FileStructurePattern, iscan, scan
from profiles import share
from trees import built


def outermost(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those above which nothing matches."""
    matched = {path for path, _ in rows}
    return [
        (path, pattern)
        for path, pattern in rows
        if not any(os.fspath(above) in matched for above in Path(path).parents)
    ]


def compare(case: strategies.Case) -> None:
    """scan and iscan against the reference's matches, those below others left out."""
    with built(case.world, fast=True) as top:
        source = top / "src"
        answer = reference.scan(source, case.patterns, **case.options)
        expected = outermost(expected_rows(answer.found, case.patterns))
        note(f"reference: {expected}")
        patterns = make_patterns(case.patterns)
        options: dict[str, Any] = {**case.options, "threads": case.threads, "outermost": True}
        assert by_index(scan(source, patterns, on_error="ignore", **options), patterns) == expected
        with iscan(source, patterns, on_error="ignore", **options) as stream:
            assert by_index(stream, patterns) == expected
            assert stream.stats.matches == len(expected)
            assert stream.stats.directories <= answer.most.directories


@share(2)
@given(strategies.cases())
def test_random_trees(case: Any) -> None:
    compare(case)


@share(0.2)
@given(strategies.cases(large=True))
def test_random_trees_and_many_patterns(case: Any) -> None:
    compare(case)


def project(lab: Path, name: str, directories: int) -> Path:
    """A project with another in each of its directories, and a source directory."""
    place = lab / name
    for number in range(directories):
        (place / f"d{number}" / "src").mkdir(parents=True)
        (place / f"d{number}" / "pyproject.toml").touch()
    (place / "src" / "package").mkdir(parents=True)
    (place / "pyproject.toml").touch()
    return place


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("directories", [[], [FileStructurePattern("src")]])
def test_what_is_looked_at(
    tmp_path: Path, threads: int, directories: list[FileStructurePattern]
) -> None:
    places = {project(tmp_path, f"p{number}", 300) for number in range(3)}
    pattern = FileStructurePattern("*", files=["pyproject.toml"], directories=directories)
    # The source, each project, and its `src`.
    least = 1 + len(places) * (1 + len(directories))
    looked_at: list[int] = []
    # Others may have begun meanwhile, and on a busy machine they may get far.
    while not looked_at or looked_at[-1] > least + 40 * (threads - 1):
        with iscan(tmp_path, pattern, outermost=True, threads=threads) as stream:
            assert {result.source for result in stream} == places
            looked_at.append(stream.stats.directories)
        assert looked_at[-1] >= least
        assert len(looked_at) < 20, looked_at
    assert len(scan(tmp_path, pattern)) == 3 + 900


def test_each_pattern_of_the_outermost_directory_matches(tmp_path: Path) -> None:
    place = project(tmp_path, "p", 2)
    patterns = [
        FileStructurePattern("*", files=["pyproject.toml"]),
        FileStructurePattern(
            "p", directories=[FileStructurePattern("d1", directories=[FileStructurePattern("src")])]
        ),
        FileStructurePattern("d*"),
    ]
    found = scan(tmp_path, patterns, outermost=True)
    assert found == {(place, patterns[0]), (place, patterns[1])}


def test_an_inner_pattern_of_one_that_does_not_match(tmp_path: Path) -> None:
    project(tmp_path, "p", 2)
    inner = FileStructurePattern("d*", files=["pyproject.toml"])
    outer = FileStructurePattern("*", directories=[inner, FileStructurePattern("no")])
    names = {result.source.name for result in scan(tmp_path, [outer, inner], outermost=True)}
    assert names == {"d0", "d1"}
    outer = FileStructurePattern("*", directories=[inner], forbidden_directories=["no"])
    names = {result.source.name for result in scan(tmp_path, [outer, inner], outermost=True)}
    assert names == {"p"}


def test_the_depth_of_matches(tmp_path: Path) -> None:
    project(tmp_path, "p", 2)
    pattern = FileStructurePattern("d*")
    assert not scan(tmp_path, pattern, max_depth=1, outermost=True)
    assert len(scan(tmp_path, pattern, max_depth=2, outermost=True)) == 2


def test_wrong_values(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="outermost"):
        scan(tmp_path, FileStructurePattern(), outermost="yes")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="outermost"):
        pathvein.walk_parallel(tmp_path, outermost=True)  # type: ignore[call-arg]


def test_the_command_line(tmp_path: Path) -> None:
    pytest.importorskip("click")
    place = project(tmp_path / "lab", "p", 2)
    pattern = tmp_path / "pattern.json"
    pattern.write_text('{"files": ["pyproject.toml"]}')
    command = [sys.executable, "-m", "pathvein", "scan", str(tmp_path / "lab"), "-p", str(pattern)]
    done = subprocess.run([*command, "--outermost"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{place}\n"
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
