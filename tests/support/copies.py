"""What the tests of copying share: to copy and wait, and to see what is there."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pathvein import FileStructurePattern as P

#: How long a copy in a test takes at most.
_MOST_SECONDS = 120


class Done(NamedTuple):
    """What became of a match."""

    kind: str
    files: int
    bytes: int
    skipped: list[tuple[str, str]]
    errors: list[OSError]
    replaced: list[str]


def opened(matches: Sequence[tuple[Any, Any, P]], **options: Any) -> Any:
    """The producer, with nothing done yet."""
    from pathvein._copying.options import CopyOptions, Match
    from pathvein._remote.copying import open_copy

    numbered = [Match(number, *match) for number, match in enumerate(matches)]
    return open_copy(numbered, CopyOptions(**options))


def copied(matches: Sequence[tuple[Any, Any, P]], **options: Any) -> list[Done]:
    """Copy, and tell what became of each."""
    producer = opened(matches, **options)
    found: dict[int, Done] = {}
    deadline = time.monotonic() + _MOST_SECONDS
    try:
        ended = False
        while not ended:
            outcomes, ended = producer.next_batch(5)
            assert time.monotonic() < deadline, f"it waits for {what_is_awaited()}"
            for number, *rest in outcomes:
                assert number not in found
                found[number] = Done(*rest)
    finally:
        producer.close()
    assert sorted(found) == list(range(len(matches)))
    return [found[number] for number in range(len(matches))]


def what_is_awaited() -> str:
    """Where the coroutines on fsspec's loop are."""
    from fsspec.asyn import get_loop

    lines = []
    for task in asyncio.all_tasks(get_loop()):
        awaited: Any = task.get_coro()
        while awaited is not None:
            frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
            where = frame and f"{frame.f_code.co_filename}:{frame.f_lineno}"
            lines.append(f"{getattr(awaited, '__qualname__', awaited)} {where or ''}")
            awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
        lines.append("")
    return "\n".join(lines)


def on_disk(top: Path) -> dict[str, bytes | None]:
    """Everything below a directory: the content of files, `None` for directories."""
    found: dict[str, bytes | None] = {}
    for here, dirnames, filenames in os.walk(top):
        for name in dirnames:
            found[os.path.relpath(os.path.join(here, name), top)] = None
        for name in filenames:
            path = os.path.join(here, name)
            found[os.path.relpath(path, top)] = Path(path).read_bytes()
    return found


def files_on_disk(top: Path) -> dict[str, bytes]:
    """The files of `on_disk`."""
    return {rel: content for rel, content in on_disk(top).items() if content is not None}


def written(top: Path, files: dict[str, bytes]) -> Path:
    """Make these files below a directory; those that end with a slash are directories."""
    for rel, content in files.items():
        path = top / rel
        if rel.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return top
