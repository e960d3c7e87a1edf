"""Module ``upgrades`` on files and commands that stand in for a host's."""

import gzip
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import upgrades

Run = Callable[[], dict[str, Any]]


def block(at: float, package: str) -> str:
    """One run in apt's log."""
    start = time.strftime("%Y-%m-%d  %H:%M:%S", time.localtime(at))
    return f"\nStart-Date: {start}\nCommandline: /usr/bin/unattended-upgrade\nUpgrade: {package} (1, 2)\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without apt."""
    monkeypatch.setattr(upgrades, "ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module in check mode, as a preview does."""

    def call() -> dict[str, Any]:
        with patch_module_args({"_ansible_check_mode": True}), pytest.raises(SystemExit):
            upgrades.main()
        answer = json.loads(capsys.readouterr().out)
        assert answer["changed"] is False
        return dict(answer["upgrades"])

    return call


def put(host: Path, path: str, content: str | bytes = "") -> Path:
    """Write a file of the host."""
    file = host / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.usefixtures("host")
def test_bare(run: Run) -> None:
    """Nothing is there: null, not zero."""
    seen = run()
    assert seen.pop("now") == pytest.approx(time.time(), abs=60)
    assert seen == {
        "runs": [],
        "installed_at": None,
        "last_success": None,
        "pending": None,
        "unfinished": None,
        "reboot_since": None,
        "reboot_packages": [],
    }


def test_everything(host: Path, run: Run) -> None:
    """The log with what was rotated, oldest first and each run once; stamps; what the commands say."""
    now, day = time.time(), 86400
    put(host, "var/log/apt/history.log", block(now - day, "new"))
    put(host, "var/log/apt/history.log.1.gz", gzip.compress(block(now - 2 * day, "old").encode()))
    put(
        host,
        "var/log/apt/history.log.2.gz",
        gzip.compress(block(now - 90 * day, "ancient").encode()),
    )
    put(host, "var/log/apt/history.log.3.gz", b"no gzip")
    stamp = put(host, "var/lib/apt/periodic/upgrade-stamp")
    os.utime(stamp, (now - day, now - day))
    put(host, "run/reboot-required")
    put(host, "run/reboot-required.pkgs", "linux-image\nlibc6\nlinux-image\n")
    put(host, "bin/apt-get", "#!/bin/sh\necho 'Inst vim [1] (2)'\n").chmod(0o755)
    put(host, "bin/dpkg-query", "#!/bin/sh\necho 'iF  docker.io'\n").chmod(0o755)
    seen = run()
    assert [change["package"] for one in seen["runs"] for change in one["changes"]] == [
        "old",
        "new",
    ]
    assert seen["last_success"] == pytest.approx(now - day, abs=1)
    assert (seen["pending"], seen["unfinished"]) == (["vim"], ["docker.io"])
    assert seen["reboot_since"] == pytest.approx(now, abs=60)
    assert seen["reboot_packages"] == ["libc6", "linux-image"]


def test_a_command_that_fails(host: Path, run: Run) -> None:
    """Its words are no list of packages."""
    put(host, "bin/apt-get", "#!/bin/sh\necho 'Inst vim [1] (2)'\nexit 100\n").chmod(0o755)
    assert run()["pending"] is None
