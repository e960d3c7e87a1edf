"""A release that is cut off anywhere: the product serves, and the next run finishes or repairs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from .conftest import KILL, LOCK, RELEASING

# Seconds into the work on the Droplet: asking the image, starting, proving itself, switching, draining.
CUTS = (1, 4, 7)


@pytest.fixture
def begun(serving, playbook_command) -> Callable[[str], subprocess.Popen[str]]:
    """Return a function that begins a release and returns once the Droplet works on it."""
    started: list[subprocess.Popen[str]] = []

    def begin(reference: str) -> subprocess.Popen[str]:
        command = playbook_command("deploy", "-e", f"droplet_image={reference}")
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        deadline = time.monotonic() + 120
        while serving.host.run(RELEASING).rc != 0:
            assert time.monotonic() < deadline, "the release did not begin"
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.2)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finishes(serving, reference: str, version: str) -> None:
    """The next run brings the host to what was wished."""
    serving.must(serving.deploy(reference))
    assert serving.version == version
    serving.settled()


def other(serving) -> str:
    """Name the version that does not serve now."""
    return "two" if serving.version == "one" else "one"


@pytest.mark.parametrize("after_s", CUTS)
def test_module_killed(serving, image, begun, measured, after_s):
    """Killed on the Droplet at any depth, nobody notices; the next run finishes, and the log tells of both."""
    version = other(serving)
    with measured() as counts:
        process = begun(image(version))
        time.sleep(after_s)
        killed = serving.host.run(KILL)
        process.communicate(timeout=60)
        time.sleep(1)
        interrupted = serving.host.file("/opt/planner/release.running.json").exists
        finishes(serving, image(version), version)
    assert killed.rc == 0
    assert counts["failed"] == 0, counts
    results = [one["result"] for one in serving.log[-2:]]
    assert results[-1] == "good" or not interrupted
    assert (results[0] == "interrupted") is interrupted, results


def test_ansible_killed(serving, image, begun, measured):
    """Killed on the owner's machine, the Droplet goes on or stops, and a second run waits for it and finishes."""
    version = other(serving)
    with measured() as counts:
        process = begun(image(version))
        time.sleep(2)
        os.killpg(process.pid, signal.SIGKILL)
        finishes(serving, image(version), version)
    assert counts["failed"] == 0, counts


def test_two_at_once(serving, image, playbook_command, measured):
    """Two releases started together are made one after the other; the last one serves."""
    commands = [
        playbook_command("deploy", "-e", f"droplet_image={image(name)}")
        for name in ("two", "three")
    ]
    with measured() as counts:
        both = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for command in commands
        ]
        said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert counts["failed"] == 0, counts
    first, second = serving.log[-2:]
    assert {first["result"], second["result"]} == {"good"}
    assert serving.version in {"two", "three"}
    assert second["images"] == {"backend": image(serving.version)}
    serving.settled()


def test_lock_of_a_dead_owner(serving, image):
    """A lock whose holder was killed holds nobody up; one that is held is named."""
    serving.host.check_output(f"systemd-run --unit bench-holder flock {LOCK} sleep 600")
    busy = serving.deploy(image("one"), "-e", '{"stack_lock_wait_s": 2}')
    assert busy.returncode != 0
    assert f"holds {LOCK}" in busy.stdout, busy.stdout
    serving.host.check_output("systemctl kill --signal KILL bench-holder")
    serving.host.run("systemctl reset-failed bench-holder")
    serving.must(serving.deploy(image("one")))
    assert serving.version == "one"


def test_dockerd_restarted(serving, image, begun, measured):
    """With dockerd restarted in the midst of a release: what serves goes on, the next run finishes."""
    version = other(serving)
    with measured() as counts:
        process = begun(image(version))
        time.sleep(6)
        serving.host.check_output("systemctl restart docker")
        process.communicate(timeout=200)
        finishes(serving, image(version), version)
    assert counts["failed"] == 0, counts


def test_rebooted(serving, image, begun, outside, container):
    """The Droplet restarted in the midst of a release serves again by itself, then the next run finishes."""
    version = other(serving)
    process = begun(image(version))
    time.sleep(6)
    subprocess.run(["docker", "restart", "-t", "20", container], check=True, capture_output=True)
    process.communicate(timeout=200)
    outside.until_ready()
    finishes(serving, image(version), version)
