"""Frames: the same rows in pandas, polars and Arrow, and the same columns without any rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pytest
from hypothesis import given
from upath import UPath

import made_up_checks
import pathvein
import trees
from pathvein import CheckReport, FileStructurePattern, ScanResult, scan
from pathvein._checking.texts import lacks, pattern_text, requirement_text
from pathvein._visible import encodable
from pathvein.checking import CheckResult
from test_report import RUN, lacking, near_texts, result

P = FileStructurePattern
TEXT_COLUMNS = ["path", "name", "parent", "pattern"]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """A frame of any kind as plain values."""
    if isinstance(frame, pandas.DataFrame):
        rows: list[dict[str, Any]] = frame.to_dict("records")
        return rows
    return list(frame.to_pylist() if isinstance(frame, pyarrow.Table) else frame.to_dicts())


def types_of(frame: Any) -> dict[str, str]:
    if isinstance(frame, pandas.DataFrame):
        return {name: str(kind) for name, kind in frame.dtypes.items()}
    if isinstance(frame, pyarrow.Table):
        return {field.name: str(field.type) for field in frame.schema}
    return {name: str(kind) for name, kind in frame.schema.items()}


def expected(one: CheckResult[Path]) -> dict[str, Any]:
    def texts(missing: Any) -> list[str]:
        return [encodable(requirement_text(one.pattern, each.place)) for each in missing]

    return {
        "path": encodable(str(one.source)),
        "name": encodable(one.source.name),
        "parent": encodable(str(one.source.parent)),
        "pattern": encodable(pattern_text(one.pattern)),
        "complete": one.complete,
        "missing": texts(one.missing),
        "unknown": texts(one.unknown),
        "near": list(map(encodable, near_texts(one))),
        "lacks": lacks(one),
    }


@given(results=made_up_checks.results)
def test_frames_of_a_check_hold_its_results(results: list[CheckResult[Path]]) -> None:
    report = CheckReport(results)
    rows = [expected(one) for one in results]
    assert rows_of(report.to_arrow()) == rows
    assert rows_of(report.to_polars()) == rows
    assert rows_of(report.to_pandas()) == rows


@pytest.mark.parametrize(
    ("method", "text", "texts", "flag"),
    [
        ("to_arrow", "string", "list<item: string>", "bool"),
        ("to_polars", "String", "List(String)", "Boolean"),
        # pandas 2 takes "str" for any objects.
        ("to_pandas", str(pandas.Series(dtype="str").dtype), "object", "bool"),
    ],
)
def test_columns_do_not_depend_on_what_is_there(
    method: str, text: str, texts: str, flag: str
) -> None:
    columns = dict.fromkeys(TEXT_COLUMNS, text) | {"complete": flag}
    columns |= dict.fromkeys(["missing", "unknown", "near"], texts) | {"lacks": text}
    filled = CheckReport([result("run_1", (lacking("files[0]"),))])
    for report in (CheckReport(), CheckReport([result("run_1")]), filled):
        assert types_of(getattr(report, method)()) == columns
    to_frame = getattr(pathvein, method)
    found = [ScanResult(Path("/lab/run_1"), RUN)]
    for results in ([], found, iter(found), set(found)):
        assert types_of(to_frame(results)) == dict.fromkeys(TEXT_COLUMNS, text)


FRAMES = [pathvein.to_arrow, pathvein.to_polars, pathvein.to_pandas]


@pytest.mark.parametrize("to_frame", FRAMES, ids=lambda function: function.__name__)
def test_frames_of_a_scan_hold_its_results(to_frame: Callable[..., Any], make: trees.Make) -> None:
    top = make(trees.tree("lab/run_1/config.json", "lab/run_2/config.json", "lab/x"))
    run, any_name = P("run_*", files=["config.json"]), P(files=["x"])
    rows = sorted(rows_of(to_frame(scan(top / "lab", [run, any_name]))), key=lambda r: r["path"])
    lab = str((top / "lab").resolve())
    assert rows == [
        {
            "path": lab,
            "name": "lab",
            "parent": str(top.resolve()),
            "pattern": "*/{x}",
        },
        *(
            {
                "path": f"{lab}/{name}",
                "name": name,
                "parent": lab,
                "pattern": "run_*/{config.json}",
            }
            for name in ("run_1", "run_2")
        ),
    ]


@pytest.mark.parametrize("to_frame", FRAMES, ids=lambda function: function.__name__)
def test_a_name_that_is_no_text_is_escaped(to_frame: Callable[..., Any]) -> None:
    path = Path("/lab\udce9/a\ud800\\\n\udcff")
    [row] = rows_of(to_frame([ScanResult(path, P("\udcff"))]))
    assert row == {
        "path": "/lab\\xe9/a\\ud800\\\n\\xff",
        "name": "a\\ud800\\\n\\xff",
        "parent": "/lab\\xe9",
        "pattern": '"\\udcff"/',
    }


@pytest.mark.parametrize(
    ("path", "name", "parent"),
    [
        (Path("/"), "", "/"),
        (Path("/run_1"), "run_1", "/"),
        (Path("/a::b/a"), "a", "/a::b"),
        (UPath("memory://lab/run_1"), "run_1", "memory://lab"),
        (UPath("zip://run_1/run_1::/run_1/run_1.zip"), "run_1", "zip://run_1::/run_1/run_1.zip"),
    ],
    ids=str,
)
def test_paths_and_urls(path: Any, name: str, parent: str) -> None:
    checked = [CheckResult(path, RUN, True, (), ()), result("run_1")]
    for frame in (CheckReport(checked).to_pandas(), pathvein.to_pandas([ScanResult(path, RUN)])):
        assert frame["path"][0] == str(path)
        assert frame["name"][0] == name
        assert frame["parent"][0] == parent


def test_lists_of_a_row_are_its_own() -> None:
    """To change one in place changes no other row."""
    lacks = (lacking("files[0]"),)
    frame = CheckReport([result("run_1", lacks), result("run_2", lacks)]).to_pandas()
    frame["missing"][0].append("x")
    assert frame["missing"][1] == ["config.json"]


@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [
        ("to_arrow", "pyarrow", "arrow"),
        ("to_polars", "polars", "polars"),
        ("to_pandas", "pandas", "pandas"),
    ],
)
def test_what_is_not_installed_is_named(
    method: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"{method}\(\) needs {package}: pip install 'pathvein\[{extra}\]'"
    with pytest.raises(ImportError, match=message) as raised:
        getattr(CheckReport(), method)()
    assert raised.value.name == package

    taken = []

    def results() -> Iterator[ScanResult[Path]]:
        taken.append(True)
        yield ScanResult(Path("/lab"), RUN)

    with pytest.raises(ImportError, match=message):
        getattr(pathvein, method)(results())
    assert not taken


@pytest.mark.parametrize("to_frame", FRAMES, ids=lambda function: function.__name__)
def test_what_is_no_result_is_refused(to_frame: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="results must be an iterable of ScanResult, not CheckRe"):
        to_frame([result("run_1")])
