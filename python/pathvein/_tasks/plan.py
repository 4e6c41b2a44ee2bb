"""What all tasks of a scan need, made once and sent with each of them."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import pathvein_core

from pathvein.pattern import FileStructurePattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Parts(NamedTuple):
    """A plan taken apart, in the worker."""

    #: The module whose `open_worker(parts)` makes what the tasks run in.
    module: str
    #: The absolute path of a local source, with its links resolved; else the URL.
    source: str
    #: The distinct patterns, in their order: the numbers in outcomes are those of these.
    patterns: list[FileStructurePattern]
    #: The options of the scan that tasks need: values that can be pickled.
    options: dict[str, Any]
    #: What the caller gave, and nothing else: no credentials that were found in the environment.
    storage_options: dict[str, Any]


class Plan:
    """What all tasks of a scan need. Its `repr` shows none of it.

    It travels as bytes, so that it is pickled once, and taken apart only in a worker of the same
    version.
    """

    __slots__ = ("digest", "packed", "version")

    def __init__(self, version: str, digest: bytes, packed: bytes) -> None:
        #: That of the caller's pathvein.
        self.version = version
        #: Of `packed`: equal plans are one.
        self.digest = digest
        self.packed = packed

    @classmethod
    def of(
        cls,
        module: str,
        source: str,
        patterns: Sequence[FileStructurePattern],
        options: Mapping[str, Any],
        storage_options: Mapping[str, Any] | None = None,
    ) -> Plan:
        """A plan of these parts. Raises `TypeError` for storage options that cannot be pickled."""
        # Without their classes, which may be the caller's own, and unknown to workers.
        rows = [pattern.__reduce__()[1][0] for pattern in patterns]
        given = dict(storage_options or {})
        packed = pickle.dumps((module, source, rows, dict(options), _packed_options(given)))
        digest = hashlib.sha256(packed).digest()
        return cls(pathvein_core.__version__, digest, packed)

    def parts(self) -> Parts:
        """Take it apart, in a worker of the same version."""
        module, source, rows, options, given = pickle.loads(self.packed)
        rebuild: Any = FileStructurePattern._rebuild  # type: ignore[attr-defined]
        patterns = [rebuild(one) for one in rows]
        return Parts(module, source, patterns, options, pickle.loads(given))

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (self.version, self.digest, self.packed)

    def __repr__(self) -> str:
        return f"<Plan {self.digest.hex()[:8]} of pathvein {self.version}>"


def _packed_options(options: dict[str, Any]) -> bytes:
    """Storage options as bytes. What is told of one that cannot be pickled is its name alone."""
    try:
        return pickle.dumps(options)
    except Exception:
        for name, value in options.items():
            try:
                pickle.dumps(value)
            except Exception:
                kind = type(value).__name__
                text = f"storage_options[{name!r}] cannot be sent to workers: {kind} has no pickle"
                raise TypeError(text) from None
        raise
