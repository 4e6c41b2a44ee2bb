"""Keys of random trees, in any order and form, against the reference and the scan of the tree."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from compare import expected_rows, make_patterns
from pathvein import check, check_keys, iscan_keys, scan, scan_keys
from pathvein._keys import sorting
from profiles import share
from strategies import Case, cases
from trees import Dir, Entry, File, Link, as_value, built


def keys_of(tree: reference.Tree, prefix: str = "") -> list[str]:
    """A key for each file, and for each directory one that ends in a slash."""
    keys = [prefix + name for name in tree.files]
    for name, below in tree.dirs.items():
        keys += [f"{prefix}{name}/", *keys_of(below, f"{prefix}{name}/")]
    return keys


def as_printed(tree: reference.Tree, prefix: str = "") -> list[str]:
    """The same as ``find`` prints it, but that empty directories have a slash."""
    keys = [prefix + name for name in tree.files]
    for name, below in tree.dirs.items():
        inside = as_printed(below, f"{prefix}{name}/")
        keys += [f"{prefix}{name}" if inside else f"{prefix}{name}/", *inside]
    return keys


def in_form(keys: list[bytes], form: str) -> Any:
    """Keys as an argument."""
    match form:
        case "bytes":
            return keys
        case "text":
            return map(os.fsdecode, keys)
        case "mixed":
            return (os.fsdecode(key) if index % 2 else key for index, key in enumerate(keys))
        case "binary":
            # Cut anywhere, so that no offset begins at zero.
            whole = pyarrow.array([b"cut off", *keys], pyarrow.binary())
            return pyarrow.chunked_array([whole[1:2], whole[2:]]) if keys else whole[1:]
        case "large_binary" | "binary_view":
            return pyarrow.array(keys, getattr(pyarrow, form)())
        case "dictionary":
            return pyarrow.array(keys, pyarrow.large_binary()).dictionary_encode()
    raise ValueError(form)


FORMS = ("bytes", "text", "mixed", "binary", "large_binary", "binary_view", "dictionary")


def without_links(spec: Dir) -> Dir:
    """The tree of what ``find`` tells apart."""

    def kept(entry: Entry) -> Entry:
        return without_links(entry) if isinstance(entry, Dir) else entry

    return Dir({n: kept(e) for n, e in spec.entries.items() if not isinstance(e, Link)})


@given(
    case=cases(),
    front=st.sampled_from(["", "./", "/", "././"]),
    form=st.sampled_from(FORMS),
    implied=st.booleans(),
    order=st.sampled_from(["sorted", "shuffled", "on disk"]),
    seed=st.integers(0, 99),
)
def test_keys_of_a_random_tree(
    case: Case, front: str, form: str, implied: bool, order: str, seed: int
) -> None:
    source = case.world.entries["src"]
    assert isinstance(source, Dir)
    value = as_value(source)
    keys = [os.fsencode(front + key) for key in (as_printed if implied else keys_of)(value)]
    dice = random.Random(seed)
    keys += dice.sample(keys, len(keys) // 3) + ([os.fsencode(front)] if front else [])
    dice.shuffle(keys)
    if order == "sorted":
        keys.sort()
    # The root has no name, and a source that is not given has none.
    name = "" if front == "/" else "src"
    expected = reference.scan_tree(
        value, name, case.patterns, exclude=case.exclude, max_depth=case.max_depth
    )
    patterns = make_patterns(case.patterns)
    kept = sorting._MOST_KEYS
    sorting._MOST_KEYS = 3 if order == "on disk" and seed % 5 == 0 else kept
    try:
        found = scan_keys(
            in_form(keys, form),
            patterns,
            source="/" if front == "/" else "some/src",
            in_order=order == "sorted",
            implied=implied,
            exclude=case.exclude,
            max_depth=case.max_depth,
        )
    finally:
        sorting._MOST_KEYS = kept
    top = Path("/" if front == "/" else "some/src")
    index = {id(pattern): number for number, pattern in enumerate(patterns)}
    rows = sorted((os.fspath(path), index[id(pattern)]) for path, pattern in found)
    rels = {(os.fspath(top / rel), pat) for rel, pat in expected}
    assert rows == expected_rows(rels, case.patterns)


@share(0.2)
@given(case=cases(), outermost=st.booleans())
def test_what_find_prints_of_a_random_tree(case: Case, outermost: bool) -> None:
    world = without_links(case.world)
    with built(world, fast=True) as top:
        source = top / "src"
        patterns = make_patterns(case.patterns)
        options: dict[str, Any] = {"max_depth": case.max_depth, "outermost": outermost}
        line = ["find", ".", "-type", "d", "-printf", r"%p/\0", "-o", "-printf", r"%p\0"]
        printed = subprocess.check_output(line, cwd=source).split(b"\0")[:-1]
        found = scan_keys(printed, patterns, source=source, implied=True, **options)
        assert found == scan(source, patterns, **options)
        checked = check_keys(printed, patterns, source=source, implied=True, **options)
        expected = check(source, patterns, **options)
        # Two may come equally close: which is told may depend on the order.
        assert sorted(map(_told, checked)) == sorted(map(_told, expected))


def _told(result: Any) -> tuple[str, str, list[str], list[str]]:
    missing = [missing.place for missing in result.missing]
    return str(result.source), repr(result.pattern), missing, [one.place for one in result.unknown]


@given(keys=st.lists(st.text("abc\xe9", min_size=1, max_size=4), max_size=6))
def test_the_first_key_out_of_order(keys: list[str]) -> None:
    keys.sort(key=len)
    raw = [key.encode() for key in keys]
    wrong = next((i for i in range(1, len(raw)) if raw[i] < raw[i - 1]), None)
    with iscan_keys(keys, [], in_order=True) as results:
        if wrong is None:
            assert list(results) == []
        else:
            with pytest.raises(ValueError, match="out of order") as raised:
                next(results)
            told = str(raised.value)
            assert told.startswith(f'key "{keys[wrong]}": out of order: it is number {wrong + 1},')
            assert told.endswith(f'behind "{keys[wrong - 1]}", number {wrong}')


def test_the_reference_has_the_keys_it_should() -> None:
    value = as_value(Dir({"a": Dir({"b": File()}), "c": Dir()}))
    assert keys_of(value) == ["a/", "a/b", "c/"]
    assert as_printed(value) == ["a", "a/b", "c/"]
