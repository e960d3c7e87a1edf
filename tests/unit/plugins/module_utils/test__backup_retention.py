"""Which backups may go, and which one is meant: no bad run and no clock may cost a good one."""

import datetime as dt
from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import (
    LATEST,
    PERIODS,
    Kept,
    choose,
    to_remove,
)
from hypothesis import given
from hypothesis import strategies as st


def kept(text: str) -> list[Kept]:
    """Write backups as words: ``28`` was made on that day of November at noon, ``28?`` does not count."""
    return [
        Kept(number, f"2026-11-{int(word.rstrip('?')):02}T12:00:00Z", not word.endswith("?"))
        for number, word in enumerate(text.split(), 1)
    ]


Rule = dict[str, int]


def gone(text: str, rule: Rule) -> list[int]:
    """Numbers of those that may go, in the order in which they go."""
    return [one.number for one in to_remove(kept(text), rule)]


# the backups, the rule -> what goes
TEST_REMOVED: list[tuple[str, Rule, list[int]]] = [
    ("", {"last": 3, "daily": 7}, []),
    ("20", {"last": 1}, []),
    ("20 21 22", {"last": 3}, []),
    ("20 21 22 23", {"last": 3}, [1]),
    # The last one of a day, for the days that have one.
    ("20 20 20 21 21 22", {"last": 1, "daily": 7}, [1, 2, 4]),
    ("20 20 21 21 22 22", {"last": 1, "daily": 2}, [1, 2, 3, 5]),
    # Those that are the last ones stay beside the last one of their day.
    ("20 20 20 20", {"last": 3, "daily": 7}, [1]),
    # Weeks begin on Monday, the 16th and the 23rd.
    ("14 15 16 22 23 29", {"weekly": 2}, [1, 2, 3, 5]),
    ("14 15 16 22 23 29", {"weekly": 9}, [1, 3, 5]),
    # Days without a good one do not count.
    ("1 2 3? 4? 30", {"daily": 3}, []),
    # A doubtful one goes when every good one that stays is newer, and never alone.
    ("20? 21 22 23", {"last": 3}, [1]),
    ("20 21? 22 23", {"last": 3}, []),
    ("20? 21?", {"last": 1}, []),
    # Not even a wish for none makes the last one go.
    ("20 21", {"last": 0, "daily": 0}, [1]),
    ("20 21", {}, [1]),
]


@pytest.mark.parametrize("text, rule, expected", TEST_REMOVED)
def test_removed(text: str, rule: Rule, expected: list[int]) -> None:
    """Oldest first, so that a removal that is cut off took what was least worth."""
    assert gone(text, rule) == expected


def test_grandfathers() -> None:
    """A backup each day for two years: days, weeks, months and years, as the rule says."""
    first = dt.date(2025, 1, 1)
    found = [Kept(day + 1, f"{first + dt.timedelta(days=day)}T02:00:00Z") for day in range(2 * 365)]
    removed = to_remove(found, {"daily": 3, "weekly": 2, "monthly": 3, "yearly": 9})
    assert [one.made[:10] for one in found if one not in removed] == [
        *("2025-12-31", "2026-10-31", "2026-11-30", "2026-12-27"),
        *("2026-12-29", "2026-12-30", "2026-12-31"),
    ]


def test_hours() -> None:
    """One that runs every few minutes."""
    found = [Kept(number, f"2026-11-28T0{number // 4}:{number % 4}5:00Z") for number in range(12)]
    removed = to_remove(found, {"last": 2, "hourly": 2})
    assert [one.number for one in found if one not in removed] == [7, 10, 11]


def test_a_clock_that_jumped_and_came_back() -> None:
    """Three nights in 2046 are three days with a backup; those before and after it stay as well."""
    found = [
        *kept("24 25 26 27"),
        *(Kept(number, f"2046-01-0{number - 4}T02:00:00Z") for number in (5, 6, 7)),
        *(replace(one, number=one.number + 7) for one in kept("28 29")),
    ]
    assert [one.number for one in to_remove(found, {"last": 3, "daily": 7})] == [1, 2]
    assert choose(found, LATEST).number == 9


# A few days around a month's end, so that many fall on one; clocks go back as often as forth.
MOMENTS = st.integers(0, 12).map(
    lambda half_days: (
        dt.datetime(2026, 11, 27, tzinfo=dt.UTC) + dt.timedelta(hours=12 * half_days)
    ).strftime("%Y-%m-%dT%H:%M:%S")
)
ANY = st.lists(st.tuples(MOMENTS, st.booleans()), max_size=15).map(
    lambda rows: [Kept(number, f"{moment}Z", good) for number, (moment, good) in enumerate(rows, 1)]
)
RULES = st.dictionaries(st.sampled_from(sorted(PERIODS)), st.integers(0, 5), max_size=3)


@given(ANY, RULES)
def test_the_last_good_ones_stay(found: list[Kept], rule: Rule) -> None:
    """Whatever the clock said when they were made: as many as are wished, and never fewer than one."""
    good = [one for one in found if one.good]
    removed = to_remove(found, rule)
    assert not set(good[-max(rule.get("last", 0), 1) :]) & set(removed)
    for name, most in rule.items():
        periods = {PERIODS[name](one) for one in good}
        left = {PERIODS[name](one) for one in set(good) - set(removed)}
        assert len(left) >= min(len(periods), most)


@given(ANY, RULES, st.lists(st.integers(0, 16), max_size=5))
def test_bad_runs_evict_nothing(found: list[Kept], rule: Rule, places: list[int]) -> None:
    """Doubtful backups, however many and wherever among the others, make no good one go."""
    numbered = [replace(one, number=one.number * 100) for one in found]
    bad = [
        Kept(place * 100 + nth, "2030-01-01T00:00:00Z", good=False)
        for nth, place in enumerate(places, 1)
    ]
    before = {one for one in to_remove(numbered, rule) if one.good}
    after = {one for one in to_remove([*numbered, *bad], rule) if one.good}
    assert after == before


@given(ANY, RULES)
def test_once_is_enough(found: list[Kept], rule: Rule) -> None:
    """What is left then stays, and the order in which they were found does not matter."""
    removed = to_remove(found, rule)
    assert to_remove(reversed(found), rule) == removed
    assert to_remove([one for one in found if one not in removed], rule) == ()
    assert list(removed) == sorted(removed, key=lambda one: one.number)


FOUND = [
    Kept(3, "2026-11-26T02:00:11Z"),
    Kept(4, "2026-11-27T02:00:11Z"),
    Kept(5, "2026-11-27T14:30:40Z"),
    Kept(6, "2046-01-01T00:00:00Z", good=False),
    Kept(7, "2026-11-28T02:00:11Z"),
    Kept(8, "2026-11-28T03:00:11Z", good=False),
]
# what is wished -> the number
TEST_CHOSEN = [
    ("latest", 7),
    ("4", 4),
    ("0004", 4),
    # By its number one gets also what does not count.
    ("8", 8),
    # A day, a minute or a second: the last good one until its end.
    ("2026-11-26", 3),
    ("2026-11-27", 5),
    ("2026-11-28", 7),
    ("2030-01-01", 7),
    ("2026-11-27T14:30", 5),
    ("2026-11-27T14:29", 4),
    ("2026-11-27 14:30:40", 5),
    ("2026-11-27T14:30:39Z", 4),
    ("2026-11-27T02:00Z", 4),
]


@pytest.mark.parametrize("wish, number", TEST_CHOSEN)
def test_chosen(wish: str, number: int) -> None:
    """The one that an owner means, in whichever order they were found."""
    assert choose(FOUND, wish).number == number
    assert choose(reversed(FOUND), wish).number == number


def test_latest_by_number() -> None:
    """A clock that was ahead made none the latest for ever."""
    ahead = [Kept(1, "2046-01-01T00:00:00Z"), Kept(2, "2026-11-28T02:00:00Z")]
    assert choose(ahead, LATEST).number == 2


# the backups, what is wished -> what is said
TEST_NOT_CHOSEN: list[tuple[list[Kept], str, str]] = [
    ([], "latest", r"^There is no backup\.$"),
    ([], "17", r"^There is no backup\.$"),
    (FOUND[3:4], "latest", "no good backup, only doubtful ones. There are: 6 .*, doubtful"),
    (FOUND, "9", r"There is no backup 9\. There are: 3 \(2026-11-26T02:00:11Z\), 4"),
    (FOUND, "2026-11-25", "No good backup was made until 2026-11-25. There are: 3"),
    (FOUND, "yesterday", "'yesterday' is neither latest, nor a backup's number, nor a day"),
    (FOUND, "", "'' is neither latest"),
    (FOUND, "-1", "'-1' is neither latest"),
    (FOUND, "²", "'²' is neither latest"),
    (FOUND, "2026-11-28T3", "'2026-11-28T3' is neither latest"),
    (FOUND, "Latest\n", r"'Latest\\n' is neither latest"),
]


@pytest.mark.parametrize("found, wish, said", TEST_NOT_CHOSEN)
def test_not_chosen(found: list[Kept], wish: str, said: str) -> None:
    """What there is instead is told, and nothing is guessed."""
    with pytest.raises(ValueError, match=said):
        choose(found, wish)


def test_not_all_are_listed() -> None:
    """The ten newest; a list of thousands helps nobody."""
    many = [Kept(number, "2026-11-28T02:00:00Z") for number in range(1, 100)]
    with pytest.raises(ValueError, match=r"There are: 90 \(") as refused:
        choose(many, "100")
    assert str(refused.value).endswith("99 (2026-11-28T02:00:00Z)")


@given(ANY, MOMENTS)
def test_a_moment(found: list[Kept], wish: str) -> None:
    """Nothing from after the moment is ever given, and nothing better from before it is passed over."""
    until = [one for one in found if one.good and one.made <= f"{wish}Z"]
    if until:
        assert choose(found, wish) == until[-1]
    else:
        with pytest.raises(ValueError, match=r"There is no backup|No good backup"):
            choose(found, wish)


@given(ANY, st.text(max_size=25))
def test_any_wish(found: list[Kept], wish: str) -> None:
    """Either one of those that are there, or one kind of error."""
    try:
        chosen = choose(found, wish)
    except ValueError:
        return
    assert chosen in found
