"""Whether what a check tells is what the reference tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import check_reference
from check_reference import Checked, Lack
from pats import Node, Pat

#: Reasons of the closest sub-directory, which is the only one that may be told.
_EXACT = ("name", "link", "not entered", "unreadable")


def compare_results(
    results: Iterable[Any],
    expected: list[Checked],
    pats: list[Pat],
    patterns: list[Any],
    path_of: Any = str,
    *,
    in_order: bool = True,
) -> None:
    """Hold results against the reference's; ``patterns`` are the objects that were passed.

    ``path_of`` gives a result's source as the reference names it. ``in_order``: each directory was
    listed to its end before anything else was asked, so the nearest name is known.
    """
    first: dict[Pat, Any] = {}
    for pat, pattern in zip(pats, patterns, strict=True):
        first.setdefault(pat, pattern)
    wanted = {(this.path, id(first[this.pattern])): this for this in expected}
    got = {}
    for result in results:
        key = (path_of(result.source), id(result.pattern))
        assert key not in got, f"told twice: {result}"
        got[key] = result
    assert got.keys() == wanted.keys(), (
        f"more: {[got[key] for key in got.keys() - wanted.keys()]} "
        f"less: {[told(wanted[key]) for key in wanted.keys() - got.keys()]}"
    )
    for key, result in got.items():
        this = wanted[key]
        where = f"{this.path!r}, {this.pattern}: {result}, expected {told(this)}"
        assert result.complete is (not result.missing and not result.unknown), where
        for lacks, missing in ((this.missing, result.missing), (this.unknown, result.unknown)):
            _compare(missing, lacks, this.node, this.above, result.pattern, in_order, where)


def told(this: Checked) -> str:
    """The reference's answer in a line."""
    return f"{this.path!r} missing {_shown(this.missing)} unknown {_shown(this.unknown)}"


def _shown(lacks: tuple[Lack, ...]) -> str:
    return ", ".join(
        f"{lack.place} {lack.found} {lack.reason} {lack.path} "
        f"[{_shown(lack.missing)}; {_shown(lack.unknown)}]"
        for lack in lacks
    )


def _compare(
    missing: tuple[Any, ...],
    lacks: tuple[Lack, ...],
    node: Node,
    above: Node | None,
    pattern: Any,
    in_order: bool,
    where: str,
) -> None:
    assert [this.place for this in missing] == [lack.place for lack in lacks], where
    for this, lack in zip(missing, lacks, strict=True):
        at = f"{this.place} of {where}"
        asked = getattr(pattern, lack.item.key)
        requirement = asked if lack.item.number is None else asked[lack.item.number]
        assert this.requirement == requirement, at
        closest = this.closest
        if closest is None:
            assert not lack.found, at
            assert lack.reason is None or not (in_order or lack.reason in _EXACT), at
            continue
        assert closest.found == lack.found[:10], at
        assert closest.count == len(lack.found), at
        assert closest.found or closest.reason is not None, at
        problem = check_reference.untruth(node, above, lack.item, closest.reason, closest.path)
        assert problem is None, f"{problem}: {at}"
        if in_order or lack.reason in _EXACT:
            assert (closest.reason, closest.path) == (lack.reason, lack.path), at
        if lack.alternative is None:
            inside = (closest.pattern, closest.missing, closest.unknown, closest.is_empty)
            assert inside == (None, (), (), False), at
            continue
        what = getattr(requirement, "directory", requirement)
        against = what[lack.alternative] if isinstance(what, tuple) else what
        assert closest.pattern == against, at
        assert closest.is_empty is lack.is_empty, at
        child = next(child for child in node.dirs if child.name == lack.path)
        _compare(closest.missing, lack.missing, child, node, against, in_order, at)
        _compare(closest.unknown, lack.unknown, child, node, against, in_order, at)
