#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``memory_usage``: read what the services and the machine use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_usage
short_description: Read what the services and the machine use of the memory
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Reads memory, swap, pressure and OOM kills of each container of a Compose project and of the machine, from the
    kernel's own files (control groups version 1 and 2), C(docker inspect) and the kernel's log.
  - Changes nothing and starts nothing, not even a stopped Docker.
  - What could not be read is null, never 0.
  - P(planner.droplet.drift_report#filter) compares the result with the plan.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and does the same.
  diff_mode:
    support: none
    description: Nothing changes, so there is nothing to show.
  idempotent:
    support: full
    description: It only reads.
options:
  project:
    description: The Compose project's name.
    type: str
    default: planner
  since_h:
    description: Hours to look back for containers that ended and for OOM kills in the kernel's log.
    type: int
    default: 24
"""

EXAMPLES = r"""
- name: Read what the services use
  planner.droplet.memory_usage:
  register: memory

- name: Show it
  ansible.builtin.debug:
    msg: "{{ memory.usage | planner.droplet.drift_report(droplet_plan, droplet_services) }}"
"""

RETURN = r"""
usage:
  description: What was read, in MiB.
  type: dict
  returned: always
  contains:
    docker:
      description: C(state) is C(running), C(stopped), C(not installed) or C(no answer); C(error) what Docker said.
      type: dict
    containers:
      description:
        - One entry a container, with C(service), C(name), C(state), C(health), C(restarts), C(exit_code), C(exit_codes)
          and C(oom_events) (of earlier runs), C(started_at), C(limit_mb), C(used_mb), C(working_set_mb) (anonymous
          and shared), C(held_mb), C(cache_mb), C(kernel_mb), C(swap_mb), C(peak_mb), C(oom_kills).
        - Null where Docker does not answer.
      type: list
    machine:
      description:
        - C(total_mb), C(available_mb), C(swap_total_mb), C(swap_used_mb), C(pressure), C(oom_kills_since_boot),
          C(load).
      type: dict
    kernel_log:
      description: The processes that the OOM killer ended, or null where the log cannot be read.
      type: list
    since_h:
      description: Hours looked back.
      type: int
"""

import os
import shutil
import subprocess
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._container_state import (
    containers_of,
    ends_of,
    kills_of,
    seconds_since,
)
from ansible_collections.planner.droplet.plugins.module_utils._machine_memory import machine
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import (
    Files,
    Group,
    group_memory,
    group_of,
)

TIMEOUT_S = 30
NOTHING = "/nonexistent"
OOM = r"oom-kill:|Out of memory:|out of memory:"


def main() -> None:
    """Read, report."""
    module = AnsibleModule(
        argument_spec={
            "project": {"type": "str", "default": "planner"},
            "since_h": {"type": "int", "default": 24},
        },
        supports_check_mode=True,
    )
    files, since_h = Files(), module.params["since_h"]
    docker, containers = observe(files, module.params["project"], since_h)
    usage = {
        "docker": docker,
        "containers": containers,
        "machine": machine(files),
        "kernel_log": kernel_log(since_h, containers or []),
        "since_h": since_h,
    }
    module.exit_json(changed=False, usage=usage)


def observe(
    files: Files, project: str, since_h: int
) -> tuple[dict[str, str], list[dict[str, Any]] | None]:
    """Ask Docker for the project's containers and the kernel for their memory."""
    if shutil.which("docker") is None:
        return {"state": "not installed", "error": ""}, None
    if not runs(files, "dockerd"):  # asking would start it through its socket
        return {"state": "stopped", "error": ""}, None
    label = f"label=com.docker.compose.project={project}"
    one_off = "label=com.docker.compose.oneoff=False"
    now = time.time()
    try:
        ids = run("docker", "ps", "-aq", "--no-trunc", "--filter", label, "--filter", one_off)
        found = containers_of(run("docker", "inspect", *ids.split()) if ids.split() else "[]")
        window = ("--since", f"{since_h}h", "--until", f"{now:.0f}")
        kinds = ("--filter", "event=die", "--filter", "event=oom", "--filter", label)
        ends = ends_of(run("docker", "events", *window, *kinds, "--format", "{{json .}}"))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        return {"state": "no answer", "error": str(said).strip()}, None
    return {"state": "running", "error": ""}, [
        {
            **one,
            **group_memory(files, group_of(files, one["pid"], one["id"]) or Group(2, NOTHING)),
            **ends.get(one["id"], {"exit_codes": [], "oom_events": 0}),
            "started_s_ago": seconds_since(one["started_at"], now),
        }
        for one in found
    ]


def runs(files: Files, name: str) -> bool:
    """Tell whether a process of that name is there."""
    try:
        pids = [entry for entry in os.listdir(files.real("/proc")) if entry.isdigit()]
    except OSError:
        return False
    return any((files.text(f"/proc/{pid}/comm") or "").strip() == name for pid in pids)


def kernel_log(since_h: int, containers: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Read OOM kills from the kernel's log of this boot; a log without any line could not be read."""
    journal = ("journalctl", "--dmesg", "--quiet", "--no-pager", "--output", "cat")
    try:
        if not run(*journal, "--lines", "1").strip():
            return None
        since = ("--since", f"-{since_h}h")
        # With --grep a search without a hit is exit code 1, as with grep.
        lines = run(*journal, *since, "--grep", OOM, accepted=(0, 1))
    except (OSError, subprocess.SubprocessError):
        return None
    return kills_of(lines, containers)


def run(*command: str, accepted: tuple[int, ...] = (0,)) -> str:
    """Run a command that only reads; raise with what it said."""
    done = subprocess.run(  # noqa: S603 - fixed programs, arguments as a list
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode not in accepted or (done.returncode and done.stderr.strip()):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
