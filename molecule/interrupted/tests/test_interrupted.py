"""site.yml is interrupted wherever a first run leaves something else half-done, then run to its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

# In the order of a first run, by the tag that reaches them, on the same Droplet: what only reads once, each module of
# our own and of Ansible's once or more.
TASKS = {
    "droplet": ("Machine | Read its memory, CPUs and system",),
    "memory": ("Keep the planned swap",),
    "hardening": (
        "Settings | Write them all, and remove those that were switched off",
        "Packages | Install what the pieces need",
        "Packages | Purge what a server does not need",
        "System | Have PAM use its profiles",
        "System | Set single lines, and set back those that were switched off",
        "System | Give the kernel its settings, at boot and now",
        "System | Have every unit running with its newest settings",
        "Admin | Make the account, without a password",
        "Door | Change it, to be taken back in two minutes unless confirmed",
        "Door | Log in anew as the admin",
        "Door | Keep the change",
    ),
    "docker": (
        "Configure the engine",
        "Finish what an interrupted package run left",
        "Install the engine and Compose",
        "Start the engine now and at boot",
    ),
    "tls": (
        "Install certbot, and what asks DNS",
        "Have a certificate before nginx starts",
    ),
    "stack": (
        "Have the images here, each pinned to what it is now",
        "Keep the secrets",
        "Render the configuration of the servers",
        "Bring the services to that state",
    ),
    "backup": (
        "Install what compresses, and what brings it off-site",
        "Have systemd know them, and start the timers",
    ),
    "the end": ("Obtain the certificate, have nginx serve it, tell Telegram",),
}
# Those that do much are cut at a depth, or at several, in seconds: lists and packages; pulling; creating, migrating
# and starting.
DEPTHS = {
    "Packages | Install what the pieces need": (1, 5),
    "Install the engine and Compose": (5,),
    "Install certbot, and what asks DNS": (3,),
    "Have the images here, each pinned to what it is now": (1,),
    "Install what compresses, and what brings it off-site": (1,),
    "Bring the services to that state": (0.5, 4, 10),
}
CUTS = {
    f"{task}, {after_s} s": (tag, task, after_s)
    for tag, tasks in TASKS.items()
    for task in tasks
    for after_s in DEPTHS.get(task, (0.1,))
}
# Of each role that changes something at least one, and what leaves most behind.
ALWAYS = {
    "Keep the planned swap, 0.1 s",
    "Packages | Install what the pieces need, 5 s",
    "Door | Change it, to be taken back in two minutes unless confirmed, 0.1 s",
    "Install the engine and Compose, 5 s",
    "Have a certificate before nginx starts, 0.1 s",
    "Have the images here, each pinned to what it is now, 1 s",
    "Bring the services to that state, 4 s",
    "Install what compresses, and what brings it off-site, 1 s",
    "Obtain the certificate, have nginx serve it, tell Telegram, 0.1 s",
}


@pytest.fixture(scope="module")
def reached() -> set[str]:
    """Remember the parts that a whole run came to: all before are done, and their tags are enough."""
    return set()


def interrupt(command: list[str], task: str, after_s: float) -> str:
    """Run site.yml, press Ctrl-C that long after the task began, return what it printed."""
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("TASK [") and f": {task}]" in line:
            time.sleep(after_s)
            os.killpg(process.pid, signal.SIGINT)
            break
    rest, _ = process.communicate(timeout=300)
    return "".join(printed) + rest


@pytest.mark.thorough(but=ALWAYS)
@pytest.mark.parametrize("tag, task, after_s", CUTS.values(), ids=CUTS)
def test_interrupted(site_command, reached, tag, task, after_s):
    """It comes that far after all interruptions before, without a failure."""
    command = [*site_command, "--tags", tag] if tag in reached else site_command
    printed = interrupt(command, task, after_s)
    assert f": {task}]" in printed, f"never reached: {task}\n{printed}"
    assert "failed=1" not in printed, printed
    reached.add(tag)


def test_then_finished(site, outside, request):
    """After all of that one full run serves, and another has nothing to do."""
    done = site()
    assert done.returncode == 0, done.stdout
    assert outside.request("/health/ready").status == 200
    assert outside.message(outside.new_update_id(), "survive Ctrl-C").json == {"result": "stored"}
    again = site()
    assert re.search(r"changed=0\s", again.stdout), again.stdout
    host = request.getfixturevalue("host")  # its admin was not let in before
    assert host.check_output("find /opt/planner /etc/docker -name '.staged-*'") == ""
    assert len(host.check_output("docker ps -aq").split()) == 4, (
        "one container a service, no leftovers"
    )
