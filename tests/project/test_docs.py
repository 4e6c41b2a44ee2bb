"""The documentation is true: its Python runs, and its tables say what happens."""

import ast
import doctest
import fnmatch
import importlib
import os
import pkgutil
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pathvein_core
import pytest
from pathvein_core import ExcludeRules

import pathvein
import readme_snippets
from pathvein import PatternMatcher, load_patterns

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
SEMANTICS = ROOT / "docs" / "semantics.md"
#: Its commands are run, too, and its Python needs what they make. (Those of docs/patterns.md are
#: run by test_guide.py, in the checkout.)
CHECKING = ROOT / "docs" / "checking.md"
STUB = ROOT / "crates" / "py" / "pathvein_core.pyi"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_snippets_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    if path == CHECKING:
        shutil.copytree(ROOT / "examples", "examples")
    count = readme_snippets.run(path, shell=path == CHECKING)
    assert count == path.read_text(encoding="utf-8").count("```python")
    assert count > 0 or path not in (SEMANTICS, CHECKING)


def test_examples_are_shown_as_they_are() -> None:
    text = CHECKING.read_text(encoding="utf-8")
    shown = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    assert len(shown) == text.count("<!--")
    rust = "crates/core/examples/check_runs.rs"
    # Without its first lines; cargo compiles it.
    assert (ROOT / rust).read_text(encoding="utf-8").endswith(f"\n\n{shown.pop(rust)}")
    for name, example in shown.items():
        assert example == (ROOT / name).read_text(encoding="utf-8"), name
    # Each file but the trees is shown, as is what makes these.
    examples = {path for path in (ROOT / "examples/checking").glob("*/*") if path.stem != "tree"}
    assert examples == {ROOT / name for name in shown}
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
