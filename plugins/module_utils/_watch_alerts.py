# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""From what each look finds to what a person is told: once, not for a hiccup, and at night only what cannot wait.

Times are seconds since 1970. An alert is known by check and subject: with other numbers or another severity it is the
same one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    PROBLEM,
    SEVERITIES,
    UNKNOWN,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    RAISED,
    RECOVERED,
    REMINDER,
    Event,
    Message,
    digest,
    lasting,
    message,
    quiet,
    read_finding,
    read_number,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

LASTS_S = 600
"""Seconds after which a check that cannot run is told: most can again by then."""
FLAPS, FLAPS_S = 4, 6 * 3600
"""An alert that is raised more often than this within these seconds comes and goes."""
CALM_S = 3600
"""Seconds that one which came and went stays good before it has recovered."""
UNSEEN = 1440
"""Looks without its check after which an alert is given up: nobody looks at it any more."""
_VERSION = 1


@dataclass(frozen=True)
class Rule:
    """How patient an alert is: looks in a row, bad ones and good ones. An urgent one goes out at night too."""

    looks: int = 1
    clears: int = 2
    urgent: bool = False


@dataclass(frozen=True)
class Alert:
    """One check of one subject that is bad, or was within the last hours."""

    finding: Finding
    """The last bad one."""
    bad: int = 0
    good: int = 0
    since: float = 0
    good_since: float = 0
    raised: bool = False
    told: float = 0
    """When it was raised, or its last reminder."""
    raises: tuple[float, ...] = ()
    flaps: bool = False
    unseen: int = 0


@dataclass(frozen=True)
class State:
    """What is known between two looks; ``held`` is the latest of each alert that waits for the quiet hours' end."""

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    held: Mapping[str, Event] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Turn into JSON."""
        return {"version": _VERSION, **asdict(self)}


@dataclass(frozen=True)
class Step:
    """What one look leads to."""

    state: State
    messages: tuple[Message, ...] = ()


def observe(
    state: State,
    findings: Iterable[Finding],
    rule_of: Callable[[Finding], Rule],
    now: float,
    settings: Settings,
    *,
    looked: Collection[str],
) -> Step:
    """Judge one look. Only alerts of the checks in ``looked`` may recover: where nobody looked, nothing is known."""
    worst = _worst(findings)
    night = quiet(settings, now)
    alerts: dict[str, Alert] = {}
    held = dict(state.held)
    at_once: list[Event] = []
    for key in dict.fromkeys([*worst, *state.alerts]):
        found, alert = worst.get(key), state.alerts.get(key)
        if found is not None and _bad(found):
            alert = replace(alert or Alert(found), finding=found)
        if alert is None:
            continue
        rule = rule_of(alert.finding)
        after, event = _turn(alert, found, rule, now, looked)
        if after is not None and event is None:
            after, event = _remind(after, now, settings.remind_h)
        if after is not None:
            alerts[key] = after
        waits = held.pop(key, None)
        event = event or waits  # what waited goes out at once where it has become urgent
        if event is not None and not rule.urgent and (night or waits is not None):
            held[key] = event
        elif event is not None:
            at_once.append(event)
    messages = list(_messages(at_once, rule_of, now, settings))
    if held and not night:
        messages.insert(0, digest(held.values(), now, settings))
        held = {}
    return Step(State(alerts, held), tuple(messages))


def read_state(given: object) -> tuple[State, list[Finding]]:
    """Read what :meth:`State.to_dict` wrote, None for never; what is damaged or of another version begins anew."""
    if given is None:
        return State(), []
    try:
        return _read(given), []
    except (ValueError, TypeError, KeyError, AttributeError):
        what = "what was known is damaged or of another version: it begins anew"
        do = "nothing: what stands is told again"
        return State(), [Finding(WARNING, "alerts", "state", what, do)]


def _worst(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Keep the worst finding of each key."""
    worst: dict[str, Finding] = {}
    for one in findings:
        key = f"{one.check}/{one.subject}"
        if key not in worst or _rank(one) < _rank(worst[key]):
            worst[key] = one
    return worst


def _rank(finding: Finding) -> tuple[int, bool]:
    return SEVERITIES.index(finding.severity), not finding.do


def _bad(finding: Finding) -> bool:
    """Whether a person is told; where a check cannot run and nothing can be done, nobody is."""
    return finding.severity == PROBLEM or (finding.severity == UNKNOWN and bool(finding.do))


def _turn(
    alert: Alert, found: Finding | None, rule: Rule, now: float, looked: Collection[str]
) -> tuple[Alert | None, Event | None]:
    if found is not None and _bad(found):
        return _worse(alert, rule, now)
    if found is not None and found.severity == UNKNOWN:
        return _unseen(alert, now)
    if alert.finding.check in looked:
        return _better(alert, rule, now)
    return _unseen(alert, now)


def _worse(alert: Alert, rule: Rule, now: float) -> tuple[Alert, Event | None]:
    since = alert.since if alert.bad else now
    alert = replace(alert, bad=alert.bad + 1, good=0, since=since, unseen=0)
    lasts = alert.finding.severity == PROBLEM or now - since >= LASTS_S
    if alert.raised or alert.bad < rule.looks or not lasts:
        return alert, None
    raises = (*_recent(alert.raises, now), now)
    alert = replace(alert, raised=True, told=now, raises=raises, flaps=len(raises) > FLAPS)
    comes = f", for the {len(raises)}th time in {lasting(FLAPS_S)}: it comes and goes"
    calm = f". Quiet until it has been good for {lasting(CALM_S)}"
    return alert, Event(RAISED, alert.finding, now, comes + calm if alert.flaps else "")


def _better(alert: Alert, rule: Rule, now: float) -> tuple[Alert | None, Event | None]:
    raises = _recent(alert.raises, now)
    if not alert.raised:
        return (Alert(alert.finding, raises=raises) if raises else None), None
    good_since = alert.good_since if alert.good else now
    alert = replace(alert, good=alert.good + 1, good_since=good_since, unseen=0)
    if (now - good_since < CALM_S) if alert.flaps else (alert.good < rule.clears):
        return alert, None
    took = f", for {lasting(good_since - alert.since)}" + (" on and off" if alert.flaps else "")
    # One that came and went begins with a clean sheet: it was good for long.
    rest = None if alert.flaps or not raises else Alert(alert.finding, raises=raises)
    return rest, Event(RECOVERED, alert.finding, now, took)


def _unseen(alert: Alert, now: float) -> tuple[Alert | None, Event | None]:
    alert = replace(alert, unseen=alert.unseen + 1)
    if alert.unseen <= UNSEEN:
        return alert, None
    gone = Event(RECOVERED, alert.finding, now, "; it is no longer looked at")
    return None, gone if alert.raised else None


def _remind(alert: Alert, now: float, remind_h: int) -> tuple[Alert, Event | None]:
    # A clock that was put back must not silence a reminder.
    due = remind_h > 0 and not 0 <= now - alert.told < remind_h * 3600
    if not (alert.raised and not alert.good and due):
        return alert, None
    event = Event(REMINDER, alert.finding, now, f", for {lasting(now - alert.since)}")
    return replace(alert, told=now), event


def _recent(raises: Iterable[float], now: float) -> tuple[float, ...]:
    return tuple(one for one in raises if 0 <= now - one < FLAPS_S)


def _messages(
    events: list[Event], rule_of: Callable[[Finding], Rule], now: float, settings: Settings
) -> Iterator[Message]:
    """Make one message of each kind."""
    for kind in (RAISED, REMINDER, RECOVERED):
        same = [one for one in events if one.kind == kind]
        if same:
            urgent = any(rule_of(one.finding).urgent for one in same)
            yield message(kind, same, now, settings, urgent=urgent)


def _read(given: Any) -> State:
    if given["version"] != _VERSION:
        raise ValueError
    return State(
        {str(key): _read_alert(one) for key, one in given["alerts"].items()},
        {str(key): Event.from_dict(one) for key, one in given["held"].items()},
    )


def _read_alert(given: Mapping[str, Any]) -> Alert:
    return Alert(
        finding=read_finding(given["finding"]),
        bad=int(read_number(given["bad"])),
        good=int(read_number(given["good"])),
        since=read_number(given["since"]),
        good_since=read_number(given["good_since"]),
        raised=given["raised"] is True,
        told=read_number(given["told"]),
        raises=tuple(read_number(one) for one in given["raises"]),
        flaps=given["flaps"] is True,
        unseen=int(read_number(given["unseen"])),
    )
