"""Names where the interpreter's encoding is not UTF-8: this file is also what the children run."""

from __future__ import annotations

import base64
import json
import locale
import os
import random
import subprocess
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pathvein_core
import pytest

import built_once
import pathvein
import reference
from cli_process import COMMAND
from compare import by_index, expected_rows, items, make_patterns
from executors import Losing, Unruly
from pathvein import FileStructurePattern as P
from reference import Pat
from trees import Dir, File, Link, Make

# The locales are made by the first test, for which others wait.
pytestmark = pytest.mark.timeout(600)

#: Encodings, the empty one for none. What Python calls each is told by the child itself.
CHARMAPS = ["", "ISO-8859-1", "ISO-8859-15", "KOI8-R", "EUC-JP", "GB18030", "UTF-8"]
NAMES = [
    b"plain",
    *(text.encode() for text in ("é", "日本", "€", "Ж", "\U0001f600")),
    *("é€".encode("iso-8859-15"), "é".encode("latin-1"), "Ж".encode("koi8-r")),
    *("日本".encode("euc-jp"), "日本é€\U0001f600".encode("gb18030"), "ｱ".encode("euc-jp")),
    *(b"\xff", b"\x80", b"a\xe9b", b"\x8fa", b"\x8e", b"\x810", b"\xa4"),
]
NAMES += [random.Random(seed).randbytes(9).translate(None, b"\0/") for seed in range(60)]


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory of locales, one for each encoding."""
    top = built_once.base(tmp_path_factory, worker_id) / "locales"
    try:
        with built_once.locked(top):
            for charmap in filter(None, CHARMAPS):
                if not (top / f"xx.{charmap}").exists():
                    make_locale(top, charmap)
    except (FileNotFoundError, AssertionError) as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"localedef and its sources are missing: {missing}")
        pytest.skip("it takes localedef, with en_US and charmaps (Debian: locales)")
    return top


def make_locale(top: Path, charmap: str) -> None:
    # Where scripts/servers puts them if the machine has none.
    sources = Path(__file__).parents[2] / ".servers/locales/usr/share/i18n"
    environment = {**os.environ, "I18NPATH": str(sources)} if sources.exists() else None
    part, made = top / f"part.{charmap}", top / f"xx.{charmap}"
    # It warns of characters that an encoding lacks.
    command: list[str | Path] = ["localedef", "-c", "-i", "en_US", "-f", charmap, part]
    # On a slow machine that is busy, GB18030 alone takes more than a minute.
    subprocess.run(command, env=environment, capture_output=True, timeout=170, check=False)
    assert (part / "LC_CTYPE").is_file()
    part.rename(made)


@pytest.fixture(params=CHARMAPS, ids=lambda charmap: charmap or "POSIX")
def environment(request: pytest.FixtureRequest, locales: Path) -> dict[str, str]:
    """The environment of a child in one of the locales."""
    return in_locale(locales, request.param)


def in_locale(locales: Path, charmap: str) -> dict[str, str]:
    return {
        **os.environ,
        "LC_ALL": f"xx.{charmap}" if charmap else "POSIX",
        "LOCPATH": str(locales),
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@pytest.fixture
def source(make_fast: Make) -> Path:
    """In each directory one file; a loop, and a directory in each, by each name."""
    names = [os.fsdecode(name) for name in NAMES]
    spec = Dir({name: Dir({name: File(), "sub": Dir({name: Dir()})}) for name in names})
    return make_fast(Dir({"src": spec})) / "src"


def child(environment: dict[str, str], *args: str | bytes | Path) -> str:
    command = [sys.executable, __file__, *args]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


def test_every_front_end(environment: dict[str, str], source: Path, tmp_path: Path) -> None:
    """They see the names that Python sees, match them so, and name what is on the disk."""
    (tmp_path / "p.json").write_bytes('{"directory_name": "é*"}'.encode())
    for name in os.listdir(source):
        (source / name / "up").symlink_to("..")
    said = child(environment, "every_front_end", source, tmp_path / "p.json")
    assert said.split() == ["ok"]


def every_front_end(source: str, json_file: str) -> None:
    here = [Pat("*", ("日本",)), Pat("é"), Pat("[é€]*"), Pat("?"), Pat("??"), Pat("*Ж"), Pat("日*")]
    here += [Pat("*", ("up",), (Pat("sub", (), (Pat("?"),)),)), Pat("*", ("\udce9",)), Pat("*€*")]
    patterns = make_patterns(here)
    answer = reference.scan(source, here, follow_links=True)
    errors: list[OSError] = []
    found = pathvein.scan(source, patterns, follow_links=True, on_error=errors.append)
    assert by_index(found, patterns) == expected_rows(answer.found, here)
    assert items(errors) == answer.errors
    assert len(errors) == len(os.listdir(source)) > 60
    assert all(error.__notes__[0].endswith(source) for error in errors)
    assert all(result.source.is_dir() for result in found)

    # Who divides the tree reads the names that workers send as these do.
    asked = make_patterns([Pat("*", (), (Pat("é"),)), Pat("*", (), (Pat("[é€]*", ("x",)),))])
    # One directory a task, and none is lost.
    with Losing(lambda _, names: False) as executor:
        for call in pathvein.scan, pathvein.check:
            options: dict[str, Any] = {"outermost": True, "max_depth": 0}
            one = call(source, asked, **options)
            assert call(source, asked, executor=executor, **options) == one, call

    walked = {top: (set(dirs), set(files)) for top, dirs, files in pathvein.walk_parallel(source)}
    seen = {top: (set(dirs), set(files)) for top, dirs, files in os.walk(source)}
    assert walked == seen
    plain = pathvein.scan(source, patterns)
    with Unruly(random.Random(1)) as executor:
        assert pathvein.scan(source, patterns, executor=executor) == plain
    # A directory whose task is lost is asked for by its name, which the caller reads.
    asked = [P(name, ["spoilt"]) for name in os.listdir(source) if name.isalnum()]
    unspoilt = [P("src", forbidden_directories=[one]) for one in asked]
    assert len(pathvein.scan(source, unspoilt)) == len(unspoilt) > 0
    losing = Losing(lambda _, names: bool(names))
    assert not pathvein.scan(source, unspoilt, executor=losing, on_error="ignore")

    for top, dirs, files in os.walk(source):
        for pattern in patterns:
            assert pattern.matches((top, dirs, files)) == ((Path(top), pattern) in plain), top

    # Rules are text, as globs are.
    for rule, excluded in ("é", "é"), ("/日本/", "日本"), ("*€*", "*€*"), ("Ж", "Ж"):
        walk = pathvein.iwalk_parallel(source, exclude=rule, max_depth=1)
        left = {os.path.basename(top) for top, _, _ in walk} - {"src"}
        assert left == {n for n in os.listdir(source) if not fnmatchcase(n, excluded)}, rule
        rules = pathvein_core.ExcludeRules(rule)
        assert left == {n for n in os.listdir(source) if not rules.is_excluded(n, True)}
    loaded = P.load_json(json_file)
    assert {r.source.name for r in pathvein.scan(source, loaded)} == {
        name for name in os.listdir(source) if name.startswith("é")
    }
    for raw in os.listdir(os.fsencode(source)):
        assert pathvein.PatternMatcher("??").matches(raw) == (len(os.fsdecode(raw)) == 2)
    with pytest.raises(NotADirectoryError) as caught:
        pathvein.scan(f"{source}/plain/plain", loaded)
    assert caught.value.filename == f"{source}/plain/plain"


def test_a_source_of_any_name(environment: dict[str, str], make_fast: Make) -> None:
    """And rules that begin with it are an error, whatever its name."""
    top = make_fast(Dir({os.fsdecode(name): Dir({"run": Dir()}) for name in NAMES}))
    assert child(environment, "a_source_of_any_name", top).split() == ["ok"]


AT_EXIT = """
import atexit, sys
from pathvein import FileStructurePattern, scan
def last():
    try:
        print(len(scan(sys.argv[1], FileStructurePattern("日本"))))
    except RuntimeError as error:
        print("ends" if "ends" in str(error) else error)
atexit.register(last)
assert len(scan(sys.argv[1], FileStructurePattern("日本"))) == 1
"""


def test_a_scan_while_python_ends(environment: dict[str, str], make_fast: Make) -> None:
    """It finds what there is, or says that it cannot read names any more."""
    script = Path(make_fast(Dir({"日本": Dir()}))) / "at_exit.py"
    script.write_text(AT_EXIT, "utf-8")
    told = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.getfilesystemencoding())"],
        env=environment,
        capture_output=True,
        check=True,
    )
    try:
        name = "日本".encode(told.stdout.decode().strip())
    except UnicodeEncodeError:
        return
    os.rename(script.parent / "日本", os.fsencode(script.parent) + b"/" + name)
    command: list[str | Path] = [sys.executable, script, script.parent]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert done.stdout.strip() in (b"1", b"ends")


def a_source_of_any_name(top: str) -> None:
    os.chdir(top)
    for name in os.listdir("."):
        for source in (name, Path(name), f"{top}/{name}"):
            found = pathvein.scan(source, [P("run"), P(f"[{name[0]}]{name[1:]}")])
            assert {str(r.source) for r in found} == {f"{top}/{name}", f"{top}/{name}/run"}
        if name == "é":
            with pytest.raises(ValueError, match='write "/run"'):
                pathvein.scan(name, P("run"), exclude=f"{name}/run")


def test_the_command_line(environment: dict[str, str], source: Path, tmp_path: Path) -> None:
    """Its arguments and its output are bytes."""
    pattern = tmp_path / "p.json"
    pattern.write_text('{"directory_name": "*", "directories": [{"directory_name": "sub"}]}')
    raw = os.fsencode(source)

    def output(*args: str | bytes | Path) -> list[bytes]:
        command = [*COMMAND, "scan", *args, "-p", pattern]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.split(b"\0" if "-0" in args else b"\n")[:-1]

    assert sorted(output("-0", source)) == sorted(raw + b"/" + name for name in NAMES)
    told = set()
    for line in output("--json", source):
        found = json.loads(line)
        text = found["path"].encode(errors="replace")
        told.add(base64.b64decode(found["path_bytes"]) if "path_bytes" in found else text)
        assert "path_bytes" not in found or base64.b64decode(found["path_bytes"]) != text
    assert told == {raw + b"/" + name for name in NAMES}
    one, other = raw + b"/" + "日本".encode("euc-jp"), raw + b"/plain"
    assert output(one) == [one]
    assert output(other, one, other) == [other, one, other]


def test_what_the_command_line_says(locales: Path, source: Path, tmp_path: Path) -> None:
    """Names are its bytes in messages, too, if they are text; help can be written anywhere."""
    pattern = tmp_path / "p.json"
    pattern.write_text("{}")
    for charmap in CHARMAPS:
        environment = in_locale(locales, charmap)
        for name in "日本", "Ж", "é":
            encoding = charmap or "ascii"
            try:
                shown = name.encode(encoding)
            except UnicodeEncodeError:
                continue
            command: list[str | bytes | Path] = [*COMMAND, "scan", shown, "-p", pattern]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, timeout=60
            )
            assert done.stderr.startswith(b"Error: " + shown + b": No such file")
        command = [*COMMAND, "scan", "--help"]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"Exit status" in done.stdout


def test_the_process_ends_while_names_are_decoded(locales: Path, make_fast: Make) -> None:
    """A worker that would attach to an interpreter that ends is no harm."""
    names = [os.fsdecode("日本".encode("euc-jp") + b"%d" % number) for number in range(60)]
    top = make_fast(Dir({name: Dir({name: Link(to=".") for name in names}) for name in names}))
    for _ in range(5):
        started = time.monotonic()
        child(in_locale(locales, "EUC-JP"), "left_open", top)
        assert time.monotonic() - started < 10


def left_open(top: str) -> None:
    stream = pathvein.iscan(top, P("*"), follow_links=True, threads=8, on_error="ignore")
    next(stream)
    sys.modules["__main__"].__dict__["kept"] = stream


if __name__ == "__main__":
    locale.setlocale(locale.LC_ALL, "")
    {f.__name__: f for f in (every_front_end, a_source_of_any_name, left_open)}[sys.argv[1]](
        *sys.argv[2:]
    )
    print("ok")
