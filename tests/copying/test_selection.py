"""`pathvein_core.Selection`: what belongs to a match, by listings that come from Python."""

import os

import pytest
from pathvein_core import FileStructurePattern, Selection


def test_listings_in_any_order() -> None:
    leaf = FileStructurePattern("deep", optional_files=["*.txt"])
    data = FileStructurePattern("d*", ["*.csv"], optional_directories=[leaf])
    selection = Selection(FileStructurePattern("run", directories=[data]))
    wanted = selection.listed(0, [("other", True), ("data", True), ("d", True)], ["a.csv"])
    assert wanted == [(1, 1), (2, 2)]
    assert selection.listed(2, [], ["a.txt"]) == []
    assert selection.listed(1, [("deep", True), ("deeper", True)], ["a.csv"]) == [(0, 3)]
    assert selection.listed(3, [], ["a.txt"]) == []
    selected = selection.finish()
    assert [selected.has_directory(number) for number in range(5)] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert selected.files(0, ["a.csv"]) == []
    assert selected.files(1, ["a.csv", "b.txt", "c.csv"]) == [0, 2]
    assert selected.files(3, ["a.csv", "b.txt"]) == [1]


@pytest.mark.unix("names that are bytes")
def test_names_are_those_of_the_disk() -> None:
    selection = Selection(FileStructurePattern("run", ["?.csv"]))
    selection.listed(0, [], [])
    names: list[str | bytes]
    names = ["é.csv", os.fsdecode(b"\xff.csv"), b"\xff.csv", "\ud800.csv", "éé.csv"]
    assert selection.finish().files(0, names) == [0, 1, 2, 3]


def test_what_cannot_be_entered_or_listed_does_not_belong() -> None:
    inner = FileStructurePattern("inner", directories=[FileStructurePattern("mark")])
    selection = Selection(FileStructurePattern("run", directories=[inner]))
    assert selection.listed(0, [("inner", True), ("inner", False)], []) == [(0, 1)]
    assert selection.listed(1, [("mark", True)], []) == [(0, 2)]
    selection.not_listed(2)
    selected = selection.finish()
    assert selected.has_directory(1)
    assert not selected.has_directory(2)
    assert selected.names_directory(1, "mark")
    assert not selected.names_directory(1, "inner")

    selection = Selection(FileStructurePattern("run", directories=[inner]))
    selection.listed(0, [("inner", True)], [])
    selection.listed(1, [("mark", True)], [])
    selection.absent(2)
    assert not selection.finish().has_directory(1)


def test_a_pattern_that_is_changed_is_compiled_again() -> None:
    pattern = FileStructurePattern("run", ["a"])
    before = Selection(pattern)
    pattern.add_file("b")
    after = Selection(pattern)
    for selection, expected in ((before, [0]), (after, [0, 1])):
        selection.listed(0, [], [])
        assert selection.finish().files(0, ["a", "b"]) == expected


def test_a_finished_selection_takes_nothing() -> None:
    selection = Selection(FileStructurePattern("run"))
    selection.finish()
    for act in (
        lambda: selection.listed(0, [], []),
        lambda: selection.not_listed(0),
        lambda: selection.absent(0),
        selection.finish,
    ):
        with pytest.raises(RuntimeError, match="finished"):
            act()
