"""Exclude rules, read by a second implementation: the subset of their syntax that tests use."""

from __future__ import annotations

import os


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
