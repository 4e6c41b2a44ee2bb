"""The source is what was given and opened, not what a text made of it leads to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cli_process
from pathvein import FileStructurePattern as P
from pathvein import iscan, scan, walk_parallel
from trees import Dir, File, Make, built, run_unprivileged, tree

linux = pytest.mark.linux("Linux's /proc, and its limits")
RUN = P("run_*", ["config.json"])


def every_way(source: Any) -> list[set[str]]:
    """What `scan`, `iscan`, the walk and the command line find: the paths of runs."""
    with iscan(source, RUN, on_error="raise") as stream:
        streamed = {str(result.source) for result in stream}
    pattern = json.loads(RUN.to_json())
    done = cli_process.run("scan", source, "-p", "-", stdin=json.dumps(pattern).encode())
    assert done.returncode == 0, done.stderr
    return [
        {str(result.source) for result in scan(source, RUN, on_error="raise")},
        streamed,
        {path for path, _, files in walk_parallel(source, on_error="raise") if files},
        set(map(os.fsdecode, done.stdout.splitlines())),
    ]


@linux
def test_the_tree_of_another_process(tmp_path: Path) -> None:
    """Its root has another tree mounted at the same path: that one is scanned, and named."""
    for name in ("here/run_host", "there/run_inside", "there/sub/run_deep"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    command = 'mount --bind "$1/there" "$1/here" && echo mounted && exec sleep 60'
    private = ["unshare", "-m", "--propagation", "private"]
    other = subprocess.Popen(
        [*private, "sh", "-c", command, "sh", tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        if other.stdout.readline() != "mounted\n":
            pytest.skip("nothing can be mounted here")
        root = f"/proc/{other.pid}/root"
        # By the place itself; by one above, where the directory is the same and only the mounts
        # below are not; by a link in it.
        (tmp_path / "link").symlink_to("here")
        for source, below in [("/here", ""), ("", "/here"), ("/here/sub/..", ""), ("/link", "")]:
            top = f"{root}{tmp_path}{source}"
            expected = {f"{top}{below}/run_inside", f"{top}{below}/sub/run_deep"}
            if not source:
                expected |= {f"{top}/there/run_inside", f"{top}/there/sub/run_deep"}
            for found in every_way(top):
                assert found == expected
        # The name, too, is that of what was given.
        (result,) = scan(f"{root}{tmp_path}/here", P("here"))
        assert str(result.source) == f"{root}{tmp_path}/here"
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


@linux
def test_another_process_in_the_same_tree_is_named_by_the_plain_path(tmp_path: Path) -> None:
    (tmp_path / "lab/run_1").mkdir(parents=True)
    (tmp_path / "lab/run_1/config.json").touch()
    other = subprocess.Popen(["sleep", "60"], cwd=tmp_path / "lab")
    top = tmp_path.resolve()
    try:
        for source in (f"/proc/{other.pid}/cwd", f"/proc/{other.pid}/root{top}/lab"):
            found = scan(source, [RUN, P("lab")])
            assert {str(result.source) for result in found} == {f"{top}/lab", f"{top}/lab/run_1"}
    finally:
        other.kill()
        other.wait()


@linux
def test_an_open_directory(tmp_path: Path) -> None:
    """By `/dev/fd`: it is scanned wherever it is now, and nothing else that is called so."""
    for name in ("lab/run_1", "other/run_2"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    top = tmp_path.resolve()
    lab = os.open(top / "lab", os.O_RDONLY)
    try:
        for source in (f"/dev/fd/{lab}", f"/proc/self/fd/{lab}"):
            assert {str(result.source) for result in scan(source, RUN)} == {f"{top}/lab/run_1"}
        os.rename(top / "lab", top / "moved")
        os.rename(top / "other", top / "lab")
        for source in (f"/dev/fd/{lab}", f"/proc/self/fd/{lab}"):
            assert {str(result.source) for result in scan(source, RUN)} == {f"{top}/moved/run_1"}
            walked = {path for path, _, files in walk_parallel(source) if files}
            assert walked == {f"{source}/run_1"}
    finally:
        os.close(lab)


def beyond_reach() -> None:
    spec = Dir({"closed": Dir({"lab": tree("run_1/config.json", "run_2/config.json")})})
    with built(spec) as top:
        os.chdir(top / "closed/lab")
        os.chmod(top / "closed", 0)
        lab = f"{os.path.realpath(top)}/closed/lab"
        both = {f"{lab}/run_1", f"{lab}/run_2"}
        try:
            for source in (".", "./", Path(".")):
                assert {str(r.source) for r in scan(source, RUN, on_error="raise")} == both
                assert {str(r.source) for r in iscan(source, RUN, on_error="raise")} == both
                assert {str(r.source) for r in scan(source, P("lab"))} == {lab}
            assert {str(r.source) for r in scan("run_1", RUN)} == {f"{lab}/run_1"}
            assert {d for d, _, files in walk_parallel(".") if files} == {"./run_1", "./run_2"}
            for source in (lab, "..", f"{lab}/run_1"):
                with pytest.raises(PermissionError) as caught:
                    scan(source, RUN)
                assert caught.value.filename == source
        finally:
            os.chmod(top / "closed", 0o755)
            os.chdir("/")


def test_a_working_directory_whose_path_may_not_be_searched() -> None:
    run_unprivileged(beyond_reach)


def in_the_depth(top: Path) -> None:
    os.chdir(top)
    for _ in range(50):
        os.mkdir("x" * 99)
        os.chdir("x" * 99)
    os.makedirs("run_1")
    open("run_1/config.json", "w").close()
    here = f"{os.path.realpath(top)}/{'/'.join(['x' * 99] * 50)}"
    # It is named by its whole path all the same, though no path as long can be opened.
    for source in (".", "..", "../" + "x" * 99, "run_1"):
        for found in (scan(source, RUN, on_error="raise"), set(iscan(source, RUN))):
            assert {str(result.source) for result in found} == {f"{here}/run_1"}, source
        walked = [path for path, _, files in walk_parallel(source, on_error="raise") if files]
        assert len(walked) == 1
    assert {str(r.source) for r in scan(".", P("x*"))} == {here}
    assert len(scan("..", P("x*"))) == 2
    assert {found.rpartition("/")[2] for found in every_way(".")[3]} == {"run_1"}
    os.chdir("/")


@linux
def test_a_working_directory_deeper_than_a_path_may_be_long(make: Make) -> None:
    top = make(Dir({"f": File()}))
    code = "import sys; sys.path[:0] = sys.argv[2:]; import pathlib, test_sources as tests"
    code += "\ntests.in_the_depth(pathlib.Path(sys.argv[1]))"
    done = cli_process.run_python(code, top, *sys.path, os.path.dirname(__file__), cwd=top)
    shutil.rmtree(top / ("x" * 99))
    assert done.returncode == 0, done.stderr.decode()


@linux
def test_a_working_directory_that_was_removed(make: Make) -> None:
    code = """if True:
        import os, sys, pathvein
        os.rmdir(os.getcwd())
        for source in ".", "..", "x":
            try:
                print(len(pathvein.scan(source, pathvein.FileStructurePattern())), end=" ")
            except FileNotFoundError as error:
                print(error.filename, end=" ")
    """
    top = make(Dir({"d": Dir()}))
    done = cli_process.run_python(code, cwd=top / "d")
    assert (done.stdout, done.stderr) == (b". .. x ", b"")
