"""One version for the crates and both Python packages, and the notes of each in the changelog."""

import errno
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import pathvein

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import set_version  # noqa: E402


def _toml(path: str) -> Any:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def test_one_version() -> None:
    workspace = _toml("Cargo.toml")["workspace"]
    binding = _toml("crates/py/pyproject.toml")["project"]
    package = _toml("python/pyproject.toml")["project"]
    hook = _toml("pyproject.toml")["project"]
    shown = yaml.safe_load((ROOT / "examples/checking/gate/pre-commit-config.yaml").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
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
        "CITATION.cff": citation["version"],
        "Cargo.lock": _locked("Cargo.lock"),
        "fuzz/Cargo.lock": _locked("fuzz/Cargo.lock"),
        "bench/Cargo.lock": _locked("bench/Cargo.lock"),
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
        "CITATION.cff": version,
        "Cargo.lock": {version},
        "fuzz/Cargo.lock": {version},
        "bench/Cargo.lock": {version},
    }


def _locked(path: str) -> set[str]:
    packages = _toml(path)["package"]
    ours = ("pathvein-core", "pathvein-py")
    return {package["version"] for package in packages if package["name"] in ours}


def test_set_version_writes_all_places(tmp_path: Path) -> None:
    for name in set_version.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    set_version.set_version(tmp_path, "12.34.56")
    places = set_version.versions(tmp_path)
    assert {name for name, _ in places} == set(set_version.PLACES)
    assert {version for _, version in places} == {"12.34.56"}
    # No other place in these files has the old one.
    for name in set_version.PLACES:
        left = (tmp_path / name).read_text(encoding="utf-8")
        assert not re.search(rf"pathvein.*\b{re.escape(pathvein.__version__)}\b", left), name
    set_version.set_version(tmp_path, pathvein.__version__)
    for name in set_version.PLACES:
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_set_version_writes_all_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('version = "0.10.0"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="has no place"):
        set_version.set_version(tmp_path, "0.10.1")
    for wrong in ("", "v0.10.1", "0.10", "0.10.1\n"):
        with pytest.raises(ValueError, match="is no version"):
            set_version.set_version(tmp_path, wrong)
    assert (tmp_path / "Cargo.toml").read_text() == 'version = "0.10.0"\n'


@pytest.mark.parametrize("stage", ["written", "replaced"])
@pytest.mark.parametrize("fails_at", [0, 1, len(set_version.PLACES) - 1])
def test_set_version_puts_back_what_it_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, fails_at: int
) -> None:
    for name in set_version.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    if stage == "written":
        (tmp_path / f"{list(set_version.PLACES)[fails_at]}.new").mkdir()
    else:
        replace, done = os.replace, [0]

        def fail(old: Path, new: Path) -> None:
            done[0] += 1
            if done[0] > fails_at:
                raise PermissionError(errno.EACCES, "made up", str(new))
            replace(old, new)

        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"\.new|made up"):
        set_version.set_version(tmp_path, "12.34.56")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_no_other_file_names_the_version() -> None:
    """But for those that tell what came with it, and examples of commands."""
    version = re.escape(pathvein.__version__)
    # As a requirement, an argument of pip or a tag; prose may say what is new in a version.
    pinned = re.compile(rf"(?:==|@|\bv|version[ =:\"']+|-){version}\b")
    # test_releasing.py runs the commands with whatever the version is.
    made_up = ("fuzz/corpus/", "tests/")
    told = ("CHANGELOG.md", "docs/releasing.md", "scripts/check_release.py")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout of git")
    suffixes = (".md", ".toml", ".yml", ".yaml", ".cff", ".py", ".rs", ".pyi", "")
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if path.suffix not in suffixes or not path.is_file() or path.is_symlink():
            continue
        if name in set_version.PLACES or name in told or name.startswith(made_up):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not pinned.search(text), f"{name}: a place for scripts/set_version.py"


def test_the_changelog_begins_with_it() -> None:
    version = _toml("Cargo.toml")["workspace"]["package"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line for line in changelog.splitlines() if line.startswith("## ")]
    assert headings[0].split()[1] == version


def _notes(version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts/release-notes"), version],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_notes_of_a_release() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    done = _notes(pathvein.__version__)
    assert done.returncode == 0, done.stderr
    _, _, after = text.partition(f"\n## {pathvein.__version__} ")
    _, _, section = after.partition("\n")
    assert done.stdout.strip() == section.partition("\n## ")[0].strip()
    # They are read on the page of a release, from which no relative link leads anywhere.
    links = re.findall(r"\]\(([^)]+)\)", done.stdout)
    assert links
    assert all(link.startswith("https://") for link in links)


def test_a_version_without_notes_is_an_error() -> None:
    for version in ("0.1", "1.10.0", "0.10.0.*", ""):
        done = _notes(version)
        assert (done.returncode, done.stdout) == (1, ""), version
        assert "says nothing" in done.stderr
