"""Where memory has no room for two: the gap is announced, held by nginx, measured, and the way back is the same."""

from __future__ import annotations

import shlex

import pytest

from .conftest import KILL

STOP_FIRST = ("-e", '{"droplet_services": [{"name": "backend", "stop_first": true}]}')


@pytest.fixture(scope="module")
def one(serving, image):
    """Have version `one` serve."""
    serving.must(serving.deploy(image("one")))
    return serving


def test_gap(one, image, measured):
    """Requests in the gap get 503 with Retry-After, nothing else; the record tells how long it was."""
    with measured() as counts:
        record = one.must(one.deploy(image("two"), *STOP_FIRST))
    assert (record["strategy"], record["result"]) == ("stop-first", "good")
    assert record["gap_s"] > 0
    assert counts["failed"] > 0
    assert all(" 503 " in failure for failure in counts["failures"]), counts
    assert one.version == "two"
    one.settled()


def test_broken(one, image):
    """A new version that fails is taken away, and the old one serves again."""
    done = one.deploy(image("does-not-start"), *STOP_FIRST)
    assert done.returncode != 0
    assert "the old one serves again" in done.stdout, done.stdout
    assert one.last["result"] == "void"
    assert one.last["gap_s"] > 0
    assert one.version == "two"
    one.settled()
    timers = one.host.check_output(
        "systemctl list-timers --all --no-legend planner-release-undo.timer"
    )
    assert timers == "", "disarmed"


def test_killed_in_the_gap(one, image, outside):
    """Killed while nobody serves, a timer of the Droplet's own brings the old version back."""
    command = "systemctl list-timers --all --no-legend planner-release-undo.timer"
    one.host.run("systemctl stop planner-release-undo.timer")
    killer = (
        "for _ in $(seq 600); do systemctl is-active -q planner-release-undo.timer && break; sleep 0.1; done;"
        f"sleep 1; {KILL}"
    )
    one.host.check_output(f"systemd-run --unit bench-killer sh -c {shlex.quote(killer)}")
    done = one.deploy(image("one"), *STOP_FIRST)
    assert done.returncode != 0
    assert one.host.check_output(command), "armed"
    # Instead of minutes: what it starts when they are over.
    one.host.check_output("systemctl start planner-release-undo.service")
    outside.until_ready()
    one.must(one.deploy(image("one")))
    assert one.version == "one"
    one.settled()
