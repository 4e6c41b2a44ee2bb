"""Paths of entries, and keys that cannot be paths."""

from __future__ import annotations

import errno
from collections.abc import Callable

from pathvein._listing import noted

#: Components that no path may have.
BAD_COMPONENTS = frozenset({"", ".", ".."})


def join(base: str, rel: str) -> str:
    """The path `rel` below `base`."""
    return f"{base}{rel}" if not base or base.endswith("/") else f"{base}/{rel}"


def unaddressable(url: str, reason: str) -> OSError:
    """The error item of a key that cannot be a path."""
    message = f"the key cannot be addressed as a path: {reason}"
    return noted(OSError(errno.EINVAL, message, url), "reading the directory")


def bad_component(url: Callable[[str], str], rel: str, component: str) -> OSError:
    """The error item of a bad component in the directory `rel`; `url` makes URLs of paths."""
    what = f"a component {component!r}" if component else "an empty component"
    # In the URL, an empty component is a double slash.
    path = join(rel, component) if component else f"{join(rel, '')}/"
    return unaddressable(url(path), f"the key has {what}")


def bad_key(url: Callable[[str], str], key: str) -> OSError:
    """The error item of a key that has a bad component."""
    # The slash at the end of a marker makes no empty component.
    components = key.removesuffix("/").split("/")
    index = next(i for i, component in enumerate(components) if component in BAD_COMPONENTS)
    return bad_component(url, "/".join(components[:index]), components[index])
