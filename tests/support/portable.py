"""The copiers of this machine: the core's, and the one in Python that Windows has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pathvein_core
import pytest

from pathvein._copying import here, portable

#: What a test is parametrized with that is held against both.
COPIERS = ["core", "portable"] if hasattr(pathvein_core, "Copy") else ["portable"]


def use(monkeypatch: pytest.MonkeyPatch, copier: str) -> None:
    """From here on, copies on this machine are made by this one."""
    made_by = pathvein_core if copier == "core" else portable
    for name in ("Copy", "Plan", "Staging"):
        monkeypatch.setattr(here, name, getattr(made_by, name))


@contextlib.contextmanager
def used(copier: str) -> Iterator[None]:
    """The same for a while."""
    with pytest.MonkeyPatch.context() as patch:
        use(patch, copier)
        yield
