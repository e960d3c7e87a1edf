"""Sandboxes of systemd: what outside judge systemd-analyze says before and after, and that each unit still works."""

from __future__ import annotations

import re
import time

import pytest
from testinfra.host import Host

ABOVE = 3.0
DROP_IN = "/etc/systemd/system/{}.d/60-planner-sandbox.conf"
# What Debian ships, made tighter; sshd and containerd have no sandbox, because logins and containers would inherit it.
PACKAGED = ("cron.service", "docker.service", "fail2ban.service")


def exposure(host: Host, unit: str) -> float:
    """Ask the judge about a unit as systemd runs it."""
    shown = host.check_output("LC_ALL=C systemd-analyze security --no-pager %s", unit)
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", shown)
    assert found, shown
    return float(found[1])


def without_sandbox(host: Host, units: list[str]) -> dict[str, float]:
    """Ask again with our drop-ins out of the way; they are back afterwards."""
    files = " ".join(DROP_IN.format(unit) for unit in [*PACKAGED, "planner-.service"])
    hide = f"for file in {files}; do mv $file $file.off; done; systemctl daemon-reload"
    show = f"for file in {files}; do mv $file.off $file; done; systemctl daemon-reload"
    try:
        host.check_output(hide)
        return {unit: exposure(host, unit) for unit in units}
    finally:
        host.check_output(show)


def of_ours(host: Host) -> list[str]:
    """Every service that the product brought, also one that no test knows."""
    listed = host.check_output(
        "systemctl list-unit-files --no-legend --no-pager 'planner-*.service'"
    )
    return sorted(line.split()[0] for line in listed.splitlines())


def test_exposure(host: Host):
    """Each of our units is below 3.0; each packaged one is tighter than it came."""
    ours = of_ours(host)
    assert {"planner-stack.service", "planner-reboot.service"} <= set(ours)
    shown = host.check_output("systemctl show -p LoadState --value " + " ".join(PACKAGED)).split()
    there = [unit for unit, state in zip(PACKAGED, shown, strict=True) if state == "loaded"]
    assert "docker.service" in there
    after = {unit: exposure(host, unit) for unit in [*ours, *there]}
    before = without_sandbox(host, [*ours, *there])
    print("\nunit                             before  after")
    for unit, value in after.items():
        print(f"{unit:<32} {before[unit]:>6} {value:>6}")
    assert {unit: value for unit, value in after.items() if unit in ours and value >= ABOVE} == {}
    assert [unit for unit in there if after[unit] >= before[unit]] == []


def test_sandbox_is_real(host: Host):
    """A unit by the name of ours has no privilege, cannot write the system, and sees nobody's home."""
    script = (
        "grep CapEff /proc/self/status; touch /etc/probe /usr/probe; ls -A /root; "
        "chown 1 /tmp; unshare --mount true; date --set @0; exit 0"
    )
    done = host.run(
        "systemd-run --quiet --wait --pipe --unit=planner-probe sh -c %s 2>&1", script
    ).stdout
    assert "CapEff:\t0000000000000000" in done
    for refused in (
        "touch: cannot touch '/etc/probe'",
        "touch: cannot touch '/usr/probe'",
        "chown: changing ownership of '/tmp': Operation not permitted",
        "unshare: unshare failed: Operation not permitted",
        "date: cannot set date",
    ):
        assert refused in done, done
    assert ".ssh" not in done


def test_the_stack_still_starts(host: Host, outside):
    """A container that stayed down is brought back by our unit from inside of its sandbox."""
    redis = host.check_output(
        "docker ps -q --filter label=com.docker.compose.service=redis --no-trunc"
    )
    host.check_output(f"docker stop {redis}")
    host.check_output("systemctl restart planner-stack.service")
    for _ in range(30):
        running = host.check_output(f"docker inspect -f '{{{{.State.Running}}}}' {redis}")
        if running == "true":
            break
        time.sleep(1)
    assert running == "true"
    shown = host.check_output("systemctl show -p Result --value planner-stack.service")
    assert shown == "success"
    outside.until_ready()


def test_docker_still_works(host: Host):
    """A container is built, run with a limit, a volume and a network, and reaches another one by its name."""
    image = host.check_output(
        "docker inspect -f '{{.Image}}' $(docker ps -q --filter label=com.docker.compose.service=nginx)"
    )
    try:
        host.check_output("docker network create probe && docker volume create probe")
        common = "--network probe --memory 32m --entrypoint sh"
        host.check_output(
            f"docker run -d --name probe-a -v probe:/v {common} {image} -c 'sleep 60'"
        )
        host.check_output(
            f"docker run --rm -v probe:/v {common} {image} -c 'getent hosts probe-a && touch /v/x'"
        )
        assert host.check_output("docker exec probe-a ls /v") == "x"
        # What dockerd does not have it cannot give away.
        clock = host.run(f"docker run --rm --cap-add SYS_TIME {common} {image} -c true")
        assert clock.rc != 0
    finally:
        host.run("docker rm -f probe-a; docker network rm probe; docker volume rm probe")


@pytest.mark.parametrize("unit", ["fail2ban", "cron"])
def test_daemons_still_run(host: Host, unit: str):
    """With its sandbox the daemon starts and stays; that bans work is another test's."""
    if host.run(f"systemctl cat {unit}").rc != 0:
        pytest.skip(f"{unit} is not installed")
    host.check_output(f"systemctl restart {unit}")
    time.sleep(3)
    assert host.check_output(f"systemctl is-active {unit}") == "active"


def test_fail2ban_answers(host: Host):
    """Its server is reached through its socket, and writes where it must."""
    if host.run("systemctl cat fail2ban").rc != 0:
        pytest.skip("fail2ban is not installed")
    assert host.check_output("fail2ban-client ping") == "Server replied: pong"
