"""What a person is told of what the looks find, look by look."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_alerts import (
    UNSEEN,
    Rule,
    State,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.alerts_bench import HOUR, NOON, Watch, disk, state_of


def test_told_once() -> None:
    """However long it lasts and whatever its numbers are, it is told once, and once that it is over."""
    watch = Watch()
    for percent in (84, 85, 86):
        watch.look(disk(percent))
    watch.look(disk(87, UNKNOWN))
    watch.look(disk(60, OK))
    watch.look(disk(60, OK))
    watch.look(disk(60, OK))
    first, last = watch.told
    assert (first.kind, first.at, first.urgent) == ("raised", NOON + 60, False)
    assert first.text() == "PROBLEM planner-1: disk /: 84 % full\nDo: sudo planner-watch clean"
    assert (first.severity, last.severity) == (PROBLEM, OK)
    assert last.text() == "RECOVERED planner-1: disk /: 87 % full, for 4 min"
    assert watch.kinds == ["raised", "recovered"]


# the rule, and which looks are bad -> the looks (from 0) at which something is told
TEST_PATIENCE: list[tuple[Rule, str, list[int]]] = [
    (Rule(), "b", [0]),
    (Rule(looks=3), "bb.bb.bbb", [8]),
    (Rule(looks=3), "bbb", [2]),
    (Rule(clears=1), "b.", [0, 1]),
    (Rule(clears=3), "b..b..b...", [0, 9]),
    (Rule(looks=2, clears=2), "b.b.b.", []),
    (Rule(looks=2, clears=2), "bb.b..", [1, 5]),
]


@pytest.mark.parametrize("rule, looks, told", TEST_PATIENCE)
def test_patience(rule: Rule, looks: str, told: list[int]) -> None:
    """A hiccup is not told, and a good look between bad ones is no recovery."""
    watch = Watch(rule=rule)
    heard = [watch.look(*([disk()] if one == "b" else [])) for one in looks]
    assert [number for number, messages in enumerate(heard) if messages] == told


# a finding that nobody is told of
TEST_QUIET_SEVERITIES = [
    disk(severity=WARNING),
    disk(severity=OK),
    state_of("swap", UNKNOWN, do=""),
]


@pytest.mark.parametrize("finding", TEST_QUIET_SEVERITIES)
def test_not_told(finding: Finding) -> None:
    """A warning is for the status, and so is what cannot be known and nothing can be done about."""
    watch = Watch()
    for _ in range(30):
        assert watch.look(finding) == []
    assert watch.state == State()


def test_unknown_lasts() -> None:
    """A check that could not run is never good: it is told, but only when it lasts."""
    watch = Watch()
    heard = [watch.look(state_of("redis", UNKNOWN)) for _ in range(12)]
    assert [number for number, messages in enumerate(heard) if messages] == [10]
    assert watch.told[0].title == "UNKNOWN planner-1: state redis: is stopped"
    assert watch.told[0].severity == UNKNOWN


def test_unknown_is_no_recovery() -> None:
    """Where nothing can be known about it any more, an alert stands."""
    watch = Watch()
    watch.look(state_of("redis"))
    for _ in range(5):
        assert watch.look(state_of("redis", UNKNOWN, do="")) == []
    watch.look()
    assert [one.kind for one in watch.look()] == ["recovered"]


def test_not_looked_at() -> None:
    """Only what was looked at can recover; a container that is gone has."""
    watch = Watch()
    watch.look(state_of("redis"), disk())
    for _ in range(5):
        assert watch.look(looked=("cpu",)) == []
    watch.look(looked=("state",))
    (message,) = watch.look(looked=("state",))
    assert message.title == "RECOVERED planner-1: state redis: is stopped, for 6 min"
    assert list(watch.state.alerts) == ["state/redis", "disk//"]


def test_nobody_looks_any_more() -> None:
    """An alert of a check that was switched off is given up, and said to be, not repeated for ever."""
    watch = Watch()
    watch.look(disk())
    heard = [one for _ in range(UNSEEN + 1) for one in watch.look(looked=("state",), after=1)]
    assert [one.text() for one in heard] == [
        "RECOVERED planner-1: disk /: 84 % full; it is no longer looked at"
    ]
    assert watch.state == State()


def test_never_told_is_never_over() -> None:
    """A hiccup whose check was switched off right then is forgotten without a word."""
    watch = Watch(rule=Rule(looks=2))
    watch.look(disk())
    assert not any(watch.look(looked=("state",), after=1) for _ in range(UNSEEN + 1))
    assert watch.state == State()


def test_worst_counts() -> None:
    """Of several findings about the same, the worst is the one."""
    watch = Watch()
    watch.look(disk(50, OK), disk(84), disk(85, UNKNOWN))
    assert [one.title for one in watch.told] == ["PROBLEM planner-1: disk /: 84 % full"]


def test_several_at_once() -> None:
    """A look is one message, the worst first."""
    watch = Watch(settings=Settings(host="planner-1", runbook_url="https://x.example/help"))
    unknown = state_of("redis", UNKNOWN)
    for _ in range(10):
        watch.look(unknown)
    (message,) = watch.look(unknown, disk(), state_of("nginx", do=""))
    assert message.text().splitlines() == [
        "PROBLEM planner-1: 3 at once",
        "- disk /: 84 % full",
        "  Do: sudo planner-watch clean",
        "- state nginx: is stopped",
        "- state redis: is stopped",
        "  Do: read its log",
        "More: https://x.example/help",
    ]
    assert message.severity == PROBLEM


def test_reminder() -> None:
    """What stays is told again after a day, not before, and not while it seems to be over."""
    watch = Watch(settings=Settings(host="planner-1", remind_h=24), rule=Rule(clears=3))
    watch.look(disk())
    assert watch.look(disk(), after=24 * HOUR - 1) == []
    assert watch.look(after=1) == []
    (message,) = watch.look(disk(90))
    assert message.kind == "reminder"
    assert message.title == "REMINDER planner-1: disk /: 90 % full, for 1 d 1 min"
    assert message.severity == PROBLEM
    assert watch.look(disk(), after=23 * HOUR) == []
    assert len(watch.look(looked=("cpu",), after=HOUR)) == 1


def test_no_reminder() -> None:
    """Zero hours is never."""
    watch = Watch(settings=Settings(remind_h=0))
    watch.look(disk())
    assert watch.look(disk(), after=999 * HOUR) == []


def test_clock_put_back() -> None:
    """A clock that was wrong neither silences a reminder nor counts hours that were none."""
    watch = Watch()
    watch.look(disk())
    (message,) = watch.look(disk(), after=-500 * HOUR)
    assert message.title.endswith("for less than a minute")
    assert watch.look(disk()) == []


def test_flaps() -> None:
    """What comes and goes is said to, once, and is quiet until it has been good for an hour."""
    watch = Watch(rule=Rule(clears=1))
    for _ in range(20):
        watch.look(disk())
        watch.look()
    assert watch.kinds == ["raised", "recovered"] * 4 + ["raised"]
    assert watch.told[-1].title == (
        "PROBLEM planner-1: disk /: 84 % full, for the 5th time in 6 h: it comes and goes."
        " Quiet until it has been good for 1 h"
    )
    heard = [watch.look() for _ in range(60)]
    assert [number for number, messages in enumerate(heard) if messages] == [59]
    assert watch.told[-1].title.endswith("disk /: 84 % full, for 31 min on and off")
    assert watch.state == State()
    watch.look(disk())
    assert watch.kinds[-1] == "raised"


def test_does_not_flap() -> None:
    """Now and then over a day is not to come and go."""
    watch = Watch(rule=Rule(clears=1))
    for _ in range(8):
        watch.look(disk(), after=2 * HOUR)
        watch.look()
    assert watch.kinds == ["raised", "recovered"] * 8
    watch.look(after=6 * HOUR)
    assert watch.state == State()
