"""Random trees, patterns and options: every front end gives what the reference gives."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import pathvein
import reference
import strategies
from compare import by_index, expected_rows, items, make_pattern, make_patterns
from profiles import share
from reference import Pat, Tree
from trees import Dir, File, Make, as_value, built, in_memory, run_unprivileged


def within(tally: reference.Tally, least: reference.Tally, most: reference.Tally) -> bool:
    """Whether a tally lies between two, its errors as multisets."""
    few, some, all_ = Counter(least.errors), Counter(tally.errors), Counter(most.errors)
    counts = zip(least[1:], tally[1:], most[1:], strict=False)
    return few <= some <= all_ and all(low <= count <= high for low, count, high in counts)


def compare_scan(case: strategies.Case) -> None:
    """scan and iscan against the reference, results, errors and counts."""
    with built(case.world, fast=True) as top:
        source = top / "src"
        answer = reference.scan(source, case.patterns, **case.options)
        expected = expected_rows(answer.found, case.patterns)
        patterns = make_patterns(case.patterns)
        options = {**case.options, "threads": case.threads}
        note(f"reference: {expected} {answer.least} {answer.most}")

        def too_much(stats: pathvein.Stats) -> None:
            # A scan that goes round in circles has to fail here and not to hang the run.
            assert stats.directories <= answer.most.directories

        options["progress"] = too_much
        errors: list[OSError] = []
        results = pathvein.scan(source, patterns, on_error=errors.append, **options)
        assert isinstance(results, set)
        assert by_index(results, patterns) == expected

        with pathvein.iscan(source, patterns, on_error="ignore", **options) as stream:
            assert by_index(stream, patterns) == expected
            stats = stream.stats
            assert items(stream.errors) == items(errors)
        assert stats.matches == len(expected)
        assert stats.errors == len(errors)
        assert stats.hidden_by_links == answer.hidden_by_links
        tally = reference.Tally(
            items(errors), stats.directories, stats.entries, stats.links_not_followed
        )
        note(f"pathvein: {tally}")
        least, most = answer.least, answer.most
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


@share(1)
@given(strategies.cases(unreadable=True))
def compare_unprivileged(case: strategies.Case) -> None:
    compare_scan(case)


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
