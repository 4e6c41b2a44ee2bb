"""The page of a report in a browser: its numbers, filters, order, keys and details."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import reports
from browser import Show
from pages import bars, names, rows, text, until
from pathvein import _page
from pathvein.checking import CheckResult, Closest
from pathvein.reporting import CheckReport
from reports import RUN, found, lacking, near

#: All rows are in view.
TALL = {"viewport": {"width": 1280, "height": 4000}}
PLACES = ["files[0]", "files[1]", "files[2]", "directories[0]", "forbidden_files[0]"]


def run(name: str, *missing: Any, unknown: Any = (), parent: str = "/lab") -> CheckResult[Path]:
    return CheckResult(
        Path(parent, name), RUN, not missing and not unknown, tuple(missing), tuple(unknown)
    )


DATA = RUN.directories[0]
#: One of each: nothing is missing; something; something near; something cannot be told.
FOUR = [
    run("run_1"),
    run("run_2", lacking(RUN, "files[0]"), lacking(RUN, "forbidden_files[0]", found("FAILED"))),
    run("run_3", lacking(RUN, "files[1]", found("a.csv", "b.csv")), parent="/lab/old"),
    run("run_4", unknown=(lacking(RUN, "directories[0]", near("unreadable", "data")),)),
]


def expected(report: CheckReport) -> dict[str, list[str]]:
    """The states of each run by its path, made of the JSON lines alone."""
    stream = io.StringIO()
    report.to_json_lines(stream)
    states = {}
    for line in stream.getvalue().splitlines():
        result = json.loads(line)
        cells = dict.fromkeys(PLACES, "met")
        for item in result["missing"]:
            asked = item["place"].startswith(("files", "directories"))
            is_near = item["closest"] or (asked and item["count"])
            cells[item["place"]] = "near" if is_near else "missing"
        for item in result["unknown"]:
            cells[item["place"]] = "unknown"
        states[result["path"]] = list(cells.values())
    return states


def test_its_numbers_are_those_of_the_json_lines(show: Show) -> None:
    report = reports.report(90, incomplete=0.7)
    page = show(report, **TALL).page
    states = expected(report)
    assert [(name, *cells) for name, _, _, *cells in rows(page)] == [
        (Path(path).name, *cells) for path, cells in sorted(states.items())
    ]
    assert [row[2] for row in rows(page)] == [
        f"{states[path].count('met')}/5" for path in sorted(states)
    ]
    for item, (_, *counts) in enumerate(bars(page)):
        each = Counter(cells[item] for cells in states.values())
        assert counts == [each[state] for state in ("met", "missing", "near", "unknown")]
    complete = sum(set(cells) == {"met"} for cells in states.values())
    unknown = sum(set(cells) == {"met", "unknown"} for cells in states.values())
    assert text(page, "#summary") == (
        f"90 candidates: {complete} complete, {90 - complete - unknown} not,"
        f" {unknown} could not be read"
    )
    assert complete
    assert unknown
    assert text(page, "#shown") == "90 of 90 shown"


def test_of_what_there_is_nothing_it_says_so(show: Show) -> None:
    page = show(CheckReport(patterns=RUN)).page
    assert text(page, "#none").startswith("No candidates were found")
    assert text(page, "#summary") == "0 candidates: nothing was checked"
    assert page.locator("#grid").is_hidden()
    assert len(bars(page)) == 5


def test_words_filter_by_the_path(show: Show) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page
    page.locator("#filter").fill("OLD run_")
    watched.settle()
    assert names(page) == ["run_3"]
    assert text(page, "#shown") == "1 of 4 shown"
    page.locator("#filter").fill("nowhere")
    watched.settle()
    assert rows(page) == []
    assert text(page, "#none") == "No run passes the filters."
    page.locator("#clear").click()
    watched.settle()
    assert len(rows(page)) == 4


def test_details_are_of_the_cell_that_is_marked(show: Show) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page
    page.locator("#cell-2-3").click()
    assert "run_4" in text(page, "#details h3")
    page.locator("#filter").press_sequentially("run_1")
    watched.settle()
    assert page.locator("#details").is_hidden()
    # Who types goes on typing; who clears the filters is in the table.
    assert page.locator("#filter").input_value() == "run_1"
    assert names(page) == ["run_1"]
    page.locator("#clear").click()
    until(page, "document.activeElement.id === 'grid'")
    assert len(rows(page)) == 4


@pytest.mark.parametrize(
    ("state", "name"),
    [("complete", "run_1"), ("missing", "run_2"), ("near", "run_3"), ("unknown", "run_4")],
)
def test_states_filter(show: Show, state: str, name: str) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page
    for other in ("complete", "missing", "near", "unknown"):
        box = page.locator("#states label", has_text=other)
        assert text(page, f"#states label:has-text('{other}')").endswith(f"1 {other}")
        if other != state:
            box.click()
    watched.settle()
    assert names(page) == [name]


def test_a_state_of_one_requirement_filters(show: Show) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page
    missing = page.locator("#bars tr").nth(4).locator("button").nth(1)
    missing.click()
    watched.settle()
    assert names(page) == ["run_2"]
    assert missing.get_attribute("aria-pressed") == "true"
    assert "no FAILED" in text(page, "#only")
    page.locator("#only").click()
    watched.settle()
    assert len(names(page)) == 4


def test_each_column_sorts(show: Show) -> None:
    report = reports.report(60, incomplete=0.7)
    watched = show(report, **TALL)
    page = watched.page
    states = expected(report)
    by_path = sorted(states)
    order = {"missing": 0, "near": 1, "unknown": 2, "met": 3}
    keys: list[Any] = [
        lambda path: Path(path).name,
        lambda path: path,
        lambda path: states[path].count("met"),
        *((lambda path, item=item: order[states[path][item]]) for item in range(5)),
    ]
    for column in range(8):
        heading = page.locator("#head .cell").nth(column)
        for direction in ("ascending", "descending"):
            if heading.get_attribute("aria-sort") != direction:
                heading.click(position={"x": 10, "y": 10})
                watched.settle()
            assert heading.get_attribute("aria-sort") == direction
            # Runs that are equal stay in the order of their paths.
            wanted = sorted(by_path, key=keys[column], reverse=direction == "descending")
            assert names(page) == [Path(path).name for path in wanted]
    assert page.locator("[aria-sort=ascending], [aria-sort=descending]").count() == 1


def test_runs_are_grouped_by_directory(show: Show) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page
    page.locator("#group").check()
    watched.settle()
    assert [row[0] for row in rows(page)] == [
        "▾ /lab/ 1 of 3 complete", "run_1", "run_2", "run_4", "▾ old 0 of 1 complete", "run_3",
    ]  # fmt: skip
    page.locator(".group .cell").first.click()
    watched.settle()
    assert [row[0] for row in rows(page)] == [
        "▸ /lab/ 1 of 3 complete", "▾ old 0 of 1 complete", "run_3",
    ]  # fmt: skip
    page.locator("#grid").press("Enter")
    watched.settle()
    assert len(rows(page)) == 6


def test_directories_of_archives_name_the_archive(show: Show) -> None:
    upath = pytest.importorskip("upath")
    archives = "file:///lab/run_1.zip", "file:///lab/x.zip"
    results: list[CheckResult[Any]] = [
        CheckResult(upath.UPath(f"zip://{path}::{archive}"), RUN, True, (), ())
        for path in ("d/run_1", "run_1", "run_2")
        for archive in archives
    ]
    page = show(CheckReport(results)).page
    assert sorted((row[0], row[1]) for row in rows(page)) == sorted(
        (name, f"zip://{above}::{archive}")
        for above, name in (("d", "run_1"), ("", "run_1"), ("", "run_2"))
        for archive in archives
    )


def test_a_cell_tells_what_was_asked_and_what_is_there(show: Show) -> None:
    inside = (lacking(DATA, "files[1]", near("case", "Index.json")),)
    nested = Closest("name", "data", (), 0, DATA, inside, (), False)
    results = [
        run("run_0"),
        run(
            "run_1",
            lacking(RUN, "files[0]", near("below", "old/config.json")),
            lacking(RUN, "files[1]", found("1.csv", "2.csv")),
            lacking(RUN, "directories[0]", nested),
            lacking(RUN, "forbidden_files[0]", found(*(f"{n}.log" for n in range(10)), count=12)),
        ),
        run("run_2", lacking(RUN, "files[0]")),
        run("run_3", unknown=(lacking(RUN, "directories[0]", near("unreadable", "data")),)),
    ]
    page = show(CheckReport(results)).page

    def opened(row: int, item: int) -> str:
        page.locator(f"#cell-{row}-{item + 3}").click()
        return text(page, "#details")

    told = opened(0, 0)
    assert "config.json met, files[0]" in told
    assert "/lab/run_0" in told
    told = opened(1, 0)
    assert "config.json near, files[0]" in told
    assert "old/config.json: one level down" in told
    told = opened(1, 1)
    assert "3+ *.csv near" in told
    assert "There 1.csv, 2.csv" in told
    told = opened(1, 3)
    assert page.locator("#details .tree code").all_text_contents() == [
        "*.parquet", "index.json", "no *.part",
    ]  # fmt: skip
    assert page.locator("#details .tree .sign").all_text_contents() == ["✓", "≈", "✓"]
    assert "Index.json, the same name in another case" in told
    told = opened(1, 4)
    assert "Not allowed 0.log, 1.log" in told
    assert "9.log and 2 more" in told
    told = opened(2, 0)
    assert "nothing comes close" in told
    told = opened(3, 3)
    assert "data: it could not be read" in told
    page.locator("#cell-1-0").click()
    told = text(page, "#details")
    assert all(asked in told for asked in ("config.json", "3+ *.csv", "no FAILED", "data/{"))
    assert "✓ met README* | *.md" in told
    page.locator("#details .close").click()
    assert page.locator("#details").is_hidden()


def test_a_tree_goes_as_deep_as_the_pattern(show: Show) -> None:
    from pathvein import FileStructurePattern

    levels = 100
    patterns = [FileStructurePattern("d", files=["*.txt", "end"])]
    for _ in range(levels):
        patterns.append(FileStructurePattern("d", files=["*.txt"], directories=[patterns[-1]]))
    missing = (lacking(patterns[0], "files[1]", near("case", "END")),)
    for pattern, below in zip(patterns[1:], patterns, strict=False):
        closest = Closest("name", "d", (), 0, below, missing, (), False)
        missing = (lacking(pattern, "directories[0]", closest),)
    result = CheckResult(Path("/lab/d"), patterns[-1], False, missing, ())
    page = show(CheckReport([result])).page
    page.locator("#cell-0-4").click()
    assert page.locator("#details .tree ul").count() >= levels
    assert "END, the same name in another case" in text(page, "#details")


def test_keys_move_in_the_table(show: Show) -> None:
    page = show(reports.report(500)).page
    grid = page.locator("#grid")

    def active() -> str | None:
        return grid.get_attribute("aria-activedescendant")

    grid.focus()
    for key, cell in [
        ("ArrowDown", "cell-1-0"), ("ArrowRight", "cell-1-1"), ("End", "cell-1-7"),
        ("ArrowRight", "cell-1-7"), ("Control+End", "cell-499-7"), ("ArrowDown", "cell-499-7"),
        ("Home", "cell-499-0"), ("Control+Home", "cell-0-0"), ("PageUp", "cell-0-0"),
        ("ArrowUp", "head-0"), ("ArrowRight", "head-1"), ("ArrowDown", "cell-0-1"),
    ]:  # fmt: skip
        grid.press(key)
        assert active() == cell
        assert page.locator(f"#{cell}").is_visible()
    grid.press("PageDown")
    assert int(str(active()).split("-")[1]) > 5
    assert page.locator("#grid .active").count() == 1


def test_enter_opens_and_escape_closes(show: Show) -> None:
    page = show(CheckReport(FOUR)).page
    grid = page.locator("#grid")
    grid.focus()
    grid.press("Enter")
    assert "run_1" in text(page, "#details")
    # It follows, and the focus stays in the table.
    grid.press("ArrowDown")
    assert "run_2" in text(page, "#details h3")
    page.keyboard.press("Escape")
    assert page.locator("#details").is_hidden()
    assert page.evaluate("document.activeElement.id") == "grid"
    # On a heading it sorts.
    grid.press("Control+Home")
    grid.press("ArrowUp")
    grid.press("Enter")
    assert page.locator("#head-0").get_attribute("aria-sort") == "ascending"


def test_keys_of_the_page(show: Show) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page

    def sort() -> tuple[str | None, str | None]:
        watched.settle()
        cell = page.locator("[aria-sort=ascending], [aria-sort=descending]")
        return cell.get_attribute("data-sort"), cell.get_attribute("aria-sort")

    for key, wanted in [
        ("n", ("name", "ascending")), ("n", ("name", "descending")),
        ("m", ("met", "ascending")), ("c", ("met", "descending")), ("p", ("path", "ascending")),
    ]:  # fmt: skip
        page.keyboard.press(key)
        assert sort() == wanted
    page.keyboard.press("g")
    watched.settle()
    assert page.locator("#group").is_checked()
    page.keyboard.press("g")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    # There they are letters.
    page.keyboard.type("fn?")
    assert page.locator("#filter").input_value() == "fn?"
    page.locator("#filter").fill("")
    page.keyboard.press("Escape")
    watched.settle()
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    # The next run that is not complete.
    page.keyboard.press("j")
    assert page.locator("#grid").get_attribute("aria-activedescendant") == "cell-1-0"
    page.keyboard.press("k")
    assert page.locator("#grid").get_attribute("aria-activedescendant") == "cell-1-0"
    shown = [page.evaluate("document.documentElement.dataset.theme")]
    for _ in range(3):
        page.keyboard.press("t")
        shown.append(page.evaluate("document.documentElement.dataset.theme"))
    assert shown == ["auto", "light", "dark", "auto"]


def test_the_theme_is_the_systems_or_as_chosen(show: Show) -> None:
    page = show(CheckReport(FOUR), color_scheme="dark").page

    def ground() -> Any:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    dark = ground()
    page.keyboard.press("t")
    assert ground() == "rgb(255, 255, 255)" != dark


def test_one_pattern_is_shown_at_a_time(show: Show) -> None:
    watched = show(reports.report(20, second=9))
    page = watched.page
    assert len(rows(page)) == 20
    page.keyboard.press("]")
    watched.settle()
    assert [row[0] for row in rows(page)] == [f"sample_{number}" for number in range(9)]
    assert [counts[1:] for counts in bars(page)][-1] == [6, 3, 0, 0]
    page.locator("#drawing summary").click()
    assert "checksums.md5" in text(page, "#pattern-text")
    page.locator("#pattern").select_option(index=0)
    watched.settle()
    assert len(rows(page)) == 20
    assert "29 candidates" in text(page, "#summary")


def test_the_address_keeps_what_is_looked_at(show: Show) -> None:
    watched = show(CheckReport(FOUR))
    page = watched.page
    page.locator("#filter").fill("run_")
    page.locator("#states label", has_text="complete").click()
    page.keyboard.press("Escape")
    page.locator("#head .cell").nth(2).click(position={"x": 10, "y": 10})
    watched.settle()
    shown = names(page)
    assert sorted(shown) == ["run_2", "run_3", "run_4"]
    page.reload()
    watched.settle()
    assert names(page) == shown
    assert page.locator("#filter").input_value() == "run_"
    # A wrong one does no harm.
    page.evaluate("location.hash = '#pattern=7&sort=-files[9]&only=x y&show=&q=%'")
    until(page, "document.querySelector('#filter').value === '%'")
    watched.settle()
    assert rows(page) == []


def test_all_rows_are_printed(show: Show) -> None:
    page = show(reports.report(400)).page
    pages = len(re.findall(rb"/Type */Page\b", page.pdf(format="A4")))
    # A page holds about 36 rows.
    assert 400 / 40 <= pages <= 400 / 20
    assert len(rows(page)) < 100


def test_if_there_are_too_many_to_print_it_says_so(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 are printed, which takes long; here 200."""
    part = _page._part
    limited = part("text.js").replace("PRINTED = 2000", "PRINTED = 200")
    assert limited != part("text.js")
    monkeypatch.setattr(_page, "_part", lambda name: limited if name == "text.js" else part(name))
    watched = show(reports.report(2100))
    page = watched.page
    assert len(rows(page)) < 100
    page.emulate_media(media="print")
    until(page, "document.querySelectorAll('#body > .row').length === 200")
    assert text(page, "#shown") == (
        "2,100 of 2,100 shown, the first 200 printed: filter them to print others"
    )
    assert page.locator("#filter").is_hidden()
    assert page.locator("#states").is_visible()
    page.emulate_media(media="screen")
    until(page, "document.querySelectorAll('#body > .row').length < 100")
    assert text(page, "#shown") == "2,100 of 2,100 shown"


def test_what_it_is_of_and_the_errors(show: Show) -> None:
    report = reports.report(5)
    page = show(report).page
    facts = text(page, "#facts")
    assert report.started.isoformat(" ", "seconds") in facts
    assert "/data/laboratory" in facts
    assert text(page, "#errors summary") == "1 error of the scan"
    page.locator("#errors summary").click()
    assert text(page, "#errors li") == "/data/laboratory/2019/private: Permission denied"
    assert text(page, "#drawing > summary").startswith("Pattern run_*/{config.json")
    page.locator("#drawing summary").click()
    assert "3+ *.csv" in text(page, "#pattern-text")


def test_it_is_a_grid_for_screen_readers(show: Show) -> None:
    page = show(reports.report(300)).page
    grid = page.locator("#grid")
    assert grid.get_attribute("aria-rowcount") == "301"
    assert grid.get_attribute("aria-colcount") == "8"
    page.evaluate("document.querySelector('#grid').scrollTop = 3000")
    page.wait_for_selector("[aria-rowindex='102']")
    row = page.locator("[aria-rowindex='102']")
    assert row.get_attribute("role") == "row"
    assert row.locator("[role=rowheader]").text_content() == "run_000100"
    cells = row.locator("[role=gridcell]")
    assert [cell.get_attribute("aria-colindex") for cell in cells.all()] == list("2345678")
    assert cells.last.text_content() in ("✓ met", "✗ missing")


def test_states_are_not_cut_off(show: Show) -> None:
    """A requirement has a word in each cell only where there is room for it."""
    page = show(reports.report(200, incomplete=1.0), color_scheme="dark").page
    words = set()
    for width in range(1280, 600, -40):
        page.set_viewport_size({"width": width, "height": 900})
        # The table learns of it before the next frame but one.
        for _ in range(3):
            page.evaluate("() => new Promise(requestAnimationFrame)")
        cut, is_worded = page.evaluate(
            """() => {
              const cells = [...document.querySelectorAll("#body > .row:not([hidden]) > .item")];
              return [cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length,
                !document.querySelector("#grid").classList.contains("signs-only")];
            }"""
        )
        assert cut == 0, width
        words.add(is_worded)
    assert words == {True, False}


def test_it_fits_a_phone(show: Show) -> None:
    page = show(reports.report(50), viewport={"width": 390, "height": 844}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#cell-3-4").click()
    sheet = page.locator("#details").bounding_box()
    cell = page.locator("#cell-3-4").bounding_box()
    assert sheet
    assert cell
    assert sheet["width"] == 390
    assert cell["y"] + cell["height"] <= sheet["y"]
    assert page.locator("#head .directory").is_hidden()
