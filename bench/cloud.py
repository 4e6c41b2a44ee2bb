"""What listing remote stores costs: requests, seconds, peak memory. See `scripts/bench-cloud`.

Each figure is of a process of its own, in which the packages have been imported and nothing has
been connected to; the time is that of the whole call. The store is the stub of the tests, an S3
that only lists, with 50 ms before each answer; SFTP is a real sshd behind a proxy that delays
each way by half the round trip. `least` is the number of pages, the fewest requests possible.
CPU is the processor time of the process that scans (the stub is another one), with how much of it
is that of the thread that takes the results, of the event loop's, and of others: obstore's, which
read the pages. Each is the least of several runs. `bare obstore` reads the pages one after the
other and does nothing with them: no scan through obstore can take less.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests/support"))

LATENCY = 0.05


def chain() -> Iterator[str]:
    """40 directories in each other, 500 files in each."""
    prefix = ""
    for _ in range(40):
        yield from (f"{prefix}f{number:03}" for number in range(500))
        prefix += "d/"


def lopsided() -> Iterator[str]:
    """20 groups, of which one holds nine tenths of 20,000 keys."""
    for group in range(20):
        directories = 1800 if group == 7 else 10
        for directory in range(directories):
            yield from (f"g{group:02}/d{directory:04}/f{number}" for number in range(10))


def buckets() -> dict[str, tuple[Any, str]]:
    """Keys, and what the issue asks for."""
    from servers.list_stub import Radix

    return {
        "20,000 keys in 20 groups": (
            Radix([("g%02d", 20), ("d%03d", 100), ("f%02d", 10)]),
            "<= 100, 1.5 s (obstore 0.7 s)",
        ),
        "20,000 keys in one directory": (Radix([("f%05d", 20000)]), "<= 30, 2.0 s"),
        "2,000 directories under one prefix": (
            [f"top/d{d:04}/f{f}" for d in range(2000) for f in range(10)],
            "<= 100, 1.5 s",
        ),
        "a chain 40 deep, 500 keys a level": (list(chain()), "<= 60, 3.0 s"),
        "one subtree holds nine tenths": (list(lopsided()), "<= 100, 1.5 s"),
        "200,000 keys, 10,051 directories": (
            Radix([("g%02d", 50), ("d%03d", 200), ("f%02d", 20)]),
            "<= 350, 5.5 s (obstore 1.7 s)",
        ),
        "999 keys": ([f"d{n % 9}/f{n}" for n in range(999)], "1, one round trip"),
        "2,000,000 keys": (
            Radix([("g%03d", 500), ("d%03d", 200), ("f%02d", 20)]),
            "60 MB, CPU 8.4 s (obstore 4 s)",
        ),
    }


# One measurement ----------------------------------------------------------------------------


def peak() -> float:
    """The most memory that this process has had, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_by_thread() -> tuple[float, float, float]:
    """Processor time so far: of the thread that calls this, of fsspec's loop, of all others."""
    from fsspec.asyn import get_loop, iothread

    get_loop()
    loop = time.clock_gettime(time.pthread_getcpuclockid(iothread[0].ident))
    caller = time.thread_time()
    return caller, loop, time.process_time() - caller - loop


def measure_bare(task: dict[str, Any]) -> None:
    """In the child: one listing by obstore alone, in one go."""
    import arro3.core  # noqa: F401
    import obstore
    from obstore.store import S3Store

    options, bucket = task["options"]["storage_options"], task["url"].partition("://")[2]
    store = S3Store(
        bucket,
        endpoint=options["endpoint_url"],
        access_key_id=options["key"],
        secret_access_key=options["secret"],
        region="us-east-1",
        client_options={"allow_http": True},
    )
    idle = peak()
    started, used = time.perf_counter(), time.process_time()
    for _ in obstore.list(store, chunk_size=1000, return_arrow=True):
        pass
    told = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
        "memory": peak() - idle,
    }
    print(json.dumps(told))


def measure(task: dict[str, Any]) -> None:
    """In the child: one scan, and what it took."""
    if task["options"].get("lister") == "bare obstore":
        measure_bare(task)
        return
    import fsspec
    import upath  # noqa: F401

    import pathvein
    import pathvein._remote

    if task["paramiko"]:
        from fsspec.implementations.sftp import SFTPFileSystem

        fsspec.register_implementation("sftp", SFTPFileSystem, clobber=True)
    protocol = task["url"].partition(":")[0]
    fsspec.get_filesystem_class(protocol)
    if task["options"].get("lister") == "obstore":
        import obstore  # noqa: F401
    pattern = pathvein.FileStructurePattern("d*", files=["f*1"])
    idle = peak()
    threads = cpu_by_thread()
    started, used = time.perf_counter(), time.process_time()
    with pathvein.iscan(task["url"], pattern, **task["options"]) as stream:
        matches = sum(1 for _ in stream)
    told = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
        "threads": [now - then for now, then in zip(cpu_by_thread(), threads, strict=True)],
        "memory": peak() - idle,
        "matches": matches,
        "requests": stream.stats.requests,
        "directories": stream.stats.directories,
        "errors": stream.stats.errors,
    }
    print(json.dumps(told))


def run(url: str, paramiko: bool = False, **options: Any) -> dict[str, Any]:
    """Measures in a child."""
    task = json.dumps({"url": url, "options": options, "paramiko": paramiko})
    done = subprocess.run(
        [sys.executable, __file__, "--child", task], stdout=subprocess.PIPE, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def best(times: int, url: str, **options: Any) -> dict[str, Any]:
    """The fastest of several runs, with the least processor time of any of them."""
    runs = [run(url, **options) for _ in range(times)]
    least = min(runs, key=lambda told: told["cpu"])
    fastest = min(runs, key=lambda told: told["seconds"])
    return fastest | {name: least[name] for name in ("cpu", "threads") if name in least}


# S3 -----------------------------------------------------------------------------------------


def measure_s3(times: int, only: str) -> None:
    """The table of buckets."""
    from servers.list_stub import ListStub

    print(
        "| bucket | wanted | least | way | matches | requests | probes | s | CPU s "
        "| caller, loop, others | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with ListStub() as stub:
        for name, (keys, wanted) in buckets().items():
            if only not in name:
                continue
            bucket = stub.bucket(keys, latency=LATENCY)
            for lister in ("fsspec", "obstore", "bare obstore"):
                if lister == "bare obstore":
                    # One request after the other: it would wait for most of the time.
                    bucket = stub.bucket(keys)
                told = best(times, bucket.url, storage_options=bucket.options, lister=lister)
                bucket.forget()
                run(bucket.url, storage_options=bucket.options, lister=lister)
                log = bucket.requests()
                probes = sum(1 for request in log if request.delimiter)
                threads = ", ".join(f"{seconds:.2f}" for seconds in told.get("threads", ()))
                print(
                    f"| {name} | {wanted} | {-(-len(keys) // 1000)} | {lister} "
                    f"| {told.get('matches', '')} | {len(log)} | {probes} "
                    f"| {told['seconds']:.2f} | {told['cpu']:.2f} | {threads} "
                    f"| {told['memory']:.0f} |",
                    flush=True,
                )


# SFTP, archives -----------------------------------------------------------------------------


class Proxy:
    """Passes a TCP connection on, each way so many seconds late."""

    def __init__(self, port: int, delay: float) -> None:
        self._to = port
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._tasks: set[Any] = set()
        ready = threading.Event()
        threading.Thread(target=self._serve, args=(ready,), daemon=True).start()
        ready.wait(10)

    def _serve(self, ready: threading.Event) -> None:
        async def begin() -> None:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()

        asyncio.set_event_loop(self._loop)
        self._tasks.add(self._loop.create_task(begin()))
        self._loop.run_forever()

    async def _accept(self, reader: Any, writer: Any) -> None:
        out_reader, out_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._pass(reader, out_writer), self._pass(out_reader, writer))

    async def _pass(self, reader: Any, writer: Any) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                self._loop.call_later(self._delay, writer.write, data)
        self._loop.call_later(self._delay, writer.close)

    def stop(self) -> None:
        """Ends it."""
        self._loop.call_soon_threadsafe(self._loop.stop)


def measure_sftp(times: int) -> None:
    """411 directories, 4,000 files, at 20 ms."""
    from servers.process import Missing
    from servers.sftp import Paramiko, Sshfs

    print("\n| SFTP at 20 ms, 411 directories | wanted | requests | s | CPU s |")
    print("|---|---|---|---|---|")
    for store_class, wanted in ((Sshfs, "2 s"), (Paramiko, "6 s")):
        store = store_class()
        try:
            store.start()
        except Missing as missing:
            print(f"| {store.name} | {wanted} | cannot run: {missing} |")
            continue
        proxy = Proxy(store.port, 0.01)
        try:
            with tempfile.TemporaryDirectory(dir=store.served) as top:
                for group in range(10):
                    for directory in range(40):
                        path = Path(top, f"g{group}", f"d{directory}")
                        path.mkdir(parents=True)
                        for number in range(10):
                            (path / f"f{number}").touch()
                os.chmod(top, 0o755)
                place = store.place(Path(top))
                options = {**place.options, "port": proxy.port}
                told = best(
                    times,
                    place.url,
                    storage_options=options,
                    paramiko=store_class is Paramiko,
                )
                assert told["directories"] == 411, told
                print(
                    f"| {store.name} | {wanted} | {told['requests']} | {told['seconds']:.2f} "
                    f"| {told['cpu']:.2f} |",
                    flush=True,
                )
        finally:
            proxy.stop()
            store.stop()


def measure_archives(times: int) -> None:
    """4,000 entries in 400 directories."""
    print("\n| archive of 4,000 entries | wanted | s |")
    print("|---|---|---|")
    names = [f"g{g:02}/d{d:02}/f{f}" for g in range(20) for d in range(20) for f in range(10)]
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(f"{folder}/x.zip", "w") as zipped:
            for name in names:
                zipped.writestr(name, "")
        with tarfile.open(f"{folder}/x.tar", "w") as tarred:
            for name in names:
                tarred.addfile(tarfile.TarInfo(name), io.BytesIO())
        for kind in ("zip", "tar"):
            told = best(times, f"{kind}://::file://{folder}/x.{kind}")
            print(f"| {kind} | 0.2 s | {told['seconds']:.3f} |", flush=True)


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="take the best of so many")
    parts = ["s3", "sftp", "archives", "paths"]
    parser.add_argument("--part", choices=parts, help="that table alone")
    parser.add_argument("--only", default="", help="buckets whose name holds this; no others")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measure(json.loads(arguments.child))
        return
    wanted = {arguments.part} if arguments.part else {"s3"} if arguments.only else set(parts)
    if "s3" in wanted:
        measure_s3(arguments.times, arguments.only)
    if "sftp" in wanted:
        measure_sftp(arguments.times)
    if "archives" in wanted:
        measure_archives(arguments.times)
    if "paths" in wanted:
        from result_paths import measure_paths

        measure_paths(arguments.times)


if __name__ == "__main__":
    main()
