"""The copier of Windows: what that system does otherwise, by errors and answers that are made up.

That it copies as the core does is the matter of `test_copy_differential.py` and `test_shuffle.py`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import copy_reference
import portable
from pathvein import FileStructurePattern, ShuffleError, shuffle
from pathvein._copying.disk import plain
from pathvein._copying.names import local_name
from pathvein._copying.portable import Staging, planning, staging, system
from pathvein._copying.portable.order import order_of
from pathvein._copying.portable.planning import _target
from pathvein._listing import is_junction, is_link

ALL = FileStructurePattern("*", optional_files=["*"])


@pytest.fixture(autouse=True)
def copier(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is copied by it."""
    portable.use(monkeypatch, "portable")
    monkeypatch.setattr(system, "PATIENCE", 0.2)


def windows_error(code: int, number: int = errno.EACCES) -> PermissionError:
    """An error as Windows raises it."""
    error: Any = PermissionError(number, "made up")
    error.winerror = code
    return error  # type: ignore[no-any-return]


def failing(times: int, error: Exception, act: Callable[..., Any]) -> Callable[..., Any]:
    """A function that fails so many times before it does what another does."""
    left = [times]

    def call(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error
        return act(*arguments, **options)

    return call


def made(top: Path, **files: str) -> Path:
    top.mkdir(parents=True)
    for name, text in files.items():
        (top / name).write_text(text)
    return top


# Files that are open elsewhere -------------------------------------------------------------------


@pytest.mark.parametrize("code", [5, 32, 33, 1224])
def test_what_is_open_elsewhere_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    source, place = made(tmp_path / "s", f="new"), made(tmp_path / "d", f="old")
    monkeypatch.setattr(os, "replace", failing(3, windows_error(code), os.replace))
    [result] = shuffle([(source, place, ALL)], overwrite=True)
    assert (result.files, (place / "f").read_text()) == (1, "new")


def test_a_directory_in_which_a_file_is_open_gets_its_name_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(tmp_path / "s", f="new")
    monkeypatch.setattr(os, "rename", failing(3, windows_error(5), os.rename))
    shuffle([(source, tmp_path / "d", ALL)])
    assert os.listdir(tmp_path / "d") == ["f"]
    assert sorted(os.listdir(tmp_path)) == ["d", "s"]


def test_what_stays_open_is_an_error_of_its_match_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [
        (made(tmp_path / name, f="new"), made(tmp_path / "to" / name, f="old"), ALL)
        for name in "ab"
    ]
    replace = os.replace

    def held(old: str, new: str) -> None:
        if os.path.dirname(new).endswith("a"):
            raise windows_error(32)
        replace(old, new)

    monkeypatch.setattr(os, "replace", held)
    with pytest.raises(ShuffleError, match="made up") as caught:
        shuffle(inputs, overwrite=True)
    [failed] = caught.value.failed
    [error] = failed.errors
    assert error.filename == str(tmp_path / "to/a/f")
    assert any("another program has it open" in note for note in error.__notes__)
    assert [result.source.name for result in caught.value.results] == ["b"]
    # Nothing is lost, and nothing is left.
    assert (tmp_path / "to/a/f").read_text() == "old"
    assert copy_reference.leftovers(str(tmp_path)) == []


def test_other_errors_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(PermissionError):
        system.patiently(failing(1, PermissionError(errno.EACCES, "no"), lambda: None))
    assert slept == []


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = made(tmp_path / "s", f="1", g="2")
    monkeypatch.setattr(os, "utime", failing(9, windows_error(32), os.utime))
    monkeypatch.setattr(os, "rmdir", failing(99, windows_error(32), os.rmdir))
    with pytest.raises(ShuffleError) as caught:
        shuffle([(source, tmp_path / "d", ALL)])
    notes = caught.value.failed[0].errors[0].__notes__
    # Its lock stays with it, by which a later copy finds and removes it.
    left, lock = sorted(e for e in os.listdir(tmp_path) if e.startswith(".d.pathvein-"))
    assert lock == f"{left}.lock"
    assert any("may be left there" in note and left in note for note in notes)
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_read_only_is_replaced_and_stays_so_if_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    made(tmp_path / "x", old="old", new="new")
    old, new = str(tmp_path / "x/old"), str(tmp_path / "x/new")
    os.chmod(old, 0o444)
    replace = os.replace

    def as_windows(a: str, b: str) -> None:
        if fails or not os.lstat(b).st_mode & stat.S_IWRITE:
            raise windows_error(5)
        replace(a, b)

    monkeypatch.setattr(os, "replace", as_windows)
    monkeypatch.setattr(system, "WINDOWS", True)
    if fails:
        with pytest.raises(PermissionError):
            system.replace(new, old)
        assert not os.lstat(old).st_mode & stat.S_IWRITE
    else:
        assert system.replace(new, old)
        assert Path(old).read_text() == "new"


def test_links_without_the_right_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(tmp_path / "s", f="1")
    (source / "l").symlink_to("f")
    monkeypatch.setattr(os, "symlink", failing(9, windows_error(1314), os.symlink))
    with pytest.raises(ShuffleError) as caught:
        shuffle([(source, tmp_path / "d", ALL)], links="keep")
    assert any("developer mode" in note for note in caught.value.failed[0].errors[0].__notes__)
    assert [result.files for result in shuffle([(source, tmp_path / "d", ALL)])] == [2]


# Names ------------------------------------------------------------------------------------------


def test_two_files_whose_names_are_one_there_are_an_error_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathvein._copying.portable import copying

    source = made(tmp_path / "s", a="1", A="2")
    monkeypatch.setattr(copying, "fold_of", lambda directory: str.lower)
    with pytest.raises(ShuffleError, match=r"differs only in case .*rename one of them") as caught:
        shuffle([(source, tmp_path / "d", ALL)])
    [error] = caught.value.failed[0].errors
    assert error.filename in (str(source / "a"), str(source / "A"))
    assert os.listdir(tmp_path) == ["s"]


def test_two_matches_whose_destinations_are_one_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathvein._copying import disk

    monkeypatch.setattr(disk, "fold_of", lambda directory: str.lower)
    inputs = [
        (made(tmp_path / name, f=name), tmp_path / to, ALL)
        for name, to in (("a", "Run_1"), ("b", "run_1"))
    ]
    assert [result.source.name for result in shuffle(inputs)] == ["a"]
    assert sorted(os.listdir(tmp_path)) == ["Run_1", "a", "b"]
    with pytest.raises(ShuffleError, match="also the destination"):
        shuffle([(a, tmp_path / "new" / to.name, p) for a, to, p in inputs], on_conflict="raise")


def test_what_the_names_do_not_tell_the_file_system_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged into a directory, ``b`` is there what ``a`` is: made up by a link beside it."""
    place = made(tmp_path / "d")
    building = Staging(place, overwrite=True)
    os.close(building.create("a"))
    building.finish("a", None)
    os.link(place / "a", place / "b")
    monkeypatch.setattr(os, "listdir", lambda path: ["a"])
    os.close(building.create("b"))
    with pytest.raises(FileExistsError, match="would replace 'a'"):
        building.finish("b", None)
    monkeypatch.undo()
    building.abandon()
    assert sorted(os.listdir(place)) == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "extended"),
    [
        ("C:\\lab", "\\\\?\\C:\\lab"),
        ("\\\\server\\share\\lab", "\\\\?\\UNC\\server\\share\\lab"),
        ("\\\\?\\C:\\lab", "\\\\?\\C:\\lab"),
        ("\\\\.\\CON", "\\\\.\\CON"),
    ],
)
def test_paths_that_may_be_long(path: str, extended: str) -> None:
    assert system.extended(path, windows=True) == extended
    assert system.extended(path, windows=False) == path


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("\\\\?\\C:\\lab", "C:\\lab"),
        ("\\\\?\\UNC\\server\\share\\lab", "\\\\server\\share\\lab"),
        ("\\\\?\\Volume{1}\\lab", "\\\\?\\Volume{1}\\lab"),
        ("C:\\lab", "C:\\lab"),
    ],
)
def test_paths_as_people_write_them(path: str, written: str) -> None:
    """A destination is found to be a source whichever way each is written."""
    assert plain(path, windows=True) == written
    assert plain(path, windows=False) == path


def test_junctions_are_links() -> None:
    status: Any = SimpleNamespace(st_mode=stat.S_IFDIR | 0o777, st_reparse_tag=0xA0000003)
    assert is_junction(status)
    assert is_link(status)
    status.st_reparse_tag = 0x9000001A  # a file of OneDrive
    assert not is_link(status)
    assert not is_link(os.lstat("."))


@pytest.mark.parametrize(
    ("rel", "text", "target"),
    [
        ("l", "f", "f"),
        ("d/l", "../f", "f"),
        ("d/l", "./../d/./f", "d/f"),
        ("l", "d/f", "d/f"),
        ("l", "../s/f", None),
        ("l", "other/f", None),
        ("l", "/f", None),
        ("l", "f/", None),
        ("d/l", "..", None),
        ("l", "", None),
    ],
)
def test_where_a_link_leads_within_a_match(rel: str, text: str, target: str | None) -> None:
    assert _target(rel, text, {"", "d"}) == target


# What is being built ----------------------------------------------------------------------------


def test_what_a_process_that_is_gone_has_left_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "d"
    building = Staging(place)
    os.close(building.create("sub/f"))
    # Another finds it, and leaves it alone as long as it is being built.
    other = Staging(place)
    assert sum(name.endswith(".lock") for name in os.listdir(tmp_path)) == 2
    other.abandon()
    # As if the process had ended: its lock goes, and nothing is removed.
    assert building._lock_fd is not None
    os.close(building._lock_fd)
    building._lock_fd, building._ended = None, True
    assert len(os.listdir(tmp_path)) == 2
    staging.remove_leftovers(str(tmp_path), "other")
    assert len(os.listdir(tmp_path)) == 2
    Staging(place).abandon()
    assert os.listdir(tmp_path) == []


def test_matches_that_are_copied_into_each_other(tmp_path: Path) -> None:
    a, b = str(made(tmp_path / "a")), str(made(tmp_path / "b"))
    order = order_of([(a, f"{b}/x"), (b, f"{a}/y")], overwrite=False)
    assert (set(order.refused), order.groups) == ({0, 1}, [])
    # What is written into a source comes after that was read, and a destination before what is
    # in it.
    order = order_of([(b, f"{a}/x"), (a, f"{tmp_path}/c"), (b, f"{tmp_path}/c/d")], overwrite=False)
    assert (order.refused, order.groups) == ({}, [[1, 0, 2]])


def test_a_copy_that_is_closed_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "s"
    for number in range(300):
        made(source / f"{number}", f="x" * 1000)
    matches = [(source / f"{n}", tmp_path / "new" / f"{n}", ALL) for n in range(300)]
    from pathvein._copying.portable import Copy

    copy = Copy(matches, threads=2)
    found, _ = copy.next_batch(0.01)
    copy.close()
    assert copy.next_batch(1) == ([], True)
    copied = os.listdir(tmp_path / "new") if (tmp_path / "new").exists() else []
    assert len(found) <= len(copied) <= 300
    assert all(os.listdir(tmp_path / "new" / name) == ["f"] for name in copied)


def test_a_link_with_the_name_of_something_left_is_not_followed(tmp_path: Path) -> None:
    precious = made(tmp_path / "precious", x="1")
    precious.chmod(0o755)
    left = tmp_path / ".d.pathvein-0123456789abcdef"
    left.symlink_to(precious)
    Path(f"{left}.lock").touch()
    Staging(tmp_path / "d").abandon()
    assert [path.name for path in precious.iterdir()] == ["x"]
    assert stat.S_IMODE(precious.stat().st_mode) == 0o755
    assert left.is_symlink()


def test_a_match_is_not_given_its_name_if_anything_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "from/a", f="1", g="2")
    copy = [(tmp_path / "from/a", tmp_path / "to/a", ALL)]
    opens = failing(1, MemoryError(), system.open_to_read)
    monkeypatch.setattr(planning, "open_to_read", opens)
    with pytest.raises(MemoryError):
        shuffle(copy, max_workers=1)
    assert copy_reference.leftovers(str(tmp_path)) == []
    assert not (tmp_path / "to/a").exists()
    [result] = shuffle(copy)
    assert result.files == 2


@pytest.mark.parametrize("workers", [1, 4])
def test_any_number_of_matches_within_each_other(tmp_path: Path, workers: int) -> None:
    number = 400
    made(tmp_path / "from", f="1")
    for name in range(number):
        made(tmp_path / f"from/{name}", f="1")
    matches = [("from", "to"), *((f"from/{name}", f"to/{name}") for name in range(number))]
    files = FileStructurePattern("*", files=["f"])
    copied = shuffle(
        [(tmp_path / source, tmp_path / destination, files) for source, destination in matches],
        max_workers=workers,
        overwrite=True,
    )
    assert len(copied) == number + 1
    assert len(list((tmp_path / "to").rglob("f"))) == number + 1


def test_without_locks_nothing_is_taken_for_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_: int) -> bool:
        raise OSError(errno.ENOLCK, "made up")

    monkeypatch.setattr(staging, "lock", no_locks)
    first = Staging(tmp_path / "d")
    second = Staging(tmp_path / "d")
    os.close(first.create("f"))
    first.finish("f", None)
    first.commit()
    second.abandon()
    assert (tmp_path / "d/f").exists()
    assert copy_reference.leftovers(str(tmp_path)) == []


def test_what_could_not_be_removed_is_removed_by_a_later_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "d")
    with monkeypatch.context() as broken:
        broken.setattr(staging, "remove_tree", lambda _: False)
        Staging(tmp_path / "d", overwrite=True).commit()
    assert len(list((tmp_path / "d").iterdir())) == 2
    Staging(tmp_path / "d", overwrite=True).commit()
    assert list((tmp_path / "d").iterdir()) == []


def test_a_commit_that_fails_tells_what_it_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "remove_tree", lambda _: False)
    building = Staging(tmp_path / "d")
    made(tmp_path / "d")
    with pytest.raises(FileExistsError):
        building.commit()
    assert building.abandon() == [building.top]


def test_windows_counts_the_characters_of_utf16() -> None:
    told = "it is longer than 255 characters of UTF-16"
    assert local_name("\U0001f600" * 127, windows=True) is None
    assert local_name("\U0001f600" * 128, windows=True) == told
    assert local_name("\udc80" * 255, windows=True) is None
    assert local_name("a" * 256, windows=True) == told
