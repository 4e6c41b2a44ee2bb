"""The cargo features of the core that are built, and released."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def core_features(package: str, edges: str) -> str:
    """The features of the core that a build of a package asks for, as cargo tells them."""
    command = ["cargo", "tree", "--locked", "--offline", "--package", package]
    command += ["--edges", f"features,{edges}", "--invert", "pathvein-core"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_the_binding_has_no_hooks_of_tests() -> None:
    """The wheel is built by these features: neither scripts/setup nor scripts/package adds any."""
    built = core_features("pathvein-py", "normal,build")
    assert "pathvein-py" in built
    assert "test-hooks" not in built
    assert "test-hooks" in core_features("pathvein-core", "all")
    for script in ("setup", "package"):
        assert "--features" not in (ROOT / "scripts" / script).read_text(encoding="utf-8")
