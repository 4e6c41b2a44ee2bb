"""iscan: streaming, leaving early, signals, threads, and what it counts."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import cli_process
from cli_process import run_python
from pathvein import FileStructurePattern as P
from pathvein import ScanIterator, ScanResult, ScanWarning, _errors, iscan, scan
from trees import Dir, Link, Make, tree

linux = pytest.mark.linux("counts in /proc")


def thread_count() -> Any:
    return len(os.listdir("/proc/self/task"))


def wait_for(condition: Any, seconds: Any = 3.0) -> Any:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def cpu_used(seconds: Any) -> Any:
    """CPU seconds that this process spends while the test does nothing."""
    before = time.process_time()
    time.sleep(seconds)
    return time.process_time() - before


def test_it_is_an_iterator_and_a_context_manager(make: Make) -> None:
    top = make(tree("a/f", "b/f"))
    pattern = P("?", ["f"])
    with iscan(top, pattern) as stream:
        assert iter(stream) is stream
        assert type(next(stream)) is ScanResult
        rest = list(stream)
        assert len(rest) == 1
        with pytest.raises(StopIteration):
            next(stream)
        with pytest.raises(StopIteration):
            next(stream)
    stream.close()
    stream.close()


def test_stats_and_errors(make: Make) -> None:
    spec = tree("a/f", "a/g", "b/")
    spec.entries["out"] = Link(raw="/")
    top = make(spec)
    with iscan(top, [P("?"), P("a", ["f"])]) as stream:
        assert len(list(stream)) == 3
        stats = stream.stats
        assert list(stream.errors) == []
    assert (stats.directories, stats.entries, stats.matches) == (3, 5, 3)
    # Nothing asks what `out` is, so it was not looked at.
    assert (stats.errors, stats.links_not_followed) == (0, 0)
    assert stream.stats.matches == 3
    assert "matches=3" in repr(stats)


def test_results_come_before_the_end(endless: Path) -> None:
    with iscan(endless, P("*", ["f"]), follow_links=True) as stream:
        start = time.monotonic()
        for _ in range(2000):
            next(stream)
        assert time.monotonic() - start < 10
        early = stream.stats
        assert early.matches >= 2000
        for _ in range(20000):
            next(stream)
        assert stream.stats.directories > early.directories


@linux
@pytest.mark.parametrize("how", ["close", "with", "del", "break", "exception", "unstarted"])
def test_leaving_early_stops_the_workers(endless: Path, how: Any) -> None:
    before = thread_count()
    stream = iscan(endless, P("*", ["f"]), follow_links=True, threads=4)
    if how == "close":
        next(stream)
        stream.close()
        assert list(stream) == []
    elif how == "with":
        with stream:
            next(stream)
        assert list(stream) == []
    elif how == "exception":
        with pytest.raises(KeyError), stream:
            raise KeyError
        assert list(stream) == []
    elif how == "unstarted":
        pass
    elif how == "break":
        for _ in stream:
            break
    stats = stream.stats if how == "close" else None
    # Held, where it is not dropping it that stops the workers.
    held = stream if how in ("close", "with", "exception") else None
    del stream
    if how == "break":
        import gc

        gc.collect()
    assert wait_for(lambda: thread_count() <= before), f"{thread_count()} threads, {before} before"
    assert cpu_used(0.3) < 0.15
    if stats is not None:
        assert stats.matches >= 1
    del held


@linux
def test_a_finished_scan_leaves_no_threads(make: Make) -> None:
    top = make(tree("a/f"))
    before = thread_count()
    for _ in range(20):
        scan(top, P("a"), threads=4)
        list(iscan(top, P("a"), threads=4))
    assert wait_for(lambda: thread_count() <= before)


def test_a_stream_that_nobody_reads_does_not_fill_the_memory(endless: Path) -> None:
    def resident() -> Any:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    if not os.path.exists("/proc/self/statm"):
        pytest.skip("reads /proc")
    before = resident()
    with iscan(endless, P("*", ["f"]), follow_links=True) as stream:
        next(stream)
        time.sleep(1)
        assert resident() - before < 50_000_000
        assert cpu_used(0.3) < 0.2


def test_a_tree_without_end_takes_little_memory(endless: Path) -> None:
    code = """
        import resource, sys, pathvein
        class Stop(Exception): pass
        calls = 0
        def progress(stats):
            global calls
            calls += 1
            if calls > 15: raise Stop
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            pathvein.scan(sys.argv[1], pathvein.FileStructurePattern("no", ["no"]),
                          follow_links=True, progress=progress)
        except Stop:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(endless)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert int(done.stdout) < 60_000  # kilobytes


CTRL_C = """
    import os, sys, time, pathvein
    P = pathvein.FileStructurePattern
    source, how = sys.argv[1:]
    def run():
        if how == "scan":
            pathvein.scan(source, P("no", ["no"]), follow_links=True)
        elif how == "scan-matching":
            pathvein.scan(source, P("x", ["end"]), follow_links=True)
        elif how == "iscan":
            for result in pathvein.iscan(source, P("no", ["no"]), follow_links=True):
                pass
        elif how == "iscan-matching":
            for result in pathvein.iscan(source, P("*", ["f"]), follow_links=True):
                pass
        elif how == "walk":
            for row in pathvein.iwalk_parallel(source, follow_links=True):
                pass
    print("started", flush=True)
    try:
        run()
    except KeyboardInterrupt:
        print(time.time(), flush=True)
    del run
    deadline = time.time() + 3
    while len(os.listdir("/proc/self/task")) > 1 and time.time() < deadline:
        time.sleep(0.01)
    print(len(os.listdir("/proc/self/task")), flush=True)
"""


@linux
@pytest.mark.parametrize("how", ["scan", "scan-matching", "iscan", "iscan-matching", "walk"])
def test_ctrl_c_ends_a_scan_at_once(endless: Path, how: Any) -> None:
    command = [sys.executable, "-c", textwrap.dedent(CTRL_C), endless, how]
    with cli_process.interruptible(command) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        time.sleep(0.4)
        assert child.poll() is None, "the scan of an endless tree ended"
        sent = time.time()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    assert child.returncode == 0, err
    interrupted, threads = out.split()
    assert float(interrupted) - sent < 1.0
    assert int(threads) == 1, "workers are left"


class Stop(Exception):
    """Ends a scan from a callable."""


def test_progress(endless: Path) -> None:
    calls: list[Any] = []

    def progress(stats: Any) -> None:
        calls.append((time.monotonic(), threading.get_ident(), stats.directories))
        if time.monotonic() - start > 1.5:
            raise Stop

    start = time.monotonic()
    with pytest.raises(Stop):
        scan(endless, P("no", ["no"]), follow_links=True, progress=progress)
    assert time.monotonic() - start < 4
    times, threads, directories = zip(*calls, strict=False)
    assert set(threads) == {threading.get_ident()}
    assert 3 <= len(calls) <= 17
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(gaps) > 0.09
    assert list(directories) == sorted(set(directories))


def test_progress_of_a_stream(endless: Path) -> None:
    calls: list[Any] = []

    def progress(stats: Any) -> None:
        calls.append((time.monotonic(), threading.get_ident()))

    deadline = time.monotonic() + 1
    with iscan(endless, P("*", ["f"]), follow_links=True, progress=progress) as stream:
        for _ in stream:
            if time.monotonic() > deadline:
                break
    assert {thread for _, thread in calls} == {threading.get_ident()}
    assert 3 <= len(calls) <= 12


def test_what_progress_raises_ends_the_stream(endless: Path) -> None:
    def progress(stats: Any) -> None:
        raise Stop

    before = thread_count()
    stream = iscan(endless, P("*", ["f"]), follow_links=True, progress=progress)
    with pytest.raises(Stop):
        for _ in stream:
            pass
    assert next(stream, None) is None
    assert wait_for(lambda: thread_count() <= before)


def test_the_callables_run_in_the_calling_thread(make: Make) -> None:
    top = make(Dir({f"l{i}": Link(raw=".") for i in range(50)}))
    seen: list[Any] = []
    scan(top, P(), follow_links=True, on_error=lambda e: seen.append(threading.get_ident()))
    assert seen == [threading.get_ident()] * 50


@pytest.mark.alone  # it counts how often another thread gets to run
def test_the_interpreter_is_free_during_a_scan(endless: Path) -> None:
    ticks = [time.monotonic()]
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.002)

    def progress(stats: Any) -> None:
        if time.monotonic() - start > 1:
            raise Stop

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.monotonic()
    try:
        with pytest.raises(Stop):
            scan(endless, P("no", ["no"]), follow_links=True, progress=progress)
    finally:
        done.set()
        ticker.join()
    assert max(later - sooner for sooner, later in itertools.pairwise(ticks)) < 0.35
    assert len(ticks) > 100


def test_many_scans_at_once(make: Make) -> None:
    top = make(tree(*(f"{i % 9}/{i % 7}/{i}/f{i % 3}" for i in range(200))))
    patterns = [P("*", [f"f{i}"]) for i in range(3)] + [P("?", [], [P("?", [], [P("1*")])])]
    expected = scan(top, patterns)
    assert len(expected) > 200
    failures: list[Any] = []

    def work(number: Any) -> None:
        try:
            for turn in range(8):
                threads = [None, 1, 2, 3][(number + turn) % 4]
                if scan(top, patterns, threads=threads) != expected:
                    failures.append((number, turn, "scan"))
                if set(iscan(top, patterns, threads=threads)) != expected:
                    failures.append((number, turn, "iscan"))
        except BaseException as error:
            failures.append((number, error))

    workers = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert failures == []


def test_scans_within_a_scan(make: Make) -> None:
    top = make(tree("a/f", "b/f"))
    rows = {
        (outer.source.name, inner.source.name)
        for outer in iscan(top, P("?"))
        for inner in iscan(top, P("?"))
        if scan(outer.source, P("*", ["f"]))
    }
    assert rows == {(x, y) for x in "ab" for y in "ab"}


def test_one_stream_read_by_several_threads(make: Make) -> None:
    top = make(tree(*(f"d{i}/" for i in range(500))))
    stream = iscan(top, P("d*"))
    rows: list[ScanResult] = []
    failures: list[Exception] = []

    def read() -> None:
        try:
            rows.extend(stream)
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)
    # Either it is shared fairly or it refuses; nothing is lost or doubled without a word.
    assert failures or sorted(r.source.name for r in rows) == sorted(f"d{i}" for i in range(500))
    assert len(rows) == len(set(rows))


@pytest.mark.unix("needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_scan_in_a_forked_child(make: Make) -> None:
    """multiprocessing forks by default up to Python 3.13: no pool may be inherited dead."""
    top = make(tree("a/f"))
    assert len(scan(top, P("a"))) == 1
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            os._exit(0 if len(scan(top, P("a"))) == 1 else 1)
        except BaseException:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert status == 0


def test_the_warning_comes_at_the_end_of_the_stream(make: Make) -> None:
    top = make(Dir({"loop": Link(raw="."), "d": Dir()}))
    stream = iscan(top, P(), follow_links=True)
    with pytest.warns(ScanWarning, match="1") as record:
        assert len(list(stream)) == 2
    assert len(record) == 1
    assert len(stream.errors) == 1


def test_no_result_is_lost_between_threads(make: Make) -> None:
    top = make(tree(*(f"d{i}/f" for i in range(3000))))
    for _ in range(3):
        stream = iscan(top, P("d*", files=["f"]))
        taken: list[list[ScanResult]] = [[] for _ in range(4)]
        threads = [threading.Thread(target=part.extend, args=(stream,)) for part in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len({result.source for part in taken for result in part}) == 3000
        assert sum(map(len, taken)) == 3000


def test_a_callable_may_take_results(make: Make) -> None:
    top = make(tree(*(f"d{i}/f" for i in range(20))))
    taken: list[ScanResult] = []
    stream: ScanIterator = iscan(top, P("d*"), progress=lambda stats: taken.extend(stream))
    taken.extend(stream)
    assert len({result.source for result in taken}) == len(taken) == 20


def test_a_callable_may_close_the_stream(make: Make) -> None:
    top = make(tree(*(f"d{i}/f" for i in range(20))))
    taken: list[ScanResult] = []
    closed_at: list[int] = []

    def progress(stats: Any) -> None:
        closed_at.append(len(taken))
        stream.close()

    stream = iscan(top, P("d*"), progress=progress)
    for result in stream:
        taken.append(result)
    assert closed_at == [len(taken)]


def test_a_stream_that_a_fork_inherits(endless: Path) -> None:
    """Its workers are in the other process: it says so, and neither hangs nor panics."""
    program = """
        import os, sys, warnings
        warnings.simplefilter("ignore")  # of forking with threads
        from pathvein import FileStructurePattern, iscan
        stream = iscan(sys.argv[1], FileStructurePattern(), follow_links=True)
        next(stream)
        child = os.fork()
        if not child:
            try:
                for result in stream:
                    pass
            except RuntimeError as error:
                assert "another process" in str(error), error
                stream.close()
                del stream
                sys.exit(7)
            sys.exit(1)
        status = os.waitpid(child, 0)[1]
        assert os.waitstatus_to_exitcode(status) == 7, status
        next(stream)
        stream.close()
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), endless],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_an_exception_in_the_block_is_not_warned_over(make: Make) -> None:
    top = make(Dir({"l": Link(raw=".")}))
    stream = iscan(top, P(), follow_links=True)
    assert len(list(itertools.islice(stream, 1))) == 1
    assert wait_for(lambda: stream.stats.errors == 1)
    stream._take_batch()
    assert len(stream.errors) == 1
    with pytest.raises(KeyError), stream:
        raise KeyError


def test_the_errors_are_a_copy(make: Make) -> None:
    stream = iscan(make(Dir({"l": Link(raw=".")})), P(), follow_links=True, on_error="ignore")
    list(stream)
    stream.errors.clear()
    assert len(stream.errors) == 1


def test_a_short_scan_reports_its_end(make: Make) -> None:
    calls: list[Any] = []
    scan(make(tree("a/f")), P("a"), progress=calls.append)
    assert [(stats.directories, stats.matches) for stats in calls] == [(2, 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_warning_counts_the_errors_that_it_does_not_tell(make: Make, count: int) -> None:
    top = make(Dir({f"l{i}": Link(raw=".") for i in range(count)}))
    with pytest.warns(ScanWarning) as record:
        scan(top, P(), follow_links=True)
    text = str(record[0].message)
    assert re.match(f"{count} errors? below", text)
    more = re.search(r"; and (\d+) more$", text)
    assert text.count("leads back") + text.count("Errno") == min(count, 3)
    assert (int(more[1]) if more else 0) == max(count - 3, 0)


def test_each_incomplete_scan_warns(make: Make) -> None:
    """By Python's default filter, from one line of code, with one text."""
    top = make(Dir({"loop": Link(raw=".")}))
    code = f"""
from pathvein import *
for call in 3 * [lambda: scan({str(top)!r}, FileStructurePattern(), follow_links=True)]:
    call()
for _ in range(2):
    list(walk_python({str(top)!r}, follow_links=True))
"""
    done = run_python(code, cwd=top)
    assert (done.returncode, done.stderr.count(b"ScanWarning: 1 error below")) == (0, 5)
    assert done.stderr.count(b"<string>:3: ") == 3


def test_a_stream_keeps_the_first_errors_and_counts_all(
    make_fast: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_errors, "_ERRORS_KEPT", 10)
    top = make_fast(Dir({f"l{i}": Link(raw=".") for i in range(25)}))
    stream = iscan(top, P("no"), follow_links=True)
    with pytest.warns(ScanWarning, match="^25 errors below .*; and 22 more$"):
        assert list(stream) == []
    assert (len(stream.errors), stream.stats.errors) == (10, 25)


@pytest.mark.parametrize("policy", ["ignore", "warn"])
def test_a_scan_keeps_no_errors_that_nobody_asks_for(make: Make, policy: Any) -> None:
    top = make(Dir({f"l{i}": Link(raw=".") for i in range(5)}))
    stream = iscan(top, P("no"), follow_links=True, on_error=policy)
    with contextlib.nullcontext() if policy == "ignore" else pytest.warns(ScanWarning, match="2 m"):
        assert [*itertools.chain(*stream.batches())] == []
    assert len(stream.errors) == (0 if policy == "ignore" else 3)


class Stopping:
    """A caller's callable, and iterable, with a `next` too many in it."""

    def __call__(self, _: Any) -> None:
        next(iter(()))

    def __iter__(self) -> Any:
        return next(iter(()))


@pytest.mark.parametrize("argument", ["on_error", "progress", "patterns", "exclude"])
@pytest.mark.parametrize("source", ["local", "remote"])
def test_stop_iteration_is_no_end(make: Make, argument: str, source: str) -> None:
    top: Any = make(Dir({"loop": Link(raw="."), "d": Dir()}))
    if source == "remote":
        top = pytest.importorskip("upath").UPath(f"local://{top}")
    options: Any = {"patterns": P(), argument: Stopping()}
    for call in (scan, iscan):
        with pytest.raises(RuntimeError, match="StopIteration") as caught:
            list(call(top, follow_links=True, **options))
        assert isinstance(caught.value.__cause__, StopIteration)


def test_another_thread_may_close_the_stream(endless: Path) -> None:
    for _ in range(20):
        stream = iscan(endless, P("*", ["f"]), follow_links=True)
        next(stream)
        closing = threading.Thread(target=stream.close)
        closing.start()
        assert sum(1 for _ in stream) >= 0
        closing.join(60)
        assert not closing.is_alive()


def test_stats_do_not_wait_for_results(endless: Path) -> None:
    """While another thread waits for results, which do not come."""
    stream = iscan(endless, P("no", ["no"]), follow_links=True)
    waiting = threading.Thread(target=next, args=(stream, None))
    waiting.start()
    try:
        # A busy machine may take its time to begin.
        assert wait_for(lambda: stream.stats.directories, 30)
        start = time.monotonic()
        counts = [stream.stats.directories for _ in range(2000)]
        # Were each to wait until the other looks for signals, it would take 40 seconds.
        assert time.monotonic() - start < 10
        assert counts == sorted(counts)
        assert "running" in repr(stream)
    finally:
        stream.close()
        waiting.join(30)
    assert not waiting.is_alive()
    assert stream.stats.directories >= counts[-1] > 0
