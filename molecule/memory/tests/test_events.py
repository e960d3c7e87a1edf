"""Events run beside the product on 1 GiB under constant requests: nothing is killed, nothing fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

OTHERS = "planner-postgres-1 planner-redis-1 planner-nginx-1"
# Some 50 MB that do not compress: a person's tasks of many years.
BALLAST = """
CREATE TABLE IF NOT EXISTS ballast AS
SELECT n, md5(random()::text) || md5(random()::text) || md5(random()::text) AS noise
FROM generate_series(1, 400000) AS n
"""


def kills(host: Host, container: str) -> int:
    """Count what the kernel killed for memory in this Droplet: its log names the control group."""
    lines = host.check_output("dmesg").splitlines()
    assert lines, "the kernel's log cannot be read"
    return sum("oom-kill:" in line and container in line for line in lines)


@pytest.fixture
def unharmed(host: Host, container: str):
    """Whatever happens in the test, the kernel kills nothing and no container restarts."""
    look = (
        f"docker inspect -f '{{{{.Name}}}} {{{{.RestartCount}}}} {{{{.State.Running}}}}' {OTHERS}"
    )
    before, killed = host.check_output(look), kills(host, container)
    yield
    assert kills(host, container) == killed
    assert host.check_output(look) == before


def test_hog_dies_alone(host: Host, outside, container: str):
    """A process that fills the backend's container is killed in it; every other service, sshd and dockerd live."""
    look = (
        f"docker inspect -f '{{{{.Id}}}} {{{{.State.StartedAt}}}}' {OTHERS};"
        "systemctl show -p MainPID --value ssh docker"
    )
    before, killed = host.check_output(look), kills(host, container)
    backend = host.check_output("docker ps -q --filter label=com.docker.compose.service=backend")
    program = "x = bytearray(600 * 1024 * 1024); x[::4096] = b'1' * len(x[::4096])"
    hog = host.run(f'docker exec {backend} python -c "{program}"')
    assert hog.rc == 137, hog
    assert kills(host, container) > killed
    assert host.check_output(look) == before
    outside.until_ready()


@pytest.mark.usefixtures("unharmed")
def test_release_under_load(playbook, load, outside, host, next_image):
    """A new version takes over: no request fails, and the old container is gone."""
    with load() as counts:
        done = playbook("deploy", "-e", f"droplet_image={next_image}")
    assert done.returncode == 0, done.stdout
    assert counts["failed"] == 0, counts
    assert counts["sent"] > 100, counts
    assert outside.request("/").json["version"] == "1.0.1"
    assert (
        len(
            host.check_output(
                "docker ps -aq --filter label=com.docker.compose.service=backend"
            ).split()
        )
        == 1
    )


@pytest.mark.usefixtures("unharmed")
def test_dump_under_load(load, host):
    """A dump of a large database, in the maintenance slice, disturbs no request."""
    psql = "docker exec -i planner-postgres-1 psql -q -U postgres -d planner -v ON_ERROR_STOP=1"
    host.run_expect([0], f'echo "{BALLAST}" | {psql}')
    dump = "docker exec planner-postgres-1 pg_dump -U postgres -Fc planner > /root/dump"
    with load() as counts:
        host.run_expect([0], f"planner-maintenance dump sh -c '{dump}'")
    assert host.file("/root/dump").size > 10_000_000
    assert counts["failed"] == 0, counts


@pytest.mark.usefixtures("unharmed")
def test_apt_under_load(load, host):
    """Package lists and a package with triggers, in the maintenance slice, disturb no request."""
    with load() as counts:
        host.run_expect(
            [0],
            "planner-maintenance apt sh -c 'apt-get update && apt-get install -y --reinstall procps'",
        )
    assert counts["failed"] == 0, counts


def push(name: str) -> str:
    """Push an image of this machine to the bench's registry; return its reference."""
    root = Path(__file__).parents[3]
    command = [str(root / "molecule/bench/push-image.sh"), name, "planner/backend"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def next_image() -> str:
    """Return the next version of the reference backend."""
    return push("planner-demo/backend:1.0.1")
