"""The site in a browser, wide and narrow, light and dark: what people see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

import site_links

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Open = Callable[..., Page]

WIDTHS = [1280, 390]
SCHEMES = {"light": "default", "dark": "slate"}

#: What is not in its box: the page itself, if it is wider than the window; and whatever of the
#: article is, but for what scrolls in itself or is in something that does.
OVERFLOWING = """() => {
    const scrolls = each => /auto|scroll|hidden/.test(getComputedStyle(each).overflowX);
    const kept = each =>
        each && each !== document.body && (scrolls(each) || kept(each.parentElement));
    const width = document.documentElement.clientWidth;
    const found = [...document.querySelectorAll(".md-content *")].filter(each =>
        each.getBoundingClientRect().right > width + 1 && !kept(each.parentElement));
    if (document.documentElement.scrollWidth > width) found.push(document.documentElement);
    return found.map(each => each.outerHTML.slice(0, 200));
}"""
#: Pictures that are not there, and such as are wider than the article.
BROKEN_PICTURES = """async () => {
    const pictures = [...document.querySelectorAll(".md-content img")];
    for (const picture of pictures) picture.loading = "eager";
    await Promise.all(pictures.map(each => each.decode().catch(() => {})));
    // Of two for the two schemes, one is seen.
    const seen = each => each.clientWidth || /#gh-(light|dark)-mode-only$/.test(each.src);
    return pictures.filter(each => !each.naturalWidth || !seen(each)).map(each => each.src);
}"""
#: Blocks of code whose first line lies below the button that copies it.
COVERED = """() => [...document.querySelectorAll(".md-content pre")].filter(each => {
    const button = each.querySelector(".md-code__button, .md-clipboard");
    const code = each.querySelector("code");
    if (!button || !code) return false;
    const box = button.getBoundingClientRect(), range = document.createRange();
    // What runs out of its box to the right is not seen before it is scrolled.
    const end = code.getBoundingClientRect().right;
    const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        if (!texts.currentNode.data.trim()) continue;
        range.selectNodeContents(texts.currentNode);
        for (const text of range.getClientRects())
            if (text.left < box.right && Math.min(text.right, end) > box.left
                && text.top < box.bottom && text.bottom > box.top) return true;
    }
    return false;
}).map(each => each.innerText.slice(0, 80))"""
#: Of the text of the page that is in view or not, the colours that can hardly be read: below
#: 4.5 to 1, as WCAG 2 counts, or 3 to 1 for large letters.
FAINT = """() => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
    const light = colour => colour.map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = each => each
        ? over(parts(getComputedStyle(each).backgroundColor), ground(each.parentElement))
        : [255, 255, 255];
    const found = new Map();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const each = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !each.checkVisibility({visibilityProperty: true,
            opacityProperty: true}) || each.closest("script, style, .md-clipboard, .headerlink"))
            continue;
        const style = getComputedStyle(each);
        const below = ground(each);
        const [one, two] = [light(over(parts(style.color), below)), light(below)];
        const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
        if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
            found.set(`${each.tagName}.${each.className}`,
                `${ratio.toFixed(2)} ${texts.currentNode.data.trim().slice(0, 40)}`);
    }
    return Object.fromEntries(found);
}"""


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """``open_page(path)`` opens a page of the site; it may do nothing that it should not."""
    faults: list[str] = []
    host = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}/"

    def request(request: Any) -> None:
        if not request.url.startswith((host, "data:", "blob:")):
            faults.append(f"request: {request.url}")

    with ExitStack() as stack:

        def open_page(path: str = "", *, width: int = 1280, scheme: str = "light") -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,  # type: ignore[arg-type]
                permissions=["clipboard-read", "clipboard-write"],
            )
            stack.callback(context.close)
            # The machine may be busy; that a test hangs is seen by its own time limit.
            context.set_default_timeout(150_000)
            page = context.new_page()
            page.on("request", request)
            page.on("console", lambda message: faults.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: faults.append(f"error: {error}"))
            page.goto(address + path)
            return page

        yield open_page
    assert faults == []


def paths(site: Path) -> list[str]:
    return [
        path.relative_to(site).as_posix().removesuffix("index.html")
        for path in site_links.Site(site).pages
        if path.name != "404.html"
    ]


@pytest.mark.parametrize("part", range(3))
def test_nothing_runs_out_of_its_box_and_pictures_are_seen(
    open_page: Open, site: Path, address: str, part: int
) -> None:
    page = open_page()
    for path in paths(site)[part::3]:
        page.goto(address + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(OVERFLOWING) == [], (path, width)
            assert page.evaluate(BROKEN_PICTURES) == [], (path, width)
            assert page.evaluate(COVERED) == [], (path, width)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pictures_in_both_schemes(open_page: Open, scheme: str) -> None:
    page = open_page(scheme=scheme)
    assert page.locator(".md-content img").count() > 0
    assert page.evaluate(BROKEN_PICTURES) == []
    # That of the page of a report is of this scheme.
    shown = page.locator(".md-content img[src*='/report']:visible")
    assert shown.count() == 1
    assert str(shown.get_attribute("src")).endswith(f"#gh-{scheme}-mode-only")


def test_what_runs_out_of_its_box_is_found(open_page: Open) -> None:
    page = open_page("patterns/", width=390)
    page.evaluate(
        """() => document.querySelector(".md-content p").innerHTML =
            "<span style='white-space: nowrap'>" + "long ".repeat(100) + "</span>" """
    )
    assert len(page.evaluate(OVERFLOWING)) >= 1


def test_a_button_above_the_code_is_found(open_page: Open) -> None:
    page = open_page("patterns/")
    page.locator(".md-content pre :is(.md-code__button, .md-clipboard)").first.wait_for()
    assert page.evaluate(COVERED) == []
    page.evaluate(
        """() => {
            const pre = document.querySelector(".md-content pre");
            const button = pre.querySelector(".md-code__button, .md-clipboard");
            const place = { position: "fixed", left: "0", top: "0" };
            Object.assign(button.style, place, { width: "2000px", height: "900px" });
        }"""
    )
    assert len(page.evaluate(COVERED)) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_colours_can_be_read(open_page: Open, address: str, scheme: str) -> None:
    page = open_page(scheme=scheme)
    assert page.get_attribute("body", "data-md-color-scheme") == SCHEMES[scheme]
    for path in ("", "checking/", "api/scanning/", "rust/"):
        page.goto(address + path)
        assert page.evaluate(FAINT) == {}, path
    page.evaluate("() => document.querySelector('.md-content p').style.color = '#808488'")
    assert len(page.evaluate(FAINT)) == 1


def test_the_scheme_can_be_chosen(open_page: Open) -> None:
    page = open_page("patterns/")
    page.click("label[title='Switch to light mode']")
    page.click("label[title='Switch to dark mode']")
    assert page.get_attribute("body", "data-md-color-scheme") == "slate"
    page.reload()
    assert page.get_attribute("body", "data-md-color-scheme") == "slate"


@pytest.mark.parametrize("width", WIDTHS)
def test_search_finds_forbidden(open_page: Open, width: int) -> None:
    page = open_page(width=width)
    if width < 1000:
        page.click(".md-header__button[for=__search]")
    page.locator(".md-search__input").press_sequentially("forbidden")
    # Links to sections that have the whole word. A page is named before them, and often has not.
    section = page.locator(".md-search-result__item a[href*='h=forbidden']:visible").first
    section.wait_for()
    titles = page.locator(".md-search-result__item h1").all_inner_texts()
    assert {"Drawing a pattern", "What a match is", "Patterns"} <= set(titles)
    section.click()
    page.wait_for_selector(".md-content mark")
    assert "forbidden" in page.locator(".md-content mark").first.inner_text().lower()
    assert page.evaluate(OVERFLOWING) == []


def test_code_can_be_copied(open_page: Open) -> None:
    page = open_page("rust/")

    def copied(language: str) -> str:
        block = page.locator(f".language-{language}").first
        block.locator(".md-clipboard, .md-code__button").first.click()
        page.wait_for_function("() => document.querySelector('.md-dialog--active')")
        return str(page.evaluate("() => navigator.clipboard.readText()"))

    assert copied("rust").startswith("use pathvein_core::")
    page = open_page("command-line/")
    # Of a session, what is typed.
    assert copied("console").split("\n") == [
        "pathvein check examples/lab -p examples/patterns/run.txt",
        "echo $?",
    ]


def test_versions_can_be_chosen(open_page: Open) -> None:
    page = open_page("patterns/")
    # The list opens over the button, which Playwright takes to be in the way.
    page.hover(".md-version__current", force=True)
    links = page.locator(".md-version__link")
    links.nth(1).wait_for(state="visible")
    assert links.all_inner_texts() == ["0.10", "0.9"]
    assert str(links.nth(1).get_attribute("href")).endswith("/pathvein/0.9/")


def test_what_is_not_there(browser: Browser, address: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        answer = page.goto(f"{address}no/such/page/")
        assert answer is not None
        assert answer.status == 404
        assert page.inner_text("h1") == "There is no such page"
