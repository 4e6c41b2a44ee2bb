"""Type checkers accept what is meant to be used, and know the types in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TYPED = Path(__file__).with_name("typed_use.py")


def checked(*command: str, at: Path) -> str:
    """The output of a type checker that must find nothing."""
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=at, capture_output=True, text=True, timeout=170
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code in a directory of its own, so that no settings of the checkout apply."""
    file = tmp_path / TYPED.name
    file.write_text(TYPED.read_text())
    return file


def test_mypy(copy: Path) -> None:
    command = ("mypy", "--strict", "--warn-unused-ignores", "--cache-dir", str(copy.parent / "c"))
    assert "no issues found in 1 source file" in checked(*command, str(copy), at=copy.parent)


def test_pyright(copy: Path) -> None:
    settings = {
        "include": [copy.name],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": True,
    }
    (copy.parent / "pyrightconfig.json").write_text(json.dumps(settings))
    command = ("pyright", "--pythonpath", sys.executable, "--outputjson")
    summary = json.loads(checked(*command, at=copy.parent))["summary"]
    assert summary["filesAnalyzed"] == 1
    assert summary["errorCount"] == summary["warningCount"] == 0
