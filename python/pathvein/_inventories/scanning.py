"""The producer of a scan of an inventory: its keys are sorted, and a `KeyStream` takes them.

A thread reads the files and sorts the keys. The caller's thread takes sorted keys from it.
"""

from __future__ import annotations

import errno
import functools
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.compute
from pathvein_core import ExcludeRules, FileStructurePattern, KeyStream, Stats

from pathvein._inventories.place import Place
from pathvein._inventories.sorting import SortedBatches
from pathvein._inventories.tables import as_text, current_keys, decoded, rows_of
from pathvein._keys.batches import pass_array
from pathvein._listing import noted
from pathvein._remote.directories import is_match
from pathvein._remote.loop import check_process
from pathvein._remote.names import bad_key, join
from pathvein._remote.result_paths import ResultPaths
from pathvein._remote.source import make_upath

if TYPE_CHECKING:
    from pathvein._inventories.manifest import Inventory

__all__ = ["InventoryProducer"]

#: Batches of sorted keys that wait to be taken.
_MOST_WAITING = 4
#: Seconds until a thread that waits looks whether it is to go on.
_WAIT_SLICE = 0.1
#: Seconds that `close` waits for the thread. A request to a store may take longer.
_END_TIMEOUT = 10.0


class _Reading:
    """The thread that reads and sorts. It has no reference to the producer."""

    def __init__(
        self,
        place: Place,
        inventory: Inventory,
        prefix: str,
        memory_limit: int | str | None,
        temporary_directory: str | os.PathLike[str] | None,
    ) -> None:
        self._place, self._inventory = place, inventory
        self._prefix = f"{prefix}/".encode() if prefix else b""
        #: How many keys were read.
        self.keys = 0
        #: What ended it.
        self.failure: BaseException | None = None
        #: Sorted keys; `None` at the end.
        self.sorted: queue.Queue[pyarrow.Array | None] = queue.Queue(_MOST_WAITING)
        self._stop = threading.Event()
        self._sorting: SortedBatches | None = None
        # Made here, so that what is wrong with it is raised by the call.
        self._folder = tempfile.TemporaryDirectory(
            prefix="pathvein-", dir=temporary_directory, ignore_cleanup_errors=True
        )
        try:
            self._sorting = SortedBatches(self._read(), memory_limit, self._folder.name)
            self._thread = threading.Thread(
                target=self._run, name="pathvein-inventory", daemon=True
            )
            self._thread.start()
        except BaseException:
            self._clean_up()
            raise

    def _run(self) -> None:
        assert self._sorting is not None
        try:
            for keys in self._sorting:
                if not self._put(keys):
                    return
        except BaseException as error:
            self.failure = error
        finally:
            self._clean_up()
            self._put(None)

    def _clean_up(self) -> None:
        if self._sorting is not None:
            self._sorting.close()
        self._folder.cleanup()

    def _put(self, keys: pyarrow.Array | None) -> bool:
        while not self._stop.is_set():
            try:
                self.sorted.put(keys, timeout=_WAIT_SLICE)
            except queue.Full:
                continue
            return True
        return False

    def _read(self) -> Iterator[pyarrow.Array]:
        """The keys of all files, below the prefix and relative to it."""
        inventory = self._inventory
        rows = 0
        files = self._place.fetched(inventory.files, self._folder.name, self._stop.is_set)
        for path, url in files:
            for batch in rows_of(path, url, inventory):
                rows += len(batch)
                keys = current_keys(batch, inventory.columns)
                if inventory.csv.url_encoded:
                    keys = decoded(keys)
                if self._prefix:
                    keys = keys.filter(pyarrow.compute.starts_with(keys, self._prefix))
                    keys = _without_first(keys, len(self._prefix))
                self.keys += len(keys)
                yield as_text(keys, url)
        if inventory.rows is not None and rows < inventory.rows:
            text = f"its files have {rows:,} rows, and it says {inventory.rows:,}: keys are missing"
            error = OSError(errno.EIO, text, self._place.url(self._place.manifest))
            raise noted(error, "reading the inventory")

    def close(self) -> None:
        """End it, and wait for that."""
        self._stop.set()
        if self._sorting is not None:
            self._sorting.interrupt()
        if self._thread is not threading.current_thread():
            self._thread.join(_END_TIMEOUT)


def _without_first(keys: pyarrow.Array, count: int) -> pyarrow.Array:
    """The keys without so many bytes. (`binary_slice` of pyarrow 26 fails with some arrays.)"""
    return pyarrow.compute.binary_replace_slice(keys, 0, count, b"")


class _Source:
    """What keys are below: a bucket, a container, or a directory in one."""

    def __init__(
        self,
        url: str,
        storage_options: Mapping[str, Any] | None,
        make_stream: Callable[[str], KeyStream],
    ) -> None:
        root = make_upath(url, storage_options)
        self._root = url
        self._paths = ResultPaths(root, self.url)
        self._root_path = root
        bucket_and_path = url.partition("://")[2].rstrip("/")
        # The root of a bucket has no name.
        _, _, name = bucket_and_path.rpartition("/")
        self.stream = make_stream(name if "/" in bucket_and_path else "")

    def url(self, rel: str = "") -> str:
        return join(self._root, rel) if rel else self._root

    def path(self, rel: str) -> Any:
        return self._paths.make(rel) if rel else self._root_path


class InventoryProducer:
    """Finds results in an inventory."""

    def __init__(
        self,
        place: Place,
        inventory: Inventory,
        prefix: str,
        patterns: Sequence[FileStructurePattern],
        *,
        exclude: ExcludeRules,
        max_depth: int | None,
        outermost: bool,
        check: bool = False,
        storage_options: Mapping[str, Any] | None,
        memory_limit: int | str | None,
        temporary_directory: str | os.PathLike[str] | None,
    ) -> None:
        self._make_source = functools.partial(
            _Source,
            storage_options=storage_options,
            make_stream=functools.partial(
                KeyStream,
                patterns,
                max_depth=max_depth,
                exclude=exclude,
                outermost=outermost,
                check=check,
            ),
        )
        #: The URL of what is scanned.
        self.url = f"{inventory.protocol}://{prefix}"
        #: The container whose keys come; `None` if they are all of one source.
        self._container: bytes | None = None
        #: The protocol of containers, if keys begin with their names.
        self._protocol = inventory.protocol if not (inventory.bucket_url or prefix) else None
        self._source: _Source | None = None
        if inventory.bucket_url is not None:
            self.url = f"{inventory.bucket_url}/{prefix}" if prefix else inventory.bucket_url
        if self._protocol is None:
            self._source = self._make_source(self.url)
        self._date = inventory.date
        self._must_exist = bool(prefix)
        #: The counts of the sources before.
        self._directories = self._entries = 0
        self._found = self._error_count = 0
        self._any_key = False
        self._process = os.getpid()
        self._closed = False
        self._reading = _Reading(place, inventory, prefix, memory_limit, temporary_directory)

    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        if self._closed:
            return [], [], True
        check_process(self._process)
        try:
            keys = self._next_keys(seconds)
        except queue.Empty:
            return [], [], self._closed
        found: list[Any] = []
        errors: list[OSError] = []
        if keys is not None:
            self._take(keys, found, errors)
            return found, errors, False
        if self._reading.failure is not None:
            raise self._reading.failure
        if self._must_exist and not self._any_key:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.url)
        self._end_source(found, errors)
        self._reading.close()
        return found, errors, True

    def _next_keys(self, seconds: float) -> pyarrow.Array | None:
        """Wait for keys; `None` at the end. Raises `queue.Empty` if there are none so soon."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                return self._reading.sorted.get(left > 0, max(min(left, _WAIT_SLICE), 0))
            except queue.Empty:
                if self._closed or left <= 0:
                    raise

    def _take(self, keys: pyarrow.Array, found: list[Any], errors: list[OSError]) -> None:
        if not len(keys):
            return
        self._any_key = True
        for part in self._parts(keys, found, errors):
            assert self._source is not None
            pass_array(self._source.stream, part)
            self._results(self._source, found, errors)

    def _parts(
        self, keys: pyarrow.Array, found: list[Any], errors: list[OSError]
    ) -> Iterator[pyarrow.Array]:
        """The keys of one source after the other, of which each begins with its first."""
        if self._protocol is None:
            yield keys
            return
        compute = pyarrow.compute
        while len(keys):
            container, slash, _ = keys[0].as_py().partition(b"/")
            prefix = container + slash
            # All that begin so come one after the other.
            count = compute.sum(compute.starts_with(keys, prefix)).as_py() if slash else 1
            if container != self._container:
                self._end_source(found, errors)
                self._container = container
                name = os.fsdecode(container)
                self._source = self._make_source(f"{self._protocol}://{name}")
            yield _without_first(keys[:count], len(prefix))
            keys = keys[count:]

    def _end_source(self, found: list[Any], errors: list[OSError]) -> None:
        source = self._source
        if source is not None:
            source.stream.end()
            self._results(source, found, errors)
            directories, entries, _ = source.stream.counts()
            self._directories += directories
            self._entries += entries
            self._source = None

    def _results(self, source: _Source, found: list[Any], errors: list[OSError]) -> None:
        results, bad = source.stream.take()
        wrong = []
        for rel, *rest in results:
            try:
                found.append((source.path(rel), *rest))
            except OSError as error:
                wrong.append(error)
            else:
                self._found += is_match(rest)
        wrong += [bad_key(source.url, key) for key in bad]
        self._error_count += len(wrong)
        errors += wrong

    def stats(self) -> Stats:
        directories, entries = self._directories, self._entries
        if self._source is not None:
            now = self._source.stream.counts()
            directories, entries = directories + now[0], entries + now[1]
        return Stats(
            directories=directories,
            entries=entries,
            matches=self._found,
            errors=self._error_count,
            keys=self._reading.keys,
            inventory_date=self._date,
        )

    def close(self) -> None:
        was_closed, self._closed = self._closed, True
        if not was_closed and os.getpid() == self._process:
            self._reading.close()

    def __del__(self) -> None:
        if hasattr(self, "_reading"):
            self.close()
