"""On every store: random trees against the reference, and against the same tree on the disk."""

from __future__ import annotations

import pytest
from hypothesis import given, note

import pathvein
import reference
from cloud import Case, at, below, cases, rows, walked
from compare import by_index, expected_rows, make_patterns
from profiles import share
from servers import KEY_STORES, STORES
from servers.store import Store
from trees import Dir, built

pytestmark = [
    pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented"),
]


def compare(store: Store, case: Case) -> None:
    """scan, iscan, walk_python and pattern.matches; by UPath and by URL."""
    expected = expected_rows(
        reference.scan_tree(case.value, "src", case.patterns, **case.options), case.patterns
    )
    patterns = make_patterns(case.patterns)
    with store.tree(case.value) as place:
        source = place.upath
        note(f"reference: {expected}, {source!r}")
        found = pathvein.scan(source, patterns, on_error="raise", **case.options)
        assert rows(found, source, patterns) == expected
        options = {**case.options, "storage_options": place.options}
        with pathvein.iscan(place.url, patterns, on_error="raise", **options) as stream:
            assert rows(stream, source, patterns) == expected
            assert stream.stats.matches == len(expected)
            assert stream.stats.errors == 0

        assert walked(source) == reference.walk_tree(case.value)
        # One that asks for something inside, as far as there is one.
        some = max(range(len(patterns)), key=lambda i: len(case.patterns[i].dirs))
        for dirpath, dirnames, filenames in list(pathvein.walk_python(source))[:3]:
            part = at(case.value, below(dirpath, source))
            name = dirpath.path.rstrip("/").rpartition("/")[2]
            answer = patterns[some].matches((dirpath, dirnames, filenames))
            assert answer is reference.matches_tree(part, name, case.patterns[some])


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_random_trees(store: Store) -> None:
    @share(0.1)
    @given(cases(store, twins=False))
    def run(case: Case) -> None:
        compare(store, case)
        with built(Dir({"src": case.spec}), fast=True) as top, store.tree(case.value) as place:
            patterns = make_patterns(case.patterns)
            local = pathvein.scan(top / "src", patterns, on_error="raise", **case.options)
            remote = pathvein.scan(place.upath, patterns, on_error="raise", **case.options)
            found = rows(remote, place.upath, patterns)
            prefix = f"{top}/src"
            assert found == [
                (path.removeprefix(prefix).strip("/"), i) for path, i in by_index(local, patterns)
            ]

    run()


@pytest.mark.parametrize("store", [*KEY_STORES, "zip", "tar"], indirect=True)
def test_random_trees_where_a_name_is_file_and_directory(store: Store) -> None:
    @share(0.05)
    @given(cases(store, twins=True))
    def run(case: Case) -> None:
        compare(store, case)

    run()
