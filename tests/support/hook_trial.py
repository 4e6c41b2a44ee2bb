"""Two git repositories: one that has pathvein's hook for pre-commit, and one that uses it.

``python hook_trial.py DIR`` makes them in a directory that is empty, lets pre-commit install the
hook from the distributions that ``PIP_FIND_LINKS`` names, and sees that it does its work. That
takes an index for what pathvein needs itself. The tests run it without installing anything.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
GATE = ROOT / "examples" / "checking" / "gate"


class Trial:
    """The repository of somebody who uses the hook, as docs/checking.md says."""

    def __init__(self, top: Path, **overrides: object) -> None:
        """`overrides` are keys of the hook in the user's configuration."""
        self.hook, self.repository = top / "hook", top / "repository"
        #: git without the settings of whoever runs this; pre-commit's own files are below `top`.
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "PRE_COMMIT_HOME": str(top / "pre-commit"),
        }
        self.hook.mkdir()
        # All that pre-commit looks at of this checkout.
        for name in (".pre-commit-hooks.yaml", "pyproject.toml"):
            shutil.copy(ROOT / name, self.hook)
        self.commit(self.hook)

        make_tree = ROOT / "examples/checking/make-tree"
        subprocess.run([make_tree, GATE / "tree.txt", self.repository], check=True)
        shutil.copy(GATE / "structure.txt", self.repository)
        configuration = yaml.safe_load((GATE / "pre-commit-config.yaml").read_text())
        [entry] = configuration["repos"]
        entry |= {"repo": self.hook.as_uri(), "rev": self.git(self.hook, "rev-parse", "HEAD")}
        entry["hooks"][0] |= overrides
        (self.repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration))
        self.commit(self.repository)

    def git(self, where: Path, *arguments: str) -> str:
        """What git says."""
        who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        command: list[str | Path] = ["git", "-C", where, *who, *arguments]
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().strip()

    def commit(self, where: Path) -> None:
        """Commit all that is there."""
        self.git(where, "init", "--quiet")
        self.git(where, "add", "--all")
        self.git(where, "commit", "--quiet", "--no-verify", "--message", "All of it")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pre-commit in the user's repository, on what is staged."""
        command = [sys.executable, "-m", "pre_commit", "run", "--color", "never", *arguments]
        return subprocess.run(
            command, cwd=self.repository, env=self.environment, capture_output=True, text=True
        )

    def mend(self) -> None:
        """Make the data sets what they should be, and stage that."""
        datasets = self.repository / "datasets"
        (datasets / "ds-002/LICENCE").rename(datasets / "ds-002/LICENSE")
        (datasets / "ds-003/data/.DS_Store").unlink()
        self.git(self.repository, "add", "--all")


def main(top: Path) -> None:
    """The hook fails, and once all is mended it passes."""
    trial = Trial(top)
    before = trial.run()
    trial.mend()
    after = trial.run()
    print(before.stdout, after.stdout, sep="")
    if (before.returncode, "ds-002" in before.stdout, after.returncode) != (1, True, 0):
        sys.exit(f"This is not what it should do.\n{before.stderr}{after.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
