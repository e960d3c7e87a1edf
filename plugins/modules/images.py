#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``images``: bring a release's images to the host, each pinned to its content."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: Bring a release's images to the host, each pinned to its content
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Chooses each service's image (what is wished, what the current release has, or what a rollback's target had),
    resolves tags to digests, and judges all of them before the first is fetched - whether they are for this machine,
    and whether the disk holds them.
  - Then it pulls what is missing, by digest and under the lock that every event takes. A refusal or a failed pull is
    written into the release log as void; nothing that runs is touched.
  - A reference that begins with C(docker-daemon:) is an image of the Docker on the controller. It is sent over the
    connection, without the layers that the host has already, and gets the name C(planner.local/SERVICE:ID).
attributes:
  check_mode:
    support: full
    description: Can run in check mode and asks registries, but fetches and sends nothing.
  diff_mode:
    support: full
    description: Shows each service's image before and after.
  idempotent:
    support: full
    description: Images that are on the host are not fetched again.
  action:
    support: full
    description: Images of the controller are read and sent by an action of the same name.
options:
  project_dir:
    description: The folder with the release log.
    type: path
    default: /opt/planner
  wanted:
    description: Reference of each service as the owner wrote it. Empty keeps what was released last.
    type: dict
    required: true
  rollback_to:
    description: V(previous) or the number of a release, whose images are taken instead. Empty for a release.
    type: str
    default: ""
  refresh:
    description:
      - Resolves every reference anew. Otherwise one that the current release was given, too, keeps what it meant then.
    type: bool
    default: false
  registry_login:
    description: The account at one registry. Without a password there is no login.
    type: dict
    default: {}
    suboptions:
      registry:
        description: The registry's name as it stands in references, V(docker.io) for Docker Hub.
        type: str
        default: ""
      username:
        description: Name of the account.
        type: str
        default: ""
      password:
        description: Its password or token.
        type: str
        default: ""
  by:
    description: Who releases, for the log.
    type: str
    default: ""
  disk_reserve_mb:
    description: MiB of disk that stay free once the images are unpacked.
    type: int
    default: 1024
  lock:
    description: The lock file that every event on the host takes, so that no two run together.
    type: path
    default: /run/lock/planner-maintenance.lock
  lock_wait_s:
    description: Seconds to wait for another event to end.
    type: int
    default: 600
  sent:
    description: Set by the action, the id of each service's image on the controller.
    type: dict
    default: {}
  archives:
    description: Set by the action, the file on the host with each image that it sent.
    type: dict
    default: {}
  query:
    description:
      - Set by the action, the layers of each service's image on the controller. The module then only tells what of
        them is on the host.
    type: dict
"""

EXAMPLES = r"""
- name: Fetch the images
  planner.droplet.images:
    wanted:
      backend: registry.example/app:1.2
      worker: docker-daemon:app-worker:1.2
  register: images
"""

RETURN = r"""
images:
  description: Pinned reference of each service, empty where nothing was ever released.
  type: dict
  returned: success
  sample: {backend: "registry.example/app@sha256:..."}
given:
  description: The references as they were written.
  type: dict
  returned: success
kind:
  description: V(release) or V(rollback).
  type: str
  returned: success
to:
  description: Number of the release that a rollback goes back to.
  type: int
  returned: success
changes:
  description: What differs from the current release, one text a service.
  type: list
  elements: str
  returned: success
sent_mb:
  description: How much was sent from the controller.
  type: float
  returned: success, with images of the controller
refused:
  description: The service whose archive Docker did not take.
  type: str
  returned: when that happens
host:
  description: What the host has of the controller's images.
  type: dict
  returned: with O(query)
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._image_fetch import (
    ImageRequest,
    fetch,
    look,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_host import LoadError
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import Login

# The password alone is secret: Ansible stars a secret out of every result, and a registry's name is part of references.
LOGIN: dict[str, dict[str, Any]] = {
    "registry": {"type": "str", "default": ""},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
}


def main() -> None:
    """Read the options, fetch or tell, report."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "default": "/opt/planner"},
            "wanted": {"type": "dict", "required": True},
            "rollback_to": {"type": "str", "default": ""},
            "refresh": {"type": "bool", "default": False},
            "registry_login": {"type": "dict", "options": LOGIN, "default": {}},
            "by": {"type": "str", "default": ""},
            "disk_reserve_mb": {"type": "int", "default": 1024},
            "lock": {"type": "path", "default": "/run/lock/planner-maintenance.lock"},
            "lock_wait_s": {"type": "int", "default": 600},
            "sent": {"type": "dict", "default": {}},
            "archives": {"type": "dict", "default": {}},
            "query": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    query, login = given.pop("query"), given.pop("registry_login")
    request = ImageRequest(**given, login=Login(**login) if login.get("password") else None)
    try:
        if query is not None:
            host = look(request, query, check_mode=module.check_mode)
            module.exit_json(changed=False, host=asdict(host))
        found = fetch(request, check_mode=module.check_mode)
    except LoadError as error:
        module.fail_json(msg=str(error), refused=error.service)
    except DockerError as error:
        module.fail_json(msg=str(error))
    for note in found.notes:
        module.warn(note)
    module.exit_json(
        changed=bool(found.done),
        images=found.images,
        given=found.chosen.given,
        kind=found.chosen.kind,
        to=found.chosen.to,
        changes=found.changes,
        diff={"before": _listed(found.before), "after": _listed(found.images)},
    )


def _listed(images: Mapping[str, str]) -> str:
    return "".join(f"{service}: {image or 'nothing'}\n" for service, image in images.items())


if __name__ == "__main__":
    main()
