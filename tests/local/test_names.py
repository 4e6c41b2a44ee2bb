"""Names of every byte and of the greatest length, entries of every kind, directories of many."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli_process
import pathvein
import reference
from compare import by_index, expected_rows, items, make_patterns
from pathvein import FileStructurePattern as P
from pathvein import iscan, scan, walk_parallel
from reference import Pat
from trees import Dir, Fifo, File, Link, Make, Socket, built

linux = pytest.mark.linux("any byte is a name on Linux")


def decoded(raw: bytes) -> str:
    """The name of these bytes, as Unix has it. (Windows decodes none but UTF-8.)"""
    return raw.decode(errors="surrogateescape")


#: Names with every byte there can be: alone, after a letter, three times, and all of them.
BYTES = [byte for byte in range(1, 256) if byte != ord("/")]
NAMES = [
    decoded(raw)
    for byte in BYTES
    for raw in (bytes([byte]), b"n" + bytes([byte]), bytes([byte]) * 3)
    if raw not in (b".", b"..")
]
NAMES += [decoded(bytes(BYTES[start : start + 200])) for start in (0, len(BYTES) - 200)]
LONGEST = [decoded(raw) for raw in (b"l" * 255, "é".encode() * 127 + b"x", b"\xff" * 255)]


def literal(name: str) -> str:
    """The glob for just this name."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


@linux
def test_every_byte_in_every_place(make_fast: Make) -> None:
    spec = Dir({name: Dir({name: File(), "sub": Dir({name: Dir()})}) for name in NAMES + LONGEST})
    top = make_fast(spec)
    names = NAMES + LONGEST
    patterns = [
        P(literal(name), [literal(name)], [P("sub", [], [P(literal(name))])]) for name in names
    ]
    index = {id(pattern): name for pattern, name in zip(patterns, names, strict=True)}
    rows = [(str(r.source), index[id(r.pattern)]) for r in iscan(top, patterns, on_error="raise")]
    assert sorted(rows) == sorted((f"{top}/{name}", name) for name in names)
    walked = {path: (dirs, files) for path, dirs, files in walk_parallel(top, on_error="raise")}
    assert walked == {path: (dirs, files) for path, dirs, files in os.walk(top)}
    for name in names:
        assert pathvein.PatternMatcher([literal(name)]).matches(name)


@linux
def test_the_command_line_writes_every_byte(make_fast: Make, tmp_path: Path) -> None:
    top = make_fast(Dir({name: Dir({"f": File()}) for name in NAMES + LONGEST}))
    (tmp_path / "p.json").write_text(json.dumps({"files": ["f"]}))
    done = cli_process.run("scan", "-0", top, "-p", tmp_path / "p.json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(done.stdout.split(b"\0")[:-1]) == sorted(
        os.fsencode(f"{top}/{name}") for name in NAMES + LONGEST
    )


def test_the_source_may_have_any_name(make_fast: Make) -> None:
    for name in (*NAMES[::25], *LONGEST):
        top = make_fast(Dir({name: Dir({"f": File()})}))
        found = scan(top / name, P(literal(name), ["f"]), on_error="raise")
        assert [str(result.source) for result in found] == [f"{top}/{name}"]


# Kinds of entries --------------------------------------------------------------------------


@pytest.fixture
def odd(make_fast: Make) -> Path:
    """Entries of every kind, links to each, and devices that must not be opened."""
    kinds: dict[str, Any] = {"fifo": Fifo(), "socket": Socket(), "file": File(), "dir": Dir()}
    links = {f"to_{kind}": Link(to=f"src/{kind}") for kind in (*kinds, "missing", "device")}
    top = make_fast(Dir({"src": Dir({**kinds, **links, "sub": Dir({"fifo": Fifo()})})})) / "src"
    try:
        # Opening the first would wait for a console, the second rewinds a tape.
        os.mknod(top / "device", stat.S_IFCHR | 0o600, os.makedev(5, 1))
        os.mknod(top / "block", stat.S_IFBLK | 0o600, os.makedev(9, 0))
    except PermissionError:
        (top / "device").touch()
        (top / "block").touch()
    return top


@pytest.mark.parametrize("follow", [False, True])
def test_what_is_no_directory_is_a_file_and_is_not_opened(odd: Path, follow: bool) -> None:
    """A fifo would block whoever opens it: the test would not end."""
    files = ["fifo", "socket", "file", "device", "block", "to_fifo", "to_socket", "to_file"]
    files += ["to_missing", "to_device"]
    pats = [Pat("*", tuple(files), (Pat("dir"), Pat("to_dir"))), Pat("sub", ("fifo",))]
    pats += [Pat("fifo"), Pat("*", ("dir",)), Pat("*", (), (Pat("fifo"),))]
    answer = reference.scan(odd, pats, follow_links=follow)
    assert {path for path, _ in answer.found} == {str(odd), f"{odd}/sub"}
    patterns = make_patterns(pats)
    errors: list[OSError] = []
    results = scan(odd, patterns, follow_links=follow, on_error=errors.append)
    assert by_index(results, patterns) == expected_rows(answer.found, pats)
    assert items(errors) == answer.errors == []


@pytest.mark.parametrize("kind", ["fifo", "to_fifo", "socket", "device"])
def test_as_a_source_it_is_no_directory(odd: Path, kind: str) -> None:
    for call in (scan, iscan):
        with pytest.raises(NotADirectoryError) as caught:
            call(odd / kind, P())
        assert caught.value.filename
    with pytest.raises(NotADirectoryError):
        walk_parallel(odd / kind)


# Many entries ------------------------------------------------------------------------------


@pytest.fixture
def roomy() -> Iterator[Path]:
    """What the test below is about, on the faster file system."""
    with built(Dir({"target": Dir({"f": File()}), "file": File(), "src": Dir()}), fast=True) as top:
        yield top


def test_a_directory_of_very_many_links(roomy: Path) -> None:
    """To a directory, to a file and to nothing; the one in a hundred thousand is found."""
    count, top = 100_000, roomy
    here = os.open(top / "src", os.O_RDONLY)
    targets = ["../target", "../file", "nothing"]
    try:
        for number in range(count):
            os.symlink(targets[number % 3], f"l{number}", dir_fd=here)
    finally:
        os.close(here)
    to_dir, to_file = range(0, count, 3), count - len(range(0, count, 3))
    with iscan(top / "src", P("*", ["l99998"], [P("l99999")]), on_error="raise") as stream:
        assert [result.source for result in stream] == [top / "src"]
        stats = stream.stats
        # Only the two that are asked for were looked at.
        assert (stats.entries, stats.links_not_followed) == (count, 1)
    with iscan(top / "src", P("*", ["no"], [P("l*")])) as stream:
        assert list(stream) == []
        assert stream.stats.links_not_followed == 0
    with iscan(top / "src", P("*", [], [P("l*")])) as stream:
        assert len(list(stream)) == 1
        assert stream.stats.links_not_followed == len(to_dir)
    assert not scan(top / "src", P("*", ["l99999"]), on_error="raise")
    found = scan(top / "src", P("l*", ["f"]), follow_links=True, on_error="raise")
    assert {result.source.name for result in found} == {f"l{number}" for number in to_dir}
    ((_, dirs, files),) = walk_parallel(top / "src", on_error="raise")
    assert (len(dirs), len(files)) == (len(to_dir), to_file)


# Loops -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", range(1, 9))
@pytest.mark.parametrize("form", ["down", "mutual", "through_the_parent", "outside"])
def test_a_loop_of_every_length(make_fast: Make, form: str, length: int) -> None:
    """It ends, each way round it is told once, and what matches on the way is found."""
    spec = Dir()
    if form == "down":  # a link, so many levels down, back to the first
        here = spec
        for level in range(length):
            here.entries[f"d{level}"] = Dir({"f": File()})
            here = here.entries[f"d{level}"]  # type: ignore[assignment]
        here.entries["back"] = Link(to="src/d0")
    elif form == "mutual":  # side by side, each with a link to the next
        for level in range(length):
            link = Link(to=f"src/d{(level + 1) % length}", absolute=level % 2 == 1)
            spec.entries[f"d{level}"] = Dir({"f": File(), "next": link})
    elif form == "through_the_parent":  # each leads to the directory that they all lie in
        for level in range(length):
            raw = "/".join([".."] * (level % 2 + 1)) if level % 2 else ".."
            inner = Dir({"f": File(), "up": Link(raw=raw)})
            spec.entries[f"d{level}"] = Dir({"e": inner}) if level % 2 else inner
    else:  # out of the source, round there, and back in
        spec.entries["d0"] = Dir({"f": File(), "out": Link(to="beside/d0")})
    beside = Dir()
    for level in range(length if form == "outside" else 0):
        to = f"beside/d{level + 1}" if level + 1 < length else "src"
        beside.entries[f"d{level}"] = Dir({"f": File(), "on": Link(to=to)})
    source = make_fast(Dir({"src": spec, "beside": beside})) / "src"
    pats = [Pat("*", ("f",)), Pat("*", ("f",), (Pat("*"),)), Pat("*", (), (Pat("*", ("f",)),))]
    answer = reference.scan(source, pats, follow_links=True)
    assert answer.errors
    assert answer.found
    patterns = make_patterns(pats)

    def too_much(stats: Any) -> None:
        assert stats.directories <= answer.most.directories

    errors: list[OSError] = []
    found = scan(source, patterns, follow_links=True, on_error=errors.append, progress=too_much)
    assert by_index(found, patterns) == expected_rows(answer.found, pats)
    assert items(errors) == answer.errors
    walked = walk_parallel(source, follow_links=True, on_error=errors.append)
    assert len(walked) == len({path for path, _, _ in walked}) == answer.most.directories
    assert items(errors) == sorted(answer.errors * 2)
