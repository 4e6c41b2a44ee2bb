"""Nothing that goes wrong is lost, and wrong arguments are told by their names."""

from __future__ import annotations

import errno
import os
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import pathvein
from compare import items
from pathvein import FileStructurePattern as P
from pathvein import ScanWarning, iscan, scan, walk_parallel, walk_python
from reference import Item
from trees import Dir, File, Link, Make, built, run_unprivileged, tree


def run_iscan(*args: Any, **kwargs: Any) -> Any:
    return set(iscan(*args, **kwargs))


BOTH = pytest.mark.parametrize("call", [scan, run_iscan])


def stopping(*args: Any) -> Any:
    """An object of a caller whose code lets a StopIteration out."""
    raise StopIteration


class Stopping(os.PathLike[str]):
    __fspath__ = stopping


# The source --------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("pattern", [P(), P("no"), []])
def test_a_source_that_is_none(make: Make, call: Any, pattern: Any) -> None:
    top = make(Dir({"f": File(), "broken": Link(raw="no"), "loop": Link(raw="loop"), "d": Dir()}))
    for policy in ("warn", "raise", "ignore", pytest.fail):
        for name, kind, number in [
            ("missing", FileNotFoundError, errno.ENOENT),
            ("missing/below", FileNotFoundError, errno.ENOENT),
            ("broken", FileNotFoundError, errno.ENOENT),
            ("f", NotADirectoryError, errno.ENOTDIR),
            ("f/x", NotADirectoryError, errno.ENOTDIR),
            ("loop", OSError, errno.ELOOP),
        ]:
            for source in (top / name, f"{top}/{name}"):
                with pytest.raises(kind) as caught:
                    call(source, pattern, on_error=policy)
                assert caught.value.errno == number
                assert caught.value.filename == f"{top}/{name}"
                assert caught.value.strerror


@BOTH
def test_the_empty_path_is_no_directory(call: Any) -> None:
    with pytest.raises(FileNotFoundError):
        call("", P())


@BOTH
def test_an_uncommon_name_in_the_error(make: Make, call: Any) -> None:
    top = make(Dir())
    with pytest.raises(FileNotFoundError) as caught:
        call(top / "a\udcff\nb", P())
    assert caught.value.filename == f"{top}/a\udcff\nb"


def unreadable_source() -> None:
    spec = Dir({"closed": Dir({"d": Dir({}, mode=0o755)}, mode=0), "blind": Dir({}, mode=0o111)})
    with built(spec) as top:
        for name in ("closed", "blind", "closed/d", "closed/no"):
            for call in (scan, run_iscan, pathvein.walk_parallel, pathvein.iwalk_parallel):
                arguments = (P(),) if call in (scan, run_iscan) else ()
                with pytest.raises(PermissionError) as caught:
                    list(call(top / name, *arguments))
                assert caught.value.errno == errno.EACCES
                assert caught.value.filename == f"{top}/{name}"


@pytest.mark.parametrize("call", [scan, iscan, walk_python])
def test_a_source_that_stops_iterations(call: Any) -> None:
    """It would end an iteration that the call is part of."""
    arguments = [Stopping()] if call is walk_python else [Stopping(), P()]
    with pytest.raises(RuntimeError, match="StopIteration"):
        call(*arguments)
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(map(call, *([argument] for argument in arguments)))
    with pytest.raises(RuntimeError, match="StopIteration"):
        walk_parallel(Stopping())


@pytest.mark.linux("looks at /proc")
def test_a_process_that_has_ended_is_absent(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    try:
        stat = Path(f"/proc/{child.pid}/stat")
        while stat.read_text().rpartition(") ")[2][0] != "Z":
            time.sleep(0.001)
        with pytest.raises(OSError, match="Invalid argument"):
            os.listdir(f"/proc/{child.pid}/net")
        errors: list[OSError] = []
        for call in (scan, run_iscan):
            assert not call(f"/proc/{child.pid}", P("no", ["x"]), on_error=errors.append)
        walk_parallel(f"/proc/{child.pid}", on_error=errors.append)
        if os.geteuid() != 0:
            # What else is there of it may be root's.
            errors = [error for error in errors if not isinstance(error, PermissionError)]
        assert errors == []
    finally:
        child.wait()


def test_an_unreadable_source() -> None:
    run_unprivileged(unreadable_source)


# Below the source --------------------------------------------------------------------------


def half_closed() -> Any:
    """Five things go wrong: three closed directories, two links that nobody can tell about."""
    spec = {f"closed{i}": Dir({"f": File()}, mode=0) for i in range(3)}
    links = {f"link{i}": Link(to=f"closed{i}/f") for i in range(2)}
    return Dir({**spec, **links, "open": Dir({"f": File()})})


def expected_items(top: Any) -> Any:
    names = ["closed0", "closed1", "closed2", "link0", "link1"]
    return [Item(f"{top}/{name}", errno.EACCES) for name in names]


class Stop(Exception):
    """Ends a scan from a callable."""


def every_policy() -> None:
    with built(half_closed()) as top:
        pattern = P("*", ["f"])
        answer = {(top / "open", pattern)}
        # What the links lead to is asked for; nothing is found by that.
        patterns = [pattern, P("*", ["link0", "link1", "no"])]

        for call in (scan, run_iscan):
            # warn: one warning, at the end, that tells how many and the first few.
            with warnings.catch_warnings(record=True) as record:
                warnings.simplefilter("always")
                assert call(top, patterns) == answer
            assert [type(w.message) for w in record] == [ScanWarning]
            text = str(record[0].message)
            assert "5" in text
            assert any(item.path in text for item in expected_items(top)), text
            assert os.path.basename(record[0].filename) == "test_errors.py", record[0].filename

            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(ScanWarning):
                    call(top, patterns, on_error="warn")
                assert call(top, patterns, on_error="ignore") == answer

                errors: list[OSError] = []
                assert call(top, patterns, on_error=errors.append) == answer
                assert items(errors) == expected_items(top)
                assert all(type(error) is PermissionError for error in errors)

                with pytest.raises(PermissionError) as caught:
                    call(top, patterns, on_error="raise")
                assert items([caught.value])[0] in expected_items(top)

                seen: list[Any] = []

                def stop(error: OSError, seen: list[OSError] = seen) -> None:
                    seen.append(error)
                    raise Stop

                with pytest.raises(Stop):
                    call(top, patterns, on_error=stop)
                assert len(seen) == 1

        with iscan(top, patterns, on_error="ignore") as stream:
            assert set(stream) == answer
            assert items(stream.errors) == expected_items(top)
            assert stream.stats.errors == 5


def test_every_policy_for_what_goes_wrong_below() -> None:
    run_unprivileged(every_policy)


def unreadable_meaning() -> None:
    with built(half_closed()) as top:
        quiet: dict[str, Any] = {"on_error": "ignore"}
        # Listed and not entered: there by name, never a match, nothing inside.
        assert scan(top, P("closed0"), **quiet) == set()
        assert len(scan(top, P("*", [], [P("closed0")]), **quiet)) == 1
        assert scan(top, P("*", [], [P("closed0", ["f"])]), **quiet) == set()
        # A link that nobody can tell about is a file.
        assert len(scan(top, P("*", ["link0"]), **quiet)) == 1
        assert scan(top, P("*", [], [P("link0")]), **quiet) == set()
        # What is excluded or not asked for is not opened, so nothing goes wrong.
        scan(top, P(), exclude=["closed*", "link*"], on_error="raise")
        errors: list[OSError] = []
        scan(top, P("*", [], [P("closed*")]), max_depth=0, on_error=errors.append)
        assert not errors
        scan(top, P("*", ["link1"], [P("closed*")]), max_depth=0, on_error=errors.append)
        assert [e.filename for e in errors] == [f"{top}/link1"]
        errors.clear()
        asks = P("*", [], [P("closed1", ["f"])])
        scan(top, asks, max_depth=0, exclude="link*", on_error=errors.append)
        assert [e.filename for e in errors] == [f"{top}/closed1"]


def test_what_an_unreadable_directory_means() -> None:
    run_unprivileged(unreadable_meaning)


def unreadable_matches() -> None:
    with built(half_closed()) as top:
        names = ["closed0", "open"]
        asks = P("closed0", ["f"])

        def ask(*directories: Any, files: Any = ()) -> Any:
            return P("*", list(files), list(directories)).matches((str(top), names, []))

        for question in ([asks], [asks, P("open")], [P("*", ["g"])]):
            with pytest.raises(PermissionError) as caught:
                ask(*question)
            assert caught.value.filename == f"{top}/closed0"
            assert caught.value.errno == errno.EACCES
        # Where it does not decide, it is not an error.
        assert ask(P("closed0")) is True
        assert ask(P("*", ["f"])) is True
        assert ask(asks, P("no")) is False
        assert ask(asks, files=["no"]) is False


def test_matches_raises_what_decides() -> None:
    run_unprivileged(unreadable_matches)


def many_errors() -> None:
    with built(Dir({f"d{i:03}": Dir({}, mode=0) for i in range(200)})) as top:
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            scan(top, P())
        assert len(record) == 1
        text = str(record[0].message)
        assert "200" in text
        assert 1 <= text.count(str(top)) <= 20, text


def test_the_warning_names_a_few_and_not_all() -> None:
    run_unprivileged(many_errors)


def walk_errors() -> None:
    with built(half_closed()) as top:
        errors: list[OSError] = []
        rows = pathvein.walk_parallel(top, on_error=errors.append)
        assert sorted(d for d, _, _ in rows) == [str(top), f"{top}/open"]
        (first,) = [row for row in rows if row[0] == str(top)]
        assert sorted(first[1]) == ["closed0", "closed1", "closed2", "open"]
        assert sorted(first[2]) == ["link0", "link1"]
        assert items(errors) == expected_items(top)
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            list(pathvein.iwalk_parallel(top))
        assert [type(w.message) for w in record] == [ScanWarning]


def test_the_walk_tells_its_errors_too() -> None:
    run_unprivileged(walk_errors)


def test_loops_are_warned_about_once(make: Make) -> None:
    top = make(Dir({"a": Link(raw="."), "b": Dir({"c": Link(raw="..")})}))
    with pytest.warns(ScanWarning, match="2") as record:
        scan(top, P(), follow_links=True)
    assert len(record) == 1
    with pytest.raises(OSError, match="symbolic links") as caught:
        scan(top, P(), follow_links=True, on_error="raise")
    assert caught.value.errno == errno.ELOOP
    assert issubclass(ScanWarning, Warning)


def test_nothing_wrong_is_no_warning(make: Make) -> None:
    top = make(tree("a/f"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan(top, P())
        list(iscan(top, P()))
        pathvein.walk_parallel(top)


# Wrong arguments ---------------------------------------------------------------------------

WRONG = [
    ({"patterns": 3}, TypeError, "patterns"),
    ({"patterns": None}, TypeError, "patterns"),
    ({"patterns": "x"}, TypeError, "patterns"),
    ({"patterns": ["x"]}, TypeError, "patterns"),
    ({"patterns": [P(), None]}, TypeError, "patterns"),
    ({"source": 3}, TypeError, "source"),
    ({"source": None}, TypeError, "source"),
    ({"source": ["/"]}, TypeError, "source"),
    ({"source": "a\0b"}, ValueError, "source"),
    ({"exclude": 3}, TypeError, "exclude"),
    ({"exclude": [3]}, TypeError, "exclude"),
    ({"exclude": ["a", None]}, TypeError, "exclude"),
    ({"max_depth": "1"}, TypeError, "max_depth"),
    ({"max_depth": 1.5}, TypeError, "max_depth"),
    ({"max_depth": -1}, ValueError, "max_depth"),
    ({"threads": "2"}, TypeError, "threads"),
    ({"threads": 0}, ValueError, "threads"),
    ({"threads": -1}, ValueError, "threads"),
    ({"concurrency": 0}, ValueError, "concurrency"),
    ({"concurrency": True}, TypeError, "concurrency"),
    ({"concurrency": 5000}, ValueError, "concurrency"),
    ({"lister": "ls"}, ValueError, "lister"),
    ({"lister": None}, TypeError, "lister"),
    ({"on_error": "bogus"}, ValueError, "on_error"),
    ({"on_error": 3}, TypeError, "on_error"),
    ({"on_error": None}, TypeError, "on_error"),
    ({"progress": 3}, TypeError, "progress"),
    ({"progress": "x"}, TypeError, "progress"),
    ({"storage_options": {"anon": True}}, (TypeError, ValueError), "storage_options"),
    ({"storage_options": 3}, TypeError, "storage_options"),
    ({"bogus": 1}, TypeError, "bogus"),
]


@pytest.mark.parametrize("call", [scan, iscan])
@pytest.mark.parametrize(("wrong", "kind", "name"), WRONG, ids=lambda value: repr(value)[:40])
def test_a_wrong_argument_is_named(make: Make, call: Any, wrong: Any, kind: Any, name: Any) -> None:
    top = make(tree("a/f"))
    arguments = {"source": top, "patterns": [P()], **wrong}
    with pytest.raises(kind, match=name):
        call(**arguments)


def test_options_are_keywords_only(make: Make) -> None:
    with pytest.raises(TypeError):
        scan(make(tree("a/f")), P(), "a")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("wrong", "kind", "name"),
    [
        ({"path": 3}, TypeError, "path"),
        ({"path": "a\0b"}, ValueError, "path"),
        ({"max_depth": "1"}, TypeError, "max_depth"),
        ({"max_depth": -1}, ValueError, "max_depth"),
    ],
)
@pytest.mark.parametrize("call", [pathvein.walk_parallel, pathvein.iwalk_parallel])
def test_a_wrong_argument_of_the_walk_is_named(
    make: Make, call: Any, wrong: Any, kind: Any, name: Any
) -> None:
    with pytest.raises(kind, match=name):
        call(**{"path": make(tree("a/f")), **wrong})


def test_a_wrong_listing_is_a_type_error() -> None:
    wrong: Any
    for wrong in (3, "abc", ("a", [], [], []), ("a", [3], []), ("a", [], [None]), (3, [], [])):
        with pytest.raises(TypeError):
            P("*", ["*"], [P("*")]).matches(wrong)


def test_a_remote_source_that_is_none() -> None:
    upath = pytest.importorskip("upath")
    with pytest.raises(FileNotFoundError) as caught:
        scan(upath.UPath("memory:///no-such-place"), P())
    assert caught.value.filename
    with pytest.raises(FileNotFoundError):
        scan("memory:///no-such-place", [])
    with pytest.raises(ValueError, match="bogus"):
        scan("bogus://x/y", P())
    source = upath.UPath("memory:///pathvein-file/f")
    source.write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        scan(source, P())


@pytest.mark.parametrize(
    "rule",
    ["", "/", "a//", "a//b", "./a", "a/../b", "{" * 100_000 + "}" * 100_000, "[", "{a"],
    ids=lambda rule: rule[:8],
)
def test_a_bad_exclude_rule_is_named(tmp_path: Path, rule: str) -> None:
    with pytest.raises(ValueError, match="exclude rule") as caught:
        scan(tmp_path, P(), exclude=["fine", rule])
    assert f'"{rule}"' in str(caught.value)


def test_an_exclude_rule_that_begins_with_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for source, rule in (("lab", "lab/raw/"), (tmp_path / "lab", f"{tmp_path}/lab/raw/")):
        for call in (scan, iscan):
            with pytest.raises(ValueError, match="exclude rule") as caught:
                call(source, P(), exclude=rule)
            assert str(caught.value).endswith('write "/raw/"')
        with pytest.raises(ValueError, match="exclude rule"):
            walk_parallel(source, exclude=rule)
        with pytest.raises(ValueError, match='write "/raw/"'):
            walk_python(source, exclude=rule)
    # It may be meant: there is a `lab` in `lab`.
    (tmp_path / "lab/lab/raw").mkdir(parents=True)
    found = scan("lab", P("raw"), exclude="lab/raw/")
    assert [result.source for result in found] == [tmp_path.resolve() / "lab/raw"]
    walked = {str(top) for top, _, _ in walk_python("lab", exclude="lab/raw/")}
    assert walked == {"lab", "lab/lab", "lab/raw"}


@pytest.mark.parametrize("rule", ["/lab/raw/", "lab/raw/"])
def test_a_remote_source_that_an_exclude_rule_begins_with(rule: str) -> None:
    for call in (scan, iscan):
        with pytest.raises(ValueError, match='write "/raw/"'):
            call("memory://lab", P(), exclude=rule)
    with pytest.raises(ValueError, match='write "/raw/"'):
        walk_python("memory://lab", exclude=rule)
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe({"/lab2/f": b"", "/lab2/lab2/raw/f": b"", "/lab2/raw/f": b""})
    rule = rule.replace("lab", "lab2")
    found = scan("memory://lab2", P(files=["f"]), exclude=rule)
    assert {str(result.source) for result in found} == {"memory://lab2", "memory://lab2/raw"}


@pytest.mark.parametrize("rule", ["{/run_1,/x}", "{./raw,x}", "{build/,x}", "a{/,b}"])
def test_braces_that_hide_what_matches_nothing(tmp_path: Path, rule: str) -> None:
    with pytest.raises(ValueError, match="exclude rule"):
        scan(tmp_path, P(), exclude=rule)


def test_no_bracket_of_an_exclude_rule_takes_a_slash(tmp_path: Path) -> None:
    for name in ("2024/01", "2023/12", "old/01"):
        (tmp_path / name).mkdir(parents=True)
    found = scan(tmp_path, P("[0-9][0-9]"), exclude="/*[!0-9]*/")
    assert {result.source.parent.name for result in found} == {"2024", "2023"}


@pytest.mark.parametrize("exclude", [b"a", [b"a"], None, 5])
def test_an_exclude_rule_of_a_wrong_type_is_named(tmp_path: Path, exclude: Any) -> None:
    with pytest.raises(TypeError, match=r"^exclude(\[0\])? must be str"):
        scan(tmp_path, P(), exclude=exclude)


def test_a_chain_of_no_known_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its `::` it is a URL, unless there is a file or directory of that name."""
    pytest.importorskip("upath")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="a::b"):
        scan("a::b", P())
    (tmp_path / "a::b").mkdir()
    for source in "a::b", Path("a::b"):
        assert {result.source.name for result in scan(source, P())} == {"a::b"}
