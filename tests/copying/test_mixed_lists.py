"""Lists of which some comes from stores, and the core copies the rest."""

from __future__ import annotations

import os
import shutil
import socket
import warnings
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fsspec.implementations.cached import SimpleCacheFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import _registry
from upath import UPath

import portable
from executors import Immediate
from pathvein import FileStructurePattern, ShuffleError, shuffle
from pathvein._copying import mixed, names
from pathvein._copying.options import CopyOptions, Match
from pathvein._remote.copying import open_copy

ALL = FileStructurePattern("*", optional_files=["*"])


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A source on the disk."""
    source = tmp_path / "sources" / "local"
    source.mkdir(parents=True)
    (source / "f").write_text("of the disk")
    return source


@pytest.fixture
def stored() -> UPath:
    """A source in a store."""
    source = UPath(f"memory://mixed/{uuid4().hex}/stored")
    (source / "f").write_text("of the store")
    return source


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """With a link to a directory that lies deeper."""
    top = tmp_path / "top"
    (top / "p/q/r/s/deep").mkdir(parents=True)
    (top / "link").symlink_to(top / "p/q/r/s/deep")
    return top


def copied(*inputs: tuple[Any, Any], overwrite: bool) -> list[str]:
    done = shuffle([(*both, ALL) for both in inputs], overwrite=overwrite, on_conflict="raise")
    assert len(done) == len(inputs)
    return [(Path(to) / "f").read_text() for _, to in inputs]


@pytest.mark.unix("links")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("local_first", [False, True])
def test_what_lies_elsewhere_by_a_link(
    top: Path, local: Path, stored: UPath, overwrite: bool, local_first: bool
) -> None:
    both = [local, stored]
    for outer, inner in (
        ("x", "X/sub"),
        ("link/../x", "x/sub"),
        ("link/../y", "y"),
        ("link/z", "link/Z./sub"),
        ("p/./q/v/", "p/q/V"),
    ):
        first, second = both if local_first else both[::-1]
        found = copied((first, f"{top}/{outer}"), (second, f"{top}/{inner}"), overwrite=overwrite)
        assert sorted(found) == ["of the disk", "of the store"], (outer, inner)
    # Only who copies from a store follows a link that is the destination.
    with pytest.raises(ShuffleError, match="nothing was copied"):
        copied((stored, top / "link/a"), (local, top / "p/q/r/s/deep/a"), overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_wrapped_path_of_this_machine(
    top: Path, local: Path, stored: UPath, overwrite: bool
) -> None:
    wrapped = UPath(f"simplecache::file://{top}/x")
    with pytest.raises(ShuffleError, match="nothing was copied"):
        copied((local, top / "x"), (stored, wrapped), overwrite=overwrite)
    with pytest.raises(ShuffleError, match="lies in this destination"):
        copied((UPath(f"simplecache::file://{local}"), top / "y"), (stored, local), overwrite=True)


@pytest.mark.unix("links")
def test_a_wrapped_path_with_dots(top: Path, local: Path, stored: UPath) -> None:
    """They are resolved before links are: it is as in a URL."""
    (top / "l2").symlink_to(top / "p/q")
    wrapped = UPath(f"simplecache::file://{top}/l2/../zz")
    with pytest.raises(ShuffleError, match="nothing was copied"):
        copied((local, top / "zz"), (stored, wrapped), overwrite=True)
    assert len(shuffle([(local, top / "p/zz", ALL), (stored, wrapped, ALL)])) == 2
    assert (top / "p/zz/f").read_text() == "of the disk"
    assert (top / "zz/f").read_text() == "of the store"


def test_a_wrapped_path_that_exists_is_kept(local: Path, top: Path) -> None:
    (local / "inner").mkdir()
    wrapped = UPath(f"simplecache::file://{local}/inner")
    [copied] = shuffle([(local, wrapped, ALL), (local, top / "new", ALL)])
    assert copied.destination == top / "new"
    assert os.listdir(local / "inner") == []


class LabFileSystem(LocalFileSystem):  # type: ignore[misc]
    """This machine, by a protocol that only its user knows."""

    protocol = "lab"


class LabCache(SimpleCacheFileSystem):  # type: ignore[misc]
    protocol = "labcache"


@pytest.mark.parametrize("url", ["lab://{}", "labcache::file://{}", "labcache::lab://{}"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_system_of_this_machine_by_another_protocol(
    top: Path,
    local: Path,
    stored: UPath,
    url: str,
    overwrite: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kind in (LabFileSystem, LabCache):
        monkeypatch.setitem(_registry, kind.protocol, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        there = UPath(url.format(top / "x"))
    with pytest.raises(ShuffleError, match="nothing was copied"):
        copied((local, top / "x"), (stored, there), overwrite=overwrite)


def entries(top: Path) -> list[str]:
    """All below a directory, links not followed."""
    return sorted(
        os.path.join(here, name) for here, *both in os.walk(top) for names in both for name in names
    )


@pytest.mark.unix("links")
@pytest.mark.filterwarnings("ignore:UPath 'simplecache'")
@pytest.mark.parametrize("executor", [None, Immediate()])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("copier", portable.COPIERS)
@pytest.mark.parametrize(
    "name", ["broken/x", "broken/../x", "broken/../p", "to_broken/../../x", "p/circle/x"]
)
def test_what_lies_behind_a_broken_link_fails_alone(
    top: Path,
    local: Path,
    stored: UPath,
    name: str,
    copier: str,
    overwrite: bool,
    executor: Immediate | None,
) -> None:
    """What it leads to may be a disk that is not mounted: nothing is written to where that was."""
    (top / "broken").symlink_to("./p/none")
    (top / "to_broken").symlink_to(top / "broken/deep")
    (top / "p/circle").symlink_to("circle")
    before = entries(top)
    ends: list[tuple[Any, Any]] = [(local, f"{top}/{name}"), (stored, f"{top}/{name}")]
    if ".." not in name:
        ends.append((stored, UPath(f"simplecache::file://{top}/{name}")))
    for source, to in ends:
        with portable.used(copier), pytest.raises(ShuffleError, match="leads to nothing") as caught:
            shuffle(
                [(source, to, ALL), (source, top / "o", ALL)],
                overwrite=overwrite,
                executor=executor,
            )
        assert [result.destination for result in caught.value.results] == [top / "o"]
        assert [result.destination for result in caught.value.failed] == [to]
        shutil.rmtree(top / "o")
        assert entries(top) == before


@pytest.mark.unix("links")
def test_a_broken_link_itself_is_no_destination_of_what_comes_from_a_store(
    top: Path, stored: UPath
) -> None:
    (top / "broken").symlink_to("p/none")
    with pytest.raises(ShuffleError, match="leads to nothing"):
        shuffle([(stored, top / "broken", ALL)])
    assert not (top / "p/none").exists()


def test_an_error_on_the_way_to_what_dots_lead_to_is_told(top: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ShuffleError, match=r"[Cc]onnect") as caught:
        shuffle([(UPath(f"http://127.0.0.1:{port}/a/../b"), top / "o", ALL)])
    assert "write it without them" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:UPath 'dir'")
def test_dots_that_cannot_be_resolved_fail_alone(top: Path, local: Path, stored: UPath) -> None:
    dots = UPath(f"dir://x/../y::file://{top}")
    with pytest.raises(ShuffleError, match="write it without them") as caught:
        shuffle([(local, top / "o", ALL), (stored, dots, ALL)])
    assert [result.destination for result in caught.value.results] == [top / "o"]
    assert [result.destination for result in caught.value.failed] == [dots]


@pytest.mark.unix("bytes as names")
@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_what_no_path_can_be_fails_alone(top: Path, local: Path, stored: UPath, name: str) -> None:
    wrapped = UPath(f"simplecache::file://{top}/{name}")
    with pytest.raises(ShuffleError, match=r"null character|cannot be encoded") as caught:
        shuffle([(local, top / "o", ALL), (stored, wrapped, ALL)])
    [failed], [copied] = caught.value.failed, caught.value.results
    assert (failed.source, copied.source) == (stored, local)


@pytest.mark.unix("a directory that is removed while it is used")
@pytest.mark.parametrize("is_mixed", [False, True])
@pytest.mark.parametrize("executor", [None, Immediate()])
@pytest.mark.parametrize("relative", [None, "source", "destination"])
def test_no_working_directory(
    tmp_path: Path,
    top: Path,
    local: Path,
    stored: UPath,
    is_mixed: bool,
    executor: Immediate | None,
    relative: str | None,
) -> None:
    (tmp_path / "gone").mkdir()
    before = os.getcwd()
    try:
        os.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        inputs: list[tuple[Any, Any, Any]] = [(stored, top / "a", ALL)]
        if is_mixed:
            inputs.append((local, top / "b", ALL))
        if relative is None:
            assert len(shuffle(inputs, executor=executor)) == len(inputs)
            return
        ends = ("rel", top / "c") if relative == "source" else (local, "rel")
        with pytest.raises(ShuffleError, match="relative to the working directory") as caught:
            shuffle([(*ends, ALL), *inputs], executor=executor)
        assert len(caught.value.results) == len(inputs)
        [failed] = caught.value.failed
        [error] = failed.errors
        assert (type(error), error.filename) == (FileNotFoundError, "rel")
    finally:
        os.chdir(before)


def test_a_host_that_is_down_is_asked_once(
    local: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    tries: list[int] = []

    class Down(fsspec.AbstractFileSystem):  # type: ignore[misc]
        protocol = "down"

        def __init__(self, **_: Any) -> None:
            tries.append(1)
            raise ConnectionRefusedError("nobody is there")

    monkeypatch.setitem(_registry, "down", Down)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        source = UPath("down://host/run")
    with pytest.raises(ShuffleError, match="Connection refused") as caught:
        shuffle([(source, top / "a", ALL), (local, top / "b", ALL)])
    assert (len(caught.value.results), len(tries)) == (1, 1)


@pytest.mark.filterwarnings("ignore:UPath 'filecache'")
def test_what_is_refused_is_in_nobodys_way(top: Path, local: Path, stored: UPath) -> None:
    wrapped = UPath(f"filecache::file://{local}")
    inputs = [(wrapped, local / "inner", ALL), (stored, local / "inner", ALL)]
    with pytest.raises(ShuffleError, match="into itself") as caught:
        shuffle(inputs)
    assert [result.source for result in caught.value.results] == [stored]
    assert (local / "inner/f").read_text() == "of the store"


def opened(destinations: list[Path], *, overwrite: bool) -> Any:
    source = UPath("memory://mixed/nothing")
    matches = [Match(number, source, str(to), ALL) for number, to in enumerate(destinations)]
    return open_copy(matches, CopyOptions(overwrite=overwrite))


@pytest.mark.parametrize("overwrite", [False, True])
def test_where_case_counts_nothing_waits(top: Path, overwrite: bool) -> None:
    for name in ("Data", "data"):
        (top / name).mkdir(exist_ok=True)
    if len(os.listdir(top)) < 4:
        pytest.skip("case does not count here")
    destinations = [top / "Data", *(top / "data" / f"r{number}" for number in range(9))]
    destinations += [top / name / "new" / "x" for name in ("Data", "data")]
    destinations += [top / name / "new2/y" for name in ("p", "P")]
    groups, left_out = opened(destinations, overwrite=overwrite).divide()
    # The first is above one of them.
    assert (sorted(groups), left_out) == (
        [[0, 10], *([n] for n in (*range(1, 10), 11, 12, 13))],
        [],
    )
    memory = UPath("memory://mixed/nothing")
    places: dict[int, tuple[str | UPath, str | UPath]] = {
        number: (memory if number % 2 else f"s{number}", str(to))
        for number, to in enumerate(destinations[1:])
    }
    found = mixed.between(places, {n for n in places if n % 2}, overwrite=overwrite)
    assert (len(found.steps), found.alike) == (1, {})


def test_a_directory_is_listed_once(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destinations = [top / f"{run}{number}" for number in range(40) for run in ("run", "Run")]
    for destination in destinations:
        destination.mkdir(exist_ok=True)
    listed: list[str] = []
    listdir = os.listdir

    def noted(path: str) -> list[str]:
        listed.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", noted)
    opened(destinations, overwrite=True)
    assert len(listed) <= 1


def test_what_lies_in_others_is_one_group_in_its_order(top: Path) -> None:
    destinations = [top / "new/a/b", top / "NEW/a", top / "new.", top / "other", top / "new/a"]
    groups, _ = opened(destinations, overwrite=False).divide()
    assert sorted(groups) == [[2, 1, 4, 0], [3]]


@pytest.mark.unix("permissions")
def test_directories_that_cannot_be_listed(monkeypatch: pytest.MonkeyPatch, top: Path) -> None:
    for name in ("Run", "run"):
        (top / name).mkdir(exist_ok=True)
    expected = names.is_one_path(str(top / "Run"), str(top / "run"))

    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "not allowed", path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert names.is_one_path(str(top / "Run"), str(top / "run")) is expected


def test_what_was_never_begun_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = opened([Path("/nowhere")], overwrite=False)
    [files] = copy._work._ends.all_files()
    closed: list[bool] = []
    monkeypatch.setattr(files, "close", lambda: closed.append(True))
    copy.close()
    copy.close()
    assert closed == [True]


def test_steps(top: Path) -> None:
    """What may be another's destination has a step of its own, behind that."""
    memory = UPath("memory://mixed/nothing")
    places: dict[int, tuple[str | UPath, str | UPath]] = {
        0: ("s0", str(top / "New")),
        1: (memory, str(top / "new")),
        2: (memory, str(top / "NEW/sub")),
        3: ("s3", str(top / "other")),
        4: (memory, str(top / "more")),
    }
    found = mixed.between(places, {1, 2, 4}, overwrite=False)
    assert (found.conflicts, found.refused, found.alike) == ([], {}, {1: [0]})
    assert [step for step in found.steps if step] == [[0, 3, 4], [1], [2]]
    assert found.twin(1) is None
