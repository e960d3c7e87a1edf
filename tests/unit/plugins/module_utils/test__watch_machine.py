"""Services and machine, as a look sees them each minute."""

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_machine as watched
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight

from tests.unit.drift_fixtures import container, usage
from tests.unit.look_bench import MINUTE, NOW, Host, severities, told

PRESSURE = (
    "some avg10=0.00 avg60={} avg300=0.00 total=1\nfull avg10=0.00 avg60={} avg300=0.00 total=1\n"
)
MOUNT = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
DAY = 86400.0


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host without commands."""
    return Host(tmp_path, monkeypatch)


@pytest.fixture
def look(host: Host, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Look at the services some minutes after the first look, with what was measured."""

    def call(seen: dict[str, Any], minute: float = 0, **how: Any) -> dict[str, str]:
        monkeypatch.setattr(watched, "read_usage", lambda *_: seen)
        return severities(watched.services(host.sight(NOW + minute * MINUTE, **how)))

    return call


def test_healthy(look: Callable[..., dict[str, str]]) -> None:
    """Everything that status.yml judges is judged, and all of it is good."""
    found = look(usage())
    assert set(found.values()) == {OK}
    assert {"state/backend", "use/postgres", "limit/redis", "pressure/machine"} <= set(found)
    assert found["memory/machine"] == OK


def test_real_machine(host: Host) -> None:
    """Without Docker the machine is judged all the same, from the kernel's own files."""
    host.file("/proc/meminfo", "MemTotal: 990208 kB\nMemAvailable: 512000 kB\n")
    sight = host.sight()
    found = severities(watched.services(sight))
    assert found["docker/docker"] == PROBLEM
    assert found["memory/machine"] == OK
    assert sight.samples == {"used_mb": 467}


def test_nothing_can_be_read(host: Host) -> None:
    """What could not be read is unknown."""
    assert severities(watched.services(host.sight()))["memory/machine"] == UNKNOWN


@pytest.mark.parametrize("busy, expected", [(False, PROBLEM), (True, None)])
def test_under_way(
    look: Callable[..., dict[str, str]], *, busy: bool, expected: str | None
) -> None:
    """During an event nobody says that a container that starts is ill, but its kills still count."""
    ill = container("backend", health="unhealthy", oom_kills=1)
    found = look(usage(ill), busy=busy)
    assert found.get("state/backend") == expected
    assert found["oom/backend"] == PROBLEM


def test_a_kill_is_told_once(look: Callable[..., dict[str, str]]) -> None:
    """Its counter stays until the container is replaced; after an hour it is only a warning, a new kill is news."""
    kills = [(0, 1), (59, 1), (61, 1), (62, 2), (123, 2), (124, 0)]
    found = [look(usage(container("redis", oom_kills=n)), at)["oom/redis"] for at, n in kills]
    assert found == [PROBLEM, PROBLEM, WARNING, PROBLEM, WARNING, OK]


@pytest.mark.parametrize(
    "seen, subject",
    [
        (usage(container("redis", oom_events=1)), "redis"),
        (usage(kernel_log=[{"process": "x", "service": "redis", "at_limit": True}]), "redis"),
        (usage(kernel_log=[{"process": "x", "service": "", "at_limit": False}]), "machine"),
    ],
)
def test_a_kill_within_the_hour(
    look: Callable[..., dict[str, str]], seen: dict[str, Any], subject: str
) -> None:
    """What was read with its time is of the last hour."""
    assert [look(seen, at)[f"oom/{subject}"] for at in (0, 61, 122)] == [PROBLEM] * 3


def test_kills_without_a_log(look: Callable[..., dict[str, str]]) -> None:
    """Where the kernel's log cannot be read its counter tells."""
    seen = usage(machine={"oom_kills_since_boot": 2}, kernel_log=None)
    assert [look(seen, at)["oom/machine"] for at in (0, 61)] == [PROBLEM, WARNING]


@pytest.mark.parametrize(
    "restarts, severity", [([3], WARNING), ([4], PROBLEM), ([1, 3, 4], PROBLEM), ([0, 3], WARNING)]
)
def test_restarts(look: Callable[..., dict[str, str]], restarts: list[int], severity: str) -> None:
    """More than three within an hour."""
    found = [
        look(usage(container("backend", restarts=n)), at)["restarts/backend"]
        for at, n in enumerate(restarts)
    ]
    assert found[-1] == severity


def test_killed_and_restarted(look: Callable[..., dict[str, str]]) -> None:
    """Ends by a kill count as restarts, whoever restarted it."""
    seen = usage(container("backend", exit_codes=[137] * 4))
    assert look(seen)["restarts/backend"] == PROBLEM


@pytest.mark.parametrize(
    "machine, wish, check, severity",
    [
        ({"available_mb": 90.0}, {}, "memory", PROBLEM),
        ({"available_mb": 100.0}, {}, "memory", OK),
        ({"available_mb": 300.0}, {"memory_percent": 50}, "memory", PROBLEM),
        ({"swap_used_mb": 400.0}, {}, "swap", WARNING),
        ({"swap_used_mb": 400.0}, {"swap_percent": 30}, "swap", PROBLEM),
        ({"swap_used_mb": 800.0}, {"swap_percent": 90}, "swap", PROBLEM),
        ({"swap_used_mb": None}, {"swap_percent": 1}, "swap", UNKNOWN),
    ],
)
def test_memory_and_swap(
    look: Callable[..., dict[str, str]],
    machine: dict[str, Any],
    wish: dict[str, float],
    check: str,
    severity: str,
) -> None:
    """The owner's thresholds, beside what the plan says of the swap."""
    found = look(usage(machine=machine), thresholds=wish)
    assert found[f"{check}/machine"] == severity


def test_samples(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the history keeps of the memory."""
    monkeypatch.setattr(watched, "read_usage", lambda *_: usage())
    sight = host.sight()
    watched.services(sight)
    assert sight.samples == {"used_mb": 307, "swap_mb": 10}


@pytest.mark.parametrize(
    "some, full, cpu, io",
    [(80, 40, OK, OK), (81, 40, PROBLEM, OK), (80, 41, OK, PROBLEM), (99, 99, PROBLEM, PROBLEM)],
)
def test_pressure(host: Host, some: int, full: int, cpu: str, io: str) -> None:
    """Some tasks that wait for the processor, all that wait for the disk."""
    for kind in ("cpu", "io"):
        host.file(f"/proc/pressure/{kind}", PRESSURE.format(some, full))
    expected = {"pressure-cpu/machine": cpu, "pressure-io/machine": io}
    assert severities(watched.pressure(host.sight())) == expected


def test_pressure_inside_a_container(host: Host) -> None:
    """A machine that is a container has its own numbers, or none: nothing can be done about that."""
    host.file("/run/systemd/container", "docker\n")
    host.file("/proc/pressure/cpu", PRESSURE.format(99, 99))
    found = list(watched.pressure(host.sight()))
    assert [(one.severity, one.do) for one in found] == [(UNKNOWN, "")] * 2
    host.file("/proc/self/mountinfo", MOUNT)
    host.file("/sys/fs/cgroup/cgroup.controllers", "memory\n")
    host.file("/sys/fs/cgroup/cpu.pressure", PRESSURE.format(81, 0))
    assert severities(watched.pressure(host.sight()))["pressure-cpu/machine"] == PROBLEM


def test_pressure_not_told(host: Host) -> None:
    """A kernel that does not tell can be booted so that it does."""
    assert {one.do for one in watched.pressure(host.sight())} == {"boot with psi=1"}


def test_disk(host: Host, tmp_path: Path) -> None:
    """As df has it; a folder on the same file system, or none, is not told twice."""
    sight = host.sight()
    paths = (str(tmp_path), str(host.root), str(tmp_path / "none"))
    found = list(watched.disk(sight, paths))
    assert {one.subject for one in found} == {str(tmp_path)}
    df = os.popen(f"/usr/bin/env PATH=/usr/bin:/bin df --output=pcent {tmp_path}").read()  # noqa: S605
    assert sight.samples["disk_percent"] == pytest.approx(int(df.split()[1].rstrip("%")), abs=1)


@pytest.mark.parametrize("least, severity", [(0, PROBLEM), (100, OK)])
def test_disk_full(host: Host, tmp_path: Path, least: int, severity: str) -> None:
    """More than is bearable is a problem that the program itself can ease."""
    sight = host.sight(thresholds={"disk_percent": least, "inodes_percent": least})
    (tmp_path / "file").touch()
    for one in watched.disk(sight, (str(tmp_path),)):
        assert one.severity == severity
        assert one.do == (watched.CLEAN if severity == PROBLEM else "")


@pytest.mark.parametrize(
    "listed, expected",
    [
        ("", {"unit/systemd": OK}),
        ("planner-backup.service loaded failed failed x", {"unit/systemd": OK}),
        (
            "a.service loaded failed failed A\nb.mount loaded failed failed B\ncertbot.service loaded failed failed C",
            {"unit/a.service": PROBLEM, "unit/b.mount": PROBLEM},
        ),
    ],
)
def test_units(host: Host, listed: str, expected: dict[str, str]) -> None:
    """Each unit that has failed, but for those whose runs are judged with the product."""
    host.prints("systemctl", listed)
    assert severities(watched.units(host.sight())) == expected


def clock(host: Host, active: Iterable[str], synced: str, code: int = 0) -> Finding:
    """Judge the clock of a host where these services are active."""
    states = ["active" if name in set(active) else "inactive" for name in watched.TIME_SERVICES]
    host.prints("systemctl", "\n".join(states), code)
    host.prints("timedatectl", synced)
    (found,) = watched.time_sync(host.sight())
    return found


@pytest.mark.parametrize(
    "active, synced, severity",
    [
        (["systemd-timesyncd"], "yes", OK),
        (["chrony", "chronyd"], "yes", OK),
        (["chrony"], "no", PROBLEM),
        (["chrony"], "", UNKNOWN),
        ([], "yes", PROBLEM),
    ],
)
def test_clock(host: Host, active: list[str], synced: str, severity: str) -> None:
    """Something keeps it, and the kernel says that it is right."""
    found = clock(host, active, synced, 0 if active else 3)
    assert (found.severity, bool(found.do)) == (severity, severity != OK)


def test_clock_of_a_container(host: Host) -> None:
    """Its clock is the outer machine's, unless something here keeps it."""
    host.file("/run/systemd/container", "lxc\n")
    found = clock(host, [], "no", 3)
    assert (found.severity, found.do) == (UNKNOWN, "")
    assert clock(host, ["chrony"], "no").severity == PROBLEM


def test_reboot(host: Host) -> None:
    """Each upgrade writes the mark anew: the time runs from the first one, until the restart."""
    assert severities(watched.reboot(host.sight())) == {"reboot/restart": OK}
    mark = host.file("/run/reboot-required")

    def after(days: float) -> Finding:
        (found,) = watched.reboot(host.sight(NOW + days * DAY))
        return found

    os.utime(mark, (NOW, NOW))
    assert after(2.9).severity == OK
    os.utime(mark, (NOW + 3 * DAY, NOW + 3 * DAY))
    found = after(3.1)
    assert found.severity == PROBLEM
    assert found.what == "an upgrade has been waiting for one for 3 days, most: 3"
    mark.unlink()
    assert after(3.2).severity == OK
    mark.touch()
    os.utime(mark, (NOW + 4 * DAY, NOW + 4 * DAY))
    assert after(5).severity == OK


def database(path: Path, banned: Iterable[tuple[str, float]]) -> str:
    """Write what fail2ban writes: jails and times of bans."""
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL)")
        rows = [(jail, "203.0.113.5", int(at)) for jail, at in banned]
        made.executemany("INSERT INTO bans VALUES (?, ?, ?)", rows)
    return str(path)


@pytest.mark.parametrize("many, severity", [(2, OK), (3, PROBLEM)])
def test_bans(host: Host, tmp_path: Path, many: int, severity: str) -> None:
    """Those of the last hour, of all jails; the busiest jail is named."""
    host.command("fail2ban-client", "")
    old = [("sshd", NOW - 3601)] * 9
    path = database(
        tmp_path / "db", [*old, ("nginx", NOW - 10), *[("sshd", NOW - 3000)] * (many - 1)]
    )
    (found,) = watched.bans(host.sight(thresholds={"bans_per_hour": 2}), path)
    assert (found.severity, found.subject) == (severity, "fail2ban")
    assert found.what.startswith(f"{many} bans in the last hour")
    assert ("status sshd" in found.do) == (severity == PROBLEM)


def test_bans_not_known(host: Host, tmp_path: Path) -> None:
    """Without fail2ban there is nothing to judge; without its database that is told by the look."""
    path = str(tmp_path / "none")
    assert list(watched.bans(host.sight(), path)) == []
    host.command("fail2ban-client", "")
    with pytest.raises(sqlite3.OperationalError):
        list(watched.bans(host.sight(), path))
    assert not Path(path).exists()


@pytest.mark.parametrize("part", [watched.units, watched.time_sync])
def test_no_systemd(host: Host, part: Callable[[Sight], Iterable[Finding]]) -> None:
    """A systemd that does not answer says nothing good."""
    host.command("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    with pytest.raises(Exception, match="systemctl"):
        list(part(host.sight()))
    assert told([]) == {}
