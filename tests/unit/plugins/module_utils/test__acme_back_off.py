"""How long a CA is left in peace after a failure."""

import math
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    DAY_S,
    LIMITED,
    LOCAL,
    NETWORK,
    PREFLIGHT,
    REFUSED,
    Attempt,
    Failure,
    Wish,
    failed,
    waits_until,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_795_000_000.0
CA, OTHER = "https://ca.test/directory", "https://other.test/directory"
WISH = Wish(("a.test", "www.a.test"), CA, "classic")
KINDS = (NETWORK, REFUSED, LIMITED, LOCAL, PREFLIGHT)
HOUR = 3600

# kind -> how long each failure in a row pauses
TEST_PAUSES = [
    (NETWORK, [600, 1200, 2400, 4800, 9600, 4 * HOUR, 4 * HOUR]),
    (REFUSED, [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, 12 * HOUR]),
    (LIMITED, [12 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR, 72 * HOUR]),
    (LOCAL, [HOUR // 2, HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR]),
    (PREFLIGHT, [0, 0, 0]),
]


@pytest.mark.parametrize("kind, pauses", TEST_PAUSES)
def test_pauses(kind: str, pauses: list[int]) -> None:
    """Each failure in a row pauses twice as long as the one before, up to a limit."""
    attempt, now = None, NOW
    for number, pause in enumerate(pauses, 1):
        attempt = failed(attempt, WISH, Failure(kind, "no"), now)
        assert (attempt.failures, attempt.retry_at - attempt.at) == (number, pause)
        now = attempt.retry_at + 1


def test_a_long_row_of_failures() -> None:
    """A CA that refuses for years does not overflow anything."""
    attempt = Attempt(str(WISH), NOW - 1, 10**9, REFUSED, "no", NOW)
    assert failed(attempt, WISH, Failure(REFUSED, "no"), NOW).retry_at == NOW + 12 * HOUR


# what failed before -> whether it counts
TEST_ROWS: list[tuple[str, Attempt, int]] = [
    ("the same", Attempt(str(WISH), NOW - HOUR, 3, REFUSED, "no", NOW), 4),
    ("other names", Attempt(str(Wish(("b.test",), CA, "")), NOW - HOUR, 3, REFUSED, "no", NOW), 1),
    ("a clock that was ahead", Attempt(str(WISH), NOW + HOUR, 3, REFUSED, "no", NOW + 9), 1),
    ("DNS was not ready for a day", Attempt(str(WISH), NOW - HOUR, 48, PREFLIGHT, "no", NOW), 1),
    ("the CA was not reached", Attempt(str(WISH), NOW - HOUR, 5, NETWORK, "no", NOW), 1),
]


@pytest.mark.parametrize(
    "before, failures", [row[1:] for row in TEST_ROWS], ids=[row[0] for row in TEST_ROWS]
)
def test_what_counts(before: Attempt, failures: int) -> None:
    """Only failures of the same wish and kind make the pause longer."""
    assert failed(before, WISH, Failure(REFUSED, "no"), NOW).failures == failures


# kind, what the CA said -> the pause
TEST_RETRY_AFTER: list[tuple[str, float, float]] = [
    (LIMITED, 60, 60),
    (LIMITED, 30 * HOUR, 30 * HOUR),
    (LIMITED, 7 * DAY_S, 7 * DAY_S),
    (REFUSED, 60, HOUR),
    (REFUSED, 30 * HOUR, 30 * HOUR),
    (LIMITED, 1e12, 14 * DAY_S),
]


@pytest.mark.parametrize("kind, said, pause", TEST_RETRY_AFTER)
def test_retry_after(kind: str, said: float, pause: float) -> None:
    """The CA's own word counts where it has a limit; elsewhere ours if that is longer; never for ever."""
    assert failed(None, WISH, Failure(kind, "no", said), NOW).retry_at == NOW + pause


def test_waits() -> None:
    """Until the pause is over, and not a second longer."""
    attempt = failed(None, WISH, Failure(REFUSED, "no"), NOW)
    assert waits_until(attempt, WISH, NOW) == NOW + HOUR
    assert waits_until(attempt, WISH, NOW + HOUR - 1) == NOW + HOUR
    assert waits_until(attempt, WISH, NOW + HOUR) is None


# the wish now
TEST_OTHER_WISHES = [
    replace(WISH, names=("a.test",)),
    replace(WISH, directory=OTHER),
    replace(WISH, profile="shortlived"),
]


@pytest.mark.parametrize("wish", TEST_OTHER_WISHES)
def test_another_wish_does_not_wait(wish: Wish) -> None:
    """What failed for other names, another CA or another profile says nothing about this one."""
    assert waits_until(failed(None, WISH, Failure(LIMITED, "no"), NOW), wish, NOW + 1) is None


def test_the_order_of_names_is_no_other_wish() -> None:
    """Nor can it be used to go round a limit by accident."""
    attempt = failed(None, WISH, Failure(LIMITED, "no"), NOW)
    assert waits_until(attempt, replace(WISH, names=WISH.names[::-1]), NOW + 1)


def test_nobody_failed() -> None:
    """Then nobody waits."""
    assert waits_until(None, WISH, NOW) is None


def test_a_clock_that_was_ahead() -> None:
    """An attempt in the future does not stop anything, however far away it is."""
    attempt = failed(None, WISH, Failure(LIMITED, "no"), NOW + 1000 * DAY_S)
    assert waits_until(attempt, WISH, NOW) is None


@given(
    st.sampled_from(KINDS),
    st.floats(0, 4e9),
    st.one_of(st.none(), st.floats(60, 1e15)),
    st.integers(0, 30),
)
def test_no_pause_is_for_ever(
    kind: str, now: float, retry_after_s: float | None, times: int
) -> None:
    """Whatever fails and whatever the CA says: it is asked again within two weeks, and what is noted is read again."""
    attempt = None
    for _ in range(times + 1):
        attempt = failed(attempt, WISH, Failure(kind, "no", retry_after_s), now)
    assert attempt
    assert now <= attempt.retry_at <= now + 14 * DAY_S
    assert Attempt.from_dict(attempt.to_dict()) == attempt
    assert waits_until(attempt, WISH, attempt.retry_at) is None


ATTEMPT: dict[str, Any] = Attempt("w", NOW, 1, REFUSED, "no", NOW + HOUR).to_dict()
TEST_NO_ATTEMPTS: list[object] = [
    None,
    [],
    "no",
    {},
    {**ATTEMPT, "at": "today"},
    {**ATTEMPT, "at": None},
    {**ATTEMPT, "retry_at": NOW - 1},
    {**ATTEMPT, "retry_at": math.inf},
    {**ATTEMPT, "retry_at": math.nan},
    {**ATTEMPT, "retry_at": NOW + 15 * DAY_S},
    {**ATTEMPT, "at": math.inf, "retry_at": math.inf},
    {**ATTEMPT, "failures": 0},
    {**ATTEMPT, "failures": "one"},
    {key: value for key, value in ATTEMPT.items() if key != "reason"},
]


@pytest.mark.parametrize("given", TEST_NO_ATTEMPTS)
def test_no_attempt(given: object) -> None:
    """What is damaged counts as no attempt: the CA may be asked once too often, but nothing is stuck."""
    assert Attempt.from_dict(given) is None


def test_an_attempt_of_a_later_version() -> None:
    """What is not known is left out."""
    assert Attempt.from_dict({**ATTEMPT, "mood": "bad"}) == Attempt(**ATTEMPT)
