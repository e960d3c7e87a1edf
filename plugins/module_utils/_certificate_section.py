# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The certificate of a machine, judged and put into a section of its state.

The time is the host's, as its program told it. Nothing here asks a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._acme import DAY_S, LIMITED
from ansible_collections.planner.droplet.plugins.module_utils._certificate import Certificate
from ansible_collections.planner.droplet.plugins.module_utils._certificate_view import (
    CA,
    OWN,
    View,
    moment,
    plain,
    view_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    number,
    section,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import (
    count,
    labelled,
    shorten,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import STAGING

COLUMNS = 80
_wrap = partial(labelled, width=13, columns=COLUMNS)
OWN_ENDS_S, OWN_ENDS_SOON_S = 30 * DAY_S, 7 * DAY_S
"""From then on a certificate that nothing renews is a warning, and a problem."""
_LONGEST = 600
_DIGITS = 12
_DO = " Do: "
_ABOUT = "certificate"
_KEEP = "planner-tls keep"
_SITE = "ansible-playbook playbooks/site.yml --tags tls"
_NEW_OWN = f"put another into tls_own_certificate and tls_own_key, then {_SITE}"
_NGINX_LOG = "docker logs planner-nginx-1"
_LOG = "journalctl -u certbot.service -n 50"


def certificate_section(seen: object) -> dict[str, Any]:
    """Judge what the module ``certificate_state`` saw, as a section for the state of the machine."""
    return section("certificate", seen, _lines, judge)


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Judge each point; what could not be seen is unknown."""
    view = view_of(seen.get("status"))
    if view is None:
        said, do = _parted(seen.get("error") or "nothing was seen")
        return [Finding(UNKNOWN, _ABOUT, _ABOUT, f"it could not be seen: {said}", do or _SITE)]
    timer, shown = seen.get("timer"), view.shown
    about = [_signed(view, shown), _names(view, shown), _time(view, shown)] if shown else []
    return [
        _served(view),
        *about,
        _attempt(view, timer),
        _timer(timer),
        _webhook(view),
        _last_run(view, seen.get("service")),
    ]


def _served(view: View) -> Finding:
    check = "certificate-served"
    if view.served is None:
        return Finding(PROBLEM, check, _ABOUT, "nothing answers over TLS", _NGINX_LOG)
    if view.on_disk is None:
        what = f"its file cannot be used: {view.on_disk_problem}"
        return Finding(PROBLEM, check, _ABOUT, what, _SITE)
    if not view.same:
        served, on_disk = _digits(view.served), _digits(view.on_disk)
        what = f"nginx serves {served}, its file has {on_disk} (serials)"
        return Finding(PROBLEM, check, _ABOUT, what, "planner-tls serve")
    return Finding(OK, check, _ABOUT, "the one on the disk is served")


def _signed(view: View, shown: Certificate) -> Finding:
    check = "certificate-signed"
    if view.trial:
        what = "it is for trials: browsers do not trust it"
        set_first = "set tls_staging to false, then " if view.directory == STAGING else ""
        return Finding(WARNING, check, _ABOUT, what, set_first + _SITE)
    if not shown.self_signed:
        return Finding(OK, check, _ABOUT, f"signed by {plain(shown.issuer)}")
    what = "it signs itself: browsers do not trust it"
    if view.how == OWN:
        return Finding(WARNING, check, _ABOUT, what, _NEW_OWN)
    if view.how == CA or view.named:
        what += f". A CA's for {_some(view.subjects)} is to come"
        return Finding(PROBLEM if view.named else WARNING, check, _ABOUT, what, _KEEP)
    return Finding(OK, check, _ABOUT, "it signs itself, as there are no droplet_domains")


def _names(view: View, shown: Certificate) -> Finding:
    check = "certificate-names"
    missing = [one for one in view.subjects if not shown.covers(one)]
    if missing:
        what = f"it is not for {', '.join(map(plain, missing))}"
        return Finding(PROBLEM, check, _ABOUT, shorten(what, _LONGEST), _renew(view))
    return Finding(OK, check, _ABOUT, "it is for all that is wished")


def _time(view: View, shown: Certificate) -> Finding:
    check, now, end = "certificate-time", view.clock, moment(shown.not_after)
    if shown.not_after <= now:
        return Finding(PROBLEM, check, _ABOUT, f"it ended {end}", _renew(view))
    if shown.not_before > now:
        what = f"it begins {moment(shown.not_before)}, but this machine has {moment(now)}"
        return Finding(PROBLEM, check, _ABOUT, what, "timedatectl")
    if view.how == OWN and shown.not_after - now < OWN_ENDS_S:
        what = f"your own ends {end}, and nothing here renews it"
        soon = shown.not_after - now < OWN_ENDS_SOON_S
        return Finding(PROBLEM if soon else WARNING, check, _ABOUT, what, _NEW_OWN)
    if view.next_due is not None and now > _overdue_at(view.next_due, shown):
        what = f"its renewal was due {moment(view.next_due)}, and it ends {end}"
        return Finding(WARNING, check, _ABOUT, what, _KEEP)
    return Finding(OK, check, _ABOUT, f"it ends {end}")


def _overdue_at(next_due: float, shown: Certificate) -> float:
    """Tell when half of the time that there is for a renewal has gone by."""
    return next_due + max(0.0, shown.not_after - next_due) / 2


def _attempt(view: View, timer: object) -> Finding:
    """Judge the last failure by the time that is left to mend it."""
    check, attempt, shown = "certificate-attempt", view.attempt, view.shown
    if attempt is None:
        return Finding(OK, check, _ABOUT, "the last attempt to obtain one did not fail")
    reason, remedy = _parted(attempt.reason)
    times = f" ({count(attempt.failures, 'time')})" if attempt.failures > 1 else ""
    what = f"the last attempt to obtain one failed{times}: {reason}; {_next(view, timer)}"
    then = "wait: the CA has a limit" if attempt.kind == LIMITED else f"{_KEEP} --retry"
    do = f"{remedy}, then {then}" if remedy else then
    lacking = shown is None or (shown.self_signed and view.named)
    urgent = shown is not None and shown.not_after - view.clock < shown.lifetime_s / 4
    return Finding(PROBLEM if lacking or urgent else WARNING, check, _ABOUT, what, do)


def _next(view: View, timer: object) -> str:
    """Say when the next attempt comes; while the timer's run is under way, systemd tells no time."""
    known = timer if isinstance(timer, Mapping) else {}
    if known.get("active") is False:
        return "none follows, as certbot.timer does not run"
    if view.waits_until:
        return f"the CA is asked again after {moment(view.waits_until)}"
    coming = number(known.get("next"))
    return f"the next comes {moment(coming)}" if coming else "the next comes with certbot.timer"


def _timer(timer: object) -> Finding:
    check, about = "certificate-timer", "certbot.timer"
    active = timer.get("active") if isinstance(timer, Mapping) else None
    if active is True:
        return Finding(OK, check, about, "it runs")
    if active is False:
        what = "it does not run: nothing looks after the certificate"
        return Finding(PROBLEM, check, about, what, f"systemctl enable --now {about}")
    return Finding(UNKNOWN, check, about, "systemd did not tell", f"systemctl status {about}")


def _webhook(view: View) -> Finding:
    problems = view.hook.problems if view.hook else ()
    if problems:
        what, do = _parted(" ".join(problems))
        return Finding(PROBLEM, "webhook", "webhook", what, do or _KEEP)
    what = "Telegram has no complaint" if view.hook else "none is registered"
    return Finding(OK, "webhook", "webhook", what)


def _last_run(view: View, service: object) -> Finding:
    """Tell what else the last run complained of. Of one that died without a word only systemd knows."""
    check, about = "certificate-run", "planner-tls"
    what, do = _parted(_untold(view))
    if what:
        return Finding(PROBLEM, check, about, f"the last run failed: {what}", do or _LOG)
    died = service if isinstance(service, Mapping) and service.get("failed") is True else {}
    if died and not view.complaint:
        # One that ended by itself left its complaint behind; that there is none any more is a later, good run.
        result = plain(died.get("result"))
        severity = WARNING if result == "exit-code" else PROBLEM
        return Finding(severity, check, about, f"the timer's last run failed ({result})", _LOG)
    return Finding(OK, check, about, "nothing else to complain of")


def _untold(view: View) -> str:
    """Leave out of the last run's complaint what other findings tell."""
    complaint = view.complaint
    for told in view.hook.problems if view.hook else ():
        complaint = complaint.replace(told, "")
    reason = view.attempt.reason if view.attempt else None
    return " ".join(one for one in complaint.splitlines() if not reason or reason not in one)


def _renew(view: View) -> str:
    return _NEW_OWN if view.how == OWN else _KEEP


def _lines(seen: Mapping[str, Any]) -> list[str]:
    view = view_of(seen.get("status"))
    if view is None:
        return _wrap("Certificate", "?")
    timer = seen.get("timer")
    lines = _wrap("Certificate", _summary(view, view.shown) if view.shown else "none")
    lines += _wrap("", _comparison(view))
    if isinstance(timer, Mapping):
        last, coming = (number(timer.get(name)) for name in ("last", "next"))
        ago = "never" if last is None else moment(last)
        lines += _wrap("", f"certbot.timer: last {ago}, next {moment(coming)}")
    if view.hook:
        waiting = view.hook.pending
        many = "? messages" if waiting is None else count(int(waiting), "message")
        lines += _wrap("Webhook", f"{view.hook.url}, {many} wait{'s' if waiting == 1 else ''}")
    return lines


def _summary(view: View, shown: Certificate) -> str:
    """Say for whom, by whom, and for how long."""
    # A CA sorts the names: the canonical one first again.
    names = sorted(shown.names, key=lambda one: one != next(iter(view.subjects), ""))
    by = "self-signed" if shown.self_signed else f"by {plain(shown.issuer)}"
    said = [_some(names) or "for no name", *(["your own"] if view.how == OWN else []), by]
    if shown.not_after <= view.clock:
        return ", ".join([*said, f"ended {moment(shown.not_after)}"])
    left, unit = _span(shown.not_after - view.clock)
    # Its last second is one of its own (RFC 5280, 4.1.2.5).
    whole, of = _span(shown.lifetime_s + 1)
    said.append(f"{left} {unit} left (of {whole}{'' if of == unit else f' {of}'})")
    if view.next_due is not None:
        day = moment(view.next_due).split(" ")[0]
        said.append(f"renewed from {day}" if view.clock < view.next_due else f"due since {day}")
    return ", ".join(said)


def _comparison(view: View) -> str:
    served, on_disk = (_digits(one) if one else "none" for one in (view.served, view.on_disk))
    if view.same:
        return f"served and on the disk: the same (serial {served})"
    return f"served: {served}, on the disk: {on_disk} (serials)"


def _span(seconds: float) -> tuple[int, str]:
    """Count in the largest unit of which there are two."""
    for unit, size in (("days", DAY_S), ("hours", 3600)):
        if seconds >= 2 * size:
            return int(seconds // size), unit
    return int(seconds // 60), "minutes"


def _digits(certificate: Certificate) -> str:
    return shorten(plain(certificate.serial), _DIGITS)


def _some(names: Iterable[str]) -> str:
    first, *others = [*map(plain, names)] or [""]
    return f"{first} and {len(others)} more" if others else first


def _parted(said: object) -> tuple[str, str]:
    """Part what is wrong from what to do; of several remedies none can be told apart."""
    text = plain(said)
    what, _, do = text.partition(_DO) if text.count(_DO) == 1 else (text, "", "")
    return shorten(what.rstrip("."), _LONGEST), shorten(do.rstrip("."), _LONGEST)
