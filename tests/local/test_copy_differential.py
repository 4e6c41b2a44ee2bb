"""Random trees, patterns and options: what is copied is what the reference says, and no more."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import copy_reference
import pathvein
import portable
import strategies
import trees
from compare import make_pattern
from copy_reference import (
    Belonging,
    belonging,
    differences,
    leftovers,
    must_be_kept,
    snapshot,
)
from pathvein import FileStructurePattern, ShuffleInput
from profiles import share
from reference import Pat
from trees import Dir, Entry, Fifo, File, Link, Socket

pytestmark = pytest.mark.unix("modes and names of Unix")

#: What the file system may keep of a file's owner, and what it may not.
OWNERS = [0, 1, 65534] if trees.is_root() else [-1]
#: Seconds, before 1970 and after 2038 too.
TIMES = [-(1 << 30), -1, 0, 1, 1 << 30, (1 << 31) - 1, 1 << 31, 1 << 33]
MODES = [0o644, 0o600, 0o400, 0o000, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1644]
DIRECTORY_MODES = [0o755, 0o700, 0o500, 0o555, 0o1777, 0o2775]
if not trees.is_root():
    # What can be read and written again.
    MODES = [mode for mode in MODES if mode & 0o400]
    DIRECTORY_MODES = [mode for mode in DIRECTORY_MODES if mode & 0o200]
SIZES = [0, 1, 2, 4095, 4096, 4097, 70_000]


# What is copied ------------------------------------------------------------------------------


@dataclass
class Match:
    """A directory to copy: its path below the world, its pattern, and where the copy goes."""

    source: str
    pattern: Pat
    name: str


@dataclass
class Case:
    """A world, matches in it, and all that may be chosen."""

    world: Dir
    matches: list[Match]
    seed: int
    how: str
    workers: int | None
    options: dict[str, Any]
    #: Whether the destinations are on another file system than the sources.
    elsewhere: bool
    #: What copies.
    copier: str = portable.COPIERS[0]

    @property
    def simply(self) -> bool:
        """Whether only contents and times are copied."""
        return self.copier == "portable"

    def put_into(self, top: Path) -> None:
        """What a tree's values do not tell of its files: content, modes, times and the rest."""
        decorate(top / "src", Random(self.seed))
        decorate(top / "out", Random(self.seed + 1))


def decorate(top: Path, random: Random) -> None:
    """Give all the files and directories below contents, modes, times, owners, attributes."""
    for here, directories, files in os.walk(top, topdown=False):
        for name in sorted(files):
            path = os.path.join(here, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                fill(path, random)
                mark(path, random, MODES)
            elif random.random() < 0.5:
                os.utime(path, ns=(0, some_time(random)), follow_symlinks=False)
        for name in sorted(directories):
            if not os.path.islink(os.path.join(here, name)):
                mark(os.path.join(here, name), random, DIRECTORY_MODES)
    mark(os.fspath(top), random, [0o755])


def fill(path: str, random: Random) -> None:
    """Some bytes, with a hole in front of them, among them, or at their end."""
    with open(path, "wb") as file:
        file.write(random.randbytes(random.choice(SIZES)))
        if random.random() < 0.2:
            file.seek(random.choice([1, 5000, 200_000]), os.SEEK_CUR)
            file.write(random.randbytes(random.choice([0, 1, 5000])))
        file.truncate(file.tell())


def mark(path: str, random: Random, modes: list[int]) -> None:
    """Owner, mode, attributes and times, in the order in which one does not undo another."""
    os.chown(path, random.choice(OWNERS), -1)
    if random.random() < 0.3:
        with contextlib.suppress(OSError):  # Not all file systems have them.
            os.setxattr(path, "user.pathvein", random.randbytes(random.choice([0, 1, 100])))
    os.chmod(path, random.choice(modes))
    os.utime(path, ns=(0, some_time(random)))


def some_time(random: Random) -> int:
    return random.choice(TIMES) * 1_000_000_000 + random.choice([0, 1, 999_999_999])


NAMES = [*strategies.PLAIN_NAMES * 3, *strategies.ODD_NAMES]


def grown(random: Random, depth: int = 3) -> Dir:
    """A directory that has much in it; its links lead nowhere yet."""
    spec = Dir()
    for _ in range(random.randint(4, 9) if depth == 3 else random.randint(0, 6)):
        name = random.choice(NAMES) if random.random() < 0.9 else odd_name(random)
        if depth and random.random() < 0.4:
            spec.entries[name] = grown(random, depth - 1)
        else:
            kinds: list[Entry] = [File(), Link(raw="nowhere"), Fifo(), Socket()]
            (spec.entries[name],) = random.choices(kinds, [6, 2, 1, 1])
    return spec


def odd_name(random: Random) -> str:
    raw = bytes(random.choice(range(1, 256)) for _ in range(random.choice([3, 255])))
    return os.fsdecode(raw.replace(b"/", b"."))


def grown_world(random: Random) -> Dir:
    """One with links from what is copied to files and directories in it and outside."""
    world = Dir({"src": grown(random), "out": grown(random, 1)})
    paths = strategies.paths_of(world)
    files = [path for path in paths if isinstance(at(world, path), File)] or paths
    for home in strategies.directories_of(world):
        for name, entry in home.entries.items():
            if isinstance(entry, Link) and random.random() < 0.85:
                siblings = [other for other, e in home.entries.items() if isinstance(e, File)]
                if siblings and random.random() < 0.4:
                    home.entries[name] = Link(raw=random.choice(siblings))
                    continue
                to = random.choice(files if random.random() < 0.7 else paths)
                home.entries[name] = Link(to=to, absolute=random.random() < 0.3)
    return world


def at(spec: Dir, path: str) -> Entry:
    """The entry of that path."""
    here: Entry = spec
    for name in path.split("/"):
        assert isinstance(here, Dir)
        here = here.entries[name]
    return here


def near(random: Random, world: Dir, spec: Dir, name: str, depth: int = 3) -> Pat:
    """A pattern near a directory, in which what is optional weighs as much as what is required."""
    globs: tuple[list[str], list[str]] = [], []
    subs: tuple[list[Pat], list[Pat]] = [], []
    for child, entry in spec.entries.items():
        optional = random.random() < 0.6
        if isinstance(entry, (Dir, Link)) and depth and random.random() < 0.8:
            # Two of them make a union, and the second may not match.
            for _ in range(random.choice([1, 1, 1, 2])):
                inner = strategies._behind(world, entry)
                subs[optional].append(near(random, world, inner, child, depth - 1))
        if not isinstance(entry, Dir) and random.random() < 0.5:
            globs[optional].append(random.choice(strategies._broken_up(child)))
    if random.random() < 0.05:
        globs[0].append("not there")
    directory_name = random.choice(["*", None, "", *strategies._broken_up(name)[:4]])
    files, optional_files = map(tuple, globs)
    dirs, optional_dirs = map(tuple, subs)
    return Pat(directory_name, files, dirs, optional_files, optional_dirs)


DESTINATIONS = ["a", "b", "new/c", "new/d/e", "f\udcff", "x" * 255, "*", " ", "-r", ".a"]
HOW = ["shuffle", "shuffle_to", "shuffle_with", "copy", "threaded_copy"]


@st.composite
def cases(draw: Any, most: int = 3) -> Case:
    """A few directories of a random tree, each with a pattern near it."""
    random = Random(draw(st.integers(0, 1 << 32)))
    # Hypothesis's own are small, and easy to read when something fails.
    world = draw(strategies.worlds()) if draw(st.booleans()) else grown_world(random)
    homes = sorted(named_directories(world.entries["src"], "src"), key=lambda home: len(home[0]))
    matches = []
    for name in draw(st.lists(st.sampled_from(DESTINATIONS), unique=True, max_size=most)):
        path, home = homes[random.randrange(len(homes)) if random.random() < 0.5 else 0]
        matches.append(Match(path, near(random, world, home, os.path.basename(path)), name))
    options = {
        "links": draw(st.sampled_from(["follow", "keep"])),
        "use_threading": draw(st.sampled_from([None, True, False])),
    }
    elsewhere = draw(st.integers(0, 4)) == 0
    # On a disk it would wait for all that others write there, too.
    options["fsync"] = not elsewhere and draw(st.integers(0, 4)) == 0
    how = draw(st.sampled_from(HOW))
    names = {os.path.basename(match.source) for match in matches}
    if how == "shuffle_to" and len(names) < len(matches):
        how = "shuffle"  # Two would have one place; that is another test's.
    if how in ("copy", "threaded_copy"):
        options["links"] = "follow"
    return Case(
        world,
        matches,
        draw(st.integers(0, 1 << 32)),
        how,
        draw(st.sampled_from([None, 1, 2, 5])),
        options,
        elsewhere,
        draw(st.sampled_from([portable.COPIERS[0], *portable.COPIERS])),
    )


def named_directories(entry: Entry, path: str) -> Iterator[tuple[str, Dir]]:
    if isinstance(entry, Dir):
        yield path, entry
        for name, below in entry.entries.items():
            yield from named_directories(below, f"{path}/{name}")


# Copying it ----------------------------------------------------------------------------------


@contextlib.contextmanager
def laid_out(case: Case) -> Iterator[tuple[Path, Path]]:
    """The world, and a directory for the copies with a bystander in it."""
    with trees.built(case.world, fast=True) as top, contextlib.ExitStack() as stack:
        case.put_into(top)
        copies = top / "copies"
        if case.elsewhere:
            base = stack.enter_context(tempfile.TemporaryDirectory(prefix="pathvein-"))
            copies = Path(base).resolve() / "copies"
        copies.mkdir()
        (copies / "bystander").mkdir()
        (copies / "bystander" / "file").write_text("stays")
        yield top, copies


@contextlib.contextmanager
def log_of(name: str) -> Iterator[list[logging.LogRecord]]:
    """What a logger is told, of every level."""
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger, handler = logging.getLogger(name), Keep()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def copy(case: Case, top: Path, copies: Path, **more: Any) -> list[Any]:
    """Copy it the way that was drawn; gives the results, if that way has any."""
    with portable.used(case.copier):
        return _copy(case, top, copies, more)


def _copy(case: Case, top: Path, copies: Path, more: dict[str, Any]) -> list[Any]:
    options = {**case.options, "max_workers": case.workers, **more}
    wanted = [
        ShuffleInput(top / match.source, copies / match.name, make_pattern(match.pattern))
        for match in case.matches
    ]
    if case.how == "shuffle":
        return pathvein.shuffle(iter(wanted), **options)
    if case.how in ("copy", "threaded_copy"):
        plain: dict[str, Any] = {key: more[key] for key in ("overwrite", "dryrun") if key in more}
        if case.how == "threaded_copy" and case.workers:
            plain["max_workers"] = case.workers
        for source, destination, pattern in wanted:
            method: Callable[..., None] = getattr(pattern, case.how)
            assert method(source, destination, **plain) is None  # type: ignore[func-returns-value]
        return []
    found = [pathvein.ScanResult(source, pattern) for source, _, pattern in wanted]
    if case.how == "shuffle_with":
        # The function is asked in the order of the matches, once for each.
        places = iter([destination for _, destination, _ in wanted])
        return pathvein.shuffle_with(iter(found), lambda match: next(places), **options)
    # All to one place, each under its own name: of one name there is one.
    return pathvein.shuffle_to(iter(found), copies, **options)


def placed_at(case: Case) -> list[tuple[Match, str]]:
    """Each match, and where its copy is below the directory for the copies."""
    to = case.how == "shuffle_to"
    return [(m, os.path.basename(m.source) if to else m.name) for m in case.matches]


def expected_of(case: Case, top: Path, match: Match) -> Belonging:
    found = belonging(os.fspath(top / match.source), match.pattern)
    note(f"{match.source!r} -> {match.name!r}: {found}")
    return found


def except_copies(top: Path, copies: Path) -> dict[str, copy_reference.Seen]:
    """All but what is copied, and the times of the directory that it is copied into."""
    inside = os.path.relpath(copies, top) if copies.is_relative_to(top) else "elsewhere"
    seen = snapshot(os.fspath(top))
    seen[""] = seen[""]._replace(mtime=0)
    kept = {path: what for path, what in seen.items() if not f"{path}/".startswith(f"{inside}/")}
    bystander = snapshot(os.fspath(copies / "bystander"))
    return kept | {f"bystander/{path}": what for path, what in bystander.items()}


def made_names(case: Case, names: list[str]) -> set[str]:
    """What the directory for the copies must have in it afterwards."""
    return {"bystander", *(name.split("/")[0] for name in names)}


# The tests -----------------------------------------------------------------------------------


@share(1.5)
@given(cases())
def test_what_belongs_is_copied(case: Case) -> None:
    keep = case.options["links"] == "keep"
    with laid_out(case) as (top, copies):
        before = except_copies(top, copies)
        expected = {match.name: expected_of(case, top, match) for match in case.matches}
        with log_of("pathvein.lib") as records:
            results = copy(case, top, copies)
        placed = placed_at(case)
        for match, name in placed:
            source, destination = os.fspath(top / match.source), os.fspath(copies / name)
            assert not differences(
                source, destination, expected[match.name], keep=keep, simply=case.simply
            )
        assert set(os.listdir(copies)) == made_names(case, [name for _, name in placed])
        assert except_copies(top, copies) == before
        assert not leftovers(os.fspath(copies))
        if case.how in ("copy", "threaded_copy"):
            return
        told = [record.getMessage() for record in records if record.levelno == logging.DEBUG]
        for match, name in placed:
            assert f"{top / match.source} copied to {copies / name}" in told
        (said,) = [r.getMessage() for r in records if r.levelno == logging.INFO]
        assert said == f"Copied {len(placed)} directories"
        assert len(results) == len(placed)
        for result, (match, name) in zip(results, placed, strict=True):
            compare_result(result, top, copies / name, match, expected[match.name], keep)


def compare_result(
    result: Any, top: Path, destination: Path, match: Match, expected: Belonging, keep: bool
) -> None:
    """What a result tells, as a tuple and besides."""
    assert type(result) is pathvein.ShuffleResult
    source, place, pattern = result
    assert (source, place) == (top / match.source, destination)
    assert pattern == make_pattern(match.pattern)
    assert len(result) == 3
    assert result.files == len(expected.files)
    # A link that is kept has nothing in it.
    whole = {name: os.stat(top / match.source / name).st_size for name in expected.files}
    kept = [n for n in whole if keep and os.path.islink(top / match.source / n)]
    assert sum(whole.values()) - sum(whole[n] for n in kept) <= result.bytes
    assert result.bytes <= sum(whole.values()) - sum(
        whole[n] for n in kept if must_be_kept(str(top / match.source), n, expected)
    )
    assert result.errors == []
    told = {os.path.relpath(os.path.join(source, path), source) for path, _ in result.skipped}
    assert len(told) == len(result.skipped), "told twice"
    assert expected.skipped <= told <= expected.skipped | expected.may_be_skipped
    assert all(str(reason) for _, reason in result.skipped)


@share(0.3)
@given(cases())
def test_a_dry_run_touches_nothing(case: Case) -> None:
    with laid_out(case) as (top, copies):
        expected = {match.name: expected_of(case, top, match) for match in case.matches}
        before = snapshot(os.fspath(top)), snapshot(os.fspath(copies))
        results = copy(case, top, copies, dryrun=True)
        assert (snapshot(os.fspath(top)), snapshot(os.fspath(copies))) == before
        if case.how not in ("copy", "threaded_copy"):
            placed, keep = placed_at(case), case.options["links"] == "keep"
            assert len(results) == len(placed)
            for result, (match, name) in zip(results, placed, strict=True):
                compare_result(result, top, copies / name, match, expected[match.name], keep)


@share(0.3)
@given(cases())
def test_what_exists_is_not_touched(case: Case) -> None:
    """Without `overwrite`, be it empty, full, a file or a link that leads nowhere."""
    random = Random(case.seed)
    with laid_out(case) as (top, copies):
        places = [copies / name for _, name in placed_at(case)]
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            kind = random.choice(["empty", "full", "file", "link", "broken"])
            if kind in ("empty", "full"):
                place.mkdir()
            if kind == "full":
                (place / "a").write_text("old")
            elif kind == "file":
                place.write_text("old")
            elif kind in ("link", "broken"):
                place.symlink_to(top / ("out" if kind == "link" else "nowhere"))
        before = snapshot(os.fspath(top)), snapshot(os.fspath(copies))
        with log_of("pathvein.lib") as records:
            if case.how in ("copy", "threaded_copy"):
                for match, place in zip(case.matches, places, strict=True):
                    one = replace(case, matches=[match], options={})
                    with pytest.raises(FileExistsError) as caught:
                        copy(one, top, copies)
                    assert caught.value.filename == os.fspath(place)
            else:
                assert copy(case, top, copies) == []
        assert (snapshot(os.fspath(top)), snapshot(os.fspath(copies))) == before
        if case.how not in ("copy", "threaded_copy"):
            told = [r.getMessage() for r in records if r.levelno == logging.ERROR]
            assert sorted(told) == sorted(
                f"Destination folder already exists: {place}. "
                f"Skipping: {os.path.basename(match.source)}"
                for place, (match, _) in zip(places, placed_at(case), strict=True)
            )


@share(0.6)
@given(cases(most=2))
def test_overwriting_merges(case: Case) -> None:
    """What belongs is as in the source afterwards, and what was there besides is as it was."""
    random = Random(case.seed)
    keep = case.options["links"] == "keep"
    with laid_out(case) as (top, copies):
        placed = placed_at(case)
        expected = {match.name: expected_of(case, top, match) for match in case.matches}
        for match, name in placed:
            half_there(copies / name, expected[match.name], random)
        before = except_copies(top, copies)
        old = {name: snapshot(os.fspath(copies / name)) for _, name in placed}
        copy(case, top, copies, overwrite=True)
        for match, name in placed:
            source, destination = os.fspath(top / match.source), os.fspath(copies / name)
            right = expected[match.name]
            assert not differences(
                source, destination, right, keep=keep, merged=True, simply=case.simply
            )
            after = snapshot(destination)
            assert set(after) == set(old[name]) | right.directories | right.files
            for path, seen in old[name].items():
                if path not in right.files and not seen.is_directory:
                    assert after[path] == seen
        assert except_copies(top, copies) == before
        assert not leftovers(os.fspath(copies))


def half_there(place: Path, expected: Belonging, random: Random) -> None:
    """A destination with some of what belongs, other content in it, and more."""
    place.mkdir(parents=True)
    for directory in sorted(expected.directories):
        if (place / directory).parent.is_dir() and random.random() < 0.6:
            (place / directory).mkdir(exist_ok=True)
            if random.random() < 0.5 and f"{directory}/more".lstrip("/") not in expected.files:
                (place / directory / "more").write_text("old")
    for number, file in enumerate(sorted(expected.files)):
        if (place / file).parent.is_dir() and random.random() < 0.6:
            (place / file).write_bytes(random.randbytes(random.choice([0, 10, 100_000])))
            if random.random() < 0.3:
                # Another name of it, which must keep what it has.
                twin = place / f"twin{number}"
                os.link(place / file, twin)


# What random trees do not come to ------------------------------------------------------------


def patterned(*globs: str, **more: Any) -> FileStructurePattern:
    return FileStructurePattern("*", list(globs), **more)


@pytest.fixture(params=portable.COPIERS)
def copier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is held against both."""
    portable.use(monkeypatch, request.param)


both = pytest.mark.usefixtures("copier")


def test_holes_stay_holes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    size = 64 << 20
    with (source / "hole").open("wb") as file:
        file.truncate(size)
    with (source / "island").open("wb") as file:
        file.seek(32 << 20)
        file.write(b"x" * 5000)
        file.truncate(size)
    for copies in (tmp_path, Path(trees.public_base(fast=True))):
        with tempfile.TemporaryDirectory(dir=copies) as base:
            (result,) = pathvein.shuffle([(source, Path(base) / "copy", patterned("*"))])
            assert (result.files, result.bytes) == (2, 2 * size)
            for name in ("hole", "island"):
                status = os.stat(Path(base) / "copy" / name)
                assert status.st_size == size
                assert status.st_blocks * 512 < 1 << 20
            assert copy_reference.see(f"{base}/copy/island") == copy_reference.see(
                f"{source}/island"
            )


def test_deep_and_wide(tmp_path: Path) -> None:
    """As deep as a path may be long, and one directory with more files than a batch."""
    source = tmp_path / "source"
    names = ["d" * 200] * 18
    trees.build_chain(source, names)
    (source / "wide").mkdir()
    for number in range(5000):
        (source / "wide" / f"f{number}").touch()
    pattern = patterned("end", optional_directories=[patterned("f*")])
    for name in names:
        pattern = FileStructurePattern(name, [], [], ["end"], [pattern])
    pattern.add_directory(FileStructurePattern("wide", ["f*"]), is_optional=True)
    try:
        (result,) = pathvein.shuffle([(source, tmp_path / "copy", pattern)])
        assert result.files == 5001
        assert len(os.listdir(tmp_path / "copy/wide")) == 5000
        here = os.open(tmp_path / "copy", os.O_RDONLY)
        for name in names:
            here, above = os.open(name, os.O_RDONLY, dir_fd=here), here
            os.close(above)
        assert os.listdir(here) == ["end"]
        os.close(here)
    finally:
        for top in ("source", "copy"):
            trees.remove(tmp_path / top)


def test_too_deep(tmp_path: Path) -> None:
    """What has no path that the system takes: all of it or an error that says so."""
    source, names = tmp_path / "source", ["d" * 200] * 30
    trees.build_chain(source, names)
    (source / "f").touch()
    pattern = patterned("end")
    for name in names:
        pattern = FileStructurePattern(name, [], [], ["f"], [pattern])
    try:
        with contextlib.suppress(pathvein.ShuffleError):
            (result,) = pathvein.shuffle([(source, tmp_path / "copy", pattern)])
            assert result.files == 2
            return
        assert os.listdir(tmp_path) == ["source"]
    finally:
        for top in tmp_path.iterdir():
            trees.remove(top)


@both
@pytest.mark.parametrize("how", ["shuffle", "shuffle_with"])
def test_of_one_destination_the_first_by_source_is_copied(tmp_path: Path, how: str) -> None:
    for name in ("c", "a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    place = tmp_path / "place"
    wanted = [(tmp_path / name, place, patterned("f")) for name in ("c", "a", "b")]

    def run(**options: Any) -> list[Any]:
        if how == "shuffle":
            return pathvein.shuffle(wanted, **options)
        found = [pathvein.ScanResult(source, pattern) for source, _, pattern in wanted]
        return pathvein.shuffle_with(found, lambda match: place, **options)

    before = snapshot(os.fspath(tmp_path))
    with pytest.raises(OSError, match="place"):
        run(on_conflict="raise")
    assert snapshot(os.fspath(tmp_path)) == before
    with log_of("pathvein.lib") as records:
        results = run()
    assert [result.source for result in results] == [tmp_path / "a"]
    assert (place / "f").read_text() == "a"
    errors = [record.getMessage() for record in records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert all(str(place) in error for error in errors)
    order = [record.levelno for record in records]
    assert order.index(logging.DEBUG) > max(
        index for index, level in enumerate(order) if level == logging.ERROR
    ), "what is skipped is said before anything is copied"


@pytest.mark.parametrize(
    ("sources", "destinations"),
    [
        (["a"], ["a"]),
        (["a"], ["a/below"]),
        (["a"], ["a/../a/sub/x"]),
        (["a"], ["link/x"]),
        (["a/sub"], ["a"]),
        (["a", "b/sub"], ["c", "b"]),
        (["b/sub", "a"], ["b/sub/x", "b/sub"]),
    ],
)
@both
@pytest.mark.parametrize("overwrite", [False, True])
def test_no_copy_into_a_source(
    tmp_path: Path, sources: list[str], destinations: list[str], overwrite: bool
) -> None:
    """A destination that is, holds or is in a source: the sources stay as they are."""
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "f").write_text(name)
        (tmp_path / name / "sub/f").write_text(f"{name} below")
    (tmp_path / "link").symlink_to("a")
    before = snapshot(os.fspath(tmp_path))
    pattern = patterned("*", optional_directories=[patterned("*")])
    wanted = [
        (tmp_path / source, tmp_path / destination, pattern)
        for source, destination in zip(sources, destinations, strict=True)
    ]
    with contextlib.suppress(pathvein.ShuffleError):
        pathvein.shuffle(wanted, overwrite=overwrite)
    after = snapshot(os.fspath(tmp_path))
    for path, seen in before.items():
        if path and path != "link":
            assert after[path] == seen, f"{path} was changed"
    assert {path.split("/")[0] for path in after} <= {"", "a", "b", "c", "link"}
    assert {path for path in after if path.startswith(("a", "b"))} == {
        path for path in before if path.startswith(("a", "b"))
    }


@both
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_destination_in_the_source_of_another(tmp_path: Path, workers: int) -> None:
    """Either is copied or refused; none of them has in it what is only being built."""
    for name in "ab":
        (tmp_path / name / "sub").mkdir(parents=True)
        for number in range(200):
            (tmp_path / name / "sub" / f"f{number}").write_text(name)
    pattern = patterned("*")
    for _ in range(3):
        pattern = patterned("*", optional_directories=[pattern])
    for turn in range(10):
        wanted = [
            (tmp_path / "a", tmp_path / f"c{turn}", pattern),
            (tmp_path / "b", tmp_path / f"a/new{turn}", pattern),
        ]
        with contextlib.suppress(pathvein.ShuffleError):
            pathvein.shuffle(wanted[:: (-1) ** turn], max_workers=workers)
        for place in (tmp_path / f"c{turn}", tmp_path / f"a/new{turn}"):
            assert leftovers(os.fspath(place)) == []
            for here, _, files in os.walk(place):
                assert len(files) in (0, 200), f"half of {here}"


@both
def test_what_is_in_the_way_fails_and_stays(tmp_path: Path) -> None:
    """Where a directory is to be made there is a file, and the other way round; links too."""
    source, place, outside = tmp_path / "source", tmp_path / "place", tmp_path / "outside"
    for directory in (source / "d", place, outside):
        directory.mkdir(parents=True)
    (source / "f").write_text("new")
    (source / "d/g").write_text("new")
    (outside / "f").write_text("outside")
    pattern = patterned("f", directories=[FileStructurePattern("d", ["g"])])
    for name, kind in [("d", "file"), ("f", "directory"), ("d", "link"), ("d", "loop")]:
        trees.remove(place)
        place.mkdir()
        if kind == "file":
            (place / name).write_text("old")
        elif kind == "directory":
            (place / name).mkdir()
            (place / name / "inside").write_text("old")
        else:
            (place / name).symlink_to(outside if kind == "link" else name)
        before = snapshot(os.fspath(place))
        with pytest.raises(pathvein.ShuffleError) as caught:
            pathvein.shuffle([(source, place, pattern)], overwrite=True)
        (failed,) = caught.value.failed
        assert any(name in os.fspath(error.filename) for error in failed.errors)
        after = snapshot(os.fspath(place))
        for path, seen in before.items():
            assert after[path]._replace(mtime=0) == seen._replace(mtime=0), (kind, path)
        assert (outside / "f").read_text() == "outside"
        assert os.listdir(outside) == ["f"]
        assert not leftovers(os.fspath(tmp_path))


@both
def test_a_link_at_a_files_place_is_replaced(tmp_path: Path) -> None:
    """By the file: what the link leads to is not written to."""
    (tmp_path / "source").mkdir()
    (tmp_path / "place").mkdir()
    (tmp_path / "source/f").write_text("new")
    (tmp_path / "canary").write_text("old")
    (tmp_path / "place/f").symlink_to(tmp_path / "canary")
    with contextlib.suppress(pathvein.ShuffleError):
        pathvein.shuffle(
            [(tmp_path / "source", tmp_path / "place", patterned("f"))], overwrite=True
        )
    assert (tmp_path / "canary").read_text() == "old"
    if not (tmp_path / "place/f").is_symlink():  # or it is refused
        assert (tmp_path / "place/f").read_text() == "new"


@both
def test_a_source_that_is_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/f").write_text("x")
    (tmp_path / "link").symlink_to("source")
    pattern = patterned("f")
    (result,) = pathvein.shuffle_to(
        [pathvein.ScanResult(tmp_path / "link", pattern)], tmp_path / "to"
    )
    assert tuple(result) == (tmp_path / "link", tmp_path / "to/link", pattern)
    assert not differences(
        os.fspath(tmp_path / "source"),
        os.fspath(tmp_path / "to/link"),
        belonging(os.fspath(tmp_path / "source"), Pat("*", ("f",))),
    )


#: What is there; files, sub-patterns, optional files, optional sub-patterns; what belongs.
IN_DATA = Pat("data", ("*.bin",))
EXAMPLES: list[tuple[str, Pat, str]] = [
    ("a.csv b.txt c", Pat("*", ("*.csv",), (), ("*.txt",)), "a.csv b.txt"),
    ("data/a.bin data/b data/c/a.bin e/a.bin", Pat("*", (), (IN_DATA,)), "data/ data/a.bin"),
    ("data/b", Pat("*", (), (), (), (IN_DATA,)), ""),
    ("data/", Pat("*", (), (), (), (Pat("data"),)), "data/"),
    ("data/a", Pat("*", ("a",), (), (), (Pat("data"),)), "data/"),
    (
        "data/a data/b data/c data/d/e",
        Pat("*", (), (Pat("d*", ("a",)),), (), (Pat("*a", (), (), ("b",), (Pat("d", ("e",)),)),)),
        "data/ data/a data/b data/d/ data/d/e",
    ),
    (
        "x/y/z x/y/q x/o",
        Pat("*", (), (Pat("x", (), (Pat("y", ("z",)),)),), (), (Pat("x", ("p",), (), ("o",)),)),
        "x/ x/y/ x/y/z",
    ),
    ("data", Pat("*", (), (Pat("data"),)), ""),
]


@both
@pytest.mark.parametrize(("there", "pattern", "belongs"), EXAMPLES)
def test_examples(tmp_path: Path, there: str, pattern: Pat, belongs: str) -> None:
    """The reference is held against a few that were worked out by hand, and the copy too."""
    source = trees.build(tmp_path / "source", trees.tree(*there.split()))
    wanted = {path.rstrip("/") for path in belongs.split()}
    read = belonging(os.fspath(source), pattern)
    assert read.files | read.directories == wanted | {""}
    make_pattern(pattern).copy(source, tmp_path / "copy")
    assert set(snapshot(os.fspath(tmp_path / "copy"))) == wanted | {""}
