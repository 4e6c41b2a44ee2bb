"""The fixtures of the site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

import built_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The directory that it was built into."""
    base = tmp_path_factory.getbasetemp()
    return built_site.build((base if worker_id == "master" else base.parent) / "site")


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where it is served."""
    with built_site.served(site) as address:
        yield address
