"""Scans of stores by tasks: the answers and the errors of one process, whatever becomes of tasks."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("s3fs")

from hypothesis import given, note
from hypothesis import strategies as st

import pathvein
import reference
from cloud import Case, cases, rows
from compare import expected_rows, make_patterns
from executors import Unruly
from profiles import share
from servers.store import Store

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
    # What is given up in the middle leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("store", ["stub", "memory", "zip", "gcs by obstore"], indirect=True)
def test_random_trees(store: Store) -> None:
    @share(0.3)
    @given(cases(store, twins=False), st.integers(0, 999), st.booleans())
    def run(case: Case, seed: int, outermost: bool) -> None:
        patterns = make_patterns(case.patterns)
        options = {**case.options, "outermost": outermost, "on_error": "raise"}
        with store.tree(case.value) as place:
            source = place.upath
            alone = rows(pathvein.scan(source, patterns, **options), source, patterns)
            if not outermost:
                answer = reference.scan_tree(case.value, "src", case.patterns, **case.options)
                assert alone == expected_rows(answer, case.patterns)
            executor = Unruly(random.Random(seed))
            try:
                shared = pathvein.scan(source, patterns, executor=executor, **options)
            finally:
                executor.shutdown()
            note(f"{executor.count} tasks")
            assert rows(shared, source, patterns) == alone

    run()
