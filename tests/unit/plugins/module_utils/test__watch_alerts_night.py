"""Alerts in the quiet hours, and what is known of them between two looks."""

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_alerts import (
    Rule,
    State,
    observe,
    read_state,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.alerts_bench import CHECKS, HOUR, NOON, Watch, disk, state_of

NIGHT = Settings(host="planner-1", quiet_hours="22:00-07:00", timezone="UTC")


def test_quiet_hours() -> None:
    """At night only the urgent is told; the rest is one message in the morning, each alert in one line."""
    watch = Watch(
        settings=replace(NIGHT, runbook_url="https://x.example"),
        rules={"state": Rule(urgent=True)},
        now=NOON + 11 * HOUR,
    )
    cpu = Finding(PROBLEM, "cpu", "cpu", "96 % busy", "see what runs")
    assert watch.look(disk(), cpu) == []
    (urgent,) = watch.look(disk(), cpu, state_of("nginx"))
    assert (urgent.kind, urgent.urgent) == ("raised", True)
    watch.look(disk())
    (over,) = watch.look(disk())
    assert (over.kind, over.urgent) == ("recovered", True)
    assert watch.look(disk(), after=7 * HOUR) == []
    (morning,) = watch.look(disk(), after=HOUR)
    assert (morning.kind, morning.urgent, morning.severity) == ("digest", False, PROBLEM)
    assert morning.text().splitlines() == [
        "DIGEST planner-1: 2 in the quiet hours, 1 of them not over",
        "23:01 PROBLEM disk /: 84 % full",
        "  Do: sudo planner-watch clean",
        "23:04 RECOVERED cpu: 96 % busy, for 2 min",
        "More: https://x.example",
    ]
    assert watch.look(disk()) == []
    assert not watch.state.held


def test_over_in_the_morning() -> None:
    """What recovers in the look that ends the night is not told as lasting."""
    watch = Watch(settings=NIGHT, rule=Rule(clears=1), now=NOON + 18 * HOUR)
    watch.look(disk())
    (morning,) = watch.look(after=HOUR)
    assert morning.text().splitlines() == [
        "DIGEST planner-1: 1 in the quiet hours, all over",
        "07:01 RECOVERED disk /: 84 % full, for 1 h",
    ]
    assert morning.severity == OK


def test_becomes_urgent() -> None:
    """What waits for the morning goes out at once when it turns out to be urgent."""
    watch = Watch(settings=NIGHT, now=NOON + 11 * HOUR)
    assert watch.look(disk()) == []
    watch.rules["disk"] = Rule(urgent=True)
    (message,) = watch.look(disk(99))
    assert (message.kind, message.urgent) == ("raised", True)
    assert not watch.state.held
    assert watch.look(disk(99)) == []


def test_the_input_stays() -> None:
    """A look that is judged twice says the same twice: nothing is kept but what is returned."""
    state = State()
    for _ in range(2):
        step = observe(state, [disk()], lambda _: Rule(), NOON, Settings(), looked=CHECKS)
        assert len(step.messages) == 1
    assert state == State()


def test_no_state_yet() -> None:
    """The first look ever knows nothing, and nothing is wrong about that."""
    assert read_state(None) == (State(), [])


def written() -> dict[str, Any]:
    """A state with an alert and something held, as it is on the disk."""
    watch = Watch(settings=NIGHT, now=NOON + 11 * HOUR)
    watch.look(disk())
    read: dict[str, Any] = json.loads(json.dumps(watch.state.to_dict()))
    return read


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.update(version=0),
        lambda state: state.pop("version"),
        lambda state: state.pop("held"),
        lambda state: state.update(alerts=[1]),
        lambda state: state["alerts"]["disk//"].update(bad="x"),
        lambda state: state["alerts"]["disk//"].update(since=float("nan")),
        lambda state: state["alerts"]["disk//"].update(raises=5),
        lambda state: state["alerts"]["disk//"].pop("flaps"),
        lambda state: state["alerts"]["disk//"]["finding"].update(severity="red"),
        lambda state: state["alerts"]["disk//"].update(finding=None),
        lambda state: state["held"]["disk//"].update(kind="digest"),
        lambda state: state["held"]["disk//"].update(at=None),
        lambda state: state["held"]["disk//"].update(at=1e300),
    ],
)
def test_damaged(damage: Any) -> None:
    """A state that cannot be read begins anew and says so; it stops no look."""
    state = written()
    assert read_state(state)[1] == []
    damage(state)
    fresh, (finding,) = read_state(state)
    assert fresh == State()
    assert (finding.severity, finding.check, finding.subject) == (WARNING, "alerts", "state")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_any_state(alerts: Any, held: Any) -> None:
    """Whatever is in the file, a look is judged."""
    state, _ = read_state({"version": 1, "alerts": alerts, "held": held})
    assert observe(state, [disk()], lambda _: Rule(), NOON, Settings(), looked=CHECKS).messages
