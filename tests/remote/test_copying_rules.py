"""What cannot be copied as it is asked for: by places and names alone, no file system is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("upath")

from pathvein._copying.names import (
    bad_destination,
    bad_names,
    fold_elsewhere,
    fold_of,
    fold_on_windows,
    ignores_case,
    local_name,
    remote_name,
)
from pathvein._copying.overlaps import Place, overlaps

# Overlaps ------------------------------------------------------------------------------------


def place(path: str, file_system: str = "a") -> Place:
    return Place((file_system,), tuple(path.split("/")) if path else ())


def ends(source: str, destination: str) -> tuple[Place, Place]:
    return place(source), place(destination)


def test_of_those_with_one_destination_the_first_by_source_is_copied() -> None:
    found = overlaps([ends("s/c", "d"), ends("s/a", "d"), ends("s/b", "d"), ends("s/b", "e")])
    assert found.conflicts == [(0, 1), (2, 1)]
    assert (found.refused, found.after) == ({}, {})
    # Of one source, the first of the list; and components count, not the characters of a path.
    assert overlaps([ends("s", "d"), ends("s", "d")]).conflicts == [(1, 0)]
    assert overlaps([ends("a/x", "d"), ends("a-b", "d")]).conflicts == [(1, 0)]


def test_the_same_path_on_another_file_system_is_another() -> None:
    one, other = place("d"), place("d", "b")
    found = overlaps([(place("s"), one), (place("s"), other), (one, other)])
    assert found.conflicts == [(2, 1)] or found.conflicts == [(1, 2)]
    assert set(found.refused) == {0}


@pytest.mark.parametrize("destination", ["s", "s/x", "s/x/y"])
def test_a_destination_at_or_in_its_source_is_refused(destination: str) -> None:
    assert set(overlaps([ends("s", destination)]).refused) == {0}


def test_a_destination_over_a_source_is_refused() -> None:
    assert set(overlaps([ends("a/s", "a")]).refused) == {0}
    # Also if it is that of another match.
    found = overlaps([ends("x", "a"), ends("a/s", "y")])
    assert set(found.refused) == {0}
    assert set(overlaps([ends("x", "s"), ends("s", "y")]).refused) == {0}


def test_what_is_refused_stands_in_nobodys_way() -> None:
    found = overlaps([ends("s/a", "s/a"), ends("s/c", "s/a"), ends("s/b", "s/a")])
    assert (set(found.refused), found.conflicts) == ({0}, [(1, 2)])
    for one in ends("s/a/x", "s/a"), ends("s/a", "s/a/x"):
        found = overlaps([one, ends("s/b", "s/a")])
        assert (set(found.refused), found.conflicts) == ({0, 1}, [])


def test_the_caller_may_say_which_is_preferred() -> None:
    matches = [ends("s/a", "d"), ends("s/b", "d")]
    assert overlaps(matches, [1, 0]).conflicts == [(0, 1)]


def test_neighbours_are_not_refused() -> None:
    found = overlaps([ends("s", "s2"), ends("s3", "t"), ends("u/s", "u/t")])
    assert (found.conflicts, found.refused, found.after) == ([], {}, {})


def test_what_is_below_another_destination_comes_after_it() -> None:
    found = overlaps([ends("s1", "d/x/y"), ends("s2", "d"), ends("s3", "d/x")])
    assert {number: sorted(after) for number, after in found.after.items()} == {0: [1, 2], 2: [1]}
    assert found.refused == {}


def test_a_match_without_places_overlaps_nothing() -> None:
    assert overlaps([None, ends("s", "d")]).conflicts == []


# Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "x" * 256, "\u00e9" * 128])
def test_names_that_no_file_of_this_machine_has(name: str) -> None:
    assert local_name(name, windows=False) is not None


@pytest.mark.parametrize("name", ["...", "a b", "con", "a:b", "x" * 255, "\udcff", "a\\b", " "])
def test_names_that_files_of_this_machine_may_have(name: str) -> None:
    assert local_name(name, windows=False) is None


@pytest.mark.parametrize(
    "name",
    ["CON", "con.txt", "Lpt9.a.b", "nul", "com\u00b9", "a:b", "a?", "a.", "a ", "a\\b", "\x01"],
)
def test_names_that_windows_does_not_take(name: str) -> None:
    assert local_name(name, windows=True) is not None


@pytest.mark.parametrize("name", ["cons", "com0", "com", "a.b", "x" * 255, "console.txt"])
def test_names_that_windows_takes(name: str) -> None:
    assert local_name(name, windows=True) is None


def test_stores_know_nothing_but_utf_8() -> None:
    assert remote_name("\udcff") is not None
    assert remote_name("\u00e9") is None


def bad(directories: list[str], files: list[str], *, twins: bool, folded: bool) -> list[str]:
    fold = fold_elsewhere if folded else None
    found = bad_names(directories, files, local_name, twins=twins, fold=fold)
    return [path for path, _ in found]


def test_a_name_of_a_file_and_a_directory() -> None:
    assert bad(["a"], ["a", "a/b"], twins=False, folded=False) == ["a"]
    assert bad(["a"], ["a", "a/b"], twins=True, folded=False) == []


def test_names_that_differ_only_in_case() -> None:
    assert bad(["D", "d"], ["D/x", "d/x", "e/X"], twins=False, folded=True) == ["d", "d/x"]
    assert bad(["D", "d"], ["D/x", "d/x"], twins=False, folded=False) == []


@pytest.mark.parametrize(
    ("one", "other", "windows", "elsewhere"),
    [
        ("A.csv", "a.CSV", True, True),
        ("\u00c9", "\u00e9", True, True),
        ("\u00e9", "e\u0301", False, True),
        ("STRASSE", "stra\u00dfe", False, True),
        ("a", "b", False, False),
    ],
)
def test_which_names_are_one(one: str, other: str, windows: bool, elsewhere: bool) -> None:
    assert (fold_on_windows(one) == fold_on_windows(other)) is windows
    assert (fold_elsewhere(one) == fold_elsewhere(other)) is elsewhere


def test_each_system_has_its_rules(tmp_path: Path) -> None:
    assert fold_of(str(tmp_path), system="win32") is fold_on_windows
    # What is there tells, on a Mac too: its disks may be of either kind.
    (tmp_path / "name").touch()
    folds = os.path.exists(tmp_path / "NAME")
    assert ignores_case(str(tmp_path), system="darwin") is folds
    (tmp_path / "empty").mkdir()
    assert ignores_case(str(tmp_path / "empty"), system="darwin") is folds


@pytest.mark.parametrize(
    "path",
    [
        *("C:\\out\\run.", "out/aux.txt/run", "\\\\server\\share\\a?b", "run:1", "C:\\a\\run:1"),
        *("\\\\?\\C:\\out\\NUL", "com\u00b9", "a\\ \\b", "\\\\?\\UNC\\server\\share\\a<"),
    ],
)
def test_destinations_that_windows_would_call_otherwise(path: str) -> None:
    reason = bad_destination(path, windows=True)
    assert reason is not None
    assert "Give another name" in reason
    assert bad_destination(path, windows=False) is None


@pytest.mark.parametrize(
    "path",
    [
        *("C:\\out\\run_1", "C:run", "c:/out/..", ".\\out", "\\\\server\\c$\\out"),
        *("\\\\?\\C:\\out", "\\\\?\\UNC\\server\\share\\out", "D:\\", "out", "\\out"),
    ],
)
def test_destinations_that_windows_takes(path: str) -> None:
    assert bad_destination(path, windows=True) is None


def test_each_component_is_looked_at() -> None:
    assert bad(["a", "a/.."], ["a/../x", "b//c", "ok"], twins=True, folded=False) == [
        *("a/..", "a/../x", "b//c"),
    ]


def test_whether_case_counts_is_told_by_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "name").touch()
    folds = os.path.exists(tmp_path / "NAME")
    assert ignores_case(str(tmp_path)) is folds
    assert ignores_case(str(tmp_path / "not" / "there")) is folds
    (tmp_path / "NAME").touch()
    assert ignores_case(str(tmp_path)) is folds
