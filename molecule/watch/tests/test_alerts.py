"""What goes wrong is told once over each channel, with what to do, and once more when it is over.

Most of it goes wrong at the same time, so that the looks and the waiting are shared.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    SELF_SIGNED_DAYS,
    make_self_signed,
)

from .conftest import CHANNELS, PROJECT, SETTINGS, STATE, Droplet, Person, Told

SERVED = f"{PROJECT}/tls/nginx/served.pem"
BALLAST, OLD_LOG = "/var/lib/bench-ballast", "/var/log/bench.log.1"
BALLAST_B = 2 << 30
HOG_MB = 300
DAY_S = 86400


@contextmanager
def full_disk(droplet: Droplet) -> Iterator[None]:
    """A file that passes the threshold, which is just above what is in use; and a log that nobody misses."""
    percent, size = droplet.disk()
    most = percent + 100 * BALLAST_B / size / 2
    droplet.run(f"fallocate -l 5M {OLD_LOG} && touch -d '-10 days' {OLD_LOG}")
    with droplet.settings(thresholds={"disk_percent": most}):
        droplet.run(f"fallocate -l {BALLAST_B} {BALLAST}")
        try:
            yield
        finally:
            droplet.run(f"rm {BALLAST}")


@contextmanager
def hog(droplet: Droplet) -> Iterator[None]:
    """A process that takes more than there is up to the threshold."""
    percent, total_mb = droplet.memory()
    most = percent + 100 * HOG_MB / total_mb / 2
    with droplet.settings(thresholds={"memory_percent": most}):
        program = f"import time; held = bytearray(b'x') * ({HOG_MB} << 20); time.sleep(600)"
        droplet.run(f'systemd-run --quiet --collect --unit bench-hog python3 -c "{program}"')
        try:
            yield
        finally:
            droplet.run("systemctl stop bench-hog.service")


@contextmanager
def failed_unit(droplet: Droplet) -> Iterator[None]:
    """A unit of systemd that fails."""
    droplet.host.run("systemd-run --quiet --wait --unit bench-failed false")
    try:
        yield
    finally:
        droplet.run("systemctl reset-failed bench-failed.service")


@contextmanager
def crashes(droplet: Droplet) -> Iterator[None]:
    """A service that is killed again and again, and comes back each time; an hour later it would be forgotten."""
    pid = "docker inspect -f '{{.State.Pid}}' planner-redis-1"
    for _ in range(4):
        droplet.run(f"kill -9 $({pid})")
        droplet.until("docker exec planner-redis-1 redis-cli -e ping >/dev/null 2>&1")
    try:
        yield
    finally:
        # Until the end of the scenario: what happened stays in the last hour.
        droplet.change(SETTINGS, "kept['thresholds']['restarts'] = 1000")


@contextmanager
def no_backups(droplet: Droplet) -> Iterator[None]:
    """A timer that somebody has stopped."""
    droplet.run("systemctl stop planner-backup.timer")
    try:
        yield
    finally:
        droplet.run("systemctl start planner-backup.timer")


@contextmanager
def old_certificate(droplet: Droplet) -> Iterator[None]:
    """A served certificate that ended some days ago."""
    pem = make_self_signed(["watch.test"], time.time() - (SELF_SIGNED_DAYS + 2) * DAY_S)
    droplet.run(f"cat >{SERVED} <<'END'\n{pem}\nEND")
    try:
        droplet.run("docker kill --signal HUP planner-nginx-1")
        yield
    finally:
        droplet.run("planner-tls keep")


@contextmanager
def wrong_webhook(person: Person) -> Iterator[None]:
    """Another deployment has taken the bot."""
    with person.telegram_says(url="https://elsewhere.test/telegram/webhook"):
        yield


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: about what a person is told, and some of the words."""

    harm: Callable[..., AbstractContextManager[None]]
    about: str
    words: tuple[str, ...]
    also: tuple[str, ...] = ()
    """What else it makes somebody tell."""


TROUBLES = {
    "disk": Trouble(
        full_disk,
        "disk /",
        (" % full, most: ", "Do: sudo planner-watch clean"),
        ("disk /var/lib/docker", "CLEANED"),
    ),
    "memory": Trouble(hog, "memory machine", ("MiB of memory are in use (", "Do: see `systemd")),
    "unit": Trouble(failed_unit, "unit bench-failed.service", ("has failed", "Do: journalctl -u ")),
    "restarts": Trouble(
        crashes,
        "restarts redis",
        ("Docker restarted it 4 x", "Do: read `docker logs planner-redis"),
    ),
    "backups": Trouble(
        no_backups,
        "backup-timer planner-backup.timer",
        ("it does not run", "Do: systemctl enable --now planner-backup.timer"),
    ),
    "certificate": Trouble(
        old_certificate,
        "certificate-time certificate",
        ("it ended ", "Do: planner-tls keep"),
        # The old one may be on the disk while nginx' workers serve the other.
        ("certificate-signed certificate", "certificate-served certificate"),
    ),
    "webhook": Trouble(
        wrong_webhook,
        "webhook",
        ("Telegram calls elsewhere.test instead of https://watch.test/", "Do: planner-tls keep"),
    ),
}


@pytest.fixture(scope="module")
def provoked(droplet: Droplet, person: Person) -> Told:
    """Do all the harm at once, wait until it was told, mend it, wait until that was told; return what was told."""
    told = Told(droplet, person)
    abouts = {one.about for one in TROUBLES.values()}
    told.expected = abouts | {about for one in TROUBLES.values() for about in one.also}

    def wait(label: str, looks: int) -> None:
        for _ in range(looks):
            if abouts <= {one.about for one in told.by() if one.label == label}:
                return
            droplet.look(thorough=True)

    with ExitStack() as stack:
        for one in TROUBLES.values():
            # What is done to Telegram, and what is done to the Droplet.
            stack.enter_context(one.harm(person if one.harm is wrong_webhook else droplet))
        wait("PROBLEM", 15)
    wait("RECOVERED", 20)
    for _ in range(3):
        droplet.look(thorough=True)
    return told


@pytest.mark.parametrize("name", TROUBLES)
def test_told_once(provoked, name) -> None:
    """Each channel has it once, with its number and what to do, and once that it is over."""
    trouble = TROUBLES[name]
    for channel in CHANNELS:
        labels = provoked.labels(trouble.about, channel)
        assert labels == ["PROBLEM", "RECOVERED"], (channel, provoked.by(channel))
    (said,) = [
        one.said for one in provoked.by() if (one.label, one.about) == ("PROBLEM", trouble.about)
    ]
    for word in trouble.words:
        assert word in said


def test_nothing_else_was_told(provoked) -> None:
    """Nothing but that was told, and nothing stands any more."""
    provoked.judge()


def test_cleaned(provoked, host) -> None:
    """A disk that is full is cleaned by itself of what nobody misses, and it is told what went."""
    assert not host.file(OLD_LOG).exists
    (cleaned,) = [one for one in provoked.by() if one.label == "CLEANED"]
    assert " % full now" in cleaned.said
    assert "rotated logs, 5.0 MiB" in cleaned.said


def test_not_ready(told, droplet, outside) -> None:
    """A database that lacks what the product needs is told by what visitors see: it is not ready, requests fail."""
    names = ("tasks", "alembic_version")
    for name in names:
        droplet.psql(f"ALTER TABLE {name} RENAME TO {name}_gone")
    try:
        for number in range(6):
            assert outside.message(outside.new_update_id() + number, "buy milk").status == 503
        said = told.until("PROBLEM", "ready product").said
        assert "is not ready: /health/ready answers 503" in said
        said = told.until("PROBLEM", "errors nginx").said
        assert " requests failed in the last 5 min, most: 5 %" in said
    finally:
        for name in names:
            droplet.psql(f"ALTER TABLE {name}_gone RENAME TO {name}")
    outside.until_ready()
    told.until("RECOVERED", "ready product")
    # Among many good answers the bad ones of these minutes are few.
    for _ in range(200):
        assert outside.request("/").status == 200
    told.until("RECOVERED", "errors nginx")


def test_stopped(told, droplet) -> None:
    """A service that is down is started again by itself, with nobody's help but the timer's, and that is told."""
    droplet.run("docker stop planner-redis-1")
    said = told.waits_for("PROBLEM", "heal redis").said
    assert re.match(r"was exited \(0\): restarted \(\d of 5 in 6 h\)", said)
    droplet.until("docker exec planner-redis-1 redis-cli -e ping >/dev/null 2>&1")
    told.waits_for("RECOVERED", "heal redis")
    assert told.labels("state redis") == []


@pytest.mark.thorough
def test_hangs(told, droplet) -> None:
    """A service that hangs runs for Docker; it becomes unhealthy and is restarted."""
    begun = droplet.run("docker inspect -f '{{.State.StartedAt}}' planner-redis-1")
    droplet.run("kill -STOP $(docker inspect -f '{{.State.Pid}}' planner-redis-1)")
    told.expected |= {
        "ready product",
        "errors nginx",
        "state redis",
        "state backend",
        "heal backend",
    }
    said = told.waits_for("PROBLEM", "heal redis", 300).said
    assert "was unhealthy: restarted" in said
    assert droplet.run("docker inspect -f '{{.State.StartedAt}}' planner-redis-1") != begun
    told.waits_for("RECOVERED", "heal redis", 120)


@pytest.mark.thorough
def test_clock(told, droplet) -> None:
    """On a machine whose clock nobody keeps right that is told; a container, as the bench's, has its host's clock."""
    assert "time clock" not in [
        f"{one['check']} {one['subject']}" for one in droplet.status()["alerts"]
    ]
    # What the outer machine's kernel has killed is counted as this one's then.
    told.expected.add("oom machine")
    droplet.run("touch /run/bench-empty && mount --bind /run/bench-empty /run/systemd/container")
    try:
        droplet.host.run("systemctl stop systemd-timesyncd")
        said = told.until("PROBLEM", "time clock", thorough=True).said
        assert "nothing keeps the clock right" in said
        assert "systemctl enable --now systemd-timesyncd" in said
    finally:
        droplet.run("umount /run/systemd/container")
        # Whether the outer machine's clock is right is not the bench's to say, so nothing here makes it well again.
        gone = "{'time/clock', 'oom/machine'}"
        alerts = "kept['alerts']['alerts']"
        droplet.change(STATE, f"for key in {gone} & set({alerts}): {alerts}.pop(key)")
    for channel in CHANNELS:
        assert told.labels("time clock", channel) == ["PROBLEM"]
    told.since = time.time()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "telegram, words",
    [
        ({"pending_update_count": 51}, "51 messages wait for delivery, most: 50"),
        ({"last_error_message": "Connection timed out"}, "Telegram cannot deliver, it says"),
    ],
    ids=["pending", "error"],
)
def test_webhook(told, person, telegram, words) -> None:
    """What Telegram cannot deliver is told too, in its own words."""
    with person.telegram_says(**telegram):
        assert words in told.until("PROBLEM", "webhook", thorough=True).said
    told.until("RECOVERED", "webhook", thorough=True)


@pytest.mark.thorough
def test_old_backup(told, droplet) -> None:
    """A last good backup that is older than the timer makes one is told, and the next one ends that."""
    droplet.run("systemctl start planner-backup.service")
    log = f"{PROJECT}/backup/log.jsonl"
    droplet.run(f"cp -p {log} /root/log.jsonl")
    # As if four days had gone by since.
    older = (
        "import datetime, json\n"
        f"path = '{log}'\nrecords = [json.loads(line) for line in open(path)]\n"
        "for one in records:\n"
        "    for name in ('made', 'ended'):\n"
        "        if one.get(name):\n"
        "            then = datetime.datetime.fromisoformat(one[name]) - datetime.timedelta(days=4)\n"
        "            one[name] = then.strftime('%Y-%m-%dT%H:%M:%SZ')\n"
        "open(path, 'w').writelines(json.dumps(one) + chr(10) for one in records)\n"
    )
    droplet.run(f"python3 - <<'END'\n{older}END")
    try:
        said = told.until("PROBLEM", "backup backups", thorough=True).said
        assert "one is due every" in said
        droplet.run("systemctl start planner-backup.service")
        told.until("RECOVERED", "backup backups", thorough=True)
    finally:
        droplet.run(f"cp -p /root/log.jsonl {log}")
