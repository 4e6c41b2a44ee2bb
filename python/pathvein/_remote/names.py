"""Paths of entries, and keys that no path stands for."""

from __future__ import annotations

import errno
from collections.abc import Callable

from pathvein._listing import noted

#: What no component of a path may be.
BAD_COMPONENTS = frozenset({"", ".", ".."})


def join(base: str, rel: str) -> str:
    """A path, and a path relative to it."""
    return f"{base}{rel}" if not base or base.endswith("/") else f"{base}/{rel}"


def unaddressable(url: str, reason: str) -> OSError:
    """The error item of a key that no path stands for."""
    message = f"the key cannot be addressed as a path: {reason}"
    return noted(OSError(errno.EINVAL, message, url), "reading the directory")


def bad_component(url: Callable[[str], str], rel: str, component: str) -> OSError:
    """The error item of a bad component in the directory `rel`; `url` makes URLs of paths."""
    what = f"a component {component!r}" if component else "an empty component"
    # An empty component shows as the doubled slash that it is.
    path = join(rel, component) if component else f"{join(rel, '')}/"
    return unaddressable(url(path), f"the key has {what}")


def bad_key(url: Callable[[str], str], key: str) -> OSError:
    """The error item of a key that has a bad component."""
    components = key.split("/")
    # The last component of a marker is empty, and not bad.
    last = len(components) - 1
    bad = next(
        (
            index
            for index, component in enumerate(components)
            if component in BAD_COMPONENTS and (component or index < last)
        ),
        last,
    )
    return bad_component(url, "/".join(components[:bad]), components[bad])
