"""The sections of the state, read on the host itself."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import (
    _backup_reader,
    _certificate_reader,
    _watch_product,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    Record,
    append,
)

from tests.unit import backup_status, certificate_status
from tests.unit.look_bench import Host, severities, told


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which nothing is installed."""
    host = Host(tmp_path, monkeypatch)
    for reader, name in ((_backup_reader, "planner-backup"), (_certificate_reader, "planner-tls")):
        monkeypatch.setattr(reader, "PROGRAM", str(host.programs / name))
    return host


def test_backups(host: Host) -> None:
    """What the program tells is judged as in the state of the machine; who makes the runs, only systemd knows."""
    assert severities(_watch_product.backups(host.sight()))["backup/backups"] == UNKNOWN
    host.prints("planner-backup", json.dumps(backup_status.status()))
    found = severities(_watch_product.backups(host.sight()))
    assert (found["backup/backups"], found["backup-drill/backups"]) == (OK, OK)
    assert found["backup-timer/planner-backup.timer"] == UNKNOWN
    host.prints("systemctl", "\n\n".join(["ActiveState=active\nResult=success"] * 6))
    assert set(severities(_watch_product.backups(host.sight())).values()) == {OK}
    old = backup_status.run("backup", "2026-12-31T02:05:10Z", made="2026-12-31T02:05:00Z")
    host.prints("planner-backup", json.dumps(backup_status.status(backup=old, good_backup=old)))
    assert severities(_watch_product.backups(host.sight()))["backup/backups"] == PROBLEM


def test_certificate(host: Host) -> None:
    """The same of the certificate."""
    assert (
        severities(_watch_product.certificate(host.sight()))["certificate/certificate"] == UNKNOWN
    )
    host.prints("planner-tls", json.dumps(certificate_status.status()))
    host.prints("systemctl", "ActiveState=active\n\nActiveState=inactive\nResult=success")
    assert set(severities(_watch_product.certificate(host.sight())).values()) == {OK}
    host.prints(
        "planner-tls",
        json.dumps(certificate_status.status(certificate_status.certificate(left=-1))),
    )
    found = severities(_watch_product.certificate(host.sight()))
    assert found["certificate-time/certificate"] == PROBLEM


@pytest.mark.parametrize("url, expected", [("", PROBLEM), (certificate_status.URL, None)])
def test_webhook_is_told_once(host: Host, url: str, expected: str | None) -> None:
    """What Telegram said half a day ago counts only where it is not asked now."""
    hook = {"url": certificate_status.URL, "problems": ["It fails. Do: x."], "pending": 1}
    host.prints("planner-tls", json.dumps(certificate_status.status(webhook=hook)))
    found = severities(_watch_product.certificate(host.sight(webhook_url=url)))
    assert found.get("webhook/webhook") == expected


def test_releases(host: Host) -> None:
    """What was released, and whether that runs; without Docker it is not known."""

    def judged() -> dict[str, tuple[str, str]]:
        return told(_watch_product.releases(host.sight(project_dir=str(host.root))))

    assert judged()["release/releases"][0] == WARNING
    image = f"sha256:{'a' * 64}"
    ids = {"backend": image}
    append(str(host.root), Record(1, images=ids, image_ids=ids, result=GOOD))
    assert judged()["release/release 1"][0] == UNKNOWN


def test_updates(host: Host) -> None:
    """Apt's last success and what dpkg left open, without asking apt what it would do; no word of a restart."""
    stamp = host.file("/var/lib/apt/periodic/upgrade-stamp")
    host.prints("dpkg-query", "iF  docker.io")
    host.prints("apt-get", "Inst vim [1] (2)")
    host.file("/run/reboot-required")

    def judged() -> dict[str, Any]:
        return severities(_watch_product.updates(host.sight()))

    expected = {"updates/updates": OK, "updates-error/updates": OK, "packages/packages": PROBLEM}
    assert judged() == expected
    os.utime(stamp, (0, time.time() - 5 * 86400))
    host.prints("dpkg-query", "ii  vim")
    assert judged() == {**expected, "updates/updates": PROBLEM, "packages/packages": OK}
    assert not any(call.startswith("apt-get") for call in host.calls)
