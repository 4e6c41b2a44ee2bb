"""Pattern files: JSON, text, TOML and YAML; encodings; what is wrong with them and where."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathvein import Directories, Files, PatternTextError, load_patterns
from pathvein import FileStructurePattern as P
from pathvein._pattern_files import parse

RUN = P("run_*", files=["config.json", "*.csv"], directories=[P("data", files=["*.parquet"])])

JSON = """
{"directory_name": "run_*", "files": ["config.json", "*.csv"],
 "directories": [{"directory_name": "data", "files": ["*.parquet"]}]}
"""
TOML = """
# a run
directory_name = "run_*"
files = ["config.json", "*.csv"]

[[directories]]
directory_name = "data"
files = ["*.parquet"]
"""
YAML = """
# a run
directory_name: run_*
files: [config.json, "*.csv"]
directories:
  - directory_name: data
    files:
      - '*.parquet'
"""
TEXT = """
# a run
run_*/
    config.json
    *.csv
    data/*.parquet
"""
FORMS = {
    "run.txt": TEXT,
    "run.JSON": JSON,
    "run.pattern": TEXT,
    "run.json": JSON,
    "run": JSON,
    "run.toml": TOML,
    "run.yaml": YAML,
    "run.YML": YAML,
}


@st.composite
def make_patterns(draw: Any, depth: int = 3) -> P:
    """Patterns of names that occur once, with all kinds of requirements."""
    numbers = iter(range(10**6))

    def name() -> str:
        return f"n{next(numbers)}x"

    def counted(kind: Any, item: Any) -> Any:
        return kind(item, 2, 7) if draw(st.integers(0, 3)) == 0 else item

    def pattern(depth: int) -> P:
        def few(make: Any, most: int = 2) -> list[Any]:
            return [make() for _ in range(draw(st.integers(0, most if depth else 0)))]

        def below() -> P:
            return pattern(depth - 1)

        def required() -> Any:
            several = draw(st.integers(0, 3)) == 0
            return counted(Directories, tuple(few(below, 3)) or below() if several else below())

        return P(
            name(),
            few(lambda: counted(Files, name()), 3),
            few(required),
            few(name),
            few(below, 1),
            few(name, 1),
            few(below, 1),
            draw(st.booleans()),
        )

    return pattern(depth)


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """The names in the JSON of a pattern, with their places."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{place}.{key}" if place else key)


class Mine(P):
    """A subclass."""


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize("name", FORMS)
def test_forms(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / name, FORMS[name])
    assert P.load(file) == RUN
    assert P.load(str(file)) == RUN
    assert load_patterns(file) == [RUN]
    mine = Mine.load(file)
    assert type(mine) is type(mine.directories[0]) is Mine
    # It can be changed: it is no part of another.
    assert mine.add_file("x").files[-1] == "x"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"files": ["a"]}{"files": ["}{\\"b"]}'),
        ("p", '{"files": ["a"]}\n\n{"files": ["}{\\"b"]}\n'),
        ("p.txt", '*/a\n*/\n  "}{\\"b"\n'),
        ("p.toml", "[[pattern]]\nfiles = ['a']\n[[pattern]]\nfiles = ['}{\"b']\n"),
        ("p.yaml", "files: [a]\n---\nfiles: ['}{\"b']\n"),
        ("p.yaml", "---\n---\nfiles: [a]\n...\n---\nfiles: ['}{\"b']\n---\n"),
    ],
)
def test_several_patterns(tmp_path: Path, name: str, text: str) -> None:
    file = write(tmp_path / name, text)
    assert load_patterns(file) == [P(files=["a"]), P(files=['}{"b'])]
    with pytest.raises(ValueError, match=rf"^{file}: the file holds 2 patterns, .*load_patterns"):
        P.load(file)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(tmp_path: Path, name: str, encoding: str) -> None:
    text = FORMS[name].replace("config.json", "caf\u00e9 \u65e5").replace("\n", "\r\n")
    if name == "run.yaml":
        text = text.replace("caf\u00e9 \u65e5", '"caf\u00e9 \u65e5"')
    file = write(tmp_path / name, text.encode(encoding))
    assert P.load(file).files[0] == "caf\u00e9 \u65e5"


def test_remote_files() -> None:
    upath = pytest.importorskip("upath")
    for name, text in FORMS.items():
        file = upath.UPath(f"memory:///pathvein-files/{name}")
        file.write_bytes(text.encode())
        assert P.load(file) == P.load(str(file)) == load_patterns(file)[0] == RUN
    with pytest.raises(FileNotFoundError, match=r"nope\.toml"):
        P.load("memory://pathvein-files/nope.toml")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        load_patterns(tmp_path / "no.yaml")
    assert missing.value.filename == str(tmp_path / "no.yaml")
    with pytest.raises(IsADirectoryError):
        load_patterns(tmp_path)
    with pytest.raises(TypeError, match="path must be str"):
        P.load(3)  # type: ignore[arg-type]
    file = write(tmp_path / "p.toml", b"files = ['\xff']")
    with pytest.raises(ValueError, match=rf"^{file}: the file is no text in utf-8"):
        P.load(file)


#: A file, and what is said of it behind its name.
WRONG = [
    ("p.json", "", "expected a value: line 1 column 1 (char 0)"),
    ("p.json", "[]", "expected an object, found a list: line 1 column 1"),
    ("p.json", "{}\n{} x", "expected a value: line 2 column 4 (char 6)"),
    ("p.json", '{}\n{"files": [}', "expected a value: line 2 column 12 (char 14)"),
    ("p.json", '{}\n{"files": ["a", 3]}', "files[1]: expected *: line 2 column 17"),
    (
        "p.json",
        '{"directories": [{},\n{"x": 1}]}',
        "directories[1]: unknown key *: line 2 column 7",
    ),
    ("p.json", '{"files": 1,\n "files": 2}', "files: expected *: line 2 column 11"),
    (
        "p",
        '{"directories": [{"directories": [\n3]}]}',
        "directories[0].directories[0]: *: line 2 *1",
    ),
    ("p.toml", "", "the file is empty: *"),
    ("p.toml", "# nothing\n", "the file is empty: *"),
    ("p.toml", "files = [\n'a' 'b']", "unclosed array: line 2 column 5"),
    ("p.toml", "files = ['a'\n", "unclosed array: line 2 column 1"),
    ("p.toml", "files = ['a']\nfiles = ['b']", "cannot overwrite a value: line 2 column 14"),
    ("p.toml", "files = [3]", "files[0]: expected *, found a number"),
    (
        "p.toml",
        "files = [3.5]",
        "files[0]: a number, 3.5, is neither *: a name is written in quotes",
    ),
    ("p.toml", "files = [nan]", "files[0]: a number, nan, is *"),
    ("p.toml", "files = [1979-05-27]", "files[0]: a date or time, 1979-05-27, is neither *"),
    ("p.toml", "x = " + "[" * 9999, "it nests too deep"),
    ("p.toml", "x = " + "1" * 9999, "Exceeds the limit *"),
    ("p.toml", "pattern = 3", "pattern: expected tables, each below a line [[pattern]]"),
    ("p.toml", "pattern = []", "pattern: expected tables, *"),
    (
        "p.toml",
        "files = ['a']\n[[pattern]]",
        "files: it belongs into one of the tables [[pattern]]",
    ),
    ("p.toml", "[[pattern]]\n[[pattern]]\nfiles=[3]", "pattern[1].files[0]: expected *"),
    ("p.toml", "[[pattern]]\n[[pattern]]\nfles=[3]", 'pattern[1]: unknown key "fles": did you *'),
    ("p.yaml", "", "the file is empty: *"),
    ("p.yaml", "---\n---\n", "the file is empty: *"),
    ("p.yaml", "[a]", "expected the keys of a pattern: line 1 column 1"),
    ("p.yaml", "run_1", "expected the keys of a pattern: line 1 column 1"),
    ("p.yaml", "files: [a", "*: line 1 column 10"),
    ("p.yaml", "a: b: c", "mapping values are not allowed here: line 1 column 5"),
    (
        "p.yaml",
        "files: [a]\n---\nfiles:\n- 3",
        'files[0]: *, found a number: *"3" in quotes: line 4 *3',
    ),
    # No name stands here, so nothing is said of quotes.
    (
        "p.yaml",
        "files:\n- {name: a*, min: 3, max: 2}",
        "files[0].min: min 3 is above max 2: exchange them: line 2 column 19",
    ),
    ("p.yaml", "files:\n- {name: a*, min: -1}", "files[0].min: *negative number: line 2 column 19"),
    ("p.yaml", "closed: 1", "closed: expected *, found a number: line 1 column 9"),
    ("p.yaml", "flies: [a]", 'unknown key "flies": did you mean "files"?: line 1 column 8'),
    ("p.yaml", "files: [a]\nfiles: [a]", "files: the key stands twice *: line 2 column 1"),
    ("p.yaml", "directories:\n- {files: a}", "directories[0].files: expected *: line 2 column 11"),
    ("p.yaml", "? [a]\n: b", "a key is a word, *: line 1 column 3"),
    (
        "p.yaml",
        "files: [*.csv]",
        "*: a name that begins with [ is written in quotes: line 1 column 10",
    ),
    (
        "p.yaml",
        "files:\n- *.csv",
        "*: a name that begins with * is written in quotes: line 2 column 4",
    ),
    ("p.yaml", "files:\n- [ab]*", "*: a name that begins with [ is *: line 2 column 8"),
    ("p.yaml", "files:\n- @x", "*: a name that begins with @ is *: line 2 column 3"),
    ("p.yaml", "files:\n- *x", 'files[0]: *x refers to nothing: *"*x": line 2 column 3'),
    ("p.yaml", "files:\n- !x", "files[0]: tags such as !x mean nothing here: *: line 2 column 3"),
    ("p.yaml", "a: !!python/object/apply:os.getcwd []", "a: tags such as *: line 1 column 4"),
    ("p.yaml", "a: !!binary aGk=", "a: tags such as *: line 1 column 4"),
    ("p.yaml", "files: &a [*a]", "files[0]: *a would hold itself: line 1 column 12"),
    ("p.yaml", "files: \x07", "a file may not hold the character 0x0007: line 1 column 8"),
    ("p.yaml", "files: " + "[" * 9999, "it nests too deep: line 1 column 527"),
    ("p.yaml", "directory_name: 1" + "0" * 9999, "directory_name: 10*: line 1 column 17"),
]


@pytest.mark.parametrize(("name", "text", "said"), WRONG)
def test_what_is_wrong(tmp_path: Path, name: str, text: str, said: str) -> None:
    file = write(tmp_path / name, text)
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        load_patterns(file)
    # A `*` stands for anything.
    message, rest = str(error.value), said.split("*")
    assert message.startswith(f"{file}: {rest[0]}")
    assert message.endswith(rest[-1])
    assert all(part in message for part in rest)


def test_broken_json_is_a_json_decode_error(tmp_path: Path) -> None:
    file = write(tmp_path / "p.json", '{}\n{"files": [}')
    with pytest.raises(json.JSONDecodeError) as error:
        load_patterns(file)
    assert (error.value.lineno, error.value.colno, error.value.pos) == (2, 12, 14)
    inner = '{"directories": ["{\\"files\\": [}"]}'
    write(file, f"{{}}\n{inner}")
    with pytest.raises(json.JSONDecodeError, match=r"directories\[0\]") as error:
        load_patterns(file)
    assert (error.value.lineno, error.value.colno) == (1, 12)  # in the text of that string


def test_wrong_text_is_a_pattern_text_error(tmp_path: Path) -> None:
    file = write(tmp_path / "p.txt", "run_*/\n  data\n    *.csv\n")
    with pytest.raises(PatternTextError) as error:
        load_patterns(file)
    wrong: Any = error.value
    assert (wrong.line, wrong.column, wrong.offset) == (2, 3, 9)
    message, line, caret = str(wrong).split("\n")
    assert message.startswith(f'{file}: this "data" has something indented below it')
    assert (line, caret) == ("  data", "  ^")
    # Inside of a string, what counts is where that string is.
    file = write(tmp_path / "p.yaml", "directories:\n- a\n- b/{c\n")
    with pytest.raises(ValueError, match=r"directories\[1\]: this brace") as inside:
        load_patterns(file)
    message, line, caret = str(inside.value).split("\n")
    assert message.endswith(": line 3 column 3")
    assert (line, caret) == ("b/{c", "  ^")


DRAWN = """\
run_*/
    config.json
    3+ *.csv
    optional notes.txt, no FAILED
    data/
        x/y/z.txt
        nothing else
    anat/{*.nii} | func/{a, b/{c}} | e/{}
    2 d/
        q
    2+ m/{k} | n/{l}
    optional o/
        p
    no r/{s}
    a1/ | b1/{t}
third/fourth/{g, h}
"""
PLACES = [
    {
        "": "run_*/\n",
        "files[0]": "config.json",
        "files[1]": "3+",
        "optional_files[0]": "optional",
        "forbidden_files[0]": "no F",
        "directories[0]": "data/",
        "directories[0].directories[0]": "x/y/z",
        "directories[0].directories[0].directories[0].files[0]": "x/y/z",
        "directories[0].closed": "nothing",
        "directories[1]": "anat",
        "directories[1][0].files[0]": "*.nii}",
        "directories[1][1]": "func/",
        "directories[1][1].files[0]": "a,",
        "directories[1][1].directories[0].files[0]": "c}}",
        "directories[1][2]": "e/{}",
        "directories[2]": "2 d/",
        "directories[2].directory.files[0]": "q\n",
        "directories[3].directory[0]": "m/{k}",
        "directories[3].directory[1].files[0]": "l}",
        "directories[4].directory_name": "a1/",
        "directories[4].files[0]": "t}",
        "optional_directories[0].files[0]": "p\n",
        "forbidden_directories[0].files[0]": "s}",
    },
    {"": "third/", "directories[0]": "third/", "directories[0].files[1]": "h}"},
]


def test_where_things_are_in_text() -> None:
    lines = DRAWN.splitlines(keepends=True)
    parts = parse(P, DRAWN)
    for (_, positions), places in zip(parts, PLACES, strict=True):
        for place, start in places.items():
            position = positions(place)
            assert position is not None
            line, column = position
            assert lines[line - 1][column - 1 :].startswith(start), place


@given(make_patterns())
def test_each_place_of_a_pattern_is_found_in_each_form(pattern: P) -> None:
    """And where it is, the text says so: names here need no quotes, and no two are equal."""
    [(read, in_text)] = parse(P, pattern.to_text())
    assert read == pattern
    as_json = pattern.to_json()
    [(_, in_json)] = parse(P, as_json)
    [(_, in_yaml)] = parse(P, as_json, "p.yaml")
    lines = pattern.to_text().split("\n")
    for place, name in leaves(json.loads(as_json)):
        line, column = in_json(place) or (0, 0)
        assert line == 1
        assert as_json[column - 1 :].startswith(f'"{name}"')
        assert in_yaml(place) == (line, column)
        line, column = in_text(place) or (0, 0)
        entry = lines[line - 1][column - 1 :]
        for word in "no ", "optional ", "2-7 ":
            entry = entry.removeprefix(word)
        # A file; a directory, or one whose only file it is.
        assert entry.startswith(name) or place.endswith("directory_name"), place


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        *((word, "a boolean") for word in "y n yes no on off No OFF".split() if len(word) > 1),
        *(
            (word, "a number")
            for word in "1.0 1e3 .5 010 0x1f 0o17 1_000 1:30 -.inf .nan +1".split()
        ),
        ("1" * 19, "a number"),
        ("2024-01-01", "a date"),
        ("2024-01-01 10:00:00", "a date"),
        ("=", "no text"),
        ("<<", "no text"),
    ],
)
def test_what_yaml_may_not_take_for_text(tmp_path: Path, plain: str, kind: str) -> None:
    file = write(tmp_path / "p.yaml", f"files: [a, {plain}]")
    with pytest.raises(
        ValueError, match=f'{kind} to YAML: a name is written in quotes, "'
    ) as error:
        P.load(file)
    assert str(error.value).startswith(f"{file}: files[1]: {plain} is")
    for quoted in f'"{plain}"', f"'{plain}'", f"!!str {plain}":
        assert P.load(write(file, f"files: [a, {quoted}]")).files == ["a", plain]


@pytest.mark.parametrize("plain", ["true", "False", "3", "0", "-5", "~", "null"])
def test_what_yaml_takes_for_something_else(tmp_path: Path, plain: str) -> None:
    file = write(tmp_path / "p.yaml", f"files: [a, {plain}]")
    with pytest.raises(ValueError, match=f'if it is a name, write "{plain}" in quotes'):
        P.load(file)


@pytest.mark.parametrize(
    "plain", ["y", "n", "nope", "v1.0", "1.2.3", "a b", "run_*", "a{b,c}", "-x"]
)
def test_what_yaml_takes_for_text(tmp_path: Path, plain: str) -> None:
    assert P.load(write(tmp_path / "p.yaml", f"files:\n- {plain}")).files == [plain]


def test_aliases(tmp_path: Path) -> None:
    text = """
    &f files: &names [a, b]
    optional_files: *names
    directories:
    - &data {directory_name: &x data, *f : [*x]}
    - *data
    """
    data = P("data", files=["data"])
    expected = P(files=["a", "b"], optional_files=["a", "b"], directories=[data, data])
    assert P.load(write(tmp_path / "p.yaml", text.replace("\n    ", "\n"))) == expected


def test_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Ten lines of nine aliases each are 3.4 billion names, and a long name 9,999 times 10 GB."""
    lines = ["a0: &a0 [lol]"]
    for number in range(1, 11):
        lines.append(f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]")
    long = f"x: &x {'x' * 1_000_000}\nfiles: [{', '.join(['*x'] * 9999)}]"
    for text in "\n".join(lines), long:
        with pytest.raises(ValueError, match=r"its aliases repeat too much.*: line \d"):
            P.load(write(tmp_path / "p.yaml", text))


def test_deepest_patterns(tmp_path: Path) -> None:
    levels = 128
    text = 'files: ["a"]'
    for _ in range(levels - 1):
        text = "{" + text + "}"
        text = f"directories: [{text}]"
    assert P.load(write(tmp_path / "p.yaml", text)).directories[0].directories
    with pytest.raises(ValueError, match="128"):
        P.load(write(tmp_path / "p.yaml", f"directories: [{{{text}}}]"))
    toml = text.replace(": ", " = ")
    assert P.load(write(tmp_path / "p.toml", toml)) == P.load(write(tmp_path / "p.yaml", text))


def test_schema_key_is_ignored(tmp_path: Path) -> None:
    for name, text in (
        ("p.json", '{"$schema": {"a": [1.5]}}'),
        ("p.toml", '"$schema" = 1979-05-27\ndirectory_name = "*"'),
        ("p.toml", '"$schema" = "x"\n[[pattern]]\ndirectory_name = "*"'),
        ("p.yaml", "$schema: x\n"),
    ):
        assert P.load(write(tmp_path / name, text)) == P()


def test_yaml_without_pyyaml(tmp_path: Path) -> None:
    write(tmp_path / "p.yaml", YAML)
    write(tmp_path / "p.toml", TOML)
    code = (
        "import sys; sys.modules['yaml'] = None; import pathvein as p; p.load_patterns('p.toml');"
    )
    result = subprocess.run(
        [sys.executable, "-c", code + "p.load_patterns('p.yaml')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = "ModuleNotFoundError: YAML needs PyYAML: pip install 'pathvein[yaml]'\n"
    assert result.stderr.endswith(said)


def test_long_files_take_no_long(tmp_path: Path) -> None:
    """Positions are looked for once something is wrong, and not line by line."""
    names = ",\n".join(f'"{number}"' for number in range(100_000))
    file = write(tmp_path / "p.json", f'{{"files": [{names}, 3]}}')
    with pytest.raises(ValueError, match=r"files\[100000\].*line 100000 column"):
        P.load(file)


def test_what_the_regular_expressions_of_a_file_may_take(tmp_path: Path) -> None:
    """As much as those of one pattern, however many patterns there are."""
    tests = [
        [f"(?i)[ac-z]{{1500}}x{pattern}y{number}" for number in range(8)] for pattern in range(4)
    ]
    values = [{"files": [{"regex": text} for text in texts]} for texts in tests]
    several = {
        "p.json": "\n".join(json.dumps(value) for value in values),
        "p.yaml": "\n---\n".join(json.dumps(value) for value in values),
        "p.toml": "".join(
            "[[pattern]]\n" + "".join(f"[[pattern.files]]\nregex = '{text}'\n" for text in texts)
            for texts in tests
        ),
        "p.txt": "".join(
            "*/\n" + "".join(f"    regex:'{text}'\n" for text in texts) for texts in tests
        ),
    }
    for name, text in several.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=r"too large, with .* 16 MiB"):
            load_patterns(tmp_path / name)
    (tmp_path / "same.json").write_text(json.dumps(values[0]) * 50)
    assert len(load_patterns(tmp_path / "same.json")) == 50
