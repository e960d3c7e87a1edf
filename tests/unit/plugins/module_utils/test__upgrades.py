"""apt's log as it is written, and the judgement of a machine's upgrades."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._upgrades import (
    Change,
    by_day,
    judge,
    parse_history,
    parse_simulation,
    parse_status,
    upgrade_section,
)
from hypothesis import given
from hypothesis import strategies as st

LOG = """
Start-Date: 2026-11-20  06:44:36
Commandline: /usr/bin/unattended-upgrade
Upgrade: libc6:amd64 (2.41-11, 2.41-12+deb13u5), libc-bin:amd64 (2.41-11, 2.41-12+deb13u5)
End-Date: 2026-11-20  06:44:38

Start-Date: 2026-11-20  06:44:40
Commandline: /usr/bin/unattended-upgrade
Install: linux-image-6.12.9:amd64 (6.12.9-1, automatic)
Upgrade: vim:amd64 (2:9.1, 2:9.2)
End-Date: 2026-11-20  06:44:44

Start-Date: 2026-11-21  10:00:00
Commandline: apt-get install --yes unattended-upgrades
Requested-By: deploy (1000)
Remove: ufw:amd64 (0.36)
Error: Sub-process /usr/bin/dpkg returned an error code (1)
"""
NOW = 1_800_000_000.0
DAY = 86400.0
GOOD: dict[str, Any] = {
    "now": NOW,
    "runs": [],
    "installed_at": NOW - 90 * DAY,
    "last_success": NOW - DAY,
    "pending": [],
    "unfinished": [],
    "reboot_since": None,
    "reboot_packages": [],
}


def test_history() -> None:
    """Who, when, which versions, and how it ended."""
    first, second, third = parse_history(LOG)
    assert (first.at, first.by, first.finished) == ("2026-11-20 06:44:36", "unattended", True)
    assert first.changes == (
        Change("libc6", "upgrade", "2.41-11", "2.41-12+deb13u5"),
        Change("libc-bin", "upgrade", "2.41-11", "2.41-12+deb13u5"),
    )
    assert second.changes == (
        Change("linux-image-6.12.9", "install", "", "6.12.9-1"),
        Change("vim", "upgrade", "2:9.1", "2:9.2"),
    )
    # Installing unattended-upgrades by hand is no unattended upgrade.
    assert (third.by, third.finished) == ("by hand", False)
    assert third.changes == (Change("ufw", "remove", "0.36", ""),)
    assert third.error == "Sub-process /usr/bin/dpkg returned an error code (1)"


@pytest.mark.parametrize("text", ["", "\n\n", "garbage", "Log started\nEnd-Date: x\n"])
def test_no_history(text: str) -> None:
    """An empty or foreign log has no runs."""
    assert parse_history(text) == []


@given(st.text(alphabet="abcSU:(),- \n0"))
def test_history_never_fails(noise: str) -> None:
    """A log that was cut anywhere is read as far as it goes."""
    parse_history(f"Start-Date: 1\nUpgrade: {noise}")
    parse_history(noise)


def test_commands() -> None:
    """What apt and dpkg say when asked."""
    assert parse_simulation("Inst vim [1] (2 Debian)\nConf vim (2)\nInst a [1] (2)\n") == [
        "vim",
        "a",
    ]
    status = "ii  vim\nrc  old\niU  half:amd64\niF  conf\nin  none\niHR broken\niWt  waits\n"
    assert parse_status(status.replace("iWt", "iW ")) == ["half:amd64", "conf", "broken"]


@pytest.mark.parametrize(
    "changes, check, severity",
    [
        ({}, "updates", "ok"),
        ({"last_success": None, "installed_at": NOW - DAY}, "updates", "ok"),
        ({"last_success": None}, "updates", "problem"),
        ({"last_success": NOW - 4 * DAY}, "updates", "problem"),
        ({"last_success": None, "installed_at": None}, "updates", "unknown"),
        ({"now": None}, "updates", "unknown"),
        ({"runs": [{"error": "broken"}]}, "updates-error", "warning"),
        ({"runs": [{"error": "broken"}, {"error": ""}]}, "updates-error", "ok"),
        ({"unfinished": ["docker.io"]}, "packages", "problem"),
        ({"unfinished": None}, "packages", "unknown"),
        ({"reboot_since": NOW - DAY}, "reboot", "ok"),
        ({"reboot_since": NOW - 4 * DAY}, "reboot", "warning"),
        ({"now": None}, "reboot", "unknown"),
    ],
)
def test_judge(changes: dict[str, Any], check: str, severity: str) -> None:
    """One thing wrong is one finding, with something to do; the others stay as they were."""
    found = {one.check: one for one in judge({**GOOD, **changes})}
    assert found[check].severity == severity
    assert severity in ("ok", "unknown") or found[check].do
    others = {one.severity for name, one in found.items() if name != check}
    assert others == {"ok"} or changes == {"now": None}


def test_section() -> None:
    """What a terminal shows: the state first, then day by day, upgrades only, at most 88 columns."""
    runs = [run.to_dict() for run in parse_history(LOG)]
    seen = {**GOOD, "runs": runs, "reboot_since": NOW, "reboot_packages": ["linux-image-6.12.9"]}
    section = upgrade_section(seen)
    assert section["name"] == "updates"
    assert section["data"] == seen
    text = " ".join(" ".join(section["lines"]).split())
    assert text.startswith("Updates last run 2027-01-14 08:00 UTC, 0 packages to upgrade, ")
    assert "restart needed since 2027-01-15 08:00 UTC for linux-image-6.12.9" in text
    assert (
        "2026-11-20 unattended: libc6 2.41-11 -> 2.41-12+deb13u5, libc-bin 2.41-11 -> 2.41-12+deb13u5, "
        "vim 2:9.1 -> 2:9.2 2026-11-21 by hand: remove ufw 0.36"
    ) in text
    assert max(map(len, section["lines"])) <= 88


@pytest.mark.parametrize("seen", [None, {}, {"runs": "x", "pending": 3, "unfinished": {}}])
def test_nothing_seen(seen: object) -> None:
    """What could not be read is unknown, never good, except that nothing speaks for a restart or an error."""
    section = upgrade_section(seen)
    assert {one["severity"] for one in section["findings"]} == {"unknown", "ok"}
    assert section["lines"] == ["Updates   no run yet, ? packages to upgrade, no restart needed"]


def test_many_packages() -> None:
    """A long list ends with how many more there are."""
    change = {"package": "p", "action": "upgrade", "old": "1", "new": "2"}
    runs = [{"at": "2026-11-20 1", "by": "unattended", "changes": [change]} for _ in range(6)]
    assert by_day(runs) == [("2026-11-20", "unattended", ["p 1 -> 2"] * 6)]
    assert upgrade_section({**GOOD, "runs": runs})["lines"][-1].endswith("and 2 more")
