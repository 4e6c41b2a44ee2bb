"""Flat listings from outside: how they end, what they count, what they keep in memory.

On the S3 stub, which tells which requests it got.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("s3fs")

from fsspec.asyn import get_loop
from pathvein_core import ExcludeRules, KeyScan, KeyWalk
from upath import UPath

import pathvein
from pathvein import FileStructurePattern as P
from pathvein import ScanWarning, Stats
from pathvein._remote.errors import GENERIC, Unfit
from pathvein._remote.keys.lister import KeyProducer
from pathvein._remote.keys.requests import Page
from pathvein._remote.loop import BackgroundTask
from pathvein._remote.retry import RequestCounts
from servers.list_stub import Fault, ListStub, Radix, StubBucket
from servers.list_stub import _page as stub_page

pytestmark = [
    # What is given up in the middle leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEYS = [f"src/d{i:04}/f{j}" for i in range(300) for j in range(5)]
PATTERN = P("d*", files=["f0"])


def tasks() -> set[asyncio.Task[Any]]:
    """Those on the loop of fsspec."""
    return {task for task in asyncio.all_tasks(get_loop()) if not task.done()}


def tasks_end(before: set[asyncio.Task[Any]]) -> bool:
    """Whether all but those end. On a busy machine the loop gets to it later than who closed."""
    deadline = time.monotonic() + 30
    while not tasks() <= before and time.monotonic() < deadline:
        time.sleep(0.01)
    return tasks() <= before


# The end


def exhausted(bucket: StubBucket) -> None:
    assert len(list(stream(bucket))) == 300


def closed(bucket: StubBucket) -> None:
    running = stream(bucket)
    next(running)
    running.close()
    assert list(running) == []


def dropped(bucket: StubBucket) -> None:
    running = stream(bucket)
    next(running)
    del running
    gc.collect()


def walk_dropped(bucket: StubBucket) -> None:
    walk = pathvein.walk_python(f"{bucket.url}/src", storage_options=bucket.options)
    next(walk)
    del walk
    gc.collect()


def left_by_an_exception(bucket: StubBucket) -> None:
    def leave() -> None:
        with stream(bucket) as running:
            next(running)
            raise KeyError

    with pytest.raises(KeyError):
        leave()


def refused_by_a_callable(bucket: StubBucket) -> None:
    def progress(stats: Stats) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        pathvein.scan(
            f"{bucket.url}/src", PATTERN, storage_options=bucket.options, progress=progress
        )


def stream(bucket: StubBucket, **options: Any) -> Any:
    return pathvein.iscan(f"{bucket.url}/src", PATTERN, storage_options=bucket.options, **options)


@pytest.mark.parametrize(
    "end", [exhausted, closed, dropped, walk_dropped, left_by_an_exception, refused_by_a_callable]
)
def test_nothing_is_left_when_it_ends(stub: ListStub, end: Callable[[StubBucket], None]) -> None:
    import s3fs

    bucket = stub.bucket(KEYS, latency=0.1, page_limit=20)
    before = tasks()
    end(bucket)
    ended = time.monotonic()
    assert tasks_end(before)
    # Others go on using the loop.
    fs = s3fs.S3FileSystem(**bucket.options, skip_instance_cache=True)
    # What was on its way when it ended may be there a moment later. All pages would take longer.
    time.sleep(1)
    assert [request for request in bucket.requests() if request.at > ended + 0.5] == []
    assert len(fs.ls(f"{bucket.name}/src")) == 300
    assert tasks_end(before)


INTERRUPTED = """
import json, signal, sys, time
from pathvein import FileStructurePattern as P
import pathvein
how, url, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
# Whoever runs the tests may be ignoring it.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    if how == "scan":
        pathvein.scan(url, P("d*", files=["f0"]), storage_options=options)
    elif how == "iscan":
        for result in pathvein.iscan(url, P("d*", files=["f0"]), storage_options=options):
            pass
    else:
        for directory in pathvein.walk_python(url, storage_options=options):
            pass
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
    # Time for whatever was left running to show itself.
    time.sleep(2.5)
"""


def test_ctrl_c_leaves_no_request_being_issued(stub: ListStub, tmp_path: Path) -> None:
    """Whichever way it was begun. All at once, as each waits for answers most of the time."""
    latency = 1.5
    pattern = tmp_path / "p.json"
    pattern.write_text(json.dumps({"directory_name": "d*", "files": ["f0"]}))
    running: dict[str, tuple[StubBucket, subprocess.Popen[str]]] = {}
    ended: dict[str, float] = {}
    for how in ("scan", "iscan", "walk", "command line"):
        bucket = stub.bucket(KEYS, latency=latency, page_limit=50)
        source = f"{bucket.url}/src"
        arguments = ["-c", INTERRUPTED, how, source, json.dumps(bucket.options)]
        if how == "command line":
            arguments = ["-m", "pathvein", "scan", source, "-p", str(pattern)]
            for option in bucket.options.items():
                arguments += ["-o", "=".join(option)]
        child = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            # Whoever runs the tests may ignore it, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        running[how] = bucket, child
    try:
        for how, (bucket, child) in running.items():
            deadline = time.monotonic() + 60
            while len(bucket.requests()) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            assert child.stdout is not None
            if how == "command line":
                child.wait(60)
                ended[how] = time.monotonic()
            else:
                ended[how] = float(child.stdout.readline())
            # The aim is 0.2 s, which a busy machine may miss; an answer's time it must not take.
            assert ended[how] - sent < latency, how
        for how, (bucket, child) in running.items():
            _, err = child.communicate(timeout=60)
            assert "Traceback" not in err
            # One that had been sent may have been taken note of a little later; one that follows
            # comes when another has been answered.
            late = [one for one in bucket.requests() if one.at > ended[how] + latency / 2]
            assert late == [], how
    finally:
        for _, child in running.values():
            child.kill()
            child.wait()


def test_a_listing_that_somebody_else_cancels_is_no_end() -> None:
    """Whoever cancels all tasks of the loop must not make it look as if all had been told."""

    async def work(background: BackgroundTask) -> None:
        background.put(["first"], [])
        await asyncio.sleep(60)

    background = BackgroundTask(get_loop(), work)
    assert background.take(10)[0] == ["first"]
    for task in tasks():
        if "BackgroundTask._run" in repr(task):
            get_loop().call_soon_threadsafe(task.cancel)
    with pytest.raises(RuntimeError, match="cancelled from elsewhere"):
        background.take(60)

    background = BackgroundTask(get_loop(), work)
    assert background.take(10)[0] == ["first"]
    background.close()
    assert background.take(1) == ([], [], True)


# Counts


def test_counts_while_it_runs_and_when_it_has_ended(stub: ListStub) -> None:
    bucket = stub.bucket(KEYS, latency=0.02, page_limit=50, faults=[Fault("slowdown", every=7)])
    reports: list[Stats] = []
    running = stream(bucket, progress=reports.append)
    next(running)
    first = running.stats
    assert 1 <= first.requests < 30
    assert first.keys >= 5
    assert len(list(running)) == 299
    requests = bucket.requests()
    stats = running.stats
    # A probe that the end overtakes is perhaps not sent, and not sent again.
    assert 0 <= stats.requests - len(requests) <= 8
    assert 0 <= sum(bool(request.fault) for request in requests) - stats.retries <= 8
    assert stats.retries > 0
    assert (stats.keys, stats.matches, stats.directories) == (len(KEYS), 300, 301)
    assert reports
    for one, other in itertools.pairwise([*reports, running.stats]):
        assert one.requests <= other.requests
        assert one.keys <= other.keys
    running.close()
    assert running.stats == stats


def test_requests_of_a_way_of_listing_that_did_not_do(stub: ListStub) -> None:
    """Listing flat is denied: the request that told so was one."""
    bucket = stub.bucket(KEYS[:20], faults=[Fault("denied", flat=True)])
    running = stream(bucket)
    assert len(list(running)) == 4
    assert running.stats.requests == len(bucket.requests()) == 6


class Store:
    """Keys by a formula."""

    page_size = 1000
    can_start = True
    flat = True
    errors = GENERIC

    def __init__(self, keys: Radix) -> None:
        self.keys = keys
        self.requests = 0

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        self.requests += 1
        await asyncio.sleep(0)
        page = stub_page(
            self.keys, prefix, "/" if delimiter else "", token or after, 1000, repeats=False
        )
        return Page(page.keys, page.prefixes, page.token)


class Source:
    """As much of a source as a producer asks of it."""

    class adapter:
        loop = get_loop()
        most_requests = 8
        counts = RequestCounts()

    def path(self, rel: str) -> str:
        return rel


def produced(
    store: Any, make_keys: Callable[[], KeyScan | KeyWalk] = KeyWalk, **options: Any
) -> KeyProducer:
    return KeyProducer(cast(Any, Source()), store, make_keys, **options)


def test_nothing_more_is_asked_for_when_nobody_takes_what_there_is() -> None:
    store = Store(Radix([("d%06d", 100_000), ("f%d", 2)]))
    running = produced(store)
    deadline = time.monotonic() + 30
    before = -1
    while (store.requests > before or before < 8) and time.monotonic() < deadline:
        before = store.requests
        time.sleep(0.3)
    # 4,096 directories wait, and a page or two for each request under way.
    assert 8 <= store.requests <= 40
    found = 0
    ended = False
    while not ended:
        some, errors, ended = running.next_batch(1)
        assert not errors
        found += len(some)
    assert found == 100_001


class UnfitInTheEnd(Store):
    """Lists a page, and then says that it cannot."""

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        if self.requests:
            await asyncio.sleep(0.05)
            raise Unfit("a key is no path")
        return await super().page(prefix, after, end, token, delimiter=delimiter)


def test_a_producer_that_begins_again_gives_nothing_twice() -> None:
    store = Store(Radix([("d%03d", 800), ("f%d", 2)]))
    reasons: list[str] = []
    running = produced(UnfitInTheEnd(store.keys), fallback=(store, reasons.append))
    found: list[Any] = []
    ended = False
    while not ended:
        some, _, ended = running.next_batch(10)
        assert not some or not found or reasons
        found += some
    assert reasons == ["a key is no path"]
    assert sorted(rel for rel, _, _ in found) == ["", *(f"d{n:03}" for n in range(800))]
    running = produced(UnfitInTheEnd(store.keys))
    running.next_batch(10)
    with pytest.raises(Unfit):
        running.next_batch(10)


def test_a_check_that_begins_again_gives_nothing_twice() -> None:
    store = Store(Radix([("d%03d", 800), ("f%d", 2)]))
    patterns = [P("d*", ["f1"]), P("d*", ["F1"]), P("d*7", ["f2"])]
    running = produced(
        UnfitInTheEnd(store.keys),
        lambda: KeyScan(patterns, "lab", None, NO_RULES, check=True),
        fallback=(store, lambda _: None),
    )
    found: list[Any] = []
    ended = False
    while not ended:
        some, _, ended = running.next_batch(10)
        found += some
    names = [f"d{n:03}" for n in range(800)]
    assert sorted((path, index) for path, index, _ in found) == sorted(
        [*((name, 0) for name in names), *((name, 1) for name in names)]
        + [(name, 2) for name in names if name.endswith("7")]
    )
    assert {index for _, index, findings in found if findings} == {1, 2}
    # The complete ones are the matches.
    assert running.stats().matches == 800


def test_a_producer_that_is_closed_does_not_begin_again() -> None:
    """Closed by what takes the warning, or by another thread at that time."""
    store = Store(Radix([("d%03d", 800), ("f%d", 2)]))
    running: list[KeyProducer] = []
    fallback = store, lambda _: running[0].close()
    running.append(produced(UnfitInTheEnd(store.keys), fallback=fallback))
    while not running[0].next_batch(10)[2]:
        pass
    time.sleep(0.1)
    assert store.requests == 0


@pytest.mark.parametrize("lister", ["fsspec", "obstore"])
def test_obstore_that_turns_out_unfit(stub: ListStub, lister: Any) -> None:
    """All requests, matches and errors are counted, whichever way they came."""
    pytest.importorskip("obstore")
    keys = [*KEYS, "src/zzz//f"]
    bucket = stub.bucket(keys)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        running = stream(bucket, lister=lister, on_error="ignore")
        found = [str(result.source) for result in running]
    reasons = [str(one.message) for one in caught if one.category is ScanWarning]
    assert len(reasons) == (lister == "obstore")
    assert len(found) == len(set(found)) == 300
    assert running.stats.matches == 300
    assert running.stats.errors == len(running.errors) == 1
    # (A probe that the end overtakes is perhaps not sent.)
    assert 0 <= running.stats.requests - len(bucket.requests()) <= 8


def test_a_level_that_obstore_cannot_tell_in_time(
    stub: ListStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told in one go, or not at all; then all that is in it is listed page by page."""
    pytest.importorskip("obstore")
    from pathvein._remote.stores import obstore

    monkeypatch.setattr(obstore, "_LEVEL_TIMEOUT", 0.1)
    left_out = [f"src/a/{number:04}" for number in range(1100)]
    keys = [*left_out, *(f"src/f{number:04}" for number in range(5000)), "src/d/f0"]
    bucket = stub.bucket(keys, latency=0.05)
    with stream(bucket, lister="obstore", exclude=["a/"], on_error="raise") as running:
        assert [result.source.name for result in running] == ["d"]


# Memory

MEASURED = """
import sys
sys.path[:0] = sys.argv[1:]
import test_flat_end as t
from servers.list_stub import Radix

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1])

def listed(groups):
    # Few are found: of what waits to be taken there may be more or less.
    pattern = t.P("g*", directories=[t.P("d00", files=["f49"])])
    store = t.Store(Radix([("g%03d", groups), ("d%02d", 20), ("f%02d", 50)]))
    scan = lambda: t.KeyScan([pattern], "", None, t.NO_RULES)
    # It remembers what it has given, as it may have to begin again.
    running = t.produced(store, scan, fallback=(store, print))
    found, ended = 0, False
    while not ended:
        some, errors, ended = running.next_batch(1)
        assert not errors
        found += len(some)
    assert found == groups
    assert running.stats().keys == groups * 1000
    running.close()

listed(20)
listed(20)
before = peak()
listed(900)
print(before, peak())
"""
NO_RULES = ExcludeRules([])


@pytest.mark.linux("reads /proc")
def test_memory_does_not_grow_with_the_number_of_keys() -> None:
    """900,000 keys in 18,900 directories take no more than 20,000 in 420 do.

    They would take 60 MB if they were kept, as Python's strings or the core's.
    """
    here = Path(__file__).parent
    child = subprocess.run(
        [sys.executable, "-c", MEASURED, here, here.parent / "support"],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    before, after = map(int, child.stdout.split())
    # In KiB; what is under way varies by some pages of 1,000 keys.
    assert after - before < 4 * 1024


# A source without keys


@pytest.mark.parametrize(
    ("path", "error"), [("nosuch", FileNotFoundError), ("src/a", NotADirectoryError)]
)
def test_a_source_without_keys_is_no_result(
    stub: ListStub, path: str, error: type[OSError]
) -> None:
    """It raises before anything is handed out: by the call, and by `walk_python`'s first item."""
    bucket = stub.bucket(["src/a", "src/b/c"])
    source = UPath(f"{bucket.url}/{path}", **bucket.options)
    with pytest.raises(error):
        pathvein.iscan(source, P("*"))
    with pytest.raises(error):
        next(pathvein.walk_python(source))
