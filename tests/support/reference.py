"""The oracle: docs/semantics.md line by line, slow and obvious, with nothing of pathvein in it.

``scan`` reads a real tree, ``scan_tree`` a tree that is a Python value (what a remote store
holds), ``matches`` and ``matches_tree`` answer what ``pattern.matches`` is asked. What a pattern
is, and what a directory must hold to match it, is in `pats`; the exclude rules are in
`exclude_reference`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pats
from exclude_reference import excluded
from pats import Node, asks_for, asks_inside, collect, is_plain
from pats import Pat as Pat
from pats import name_matches as name_matches

#: How many links a way may lead through.
MAX_LINKS = 40


class Tree(NamedTuple):
    """A directory as plain data: a name may be in ``dirs`` and in ``files`` at once."""

    dirs: dict[str, Tree] = {}  # noqa: RUF012  (never changed)
    files: tuple[str, ...] = ()
    #: Whether its listing broke off behind these.
    broke_off: bool = False
    #: Whether it can be listed at all.
    listed: bool = True


class Item(NamedTuple):
    """An error item: what went wrong with which path."""

    path: str
    errno: int


class Tally(NamedTuple):
    """What visiting came across."""

    errors: list[Item]
    directories: int
    entries: int
    links_not_followed: int


#: That of one that did not begin.
NOTHING = Tally([], 0, 0, 0)


class Answer(NamedTuple):
    """What a scan has to give; ``found`` holds (absolute path, pattern).

    Below ``max_depth`` a directory is opened only if a candidate asks for something inside, and
    whoever already knows that a candidate is lost need not open it. So there are two tallies:
    ``least`` stops at the depth, ``most`` opens for every candidate whose name fits. Likewise
    for links that are not followed: ``least`` looks at those that decide for a pattern that may
    start where they are, ``most`` at every one whose name some candidate asks for.

    ``hidden_by_links`` is how many more would be found if each link that is not followed led to
    whatever is asked of it. ``possible`` holds what is found and what cannot be told.
    """

    found: set[tuple[str, Pat]]
    possible: set[tuple[str, Pat]]
    least: Tally
    most: Tally
    hidden_by_links: int

    @property
    def errors(self) -> list[Item]:
        """The error items of everything that may be opened."""
        return self.most.errors


def depends_on(pattern: Pat, name: str, files: list[str]) -> bool:
    """Whether what an entry of that name is does matter, given the directory's files.

    Of a pattern that can be told only in the new forms nothing is said.
    """
    if not is_plain(pattern):
        return False
    others = [file for file in files if file != name]
    asked = [item.test for item in pats.file_requirements(pattern)]
    missing = [test for test in asked if not any(pats.passes(file, test) for file in others)]
    if missing:
        return any(pats.passes(name, test) for test in missing)
    return any(name_matches(name, sub) for sub in pats.asked_below(pattern))


def candidates_below(candidates: list[Pat], name: str) -> list[Pat]:
    """The sub-patterns of a directory's candidates that a child of that name may satisfy."""
    below = [sub for parent in candidates for sub in pats.asked_below(parent)]
    return [sub for sub in below if name_matches(name, sub)]


# Listing -----------------------------------------------------------------------------------


class Listing(NamedTuple):
    """``dirs`` says of each directory whether it is a link to one."""

    dirs: dict[str, bool]
    files: list[str]
    errors: list[Item]


def read_listing(path: str) -> Listing:
    """Split a directory's entries; what cannot be opened raises ``OSError``."""
    dirs: dict[str, bool] = {}
    files: list[str] = []
    errors: list[Item] = []
    with os.scandir(path) as entries:
        # The kind of an entry comes with the listing, so that a directory that may be read but
        # not searched still tells which of its entries are directories and which are links.
        for entry in entries:
            if not entry.is_symlink():
                if entry.is_dir(follow_symlinks=False):
                    dirs[entry.name] = False
                else:
                    files.append(entry.name)
                continue
            try:
                target_is_directory = stat.S_ISDIR(os.stat(entry.path).st_mode)
            except OSError as error:
                files.append(entry.name)
                if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    errors.append(Item(entry.path, error.errno or 0))
                continue
            if target_is_directory:
                dirs[entry.name] = True
            else:
                files.append(entry.name)
    return Listing(dirs, files, errors)


# Scanning a real tree ----------------------------------------------------------------------


class _Scan:
    def __init__(
        self,
        patterns: list[Pat],
        exclude: list[str],
        max_depth: int | None,
        follow_links: bool,
        one_file_system: bool,
        breaks_off: Callable[[str], bool],
    ) -> None:
        self.patterns = patterns
        self.exclude = exclude
        self.max_depth = max_depth
        self.follow_links = follow_links
        self.one_file_system = one_file_system
        self.breaks_off = breaks_off
        self.device = 0
        # Each with the depth of the directory that was being opened or listed.
        self.errors: list[tuple[int, Item]] = []
        self.directories: list[int] = []
        self.entries: list[int] = []
        self.links_not_followed: list[int] = []
        # The same of links that are not followed and need not be looked at.
        self.more_errors: list[tuple[int, Item]] = []
        self.more_links: list[int] = []

    def most(self) -> Tally:
        least = self.tally(None)
        return least._replace(
            errors=sorted(least.errors + [item for _, item in self.more_errors]),
            links_not_followed=least.links_not_followed + len(self.more_links),
        )

    def tally(self, max_depth: int | None) -> Tally:
        def count(depths: list[int]) -> int:
            return sum(max_depth is None or depth <= max_depth for depth in depths)

        return Tally(
            sorted(i for depth, i in self.errors if max_depth is None or depth <= max_depth),
            count(self.directories),
            count(self.entries),
            count(self.links_not_followed),
        )

    def within_depth(self, depth: int) -> bool:
        return self.max_depth is None or depth <= self.max_depth

    def candidates(self, name: str, depth: int, parent_candidates: list[Pat]) -> list[Pat]:
        roots = self.patterns if self.within_depth(depth) else []
        return [p for p in roots if name_matches(name, p)] + candidates_below(
            parent_candidates, name
        )

    def wants_to_open(self, depth: int, candidates: list[Pat]) -> bool:
        return self.within_depth(depth) or any(asks_inside(p) for p in candidates)

    def visit(
        self,
        node: Node,
        relative: str,
        candidates: list[Pat],
        ancestors: list[tuple[int, int]],
    ) -> bool:
        """Fill the node from its listing. False: it is gone, hence absent."""
        try:
            status = os.stat(node.path)
            listing = read_listing(node.path)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.failed(node, error.errno or 0)
            return True
        visited = [*ancestors, (status.st_dev, status.st_ino)]
        self.fill(node, relative, listing, candidates, visited)
        return True

    def failed(self, node: Node, number: int) -> None:
        """The node is there, and nobody can tell what is in it."""
        node.broke_off = True
        self.errors.append((node.depth, Item(node.path, number)))

    def fill(
        self,
        node: Node,
        relative: str,
        listing: Listing,
        candidates: list[Pat],
        visited: list[tuple[int, int]],
    ) -> None:
        """Take the entries of the node, and visit those that are asked for."""
        node.entered = True
        node.broke_off = self.breaks_off(node.path)
        self.directories.append(node.depth)
        unknown = {os.path.basename(item.path): item for item in listing.errors}
        roots = [p for p in candidates if p in self.patterns and self.within_depth(node.depth)]
        for name in listing.files:
            if excluded(self.exclude, _join(relative, name), is_directory=False):
                continue
            self.entries.append(node.depth)
            node.files.append(name)
        node.untold = set(node.files) & unknown.keys()
        for name in node.untold:
            if self.follow_links or any(depends_on(p, name, node.files) for p in roots):
                self.errors.append((node.depth, unknown[name]))
            elif any(asks_for(p, name) for p in candidates):
                self.more_errors.append((node.depth, unknown[name]))
        for name, is_link in listing.dirs.items():
            below = _join(relative, name)
            if excluded(self.exclude, below, is_directory=True):
                continue
            self.entries.append(node.depth)
            links = node.links + is_link
            child = Node(os.path.join(node.path, name), name, node.depth + 1, links)
            wanted = self.candidates(name, child.depth, candidates)
            child.not_followed = is_link and not self.follow_links
            if child.not_followed:
                if any(depends_on(p, name, node.files) for p in roots):
                    self.links_not_followed.append(node.depth)
                elif any(asks_for(p, name) for p in candidates):
                    self.more_links.append(node.depth)
            elif self.wants_to_open(child.depth, wanted) and not self._enter(
                child, is_link, below, wanted, visited
            ):
                continue  # It is gone.
            node.dirs.append(child)

    def _enter(
        self,
        child: Node,
        is_link: bool,
        relative: str,
        candidates: list[Pat],
        visited: list[tuple[int, int]],
    ) -> bool:
        """Visit a child unless it is a loop or on another device."""
        try:
            status = os.stat(child.path)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.failed(child, error.errno or 0)
            return True
        if is_link and (status.st_dev, status.st_ino) in visited:
            self.errors.append((child.depth, Item(child.path, errno.ELOOP)))
            return True
        if is_link and child.links > MAX_LINKS:
            self.failed(child, errno.ELOOP)
            return True
        if self.one_file_system and status.st_dev != self.device:
            return True
        return self.visit(child, relative, candidates, visited)


def _join(relative: str, name: str) -> str:
    return f"{relative}/{name}" if relative else name


def scan(
    source: str | os.PathLike[str],
    patterns: list[Pat],
    *,
    exclude: str | list[str] = (),  # type: ignore[assignment]
    max_depth: int | None = None,
    follow_links: bool = False,
    one_file_system: bool = False,
    breaks_off: Callable[[str], bool] = lambda _: False,
) -> Answer:
    """The answer of a scan of a real tree. A bad source raises the ``OSError`` of the system.

    ``breaks_off`` tells of a directory's path whether there is more in it than can be read.
    """
    unique = list(dict.fromkeys(patterns))
    run, root = _run(
        source,
        unique,
        exclude=exclude,
        max_depth=max_depth,
        follow_links=follow_links,
        one_file_system=one_file_system,
        breaks_off=breaks_off,
    )
    found = collect(root, unique, max_depth)
    possible = collect(root, unique, max_depth, pats.may_match)
    hopeful = collect(root, unique, max_depth, pats.would_match)
    return Answer(found, possible, run.tally(max_depth), run.most(), len(hopeful - found))


def read(source: str | os.PathLike[str], patterns: list[Pat], **options: Any) -> Node:
    """What a scan reads of a real tree, with the options of `scan`."""
    return _run(source, patterns, **options)[1]


def _run(
    source: str | os.PathLike[str],
    patterns: list[Pat],
    *,
    exclude: str | list[str] = (),  # type: ignore[assignment]
    max_depth: int | None = None,
    follow_links: bool = False,
    one_file_system: bool = False,
    breaks_off: Callable[[str], bool] = lambda _: False,
) -> tuple[_Scan, Node]:
    top = os.path.realpath(source, strict=True)
    os.listdir(top)
    rules = [exclude] if isinstance(exclude, str) else list(exclude)
    run = _Scan(patterns, rules, max_depth, follow_links, one_file_system, breaks_off)
    run.device = os.stat(top).st_dev
    root = Node(top, Path(top).name, 0)
    run.visit(root, "", run.candidates(root.name, 0, []), [])
    return run, root


def walk(source: str, *, follow_links: bool = False) -> Answer:
    """A scan for nothing: the errors and the counts of visiting everything."""
    return scan(source, [], follow_links=follow_links)


# Scanning a tree that is a value -----------------------------------------------------------


def scan_tree(
    tree: Tree,
    name: str,
    patterns: list[Pat],
    *,
    exclude: str | list[str] = (),  # type: ignore[assignment]
    max_depth: int | None = None,
) -> set[tuple[str, Pat]]:
    """The answer of a scan of a value, paths relative to its top, which is ``""``."""
    return collect(value_node(tree, name, exclude), list(dict.fromkeys(patterns)), max_depth)


def value_node(
    tree: Tree,
    name: str,
    exclude: str | list[str] = (),  # type: ignore[assignment]
) -> Node:
    """A value as it is matched."""
    rules = [exclude] if isinstance(exclude, str) else list(exclude)
    return _value_node(tree, "", name, 0, rules)


def _value_node(tree: Tree, path: str, name: str, depth: int, rules: list[str]) -> Node:
    node = Node(path, name, depth, entered=tree.listed, broke_off=tree.broke_off or not tree.listed)
    if not tree.listed:
        return node
    node.files = [
        file for file in tree.files if not excluded(rules, _join(path, file), is_directory=False)
    ]
    for child, below in tree.dirs.items():
        relative = _join(path, child)
        if not excluded(rules, relative, is_directory=True):
            node.dirs.append(_value_node(below, relative, child, depth + 1, rules))
    return node


def walk_tree(tree: Tree, path: str = "") -> list[tuple[str, list[str], list[str]]]:
    """What ``walk_python`` gives of a value, sorted, paths relative to its top."""
    rows = [(path, sorted(tree.dirs), sorted(tree.files))]
    for name in sorted(tree.dirs):
        rows += walk_tree(tree.dirs[name], _join(path, name))
    return sorted(rows)


# pattern.matches ---------------------------------------------------------------------------


def matches(
    dirpath: str,
    dirnames: list[str],
    filenames: list[str],
    pattern: Pat,
    breaks_off: Callable[[str], bool] = lambda _: False,
) -> bool:
    """``pattern.matches``; raises an ``OSError`` if what cannot be read decides."""
    run = _Scan([pattern], [], 0, False, False, breaks_off)
    node = Node(dirpath, Path(dirpath).name, 0)
    links = {name: os.path.islink(os.path.join(dirpath, name)) for name in dirnames}
    run.fill(node, "", Listing(links, filenames, []), run.candidates(node.name, 0, []), [])
    node.broke_off = False
    if pats.matches(node, pattern):
        return True
    if not pats.may_match(node, pattern):
        return False
    items = run.errors + run.more_errors
    _, item = items[0] if items else (0, Item(dirpath, errno.EIO))
    raise OSError(item.errno, os.strerror(item.errno), item.path)


def matches_tree(tree: Tree, name: str, pattern: Pat) -> bool:
    """``pattern.matches`` on a value."""
    return pats.matches(value_node(tree, name), pattern)
