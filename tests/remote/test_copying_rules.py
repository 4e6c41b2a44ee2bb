"""What cannot be copied as it is asked for: by places and names alone, no file system is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("upath")

from pathvein._copying.names import bad_names, ignores_case, local_name, remote_name
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
    found = bad_names(directories, files, local_name, twins=twins, folded=folded)
    return [path for path, _ in found]


def test_a_name_of_a_file_and_a_directory() -> None:
    assert bad(["a"], ["a", "a/b"], twins=False, folded=False) == ["a"]
    assert bad(["a"], ["a", "a/b"], twins=True, folded=False) == []


def test_names_that_differ_only_in_case() -> None:
    assert bad(["D", "d"], ["D/x", "d/x", "e/X"], twins=False, folded=True) == ["d", "d/x"]
    assert bad(["D", "d"], ["D/x", "d/x"], twins=False, folded=False) == []


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
