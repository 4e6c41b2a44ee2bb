"""Reports as files: JSON lines, CSV, and what becomes of the file that was there."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import made_up_checks
from pathvein import CheckReport, FileStructurePattern
from pathvein._checking.dicts import result_dict
from pathvein._checking.texts import lacks, pattern_text, requirement_text
from pathvein._visible import encodable
from pathvein.checking import CheckResult, Missing
from test_report import lacking, near_texts, result

P = FileStructurePattern
FIXED = ["path", "name", "parent", "pattern", "complete", "lacks"]


def csv_of(report: CheckReport) -> list[dict[str, str]]:
    text = io.StringIO(newline="")
    report.to_csv(text)
    text.getvalue().encode()  # it can be written
    text.seek(0)
    reader = csv.DictReader(text, strict=True)
    rows = list(reader)
    headings = reader.fieldnames or []
    assert len(set(headings)) == len(headings)
    assert headings[:6] == FIXED
    return rows


def unquoted(cell: str) -> str:
    """A cell without what keeps a spreadsheet from computing it."""
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return cell[1:] if cell[:2] in ("'=", "'+", "'-", "'@", "'\t", "'\r") else cell


@given(results=made_up_checks.results)
def test_csv_says_what_the_results_say(results: list[CheckResult[Path]]) -> None:
    rows = csv_of(CheckReport(results, patterns=made_up_checks.PATTERNS))
    assert len(rows) == len(results)
    for row, one in zip(rows, results, strict=True):
        cells = {
            heading: unquoted(cell) if heading in FIXED else cell for heading, cell in row.items()
        }
        assert [cells.pop(heading) for heading in FIXED] == [
            encodable(str(one.source)),
            encodable(one.source.name),
            encodable(str(one.source.parent)),
            encodable(pattern_text(one.pattern)),
            "true" if one.complete else "false",
            encodable(lacks(one)),
        ]
        states = dict.fromkeys(made_up_checks.places(one.pattern), "met")
        states |= {missing.place: "missing" for missing in one.missing}
        states |= {missing.place: "unknown" for missing in one.unknown}
        near = near_texts(one)
        for place, state in states.items():
            text = requirement_text(one.pattern, place)
            heading = '"path"' if text == "path" else encodable(text)
            assert cells.pop(heading) == ("near" if text in near else state)
        assert set(cells.values()) <= {""}


def test_csv() -> None:
    pattern = P("run_*", files=["a, b.csv", "name"])
    missing = (Missing("files[0]", "a, b.csv", None),)
    report = CheckReport(
        [
            result("run_1", (lacking("files[0]", reason="case"), lacking("files[1]"))),
            CheckResult(Path("/lab/=run"), pattern, False, (), missing),
        ]
    )
    text = io.StringIO()
    report.to_csv(text)
    assert text.getvalue() == (
        "path,name,parent,pattern,complete,lacks,"
        'config.json,3+ *.csv,no FAILED,nothing else,"""a, b.csv""","""name"""\n'
        '/lab/run_1,run_1,/lab,"run_*/{config.json, 3+ *.csv, no FAILED, nothing else}",false,'
        '"config.json (Config.json differs in case), 3+ *.csv",near,missing,met,met,,\n'
        '/lab/=run,\'=run,/lab,"run_*/{""a, b.csv"", name}",false,'
        '"""a, b.csv"" (unknown: not all could be read)",,,,,unknown,met\n'
    )


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_csv_of_names_with_ends_of_lines(end: str) -> None:
    source = Path(f"/lab/a{end}b")
    [row] = csv_of(CheckReport([CheckResult(source, P("a*"), True, (), ())]))
    assert (row["path"], row["name"]) == (str(source), source.name)


@given(results=made_up_checks.results)
def test_json_lines_are_the_json_of_the_results(results: list[CheckResult[Path]]) -> None:
    text = io.StringIO()
    CheckReport(results).to_json_lines(text)
    assert text.getvalue() == "".join(json.dumps(result_dict(one)) + "\n" for one in results)
    assert text.getvalue().isascii()


REPORT = CheckReport([result("run_1"), result("run_\udcff", (lacking("files[0]"),))])
WRITERS = [CheckReport.to_json_lines, CheckReport.to_csv]
each_writer = pytest.mark.parametrize("write", WRITERS, ids=lambda function: function.__name__)
Write = Callable[[CheckReport, Any], None]


def text_of(write: Write) -> str:
    text = io.StringIO()
    write(REPORT, text)
    return text.getvalue()


@each_writer
def test_a_file_is_made_or_replaced(write: Write, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write(REPORT, path)
    assert path.read_bytes() == text_of(write).encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.write_text("old")
    path.chmod(0o604)
    write(REPORT, str(path))
    assert path.read_bytes() == text_of(write).encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.listdir(tmp_path) == [path.name]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@each_writer
def test_what_was_there_stays_if_writing_fails(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    seen = []

    def broken(*_: object) -> str:
        seen.extend(sorted(os.listdir(tmp_path)))
        raise KeyboardInterrupt

    monkeypatch.setattr("pathvein._reporting.rows.Lacks.json", broken)
    monkeypatch.setattr("pathvein._reporting.written._csv_line", broken)
    with pytest.raises(KeyboardInterrupt):
        write(REPORT, path)
    assert path.read_text() == "old"
    assert len(seen) == 2  # it was written beside
    assert os.listdir(tmp_path) == ["report"]


@each_writer
def test_what_a_link_leads_to_is_replaced(write: Write, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "report").symlink_to("there/report")
    for _ in range(2):
        write(REPORT, tmp_path / "report")
        assert (tmp_path / "report").is_symlink()
        assert (tmp_path / "there" / "report").read_text() == text_of(write)
    assert os.listdir(tmp_path / "there") == ["report"]


@each_writer
def test_a_pipe_is_written_to(write: Write, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write(REPORT, pipe)
    reader.join(30)
    assert read == [text_of(write)]
    assert pipe.is_fifo()


@each_writer
def test_an_open_file_is_written_to_and_stays_open(write: Write, tmp_path: Path) -> None:
    with open(tmp_path / "report", "w", encoding="utf-8", newline="\n") as file:
        file.write("before\n")
        write(REPORT, file)
        assert not file.closed
    assert (tmp_path / "report").read_text() == "before\n" + text_of(write)


@each_writer
def test_the_error_names_the_path(write: Write, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        write(REPORT, tmp_path / "no" / "report")
    assert missing.value.filename == str(tmp_path / "no" / "report")
    with pytest.raises(IsADirectoryError) as directory:
        write(REPORT, tmp_path)
    assert directory.value.filename == str(tmp_path)


@pytest.mark.linux("writes to /dev/full")
@each_writer
def test_a_full_disk_is_an_error_that_names_the_path(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    real = open

    def full(name: Any, *args: Any, **kwargs: Any) -> Any:
        if str(name).endswith(".tmp"):
            real(name, "x").close()
            return real("/dev/full", "w")
        return real(name, *args, **kwargs)

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(OSError, match="No space left") as raised:
        write(REPORT, path)
    assert raised.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report"]


@each_writer
def test_what_is_no_file_is_refused(write: Write) -> None:
    for file in (None, b"report", 1):
        with pytest.raises(TypeError, match="file must be a path or a file that is open for text"):
            write(REPORT, file)


def test_results_can_be_written_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    REPORT.to_json_lines(sys.stdout)
    assert capsys.readouterr().out == text_of(CheckReport.to_json_lines)
