"""What importing pathvein costs, and what is there all the same."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from upath import UPath

import pathvein
from pathvein.pattern import PatternProblem

#: Each costs more than all of pathvein.
HEAVY = {"typing", "pathlib", "dataclasses", "inspect", "re", "json", "warnings", "logging"}
EXTRAS = {"fsspec", "upath", "typer", "rich", "rich_click", "click", "yaml"}
EXTRAS |= {"jinja2", "pandas", "polars", "pyarrow"}


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def imported_by(code: str) -> set[str]:
    lines = run(code, "-X", "importtime").stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if "|" in line}


def test_the_import_imports_nothing_heavy() -> None:
    modules = imported_by("import pathvein") - imported_by("pass")
    assert "pathvein.lib" in modules
    assert modules.isdisjoint(EXTRAS | HEAVY), modules & (EXTRAS | HEAVY)


def test_a_local_scan_imports_no_extras() -> None:
    code = """
        import pathvein
        pathvein.scan(".", pathvein.FileStructurePattern("no"))
        list(pathvein.iwalk_parallel(".", max_depth=0))
    """
    modules = imported_by(code)
    assert "pathvein._results" in modules
    assert modules.isdisjoint(EXTRAS | {"pathvein._remote", "dataclasses"})


def test_python_without_docstrings_and_asserts(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{}")
    code = f"""
        import sys, pathvein, pathvein._remote
        print(len(pathvein.scan({str(tmp_path)!r}, pathvein.FileStructurePattern())))
        print([*pathvein.walk_python({str(tmp_path)!r})][0][2])
        print(pathvein.FileStructurePattern(files=["a/b"]).validate()[0].severity)
        sys.argv[1:] = ["scan", {str(tmp_path)!r}, "-p", {str(tmp_path / "p.json")!r}]
        pathvein.cli.main()
    """.replace("pathvein._remote", "pathvein._remote, pathvein.cli")
    said = run(code, "-OO").stdout.split()
    assert said == ["1", "['p.json']", "never", str(tmp_path.resolve())]


def test_all_names_are_there() -> None:
    assert set(pathvein.__all__) <= set(dir(pathvein))
    namespace: dict[str, object] = {}
    exec("from pathvein import *", namespace)
    assert set(pathvein.__all__) <= set(namespace)
    help_text = run("import pathvein; help(pathvein); help(pathvein.scan)").stdout
    for name in ("ScanResult", "iscan", "get_backend_info", "storage_options"):
        assert name in help_text


PUBLIC = [
    pathvein.scan,
    pathvein.iscan,
    pathvein.assess,
    pathvein.check,
    pathvein.icheck,
    pathvein.explain,
    pathvein.Explanation.to_dict,
    pathvein.CheckReport.__init__,
    pathvein.CheckReport.extend,
    pathvein.CheckReport.to_arrow,
    pathvein.CheckReport.to_csv,
    pathvein.CheckReport.to_html,
    pathvein.CheckReport.to_json_lines,
    pathvein.CheckReport.to_pandas,
    pathvein.CheckReport.to_polars,
    pathvein.to_arrow,
    pathvein.to_pandas,
    pathvein.to_polars,
    pathvein.walk_parallel,
    pathvein.iwalk_parallel,
    pathvein.walk_python,
    pathvein.get_backend_info,
    pathvein.ScanIterator.__next__,
    pathvein.ScanIterator.__enter__,
    pathvein.ScanIterator.__exit__,
    pathvein.load_patterns,
    pathvein.FileStructurePattern.load,
    pathvein.FileStructurePattern.load_json,
    pathvein.FileStructurePattern.matches,
    pathvein.FileStructurePattern.parents_of,
    pathvein.FileStructurePattern.validate,
]


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__qualname__)
def test_annotations_have_a_meaning(function: Callable[..., object]) -> None:
    hints = typing.get_type_hints(function)
    assert set(hints) - {"return"} <= set(inspect.signature(function).parameters)
    assert "return" in hints


def test_what_annotations_mean() -> None:
    hints = typing.get_type_hints(pathvein.scan)
    assert hints["source"] == str | os.PathLike[str] | UPath
    assert hints["return"] == set[pathvein.ScanResult[typing.Any]]
    policy = typing.Literal["warn", "raise", "ignore"] | Callable[[OSError], object]
    assert hints["on_error"] == policy
    walk = typing.get_type_hints(pathvein.walk_python)
    assert walk["return"] == Iterator[tuple[UPath, list[str], list[str]]]
    assert typing.get_type_hints(pathvein.check)["return"] == list[pathvein.CheckResult[typing.Any]]
    missing = typing.get_type_hints(pathvein.Missing)
    assert missing["closest"] == pathvein.Closest | None
    assert pathvein.FileStructurePattern in typing.get_args(missing["requirement"])
    assert typing.get_type_hints(pathvein.ScanResult) == {
        "source": Path | UPath,
        "pattern": pathvein.FileStructurePattern,
    }
    load = typing.get_type_hints(pathvein.FileStructurePattern.load_json)
    assert load["return"] == typing.Self


def test_annotations_have_a_meaning_without_the_extras() -> None:
    code = """
        import sys, typing
        for package in ("upath", "pandas", "polars", "pyarrow"):
            sys.modules[package] = None
        import pathvein
        for function in (pathvein.scan, pathvein.walk_python, pathvein.ScanResult):
            assert "UPath" in str(typing.get_type_hints(function))
        for function in (pathvein.to_pandas, pathvein.to_polars):
            assert "Frame" in str(typing.get_type_hints(function))
        assert "Table" in str(typing.get_type_hints(pathvein.to_arrow))
    """
    run(code)


def test_named_tuples_are_what_typing_makes() -> None:
    class Usual(typing.NamedTuple):
        """For comparison."""

        source: str
        pattern: str

    made = pathvein.ScanResult
    for kind in (made, Usual):
        assert kind.__bases__ == (tuple,)
        assert kind._fields == kind.__match_args__ == ("source", "pattern")
        assert kind._field_defaults == {}
        assert list(kind.__annotations__) == ["source", "pattern"]
        assert str(inspect.signature(kind.__new__)).startswith("(_cls, source")
        assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    assert (made.__module__, made.__qualname__) == ("pathvein.lib", "ScanResult")
    assert made.__doc__ == "A directory that matches a pattern."
    pattern = pathvein.FileStructurePattern("a")
    result = made(Path("/a"), pattern)
    assert pickle.loads(pickle.dumps(result)) == result
    assert result._replace(source=Path("/b")).source == Path("/b")
    assert made._make([Path("/a"), pattern]) == result == (Path("/a"), pattern)
    match result:
        case made(source, _):
            assert source == Path("/a")
    assert repr(PatternProblem("files[0]", "no", "never")) == (
        "PatternProblem(place='files[0]', message='no', severity='never')"
    )


def test_subscripts_of_streams() -> None:
    """As annotations that are read at run time have them."""
    from pathvein._stream import Stream

    assert issubclass(pathvein.ScanIterator, Stream)
    assert Stream[int] is not None
    assert pathvein.ScanIterator[Path] is not None
    assert typing.get_origin(pathvein.ScanResult[Path]) is pathvein.ScanResult


def test_what_types_does_not_name() -> None:
    from pathvein import _types

    with pytest.raises(AttributeError, match="no_such"):
        _types.no_such  # type: ignore[attr-defined]  # noqa: B018
