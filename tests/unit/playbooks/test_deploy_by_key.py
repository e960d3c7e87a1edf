"""playbooks/deploy_by_key.yml with an ssh that only notes what it was asked."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SSH = """#!/bin/sh
printf '%s\\n' "$@" >"$0.words"
cat >"$0.stdin"
echo 'the Droplet says so'
echo 'and complains' >&2
exit ${SSH_EXIT:-0}
"""
IMAGE = "ghcr.io/me/app@sha256:" + "1" * 64
PASSWORD = "never-print-this"
WAY = {
    "DEPLOY_HOST": "203.0.113.10",
    "DEPLOY_KEY_FILE": "/key",
    "DEPLOY_KNOWN_HOSTS_FILE": "/hosts",
}
REGISTRY = {
    "DEPLOY_REGISTRY": "ghcr.io",
    "DEPLOY_REGISTRY_USERNAME": "me",
    "DEPLOY_REGISTRY_PASSWORD": PASSWORD,
}


class Playbook:
    """The playbook, and what it asked of ssh."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Put our ssh before the real one."""
        self.root = root
        self.ssh = folder / "ssh"
        self.ssh.write_text(SSH)
        self.ssh.chmod(0o755)

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Run it as verbosely as can be."""
        path = f"{self.ssh.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        command = ["ansible-playbook", "-vvvv", "-i", "localhost,", "playbooks/deploy_by_key.yml"]
        inherited = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [*command, *words],
            cwd=self.root,
            env=inherited | {"PATH": path, "ANSIBLE_NOCOLOR": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def words(self) -> list[str]:
        """What ssh was called with, after its options."""
        words = Path(f"{self.ssh}.words").read_text().splitlines()
        return words[words.index("--") + 1 :]

    @property
    def options(self) -> str:
        """What ssh was called with, before the host."""
        return Path(f"{self.ssh}.words").read_text().replace("\n", " ").partition(" -- ")[0]

    @property
    def stdin(self) -> Any:
        """The login, None without one."""
        text = Path(f"{self.ssh}.stdin").read_text().strip()
        return json.loads(text) if text else None


@pytest.fixture
def playbook(root: Path, tmp_path: Path) -> Playbook:
    """The playbook, and what it asked of ssh."""
    return Playbook(root, tmp_path)


def test_deploy(playbook: Playbook) -> None:
    """The login goes over standard input and is shown nowhere; the Droplet's words are."""
    code, out = playbook.run(**WAY, **REGISTRY, DEPLOY_IMAGE=IMAGE, DEPLOY_PORT="", DEPLOY_USER="")
    assert code == 0, out
    assert playbook.words == ["deploy@203.0.113.10", "deploy", IMAGE, "--login"]
    assert playbook.options == (
        "-F none -i /key -p 22 -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes"
        " -o UserKnownHostsFile=/hosts -o ConnectTimeout=20 -o ServerAliveInterval=15"
    )
    assert playbook.stdin == {"registry": "ghcr.io", "username": "me", "password": PASSWORD}
    assert "the Droplet says so" in out
    assert PASSWORD not in out


def test_rollback(playbook: Playbook) -> None:
    """Also given on the command line, through another port and account, without a login."""
    way = {**WAY, "DEPLOY_PORT": "2222", "DEPLOY_USER": "anna"}
    code, out = playbook.run("-e", "rollback_to=3", **way)
    assert code == 0, out
    assert playbook.words == ["anna@203.0.113.10", "rollback", "3"]
    assert " -p 2222 " in playbook.options
    assert playbook.stdin is None


def test_failure(playbook: Playbook) -> None:
    """A release that failed fails the run, after all that the Droplet said; without a wish it asks for the state."""
    code, out = playbook.run(**WAY, **REGISTRY, SSH_EXIT="1")
    assert code == 2
    assert playbook.words == ["deploy@203.0.113.10", "status"]
    assert "the Droplet says so" in out
    assert "and complains" in out
    assert "status failed, see above." in out
    assert PASSWORD not in out


@pytest.mark.parametrize(
    "environment",
    [{}, {**WAY, "DEPLOY_HOST": ""}, {**WAY, "DEPLOY_IMAGE": IMAGE, "DEPLOY_ROLLBACK_TO": "1"}],
)
def test_refused(playbook: Playbook, environment: dict[str, str]) -> None:
    """Without a way, or with two wishes, nobody is called."""
    code, out = playbook.run(**environment)
    assert code == 2
    assert "Give either droplet_image or rollback_to" in out
    assert not Path(f"{playbook.ssh}.words").exists()
