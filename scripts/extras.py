"""Installs each extra of pathvein alone, into an empty environment, and uses what it is for.

``scripts/extras [--dist DIRECTORY] [EXTRA...]``; an extra that is empty is the plain package.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRIAL = ROOT / "tests" / "support" / "extra_trial.py"
sys.path.insert(0, str(TRIAL.parent))

from servers import Servers  # noqa: E402

#: The store that an extra is tried with.
STORES = {
    "s3": "s3-ministack",
    "gcs": "gcs",
    "azure": "azure",
    "sftp": "sftp-paramiko",
    "obstore,s3": "s3-ministack",
    "all": "s3-ministack",
}


def extras() -> list[str]:
    """All that there are, the plain package, and obstore beside a store, which it takes."""
    text = (ROOT / "python" / "pyproject.toml").read_text(encoding="utf-8")
    return ["", *tomllib.loads(text)["project"]["optional-dependencies"], "obstore,s3"]


def the_only(dist: Path, glob: str) -> Path:
    found = list(dist.glob(glob))
    if len(found) != 1:
        sys.exit(f"{dist} holds {len(found)} files {glob}, not one: run scripts/package first")
    return found[0].resolve()


def wheel_for_this_python(dist: Path, scratch: Path) -> Path:
    """That of pathvein-core which pip chooses: there is one for each system and interpreter."""
    pip = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--no-index"]
    pip += ["--only-binary", ":all:", "--find-links", os.fspath(dist.resolve())]
    try:
        run(*pip, "--dest", scratch, "pathvein-core", cwd=scratch)
    except subprocess.CalledProcessError:
        sys.exit(f"{dist} holds no wheel of pathvein-core for this: run scripts/package first")
    return the_only(scratch, "pathvein_core-*.whl")


def run(*command: str | Path, cwd: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env.pop("VIRTUAL_ENV", None)
    subprocess.run(command, check=True, cwd=cwd, env=env, timeout=900)


def environment(home: Path, packages: list[str | Path]) -> Path:
    """The Python of a new environment with nothing but these, and what they ask for."""
    uv = [sys.executable, "-m", "uv", "--quiet", "--no-config"]
    run(*uv, "venv", "--python", sys.executable, "env", cwd=home)
    python = home / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(*uv, "pip", "install", "--python", python, *packages, cwd=home)
    return python


@contextlib.contextmanager
def place(servers: Servers, extra: str) -> Iterator[list[str]]:
    """Where the store of an extra holds a run: a URL, and its options as JSON."""
    if extra not in STORES:
        yield []
        return
    from reference import Tree

    lab = Tree({"run_1": Tree({}, ("config.json",))})
    with servers.get(STORES[extra]).tree(Tree({"lab": lab})) as where:
        yield [where.url, json.dumps(where.options)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the wheels are")
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help="only these")
    options = parser.parse_args()
    package = the_only(options.dist, "pathvein-*.whl")
    servers = Servers()
    failed = []
    with tempfile.TemporaryDirectory() as chosen, contextlib.ExitStack() as stack:
        core = wheel_for_this_python(options.dist, Path(chosen).resolve())
        stack.callback(servers.stop)
        for extra in options.extras or extras():
            print(f"== pathvein[{extra}]" if extra else "== pathvein, without an extra", flush=True)
            with tempfile.TemporaryDirectory() as scratch:
                home = Path(scratch).resolve()
                (home / "work").mkdir()
                try:
                    wanted = f"{package}[{extra}]" if extra else package
                    python = environment(home, [core, wanted])
                    with place(servers, extra) as where:
                        run(python, "-P", TRIAL, extra, *where, cwd=home / "work")
                except subprocess.CalledProcessError:
                    failed.append(extra)
    if failed:
        sys.exit(f"FAILED: {', '.join(extra or 'without an extra' for extra in failed)}")


if __name__ == "__main__":
    main()
