"""What status.yml says of the Droplet is what the kernel says, and every harm done to it is named."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("backend", "postgres", "redis", "nginx")
MIB = 1024 * 1024
LABELS = (
    "--filter label=com.docker.compose.project=planner --filter label=com.docker.compose.service"
)


@pytest.fixture(scope="module")
def status(tmp_path_factory):
    """Return a function that runs status.yml: its exit code, what it printed, and its JSON."""
    playbook = ROOT / "playbooks/status.yml"
    command = ["ansible-playbook", "-i", os.environ["MOLECULE_INVENTORY_FILE"], str(playbook)]
    image = ["-e", f"droplet_image={os.environ['BENCH_BACKEND_IMAGE']}"]
    file = tmp_path_factory.mktemp("status") / "status.json"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *image, *words], capture_output=True, text=True, check=False, timeout=300
        )

    def both() -> tuple[int, dict[str, Any]]:
        file.unlink(missing_ok=True)
        done = run("-e", "status_format=json", "-e", f"status_file={file}")
        assert file.exists(), done.stdout + done.stderr
        return done.returncode, json.loads(file.read_text())

    run.json = both
    return run


def name_of(host: Host, service: str) -> str:
    """Name the service's container."""
    return host.check_output(f"docker ps -a {LABELS}={service} --format '{{{{.Names}}}}'").split()[
        0
    ]


def bad(state: dict[str, Any]) -> set[tuple[str, str, str]]:
    """All that is a problem or a warning; what a container cannot know of its machine is left out."""
    return {
        (one["severity"], one["check"], one["subject"])
        for one in state["findings"]
        if one["severity"] in ("problem", "warning")
    }


@pytest.fixture(scope="module", autouse=True)
def fresh(host, site):
    """Start with containers that nobody has harmed."""
    for service in ("backend", "redis"):
        ids = f"docker ps -aq {LABELS}={service}"
        host.run_expect([0], f"{ids} | xargs --no-run-if-empty docker rm -f")
    done = site("--tags", "stack")
    assert done.returncode == 0, done.stdout


def test_healthy(status):
    """A healthy Droplet: exit code 0, every service on the screen, no problem; also in check mode."""
    for words in ((), ("--check",)):
        done = status(*words)
        assert done.returncode == 0, done.stdout
        assert "changed=0" in done.stdout
        for name in SERVICES:
            assert f"\n        {name} " in done.stdout
        assert "Problem" not in done.stdout


def test_same_as_the_kernel(host, status):
    """The numbers are the kernel's, give or take what changes in a few seconds."""
    code, state = status.json()
    assert code == 0, bad(state)
    shown = {one["service"]: one for one in state["sections"]["memory"]["usage"]["containers"]}
    assert set(shown) == set(SERVICES)
    for service, one in shown.items():
        version_2 = host.file("/sys/fs/cgroup/cgroup.controllers").exists
        pattern = f"-path '*{one['id']}*' -name memory.stat"
        folder = "/sys/fs/cgroup" if version_2 else "/sys/fs/cgroup/memory"
        path = host.check_output(f"find {folder} {pattern}").split()[0]
        lines = host.check_output(f"cat {path}").splitlines()
        stat = {line.split()[0]: int(line.split()[1]) for line in lines}
        keys = ("anon", "shmem") if version_2 else ("total_rss", "total_shmem")
        kernel = sum(stat[key] for key in keys) / MIB
        assert abs(one["working_set_mb"] - kernel) <= max(4, 0.1 * kernel), service
        limit = "memory.max" if version_2 else "memory.limit_in_bytes"
        assert one["limit_mb"] * MIB == int(host.check_output(f"cat {Path(path).parent}/{limit}"))
        assert one["restarts"] == 0
        assert one["oom_kills"] == 0


def test_killed_backend(host, status, outside):
    """A backend that was killed runs again, and what happened is told with its exit code."""
    pid = host.check_output(f"docker inspect -f '{{{{.State.Pid}}}}' {name_of(host, 'backend')}")
    host.run_expect([0], f"kill -9 {pid}")
    outside.until_ready()
    code, state = status.json()
    assert code != 0
    assert ("problem", "restarts", "backend") in bad(state)
    (found,) = (
        one
        for one in state["findings"]
        if (one["check"], one["subject"]) == ("restarts", "backend")
    )
    assert "ended with 137" in found["what"]
    assert "docker logs" in found["do"]


def test_kill_at_the_limit(host, status):
    """A process that the kernel killed at a container's limit is found, though the container lives."""
    redis = name_of(host, "redis")
    hog = host.run(f"docker exec {redis} sh -c 'head -c 200m /dev/zero | tail'")
    assert hog.rc == 137, hog
    code, state = status.json()
    assert code != 0
    assert ("problem", "oom", "redis") in bad(state)
    flag = host.check_output(f"docker inspect -f '{{{{.State.Status}}}}' {redis}")
    assert flag == "running"


def test_limit_changed_by_hand(host, status):
    """A limit that is not the inventory's is named with both numbers."""
    host.run_expect([0], f"docker update --memory 80m --memory-swap 120m {name_of(host, 'redis')}")
    code, state = status.json()
    assert code != 0
    (found,) = (one for one in state["findings"] if one["check"] == "limit" and one["do"])
    assert (found["severity"], found["subject"]) == ("problem", "redis")
    assert found["what"] == "has a limit of 80 MiB, planned 64"
    # What it says to do helps at once.
    host.run_expect([0], found["do"].split("`")[1])
    _, state = status.json()
    assert not [one for one in state["findings"] if one["check"] == "limit" and one["do"]]


def test_only_shown(status):
    """With status_strict=false the same problems are shown, and the exit code is 0."""
    done = status("-e", "status_strict=false")
    assert done.returncode == 0, done.stdout
    assert "Problem" in done.stdout


def test_stopped_docker(host, status, outside):
    """With Docker stopped that is said; looking does not start it, and it starts again afterwards."""
    host.run_expect([0], "systemctl stop docker docker.socket && systemctl start docker.socket")
    done = status()
    assert done.returncode != 0
    assert "Docker: stopped" in done.stdout
    assert host.run("systemctl is-active docker").stdout.strip() == "inactive"
    host.run_expect([0], "systemctl start docker")
    outside.until_ready()
