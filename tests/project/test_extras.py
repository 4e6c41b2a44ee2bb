"""The extras: those that there are, those that the README tells, those that errors name."""

import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "pathvein"
EXTRAS: dict[str, list[str]] = tomllib.loads(
    (ROOT / "python" / "pyproject.toml").read_text(encoding="utf-8")
)["project"]["optional-dependencies"]
#: What `_reporting/frames.py` and `_remote/source.py` put into their message.
BY_VARIABLE = {"s3", "gcs", "azure", "sftp", "pandas", "polars", "arrow"}

sys.path.insert(0, str(ROOT / "scripts"))

import extras as trials  # noqa: E402


def test_the_readme_tells_each() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, section = text.partition("\n## Installing\n")
    told = set(re.findall(r"`([a-z0-9]+)`", section.partition("\n## ")[0]))
    assert told - {"pathvein"} >= set(EXTRAS) - {"all"}


def test_errors_name_each() -> None:
    named = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"pathvein\[([a-z0-9,]+)\]", text))
    assert named == set(EXTRAS) - BY_VARIABLE - {"all"}
    from pathvein._remote.source import _EXTRAS

    assert set(_EXTRAS.values()) == {"s3", "gcs", "azure", "sftp"}
    frames = (PACKAGE / "_reporting" / "frames.py").read_text(encoding="utf-8")
    imported = set(re.findall(r'_import\("\w+", "to_\w+", "(\w+)"\)', frames))
    assert imported == {"pandas", "polars", "arrow"}


def test_each_is_tried() -> None:
    text = trials.TRIAL.read_text(encoding="utf-8")
    tried = set(re.findall(r'^        "([a-z0-9,]*)": ', text, re.MULTILINE))
    assert tried == set(trials.extras())


def test_each_is_tried_with_the_oldest() -> None:
    """`scripts/oldest` has a comment beside its tests that tells whose they are."""
    text = (ROOT / "scripts" / "oldest").read_text(encoding="utf-8")
    _, _, tests = text.partition("\ntests=(\n")
    tests = tests.partition("\n)")[0]
    told = set(re.findall(r"[a-z0-9]+", " ".join(re.findall(r"# (.*)", tests))))
    assert told >= set(EXTRAS) - {"all"}
    for name in re.findall(r"tests/[\w/.]+", tests):
        assert (ROOT / name).exists(), name


def test_of_wheels_for_several_systems_that_of_this_one_is_tried(tmp_path: Path) -> None:
    """As scripts/package makes them: for manylinux and for musllinux."""
    dist, scratch = tmp_path / "dist", tmp_path / "scratch"
    dist.mkdir()
    scratch.mkdir()
    info = "pathvein_core-0.10.0.dist-info"
    tags = ("py3-none-any", "cp311-abi3-musllinux_9_9_x86_64", "cp311-abi3-win_ia64")
    for tag in tags:
        with zipfile.ZipFile(dist / f"pathvein_core-0.10.0-{tag}.whl", "w") as wheel:
            wheel.writestr(
                f"{info}/METADATA", "Metadata-Version: 2.1\nName: pathvein-core\nVersion: 0.10.0\n"
            )
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
            wheel.writestr(f"{info}/RECORD", "")
    chosen = trials.wheel_for_this_python(dist, scratch)
    assert chosen.name == f"pathvein_core-0.10.0-{tags[0]}.whl"
    (dist / chosen.name).unlink()
    chosen.unlink()
    with pytest.raises(SystemExit, match="run scripts/package first"):
        trials.wheel_for_this_python(dist, scratch)
