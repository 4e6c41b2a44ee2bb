"""What a Markdown file shows, and running it.

``python readme_snippets.py README.md`` runs the ```python blocks, in order, as one program,
in the current directory, which should hold a copy of the examples. Where a ```text block
follows one, at once or after the word "prints", that is what it must print. `run` can run the
```console blocks between them, too. A block that is to be saved as a file is written there, and
not run.
"""

import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

# The fence may be indented, as in a list.
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
#: What is said in front of a block that is a file's: "Save this as `run.txt`:".
_SAVED = re.compile(r"\bthis as\s+`([\w.-]+)`:$")


class Block(NamedTuple):
    """A fenced block."""

    language: str
    #: The number of its first line.
    line: int
    text: str
    #: What is between the block before and this one.
    before: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is to be saved as."""
        saved = _SAVED.search(self.before)
        return saved[1] if saved else None


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


def run(
    path: Path,
    *,
    shell: bool = False,
    left_out: Collection[str] = (),
    stand_ins: Mapping[str, str] | None = None,
    home: str = "/home/you/",
) -> int:
    """Runs the Python blocks in one namespace and returns how many there were.

    With `shell` the console blocks are run where they stand, each command by a bash of its own:
    together with what it says on standard error, it must give the lines that are shown, in
    whatever order, and succeed, unless the next command asks for the status. The current
    directory is shown as `home`.

    What is in `left_out` is not run: commands, and Python blocks by their first line, which must
    still compile. `stand_ins` are texts that another takes the place of while it runs, such as
    the name of a host that nobody has.
    """
    stand_ins = stand_ins or {}
    markdown = path.read_text(encoding="utf-8")
    expected = {block.line: output for block, output in snippets(markdown, "python")}
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(markdown):
        line, text = block.line, block.text
        for shown, real in stand_ins.items():
            text = text.replace(shown, real)
        if block.file:
            Path(block.file).write_text(text, encoding="utf-8")
        elif block.language == "python":
            output = io.StringIO()
            # Padded, so that a traceback names the line of the file.
            code = compile("\n" * (line - 1) + text, path, "exec")
            if block.text.partition("\n")[0] in left_out:
                continue
            with contextlib.redirect_stdout(output):
                exec(code, namespace)
            printed = _as_shown(output.getvalue(), stand_ins, home)
            assert expected[line] is None or printed == expected[line], (
                f"{path}:{line} prints {printed!r}"
            )
        elif block.language == "console" and shell:
            session = [
                command
                for command in commands(f"{chr(10) * (line - 2)}```console\n{block.text}```\n")
                if command.command not in left_out
            ]
            _session(path, session, stand_ins, home)
    return len(expected)


def _as_shown(output: str, stand_ins: Mapping[str, str], home: str) -> str:
    output = output.replace(f"{Path.cwd()}/", home)
    for shown, real in stand_ins.items():
        output = output.replace(real, shown)
    return output


def _session(path: Path, session: list[Command], stand_ins: Mapping[str, str], home: str) -> None:
    status = 0
    for number, (line, command, expected) in enumerate(session):
        text = command
        for shown, real in stand_ins.items():
            text = text.replace(shown, real)
        done = subprocess.run(
            ["bash", "-c", f"(exit {status})\n{text}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=150,
        )
        output = _as_shown(done.stdout, stand_ins, home)
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
