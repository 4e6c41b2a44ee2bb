"""Copying from and to a store that goes wrong, and what is asked of it when it does not.

The store is S3's stub that holds objects: what holds for its requests is decided in code that all
stores share.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("s3fs")

import copies
from copies import copied, files_on_disk, opened, written
from pathvein import FileStructurePattern as P
from pathvein._remote import retry
from pathvein._remote.copying import transfers
from pathvein._remote.copying.files import s3
from servers.objects import S3Objects, path_of, what
from servers.recorder import Answer, Asked, s3_error

pytestmark = [
    # What is given up in the middle leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PATTERN = P("*", ["*"], optional_directories=[P("*", ["*"])])
PART = 5 * 2**20


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_LONGEST_DELAY", 0.02)
    monkeypatch.setattr(transfers, "_FIRST_DELAY", 0.01)


@pytest.fixture
def s3_objects(s3_clients: None) -> Iterator[S3Objects]:
    with S3Objects() as running:
        yield running


def filled(objects: S3Objects, count: int, prefix: str = "b/src") -> Any:
    for number in range(count):
        objects.objects[f"{prefix}/d{number % 2}/f{number:02}"] = b"%d" % number * 10
    objects.objects[f"{prefix}/top"] = b"top"
    return objects.place(prefix).upath


def fails(
    objects: S3Objects,
    which: str,
    answer: Answer | Callable[[Asked], Answer | None],
    *,
    path: str = "",
    first: int = 10**9,
) -> list[Asked]:
    """Let the first requests of a kind be answered otherwise; gives those that were."""
    failed: list[Asked] = []

    def fault(asked: Asked) -> Answer | None:
        if what(asked) != which or not path_of(asked).endswith(path) or len(failed) >= first:
            return None
        failed.append(asked)
        return answer(asked) if callable(answer) else answer

    objects.fault = fault
    return failed


def under(objects: S3Objects, prefix: str) -> dict[str, bytes]:
    """The objects below a prefix, by the rest of their keys."""
    cut = len(prefix) + 1
    return {k[cut:]: v for k, v in objects.objects.items() if k.startswith(f"{prefix}/")}


# What is asked --------------------------------------------------------------------------------


def test_down_takes_a_request_for_each_object_and_the_listing(
    s3_objects: S3Objects, tmp_path: Path
) -> None:
    source = filled(s3_objects, 40)
    [done] = copied([(source, str(tmp_path / "out"), PATTERN)])
    assert (done.kind, done.files) == ("copied", 41)
    assert s3_objects.what() == {"list": 1, "get": 41}
    assert files_on_disk(tmp_path / "out") == under(s3_objects, "b/src")
    # The time of modification is that of the object.
    assert os.stat(tmp_path / "out" / "top").st_mtime_ns == 1767323045_678000000


def test_within_a_store_no_content_is_sent(s3_objects: S3Objects) -> None:
    source = filled(s3_objects, 40)
    [done] = copied([(source, source.parent / "dst", PATTERN)])
    assert (done.kind, done.files) == ("copied", 41)
    # The destination is looked at twice: for what is there before, and for what is there after.
    assert s3_objects.what() == {"list": 3, "head": 1, "copy": 41}
    assert not any(asked.body for asked in s3_objects.asked)
    assert under(s3_objects, "b/dst") == under(s3_objects, "b/src")


def test_up_takes_a_request_for_each_file(s3_objects: S3Objects, tmp_path: Path) -> None:
    files = {f"d{n % 2}/f{n}": b"%d" % n for n in range(40)} | {"top": b"top"}
    source = written(tmp_path / "src", files)
    [done] = copied([(str(source), s3_objects.place("b/dst").upath, PATTERN)])
    assert (done.kind, done.files) == ("copied", 41)
    assert s3_objects.what() == {"list": 2, "head": 1, "put": 41}
    assert under(s3_objects, "b/dst") == files


def test_to_another_store_each_object_is_read_and_put_once(s3_objects: S3Objects) -> None:
    source = filled(s3_objects, 10)
    with S3Objects() as other:
        [done] = copied([(source, other.place("c/dst").upath, PATTERN)])
        assert (done.kind, done.files) == ("copied", 11)
        assert s3_objects.what() == {"list": 1, "get": 11}
        assert other.what() == {"list": 2, "head": 1, "put": 11}
        assert under(other, "c/dst") == under(s3_objects, "b/src")


def test_what_cannot_belong_is_not_listed(s3_objects: S3Objects, tmp_path: Path) -> None:
    """A match of more than a page is listed by its levels, and only where something may belong."""
    for number in range(1200):
        s3_objects.objects[f"b/src/other/f{number:04}"] = b""
    s3_objects.objects |= {"b/src/d1/x": b"1", "b/src/top": b"2"}
    pattern = P("*", ["top"], optional_directories=[P("d*", ["*"])])
    source = s3_objects.place("b/src").upath
    [done] = copied([(source, str(tmp_path / "out"), pattern)])
    assert (done.kind, done.files) == ("copied", 2)
    asked = [a.query["prefix"] for a in s3_objects.listings()]
    assert asked == ["src/", "src/", "src/d1/"]


def test_no_more_files_at_a_time_than_told(s3_objects: S3Objects) -> None:
    """Of all matches together."""
    sources = [filled(s3_objects, 10, f"b/src{n}") for n in range(3)]
    lock = threading.Lock()
    under_way, seen = 0, [0]

    def slow(asked: Asked) -> None:
        nonlocal under_way
        if what(asked) not in ("get", "put"):
            return
        with lock:
            under_way += 1
            seen.append(under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1

    with S3Objects() as other:
        s3_objects.fault = other.fault = slow
        destination = other.place("c/dst").upath
        matches = [(source, destination / source.name, PATTERN) for source in sources]
        assert [done.kind for done in copied(matches, concurrency=3)] == ["copied"] * 3
    assert 1 < max(seen) <= 3


# Troubles that pass ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["get", "list", "put", "copy", "head"])
def test_throttled_requests_are_sent_again(
    kind: str, s3_objects: S3Objects, tmp_path: Path
) -> None:
    source = filled(s3_objects, 6)
    local = written(tmp_path / "src", {"a": b"a", "b": b"b"})
    failed = fails(s3_objects, kind, s3_error(503, "SlowDown"), first=3)
    matches = [
        (source, str(tmp_path / "out"), PATTERN),
        (source, source.parent / "within", PATTERN),
        (str(local), source.parent / "up", PATTERN),
    ]
    assert [done.kind for done in copied(matches)] == ["copied"] * 3
    assert len(failed) == 3
    assert under(s3_objects, "b/within") == under(s3_objects, "b/src")
    assert under(s3_objects, "b/up") == {"a": b"a", "b": b"b"}


def test_damaged_content_is_read_again(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = filled(s3_objects, 6)
    etag = {"ETag": '"b4b147bc522828731f1a016bfa72c073"'}
    failed = fails(s3_objects, "get", (200, etag, b"top"), path="/top", first=1)
    [done] = copied([(source, str(tmp_path / "out"), PATTERN)])
    assert (done.kind, done.errors) == ("copied", [])
    assert len(failed) == 1
    assert (done.files, done.bytes) == (7, sum(map(len, under(s3_objects, "b/src").values())))


def test_an_etag_that_is_no_md5_is_no_checksum(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = filled(s3_objects, 0)
    for number, headers in enumerate(
        (
            {"ETag": '"b4b147bc522828731f1a016bfa72c073-2"'},
            {
                "ETag": '"b4b147bc522828731f1a016bfa72c073"',
                "x-amz-server-side-encryption": "aws:kms",
            },
        )
    ):
        fails(s3_objects, "get", (200, headers, b"top"))
        assert copied([(source, str(tmp_path / f"out{number}"), PATTERN)])[0].kind == "copied"


# Troubles that stay ---------------------------------------------------------------------------

TROUBLES: dict[str, tuple[Answer, type[OSError], str]] = {
    "vanished": (s3_error(404, "NoSuchKey"), FileNotFoundError, ""),
    "denied": (s3_error(403, "AccessDenied"), PermissionError, ""),
    "larger": ((200, {"ETag": '"x"'}, b"topper"), OSError, "it had 3 bytes"),
    "smaller": ((200, {"ETag": '"x"'}, b"to"), OSError, "it had 3 bytes"),
    "damaged": ((200, {"ETag": f'"{"0" * 32}"'}, b"top"), OSError, "MD5"),
    "failing": (s3_error(500, "InternalError"), OSError, ""),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_file_that_cannot_be_read(trouble: str, s3_objects: S3Objects, tmp_path: Path) -> None:
    """Its match fails and leaves nothing, on this machine as in another store; others go on."""
    answer, cls, text = TROUBLES[trouble]
    source, fine = filled(s3_objects, 10), filled(s3_objects, 3, "b/fine")
    failed = fails(s3_objects, "get", answer, path="b/src/top")
    with S3Objects() as other:
        matches = [
            (source, str(tmp_path / "new" / "out"), PATTERN),
            (source, other.place("c/dst").upath, PATTERN),
            (fine, str(tmp_path / "fine"), PATTERN),
        ]
        *bad, good = copied(matches)
        assert other.objects == {}
    assert good.kind == "copied"
    for done in bad:
        [error] = done.errors
        assert done.kind == "failed"
        assert isinstance(error, cls)
        assert error.filename == str(source / "top")
        assert text in str(error)
        assert any(note.startswith("while ") for note in error.__notes__)
    assert os.listdir(tmp_path) == ["fine"]
    assert failed


@pytest.mark.parametrize("kind", ["put", "copy"])
def test_an_object_that_cannot_be_put(kind: str, s3_objects: S3Objects, tmp_path: Path) -> None:
    """What was put before is removed again; what was there, and other matches, are not."""
    source = filled(s3_objects, 10)
    local = written(tmp_path / "src", {f"f{n}": b"x" for n in range(10)} | {"top": b"top"})
    start = source if kind == "copy" else str(local)
    failed = fails(s3_objects, kind, s3_error(403, "AccessDenied"), path="dst/top")
    matches = [(start, source.parent / "dst", PATTERN), (start, source.parent / "fine", PATTERN)]
    bad, good = copied(matches)
    [error] = bad.errors
    assert (bad.kind, type(error)) == ("failed", PermissionError)
    assert good.kind == "copied"
    assert under(s3_objects, "b/dst") == {}
    assert len(under(s3_objects, "b/fine")) == 11
    assert failed


def test_what_was_replaced_before_a_failure_is_told(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {f"f{n}": b"x" for n in range(10)})
    old = {f"f{n}": b"old" for n in range(0, 10, 2)} | {"other": b"old"}
    s3_objects.objects |= {f"b/dst/{rel}": data for rel, data in old.items()}
    fails(s3_objects, "put", s3_error(403, "AccessDenied"), path="dst/f7")
    destination = s3_objects.place("b/dst").upath
    [bad] = copied([(str(source), destination, PATTERN)], overwrite=True, concurrency=1)
    assert (bad.kind, bad.replaced) == ("failed", ["f0", "f2", "f4", "f6"])
    there = under(s3_objects, "b/dst")
    assert {rel for rel, data in there.items() if data == b"old"} == {"f8", "other"}


def test_a_store_that_lists_other_sizes_than_were_put(
    s3_objects: S3Objects, tmp_path: Path
) -> None:
    source = written(tmp_path / "src", {"a": b"a", "b": b"b"})

    def lossy(asked: Asked) -> Answer:
        s3_objects.objects[path_of(asked)] = b""
        return 200, {"ETag": '"x"'}, b""

    fails(s3_objects, "put", lossy, path="/a")
    dst = s3_objects.place("b/dst").upath
    [done] = copied([(str(source), dst, PATTERN)])
    assert done.kind == "failed"
    assert done.errors[0].filename == str(dst / "a")
    assert "1 bytes were written, and 0 are listed" in str(done.errors[0])
    assert under(s3_objects, "b/dst") == {}


def test_a_checksum_of_the_destination_that_differs(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a": b"a"})
    failed = fails(s3_objects, "put", (200, {"ETag": f'"{"0" * 32}"'}, b""))
    [done] = copied([(str(source), s3_objects.place("b/dst").upath, PATTERN)])
    assert done.kind == "failed"
    assert "MD5" in str(done.errors[0])
    assert len(failed) == 2


# Two copies at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("from_store", [True, False])
@pytest.mark.parametrize("large", [True, False])
def test_what_came_since_the_copy_began_is_not_replaced(
    from_store: bool, large: bool, s3_objects: S3Objects, tmp_path: Path
) -> None:
    """Another has put the first object: it exists. Another one: that is an error."""
    local = written(tmp_path / "src", {f"f{n}": b"x" * (large * 2 * PART + 1) for n in range(3)})
    for path in local.iterdir():
        s3_objects.objects[f"b/src/{path.name}"] = path.read_bytes()
    source: Any = s3_objects.place("b/src").upath if from_store else str(local)
    for name in ("f0", "f1"):

        def meanwhile(asked: Asked, name: str = name) -> None:
            if what(asked) in ("put", "copy", "complete") and path_of(asked).endswith("/f0"):
                s3_objects.objects[f"b/{name}-dst/{name}"] = b"another's"

        s3_objects.fault = meanwhile
        destination = s3_objects.place(f"b/{name}-dst").upath
        [done] = copied([(source, destination, PATTERN)])
        assert done.kind == ("exists" if name == "f0" else "failed")
        if name == "f1":
            assert isinstance(done.errors[0], FileExistsError)
            assert done.errors[0].filename == str(destination / "f1")
        assert under(s3_objects, f"b/{name}-dst") == {name: b"another's"}
        assert s3_objects.uploads == {}


def test_an_object_whose_answer_was_lost_is_ones_own(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"a": b"a", "b": b"b"})

    def lost(asked: Asked) -> Answer:
        s3_objects.objects[path_of(asked)] = asked.body
        return s3_error(500, "InternalError")

    assert not fails(s3_objects, "put", lost, first=1)
    [done] = copied([(str(source), s3_objects.place("b/dst").upath, PATTERN)])
    assert (done.kind, done.errors) == ("copied", [])
    assert under(s3_objects, "b/dst") == {"a": b"a", "b": b"b"}


def test_a_store_that_does_not_know_the_condition(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {f"f{n}": b"x" for n in range(20)})

    def unknown(asked: Asked) -> Answer | None:
        return s3_error(501, "NotImplemented") if "if-none-match" in asked.headers else None

    failed = fails(s3_objects, "put", unknown)
    [done] = copied([(str(source), s3_objects.place("b/dst").upath, PATTERN)])
    assert (done.kind, done.files) == ("copied", 20)
    # It is asked once. (The rule sees each request.)
    assert sum("if-none-match" in asked.headers for asked in failed) == 1


# Uploads of several parts ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["part", "complete"])
def test_an_upload_that_fails_is_aborted(kind: str, s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"large": b"x" * (3 * PART + 1)})
    fails(s3_objects, kind, s3_error(403, "AccessDenied"))
    [done] = copied([(str(source), s3_objects.place("b/dst").upath, PATTERN)])
    assert (done.kind, type(done.errors[0])) == ("failed", PermissionError)
    assert s3_objects.what()["abort"] == 1
    assert (s3_objects.objects, s3_objects.uploads) == ({}, {})


def test_an_upload_whose_source_fails_is_aborted(s3_objects: S3Objects) -> None:
    s3_objects.objects["b/src/large"] = b"x" * (4 * PART)
    source = s3_objects.place("b/src").upath

    def changed(asked: Asked) -> Answer | None:
        # The last range is of another version of the object.
        late = asked.headers["range"].startswith(f"bytes={3 * PART}-")
        return s3_error(412, "PreconditionFailed") if late else None

    fails(s3_objects, "get", changed)
    with S3Objects() as other:
        [done] = copied([(source, other.place("c/dst").upath, PATTERN)])
        assert done.kind == "failed"
        assert "changed while it was copied" in str(done.errors[0])
        assert other.what()["abort"] == 1
        assert (other.objects, other.uploads) == ({}, {})


def test_to_close_aborts_uploads_and_leaves_nothing(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "src", {"large": b"x" * (3 * PART), "a": b"a"})
    begun, over = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Answer | None:
        begun.set()
        over.wait(30)
        return None

    fails(s3_objects, "part", hang)
    producer = opened([(str(source), s3_objects.place("b/dst").upath, PATTERN)])
    assert producer.next_batch(0) == ([], False)
    assert begun.wait(30)
    producer.close()
    assert producer.next_batch(1) == ([], True)
    _eventually(lambda: s3_objects.what().get("abort") == 1)
    over.set()
    _eventually(lambda: s3_objects.what().get("delete", 0) >= 1)
    _eventually(lambda: not s3_objects.objects)


def test_to_close_removes_what_is_staged(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = filled(s3_objects, 10)
    begun, over = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Answer | None:
        begun.set()
        over.wait(30)
        return None

    fails(s3_objects, "get", hang, path="/top")
    producer = opened([(source, str(tmp_path / "new" / "out"), PATTERN)])
    assert producer.next_batch(0) == ([], False)
    assert begun.wait(30)
    assert os.listdir(tmp_path) == ["new"]
    producer.close()
    _eventually(lambda: os.listdir(tmp_path) == [])
    over.set()


INTERRUPTED = """
import signal, sys
# What started the tests may ignore it, as a shell does for what runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {support!r})
from copies import copied
from upath import UPath
from pathvein import FileStructurePattern as P
copied([({source!r}, UPath({url!r}, **{options!r}), P("*", ["*"]))])
"""


def test_an_interrupt_aborts_uploads_before_the_process_ends(
    s3_objects: S3Objects, tmp_path: Path
) -> None:
    source = written(tmp_path / "src", {"large": b"x" * (3 * PART), "a": b"a"})
    begun, over = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Answer | None:
        if what(asked) == "part":
            begun.set()
            over.wait(30)
        elif what(asked) == "abort":
            # Longer than `close` waits.
            time.sleep(0.6)
        return None

    s3_objects.fault = hang
    place = s3_objects.place("b/dst")
    code = INTERRUPTED.format(
        support=os.path.dirname(copies.__file__),
        source=str(source),
        url=place.url,
        options=place.options,
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as child:
        assert begun.wait(60)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said
    assert s3_objects.what()["abort"] == 1
    assert (s3_objects.objects, s3_objects.uploads) == ({}, {})
    over.set()


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_objects_too_large_for_one_copy(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_MOST_COPIED", 100)
    monkeypatch.setattr(s3, "_COPIED_PART", 30)
    s3_objects.objects |= {"b/src/large": os.urandom(101), "b/src/small": b"x" * 100}
    source = s3_objects.place("b/src").upath
    assert copied([(source, source.parent / "dst", PATTERN)])[0].kind == "copied"
    assert under(s3_objects, "b/dst") == under(s3_objects, "b/src")
    assert s3_objects.what()["copy_part"] == 4
    fails(s3_objects, "complete", s3_error(403, "AccessDenied"))
    assert copied([(source, source.parent / "two", PATTERN)])[0].kind == "failed"
    assert (s3_objects.uploads, under(s3_objects, "b/two")) == ({}, {})


# Other file systems ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:UPath 'pathveinother' filesystem:UserWarning")
def test_half_an_object_is_not_put_by_closing_it(s3_objects: S3Objects, tmp_path: Path) -> None:
    """The files of other stores are written through `open`, and to close one would put it."""
    from fsspec import AbstractFileSystem, register_implementation
    from fsspec.spec import AbstractBufferedFile
    from upath import UPath

    put: dict[str, bytes] = {}
    discarded: list[str] = []

    class File(AbstractBufferedFile):  # type: ignore[misc]
        def _initiate_upload(self) -> None:
            self.sent = b""

        def _upload_chunk(self, final: bool = False) -> bool:
            self.sent += self.buffer.getvalue()
            if final:
                put[self.path] = self.sent
            return True

        def discard(self) -> None:
            discarded.append(self.path)

    class Other(AbstractFileSystem):  # type: ignore[misc]
        protocol = "pathveinother"
        cachable = False

        def _open(self, path: str, mode: str = "rb", **options: Any) -> File:
            return File(self, path, mode, **{**options, "block_size": 5})

        def info(self, path: str, **options: Any) -> Any:
            if path in put:
                return {"name": path, "size": len(put[path]), "type": "file"}
            if any(name.startswith(f"{path}/") for name in put):
                return {"name": path, "size": 0, "type": "directory"}
            raise FileNotFoundError(path)

        def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
            below = [name for name in put if name.startswith(f"{path}/")]
            return [self.info(name) for name in below]

        def rm_file(self, path: str) -> None:
            del put[path]

    register_implementation("pathveinother", Other, clobber=True)
    s3_objects.objects |= {"b/src/a": b"a" * 100, "b/src/large": b"x" * (2 * PART)}
    source = s3_objects.place("b/src").upath
    destination = UPath("pathveinother://x/dst")
    [done] = copied([(source, destination, PATTERN)])
    assert (done.kind, done.errors) == ("copied", [])
    assert {path: len(data) for path, data in put.items()} == {
        "x/dst/a": 100,
        "x/dst/large": 2 * PART,
    }
    put.clear()

    def gone(asked: Asked) -> Answer | None:
        late = asked.headers.get("range", "").startswith(f"bytes={PART}-")
        return s3_error(404, "NoSuchKey") if late else None

    fails(s3_objects, "get", gone)
    [done] = copied([(source, destination, PATTERN)])
    assert (done.kind, type(done.errors[0])) == ("failed", FileNotFoundError)
    assert put == {}
    assert discarded == ["x/dst/large"]


def test_what_cannot_be_removed_again_is_told(s3_objects: S3Objects, tmp_path: Path) -> None:
    source = written(tmp_path / "m", {"a": b"1", "b": b"2"})
    put: list[str] = []

    def fault(asked: Asked) -> Answer | None:
        if what(asked) == "put":
            put.append(path_of(asked))
            return s3_error(403, "AccessDenied") if len(put) == 2 else None
        return s3_error(403, "AccessDenied") if what(asked) == "delete" else None

    s3_objects.fault = fault
    (done,) = copied([(str(source), s3_objects.place("b/x").upath, PATTERN)])
    assert done.kind == "failed"
    assert list(s3_objects.objects) == ["b/x/a"]
    assert any("s3://b/x/a" in note for note in done.errors[0].__notes__)


def test_progress_knows_all_matches_before_the_first_is_copied(
    s3_objects: S3Objects, tmp_path: Path
) -> None:
    filled(s3_objects, 9)
    source = s3_objects.place("b/src").upath
    local = written(tmp_path / "m", {"a": b"12", "b": b"345"})
    (tmp_path / "there").mkdir()
    matches = [(source, tmp_path / f"copy{n}", PATTERN) for n in range(5)]
    matches += [(str(local), s3_objects.place("b/dst").upath, PATTERN)]
    matches += [(source, tmp_path / "there", PATTERN)]
    seen: list[tuple[int, int, int, int]] = []

    def fault(asked: Asked) -> None:
        if what(asked) in ("get", "put"):
            seen.append(producer.progress())

    s3_objects.fault = fault
    producer = opened(matches, totals=True, concurrency=2)
    ended = False
    kinds = []
    while not ended:
        outcomes, ended = producer.next_batch(30)
        kinds += [outcome[1] for outcome in outcomes]
    producer.close()
    size = 5 * (3 + sum(map(len, (b"%d" % n * 10 for n in range(9))))) + 5
    assert sorted(kinds) == ["copied"] * 6 + ["exists"]
    assert {counts[2:] for counts in seen} == {(52, size)}
    assert producer.progress() == (52, size, 52, size)
    # Each match of a store is listed once.
    assert sum(a.query["prefix"] == "src/" for a in s3_objects.listings()) == 5


def test_an_object_that_comes_while_the_store_asks_to_wait_is_not_removed(
    s3_objects: S3Objects, tmp_path: Path
) -> None:
    """It is of another copy, although this one has tried to put it twice."""
    source = written(tmp_path / "m", {"a": b"1", "b": b"2"})
    others = {"b/x/a": b"1", "b/x/b": b"9"}

    def fault(asked: Asked) -> Answer | None:
        if what(asked) != "put" or s3_objects.objects:
            return None
        s3_objects.objects.update(others)
        return s3_error(503, "SlowDown")

    s3_objects.fault = fault
    (done,) = copied([(str(source), s3_objects.place("b/x").upath, PATTERN)])
    assert done.kind == "exists"
    assert s3_objects.objects == others
