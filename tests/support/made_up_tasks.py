"""Tasks on a tree of numbers, in which nothing is read: for the engine that runs them.

A node is a path such as ``0/2/1``; `Made.width` and `Made.depth` say how many there are. A task
is some nodes to be visited, with all that is below them. What it has not visited by the end of its
budget it hands back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pathvein_core import Stats

from pathvein._tasks.plan import Parts, Plan

#: Nodes at which something happens in the worker, by what: an exception that is raised, or one
#: that is told of the node.
Odd = dict[str, BaseException]


def made_up_plan(**options: Any) -> Plan:
    """A plan whose tasks run here. See `open_worker` for the options."""
    return Plan.of(__name__, "made up", [], options)


class MadeUpDivision:
    """A `Division` of such a tree. A result is a node that was visited."""

    hidden_by_links = 3
    counts = 0, 0, 0

    def __init__(self, width: int, depth: int) -> None:
        self._width, self._depth = width, depth
        self._left: list[str] = ["0"]
        self._flying: dict[int, Sequence[str]] = {}
        self._next = 0
        self._found: list[str] = []
        self.matches = 0
        self.closed = 0
        self.given_up: list[str] = []

    @property
    def waiting(self) -> int:
        return len(self._left)

    def next_task(self, most: int) -> tuple[int, bytes] | None:
        assert most > 0
        roots, self._left = self._left[:most], self._left[most:]
        if not roots:
            return None
        self._next += 1
        self._flying[self._next] = roots
        told = {"roots": roots, "width": self._width, "depth": self._depth}
        return self._next, json.dumps(told).encode()

    def take(self, task: int, outcome: bytes) -> None:
        del self._flying[task]
        told = json.loads(outcome)
        self._found += told["visited"]
        self.matches += len(told["visited"])
        self._left += told["left"]

    def give_up(self, task: int) -> list[str]:
        roots = self._flying.pop(task)
        self.given_up += roots
        return list(roots)

    def found(self) -> list[Any]:
        found, self._found = self._found, []
        return found

    def errors(self) -> list[OSError]:
        return []

    def close(self) -> None:
        self.closed += 1


def open_worker(parts: Parts) -> _Worker:
    """Runs tasks. Its options: `odd`, and the `log` of a file in which each visit is noted."""
    return _Worker(**parts.options)


class _Worker:
    opened = 0

    def __init__(self, odd: Odd | None = None, raising: Odd | None = None) -> None:
        self._odd, self._raising = odd or {}, raising or {}
        type(self).opened += 1

    def run(
        self, description: bytes, seconds: float | None, directories: int | None
    ) -> tuple[bytes, list[OSError], Stats]:
        told = json.loads(description)
        left: list[str] = told["roots"]
        visited: list[str] = []
        errors: list[OSError] = []
        while left and (directories is None or len(visited) < directories):
            node = left.pop()
            if node in self._raising:
                raise self._raising[node]
            if node in self._odd:
                error = self._odd[node]
                assert isinstance(error, OSError)
                errors.append(error)
            visited.append(node)
            if node.count("/") < told["depth"]:
                left += [f"{node}/{index}" for index in range(told["width"])]
        outcome = json.dumps({"visited": visited, "left": left}).encode()
        counts = Stats(directories=len(visited), threads=len(visited) % 5)
        return outcome, errors, counts

    def close(self) -> None:
        """There is nothing to close."""
