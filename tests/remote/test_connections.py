"""Connections that are lost, fall silent or are overloaded, on servers that have connections."""

from __future__ import annotations

import errno
import itertools
from typing import Any

import pytest

import pathvein
from cloud import below
from compare import items
from pathvein import FileStructurePattern as P
from pathvein._remote import retry
from reference import Tree
from servers.wire import Wire

pytest.importorskip("upath")

#: Enough of them that the connection is lost in the middle.
NAMES = [f"d{i:02}" for i in range(40)]
TREE = Tree({name: Tree({}, tuple(f"f{i}" for i in range(20))) for name in NAMES}, ())
PATTERN = P("d*", files=["f0", "f19"])
#: Not HTTP: each request may come by a connection of its own.
STATEFUL = ["sftp-paramiko", "sftp-sshfs", "ftp"]


#: After how many bytes of the server's: FTP sends listings by connections of their own.
MIDDLE = {"ftp": 3000, "sftp-paramiko": 20_000, "sftp-sshfs": 20_000, "webdav": 30_000}

LATE = {"ftp": 5000, "sftp-paramiko": 100_000, "sftp-sshfs": 40_000}


def scanned(source: Any) -> tuple[list[str], list[OSError], Any]:
    found: list[str] = []
    errors: list[OSError] = []
    iterator = pathvein.iscan(source, [PATTERN], on_error=errors.append)
    for result in iterator:
        found.append(below(result.source, source))
    return sorted(found), errors, iterator.stats


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_LONGEST_DELAY", 0.05)


@pytest.mark.parametrize("store", [*STATEFUL, "webdav"], indirect=True)
def test_a_connection_that_is_lost_is_made_again(store: Any) -> None:
    with store.tree(TREE) as place, Wire(store.port) as wire:
        source = wire.place(place).upath
        assert source.fs
        wire.after(MIDDLE[store.name], wire.cut)
        found, errors, stats = scanned(source)
        assert errors == []
        assert found == NAMES
        assert stats.retries > 0


@pytest.mark.parametrize("store", STATEFUL, indirect=True)
def test_a_connection_that_is_lost_for_good_is_told(store: Any) -> None:
    with store.tree(TREE) as place, Wire(store.port) as wire:
        source = wire.place(place).upath
        assert source.fs
        wire.after(MIDDLE[store.name], wire.end)
        found, errors, _ = scanned(source)
        assert set(found) < set(NAMES)
        # Each of the others, by name.
        missed = sorted(path for path, _ in items(errors))
        assert missed == sorted(str(source / name) for name in set(NAMES) - set(found))


@pytest.mark.parametrize("store", STATEFUL, indirect=True)
def test_a_server_that_falls_silent_is_told(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "TIMEOUT", 0.3)
    monkeypatch.setattr("pathvein._remote.filesystems.generic._TIMEOUT_FACTOR", 1)
    with store.tree(TREE) as place, Wire(store.port) as wire:
        place = wire.place(place)
        if store.name == "ftp":
            place.options["timeout"] = 0.3
        source = place.upath
        assert source.fs
        # Near the end, as each that is left takes its time.
        wire.after(LATE[store.name], wire.fall_silent)
        found, errors, _ = scanned(source)
        assert set(found) < set(NAMES)
        missed = sorted(path for path, _ in items(errors))
        assert missed == sorted(str(source / name) for name in set(NAMES) - set(found))
        if store.name != "sftp-paramiko":  # which says "Error reading SSH protocol banner"
            assert errno.ETIMEDOUT in {error.errno for error in errors}


@pytest.mark.parametrize("store", ["webdav"], indirect=True)
def test_an_overloaded_web_server_is_asked_again(store: Any) -> None:
    numbers = itertools.count(1)
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def answer(request: bytes) -> bytes | None:
        return busy if request.startswith(b"PROPFIND") and next(numbers) % 3 == 0 else None

    with store.tree(TREE) as place, Wire(store.port, answer=answer) as wire:
        found, errors, stats = scanned(wire.place(place).upath)
        assert errors == []
        assert found == NAMES
        # Only one layer sends them again: what it counts is all.
        sent = next(numbers) - 1
        assert sent // 3 == stats.retries
        assert sent == stats.requests


@pytest.mark.parametrize(
    ("store", "lister"),
    [("gcs", "fsspec"), ("azure", "fsspec"), ("azure", "obstore")],
    indirect=["store"],
)
def test_all_requests_are_counted(store: Any, lister: Any) -> None:
    """Those, too, that ask if the namespace is hierarchical or an object a marker."""
    sent: list[bytes] = []

    def answer(request: bytes) -> None:
        if request.startswith((b"GET ", b"HEAD ")):
            sent.append(request)

    place = store.keys([f"src/d{i}/f{j}" for i in range(3) for j in range(3)]).below("src")
    with Wire(store.port, answer=answer) as wire:
        place = wire.place(place)
        options = {"storage_options": place.options, "lister": lister}
        with pathvein.iscan(place.url, P("d*"), **options) as stream:
            assert len(list(stream)) == 3
        assert stream.stats.requests == len(sent)
        assert stream.stats.requests > 1
