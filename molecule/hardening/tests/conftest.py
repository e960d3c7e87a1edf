"""Strangers: other machines on the Droplet's network, each with an address of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from testinfra.host import Host

CONNECT = """
import asyncio, json, sys
address, ports = sys.argv[1], json.loads(sys.argv[2])
async def answers(port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 3)
    except OSError:
        return False
    writer.close()
    return True
async def main():
    print(json.dumps(await asyncio.gather(*map(answers, ports))))
asyncio.run(main())
"""


@dataclass(frozen=True)
class Stranger:
    """A machine that keeps its address until the test is over."""

    container: str

    def run(self, command: Sequence[str], *, check: bool = True) -> str:
        """Run one command on it."""
        return subprocess.run(
            ["docker", "exec", self.container, *command],
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
        ).stdout

    def connections(self, address: str, ports: Sequence[int]) -> list[bool]:
        """Open a TCP connection to each port, all at once; tell which the other side accepted."""
        answer = self.run(["python3", "-c", CONNECT, address, json.dumps(list(ports))])
        return [bool(accepted) for accepted in json.loads(answer)]

    def open_ports(self, address: str, ports: Sequence[int]) -> set[int]:
        """Scan the ports."""
        accepted = self.connections(address, ports)
        return {port for port, is_open in zip(ports, accepted, strict=True) if is_open}

    def ssh(self, user: str, address: str) -> None:
        """Try to log in with no key at all."""
        options = [
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "ConnectTimeout=5",
        ]
        self.run(["ssh", *options, f"{user}@{address}", "true"], check=False)

    def status(self, *request: str) -> str:
        """Send a request, as curl takes it; 000 when nobody answers."""
        show = ["-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}"]
        return self.run(["curl", *show, *request], check=False)


@pytest.fixture(scope="module")
def strangers() -> Iterator[Callable[..., Stranger]]:
    """Return a function that brings up one more stranger, on a network of choice."""
    started: list[str] = []

    def start(network: str = "planner-bench") -> Stranger:
        # The Droplet's image has what an attacker needs: an SSH client, Python and curl.
        command = ["docker", "run", "--detach", "--rm", "--init", "--network", network]
        image = ["--cap-add", "NET_ADMIN", "planner-bench/droplet:13", "sleep", "infinity"]
        done = subprocess.run([*command, *image], capture_output=True, text=True, check=True)
        started.append(done.stdout.strip())
        return Stranger(started[-1])

    yield start
    if started:
        # A test may have removed its own already.
        subprocess.run(["docker", "rm", "--force", *started], capture_output=True, check=False)


@pytest.fixture
def containers_live(host: Host, outside) -> Callable[[], None]:
    """Return a function that asserts what hardening tends to break: published port, the way out, and names."""

    def look() -> None:
        assert host.check_output("cat /proc/sys/net/ipv4/ip_forward") == "1"
        assert outside.request("/health/ready").status == 200
        ids = host.check_output("docker ps -q --filter label=com.docker.compose.service=backend")
        # Whoever the Droplet has its packages from answers.
        site = urlsplit(host.check_output("apt-get indextargets --format '$(SITE)'").split()[0])
        where = (site.hostname, site.port or (443 if site.scheme == "https" else 80))
        fetch = f"import socket; socket.create_connection({where!r}, 20)"
        host.check_output("docker exec %s python -c %s", ids.split()[0], fetch)

    return look
