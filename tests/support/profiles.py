"""How deep Hypothesis looks: ``HYPOTHESIS_PROFILE`` is ``ci``, ``quick``, ``few``, ``nightly`` or
``long``.

A module of its own, since child processes of the tests need it too.
"""

from __future__ import annotations

import os
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
    """Parameters of a test of which all but each `step`-th are for long runs only."""
    made = []
    for index, case in enumerate(cases):
        param = case if hasattr(case, "marks") else pytest.param(*_values(case))
        if index % step:
            param = pytest.param(*param.values, id=param.id, marks=[*param.marks, pytest.mark.long])
        made.append(param)
    return made


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
