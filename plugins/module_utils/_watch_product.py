# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a thorough look adds: the sections of the state of the machine, read here and judged as there."""

from __future__ import annotations

from ansible_collections.planner.droplet.plugins.module_utils import _release_section, _upgrades
from ansible_collections.planner.droplet.plugins.module_utils._backup_reader import read_backups
from ansible_collections.planner.droplet.plugins.module_utils._certificate_reader import (
    read_certificate,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import Finding
from ansible_collections.planner.droplet.plugins.module_utils._release_reader import read_releases
from ansible_collections.planner.droplet.plugins.module_utils._upgrades_reader import read_upgrades
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight

RECORDS = 20
DAYS = 7


def backups(_sight: Sight) -> list[Finding]:
    """Judge the backups, the drills, and the timers that make them."""
    # These sections load a library for certificates, which a look every minute does without.
    from ansible_collections.planner.droplet.plugins.module_utils import (  # noqa: PLC0415
        _backup_section,
    )

    return _backup_section.judge(read_backups())


def certificate(sight: Sight) -> list[Finding]:
    """Judge the certificate; what Telegram says is asked anew where a webhook is wished for."""
    from ansible_collections.planner.droplet.plugins.module_utils import (  # noqa: PLC0415
        _certificate_section,
    )

    asked = sight.settings.webhook_url
    found = _certificate_section.judge(read_certificate())
    return [one for one in found if not (asked and one.check == "webhook")]


def releases(sight: Sight) -> list[Finding]:
    """Judge whether what was released is what runs."""
    return _release_section.judge(read_releases(sight.settings.project_dir, RECORDS))


def updates(sight: Sight) -> list[Finding]:
    """Judge what apt did; whether a restart is due is judged each minute."""
    seen = read_upgrades(DAYS, sight.files.root, pending=False)
    return [one for one in _upgrades.judge(seen) if one.check != "reboot"]
