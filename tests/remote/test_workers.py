"""Listing many directories at a time: how many, by whom, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ftplib
import gc
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, ClassVar

import pytest

pytest.importorskip("upath")

import fsspec
from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem, get_loop
from fsspec.implementations.sftp import SFTPFileSystem
from upath import UPath

import pathvein
from pathvein import FileStructurePattern as P
from pathvein._remote import loop, retry
from pathvein._remote.directories import list_directory
from pathvein._remote.filesystems import FileSystem
from pathvein._remote.filesystems.sftp import Sftp
from pathvein._remote.source import RemoteSource

pytestmark = pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented")

#: Of the tree below: a directory and its five, and their five.
DIRECTORIES = 31
ANY = P("*", files=["f"])


class Counted:
    """How many requests came, and how many were under way at a time."""

    lock = threading.Lock()
    calls: ClassVar[list[str]] = []
    under_way: ClassVar[int] = 0
    most: ClassVar[int] = 0
    #: Seconds that each takes.
    delay: ClassVar[float] = 0.0
    #: What directories of this name raise.
    failure: ClassVar[Callable[[], BaseException] | None] = None

    @classmethod
    def begin(cls, path: str) -> None:
        with Counted.lock:
            Counted.calls.append(path)
            Counted.under_way += 1
            Counted.most = max(Counted.most, Counted.under_way)

    @classmethod
    def end(cls) -> None:
        with Counted.lock:
            Counted.under_way -= 1

    @classmethod
    def answer(cls, path: str) -> list[dict[str, Any]]:
        if cls.failure is not None and path.endswith("d3"):
            raise cls.failure()
        found = [{"name": f"{path}/f", "type": "file", "size": None}]
        if path.count("/") < 2:
            found += [{"name": f"{path}/d{i}", "type": "directory"} for i in range(5)]
        return found


class Waiting(AbstractFileSystem, Counted):  # type: ignore[misc]
    """Unknown: it may stand only one at a time."""

    protocol: ClassVar[str | tuple[str, ...]] = "waiting"
    made: ClassVar[list[object]] = []

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.made.append(self)

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        self.begin(path)
        try:
            time.sleep(self.delay)
            return self.answer(path)
        finally:
            self.end()


class Threaded(Waiting):
    """Of a package that stands threads."""

    __module__ = "webdav4.fsspec"
    protocol = ("threaded", "webdav")

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        return super().ls(path)


class Namesake(Waiting):
    """Of the same protocol, but of nobody knows whom."""

    protocol = ("namesake", "webdav")


class Keeping(Waiting):
    """With a cache of listings."""

    protocol = "keeping"

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        if path not in self.dircache:
            self.dircache[path] = super().ls(path)
        return super().ls(path)


class NoMlsd:
    """A connection to a server of FTP that does not know the command."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def mlsd(self, path: str) -> Any:
        raise ftplib.error_perm("502 what?")

    def retrlines(self, command: str, callback: Callable[[str], object]) -> str:
        for entry in self._fs.ls(command.removeprefix("LIST ")):
            kind = "d" if entry["type"] == "directory" else "-"
            name = entry["name"].rpartition("/")[2]
            callback(f"{kind}rwxr-xr-x 1 owner group 5 Jan 01 10:00 {name}")
        return "226 done"


class Connected(Waiting):
    """With a connection for each thread, of which there may be no more."""

    __module__ = "fsspec.implementations.ftp"
    protocol = ("connected", "ftp")

    @property
    def ftp(self) -> NoMlsd:
        return NoMlsd(self)

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        return super().ls(path)

    def __init__(self, **options: Any) -> None:
        if self.made:
            raise SystemExit("no more connections")
        super().__init__(**options)


class Awaited(AsyncFileSystem, Counted):  # type: ignore[misc]
    protocol: ClassVar[str] = "awaited"

    async def _ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        self.begin(path)
        try:
            await asyncio.sleep(self.delay)
            return self.answer(path)
        except asyncio.CancelledError:
            # It takes a moment to put things away.
            await asyncio.sleep(0.05)
            raise
        finally:
            self.end()

    async def _info(self, path: str, **options: Any) -> Any:
        return {"name": path, "type": "directory"}


class Unclonable(Awaited):
    protocol = "unclonableawaited"

    def __init__(self, **options: Any) -> None:
        if "use_listings_cache" in options:
            raise TypeError("unexpected option")
        super().__init__(**options)


class ReadsBack(Awaited):
    """Reads a listing back from the cache, a moment after it has put it there."""

    protocol = "readsback"

    async def _ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        if path not in self.dircache:
            self.dircache[path] = await super()._ls(path)
            await asyncio.sleep(hash(path) % 7 / 1000)
        return self.dircache[path]


KINDS = (Waiting, Threaded, Namesake, Keeping, Connected, Awaited, Unclonable, ReadsBack)


@pytest.fixture(autouse=True)
def counted() -> Iterator[type[Counted]]:
    for cls in KINDS:
        name = cls.protocol if isinstance(cls.protocol, str) else cls.protocol[0]
        fsspec.register_implementation(name, cls, clobber=True)
        cls.clear_instance_cache()
    Counted.calls, Counted.under_way, Counted.most = [], 0, 0
    Counted.delay, Counted.failure = 0.0, None
    Waiting.made = []
    yield Counted
    Counted.delay = 0.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# How many -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "concurrency", "most"),
    [
        ("waiting://r", None, 1),
        ("namesake://r", None, 1),
        ("threaded://r", None, 16),
        ("threaded://r", 3, 3),
        ("awaited://r", None, 25),
        ("awaited://r", 3, 3),
        ("awaited://r", 1, 1),
    ],
)
def test_as_many_at_a_time_as_may_be(
    counted: type[Counted], url: str, concurrency: int | None, most: int
) -> None:
    counted.delay = 0.03
    found = pathvein.scan(url, ANY, concurrency=concurrency, on_error="raise")
    assert len(found) == DIRECTORIES
    assert sorted(set(counted.calls)) == sorted(counted.calls)
    assert counted.most <= most
    # The 25 of the last level could all be under way; a busy machine may not manage.
    assert counted.most >= min(most, 3)


def test_an_asynchronous_wrapper_makes_nothing_safe(counted: type[Counted]) -> None:
    """The threads that it would use are those that what it wraps does not stand."""
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

    counted.delay = 0.01
    wrapper = AsyncFileSystemWrapper(Waiting())
    fsspec.register_implementation("asyncwrapper", AsyncFileSystemWrapper, clobber=True)
    source = UPath("r", protocol="asyncwrapper", fs=wrapper.sync_fs)
    assert isinstance(source.fs, AsyncFileSystemWrapper)
    assert len(pathvein.scan(source, ANY, on_error="raise")) == DIRECTORIES
    assert counted.most == 1


def test_a_path_is_made_of_each_match_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    source = UPath("awaited://r")
    made: list[object] = []
    init = type(source).__init__

    def counting(self: Any, *args: Any, **options: Any) -> None:
        made.append(self)
        init(self, *args, **options)

    monkeypatch.setattr(type(source), "__init__", counting)
    found = pathvein.scan(source, [P("d1", files=["f"]), P("nothing")])
    assert len(found) == 6
    assert len(made) == 6
    assert {type(result.source) for result in found} == {type(source)}


# The file system of the source --------------------------------------------------------------


def test_a_file_system_for_the_callers_own_loop() -> None:
    """Another one with its options lists, on a loop that runs; its own stays as it is."""
    source = UPath("awaited://r", asynchronous=True)
    fs = source.fs
    assert len(pathvein.scan(source, ANY, on_error="raise")) == DIRECTORIES
    assert source.fs is fs
    assert fs.asynchronous
    assert fs.loop is None
    with pytest.raises(ValueError, match="asynchronous=True"):
        pathvein.scan(UPath("unclonableawaited://r", asynchronous=True), ANY)


def test_a_listing_that_is_read_back_by_many() -> None:
    source = UPath("readsback://r")
    assert len(pathvein.scan(source, ANY, on_error="raise")) == DIRECTORIES
    assert not source.fs.dircache


def test_the_class_of_the_source_is_that_of_the_results() -> None:
    from upath.extensions import ProxyUPath

    class Own(ProxyUPath):
        pass

    source: Any = Own("awaited://r")
    own: Any = Own
    for options in (None, {"more": 1}):
        found = pathvein.scan(source, P("d1"), max_depth=1, storage_options=options)
        assert [type(result.source) for result in found] == [own]
        [(path, _, _)] = pathvein.walk_python(source, max_depth=0, storage_options=options)
        assert type(path) is own
        assert path.storage_options == (options or {})


def test_names_given_are_matched_without_a_connection() -> None:
    source = UPath("keeping://r")
    source.fs.ls("r")
    Waiting.made.clear()
    assert ANY.matches((source, ["d0"], ["f"]))
    assert not P("other").matches((source, ["d0"], ["f"]))
    assert Waiting.made == []
    assert P("r", directories=[P("d0", files=["f"])]).matches((source, ["d0"], []))
    assert len(Waiting.made) == 1


# Inside event loops -------------------------------------------------------------------------


def test_inside_event_loops() -> None:
    async def work() -> int:
        return len(pathvein.scan("awaited://r", ANY, on_error="raise"))

    assert asyncio.run(work()) == DIRECTORIES
    # In the loop of the file system it would wait for itself.
    for call in (work, _match):
        with pytest.raises(RuntimeError, match="inside the event loop"):
            asyncio.run_coroutine_threadsafe(call(), get_loop()).result(30)


async def _match() -> bool:
    return P("r", directories=[P("d0", files=["f"])]).matches((UPath("awaited://r"), ["d0"], []))


def test_a_scan_inside_the_callables_of_another() -> None:
    inner: list[int] = []

    def again(_: object) -> None:
        if not inner:
            inner.append(0)
            inner.append(len(pathvein.scan("awaited://r", ANY, on_error="ignore")))

    Counted.failure = lambda: PermissionError("no")
    outer = pathvein.scan("awaited://r", ANY, on_error=again)
    assert len(outer) == inner[1] == DIRECTORIES - 6 - 4


# Ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["waiting://r", "threaded://r", "awaited://r"])
def test_closed_by_another_thread(counted: type[Counted], url: str) -> None:
    """Whoever waits for the next result is told at once, and nothing more is asked."""
    stream = pathvein.iscan(url, P("never"))
    counted.delay = 0.5
    before = len(counted.calls)
    taken: list[object] = []
    waiting = threading.Thread(target=lambda: taken.extend([*stream, "ended"]), daemon=True)
    waiting.start()
    until(lambda: len(counted.calls) > before)
    stream.close()
    calls = len(counted.calls)
    waiting.join(20)
    assert taken == ["ended"]
    until(lambda: counted.under_way == 0)
    time.sleep(0.1)
    assert len(counted.calls) == calls


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cancelled is waited for as long as it takes a busy machine."""
    monkeypatch.setattr(loop, "CANCEL_TIMEOUT", 30)
    monkeypatch.setattr(retry, "_CANCEL_TIMEOUT", 30)


@pytest.mark.usefixtures("patient")
def test_what_is_cancelled_has_ended_when_it_is_closed(counted: type[Counted]) -> None:
    stream = pathvein.iscan("awaited://r", P("never"), progress=_raise)
    counted.delay = 30
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert len(counted.calls) > 1
    assert counted.under_way == 0


def _raise(_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.usefixtures("patient")
def test_an_interrupt_while_one_answer_is_waited_for(counted: type[Counted]) -> None:
    """It is not left running, and not sent again."""
    counted.delay = 30
    row = (UPath("awaited://r"), ["d0"], ["f"])
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        until(lambda: counted.under_way == 1)
        signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            P("r", directories=[P("d0", files=["f"])]).matches(row)
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()
    assert counted.under_way == 0
    assert len(counted.calls) == 1


def test_something_that_the_file_system_waits_for_is_cancelled(
    counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the connection that all share is given up: an error like any other."""
    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.001)
    counted.failure = asyncio.CancelledError
    errors: list[OSError] = []
    found = pathvein.scan("awaited://r", ANY, on_error=errors.append)
    assert len(found) == DIRECTORIES - 6 - 4
    assert {error.errno for error in errors} == {errno.ECONNABORTED}
    assert len(errors) == 5
    assert all(error.filename.endswith("/d3") for error in errors)
    # At the source it is raised.
    counted.failure = asyncio.CancelledError
    with pytest.raises(ConnectionAbortedError):
        pathvein.scan("awaited://r/d3", ANY)


def test_tasks_that_somebody_else_cancels_are_not_waited_for(counted: type[Counted]) -> None:
    stream = pathvein.iscan("awaited://r", P("never"))
    counted.delay = 30

    async def cancel_all() -> None:
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    def cancel() -> None:
        until(lambda: counted.under_way > 0)
        asyncio.run_coroutine_threadsafe(cancel_all(), get_loop())

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(RuntimeError, match="cancelled"):
        list(stream)
    thread.join()


def test_a_connection_that_ends_the_thread() -> None:
    """The first thread then lists over the connection that there is."""
    found = pathvein.scan("connected://r", ANY, on_error="raise")
    assert len(found) == DIRECTORIES


def test_no_connection_is_made_once_it_is_closed(counted: type[Counted]) -> None:
    made: list[bool] = []

    class Own(FileSystem):
        @contextlib.contextmanager
        def connection(self, lost: bool) -> Iterator[Any]:
            made.append(lost)
            yield self.fs

    def lost() -> BaseException:
        adapter.close()
        return ConnectionResetError("lost")

    counted.failure = lost
    adapter = Own(Waiting(), "r/d3")
    with pytest.raises(InterruptedError):
        asyncio.run(list_directory(adapter, ""))
    assert made == [False]
    assert len(counted.calls) == 1


def test_a_connection_is_made_again_when_it_is_lost(counted: type[Counted]) -> None:
    made: list[bool] = []

    class Own(FileSystem):
        @contextlib.contextmanager
        def connection(self, lost: bool) -> Iterator[Any]:
            made.append(lost)
            yield self.fs

    def lost() -> BaseException:
        counted.failure = None
        return ConnectionResetError("lost")

    counted.failure = lost
    adapter = Own(Waiting(), "r/d3")
    listing = asyncio.run(list_directory(adapter, ""))
    adapter.close()
    assert listing.filenames == ["f"]
    assert made == [False, True]
    assert (adapter.counts.requests, adapter.counts.retries) == (2, 1)


def test_a_request_that_is_never_answered_does_not_keep_the_process() -> None:
    code = """
import sys, threading
import fsspec, pathvein
from fsspec import AbstractFileSystem
class Silent(AbstractFileSystem):
    protocol = "silent"
    def ls(self, path, **options):
        if path.endswith("d"):
            threading.Event().wait()
        return [{"name": path + "/d", "type": "directory"}]
fsspec.register_implementation("silent", Silent)
stream = pathvein.iscan("silent://r", pathvein.FileStructurePattern("d", files=["x"]))
threading.Timer(0.3, stream.close).start()
print(len(list(stream)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.split(), done.returncode) == (["0"], 0), done.stderr


def test_a_large_directory_is_not_read_on_once_it_is_closed() -> None:
    sent: list[int] = []

    class Entry:
        st_mode = 0o100644

        def __init__(self, name: str) -> None:
            self.filename = name

    class Channel:
        def listdir_iter(self, path: str, read_aheads: int) -> Iterator[Entry]:
            for i in range(1000):
                sent.append(i)
                if i == 10:
                    source.adapter.close()
                yield Entry(f"f{i}")

    class Large(SFTPFileSystem):  # type: ignore[misc]
        protocol = ("large", "sftp")

        def _connect(self) -> None:
            self.client = None
            self.ftp = Channel()

    fsspec.register_implementation("large", Large, clobber=True)
    source = RemoteSource(UPath("/r", protocol="large", host="h"))
    with pytest.raises(InterruptedError):
        source.wait(list_directory(source.adapter, ""))
    assert len(sent) == 11


@pytest.mark.parametrize("where", ["open_session", "invoke_subsystem"])
def test_a_connection_that_cannot_be_used_is_closed(where: str) -> None:
    """Another one that was made, not the user's; and a channel of it that was opened."""
    pytest.importorskip("paramiko")
    clients: list[Any] = []
    channels: list[Any] = []

    class Thing:
        """A client, its transport, or a channel."""

        closed = False

        def close(self) -> None:
            self.closed = True

        def open_sftp(self) -> Any:
            return Thing()

        def get_transport(self) -> Any:
            return self

        @property
        def sock(self) -> Any:
            return self

        def setsockopt(self, *option: int) -> None:
            pass

        def is_active(self) -> bool:
            return True

        def settimeout(self, seconds: float) -> None:
            pass

        def open_session(self, timeout: float) -> Any:
            if where == "open_session":
                raise ConnectionResetError("no")
            channels.append(Thing())
            return channels[-1]

        def invoke_subsystem(self, name: str) -> None:
            raise ConnectionResetError("no")

    class Unusable(SFTPFileSystem):  # type: ignore[misc]
        protocol = ("unusable", "sftp")

        def _connect(self) -> None:
            self.client = Thing()
            self.ftp = Thing()
            clients.append(self.client)

    own = Unusable("h", skip_instance_cache=True)
    for lost in (False, True):
        with pytest.raises(ConnectionResetError), Sftp(own, "/r").connection(lost):
            pass
    assert [client.closed for client in clients] == [False, True]
    assert not own.ftp.closed
    assert [channel.closed for channel in channels] == [True] * len(channels)
    assert len(channels) == (0 if where == "open_session" else 2)


class Odd(Waiting):
    """Raises what a coroutine cannot, or lists as it is iterated over."""

    protocol = "odd"
    raised: ClassVar[BaseException | None] = None
    listed_in: ClassVar[list[str]] = []

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        if not path.endswith("d3"):
            return super().ls(path)
        if self.raised is not None:
            raise self.raised
        return self._lazy(path)

    def _lazy(self, path: str) -> Iterator[dict[str, Any]]:
        self.listed_in.append(threading.current_thread().name)
        yield {"name": f"{path}/f", "type": "file"}
        raise OSError(errno.EIO, "broken off")


@pytest.mark.parametrize("raised", [StopIteration("no"), CancelledError("no"), TimeoutError("no")])
def test_exceptions_that_no_future_holds(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.register_implementation("odd", Odd, clobber=True)
    monkeypatch.setattr(retry, "_LONGEST_DELAY", 0.001)
    monkeypatch.setattr(Odd, "raised", raised)
    errors: list[OSError] = []
    found = pathvein.scan("odd://r", ANY, on_error=errors.append)
    assert len(found) == DIRECTORIES - 6 - 4
    assert len(errors) == 5
    assert all(error.filename.endswith("/d3") for error in errors)


def test_a_listing_that_is_lazy_is_read_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("odd", Odd, clobber=True)
    Odd.listed_in.clear()
    errors: list[OSError] = []
    found = pathvein.scan("odd://r", ANY, on_error=errors.append)
    # What came before the failure counts.
    assert len(found) == DIRECTORIES - 5
    assert {error.errno for error in errors} == {errno.EIO}
    assert set(Odd.listed_in) == {"pathvein-listing"}


@pytest.mark.parametrize("url", ["waiting://r", "awaited://r"])
def test_nothing_is_listed_for_who_takes_nothing(
    counted: type[Counted], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    wide = [{"name": f"r/w{i}", "type": "directory"} for i in range(300)]
    listed = staticmethod(lambda path: wide if path == "r" else [])
    monkeypatch.setattr(counted, "answer", listed)
    with pathvein.iscan(url, P("w*"), concurrency=2) as stream:
        next(stream)
        asked = -1
        while len(counted.calls) > asked:
            asked = len(counted.calls)
            time.sleep(0.2)
        # Two in flight, and as many that wait to be taken.
        assert asked < 20
        assert len(list(stream)) == 299


def test_opening_leaves_no_thread_and_no_connection_behind() -> None:
    """Also where nothing is listed then: the source is missing, or the walk never begun."""
    resolved: list[str] = []
    opened: list[object] = []

    class Channel:
        def normalize(self, path: str) -> str:
            resolved.append(threading.current_thread().name)
            if path.endswith("none"):
                raise FileNotFoundError(errno.ENOENT, "no")
            return path

    class Resolving(SFTPFileSystem):  # type: ignore[misc]
        protocol = ("resolving", "sftp")

        def _connect(self) -> None:
            self.client = self
            self.ftp = Channel()

        def open_sftp(self) -> Any:
            raise AssertionError

        def get_transport(self) -> Any:
            opened.append(self)
            raise AssertionError

    fsspec.register_implementation("resolving", Resolving, clobber=True)
    before = set(threading.enumerate())
    with pytest.raises(FileNotFoundError):
        RemoteSource(UPath("/none", protocol="resolving", host="h"), resolve=True)
    RemoteSource(UPath("/r", protocol="resolving", host="h"), resolve=True)
    assert len(resolved) == 2
    assert opened == []
    until(lambda: not {*threading.enumerate()} - before)


def test_an_adapter_that_is_not_used_any_more_is_not_kept() -> None:
    source = RemoteSource(UPath("waiting://r"))
    assert source.wait(list_directory(source.adapter, "")).filenames == ["f"]
    source.adapter.close()
    kept = weakref.ref(source.adapter)
    gc.disable()
    try:
        del source
        until(lambda: kept() is None)
    finally:
        gc.enable()


def test_an_interrupt_anywhere_does_not_stop_the_loop() -> None:
    """A lock that is left taken would: the loop of fsspec is that of the whole process."""
    code = """
import random, signal, sys, time, threading
import fsspec, pathvein
from fsspec import AbstractFileSystem
from fsspec.asyn import get_loop
class Quick(AbstractFileSystem):
    protocol = "quick"
    def ls(self, path, detail=True, **options):
        found = [{"name": f"{path}/f", "type": "file"}]
        if path.count("/") < 2:
            found += [{"name": f"{path}/d{i}", "type": "directory"} for i in range(9)]
        return found
fsspec.register_implementation("quick", Quick)
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
pattern, interrupts = pathvein.FileStructurePattern(files=["f"]), 0
# Whatever is imported late is imported here: an interrupt inside an import is Python's own affair.
pathvein.scan("quick://r", pattern)
end = time.monotonic() + 5
while time.monotonic() < end:
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.006))
        pathvein.scan("quick://r", pattern)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupts += 1
alive = threading.Event()
get_loop().call_soon_threadsafe(alive.set)
print(alive.wait(10), interrupts > 20)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True"], done.stderr[-2000:]


FORK = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
import fsspec, pathvein
import test_workers as t
for cls in (t.Threaded, t.Awaited):
    name = cls.protocol if isinstance(cls.protocol, str) else cls.protocol[0]
    fsspec.register_implementation(name, cls, clobber=True)
for url in ("threaded://r", "awaited://r"):
    t.Counted.delay = 0
    stream = pathvein.iscan(url, t.P("never"))
    t.Counted.delay = 30
    waiting = threading.Thread(target=lambda: list(stream), daemon=True)
    calls = len(t.Counted.calls)
    waiting.start()
    t.until(lambda: len(t.Counted.calls) > calls)
    pid = os.fork()
    if not pid:
        signal.alarm(20)
        code = 1
        try:
            producer = stream._producer
            producer.next_batch(3600)
        except RuntimeError as error:
            code = 0 if "another process" in str(error) else 2
        producer.close()
        os._exit(code)
    print(url, os.waitpid(pid, 0)[1], flush=True)
    stream.close()
os._exit(0)
"""


@pytest.mark.unix("fork")
def test_a_fork_does_not_wait_for_what_is_left_behind() -> None:
    folder = __file__.rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, folder],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["threaded://r", "0", "awaited://r", "0"], done.stderr
