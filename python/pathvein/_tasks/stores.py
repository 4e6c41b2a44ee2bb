"""Scans of stores by tasks: what the caller holds, and what the worker opens.

A worker opens the source with the storage options that the caller gave (or that the UPath
carries), and for all else with what it finds in its own environment. What its first task finds
decides how the source is divided: into ranges of keys where it can be listed flat, else into
sub-trees.
"""

from __future__ import annotations

import errno
import os
import pickle
import threading
from typing import TYPE_CHECKING, Any

from fsspec.asyn import get_loop
from pathvein_core import Stats
from upath import UPath

from pathvein._remote.directories import is_match
from pathvein._remote.keys.lister import warn_not_by_obstore
from pathvein._remote.names import bad_key
from pathvein._remote.source import RemoteSource
from pathvein._tasks.directories import list_directories
from pathvein._tasks.keys import KeyDivision, KeyWorker, NotByObstore, NotFlat
from pathvein._tasks.plan import Plan
from pathvein._tasks.subtrees import SubtreeDivision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathvein._tasks.division import Division
    from pathvein._tasks.plan import Parts
    from pathvein.pattern import FileStructurePattern

#: Seconds after which a worker that was given nothing more closes what it has opened.
IDLE = 10.0

#: What a task is to list, or why it has not listed it.
_KEYS, _SUBTREE, _NOT_FLAT, _NOT_BY_OBSTORE = b"k", b"s", b"n", b"o"


# The caller's side


def open_division(
    opened: RemoteSource,
    patterns: list[FileStructurePattern],
    options: Mapping[str, Any],
    storage_options: Mapping[str, Any] | None = None,
) -> tuple[Division, Plan]:
    """What of a remote source is to be done, and what all tasks need.

    Args:
        opened: The source. Nothing is listed here.
        options: Those of `open_scan`.
        storage_options: They are among those that the source's UPath carries.

    Raises `TypeError` if a storage option cannot be sent.
    """
    root, adapter = opened.root, opened.adapter
    options = {"check": False, **options}
    sent = {
        **options,
        "protocol": root.protocol,
        "concurrency": opened.concurrency,
        "lister": opened.lister,
        # What a worker keeps is of this scan alone: another one looks anew.
        "scan": os.urandom(8),
        "process": _process() if adapter.in_process else None,
    }
    plan = Plan.of(__name__, str(root), patterns, sent, dict(root.storage_options))
    return StoreDivision(opened, patterns, options), plan


def _process() -> tuple[str, int]:
    return os.uname().nodename if hasattr(os, "uname") else "", os.getpid()


class StoreDivision:
    """A `Division` of a store: by keys, or if it turns out that it cannot be, by sub-trees."""

    def __init__(
        self,
        source: RemoteSource,
        patterns: list[FileStructurePattern],
        options: Mapping[str, Any],
    ) -> None:
        self._source = source
        self._patterns = patterns
        self._options = options
        self._matches = 0
        self._errors: list[OSError] = []
        #: Why it is not listed by obstore, if the caller chose that and was not told.
        self._reason: str | None = None
        #: Tasks of a division that was begun again.
        self._outdated: set[int] = set()
        #: Results that must not be told again, since it was begun again.
        self._told: set[int] = set()
        self._known: frozenset[int] = frozenset()
        self._may_restart = False
        self._subtrees: SubtreeDivision | None = None
        self._keys: KeyDivision | None = None
        #: Tasks, by the number that they have in what they are of.
        self._in_flight: dict[int, int] = {}
        self._next = self._source_task = 0
        if source.adapter.flat:
            self._may_restart = source.lister == "obstore"
            self._keys = self._by_keys("obstore" if self._may_restart else "fsspec")
        else:
            if source.lister == "obstore":
                self._reason = "it lists only S3, Google Cloud and Azure, and sorted"
            self._subtrees = self._by_directories()

    def _by_keys(self, lister: str) -> KeyDivision:
        return KeyDivision(self._source, self._patterns, self._options, lister)

    def _by_directories(self) -> SubtreeDivision:
        source, options = self._source, self._options
        return SubtreeDivision(
            self._patterns,
            source.name,
            source.path,
            max_depth=options["max_depth"],
            outermost=options["outermost"],
            check=options["check"],
        )

    @property
    def _parts(self) -> Any:
        return self._keys if self._keys is not None else self._subtrees

    @property
    def waiting(self) -> int:
        waiting: int = self._parts.waiting
        return waiting

    def next_task(self, most: int) -> tuple[int, bytes] | None:
        task = self._parts.next_task(most)
        if task is None:
            return None
        inner, description = task
        number, self._next = self._next, self._next + 1
        self._in_flight[number] = inner
        if self._keys is None:
            return number, _SUBTREE + description
        fallback = None
        if number == 0:
            # The source, for a worker that finds that it cannot be listed flat.
            self._subtrees = self._by_directories()
            started = self._subtrees.next_task(1)
            assert started is not None
            self._source_task, fallback = started
        return number, _KEYS + pickle.dumps((description, fallback))

    def take(self, task: int, outcome: bytes) -> None:
        inner = self._in_flight[task]
        kind, rest = outcome[:1], outcome[1:]
        if task in self._outdated:
            self._outdated.remove(task)
        elif kind == _SUBTREE and self._keys is None:
            self._parts.take(inner, rest)
        elif kind == _NOT_FLAT and task == 0 and self._subtrees is not None:
            reason, subtree = pickle.loads(rest)
            self._subtrees.take(self._source_task, subtree)
            self._keys, self._reason = None, reason or self._reason
            self._warn()
        elif kind == _KEYS and self._keys is not None:
            lister, reason, told = pickle.loads(rest)
            self._keys.take(inner, told)
            self._keys.lister, self._reason = lister, reason or self._reason
            self._may_restart &= lister == "obstore"
            self._warn()
        elif kind == _NOT_BY_OBSTORE and self._may_restart:
            del self._in_flight[task]
            self._begin_again(rest.decode())
            return
        else:
            raise ValueError("this is no outcome of this task")
        del self._in_flight[task]

    def _begin_again(self, reason: str) -> None:
        """The file system lists it all, after obstore could not; no result is told twice."""
        self._outdated.update(self._in_flight)
        self._known, self._may_restart = frozenset(self._told), False
        self._keys = self._by_keys("fsspec")
        self._reason = reason
        self._warn()

    def _warn(self) -> None:
        if self._reason is not None:
            reason, self._reason = self._reason, None
            warn_not_by_obstore(self._source, reason)

    def give_up(self, task: int) -> list[str]:
        inner = self._in_flight.pop(task)
        if task in self._outdated:
            self._outdated.remove(task)
            return []
        paths: list[str] = self._parts.give_up(inner)
        return paths

    def found(self) -> list[Any]:
        if self._keys is None:
            found: list[Any] = self._parts.found()
            return found
        items, bad = self._keys.found()
        self._errors += (bad_key(self._source.url, key) for key in bad)
        told = []
        for rel, *what in items:
            if self._may_restart or self._known:
                result = hash((rel, what[0]))
                if result in self._known:
                    continue
                self._told.add(result)
            try:
                told.append((self._source.path(rel), *what))
                self._matches += is_match(what)
            except OSError as error:
                self._errors.append(error)
        return told

    def errors(self) -> list[OSError]:
        errors, self._errors = self._errors, []
        return errors if self._keys is not None else [*errors, *self._parts.errors()]

    @property
    def matches(self) -> int:
        return self._matches if self._subtrees is None else self._matches + self._subtrees.matches

    @property
    def hidden_by_links(self) -> int:
        return 0 if self._subtrees is None else self._subtrees.hidden_by_links

    @property
    def counts(self) -> tuple[int, int, int]:
        return (0, 0, 0) if self._keys is None else self._keys.counts

    def close(self) -> None:
        self._source.adapter.close()


# The worker's side


def open_worker(parts: Parts) -> StoreWorker:
    """What the tasks of a plan run in. Nothing is opened before the first of them."""
    return StoreWorker(parts)


class StoreWorker:
    """A `Worker` for one store."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._options = dict(parts.options)
        process = self._options.pop("process")
        if process is not None and tuple(process) != _process():
            raise ValueError(
                f"{self._options['protocol']!r} is of the process that scans: workers that are "
                "other processes do not see it"
            )
        del self._options["scan"]
        self._source: RemoteSource | None = None
        self._keys: dict[str, KeyWorker] = {}
        #: How many tasks have begun and ended; whether one runs is told by their difference.
        self._begun = self._ended = 0
        #: Held while one begins, and by who closes what none uses.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<StoreWorker of {self._options['protocol']}>"

    def run(
        self, description: bytes, seconds: float | None, directories: int | None
    ) -> tuple[bytes, list[OSError], Stats]:
        """See `pathvein._tasks.work.Worker`."""
        with self._lock:
            self._begun += 1
        try:
            return self._run(description, seconds, directories)
        finally:
            self._ended += 1
            loop = get_loop()
            loop.call_soon_threadsafe(loop.call_later, IDLE, self._close_unused, self._begun)

    def _close_unused(self, begun: int) -> None:
        with self._lock:
            if self._begun == self._ended == begun:
                self.close()

    def _run(
        self, description: bytes, seconds: float | None, directories: int | None
    ) -> tuple[bytes, list[OSError], Stats]:
        source = self._opened()
        counts = source.adapter.counts
        before = counts.requests, counts.retries
        errors: list[OSError] = []
        listed = (0, 0, 0)
        budget = seconds, directories
        kind, rest = description[:1], description[1:]
        if kind == _KEYS:
            keys, fallback = pickle.loads(rest)
            outcome, listed = self._list_keys(keys, fallback, *budget, errors)
        elif kind == _SUBTREE:
            told, listed = self._list_directories(rest, *budget, errors)
            outcome = _SUBTREE + told
        else:
            raise ValueError("this is no task")
        directory_count, entries, links = listed
        stats = Stats(
            directories=directory_count,
            entries=entries,
            links_not_followed=links,
            requests=counts.requests - before[0],
            retries=counts.retries - before[1],
        )
        return outcome, errors, stats

    def _list_keys(
        self,
        task: bytes,
        fallback: bytes | None,
        seconds: float | None,
        pages: int | None,
        errors: list[OSError],
    ) -> tuple[bytes, tuple[int, int, int]]:
        """Who has the first task, with a `fallback`, finds out how the source can be listed."""
        lister, reason = pickle.loads(task)[0], ""
        while True:
            _, ranges, spans, traits = pickle.loads(task)
            if lister not in self._keys:
                self._keys[lister] = KeyWorker(
                    self._opened(), self._parts.patterns, self._options, lister
                )
            try:
                told = self._keys[lister].run(ranges, spans, traits, seconds, pages, errors)
                return _KEYS + pickle.dumps((lister, reason, told)), (0, 0, 0)
            except NotByObstore as unfit:
                if fallback is None:
                    return _NOT_BY_OBSTORE + str(unfit).encode(), (0, 0, 0)
                lister, reason = "fsspec", str(unfit)
            except NotFlat as error:
                if fallback is None:
                    message = "it cannot be listed flat"
                    raise OSError(errno.EIO, message, self._opened().url()) from error
                subtree, listed = self._list_directories(fallback, seconds, pages, errors)
                return _NOT_FLAT + pickle.dumps((reason or str(error), subtree)), listed

    def _list_directories(
        self,
        subtree: bytes,
        seconds: float | None,
        directories: int | None,
        errors: list[OSError],
    ) -> tuple[bytes, tuple[int, int, int]]:
        source, patterns, options = self._opened(), self._parts.patterns, self._options
        return list_directories(source, patterns, options, subtree, seconds, directories, errors)

    def _opened(self) -> RemoteSource:
        if self._source is None:
            options = self._options
            # An object of its own, which ends with this one.
            kept = {**self._parts.storage_options, "skip_instance_cache": True}
            path = UPath(self._parts.source, protocol=options["protocol"], **kept)
            self._source = RemoteSource(
                path, concurrency=options["concurrency"], lister=options["lister"]
            )
        return self._source

    def close(self) -> None:
        """Close what it has opened."""
        source, self._source = self._source, None
        self._keys.clear()
        if source is not None:
            source.adapter.close()
