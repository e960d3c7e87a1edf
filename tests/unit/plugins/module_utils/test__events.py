"""What may run beside the services."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._events import events

EXPECTED = {
    "steady": 0,
    "release": 152,
    "migration": 128,
    "backup": 112,
    "drill": 136,
    "upgrade": 120,
    "certificate": 64,
    "pull": 64,
    "build": 192,
}


def test_events_of_one_worker() -> None:
    """Every event the machine must live through is there, the idle machine first."""
    assert {event.name: event.memory_mb for event in events(1)} == EXPECTED
    assert next(iter(EXPECTED)) == events(1)[0].name


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_only_a_release_grows_with_workers(workers: int) -> None:
    """A second backend brings as many workers; nothing else depends on them."""
    expected = EXPECTED | {"release": 128 * workers + 24}
    assert {event.name: event.memory_mb for event in events(workers)} == expected


def test_what_must_not_swap() -> None:
    """The services themselves and a build would take the machine down with them."""
    assert [event.name for event in events(1) if not event.may_swap] == ["steady", "build"]


def test_only_a_build_can_be_missed() -> None:
    """A machine too small for a build is fine: images are built elsewhere."""
    assert [event.name for event in events(1) if not event.required] == ["build"]
