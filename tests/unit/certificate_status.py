"""What the module ``certificate_state`` sees of a machine where all is well, and of one whose renewals fail."""

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._acme import Wish
from ansible_collections.planner.droplet.plugins.module_utils._certificate_section import (
    certificate_section,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import LETS_ENCRYPT

DAY, HOUR = 86400.0, 3600.0
NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
NAMES = ["planner.example", "www.planner.example"]
ADDRESS = ["203.0.113.7"]
URL = "https://planner.example/telegram/webhook"
REASON = "planner.example: the CA cannot connect"


def certificate(left: float = 61, whole: float = 90, **fields: Any) -> dict[str, Any]:
    """What the program tells of one that has so many days left; its last second is one of its own."""
    return {
        "names": ["blog.planner.example", *NAMES],
        "serial": "3a1b2c3d4e5f60718293",
        "not_before": NOW + (left - whole) * DAY + 1,
        "not_after": NOW + left * DAY,
        "issuer": "Let's Encrypt R11",
        "self_signed": False,
        **fields,
    }


def self_signed(left: float = 390, names: list[str] = NAMES) -> dict[str, Any]:
    """One that no CA signed."""
    return certificate(left, 397, names=names, issuer=names[0], self_signed=True)


def status(one: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What the program tells where all is well and ``one`` is served."""
    one = certificate() if one is None else one
    return {
        "subjects": NAMES,
        "how": "ca",
        "directory": LETS_ENCRYPT,
        "profile": "classic",
        "real": not one["self_signed"],
        "served": one,
        "on_disk": one,
        "on_disk_problem": "",
        "due": "",
        "next_due": NOW + 31 * DAY,
        "attempt": None,
        "webhook": {"url": URL, "problems": [], "checked_at": NOW, "pending": 0},
        "problem": "",
        "clock": NOW,
        **more,
    }


def seen(told: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What the module saw."""
    return {
        "status": status() if told is None else told,
        "timer": {"active": True, "next": NOW + HOUR / 2, "last": NOW - HOUR / 2},
        "service": {"failed": False, "result": "success"},
        "error": "",
        **more,
    }


def attempt(names: list[str] = NAMES, **fields: Any) -> dict[str, Any]:
    """The last one, an hour ago; the CA is asked again in three hours."""
    return {
        "wish": str(Wish(tuple(names), LETS_ENCRYPT, "classic")),
        "at": NOW - HOUR,
        "failures": 1,
        "kind": "refused",
        "reason": f"{REASON}. Do: open port 80 (Timeout)",
        "retry_at": NOW + 3 * HOUR,
        **fields,
    }


def failing(left: float, **fields: Any) -> dict[str, Any]:
    """A machine whose renewal fails, as the last run wrote it down too."""
    told = attempt(**fields)
    return status(
        certificate(left),
        next_due=NOW + (left - 30) * DAY,
        due="it ends soon",
        attempt=told,
        problem=f"No new certificate: {told['reason']}. The CA is asked again after then",
    )


def bad(given: object) -> list[str]:
    """Every finding that is not good, one line each."""
    return [
        f"{one['severity']} {one['check']}: {one['what']}. Do: {one['do']}"
        for one in certificate_section(given)["findings"]
        if one["severity"] != "ok"
    ]
