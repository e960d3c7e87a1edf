"""Why a CA refuses, in its own words, and what the owner reads of it."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    LIMITED,
    LOCAL,
    NETWORK,
    REFUSED,
)
from ansible_collections.planner.droplet.plugins.module_utils._acme_failure import (
    account_is_gone,
    explain,
    nonce_was_refused,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.certbot_texts import CA, answered, challenges, error, not_registered, raised

NOW = 1_795_000_000.0  # 2026-11-18 11:06:40 UTC
URL = "http://a.test/.well-known/acme-challenge/iftJZuv9C8"
PORT = "the CA cannot connect to port 80. Do: open it, in hardening_open_ports and at the provider"
DNS = "the CA does not find the name in DNS. Do: mend its A and AAAA records"
ELSE = (
    "something else answered the CA. Do: point the name's A and AAAA records to this machine only"
)
CAA = "a CAA record forbids this CA. Do: allow it in the name's CAA records"
REJECTED = "this CA signs no certificate for it. Do: choose another name"
MALFORMED = "the CA does not understand the name. Do: check its spelling"

# type of the error, what the CA says -> the reason, in front of what it says
TEST_CHALLENGES = [
    ("connection", f"203.0.113.9: Fetching {URL}: Timeout during connect (likely)", PORT),
    ("dns", "DNS problem: NXDOMAIN looking up A for a.test - check that it exists", DNS),
    ("unauthorized", f"203.0.113.9: Invalid response from {URL}: 404", ELSE),
    ("caa", "CAA record for a.test prevents issuance", CAA),
    ("serverInternal", "Remote PerformValidation RPC failed", "the CA refuses it (serverInternal)"),
    ("urn:example:moon", "it is full", "the CA refuses it (urn:example:moon)"),
]


@pytest.mark.parametrize("kind, detail, reason", TEST_CHALLENGES)
def test_a_challenge(kind: str, detail: str, reason: str) -> None:
    """The name, what is wrong with it, what to do, and the CA's own words."""
    failure = explain(challenges(("a.test", kind, detail)), CA, NOW)
    assert failure.kind == REFUSED
    assert failure.reason == f"a.test: {reason} ({detail})"
    assert failure.retry_after_s is None


def test_several_challenges() -> None:
    """Every name is told."""
    output = challenges(("a.test", "dns", "no A"), ("b.test", "caa", "no"))
    assert explain(output, CA, NOW).reason == f"a.test: {DNS} (no A); b.test: {CAA} (no)"


def test_a_challenge_for_an_address() -> None:
    """A later certbot, which knows addresses, does not call them domains."""
    output = challenges(("192.0.2.7", "connection", "no")).replace("Domain:", "Identifier:")
    assert explain(output, CA, NOW).reason == f"192.0.2.7: {PORT} (no)"


RECHECK = 'Error finalizing order :: Rechecking CAA for "a.test" and 1 more identifiers failed'
INVALID = 'Invalid identifiers requested :: Cannot issue for "a.test": no valid public suffix'
# what certbot printed -> the reason
TEST_REFUSED: list[tuple[str, str, str]] = [
    ("caa, at the end", answered("caa", f"{RECHECK}."), f"{CAA} ({RECHECK})"),
    ("never signed", answered("rejectedIdentifier", INVALID), f"{REJECTED} ({INVALID})"),
    (
        "several names",
        raised(
            f"acme.messages.Error: {error('rejectedIdentifier', 'Refer to sub-problems.')}\n"
            f"Problem for a.test: {error('rejectedIdentifier', 'forbidden by policy')}\n"
            f"Problem for b.test: {error('malformed', 'an invalid character')}"
        ),
        f"a.test: {REJECTED} (forbidden by policy); b.test: {MALFORMED} (an invalid character)",
    ),
    (
        "an error that certbot does not know",
        raised("acme.messages.Error: urn:ietf:params:acme:error:userActionRequired :: new terms"),
        "the CA refuses it, userActionRequired (new terms)",
    ),
    (
        "no words",
        raised("acme.messages.Error: urn:ietf:params:acme:error:malformed"),
        f"{MALFORMED} (it said nothing)",
    ),
    (
        "a new account is not known either",
        answered("accountDoesNotExist", "Account https://ca.test/1 not found."),
        "the CA refuses it, accountDoesNotExist (Account https://ca.test/1 not found)",
    ),
    (
        "a nonce, then something else",
        raised(
            f"acme.messages.Error: {error('badNonce', 'invalid anti-replay nonce: o914')}",
            f"acme.messages.Error: {error('malformed', 'no')}",
        ),
        f"{MALFORMED} (no)",
    ),
]


@pytest.mark.parametrize(
    "output, reason", [row[1:] for row in TEST_REFUSED], ids=[row[0] for row in TEST_REFUSED]
)
def test_refused(output: str, reason: str) -> None:
    """Of errors without a challenge the traceback alone has the type."""
    failure = explain(output, CA, NOW)
    assert (failure.kind, failure.reason) == (REFUSED, reason)


# what certbot printed -> the reason
TEST_TROUBLE: list[tuple[str, str, str]] = [
    (
        "every nonce is refused",
        not_registered("badNonce", "JWS has an invalid anti-replay nonce: RQyq"),
        f"{CA} rejects every request (badNonce). Nothing to do: it is the CA's trouble",
    ),
    (
        "maintenance",
        answered("serverInternal", "The service is down for maintenance."),
        f"{CA} is in trouble: The service is down for maintenance. Nothing to do",
    ),
    (
        "busy, which is no limit of ours",
        not_registered("rateLimited", "Service busy; retry later."),
        f"{CA} is in trouble: Service busy; retry later. Nothing to do",
    ),
]


@pytest.mark.parametrize(
    "output, reason", [row[1:] for row in TEST_TROUBLE], ids=[row[0] for row in TEST_TROUBLE]
)
def test_trouble(output: str, reason: str) -> None:
    """Trouble of the CA's is not taken for a refusal: it is asked again soon."""
    failure = explain(output, CA, NOW)
    assert (failure.kind, failure.reason) == (NETWORK, reason)


LIMIT = "too many certificates (5) already issued for this exact set of identifiers"
# what the CA says -> after how many seconds it may be asked again
TEST_LIMITS: list[tuple[str, float | None]] = [
    (f"{LIMIT}, retry after 2026-11-18 12:06:40 UTC: see https://letsencrypt.org/docs", 3600),
    (f"{LIMIT}, retry after 2026-11-18T12:06:40Z: see https://letsencrypt.org/docs", 3600),
    (f"{LIMIT}, Retry after 2026-11-25 11:06:40 UTC", 7 * 86400),
    (f"{LIMIT}, retry after 2026-11-18 11:00:00 UTC", 60),
    (f"{LIMIT}, retry after 2026-13-32 25:61:61 UTC", None),
    (f"{LIMIT}, retry after tomorrow", None),
    ('too many failed authorizations (5) for "a.test" in the last 1h0m0s', None),
]


@pytest.mark.parametrize("detail, retry_after_s", TEST_LIMITS)
def test_limits(detail: str, retry_after_s: float | None) -> None:
    """The CA has had enough; when it may be asked again is its own word."""
    failure = explain(answered("rateLimited", detail), CA, NOW)
    assert failure.kind == LIMITED
    assert failure.retry_after_s == retry_after_s
    assert failure.reason == (
        f"the CA has issued or refused too much for these names lately (its rate limit): {detail}"
    )


def test_a_limit_of_accounts() -> None:
    """It is met before any certificate is asked for."""
    output = not_registered(
        "rateLimited", "too many new registrations (10), retry after 2026-11-18 11:16:40 UTC"
    )
    failure = explain(output, CA, NOW)
    assert (failure.kind, failure.retry_after_s) == (LIMITED, 600)


STATUS = 'Account is not valid, has status "deactivated"'
# what certbot printed -> whether the account has to be made anew
TEST_ACCOUNTS = [
    (answered("accountDoesNotExist", "Account https://ca.test/my-account/6a6d not found."), True),
    (answered("unauthorized", "Account has been deactivated"), True),
    (answered("unauthorized", f"Unable to validate JWS :: {STATUS}"), True),
    (answered("unauthorized", "The key does not match"), False),
    (challenges(("a.test", "unauthorized", "account is not valid")), False),
    (not_registered("rateLimited", "too many registrations for this IP"), False),
    ("", False),
]


@pytest.mark.parametrize("output, gone", TEST_ACCOUNTS)
def test_account_is_gone(output: str, gone: bool) -> None:  # noqa: FBT001 - a table
    """The CA forgot it, or the owner deactivated it; whatever else is wrong, the account is kept."""
    assert account_is_gone(output) == gone


def test_nonce_was_refused() -> None:
    """Only where that is how it ended."""
    nonce = error("badNonce", "JWS has an invalid anti-replay nonce: RQyq")
    assert nonce_was_refused(raised(f"acme.messages.Error: {nonce}"))
    assert nonce_was_refused(not_registered("badNonce", "JWS has an invalid nonce"))
    other = error("caa", "no")
    then = raised(f"acme.messages.Error: {nonce}", f"acme.messages.Error: {other}")
    assert not nonce_was_refused(then)
    assert not nonce_was_refused("")


def test_long_and_strange_texts() -> None:
    """A detail may be a web page: it is cut, on one line, without control characters."""
    detail = "Invalid response: \x1b[31m<html>\t" + "x" * 1000
    failure = explain(challenges(("a.test", "unauthorized", detail)), CA, NOW)
    assert failure.reason.isprintable()
    assert failure.reason.endswith("x...)")
    assert len(failure.reason) < 450


PIECES = st.sampled_from(
    [
        "urn:ietf:params:acme:error:",
        "acme.messages.Error: ",
        "rateLimited",
        " :: ",
        "retry after 9999-99-99 99:99:99",
        "Problem for ",
        "  Domain: x\n  Type: y\n",
        "Traceback (most recent call last):\n",
        "\n",
        "\x00",
    ]
)


@given(st.lists(PIECES | st.text(max_size=20)).map("".join))
def test_anything(output: str) -> None:
    """Whatever is printed, something is made of it, on one line."""
    failure = explain(output, CA, NOW)
    assert failure.kind in {NETWORK, REFUSED, LIMITED, LOCAL}
    assert failure.reason
    assert "\n" not in failure.reason
    account_is_gone(output)
    nonce_was_refused(output)
