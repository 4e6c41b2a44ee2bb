"""What stands in the way of the release of a tag: another version, or no date in the changelog.

``python scripts/check_release.py TAG``

That the version is the same in all other places is what tests/project/test_versions.py holds.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(tag: str) -> list[str]:
    """What is wrong."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    version = cargo["workspace"]["package"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    problems = []
    if tag != f"v{version}":
        problems.append(f"the tag is {tag}, the version {version}")
    first = next((line for line in changelog.splitlines() if line.startswith("## ")), "nothing")
    if not re.fullmatch(rf"## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", first):
        problems.append(f"CHANGELOG.md begins with {first!r}, not with ## {version} and its date")
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/check_release.py TAG")
    if failures := main(sys.argv[1]):
        sys.exit("\n".join(failures))
