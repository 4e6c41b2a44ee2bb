"""All that README.md shows is as it says: patterns, Python, Rust, commands and links."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import readme_snippets
from pathvein import FileStructurePattern
from readme_snippets import Command

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Where the README says that the checkout is.
CHECKOUT = "/home/you/pathvein"
BLOB = "https://github.com/alexjbuck/pathvein/blob/main/"
#: Its pages are those of docs.
SITE = "https://alexjbuck.github.io/pathvein/latest/"
#: For pictures.
RAW = "https://raw.githubusercontent.com/alexjbuck/pathvein/main/"

#: Each kind of block, and whether this file runs or checks it.
KINDS = {"python", "rust", "console", "text"}


def test_every_block_is_of_a_kind_that_is_run() -> None:
    assert {block.language for block in readme_snippets.blocks(README)} == KINDS
    shown = [
        text for kind in ("python", "rust") for _, text in readme_snippets.snippets(README, kind)
    ]
    texts = [block for block in readme_snippets.blocks(README) if block.language == "text"]
    # The first is the pattern.
    assert len(texts) == 1 + sum(text is not None for text in shown)


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    # What is put there is gone afterwards.
    memory = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem
    monkeypatch.setattr(memory, "store", {})
    monkeypatch.setattr(memory, "pseudo_dirs", [""])
    assert readme_snippets.run(ROOT / "README.md") >= 2


def test_python_that_prints_something_else_is_found(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("```python\nprint(1)\n```\n\nprints\n\n```text\n2\n```\n")
    with pytest.raises(AssertionError, match=r"README.md:2 prints '1\\n'"):
        readme_snippets.run(file)


def test_rust_is_the_example() -> None:
    """Which is compiled, linted and, as a command of the README, run."""
    sources = [path.read_text() for path in (ROOT / "crates/core/examples").glob("*.rs")]
    for block, _ in readme_snippets.snippets(README, "rust"):
        assert any(source.endswith(f"\n\n{block.text}") for source in sources), block.line


COMMANDS = readme_snippets.commands(README)
#: It has a test of its own.
DEMO = "scripts/demo"
#: It is what runs this.
TEST = "scripts/test"


def test_commands_are_found() -> None:
    assert {DEMO, TEST} <= {command.command for command in COMMANDS}
    assert os.access(ROOT / TEST, os.X_OK)
    assert sum(bool(command.output) for command in COMMANDS) >= 4


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.command not in (DEMO, TEST)], ids=lambda c: c.command
)
def test_command(command: Command) -> None:
    """It succeeds, and gives the lines that are shown, in whatever order."""
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=170,
    )
    assert result.returncode == 0
    if command.output:
        output = result.stdout.replace(f"{ROOT.resolve()}/", f"{CHECKOUT}/")
        assert sorted(output.splitlines()) == sorted(command.output.splitlines())


@pytest.mark.alone  # it sets up: the binding is written anew where all others import it from
def test_demo_says_what_to_type_next() -> None:
    """Its last part is commands, which work as they stand; and it shows what it found."""
    demo = subprocess.run([ROOT / DEMO], cwd="/", capture_output=True, text=True, timeout=170)
    assert demo.returncode == 0, demo.stderr
    assert f"{ROOT.resolve()}/examples/lab/microscope/run_001\n" in demo.stdout
    # Of these some are not opened, as it is on most file systems, and then there are less entries.
    told = r"^4 matches, 17 directories( \(\d not opened\))?, [23]\d entries, .*\d s$"
    assert re.search(told, demo.stdout, re.MULTILINE), demo.stdout
    assert re.search(r"^[\d,]{2,} matches, [\d,]+ directories", demo.stdout, re.MULTILINE)
    _, next_up = demo.stdout.split("== What to type next\n")
    suggested = re.findall(r"^    (\S.*)$", next_up, re.MULTILINE)
    assert len(suggested) >= 3
    for command in suggested:
        result = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert (result.returncode, command) == (0, command)
        assert result.stdout, command
        assert "Error" not in result.stderr, command


def test_pattern_is_that_of_the_examples() -> None:
    first = next(block for block in readme_snippets.blocks(README) if block.language == "text")
    assert first.text == (ROOT / "examples/patterns/run.txt").read_text()


def test_pattern_on_one_line_is_one() -> None:
    [text] = re.findall(r"`(run_\*/\{[^`]*\})`", README)
    assert FileStructurePattern.from_text(text).validate() == []


def test_patterns_of_the_examples_have_no_problems() -> None:
    patterns = sorted((ROOT / "examples/patterns").iterdir())
    assert len(patterns) == 3
    for path in patterns:
        assert FileStructurePattern.load(path).validate() == []


def test_files_that_are_named_exist() -> None:
    """On PyPI only whole URLs lead anywhere. What is online is what docs holds."""
    links = re.findall(r"\]\(([^)]*)\)", README)
    assert links
    for link in links:
        assert link.startswith("https://"), link
        name, _, heading = link.partition("#")
        if name.startswith(SITE):
            file = ROOT / "docs" / f"{name.removeprefix(SITE).removesuffix('/')}.md"
        elif name.startswith((BLOB, RAW)):
            file = ROOT / name.removeprefix(BLOB).removeprefix(RAW)
        else:
            continue
        assert file.exists(), link
        # On the site, only the address with the slash is that of a page.
        assert not name.startswith(SITE) or name.endswith("/"), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [title.lower().replace(" ", "-") for title in titles], link
    for name in re.findall(r"`((?:scripts|examples|crates)/\S+)`", README):
        assert (ROOT / name).exists(), name


def test_blocks_are_found_with_their_lines() -> None:
    text = """a
```python
x = 1

y
```
```console
$ z
1
2
$ cd
```
1. b

   ```python
   if x:
       z
   ```
   prints

   ```text
   3
   ```
"""
    assert [
        (block.line, block.text, output)
        for block, output in readme_snippets.snippets(text, "python")
    ] == [(3, "x = 1\n\ny\n", None), (16, "if x:\n    z\n", "3\n")]
    assert readme_snippets.commands(text) == [Command(8, "z", "1\n2\n"), Command(11, "cd", "")]


def test_commands_and_python_run_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    text = """
```console
$ printf '2\\n1\\n' >x
$ cat x
1
2
$ test -e y
$ echo $?
1
```
```python
from pathlib import Path
Path("x").write_text("3\\n")
```
```console
$ tail -n 1 x
3
```
"""
    page.write_text(text)
    assert readme_snippets.run(page, shell=True) == 1
    for old, new, message in [
        ("x\n3\n", "x\n4\n", r"page.md:16 tail -n 1 x\n3"),
        ("$ echo $?\n1\n", "", r"page.md:7 test -e y has the status 1"),
    ]:
        page.write_text(text.replace(old, new))
        with pytest.raises(AssertionError, match=message):
            readme_snippets.run(page, shell=True)
