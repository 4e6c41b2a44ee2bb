"""Debian's Chromium, driven by Playwright: pages of reports as people see them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Opens the page of a report.
Show = Callable[..., "Watched"]
#: As `scripts/browser` looks for it.
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class Missing(Exception):
    """There is no browser here; says what installs it."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window.

    Raises:
        Missing: There is none.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise Missing("playwright") from error
    found = next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), *_NAMES))), None)
    if found is None:
        raise Missing("chromium, by scripts/browser")
    with sync_playwright() as playwright:
        # As root, whom Chromium does not run for in a sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page that is open, and all that it did which it should not do."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        self.context = browser.new_context(**options)
        # The machine may be busy; that a test hangs is seen by its own time limit.
        self.context.set_default_timeout(150_000)
        self.page: Page = self.context.new_page()
        #: Messages on the console, errors of scripts, dialogs, requests.
        self.faults: list[str] = []
        self._own = ""
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        url = request.url.partition("#")[0]
        if url != self._own and not url.startswith("data:"):
            self.faults.append(f"request: {url}")

    def open(self, file: Path) -> Page:
        """Open a file, and wait until its runs are shown."""
        self._own = file.as_uri()
        self.page.goto(self._own)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the filters have been applied."""
        self.page.wait_for_selector("#grid[aria-busy=false]", state="attached")

    def close(self) -> None:
        self.context.close()
