"""What came close to a name test, by trying everything: slow, with nothing of pathvein in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from pats import NameTest, Pat, Re, passes

#: Letters to be put into a name that stand neither in it nor in the test.
_OTHERS = "x0_. A"


def alternatives(test: NameTest) -> tuple[str | Re, ...]:
    """The globs and expressions of which one is enough."""
    return test if isinstance(test, tuple) else (test,)


def test_of(pattern: Pat) -> NameTest:
    """What a directory's name must pass, without the words that say nothing."""
    tests = pattern.name if isinstance(pattern.name, tuple) else (pattern.name,)
    return tuple(test or "*" for test in tests)


def takes_any_name(pattern: Pat) -> bool:
    """Whether the pattern's name test says nothing: empty, or stars alone."""
    return any(
        isinstance(one, str) and not one.strip("*") for one in alternatives(test_of(pattern))
    )


def is_other_case(name: str, test: NameTest) -> bool:
    """Whether the name fails the test and passes it but for upper and lower case."""
    return not passes(name, test) and any(_folded(name, one) for one in alternatives(test))


def _folded(name: str, test: str | Re) -> bool:
    if isinstance(test, Re):
        return _is_text(name) and re.fullmatch(test.text, name, re.IGNORECASE) is not None
    folds: list[Callable[[str], str]] = [str.lower, str.upper, str.casefold]
    return any(fnmatchcase(fold(name), fold(test)) for fold in folds)


def is_other_form(name: str, test: NameTest) -> bool:
    """Whether the name fails the test and passes it in another Unicode normal form of either."""
    if not _is_text(name) or passes(name, test):
        return False
    for one in alternatives(test):
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, name)
            if passes(other, one):
                return True
            if isinstance(one, str) and fnmatchcase(other, unicodedata.normalize(form, one)):
                return True
    return False


def is_one_edit_away(name: str, test: NameTest) -> bool:
    """Whether it takes one letter more, less, or another, or two swapped, for it to pass a glob."""
    globs = [one for one in alternatives(test) if isinstance(one, str)]
    return not passes(name, test) and any(
        fnmatchcase(edited, glob) for glob in globs for edited in _edits(name, glob)
    )


def _edits(name: str, glob: str) -> Iterator[str]:
    letters = sorted({*name, *glob, *_OTHERS})
    for at in range(len(name) + 1):
        front, back = name[:at], name[at:]
        yield from (front + letter + back for letter in letters)
        if back:
            yield front + back[1:]
            yield from (front + letter + back[1:] for letter in letters)
        if len(back) > 1:
            yield front + back[1] + back[0] + back[2:]


#: How a name may be near a test, the nearest first.
NEAR_NAMES: dict[str, Callable[[str, NameTest], bool]] = {
    "case": is_other_case,
    "normal form": is_other_form,
    "edit": is_one_edit_away,
}


def nearest_name(names: Iterable[str], test: NameTest) -> tuple[str, str] | None:
    """Why which of the names is near the test: the first by code points of the nearest kind.

    Names too long to try all that may be changed in them are near by case and form only.
    """
    for reason, is_near in NEAR_NAMES.items():
        for name in sorted(names):
            if (reason != "edit" or len(name) <= 40) and is_near(name, test):
                return reason, name
    return None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
