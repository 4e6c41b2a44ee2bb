"""What a page of a report shows, read from its elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_ROWS = """() => [...document.querySelectorAll("#body > .row")]
  .filter((row) => !row.hidden)
  .sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex"))
  .map((row) => [...row.children].filter((cell) => !cell.hidden)
    .map((cell) => cell.dataset.state || cell.textContent))"""


def until(page: Page, condition: str) -> None:
    """Wait for a condition. (Playwright's own wait is forbidden by the policy of the page.)"""
    for _ in range(4000):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"it never came: {condition}")


def rows(page: Page) -> list[list[str]]:
    """The rows that have elements, in their order: texts of cells, states of items."""
    shown: list[list[str]] = page.evaluate(_ROWS)
    return shown


def names(page: Page) -> list[str]:
    """The names of these rows."""
    return [row[0] for row in rows(page)]


def bars(page: Page) -> list[list[Any]]:
    """Of each requirement its text, and how many runs are met, missing, near and unknown."""
    told: list[list[Any]] = page.evaluate(
        """() => [...document.querySelectorAll("#bars > tr")].map((row) => [
          row.querySelector("th").textContent,
          ...[...row.querySelectorAll("button")].map((button) =>
            Number(button.textContent.replace(/[^0-9]/g, "")))])"""
    )
    return told


def text(page: Page, selector: str) -> str:
    """The text of an element, with single blanks."""
    return " ".join(page.locator(selector).inner_text().split())
