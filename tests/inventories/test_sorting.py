"""Keys sorted on disk."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_to_bytes

import pyarrow
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathvein._arguments import memory_in_bytes
from pathvein._inventories.sorting import sorted_batches
from pathvein._inventories.tables import decoded
from profiles import share

KINDS = [pyarrow.binary(), pyarrow.large_binary()]


@given(st.lists(st.lists(st.binary(max_size=9)), max_size=4), st.sampled_from(KINDS))
@share(1 / 8)
def test_any_bytes_are_sorted(batches: list[list[bytes]], kind: pyarrow.DataType) -> None:
    arrays = [pyarrow.array(batch, kind) for batch in batches]
    found = [key for array in sorted_batches(arrays) for key in array.to_pylist()]
    assert found == sorted(key for batch in batches for key in batch)


def _many(stopped: threading.Event | None = None) -> Iterator[pyarrow.Array]:
    """More than fits in the memory that the tests give."""
    for number in range(20):
        if stopped is not None and number == 10:
            stopped.set()
        keys = [f"lab/run_{key * 7919 % 20011:08d}/{number:03d}-data.csv" for key in range(20011)]
        yield pyarrow.array(keys, pyarrow.string())


def test_more_than_fits_in_memory(tmp_path: Path) -> None:
    last, count, folders = b"", 0, []
    for array in sorted_batches(_many(), memory_limit="20MB", temporary_directory=tmp_path):
        folders += [folder for folder in tmp_path.iterdir() if list(folder.iterdir())]
        keys = array.to_pylist()
        assert last < keys[0]
        assert keys == sorted(set(keys))
        last, count = keys[-1], count + len(keys)
    assert count == 20 * 20011
    assert folders, "nothing went to the disk, which the test is about"
    assert os.listdir(tmp_path) == []


def test_what_the_batches_raise_is_raised(tmp_path: Path) -> None:
    def broken() -> Iterator[pyarrow.Array]:
        yield pyarrow.array(["b"])
        raise ZeroDivisionError("as it is")

    with pytest.raises(ZeroDivisionError, match="as it is"):
        list(sorted_batches(broken(), temporary_directory=tmp_path))
    with pytest.raises(ValueError, match="null"):
        list(sorted_batches([pyarrow.array(["a", None])], temporary_directory=tmp_path))
    assert os.listdir(tmp_path) == []


def test_interrupted_by_another_thread(tmp_path: Path) -> None:
    begun = threading.Event()
    batches = sorted_batches(_many(begun), temporary_directory=tmp_path)

    def interrupt() -> None:
        begun.wait(60)
        batches.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(InterruptedError):
        next(batches)
    thread.join()
    assert os.listdir(tmp_path) == []


def test_ctrl_c_while_duckdb_sorts(tmp_path: Path) -> None:
    main, arrays = threading.get_ident(), list(_many())

    def keys() -> Iterator[pyarrow.Array]:
        yield from arrays * 4
        # All were taken: what follows is DuckDB's.
        threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGINT)).start()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        batches = sorted_batches(keys(), memory_limit="60MB", temporary_directory=tmp_path)
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012  # later, if it was faster
            next(batches)
            time.sleep(60)
    finally:
        signal.signal(signal.SIGINT, before)
    batches.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [(7, 7), ("1GB", 10**9), ("1.5 MiB", 3 << 19), (" 2k ", 2000), ("512m", 512 * 10**6)],
)
def test_memory_limits(text: int | str, count: int) -> None:
    assert memory_in_bytes(text) == count


texts = st.lists(st.text(st.sampled_from("a%+ \n/25A0é𝄞&"), max_size=6), min_size=1, max_size=6)


@given(texts, st.sampled_from([quote, quote_plus]))
@example(["%0A", "%25", "a\n%0A"], quote_plus)
@share(1 / 2)
def test_keys_are_decoded(keys: list[str], encode: object) -> None:
    encoded = pyarrow.array([encode(key).encode() for key in keys], pyarrow.binary())  # type: ignore[operator]
    assert decoded(encoded).to_pylist() == [key.encode() for key in keys]


@given(st.lists(st.text(st.sampled_from("a%+250A\n"), max_size=8).map(str.encode), max_size=5))
@share(1 / 2)
def test_whatever_is_no_escape_stands_for_itself(keys: list[bytes]) -> None:
    expected = [unquote_to_bytes(key.replace(b"+", b" ")) for key in keys]
    assert decoded(pyarrow.array(keys, pyarrow.binary())).to_pylist() == expected
