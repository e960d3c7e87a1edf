"""A made-up month, and all that a report tells of it."""

import datetime as dt
from pathlib import Path
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._backup_section import backup_section
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._upgrades import upgrade_section
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import append
from ansible_collections.planner.droplet.plugins.module_utils._watch_images import images_section
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import Month, month
from ansible_collections.planner.droplet.plugins.module_utils._watch_page import Facts
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import THRESHOLDS

from tests.unit.backup_status import seen

DAY = 86400
CYCLE = 3600
NOVEMBER = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()
END = NOVEMBER + 30 * DAY


def made_up(folder: Path, *, down: tuple[int, ...] = (), first: int = 2) -> Month:
    """A look an hour from a day on; those of the hours ``down`` (since the first) were not ready."""
    for hour in range((30 - first) * 24):
        sample = {
            "ready": hour not in down,
            "seconds": 0.02 + hour / 10_000,
            "used_mb": 600 + hour % 24,
            "swap_mb": 50,
            "disk_percent": 50 + hour / 100,
            "requests": 10,
            "errors": int(hour in down),
        }
        append(str(folder), sample, NOVEMBER + first * DAY + hour * 3600)
    return month(str(folder), "2026-11", CYCLE, END)


def facts(found: Month, **more: Any) -> Facts:
    """A report on a machine whose backups are well and whose nginx has a newer image."""
    changes = [{"package": "libc6", "action": "upgrade", "old": "2.41-11", "new": "2.41-12"}]
    updates = {
        "now": END,
        "installed_at": NOVEMBER,
        "last_success": END - DAY,
        "pending": [],
        "unfinished": [],
        "runs": [
            {"at": f"{day} 06:44:36", "by": "unattended", "changes": changes}
            for day in ("2026-10-31", "2026-11-05")
        ],
    }
    nginx = {"service": "nginx", "image": "nginx:1.28-alpine", "running": "sha256:aa"}
    images = {"images": [{**nginx, "newest": "sha256:bb", "why": ""}], "error": ""}
    given: dict[str, Any] = {
        "host": "planner-1",
        "month": found,
        "sections": (backup_section(seen()), upgrade_section(updates), images_section(images)),
        "plan": plan("s-1vcpu-1gb").to_dict(),
        "most": THRESHOLDS,
        "monthly_usd": 7.2,
        "made": END,
    }
    return Facts(**{**given, **more})
