"""The disk's parts against their plan, added up once an hour."""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_disk
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import disk_plan
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._watch_disk import KEPT, disk_parts
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight

NOW = 1_800_000_000.0


@pytest.fixture
def sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sight:
    """A machine without Docker, and with a folder that holds two MiB of backups."""
    backup = tmp_path / "backups/0001-20270115T080000Z"
    backup.mkdir(parents=True)
    (backup / "dump.zst").write_bytes(b"x" * 2**21)
    monkeypatch.setenv("PATH", str(tmp_path))
    planned = plan("s-1vcpu-1gb").to_dict()
    settings = Settings(project_dir=str(tmp_path), plan=planned, disk=disk_plan(planned).to_dict())
    return Sight(settings, NOW)


def test_compared(sight: Sight) -> None:
    """Each part is a finding of its own, and what was measured is there to be shown."""
    found = {one.subject: one for one in disk_parts(sight) if one.check == "disk-plan"}
    assert found["backups"].what.startswith("takes 2 MiB, planned ")
    assert any("backups" in line for line in sight.counters[KEPT]["lines"])


def test_once_an_hour(sight: Sight, monkeypatch: pytest.MonkeyPatch) -> None:
    """In between it is what was found then; a clock that was put back measures anew."""
    first = disk_parts(sight)
    calls: list[Settings] = []

    def measure(settings: Settings) -> dict[str, object]:
        calls.append(settings)
        return {}

    monkeypatch.setattr(_watch_disk, "measure", measure)
    sight.now = NOW + 3599
    assert disk_parts(sight) == first
    assert calls == []
    for moment in (NOW + 3600, NOW - 1):
        sight.now = moment
        disk_parts(sight)
    assert len(calls) == 2
