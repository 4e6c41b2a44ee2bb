"""The order of keys: positions between them, and the directories that they are in.

A *position* is the first key that may come next: `just_after` a key, or the `successor` of all
keys that begin with a prefix. It can be compared with keys and with other positions. A store is
given a key to start after (`before` a position); what it lists before the position is left out.

A directory's prefix ends with a slash. A level is named by its prefix, the source by "".
"""

from __future__ import annotations

from collections.abc import Sequence

#: The last code point.
LAST = "\U0010ffff"
#: Sorts after every key: none is longer than 1,024 bytes, or characters.
END = LAST * 1025


def just_after(key: str) -> str:
    """The first key that sorts after a key."""
    return f"{key}\0"


def successor(prefix: str) -> str:
    """The first key that sorts after all those that begin with a directory's prefix."""
    return f"{prefix[:-1]}0"


def behind(entry: str) -> str:
    """The first key that sorts after an entry of a level, and after all in it."""
    return successor(entry) if entry.endswith("/") else just_after(entry)


def past(level: str) -> str:
    """The position after all keys of a level."""
    return successor(level) if level else END


def before(position: str) -> str:
    """A key to start after, so that all keys from a position on are listed.

    Few others are listed, too: those that begin with a prefix and U+10FFFF.
    """
    return f"{position[:-1]}/{LAST}" if position.endswith("0") else position[:-1]


def parent(directory: str) -> str:
    """The directory above."""
    return directory[: directory.rfind("/", 0, -1) + 1]


def child(key: str, level: str) -> str:
    """The child of a level that a key is in: a prefix, or the key itself."""
    slash = key.find("/", len(level))
    return key if slash < 0 else key[: slash + 1]


def common_directory(one: str, other: str) -> str:
    """The deepest directory that both keys are in."""
    end = 0
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            break
        if a == "/":
            end = index + 1
    return one[:end]


def in_any_order(keys: Sequence[str], prefixes: Sequence[str]) -> bool:
    """Whether a level is in the order of its bytes, and of UTF-16, by which some stores sort.

    A cut between two names that the store orders otherwise would end a range too early.
    """
    if prefixes != sorted(prefixes) or keys != sorted(keys):
        return False
    entries = sorted([*keys, *prefixes])
    return entries == sorted(entries, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
