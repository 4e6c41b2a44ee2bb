"""``pathvein shuffle``: what it writes, what it says, how it ends."""

import filecmp
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from cli_process import COMMAND, ENVIRONMENT, Arg, interruptible, run, run_python, start, terminal

LISTING = b"This operation will copy the following directories:\n"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A laboratory: two runs, one of them deep."""
    lab = tmp_path.resolve() / "lab"
    for directory, file in ("run_2", "a.csv"), ("old/2025/run_1", "b.csv"):
        (lab / directory).mkdir(parents=True)
        (lab / directory / file).write_text("1,2")
        (lab / directory / "notes.txt").write_text("not copied")
    return lab


@pytest.fixture
def out(lab: Path) -> Path:
    """Where copies go; it does not exist."""
    return lab.parent / "out"


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"directory_name": "run_*", "files": ["*.csv"]}))
    return path


def shuffle(*args: Arg, **environment: str) -> tuple[int, bytes, list[str]]:
    """Exit status, standard output, and the lines of standard error."""
    result = subprocess.run(
        [*COMMAND, "shuffle", *args],
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    return result.returncode, result.stdout, result.stderr.decode().splitlines()


def files(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def listing(*paths: Path) -> bytes:
    return LISTING + b"".join(b"%b\n" % bytes(path) for path in paths)


def copied(*pairs: tuple[Path, Path]) -> bytes:
    return b"".join(b"%b -> %b\n" % (bytes(source), bytes(to)) for source, to in pairs)


# What it writes.


def test_output(lab: Path, out: Path, pattern: Path) -> None:
    old, new = lab / "old/2025/run_1", lab / "run_2"
    # One worker copies in this order.
    assert shuffle(lab, out, "-p", pattern, "--threads", "1") == (
        0,
        listing(old, new)
        + copied((old, out / "run_1"), (new, out / "run_2"))
        + b"Copied 2 directories\n",
        [],
    )
    assert files(out) == ["run_1", "run_1/b.csv", "run_2", "run_2/a.csv"]
    status, output, said = shuffle(lab, out, "-p", pattern)
    assert (status, output) == (0, listing(old, new) + b"Copied 0 directories\n")
    assert sorted(said) == [
        f"Destination folder already exists: {out / name}. Skipping: {name}"
        for name in ("run_1", "run_2")
    ]


def test_paths_are_told_as_they_were_given(lab: Path, pattern: Path) -> None:
    result = run("shuffle", "lab/run_2", "out", "-p", "run.json", cwd=lab.parent)
    new = lab / "run_2"
    assert result.stdout == (
        listing(new) + copied((new, Path("out/run_2"))) + b"Copied 1 directories\n"
    )
    assert files(lab.parent / "out") == ["run_2", "run_2/a.csv"]


def test_nothing_found(lab: Path, out: Path, pattern: Path) -> None:
    empty = lab / "empty"
    empty.mkdir()
    assert shuffle(empty, out, "-p", pattern) == (0, LISTING + b"Copied 0 directories\n", [])
    assert not out.exists()


def test_dry_run(lab: Path, out: Path, pattern: Path) -> None:
    status, output, said = shuffle(lab, out / "deep", "-p", pattern, "--dryrun")
    assert (status, said) == (0, ["This was a dry run: nothing was copied"])
    assert output.endswith(b"Copied 2 directories\n")
    assert output.count(b" -> ") == 2
    assert not out.exists()


def test_options_of_0_9(lab: Path, out: Path, pattern: Path) -> None:
    args = (lab, out, "--no-overwrite", "--no-dryrun", "--pattern", pattern, "--verbose")
    status, output, _ = shuffle(*args)
    assert (status, output.count(b" -> ")) == (0, 2)
    # The last one counts, whatever came before.
    assert shuffle(*args)[1].count(b" -> ") == 0
    assert shuffle(*args, "--overwrite")[1].count(b" -> ") == 2
    assert shuffle(*args, "--overwrite", "--no-overwrite")[1].count(b" -> ") == 0


def test_who_is_quiet_is_told_no_more_than_what_is_wrong(
    lab: Path, out: Path, pattern: Path
) -> None:
    log = lab.parent / "log"
    args = (lab, out, "-p", pattern, "-q")
    (lab / "run_2/none.csv").symlink_to("nowhere")
    assert shuffle(*args, "--dryrun")[2] == []
    status, output, said = shuffle(*args, PATHVEIN_LOG_FILE=str(log))
    assert (status, output.count(b" -> "), said) == (0, 2, [])
    assert "INFO pathvein.cli: Left out: " in log.read_text()
    # What was copied before is skipped without a word; what cannot be copied is told.
    assert shuffle(*args)[2] == []
    twin = lab / "z/run_2"
    twin.mkdir(parents=True)
    (twin / "z.csv").touch()
    [line] = shuffle(lab, out / "deep", "-p", pattern, "-q")[2]
    assert line.startswith("Several directories have one destination: ")


def test_overwrite(lab: Path, out: Path, pattern: Path) -> None:
    (out / "run_2").mkdir(parents=True)
    (out / "run_2/a.csv").write_text("old")
    (out / "run_2/more").write_text("old")
    status, output, said = shuffle(lab, out, "-p", pattern, "--overwrite")
    assert (status, output.count(b" -> "), said) == (0, 2, [])
    assert files(out / "run_2") == ["a.csv", "more"]
    assert (out / "run_2/a.csv").read_text() == "1,2"


def test_one_destination(lab: Path, out: Path, pattern: Path) -> None:
    twin = lab / "z/run_2"
    twin.mkdir(parents=True)
    (twin / "z.csv").touch()
    args = (lab, out, "-p", pattern, "--exclude", "old")
    status, output, said = shuffle(*args, "--on-conflict", "raise")
    assert (status, output) == (2, listing(lab / "run_2", twin))
    assert said == [
        f"Error: {twin} -> {out / 'run_2'}: {out / 'run_2'}: "
        f"it is also the destination of {lab / 'run_2'}",
        "Error: nothing was copied",
    ]
    assert not out.exists()
    status, output, said = shuffle(*args)
    assert (status, output.count(b" -> ")) == (0, 1)
    assert said == [
        f"Several directories have one destination: {out / 'run_2'}. "
        f"Copying: {lab / 'run_2'}. Skipping: {twin}"
    ]
    assert files(out) == ["run_2", "run_2/a.csv"]


def test_directory_that_matches_twice_is_listed_once(lab: Path, out: Path, pattern: Path) -> None:
    other = lab.parent / "other.json"
    other.write_text('{"directory_name": "*_2", "files": ["*.csv"]}')
    status, output, said = shuffle(lab / "run_2", out, "-p", pattern, "-p", other)
    assert status == 0
    assert output == (
        listing(lab / "run_2") + copied((lab / "run_2", out / "run_2")) + b"Copied 1 directories\n"
    )
    # Whatever the order in which they are given.
    assert shuffle(lab / "run_2", out / "x", "-p", other, "-p", pattern)[2] == [
        f"Several patterns match {lab / 'run_2'}. "
        f"Copying to {out / 'x/run_2'} what belongs to {other}. Skipping: {pattern}"
    ]
    arguments = (lab / "run_2", out / "y", "-p", other, "-p", pattern, "--on-conflict", "raise")
    status, _, said = shuffle(*arguments)
    assert (status, said) == (
        2,
        [
            f"Error: {lab / 'run_2'} -> {out / 'y/run_2'}: {out / 'y/run_2'}: "
            f"{other} and {pattern} match it: one of them can be copied there",
            "Error: nothing was copied",
        ],
    )


@pytest.mark.parametrize("overwrite", [True, False])
def test_destination_below_the_source(lab: Path, pattern: Path, overwrite: bool) -> None:
    """What is there already is not copied onto itself."""
    options = ["--overwrite"] if overwrite else []
    (lab / "new").mkdir()
    (lab / "link").symlink_to("new")
    for number in range(2):
        status, output, said = shuffle(lab, lab / "link/sorted", "-p", pattern, "-v", *options)
        assert status == 0
        assert output.startswith(listing(lab / "old/2025/run_1", lab / "run_2"))
        assert output.count(b" -> ") == (2 if overwrite or not number else 0)
        assert ("2 matches in DESTINATION left out" in said) == bool(number)
        exist = [line for line in said if line.startswith("Destination folder already exists: ")]
        assert len(exist) == (0 if overwrite or not number else 2)
    assert sorted(os.listdir(lab / "new/sorted")) == ["run_1", "run_2"]
    # What is above the source, or is the source, is none of that.
    assert shuffle(lab / "old", lab, "-p", pattern)[1].count(b" -> ") == 1
    assert shuffle(lab / "old", lab / "old", "-p", pattern)[1].count(b" -> ") == 1


HOSTILE = r"""
import sys
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from pathvein.cli import main
fs = MemoryFileSystem()
for name in "run_\0", "run_\ud800", "run_1":
    key = f"/lab/{name}/a.csv"
    fs.store[key] = MemoryFile(fs, key, b"1")
sys.argv = ["pathvein", "shuffle", "memory://lab", *sys.argv[1:]]
main()
"""


def test_hostile_keys(lab: Path, out: Path, pattern: Path) -> None:
    pytest.importorskip("upath")
    result = run_python(HOSTILE, out, "-p", pattern, cwd=lab)
    said = result.stderr.decode().splitlines()
    assert (result.returncode, files(out)) == (1, ["run_1", "run_1/a.csv"])
    reason = "no file of this machine can have the name of the key"
    for name in r"run_\x00", r"run_\ud800":
        where = f"{out}/{name}"
        assert f"Error: memory://lab/{name} -> {where}: {where}: {reason}" in said
    assert len(said) == 2


def test_odd_names(lab: Path, out: Path, pattern: Path) -> None:
    odd = Path(os.fsdecode(bytes(lab) + b"/run_\x1b[31m\n\xff"))
    odd.mkdir()
    (odd / "x.csv").touch()
    args = (odd, out, "-p", pattern)
    name = os.fsencode(odd.name)
    status, output, _ = shuffle(*args)
    assert status == 0
    assert output == (listing(odd) + copied((odd, out / odd.name)) + b"Copied 1 directories\n")
    with terminal() as tty:
        with start("shuffle", *args, stdout=tty.end, stderr=tty.end) as process:
            assert process.wait(30) == 0
        shown = tty.read_rest()
    assert name not in shown
    assert rb"Skipping: run_\x1b[31m\n\xff" in shown
    assert bytes(lab) + rb"/run_\x1b[31m\n\xff" + b"\r\n" in shown


def test_what_is_left_out_is_told(lab: Path, out: Path, pattern: Path) -> None:
    os.mkfifo(lab / "run_2/pipe.csv")
    (lab / "run_2/none.csv").symlink_to("nowhere")
    log = lab.parent / "log"
    status, output, said = shuffle(lab / "run_2", out, "-p", pattern, PATHVEIN_LOG_FILE=str(log))
    assert (status, output.count(b" -> ")) == (0, 1)
    assert len(said) == 2
    for line in said:
        assert f" INFO pathvein.cli: {line}\n" in log.read_text()
    for name in "pipe.csv", "none.csv":
        [line] = [line for line in said if line.startswith(f"Left out: {lab / 'run_2' / name}: ")]
        assert len(line) > len(f"Left out: {lab / 'run_2' / name}: ")


@pytest.mark.linux("looks at /dev/pts, a mount point")
def test_mount_points_are_left_out(tmp_path: Path) -> None:
    pattern = tmp_path / "dev.json"
    sub = {"directory_name": "pts"}
    pattern.write_text(json.dumps({"directory_name": "dev", "optional_directories": [sub]}))
    for options, below in [([], ["pts"]), (["--one-file-system"], [])]:
        place = tmp_path / f"place{len(options)}"
        status, _, said = shuffle("/dev", place, "-p", pattern, "--max-depth", "0", *options)
        assert (status, os.listdir(place / "dev")) == (0, below), said


def test_excluded_entries_are_not_copied(lab: Path, out: Path, pattern: Path) -> None:
    (lab / "run_2/raw.csv").touch()
    args = ("-p", pattern, "--exclude", "raw.*", "--exclude", "/old/2025")
    status, output, _ = shuffle(os.path.relpath(lab), out, *args)
    assert (status, output.count(b" -> ")) == (0, 1)
    assert files(out) == ["run_2", "run_2/a.csv"]
    # Rules that are anchored are so at SOURCE.
    shuffle(lab, out / "2", "-p", pattern, "--exclude", "/run_2/raw.csv")
    assert files(out / "2/run_2") == ["a.csv"]


@pytest.mark.parametrize("top", ["", "lab"])
def test_archive(lab: Path, out: Path, pattern: Path, top: str) -> None:
    """Remote sources have the same options, and rules are relative to them, too."""
    pytest.importorskip("upath")
    archive = lab.parent / "lab.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("run_2/a.csv", "run_2/raw.csv", "old/2025/run_1/raw.csv"):
            file.writestr(f"{top}/{name}".lstrip("/"), name)
    source = f"zip://{top}::{archive}"
    args = (source, out, "-p", pattern, "--exclude", "/run_2/raw.csv", "--concurrency", "1")
    status, output, said = shuffle(*args)
    assert (status, said) == (0, [])
    assert output.count(b" -> ") == 2
    assert f"\nzip://{top}/run_2".replace("///", "//").encode() in output
    assert files(out) == ["run_1", "run_1/raw.csv", "run_2", "run_2/a.csv"]
    assert (out / "run_1/raw.csv").read_text() == "old/2025/run_1/raw.csv"


def test_url_as_destination(lab: Path, pattern: Path) -> None:
    pytest.importorskip("upath")
    (lab / "raw.csv").touch()
    args = (lab / "run_2", "memory://out", "-p", pattern, "-o", "use_listings_cache=false")
    status, output, said = shuffle(*args)
    assert (status, said) == (0, [])
    assert output.endswith(b"/run_2 -> memory://out/run_2\nCopied 1 directories\n")


def test_links(lab: Path, out: Path, pattern: Path) -> None:
    (lab / "run_2/b.csv").symlink_to("a.csv")
    shuffle(lab / "run_2", out, "-p", pattern)
    shuffle(lab / "run_2", out / "2", "-p", pattern, "--links", "keep", "--fsync")
    assert stat.S_ISREG((out / "run_2/b.csv").lstat().st_mode)
    assert os.readlink(out / "2/run_2/b.csv") == "a.csv"


# How it ends.


def test_what_fails_is_told(lab: Path, out: Path, pattern: Path) -> None:
    out.mkdir()
    # Nothing can be made below it, and it is there.
    (out / "run_1").symlink_to("nowhere")
    status, output, said = shuffle(lab, out, "-p", pattern, "--overwrite")
    assert status == 1
    assert output.count(b" -> ") == 1
    assert output.endswith(b"Copied 1 directories\n")
    [line] = said
    assert line.startswith(f"Error: {lab / 'old/2025/run_1'} -> {out / 'run_1'}: {out / 'run_1'}: ")


def test_errors_of_the_scan(lab: Path, out: Path, pattern: Path) -> None:
    (lab / "loop").symlink_to(".")
    status, output, said = shuffle(lab, out, "-p", pattern, "--follow-links")
    assert (status, output.count(b" -> ")) == (1, 2)
    assert [line.partition(": ")[0] for line in said] == ["Error"]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["nope", "out", "-p", "run.json"], "Error: nope: No such file or directory"),
        (["run.json", "out", "-p", "run.json"], "(is -p missing in front of it?)"),
        (["lab", "run.json", "-p", "run.json"], "Error: run.json: Not a directory (is -p missing"),
        (["lab", "", "-p", "run.json"], "Error: destination must not be empty"),
        (["lab", "nonesuch://x", "-p", "run.json"], "Error: nonesuch://x: "),
        (["lab", "no-such://x", "-p", "run.json"], "destination must be a path or a URL, not"),
        (["lab", "out", "-p", "nope.json"], "Error: nope.json: No such file"),
        (["lab", "out"], "(see pathvein shuffle --help)"),
        (["lab", "-p", "run.json"], "Error: Missing argument 'DESTINATION'"),
        (["lab", "out", "x", "-p", "run.json"], "Error: Got unexpected extra argument (x)"),
        (["lab", "out", "-p", "run.json", "--links", "cut"], "'cut' is not one of"),
        (["lab", "out", "-p", "run.json", "-o", "a=b"], "storage_options are for URLs"),
    ],
)
def test_wrong_use(lab: Path, pattern: Path, args: list[str], text: str) -> None:
    before = files(lab.parent)
    result = run("shuffle", *args, cwd=lab.parent)
    assert (result.returncode, result.stdout) == (2, b"")
    said = result.stderr.decode()
    assert text in said
    assert said.count("\n") == 1
    assert files(lab.parent) == before


def test_output_that_cannot_be_written(lab: Path, out: Path, pattern: Path) -> None:
    """It is not copied blindly."""
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*COMMAND, "shuffle", lab, out, "-p", pattern],
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert result.returncode == 2
    assert result.stderr == b"Error: standard output: No space left on device\n"
    assert not out.exists()


def test_engine_that_does_not_start(lab: Path, out: Path, pattern: Path) -> None:
    code = """
import pathvein.cli, pathvein_core
def copy(*args, **options):
    raise OSError(11, "no thread can be started")
pathvein_core.Copy = copy
pathvein.cli.main()
"""
    result = run_python(code, "shuffle", lab, out, "-p", pattern, cwd=lab)
    assert (result.returncode, result.stderr) == (2, b"Error: no thread can be started\n")


def test_interrupt(lab: Path, pattern: Path, tmp_path: Path) -> None:
    """What is not complete does not stay."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as base:
        out = Path(base)
        with (lab / "run_2/a.csv").open("wb") as file:
            for _ in range(64):
                file.write(os.urandom(1 << 20))
        (out / "run_1").mkdir()
        command = [*COMMAND, "shuffle", lab, out, "-p", pattern]
        with interruptible(command) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == LISTING
            process.stdout.readline(), process.stdout.readline()
            process.send_signal(signal.SIGINT)
            output, said = process.communicate(timeout=30)
        left = files(out)
        # The signal may have come after the directory was renamed, or the end.
        if left != ["run_1"]:
            assert left == ["run_1", "run_2", "run_2/a.csv"]
            assert filecmp.cmp(out / "run_2/a.csv", lab / "run_2/a.csv", shallow=False)
        else:
            assert process.returncode == 130
            assert b" -> " not in output
    assert process.returncode in (0, 130)
    assert b"Traceback" not in said


# Counts, log and progress.


def test_counts(lab: Path, out: Path, pattern: Path) -> None:
    (out / "run_1").mkdir(parents=True)
    status, _, said = shuffle(lab, out, "-p", pattern, "-v")
    assert status == 0
    assert said[1] == "1 directory copied, 1 file, 3 bytes, 1 skipped, 0 not copied"
    assert said[2].startswith("2 matches, 5 directories, ")
    assert len(said) == 3
    said = shuffle(lab, out / "dry", "-p", pattern, "-v", "--dryrun")[2]
    assert "2 directories would be copied, 2 files, 6 bytes, 0 skipped, 0 not copied" in said
    said = shuffle(lab, out, "-p", pattern, "-vv")[2]
    assert f"{pattern}: 2 matches" in said
    assert not any("INFO" in line for line in said)
    said = shuffle(lab, out / "2", "-p", pattern, "-vvv", "--threads", "1")[2]
    assert f"DEBUG: {lab / 'run_2'} copied to {out / '2/run_2'}" in said
    assert "INFO: Copied 2 directories" in said


def test_log_file(lab: Path, out: Path, pattern: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    (lab / "loop").symlink_to(".")
    args = (lab, out, "-p", pattern, "--threads", "1", "--follow-links")
    assert shuffle(*args, PATHVEIN_LOG_FILE=str(log))[0] == 1
    shuffle(*args, PATHVEIN_LOG_FILE=str(log))
    before, error, *lines = log.read_text().splitlines()
    assert before == "before"
    assert " ERROR pathvein.cli: " in error
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    told = [re.sub(f"^{stamp}", "", line) for line in lines]
    assert all(re.match(stamp, line) for line in lines)
    assert told[:3] == [
        f"DEBUG pathvein.lib: {lab / 'old/2025/run_1'} copied to {out / 'run_1'}",
        f"DEBUG pathvein.lib: {lab / 'run_2'} copied to {out / 'run_2'}",
        "INFO pathvein.lib: Copied 2 directories",
    ]
    assert told[4] == (
        f"ERROR pathvein.lib: Destination folder already exists: {out / 'run_1'}. Skipping: run_1"
    )


def test_log_of_odd_names_is_one_line_each(lab: Path, out: Path, pattern: Path) -> None:
    log = lab.parent / "log"
    odd = Path(os.fsdecode(bytes(lab) + b"/run_\n\xff"))
    odd.mkdir()
    (odd / "x.csv").touch()
    shuffle(odd, out, "-p", pattern, PATHVEIN_LOG_FILE=str(log))
    assert len(log.read_text().splitlines()) == 2
    assert rb"run_\n\xff copied to" in log.read_bytes()


@pytest.mark.parametrize("command", ["scan", "shuffle"])
def test_log_file_that_cannot_be_written(lab: Path, out: Path, pattern: Path, command: str) -> None:
    for path in (str(lab), str(lab / "no/log")):
        arguments = [lab, out] if command == "shuffle" else [lab]
        result = subprocess.run(
            [*COMMAND, command, *arguments, "-p", pattern],
            env={**ENVIRONMENT, "PATHVEIN_LOG_FILE": path},
            capture_output=True,
            timeout=60,
        )
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.startswith(b"Error: PATHVEIN_LOG_FILE: %b: " % path.encode())
        assert result.stderr.count(b"\n") == 1
    assert not out.exists()


def test_log_file_that_becomes_full(lab: Path, out: Path, pattern: Path) -> None:
    options = ("-vvv", "--threads", "1")
    for number, end in enumerate(["/dev/full", ""]):
        to = out / str(number)
        status, output, said = shuffle(lab, to, "-p", pattern, *options, PATHVEIN_LOG_FILE=end)
        assert (status, output.count(b" -> ")) == (0, 2)
        failed = "Error: PATHVEIN_LOG_FILE: /dev/full: No space left on device"
        assert said.count(failed) == (1 if end else 0)
        # What else takes the log misses nothing for it.
        assert [line for line in said if line.startswith("DEBUG: ")] == [
            f"DEBUG: {lab / 'old/2025/run_1'} copied to {to / 'run_1'}",
            f"DEBUG: {lab / 'run_2'} copied to {to / 'run_2'}",
        ]


def test_log_file_that_is_a_fifo(lab: Path, out: Path, pattern: Path) -> None:
    fifo = lab.parent / "fifo"
    os.mkfifo(fifo)
    arguments = (lab, out, "-p", pattern)
    status, output, said = shuffle(*arguments, PATHVEIN_LOG_FILE=str(fifo))
    assert (status, output) == (2, b"")
    assert said == [f"Error: PATHVEIN_LOG_FILE: {fifo}: No such device or address"]
    # It is written to if somebody reads it.
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert shuffle(*arguments, PATHVEIN_LOG_FILE=str(fifo))[0] == 0
        assert b"Copied 2 directories\n" in os.read(reader, 65536)
    finally:
        os.close(reader)


def test_nothing_is_written_to_the_temporary_directory(
    lab: Path, out: Path, pattern: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = set(os.listdir("/tmp"))
    shuffle(lab, out, "-p", pattern, "-vvv", TMPDIR=str(temporary), PATHVEIN_LOG_FILE="")
    assert files(temporary) == []
    assert "organizer.log" not in set(os.listdir("/tmp")) - before


#: Runs the command with an engine that takes its time, and the bar without delay.
PROGRESS = """
import sys, time, pathvein_core, pathvein.cli
from pathvein.cli import _output
_output.Messages.PROGRESS_DELAY = 0
class Engine:
    def __init__(self, matches, **options):
        self.step, self.matches, self.totals = 0, matches, options["totals"]
    def conflicts(self):
        return []
    def next_batch(self, seconds):
        time.sleep(0.15)
        self.step += 1
        found = [(0, "copied", 7, 2_000_000, [], [], [])] if self.step == 3 else []
        return found, self.step == 5
    def progress(self):
        assert self.totals
        return 1_000 * self.step, 1_000_000 * self.step, 9_000, 8_000_000
    def close(self):
        pass
pathvein_core.Copy = Engine
pathvein.cli.main()
"""


@pytest.mark.parametrize("dumb", [False, True])
def test_bar(lab: Path, out: Path, pattern: Path, dumb: bool) -> None:
    environment = {**ENVIRONMENT, "TERM": "dumb" if dumb else "xterm", "COLUMNS": "100"}
    code = PROGRESS.replace('options["totals"]', "True") if dumb else PROGRESS
    with terminal() as tty:
        with subprocess.Popen(
            [sys.executable, "-c", code, "shuffle", lab / "run_2", out, "-p", pattern],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=tty.end,
            stderr=tty.end,
        ) as process:
            assert process.wait(30) == 0
        shown = tty.read_rest().decode()
    arrow = f"{lab / 'run_2'} -> {out / 'run_2'}\r\n"
    assert arrow in shown
    if dumb:
        assert "\x1b" not in shown
        assert "files" not in shown
        return
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "2,000/9,000 files" in plain
    assert re.search(r"[24]\.0/8\.0 MB", plain)
    assert re.search(r"[\d.]+ MB/s", plain)
    # Before a line is written, the bar is erased, and the cursor is shown again in the end.
    before = shown[: shown.index(arrow)]
    assert "\x1b[2K" in before[before.rindex(" files") :]
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_no_bar_for_who_is_quiet(lab: Path, out: Path, pattern: Path) -> None:
    with terminal() as tty:
        with subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRESS.replace('options["totals"]', "True")),
                *("shuffle", lab / "run_2", out, "-p", pattern, "-q"),
            ],
            env={**ENVIRONMENT, "TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=tty.end,
        ) as process:
            assert process.wait(30) == 0
        assert tty.read_rest() == b""


def test_no_bar_where_there_is_no_terminal(lab: Path, out: Path, pattern: Path) -> None:
    """Nor is what draws it imported, or the copy planned for its sake."""
    code = PROGRESS.replace("assert self.totals", "raise AssertionError").replace(
        "pathvein.cli.main()",
        "try:\n    pathvein.cli.main()\nfinally:\n    assert 'rich' not in sys.modules",
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "shuffle", lab / "run_2", out, "-p", pattern],
        env=ENVIRONMENT,
        capture_output=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_help_says_what_bounds_the_copies_and_where_the_log_goes() -> None:
    told = {}
    for command in "scan", "shuffle":
        help_text = run(command, "--help").stdout.decode()
        told[command] = " ".join(re.sub("[^\x20-\x7e]", " ", help_text).split())
        assert "PATHVEIN_LOG_FILE" in told[command]
    for text in "also of those that copy", "and files copied from or to URLs":
        assert [command for command in told if text in told[command]] == ["shuffle"]
    assert "What lies in DESTINATION is not copied again" in told["shuffle"]
