"""What a store for the tests can do: hold a tree, and say where it is."""

from __future__ import annotations

import abc
import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trees
from reference import Tree


@dataclass(frozen=True)
class Place:
    """Where something was put: what a user would pass to `scan`."""

    url: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def upath(self) -> Any:
        from upath import UPath

        return UPath(self.url, **self.options)

    def below(self, rel: str) -> Place:
        return Place(f"{self.url}/{rel}", self.options)


class Store(abc.ABC):
    """A store, started once and filled with many trees."""

    #: What tests are called after.
    name: str
    #: Which part of the examples of a random test: less where a scan is slow.
    share = 0.2

    def start(self) -> None:  # noqa: B027  (some need nothing)
        """Start what serves it; raises `Missing` if that is not installed."""

    def renew(self) -> None:  # noqa: B027
        """Called before each test that uses it."""

    def stop(self) -> None:  # noqa: B027
        """Stop it; nothing of it is left."""

    def can_hold(self, name: str) -> bool:
        """Whether an entry may have this name here."""
        # None of the protocols carries anything but UTF-8.
        return is_utf8(name)

    @abc.abstractmethod
    def tree(self, value: Tree) -> contextlib.AbstractContextManager[Place]:
        """A directory called ``src`` that holds this, beside others of like names."""


def is_utf8(name: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in name)


def content_of(key: str) -> bytes:
    """What an object holds: nothing if it only stands for a directory."""
    return b"" if not key or key.endswith("/") else b"x"


def keys_of(value: Tree, prefix: str) -> Iterator[str]:
    """The keys that make a tree in an object store; a marker where a directory is empty."""
    if not value.dirs and not value.files:
        yield prefix
    for name in value.files:
        yield prefix + name
    for name, below in value.dirs.items():
        yield from keys_of(below, f"{prefix}{name}/")


class KeyStore(Store):
    """One that holds any keys, and knows directories only by the slashes in them."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def new_bucket(self) -> str:
        return f"pathvein-{next(self._numbers)}"

    @abc.abstractmethod
    def keys(self, keys: Iterable[str]) -> Place:
        """The root of a new bucket with just these keys."""

    def put(self, place: Place, key: str) -> None:
        """One more key, in a bucket that there is."""
        raise NotImplementedError

    @contextlib.contextmanager
    def tree(self, value: Tree) -> Iterator[Place]:
        siblings = ["src-/x", "src.txt", "src0/x", "sr/x", "SRC/x"]
        yield self.keys([*siblings, *keys_of(value, "src/")]).below("src")


class DiskStore(Store):
    """One that serves a directory of this machine."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    @property
    def served(self) -> Path:
        """The directory; made when it is first asked for, gone after `stop`."""
        if not hasattr(self, "_served"):
            base = tempfile.mkdtemp(prefix="pathvein-served-", dir=trees.public_base(fast=True))
            os.chmod(base, 0o755)
            self._served = Path(base).resolve()
        return self._served

    def stop(self) -> None:
        if hasattr(self, "_served"):
            trees.remove(self._served)

    @abc.abstractmethod
    def place(self, path: Path) -> Place:
        """Where the server shows this directory below `served`."""

    @contextlib.contextmanager
    def spec(self, spec: trees.Dir) -> Iterator[tuple[Path, Place]]:
        """Any tree that a disk can hold: its path there, and the place of its ``src``."""
        top = self.served / str(next(self._numbers))
        trees.build(top, spec)
        try:
            yield top, self.place(top / "src")
        finally:
            trees.remove(top)

    @contextlib.contextmanager
    def tree(self, value: Tree) -> Iterator[Place]:
        siblings = {name: trees.tree("x") for name in ("src-", "src0", "sr", "SRC")}
        world = trees.Dir({"src": as_spec(value), "src.txt": trees.File(), **siblings})
        with self.spec(world) as (_, place):
            yield place


def as_spec(value: Tree) -> trees.Dir:
    """The value as a tree to be built; no name may be file and directory."""
    assert not set(value.dirs) & set(value.files)
    files: dict[str, trees.Entry] = {name: trees.File() for name in value.files}
    return trees.Dir({**files, **{name: as_spec(below) for name, below in value.dirs.items()}})
