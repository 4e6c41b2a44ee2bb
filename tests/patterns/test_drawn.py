"""Patterns as coloured trees: in notebooks, and by Rich."""

import re
import subprocess
import sys

import pytest
from hypothesis import given

from pathvein import FileStructurePattern as P
from shown import plain, rich_text
from strategies import hard_text

TEXT = """\
run_*/
    config.json
    3+ *.csv
    *.nii | *.nii.gz
    optional notes.txt
    no FAILED
    "<b>&amp; {x}.csv"
    data/
        *.parquet
        nothing else
    anat/{*.nii, no x} | func/{2 *.tsv, nothing else}
    no old/
        no
"""
PATTERN = P.from_text(TEXT)
DRAWN = """\
run_*/
├── config.json
├── 3+ *.csv
├── *.nii | *.nii.gz
├── "<b>&amp; {x}.csv"
├── optional notes.txt
├── no FAILED
├── data/
│   ├── *.parquet
│   └── nothing else
├── anat/{*.nii, no x} | func/{2 *.tsv, nothing else}
└── no old/
    └── no
"""


def words(drawn: str) -> set[str]:
    """The lines, in whatever order the writer has the entries."""
    return {re.sub("[│├└─ ]+", " ", line).strip() for line in drawn.splitlines()}


def test_measure() -> None:
    panel = pytest.importorskip("rich.panel").Panel.fit(P("a", ["bcd"]))
    assert rich_text(panel) == "╭─────────╮\n│ a/      │\n│ └── bcd │\n╰─────────╯\n"


def test_html() -> None:
    shown = PATTERN._repr_html_()
    assert words(plain(shown)) == words(DRAWN)
    # It is a drawing that can be copied, and read again.
    assert P.from_text(plain(shown)) == PATTERN
    assert "&lt;b&gt;&amp;amp; {x}.csv" in shown
    shown += P("<b>", directories=["<script>"], forbidden_files=["<i>"])._repr_html_()
    assert set(re.findall(r"<(?!/)(\w+)", shown)) == {"pre", "span"}


def colour(shown: str, word: str) -> str:
    found = re.search(rf'<span style="([^"]*)">{re.escape(word)}</span>', shown)
    return found[1] if found else ""


def test_colours() -> None:
    shown = PATTERN._repr_html_()
    directories = {colour(shown, name) for name in ("run_*/", "data/", "anat/", "func/", "old/")}
    forbidden = {colour(shown, word) for word in ("no", "nothing else")}
    others = {colour(shown, word) for word in ("optional", "3+", "2")}
    assert len(directories) == len(forbidden) == len(others) == 1
    assert len(directories | forbidden | others | {""}) == 4
    # Names have none, nor has a word that is a name.
    assert all(not colour(shown, name) for name in ("config.json", "*.nii", "notes.txt"))
    assert shown.endswith("</span>no</pre>")


def test_mime_bundle() -> None:
    bundle = PATTERN._repr_mimebundle_()
    assert bundle == {"text/plain": PATTERN.to_text(), "text/html": PATTERN._repr_html_()}
    assert PATTERN._repr_mimebundle_(include=["text/html"], exclude=["text/plain"])["text/html"]


def test_rich() -> None:
    assert words(rich_text(PATTERN)) == words(DRAWN)
    coloured = rich_text(PATTERN, force_terminal=True, color_system="standard")
    assert "\x1b[1;34mrun_*/" in coloured
    assert "\x1b[31mno\x1b[0m" in coloured
    assert "|-- config.json" in rich_text(PATTERN, ascii_only=True)
    # What Rich would take for markup is text.
    assert "[bold]x[/bold]" in rich_text(P("a", ["[bold]x[/bold]"]))


@given(hard_text)
def test_any_name(name: str) -> None:
    pattern = P("a", [name], [P(name, [name])], [name], forbidden_files=[name])
    shown = pattern._repr_html_()
    assert P.from_text(plain(shown)) == P.from_text(pattern.to_text())
    shown.encode()
    rich_text(pattern)


def test_deepest() -> None:
    pattern = P("a")
    for _ in range(127):
        pattern = P("a", ["x"], [pattern])
    assert plain(pattern._repr_html_()).count("\n") == 254
    # However narrow the terminal is, nothing is left out.
    assert rich_text(pattern).count("x") == 127


def test_nothing_is_imported_for_it() -> None:
    code = """
import sys, pathvein
pattern = pathvein.FileStructurePattern("a", ["b"])
pattern._repr_html_(), pattern._repr_mimebundle_()
print([name for name in ("rich", "IPython", "yaml") if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "[]\n"
