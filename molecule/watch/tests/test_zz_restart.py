"""The last file, because the Droplet is away in it: the outside service notices, and afterwards all goes on."""

from __future__ import annotations

import subprocess
import time

from .conftest import CYCLE_S

# As long as an outside service waits: so many looks that do not come.
MISSED = 3


def test_away_and_back(droplet, person, outside, container, measured) -> None:
    """While it is off nobody calls; after the start the looks go on by themselves, and no false alarm stands."""
    droplet.look(thorough=True)
    begun = time.time()
    subprocess.run(
        ["docker", "stop", "--time", "60", container], check=True, capture_output=True, timeout=120
    )
    stopped = time.time()
    time.sleep(MISSED * CYCLE_S + 2)
    last = person.pings()[-1]["at"]
    assert last < stopped
    assert time.time() - last > MISSED * CYCLE_S
    subprocess.run(["docker", "start", container], check=True, capture_output=True)
    started = time.time()
    outside.until_ready()
    deadline = time.monotonic() + 180
    while not (calls := person.pings(started)):
        assert time.monotonic() < deadline, "nobody looks after the start"
        time.sleep(1)
    measured("from the start of the machine to the first look", f"{calls[0]['at'] - started:.0f} s")
    assert not calls[-1]["path"].endswith("/fail")
    for _ in range(2):
        droplet.look(thorough=True)
    status = droplet.status()
    assert (status["alerts"], status["waiting"]) == ([], 0)
    told = person.heard("telegram", begun)
    # What was told while it went down or came up is over.
    assert {one.about for one in told if one.label == "PROBLEM"} == {
        one.about for one in told if one.label == "RECOVERED"
    }


def test_nothing_is_told_after(droplet, person) -> None:
    """Nor is there anything later."""
    begun = time.time()
    for _ in range(6):
        droplet.look(thorough=True)
    assert person.heard("telegram", begun) == []
