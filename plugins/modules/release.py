#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``release``: bring a Compose project to its rendered state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Bring a Compose project to its rendered state
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Compares the running containers with the rendered project and does only what differs, in this order -
    pull, start the servers, reload nginx, prepare the database, migrate, release the backend, remove what is
    no longer wished. Waits until each is healthy.
  - A backend that does not become ready is removed again and the old one serves on.
  - What a step finished is remembered in C(state.json) beside the project, so that an interrupted run is
    completed by the next one.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and lists the steps it would take.
  diff_mode:
    support: full
    description: Shows the steps.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  project_dir:
    description: The Compose project's folder.
    type: path
    required: true
  compose:
    description: The rendered Compose file, also in check mode, where it is not on the disk yet.
    type: str
    required: true
  nginx_config:
    description: nginx' configuration; a change reloads it.
    type: str
    required: true
  database_setup:
    description: Everything the database's role and extensions depend on; a change applies it again.
    type: str
    required: true
  database:
    description: Name of the database.
    type: str
    required: true
  data_volume:
    description: Name of the volume with the database. Another one is prepared and migrated anew.
    type: str
    required: true
  migrate_command:
    description: Command in the backend's image that migrates the schema. Empty for none.
    type: list
    elements: str
    default: []
  strategy:
    description:
      - V(start-first) starts a new backend beside the one that serves, and switches nginx over when it is
        ready; no request is dropped. V(stop-first) replaces it in place, for machines without room for two.
    type: str
    choices: [start-first, stop-first]
    default: start-first
  timeout_s:
    description: Seconds a service may take to become healthy.
    type: int
    default: 120
  drain_s:
    description: Seconds that requests under way may take to finish before an old backend is stopped.
    type: int
    default: 75
  lock:
    description: The lock file that every event on the host takes, so that no two run together.
    type: path
    default: /run/lock/planner-maintenance.lock
  lock_wait_s:
    description: Seconds to wait for another event to end.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Bring the services to their rendered state
  planner.droplet.release:
    project_dir: /opt/planner
    compose: "{{ lookup('ansible.builtin.template', 'compose.yml.j2') }}"
    nginx_config: "{{ lookup('ansible.builtin.template', 'nginx.conf.j2') }}"
    database_setup: "{{ lookup('ansible.builtin.template', 'prepare.sql.j2') }}"
    database: planner
    data_volume: planner_postgres17
    migrate_command: [alembic, upgrade, head]
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be done, with the reason.
  type: list
  elements: str
  returned: always
"""

import hashlib
import shutil
from contextlib import nullcontext

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import Wished, steps
from ansible_collections.planner.droplet.plugins.module_utils._release_run import (
    Release,
    event_lock,
)


def main() -> None:
    """Observe, plan, act, report."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "required": True},
            "compose": {"type": "str", "required": True},
            "nginx_config": {"type": "str", "required": True},
            "database_setup": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
            "data_volume": {"type": "str", "required": True},
            "migrate_command": {"type": "list", "elements": "str", "default": []},
            "strategy": {
                "type": "str",
                "choices": ["start-first", "stop-first"],
                "default": "start-first",
            },
            "timeout_s": {"type": "int", "default": 120},
            "drain_s": {"type": "int", "default": 75},
            "lock": {"type": "path", "default": "/run/lock/planner-maintenance.lock"},
            "lock_wait_s": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given = module.params
    compose = Compose(given["project_dir"])
    if module.check_mode and shutil.which("docker") is None:
        module.exit_json(changed=True, steps=["everything: Docker is not installed yet"])
    release = Release(
        compose,
        database=given["database"],
        data_volume=given["data_volume"],
        migrate=given["migrate_command"],
        timeout_s=given["timeout_s"],
        drain_s=given["drain_s"],
    )
    taken: list[str] = []
    lock = event_lock(given["lock"], "a release", given["lock_wait_s"])
    try:
        hashes, images = compose.parsed(given["compose"])
        wished = Wished(
            services=hashes,
            images=images,
            nginx_config=_fingerprint(given["nginx_config"]),
            database_setup=_fingerprint(given["database_setup"]),
            migrates=bool(given["migrate_command"]),
            start_first=given["strategy"] == "start-first",
        )
        with nullcontext() if module.check_mode else lock:
            planned = steps(wished, release.observe(wished))
            for step in planned:
                if not module.check_mode:
                    release.run(step)
                taken.append(str(step))
            if not module.check_mode:
                # Also what was not touched: a machine that just booted is still starting.
                release.wait_for(wished.services)
    except DockerError as error:
        module.fail_json(msg=str(error), steps=taken)
    module.exit_json(
        changed=bool(planned),
        steps=taken,
        diff={"before": "", "after": "".join(f"{step}\n" for step in taken)},
    )


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
