"""Tests that stand no company: while one runs, no other worker of the run is at a test.

`pytest.mark.alone` marks them. In a run without workers it means nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Waits until it may run, beside others or `alone`, and keeps out whom it has to."""
    import fcntl

    # What is locked is only to be there: this directory and this file.
    turnstile = os.open(Path(__file__).parent, os.O_RDONLY)
    company = os.open(__file__, os.O_RDONLY)
    try:
        # Who waits to be alone keeps the turnstile: those after it wait too.
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(company, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
    finally:
        # What a test has forked and left behind would keep it: closing is not enough.
        fcntl.flock(company, fcntl.LOCK_UN)
        os.close(turnstile)
        os.close(company)
