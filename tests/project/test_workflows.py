"""What GitHub runs: each step is a command that is run elsewhere, too, and none has more rights
than it needs. actionlint and zizmor, by `scripts/lint-workflows`, look at all else.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import check_dist

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

#: Commands that scripts/test does not run, but which run on any machine as they stand; and when.
ANYWHERE = {
    "scripts/test": "it is what runs this",
    "scripts/test --quick": "its half",
    "scripts/test --long": "when what it measures has changed",
    'scripts/differential 2000000 "$((GITHUB_RUN_NUMBER * 2000000))"': "when the core has changed",
    "scripts/fuzz --build": "when the core has changed; scripts/test compiles some",
    "scripts/fuzz 3600": "before a release; scripts/test fuzzes for seconds",
    "scripts/package --all --strict": "before a release, with free-threaded Pythons",
    "scripts/oldest": "when a requirement has changed",
    "scripts/docs": "to look at the site; tests/site builds it, and checks its links",
    "scripts/try-dist python": "scripts/package runs it",
    "python scripts/check_dist.py dist --release": "with the files of all systems",
    'python scripts/check_release.py "$GITHUB_REF_NAME"': "before a release; a test does",
    "python -m pip install auditwheel packaging": "in any environment",
    "cargo update": "before a release",
    "rustup update stable": "where rustup is",
}
#: Those that need GitHub, or what only its machines have; and what.
NEEDS_GITHUB = {
    "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0": "sudo, and Ubuntu's AppArmor",
    "sudo env CI=true .venv/bin/python -B -m pytest -p no:cacheprovider"
    " tests/local/test_filesystems.py": "sudo; scripts/test runs it where it is root",
    'docker run --rm --volume "$PWD:/pathvein:ro" python:3.14-alpine'
    ' sh -c "apk add --no-cache bash && /pathvein/scripts/try-dist python"': "Docker",
    "gh auth setup-git --hostname github.com --force": "its command and its token",
    "scripts/docs --deploy dev": "the right to push; tests deploy to a repository beside",
    'scripts/docs --deploy "${GITHUB_REF_NAME#v}" latest': "the right to push; as above",
    "scripts/publish-crate": "the right to publish; a test runs it with another cargo",
    'scripts/publish-on-github "$GITHUB_REF_NAME" dist': "its token; tests run it with another gh",
}


class Step(NamedTuple):
    """A step of a job of a workflow."""

    workflow: str
    job: str
    keys: dict[str, Any]


def _workflow(name: str) -> dict[Any, Any]:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    loaded: dict[Any, Any] = yaml.safe_load(text)
    return loaded


WORKFLOWS = {path.stem: _workflow(path.stem) for path in FILES}
JOBS = [
    (name, job, keys)
    for name, workflow in WORKFLOWS.items()
    for job, keys in workflow["jobs"].items()
]
STEPS = [Step(name, job, step) for name, job, keys in JOBS for step in keys.get("steps", [])]
COMMANDS = sorted({step.keys["run"] for step in STEPS if "run" in step.keys})


def _toml(path: str) -> Any:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def test_all_are_there() -> None:
    assert set(WORKFLOWS) == {"checks", "docs", "nightly", "release", "wheels"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_step_is_one_command_that_runs_here(command: str) -> None:
    assert "\n" not in command
    assert "${{" not in command, "what somebody else has named would be run"
    words = command.split()
    for script in filter(re.compile(r"scripts/[\w.-]+$").match, words):
        assert (ROOT / script).is_file(), script
    if command in ANYWHERE or command in NEEDS_GITHUB:
        return
    called = (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    assert re.search(rf"^\s*(step .*|.* )?{re.escape(command)}$", called, re.MULTILINE), (
        "neither scripts/test nor a table above has it"
    )


def test_no_exception_is_left_over() -> None:
    assert not set(ANYWHERE) - set(COMMANDS)
    assert not set(NEEDS_GITHUB) - set(COMMANDS)


@pytest.mark.parametrize(("workflow", "job", "keys"), JOBS, ids=lambda value: str(value)[:20])
def test_a_job_has_a_limit_and_no_more_than_its_own_rights(
    workflow: str, job: str, keys: dict[str, Any]
) -> None:
    assert WORKFLOWS[workflow]["permissions"] == {}
    rights = keys["permissions"]
    if "uses" not in keys:
        assert keys["timeout-minutes"] <= 240
    writes = {right for right, value in rights.items() if value == "write"}
    assert set(rights.values()) <= {"read", "write"}
    assert writes <= {
        ("docs", "publish"): {"contents"},
        ("release", "attest"): {"id-token", "attestations"},
        ("release", "crates-io"): {"id-token"},
        ("release", "pypi-core"): {"id-token"},
        ("release", "pypi"): {"id-token"},
        ("release", "github"): {"contents"},
        ("release", "docs"): {"contents"},
    }.get((workflow, job), set())
    if "id-token" in writes and job != "attest":
        # There a person may have to approve of it.
        assert keys["environment"]["name"] == ("crates-io" if job == "crates-io" else "pypi")


def test_nothing_that_a_pull_request_could_misuse() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        # For the first version of the crate, in an environment that a pull request does not reach.
        text = text.replace("${{ steps.auth.outputs.token || secrets.CRATES_IO_TOKEN }}", "")
        for word in ("pull_request_target", "workflow_run", "secrets.", "actions/cache", "cache:"):
            assert word not in text, (path.name, word)
    for name in ("wheels", "nightly", "release"):
        assert "pull_request" not in WORKFLOWS[name][True], name  # YAML 1.1 takes `on` for true
    for step in STEPS:
        if step.keys.get("uses", "").startswith("actions/checkout@"):
            assert step.keys["with"]["persist-credentials"] is False, step


def test_actions_are_few_and_pinned_by_their_commits() -> None:
    pinned: dict[str, set[str]] = {}
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not (use := re.match(r"\s+(?:- )?uses: (\S+)(.*)", line)) or use[1].startswith("./"):
                continue
            action, _, commit = use[1].partition("@")
            assert re.fullmatch(r"[0-9a-f]{40}", commit), line
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", use[2]), line
            pinned.setdefault(action, set()).add(commit + use[2])
    assert all(len(commits) == 1 for commits in pinned.values()), pinned
    assert set(pinned) == {
        "actions/attest-build-provenance",
        "actions/checkout",
        "actions/download-artifact",
        "actions/setup-python",
        "actions/upload-artifact",
        "pypa/gh-action-pypi-publish",
        "rust-lang/crates-io-auth-action",
    }


def test_the_pythons_are_those_of_the_classifiers() -> None:
    classifiers = _toml("python/pyproject.toml")["project"]["classifiers"]
    promised = {found[1] for c in classifiers if (found := re.search(r"Python :: (3\.\d+)$", c))}
    checks = WORKFLOWS["checks"]["jobs"]
    matrix = checks["tests"]["strategy"]["matrix"]
    options = [step.get("with", {}) for step in checks["everything"]["steps"]]
    full = [option["python-version"] for option in options if "python-version" in option]
    on_linux = {*full, *matrix["python"]}
    assert {python for python in on_linux if not python.endswith("t")} == promised
    free_threaded = any("Free Threading" in classifier for classifier in classifiers)
    assert any(python.endswith("t") for python in on_linux) == free_threaded
    # Elsewhere the oldest and the newest.
    ends = {min(promised, key=_number), max(promised, key=_number)}
    elsewhere: dict[str, set[str]] = {}
    for entry in matrix["include"]:
        elsewhere.setdefault(entry["system"], set()).add(entry["python"])
    assert elsewhere == dict.fromkeys(("ubuntu-24.04-arm", "macos-15", "windows-2025"), ends)


def _number(python: str) -> int:
    return int(python.rpartition(".")[2])


def test_a_release_publishes_what_it_built_and_tried() -> None:
    jobs = WORKFLOWS["release"]["jobs"]
    order = ["ready", "checks", "attest", "crates-io", "pypi-core", "pypi", "github"]
    for before, after in itertools.pairwise(order):
        assert jobs[after]["needs"] == before
    assert WORKFLOWS["checks"]["jobs"]["wheels"]["uses"] == "./.github/workflows/wheels.yml"
    for job in ("pypi-core", "pypi"):
        download, publish = jobs[job]["steps"]
        assert download["with"]["name"].startswith("dist-pathvein")
        assert publish["with"] == {"packages-dir": download["with"]["path"], "skip-existing": True}


def test_a_job_that_is_run_again_may_upload_again() -> None:
    """Otherwise it fails where an artifact of its name is left of the first time."""
    uploads = [s for s in STEPS if s.keys.get("uses", "").startswith("actions/upload-artifact@")]
    assert len(uploads) > 3
    for step in uploads:
        assert step.keys["with"]["overwrite"] is True, step


def test_wheels_are_built_where_they_are_for() -> None:
    built_on = {
        "manylinux2014_x86_64.manylinux_2_17_x86_64": "ubuntu-24.04",
        "manylinux2014_aarch64.manylinux_2_17_aarch64": "ubuntu-24.04",
        "musllinux_1_2_x86_64": "ubuntu-24.04",
        "musllinux_1_2_aarch64": "ubuntu-24.04",
        "macosx_*_x86_64": "macos-15-intel",
        "macosx_*_arm64": "macos-15",
        "win_amd64": "windows-2025",
        "win_arm64": "windows-11-arm",
    }
    assert set(built_on) == set(check_dist.PLATFORMS)
    jobs = WORKFLOWS["wheels"]["jobs"]
    build = jobs["build"]
    assert set(build["strategy"]["matrix"]["system"]) == set(built_on.values())
    free_threaded = {
        found[1]
        for step in build["steps"]
        if (found := re.search(r"^(\d\.\d+)t$", step.get("with", {}).get("python-version", "")))
    }
    tags = [re.match(r"cp3(\d+).*t$", tag) for tag in check_dist.INTERPRETERS]
    assert free_threaded == {f"3.{found[1]}" for found in tags if found}
