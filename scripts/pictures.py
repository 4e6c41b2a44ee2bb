"""The pictures of the documentation, and how long the page of 100,000 runs stands still."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import browser as browsers
import drawings
import reports
from pathvein import CheckReport, FileStructurePattern

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_EXAMPLES = drawings.ROOT / "examples" / "checking"

#: Counts, once it is asked to: the longest time between two frames, and the tasks over 50 ms.
_WATCH = """() => {
  const seen = (window.seen = { gap: 0, tasks: [] });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.tasks.push(Math.round(entry.duration));
  }).observe({ type: "longtask" });
  let last = performance.now();
  const frame = (now) => {
    seen.gap = Math.max(seen.gap, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


def example(name: str) -> CheckReport:
    """The report on an example, as if it lay in /data."""
    from pathvein import icheck

    pattern = FileStructurePattern.load(_EXAMPLES / name / "pattern.txt")
    with tempfile.TemporaryDirectory() as made:
        source = Path(made).resolve() / "runs"
        make = [str(_EXAMPLES / "make-tree"), str(_EXAMPLES / name / "tree.txt"), str(source)]
        subprocess.run(["sh", *make], check=True)
        found = icheck(source, pattern)
        results = [
            result._replace(source=Path("/data/runs") / result.source.relative_to(source))
            for result in found
        ]
        return CheckReport(
            results,
            source="/data/runs",
            patterns=pattern,
            stats=found.stats,
            # After the last of the runs, and the same in each picture.
            started=datetime(2025, 3, 8, 9, tzinfo=UTC),
        )


def opened(browser: Browser, report: CheckReport, folder: str, **options: Any) -> Page:
    """The page of a report."""
    file = Path(folder) / "report.html"
    report.to_html(file)
    return browsers.Watched(browser, **options).open(file)


def draw(folder: str) -> None:
    """The SVGs in docs/pictures."""
    for drawing in drawings.drawings(Path(folder)):
        file = drawings.FOLDER / f"{drawing.name}.svg"
        file.write_text(drawing.svg(), encoding="utf-8")


def take_report(browser: Browser, folder: str) -> None:
    """docs/pictures/report.png, and that of the dark scheme: an example, details of a cell."""
    viewport, report = {"width": 1280, "height": 600}, example("sequencing")
    for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
        page = opened(browser, report, folder, viewport=viewport, color_scheme=scheme)
        page.locator("#cell-5-8").click()
        page.mouse.move(0, 0)
        page.screenshot(path=drawings.FOLDER / name, full_page=True)


def take_all(browser: Browser, folder: str, target: Path) -> None:
    """In light and dark, at 1280 and at 390 pixels: from the top, and with details."""
    target.mkdir(parents=True, exist_ok=True)
    report = reports.report(1000, second=30)
    for scheme in ("light", "dark"):
        for width, height in ((1280, 900), (390, 844)):
            size = {"width": width, "height": height}
            page = opened(browser, report, folder, viewport=size, color_scheme=scheme)
            page.screenshot(path=target / f"{scheme}-{width}.png")
            page.locator("#cell-3-6").click()
            page.screenshot(path=target / f"{scheme}-{width}-details.png")
            page.keyboard.press("Escape")
            page.keyboard.press("g")
            page.keyboard.press("?")
            page.screenshot(path=target / f"{scheme}-{width}-help.png")


def measure(browser: Browser, folder: str) -> None:
    """Prints what happens to 100,000 runs."""
    report = reports.report(100_000)
    page = opened(browser, report, folder)
    timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    size = (Path(folder) / "report.html").stat().st_size
    print(f"{size:,} bytes; loaded and drawn after {page.evaluate(timing):.0f} ms")
    page.evaluate(_WATCH)

    def told(what: str) -> None:
        page.wait_for_selector("#grid[aria-busy=false]", state="attached")
        page.wait_for_timeout(300)
        seen = page.evaluate("window.seen")
        tasks = seen["tasks"] or "none"
        print(f"{what}: longest gap {seen['gap']:.0f} ms; tasks over 50 ms: {tasks}")
        page.evaluate("Object.assign(window.seen, { gap: 0, tasks: [] })")

    told("at rest")
    page.locator("#grid").hover()
    for _ in range(200):
        page.mouse.wheel(0, 600)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    told("scrolling by the wheel")
    for step in range(100):
        page.evaluate(
            f"() => {{ const g = document.querySelector('#grid'); g.scrollTop = {step * 29_000}; }}"
        )
        page.evaluate("() => new Promise(requestAnimationFrame)")
    told("scrolling from end to end")
    for key, what in (("n", "by name"), ("m", "by what is met"), ("g", "grouped")):
        page.keyboard.press(key)
        told(f"sorting {what}" if key != "g" else what)
    page.keyboard.press("/")
    page.keyboard.type("campaign-05 run_05", delay=30)
    told("typing a filter")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--all", metavar="DIRECTORY", type=Path)
    choice.add_argument("--drawings", action="store_true")
    choice.add_argument("--measure", action="store_true")
    chosen = parser.parse_args()
    if not (chosen.all or chosen.measure):
        with tempfile.TemporaryDirectory() as folder:
            draw(folder)
    if chosen.drawings:
        return
    with browsers.chromium() as browser, tempfile.TemporaryDirectory() as folder:
        if chosen.measure:
            measure(browser, folder)
        elif chosen.all:
            take_all(browser, folder, chosen.all)
        else:
            take_report(browser, folder)


if __name__ == "__main__":
    main()
