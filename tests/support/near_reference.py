"""What came close to a name test, by trying everything: slow, with nothing of pathvein in it."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from pats import NameTest, Pat, Re, passes


def alternatives(test: NameTest) -> tuple[str | Re, ...]:
    """The globs and expressions of which one is enough."""
    return test if isinstance(test, tuple) else (test,)


def test_of(pattern: Pat) -> NameTest:
    """What a directory's name must pass, without the words that say nothing."""
    tests = pattern.name if isinstance(pattern.name, tuple) else (pattern.name,)
    return tuple(test or "*" for test in tests)


def takes_any_name(pattern: Pat) -> bool:
    """Whether the pattern's name test says nothing."""
    return takes_any(test_of(pattern))


def takes_any(test: NameTest) -> bool:
    """Whether one of the globs is stars alone."""
    return any(isinstance(one, str) and set(one) == {"*"} for one in alternatives(test))


def is_other_case(name: str, test: NameTest) -> bool:
    """Whether the name fails the test and would pass it if letters were of the other case."""
    return not passes(name, test) and any(_folded(name, one) for one in alternatives(test))


def _folded(name: str, test: str | Re) -> bool:
    if isinstance(test, Re):
        return _is_text(name) and re.fullmatch(test.text, name, re.IGNORECASE) is not None
    return _reaches(name, test, edits=0, any_case=True)


def is_other_form(name: str, test: NameTest) -> bool:
    """Whether the name fails the test and passes it if Unicode's normal form is the same.

    A glob is brought to form C as the name is. An expression is left as it is.
    """
    if not _is_text(name) or passes(name, test):
        return False
    composed = unicodedata.normalize("NFC", name)
    forms = (composed, unicodedata.normalize("NFD", name))
    return any(
        any(passes(form, one) for form in forms)
        if isinstance(one, Re)
        else _is_text(one) and fnmatchcase(composed, unicodedata.normalize("NFC", one))
        for one in alternatives(test)
    )


def is_one_edit_away(name: str, test: NameTest) -> bool:
    """Whether it takes one letter more, less, or another, or two swapped, for it to pass a glob."""
    globs = [one for one in alternatives(test) if isinstance(one, str)]
    return not passes(name, test) and any(
        _has_names(glob) and _is_long(glob) and _reaches(name, glob, edits=1, any_case=False)
        for glob in globs
    )


def _has_names(glob: str) -> bool:
    """Whether an entry can be called what a glob asks for."""
    tokens = _tokens(glob)
    letters = [chr(c) for c in range(256) if chr(c) not in "/\0"] + sorted(set(glob) - {"/"})
    return bool(tokens) and all(
        token == "*" or any(fnmatchcase(letter, token) for letter in letters) for token in tokens
    )


def _is_long(glob: str) -> bool:
    """Whether a glob asks for so many characters that an edit of it tells something."""
    return sum(token != "*" for token in _tokens(glob)) >= 3


@functools.lru_cache(100_000)
def _reaches(name: str, glob: str, *, edits: int, any_case: bool) -> bool:
    """Whether a glob matches a name after so many edits, or with letters of any case."""
    tokens = _tokens(glob)

    @functools.cache
    def fits(letter: str, token: str) -> bool:
        letters = _cases()[letter.casefold()] if any_case else {letter}
        return any(fnmatchcase(one, token) for one in {letter, *letters})

    # The ways that lead on: so much of the name, so many tokens, so many edits done.
    seen, left = set(), [(0, 0, 0)]
    while left:
        way = left.pop()
        at, token, done = way
        if way in seen or done > edits:
            continue
        seen.add(way)
        rest, asked = name[at:], tokens[token:]
        if not rest and not asked:
            return True
        if asked and asked[0] == "*":
            left += [(at, token + 1, done), *([(at + 1, token, done)] if rest else [])]
        elif asked:
            left.append((at, token + 1, done + 1))
            if rest:
                left.append((at + 1, token + 1, done + (not fits(rest[0], asked[0]))))
        if rest:
            left.append((at + 1, token, done + 1))
        if len(rest) > 1 and done < edits:
            # The swapped ones are read at once; a star takes either or both of them.
            left += [
                (at + 2, after, done + 1) for after in _after(rest[1] + rest[0], token, tokens)
            ]
    return False


def _after(letters: str, token: int, tokens: tuple[str, ...]) -> set[int]:
    """Where a glob may be after it has read these letters."""
    places = {token}
    for letter in letters:
        for place in sorted(places):
            while place < len(tokens) and tokens[place] == "*":
                place += 1
                places.add(place)
        places = {p for p in places if p < len(tokens) and tokens[p] == "*"} | {
            p + 1
            for p in places
            if p < len(tokens) and tokens[p] != "*" and fnmatchcase(letter, tokens[p])
        }
    return places


@functools.lru_cache(10_000)
def _tokens(glob: str) -> tuple[str, ...]:
    """The globs of one character each that a glob consists of, and its stars."""
    found, at = [], 0
    while at < len(glob):
        end = at
        if glob[at] == "[":
            first = at + 1 + (glob[at + 1 : at + 2] == "!")
            end = max(glob.find("]", first + 1), at)
        token = glob[at : end + 1]
        found.append("[[]" if token == "[" else token)
        at = end + 1
    return tuple(found)


@functools.cache
def _cases() -> dict[str, set[str]]:
    """The letters that are the same but for their case."""
    found: dict[str, set[str]] = defaultdict(set)
    for letter in map(chr, range(0x3000)):
        found[letter.casefold()].add(letter)
    return found


#: How a name may be near a test, the nearest first.
NEAR_NAMES: dict[str, Callable[[str, NameTest], bool]] = {
    "case": is_other_case,
    "normal form": is_other_form,
    "edit": is_one_edit_away,
}


def nearest_name(names: Iterable[str], tests: Sequence[NameTest]) -> tuple[str, str] | None:
    """Why which of the names is near a test: the first by code points of the nearest kind."""
    for reason, is_near in NEAR_NAMES.items():
        for name in sorted(names):
            if any(is_near(name, test) for test in tests):
                return reason, name
    return None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
