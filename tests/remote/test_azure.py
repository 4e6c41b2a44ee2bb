"""Azure: which requests are sent, and what comes of blobs that stand for directories."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fsspec")
pytest.importorskip("obstore")

from pathvein_core import KeyWalk

from cloud import tree_of, walked
from pathvein import FileStructurePattern as P
from pathvein import ScanWarning, scan
from pathvein._remote.errors import Disordered, FlatDenied
from pathvein._remote.stores.azure import AzureStore, has_virtual_directory, is_directory
from pathvein._remote.stores.obstore import ObstoreStore
from profiles import share
from reference import walk_tree
from servers.azure import ACCOUNT, KEY, Azurite
from servers.store import Place
from test_flat import Failures, in_one_go, listed, tidy

FOLDER = {"hdi_isfolder": "true"}

# Orders in which a store may tell its keys


def by_bytes(name: str) -> Any:
    return name.encode()


def by_utf_16(name: str) -> Any:
    return name.encode("utf-16-be")


def by_components(name: str) -> Any:
    return name.split("/")


class Denied(Exception):
    status_code = 403


class FakeAzure:
    """A container as adlfs's client shows it; and the file system that leads to it."""

    def __init__(
        self,
        blobs: Mapping[str, bool],
        *,
        hierarchical: bool | None = False,
        order: Callable[[str], Any] = by_bytes,
    ) -> None:
        """`blobs` tells of each if it is marked as a directory."""
        self.blobs = blobs
        self.names = sorted(blobs, key=order)
        self.is_sorted = order is by_bytes
        self.hierarchical = hierarchical
        self.account_asked = 0
        self.service_client = self

    def get_container_client(self, name: str) -> FakeAzure:
        assert name == "c"
        return self

    async def get_account_information(self, *, retry_total: int) -> dict[str, Any]:
        assert retry_total == 0
        self.account_asked += 1
        if self.hierarchical is None:
            raise Denied
        return {"is_hns_enabled": self.hierarchical}

    def list_blobs(self, **query: Any) -> Pages:
        return Pages(self, "", **query)

    def walk_blobs(self, **query: Any) -> Pages:
        return Pages(self, "/", **query)


class Pages:
    def __init__(
        self,
        container: FakeAzure,
        delimiter: str,
        *,
        name_starts_with: str | None,
        include: list[str],
        results_per_page: int,
        retry_total: int,
    ) -> None:
        assert (include, retry_total) == (["metadata"], 0)
        self.prefix = name_starts_with or ""
        self.most = results_per_page
        self.continuation_token: str | None = None
        entries: dict[str, bool] = {}
        for name in container.names:
            if name.startswith(self.prefix):
                slash = name.find("/", len(self.prefix)) if delimiter else -1
                entries[name if slash < 0 else name[: slash + 1]] = slash >= 0
        self.entries = list(entries.items())
        self.blobs = container.blobs

    def by_page(self, continuation_token: str | None) -> Pages:
        self.begin = int(continuation_token or 0)
        return self

    async def __anext__(self) -> AsyncIterator[Any]:
        await asyncio.sleep(0)
        some = self.entries[self.begin : self.begin + self.most]
        more = self.begin + self.most < len(self.entries)
        self.continuation_token = str(self.begin + self.most) if more else ""

        async def told() -> AsyncIterator[Any]:
            for name, is_prefix in sorted(some, key=lambda entry: not entry[1]):
                if is_prefix:
                    yield SimpleNamespace(name=name, prefix=name)
                else:
                    metadata = FOLDER if self.blobs[name] else None
                    yield SimpleNamespace(name=name, metadata=metadata)

        return told()


class Logged(AzureStore):
    """Keeps what `listed` wants to see, and how many markers were held back at most."""

    def __init__(self, fs: Any, base: str = "c", page_size: int = 3) -> None:
        super().__init__(fs, base)
        self.page_size = page_size
        self.log: list[tuple[str, str, bool]] = []
        self.most_in_flight = 0
        self.most_held = 0

    async def page(self, prefix: str, after: str, end: Any, token: Any, *, delimiter: bool) -> Any:
        self.log.append((prefix, after, delimiter))
        page = await super().page(prefix, after, end, token, delimiter=delimiter)
        if self.fs.is_sorted:
            assert page.keys == sorted(set(page.keys))
            assert page.prefixes == sorted(set(page.prefixes))
        if page.token is not None:
            self.most_held = max(self.most_held, len(page.token[1]))
        return page


def walk(store: Logged) -> tuple[list[Any], Failures]:
    found, _, failures, _ = listed(store, KeyWalk(), 4)  # type: ignore[arg-type]
    return tidy(found), failures


def expected(blobs: Mapping[str, bool]) -> list[Any]:
    keys = [f"{name}/" if marked else name for name, marked in blobs.items()]
    return tidy(in_one_go(keys, KeyWalk())[0])


def levels(store: Logged) -> list[Any]:
    """What a walk with delimiters gives, all pages of each directory."""

    async def run(level: str) -> list[Any]:
        keys: list[str] = []
        prefixes: list[str] = []
        token = None
        while True:
            page = await store.page(level, "", None, token, delimiter=True)
            keys += page.keys
            prefixes += page.prefixes
            token = page.token
            if token is None:
                break
        rows = [
            (
                level.rstrip("/"),
                [name[len(level) : -1] for name in prefixes if name != level],
                [name[len(level) :] for name in keys if name != level],
            )
        ]
        for name in prefixes:
            rows += await run(name) if name != level else []
        return rows

    return tidy(asyncio.run(run("")))


COMPONENTS = ["a", "b", "a0", "a-", "a.", "a!", "é", "z"]
names = st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=4).map("/".join)
containers = st.dictionaries(names, st.booleans(), max_size=30)


@share(2)
@given(containers, st.integers(1, 6), st.sampled_from([False, None]))
def test_directories_that_are_blobs_are_told_once_and_in_order(
    blobs: dict[str, bool], page_size: int, hierarchical: bool | None
) -> None:
    """Whatever page the blob is on, and whatever page its place is on."""
    fs = FakeAzure(blobs, hierarchical=hierarchical)
    store = Logged(fs, page_size=page_size)
    try:
        found, failures = walk(store)
    except FlatDenied:
        assert hierarchical is None
        found, failures = levels(store), []
    assert not failures
    assert found == expected(blobs)
    assert levels(store) == expected(blobs)
    # What waits begins like the last name.
    assert store.most_held <= max(map(len, blobs), default=0)


def test_pages_of_nothing_but_directories() -> None:
    """No more of them wait than there are beginnings of one name."""
    blobs = dict.fromkeys([f"d{number:03}" for number in range(200)], True)
    blobs |= dict.fromkeys(["x" + "-" * length for length in range(19)], True)
    store = Logged(FakeAzure(blobs), page_size=5)
    assert walk(store) == (expected(blobs), [])
    assert 15 <= store.most_held <= 19


def test_a_place_that_is_pages_behind_the_blob() -> None:
    blobs = {"d": True} | {f"d-{number:02}": False for number in range(20)}
    blobs |= {f"d.{number:02}/f": False for number in range(20)} | {"d/f": False, "e": False}
    store = Logged(FakeAzure(blobs), page_size=2)
    assert walk(store) == (expected(blobs), [])
    assert levels(store) == expected(blobs)


# Hierarchical namespaces

#: With the blobs that stand for the directories, an empty one among them.
HIERARCHY = dict.fromkeys(("a", "a/b", "a.d", "e", "z"), True)
HIERARCHY |= dict.fromkeys(("a/b/f", "a/c", "a-", "z/f", "z-f"), False)


@pytest.mark.parametrize("hierarchical", [True, None])
@pytest.mark.parametrize("order", [by_bytes, by_components])
@pytest.mark.parametrize("page_size", [1, 2, 3, 5])
def test_a_hierarchical_namespace_is_listed_with_delimiters(
    hierarchical: bool | None, order: Callable[[str], Any], page_size: int
) -> None:
    """Also where only the keys tell that it is one."""
    fs = FakeAzure(HIERARCHY, hierarchical=hierarchical, order=order)
    store = Logged(fs, page_size=page_size)
    with pytest.raises((FlatDenied, Disordered)):
        walk(store)
    assert fs.account_asked == 1
    assert levels(store) == expected(HIERARCHY)
    assert fs.account_asked == 1


@pytest.mark.parametrize("order", [by_bytes, by_components])
def test_where_nobody_tells_one_page_is_enough(order: Callable[[str], Any]) -> None:
    store = Logged(FakeAzure(HIERARCHY, hierarchical=None, order=order), page_size=50)
    assert walk(store) == (expected(HIERARCHY), [])
    assert len(store.log) == 1


def test_where_nobody_tells_a_directory_without_a_blob_does() -> None:
    blobs = {f"d{number}/f": False for number in range(9)} | {"a": True, "a/f": False}
    fs = FakeAzure(blobs, hierarchical=None)
    store = Logged(fs)
    assert walk(store) == (expected(blobs), [])
    assert fs.account_asked == 1


@pytest.mark.parametrize(
    ("keys", "virtual"),
    [
        ([], False),
        (["a", "b"], False),
        (["a/", "a/b", "a/c/", "a/c/d"], False),
        (["a/", "a/b", "a/c/d"], True),
        (["a/b"], True),
        (["a/b/"], True),
    ],
)
def test_what_shows_that_directories_are_only_keys(keys: list[str], virtual: bool) -> None:
    assert has_virtual_directory(keys) is virtual


# Other orders


def test_keys_in_the_order_of_utf_16() -> None:
    """Where it differs from that of bytes it is seen, at first or later, and nothing is lost."""
    high, astral = "\uff0f", "\U0001f600"
    for count in (1, 2, 5, 40):
        blobs = dict.fromkeys(
            [
                *(f"{name}{i:02}{f}" for name in (high, astral) for i in range(count)
                  for f in ("/f", "/g", "x")),
                *(f"a{i}" for i in range(5)),
            ],
            False,
        )  # fmt: skip
        for page_size in range(1, 12):
            store = Logged(FakeAzure(blobs, order=by_utf_16), page_size=page_size)
            try:
                found, failures = walk(store)
            except Disordered:
                assert levels(store) == expected(blobs)
                continue
            assert found == expected(blobs) or failures


@pytest.mark.parametrize("high", ["/f", "x"])
def test_a_level_in_another_order_is_not_cut(high: str) -> None:
    """Where a range ends is a matter of the order: nothing after an end is asked for."""
    blobs = {f"{top}/{n:03}": False for top in ("a", "\U0001f600") for n in range(60)}
    blobs["\uff0f" + high] = False
    store = Logged(FakeAzure(blobs, order=by_utf_16), page_size=5)
    found, failures = walk(store)
    assert any(delimiter for _, _, delimiter in store.log)
    assert found == expected(blobs) or failures


def test_keys_in_any_order_are_not_taken_for_sorted() -> None:
    """A disorder within a page, between pages, and of the directories among them."""
    blobs = {f"k{number:02}": number % 7 == 3 for number in range(20)}
    whole = expected(blobs)
    for swapped in range(19):
        fs = FakeAzure(blobs)
        fs.is_sorted = False
        fs.names[swapped], fs.names[swapped + 1] = fs.names[swapped + 1], fs.names[swapped]
        for page_size in (2, 3):
            try:
                found, failures = walk(Logged(fs, page_size=page_size))
            except Disordered:
                continue
            # Two directories may change places where nobody can tell.
            assert failures or found == whole, (swapped, page_size)


def test_a_page_out_of_order_is_shown_as_it_is() -> None:
    fs = FakeAzure(dict.fromkeys("abcd", False))
    fs.is_sorted = False
    fs.names = ["a", "c", "b", "d"]
    with pytest.raises(Disordered):
        walk(Logged(fs))


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, False),
        ({"hdi_isfolder": "true"}, True),
        ({"Hdi_isfolder": "true"}, True),
        ({"hdi_isfolder": "false"}, False),
        ({"is_directory": "true"}, True),
        ({"is_directory": "false", "hdi_isfolder": "true"}, False),
        ({"is_directory": "false"}, False),
    ],
)
def test_which_blobs_are_directories(metadata: dict[str, str], told: bool) -> None:
    assert is_directory(metadata) is told


# Azurite

on_azurite = pytest.mark.parametrize("store", ["azure"], indirect=True)


def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What lists: the path's query and the page asked for, as they are sent."""
    from azure.core.pipeline.transport import AioHttpTransport

    sent: list[tuple[str, str]] = []
    send = AioHttpTransport.send

    async def note(self: Any, request: Any, **options: Any) -> Any:
        if request.query.get("comp") in ("list", "properties"):
            sent.append((request.query["comp"], request.query.get("maxresults", "")))
        return await send(self, request, **options)

    monkeypatch.setattr(AioHttpTransport, "send", note)
    return sent


@on_azurite
def test_many_pages_of_azure(store: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flat and with delimiters, with markers on both sides of pages' borders."""
    keys = [f"d{i:02}/f{j:02}" for i in range(12) for j in range(20)]
    keys += [f"d{i:02}{other}" for i in range(12) for other in ("-/x", ".y", "/", "/sub/")]
    keys += [f"e{i:02}/" for i in range(30)]
    place = store.keys(f"src/{key}" for key in keys)
    folders = [f"d{i:02}" for i in range(12)] + [f"g{i:02}" for i in range(30)] + ["d03/deep"]
    for name in folders:
        store.put_folder(place, f"src/{name}")
    source = place.below("src").upath
    value = walk_tree(tree_of([*keys, *(f"{name}/" for name in folders)]))
    sent = requests(monkeypatch)
    assert walked(source) == value
    assert sent.count(("list", "5000")) == 1
    for size in (7, 40, 101):
        monkeypatch.setattr(AzureStore, "page_size", size)
        sent.clear()
        assert walked(source, on_error="raise") == value
        assert sent.count(("list", str(size))) > len(value) / size
        assert sent.count(("properties", "")) == 1
    # By levels, as in a hierarchical namespace.
    monkeypatch.setattr(AzureStore, "page_size", 5)

    async def is_hierarchical(self: AzureStore) -> bool:
        return True

    monkeypatch.setattr(AzureStore, "hierarchical", is_hierarchical)
    sent.clear()
    assert walked(source, on_error="raise") == value
    assert len(sent) > len(value)
    found = scan(source, P("d03", files=["f00", "f19"], directories=[P("deep"), P("sub")]))
    assert [result.source.name for result in found] == ["d03"]


@on_azurite
def test_a_source_that_is_only_a_blob_marked_as_a_directory(store: Azurite) -> None:
    place = store.keys(["other"])
    store.put_folder(place, "src")
    assert walked(place.below("src").upath) == [("", [], [])]
    assert walked(place.upath) == [("", ["src"], ["other"]), ("src", [], [])]


def plain(number: int) -> list[str]:
    return [f"d{i:02}/f{j}" for i in range(number // 4) for j in range(4)]


@on_azurite
def test_obstore_lists_azure_page_by_page(store: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no warning, which would be an error here; and only what it can tell."""
    monkeypatch.setattr(ObstoreStore, "page_size", 7)
    keys = plain(60)
    place = store.keys([f"src/{key}" for key in keys])
    source = place.below("src").upath
    value = walk_tree(tree_of(keys))
    assert walked(source, lister="obstore", on_error="raise") == value
    # All in one directory: then nothing tells that there are no directories that are blobs.
    with pytest.warns(ScanWarning, match="cannot be told if its namespace"):
        listed = walked(store.keys([f"f{n:02}" for n in range(9)]).upath, lister="obstore")
    assert len(listed[0][2]) == 9
    store.put_folder(place, "src/empty")
    with pytest.warns(ScanWarning, match="empty objects"):
        assert ("empty", [], []) in walked(source, lister="obstore")

    async def is_hierarchical(self: AzureStore) -> bool:
        return True

    monkeypatch.setattr(AzureStore, "hierarchical", is_hierarchical)
    with pytest.warns(ScanWarning, match="hierarchical"):
        assert ("empty", [], []) in walked(source, lister="obstore")


@on_azurite
@pytest.mark.parametrize("lister", ["fsspec", "obstore"])
def test_signatures_that_azure_checks(store: Azurite, lister: Any) -> None:
    """The account's key, and a signature that allows no more than to list one container."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    place = store.keys(["src/d/f", "src/g"])
    container = place.url.removeprefix("az://")
    endpoint = f"BlobEndpoint=http://127.0.0.1:{store.port}/{ACCOUNT}"

    def signed(**allowed: bool) -> dict[str, str]:
        sas = generate_container_sas(
            ACCOUNT,
            container,
            KEY,
            permission=ContainerSasPermissions(**allowed),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        return {"connection_string": f"{endpoint};SharedAccessSignature={sas}"}

    value = [("", ["d"], ["g"]), ("d", [], ["f"])]
    for options in (place.options, signed(list=True)):
        assert walked(Place(f"{place.url}/src", options).upath, lister=lister) == value
    wrong = {"connection_string": f"{endpoint};AccountName={ACCOUNT};AccountKey=AAAA{KEY[4:]}"}
    for options in (signed(read=True), wrong):
        with pytest.raises(PermissionError) as caught:
            scan(f"{place.url}/src", P("*"), storage_options=options, lister=lister)
        assert caught.value.filename == f"{place.url}/src"
