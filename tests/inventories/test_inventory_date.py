"""`Stats.inventory_date`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from inventories import DATE
from pathvein import Stats
from pathvein._stream import COUNTS, sum_of

LATER = DATE + timedelta(microseconds=1)


def test_it_is_an_aware_datetime_in_utc() -> None:
    assert Stats().inventory_date is None
    for date in DATE, LATER, DATE.astimezone(timezone(timedelta(hours=2))):
        told = Stats(inventory_date=date).inventory_date
        assert told == date
        assert told is not None
        assert told.utcoffset() == timedelta()
    naive: Any = datetime(2026, 11, 28)
    with pytest.raises(TypeError, match="offset-naive"):
        Stats(inventory_date=naive)


def test_it_counts_where_stats_are_compared() -> None:
    stats = {Stats(), Stats(inventory_date=DATE), Stats(inventory_date=LATER)}
    assert len(stats) == len({hash(one) for one in stats}) == 3
    assert Stats(inventory_date=DATE.astimezone(timezone(timedelta(hours=2)))) in stats


def test_it_is_told_where_there_is_one() -> None:
    assert "inventory_date" not in repr(Stats())
    assert repr(Stats(inventory_date=DATE)).endswith(
        ", inventory_date=datetime.datetime(2026, 11, 28, 1, 0, tzinfo=datetime.timezone.utc))"
    )


def test_without_it_there_are_only_counts_to_pickle() -> None:
    assert Stats(*range(11)).__reduce__() == (Stats, tuple(range(11)))
    assert Stats(5, inventory_date=DATE).__reduce__() == (Stats, (5, *[0] * 10, DATE))
    assert len(COUNTS) == 11


def test_a_sum_has_the_date_that_all_have() -> None:
    dated = Stats(keys=2, inventory_date=DATE)
    assert sum_of(Stats(errors=1), dated, dated) == Stats(errors=1, keys=4, inventory_date=DATE)
    assert sum_of(dated, Stats(keys=1, inventory_date=LATER)) == Stats(keys=3)
    assert sum_of(Stats(), Stats()) == Stats()
