"""One look at everything."""

from collections.abc import Iterator

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_look
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_look import PARTS, Part, look
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight

from tests.unit.look_bench import NOW, severities


def good(sight: Sight) -> Iterator[Finding]:
    """See something good, and count it."""
    sight.samples["requests"] = sight.counters["seen"] = sight.counters.get("seen", 0) + 1
    yield Finding(OK, "disk", "/", "fine")


def broken(_sight: Sight) -> Iterator[Finding]:
    """Break after the first finding."""
    yield Finding(OK, "half", "half", "fine")
    raise RuntimeError("no\nsuch thing")


def worse(_sight: Sight) -> list[Finding]:
    """See one subject twice, and what cannot be seen."""
    return [
        Finding(OK, "state", "backend", "runs"),
        Finding(WARNING, "state", "backend", "starts"),
        Finding(PROBLEM, "state", "redis", "ended"),
        Finding(UNKNOWN, "use", "redis", "not read", "x"),
    ]


def test_a_broken_part_hides_no_other() -> None:
    """It is unknown itself, with what to do, and nothing that it would have judged can be over."""
    seen = look(
        Settings(),
        {},
        NOW,
        thorough=False,
        parts=[Part("broken", broken, "see x"), Part("good", good, "")],
    )
    assert seen.findings == (
        Finding(UNKNOWN, "broken", "broken", "it could not be judged: no such thing", "see x"),
        Finding(OK, "disk", "/", "fine"),
    )
    assert seen.looked == {"good", "disk"}


def test_one_finding_each() -> None:
    """The worst one of a subject, the worst first; what could not be judged cannot be over."""
    seen = look(Settings(), {}, NOW, thorough=False, parts=[Part("worse", worse, "")])
    assert list(severities(seen.findings).items()) == [
        ("state/redis", PROBLEM),
        ("use/redis", UNKNOWN),
        ("state/backend", WARNING),
    ]
    assert seen.looked == {"worse", "state"}


def test_counters() -> None:
    """They go from look to look; the given ones stay as they were, and damaged ones begin anew."""
    parts = [Part("good", good, "")]
    first = look(Settings(), {"deep": {"er": []}}, NOW, thorough=False, parts=parts)
    given = first.counters
    second = look(Settings(), given, NOW + 60, thorough=False, parts=parts)
    assert (second.counters["seen"], second.counters["at"]) == (2, NOW + 60)
    assert (given["seen"], given["at"]) == (1, NOW)
    assert second.samples == {"requests": 2}
    assert look(Settings(), [1], NOW, thorough=False, parts=parts).counters["seen"] == 1


@pytest.mark.parametrize(
    "thorough, busy, expected",
    [
        (False, False, {"good"}),
        (True, True, {"good", "slow"}),
        (True, False, {"good", "slow", "calm"}),
    ],
)
def test_which_parts(
    monkeypatch: pytest.MonkeyPatch,
    *,
    thorough: bool,
    busy: bool,
    expected: set[str],
) -> None:
    """Costly parts only where it is thorough, some of them not during an event."""
    monkeypatch.setattr(_watch_look, "is_held", lambda: busy)
    parts = [
        Part("good", good, ""),
        Part("slow", good, "", thorough=True),
        Part("calm", good, "", thorough=True, calm=True),
    ]
    assert look(Settings(), {}, NOW, thorough=thorough, parts=parts).looked == {*expected, "disk"}


def test_parts() -> None:
    """Each has a name of its own and says what to do where it breaks; readiness is asked before traffic is read."""
    names = [one.name for one in PARTS]
    assert len(set(names)) == len(names)
    assert all(one.do for one in PARTS)
    assert names.index("ready") < names.index("traffic")
