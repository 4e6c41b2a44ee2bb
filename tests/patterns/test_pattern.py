"""FileStructurePattern: its value, its JSON, its copies, and what it refuses."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pathvein_core
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import make_pattern
from pathvein import FileStructurePattern as P
from reference import Pat
from strategies import hard_text

texts = st.one_of(st.sampled_from(["*", "", "a", "*.txt", '"\\\n\u2028\x7f']), hard_text, st.text())
names = st.one_of(st.none(), texts)


@st.composite
def patterns(draw: Any, depth: int = 2) -> Pat:
    """Patterns of all shapes; small, since their number is what finds something."""

    def few(strategy: Any, most: Any) -> Any:
        # The size is drawn first: cheaper by far than lists that decide item by item.
        return tuple(draw(strategy) for _ in range(draw(st.integers(0, most))))

    below = patterns(depth - 1) if depth else st.nothing()
    return Pat(
        draw(names),
        few(texts, 2),
        few(below, 2) if depth else (),
        few(texts, 1),
        few(below, 1) if depth else (),
    )


pats = patterns()


def as_dict(pat: Pat) -> dict[str, Any]:
    """The JSON object, keys in the order that is promised."""
    return {
        "directory_name": pat.name,
        "files": list(pat.files),
        "directories": [as_dict(sub) for sub in pat.dirs],
        "optional_files": list(pat.optional_files),
        "optional_directories": [as_dict(sub) for sub in pat.optional_dirs],
    }


def as_old_json(pat: Pat) -> str:
    """What 0.9 wrote: nested patterns are JSON text inside of strings."""
    value = as_dict(pat)
    value["directories"] = [as_old_json(sub) for sub in pat.dirs]
    value["optional_directories"] = [as_old_json(sub) for sub in pat.optional_dirs]
    return json.dumps(value)


def read_back(pattern: P) -> Pat:
    """A pattern as plain data, by its attributes."""
    return Pat(
        pattern.directory_name,
        tuple(pattern.files),
        tuple(read_back(sub) for sub in pattern.directories),
        tuple(pattern.optional_files),
        tuple(read_back(sub) for sub in pattern.optional_directories),
    )


def joined(pat: Pat) -> Pat:
    """What JSON makes of a pattern: a high and a low surrogate side by side become one."""

    def join(value: Any) -> Any:
        if isinstance(value, Pat):
            return Pat(*map(join, value))
        if isinstance(value, tuple):
            return tuple(map(join, value))
        return json.loads(json.dumps(value))

    return Pat(*map(join, pat))


def nested(levels: int) -> P:
    """A chain of so many levels."""
    pattern = P(str(levels))
    for level in range(levels - 1, 0, -1):
        pattern = P(str(level), directories=[pattern])
    return pattern


# Value -------------------------------------------------------------------------------------


def test_defaults() -> None:
    pattern = P()
    assert read_back(pattern) == Pat("*")
    assert pattern == P("*", [], [], [], [])
    assert pattern == P(
        directory_name="*", files=[], directories=[], optional_files=[], optional_directories=[]
    )


@given(pats, pats)
def test_equality_hash_repr_json_copies(one: Any, other: Any) -> None:
    first, second = make_pattern(one), make_pattern(other)
    assert read_back(first) == one
    assert (first == second) is (one == other)
    assert (first != second) is (one != other)
    same = make_pattern(one)
    assert first == same
    assert hash(first) == hash(same)
    assert len({first, same}) == 1

    text = first.to_json()
    assert text == json.dumps(as_dict(one))
    assert read_back(P.from_json(text)) == joined(one)
    assert P.from_json(text).to_json() == text
    assert read_back(P.from_json(as_old_json(one))) == joined(one)
    spaced = json.dumps(as_dict(joined(one)), indent=2, ensure_ascii=False)
    assert read_back(P.from_json(spaced)) == joined(one)

    assert eval(repr(first), {"FileStructurePattern": P}) == first
    for twin in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert twin is not first
        assert type(twin) is P
        assert twin == first
        assert hash(twin) == hash(first)
        twin.add_file("more")
        assert twin != first
        assert read_back(first) == one


def test_names_that_mean_the_same_are_unequal() -> None:
    assert len({P("*"), P(""), P(None)}) == 3
    assert P() == P("*")
    assert P.from_json("{}") == P("*")
    assert P.from_json('{"directory_name": null}') == P(None)
    assert P.from_json('{"directory_name": ""}') == P("")


@pytest.mark.parametrize(
    "other",
    [
        P("b"),
        P("a", ["y"]),
        P("a", ["x", "x"]),
        P("a", [], [], ["x"]),
        P("a", ["x"], [P("q")]),
        P("a", ["x"], [], [], [P("q")]),
    ],
)
def test_everything_counts_for_equality(other: Any) -> None:
    assert P("a", ["x"]) != other


def test_equality_with_what_is_no_pattern() -> None:
    assert P() != 3
    assert P() != '{"directory_name": "*"}'
    assert P().__eq__(3) is NotImplemented
    assert P().__lt__(3) is NotImplemented
    assert P("a") < P("b")
    assert not P() < P()


def test_repr_says_it_all() -> None:
    text = repr(P("a*", ["f"], [P("sub")], ["g"]))
    assert text.startswith("FileStructurePattern(")
    for part in ("'a*'", "'f'", "'sub'", "'g'"):
        assert part in text


# Building ----------------------------------------------------------------------------------


def test_the_constructor_copies() -> None:
    files, below, directories = ["a"], P("sub"), []
    directories.append(below)
    pattern = P("x", files, directories, files, directories)
    files.append("b")
    below.add_file("f")
    directories.append(P())
    assert pattern == P("x", ["a"], [P("sub")], ["a"], [P("sub")])


def test_the_constructor_takes_any_iterable() -> None:
    made = P("x", (f for f in ["a", "b"]), iter([P("s")]), ("c",), (P("t"),))
    assert made == P("x", ["a", "b"], [P("s")], ["c"], [P("t")])


def test_building_in_place_returns_the_pattern() -> None:
    pattern = P()
    assert pattern.set_directory_name("x") is pattern
    assert pattern.add_file("a") is pattern
    assert pattern.add_files(["b", "c"]) is pattern
    assert pattern.add_file("d", is_optional=True) is pattern
    assert pattern.add_files(iter(["e"]), True) is pattern
    assert pattern.add_directory(P("s")) is pattern
    assert pattern.add_directories([P("t"), P("u")]) is pattern
    assert pattern.add_directory(P("v"), is_optional=True) is pattern
    assert pattern.add_directories((P(n) for n in "wx"), is_optional=True) is pattern
    subs = {n: P(n) for n in "stuvwx"}
    assert pattern == P(
        "x",
        ["a", "b", "c"],
        [subs["s"], subs["t"], subs["u"]],
        ["d", "e"],
        [subs["v"], subs["w"], subs["x"]],
    )


def test_added_patterns_are_copied() -> None:
    below = P("s")
    pattern = P().add_directory(below)
    below.add_file("f")
    assert pattern == P("*", [], [P("s")])
    pattern.add_directory(pattern)
    assert pattern == P("*", [], [P("s"), P("*", [], [P("s")])])


def test_a_failing_add_adds_nothing() -> None:
    pattern = P("x", ["a"])
    untyped: Any = pattern
    wrongs: list[Callable[[], object]] = [
        lambda: untyped.add_files(["b", 3]),
        lambda: untyped.add_directories([P(), 3]),
    ]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            wrong()
        assert pattern == P("x", ["a"])


def test_attributes_can_be_assigned() -> None:
    pattern = P()
    files, subs = ["a"], [P("s")]
    pattern.directory_name = "x"
    pattern.files = files
    pattern.directories = subs
    pattern.optional_files = ("b",)
    pattern.optional_directories = iter([P("t")])
    files.append("no")
    subs[0].add_file("no")
    subs.append(P("no"))
    assert pattern == P("x", ["a"], [P("s")], ["b"], [P("t")])
    pattern.directory_name = None
    assert pattern.directory_name is None


def test_lists_read_back_as_tuples_that_equal_lists() -> None:
    pattern = P("x", ["a", "b"], [P("s")], [], [])
    assert isinstance(pattern.files, tuple)
    assert type(pattern.files) is not tuple
    assert pattern.files == ["a", "b"]
    assert pattern.files == ["a", "b"]
    assert pattern.files == ("a", "b")
    assert pattern.files != ["a"]
    assert not pattern.files != ["a", "b"]  # noqa: SIM202
    assert pattern.optional_files == []
    assert pattern.directories == [P("s")]
    assert list(pattern.files) == ["a", "b"]
    assert pattern.files[0] == "a"
    assert pattern.files[-1] == "b"
    assert len(pattern.files) == 2
    assert hash(pattern.files) == hash(("a", "b"))
    assert not hasattr(pattern.files, "append")
    assert pickle.loads(pickle.dumps(pattern.files)) == ["a", "b"]


def test_nested_patterns_read_back_are_frozen() -> None:
    pattern = P("x", [], [P("s", ["a"], [P("deep")])], [], [P("o")])
    for sub in (pattern.directories[0], pattern.optional_directories[0]):
        changes: list[Any] = [
            lambda s: s.add_file("f"),
            lambda s: s.add_files(["f"]),
            lambda s: s.add_directory(P()),
            lambda s: s.add_directories([P()]),
            lambda s: s.set_directory_name("y"),
            lambda s: setattr(s, "directory_name", "y"),
            lambda s: setattr(s, "files", []),
            lambda s: setattr(s, "directories", []),
            lambda s: setattr(s, "optional_files", []),
            lambda s: setattr(s, "optional_directories", []),
        ]
        for change in changes:
            with pytest.raises(TypeError, match="copy"):
                change(sub)
        thawed = copy.deepcopy(sub)
        thawed.add_file("f")
        assert thawed != sub
        for twin in (copy.copy(sub), pickle.loads(pickle.dumps(sub))):
            assert twin.add_file("f") != sub
    with pytest.raises(TypeError, match="copy"):
        pattern.directories[0].directories[0].add_file("f")
    assert pattern == P("x", [], [P("s", ["a"], [P("deep")])], [], [P("o")])


def test_all_files_and_all_directories() -> None:
    pattern = P("x", ["a", "b"], [P("s"), P("t")], ["b", "c"], [P("t"), P("u")])
    assert sorted(pattern.all_files) == ["a", "b", "c"]
    assert {d.directory_name for d in pattern.all_directories} == {"s", "t", "u"}
    assert len(pattern.all_directories) == 3
    assert list(P().all_files) == []
    assert list(P().all_directories) == []


def test_the_hash_follows_every_change() -> None:
    pattern = P("x", ["a"])
    changes: list[Any] = [
        lambda: pattern.add_file("b"),
        lambda: pattern.add_files(["c"], is_optional=True),
        lambda: pattern.add_directory(P("s")),
        lambda: pattern.add_directories([P("t")], is_optional=True),
        lambda: pattern.set_directory_name("y"),
        lambda: setattr(pattern, "directory_name", "z"),
        lambda: setattr(pattern, "files", ["q"]),
        lambda: setattr(pattern, "directories", [P("q")]),
        lambda: setattr(pattern, "optional_files", ["q"]),
        lambda: setattr(pattern, "optional_directories", [P("q")]),
    ]
    seen = {hash(pattern)}
    for turn, change in enumerate(changes):
        change()
        assert hash(pattern) == hash(P.from_json(pattern.to_json()))
        seen.add(hash(pattern))
        assert len(seen) == turn + 2
    assert pattern.matches(("z", ["q"], ["q"])) is True
    assert pattern.set_directory_name("w").matches(("z", ["q"], ["q"])) is False


class Mine(P):
    """A user's own kind of pattern."""


def test_a_subclass_is_kept() -> None:
    made = Mine("x", ["a"], [Mine("s", [], [Mine("d")])], [], [Mine("o")])
    from_json = Mine.from_json(made.to_json())
    made.note = from_json.note = "mine"  # type: ignore[attr-defined]
    twins = (
        made,
        from_json,
        copy.copy(made),
        copy.deepcopy(made),
        pickle.loads(pickle.dumps(made)),
    )
    for pattern in twins:
        assert type(pattern) is Mine
        assert vars(pattern) == {"note": "mine"}
        assert type(pattern.directories[0]) is Mine
        assert type(pattern.directories[0].directories[0]) is Mine
        assert type(pattern.optional_directories[0]) is Mine
        assert type(pattern.all_directories[0]) is Mine
        assert pattern == made
    assert type(Mine().add_directory(P("s")).directories[0]) is Mine
    assert repr(made).startswith("Mine(")


def test_load_json_keeps_the_subclass(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"directories": [{}]}')
    pattern = Mine.load_json(tmp_path / "p.json")
    assert type(pattern) is Mine
    assert type(pattern.directories[0]) is Mine


# Wrong types -------------------------------------------------------------------------------

WRONG = [
    ("directory_name", 3),
    ("directory_name", [3]),
    ("directory_name", b"a"),
    ("files", 3),
    ("files", "abc"),
    ("files", [3]),
    ("files", [None]),
    ("files", ["a", b"b"]),
    ("directories", 3),
    ("directories", "a"),
    ("directories", [{}]),
    ("directories", P()),
    ("optional_files", "abc"),
    ("optional_files", [3]),
    ("optional_directories", "a"),
    ("optional_directories", 3),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_type_names_the_argument(name: Any, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"\b{name}\b"):
        P(**{name: value})
    pattern = P("x")
    with pytest.raises(TypeError, match=rf"\b{name}\b"):
        setattr(pattern, name, value)
    assert pattern == P("x")


def test_wrong_types_of_the_methods() -> None:
    wrongs: list[tuple[Callable[[Any], object], object, str]] = [
        (lambda x: P().add_file(x), 3, "file"),
        (lambda x: P().add_files(x), "abc", "files"),
        (lambda x: P().add_files(x), 3, "files"),
        (lambda x: P().add_directory(x), 3, "directory"),
        (lambda x: P().add_directories(x), "a", "directories"),
        (lambda x: P().set_directory_name(x), 3, "name"),
        (lambda x: P.from_json(x), 3, "str"),
    ]
    for call, wrong, name in wrongs:
        with pytest.raises(TypeError, match=name):
            call(wrong)
    pattern: Any = P
    with pytest.raises(AttributeError):
        pattern().filez = []
    with pytest.raises(TypeError):
        pattern(filez=[])


def test_128_levels_and_no_more() -> None:
    deepest = nested(128)
    assert P.from_json(deepest.to_json()) == deepest
    for twin in (copy.deepcopy(deepest), pickle.loads(pickle.dumps(deepest))):
        assert twin == deepest
        assert hash(twin) == hash(deepest)
    assert repr(deepest)
    assert len(deepest.validate()) >= 0
    for too_deep in (
        lambda: P(directories=[deepest]),
        lambda: P(optional_directories=[deepest]),
        lambda: P().add_directory(deepest),
        lambda: P().add_directories([P(), deepest], is_optional=True),
        lambda: setattr(P(), "directories", [deepest]),
        lambda: P.from_json('{"directories": [' + deepest.to_json() + "]}"),
        lambda: P.from_json('{"directories": [' * 128 + "{}" + "]}" * 128),
        lambda: P.from_json('{"directories": [' * 100_000 + "{}" + "]}" * 100_000),
        lambda: P.from_json("[" * 100_000),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            too_deep()
    levels = '{"directories": [' * 127 + "{}" + "]}" * 127
    assert P.from_json(levels).to_json() == nested_any(128).to_json()


def nested_any(levels: Any) -> Any:
    pattern = P()
    for _ in range(levels - 1):
        pattern = P(directories=[pattern])
    return pattern


# JSON --------------------------------------------------------------------------------------


def test_json_is_written_as_json_dumps_does() -> None:
    pat = Pat('a"\\\x00\x1f\x7f\u00e9\u2028\U0001f600\udcff/', ("\udcff\ud800",), (Pat(None),))
    text = make_pattern(pat).to_json()
    assert text == json.dumps(as_dict(pat))
    assert "\\udcff" in text
    assert text.isascii()
    assert read_back(P.from_json(text)) == pat


def test_json_escapes_are_read_alike() -> None:
    for text in (
        r'{"directory_name": "\ud83d\ude00\/\b\f"}',
        r'{"directory_name": "\udcff"}',
        r'{"directory_name": "\ud800x"}',
        r'{"directory_name": "\ud83d\ud83d\ude00"}',
        r'{"directory_name": "\ude00\ud83d"}',
        '{"directory_name": "\U0001f600"}',
        '{"directory_name": "\udcff"}',
        ' \n\t{ "directory_name" :\r"x" } ',
    ):
        assert P.from_json(text).directory_name == json.loads(text)["directory_name"]


def test_every_key_may_be_missing_and_a_schema_is_allowed() -> None:
    assert P.from_json("{}") == P()
    assert P.from_json('{"$schema": "https://example.org/x", "files": ["a"]}') == P("*", ["a"])
    assert P.from_json('{"directories": [{}]}') == P("*", [], [P()])


def test_the_older_nested_form() -> None:
    inner = '{"directory_name": "s", "files": ["a"], "directories": []}'
    text = json.dumps({"directory_name": "x", "directories": [inner, {"files": ["b"]}]})
    assert P.from_json(text) == P("x", [], [P("s", ["a"]), P("*", ["b"])])
    twice = json.dumps({"optional_directories": [json.dumps({"directories": [inner]})]})
    assert P.from_json(twice) == P("*", [], [], [], [P("*", [], [P("s", ["a"])])])


BAD_JSON = [
    ("[]", ["object"]),
    ("3", ["object"]),
    ("null", ["object"]),
    ('{"files": "a"}', ["files"]),
    ('{"files": [3]}', ["files[0]"]),
    ('{"files": ["a", null]}', ["files[1]"]),
    ('{"files": null}', ["files"]),
    ('{"optional_files": {}}', ["optional_files"]),
    ('{"directory_name": 3}', ["directory_name"]),
    ('{"directory_name": ["a", ["b"]]}', ["directory_name[1]"]),
    ('{"directories": {}}', ["directories"]),
    ('{"directories": [3]}', ["directories[0]"]),
    ('{"directories": [{}, {"files": 3}]}', ["directories[1].files"]),
    ('{"directories": [{}, {}, {"files": ["a", 3]}]}', ["directories[2].files[1]"]),
    (
        '{"directories": [{"optional_directories": [{"directory_name": 3}]}]}',
        ["directories[0].optional_directories[0].directory_name"],
    ),
    ('{"filez": []}', ["filez"]),
    ('{"directories": [{"filez": []}]}', ["directories[0]", "filez"]),
    ('{"directories": [{"$schema": "x"}]}', ["directories[0]", "$schema"]),
    ('{"files": [], "files": []}', ["files"]),
    ('{"directories": [{"files": [], "files": ["a"]}]}', ["directories[0]", "files"]),
    (json.dumps({"directories": ['{"files": 3}']}), ["directories[0].files"]),
]


@pytest.mark.parametrize(("text", "places"), BAD_JSON)
def test_bad_json_names_the_place(text: Any, places: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        P.from_json(text)
    assert not isinstance(caught.value, json.JSONDecodeError)
    for place in places:
        assert place in str(caught.value)
    file = tmp_path / "the-file.json"
    file.write_text(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        P.load_json(file)
    assert str(file) in str(caught.value)
    for place in places:
        assert place in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("{", 1, 2),
        ("{\n  'files': []}", 2, 3),
        ('{"files": [],}', 1, None),
        ('{"files": [}', 1, 12),
        ('{}\n{"x": 1}', 2, 1),
        ('{"files": ["a\nb"]}', 1, 14),
        ('{"files": ["\\x"]}', 1, None),
        ('{\n"\u65e5\U0001f600": nope}', 2, 7),
        ('{"directory_name": nan}', 1, 20),
        ('{"directory_name": "abc', 1, None),
    ],
)
def test_broken_text_is_a_decode_error_with_line_and_column(
    text: Any, line: Any, column: Any, tmp_path: Path
) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        P.from_json(text)
    assert caught.value.lineno == line
    if column is not None:
        assert caught.value.colno == column
    file = tmp_path / "the-file.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(json.JSONDecodeError) as caught:
        P.load_json(file)
    assert caught.value.lineno == line
    notes = getattr(caught.value, "__notes__", [])
    assert str(file) in str(caught.value) + "".join(notes)


def test_broken_text_in_the_older_form_names_the_place() -> None:
    with pytest.raises(ValueError, match=r"directories\[0\]"):
        P.from_json(json.dumps({"directories": ["{nope"]}))


def test_load_json(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    pattern = P("\u65e5", ["*.\udcff"], [P("s")])
    file.write_text(pattern.to_json())
    assert P.load_json(file) == pattern
    assert P.load_json(str(file)) == pattern
    file.write_text(json.dumps({"directory_name": "\u65e5"}, ensure_ascii=False), encoding="utf-8")
    assert P.load_json(file).directory_name == "\u65e5"
    with pytest.raises(FileNotFoundError) as caught:
        P.load_json(tmp_path / "missing.json")
    assert caught.value.filename == str(tmp_path / "missing.json")
    with pytest.raises(IsADirectoryError):
        P.load_json(tmp_path)
    file.write_bytes(b'{"directory_name": "\xff"}')
    with pytest.raises(ValueError, match=r"p\.json"):
        P.load_json(file)
    with pytest.raises(TypeError):
        P.load_json(3)  # type: ignore[arg-type]


def test_load_json_of_a_upath() -> None:
    upath = pytest.importorskip("upath")
    file = upath.UPath("memory:///pathvein-load/p.json")
    file.write_text('{"files": ["a"]}')
    assert P.load_json(file) == P("*", ["a"])
    with pytest.raises(FileNotFoundError):
        P.load_json(upath.UPath("memory:///pathvein-load/no.json"))
    file.write_text('{"files": 3}')
    with pytest.raises(ValueError, match=r"p\.json.*files|files.*p\.json"):
        P.load_json(file)


@given(st.text(alphabet='{}[]":,\\ufd8c0123"filesdrctoyn_am \n$', max_size=40))
def test_any_text_is_a_pattern_or_a_value_error(text: Any) -> None:
    try:
        pattern = P.from_json(text)
    except ValueError:
        return
    assert isinstance(json.loads(text), dict)
    assert P.from_json(pattern.to_json()) == pattern


EMPTY = as_dict(Pat())


@st.composite
def json_values(draw: Any) -> Any:
    """JSON near a pattern's: sometimes valid, mostly wrong at one place."""
    value = as_dict(draw(pats))
    for key in draw(st.lists(st.sampled_from(list(value)), max_size=2)):
        value[key] = draw(
            st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.text(max_size=2)))
        )
    return value


@given(json_values())
def test_what_is_accepted_is_what_is_specified(value: Any) -> None:
    text = json.dumps(value)
    name = value["directory_name"]
    # Several are alternatives.
    valid = isinstance(name, (str, type(None))) or (
        isinstance(name, list) and name != [] and all(isinstance(x, str) for x in name)
    )
    for key in ("files", "optional_files"):
        valid &= isinstance(value[key], list) and all(isinstance(x, str) for x in value[key])
    for key in ("directories", "optional_directories"):
        valid &= isinstance(value[key], list)
        if valid:
            # A string is a pattern only if it holds the text of one; short ones never do.
            valid &= all(isinstance(x, dict) or x == "{}" for x in value[key])
    if valid:
        for key in ("directories", "optional_directories"):
            value[key] = [EMPTY if below == "{}" else below for below in value[key]]
        if isinstance(name, list) and len(name) == 1:
            [value["directory_name"]] = name
        assert P.from_json(text).to_json() == json.dumps(value)
    else:
        with pytest.raises(ValueError):  # noqa: PT011
            P.from_json(text)


# validate ----------------------------------------------------------------------------------


def problems(pattern: Any) -> Any:
    """(place, severity) of each problem."""
    found = []
    for problem in pattern.validate():
        assert isinstance(problem.message, str)
        assert problem.message
        assert problem.severity in ("never", "idle")
        found.append((problem.place, problem.severity))
    return found


def test_a_good_pattern_has_no_problems() -> None:
    assert problems(P("run*", ["*.txt"], [P("raw", ["[ab]?"])], ["x"], [P("o")])) == []
    assert problems(P()) == []


def test_what_can_never_match_is_told() -> None:
    assert ("directory_name", "never") in problems(P("a/b"))
    assert ("files[1]", "never") in problems(P("x", ["ok", "a/b"]))
    assert ("files[0]", "never") in problems(P("x", ["[z-a]"]))
    assert ("directories[0].directory_name", "never") in problems(P("x", [], [P("a/")]))
    assert ("directories[1].files[0]", "never") in problems(P("x", [], [P("o"), P("y", ["/"])]))
    assert problems(P("x", ["[/]a"])) != []
    assert ("files[0]", "never") not in problems(P("x", ["[!/]a"]))
    assert ("files[0]", "never") not in problems(P("x", ["[/a]"]))


def test_what_adds_nothing_is_told() -> None:
    assert "idle" in {severity for _, severity in problems(P("x", ["a", "a"]))}
    assert "idle" in {severity for _, severity in problems(P("x", [], [P("s"), P("s")]))}


def test_validate_of_a_literal_empty_file_name() -> None:
    assert ("files[0]", "never") in problems(P("x", [""]))


@given(pats)
def test_validate_never_fails(pat: Any) -> None:
    problems(make_pattern(pat))


def test_pathlib_is_no_pattern_name() -> None:
    with pytest.raises(TypeError, match="directory_name"):
        P(Path("a"))  # type: ignore[arg-type]


class Labelled(P):
    """A subclass whose constructor takes something else."""

    def __new__(cls, label: str) -> Labelled:
        made = super().__new__(cls, label, files=["f"], directories=[P("d")])
        made.label = label
        return made

    label: str


def test_a_subclass_with_a_constructor_of_its_own() -> None:
    pattern = Labelled("x")
    [below] = pattern.directories
    assert type(below) is Labelled
    assert below == P("d")
    assert pattern == P("x", files=["f"], directories=[P("d")])
    for made in (copy.copy(pattern), copy.deepcopy(pattern), pickle.loads(pickle.dumps(pattern))):
        assert type(made) is Labelled
        assert (made, made.label) == (pattern, "x")
    assert Labelled.from_json(pattern.to_json()) == pattern


def test_a_deep_copy_that_leads_back() -> None:
    pattern = Labelled("x")
    pattern.me = pattern  # type: ignore[attr-defined]
    twin = copy.deepcopy(pattern)
    assert twin.me is twin  # type: ignore[attr-defined]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_by_every_protocol(protocol: int) -> None:
    rules, stats = pathvein_core.ExcludeRules(["a", "b/"]), pathvein_core.Stats(*range(1, 12))
    dated = pathvein_core.Stats(3, inventory_date=datetime(2026, 11, 28, tzinfo=UTC))
    patterns = [P("a", files=["b"], directories=[P("c")]), P(None, optional_files=["\udcff"])]
    for one in (rules, stats, dated, *patterns, pathvein_core.PatternMatcher(["*", "\udcff"])):
        twin = pickle.loads(pickle.dumps(one, protocol))
        assert twin == one
        assert type(twin) is type(one)
        assert hash(twin) == hash(one)


def test_what_an_argument_raises_gets_through() -> None:
    class Raising:
        def __iter__(self) -> Any:
            raise RuntimeError("mine")

        def __fspath__(self) -> str:
            raise TypeError("mine, too")

    raising: Any = Raising()
    with pytest.raises(RuntimeError, match="mine"):
        P(files=raising)
    with pytest.raises(RuntimeError, match="mine"):
        pathvein_core.PatternMatcher(raising)
    with pytest.raises(TypeError, match="mine, too"):
        pathvein_core.PatternMatcher(["*"]).matches(raising)


def test_a_list_is_added_to() -> None:
    pattern = P(files=["a"])
    pattern.files += ["b"]
    assert pattern.files == ["a", "b"]


def test_none_is_no_list() -> None:
    none: Any = None
    for name in ("files", "directories", "optional_files", "optional_directories"):
        with pytest.raises(TypeError, match=f"{name} must be an iterable"):
            P(**{name: none})


def test_is_optional_is_named() -> None:
    wrong: Any = "no"
    pattern = P()
    with pytest.raises(TypeError, match="is_optional must be bool, not str"):
        pattern.add_file("a", wrong)
    with pytest.raises(TypeError, match="is_optional must be bool, not str"):
        pattern.add_files(["a"], is_optional=wrong)
    with pytest.raises(TypeError, match="is_optional must be bool, not str"):
        pattern.add_directory(P(), wrong)
    with pytest.raises(TypeError, match="is_optional must be bool, not str"):
        pattern.add_directories([P()], is_optional=wrong)
    assert pattern == P()


def test_a_missing_remote_file_is_named() -> None:
    pytest.importorskip("upath")
    with pytest.raises(FileNotFoundError) as caught:
        P.load_json("memory://nowhere/nope.json")
    assert caught.value.filename == "memory://nowhere/nope.json"


def test_patterns_that_stand_in_many_places() -> None:
    """Written out, they would be 2**60 patterns: each is checked and pickled once."""
    inner = P("x", ["f"])
    for _ in range(60):
        sides = [P(name, [], [inner]) for name in ("a", "b")]
        inner = P("*", [], sides)
    assert inner.validate() == []
    text = pickle.dumps(inner)
    assert len(text) < 50_000
    twin = pickle.loads(text)
    assert twin == inner
    assert hash(twin) == hash(inner)
    optional = P("*", [], [], [], [inner])
    assert pickle.loads(pickle.dumps(optional)) == optional
