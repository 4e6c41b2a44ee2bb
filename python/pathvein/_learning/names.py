"""From names to globs: what a few directories' entries have in common.

Names are held against each other by their *shape*: the name with a `*` for each run of digits,
and for what looks like a hash.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations_with_replacement

from pathvein_core import PatternMatcher

__all__ = [
    "escaped",
    "globs_for",
    "is_junk",
    "is_literal",
    "is_opaque",
    "kinds",
    "one_glob",
    "only_digits",
]

#: As many names of one shape are written as they are; more become a glob.
MOST_LITERAL = 3
#: As many, if some of the directories do not have them all.
MOST_LITERAL_AND_OPTIONAL = 2
#: As many names that have no shape in common, but all directories have them.
MOST_LITERAL_IN_ALL = 16
#: As many globs of names that only some directories have.
MOST_OPTIONAL = 8
#: As many globs may take the place of one shape, such as one for each of two channels.
_MOST_SPLIT = 4
#: As many stars of one glob; else one takes the place of all.
_MOST_STARS = 4
#: Names that are compared part by part, of all directories. Of more, the first have to do.
_MOST_COMPARED = 20_000
#: Globs that are tried then.
_MOST_TRIED = 200
#: Parts of a name that are compared; the last one has the rest.
_MOST_PARTS = 8

#: Hexadecimal digits of which some are letters and some are not, so many that it is a hash; or
#: decimal digits.
_HASH = r"(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}(?![0-9A-Za-z])"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
_VARIABLE = re.compile(rf"(?<![0-9A-Za-z])(?:{_UUID}|{_HASH})|[0-9]+")
_DIGIT = re.compile("[0-9]")
_PARTS = re.compile(r"[^\W\d_]+|\d+|.", re.DOTALL)
_SEPARATOR = re.compile(r"(\W|_)")
_EXTENSION = re.compile(r"(?<=.)(\.[A-Za-z0-9]{1,12})?(\.[A-Za-z0-9]{1,12})$", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")
_SPECIAL = re.compile(r"[*?\[]")
_ESCAPED = re.compile(r"\[[*?\[]\]")

#: What systems, editors and interpreters leave anywhere. It says nothing about a structure.
_JUNK = PatternMatcher(
    [
        *(".DS_Store", "._*", ".AppleDouble", ".LSOverride", ".Spotlight-V100", ".Trashes"),
        *(".fseventsd", ".directory", ".Trash-*", ".nfs*", ".fuse_hidden*", "lost+found"),
        *("@eaDir", ".snapshot", "[Tt]humbs.db", "[Dd]esktop.ini", "$RECYCLE.BIN"),
        *("System Volume Information", "*~", ".#*", "#*#", ".*.sw[a-p]"),
        *("__pycache__", "*.py[co]", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache"),
        *(".ruff_cache", ".hypothesis"),
    ]
)
#: Directories that are told by their names: what is inside is a tool's own business.
_OPAQUE = frozenset(
    "node_modules .git .hg .svn .bzr .jj venv .venv env .tox .nox .idea .vscode target".split()
)


def is_junk(name: str) -> bool:
    """Whether an entry of this name says nothing about the directory that it is in."""
    return _JUNK.matches(name)


def is_opaque(name: str) -> bool:
    """Whether a directory of this name is best told by the name alone."""
    return name in _OPAQUE


def escaped(name: str) -> str:
    """The glob that matches this name and no other."""
    return _SPECIAL.sub(r"[\g<0>]", name)


def is_literal(glob: str) -> bool:
    """Whether a glob is `escaped`."""
    return not _SPECIAL.search(_ESCAPED.sub("", glob))


def one_glob(names: Iterable[str]) -> str:
    """A glob that matches each of some names, as a person would choose it.

    Example:
        >>> one_glob(["run_001", "run_2"]), one_glob(["sub-ann_T1w", "sub-bob_T1w"])
        ('run_*', 'sub-*_T1w')
        >>> one_glob(["2024", "2025"]), one_glob(["alpha", "beta"])
        ('[0-9][0-9][0-9][0-9]', '*')
        >>> one_glob(["230101_M00123_0045_000-ABC", "230207_M00123_0046_000-K7L"])
        '*_M00123_*_000-*'
    """
    unique = list(dict.fromkeys(names))
    if len(unique) == 1:
        return escaped(unique[0])
    if len({tuple(_VARIABLE.split(name)) for name in unique}) == 1:
        return _globs_of_shape([set(unique)])[0]
    splits = [_PARTS.findall(name) for name in unique]
    first = _in_common(splits)
    last = _in_common([parts[: len(first) - 1 if first else None : -1] for parts in splits])
    if not first and not last:
        return _by_words(unique)
    return f"{escaped(''.join(first))}*{escaped(''.join(reversed(last)))}"


def _by_words(names: list[str]) -> str:
    """A glob for names that neither begin nor end alike: words in the middle that all have."""
    splits = [_SEPARATOR.split(name) for name in names]
    if len({tuple(split[1::2]) for split in splits}) > 1:
        return "*"
    columns = [set(column) for column in zip(*splits, strict=True)]
    words = [column for column in columns[::2] if len(column) == 1]
    varying = len(columns[::2]) - len(words)
    if varying > _MOST_STARS or max((len(*word) for word in words), default=0) < 3:
        return "*"
    return "".join(escaped(*column) if len(column) == 1 else "*" for column in columns)


def only_digits(glob: str, names: Iterable[str]) -> list[str]:
    """Regular expressions that let each `*` of a glob stand for digits only; the narrowest last.

    There are none if some of the names, which all match the glob, have something else there.

    Example:
        >>> only_digits("run_*", ["run_001", "run_012"])
        ['run_[0-9]+', 'run_[0-9]{3}']
        >>> only_digits("run_*", ["run_001", "run_x"])
        []
    """
    literals = glob.split("*")
    if len(literals) == 1 or not all(
        re.fullmatch(r"[\w .-]*", part, re.ASCII) for part in literals
    ):
        return []
    pattern = re.compile("([0-9]+)".join(map(re.escape, literals)))
    lengths: list[set[int]] = [set() for _ in literals[1:]]
    for name in names:
        found = pattern.fullmatch(name)
        if found is None:
            return []
        for seen, digits in zip(lengths, found.groups(), strict=True):
            seen.add(len(digits))
    # In front of a blank or a hyphen, Rust's syntax needs no backslash.
    quoted = [part.replace(".", r"\.") for part in literals]
    numbers = [f"[0-9]{{{min(seen)}}}" if len(seen) == 1 else "[0-9]+" for seen in lengths]
    fixed = "".join(sum(zip(quoted, [*numbers, ""], strict=True), ()))
    return list(dict.fromkeys(["[0-9]+".join(quoted), fixed]))


def globs_for(names: Iterable[str]) -> list[str]:
    """A few globs that match each of some names, by their kinds.

    Example:
        >>> globs_for(["run_1", "run_2", "test_1", "test_2"])
        ['run_*', 'test_*']
    """
    return _some_have([set(names)])


def kinds(samples: Sequence[frozenset[str]]) -> tuple[list[str], list[str]]:
    """The kinds of names in some directories, as globs: those that all have, and the others.

    Each directory has a name for each glob of the first list; each name matches one of either.
    Neither list is long, however many names there are.
    """
    numbered = [set(filter(_DIGIT.search, names)) for names in samples]
    rest = [set(names - with_digits) for names, with_digits in zip(samples, numbered, strict=True)]
    in_all = set.intersection(*rest)
    for names in rest:
        names -= in_all
    required: list[str] = []
    for members in _by_shape(numbered).values():
        everywhere = len(members) == len(samples)
        common = set.intersection(*members.values()) if everywhere else set()
        number = len(set().union(*members.values()))
        few = number <= (MOST_LITERAL if number == len(common) else MOST_LITERAL_AND_OPTIONAL)
        if everywhere and not (common and few):
            required += _globs_of_shape(list(members.values()), split=True)
            continue
        in_all |= common
        for index, names in members.items():
            rest[index] |= names - common
    literal, globs = _shortened(sorted(in_all))
    required += globs
    _take_matched(rest, globs)
    for find in (_by_part, _by_extension):
        found = find(rest)
        required += found
        _take_matched(rest, found)
    return [*map(escaped, literal), *sorted(set(required))], _some_have(rest)


def _by_shape(samples: Sequence[Iterable[str]]) -> dict[tuple[str, ...], dict[int, set[str]]]:
    """Names by their shape, which is what stands around the digits; then by their directory."""
    shapes: dict[tuple[str, ...], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for index, names in enumerate(samples):
        for name in names:
            shapes[tuple(_VARIABLE.split(name))][index].add(name)
    return dict(sorted(shapes.items()))


def _globs_of_shape(members: Sequence[set[str]], *, split: bool = False) -> list[str]:
    """The globs for names of one shape, of which each directory has one.

    What is the same in all of them stays. With `split`, what takes the same few values in each
    directory, such as the channels of a microscope, gets a glob for each of them.
    """
    some = next(iter(members[0]))
    literals = _VARIABLE.split(some)
    rows = [{tuple(_VARIABLE.findall(name)) for name in names} for names in members]
    columns = range(len(literals) - 1)
    values = [[{row[column] for row in each} for each in rows] for column in columns]
    most = MOST_LITERAL if split else 1
    fixed = [
        column
        for column in columns
        if len(values[column][0]) <= most and all(v == values[column][0] for v in values[column])
    ]
    while True:
        chosen = [{tuple(row[column] for column in fixed) for row in each} for each in rows]
        if len(chosen[0]) <= _MOST_SPLIT and all(each == chosen[0] for each in chosen):
            break
        fixed.remove(max(fixed, key=lambda column: len(values[column][0])))
    if len(fixed) == len(columns) and columns:
        # All names are the same everywhere, and too many to be written one by one.
        fixed.remove(max(fixed, key=lambda column: len(values[column][0])))
        chosen = [{tuple(row[column] for column in fixed) for row in rows[0]}]
    found = []
    for combination in sorted(chosen[0]):
        known = dict(zip(fixed, combination, strict=True))
        parts = [known.get(column) for column in columns]
        found.append(_glob(literals, parts, values))
    return found


def _glob(literals: list[str], parts: list[str | None], values: list[list[set[str]]]) -> str:
    """Literals with known parts between them, or what stands for unknown ones."""
    if parts == [None] and literals == ["", ""]:
        # Digits alone: `*` would be any name at all.
        lengths = {len(text) for each in values[0] for text in each}
        return "[0-9]" * min(lengths) if len(lengths) == 1 and min(lengths) <= 4 else "[0-9]*"
    stars = [index for index, part in enumerate(parts) if part is None]
    if len(stars) > _MOST_STARS:
        literals = [*literals[: stars[0] + 1], *literals[stars[-1] + 1 :]]
        parts = [*parts[: stars[0] + 1], *parts[stars[-1] + 1 :]]
    glob = escaped(literals[0])
    for part, literal in zip(parts, literals[1:], strict=True):
        glob += ("*" if part is None else part) + escaped(literal)
    return glob


def _shortened(names: list[str]) -> tuple[list[str], list[str]]:
    """Names that all directories have: those that are told one by one, and globs for the rest."""
    if len(names) <= MOST_LITERAL_IN_ALL:
        return names, []
    extensions = _last_extensions(names)
    globs = []
    for extension, number in extensions.most_common():
        if len(names) > MOST_LITERAL_IN_ALL and number > MOST_LITERAL:
            globs.append(f"*{extension}")
            names = [name for name in names if not name.endswith(extension)]
    return ([], [*globs, "*"]) if len(names) > MOST_LITERAL_IN_ALL else (names, globs)


def _last_extensions(names: Iterable[str]) -> Counter[str]:
    """How many names have an extension of one part."""
    return Counter(extensions[-1] for extensions in map(_extensions, names) if extensions)


def _by_part(rest: Sequence[set[str]]) -> list[str]:
    """Globs with one star, which stands for parts of names, that all directories have."""
    if len(rest) < 2:
        return []
    most = max(_MOST_COMPARED // len(rest), 1)
    rest = [set(sorted(names)[:most]) for names in rest]
    common = set.intersection(*(set().union(*map(_ends, names)) for names in rest))
    found: list[str] = []
    for first, last in sorted(common, key=lambda ends: (-len("".join(ends)), ends))[:_MOST_TRIED]:
        glob = f"{escaped(first)}*{escaped(last)}"
        matched = list(map(_matching(glob), rest))
        if all(matched):
            found.append(glob)
            for names, taken in zip(rest, matched, strict=True):
                names -= taken
    return found


def _matching(*globs: str) -> Callable[[Iterable[str]], set[str]]:
    """What gives those of some names that one of the globs matches."""
    matches = PatternMatcher(globs).matches
    return lambda names: set(filter(matches, names))


def _ends(name: str) -> set[tuple[str, str]]:
    """How the name can begin and end, with parts left out between."""
    parts = _PARTS.findall(name)
    if len(parts) > _MOST_PARTS:
        parts = [*parts[: _MOST_PARTS - 1], "".join(parts[_MOST_PARTS - 1 :])]
    extension = "".join(_extensions(name)[:1])
    found = set()
    for start, end in combinations_with_replacement(range(len(parts) + 1), 2):
        first, last = "".join(parts[:start]), "".join(parts[end:])
        # The rest must be more than an extension, and say something.
        told = first + (last.removesuffix(extension) if len(last) >= len(extension) else "")
        if sum(map(str.isalpha, told)) >= 3:
            found.add((first, last))
    return found


def _by_extension(rest: Sequence[set[str]]) -> list[str]:
    """`*.ext` for extensions that all directories have, the longer ones first."""
    found: list[str] = []
    for which in (0, -1):
        extensions = [
            {_extensions(name)[which] for name in names if _extensions(name)} for names in rest
        ]
        common = sorted(set.intersection(*extensions))
        new = [f"*{extension}" for extension in common]
        found += new
        rest = [set(names) for names in rest]
        _take_matched(rest, new)
    return found


def _extensions(name: str) -> list[str]:
    """The extensions of a name, the longest first: of two parts if both look like one."""
    match = _EXTENSION.search(name)
    if match is None or not _LETTER.search(match[2]):
        return []
    both = match[1] is not None and _LETTER.search(match[1]) and match.start(1) > 0
    return [match[1] + match[2], match[2]] if both else [match[2]]


def _take_matched(rest: Sequence[set[str]], globs: list[str]) -> None:
    """Take the names that globs match out of `rest`."""
    matching = _matching(*globs)
    for names in rest:
        names -= matching(names)


def _some_have(rest: Sequence[set[str]]) -> list[str]:
    """A few globs for names that only some directories have."""
    names = set().union(*rest)
    numbered = set(filter(_DIGIT.search, names))
    globs = list(map(escaped, names - numbered))
    for [members] in map(dict.values, _by_shape([numbered]).values()):
        globs += map(escaped, members) if len(members) == 1 else _globs_of_shape([members])
    if len(globs) > MOST_OPTIONAL:
        counts = _last_extensions(names).items()
        globs = [f"*{extension}" for extension, number in counts if number > 1]
        left = [names]
        _take_matched(left, globs)
        globs += map(escaped, left[0])
    return sorted(globs) if len(globs) <= MOST_OPTIONAL else ["*"]


def _in_common(sequences: list[list[str]]) -> list[str]:
    """What all of some sequences begin with."""
    found = []
    for items in zip(*sequences, strict=False):
        if len(set(items)) > 1:
            break
        found.append(items[0])
    return found
