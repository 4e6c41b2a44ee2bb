"""The JSON Schema of pattern files takes what the parser takes, and nothing else."""

from __future__ import annotations

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from pathvein import FileStructurePattern as P

ROOT = Path(__file__).parents[2]
TEXT = importlib.resources.files("pathvein").joinpath("pattern.schema.json").read_text()
SCHEMA = json.loads(TEXT)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

#: What a schema cannot say, as docs/semantics.md lists it: what the parser then says.
BEYOND = re.compile(r"min \d+ is above max|regular expression|128 levels")


def schema_takes(value: Any) -> bool:
    taken: bool = VALIDATOR.is_valid(value)
    return taken


def parser_says(value: Any) -> str | None:
    """What the parser has against a value; None if it takes it."""
    try:
        P.from_json(json.dumps(value))
    except ValueError as error:
        return str(error)
    return None


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_of_the_documentation_is_that_of_the_package() -> None:
    assert (ROOT / "docs" / "pattern.schema.json").read_text(encoding="utf-8") == TEXT
    assert SCHEMA["$id"].endswith("/main/docs/pattern.schema.json")


def test_every_key_is_described() -> None:
    written = json.loads(
        P("a", forbidden_files=["b"], forbidden_directories=[P()], closed=True).to_json()
    )
    assert list(SCHEMA["$defs"]["keys"]["properties"]) == list(written)
    assert all("description" in key for key in SCHEMA["$defs"]["keys"]["properties"].values())


#: Values of any kind, of which most are wrong wherever they stand.
anything: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 2, -1, 1.5, "", "a", "1", [], {}, [[]], ["a"]]
)
#: Integers about the least and the greatest that are taken.
numbers = st.sampled_from([0, 1, 2, 7, 2**32 - 1, 2**32, 10**20, -1])
globs = st.sampled_from(["*", "a", "", "[", "run_*", "\udcff", "a/b"])
regexes = st.sampled_from([r"run_\d+", "", "a|b", "("])
#: A string in place of a nested pattern.
inner_texts = st.sampled_from(
    [
        "data",
        "data/",
        "data/{*.parquet}",
        '{"files": ["a"]}',
        ' {"directory_name": null}',
        "",
        " \n",
    ]
)


def objects(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the keys, and now and then one that is not among them."""
    more = st.sampled_from(
        ["files", "name", "min", "regex", "$schema", "Files", "directory", "closed", "x"]
    )
    return st.builds(
        lambda known, key, value, adds: known | ({key: value} if adds == 0 else {}),
        st.fixed_dictionaries({}, optional=keys),
        more,
        anything,
        st.integers(0, 5),
    )


def rarely(wrong: st.SearchStrategy[Any], right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 15).flatmap(lambda number: wrong if number == 0 else right)


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=2)


alternatives = rarely(anything, st.one_of(globs, objects(regex=rarely(anything, regexes))))
name_tests = rarely(anything, st.one_of(alternatives, lists(alternatives)))
counts = {"min": rarely(anything, numbers), "max": rarely(anything, numbers)}
file_requirements = st.one_of(name_tests, objects(name=name_tests, **counts))


def patterns(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    nested = rarely(anything, st.one_of(below, inner_texts))
    several = st.one_of(nested, lists(nested))
    return objects(
        directory_name=st.one_of(st.none(), name_tests),
        files=rarely(anything, lists(file_requirements)),
        directories=rarely(
            anything, lists(st.one_of(several, objects(directory=several, **counts)))
        ),
        optional_files=rarely(anything, lists(name_tests)),
        optional_directories=rarely(anything, lists(nested)),
        forbidden_files=rarely(anything, lists(name_tests)),
        forbidden_directories=rarely(anything, lists(nested)),
        closed=rarely(anything, st.booleans()),
    )


@given(rarely(anything, st.recursive(patterns(anything), patterns, max_leaves=4)))
def test_the_schema_takes_what_the_parser_takes(value: Any) -> None:
    said = parser_says(value)
    event(f"taken: {said is None}")
    if said is None:
        assert schema_takes(value)
    elif schema_takes(value):
        assert BEYOND.search(said), said


@pytest.mark.parametrize(
    "value",
    [
        {"files": [{"name": "a", "min": 2, "max": 1}]},
        {"files": [{"regex": "("}]},
    ],
)
def test_what_a_schema_cannot_say(value: Any) -> None:
    assert schema_takes(value)
    said = parser_says(value)
    assert said is not None
    assert BEYOND.search(said)


def test_what_is_written_is_taken() -> None:
    pattern = P("a", ["b"], [P("c")], ["d"], [P("e")], ["f"], [P("g")], True)
    assert schema_takes(json.loads(pattern.to_json()))


def test_schema_key_in_the_top_object_alone() -> None:
    assert schema_takes({"$schema": "pattern.schema.json"})
    assert not schema_takes({"directories": [{"$schema": "x"}]})
    assert parser_says({"$schema": [1]}) is None
    assert "$schema" in (parser_says({"directories": [{"$schema": "x"}]}) or "")
