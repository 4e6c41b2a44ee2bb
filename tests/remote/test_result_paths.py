"""The UPaths of results: those made by filling slots are held against those of `joinpath`."""

from __future__ import annotations

import copy
import errno
import functools
import pickle
import tarfile
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
import upath.core
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath
from upath.implementations.memory import MemoryPath
from upath.registry import register_implementation

import pathvein
from pathvein._remote import result_paths
from pathvein._remote.result_paths import TRIALS, ResultPaths, filled_paths
from pathvein._remote.source import RemoteSource

pytestmark = pytest.mark.filterwarnings("ignore:UPath '.*' filesystem not explicitly implemented")

#: Kinds of file systems. Nothing is connected to.
ROOTS: dict[str, tuple[str, dict[str, Any]]] = {
    "S3": ("s3://bucket/some/pre fix", {"key": "k", "secret": "s", "client_kwargs": {"a": [1]}}),
    "S3 bucket": ("s3://bucket", {"anon": True}),
    "S3 buckets": ("s3://", {"anon": True}),
    "GCS": ("gs://bucket/prefix", {"token": "anon"}),
    "Azure": ("abfs://container@account.dfs.core.windows.net/prefix", {"account_key": "k"}),
    "Azure container": ("az://container", {"account_name": "a"}),
    "Azure containers": ("az://", {"account_name": "a"}),
    "SFTP": ("sftp://user@localhost:2222/some/directory", {}),
    "SFTP root": ("sftp://localhost/", {}),
    "HTTP": ("http://localhost:8080/some/directory/", {"size_policy": "head"}),
    "HTTP query": ("http://localhost/some/directory?x=1", {}),
    "memory": ("memory://some/directory", {}),
    "memory root": ("memory://", {}),
    "zip": ("zip://top::file:///nowhere/x.zip", {}),
    "zip root": ("zip://::s3://bucket/x.zip", {"s3": {"anon": True}}),
    "tar": ("tar://some/top::simplecache::memory:///x.tar", {}),
    "cached": ("simplecache::s3://bucket/prefix", {"s3": {"anon": True}}),
    "cached buckets": ("simplecache::s3://", {"s3": {"anon": True}}),
    "FTP": ("ftp://localhost/some", {}),
    "WebDAV": ("webdav+http://localhost/some", {}),
    "file": ("file:///some/directory", {}),
}
#: Marks that mean something to some parser of paths or URLs.
MARKS = "%#?:;@&=+~!$^*'\"`|<>()[]{},.-_ \\\t\n\r\0\x7f\x85\xa0\u2028\u3000\ufeff\udc80"
#: Names of which everything is compared, and not only the state.
SHOWN_NAMES = (
    "A/b.C/d_e-f",
    " x #1?y=2%41/~z.. ",
    "e\u0301/\udc80\n",
    "10:00:00/a:b",
    "ab::c",
    "[/]",
)
ODD_NAMES = (
    *SHOWN_NAMES,
    *(name for mark in MARKS for name in (f"a{mark}b", f"{mark}a", f"a{mark}")),
    *("plain", "A/b.C/d_e-f", "...", ".hidden", "trailing..", " both ", "a  b", "%41", "%2F", "%"),
    *("?v=1", "a?b#c/d", "a#b?c", "10:00:00", "a:b/c:d", "ab::c", "s3::x", "ab:/c", "http:/x"),
    *("data:x,y", "data:,", "x/data:a,b", "s3:", "c:\\x", "C:", "memory:/x", "~", "~root", "$HOME"),
    *("-", "--", "\u00e9", "e\u0301", "\ufb01", "\u212b", "\u0130\u0131", "\u202e", "\U0001f600"),
    *("C:x", "True1:2/y", " a1:b", "http:x", "x/C:y"),
    *("l" * 300, "l/" * 60 + "l", "host@x", "x.zip", "a;b=c", "[::1]", "..a", "a..", "...."),
)


@functools.cache
def root_of(kind: str) -> Any:
    """The user's UPath, as opening it leaves it: with a file system."""
    url, options = ROOTS[kind]
    root: Any = UPath(url, **options)
    root._fs_cached = object()
    return root


@functools.cache
def paths_of(kind: str) -> ResultPaths:
    """What makes the results below it, once there were enough of them."""
    return after_trials(root_of(kind))


def after_trials(root: Any) -> ResultPaths:
    paths = ResultPaths(root, lambda rel: f"URL of {rel}", local=root.protocol == "file")
    for _ in TRIALS:
        paths.make("few")
    return paths


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it, or how it fails."""
    try:
        return work()
    except Exception as error:
        return type(error), str(error)


def by_joinpath(root: Any, rel: str) -> Any:
    """A result as `joinpath` alone makes it, or why there is none."""
    try:
        path = root.joinpath(*rel.split("/") if ":" in rel else [rel])
    except (NotImplementedError, ValueError) as error:
        return str(error)
    expected = f"{root.path.removesuffix('/')}/{rel}" if root.path else rel
    if path.path.removesuffix("/") != expected and path.protocol != "file":
        return "it changes when it is made a path"
    return path


def by_results(paths: ResultPaths, rel: str) -> Any:
    try:
        return paths.make(rel)
    except OSError as error:
        if (error.errno, error.filename) != (errno.EINVAL, f"URL of {rel}"):
            raise
        return str(error.strerror).partition(": ")[2]


def state(path: Any) -> Any:
    """All that a UPath consists of. Slots that are not set are left out."""
    whole: Any = object.__getstate__(path)
    attributes, slots = whole
    chain = slots.pop("_chain")
    return type(path), attributes, slots, type(chain), object.__getstate__(chain)


def shown(path: Any, root: Any) -> list[Any]:
    """What a user sees of a path, and of what is made of it."""
    again = outcome(lambda: pickle.loads(pickle.dumps(path)))
    names = ("name", "stem", "suffix", "parts", "path", "drive", "root", "anchor", "protocol")
    makers: tuple[Callable[[], Any], ...] = (
        lambda: path / "x",
        lambda: path.joinpath("x:y", "z"),
        lambda: path.parent,
        lambda: path.with_name("new"),
        lambda: path.with_suffix(".new"),
        lambda: path.with_segments(path),
    )

    def told(make: Callable[[], Any]) -> Any:
        made = make()
        return repr(made), made.path, made.fs is path.fs

    works: list[Callable[[], Any]] = [
        *(functools.partial(getattr, path, name) for name in names),
        *(functools.partial(told, make) for make in makers),
        lambda: [str(path), repr(path), path.as_uri(), path.as_posix(), hash(path)],
        lambda: [dict(path.storage_options), id(path.fs), type(again)],
        lambda: [again == path, copy.copy(path) == path, copy.deepcopy(path) == path],
        lambda: [(str(above), above.fs is path.fs) for above in path.parents],
        lambda: [str(path.relative_to(root)), path.relative_to(root).parts],
        lambda: path.is_relative_to(root),
        lambda: repr(UPath(path)),
    ]
    return [outcome(work) for work in works]


def compared(paths: ResultPaths, root: UPath, rel: str) -> tuple[Any, Any]:
    """What is made of a name, and what `joinpath` makes of it, which is the same."""
    made, expected = by_results(paths, rel), by_joinpath(root, rel)
    assert made == expected
    if not isinstance(expected, str):
        assert state(made) == state(expected)
    return made, expected


@pytest.mark.parametrize("kind", ROOTS)
def test_results_are_what_joinpath_makes(kind: str) -> None:
    root, paths = root_of(kind), paths_of(kind)
    assert paths._filled is not None
    for rel in ODD_NAMES:
        made, expected = compared(paths, root, rel)
        if not isinstance(expected, str) and rel in SHOWN_NAMES:
            assert shown(made, root) == shown(expected, root)


def test_times_are_no_protocols() -> None:
    """They are common in the names of runs."""
    filled = paths_of("S3")._filled
    assert filled is not None
    assert filled.make_checked("2026-11-29T10:00:00/x") is not None


@given(
    st.sampled_from(sorted(ROOTS)),
    st.lists(
        st.text(st.sampled_from(MARKS + "aZ9e\u0301") | st.characters(), min_size=1), min_size=1
    ),
)
def test_results_of_any_name(kind: str, components: list[str]) -> None:
    names = "/".join(components).split("/")
    rel = "/".join(name for name in names if name not in ("", ".", "..")) or "x"
    compared(paths_of(kind), root_of(kind), rel)


# Real file systems, opened and read -----------------------------------------------------------


def names_below(top: str) -> list[str]:
    return [
        f"{top}/{name}" for name in (*map("run{:02}".format, range(9)), " #1%41~.", "\u00e9 x..")
    ]


@pytest.mark.parametrize("kind", ["memory", "zip", "tar"])
def test_results_open(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is the same without filling, and is read through the user's file system."""
    files = [f"{name}/f" for name in names_below("top")]
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "x", "w") as zipped:
            for name in files:
                zipped.writestr(name, name)
        source: Any = UPath(f"zip://top::file://{tmp_path}/x")
    elif kind == "tar":
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text(name)
        with tarfile.open(tmp_path / "x", "w") as tarred:
            tarred.add(tmp_path / "top", "top")
        source = UPath(f"tar://top::file://{tmp_path}/x")
    else:
        source = UPath(f"memory://{uuid.uuid4().hex}/top")
        for name in files:
            (source.parent / name).write_text(name)
    pattern = pathvein.FileStructurePattern("*", files=["f"])
    found = {result.source for result in pathvein.scan(source, pattern)}
    assert len(found) == len(files)
    assert sorted((path / "f").read_text() for path in found) == sorted(files)
    assert {path.fs for path in found} == {source.fs}
    monkeypatch.setattr(result_paths, "filled_paths", lambda root: None)
    assert {result.source for result in pathvein.scan(source, pattern)} == found


def test_few_results_cost_no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(result_paths, "filled_paths", tried.append)
    paths = ResultPaths(root_of("memory"), str)
    for count in range(2 * len(TRIALS)):
        assert len(tried) == (count >= len(TRIALS))
        paths.make("few")


def test_plain_names_take_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is what the time is for. Other names are parsed once by the file system's own rules."""
    for kind in ROOTS:
        if "root" in kind or kind.endswith(("buckets", "containers", "file")):
            continue
        filled = paths_of(kind)._filled
        assert filled is not None
        assert filled.plain_will_do, kind
        monkeypatch.setattr(filled, "_strip", None)
        paths_of(kind).make("sub-01/run.1 (copy)")
        with pytest.raises(TypeError):
            paths_of(kind).make("sub-01?")


def test_a_root_whose_file_system_nobody_asked_for() -> None:
    """As with an inventory: nothing is opened for it."""
    root = UPath("s3://bucket/lab")
    filled = filled_paths(root)
    assert filled is not None
    made: Any = filled.make("run_1")
    assert made == root.joinpath("run_1")
    assert not hasattr(made, "_fs_cached")


# Classes and versions that make paths otherwise -----------------------------------------------


def registered(**members: Any) -> Any:
    """The UPath of a user's class of its own protocol, opened, in memory."""
    from fsspec.implementations.memory import MemoryFileSystem

    protocol = f"h{uuid.uuid4().hex[:12]}"
    fs_members = {"protocol": protocol, **members.pop("fs", {})}
    file_system = type("FileSystem", (MemoryFileSystem,), fs_members)
    fsspec.register_implementation(protocol, file_system)
    cls = type("Mine", members.pop("bases", (MemoryPath,)), members)
    register_implementation(protocol, cls)
    root = UPath(f"{protocol}://some/directory", option=1)
    assert type(root) is cls
    root._fs_cached = object()
    return root


def test_classes_of_users_that_make_paths_as_usual() -> None:
    """They may have more methods, and other ones of those that make no paths."""
    for root in (
        registered(),
        registered(__slots__=()),
        registered(
            read_json=lambda self: 1, open=None, __str__=lambda self: "me", _fs_factory=None
        ),
    ):
        paths = after_trials(root)
        assert paths._filled is not None
        for rel in ODD_NAMES:
            compared(paths, root, rel)


class Counted(MemoryPath):
    """What cannot be seen in the state of its paths: something is done for each."""

    made = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        Counted.made += 1
        super().__init__(*args, **options)


class Attributes(MemoryPath):
    def with_segments(self, *segments: Any) -> Any:
        path = super().with_segments(*segments)
        path.note = str(path)  # type: ignore[attr-defined]
        return path


class Lower(MemoryPath):
    @classmethod
    def _transform_init_args(cls, args: Any, protocol: str, options: Any) -> Any:
        return super()._transform_init_args(tuple(map(str.lower, args)), protocol, options)


class Tokens(MemoryPath):
    """Each path has other options."""

    count = 0

    @property
    def storage_options(self) -> Any:
        Tokens.count += 1
        return {**super().storage_options, "token": Tokens.count}


class Shown(MemoryPath):
    """What it is for the file system depends on the name."""

    @property
    def path(self) -> str:
        return super().path.replace("+", " ")


@pytest.mark.parametrize("base", [Counted, Attributes, Lower, Tokens, Shown])
def test_classes_of_users_that_take_part_are_joined(base: type) -> None:
    assert filled_paths(registered(bases=(base,))) is None
    root = registered(bases=(base,))
    paths = after_trials(root)
    joined: list[str] = []

    def joinpath(self: Any, rel: str) -> Any:
        joined.append(rel)
        return self / rel

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryPath, "joinpath", joinpath)
        outcome(lambda: paths.make("a/b"))
    assert joined == ["a/b"]


class Equal:
    """As file systems are, where they have the same options."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Noted(MemoryPath):
    """It has a slot more, that what it inherits may set."""

    __slots__ = ("note",)


def test_what_the_trials_see() -> None:
    """Each of these is a version of universal-pathlib as it may be one day."""
    from upath._chain import Chain
    from upath._flavour import WrappedFileSystemFlavour

    def fails_with(owner: Any, name: str, changed: Any) -> None:
        root = registered(bases=(Noted,))
        root._fs_cached = Equal()
        assert filled_paths(root) is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, changed)
            assert filled_paths(root) is None
            # The results are those of that version.
            paths = after_trials(root)
            for rel in ("run", "x y", "x%y"):
                made, expected = by_results(paths, rel), by_joinpath(root, rel)
                assert made == expected
                assert type(made) is type(expected)

    init, join, segments = UPath.__init__, WrappedFileSystemFlavour.join, UPath.with_segments

    def noted(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        self.note = args[-1]

    def without_fs(self: Any, *parts: Any) -> Any:
        made = segments(self, *parts)
        del made._fs_cached
        return made

    def other_fs(self: Any, *parts: Any) -> Any:
        made: Any = segments(self, *parts)
        made._fs_cached = Equal()
        return made

    def noted_chain(self: Any, *segments: Any, index: int = 0) -> None:
        Chain.__init__(self, *segments, index=index)
        self.note = segments

    def quoted(self: Any, path: Any, *parts: Any) -> str:
        return join(self, path, *(part.replace(" ", "%20") for part in parts))

    def cut(self: Any, path: Any, *parts: Any) -> str:
        return join(self, path, *(part[:255] for part in parts))

    fails_with(UPath, "__init__", noted)
    fails_with(UPath, "with_segments", without_fs)
    fails_with(UPath, "with_segments", other_fs)
    fails_with(WrappedFileSystemFlavour, "join", quoted)
    fails_with(WrappedFileSystemFlavour, "join", cut)
    fails_with(upath.core, "Chain", type("Chain", (Chain,), {"__init__": noted_chain}))


@pytest.mark.parametrize(
    "strip",
    [str.lower, lambda path: path.removesuffix(".gz"), lambda path: path.rstrip(". ")],
    ids=["lower case", "suffix", "blanks"],
)
def test_file_systems_of_users_have_the_last_word(strip: Callable[[str], str]) -> None:
    """What they make of a path is asked for each, as no trial can know what they look for."""
    from fsspec.implementations.memory import MemoryFileSystem

    def strip_protocol(cls: Any, path: str) -> str:
        return strip(MemoryFileSystem._strip_protocol(path.partition("://")[2] or path))

    root = registered(fs={"_strip_protocol": classmethod(strip_protocol)})
    paths = after_trials(root)
    for rel in ("run", "RUN", "run.gz", "run ", "run."):
        assert by_results(paths, rel) == by_joinpath(root, rel)


def test_paths_of_this_machine_are_joined(tmp_path: Path) -> None:
    source = RemoteSource(UPath(tmp_path))
    for _ in range(2 * len(TRIALS)):
        assert source.path("a/b") == UPath(tmp_path / "a/b")
    assert source._result_paths._filled is None
