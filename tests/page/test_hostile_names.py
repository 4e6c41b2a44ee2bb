"""Names that are HTML, scripts, written from right to left, or no text do no harm in a page."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import profiles
from browser import Show, Watched
from pages import rows
from pathvein import FileStructurePattern, _page
from pathvein.checking import CheckResult, Closest
from pathvein.reporting import CheckReport
from reports import found, lacking, near

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Each would do something, if it was taken for anything but text.
_HARMFUL = (
    "<script>alert(1)</script>", "</script><script>alert(2)<", "<img src=x onerror=alert(3)>",
    "</title><svg onload=alert(4)>", "<!--", "-->", "<!--<script>", "]]>", "{{ 7 * 7 }}",
    "{% raw %}", "${alert(5)}", "'-alert(6)-'", '"><b>', "&lt;b&gt;", "&amp;",
    "javascript:alert(7)",
    "\\u003cb>", "__proto__", "constructor", "#q=x", "%3Cb%3E", "=1+1", "\u202eexe.txt",
    "\u2066a\u2069", "אבג", "مرحبا.csv", "a\u0301" * 80, "Z" + "\u0335" * 126, "\udc80\udcff",
    "x\udcc3", "\x1b[31m", "a\nb", "\r", "\t", "\x7f", "\u2028", "\ufeff", "\uffff", "\U000e0041",
    "👩\u200d🔬", "👩🏽\u200d🔬", "𝒳", "W" * 255, " ", " leading", "trailing ", "...", "-", "~",
    "*", "[!a]",
)  # fmt: skip


_NAME = st.one_of(
    st.sampled_from(_HARMFUL),
    st.text(min_size=1, max_size=30),
    st.binary(min_size=1, max_size=255).map(lambda name: name.decode("utf-8", "surrogateescape")),
    st.lists(st.sampled_from(_HARMFUL), min_size=2, max_size=3).map("".join),
).filter(lambda name: name not in (".", ".."))


def _component(name: str) -> str:
    """A name that an entry may have; others stand in globs and messages only."""
    return re.sub("[/\0]", "_", name)


#: What must not stand in a page as it is: it cannot be seen, or changes what is around it.
#: (Breaks of lines and tabs are those between the elements.)
_HIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\xa0\u061c\u200b\u200e\u200f\u2028-\u202f\u2060-\u206f\ufeff"
    "\ud800-\udfff]"
)

#: How many elements there are of each kind that no name may add to.
_ELEMENTS = """() => ["script", "style", "link", "meta", "title", "base", "img", "svg", "iframe",
    "a", "object", "title b", "#body bdi *:not(.escape)", "#details .name *:not(.escape)"]
  .map((selector) => document.querySelectorAll(selector).length)"""
_OWN = [2, 1, 1, 5, 1] + [0] * 9


def report(names: list[str]) -> CheckReport:
    """One in which names stand everywhere where a name may."""
    cycle = iter(names * 12)
    pattern = FileStructurePattern(
        next(cycle),
        files=[next(cycle), next(cycle)],
        directories=[FileStructurePattern(next(cycle), files=[next(cycle)])],
        closed=True,
    )
    nested = pattern.directories[0]
    inside = (lacking(nested, "files[0]", near("normal form", next(cycle))),)
    missing = (
        lacking(pattern, "files[0]", near("edit", next(cycle))),
        lacking(pattern, "files[1]", near("below", f"{next(cycle)}/{next(cycle)}")),
        lacking(
            pattern,
            "directories[0]",
            Closest("name", next(cycle), (), 0, nested, inside, (), False),
        ),
        lacking(pattern, "closed", found(*sorted(names)[:10], count=len(names))),
    )
    components = list(map(_component, names))
    results = [
        CheckResult(Path("/", parent, name), pattern, False, missing, ())
        for parent, name in zip(components, reversed(components), strict=True)
    ]
    return CheckReport(
        results,
        source=f"/{names[0]}",
        errors=[OSError(5, name, f"/{name}") for name in names],
        options={"exclude": names[0]},
    )


@pytest.fixture(scope="module")
def watched(browser: Browser) -> Any:
    page = Watched(browser, viewport={"width": 1280, "height": 3000})
    yield page
    page.close()


@given(st.lists(_NAME, min_size=1, max_size=25))
@example(list(_HARMFUL))
@example(["Z" + "\u0335" * 250])
@profiles.share(0.12)
def test_they_do_no_harm(watched: Watched, tmp_path_factory: Any, names: list[str]) -> None:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(_page.render(report(names)), encoding="utf-8")
    watched.faults.clear()
    page = watched.open(file)
    # All that is told of a run, in turn.
    for column in ("0", "3", "4", "5", "6"):
        page.locator(f"#cell-0-{column}").click()
        assert page.locator("#details h3").count() == 1
    assert page.evaluate(_ELEMENTS) == _OWN
    assert _HIDDEN.findall(page.evaluate("document.documentElement.innerText")) == []
    told = [row[0] for row in rows(page)]
    assert len(told) == len(names)
    for name in map(_component, names):
        # Of these it is certain that they are shown as they are.
        if all(unicodedata.category(char)[0] in "LNPS" for char in name):
            assert name in told
    # No name makes the page wider, or a row higher.
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    heights = page.evaluate(
        """() => [...document.querySelectorAll("#body > .row:not([hidden])")]
          .map((row) => row.offsetHeight)"""
    )
    assert set(heights) == {30}
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    watched.settle()
    assert page.evaluate(_ELEMENTS) == _OWN
    assert watched.faults == []


def test_what_cannot_be_seen_is_shown_escaped(show: Show) -> None:
    pattern = FileStructurePattern("*")
    names = {
        "a\nb": r"a\nb", "\x1b[31m": r"\x1b[31m", "\udcff.csv": r"\xff.csv",
        "\u202etxt": r"\u202etxt", " x ": "␣x␣", "a\u00a0b": r"a\u00a0b",
        "\U000e0041": r"\u{e0041}", "<b>": "<b>", "a b": "a b",
        "👩🏽\u200d🔬": "👩🏽\u200d🔬", "é": "é", "e\u0301": "e\u0301",
    }  # fmt: skip
    results = [CheckResult(Path("/lab", name), pattern, True, (), ()) for name in names]
    page = show(CheckReport(results)).page
    assert sorted(row[0] for row in rows(page)) == sorted(names.values())
    # The filter looks at what is seen.
    page.locator("#filter").fill(r"\xff")
    page.wait_for_timeout(50)
    assert [row[0] for row in rows(page)] == [r"\xff.csv"]


def test_a_name_keeps_its_direction_to_itself(show: Show) -> None:
    pattern = FileStructurePattern("*", files=["x"])
    names = ["אבג 1", "abc 2"]
    results = [
        CheckResult(Path("/lab", name), pattern, False, (lacking(pattern, "files[0]"),), ())
        for name in names
    ]
    page = show(CheckReport(results, source="/אבג")).page
    page.locator("#cell-0-0").click()
    isolated = page.evaluate(
        """() => [...document.querySelectorAll("#facts .name, #details .name, #body bdi")]
          .map((element) => getComputedStyle(element).unicodeBidi)"""
    )
    assert len(isolated) > 8
    assert set(isolated) == {"isolate"}


def test_a_normal_form_is_spelt_out(show: Show) -> None:
    pattern = FileStructurePattern("*", files=["é.csv"])
    missing = (lacking(pattern, "files[0]", near("normal form", "e\u0301.csv")),)
    page = show(CheckReport([CheckResult(Path("/lab/a"), pattern, False, missing, ())])).page
    page.locator("#cell-0-3").click()
    assert r"(e\u0301.csv)" in page.locator("#details").inner_text()
