"""site.yml is interrupted wherever a first run leaves something else half-done, then run to its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

# In the order of a first run, by the tag that reaches them, on the same Droplet: what only reads once, each module of
# our own and of Ansible's once or more. The first of a part is met by a whole run, so that all parts before are done.
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
    "the end": ("Obtain the certificate, have nginx serve it, tell Telegram",),
}
# Those that do much are cut at a depth, or at several, in seconds: lists and packages; pulling; creating, migrating
# and starting.
CUTS = {
    "Packages | Install what the pieces need": (1, 5),
    "Install the engine and Compose": (5,),
    "Install certbot, and what asks DNS": (3,),
    "Have the images here, each pinned to what it is now": (1,),
    "Bring the services to that state": (0.5, 4, 10),
}


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


def test_interrupted_everywhere_then_finished(site_command, site, outside, request):
    """After an interruption at every kind of task, one full run serves, and another has nothing to do."""
    for tag, tasks in TASKS.items():
        command = site_command
        for task in tasks:
            for after_s in CUTS.get(task, (0.1,)):
                printed = interrupt(command, task, after_s)
                assert f": {task}]" in printed, f"never reached: {task}\n{printed}"
                assert "failed=1" not in printed, printed
                command = [*site_command, "--tags", tag]
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
