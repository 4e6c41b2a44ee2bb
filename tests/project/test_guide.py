"""docs/patterns.md: each pattern is in examples/guide, and finds there what it should."""

import re
from pathlib import Path

import pytest

from pathvein import load_patterns, scan

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "patterns.md"
EXAMPLES = sorted(path.parent for path in (ROOT / "examples" / "guide").glob("*/pattern.txt"))
TEXT = GUIDE.read_text(encoding="utf-8")


def build(example: Path, top: Path) -> None:
    """Make the tree of an example below `top`."""
    for line in (example / "tree.txt").read_text().splitlines():
        path = top / line
        (path if line.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not line.endswith("/"):
            path.touch()


def lines(example: Path, name: str) -> list[str]:
    return (example / name).read_text().splitlines()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_pattern_finds_what_it_should(example: Path, tmp_path: Path) -> None:
    build(example, tmp_path)
    patterns = load_patterns(example / "pattern.txt")
    found = scan(tmp_path, patterns, on_error="raise")
    expected = lines(example, "expected.txt")
    assert {result.source.relative_to(tmp_path).as_posix() for result in found} == set(expected)
    # Each pattern finds something, and none is twice what another finds.
    assert {result.pattern for result in found} == set(patterns)
    assert len(found) == len(expected)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_pattern_has_no_problems(example: Path) -> None:
    for pattern in load_patterns(example / "pattern.txt"):
        assert pattern.validate() == []
        assert type(pattern).from_text(pattern.to_text()) == pattern


def test_guide_shows_the_examples() -> None:
    shown = re.findall(r"<!-- (\S+) -->\n```text\n(.*?)```", TEXT, re.DOTALL)
    assert [ROOT / name for name, _ in shown] != []
    assert sorted(ROOT / name for name, _ in shown) == EXAMPLES
    for name, text in shown:
        assert text == (ROOT / name / "pattern.txt").read_text(), name


def test_one_line_is_the_same_pattern() -> None:
    """Where the guide says that a pattern can be written on one line."""
    one_line = [
        ("runs", re.search(r"^run_.*\{.*\}$", TEXT, re.MULTILINE)),
        ("every", re.search(r"(?<=`)20\[.*(?=`)", TEXT)),
        ("empty", re.search(r"(?<=`)\*/\{nothing else\}(?=`)", TEXT)),
    ]
    for name, match in one_line:
        assert match
        [shown] = load_patterns(ROOT / "examples/guide" / name / "pattern.txt")
        if name != "empty":  # which is another pattern that means the same
            assert type(shown).from_text(match[0]) == shown


def test_paths_are_short_for_nested_directories() -> None:
    [short, long] = re.search(r"`(data/raw/\S+)` is\s+`(\S+)`", TEXT).groups()  # type: ignore[union-attr]
    [pattern, *_] = load_patterns(EXAMPLES[0] / "pattern.txt")
    assert type(pattern).from_text(short) == type(pattern).from_text(long)
