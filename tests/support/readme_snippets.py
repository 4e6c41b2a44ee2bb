"""What a Markdown file shows, and running it.

``python readme_snippets.py README.md`` runs the ```python blocks, in order, as one program,
in the current directory, which should hold a copy of the examples. Where a ```text block
follows one, at once or after the word "prints", that is what it must print. `run` can run the
```console blocks between them, too.
"""

import contextlib
import io
import re
import subprocess
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


def run(path: Path, *, shell: bool = False) -> int:
    """Runs the Python blocks in one namespace and returns how many there were.

    With `shell` the console blocks are run where they stand, each command by a bash of its own:
    together with what it says on standard error, it must give the lines that are shown, in
    whatever order, and succeed, unless the next command asks for the status. The current
    directory is shown as /home/you.
    """
    markdown = path.read_text(encoding="utf-8")
    shown = {block.line: block for block in blocks(markdown)}
    expected = {block.line: output for block, output in snippets(markdown, "python")}
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, block in shown.items():
        if block.language == "python":
            output = io.StringIO()
            # Padded, so that a traceback names the line of the file.
            code = compile("\n" * (line - 1) + block.text, path, "exec")
            with contextlib.redirect_stdout(output):
                exec(code, namespace)
            assert expected[line] is None or output.getvalue() == expected[line], (
                f"{path}:{line} prints {output.getvalue()!r}"
            )
        elif block.language == "console" and shell:
            _session(path, commands(f"{chr(10) * (line - 2)}```console\n{block.text}```\n"))
    return len(expected)


def _session(path: Path, session: list[Command]) -> None:
    status = 0
    for number, (line, command, expected) in enumerate(session):
        done = subprocess.run(
            ["bash", "-c", f"(exit {status})\n{command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        output = done.stdout.replace(f"{Path.cwd()}/", "/home/you/")
        assert sorted(output.splitlines()) == sorted(expected.splitlines()), (
            f"{path}:{line} {command}\n{output}"
        )
        status = done.returncode
        asked = session[number + 1 :][:1]
        assert status == 0 or (asked and asked[0].command == "echo $?"), (
            f"{path}:{line} {command} has the status {status}"
        )


if __name__ == "__main__":
    count = run(Path(sys.argv[1]))
    if count == 0:
        sys.exit(f"{sys.argv[1]}: no ```python block")
    print(f"{sys.argv[1]}: {count} Python snippets ran")
