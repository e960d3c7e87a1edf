# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A new certificate when one is due: the way is proved, the CA asked, and what fails is written down."""

from __future__ import annotations

import glob
import ipaddress
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    PREFLIGHT,
    REFUSED,
    Failure,
    Lineage,
    Wish,
    due,
    failed,
    waits_until,
    when,
)
from ansible_collections.planner.droplet.plugins.module_utils._acme_failure import explain
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    CHALLENGE,
    ELSEWHERE,
    Fetched,
    Found,
    Lookup,
    fetch_all,
    half_reached,
    own_addresses,
    problems,
    put_token,
    token_in,
    unreached,
)
from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    LETS_ENCRYPT,
    STAGING,
    Settings,
    TlsError,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_state import State

ROOM_MB = 16
"""What certbot needs of the disk, its log included; with less it may leave a certificate half written."""
_FOR_ADDRESSES = "shortlived"
"""The only profile under which Let's Encrypt signs addresses (letsencrypt.org, 2026-01-15)."""


@dataclass
class Obtainer:
    """The CA's side. ``outside`` is what the owner's machine saw of the challenge URL."""

    settings: Settings
    certbot: Certbot
    state: State
    lookup: Lookup
    outside: Sequence[Fetched] = ()
    notes: list[str] = field(default_factory=list)
    """What does not keep a certificate away, and is not right either."""

    def wish(self, subjects: tuple[str, ...]) -> Wish | None:
        """Tell which certificate a CA is asked for, if any."""
        settings = self.settings
        if settings.own or not subjects:
            return None
        if settings.names:
            return Wish(settings.names, settings.directory, settings.profile)
        public = ipaddress.ip_address(subjects[0]).is_global
        if not public and settings.directory in (LETS_ENCRYPT, STAGING):
            return None
        return Wish(subjects, settings.directory, _FOR_ADDRESSES) if self._signs() else None

    def _signs(self) -> bool:
        try:
            return self.certbot.signs_addresses()
        except FileNotFoundError:
            return False

    def why(self, wish: Wish) -> str:
        """Say why the CA has to be asked; empty when it has not."""
        return due(self.certbot.lineage(), wish, time.time())

    def waits_until(self, wish: Wish) -> float | None:
        """Tell until when the CA is left in peace after a failure."""
        return waits_until(self.state.attempt, wish, time.time())

    def obtain(self, wish: Wish, *, retry: bool) -> str:
        """Have the certificate that is wished; return what was done, empty when there was nothing to do."""
        lineage = self.certbot.lineage()
        why = due(lineage, wish, time.time())
        if not why:
            self.state.attempt = None
            return ""
        until = self.waits_until(wish)
        if self.state.attempt and until and not retry:
            raise TlsError(
                f"{self.state.attempt.reason}. The CA is asked again after {when(until)}; at once with "
                "`planner-tls keep --retry` or -e tls_retry_now=true"
            )
        self._check_room()
        if self.settings.preflight:
            self._check_way(wish)
        aside = self._set_aside(lineage)
        said = self.certbot.ask(wish, self.settings.webroot, self.settings.email)
        if said:
            raise self._note(wish, explain(said, wish.directory, time.time()))
        if still := due(self.certbot.lineage(), wish, time.time()):
            # Asked again and again, the CA would run out of patience.
            clock = f"This machine's clock says {when(time.time())}. Do: timedatectl"
            what = f"certbot succeeds, and still {still}. {clock}, certbot certificates"
            raise self._note(wish, Failure(REFUSED, what))
        self.state.attempt = None
        names = ", ".join(wish.names)
        return f"obtained a certificate for {names}: {why}{f' (kept in {aside})' if aside else ''}"

    def _set_aside(self, lineage: Lineage) -> str:
        return self.certbot.set_aside(self.settings.kept("")) if lineage.damaged else ""

    def _check_room(self) -> None:
        for folder in (self.certbot.folder, self.settings.kept("")):
            free_mb = (
                shutil.disk_usage(folder).free // 1024**2 if os.path.isdir(folder) else ROOM_MB
            )
            if free_mb < ROOM_MB:
                raise TlsError(
                    f"The disk is full: {free_mb} MiB are free in {folder}, certbot needs {ROOM_MB}. "
                    "The CA was not asked. Do: free some"
                )

    def look_up(self, wish: Wish) -> list[Found]:
        """Ask DNS for every name."""
        return [self.lookup(name) for name in wish.names]

    def offer_token(self) -> str:
        """Leave a token for the owner's machine to fetch; the next run takes it away."""
        token = f"planner-{os.urandom(18).hex()}"
        put_token(self.settings.webroot, token)
        return token

    def take_tokens_away(self) -> None:
        """Remove what earlier runs left."""
        for path in glob.glob(os.path.join(self.settings.webroot, CHALLENGE, "planner-*")):
            os.unlink(path)

    def _check_way(self, wish: Wish) -> None:
        """Prove that the CA's challenge would arrive; what cannot be proved from here is left to the CA."""
        found = self.look_up(wish)
        with token_in(self.settings.webroot) as token:
            fetched = fetch_all(found, token)
        own = [self.settings.address] if self.settings.address else own_addresses()
        told = problems(found, fetched, own)
        if not told:
            told = [
                f"{one}, seen from your machine. Do: open port 80, in hardening_open_ports and at the provider"
                for one in unreached(self.outside)
            ] + problems((), [one for one in self.outside if one.result == ELSEWHERE], own)
        if told:
            raise self._note(wish, Failure(PREFLIGHT, "; ".join(told)), asked=False)
        self.notes += half_reached(fetched)

    def _note(self, wish: Wish, failure: Failure, *, asked: bool = True) -> TlsError:
        attempt = failed(self.state.attempt, wish, failure, time.time())
        self.state.attempt = attempt
        when_again = f"The CA is asked again after {when(attempt.retry_at)}"
        then = when_again if asked else "The CA was not asked; it is tried again within the hour"
        return TlsError(f"No new certificate: {failure.reason}. {then}")
