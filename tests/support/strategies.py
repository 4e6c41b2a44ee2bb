"""Hypothesis strategies: names that hurt, random trees, and patterns that do match some of them."""

from __future__ import annotations

import glob as globbing
import os
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

import profiles  # noqa: F401  (Hypothesis takes its settings from it)
from pats import Pat, Re, asked_below, counted, either
from trees import Dir, Entry, Fifo, File, Link, Socket

# What globs are made of, and what decoding and case folding get wrong.
HARD = "*?[]!-^\\{},./ab\nA\u00e9\u00df\u0130\u65e5\U0001f600\udcff\udc80\ud800"

PLAIN_NAMES = ["a", "b", "ab", "ba", "a.txt", "b.txt", "A", "a.b.txt"]
ODD_NAMES = [
    ".a",
    "..a",
    "...",
    "a.",
    "a..",
    "[",
    "[a]",
    "]",
    "!",
    "!a",
    "^",
    "-",
    "a-b",
    "*",
    "?",
    "{a,b}",
    "{",
    "a,b",
    "\\",
    "a\\b",
    "a\nb",
    "\n",
    " ",
    "a ",
    "\u00e9",
    "e\u0301",
    "\u00fc.txt",
    "\u65e5\u672c",
    "\U0001f600",
    "\udcff",
    "\udc80.txt",
    "a\udcc3",
    "\udced\udca0\udc80",
    "x" * 255,
    "\u65e5" * 85,
]


def _decoded(raw: bytes) -> str:
    return os.fsdecode(raw)


raw_names = (
    st.binary(min_size=1, max_size=3)
    .filter(lambda raw: b"/" not in raw and b"\0" not in raw and raw not in (b".", b".."))
    .map(_decoded)
)
plain_names = st.sampled_from(PLAIN_NAMES)
disk_names = st.one_of(plain_names, plain_names, st.sampled_from(ODD_NAMES), raw_names)

# fsspec takes ".", "..", "::", "://" and the empty name apart; those are tested by themselves.
memory_names = st.one_of(plain_names, st.sampled_from(ODD_NAMES)).filter(
    lambda name: name not in (".", "..")
)

hard_text = st.text(alphabet=HARD, max_size=8)


@st.composite
def directories(
    draw: Any, names: st.SearchStrategy[str], depth: int = 3, special: bool = True
) -> Dir:
    """A directory of directories and files, without links."""
    leaf = [File()] * 4 + ([Fifo(), Socket()] if special else [])
    entries: dict[str, Entry] = {}
    # The number is drawn first: lists that end by chance are mostly short.
    for _ in range(draw(st.integers(0, 5 if depth == 3 else 3))):
        name = draw(names)
        if name in entries:
            continue
        if depth and draw(st.integers(0, 4)) > 1:
            entries[name] = draw(directories(names, depth - 1, special))
        else:
            entries[name] = draw(st.sampled_from(leaf))
    return Dir(entries)


def paths_of(spec: Dir, prefix: str = "") -> list[str]:
    """All paths of a tree, directories and the rest."""
    found = []
    for name, entry in spec.entries.items():
        found.append(prefix + name)
        if isinstance(entry, Dir):
            found += paths_of(entry, f"{prefix}{name}/")
    return found


def directories_of(spec: Dir) -> list[Dir]:
    """All directories of a tree, the top first."""
    found = [spec]
    for entry in spec.entries.values():
        if isinstance(entry, Dir):
            found += directories_of(entry)
    return found


def readable(spec: Dir) -> Dir:
    """The same tree, without modes."""
    entries = {n: readable(e) if isinstance(e, Dir) else e for n, e in spec.entries.items()}
    return Dir(entries)


RAW_TARGETS = ["nowhere", "/nonexistent/pathvein", "a/b/c", ".", "..", "./.", "loop"]


@st.composite
def worlds(draw: Any, links: bool = True, unreadable: bool = False) -> Dir:
    """What is scanned (``src``) beside what is not (``out``), with links to and fro."""
    source = draw(directories(disk_names))
    outside = draw(directories(disk_names, depth=1))
    world = Dir({"src": source, "out": outside})
    if links:
        targets = ["", "src", "out", *paths_of(world)]
        homes = directories_of(source) * 3 + directories_of(outside)
        for _ in range(draw(st.integers(0, 3))):
            home = draw(st.sampled_from(homes))
            name = draw(st.one_of(plain_names, st.sampled_from(["loop", "l\udcff", ".l"])))
            if name in home.entries:
                continue
            if draw(st.integers(0, 3)) == 0:
                home.entries[name] = Link(raw=draw(st.sampled_from(RAW_TARGETS)))
            else:
                target = draw(st.sampled_from(targets))
                home.entries[name] = Link(to=target, absolute=draw(st.booleans()))
    if unreadable:
        for home in directories_of(source)[1:] + directories_of(outside)[1:]:
            if draw(st.integers(0, 2)) == 0:
                # Closed; to be read but not searched; to be searched but not read.
                object.__setattr__(home, "mode", draw(st.sampled_from([0, 0o444, 0o111])))
    return world


def _broken_up(name: str) -> list[str]:
    """Globs that are near a name."""
    _, dot, suffix = name.rpartition(".")
    return [
        name,
        globbing.escape(name),
        "*",
        f"*{name[-1:]}" if name[-1:] not in "[" else "*",
        f"{globbing.escape(name[:1])}*",
        "?" * min(len(name), 4),
        f"*{globbing.escape(dot + suffix)}",
        f"[{name[0]}]*" if name else "*",
        f"[!{name[0]}]*" if name else "*",
    ]


def _globs_near(names: list[str]) -> st.SearchStrategy[str]:
    near = [glob for name in names for glob in _broken_up(name)]
    far = st.one_of(
        st.sampled_from(["*", "a*", "*.txt", "", "[!a]*", "**", "*/*", "a/b", ".*", "[", "*\n*"]),
        hard_text,
    )
    if not near:
        return far
    chosen = st.sampled_from(near)
    return st.one_of(chosen, chosen, chosen, chosen, chosen, chosen, far)


def _behind(world: Dir, entry: Entry) -> Dir:
    """The directory that an entry is or leads to, so that patterns look behind links too."""
    if isinstance(entry, Link) and entry.to is not None:
        here: Entry = world
        for name in filter(None, entry.to.split("/")):
            here = here.entries.get(name, Dir()) if isinstance(here, Dir) else Dir()
        entry = here
    return entry if isinstance(entry, Dir) else Dir()


@st.composite
def patterns_near(draw: Any, world: Dir, spec: Dir, name: str, depth: int = 3) -> Pat:
    """A pattern made from a directory, so that it often matches it, and often something else."""
    if draw(st.integers(0, 2)) == 0:
        more: Pat = draw(_patterns_that_say_more(world, spec, name, depth))
        return more
    dirnames, filenames = _names_in(spec)
    directory_name = draw(
        st.one_of(st.sampled_from(["*", "", None]), _globs_near([name] if name else []))
    )
    most = 1 if draw(st.booleans()) else 3
    globs = _globs_near(filenames)
    files = (
        draw(st.lists(globs, max_size=most)) if filenames or draw(st.integers(0, 5)) == 0 else []
    )
    dirs = []
    if depth and dirnames:
        for child in draw(st.lists(st.sampled_from(dirnames), max_size=most)):
            inner = _behind(world, spec.entries[child])
            dirs.append(draw(patterns_near(world, inner, child, depth - 1)))
    elif depth and draw(st.integers(0, 8)) == 0:
        dirs.append(draw(patterns_near(world, Dir(), "a", depth - 1)))
    optional_files = draw(st.lists(globs, max_size=1))
    optional_dirs = (Pat("a", ("nothing",)),) if draw(st.integers(0, 4)) == 0 else ()
    return Pat(directory_name, tuple(files), tuple(dirs), tuple(optional_files), optional_dirs)


def _names_in(spec: Dir) -> tuple[list[str], list[str]]:
    """What may be a directory, and what may be none."""
    dirnames = [n for n, e in spec.entries.items() if isinstance(e, (Dir, Link))]
    filenames = [n for n, e in spec.entries.items() if not isinstance(e, Dir)]
    return dirnames, filenames


#: What is not what it is between letters: the escapes that both languages have.
_META = "\\.+*?()|[]{}^$#&-~"


def _expressions_near(names: list[str]) -> st.SearchStrategy[Re]:
    """Regular expressions that mean the same in Rust and in Python."""
    near = []
    for name in names:
        if name.isascii() and name.isprintable():
            letters = [f"\\{c}" if c in _META else c for c in name]
            text = "".join(letters)
            near += [text, f"{text}|b", "[a-z]*", f"{text}+", f"(?s:.*){''.join(letters[-1:])}"]
    far = ["a", "[ab]+", ".", r"\..*", r".*\.txt", "[^a]*", r"(a|b)\.txt", "a{1,2}b?", "", r"x+|\d"]
    return st.sampled_from(near + far).map(Re)


def _name_tests_near(names: list[str]) -> st.SearchStrategy[Any]:
    one = st.one_of(_globs_near(names), _globs_near(names), _expressions_near(names))
    several = st.lists(one, min_size=2, max_size=3)
    return st.one_of(one, one, several.map(lambda tests: either(tests)))


@st.composite
def _counts(draw: Any) -> tuple[int, int | None]:
    if draw(st.booleans()):
        return 1, None
    least = draw(st.integers(0, 3))
    return least, draw(st.sampled_from([None, least, least, least + 1, least + 2]))


@st.composite
def _patterns_that_say_more(draw: Any, world: Dir, spec: Dir, name: str, depth: int) -> Pat:
    """The same with numbers, alternatives, expressions, forbidden entries, and nothing else."""
    dirnames, filenames = _names_in(spec)
    named = st.sampled_from([(child, spec.entries[child]) for child in dirnames] or [("a", Dir())])

    def sub() -> Pat:
        child, entry = draw(named)
        pat: Pat = draw(patterns_near(world, _behind(world, entry), child, depth - 1))
        return pat

    def rarely() -> bool:
        return bool(draw(st.integers(0, 3)) == 0)

    tests = _name_tests_near(filenames)
    any_name = st.sampled_from(["*", "", None])
    directory_name = draw(st.one_of(any_name, any_name, _name_tests_near([name] if name else [])))
    files = tuple(counted(test, *draw(_counts())) for test in draw(st.lists(tests, max_size=2)))
    dirs, forbidden_dirs, optional_dirs = [], [], []
    for _ in range(draw(st.integers(0, 2)) if depth else 0):
        what = (sub(), sub()) if rarely() else sub()
        dirs.append(counted(what, *draw(_counts())))
    if depth and rarely():
        # What is there already would leave few matches.
        pat = sub()
        also = () if rarely() else ("no*",)
        forbidden_dirs.append(pat._replace(files=pat.files + also))
    forbidden_files = (draw(tests if rarely() else st.just("no*")),) if rarely() else ()
    closed = rarely()
    optional_files = draw(st.lists(tests, max_size=1)) + (["*"] if closed and not rarely() else [])
    if closed and not rarely():
        optional_dirs.append(Pat("*"))
    return Pat(
        directory_name,
        files,
        tuple(dirs),
        tuple(optional_files),
        tuple(optional_dirs),
        forbidden_files,
        tuple(forbidden_dirs),
        closed,
    )


@st.composite
def named_patterns(draw: Any, world: Dir, spec: Dir, name: str) -> list[Pat]:
    """Some patterns, each near some directory of the tree; equal ones happen."""
    homes = _named_directories(spec, name)
    chosen = draw(st.lists(st.sampled_from(homes), min_size=1, max_size=4))
    found = [draw(patterns_near(world, home, home_name)) for home_name, home in chosen]
    if draw(st.integers(0, 3)) == 0:
        found.append(found[0])
    return found


@st.composite
def many_patterns(draw: Any, world: Dir, spec: Dir, name: str) -> list[Pat]:
    """150 patterns that hold 100 others, with more than 64 globs for files and directories each.

    They are made from one number: to draw each part by itself takes too long.
    """
    random = Random(draw(st.integers(0, 2**32)))
    homes = [home for _, home in _named_directories(spec, name)]
    dirnames = [name, *(n for home in homes for n, e in home.entries.items() if _leads_on(e))]
    filenames = [n for home in homes for n, e in home.entries.items() if not isinstance(e, Dir)]
    far = [f"no{number}*" for number in range(60)]
    near_dirs = sorted({glob for n in dirnames for glob in _broken_up(n)})
    near_files = sorted({glob for n in filenames for glob in _broken_up(n)}) or far

    def part(parts: list[Pat], *also: Pat) -> Pat:
        directory_name = random.choice(["*", None, random.choice(near_dirs), random.choice(far)])
        files = [
            random.choice(far if random.random() < 0.3 else near_files)
            for _ in range(random.choice([0, 0, 1, 2]))
        ]
        shallow = [pat for pat in parts if levels[pat] < 4]
        dirs = [random.choice(shallow) for _ in range(random.choice([0, 0, 1, 2])) if shallow]
        return Pat(directory_name, tuple(files), (*also, *dirs))

    levels: dict[Pat, int] = {}
    while len(levels) < 100:
        pat = part(list(levels))
        levels[pat] = 1 + max((levels[sub] for sub in asked_below(pat)), default=0)
    return [part(list(levels), pat) for pat in levels] + [part(list(levels)) for _ in range(50)]


def _leads_on(entry: Entry) -> bool:
    return isinstance(entry, (Dir, Link))


def _named_directories(spec: Dir, name: str) -> list[tuple[str, Dir]]:
    found = [(name, spec)]
    for child, entry in spec.entries.items():
        if isinstance(entry, Dir):
            found += _named_directories(entry, child)
    return found


# Exclude rules: globset's own corner cases are not the subject, the way they are applied is.
RULES = [
    "*.txt",
    "a*",
    "?",
    "[ab]",
    "{a,b}",
    "**/a",
    "a/**",
    "**/a/**",
    "a/**/b",
    "*/a",
    "a/",
    "/a",
]
RULES += ["/a/", "/*", "*/", "**/b/", "/*/*", "*.", ".*", "**", "/**/a.txt", "[a-b]/", "\\[", "x*"]


@st.composite
def exclude_rules(draw: Any, spec: Dir) -> list[str]:
    """No rule, or a few that often hit something."""
    if draw(st.booleans()):
        return []
    literal = [
        path
        for path in paths_of(spec)
        if not set(path) & set("*?[]{}\\") and path.isprintable() and path.strip("/") == path
    ]
    rules = st.sampled_from(RULES)
    if literal:
        chosen = st.sampled_from(literal)
        rules = st.one_of(
            rules,
            chosen,
            chosen.map(lambda path: f"/{path}"),
            chosen.map(lambda path: f"{path}/"),
            chosen.map(lambda path: path.rsplit("/", 1)[-1]),
            chosen.map(lambda path: "/" + path.rsplit("/", 1)[-1]),
            chosen.map(lambda path: f"{path}/**"),
        )
    chosen_rules: list[str] = draw(st.lists(rules, min_size=1, max_size=2))
    return chosen_rules


@dataclass
class Case:
    """A scan to be compared with the reference."""

    world: Dir
    patterns: list[Pat]
    exclude: list[str]
    max_depth: int | None
    follow_links: bool
    one_file_system: bool
    threads: int | None

    @property
    def options(self) -> dict[str, Any]:
        """What the reference takes too."""
        return {
            "exclude": self.exclude,
            "max_depth": self.max_depth,
            "follow_links": self.follow_links,
            "one_file_system": self.one_file_system,
        }


@st.composite
def cases(draw: Any, unreadable: bool = False, large: bool = False) -> Case:
    """A random tree, patterns near it (``large``: very many), and options."""
    world = draw(worlds(unreadable=unreadable))
    source = world.entries["src"]
    assert isinstance(source, Dir)
    return Case(
        world,
        draw((many_patterns if large else named_patterns)(world, source, "src")),
        draw(exclude_rules(source)),
        draw(st.sampled_from([None, None, None, 0, 1, 2])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from([None, 1, 2, 4])),
    )
