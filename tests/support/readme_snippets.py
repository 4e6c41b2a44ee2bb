"""What a Markdown file shows, and running its Python.

``python readme_snippets.py README.md`` runs the ```python blocks, in order, as one program,
in the current directory, which should hold a copy of the examples. Where a ```text block
follows one, at once or after the word "prints", that is what it must print.
"""

import contextlib
import io
import re
import sys
from pathlib import Path
from typing import NamedTuple

# The fence may be indented, as in a list.
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    #: The number of its first line.
    line: int
    text: str
    #: What is between the block before and this one.
    before: str


class Command(NamedTuple):
    """A command of a ```console block, and the output that is shown."""

    line: int
    command: str
    output: str


def blocks(markdown: str) -> list[Block]:
    """All the fenced blocks."""
    found = []
    end = 0
    for block in _BLOCK.finditer(markdown):
        line = markdown.count("\n", 0, block.start(3)) + 1
        text = re.sub(rf"^{block[1]}", "", block[3], flags=re.MULTILINE)
        found.append(Block(block[2], line, text, markdown[end : block.start()].strip()))
        end = block.end()
    return found


def snippets(markdown: str, language: str) -> list[tuple[Block, str | None]]:
    """The blocks in a language, each with what it is said to print."""
    found = blocks(markdown)
    following = [*found, None][1:]
    return [
        (
            block,
            after.text
            if after and after.language == "text" and after.before in ("", "prints")
            else None,
        )
        for block, after in zip(found, following, strict=True)
        if block.language == language
    ]


def commands(markdown: str) -> list[Command]:
    """The commands of the ```console blocks: lines that begin with ``$``, and what follows."""
    found = []
    for block in blocks(markdown):
        if block.language == "console":
            first, *rest = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
            assert first == "", f"line {block.line}: a console block begins with $"
            line = block.line
            for part in rest:
                command, output = part.split("\n", 1)
                found.append(Command(line, command, output))
                line += part.count("\n")
    return found


def run(path: Path) -> int:
    """Runs the Python blocks in one namespace and returns how many there were."""
    found = snippets(path.read_text(encoding="utf-8"), "python")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block, expected in found:
        output = io.StringIO()
        # Padded, so that a traceback names the line of the file.
        code = compile("\n" * (block.line - 1) + block.text, path, "exec")
        with contextlib.redirect_stdout(output):
            exec(code, namespace)
        assert expected is None or output.getvalue() == expected, (
            f"{path}:{block.line} prints {output.getvalue()!r}"
        )
    return len(found)


if __name__ == "__main__":
    count = run(Path(sys.argv[1]))
    if count == 0:
        sys.exit(f"{sys.argv[1]}: no ```python block")
    print(f"{sys.argv[1]}: {count} Python snippets ran")
