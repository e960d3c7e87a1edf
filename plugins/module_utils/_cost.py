# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the machine costs a month, in USD, and a warning when that is over the owner's budget."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem
from ansible_collections.planner.droplet.plugins.module_utils._sizes import AS_OF

BACKUP_PARTS = {"none": 0.0, "weekly": 0.20, "daily": 0.30}
"""The provider's own backups cost a part of the Droplet's price. Their API's default is daily."""
_SWITCHES = {"true": True, "yes": True, "false": False, "no": False}
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
SPACES_USD = 5.0
"""The smallest Spaces subscription, 250 GiB: more than one small server's backups need."""


@dataclass(frozen=True)
class Cost:
    """One month. Traffic within the Droplet's allowance, VPC and Cloud Firewall are free."""

    droplet_usd: float
    backups: str
    backups_usd: float
    spaces_usd: float
    total_usd: float
    budget_usd: float
    as_of: str
    warning: str
    """Empty within the budget."""

    def to_dict(self) -> dict[str, Any]:
        """Turn into a plain dictionary."""
        return asdict(self)


def monthly_cost(price_usd: float, backups: object, spaces: object, budget_usd: object) -> Cost:
    """Add the month up; raise :class:`PlanError` for a choice that does not exist."""
    part = BACKUP_PARTS.get(backups) if isinstance(backups, str) else None
    rented, budget = _switch(spaces), _amount(budget_usd)
    if part is None or rented is None or budget is None:
        raise PlanError(_problems(backups, spaces, budget_usd))
    backups_usd = round(price_usd * part, 2)
    spaces_usd = SPACES_USD if rented else 0.0
    total = round(price_usd + backups_usd + spaces_usd, 2)
    over = round(total - budget, 2)
    warning = f"{dollars(total)} a month is {dollars(over)} over the budget of {dollars(budget)}"
    return Cost(
        droplet_usd=float(price_usd),
        backups=str(backups),
        backups_usd=backups_usd,
        spaces_usd=spaces_usd,
        total_usd=total,
        budget_usd=budget,
        as_of=AS_OF,
        warning=warning if over > 0 else "",
    )


def dollars(amount: float) -> str:
    """Write an amount as people do: $6, $7.20."""
    return f"${amount:.0f}" if float(amount).is_integer() else f"${amount:.2f}"


def _switch(value: object) -> bool | None:
    """Read true or false; given on the command line they arrive as text."""
    return _SWITCHES.get(str(value).lower()) if isinstance(value, (bool, str)) else None


def _amount(value: object) -> float | None:
    """Read an amount that is not negative; given on the command line it arrives as text."""
    if isinstance(value, bool) or not _AMOUNT.fullmatch(str(value)):
        return None
    return float(str(value))


def _problems(backups: object, spaces: object, budget_usd: object) -> Iterable[Problem]:
    if not isinstance(backups, str) or backups not in BACKUP_PARTS:
        remedy = "use one of " + ", ".join(BACKUP_PARTS)
        yield Problem("backups", backups, "is no way of backing up", remedy)
    if _switch(spaces) is None:
        yield Problem("spaces", spaces, "has the wrong type", "write true or false")
    if _amount(budget_usd) is None:
        yield Problem("budget_usd", budget_usd, "is no amount", "write a number of USD from 0")
