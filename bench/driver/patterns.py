"""The patterns that are looked for in trees of laboratory runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Node = dict[str, Any]


def run() -> Node:
    """A complete run: three nodes, one inside the other."""
    raw = {"directory_name": "raw", "files": ["*.bin"]}
    data = {"directory_name": "data", "files": ["*.parquet"], "directories": [raw]}
    return {"directory_name": "run_*", "files": ["config.json", "*.csv"], "directories": [data]}


def logs() -> Node:
    """The logs of a run. With `run`, every directory of a run that has none in it is asked for."""
    return {"directory_name": "logs", "files": ["*.log"]}


def with_file(name: str) -> Node:
    """Every directory with a file of this name."""
    return {"directory_name": "*", "files": [name]}


def everything() -> Node:
    """Every directory, whatever it is called."""
    return {"directory_name": "*"}


def lacking() -> Node:
    """Of the large trees, every directory is a candidate that lacks three things; where there is
    but one directory, that one."""
    inside = {"directory_name": "data", "files": ["*.parquet"]}
    files = ["config.json", {"name": "*.csv", "min": 3}]
    return {"directory_name": "[df]*", "files": files, "directories": [inside]}


def projects() -> dict[str, Node]:
    """A project, by how it is known."""
    by_file: Node = {"directory_name": "*", "files": ["pyproject.toml"]}
    return {"by a file": by_file, "by a directory": {**by_file, "directories": ["src"]}}


def many(count: int) -> list[Node]:
    """So many patterns of three nodes each, all different.

    Every tenth finds complete runs, those of two last digits. Of the others a quarter are
    candidates at every run, a quarter at one run in a hundred, a quarter at every directory and
    a quarter nowhere; none has a sub-pattern in common with another.
    """
    names = ["run_*", "run_*{digits:02}", "*", "experiment_{number}_*"]
    patterns = []
    for number in range(count):
        if number % 10 == 0:
            patterns.append({**run(), "directory_name": f"run_*{number // 10 % 100:02}"})
            continue
        raw = {"directory_name": "raw", "files": [f"detector_{number % 8}.*", f"*_{number}.dat"]}
        data = {
            "directory_name": "data*",
            "files": ["*.parquet", f"part-{number:04}.*"],
            "directories": [raw],
        }
        name = names[number % 4].format(digits=number // 4 % 100, number=number)
        ending = ["csv", "md", "yaml", "json", "txt"][number % 5]
        files = [f"*.{ending}", f"*_{number}.h5", "config.json"][: 1 + number % 3]
        patterns.append({"directory_name": name, "files": files, "directories": [data]})
    return patterns


def write(path: Path, patterns: list[Node]) -> Path:
    """One on each line."""
    path.write_text("".join(json.dumps(pattern) + "\n" for pattern in patterns))
    return path


def as_text(pattern: Node) -> Node:
    """As 0.9.0 reads it: what is nested is JSON text in a string."""
    below = [json.dumps(as_text(sub)) for sub in pattern.get("directories", [])]
    return {**pattern, "directories": below}
