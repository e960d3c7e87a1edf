"""A machine's certificate on its screen: what is served, by whom, for how long, and who looks after it."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate_section import (
    certificate_section,
    judge,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_text import _a_section
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.certificate_status import (
    ADDRESS,
    DAY,
    NAMES,
    NOW,
    URL,
    attempt,
    certificate,
    seen,
    self_signed,
    status,
)

MORE = "planner.example and 2 more"


def test_screen() -> None:
    """For whom, by whom, for how long; whether it is what is on the disk; who looks after it; the webhook."""
    issuer = "(STAGING) Let's Encrypt R11"
    assert certificate_section(seen(status(certificate(issuer=issuer))))["lines"] == [
        "Certificate  planner.example and 2 more, by (STAGING) Let's Encrypt R11, 61 days",
        "             left (of 90), renewed from 2027-02-15",
        "             served and on the disk: the same (serial 3a1b2c3d4e5…)",
        "             certbot.timer: last 2027-01-15 07:30 UTC, next 2027-01-15 08:30 UTC",
        f"Webhook      {URL}, 0 messages wait",
    ]


@pytest.mark.parametrize(
    "told, expected",
    [
        (
            status(certificate(5.5, 6), next_due=NOW + 2.5 * DAY),
            "R11, 5 days left (of 6), renewed from 2027-01-17",
        ),
        (
            status(certificate(1.9, 6), next_due=NOW - DAY),
            "R11, 45 hours left (of 6 days), due since 2027-01-14",
        ),
        (status(certificate(0.01, 6)), "R11, 14 minutes left (of 6 days)"),
        (status(certificate(-1)), f"{MORE}, by Let's Encrypt R11, ended 2027-01-14 08:00 UTC"),
        (
            status(self_signed()),
            "planner.example and 1 more, self-signed, 390 days left (of 397) served",
        ),
        (
            status(self_signed(names=ADDRESS), subjects=ADDRESS),
            "203.0.113.7, self-signed, 390 days left (of 397) served",
        ),
        (
            status(how="own", next_due=None),
            f"{MORE}, your own, by Let's Encrypt R11, 61 days left (of 90) served",
        ),
        (status(certificate(names=[])), "for no name, by Let's Encrypt"),
        (status(served=None), "served: none, on the disk: 3a1b2c3d4e5… (serials)"),
        (
            status(served=certificate(serial="ff")),
            "served: ff, on the disk: 3a1b2c3d4e5… (serials)",
        ),
        (status(served=None, on_disk=None), "Certificate none served: none, on the disk: none"),
        (status(webhook={"url": URL, "pending": 1}), f"Webhook {URL}, 1 message waits"),
        (status(webhook={"url": URL, "pending": None}), f"Webhook {URL}, ? messages wait"),
    ],
)
def test_said(told: dict[str, Any], expected: str) -> None:
    """Each situation in its words."""
    text = " ".join(" ".join(certificate_section(seen(told))["lines"]).split())
    assert expected in text


def test_without() -> None:
    """No timer, no webhook: nothing is said of them. A timer that never ran says so."""
    text = " ".join(certificate_section(seen(status(webhook={}), timer=None))["lines"])
    assert "certbot.timer" not in text
    assert "Webhook" not in text
    timer = {"active": True, "next": None, "last": None}
    lines = certificate_section(seen(status(webhook={}), timer=timer))["lines"]
    assert lines[-1].strip() == "certbot.timer: last never, next ?"


def test_long() -> None:
    """Names, issuers and addresses without a space are broken at 80 columns."""
    long = "x" * 400
    told = status(certificate(names=[long], issuer=f"{long} CA"), webhook={"url": long})
    assert max(map(len, certificate_section(seen(told))["lines"])) == 80


def test_nothing_seen() -> None:
    """What could not be read is a question mark."""
    assert certificate_section(seen({}))["lines"] == ["Certificate  ?"]


def test_json() -> None:
    """JSON has all that was seen, and the report takes the section as it is."""
    shown, findings = _a_section(certificate_section(seen()))
    assert json.loads(json.dumps(shown["data"]))["status"]["served"]["names"][1] == NAMES[0]
    assert (shown["name"], len(findings)) == ("certificate", 8)


@given(
    st.builds(
        certificate,
        st.floats(-1000, 10**6),
        st.floats(0, 10**6),
        names=st.lists(st.text(max_size=200), max_size=4),
        serial=st.text(),
        issuer=st.text(max_size=300),
        self_signed=st.booleans(),
    ),
    st.text(max_size=2000),
    st.floats(0, 10**18) | st.none(),
    st.sampled_from(["ca", "own", "self-signed"]),
)
def test_fits_the_screen(one: dict[str, Any], text: str, when: float | None, how: str) -> None:
    """Nothing makes a line wider than 80 columns, or two lines of one, or steers the terminal."""
    told = status(
        one,
        how=how,
        served=certificate(serial=text),
        next_due=when,
        due="it ends",
        problem=f"also {text}",
        on_disk_problem=text,
        attempt=attempt(reason=text, retry_at=NOW + (when or 0)),
        webhook={"url": text, "problems": [text], "pending": when},
    )
    timer = {"active": True, "next": when, "last": when}
    service = {"failed": True, "result": text}
    section = certificate_section(seen(told, timer=timer, service=service))
    for line in section["lines"]:
        assert len(line) <= 80
        assert line.isprintable()
        assert line == line.rstrip()
    for found in section["findings"]:
        assert (found["what"] + found["do"]).isprintable()
        assert len(found["what"]) < 1000


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(sorted(seen())), GARBAGE)
    | st.dictionaries(st.sampled_from(sorted(status())), GARBAGE).map(lambda one: {"status": one})
    | GARBAGE
)
def test_never_fails(garbage: Any) -> None:
    """Whatever was measured, the state can be shown; garbage is no good news."""
    section = certificate_section(garbage)
    assert all(isinstance(line, str) for line in section["lines"])
    assert any(one["severity"] != "ok" for one in section["findings"])


@given(
    st.sampled_from(
        [(part, key) for part in ("status", "timer", "service") for key in sorted(seen()[part])]
        + [("served", key) for key in sorted(certificate())]
        + [("attempt", key) for key in sorted(attempt())]
    ),
    GARBAGE,
)
def test_one_thing_is_garbage(where: tuple[str, str], garbage: Any) -> None:
    """One wrong answer among good ones does not fail either."""
    part, key = where
    told = seen(status(due="it ends", attempt=attempt()))
    ((told if part in told else told["status"])[part])[key] = garbage
    assert judge(told)
