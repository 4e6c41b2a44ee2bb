"""The benchmark runs, and what it measures is what it says: not how fast anything is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
BENCH = TOP / "bench"
#: Trees as small as makes sense: 30 runs, 21 of them complete, in 122 directories.
TINY = ["--runs", "30", "--entries", "100", "--depth", "40", "--rounds", "1"]

pytestmark = pytest.mark.linux("the floor is Linux's getdents64")


@pytest.fixture(scope="module")
def program() -> Path:
    """The program of the benchmark; not optimized, as nothing here is timed."""
    manifest = ["--manifest-path", str(BENCH / "Cargo.toml")]
    environment = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
    build = ["cargo", "build", "--quiet", "--locked", *manifest]
    subprocess.run(build, env=environment, check=True)
    return BENCH / "target" / "debug" / "pathvein-bench"


def bench(
    program: Path, *arguments: str, driver: str = "driver"
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATHVEIN_BENCH_PROGRAM": str(program),
        "PYTHONPATH": str(BENCH),
    }
    command = [sys.executable, "-m", driver, *arguments]
    if driver == "driver":
        command += ["--no-download", *TINY]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def rows(markdown: str) -> dict[str, dict[str, list[str]]]:
    """Title of the table, name of the row, cells."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in markdown.splitlines():
        if line.startswith("## "):
            found[line[3:]] = table = {}
        elif line.startswith("| ") and not line.startswith(("|  |", "| ---")):
            name, *cells = (cell.strip() for cell in line[2:-2].split(" | "))
            table[name] = cells
    return found


@pytest.mark.long
@pytest.mark.timeout(600)  # on a busy machine, with the build
def test_it_measures_and_removes_what_it_made(program: Path, tmp_path: Path) -> None:
    page, trees = tmp_path / "page.md", tmp_path / "trees"
    # All but the one that compiles and runs the Rust benchmarks, one that drops the machine's
    # caches, and one that is made as two others are.
    only = ["scans", "checks", "processes", "large", "sets", "sizes", "shapes", "memory"]
    only += ["imports", "small", "names", "named", "early", "leaves", "warm", "waiting", "trusted"]
    where = ["--own", str(TOP / "docs"), "--markdown", str(page), "--dir", str(trees)]
    done = bench(program, *where, "--only", *only)
    assert done.returncode == 0, done.stderr
    tables = rows(page.read_text())

    # That the contestants of a table agree is checked by the driver, with the others
    # comparing what it takes for the number with what the tree must have.
    calls = tables["Calls, 580 entries"]
    for name in ["core's scan, 1 thread", "Python iscan, 1 thread", "os.walk, fnmatch"]:
        assert calls[name][-1] == "21 matches"
        assert float(calls[name][3]) > 0
    checks = tables["Checks"]
    for name in ["core's check, 1 thread", "Python icheck, 1 thread", "Python check, 1 thread"]:
        assert checks[name][-1] == "21 matches"
        assert float(checks[name][3]) > 0
    assert tables["Whole processes"]["pathvein scan"][-1] == "21 matches"
    assert tables["Whole processes"]["find"][-1] == "580 entries"
    assert tables["Whole processes, ten times the tree"]["pathvein scan"][-1] == "214 matches"
    sets = tables["Many patterns"]
    assert sets["1 patterns: core's scan, 1 thread"][-1] == "21 matches"
    assert sets["100 patterns: core's scan, 1 thread"][-1] != "0 matches"
    shapes = tables["Other shapes"]
    assert shapes["files in one directory: floor, 1 thread"][-1] == "100 entries"
    assert shapes["directories in one: floor, 1 thread"][-1] == "100 entries"
    assert shapes["chain: floor, 1 thread"][-1] == "40 entries"
    assert shapes["chain: core's scan, 1 thread"][-1] == "41 matches"
    named = tables["Runs among other things"]
    for kind, matches in [("home", 2), ("archive", 1), ("python", 1)]:
        assert named[f"{kind}: core's scan, 1 thread"][-1] == f"{matches} matches"
    assert tables["One of 100 files"]["core's scan, 1 thread"][-1] == "1 matches"
    leaves = tables["Where nothing can be skipped"]
    assert leaves["lab: core's scan, 1 thread"][-1] == "51 matches"
    assert tables["Threads, warm"]["core's scan, 64 threads"][-1] == "21 matches"
    waits = tables["Where it has to wait"]
    trusted = tables["Link counts that are trusted, 1 ms an operation"]
    if waits:
        assert waits["head: core's scan, its own choice"][-1] == "1 matches"
        own = "core's scan, its own choice"
        # Something else on the machine may look at what is mounted.
        assert 328 <= int(trusted[own][1]) <= 332
        assert trusted[own][2:] == ["82", "82", "164", "", ""]
        assert float(trusted[f"{own}, trusting"][-2]) < 1
    else:
        assert done.stdout.count("LEFT OUT: no FUSE here: ") == 2
    assert tables["A small tree"]["pathvein scan"][-1] == "17 matches"
    assert tables["Bars"]["first result of iscan"][-1] in ("met", "MISSED")
    for table in tables:
        assert table in page.read_text()
        assert f"== {table}" in done.stdout
    assert list(trees.iterdir()) == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_measures_what_the_page_shows(program: Path, tmp_path: Path) -> None:
    """The tables of docs/benchmarks.md can be put there anew, and have the rows of a new one."""
    page = tmp_path / "benchmarks.md"
    text = (TOP / "docs" / "benchmarks.md").read_text()
    page.write_text(text)
    only = ["--only", "compared-processes", "compared-calls"]
    done = bench(program, *only, "--into", str(page), "--dir", str(tmp_path / "trees"))
    assert done.returncode == 0, done.stderr
    # Others may be there or not, and are not installed for the test.
    always = {"pathvein scan", "find", "98 directories: pathvein scan", "os.walk, fnmatch"}
    always |= {"Path.rglob", "glob.iglob", "Python scan", "Python scan, threads=1"}

    def names(text: str) -> set[str]:
        return set(re.findall(r"^\| ([^|]+) \| [\d.]+ \|", text, re.MULTILINE))

    may_be_there = {"bfs", "fd", "ripgrep", "98 directories: fd"}
    assert always <= names(text)
    assert always <= names(page.read_text()) <= names(text) | may_be_there
    assert page.read_text() != text
    outside = re.compile(r"(<!-- scripts/bench .*? -->).*?(<!-- as measured -->)", re.DOTALL)
    assert outside.sub(r"\1\2", page.read_text()) == outside.sub(r"\1\2", text)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_measures_copies(program: Path, tmp_path: Path) -> None:
    page, trees = tmp_path / "page.md", tmp_path / "trees"
    sizes = ["--files", "60", "--megabytes", "2", "--many", "2500", "--objects", "45"]
    where = ["--markdown", str(page), "--dir", str(trees)]
    done = bench(program, *where, *sizes, "--only", "copies")
    assert done.returncode == 0, done.stderr
    table = rows(page.read_text())["Copies"]
    workers = ["pathvein, 1 worker", "pathvein, 2 workers"]
    for name in ["cp -a", "shutil.copytree", *workers]:
        assert table[f"60 files of 4 KB: {name}"][-1] == "60 files"
        assert table[f"a file of 2 MB: {name}"][-1] == "1 files"
    for name in ["2500 files, a match", "2500 files, 1,000 a match"]:
        (cells,) = (cells for row, cells in table.items() if row.startswith(f"{name}:"))
        assert cells[-1] == "2500 files"
    for name in ["a match, to local", "a match, within", "20 a match, to local"]:
        assert table[f"45 objects, {name}"][-1] == "45 files"
        assert "x least" in table[f"45 objects, {name}"][3]
    # One round, and one before it: each object is read, or copied, once in each.
    assert "45 objects, a match, to local: {'LIST': 2, 'GET': 90}" in page.read_text()
    assert "'COPY': 90" in page.read_text()
    assert rows(page.read_text())["Bars"]["60 files of 4 KB, 2 workers: of cp -a"][-1]
    assert list(trees.iterdir()) == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_measures_trees_on_several_processes(program: Path, tmp_path: Path) -> None:
    page, trees = tmp_path / "page.md", tmp_path / "trees"
    sizes = ["--part", "0.0004", "--rounds", "1", "--markdown", str(page), "--dir", str(trees)]
    done = bench(program, *sizes, "--only", "trees", "skewed", driver="scale")
    assert done.returncode == 0, done.stderr
    tables = rows(page.read_text())
    for title, contestants in [
        ("A tree of a million directories", 4),
        ("Nine tenths in one sub-tree", 2),
    ]:
        # That they agree, the driver sees to.
        assert [cells[-1] for cells in tables[title].values()] == ["71 matches"] * contestants
    assert re.search(r"budget 50 ms: [1-9]\d* tasks; .* for \d+\.\d% of the time", done.stdout)
    for cells in tables["Bars"].values():
        assert float(cells[0].split()[0]) > 0
        assert cells[-1] in ("met", "MISSED")
    assert len(tables["Bars"]) == 4
    assert list(trees.iterdir()) == []


def test_contestants_that_disagree_are_an_error() -> None:
    code = """
from driver.contestants import Broken, Contestant, Measured, check
same = Measured(Contestant("one", [], counts="matches"), count=3)
check([same, Measured(Contestant("other", [], counts="matches"), count=3)])
check([same, Measured(Contestant("other", [], counts="entries"), count=4)])
try:
    check([same, Measured(Contestant("other", [], counts="matches"), count=4)])
except Broken as error:
    print(error)
"""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(BENCH)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "matches" in told.stdout
    assert "other" in told.stdout


def test_the_empty_app_has_the_options_of_the_real_one(tmp_path: Path) -> None:
    code = "from driver import empty_app; print(empty_app.source())"
    environment = {**os.environ, "PYTHONPATH": str(BENCH)}
    command = [sys.executable, "-c", code]
    written = subprocess.run(command, env=environment, capture_output=True, check=True)
    app = tmp_path / "app.py"
    app.write_bytes(written.stdout)

    def help_of(*command: str) -> list[str]:
        told = subprocess.run(
            [sys.executable, *command, "scan", "--help"], capture_output=True, text=True, check=True
        )
        return told.stdout.split()[2:]  # less the name of the program

    assert help_of(str(app)) == help_of("-m", "pathvein")
