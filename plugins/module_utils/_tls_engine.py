# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One run from beginning to end: serve the best there is, obtain a better one, tell Telegram. Or only look.

Each part goes as far as it can whatever became of the one before, and every problem is told.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._acme import Wish, next_due
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Fetched, Lookup
from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    Certificate,
    chain_of,
    faults,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate_choice import (
    OWN,
    Candidate,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._nginx import Nginx
from ansible_collections.planner.droplet.plugins.module_utils._telegram import (
    Bot,
    Webhook,
    keep_webhook,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_obtain import Obtainer
from ansible_collections.planner.droplet.plugins.module_utils._tls_serve import Server
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    Settings,
    TlsError,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_state import State

_HTTPS = 443


@dataclass
class Report:
    """What came of a run."""

    did: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Engine:
    """The parts of a run."""

    def __init__(self, settings: Settings, lookup: Lookup, outside: Sequence[Fetched] = ()) -> None:
        """Take the wish, the way to ask DNS, and what the owner's machine saw."""
        self.settings = settings
        certbot = Certbot(ca_file=settings.ca_file)
        self.server = Server(settings, certbot, Nginx(Compose(settings.project_dir)))
        self.state = State.load(settings.kept("state.json"))
        self.obtainer = Obtainer(settings, certbot, self.state, lookup, outside)
        self.report = Report()

    @property
    def wish(self) -> Wish | None:
        """Tell which certificate a CA is asked for, if any."""
        return self.obtainer.wish(self.server.subjects)

    def land(self) -> Report:
        """Have a certificate on the disk, before nginx starts."""
        self.server.land()
        return self._finish()

    def serve(self) -> Report:
        """Have nginx serve the best there is."""
        self._try_to_serve()
        return self._finish()

    def keep(self, *, retry: bool = False) -> Report:
        """Do all that is to be done."""
        self.obtainer.take_tokens_away()
        chosen = self._try_to_serve()
        wish = self.wish
        if wish and self._try_to_obtain(wish, retry=retry):
            self.report.problems.clear()  # of serving, which is judged anew
            chosen = self._try_to_serve()
        if chosen:
            self._keep_webhook(chosen)
        return self._finish()

    def _try_to_serve(self) -> Candidate | None:
        try:
            chosen = self.server.serve()
        except TlsError as error:
            self.report.problems.append(str(error))
            return None
        try:
            self.server.certbot.keep_threshold()
        except OSError as error:
            self.report.problems.append(f"certbot's own settings cannot be written: {error}")
        if self.settings.own:
            self._judge(chosen)
        return chosen

    def _judge(self, chosen: Candidate) -> None:
        """Say what is wrong with the owner's own certificate; a CA's is simply obtained anew."""
        own = next((one for one in self.server.candidates() if one.source == OWN), None)
        if own is None:
            why = f"{self.settings.own_file} is missing"
        elif own.certificate is None:
            why = own.problem
        else:
            why = " and ".join(faults(own.certificate, self.server.subjects, time.time()))
        if why:
            served = "" if chosen.source == OWN else " is not served"
            self.report.problems.append(
                f"tls_own_certificate{served}: {why}. Do: give a good one, with its key and its chain"
            )

    def _try_to_obtain(self, wish: Wish, *, retry: bool) -> bool:
        try:
            if self.settings.preflight and self.obtainer.why(wish):
                self._need_nginx()
            done = self.obtainer.obtain(wish, retry=retry)
        except TlsError as error:
            self.report.problems.append(str(error))
            return False
        except OSError as error:
            missing = error.filename == self.server.certbot.program
            self.report.problems.append(
                "certbot is not installed. Do: run playbooks/site.yml"
                if missing
                else f"No new certificate: {error}"
            )
            return False
        if done:
            self.report.did.append(done)
        return bool(done)

    def _need_nginx(self) -> None:
        if not self.server.runs():
            raise TlsError(
                "No new certificate: nginx does not run, and it has to answer the CA. The CA was not asked. "
                "Do: docker logs planner-nginx-1"
            )

    def _keep_webhook(self, chosen: Candidate) -> None:
        """Tell Telegram where to deliver; where no certificate is one that it accepts, not yet."""
        certificate, secrets = chosen.certificate, self._telegram_secrets()
        if certificate is None or secrets is None or not self.settings.webhook_path:
            self.state.webhook = {}
            return
        uploaded = chosen.source == OWN or not self.settings.names
        if not (uploaded or self.server.is_real(certificate)):
            self.report.notes.append(
                "Telegram is told of the webhook once the certificate is there"
            )
            return
        token, secret = secrets
        port = "" if self.settings.https_port == _HTTPS else f":{self.settings.https_port}"
        host = self.server.subjects[0]
        url = f"https://{f'[{host}]' if ':' in host else host}{port}{self.settings.webhook_path}"
        try:
            bot = Bot(api=self.settings.telegram_api, token=token)
        except ValueError as error:
            self.report.problems.append(f"tls_telegram_api: {error}")
            return
        outcome = keep_webhook(
            bot,
            Webhook(url, secret, chain_of(chosen.pem) if certificate.self_signed else ""),
            str(self.state.webhook.get("fingerprint", "")),
        )
        if outcome.changed:
            self.report.did.append(f"registered the webhook {url}")
        self.report.problems += outcome.problems
        self.state.webhook = {
            "url": url,
            "fingerprint": outcome.fingerprint,
            "problems": list(outcome.problems),
            "checked_at": time.time(),
            "pending": outcome.info.pending_update_count if outcome.info else None,
        }

    def _telegram_secrets(self) -> tuple[str, str] | None:
        values = []
        for name in ("telegram_bot_token", "telegram_webhook_secret"):
            try:
                with open(self.settings.path("secrets", name), encoding="utf-8") as file:
                    values.append(file.read().strip())
            except FileNotFoundError:
                return None
        return (values[0], values[1]) if all(values) else None

    def _finish(self) -> Report:
        self.report.did = self.server.did + self.report.did
        self.report.notes += self.obtainer.notes
        # One line each, also where nginx or Telegram said several.
        self.state.problem = "\n".join(" ".join(one.split()) for one in self.report.problems)
        try:
            self.state.save()
        except OSError as error:
            self.report.problems.append(
                f"{self.state.path} cannot be written: {error.strerror}. Do: df -h {self.settings.project_dir}"
            )
        return self.report

    def look(self, *, offer: bool = False) -> dict[str, Any]:
        """Tell what a run would do; with ``offer`` leave a token for the owner's machine to fetch."""
        wish = self.wish
        why = self.obtainer.why(wish) if wish else ""
        until = self.obtainer.waits_until(wish) if wish else None
        chosen = self.server.choose()
        found = (
            self.obtainer.look_up(wish)
            if wish and why and offer and self.settings.preflight
            else []
        )
        return {
            "subjects": list(self.server.subjects),
            "due": why,
            "waits_until": until,
            "makes_self_signed": chosen is None,
            "found": [asdict(one) for one in found],
            "token": self.obtainer.offer_token() if found else "",
        }

    def status(self) -> dict[str, Any]:
        """Tell everything that can be seen."""
        wish, certbot = self.wish, self.server.certbot
        on_disk = self.server.on_disk()
        served = self.server.served()
        issued = certbot.lineage().certificate
        return {
            "subjects": list(self.server.subjects),
            "how": "own" if self.settings.own else "ca" if wish else "self-signed",
            "directory": wish.directory if wish else "",
            "profile": wish.profile if wish else "",
            "real": self.server.is_real(served),
            "served": _facts(served),
            "on_disk": _facts(on_disk.certificate),
            "on_disk_problem": on_disk.problem,
            "due": self.obtainer.why(wish) if wish else "",
            "next_due": next_due(issued) if wish and issued else None,
            "attempt": self.state.attempt.to_dict() if self.state.attempt else None,
            "webhook": {k: v for k, v in self.state.webhook.items() if k != "fingerprint"},
            "problem": self.state.problem,
            "clock": time.time(),
        }


def _facts(certificate: Certificate | None) -> dict[str, Any] | None:
    if certificate is None:
        return None
    return {
        "names": list(certificate.names),
        "serial": certificate.serial,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "issuer": certificate.issuer,
        "self_signed": certificate.self_signed,
    }
