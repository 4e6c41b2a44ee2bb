"""A pattern as a coloured tree: in notebooks, and by Rich.

Both are made of the pattern's text, one line an entry. Neither IPython nor Rich is imported for it,
unless Rich asks.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

__all__ = ["html_of", "tree_of"]

#: What parts of a line look like: in HTML, readable on white and on black, and by Rich.
_STYLES = {
    "directory": ("color:#3b82f6;font-weight:bold", "bold blue"),
    "forbidden": ("color:#dc4c4c", "red"),
    "word": ("color:#b0672a", "yellow"),
    "mark": ("color:#888", "dim"),
    "name": ("", ""),
}

#: What may stand in front of a name.
_WORD = re.compile(r"(?:nothing else(?=\s*(?:,|}|$))|(?:no|optional|\d+(?:\+|-\d+)?)(?= +[^\s,|}]))")
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

    lines = list(_lines(text))
    shown = []
    guides = _guides([depth for depth, _ in lines])
    for (_, parts), before in zip(lines, guides, strict=True):
        row = _span("mark", before) if before else ""
        shown.append(row + "".join(_span(kind, escape(part)) for kind, part in parts))
    return '<pre style="line-height:1.3">' + "\n".join(shown) + "</pre>"


def _span(kind: str, shown: str) -> str:
    style = _STYLES.get(kind, ("", ""))[0]
    return f'<span style="{style}">{shown}</span>' if style else shown


def _guides(depths: list[int]) -> list[str]:
    """What is drawn in front of each line, as by ``tree``."""
    guides: list[str] = []
    #: Of each depth, whether an entry of the same directory follows below.
    follows: list[bool] = []
    for depth in reversed(depths):
        del follows[depth + 1 :]
        follows += [False] * (depth + 1 - len(follows))
        before = "".join("│   " if more else "    " for more in follows[1:depth])
        last = ("├── " if follows[depth] else "└── ") if depth else ""
        guides.append(before + last)
        follows[depth] = True
    return guides[::-1]


def tree_of(text: str) -> Tree:
    """The tree for Rich."""
    from rich.text import Text
    from rich.tree import Tree

    above: list[Tree] = []
    for depth, parts in _lines(text):
        label = Text.assemble(*((part, _STYLES.get(kind, ("", ""))[1]) for kind, part in parts))
        del above[depth:]
        if above:
            above.append(above[-1].add(label))
        else:
            above.append(Tree(label, guide_style="dim"))
    return above[0]
