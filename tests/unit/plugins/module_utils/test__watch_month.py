"""A month of looks, added up."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import append
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import (
    DAY_S,
    Down,
    Month,
    month,
)
from hypothesis import given
from hypothesis import strategies as st

NOVEMBER = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()
DECEMBER = NOVEMBER + 30 * DAY_S
CYCLE = 60


def wrote(
    folder: Path, times: Iterable[float], *, ready: bool | None = True, **more: object
) -> None:
    """Write a look at each time, in seconds since November began."""
    for at in times:
        append(str(folder), {"ready": ready, **more}, NOVEMBER + at)


def added(folder: Path, until: float = 30 * DAY_S) -> Month:
    """Add November up, as it is known so many seconds after it began."""
    return month(str(folder), "2026-11", CYCLE, NOVEMBER + until)


def test_nothing_yet(tmp_path: Path) -> None:
    """Before the first look nothing is known, and nothing is held against anybody."""
    found = added(tmp_path)
    assert (found.uptime_percent, found.down_s, found.downs) == (None, 0, ())
    assert (found.p50_s, found.p95_s, found.most("used_mb"), found.looks) == (None, None, None, 0)
    assert found.budget_left_min == 0
    assert month(str(tmp_path), "2027-02", CYCLE, NOVEMBER).uptime_percent is None


def test_always_up(tmp_path: Path) -> None:
    """Looks that drift by some seconds each leave no gap."""
    wrote(tmp_path, range(5, DAY_S, 97))
    found = added(tmp_path, DAY_S)
    assert found.uptime_percent == 100
    assert found.begin == NOVEMBER + 5
    assert found.down_s == 0
    assert found.budget_left_min == pytest.approx(30 * 24 * 60 / 100, abs=0.01)


def test_down(tmp_path: Path) -> None:
    """Looks that saw it down count until the next one; the promise's minutes get fewer."""
    wrote(tmp_path, range(0, 600, 60))
    wrote(tmp_path, range(600, 1200, 60), ready=False)
    wrote(tmp_path, range(1200, 2000, 60))
    found = added(tmp_path, 2000)
    assert found.downs == (Down(NOVEMBER + 600, 600, looked=True),)
    assert found.uptime_percent == pytest.approx(70)
    assert found.budget_left_min == pytest.approx(422)
    assert found.days[0].percent == pytest.approx(70)
    assert found.days[1].percent is None


def test_nobody_looked(tmp_path: Path) -> None:
    """A gap counts as down from a cycle after the last look; one missed look does not."""
    wrote(tmp_path, [0, 60, 180, 1000])
    found = added(tmp_path, 1030)
    assert found.downs == (Down(NOVEMBER + 240, 760, looked=False),)


def test_down_and_gone(tmp_path: Path) -> None:
    """Down, then nobody looked, is one time."""
    wrote(tmp_path, [0])
    wrote(tmp_path, [60], ready=False)
    wrote(tmp_path, [1000])
    assert added(tmp_path, 1030).downs == (Down(NOVEMBER + 60, 940, looked=True),)


def test_what_could_not_be_seen(tmp_path: Path) -> None:
    """A look that could not ask counts as nobody's."""
    append(str(tmp_path), {}, NOVEMBER)
    wrote(tmp_path, [60])
    assert added(tmp_path, 120).downs == (Down(NOVEMBER, 60, looked=False),)


def test_nothing_released_yet(tmp_path: Path) -> None:
    """Until there is something to be ready, time is neither up nor down, whoever looks."""
    wrote(tmp_path, [0, 60, 3000], ready=None)
    wrote(tmp_path, [3060, 3120])
    found = added(tmp_path, 3180)
    assert (found.uptime_percent, found.down_s, found.up_s) == (100, 0, 120)


def test_the_machine_is_gone(tmp_path: Path) -> None:
    """A watcher that ended is seen at the end of the month, not only at the next look."""
    wrote(tmp_path, [0, 60])
    found = added(tmp_path, DAY_S)
    assert found.downs == (Down(NOVEMBER + 120, DAY_S - 120, looked=False),)
    assert found.uptime_percent == pytest.approx(100 * 120 / DAY_S)


@pytest.mark.parametrize(
    "older, begin, down", [(True, 0, 2 * DAY_S), (False, 2 * DAY_S, 0)], ids=["later", "first"]
)
def test_the_first_look_ever(tmp_path: Path, *, older: bool, begin: float, down: float) -> None:
    """What was before it is nobody's; in a later month the same silence counts as down."""
    if older:
        wrote(tmp_path, [-60])
    wrote(tmp_path, [2 * DAY_S])
    found = added(tmp_path, 2 * DAY_S + 60)
    assert (found.begin - NOVEMBER, found.down_s) == (begin, down)
    assert added(tmp_path, DAY_S).down_s == (DAY_S if older else 0)


def test_a_month_that_begins_between_two_looks(tmp_path: Path) -> None:
    """The seconds before its first look are judged by that look."""
    wrote(tmp_path, [-30])
    wrote(tmp_path, range(30, 600, 60))
    assert added(tmp_path, 600).uptime_percent == 100


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    """Times that were judged already are not judged again."""
    wrote(tmp_path, [0, 60, 120, 180])
    wrote(tmp_path, [60, 120], ready=False)
    wrote(tmp_path, [240])
    found = added(tmp_path, 300)
    assert (found.down_s, found.looks) == (0, 5)


def test_over_midnight(tmp_path: Path) -> None:
    """Each day has its own part."""
    wrote(tmp_path, [DAY_S - 60])
    wrote(tmp_path, [DAY_S - 30], ready=False)
    wrote(tmp_path, [DAY_S + 30])
    found = added(tmp_path, DAY_S + 60)
    assert [(day.up_s, day.down_s) for day in found.days[:2]] == [(30, 30), (30, 30)]
    assert found.downs == (Down(NOVEMBER + DAY_S - 30, 60, looked=True),)


def test_measurements(tmp_path: Path) -> None:
    """A day has the most of what was measured and the sum of what was counted."""
    wrote(tmp_path, [0], used_mb=600, swap_mb=10, disk_percent=60.5, requests=7, errors=1)
    wrote(tmp_path, [60], used_mb=700, swap_mb=5, requests=8)
    wrote(tmp_path, [DAY_S], used_mb=650, swap_mb=10, requests=5, errors=2)
    found = added(tmp_path)
    first, second, *rest = found.days
    assert (first.used_mb, first.swap_mb, first.disk_percent) == (700, 10, 60.5)
    assert (first.requests, first.errors, second.requests, second.errors) == (15, 1, 5, 2)
    assert second.disk_percent is None
    assert len(rest) == 28
    assert (found.requests, found.errors) == (20, 3)
    assert found.most("used_mb") == (700, 1)
    # Of equals the first day.
    assert found.most("swap_mb") == (10, 1)


def test_speed(tmp_path: Path) -> None:
    """Only answers that were ready count: half and 95 per cent of them are not slower."""
    for number in range(1, 101):
        wrote(tmp_path, [60 * number], seconds=number / 100)
    wrote(tmp_path, [60 * 101], ready=False, seconds=10)
    found = added(tmp_path)
    assert [found.p50_s, found.p95_s] == pytest.approx([0.5, 0.95])


@given(st.lists(st.tuples(st.integers(0, 4000), st.booleans()), max_size=30), st.integers(0, 5000))
def test_all_time_is_judged(
    tmp_path_factory: pytest.TempPathFactory, seen: list[tuple[int, bool]], until: int
) -> None:
    """From the first look on every second is up or down, and the times down are apart and in order."""
    folder = tmp_path_factory.mktemp("history")
    for at, ready in sorted(seen):
        wrote(folder, [at], ready=ready)
    found = added(folder, until)
    assert found.up_s + found.down_s == pytest.approx(found.until - found.begin)
    assert sum(one.seconds for one in found.downs) == pytest.approx(found.down_s)
    ends = [one.start + one.seconds for one in found.downs]
    assert all(end < later.start for end, later in zip(ends, found.downs[1:], strict=False))
    if not any(ready for _, ready in seen):
        assert found.up_s == 0
