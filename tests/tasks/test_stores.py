"""Scans of stores by tasks: answers and errors of one process, whatever becomes of tasks."""

from __future__ import annotations

import errno
import gc
import logging
import os
import pickle
import random
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("s3fs")
pytest.importorskip("obstore")

from hypothesis import given, note
from hypothesis import strategies as st
from upath import UPath

import pathvein
import quirky_scans
import reference
from cloud import Case, cases, rows
from compare import expected_rows, make_patterns
from executors import Immediate, Unruly
from pathvein import FileStructurePattern as P
from pathvein._remote import retry
from pathvein._remote.filesystems.generic import FileSystem
from pathvein._remote.source import RemoteSource, open_source
from pathvein._remote.stores import obstore
from pathvein._tasks import stores
from pathvein._tasks.work import Task
from profiles import share
from servers.list_stub import Fault, ListStub
from servers.quirks import HARMLESS, QUIRKS
from servers.store import Store

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*by its own file system and not by obstore"),
    # What is given up in the middle leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("store", ["s3-stub", "memory", "zip", "gcs by obstore"], indirect=True)
def test_random_trees(store: Store) -> None:
    @share(0.3)
    @given(cases(store, twins=False), st.integers(0, 999), st.booleans())
    def run(case: Case, seed: int, outermost: bool) -> None:
        patterns = make_patterns(case.patterns)
        options = {**case.options, "outermost": outermost, "on_error": "raise"}
        with store.tree(case.value) as place:
            source = place.upath
            alone = rows(pathvein.scan(source, patterns, **options), source, patterns)
            if not outermost:
                answer = reference.scan_tree(case.value, "src", case.patterns, **case.options)
                assert alone == expected_rows(answer, case.patterns)
            executor = Unruly(random.Random(seed))
            try:
                shared = pathvein.scan(source, patterns, executor=executor, **options)
            finally:
                executor.shutdown()
            note(f"{executor.count} tasks")
            assert rows(shared, source, patterns) == alone

    run()


RUN = P("run_*", files=["config.json"], forbidden_files=["FAILED"])
KEYS = [
    *(f"g{g}/run_{r:02}/f{f}.csv" for g in range(9) for r in range(40) for f in range(20)),
    *(f"g{g}/run_{r:02}/config.json" for g in range(9) for r in range(0, 40, 2)),
    *(f"g{g}/run_{r:02}/FAILED" for g in range(9) for r in range(0, 40, 6)),
]


@pytest.fixture
def unruly() -> Iterator[Unruly]:
    executor = Unruly(random.Random(7))
    yield executor
    executor.shutdown()


def told(url: Any, **options: Any) -> tuple[set[Any], list[tuple[Any, ...]], dict[str, int]]:
    """What is found, the errors, and the counts that do not depend on how it is listed."""
    errors: list[OSError] = []
    with pathvein.iscan(url, RUN, on_error=errors.append, **options) as stream:
        found = {str(result.source) for result in stream}
    items = sorted((error.errno, error.strerror, error.filename) for error in errors)
    names = ("directories", "entries", "matches", "errors", "keys")
    return found, items, {name: getattr(stream.stats, name) for name in names}


# The same answers


@pytest.mark.parametrize("lister", ["fsspec", "obstore"])
@pytest.mark.parametrize("seed", range(3))
def test_flat_listings(stub: ListStub, lister: Any, seed: int) -> None:
    """Several pages, and keys that are no paths."""
    bad = ["g3/run_02/../x", "g4//x"] if lister == "fsspec" else []
    bucket = stub.bucket(sorted([*KEYS, *bad]))
    options = {"storage_options": bucket.options, "lister": lister}
    alone = told(bucket.url, **options)
    assert len(alone[0]) > 50
    assert len(alone[1]) == len(bad)
    executor = Unruly(random.Random(seed))
    try:
        assert told(bucket.url, executor=executor, **options) == alone
    finally:
        executor.shutdown()
    assert executor.count > 2


def test_what_is_missing(stub: ListStub, unruly: Unruly) -> None:
    bucket = stub.bucket(KEYS)

    def checked(**options: Any) -> list[tuple[str, str]]:
        with pathvein.icheck(bucket.url, RUN, storage_options=bucket.options, **options) as found:
            return sorted((str(result.source), str(result)) for result in found)

    assert checked(executor=unruly) == checked()


@pytest.mark.parametrize("lister", ["fsspec", "obstore"])
@pytest.mark.parametrize("quirk", sorted(QUIRKS))
def test_stores_that_differ(
    quirk: str, lister: str, s3_clients: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right answer or an error item, and no error where one process has none."""
    monkeypatch.setattr(obstore.ObstoreStore, "page_size", quirky_scans.PAGE)
    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.0)
    kind = QUIRKS[quirk].split()[0]
    keys = quirky_scans.GROUPS[: len(quirky_scans.GROUPS) // 2]
    executor = Unruly(random.Random(len(quirk)))
    try:
        scanned = quirky_scans.scanned(kind, lister, keys, (quirk,), executor=executor)
    finally:
        executor.shutdown()
    found, errors, _, _ = scanned
    right = quirky_scans.expected(keys)
    assert set(found) <= set(right)
    assert found == right or errors
    assert not (errors and quirk in HARMLESS), errors


@pytest.mark.parametrize("store", ["sftp-paramiko"], indirect=True)
def test_links_that_are_followed(store: Any) -> None:
    """Loops are told by the directories above, of which a task has only the names."""
    with tempfile.TemporaryDirectory(dir=store.served) as name:
        top = Path(name)
        top.chmod(0o755)
        for number in range(3):
            run = top / f"a{number}" / "deep" / f"run_{number}"
            run.mkdir(parents=True)
            (run / "config.json").touch()
            (run / "back").symlink_to(top / f"a{number}")
        (top / "by-link").symlink_to(top / "a1")
        source = store.place(top).upath
        options: Any = {"follow_links": True}
        alone = told(source, **options)
        assert len(alone[0]) == 4
        assert {item[0] for item in alone[1]} == {errno.ELOOP}
        for seed in range(2):
            executor = Unruly(random.Random(seed))
            try:
                assert told(source, executor=executor, **options) == alone
            finally:
                executor.shutdown()


def test_obstore_in_a_process_that_was_forked_after_its_use(
    stub: ListStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not answer there: the file system lists the source."""
    bucket = stub.bucket(KEYS)
    options: Any = {"storage_options": bucket.options, "lister": "obstore"}
    alone = told(bucket.url, **options)
    monkeypatch.setattr(obstore, "_process", 1)
    with pytest.warns(pathvein.ScanWarning, match="not by obstore: .*forked"):
        assert told(bucket.url, executor=Immediate(), **options) == alone


# The same errors


@pytest.mark.parametrize("kind", ["missing", "denied"])
def test_a_source_that_cannot_be_listed(stub: ListStub, kind: str) -> None:
    bucket = stub.bucket(KEYS, faults=[Fault(kind)])
    raised = []
    for executor in (None, Immediate()):
        with pytest.raises(OSError, match=r".") as caught:
            pathvein.scan(bucket.url, RUN, storage_options=bucket.options, executor=executor)
        error = caught.value
        raised.append((type(error), error.errno, error.filename, error.strerror))
    assert raised[0] == raised[1]


def test_a_source_that_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        pathvein.scan("memory://nothing-here", RUN, executor=Immediate())


def test_a_flat_listing_that_is_denied(stub: ListStub, unruly: Unruly) -> None:
    """Then it is listed by directories, and one that is denied is an error item."""
    faults = [Fault("denied", flat=True), Fault("denied", prefix="g3/run_04/")]
    bucket = stub.bucket([key for key in KEYS if key[:2] in ("g3", "g4")], faults=faults)
    alone = told(bucket.url, storage_options=bucket.options)
    assert [item[0] for item in alone[1]] == [errno.EACCES]
    assert told(bucket.url, storage_options=bucket.options, executor=unruly) == alone


def test_a_worker_that_does_not_see_the_memory_of_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    UPath("memory://seen/run_1/config.json").write_text("")
    opened = open_source("memory://seen")
    assert isinstance(opened, RemoteSource)
    options: Any = {"exclude": pathvein_core_rules(), "max_depth": None, "follow_links": False}
    _, plan = stores.open_division(opened, [RUN], {**options, "outermost": False})
    stores.open_worker(plan.parts())
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(ValueError, match="do not see it"):
        stores.open_worker(plan.parts())


def pathvein_core_rules() -> Any:
    from pathvein_core import ExcludeRules

    return ExcludeRules([])


# Credentials

SECRET = "s3cr3t-of-the-caller"
FOUND = "s3cr3t-of-the-environment"


class Recording(Immediate):
    """Keeps what travels."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.shown: list[str] = []

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        [task] = args
        assert isinstance(task, Task)
        self.sent.append(pickle.dumps(args))
        self.shown += [repr(task), repr(task.plan), str(task)]
        future = super().submit(function, *args, **kwargs)
        self.sent.append(pickle.dumps(future.result()))
        self.shown.append(repr(future.result()))
        return future


def test_only_what_the_caller_gave_travels(
    stub: ListStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And it stands in no repr, log or error."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", FOUND)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"id-{FOUND}")
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"token-{FOUND}")
    bucket = stub.bucket(KEYS, faults=[Fault("denied", prefix="g3/", flat=False)])
    for options in ({**bucket.options, "secret": SECRET}, without_keys(bucket.options)):
        executor = Recording()
        errors: list[OSError] = []
        with caplog.at_level(logging.DEBUG, "pathvein"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pathvein.iscan(
                bucket.url, RUN, storage_options=options, executor=executor, on_error=errors.append
            ) as stream:
                shown = [repr(stream), repr(stream._producer)]
                assert len({*stream}) > 50
        sent = b"".join(executor.sent)
        assert (SECRET.encode() in sent) is ("secret" in options)
        assert FOUND.encode() not in sent
        logged = [record.getMessage() for record in caplog.records if "pathvein" in record.name]
        shown += [*executor.shown, *logged, *map(repr, errors)]
        assert not any(secret in text for text in shown for secret in (SECRET, FOUND))


def without_keys(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("key", "secret")}


def test_no_secret_in_the_error_of_a_worker(stub: ListStub) -> None:
    bucket = stub.bucket(KEYS, faults=[Fault("wrong_secret")])
    options = {**bucket.options, "secret": SECRET}
    with pytest.raises(PermissionError) as caught:
        pathvein.scan(bucket.url, RUN, storage_options=options, executor=Immediate())
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error) + str(error) + repr(getattr(error, "__notes__", ()))
        error = error.__cause__ or error.__context__


def test_an_option_that_cannot_be_sent_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Credentials:
        """Something of the caller's own."""

        def __repr__(self) -> str:
            return SECRET

        def __reduce__(self) -> Any:
            raise TypeError(SECRET)

    closed: list[Any] = []
    monkeypatch.setattr(FileSystem, "close", lambda adapter: closed.append(adapter))
    with pytest.raises(TypeError, match="client_kwargs") as caught:
        pathvein.scan(
            "s3://bucket",
            RUN,
            storage_options={"client_kwargs": {"session": Credentials()}, "key": "x"},
            executor=Immediate(),
        )
    assert SECRET not in str(caught.value)
    assert len(closed) == 1


# What is kept


def test_a_store_is_opened_once_and_closed_when_it_is_not_used(
    stub: ListStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(threading.enumerate())  # those of other tests
    opened: list[Any] = []
    init = RemoteSource.__init__

    def counted(self: RemoteSource, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        opened.append(self)

    monkeypatch.setattr(RemoteSource, "__init__", counted)
    monkeypatch.setattr(stores, "IDLE", 0.05)
    workers: list[stores.StoreWorker] = []
    open_worker = stores.open_worker

    def kept(parts: Any) -> stores.StoreWorker:
        workers.append(open_worker(parts))
        return workers[-1]

    monkeypatch.setattr(stores, "open_worker", kept)
    bucket = stub.bucket(KEYS)
    executor = Unruly(random.Random(1), most_lost=0)
    try:
        told(bucket.url, storage_options=bucket.options, executor=executor)
    finally:
        executor.shutdown()
    assert executor.count > 3
    # The caller's, which it resolves the URL with, and that of the one thread that works.
    assert (len(opened), len(workers)) == (2, 1)
    deadline = time.monotonic() + 10
    while workers[0]._source is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers[0]._source is None
    del opened[:]
    gc.collect()
    left = set(threading.enumerate()) - before
    assert not [one for one in left if one.name == "pathvein-listing"]


def test_a_task_that_begins_while_an_idle_store_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens the store anew: it must not get what is being closed."""
    UPath("memory://idle/run_1/config.json").write_text("")
    opened = open_source("memory://idle")
    assert isinstance(opened, RemoteSource)
    options: Any = {"exclude": pathvein_core_rules(), "max_depth": None, "follow_links": False}
    division, plan = stores.open_division(opened, [RUN], {**options, "outermost": False})
    task = division.next_task(1)
    assert task is not None
    worker = stores.open_worker(plan.parts())
    worker.run(task[1], None, None)
    first, outcomes = worker._source, list[Any]()
    thread = threading.Thread(target=lambda: outcomes.append(worker.run(task[1], None, None)))

    def close() -> None:
        thread.start()
        thread.join(0.2)
        assert not outcomes
        stores.StoreWorker.close(worker)

    monkeypatch.setattr(worker, "close", close)
    worker._close_unused(1)
    thread.join(30)
    assert len(outcomes) == 1
    assert worker._source is not first
