"""Threads, forks and interpreters: none is left, none waits for ever, nothing is lost or leaked."""

from __future__ import annotations

import gc
import multiprocessing
import os
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cli_process
import profiles
from pathvein import FileStructurePattern as P
from pathvein import ScanResult, iscan, iwalk_parallel, scan, walk_parallel
from trees import Dir, Link, Make, tree

pytestmark = pytest.mark.linux("counts in /proc")


@pytest.fixture
def top(make_fast: Make) -> Path:
    """300 directories in three levels, and a link that is a loop."""
    spec = tree(*(f"{i % 9}/{i % 7}/r{i}/f{i % 3}" for i in range(200)))
    spec.entries["loop"] = Link(raw=".")
    return make_fast(spec)


PATTERNS = [P("r*", [f"f{n}"]) for n in range(3)] + [P("?", [], [P("?", [], [P("r1*")])])]


def resources() -> tuple[int, int]:
    """How many threads and descriptors this process has, without what is garbage.

    What other tests have left may start a thread, which closes it, when it is collected; so it is
    waited for until they do not change.
    """
    found: list[tuple[int, int]] = []
    while len(found) < 2 or (found[-1] != found[-2] and len(found) < 100):
        gc.collect()
        time.sleep(0.05)
        found.append((len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))))
    return found[-1]


def none_left(before: tuple[int, int]) -> bool:
    """Whether there are no more than before. Others may end meanwhile, of tests before; and a
    thread that was waited for is in /proc for a moment.
    """
    deadline = time.monotonic() + 20
    while any(n > m for n, m in zip(resources(), before, strict=True)):
        if time.monotonic() > deadline:
            return False
    return True


class Stop(Exception):
    """Ends a scan from a callable."""


def stop(*args: Any) -> None:
    raise Stop


# Nothing is left ---------------------------------------------------------------------------


def _closed(source: Path) -> None:
    with iscan(source, P("*", ["f"]), follow_links=True, threads=4) as stream:
        next(stream)


def _dropped(source: Path) -> None:
    stream = iscan(source, P("*", ["f"]), follow_links=True, threads=4)
    next(stream)
    del stream


def _dropped_in_a_cycle(source: Path) -> None:
    cycle: list[Any] = [iwalk_parallel(source, None, True, threads=4)]
    next(cycle[0])
    cycle.append(cycle)
    del cycle
    gc.collect()


def _never_begun(source: Path) -> None:
    iwalk_parallel(source, None, True, threads=4)


def _walk_closed(source: Path) -> None:
    walk = iwalk_parallel(source, None, True, threads=4)
    next(walk)
    walk.close()


def _progress_raises(source: Path) -> None:
    with pytest.raises(Stop):
        scan(source, P("no", ["no"]), follow_links=True, threads=4, progress=stop)


def _walk_progress_raises(source: Path) -> None:
    with pytest.raises(Stop):
        walk_parallel(source, None, True, threads=4, progress=stop)


def _on_error_raises(source: Path) -> None:
    looped = source / "looped"
    if not looped.is_dir():
        looped.mkdir()
        (looped / "loop").symlink_to(".")
        (looped / "on").symlink_to(source)
    with pytest.raises(Stop):
        scan(looped, P("no"), max_depth=1, follow_links=True, threads=4, on_error=stop)


def _source_fails(source: Path) -> None:
    for call in (lambda: scan(source / "f", P()), lambda: walk_parallel(source / "missing")):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            call()


LEAVE: list[Callable[[Path], None]] = [
    _closed,
    _dropped,
    _dropped_in_a_cycle,
    _never_begun,
    _walk_closed,
    _progress_raises,
    _walk_progress_raises,
    _on_error_raises,
    _source_fails,
]


@pytest.mark.parametrize("leave", LEAVE)
def test_leaving_leaves_nothing(endless: Path, leave: Callable[[Path], None]) -> None:
    """The scan has no end: its threads and descriptors are gone when it is, not some time."""
    gc.collect()
    before = resources()
    for _ in range(3):
        leave(endless)
    assert none_left(before)


def test_memory_and_descriptors_do_not_grow(make_fast: Make) -> None:
    names = [f"{n}{'x' * 200}" for n in range(40)]
    top = make_fast(Dir({"loop": Link(raw="."), **{name: tree("f", "sub/f") for name in names}}))
    options: dict[str, Any] = {"follow_links": True, "on_error": "ignore"}

    def some() -> None:
        for _ in range(25):
            assert len(scan(top, P("*", ["f"]), **options)) == 80
            assert len(walk_parallel(top, **options)) == 81
            with iscan(top, P("*", ["f"]), **options) as stream:
                next(stream)

    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    some()
    gc.collect()
    before, resident_before = resources(), resident()
    tracemalloc.start()
    try:
        for _ in range(8):
            some()
        gc.collect()
        kept = tracemalloc.take_snapshot().filter_traces(
            # The table of interned strings is one object, and grows when it likes.
            [
                tracemalloc.Filter(False, f"*{who}*")
                for who in ("pathlib", "_results", "tracemalloc")
            ]
        )
    finally:
        tracemalloc.stop()
    # The names alone of what 200 scans found are more than three megabytes.
    assert sum(trace.size for trace in kept.traces) < 500_000
    assert resident() - resident_before < 10_000_000
    assert none_left(before)


# Many at once ------------------------------------------------------------------------------


def rows(source: Path, threads: int | None = None) -> list[tuple[str, str]]:
    """All the ways to ask, which have to agree; in a form that crosses processes."""
    found = scan(source, PATTERNS, threads=threads, on_error="raise")
    assert set(iscan(source, PATTERNS, threads=threads, on_error="raise")) == found
    walked = walk_parallel(source, threads=threads, on_error="raise")
    assert len(walked) == sum(1 for _ in os.walk(source))
    return sorted((str(result.source), result.pattern.to_json()) for result in found)


def scan_there(source: Path) -> set[ScanResult]:
    return scan(source, PATTERNS, on_error="raise")


def test_sixteen_threads_at_once(top: Path, endless: Path) -> None:
    expected, before = rows(top), resources()
    begin = threading.Barrier(16)

    def work(number: int) -> None:
        begin.wait(30)
        for turn in range(4):
            assert rows(top, [None, 1, 2, 5][(number + turn) % 4]) == expected
            LEAVE[(number + turn) % 5](endless)

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(work, number) for number in range(16)]:
            future.result(120)
    gc.collect()
    assert none_left(before)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_process_pools(top: Path, endless: Path, method: str) -> None:
    """Patterns go there and results come back, while a scan of the parent's own is under way."""
    expected = rows(top)
    with iscan(endless, P("*", ["f"]), follow_links=True) as stream:
        next(stream)
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(2, context) as pool:
            for future in [pool.submit(rows, top) for _ in range(4)]:
                assert future.result(120) == expected
            assert pool.submit(scan_there, top).result(120) == scan(top, PATTERNS)
        assert next(stream)


# fork --------------------------------------------------------------------------------------


def in_a_child(function: Callable[[], object]) -> int:
    """Run it in a fork of this process; gives 0 if it returned something true in time."""
    import signal

    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)
            os._exit(0 if function() else 1)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(2)
    return os.waitpid(child, 0)[1]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_scans_run(make_fast: Make, endless: Path) -> None:
    """The child scans anew, and its parent's scans go on to their ends, whole."""
    top = make_fast(tree(*(f"d{number}/f" for number in range(1500))))
    pattern = P("d*", ["f"])

    def child() -> bool:
        new = scan(top, pattern, on_error="raise")
        with iscan(endless, pattern, follow_links=True) as other:
            next(other, None)
        return len(new) == 1500

    for threads in (1, 3):
        with iscan(top, pattern, threads=threads, on_error="raise") as stream:
            taken = [next(stream) for _ in range(10)]
            assert in_a_child(child) == 0
            taken += stream
        assert len({result.source for result in taken}) == len(taken) == 1500


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_that_inherits_iterators(make_fast: Make) -> None:
    """There they say so; here they go on as if nothing had been."""
    top = make_fast(tree(*(f"d{number}/f" for number in range(1500))))
    stream = iscan(top, P("d*", ["f"]), on_error="raise")
    walk = iwalk_parallel(top, on_error="raise")
    taken, listed = [next(stream)], [next(walk)]

    def child() -> bool:
        told = 0
        for inherited in (stream, walk):
            assert inherited.errors == []
            assert inherited.stats.errors == 0
            assert repr(inherited)
            try:
                for _ in inherited:
                    pass
            except RuntimeError as error:
                told += "process" in str(error)
            inherited.close()
            assert next(inherited, None) is None
        return told == 2

    assert in_a_child(child) == 0
    assert in_a_child(lambda: [s.close() for s in (stream, walk)]) == 0
    taken += stream
    listed += walk
    assert (len(taken), len(listed)) == (1500, 1501)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("remote", [False, True])
def test_a_fork_after_the_last_batch(make_fast: Make, remote: bool) -> None:
    """Nothing more is to come, but what was not taken yet is its parent's."""
    if remote:
        memory = pytest.importorskip("fsspec").filesystem("memory")
        for name in "abc":
            memory.pipe(f"/fork/{name}/f", b"")
    source = "memory://fork" if remote else make_fast(tree("a/f", "b/f", "c/f"))
    stream = iscan(source, P("?", ["f"]))
    next(stream)
    while stream._more:
        stream._take_batch()
    assert len(stream._ready) == 2

    def child() -> bool:
        with pytest.raises(RuntimeError, match="process"):
            next(stream)
        return next(stream, None) is None

    assert in_a_child(child) == 0
    assert len(list(stream)) == 2


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_waits(endless: Path) -> None:
    """What that thread holds is never given back in the child, which is told so at once."""
    for method in ("next", "close", "drop"):
        streams: list[Any] = [
            iscan(endless, P("no", ["no"]), follow_links=True),
            iwalk_parallel(endless, None, True, on_error="raise"),
        ]
        waiting = [threading.Thread(target=list, args=(stream,)) for stream in streams[:1]]
        for thread in waiting:
            thread.start()
        try:
            while streams[0].stats.directories < 100:
                pass
            while not streams[1]._ready:  # found, and its parent's
                next(streams[1])

            def child(streams: list[Any] = streams, method: str = method) -> bool:
                if method == "close":
                    for stream in streams:
                        stream.close()
                        assert next(stream, None) is None
                elif method == "drop":
                    streams.clear()
                    gc.collect()
                else:
                    for stream in streams:
                        assert stream.stats.directories
                        assert not stream.errors
                        assert repr(stream)
                        with pytest.raises(RuntimeError, match="process"):
                            next(stream)
                        assert next(stream, None) is None
                return True

            # A few times: the thread holds its lock most of the time.
            for _ in range(profiles.rounds(2)):
                assert in_a_child(child) == 0
        finally:
            for stream in streams:
                stream.close()
            for thread in waiting:
                thread.join(60)
        assert not any(thread.is_alive() for thread in waiting)


def test_closing_ends_the_wait_of_another_thread(endless: Path) -> None:
    for _ in range(10):
        stream = iscan(endless, P("no", ["no"]), follow_links=True)
        waiting = threading.Thread(target=list, args=(stream,))
        waiting.start()
        stream.close()
        waiting.join(60)
        assert not waiting.is_alive()
        assert next(stream, None) is None


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_amid_scanning_threads(top: Path) -> None:
    """No lock that another thread held is in the way of the child's own scans."""
    expected, end = rows(top), threading.Event()

    def work() -> None:
        while not end.is_set():
            scan(top, PATTERNS)

    others = [threading.Thread(target=work) for _ in range(4)]
    for other in others:
        other.start()
    try:
        for _ in range(10):
            assert in_a_child(lambda: rows(top, 2) == expected) == 0
    finally:
        end.set()
        for other in others:
            other.join(60)


# The end of the interpreter ----------------------------------------------------------------

ENDS = {
    "kept": "stream = iscan(top, files, follow_links=True); next(stream)",
    "kept walk": "walk = pathvein.iwalk_parallel(top, None, True); next(walk)",
    "in a cycle": "x = [iscan(top, files, follow_links=True)]; x.append(x); next(x[0])",
    "daemons": """
        def work(): pathvein.scan(top, P("no", ["no"]), follow_links=True)
        def walk():
            for row in pathvein.iwalk_parallel(top, None, True): pass
        for target in [work, walk] * 3: threading.Thread(target=target, daemon=True).start()
        time.sleep(0.2)
    """,
    "exit in a callable": """
        def leave(stats): sys.exit(0)
        pathvein.scan(top, P("no", ["no"]), follow_links=True, progress=leave)
    """,
    "at exit": """
        import atexit
        stream = iscan(top, files, follow_links=True); next(stream)
        atexit.register(lambda: len(pathvein.scan(top + "/x/x", files, max_depth=0)))
        atexit.register(stream.close)
    """,
    "in __del__": """
        class Late:
            def __init__(self):
                self.stream, self.me = iscan(top, files, follow_links=True), self
                next(self.stream)
            def __del__(self):
                self.stream.stats, self.stream.close()
        late = Late()
    """,
    "at once": "iscan(top, files, follow_links=True); os._exit(0)",
}


@pytest.mark.parametrize("how", ENDS)
def test_the_interpreter_ends_while_a_scan_runs(endless: Path, how: str) -> None:
    prelude = "import os, sys, threading, time, pathvein\n"
    prelude += "from pathvein import iscan, FileStructurePattern as P\n"
    prelude += "top, files = sys.argv[1], P('*', ['f'])\n"
    done = cli_process.run_python(prelude + textwrap.dedent(ENDS[how]), endless, cwd=endless)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


SUB_INTERPRETER = """
    import sys
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    if "first" in sys.argv: import pathvein
    other = interpreters.create()
    code = f'''
    import sys
    sys.path[:] = {sys.path!r}
    try:
        import pathvein
    except ImportError as error:
        print("no:", error)
    else:
        print(len(pathvein.scan({sys.argv[1]!r}, pathvein.FileStructurePattern("r*"))))
    '''
    import textwrap
    failure = interpreters.run_string(other, textwrap.dedent(code))
    assert failure is None, failure
    interpreters.destroy(other)
    import pathvein
    print(len(pathvein.scan(sys.argv[1], pathvein.FileStructurePattern("r*"))))
"""


@pytest.mark.parametrize("main", ["first", "last"])
def test_another_interpreter(top: Path, main: str) -> None:
    """It scans there, or cannot be imported and says so; the main one is none the worse."""
    done = cli_process.run_python(textwrap.dedent(SUB_INTERPRETER), top, main, cwd=top)
    assert (done.returncode, done.stderr) == (0, b"")
    there, here = done.stdout.decode().splitlines()
    assert there == here == "200" or (there.startswith("no:") and "interpreter" in there)
    assert here == "200"


# Imports -----------------------------------------------------------------------------------

NO_IMPORTS = """
import sys
import pathvein_core
from pathvein import FileStructurePattern, iscan, iwalk_parallel, scan, walk_parallel
class Refuse:
    def find_spec(self, name, *rest):
        raise ImportError(f"{name} is imported while the workers run")
def refusing(start):
    def call(*args, **options):
        sys.meta_path.insert(0, Refuse())
        return start(*args, **options)
    return call
pathvein_core.Scan = refusing(pathvein_core.Scan)
pathvein_core.Walk = refusing(pathvein_core.Walk)
top, how = sys.argv[1:3]
if how == "command":
    from pathvein.cli import main
    sys.argv[1:] = ["scan", top, "--json", "-vv", "-p", sys.argv[3]]
    main()
pattern = FileStructurePattern(files=["f"])
told = []
options = {"on_error": told.append, "progress": told.append}
stream = iscan(top, pattern, **options) if how == "scan" else iwalk_parallel(top, **options)
with stream:
    results = sorted(stream)
    assert results and repr(stream) and stream.stats and not stream.errors
"""


@pytest.mark.parametrize("how", ["scan", "walk", "command"])
def test_nothing_is_imported_once_the_workers_run(
    make_fast: Make, tmp_path: Path, how: str
) -> None:
    """They may leave no descriptor for it."""
    pattern = tmp_path / "p.json"
    pattern.write_text('{"files": ["f"]}')
    top = make_fast(tree("a/f", "b/c/f"))
    done = cli_process.run_python(NO_IMPORTS, top, how, pattern, cwd=top)
    assert (done.returncode, done.stderr.count(b"Error")) == (0, 0), done.stderr.decode()


HELD = """
import os, resource, sys
from pathvein import FileStructurePattern, scan, walk_parallel
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
held = [os.open("/dev/null", 0) for _ in range(256 - int(sys.argv[2]) - len(os.listdir("/dev/fd")))]
def use(stats):
    for descriptor in [os.open("/dev/null", 0) for _ in range(4)]:
        os.close(descriptor)
for threads in 1, 2, 8, 40:
    options = {"threads": threads, "on_error": "raise"}
    found = scan(sys.argv[1], FileStructurePattern(files=["f"]), **options, progress=use)
    listed = walk_parallel(sys.argv[1], **options, progress=use)
    print(len(found), sum("f" in files for _, _, files in listed))
"""


@pytest.mark.parametrize("left", [16, 24, 60])
def test_descriptors_are_left_to_a_process_that_holds_many(make_fast: Make, left: int) -> None:
    """Each directory is found, and the caller can still open files of its own."""
    top = make_fast(
        tree(*(f"{a}/{b}/{c}/f" for a in range(8) for b in range(12) for c in range(8)))
    )
    done = cli_process.run_python(HELD, top, str(left), cwd=top)
    assert (done.stdout.split(), done.stderr) == ([b"768"] * 8, b"")
