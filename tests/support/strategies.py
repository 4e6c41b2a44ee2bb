"""Hypothesis strategies: names that hurt, random trees, and patterns that do match some of them."""

from __future__ import annotations

import glob as globbing
import os
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

import profiles  # noqa: F401  (Hypothesis takes its settings from it)
from reference import Pat
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
    dirnames = [n for n, e in spec.entries.items() if isinstance(e, (Dir, Link))]
    filenames = [n for n, e in spec.entries.items() if not isinstance(e, Dir)]
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
        levels[pat] = 1 + max((levels[sub] for sub in pat.dirs), default=0)
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
