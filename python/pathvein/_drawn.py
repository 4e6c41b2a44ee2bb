"""A pattern as a coloured tree: in notebooks, and by Rich.

Both are made of the pattern's text, one line an entry. Neither IPython nor Rich is imported for it,
unless Rich asks.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

__all__ = ["guides_of", "html_of", "rich_of"]

#: What parts of a line look like: in HTML, readable on white and on black, and by Rich.
_STYLES = {
    "directory": ("color:#3b82f6;font-weight:bold", "bold blue"),
    "forbidden": ("color:#dc4c4c", "red"),
    "word": ("color:#b0672a", "yellow"),
    "mark": ("color:#888", "dim"),
    "name": ("", ""),
}

#: What may stand in front of a name.
_WORD = re.compile(
    r"nothing\ else(?=\s*(?:,|}|$)) | (?:no|optional|\d+(?:\+|-\d+)?)(?=\ +[^\s,|}])", re.VERBOSE
)
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    | (?P<mark>[,|{}/])
    | (?P<name> (?:regex:)? (?:"(?:[^"\\]|\\.)*" | '[^']*')
      | (?: \[!?\]?[^\]]*\] | [^,|{}/] )+? (?=\s*(?:[,|{}/]|$)) )""",
    re.VERBOSE,
)
_INDENT = 4


def _lines(text: str) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Of each line: how deep it is, and its parts, each of a kind."""
    for line in text.split("\n"):
        entry = line.lstrip(" ")
        yield (len(line) - len(entry)) // _INDENT, _parts(entry)


def _parts(entry: str) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    at, begins = 0, True
    while at < len(entry):
        found = (_WORD.match(entry, at) if begins else None) or _TOKEN.match(entry, at)
        if not found:
            parts.append(("name", entry[at:]))
            break
        kind = found.lastgroup or ("forbidden" if found[0].startswith("no") else "word")
        if found[0] == "/" and parts and parts[-1][0] == "name":
            parts[-1] = "directory", f"{parts[-1][1]}/"
        else:
            parts.append((kind, found[0]))
        # A word stands in front of an entry only.
        begins = found[0] in ("{", ",") or (begins and kind == "blank")
        at = found.end()
    return parts


def html_of(text: str) -> str:
    """The tree as HTML."""
    from html import escape

    def span(kind: str, part: str) -> str:
        style = _STYLES.get(kind, ("", ""))[0]
        return f'<span style="{style}">{escape(part)}</span>' if style else escape(part)

    shown = "".join(span(kind, part) for kind, part in _drawn(text, "│├└─"))
    return f'<pre style="line-height:1.3">{shown}</pre>'


def rich_of(text: str, *, ascii_only: bool) -> Text:
    """The tree for Rich."""
    from rich.text import Text

    parts = _drawn(text, "||`-" if ascii_only else "│├└─")
    # Not a `rich.tree.Tree`, which leaves out what is as deep as a line is wide.
    shown = ((part, _STYLES.get(kind, ("", ""))[1]) for kind, part in parts)
    return Text.assemble(*shown, overflow="fold")


def _drawn(text: str, strokes: str) -> Iterator[tuple[str, str]]:
    """The parts of all lines, each of a kind, with lines that lead to them."""
    lines = list(_lines(text))
    guides = guides_of([depth for depth, _ in lines], *strokes)
    for number, ((_, parts), before) in enumerate(zip(lines, guides, strict=True)):
        if number:
            yield "blank", "\n"
        if before:
            yield "mark", before
        yield from parts


def guides_of(depths: list[int], down: str, branch: str, last: str, dash: str) -> list[str]:
    """What is drawn in front of each line, as by ``tree``."""
    guides: list[str] = []
    # Of each depth, whether an entry of the same directory follows below.
    follows: list[bool] = []
    for depth in reversed(depths):
        del follows[depth + 1 :]
        follows += [False] * (depth + 1 - len(follows))
        before = "".join(f"{down}   " if more else "    " for more in follows[1:depth])
        stroke = f"{branch if follows[depth] else last}{dash}{dash} "
        guides.append(before + stroke if depth else "")
        follows[depth] = True
    return guides[::-1]
