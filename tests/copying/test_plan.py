"""`Plan`: what is copied of a local match, and how its files are opened."""

import errno
import os
import re
import socket
from pathlib import Path

import pytest
from pathvein_core import ExcludeRules, FileStructurePattern

import portable
from pathvein._copying import here

pytestmark = pytest.mark.unix("links, fifos and sockets")


@pytest.fixture(autouse=True, params=portable.COPIERS)
def copier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test is held against both."""
    portable.use(monkeypatch, request.param)
    copier: str = request.param
    return copier


def read(plan: here.Plan, path: str) -> bytes:
    with os.fdopen(plan.open(path), "rb") as file:
        return file.read()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    (run / "data/raw").mkdir(parents=True)
    (run / "a.csv").write_text("a")
    (run / "b.txt").write_text("b")
    (run / "data/c.csv").write_text("ccc")
    (run / "data/link.csv").symlink_to("../a.csv")
    (run / "linked").symlink_to("data")
    os.mkfifo(run / "data/fifo.csv")
    (run / "data/broken.csv").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(run / "data/socket.csv"))
    return run


def pattern() -> FileStructurePattern:
    data = FileStructurePattern("*", optional_files=["*.csv"])
    return FileStructurePattern("*", ["*.csv"], optional_directories=[data])


def test_what_is_planned(run: Path) -> None:
    plan = here.Plan(str(run), pattern())
    assert plan.directories == ["", "data"]
    assert sorted(plan.files()) == [("a.csv", 1), ("data/c.csv", 3), ("data/link.csv", 1)]
    assert sorted(plan.skipped) == [
        ("data/broken.csv", "broken link"),
        ("data/fifo.csv", "fifo"),
        ("data/socket.csv", "socket"),
        ("linked", "link to a directory"),
    ]
    kept = here.Plan(run, pattern(), links="keep")
    assert sorted(kept.files()) == [("a.csv", 1), ("data/c.csv", 3), ("data/link.csv", 0)]


def test_rules(run: Path) -> None:
    rules = ExcludeRules(["/run/data/c*", "/a.csv", "fifo.csv"])
    plan = here.Plan(run, pattern(), exclude=rules, exclude_base=run.parent)
    assert sorted(plan.files()) == [("a.csv", 1), ("data/link.csv", 1)]
    assert "data/fifo.csv" not in dict(plan.skipped)
    plan = here.Plan(run, pattern(), exclude=rules)
    assert sorted(plan.files()) == [("data/c.csv", 3), ("data/link.csv", 1)]


def test_files_are_opened_and_nothing_else(run: Path, tmp_path: Path, copier: str) -> None:
    plan = here.Plan(run, pattern())
    assert read(plan, "data/c.csv") == b"ccc"
    assert read(plan, "data/link.csv") == b"a"
    (tmp_path / "secret").write_text("secret")
    (run / "a.csv").unlink()
    (run / "a.csv").symlink_to(tmp_path / "secret")
    (run / "data").rename(tmp_path / "moved")
    (run / "data").symlink_to(tmp_path)
    for path, error in (
        ("a.csv", errno.ELOOP),
        # The core goes on in the directory that it holds open.
        ("data/secret", errno.ENOENT if copier == "core" else errno.ENOTDIR),
        ("../secret", errno.EINVAL),
        ("/etc/passwd", errno.EINVAL),
        ("", errno.EINVAL),
        ("gone", errno.ENOENT),
    ):
        with pytest.raises(OSError, match=re.escape(os.strerror(error))) as raised:
            plan.open(path)
        assert raised.value.filename == os.path.join(run, path)
    # A fifo in the place of a file is not waited for.
    (run / "b.txt").unlink()
    os.mkfifo(run / "b.txt")
    with pytest.raises(OSError, match="No such device"):
        plan.open("b.txt")


def test_errors(run: Path) -> None:
    with pytest.raises(ValueError, match="links must be 'follow' or 'keep', not 'copy'"):
        here.Plan(run, pattern(), links="copy")
    with pytest.raises(FileNotFoundError) as missing:
        here.Plan(run / "gone", pattern())
    assert missing.value.filename == str(run / "gone")
    with pytest.raises(NotADirectoryError):
        here.Plan(run / "a.csv", pattern())


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff")
    (tmp_path / name).mkdir()
    (tmp_path / name / f"{name}.csv").write_text("x")
    plan = here.Plan(tmp_path, pattern())
    assert plan.files() == [(f"{name}/{name}.csv", 1)]
    assert read(plan, f"{name}/{name}.csv") == b"x"
