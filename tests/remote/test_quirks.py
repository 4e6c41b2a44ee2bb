"""Stores that are not Amazon's: the right answer, or an error item, and never less without one.

Each quirk of `servers.quirks` alone and in pairs, by both listers, against the reference.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

pytest.importorskip("s3fs")
pytest.importorskip("obstore")

from pathvein._remote.stores import obstore
from profiles import thinned
from quirky_scans import GROUPS, PAGE, expected, scanned
from servers.quirks import HARMLESS, QUIRKS

pytestmark = pytest.mark.filterwarnings(
    # What is given up in the middle leaves its socket to the garbage collector.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

TREES = {
    "groups": GROUPS,
    "one directory": [
        *(f"run_00/f{f:04}" for f in range(550)), "run_00/config.json", "run_01/config.json"
    ],
    "many directories": [f"run_{r:04}/{f}" for r in range(300) for f in ("config.json", "x")],
}  # fmt: skip
LISTERS = ["fsspec", "obstore"]
KINDS = ["s3", "gcs", "azure"]


@pytest.fixture(autouse=True)
def _quick(s3_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # A page of the store is one of obstore's.
    monkeypatch.setattr(obstore.ObstoreStore, "page_size", PAGE)


#: The quirks that most depends on: each by each lister, with each other quirk, on each tree.
CORE = {
    *("skips after a start", "nothing after no key", "ignores a start", "token without effect"),
    "no token",
}


def cases(number: int, *, core: bool = False) -> list[Any]:
    """So many quirks at a time, of each store.

    Pairs are listed by one lister, in turn, but for those of the core. Those that Google's shares
    with S3 are left out, as obstore reads both in one way.
    """
    made = []
    turns = itertools.cycle(LISTERS)
    for kind in KINDS:
        mine = [name for name, kinds in QUIRKS.items() if kind in kinds.split()]
        for quirks in itertools.combinations(mine, number):
            if core and not set(quirks) <= CORE:
                continue
            shared = number > 0 and kind != "s3" and all("s3" in QUIRKS[name] for name in quirks)
            if shared and number == 2:
                continue
            both = not shared and (number < 2 or set(quirks) <= CORE)
            for lister in LISTERS if both else [next(turns)]:
                name = f"{kind}-{lister}-{'+'.join(quirks)}"
                made.append(pytest.param(kind, lister, quirks, id=name))
    return made


def check(kind: str, lister: str, keys: list[str], quirks: tuple[str, ...], **options: Any) -> Any:
    found, errors, stats, store = scanned(kind, lister, keys, quirks, **options)
    right = expected(keys, **options)
    assert set(found) <= set(right)
    assert found == right or errors, f"{len(found)} of {len(right)} without an error"
    if not set(quirks) - HARMLESS:
        assert not errors
    # (Listed by obstore, then by the file system, then by directories: 6 times. The planner's own
    # tests allow twice.)
    assert store.listings <= 8 * len(keys) / PAGE
    return stats, store


@pytest.mark.parametrize(("kind", "lister", "quirks"), [*cases(0), *cases(1)])
def test_a_quirk(kind: str, lister: str, quirks: tuple[str, ...]) -> None:
    check(kind, lister, GROUPS, quirks)


@pytest.mark.parametrize("tree", ["one directory", "many directories"])
@pytest.mark.parametrize(("kind", "lister", "quirks"), cases(1, core=True))
def test_a_quirk_and_other_trees(
    kind: str, lister: str, quirks: tuple[str, ...], tree: str
) -> None:
    check(kind, lister, TREES[tree], quirks)


@pytest.mark.parametrize(("kind", "lister", "quirks"), thinned(cases(1, core=True), 3))
def test_a_quirk_where_much_is_excluded(kind: str, lister: str, quirks: tuple[str, ...]) -> None:
    check(kind, lister, GROUPS, quirks, exclude=["g1*", "z?", "run_04"])


@pytest.mark.parametrize("lister", LISTERS)
@pytest.mark.parametrize("kind", ["s3", "gcs"])
def test_a_start_that_is_ignored_costs_no_more_than_twice(kind: str, lister: str) -> None:
    for quirk in ("ignores a start", "ignores what is no key"):
        _, store = check(kind, lister, GROUPS, (quirk,))
        assert store.listings <= 2 * len(GROUPS) / PAGE, quirk


@pytest.mark.parametrize(("kind", "lister", "quirks"), thinned(cases(2), 8))
def test_two_quirks(kind: str, lister: str, quirks: tuple[str, ...]) -> None:
    check(kind, lister, GROUPS, quirks)


@pytest.mark.parametrize("quirks", [(), ("no token",), ("no token", "nothing after a start")])
@pytest.mark.parametrize("number", [PAGE - 4, PAGE - 3, PAGE - 2, 4 * PAGE])
def test_pages_that_are_shorter_than_asked_for(number: int, quirks: tuple[str, ...]) -> None:
    """obstore does not tell that there is more, and no page is full."""
    keys = [f"run_{index:02}/config.json" for index in range(number)]
    found, errors, _, _ = scanned("s3", "obstore", keys, quirks, page_size=PAGE - 3)
    assert found == expected(keys) or (errors and quirks)
