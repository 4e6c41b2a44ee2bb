"""The oracle: docs/semantics.md line by line, slow and obvious, with nothing of pathvein in it.

``scan`` reads a real tree, ``scan_tree`` a tree that is a Python value (what a remote store
holds), ``matches`` and ``matches_tree`` answer what ``pattern.matches`` is asked.
"""

from __future__ import annotations

import errno
import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

#: How many links a way may lead through.
MAX_LINKS = 40


class Pat(NamedTuple):
    """A pattern as plain data; equal when all of it is equal."""

    name: str | None = "*"
    files: tuple[str, ...] = ()
    dirs: tuple[Pat, ...] = ()
    optional_files: tuple[str, ...] = ()
    optional_dirs: tuple[Pat, ...] = ()


class Tree(NamedTuple):
    """A directory as plain data: a name may be in ``dirs`` and in ``files`` at once."""

    dirs: dict[str, Tree] = {}  # noqa: RUF012  (never changed)
    files: tuple[str, ...] = ()


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


class Answer(NamedTuple):
    """What a scan has to give; ``found`` holds (absolute path, pattern).

    Below ``max_depth`` a directory is opened only if a candidate asks for something inside, and
    whoever already knows that a candidate is lost need not open it. So there are two tallies:
    ``least`` stops at the depth, ``most`` opens for every candidate whose name fits. Likewise
    for links that are not followed: ``least`` looks at those that decide for a pattern that may
    start where they are, ``most`` at every one whose name some candidate asks for.

    ``hidden_by_links`` is how many more would be found if each link that is not followed led to
    whatever is asked of it.
    """

    found: set[tuple[str, Pat]]
    least: Tally
    most: Tally
    hidden_by_links: int

    @property
    def errors(self) -> list[Item]:
        """The error items of everything that may be opened."""
        return self.most.errors


class Node:
    """One directory of the visited tree, entered or only listed."""

    def __init__(self, path: str, name: str, depth: int, links: int = 0) -> None:
        self.path = path
        self.name = name
        self.depth = depth
        #: How many links the way to it leads through.
        self.links = links
        self.entered = False
        #: Whether it is a link that is not followed.
        self.not_followed = False
        self.dirs: list[Node] = []
        self.files: list[str] = []


# Names and matching ------------------------------------------------------------------------


def name_matches(name: str, pattern: Pat) -> bool:
    """Rule 1: the directory name is empty, or null, or a glob that matches."""
    return not pattern.name or fnmatchcase(name, pattern.name)


def node_matches(node: Node, pattern: Pat, *, links_satisfy: bool = False) -> bool:
    """Rules 1 to 3 on a directory; one that was not entered has an empty listing.

    With ``links_satisfy``, a link that is not followed has all that is asked of it.
    """
    if not name_matches(node.name, pattern):
        return False
    if links_satisfy and node.not_followed:
        return True
    for glob in pattern.files:
        if not any(fnmatchcase(name, glob) for name in node.files):
            return False
    for required in pattern.dirs:
        if not any(node_matches(n, required, links_satisfy=links_satisfy) for n in node.dirs):
            return False
    return True


def asks_inside(pattern: Pat) -> bool:
    """Whether anything but the name has to be known to decide."""
    return bool(pattern.files or pattern.dirs)


def asks_for(pattern: Pat, name: str) -> bool:
    """Whether what an entry of that name is may matter to the pattern."""
    return any(fnmatchcase(name, glob) for glob in pattern.files) or any(
        name_matches(name, sub) for sub in pattern.dirs
    )


def depends_on(pattern: Pat, name: str, files: list[str]) -> bool:
    """Whether what an entry of that name is does matter, given the directory's files."""
    others = [file for file in files if file != name]
    missing = [glob for glob in pattern.files if not any(fnmatchcase(f, glob) for f in others)]
    if missing:
        return any(fnmatchcase(name, glob) for glob in missing)
    return any(name_matches(name, sub) for sub in pattern.dirs)


def candidates_below(candidates: list[Pat], name: str) -> list[Pat]:
    """The sub-patterns of a directory's candidates that a child of that name may satisfy."""
    return [sub for parent in candidates for sub in parent.dirs if name_matches(name, sub)]


def collect(
    node: Node, patterns: list[Pat], max_depth: int | None, *, links_satisfy: bool = False
) -> set[tuple[str, Pat]]:
    """All (path, pattern) below a node; only what was entered can be a match."""
    found: set[tuple[str, Pat]] = set()
    if node.entered and (max_depth is None or node.depth <= max_depth):
        for pattern in patterns:
            if node_matches(node, pattern, links_satisfy=links_satisfy):
                found.add((node.path, pattern))
    for child in node.dirs:
        found |= collect(child, patterns, max_depth, links_satisfy=links_satisfy)
    return found


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
    ) -> None:
        self.patterns = patterns
        self.exclude = exclude
        self.max_depth = max_depth
        self.follow_links = follow_links
        self.one_file_system = one_file_system
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
            self.errors.append((node.depth, Item(node.path, error.errno or 0)))
            return True
        node.entered = True
        self.directories.append(node.depth)
        visited = [*ancestors, (status.st_dev, status.st_ino)]
        unknown = {os.path.basename(item.path): item for item in listing.errors}
        roots = [p for p in candidates if p in self.patterns and self.within_depth(node.depth)]
        for name in listing.files:
            if excluded(self.exclude, _join(relative, name), is_directory=False):
                continue
            self.entries.append(node.depth)
            node.files.append(name)
        for name in set(node.files) & unknown.keys():
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
        return True

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
            self.errors.append((child.depth, Item(child.path, error.errno or 0)))
            return True
        if is_link and (status.st_dev, status.st_ino) in visited:
            self.errors.append((child.depth, Item(child.path, errno.ELOOP)))
            return True
        if is_link and child.links > MAX_LINKS:
            self.errors.append((child.depth, Item(child.path, errno.ELOOP)))
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
) -> Answer:
    """The answer of a scan of a real tree. A bad source raises the ``OSError`` of the system."""
    top = os.path.realpath(source, strict=True)
    os.listdir(top)
    rules = [exclude] if isinstance(exclude, str) else list(exclude)
    unique = list(dict.fromkeys(patterns))
    run = _Scan(unique, rules, max_depth, follow_links, one_file_system)
    run.device = os.stat(top).st_dev
    root = Node(top, Path(top).name, 0)
    run.visit(root, "", run.candidates(root.name, 0, []), [])
    found = collect(root, unique, max_depth)
    possible = collect(root, unique, max_depth, links_satisfy=True)
    return Answer(found, run.tally(max_depth), run.most(), len(possible - found))


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
    rules = [exclude] if isinstance(exclude, str) else list(exclude)
    root = _value_node(tree, "", name, 0, rules)
    return collect(root, list(dict.fromkeys(patterns)), max_depth)


def _value_node(tree: Tree, path: str, name: str, depth: int, rules: list[str]) -> Node:
    node = Node(path, name, depth)
    node.entered = True
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


def matches(dirpath: str, dirnames: list[str], filenames: list[str], pattern: Pat) -> bool:
    """``pattern.matches``; raises the ``OSError`` of a directory that decides."""
    verdict = _decide(dirpath, Path(dirpath).name, dirnames, filenames, pattern)
    if isinstance(verdict, OSError):
        raise verdict
    return verdict


def _decide(
    dirpath: str, name: str, dirnames: list[str], filenames: list[str], pattern: Pat
) -> bool | OSError:
    """Yes, no, or the error without which nobody can tell."""
    if not name_matches(name, pattern):
        return False
    for glob in pattern.files:
        if not any(fnmatchcase(file, glob) for file in filenames):
            return False
    open_question: OSError | None = None
    for required in pattern.dirs:
        verdicts = [_decide_below(os.path.join(dirpath, d), d, required) for d in dirnames]
        if any(verdict is True for verdict in verdicts):
            continue
        errors = [verdict for verdict in verdicts if isinstance(verdict, OSError)]
        if not errors:
            return False
        open_question = open_question or errors[0]
    return open_question or True


def _decide_below(path: str, name: str, pattern: Pat) -> bool | OSError:
    if not name_matches(name, pattern):
        return False
    if not asks_inside(pattern):
        return True
    if os.path.islink(path):
        return _decide(path, name, [], [], pattern)
    try:
        listing = read_listing(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error
    return _decide(path, name, list(listing.dirs), listing.files, pattern)


def matches_tree(tree: Tree, name: str, pattern: Pat) -> bool:
    """``pattern.matches`` on a value."""
    return node_matches(_value_node(tree, "", name, 0, []), pattern)


# Exclude rules -----------------------------------------------------------------------------


def excluded(rules: list[str], relative: str, *, is_directory: bool) -> bool:
    """Whether any rule excludes the entry at this path below the source."""
    return any(_rule_excludes(rule, relative, is_directory) for rule in rules)


def _rule_excludes(rule: str, relative: str, is_directory: bool) -> bool:
    if rule.endswith("/"):
        if not is_directory:
            return False
        rule = rule[:-1]
    if "/" not in rule:
        return path_glob_matches(rule, relative.rsplit("/", 1)[-1])
    return path_glob_matches(rule[1:] if rule.startswith("/") else rule, relative)


def path_glob_matches(glob: str, path: str) -> bool:
    """The subset of globset's syntax that the tests use, on bytes as globset is."""
    parts = os.fsencode(path).split(b"/")
    return any(
        _components_match(os.fsencode(plain).split(b"/"), parts, first=True)
        for plain in expand_braces(glob)
    )


def expand_braces(glob: str) -> list[str]:
    """``a{b,c}`` is ``ab`` or ``ac``; braces do not nest here; ``\\`` and ``[..]`` protect."""
    i = 0
    while i < len(glob):
        if glob[i] == "\\":
            i += 2
            continue
        if glob[i] == "[":
            i = glob.index("]", i + 2)
        elif glob[i] == "{":
            end = glob.index("}", i)
            return [
                glob[:i] + choice + rest
                for choice in glob[i + 1 : end].split(",")
                for rest in expand_braces(glob[end + 1 :])
            ]
        i += 1
    return [glob]


def _components_match(globs: list[bytes], parts: list[bytes], *, first: bool) -> bool:
    if not globs:
        return not parts
    if globs[0] == b"**":
        # At the front or in the middle: any number of components, none included. At the end,
        # after something: everything below it, hence at least one.
        if len(globs) == 1:
            return first or len(parts) >= 1
        return any(
            _components_match(globs[1:], parts[skip:], first=False)
            for skip in range(len(parts) + 1)
        )
    if not parts:
        return False
    return _component_matches(globs[0], parts[0]) and _components_match(
        globs[1:], parts[1:], first=False
    )


def _component_matches(glob: bytes, name: bytes) -> bool:
    if not glob:
        return not name
    head = glob[:1]
    if head == b"*":
        return any(_component_matches(glob[1:], name[skip:]) for skip in range(len(name) + 1))
    if not name:
        return False
    if head == b"?":
        return _component_matches(glob[1:], name[1:])
    if head == b"[":
        end = glob.index(b"]", 2)
        body = glob[1:end]
        negated = body[:1] in (b"!", b"^")
        inside = _in_class(body[1:] if negated else body, name[0])
        return inside != negated and _component_matches(glob[end + 1 :], name[1:])
    if head == b"\\":
        return name[:1] == glob[1:2] and _component_matches(glob[2:], name[1:])
    return name[:1] == head and _component_matches(glob[1:], name[1:])


def _in_class(body: bytes, byte: int) -> bool:
    while body:
        if body[1:2] == b"-" and len(body) > 2:
            if body[0] <= byte <= body[2]:
                return True
            body = body[3:]
        else:
            if body[0] == byte:
                return True
            body = body[1:]
    return False
