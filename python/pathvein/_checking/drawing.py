"""An explanation as a tree: as text, in notebooks, and by Rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pathvein._checking.texts import (
    head,
    is_too_many,
    kind_of,
    names,
    reason,
    text_of,
)
from pathvein._drawn import guides_of
from pathvein._visible import visible, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from rich.text import Text

    from pathvein._types import Any
    from pathvein.checking import Explanation, Finding

    class Line(NamedTuple):
        """An entry of the tree."""

        depth: int
        state: str
        text: str
        note: str
        has_more: bool

else:
    from pathvein._types import NamedTuple

    class Line(NamedTuple):
        """An entry of the tree."""

        depth: int
        state: str
        text: str
        note: str
        has_more: bool


__all__ = ["answer", "drawn", "html_of", "rich_of"]

#: The signs of the states, which tell them apart without colours, and for terminals that show
#: ASCII only.
_SIGNS = {"met": "✓", "missing": "✗", "unknown": "?", "absent": "·", "error": "!"}
_ASCII_SIGNS = {"met": "+", "missing": "x", "unknown": "?", "absent": "-", "error": "!"}
#: In HTML, readable on white and on black, and by Rich.
_STYLES = {
    "met": ("color:#2f9e44", "green"),
    "missing": ("color:#dc4c4c;font-weight:bold", "bold red"),
    "unknown": ("color:#b0672a;font-weight:bold", "bold yellow"),
    "absent": ("color:#888", "dim"),
    "error": ("color:#b0672a", "yellow"),
    "mark": ("color:#888", "dim"),
    # Names that are written from right to left do not turn what is around them.
    "note": ("color:#888;unicode-bidi:isolate", "dim"),
    "text": ("unicode-bidi:isolate", ""),
}
#: Lines that are drawn of one explanation, and errors. (A pattern that holds another twice, and
#: that another twice, would be drawn for ever.)
_MOST_LINES = 2_000
_MOST_ERRORS = 10
#: Levels that are drawn side by side. Of a deeper one the number of those to its left is told.
_MOST_LEVELS = 8
_ANSWERS = {"met": "complete", "missing": "not complete", "unknown": "cannot be told"}


def answer(explanation: Explanation[Any]) -> str:
    """The answer in words."""
    return _ANSWERS[_state(explanation)]


def drawn(explanation: Explanation[Any], width: int = 80, *, ascii_only: bool = False) -> str:
    """The tree as text, in lines of at most `width` columns, unless that is very narrow."""
    parts = _parts(explanation, width, ascii_only)
    return "".join(part for _, part in parts)


def html_of(explanation: Explanation[Any]) -> str:
    """The tree as HTML."""
    from html import escape

    def span(kind: str, part: str) -> str:
        return f'<span style="{_STYLES[kind][0]}">{escape(part)}</span>'

    shown = "".join(span(*part) for part in _parts(explanation, 100, False))
    return f'<pre style="line-height:1.3">{shown}</pre>'


def rich_of(explanation: Explanation[Any], *, width: int, ascii_only: bool) -> Text:
    """The tree for Rich."""
    from rich.text import Text

    parts = _parts(explanation, width, ascii_only)
    shown = ((part, _STYLES[kind][1]) for kind, part in parts)
    return Text.assemble(*shown, overflow="fold")


def _state(explanation: Explanation[Any]) -> str:
    states = {finding.state for finding in explanation.findings}
    return next((state for state in ("missing", "unknown") if state in states), "met")


def _lines(explanation: Explanation[Any]) -> Iterator[Line]:
    """The entries of the tree, from top to bottom."""
    name = visible(str(explanation.source))
    state = _state(explanation)
    yield Line(0, state, name, _ANSWERS[state], bool(explanation.findings))
    # Not by recursion, since patterns nest deep. Each: what is left of one level, and its depth.
    left = [(iter(explanation.findings), 1)]
    count = 0
    while left:
        findings, depth = left[-1]
        finding = next(findings, None)
        if finding is None:
            left.pop()
            continue
        count += 1
        if count > _MOST_LINES:
            yield Line(depth, "error", "and more, which is not shown", "", False)
            break
        text, note = _entry(finding)
        yield Line(depth, finding.state, visible(text), visible(note), bool(finding.inside))
        if finding.inside:
            left.append((iter(finding.inside), depth + 1))
    for error in explanation.errors[:_MOST_ERRORS]:
        yield Line(0, "error", visible(str(error)), "", False)
    if len(explanation.errors) > _MOST_ERRORS:
        more = f"and {len(explanation.errors) - _MOST_ERRORS:,} more errors"
        yield Line(0, "error", more, "", False)


def _entry(finding: Finding) -> tuple[str, str]:
    """What is asked for, and what became of it."""
    place, requirement, closest = finding.place, finding.requirement, finding.closest
    text = head(place, requirement) if finding.inside else text_of(place, requirement)
    notes = []
    if closest.count:
        found = names(closest.found, closest.count)
        if kind_of(place) == "directory_name":
            # That of the root of a file system, a bucket or an archive is empty.
            notes.append(f"the name is {found}" if any(closest.found) else "it has no name")
        elif finding.state != "met" and not is_too_many(place, requirement, closest.count):
            notes.append(f"{closest.count:,} there: {found}")
        elif text.removesuffix("/") != found:
            notes.append(found)
    if closest.reason == "name":
        directory = f"{closest.path}/"
        if text == directory:
            notes += ["it is empty"] * closest.is_empty
        elif finding.state != "met":
            notes.append(f"closest is {directory}{', which is empty' * closest.is_empty}")
        elif closest.count > 1:
            notes.append(f"below is {directory}")
    elif closest.reason is not None:
        notes.append(reason(closest))
    if finding.state == "unknown" and not notes:
        notes.append("not all could be read")
    return text, "; ".join(notes)


def _parts(
    explanation: Explanation[Any], columns: int, ascii_only: bool
) -> Iterator[tuple[str, str]]:
    """The parts of all lines, each of a kind, with lines that lead to them."""
    lines = list(_lines(explanation))
    signs = _ASCII_SIGNS if ascii_only else _SIGNS
    down = "|" if ascii_only else "│"
    strokes = "||`-" if ascii_only else "│├└─"
    guides = guides_of([line.depth for line in lines], *strokes)
    for number, (line, guide) in enumerate(zip(lines, guides, strict=True)):
        if number:
            yield "text", "\n"
        hidden = max(line.depth - _MOST_LEVELS, 0)
        guide = guide[4 * hidden :]
        yield "mark", f"+{hidden:<3}{guide}" if hidden else guide
        yield line.state, f"{signs[line.state]} "
        # What stands below the guide and the sign if the text takes several lines.
        below = guide[:-4] + (f"{down}   " if guide[-4:-3] in ("├", "|") else "    ")
        below = (" " * 4 if hidden else "") + (below if guide else "")
        below += f"{down} " if line.has_more else "  "
        room = max(columns - width(below), 20)
        text_rows = _rows(line.text + ":" * bool(line.note), room)
        for index, row in enumerate(text_rows):
            if index:
                yield "mark", f"\n{below}"
            yield "text", row
        if line.note:
            rows = _rows(line.note, room, width(text_rows[-1]) + 1)
            if rows[0]:
                yield "text", " "
            for index, row in enumerate(rows):
                if index:
                    yield "mark", f"\n{below}"
                yield "note", row


def _rows(text: str, room: int, used: int = 0) -> Sequence[str]:
    """A text in rows of at most `room` columns, `used` of which are taken in the first."""
    rows: list[str] = []
    row, taken, is_begun = "", used, False
    for word in text.split(" "):
        blank = " " if is_begun else ""
        if taken + len(blank) + width(word) <= room:
            row += blank + word
            taken += len(blank) + width(word)
            is_begun = True
            continue
        if is_begun or used:
            rows.append(row)
            used = 0
        row, taken, is_begun = "", 0, True
        for char in word:
            columns = width(char)
            if taken + columns > room:
                rows.append(row)
                row, taken = "", 0
            row += char
            taken += columns
    return [*rows, row]
