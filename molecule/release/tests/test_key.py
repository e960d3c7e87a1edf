"""A release key opens planner-release and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import SOON

Ssh = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def key(releases, instance, tmp_path_factory) -> Iterator[dict[str, Any]]:
    """Let a new release key in, by the part of site.yml that does; return its files."""
    folder: Path = tmp_path_factory.mktemp("key")
    file, known_hosts = folder / "release_key", folder / "known_hosts"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ci", "-f", str(file)], check=True
    )
    scan = ["ssh-keyscan", "-t", "ed25519", instance["address"]]
    known_hosts.write_bytes(subprocess.check_output(scan, stderr=subprocess.DEVNULL))
    public = file.with_suffix(".pub").read_text().strip()
    options = ("-e", "droplet_image=", "-e", f'{{"droplet_release_keys": ["{public}"]}}')
    done = releases.playbook("site", "--tags", "hardening", *options)
    assert done.returncode == 0, done.stdout
    yield {"file": str(file), "known_hosts": str(known_hosts), "options": options}
    done = releases.playbook("site", "--tags", "hardening", "-e", "droplet_image=")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def ssh(key, instance) -> Ssh:
    """Return a function that connects with the release key."""
    options = ["-F", "none", "-i", key["file"], "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    options += ["-o", f"UserKnownHostsFile={key['known_hosts']}", "-o", "ConnectTimeout=20"]

    def connect(*words: str, program: str = "ssh", to: str | None = None) -> Any:
        target = to or f"deploy@{instance['address']}"
        before, after = (words, ()) if to else ((), words)
        return subprocess.run(
            [program, *options, *before, target, *after],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    return connect


def by_key(key, instance, **given: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook that a pipeline runs."""
    environment = os.environ | {
        "DEPLOY_HOST": instance["address"],
        "DEPLOY_KEY_FILE": key["file"],
        "DEPLOY_KNOWN_HOSTS_FILE": key["known_hosts"],
        **given,
    }
    root = Path(__file__).parents[3]
    command = ["ansible-playbook", "-i", "localhost,", str(root / "playbooks/deploy_by_key.yml")]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("words", [("bash",), (), ("status; id",), ("deploy", "x", "--", "id")])
def test_no_shell(ssh, words):
    """Whatever it asks for besides its three commands is refused, and nothing of it runs."""
    done = ssh(*words)
    assert done.returncode != 0
    assert "uid=" not in done.stdout
    assert "planner-release" in done.stderr + done.stdout, done


def test_no_files(ssh, instance, tmp_path):
    """No file gets in or out."""
    (tmp_path / "file").write_text("x")
    for source, target in (
        (str(tmp_path / "file"), f"deploy@{instance['address']}:/tmp/by-key"),
        (f"deploy@{instance['address']}:/etc/passwd", str(tmp_path / "passwd")),
    ):
        assert ssh(source, program="scp", to=target).returncode != 0
    assert not (tmp_path / "passwd").exists()


def test_no_forwarding(ssh, instance):
    """No way through the Droplet to what is behind it."""
    done = ssh("-W", "127.0.0.1:80", to=f"deploy@{instance['address']}")
    assert done.returncode != 0
    assert "HTTP" not in done.stdout


def test_no_other_image(releases, ssh, image):
    """Only the repository of the image that runs, and only by digest; nothing is pulled or logged."""
    before = len(releases.log)
    other = image("two").replace("planner/backend", "planner/other")
    for reference in (other, image("two").partition("@")[0] + ":latest"):
        done = ssh("deploy", reference)
        assert done.returncode != 0, done
    assert len(releases.log) == before


def test_release(releases, key, instance, image, measured):
    """A pipeline's release by digest: no request fails.

    site.yml, with no image in the inventory, leaves alone what was released and finds nothing else to do.
    """
    target = releases.other
    with measured() as counts:
        done = by_key(key, instance, DEPLOY_IMAGE=image(target))
    assert done.returncode == 0, done.stdout
    assert counts["failed"] == 0, counts
    assert releases.version == target
    assert (releases.last["result"], releases.last["by"]) == ("good", "key ci")
    releases.settled()
    # Not role backup: for a bare machine it keeps what the owner wrote, and here that is without an image now.
    again = releases.playbook("site", *SOON, *key["options"], "--skip-tags", "backup")
    assert "changed=0 " in again.stdout, again.stdout
    assert releases.version == target


@pytest.mark.thorough
def test_broken(releases, key, instance, image):
    """A broken version fails the pipeline, with its last lines; the old one serves on."""
    before = releases.version
    done = by_key(key, instance, DEPLOY_IMAGE=image("does-not-start"))
    assert done.returncode != 0
    assert "No such file or directory" in done.stdout, done.stdout
    assert releases.version == before
    assert releases.last["result"] == "void"


@pytest.mark.thorough
def test_back(releases, key, instance):
    """The way back leads past what never served, to what ran before."""
    target = releases.before
    done = by_key(key, instance, DEPLOY_ROLLBACK_TO="previous")
    assert done.returncode == 0, done.stdout
    assert (releases.last["kind"], releases.last["result"]) == ("rollback", "good")
    assert releases.last["images"] == target["images"]


def test_status(ssh, releases):
    """It may ask what runs."""
    done = ssh("status")
    assert done.returncode == 0, done
    assert str(releases.last["release"]) in done.stdout
