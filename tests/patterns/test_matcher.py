"""PatternMatcher gives fnmatch.fnmatchcase's answer, whatever the glob and the name."""

from __future__ import annotations

import copy
import fnmatch
import itertools
import os
import pickle
import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathvein import PatternMatcher
from strategies import HARD, hard_text


def fnmatch_with(globs: Any, name: Any) -> Any:
    """Which globs match, by fnmatch."""
    return [glob for glob in globs if fnmatch.fnmatchcase(name, glob)]


@st.composite
def globs_and_names(draw: Any) -> Any:
    """Globs and names; half of the names are made to match by changing a glob."""
    globs = draw(st.lists(hard_text, max_size=6))
    names = draw(st.lists(hard_text, max_size=6))
    letters = st.sampled_from(HARD)
    for glob in globs:
        name = ""
        for character in glob:
            if character == "*":
                name += draw(st.text(HARD, max_size=2))
            elif character == "?" or draw(st.integers(0, 7)) == 0:
                name += draw(letters)
            elif character not in "[]":
                name += character
        names.append(name)
    return globs, names


@given(globs_and_names())
def test_every_method_is_fnmatch(case: Any) -> None:
    globs, names = case
    matcher = PatternMatcher(globs)
    assert len(matcher) == len(globs)
    names_mask = 0
    globs_mask = 0
    for i, name in enumerate(names):
        hits = [j for j, glob in enumerate(globs) if fnmatch.fnmatchcase(name, glob)]
        assert matcher.matching_patterns(name) == [globs[j] for j in hits]
        assert matcher.matches(name) is bool(hits)
        assert matcher.matches_all(name) is (len(hits) == len(globs))
        assert matcher.matched_patterns([name]) == sum(1 << j for j in hits)
        names_mask |= bool(hits) << i
        for j in hits:
            globs_mask |= 1 << j
    assert matcher.match_many(names) == names_mask
    assert matcher.matched_patterns(names) == globs_mask


def check_all(globs: Any, names: Any, chunk: Any = 1000) -> None:
    """Every glob with every name, a chunk of globs in one matcher and each glob alone."""
    for start in range(0, len(globs), chunk):
        part = globs[start : start + chunk]
        together = PatternMatcher(part)
        expected = [0] * len(names)
        for j, glob in enumerate(part):
            fullmatch = re.compile(fnmatch.translate(glob)).match
            alone = 0
            for i, name in enumerate(names):
                if fullmatch(name):
                    expected[i] |= 1 << j
                    alone |= 1 << i
            mask = PatternMatcher([glob]).match_many(names)
            assert mask == alone, (
                glob,
                [n for i, n in enumerate(names) if (mask ^ alone) >> i & 1],
            )
        for name, mask in zip(names, expected, strict=False):
            wrong = together.matched_patterns([name]) ^ mask
            assert not wrong, (name, [glob for j, glob in enumerate(part) if wrong >> j & 1])


@pytest.mark.filterwarnings("ignore:Possible (nested|set):FutureWarning")
def test_every_glob_up_to_five_characters() -> None:
    letters = "*?[]!-ab"
    globs = ["".join(glob) for size in range(6) for glob in itertools.product(letters, repeat=size)]
    short = [
        "".join(name) for size in range(3) for name in itertools.product("ab[]!-", repeat=size)
    ]
    check_all(
        globs, [*short, "*", "?", "aab", "b-a", "[ab]", "[!a]", "abab", "\u00e9", "c", "a\nb"]
    )


@pytest.mark.filterwarnings("ignore:Possible (nested|set):FutureWarning")
@pytest.mark.parametrize("around", ["[{}]", "[!{}]", "a[{}]*"])
def test_every_bracket_body_up_to_four_characters(around: Any) -> None:
    letters = "]!-^abz\\["
    globs = [
        around.format("".join(body))
        for size in range(5)
        for body in itertools.product(letters, repeat=size)
    ]
    names = [*"]!-^abcyz\\[", "\u00e9", "\udcff", "", "a]", "ab", "a-", "ab]", "az]x", "a\\", "`a`"]
    check_all(globs, names)


@pytest.mark.parametrize(
    ("glob", "name", "expected"),
    [
        ("*", "", True),
        ("*", ".hidden", True),
        ("*", "a/b\nc", True),
        ("", "", True),
        ("", "a", False),
        ("?", "\u65e5", True),
        ("?", "\udcff", True),
        ("?", "\U0001f600", True),
        ("??", "\u65e5", False),
        ("?", "\n", True),
        ("[\udc80-\udcff]", "\udc81", True),
        ("[\ud7ff-\ue000]", "\udc81", True),
        ("[!\ud7ff-\ue000]", "\udc81", False),
        ("*.TXT", "a.txt", False),
        ("{a,b}", "a", False),
        ("{a,b}", "{a,b}", True),
        ("a\\*", "a*", False),
        ("a\\*", "a\\x", True),
        ("[^a]", "^", True),
        ("[^a]", "b", False),
        ("a.", "a.", True),
        ("*.", "a.", True),
        ("**", "a/b", True),
        ("a/b", "a/b", True),
        ("*.gz", "a.tar.gz", True),
        ("*.tar.gz", ".tar.gz", True),
        ("\u00df", "ss", False),
        ("e\u0301", "\u00e9", False),
        ("a" * 300 + "*", "a" * 301, True),
        ("*a" * 40 + "b", "a" * 200, False),
        ("a\0b", "a\0b", True),
    ],
)
def test_named_cases(glob: Any, name: Any, expected: Any) -> None:
    assert fnmatch.fnmatchcase(name, glob) is expected
    for others in ([], ["zz*zz[x]", "*.zz", "zz"]):
        matcher = PatternMatcher([*others, glob])
        assert matcher.matches(name) is expected
        assert matcher.matched_patterns([name]) == expected << len(others)


def test_many_globs_and_many_names() -> None:
    globs = (
        [f"*.e{i}" for i in range(130)]
        + [f"p{i}*" for i in range(130)]
        + [f"l{i}" for i in range(130)]
    )
    globs += [f"*x{i}?[0-9]*" for i in range(130)]
    names = [
        f"{a}{i}{b}"
        for i in range(0, 200, 3)
        for a, b in [("a.e", ""), ("p", ".e1"), ("l", ""), ("yx", "z5")]
    ]
    matcher = PatternMatcher(globs)
    for name in names:
        assert matcher.matching_patterns(name) == fnmatch_with(globs, name)
    expected = sum(bool(fnmatch_with(globs, name)) << i for i, name in enumerate(names))
    assert matcher.match_many(names) == expected
    assert matcher.match_many(iter(names)) == expected
    assert type(matcher.match_many(names)) is int


def test_no_globs_and_no_names() -> None:
    matcher = PatternMatcher([])
    assert len(matcher) == 0
    assert matcher.matches("a") is False
    assert matcher.matches_all("a") is True
    assert matcher.matching_patterns("a") == []
    assert matcher.match_many(["a", "b"]) == 0
    assert PatternMatcher(["*"]).match_many([]) == 0
    assert PatternMatcher(["*"]).matched_patterns([]) == 0


def test_equal_globs_count_each() -> None:
    matcher = PatternMatcher(["a*", "b", "a*"])
    assert len(matcher) == 3
    assert matcher.matching_patterns("ab") == ["a*", "a*"]
    assert matcher.matched_patterns(["ab"]) == 0b101


def test_names_may_be_bytes_and_paths() -> None:
    matcher = PatternMatcher(["a.\udcff", "*/b", "\u00e9"])
    assert matcher.matches(b"a.\xff")
    assert matcher.matches("\u00e9".encode())
    assert matcher.matches(Path("x/b"))
    assert not matcher.matches(PurePosixPath("b"))
    assert matcher.match_many([b"a.\xff", Path("x/b"), "no", os.fsdecode(b"a.\xff")]) == 0b1011
    # A str is its code points and never its bytes.
    assert not matcher.matches("\udcc3\udca9")
    assert matcher.matches(b"\xc3\xa9")


def test_names_of_every_kind_after_a_lone_surrogate() -> None:
    """Names that follow one with a lone surrogate are read in another way."""
    globs = ["a.\udcff", "*/b", "\u00e9", "\U0001f600?", ""]
    names: list[Any] = [
        "\udcff",
        "a.\udcff",
        "\u00e9",
        "\udcc3\udca9",
        b"a.\xff",
        "\U0001f600\ud83d",
    ]
    names += ["\U0001f600b", "\udc80", Path("x/b"), "\ud800", "", "\udc80", "no"]
    texts = [name if isinstance(name, str) else os.fsdecode(name) for name in names]
    expected = [bool(fnmatch_with(globs, text)) for text in texts]
    assert expected.count(True) == 7
    assert PatternMatcher(globs).match_many(names) == sum(
        hit << i for i, hit in enumerate(expected)
    )
    with pytest.raises(TypeError, match="a name"):
        PatternMatcher(globs).match_many(["\udcff", 3])  # type: ignore[list-item]


@pytest.mark.parametrize("name", [3, None, ["a"], object()])
def test_a_wrong_name_is_a_type_error(name: Any) -> None:
    matcher = PatternMatcher(["*"])
    for method in (matcher.matches, matcher.matches_all, matcher.matching_patterns):
        with pytest.raises(TypeError, match="name"):
            method(name)
    for many in (matcher.match_many, matcher.matched_patterns):
        with pytest.raises(TypeError, match="name"):
            many([name])
        with pytest.raises(TypeError, match="names"):
            many(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("patterns", [3, None, [3], [None], ["a", b"b"]])
def test_wrong_patterns_are_a_type_error(patterns: Any) -> None:
    with pytest.raises(TypeError, match="patterns"):
        PatternMatcher(patterns)


def test_pickle_copy_and_repr() -> None:
    matcher = PatternMatcher(["a*", "\udcff", "it's"])
    for other in (pickle.loads(pickle.dumps(matcher)), copy.copy(matcher), copy.deepcopy(matcher)):
        assert type(other) is PatternMatcher
        assert other.matching_patterns("ab") == ["a*"]
        assert repr(other) == repr(matcher)
    again = eval(repr(matcher), {"PatternMatcher": PatternMatcher})
    assert again.matching_patterns("\udcff") == ["\udcff"]
    assert len(again) == 3
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert len(pickle.loads(pickle.dumps(matcher, protocol))) == 3


@pytest.mark.parametrize("count", [0, 1, 63, 64, 4095, 4096, 4097, 3 * 4096 + 5])
def test_many_names_go_by_chunks(count: int) -> None:
    """Each chunk is matched before the next names are taken."""
    names = [f"{number}.{'csv' if number % 7 else 'txt'}" for number in range(count)]
    matcher = PatternMatcher(["*.csv", "none", "4096.*", *(f"{n}.txt" for n in range(0, 5000, 7))])
    expected = sum(matcher.matches(name) << index for index, name in enumerate(names))
    assert matcher.match_many(iter(names)) == expected
    globs = [PatternMatcher([glob]) for glob in ["*.csv", "none", "4096.*"]]
    matched = matcher.matched_patterns(iter(names))
    assert matched & 0b111 == sum(
        any(map(glob.matches, names)) << index for index, glob in enumerate(globs)
    )

    class Name(str):
        alive = 0

        def __init__(self, _: str) -> None:
            Name.alive += 1

        def __del__(self) -> None:
            Name.alive -= 1

    most = 0

    def made() -> Any:
        nonlocal most
        for name in names:
            most = max(most, Name.alive)
            yield Name(name)

    matcher.match_many(made())
    assert most <= 4096 + 2
