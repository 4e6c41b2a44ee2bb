"""`check`, `icheck` and `explain`: their arguments, sources, errors and what they count."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from upath import UPath

import pathvein
import pathvein.cli
from pathvein import (
    CheckIterator,
    CheckResult,
    Explanation,
    Missing,
    ScanWarning,
    check,
    explain,
    icheck,
    scan,
)
from pathvein import FileStructurePattern as P
from pathvein._checking.texts import lacks
from trees import Dir, File, Make, run_unprivileged

RUN = P.from_text("run_*/{config.json, 2+ *.csv, no FAILED, data/{*.parquet}}")
FILES = {
    "run_1": ["config.json", "a.csv", "b.csv", "data/x.parquet"],
    "run_2": ["Config.json", "a.csv", "data/"],
    "run_3": ["config.json", "a.csv", "b.csv", "FAILED", "old/data/x.parquet"],
    "other": ["config.json"],
}
LINES = {
    "run_1": "",
    "run_2": "config.json (Config.json differs in case), 2+ *.csv (1 there), "
    "data/*.parquet (data/ is empty)",
    "run_3": "data/{*.parquet} (old/data is one level down), no FAILED (there: FAILED)",
}


def paths(top: str) -> list[str]:
    return [f"{top}/{name}/{file}" for name, files in FILES.items() for file in files]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    for path in paths(str(tmp_path / "lab")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            Path(path).mkdir()
        else:
            Path(path).touch()
    return tmp_path / "lab"


def in_memory() -> UPath:
    top = UPath("memory://checked/lab")
    for path in paths("/checked/lab"):
        if path.endswith("/"):
            top.fs.makedirs(path)
        else:
            top.fs.pipe(path, b"")
    return top


@pytest.fixture(params=["path", "str", "local upath", "memory", "memory url", "zip"])
def source(request: pytest.FixtureRequest, lab: Path) -> Iterator[Any]:
    if request.param == "path":
        yield lab
    elif request.param == "str":
        yield str(lab)
    elif request.param == "local upath":
        yield UPath(lab)
    elif request.param == "zip":
        with zipfile.ZipFile(lab.parent / "lab.zip", "w") as archive:
            for path in paths("lab"):
                archive.writestr(path, b"")
        yield f"zip://lab::{lab.parent / 'lab.zip'}"
    else:
        top = in_memory()
        yield top if request.param == "memory" else str(top)
        top.fs.rm("/checked", recursive=True)


def by_name(results: Any) -> dict[str, str]:
    return {result.source.name: lacks(result) for result in results}


def test_sources(source: Any) -> None:
    results = check(source, RUN)
    assert type(results) is list
    assert by_name(results) == LINES
    assert {type(result) for result in results} == {CheckResult}
    assert all(result.pattern is RUN for result in results)
    found = {(result.source, result.pattern) for result in results if result.complete}
    assert found == set(scan(source, RUN))
    [made] = scan(source, RUN)
    assert {type(result.source) for result in results} == {type(made.source)}
    with icheck(source, RUN) as stream:
        assert isinstance(stream, CheckIterator)
        assert by_name(stream) == LINES
        assert stream.stats.matches == 1
        assert stream.stats.errors == 0
        assert stream.patterns == (RUN,)
        assert stream.source == (source if isinstance(source, str) else str(source))
    with pathvein.iscan(source, RUN) as stream_of_scan:
        assert f" of {str(source)!r}," in repr(stream_of_scan)


def test_explaining_sources(source: Any) -> None:
    for result in check(source, RUN):
        explanation = explain(result.source, RUN)
        assert type(explanation) is Explanation
        assert explanation.source == result.source
        assert explanation.pattern is RUN
        assert bool(explanation) is explanation.complete is result.complete
        assert lacks(explanation) == lacks(result)
        assert (explanation.missing, explanation.unknown) == (result.missing, result.unknown)
        assert len(explanation.findings) == 5
    explanation = explain(source, RUN)
    assert not explanation
    assert explanation.findings[0].place == "directory_name"
    assert explanation.findings[0].state == "missing"
    assert {type(made.source) for made in scan(source, RUN)} == {type(explanation.source)}


def test_a_complete_one_is_explained(lab: Path) -> None:
    # (The path is longer than a line.)
    told = str(explain(lab / "run_1", RUN))
    assert told[told.index("├") :].splitlines() == [
        "├── ✓ run_*/: the name is run_1",
        "├── ✓ config.json",
        "├── ✓ 2+ *.csv: a.csv, b.csv",
        "├── ✓ data/",
        "│   ├── ✓ data/: the name is data",
        "│   └── ✓ *.parquet: x.parquet",
        "└── ✓ no FAILED",
    ]


def test_several_patterns(lab: Path) -> None:
    other = P("other", ["config.json"])
    equal = P("other", ["config.json"])
    results = check(lab, [RUN, other, equal])
    assert len(results) == 4
    assert [result.complete for result in results if result.pattern is other] == [True]
    assert check(lab, []) == []


def test_patterns_are_taken_as_they_are(lab: Path) -> None:
    pattern = P("other", ["a", "config.json"])
    with icheck(lab, pattern) as stream:
        pattern.files = ["b"]
        [result] = stream
    assert [item.requirement for item in result.missing] == ["a"]
    assert result.pattern is pattern


def test_near(lab: Path) -> None:
    assert by_name(check(lab, RUN, near=1)) == {}
    assert by_name(check(lab, RUN, near=2)) == {"run_3": LINES["run_3"]}
    assert set(by_name(check(lab, RUN, near=3))) == {"run_2", "run_3"}
    with icheck(lab, RUN, near=2) as stream:
        assert len(list(stream)) == 1


def test_options(lab: Path) -> None:
    everything = P("*", ["config.json"])
    assert set(by_name(check(lab, RUN, exclude="run_2"))) == {"run_1", "run_3"}
    assert by_name(check(lab, RUN, max_depth=0)) == {}
    inner = lab / "run_1" / "run_9"
    inner.mkdir()
    assert "run_9" in by_name(check(lab, RUN, threads=1))
    assert "run_9" not in by_name(check(lab, RUN, outermost=True))
    (lab / "other" / "run_8").symlink_to(lab / "run_2")
    assert "run_8" not in by_name(check(lab, RUN))
    assert by_name(check(lab, RUN, follow_links=True, on_error="ignore"))["run_8"] == LINES["run_2"]
    calls: list[pathvein.Stats] = []
    assert check(lab, everything, progress=calls.append)
    assert calls[-1].directories > 3


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"near": 0}, ValueError, "near must be at least 1, not 0"),
    ({"near": True}, TypeError, "near must be int or None, not bool"),
    ({"near": 1.0}, TypeError, "near must be int or None, not float"),
    ({"near": "1"}, TypeError, "near must be int or None, not str"),
    ({"max_depth": -1}, ValueError, "max_depth must be at least 0"),
    ({"exclude": "{"}, ValueError, "exclude"),
    ({"on_error": "no"}, ValueError, "on_error"),
    ({"patterns": "run_*/"}, TypeError, "patterns must be a FileStructurePattern"),
    ({"source": 3}, TypeError, "source must be str"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG)
def test_wrong_arguments(
    lab: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    for function in (check, icheck):
        with pytest.raises(error, match=message):
            function(**{"source": lab, "patterns": RUN, **options})


def test_sources_that_cannot_be_checked(lab: Path) -> None:
    no_such: list[Any] = [lab / "no", str(lab / "no"), UPath("memory://no/such/directory")]
    for path in no_such:
        with pytest.raises(FileNotFoundError) as missing:
            check(path, RUN)
        assert missing.value.filename == str(path)
        with pytest.raises(FileNotFoundError) as missing:
            explain(path, RUN)
        assert missing.value.filename == str(path)
    for function in (check, explain):
        with pytest.raises(NotADirectoryError):
            function(lab / "run_1" / "a.csv", RUN)


def test_wrong_arguments_of_explain(lab: Path) -> None:
    patterns: list[Any] = [[RUN], "run_*/", None, (RUN,)]
    for pattern in patterns:
        with pytest.raises(TypeError, match="pattern must be a FileStructurePattern, not "):
            explain(lab, pattern)
    path: Any = 3
    with pytest.raises(TypeError, match=r"path must be str, os\.PathLike or UPath, not int"):
        explain(path, RUN)
    with pytest.raises(ValueError, match="storage_options are for URLs and UPaths, and path"):
        explain(lab, RUN, storage_options={"anon": True})
    with pytest.raises(ValueError, match="exclude"):
        explain(lab, RUN, exclude="{")
    with pytest.raises(ValueError, match="concurrency must be at least 1"):
        explain(lab, RUN, concurrency=0)


def test_options_of_explain(lab: Path) -> None:
    run = lab / "run_3"
    assert [item.place for item in explain(run, RUN, exclude="FAILED").missing] == [
        "directories[0]"
    ]
    (run / "data").symlink_to(lab / "run_1" / "data")
    [missing, _] = explain(run, RUN).missing
    assert missing.closest
    assert missing.closest.reason == "link"
    assert len(explain(run, RUN, follow_links=True, threads=1).missing) == 1


def unreadable(top: str) -> dict[str, Any]:
    """What is told of a laboratory in which some directories are closed to us."""
    told: dict[str, Any] = {}
    seen: list[OSError] = []
    lab = Path(top)
    for result in check(lab, RUN, on_error=seen.append):
        told[result.source.name] = (result.complete, lacks(result))
    told["seen"] = sorted(Path(error.filename).name for error in seen)
    with pytest.warns(ScanWarning, match="1 error below"):
        explanation = explain(lab / "run_1", RUN)
    told["explained"] = (bool(explanation), lacks(explanation))
    told["errors"] = [error.filename for error in explanation.errors]
    # Nothing depends on what is in it.
    told["quiet"] = lacks(explain(lab / "run_3", RUN, on_error="raise"))
    for path, policy in (("run_1", "raise"), ("run_2", "ignore")):
        with pytest.raises(PermissionError) as refused:
            explain(lab / path, RUN, on_error=policy)  # type: ignore[call-overload]
        told[f"refused {path}"] = refused.value.filename
    return told


def test_what_cannot_be_read(make: Make) -> None:
    closed, table = Dir(mode=0), {"a.csv": File(), "b.csv": File()}
    spec: dict[str, Any] = {
        "run_1": Dir({"config.json": File(), **table, "data": closed}),
        "run_2": closed,
        "run_3": Dir({"config.json": File(), **table, "old": closed}),
    }
    top = str(make(Dir(spec)))
    unknown = "data/{*.parquet} (unknown: data could not be read)"
    told = run_unprivileged(unreadable, top)
    # (What could not be listed is no candidate: `run_2` is only among the errors.)
    assert told == {
        "run_1": (False, unknown),
        "run_3": (False, "data/{*.parquet}"),
        "seen": ["data", "old", "run_2"],
        "explained": (False, unknown),
        "errors": [f"{top}/run_1/data"],
        "quiet": "data/{*.parquet}",
        "refused run_1": f"{top}/run_1/data",
        "refused run_2": f"{top}/run_2",
    }


@pytest.fixture(params=[True, False], ids=["unreadable", "gone"])
def nothing_told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> OSError:
    """A directory that is opened, of which then no result comes: its error, if that comes."""
    error = PermissionError(13, "Permission denied", "run_1")

    class Failing:
        def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
            return [], [error] if request.param else [], True

        def stats(self) -> pathvein.Stats:
            return pathvein.Stats()

        def close(self) -> None:
            pass

    def opened(path: str, **options: Any) -> tuple[Any, ...]:
        return path, Failing(), {"on_error": options["on_error"], "progress": None}, None, True

    monkeypatch.setattr("pathvein._checking.starting.open_producer", opened)
    return error if request.param else FileNotFoundError(2, "No such file or directory", "run_1")


def test_a_directory_that_is_opened_and_cannot_be_read(nothing_told: OSError) -> None:
    with pytest.raises(type(nothing_told)) as raised:
        explain("run_1", RUN, on_error="ignore")
    assert raised.value.args == nothing_told.args
    assert raised.value.filename == "run_1"
    result = CliRunner().invoke(pathvein.cli.cli, ["explain", "run_1", "-e", "run_*/"])
    assert result.exit_code == 2
    # It is told once.
    assert result.stderr.count("Error: run_1: ") == 1


def test_errors_are_warned_of(lab: Path) -> None:
    (lab / "loop").symlink_to(lab)
    with pytest.warns(ScanWarning, match="1 error below"):
        check(lab, RUN, follow_links=True)
    with pytest.raises(OSError, match="symbolic links"):
        check(lab, RUN, follow_links=True, on_error="raise")


def test_stopping_early(lab: Path) -> None:
    stream = icheck(lab, RUN)
    assert isinstance(next(stream), CheckResult)
    stream.close()
    assert list(stream) == []
    with icheck(lab, RUN) as stream:
        next(stream)
    assert list(stream) == []


@pytest.mark.unix("there are no forks")
def test_forks(lab: Path) -> None:
    """A copy that a fork made is told that it has no workers."""
    code = f"""
        import os, pathvein
        stream = pathvein.icheck({str(lab)!r}, pathvein.FileStructurePattern("run_*"))
        child = os.fork()
        if not child:
            try:
                next(stream)
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(len(list(stream)))
    """
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stderr == ""
    assert said.stdout.endswith("start one here\n3\n")


def test_names_that_are_no_text(lab: Path) -> None:
    name = os.fsdecode(b"CONFIG\xff.json")
    (lab / "other" / name).touch()
    [result] = check(lab, P("other", [name.lower()]))
    [missing] = result.missing
    assert missing.closest
    assert (missing.closest.reason, missing.closest.path) == ("case", name)
    [result] = check(lab / "other", P("other", closed=True))
    assert result.missing[0].closest
    assert result.missing[0].closest.found == (name, "config.json")


def test_what_is_shared_many_times_over(tmp_path: Path) -> None:
    pattern = P("d", ["x"])
    for _ in range(40):
        pattern = P("d", ["x"], [pattern, P("d", optional_files=["y"], directories=[pattern])])
    place = tmp_path
    for _ in range(60):
        place = place / "d"
        place.mkdir()
    results = check(tmp_path, pattern)
    assert len(results) == 60
    for told in (str(results[0]), str(explain(results[0].source, pattern))):
        assert len(told) < 1_000_000


def test_copies(lab: Path) -> None:
    results = check(lab, RUN)
    assert pickle.loads(pickle.dumps(results)) == copy.deepcopy(results) == results
    explanation = explain(lab / "run_2", RUN)
    copied = pickle.loads(pickle.dumps(explanation))
    assert (str(copied), copied.missing) == (str(explanation), explanation.missing)


def test_types() -> None:
    assert Missing("files[0]", "a", None).requirement == "a"
    assert str(Missing("files[0]", "a", None)) == "a"
