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
    pull, start the servers, reload nginx, prepare the database, migrate, start the backend, remove what is
    no longer wished. Waits until each is healthy.
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
  migrate_command:
    description: Command in the backend's image that migrates the schema. Empty for none.
    type: list
    elements: str
    default: []
  timeout_s:
    description: Seconds a service may take to become healthy.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Bring the services to their rendered state
  planner.droplet.release:
    project_dir: /opt/planner
    compose: "{{ lookup('ansible.builtin.template', 'compose.yml.j2') }}"
    nginx_config: "{{ lookup('ansible.builtin.template', 'nginx.conf.j2') }}"
    database_setup: "{{ lookup('ansible.builtin.template', 'prepare.sql.j2') }}"
    database: planner
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
import json
import os
import shutil
import time
from collections.abc import Iterable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    Observed,
    Step,
    Wished,
    not_ready,
    steps,
)


class Release:
    """Executes steps; remembers those that are done."""

    def __init__(
        self, compose: Compose, *, database: str, migrate: list[str], timeout_s: int
    ) -> None:
        """Read what earlier runs finished."""
        self.compose = compose
        self.database = database
        self.migrate_command = migrate
        self.timeout_s = timeout_s
        self.state_file = os.path.join(compose.folder, "state.json")
        self.done: dict[str, str] = {}
        if os.path.exists(self.state_file):
            with open(self.state_file, encoding="utf-8") as file:
                self.done = json.load(file)

    def run(self, step: Step) -> None:
        """Execute one step and remember its mark."""
        getattr(self, step.action.replace("-", "_"))(*step.targets)
        if step.mark:
            name, value = step.mark
            self.done[name] = value
            content = json.dumps(self.done, indent=2, sort_keys=True) + "\n"
            write_atomically(self.state_file, content.encode(), mode=0o640)

    def pull(self, *images: str) -> None:
        """Fetch images; nothing has been stopped yet."""
        for image in images:
            try:
                self.compose.docker("pull", "--quiet", image)
            except DockerError as error:
                msg = (
                    f"The image {image} cannot be pulled; everything runs as before.\n{error}\n"
                    "Do: check the name and digest, and that this host can reach and may read its registry."
                )
                raise DockerError(msg) from error

    def start(self, *services: str) -> None:
        """Create or replace containers; the stack's own dependencies are up already."""
        options = ("--detach", "--force-recreate", "--no-build", "--pull", "never")
        try:
            self.compose.compose("up", *options, *services)
        except DockerError as error:
            raise DockerError(f"{error}{self.last_words(services)}") from error
        self.wait_for(services)

    def wait_for(self, services: Iterable[str]) -> None:
        """Wait until all of them are up and healthy; show the logs of those that are not."""
        deadline = time.monotonic() + self.timeout_s
        while waiting := not_ready(services, self.compose.containers()):
            if time.monotonic() > deadline:
                names = ", ".join(waiting)
                msg = f"Not healthy within {self.timeout_s} s: {names}.{self.last_words(waiting)}"
                raise DockerError(msg)
            time.sleep(1)

    def last_words(self, services: Iterable[str]) -> str:
        """Collect the ends of their logs for an error."""
        words = ((service, self.compose.last_words(service)) for service in services)
        return "".join(f"\n--- the last lines of {service}:\n{text}" for service, text in words)

    def remember(self, *_services: str) -> None:
        """Do nothing: the mark is all."""

    def reload(self, service: str) -> None:
        """Let nginx take its new configuration, if it is valid."""
        self.compose.compose(
            "exec", "--no-TTY", service, "nginx", "-t", "-q", "-c", "/etc/planner/nginx.conf"
        )
        self.compose.compose("kill", "--signal", "HUP", service)

    def prepare_database(self, service: str) -> None:
        """Make the backend's role and the extension, as superuser over the container's own socket."""
        psql = ("psql", "-q", "-X", "-U", "postgres", "-d", self.database)
        self.compose.compose("exec", "--no-TTY", service, *psql, "-f", "/etc/planner/prepare.sql")

    def migrate(self, service: str) -> None:
        """Run the image's migrations in a container of their own, with the backend's limits."""
        try:
            self.compose.compose(
                "run", "--rm", "--no-deps", "--no-TTY", service, *self.migrate_command
            )
        except DockerError as error:
            msg = f"The migration {' '.join(self.migrate_command)} failed; the backend was not replaced.\n{error}"
            raise DockerError(msg) from error

    def remove(self, *services: str) -> None:
        """Stop and remove containers that are no longer wished; their volumes stay."""
        for service in services:
            ids = self.compose.container_ids(service)
            self.compose.docker("stop", *ids)
            self.compose.docker("rm", *ids)


def observe(compose: Compose, images: set[str], done: dict[str, str]) -> Observed:
    """Look at the host; without Docker there is nothing to see."""
    if shutil.which("docker") is None or not os.path.exists("/var/run/docker.sock"):
        return Observed()
    present = frozenset(image for image in images if compose.has_image(image))
    return Observed(compose.containers(), present, done)


def main() -> None:
    """Observe, plan, act, report."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "required": True},
            "compose": {"type": "str", "required": True},
            "nginx_config": {"type": "str", "required": True},
            "database_setup": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
            "migrate_command": {"type": "list", "elements": "str", "default": []},
            "timeout_s": {"type": "int", "default": 120},
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
        migrate=given["migrate_command"],
        timeout_s=given["timeout_s"],
    )
    taken: list[str] = []
    try:
        hashes, images = compose.parsed(given["compose"])
        wished = Wished(
            services=hashes,
            images=images,
            nginx_config=_fingerprint(given["nginx_config"]),
            database_setup=_fingerprint(given["database_setup"]),
            migrates=bool(given["migrate_command"]),
        )
        planned = steps(wished, observe(compose, set(images.values()), release.done))
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
