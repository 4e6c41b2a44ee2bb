"""`pathvein_core.Copy` and `Staging` by themselves: modes and owners, limits, forks."""

from __future__ import annotations

import errno
import os
import stat
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pathvein_core
import pytest
from pathvein_core import FileStructurePattern as P

import trees
from trees import Dir, Make, run_unprivileged

pytestmark = pytest.mark.unix("copies on POSIX systems")

EVERYTHING = P("*", optional_files=["*"], optional_directories=[P("*", optional_files=["*"])])


def copied(*matches: tuple[Path, Path], **options: Any) -> list[tuple[Any, ...]]:
    """What became of the matches, in their order."""
    copy = pathvein_core.Copy([(*match, EVERYTHING) for match in matches], **options)
    outcomes, ended = [], False
    while not ended:
        batch, ended = copy.next_batch(30)
        outcomes += batch
    return sorted(outcomes, key=lambda outcome: outcome[0])


def one(source: Path, destination: Path, **options: Any) -> tuple[Any, ...]:
    [outcome] = copied((source, destination), **options)
    return outcome


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def child(text: str, *arguments: object) -> str:
    """What a new process prints that runs this."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_mask_of_the_process_touches_no_copy(tmp_path: Path) -> None:
    (tmp_path / "s/sub").mkdir(parents=True)
    (tmp_path / "s/a").write_text("a")
    for path, bits in [("s/a", 0o666), ("s/sub", 0o777), ("s", 0o777)]:
        (tmp_path / path).chmod(bits)
    child(
        """
        import os, sys
        import pathvein_core
        from pathvein_core import FileStructurePattern as P
        os.umask(0o077)
        top = sys.argv[1]
        pattern = P("*", optional_files=["*"], optional_directories=[P("*")])
        copy = pathvein_core.Copy([(top + "/s", top + "/new/d", pattern)])
        [outcome], ended = copy.next_batch(30)
        assert outcome[1] == "copied", outcome
        """,
        tmp_path,
    )
    # What is made for it on the way is the process's.
    assert mode(tmp_path / "new") == 0o700
    for path, bits in [("a", 0o666), ("sub", 0o777), ("", 0o777)]:
        assert mode(tmp_path / "new/d" / path) == bits


def access_list(group: int) -> bytes:
    """A default access list in which everybody may read, and one more group something."""
    entries = [(1, 7, 2**32 - 1), (4, 5, 2**32 - 1), (8, group, 0), (16, 7, 2**32 - 1)]
    entries.append((32, 5, 2**32 - 1))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.linux("Linux keeps access lists as attributes")
@pytest.mark.parametrize("overwrite", [False, True])
def test_default_access_lists_are_not_inherited(tmp_path: Path, overwrite: bool) -> None:
    """As with `cp -a`: the copy's access list is its original's, which here has none."""
    (tmp_path / "s/sub").mkdir(parents=True)
    (tmp_path / "s/sub/a").write_text("a")
    (tmp_path / "s/sub/a").chmod(0o640)
    (tmp_path / "to").mkdir()
    try:
        os.setxattr(tmp_path / "to", "system.posix_acl_default", access_list(6))
    except OSError as error:
        pytest.skip(f"no access lists here: {error}")
    if overwrite:
        (tmp_path / "to/d").mkdir()
    assert one(tmp_path / "s", tmp_path / "to/d", overwrite=overwrite)[1] == "copied"
    for path in ["sub", "sub/a"]:
        assert os.listxattr(tmp_path / "to/d" / path) == [], path
    assert mode(tmp_path / "to/d/sub/a") == 0o640


@pytest.mark.linux("Linux keeps access lists as attributes")
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_has_no_original_inherits_default_access_lists(
    tmp_path: Path, overwrite: bool
) -> None:
    """As what any other program makes there."""
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", access_list(6))
    except OSError as error:
        pytest.skip(f"no access lists here: {error}")
    if overwrite:
        (tmp_path / "d").mkdir()
    staging = pathvein_core.Staging(tmp_path / "d", overwrite=overwrite)
    os.close(staging.create("sub/a"))
    staging.finish("sub/a", None)
    os.close(staging.create("b"))
    staging.finish("b", None)
    staging.commit()
    (tmp_path / "other").touch()
    expected = os.getxattr(tmp_path / "other", "system.posix_acl_access")
    for path in ["d/sub/a", "d/b"]:
        assert os.getxattr(tmp_path / path, "system.posix_acl_access") == expected
    for path in ["d", "d/sub"]:
        assert os.getxattr(tmp_path / path, "system.posix_acl_default") == access_list(6)


def copy_what_is_not_ours(top: Path) -> tuple[Any, ...]:
    return one(top / "s", top / "open/d")


@pytest.mark.skipif(not trees.is_root(), reason="gives files away")
def test_set_id_bits_go_with_the_owner_or_not_at_all(make: Make) -> None:
    # Others may enter it, which is not so of all of pytest's own.
    tmp_path = make(Dir({}))
    (tmp_path / "s").mkdir()
    (tmp_path / "s/program").write_text("")
    os.chown(tmp_path / "s/program", 12345, 12345)
    (tmp_path / "s/program").chmod(0o6755)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    outcome = run_unprivileged(copy_what_is_not_ours, tmp_path)
    assert outcome[1] == "copied", outcome
    assert mode(tmp_path / "open/d/program") == 0o755
    assert one(tmp_path / "s", tmp_path / "mine")[1] == "copied"
    assert mode(tmp_path / "mine/program") == 0o6755
    assert (tmp_path / "mine/program").stat().st_uid == 12345


def copy_what_may_not_be_written(top: Path) -> list[tuple[Any, ...]]:
    """As a user whom permissions bind: read-only directories, and one that cannot be read."""
    os.umask(0o022)
    source = top / "open/s"
    (source / "sub").mkdir(parents=True)
    (source / "sub/a").write_text("a")
    os.setxattr(source / "sub/a", "user.kept", b"1")
    (source / "sub/a").chmod(0o400)
    (source / "sub").chmod(0o555)
    source.chmod(0o555)
    secret = top / "open/t"
    secret.mkdir()
    (secret / "b").write_text("")
    (secret / "c").write_text("")
    (secret / "c").chmod(0)
    hidden = top / "open/hidden"
    hidden.mkdir()
    hidden.chmod(0o333)
    outcomes = copied(
        (source, top / "open/new/d"),
        (secret, top / "open/other/t"),
        (source, hidden / "d"),
        (source, top / "closed/new/d"),
    )
    assert os.getxattr(top / "open/new/d/sub/a", "user.kept") == b"1"
    return outcomes


@pytest.mark.linux("sets attributes")
def test_permissions(make: Make) -> None:
    tmp_path = make(Dir({}))
    for name, bits in [("open", 0o777), ("closed", 0o555)]:
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(bits)
    read_only, unreadable, hidden, closed = run_unprivileged(copy_what_may_not_be_written, tmp_path)
    assert read_only[1] == "copied", read_only
    assert (mode(tmp_path / "open/new/d/sub"), mode(tmp_path / "open/new/d")) == (0o555, 0o555)
    assert mode(tmp_path / "open/new/d/sub/a") == 0o400
    assert unreadable[1] == "failed"
    [error] = unreadable[5]
    assert (error.errno, error.filename) == (errno.EACCES, str(tmp_path / "open/t/c"))
    # Nothing of it stays, nor the parent that was made for it.
    assert not (tmp_path / "open/other").exists()
    # A directory that may be written and not read is good enough.
    assert hidden[1] == "copied", hidden
    assert closed[1] == "failed"
    assert closed[5][0].errno == errno.EACCES
    assert closed[5][0].filename == str(tmp_path / "closed/new")
    assert sorted(os.listdir(tmp_path / "open")) == ["hidden", "new", "s", "t"]
    (tmp_path / "open/hidden").chmod(0o700)  # for who is not root
    assert os.listdir(tmp_path / "open/hidden") == ["d"]


def test_few_open_files(tmp_path: Path) -> None:
    """Where hardly any file can be opened, it takes longer, or fails and says why."""
    for index in range(60):
        (tmp_path / f"s/{index}/sub").mkdir(parents=True)
        (tmp_path / f"s/{index}/sub/a").write_text("a")
    said = child(
        """
        import os, resource, sys
        import pathvein_core
        from pathvein_core import FileStructurePattern as P
        top = sys.argv[1]
        pattern = P("*", optional_directories=[P("*", optional_files=["*"])])
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        copy = pathvein_core.Copy(
            [(f"{top}/s/{i}", f"{top}/d/{i}", pattern) for i in range(60)], threads=64
        )
        ended = False
        while not ended:
            batch, ended = copy.next_batch(30)
            for outcome in batch:
                print(outcome[1], *(error.errno for error in outcome[5]))
        """,
        tmp_path,
    )
    assert said.splitlines() == ["copied"] * 60
    assert len(os.listdir(tmp_path / "d")) == 60


def test_few_open_files_in_a_deep_tree(tmp_path: Path) -> None:
    """More directories are in each other than can be open: it fails, and nothing is left."""
    trees.build_chain(tmp_path / "s", ["d"] * 60)
    said = child(
        """
        import resource, sys
        import pathvein_core
        from pathvein_core import FileStructurePattern as P
        top = sys.argv[1]
        pattern = P("*")
        for _ in range(60):
            pattern = P("*", optional_directories=[pattern])
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        copy = pathvein_core.Copy([(f"{top}/s", f"{top}/d", pattern)], threads=1)
        [outcome], _ = copy.next_batch(60)
        print(outcome[1], *(error.errno for error in outcome[5]))
        """,
        tmp_path,
    )
    assert said.split()[:2] == ["failed", str(errno.EMFILE)]
    assert os.listdir(tmp_path) == ["s"]


@pytest.mark.linux("looks at /dev/pts, a mount point")
def test_one_file_system(tmp_path: Path) -> None:
    pattern = P("*", optional_directories=[P("pts")])
    for one_file_system, below, skipped in [
        (False, ["pts"], []),
        (True, [], [("pts", "mount point")]),
    ]:
        place = tmp_path / str(one_file_system)
        copy = pathvein_core.Copy([("/dev", place, pattern)], one_file_system=one_file_system)
        [outcome], _ = copy.next_batch(30)
        assert outcome == (0, "copied", 0, 0, skipped, [], [])
        assert os.listdir(place) == below
        plan = pathvein_core.Plan("/dev", pattern, one_file_system=one_file_system)
        assert (plan.directories, plan.skipped) == (["", *below], skipped)


FORKED = """
    import os, sys
    import pathvein_core
    from pathvein_core import FileStructurePattern as P
    top = sys.argv[1]
    copy = pathvein_core.Copy([(f"{top}/s", f"{top}/{i}", P("*", ["*"])) for i in range(100)])
    staging = pathvein_core.Staging(f"{top}/staged")
    copy.start()
    child = os.fork()
    if child == 0:
        for call in (lambda: copy.next_batch(1), lambda: staging.create("a")):
            try:
                call()
            except RuntimeError as error:
                assert "another process" in str(error)
            else:
                os._exit(3)
        copy.close()
        # What is dropped here is the parent's.
        del copy, staging
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    count, ended = 0, False
    while not ended:
        batch, ended = copy.next_batch(30)
        count += sum(outcome[1] == "copied" for outcome in batch)
    assert count == 100
    staging.make_directory("sub")
    staging.commit()
"""


@pytest.mark.unix("forks")
def test_a_fork_has_no_part_in_it(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a").write_text("a")
    child("import warnings; warnings.simplefilter('ignore')\n" + textwrap.dedent(FORKED), tmp_path)
    assert len(os.listdir(tmp_path)) == 102
    assert os.listdir(tmp_path / "staged") == ["sub"]


@pytest.mark.parametrize("end", ["close", "drop", "never started"])
def test_a_copy_that_is_given_up_leaves_nothing(tmp_path: Path, end: str) -> None:
    (tmp_path / "s").mkdir()
    for index in range(2000):
        (tmp_path / f"s/{index}").write_text("")
    matches = [(tmp_path / "s", tmp_path / f"d/{i}", EVERYTHING) for i in range(20)]
    copy = pathvein_core.Copy(matches, threads=2)
    if end != "never started":
        copy.start()
        while copy.progress()[0] < 10:
            pass
    if end != "drop":
        copy.close()
        copy.close()
        assert copy.next_batch(1) == ([], True)
    del copy
    made = os.listdir(tmp_path / "d") if (tmp_path / "d").exists() else []
    assert len(made) < 20
    for name in made:
        assert len(os.listdir(tmp_path / "d" / name)) == 2000
    if end == "never started":
        assert os.listdir(tmp_path) == ["s"]


def test_conflicts_are_known_before_anything_is_written(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / name).mkdir()
    copy = pathvein_core.Copy([(tmp_path / name, tmp_path / "d", EVERYTHING) for name in "ba"])
    assert copy.conflicts() == [(0, 1)]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_arguments() -> None:
    with pytest.raises(ValueError, match="links must be 'follow' or 'keep', not 'up'"):
        pathvein_core.Copy([], links="up")
    with pytest.raises(ValueError, match="matches"):
        pathvein_core.Copy([("a", "b")])  # type: ignore[list-item]
    copy = pathvein_core.Copy([])
    with pytest.raises(ValueError, match="a possible time"):
        copy.next_batch(-1)
    assert copy.next_batch(1) == ([], True)


def write(staging: pathvein_core.Staging, path: str, content: bytes = b"new") -> None:
    with open(staging.create(path), "wb") as file:
        file.write(content)


@pytest.mark.parametrize("fsync", [False, True])
def test_staging(tmp_path: Path, fsync: bool) -> None:
    staging = pathvein_core.Staging(tmp_path / "new/d", fsync=fsync)
    write(staging, "a/b/c")
    with pytest.raises(FileExistsError):
        staging.create("a/b/c")
    staging.finish("a/b/c", 1_234_567_890_123_456_789)
    staging.make_directory("empty")
    assert not (tmp_path / "new/d").exists()
    staging.commit()
    assert os.listdir(tmp_path / "new") == ["d"]
    assert sorted(os.listdir(tmp_path / "new/d")) == ["a", "empty"]
    assert (tmp_path / "new/d/a/b/c").read_bytes() == b"new"
    assert (tmp_path / "new/d/a/b/c").stat().st_mtime_ns == 1_234_567_890_123_456_789
    assert staging.replaced == []
    for call in (staging.commit, lambda: staging.create("x")):
        with pytest.raises(OSError, match="this copy has ended"):
            call()
    with pytest.raises(FileExistsError) as raised:
        pathvein_core.Staging(tmp_path / "new/d")
    assert raised.value.filename == str(tmp_path / "new/d")


def test_staging_that_merges_removes_leftovers(tmp_path: Path) -> None:
    """Of a process that is gone, and not its own."""
    (tmp_path / "d/sub").mkdir(parents=True)
    for path in ("d/.a.pathvein-0123456789abcdef", "d/sub/.b.pathvein-0123456789abcdef"):
        (tmp_path / path).touch()
    staging = pathvein_core.Staging(tmp_path / "d", overwrite=True)
    files = ["a", "b", "sub/a", "sub/b"]
    for path in files:
        os.close(staging.create(path))
    for path in files:
        staging.finish(path, None)
    staging.commit()
    assert sorted(os.listdir(tmp_path / "d")) == ["a", "b", "sub"]
    assert sorted(os.listdir(tmp_path / "d/sub")) == ["a", "b"]


@pytest.mark.parametrize("fsync", [False, True])
def test_staging_that_merges(tmp_path: Path, fsync: bool) -> None:
    (tmp_path / "d/a").mkdir(parents=True)
    (tmp_path / "d/a/old").write_text("old")
    (tmp_path / "d/other").write_text("old")
    (tmp_path / "outside").mkdir()
    (tmp_path / "d/link").symlink_to("../outside")
    staging = pathvein_core.Staging(tmp_path / "d", overwrite=True, fsync=fsync)
    write(staging, "a/old")
    assert (tmp_path / "d/a/old").read_text() == "old"
    staging.finish("a/old", None)
    assert (tmp_path / "d/a/old").read_text() == "new"
    assert staging.replaced == [str(tmp_path / "d/a/old")]
    with pytest.raises(NotADirectoryError):
        staging.create("link/x")
    write(staging, "a/half")
    assert len(os.listdir(tmp_path / "d/a")) == 2
    staging.abandon()
    assert os.listdir(tmp_path / "d/a") == ["old"]
    assert sorted(os.listdir(tmp_path / "d")) == ["a", "link", "other"]
    assert os.listdir(tmp_path / "outside") == []


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/..", "a//b", "./a", "a/", "a/.", "a\0b"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    staging = pathvein_core.Staging(tmp_path / "d")
    for call in (staging.create, staging.make_directory):
        with pytest.raises(OSError, match="must be relative") as raised:
            call(path)
        assert raised.value.errno == errno.EINVAL


def commit_half(staging: pathvein_core.Staging) -> None:
    with pytest.raises(OSError, match="not finished"):
        staging.commit()


@pytest.mark.parametrize(
    "end",
    [commit_half, lambda staging: staging.abandon(), lambda _: None],
    ids=["half", "end", "drop"],
)
def test_staging_that_is_given_up_leaves_nothing(
    tmp_path: Path, end: Callable[[pathvein_core.Staging], None]
) -> None:
    staging = pathvein_core.Staging(tmp_path / "new/d")
    write(staging, "a/b")
    end(staging)
    del staging
    assert os.listdir(tmp_path) == []
