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
    pull, start the servers, reload nginx, prepare the database, dump it before a migration, migrate, release the
    backend and the owner's own services, remove what is no longer wished. Waits until each is healthy.
  - A new version gets no request before it has proved itself. One that does not is removed, the old one serves on,
    and the release is void in C(releases.jsonl) beside the project.
  - Refuses, before anything is touched, migrations on which the running version could not go on, and a version that
    cannot use the present schema.
  - At the end it proves what runs, by image id, schema revision and readiness on nginx' own way.
  - What a step finished is remembered in C(state.json), so that an interrupted run is completed by the next one.
attributes:
  check_mode:
    support: full
    description: >-
      Can run in check mode and lists the steps it would take, and the migrations with their SQL where the image is on
      the host.
  diff_mode:
    support: full
    description: Shows the Compose file's difference, the migrations' SQL and the steps.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  project_dir:
    description: The Compose project's folder.
    type: path
    required: true
  compose:
    description: The rendered Compose file. It becomes C(compose.yml) once what it describes has proved itself.
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
  start_first:
    description:
      - Services of which memory allows a second one. A new version starts beside the one that serves, which is stopped
        when the new one has proved itself and taken over; no request is dropped.
      - Any other service is stopped first, and started again should the new version fail.
    type: list
    elements: str
    default: [backend]
  given:
    description: By service the image as the owner wrote it, for the log.
    type: dict
    default: {}
  kind:
    description: What the log calls it.
    type: str
    choices: [release, rollback]
    default: release
  to:
    description: The number of the release that a rollback goes back to.
    type: int
  by:
    description: Who releases, for the log.
    type: str
    default: ""
  accept_breaking_schema:
    description:
      - Release although the schema becomes, or is, one that the other version cannot use. The running version is
        stopped before such a migration, and dump and migration come after that; should the new version fail, the dump
        is restored and the old one started again.
    type: bool
    default: false
  timeout_s:
    description: Seconds a service may take to become healthy.
    type: int
    default: 120
  soak_s:
    description: Seconds a new version has to stay ready, without a crash, before it gets a request.
    type: int
    default: 10
  drain_s:
    description: Seconds that requests under way may take to finish before an old backend is stopped.
    type: int
    default: 75
  migrate_timeout_s:
    description: Seconds after which a migration is ended.
    type: int
    default: 600
  disk_budget_mb:
    description:
      - MiB that images and dumps of old releases may take. What runs and what the way back to the previous release
        needs is never removed.
    type: int
    default: 4096
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
release:
  description: The record in the log of releases; null where no version was released.
  type: dict
  returned: success
proof:
  description: By service C(image) and C(image_id) that run, and for the backend C(container), C(readiness), C(schema).
  type: dict
  returned: success, but not in check mode
cleaned:
  description: What was removed of old releases.
  type: list
  elements: str
  returned: success
"""

import hashlib
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_engine import (
    Outcome,
    Request,
    perform,
)


def main() -> None:
    """Check, perform, report."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "required": True},
            "compose": {"type": "str", "required": True},
            "nginx_config": {"type": "str", "required": True},
            "database_setup": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
            "data_volume": {"type": "str", "required": True},
            "migrate_command": {"type": "list", "elements": "str", "default": []},
            "start_first": {"type": "list", "elements": "str", "default": ["backend"]},
            "given": {"type": "dict", "default": {}},
            "kind": {"type": "str", "choices": ["release", "rollback"], "default": "release"},
            "to": {"type": "int"},
            "by": {"type": "str", "default": ""},
            "accept_breaking_schema": {"type": "bool", "default": False},
            "timeout_s": {"type": "int", "default": 120},
            "soak_s": {"type": "int", "default": 10},
            "drain_s": {"type": "int", "default": 75},
            "migrate_timeout_s": {"type": "int", "default": 600},
            "disk_budget_mb": {"type": "int", "default": 4096},
            "lock": {"type": "path", "default": "/run/lock/planner-maintenance.lock"},
            "lock_wait_s": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    if module.check_mode and shutil.which("docker") is None:
        steps = ["everything: Docker is not installed yet"]
        module.exit_json(changed=True, steps=steps, release=None, cleaned=[])
    given = dict(module.params)
    for name in ("nginx_config", "database_setup"):
        given[name] = _fingerprint(given[name])
    try:
        outcome = perform(Request(**given), check_mode=module.check_mode)
    except DockerError as error:
        module.fail_json(msg=str(error), steps=getattr(error, "taken", []))
    changed = bool(outcome.steps) or outcome.compose_before != given["compose"]
    module.exit_json(
        changed=changed or outcome.record is not None,
        steps=outcome.steps,
        release=outcome.record.to_dict() if outcome.record else None,
        proof=outcome.proof,
        cleaned=outcome.cleaned,
        diff=_diffs(outcome, given),
    )


def _diffs(outcome: Outcome, given: dict[str, Any]) -> list[dict[str, str]]:
    """One for each thing an owner would read apart."""
    path = f"{given['project_dir']}/compose.yml"
    found = [(path, outcome.compose_before, given["compose"])]
    found.append(("migrations", "", outcome.sql))
    found.append(("steps", "", "".join(f"{step}\n" for step in outcome.steps)))
    return [
        {"before_header": header, "after_header": header, "before": before, "after": after}
        for header, before, after in found
        if before != after
    ]


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
