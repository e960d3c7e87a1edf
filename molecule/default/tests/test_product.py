"""The product answers, and its containers are what the plan says. Judged from outside the Droplet."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

sys.path.insert(0, str(Path(__file__).parents[3] / ".collections"))
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

PLAN = plan("s-1vcpu-1gb")
SERVICES = sorted(PLAN.services)

# Runs on a neighbour: tries every TCP port of the Droplet, prints the open ones. A closed one does not answer, so many
# at a time; those that do answer do it at once.
SCAN = """
import asyncio, resource, socket, sys
async def knock(port, gate):
    async with gate:
        # Bare sockets: 4000 streams take a busy machine longer to make than they may wait.
        with socket.socket() as door:
            door.setblocking(False)
            try:
                calls = asyncio.get_running_loop().sock_connect(door, (sys.argv[1], port))
                await asyncio.wait_for(calls, 3)
            except OSError:
                return None
            return port
async def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gate = asyncio.Semaphore(min(4000, most - 100))
    found = await asyncio.gather(*(knock(port, gate) for port in range(1, 65536)))
    print(*[port for port in found if port])
asyncio.run(main())
"""


def test_product_answers_through_nginx(outside):
    """The backend's readiness comes back through nginx, which does not give its version away."""
    answer = outside.request("/health/ready")
    assert answer.status == 200, answer
    assert answer.json["status"] == "ready"
    assert answer.headers["Server"] == "nginx"


def test_message_becomes_a_task(outside):
    """A chat message is stored once, found again by meaning, and its retry changes nothing."""
    first = outside.new_update_id()
    assert outside.message(first, "pay the rent tomorrow !high").json == {"result": "stored"}
    assert outside.message(first, "pay the rent tomorrow !high").json == {"result": "duplicate"}
    assert outside.message(first + 1, "water the plants").json == {"result": "stored"}
    found = outside.request(
        "/tasks/similar?q=rent+payment&chat_id=7",
        X_Telegram_Bot_Api_Secret_Token="demo-webhook-secret",
    ).json["tasks"]
    assert found[0]["title"] == "pay the rent"
    assert found[0]["priority"] == "high"


def test_wrong_secret_is_refused(outside):
    """A message without Telegram's secret is not read."""
    assert outside.message(1003, "x", secret="wrong").status == 401


def test_only_the_product_is_reachable(outside, neighbour):
    """Of all TCP ports a neighbour finds ssh and the web server open, and nothing else."""
    ports = {int(port) for port in neighbour(["python", "-c", SCAN, outside.address]).split()}
    assert ports == {22, 80, 443}


@pytest.mark.parametrize("service", SERVICES)
def test_kernel_holds_the_plan(host: Host, containers: dict[str, Any], service: str):
    """The limits the kernel enforces are the plan's, to the byte."""
    mib = 1024 * 1024
    planned = PLAN.services[service]
    pid = containers[service]["State"]["Pid"]
    group = host.check_output(f"cat /proc/{pid}/cgroup")
    if "0::/" in group and "memory" not in group:  # cgroup v2
        folder = "/sys/fs/cgroup" + re.search(r"0::(.*)", group).group(1)
        names = ("memory.max", "pids.max")
    else:
        # Inside a container the path begins at its own group: look for the container's id.
        found = host.check_output(
            f"find /sys/fs/cgroup/memory /sys/fs/cgroup/pids -type d -name '*{containers[service]['Id']}*'"
        ).split()
        folder = next(path for path in found if path.startswith("/sys/fs/cgroup/memory"))
        names = ("memory.limit_in_bytes", "")
    assert int(host.check_output(f"cat {folder}/{names[0]}")) == planned.limit_mb * mib
    settings = containers[service]["HostConfig"]
    assert settings["MemoryReservation"] == planned.reservation_mb * mib
    assert settings["MemorySwap"] == planned.memory_and_swap_mb * mib
    assert settings["CpuShares"] == planned.cpu_shares
    assert settings["PidsLimit"] == planned.pids


@pytest.mark.parametrize("service", SERVICES)
def test_container_has_no_power(host: Host, containers: dict[str, Any], service: str):
    """No container runs as root, can write to its image, gain privileges or keep a capability."""
    entry = containers[service]
    settings = entry["HostConfig"]
    assert settings["ReadonlyRootfs"] is True
    assert settings["CapDrop"] == ["ALL"]
    assert not settings["CapAdd"]
    assert "no-new-privileges:true" in settings["SecurityOpt"]
    assert settings["RestartPolicy"]["Name"] == "unless-stopped"
    # nginx's goes to the journal, where fail2ban reads it.
    assert settings["LogConfig"]["Type"] == ("journald" if service == "nginx" else "local")
    uids = host.check_output(
        f"ps -o uid= -p {entry['State']['Pid']} --ppid {entry['State']['Pid']}"
    )
    assert uids.split()
    assert "0" not in uids.split()
    status = host.check_output(f"cat /proc/{entry['State']['Pid']}/status")
    assert re.search(r"CapEff:\s+0{16}", status)


def test_only_nginx_publishes_ports(containers):
    """PostgreSQL and Redis are on a network without a way out, and publish nothing."""
    published = {
        name
        for name, entry in containers.items()
        if any(entry["NetworkSettings"]["Ports"].values())
    }
    assert published == {"nginx"}
    for name in ("postgres", "redis"):
        assert list(containers[name]["NetworkSettings"]["Networks"]) == ["planner_data"]


def test_data_network_is_internal(host):
    """A data service cannot reach beyond its own network, not even the Droplet's neighbours."""
    assert host.check_output("docker network inspect planner_data -f '{{.Internal}}'") == "true"


def test_secrets_stay_secret(host):
    """No secret's value is in docker inspect, a command line, a log, or a file others can read."""
    names = host.check_output("ls /opt/planner/secrets").split()
    assert {"database_password", "database_superuser_password", "telegram_webhook_secret"} <= set(
        names
    )
    values = [host.check_output(f"cat /opt/planner/secrets/{name}") for name in names]
    assert all(len(value) >= 16 for value in values)
    places = {
        "docker inspect": "docker inspect $(docker ps -aq)",
        "images": "docker image inspect $(docker images -q)",
        "command lines": "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'",
        "journal": "journalctl --no-pager -o cat",
        "container logs": "for c in $(docker ps -q); do docker logs $c 2>&1; done",
        "the project's files": "grep -r '' /opt/planner --exclude-dir=secrets --exclude-dir=inventory -h",
    }
    for place, command in places.items():
        text = host.check_output(command)
        assert text, f"{place}: nothing was looked at"
        for name, value in zip(names, values, strict=True):
            assert value not in text, f"{name} is visible in {place}"
    assert host.check_output("find /opt/planner/secrets -perm /007") == ""
    # The owner's whole inventory, for a bare machine.
    assert host.check_output("find /opt/planner/backup/inventory -perm /007") == ""


def test_backend_is_no_superuser(host):
    """The backend's database role owns its database and nothing more; the vector extension is there."""
    answer = host.check_output(
        "docker exec planner-postgres-1 psql -U postgres -d planner -AtF, -c "
        "\"select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = 'planner'\""
    )
    assert answer == "f,f,f"
    extensions = "select extname from pg_extension where extname = 'vector'"
    assert host.check_output(
        f'docker exec planner-postgres-1 psql -U postgres -d planner -Atc "{extensions}"'
    )


def test_superuser_has_no_password(host):
    """What initdb was given, and the image's entrypoint keeps in its environment, opens nothing."""
    query = "select rolpassword is null from pg_authid where rolname = 'postgres'"
    assert (
        host.check_output(f'docker exec planner-postgres-1 psql -U postgres -Atc "{query}"') == "t"
    )


def test_servers_run_with_the_planned_settings(host):
    """PostgreSQL and Redis themselves report the plan's numbers."""
    postgres, redis = PLAN.services["postgres"].settings, PLAN.services["redis"].settings
    query = "select json_object_agg(name, setting) from pg_settings"
    shown = json.loads(
        host.check_output(f'docker exec planner-postgres-1 psql -U postgres -Atc "{query}"')
    )
    assert int(shown["shared_buffers"]) * 8 == postgres["shared_buffers_mb"] * 1024
    assert int(shown["max_connections"]) == postgres["max_connections"]
    assert int(shown["work_mem"]) == postgres["work_mem_mb"] * 1024
    memory = host.check_output(
        "docker exec planner-redis-1 redis-cli config get maxmemory"
    ).split()[1]
    assert int(memory) == redis["maxmemory_mb"] * 1024 * 1024
