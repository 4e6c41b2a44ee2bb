"""File systems over FUSE whose listings or inode numbers are not what one is used to."""

from __future__ import annotations

import errno

import pytest

from fuse import run

pytestmark = pytest.mark.linux("FUSE as Linux has it")

COUNTS = """
import json, os, sys
from pathvein import FileStructurePattern, iscan, walk_parallel
top = sys.argv[1]
run, errors = FileStructurePattern("run_*", files=["config.json"]), []
truth = {os.path.join(top, d) for d, _, files in os.walk(top) if "config.json" in files}
found = [str(result.source) for result in iscan(top, run, on_error=errors.append)]
walked = [d for d, _, files in walk_parallel(top, on_error=errors.append) if files]
source = os.path.join(top, "run_1")
inner = [str(result.source) for result in iscan(source, run, on_error=errors.append)]
print(json.dumps({"truth": len(truth), "found": len(found), "different": len(set(found)),
    "walked": len(walked), "right": truth == set(found) == set(walked),
    "inner": inner == [source], "errors": list(map(str, errors))}))
"""

MANY_HANDLES = """
import json, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathvein import FileStructurePattern, scan
run, errors, found = FileStructurePattern("run_*", files=["config.json"]), [], []
for files, threads, at_once in (1024, 2, 1), (64, 8, 1), (64, 1, 1), (1024, 2, 8):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, 1024))
    with ThreadPoolExecutor(at_once) as pool:
        def one(_):
            return len(scan(sys.argv[1], run, threads=threads, on_error=errors.append))
        found += pool.map(one, range(at_once))
print(json.dumps({"found": found, "errors": list(map(str, errors))}))
"""

LINKS = """
import json, sys
from pathvein import FileStructurePattern, iscan
errors = []
pattern = FileStructurePattern("b")
with iscan(sys.argv[1], pattern, follow_links=True, on_error=errors.append) as stream:
    found = [str(result.source) for result in stream]
print(json.dumps({"found": len(found), "errors": [(e.errno, e.filename) for e in errors]}))
"""

MATCHES = """
import json, os, sys
from pathvein import FileStructurePattern as P
def answer(name):
    pattern = P("*", [], [P("*", [], [P(name)])])
    try:
        return pattern.matches((os.path.dirname(sys.argv[1]), [os.path.basename(sys.argv[1])], []))
    except OSError as error:
        return error.errno
print(json.dumps([answer(name) for name in ("run_0", "run_2999", "other")]))
"""

WALK = """
import json, sys
from pathvein import walk_python
print(json.dumps([str(path) for path, _, _ in walk_python(sys.argv[1])]))
"""

HANG = """
import json, os, sys, tempfile
from pathvein import FileStructurePattern, scan
with tempfile.TemporaryDirectory() as lab:
    os.mkdir(f"{lab}/run_1")
    open(f"{lab}/run_1/config.json", "w").close()
    os.symlink(f"{sys.argv[1]}/slow", f"{lab}/elsewhere")
    os.symlink(f"{sys.argv[1]}/slow", f"{lab}/run_1/elsewhere")
    patterns = [
        FileStructurePattern("run_*", ["config.json"]),
        FileStructurePattern("*", ["no"], [FileStructurePattern("else*")]),
        FileStructurePattern("run_*", ["config.json"], [FileStructurePattern("data")]),
    ]
    found = [len(scan(lab, patterns, exclude=rules)) for rules in ([], ["elsewhere/"])]
    asked = [os.path.exists(os.path.dirname(sys.argv[1]) + "/asked-for-slow")]
    os.stat(f"{lab}/elsewhere", follow_symlinks=True)
    asked.append(os.path.exists(os.path.dirname(sys.argv[1]) + "/asked-for-slow"))
print(json.dumps({"found": found, "asked": asked}))
"""


@pytest.mark.parametrize("mode", ["plain", "page", "einval", "again"])
@pytest.mark.parametrize("wide", [3, 300, 3000])
def test_each_entry_is_read_once(mode: str, wide: int) -> None:
    """However a listing is when it is gone back in, and however many pages it has."""
    answer = run(mode, COUNTS, wide=wide)
    assert answer == {
        "truth": wide,
        "found": wide,
        "different": wide,
        "walked": wide,
        "right": True,
        "inner": True,
        "errors": [],
    }


def test_an_entry_that_is_listed_twice_is_visited_once() -> None:
    answer = run("dup", COUNTS, wide=3, deep=2)
    assert answer["right"]
    assert answer["found"] == answer["different"] == answer["walked"] == 3 * 7
    assert not answer["errors"]


def test_walk_python_visits_once_what_is_listed_twice() -> None:
    pytest.importorskip("upath")
    paths = run("dup", WALK, wide=3, deep=2)
    assert len(paths) == len(set(paths)) == 4 * 7


@pytest.mark.parametrize(
    ("mode", "number"),
    [("broken", errno.EIO), ("broken+gone", errno.ENOENT), ("broken+ended", errno.ESRCH)],
)
def test_the_rest_of_a_listing_that_breaks_off_is_an_error(mode: str, number: int) -> None:
    """What was read counts; that of the source, too, of which more is read when it is opened."""
    answer = run(mode, COUNTS, wide=3000)
    assert answer["found"] == answer["different"] == answer["walked"]
    assert 0 < answer["found"] < 3000
    of_source = [text for text in answer["errors"] if text.endswith("mnt'")]
    assert len(of_source) == 2
    assert all(f"[Errno {number}]" in text for text in answer["errors"])


def test_a_listing_that_breaks_off_leaves_an_answer_open() -> None:
    """What was read may be enough; if not, nobody can tell."""
    assert run("broken", MATCHES, wide=3000) == [True, errno.EIO, errno.EIO]


def test_where_inode_numbers_do_not_last_names_do() -> None:
    """Directories are let go and opened again, for want of handles."""
    answer = run("newino", MANY_HANDLES, wide=1, deep=8)
    assert set(answer["found"]) == {511}
    assert not answer["errors"]


def test_links_end_where_inode_numbers_do_not_last() -> None:
    answer = run("newino-link", LINKS)
    assert answer["found"] == 41
    ((number, path),) = answer["errors"]
    assert number == 40
    assert path.count("/up") == 41


def test_a_link_that_nobody_asks_for_is_not_looked_at() -> None:
    """It leads to a server that takes two seconds for each answer."""
    answer = run("hang", HANG)
    assert answer["found"] == [1, 1]
    assert answer["asked"] == [False, True]


INTERRUPT = """
import json, os, signal, sys, threading
from pathvein import FileStructurePattern, iwalk_parallel, scan
def tasks():
    return set(os.listdir("/proc/self/task"))
def interrupt(before, openers, over):
    # Once there is a thread that opens the source.
    while not openers and not over:
        openers |= tasks() - before - {str(threading.get_native_id())}
    os.kill(os.getpid(), signal.SIGINT)
still_there = []
signal.signal(signal.SIGINT, signal.default_int_handler)  # It may have been ignored.
for start in (
    lambda source: scan(source, FileStructurePattern("x")),
    lambda source: list(iwalk_parallel(source)),
):
    openers, over = set(), []
    watching = threading.Thread(target=interrupt, args=(tasks(), openers, over))
    watching.start()
    try:
        start(f"{sys.argv[1]}/slow")
    except KeyboardInterrupt:
        still_there.append(len(openers & tasks()))
    except OSError:
        over.append(True)
    watching.join()
print(json.dumps(still_there))
"""


def test_ctrl_c_does_not_wait_for_a_source_whose_server_does_not_answer() -> None:
    """The thread that opens it is still there then."""
    assert run("hang", INTERRUPT) == [1, 1]
