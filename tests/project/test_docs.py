"""The documentation is true: its Python runs, and its tables say what happens."""

import ast
import contextlib
import doctest
import fnmatch
import importlib
import os
import pkgutil
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pathvein_core
import pytest
from pathvein_core import ExcludeRules

import page_stores
import pathvein
import readme_snippets
from pathvein import FileStructurePattern, PatternMatcher, load_patterns

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
SEMANTICS = ROOT / "docs" / "semantics.md"
EXAMPLES_IN_RUST = sorted((ROOT / "crates" / "core" / "examples").glob("*.rs"))
STUB = ROOT / "crates" / "py" / "pathvein_core.pyi"


BENCH = "scripts/bench --only compared-processes compared-calls --into docs/benchmarks.md"
CORE = "pathvein-core, the Rust crate: globs, patterns, the program, the local walk"
#: What is shown and not run, by the page and a whole command or a line of a block, and why not.
#: Python must compile all the same.
LEFT_OUT = {
    ("benchmarks.md", BENCH): "takes minutes; tests/project/test_bench.py runs it on small trees",
    ("architecture.md", f"crates/core     {CORE}"): "a list of directories",
    ("inventories.md", "pip install 'pathvein[inventory]'"): "installs a release",
    ("rust.md", "cargo add pathvein-core"): "installs a release",
    ("scaling.md", "pip install 'pathvein[dask]'"): "installs a release",
    ("scaling.md", "pathvein check --dask tcp://scheduler:8786 -p run.txt /lustre/lab"):
        "needs a cluster; test_real_executors.py has one on this machine",
    ("scaling.md", "from dask_jobqueue import SLURMCluster"): "needs SLURM",
    ("scaling.md", "#!/bin/sh"): "needs SLURM; its program is run by test_real_executors.py",
    ("semantics.md", "lab/"): "the tree that the Python below it makes",
    ("start.md", "pip install 'pathvein[cli,cloud]'"): "installs a release",
    ("start.md", "uv tool install 'pathvein[cli,cloud]'"): "installs a release",
    ("start.md", "uvx --from 'pathvein[cli,cloud]' pathvein scan --help"): "installs a release",
}  # fmt: skip
#: How a release is made takes an hour and accounts: docs/releasing.md is gone through by hand.
BY_HAND = {"releasing.md"}
#: Their programs are in the checkout, where cargo has built them.
IN_THE_CHECKOUT = {"rust.md"}


def left_out(path: Path) -> set[str]:
    return {what for page, what in LEFT_OUT if page == path.name}


@pytest.mark.parametrize(
    "path", [path for path in DOCS if path.name not in BY_HAND], ids=lambda path: path.name
)
def test_page_runs(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Its Python and its commands, one after the other, print what is shown."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    text = path.read_text(encoding="utf-8")
    options: dict[str, Any] = {"shell": True, "left_out": left_out(path)}
    if path.name in IN_THE_CHECKOUT:
        monkeypatch.chdir(ROOT)
        shutil.rmtree(ROOT / "target" / "sorted", ignore_errors=True)
        options["home"] = "/home/you/pathvein/"
    else:
        monkeypatch.chdir(tmp_path)
        shutil.copytree(ROOT / "examples", "examples")
    # What is put there is gone afterwards.
    memory = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem
    monkeypatch.setattr(memory, "store", {})
    monkeypatch.setattr(memory, "pseudo_dirs", [""])
    with contextlib.ExitStack() as stack:
        if path.name in page_stores.PAGES:
            stores = page_stores.opened(path.name, request.getfixturevalue("started"), monkeypatch)
            options["stand_ins"] = stack.enter_context(stores)
        assert readme_snippets.run(path, **options) == text.count("```python")


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_every_block_is_run_or_read(path: Path, tmp_path: Path) -> None:
    """What is no Python and no command is read as what it says it is, or is among `LEFT_OUT`."""
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"^ *```\w", text, re.MULTILINE)) * 2 == text.count("```")
    printed = [output for _, output in readme_snippets.snippets(text, "python")]
    unread = left_out(path) - {
        *(command.command for command in readme_snippets.commands(text)),
        *(block.text.partition("\n")[0] for block, _ in readme_snippets.snippets(text, "python")),
    }
    for block in readme_snippets.blocks(text):
        first, _, rest = block.text.partition("\n")
        if line := next((line for line in (first, *rest.splitlines()) if line in unread), None):
            unread.remove(line)
        elif block.language == "text":
            assert block.text in printed or is_pattern(block.text, tmp_path), block.line
        elif block.language == "rust":
            sources = [source.read_text() for source in EXAMPLES_IN_RUST]
            assert any(source.endswith(f"\n\n{block.text}") for source in sources), block.line
        elif block.language == "toml":
            asked = tomllib.loads(block.text)["dependencies"]["pathvein-core"]
            version = asked if isinstance(asked, str) else asked["version"]
            assert pathvein.__version__.startswith(f"{version}."), block.line
        elif block.language == "json":
            assert FileStructurePattern.from_json(block.text).validate() == [], block.line
        elif block.language == "yaml":
            assert pytest.importorskip("yaml").safe_load(block.text), block.line
        elif block.language == "ini":
            endpoint = page_stores.S3_ENDPOINT
            assert rest == page_stores.PROFILE.format(endpoint), block.line
        else:
            assert block.language in ("python", "console"), (path, block.line)
    assert unread == set()  # Or else it is shown no more.


def is_pattern(text: str, folder: Path) -> bool:
    """Whether it is pattern text in which nothing is wrong; an exception says if it is none."""
    (folder / "shown.txt").write_text(text, encoding="utf-8")
    return all(pattern.validate() == [] for pattern in load_patterns(folder / "shown.txt"))


def test_extras_that_are_named_exist() -> None:
    with (ROOT / "python" / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for path in [*DOCS, ROOT / "README.md"]:
        for names in re.findall(r"pathvein\[([\w,]+)\]", path.read_text(encoding="utf-8")):
            assert set(names.split(",")) <= set(extras), (path, names)


def test_examples_are_shown_as_they_are() -> None:
    shown = {}
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        for name, example in re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL):
            # Of a directory its pattern; Rust is looked at with all of it that is shown.
            file = ROOT / name / "pattern.txt" if (ROOT / name).is_dir() else ROOT / name
            if file.suffix != ".rs":
                assert example == file.read_text(encoding="utf-8"), name
                shown[file] = example
    # Each file but the trees is shown, as is what makes these.
    examples = {path for path in (ROOT / "examples/checking").glob("*/*") if path.stem != "tree"}
    assert examples <= shown.keys()
    for path in examples:
        if path.suffix == ".txt":
            [pattern] = load_patterns(path)
            assert pattern.validate() == []


def modules() -> list[ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(pathvein.__path__, "pathvein.")]
    imported = [importlib.import_module(name) for name in names if "__main__" not in name]
    return [pathvein, *imported]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_docstring_examples(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert failed == 0


def test_examples_of_the_stub() -> None:
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner()
    for node in ast.walk(ast.parse(STUB.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names = vars(pathvein_core).copy()
            text = ast.get_docstring(node) or ""
            runner.run(parser.get_doctest(text, names, node.name, STUB.name, node.lineno))
    assert runner.tries > 0
    assert runner.failures == 0


def table(first_column: str) -> list[list[str]]:
    """The rows of the table of docs/semantics.md that begins so, split into cells."""
    text = SEMANTICS.read_text(encoding="utf-8")
    _, _, below = text.partition(f"| {first_column} | ")
    rows = below.partition("\n\n")[0].splitlines()[2:]
    assert rows
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("row", table("Glob"), ids=lambda row: str(row[0]))
def test_table_of_globs(row: list[str]) -> None:
    [glob] = code(row[0])
    matcher = PatternMatcher(glob)
    for cell, expected in [(row[2], True), (row[3], False)]:
        for name in code(cell):
            assert matcher.matches(name) is expected, name
            assert fnmatch.fnmatchcase(name, glob) is expected, name


@pytest.mark.parametrize("row", table("Rule"), ids=lambda row: str(row[0]))
def test_table_of_exclude_rules(row: list[str]) -> None:
    rules = ExcludeRules(code(row[0]))
    for cell, expected in [(row[1], True), (row[2], False)]:
        assert code(cell)
        for path in code(cell):
            is_directory = path.endswith("/")
            assert rules.is_excluded(path.rstrip("/"), is_directory) is expected, path


def test_links_inside_the_docs_lead_somewhere() -> None:
    for path in [*DOCS, *sorted(ROOT.glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        }
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in headings, f"{path.name}: {target}"
            elif "://" not in target:
                assert (path.parent / target.partition("#")[0]).exists(), f"{path.name}: {target}"
