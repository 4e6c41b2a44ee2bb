"""The scripts on other systems than this one, and those that publish, with others in the place of
cargo and gh.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    path
    for path in sorted((ROOT / "scripts").iterdir())
    if path.is_file()
    and (path.suffix == ".sh" or re.match(rb"#!.*\bbash\b", path.read_bytes()[:80]))
]


def _program(directory: Path, name: str, text: str) -> None:
    """A program that is found in the place of the true one."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/usr/bin/env bash\n{text}", encoding="utf-8")
    path.chmod(0o755)


def _bash(code: str, *arguments: str, path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """What bash answers, with the programs of a directory before all others."""
    search = os.pathsep.join([os.fspath(path), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code, "bash", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": search, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


# Of bash 4 and later, and of GNU's tools alone, by what is written of it: macOS has neither.
TOO_NEW = {
    "arrays by name": r"\b(declare|local|typeset) -\w*[An]",
    "lines to an array": r"\b(mapfile|readarray)\b",
    "upper and lower case": r"\$\{\w+(\[\S\])?(\^|,)",
    "forms of a value": r"\$\{\w+@\w\}",
    "both to a pipe": r"\|&|&>>",
    "fall through": r";;?&",
    "any that ends": r"\bwait -\w*[np]",
    "is it set": r"\[\[ -v ",
    "from the end": r"\$\{\w+\[-\d",
    "time of the shell": r"EPOCH(SECONDS|REALTIME)|%\([^)]*\)T",
    "stars": r"\b(globstar|inherit_errexit|lastpipe)\b",
    "coprocess": r"\bcoproc\b",
    "lock": r"\bflock\b",
    "number of processors": r"\bnproc\b",
    "of files": r"\breadlink -f|\brealpath\b|\bstat -c|\bcp -\w*[au]|\bmktemp --",
    "of text": r"\bsed (-\w* )*-i\b|\bsed -r|\bgrep -\w*P|\bxargs -\w*[rd]|\bsort -\w*V",
    "of time": r"\bdate -d|(?<!-)\btimeout \d",
}
LINUX_ONLY = {"bench", "bench-scale"}  # they say so


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_of_macos_reads_it(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    if script.name in LINUX_ONLY:
        assert "Linux only" in text
        return
    for line in text.splitlines():
        code = re.sub(r"(^|\s)#.*", "", line)
        for what, pattern in TOO_NEW.items():
            assert not re.search(pattern, code), (what, line)


@pytest.mark.parametrize(
    "construct", ["mapfile -t a", "declare -A a", "${a,,}", "flock x", "wait -n"]
)
def test_what_it_would_not_read_is_known(construct: str) -> None:
    assert any(re.search(pattern, construct) for pattern in TOO_NEW.values())


# An empty array is unbound there, under `set -u`.
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_an_array_that_may_be_empty_is_asked_for_its_length(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for name in set(re.findall(r"^(?:\s*local )?\s*(\w+)=\(\)", text, re.MULTILINE)):
        for use in re.finditer(rf'.*"\$\{{{name}\[@\]\}}"', text):
            asked = rf"\$\{{#{name}\[@\]\}}|{name}(\+)?=\([^)]"
            assert re.search(asked, text[: use.end()]), use[0]


@pytest.mark.parametrize(
    ("system", "programs", "ci"),
    [
        ("Linux x86_64", "bin", "true"),
        ("Linux aarch64", "bin", ""),
        ("Darwin arm64", "bin", ""),
        ("MINGW64_NT-10.0-26100 x86_64", "Scripts", ""),
        ("MSYS_NT-10.0-26100 x86_64", "Scripts", ""),
    ],
)
def test_where_programs_are_and_what_must_be_there(
    tmp_path: Path, system: str, programs: str, ci: str
) -> None:
    name, machine = system.split()
    answer = f"case $1 in -s) echo {name} ;; -sm) echo {name} {machine} ;; *) exit 9 ;; esac"
    _program(tmp_path, "uname", answer)
    told = _bash('. scripts/lib.sh; echo "$bin ${CI:-}"', path=tmp_path, CI="true")
    assert told.stdout == f"{programs} {ci}\n", told.stderr


def test_a_machine_of_github_becomes_root(tmp_path: Path) -> None:
    _program(tmp_path, "sudo", 'echo "as root: $*"')
    told = [
        _bash(". scripts/lib.sh; as_root echo hello", path=tmp_path, GITHUB_ACTIONS=value).stdout
        for value in ("true", "")
    ]
    assert told == ["as root: echo hello\n", "hello\n"]


# What publishes ------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [True, False])
def test_a_crate_is_published_once(tmp_path: Path, there: bool) -> None:
    """Run again after a release that failed half-way, it is not tried again."""
    cargo = shutil.which("cargo")
    _program(
        tmp_path,
        "cargo",
        f"""case $1 in
pkgid) exec {cargo} "$@" ;;
info) exit {0 if there else 101} ;;
*) echo "cargo $*" ;;
esac""",
    )
    told = _bash('scripts/publish-crate "$@"', path=tmp_path)
    assert told.returncode == 0, told.stderr
    publishes = "cargo publish --locked --no-verify --package pathvein-core\n"
    if there:
        assert re.fullmatch(r"pathvein-core@\d+\.\d+\.\d+ is there already\n", told.stdout)
    else:
        assert told.stdout == publishes


GH = """echo "gh $*" >>"$LOG"
case "$1 $2" in
'release view') [[ ${THERE-no} != no ]] && echo "$THERE" ;;
esac"""


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Two files, and the script beside a changelog of its own."""
    scripts = tmp_path / "checkout" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "publish-on-github", scripts)
    _program(scripts, "release-notes", '[[ $1 == 1.* ]] && echo "notes of $1"')
    _program(tmp_path / "programs", "gh", GH)
    dist = tmp_path / "dist"
    dist.mkdir()
    for name in ("a.whl", "b.tar.gz"):
        (dist / name).touch()
    return dist


def _release(tmp_path: Path, **env: str) -> str:
    log = tmp_path / "log"
    script = tmp_path / "checkout" / "scripts" / "publish-on-github"
    arguments = (os.fspath(script), "v1.2.3", os.fspath(tmp_path / "dist"))
    done = _bash('"$@"', *arguments, path=tmp_path / "programs", LOG=os.fspath(log), **env)
    assert done.returncode == 0, done.stderr
    return log.read_text().replace(os.fspath(tmp_path / "dist"), "dist")


def test_a_release_on_github_has_notes_and_files(tmp_path: Path, dist: Path) -> None:
    view = "gh release view v1.2.3 --json assets --jq .assets[].name\n"
    create = "gh release create v1.2.3 --verify-tag --title 1.2.3 --notes notes of 1.2.3 "
    assert _release(tmp_path) == f"{view}{create}dist/a.whl dist/b.tar.gz\n"


def test_nothing_is_released_without_notes(tmp_path: Path, dist: Path) -> None:
    log = tmp_path / "log"
    script = tmp_path / "checkout" / "scripts" / "publish-on-github"
    arguments = (os.fspath(script), "v2.0.0", os.fspath(dist))
    done = _bash('"$@"', *arguments, path=tmp_path / "programs", LOG=os.fspath(log))
    assert done.returncode != 0
    assert log.read_text() == "gh release view v2.0.0 --json assets --jq .assets[].name\n"


def test_a_release_on_github_that_is_there_gets_what_it_lacks(tmp_path: Path, dist: Path) -> None:
    told = _release(tmp_path, THERE="a.whl").splitlines()
    # What broke off may have left a draft.
    publish = "gh release edit v1.2.3 --draft=false"
    assert told[1:] == ["gh release upload v1.2.3 dist/b.tar.gz", publish]
    assert _release(tmp_path, THERE="a.whl\nb.tar.gz").count("upload") == 1  # the one of before


def test_a_tag_that_is_not_the_version_is_no_release() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/check_release.py", "v0.0.1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "the tag is v0.0.1, the version " in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([sys.executable, "scripts/check_release.py"], "usage: "),
        ([sys.executable, "scripts/check_release.py", "v1", "v2"], "usage: "),
        ([sys.executable, "scripts/check_dist.py"], "usage: "),
        ([sys.executable, "scripts/check_dist.py", "no-such-directory"], "usage: "),
        ([sys.executable, "scripts/check_dist.py", "docs", "--relase"], "usage: "),
        (["bash", "scripts/try-dist", "no-such-python"], "no-such-python: there is no such Python"),
    ],
    ids=lambda value: "",
)
def test_nonsense_is_told_as_that(command: list[str], said: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
