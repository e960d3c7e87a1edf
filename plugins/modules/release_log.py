#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``release_log``: read what was released, and whether it is what runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_log
short_description: Read what was released, and whether it is what runs
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Reads the log of releases beside a Compose project, and compares the current release with the running containers.
  - Changes nothing and starts nothing, not even a stopped Docker. What could not be read is null, never 0.
  - P(planner.droplet.release_section#filter) judges the result.
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
  project_dir:
    description: The Compose project's folder.
    type: path
    default: /opt/planner
  last:
    description: How many records to return.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Read what was released
  planner.droplet.release_log:
  register: log

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (log.releases | planner.droplet.release_section).lines }}"
"""

RETURN = r"""
releases:
  description: What was read.
  type: dict
  returned: always
  contains:
    records:
      description: The newest records, the newest last. Null when the log could not be read.
      type: list
      elements: dict
    current:
      description: The record of the release that shall run, or null.
      type: dict
    previous:
      description: The record of what a rollback goes back to, or null.
      type: dict
    running:
      description: The record of a release that is under way or was interrupted, or null.
      type: dict
    unreadable:
      description: How many lines of the log are no record.
      type: int
    matches:
      description: Whether the current release's images are here and its containers run them. Null if that is not known.
      type: bool
    differences:
      description: Where they do not.
      type: list
      elements: str
    disk:
      description: C(images_mb) of the images that the log names, C(dumps_mb) of the dumps.
      type: dict
    error:
      description: Why the log or Docker could not be read. Empty if they could.
      type: str
"""

import json
import os
from collections.abc import Collection, Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import Files
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    Record,
    current,
    previous,
    read,
    running,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_section import differences

TIMEOUT_S = 30
MIB = 1024 * 1024
PID_FILE = "/run/docker.pid"


def main() -> None:
    """Read, compare, report."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "default": "/opt/planner"},
            "last": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    folder = module.params["project_dir"]
    releases: dict[str, Any] = dict.fromkeys(
        ("records", "current", "previous", "running", "unreadable", "matches", "disk")
    )
    releases.update(differences=[], error="")
    try:
        log, under_way = read(folder), running(folder)
    except OSError as error:
        releases["error"] = str(error)
        module.exit_json(changed=False, releases=releases)
    shown = log.records[-module.params["last"] :] if module.params["last"] > 0 else ()
    now = current(log.records)
    releases.update(
        records=[one.to_dict() for one in shown],
        current=_dict(now),
        previous=_dict(previous(log.records)),
        running=_dict(under_way),
        unreadable=log.unreadable,
        disk={"images_mb": None, "dumps_mb": dumps_mb(folder)},
    )
    try:
        releases.update(compare(Compose(folder), log.records, now, releases["disk"]))
    except (DockerError, ValueError, KeyError) as error:
        releases["error"] = str(error)
    module.exit_json(changed=False, releases=releases)


def compare(
    compose: Compose, records: Iterable[Record], now: Record | None, disk: dict[str, Any]
) -> dict[str, Any]:
    """Ask Docker for the images that the log names and for what runs."""
    if not docker_runs():
        return {"error": "Docker does not run"}
    named = {image for one in records for image in one.image_ids.values()}
    present = named & set(ask(compose, "image", "ls", "--quiet", "--no-trunc").split())
    sizes = (
        ask(compose, "image", "inspect", "--format", "{{.Size}}", *sorted(present)).split()
        if present
        else []
    )
    seen: dict[str, Any] = {
        "disk": {**disk, "images_mb": round(sum(map(int, sizes)) / MIB, 1)},
    }
    if now:
        seen["differences"] = differences(now, containers(compose), present)
        seen["matches"] = not seen["differences"]
    return seen


def containers(compose: Compose) -> dict[str, Collection[str]]:
    """Tell by service the images of the containers that run."""
    ids = compose.container_ids()
    found: dict[str, set[str]] = {}
    for one in json.loads(ask(compose, "inspect", *ids)) if ids else ():
        if one["State"]["Running"]:
            service = one["Config"]["Labels"]["com.docker.compose.service"]
            found.setdefault(service, set()).add(one["Image"])
    return dict(found)


def ask(compose: Compose, *words: str) -> str:
    """Ask Docker, with little patience."""
    return compose.docker(*words, timeout_s=TIMEOUT_S)


def docker_runs() -> bool:
    """Look for its process: asking would start it through its socket."""
    files = Files()
    pid = (files.text(PID_FILE) or "").strip()
    return pid.isdecimal() and (files.text(f"/proc/{pid}/comm") or "").strip() == "dockerd"


def dumps_mb(folder: str) -> float | None:
    """Add up what lies in the folder of dumps."""
    try:
        with os.scandir(os.path.join(folder, "dumps")) as found:
            sizes = [one.stat().st_size for one in found if one.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return 0.0
    except OSError:
        return None
    return round(sum(sizes) / MIB, 1)


def _dict(record: Record | None) -> dict[str, Any] | None:
    return record.to_dict() if record else None


if __name__ == "__main__":
    main()
