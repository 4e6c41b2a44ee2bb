"""The fixtures of all rooms, and what a run with several workers needs."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

import browser as browsers
import built_once
import built_site
import company
import profiles
import trees
from quick_clients import quick_clients
from servers import Servers
from servers.list_stub import ListStub
from servers.process import Missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """In one of several workers, a test waits until the others let it."""
    # On Windows nothing that is there can be locked, and what has to be alone is not run.
    if not hasattr(item.config, "workerinput") or os.name == "nt":
        return (yield)
    with company.turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, and skip what another system cannot do, as the markers say."""
    if not profiles.IS_LONG:
        too_long = [
            item
            for item in items
            if item.get_closest_marker("long") is not None and not is_asked_for(item)
        ]
        if too_long:
            config.hook.pytest_deselected(items=too_long)
            left_out = set(too_long)
            items[:] = [item for item in items if item not in left_out]
    for name, is_here in (("unix", os.name != "nt"), ("linux", sys.platform == "linux")):
        for item in items:
            if not is_here and (mark := item.get_closest_marker(name)) is not None:
                item.add_marker(pytest.mark.skip(reason=f"{name}: {mark.args[0]}"))


def is_asked_for(item: pytest.Item) -> bool:
    """Whether the command line has the test by its name."""
    for argument in item.config.args:
        path, colons, name = argument.partition("::")
        here = item.config.invocation_params.dir / path
        if colons and here.resolve() == item.path.resolve():
            own = item.nodeid.partition("::")[2]
            if own == name or own.startswith((f"{name}[", f"{name}::")):
                return True
    return False


@pytest.fixture
def make() -> Iterator[trees.Make]:
    """``make(spec)`` builds a tree and gives its path; all are removed at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda spec: stack.enter_context(trees.built(spec))


@pytest.fixture
def make_fast() -> Iterator[trees.Make]:
    """As ``make``, in memory rather than on a disk, for large trees."""
    with contextlib.ExitStack() as stack:
        yield lambda spec: stack.enter_context(trees.built(spec, fast=True))


@pytest.fixture
def endless(make: trees.Make) -> Path:
    """A tree that no scan with ``follow_links`` gets to the end of, on 90 entries of disk.

    Each directory holds two links to the next one: 2**30 paths, none of them a loop.
    """
    levels = 30
    spec = trees.Dir()
    for level in range(levels):
        below = f"d{level + 1}"
        spec.entries[f"d{level}"] = trees.Dir(
            {"x": trees.Link(to=below), "y": trees.Link(to=below), "f": trees.File()}
        )
    spec.entries[f"d{levels}"] = trees.Dir({"end": trees.File()})
    return make(spec) / "d0"


@pytest.fixture(scope="session")
def s3_clients() -> Iterator[None]:
    """Clients of S3 are made quickly."""
    with quick_clients():
        yield


# Servers ------------------------------------------------------------------------------------

_wanted: set[str] = set()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which stores the chosen tests will ask for; one worker of several cannot know."""
    # All that was imported stays to the end: the collections that tests ask for need not look
    # through it, nor write to its pages in each forked child.
    gc.collect()
    gc.freeze()
    if hasattr(session.config, "workerinput"):
        return
    for item in session.items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and isinstance(name := callspec.params.get("store"), str):
            _wanted.add(name.partition(" by ")[0])


@pytest.fixture(scope="session")
def servers(s3_clients: None) -> Iterator[Servers]:
    """The servers: those that are known to be wanted start side by side, others when asked for."""
    pytest.importorskip("upath")
    running = Servers()
    try:
        running.start(_wanted)
        yield running
    finally:
        running.stop()


@pytest.fixture
def started(servers: Servers) -> Callable[[str], Any]:
    """``started(name)`` is the store of that name, for tests that need several."""

    def get(name: str) -> Any:
        try:
            server = servers.get(name)
        except Missing as missing:
            _missing(f"{name} is missing; it takes: {missing}")
        server.renew()
        return server

    return get


@pytest.fixture
def store(request: pytest.FixtureRequest, started: Callable[[str], Any]) -> Any:
    """The store of the name that the test is parametrized with; "gcs by obstore" is gcs again.

    Then whatever the test scans or walks is listed by obstore, as if each call had said so.
    """
    name, _, lister = request.param.partition(" by ")
    if lister:
        pytest.importorskip(lister)
        from pathvein import _remote

        opened = _remote.open_source

        def open_source(source: Any, options: Any, concurrency: Any, _: str) -> Any:
            return opened(source, options, concurrency, lister)

        request.getfixturevalue("monkeypatch").setattr(_remote, "open_source", open_source)
    return started(name)


def _missing(message: str) -> NoReturn:
    """What a test needs is not installed, which in CI is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def stub(s3_clients: None) -> Iterator[ListStub]:
    """The S3 that only lists."""
    with ListStub() as running:
        yield running


# The browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module.

    No longer, since the event loop that drives it runs in the thread of the tests, where others
    start loops of their own.
    """
    try:
        with browsers.chromium() as running:
            yield running
    except browsers.Missing as missing:
        _missing(f"the browser is missing; it takes: {missing}")


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[browsers.Show]:
    """``show(report)`` opens its page, or that in a file; it may do nothing that it should not."""
    opened: list[browsers.Watched] = []

    def show(report: Any, **options: Any) -> browsers.Watched:
        from pathvein import _page

        watched = browsers.Watched(browser, **options)
        opened.append(watched)
        file = report if isinstance(report, Path) else tmp_path / f"report-{len(opened)}.html"
        if file is not report:
            file.write_text(_page.render(report), encoding="utf-8")
        watched.open(file)
        return watched

    yield show
    faults = [fault for each in opened for fault in each.faults]
    for each in opened:
        each.close()
    assert faults == []


# The site -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The directory of the site, which one of the workers has built."""
    pytest.importorskip("mkdocs")
    return built_site.build(built_once.base(tmp_path_factory, worker_id) / "site")


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where it is served."""
    with built_site.served(site) as address:
        yield address
