# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The first step of a recovery: what the owner wrote of the machine that was lost, from the repository alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._backup_choice import OFFSITE, Library
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    HOST,
    Manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres import UNPACK
from ansible_collections.planner.droplet.plugins.module_utils._restic import Restic

INVENTORY = "backup/inventory/droplet.json"


def refuse_a_machine_in_use(settings: Settings) -> None:
    """Raise where the product runs: what it has would be overwritten by what it had."""
    in_use = os.path.exists(settings.path("compose.yml"))
    if in_use and not os.path.exists(settings.recovering):
        raise BackupError(
            f"The product runs on this machine ({settings.path('compose.yml')} is there), so it needs no recovery. "
            "Do: ansible-playbook playbooks/restore.yml, to bring back only the data"
        )


def lost_inventory(
    settings: Settings, secrets: Mapping[str, str], wish: str
) -> tuple[int, dict[str, Any]]:
    """Return the number of the backup that is meant, and the inventory in it.

    ``settings`` name the project's folder and the repository, ``secrets`` are what opens it, by option.
    """
    refuse_a_machine_in_use(settings)
    with tempfile.TemporaryDirectory(prefix="planner-recover-") as folder:
        here = replace(settings, project_dir=folder)
        os.makedirs(here.kept("secrets"))
        for name, value in secrets.items():
            if value:
                handle = os.open(here.kept("secrets", name), os.O_WRONLY | os.O_CREAT, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(value)
        chosen = Library(Engine(here)).choose(wish, OFFSITE)
        archive = os.path.join(folder, HOST)
        Restic(here).take(chosen.kept, HOST, archive)
        member = os.path.join(settings.project_dir.lstrip("/"), INVENTORY)
        try:
            text = run_pipe(
                Command((*UNPACK, archive)),
                Command(("tar", "--extract", "--to-stdout", "--occurrence=1", member), enough=True),
                timeout_s=600,
            )
            inventory = json.loads(text)
        except (PipeError, ValueError) as error:
            raise BackupError(
                f"Backup {chosen.number} has no inventory in it: {error}. Do: write your own, as for a new server"
            ) from error
    if not isinstance(inventory, dict):
        raise BackupError(f"The inventory in backup {chosen.number} is damaged")
    return chosen.number, inventory | _as_it_ran(chosen.manifest)


def _as_it_ran(manifest: Manifest) -> dict[str, Any]:
    """Say what site.yml was not told of: a later release, or an upgrade of PostgreSQL."""
    found: dict[str, Any] = {}
    if image := manifest.images.get("backend"):
        found["droplet_image"] = image
    if manifest.facts.major:
        found["stack_postgres_major"] = manifest.facts.major
    return found
