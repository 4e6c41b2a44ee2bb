"""The pictures of the documentation show what pathvein does now."""

import re
from pathlib import Path

import pytest

import drawings

ROOT = Path(__file__).parents[2]
PICTURES = sorted(drawings.FOLDER.glob("*.svg"))


pytestmark = pytest.mark.unix("draws what a terminal shows")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[drawings.Drawing]:
    return drawings.drawings(tmp_path_factory.mktemp("drawings"))


def test_pictures_are_current(drawn: list[drawings.Drawing]) -> None:
    """By their text and colours: Rich may write the same in other bytes. `scripts/pictures`."""
    assert [path.stem for path in PICTURES] == sorted(drawing.name for drawing in drawn)
    for drawing in drawn:
        svg = (drawings.FOLDER / f"{drawing.name}.svg").read_text(encoding="utf-8")
        assert drawings.text_of(svg) == drawings.text_of(drawing.svg()), drawing.name


def test_they_show_all_there_is(drawn: list[drawings.Drawing]) -> None:
    """The tree to its last line, each with its colours, and no word that is cut off."""
    shown = {drawing.name: drawings.text_of(drawing.svg()) for drawing in drawn}
    assert shown["pattern"][-1] == "    └── *.parquet"
    assert "├── ✗ SampleSheet.csv: samplesheet.csv differs in case" in shown["explain"]
    [_, line] = shown["progress"]
    assert re.fullmatch(r"1 s: \d+ directories \(\d+/s\), 190 matches, \d+ entries", line)
    for drawing in drawn:
        assert ("\x1b[" in drawing.written) is (drawing.name != "progress")


def test_each_picture_is_shown() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = "".join(page.read_text(encoding="utf-8") for page in pages)
    for path in drawings.FOLDER.iterdir():
        # Behind a `#` stands in which scheme.
        assert re.search(rf"pictures/{re.escape(path.name)}[)#]", shown), path.name


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_they_load_nothing(path: Path) -> None:
    """No font, style or picture from elsewhere, and no script."""
    svg = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"//|@import|@font-face|<script|href=", svg)
    assert all(name.startswith("#") for name in re.findall(r"url\(([^)]*)\)", svg))
    # Two of them in one page do not take each other's styles.
    assert set(re.findall(r'(?:id|class)="([a-z]+)-', svg)) == {path.stem}
