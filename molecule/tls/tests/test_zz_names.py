"""Names come and go, the owner has a certificate of their own or no name at all, and Telegram is told.

The last file: nothing is as before.
"""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate import make_self_signed

from .conftest import NAMES, bench

TOKEN = "123456:bench"
TELEGRAM_PORT = "8081"
SECRETS = {"telegram_webhook_secret": "demo-webhook-secret", "telegram_bot_token": TOKEN}


@pytest.fixture(scope="module")
def named(request) -> Any:
    """Let the names of this file lead to the Droplet."""
    address = request.getfixturevalue("instance")["address"]
    for name in ("second.test", "fresh.test"):
        bench("name", name, address)
    yield
    for name in ("second.test", "fresh.test"):
        bench("forget", name)


@pytest.fixture
def telegram(neighbour_server):
    """Return the base URL of a Bot API, and a function that tells what it was told."""
    address = neighbour_server("python", "/bench/telegram.py", TELEGRAM_PORT)
    url = f"http://{address}:{TELEGRAM_PORT}"

    def control(wish: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(wish).encode() if wish else None
        with urllib.request.urlopen(f"{url}/control", data, timeout=30) as answer:  # noqa: S310 - http
            return dict(json.loads(answer.read() or b"{}"))

    return url, control


@pytest.fixture(scope="module")
def owner(playbook):
    """Return a function that runs the playbook as an owner who wishes something else."""

    def run(**wishes: Any) -> Any:
        extra = json.dumps({"stack_soak_s": 1, **wishes})
        ran = playbook("site", "--tags", "tls,stack", "-e", extra)
        # Ansible wraps long lines.
        ran.stdout = " ".join(ran.stdout.split())
        return ran

    return run


def test_own_certificate(droplet, owner, host) -> None:
    """A certificate of the owner's own is served at once; one that cannot be is refused, and nothing changes."""
    serial = droplet.serial()
    good = make_self_signed(NAMES, time.time())
    other = make_self_signed(NAMES, time.time())
    certificate, key = good.split("-----BEGIN PRIVATE KEY-----")
    wrong = "-----BEGIN PRIVATE KEY-----" + other.split("-----BEGIN PRIVATE KEY-----")[1]
    refused = owner(tls_own_certificate=certificate, tls_own_key=wrong)
    assert refused.returncode != 0
    assert "its private key belongs to another certificate" in refused.stdout
    assert wrong.splitlines()[1] not in refused.stdout
    assert droplet.serial() == serial
    own_key = "-----BEGIN PRIVATE KEY-----" + key
    ran = owner(tls_own_certificate=certificate, tls_own_key=own_key)
    assert ran.returncode == 0, ran.stdout
    assert own_key.splitlines()[1] not in ran.stdout
    assert droplet.serial() != serial
    assert droplet.served().issuer == droplet.served().subject
    assert host.file("/opt/planner/tls/own").mode == 0o700


@pytest.mark.usefixtures("named")
def test_names_come_and_go(droplet, outside, owner, telegram, host) -> None:
    """A new name, then another domain: each is served with a new certificate, and Telegram follows the first name."""
    url, control = telegram
    common = {"droplet_secrets": SECRETS, "tls_telegram_api": url}
    ran = owner(droplet_domains=[*NAMES, "second.test"], **common)
    assert ran.returncode == 0, ran.stdout
    assert "its names change: +second.test" in ran.stdout
    assert droplet.names() == {*NAMES, "second.test"}
    assert replace(outside, name="second.test").request("/health").status == 200
    told = control()
    assert told["webhook"]["url"] == f"https://{NAMES[0]}/telegram/webhook"
    assert told["secret"] == SECRETS["telegram_webhook_secret"]
    assert told["certificate"] == ""
    calls = len(told["calls"])
    assert droplet.keep().code == 0
    assert [one["method"] for one in control()["calls"][calls:]] == ["getWebhookInfo"]

    ran = owner(droplet_domains=["fresh.test"], **common)
    assert ran.returncode == 0, ran.stdout
    assert "-second.test" in ran.stdout
    assert replace(outside, name="fresh.test").request("/health/ready").status == 200
    assert outside.request("/health").status == 0, "the old name is served no longer"
    found = droplet.served("fresh.test")
    assert "second.test" not in str(found.extensions)
    assert control()["webhook"]["url"] == "https://fresh.test/telegram/webhook"

    control({"last_error_message": "Connection timed out", "last_error_date": int(time.time())})
    ran = droplet.keep()
    assert ran.code != 0
    assert "Telegram cannot deliver to https://fresh.test/telegram/webhook" in ran.said
    journal = host.check_output("journalctl --since=-10min -o cat")
    for secret in SECRETS.values():
        assert secret not in ran.said + journal


@pytest.mark.thorough
def test_no_name_at_all(outside, owner, telegram) -> None:
    """Without a domain the address has a self-signed certificate, which Telegram is given; nothing else is promised."""
    url, control = telegram
    ran = owner(droplet_domains=[], droplet_secrets=SECRETS, tls_telegram_api=url)
    assert ran.returncode == 0, ran.stdout
    bare = replace(outside, name="", cafile="")
    answer = bare.request("/health/ready")
    assert answer.status == 200
    assert "Strict-Transport-Security" not in answer.headers
    told = control()
    assert told["webhook"]["url"] == f"https://{outside.address}/telegram/webhook"
    assert "BEGIN CERTIFICATE" in told["certificate"]
    assert "PRIVATE KEY" not in told["certificate"]
