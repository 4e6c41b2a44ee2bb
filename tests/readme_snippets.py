"""Runs the Python of a Markdown file: its ```python blocks, in order, as one program.

``python readme_snippets.py README.md`` runs it in the current directory, which
should hold a copy of the examples.
"""

import re
import sys
from pathlib import Path

# The fence may be indented, as in a list.
_BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def snippets(markdown: str) -> list[tuple[int, str]]:
    """The Python blocks, each with the number of its first line."""
    return [
        (
            markdown.count("\n", 0, block.start(2)) + 1,
            re.sub(rf"^{block[1]}", "", block[2], flags=re.MULTILINE),
        )
        for block in _BLOCK.finditer(markdown)
    ]


def run(path: Path) -> int:
    """Runs the blocks in one namespace and returns how many there were."""
    blocks = snippets(path.read_text(encoding="utf-8"))
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks:
        # Padded, so that a traceback names the line of the file.
        exec(compile("\n" * (line - 1) + code, path, "exec"), namespace)
    return len(blocks)


if __name__ == "__main__":
    count = run(Path(sys.argv[1]))
    if count == 0:
        sys.exit(f"{sys.argv[1]}: no ```python block")
    print(f"{sys.argv[1]}: {count} Python snippets ran")
