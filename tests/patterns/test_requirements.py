"""Files, Directories and Regex, and the attributes of a pattern that hold them."""

from __future__ import annotations

import copy
import json
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathvein import Directories, Files, PatternMatcher, PatternTextError, Regex
from pathvein import FileStructurePattern as P

MOST = 2**32 - 1


# Values ------------------------------------------------------------------------------------

VALUES = [
    Regex(r"run_\d+"),
    Regex("'\"\n\u00e9"),
    Files("*.csv", min=3),
    Files("*.csv", max=3),
    Files(("a", Regex("b"), "\udc80"), min=0, max=MOST),
    Directories(P("a"), min=2),
    Directories((P("a", [Files("x", 2)]), P("b")), 0, 5),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values(value: Any) -> None:
    twins = [
        copy.copy(value),
        copy.deepcopy(value),
        eval(repr(value), {**globals(), "FileStructurePattern": P}),
        *(pickle.loads(pickle.dumps(value, p)) for p in range(2, pickle.HIGHEST_PROTOCOL + 1)),
    ]
    for twin in twins:
        assert type(twin) is type(value)
        assert twin == value
        assert (twin != value) is False
        assert hash(twin) == hash(value)
        assert repr(twin) == repr(value)
    assert sum(other == value for other in VALUES) == 1
    assert value != 3
    for name in ("pattern", "name", "min", "directory", "other"):
        with pytest.raises(AttributeError):
            setattr(value, name, 3)


def test_what_they_hold() -> None:
    assert Regex("a").pattern == "a"
    files = Files(name=["*.nii", "*.nii.gz"], min=2)
    assert (files.name, files.min, files.max) == (("*.nii", "*.nii.gz"), 2, None)
    assert (Files("a").name, Files(["a"]).name, Files("a").min) == ("a", "a", 1)
    assert Files(Regex("a")).name == Regex("a")
    pattern = P("a")
    directories = Directories(pattern, 0, 2)
    pattern.add_file("later")
    assert (directories.directory, directories.min, directories.max) == (P("a"), 0, 2)
    assert Directories(directory=[P("a"), "b/x"]).directory == (P("a"), P("b", ["x"]))
    with pytest.raises(TypeError, match="copy"):
        directories.directory.add_file("x")
    assert type(Directories("a").directory) is P


class Mine(P):
    """A user's own kind of pattern."""


def test_a_subclass_is_kept() -> None:
    made: Any = Directories(("a", Mine("b")), 2)
    assert type(made.directory[0]) is Mine
    pattern = Mine(
        directories=[Directories(P("a"), 2), (P("b"), P("c"))], forbidden_directories=["d"]
    )
    twins: list[Any] = [pattern, pickle.loads(pickle.dumps(pattern)), copy.deepcopy(pattern)]
    for made in twins:
        assert type(made.directories[0].directory) is Mine
        assert [type(sub) for sub in made.directories[1]] == [Mine, Mine]
        assert type(made.forbidden_directories[0]) is Mine
        assert made.all_directories == [P("a"), P("b"), P("c")]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Regex("a("), ValueError, r'regular expression "a\(": unclosed group'),
        (lambda: Regex(r"\w{9999}"), ValueError, "too large"),
        (lambda: Regex("a" * 9000), ValueError, r'"a{80}\.\.\.": too long: it may have 8 KiB'),
        (lambda: Regex("\udc80"), ValueError, "pattern: .*surrogates"),
        (lambda: Regex(b"a"), TypeError, "pattern must be str, not bytes"),  # type: ignore[arg-type]
        (lambda: Files("a", -1), ValueError, "min: -1 is not from 0 to 4294967295"),
        (lambda: Files("a", 1, MOST + 1), ValueError, "max: 4294967296 is not from 0"),
        (lambda: Files("a", 1, 10**30), ValueError, "max: 1000"),
        (lambda: Files("a", 3, 2), ValueError, "min: min 3 is above max 2: exchange them"),
        (lambda: Files("a", max=0), ValueError, "min: min 1 is above max 0: let min be 0"),
        (lambda: Files("a", 2.0), TypeError, "min must be int, not float"),  # type: ignore[arg-type]
        (lambda: Files("a", True), TypeError, "min must be int, not bool"),
        (lambda: Files("a", max="2"), TypeError, "max must be int or None, not str"),  # type: ignore[arg-type]
        (lambda: Files("a", min=None), TypeError, "min must be int, not NoneType"),  # type: ignore[arg-type]
        (lambda: Files(()), ValueError, "name: no alternatives: give at least one"),
        (lambda: Files(None), TypeError, "name must be str, Regex or a tuple"),  # type: ignore[arg-type]
        (lambda: Files(("a", ("b",))), TypeError, r"name\[1\] must be str or Regex, not tuple"),  # type: ignore[arg-type]
        (lambda: Files(Files("a")), TypeError, "name must be .*, not Files"),  # type: ignore[arg-type]
        (lambda: Directories([]), ValueError, "directory: no alternatives"),
        (lambda: Directories([P(), 3]), TypeError, r"directory\[1\] must be"),  # type: ignore[list-item]
        (lambda: Directories(3), TypeError, "directory must be"),  # type: ignore[arg-type]
        (lambda: Directories(P(), 2, 1), ValueError, "min: min 2 is above max 1"),
        (lambda: Directories("a/{"), PatternTextError, "directory: "),
        (lambda: P(files=["a", ()]), ValueError, r"files\[1\]: no alternatives"),
        (lambda: P(files=[("a", 3)]), TypeError, r"files\[0\]\[1\] must be str or Regex, not int"),  # type: ignore[list-item]
        (lambda: P(directories=[()]), ValueError, r"directories\[0\]: no alternatives"),
        (lambda: P(directories=["", "a"]), ValueError, r"directories\[0\]: "),
        (lambda: P(optional_files=[Files("a")]), TypeError, r"optional_files\[0\] must be"),  # type: ignore[list-item]
        (lambda: P(forbidden_files=[Files("a")]), TypeError, r"forbidden_files\[0\] must be"),  # type: ignore[list-item]
        (lambda: P(forbidden_directories=[(P(),)]), TypeError, r"forbidden_directories\[0\] must"),  # type: ignore[list-item]
        (lambda: P(forbidden_files="abc"), TypeError, "forbidden_files must be an iterable"),
        (lambda: P(Files("a")), TypeError, "directory_name must be"),  # type: ignore[arg-type]
        (lambda: P(()), ValueError, "directory_name: no alternatives"),
        (lambda: P(closed=1), TypeError, "closed must be bool, not int"),  # type: ignore[arg-type]
        (lambda: P().add_file(Files("a"), is_optional=True), ValueError, "file: Files cannot be"),
        (lambda: P().add_files([Files("a")], True), ValueError, r"files\[0\]: Files cannot be"),
        (lambda: P().add_directory(Directories(P()), True), ValueError, "directory: Directories"),
        (lambda: P().add_directories([Directories(P())], True), ValueError, r"directories\[0\]: D"),
    ],
)
def test_what_is_wrong_is_named(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_expressions_are_limited_altogether() -> None:
    def regexes(prefix: str) -> list[Regex]:
        return [Regex(f"{prefix}{n}") for n in range(600)]

    one = P("a", regexes("x"))
    assert P(directories=[one, Directories(one, 2)], files=regexes("x")).directories[0] == one
    with pytest.raises(
        ValueError, match=r'^directories\[1\]: .*"y\d+": too large, with the others'
    ):
        P(directories=[one, P("b", regexes("y"))])
    with pytest.raises(ValueError, match=r"^forbidden_files\[\d+\]: .*together"):
        P(files=regexes("x"), forbidden_files=regexes("y"))
    pattern = P(files=regexes("x"))
    with pytest.raises(ValueError, match=r"^optional_directories\[0\]: "):
        pattern.add_directory(P("b", regexes("y")), is_optional=True)
    assert pattern == P(files=regexes("x"))


# A pattern's attributes --------------------------------------------------------------------


def test_they_are_read_back_in_their_shortest_form() -> None:
    pattern = P(
        ["a"],
        [
            Files("a"),
            Files(["b"], 1),
            ["c"],
            ("d", "e"),
            Files(("f", "g")),
            Files("h", 2),
            Regex("i"),
        ],
        [Directories(P("a")), [P("b")], Directories([P("c"), P("d")]), Directories("e", 2)],
        [["a"], ("b", Regex("c"))],
        ["a/*.csv"],
        [Regex("a"), "b"],
        [P("b"), '{"directory_name": "c"}'],
        closed=True,
    )
    assert pattern.directory_name == "a"
    assert pattern.files == ["a", "b", "c", ("d", "e"), ("f", "g"), Files("h", 2), Regex("i")]
    assert pattern.directories == [P("a"), P("b"), (P("c"), P("d")), Directories(P("e"), 2)]
    assert pattern.optional_files == ["a", ("b", Regex("c"))]
    assert pattern.optional_directories == [P("a", ["*.csv"])]
    assert pattern.forbidden_files == [Regex("a"), "b"]
    assert pattern.forbidden_directories == [P("b"), P("c")]
    assert pattern.closed is True
    assert pattern.all_files == [*"abcdefgh", Regex("i"), Regex("c")]
    assert pattern.all_directories == [P("a"), P("b"), P("c"), P("d"), P("e"), P("a", ["*.csv"])]
    again = P(
        pattern.directory_name,
        pattern.files,
        pattern.directories,
        pattern.optional_files,
        pattern.optional_directories,
        pattern.forbidden_files,
        pattern.forbidden_directories,
        pattern.closed,
    )
    for twin in (
        again,
        pickle.loads(pickle.dumps(pattern)),
        copy.copy(pattern),
        eval(repr(pattern), {**globals(), "FileStructurePattern": P}),
    ):
        assert twin == pattern
        assert hash(twin) == hash(pattern)
    assert P(("a", Regex("b"))).directory_name == ("a", Regex("b"))
    assert P(Regex("b")).directory_name == Regex("b")
    assert P().set_directory_name(["a", "b"]).directory_name == ("a", "b")


def test_each_attribute_changes_the_pattern() -> None:
    pattern = P()
    seen = {hash(pattern)}
    changes: list[tuple[str, Any]] = [
        ("forbidden_files", ["a", ("b", "c")]),
        ("forbidden_directories", [P("a")]),
        ("closed", True),
        ("files", [Files("a", 2)]),
        ("directories", [Directories(P("a"), 2)]),
        ("directory_name", ("a", "b")),
        ("closed", False),
    ]
    for turn, (name, value) in enumerate(changes):
        setattr(pattern, name, value)
        assert getattr(pattern, name) == value
        seen.add(hash(pattern))
        assert len(seen) == turn + 2
        assert P.from_json(pattern.to_json()) == pattern
    pattern.forbidden_files += ["d"]
    assert pattern.forbidden_files == ["a", ("b", "c"), "d"]
    nested = P(directories=[P("a")]).directories[0]
    for name, value in changes:
        with pytest.raises(TypeError, match="copy"):
            setattr(nested, name, value)


def test_adding() -> None:
    pattern = P().add_file(("a", "b")).add_files(["c", Files("d", 2), Regex("e")])
    assert pattern.files == [("a", "b"), "c", Files("d", 2), Regex("e")]
    pattern.add_file(["a", "b"], is_optional=True).add_files([("c", Regex("d"))], True)
    assert pattern.optional_files == [("a", "b"), ("c", Regex("d"))]
    pattern.add_directory("x/*.csv").add_directory((P("y"), "z")).add_directories(
        [Directories("q", 2)]
    )
    assert pattern.directories == [P("x", ["*.csv"]), (P("y"), P("z")), Directories(P("q"), 2)]
    pattern.add_directory("x", is_optional=True).add_directories([P("y"), "z"], True)
    assert pattern.optional_directories == [P("x"), P("y"), P("z")]


def test_a_matcher_takes_expressions() -> None:
    items: list[str | Regex] = ["*.csv", Regex(r"v\d\.csv"), "v*", Regex("x")]
    matcher = PatternMatcher(items)
    assert matcher.matching_patterns("v1.csv") == items[:3]
    assert (matcher.matches("x"), matcher.matches("y"), matcher.matches_all("v1.csv")) == (
        True,
        False,
        False,
    )
    assert bin(matcher.match_many(["x", "y", "v"])) == "0b101"
    assert bin(matcher.matched_patterns(["x", "v"])) == "0b1100"
    assert repr(matcher) == r"PatternMatcher(['*.csv', Regex('v\\d\\.csv'), 'v*', Regex('x')])"
    for twin in (copy.copy(matcher), pickle.loads(pickle.dumps(matcher))):
        assert twin == matcher
        assert hash(twin) == hash(matcher)
    assert PatternMatcher(Regex("a+")).matches("aa")
    assert PatternMatcher([Regex("a.")]).matches("a\udc80") is False
    assert PatternMatcher(["a"]) != PatternMatcher([Regex("a")])
    with pytest.raises(TypeError, match=r"patterns\[1\] must be str or Regex, not tuple"):
        PatternMatcher(["a", ("b",)])  # type: ignore[list-item]


# JSON --------------------------------------------------------------------------------------

text = st.text(max_size=3) | st.sampled_from(["*", "", "a", "*.csv", "\udc80", "\ud83d"])
regexes = st.sampled_from(["a", r"v\d+", "é", '"', "(?i)b", ""]).map(lambda r: {"regex": r})
alternatives = text | regexes
tests = alternatives | st.lists(alternatives, min_size=2, max_size=3)
counts = st.fixed_dictionaries(
    {}, optional={"min": st.integers(0, 5), "max": st.sampled_from([5, 9, MOST])}
)


def counted(key: str, items: Any) -> Any:
    """Requirements as JSON has them, in the shortest form."""

    def made(item: Any, count: dict[str, int]) -> Any:
        said = [(name, count[name]) for name in ("min", "max") if name in count]
        count = {name: n for name, n in said if (name, n) != ("min", 1)}
        return {key: item, **count} if count else item

    return st.builds(made, items, counts)


def objects(nested: Any) -> Any:
    """The objects of patterns, keys in the order that is promised."""
    lists = {
        "directory_name": st.none() | tests,
        "files": st.lists(counted("name", tests), max_size=2),
        "directories": st.lists(
            counted("directory", nested | st.lists(nested, min_size=2, max_size=2)), max_size=2
        ),
        "optional_files": st.lists(tests, max_size=1),
        "optional_directories": st.lists(nested, max_size=1),
    }
    more = {
        "forbidden_files": st.lists(tests, min_size=1, max_size=2),
        "forbidden_directories": st.lists(nested, min_size=1, max_size=1),
        "closed": st.just(True),
    }
    return st.builds(
        lambda always, also: {
            key: {**always, **also}[key] for key in [*lists, *more] if key in {**always, **also}
        },
        st.fixed_dictionaries(lists),
        st.fixed_dictionaries({}, optional=more),
    )


written = st.recursive(
    objects(
        st.just(
            {
                "directory_name": "x",
                "files": [],
                "directories": [],
                "optional_files": [],
                "optional_directories": [],
            }
        )
    ),
    objects,
    max_leaves=4,
)


@given(written)
def test_json_is_what_json_dumps_writes(value: Any) -> None:
    # Surrogates side by side become one character, in Python as well.
    value = json.loads(json.dumps(value))
    pattern = P.from_json(json.dumps(value, indent=1))
    assert json.loads(pattern.to_json()) == value
    assert pattern.to_json() == json.dumps(value)
    assert P.from_json(pattern.to_json()) == pattern
    assert eval(repr(pattern), {**globals(), "FileStructurePattern": P}) == pattern
    twin = pickle.loads(pickle.dumps(pattern))
    assert (twin, hash(twin), twin.to_json()) == (pattern, hash(pattern), pattern.to_json())
    assert P.from_text(pattern.to_text()).to_text() == pattern.to_text()
    pattern.validate()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"files": [{"name": "a", "min": 3, "max": 2}]}, "files[0].min: min 3 is above max 2"),
        ({"files": [{"name": "a", "min": 3.0}]}, "files[0].min: expected a whole number from 0"),
        ({"files": [{"name": "a", "max": MOST + 1}]}, "files[0].max: expected a whole number"),
        ({"files": [{"name": "a", "min": -1}]}, "files[0].min: expected a whole number"),
        ({"files": [{"name": "a", "min": True}]}, "files[0].min: expected a whole number"),
        ({"files": ["a", {"regex": "("}]}, 'files[1].regex: regular expression "(": unclosed'),
        ({"files": [[]]}, "files[0]: no alternatives"),
        ({"files": [["a", ["b"]]]}, "files[0][1]: alternatives do not nest"),
        (
            {"directories": [{}, {}, {"files": [{"name": "a", "min": 2, "max": 1}]}]},
            "directories[2].files[0].min: ",
        ),
        (
            {"directories": [{"directory": [{}, {"closed": 0}]}]},
            "directories[0].directory[1].closed",
        ),
        ({"optional_files": [{"name": "a"}]}, 'optional_files[0]: unknown key "name"'),
        ({"directories": [{"min": 2}]}, 'directories[0]: unknown key "min": it belongs to'),
        ({"forbiden_files": []}, 'unknown key "forbiden_files": did you mean "forbidden_files"?'),
    ],
)
def test_bad_json_names_the_place(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        P.from_json(json.dumps(value))


def test_what_0_9_wrote_is_written_as_before() -> None:
    old = (
        '{"directory_name": "a", "files": ["b"], "directories": [], "optional_files": [], '
        '"optional_directories": []}'
    )
    assert P("a", ["b"]).to_json() == old
    assert P(["a"], [Files(("b",), 1)], forbidden_files=(), closed=False).to_json() == old


# validate ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "severity", "place"),
    [
        (P(files=[Files("README", 2)]), "never", "files[0]"),
        (P(files=["a.csv"], forbidden_files=["*.csv"]), "never", "files[0]"),
        (P(directories=["data/*.csv"], forbidden_directories=["d*"]), "never", "directories[0]"),
        (P(files=[Regex("[a&&b]")]), "never", "files[0]"),
        (P(files=[("*.gz", "*.nii.gz")]), "idle", "files[0][1]"),
        (P(files=["*.{json,yaml}"]), "idle", "files[0]"),
        (P(files=[Regex("README")]), "idle", "files[0]"),
        (P(files=[Files("a", 0)]), "idle", "files[0]"),
        (P(forbidden_files=["a/b"]), "idle", "forbidden_files[0]"),
        (P(optional_files=["*"], optional_directories=["*"], closed=True), "idle", "closed"),
    ],
)
def test_what_cannot_be_meant_is_told(pattern: P, severity: str, place: str) -> None:
    [problem] = pattern.validate()
    assert (problem.severity, problem.place) == (severity, place)


def test_the_likeliest_mistake_brings_what_to_write() -> None:
    [problem] = P(files=["*.{json,yaml}"]).validate()
    for written in (
        '["*.json", "*.yaml"] in JSON',
        '("*.json", "*.yaml") in Python',
        "*.json | *.yaml in",
    ):
        assert written in problem.message
