"""One version for the crates and both Python packages."""

import tomllib
from pathlib import Path
from typing import Any

import yaml

import pathvein

ROOT = Path(__file__).parents[2]


def _toml(path: str) -> Any:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def test_one_version() -> None:
    workspace = _toml("Cargo.toml")["workspace"]
    binding = _toml("crates/py/pyproject.toml")["project"]
    package = _toml("python/pyproject.toml")["project"]
    hook = _toml("pyproject.toml")["project"]
    shown = yaml.safe_load((ROOT / "examples/checking/gate/pre-commit-config.yaml").read_text())
    version = workspace["package"]["version"]
    assert {
        "crates/core": _toml("crates/core/Cargo.toml")["package"]["version"],
        "crates/py": _toml("crates/py/Cargo.toml")["package"]["version"],
        "Cargo.toml, pathvein-core": workspace["dependencies"]["pathvein-core"]["version"],
        "pathvein-core": binding["version"],
        "pathvein": package["version"],
        "pathvein, dependencies": package["dependencies"],
        "pathvein.__version__": pathvein.__version__,
        "the hook for pre-commit": hook["version"],
        "the hook for pre-commit, dependencies": hook["dependencies"],
        "the hook for pre-commit, as it is shown": shown["repos"][0]["rev"],
    } == {
        "crates/core": {"workspace": True},
        "crates/py": {"workspace": True},
        "Cargo.toml, pathvein-core": f"={version}",
        "pathvein-core": version,
        "pathvein": version,
        "pathvein, dependencies": [f"pathvein-core=={version}"],
        "pathvein.__version__": version,
        "the hook for pre-commit": version,
        "the hook for pre-commit, dependencies": [f"pathvein[cli,yaml]=={version}"],
        "the hook for pre-commit, as it is shown": f"v{version}",
    }


def test_the_changelog_begins_with_it() -> None:
    version = _toml("Cargo.toml")["workspace"]["package"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line for line in changelog.splitlines() if line.startswith("## ")]
    assert headings[0].split()[1] == version
