"""The command line: -e, files of several patterns, --sort, ``convert`` and ``validate``."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from cli_process import COMMAND, ENVIRONMENT, Arg, failure, run, run_python
from pathvein import FileStructurePattern as P
from pathvein import load_patterns

EXPRESSION = "run_*/{*.csv, no FAILED}"
TEXT = "run_*/\n    *.csv\n    no FAILED\n"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A laboratory: run_1 and run_2 that have tables, of which the second failed; run_3 empty."""
    lab = tmp_path.resolve() / "lab"
    for directory in "run_1", "run_2", "run_3", "run_1/run_4", "run_1-b":
        (lab / directory).mkdir(parents=True, exist_ok=True)
    for file in "run_1/a.csv", "run_2/a.csv", "run_2/FAILED", "run_1/run_4/x.csv", "run_1-b/b.csv":
        (lab / file).touch()
    return lab


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def paths(*args: Arg, cwd: Path) -> list[str]:
    """The paths that are printed, relative to the directory."""
    result = run(*args, cwd=cwd)
    assert (result.returncode, result.stderr) == (0, b"")
    return [os.path.relpath(os.fsdecode(line), cwd) for line in result.stdout.splitlines()]


# Patterns as text, and files of several.


def test_expression(lab: Path) -> None:
    found = paths("scan", ".", "-e", EXPRESSION, "--sort", cwd=lab)
    assert found == ["run_1", "run_1/run_4", "run_1-b"]
    several = ["-e", "run_4/", "--expression", "run_3/\nrun_2/", "-e", '{"directory_name": "lab"}']
    assert paths("scan", ".", *several, "--sort", cwd=lab) == [".", "run_1/run_4", "run_2", "run_3"]


def test_names_of_patterns(lab: Path, tmp_path: Path) -> None:
    """The file, the text; and of several the number, as load_patterns has it."""
    write(tmp_path / "one.toml", 'directory_name = "run_1"')
    write(tmp_path / "two.yaml", "directory_name: run_2\n---\ndirectory_name: run_3\n")
    args = ["-p", "one.toml", "-p", "two.yaml", "-e", "run_4/", "-e", "lab/\nrun_1-b/"]
    result = run("scan", "lab", *args, "--json", cwd=tmp_path)
    found = {
        os.path.basename(line["path"]): line["pattern"]
        for line in map(json.loads, result.stdout.splitlines())
    }
    assert found == {
        "run_1": "one.toml",
        "run_2": "two.yaml[0]",
        "run_3": "two.yaml[1]",
        "run_4": "run_4/",
        "lab": "lab/\nrun_1-b/[0]",
        "run_1-b": "lab/\nrun_1-b/[1]",
    }
    assert load_patterns(tmp_path / "two.yaml")[1] == P("run_3")


def test_every_form_of_file(lab: Path, tmp_path: Path) -> None:
    expected = ["lab/run_1", "lab/run_1/run_4", "lab/run_1-b"]
    write(tmp_path / "p.txt", TEXT)
    for form in "json", "toml":
        assert run("convert", "p.txt", "--to", form, "-o", f"p.{form}", cwd=tmp_path).stdout == b""
    write(tmp_path / "p.yaml", (tmp_path / "p.json").read_text())
    for name in "p.txt", "p.json", "p.toml", "p.yaml":
        assert paths("scan", "lab", "-p", name, "--sort", cwd=tmp_path) == expected
    result = run("scan", lab, "-p", "-", stdin=TEXT.encode())
    assert len(result.stdout.splitlines()) == 3


def test_expression_of_shuffle(lab: Path, tmp_path: Path) -> None:
    result = run("shuffle", "lab", "out", "-e", "run_4/*.csv", cwd=tmp_path)
    assert result.returncode == 0
    assert (tmp_path / "out/run_4/x.csv").exists()
    result = run("shuffle", "lab", "out", "-e", "run_?/*.csv", "-vv", "--dryrun", cwd=tmp_path)
    assert b"run_?/*.csv: 3 matches" in result.stderr


def test_a_wrong_expression_shows_where(lab: Path) -> None:
    result = run("scan", lab, "-e", "run_*/{config.json, \u65e5\t*.{json,yaml}}")
    assert (result.returncode, result.stdout) == (2, b"")
    message, line, caret = result.stderr.decode().splitlines()
    assert message.startswith("Error: -e: ")
    assert ": line 1 column " in message
    shown = "run_*/{config.json, \u65e5\\t*.{json,yaml}}"
    assert line == f"    {shown}"
    # Below the brace that is wrong, though one character is wide and another shown as two.
    before = shown[: shown.rindex("{")]
    assert caret == f"    {' ' * (len(before) + 1)}^"


def test_a_wrong_file_of_text_shows_where(lab: Path, tmp_path: Path) -> None:
    write(tmp_path / "p.txt", "run_*/\n    data\n        *.csv\n")
    for command in ["scan", lab, "-p"], ["convert", "--to", "json"]:
        result = run(*command, "p.txt", cwd=tmp_path)
        message, line, caret = result.stderr.decode().splitlines()
        assert message.startswith('Error: p.txt: this "data" has something indented below it: ')
        assert message.endswith(": line 2 column 5")
        assert (line, caret) == ("        data", "        ^")


def test_no_pattern(lab: Path, tmp_path: Path) -> None:
    for text in "", " \n# nothing\n":
        assert run("scan", lab, "-e", text).returncode == 2
        assert b"p.txt: " in run("scan", lab, "-p", write(tmp_path / "p.txt", text)).stderr


@pytest.mark.parametrize("name", ["b.toml", "b.YAML", "b.yml", "b.txt"])
def test_what_a_shell_makes_of_a_star(lab: Path, tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "")
    said = failure("scan", "lab", "-p", "a.toml", name, cwd=tmp_path)
    assert said == f"{name}: Not a directory (is -p missing in front of it?)"


def test_yaml_without_pyyaml(lab: Path, tmp_path: Path) -> None:
    write(tmp_path / "p.yaml", "directory_name: run_1\n")
    code = "import sys; sys.modules['yaml'] = None; import pathvein.cli as c; c.main()"
    for args, status in (["scan", lab, "-p"], 2), (["validate"], 1):
        result = run_python(code, *args, "p.yaml", cwd=tmp_path)
        said = b"Error: p.yaml: YAML needs PyYAML: pip install 'pathvein[yaml]'\n"
        assert (result.returncode, result.stdout, result.stderr) == (status, b"", said)


# --sort


def test_sort(lab: Path, tmp_path: Path) -> None:
    """By the components of paths, then by file, then by the place in the file."""
    numbers = "\n".join(f"run_{'?' * (number % 2)}*/{{no x{number}}}" for number in range(12))
    write(tmp_path / "b.txt", numbers)
    write(tmp_path / "a.txt", "run_?/{no y}")
    args = ["-p", "b.txt", "-p", "a.txt", "--sort"]
    plain = ["lab/run_1", "lab/run_1/run_4", "lab/run_1-b", "lab/run_2", "lab/run_3"]
    assert paths("scan", "lab", *args, cwd=tmp_path) == plain
    found = [
        (os.path.relpath(line["path"], tmp_path), line["pattern"])
        for line in map(
            json.loads, run("scan", "lab", *args, "--json", cwd=tmp_path).stdout.splitlines()
        )
    ]
    of_b = [f"b.txt[{number}]" for number in range(12)]
    expected = [
        (path, name)
        for path in plain
        for name in (["a.txt"] if path != "lab/run_1-b" else []) + of_b
    ]
    assert found == expected
    result = run("scan", "lab", *args, "-0", cwd=tmp_path)
    assert result.stdout == b"".join(bytes(tmp_path.resolve() / path) + b"\0" for path in plain)


def test_sort_of_several_sources(lab: Path, tmp_path: Path) -> None:
    """All in one order; a path that is below two of them comes twice."""
    args = ["lab/run_2", "nope", "lab/run_1", "lab/run_1/run_4", "-e", "run_*/", "--sort"]
    result = run("scan", *args, cwd=tmp_path)
    assert result.returncode == 1
    names = ["run_1", "run_1/run_4", "run_1/run_4", "run_2"]
    assert result.stdout.splitlines() == [bytes(lab / name) for name in names]
    assert result.stderr.startswith(b"Error: nope: No such file")


# convert


def test_convert(tmp_path: Path) -> None:
    write(tmp_path / "p.txt", TEXT)
    result = run("convert", "p.txt", "--to", "json", cwd=tmp_path)
    assert result.stdout == (
        b'{"directory_name": "run_*", "files": ["*.csv"], "forbidden_files": ["FAILED"]}\n'
    )
    as_json = result.stdout
    result = run("convert", "-", "--to", "toml", stdin=as_json)
    assert result.stdout == (
        b'directory_name = "run_*"\nfiles = ["*.csv"]\nforbidden_files = ["FAILED"]\n'
    )
    result = run("convert", "-", "--to", "text", stdin=as_json)
    assert (result.returncode, result.stdout, result.stderr) == (0, TEXT.encode(), b"")
    assert run("convert", "-e", EXPRESSION, "--to", "text").stdout == TEXT.encode()


def test_convert_several(tmp_path: Path) -> None:
    patterns = [
        P("a", ["x"], [P("b", ["y"], [P(None)])]),
        P("c", optional_directories=[P()]),
        P("d"),
    ]
    write(tmp_path / "p.json", "".join(f"{pattern.to_json()}\n" for pattern in patterns))
    for form in "json", "toml", "text":
        name = f"q.{form}"
        result = run("convert", "p.json", "--to", form, "-o", name, cwd=tmp_path)
        assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
        found = load_patterns(tmp_path / name)
        null = None if form == "json" else "*"
        assert found[0].directories[0].directories[0].directory_name == null
        assert found[1:] == patterns[1:]
    assert (
        tmp_path / "q.text"
    ).read_text() == "a/\n    x\n    b/\n        y\n        */\n\nc/\n    optional */\n\nd/\n"
    # Equal ones are one.
    result = run("convert", "-e", "a/\nb/\na/", "--to", "text")
    assert result.stdout == b"a/\n\nb/\n"


ODD = [
    P("a'b\"c\\d\n\t\x7f\u0085\u2028\u65e5 [x,y]", ["", " x ", "# y", "a = 1", "null"]),
    P("*", [f"name {number}" for number in range(40)], closed=True),
    P("*", directories=[P(f"d{number}", ["a"]) for number in range(40)]),
]


@pytest.mark.parametrize("form", ["json", "toml", "text"])
def test_convert_odd_names(tmp_path: Path, form: str) -> None:
    for number, pattern in enumerate(ODD):
        write(tmp_path / "p.json", pattern.to_json())
        name = f"q{number}.{form}"
        assert run("convert", "p.json", "--to", form, "-o", name, cwd=tmp_path).returncode == 0
        assert P.load(tmp_path / name) == pattern
        if number:
            assert max(map(len, (tmp_path / name).read_text().splitlines())) < 80


@pytest.mark.parametrize("form", ["json", "toml", "text"])
def test_convert_what_asks_for_more(tmp_path: Path, form: str) -> None:
    text = (
        '{"directory_name": ["a", {"regex": "b\\\\d{2}"}], "files": [["*.nii", "*.nii.gz"], '
        '{"name": "*.csv", "min": 3, "max": 9}, {"regex": "[^\\\\W]"}], '
        '"directories": [[{"directory_name": "x"}, {"directory_name": "y", "files": ["z"]}], '
        '{"directory": {"directory_name": "w"}, "min": 2}, {"directory_name": "v"}], '
        '"forbidden_directories": [{"directory_name": "u", "forbidden_files": ["t"]}], '
        '"closed": true}'
    )
    write(tmp_path / "p.json", text)
    assert run("convert", "p.json", "--to", form, "-o", f"q.{form}", cwd=tmp_path).returncode == 0
    assert P.load(tmp_path / f"q.{form}") == P.load(tmp_path / "p.json")


@pytest.mark.parametrize("form", ["json", "toml", "text"])
def test_convert_the_deepest(tmp_path: Path, form: str) -> None:
    pattern = P("a")
    for _ in range(127):
        pattern = P("a", directories=[pattern])
    write(tmp_path / "p.json", pattern.to_json())
    name = f"q.{form}"
    assert run("convert", "p.json", "--to", form, "-o", name, cwd=tmp_path).returncode == 0
    assert P.load(tmp_path / name) == pattern


def test_convert_what_toml_cannot_say(tmp_path: Path) -> None:
    write(tmp_path / "p.json", P("\udcff").to_json())
    assert "TOML" in failure("convert", "p.json", "--to", "toml", "-o", "out.toml", cwd=tmp_path)
    assert not (tmp_path / "out.toml").exists()
    result = run("convert", "p.json", "--to", "text", cwd=tmp_path)
    assert result.stdout == b'"\\udcff"/\n'


def test_convert_that_cannot_be_done(tmp_path: Path) -> None:
    write(tmp_path / "p.json", "{}")
    write(tmp_path / "out", "before")
    assert failure("convert", "p.json", "--to", "json", "-o", "no/x", cwd=tmp_path).startswith(
        "no/x: "
    )
    said = failure("convert", "nope.json", "--to", "text", "-o", "out", cwd=tmp_path)
    assert said == "nope.json: No such file or directory"
    assert (tmp_path / "out").read_text() == "before"
    # A file may be written over itself.
    assert run("convert", "p.json", "--to", "text", "-o", "p.json", cwd=tmp_path).returncode == 0
    assert (tmp_path / "p.json").read_text() == "*/\n"


# validate


def test_validate_what_is_right(tmp_path: Path) -> None:
    write(tmp_path / "p.txt", TEXT)
    write(tmp_path / "p.yaml", "files: [a]\n---\nfiles: [b]\n")
    result = run("validate", "p.txt", "p.yaml", "-e", EXPRESSION, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert run("validate", "-", stdin=b"run_1/").returncode == 0


def said_of(*args: Arg, cwd: Path, stdin: bytes = b"") -> list[str]:
    result = run("validate", *args, cwd=cwd, stdin=stdin)
    assert (result.returncode, result.stderr) == (1, b"")
    return result.stdout.decode().splitlines()


@pytest.mark.parametrize(
    ("name", "text", "starts"),
    [
        ("p.json", '{"files": [\n"a/b"]}', ["p.json:2:1: never: files[0]: "]),
        ("p.json", "{}\n{}\n{files}", ["p.json:3:2: error: expected "]),
        ("p.json", '{"files": ["a", 3]}', ["p.json:1:17: error: files[1]: expected a string"]),
        ("p.toml", "files = ['a/b']", ["p.toml: never: files[0]: "]),
        ("p.toml", "[[pattern]]\n[[pattern]]\nfiles=['a/b']", ["p.toml[1]: never: files[0]: "]),
        ("p.toml", "files = 3", ["p.toml: error: files: expected "]),
        ("p.toml", "files\n", ["p.toml:1:6: error: "]),
        ("p.yaml", "files: [a, no]", ["p.yaml:1:12: error: files[1]: no is a boolean to YAML"]),
        (
            "p.yaml",
            "files: [a/b]\n---\noptional_files:\n- x\n- x\n",
            ["p.yaml:1:9: never: files[0]: ", "p.yaml:5:3: idle: optional_files[1]: "],
        ),
        (
            "p.json",
            '{"directories": [{"directories": [{"files": ["a/b"],\n'
            '"optional_files": ["x", "x"]}]}]}',
            [
                "p.json:1:46: never: directories[0].directories[0].files[0]: ",
                "p.json:2:25: idle: directories[0].directories[0].optional_files[1]: ",
            ],
        ),
    ],
)
def test_validate(tmp_path: Path, name: str, text: str, starts: list[str]) -> None:
    write(tmp_path / name, text)
    found = said_of(name, cwd=tmp_path)
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


def test_validate_goes_through_a_file_from_above(tmp_path: Path) -> None:
    """What is wrong with files, directories and forbidden entries comes as it stands there."""
    write(tmp_path / "p.txt", 'a/\n    no b\n    "x/y"/\n    no b\n    "v/w"\n')
    starts = ["p.txt:3:5: never: dir", "p.txt:4:5: idle: forb", "p.txt:5:5: never: files"]
    found = said_of("p.txt", cwd=tmp_path)
    assert [line[: len(start)] for line, start in zip(found, starts, strict=True)] == starts


def test_validate_several(tmp_path: Path) -> None:
    """Each is looked at, whatever is wrong with those before."""
    write(tmp_path / "a.json", "{")
    write(tmp_path / "b\x1b.json", "[")
    result = run("validate", "a.json", "nope", ".", "b\x1b.json", cwd=tmp_path)
    assert result.returncode == 1
    assert [line[:16] for line in result.stdout.splitlines()] == [
        b"a.json:1:2: erro",
        rb"b\x1b.json:1:2: ".replace(b"\\\\", b"\\"),
    ]
    assert result.stderr == b"Error: nope: No such file or directory\nError: .: Is a directory\n"
    [line] = said_of("-", cwd=tmp_path, stdin=b'{"files": 3}')
    assert line.startswith("standard input:1:11: error: files: expected")


def test_validate_text(tmp_path: Path) -> None:
    write(tmp_path / "p.txt", "run_*/\n    data\n        *.csv\n")
    message, line, caret = said_of("p.txt", cwd=tmp_path)
    assert message.startswith('p.txt:2:5: error: this "data" has something indented below it')
    assert not message.endswith("column 5")
    assert (line, caret) == ("        data", "        ^")
    found = said_of("-e", "run_*/{a,", "-e", 'x/{"a/b"}', cwd=tmp_path)
    assert found[0].startswith("-e:1:7: error: ")
    assert found[1:3] == ["    run_*/{a,", "          ^"]
    assert found[3].startswith("-e:1:")
    assert ": never: files[0]: " in found[3]


def test_validate_text_inside_of_a_string(tmp_path: Path) -> None:
    write(tmp_path / "p.json", '{"directories": ["a",\n  "b/{c"]}')
    message, line, caret = said_of("p.json", cwd=tmp_path)
    assert message.startswith("p.json:2:3: error: directories[1]: ")
    assert (line, caret) == ("    b/{c", "      ^")


# All of them.


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["scan", "."], "Missing option '--pattern' / '-p' or '--expression' / '-e'"),
        (["shuffle", ".", "x"], "Missing option '--pattern' / '-p' or '--expression' / '-e'"),
        (["convert", "--to", "text"], "Missing argument 'FILE' or option '--expression' / '-e'"),
        (["convert", "x"], "Missing option '--to'. Choose from: text, json, toml"),
        (["convert", "x", "--to", "xml"], "'xml' is not one of"),
        (["convert", "x", "y", "--to", "text"], "unexpected extra argument"),
        (["validate"], "Missing argument 'FILE...'"),
        (["validate", "--nope"], "--nope"),
        (["scan", ".", "-e"], "-e"),
    ],
)
def test_wrong_use(tmp_path: Path, args: list[str], said: str) -> None:
    message = failure(*args, cwd=tmp_path)
    assert said in message
    assert message.endswith(f" (see pathvein {args[0]} --help)")


@pytest.mark.parametrize("command", ["convert", "validate"])
def test_output_that_cannot_be_written(tmp_path: Path, command: str) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is missing")
    write(tmp_path / "p.json", '{"files": ["a/b"]}')
    args = [*COMMAND, command, "p.json", *(["--to", "json"] if command == "convert" else [])]
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            args, cwd=tmp_path, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert result.returncode == 2
    assert result.stderr == b"Error: standard output: No space left on device\n"


@pytest.mark.parametrize("command", ["convert", "validate"])
def test_imports(tmp_path: Path, command: str) -> None:
    """No command imports another, nor what only the looks of the help are for."""
    write(tmp_path / "p.json", "{}")
    code = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
import pathvein.cli
pathvein.cli.main()
"""
    args = [command, "p.json", *(["--to", "json"] if command == "convert" else [])]
    modules = set(run_python(code, *args, cwd=tmp_path).stderr.decode().split())
    assert f"pathvein.cli._{command}" in modules
    assert modules.isdisjoint({"rich", "rich_click", "yaml", "tomllib", "pathvein.cli._scan"})


def test_help() -> None:
    for command in "scan", "shuffle", "convert", "validate":
        text = run(command, "--help").stdout.decode()
        assert "--expression" in text
        assert "TOML" in text
        assert ("A pattern to look for" in text) == (command in ("scan", "shuffle"))
    groups = run("--help").stdout.decode()
    assert all(f" {command} " in groups for command in ("convert", "scan", "shuffle", "validate"))
