"""Key streams: scans of sorted keys as a column and as text."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from driver import patterns
from driver.contestants import HEADINGS, Contestant, measure, row
from driver.places import PYTHON
from driver.report import Bar, Table

from .settings import Settings

_SCRIPT = Path(__file__).with_name("on_keys.py")
_KEYS = 20_000_000
_COLUMN, _OBJECTS = "Arrow column, in order", "list of str, in order"
_SORTED = "Arrow column, sorted first"
_PATTERN = {
    "directory_name": "run_*",
    "directories": [{"directory_name": "data", "files": ["*.parquet"]}],
}


def keys(settings: Settings) -> Table:
    """20,000,000 sorted keys: scan_keys of an Arrow column, and of what is not as quick"""
    count = settings.size(_KEYS, 1000)
    looked_for = patterns.write(settings.scratch / "keys.jsonl", [_PATTERN])

    def contestant(name: str, what: str, number: int) -> Contestant:
        command = [PYTHON, _SCRIPT, looked_for, what, number]
        return Contestant(name, command, counts="keys" if number == count else "")

    measured = measure(
        [
            contestant(_COLUMN, "column", count),
            contestant(_OBJECTS, "objects", max(count // 10, 1000)),
            contestant(_SORTED, "sorted", max(count // 10, 1000)),
        ],
        settings.rounds,
    )
    # By processor time: what one core does, whatever else the machine is at.
    rate = count / median(measured[0].cpu) / 1e6
    bar = Bar("keys of a column, a second of one core", rate, 8, at_least=True, unit=" million")
    notes = [f"{_OBJECTS}, {_SORTED}: of a tenth of the keys."]
    title = f"{count:,} sorted keys, 100 to a match"
    return Table(title, HEADINGS, [row(one) for one in measured], notes, [bar])
