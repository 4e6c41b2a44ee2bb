"""Random trees, patterns and options: every front end gives what the reference gives."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pathvein_core
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import fuse
import pathvein
import reference
import strategies
from compare import by_index, expected_rows, items, make_pattern, make_patterns
from profiles import seconds, share
from reference import Item, Pat, Tree
from trees import Dir, File, Make, as_value, built, in_memory, run_unprivileged


def within(tally: reference.Tally, least: reference.Tally, most: reference.Tally) -> bool:
    """Whether a tally lies between two, its errors as multisets."""
    few, some, all_ = Counter(least.errors), Counter(tally.errors), Counter(most.errors)
    counts = zip(least[1:], tally[1:], most[1:], strict=False)
    return few <= some <= all_ and all(low <= count <= high for low, count, high in counts)


class Given(NamedTuple):
    """What scans gave: which patterns match where, and what they told besides."""

    rows: list[tuple[str, int]]
    tally: reference.Tally
    hidden_by_links: int
    #: How many of the tally's directories were not opened.
    skipped: int


def scanned(case: strategies.Case, source: Path, most_directories: int) -> Given:
    """What scan and iscan give, which is the same."""
    patterns = make_patterns(case.patterns)
    options = {**case.options, "threads": case.threads}

    def too_much(stats: pathvein.Stats) -> None:
        # A scan that goes round in circles has to fail here and not to hang the run.
        assert stats.directories + stats.skipped <= most_directories

    options["progress"] = too_much
    errors: list[OSError] = []
    results = pathvein.scan(source, patterns, on_error=errors.append, **options)
    assert isinstance(results, set)
    rows = by_index(results, patterns)
    with pathvein.iscan(source, patterns, on_error="ignore", **options) as stream:
        assert by_index(stream, patterns) == rows
        stats = stream.stats
        assert items(stream.errors) == items(errors)
    assert stats.matches == len(rows)
    assert stats.errors == len(errors)
    directories = stats.directories + stats.skipped
    tally = reference.Tally(items(errors), directories, stats.entries, stats.links_not_followed)
    note(f"pathvein: {rows} {tally} {stats.skipped}")
    return Given(rows, tally, stats.hidden_by_links, stats.skipped)


@contextlib.contextmanager
def opening_all() -> Iterator[None]:
    """Meanwhile directories are opened that need not be."""
    scan = pathvein_core.Scan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pathvein_core, "Scan", functools.partial(scan, leaf_skip=False))
        yield


def compare_scan(case: strategies.Case) -> list[tuple[str, int]]:
    """scan and iscan against the reference, results, errors and counts; gives the results."""
    with built(case.world, fast=True) as top:
        source = top / "src"
        answer = reference.scan(source, case.patterns, **case.options)
        expected = expected_rows(answer.found, case.patterns)
        note(f"reference: {expected} {answer.least} {answer.most}")
        # A directory that cannot be read may be one of those that are not opened.
        most_directories = answer.most.directories + len(answer.most.errors)
        given = scanned(case, source, most_directories)
        if given.skipped:
            assert given.rows == expected
            assert given.hidden_by_links <= answer.hidden_by_links
            most = answer.most._replace(directories=most_directories)
            compare_tally(case, given.tally, reference.NOTHING, most)
            with opening_all():
                given = scanned(case, source, most_directories)
        rows, tally, hidden_by_links, skipped = given
        assert (rows, hidden_by_links, skipped) == (expected, answer.hidden_by_links, 0)
        compare_tally(case, tally, answer.least, answer.most)
        return [(path.removeprefix(f"{top}/"), pattern) for path, pattern in rows]


def compare_tally(
    case: strategies.Case,
    tally: reference.Tally,
    least: reference.Tally,
    most: reference.Tally,
) -> None:
    """A scan's errors and counts against the reference's."""
    if case.exclude:  # Whether what is excluded is counted as an entry is nobody's business.
        least = least._replace(entries=0)
        most = most._replace(entries=tally.entries)
    if case.exclude or case.follow_links:  # Nor a link that another rule keeps out.
        least = least._replace(links_not_followed=0)
        most = most._replace(links_not_followed=tally.links_not_followed)
    assert within(tally, least, most)


@share(2)
@given(strategies.cases())
def test_scan(case: Any) -> None:
    compare_scan(case)


@share(0.2)
@given(strategies.cases(large=True))
def test_scan_for_many_patterns(case: Any) -> None:
    assert len(case.patterns) == 150
    compare_scan(case)


@share(0.5)
@given(strategies.cases(unreadable=True))
def compare_unprivileged(case: strategies.Case) -> None:
    rows = compare_scan(case)
    # What is found in spite of errors is there, too, where everything can be read.
    case = replace(case, world=strategies.readable(case.world))
    assert set(rows) <= set(compare_scan(case))


def test_scan_with_unreadable_directories() -> None:
    run_unprivileged(compare_unprivileged)


def answer_or_error(call: Callable[[], bool]) -> bool | OSError:
    """What a call gives or raises."""
    try:
        return call()
    except OSError as error:
        return error


def compare_matches(case: strategies.Case) -> None:
    """pattern.matches on every directory below the source."""
    with built(case.world, fast=True) as top:
        patterns = [(pat, make_pattern(pat)) for pat in case.patterns]
        for dirpath, dirnames, filenames in os.walk(top / "src"):
            for pat, pattern in patterns:
                listing = (dirpath, dirnames, filenames)
                expected = answer_or_error(lambda: reference.matches(*listing, pat))  # noqa: B023
                answer = answer_or_error(lambda: pattern.matches(listing))  # noqa: B023
                if isinstance(expected, OSError):
                    assert type(answer) is type(expected)
                    assert items([answer])[0].errno == expected.errno
                else:
                    assert answer is expected, (dirpath, pat)


@share(0.7)
@given(strategies.cases())
def test_matches(case: Any) -> None:
    compare_matches(case)


@share(0.4)
@given(strategies.cases(unreadable=True))
def compare_matches_unprivileged(case: strategies.Case) -> None:
    compare_matches(case)


def test_matches_with_unreadable_directories() -> None:
    run_unprivileged(compare_matches_unprivileged)


# Awkward file systems ----------------------------------------------------------------------


class Served(NamedTuple):
    """A scan of a tree on a file system with quirks, and with few handles."""

    case: strategies.Case
    quirks: frozenset[str]
    #: How many entries it lists at a time; 0: as fit.
    page: int
    #: How many files the process may have open.
    handles: int | None

    @property
    def is_exact(self) -> bool:
        """Whether the answer is that of a usual file system, and so are the errors."""
        closed = any(home.mode == 0o444 for home in strategies.directories_of(self.case.world))
        return not (
            "unknown" in self.quirks
            or ("untyped" in self.quirks and closed)
            or ("oneino" in self.quirks and self.case.follow_links)
        )

    def breaks_off(self, twins: Twins) -> Callable[[str], bool]:
        """Which listings are not given to their end."""
        is_broken = "broken" in self.quirks
        return lambda path: is_broken and twins.breaks_off(path, self.page)


@st.composite
def served(draw: Any) -> Served:
    """Random trees, some of them with a comb of many levels, served with random quirks."""
    case = draw(strategies.cases(unreadable=draw(st.booleans())))
    source = case.world.entries["src"]
    sides = strategies.directories_of(source)[1:] or [Dir({"a": File()})]
    levels, top = draw(st.sampled_from([0, 0, 5, 12, 20])), source
    for _ in range(levels):
        # What is below comes first, so that what is beside it is left for the way back.
        below = draw(st.sampled_from(["a", "b", "x"]))
        beside = {f"beside{name}": draw(st.sampled_from(sides)) for name in "12"}
        if top is source:
            top = Dir({below: Dir(dict(list(source.entries.items())[:2])), **beside})
        else:
            top = Dir({below: top, **beside})
    if top is not source:
        case.world.entries["src"] = Dir({"comb": top, **source.entries})
    quirks = set(draw(st.sets(st.sampled_from(["newino", "dup", "untyped", "undotted", "eio"]))))
    if "newino" not in quirks:
        quirks |= draw(st.sampled_from([set(), set(), {"oneino"}]))
    quirks.add(draw(st.sampled_from(["plain", "page", "einval", "again", "unknown", "broken"])))
    page = draw(st.sampled_from([0, 1, 2, 3]))
    if "broken" in quirks:
        quirks.discard("dup")
        page = page or 2
    handles = draw(st.sampled_from([None, 14, 20, 40, 64]))
    return Served(case, frozenset(quirks), page, handles)


@contextlib.contextmanager
def at_most(handles: int | None) -> Iterator[None]:
    """So many files may be open in this process."""
    import resource  # Windows has none.

    few, many = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (handles or few, many))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, many))


class Twins(NamedTuple):
    """One tree, served in three ways: with quirks, as it is, and what of it can be read."""

    odd: Path
    whole: Path
    readable: Path

    def odd_path(self, path: str, twin: Path) -> str:
        """The path on the odd one."""
        return os.fspath(self.odd) + path.removeprefix(os.fspath(twin))

    def breaks_off(self, path: str, page: int) -> bool:
        """Whether the listing of a directory of the odd one is not given to its end."""
        for twin in (self.odd, self.readable):
            path = path.removeprefix(os.fspath(twin))
        return len(os.listdir(os.fspath(self.whole) + path)) > page


def compare_scan_of(twins: Twins, this: Served) -> None:
    """scan and iscan of the odd one against the reference on the others."""
    case, quirks = this.case, this.quirks
    whole = reference.scan(twins.whole / "src", case.patterns, **case.options)
    answer = reference.scan(
        twins.readable / "src", case.patterns, breaks_off=this.breaks_off(twins), **case.options
    )
    found = {(twins.odd_path(path, twins.readable), pat) for path, pat in answer.found}
    expected = expected_rows(found, case.patterns)
    note(f"reference: {expected} {answer.least} {answer.most}")
    with at_most(this.handles):
        rows, tally, _, skipped = scanned(case, twins.odd / "src", whole.most.directories)
    assert not skipped  # Nothing is known of what its link counts say.
    if not this.is_exact:
        assert tally.errors or rows == expected
        # What cannot be told from a file may be taken for one, which an error tells.
        assert "untyped" in quirks or set(rows) <= set(expected)
        return
    assert rows == expected
    everything = {(twins.odd_path(path, twins.whole), pat) for path, pat in whole.found}
    assert set(rows) <= set(expected_rows(everything, case.patterns))
    assert tally.errors or len(rows) == len(whole.found)
    errors = set(tally.errors)
    assert len(errors) == len(tally.errors) or "dup" in quirks
    if "broken" in quirks:
        broken = {item for item in errors if item.errno == errno.EIO and is_listed(twins, item)}
        for path, _ in rows:
            assert Item(path, errno.EIO) in broken or not twins.breaks_off(path, this.page)
        assert all(twins.breaks_off(item.path, this.page) for item in broken)
        errors -= broken
    least, most = (
        {Item(twins.odd_path(item.path, twins.readable), item.errno) for item in tally.errors}
        for tally in (answer.least, answer.most)
    )
    assert least <= errors <= most
    assert answer.least.directories <= tally.directories <= answer.most.directories


def is_listed(twins: Twins, item: Item) -> bool:
    """Whether the path of an error is a directory that can be read."""
    try:
        os.listdir(os.fspath(twins.whole) + item.path.removeprefix(str(twins.odd)))
    except OSError:
        return False
    return True


def compare_walks_of(twins: Twins, this: Served) -> None:
    """Walks of the odd one against os.walk of what can be read."""
    follow_links = this.case.follow_links
    unreadable: list[OSError] = []
    expected = [
        (twins.odd_path(path, twins.readable), sorted(below), sorted(files))
        for path, below, files in os.walk(
            twins.readable / "src", onerror=unreadable.append, followlinks=follow_links
        )
    ]
    note(f"os.walk: {sorted(expected)} {unreadable}")
    told = {twins.odd_path(error.filename, twins.readable) for error in unreadable}
    walks: list[tuple[Any, dict[str, Any]]] = [
        (pathvein.walk_parallel, {"threads": this.case.threads}),
        *([(pathvein.walk_python, {})] if find_spec("upath") else []),
    ]
    for walk, options in walks:
        errors: list[OSError] = []
        with at_most(this.handles):
            walked = list(
                walk(
                    twins.odd / "src", follow_links=follow_links, on_error=errors.append, **options
                )
            )
        once = set if "dup" in this.quirks else list
        rows = sorted((str(d), sorted(once(below)), sorted(once(fs))) for d, below, fs in walked)
        note(f"{walk.__name__}: {rows} {errors}")
        if not this.is_exact:
            assert errors or rows == sorted(expected)
            continue
        assert rows == sorted(expected)
        assert told <= {error.filename for error in errors}
        for path, _, _ in rows if "broken" in this.quirks else ():
            listed = (path, errno.EIO) in {(error.filename, error.errno) for error in errors}
            assert listed == twins.breaks_off(path, this.page)


def compare_matches_of(twins: Twins, this: Served) -> None:
    """pattern.matches in the odd one against the reference on the others."""
    if not this.is_exact:
        return
    for dirpath, dirnames, filenames in list(os.walk(twins.readable / "src"))[:4]:
        for pat in this.case.patterns[:2]:
            pattern = make_pattern(pat)

            given = (dirpath, dirnames, filenames, pat, this.breaks_off(twins))
            expected = answer_or_error(lambda: reference.matches(*given))  # noqa: B023
            with at_most(this.handles):
                odd = twins.odd_path(dirpath, twins.readable)
                answer = answer_or_error(
                    lambda: pattern.matches((odd, dirnames, filenames))  # noqa: B023
                )
            note(f"matches {odd} {pat}: {answer}, expected {expected}")
            if isinstance(expected, OSError):
                assert isinstance(answer, OSError)
                assert answer.errno == expected.errno or "broken" in this.quirks
            else:
                assert answer is expected


@share(0.3)
@given(this=served())
def compare_on_fuse(mount: fuse.Mount, this: Served) -> None:
    world, quirks, page = this.case.world, this.quirks, this.page
    usual = quirks & {"eio"}
    short = usual | {"short"} if "broken" in quirks else usual
    with (
        mount.served(world, quirks, page) as odd,
        mount.served(world, usual, 0) as whole,
        mount.served(world, short, page) as readable,
    ):
        twins = Twins(odd, whole, readable)
        loops = reference.walk(os.fspath(whole / "src"), follow_links=True).errors
        if any(item.errno == errno.ELOOP for item in loops):
            # os.walk does not end on a loop, nor soon does what only counts links.
            this = this._replace(case=replace(this.case, follow_links=False))
        compare_scan_of(twins, this)
        compare_walks_of(twins, this)
        compare_matches_of(twins, this)


@pytest.mark.linux("FUSE as Linux has it")
def test_awkward_file_systems() -> None:
    """With ``HYPOTHESIS_PROFILE=long`` and ``--timeout 0`` for some minutes."""
    fuse.call(compare_on_fuse, seconds(100))


# memory:// ---------------------------------------------------------------------------------


@st.composite
def memory_cases(draw: Any) -> Any:
    """A tree that a store can hold, patterns near it, exclude rules and a depth."""
    spec = draw(strategies.directories(strategies.memory_names, special=False))
    return (
        spec,
        draw(strategies.named_patterns(spec, spec, "src")),
        draw(strategies.exclude_rules(spec)),
        draw(st.sampled_from([None, None, 0, 1, 2])),
    )


def relative_rows(results: Any, source: Any, patterns: Any) -> Any:
    """(path below the source, which object), sorted."""
    index = {id(pattern): i for i, pattern in enumerate(patterns)}
    kind, top = type(source), source.path
    rows = []
    for result in results:
        path = result.source.path
        assert type(result) is pathvein.ScanResult
        assert type(result.source) is kind
        assert path.startswith(top)
        below = path[len(top) :]
        rows.append((below.removeprefix("/"), index[id(result.pattern)]))
    return sorted(rows)


def compare_memory(value: Tree, pats: list[Pat], exclude: Any, max_depth: Any) -> None:
    """scan, iscan, walk_python and pattern.matches of a tree in memory."""
    pytest.importorskip("upath")
    expected = expected_rows(
        reference.scan_tree(value, "src", pats, exclude=exclude, max_depth=max_depth), pats
    )
    patterns = make_patterns(pats)
    options = {"exclude": exclude, "max_depth": max_depth}
    with in_memory(value) as source:
        found = pathvein.scan(source, patterns, on_error="raise", **options)
        assert relative_rows(found, source, patterns) == expected
        with pathvein.iscan(source, patterns, on_error="raise", **options) as stream:
            assert relative_rows(stream, source, patterns) == expected
        by_url = pathvein.scan(str(source), patterns, on_error="raise", **options)
        assert relative_rows(by_url, source, patterns) == expected

        rows = []
        dirpath: Any
        for dirpath, dirnames, filenames in pathvein.walk_python(source):
            assert type(dirpath) is type(source)
            below = dirpath.path[len(source.path) :].removeprefix("/")
            rows.append((below, sorted(dirnames), sorted(filenames)))
            part = value
            for name in filter(None, below.split("/")):
                part = part.dirs[name]
            for pat, pattern in zip(pats, patterns, strict=False):
                answer = pattern.matches((dirpath, list(part.dirs), list(part.files)))
                assert answer is reference.matches_tree(part, dirpath.name, pat)
        assert sorted(rows) == reference.walk_tree(value)


@given(memory_cases())
def test_memory(case: Any) -> None:
    spec, pats, exclude, max_depth = case
    compare_memory(as_value(spec), pats, exclude, max_depth)


@pytest.mark.parametrize("depth", [None, 0, 1])
def test_a_name_that_is_file_and_directory_at_once(depth: Any) -> None:
    both = Tree({"a": Tree({"b": Tree({}, ("c",))}, ("b",))}, ("a", "c"))
    pats = [
        Pat("*", ("a",), (Pat("a"),)),
        Pat("*", ("b",), (Pat("b", ("c",)),)),
        Pat("b"),
        Pat("*", ("a",), (Pat("a", ("b",), (Pat("b", ("c",)),)),)),
    ]
    compare_memory(both, pats, [], depth)
    compare_memory(both, pats, ["a/"], depth)


# Walks -------------------------------------------------------------------------------------


def walk_rows(rows: Any) -> Any:
    """Rows in a fixed order; order has no meaning."""
    rows = list(rows)
    for dirpath, dirnames, filenames in rows:
        assert type(dirpath) is str
        assert type(dirnames) is list
        assert type(filenames) is list
    return sorted((d, sorted(below), sorted(files)) for d, below, files in rows)


def compare_walk(path: Any, follow_links: Any) -> None:
    """walk_parallel and its twin against os.walk, paths as they were given."""
    expected = walk_rows(os.walk(path, followlinks=follow_links))
    rows = pathvein.walk_parallel(path, follow_links=follow_links)
    assert isinstance(rows, list)
    assert walk_rows(rows) == expected
    assert walk_rows(pathvein.iwalk_parallel(path, follow_links=follow_links)) == expected
    prefix = os.path.join(os.fspath(path), "")
    for depth in (0, 1):
        near = [row for row in expected if _depth_below(prefix, row[0]) <= depth]
        some = pathvein.walk_parallel(path, depth, follow_links)
        assert walk_rows(some) == near


def _depth_below(prefix: Any, path: Any) -> Any:
    below = os.path.join(path, "")[len(prefix) :]
    return below.count("/")


@share(0.7)
@given(strategies.worlds(), st.booleans(), st.sampled_from(["absolute", "slash", "path"]))
def test_walk_parallel(world: Dir, follow_links: Any, given_as: Any) -> None:
    with built(world, fast=True) as top:
        source = top / "src"
        if follow_links and reference.walk(os.fspath(source), follow_links=True).errors:
            follow_links = False  # os.walk would not end on a loop
        path = {"absolute": str(source), "slash": f"{source}/", "path": source}[given_as]
        compare_walk(path, follow_links)


@pytest.mark.parametrize("path", [".", "..", "./", "d0", "d0/", "./d0", "d0/../d0", "link", ""])
def test_walk_parallel_begins_with_the_path_as_given(
    make: Make, monkeypatch: pytest.MonkeyPatch, path: Any
) -> None:
    top = make(Dir({"in": Dir({"d0": Dir({"d1": Dir({"f": File()})})})}))
    os.symlink("d0", top / "in/link")
    monkeypatch.chdir(top / "in")
    if path:
        compare_walk(path, False)
    else:
        with pytest.raises(FileNotFoundError):
            pathvein.walk_parallel(path)


def test_walk_parallel_of_a_source_that_is_none(make: Make) -> None:
    top = make(Dir({"f": File()}))
    for walk in (pathvein.walk_parallel, lambda p: list(pathvein.iwalk_parallel(p))):
        with pytest.raises(FileNotFoundError) as caught:
            walk(top / "missing")
        assert caught.value.filename == str(top / "missing")
        with pytest.raises(NotADirectoryError):
            walk(top / "f")
