"""What is wrong with a machine's certificate, how bad it is, and what to do."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate_section import (
    certificate_section,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_text import _finding_lines
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import STAGING

from tests.unit.certificate_status import (
    ADDRESS,
    DAY,
    NOW,
    REASON,
    URL,
    attempt,
    bad,
    certificate,
    failing,
    seen,
    self_signed,
    status,
)

KEEP = "Do: planner-tls keep"
SITE = "ansible-playbook playbooks/site.yml --tags tls"
NEW_OWN = f"Do: put another into tls_own_certificate and tls_own_key, then {SITE}"
LOG = "Do: journalctl -u certbot.service -n 50"
NOBODY = "problem certificate-served: nothing answers over TLS. Do: docker logs planner-nginx-1"
SIGNS_ITSELF = "certificate-signed: it signs itself: browsers do not trust it"
TRIAL = "warning certificate-signed: it is for trials: browsers do not trust it"
DELIVER = f"Telegram cannot deliver to {URL}: 'Connection refused'"
STOPPED = {"active": False, "next": None, "last": NOW}

FINDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "all is well": (seen(), ""),
    "wildcards": (seen(status(certificate(names=["*.example", "*.planner.example"]))), ""),
    "a renewal that is due": (
        seen(status(certificate(15.1), next_due=NOW - 14.9 * DAY, due="it ends")),
        "",
    ),
    "self-signed is all there can be without names": (
        seen(status(self_signed(names=ADDRESS), subjects=ADDRESS, how="self-signed")),
        "",
    ),
    "without names a CA's is welcome, not missing": (
        seen(status(self_signed(names=ADDRESS), subjects=ADDRESS)),
        f"warning {SIGNS_ITSELF}. A CA's for 203.0.113.7 is to come. {KEEP}",
    ),
    "self-signed for names": (
        seen(status(self_signed())),
        f"problem {SIGNS_ITSELF}. A CA's for planner.example and 1 more is to come. {KEEP}",
    ),
    "the owner's own signs itself": (
        seen(status(self_signed(), how="own", directory="")),
        f"warning {SIGNS_ITSELF}. {NEW_OWN}",
    ),
    "nobody answers": (seen(status(served=None, real=False)), NOBODY),
    "nobody answers, and there is nothing to serve": (
        seen(status(served=None, on_disk=None, on_disk_problem="there is none")),
        NOBODY,
    ),
    "the file is damaged": (
        seen(status(on_disk=None, on_disk_problem="there are 2 private keys in it")),
        (
            "problem certificate-served: its file cannot be used: there are 2 private keys in it. "
            f"Do: {SITE}"
        ),
    ),
    "nginx has another": (
        seen(status(served=certificate(serial="0badc0de"))),
        (
            "problem certificate-served: nginx serves 0badc0de, its file has 3a1b2c3d4e5… (serials). "
            "Do: planner-tls serve"
        ),
    ),
    "for trials, as wished": (
        seen(status(directory=STAGING, real=False)),
        f"{TRIAL}. Do: set tls_staging to false, then {SITE}",
    ),
    "for trials, still": (
        seen(status(certificate(issuer="Let's Encrypt (STAGING) Riddling Rhubarb R12"))),
        f"{TRIAL}. Do: {SITE}",
    ),
    "a name is missing": (
        seen(status(certificate(names=["planner.example"]))),
        f"problem certificate-names: it is not for www.planner.example. {KEEP}",
    ),
    "names are missing in the owner's own": (
        seen(status(certificate(names=["a.example"]), how="own", next_due=None)),
        f"problem certificate-names: it is not for planner.example, www.planner.example. {NEW_OWN}",
    ),
    "ended": (
        seen(status(certificate(0), next_due=NOW - 30 * DAY)),
        f"problem certificate-time: it ended 2027-01-15 08:00 UTC. {KEEP}",
    ),
    "the owner's own ended": (
        seen(status(certificate(0), how="own", next_due=None)),
        f"problem certificate-time: it ended 2027-01-15 08:00 UTC. {NEW_OWN}",
    ),
    "begins tomorrow: a wrong clock": (
        seen(status(certificate(91))),
        (
            "problem certificate-time: it begins 2027-01-16 08:00 UTC, "
            "but this machine has 2027-01-15 08:00 UTC. Do: timedatectl"
        ),
    ),
    "the owner's own ends within 30 days": (
        seen(status(certificate(29.9), how="own", next_due=None)),
        (
            "warning certificate-time: your own ends 2027-02-14 05:36 UTC, "
            f"and nothing here renews it. {NEW_OWN}"
        ),
    ),
    "the owner's own ends within a week": (
        seen(status(certificate(6.9), how="own", next_due=None)),
        (
            "problem certificate-time: your own ends 2027-01-22 05:36 UTC, "
            f"and nothing here renews it. {NEW_OWN}"
        ),
    ),
    "the owner's own has 30 days": (
        seen(status(certificate(30), how="own", next_due=None)),
        "",
    ),
    "a renewal that is overdue": (
        seen(status(certificate(14.9), next_due=NOW - 15.1 * DAY)),
        (
            "warning certificate-time: its renewal was due 2026-12-31 05:36 UTC, "
            f"and it ends 2027-01-30 05:36 UTC. {KEEP}"
        ),
    ),
    "the same for six days": (
        seen(status(certificate(1.4, 6), next_due=NOW - 1.6 * DAY)),
        (
            "warning certificate-time: its renewal was due 2027-01-13 17:36 UTC, "
            f"and it ends 2027-01-16 17:36 UTC. {KEEP}"
        ),
    ),
    "the timer was stopped": (
        seen(timer=STOPPED),
        (
            "problem certificate-timer: it does not run: nothing looks after the certificate. "
            "Do: systemctl enable --now certbot.timer"
        ),
    ),
    "no systemd": (
        seen(timer=None, service=None),
        "unknown certificate-timer: systemd did not tell. Do: systemctl status certbot.timer",
    ),
    "Telegram cannot deliver, and the last run said so": (
        seen(
            status(
                webhook={"url": URL, "problems": [f"{DELIVER}. Do: look."]},
                problem=f"{DELIVER}. Do: look.",
            )
        ),
        f"problem webhook: {DELIVER}. Do: look",
    ),
    "the last run had another complaint": (
        seen(status(problem="The disk is full: 3 MiB are free. Do: free some")),
        (
            "problem certificate-run: the last run failed: The disk is full: 3 MiB are free. "
            "Do: free some"
        ),
    ),
    "the last run's words have several lines": (
        seen(status(problem="nginx refuses to reload. It says: a\nb\x1b[2J")),
        (
            "problem certificate-run: the last run failed: nginx refuses to reload. It says: a b[2J. "
            f"{LOG}"
        ),
    ),
    "the last run was killed": (
        seen(service={"failed": True, "result": "oom-kill"}),
        f"problem certificate-run: the timer's last run failed (oom-kill). {LOG}",
    ),
    "the timer's run failed, one by hand was good": (
        seen(service={"failed": True, "result": "exit-code"}),
        f"warning certificate-run: the timer's last run failed (exit-code). {LOG}",
    ),
    "not installed": (
        {"status": None, "timer": STOPPED, "service": None, "error": "not installed"},
        f"unknown certificate: it could not be seen: not installed. Do: {SITE}",
    ),
    "the program fails": (
        seen({}, error="settings.json is missing. Do: run playbooks/site.yml"),
        (
            "unknown certificate: it could not be seen: settings.json is missing. "
            "Do: run playbooks/site.yml"
        ),
    ),
}

FAILED = "certificate-attempt: the last attempt to obtain one failed"
LATER = "the CA is asked again after 2027-01-15 11:00 UTC"
RETRY = "Do: open port 80 (Timeout), then planner-tls keep --retry"
ATTEMPTS: dict[str, tuple[dict[str, Any], str]] = {
    "there is time": (
        seen(failing(25, failures=3)),
        f"warning {FAILED} (3 times): {REASON}; {LATER}. {RETRY}",
    ),
    "less than a quarter is left": (
        seen(failing(22.4, retry_at=NOW - 1)),
        f"problem {FAILED}: {REASON}; the next comes 2027-01-15 08:30 UTC. {RETRY}",
    ),
    "the CA has a limit, and a run is under way": (
        seen(
            failing(25, kind="limited", reason="too many", retry_at=NOW - 1),
            timer={"active": True, "next": None, "last": None},
        ),
        (
            f"warning {FAILED}: too many; the next comes with certbot.timer. "
            "Do: wait: the CA has a limit"
        ),
    ),
    "several reasons stay together": (
        seen(failing(25, reason="a: x. Do: p; b: y. Do: q")),
        f"warning {FAILED}: a: x. Do: p; b: y. Do: q; {LATER}. {KEEP} --retry",
    ),
    "what failed is no longer due": (seen({**failing(25), "due": "", "problem": ""}), ""),
    "it was for other names": (seen({**failing(25, names=["a.example"]), "problem": ""}), ""),
}
ALL = [pytest.param(*one, id=name) for name, one in {**FINDINGS, **ATTEMPTS}.items()]


@pytest.mark.parametrize("given, expected", ALL)
def test_findings(given: dict[str, Any], expected: str) -> None:
    """One thing that is wrong is told once, with what was seen and what to do."""
    assert bad(given) == ([expected] if expected else [])


@pytest.mark.parametrize("given, expected", ALL)
def test_sentence(given: dict[str, Any], expected: str) -> None:
    """In the report it is a sentence with one full stop at its end."""
    told = [one for one in certificate_section(given)["findings"] if one["severity"] != "ok"]
    assert bool(told) is bool(expected)
    for one in told:
        text = " ".join(_finding_lines(one))
        assert text.endswith(".")
        assert not text.endswith("..")


def test_first_attempt_fails() -> None:
    """Without a CA's certificate for the names it is urgent, however young the self-signed one is."""
    told = status(self_signed(), due="there is none yet", attempt=attempt())
    assert [one.split(":")[0] for one in bad(seen(told))] == [
        "problem certificate-signed",
        "problem certificate-attempt",
    ]
    told = status(
        self_signed(names=ADDRESS),
        subjects=ADDRESS,
        due="there is none yet",
        attempt=attempt(ADDRESS),
    )
    assert [one.split(":")[0] for one in bad(seen(told))] == [
        "warning certificate-signed",
        "warning certificate-attempt",
    ]


def test_nothing_will_try_again() -> None:
    """With a stopped timer no next attempt is promised."""
    first, second = bad(seen(failing(25), timer=STOPPED))
    assert "; none follows, as certbot.timer does not run. Do: open" in first
    assert second.startswith("problem certificate-timer")


def test_complaint_beside_a_failed_attempt() -> None:
    """Of the last run's words only those are told that no other finding has."""
    told = failing(25)
    told["problem"] += "\nSomething else. Do: look"
    first, second = bad(seen(told))
    assert first.startswith(f"warning {FAILED}")
    assert second == "problem certificate-run: the last run failed: Something else. Do: look"
