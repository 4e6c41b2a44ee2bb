"""What pathvein writes on a terminal, as the SVGs in docs/pictures that Rich makes of it.

Commands run on a terminal of their own, on the examples of the documentation. The lines are short
enough to be read on a telephone.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html import escape
from io import StringIO
from pathlib import Path
from typing import IO, NamedTuple

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from cli_process import terminal

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
_EXAMPLES = ROOT / "examples"

_COLUMNS = 58
#: Dark, so that it needs no other on a light page: background, text, and the eight colours.
_THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        (72, 79, 88),
        (255, 123, 114),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (230, 237, 243),
    ],
)
#: Rich's own has fonts that a reader's browser would load from elsewhere.
_SVG = """\
<svg role="img" viewBox="0 0 {{width}} {{height}}" xmlns="http://www.w3.org/2000/svg">
<title>{title}</title>
<style>
.{{unique_id}}-matrix {{{{
    font: {{char_height}}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    white-space: pre;
}}}}
{{styles}}
</style>
<defs>
<clipPath id="{{unique_id}}-clip-terminal">
<rect x="0" y="0" width="{{terminal_width}}" height="{{terminal_height}}"/>
</clipPath>
{{lines}}
</defs>
{{chrome}}
<g transform="translate({{terminal_x}}, {{terminal_y}})"
    clip-path="url(#{{unique_id}}-clip-terminal)">
{{backgrounds}}
<g class="{{unique_id}}-matrix">
{{matrix}}
</g>
</g>
</svg>
"""

#: pathvein, with the clock of its line of progress held after a second, and the counts told once,
#: at the end: at any other moment they are others each time.
_HELD = """
import itertools, types
from pathvein import _stream
from pathvein.cli import _output, main
_stream._PROGRESS_INTERVAL = 600.0
seconds = itertools.chain([0.0], itertools.repeat(1.0))
_output.time = types.SimpleNamespace(monotonic=lambda: next(seconds))
main()
"""


class Drawing(NamedTuple):
    """A picture of a terminal."""

    name: str
    title: str
    #: As it is typed, with the prompt, and what is written below it, with its colours.
    typed: str
    written: str

    def svg(self) -> str:
        """The picture, in the same bytes each time."""
        console = Console(record=True, width=_COLUMNS, file=StringIO(), color_system="truecolor")
        console.print(Text(self.typed), Text.from_ansi(self.written), sep="\n")
        svg = console.export_svg(
            title="",
            theme=_THEME,
            unique_id=self.name,
            code_format=_SVG.format(title=escape(self.title)),
        )
        return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def drawings(folder: Path) -> list[Drawing]:
    """All of them, made in a folder that is empty."""
    return [_pattern(), _explanation(folder / "explain"), _progress(folder / "progress")]


def text_of(svg: str) -> list[str]:
    """The lines that a picture shows."""
    lines: dict[float, str] = {}
    for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        y = float(element.attrib["y"])
        lines[y] = lines.get(y, "") + (element.text or "").replace("\N{NO-BREAK SPACE}", " ")
    return [lines[y].rstrip() for y in sorted(lines)]


def _pattern() -> Drawing:
    """The pattern of the README, as Rich prints it."""
    code = [
        "from pathvein import FileStructurePattern",
        "from rich import print",
        'print(FileStructurePattern.load("run.txt"))',
    ]
    written = _on_terminal([sys.executable, "-c", "\n".join(code)], _EXAMPLES / "patterns")
    typed = "\n".join(f">>> {line}" for line in code)
    return Drawing("pattern", "A pattern as Rich prints it: a tree", typed, written)


def _explanation(folder: Path) -> Drawing:
    """A run of docs/checking.md, as it is explained there."""
    example = _EXAMPLES / "checking" / "sequencing"
    folder.mkdir()
    make = [_EXAMPLES / "checking" / "make-tree", example / "tree.txt", folder / "runs"]
    subprocess.run(["sh", *make], check=True)
    shutil.copy(example / "pattern.txt", folder / "run.txt")
    command = ["explain", "runs/250304_M00123_0104_000000000-KEFGH", "-p", "run.txt"]
    written = _on_terminal([sys.executable, "-m", "pathvein", *command], folder)
    typed = f"$ pathvein {shlex.join(command)}"
    return Drawing("explain", "What pathvein explain writes", typed, written)


def _progress(folder: Path) -> Drawing:
    """The line of progress, as it is before the end of a scan erases it."""
    for number in range(190):
        run = folder / "lab" / f"day_{number // 30}" / f"run_{number % 30:02}"
        (run / "data").mkdir(parents=True)
        for name in ("config.json", "image.csv", "data/image.parquet"):
            (run / name).touch()
    shutil.copy(_EXAMPLES / "patterns" / "run.txt", folder)
    command = ["scan", "lab", "-p", "run.txt"]
    with (folder / "found.txt").open("wb") as found:
        written = _on_terminal([sys.executable, "-c", _HELD, *command], folder, stdout=found)
    # Each is written over the one before, the last one with blanks.
    line = [part for part in written.split("\r") if part.strip()][-1]
    typed = f"$ pathvein {shlex.join(command)} > found.txt"
    return Drawing("progress", "The line of progress of a scan", typed, line)


def _on_terminal(command: list[str], folder: Path, *, stdout: IO[bytes] | None = None) -> str:
    """What a command writes to a terminal."""
    import termios  # which Windows does not have

    # Nothing that is set here and not elsewhere.
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with terminal() as shown:
        termios.tcsetwinsize(shown.end, (40, _COLUMNS))
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout or shown.end,
            stderr=shown.end,
        ) as process:
            while process.poll() is None:
                # Before the terminal is full, when the command would wait.
                shown.read_soon()
        return shown.read_rest().decode().replace("\r\n", "\n").removesuffix("\n")
