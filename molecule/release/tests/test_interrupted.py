"""A release that is cut off anywhere: the product serves, and the next run finishes or repairs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .conftest import LOCK, RELEASING, RUNNING, SOON

# Where a release is killed, one run after the other: what on the Droplet tells that it is there, and seconds more.
CUTS = {
    "the new version starts": (f"test -e {RUNNING}", 2),
    "nginx is switched": ("""grep -q '"live": ""' /opt/planner/state.json""", 0),
    "the old version drains": ("""grep -q '"live": "[^"]' /opt/planner/state.json""", 0.5),
}


@pytest.fixture
def begun(releases, playbook_command) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that begins a release and returns once the Droplet works on it."""
    started: list[subprocess.Popen[str]] = []

    def begin(reference: str, *options: str) -> subprocess.Popen[str]:
        process = started_one(playbook_command, reference, *options)
        started.append(process)
        deadline = time.monotonic() + 120
        while releases.host.run(RELEASING).rc != 0:
            assert time.monotonic() < deadline, "the release did not begin"
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.2)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def started_one(
    playbook_command: Callable[..., list[str]], reference: str, *options: str
) -> subprocess.Popen[str]:
    """Start deploy.yml and do not wait."""
    return subprocess.Popen(
        playbook_command("deploy", "-e", f"droplet_image={reference}", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finishes(releases, reference: str, version: str) -> None:
    """The next run brings the host to what was wished."""
    releases.must(releases.deploy(reference))
    assert releases.version == version
    releases.settled()


@pytest.mark.thorough
def test_ansible_killed_then_two_at_once(releases, image, begun, playbook_command, measured):
    """Killed on the owner's machine, a release does not hold up two that are started together.

    They are made one after the other, and the last one serves.
    """
    names = [name for name in ("one", "two", "three", "four") if name != releases.version]
    killed, *both = [image(name) for name in names[:3]]
    with measured() as counts:
        process = begun(killed, *SOON)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGKILL)
        together = [started_one(playbook_command, one, *SOON) for one in both]
        said = [one.communicate(timeout=300)[0] for one in together]
    assert [one.returncode for one in together] == [0, 0], said
    assert counts["failed"] == 0, counts
    first, second = releases.log[-2:]
    assert {first["result"], second["result"]} == {"good"}
    assert releases.version in names[1:3]
    assert second["images"] == {"backend": image(releases.version)}
    releases.settled()


@dataclass
class Killed:
    """A version that is released again and again until a run is not killed, and how often one was."""

    version: str
    times: int = 0


@pytest.fixture(scope="module")
def killed(releases) -> Killed:
    """Choose that version."""
    return Killed(releases.other)


@pytest.mark.thorough(but={"nginx is switched"})
@pytest.mark.parametrize("depth", CUTS)
def test_killed(releases, image, measured, killed, depth):
    """Killed on the Droplet, at one depth after the other: nobody notices, and the lock of a dead owner is free."""
    reached, after_s = CUTS[depth]
    with measured() as counts:
        releases.kill_when(reached, after_s)
        done = releases.deploy(image(killed.version))
    assert done.returncode != 0
    assert releases.host.run(reached).rc == 0
    backends = [one for one in releases.containers() if "backend" in one]
    assert len(backends) == 2
    assert counts["failed"] == 0, counts
    killed.times += 1


def test_then_finished(releases, image, measured, killed):
    """Each run went on from where the last one was cut off; one that is not finishes, and the log tells of all."""
    with measured() as counts:
        finishes(releases, image(killed.version), killed.version)
    assert counts["failed"] == 0, counts
    results = [one["result"] for one in releases.log[-killed.times - 1 :]]
    assert results == ["interrupted"] * killed.times + ["good"]


def test_held_lock(releases, image):
    """Who waits in vain for the lock is told who holds it."""
    releases.host.check_output(f"systemd-run --unit bench-holder flock {LOCK} sleep 600")
    busy = releases.deploy(image("one"), "-e", '{"stack_lock_wait_s": 2}')
    releases.host.check_output("systemctl stop bench-holder")
    assert busy.returncode != 0
    assert f"holds {LOCK}" in busy.stdout, busy.stdout


@pytest.mark.thorough
def test_dockerd_restarted(releases, image, begun, measured):
    """With dockerd restarted in the midst of a release: what serves goes on, the next run finishes."""
    version = releases.other
    with measured() as counts:
        process = begun(image(version))
        time.sleep(4)
        releases.host.check_output("systemctl restart docker")
        process.communicate(timeout=200)
        finishes(releases, image(version), version)
    assert counts["failed"] == 0, counts


@pytest.mark.thorough
def test_rebooted(releases, image, begun, outside, container):
    """The Droplet restarted in the midst of a release serves again by itself, then the next run finishes."""
    version = releases.other
    process = begun(image(version))
    time.sleep(4)
    subprocess.run(["docker", "restart", "-t", "20", container], check=True, capture_output=True)
    process.communicate(timeout=200)
    outside.until_ready()
    finishes(releases, image(version), version)
