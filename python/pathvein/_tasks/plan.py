"""What all tasks of a scan need, made once and sent with each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pathvein.pattern import FileStructurePattern


class Parts(NamedTuple):
    """A plan taken apart, in the worker."""

    #: The module whose `open_worker(parts)` makes what the tasks run in.
    module: str
    #: The absolute path of a local source, with its links resolved; else the URL.
    source: str
    #: The distinct patterns, in their order: the numbers in outcomes are those of these.
    patterns: list[FileStructurePattern]
    #: The options of the scan that tasks need: values that can be pickled. Rules of `exclude` are
    #: those that the caller gave.
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
        """A plan of these parts. Raises `TypeError` if one of them cannot be pickled."""
        raise NotImplementedError

    def parts(self) -> Parts:
        """Take it apart, in a worker of the same version."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<Plan {self.digest.hex()[:8]} of pathvein {self.version}>"
