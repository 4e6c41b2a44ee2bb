"""docs/releasing.md: its commands, word for word, up to the push to a repository beside; and what
it says of the workflow.
"""

import itertools
import re
import shutil
import subprocess
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
#: Those that take minutes. All of them have tests of their own, or are what runs the tests.
LEFT_OUT = {"scripts/setup test", "scripts/package", "scripts/docs", "scripts/lint-workflows"}
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


def test_the_release_up_to_the_push(origin: Path, tmp_path: Path) -> None:
    """And the tag that is taken away again."""
    commands = [command.command for command in readme_snippets.commands(PAGE)]
    assert set(commands) >= LEFT_OUT
    tag = f"refs/tags/v{VERSION}"
    said = {}
    work = tmp_path
    assert f"version={VERSION}" in commands
    for command in commands:
        if command in LEFT_OUT:
            continue
        if command.startswith("cd "):
            work /= command.removeprefix("cd ")
            continue
        done = subprocess.run(
            ["bash", "-c", f"version={VERSION}\n{command}"],
            cwd=work,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said[command] = done.stdout
        if command.startswith("git push --atomic"):
            assert tag in git("ls-remote", str(origin), cwd=work)
            assert git("rev-parse", "main", cwd=origin) == git("rev-parse", "HEAD", cwd=work)
    assert said['python3 scripts/check_release.py "v$version"'] == said["git status --short"] == ""
    assert len(said['scripts/release-notes "$version"']) > 500
    assert git("diff", "--name-only", "HEAD~", cwd=work) == "CHANGELOG.md\n"
    assert tag not in git("ls-remote", str(origin), cwd=work)
    assert git("tag", cwd=work) == ""


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
