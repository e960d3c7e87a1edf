"""What can fail, for real: the product serves on, the error says what to do, and when the cause goes it is over."""

from __future__ import annotations

import pytest

from .conftest import CA, NAMES, SETTINGS, STATE

NO_NONCE = f"https://{CA}:14001/dir"
DIRECTORY = f"https://{CA}:14000/dir"


@pytest.fixture(autouse=True)
def serves_on(droplet, outside):
    """Whatever was tried, the product is served with a good certificate, before and after."""
    yield
    assert outside.request("/health/ready").status == 200
    ran = droplet.keep("--retry")
    assert ran.code == 0, ran.said
    assert droplet.serial() == droplet.issued()


def test_ca_down(droplet, outside) -> None:
    """The CA does not answer: told once, not asked again before the pause is over, and then it works by itself."""
    serial = droplet.serial()
    rule = f"ip daddr {CA} tcp dport 14000 reject with tcp reset"
    with droplet.settings(profile="days45"):
        with droplet.without("output", rule):
            ran = droplet.timer()
            assert ran.code != 0
            assert f"{DIRECTORY} cannot be reached" in ran.said
            attempt = droplet.state()["attempt"]
            assert (attempt["kind"], attempt["failures"]) == ("network", 1)
            assert "The CA is asked again after" in droplet.timer().said
            assert droplet.state()["attempt"] == attempt
            droplet.time_passes()
            assert droplet.timer().code != 0
            assert droplet.state()["attempt"]["failures"] == 2
            assert droplet.serial() == serial
            assert outside.request("/health/ready").status == 200
        assert droplet.timer().code != 0, "its pause is not over"
        droplet.time_passes()
        ran = droplet.timer()
        assert ran.code == 0, ran.said
        assert droplet.state()["attempt"] is None
        assert droplet.serial() == droplet.issued() != serial


def test_ca_rejects_every_nonce(droplet) -> None:
    """A CA in trouble is named as such, and nothing of what is served changes."""
    serial = droplet.serial()
    with droplet.settings(directory=NO_NONCE):
        ran = droplet.keep()
        assert ran.code != 0
        assert f"{NO_NONCE} rejects every request (badNonce)" in ran.said
        assert droplet.serial() == serial


def test_dns(droplet, named, neighbour_server) -> None:
    """A name that is not in DNS, or leads elsewhere by one of its records, is refused before the CA is asked."""
    serial = droplet.serial()
    elsewhere = neighbour_server("python", "-m", "http.server", "80")
    with droplet.settings(names=[*NAMES, "late.test"]):
        ran = droplet.timer()
        assert ran.code != 0
        assert "late.test: it is not in DNS. Do: add an A record to " + droplet.address in ran.said
        assert "The CA was not asked" in ran.said
        named("late.test", droplet.address, elsewhere)
        said = droplet.timer().said
        assert f"late.test: its A record leads to {elsewhere}, and there HTTP status 404" in said
        assert droplet.serial() == serial
        named("late.test")
        ran = droplet.timer()
        assert ran.code == 0, ran.said
        assert droplet.names() == {*NAMES, "late.test"}


@pytest.mark.thorough
def test_port_80_blocked(droplet, host, playbook) -> None:
    """The owner's machine sees what the Droplet cannot; without it the CA does, and is then left in peace."""
    with (
        droplet.settings(profile="days45"),
        droplet.without("prerouting", 'iifname "eth0" tcp dport 80 drop'),
    ):
        seen = playbook("site", "--tags", "tls", "-e", "tls_profile=days45")
        assert seen.returncode != 0
        said = " ".join(seen.stdout.split())
        assert f"http://{droplet.address}:80/ cannot be reached" in said
        assert "open port 80, in hardening_open_ports and at the provider" in said
        assert droplet.state()["attempt"]["kind"] == "preflight"
        ran = droplet.timer()
        assert ran.code != 0
        assert "the CA cannot connect to port 80" in ran.said
        assert droplet.state()["attempt"]["kind"] == "refused"
    host.check_output(f"test -s {SETTINGS}")
    assert playbook("site", "--tags", "tls").returncode == 0


def test_corrupt_files(droplet, host, outside) -> None:
    """Whatever is damaged on the disk, what is served stays good, and the damage is mended."""
    served = "/opt/planner/tls/nginx/served.pem"
    for damage in (f"echo garbage >{served}", f"truncate -s 700 {served}", f"rm {served}"):
        host.check_output(damage)
        assert outside.request("/health/ready").status == 200
        ran = droplet.keep()
        assert ran.code == 0, ran.said
        assert droplet.serial() == droplet.issued()
    host.check_output(f"echo garbage >{STATE}")
    assert droplet.keep().code == 0
    before = droplet.serial()
    key = "/etc/letsencrypt/live/planner/privkey.pem"
    host.check_output(f"truncate -s 40 $(readlink -f {key})")
    ran = droplet.keep()
    assert ran.code == 0, ran.said
    assert "what certbot keeps is damaged" in ran.said
    assert "kept in /opt/planner/tls/damaged-" in ran.said
    assert droplet.serial() == droplet.issued() != before


def test_nginx_refuses(droplet, host) -> None:
    """Where nginx cannot take its configuration, the new certificate waits and the old one is served."""
    conf = "/opt/planner/nginx/live-broken.conf"
    serial = droplet.serial()
    with droplet.settings(profile="days45"):
        host.check_output(f"echo 'no_such_directive;' >{conf}; chmod 644 {conf}")
        ran = droplet.keep()
        host.check_output(f"rm {conf}")
        assert ran.code != 0
        assert "nginx refuses to reload" in ran.said
        assert "no_such_directive" in ran.said
        assert droplet.serial() == serial
        ran = droplet.timer()
        assert ran.code == 0, ran.said
        assert droplet.serial() == droplet.issued() != serial


@pytest.mark.thorough(but={"2046-01-01-True"})
@pytest.mark.parametrize("clock, due", [("2015-01-01", False), ("2046-01-01", True)])
def test_clock(droplet, host, clock, due) -> None:
    """With a wrong clock nothing is replaced, and the error says what time the machine believes in."""
    serial = droplet.serial()
    host.check_output("apt-get install -y --no-install-recommends faketime")
    ran = host.run(f"faketime '{clock} 12:00:00' planner-tls keep")
    said = ran.stdout + ran.stderr
    assert ran.rc == int(due), said
    assert (f"This machine's clock says {clock}" in said) == due
    assert droplet.serial() == serial
    # What was noted with the wrong clock holds nobody up.
    ran = droplet.timer()
    assert ran.code == 0, ran.said
    assert droplet.serial() == serial


def test_disk_full(droplet, host) -> None:
    """On a full disk the CA is not asked, because the certificate could not be kept."""
    serial = droplet.serial()
    host.check_output(
        "cp -a /etc/letsencrypt /tmp/kept && mount -t tmpfs -o size=8m tmpfs /etc/letsencrypt "
        "&& cp -a /tmp/kept/. /etc/letsencrypt/"
    )
    try:
        with droplet.settings(profile="days45"):
            ran = droplet.timer()
            assert ran.code != 0
            assert "The disk is full" in ran.said
            assert "The CA was not asked" in ran.said
            assert droplet.serial() == serial
    finally:
        host.check_output("umount /etc/letsencrypt && rm -r /tmp/kept")


def test_settings_damaged(droplet, host) -> None:
    """Without its settings the program touches nothing and says what to do."""
    kept = host.check_output(f"cat {SETTINGS}")
    serial = droplet.serial()
    droplet.write(SETTINGS, '{"names": ["plan')
    ran = droplet.keep()
    droplet.write(SETTINGS, kept)
    assert ran.code != 0
    assert "settings.json is damaged or of another version. Do: run playbooks/site.yml" in ran.said
    assert droplet.serial() == serial
