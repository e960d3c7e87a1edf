#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``backup_inventory``: what the owner wrote of a machine that was lost, from its off-site backups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_inventory
short_description: What the owner wrote of a machine that was lost, from its off-site backups
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - The first step of C(playbooks/recover.yml). Runs on the bare machine, which needs restic and zstd and nothing else.
  - Refuses a machine on which the product runs.
attributes:
  check_mode:
    support: full
    description: Can run in check mode, it changes nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
    description: Only reads.
options:
  project_dir:
    description: The project's folder.
    type: path
    default: /opt/planner
  repository:
    description: The off-site repository, as restic names it.
    type: str
    required: true
  password:
    description: What it is encrypted with.
    type: str
    required: true
  backup:
    description: Which backup; V(latest), its number, or a day or moment in UTC.
    type: str
    default: latest
  s3_key_id:
    description: The id of the S3 access key.
    type: str
    default: ""
  s3_secret:
    description: Its secret.
    type: str
    default: ""
  sftp_key:
    description: The private SSH key.
    type: str
    default: ""
  sftp_host_key:
    description: The SFTP server's line of known_hosts.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Read the inventory of the machine that was lost
  planner.droplet.backup_inventory:
    repository: "{{ backup_repository }}"
    password: "{{ backup_password }}"
  register: lost
  no_log: true
"""

RETURN = r"""
number:
  description: The number of the backup.
  type: int
  returned: success
inventory:
  description: Variables by name, secrets among them. Register it with C(no_log).
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._backup_recover import lost_inventory
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._pipe import PipeError


def main() -> None:
    """Read it."""
    secret = {"type": "str", "default": "", "no_log": True}
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "default": "/opt/planner"},
            "repository": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "backup": {"type": "str", "default": "latest"},
            "s3_key_id": {"type": "str", "default": "", "no_log": False},
            "s3_secret": secret,
            "sftp_key": secret,
            "sftp_host_key": {"type": "str", "default": "", "no_log": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    settings = Settings(project_dir=params["project_dir"], repository=params["repository"])
    secrets = {
        "backup_password": params["password"],
        "backup_s3_key_id": params["s3_key_id"],
        "backup_s3_secret": params["s3_secret"],
        "backup_sftp_key": params["sftp_key"] and f"{params['sftp_key']}\n",
        "backup_sftp_host_key": params["sftp_host_key"] and f"{params['sftp_host_key']}\n",
    }
    try:
        number, inventory = lost_inventory(settings, secrets, params["backup"])
    except (BackupError, PipeError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, number=number, inventory=inventory)


if __name__ == "__main__":
    main()
