"""A contestant of `driver.contestants`: scans of keys that are in memory.

    python on_keys.py PATTERNS KIND KEYS

`KIND` is `column` (an Arrow array), `objects` (a list of `str`) or `sorted` (an Arrow array of
which nobody knows that it is in order).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# It is run by its path.
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy
import pyarrow
import pyarrow.compute

import pathvein
from driver.served import load, rounds

#: Keys of a run.
_RUN = 100


def _column(count: int) -> Any:
    """Sorted keys, each in a run of a project."""
    compute = pyarrow.compute

    def padded(numbers: Any, width: int) -> Any:
        texts = pyarrow.array(numbers).cast(pyarrow.large_string())
        return compute.utf8_lpad(texts, width, "0")

    places = numpy.arange(count)
    project, run = padded(places // _RUN // 1000, 3), padded(places // _RUN, 6)
    file = padded(places % _RUN, 4)
    parts = ["lab/project_", project, "/run_", run, "/data/part-", file, ".parquet", ""]
    text = pyarrow.large_string()
    return compute.binary_join_element_wise(
        *(pyarrow.scalar(part, text) if isinstance(part, str) else part for part in parts)
    )


def main(patterns: str, kind: str, keys: str) -> None:
    """Do the rounds."""
    (pattern,), count = load(patterns), int(keys)
    column = _column(count)
    given = column.to_pylist() if kind == "objects" else column

    def do(first: Callable[[], object]) -> tuple[dict[str, Any], object]:
        found = pathvein.scan_keys(given, pattern, in_order=kind != "sorted")
        assert len(found) == -(-count // _RUN)
        return {"keys": count}, found

    rounds(do)


if __name__ == "__main__":
    main(*sys.argv[1:])
