"""Where memory has no room for two: the gap is announced, held by nginx, measured, and the way back is the same."""

from __future__ import annotations

import pytest

STOP_FIRST = ("-e", '{"droplet_services": [{"name": "backend", "stop_first": true}]}')


def test_gap(releases, image, measured):
    """Requests in the gap get 503 with Retry-After, nothing else; the record tells how long it was."""
    version = releases.other
    with measured() as counts:
        record = releases.must(releases.deploy(image(version), *STOP_FIRST))
    assert (record["strategy"], record["result"]) == ("stop-first", "good")
    assert record["gap_s"] > 0
    assert counts["failed"] > 0
    assert all(" 503 " in failure for failure in counts["failures"]), counts
    assert releases.version == version
    releases.settled()


@pytest.mark.thorough
def test_broken(releases, image):
    """A new version that fails is taken away, and the old one serves again."""
    version = releases.version
    done = releases.deploy(image("does-not-start"), *STOP_FIRST)
    assert done.returncode != 0
    assert "the old one serves again" in done.stdout, done.stdout
    assert releases.last["result"] == "void"
    assert releases.last["gap_s"] > 0
    assert releases.version == version
    releases.settled()
    timers = releases.host.check_output(
        "systemctl list-timers --all --no-legend planner-release-undo.timer"
    )
    assert timers == "", "disarmed"


@pytest.mark.thorough
def test_killed_in_the_gap(releases, image, outside):
    """Killed while nobody serves, a timer of the Droplet's own brings the old version back."""
    host, before, version = releases.host, releases.version, releases.other
    host.run("systemctl stop planner-release-undo.timer")
    releases.kill_when("systemctl is-active -q planner-release-undo.timer", 1)
    done = releases.deploy(image(version), *STOP_FIRST)
    assert done.returncode != 0
    timers = "systemctl list-timers --all --no-legend planner-release-undo.timer"
    assert host.check_output(timers), "armed"
    # Instead of minutes: what it starts when they are over.
    host.check_output("systemctl start planner-release-undo.service")
    outside.until_ready()
    assert releases.version == before
    releases.must(releases.deploy(image(version)))
    assert releases.version == version
    releases.settled()
