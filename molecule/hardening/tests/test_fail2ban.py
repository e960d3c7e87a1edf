"""A stranger that attacks is shut out of everything, for a while; nobody else is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

PORTS = [22, 80, 443]


def until(condition: Callable[[], bool], what: str, seconds: int = 120) -> None:
    """Wait for something that takes a moment."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(1)


@pytest.fixture(scope="module", autouse=True)
def clean(host):
    """Lift the bans at the end: the next stranger may be given one of these addresses."""
    yield
    host.check_output("fail2ban-client unban --all")


@pytest.fixture(scope="module")
def bystander(strangers):
    """Return a stranger that does nothing wrong."""
    return strangers()


def brute_force(attacker, address):
    """Try accounts that do not exist, one connection each."""
    assert attacker.open_ports(address, PORTS) == {*PORTS}
    for number in range(6):
        attacker.ssh(f"guess{number}", address)


def until_banned(attacker, address):
    """Wait until neither SSH nor the product answers it."""
    until(lambda: attacker.open_ports(address, PORTS) == set(), "the attacker is banned")


def test_a_brute_force_is_banned_and_stays_so(strangers, bystander, outside, host):
    """Its ban covers the containers as well, and survives what may restart meanwhile."""
    attacker = strangers()
    brute_force(attacker, outside.address)
    until_banned(attacker, outside.address)
    assert bystander.open_ports(outside.address, PORTS) == {*PORTS}
    for command in ("reload nftables", "restart nftables", "restart fail2ban"):
        host.check_output(f"systemctl {command}.service")
        until_banned(attacker, outside.address)
    assert bystander.open_ports(outside.address, PORTS) == {*PORTS}


@pytest.mark.thorough
def test_a_ban_ends_by_itself(strangers, outside, host):
    """Nobody has to lift it."""
    minutes = host.check_output("fail2ban-client get sshd bantime")
    host.check_output("fail2ban-client set sshd bantime 15")
    try:
        attacker = strangers()
        brute_force(attacker, outside.address)
        until_banned(attacker, outside.address)
        until(lambda: attacker.open_ports(outside.address, PORTS) == {*PORTS}, "the ban is over")
    finally:
        host.check_output(f"fail2ban-client set sshd bantime {minutes}")


NOISE = {
    "a scanner's paths": ["https://{}/wp-login.php"],
    "a scanner over plain HTTP": ["http://{}/.env"],
    "hidden files": ["https://{}/app/.env"],
    "guessed webhook secrets": ["--data", "{{}}", "https://{}/telegram/webhook"],
    "what is not HTTP": ["--http2-prior-knowledge", "http://{}/"],
}


@pytest.mark.thorough(but={"a scanner's paths"})
@pytest.mark.parametrize("request_of", NOISE.values(), ids=NOISE)
def test_scan_noise_is_banned(request_of, strangers, bystander, outside):
    """Who asks a Python product for other people's holes is shut out, SSH included."""
    attacker = strangers()
    assert attacker.open_ports(outside.address, PORTS) == {*PORTS}
    for _ in range(12):
        attacker.status(*(word.format(outside.address) for word in request_of))
    until_banned(attacker, outside.address)
    assert bystander.status(f"https://{outside.address}/health/live") == "200"


def test_a_visitor_with_dead_links_is_not(bystander, outside, host):
    """Pages that are not there are a mistake of the site, not of its visitors."""
    for _ in range(15):
        assert bystander.status(f"https://{outside.address}/no-such-page") == "404"
    host.check_output(
        "fail2ban-client set planner-nginx banip 203.0.113.9"
    )  # through the same queue
    until(lambda: "203.0.113.9" in host.check_output("nft list table inet f2b-table"), "a ban")
    host.check_output("fail2ban-client set planner-nginx unbanip 203.0.113.9")
    assert bystander.status(f"https://{outside.address}/health/live") == "200"


def test_the_owner_is_never_banned(outside, host):
    """The address that the playbook came from may fail as often as it likes."""
    for _ in range(15):
        assert outside.message(outside.new_update_id(), "hello", secret="wrong").status == 401
    until(
        lambda: (
            "Ignore" in host.check_output("journalctl --unit fail2ban --no-pager --since -2min")
        ),
        "fail2ban has seen it",
    )
    assert outside.request("/health/live").status == 200


def test_docker_logs_still_shows_the_access_log(outside, host):
    """The journal is only another place for it."""
    outside.request("/a-page-to-find")
    until(
        lambda: "/a-page-to-find" in host.check_output("docker logs --tail 50 planner-nginx-1"),
        "the request is in the log",
    )
