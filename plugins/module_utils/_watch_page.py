# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The report of a month as one HTML file: no script, nothing from elsewhere, legible on light and dark."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _svg as svg
from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    SEVERITIES,
    entries,
    number,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count
from ansible_collections.planner.droplet.plugins.module_utils._upgrades import by_day
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import lasting
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import (
    PROMISED_PERCENT,
    Down,
    Month,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_trend import (
    floored,
    month_svg,
)

_UTC = dt.timezone.utc  # noqa: UP017 - targets may have Python 3.10
_MOST_DOWNS = 40
# The pictures are drawn for light; on dark each of their colours has another.
_DARK = {
    svg.PAPER: "#171b21",
    svg.INK: "#e6e9ee",
    svg.SOFT: "#9aa5b4",
    svg.LINE: "#3a424d",
    svg.KERNEL: "#232a33",
    svg.GOOD: "#4cc38a",
    svg.TIGHT: "#e0b04a",
    svg.BAD: "#ff8a80",
    svg.colour(0): "#7aa7e0",
    svg.colour(2): "#e89a88",
    svg.colour(3): "#7fcbb0",
}
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2733; --soft: #5b6675; --line: #d5dae1; --card: #fbfcfd;
  --problem: #b3261e; --warning: #9a6700; --unknown: #5b6675; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1216; --ink: #e6e9ee; --soft: #9aa5b4; --line: #3a424d; --card: #171b21;
    --problem: #ff8a80; --warning: #e0b04a; --unknown: #9aa5b4; }
%s
}
body { margin: 0 auto; max-width: 900px; padding: 24px 16px 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 17px; margin: 32px 0 8px; }
p, ul { margin: 6px 0; } .soft { color: var(--soft); } ul { padding-left: 20px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin: 20px 0; }
dl div, pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
dt { color: var(--soft); font-size: 13px; } dd { margin: 0; font-size: 21px; font-weight: 600; }
dd small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
pre { overflow-x: auto; font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; margin: 8px 0; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
b.problem { color: var(--problem); } b.warning { color: var(--warning); } b.unknown { color: var(--unknown); }
figure { margin: 16px 0; overflow-x: auto; } svg { width: 100%%; min-width: 640px; height: auto; }
"""


@dataclass(frozen=True)
class Facts:
    """All that a report tells. Sections are those of the state of the machine, as they stand when it is made."""

    host: str
    month: Month
    sections: Sequence[Mapping[str, Any]] = ()
    told: Sequence[tuple[float, str, str]] = ()
    """When, of which kind and what a person was told; seconds since 1970."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """The memory plan."""
    most: Mapping[str, float] = field(default_factory=dict)
    """The thresholds, of which ``memory_percent`` and ``disk_percent`` are drawn."""
    monthly_usd: float | None = None
    made: float = 0
    """Seconds since 1970."""

    @property
    def name(self) -> str:
        """Write the month as people do."""
        year, month = self.month.name.split("-")
        return f"{calendar.month_name[int(month)]} {year}"

    def bad(self) -> list[Mapping[str, Any]]:
        """List the findings that are not good, the worst first."""
        found = [one for part in self.sections for one in entries(part.get("findings"))]
        found = [one for one in found if one.get("severity") in SEVERITIES[:-1]]
        return sorted(found, key=lambda one: SEVERITIES.index(one["severity"]))


def page(facts: Facts) -> str:
    """Render the whole report."""
    title = f"{facts.host}, {facts.name}"
    dark = "\n".join(
        f'  svg [fill="{light}"] {{ fill: {other}; }} svg [stroke="{light}"] {{ stroke: {other}; }}'
        for light, other in _DARK.items()
    )
    until = moment(min(facts.month.until, facts.made))
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE % dark}</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">From {moment(facts.month.begin)} to {until}, made {moment(facts.made)}</p>',
        *_numbers(facts),
        *_standing(facts),
        f"<figure>{month_svg(facts.month, facts.plan, facts.most)}</figure>",
        *_downs(facts.month),
        *_told(facts.told),
        *(line for part in facts.sections for line in _section(part)),
        *_upgrades(facts),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def moment(seconds: float) -> str:
    """Write seconds since 1970 for people."""
    return dt.datetime.fromtimestamp(seconds, _UTC).strftime("%Y-%m-%d %H:%M UTC")


def down_said(down: Down) -> str:
    """Write a time down in one line."""
    said = f"{moment(down.start)} for {lasting(down.seconds)}"
    return said if down.looked else f"{said}, in which nobody looked"


def promise(month: Month) -> str:
    """Say how long it was down, and what is left of the time that it may be."""
    left, whole = month.budget_left_min, month.budget_min
    down = f"down for {lasting(month.down_s)}" if month.down_s else "never down"
    allowed = f"the {lasting(60 * whole)} that {PROMISED_PERCENT} % allow"
    if left < 0:
        return f"{down}, {lasting(-60 * left)} more than {allowed}"
    return f"{down}, {lasting(60 * left)} left of {allowed}"


def _numbers(facts: Facts) -> Iterator[str]:
    month = facts.month
    percent = month.uptime_percent
    up = "not seen" if percent is None else f"{floored(percent)} %"
    yield "<dl>"
    yield _number("Up", up, promise(month))
    speed = "not measured" if month.p50_s is None else f"{1000 * month.p50_s:.0f} ms"
    slow = (
        ""
        if month.p95_s is None
        else f"half of the answers; 95 % within {1000 * month.p95_s:.0f} ms"
    )
    yield _number("Ready within", speed, slow)
    yield _number("Requests", f"{month.requests:,}", f"{month.errors:,} were the server's errors")
    of = {"used_mb": facts.plan.get("guest_mb"), "swap_mb": facts.plan.get("swap_mb")}
    for label, name, unit in (
        ("Memory", "used_mb", " MiB"),
        ("Swap", "swap_mb", " MiB"),
        ("Disk", "disk_percent", " %"),
    ):
        most = month.most(name)
        whole = number(of.get(name))
        value = "not measured" if most is None else f"{shown(most[0])}{unit}"
        said = "" if most is None else f"the most, on day {most[1]}"
        yield _number(label, value, said + (f"; {shown(whole)} in all" if whole and most else ""))
    if facts.monthly_usd is not None:
        yield _number("Cost", dollars(facts.monthly_usd), "a month")
    yield "</dl>"


def _number(label: str, value: str, said: str) -> str:
    return (
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}<small>{escape(said)}</small></dd></div>"
    )


def _standing(facts: Facts) -> Iterator[str]:
    found = facts.bad()
    yield "<h2>What is not well</h2>"
    yield from _listed(map(_finding, found), "All that was looked at is well.")


def _finding(one: Mapping[str, Any]) -> str:
    severity = str(one["severity"])
    about = f"{one.get('subject', '')}: {one.get('what', '')}"
    do = f"<br>Do: <code>{escape(str(one['do']))}</code>" if one.get("do") else ""
    return f'<b class="{escape(severity)}">{escape(severity)}</b> {escape(about)}{do}'


def _downs(month: Month) -> Iterator[str]:
    longest = sorted(month.downs, key=lambda one: -one.seconds)[:_MOST_DOWNS]
    more = len(month.downs) - len(longest)
    yield "<h2>Times down</h2>"
    said = [escape(down_said(one)) for one in sorted(longest, key=lambda one: one.start)]
    yield from _listed(said + ([f"and {more} shorter ones"] if more else []), "None.")


def _told(told: Iterable[tuple[float, str, str]]) -> Iterator[str]:
    yield "<h2>What was told</h2>"
    yield from _listed((f"{moment(at)} {escape(title)}" for at, _, title in told), "Nothing.")


def _section(part: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(str(part.get('name', '')).capitalize())}</h2>"
    if part.get("lines"):
        yield f"<pre>{escape(chr(10).join(map(str, part['lines'])))}</pre>"
    good = [one for one in entries(part.get("findings")) if one.get("severity") == OK]
    yield f'<p class="soft">{count(len(good), "check")} good</p>'


def _upgrades(facts: Facts) -> Iterator[str]:
    """List all packages of the month; the section on updates has only the last days."""
    parts = [part for part in facts.sections if part.get("name") == "updates"]
    runs = [one for part in parts for one in entries((part.get("data") or {}).get("runs"))]
    of_month = [one for one in runs if str(one.get("at", "")).startswith(facts.month.name)]
    if parts:
        yield "<h2>Upgraded in the month</h2>"
        said = (f"{day} {by}: {', '.join(changes)}" for day, by, changes in by_day(of_month))
        yield from _listed(map(escape, said), "Nothing.")


def _listed(items: Iterable[str], nothing: str) -> Iterator[str]:
    """Make a list of what is HTML already."""
    lines = [f"<li>{item}</li>" for item in items]
    yield from ("<ul>", *lines, "</ul>") if lines else (f"<p>{nothing}</p>",)
