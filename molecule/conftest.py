"""What every scenario's tests share: the Droplet seen from outside, and the playbook run as its owner runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from testinfra.host import Host

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import ROOT, Place

# Molecule forces colours; what the playbooks print is read here.
os.environ.pop("ANSIBLE_FORCE_COLOR", None)
os.environ["ANSIBLE_NOCOLOR"] = "1"

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
ADMIN = "deploy"
# The inventory of the demo, which the scenarios link to.
WEBHOOK_SECRET = "demo-webhook-secret"
# How many tests were run, and how many were left to `make test-all`: scripts/scenario.sh tells it.
TESTS = ROOT / f".cache/log/tests-{os.environ['MOLECULE_SCENARIO_NAME']}.txt"


def case(item: pytest.Item) -> str:
    """Name the case of a test that has several."""
    return item.callspec.id if hasattr(item, "callspec") else ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With TESTS=fast, leave to `make test-all` what is marked thorough, but for the cases that it excepts."""
    fast = os.environ.get("TESTS") == "fast"
    marks = {item: item.get_closest_marker("thorough") for item in items if fast}
    excepted = {item: set(mark.kwargs.get("but", ())) for item, mark in marks.items() if mark}
    if unknown := set().union(*excepted.values()) - {case(item) for item in excepted}:
        raise pytest.UsageError(f"excepted, but there is no such case: {unknown}")
    left = [item for item, but in excepted.items() if case(item) not in but]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)
    with TESTS.open("a") as file:
        file.write(f"{len(items)} {len(left)}\n")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, also an unhappy one."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Outside:
    """The Droplet as another machine on its network sees it.

    By its bare address, whose certificate nobody signed; or by a name, verified with the CAs of a file.
    """

    address: str
    name: str = ""
    cafile: str = ""
    scheme: str = "https"

    @property
    def place(self) -> Place:
        """Where that is."""
        return Place.of(f"{self.scheme}://{self.address}", self.name, self.cafile)

    def request(self, path: str, data: object = None, **headers: str) -> Answer:
        """Send one request to the product, and follow nowhere; a refused connection is status 0."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = None
        if data is not None:
            body = json.dumps(data).encode()
            named["Content-Type"] = "application/json"
        try:
            connection = self.place.connection()
            with closing(connection):
                connection.request("GET" if body is None else "POST", path, body, named)
                answer = connection.getresponse()
                return Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except OSError as error:
            return Answer(0, str(error))

    def new_update_id(self) -> int:
        """Return an update id that no earlier run of the tests on the same Droplet used."""
        return time.time_ns() // 1_000_000

    def message(self, update_id: int, text: str, secret: str = WEBHOOK_SECRET) -> Answer:
        """Deliver a chat message as Telegram does."""
        chat = {"id": 7, "type": "private"}
        message = {"message_id": update_id, "date": int(time.time()), "chat": chat, "text": text}
        update = {"update_id": update_id, "message": message}
        return self.request("/telegram/webhook", update, X_Telegram_Bot_Api_Secret_Token=secret)

    def until_ready(self, seconds: int = 180) -> None:
        """Wait until the product answers that it is ready."""
        deadline = time.monotonic() + seconds
        while (answer := self.request("/health/ready")).status != 200:
            assert time.monotonic() < deadline, f"not ready within {seconds} s: {answer}"
            time.sleep(1)


@pytest.fixture(scope="module")
def instance() -> dict[str, Any]:
    """Return what Molecule knows of the scenario's Droplet."""
    instances = yaml.safe_load(Path(os.environ["MOLECULE_INSTANCE_CONFIG"]).read_text())
    return dict(instances[0])


@pytest.fixture(scope="module")
def outside(instance: dict[str, Any]) -> Outside:
    """Return the Droplet from outside."""
    return Outside(instance["address"])


@pytest.fixture(scope="module")
def container(instance: dict[str, Any]) -> str:
    """Return the id of the container that is the Droplet."""
    return str(instance["container"])


# One connection for all commands: the firewall counts new ones. Lost with a reboot, it is noticed soon.
SSH_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "LogLevel": "ERROR",
    "ServerAliveInterval": "5",
    "ControlMaster": "auto",
    "ControlPersist": "60",
}


@pytest.fixture(scope="module")
def host(instance: dict[str, Any]) -> Iterator[Host]:
    """Return the Droplet as its admin reaches it: over ssh, every command by sudo."""
    # Not pytest's own folder: the path of a socket must be short.
    with tempfile.TemporaryDirectory() as folder:
        options = SSH_OPTIONS | {"ControlPath": f"{folder}/ssh"}
        found = testinfra.get_host(
            f"ssh://{ADMIN}@{instance['address']}:{instance['port']}",
            ssh_identity_file=instance["identity_file"],
            ssh_extra_args=" ".join(f"-o {name}={value}" for name, value in options.items()),
            sudo=True,
        )
        until_it_talks(found)
        yield found


def until_it_talks(host: Host) -> None:
    """Wait until the server forgives what another test's refused logins cost this machine."""
    deadline = time.monotonic() + 90
    while True:
        try:
            host.run("true")
        except RuntimeError:
            assert time.monotonic() < deadline, "deploy does not get in"
            time.sleep(3)
        else:
            return


Site = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def site_command() -> list[str]:
    """Return the command line that runs site.yml on the Droplet as its owner does."""
    image = f"droplet_image={os.environ['BENCH_BACKEND_IMAGE']}"
    return ["ansible-playbook", "-i", INVENTORY, str(ROOT / "playbooks/site.yml"), "-e", image]


@pytest.fixture(scope="module")
def site(site_command: list[str]) -> Site:
    """Return a function that runs site.yml with further arguments."""
    return lambda *arguments: run_playbook([*site_command, *arguments])


@pytest.fixture(scope="session")
def playbook_command() -> Callable[..., list[str]]:
    """Return a function that gives the command line of a playbook by its name, with further arguments."""
    base = ["ansible-playbook", "-i", INVENTORY]
    return lambda name, *more: [*base, str(ROOT / f"playbooks/{name}.yml"), *more]


@pytest.fixture(scope="session")
def playbook(playbook_command: Callable[..., list[str]]) -> Site:
    """Return a function that runs a playbook by its name, with further arguments."""
    return lambda *words: run_playbook(playbook_command(*words))


def run_playbook(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it to its end, whatever that is."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def containers(host: Host) -> dict[str, dict[str, Any]]:
    """Return what Docker on the Droplet knows of the product's containers, by service."""
    return inspect(host)


def inspect(host: Host) -> dict[str, dict[str, Any]]:
    """Inspect the product's containers, by service."""
    output = host.check_output("docker inspect $(docker ps -aq)")
    return {
        entry["Config"]["Labels"]["com.docker.compose.service"]: entry
        for entry in json.loads(output)
    }


@pytest.fixture
def neighbour() -> Callable[[Sequence[str]], str]:
    """Return a function that runs a command in a second container on the Droplet's network."""
    base = ("docker", "run", "--rm", "--network", "planner-bench", "python:3.13-slim")

    def run(command: Sequence[str]) -> str:
        return subprocess.run(
            [*base, *command], capture_output=True, text=True, check=True, timeout=300
        ).stdout

    return run


Load = Callable[..., AbstractContextManager[dict[str, Any]]]


@pytest.fixture
def load(outside: Outside) -> Load:
    """Return a context that keeps constant load on the product; its dict is filled at the end."""

    @contextmanager
    def under_load(at_least: int = 0) -> Iterator[dict[str, Any]]:
        command = [sys.executable, str(ROOT / "molecule/load.py")]
        target = [f"https://{outside.address}", WEBHOOK_SECRET, "300", str(at_least)]
        if outside.cafile:
            target.append(f"{outside.name}:{outside.cafile}")
        counts: dict[str, Any] = {}
        with subprocess.Popen(
            [*command, *target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                time.sleep(2)
                yield counts
                time.sleep(2)
            finally:
                counts |= json.loads(process.communicate()[0])

    return under_load


# What a scenario measured, in the order in which it did.
NUMBERS: list[tuple[str, str]] = []


@pytest.fixture(scope="session")
def measured() -> Callable[..., None]:
    """Return a function that keeps a number to be shown at the end of the scenario."""
    return lambda what, value: NUMBERS.append((what, value))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show what was measured, here and where scripts/scenario.sh finds it."""
    if not NUMBERS:
        return
    width = max(len(what) for what, _ in NUMBERS)
    lines = [f"{what.ljust(width)}  {value}" for what, value in NUMBERS]
    name = os.environ["MOLECULE_SCENARIO_NAME"]
    (ROOT / f".cache/log/numbers-{name}.txt").write_text("\n".join([*lines, ""]))
    for line in lines:
        terminalreporter.write_line(line)
