"""On every store: random trees against the reference, and against the same tree on the disk."""

from __future__ import annotations

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import pathvein
import reference
from cloud import Case, at, below, cases, rows, walked
from compare import by_index, expected_rows, make_patterns
from profiles import share
from servers import BY_OBSTORE, KEY_STORES, STORES
from servers.store import Store
from trees import Dir, built

pytestmark = [
    pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented"),
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
]


def compare(store: Store, case: Case, by_url: bool) -> list[tuple[str, int]]:
    """scan or iscan, walk_python and pattern.matches; gives what the scan found."""
    expected = expected_rows(
        reference.scan_tree(case.value, "src", case.patterns, **case.options), case.patterns
    )
    patterns = make_patterns(case.patterns)
    with store.tree(case.value) as place:
        source = place.upath
        note(f"reference: {expected}, {source!r}")
        if by_url:
            options = {**case.options, "storage_options": place.options}
            with pathvein.iscan(place.url, patterns, on_error="raise", **options) as stream:
                found = rows(stream, source, patterns)
                assert stream.stats.matches == len(expected)
                assert stream.stats.errors == 0
        else:
            results = pathvein.scan(source, patterns, on_error="raise", **case.options)
            found = rows(results, source, patterns)
        assert found == expected

        assert walked(source) == reference.walk_tree(case.value)
        # A directory and a pattern that asks for something inside, as far as there are such.
        dirpath, dirnames, filenames = max(
            pathvein.walk_python(source), key=lambda row: len(row[1]) + len(row[2])
        )
        part = at(case.value, below(dirpath, source))
        name = dirpath.path.rstrip("/").rpartition("/")[2]
        some = max(range(len(patterns)), key=lambda i: len(case.patterns[i].dirs))
        answer = patterns[some].matches((dirpath, dirnames, filenames))
        assert answer is reference.matches_tree(part, name, case.patterns[some])
    return found


@pytest.mark.parametrize("store", [*STORES, *BY_OBSTORE, "s3-versitygw by obstore"], indirect=True)
def test_random_trees(store: Store) -> None:
    @share(store.share * 0.7)
    @given(cases(store, twins=False), st.booleans())
    def run(case: Case, by_url: bool) -> None:
        found = compare(store, case, by_url)
        with built(Dir({"src": case.spec}), fast=True) as top:
            patterns = make_patterns(case.patterns)
            local = pathvein.scan(top / "src", patterns, on_error="raise", **case.options)
            prefix = f"{top}/src"
            assert found == [
                (path.removeprefix(prefix).strip("/"), i) for path, i in by_index(local, patterns)
            ]

    run()


@pytest.mark.parametrize("store", [*KEY_STORES, *BY_OBSTORE, "zip", "tar"], indirect=True)
def test_random_trees_where_a_name_is_file_and_directory(store: Store) -> None:
    @share(store.share / 2)
    @given(cases(store, twins=True))
    def run(case: Case) -> None:
        compare(store, case, by_url=False)

    run()
