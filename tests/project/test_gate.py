"""A gate as docs/checking.md has it: the hook for pre-commit, and the workflow of the example."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hook_trial import GATE, ROOT, Trial

#: Where `pathvein` is, for those who find it on the PATH.
PROGRAMS = str(Path(sys.executable).parent)


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", PROGRAMS, prepend=os.pathsep)


@pytest.fixture
def trial(tmp_path: Path, on_path: None) -> Trial:
    """The `pathvein` on the PATH is run: scripts/package has the hook installed."""
    return Trial(tmp_path, language="system")


def test_hook_tells_what_is_missing(trial: Trial) -> None:
    done = trial.run()
    assert done.returncode == 1, done.stderr
    assert "pathvein check" in done.stdout
    for line in ["ds-002: LICENSE", "ds-003: data/", "3 candidates: 1 complete, 2 not"]:
        assert line in done.stdout
    trial.mend()
    assert trial.run().returncode == 0


def test_hook_runs_whatever_was_changed(trial: Trial) -> None:
    """A commit that only takes a file away has no files that a hook could be given."""
    trial.mend()
    trial.commit(trial.repository)
    trial.git(trial.repository, "rm", "--quiet", "datasets/ds-001/LICENSE")
    done = trial.run()
    assert done.returncode == 1
    assert "ds-001: LICENSE" in done.stdout


def test_pre_commit_takes_what_is_written() -> None:
    for command, path in [
        ("validate-manifest", ROOT / ".pre-commit-hooks.yaml"),
        ("validate-config", GATE / "pre-commit-config.yaml"),
    ]:
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", command, path], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, "")


def steps() -> Iterator[dict[str, Any]]:
    workflow = yaml.safe_load((GATE / "workflow.yml").read_text())
    [job] = workflow["jobs"].values()
    yield from job["steps"]


def runs(tree: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """What the steps of the workflow do, by their commands, but for the one that installs."""
    done = {}
    for step in steps():
        command = step.get("run")
        if command and not command.startswith("pip install 'pathvein["):
            # As GitHub runs it if nothing else is said.
            done[command] = subprocess.run(
                ["bash", "-e", "-c", command], cwd=tree, capture_output=True, text=True
            )
    return done


def test_workflow(trial: Trial) -> None:
    tree = trial.repository
    [gate, junit, report] = runs(tree).values()
    assert gate.returncode == 1
    annotations = [line for line in gate.stdout.splitlines() if line.startswith("::error ")]
    assert len(annotations) == 2
    assert "ds-002" in annotations[0] + annotations[1]
    assert junit.returncode == 1
    assert 'failures="2"' in (tree / "structure.xml").read_text()
    assert report.returncode == 1
    assert "LICENCE" in (tree / "structure.html").read_text()

    trial.mend()
    assert [done.returncode for done in runs(tree).values()] == [0, 0, 0]

    # Without --min, that there is nothing at all would pass.
    (tree / "datasets").rename(tree / "elsewhere")
    (tree / "datasets").mkdir()
    [gate, *_] = runs(tree).values()
    assert gate.returncode == 1


def test_workflow_keeps_what_its_steps_write() -> None:
    """A step that fails ends the others, but for those that say that they want to run."""
    written = [step for step in steps() if "upload-artifact" in step.get("uses", "")]
    assert [step["with"]["path"].split() for step in written] == [
        ["structure.html", "structure.xml"]
    ]
    later = list(steps())
    [gate] = [n for n, step in enumerate(later) if "--format github" in step.get("run", "")]
    assert all("cancelled" in step["if"] for step in later[gate + 1 :])
    assert "if" not in later[gate]
