"""Other file systems: the tests of the scan give the same answers on each that can be made here.

Each is mounted over ``/dev/shm`` in a mount namespace of its own, and other tests run there, with
all their temporary files on it. What cannot be made or mounted is left out, with the reason. (What
these tests run on everywhere else is tmpfs, and the disk's own.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).resolve().parent
PLACE = Path("/dev/shm")
#: Where `scripts/servers` puts what makes file systems if the machine has none.
UNPACKED = HERE.parents[1] / ".servers/filesystems"
#: What is run there: random trees against the reference, and what file systems differ in.
TESTS = [
    "test_differential.py::test_scan",
    "test_leaf_skip.py::test_random_trees",
    "test_leaf_skip.py::test_what_is_skipped_is_told_by_the_file_system",
    "test_scan_cases.py::test_links_are_listed_and_not_entered",
    "test_scan_cases.py::test_followed_links_are_visits_of_their_own",
    "test_scan_cases.py::test_loops_end_and_are_told",
    "test_scan_cases.py::test_a_mount_point_is_listed_and_not_entered",
    "test_names.py::test_every_byte_in_every_place",
    "test_names.py::test_what_is_no_directory_is_a_file_and_is_not_opened",
]

#: For each: the type as the kernel names it, what makes it in the file ``image`` (with its size in
#: MiB), and what mounts it. ext4 without ``filetype`` lists entries without their types.
KINDS: dict[str, tuple[str, int, list[str], list[str]]] = {
    "overlay": ("overlay", 0, [], ["-t", "overlay", "overlay", "-o", "OVERLAY"]),
    "untyped": (
        "ext4",
        64,
        ["mkfs.ext4", "-q", "-N", "20000", "-O", "^filetype,^has_journal"],
        ["-o", "loop", "image"],
    ),
    "xfs": ("xfs", 320, ["mkfs.xfs", "-q"], ["-o", "loop", "image"]),
    "btrfs": ("btrfs", 256, ["mkfs.btrfs", "-q"], ["-o", "loop", "image"]),
}

#: Those that only long runs try.
LONG = ["untyped", "btrfs"]


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.long) if kind in LONG else kind for kind in KINDS],
)
def test_the_same_answers(kind: str, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount these")
    _, size, make, _ = KINDS[kind]
    for tool in ("unshare", "mount"):
        if shutil.which(tool) is None:
            cannot(f"{tool} is not installed")
    if not PLACE.is_dir():
        cannot(f"there is no {PLACE} to mount over")
    if make:
        image = tmp_path / "image"
        with open(image, "wb") as file:
            file.truncate(size << 20)
        tool, environment = program(make[0])
        subprocess.run([tool, *make[1:], image], check=True, capture_output=True, env=environment)
    for part in ("lower", "upper", "work"):
        (tmp_path / part).mkdir()
    (tmp_path / "lower/below").mkdir()
    command: list[str] = [
        "unshare",
        "-m",
        "--propagation",
        "private",
        sys.executable,
        __file__,
        kind,
    ]
    done = subprocess.run(
        [*command, os.fspath(tmp_path)], capture_output=True, text=True, timeout=300
    )
    if done.returncode == CANNOT:
        cannot(f"it cannot be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = done.stdout.strip().splitlines()[-1]
    assert " passed" in passed, done.stdout


def cannot(reason: str) -> NoReturn:
    """In CI, on a Linux that has all of it, that is a failure."""
    if os.environ.get("CI") == "true" and shutil.which("apt-get"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str) -> tuple[str, dict[str, str]]:
    """What makes a file system, and the environment in which it runs."""
    if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        return found, dict(os.environ)
    for unpacked in UNPACKED.rglob(name):
        libraries = {os.fspath(path.parent) for path in UNPACKED.rglob("lib*.so.*")}
        return os.fspath(unpacked), {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
    cannot(f"{name} is missing; it takes Debian's xfsprogs, btrfs-progs; or scripts/servers")


# In the namespace --------------------------------------------------------------------------

CANNOT = 77


def types_told(top: Path) -> bool:
    """Whether a listing tells the types of the entries, as the C library hands them on."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.opendir.restype = libc.readdir64.restype = ctypes.c_void_p
    libc.readdir64.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
    (top / "probe").mkdir()
    stream, types = libc.opendir(os.fsencode(top)), set()
    while entry := libc.readdir64(stream):
        # struct dirent: inode, offset (8 bytes each), length of the record (2), type (1), name
        types.add(ctypes.string_at(entry + 18, 1)[0])
    libc.closedir(stream)
    (top / "probe").rmdir()
    return types != {0}


def main(kind: str, work: Path) -> int:
    """Mount it and run the tests on it."""
    name, _, _, options = KINDS[kind]
    layers = f"lowerdir={work}/lower,upperdir={work}/upper,workdir={work}/work"
    words = {"image": os.fspath(work / "image"), "OVERLAY": layers}
    mount = ["mount", *(words.get(option, option) for option in options), os.fspath(PLACE)]
    if subprocess.run(mount).returncode:
        return CANNOT
    # The last one mounted there is the one that is seen.
    lines = Path("/proc/self/mounts").read_text().splitlines()
    types = [line.split()[2] for line in lines if line.split()[1] == os.fspath(PLACE)]
    assert types[-1] == name, types
    os.chmod(PLACE, 0o1777)
    assert types_told(PLACE) == (kind != "untyped")
    os.environ |= {"TMPDIR": os.fspath(PLACE), "HYPOTHESIS_PROFILE": "few"}
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    arguments = [os.fspath(HERE / test) for test in TESTS]
    return subprocess.run([*pytest_command, *arguments], cwd=HERE.parents[1]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
