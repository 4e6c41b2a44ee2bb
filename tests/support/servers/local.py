"""Stores that need no server: memory and archives."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from reference import Tree

from .store import KeyStore, Place, Store, keys_of


class Memory(KeyStore):
    """fsspec's, which all of a process shares."""

    name = "memory"

    def keys(self, keys: Iterable[str]) -> Place:
        from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

        fs = MemoryFileSystem()
        bucket = f"/pathvein-{os.getpid()}-{self.new_bucket()}"
        fs.pseudo_dirs.append(bucket)
        for key in keys:
            fs.store[f"{bucket}/{key}"] = MemoryFile(fs, f"{bucket}/{key}", b"")
        return Place(f"memory:/{bucket}")

    def stop(self) -> None:
        from fsspec.implementations.memory import MemoryFileSystem

        mine = f"/pathvein-{os.getpid()}-pathvein-"
        for key in [key for key in MemoryFileSystem.store if key.startswith(mine)]:
            del MemoryFileSystem.store[key]
        kept = [d for d in MemoryFileSystem.pseudo_dirs if not d.startswith(mine)]
        MemoryFileSystem.pseudo_dirs[:] = kept


class _Archive(Store):
    @contextlib.contextmanager
    def tree(self, value: Tree) -> Iterator[Place]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder).resolve() / "archive"
            self.write(path, ["srcs/x", *keys_of(value, "src/")])
            yield Place(f"{self.name}://src::file://{path}")

    def write(self, path: Path, keys: list[str]) -> None:
        raise NotImplementedError


class Zip(_Archive):
    name = "zip"

    def write(self, path: Path, keys: list[str]) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for key in keys:
                archive.writestr(key, b"")


class Tar(_Archive):
    name = "tar"

    def write(self, path: Path, keys: list[str]) -> None:
        with tarfile.open(path, "w") as archive:
            for key in keys:
                member = tarfile.TarInfo(key.rstrip("/"))
                member.type = tarfile.DIRTYPE if key.endswith("/") else tarfile.REGTYPE
                archive.addfile(member, io.BytesIO())
