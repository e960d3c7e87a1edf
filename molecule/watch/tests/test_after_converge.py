"""After the first run of the playbook: nothing is told where all is well, it costs little, and no secret leaves it."""

from __future__ import annotations

import itertools
import json
import re
import time

import pytest

from .conftest import CHANNELS, CYCLE_S, KEPT, PROJECT

SECRETS = {
    "telegram_token": "123456:bench",
    "alert_url": "what-nobody-else-knows",
    "ping_url": "what-only-the-droplet-knows",
}
# What stays in memory for it, in MiB.
MOST_MB = 15
LOOKS = 24


def test_first_run_tells_nothing(droplet, person) -> None:
    """While the playbook was at it, and since, nobody was bothered."""
    droplet.look(thorough=True)
    assert {channel: person.texts(channel) for channel in CHANNELS} == {one: [] for one in CHANNELS}
    assert droplet.status()["alerts"] == []


def test_quiet(told, droplet, person) -> None:
    """Looks at everything, again and again, find nothing to tell; each calls the outside service."""
    before = droplet.state()["looked_at"]
    for number in range(LOOKS):
        droplet.look(thorough=number % 4 == 0)
    assert droplet.state()["looked_at"] > before
    assert told.by() == []
    assert len(person.pings(told.since)) >= LOOKS
    assert {one["path"] for one in person.pings(told.since)} == {f"/ping/{SECRETS['ping_url']}"}


@pytest.mark.thorough
def test_quiet_by_the_timer(told, person) -> None:
    """So do those that the timer begins."""
    time.sleep(17 * CYCLE_S)
    assert told.by() == []
    calls = [one["at"] for one in person.pings(told.since)]
    assert len(calls) >= 12
    assert max(b - a for a, b in itertools.pairwise(calls)) < 3 * CYCLE_S


def test_resident(droplet, measured) -> None:
    """Between two looks only Monit is in memory, and that is small."""
    droplet.run("systemctl stop planner-watch.timer")
    try:
        droplet.run(f"flock {KEPT}/lock true")
        droplet.until("test $(systemctl show -p ActiveState --value planner-watch) != activating")
        pids = droplet.run("pgrep -f 'monit|planner-watch' | grep -vx $$ || true").split()
        shown = {}
        for pid in pids:
            command = droplet.host.run(f"tr '\\0' ' ' </proc/{pid}/cmdline").stdout.strip()
            if re.match(r"\S*(monit|planner-watch|python\S*)\b", command):
                pss = droplet.run(f"awk '/^Pss:/ {{ print $2 }}' /proc/{pid}/smaps_rollup")
                shown[command] = int(pss) / 1024
    finally:
        droplet.run("systemctl start planner-watch.timer")
    assert len(shown) == 1, shown
    (used,) = shown.values()
    assert 0 < used < MOST_MB, shown
    measured("resident, Monit alone (PSS)", f"{used:.1f} MiB")


def test_look_costs(droplet, measured) -> None:
    """How long a look takes, and how much memory at most, is shown."""
    program = (
        "import resource, subprocess, time\n"
        "begun = time.monotonic()\n"
        "subprocess.run(['planner-watch', 'look'], check=True)\n"
        "seconds, used = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(f'{seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, '"
        "f'{used.ru_maxrss / 1024:.0f} MiB at most')\n"
    )
    for thorough in (False, True):
        if thorough:
            droplet.remember(looks=1000)
        said = droplet.run(f"python3 - <<'END'\n{program}END")
        assert "MiB at most" in said
        measured("a look at everything" if thorough else "a look", said)


def test_only_root_reads(droplet, host) -> None:
    """What it keeps is root's alone."""
    for path in droplet.run(f"find {KEPT}").splitlines():
        found = host.file(path)
        assert (found.user, found.group, found.mode & 0o007) == ("root", "root", 0), path
    assert host.file("/etc/monit/conf.d/planner").mode == 0o600
    assert set(droplet.run(f"ls {KEPT}/secrets").split()) == set(SECRETS)


def test_no_secret_leaves(droplet, person, host) -> None:
    """No command line of a look, no line of the journal and no message has what opens a channel."""
    for name, value in SECRETS.items():
        assert value in host.file(f"{KEPT}/secrets/{name}").content_string
    watch = "for _ in $(seq 60); do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; sleep 0.1; done"
    droplet.run("systemctl start --no-block planner-watch.service")
    lines = droplet.run(watch)
    assert "planner-watch look" in lines
    with person.without("telegram"), person.without("webhook", status=500):
        failed = droplet.program("test")
    assert failed.rc == 1
    journal = droplet.run("journalctl -o cat")
    kept = droplet.run(f"cat {KEPT}/state.json {KEPT}/settings.json")
    status = json.dumps(droplet.status())
    told = json.dumps([person.texts(channel) for channel in CHANNELS])
    for value in SECRETS.values():
        for text in (lines, failed.stdout + failed.stderr, journal, kept, status, told):
            assert value not in text


def test_status(playbook) -> None:
    """The state of the machine shows who would be told, and has nothing to complain of."""
    shown = playbook("status")
    assert shown.returncode == 0, shown.stdout
    assert "told by telegram, alert_url, email" in shown.stdout


@pytest.mark.thorough
def test_a_second_run(site) -> None:
    """A second run of the role changes nothing."""
    again = site("--tags", "watch")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout


@pytest.mark.thorough
def test_refused(site) -> None:
    """What no watch can come of is refused before the Droplet is touched, all at once, and no secret is shown."""
    wishes = {
        "watch_quiet_hours": "at night",
        "watch_thresholds": {"disc": 3},
        "watch_alert_url": "hush-hush",
    }
    ran = site("-e", json.dumps(wishes))
    said = " ".join(ran.stdout.split())
    assert ran.returncode != 0
    assert "watch_quiet_hours: 'at night' is not like 22:00-07:00" in said
    assert "watch_thresholds.disc: there is no such threshold" in said
    assert "watch_alert_url: it is no address of http:// or https://" in said
    assert "hush-hush" not in said


def test_nothing_grows(droplet) -> None:
    """What is kept of a look is a short line."""
    lines = droplet.run(f"cat {PROJECT}/watch/history/*.jsonl").splitlines()
    assert lines
    assert max(map(len, lines)) <= 80
