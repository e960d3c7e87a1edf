# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What certbot's complaint means, and what its reader can do about it.

Error types are those of RFC 8555, section 6.7. certbot prints them as ``Type:`` of each name whose challenge failed;
of all other errors only in the traceback, which it shows with ``--debug``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    LIMITED,
    LOCAL,
    NETWORK,
    REFUSED,
    Failure,
    when,
)

_LONGEST = 300
# Behind the type comes certbot's description of it, then what the CA says.
_ERROR = r"urn:ietf:params:acme:error:(?P<type>\w+)(?: :: (?:[^\n]*? :: )?(?P<detail>[^\n]*))?"
_RAISED = re.compile(rf"^acme\.messages\.Error: {_ERROR}", re.MULTILINE)
_CHALLENGE = re.compile(
    r"^\s*(?:Domain|Identifier):\s*(?P<name>\S+)\s*\n\s*Type:\s*(?P<type>\S+)\s*\n\s*Detail:\s*(?P<detail>[^\n]*)",
    re.MULTILINE,
)
_PART = re.compile(rf"^Problem for (?P<name>\S+): {_ERROR}", re.MULTILINE)
_ACCOUNT_GONE = re.compile(
    r"error:accountDoesNotExist|error:unauthorized :: .*account (?:is not valid|has been deactivated)",
    re.IGNORECASE,
)
_RETRY_AFTER = re.compile(r"retry after (?P<when>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last):"
_NOISE = re.compile(
    r"^(Saving debug log|Requesting a certificate|Renewing an existing|Account registered|Ask for help|"
    r"An unexpected error occurred:|Exiting abnormally:|During handling of the above|The above exception was|"
    r'Hint:|Some challenges have failed|Please see the logfile|- - -|  File "|    )|^\s*$'
)
_CLASS = re.compile(r"^(?:\w+\.)*\w+: ")

_REFUSALS: Mapping[str, str] = {
    "connection": "the CA cannot connect to port 80. Do: open it, in hardening_open_ports and at the provider",
    "dns": "the CA does not find the name in DNS. Do: mend its A and AAAA records",
    "unauthorized": "something else answered the CA. Do: point the name's A and AAAA records to this machine only",
    "caa": "a CAA record forbids this CA. Do: allow it in the name's CAA records",
    "rejectedIdentifier": "this CA signs no certificate for it. Do: choose another name",
    "malformed": "the CA does not understand the name. Do: check its spelling",
}


def explain(output: str, directory: str, now: float) -> Failure:
    """Read what certbot printed."""
    problems = [match.groupdict() for one in (_CHALLENGE, _PART) for match in one.finditer(output)]
    if problems:
        return Failure(REFUSED, "; ".join(map(_refusal, problems)))
    if raised := _raised(output):
        return _by_type(raised["type"], _detail(raised), directory, now)
    return _by_its_words(output, directory, now) or Failure(
        NETWORK, f"certbot failed: {_end(output)}"
    )


def nonce_was_refused(output: str) -> bool:
    """Tell whether the CA rejected a request for its nonce alone, and the retry that certbot itself makes."""
    raised = _raised(output)
    return raised is not None and raised["type"] == "badNonce"


def account_is_gone(output: str) -> bool:
    """Tell whether the CA does not know the account any more, or the owner has deactivated it."""
    return bool(_ACCOUNT_GONE.search(output))


def _raised(output: str) -> dict[str, str] | None:
    """Take the CA's last error: a retry after a badNonce is told behind it."""
    found = [match.groupdict() for match in _RAISED.finditer(output)]
    return found[-1] if found else None


def _by_its_words(output: str, directory: str, now: float) -> Failure | None:
    said = "\n".join(line for line in output.splitlines() if not _NOISE.match(line)).lower()
    for words, failure in _texts(directory, now).items():
        if any(word in said for word in words.split("|")):
            return failure
    return None


def _by_type(kind: str, detail: str, directory: str, now: float) -> Failure:
    if kind == "rateLimited" and "service busy" not in detail.lower():
        return _limited(detail, now)
    if kind == "badNonce":
        what = (
            f"{directory} rejects every request (badNonce). Nothing to do: it is the CA's trouble"
        )
        return Failure(NETWORK, what)
    if kind in {"serverInternal", "orderNotReady", "rateLimited"}:
        return Failure(NETWORK, f"{directory} is in trouble: {detail}. Nothing to do")
    return Failure(REFUSED, f"{_REFUSALS.get(kind, f'the CA refuses it, {kind}')} ({detail})")


def _refusal(problem: Mapping[str, str]) -> str:
    what = _REFUSALS.get(problem["type"], f"the CA refuses it ({problem['type']})")
    return f"{problem['name']}: {what} ({_detail(problem)})"


def _detail(error: Mapping[str, str | None]) -> str:
    return _short(error["detail"] or "") or "it said nothing"


def _limited(detail: str, now: float) -> Failure:
    what = "the CA has issued or refused too much for these names lately (its rate limit)"
    return Failure(LIMITED, f"{what}: {detail}", _retry_after_s(detail, now))


def _retry_after_s(detail: str, now: float) -> float | None:
    found = _RETRY_AFTER.search(detail)
    if not found:
        return None
    try:
        moment = dt.datetime.fromisoformat(f"{found['when'].replace(' ', 'T')}+00:00")
    except ValueError:  # no day of the calendar
        return None
    return max(moment.timestamp() - now, 60.0)


def _texts(directory: str, now: float) -> dict[str, Failure]:
    """List what is recognised by its words, the most telling first."""
    clock = f"This machine's clock says {when(now)}. Do: timedatectl"
    return {
        "no space left on device|disk quota": Failure(
            LOCAL, "the disk is full. Do: free some, see `df -h / /etc/letsencrypt`"
        ),
        "read-only file system|permission denied": Failure(
            LOCAL, "certbot cannot write below /etc/letsencrypt. Do: mend that file system"
        ),
        "certbot timed out": Failure(
            NETWORK, f"{directory} did not issue it in time. If it lasts: see the CA's status page"
        ),
        "another instance of certbot": Failure(LOCAL, "another certbot runs. It is tried again"),
        "certificate is not yet valid|certificate has expired": Failure(
            NETWORK, f"the certificate of {directory} is not valid at this time. {clock}"
        ),
        "certificate verify failed|certificate_verify_failed": Failure(
            NETWORK,
            f"{directory} is not trusted. Do: give its CA in tls_acme_ca, if it is a CA of your own",
        ),
        "name resolution|failed to resolve|name or service not known": Failure(
            NETWORK, f"{directory} is not found in DNS. Do: check this machine's DNS: resolvectl"
        ),
        "connection refused|max retries exceeded|timed out|network is unreachable|no route to host|"
        "remote end closed|connection reset|connection aborted": Failure(
            NETWORK, f"{directory} cannot be reached. If it lasts: see the CA's status page"
        ),
        "<response [5|timeouterror": Failure(
            NETWORK, f"{directory} is in trouble. If it lasts: see the CA's status page"
        ),
        "<response [404|unexpected response content-type": Failure(
            NETWORK, f"{directory} is no ACME directory. Do: correct tls_acme_directory"
        ),
    }


def _end(output: str) -> str:
    """Take the last lines that say something."""
    last = output.rpartition(_TRACEBACK)[2]
    lines = [_CLASS.sub("", line).strip() for line in last.splitlines() if not _NOISE.match(line)]
    return _short(" ".join(lines[-3:])) or "it said nothing"


def _short(text: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split()).rstrip(".")
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."
