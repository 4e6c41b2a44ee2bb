"""Pattern text: reading, writing, errors; strings in the place of nested patterns."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import profiles  # noqa: F401  (Hypothesis takes its settings from it)
from pathvein import Directories, Files, FileStructurePattern, PatternTextError, Regex

TABLE = Path(__file__).parent.parent / "data" / "pattern_text.jsonl"
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines() if line]


def read(case: dict[str, Any]) -> list[FileStructurePattern]:
    if "string" in case:
        return list(FileStructurePattern(directories=[case["string"]]).directories)
    if "one" in case:
        return [FileStructurePattern.from_text(case["text"])]
    return FileStructurePattern._all_from_text(case["text"])


@pytest.mark.parametrize("case", [c for c in CASES if "error" not in c], ids=lambda c: c["case"])
def test_what_a_text_means(case: dict[str, Any]) -> None:
    patterns = read(case)
    expected = [FileStructurePattern.from_json(json.dumps(one)) for one in case["patterns"]]
    assert patterns == expected
    if "written" in case:
        assert patterns[0].to_text() == str(patterns[0]) == case["written"]
    if "one_line" in case:
        assert patterns[0].to_text(one_line=True) == case["one_line"]


@pytest.mark.parametrize("case", [c for c in CASES if "error" in c], ids=lambda c: c["case"])
def test_what_is_said_of_wrong_text(case: dict[str, Any]) -> None:
    with pytest.raises(PatternTextError) as caught:
        read(case)
    error = caught.value
    line, column, message = case["error"].split(":", 2)
    assert (error.line, error.column) == (int(line), int(column))
    text: str = case["text"] if "text" in case else case["string"]
    assert 0 <= error.offset <= len(text)
    first, shown, caret = str(error).split("\n")
    place = "directories[0]: " if "string" in case else ""
    assert first == f"{place}{message.removeprefix(' ')}: line {line} column {column}"
    # The caret is below the character that the offset tells.
    if error.offset < len(text) and text[error.offset].isprintable():
        assert shown[len(caret) - 1] == text[error.offset]


def test_errors_are_value_errors_that_can_be_pickled() -> None:
    with pytest.raises(ValueError, match="line 2 column 3") as caught:
        FileStructurePattern.from_text("a/\n  b\n    c")
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is PatternTextError
    assert str(again) == str(caught.value)
    assert (again.line, again.column, again.offset) == (2, 3, 5)
    assert PatternTextError.__module__ == "pathvein_core"


def test_only_str_is_text() -> None:
    for wrong in (b"a/", None, 5, Path("a")):
        with pytest.raises(TypeError, match=r"^text must be str, not "):
            FileStructurePattern.from_text(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        FileStructurePattern("a").to_text(True)  # type: ignore[call-arg]


class Named(FileStructurePattern):
    """A subclass."""


def test_a_subclass_reads_instances_of_itself() -> None:
    pattern = Named.from_text("a/{b/}")
    assert type(pattern) is type(pattern.directories[0]) is Named
    assert [type(one) for one in Named._all_from_text("a/, b/")] == [Named, Named]
    # What was read can be changed, and what is written follows.
    assert str(pattern.add_file("c")) == "a/\n    c\n    b/"
    assert str(copy.copy(pattern)) == str(pattern)


def test_strings_in_the_place_of_patterns() -> None:
    data = FileStructurePattern("data", files=["*.parquet"])
    pattern = FileStructurePattern(
        "run_*",
        directories=["data/*.parquet", Directories("x", min=2), ("a", "b/{c}")],
        optional_directories=["logs"],
        forbidden_directories=["tmp/", "no"],
    )
    assert pattern.directories[0] == data
    assert pattern.optional_directories == [FileStructurePattern("logs")]
    assert pattern.forbidden_directories == [FileStructurePattern(n) for n in ("tmp", "no")]
    assert str(pattern) == (
        "run_*/\n    data/\n        *.parquet\n    2+ x/\n    a/{} | b/{c}\n"
        "    optional logs/\n    no tmp/\n    no no/"
    )
    assert FileStructurePattern("a").add_directory("b").directories == [FileStructurePattern("b")]
    in_json = json.dumps({"directories": ["data/{*.parquet}", '{"files": ["a"]}']})
    assert FileStructurePattern.from_json(in_json).directories == [
        data,
        FileStructurePattern(files=["a"]),
    ]


def test_wrong_strings_are_told_with_their_place() -> None:
    with pytest.raises(PatternTextError, match=r"^directories\[1\]: this brace is not closed"):
        FileStructurePattern(directories=["a", "b/{"])
    with pytest.raises(json.JSONDecodeError, match=r"^directories\[0\]: in the JSON text"):
        FileStructurePattern(directories=['{"files"'])
    with pytest.raises(ValueError, match=r'^directories\[0\]: unknown key "fiels"'):
        FileStructurePattern(directories=['{"fiels": []}'])
    with pytest.raises(PatternTextError, match=r"^optional_directories\[0\]: no entry has"):
        FileStructurePattern.from_json('{"optional_directories": [".."]}')


#: What names are made of: all that means something in text, and some that does not.
PIECES = ["a", ".", "*", "[", "]", "/", "{", "}", ",", "|", "#", " ", "\t", "\n", "\r", '"', "'"]
PIECES += ["\\", "no ", "optional ", "nothing else", "3 ", "2-4 ", "regex:", "│", "`-- ", "|-- "]
PIECES += ["\xa0", "\ufeff", "\0", "\x1b", "\u2028", "\ud83d", "\ude00", "\udc80", "é", "😀"]

globs = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=4),
)
regexes = st.sampled_from(["", "a|b", "v{2}", " a", "'", "\"'", "[,]", "#"]).map(Regex)
names = st.one_of(globs, globs, globs, regexes)
tests = st.one_of(names, names, st.lists(names, min_size=2, max_size=3).map(tuple))
counts = st.one_of(
    st.just((1, None)),
    st.tuples(st.integers(0, 3), st.none()),
    st.tuples(st.integers(0, 3), st.integers(3, 2**32 - 1)),
)


def some(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=2)


def deeper(patterns: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    either = st.one_of(patterns, st.lists(patterns, min_size=2, max_size=3).map(tuple))
    return st.builds(
        FileStructurePattern,
        # Any name is written as a star.
        tests.filter(lambda test: test != ""),
        files=some(st.builds(lambda test, count: Files(test, *count), tests, counts)),
        directories=some(st.builds(lambda one, count: Directories(one, *count), either, counts)),
        optional_files=some(tests),
        optional_directories=some(patterns),
        forbidden_files=some(tests),
        forbidden_directories=some(patterns),
        closed=st.booleans(),
    )


patterns = st.recursive(st.builds(FileStructurePattern, st.just("x")), deeper, max_leaves=6)


@given(patterns)
def test_what_is_written_is_read_back_equal(pattern: FileStructurePattern) -> None:
    for text in (pattern.to_text(), pattern.to_text(one_line=True)):
        text.encode()
        assert FileStructurePattern.from_text(text) == pattern
        # Indented as it may be in a program, and with the line ends of another system.
        if "\n" in text:
            moved = "\r\n".join(f"\t{line}" for line in text.split("\n"))
            assert FileStructurePattern.from_text(moved) == pattern


@given(st.lists(patterns, min_size=1, max_size=3))
def test_several_are_read_back_from_one_text(several: list[FileStructurePattern]) -> None:
    text = "\n\n".join(map(str, several))
    assert FileStructurePattern._all_from_text(text) == several


drawn = st.sampled_from([*PIECES, "a/", "/{", "\n    ", "\n  ", "\n\t", ", ", " | ", "├── "])


@given(st.one_of(st.lists(drawn, max_size=20).map("".join), st.text(max_size=20)))
def test_any_text_is_read_or_told_where_it_is_wrong(text: str) -> None:
    wrong = None
    several: list[FileStructurePattern] = []
    try:
        several = FileStructurePattern._all_from_text(text)
    except PatternTextError as error:
        wrong = error
    if wrong is not None:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= wrong.line <= len(lines)
        assert 1 <= wrong.column <= len(lines[wrong.line - 1]) + 1
        assert 0 <= wrong.offset <= len(text)
        return
    written = "\n".join(map(str, several))
    again = FileStructurePattern._all_from_text(written)
    assert "\n".join(map(str, again)) == written
