"""Wrong input through the real playbooks: told at once, completely, and before any host is touched."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

Vars = dict[str, Any]

TOKEN = "123456:AAH-never-print"
# Nobody answers there (RFC 5737); a connection attempt would take until its timeout.
NOWHERE = "203.0.113.10"

RECORD = (
    '{"droplet_services": [{"name": "backend", "limit_mb": 256}, {"name": "postgres", "limit_mb": 384}, '
    '{"name": "redis", "limit_mb": 64}, {"name": "nginx", "limit_mb": 32}]}'
)


@dataclass(frozen=True)
class Done:
    """A playbook that ended."""

    code: int
    out: str
    seconds: float

    def message(self, host: str) -> str:
        """What one host failed with."""
        found = re.search(
            rf"^fatal: \[{host}\]: FAILED! => *\n((?:    .*\n|\n)+)", self.out, re.MULTILINE
        )
        assert found, self.out
        text: str = yaml.safe_load(found[1])["msg"]
        return text


@pytest.fixture(scope="module")
def playbook(root: Path) -> Callable[..., Done]:
    """Run one of the playbooks as an owner does."""

    def call(*words: str) -> Done:
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        started = time.monotonic()
        done = subprocess.run(
            ["ansible-playbook", *words],
            cwd=root,
            env=environment
            | {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_SSH_RETRIES": "0",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout + done.stderr, time.monotonic() - started)

    return call


@dataclass(frozen=True)
class Case:
    """One owner's file: what is in it, and everything the answer must say, line by line."""

    host: str
    variables: Vars
    problems: tuple[str, ...]


CASES = [
    Case(
        "unknown-key",
        {"droplet_sise": "s-1vcpu-2gb"},
        (r"droplet_sise: is no key of this collection\. Do: write 'droplet_size'\.",),
    ),
    Case(
        "unknown-size",
        {"droplet_size": "s-1vcpu-1g"},
        (r"droplet_size = 's-1vcpu-1g': is no known size\. Do: write 's-1vcpu-1gb'\.",),
    ),
    Case(
        "misspelt-secrets",
        {"droplet_secret": {"telegram_bot_token": TOKEN}},
        (r"droplet_secret: is no key of this collection\. Do: write 'droplet_secrets'\.",),
    ),
    Case(
        "misspelt-secret-name",
        {"droplet_secrets": {"Telegram-Bot-Token": TOKEN}},
        (r"droplet_secrets\.Telegram-Bot-Token: cannot be a secret's name\. Do: .+\.",),
    ),
    Case(
        "secret-without-quotes",
        {"droplet_secrets": {"pin": 735561}},
        (r"droplet_secrets\.pin: is not a text\. Do: put the value in quotes\.",),
    ),
    Case(
        "secrets-as-a-text",
        {"droplet_secrets": TOKEN},
        (r"droplet_secrets: has the wrong type\. Do: write a mapping\.",),
    ),
    Case(
        "services-as-a-mapping",
        {"droplet_services": {"backend": {"limit_mb": 192}}},
        (r"droplet_services = .+: is not a list\. Do: .+",),
    ),
    Case(
        "limit-with-a-unit",
        {"droplet_services": [{"name": "backend", "limit_mb": "192M"}]},
        (
            r"droplet_services\[0\]\.limit_mb = '192M': has the wrong type\. Do: write a whole number .+",
        ),
    ),
    Case(
        "swap-with-a-unit",
        {"droplet_swap_mb": "1G"},
        (r"droplet_swap_mb = '1G': is no amount of MiB\. Do: .+",),
    ),
    Case(
        "no-choice",
        {"droplet_provider_backups": "dayly"},
        (r"droplet_provider_backups = 'dayly': is none of its choices\. Do: write 'daily'\.",),
    ),
    Case(
        "image-as-a-url",
        {"droplet_image": "https://registry.example/planner"},
        (r"droplet_image = 'https://registry\.example/planner': is no image reference\. Do: .+",),
    ),
    Case(
        "two",
        {"droplet_sise": "x", "droplet_spaces": "maybe"},
        (
            r"droplet_sise: is no key .+",
            r"droplet_spaces = 'maybe': has the wrong type\. Do: write true or false\.",
        ),
    ),
    Case(
        "five",
        {
            "droplet_backup": True,
            "droplet_monthly_budget_usd": "seven",
            "droplet_size": "1gb",
            "droplet_secrets": {"A": TOKEN},
            "droplet_services": [{"name": "redis", "maxmem": 30}],
        },
        (
            r"droplet_backup: is no key .+",
            r"droplet_monthly_budget_usd = 'seven': has the wrong type\. Do: write a number\.",
            r"droplet_secrets\.A: cannot be a secret's name\. Do: .+",
            r"droplet_size = '1gb': is no known size\. Do: .+",
            r"droplet_services\[0\]\.maxmem: is not a known key\. Do: write 'maxmemory_mb'\.",
        ),
    ),
    Case(
        "too-much-and-misspelt",
        yaml.safe_load(RECORD) | {"droplet_imag": "x:1"},
        (
            r"droplet_imag: is no key .+",
            r"droplet_services: limits of 736 MiB on s-1vcpu-1gb are \d+ too many: .+",
        ),
    ),
]


@pytest.fixture(scope="module")
def site(playbook: Callable[..., Done], tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One run of site.yml for an inventory in which every host has a file of its own."""
    inventory = tmp_path_factory.mktemp("inventory") / "hosts.json"
    hosts = {case.host: {"ansible_host": NOWHERE, **case.variables} for case in CASES}
    inventory.write_text(json.dumps({"droplets": {"hosts": hosts}}))
    return playbook("playbooks/site.yml", "-i", str(inventory), "--forks", "1")


class TestSite:
    """site.yml, which would change the host."""

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.host)
    def test_every_problem_is_told(self, site: Done, case: Case) -> None:
        """All problems come at once, numbered, each with its place, its reason and what to do."""
        lines = [line for line in site.message(case.host).splitlines() if not line.startswith("=>")]
        assert len(lines) == len(case.problems), lines
        for number, (line, pattern) in enumerate(zip(lines, case.problems, strict=True), 1):
            assert re.fullmatch(rf"{number}\. {pattern}", line), line

    def test_no_host_is_touched(self, site: Done) -> None:
        """No connection is tried: nothing is unreachable, and it is over within seconds."""
        assert site.code != 0
        assert "UNREACHABLE" not in site.out
        assert "Machine |" not in site.out
        assert len(re.findall(r"unreachable=0 +failed=1 ", site.out)) == len(CASES)
        assert site.seconds < 60, "a connection attempt would take longer still"

    def test_no_secret_is_printed(self, site: Done) -> None:
        """However its key is misspelt, a secret's value does not reach the terminal."""
        assert TOKEN not in site.out
        assert "735561" not in site.out


def test_the_owners_own_inventory(playbook: Callable[..., Done]) -> None:
    """One slip in the inventory as it is ends site.yml before it looks for the host, at any tag."""
    slip = ("-e", "droplet_size=s-1vcpu-1g")
    done = playbook("playbooks/site.yml", *slip, "--check", "--diff", "--tags", "stack")
    assert done.code != 0
    assert "write 's-1vcpu-1gb'" in done.message("planner")
    assert "UNREACHABLE" not in done.out
    assert done.seconds < 30


def test_the_records_limits(playbook: Callable[..., Done]) -> None:
    """The 736 MiB that were once planned for 1 GB are refused, with the reason and what would fit."""
    done = playbook("playbooks/plan.yml", "-e", "droplet_size=s-1vcpu-1gb", "-e", RECORD)
    assert done.code != 0
    problem, *proposals = done.message("planner").splitlines()
    assert "limits of 736 MiB on s-1vcpu-1gb" in problem
    assert re.search(r"are \d+ too many: of the 967 MiB its kernel shows", problem)
    assert re.match(r"=> fits on s-1vcpu-1gb: backend \d+, postgres \d+, redis \d+", proposals[0])
    assert re.match(r"=> fits as written on s-1vcpu-2gb \(\$12 a month\)", proposals[1])
    assert "UNREACHABLE" not in done.out


def test_the_proposal_fits(playbook: Callable[..., Done]) -> None:
    """What the refusal proposes is accepted, and the plan is printed."""
    services = [{"name": "backend", "limit_mb": 192}, {"name": "postgres", "limit_mb": 200}]
    words = ("-e", "droplet_size=s-1vcpu-1gb", "-e", json.dumps({"droplet_services": services}))
    done = playbook("playbooks/plan.yml", *words)
    assert done.code == 0, done.out
    assert "backend" in done.out
    assert "unreachable=0" in done.out
