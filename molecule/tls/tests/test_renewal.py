"""A new certificate in good time, whatever its lifetime, and without a request failing."""

from __future__ import annotations

import time

import pytest

from .conftest import NAMES, ROOT

# Profile of the bench's CA, lifetime, and how long before its end it is renewed.
LIFETIMES = {"days64": "512 hours", "days45": "15 days", "shortlived": "80 hours"}


@pytest.mark.thorough(but={"shortlived"})
@pytest.mark.parametrize("profile", LIFETIMES)
def test_threshold(droplet, host, profile) -> None:
    """Each lifetime has its threshold, also for a `certbot renew` by hand; until then nothing is asked for."""
    with droplet.settings(profile=profile):
        ran = droplet.keep()
        assert ran.code == 0, ran.said
        assert f"another profile is wished: {profile}" in ran.said
        serial = droplet.serial()
        assert serial == droplet.issued()
        kept = host.check_output("cat /etc/letsencrypt/renewal/planner.conf")
        assert f"renew_before_expiry = {LIFETIMES[profile]}\n" in kept
        assert droplet.keep().said == ""
        assert droplet.serial() == serial


def test_renewal_under_load(droplet, load) -> None:
    """A certificate that lives a minute is renewed by the timer: no request fails, and the new one is served."""
    with load(1000) as counts:
        with droplet.settings(profile="minute"):
            assert droplet.timer().code == 0
            first = droplet.serial()
            ends = droplet.served().not_valid_after_utc.timestamp()
            time.sleep(max(ends - 29 - time.time(), 0))
            ran = droplet.timer()
            assert ran.code == 0, ran.said
            assert f"obtained a certificate for {', '.join(NAMES)}: it ends " in ran.said
            assert droplet.serial() == droplet.issued() != first
        assert droplet.timer().code == 0
    shown = (
        "renewal by the timer under load: {sent} requests, {failed} failed, slowest {slowest_s} s\n"
    )
    # Where scripts/scenario.sh finds it.
    (ROOT / ".cache/log/numbers-tls.txt").write_text(shown.format(**counts))
    assert counts["failed"] == 0, counts
    assert counts["sent"] >= 1000
    assert droplet.serial() == droplet.issued()


def test_certbot_by_hand(droplet, host) -> None:
    """After a renewal with certbot itself, its hook has the new certificate served."""
    before = droplet.serial()
    ca = "/opt/planner/tls/acme-ca.pem"
    renew = "certbot renew --cert-name planner --force-renewal --no-random-sleep-on-renew"
    ran = host.run(f"REQUESTS_CA_BUNDLE={ca} {renew}")
    assert ran.rc == 0, ran.stderr
    assert droplet.serial() == droplet.issued() != before
