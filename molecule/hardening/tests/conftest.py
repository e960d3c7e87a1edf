"""Strangers: other machines on the Droplet's network, each with an address of its own. Logins, and a port scan."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[3]

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
        """Send a request, as curl takes it, whoever signed the certificate; 000 when nobody answers."""
        show = ["-s", "-k", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}"]
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


OPTIONS = [
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    "ConnectTimeout=10",
]


def ssh(droplet: dict[str, Any], user: str, command: str, *options: str, port: int = 22) -> Any:
    """Log in anew and run a command; return what ssh says."""
    key = ["-i", droplet["identity_file"], "-p", str(port)]
    line = ["ssh", *OPTIONS, *key, *options, f"{user}@{droplet['address']}", command]
    deadline = time.monotonic() + 90
    while True:
        said = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
        # After a few refused keys the server does not talk to their sender for a while.
        if "kex_exchange_identification" not in said.stderr or time.monotonic() > deadline:
            return said
        time.sleep(3)


def gets_in(droplet: dict[str, Any], user: str, port: int = 22) -> bool:
    """Tell whether the account lets its key in, with sudo where it needs it."""
    return ssh(droplet, user, "sudo -n true", port=port).returncode == 0


def new_key(folder: Path) -> str:
    """Make a valid key whose private half nobody uses."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "other", "-f", folder / "other"],
        check=True,
    )
    return (folder / "other.pub").read_text().strip()


def until(host: Host, command: str, attempts: int = 150) -> None:
    """Wait until a command succeeds on the Droplet."""
    for _ in range(attempts):
        if host.run(command).rc == 0:
            return
        time.sleep(0.4)
    pytest.fail(f"never succeeded: {command}")


COMMON = [21, 22, 23, 25, 53, 80, 110, 111, 143, 443, 445, 993, 2375, 2376, 3306, 5355, 5432, 6379]
# On the Droplet: published by Docker, published by it on the loopback, and a process of the host.
PUBLISHED, LOOPBACK, PROCESS = 8081, 9091, 7000
SCANNED = [*COMMON, 8000, 8080, 9090, PUBLISHED, LOOPBACK, PROCESS]
WANTED = {22, 80, 443}


@pytest.fixture(scope="module")
def listeners(host):
    """Have on the Droplet what must not answer; return the extra container's own address."""
    ports = f"-p {PUBLISHED}:80 -p 127.0.0.1:{LOOPBACK}:80"
    host.check_output(
        f"docker run --detach --name extra --restart always {ports} nginx:1.28-alpine"
    )
    host.check_output(
        f"systemd-run --quiet --unit extra --property WorkingDirectory=/run python3 -m http.server {PROCESS}"
    )
    address = "{{ .NetworkSettings.IPAddress }}"
    yield host.check_output(f"docker inspect --format '{address}' extra")
    host.check_output("docker rm --force extra")
    host.check_output("systemctl stop extra.service")


def judge(stranger, outside, host):
    """Compare the scan with what is wanted, and prove that containers still reach out and each other."""
    for port in (PUBLISHED, LOOPBACK, PROCESS):  # they are there, so the scan means something
        host.check_output(f"curl -sf -m 5 -o /dev/null http://127.0.0.1:{port}/")
    assert stranger.open_ports(outside.address, SCANNED) == WANTED
    assert stranger.status(f"https://{outside.address}/health/live") == "200"
    # The bench's registry is a machine outside of the Droplet; redis is a name of Docker's DNS.
    reach = "import socket; [socket.create_connection(a, 5) for a in (('10.231.0.2', 5000), ('redis', 6379))]"
    host.check_output(f'docker exec planner-backend-1 python -c "{reach}"')


FIRST_WEEK = "test_first_week"


@pytest.fixture(scope="session", autouse=True)
def first_week(request) -> Iterator[Callable[[], tuple[int, str]] | None]:
    """Run the tests of the Droplet that is met bare beside all others; return a function that waits for their end.

    They take as long as the others, mostly waiting, and it is another machine.
    """
    if not any(item.name == FIRST_WEEK for item in request.session.items):
        yield None
        return
    log = ROOT / ".cache/log/first-week.log"
    tests = Path(__file__).with_name("first_week.py")
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-v", "--durations=0", str(tests)],
            stdout=file,
            stderr=subprocess.STDOUT,
        )

    def end() -> tuple[int, str]:
        return process.wait(timeout=1200), log.read_text()

    yield end
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
