"""How deep Hypothesis looks: ``HYPOTHESIS_PROFILE`` is ``ci``, ``quick``, ``few``, ``nightly`` or
``long``.

A module of its own, since child processes of the tests need it too.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

#: The same examples each time, so more of them would find nothing from one run to the next. Others
#: are what ``nightly`` looks for.
_USUAL = 40

_common: dict[str, Any] = {
    "deadline": None,
    # Nothing is kept between runs: what was found becomes a named case.
    "database": None,
    # The explaining phase traces every line and takes longer than all the rest.
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("ci", derandomize=True, max_examples=_USUAL, **_common)
settings.register_profile("quick", derandomize=True, max_examples=25, **_common)
settings.register_profile("few", derandomize=True, max_examples=15, **_common)
settings.register_profile("nightly", max_examples=400, **_common)
settings.register_profile("long", max_examples=5000, **_common)
_CHOSEN = os.environ.get("HYPOTHESIS_PROFILE", "ci")
settings.load_profile(_CHOSEN)

#: Whether the tests that are marked `long` run.
IS_LONG = _CHOSEN in ("nightly", "long")


def share(part: float) -> settings:
    """So much of the profile's number of examples, for tests that are slow or find much."""
    whole = settings().max_examples
    return settings(max_examples=max(1, int(whole * part)))


def seconds(usual: float) -> float:
    """The time limit of a test by its usual one: a longer run may take as much longer."""
    return usual * max(1, settings().max_examples // _USUAL)


def rounds(usual: int) -> int:
    """How often a test goes round by its usual number, which is four times that in long runs."""
    return 4 * usual if IS_LONG else usual


def thinned(cases: Iterable[Any], step: int) -> list[Any]:
    """Parameters of a test of which all but one in `step`, chosen at random, are for long runs."""
    all_cases = list(cases)
    # Not each `step`-th: that would be always the same of one parameter, in tables.
    kept = set(random.Random(0).sample(range(len(all_cases)), -(-len(all_cases) // step)))
    return [case if index in kept else long(case) for index, case in enumerate(all_cases)]


def long(case: Any) -> Any:
    """A parameter of a test, or a tuple of them, for long runs only."""
    if hasattr(case, "marks"):
        return pytest.param(*case.values, id=case.id, marks=[*case.marks, pytest.mark.long])
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.long)
