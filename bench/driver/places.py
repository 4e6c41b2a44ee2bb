"""What there is to run, and to run it on: programs, environments, trees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .contestants import Broken

BENCH = Path(__file__).parents[1]
#: `pathvein-bench`, as scripts/bench has built it, or for a test another.
PROGRAM = Path(
    os.environ.get("PATHVEIN_BENCH_PROGRAM", BENCH / "target" / "release" / "pathvein-bench")
)
#: The interpreter that pathvein is installed for, and its command.
PYTHON = Path(sys.executable)
PATHVEIN = Path(sysconfig.get_path("scripts")) / "pathvein"
SERVED = Path(__file__).with_name("served.py")
#: The other distributions that take part, each in an environment of its own.
OTHERS = {"pathvein-0.9.0": ["pathvein[cli]==0.9.0"], "scandir-rs": ["scandir-rs==2.10.1"]}


def environment(name: str) -> Path:
    """The directory with the programs of one of the `OTHERS`; made if it is not there."""
    root = BENCH / "cache" / f"{name}-py{sys.version_info.major}{sys.version_info.minor}"
    programs = root / "bin"
    done = root / "done"
    if not done.exists():
        print(f"Installing {name}", file=sys.stderr)
        venv.create(root, clear=True, with_pip=True)
        command = [str(programs / "python"), "-m", "pip", "install", "--quiet", *OTHERS[name]]
        if subprocess.run(command).returncode:
            raise Broken(f"{name} cannot be installed here; --no-download leaves it out")
        done.touch()
    return programs


@dataclass
class Trees:
    """Makes trees in a directory when they are asked for, and removes them."""

    root: Path
    made: dict[tuple[str, int], Path] = field(default_factory=dict)

    def get(self, kind: str, size: int) -> Path:
        """The tree of that kind and size: see bench/src/tree.rs."""
        if (kind, size) not in self.made:
            path = self.root / f"{kind}-{size}"
            if not path.exists():
                print(f"Making {path}", file=sys.stderr)
                subprocess.run([PROGRAM, "tree", kind, path, str(size)], check=True)
            self.made[kind, size] = path
        return self.made[kind, size]

    def filled(self, kind: str, size: int, make: Callable[[Path], None]) -> Path:
        """A tree that the function makes, in a directory that is there."""
        path = self.made.setdefault((kind, size), self.root / f"{kind}-{size}")
        if not path.exists():
            print(f"Making {path}", file=sys.stderr)
            path.mkdir(parents=True)
            make(path)
        return path

    def drop(self, kind: str, size: int) -> None:
        """Remove it: it is large, and needed no more."""
        path = self.made.pop((kind, size))
        # shutil.rmtree cannot remove what is deeper than it may recurse.
        subprocess.run(["rm", "-rf", path], check=True)

    def drop_all(self) -> None:
        """Remove them all."""
        for kind, size in list(self.made):
            self.drop(kind, size)


#: What lists a tree, and what it lists: everything in it, or its files. The names that it may
#: be called by; what it counts; how many beyond the entries below the source.
LISTERS: dict[str, tuple[Sequence[str], Sequence[str], str, int]] = {
    "fd": (["fd", "fdfind"], ["--unrestricted", "."], "entries", 0),
    "bfs": (["bfs"], [], "entries", 1),
    "find": (["find"], [], "entries", 1),
    "ripgrep": (["rg"], ["--files", "-uu"], "files", 0),
}


#: How those are had that are not on the PATH: fd as cargo builds it, since a distribution's may be
#: years old, and bfs as Debian has it.
_INSTALL = {
    "fd": ("bin/fd", "cargo install --quiet --locked --root . fd-find@10.3.0"),
    "bfs": (
        "usr/bin/bfs",
        "apt-get --quiet=2 -o APT::Sandbox::User=root download bfs && dpkg-deb --extract *.deb .",
    ),
}


@cache
def lister(name: str, *, download: bool) -> str | None:
    """Where one of the `LISTERS` is; if it cannot be had, that is said once."""
    names, *_ = LISTERS[name]
    if (there := on_path(names)) or name not in _INSTALL:
        return there
    program, command = _INSTALL[name]
    root = BENCH / "cache" / name
    if download and not root.exists():
        print(f"Installing {name}", file=sys.stderr)
        root.mkdir(parents=True)
        if subprocess.run(["bash", "-c", command], cwd=root).returncode:
            shutil.rmtree(root)
    path = root / program
    return str(path) if path.exists() else None


def on_path(names: Sequence[str]) -> str | None:
    """Where the first of these programs is that there is."""
    return next(filter(None, map(shutil.which, names)), None)


def file_system(path: Path) -> str:
    """What kind of file system it is on."""
    command = ["stat", "--file-system", "--format", "%T", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    """What was measured on, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    system = os.uname()
    version = sys.version.split()[0]
    return (
        f"{system.sysname} {system.release} {system.machine}, {os.cpu_count()} processors, "
        f"{memory:.0f} GiB, Python {version}, load {load}"
    )
