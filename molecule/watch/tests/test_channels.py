"""Who is told when telling fails: the other channels, the outside service, and afterwards everybody."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from .conftest import CHANNELS, CYCLE_S, KEPT, STATE

# What the program calls its channels.
NAMES = {"telegram": "telegram", "webhook": "alert_url", "mail": "email"}


@pytest.mark.thorough(but={"telegram"})
@pytest.mark.parametrize("channel", CHANNELS)
def test_channel_down(told, droplet, person, broken_unit, channel) -> None:
    """The others tell of the problem and of the channel, the outside service hears it; later nothing is lost."""
    others = [one for one in CHANNELS if one != channel]
    broken = f"alerts {NAMES[channel]}"
    with person.without(channel):
        about = broken_unit()
        for other in others:
            told.until("PROBLEM", about, channel=other)
        assert told.by(channel) == []
        # Some minutes later; the first failures were a hiccup.
        droplet.time_passes(700)
        said = told.until("PROBLEM", broken, channel=others[0]).said
        assert "has failed for 1" in said
        assert "what-nobody-else-knows" not in said
        assert "123456:bench" not in said
        pinged = person.pings()[-1]
        assert pinged["path"].endswith("/fail")
        assert droplet.status()["channels"][NAMES[channel]]["severity"] == "problem"
    droplet.time_passes(3600)
    told.until("RECOVERED", broken, channel=channel)
    # In the order in which it happened, each once: the fixture counts.
    assert [one.about for one in told.by(channel)][:2] == [about, broken]
    droplet.run("systemctl reset-failed 'bench-broken-*'")
    told.until("RECOVERED", about)
    assert not person.pings()[-1]["path"].endswith("/fail")


@pytest.mark.thorough
@pytest.mark.parametrize("how", [{"status": 500}, {"delay_s": 12}], ids=["error", "slow"])
def test_channel_fails_otherwise(told, droplet, person, broken_unit, how) -> None:
    """A channel that answers with an error, or not in time, is tried again; the look ends all the same."""
    about = broken_unit()
    with person.without("webhook", **how):
        told.until("PROBLEM", about, channel="mail")
        assert droplet.status()["waiting"] > 0
    # What was too slow for the Droplet may have arrived all the same: rather twice than never.
    told.repeated.add(about)
    droplet.time_passes(400)
    droplet.run("systemctl reset-failed 'bench-broken-*'")
    told.until("RECOVERED", about, channel="webhook")


def test_outside_service(droplet, person) -> None:
    """It is called with each look while all is well."""
    before = len(person.pings())
    droplet.look()
    (*_, last) = person.pings()
    assert len(person.pings()) > before
    assert last["path"] == "/ping/what-only-the-droplet-knows"


@pytest.mark.thorough
def test_outside_service_down(told, droplet, person) -> None:
    """Where it does not answer, that is no alarm, and status tells it."""
    assert told.by() == []
    with person.without("ping"):
        droplet.look()
        pinged = droplet.status()["pinged"]
        assert not pinged["ok"]
        assert pinged["why"]
        assert "what-only-the-droplet-knows" not in pinged["why"]
    droplet.look()
    assert droplet.status()["pinged"]["ok"]


def hours(begin: dt.timedelta, end: dt.timedelta) -> str:
    """Write quiet hours from and until so much from now, by UTC."""
    now = dt.datetime.now(dt.UTC)
    return f"{now + begin:%H:%M}-{now + end:%H:%M}"


def test_quiet_hours(told, droplet, broken_unit) -> None:
    """What can wait is held and comes as one message at their end, what cannot comes at once."""
    night = hours(dt.timedelta(hours=-1), dt.timedelta(hours=2))
    day = hours(dt.timedelta(hours=2), dt.timedelta(hours=3))
    with droplet.settings(quiet_hours=night, timezone="UTC"):
        about = broken_unit()
        for _ in range(4):
            droplet.look()
        assert told.by() == []
        assert about in droplet.found(), "it is seen all the same"
        droplet.psql("ALTER TABLE alembic_version RENAME TO alembic_gone")
        try:
            told.until("PROBLEM", "ready product")
        finally:
            droplet.psql("ALTER TABLE alembic_gone RENAME TO alembic_version")
        told.until("RECOVERED", "ready product")
        assert told.labels(about) == []
    with droplet.settings(quiet_hours=day, timezone="UTC"):
        told.until("PROBLEM", about)
    (digest,) = [text for _, text in told.person.texts("telegram") if "DIGEST" in text][-1:]
    assert "DIGEST droplet: 1 in the quiet hours, 1 of them not over" in digest
    droplet.run("systemctl reset-failed 'bench-broken-*'")
    told.until("RECOVERED", about)


@pytest.mark.thorough
def test_hush(told, droplet, broken_unit) -> None:
    """While somebody works on the machine nothing is told, and it says until when; then what stands is told."""
    ran = droplet.program("hush", "5")
    assert (ran.rc, "Nothing is told until " in ran.stdout) == (0, True)
    about = broken_unit()
    for _ in range(4):
        droplet.look()
    assert told.by() == []
    assert droplet.status()["hushed_until"] > time.time()
    assert droplet.program("hush", "0").stdout == "All is told again.\n"
    told.until("PROBLEM", about)
    droplet.run("systemctl reset-failed 'bench-broken-*'")
    told.until("RECOVERED", about)


def test_test_message(droplet, person) -> None:
    """Its owner can try all channels."""
    begun = time.time()
    ran = droplet.program("test")
    assert (ran.rc, ran.stdout) == (0, "telegram: sent\nalert_url: sent\nemail: sent\n")
    for channel in CHANNELS:
        (heard,) = person.heard(channel, begun)
        assert heard.said == "TEST droplet: messages of planner-watch arrive here"
    (chat,) = [one["chat"] for one in person.ask()["telegram"] if one["at"] >= begun]
    (posted,) = [one["body"] for one in person.ask()["webhook"] if one["at"] >= begun]
    (mail,) = [one for one in person.ask()["mail"] if one["at"] >= begun]
    assert chat == "42"
    assert (posted["host"], posted["kind"], posted["severity"]) == ("droplet", "test", "ok")
    assert (mail["sender"], mail["receivers"]) == ("droplet@planner.test", ["owner@planner.test"])
    assert mail["subject"] == posted["title"]


def test_killed_while_it_sends(told, droplet, person, broken_unit) -> None:
    """A look that is killed while a message is on its way loses none."""
    droplet.run("systemctl stop planner-watch.timer")
    about = broken_unit()
    told.repeated.add(about)
    droplet.look()
    with person.without("telegram", delay_s=5):
        droplet.run("systemctl start --no-block planner-watch.service")
        droplet.until(f"grep -q '\"waiting\": \\[{{' {STATE}")
        droplet.run("systemctl kill --signal=KILL planner-watch.service")
    droplet.run("systemctl start planner-watch.timer")
    droplet.time_passes(400)
    for channel in CHANNELS:
        told.until("PROBLEM", about, channel=channel)
    for channel in CHANNELS[1:]:
        assert told.labels(about, channel) == ["PROBLEM"], "it was not begun to be sent"
    droplet.run("systemctl reset-failed 'bench-broken-*'")
    told.until("RECOVERED", about)


@pytest.mark.parametrize(
    "damage",
    [
        "echo garbage >",
        pytest.param("truncate -s 300 ", marks=pytest.mark.thorough),
        pytest.param('echo \'{"alerts": 7, "outbox": []}\' >', marks=pytest.mark.thorough),
        pytest.param(": >", marks=pytest.mark.thorough),
    ],
)
def test_damaged_state(told, droplet, damage) -> None:
    """What it remembers is damaged: it says so, and goes on with a new one."""
    assert told.by() == []
    droplet.run(f"systemctl stop planner-watch.timer; flock {KEPT}/lock true; {damage}{STATE}")
    ran = droplet.program("look")
    assert ran.rc == 0, ran.stdout + ran.stderr
    assert "what was known is damaged or of another version: it begins anew" in ran.stderr
    droplet.run("systemctl start planner-watch.timer")
    ran = droplet.program("look")
    assert (ran.rc, ran.stderr) == (0, "")


def test_damaged_settings(droplet, host) -> None:
    """Without its settings it does nothing and says what to do."""
    settings = f"{KEPT}/settings.json"
    host.check_output(f"systemctl stop planner-watch.timer && mv {settings} /root/settings.json")
    try:
        ran = droplet.program("look")
        assert f"{settings} is missing. Do: run playbooks/site.yml" in ran.stderr
    finally:
        host.check_output(
            f"mv /root/settings.json {settings} && systemctl start planner-watch.timer"
        )


@pytest.mark.thorough
def test_nobody_looks(told, droplet, host) -> None:
    """Where nobody looks for minutes, Monit says so once."""
    checks = "/etc/monit/conf.d/planner"
    # So that it takes less than the five minutes.
    droplet.run(f"cp -p {checks} /root/ && sed -i 's/> 5 minutes/> 20 seconds/' {checks}")
    droplet.run("systemctl stop planner-watch.timer && monit reload")
    try:
        about = "nobody has looked for minutes, so nothing else is told"
        told.waits_for("PROBLEM", about)
        time.sleep(35)  # of Monit's next round
    finally:
        droplet.run(f"cp -p /root/planner {checks}")
        droplet.run("systemctl start planner-watch.timer && monit reload")
    for channel in CHANNELS:
        assert told.labels(about, channel) == ["PROBLEM"]
    assert host.service("monit").is_running
    told.since = time.time()


@pytest.mark.thorough
def test_monit_killed(told, droplet) -> None:
    """Monit comes back by itself."""
    before = droplet.run("cat /run/monit.pid")
    droplet.run(f"kill -9 {before}")
    droplet.until(f"test $(cat /run/monit.pid) != {before} && kill -0 $(cat /run/monit.pid)")
    told.expected.add("monit machine")


@pytest.mark.thorough
def test_monit_gone(told, droplet) -> None:
    """Where it does not, planner-watch says so: each looks after the other."""
    droplet.run("systemctl stop monit")
    try:
        assert "it does not run" in told.until("PROBLEM", "monit machine").said
    finally:
        droplet.run("systemctl start monit")
    told.until("RECOVERED", "monit machine")


@pytest.mark.thorough
def test_cycle(droplet, person) -> None:
    """The timer has it looked as often as the owner wishes."""
    begun = time.time()
    time.sleep(3.5 * CYCLE_S)
    assert 2 <= len(person.pings(begun)) <= 4
    assert droplet.status()["cycle_s"] == CYCLE_S
