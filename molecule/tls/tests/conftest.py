"""The bench's CA and DNS, and the Droplet's certificate as it is served, stored and remembered."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
NAMES = ("planner.test", "www.planner.test")
CA = "10.231.0.3"
STATE = "/opt/planner/tls/state.json"
SETTINGS = "/opt/planner/tls/settings.json"


def bench(*words: str) -> str:
    """Call the bench's DNS and CA."""
    done = subprocess.run(
        [str(ROOT / "molecule/bench/acme.sh"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Ran:
    """What the program said."""

    code: int
    said: str


@dataclass
class Droplet:
    """The Droplet with its certificate."""

    host: Host
    address: str

    def served(self, name: str = NAMES[0]) -> x509.Certificate:
        """Take the certificate that a client of this machine is given."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection((self.address, 443), 30) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")

    def serial(self) -> int:
        """Tell its serial."""
        return self.served().serial_number

    def issued(self) -> int:
        """Tell the serial of what certbot keeps."""
        pem = self.host.check_output("cat /etc/letsencrypt/live/planner/cert.pem")
        return x509.load_pem_x509_certificate(pem.encode()).serial_number

    def names(self) -> set[str]:
        """Tell for which names the served certificate is."""
        found = self.served().extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return set(found.value.get_values_for_type(x509.DNSName))

    def keep(self, *words: str) -> Ran:
        """Run the program as its owner does."""
        done = self.host.run(f"planner-tls keep {' '.join(words)}")
        return Ran(done.rc, done.stdout + done.stderr)

    def timer(self) -> Ran:
        """Run it as the timer does; what it said is in the journal."""
        code = self.host.run("systemctl start certbot.service").rc
        run = self.host.check_output("systemctl show certbot.service -p InvocationID --value")
        said = self.host.check_output(f"journalctl _SYSTEMD_INVOCATION_ID={run} -o cat")
        return Ran(code, said)

    def state(self) -> dict[str, Any]:
        """Read what the program remembers."""
        return dict(json.loads(self.host.check_output(f"cat {STATE}")))

    def time_passes(self, seconds: float = 86400) -> None:
        """Move the last failure into the past, as if it had been noted so much earlier."""
        state = self.state()
        for name in ("at", "retry_at"):
            state["attempt"][name] -= seconds
        self.write(STATE, json.dumps(state))

    def write(self, path: str, text: str) -> None:
        """Replace a file's content, and nothing else of it."""
        self.host.check_output(f"cat >{path} <<'END'\n{text}\nEND")

    @contextmanager
    def settings(self, **changes: Any) -> Iterator[None]:
        """Have other settings for a while, as if the owner had run the playbook with them."""
        before = self.host.check_output(f"cat {SETTINGS}")
        self.write(SETTINGS, json.dumps(json.loads(before) | changes))
        try:
            yield
        finally:
            self.write(SETTINGS, before)

    @contextmanager
    def without(self, where: str, rule: str) -> Iterator[None]:
        """Have a firewall drop or reject something for a while."""
        # Before the Droplet's own tables; on the way out once connections are known, else those drop the refusal.
        priority = {"prerouting": -400, "output": 0}[where]
        chain = f"{{ type filter hook {where} priority {priority}; {rule}; }}"
        self.host.check_output(f"nft 'table inet bench_block {{ chain c {chain}; }}'")
        try:
            yield
        finally:
            self.host.check_output("nft delete table inet bench_block")


@pytest.fixture
def droplet(host: Host, outside: Any) -> Droplet:
    """Return the Droplet."""
    return Droplet(host, outside.address)


@pytest.fixture(scope="module")
def outside(outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the Droplet from outside, by its name, trusting nobody but the bench's CA."""
    roots = tmp_path_factory.mktemp("ca") / "root.pem"
    bench("root", str(roots))
    return replace(outside, name=NAMES[0], cafile=str(roots))


@pytest.fixture
def plain(outside: Any) -> Any:
    """Return the Droplet over plain HTTP."""
    return replace(outside, scheme="http")


@pytest.fixture
def named(outside: Any) -> Iterator[Callable[..., None]]:
    """Return a function that lets a name lead somewhere; forgotten afterwards."""
    names = []

    def name(one: str, *addresses: str) -> None:
        names.append(one)
        bench("name", one, *(addresses or (outside.address,)))

    yield name
    for one in names:
        bench("forget", one)


@pytest.fixture
def neighbour_server() -> Iterator[Callable[[str], str]]:
    """Return a function that runs a Python server in another container of the network; it returns its address."""
    started: list[str] = []

    def start(*command: str) -> str:
        words = ["docker", "run", "-d", "--rm", "--network", "planner-bench"]
        mount = ["--volume", f"{ROOT}/molecule/bench:/bench:ro"]
        run = [*words, *mount, "python:3.13-slim", *command]
        container = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
        started.append(container)
        form = '{{(index .NetworkSettings.Networks "planner-bench").IPAddress}}'
        address = subprocess.run(
            ["docker", "inspect", "-f", form, container], capture_output=True, text=True, check=True
        ).stdout.strip()
        port = int(command[-1])
        for _ in range(100):
            with closing(socket.socket()) as probe:
                if probe.connect_ex((address, port)) == 0:
                    return address
            time.sleep(0.1)
        raise AssertionError(f"{command} does not listen")

    yield start  # type: ignore[misc]
    for one in started:
        subprocess.run(["docker", "rm", "-f", one], capture_output=True, check=True)
