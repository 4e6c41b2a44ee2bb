"""docs/releasing.md: its commands, word for word, with a repository beside for GitHub's; and what
it says of the workflow.
"""

import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import readme_snippets

ROOT = Path(__file__).parents[2]
VERSION: str = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"][
    "package"
]["version"]
PAGE = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
#: Those that take minutes, and what is done in their place. All of them have tests of their own, or
#: are what runs the tests.
STAND_INS = {
    "scripts/setup test": f"mkdir -p .venv/bin && ln -sf '{sys.executable}' .venv/bin/python",
    "scripts/package": "true",
    "scripts/docs": "true",
    "scripts/lint-workflows": "true",
    "scripts/semver": "true",
}
#: Those that ask crates.io.
LEFT_OUT = {"cargo login", 'cargo yank "pathvein-core@$version"'}
REPOSITORY = "https://github.com/alexjbuck/pathvein"


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in the place of GitHub's, with what is here, committed or not."""
    origin, settings = tmp_path / "origin.git", tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    settings.write_text(
        f'[url "{origin.as_uri()}"]\n    insteadOf = {REPOSITORY}\n'
        "[user]\n    name = Somebody\n    email = somebody@example.org\n"
        "[init]\n    defaultBranch = main\n"
    )
    here = tmp_path / "here"
    files = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, files.split("\0")):
        if (ROOT / name).exists():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, here / name, follow_symlinks=False)
    # As it is before a release, which may be what is tested.
    changelog = here / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    dated = re.compile(rf"^## {re.escape(VERSION)} \(.*\)$", re.MULTILINE)
    changelog.write_text(dated.sub(f"## {VERSION} (unreleased)", text), encoding="utf-8")
    git("init", "--quiet", "--bare", str(origin), cwd=tmp_path)
    git("init", "--quiet", cwd=here)
    git("add", "--all", cwd=here)
    git("commit", "--quiet", "--message", "Before", cwd=here)
    git("push", "--quiet", REPOSITORY, "HEAD:main", cwd=here)
    return origin


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(text: str) -> list[str]:
    return [command.command for command in readme_snippets.commands(text)]


RELEASE = commands(section("A release"))
#: What is typed if step 6 was refused; where the tag is taken away; and behind that.
REFUSED, TAKEN_AWAY, GONE_ON = (
    commands(f"```console\n{block.text}```\n")
    for block in readme_snippets.blocks(section("When it stops half-way"))
)
#: Where step 2 begins.
SET = next(index for index, command in enumerate(RELEASE) if command.startswith("version="))
ON_UNIX = pytest.mark.unix("a release is made on Linux or macOS")


class Typed:
    """One shell, into which commands are typed. It ends at the first that fails."""

    def __init__(self, typed: list[str], cwd: Path) -> None:
        lines = [f"printf '\\n@@@\\n'; {STAND_INS.get(command, command)}" for command in typed]
        done = subprocess.run(
            ["bash", "-euc", "\n".join(lines)],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        self.status = done.returncode
        self.text = done.stdout
        outputs = done.stdout.split("\n@@@\n")[1:]
        #: What each has written.
        self.said = dict(zip(typed, outputs, strict=False))


def type_all(typed: list[str], cwd: Path) -> dict[str, str]:
    done = Typed(typed, cwd)
    assert done.status == 0, done.text
    return done.said


def mended(origin: Path, tmp_path: Path) -> str:
    """A commit that somebody else has pushed to main."""
    other = tmp_path / "other"
    git("clone", "--quiet", REPOSITORY, str(other), cwd=tmp_path)
    (other / "mended").touch()
    git("add", "--all", cwd=other)
    git("commit", "--quiet", "--message", "Mended", cwd=other)
    git("push", "--quiet", "origin", "main", cwd=other)
    shutil.rmtree(other)
    return git("rev-parse", "main", cwd=origin)


TAG = f"refs/tags/v{VERSION}"


def assert_released(origin: Path, clone: Path) -> None:
    assert git("rev-parse", "main", cwd=origin) == git("rev-parse", "HEAD", cwd=clone)
    assert git("rev-parse", f"{TAG}^{{}}", cwd=origin) == git("rev-parse", "main", cwd=origin)
    assert git("status", "--short", cwd=clone) == ""
    first = re.search(r"^## .*$", git("show", "HEAD:CHANGELOG.md", cwd=clone), re.MULTILINE)
    assert first is not None
    assert re.fullmatch(rf"## {re.escape(VERSION)} \(\d{{4}}-\d\d-\d\d\)", first[0])


def tags(origin: Path) -> str:
    return git("ls-remote", "--tags", str(origin), cwd=origin)


def test_the_commands_are_those_that_are_tried() -> None:
    everything = [*RELEASE, *REFUSED, *TAKEN_AWAY, *GONE_ON]
    others = [command for command in commands(PAGE) if command not in everything]
    assert set(others) == LEFT_OUT
    assert set(STAND_INS) <= set(everything)
    assert commands(PAGE).count(f"version={VERSION}") == 3


@ON_UNIX
def test_a_release(origin: Path, tmp_path: Path) -> None:
    """And one after the workflow failed: in another shell the tag is taken away, and put again."""
    said = type_all(RELEASE, tmp_path)
    clone = tmp_path / "pathvein-release"
    assert said['.venv/bin/python scripts/check_release.py "v$version"'] == ""
    assert said["git status --short"] == ""
    assert len(said['scripts/release-notes "$version"']) > 500
    assert git("diff", "--name-only", "HEAD~", cwd=clone) == "CHANGELOG.md\n"
    assert_released(origin, clone)

    type_all(TAKEN_AWAY, tmp_path)
    assert tags(origin) == git("tag", cwd=clone) == ""
    mend = mended(origin, tmp_path)
    # There is nothing to commit by now, unless midnight was between.
    said = type_all([*TAKEN_AWAY[:2], *GONE_ON, *RELEASE[SET:]], tmp_path)
    assert said["git status --short"] == ""
    assert_released(origin, clone)
    git("merge-base", "--is-ancestor", mend.strip(), "HEAD", cwd=clone)


@ON_UNIX
def test_a_push_that_is_refused_since_main_has_moved_on(origin: Path, tmp_path: Path) -> None:
    type_all(RELEASE[:SET], tmp_path)
    clone = tmp_path / "pathvein-release"
    mend = mended(origin, tmp_path)
    refused = Typed(RELEASE[SET:], clone)
    assert refused.status != 0
    assert list(refused.said) == RELEASE[SET:], refused.text
    assert tags(origin) == ""
    assert git("rev-parse", "main", cwd=origin) == mend
    type_all([RELEASE[SET], *REFUSED, *RELEASE[SET:]], clone)
    assert_released(origin, clone)
    git("merge-base", "--is-ancestor", mend.strip(), "HEAD", cwd=clone)


@ON_UNIX
def test_a_date_that_was_not_put_stops_it(origin: Path, tmp_path: Path) -> None:
    """The changelog begins with another version, which `sed` does not tell."""
    type_all(RELEASE[:SET], tmp_path)
    clone = tmp_path / "pathvein-release"
    changelog = clone / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace(f"## {VERSION} (", "## 99.0.0 (", 1), encoding="utf-8")
    stopped = Typed(RELEASE[SET:], clone)
    assert stopped.status == 1
    assert list(stopped.said)[-1].startswith(".venv/bin/python scripts/check_release.py")
    assert "CHANGELOG.md begins with '## 99.0.0" in stopped.text
    assert git("tag", cwd=clone) == ""


def test_tools_are_installed_behind_the_version() -> None:
    """`scripts/setup` makes `.venv` anew when the version has changed, and `scripts/package` calls
    it, but without what `scripts/lint-workflows` takes.
    """
    for typed in (RELEASE, [*TAKEN_AWAY, *GONE_ON, *RELEASE[SET:]]):
        places = [typed.index(c) for c in ('scripts/set-version "$version"', "scripts/setup test")]
        assert places == sorted(places)


def test_jobs_are_told_in_order() -> None:
    told = re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)
    assert told == list(WORKFLOW["jobs"])
    for earlier, later in itertools.pairwise(told):
        needs = WORKFLOW["jobs"][later]["needs"]
        assert needs == earlier or WORKFLOW["jobs"][earlier]["needs"] == needs, later


def test_what_is_set_up_once_is_what_the_workflow_takes() -> None:
    once = PAGE.partition("## Once")[2].partition("\n## ")[0]
    environments = {
        job["environment"]["name"] for job in WORKFLOW["jobs"].values() if "environment" in job
    }
    assert environments == {"pypi", "crates-io"}
    for name in environments:
        assert f"environment `{name}`" in once
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    secrets = set(re.findall(r"secrets\.(\w+)", text))
    assert secrets == {"CRATES_IO_TOKEN"}
    assert all(f"`{name}`" in once for name in secrets)
    assert "workflow `release.yml`" in once
    # `v*`, which the rules of the environments let through, is what starts it.
    assert WORKFLOW[True]["push"] == {"tags": ["v*"]}
    assert "tags `v*`" in once
