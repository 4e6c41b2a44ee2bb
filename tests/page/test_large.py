"""Pages of very many runs: how large they are, and that no step does more than a view's work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import built_once
import reports
from browser import Show, Watched
from pages import rows, text, until
from pathvein import CheckReport, _page

MANY = 100_000

#: From now on: rows that are filled, and, for who wants to know, the longest time between frames.
_COUNT = """() => {
  const body = document.querySelector("#body");
  const counts = (window.counts = { filled: 0, gap: 0 });
  new MutationObserver((changes) => {
    counts.filled += changes.length;
  }).observe(body, { subtree: true, attributeFilter: ["aria-rowindex"] });
  let last = performance.now();
  const frame = (now) => {
    counts.gap = Math.max(counts.gap, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""

#: A clock that goes so fast that no slice of work has time for more than one step, and a count of
#: the times that work was left to go on later.
_FAST_CLOCK = """
  const real = performance.now.bind(performance);
  let fast = 0;
  performance.now = () => real() + 100 * fast++;
  const post = MessagePort.prototype.postMessage;
  window.slices = 0;
  MessagePort.prototype.postMessage = function (...all) { window.slices++; post.apply(this, all); };
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The page of a report on very many runs."""
    return built_once.file(
        tmp_path_factory,
        worker_id,
        "many.html",
        lambda: _page.render(reports.report(MANY)).encode(),
    )


def test_a_thousand_runs_take_300_kb() -> None:
    assert len(_page.render(reports.report(1000, incomplete=0.9)).encode()) < 300_000


def test_a_hundred_thousand_runs_take_5_mb(many: Path) -> None:
    assert many.stat().st_size < 5_000_000


def test_a_hundred_thousand_runs_that_lack_different_things_take_5_mb() -> None:
    """A tenth of it, which takes a tenth of the time; each has names of its own."""
    part = MANY // 10
    for results in (reports.different(part), reports.runs(part, 1.0), reports.hopeless(part)):
        assert len(_page.render(CheckReport(results)).encode()) < 500_000


def test_what_is_long_is_read_back(show: Show) -> None:
    page = show(CheckReport(reports.hopeless(2000))).page
    data = page.locator("#data").text_content()
    assert data
    assert re.fullmatch("[A-Za-z0-9+/=]+", data)  # compressed
    assert text(page, "#shown") == "2,000 of 2,000 shown"
    page.locator("#cell-1-4").click()
    assert "There 1_a.csv, 1_b.csv" in text(page, "#details")


def test_only_rows_in_view_have_elements(many: Path, show: Show, record_property: Any) -> None:
    page = show(many).page
    view = page.evaluate("document.querySelector('#grid').clientHeight / 30")
    # A few more above and below.
    most = int(view) + 2 * 8 + 2
    page.evaluate(_COUNT)
    page.locator("#grid").hover()
    before = 0
    for _ in range(40):
        page.mouse.wheel(0, 450)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        filled = page.evaluate("window.counts.filled")
        # What came into view is filled, and nothing else.
        assert filled - before <= most
        before = filled
    assert before > 100
    # Far away at once, from end to end.
    for part in (1.0, 0.5, 0.999, 0.0):
        page.evaluate(
            f"{{const g = document.querySelector('#grid'); g.scrollTop = g.scrollHeight * {part}}}"
        )
        first = int((MANY - 1) * part)
        until(
            page, f"document.querySelector('#body').textContent.includes('run_0{first // 100:03}')"
        )
        filled = page.evaluate("window.counts.filled")
        assert filled - before <= most
        before = filled
    assert page.locator("#body > .row").count() <= most
    record_property("longest time between two frames, ms", page.evaluate("window.counts.gap"))


@pytest.mark.parametrize("key", ["n", "filter"])
def test_sorting_and_filtering_is_done_in_slices(many: Path, browser: Any, key: str) -> None:
    watched = Watched(browser)
    watched.page.add_init_script(_FAST_CLOCK)
    page = watched.open(many)
    before = page.evaluate("window.slices")
    if key == "n":
        page.keyboard.press("n")
    else:
        page.locator("#filter").fill("run_09999")
    watched.settle()
    until(page, "document.querySelector('#grid').getAttribute('aria-busy') === 'false'")
    # The order by name looks at each run 17 times, the filter once.
    assert page.evaluate("window.slices") - before >= MANY / 1024
    if key == "filter":
        assert text(page, "#shown") == "10 of 100,000 shown"
        assert [row[0] for row in rows(page)] == [f"run_09999{digit}" for digit in range(10)]
    watched.close()
    assert watched.faults == []


def test_keys_reach_the_last_of_a_hundred_thousand(many: Path, show: Show) -> None:
    page = show(many).page
    page.locator("#grid").focus()
    page.keyboard.press("Control+End")
    assert text(page, f"#cell-{MANY - 1}-0") == "run_099999"
    page.keyboard.press("Control+Home")
    assert text(page, "#cell-0-0") == "run_000000"


def test_a_table_may_be_higher_than_a_browser_allows(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million rows would be 30 million pixels, which Firefox cuts off. Here 20,000 are."""
    part = _page._part
    limited = part("text.js").replace("TALLEST = 15e6", "TALLEST = 15e4")
    assert limited != part("text.js")
    monkeypatch.setattr(_page, "_part", lambda name: limited if name == "text.js" else part(name))
    rows = 20_000
    page = show(CheckReport(reports.complete(rows))).page
    assert page.evaluate("document.querySelector('#body').offsetHeight") == 150_000
    page.locator("#grid").focus()
    for keys, row in (
        ("Control+End", rows - 1),
        ("ArrowUp", rows - 2),
        ("Control+Home", 0),
        ("ArrowDown ArrowDown", 2),
    ):
        for key in keys.split():
            page.keyboard.press(key)
        assert page.locator("#grid").get_attribute("aria-activedescendant") == f"cell-{row}-0"
        assert text(page, f"#cell-{row}-0") == f"run_{row:06}"
        cell = page.locator(f"#cell-{row}-0").bounding_box()
        view = page.locator("#grid").bounding_box()
        assert cell
        assert view
        assert view["y"] <= cell["y"]
        assert cell["y"] + cell["height"] <= view["y"] + view["height"] + 1
