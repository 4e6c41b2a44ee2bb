"""The reference itself, on small trees whose answers are written down by hand."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

import pats
import reference
from exclude_reference import excluded
from pats import Counted, Pat, Re
from reference import Item, Tree
from trees import (
    ChildFailed,
    Dir,
    Fifo,
    File,
    Link,
    Socket,
    as_value,
    built,
    run_unprivileged,
    tree,
)


def found(source: Any, *patterns: Any, **options: Any) -> Any:
    """Paths relative to the source, "" for itself, of all matches."""
    answer = reference.scan(source, list(patterns), **options)
    top = os.path.realpath(source)
    return sorted(os.path.relpath(path, top).replace("..", "!") for path, _ in answer.found)


def test_nested_requirements() -> None:
    spec = tree("run1/raw/a.fastq", "run1/notes.txt", "run2/raw/", "run3/notes.txt", "raw/a.fastq")
    with built(spec) as top:
        assert found(top, Pat("run*")) == ["run1", "run2", "run3"]
        assert found(top, Pat("run*", ("*.txt",))) == ["run1", "run3"]
        assert found(top, Pat("run*", (), (Pat("raw"),))) == ["run1", "run2"]
        assert found(top, Pat("run*", (), (Pat("raw", ("*.fastq",)),))) == ["run1"]
        assert found(top, Pat("*", (), (Pat("raw", ("*.fastq",)),))) == [".", "run1"]
        assert found(top, Pat("raw")) == ["raw", "run1/raw", "run2/raw"]
        assert found(top, Pat(""), max_depth=0) == ["."]
        assert found(top, Pat(None), max_depth=1) == [".", "raw", "run1", "run2", "run3"]


def test_links_are_listed_and_only_followed_when_asked() -> None:
    spec = Dir(
        {
            "src": Dir(
                {
                    "d": Dir({"f": File()}),
                    "to-d": Link(to="src/d"),
                    "to-f": Link(to="src/d/f"),
                    "broken": Link(raw="nowhere"),
                    "self": Link(raw="self"),
                    "through-file": Link(raw="d/f/x"),
                    "up": Link(to="src"),
                    "out": Link(to="out"),
                    "fifo": Fifo(),
                    "socket": Socket(),
                }
            ),
            "out": Dir({"g": File()}),
        }
    )
    with built(spec) as top:
        source = top / "src"
        listing = reference.read_listing(os.fspath(source))
        assert listing.dirs == {"d": False, "to-d": True, "up": True, "out": True}
        assert sorted(listing.files) == [
            "broken",
            "fifo",
            "self",
            "socket",
            "through-file",
            "to-f",
        ]
        assert listing.errors == []
        assert found(source, Pat("*")) == [".", "d"]
        assert found(source, Pat("*", (), (Pat("out"),))) == ["."]
        assert found(source, Pat("*", (), (Pat("out", ("g",)),))) == []
        assert found(source, Pat("*"), follow_links=True) == [".", "d", "out", "to-d"]
        assert found(source, Pat("*", (), (Pat("out", ("g",)),)), follow_links=True) == ["."]
        assert found(source, Pat("*", (), (Pat("up"),)), follow_links=True) == ["."]
        answer = reference.scan(source, [Pat()], follow_links=True)
        assert answer.errors == [Item(os.fspath(source / "up"), errno.ELOOP)]
        answer = reference.scan(source, [Pat()])
        assert answer.most == answer.least == ([], 2, 11, 0)
        # What a link is matters where its name is asked for, and must be found out where a
        # pattern that starts there depends on it.
        answer = reference.scan(source, [Pat("*", (), (Pat("to-*"),))])
        assert answer.most == answer.least == ([], 2, 11, 1)
        answer = reference.scan(source, [Pat("src", ("no",), (Pat("*", (), (Pat("*"),)),))])
        assert answer.least == ([], 2, 11, 0)
        assert answer.most == ([], 2, 11, 3)
        assert reference.scan(source, [Pat("*", ("out",))]).least.links_not_followed == 1


def test_a_link_out_of_the_tree_that_comes_back_ends() -> None:
    spec = Dir({"src": Dir({"up": Link(to="")})})
    with built(spec) as top:
        source = top / "src"
        answer = reference.scan(source, [Pat()], follow_links=True)
        paths = {os.path.relpath(path, source) for path, _ in answer.found}
        assert paths == {".", "up", "up/src"}
        assert answer.errors == [Item(os.fspath(source / "up/src/up"), errno.ELOOP)]


def test_the_source_is_resolved() -> None:
    with built(Dir({"real": Dir({"f": File()}), "link": Link(to="real")})) as top:
        answer = reference.scan(top / "link", [Pat("real"), Pat("link")])
        assert answer.found == {(os.fspath(top / "real"), Pat("real"))}
        with pytest.raises(NotADirectoryError):
            reference.scan(top / "real/f", [Pat()])
        with pytest.raises(FileNotFoundError):
            reference.scan(top / "no", [Pat()])


def test_max_depth_looks_deeper_only_for_what_is_asked() -> None:
    spec = tree("a/b/c/f", "a/x/y/f")
    with built(spec) as top:
        deep = Pat("*", (), (Pat("b", (), (Pat("c", ("f",)),)),))
        assert found(top, deep, max_depth=1) == ["a"]
        assert found(top, deep, max_depth=0) == []
        answer = reference.scan(top, [deep], max_depth=1)
        assert answer.least.directories == 2
        assert answer.most.directories == 4  # the source, a, a/b and a/b/c, neither a/x nor a/x/y
        assert reference.scan(top, [Pat("*", (), (Pat("b"),))], max_depth=1).most.directories == 2


def test_optional_and_repeated_requirements() -> None:
    with built(tree("a.txt", "d/x")) as top:
        assert found(top, Pat("*", ("*.txt", "a*"), optional_files=("no",)), max_depth=0) == ["."]
        assert found(top, Pat("*", (), (Pat("d"), Pat("*", ("x",)))), max_depth=0) == ["."]
        assert found(top, Pat("d", optional_dirs=(Pat("no"),))) == ["d"]
        assert found(top, Pat("d", ("x", "y"))) == []


EXCLUDE = [
    ("a", "a", True, True),
    ("a", "x/y/a", False, True),
    ("a", "ab", False, False),
    ("a", "a/b", False, False),
    ("a/", "a", True, True),
    ("a/", "a", False, False),
    ("a/", "x/a", True, True),
    ("/a", "a", False, True),
    ("/a", "x/a", False, False),
    ("/a/", "a", True, True),
    ("/a/", "x/a", True, False),
    ("x/a", "x/a", False, True),
    ("x/a", "y/x/a", False, False),
    ("*", "x/.a", False, True),
    ("/*", "x/a", False, False),
    ("/*", "x", False, True),
    ("*.txt", "x/a.txt", False, True),
    ("x/*.txt", "x/y/a.txt", False, False),
    ("x/*/a", "x/y/a", False, True),
    ("**/a", "a", False, True),
    ("**/a", "x/y/a", False, True),
    ("**/a", "x/ya", False, False),
    ("a/**", "a", True, False),
    ("a/**", "a/b", False, True),
    ("a/**", "a/b/c", False, True),
    ("a/**", "x/a/b", False, False),
    ("a/**/b", "a/b", False, True),
    ("a/**/b", "a/x/y/b", False, True),
    ("a/**/b", "a/xb", False, False),
    ("**", "x/y", False, True),
    ("**/x/**", "a/x/y", False, True),
    ("**/x/**", "a/x", True, False),
    ("?", "x/a", False, True),
    ("?", "ab", False, False),
    ("[ab]", "b", False, True),
    ("[a-c]x", "bx", False, True),
    ("[!a]", "b", False, True),
    ("[!a]", "a", False, False),
    ("{a,b}", "x/b", False, True),
    ("{a,b}c", "bc", False, True),
    ("{a,b}/c", "a/c", False, True),
    ("{a,b}/c", "x/a/c", False, False),
    (r"\*", "*", False, True),
    (r"\*", "a", False, False),
    (r"\{a,b\}", "{a,b}", False, True),
    ("a.", "x/a.", False, True),
    ("\u65e5*", "\u65e5\u672c", False, True),
]


@pytest.mark.parametrize(("rule", "path", "is_directory", "expected"), EXCLUDE)
def test_exclude_rules(rule: Any, path: Any, is_directory: Any, expected: Any) -> None:
    assert excluded([rule], path, is_directory=is_directory) is expected


def test_excluded_entries_satisfy_nothing() -> None:
    with built(tree("a/f", "b/f", "f")) as top:
        assert found(top, Pat("*", ("f",)), exclude=["a"]) == [".", "b"]
        assert found(top, Pat("*", ("f",)), exclude="/f") == ["a", "b"]
        assert found(top, Pat("*", ("f",)), exclude="f") == []
        assert found(top, Pat("*", (), (Pat("a"),)), exclude=["a/"]) == []
        assert found(top, Pat("top"), exclude=["top", "**"]) == ["."]


def test_matches_takes_the_lists_as_they_are() -> None:
    with built(tree("d/f")) as top:
        path = os.fspath(top)
        asks = Pat("*", (), (Pat("d", ("f",)),))
        assert reference.matches(path, ["d"], [], asks)
        assert not reference.matches(path, ["e"], [], asks)
        assert reference.matches(path, ["e"], [], Pat("*", (), (Pat("e"),)))
        assert reference.matches("/no/where", ["e"], ["x"], Pat("where", ("x",), (Pat("e"),)))
        assert not reference.matches("/no/where", ["d"], [], asks)


def test_a_tree_that_is_a_value() -> None:
    value = Tree({"a": Tree({}, ("f",)), "b": Tree()}, ("a", "g"))
    hits = reference.scan_tree(value, "src", [Pat("*", ("f",)), Pat("*", ("a",), (Pat("a"),))])
    assert {path for path, _ in hits} == {"a", ""}
    assert reference.scan_tree(value, "src", [Pat("b")], exclude=["b/"]) == set()
    assert reference.walk_tree(value) == [
        ("", ["a", "b"], ["a", "g"]),
        ("a", [], ["f"]),
        ("b", [], []),
    ]
    assert as_value(tree("a/f", "b/", "g")) == Tree({"a": Tree({}, ("f",)), "b": Tree()}, ("g",))


def unreadable_directories() -> Any:
    spec = Dir(
        {
            "closed": Dir({"f": File()}, mode=0),
            "list-only": Dir({"d": Dir(), "f": File(), "l": Link(raw="f")}, mode=0o444),
            "search-only": Dir({"f": File()}, mode=0o111),
            "behind": Link(to="closed/f"),
        }
    )
    with built(spec) as top:
        pats = [Pat("*"), Pat("*", ("behind",), (Pat("closed"),)), Pat("list-only", ("no", "l"))]
        answer = reference.scan(top, pats)
        assert {os.path.relpath(path, top) for path, _ in answer.found} == {".", "list-only"}
        assert answer.errors == sorted(
            Item(os.fspath(top / name), errno.EACCES)
            for name in ["closed", "search-only", "list-only/d", "list-only/l", "behind"]
        )
        path, names = os.fspath(top), ["closed", "list-only"]
        inside = Pat("closed", ("f",))
        with pytest.raises(PermissionError):
            reference.matches(path, names, [], Pat("*", (), (inside,)))
        assert reference.matches(path, names, [], Pat("*", (), (Pat("*", ("l",)),)))
        assert not reference.matches(path, names, [], Pat("*", (), (inside, Pat("no"))))
    return os.geteuid()


def test_unreadable_directories() -> None:
    assert run_unprivileged(unreadable_directories) != 0


def fails_in_the_child() -> None:
    raise AssertionError("told by the child")


def test_a_failure_in_the_child_is_told() -> None:
    with pytest.raises(ChildFailed, match="told by the child"):
        run_unprivileged(fails_in_the_child)


# What is asked for besides ------------------------------------------------------------------


def on_value(tree: Tree, pat: Pat) -> str:
    """The answer on a directory of the name "d"."""
    unique = [pat]
    yes = bool(reference.scan_tree(tree, "d", unique, max_depth=0))
    maybe = pats.may_match(reference.value_node(tree, "d"), pat)
    assert maybe or not yes
    return "yes" if yes else "unknown" if maybe else "no"


def d(*files: str, broke_off: bool = False, **dirs: Tree) -> Tree:
    return Tree(dirs, files, broke_off)


LOST = Tree(listed=False)
X, NO_X = Pat("*", ("x",)), Pat("*", (), forbidden_files=("x",))


@pytest.mark.parametrize(
    ("tree", "pat", "answer"),
    [
        # Numbers of files; a name that is listed twice is one file.
        (d("a", "b"), Pat("*", (Counted("*", 2, 2),)), "yes"),
        (d("a", "a"), Pat("*", (Counted("*", 2),)), "no"),
        (d("a", "b"), Pat("*", (Counted("*", 0, 1),)), "no"),
        (d(), Pat("*", (Counted("*", 0),)), "yes"),
        (d("a", broke_off=True), Pat("*", ("a",)), "yes"),
        (d("a", broke_off=True), Pat("*", (Counted("*", 2),)), "unknown"),
        (d("a", "b", broke_off=True), Pat("*", (Counted("*", 0, 1),)), "unknown"),
        (d(broke_off=True), Pat("other", ("a",)), "no"),
        # Alternatives and expressions.
        (d("b"), Pat("*", (("a", "b"),)), "yes"),
        (d("c"), Pat("*", (("a", "b"),)), "no"),
        (d("a1"), Pat("*", (Re(r"a\d"),)), "yes"),
        (d("a12"), Pat("*", (Re(r"a\d"),)), "no"),
        (d("a\udcff"), Pat("*", (Re("a.*"),)), "no"),
        (d(), Pat(("a", ""), ()), "yes"),
        (d(), Pat(("a", "b"), ()), "no"),
        # Sub-directories: each counts once, whatever it matches.
        (d(a=d("x"), b=d("x")), Pat("*", (), (Counted(X, 2),)), "yes"),
        (d(a=d("x"), b=d()), Pat("*", (), (Counted((X, Pat("a")), 2),)), "no"),
        (d(a=d("x"), b=d()), Pat("*", (), (Counted(X, 0, 1),)), "yes"),
        (d(a=d("x"), b=LOST), Pat("*", (), (Counted(X, 1, 1),)), "unknown"),
        (d(a=d("x"), b=d("x"), c=LOST), Pat("*", (), (Counted(X, 1, 1),)), "no"),
        (d(a=LOST), Pat("*", (), (Pat("a"),)), "yes"),
        (d(a=LOST), Pat("*", (), (Counted(Pat("a"), 0, 0),)), "no"),
        # What is forbidden.
        (d("y"), NO_X, "yes"),
        (d("x"), NO_X, "no"),
        (d("y", broke_off=True), NO_X, "unknown"),
        (d(a=d("y")), Pat("*", forbidden_dirs=(X,)), "yes"),
        (d(a=LOST), Pat("*", forbidden_dirs=(X,)), "unknown"),
        (d(a=LOST), Pat("*", forbidden_dirs=(X._replace(name="b"),)), "yes"),
        (d(a=d(b=d(c=LOST))), Pat("*", (), (Pat("a", (), (Pat("b", (), (NO_X,)),)),)), "unknown"),
        # No directory without: two negations.
        (d(a=d("x"), b=d("x")), Pat("*", forbidden_dirs=(NO_X,)), "yes"),
        (d(a=d("x"), b=d()), Pat("*", forbidden_dirs=(NO_X,)), "no"),
        (d(a=d("x", broke_off=True)), Pat("*", forbidden_dirs=(NO_X,)), "unknown"),
        # Nothing else.
        (d("a"), Pat("*", ("a",), closed=True), "yes"),
        (d("a", "b"), Pat("*", ("a",), closed=True), "no"),
        (d("a", "b"), Pat("*", ("a",), optional_files=("b",), closed=True), "yes"),
        (d("a", broke_off=True), Pat("*", ("a",), closed=True), "unknown"),
        (d("a", b=d()), Pat("*", ("a",), closed=True), "no"),
        (d("a", b=d()), Pat("*", ("a",), (), (), (Pat("b", ("x",)),), closed=True), "yes"),
        (d(b=LOST), Pat("*", optional_dirs=(Pat("b"),), closed=True), "yes"),
        (d(), Pat("*", forbidden_files=("a",), closed=True), "yes"),
    ],
)
def test_the_three_answers(tree: Tree, pat: Pat, answer: str) -> None:
    assert on_value(tree, pat) == answer


def test_outermost_matches() -> None:
    tree = d(a=d(b=d("x")), b=d("x"))
    everything = reference.scan_tree(tree, "d", [Pat("a"), Pat("b")])
    assert {path for path, _ in everything} == {"a", "a/b", "b"}
    assert {path for path, _ in pats.outermost(everything)} == {"a", "b"}


def test_links_and_errors_on_a_disk() -> None:
    world = Dir({"src": Dir({"link": Link(to="out"), "d": Dir({"f": File()})}), "out": Dir()})
    some = Pat("*", (), (Counted(Pat("*"), 0, 2), Pat("link", ("f",))))
    none = Pat("src", forbidden_dirs=(Pat("link"),))
    empty = Pat("src", (), (Pat("link", closed=True),))
    with built(world) as top:
        source = top / "src"
        assert found(source, none) == []
        # A link that is not followed is there, and known to be empty.
        assert found(source, empty) == ["."]
        assert reference.scan(source, [some]).hidden_by_links == 1
        assert reference.scan(source, [none]).hidden_by_links == 0
        answer = reference.scan(source, [empty], breaks_off=lambda path: path.endswith("src"))
        assert {path for path, _ in answer.possible} == {os.fspath(source)}
        assert {path for path, _ in answer.found} == {os.fspath(source)}
        ends = reference.scan(source, [Pat("d", closed=True)], breaks_off=lambda _: True)
        assert not ends.found
        assert len(ends.possible) == 1
