"""The build backend: maturin, once it is known that there is a Rust to build with.

Left alone, maturin fetches a whole Rust if there is none, which nobody asked for; and with a
Rust that is too old, cargo tells a page of what it does not understand.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from maturin import *  # type: ignore[import-untyped]  # noqa: F403


def _needed() -> str:
    """The oldest Rust that will do, from the manifest of the workspace that this file is in."""
    for directory in Path(__file__).resolve().parents:
        if (manifest := directory / "Cargo.toml").exists():
            content = tomllib.loads(manifest.read_text(encoding="utf-8"))
            if "workspace" in content:
                return str(content["workspace"]["package"]["rust-version"])
    raise FileNotFoundError("the Cargo.toml of the workspace")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _lacking() -> str | None:
    """One sentence, if what there is will not do."""
    needed = _needed()
    found = None
    try:
        told = subprocess.run(["cargo", "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"\d+\.\d+", told.stdout)
    except (OSError, subprocess.CalledProcessError):
        pass  # such as a rustup that has no toolchain
    if found and _numbers(found[0]) >= _numbers(needed):
        return None
    return f"Compiling pathvein-core takes Rust {needed} or later, see https://rustup.rs: " + (
        f"this is {found[0]}." if found else "there is no cargo on the PATH that runs."
    )


# Whichever hook is asked for, this module is imported first.
if _sentence := _lacking():
    sys.exit(_sentence)
