"""The build backend of pathvein-core: without a Rust that will do, it ends with one sentence."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKSPACE = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
NEEDED: str = WORKSPACE["package"]["rust-version"]


def load(path: Path) -> subprocess.CompletedProcess[str]:
    """Load the backend, as whoever builds does, with this directory as the whole PATH."""
    return subprocess.run(
        [sys.executable, "-c", "import needs_rust; print(needs_rust.build_wheel.__module__)"],
        cwd=ROOT / "crates" / "py",
        env={**os.environ, "PATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


def cargo(directory: Path, script: str) -> Path:
    """A directory with a cargo that does this."""
    path = directory / "cargo"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return directory


def sentence(end: str) -> str:
    return f"Compiling pathvein-core takes Rust {NEEDED} or later, see https://rustup.rs: {end}\n"


def test_no_cargo(tmp_path: Path) -> None:
    done = load(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == sentence("there is no cargo on the PATH that runs.")


needs_sh = pytest.mark.skipif(os.name == "nt", reason="the cargo here is a script of sh")


@needs_sh
def test_a_cargo_without_a_toolchain(tmp_path: Path) -> None:
    done = load(cargo(tmp_path, "echo 'error: rustup could not choose a version' >&2; exit 1"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == sentence("there is no cargo on the PATH that runs.")


@needs_sh
@pytest.mark.parametrize("version", ["1.87.0", "1.9.0", "0.99.1-nightly"])
def test_an_old_cargo(tmp_path: Path, version: str) -> None:
    done = load(cargo(tmp_path, f"echo 'cargo {version} (abcdef 2025-01-01)'"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == sentence(f"this is {version.rsplit('.', 1)[0]}.")


@needs_sh
@pytest.mark.parametrize("version", [f"{NEEDED}.0", "1.100.0-nightly", "2.0.0"])
def test_one_that_will_do(tmp_path: Path, version: str) -> None:
    done = load(cargo(tmp_path, f"echo 'cargo {version} (abcdef 2026-01-01)'"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "maturin\n", "")


def test_the_backend_is_named() -> None:
    """Otherwise all of this would not be asked."""
    project = tomllib.loads((ROOT / "crates/py/pyproject.toml").read_text(encoding="utf-8"))
    assert project["build-system"]["build-backend"] == "needs_rust"
    assert project["build-system"]["backend-path"] == ["."]
